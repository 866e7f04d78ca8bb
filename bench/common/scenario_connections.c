/* SPDX-License-Identifier: Apache-2.0 */
/* many_connections: 10,000 clients that say nothing at one server, and one that calls it. How large the
 * server gets, and how much later the slow ones of the calls end. */
#include "alone.h"
#include "clock.h"
#include "die.h"
#include "figures.h"
#include "godwit_side.h"
#include "limits.h"
#include "process_size.h"
#include "samples.h"
#include "scenario.h"
#include "silent.h"

#include <stdio.h>

enum { PROCESSES = 2, EACH = 5000, CLIENTS = PROCESSES * EACH, BURSTS = 15, CALLS = 1000, SPARE = 200 };
enum { START_LIMIT_S = 30 };

/* The median of several bursts' 99th percentiles, in us. */
static double
p99_us (const bench_godwit_client_t *client)
{
    double bursts[BURSTS];

    for (size_t i = 0; i < BURSTS; i++) {
        bench_samples_t samples = {0};
        bench_samples_reserve (&samples, CALLS);
        for (int64_t call = 0; call < CALLS; call++) {
            const uint64_t before_ns = bench_now_ns ();
            bench_godwit_add (client, "add", call);
            bench_samples_add (&samples, bench_now_ns () - before_ns);
        }
        bench_samples_sort (&samples);
        bursts[i] = (double) bench_samples_at (&samples, 0.99) / 1e3;
        bench_samples_free (&samples);
    }
    return bench_median (bursts, BURSTS);
}

void
bench_scenario_many_connections (void)
{
    bench_alone_t server;
    bench_child_t silent[PROCESSES];
    bench_godwit_client_t client = {0};
    char url[128];
    size_t lost = 0;

    if (bench_limits_raise () < CLIENTS + SPARE)
        bench_die ("many_connections: a process needs %d descriptors, and may not have them",
                   CLIENTS + SPARE);
    bench_alone_start_godwit (&server);
    bench_alone_url (&server, url, sizeof url);
    bench_godwit_open (&client, &(bench_setup_t){.transport = "tcp", .where = url}, 1);
    p99_us (&client); /* warms it up */
    const double before_us = p99_us (&client);
    const double before_mib = bench_process_size (server.child.pid).resident_kib / 1024;

    const uint64_t begin_ns = bench_now_ns ();
    for (size_t i = 0; i < PROCESSES; i++)
        bench_silent_start (&silent[i], server.address, EACH, START_LIMIT_S);
    printf ("many_connections: %d silent connections came within %.1f s\n", CLIENTS,
            (double) (bench_now_ns () - begin_ns) / 1e9);
    fflush (stdout);
    const double with_us = p99_us (&client);
    const bench_process_size_t size = bench_process_size (server.child.pid);
    for (size_t i = 0; i < PROCESSES; i++)
        lost += bench_silent_lost (&silent[i]);
    if (lost > 0)
        bench_die ("many_connections: %zu silent clients have lost their connection", lost);
    printf ("  p99 of another client's calls: %.1f us without them, %.1f us beside them\n", before_us,
            with_us);
    printf ("  the server: %.1f MiB resident before, %.1f MiB with them, %zu descriptors\n", before_mib,
            size.resident_kib / 1024, size.descriptors);
    bench_figures_print_goal ("many_connections_mib", size.resident_kib / 1024, 80, false);
    bench_figures_print_goal ("many_connections_p99", with_us / before_us, 2, false);

    bench_godwit_close (&client);
    for (size_t i = 0; i < PROCESSES; i++)
        bench_silent_end (&silent[i]);
    bench_alone_end (&server);
}
