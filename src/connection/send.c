/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection sends: requests, alone or in a batch, HELLO and GOODBYE. */
#include "src/connection/send.h"

#include "src/connection/completion.h"
#include "src/connection/defer.h"
#include "src/connection/end.h"
#include "src/connection/lead.h"

void
godwit__connection_say_hello (godwit__connection_t *connection)
{
    const godwit_transport_t *transport = connection->transport;
    godwit__identity_t identity = {.incarnation = transport->incarnation, .features = GODWIT__FEATURES};
    uint8_t frame[GODWIT__IDENTITY_FRAME_MAX];
    memcpy (identity.instance, transport->instance, sizeof identity.instance);
    memcpy (identity.expect, connection->expect, sizeof identity.expect);
    memcpy (identity.virtual_host, transport->virtual_host, strlen (transport->virtual_host) + 1);

    const godwit__message_t hello = {.data = frame,
                                     .size = godwit__identity_write (frame, GODWIT__HELLO, &identity)};
    godwit__io_t io = GODWIT__IO_OK;
    pthread_mutex_lock (&connection->lock);
    godwit__put_u32 (frame + GODWIT__HEADER_AUX_OFFSET, connection->number);
    godwit__put_u64 (frame + GODWIT__HEADER_ID_OFFSET, connection->sent_id);
    if (atomic_load (&connection->state) != GODWIT__CONNECTION_DOWN) /* GOODBYE is the last frame */
        io = godwit__connection_queue (connection, &hello);
    godwit__connection_unlock (connection);
    if (io != GODWIT__IO_OK)
        godwit__connection_down (connection, "HELLO could not be sent");
}

void
godwit__connection_note_goodbye (godwit__connection_t *connection, uint32_t server_id)
{
    pthread_mutex_lock (&connection->lock);
    connection->draining[connection->draining_count++ % GODWIT__DRAINING_MAX] = server_id;
    pthread_mutex_unlock (&connection->lock);
}

void
godwit__connection_answer_goodbye (godwit__connection_t *connection, uint32_t server_id)
{
    godwit__pending_t *finished = NULL;
    pthread_mutex_lock (&connection->lock);
    if (atomic_load (&connection->state) == GODWIT__CONNECTION_READY) {
        godwit__connection_send_batch (connection, &finished);
        if (connection->features & GODWIT__FEATURE_ANSWERS_GOODBYE)
            godwit__connection_say_goodbye (connection, server_id);
    }
    godwit__connection_unlock (connection);
    godwit__pending_notify (connection->transport, finished);
}

/* The other process waits for requests that were sent before this answer, and for none after it. */
void
godwit__connection_leave (godwit__connection_t *connection)
{
    godwit__pending_t *finished = NULL;
    pthread_mutex_lock (&connection->lock);
    if (atomic_load (&connection->state) == GODWIT__CONNECTION_READY) {
        godwit__connection_send_batch (connection, &finished);
        atomic_store (&connection->state, GODWIT__CONNECTION_LEAVING);
        godwit__connection_say_goodbye (connection, 0);
    }
    godwit__connection_unlock (connection);
    godwit__pending_notify (connection->transport, finished);
}

/* With lock held: requests that are only kept here were never sent. */
static void
drop_batch (godwit__connection_t *connection, godwit__pending_t **finished)
{
    for (uint64_t id = connection->sent_id + 1; id <= connection->last_id; id++) {
        godwit__pending_t *pending = godwit__pending_take (connection, id);
        if (pending)
            godwit__pending_finish (connection, pending, GODWIT__PENDING_UNSENT, finished);
    }
}

bool
godwit__connection_retire (godwit__connection_t *connection)
{
    godwit__pending_t *finished = NULL;
    pthread_mutex_lock (&connection->lock);
    const bool is_open = atomic_load (&connection->state) != GODWIT__CONNECTION_OPENING;
    if (atomic_load (&connection->state) == GODWIT__CONNECTION_READY) {
        drop_batch (connection, &finished);
        connection->batch.count = 0;
        connection->sent_id = connection->last_id;
        atomic_store (&connection->state, GODWIT__CONNECTION_LEAVING);
    }
    godwit__connection_unlock (connection);
    godwit__pending_notify (connection->transport, finished);
    return is_open;
}

