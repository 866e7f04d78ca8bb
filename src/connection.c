#include "src/connection.h"

#include "src/clock.h"
#include "src/completion.h"
#include "src/directory.h"
#include "src/error.h"
#include "src/peer.h"

#include <stdlib.h>

#define BUCKETS_AT_FIRST 64
/* Frames that the reactor receives before other sources get their turn. */
#define RECEIVE_BURST 512

/* ---- the table of outstanding calls; all with lock held ---- */

static godwit__pending_t **
bucket_of (godwit__connection_t *connection, uint64_t id)
{
    return &connection->buckets[id & (connection->bucket_count - 1)];
}

/* Keeps chains short. If memory is short they get longer, which is slower and nothing else. */
static void
table_grow (godwit__connection_t *connection)
{
    const size_t count = connection->bucket_count * 2;
    godwit__pending_t **old = connection->buckets;
    const size_t old_count = connection->bucket_count;
    godwit__pending_t **buckets = calloc (count, sizeof *buckets);
    if (!buckets)
        return;
    connection->buckets = buckets;
    connection->bucket_count = count;
    for (size_t i = 0; i < old_count; i++) {
        for (godwit__pending_t *pending = old[i], *next; pending; pending = next) {
            next = pending->next;
            godwit__pending_t **bucket = bucket_of (connection, pending->id);
            pending->next = *bucket;
            *bucket = pending;
        }
    }
    free (old);
}

static void
table_insert (godwit__connection_t *connection, godwit__pending_t *pending)
{
    if (connection->pending_count >= connection->bucket_count)
        table_grow (connection);
    godwit__pending_t **bucket = bucket_of (connection, pending->id);
    pending->next = *bucket;
    *bucket = pending;
    connection->pending_count++;
    if (pending->ended)
        connection->asynchronous_count++;
}

/* Unlinks and returns it; NULL if it is not there. */
static godwit__pending_t *
table_remove (godwit__connection_t *connection, uint64_t id)
{
    for (godwit__pending_t **at = bucket_of (connection, id); *at; at = &(*at)->next) {
        godwit__pending_t *pending = *at;
        if (pending->id != id)
            continue;
        *at = pending->next;
        pending->next = NULL;
        connection->pending_count--;
        if (pending->ended)
            connection->asynchronous_count--;
        return pending;
    }
    return NULL;
}

/* Ends a pending that was taken out of the table, with lock held. A caller that waits for it is woken; an
 * asynchronous one is put on the list, for pass_on when the lock is released. */
static void
end_pending (godwit__connection_t *connection, godwit__pending_t *pending, godwit__ending_t ending,
             godwit__pending_t **ended)
{
    /* A caller that does not follow yet sees the ending without the lock, and takes the pending with it. */
    const bool asynchronous = pending->ended != NULL;
    /* One that followed and was promoted waits on the link. */
    const bool follows = pending->follows && !pending->leads;
    atomic_store_explicit (&pending->ending, ending, memory_order_release);
    if (asynchronous) {
        pending->next = *ended;
        *ended = pending;
    } else if (follows) {
        pthread_cond_signal (&pending->wake);
    } else {
        connection->link->ops->wake (connection->link);
    }
}

/* How a call ends that was outstanding when its connection went down. */
static godwit__ending_t
ending_of_lost (const godwit__connection_t *connection, const godwit__pending_t *pending,
                godwit__ending_t ending)
{
    return ending == GODWIT__LOST && pending->id > connection->sent_id ? GODWIT__UNSENT : ending;
}

static void
pass_on (godwit__connection_t *connection, godwit__pending_t *ended)
{
    while (ended) {
        godwit__pending_t *pending = ended;
        ended = pending->next;
        godwit__completion_add (connection->transport->completion, pending);
    }
}

/* Ends all of an owner (NULL: of everybody), with lock held. */
static void
end_all (godwit__connection_t *connection, const void *owner, godwit__ending_t ending,
         godwit__pending_t **ended)
{
    for (size_t i = 0; i < connection->bucket_count; i++) {
        for (godwit__pending_t *pending = connection->buckets[i], *next; pending; pending = next) {
            next = pending->next;
            if (owner && pending->owner != owner)
                continue;
            table_remove (connection, pending->id);
            end_pending (connection, pending, ending_of_lost (connection, pending, ending), ended);
        }
    }
}

/* ---- followers; with lock held ---- */

