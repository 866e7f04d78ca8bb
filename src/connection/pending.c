/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that are pending on a connection: the table, and their ends. */
#include "src/base/futex.h"
#include "src/connection/completion.h"
#include "src/connection/connection.h"

void
godwit__pending_add (godwit__connection_t *connection, godwit__pending_t *pending)
{
    godwit__table_insert (&connection->pending, &pending->by_id, pending->id);
    if (pending->finished)
        connection->asynchronous_count++;
}

static void
take (godwit__connection_t *connection, godwit__pending_t *pending)
{
    godwit__table_remove (&connection->pending, &pending->by_id);
    if (pending->finished)
        connection->asynchronous_count--;
}

godwit__pending_t *
godwit__pending_take (godwit__connection_t *connection, uint64_t id)
{
    godwit__pending_t *const pending =
        GODWIT__NODE_CONTAINER (godwit__table_take (&connection->pending, id), godwit__pending_t, by_id);
    if (pending && pending->finished)
        connection->asynchronous_count--;
    return pending;
}

void
godwit__pending_extend (godwit__connection_t *connection, uint64_t id)
{
    godwit__pending_t *const pending =
        GODWIT__TABLE_FIND (&connection->pending, id, godwit__pending_t, by_id);
    connection->heard = true;
    if (!pending || !pending->monitor_ns)
        return;
    pending->sign_ns = godwit__transport_now (connection->transport);
    const int64_t until_ns = pending->sign_ns + pending->monitor_ns;
    atomic_store_explicit (&pending->deadline_ns, until_ns < pending->end_ns ? until_ns : pending->end_ns,
                           memory_order_relaxed);
}

atomic_uint *
godwit__pending_unfollow (godwit__pending_t *pending)
{
    if (!pending->follows)
        return NULL;
    godwit__list_remove (&pending->follower);
    pending->follows = false;
    atomic_store_explicit (&pending->wake, 1, memory_order_relaxed);
    return &pending->wake;
}

void
godwit__pending_finish (godwit__connection_t *connection, godwit__pending_t *pending,
                        godwit__pending_outcome_t outcome, godwit__pending_t **finished)
{
    /* A caller sees the outcome without the lock, and may free the pending call at once. So all is read
     * before. */
    const bool asynchronous = pending->finished != NULL;
    connection->tally.timed_out += outcome == GODWIT__PENDING_EXPIRED;
    connection->tally.lost += outcome == GODWIT__PENDING_LOST;
    const atomic_uint *const wake = godwit__pending_unfollow (pending);
    atomic_store_explicit (&pending->outcome, outcome, memory_order_release);
    if (asynchronous) {
        pending->next_finished = *finished;
        *finished = pending;
    } else if (wake) {
        godwit__futex_wake (wake, 1);
    } else {
        connection->link->ops->wake (connection->link);
    }
}

/* How a call ends that was pending when its connection went down. */
static godwit__pending_outcome_t
outcome_of_lost (const godwit__connection_t *connection, const godwit__pending_t *pending,
                 godwit__pending_outcome_t outcome)
{
    return outcome == GODWIT__PENDING_LOST && pending->id > connection->sent_id ? GODWIT__PENDING_UNSENT
                                                                                : outcome;
}

void
godwit__pending_finish_all (godwit__connection_t *connection, const void *owner,
                            godwit__pending_outcome_t outcome, godwit__pending_t **finished)
{
    godwit__pending_t *pending = GODWIT__TABLE_FIRST (&connection->pending, godwit__pending_t, by_id);
    while (pending) {
        godwit__pending_t *const next =
            GODWIT__TABLE_NEXT (&connection->pending, pending, godwit__pending_t, by_id);
        if (!owner || pending->owner == owner) {
            take (connection, pending);
            godwit__pending_finish (connection, pending, outcome_of_lost (connection, pending, outcome),
                                    finished);
        }
        pending = next;
    }
}

void
godwit__pending_notify (godwit_transport_t *transport, godwit__pending_t *finished)
{
    while (finished) {
        godwit__pending_t *pending = finished;
        finished = pending->next_finished;
        godwit__completion_add (transport->completion, pending);
    }
}

void
godwit__connection_abandon (godwit__connection_t *connection, const void *owner)
{
    godwit__pending_t *finished = NULL;
    pthread_mutex_lock (&connection->lock);
    godwit__pending_finish_all (connection, owner, GODWIT__PENDING_ABANDONED, &finished);
    pthread_mutex_unlock (&connection->lock);
    godwit__pending_notify (connection->transport, finished);
}

void
godwit__connection_abandon_one (godwit__connection_t *connection, godwit__pending_t *pending)
{
    godwit__pending_t *finished = NULL;
    pthread_mutex_lock (&connection->lock);
    if (godwit__pending_is_waiting (pending) && godwit__pending_take (connection, pending->id))
        godwit__pending_finish (connection, pending, GODWIT__PENDING_ABANDONED, &finished);
    pthread_mutex_unlock (&connection->lock);
    godwit__pending_notify (connection->transport, finished);
}

bool
godwit__connection_has_pending (godwit__connection_t *connection)
{
    pthread_mutex_lock (&connection->lock);
    const bool has = connection->pending.count > 0;
    pthread_mutex_unlock (&connection->lock);
    return has;
}

/* With lock held. A caller that waits watches its own deadline. Returns the next deadline of the others. */
static int64_t
expire (godwit__connection_t *connection, int64_t now_ns, godwit__pending_t **finished)
{
    int64_t earliest_ns = GODWIT__NEVER;
    godwit__pending_t *pending = GODWIT__TABLE_FIRST (&connection->pending, godwit__pending_t, by_id);
    while (pending) {
        godwit__pending_t *const next =
            GODWIT__TABLE_NEXT (&connection->pending, pending, godwit__pending_t, by_id);
        if (pending->finished && pending->deadline_ns <= now_ns) {
            take (connection, pending);
            godwit__pending_finish (connection, pending, GODWIT__PENDING_EXPIRED, finished);
        } else if (pending->finished && pending->deadline_ns < earliest_ns) {
            earliest_ns = pending->deadline_ns;
        }
        pending = next;
    }
    return earliest_ns;
}

int64_t
godwit__pending_expire (godwit__connection_t *connection, int64_t now_ns)
{
    godwit__pending_t *finished = NULL;
    pthread_mutex_lock (&connection->lock);
    if (connection->earliest_ns <= now_ns)
        connection->earliest_ns = expire (connection, now_ns, &finished);
    const int64_t earliest_ns = connection->earliest_ns;
    pthread_mutex_unlock (&connection->lock);
    godwit__pending_notify (connection->transport, finished);
    return earliest_ns;
}
