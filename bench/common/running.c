/* SPDX-License-Identifier: Apache-2.0 */
#include "running.h"
#include "die.h"
#include "pin.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

/* What stopping itself may cost. */
enum { LINE_SIZE = 128, STILL_NS = 500000, SETTLE_NS = 200000000 };

/* ---- the harness' side ---- */

/* The child inherits the processor, and its threads do. */
static void
start_pinned (bench_child_t *child, const bench_child_options_t *options, bool pin, size_t processor)
{
    if (pin)
        bench_pin (processor);
    bench_child_start (child, options);
    if (pin)
        bench_pin (0);
}

/* Starts the server, if it has a process of its own; `where` is what it says. Adds to the client's options
 * what both share. */
static void
start_server (bench_running_t *running, const bench_pair_t *pair, size_t index, bool pin,
              char where[BENCH_WHERE_SIZE], bench_child_options_t *options)
{
    char index_text[24];
    const char *arguments[] = {"--serve", pair->name, index_text, NULL};

    snprintf (index_text, sizeof index_text, "%zu", index);
    options->program = running->half->program;
    if (strcmp (pair->halves[index].setup.transport, "inproc") == 0) {
        snprintf (where, BENCH_WHERE_SIZE, "-");
        return;
    }
    options->arguments = arguments;
    start_pinned (&running->server, options, pin && pair->pinned, 1);
    options->group = running->server.pid;
    running->has_server = true;
    if (bench_child_line (&running->server, where, BENCH_WHERE_SIZE) != 0)
        bench_die ("%s: the server of %s did not start", pair->name, running->half->name);
}

void
bench_running_start (bench_running_t *running, const bench_pair_t *pair, size_t index, bool pin)
{
    char where[BENCH_WHERE_SIZE], index_text[24], line[LINE_SIZE];
    const char *arguments[] = {"--client", pair->name, index_text, where, NULL};
    int fds[2];
    bench_child_options_t options = {.grouped = true, .fds = fds};

    *running = (bench_running_t){.half = pair->halves[index].half, .label = pair->halves[index].label};
    if (running->label == NULL)
        running->label = running->half->name;
    if (pair->windowed) {
        running->window = bench_window_new ();
        fds[options.fds_count++] = bench_window_memory_fd (running->window);
        fds[options.fds_count++] = bench_window_event_fd (running->window);
    }
    start_server (running, pair, index, pin, where, &options);
    snprintf (index_text, sizeof index_text, "%zu", index);
    options.arguments = arguments;
    start_pinned (&running->client, &options, pin && pair->pinned, 0);
    running->group = running->has_server ? running->server.pid : running->client.pid;
    if (bench_child_line (&running->client, line, sizeof line) != 0)
        bench_die ("%s: the client of %s did not start", pair->name, running->half->name);
    bench_processor_time_add (&running->processes, running->client.pid);
    if (running->has_server)
        bench_processor_time_add (&running->processes, running->server.pid);
}

void
bench_running_end (bench_running_t *running)
{
    if (bench_child_stop (&running->client) != 0)
        bench_die ("the client of %s did not end well", running->half->name);
    if (running->has_server && bench_child_stop (&running->server) != 0)
        bench_die ("the server of %s did not end well", running->half->name);
    bench_window_destroy (&running->window);
}

static void
wait_stopped (const bench_running_t *running, pid_t pid)
{
    int status = 0;
    /* Returns when the last thread has stopped. */
    if (waitpid (pid, &status, WUNTRACED) != pid || !WIFSTOPPED (status))
        bench_die ("a process of %s has ended", running->half->name);
}

void
bench_running_freeze (bench_running_t *running)
{
    bench_check (kill (-running->group, SIGSTOP) == 0, "SIGSTOP");
    wait_stopped (running, running->client.pid);
    if (running->has_server)
        wait_stopped (running, running->server.pid);
    running->frozen_ns = bench_processor_time_ns (&running->processes);
}

void
bench_running_thaw (bench_running_t *running)
{
    if (bench_processor_time_ns (&running->processes) > running->frozen_ns + STILL_NS)
        bench_die ("%s did not stand still while the others were measured", running->half->name);
    bench_check (kill (-running->group, SIGCONT) == 0, "SIGCONT");
}

