/* SPDX-License-Identifier: Apache-2.0 */
#include "src/listener/seen.h"

#include "src/base/hash.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Longer ones, which no notifier of this library makes, are remembered by their beginning. */
#define ID_SIZE 40

typedef struct seen {
    godwit__table_node_t by_id;
    char id[ID_SIZE];
} seen_t;

/* `all` is a ring: the oldest one's place is taken by the next. */
struct godwit__seen_ids {
    pthread_mutex_t lock;
    godwit__table_t running;
    godwit__table_t table;
    size_t limit;
    size_t next;
    seen_t all[];
};

godwit__seen_ids_t *
godwit__seen_ids_new (size_t limit)
{
    godwit__seen_ids_t *const seen = calloc (1, sizeof *seen + limit * sizeof *seen->all);
    if (!seen)
        return NULL;
    pthread_mutex_init (&seen->lock, NULL);
    godwit__table_init (&seen->running);
    godwit__table_init (&seen->table);
    godwit__table_reserve (&seen->table, limit);
    seen->limit = limit;
    return seen;
}

void
godwit__seen_ids_destroy (godwit__seen_ids_t **seen)
{
    godwit__seen_ids_t *const self = *seen;
    *seen = NULL;
    if (!self)
        return;
    godwit__table_release (&self->running);
    godwit__table_release (&self->table);
    pthread_mutex_destroy (&self->lock);
    free (self);
}

/* Ids come from outside: the seed is an address that nobody there knows. */
static uint64_t
hash_of (const godwit__seen_ids_t *seen, const char *id)
{
    return godwit__hash ((uintptr_t) seen, id, strnlen (id, ID_SIZE - 1));
}

static seen_t *
find (const godwit__seen_ids_t *seen, const char *id, uint64_t hash)
{
    seen_t *at = GODWIT__TABLE_FIND (&seen->table, hash, seen_t, by_id);
    while (at && strncmp (at->id, id, ID_SIZE - 1) != 0)
        at = GODWIT__TABLE_FIND_NEXT (at, seen_t, by_id);
    return at;
}

bool
godwit__seen_ids_has (godwit__seen_ids_t *seen, const char *message_id)
{
    const uint64_t hash = hash_of (seen, message_id);
    pthread_mutex_lock (&seen->lock);
    const bool has = find (seen, message_id, hash) != NULL;
    pthread_mutex_unlock (&seen->lock);
    return has;
}

static bool
runs (const godwit__seen_ids_t *seen, const char *id, uint64_t hash)
{
    const godwit__handling_t *at = GODWIT__TABLE_FIND (&seen->running, hash, godwit__handling_t, by_id);
    while (at && strncmp (at->message_id, id, ID_SIZE - 1) != 0)
        at = GODWIT__TABLE_FIND_NEXT (at, godwit__handling_t, by_id);
    return at != NULL;
}

static void
add (godwit__seen_ids_t *seen, const char *id, uint64_t hash)
{
    if (find (seen, id, hash))
        return;
    seen_t *const place = &seen->all[seen->next];
    seen->next = (seen->next + 1) % seen->limit;
    if (godwit__in_table (&place->by_id))
        godwit__table_remove (&seen->table, &place->by_id);
    strncpy (place->id, id, ID_SIZE - 1);
    godwit__table_insert (&seen->table, &place->by_id, hash);
}

godwit__seen_before_t
godwit__seen_ids_begin (godwit__seen_ids_t *seen, const char *message_id, godwit__handling_t *handling)
{
    const uint64_t hash = hash_of (seen, message_id);
    godwit__seen_before_t result = GODWIT__SEEN_NEW;
    pthread_mutex_lock (&seen->lock);
    if (find (seen, message_id, hash)) {
        result = GODWIT__SEEN_HANDLED;
    } else if (runs (seen, message_id, hash)) {
        result = GODWIT__SEEN_RUNNING;
    } else {
        handling->message_id = message_id;
        godwit__table_insert (&seen->running, &handling->by_id, hash);
    }
    pthread_mutex_unlock (&seen->lock);
    return result;
}

void
godwit__seen_ids_end (godwit__seen_ids_t *seen, godwit__handling_t *handling, bool was_handled)
{
    if (!handling->message_id)
        return;
    pthread_mutex_lock (&seen->lock);
    if (was_handled)
        add (seen, handling->message_id, handling->by_id.hash);
    godwit__table_remove (&seen->running, &handling->by_id);
    pthread_mutex_unlock (&seen->lock);
    handling->message_id = NULL;
}
