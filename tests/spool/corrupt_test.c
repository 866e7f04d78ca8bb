/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are damaged, are no spool, or are of another version: each is a clear error. Of a damaged one
 * nothing wrong is ever read, and nothing is missing without an error; a repair saves what is whole. */
#include "tests/spool/spool_world.h"
#include "tests/support/must.h"
#include "tests/support/random.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite (corrupt, .timeout = 110);

#define SEEDS 400
#define ITEMS 400
#define STREAMS 3

static char folder[128], path[160], whole[170];
static const char *const streams[STREAMS] = {"info", "warn", "casts.orders"};

static void
begin (void)
{
    strcpy (folder, world_folder ());
    snprintf (path, sizeof path, "%s/spool", folder);
    snprintf (whole, sizeof whole, "%s/whole", folder);
}

static void
end (void)
{
    world_remove (folder);
}

static void
run (const char *format, const char *a, const char *b)
{
    char command[600];
    snprintf (command, sizeof command, "%s '%s' '%s'", format, a, b);
    cr_assert_eq (system (command), 0, "%s", command);
}

static void
write_file (const char *text, size_t size)
{
    FILE *const file = fopen (path, "wb");
    cr_assert (file);
    cr_assert_eq (fwrite (text, 1, size, file), size);
    fclose (file);
}

/* The bytes of an item follow from its place. */
static size_t
make_item (char *data, uint32_t stream, uint64_t number)
{
    const size_t size = (number * 7 + stream) % 90 == 0 ? 9000 : 20 + number % 300;
    memset (data, (int) ('a' + (number + stream) % 26), size);
    const int length = snprintf (data, 20, "%u/%" PRIu64, stream, number);
    data[length] = ' ';
    return size;
}

static void
fill (void)
{
    static char data[9000];
    godwit_spool_t *spool = world_open (path, GODWIT_SQLITE_SPOOL_OPTIONS (.level = GODWIT_SPOOL_PROCESS));
    for (uint32_t i = 0; i < STREAMS; i++) {
        world_set_pool (spool, streams[i], "audit", 0);
        world_set_pool (spool, streams[i], "dash", 0);
        for (uint64_t number = 1; number <= ITEMS; number++) {
            godwit_spool_item_t item = {
                .stream = streams[i], .data = data, .size = make_item (data, i, number)};
            MUST (spool->ops->append (spool, &item, 1, NULL, NULL, &error));
        }
        world_settle (spool, streams[i], "audit", 1, 50);
        world_settle (spool, streams[i], "audit", 100, 20);
        world_settle (spool, streams[i], "dash", 1, 30);
        world_settle (spool, streams[i], "dash", 105, 5);
    }
    godwit_sqlite_spool_close (&spool);
}

static bool
is_settled (const char *pool, uint64_t number)
{
    return *pool == 'a' ? number <= 50 || (number >= 100 && number < 120)
                        : number <= 30 || (number >= 105 && number < 110);
}

/* ---- what a damaged file gives ---- */

typedef struct seen {
    uint32_t stream;
    bool is_there[ITEMS + 1];
    uint64_t count;
} seen_t;

static bool
see (void *user, uint64_t number, const void *data, size_t size)
{
    static char expected[9000];
    seen_t *const seen = user;
    cr_assert (number >= 1 && number <= ITEMS, "%" PRIu64, number);
    cr_assert_eq (size, make_item (expected, seen->stream, number), "item %" PRIu64, number);
    cr_assert_eq (memcmp (data, expected, size), 0, "item %" PRIu64, number);
    seen->is_there[number] = true;
    seen->count++;
    return true;
}

static godwit_status_t
read_all (godwit_spool_t *spool, uint32_t stream, const char *pool, seen_t *seen)
{
    memset (seen, 0, sizeof *seen);
    seen->stream = stream;
    return spool->ops->read (spool, streams[stream], pool, 0, 0, 0, see, seen, NULL);
}

/* Nothing wrong is read, and nothing is missing without an error. True: all was read. */
static bool
try_pool (godwit_spool_t *spool, uint32_t stream, const char *pool)
{
    static seen_t seen;
    const godwit_status_t status = read_all (spool, stream, pool, &seen);
    if (status) {
        cr_assert_eq (status, GODWIT_ERR_MALFORMED, "%s", godwit_status_type (status));
        return false;
    }
    for (uint64_t i = 1; i <= ITEMS; i++)
        cr_assert_eq (seen.is_there[i], !is_settled (pool, i), "%s %" PRIu64 " of %s", streams[stream], i,
                      pool);
    return true;
}

