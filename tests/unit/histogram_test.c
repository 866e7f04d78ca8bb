/* SPDX-License-Identifier: Apache-2.0 */
/* Histograms of durations: where each duration counts, and what is read of them. */
#include "src/runtime/histogram.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define MICROSECOND INT64_C (1000)
#define SECOND INT64_C (1000000000)
#define LAST (GODWIT__HISTOGRAM_BUCKETS - 1)

static void
add (godwit__histogram_t *histogram, int64_t duration_ns, uint64_t times)
{
    godwit__histogram_add (histogram, duration_ns, times);
}

static godwit__histogram_sum_t
sum_of (const godwit__histogram_t *histogram)
{
    godwit__histogram_sum_t sum = {.count = 0};
    godwit__histogram_sum (&sum, histogram);
    return sum;
}

static void
is_near (double number, double expected)
{
    cr_assert (number > expected - 0.01 && number < expected + 0.01, "%f instead of %f", number, expected);
}

/* ---- buckets ---- */

Test (histogram, a_bound_is_in_the_bucket_that_it_ends)
{
    for (unsigned i = 0; i < LAST; i++) {
        const int64_t bound_ns = godwit__histogram_bound_ns (i);
        cr_assert_eq (godwit__histogram_index (bound_ns - 1), i, "bucket %u", i);
        cr_assert_eq (godwit__histogram_index (bound_ns), i, "bucket %u", i);
        cr_assert_eq (godwit__histogram_index (bound_ns + 1), i + 1, "bucket %u", i);
    }
}

Test (histogram, bounds_grow_by_a_quarter_at_most)
{
    for (unsigned i = 1; i < LAST; i++) {
        const int64_t low_ns = godwit__histogram_bound_ns (i - 1);
        const int64_t bound_ns = godwit__histogram_bound_ns (i);
        cr_assert (bound_ns > low_ns && 4 * (bound_ns - low_ns) <= low_ns, "bucket %u", i);
    }
}

Test (histogram, reaches_from_a_microsecond_to_more_than_100_seconds)
{
    cr_assert_eq (godwit__histogram_bound_ns (0), 1024);
    cr_assert_eq (godwit__histogram_bound_ns (1), 1280);
    cr_assert_eq (godwit__histogram_bound_ns (4), 2048);
    cr_assert_eq (godwit__histogram_bound_ns (LAST - 1), INT64_C (1) << 37);
    cr_assert_eq (godwit__histogram_bound_ns (LAST), INT64_MAX);
    cr_assert_eq (godwit__histogram_index (0), 0u);
    cr_assert_eq (godwit__histogram_index (INT64_MIN), 0u);
    cr_assert_eq (godwit__histogram_index (INT64_MAX), (unsigned) LAST);
}

/* ---- what is read ---- */

Test (histogram, empty)
{
    const godwit__histogram_sum_t sum = {.count = 0};
    is_near (godwit__histogram_quantile (&sum, 0.5), 0);
    cr_assert_eq (godwit__histogram_count_to (&sum, 50 * SECOND), 0u);
}

Test (histogram, quantiles_are_in_the_right_bucket)
{
    godwit__histogram_t *const histogram = calloc (1, sizeof *histogram);
    for (int64_t i = 1; i <= 1000; i++)
        add (histogram, i * 100 * MICROSECOND, 1); /* 0.1 ms to 100 ms */
    const godwit__histogram_sum_t sum = sum_of (histogram);
    cr_assert_eq (sum.count, 1000u);
    cr_assert_eq (sum.max_ns, 100000 * MICROSECOND);
    /* They are spread evenly, so the estimate is close: 1 %. */
    const double p50 = godwit__histogram_quantile (&sum, 0.5), p99 = godwit__histogram_quantile (&sum, 0.99);
    cr_assert (p50 > 49.5e6 && p50 < 50.5e6, "%f", p50);
    cr_assert (p99 > 98e6 && p99 < 100e6, "%f", p99);
    is_near (godwit__histogram_quantile (&sum, 1), 100e6);
    free (histogram);
}

Test (histogram, no_quantile_is_beyond_the_longest)
{
    static const int64_t longest[] = {
        0, 1, 700, 1024, 1025, 3 * MICROSECOND, SECOND, 137 * SECOND, 5000 * SECOND};
    for (size_t i = 0; i < sizeof longest / sizeof longest[0]; i++) {
        godwit__histogram_t *const histogram = calloc (1, sizeof *histogram);
        add (histogram, longest[i], 3);
        const godwit__histogram_sum_t sum = sum_of (histogram);
        is_near (godwit__histogram_quantile (&sum, 1), (double) longest[i]);
        cr_assert_leq (godwit__histogram_quantile (&sum, 0.5), (double) longest[i]);
        free (histogram);
    }
}

Test (histogram, one_in_two_is_the_median_of_one_bucket)
{
    godwit__histogram_t *const histogram = calloc (1, sizeof *histogram);
    add (histogram, 1280, 10); /* above 1024, and to its bound */
    const godwit__histogram_sum_t sum = sum_of (histogram);
    is_near (godwit__histogram_quantile (&sum, 0.5), 1152);
    free (histogram);
}

Test (histogram, counts_are_exact_at_bounds_and_spread_between_them)
{
    godwit__histogram_t *const histogram = calloc (1, sizeof *histogram);
    add (histogram, 1100, 8);
    add (histogram, 1300, 4);
    add (histogram, 5000 * SECOND, 1);
    const godwit__histogram_sum_t sum = sum_of (histogram);
    cr_assert_eq (godwit__histogram_count_to (&sum, 1024), 0u);
    cr_assert_eq (godwit__histogram_count_to (&sum, 1152), 4u);
    cr_assert_eq (godwit__histogram_count_to (&sum, 1183), 4u); /* rounded down */
    cr_assert_eq (godwit__histogram_count_to (&sum, 1280), 8u);
    cr_assert_eq (godwit__histogram_count_to (&sum, 1536), 12u);
    cr_assert_eq (godwit__histogram_count_to (&sum, 60 * SECOND), 12u);
    cr_assert_eq (godwit__histogram_count_to (&sum, 4000 * SECOND), 12u); /* nobody knows how long it took */
    free (histogram);
}

Test (histogram, sums_add_up)
{
    godwit__histogram_t *const histogram = calloc (2, sizeof *histogram);
    godwit__histogram_sum_t sum = {.count = 0};
    add (&histogram[0], 10 * MICROSECOND, 8);
    add (&histogram[1], 10 * MICROSECOND, 2);
    add (&histogram[1], SECOND, 1);
    godwit__histogram_sum (&sum, &histogram[0]);
    godwit__histogram_sum (&sum, &histogram[1]);
    cr_assert_eq (sum.count, 11u);
    cr_assert_eq (sum.counts[godwit__histogram_index (10 * MICROSECOND)], 10u);
    cr_assert_eq (sum.max_ns, SECOND);
    free (histogram);
}
