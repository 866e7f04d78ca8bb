/* SPDX-License-Identifier: Apache-2.0 */
/* The file: a connection of SQLite to it, its tables, and what is read and written in one step.
 *
 *     streams  id, name, last, items, bytes, gone_to, gone_above, sum
 *     pools    id, stream, name, settled, settled_above, seen_ms, sum
 *     items    id, count, at_ms, data          a segment: items of one append, or of some that came together
 *     spool    id, failures
 *
 * The id of a segment is the stream's number and that of its first item, so that the segments of a stream lie
 * in their order, and those that are settled in order are deleted as one range. `last`, `items` and `bytes`
 * of a stream may be behind: what was appended since then is counted when the file is opened. gone_to and
 * gone_above say which numbers are deleted: all others are there, or the file is damaged. `sum` is a checksum
 * of the row, and each item has one of its own (segment.h): SQLite has none.
 *
 * One thread at a time uses a connection. */
#ifndef GODWIT_SPOOL_STORE_H
#define GODWIT_SPOOL_STORE_H

#include "components/spool/problem.h"
#include "components/spool/spans.h"

#include <sqlite3.h>
#include <stdbool.h>

#define GODWIT__SPOOL_NUMBER_BITS 47
#define GODWIT__SPOOL_NUMBER_MAX ((UINT64_C (1) << GODWIT__SPOOL_NUMBER_BITS) - 1)
#define GODWIT__SPOOL_STREAM_MAX 65535 /* numbers of streams: 1 to this */
#define GODWIT__SPOOL_NAME_MAX 4096    /* bytes of the name of a stream or pool; they may be any but 0 */
#define GODWIT__SPOOL_FORMAT 1
#define GODWIT__SPOOL_PAGE_SIZE 4096
#define GODWIT__SPOOL_APPLICATION 0x67647370 /* "gdsp" */
#define GODWIT__STORE_FOREIGN                                                                                \
    (-1) /* the code of a problem: the file is no spool, or one of a newer version */

enum {
    GODWIT__STORE_BEGIN,
    GODWIT__STORE_COMMIT,
    GODWIT__STORE_ROLLBACK,
    GODWIT__STORE_INSERT,
    GODWIT__STORE_PUT_STREAM,
    GODWIT__STORE_PUT_POOL,
    GODWIT__STORE_DELETE_POOL,
    GODWIT__STORE_WALK,
    GODWIT__STORE_DELETE,
    GODWIT__STORE_FIND,
    GODWIT__STORE_COUNT_FAILURE,
    GODWIT__STORE_STATEMENT_COUNT
};

typedef struct godwit__store {
    const char *path; /* borrowed */
    sqlite3 *db;      /* NULL: closed */
    sqlite3_stmt *statements[GODWIT__STORE_STATEMENT_COUNT];
} godwit__store_t;

typedef enum godwit__store_mode {
    GODWIT__STORE_WRITE,     /* makes the file if it is not there */
    GODWIT__STORE_READ,      /* beside one that writes */
    GODWIT__STORE_EXCLUSIVE, /* alone, and with an index of the WAL that is made anew */
    GODWIT__STORE_SALVAGE    /* whatever it is, as long as it has an items table */
} godwit__store_mode_t;

/* A row of `streams`, of `pools`, and of `items`. What they point to is borrowed. */
typedef struct godwit__stream_row {
    uint32_t id;
    const char *name;
    uint64_t last, items, bytes;
    godwit__spans_t gone;
} godwit__stream_row_t;

typedef struct godwit__pool_row {
    uint32_t id;
    uint32_t stream;
    const char *name;
    godwit__spans_t settled;
    int64_t seen_ms;
} godwit__pool_row_t;

typedef struct godwit__segment_row {
    uint64_t first;
    uint64_t count; /* items */
    uint64_t size;  /* bytes of data */
    int64_t at_ms;
    const uint8_t *data; /* NULL: it was not asked for */
} godwit__segment_row_t;

static inline int64_t
godwit__spool_segment_id (uint32_t stream, uint64_t number)
{
    return (int64_t) ((uint64_t) stream << GODWIT__SPOOL_NUMBER_BITS | number);
}

/* ---- a connection ---- */

/* Checks that the file is a spool of this format; a new or empty file becomes one. is_full: fsync at each
 * commit. On failure it is closed. */
