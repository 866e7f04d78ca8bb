/* SPDX-License-Identifier: Apache-2.0 */
/* idle1000, connections: what 1,000 clients that say nothing cost a server. A bare ROUTER and a Godwit server
 * take turns, each alone on the machine; what one takes a connection is the difference between 1 and 1,001.
 */
#include "alone.h"
#include "clock.h"
#include "die.h"
#include "figures.h"
#include "process_size.h"
#include "processor_time.h"
#include "scenario.h"
#include "silent.h"

#include <stdio.h>
#include <time.h>

enum { CLIENTS = 1000, TURNS = 2, SECONDS = 4, SETTLE_MS = 1500, START_LIMIT_S = 20 };

typedef struct {
    const char *name;
    void (*start) (bench_alone_t *server);
    double per_second[TURNS * SECONDS]; /* ms of processor time */
    size_t seconds;
    double descriptors[TURNS]; /* a connection */
    double kib[TURNS];
    size_t turns;
} half_t;

static void
pause_ms (long ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep (&time, NULL);
}

/* Nothing can be waited for here: the figure is what happens in a time in which nothing happens. */
static void
watch_seconds (half_t *half, const bench_alone_t *server)
{
    bench_processor_time_t processes = {.count = 0};

    bench_processor_time_add (&processes, server->child.pid);
    for (int i = 0; i < SECONDS; i++) {
        const uint64_t begin_ns = bench_now_ns (), before_ns = bench_processor_time_ns (&processes);
        pause_ms (1000);
        const double ms = (double) (bench_processor_time_ns (&processes) - before_ns) / 1e6;
        half->per_second[half->seconds++] = ms * 1e9 / (double) (bench_now_ns () - begin_ns);
    }
}

static void
take_turn (half_t *half)
{
    bench_alone_t server;
    bench_child_t one, others;

    half->start (&server);
    bench_silent_start (&one, server.address, 1, START_LIMIT_S);
    pause_ms (SETTLE_MS);
    const bench_process_size_t before = bench_process_size (server.child.pid);
    bench_silent_start (&others, server.address, CLIENTS, START_LIMIT_S);
    pause_ms (SETTLE_MS);
    watch_seconds (half, &server);
    const bench_process_size_t after = bench_process_size (server.child.pid);
    const size_t lost = bench_silent_lost (&one) + bench_silent_lost (&others);
    if (lost > 0)
        bench_die ("%s: %zu of %d silent clients have lost their connection", half->name, lost, CLIENTS + 1);
    half->descriptors[half->turns] = (double) (after.descriptors - before.descriptors) / CLIENTS;
    half->kib[half->turns++] = (after.private_kib - before.private_kib) / CLIENTS;
    bench_silent_end (&others);
    bench_silent_end (&one);
    bench_alone_end (&server);
}

void
bench_scenario_idle (void)
{
    half_t halves[] = {{.name = "bare libzmq", .start = bench_alone_start_bare},
                       {.name = "godwit", .start = bench_alone_start_godwit}};
    double ms[2];

    printf ("idle1000: a server with %d silent clients, heartbeats of %d ms; %d x %d s a half\n", CLIENTS,
            BENCH_HEARTBEAT_MS, TURNS, SECONDS);
    printf ("  %-14s %20s %14s %16s\n", "", "CPU ms a second", "descriptors", "KiB");
    fflush (stdout);
    for (int turn = 0; turn < TURNS; turn++)
        for (size_t i = 0; i < 2; i++)
            take_turn (&halves[i]);
    for (size_t i = 0; i < 2; i++) {
        ms[i] = bench_median (halves[i].per_second, halves[i].seconds);
        printf ("  %-14s %20.1f %14.2f %16.2f\n", halves[i].name, ms[i],
                bench_median (halves[i].descriptors, TURNS), bench_median (halves[i].kib, TURNS));
    }
    bench_figures_print_goal ("idle1000", ms[1] / ms[0], 0.4, false);
    /* One, and a few that a process may open meanwhile for itself. */
    bench_figures_print_goal ("connections_fds", bench_median (halves[1].descriptors, TURNS), 1.01, false);
    bench_figures_print_goal ("connections_kib", bench_median (halves[1].kib, TURNS), 8, false);
}
