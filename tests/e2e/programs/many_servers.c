/* SPDX-License-Identifier: Apache-2.0 */
/* So many servers, on so many transports: many_servers URL SERVERS TRANSPORTS. It says "up", and goes at the
 * end of its standard input. */
#include <godwit/godwit.h>

#include <stdio.h>
#include <stdlib.h>

#define TRANSPORTS_MAX 64
#define SERVERS_MAX 4096

static godwit_transport_t *transports[TRANSPORTS_MAX];
static godwit_server_t *servers[SERVERS_MAX];

static godwit_status_t
nothing (godwit_request_t *request, void *self)
{
    (void) request;
    (void) self;
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("nothing", nothing, 0)};

static godwit_status_t
start (size_t index, size_t transport_count, godwit_error_t **error)
{
    char topic[32], name[32];
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods);
    snprintf (topic, sizeof topic, "topic%zu", index % 20);
    snprintf (name, sizeof name, "server%zu", index);
    const godwit_status_t status =
        godwit_server_new (&servers[index], transports[index % transport_count],
                           GODWIT_TARGET (.topic = topic, .server = name), &endpoint, 1, NULL, error);
    return status ? status : godwit_server_start (servers[index], NULL, error);
}

int
main (int argc, char **argv)
{
    const size_t count = argc == 4 ? strtoul (argv[2], NULL, 10) : 0;
    const size_t transport_count = argc == 4 ? strtoul (argv[3], NULL, 10) : 0;
    godwit_error_t *error = NULL;
    godwit_status_t status = GODWIT_OK;
    if (!transport_count || transport_count > TRANSPORTS_MAX || count > SERVERS_MAX)
        return 2;
    for (size_t i = 0; i < transport_count && !status; i++)
        status = godwit_transport_new (&transports[i], argv[1], NULL, &error);
    for (size_t i = 0; i < count && !status; i++)
        status = start (i, transport_count, &error);
    if (status) {
        fprintf (stderr, "many_servers: %s\n", godwit_error_print (error));
        return 1;
    }
    puts ("up");
    fflush (stdout);
    while (getchar () != EOF)
        ;
    for (size_t i = 0; i < count; i++)
        godwit_server_destroy (&servers[i]);
    for (size_t i = 0; i < transport_count; i++)
        godwit_transport_destroy (&transports[i]);
    return 0;
}
