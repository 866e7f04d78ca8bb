/* SPDX-License-Identifier: Apache-2.0 */
/* Group commit, lazy settles, the size of the files, and the sync at the level PROCESS. */
#include "components/spool/inside.h"
#include "tests/spool/fault_vfs.h"
#include "tests/spool/spool_world.h"
#include "tests/support/await.h"
#include "tests/support/must.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

TestSuite (commit, .timeout = 60);

#define THREADS 20

static char folder[128];

static godwit_spool_t *
open_here (const godwit_sqlite_spool_options_t *options)
{
    return world_open (world_path (folder, "spool"), options);
}

static godwit_sqlite_spool_stats_t
stats_of (godwit_spool_t *spool)
{
    godwit_sqlite_spool_stats_t stats;
    godwit_sqlite_spool_stats (spool, &stats, sizeof stats);
    return stats;
}

/* ---- group commit ---- */

static void *
append_one (void *user)
{
    world_append (user, "info", "x");
    return NULL;
}

static size_t
count_requests (godwit__sqlite_spool_t *self)
{
    size_t count = 0;
    pthread_mutex_lock (&self->lock);
    for (const godwit__request_t *request = self->head; request; request = request->next)
        count++;
    pthread_mutex_unlock (&self->lock);
    return count;
}

/* What comes while a transaction is under way is one transaction afterwards. */
Test (commit, appends_of_several_threads_are_one_transaction)
{
    pthread_t threads[THREADS];
    strcpy (folder, world_folder ());
    godwit_spool_t *spool = open_here (NULL);
    godwit__sqlite_spool_t *const self = godwit__sqlite_spool (spool);
    world_append (spool, "info", "first");
    const uint64_t before = stats_of (spool).commits;
    godwit__spool_role_take (self); /* as a transaction does */
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq (pthread_create (&threads[i], NULL, append_one, spool), 0);
    AWAIT (count_requests (self) == THREADS);
    godwit__spool_role_give (self);
    for (int i = 0; i < THREADS; i++)
        pthread_join (threads[i], NULL);
    cr_assert_eq (stats_of (spool).commits, before + 1);
    cr_assert_eq (stats_of (spool).items, THREADS + 1);
    godwit_sqlite_spool_close (&spool);
    world_remove (folder);
}

typedef struct refused {
    godwit_spool_t *spool;
    size_t size;
    godwit_status_t status;
} refused_t;

static void *
append_large (void *user)
{
    static char large[10000];
    refused_t *const refused = user;
    godwit_spool_item_t item = {.stream = "info", .data = large, .size = refused->size};
    refused->status = refused->spool->ops->append (refused->spool, &item, 1, NULL, NULL, NULL);
    return NULL;
}

/* One that is refused does not take the others of its transaction with it. */
static void
refuse_some (const char *vfs)
{
    pthread_t threads[4];
    refused_t refused[4];
    strcpy (folder, world_folder ());
    godwit_spool_t *spool = open_here (GODWIT_SQLITE_SPOOL_OPTIONS (.max_size = 5000, .vfs = vfs));
    godwit__sqlite_spool_t *const self = godwit__sqlite_spool (spool);
    godwit__spool_role_take (self);
    for (size_t i = 0; i < 4; i++) {
        refused[i] = (refused_t){spool, i % 2 ? 100 : 9000, GODWIT_OK};
        cr_assert_eq (pthread_create (&threads[i], NULL, append_large, &refused[i]), 0);
        AWAIT (count_requests (self) == i + 1);
    }
    if (vfs)
        fault_vfs_fail_writes (0, 1, SQLITE_FULL);
    godwit__spool_role_give (self);
    for (size_t i = 0; i < 4; i++) {
        pthread_join (threads[i], NULL);
        cr_assert_eq (refused[i].status, i % 2 ? GODWIT_OK : GODWIT_ERR_LIMIT_EXCEEDED);
    }
    cr_assert_eq (stats_of (spool).items, 2);
    godwit_sqlite_spool_close (&spool);
    world_remove (folder);
}

