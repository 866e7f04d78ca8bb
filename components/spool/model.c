/* SPDX-License-Identifier: Apache-2.0 */
#include "components/spool/model.h"

#include "components/spool/store.h"

#include <stdlib.h>
#include <string.h>

static void
free_stream (godwit__stream_t *stream)
{
    for (size_t i = 0; i < stream->pool_count; i++) {
        free (stream->pools[i].name);
        godwit__spool_spans_free (&stream->pools[i].settled);
    }
    free (stream->pools);
    godwit__spool_spans_free (&stream->gone);
    godwit__spool_spans_free (&stream->new_gone);
    free (stream->segment.data);
    free (stream->name);
    free (stream);
}

void
godwit__spool_model_free (godwit__model_t *model)
{
    for (size_t i = 0; i < model->count; i++)
        free_stream (model->streams[i]);
    free (model->streams);
    free (model->by_id);
    *model = (godwit__model_t){0};
}

/* Grows an array by one. NULL: out of memory, and the array is as it was. */
static void *
grow (void *items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return items;
    const size_t wanted = *capacity ? 2 * *capacity : 4;
    void *const grown = realloc (items, wanted * size);
    if (grown)
        *capacity = wanted;
    return grown;
}

/* ---- streams ---- */

/* Where a stream of this name is, or would be. */
static size_t
place (const godwit__model_t *model, const char *name)
{
    size_t low = 0, high = model->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp (model->streams[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

godwit__stream_t *
godwit__spool_stream_find (const godwit__model_t *model, const char *name)
{
    const size_t at = place (model, name);
    return at < model->count && strcmp (model->streams[at]->name, name) == 0 ? model->streams[at] : NULL;
}

godwit__stream_t *
godwit__spool_stream_by_id (const godwit__model_t *model, uint32_t id)
{
    return id < model->by_id_count ? model->by_id[id] : NULL;
}

/* Room for this number. False: out of memory. */
static bool
make_room (godwit__model_t *model, uint32_t id)
{
    if (id < model->by_id_count)
        return true;
    const size_t count = id < 2 * model->by_id_count ? 2 * model->by_id_count : (size_t) id + 1;
    godwit__stream_t **const by_id = realloc (model->by_id, count * sizeof (godwit__stream_t *));
    if (!by_id)
        return false;
    memset (by_id + model->by_id_count, 0, (count - model->by_id_count) * sizeof (godwit__stream_t *));
    model->by_id = by_id;
    model->by_id_count = count;
    return true;
}

godwit__stream_t *
godwit__spool_stream_add (godwit__model_t *model, const char *name, uint32_t id, bool *is_full)
{
    *is_full = !id && model->last_stream_id == GODWIT__SPOOL_STREAM_MAX;
    if (*is_full)
        return NULL;
    godwit__stream_t **const streams = grow (model->streams, model->count, &model->capacity, sizeof *streams);
    if (!streams)
        return NULL;
    model->streams = streams;
    const uint32_t new_id = id ? id : model->last_stream_id + 1;
    godwit__stream_t *const stream = make_room (model, new_id) ? calloc (1, sizeof *stream) : NULL;
    if (!stream || !(stream->name = strdup (name))) {
        free (stream);
        return NULL;
    }
    stream->id = new_id;
    model->by_id[new_id] = stream;
    if (stream->id > model->last_stream_id)
        model->last_stream_id = stream->id;
    const size_t at = place (model, name);
    memmove (streams + at + 1, streams + at, (model->count - at) * sizeof *streams);
    streams[at] = stream;
    model->count++;
    if (!id)
        model->made++;
    return stream;
}

void
godwit__spool_streams_forget_made (godwit__model_t *model)
{
    size_t count = 0;
    model->last_stream_id = 0;
    for (size_t i = 0; i < model->count; i++) {
        godwit__stream_t *const stream = model->streams[i];
        if (!stream->is_kept) {
            godwit__spool_stream_mark (model, stream, false);
            model->by_id[stream->id] = NULL;
            free_stream (stream);
            continue;
        }
        if (stream->id > model->last_stream_id)
            model->last_stream_id = stream->id;
        model->streams[count++] = stream;
    }
    model->count = count;
    model->made = 0;
}

void
godwit__spool_stream_mark (godwit__model_t *model, godwit__stream_t *stream, bool is_changed)
{
    if (stream->is_changed == is_changed)
        return;
    stream->is_changed = is_changed;
    if (is_changed)
        model->changed++;
    else
        model->changed--;
}

/* ---- pools ---- */

godwit__pool_t *
godwit__spool_pool_find (const godwit__stream_t *stream, const char *name)
{
    for (size_t i = 0; i < stream->pool_count; i++)
        if (strcmp (stream->pools[i].name, name) == 0)
            return &stream->pools[i];
    return NULL;
}

godwit__pool_t *
godwit__spool_pool_add (godwit__model_t *model, godwit__stream_t *stream, const char *name)
{
    godwit__pool_t *const pools =
        grow (stream->pools, stream->pool_count, &stream->pool_capacity, sizeof *pools);
    if (!pools)
        return NULL;
    stream->pools = pools;
    char *const copy = strdup (name);
    if (!copy)
        return NULL;
    godwit__pool_t *const pool = &pools[stream->pool_count++];
    *pool = (godwit__pool_t){.name = copy, .id = ++model->last_pool_id};
    model->pools++;
    return pool;
}

void
godwit__spool_pool_remove (godwit__model_t *model, godwit__stream_t *stream, godwit__pool_t *pool)
{
    free (pool->name);
    godwit__spool_spans_free (&pool->settled);
    *pool = stream->pools[--stream->pool_count];
    model->pools--;
}

/* ---- what is left ---- */

/* What nobody wants any more when this pool, the last one, is gone. */
static bool
copy_removed (const godwit__pool_t *pool, uint64_t last, godwit__spans_t *done)
{
    const uint64_t until = pool->removed_until < last ? pool->removed_until : last;
    return godwit__spool_spans_copy (done, &pool->settled) &&
           (!until || godwit__spool_spans_add (done, 1, until));
}

bool
godwit__spool_stream_done (const godwit__stream_t *stream, godwit__spans_t *done)
{
    *done = (godwit__spans_t){0};
    bool is_first = true, good = true;
    for (size_t i = 0; i < stream->pool_count && good; i++) {
        const godwit__pool_t *const pool = &stream->pools[i];
        if (pool->is_removed)
            continue;
        good = is_first ? godwit__spool_spans_copy (done, &pool->settled)
                        : godwit__spool_spans_intersect (done, &pool->settled);
        is_first = false;
    }
    if (good && is_first && stream->pool_count) /* all that are there are being removed */
        good = copy_removed (&stream->pools[0], stream->last, done);
    if (!good)
        godwit__spool_spans_free (done);
    return good;
}

uint64_t
godwit__spool_stream_next (const godwit__stream_t *stream, const godwit__pool_t *pool, uint64_t from)
{
    if (pool)
        return godwit__spool_spans_next_missing (&pool->settled, from);
    if (!stream->pool_count)
        return godwit__spool_spans_next_missing (&stream->gone, from);
    uint64_t next = from > stream->last ? from : stream->last + 1; /* if all are being removed */
    for (size_t i = 0; i < stream->pool_count; i++) {
        if (stream->pools[i].is_removed)
            continue;
        const uint64_t of_pool = godwit__spool_spans_next_missing (&stream->pools[i].settled, from);
        if (of_pool < next)
            next = of_pool;
    }
    return next;
}
