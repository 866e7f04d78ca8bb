/* SPDX-License-Identifier: Apache-2.0 */
/* Settling: at once in memory, later in the file; and what all have settled is deleted. */
#include "components/spool/inside.h"

#include <inttypes.h>

/* ---- in memory ---- */

static godwit_status_t
settle (godwit__sqlite_spool_t *self, const char *stream_name, const char *pool_name, uint64_t first,
        uint64_t count, godwit__problem_t *problem)
{
    godwit__stream_t *stream;
    godwit__pool_t *pool;
    const godwit_status_t status =
        godwit__spool_look_up (self, stream_name, pool_name, &stream, &pool, problem);
    if (status || count == 0)
        return status;
    if (first == 0 || first > stream->last || count - 1 > stream->last - first)
        return godwit__spool_problem (problem, GODWIT_ERR_INVALID_ARGUMENT,
                                      "first, count: expected items of the stream %s, 1 to %" PRIu64
                                      ", got %" PRIu64 " from %" PRIu64,
                                      stream_name, stream->last, count, first);
    if (!godwit__spool_spans_add (&pool->settled, first, first + count - 1))
        return godwit__spool_no_memory (self, problem);
    pool->is_changed = true;
    godwit__spool_stream_mark (&self->model, stream, true);
    if (!self->settle_due_ms) {
        self->settle_due_ms = godwit__spool_now_ms () + GODWIT__SPOOL_SETTLE_MS;
        pthread_cond_signal (&self->keeper_wake);
    }
    return GODWIT_OK;
}

godwit_status_t
godwit__spool_settle (godwit_spool_t *spool, const char *stream, const char *pool, uint64_t first,
                      uint64_t count, godwit_error_t **error)
{
    godwit__sqlite_spool_t *const self = godwit__sqlite_spool (spool);
    godwit__problem_t problem = {0};
    if (!godwit__spool_enter (self, true, &problem) &&
        !godwit__spool_check_name ("stream", stream, &problem) &&
        !godwit__spool_check_name ("pool", pool, &problem)) {
        pthread_mutex_lock (&self->lock);
        settle (self, stream, pool, first, count, &problem);
        pthread_mutex_unlock (&self->lock);
    }
    return godwit__spool_tell (&problem, error);
}

/* ---- in the file ---- */

/* With the right to write: a pool's row as it is now. */
static godwit_status_t
write_pool (godwit__sqlite_spool_t *self, const godwit__stream_t *stream, godwit__pool_t *pool,
            godwit__problem_t *problem)
{
    godwit__pool_row_t row = {.id = pool->id, .stream = stream->id, .name = pool->name};
    pthread_mutex_lock (&self->lock);
    const bool is_changed = pool->is_changed && !pool->is_removed;
    const bool is_copied = is_changed && godwit__spool_spans_copy (&row.settled, &pool->settled);
    row.seen_ms = pool->seen_ms;
    if (is_copied) {
        pool->is_changed = false;
        pool->is_written = true;
    }
    pthread_mutex_unlock (&self->lock);
    if (!is_changed)
        return GODWIT_OK;
    const godwit_status_t status = is_copied ? godwit__store_put_pool (&self->writer, &row, problem)
                                             : godwit__spool_no_memory (self, problem);
    godwit__spool_spans_free (&row.settled);
    return status;
}

/* A walk over segments that follow each other and lie in the span: they are deleted as one range. */
typedef struct sweep {
    uint64_t last; /* the span ends */
    uint64_t first_segment, last_segment, end;
    uint64_t items, bytes;
} sweep_t;

static bool
sweep_segment (void *user, const godwit__segment_row_t *segment)
{
    sweep_t *const sweep = user;
    const uint64_t end = segment->first + segment->count - 1;
    if (end > sweep->last || (sweep->items && segment->first != sweep->end + 1))
        return false;
    if (sweep->items == 0)
        sweep->first_segment = segment->first;
    sweep->last_segment = segment->first;
    sweep->end = end;
    sweep->items += segment->count;
    sweep->bytes += segment->size;
    return true;
}

static godwit_status_t
delete_run (godwit__sqlite_spool_t *self, godwit__stream_t *stream, const sweep_t *sweep,
            godwit__problem_t *problem)
{
    const godwit_status_t status =
        godwit__store_delete (&self->writer, stream->id, sweep->first_segment, sweep->last_segment, problem);
    if (status)
        return status;
    stream->items_less += sweep->items;
    stream->bytes_less += sweep->bytes; /* the row of a stream that somebody else made may say less */
    if (stream->bytes_less > stream->bytes)
        stream->bytes_less = stream->bytes;
    return godwit__spool_spans_add (&stream->new_gone, sweep->first_segment, sweep->end)
               ? GODWIT_OK
               : godwit__spool_no_memory (self, problem);
}

