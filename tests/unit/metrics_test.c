/* SPDX-License-Identifier: Apache-2.0 */
/* The counters of a label: threads that count at once, leaders, failures by status, limits, and short memory.
 * What clients and servers count is in tests/contract/section12_metrics_test.c. */
#include "src/runtime/metrics.h"
#include "tests/support/short_memory.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define MICROSECOND INT64_C (1000)
#define MILLISECOND INT64_C (1000000)

static godwit__metrics_t *metrics;
static godwit_value_t *list;

static void
begin (void)
{
    cr_assert_not_null (metrics = godwit__metrics_new ());
}

static void
end (void)
{
    godwit_value_unref (&list);
    godwit__metrics_destroy (&metrics);
}

TestSuite (metrics, .init = begin, .fini = end);

static godwit__metric_t *
metric_of (const char *method)
{
    return godwit__metrics_find (
        metrics, &(godwit__label_t){.topic = "work", .method = method, .side = GODWIT__SIDE_SERVER});
}

/* Reads all; what was read before is given back. */
static void
look (void)
{
    godwit_error_t *error = NULL;
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_value_unref (&list);
    godwit_builder_open_list (builder, NULL);
    godwit__metrics_build (metrics, builder);
    godwit_builder_close (builder);
    cr_assert_eq (godwit_builder_finish (&builder, &list, &error), GODWIT_OK, "%s",
                  godwit_error_print (error));
}

static const godwit_value_t *
entry_of (const char *method)
{
    for (size_t i = 0; i < godwit_value_count (list); i++) {
        const godwit_value_t *const entry = godwit_value_at (list, i);
        if (strcmp (godwit_value_as_str (godwit_value_get (entry, "method"), ""), method) == 0)
            return entry;
    }
    cr_assert_fail ("%s is not there", method);
    return NULL;
}

static int64_t
number (const char *method, const char *name)
{
    return godwit_value_as_int (godwit_value_get (entry_of (method), name), -1);
}

static double
seconds (const char *method, const char *name)
{
    return godwit_value_as_double (godwit_value_get (entry_of (method), name), -1);
}

/* All that is in the buckets. */
static int64_t
measured (const char *method)
{
    const godwit_value_t *const buckets = godwit_value_get (entry_of (method), "buckets");
    int64_t sum = 0;
    for (size_t i = 0; i < godwit_value_count (buckets); i++)
        sum += godwit_value_as_int (godwit_value_at (godwit_value_at (buckets, i), 1), -1000);
    return sum;
}

static void
run (godwit__metric_t *metric, int64_t duration_ns, godwit_status_t status)
{
    godwit__metric_started (metric);
    godwit__metric_ended (metric, duration_ns, status);
}

/* ---- one label ---- */

Test (metrics, a_label_that_was_not_counted_is_not_told)
{
    metric_of ("unused");
    look ();
    cr_assert_eq (godwit_value_count (list), 0u);
}

Test (metrics, what_runs_has_no_durations)
{
    godwit__metric_started (metric_of ("runs"));
    look ();
    cr_assert_eq (number ("runs", "in_flight"), 1);
    cr_assert_eq (godwit_value_type (godwit_value_get (entry_of ("runs"), "p50")), GODWIT_TYPE_NIL);
    cr_assert_eq (godwit_value_type (godwit_value_get (entry_of ("runs"), "max")), GODWIT_TYPE_NIL);
    cr_assert_eq (godwit_value_count (godwit_value_get (entry_of ("runs"), "buckets")), 0u);
    cr_assert_eq (godwit_value_count (godwit_value_get (entry_of ("runs"), "by_status")), 0u);
}