static bool
try_damaged (void)
{
    godwit_spool_t *spool = NULL;
    godwit_error_t *failure = NULL;
    const godwit_status_t status = godwit_sqlite_spool_open (&spool, path, NULL, &failure);
    if (status) {
        cr_assert_eq (status, GODWIT_ERR_MALFORMED, "%s", godwit_error_print (failure));
        cr_assert (strstr (godwit_error_message (failure), path), "%s", godwit_error_message (failure));
        godwit_error_destroy (&failure);
        return false;
    }
    bool is_whole = true;
    for (uint32_t i = 0; i < STREAMS; i++) {
        is_whole = try_pool (spool, i, "audit") && is_whole;
        is_whole = try_pool (spool, i, "dash") && is_whole;
    }
    godwit_sqlite_spool_close (&spool);
    return is_whole;
}

/* Everything that a repaired file says is there can be read, and is right. */
static uint64_t
try_repaired (void)
{
    static seen_t seen;
    uint64_t count = 0;
    godwit_spool_t *spool = world_open (path, NULL);
    for (uint32_t i = 0; i < STREAMS; i++) {
        const godwit_status_t status = read_all (spool, i, NULL, &seen);
        cr_assert (status == GODWIT_OK || status == GODWIT_ERR_NOT_FOUND);
        count += seen.count;
        world_append (spool, streams[i], "next");
    }
    godwit_sqlite_spool_close (&spool);
    return count;
}

static void
damage (random_t *random)
{
    struct stat file;
    cr_assert_eq (stat (path, &file), 0);
    const int fd = open (path, O_RDWR | O_CLOEXEC);
    const uint32_t size = (uint32_t) file.st_size, what = random_below (random, 10);
    uint8_t bytes[4096] = {0};
    if (what < 6) { /* flipped bits */
        for (uint32_t i = 0, count = 1 + random_below (random, 8); i < count; i++) {
            /* The first pages are what all else hangs on. */
            const off_t at = random_below (random, random_below (random, 3) ? size : 5 * 4096);
            cr_assert_eq (pread (fd, bytes, 1, at), 1);
            bytes[0] ^= (uint8_t) (1u << random_below (random, 8));
            cr_assert_eq (pwrite (fd, bytes, 1, at), 1);
        }
    } else if (what < 8) { /* a page that is not what was written */
        for (size_t i = 0; what == 6 && i < sizeof bytes; i++)
            bytes[i] = (uint8_t) random_below (random, 256);
        cr_assert_eq (pwrite (fd, bytes, sizeof bytes, 4096 * (off_t) random_below (random, size / 4096)),
                      4096);
    } else
        cr_assert_eq (ftruncate (fd, random_below (random, size)), 0);
    close (fd);
}

static void
repair_and_try (uint64_t seed)
{
    godwit_sqlite_spool_repair_t report;
    godwit_error_t *failure = NULL;
    const godwit_status_t status = godwit_sqlite_spool_repair (path, &report, sizeof report, &failure);
    if (status) { /* nothing can be read; the file stays */
        cr_assert_eq (status, GODWIT_ERR_MALFORMED, "seed %" PRIu64 ": %s", seed,
                      godwit_error_print (failure));
        cr_assert_eq (access (path, F_OK), 0);
        godwit_error_destroy (&failure);
        return;
    }
    if (!report.is_damaged) {
        cr_assert (try_damaged (), "seed %" PRIu64 ": a repair finds nothing", seed);
        return;
    }
    cr_assert_neq (*report.found, '\0');
    cr_assert_eq (access (report.damaged, F_OK), 0);
    const uint64_t found = try_repaired ();
    if (!report.streams_new) /* else they have another name */
        cr_assert_leq (found, report.kept, "seed %" PRIu64, seed);
    if (!report.streams_new && !report.pools_lost)
        cr_assert_leq (report.lost, STREAMS * ITEMS, "seed %" PRIu64, seed);
}

