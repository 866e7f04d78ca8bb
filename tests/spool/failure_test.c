/* SPDX-License-Identifier: Apache-2.0 */
/* Disks that are full, or fail: what is said, what is kept, and that it goes on afterwards. */
#include "components/spool/inside.h"
#include "tests/spool/fault_vfs.h"
#include "tests/spool/spool_world.h"
#include "tests/support/must.h"
#include "tests/support/random.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

TestSuite (failure, .timeout = 110);

static char folder[128], left[192];
static godwit_spool_t *spool;

static void
reopen (void)
{
    godwit_sqlite_spool_close (&spool);
    spool = world_open (world_path (folder, "spool"), GODWIT_SQLITE_SPOOL_OPTIONS (.vfs = "fault"));
}

static void
begin (void)
{
    strcpy (folder, world_folder ());
    snprintf (left, sizeof left, "%s/left", folder);
    cr_assert_eq (mkdir (left, 0700), 0);
    fault_vfs_begin ();
    spool = world_open (world_path (folder, "spool"), GODWIT_SQLITE_SPOOL_OPTIONS (.vfs = "fault"));
    world_set_pool (spool, "info", "audit", 0);
    world_append (spool, "info", "one");
}

static void
end (void)
{
    godwit_sqlite_spool_close (&spool);
    fault_vfs_end ();
    world_remove (folder);
}

static void
append_fails (const char *text, const char *first, const char *second)
{
    godwit_spool_item_t item = {.stream = "info", .data = text, .size = strlen (text)};
    godwit_error_t *error = NULL;
    cr_assert_eq (spool->ops->append (spool, &item, 1, NULL, NULL, &error), GODWIT_ERR_SYSTEM);
    const char *const said = godwit_error_message (error);
    cr_assert (strstr (said, first) && strstr (said, second) && strstr (said, folder),
               "no \"%s\", \"%s\" in: %s", first, second, said);
    godwit_error_destroy (&error);
}

/* Until the disk works. */
static uint64_t
append_at_last (const char *text)
{
    godwit_spool_item_t item = {.stream = "info", .data = text, .size = strlen (text)};
    godwit_status_t status;
    do
        status = spool->ops->append (spool, &item, 1, NULL, NULL, NULL);
    while (status == GODWIT_ERR_SYSTEM);
    cr_assert_eq (status, GODWIT_OK);
    return item.number;
}

/* What a power failure now would leave. */
static void
assert_left (const char *expected)
{
    fault_vfs_crash (left, FAULT_KEEPS_NOTHING, 1);
    godwit_spool_t *after = world_open (world_path (left, "spool"), NULL);
    MUST_BE (world_read (after, "info", "audit"), expected);
    godwit_sqlite_spool_close (&after);
    char command[300];
    snprintf (command, sizeof command, "rm -f '%s'/*", left);
    cr_assert_eq (system (command), 0);
}

Test (failure, a_full_disk_is_said_and_is_over_when_there_is_room)
{
    begin ();
    fault_vfs_fail_writes (0, 1000000, SQLITE_FULL);
    append_fails ("two", "the disk is full", "make room");
    append_fails ("two", "the disk is full", "make room");
    MUST_BE (world_read (spool, "info", "audit"), "1:one");
    assert_left ("1:one");
    fault_vfs_fail_writes (0, 0, SQLITE_OK);
    cr_assert_eq (world_append (spool, "info", "three"), 2);
    MUST_BE (world_read (spool, "info", "audit"), "1:one 2:three");
    assert_left ("1:one 2:three");
    reopen ();
    MUST_BE (world_read (spool, "info", "audit"), "1:one 2:three");
    end ();
}

Test (failure, a_write_that_fails_halfway_leaves_nothing)
{
    static char large[100000];
    memset (large, 'x', sizeof large - 1);
    begin ();
    for (int after = 0; after < 25; after++) {
        fault_vfs_fail_writes (after, after % 2 ? 1000000 : 1, after % 2 ? SQLITE_FULL : SQLITE_IOERR_WRITE);
        append_fails (large, "cannot", "");
        MUST_BE (world_read (spool, "info", "audit"), "1:one");
    }
    fault_vfs_fail_writes (0, 0, SQLITE_OK);
    assert_left ("1:one");
    reopen ();
    MUST_BE (world_read (spool, "info", "audit"), "1:one");
    cr_assert_eq (world_append (spool, "info", "two"), 2);
    end ();
}

