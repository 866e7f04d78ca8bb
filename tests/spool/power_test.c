/* SPDX-License-Identifier: Apache-2.0 */
/* Power failures: hundreds of moments, by seed, at which all that was not synced is lost, or any parts of it.
 * What an append returned OK for is there afterwards, at the level POWER; nothing is there that was not
 * appended; what a flush returned OK for is not read again. At both levels the file opens, and what it has is
 * right. */
#include "tests/spool/fault_vfs.h"
#include "tests/spool/spool_world.h"
#include "tests/support/must.h"
#include "tests/support/random.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

TestSuite (power_loss, .timeout = 110);

#define SEEDS 250
#define ROUNDS 500 /* of appends, in a run, at the most */
#define STREAMS 2
#define ITEMS_MAX 32768
#define SIZE_MAX_ 6000

static const char *const streams[STREAMS] = {"info", "warn"};

/* What is known of the items of a stream at the moment of the failure. */
typedef struct known {
    uint64_t acknowledged;      /* an append of all up to this one returned OK */
    uint64_t given;             /* an append of all up to this one began */
    bool is_settled[ITEMS_MAX]; /* settle was called */
    bool is_flushed[ITEMS_MAX]; /* and a flush returned OK after that */
} known_t;

typedef struct run {
    uint64_t seed;
    random_t random;
    godwit_spool_level_t level;
    char folder[128], left[192];
    godwit_spool_t *spool;
    known_t known[STREAMS];
} run_t;

/* The bytes of an item follow from its place. */
static size_t
make_item (uint8_t *data, uint64_t seed, uint64_t stream, uint64_t number)
{
    uint64_t state = seed * 1000003 + stream * 7919 + number;
    state = (state ^ state >> 31) * UINT64_C (0x9e3779b97f4a7c15);
    const size_t size = state % 13 == 0 ? state / 13 % SIZE_MAX_ : state / 13 % 200;
    for (size_t i = 0; i < size; i++) {
        state = state * UINT64_C (6364136223846793005) + 1;
        data[i] = (uint8_t) (state >> 56);
    }
    return size;
}

/* ---- until the power fails ---- */

static void
append_some (run_t *run)
{
    static uint8_t data[100][SIZE_MAX_];
    godwit_spool_item_t items[100];
    uint64_t next[STREAMS] = {run->known[0].given, run->known[1].given};
    const size_t count = 1 + random_below (&run->random, random_below (&run->random, 5) ? 5 : 99);
    for (size_t i = 0; i < count; i++) {
        const uint32_t which = random_below (&run->random, STREAMS);
        const size_t size = make_item (data[i], run->seed, which, ++next[which]);
        items[i] = (godwit_spool_item_t){.stream = streams[which], .data = data[i], .size = size};
    }
    for (size_t i = 0; i < STREAMS; i++)
        run->known[i].given = next[i];
    MUST (run->spool->ops->append (run->spool, items, count, NULL, NULL, &error));
    if (fault_vfs_has_crashed ())
        return; /* during it: it may be there or not */
    for (size_t i = 0; i < STREAMS; i++)
        run->known[i].acknowledged = next[i];
}

static void
settle_some (run_t *run)
{
    const uint32_t which = random_below (&run->random, STREAMS);
    known_t *const known = &run->known[which];
    if (known->acknowledged == 0)
        return;
    const bool in_order = random_below (&run->random, 3) != 0;
    const uint64_t first = in_order ? 1 : 1 + random_below (&run->random, (uint32_t) known->acknowledged);
    const uint64_t count = 1 + random_below (&run->random, (uint32_t) (known->acknowledged - first + 1));
    for (uint64_t i = first; i < first + count; i++)
        known->is_settled[i] = true;
    world_settle (run->spool, streams[which], "audit", first, count);
}

static void
flush_all (run_t *run)
{
    world_flush (run->spool);
    if (fault_vfs_has_crashed ())
        return;
    for (size_t i = 0; i < STREAMS; i++)
        memcpy (run->known[i].is_flushed, run->known[i].is_settled, sizeof run->known[i].is_settled);
}

static godwit_spool_t *
open_run (const run_t *run)
{
    return world_open (world_path (run->folder, "spool"),
                       GODWIT_SQLITE_SPOOL_OPTIONS (.level = run->level, .vfs = "fault", .sync_ms = 3));
}

/* What was settled is safe then, as after a flush. */
static void
close_and_open (run_t *run)
{
    godwit_sqlite_spool_close (&run->spool);
    if (!fault_vfs_has_crashed ())
        for (size_t i = 0; i < STREAMS; i++)
            memcpy (run->known[i].is_flushed, run->known[i].is_settled, sizeof run->known[i].is_settled);
    run->spool = open_run (run);
}