static void
follow (godwit__connection_t *connection, godwit__pending_t *pending)
{
    pending->next_follower = NULL;
    pending->previous_follower = connection->last_follower;
    if (connection->last_follower)
        connection->last_follower->next_follower = pending;
    else
        connection->first_follower = pending;
    connection->last_follower = pending;
    pending->follows = true;
}

static void
unfollow (godwit__connection_t *connection, godwit__pending_t *pending)
{
    if (pending->previous_follower)
        pending->previous_follower->next_follower = pending->next_follower;
    else
        connection->first_follower = pending->next_follower;
    if (pending->next_follower)
        pending->next_follower->previous_follower = pending->previous_follower;
    else
        connection->last_follower = pending->previous_follower;
    pending->follows = false;
}

/* Posts to the completion reactor, with lock held: never after the retire task, which is the last. */
static void
post_receive (godwit__connection_t *connection)
{
    if (atomic_load_explicit (&connection->state, memory_order_relaxed) != GODWIT__CONNECTION_DOWN)
        godwit__reactor_post (connection->transport->completion->reactor, &connection->receive_task);
}

/* Gives the lead away: to the reactor while asynchronous calls are outstanding, else to a caller that waits,
 * else it rests with `rest`. */
static void
release_lead (godwit__connection_t *connection, godwit__lead_t rest)
{
    if (connection->asynchronous_count > 0 || connection->transport->options.external_loop) {
        connection->lead = GODWIT__LEAD_REACTOR;
        if (rest != GODWIT__LEAD_REACTOR)
            post_receive (connection);
        return;
    }
    for (godwit__pending_t *next = connection->first_follower; next; next = next->next_follower) {
        if (next->ending != GODWIT__WAITING)
            continue; /* about to leave */
        connection->lead = GODWIT__LEAD_CALLER;
        next->leads = true;
        pthread_cond_signal (&next->wake);
        if (rest == GODWIT__LEAD_REACTOR)
            godwit__completion_unparked (connection->transport->completion);
        return;
    }
    connection->lead = rest;
}

/* Takes the lead for a caller, if it is to be had. */
static void
claim_lead (godwit__connection_t *connection, godwit__pending_t *pending)
{
    const bool external = connection->transport->options.external_loop;
    switch (connection->lead) {
    case GODWIT__LEAD_NOBODY:
        break;
    case GODWIT__LEAD_REACTOR:
        /* With an external loop, only the loop's own thread, from within a handler, may take it: nobody else
         * would receive meanwhile. */
        if (external ? !godwit__completion_is_current (connection->transport->completion)
                     : connection->asynchronous_count > 0)
            return;
        godwit__completion_unparked (connection->transport->completion);
        break;
    case GODWIT__LEAD_CALLER:
    case GODWIT__LEAD_REACTOR_BUSY:
        return;
    }
    connection->lead = GODWIT__LEAD_CALLER;
    pending->leads = true;
}

/* ---- frames that arrive; the leader, without lock ---- */

static void
on_welcome (godwit__connection_t *connection, godwit__frame_t *frame)
{
    godwit__identity_t identity;
    if (godwit__identity_read (&identity, frame, NULL)) {
        GODWIT__COUNT (connection->transport, frames_malformed);
        godwit__connection_down (connection, "its WELCOME was malformed");
        return;
    }
    static const uint8_t anybody[GODWIT__UUID_SIZE];
    if (memcmp (connection->expect, anybody, sizeof anybody) &&
        memcmp (connection->expect, identity.instance, sizeof identity.instance)) {
        godwit__connection_down (connection, "another process answers at its address");
        return;
    }
    bool ready = false;
    pthread_mutex_lock (&connection->lock);
    if (atomic_load (&connection->state) == GODWIT__CONNECTION_OPENING) {
        memcpy (connection->instance, identity.instance, sizeof connection->instance);
        atomic_store (&connection->state, GODWIT__CONNECTION_READY);
        ready = true;
    }
    pthread_mutex_unlock (&connection->lock);
    if (ready)
        godwit__peer_ready (connection);
}

