/* SPDX-License-Identifier: Apache-2.0 */
/* What a repair makes of rows that are not what was written, by accident or on purpose: checksums are no
 * secret. Whatever it was, it ends in a spool that opens. */
#include "tests/spool/spool_world.h"
#include "tests/support/must.h"

#include "components/spool/segment.h"
#include "components/spool/store.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite (salvage, .timeout = 60);

#define MAX GODWIT__SPOOL_NUMBER_MAX

static char path[200];
static godwit__store_t store;
static godwit__problem_t problem;
static godwit_sqlite_spool_repair_t report;

static void
begin (void)
{
    strcpy (path, world_path (world_folder (), "spool"));
    cr_assert_eq (godwit__store_open (&store, path, NULL, GODWIT__STORE_WRITE, true, &problem), 0, "%s",
                  problem.text);
}

static void
end (void)
{
    *strrchr (path, '/') = '\0';
    world_remove (path);
}

/* ---- rows with right checksums ---- */

/* One item a number, of one byte. Returns its bytes. */
static uint64_t
put_segment (uint32_t stream, uint64_t first, uint64_t items, uint64_t count)
{
    godwit__segment_t segment = {0};
    for (uint64_t i = 0; i < items; i++)
        cr_assert (godwit__spool_segment_add (&segment, stream, first + i, "x", 1));
    const godwit__segment_row_t row = {
        .first = first, .count = count, .size = segment.size, .data = segment.data};
    cr_assert_eq (godwit__store_insert (&store, stream, &row, &problem), 0, "%s", problem.text);
    free (segment.data);
    return row.size;
}

static void
put_stream (uint32_t id, const char *name, uint64_t last, uint64_t items, uint64_t bytes, uint64_t gone)
{
    const godwit__stream_row_t row = {
        .id = id, .name = name, .last = last, .items = items, .bytes = bytes, .gone = {.floor = gone}};
    cr_assert_eq (godwit__store_put_stream (&store, &row, &problem), 0, "%s", problem.text);
}

static void
put_pool (uint32_t id, uint32_t stream, const char *name, uint64_t settled)
{
    const godwit__pool_row_t row = {.id = id, .stream = stream, .name = name, .settled = {.floor = settled}};
    cr_assert_eq (godwit__store_put_pool (&store, &row, &problem), 0, "%s", problem.text);
}

/* It is damaged; the repaired one opens, and takes items and pools; and nothing is wrong with it. */
static void
repair (uint64_t kept, uint64_t lost)
{
    char second[300];
    godwit__store_close (&store, true);
    MUST (godwit_sqlite_spool_repair (path, &report, sizeof report, &error));
    cr_assert (report.is_damaged);
    cr_assert_eq (report.kept, kept, "kept %" PRIu64, report.kept);
    cr_assert_eq (report.lost, lost, "lost %" PRIu64, report.lost);
    godwit_spool_t *spool = world_open (path, NULL);
    world_append (spool, "another", "one");
    world_set_pool (spool, "another", "late", 0);
    MUST_BE (world_read (spool, "another", "late"), "1:one");
    godwit_sqlite_spool_close (&spool);
    MUST (godwit_sqlite_spool_repair (path, &report, sizeof report, &error));
    cr_assert (!report.is_damaged, "%s", report.found);
    snprintf (second, sizeof second, "%s-damaged-2", path);
    cr_assert_neq (access (second, F_OK), 0);
    end ();
}

Test (salvage, of_numbers_behind_the_last_one)
{
    begin ();
    put_segment (1, MAX - 1, 9, 9);
    put_stream (1, "info", MAX - 2, 0, 0, MAX - 2);
    repair (2, 0);
}

Test (salvage, of_a_stream_that_has_had_all_numbers)
{
    begin ();
    put_stream (1, "info", MAX, MAX, UINT64_C (1) << 62, 0);
    put_pool (1, 1, "audit", 0);
    put_segment (3, 7, 1, 1);
    repair (1, MAX);
}