/* With lock held. */
static bool
is_draining (const godwit__connection_t *connection, uint32_t server_id)
{
    for (unsigned i = 0; i < connection->draining_count && i < GODWIT__DRAINING_MAX; i++)
        if (connection->draining[i] == server_id)
            return true;
    return false;
}

bool
godwit__connection_left_server (godwit__connection_t *connection, uint32_t server_id)
{
    pthread_mutex_lock (&connection->lock);
    const bool left = is_draining (connection, server_id);
    pthread_mutex_unlock (&connection->lock);
    return left;
}

/* With lock held: the server has said GOODBYE since it was chosen. */
static bool
is_for_draining (const godwit__connection_t *connection, const godwit__message_t *request)
{
    return is_draining (connection,
                        godwit__get_u32 ((const uint8_t *) request->data + GODWIT__HEADER_TARGET_OFFSET));
}

void
godwit__connection_cancel (godwit__connection_t *connection, uint32_t server_id, uint64_t id)
{
    uint8_t data[GODWIT__HEADER_SIZE];
    const godwit__message_t cancel = {.data = data, .size = sizeof data};
    godwit__header_write (data, &(godwit__header_t){.type = GODWIT__CANCEL, .target = server_id, .id = id});
    godwit__pending_t *finished = NULL;
    pthread_mutex_lock (&connection->lock);
    const godwit__connection_state_t state = atomic_load (&connection->state);
    if (state == GODWIT__CONNECTION_READY && id > connection->sent_id)
        godwit__connection_send_batch (connection, &finished); /* not before the request itself */
    if (state == GODWIT__CONNECTION_READY || state == GODWIT__CONNECTION_LEAVING)
        godwit__connection_queue (connection, &cancel);
    godwit__connection_unlock (connection);
    godwit__pending_notify (connection->transport, finished);
}

void
godwit__connection_send_batch (godwit__connection_t *connection, godwit__pending_t **finished)
{
    if (connection->batch.count == 0)
        return;
    const godwit__message_t message = godwit__batch_take (&connection->batch);
    if (godwit__connection_queue (connection, &message) != GODWIT__IO_OK)
        drop_batch (connection, finished);
    connection->sent_id = connection->last_id;
}

/* With lock held: an answer will come. If no thread leads, the reactor receives it. */
static void
have_received (godwit__connection_t *connection)
{
    if (connection->lead == GODWIT__LEAD_NOBODY) {
        connection->lead = GODWIT__LEAD_REACTOR;
        godwit__lead_post (connection);
    }
}

/* With lock held, state READY. If there is no room for the PING, the next one asks. */
static void
ask_what_was_read (godwit__connection_t *connection, godwit__pending_t **finished)
{
    uint8_t data[GODWIT__HEADER_SIZE];
    const godwit__message_t ping = {.data = data, .size = sizeof data};
    godwit__connection_send_batch (connection, finished);
    godwit__header_write (data, &(godwit__header_t){.type = GODWIT__PING, .id = connection->sent_id});
    if (godwit__connection_queue (connection, &ping) == GODWIT__IO_OK)
        connection->asked_id = connection->sent_id;
}

void
godwit__connection_ping (godwit__connection_t *connection)
{
    godwit__pending_t *finished = NULL;
    pthread_mutex_lock (&connection->lock);
    if (atomic_load (&connection->state) == GODWIT__CONNECTION_READY)
        ask_what_was_read (connection, &finished);
    godwit__connection_unlock (connection);
    godwit__pending_notify (connection->transport, finished);
}

