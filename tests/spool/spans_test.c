/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of numbers, compared with an array of flags. */
#include "components/spool/spans.h"
#include "tests/support/random.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite (spans, .timeout = 30);

#define LAST 200
#define ROUNDS 3000

static void
compare (const godwit__spans_t *spans, const bool *flags)
{
    uint64_t above = 0;
    for (uint64_t i = 1; i <= LAST; i++) {
        uint64_t next = i;
        while (next <= LAST && flags[next])
            next++;
        cr_assert_eq (godwit__spool_spans_next_missing (spans, i), next);
        godwit__span_t span;
        uint64_t first = i;
        while (first <= LAST && !flags[first])
            first++;
        cr_assert_eq (godwit__spool_spans_next (spans, i, &span), first <= LAST);
        if (first <= LAST) {
            cr_assert_eq (span.first, first);
            cr_assert (flags[span.last] && !flags[span.last + 1]);
        }
        above += flags[i];
    }
    cr_assert_eq (above, spans->floor + godwit__spool_spans_count_above (spans));
    for (size_t i = 0; i < spans->count; i++)
        cr_assert_gt (spans->above[i].first, (i ? spans->above[i - 1].last : spans->floor) + 1);
}

static void
add_some (random_t *random, godwit__spans_t *spans, bool *flags)
{
    const uint64_t first = 1 + random_below (random, LAST);
    const uint64_t last = first + random_below (random, random_below (random, 3) ? 3 : 40);
    cr_assert (godwit__spool_spans_add (spans, first, last > LAST ? LAST : last));
    for (uint64_t i = first; i <= last && i <= LAST; i++)
        flags[i] = true;
}

static void
write_and_read (const godwit__spans_t *spans, const bool *flags)
{
    uint8_t bytes[16 * LAST];
    bool is_malformed;
    godwit__spans_t again = {0};
    godwit__spool_spans_write (spans, bytes);
    cr_assert (godwit__spool_spans_read (&again, spans->floor, bytes, 16 * spans->count, &is_malformed));
    compare (&again, flags);
    godwit__spool_spans_free (&again);
}

Test (spans, are_sets)
{
    random_t random = random_start ();
    for (int round = 0; round < ROUNDS / 20; round++) {
        godwit__spans_t one = {0}, two = {0}, both = {0};
        bool of_one[LAST + 2] = {0}, of_two[LAST + 2] = {0}, of_both[LAST + 2];
        for (int i = 0; i < 20; i++) {
            add_some (&random, &one, of_one);
            add_some (&random, &two, of_two);
            compare (&one, of_one);
            write_and_read (&one, of_one);
            cr_assert (godwit__spool_spans_copy (&both, &one));
            cr_assert (godwit__spool_spans_intersect (&both, &two));
            for (int at = 0; at < LAST + 2; at++)
                of_both[at] = of_one[at] && of_two[at];
            compare (&both, of_both);
            cr_assert (godwit__spool_spans_add_all (&both, &one));
            compare (&both, of_one);
            godwit__spool_spans_free (&both);
        }
        godwit__spool_spans_free (&one);
        godwit__spool_spans_free (&two);
    }
}

static void
assert_malformed (uint64_t floor, uint64_t first, uint64_t last, size_t size)
{
    const uint64_t pair[] = {first, last};
    uint8_t bytes[16];
    bool is_malformed;
    godwit__spans_t spans = {0};
    memcpy (bytes, pair, sizeof bytes);
    cr_assert_not (godwit__spool_spans_read (&spans, floor, bytes, size, &is_malformed));
    cr_assert (is_malformed);
    godwit__spool_spans_free (&spans);
}

Test (spans, that_were_not_written_are_refused)
{
    assert_malformed (5, 8, 9, 15);
    assert_malformed (5, 6, 9, 16); /* it belongs to the floor */
    assert_malformed (5, 9, 8, 16);
    assert_malformed (5, 1, 2, 16);
    assert_malformed (UINT64_MAX, 8, 9, 16);
    assert_malformed (5, 8, UINT64_MAX, 16);
}
