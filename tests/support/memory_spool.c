/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/memory_spool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define STREAMS 16
#define POOLS 16
#define ITEMS 65536

typedef struct item {
    char *data;
    size_t size;
    bool is_deleted;
    bool is_settled[POOLS];
} item_t;

typedef struct stream {
    char name[64];
    item_t *items; /* number 1 is the first */
    uint64_t last;
    struct {
        char name[64]; /* "": free */
        int64_t seen_ms;
    } pools[POOLS];
} stream_t;

typedef struct memory_spool {
    godwit_spool_t spool;
    pthread_mutex_t lock;
    stream_t streams[STREAMS];
    size_t count;
} memory_spool_t;

static godwit_status_t
fail (godwit_status_t status, godwit_error_t **error)
{
    if (error)
        *error = godwit_error_new (status, "memory spool");
    return status;
}

static memory_spool_t *
lock (godwit_spool_t *spool)
{
    memory_spool_t *const self = (memory_spool_t *) (void *) spool;
    pthread_mutex_lock (&self->lock);
    return self;
}

static godwit_status_t
unlock (memory_spool_t *self, godwit_status_t status, godwit_error_t **error)
{
    pthread_mutex_unlock (&self->lock);
    return status ? fail (status, error) : GODWIT_OK;
}

static stream_t *
find_stream (memory_spool_t *self, const char *name, bool makes)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp (self->streams[i].name, name) == 0)
            return &self->streams[i];
    if (!makes || self->count == STREAMS)
        return NULL;
    stream_t *const stream = &self->streams[self->count++];
    strncpy (stream->name, name, sizeof stream->name - 1);
    stream->items = calloc (ITEMS, sizeof *stream->items);
    return stream;
}

static int
find_pool (const stream_t *stream, const char *name)
{
    for (int i = 0; i < POOLS; i++)
        if (strcmp (stream->pools[i].name, name) == 0)
            return i;
    return -1;
}

static bool
is_done (const stream_t *stream, const item_t *item)
{
    bool has_pool = false;
    for (int i = 0; i < POOLS; i++) {
        if (!*stream->pools[i].name)
            continue;
        has_pool = true;
        if (!item->is_settled[i])
            return false;
    }
    return has_pool;
}

static void
delete_done (stream_t *stream)
{
    for (uint64_t i = 0; i < stream->last; i++)
        if (is_done (stream, &stream->items[i]))
            stream->items[i].is_deleted = true;
}

static int
compare (const void *a, const void *b)
{
    return strcmp ((*(stream_t *const *) a)->name, (*(stream_t *const *) b)->name);
}

static godwit_status_t
tell_streams (godwit_spool_t *spool, godwit_spool_stream_fn *tell, void *user, godwit_error_t **error)
{
    if (!tell)
        return fail (GODWIT_ERR_INVALID_ARGUMENT, error);
    memory_spool_t *const self = lock (spool);
    stream_t *sorted[STREAMS];
    for (size_t i = 0; i < self->count; i++)
        sorted[i] = &self->streams[i];
    qsort (sorted, self->count, sizeof *sorted, compare);
    for (size_t i = 0; i < self->count; i++) {
        stream_t *const stream = sorted[i];
        godwit_spool_pool_t pools[POOLS];
        size_t count = 0;
        for (int j = 0; j < POOLS; j++) {
            uint64_t settled = 0;
            if (!*stream->pools[j].name)
                continue;
            while (settled < stream->last && stream->items[settled].is_settled[j])
                settled++;
            pools[count++] = (godwit_spool_pool_t){stream->pools[j].name, settled, stream->pools[j].seen_ms};
        }
        if (!tell (user, stream->name, stream->last, pools, count))
            break;
    }
    return unlock (self, GODWIT_OK, error);
}

static godwit_status_t
append (godwit_spool_t *spool, godwit_spool_item_t *items, size_t count, godwit_spool_safe_fn *safe,
        void *user, godwit_error_t **error)
{
    for (size_t i = 0; i < count; i++)
        if (!items[i].stream || !*items[i].stream || (items[i].size && !items[i].data))
            return fail (GODWIT_ERR_INVALID_ARGUMENT, error);
    memory_spool_t *const self = lock (spool);
    for (size_t i = 0; i < count; i++) {
        stream_t *const stream = find_stream (self, items[i].stream, true);
        item_t *const item = &stream->items[stream->last];
        item->data = malloc (items[i].size + 1);
        if (items[i].size)
            memcpy (item->data, items[i].data, items[i].size);
        item->size = items[i].size;
        items[i].number = ++stream->last;
    }
    if (safe && count)
        safe (user, items, count);
    return unlock (self, GODWIT_OK, error);
}

static godwit_status_t
read_items (godwit_spool_t *spool, const char *stream_name, const char *pool_name, uint64_t from,
            size_t limit, size_t max_size, godwit_spool_item_fn *take, void *user, godwit_error_t **error)
{
    if (!stream_name || !*stream_name || !take)
        return fail (GODWIT_ERR_INVALID_ARGUMENT, error);
    memory_spool_t *const self = lock (spool);
    const stream_t *const stream = find_stream (self, stream_name, false);
    const int pool = stream && pool_name ? find_pool (stream, pool_name) : -1;
    if (!stream || (pool_name && pool < 0))
        return unlock (self, GODWIT_ERR_NOT_FOUND, error);
    size_t count = 0, size = 0;
    for (uint64_t i = from ? from - 1 : 0; i < stream->last; i++) {
        const item_t *const item = &stream->items[i];
        if (item->is_deleted || (pool >= 0 && item->is_settled[pool]))
            continue;
        count++;
        size += item->size;
        if (!take (user, i + 1, item->data, item->size) || (limit && count == limit) ||
            (max_size && size >= max_size))
            break;
    }
    return unlock (self, GODWIT_OK, error);
}

