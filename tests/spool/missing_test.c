/* SPDX-License-Identifier: Apache-2.0 */
/* A row of items that is missing, though SQLite takes the file for whole: a repair finds it, and it is the
 * damage of one stream only. */
#include "tests/spool/spool_world.h"
#include "tests/support/must.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

TestSuite (missing, .timeout = 60);

static char path[200];
static godwit_sqlite_spool_repair_t report;

/* Five items of info for the pool audit, and two of warn. */
static void
begin (const char *sql)
{
    static const char *const texts[] = {"one", "two", "three", "four", "five"};
    strcpy (path, world_path (world_folder (), "spool"));
    godwit_spool_t *spool = world_open (path, NULL);
    world_set_pool (spool, "info", "audit", 0);
    world_set_pool (spool, "warn", "audit", 0);
    for (int i = 0; i < 5; i++)
        world_append (spool, "info", texts[i]);
    world_append (spool, "warn", "a");
    world_append (spool, "warn", "b");
    godwit_sqlite_spool_close (&spool);
    MUST (godwit_sqlite_spool_repair (path, &report, sizeof report, &error));
    cr_assert (!report.is_damaged, "%s", report.found);
    world_run_sql (path, sql);
}

static void
end (void)
{
    *strrchr (path, '/') = '\0';
    world_remove (path);
}

static void
assert_repaired (const char *text, uint64_t kept, uint64_t lost)
{
    MUST (godwit_sqlite_spool_repair (path, &report, sizeof report, &error));
    cr_assert (report.is_damaged);
    cr_assert (strstr (report.found, text), "no \"%s\" in: %s", text, report.found);
    cr_assert_eq (report.kept, kept, "kept %" PRIu64, report.kept);
    cr_assert_eq (report.lost, lost, "lost %" PRIu64, report.lost);
    MUST (godwit_sqlite_spool_repair (path, &report, sizeof report, &error));
    cr_assert (!report.is_damaged, "%s", report.found);
}

Test (missing, rows_are_found_by_a_repair)
{
    begin ("DELETE FROM items WHERE id = (1 << 47) + 3");
    assert_repaired ("item 3 of the stream info is missing", 6, 1);
    godwit_spool_t *spool = world_open (path, NULL);
    MUST_BE (world_read (spool, "info", "audit"), "1:one 2:two 4:four 5:five");
    world_settle (spool, "info", "audit", 1, 5);
    world_flush (spool);
    godwit_sqlite_spool_close (&spool);
    end ();
}

/* The numbers of a row are told by the rows of items, not only by each other. */
Test (missing, rows_at_the_ends_are_found_by_a_repair)
{
    begin ("DELETE FROM items WHERE id = (1 << 47) + 1");
    assert_repaired ("item 1 of the stream info is missing", 6, 1);
    end ();
    begin ("DELETE FROM items WHERE id = (1 << 47) + 5");
    assert_repaired ("item 5 of the stream info is missing", 6, 1);
    end ();
    begin ("DELETE FROM items WHERE id = (1 << 47) + 5; UPDATE items SET id = (1 << 47) WHERE id = (1 << 47) "
           "+ 1");
    assert_repaired ("", 5, 2);
    end ();
}

Test (missing, rows_keep_neither_other_streams_nor_appends_from_being_written)
{
    begin ("DELETE FROM items WHERE id = (1 << 47) + 3");
    godwit_spool_t *spool = world_open (path, NULL);
    world_settle (spool, "info", "audit", 1, 5);
    world_settle (spool, "warn", "audit", 1, 1);
    world_flush (spool);
    cr_assert_eq (world_append (spool, "warn", "c"), 3);
    cr_assert_eq (world_append (spool, "info", "six"), 6);
    godwit_sqlite_spool_close (&spool);
    spool = world_open (path, NULL);
    MUST_BE (world_read (spool, "warn", NULL), "2:b 3:c");
    MUST_BE (world_read (spool, "info", "audit"), "6:six");
    godwit_sqlite_spool_close (&spool);
    assert_repaired ("item 3 of the stream info is missing", 3, 1); /* it is damage still */
    end ();
}