/* A REPLY, FAILURE or NACK. Consumes the frame. `own` is the leader's own pending: it needs no wake-up. */
static void
on_ending (godwit__connection_t *connection, const godwit__header_t *header, godwit__frame_t *frame,
           godwit__pending_t *own)
{
    bool asynchronous = false;
    pthread_mutex_lock (&connection->lock);
    godwit__pending_t *pending = table_remove (connection, header->id);
    if (pending) {
        /* As in end_pending. */
        const bool follows = pending->follows;
        asynchronous = pending->ended != NULL;
        pending->header = *header;
        godwit__frame_move (&pending->frame, frame);
        atomic_store_explicit (&pending->ending, GODWIT__REPLIED, memory_order_release);
        if (pending == own) {
            own->leads = false;
            release_lead (connection, GODWIT__LEAD_NOBODY);
        } else if (follows) {
            pthread_cond_signal (&pending->wake);
        }
    }
    pthread_mutex_unlock (&connection->lock);

    /* A pending that is not asynchronous may be gone already: its caller has been told. */
    if (!pending) {
        GODWIT__COUNT (connection->transport, frames_dropped);
        godwit__frame_release (frame);
    } else if (asynchronous) {
        if (godwit__completion_is_current (connection->transport->completion))
            pending->ended (pending);
        else
            godwit__completion_add (connection->transport->completion, pending);
    }
}

static void
say_hello (godwit__connection_t *connection)
{
    const godwit_transport_t *transport = connection->transport;
    godwit__identity_t identity = {.incarnation = transport->incarnation};
    uint8_t frame[GODWIT__IDENTITY_FRAME_MAX];
    memcpy (identity.instance, transport->instance, sizeof identity.instance);
    memcpy (identity.expect, connection->expect, sizeof identity.expect);
    memcpy (identity.virtual_host, transport->virtual_host, strlen (transport->virtual_host) + 1);

    const godwit__message_t hello = {frame, godwit__identity_write (frame, GODWIT__HELLO, &identity), NULL,
                                     NULL};
    if (connection->link->ops->send (connection->link, 0, &hello) != GODWIT__IO_OK)
        godwit__connection_down (connection, "HELLO could not be sent");
}

static void
on_nack (godwit__connection_t *connection, const godwit__header_t *header, godwit__frame_t *frame,
         godwit__pending_t *own)
{
    if (header->aux == GODWIT__NACK_HELLO)
        say_hello (connection); /* it forgot us; the call itself is tried again */
    on_ending (connection, header, frame, own);
    if (header->aux == GODWIT__NACK_IDENTITY) /* the others are lost; the one that it names was not run */
        godwit__connection_down (connection, "another process answers at its address");
}

/* Sends what is corked, with lock held. Without room for it, those calls have not been sent. */
static void
uncork (godwit__connection_t *connection, godwit__pending_t **ended)
{
    if (connection->corked.count == 0)
        return;
    const godwit__message_t message = godwit__batch_take (&connection->corked);
    if (connection->link->ops->send (connection->link, 0, &message) != GODWIT__IO_OK) {
        for (uint64_t id = connection->sent_id + 1; id <= connection->last_id; id++) {
            godwit__pending_t *pending = table_remove (connection, id);
            if (pending)
                end_pending (connection, pending, GODWIT__UNSENT, ended);
        }
    }
    connection->sent_id = connection->last_id;
}

/* Says that nothing more will be sent, with lock held. */
static void
send_goodbye (godwit__connection_t *connection)
{
    uint8_t data[GODWIT__HEADER_SIZE];
    const godwit__message_t goodbye = {data, sizeof data, NULL, NULL};
    godwit__header_write (data, &(godwit__header_t){.type = GODWIT__GOODBYE});
    connection->link->ops->send (connection->link, 0, &goodbye);
}

/* The other process waits for what was sent before this answer, and for nothing after it. */
static void
answer_goodbye (godwit__connection_t *connection)
{
    godwit__pending_t *ended = NULL;
    pthread_mutex_lock (&connection->lock);
    if (atomic_load (&connection->state) == GODWIT__CONNECTION_READY) {
        uncork (connection, &ended);
        atomic_store (&connection->state, GODWIT__CONNECTION_LEAVING);
        send_goodbye (connection);
    }
    pthread_mutex_unlock (&connection->lock);
    pass_on (connection, ended);
}

static void on_frame (godwit__connection_t *connection, godwit__frame_t *frame, godwit__pending_t *own);

