/* SPDX-License-Identifier: Apache-2.0 */
/* The retry budget, and how an overloaded server is left alone: arithmetic, with a clock that is an argument.
 */
#include "src/discovery/retry_budget.h"

#include "src/discovery/breaker.h"
#include "src/loop/reactor.h"
#include "tests/support/random.h"

#include <criterion/criterion.h>

#define MS GODWIT__NS_PER_MS

static unsigned
take_all (godwit__retry_budget_t *budget, int percent, int64_t now_ns)
{
    unsigned taken = 0;
    while (taken < 100000 && godwit__retry_budget_take (budget, percent, now_ns))
        taken++;
    return taken;
}

Test (retry_budget, begins_with_a_reserve_and_earns_by_calls_and_by_time)
{
    godwit__retry_budget_t budget;
    godwit__retry_budget_open (&budget, 5 * MS);
    cr_assert_eq (take_all (&budget, 20, 5 * MS), 100u);
    budget.call_count += 100;
    cr_assert_eq (take_all (&budget, 20, 5 * MS), 20u);
    cr_assert_eq (take_all (&budget, 20, 5 * MS), 0u);
    cr_assert_eq (take_all (&budget, 20, 104 * MS), 0u);
    cr_assert_eq (take_all (&budget, 20, 105 * MS), 1u);
    budget.call_count += 3;
    cr_assert_eq (take_all (&budget, 0, 105 * MS), 0u);
    budget.call_count += 3;
    cr_assert_eq (take_all (&budget, 1000, 105 * MS), 30u);
}

Test (retry_budget, what_was_not_used_is_given_back)
{
    godwit__retry_budget_t budget;
    godwit__retry_budget_open (&budget, 0);
    cr_assert_eq (take_all (&budget, 20, 0), 100u);
    godwit__retry_budget_give_back (&budget);
    cr_assert_eq (take_all (&budget, 20, 0), 1u);
}

Test (retry_budget, no_limit_takes_nothing)
{
    godwit__retry_budget_t budget;
    godwit__retry_budget_open (&budget, 0);
    cr_assert_eq (take_all (&budget, GODWIT__RETRY_BUDGET_UNLIMITED, 0), 100000u);
    cr_assert_eq (take_all (&budget, 20, 0), 100u);
}

/* An hour of many calls allows no more than its last ten seconds. */
Test (retry_budget, what_was_earned_does_not_last)
{
    godwit__retry_budget_t budget;
    godwit__retry_budget_open (&budget, 0);
    budget.call_count += 3600 * 1000;
    cr_assert_eq (take_all (&budget, 20, 3600 * 1000 * MS), 2000u + 100u);
    budget.call_count += 1000;
    cr_assert (godwit__retry_budget_take (&budget, 20, 3600 * 1000 * MS));
    /* 199 are there; an hour later, those of the calls are gone. */
    cr_assert_eq (take_all (&budget, 20, 2 * 3600 * 1000 * MS), 100u);
    cr_assert_eq (take_all (&budget, 20, 1), 0u, "a clock that goes back earns nothing");
}

/* Whatever the order of calls, retries and time: never more than the share, and what time earns. */
Test (retry_budget, is_never_exceeded)
{
    random_t random = random_start ();
    for (int round = 0; round < 300; round++) {
        godwit__retry_budget_t budget;
        int64_t now_ns = random_below (&random, 1000000);
        const int64_t began_ns = now_ns;
        const int percent = (int) random_below (&random, 1001);
        uint64_t taken = 0;
        godwit__retry_budget_open (&budget, now_ns);
        for (int step = 0; step < 300; step++) {
            static const uint32_t spans_ns[] = {1, 100000, 3000000, 50000000, 4000000000};
            now_ns += random_below (&random, spans_ns[random_below (&random, 5)]);
            budget.call_count += random_below (&random, 1u << random_below (&random, 12));
            for (uint32_t i = random_below (&random, 200); i > 0; i--)
                taken += godwit__retry_budget_take (&budget, percent, now_ns);
            const double most =
                100 + (double) budget.call_count * percent / 100 + (double) (now_ns - began_ns) / 1e8;
            cr_assert ((double) taken <= most + 1e-6, "%llu retries of %llu calls in %lld ms at %d %%",
                       (unsigned long long) taken, (unsigned long long) budget.call_count,
                       (long long) ((now_ns - began_ns) / MS), percent);
        }
    }
}

/* ---- breaker ---- */

Test (breaker, is_left_alone_and_probed_by_one)
{
    godwit__breaker_t breaker = {0};
    cr_assert (godwit__breaker_allows (&breaker, 1 * MS));
    godwit__breaker_trip (&breaker, 0, 1 * MS);
    cr_assert (!godwit__breaker_allows (&breaker, 1 * MS));
    const int64_t until_ns = breaker.until_ns;
    /* Those that were on their way say nothing new. */
    godwit__breaker_trip (&breaker, 0, 1 * MS + 1);
    cr_assert_eq (breaker.until_ns, until_ns);
    cr_assert (godwit__breaker_allows (&breaker, until_ns), "one goes there");
    cr_assert (!godwit__breaker_allows (&breaker, until_ns), "and no other");
    cr_assert (godwit__breaker_allows (&breaker, until_ns + 5 * MS), "it was not refused");
    cr_assert (godwit__breaker_allows (&breaker, until_ns + 5 * MS));
}

Test (breaker, gets_longer_up_to_a_second)
{
    godwit__breaker_t breaker = {0};
    int64_t now_ns = 1;
    for (int i = 0; i < 15; i++) {
        godwit__breaker_trip (&breaker, (uint64_t) i * 7919 * MS, now_ns);
        const int64_t open_ns = (i < 8 ? 5 << i : 1000) * MS;
        cr_assert_eq (breaker.open_ns, open_ns);
        cr_assert (breaker.until_ns >= now_ns + open_ns / 2 && breaker.until_ns <= now_ns + open_ns);
        now_ns = breaker.until_ns;
        cr_assert (godwit__breaker_allows (&breaker, now_ns));
    }
}
