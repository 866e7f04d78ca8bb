/* SPDX-License-Identifier: Apache-2.0 */
/* The model, as a spool is opened: the rows of streams and pools, and what was appended after they were
 * written. */
#include "components/spool/inside.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct loading {
    godwit__sqlite_spool_t *self;
    godwit__stream_t *stream; /* of the last pool */
} loading_t;

static godwit_status_t
take_stream (void *user, godwit__stream_row_t *row, bool is_damaged, godwit__problem_t *problem)
{
    godwit__sqlite_spool_t *const self = ((const loading_t *) user)->self;
    bool is_full;
    if (!is_damaged)
        is_damaged = godwit__spool_stream_find (&self->model, row->name) != NULL;
    godwit__stream_t *const stream =
        is_damaged ? NULL : godwit__spool_stream_add (&self->model, row->name, row->id, &is_full);
    if (!stream) {
        godwit__spool_spans_free (&row->gone);
        return is_damaged ? godwit__store_damaged (self->path, "the row of a stream is not what was written",
                                                   problem)
                          : godwit__spool_no_memory (self, problem);
    }
    stream->is_kept = true;
    stream->last = row->last;
    stream->items = row->items;
    stream->bytes = row->bytes;
    stream->gone = row->gone;
    return GODWIT_OK;
}

static godwit_status_t
take_pool (void *user, godwit__pool_row_t *row, bool is_damaged, godwit__problem_t *problem)
{
    loading_t *const loading = user;
    godwit__sqlite_spool_t *const self = loading->self;
    if (!loading->stream || loading->stream->id != row->stream)
        loading->stream = godwit__spool_stream_by_id (&self->model, row->stream);
    godwit__stream_t *const stream = loading->stream;
    is_damaged = is_damaged || !stream || godwit__spool_pool_find (stream, row->name);
    godwit__pool_t *const pool = is_damaged ? NULL : godwit__spool_pool_add (&self->model, stream, row->name);
    if (!pool) {
        godwit__spool_spans_free (&row->settled);
        return is_damaged
                   ? godwit__store_damaged (self->path, "the row of a pool is not what was written", problem)
                   : godwit__spool_no_memory (self, problem);
    }
    pool->id = row->id;
    pool->seen_ms = row->seen_ms;
    pool->settled = row->settled;
    return godwit__spool_spans_add_all (&pool->settled, &stream->gone)
               ? GODWIT_OK
               : godwit__spool_no_memory (self, problem);
}

typedef struct counting {
    godwit__stream_t *stream;
    bool has_gap;
} counting_t;

static bool
count_segment (void *user, const godwit__segment_row_t *segment)
{
    counting_t *const counting = user;
    godwit__stream_t *const stream = counting->stream;
    counting->has_gap = segment->first != stream->last + 1;
    if (counting->has_gap)
        return false;
    stream->last += segment->count;
    stream->items += segment->count;
    stream->bytes += segment->size;
    return true;
}

/* Numbers that are not deleted are there, and a stream is no larger than the file. */
static bool
adds_up (const godwit__stream_t *stream, uint64_t file_size)
{
    const uint64_t gone = stream->gone.floor + godwit__spool_spans_count_above (&stream->gone);
    return gone <= stream->last && stream->last - gone == stream->items &&
           stream->bytes >= stream->items * GODWIT__SPOOL_ITEM_HEAD && stream->bytes <= file_size;
}

static godwit_status_t
count_stream (godwit__sqlite_spool_t *self, godwit__store_t *store, godwit__stream_t *stream,
              uint64_t file_size, godwit__problem_t *problem)
{
    counting_t counting = {stream, false};
    godwit_status_t status = GODWIT_OK;
    if (stream->last < GODWIT__SPOOL_NUMBER_MAX)
        status = godwit__store_walk (store, stream->id, stream->last + 1, GODWIT__SPOOL_NUMBER_MAX,
                                     count_segment, &counting, problem);
    if (status)
        return status;
    if (counting.has_gap)
        return godwit__store_damaged (self->path, "items are missing", problem);
    if (!adds_up (stream, file_size))
        return godwit__store_damaged (self->path, "the numbers of a stream do not add up", problem);
    for (size_t i = 0; i < stream->pool_count; i++) {
        const godwit__spans_t *const settled = &stream->pools[i].settled;
        if (settled->floor > stream->last ||
            (settled->count && settled->above[settled->count - 1].last > stream->last))
            return godwit__store_damaged (self->path, "a pool has settled items that were never there",
                                          problem);
    }
    self->model.items += stream->items;
    self->model.bytes += stream->bytes;
    return GODWIT_OK;
}

/* Every segment is one of a known stream. */
static godwit_status_t
check_streams (godwit__sqlite_spool_t *self, godwit__store_t *store, godwit__problem_t *problem)
{
    uint32_t id = 0;
    godwit_status_t status;
    do
        status = godwit__store_next_stream (store, id, &id, problem);
    while (!status && id && godwit__spool_stream_by_id (&self->model, id));
    return status || !id ? status
                         : godwit__store_damaged (self->path, "the row of a stream is missing", problem);
}

godwit_status_t
godwit__spool_load (godwit__sqlite_spool_t *self, godwit__store_t *store, godwit__problem_t *problem)
{
    loading_t loading = {self, NULL};
    uint32_t last_pool_id = 0;
    int64_t pages = 0;
    const godwit__store_rows_t rows = {&loading, take_stream, take_pool};
    godwit_status_t status = godwit__store_number (store, "PRAGMA page_count", &pages, problem);
    if (!status)
        status = godwit__store_load (store, &rows, problem);
    for (size_t i = 0; i < self->model.count && !status; i++) {
        const godwit__stream_t *const stream = self->model.streams[i];
        for (size_t j = 0; j < stream->pool_count; j++)
            if (stream->pools[j].id > last_pool_id)
                last_pool_id = stream->pools[j].id;
        status = count_stream (self, store, self->model.streams[i],
                               (uint64_t) pages * GODWIT__SPOOL_PAGE_SIZE, problem);
    }
    self->model.last_pool_id = last_pool_id;
    return status ? status : check_streams (self, store, problem);
}
