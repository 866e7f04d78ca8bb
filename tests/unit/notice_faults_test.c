/* SPDX-License-Identifier: Apache-2.0 */
/* Many clusters of notifiers and listeners, each with faults by its seed, and what must hold in all of them
 * (tests/support/notices.h). When the faults are over, all that was accepted is acknowledged within a minute,
 * and so is what is sent then.
 *
 * A run is repeated by GODWIT_SEED=n; GODWIT_SEEDS says how many are run. More, on all processors:
 * tests/e2e/programs/notice_seeds in the build folder.
 */
#include <criterion/criterion.h>

#include "tests/support/notice_world.h"

#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifdef SANITIZED
#define MANY_SEEDS 10
#define SOME_SEEDS 2
#else
#define MANY_SEEDS 100
#define SOME_SEEDS 15
#endif

static const notice_options_t ten = {
    .node_count = 10, .notice_count = 1000, .faults = GODWIT_FAULT_ALL, .fault_count = 8};

static notices_summary_t
run_many (const notice_options_t *options, uint64_t first, uint64_t count)
{
    notices_summary_t sum = {.sent = 0};
    for (uint64_t seed = first; seed < first + count; seed++) {
        notice_options_t of_seed = *options;
        notice_result_t result;
        of_seed.seed = seed;
        notice_run (&of_seed, &result);
        cr_assert (!result.wrong[0],
                   "%s\nrun it again: notice_seeds --first %llu --seeds 1 --nodes %u --trace", result.wrong,
                   (unsigned long long) seed, options->node_count);
        sum.accepted += result.summary.accepted;
        sum.deliveries += result.summary.deliveries;
        sum.marked += result.summary.marked;
        sum.twice += result.summary.twice;
        sum.requeued += result.summary.requeued;
        sum.gone += result.summary.gone;
    }
    /* It was worth its while. */
    cr_assert_gt (sum.accepted, count * options->notice_count / 2);
    cr_assert_gt (sum.deliveries, 3 * sum.accepted);
    return sum;
}

Test (notice_faults, nothing_is_lost_and_duplicates_are_marked)
{
    const char *const one = getenv ("GODWIT_SEED"), *const many = getenv ("GODWIT_SEEDS");
    run_many (&ten, one ? strtoull (one, NULL, 10) : 1,
              one    ? 1
              : many ? strtoull (many, NULL, 10)
                     : MANY_SEEDS);
}

/* What all of them together may hide: order is asked for, too. */
Test (notice_faults, each_kind_alone)
{
    for (unsigned kind = 0; 1u << kind <= GODWIT_FAULT_RESTART; kind++) {
        notice_options_t options = ten;
        options.faults = 1u << kind;
        run_many (&options, 2000 + 100 * kind, SOME_SEEDS);
    }
}

Test (notice_faults, all_that_keeps_the_order_of_frames)
{
    notice_options_t options = ten;
    options.faults = GODWIT_FAULT_ALL & ~(unsigned) (GODWIT_FAULT_LOSS | GODWIT_FAULT_REORDER);
    run_many (&options, 4000, UINT64_C (2) * SOME_SEEDS);
}

/* Only what was requeued comes again, and only that is marked. */
Test (notice_faults, without_faults_nothing_comes_twice_but_what_was_requeued)
{
    notice_options_t options = ten;
    options.faults = 0;
    options.keeps_all = true;
    const notices_summary_t sum = run_many (&options, 1, UINT64_C (2) * SOME_SEEDS);
    cr_assert_eq (sum.marked, sum.requeued);
    cr_assert_eq (sum.twice, sum.requeued);
    cr_assert_eq (sum.gone, 0);
}

/* Listeners stop and start again, one after the other and several at a time. */
Test (notice_faults, listeners_that_restart_lose_nothing_and_mark_nothing)
{
    notice_options_t options = ten;
    options.faults = GODWIT_FAULT_RESTART;
    options.listeners_only = true;
    options.keeps_all = true;
    const notices_summary_t sum = run_many (&options, 1, UINT64_C (2) * SOME_SEEDS);
    cr_assert_eq (sum.gone, 0);
}

Test (notice_faults, the_same_seed_is_the_same_run)
{
    notice_options_t options = ten;
    notice_result_t one, again, other;
    options.seed = 42;
    notice_run (&options, &one);
    notice_run (&options, &again);
    options.seed = 43;
    notice_run (&options, &other);
    cr_assert_gt (one.frames, 1000);
    cr_assert_eq (one.digest, again.digest);
    cr_assert_neq (one.digest, other.digest);
}
