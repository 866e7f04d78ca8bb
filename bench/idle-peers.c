/* SPDX-License-Identifier: Apache-2.0 */
/* How much memory one more peer costs that is connected and says nothing: the difference between one peer and
 * 101, divided by 100, in the client's process (peers are servers) and in the server's (peers are clients),
 * for Godwit and for the bare sockets that do the same. The peers live in another process, whose memory does
 * not count. */
#include "common/baseline.h"
#include "common/child.h"
#include "common/die.h"
#include "common/godwit_side.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

enum { MORE = 100, LIMIT_S = 60 };

typedef struct {
    double heap_kib;
    double resident_kib;
} memory_t;

static memory_t
memory_now (void)
{
    struct mallinfo2 heap = mallinfo2 ();
    long pages = 0, resident = 0;
    FILE *file = fopen ("/proc/self/statm", "r");
    bench_check (file != NULL && fscanf (file, "%ld %ld", &pages, &resident) == 2, "/proc/self/statm");
    fclose (file);
    return (memory_t){.heap_kib = (double) (heap.uordblks + heap.hblkhd) / 1024,
                      .resident_kib = (double) resident * (double) sysconf (_SC_PAGESIZE) / 1024};
}

static void
print_difference (const char *what, memory_t before, memory_t after)
{
    printf ("    %-44s %8.1f KiB of heap, %8.1f KiB resident\n", what,
            (after.heap_kib - before.heap_kib) / MORE, (after.resident_kib - before.resident_kib) / MORE);
    fflush (stdout);
}

/* ---- the peers: a child that has `count` of them ---- */

static godwit_status_t
touch (godwit_request_t *request, void *self)
{
    (void) request;
    (void) self;
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("touch", touch, 0)};

/* One transport with one server, named `name`. */
static void
start_server (godwit_transport_t **transport, godwit_server_t **server, const char *url, const char *name)
{
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = "1.0");
    godwit_error_t *error = NULL;
    bench_godwit_check (godwit_transport_new (transport, url, NULL, &error), &error, "transport");
    bench_godwit_check (godwit_server_new (server, *transport,
                                           GODWIT_TARGET (.topic = BENCH_TOPIC, .server = name), &endpoint, 1,
                                           NULL, &error),
                        &error, "server");
    bench_godwit_check (godwit_server_start (*server, NULL, &error), &error, "server's start");
}

static void
call_touch (godwit_client_t *client, const char *server)
{
    godwit_client_t *one = NULL;
    godwit_error_t *error = NULL;
    bench_godwit_check (godwit_client_prepare (&one, client, GODWIT_OVERRIDES (.server = server), &error),
                        &error, "prepare");
    bench_godwit_check (godwit_client_call (one, NULL, "touch", GODWIT_NO_ARGS, NULL, &error), &error,
                        "touch");
    godwit_client_destroy (&one);
}

/* The peers are not taken down one by one: the process ends, and with it all of them. */
static void
be_godwit_servers (const char *url, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        godwit_transport_t *transport = NULL;
        godwit_server_t *server = NULL;
        char name[24];
        snprintf (name, sizeof name, "s%zu", i);
        start_server (&transport, &server, url, name);
    }
    puts ("ready");
}

static void
be_godwit_clients (const char *url, size_t count)
{
    const bench_setup_t setup = {.transport = "tcp", .where = url};
    for (size_t i = 0; i < count; i++) {
        bench_godwit_client_t *side = bench_alloc (sizeof *side);
        bench_godwit_open (side, &setup, 1);
        call_touch (side->client, "s0");
    }
    puts ("ready");
}

static void
be_bare_servers (size_t count)
{
    const bench_setup_t setup = {.transport = "tcp", .reply_size = 64};
    for (size_t i = 0; i < count; i++) {
        char where[BENCH_WHERE_SIZE];
        baseline_router_serve (&setup, where);
        puts (where);
    }
}

static void
be_bare_clients (const char *where, size_t count)
{
    const bench_setup_t setup = {.transport = "tcp", .where = where};
    void *context = zmq_ctx_new ();
    for (size_t i = 0; i < count; i++)
        baseline_dealer (context, &setup);
    puts ("ready");
}

static void
be_peers (char **argv)
{
    const char *kind = argv[0], *where = argv[1];
    size_t first = strtoul (argv[2], NULL, 10), count = strtoul (argv[3], NULL, 10);

    if (strcmp (kind, "godwit-servers") == 0)
        be_godwit_servers (where, first, count);
    else if (strcmp (kind, "godwit-clients") == 0)
        be_godwit_clients (where, count);
    else if (strcmp (kind, "bare-servers") == 0)
        be_bare_servers (count);
    else
        be_bare_clients (where, count);
    fflush (stdout);
    bench_child_wait_for_parent ();
    _exit (0);
}

