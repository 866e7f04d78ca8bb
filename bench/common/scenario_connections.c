/* SPDX-License-Identifier: Apache-2.0 */
/* many_connections: 10,000 clients that say nothing at one server, and one that calls it. How large the
 * server gets, and how much later the slow ones of the calls end. The calls are measured in turns, with the
 * silent clients running and with them stopped: what else the machine does changes both. */
#include "alone.h"
#include "clock.h"
#include "die.h"
#include "figures.h"
#include "godwit_side.h"
#include "limits.h"
#include "pin.h"
#include "process_size.h"
#include "samples.h"
#include "scenario.h"
#include "silent.h"

#include <stdio.h>

enum { PROCESSES = 2, EACH = 5000, CLIENTS = PROCESSES * EACH, TURNS = 21, CALLS = 1000, SPARE = 200 };
enum { START_LIMIT_S = 30 };

typedef struct {
    bench_alone_t server;
    bench_child_t silent[PROCESSES];
    bench_godwit_client_t client;
} scene_t;

/* Of one turn, in us. */
static double
p99_us (const bench_godwit_client_t *client)
{
    bench_samples_t samples = {0};

    bench_samples_reserve (&samples, CALLS);
    for (int64_t call = 0; call < CALLS; call++) {
        const uint64_t before_ns = bench_now_ns ();
        bench_godwit_add (client, "add", call);
        bench_samples_add (&samples, bench_now_ns () - before_ns);
    }
    bench_samples_sort (&samples);
    const double us = (double) bench_samples_at (&samples, 0.99) / 1e3;
    bench_samples_free (&samples);
    return us;
}

static void
come (scene_t *scene)
{
    const uint64_t begin_ns = bench_now_ns ();
    for (size_t i = 0; i < PROCESSES; i++)
        bench_silent_start (&scene->silent[i], scene->server.address, EACH, START_LIMIT_S);
    printf ("many_connections: %d silent connections came within %.1f s\n", CLIENTS,
            (double) (bench_now_ns () - begin_ns) / 1e9);
    fflush (stdout);
}

static void
check_connected (scene_t *scene)
{
    size_t lost = 0;
    for (size_t i = 0; i < PROCESSES; i++)
        lost += bench_silent_lost (&scene->silent[i]);
    if (lost > 0)
        bench_die ("many_connections: %zu silent clients have lost their connection", lost);
}

/* A turn is much shorter than the time after which the server would give up a client. */
static double
p99_without_us (scene_t *scene)
{
    for (size_t i = 0; i < PROCESSES; i++)
        bench_silent_freeze (&scene->silent[i]);
    const double us = p99_us (&scene->client);
    for (size_t i = 0; i < PROCESSES; i++)
        bench_silent_thaw (&scene->silent[i]);
    check_connected (scene);
    return us;
}

static void
measure_calls (scene_t *scene, double *with_us, double *without_us)
{
    double with[TURNS], without[TURNS];
    for (size_t i = 0; i < TURNS; i++) {
        without[i] = p99_without_us (scene);
        with[i] = p99_us (&scene->client);
    }
    *with_us = bench_median (with, TURNS);
    *without_us = bench_median (without, TURNS);
}

void
bench_scenario_many_connections (void)
{
    scene_t scene = {.client = {0}};
    char url[128];
    double with_us, without_us;

    if (bench_limits_raise () < CLIENTS + SPARE)
        bench_die ("many_connections: a process needs %d descriptors, and may not have them",
                   CLIENTS + SPARE);
    bench_pin (0); /* and so the silent clients; the server is on another one */
    bench_alone_start_godwit (&scene.server);
    bench_alone_url (&scene.server, NULL, url, sizeof url);
    const double before_mib = bench_process_size (scene.server.child.pid).resident_kib / 1024;
    come (&scene);
    bench_godwit_open (&scene.client, &(bench_setup_t){.transport = "tcp", .where = url}, 1);
    p99_us (&scene.client); /* warms it up */
    measure_calls (&scene, &with_us, &without_us);
    const bench_process_size_t size = bench_process_size (scene.server.child.pid);
    printf ("  p99 of another client's calls: %.1f us while they stand still, %.1f us while they do not\n",
            without_us, with_us);
    printf ("  the server: %.1f MiB resident before, %.1f MiB with them, %zu descriptors\n", before_mib,
            size.resident_kib / 1024, size.descriptors);
    bench_figures_print_goal ("many_connections_mib", size.resident_kib / 1024, 80, false);
    bench_figures_print_goal ("many_connections_p99", with_us / without_us, 2, false);

    bench_godwit_close (&scene.client);
    for (size_t i = 0; i < PROCESSES; i++)
        bench_silent_end (&scene.silent[i]);
    bench_alone_end (&scene.server);
}
