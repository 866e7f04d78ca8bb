/* SPDX-License-Identifier: Apache-2.0 */
/* What is read and written in one step. */
#include "components/spool/store.h"

#include "components/spool/segment.h"

#include <stdlib.h>
#include <string.h>

static const char *const sql[GODWIT__STORE_STATEMENT_COUNT] = {
    [GODWIT__STORE_BEGIN] = "BEGIN IMMEDIATE",
    [GODWIT__STORE_COMMIT] = "COMMIT",
    [GODWIT__STORE_ROLLBACK] = "ROLLBACK",
    [GODWIT__STORE_INSERT] = "INSERT INTO items VALUES (?1, ?2, ?3, ?4)",
    [GODWIT__STORE_PUT_STREAM] = "INSERT OR REPLACE INTO streams VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [GODWIT__STORE_PUT_POOL] = "INSERT OR REPLACE INTO pools VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [GODWIT__STORE_DELETE_POOL] = "DELETE FROM pools WHERE id = ?1",
    [GODWIT__STORE_WALK] = ("SELECT id, count, length (data), at_ms FROM items WHERE id BETWEEN ?1 AND ?2 "
                            "ORDER BY id"),
    [GODWIT__STORE_DELETE] = "DELETE FROM items WHERE id BETWEEN ?1 AND ?2",
    [GODWIT__STORE_FIND] =
        ("SELECT id, count, length (data), at_ms, data FROM items WHERE id BETWEEN ?1 AND ?2 "
         "ORDER BY id DESC LIMIT 1"),
    [GODWIT__STORE_COUNT_FAILURE] = "UPDATE spool SET failures = failures + 1",
};

/* What each is for, in messages. */
static const char *const doing[GODWIT__STORE_STATEMENT_COUNT] = {
    [GODWIT__STORE_BEGIN] = "write to it",         [GODWIT__STORE_COMMIT] = "write to it",
    [GODWIT__STORE_ROLLBACK] = "write to it",      [GODWIT__STORE_INSERT] = "keep items",
    [GODWIT__STORE_PUT_STREAM] = "keep a stream",  [GODWIT__STORE_PUT_POOL] = "keep a pool",
    [GODWIT__STORE_DELETE_POOL] = "delete a pool", [GODWIT__STORE_WALK] = "read items",
    [GODWIT__STORE_DELETE] = "delete items",       [GODWIT__STORE_FIND] = "read items",
    [GODWIT__STORE_COUNT_FAILURE] = "write to it",
};

/* Prepared when it is first needed. NULL: it cannot be. */
static sqlite3_stmt *
get (godwit__store_t *store, int which, godwit__problem_t *problem)
{
    if (!store->statements[which] &&
        (!store->db || sqlite3_prepare_v3 (store->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT,
                                           &store->statements[which], NULL) != SQLITE_OK))
        godwit__store_problem (store, doing[which], problem);
    return store->statements[which];
}

/* Runs a statement that has no results. What could not be bound is NULL, which no column takes. */
static godwit_status_t
run (godwit__store_t *store, int which, godwit__problem_t *problem)
{
    sqlite3_stmt *const statement = get (store, which, problem);
    if (!statement)
        return problem->status;
    const bool is_done = sqlite3_step (statement) == SQLITE_DONE;
    if (!is_done)
        godwit__store_problem (store, doing[which], problem);
    sqlite3_reset (statement);
    return is_done ? GODWIT_OK : problem->status;
}

/* ---- transactions ---- */

godwit_status_t
godwit__store_begin (godwit__store_t *store, godwit__problem_t *problem)
{
    return run (store, GODWIT__STORE_BEGIN, problem);
}

void
godwit__store_rollback (godwit__store_t *store)
{
    godwit__problem_t ignored = {0};
    if (store->db && !sqlite3_get_autocommit (store->db))
        run (store, GODWIT__STORE_ROLLBACK, &ignored);
}

godwit_status_t
godwit__store_commit (godwit__store_t *store, godwit__problem_t *problem)
{
    const godwit_status_t status = run (store, GODWIT__STORE_COMMIT, problem);
    if (status)
        godwit__store_rollback (store);
    return status;
}

godwit_status_t
godwit__store_count_failure (godwit__store_t *store, godwit__problem_t *problem)
{
    return run (store, GODWIT__STORE_COUNT_FAILURE, problem);
}

/* ---- writing ---- */

