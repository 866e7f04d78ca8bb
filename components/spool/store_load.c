/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the tables of streams and pools, whose rows have checksums. */
#include "components/spool/store.h"

#include "components/spool/segment.h"

#include <string.h>

/* A column that is a set: a floor, and the spans above it. */
static godwit_status_t
read_spans (const godwit__store_t *store, sqlite3_stmt *statement, int at, godwit__spans_t *spans,
            bool *is_damaged, godwit__problem_t *problem)
{
    const uint64_t floor = (uint64_t) sqlite3_column_int64 (statement, at);
    const uint8_t *const above = sqlite3_column_blob (statement, at + 1);
    const size_t size = (size_t) sqlite3_column_bytes (statement, at + 1);
    bool is_malformed = false;
    if (floor > GODWIT__SPOOL_NUMBER_MAX ||
        !godwit__spool_spans_read (spans, floor, above, size, &is_malformed)) {
        godwit__spool_spans_free (spans);
        if (floor <= GODWIT__SPOOL_NUMBER_MAX && !is_malformed)
            return godwit__spool_problem (problem, GODWIT_ERR_OUT_OF_MEMORY, "the spool %s: out of memory",
                                          store->path);
        *is_damaged = true;
    }
    if (spans->count && spans->above[spans->count - 1].last > GODWIT__SPOOL_NUMBER_MAX) {
        godwit__spool_spans_free (spans);
        *is_damaged = true;
    }
    return GODWIT_OK;
}

/* What can be asked for: any bytes, as topics and pools may have. */
static bool
is_name (const char *name)
{
    return *name && strlen (name) <= GODWIT__SPOOL_NAME_MAX;
}

static godwit_status_t
read_stream (const godwit__store_t *store, sqlite3_stmt *statement, const godwit__store_rows_t *rows,
             godwit__problem_t *problem)
{
    const char *const name = (const char *) sqlite3_column_text (statement, 1);
    const int64_t id = sqlite3_column_int64 (statement, 0);
    godwit__stream_row_t row = {
        .id = (uint32_t) id,
        .name = name ? name : "",
        .last = (uint64_t) sqlite3_column_int64 (statement, 2),
        .items = (uint64_t) sqlite3_column_int64 (statement, 3),
        .bytes = (uint64_t) sqlite3_column_int64 (statement, 4),
    };
    bool is_damaged =
        id < 1 || id > GODWIT__SPOOL_STREAM_MAX || row.last > GODWIT__SPOOL_NUMBER_MAX || !is_name (row.name);
    const godwit_status_t status = read_spans (store, statement, 5, &row.gone, &is_damaged, problem);
    if (status)
        return status;
    const uint64_t numbers[] = {(uint64_t) id, row.last, row.items, row.bytes,
                                (uint64_t) sqlite3_column_int64 (statement, 5)};
    if (sqlite3_column_int64 (statement, 7) !=
        godwit__spool_row_sum (row.name, numbers, 5, sqlite3_column_blob (statement, 6),
                               (size_t) sqlite3_column_bytes (statement, 6)))
        is_damaged = true;
    return rows->stream (rows->user, &row, is_damaged, problem);
}

static godwit_status_t
read_pool (const godwit__store_t *store, sqlite3_stmt *statement, const godwit__store_rows_t *rows,
           godwit__problem_t *problem)
{
    const char *const name = (const char *) sqlite3_column_text (statement, 2);
    const int64_t id = sqlite3_column_int64 (statement, 0), stream = sqlite3_column_int64 (statement, 1);
    godwit__pool_row_t row = {
        .id = (uint32_t) id,
        .stream = (uint32_t) stream,
        .name = name ? name : "",
        .seen_ms = sqlite3_column_int64 (statement, 5),
    };
    /* Behind the last number there is none for a new pool. */
    bool is_damaged =
        id < 1 || id >= UINT32_MAX || stream < 1 || stream > GODWIT__SPOOL_STREAM_MAX || !is_name (row.name);
    const godwit_status_t status = read_spans (store, statement, 3, &row.settled, &is_damaged, problem);
    if (status)
        return status;
    const uint64_t numbers[] = {(uint64_t) id, (uint64_t) stream,
                                (uint64_t) sqlite3_column_int64 (statement, 3), (uint64_t) row.seen_ms};
    if (sqlite3_column_int64 (statement, 6) !=
        godwit__spool_row_sum (row.name, numbers, 4, sqlite3_column_blob (statement, 4),
                               (size_t) sqlite3_column_bytes (statement, 4)))
        is_damaged = true;
    return rows->pool (rows->user, &row, is_damaged, problem);
}

/* Takes memory for all columns, so that nothing that follows is short of it. */
static godwit_status_t
fetch (const godwit__store_t *store, sqlite3_stmt *statement, godwit__problem_t *problem)
{
    bool is_short = false;
    for (int i = 0; i < sqlite3_column_count (statement); i++) {
        const int type = sqlite3_column_type (statement, i);
        const void *const data = type == SQLITE_BLOB   ? sqlite3_column_blob (statement, i)
                                 : type == SQLITE_TEXT ? sqlite3_column_text (statement, i)
                                                       : NULL;
        is_short = is_short || (!data && sqlite3_errcode (store->db) == SQLITE_NOMEM);
    }
    return is_short ? godwit__spool_problem (problem, GODWIT_ERR_OUT_OF_MEMORY, "the spool %s: out of memory",
                                             store->path)
                    : GODWIT_OK;
}

static godwit_status_t
read_table (const godwit__store_t *store, const char *sql, const godwit__store_rows_t *rows,
            godwit_status_t (*read_row) (const godwit__store_t *, sqlite3_stmt *,
                                         const godwit__store_rows_t *, godwit__problem_t *),
            godwit__problem_t *problem)
{
    sqlite3_stmt *statement = NULL;
    godwit_status_t status = GODWIT_OK;
    int code = sqlite3_prepare_v2 (store->db, sql, -1, &statement, NULL);
    while (code == SQLITE_OK && !status && (code = sqlite3_step (statement)) == SQLITE_ROW) {
        status = fetch (store, statement, problem);
        if (!status)
            status = read_row (store, statement, rows, problem);
        code = SQLITE_OK;
    }
    if (!status && code != SQLITE_DONE)
        status = godwit__store_problem (store, "read its tables", problem);
    sqlite3_finalize (statement);
    return status;
}

godwit_status_t
godwit__store_load (godwit__store_t *store, const godwit__store_rows_t *rows, godwit__problem_t *problem)
{
    const godwit_status_t status =
        read_table (store, "SELECT id, name, last, items, bytes, gone_to, gone_above, sum FROM streams", rows,
                    read_stream, problem);
    return status ? status
                  : read_table (store,
                                "SELECT id, stream, name, settled, settled_above, seen_ms, sum FROM pools "
                                "ORDER BY stream",
                                rows, read_pool, problem);
}