Test (corrupt, nothing_wrong_is_read_and_nothing_is_missing)
{
    random_t random = random_start ();
    int whole_count = 0;
    begin ();
    fill ();
    run ("cp", path, whole);
    for (uint64_t seed = 0; seed < world_seeds (SEEDS); seed++) {
        run ("rm -f", path, folder[0] ? "/nonexistent" : "");
        run ("cp", whole, path);
        damage (&random);
        whole_count += try_damaged ();
        repair_and_try (seed);
        char command[300];
        snprintf (command, sizeof command, "rm -f '%s'-*", path);
        cr_assert_eq (system (command), 0);
    }
    cr_assert_lt (whole_count, (int) world_seeds (SEEDS) / 2); /* else the damage is none */
    end ();
}

/* SQLite has no code of its own for this one. */
Test (corrupt, a_head_with_an_unknown_format_is_damage)
{
    begin ();
    fill ();
    const int fd = open (path, O_WRONLY | O_CLOEXEC);
    cr_assert_eq (pwrite (fd, "\x44", 1, 47), 1); /* SQLite's schema format: 1 to 4 */
    close (fd);
    world_open_fails (path, NULL, GODWIT_ERR_MALFORMED, "unsupported file format");
    end ();
}

/* ---- files of others ---- */

Test (corrupt, what_is_no_spool_is_not_touched)
{
    begin ();
    write_file ("this is a letter, and no database at all", 40);
    world_open_fails (path, NULL, GODWIT_ERR_MALFORMED, "is damaged");
    char text[64] = "";
    FILE *const file = fopen (path, "rb");
    cr_assert_eq (fread (text, 1, sizeof text, file), 40);
    fclose (file);
    cr_assert_eq (strncmp (text, "this is a letter", 16), 0);

    write_file ("", 0); /* as a crash leaves it before the tables are there */
    godwit_spool_t *spool = world_open (path, NULL);
    world_append (spool, "info", "one");
    godwit_sqlite_spool_close (&spool);

    run ("rm -f", path, path);
    world_run_sql (path, "CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)");
    world_open_fails (path, NULL, GODWIT_ERR_MALFORMED,
                      "is no spool: expected an SQLite file of application");
    godwit_sqlite_spool_repair_t report;
    cr_assert_eq (godwit_sqlite_spool_repair (path, &report, sizeof report, NULL), GODWIT_ERR_MALFORMED);
    world_run_sql (path, "INSERT INTO theirs VALUES (2)");

    world_open_fails (folder, NULL, GODWIT_ERR_INVALID_ARGUMENT, "expected a file");
    world_open_fails ("/nonexistent/spool", NULL, GODWIT_ERR_SYSTEM, "No such file or directory");
    end ();
}

Test (corrupt, other_versions_are_not_opened)
{
    begin ();
    fill ();
    world_run_sql (path, "PRAGMA user_version = 2");
    world_open_fails (path, NULL, GODWIT_ERR_MALFORMED,
                      "has format 2, and this library knows formats up to 1");
    world_open_fails (path, GODWIT_SQLITE_SPOOL_OPTIONS (.read_only = true), GODWIT_ERR_MALFORMED,
                      "newer one");
    godwit_sqlite_spool_repair_t report; /* a repair by an older version would lose what it does not know */
    cr_assert_eq (godwit_sqlite_spool_repair (path, &report, sizeof report, NULL), GODWIT_ERR_MALFORMED);
    world_run_sql (path, "PRAGMA user_version = 1");
    cr_assert (try_damaged ());
    end ();
}

/* A trigger would be run by the owner. */
Test (corrupt, a_file_with_more_in_it_is_not_opened)
{
    begin ();
    fill ();
    world_run_sql (path, "CREATE TRIGGER theirs AFTER INSERT ON items BEGIN DELETE FROM items; END");
    world_open_fails (path, NULL, GODWIT_ERR_MALFORMED, "its tables are not those of a spool");
    world_run_sql (path, "DROP TRIGGER theirs");
    cr_assert (try_damaged ());
    end ();
}

/* ---- what SQLite takes for whole ---- */

static void
assert_found (const char *sql, const char *text)
{
    run ("cp", whole, path);
    world_run_sql (path, sql);
    godwit_spool_t *spool = NULL;
    godwit_error_t *failure = NULL;
    static seen_t seen;
    godwit_status_t status = godwit_sqlite_spool_open (&spool, path, NULL, &failure);
    if (!status) {
        seen.stream = 0;
        status = spool->ops->read (spool, "info", "audit", 0, 0, 0, see, &seen, &failure);
    }
    cr_assert_eq (status, GODWIT_ERR_MALFORMED, "%s", sql);
    cr_assert (strstr (godwit_error_message (failure), text), "%s: %s", sql, godwit_error_message (failure));
    cr_assert (strstr (godwit_error_message (failure), "godwit spool repair"));
    godwit_error_destroy (&failure);
    godwit_sqlite_spool_close (&spool);
}