static godwit_status_t
settle (godwit_spool_t *spool, const char *stream_name, const char *pool_name, uint64_t first, uint64_t count,
        godwit_error_t **error)
{
    if (!stream_name || !*stream_name || !pool_name || !*pool_name)
        return fail (GODWIT_ERR_INVALID_ARGUMENT, error);
    memory_spool_t *const self = lock (spool);
    stream_t *const stream = find_stream (self, stream_name, false);
    const int pool = stream ? find_pool (stream, pool_name) : -1;
    if (pool < 0)
        return unlock (self, GODWIT_ERR_NOT_FOUND, error);
    if (count && (first == 0 || first > stream->last || count > stream->last - first + 1))
        return unlock (self, GODWIT_ERR_INVALID_ARGUMENT, error);
    for (uint64_t i = 0; i < count; i++)
        stream->items[first - 1 + i].is_settled[pool] = true;
    delete_done (stream);
    return unlock (self, GODWIT_OK, error);
}

static godwit_status_t
set_pool (godwit_spool_t *spool, const char *stream_name, const char *pool_name, uint64_t settled,
          int64_t seen_ms, godwit_error_t **error)
{
    if (!stream_name || !*stream_name || !pool_name || !*pool_name)
        return fail (GODWIT_ERR_INVALID_ARGUMENT, error);
    memory_spool_t *const self = lock (spool);
    stream_t *const stream = find_stream (self, stream_name, true);
    int pool = find_pool (stream, pool_name);
    if (pool < 0) {
        pool = find_pool (stream, "");
        strncpy (stream->pools[pool].name, pool_name, sizeof stream->pools[pool].name - 1);
        for (uint64_t i = 0; i < stream->last; i++)
            stream->items[i].is_settled[pool] = i < settled || stream->items[i].is_deleted;
        delete_done (stream);
    }
    stream->pools[pool].seen_ms = seen_ms;
    return unlock (self, GODWIT_OK, error);
}

static bool
has_other (const stream_t *stream, int pool)
{
    bool has = false;
    for (int i = 0; i < POOLS; i++)
        has |= i != pool && stream->pools[i].name[0];
    return has;
}

static godwit_status_t
remove_pool (godwit_spool_t *spool, const char *stream_name, const char *pool_name, uint64_t until,
             godwit_error_t **error)
{
    if (!stream_name || !*stream_name || !pool_name || !*pool_name)
        return fail (GODWIT_ERR_INVALID_ARGUMENT, error);
    memory_spool_t *const self = lock (spool);
    stream_t *const stream = find_stream (self, stream_name, false);
    const int pool = stream ? find_pool (stream, pool_name) : -1;
    if (pool < 0)
        return unlock (self, GODWIT_ERR_NOT_FOUND, error);
    for (uint64_t i = 0; i < stream->last; i++)
        stream->items[i].is_settled[pool] |= i < until || has_other (stream, pool);
    delete_done (stream);
    stream->pools[pool].name[0] = '\0';
    for (uint64_t i = 0; i < stream->last; i++)
        stream->items[i].is_settled[pool] = false;
    return unlock (self, GODWIT_OK, error);
}

static godwit_status_t
flush (godwit_spool_t *spool, godwit_error_t **error)
{
    (void) spool;
    (void) error;
    return GODWIT_OK;
}

static const godwit_spool_ops_t ops = {
    .struct_size = sizeof (godwit_spool_ops_t),
    .streams = tell_streams,
    .append = append,
    .read = read_items,
    .settle = settle,
    .set_pool = set_pool,
    .remove_pool = remove_pool,
    .flush = flush,
};

godwit_spool_t *
memory_spool_new (void)
{
    memory_spool_t *const self = calloc (1, sizeof *self);
    self->spool.ops = &ops;
    pthread_mutex_init (&self->lock, NULL);
    return &self->spool;
}

void
memory_spool_destroy (godwit_spool_t **spool)
{
    memory_spool_t *const self = (memory_spool_t *) (void *) *spool;
    for (size_t i = 0; i < self->count; i++) {
        for (uint64_t j = 0; j < self->streams[i].last; j++)
            free (self->streams[i].items[j].data);
        free (self->streams[i].items);
    }
    pthread_mutex_destroy (&self->lock);
    free (self);
    *spool = NULL;
}

static bool
count_item (void *user, uint64_t number, const void *data, size_t size)
{
    (void) number, (void) data, (void) size;
    ++*(size_t *) user;
    return true;
}

size_t
memory_spool_count (godwit_spool_t *spool, const char *stream)
{
    size_t count = 0;
    spool->ops->read (spool, stream, NULL, 1, 0, 0, count_item, &count, NULL);
    return count;
}
