/* SPDX-License-Identifier: Apache-2.0 */
/* What is there: the streams, and the items of one. */
#include "components/spool/inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- streams ---- */

/* A copy of a stream, to be told without the lock. */
typedef struct listed {
    uint64_t last;
    godwit_spool_pool_t *pools;
    size_t pool_count;
} listed_t;

static bool
copy_stream (listed_t *to, const godwit__stream_t *stream)
{
    to->last = stream->last;
    to->pool_count = stream->pool_count;
    to->pools = calloc (stream->pool_count + 1, sizeof *to->pools);
    for (size_t i = 0; to->pools && i < stream->pool_count; i++)
        to->pools[i] = (godwit_spool_pool_t){stream->pools[i].name, stream->pools[i].settled.floor,
                                             stream->pools[i].seen_ms};
    return to->pools;
}

/* The right to write keeps streams and pools, and their names, where they are. */
godwit_status_t
godwit__spool_streams (godwit_spool_t *spool, godwit_spool_stream_fn *tell, void *user,
                       godwit_error_t **error)
{
    GODWIT__SPOOL_UNCANCELLED;
    godwit__sqlite_spool_t *const self = godwit__sqlite_spool (spool);
    godwit__problem_t problem = {0};
    if (!tell) {
        godwit__spool_problem (&problem, GODWIT_ERR_INVALID_ARGUMENT, "tell: expected a function, got NULL");
        return godwit__spool_tell (&problem, error);
    }
    if (godwit__spool_enter (self, false, &problem))
        return godwit__spool_tell (&problem, error);
    godwit__spool_role_take (self);
    for (size_t i = 0; i < self->model.count; i++) {
        const godwit__stream_t *const stream = self->model.streams[i];
        listed_t listed;
        if (!stream->is_kept)
            continue;
        pthread_mutex_lock (&self->lock);
        const bool good = copy_stream (&listed, stream);
        pthread_mutex_unlock (&self->lock);
        if (!good) {
            godwit__spool_no_memory (self, &problem);
            break;
        }
        const bool goes_on = tell (user, stream->name, listed.last, listed.pools, listed.pool_count);
        free (listed.pools);
        if (!goes_on)
            break;
    }
    godwit__spool_role_give (self);
    return godwit__spool_tell (&problem, error);
}

/* ---- items ---- */

typedef struct reading {
    godwit__sqlite_spool_t *self;
    const char *stream;
    const char *pool;
    size_t limit, max_size;
    godwit_spool_item_fn *take;
    void *user;
    uint32_t id;
    uint64_t next;
    size_t count, size;
    bool is_over;
    godwit__problem_t *problem;
} reading_t;

/* Moves on to the next number that is wanted. */
static godwit_status_t
find_next (reading_t *reading)
{
    godwit__stream_t *stream;
    godwit__pool_t *pool;
    pthread_mutex_lock (&reading->self->lock);
    const godwit_status_t status = godwit__spool_look_up (reading->self, reading->stream, reading->pool,
                                                          &stream, &pool, reading->problem);
    if (!status) {
        reading->id = stream->id;
        reading->next = godwit__spool_stream_next (stream, pool, reading->next);
        reading->is_over = reading->next > stream->last;
    }
    pthread_mutex_unlock (&reading->self->lock);
    return status;
}

/* Which items of a segment are wanted. */
static godwit_status_t
mark_wanted (const reading_t *reading, const godwit__segment_row_t *segment, bool *wanted)
{
    godwit__stream_t *stream;
    godwit__pool_t *pool;
    pthread_mutex_lock (&reading->self->lock);
    const godwit_status_t status = godwit__spool_look_up (reading->self, reading->stream, reading->pool,
                                                          &stream, &pool, reading->problem);
    for (uint64_t i = 0; !status && i < segment->count; i++) {
        const uint64_t number = segment->first + i;
        wanted[i] = number >= reading->next && number <= stream->last &&
                    godwit__spool_stream_next (stream, pool, number) == number;
    }
    pthread_mutex_unlock (&reading->self->lock);
    return status;
}

static godwit_status_t
tell_damaged (const reading_t *reading, uint64_t number, const char *what)
{
    char text[128];
    snprintf (text, sizeof text, "item %" PRIu64 " %s", number, what);
    return godwit__store_damaged (reading->self->path, text, reading->problem);
}

static godwit_status_t
take_items (reading_t *reading, const godwit__segment_row_t *segment, const bool *wanted)
{
    size_t at = 0;
    for (uint64_t i = 0; i < segment->count; i++) {
        const uint64_t number = segment->first + i;
        const uint8_t *data = NULL;
        size_t size = 0;
        bool is_framed;
        const bool is_good = godwit__spool_segment_next (segment->data, segment->size, &at, reading->id,
                                                         number, &data, &size, &is_framed);
        if (!is_framed || (!is_good && wanted[i]))
            return tell_damaged (reading, number, "is not what was written");
        if (!wanted[i])
            continue;
        reading->next = number + 1;
        reading->count++;
        reading->size += size;
        if (!reading->take (reading->user, number, data, size) ||
            (reading->limit && reading->count >= reading->limit) ||
            (reading->max_size && reading->size >= reading->max_size)) {
            reading->is_over = true;
            return GODWIT_OK;
        }
    }
    reading->next = segment->first + segment->count;
    return at == segment->size
               ? GODWIT_OK
               : tell_damaged (reading, reading->next - 1, "is followed by what was not written");
}

/* The segment that holds the next number. It may have been deleted a moment ago: then the number is no longer
 * wanted. */
static godwit_status_t
read_segment (reading_t *reading)
{
    godwit__segment_row_t segment;
    bool wanted[GODWIT__SPOOL_SEGMENT_COUNT];
    bool is_found = false;
    godwit_status_t status = godwit__store_find (&reading->self->reader, reading->id, reading->next, &segment,
                                                 &is_found, reading->problem);
    if (!status && (!is_found || segment.first + segment.count <= reading->next)) {
        const uint64_t before = reading->next;
        status = find_next (reading);
        if (!status && !reading->is_over && reading->next == before)
            status = tell_damaged (reading, before, "is missing");
    } else if (!status) {
        status = mark_wanted (reading, &segment, wanted);
        if (!status)
            status = take_items (reading, &segment, wanted);
    }
    godwit__store_find_end (&reading->self->reader);
    return status;
}

godwit_status_t
godwit__spool_read (godwit_spool_t *spool, const char *stream, const char *pool, uint64_t from, size_t limit,
                    size_t max_size, godwit_spool_item_fn *take, void *user, godwit_error_t **error)
{
    GODWIT__SPOOL_UNCANCELLED;
    godwit__sqlite_spool_t *const self = godwit__sqlite_spool (spool);
    godwit__problem_t problem = {0};
    reading_t reading = {self, stream,          pool, limit, max_size, take,    user,
                         0,    from ? from : 1, 0,    0,     false,    &problem};
    if (!take)
        godwit__spool_problem (&problem, GODWIT_ERR_INVALID_ARGUMENT, "take: expected a function, got NULL");
    else if (!godwit__spool_enter (self, false, &problem) &&
             !godwit__spool_check_name ("stream", stream, &problem) &&
             !(pool && godwit__spool_check_name ("pool", pool, &problem))) {
        pthread_mutex_lock (&self->reading);
        godwit_status_t status = find_next (&reading);
        while (!status && !reading.is_over) {
            status = read_segment (&reading);
            if (!status && !reading.is_over)
                status = find_next (&reading);
        }
        pthread_mutex_unlock (&self->reading);
    }
    return godwit__spool_tell (&problem, error);
}