/* Consumes the frame. What is in a batch is no batch. */
static void
on_batch (godwit__connection_t *connection, godwit__frame_t *frame, godwit__pending_t *own)
{
    godwit__batch_reader_t reader;
    godwit__batch_next_t next = GODWIT__BATCH_MALFORMED;
    godwit__frame_t part;
    if (frame->size > GODWIT__BATCH_SIZE_MAX) {
        godwit__frame_release (frame);
        GODWIT__COUNT (connection->transport, frames_malformed);
        godwit__connection_down (connection, "it sent a batch that is too large");
        return;
    }
    if (!godwit__batch_open (&reader, frame)) {
        godwit__connection_down (connection, "memory was short for its replies");
        return;
    }
    while ((next = godwit__batch_next (&reader, &part)) == GODWIT__BATCH_FRAME) {
        if (part.data[2] == GODWIT__BATCH) {
            godwit__frame_release (&part);
            godwit__batch_close (&reader);
            next = GODWIT__BATCH_MALFORMED;
            break;
        }
        on_frame (connection, &part, own);
    }
    if (next == GODWIT__BATCH_MALFORMED) {
        GODWIT__COUNT (connection->transport, frames_malformed);
        godwit__connection_down (connection, "it sent a malformed batch");
    }
}

/* Consumes the frame. */
static void
on_frame (godwit__connection_t *connection, godwit__frame_t *frame, godwit__pending_t *own)
{
    godwit__header_t header;
    switch (godwit__header_read (&header, frame->data, frame->size)) {
    case GODWIT__HEADER_OK:
        break;
    case GODWIT__HEADER_VERSION:
        GODWIT__COUNT (connection->transport, frames_unknown);
        godwit__frame_release (frame);
        return;
    case GODWIT__HEADER_SHORT:
    case GODWIT__HEADER_MAGIC:
        GODWIT__COUNT (connection->transport, frames_malformed);
        godwit__frame_release (frame);
        godwit__connection_down (connection, "it sent a malformed frame");
        return;
    }
    switch (header.type) {
    case GODWIT__REPLY:
    case GODWIT__FAILURE:
    case GODWIT__RESOLVED:
        on_ending (connection, &header, frame, own);
        return;
    case GODWIT__NACK:
        on_nack (connection, &header, frame, own);
        return;
    case GODWIT__BATCH:
        on_batch (connection, frame, own);
        return;
    case GODWIT__WELCOME:
        on_welcome (connection, frame);
        return;
    case GODWIT__GOODBYE:
        godwit__peer_goodbye (connection, header.target, header.aux);
        if (header.target == 0)
            answer_goodbye (connection);
        break;
    case GODWIT__PONG:
    case GODWIT__ACCEPTED:
    case GODWIT__HEARTBEAT:
        break;
    default:
        GODWIT__COUNT (connection->transport, frames_unknown);
        break;
    }
    godwit__frame_release (frame);
}

/* ---- sending and waiting ---- */

/* An accepted request with a reply to come, with lock held. Returns a deadline that the completion has to be
 * told. */
static int64_t
register_pending (godwit__connection_t *connection, godwit__pending_t *pending, uint64_t id)
{
    pending->id = id;
    pending->follows = false;
    pending->leads = false;
    atomic_store_explicit (&pending->ending, GODWIT__WAITING, memory_order_relaxed);
    table_insert (connection, pending);
    if (!pending->ended) {
        claim_lead (connection, pending);
        return GODWIT__NEVER;
    }
    if (connection->lead == GODWIT__LEAD_NOBODY) {
        connection->lead = GODWIT__LEAD_REACTOR;
        post_receive (connection);
    }
    if (pending->deadline_ns >= connection->earliest_ns)
        return GODWIT__NEVER;
    return connection->earliest_ns = pending->deadline_ns;
}

/* Keeps a request for uncork, with lock held, if it comes from a callback of the reactor. */
static bool
cork (godwit__connection_t *connection, const godwit__message_t *request, const godwit__pending_t *pending)
{
    godwit__completion_t *completion = connection->transport->completion;
    if (!pending || !pending->ended || !godwit__completion_is_current (completion) || !completion->corks)
        return false;
    const bool first = connection->corked.count == 0;
    if (!godwit__batch_add (&connection->corked, request->data, request->size))
        return false;
    if (first && !connection->is_corked) {
        connection->is_corked = true;
        connection->next_corked = completion->corked;
        completion->corked = godwit__connection_ref (connection);
    }
    return true;
}

