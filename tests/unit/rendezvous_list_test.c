/* SPDX-License-Identifier: Apache-2.0 */
/* The list of rendezvous points of a transport, which can be changed while it runs. */
#include <criterion/criterion.h>
#include <godwit/godwit.h>
#include <godwit/testing.h>

#include "tests/support/must.h"

#include <stdio.h>
#include <string.h>

/* ---- a cluster that moves ---- */

typedef struct node {
    godwit_transport_t *transport;
    godwit_server_t *server;
    godwit_client_t *client;
    char name[16];
} node_t;

static godwit_status_t
whoami (godwit_request_t *request, void *self)
{
    return godwit_request_reply (request, GODWIT_STR (NULL, ((node_t *) self)->name));
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("whoami", whoami, 0)};

static void
node_open (node_t *node, godwit_cluster_t *cluster, const char *name)
{
    snprintf (node->name, sizeof node->name, "%s", name);
    MUST (godwit_cluster_add (&node->transport, cluster, name, NULL, &error));
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .self = node);
    MUST (godwit_server_new (&node->server, node->transport,
                             GODWIT_TARGET (.topic = "t", .server = node->name), &endpoint, 1, NULL, &error));
    MUST (godwit_server_start (node->server, NULL, &error));
    MUST (godwit_client_new (&node->client, node->transport, GODWIT_TARGET (.topic = "t"), NULL, &error));
}

static void
node_close (node_t *node)
{
    godwit_client_destroy (&node->client);
    godwit_server_destroy (&node->server);
    godwit_transport_destroy (&node->transport);
}

static void
set_list (const node_t *node, const char *first, const char *second)
{
    const char *const addresses[] = {first, second};
    MUST (godwit_transport_set_rendezvous (node->transport, addresses, second ? 2 : 1, &error));
}

static void
expect_joined (const node_t *node, unsigned known, unsigned joined, unsigned hosted)
{
    godwit_transport_stats_t stats;
    godwit_transport_stats (node->transport, &stats, sizeof stats);
    cr_assert (stats.rendezvous_known == known && stats.rendezvous_joined == joined &&
                   stats.rendezvous_hosted == hosted,
               "%s: %d known, %d joined, %d hosted", node->name, (int) stats.rendezvous_known,
               (int) stats.rendezvous_joined, (int) stats.rendezvous_hosted);
}

static void
call_all (const node_t *nodes, size_t from, size_t count)
{
    for (size_t i = from; i < count; i++) {
        for (size_t j = from; j < count; j++) {
            godwit_client_t *client = NULL;
            godwit_value_t *result = NULL;
            MUST (godwit_client_prepare (&client, nodes[i].client,
                                         GODWIT_OVERRIDES (.server = nodes[j].name, .timeout_ms = 2000),
                                         &error));
            MUST (godwit_client_call (client, NULL, "whoami", GODWIT_NO_ARGS, &result, &error));
            cr_assert_str_eq (godwit_value_as_str (result, ""), nodes[j].name);
            godwit_value_unref (&result);
            godwit_client_destroy (&client);
        }
    }
}

/* From three rendezvous to two others, one process after the other; then the first three are switched off. */
Test (rendezvous_list, a_cluster_moves_to_others, .timeout = 60)
{
    enum { COUNT = 8 };
    static const char *const names[COUNT + 1] = {"a", "b", "c", "d", "e", "f", "g", "h", "late"};
    node_t nodes[COUNT + 1] = {{.transport = NULL}};
    godwit_cluster_t *cluster = NULL;
    MUST (godwit_cluster_new (&cluster, 7, &error));
    for (size_t i = 0; i < COUNT; i++)
        node_open (&nodes[i], cluster, names[i]);
    godwit_cluster_run (cluster, 2000);
    call_all (nodes, 0, COUNT);
    expect_joined (&nodes[0], 1, 1, 1); /* there were no others when it came */
    expect_joined (&nodes[7], 3, 3, 0);
    for (size_t i = COUNT; i-- > 0;) { /* the hosts last */
        set_list (&nodes[i], "d", "e:9573");
        godwit_cluster_run (cluster, 100);
        call_all (nodes, 0, COUNT);
    }
    godwit_cluster_run (cluster, 2000);
    expect_joined (&nodes[0], 2, 2, 0);
    expect_joined (&nodes[3], 2, 2, 1);
    expect_joined (&nodes[7], 2, 2, 0);
    for (size_t i = 0; i < 3; i++)
        node_close (&nodes[i]);
    godwit_cluster_run (cluster, 60000);
    call_all (nodes, 3, COUNT);
    node_open (&nodes[COUNT], cluster, names[COUNT]);
    set_list (&nodes[COUNT], "e", "d");
    godwit_cluster_run (cluster, 2000);
    call_all (nodes, 3, COUNT + 1);
    for (size_t i = 3; i <= COUNT; i++)
        node_close (&nodes[i]);
    godwit_cluster_destroy (&cluster);
}

/* ---- malformed lists ---- */