Test (corrupt, rows_have_checksums)
{
    begin ();
    fill ();
    run ("cp", path, whole);
    assert_found ("UPDATE pools SET settled = settled + 1", "the row of a pool is not what was written");
    assert_found ("UPDATE pools SET name = 'other' WHERE id = 1", "the row of a pool");
    assert_found ("UPDATE pools SET settled_above = x'00'", "the row of a pool");
    assert_found ("UPDATE streams SET last = last + 1", "the row of a stream is not what was written");
    assert_found ("UPDATE streams SET name = 'inro' WHERE name = 'info'", "the row of a stream");
    assert_found ("DELETE FROM streams WHERE name = 'warn'", "the row of a");
    assert_found ("DELETE FROM items WHERE id = (1 << 47) + 60", "item 60 is missing");
    assert_found ("UPDATE items SET data = replace (data, x'61', x'62')", "is not what was written");
    assert_found ("UPDATE items SET count = count + 1", "");
    assert_found ("UPDATE items SET id = id + 1000000 WHERE id = (SELECT max (id) FROM items)", "");
    end ();
}

Test (corrupt, a_repair_says_what_is_lost)
{
    godwit_sqlite_spool_repair_t report;
    begin ();
    fill ();
    run ("cp", path, whole);
    MUST (godwit_sqlite_spool_repair (path, &report, sizeof report, &error));
    cr_assert (!report.is_damaged);

    /* Of item 60 of the first stream, and of a segment of the second. */
    world_run_sql (path, "UPDATE items SET data = x'00' WHERE id = (1 << 47) + 60; "
                         "DELETE FROM items WHERE id = (2 << 47) + 200");
    MUST (godwit_sqlite_spool_repair (path, &report, sizeof report, &error));
    cr_assert (report.is_damaged);
    cr_assert_eq (report.lost, 2);
    cr_assert_eq (report.kept, STREAMS * (ITEMS - 35) - 2);
    cr_assert_eq (report.streams_new + report.pools_reset + report.pools_lost, 0);
    cr_assert (strstr (report.damaged, "/spool-damaged-1"), "%s", report.damaged);
    godwit_spool_t *spool = world_open (path, NULL);
    static seen_t seen;
    cr_assert_eq (read_all (spool, 0, "audit", &seen), GODWIT_OK);
    cr_assert (seen.is_there[59] && !seen.is_there[60] && seen.is_there[61]);
    cr_assert_eq (seen.count, ITEMS - 50 - 20 - 1);
    cr_assert_eq (world_append (spool, "info", "next"), ITEMS + 1);
    world_settle (spool, "info", "audit", 1, ITEMS + 1);
    world_settle (spool, "info", "dash", 1, ITEMS + 1);
    world_flush (spool);
    MUST_BE (world_read (spool, "info", NULL), "");
    godwit_sqlite_spool_close (&spool);

    /* The names of a stream and of a pool. */
    run ("cp", whole, path);
    world_run_sql (path, "DELETE FROM streams WHERE id = 3; UPDATE pools SET settled = 0 WHERE id = 1");
    MUST (godwit_sqlite_spool_repair (path, &report, sizeof report, &error));
    cr_assert_eq (report.streams_new, 1);
    cr_assert_eq (report.pools_reset, 1);
    cr_assert_eq (report.lost, 5); /* which were deleted, but the row that said so is lost */
    cr_assert (strstr (report.damaged, "/spool-damaged-2"), "%s", report.damaged);
    spool = world_open (path, NULL);
    cr_assert (strstr (world_streams (spool), "recovered-3 400 audit=50 dash=30"), "%s",
               world_streams (spool));
    godwit_sqlite_spool_close (&spool);
    end ();
}

/* Zeroes a page. Returns how many segments it held; 0: it is no leaf. */
static uint64_t
zero_page (int page)
{
    uint8_t bytes[4096] = {0};
    const int fd = open (path, O_RDWR | O_CLOEXEC);
    cr_assert_eq (pread (fd, bytes, sizeof bytes, 4096 * (off_t) page), 4096);
    const uint64_t count = bytes[0] == 0x0d ? bytes[3] * 256u + bytes[4] : 0;
    memset (bytes, 0, sizeof bytes);
    if (count)
        cr_assert_eq (pwrite (fd, bytes, sizeof bytes, 4096 * (off_t) page), 4096);
    close (fd);
    return count;
}