/* With lock held, after a request was accepted. The time is the one that its call has looked at. */
static bool
is_cork_full (godwit__connection_t *connection, const godwit__pending_t *pending)
{
    if (connection->corked.count == 0)
        return false;
    const int64_t now_ns = pending->deadline_ns - pending->left_ns;
    if (connection->corked.count == 1)
        connection->corked_ns = now_ns;
    return connection->corked.count >= GODWIT__BATCH_COUNT ||
           now_ns - connection->corked_ns > GODWIT__BATCH_NS;
}

/* With lock held. */
static godwit__io_t
send_or_cork (godwit__connection_t *connection, const godwit__message_t *request, uint64_t id,
              const godwit__pending_t *pending, godwit__pending_t **ended)
{
    godwit__put_u64 ((uint8_t *) request->data + GODWIT__HEADER_ID_OFFSET, id);
    if (cork (connection, request, pending)) {
        if (request->free_fn)
            request->free_fn (request->data, request->hint);
        return GODWIT__IO_OK;
    }
    uncork (connection, ended);
    const godwit__io_t io = connection->link->ops->send (connection->link, 0, request);
    if (io == GODWIT__IO_OK)
        connection->sent_id = id;
    return io;
}

void
godwit__connection_uncork (godwit__connection_t *connection)
{
    godwit__pending_t *ended = NULL;
    pthread_mutex_lock (&connection->lock);
    connection->is_corked = false;
    if (atomic_load (&connection->state) == GODWIT__CONNECTION_READY)
        uncork (connection, &ended);
    pthread_mutex_unlock (&connection->lock);
    pass_on (connection, ended);
}

godwit__io_t
godwit__connection_send (godwit__connection_t *connection, const godwit__message_t *request,
                         godwit__pending_t *pending)
{
    /* Never more outstanding than the other side may have replies queued for us. */
    const size_t limit = (size_t) connection->transport->options.queue_limit;
    int64_t deadline_ns = GODWIT__NEVER;
    godwit__pending_t *ended = NULL;
    godwit__io_t io;

    pthread_mutex_lock (&connection->lock);
    if (atomic_load_explicit (&connection->state, memory_order_relaxed) != GODWIT__CONNECTION_READY) {
        io = GODWIT__IO_CLOSED;
    } else if (connection->pending_count >= limit) {
        io = GODWIT__IO_AGAIN;
    } else {
        const uint64_t id = connection->last_id + 1;
        io = send_or_cork (connection, request, id, pending, &ended);
        if (io == GODWIT__IO_OK) {
            connection->last_id = id;
            connection->use_count++;
            if (pending)
                deadline_ns = register_pending (connection, pending, id);
            if (is_cork_full (connection, pending))
                uncork (connection, &ended);
        }
    }
    pthread_mutex_unlock (&connection->lock);
    pass_on (connection, ended);

    if (deadline_ns != GODWIT__NEVER)
        godwit__completion_deadline (connection->transport->completion, deadline_ns);
    return io;
}

static bool
is_waiting (godwit__pending_t *pending)
{
    return atomic_load_explicit (&pending->ending, memory_order_acquire) == GODWIT__WAITING;
}

/* What is left until a deadline; 0 when it has passed. */
static int64_t
left_ns (const godwit__connection_t *connection, int64_t deadline_ns)
{
    if (deadline_ns == GODWIT__NEVER)
        return GODWIT__NEVER;
    const int64_t left = deadline_ns - godwit__transport_now (connection->transport);
    return left > 0 ? left : 0;
}

/* Receives until the own reply came (and then has no lead any more), or until something else ended it, or its
 * deadline. */
static void
lead (godwit__connection_t *connection, godwit__pending_t *own)
{
    const godwit__channel_ops_t *ops = connection->link->ops;
    godwit__frame_t frame;
    godwit__origin_t origin;

    int64_t left = own->left_ns;
    while (own->leads && is_waiting (own)) {
        /* Whoever ends the call between the test above and here wakes the link, and so this wait. */
        const godwit__io_t io = ops->receive (connection->link, &frame, &origin, left);
        if (io == GODWIT__IO_OK)
            on_frame (connection, &frame, own);
        else if (io == GODWIT__IO_CLOSED)
            godwit__connection_down (connection, "the connection was lost");
        if (!own->leads || !is_waiting (own))
            return;
        left = left_ns (connection, own->deadline_ns);
        if (left == 0)
            return;
    }
}

