/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that leave together.
 *
 * A leader that has received the replies of many callers tells them all, and most of them make their next
 * call at once. With a system call for each of these requests, the calls of many threads over one connection
 * would cost more than calls over a connection each. So a caller that sends while others were told and have
 * not run yet leaves its request queued. The last of them sends what was queued, when its call returns.
 *
 * The others may find no processor, so nobody depends on them for long: a caller whose request was deferred
 * waits for GODWIT__DEFERRED_NS at most, and then sends it by itself. */
#ifndef GODWIT_SRC_CONNECTION_DEFER_H
#define GODWIT_SRC_CONNECTION_DEFER_H

#include "src/connection/queue.h"

#define GODWIT__DEFERRED_MAX 16
#define GODWIT__DEFERRED_NS (200 * (GODWIT__NS_PER_MS / 1000))

/* With lock held. Once it is false it stays so while the lock is held: the leader tells with the lock. */
static inline bool
godwit__connection_may_defer (const godwit__connection_t *connection)
{
    return atomic_load_explicit (&connection->told_count, memory_order_relaxed) > 0 &&
           atomic_load_explicit (&connection->deferred_count, memory_order_relaxed) < GODWIT__DEFERRED_MAX;
}

/* With lock held, after the request of a caller that is about to wait was queued, if it may be deferred:
 * leaves it to others. One of the two is true, because each side writes its own count before it reads the
 * other's: either the last of them sees the deferred request, or this caller sees that nobody is left. */
static inline void
godwit__connection_defer (godwit__connection_t *connection, godwit__pending_t *pending)
{
    if (!connection->is_queued)
        return;
    atomic_store (&connection->deferred_count, connection->deferred_count + 1);
    if (atomic_load (&connection->told_count) == 0)
        return;
    connection->is_queued = false;
    pending->is_deferred = true;
}

/* Sends what was deferred, unless that has been done. Without the lock; the caller has a reference. */
void godwit__connection_send_deferred (godwit__connection_t *connection);

/* A caller that was told runs. Without the lock; the caller has a reference. */
static inline void
godwit__connection_told_runs (godwit__connection_t *connection)
{
    if (atomic_fetch_sub (&connection->told_count, 1) == 1 && atomic_load (&connection->deferred_count) > 0)
        godwit__connection_send_deferred (connection);
}

#endif
