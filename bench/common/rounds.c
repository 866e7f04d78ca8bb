/* SPDX-License-Identifier: Apache-2.0 */
#include "rounds.h"
#include "clock.h"
#include "die.h"
#include "figures.h"
#include "running.h"

#include <signal.h>
#include <stdio.h>

/* The first SETTLE of a turn is not measured: what a half that was stopped has to make up for (timers, cold
 * caches) is over by then. */
enum { WARM_UP_NS = 60000000, WARM_UP_BURSTS = 3, FIRST_BURST = 64, SETTLE = 8 };
/* For about so long a half may stand still: peers are given up after 2,000 ms. */
enum { STILL_MS = 700 };

typedef struct {
    const bench_pair_t *pair;
    const bench_plan_t *plan;
    size_t count;                     /* halves that take part */
    size_t indices[BENCH_HALVES_MAX]; /* of the pair */
    bench_running_t running[BENCH_HALVES_MAX];
    size_t calls[BENCH_HALVES_MAX]; /* of a burst in this sitting */
    size_t burst_ms;
    bench_figures_t figures[BENCH_HALVES_MAX];
} bench_t;

static size_t
round_to (const bench_pair_t *pair, size_t count)
{
    size_t multiple = pair->multiple == 0 ? 1 : pair->multiple;
    return (count + multiple - 1) / multiple * multiple;
}

static uint64_t
discarded_burst (bench_running_t *running, size_t count)
{
    bench_burst_t burst = {0};
    bench_running_burst (running, count, &burst);
    bench_samples_free (&burst.samples);
    return burst.elapsed_ns;
}

/* Runs doubling bursts until one is long enough to tell how long a call takes, which is how long it took in
 * the fastest of at least three; also warms everything up. */
static double
warm_up (const bench_pair_t *pair, bench_running_t *running)
{
    double fastest_ns = 0;

    for (size_t count = FIRST_BURST, bursts = 1;; count *= 2, bursts++) {
        const size_t rounded = round_to (pair, count);
        const uint64_t elapsed_ns = discarded_burst (running, rounded);
        const double call_ns = (double) elapsed_ns / (double) rounded;
        fastest_ns = bursts == 1 || call_ns < fastest_ns ? call_ns : fastest_ns;
        if (elapsed_ns >= WARM_UP_NS && bursts >= WARM_UP_BURSTS)
            return fastest_ns;
    }
}

static size_t
calls_of_burst (const bench_t *bench, double call_ns)
{
    const size_t calls = (size_t) ((double) bench->burst_ms * 1e6 / call_ns) + 1;
    return round_to (bench->pair, calls < bench->pair->minimum ? bench->pair->minimum : calls);
}

/* Other work on the machine comes and goes: the next turn is to last as long as it should, but neither twice
 * as many calls as this one, nor less than half of them. */
static void
adapt (bench_t *bench, size_t i, double call_ns)
{
    const size_t calls = calls_of_burst (bench, call_ns), now = bench->calls[i];
    bench->calls[i] = round_to (bench->pair, calls > 2 * now         ? 2 * now
                                             : calls < (now + 1) / 2 ? (now + 1) / 2
                                                                     : calls);
}

/* Starts all halves, another one first in each sitting, and finds out how many calls make a burst. All are
 * stopped then. */
static void
start (bench_t *bench, size_t sitting)
{
    const bench_pair_t *pair = bench->pair;

    for (size_t n = 0; n < bench->count; n++) {
        const size_t i = (n + sitting) % bench->count;
        bench_running_start (&bench->running[i], pair, bench->indices[i], bench->plan->pin);
        bench->figures[i].label = bench->running[i].label;
    }
    for (size_t i = 0; i < bench->count; i++) {
        const double call_ns = warm_up (pair, &bench->running[i]);
        bench->calls[i] = calls_of_burst (bench, call_ns);
    }
    for (size_t i = 0; i < bench->count; i++)
        bench_running_freeze (&bench->running[i]);
}

static void
end (bench_t *bench)
{
    for (size_t i = 0; i < bench->count; i++)
        bench_running_thaw (&bench->running[i]);
    for (size_t i = 0; i < bench->count; i++)
        bench_running_end (&bench->running[i]);
}

static void
take_turn (bench_t *bench, size_t i, size_t round)
{
    const size_t count = bench->calls[i];
    bench_running_t *running = &bench->running[i];
    bench_burst_t burst = {0};

    bench_running_thaw (running);
    discarded_burst (running, round_to (bench->pair, count / SETTLE + 1));
    bench_samples_reserve (&burst.samples, count);
    bench_running_burst (running, count, &burst);
    bench_running_freeze (running);
    adapt (bench, i, (double) burst.elapsed_ns / (double) count);
    bench_figures_add (&bench->figures[i], round, count, &burst);
    bench_samples_free (&burst.samples);
}

static void
choose_halves (bench_t *bench)
{
    const bench_pair_t *pair = bench->pair;

    for (size_t i = 0; i < BENCH_HALVES_MAX && pair->halves[i].half != NULL; i++) {
        if (bench_child_exists (pair->halves[i].half->program))
            bench->indices[bench->count++] = bench->plan->same ? 0 : i;
        else
            printf ("%s: not built: %s\n", pair->name, pair->halves[i].half->name);
    }
}

void
bench_rounds_run (const bench_pair_t *pair, const bench_plan_t *plan)
{
    static bench_t bench;
    const uint64_t begin = bench_now_ns ();
    size_t round = 0;

    signal (SIGPIPE, SIG_IGN); /* a half that has ended is an error that is told */
    bench = (bench_t){.pair = pair, .plan = plan};
    choose_halves (&bench);
    bench.burst_ms = plan->burst_ms;
    if (bench.count > 1 && bench.burst_ms > STILL_MS / (bench.count - 1))
        bench.burst_ms = STILL_MS / (bench.count - 1);
    printf ("%s: %s; %zu x %zu turns of about %zu ms a half\n", pair->name, pair->what, plan->sittings,
            plan->rounds, bench.burst_ms);
    fflush (stdout);
    for (size_t i = 0; i < bench.count; i++)
        bench_figures_init (&bench.figures[i], plan->sittings * plan->rounds);
    for (size_t sitting = 0; sitting < plan->sittings; sitting++) {
        const double elapsed_ms = (double) (bench_now_ns () - begin) / 1e6;
        if (sitting >= 2 && elapsed_ms * (double) (sitting + 1) / (double) sitting > plan->limit_ms)
            break;
        start (&bench, sitting);
        for (size_t last = round + plan->rounds; round < last; round++)
            for (size_t i = 0; i < bench.count; i++)
                take_turn (&bench, i, round);
        end (&bench);
    }
    bench_figures_print (pair, bench.figures, bench.count, round);
    for (size_t i = 0; i < bench.count; i++)
        bench_figures_free (&bench.figures[i]);
}
