/* Who receives on a connection (src/connection/connection.h draws it), and callers that wait. */
#include "src/connection/connection_inside.h"

#include "src/connection/completion.h"
#include "src/loop/clock.h"

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
void
godwit__lead_post (godwit__connection_t *connection)
{
    if (atomic_load_explicit (&connection->state, memory_order_relaxed) != GODWIT__CONNECTION_DOWN)
        godwit__reactor_post (connection->transport->completion->reactor, &connection->receive_task);
}

/* Gives the lead away: to the reactor while asynchronous calls are pending, else to a caller that waits,
 * else it rests with `rest`. */
void
godwit__lead_release (godwit__connection_t *connection, godwit__lead_t rest)
{
    if (connection->asynchronous_count > 0 || connection->transport->options.external_loop) {
        connection->lead = GODWIT__LEAD_REACTOR;
        if (rest != GODWIT__LEAD_REACTOR)
            godwit__lead_post (connection);
        return;
    }
    for (godwit__pending_t *next = connection->first_follower; next; next = next->next_follower) {
        if (next->outcome != GODWIT__PENDING_WAITING)
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
void
godwit__lead_claim (godwit__connection_t *connection, godwit__pending_t *pending)
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

/* Receives until the own reply came (and then has no lead any more), or until something else ended it, or its
 * deadline. */
static void
lead (godwit__connection_t *connection, godwit__pending_t *own)
{
    const godwit__channel_ops_t *ops = connection->link->ops;
    godwit__frame_t frame;
    godwit__origin_t origin;

    int64_t left = own->left_ns;
    while (own->leads && godwit__pending_is_waiting (own)) {
        /* Whoever ends the call between the test above and here wakes the link, and so this wait. */
        const godwit__io_t io = ops->receive (connection->link, &frame, &origin, left);
        if (io == GODWIT__IO_OK)
            godwit__connection_frame (connection, &frame, own);
        else if (io == GODWIT__IO_CLOSED)
            godwit__connection_down (connection, "the connection was lost");
        if (!own->leads || !godwit__pending_is_waiting (own))
            return;
        left = godwit__connection_left_ns (connection, own->deadline_ns);
        if (left == 0)
            return;
    }
}

static void
expire_own (godwit__connection_t *connection, godwit__pending_t *pending)
{
    if (godwit__pending_is_waiting (pending) &&
        godwit__connection_left_ns (connection, pending->deadline_ns) == 0) {
        godwit__pending_take (connection, pending->id);
        atomic_store_explicit (&pending->outcome, GODWIT__PENDING_EXPIRED, memory_order_relaxed);
    }
}

/* The program's own loop is the one that receives: run it. */
static void
await_in_external_loop (godwit__connection_t *connection, godwit__pending_t *pending)
{
    while (godwit__pending_is_waiting (pending)) {
        const int64_t left = godwit__connection_left_ns (connection, pending->deadline_ns);
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
    if (!pending->leads && !pending->follows && !godwit__pending_is_waiting (pending))
        return; /* the usual way: it led, its reply came, and the lead went on */

    bool followed = false;
    pthread_mutex_lock (&connection->lock);
    expire_own (connection, pending);
    while (godwit__pending_is_waiting (pending)) {
        if (!pending->leads)
            godwit__lead_claim (connection, pending);
        if (pending->leads) {
            pthread_mutex_unlock (&connection->lock);
            pending->left_ns = godwit__connection_left_ns (connection, pending->deadline_ns);
            lead (connection, pending);
            pthread_mutex_lock (&connection->lock);
        } else {
            if (!followed) {
                godwit__cond_init (&pending->wake);
                follow (connection, pending);
                followed = true;
            }
            godwit__cond_wait (&pending->wake, &connection->lock,
                               godwit__connection_left_ns (connection, pending->deadline_ns));
        }
        expire_own (connection, pending);
    }
    if (followed)
        unfollow (connection, pending);
    if (pending->leads) {
        pending->leads = false;
        godwit__lead_release (connection, GODWIT__LEAD_NOBODY);
    }
    pthread_mutex_unlock (&connection->lock);
    if (followed)
        pthread_cond_destroy (&pending->wake);
}