Test (commit, what_is_refused_is_refused_alone)
{
    refuse_some (NULL);
}

Test (commit, also_if_the_others_have_to_be_tried_again)
{
    fault_vfs_begin ();
    refuse_some ("fault");
    fault_vfs_end ();
}

/* ---- settles ---- */

/* A settle by itself writes nothing; it is in the file a moment later without anybody's doing. */
Test (commit, settles_are_written_a_moment_later)
{
    char left[192];
    strcpy (folder, world_folder ());
    snprintf (left, sizeof left, "%s/left", folder);
    cr_assert_eq (mkdir (left, 0700), 0);
    fault_vfs_begin ();
    godwit_spool_t *spool = open_here (GODWIT_SQLITE_SPOOL_OPTIONS (.vfs = "fault"));
    world_set_pool (spool, "info", "audit", 0);
    world_append (spool, "info", "one");
    world_append (spool, "info", "two");
    const uint64_t before = stats_of (spool).commits;
    world_settle (spool, "info", "audit", 1, 1);
    AWAIT (stats_of (spool).commits > before); /* the keeper's */
    fault_vfs_crash (left, FAULT_KEEPS_NOTHING, 1);
    godwit_spool_t *after = world_open (world_path (left, "spool"), NULL);
    MUST_BE (world_read (after, "info", "audit"), "2:two");
    godwit_sqlite_spool_close (&after);
    godwit_sqlite_spool_close (&spool);
    fault_vfs_end ();
    world_remove (folder);
}

/* At the level PROCESS an append does not wait for the disk, and is on it a moment later. */
Test (commit, the_level_of_the_process_syncs_later)
{
    char left[192];
    strcpy (folder, world_folder ());
    snprintf (left, sizeof left, "%s/left", folder);
    cr_assert_eq (mkdir (left, 0700), 0);
    fault_vfs_begin ();
    godwit_spool_t *spool = open_here (
        GODWIT_SQLITE_SPOOL_OPTIONS (.vfs = "fault", .level = GODWIT_SPOOL_PROCESS, .sync_ms = 20));
    fault_vfs_fail_syncs (0, 1, true); /* the first one: not the append's */
    world_append (spool, "info", "one");
    godwit_spool_t *after = NULL;
    do { /* the keeper writes it anew, and syncs */
        sched_yield ();
        char command[300];
        snprintf (command, sizeof command, "rm -f '%s'/*", left);
        cr_assert_eq (system (command), 0);
        godwit_sqlite_spool_close (&after);
        fault_vfs_crash (left, FAULT_KEEPS_NOTHING, 1);
        after = world_open (world_path (left, "spool"), NULL);
    } while (strcmp (world_streams (after), "info 1") != 0);
    MUST_BE (world_read (after, "info", NULL), "1:one");
    godwit_sqlite_spool_close (&after);
    godwit_sqlite_spool_close (&spool);
    fault_vfs_end ();
    world_remove (folder);
}

/* Closing syncs, also if the WAL stays because somebody looks at the file. */
Test (commit, closing_at_the_level_of_the_process_syncs)
{
    char left[192];
    strcpy (folder, world_folder ());
    snprintf (left, sizeof left, "%s/left", folder);
    cr_assert_eq (mkdir (left, 0700), 0);
    fault_vfs_begin ();
    godwit_spool_t *spool = open_here (
        GODWIT_SQLITE_SPOOL_OPTIONS (.vfs = "fault", .level = GODWIT_SPOOL_PROCESS, .sync_ms = 3600000));
    godwit_spool_t *viewer = open_here (GODWIT_SQLITE_SPOOL_OPTIONS (.vfs = "fault", .read_only = true));
    world_set_pool (spool, "info", "audit", 0);
    world_append (spool, "info", "one");
    world_append (spool, "info", "two");
    world_settle (spool, "info", "audit", 1, 1);
    godwit_sqlite_spool_close (&spool);
    fault_vfs_crash (left, FAULT_KEEPS_NOTHING, 1);
    godwit_spool_t *after = world_open (world_path (left, "spool"), NULL);
    MUST_BE (world_streams (after), "info 2 audit=1");
    MUST_BE (world_read (after, "info", "audit"), "2:two");
    godwit_sqlite_spool_close (&after);
    godwit_sqlite_spool_close (&viewer);
    fault_vfs_end ();
    world_remove (folder);
}

