/* SPDX-License-Identifier: Apache-2.0 */
/* Rendezvous points that go and return, on simulated clusters: how soon they know everybody again, and what
 * becomes of servers that no rendezvous knows any more (self-preservation). */
#include <criterion/criterion.h>
#include <godwit/godwit.h>
#include <godwit/testing.h>

#include "tests/support/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMBERS 50
#define REFRESH_MS 5000

typedef struct node {
    godwit_transport_t *transport;
    godwit_server_t *server;
    char name[16];
} node_t;

static godwit_status_t
whoami (godwit_request_t *request, void *self)
{
    return godwit_request_reply (request, GODWIT_STR (NULL, ((node_t *) self)->name));
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("whoami", whoami, 0)};

static void
node_open (node_t *node, godwit_cluster_t *cluster, int number)
{
    snprintf (node->name, sizeof node->name, "member-%d", number);
    MUST (godwit_cluster_add (&node->transport, cluster, node->name, NULL, &error));
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .self = node);
    MUST (godwit_server_new (&node->server, node->transport,
                             GODWIT_TARGET (.topic = "work", .server = node->name), &endpoint, 1, NULL,
                             &error));
    MUST (godwit_server_start (node->server, NULL, &error));
}

static void
node_close (node_t *node)
{
    godwit_server_destroy (&node->server);
    godwit_transport_destroy (&node->transport);
}

static uint64_t
servers_known (const godwit_transport_t *transport)
{
    godwit_transport_stats_t stats;
    godwit_transport_stats (transport, &stats, sizeof stats);
    return stats.servers_known;
}

static bool
knows_everybody (void *user)
{
    return servers_known (user) >= MEMBERS;
}

/* The cluster would have others among its first nodes. */
static void
use_only_host (godwit_transport_t *transport)
{
    static const char *const only[] = {"host"};
    MUST (godwit_transport_set_rendezvous (transport, only, 1, &error));
}

/* ---- full again within a second ---- */

static void
return_after (uint64_t seed, int64_t absence_ms)
{
    node_t *members = calloc (MEMBERS, sizeof *members);
    godwit_cluster_t *cluster = NULL;
    godwit_transport_t *host = NULL;
    MUST (godwit_cluster_new (&cluster, seed, &error));
    MUST (godwit_cluster_add (&host, cluster, "host", NULL, &error));
    for (int i = 0; i < MEMBERS; i++) {
        node_open (&members[i], cluster, i);
        use_only_host (members[i].transport);
    }
    cr_assert (godwit_cluster_run_until (cluster, knows_everybody, host, 5000));
    godwit_transport_destroy (&host); /* its machine refuses connections, as after a SIGKILL */
    godwit_cluster_run (cluster, absence_ms);
    MUST (godwit_cluster_add (&host, cluster, "host", NULL, &error));
    use_only_host (host);
    cr_assert_eq (servers_known (host), 0u);
    const int64_t began_ms = godwit_cluster_now_ms (cluster);
    cr_assert (godwit_cluster_run_until (cluster, knows_everybody, host, 10000), "seed %d: %d of %d are back",
               (int) seed, (int) servers_known (host), MEMBERS);
    const int64_t took_ms = godwit_cluster_now_ms (cluster) - began_ms;
    printf ("after %d ms, %d ms until all are back\n", (int) absence_ms, (int) took_ms);
    cr_assert_leq (took_ms, 1000, "seed %d: it took %d ms after %d ms", (int) seed, (int) took_ms,
                   (int) absence_ms);
    for (int i = 0; i < MEMBERS; i++)
        node_close (&members[i]);
    godwit_transport_destroy (&host);
    godwit_cluster_destroy (&cluster);
    free (members);
}

Test (rendezvous_return, it_knows_everybody_again_within_a_second, .timeout = 100)
{
    static const int64_t absences_ms[] = {10, 300, 10000};
    for (size_t i = 0; i < sizeof absences_ms / sizeof *absences_ms; i++)
        return_after (i + 1, absences_ms[i]);
}

/* ---- self-preservation ---- */

enum { SERVERS = 5 };

typedef struct world {
    godwit_cluster_t *cluster;
    godwit_transport_t *host;
    node_t servers[SERVERS];
    godwit_transport_t *transport; /* the client's, which gives up its connections after a second */
    godwit_client_t *client;
    unsigned begun;
    unsigned ended;
} world_t;

static void
on_log (void *user, godwit_log_level_t level, const char *text)
{
    world_t *world = user;
    (void) level;
    world->begun += strstr (text, "(self-preservation)") != NULL;
    world->ended += strstr (text, "Self-preservation is over") != NULL;
}

