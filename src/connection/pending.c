/* The calls that are pending on a connection: the table, and their ends. */
#include "src/connection/connection_inside.h"

#include "src/connection/completion.h"

#include <stdlib.h>

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

void
godwit__pending_add (godwit__connection_t *connection, godwit__pending_t *pending)
{
    if (connection->pending_count >= connection->bucket_count)
        table_grow (connection);
    godwit__pending_t **bucket = bucket_of (connection, pending->id);
    pending->next = *bucket;
    *bucket = pending;
    connection->pending_count++;
    if (pending->finished)
        connection->asynchronous_count++;
}

/* Unlinks and returns it; NULL if it is not there. */
godwit__pending_t *
godwit__pending_take (godwit__connection_t *connection, uint64_t id)
{
    for (godwit__pending_t **at = bucket_of (connection, id); *at; at = &(*at)->next) {
        godwit__pending_t *pending = *at;
        if (pending->id != id)
            continue;
        *at = pending->next;
        pending->next = NULL;
        connection->pending_count--;
        if (pending->finished)
            connection->asynchronous_count--;
        return pending;
    }
    return NULL;
}

void
godwit__pending_extend (godwit__connection_t *connection, uint64_t id)
{
    godwit__pending_t *pending = *bucket_of (connection, id);
    while (pending && pending->id != id)
        pending = pending->next;
    if (!pending || !pending->monitor_ns)
        return;
    const int64_t until_ns = godwit__transport_now (connection->transport) + pending->monitor_ns;
    atomic_store_explicit (&pending->deadline_ns, until_ns < pending->end_ns ? until_ns : pending->end_ns,
                           memory_order_relaxed);
}

/* Ends a pending that was taken out of the table, with lock held. A caller that waits for it is woken; an
 * asynchronous one is put on the list, for pass_on when the lock is released. */
void
godwit__pending_finish (godwit__connection_t *connection, godwit__pending_t *pending,
                        godwit__pending_outcome_t outcome, godwit__pending_t **finished)
{
    /* A caller that does not follow yet sees the outcome without the lock, and takes the pending with it. */
    const bool asynchronous = pending->finished != NULL;
    /* One that followed and was promoted waits on the link. */
    const bool follows = pending->follows && !pending->leads;
    atomic_store_explicit (&pending->outcome, outcome, memory_order_release);
    if (asynchronous) {
        pending->next = *finished;
        *finished = pending;
    } else if (follows) {
        pthread_cond_signal (&pending->wake);
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
godwit__pending_notify (godwit_transport_t *transport, godwit__pending_t *finished)
{
    while (finished) {
        godwit__pending_t *pending = finished;
        finished = pending->next;
        godwit__completion_add (transport->completion, pending);
    }
}

/* Ends all of an owner (NULL: of everybody), with lock held. */
void
godwit__pending_finish_all (godwit__connection_t *connection, const void *owner,
                            godwit__pending_outcome_t outcome, godwit__pending_t **finished)
{
    for (size_t i = 0; i < connection->bucket_count; i++) {
        for (godwit__pending_t *pending = connection->buckets[i], *next; pending; pending = next) {
            next = pending->next;
            if (owner && pending->owner != owner)
                continue;
            godwit__pending_take (connection, pending->id);
            godwit__pending_finish (connection, pending, outcome_of_lost (connection, pending, outcome),
                                    finished);
        }
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

int64_t
godwit__connection_expire (godwit__connection_t *connection, int64_t now_ns)
{
    godwit__pending_t *finished = NULL;
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
            if (!pending->finished)
                continue; /* its caller looks after it */
            if (pending->deadline_ns <= now_ns) {
                godwit__pending_take (connection, pending->id);
                godwit__pending_finish (connection, pending, GODWIT__PENDING_EXPIRED, &finished);
            } else if (pending->deadline_ns < earliest_ns) {
                earliest_ns = pending->deadline_ns;
            }
        }
    }
    connection->earliest_ns = earliest_ns;
    pthread_mutex_unlock (&connection->lock);
    godwit__pending_notify (connection->transport, finished);
    return earliest_ns;
}