static void
live (run_t *run)
{
    for (size_t i = 0; i < STREAMS; i++)
        world_set_pool (run->spool, streams[i], "audit", 0);
    /* The WAL is copied into the file every 1,000 pages or so. */
    const uint32_t limit = random_below (&run->random, 4) ? 700 : 5000;
    fault_vfs_crash_at (1 + random_below (&run->random, limit), run->left,
                        (fault_keeps_t) random_below (&run->random, 3), run->seed);
    for (int i = 0; i < ROUNDS && !fault_vfs_has_crashed (); i++) {
        append_some (run);
        if (!fault_vfs_has_crashed () && random_below (&run->random, 3) == 0)
            settle_some (run);
        if (!fault_vfs_has_crashed () && random_below (&run->random, 6) == 0)
            flush_all (run);
        if (!fault_vfs_has_crashed () && random_below (&run->random, 25) == 0)
            close_and_open (run);
    }
    if (!fault_vfs_has_crashed ()) /* it came to an end before */
        fault_vfs_crash (run->left, FAULT_KEEPS_NOTHING, run->seed);
}

/* ---- afterwards ---- */

typedef struct seen {
    const run_t *run;
    uint32_t stream;
    bool is_there[ITEMS_MAX];
} seen_t;

static bool
see (void *user, uint64_t number, const void *data, size_t size)
{
    static uint8_t expected[SIZE_MAX_];
    seen_t *const seen = user;
    const known_t *const known = &seen->run->known[seen->stream];
    cr_assert_leq (number, known->given, "seed %" PRIu64 ": %s %" PRIu64 " was never appended",
                   seen->run->seed, streams[seen->stream], number);
    cr_assert_eq (size, make_item (expected, seen->run->seed, seen->stream, number), "seed %" PRIu64,
                  seen->run->seed);
    cr_assert (size == 0 || memcmp (data, expected, size) == 0, "seed %" PRIu64, seen->run->seed);
    seen->is_there[number] = true;
    return true;
}

static void
look (const run_t *run, godwit_spool_t *spool, uint32_t which)
{
    static seen_t seen;
    const known_t *const known = &run->known[which];
    memset (&seen, 0, sizeof seen);
    seen.run = run;
    seen.stream = which;
    const godwit_status_t status =
        spool->ops->read (spool, streams[which], "audit", 0, 0, 0, see, &seen, NULL);
    cr_assert (status == GODWIT_OK || (status == GODWIT_ERR_NOT_FOUND && run->level == GODWIT_SPOOL_PROCESS),
               "seed %" PRIu64 ": %s", run->seed, godwit_status_type (status));
    if (run->level == GODWIT_SPOOL_PROCESS)
        return;
    for (uint64_t i = 1; i <= known->acknowledged; i++) {
        cr_assert (seen.is_there[i] || known->is_settled[i],
                   "seed %" PRIu64 ": %s %" PRIu64 " was acknowledged, and is lost", run->seed,
                   streams[which], i);
        cr_assert (!seen.is_there[i] || !known->is_flushed[i],
                   "seed %" PRIu64 ": %s %" PRIu64 " was settled and flushed, and is there again", run->seed,
                   streams[which], i);
    }
}

static void
check_what_is_left (run_t *run)
{
    godwit_sqlite_spool_repair_t report;
    MUST (godwit_sqlite_spool_repair (world_path (run->left, "spool"), &report, sizeof report, &error));
    cr_assert (!report.is_damaged, "seed %" PRIu64 ": %s", run->seed, report.found);
    godwit_spool_t *spool = world_open (world_path (run->left, "spool"), NULL);
    for (uint32_t i = 0; i < STREAMS; i++)
        look (run, spool, i);
    if (run->level == GODWIT_SPOOL_POWER) { /* and it goes on from there */
        const uint64_t number = world_append (spool, streams[0], "next");
        cr_assert_gt (number, run->known[0].acknowledged);
        cr_assert_leq (number, run->known[0].given + 1);
    }
    godwit_sqlite_spool_close (&spool);
}

static void
run_seed (uint64_t seed, godwit_spool_level_t level)
{
    static run_t run;
    memset (&run, 0, sizeof run);
    run.seed = seed;
    run.random.state = seed * 77 + 1;
    run.level = level;
    strcpy (run.folder, world_folder ());
    snprintf (run.left, sizeof run.left, "%s/left", run.folder);
    cr_assert_eq (mkdir (run.left, 0700), 0);
    fault_vfs_begin ();
    run.spool = open_run (&run);
    live (&run);
    godwit_sqlite_spool_close (&run.spool);
    fault_vfs_end ();
    check_what_is_left (&run);
    world_remove (run.folder);
}

static uint64_t
first_seed (void)
{
    const random_t random = random_start ();
    return random.state % 1000000;
}

Test (power_loss, keeps_what_was_acknowledged)
{
    const uint64_t first = first_seed ();
    for (uint64_t seed = first; seed < first + world_seeds (SEEDS); seed++)
        run_seed (seed, GODWIT_SPOOL_POWER);
}

Test (power_loss, leaves_a_whole_file_at_the_level_of_the_process)
{
    const uint64_t first = first_seed ();
    for (uint64_t seed = first; seed < first + world_seeds (SEEDS / 2); seed++)
        run_seed (seed, GODWIT_SPOOL_PROCESS);
}
