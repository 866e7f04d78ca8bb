/* SPDX-License-Identifier: Apache-2.0 */
/* A server to be attacked: hostile_server URL [MEMBER-FILE]. Prints its addresses and "ready", serves until
 * the end of its input. */
#include "src/runtime/transport.h"
#include "src/server/pool.h"
#include "src/server/server.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static godwit_transport_t *transport;

static void
must (godwit_status_t status, godwit_error_t *error)
{
    if (status == GODWIT_OK)
        return;
    fprintf (stderr, "%s\n", godwit_error_print (error));
    exit (1);
}

static int64_t
count_descriptors (void)
{
    int64_t count = 0;
    DIR *const listing = opendir ("/proc/self/fd");
    while (listing && readdir (listing))
        count++;
    if (listing)
        closedir (listing);
    return count - 3; /* "." and "..", and the listing's own */
}

static int64_t
resident_bytes (void)
{
    long pages = 0;
    FILE *const file = fopen ("/proc/self/statm", "r");
    if (!file || fscanf (file, "%*s %ld", &pages) != 1)
        pages = 0;
    if (file)
        fclose (file);
    return pages * sysconf (_SC_PAGESIZE);
}

static godwit_status_t
on_echo (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (request,
                                 GODWIT_VALUE ("", godwit_value_get (godwit_request_args (request), "x")));
}

/* The processor time of this process so far: what was done before this call, and what was not. */
static godwit_status_t
on_spent (godwit_request_t *request, void *self)
{
    struct timespec used;
    (void) self;
    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &used);
    return godwit_request_reply (request, GODWIT_INT ("", (int64_t) used.tv_sec * 1000000000 + used.tv_nsec));
}

/* The same of this thread, and which one it is: what is done on others is for the system to share out. */
static godwit_status_t
on_spent_here (godwit_request_t *request, void *self)
{
    struct timespec used;
    (void) self;
    clock_gettime (CLOCK_THREAD_CPUTIME_ID, &used);
    return godwit_request_reply (
        request, GODWIT_MAP ("", GODWIT_INT ("thread", gettid ()),
                             GODWIT_INT ("spent", (int64_t) used.tv_sec * 1000000000 + used.tv_nsec)));
}

static godwit_status_t
on_stats (godwit_request_t *request, void *self)
{
    (void) self;
    godwit_transport_stats_t stats;
    godwit_transport_stats (transport, &stats, sizeof stats);
    return godwit_request_reply (request,
                                 GODWIT_MAP ("", GODWIT_UINT ("requests_received", stats.requests_received),
                                             GODWIT_UINT ("requests_refused", stats.requests_refused),
                                             GODWIT_UINT ("requests_duplicate", stats.requests_duplicate),
                                             GODWIT_UINT ("fanouts_received", stats.fanouts_received),
                                             GODWIT_UINT ("frames_malformed", stats.frames_malformed),
                                             GODWIT_UINT ("frames_unknown", stats.frames_unknown),
                                             GODWIT_UINT ("frames_dropped", stats.frames_dropped),
                                             GODWIT_UINT ("workers", stats.workers),
                                             GODWIT_INT ("descriptors", count_descriptors ()),
                                             GODWIT_INT ("resident", resident_bytes ())));
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD ("echo", on_echo, 0), GODWIT_METHOD ("spent", on_spent, 0),
    GODWIT_METHOD ("spent_here", on_spent_here, 0), GODWIT_METHOD ("stats", on_stats, 0)};

static void
print_port (const godwit__port_t *port, const godwit_server_t *server)
{
    for (size_t i = 0; i < port->addresses.link_count; i++)
        printf ("link %s\n", port->addresses.links[i]);
    printf ("fanout %s\n", port->addresses.fanout);
    printf ("key ");
    for (size_t i = 0; i < sizeof server->key; i++)
        printf ("%02x", server->key[i]);
    printf ("\n");
}

/* Of a sanitizer. */
void __sanitizer_symbolize_pc (void *pc, const char *format, char *text, size_t size) __attribute__ ((weak));

/* A sanitizer reads addresses with a child and a pipe to it, from the first report on, though it be
 * suppressed: from now on instead, so that they are none of what an attack leaves behind. */
static void
begin_reading_addresses (void)
{
    char text[64];
    if (__sanitizer_symbolize_pc)
        __sanitizer_symbolize_pc ((void *) (uintptr_t) begin_reading_addresses, "%f", text, sizeof text);
}

int
main (int argc, char **argv)
{
    godwit_error_t *error = NULL;
    godwit_server_t *server = NULL;
    if (argc < 2 || argc > 3)
        return 2;
    setvbuf (stdout, NULL, _IOLBF, 0);
    begin_reading_addresses ();
    /* No heartbeats: whoever is hung up on has done something else than not to answer them. */
    must (godwit_transport_new (&transport, argv[1],
                                GODWIT_TRANSPORT_OPTIONS (.host = "127.0.0.1", .insecure = argc == 2,
                                                          .realm = argv[2], .connect_timeout_ms = 500,
                                                          .heartbeat_ms = 120000,
                                                          .heartbeat_timeout_ms = 120000),
                                &error),
          error);
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = "1.0");
    must (godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "hostile", .server = "one"),
                             &endpoint, 1, NULL, &error),
          error);
    must (godwit_server_start (server, NULL, &error), error);
    print_port (&transport->pool->ports[transport->pool->port_count - 1], server);
    printf ("ready\n");
    while (getchar () != EOF)
        ;
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
    return 0;
}
