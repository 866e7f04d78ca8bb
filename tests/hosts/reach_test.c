/* SPDX-License-Identifier: Apache-2.0 */
/* Without the option host, a server is reached from other hosts where the rendezvous reaches it: also if
 * there was no way to it when the server started, and if the rendezvous is on the server's own host.
 * reach_test WIRE GODWIT; 77: not possible here. This program is also the servers and the clients, each on a
 * host of its own. */
#include "tests/hosts/child.h"
#include "tests/hosts/fail.h"
#include "tests/hosts/network.h"

#include <godwit/godwit.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_LIMIT_MS = 20000, SKIPPED = 77, LIMIT_S = 100, SERVER = 1, RENDEZVOUS = 2, CLIENT = 3 };

/* ---- on a host: the server ---- */

static void
say (const char *line)
{
    puts (line);
    fflush (stdout);
}

static void
on_log (void *user, godwit_log_level_t level, const char *text)
{
    char host[64];
    char line[80];
    (void) user;
    if (level == GODWIT_LOG_INFO &&
        sscanf (text, "Other hosts reach the servers of this process at %63[^,]", host) == 1) {
        snprintf (line, sizeof line, "reached at %s", host);
        say (line);
    } else if (level == GODWIT_LOG_WARNING && strstr (text, "No way leads to a rendezvous")) {
        say ("cut off");
    }
}

static int
fail_with (godwit_error_t *error)
{
    fprintf (stderr, "%s\n", godwit_error_print (error));
    return 1;
}

static godwit_status_t
nothing (godwit_request_t *request, void *self)
{
    (void) request, (void) self;
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("nothing", nothing, 0)};

static int
serve (const char *url)
{
    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;
    godwit_error_t *error = NULL;
    char line[16];
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods);
    if (godwit_transport_new (&transport, url, GODWIT_TRANSPORT_OPTIONS (.log = on_log), &error) ||
        godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "work", .server = "one"), &endpoint, 1,
                           NULL, &error) ||
        godwit_server_start (server, NULL, &error))
        return fail_with (error);
    say ("up");
    while (fgets (line, sizeof line, stdin))
        ;
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
    return 0;
}

static int
call (const char *url)
{
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    godwit_error_t *error = NULL;
    if (godwit_transport_new (&transport, url, NULL, &error) ||
        godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "work"), NULL, &error) ||
        godwit_client_wait_servers (client, 1, WAIT_LIMIT_MS, &error) ||
        godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error))
        return fail_with (error);
    say ("called");
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    return 0;
}

/* ---- the test ---- */

static char url[64];

static void
start (child_t *child, const char *role, int host, const char *query)
{
    char whole[128], net[NETWORK_NAME_SIZE];
    snprintf (whole, sizeof whole, "%s%s", url, query);
    snprintf (net, sizeof net, "%s", network_name (host));
    child_start (child,
                 &(child_options_t){.name = role, .net = net, .arguments = {"/proc/self/exe", role, whole}});
}

static void
end (child_t *child)
{
    const int status = child_end (child, WAIT_LIMIT_MS);
    if (status != 0)
        hosts_fail ("%s ended with %d", child->name, status);
}

static void
expect_reached (child_t *server, int host)
{
    char line[64];
    snprintf (line, sizeof line, "reached at %s", network_address (host));
    child_expect (server, line, WAIT_LIMIT_MS);
}

static void
expect_call (void)
{
    child_t client;
    start (&client, "client", CLIENT, "");
    child_expect (&client, "called", WAIT_LIMIT_MS);
    end (&client);
}

static void
try_reach (int host, const char *query, bool is_down)
{
    child_t server;
    if (is_down)
        network_link (host, false);
    start (&server, "server", host, query);
    if (is_down)
        child_expect (&server, "cut off", WAIT_LIMIT_MS);
    else if (!query[0])
        expect_reached (&server, host);
    child_expect (&server, "up", WAIT_LIMIT_MS);
    if (is_down) {
        network_link (host, true);
        expect_reached (&server, host);
    }
    expect_call ();
    end (&server);
}

int
main (int argc, char **argv)
{
    char why[128], listen[64], query[64];
    child_t rendezvous;
    if (argc == 3 && strcmp (argv[1], "server") == 0)
        return serve (argv[2]);
    if (argc == 3 && strcmp (argv[1], "client") == 0)
        return call (argv[2]);
    if (argc != 3)
        return 2;
    alarm (LIMIT_S);
    if (!network_is_possible (why, sizeof why)) {
        printf ("skipped: %s\n", why);
        return SKIPPED;
    }
    network_open (argv[1], 1);
    for (int host = SERVER; host <= CLIENT; host++)
        network_add_host ();
    char net[NETWORK_NAME_SIZE];
    snprintf (net, sizeof net, "%s", network_name (RENDEZVOUS));
    snprintf (url, sizeof url, "zmq://%s/?insecure=true", network_address (RENDEZVOUS));
    snprintf (listen, sizeof listen, "--listen=%s", network_address (RENDEZVOUS));
    child_start (&rendezvous, &(child_options_t){.name = "rendezvous",
                                                 .net = net,
                                                 .arguments = {argv[2], "matchmaker", "--insecure", listen}});
    child_expect (&rendezvous, "godwit matchmaker: ready at", WAIT_LIMIT_MS);
    try_reach (SERVER, "", false);
    try_reach (RENDEZVOUS, "", false);
    try_reach (SERVER, "", true);
    snprintf (query, sizeof query, "&host=%s", network_address (SERVER));
    try_reach (SERVER, query, false);
    child_kill (&rendezvous);
    network_close ();
    puts ("servers were reached from another host");
    return 0;
}
