/* SPDX-License-Identifier: Apache-2.0 */
/* Which items are there, where a page is damaged:
 *
 *     read upward ------> X  a segment that cannot be read
 *                         |  leap: 1, 2, 4, ... numbers further, until something can be read again
 *                         X <------ read downward from there
 *                                   -------> read upward from there
 *
 * Each item is checked for itself. What is lost counts as settled by every pool: so nothing is missing in the
 * new file, and the report says how many they are. */
#include "components/spool/salvage.h"

#include "components/spool/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENTS_AT_A_TIME 256 /* in a transaction */

typedef struct salvage {
    godwit__store_t *from;
    godwit__store_t *to;
    godwit__model_t model; /* `gone` of a stream is what was deleted; `new_gone` is what was found */
    godwit_sqlite_spool_repair_t *report;
    sqlite3_stmt *up, *down;
    size_t written; /* segments since the transaction began */
    godwit__problem_t *problem;
} salvage_t;

static godwit_status_t
no_memory (const salvage_t *salvage)
{
    return godwit__spool_problem (salvage->problem, GODWIT_ERR_OUT_OF_MEMORY, "the spool %s: out of memory",
                                  salvage->from->path);
}

/* ---- streams and pools ---- */

/* The name in a damaged row may be one. In one that is not, it is what was given. */
static bool
may_be_name (const char *name)
{
    if (strlen (name) > GODWIT__SPOOL_NAME_MAX)
        return false;
    for (const char *at = name; *at; at++)
        if ((unsigned char) *at < ' ' || *at == 0x7f)
            return false;
    return *name != '\0';
}

/* A stream of this number; a new one has a name that says so. NULL: out of memory, or no such number. */
static godwit__stream_t *
get_stream (salvage_t *salvage, uint32_t id, const char *name)
{
    char made_up[64];
    bool is_full;
    godwit__stream_t *stream = godwit__spool_stream_by_id (&salvage->model, id);
    if (stream)
        return stream;
    for (int i = 0; !name || godwit__spool_stream_find (&salvage->model, name); i++) {
        snprintf (made_up, sizeof made_up, i ? "recovered-%" PRIu32 "-%d" : "recovered-%" PRIu32, id, i);
        name = made_up;
    }
    if (name == made_up)
        salvage->report->streams_new++;
    stream = godwit__spool_stream_add (&salvage->model, name, id, &is_full);
    if (!stream)
        no_memory (salvage);
    return stream;
}

static godwit_status_t
take_stream (void *user, godwit__stream_row_t *row, bool is_damaged, godwit__problem_t *problem)
{
    salvage_t *const salvage = user;
    if (row->id < 1 || row->id > GODWIT__SPOOL_STREAM_MAX ||
        godwit__spool_stream_by_id (&salvage->model, row->id)) {
        godwit__spool_spans_free (&row->gone);
        return GODWIT_OK;
    }
    /* Under a name that is only nearly right nobody would look for its items. */
    godwit__stream_t *const stream = get_stream (salvage, row->id, is_damaged ? NULL : row->name);
    if (!stream || is_damaged) { /* its numbers mean nothing either */
        godwit__spool_spans_free (&row->gone);
        return stream ? GODWIT_OK : problem->status;
    }
    stream->is_kept = true;
    stream->last = row->last;
    stream->gone = row->gone;
    return GODWIT_OK;
}

