/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/spool/spool_world.h"

#include "tests/support/must.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_SIZE (1 << 20)

const char *
world_folder (void)
{
    static char path[128];
    /* In memory, where that is possible: what a sync is for is tested by fault_vfs.h. */
    snprintf (path, sizeof path, "/dev/shm/godwit-spool-test-XXXXXX");
    if (mkdtemp (path))
        return path;
    snprintf (path, sizeof path, "/tmp/godwit-spool-test-XXXXXX");
    cr_assert (mkdtemp (path));
    return path;
}

void
world_remove (const char *folder)
{
    char command[300];
    snprintf (command, sizeof command, "rm -rf '%s'", folder);
    cr_assert_eq (system (command), 0);
}

const char *
world_path (const char *folder, const char *name)
{
    static char path[256];
    snprintf (path, sizeof path, "%s/%s", folder, name);
    return path;
}

uint64_t
world_seeds (uint64_t count)
{
    const char *const sanitizer = getenv ("GODWIT_SANITIZE");
    return sanitizer && *sanitizer ? count / 8 : count;
}

godwit_spool_t *
world_open (const char *path, const godwit_sqlite_spool_options_t *options)
{
    godwit_spool_t *spool = NULL;
    MUST (godwit_sqlite_spool_open (&spool, path, options, &error));
    return spool;
}

void
world_open_fails (const char *path, const godwit_sqlite_spool_options_t *options, godwit_status_t status,
                  const char *text)
{
    godwit_spool_t *spool = NULL;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_sqlite_spool_open (&spool, path, options, &error), status, "%s",
                  godwit_error_print (error));
    cr_assert (strstr (godwit_error_message (error), text), "no \"%s\" in: %s", text,
               godwit_error_message (error));
    cr_assert_null (spool);
    godwit_error_destroy (&error);
}

void
world_run_sql (const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    cr_assert_eq (sqlite3_open (path, &db), SQLITE_OK);
    cr_assert_eq (sqlite3_exec (db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg (db));
    sqlite3_close (db);
}

uint64_t
world_append (godwit_spool_t *spool, const char *stream, const char *text)
{
    godwit_spool_item_t item = {.stream = stream, .data = text, .size = strlen (text)};
    MUST (spool->ops->append (spool, &item, 1, NULL, NULL, &error));
    return item.number;
}

void
world_settle (godwit_spool_t *spool, const char *stream, const char *pool, uint64_t first, uint64_t count)
{
    MUST (spool->ops->settle (spool, stream, pool, first, count, &error));
}

void
world_set_pool (godwit_spool_t *spool, const char *stream, const char *pool, uint64_t settled)
{
    MUST (spool->ops->set_pool (spool, stream, pool, settled, 1000, &error));
}

void
world_flush (godwit_spool_t *spool)
{
    MUST (spool->ops->flush (spool, &error));
}

static bool
print_item (void *user, uint64_t number, const void *data, size_t size)
{
    char *const text = user;
    const size_t length = strlen (text);
    snprintf (text + length, TEXT_SIZE - length, "%s%" PRIu64 ":%.*s", length ? " " : "", number,
              size < 16 ? (int) size : 16, size ? (const char *) data : "");
    return true;
}

const char *
world_read (godwit_spool_t *spool, const char *stream, const char *pool)
{
    static char text[TEXT_SIZE];
    text[0] = '\0';
    MUST (spool->ops->read (spool, stream, pool, 0, 0, 0, print_item, text, &error));
    return text;
}

static int
compare_pools (const void *a, const void *b)
{
    return strcmp (((const godwit_spool_pool_t *) a)->name, ((const godwit_spool_pool_t *) b)->name);
}

static bool
print_stream (void *user, const char *name, uint64_t last_number, const godwit_spool_pool_t *pools,
              size_t pool_count)
{
    char *const text = user;
    size_t length = strlen (text);
    godwit_spool_pool_t sorted[64];
    cr_assert_leq (pool_count, 64);
    if (pool_count)
        memcpy (sorted, pools, pool_count * sizeof *sorted);
    qsort (sorted, pool_count, sizeof *sorted, compare_pools);
    snprintf (text + length, TEXT_SIZE - length, "%s%s %" PRIu64, length ? "; " : "", name, last_number);
    for (size_t i = 0; i < pool_count; i++) {
        length = strlen (text);
        snprintf (text + length, TEXT_SIZE - length, " %s=%" PRIu64, sorted[i].name, sorted[i].settled);
    }
    return true;
}

const char *
world_streams (godwit_spool_t *spool)
{
    static char text[TEXT_SIZE];
    text[0] = '\0';
    MUST (spool->ops->streams (spool, print_stream, text, &error));
    return text;
}