/* The id is that of no request, so the PONG tells nothing but that it came. */
bool
godwit__connection_ask (godwit__connection_t *connection)
{
    uint8_t data[GODWIT__HEADER_SIZE];
    const godwit__message_t ping = {.data = data, .size = sizeof data};
    godwit__header_write (data, &(godwit__header_t){.type = GODWIT__PING});
    pthread_mutex_lock (&connection->lock);
    const godwit__connection_state_t state = atomic_load (&connection->state);
    const bool said = (state == GODWIT__CONNECTION_READY || state == GODWIT__CONNECTION_LEAVING) &&
                      connection->link->ops->queue (connection->link, 0, &ping) == GODWIT__IO_OK;
    pthread_mutex_unlock (&connection->lock);
    if (said)
        connection->link->ops->flush (connection->link, 0);
    return said;
}

/* How many requests the port may not have read yet, with lock held. Replies tell it, too: only casts need
 * PINGs.
 */
static size_t
unread_count (const godwit__connection_t *connection)
{
    return (size_t) (connection->last_id - connection->read_id);
}

/* With lock held, when at least half of the requests that may be unread are unread. */
static void
look_what_was_read (godwit__connection_t *connection, godwit__pending_t **finished)
{
    if (!connection->asked_id)
        ask_what_was_read (connection, finished);
    have_received (connection);
}

/* An accepted request with a reply to come, with lock held. */
static void
register_pending (godwit__connection_t *connection, godwit__pending_t *pending, uint64_t id)
{
    pending->id = id;
    pending->follows = false;
    pending->leads = false;
    pending->is_told = false;
    pending->is_deferred = false;
    atomic_store_explicit (&pending->outcome, GODWIT__PENDING_WAITING, memory_order_relaxed);
    godwit__pending_add (connection, pending);
    if (!pending->finished) {
        godwit__lead_claim (connection, pending);
        return;
    }
    have_received (connection);
    if (pending->deadline_ns >= connection->earliest_ns)
        return;
    connection->earliest_ns = pending->deadline_ns;
    godwit__completion_deadline (connection->transport->completion, pending->deadline_ns);
}

/* Keeps a request in the batch, with lock held, if it comes from a callback of the reactor. Not a NOTIFY,
 * which is a batch itself: one that is UNSENT later than those behind it would change their order. */
static bool
add_to_batch (godwit__connection_t *connection, const godwit__message_t *request,
              const godwit__pending_t *pending)
{
    godwit__completion_t *completion = connection->transport->completion;
    if (!pending || !pending->finished || !godwit__completion_is_current (completion) || !completion->batches)
        return false;
    const bool first = connection->batch.count == 0;
    if (request->insert_count || ((const uint8_t *) request->data)[2] == GODWIT__NOTIFY ||
        !godwit__batch_add (&connection->batch, request->data, request->size))
        return false;
    if (first && !connection->is_batched) {
        connection->is_batched = true;
        connection->next_batched = completion->first_batched;
        completion->first_batched = godwit__connection_ref (connection);
    }
    return true;
}

/* With lock held, after a request was accepted. The time is taken from its call, which has asked the
 * clock. */
static bool
is_batch_full (godwit__connection_t *connection, const godwit__pending_t *pending)
{
    if (!pending || connection->batch.count == 0)
        return false;
    const int64_t now_ns = pending->deadline_ns - pending->left_ns;
    if (connection->batch.count == 1)
        connection->batch_began_ns = now_ns;
    return connection->batch.count >= GODWIT__BATCH_COUNT ||
           now_ns - connection->batch_began_ns > GODWIT__BATCH_NS;
}

/* With lock held: a caller waits for it, and others may send it. */
static bool
may_be_deferred (const godwit__connection_t *connection, const godwit__pending_t *pending)
{
    return godwit__connection_may_defer (connection) && pending && !pending->finished &&
           !connection->transport->options.external_loop;
}

/* With lock held: the caller's memory is not read when others send the request. */
static godwit__io_t
queue_a_copy (godwit__connection_t *connection, const godwit__message_t *request)
{
    godwit__message_t copied = *request;
    copied.stays = false;
    return godwit__connection_queue (connection, &copied);
}

