/* SPDX-License-Identifier: Apache-2.0 */
#include "running.h"
#include "die.h"
#include "pin.h"

#include <stdio.h>
#include <string.h>

void
bench_running_start (bench_running_t *running, const bench_pair_t *pair, size_t index, bool pin)
{
    *running = (bench_running_t){.half = pair->halves[index], .setup = pair->setups[index]};
    bench_setup_t *setup = &running->setup;
    setup->where = running->where;

    if (strcmp (setup->transport, "inproc") == 0) {
        setup->server = running->half->serve (setup, running->where);
    } else {
        const char *arguments[] = {"--serve", pair->name, index == 0 ? "0" : "1", NULL};
        int fds[2];
        size_t fds_count = 0;
        if (pair->windowed) {
            setup->window = bench_window_new ();
            fds[fds_count++] = bench_window_memory_fd (setup->window);
            fds[fds_count++] = bench_window_event_fd (setup->window);
        }
        /* The child inherits the processor, and its threads do. */
        if (pin && pair->pinned)
            bench_pin (1);
        bench_child_start (&running->child, arguments, fds, fds_count);
        if (pin && pair->pinned)
            bench_pin (0);
        running->has_child = true;
        if (bench_child_line (&running->child, running->where, sizeof running->where) != 0)
            bench_die ("%s: the server of %s did not start", pair->name, running->half->name);
    }
    running->client = running->half->open (setup);
}

void
bench_running_stop (bench_running_t *running)
{
    running->half->close (running->client);
    if (!running->has_child)
        running->half->unserve (running->setup.server);
    else if (bench_child_stop (&running->child) != 0)
        bench_die ("the server of %s did not end well", running->half->name);
    bench_window_destroy (&running->setup.window);
}

void
bench_running_serve (const bench_pair_t *pair, size_t index)
{
    const bench_half_t *half = pair->halves[index];
    bench_setup_t setup = pair->setups[index];
    char where[BENCH_WHERE_SIZE] = "";

    if (pair->windowed)
        setup.window = bench_window_attach (BENCH_CHILD_FD, BENCH_CHILD_FD + 1);
    void *server = half->serve (&setup, where);
    puts (where);
    fflush (stdout);
    bench_child_wait_for_parent ();
    half->unserve (server);
    bench_window_destroy (&setup.window);
}