/* ---- pools ---- */

static godwit_spool_t *beside;
static bool has_looked;

static bool
take_none (void *user, uint64_t number, const void *data, size_t size)
{
    (void) user;
    (void) number;
    (void) data;
    (void) size;
    cr_assert_fail ("there is an item");
    return false;
}

static void
look_beside (void)
{
    MUST (beside->ops->read (beside, "info", NULL, 0, 0, 0, take_none, NULL, &error));
    cr_assert_eq (beside->ops->read (beside, "info", "audit", 0, 0, 0, take_none, NULL, NULL),
                  GODWIT_ERR_NOT_FOUND);
    MUST (beside->ops->read (beside, "warn", "dash", 0, 0, 0, take_none, NULL, &error));
    has_looked = true;
}

/* The items are deleted before the pool is gone: that is no damage. */
Test (commit, reading_beside_the_removal_of_a_pool)
{
    strcpy (folder, world_folder ());
    fault_vfs_begin ();
    beside = open_here (GODWIT_SQLITE_SPOOL_OPTIONS (.vfs = "fault"));
    world_set_pool (beside, "info", "audit", 0);
    world_set_pool (beside, "warn", "dash", 0);
    world_append (beside, "info", "one");
    world_append (beside, "info", "two");
    fault_vfs_at_commit (look_beside);
    MUST (beside->ops->remove_pool (beside, "info", "audit", UINT64_MAX, &error));
    cr_assert (has_looked);
    cr_assert_eq (world_append (beside, "info", "three"), 3);
    MUST_BE (world_read (beside, "info", NULL), "3:three");
    godwit_sqlite_spool_close (&beside);
    fault_vfs_end ();
    world_remove (folder);
}

/* ---- copying the WAL into the file ---- */

static godwit__sqlite_spool_t *copied;
static atomic_uint copies, unguarded;

static void
look_who_copies (void)
{
    pthread_mutex_lock (&copied->lock);
    unguarded += !copied->is_writing;
    pthread_mutex_unlock (&copied->lock);
    copies++;
}

static bool
wants_copy (void)
{
    pthread_mutex_lock (&copied->lock);
    const bool wants = copied->wants_checkpoint;
    pthread_mutex_unlock (&copied->lock);
    return wants;
}

/* Beside an append it is not safe: SQLite before 3.51.3 may lose what is written meanwhile. */
Test (commit, the_wal_is_copied_with_the_right_to_write)
{
    static char text[1 << 20];
    strcpy (folder, world_folder ());
    fault_vfs_begin ();
    godwit_spool_t *spool =
        open_here (GODWIT_SQLITE_SPOOL_OPTIONS (.level = GODWIT_SPOOL_PROCESS, .vfs = "fault"));
    copied = godwit__sqlite_spool (spool);
    fault_vfs_at_copy (look_who_copies);
    for (int i = 0; i < 20; i++) {
        godwit_spool_item_t item = {.stream = "info", .data = text, .size = sizeof text};
        MUST (spool->ops->append (spool, &item, 1, NULL, NULL, &error));
        AWAIT (!wants_copy ());
    }
    cr_assert_gt (copies, 0);
    cr_assert_eq (unguarded, 0);
    fault_vfs_at_copy (NULL);
    godwit_sqlite_spool_close (&spool);
    fault_vfs_end ();
    world_remove (folder);
}