static godwit_status_t
take_pool (void *user, godwit__pool_row_t *row, bool is_damaged, godwit__problem_t *problem)
{
    salvage_t *const salvage = user;
    const bool has_stream = row->stream >= 1 && row->stream <= GODWIT__SPOOL_STREAM_MAX;
    godwit__stream_t *const stream = has_stream ? get_stream (salvage, row->stream, NULL) : NULL;
    if (has_stream && !stream) {
        godwit__spool_spans_free (&row->settled);
        return problem->status;
    }
    if (!has_stream || (is_damaged && !may_be_name (row->name)) ||
        godwit__spool_pool_find (stream, row->name)) {
        salvage->report->pools_lost++;
        godwit__spool_spans_free (&row->settled);
        return GODWIT_OK;
    }
    if (is_damaged) {
        salvage->report->pools_reset++;
        godwit__spool_spans_free (&row->settled);
    }
    godwit__pool_t *const pool = godwit__spool_pool_add (&salvage->model, stream, row->name);
    if (!pool) {
        godwit__spool_spans_free (&row->settled);
        return no_memory (salvage);
    }
    pool->seen_ms = is_damaged ? 0 : row->seen_ms;
    pool->settled = row->settled;
    return GODWIT_OK;
}

/* ---- items ---- */

static godwit_status_t
write_segment (salvage_t *salvage, godwit__stream_t *stream, int64_t at_ms)
{
    const godwit__segment_row_t row = {.first = stream->segment.first,
                                       .count = stream->segment.count,
                                       .size = stream->segment.size,
                                       .at_ms = at_ms,
                                       .data = stream->segment.data};
    if (row.count == 0)
        return GODWIT_OK;
    godwit_status_t status = godwit__store_insert (salvage->to, stream->id, &row, salvage->problem);
    if (!status && !godwit__spool_spans_add (&stream->new_gone, row.first, row.first + row.count - 1))
        status = no_memory (salvage);
    stream->items += row.count;
    stream->bytes += row.size;
    salvage->report->kept += row.count;
    godwit__spool_segment_clear (&stream->segment);
    if (status || ++salvage->written < SEGMENTS_AT_A_TIME)
        return status;
    salvage->written = 0;
    status = godwit__store_commit (salvage->to, salvage->problem);
    return status ? status : godwit__store_begin (salvage->to, salvage->problem);
}

static bool
is_found (const godwit__stream_t *stream, uint64_t number)
{
    return godwit__spool_spans_next_missing (&stream->new_gone, number) != number;
}

/* The items of a segment that are what was written, and were not found before. Somebody may have made it who
 * knows how: then it may be longer than any of ours, overlap others, or go beyond the last number. */
static godwit_status_t
take_segment (salvage_t *salvage, sqlite3_stmt *statement)
{
    const int64_t id = sqlite3_column_int64 (statement, 0), at_ms = sqlite3_column_int64 (statement, 2);
    const uint8_t *const segment = sqlite3_column_blob (statement, 3);
    const size_t size = (size_t) sqlite3_column_bytes (statement, 3);
    const uint64_t first = (uint64_t) id & GODWIT__SPOOL_NUMBER_MAX;
    const uint32_t stream_id = (uint32_t) (id >> GODWIT__SPOOL_NUMBER_BITS);
    godwit__stream_t *stream = NULL;
    godwit_status_t status = GODWIT_OK;
    size_t at = 0, item_size;
    const uint8_t *data;
    if (!segment && sqlite3_errcode (salvage->from->db) == SQLITE_NOMEM)
        return no_memory (salvage);
    bool is_framed = segment && id > 0 && first > 0 && stream_id > 0;
    for (uint64_t number = first; is_framed && at < size && !status && number <= GODWIT__SPOOL_NUMBER_MAX;
         number++) {
        bool is_good =
            godwit__spool_segment_next (segment, size, &at, stream_id, number, &data, &item_size, &is_framed);
        if (is_good && !stream && !(stream = get_stream (salvage, stream_id, NULL)))
            return salvage->problem->status;
        is_good = is_good && !is_found (stream, number);
        if (stream && (!is_good || godwit__spool_segment_is_full (&stream->segment, item_size)))
            status = write_segment (salvage, stream, at_ms);
        if (!status && is_good &&
            !godwit__spool_segment_add (&stream->segment, stream_id, number, data, item_size))
            status = no_memory (salvage);
    }
    return status || !stream ? status : write_segment (salvage, stream, at_ms);
}

