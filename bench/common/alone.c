/* SPDX-License-Identifier: Apache-2.0 */
#include "alone.h"
#include "baseline.h"
#include "die.h"
#include "godwit_side.h"
#include "limits.h"
#include "pin.h"
#include "silent.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Ports that the system gives to nobody who did not ask for them (it begins at 32768). */
enum { FIRST_PORT = 21000, PORTS_MAX = 10000 };

/* ---- the process that starts them ---- */

static void
start (bench_alone_t *self, const char *role, const char *argument)
{
    const char *arguments[] = {"--role", role, argument, NULL};
    bench_child_start (&self->child, &(bench_child_options_t){.arguments = arguments});
    if (bench_child_line (&self->child, self->address, sizeof self->address) != 0)
        bench_die ("%s did not start", role);
}

void
bench_alone_start_godwit (bench_alone_t *self)
{
    start (self, "godwit-alone", NULL);
}

void
bench_alone_start_member (bench_alone_t *self, const char *member)
{
    start (self, "member-alone", member);
}

void
bench_alone_start_bare (bench_alone_t *self)
{
    start (self, "bare-alone", NULL);
}

void
bench_alone_end (bench_alone_t *self)
{
    if (bench_child_stop (&self->child) != 0)
        bench_die ("a server did not end well");
}

void
bench_alone_url (const bench_alone_t *self, const char *member, char *url, size_t size)
{
    snprintf (url, size, "%s:///?%s%s&static=" BENCH_TOPIC "/one@%s", bench_godwit_scheme (),
              member ? "realm=" : "insecure=true", member ? member : "", self->address);
}

/* ---- the processes ---- */

unsigned
bench_alone_serve (const char *name, const char *member, unsigned *port)
{
    /* A port may be taken by another program; then the next one is tried. */
    for (const unsigned last = *port + PORTS_MAX; *port < last;) {
        godwit_transport_t *transport = NULL;
        godwit_server_t *server = NULL;
        godwit_error_t *error = NULL;
        const unsigned tried = (*port)++;
        char url[320];
        /* With a list of its own it neither joins the rendezvous of this machine nor hosts it. */
        snprintf (url, sizeof url, "%s:///?%s%s&static=" BENCH_TOPIC "/%s@tcp://127.0.0.1:%u&port=%u",
                  bench_godwit_scheme (), member ? "realm=" : "insecure=true", member ? member : "", name,
                  tried, tried);
        bench_godwit_check (godwit_transport_new (&transport, url, NULL, &error), &error, "transport");
        godwit_status_t status = bench_godwit_server (&server, transport, name, &error);
        if (status == GODWIT_OK)
            return tried;
        godwit_transport_destroy (&transport);
        if (status != GODWIT_ERR_SERVER_LISTEN)
            bench_godwit_check (status, &error, name);
        godwit_error_destroy (&error);
    }
    bench_die ("no port is free");
}

int
bench_alone_godwit_main (char **arguments)
{
    (void) arguments;
    return bench_alone_member_main ((char *[]){NULL});
}

int
bench_alone_member_main (char **arguments)
{
    unsigned port = FIRST_PORT + (unsigned) getpid () % PORTS_MAX;
    bench_limits_raise ();
    bench_pin (1);
    printf ("tcp://127.0.0.1:%u\n", bench_alone_serve ("one", arguments[0], &port));
    fflush (stdout);
    bench_child_wait_for_parent ();
    /* What thousands of clients had is not taken down one by one. */
    _exit (0);
}

int
bench_alone_bare_main (char **arguments)
{
    const bench_setup_t setup = {.transport = "tcp", .reply_size = 64, .with_heartbeats = true};
    char where[BENCH_WHERE_SIZE];
    (void) arguments;
    bench_limits_raise ();
    baseline_router_serve (&setup, where);
    puts (where);
    fflush (stdout);
    bench_child_wait_for_parent ();
    _exit (0);
}