/* Deletes the segments inside of a span in which nothing is deleted yet. One that is missing does not become
 * a deleted one: it stays damage, which a repair finds; but the rest of this stream, and the others in the
 * transaction, need not wait for that. */
static godwit_status_t
delete_span (godwit__sqlite_spool_t *self, godwit__stream_t *stream, uint64_t first, uint64_t last,
             godwit__problem_t *problem)
{
    godwit_status_t status = GODWIT_OK;
    while (!status && first <= last) {
        sweep_t sweep = {.last = last};
        status = godwit__store_walk (&self->writer, stream->id, first, last, sweep_segment, &sweep, problem);
        if (status || sweep.items == 0)
            return status;
        status = delete_run (self, stream, &sweep, problem);
        first = sweep.end + 1;
    }
    return status;
}

/* The next part of `done` from *from on that is not deleted yet. */
static bool
next_to_delete (const godwit__stream_t *stream, const godwit__spans_t *done, uint64_t *from,
                godwit__span_t *span)
{
    godwit__span_t gone;
    while (godwit__spool_spans_next (done, *from, span)) {
        *from = span->last + 1;
        span->first = godwit__spool_spans_next_missing (&stream->gone, span->first);
        if (span->first > span->last)
            continue;
        if (godwit__spool_spans_next (&stream->gone, span->first, &gone) && gone.first <= span->last) {
            span->last = gone.first - 1;
            *from = gone.first;
        }
        return true;
    }
    return false;
}

static godwit_status_t
delete_done (godwit__sqlite_spool_t *self, godwit__stream_t *stream, godwit__problem_t *problem)
{
    godwit__spans_t done;
    godwit__span_t span;
    pthread_mutex_lock (&self->lock);
    const bool good = godwit__spool_stream_done (stream, &done) &&
                      godwit__spool_spans_copy (&stream->new_gone, &stream->gone);
    pthread_mutex_unlock (&self->lock);
    stream->has_new_gone = good;
    godwit_status_t status = good ? GODWIT_OK : godwit__spool_no_memory (self, problem);
    for (uint64_t from = 1; !status && next_to_delete (stream, &done, &from, &span);)
        status = delete_span (self, stream, span.first, span.last, problem);
    godwit__spool_spans_free (&done);
    return status;
}

godwit_status_t
godwit__spool_write_stream (godwit__sqlite_spool_t *self, godwit__stream_t *stream,
                            godwit__problem_t *problem)
{
    godwit_status_t status = GODWIT_OK;
    godwit__spool_touch (self, stream);
    pthread_mutex_lock (&self->lock);
    godwit__spool_stream_mark (&self->model, stream, false);
    pthread_mutex_unlock (&self->lock);
    for (size_t i = 0; i < stream->pool_count && !status; i++)
        status = write_pool (self, stream, &stream->pools[i], problem);
    if (!status)
        status = delete_done (self, stream, problem);
    if (status)
        return status;
    const godwit__stream_row_t row = {
        .id = stream->id,
        .name = stream->name,
        .last = stream->last,
        .items = stream->items - stream->items_less,
        .bytes = stream->bytes - stream->bytes_less,
        .gone = stream->new_gone,
    };
    return godwit__store_put_stream (&self->writer, &row, problem);
}

godwit_status_t
godwit__spool_write_settles (godwit__sqlite_spool_t *self, godwit__problem_t *problem)
{
    godwit_status_t status = GODWIT_OK;
    pthread_mutex_lock (&self->lock);
    self->settle_due_ms = 0;
    pthread_mutex_unlock (&self->lock);
    for (size_t i = 0; i < self->model.count && !status; i++) {
        godwit__stream_t *const stream = self->model.streams[i];
        pthread_mutex_lock (&self->lock);
        const bool is_changed = stream->is_changed;
        pthread_mutex_unlock (&self->lock);
        if (is_changed)
            status = godwit__spool_write_stream (self, stream, problem);
    }
    return status;
}

static godwit_status_t
write_all (godwit__sqlite_spool_t *self, void *user, godwit__problem_t *problem)
{
    (void) user;
    return godwit__spool_write_settles (self, problem);
}

godwit_status_t
godwit__spool_flush (godwit_spool_t *spool, godwit_error_t **error)
{
    GODWIT__SPOOL_UNCANCELLED;
    godwit__sqlite_spool_t *const self = godwit__sqlite_spool (spool);
    godwit__problem_t problem = {0};
    if (godwit__spool_enter (self, true, &problem))
        return godwit__spool_tell (&problem, error);
    godwit__spool_role_take (self);
    pthread_mutex_lock (&self->lock);
    const bool is_changed = self->model.changed > 0;
    pthread_mutex_unlock (&self->lock);
    if (is_changed || self->is_suspect)
        godwit__spool_transact (self, write_all, NULL, &problem);
    godwit__spool_role_give (self);
    return godwit__spool_tell (&problem, error);
}