/* Takes the next segment in a range of ids. *id: which it was; 0: there is none. False: it cannot be read. */
static bool
take_next (salvage_t *salvage, sqlite3_stmt *statement, int64_t first, int64_t last, int64_t *id,
           godwit_status_t *status)
{
    *id = 0;
    sqlite3_bind_int64 (statement, 1, first);
    sqlite3_bind_int64 (statement, 2, last);
    const int code = sqlite3_step (statement);
    if (code == SQLITE_ROW) {
        *id = sqlite3_column_int64 (statement, 0);
        *status = take_segment (salvage, statement);
    }
    sqlite3_reset (statement);
    return (code == SQLITE_ROW && *id >= first && *id <= last) || code == SQLITE_DONE;
}

/* Up from *from, which becomes the place where it cannot go on. True: all was read. */
static bool
take_upward (salvage_t *salvage, int64_t *from, godwit_status_t *status)
{
    int64_t id;
    while (!*status && *from < INT64_MAX) {
        if (!take_next (salvage, salvage->up, *from, INT64_MAX, &id, status))
            return false;
        if (!id)
            return true;
        *from = id + 1;
    }
    return true;
}

static void
take_downward (salvage_t *salvage, int64_t first, int64_t last, godwit_status_t *status)
{
    int64_t id;
    while (!*status && first <= last && take_next (salvage, salvage->down, first, last, &id, status) && id)
        last = id - 1;
}

/* Something can be read from here on, or nothing is. */
static bool
can_read (const salvage_t *salvage, int64_t from)
{
    sqlite3_bind_int64 (salvage->up, 1, from);
    sqlite3_bind_int64 (salvage->up, 2, INT64_MAX);
    const int code = sqlite3_step (salvage->up);
    const bool is_behind = code == SQLITE_ROW && sqlite3_column_int64 (salvage->up, 0) >= from;
    sqlite3_reset (salvage->up);
    return is_behind || code == SQLITE_DONE;
}

/* A leap that leads to nothing is followed by a longer one, so it ends. */
static godwit_status_t
take_items (salvage_t *salvage)
{
    godwit_status_t status = GODWIT_OK;
    int64_t from = 1, step = 1;
    for (;;) {
        const int64_t before = from;
        if (take_upward (salvage, &from, &status) || status)
            return status;
        if (from > before)
            step = 1;
        while (step < INT64_MAX - from && step < INT64_MAX / 4 && !can_read (salvage, from + step))
            step *= 2;
        const bool is_last = step >= INT64_MAX - from || step >= INT64_MAX / 4;
        const int64_t behind = is_last ? INT64_MAX : from + step;
        take_downward (salvage, from, behind - 1, &status);
        if (is_last || status)
            return status;
        from = behind;
        step *= 2;
    }
}

/* ---- what it comes to ---- */

static uint64_t
count (const godwit__spans_t *spans)
{
    return spans->floor + godwit__spool_spans_count_above (spans);
}

/* The highest number that is known of. */
static uint64_t
find_last (const godwit__stream_t *stream)
{
    uint64_t last = stream->last;
    for (size_t i = 0; i <= stream->pool_count; i++) {
        const godwit__spans_t *const spans =
            i < stream->pool_count ? &stream->pools[i].settled : &stream->new_gone;
        const uint64_t end = spans->count ? spans->above[spans->count - 1].last : spans->floor;
        if (end > last)
            last = end;
    }
    return last;
}

/* All numbers that were not found. False: out of memory. */
static bool
find_missing (const godwit__stream_t *stream, godwit__spans_t *missing)
{
    godwit__span_t span;
    bool good = true;
    for (uint64_t from = 1; good && from <= stream->last; from = span.last + 1) {
        if (!godwit__spool_spans_next (&stream->new_gone, from, &span))
            span = (godwit__span_t){stream->last + 1, stream->last};
        good = godwit__spool_spans_add (missing, from, span.first - 1);
    }
    return good;
}

