/* SPDX-License-Identifier: Apache-2.0 */
/* Callers that wait for their reply: one leads and receives for all, the others follow. */
#include "src/connection/completion.h"
#include "src/connection/connection.h"
#include "src/connection/lead.h"
#include "src/connection/receive.h"
#include "src/loop/clock.h"
#include "src/runtime/wait.h"

/* The time until a deadline; 0 when it has passed. */
static int64_t
left_ns_of (const godwit__connection_t *connection, int64_t deadline_ns)
{
    if (deadline_ns == GODWIT__NEVER)
        return GODWIT__NEVER;
    const int64_t left = deadline_ns - godwit__transport_now (connection->transport);
    return left > 0 ? left : 0;
}

/* Receives until the caller's own reply came (the caller has no lead any more then), until something else
 * ended the call, or until its deadline. */
static void
lead (godwit__connection_t *connection, godwit__pending_t *own)
{
    const godwit__channel_ops_t *ops = connection->link->ops;
    godwit__frame_t frame;
    godwit__routing_id_t routing_id;

    int64_t left = own->left_ns;
    while (own->leads && godwit__pending_is_waiting (own)) {
        /* A thread that ends the call between the test above and here wakes the link, and so this wait. */
        const godwit__io_t io = ops->receive (connection->link, &frame, &routing_id, left);
        if (io == GODWIT__IO_OK)
            godwit__connection_frame (connection, &frame, own);
        else if (io == GODWIT__IO_CLOSED)
            godwit__connection_down (connection, ops->why_down (connection->link));
        if (!own->leads || !godwit__pending_is_waiting (own))
            return;
        left = left_ns_of (connection, own->deadline_ns);
        if (left == 0)
            return;
    }
}

static void
expire_own (godwit__connection_t *connection, godwit__pending_t *pending)
{
    if (godwit__pending_is_waiting (pending) && left_ns_of (connection, pending->deadline_ns) == 0) {
        godwit__pending_take (connection, pending->id);
        atomic_store_explicit (&pending->outcome, GODWIT__PENDING_EXPIRED, memory_order_relaxed);
    }
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
        return; /* the usual case: it led, its reply came, and another one leads now */

    bool followed = false;
    pthread_mutex_lock (&connection->lock);
    expire_own (connection, pending);
    while (godwit__pending_is_waiting (pending)) {
        if (!pending->leads)
            godwit__lead_claim (connection, pending);
        if (pending->leads) {
            pthread_mutex_unlock (&connection->lock);
            pending->left_ns = left_ns_of (connection, pending->deadline_ns);
            lead (connection, pending);
            pthread_mutex_lock (&connection->lock);
        } else {
            if (!followed) {
                godwit__cond_init (&pending->wake);
                godwit__list_append (&connection->followers, &pending->follower);
                pending->follows = true;
                followed = true;
            }
            godwit__cond_wait (&pending->wake, &connection->lock,
                               left_ns_of (connection, pending->deadline_ns));
        }
        expire_own (connection, pending);
    }
    if (followed) {
        godwit__list_remove (&pending->follower);
        pending->follows = false;
    }
    if (pending->leads) {
        pending->leads = false;
        godwit__lead_release (connection, GODWIT__LEAD_NOBODY);
    }
    pthread_mutex_unlock (&connection->lock);
    if (followed)
        pthread_cond_destroy (&pending->wake);
}