void
bench_running_burst (bench_running_t *running, size_t count, bench_burst_t *burst)
{
    bench_samples_t *samples = &burst->samples;
    char line[LINE_SIZE];
    size_t samples_count = 0;

    snprintf (line, sizeof line, "%zu", count);
    bench_child_tell (&running->client, line);
    if (bench_child_line (&running->client, line, sizeof line) != 0 ||
        sscanf (line, "%" SCNu64 " %" SCNu64 " %zu", &burst->elapsed_ns, &burst->processor_ns,
                &samples_count) != 3)
        bench_die ("the client of %s has ended", running->half->name);
    bench_samples_reserve (samples, samples_count);
    if (fread (samples->ns + samples->count, sizeof *samples->ns, samples_count, running->client.output) !=
        samples_count)
        bench_die ("the client of %s has ended", running->half->name);
    samples->count += samples_count;
}

/* ---- the processes of a half ---- */

static bench_setup_t
setup_of (const bench_pair_t *pair, size_t index)
{
    bench_setup_t setup = pair->halves[index].setup;
    if (pair->windowed)
        setup.window = bench_window_attach (BENCH_CHILD_FD, BENCH_CHILD_FD + 1);
    return setup;
}

void
bench_running_serve (const bench_pair_t *pair, size_t index, const bench_half_t *half)
{
    bench_setup_t setup = setup_of (pair, index);
    char where[BENCH_WHERE_SIZE] = "";

    if (half == NULL)
        half = pair->halves[index].half;
    void *server = half->serve (&setup, where);
    puts (where);
    fflush (stdout);
    bench_child_wait_for_parent ();
    half->unserve (server);
    bench_window_destroy (&setup.window);
}

/* One burst: the figures in a line, then the samples as they are in memory. */
static void
obey (const bench_half_t *half, void *client, size_t count, const bench_processor_time_t *processes)
{
    bench_samples_t samples = {0};

    bench_samples_reserve (&samples, count);
    const uint64_t before_ns = bench_processor_time_ns (processes);
    const uint64_t elapsed_ns = half->burst (client, count, &samples);
    const uint64_t processor_ns = bench_processor_time_ns (processes) - before_ns;
    printf ("%" PRIu64 " %" PRIu64 " %zu\n", elapsed_ns, processor_ns, samples.count);
    fwrite (samples.ns, sizeof *samples.ns, samples.count, stdout);
    fflush (stdout);
    bench_samples_free (&samples);
}

void
bench_running_call (const bench_pair_t *pair, size_t index, const bench_half_t *half, const char *where)
{
    bench_setup_t setup = setup_of (pair, index);
    bench_processor_time_t processes;
    char local[BENCH_WHERE_SIZE], line[LINE_SIZE];

    if (half == NULL)
        half = pair->halves[index].half;
    setup.where = where;
    if (strcmp (setup.transport, "inproc") == 0) {
        setup.server = half->serve (&setup, local);
        setup.where = local;
    }
    void *client = half->open (&setup);
    bench_processor_time_of_group (&processes);
    puts ("ready");
    fflush (stdout);
    while (fgets (line, sizeof line, stdin) != NULL)
        obey (half, client, strtoul (line, NULL, 10), &processes);
    half->close (client);
    if (setup.server != NULL)
        half->unserve (setup.server);
    bench_window_destroy (&setup.window);
}

/* A client spreads its calls for a moment after the first one that found a server: that is no part of a call.
 * Where the clock runs slower (bench/preload/slow_clock.c), the moment is skipped. */
static void
let_it_settle (void)
{
    const struct timespec moment = {.tv_nsec = SETTLE_NS};
    void (*skip) (int64_t ns);
    *(void **) &skip = dlsym (RTLD_DEFAULT, "bench_clock_skip");
    if (skip != NULL)
        skip (moment.tv_nsec);
    else
        nanosleep (&moment, NULL);
}

void
bench_running_plain (const bench_pair_t *pair, size_t index, size_t count)
{
    bench_running_t running = {.half = pair->halves[index].half};
    bench_setup_t setup = pair->halves[index].setup;
    bench_child_options_t options = {0};
    bench_samples_t samples = {0};
    char where[BENCH_WHERE_SIZE];

    if (pair->windowed)
        bench_die ("%s: only with processes of its own", pair->name);
    bench_samples_reserve (&samples, 1 + count);
    start_server (&running, pair, index, true, where, &options);
    if (!running.has_server)
        setup.server = running.half->serve (&setup, where);
    setup.where = where;
    void *client = running.half->open (&setup);
    running.half->burst (client, 1, &samples);
    let_it_settle ();
    running.half->burst (client, count, &samples);
    running.half->close (client);
    if (!running.has_server)
        running.half->unserve (setup.server);
    else if (bench_child_stop (&running.server) != 0)
        bench_die ("the server of %s did not end well", running.half->name);
    bench_samples_free (&samples);
}