/* What was written before the sync failed is whole in the WAL: it must not come back. */
Test (failure, a_failed_sync_of_the_wal_keeps_nothing)
{
    begin ();
    fault_vfs_fail_syncs (0, 1, true);
    append_fails ("two", "the disk fails", "look into the log");
    MUST_BE (world_read (spool, "info", "audit"), "1:one");
    /* The file as another process would find it, if this one was killed now. */
    char command[600];
    snprintf (command, sizeof command, "cp '%s'/spool '%s'/spool-wal '%s'", folder, folder, left);
    cr_assert_eq (system (command), 0);
    godwit_spool_t *other = world_open (world_path (left, "spool"), NULL);
    MUST_BE (world_read (other, "info", "audit"), "1:one");
    godwit_sqlite_spool_close (&other);
    cr_assert_eq (world_append (spool, "info", "three"), 2);
    assert_left ("1:one 2:three");
    end ();
}

/* Linux calls the next sync of the same pages a success, though they were dropped. The pages have to be
 * written again before what is in them counts as safe. */
Test (failure, what_a_failed_sync_has_dropped_is_written_again)
{
    static char text[4000];
    char expected[65536] = "1:one";
    memset (text, 'x', sizeof text - 1);
    begin ();
    for (int failures = 1; failures < 5; failures++) {
        fault_vfs_fail_syncs (0, failures, false); /* of the file, when the WAL is copied */
        for (int i = 0; i < 400; i++) {
            const uint64_t number = append_at_last (text);
            world_settle (spool, "info", "audit", number, 1);
        }
        const uint64_t number = append_at_last ("kept");
        snprintf (expected + strlen (expected), sizeof expected - strlen (expected), " %" PRIu64 ":kept",
                  number);
        /* The WAL is copied, at first in vain. */
        godwit__problem_t problem;
        godwit__sqlite_spool_t *const self = godwit__sqlite_spool (spool);
        godwit__spool_role_take (self);
        while (godwit__spool_checkpoint (self, &problem) != GODWIT_OK)
            cr_assert_eq (problem.status, GODWIT_ERR_SYSTEM);
        godwit__spool_role_give (self);
        fault_vfs_fail_syncs (0, 0, false);
        append_at_last ("kept"); /* begins the WAL anew, if it may */
        world_flush (spool);
        snprintf (expected + strlen (expected), sizeof expected - strlen (expected), " %" PRIu64 ":kept",
                  number + 1);
        assert_left (expected);
    }
    end ();
}

static void
copy_wal (bool succeeds)
{
    godwit__problem_t problem = {0};
    godwit__sqlite_spool_t *const self = godwit__sqlite_spool (spool);
    godwit__spool_role_take (self);
    cr_assert_eq (godwit__spool_checkpoint (self, &problem), succeeds ? GODWIT_OK : GODWIT_ERR_SYSTEM);
    godwit__spool_role_give (self);
}

/* What was copied, and not synced, before the failure has to be copied again, too: SQLite's index of the WAL
 * says that it need not, as long as anybody has it in memory. */
Test (failure, all_of_the_wal_is_written_again)
{
    static char text[4000];
    char expected[4096] = "1:one";
    memset (text, 'x', sizeof text - 1);
    begin ();
    for (int i = 2; i <= 20; i++) {
        world_append (spool, "info", text);
        snprintf (expected + strlen (expected), 64, " %d:%.16s", i, text);
    }
    sqlite3 *other = NULL; /* such as sqlite3: it has the index in memory, and reads nothing now */
    cr_assert_eq (sqlite3_open_v2 (world_path (folder, "spool"), &other, SQLITE_OPEN_READWRITE, "fault"),
                  SQLITE_OK);
    cr_assert_eq (sqlite3_exec (other, "SELECT * FROM streams", NULL, NULL, NULL), SQLITE_OK);
    godwit_spool_t *viewer = world_open (world_path (folder, "spool"),
                                         GODWIT_SQLITE_SPOOL_OPTIONS (.vfs = "fault", .read_only = true));
    world_append (spool, "info", "two");
    copy_wal (true); /* what the viewer does not need; nothing is synced, because it is not all */
    godwit_sqlite_spool_close (&viewer);
    fault_vfs_fail_syncs (0, 1, false);
    copy_wal (false);
    append_fails ("three", "all of it has to be written anew", "end that one");
    sqlite3_close (other);
    cr_assert_eq (world_append (spool, "info", "three"), 22);
    copy_wal (true);
    world_append (spool, "info", "four"); /* begins the WAL anew */
    snprintf (expected + strlen (expected), 64, " 21:two 22:three 23:four");
    assert_left (expected);
    end ();
}