static void
expire_own (godwit__connection_t *connection, godwit__pending_t *pending)
{
    if (is_waiting (pending) && left_ns (connection, pending->deadline_ns) == 0) {
        table_remove (connection, pending->id);
        atomic_store_explicit (&pending->ending, GODWIT__EXPIRED, memory_order_relaxed);
    }
}

/* The program's own loop is the one that receives: run it. */
static void
await_in_external_loop (godwit__connection_t *connection, godwit__pending_t *pending)
{
    while (is_waiting (pending)) {
        const int64_t left = left_ns (connection, pending->deadline_ns);
        if (left > 0) {
            godwit__transport_pump (connection->transport, left);
            continue;
        }
        pthread_mutex_lock (&connection->lock);
        expire_own (connection, pending);
        pthread_mutex_unlock (&connection->lock);
    }
}

void
godwit__connection_await (godwit__connection_t *connection, godwit__pending_t *pending)
{
    if (connection->transport->options.external_loop && !pending->leads &&
        !godwit__completion_is_current (connection->transport->completion)) {
        await_in_external_loop (connection, pending);
        return;
    }
    if (pending->leads)
        lead (connection, pending);
    if (!pending->leads && !pending->follows && !is_waiting (pending))
        return; /* the usual way: it led, its reply came, and the lead went on */

    bool followed = false;
    pthread_mutex_lock (&connection->lock);
    expire_own (connection, pending);
    while (is_waiting (pending)) {
        if (!pending->leads)
            claim_lead (connection, pending);
        if (pending->leads) {
            pthread_mutex_unlock (&connection->lock);
            pending->left_ns = left_ns (connection, pending->deadline_ns);
            lead (connection, pending);
            pthread_mutex_lock (&connection->lock);
        } else {
            if (!followed) {
                godwit__cond_init (&pending->wake);
                follow (connection, pending);
                followed = true;
            }
            godwit__cond_wait (&pending->wake, &connection->lock, left_ns (connection, pending->deadline_ns));
        }
        expire_own (connection, pending);
    }
    if (followed)
        unfollow (connection, pending);
    if (pending->leads) {
        pending->leads = false;
        release_lead (connection, GODWIT__LEAD_NOBODY);
    }
    pthread_mutex_unlock (&connection->lock);
    if (followed)
        pthread_cond_destroy (&pending->wake);
}

/* ---- ends ---- */

void
godwit__connection_abandon (godwit__connection_t *connection, const void *owner)
{
    godwit__pending_t *ended = NULL;
    pthread_mutex_lock (&connection->lock);
    end_all (connection, owner, GODWIT__ABANDONED, &ended);
    pthread_mutex_unlock (&connection->lock);
    pass_on (connection, ended);
}

void
godwit__connection_abandon_one (godwit__connection_t *connection, godwit__pending_t *pending)
{
    godwit__pending_t *ended = NULL;
    pthread_mutex_lock (&connection->lock);
    if (is_waiting (pending) && table_remove (connection, pending->id))
        end_pending (connection, pending, GODWIT__ABANDONED, &ended);
    pthread_mutex_unlock (&connection->lock);
    pass_on (connection, ended);
}

void
godwit__connection_down (godwit__connection_t *connection, const char *reason)
{
    godwit__pending_t *ended = NULL;
    pthread_mutex_lock (&connection->lock);
    if (atomic_load (&connection->state) == GODWIT__CONNECTION_DOWN) {
        pthread_mutex_unlock (&connection->lock);
        return;
    }
    if (atomic_load (&connection->state) == GODWIT__CONNECTION_READY)
        send_goodbye (connection); /* if it still can be sent: the port then forgets this client */
    atomic_store (&connection->state, GODWIT__CONNECTION_DOWN);
    end_all (connection, NULL, GODWIT__LOST, &ended);
    godwit__reactor_post (connection->transport->completion->reactor, &connection->retire_task);
    pthread_mutex_unlock (&connection->lock);
    pass_on (connection, ended);
    godwit__peer_lost (connection, reason);
}

