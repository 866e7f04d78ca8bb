/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/kept.h"

#include "src/delivery/spool_name.h"
#include "src/delivery/spooling.h"

#include <stdlib.h>
#include <string.h>

static godwit_status_t
no_memory (godwit_error_t **error)
{
    *error = godwit_error_new (GODWIT_ERR_OUT_OF_MEMORY, "out of memory");
    return GODWIT_ERR_OUT_OF_MEMORY;
}

/* ---- which they are ---- */

static bool
note_last (void *user, const char *name, uint64_t last_number, const godwit_spool_pool_t *pools,
           size_t pool_count)
{
    kept_t *const kept = user;
    (void) pools;
    (void) pool_count;
    kept_item_t *const items = realloc (kept->items, (kept->count + 1) * sizeof *items);
    if (items) {
        kept->items = items;
        items[kept->count] = (kept_item_t){strdup (name), last_number};
        if (items[kept->count].stream)
            kept->count++;
        else
            kept->is_short = true;
    } else
        kept->is_short = true;
    return !kept->is_short;
}

godwit_status_t
kept_begin (kept_t *kept, godwit_spool_t *spool, godwit_error_t **error)
{
    const godwit_status_t status = spool->ops->streams (spool, note_last, kept, error);
    return status || !kept->is_short ? status : no_memory (error);
}

static uint64_t
last_before (const kept_t *before, const char *stream)
{
    for (size_t i = 0; i < before->count; i++)
        if (strcmp (before->items[i].stream, stream) == 0)
            return before->items[i].number;
    return 0;
}

godwit_status_t
kept_end (kept_t *kept, godwit_spool_t *spool, godwit_error_t **error)
{
    kept_t now = {0};
    size_t count = 0;
    const godwit_status_t status = kept_begin (&now, spool, error);
    for (size_t i = 0; i < now.count && !status; i++) {
        const kept_item_t item = now.items[i];
        if (item.number > last_before (kept, item.stream)) {
            now.items[i] = now.items[count];
            now.items[count++] = item;
        }
    }
    while (now.count > count)
        free (now.items[--now.count].stream);
    kept_free (kept);
    *kept = now;
    return status;
}

void
kept_free (kept_t *kept)
{
    for (size_t i = 0; i < kept->count; i++)
        free (kept->items[i].stream);
    free (kept->items);
    *kept = (kept_t){0};
}

/* ---- who has had them ---- */

/* The pools of a copy's stream; a callback must not call the spool. */
typedef struct found {
    const char *stream;
    char **pools;
    size_t count;
    bool is_short;
} found_t;

static bool
note_pools (void *user, const char *name, uint64_t last_number, const godwit_spool_pool_t *pools,
            size_t pool_count)
{
    found_t *const found = user;
    (void) last_number;
    if (strcmp (name, found->stream) != 0)
        return true;
    found->pools = calloc (pool_count + 1, sizeof *found->pools);
    found->is_short = !found->pools;
    for (size_t i = 0; i < pool_count && !found->is_short; i++) {
        found->pools[i] = strdup (pools[i].name);
        found->is_short = !found->pools[i];
        found->count += !found->is_short;
    }
    return false;
}

static bool
note_number (void *user, uint64_t number, const void *data, size_t size)
{
    (void) data;
    (void) size;
    *(uint64_t *) user = number;
    return false;
}

static godwit_status_t
not_yet (const char *stream, const char *pool, godwit_error_t **error)
{
    const char *parts[4] = {"", "", stream, "?"};
    char *const copy = strdup (stream);
    if (copy && !godwit__spool_name_split (copy, "notify", parts, 4))
        parts[2] = stream;
    if (pool)
        *error = godwit_error_new (GODWIT_ERR_TIMEOUT, "the pool \"%s\" of %s.%s has not acknowledged it",
                                   pool, parts[2], parts[3]);
    else
        *error = godwit_error_new (GODWIT_ERR_TIMEOUT,
                                   "nobody listens to %s.%s, or looks only, as `godwit events` without "
                                   "--pool does",
                                   parts[2], parts[3]);
    free (copy);
    return GODWIT_ERR_TIMEOUT;
}

/* pool: as the spool names it; name: as users do. */
static godwit_status_t
check_pool (const kept_item_t *item, godwit_spool_t *spool, const char *pool, const char *name,
            godwit_error_t **error)
{
    uint64_t next = 0;
    const godwit_status_t status =
        spool->ops->read (spool, item->stream, pool, item->number, 1, 0, note_number, &next, error);
    return status || next != item->number ? status : not_yet (item->stream, name, error);
}

static bool
is_among (char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp (names[i], name) == 0)
            return true;
    return false;
}

static godwit_status_t
check_named (const found_t *found, const kept_item_t *item, godwit_spool_t *spool, const char *const *pools,
             size_t count, godwit_error_t **error)
{
    godwit_status_t status = GODWIT_OK;
    for (size_t i = 0; i < count && !status; i++) {
        char *const pool = godwit__spooling_pool (pools[i]);
        if (!pool)
            status = no_memory (error);
        else if (!is_among (found->pools, found->count, pool)) /* it has not come to be known yet */
            status = not_yet (item->stream, pools[i], error);
        else
            status = check_pool (item, spool, pool, pools[i], error);
        free (pool);
    }
    return status;
}

static godwit_status_t
check_item (const kept_item_t *item, godwit_spool_t *spool, const char *const *pools, size_t count,
            godwit_error_t **error)
{
    found_t found = {.stream = item->stream};
    godwit_status_t status = spool->ops->streams (spool, note_pools, &found, error);
    if (!status && found.is_short)
        status = no_memory (error);
    if (!status && count)
        status = check_named (&found, item, spool, pools, count, error);
    else if (!status && found.count == 0) /* nobody has come, or they are gone again */
        status = check_pool (item, spool, NULL, NULL, error);
    for (size_t i = 0; i < found.count && !status && !count; i++)
        status = check_pool (item, spool, found.pools[i], found.pools[i] + (*found.pools[i] == '-'), error);
    for (size_t i = 0; i < found.count; i++)
        free (found.pools[i]);
    free (found.pools);
    return status;
}

godwit_status_t
kept_check (const kept_t *kept, godwit_spool_t *spool, const char *const *pools, size_t count,
            godwit_error_t **error)
{
    godwit_status_t status = GODWIT_OK;
    for (size_t i = 0; i < kept->count && !status; i++)
        status = check_item (&kept->items[i], spool, pools, count, error);
    return status;
}