Test (failure, while_no_sync_succeeds_nothing_is_accepted)
{
    begin ();
    fault_vfs_fail_syncs (0, 1000000, true);
    for (int i = 0; i < 10; i++)
        append_fails ("two", "the disk fails", "");
    MUST_BE (world_read (spool, "info", "audit"), "1:one");
    fault_vfs_fail_syncs (0, 0, true);
    cr_assert_eq (world_append (spool, "info", "three"), 2);
    assert_left ("1:one 2:three");
    fault_vfs_fail_syncs (0, 1000000, true);
    append_fails ("four", "the disk fails", "");
    godwit_sqlite_spool_close (&spool);
    fault_vfs_fail_syncs (0, 0, true);
    spool = world_open (world_path (folder, "spool"), GODWIT_SQLITE_SPOOL_OPTIONS (.vfs = "fault"));
    MUST_BE (world_read (spool, "info", "audit"), "1:one 2:three");
    end ();
}

Test (failure, settles_wait_for_a_disk_that_works)
{
    begin ();
    world_append (spool, "info", "two");
    fault_vfs_fail_writes (0, 1000000, SQLITE_FULL);
    world_settle (spool, "info", "audit", 1, 1);
    godwit_error_t *failure = NULL;
    cr_assert_eq (spool->ops->flush (spool, &failure), GODWIT_ERR_SYSTEM);
    cr_assert (strstr (godwit_error_message (failure), "the disk is full"));
    godwit_error_destroy (&failure);
    MUST_BE (world_read (spool, "info", "audit"), "2:two"); /* it holds in this process */
    fault_vfs_fail_writes (0, 0, SQLITE_OK);
    world_flush (spool);
    assert_left ("2:two");
    end ();
}

static uint64_t
count_commits (void)
{
    godwit_sqlite_spool_stats_t stats;
    godwit_sqlite_spool_stats (spool, &stats, sizeof stats);
    return stats.commits;
}

/* Appends an item, and then the WAL has no room behind what is in it. */
static uint64_t
fill_wal (void)
{
    static char text[30000];
    memset (text, 'x', sizeof text - 1);
    fault_vfs_limit_wal (0);
    const uint64_t number = world_append (spool, "info", text);
    godwit__sqlite_spool_t *const self = godwit__sqlite_spool (spool);
    godwit__spool_role_take (self);
    fault_vfs_limit_wal (32L + self->wal_pages * (24L + GODWIT__SPOOL_PAGE_SIZE));
    godwit__spool_role_give (self);
    return number;
}

/* What is in the WAL may have room in the file, and then the WAL begins anew. */
Test (failure, the_wal_is_copied_when_the_disk_is_full, .timeout = 20)
{
    begin ();
    uint64_t last = fill_wal ();
    world_settle (spool, "info", "audit", 1, last);
    world_flush (spool);
    assert_left ("");
    last = fill_wal ();
    world_set_pool (spool, "info", "dash", 0);
    last = fill_wal ();
    MUST (spool->ops->remove_pool (spool, "info", "dash", UINT64_MAX, &error));
    last = fill_wal ();
    world_append (spool, "info", "more");
    last = fill_wal ();
    const uint64_t before = count_commits ();
    world_settle (spool, "info", "audit", 1, last);
    while (count_commits () == before) /* the keeper's */
        sched_yield ();
    assert_left ("");
    end ();
}

/* The keeper sleeps without a time, because nothing is due; a failed transaction makes something due. */
Test (failure, the_keeper_writes_settles_after_a_failure, .timeout = 20)
{
    begin ();
    fault_vfs_fail_syncs (0, 1, true);
    append_fails ("two", "the disk fails", "");
    const uint64_t before = count_commits ();
    world_settle (spool, "info", "audit", 1, 1);
    while (count_commits () == before)
        sched_yield ();
    assert_left ("");
    end ();
}

Test (failure, a_pool_that_cannot_be_kept_is_not_there)
{
    begin ();
    fault_vfs_fail_writes (0, 1000000, SQLITE_FULL);
    cr_assert_eq (spool->ops->set_pool (spool, "info", "dash", 0, 0, NULL), GODWIT_ERR_SYSTEM);
    cr_assert_eq (spool->ops->remove_pool (spool, "info", "audit", UINT64_MAX, NULL), GODWIT_ERR_SYSTEM);
    cr_assert_eq (spool->ops->set_pool (spool, "new", "audit", 0, 0, NULL), GODWIT_ERR_SYSTEM);
    MUST_BE (world_streams (spool), "info 1 audit=0");
    fault_vfs_fail_writes (0, 0, SQLITE_OK);
    reopen ();
    MUST_BE (world_streams (spool), "info 1 audit=0");
    world_set_pool (spool, "info", "dash", 0);
    MUST_BE (world_read (spool, "info", "dash"), "1:one");
    end ();
}

