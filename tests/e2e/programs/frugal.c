/* SPDX-License-Identifier: Apache-2.0 */
/* Makes one call of its own server, within whatever limits it was started: frugal [-n DESCRIPTORS] [-v BYTES]
 * [-u PROCESSES]. Ends with 0: it worked; 1: it says why not. */
#include <godwit/client.h>
#include <godwit/server.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* Nobody: a user with few processes, and no privilege. */
#define OTHER_USER 65534

/* False: there is no such limit, or it cannot be set. */
static bool
limit (int option, const char *text)
{
    const rlim_t most = strtoull (text, NULL, 10);
    const struct rlimit limit = {most, most};
    switch (option) {
    case 'n':
        return setrlimit (RLIMIT_NOFILE, &limit) == 0;
    case 'v':
        return setrlimit (RLIMIT_AS, &limit) == 0;
    case 'u':
        return (getuid () != 0 || setuid (OTHER_USER) == 0) && setrlimit (RLIMIT_NPROC, &limit) == 0;
    default:
        return false;
    }
}

static int
fail (const char *what, const godwit_error_t *error)
{
    fprintf (stderr, "%s: %s\n", what, godwit_error_print (error));
    return 1;
}

static godwit_status_t
on_echo (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (request, GODWIT_INT ("", 7));
}

static int
call (godwit_transport_t *transport)
{
    static const godwit_method_t methods[] = {GODWIT_METHOD ("echo", on_echo, 0)};
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = "1.0");
    godwit_error_t *error = NULL;
    godwit_server_t *server = NULL;
    godwit_client_t *client = NULL;
    godwit_value_t *result = NULL;
    const char *what = "the server";
    godwit_status_t status = godwit_server_new (
        &server, transport, GODWIT_TARGET (.topic = "frugal", .server = "one"), &endpoint, 1, NULL, &error);
    if (status == GODWIT_OK)
        status = godwit_server_start (server, NULL, &error);
    if (status == GODWIT_OK) {
        what = "the client";
        status = godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "frugal"),
                                    GODWIT_CLIENT_OPTIONS (.timeout_ms = 2000), &error);
    }
    if (status == GODWIT_OK) {
        what = "the call";
        status = godwit_client_call (client, NULL, "echo", GODWIT_NO_ARGS, &result, &error);
    }
    const int code = status == GODWIT_OK ? 0 : fail (what, error);
    godwit_value_unref (&result);
    godwit_client_destroy (&client);
    godwit_server_destroy (&server);
    godwit_error_destroy (&error);
    return code;
}

int
main (int argc, char **argv)
{
    godwit_error_t *error = NULL;
    godwit_transport_t *transport = NULL;
    int option;
    while ((option = getopt (argc, argv, "n:v:u:")) != -1) {
        if (!limit (option, optarg))
            return 2;
    }
    if (godwit_transport_new (&transport, "zmq://", GODWIT_TRANSPORT_OPTIONS (.connect_timeout_ms = 1000),
                              &error) != GODWIT_OK)
        return fail ("the transport", error);
    const int code = call (transport);
    godwit_transport_destroy (&transport);
    return code;
}