static void
open_world (world_t *world)
{
    memset (world, 0, sizeof *world);
    MUST (godwit_cluster_new (&world->cluster, 3, &error));
    MUST (godwit_cluster_add (&world->host, world->cluster, "host", NULL, &error));
    for (int i = 0; i < SERVERS; i++)
        node_open (&world->servers[i], world->cluster, i);
    MUST (godwit_cluster_add (
        &world->transport, world->cluster, "client",
        GODWIT_TRANSPORT_OPTIONS (.idle_timeout_ms = 1000, .log = on_log, .log_user = world), &error));
    MUST (godwit_client_new (&world->client, world->transport, GODWIT_TARGET (.topic = "work"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = 3000), &error));
    godwit_cluster_run (world->cluster, 2 * REFRESH_MS);
    use_only_host (world->transport);
    for (int i = 0; i < SERVERS; i++)
        use_only_host (world->servers[i].transport);
    godwit_cluster_run (world->cluster, 8 * REFRESH_MS);
    cr_assert_eq (servers_known (world->transport), SERVERS);
    cr_assert_eq (world->begun, 0u);
}

static void
close_world (world_t *world)
{
    godwit_client_destroy (&world->client);
    godwit_transport_destroy (&world->transport);
    for (int i = 0; i < SERVERS; i++)
        node_close (&world->servers[i]);
    godwit_transport_destroy (&world->host);
    godwit_cluster_destroy (&world->cluster);
}

static void
call_all (const world_t *world)
{
    for (int i = 0; i < SERVERS; i++) {
        godwit_client_t *client = NULL;
        MUST (godwit_client_prepare (&client, world->client,
                                     GODWIT_OVERRIDES (.server = world->servers[i].name), &error));
        MUST (godwit_client_call (client, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
        godwit_client_destroy (&client);
    }
}

/* Nobody is connected, and the only rendezvous is gone for five minutes, longer than a dead server is kept.
 */
Test (rendezvous_return, who_vanishes_with_the_rendezvous_is_kept, .timeout = 60)
{
    world_t world;
    open_world (&world);
    godwit_transport_destroy (&world.host);
    godwit_cluster_run (world.cluster, 5 * REFRESH_MS);
    cr_assert (world.begun == 1 && world.ended == 0, "%u, %u", world.begun, world.ended);
    for (int i = 0; i < 3; i++) {
        godwit_cluster_run (world.cluster, 90000);
        cr_assert_eq (servers_known (world.transport), SERVERS);
    }
    call_all (&world);
    MUST (godwit_cluster_add (&world.host, world.cluster, "host", NULL, &error));
    godwit_cluster_run (world.cluster, 2000);
    cr_assert (world.begun == 1 && world.ended == 1, "%u, %u", world.begun, world.ended);
    call_all (&world);
    close_world (&world);
}

/* One that dies is forgotten, and so are all if they do, by the data path; it is not for ever that they are
 * kept. */
Test (rendezvous_return, who_is_dead_is_forgotten, .timeout = 60)
{
    world_t world;
    open_world (&world);
    godwit_cluster_kill (world.cluster, world.servers[0].name, false);
    godwit_cluster_run (world.cluster, 9 * REFRESH_MS);
    cr_assert_eq (servers_known (world.transport), SERVERS - 1);
    cr_assert_eq (world.begun, 0u);
    godwit_transport_destroy (&world.host);
    for (int i = 1; i < SERVERS; i++)
        godwit_cluster_kill (world.cluster, world.servers[i].name, i % 2);
    godwit_cluster_run (world.cluster, 5 * REFRESH_MS);
    cr_assert_eq (servers_known (world.transport), SERVERS - 1);
    cr_assert_eq (world.begun, 1u);
    godwit_cluster_run (world.cluster, 40 * REFRESH_MS);
    cr_assert_eq (servers_known (world.transport), 0u);
    close_world (&world);
}

/* One that says that it goes goes at once. */
Test (rendezvous_return, who_withdraws_is_forgotten_at_once, .timeout = 60)
{
    world_t world;
    open_world (&world);
    for (int i = 0; i < SERVERS - 1; i++) {
        godwit_server_destroy (&world.servers[i].server);
        godwit_cluster_run (world.cluster, 100);
        cr_assert_eq (servers_known (world.transport), (uint64_t) (SERVERS - 1 - i));
    }
    cr_assert_eq (world.begun, 0u);
    close_world (&world);
}