/* The segments before it and behind it are saved, all of them. */
Test (corrupt, a_damaged_page_costs_what_it_held)
{
    godwit_sqlite_spool_repair_t report;
    int leaves = 0;
    begin ();
    fill ();
    run ("cp", path, whole);
    for (int page = 6; page < 60; page += 3) {
        run ("cp", whole, path);
        const uint64_t count = zero_page (page);
        if (count == 0)
            continue;
        leaves++;
        MUST (godwit_sqlite_spool_repair (path, &report, sizeof report, &error));
        cr_assert (report.is_damaged);
        cr_assert_eq (report.lost, count, "page %d: %" PRIu64 " of %" PRIu64, page, report.lost, count);
        cr_assert_eq (report.kept, STREAMS * (ITEMS - 35) - count);
    }
    cr_assert_gt (leaves, 5);
    end ();
}

Test (corrupt, a_spool_that_is_owned_is_not_repaired)
{
    godwit_sqlite_spool_repair_t report;
    godwit_error_t *failure = NULL;
    begin ();
    godwit_spool_t *spool = world_open (path, NULL);
    cr_assert_eq (godwit_sqlite_spool_repair (path, &report, sizeof report, &failure), GODWIT_ERR_SYSTEM);
    cr_assert (strstr (godwit_error_message (failure), "open in this process"));
    godwit_error_destroy (&failure);
    godwit_sqlite_spool_close (&spool);
    end ();
}

/* The first page of the file is mended: all else is there. */
static void
damage_first_page (const char *bytes, size_t size)
{
    godwit_sqlite_spool_repair_t report;
    begin ();
    fill ();
    const int fd = open (path, O_WRONLY | O_CLOEXEC);
    cr_assert_eq (pwrite (fd, bytes, size, 0), (ssize_t) size);
    close (fd);
    world_open_fails (path, NULL, GODWIT_ERR_MALFORMED, "is damaged");
    MUST (godwit_sqlite_spool_repair (path, &report, sizeof report, &error));
    cr_assert_eq (report.lost, 0);
    cr_assert_eq (report.kept, STREAMS * (ITEMS - 35));
    cr_assert (try_damaged ());
    end ();
}

Test (corrupt, a_damaged_head_costs_nothing)
{
    damage_first_page ("SQLIGHT", 7);
}

Test (corrupt, a_damaged_first_page_costs_nothing)
{
    static const char zeros[4096];
    damage_first_page (zeros, sizeof zeros);
}

/* ---- options ---- */

Test (corrupt, options_that_make_no_sense)
{
    godwit_sqlite_spool_options_t options = {0};
    begin ();
    world_open_fails (path, &options, GODWIT_ERR_INVALID_ARGUMENT, "options.struct_size is 0");
    options.struct_size = sizeof options;
    options.level = (godwit_spool_level_t) 7;
    world_open_fails (path, &options, GODWIT_ERR_INVALID_ARGUMENT, "options.level: expected");
    options.level = GODWIT_SPOOL_POWER;
    options.sync_ms = -1;
    world_open_fails (path, &options, GODWIT_ERR_INVALID_ARGUMENT, "options.sync_ms: expected");
    options.sync_ms = INT64_MAX;
    world_open_fails (path, &options, GODWIT_ERR_INVALID_ARGUMENT, "expected 0 to 3600000 (an hour), got");
    options.sync_ms = 0;
    options.vfs = "none of this name";
    world_open_fails (path, &options, GODWIT_ERR_SYSTEM, "no such vfs");
    struct {
        godwit_sqlite_spool_options_t known;
        uint64_t unknown;
    } newer = {.known = {.struct_size = sizeof newer}};
    godwit_spool_t *spool = world_open (path, &newer.known);
    godwit_sqlite_spool_close (&spool);
    newer.unknown = 1;
    world_open_fails (path, &newer.known, GODWIT_ERR_INVALID_ARGUMENT, "use no option that is newer");
    cr_assert_eq (godwit_sqlite_spool_open (NULL, path, NULL, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (godwit_sqlite_spool_open (&spool, NULL, NULL, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    godwit_sqlite_spool_close (NULL);
    spool = NULL;
    godwit_sqlite_spool_close (&spool);
    end ();
}