godwit_status_t
godwit__store_insert (godwit__store_t *store, uint32_t stream, const godwit__segment_row_t *segment,
                      godwit__problem_t *problem)
{
    sqlite3_stmt *const statement = get (store, GODWIT__STORE_INSERT, problem);
    if (!statement)
        return problem->status;
    sqlite3_bind_int64 (statement, 1, godwit__spool_segment_id (stream, segment->first));
    sqlite3_bind_int64 (statement, 2, (int64_t) segment->count);
    sqlite3_bind_int64 (statement, 3, segment->at_ms);
    sqlite3_bind_blob64 (statement, 4, segment->data, segment->size, SQLITE_STATIC);
    return run (store, GODWIT__STORE_INSERT, problem);
}

/* The spans above the floor, as they are stored. NULL: out of memory. */
static uint8_t *
encode (const godwit__spans_t *spans, const char *path, godwit__problem_t *problem)
{
    uint8_t *const bytes = malloc (16 * spans->count + 1);
    if (bytes)
        godwit__spool_spans_write (spans, bytes);
    else
        godwit__spool_problem (problem, GODWIT_ERR_OUT_OF_MEMORY, "the spool %s: out of memory", path);
    return bytes;
}

static int64_t
stream_sum (const godwit__stream_row_t *row, const uint8_t *above, size_t size)
{
    const uint64_t numbers[] = {row->id, row->last, row->items, row->bytes, row->gone.floor};
    return godwit__spool_row_sum (row->name, numbers, 5, above, size);
}

static int64_t
pool_sum (const godwit__pool_row_t *row, const uint8_t *above, size_t size)
{
    const uint64_t numbers[] = {row->id, row->stream, row->settled.floor, (uint64_t) row->seen_ms};
    return godwit__spool_row_sum (row->name, numbers, 4, above, size);
}

godwit_status_t
godwit__store_put_stream (godwit__store_t *store, const godwit__stream_row_t *row, godwit__problem_t *problem)
{
    sqlite3_stmt *const statement = get (store, GODWIT__STORE_PUT_STREAM, problem);
    uint8_t *const above = statement ? encode (&row->gone, store->path, problem) : NULL;
    if (!above)
        return problem->status;
    const size_t size = 16 * row->gone.count;
    sqlite3_bind_int64 (statement, 1, row->id);
    sqlite3_bind_text (statement, 2, row->name, -1, SQLITE_STATIC);
    sqlite3_bind_int64 (statement, 3, (int64_t) row->last);
    sqlite3_bind_int64 (statement, 4, (int64_t) row->items);
    sqlite3_bind_int64 (statement, 5, (int64_t) row->bytes);
    sqlite3_bind_int64 (statement, 6, (int64_t) row->gone.floor);
    sqlite3_bind_blob64 (statement, 7, above, size, SQLITE_STATIC);
    sqlite3_bind_int64 (statement, 8, stream_sum (row, above, size));
    const godwit_status_t status = run (store, GODWIT__STORE_PUT_STREAM, problem);
    free (above);
    return status;
}

godwit_status_t
godwit__store_put_pool (godwit__store_t *store, const godwit__pool_row_t *row, godwit__problem_t *problem)
{
    sqlite3_stmt *const statement = get (store, GODWIT__STORE_PUT_POOL, problem);
    uint8_t *const above = statement ? encode (&row->settled, store->path, problem) : NULL;
    if (!above)
        return problem->status;
    const size_t size = 16 * row->settled.count;
    sqlite3_bind_int64 (statement, 1, row->id);
    sqlite3_bind_int64 (statement, 2, row->stream);
    sqlite3_bind_text (statement, 3, row->name, -1, SQLITE_STATIC);
    sqlite3_bind_int64 (statement, 4, (int64_t) row->settled.floor);
    sqlite3_bind_blob64 (statement, 5, above, size, SQLITE_STATIC);
    sqlite3_bind_int64 (statement, 6, row->seen_ms);
    sqlite3_bind_int64 (statement, 7, pool_sum (row, above, size));
    const godwit_status_t status = run (store, GODWIT__STORE_PUT_POOL, problem);
    free (above);
    return status;
}

godwit_status_t
godwit__store_delete_pool (godwit__store_t *store, uint32_t id, godwit__problem_t *problem)
{
    sqlite3_stmt *const statement = get (store, GODWIT__STORE_DELETE_POOL, problem);
    if (statement)
        sqlite3_bind_int64 (statement, 1, id);
    return run (store, GODWIT__STORE_DELETE_POOL, problem);
}

/* Binds the range of the segments that begin with these numbers. */
static sqlite3_stmt *
get_for_range (godwit__store_t *store, int which, uint32_t stream, uint64_t first, uint64_t last,
               godwit__problem_t *problem)
{
    sqlite3_stmt *const statement = get (store, which, problem);
    if (statement) {
        sqlite3_bind_int64 (statement, 1, godwit__spool_segment_id (stream, first));
        sqlite3_bind_int64 (statement, 2, godwit__spool_segment_id (stream, last));
    }
    return statement;
}