int64_t
godwit__connection_expire (godwit__connection_t *connection, int64_t now_ns)
{
    godwit__pending_t *ended = NULL;
    int64_t earliest_ns = GODWIT__NEVER;
    pthread_mutex_lock (&connection->lock);
    if (connection->earliest_ns > now_ns) {
        earliest_ns = connection->earliest_ns;
        pthread_mutex_unlock (&connection->lock);
        return earliest_ns;
    }
    for (size_t i = 0; i < connection->bucket_count; i++) {
        for (godwit__pending_t *pending = connection->buckets[i], *next; pending; pending = next) {
            next = pending->next;
            if (!pending->ended)
                continue; /* its caller looks after it */
            if (pending->deadline_ns <= now_ns) {
                table_remove (connection, pending->id);
                end_pending (connection, pending, GODWIT__EXPIRED, &ended);
            } else if (pending->deadline_ns < earliest_ns) {
                earliest_ns = pending->deadline_ns;
            }
        }
    }
    connection->earliest_ns = earliest_ns;
    pthread_mutex_unlock (&connection->lock);
    pass_on (connection, ended);
    return earliest_ns;
}

/* ---- the completion reactor's part ---- */

void
godwit__connection_receive (godwit__connection_t *connection)
{
    godwit__reactor_t *reactor = connection->transport->completion->reactor;
    const godwit__channel_ops_t *ops = connection->link->ops;

    pthread_mutex_lock (&connection->lock);
    const bool mine = connection->lead == GODWIT__LEAD_REACTOR &&
                      atomic_load (&connection->state) != GODWIT__CONNECTION_DOWN;
    if (mine)
        connection->lead = GODWIT__LEAD_REACTOR_BUSY;
    pthread_mutex_unlock (&connection->lock);
    if (!mine) {
        godwit__reactor_unwatch (reactor, &connection->source);
        return;
    }

    connection->source.fd = ops->fd (connection->link);
    if (!connection->source.watched &&
        (connection->source.fd < 0 || godwit__reactor_watch (reactor, &connection->source, NULL)))
        godwit__connection_down (connection, "its descriptor cannot be watched");

    godwit__frame_t frame;
    godwit__origin_t origin;
    godwit__io_t io = GODWIT__IO_OK;
    godwit__completion_cork (connection->transport->completion);
    for (int i = 0; i < RECEIVE_BURST && io == GODWIT__IO_OK; i++) {
        io = ops->recv (connection->link, &frame, &origin);
        if (io == GODWIT__IO_OK)
            on_frame (connection, &frame, NULL);
    }
    godwit__completion_uncork (connection->transport->completion);
    if (io == GODWIT__IO_CLOSED)
        godwit__connection_down (connection, "the connection was lost");

    pthread_mutex_lock (&connection->lock);
    release_lead (connection, GODWIT__LEAD_REACTOR);
    if (io == GODWIT__IO_OK && connection->lead == GODWIT__LEAD_REACTOR)
        post_receive (connection); /* there may be more, of which the descriptor does not tell */
    pthread_mutex_unlock (&connection->lock);
}

bool
godwit__connection_tick (godwit__connection_t *connection)
{
    bool park = false;
    pthread_mutex_lock (&connection->lock);
    if (connection->lead == GODWIT__LEAD_NOBODY && connection->use_count == connection->use_count_seen) {
        connection->lead = GODWIT__LEAD_REACTOR;
        park = true;
    }
    connection->use_count_seen = connection->use_count;
    const bool parked = connection->lead == GODWIT__LEAD_REACTOR;
    pthread_mutex_unlock (&connection->lock);
    if (park)
        godwit__connection_receive (connection);
    return parked;
}

static void
on_readable (godwit__source_t *source)
{
    godwit__connection_receive (source->user);
}

static void
on_receive_task (godwit__task_t *task)
{
    godwit__connection_t *connection = task->user;
    if (!connection->led && atomic_load (&connection->state) != GODWIT__CONNECTION_DOWN)
        godwit__completion_attach (connection->transport->completion, connection);
    godwit__connection_receive (connection);
}

/* The last thing that the reactor does with a connection. */
static void
on_retire_task (godwit__task_t *task)
{
    godwit__connection_t *connection = task->user;
    godwit__completion_t *completion = connection->transport->completion;
    godwit__reactor_unwatch (completion->reactor, &connection->source);
    godwit__reactor_unpost (completion->reactor, &connection->receive_task);
    if (connection->led)
        godwit__completion_detach (completion, connection);
    godwit__connection_unref (&connection);
}

/* ---- opening and closing; the control thread ---- */

static void
on_link_up (void *user)
{
    say_hello (user);
}