godwit_status_t godwit__store_open (godwit__store_t *store, const char *path, const char *vfs,
                                    godwit__store_mode_t mode, bool is_full, godwit__problem_t *problem);
/* with_checkpoint: the last connection copies the WAL into the file and deletes it. */
void godwit__store_close (godwit__store_t *store, bool with_checkpoint);
/* Says what SQLite's last failure on this connection means: "the spool PATH: cannot DOING: ...". */
godwit_status_t godwit__store_problem (const godwit__store_t *store, const char *doing,
                                       godwit__problem_t *problem);
/* Runs statements without results. */
godwit_status_t godwit__store_run (const godwit__store_t *store, const char *sql, const char *doing,
                                   godwit__problem_t *problem);
/* The number that a pragma returns. */
godwit_status_t godwit__store_number (const godwit__store_t *store, const char *sql, int64_t *number,
                                      godwit__problem_t *problem);
/* Looks at all pages of the file. MALFORMED says what is wrong. */
godwit_status_t godwit__store_check (const godwit__store_t *store, godwit__problem_t *problem);
/* Its tables are those of a spool. */
bool godwit__store_has_tables (const godwit__store_t *store);
/* The text that MALFORMED has for this file: what is wrong, and what to do. */
godwit_status_t godwit__store_damaged (const char *path, const char *what, godwit__problem_t *problem);

/* ---- in a transaction ---- */

godwit_status_t godwit__store_begin (godwit__store_t *store, godwit__problem_t *problem);
/* On failure the transaction is rolled back. */
godwit_status_t godwit__store_commit (godwit__store_t *store, godwit__problem_t *problem);
void godwit__store_rollback (godwit__store_t *store);

godwit_status_t godwit__store_insert (godwit__store_t *store, uint32_t stream,
                                      const godwit__segment_row_t *segment, godwit__problem_t *problem);
godwit_status_t godwit__store_put_stream (godwit__store_t *store, const godwit__stream_row_t *row,
                                          godwit__problem_t *problem);
godwit_status_t godwit__store_put_pool (godwit__store_t *store, const godwit__pool_row_t *row,
                                        godwit__problem_t *problem);
godwit_status_t godwit__store_delete_pool (godwit__store_t *store, uint32_t id, godwit__problem_t *problem);
/* Deletes the segments that begin with these numbers. */
godwit_status_t godwit__store_delete (godwit__store_t *store, uint32_t stream, uint64_t first, uint64_t last,
                                      godwit__problem_t *problem);
/* Counts a failed transaction: a small transaction of its own. */
godwit_status_t godwit__store_count_failure (godwit__store_t *store, godwit__problem_t *problem);

/* ---- reading ---- */

/* Tells of a segment, without its data. False: stop. */
typedef bool godwit__store_segment_fn (void *user, const godwit__segment_row_t *segment);

/* Tells of the segments that begin with these numbers, in order. */
godwit_status_t godwit__store_walk (godwit__store_t *store, uint32_t stream, uint64_t first, uint64_t last,
                                    godwit__store_segment_fn *tell, void *user, godwit__problem_t *problem);
/* The segment that begins with this number, or the last one before it. *is_found. Its data is valid until
 * godwit__store_find_end. */
godwit_status_t godwit__store_find (godwit__store_t *store, uint32_t stream, uint64_t number,
                                    godwit__segment_row_t *segment, bool *is_found,
                                    godwit__problem_t *problem);
void godwit__store_find_end (godwit__store_t *store);

/* The first stream behind this one that has a segment; *stream is 0: there is none. */
godwit_status_t godwit__store_next_stream (godwit__store_t *store, uint32_t after, uint32_t *stream,
                                           godwit__problem_t *problem);

/* What the tables of streams and pools hold. A row that is damaged is told with is_damaged, and with what can
 * be made of it. The row's sets are the taker's, who frees them. */
typedef struct godwit__store_rows {
    void *user;
    godwit_status_t (*stream) (void *user, godwit__stream_row_t *row, bool is_damaged,
                               godwit__problem_t *problem);
    godwit_status_t (*pool) (void *user, godwit__pool_row_t *row, bool is_damaged,
                             godwit__problem_t *problem);
} godwit__store_rows_t;

godwit_status_t godwit__store_load (godwit__store_t *store, const godwit__store_rows_t *rows,
                                    godwit__problem_t *problem);

#endif
