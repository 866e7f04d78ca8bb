/* SPDX-License-Identifier: Apache-2.0 */
/* connect_curve: what a server pays for a client that connects: its processor time from the connection to the
 * first call that it could make, and the memory that the connection has. In a realm each client is a service
 * of its own, which the server has never seen: nothing of its certificate is remembered. */
#include "alone.h"
#include "die.h"
#include "figures.h"
#include "godwit_side.h"
#include "process_size.h"
#include "processor_time.h"
#include "scenario.h"

#include "tests/support/realm_files.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS = 50, TURNS = 5, SETTLE_MS = 300 };

typedef struct {
    const char *name;
    double ms[TURNS], kib[TURNS]; /* a connection */
} half_t;

/* ---- the clients' process ---- */

static void
open_client (bench_godwit_client_t *client, const bench_alone_t *server, const char *member)
{
    char url[320];
    bench_alone_url (server, member, url, sizeof url);
    bench_godwit_open (client, &(bench_setup_t){.transport = "tcp", .where = url}, 1);
}

int
bench_clients_main (char **arguments)
{
    static bench_godwit_client_t clients[CLIENTS + 1];
    bench_alone_t server = {.child = {.pid = 0}};
    char line[16];

    snprintf (server.address, sizeof server.address, "%s", arguments[0]);
    /* The first one is not counted. Each line asks for more. */
    for (size_t i = 0; fgets (line, sizeof line, stdin);) {
        for (const size_t last = i == 0 ? 1 : CLIENTS + 1; i < last; i++) {
            char member[160];
            snprintf (member, sizeof member, "%s/%zu.member", arguments[1], i);
            open_client (&clients[i], &server, strcmp (arguments[1], "-") == 0 ? NULL : member);
        }
        puts ("connected");
        fflush (stdout);
    }
    _exit (0);
}

/* ---- the process that measures ---- */

static void
pause_ms (long ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep (&time, NULL);
}

static void
connect_more (bench_child_t *clients)
{
    char line[32];
    bench_child_tell (clients, "more");
    if (bench_child_line (clients, line, sizeof line) != 0)
        bench_die ("the clients did not connect");
    pause_ms (SETTLE_MS); /* for what comes behind the connections */
}

/* Starts a server and its clients, which live in `realm`, if it is not NULL. */
static void
take_turn (half_t *half, size_t turn, const godwit__test_realm_t *realm, const char *member)
{
    bench_alone_t server;
    bench_child_t clients;
    bench_processor_time_t processes = {.count = 0};

    if (member)
        bench_alone_start_member (&server, member);
    else
        bench_alone_start_godwit (&server);
    const char *arguments[] = {"--role", "clients", server.address,
                               realm ? godwit__test_realm_folder (realm) : "-", NULL};
    bench_child_start (&clients, &(bench_child_options_t){.arguments = arguments});
    connect_more (&clients);
    bench_processor_time_add (&processes, server.child.pid);
    const bench_process_size_t before = bench_process_size (server.child.pid);
    const uint64_t before_ns = bench_processor_time_ns (&processes);
    connect_more (&clients);
    half->ms[turn] = (double) (bench_processor_time_ns (&processes) - before_ns) / 1e6 / CLIENTS;
    half->kib[turn] = (bench_process_size (server.child.pid).private_kib - before.private_kib) / CLIENTS;
    bench_child_stop (&clients);
    bench_alone_end (&server);
}

static godwit__test_realm_t *
make_realm (const char **member)
{
    godwit__test_realm_t *realm = godwit__test_realm_new ((uint64_t) getpid ());
    for (int i = 0; i <= CLIENTS; i++) {
        char name[16];
        snprintf (name, sizeof name, "%d", i);
        godwit__test_realm_issue (realm, GODWIT__TEST_MEMBER (.name = name));
    }
    *member = godwit__test_realm_issue (realm, GODWIT__TEST_MEMBER (.name = "server"));
    return realm;
}

void
bench_scenario_connect (void)
{
    half_t without = {.name = "without"}, with = {.name = "realm"};
    half_t *const halves[] = {&without, &with};
    const char *member;
    godwit__test_realm_t *realm = make_realm (&member);

    printf ("connect_curve: a server and %d clients that connect, in a realm and without; %d turns a half\n",
            CLIENTS, TURNS);
    printf ("  %-14s %20s %20s\n", "", "CPU ms a client", "KiB a client");
    fflush (stdout);
    for (size_t turn = 0; turn < TURNS; turn++) {
        take_turn (&without, turn, NULL, NULL);
        take_turn (&with, turn, realm, member);
    }
    for (size_t i = 0; i < 2; i++)
        printf ("  %-14s %20.3f %20.2f\n", halves[i]->name, bench_median (halves[i]->ms, TURNS),
                bench_median (halves[i]->kib, TURNS));
    bench_figures_print_goal ("connect_curve_ms", bench_median (with.ms, TURNS), 1.5, false);
    bench_figures_print_goal ("connect_curve_kib", bench_median (with.kib, TURNS), 10, false);
    godwit__test_realm_destroy (&realm);
}