static bool
take (void *user, uint64_t number, const void *data, size_t size)
{
    (void) data;
    (void) size;
    *(uint64_t *) user = number;
    return true;
}

/* A stream is made by what is kept of it. */
Test (failure, a_stream_that_cannot_be_kept_is_not_there)
{
    uint64_t last = 0;
    godwit_sqlite_spool_stats_t stats;
    begin ();
    fault_vfs_fail_writes (0, 1000000, SQLITE_FULL);
    for (int i = 0; i < 10; i++) {
        godwit_spool_item_t item = {.stream = i % 2 ? "alpha" : "new", .data = "x", .size = 1};
        cr_assert_eq (spool->ops->append (spool, &item, 1, NULL, NULL, NULL), GODWIT_ERR_SYSTEM);
        cr_assert_eq (spool->ops->set_pool (spool, "newer", "audit", 0, 0, NULL), GODWIT_ERR_SYSTEM);
    }
    godwit_sqlite_spool_stats (spool, &stats, sizeof stats);
    cr_assert_eq (stats.streams, 1);
    cr_assert_eq (stats.pools, 1);
    cr_assert_eq (spool->ops->read (spool, "new", NULL, 0, 0, 0, take, &last, NULL), GODWIT_ERR_NOT_FOUND);
    cr_assert_eq (spool->ops->read (spool, "newer", NULL, 0, 0, 0, take, &last, NULL), GODWIT_ERR_NOT_FOUND);
    cr_assert_eq (godwit__sqlite_spool (spool)->model.last_stream_id, 1); /* no number was used up */
    fault_vfs_fail_writes (0, 0, SQLITE_OK);
    cr_assert_eq (world_append (spool, "new", "two"), 1);
    world_set_pool (spool, "newer", "audit", 0);
    MUST_BE (world_read (spool, "info", "audit"), "1:one");
    reopen ();
    MUST_BE (world_streams (spool), "info 1 audit=0; new 1; newer 0 audit=0");
    end ();
}

Test (failure, a_read_that_fails_is_no_damage)
{
    uint64_t last = 0;
    godwit_error_t *failure = NULL;
    begin ();
    reopen (); /* nothing is in memory */
    fault_vfs_fail_writes (0, 1, SQLITE_IOERR_SHORT_READ);
    godwit_status_t status = spool->ops->read (spool, "info", "audit", 0, 0, 0, take, &last, &failure);
    if (status) { /* else it had read the page when it was opened */
        cr_assert_eq (status, GODWIT_ERR_SYSTEM);
        cr_assert (strstr (godwit_error_message (failure), "the disk fails"));
        godwit_error_destroy (&failure);
    }
    fault_vfs_fail_writes (0, 0, SQLITE_OK);
    MUST (spool->ops->read (spool, "info", "audit", 0, 0, 0, take, &last, &error));
    cr_assert_eq (last, 1);
    end ();
}

/* ---- by seed ---- */

#define SEEDS 60
#define STEPS 120

static void
fail_somehow (random_t *random)
{
    const long after = random_below (random, 30), count = 1 + random_below (random, 4);
    switch (random_below (random, 4)) {
    case 0:
        fault_vfs_fail_writes (after, count, SQLITE_FULL);
        break;
    case 1:
        fault_vfs_fail_writes (after, count, SQLITE_IOERR_WRITE);
        break;
    case 2:
        fault_vfs_fail_syncs (after, count, true);
        break;
    default:
        fault_vfs_fail_syncs (after, count, false);
        break;
    }
}

/* Whatever fails, and whenever: what was acknowledged is there, what failed is not, and after a power failure
 * at the end neither has changed. */
static void
run_seed (uint64_t seed)
{
    static char expected[1 << 20], text[3000];
    random_t random = {seed * 31 + 7};
    memset (text, 'x', sizeof text - 1);
    begin ();
    strcpy (expected, "1:one");
    for (int i = 0; i < STEPS; i++) {
        if (random_below (&random, 6) == 0)
            fail_somehow (&random);
        char name[16];
        snprintf (name, sizeof name, "item %d", i);
        const size_t size = random_below (&random, 4) ? 16 : sizeof text - 1;
        memcpy (text, name, sizeof name);
        godwit_spool_item_t item = {.stream = "info", .data = text, .size = size};
        if (spool->ops->append (spool, &item, 1, NULL, NULL, NULL) == GODWIT_OK)
            snprintf (expected + strlen (expected), 64, " %" PRIu64 ":%.16s", item.number, text);
        if (random_below (&random, 20) == 0)
            MUST_BE (world_read (spool, "info", "audit"), expected);
    }
    fault_vfs_fail_writes (0, 0, SQLITE_OK);
    fault_vfs_fail_syncs (0, 0, true);
    MUST_BE (world_read (spool, "info", "audit"), expected);
    assert_left (expected);
    reopen ();
    MUST_BE (world_read (spool, "info", "audit"), expected);
    end ();
}