static void
refused (godwit_transport_t *transport, const char *const *addresses, size_t count, const char *message)
{
    godwit_error_t *error = NULL;
    cr_expect_eq (godwit_transport_set_rendezvous (transport, addresses, count, &error),
                  GODWIT_ERR_INVALID_ARGUMENT, "%s", message);
    cr_expect_str_eq (godwit_error_message (error), message);
    godwit_error_destroy (&error);
    cr_expect_eq (godwit_transport_set_rendezvous (transport, addresses, count, NULL),
                  GODWIT_ERR_INVALID_ARGUMENT);
}

#define EXPECTED "expected host, host:port or [IPv6 address]:port: "

Test (rendezvous_list, says_what_is_wrong, .timeout = 60)
{
    static const char *const many[] = {"h1", "h2", "h3", "h4", "h5", "h6", "h7", "h8"};
    static const char *const twice[] = {"127.0.0.1", "h2", "localhost"};
    static const struct {
        const char *addresses[2];
        const char *message;
    } rows[] = {
        {{"h1", ""}, "addresses[1]: " EXPECTED "nothing"},
        {{"h1", NULL}, "addresses[1]: " EXPECTED "NULL"},
        {{"h1,h2", "h3"}, "addresses[0]: " EXPECTED "a character that a host's name cannot have"},
        {{"h1/", "h3"}, "addresses[0]: " EXPECTED "a character that a host's name cannot have"},
        {{"me:secret@h1", "h3"}, "addresses[0]: " EXPECTED "a character that a host's name cannot have"},
        {{"h1", ":"}, "addresses[1]: " EXPECTED "neither a host nor a port"},
        {{"h1", "h2:0"}, "addresses[1]: " EXPECTED "the port is 0, at byte 9; expected 1 to 65535"},
        {{"h1", "h2:65536"},
         "addresses[1]: " EXPECTED "the port is too large, at byte 9; expected 1 to 65535"},
        {{"[::1", "h2"},
         "addresses[0]: " EXPECTED "Invalid IPv6 URL: a '[' without a ']', at byte 6; expected [address]"},
    };
    godwit_transport_t *transport = NULL;
    godwit_cluster_t *cluster = NULL;
    MUST (godwit_cluster_new (&cluster, 1, &error));
    MUST (godwit_cluster_add (&transport, cluster, "h9", NULL, &error));
    refused (transport, many, 8, "count: expected 1 to 7 rendezvous, got 8");
    refused (transport, many, 0, "count: expected 1 to 7 rendezvous, got 0");
    refused (transport, twice, 3, "expected each rendezvous once, got sim://127.0.0.1:9573 twice");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        refused (transport, rows[i].addresses, 2, rows[i].message);
    godwit_transport_stats_t stats;
    godwit_transport_stats (transport, &stats, sizeof stats);
    cr_expect_eq (stats.rendezvous_known, 1u);
    MUST (godwit_transport_set_rendezvous (transport, many, 7, &error));
    godwit_transport_stats (transport, &stats, sizeof stats);
    cr_expect_eq (stats.rendezvous_known, 7u);
    godwit_transport_destroy (&transport);
    godwit_cluster_destroy (&cluster);
}

Test (rendezvous_list, is_there_with_a_rendezvous_only, .timeout = 60)
{
    static const char *const one[] = {"127.0.0.1:9999"};
    godwit_transport_t *transport = NULL;
    MUST (godwit_transport_new (&transport, "inproc://list/", NULL, &error));
    refused (transport, one, 1,
             "transport: expected one with rendezvous points, got one with inproc, which needs none");
    godwit_transport_destroy (&transport);
    MUST (godwit_transport_new (&transport, "zmq:///?insecure=true&static=work/one@tcp://127.0.0.1:9", NULL,
                                &error));
    refused (transport, one, 1, "transport: expected one with rendezvous points, got one with a static list");
    godwit_transport_destroy (&transport);
}

/* As in the URL. */
Test (rendezvous_list, has_the_same_bounds_in_the_url, .timeout = 60)
{
    static const struct {
        const char *url, *message;
    } rows[] = {
        {"zmq://10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5,10.0.0.6,10.0.0.7,10.0.0.8/?insecure=true",
         "expected at most 7 hosts (rendezvous points), got 8"},
        {"zmq://10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5,10.0.0.6,10.0.0.7,10.0.0.7,10.0.0.7/"
         "?insecure=true",
         "expected at most 7 hosts (rendezvous points), got 9"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        godwit_transport_t *transport = NULL;
        godwit_error_t *error = NULL;
        cr_expect_eq (godwit_transport_new (&transport, rows[i].url, NULL, &error), GODWIT_ERR_INVALID_URL);
        cr_expect_str_eq (godwit_error_message (error), rows[i].message);
        godwit_error_destroy (&error);
    }
    /* There, one may be named for each of several users. */
    godwit_transport_t *transport = NULL;
    MUST (godwit_transport_new (
        &transport, "zmq://a:b@127.0.0.1:9,c:d@127.0.0.1:9,127.0.0.2:9/?insecure=true", NULL, &error));
    godwit_transport_stats_t stats;
    godwit_transport_stats (transport, &stats, sizeof stats);
    cr_expect_eq (stats.rendezvous_known, 2u);
    godwit_transport_destroy (&transport);
}
