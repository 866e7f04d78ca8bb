/* SPDX-License-Identifier: Apache-2.0 */
/* What opening a spool does not look at: each item, and whether all are there that are not deleted. */
#include "components/spool/check.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- each item is what was written ---- */

static godwit_status_t
check_items (godwit__store_t *store, godwit__problem_t *problem)
{
    sqlite3_stmt *statement = NULL;
    bool is_good = true;
    int code = sqlite3_prepare_v2 (store->db, "SELECT id, count, at_ms, data FROM items ORDER BY id", -1,
                                   &statement, NULL);
    while (code == SQLITE_OK && is_good && sqlite3_step (statement) == SQLITE_ROW) {
        const int64_t id = sqlite3_column_int64 (statement, 0),
                      item_count = sqlite3_column_int64 (statement, 1);
        const uint8_t *const segment = sqlite3_column_blob (statement, 3), *data;
        const size_t size = (size_t) sqlite3_column_bytes (statement, 3);
        size_t at = 0, item_size;
        bool is_framed;
        if (!segment && sqlite3_errcode (store->db) == SQLITE_NOMEM) {
            godwit__store_problem (store, "read items", problem);
            sqlite3_finalize (statement);
            return problem->status;
        }
        is_good = segment != NULL;
        for (int64_t i = 0; is_good && i < item_count; i++)
            is_good = godwit__spool_segment_next (
                segment, size, &at, (uint32_t) (id >> GODWIT__SPOOL_NUMBER_BITS),
                ((uint64_t) id & GODWIT__SPOOL_NUMBER_MAX) + (uint64_t) i, &data, &item_size, &is_framed);
        is_good = is_good && at == size;
    }
    if (statement)
        code = sqlite3_finalize (statement);
    if (code != SQLITE_OK)
        return godwit__store_problem (store, "read items", problem);
    return is_good ? GODWIT_OK
                   : godwit__store_damaged (store->path, "an item is not what was written", problem);
}

/* ---- and all are there ---- */

/* A walk over the segments of a stream. */
typedef struct counting {
    const godwit__stream_t *stream;
    uint64_t next; /* the number that has to come */
    uint64_t items, bytes;
    bool is_wrong;
} counting_t;

static bool
count_segment (void *user, const godwit__segment_row_t *segment)
{
    counting_t *const counting = user;
    const godwit__spans_t *const gone = &counting->stream->gone;
    const uint64_t end = segment->first + segment->count - 1;
    godwit__span_t deleted;
    counting->is_wrong = segment->first != counting->next ||
                         (godwit__spool_spans_next (gone, segment->first, &deleted) && deleted.first <= end);
    if (counting->is_wrong)
        return false;
    counting->next = godwit__spool_spans_next_missing (gone, end + 1);
    counting->items += segment->count;
    counting->bytes += segment->size;
    return true;
}

static godwit_status_t
check_stream (godwit__store_t *store, const godwit__stream_t *stream, godwit__problem_t *problem)
{
    char text[256];
    counting_t counting = {.stream = stream, .next = godwit__spool_spans_next_missing (&stream->gone, 1)};
    const godwit_status_t status = godwit__store_walk (store, stream->id, 0, GODWIT__SPOOL_NUMBER_MAX,
                                                       count_segment, &counting, problem);
    if (status)
        return status;
    if (counting.is_wrong || counting.next <= stream->last)
        snprintf (text, sizeof text,
                  "item %" PRIu64 " of the stream %.128s is missing, or the one before it is there twice",
                  counting.next, stream->name);
    else if (counting.items != stream->items || counting.bytes != stream->bytes)
        snprintf (text, sizeof text,
                  "the stream %.128s has %" PRIu64 " items of %" PRIu64 " bytes, expected %" PRIu64
                  " of %" PRIu64,
                  stream->name, counting.items, counting.bytes, stream->items, stream->bytes);
    else
        return GODWIT_OK;
    return godwit__store_damaged (store->path, text, problem);
}

godwit_status_t
godwit__spool_check (godwit__store_t *store, const godwit__model_t *model, godwit__problem_t *problem)
{
    godwit_status_t status = check_items (store, problem);
    for (size_t i = 0; i < model->count && !status; i++)
        status = check_stream (store, model->streams[i], problem);
    return status;
}
