/* SPDX-License-Identifier: Apache-2.0 */
/* What stands for a durable spool in plain SQLite: rows of the size of a notification, 64 a transaction, in
 * WAL, each transaction on the disk before the next begins. Nothing is deleted, and nobody gets them. */
#ifdef BENCH_SPOOL
#include "clock.h"
#include "die.h"
#include "pair.h"
#include "spool_folder.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 64, ROW_MAX = 4096 };

typedef struct {
    size_t row_size;
    char folder[BENCH_FOLDER_SIZE];
    sqlite3 *db;
    sqlite3_stmt *insert;
} writer_t;

/* There is no server. */
static void *
serve (const bench_setup_t *setup, char where[BENCH_WHERE_SIZE])
{
    (void) setup;
    snprintf (where, BENCH_WHERE_SIZE, "nobody");
    return bench_alloc (1);
}

static void
unserve (void *server)
{
    free (server);
}

static void
execute (writer_t *self, const char *sql)
{
    bench_check (sqlite3_exec (self->db, sql, NULL, NULL, NULL) == SQLITE_OK, sql);
}

static void *
open_writer (const bench_setup_t *setup)
{
    writer_t *self = bench_alloc (sizeof *self);
    char path[BENCH_FOLDER_SIZE + 16];

    self->row_size = setup->payload_size;
    bench_folder_make (self->folder);
    snprintf (path, sizeof path, "%s/rows.db", self->folder);
    bench_check (sqlite3_open (path, &self->db) == SQLITE_OK, "sqlite3_open");
    execute (self, "PRAGMA journal_mode=WAL");
    execute (self, "PRAGMA synchronous=FULL");
    execute (self, "CREATE TABLE rows (id INTEGER PRIMARY KEY, data BLOB)");
    bench_check (sqlite3_prepare_v2 (self->db, "INSERT INTO rows (data) VALUES (?1)", -1, &self->insert,
                                     NULL) == SQLITE_OK,
                 "sqlite3_prepare_v2");
    return self;
}

static uint64_t
burst (void *client, size_t count, bench_samples_t *samples)
{
    static const char row[ROW_MAX];
    writer_t *self = client;
    const uint64_t begin = bench_now_ns ();

    (void) samples;
    for (size_t i = 0; i < count; i++) {
        if (i % BATCH == 0)
            execute (self, "BEGIN IMMEDIATE");
        sqlite3_bind_blob (self->insert, 1, row, (int) self->row_size, SQLITE_STATIC);
        bench_check (sqlite3_step (self->insert) == SQLITE_DONE, "INSERT");
        sqlite3_reset (self->insert);
        if (i % BATCH == BATCH - 1)
            execute (self, "COMMIT");
    }
    return bench_now_ns () - begin;
}

static void
close_writer (void *client)
{
    writer_t *self = client;
    sqlite3_finalize (self->insert);
    sqlite3_close (self->db);
    bench_folder_remove (self->folder);
    free (self);
}

const bench_half_t bench_baseline_spool = {
    .name = "bare SQLite",
    .serve = serve,
    .unserve = unserve,
    .open = open_writer,
    .burst = burst,
    .close = close_writer,
};
#endif
