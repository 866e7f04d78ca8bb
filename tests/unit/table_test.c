/* SPDX-License-Identifier: Apache-2.0 */
/* The hash table that lies inside of what it holds, with memory and without; and the hash function. */
#include "src/base/hash.h"
#include "src/base/table.h"

#include "tests/support/short_memory.h"

#include <stdio.h>
#include <string.h>

#define COUNT 1000

typedef struct item {
    int number;
    godwit__table_node_t by_number;
} item_t;

static item_t items[COUNT];

static uint64_t
hash_of (int number)
{
    return godwit__hash (7, &number, sizeof number);
}

static item_t *
find (const godwit__table_t *table, int number, uint64_t hash)
{
    item_t *at = GODWIT__TABLE_FIND (table, hash, item_t, by_number);
    while (at && at->number != number)
        at = GODWIT__TABLE_FIND_NEXT (at, item_t, by_number);
    return at;
}

static void
insert_all (godwit__table_t *table)
{
    for (int i = 0; i < COUNT; i++) {
        items[i].number = i;
        godwit__table_insert (table, &items[i].by_number, hash_of (i));
    }
}

/* Removes all that are odd, then the rest, and looks for all of them in between. */
static void
use (godwit__table_t *table)
{
    cr_assert_null (find (table, 0, hash_of (0)));
    insert_all (table);
    cr_assert_eq (table->count, (size_t) COUNT);
    int expected = 0;
    for (item_t *at = GODWIT__TABLE_FIRST (table, item_t, by_number), *next; at; at = next) {
        next = GODWIT__TABLE_NEXT (table, at, item_t, by_number);
        cr_assert_eq (at->number, expected++, "in the order in which they came");
        cr_assert_eq (find (table, at->number, hash_of (at->number)), at);
        if (at->number % 2 == 1)
            godwit__table_remove (table, &at->by_number);
    }
    cr_assert_eq (expected, COUNT);
    cr_assert_eq (table->count, (size_t) COUNT / 2);
    for (int i = 0; i < COUNT; i++) {
        cr_assert_eq (find (table, i, hash_of (i)), i % 2 == 0 ? &items[i] : NULL);
        cr_assert_eq (godwit__in_table (&items[i].by_number), i % 2 == 0);
    }
    for (item_t *at; (at = GODWIT__TABLE_FIRST (table, item_t, by_number));)
        godwit__table_remove (table, &at->by_number);
    cr_assert_eq (table->count, 0u);
    cr_assert_null (find (table, 0, hash_of (0)));
    cr_assert_null (GODWIT__TABLE_FIRST (table, item_t, by_number));
}

Test (table, finds_walks_and_removes)
{
    static godwit__table_t in_static_memory = GODWIT__TABLE (in_static_memory);
    godwit__table_t table;
    godwit__table_init (&table);
    use (&table);
    use (&table); /* again, as large as it is now */
    godwit__table_release (&table);
    use (&table);
    godwit__table_release (&table);
    use (&in_static_memory);
    godwit__table_release (&in_static_memory);
}

Test (table, those_with_one_hash_are_told_apart)
{
    godwit__table_t table;
    godwit__table_init (&table);
    for (int i = 0; i < 20; i++) {
        items[i].number = i;
        godwit__table_insert (&table, &items[i].by_number, (uint64_t) (i % 2));
    }
    for (int i = 0; i < 20; i++)
        cr_assert_eq (find (&table, i, (uint64_t) (i % 2)), &items[i]);
    cr_assert_null (find (&table, 20, 0));
    godwit__table_remove (&table, &items[4].by_number);
    cr_assert_null (find (&table, 4, 0));
    cr_assert_eq (find (&table, 2, 0), &items[2]);
    godwit__table_release (&table);
}

Test (table, has_room_for_what_was_said)
{
    godwit__table_t table;
    godwit__table_init (&table);
    godwit__table_reserve (&table, COUNT);
    const size_t mask = table.mask;
    cr_assert_geq (mask + 1, (size_t) COUNT);
    insert_all (&table);
    cr_assert_eq (table.mask, mask);
    godwit__table_reserve (&table, 1); /* never less */
    cr_assert_eq (table.mask, mask);
    godwit__table_release (&table);
}

#ifndef SHORT_MEMORY_SANITIZED

/* Whichever growth there is no memory for, and if there is none for any of them. */
Test (table, works_without_memory)
{
    for (long n = 1; n < 20; n++) {
        godwit__table_t table;
        godwit__table_init (&table);
        allocations = 0;
        fail_at = n;
        counting = true;
        insert_all (&table);
        counting = false;
        for (int i = 0; i < COUNT; i++)
            cr_assert_eq (find (&table, i, hash_of (i)), &items[i], "allocation %ld failed", n);
        cr_assert_geq (table.mask + 1, (size_t) COUNT / 2, "it grows with the next insertion");
        godwit__table_release (&table);
    }
}

#endif

Test (hash, keys_that_differ_little_have_hashes_that_differ)
{
    uint64_t hashes[300];
    char text[300];
    memset (text, 0, sizeof text);
    for (size_t size = 0; size < 300; size++) {
        hashes[size] = godwit__hash (1, text, size); /* nothing but zeroes */
        for (size_t i = 0; i < size; i++)
            cr_assert_neq (hashes[i], hashes[size], "%zu and %zu zeroes", i, size);
    }
    for (size_t size = 1; size < 20; size++) { /* one byte differs, wherever it is */
        memset (text, 'x', size);
        hashes[0] = godwit__hash (1, text, size);
        for (size_t i = 0; i < size; i++) {
            text[i] = 'y';
            cr_assert_neq (godwit__hash (1, text, size), hashes[0], "byte %zu of %zu", i, size);
            text[i] = 'x';
        }
    }
    cr_assert_neq (godwit__hash_text (1, "a"), godwit__hash_text (2, "a"));
    cr_assert_eq (godwit__hash_text (1, "topic"), godwit__hash (1, "topic", 5));

    /* Any eight bits are as good as others for a table: of 256 texts in 256 buckets, a bucket has few. */
    for (unsigned shift = 0; shift < 64; shift += 8) {
        unsigned buckets[256] = {0};
        for (int i = 0; i < 256; i++) {
            snprintf (text, sizeof text, "method_%d", i);
            const unsigned count = ++buckets[godwit__hash_text (0, text) >> shift & 0xff];
            cr_assert_leq (count, 8u, "bits from %u on", shift);
        }
    }
}