/* With lock held. */
static godwit__io_t
send_or_batch (godwit__connection_t *connection, const godwit__message_t *request, uint64_t id,
               const godwit__pending_t *pending, godwit__pending_t **finished)
{
    godwit__put_u64 ((uint8_t *) request->data + GODWIT__HEADER_ID_OFFSET, id);
    if (add_to_batch (connection, request, pending)) {
        if (request->free_fn)
            request->free_fn (request->data, request->hint);
        return GODWIT__IO_OK;
    }
    godwit__connection_send_batch (connection, finished);
    const godwit__io_t io = may_be_deferred (connection, pending)
                                ? queue_a_copy (connection, request)
                                : godwit__connection_queue (connection, request);
    if (io == GODWIT__IO_OK)
        connection->sent_id = id;
    return io;
}

void
godwit__connection_send_deferred (godwit__connection_t *connection)
{
    pthread_mutex_lock (&connection->lock);
    if (atomic_load_explicit (&connection->deferred_count, memory_order_relaxed) > 0)
        connection->is_queued = true;
    godwit__connection_unlock (connection);
}

void
godwit__connection_flush (godwit__connection_t *connection)
{
    godwit__pending_t *finished = NULL;
    pthread_mutex_lock (&connection->lock);
    connection->is_batched = false;
    if (atomic_load (&connection->state) == GODWIT__CONNECTION_READY)
        godwit__connection_send_batch (connection, &finished);
    godwit__connection_unlock (connection);
    godwit__pending_notify (connection->transport, finished);
}

/* Releases the lock after an asynchronous call was accepted, and sends what was queued. That call may end
 * before, and with it the reference that its caller has given it. */
static void
unlock_asynchronous (godwit__connection_t *connection)
{
    if (!connection->is_queued) {
        pthread_mutex_unlock (&connection->lock);
        return;
    }
    godwit__connection_ref (connection);
    godwit__connection_unlock (connection);
    godwit__connection_unref (&connection);
}

godwit__io_t
godwit__connection_send (godwit__connection_t *connection, const godwit__message_t *request,
                         godwit__pending_t *pending)
{
    godwit_transport_t *transport = connection->transport;
    /* Never more pending calls than the other side may queue replies for us. */
    const size_t limit = (size_t) transport->options.queue_limit;
    godwit__pending_t *finished = NULL;
    const bool is_asynchronous = pending && pending->finished;
    godwit__io_t io;

    pthread_mutex_lock (&connection->lock);
    if (atomic_load_explicit (&connection->state, memory_order_relaxed) != GODWIT__CONNECTION_READY) {
        io = GODWIT__IO_CLOSED;
    } else if (connection->pending.count >= limit) {
        io = GODWIT__IO_AGAIN;
    } else if (unread_count (connection) >= limit) {
        look_what_was_read (connection, &finished);
        io = GODWIT__IO_AGAIN;
    } else if (connection->draining_count > 0 && is_for_draining (connection, request)) {
        io = GODWIT__IO_CLOSED;
    } else {
        const uint64_t id = connection->last_id + 1;
        const size_t size = godwit__message_size (request); /* it may be gone when it was handed over */
        io = send_or_batch (connection, request, id, pending, &finished);
        if (io == GODWIT__IO_OK) {
            connection->last_id = id;
            connection->use_count++;
            connection->tally.sent++;
            connection->tally.sent_size += size;
            if (pending)
                register_pending (connection, pending, id);
            if (is_batch_full (connection, pending))
                godwit__connection_send_batch (connection, &finished);
            /* The reply to a call tells it. A PONG would take a place of a reply: with a queue_limit of 1 the
             * reply was dropped. */
            if (!pending && unread_count (connection) >= limit / 2 + limit % 2)
                look_what_was_read (connection, &finished);
        }
    }
    if (is_asynchronous) {
        unlock_asynchronous (connection);
    } else {
        if (io == GODWIT__IO_OK && may_be_deferred (connection, pending))
            godwit__connection_defer (connection, pending);
        godwit__connection_unlock (connection);
    }
    /* An asynchronous call that was accepted may have ended by now. Then the connection, the client and the
     * transport may be gone, too, unless other calls are still pending. */
    if (finished)
        godwit__pending_notify (transport, finished);
    return io;
}
