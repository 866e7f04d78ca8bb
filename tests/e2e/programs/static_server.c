/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that are told of by nobody: static_server URL [EXCHANGE]. Reads "start NAME" and "stop NAME", and
 * says "started NAME", "stopped NAME" or "failed STATUS: text"; "noted NAME N" for each fanout that a server
 * gets. Its method "who" returns [name, process id]. Leaves at the end of its input. */
#include <godwit/godwit.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERVERS_MAX 8

typedef struct named {
    char name[32];
    godwit_server_t *server;
} named_t;

static named_t servers[SERVERS_MAX];
static size_t server_count;

static godwit_status_t
who (godwit_request_t *request, void *self)
{
    const named_t *const named = self;
    return godwit_request_reply (
        request, GODWIT_LIST (NULL, GODWIT_STR (NULL, named->name), GODWIT_INT (NULL, (int64_t) getpid ())));
}

static godwit_status_t
note (godwit_request_t *request, void *self)
{
    const named_t *const named = self;
    printf ("noted %s %lld\n", named->name,
            (long long) godwit_value_as_int (godwit_value_get (godwit_request_args (request), "n"), -1));
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD ("who", who, 0),
    GODWIT_METHOD ("note", note, 0),
};

static named_t *
find (const char *name)
{
    for (size_t i = 0; i < server_count; i++)
        if (strcmp (servers[i].name, name) == 0)
            return &servers[i];
    if (server_count == SERVERS_MAX)
        exit (3);
    named_t *const named = &servers[server_count++];
    snprintf (named->name, sizeof named->name, "%s", name);
    return named;
}

static void
start (godwit_transport_t *transport, const char *exchange, const char *name)
{
    named_t *const named = find (name);
    godwit_error_t *error = NULL;
    godwit_status_t status = GODWIT_OK;
    if (!named->server)
        status =
            godwit_server_new (&named->server, transport,
                               GODWIT_TARGET (.exchange = exchange, .topic = "calc", .server = named->name),
                               &GODWIT_ENDPOINT (methods, .self = named), 1, NULL, &error);
    if (status == GODWIT_OK)
        status = godwit_server_start (named->server, NULL, &error);
    if (status == GODWIT_OK)
        printf ("started %s\n", name);
    else
        printf ("failed %s: %s\n", godwit_status_type (status), godwit_error_print (error));
    godwit_error_destroy (&error);
}

int
main (int argc, char **argv)
{
    char line[64];
    char name[32];
    godwit_transport_t *transport = NULL;
    godwit_error_t *error = NULL;
    if (argc < 2)
        return 2;
    setvbuf (stdout, NULL, _IOLBF, 0);
    if (godwit_transport_new (&transport, argv[1], NULL, &error)) {
        fprintf (stderr, "%s\n", godwit_error_print (error));
        return 1;
    }
    while (fgets (line, sizeof line, stdin)) {
        if (sscanf (line, "start %31s", name) == 1) {
            start (transport, argc > 2 ? argv[2] : NULL, name);
        } else if (sscanf (line, "stop %31s", name) == 1) {
            godwit_server_stop (find (name)->server, NULL, NULL);
            printf ("stopped %s\n", name);
        }
    }
    for (size_t i = 0; i < server_count; i++)
        godwit_server_destroy (&servers[i].server);
    godwit_transport_destroy (&transport);
    return 0;
}
