/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of a stream, and what is left for a pool. */
#include "components/spool/inside.h"

#include <string.h>

/* With the lock: how many items some pool has not settled. False: out of memory. */
static bool
count_kept (const godwit__stream_t *stream, uint64_t *kept)
{
    godwit__spans_t done;
    if (!godwit__spool_stream_done (stream, &done) || !godwit__spool_spans_add_all (&done, &stream->gone))
        return false;
    *kept = stream->last - done.floor - godwit__spool_spans_count_above (&done);
    godwit__spool_spans_free (&done);
    return true;
}

/* With the lock. */
static bool
count (const godwit__stream_t *stream, const godwit__pool_t *pool, godwit_sqlite_spool_detail_t *detail)
{
    const uint64_t first = godwit__spool_stream_next (stream, pool, 1);
    detail->oldest = first <= stream->last ? first : 0;
    if (pool)
        detail->items = stream->last - pool->settled.floor - godwit__spool_spans_count_above (&pool->settled);
    else
        detail->bytes = stream->bytes;
    return pool || count_kept (stream, &detail->items);
}

static godwit_status_t
find_detail (godwit__sqlite_spool_t *self, const char *stream_name, const char *pool_name,
             godwit_sqlite_spool_detail_t *detail, godwit__problem_t *problem)
{
    godwit__stream_t *stream;
    godwit__pool_t *pool;
    godwit__segment_row_t segment = {0};
    bool is_found = false;
    uint32_t id = 0;
    pthread_mutex_lock (&self->lock);
    godwit_status_t status = godwit__spool_look_up (self, stream_name, pool_name, &stream, &pool, problem);
    if (!status && !count (stream, pool, detail))
        status = godwit__spool_no_memory (self, problem);
    if (!status)
        id = stream->id;
    pthread_mutex_unlock (&self->lock);
    if (status || !detail->oldest)
        return status;
    pthread_mutex_lock (&self->reading);
    status = godwit__store_find (&self->reader, id, detail->oldest, &segment, &is_found, problem);
    godwit__store_find_end (&self->reader);
    pthread_mutex_unlock (&self->reading);
    if (!status && is_found)
        detail->oldest_ms = segment.at_ms;
    return status;
}

godwit_status_t
godwit_sqlite_spool_detail (godwit_spool_t *spool, const char *stream, const char *pool,
                            godwit_sqlite_spool_detail_t *detail, size_t size, godwit_error_t **error)
{
    GODWIT__SPOOL_UNCANCELLED;
    godwit__problem_t problem = {0};
    godwit_sqlite_spool_detail_t found = {0};
    if (!spool || !detail)
        godwit__spool_problem (&problem, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected a pointer, got NULL",
                               spool ? "detail" : "spool");
    else if (!godwit__spool_enter (godwit__sqlite_spool (spool), false, &problem) &&
             !godwit__spool_check_name ("stream", stream, &problem) &&
             !(pool && godwit__spool_check_name ("pool", pool, &problem)) &&
             !find_detail (godwit__sqlite_spool (spool), stream, pool, &found, &problem)) {
        memset (detail, 0, size);
        memcpy (detail, &found, size < sizeof found ? size : sizeof found);
    }
    return godwit__spool_tell (&problem, error);
}