Test (failure, whatever_fails_by_seed)
{
    const random_t random = random_start ();
    const uint64_t first = random.state % 1000000;
    for (uint64_t seed = first; seed < first + world_seeds (SEEDS); seed++)
        run_seed (seed);
}

/* ---- a small disk ---- */

/* A tmpfs of 64 MiB in a namespace of this process. False: not allowed here. */
static bool
mount_small (const char *path)
{
    return unshare (CLONE_NEWNS) == 0 && mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount ("tmpfs", path, "tmpfs", 0, "size=64m") == 0;
}

Test (failure, a_small_disk_fills_up_and_is_emptied)
{
    static char text[4000];
    memset (text, 'x', sizeof text - 1);
    strcpy (folder, world_folder ());
    if (!mount_small (folder)) {
        fprintf (stderr, "no mounts are allowed here: left out\n");
        world_remove (folder);
        return;
    }
    spool = world_open (world_path (folder, "spool"), NULL);
    world_set_pool (spool, "info", "audit", 0);
    const int filler = open (world_path (folder, "filler"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    cr_assert_eq (posix_fallocate (filler, 0, 24 << 20), 0);
    uint64_t last = 0;
    godwit_status_t status = GODWIT_OK;
    while (!status) {
        godwit_spool_item_t item = {.stream = "info", .data = text, .size = sizeof text - 1};
        status = spool->ops->append (spool, &item, 1, NULL, NULL, NULL);
        last = status ? last : item.number;
    }
    cr_assert_gt (last, 100);
    append_fails (text, "the disk is full", "make room");
    uint64_t seen = 0;
    MUST (spool->ops->read (spool, "info", "audit", 0, 0, 0, take, &seen, &error));
    cr_assert_eq (seen, last);
    cr_assert_eq (ftruncate (filler, 0), 0);
    cr_assert_eq (world_append (spool, "info", text), last + 1);
    world_settle (spool, "info", "audit", 1, last + 1);
    world_flush (spool);
    for (int i = 0; i < 20000; i++) { /* more than the disk, as long as it is settled */
        const uint64_t number = world_append (spool, "info", text);
        world_settle (spool, "info", "audit", number, 1);
    }
    godwit_sqlite_spool_close (&spool);
    spool = world_open (world_path (folder, "spool"), NULL);
    MUST_BE (world_read (spool, "info", "audit"), "");
    godwit_sqlite_spool_close (&spool);
    close (filler);
    umount (folder);
    world_remove (folder);
}

/* ---- the spool's own limit ---- */

Test (failure, a_full_spool_says_so_and_takes_more_once_it_is_settled)
{
    static char text[1000];
    memset (text, 'x', sizeof text - 1);
    strcpy (folder, world_folder ());
    spool = world_open (world_path (folder, "spool"), GODWIT_SQLITE_SPOOL_OPTIONS (.max_size = 10100));
    world_set_pool (spool, "info", "audit", 0);
    for (int i = 0; i < 10; i++)
        world_append (spool, "info", text);
    godwit_spool_item_t item = {.stream = "info", .data = text, .size = sizeof text - 1};
    godwit_error_t *failure = NULL;
    cr_assert_eq (spool->ops->append (spool, &item, 1, NULL, NULL, &failure), GODWIT_ERR_LIMIT_EXCEEDED);
    cr_assert (strstr (godwit_error_message (failure), "max_size 10100"), "%s",
               godwit_error_message (failure));
    godwit_error_destroy (&failure);
    world_settle (spool, "info", "audit", 1, 1);
    cr_assert_eq (world_append (spool, "info", text), 11); /* at once: what is settled is deleted first */
    cr_assert_eq (spool->ops->append (spool, &item, 1, NULL, NULL, NULL), GODWIT_ERR_LIMIT_EXCEEDED);
    godwit_sqlite_spool_stats_t stats;
    godwit_sqlite_spool_stats (spool, &stats, sizeof stats);
    cr_assert_eq (stats.items, 10);
    cr_assert_eq (stats.bytes, 10 * 1007);
    godwit_sqlite_spool_close (&spool);
    world_remove (folder);
}