/* What had arrived is received first: replies among it are not lost. The leader then meets CLOSED. */
static void
on_link_down (void *user, const char *reason)
{
    godwit__connection_t *connection = user;
    if (atomic_load (&connection->state) == GODWIT__CONNECTION_OPENING) {
        godwit__connection_down (connection, reason);
        return;
    }
    pthread_mutex_lock (&connection->lock);
    if (connection->lead == GODWIT__LEAD_NOBODY)
        connection->lead = GODWIT__LEAD_REACTOR;
    post_receive (connection);
    pthread_mutex_unlock (&connection->lock);
}

static void
on_welcome_late (godwit__timer_t *timer)
{
    godwit__connection_t *connection = timer->user;
    if (atomic_load (&connection->state) == GODWIT__CONNECTION_OPENING)
        godwit__connection_down (connection, "it did not answer HELLO in time");
}

static void
connection_free (godwit__connection_t *connection)
{
    pthread_mutex_destroy (&connection->lock);
    godwit__batch_writer_release (&connection->corked);
    free (connection->buckets);
    free (connection);
}

static void
on_close_task (godwit__task_t *task)
{
    godwit__connection_t *connection = task->user;
    godwit_transport_t *transport = connection->transport;
    godwit__reactor_disarm (transport->control, &connection->welcome_timer);
    connection->link->ops->close (connection->link);
    connection_free (connection);

    pthread_mutex_lock (&transport->lock);
    transport->connection_count--;
    godwit__transport_changed (transport);
    pthread_mutex_unlock (&transport->lock);
}

godwit__connection_t *
godwit__connection_ref (godwit__connection_t *connection)
{
    atomic_fetch_add_explicit (&connection->refs, 1, memory_order_relaxed);
    return connection;
}

void
godwit__connection_unref (godwit__connection_t **connection)
{
    godwit__connection_t *self = *connection;
    *connection = NULL;
    if (atomic_fetch_sub_explicit (&self->refs, 1, memory_order_acq_rel) == 1)
        godwit__reactor_post (self->transport->control, &self->close_task);
}

godwit_status_t
godwit__connection_open (godwit__connection_t **connection, struct godwit__peer *peer,
                         godwit__driver_t *driver, const char *address, godwit_error_t **error)
{
    static const godwit__link_events_t events = {on_link_up, on_link_down};
    godwit_transport_t *transport = peer->transport;
    godwit_status_t status = godwit__completion_start (transport->completion, error);
    if (status)
        return status;
    godwit__connection_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    self->bucket_count = BUCKETS_AT_FIRST;
    self->buckets = calloc (self->bucket_count, sizeof (godwit__pending_t *));
    pthread_mutex_init (&self->lock, NULL);
    if (!self->buckets) {
        connection_free (self);
        return godwit__error_no_memory (error);
    }
    atomic_init (&self->refs, 2); /* the peer's and the completion reactor's */
    atomic_init (&self->state, GODWIT__CONNECTION_OPENING);
    self->transport = transport;
    self->peer = peer;
    memcpy (self->expect, peer->instance, sizeof self->expect);
    self->lead = GODWIT__LEAD_REACTOR;
    self->earliest_ns = GODWIT__NEVER;
    self->source = (godwit__source_t){.fd = -1, .ready = on_readable, .user = self};
    self->receive_task = (godwit__task_t){.run = on_receive_task, .user = self};
    self->retire_task = (godwit__task_t){.run = on_retire_task, .user = self};
    self->close_task = (godwit__task_t){.run = on_close_task, .user = self};
    self->welcome_timer = (godwit__timer_t){.fire = on_welcome_late, .user = self};

    const int64_t limit_ns = transport->options.connect_timeout_ms * GODWIT__NS_PER_MS;
    status = godwit__reactor_arm (transport->control, &self->welcome_timer,
                                  godwit__transport_now (transport) + limit_ns);
    if (status)
        godwit__error_no_memory (error);
    else
        status = driver->ops->open_link (driver, address, &events, self, &self->link, error);
    if (status) {
        godwit__reactor_disarm (transport->control, &self->welcome_timer);
        connection_free (self);
        return status;
    }
    pthread_mutex_lock (&transport->lock);
    transport->connection_count++;
    pthread_mutex_unlock (&transport->lock);
    *connection = self;
    return GODWIT_OK;
}

void
godwit__connection_begin (godwit__connection_t *connection)
{
    pthread_mutex_lock (&connection->lock);
    post_receive (connection);
    pthread_mutex_unlock (&connection->lock);
}