/* ---- the measured process ---- */

static void
start_peers (bench_child_t *child, const char *kind, const char *where, size_t first, size_t count)
{
    char first_text[24], count_text[24];
    const char *arguments[] = {"--peers", kind, where, first_text, count_text, NULL};
    snprintf (first_text, sizeof first_text, "%zu", first);
    snprintf (count_text, sizeof count_text, "%zu", count);
    bench_child_start (child, &(bench_child_options_t){.arguments = arguments});
}

static void
expect_line (bench_child_t *child, char where[BENCH_WHERE_SIZE])
{
    if (bench_child_line (child, where, BENCH_WHERE_SIZE) != 0)
        bench_die ("the peers did not start");
}

static void
bare_client (void)
{
    void *context = zmq_ctx_new (), *dealers[1 + MORE];
    bench_child_t peers;
    memory_t before = {0};
    char where[BENCH_WHERE_SIZE];
    const bench_setup_t setup = {.transport = "tcp", .where = where};

    start_peers (&peers, "bare-servers", "-", 0, 1 + MORE);
    for (size_t i = 0; i < 1 + MORE; i++) {
        expect_line (&peers, where);
        dealers[i] = baseline_dealer (context, &setup);
        if (i == 0)
            before = memory_now ();
    }
    print_difference ("bare client, a server more (a DEALER)", before, memory_now ());
    for (size_t i = 0; i < 1 + MORE; i++)
        zmq_close (dealers[i]);
    zmq_ctx_term (context);
    bench_child_stop (&peers);
}

static void
bare_server (void)
{
    const bench_setup_t setup = {.transport = "tcp", .reply_size = 64};
    char where[BENCH_WHERE_SIZE], line[BENCH_WHERE_SIZE];
    bench_child_t first, more;
    void *server = baseline_router_serve (&setup, where);

    start_peers (&first, "bare-clients", where, 0, 1);
    expect_line (&first, line);
    memory_t before = memory_now ();
    start_peers (&more, "bare-clients", where, 1, MORE);
    expect_line (&more, line);
    print_difference ("bare server, a client more (of the ROUTER)", before, memory_now ());
    bench_child_stop (&first);
    bench_child_stop (&more);
    baseline_router_unserve (server);
}

static void
godwit_client (void)
{
    bench_setup_t setup = {.transport = "tcp"};
    char where[BENCH_WHERE_SIZE], line[BENCH_WHERE_SIZE], name[24];
    bench_godwit_client_t side = {0};
    bench_child_t first, more;
    godwit_error_t *error = NULL;

    bench_godwit_url (&setup, where);
    setup.where = where;
    start_peers (&first, "godwit-servers", where, 0, 1);
    expect_line (&first, line);
    bench_godwit_open (&side, &setup, 1);
    call_touch (side.client, "s0");
    memory_t before = memory_now ();
    start_peers (&more, "godwit-servers", where, 1, MORE);
    expect_line (&more, line);
    bench_godwit_check (godwit_client_wait_servers (side.client, 1 + MORE, 30000, &error), &error,
                        "waiting for the servers");
    for (size_t i = 1; i <= MORE; i++) {
        snprintf (name, sizeof name, "s%zu", i);
        call_touch (side.client, name);
    }
    print_difference ("godwit client, a server more", before, memory_now ());
    bench_godwit_close (&side);
    bench_child_stop (&first);
    bench_child_stop (&more);
}

static void
godwit_server (void)
{
    const bench_setup_t setup = {.transport = "tcp"};
    char where[BENCH_WHERE_SIZE], line[BENCH_WHERE_SIZE];
    bench_child_t first, more;
    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;

    bench_godwit_url (&setup, where);
    start_server (&transport, &server, where, "s0");
    start_peers (&first, "godwit-clients", where, 0, 1);
    expect_line (&first, line);
    memory_t before = memory_now ();
    start_peers (&more, "godwit-clients", where, 1, MORE);
    expect_line (&more, line);
    print_difference ("godwit server, a client more", before, memory_now ());
    bench_child_stop (&first);
    bench_child_stop (&more);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
}

int
main (int argc, char **argv)
{
    bench_child_begin ();
    alarm (LIMIT_S);
    if (argc == 6 && strcmp (argv[1], "--peers") == 0)
        be_peers (argv + 2);
    bare_client ();
    bare_server ();
    godwit_client ();
    godwit_server ();
    return 0;
}