Test (metrics, durations)
{
    godwit__metric_t *const metric = metric_of ("work");
    for (int i = 0; i < 99; i++)
        run (metric, MILLISECOND, GODWIT_OK);
    run (metric, 3000 * MILLISECOND, GODWIT_OK);
    run (metric, -5, GODWIT_OK); /* a clock that went back: as 0 */
    look ();
    cr_assert_eq (number ("work", "in_flight"), 0);
    cr_assert_eq (measured ("work"), 101);
    cr_assert (seconds ("work", "p50") > 0.00075 && seconds ("work", "p50") <= 0.00125);
    cr_assert_leq (seconds ("work", "p99"), 0.00125);
    cr_assert_eq (seconds ("work", "max"), 3.0);
    const godwit_value_t *const buckets = godwit_value_get (entry_of ("work"), "buckets");
    cr_assert_eq (godwit_value_count (buckets), 3u);
    const godwit_value_t *const second = godwit_value_at (buckets, 1);
    /* 2^20 ns ends the bucket of a millisecond: 2^19 + 3 * 2^17 begins it. */
    cr_assert_eq (godwit_value_as_double (godwit_value_at (second, 0), 0), 1048576 / 1e9);
    cr_assert_eq (godwit_value_as_int (godwit_value_at (second, 1), 0), 99);
}

Test (metrics, what_took_longest_has_no_bound)
{
    run (metric_of ("slow"), INT64_C (200000) * MILLISECOND, GODWIT_OK);
    look ();
    const godwit_value_t *const only = godwit_value_at (godwit_value_get (entry_of ("slow"), "buckets"), 0);
    cr_assert_eq (godwit_value_count (only), 2u);
    cr_assert_eq (godwit_value_type (godwit_value_at (only, 0)), GODWIT_TYPE_NIL);
    cr_assert_eq (seconds ("slow", "max"), 200.0);
}

Test (metrics, failures_by_status)
{
    godwit__metric_t *const metric = metric_of ("fails");
    run (metric, MICROSECOND, GODWIT_OK);
    for (int i = 0; i < 3; i++)
        run (metric, MICROSECOND, GODWIT_ERR_TIMEOUT);
    run (metric, MICROSECOND, GODWIT_ERR_FAILED);
    run (metric, MICROSECOND, (godwit_status_t) GODWIT_STATUS_COUNT); /* of a program that made one up */
    look ();
    const godwit_value_t *const failures = godwit_value_get (entry_of ("fails"), "by_status");
    cr_assert_eq (number ("fails", "failures"), 5);
    cr_assert_eq (godwit_value_count (failures), 2u);
    cr_assert_eq (godwit_value_as_int (godwit_value_get (failures, "MessagingTimeout"), 0), 3);
    cr_assert_eq (godwit_value_as_int (godwit_value_get (failures, "Failed"), 0), 1);
}

Test (metrics, leaders_and_others_are_one)
{
    godwit__metric_t *const metric = metric_of ("led");
    for (int i = 0; i < GODWIT__METRIC_LEADERS; i++) {
        godwit__tally_started (&metric->leaders[i]);
        godwit__tally_timed (&metric->leaders[i], (i + 1) * MILLISECOND, 1);
        godwit__tally_ended (&metric->leaders[i], (i + 1) * MILLISECOND);
    }
    run (metric, MICROSECOND, GODWIT_OK);
    look ();
    cr_assert_eq (number ("led", "started"), 1 + GODWIT__METRIC_LEADERS);
    cr_assert_eq (number ("led", "ended"), 1 + GODWIT__METRIC_LEADERS);
    cr_assert_eq (measured ("led"), 1 + GODWIT__METRIC_LEADERS);
    cr_assert_eq (seconds ("led", "max"), GODWIT__METRIC_LEADERS / 1000.0);
}

Test (metrics, runs_that_share_a_measurement_all_count)
{
    godwit__metric_t *const metric = metric_of ("shared");
    godwit__tally_timed (&metric->leaders[0], MICROSECOND, 7);
    godwit__metric_timed (metric, MICROSECOND, 8);
    godwit__metric_started (metric);
    look ();
    cr_assert_eq (measured ("shared"), 15);
}

/* ---- many ---- */

enum { THREADS = 4, ROUNDS = 20000 };

static void *
count_often (void *user)
{
    godwit__metric_t *const metric = metric_of ("busy");
    godwit__tally_t *const tally = user;
    for (int i = 0; i < ROUNDS; i++) {
        const int64_t duration_ns = i * MICROSECOND;
        if (!tally) {
            run (metric, duration_ns, i % 4 ? GODWIT_OK : GODWIT_ERR_TIMEOUT);
            continue;
        }
        godwit__tally_started (tally);
        godwit__tally_timed (tally, duration_ns, 1);
        godwit__tally_ended (tally, duration_ns);
    }
    return NULL;
}