Test (salvage, of_bytes_that_overflow)
{
    begin ();
    put_segment (1, 1, 1, 1);
    put_segment (2, 1, 1, 1);
    put_stream (1, "info", 1, 1, INT64_MAX, 0);
    put_stream (2, "warn", 1, 1, INT64_MAX, 0);
    godwit__store_close (&store, true);
    world_open_fails (path, NULL, GODWIT_ERR_MALFORMED, "the numbers of a stream do not add up");
    repair (2, 0);
}

Test (salvage, of_more_items_than_a_segment_has)
{
    begin ();
    put_stream (1, "info", 300, 300, put_segment (1, 1, 300, 300), 0);
    repair (300, 0);
}

Test (salvage, of_segments_that_overlap)
{
    begin ();
    put_stream (1, "info", 14, 14, put_segment (1, 1, 10, 10) + put_segment (1, 5, 10, 10), 0);
    repair (14, 0);
}

Test (salvage, of_counts_that_are_impossible)
{
    begin ();
    put_stream (1, "info", 1, 1, put_segment (1, 1, 1, (uint64_t) -5), 0);
    repair (1, 0);
    begin ();
    put_stream (1, "info", 3, 3, put_segment (1, 1, 3, 2), 0);
    repair (3, 0);
}

Test (salvage, of_a_number_that_is_none)
{
    begin ();
    put_segment (1, 0, 1, 1);
    put_stream (1, "info", 2, 2, put_segment (1, 1, 2, 2), 0);
    repair (2, 0);
}

Test (salvage, of_pools_that_are_beyond_all_numbers)
{
    begin ();
    put_stream (1, "info", 2, 2, put_segment (1, 1, 2, 2), 0);
    put_pool (UINT32_MAX, 1, "audit", 1);
    put_pool (7, 1, "dash", MAX);
    put_pool (8, 9, "of no stream", 0);
    repair (2, MAX - 2);
}

/* ---- rows with wrong checksums ---- */

/* Nobody looks for items under a name that is nearly right. */
Test (salvage, of_a_name_with_a_wrong_letter_does_not_keep_it)
{
    begin ();
    put_stream (1, "info", 3, 3, put_segment (1, 1, 3, 3), 0);
    put_pool (1, 1, "audit", 1);
    godwit__store_close (&store, true);
    world_run_sql (path, "UPDATE streams SET name = 'inbo'");
    MUST (godwit_sqlite_spool_repair (path, &report, sizeof report, &error));
    cr_assert_eq (report.kept, 3);
    cr_assert_eq (report.streams_new, 1);
    godwit_spool_t *spool = world_open (path, NULL);
    MUST_BE (world_streams (spool), "recovered-1 3 audit=1");
    godwit_sqlite_spool_close (&spool);
    end ();
}

/* Topics and pools may have any bytes, also those of others. */
Test (salvage, of_names_of_any_bytes_keeps_them)
{
    begin ();
    put_stream (1, "a\tb\xff", 3, 3, put_segment (1, 1, 3, 3), 0);
    put_pool (1, 1, "p\nq\x1b", 1);
    put_stream (2, "warn", 1, 1, put_segment (2, 1, 2, 2), 0);
    godwit__store_close (&store, true);
    MUST (godwit_sqlite_spool_repair (path, &report, sizeof report, &error));
    cr_assert (report.is_damaged);
    cr_assert_eq (report.streams_new + report.pools_reset + report.pools_lost, 0);
    godwit_spool_t *spool = world_open (path, NULL);
    MUST_BE (world_streams (spool), "a\tb\xff 3 p\nq\x1b=1; warn 2");
    world_append (spool, "a\tb\xff", "four");
    godwit_sqlite_spool_close (&spool);
    end ();
}

/* Names that nobody can ask for, with right checksums. */
Test (salvage, of_names_that_are_none)
{
    static char name[4096 + 2];
    memset (name, 'a', sizeof name - 1);
    begin ();
    put_stream (1, "", 1, 1, put_segment (1, 1, 1, 1), 0);
    put_stream (2, name, 1, 1, put_segment (2, 1, 1, 1), 0);
    put_pool (1, 1, "", 1);
    repair (2, 0);
}
