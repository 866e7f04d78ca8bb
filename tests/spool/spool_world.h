/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the spool share: a folder, short forms of the calls, and what a stream holds as text. */
#ifndef GODWIT_TESTS_SPOOL_WORLD_H
#define GODWIT_TESTS_SPOOL_WORLD_H

#include <godwit/spool.h>
#include <godwit/sqlite_spool.h>

#include <stddef.h>

/* A new folder, and its removal. */
const char *world_folder (void);
void world_remove (const char *folder);
/* Static text: a file in a folder. */
const char *world_path (const char *folder, const char *name);

/* How many seeds a test takes: fewer under a sanitizer. */
uint64_t world_seeds (uint64_t count);

godwit_spool_t *world_open (const char *path, const godwit_sqlite_spool_options_t *options);
/* It fails with this status, and the text has this in it. */
void world_open_fails (const char *path, const godwit_sqlite_spool_options_t *options, godwit_status_t status,
                       const char *text);

/* Runs SQL in a spool's file, as another program might. */
void world_run_sql (const char *path, const char *sql);

/* Appends a text; returns its number. */
uint64_t world_append (godwit_spool_t *spool, const char *stream, const char *text);
void world_settle (godwit_spool_t *spool, const char *stream, const char *pool, uint64_t first,
                   uint64_t count);
void world_set_pool (godwit_spool_t *spool, const char *stream, const char *pool, uint64_t settled);
void world_flush (godwit_spool_t *spool);
/* "1:one 2:two": what a pool has not settled; of long items the first 16 bytes. NULL: what is kept. Static
 * text. */
const char *world_read (godwit_spool_t *spool, const char *stream, const char *pool);
/* "info 3 audit=1 dash=0; warn 0": the streams with their last numbers, and their pools. Static text. */
const char *world_streams (godwit_spool_t *spool);

#define MUST_BE(actual_, expected_) cr_assert_str_eq ((actual_), (expected_))

#endif