Test (metrics, threads_lose_nothing)
{
    pthread_t threads[THREADS + 1];
    godwit__metric_t *const metric = metric_of ("busy");
    godwit__metric_started (metric);
    for (int i = 0; i <= THREADS; i++)
        cr_assert_eq (pthread_create (&threads[i], NULL, count_often, i ? NULL : &metric->leaders[0]), 0);
    for (int i = 0; i < 100; i++) {
        look ();
        cr_assert_geq (number ("busy", "in_flight"), 0);
        cr_assert_geq (measured ("busy"), number ("busy", "ended"));
    }
    for (int i = 0; i <= THREADS; i++)
        pthread_join (threads[i], NULL);
    look ();
    cr_assert_eq (number ("busy", "in_flight"), 1);
    cr_assert_eq (measured ("busy"), (THREADS + 1) * (int64_t) ROUNDS);
    cr_assert_eq (number ("busy", "failures"), THREADS * ROUNDS / 4);
    const godwit_value_t *const failures = godwit_value_get (entry_of ("busy"), "by_status");
    cr_assert_eq (godwit_value_as_int (godwit_value_get (failures, "MessagingTimeout"), 0),
                  THREADS * ROUNDS / 4);
    cr_assert_eq (seconds ("busy", "max"), (ROUNDS - 1) / 1e6);
}

/* All labels, each with all buckets and all kinds of failures: the list is still a value. */
Test (metrics, the_largest_list_is_a_value, .timeout = 60)
{
    char name[32];
    for (int i = 0; i <= GODWIT__METRIC_LIMIT; i++) {
        snprintf (name, sizeof name, "method_%d", i);
        for (int side = 0; side < GODWIT__SIDE_COUNT; side++) {
            godwit__metric_t *const metric = godwit__metrics_find (
                metrics, &(godwit__label_t){.method = name, .side = (godwit__side_t) side});
            godwit__metric_started (metric);
            for (int status = 1; status < (int) GODWIT_STATUS_COUNT; status++)
                godwit__metric_failed (metric, (godwit_status_t) status);
            for (unsigned k = 0; k < GODWIT__HISTOGRAM_BUCKETS; k++)
                godwit__metric_timed (metric, godwit__histogram_bound_ns (k), 1);
        }
    }
    look ();
    cr_assert_eq (godwit_value_count (list), (size_t) 2 * (GODWIT__METRIC_LIMIT + 1));
    /* The percentiles stay, and those whose buckets have room have all of them. */
    size_t full = 0, bare = 0;
    for (size_t i = 0; i < godwit_value_count (list); i++) {
        const godwit_value_t *const entry = godwit_value_at (list, i);
        const size_t buckets = godwit_value_count (godwit_value_get (entry, "buckets"));
        cr_assert_eq (godwit_value_type (godwit_value_get (entry, "p99")), GODWIT_TYPE_DOUBLE);
        full += buckets == GODWIT__HISTOGRAM_BUCKETS;
        bare += buckets == 0;
    }
    cr_assert (full > 300 && full + bare == godwit_value_count (list), "%zu full, %zu bare", full, bare);
}

#ifndef SHORT_MEMORY_SANITIZED
/* The first call of a label makes its histogram, then its failures by status. */
static void
run_with_short_memory (godwit__metric_t *metric, long n)
{
    allocations = 0;
    fail_at = n;
    counting = true;
    run (metric, MILLISECOND, GODWIT_ERR_TIMEOUT);
    counting = false;
    cr_assert_geq (allocations, n);
    run (metric, MILLISECOND, GODWIT_ERR_TIMEOUT);
}

Test (metrics, short_memory_loses_details_alone)
{
    static const char *const methods[] = {"no_histogram", "no_status"};
    for (int i = 0; i < 2; i++) {
        run_with_short_memory (metric_of (methods[i]), i + 1);
        look ();
        cr_assert_eq (number (methods[i], "ended"), 2);
        cr_assert_eq (number (methods[i], "failures"), 2);
        cr_assert_eq (measured (methods[i]), i ? 2 : 1);
        cr_assert_eq (
            godwit_value_as_int (
                godwit_value_get (godwit_value_get (entry_of (methods[i]), "by_status"), "MessagingTimeout"),
                0),
            i ? 1 : 2);
    }
}
#endif
