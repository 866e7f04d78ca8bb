/* SPDX-License-Identifier: Apache-2.0 */
/* many_servers: one client and 2,000 servers, each with a transport and a connection of its own. How long it
 * takes from the client's start until each server has been called. The servers are listed in a file: that
 * names get around is not what is measured. */
#include "alone.h"
#include "clock.h"
#include "die.h"
#include "figures.h"
#include "godwit_side.h"
#include "limits.h"
#include "process_size.h"
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PROCESSES = 20, EACH = 100, SERVERS = PROCESSES * EACH };
enum { FIRST_PORT = 11000, PORTS_EACH = 500, LIMIT_MS = 60000 };
/* All are only tried if some of them show that the client has room for all. */
enum { FEW = 2, DESCRIPTORS_EACH = 4 };

/* ---- a process with servers: "servers FIRST COUNT" ---- */

int
bench_many_servers_main (char **arguments)
{
    const size_t first = strtoul (arguments[0], NULL, 10), count = strtoul (arguments[1], NULL, 10);
    unsigned port = FIRST_PORT + (unsigned) (first / EACH * PORTS_EACH);

    bench_limits_raise ();
    for (size_t i = first; i < first + count; i++) {
        char name[24];
        snprintf (name, sizeof name, "s%zu", i);
        const unsigned at = bench_alone_serve (name, NULL, &port);
        printf (BENCH_TOPIC "/%s@tcp://127.0.0.1:%u\n", name, at);
    }
    puts ("ready");
    fflush (stdout);
    bench_child_wait_for_parent ();
    _exit (0);
}

/* ---- the client ---- */

static void
start_servers (bench_child_t *children, size_t from, size_t to, FILE *list)
{
    char line[256];

    for (size_t i = from; i < to; i++) {
        char first[24], count[24];
        const char *arguments[] = {"--role", "servers", first, count, NULL};
        snprintf (first, sizeof first, "%zu", i * EACH);
        snprintf (count, sizeof count, "%d", EACH);
        bench_child_start (&children[i], &(bench_child_options_t){.arguments = arguments});
        for (;;) {
            if (bench_child_line (&children[i], line, sizeof line) != 0)
                bench_die ("many_servers: %zu servers could be started", i * EACH);
            if (strcmp (line, "ready") == 0)
                break;
            fprintf (list, "%s\n", line);
        }
    }
    bench_check (fflush (list) == 0, "the list of servers");
}

static void
call_each (const bench_godwit_client_t *client, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bench_godwit_client_t one = *client;
        godwit_error_t *error = NULL;
        char name[24];
        snprintf (name, sizeof name, "s%zu", i);
        bench_godwit_check (
            godwit_client_prepare (&one.client, client->client, GODWIT_OVERRIDES (.server = name), &error),
            &error, "prepare");
        bench_godwit_add (&one, "add", (int64_t) i);
        godwit_client_destroy (&one.client);
    }
}

/* A client's life; returns the seconds from its start to the last answer, and tells its descriptors. */
static double
call_all (size_t count, int list_fd)
{
    bench_godwit_client_t client = {0};
    char url[128];

    snprintf (url, sizeof url, "%s:///?insecure=true&static_file=/proc/self/fd/%d", bench_godwit_scheme (),
              list_fd);
    const size_t before = bench_process_size (getpid ()).descriptors;
    const uint64_t begin_ns = bench_now_ns ();
    bench_godwit_open_within (&client, &(bench_setup_t){.transport = "tcp", .where = url}, 1, LIMIT_MS);
    call_each (&client, count);
    const double seconds = (double) (bench_now_ns () - begin_ns) / 1e9;
    const double each = (double) (bench_process_size (getpid ()).descriptors - before) / (double) count;
    printf ("many_servers: one client has called each of %zu servers %.2f s after its start, with %.1f "
            "descriptors "
            "a server\n",
            count, seconds, each);
    fflush (stdout);
    if (each > DESCRIPTORS_EACH)
        bench_die ("many_servers: %d servers are not tried: the client has no room for them", SERVERS);
    bench_godwit_close (&client);
    return seconds;
}

void
bench_scenario_many_servers (void)
{
    bench_child_t children[PROCESSES];
    /* A file without a name: nothing is left behind. */
    const int list_fd = memfd_create ("godwit-bench-servers", MFD_CLOEXEC);
    FILE *list = list_fd >= 0 ? fdopen (list_fd, "w") : NULL;

    bench_check (list != NULL, "the list of servers");
    bench_limits_raise ();
    start_servers (children, 0, FEW, list);
    call_all (FEW * EACH, list_fd);
    start_servers (children, FEW, PROCESSES, list);
    bench_figures_print_goal ("many_servers_s", call_all (SERVERS, list_fd), 10, false);
    fflush (stdout);
    fclose (list);
    for (size_t i = 0; i < PROCESSES; i++)
        bench_child_stop (&children[i]);
}
