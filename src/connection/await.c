/* SPDX-License-Identifier: Apache-2.0 */
/* Callers that wait for their reply: one leads and receives for all, the others follow. */
#include "src/base/futex.h"
#include "src/connection/completion.h"
#include "src/connection/connection.h"
#include "src/connection/defer.h"
#include "src/connection/lead.h"
#include "src/connection/receive.h"
#include "src/runtime/wait.h"

/* Frames that a leader reads after its own reply, at most. */
#define READ_ON_MAX 16

/* The time until a deadline; 0 when it has passed. */
static int64_t
left_ns_of (const godwit__connection_t *connection, int64_t deadline_ns)
{
    if (deadline_ns == GODWIT__NEVER)
        return GODWIT__NEVER;
    const int64_t left = deadline_ns - godwit__transport_now (connection->transport);
    return left > 0 ? left : 0;
}

/* How long a caller may wait now: what it has deferred leaves in time, whatever the others do. */
static int64_t
wait_limit (const godwit__pending_t *own, int64_t left_ns)
{
    return own->is_deferred && left_ns > GODWIT__DEFERRED_NS ? GODWIT__DEFERRED_NS : left_ns;
}

static void
defer_no_longer (godwit__connection_t *connection, godwit__pending_t *own)
{
    if (own->is_deferred)
        godwit__connection_send_deferred (connection);
    own->is_deferred = false;
}

/* The leader's own reply came with others behind it: it works these off before it gives the lead away,
 * because the next leader would have to be woken, and its reply may be the next one. */
static void
read_on (godwit__reader_t *reader, godwit__pending_t *own)
{
    godwit__connection_t *const connection = reader->connection;
    godwit__frame_t frame;
    godwit__routing_id_t routing_id;
    for (unsigned i = 0; i < READ_ON_MAX && godwit__reader_has_more (reader); i++)
        if (connection->link->ops->recv (connection->link, &frame, &routing_id) == GODWIT__IO_OK)
            godwit__connection_frame (reader, &frame);
    pthread_mutex_lock (&connection->lock);
    own->leads = false;
    godwit__lead_release (connection, GODWIT__LEAD_NOBODY);
    pthread_mutex_unlock (&connection->lock);
}

/* Receives until the caller's own reply came (the caller has no lead any more then), until something else
 * ended the call, or until its deadline. */
static void
lead (godwit__connection_t *connection, godwit__pending_t *own)
{
    const godwit__channel_ops_t *ops = connection->link->ops;
    godwit__reader_t reader;
    godwit__frame_t frame;
    godwit__routing_id_t routing_id;

    int64_t left = own->left_ns;
    godwit__reader_init (&reader, connection, own);
    while (own->leads && left > 0 && godwit__pending_is_waiting (own)) {
        /* A thread that ends the call between the test above and here wakes the link, and so this wait. */
        const godwit__io_t io = ops->receive (connection->link, &frame, &routing_id, wait_limit (own, left));
        if (io == GODWIT__IO_OK)
            godwit__connection_frame (&reader, &frame);
        else if (io == GODWIT__IO_CLOSED)
            godwit__connection_down (connection, ops->why_down (connection->link));
        else
            defer_no_longer (connection, own);
        if (!own->leads || !godwit__pending_is_waiting (own))
            break;
        if (godwit__reader_has_more (&reader))
            continue; /* no time is spent with waiting */
        godwit__reader_tell (&reader);
        left = left_ns_of (connection, own->deadline_ns);
    }
    if (own->leads && own->outcome == GODWIT__PENDING_REPLIED)
        read_on (&reader, own);
    if (reader.told_count > 0)
        godwit__reader_tell (&reader);
}

/* With lock held. */
static void
expire_own (godwit__connection_t *connection, godwit__pending_t *pending, int64_t left_ns)
{
    if (left_ns <= 0 && godwit__pending_is_waiting (pending)) {
        godwit__pending_take (connection, pending->id);
        connection->tally.timed_out++;
        atomic_store_explicit (&pending->outcome, GODWIT__PENDING_EXPIRED, memory_order_relaxed);
    }
}

/* With lock held, which is released: sleeps until the call is over, or the caller is to lead. True if it is
 * over, and the caller need not look further. */
static bool
follow (godwit__connection_t *connection, godwit__pending_t *pending, int64_t left_ns)
{
    if (!pending->follows)
        godwit__list_append (&connection->followers, &pending->follower);
    pending->follows = true;
    atomic_store_explicit (&pending->wake, 0, memory_order_relaxed);
    pthread_mutex_unlock (&connection->lock);
    godwit__futex_wait (&pending->wake, 0, wait_limit (pending, left_ns));
    /* One that was made the leader and ended at once still has to give the lead away. */
    if (godwit__pending_is_waiting (pending) || pending->leads) {
        defer_no_longer (connection, pending);
        return false;
    }
    if (pending->is_told)
        godwit__connection_told_runs (connection);
    return true;
}

/* The program's own loop receives: run it. */
static void
await_in_external_loop (godwit__connection_t *connection, godwit__pending_t *pending)
{
    while (godwit__pending_is_waiting (pending)) {
        const int64_t left = left_ns_of (connection, pending->deadline_ns);
        if (left > 0) {
            godwit__wait (connection->transport, NULL, NULL, left);
            continue;
        }
        pthread_mutex_lock (&connection->lock);
        expire_own (connection, pending, left);
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
    int64_t left_ns = pending->left_ns;
    if (pending->leads) {
        lead (connection, pending);
        if (!pending->leads && !godwit__pending_is_waiting (pending))
            return; /* the usual case: its reply came, and another one leads now */
        left_ns = left_ns_of (connection, pending->deadline_ns);
    }
    for (;;) {
        pthread_mutex_lock (&connection->lock);
        expire_own (connection, pending, left_ns);
        if (!godwit__pending_is_waiting (pending))
            break;
        if (!pending->leads)
            godwit__lead_claim (connection, pending);
        if (pending->leads) {
            pthread_mutex_unlock (&connection->lock);
            pending->left_ns = left_ns;
            lead (connection, pending);
        } else if (follow (connection, pending, left_ns)) {
            return;
        }
        left_ns = left_ns_of (connection, pending->deadline_ns);
    }
    godwit__pending_unfollow (pending);
    if (pending->leads) {
        pending->leads = false;
        godwit__lead_release (connection, GODWIT__LEAD_NOBODY);
    }
    pthread_mutex_unlock (&connection->lock);
    if (pending->is_told)
        godwit__connection_told_runs (connection);
}
