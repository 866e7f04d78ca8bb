/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated cluster with a plan of faults, as a program has it in its tests. */
#include "expect.h"

#include <godwit/testing.h>

typedef struct town {
    godwit_cluster_t *cluster;
    unsigned faults, callbacks, replies;
} town_t;

static godwit_status_t
answer (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (request, GODWIT_INT (NULL, 42));
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("answer", answer, 0)};

static void
on_fault (void *user, godwit_fault_t fault, const char *node, bool over)
{
    town_t *town = user;
    (void) over;
    EXPECT ((fault & GODWIT_FAULT_ALL) == fault);
    EXPECT (fault != GODWIT_FAULT_PAUSE || !strcmp (node, "shop"));
    town->faults++;
}

static void
on_time (void *user)
{
    ((town_t *) user)->callbacks++;
}

static bool
has_replies (void *user)
{
    return ((town_t *) user)->replies == 3;
}

static void
on_reply (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) error;
    EXPECT (status == GODWIT_OK && godwit_value_as_int (result, 0) == 42);
    ((town_t *) user)->replies++;
}

static void
expect_stats (const godwit_cluster_t *cluster)
{
    GUARDED (godwit_cluster_stats_t) stats = {{.struct_size = sizeof (godwit_cluster_stats_t)}, {0}};
    GUARD (stats);
    MUST (godwit_cluster_stats (cluster, &stats.it, &error));
    EXPECT_GUARD (stats);
    EXPECT (stats.it.frames > 0 && stats.it.delivered > 0 && stats.it.connections > 0 && stats.it.faults > 0);
    EXPECT (stats.it.digest != 0);
}

int
main (void)
{
    static const char *const struck[] = {"shop"};
    town_t town = {NULL, 0, 0, 0};
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods);
    godwit_transport_t *store = NULL, *shop = NULL;
    godwit_server_t *server = NULL;
    godwit_client_t *client = NULL;
    MUST (godwit_cluster_new (&town.cluster, 7, &error));
    MUST (godwit_cluster_add (&store, town.cluster, "store", GODWIT_TRANSPORT_OPTIONS (.worker_limit = 2),
                              &error));
    MUST (godwit_cluster_add (&shop, town.cluster, "shop", NULL, &error));
    MUST (godwit_server_new (&server, store, GODWIT_TARGET (.topic = "goods", .server = "store"), &endpoint,
                             1, NULL, &error));
    MUST (godwit_server_start (server, NULL, &error));
    MUST (godwit_client_new (&client, shop, GODWIT_TARGET (.topic = "goods"), NULL, &error));
    MUST (godwit_cluster_set_faults (town.cluster, "shop", NULL,
                                     GODWIT_FAULTS (.delay_min_us = 200, .delay_max_us = 900), &error));
    MUST (godwit_cluster_begin_plan (town.cluster,
                                     GODWIT_CLUSTER_PLAN (.faults = GODWIT_FAULT_DELAY | GODWIT_FAULT_PAUSE,
                                                          .fault_count = 4, .duration_ms = 2000,
                                                          .longest_ms = 300, .nodes = struck, .node_count = 1,
                                                          .on_fault = on_fault, .user = &town),
                                     &error));
    MUST (godwit_cluster_at (town.cluster, 100, on_time, &town, &error));
    for (int i = 0; i < 3; i++)
        MUST (godwit_client_call_async (client, NULL, "answer", GODWIT_NO_ARGS, on_reply, &town, &error));
    EXPECT (godwit_cluster_run_until (town.cluster, has_replies, &town, 60000));
    godwit_cluster_run (town.cluster, 3000);
    EXPECT (town.callbacks == 1 && town.faults == 8);
    expect_stats (town.cluster);
    godwit_client_destroy (&client);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&shop);
    godwit_transport_destroy (&store);
    godwit_cluster_destroy (&town.cluster);
    return 0;
}