godwit_status_t
godwit__store_delete (godwit__store_t *store, uint32_t stream, uint64_t first, uint64_t last,
                      godwit__problem_t *problem)
{
    get_for_range (store, GODWIT__STORE_DELETE, stream, first, last, problem);
    return run (store, GODWIT__STORE_DELETE, problem);
}

/* ---- reading ---- */

static void
read_segment (sqlite3_stmt *statement, godwit__segment_row_t *segment)
{
    *segment = (godwit__segment_row_t){
        .first = (uint64_t) sqlite3_column_int64 (statement, 0) & GODWIT__SPOOL_NUMBER_MAX,
        .count = (uint64_t) sqlite3_column_int64 (statement, 1),
        .size = (uint64_t) sqlite3_column_int64 (statement, 2),
        .at_ms = sqlite3_column_int64 (statement, 3),
    };
}

/* A count or a number that no segment has would lead far beyond it. */
static bool
is_possible (const godwit__segment_row_t *segment)
{
    return segment->first > 0 && segment->first + segment->count - 1 <= GODWIT__SPOOL_NUMBER_MAX &&
           segment->count > 0 && segment->count <= GODWIT__SPOOL_SEGMENT_COUNT &&
           segment->size >= segment->count * GODWIT__SPOOL_ITEM_HEAD;
}

godwit_status_t
godwit__store_walk (godwit__store_t *store, uint32_t stream, uint64_t first, uint64_t last,
                    godwit__store_segment_fn *tell, void *user, godwit__problem_t *problem)
{
    sqlite3_stmt *const statement = get_for_range (store, GODWIT__STORE_WALK, stream, first, last, problem);
    if (!statement)
        return problem->status;
    int code;
    godwit_status_t status = GODWIT_OK;
    while ((code = sqlite3_step (statement)) == SQLITE_ROW) {
        godwit__segment_row_t segment;
        read_segment (statement, &segment);
        if (!is_possible (&segment)) {
            status = godwit__store_damaged (store->path, "a segment has an impossible size", problem);
            break;
        }
        if (!tell (user, &segment))
            break;
    }
    if (code != SQLITE_DONE && code != SQLITE_ROW)
        status = godwit__store_problem (store, doing[GODWIT__STORE_WALK], problem);
    sqlite3_reset (statement);
    return status;
}

godwit_status_t
godwit__store_find (godwit__store_t *store, uint32_t stream, uint64_t number, godwit__segment_row_t *segment,
                    bool *is_found, godwit__problem_t *problem)
{
    sqlite3_stmt *const statement = get_for_range (store, GODWIT__STORE_FIND, stream, 0, number, problem);
    if (!statement)
        return problem->status;
    const int code = sqlite3_step (statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return godwit__store_problem (store, doing[GODWIT__STORE_FIND], problem);
    *is_found = code == SQLITE_ROW;
    if (!*is_found)
        return GODWIT_OK;
    read_segment (statement, segment);
    segment->data = sqlite3_column_blob (statement, 4);
    segment->size = (uint64_t) sqlite3_column_bytes (statement, 4);
    if (sqlite3_errcode (store->db) == SQLITE_NOMEM)
        return godwit__store_problem (store, doing[GODWIT__STORE_FIND], problem);
    return segment->data && is_possible (segment)
               ? GODWIT_OK
               : godwit__store_damaged (store->path, "a segment has an impossible size", problem);
}

void
godwit__store_find_end (godwit__store_t *store)
{
    sqlite3_reset (store->statements[GODWIT__STORE_FIND]);
}

godwit_status_t
godwit__store_next_stream (godwit__store_t *store, uint32_t after, uint32_t *stream,
                           godwit__problem_t *problem)
{
    sqlite3_stmt *statement = NULL;
    *stream = 0;
    int code = sqlite3_prepare_v2 (store->db, "SELECT id FROM items WHERE id > ?1 ORDER BY id LIMIT 1", -1,
                                   &statement, NULL);
    if (code == SQLITE_OK) {
        sqlite3_bind_int64 (statement, 1, godwit__spool_segment_id (after, GODWIT__SPOOL_NUMBER_MAX));
        code = sqlite3_step (statement);
    }
    if (code == SQLITE_ROW)
        *stream = (uint32_t) (sqlite3_column_int64 (statement, 0) >> GODWIT__SPOOL_NUMBER_BITS);
    else if (code != SQLITE_DONE)
        godwit__store_problem (store, doing[GODWIT__STORE_WALK], problem);
    sqlite3_finalize (statement);
    return code == SQLITE_ROW || code == SQLITE_DONE ? GODWIT_OK : problem->status;
}