/* What was not found is gone; what is gone and was not deleted is lost. */
static bool
find_gone (salvage_t *salvage, godwit__stream_t *stream)
{
    godwit__spans_t missing = {0}, deleted = {0};
    godwit__span_t first;
    stream->last = find_last (stream);
    if (!stream->is_kept && godwit__spool_spans_next (&stream->new_gone, 1, &first))
        stream->gone.floor = first.first - 1; /* its row is lost: so much may have been deleted */
    const bool good = find_missing (stream, &missing) && godwit__spool_spans_copy (&deleted, &missing) &&
                      godwit__spool_spans_intersect (&deleted, &stream->gone);
    salvage->report->lost += count (&missing) - count (&deleted);
    godwit__spool_spans_free (&deleted);
    godwit__spool_spans_free (&stream->gone);
    stream->gone = missing;
    return good;
}

static godwit_status_t
write_stream (salvage_t *salvage, godwit__stream_t *stream)
{
    if (!find_gone (salvage, stream))
        return no_memory (salvage);
    const godwit__stream_row_t row = {.id = stream->id,
                                      .name = stream->name,
                                      .last = stream->last,
                                      .items = stream->items,
                                      .bytes = stream->bytes,
                                      .gone = stream->gone};
    godwit_status_t status = godwit__store_put_stream (salvage->to, &row, salvage->problem);
    for (size_t i = 0; i < stream->pool_count && !status; i++) {
        godwit__pool_t *const pool = &stream->pools[i];
        if (!godwit__spool_spans_add_all (&pool->settled, &stream->gone))
            return no_memory (salvage);
        const godwit__pool_row_t pool_row = {.id = pool->id,
                                             .stream = stream->id,
                                             .name = pool->name,
                                             .settled = pool->settled,
                                             .seen_ms = pool->seen_ms};
        status = godwit__store_put_pool (salvage->to, &pool_row, salvage->problem);
    }
    return status;
}

static godwit_status_t
prepare (salvage_t *salvage)
{
    return sqlite3_prepare_v2 (
               salvage->from->db,
               "SELECT id, count, at_ms, data FROM items WHERE id BETWEEN ?1 AND ?2 ORDER BY id "
               "LIMIT 1",
               -1, &salvage->up, NULL) == SQLITE_OK &&
                   sqlite3_prepare_v2 (salvage->from->db,
                                       "SELECT id, count, at_ms, data FROM items WHERE id BETWEEN ?1 AND ?2 "
                                       "ORDER BY id DESC LIMIT 1",
                                       -1, &salvage->down, NULL) == SQLITE_OK
               ? GODWIT_OK
               : godwit__store_problem (salvage->from, "find any items", salvage->problem);
}

static godwit_status_t
write_all (salvage_t *salvage)
{
    const godwit__store_rows_t rows = {salvage, take_stream, take_pool};
    godwit_status_t status = prepare (salvage);
    if (!status)
        status = godwit__store_begin (salvage->to, salvage->problem);
    if (status)
        return status;
    status = godwit__store_load (salvage->from, &rows, salvage->problem);
    if (status == GODWIT_ERR_MALFORMED) /* what could be read of them is there */
        status = GODWIT_OK;
    if (!status)
        status = take_items (salvage);
    for (size_t i = 0; i < salvage->model.count && !status; i++)
        status = write_stream (salvage, salvage->model.streams[i]);
    if (!status && salvage->model.count == 0)
        status = godwit__store_damaged (salvage->from->path, "neither streams nor items can be read",
                                        salvage->problem);
    return status ? status : godwit__store_commit (salvage->to, salvage->problem);
}

godwit_status_t
godwit__spool_salvage (godwit__store_t *from, godwit__store_t *to, godwit_sqlite_spool_repair_t *report,
                       godwit__problem_t *problem)
{
    salvage_t salvage = {.from = from, .to = to, .report = report, .problem = problem};
    const godwit_status_t status = write_all (&salvage);
    sqlite3_finalize (salvage.up);
    sqlite3_finalize (salvage.down);
    godwit__store_rollback (to);
    godwit__spool_model_free (&salvage.model);
    return status;
}
