/* SPDX-License-Identifier: Apache-2.0 */
#include "rounds.h"
#include "clock.h"
#include "die.h"
#include "running.h"

#include <stdio.h>
#include <stdlib.h>

enum { WARM_UP_NS = 60000000, FIRST_BURST = 64 };

typedef struct {
    bench_running_t running;
    const char *label;
    bench_samples_t all; /* of every round */
    double *per_round;   /* p50 or p99 in us, or calls a second */
} side_t;

static size_t
round_to (const bench_pair_t *pair, size_t count)
{
    size_t multiple = pair->multiple == 0 ? 1 : pair->multiple;
    if (count < pair->minimum)
        count = pair->minimum;
    return (count + multiple - 1) / multiple * multiple;
}

/* Runs doubling bursts until one is long enough to tell how long a call takes; also warms everything up. */
static double
warm_up (const bench_pair_t *pair, side_t *side)
{
    bench_samples_t discarded = {0};
    for (size_t count = FIRST_BURST;; count *= 2) {
        size_t rounded = round_to (pair, count);
        uint64_t elapsed = side->running.half->burst (side->running.client, rounded, &discarded);
        bench_samples_clear (&discarded);
        if (elapsed >= WARM_UP_NS) {
            bench_samples_free (&discarded);
            return (double) elapsed / (double) rounded;
        }
    }
}

static double
run_burst (const bench_pair_t *pair, side_t *side, size_t count)
{
    bench_samples_t samples = {0};
    double figure;

    bench_samples_reserve (&samples, count);
    uint64_t elapsed = side->running.half->burst (side->running.client, count, &samples);
    bench_samples_sort (&samples);
    if (pair->measure == BENCH_RATE)
        figure = (double) count * 1e9 / (double) elapsed;
    else
        figure = (double) bench_samples_at (&samples, pair->measure == BENCH_P50 ? 0.5 : 0.99) / 1e3;
    bench_samples_append (&side->all, &samples);
    bench_samples_free (&samples);
    return figure;
}

static void
print_histogram (side_t *side)
{
    static const double fractions[] = {0.5, 0.9, 0.99, 0.999, 1};

    if (side->all.count == 0)
        return;
    bench_samples_sort (&side->all);
    printf ("  %-14s", side->label);
    for (size_t i = 0; i < sizeof fractions / sizeof *fractions; i++)
        printf (" %9.1f", (double) bench_samples_at (&side->all, fractions[i]) / 1e3);
    printf ("   us, %zu calls\n", side->all.count);
}

static void
print_result (const bench_pair_t *pair, size_t rounds, side_t sides[2])
{
    const bool rate = pair->measure == BENCH_RATE;
    double *ratios = bench_alloc (rounds * sizeof *ratios);

    for (size_t i = 0; i < rounds; i++)
        ratios[i] = sides[1].per_round[i] / sides[0].per_round[i];
    double middle = bench_median (ratios, rounds); /* sorts them */
    double first = bench_median (sides[0].per_round, rounds);
    double second = bench_median (sides[1].per_round, rounds);
    if (sides[0].all.count > 0)
        printf ("  %-14s %9s %9s %9s %9s %9s\n", "", "p50", "p90", "p99", "p99.9", "max");
    print_histogram (&sides[0]);
    print_histogram (&sides[1]);
    printf ("  median of rounds: %s %.1f, %s %.1f %s\n", sides[0].label, first, sides[1].label, second,
            rate                         ? pair->unit
            : pair->measure == BENCH_P50 ? "us at p50"
                                         : "us at p99");
    printf ("  ratio %.3f; of %zu rounds one by one %.3f to %.3f, their median %.3f; goal at %s %.2f: %s\n",
            second / first, rounds, ratios[0], ratios[rounds - 1], middle, rate ? "least" : "most",
            pair->goal,
            (rate ? second / first >= pair->goal : second / first <= pair->goal) ? "met" : "missed");
    printf ("ratio %s %.3f\n", pair->name, second / first);
    free (ratios);
}

/* Starts both halves, the second one first in every other sitting; returns how long a call of the slower one
 * takes. */
static double
start (const bench_pair_t *pair, const bench_plan_t *plan, side_t sides[2], size_t sitting)
{
    double slower_ns = 0;

    for (size_t n = 0; n < 2; n++) {
        size_t i = (n + sitting) % 2;
        bench_running_start (&sides[i].running, pair, plan->same ? 0 : i, plan->pin);
    }
    for (size_t i = 0; i < 2; i++) {
        double call_ns = warm_up (pair, &sides[i]);
        slower_ns = call_ns > slower_ns ? call_ns : slower_ns;
    }
    return slower_ns;
}

static void
label (const bench_pair_t *pair, const bench_plan_t *plan, side_t sides[2])
{
    static const char *const same[] = {"once", "again"}, *const neighbour[] = {"without", "with"};

    for (size_t i = 0; i < 2; i++)
        sides[i].label = plan->same                           ? same[i]
                         : pair->halves[0] == pair->halves[1] ? neighbour[i]
                                                              : pair->halves[i]->name;
}

void
bench_rounds_run (const bench_pair_t *pair, const bench_plan_t *plan)
{
    side_t sides[2] = {{.label = NULL}};
    const uint64_t begin = bench_now_ns ();
    size_t round = 0;

    label (pair, plan, sides);
    for (size_t i = 0; i < 2; i++)
        sides[i].per_round = bench_alloc (plan->sittings * plan->rounds * sizeof *sides[i].per_round);
    for (size_t sitting = 0; sitting < plan->sittings; sitting++) {
        double elapsed_ms = (double) (bench_now_ns () - begin) / 1e6;
        if (sitting >= 2 && elapsed_ms * (double) (sitting + 1) / (double) sitting > plan->limit_ms)
            break;
        double call_ns = start (pair, plan, sides, sitting);
        size_t count = round_to (pair, (size_t) (plan->burst_ms * 1e6 / call_ns) + 1);
        if (sitting == 0) {
            printf ("%s: %s; %zu x %zu rounds of about %zu calls a side\n", pair->name, pair->what,
                    plan->sittings, plan->rounds, count);
            fflush (stdout);
        }
        for (size_t end = round + plan->rounds; round < end; round++)
            for (size_t i = 0; i < 2; i++)
                sides[i].per_round[round] = run_burst (pair, &sides[i], count);
        for (size_t i = 0; i < 2; i++)
            bench_running_stop (&sides[i].running);
    }
    print_result (pair, round, sides);
    for (size_t i = 0; i < 2; i++) {
        bench_samples_free (&sides[i].all);
        free (sides[i].per_round);
    }
}

void
bench_rounds_plain (const bench_pair_t *pair, size_t index, size_t count)
{
    bench_running_t running;
    bench_samples_t samples = {0};

    bench_samples_reserve (&samples, count);
    bench_running_start (&running, pair, index, true);
    running.half->burst (running.client, round_to (pair, count), &samples);
    bench_running_stop (&running);
    bench_samples_free (&samples);
}