/* ---- sizes ---- */

/* 200 MB go through a spool in which little is kept at any time. */
Test (commit, the_files_do_not_grow_without_bound)
{
    static char text[100000];
    strcpy (folder, world_folder ());
    godwit_spool_t *spool = open_here (GODWIT_SQLITE_SPOOL_OPTIONS (.level = GODWIT_SPOOL_PROCESS));
    world_set_pool (spool, "info", "audit", 0);
    uint64_t most = 0;
    for (int i = 0; i < 2000; i++) {
        godwit_spool_item_t item = {.stream = "info", .data = text, .size = sizeof text};
        MUST (spool->ops->append (spool, &item, 1, NULL, NULL, &error));
        if (i >= 10) /* the settles are out of order: nine are late */
            world_settle (spool, "info", "audit", item.number - (uint64_t) (i % 9), 1);
        const uint64_t size = stats_of (spool).file_size;
        most = size > most ? size : most;
        if (i % 100 == 99)
            world_settle (spool, "info", "audit", 1, item.number);
    }
    cr_assert_lt (most, UINT64_C (60) << 20, "%lu bytes", (unsigned long) most);
    godwit_sqlite_spool_close (&spool);
    world_remove (folder);
}

Test (commit, a_file_that_was_large_is_made_smaller)
{
    static char text[100000];
    strcpy (folder, world_folder ());
    godwit_spool_t *spool = open_here (GODWIT_SQLITE_SPOOL_OPTIONS (.level = GODWIT_SPOOL_PROCESS));
    world_set_pool (spool, "info", "audit", 0);
    for (int i = 0; i < 300; i++) {
        godwit_spool_item_t item = {.stream = "info", .data = text, .size = sizeof text};
        MUST (spool->ops->append (spool, &item, 1, NULL, NULL, &error));
    }
    cr_assert_gt (stats_of (spool).file_size, UINT64_C (25) << 20);
    world_settle (spool, "info", "audit", 1, 299);
    godwit_sqlite_spool_close (&spool);
    spool = open_here (NULL);
    MUST_BE (world_streams (spool), "info 300 audit=299");
    cr_assert_lt (stats_of (spool).file_size, UINT64_C (5) << 20, "%lu",
                  (unsigned long) stats_of (spool).file_size);
    cr_assert_eq (world_append (spool, "info", "next"), 301);
    godwit_sqlite_spool_close (&spool);
    world_remove (folder);
}

/* Large items, and more than a segment holds. */
Test (commit, items_of_any_size)
{
    static char large[3 << 20];
    static godwit_spool_item_t items[1000];
    strcpy (folder, world_folder ());
    godwit_spool_t *spool = open_here (NULL);
    for (size_t i = 0; i < 1000; i++)
        items[i] = (godwit_spool_item_t){.stream = "info",
                                         .data = large,
                                         .size = i % 100 == 0 ? sizeof large
                                                 : i % 7 == 0 ? 0
                                                              : i};
    MUST (spool->ops->append (spool, items, 1000, NULL, NULL, &error));
    cr_assert_eq (items[999].number, 1000);
    godwit_sqlite_spool_close (&spool);
    spool = open_here (NULL);
    MUST_BE (world_streams (spool), "info 1000");
    godwit_sqlite_spool_detail_t detail;
    MUST (godwit_sqlite_spool_detail (spool, "info", NULL, &detail, sizeof detail, &error));
    cr_assert_eq (detail.items, 1000);
    cr_assert_gt (detail.bytes, 10 * sizeof large);
    godwit_spool_item_t item = {.stream = "info", .data = large, .size = (size_t) GODWIT__SPOOL_ITEM_MAX + 1};
    cr_assert_eq (spool->ops->append (spool, &item, 1, NULL, NULL, NULL), GODWIT_ERR_LIMIT_EXCEEDED);
    godwit_sqlite_spool_close (&spool);
    world_remove (folder);
}
