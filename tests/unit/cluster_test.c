/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated cluster: the core on a network that loses, repeats, delays, cuts and kills. */
#include <criterion/criterion.h>
#include <godwit/godwit.h>
#include <godwit/testing.h>

#include "tests/support/must.h"

#include <stdio.h>
#include <string.h>

typedef struct service {
    unsigned runs;
    godwit_server_t *server;
    godwit_transport_t *transport;
} service_t;

static godwit_status_t
add (godwit_request_t *request, void *self)
{
    service_t *service = self;
    service->runs++;
    const godwit_value_t *args = godwit_request_args (request);
    return godwit_request_reply (
        request, GODWIT_INT (NULL, godwit_value_as_int (godwit_value_get (args, "a"), 0) + 1));
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("add", add, 0)};

static void
service_open (service_t *service, godwit_cluster_t *cluster, const char *name)
{
    MUST (godwit_cluster_add (&service->transport, cluster, name, NULL, &error));
    const godwit_endpoint_t endpoints[] = {GODWIT_ENDPOINT (methods, .self = service)};
    MUST (godwit_server_new (&service->server, service->transport,
                             GODWIT_TARGET (.topic = "work", .server = name), endpoints, 1, NULL, &error));
    MUST (godwit_server_start (service->server, NULL, &error));
}

static void
service_close (service_t *service)
{
    godwit_server_destroy (&service->server);
    godwit_transport_destroy (&service->transport);
}

/* Rendezvous points are on the first three nodes that there really are. */
Test (cluster, a_node_that_could_not_be_added_is_none)
{
    static const char *const names[] = {"ghost-1", "ghost-2", "ghost-3"};
    godwit_cluster_t *cluster = NULL;
    service_t one = {0};
    godwit_transport_t *calling = NULL;
    godwit_client_t *client = NULL;
    MUST (godwit_cluster_new (&cluster, 1, &error));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_assert_eq (godwit_cluster_add (&calling, cluster, names[i],
                                          GODWIT_TRANSPORT_OPTIONS (.heartbeat_ms = -1), NULL),
                      GODWIT_ERR_INVALID_ARGUMENT);
    service_open (&one, cluster, "one");
    MUST (godwit_cluster_add (&calling, cluster, "two", NULL, &error));
    MUST (godwit_client_new (&client, calling, GODWIT_TARGET (.topic = "work"), NULL, &error));
    MUST (godwit_client_call (client, NULL, "add", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&client);
    service_close (&one);
    godwit_transport_destroy (&calling);
    godwit_cluster_destroy (&cluster);
}

Test (cluster, a_call_waits_in_virtual_time)
{
    godwit_cluster_t *cluster = NULL;
    service_t one = {0};
    godwit_transport_t *calling = NULL;
    godwit_client_t *client = NULL;
    godwit_value_t *sum = NULL;
    MUST (godwit_cluster_new (&cluster, 1, &error));
    service_open (&one, cluster, "one");
    MUST (godwit_cluster_add (&calling, cluster, "two", NULL, &error));
    MUST (godwit_client_new (&client, calling, GODWIT_TARGET (.topic = "work"), NULL, &error));
    MUST (godwit_client_call (client, NULL, "add", GODWIT_ARGS (GODWIT_INT ("a", 41)), &sum, &error));
    cr_assert_eq (godwit_value_as_int (sum, 0), 42);
    const int64_t before = godwit_cluster_now_ms (cluster);
    godwit_cluster_cut (cluster, "two", "one", true);
    godwit_value_unref (&sum);
    cr_assert_eq (godwit_client_call (client, NULL, "add", GODWIT_ARGS (GODWIT_INT ("a", 41)), &sum, NULL),
                  GODWIT_ERR_TIMEOUT);
    const int64_t took = godwit_cluster_now_ms (cluster) - before;
    cr_assert (took >= 2000 && took < 3000, "it took %lld ms of virtual time", (long long) took);
    godwit_cluster_cut (cluster, "two", "one", false);
    MUST (godwit_client_call (client, NULL, "add", GODWIT_ARGS (GODWIT_INT ("a", 41)), &sum, &error));
    godwit_value_unref (&sum);
    godwit_client_destroy (&client);
    service_close (&one);
    godwit_transport_destroy (&calling);
    godwit_cluster_destroy (&cluster);
}

/* ---- a service, and a client of it, on nodes of their own ---- */

typedef struct pair {
    godwit_cluster_t *cluster;
    service_t service; /* on "one", which hosts a rendezvous */
    godwit_transport_t *calling;
    godwit_client_t *client; /* on "two" */
} pair_t;

static void
pair_open (pair_t *pair)
{
    *pair = (pair_t){.cluster = NULL};
    MUST (godwit_cluster_new (&pair->cluster, 1, &error));
    service_open (&pair->service, pair->cluster, "one");
    MUST (godwit_cluster_add (&pair->calling, pair->cluster, "two", NULL, &error));
    MUST (godwit_client_new (&pair->client, pair->calling, GODWIT_TARGET (.topic = "work"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = 10000), &error));
    MUST (godwit_client_call (pair->client, NULL, "add", GODWIT_NO_ARGS, NULL, &error));
}

static void
pair_close (pair_t *pair)
{
    godwit_client_destroy (&pair->client);
    service_close (&pair->service);
    godwit_transport_destroy (&pair->calling);
    godwit_cluster_destroy (&pair->cluster);
}

static void
count_call (void *user)
{
    ++*(int *) user;
}

/* Names come slowly: when the client hears of a server, that one has said GOODBYE already. */
Test (cluster, a_goodbye_may_overtake_the_record)
{
    static const char *const names[] = {"names-1", "names-2", "names-3"};
    godwit_cluster_t *cluster = NULL;
    godwit_transport_t *hosts[3], *calling = NULL;
    godwit_client_t *client = NULL;
    godwit_server_t *other = NULL;
    godwit_value_t *servers = NULL;
    service_t one = {0};
    MUST (godwit_cluster_new (&cluster, 1, &error));
    for (size_t i = 0; i < 3; i++)
        MUST (godwit_cluster_add (&hosts[i], cluster, names[i], NULL, &error));
    service_open (&one, cluster, "one");
    MUST (godwit_cluster_add (&calling, cluster, "calling", NULL, &error));
    MUST (godwit_client_new (&client, calling, GODWIT_TARGET (.topic = "work"), NULL, &error));
    MUST (godwit_client_call (client, NULL, "add", GODWIT_NO_ARGS, NULL, &error));

    for (size_t i = 0; i < 3; i++)
        MUST (godwit_cluster_set_faults (cluster, names[i], "calling",
                                         GODWIT_FAULTS (.delay_min_us = 300000, .delay_max_us = 300000),
                                         &error));
    const godwit_endpoint_t endpoints[] = {GODWIT_ENDPOINT (methods, .self = &one)};
    MUST (godwit_server_new (&other, one.transport, GODWIT_TARGET (.topic = "work", .server = "other"),
                             endpoints, 1, NULL, &error));
    MUST (godwit_server_start (other, NULL, &error));
    godwit_cluster_run (cluster, 10);
    MUST (godwit_server_stop (other, NULL, &error));
    godwit_cluster_run (cluster, 2000);
    MUST (godwit_client_servers (client, &servers, &error));
    cr_assert_eq (godwit_value_count (servers), 1u);
    godwit_value_unref (&servers);

    godwit_server_destroy (&other);
    godwit_client_destroy (&client);
    service_close (&one);
    godwit_transport_destroy (&calling);
    for (size_t i = 0; i < 3; i++)
        godwit_transport_destroy (&hosts[i]);
    godwit_cluster_destroy (&cluster);
}

Test (cluster, functions_run_at_their_time)
{
    pair_t pair;
    int first = 0, second = 0, never = 0;
    pair_open (&pair);
    MUST (godwit_cluster_at (pair.cluster, 20, count_call, &second, &error));
    MUST (godwit_cluster_at (pair.cluster, 10, count_call, &first, &error));
    MUST (godwit_cluster_at (pair.cluster, 1000, count_call, &never, &error));
    godwit_cluster_run (pair.cluster, 9);
    cr_assert_eq (first, 0);
    godwit_cluster_run (pair.cluster, 1);
    cr_assert (first == 1 && second == 0);
    godwit_cluster_run (pair.cluster, 10);
    cr_assert (first == 1 && second == 1);
    MUST (godwit_cluster_at (pair.cluster, -5, count_call, &first, &error));
    godwit_cluster_run (pair.cluster, 0);
    cr_assert_eq (first, 2);
    pair_close (&pair);
    cr_assert_eq (never, 0);
}

/* As with SIGSTOP: what was sent waits, and runs later; who hears nothing for too long gives up. */
Test (cluster, a_paused_node_runs_nothing_and_goes_on)
{
    pair_t pair;
    pair_open (&pair);
    const unsigned before = pair.service.runs;
    godwit_cluster_pause (pair.cluster, "one", true);
    const int64_t begun_ms = godwit_cluster_now_ms (pair.cluster);
    godwit_error_t *why = NULL;
    cr_assert_eq (godwit_client_call (pair.client, NULL, "add", GODWIT_NO_ARGS, NULL, &why),
                  GODWIT_ERR_TIMEOUT);
    cr_assert_eq (godwit_error_outcome (why), GODWIT_OUTCOME_MAYBE_RUN);
    godwit_error_destroy (&why);
    cr_assert_eq (godwit_cluster_now_ms (pair.cluster) - begun_ms, 2000, "it is the heartbeat timeout");
    cr_assert_eq (pair.service.runs, before);
    godwit_cluster_pause (pair.cluster, "one", false);
    MUST (godwit_client_call (pair.client, NULL, "add", GODWIT_NO_ARGS, NULL, &error));
    cr_assert_leq (pair.service.runs, before + 2);
    pair_close (&pair);
}

/* A short one is not noticed but by who waits. */
Test (cluster, a_short_pause_breaks_no_connection)
{
    pair_t pair;
    pair_open (&pair);
    godwit_cluster_stats_t before = {.struct_size = sizeof before}, after = before;
    godwit_cluster_stats (pair.cluster, &before, NULL);
    godwit_cluster_pause (pair.cluster, "one", true);
    godwit_cluster_run (pair.cluster, 1500);
    godwit_cluster_pause (pair.cluster, "one", false);
    MUST (godwit_client_call (pair.client, NULL, "add", GODWIT_NO_ARGS, NULL, &error));
    godwit_cluster_run (pair.cluster, 1000);
    godwit_cluster_stats (pair.cluster, &after, NULL);
    cr_assert_eq (after.broken, before.broken);
    cr_assert_eq (after.connections, before.connections);
    pair_close (&pair);
}

Test (cluster, a_partition_cuts_a_set_from_the_rest)
{
    static const char *const set[] = {"one", "other"};
    pair_t pair;
    pair_open (&pair);
    service_t other = {0};
    service_open (&other, pair.cluster, "other");
    godwit_client_t *client = NULL;
    MUST (godwit_cluster_partition (pair.cluster, set, 2, true, &error));
    MUST (godwit_cluster_partition (pair.cluster, set, 2, true, &error)); /* it is already */
    cr_assert_eq (godwit_client_call (pair.client, NULL, "add", GODWIT_NO_ARGS, NULL, NULL),
                  GODWIT_ERR_TIMEOUT);
    MUST (godwit_client_new (&client, other.transport, GODWIT_TARGET (.topic = "work", .server = "one"), NULL,
                             &error));
    MUST (godwit_client_call (client, NULL, "add", GODWIT_NO_ARGS, NULL, &error)); /* on the same side */
    MUST (godwit_cluster_partition (pair.cluster, set, 2, false, &error));
    MUST (godwit_client_call (pair.client, NULL, "add", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&client);
    service_close (&other);
    pair_close (&pair);
}

Test (cluster, heal_ends_all_faults)
{
    static const char *const set[] = {"two"};
    pair_t pair;
    pair_open (&pair);
    godwit_cluster_cut (pair.cluster, "two", NULL, true);
    MUST (godwit_cluster_partition (pair.cluster, set, 1, true, &error));
    MUST (godwit_cluster_set_faults (pair.cluster, NULL, NULL, GODWIT_FAULTS (.drop = 1), &error));
    godwit_cluster_pause (pair.cluster, "one", true);
    godwit_cluster_run (pair.cluster, 5000);
    godwit_cluster_heal (pair.cluster);
    MUST (godwit_client_call (pair.client, NULL, "add", GODWIT_NO_ARGS, NULL, &error));
    pair_close (&pair);
}

/* It says JOIN to the rendezvous points, and no word of it arrives: they do not know it, and it hears of
 * nobody. It was blind for four times the refresh, until it found them silent. */
Test (cluster, a_node_that_joined_without_an_answer_joins_again)
{
    pair_t pair;
    godwit_transport_t *late = NULL;
    godwit_client_t *client = NULL;
    pair_open (&pair);
    MUST (godwit_cluster_set_faults (pair.cluster, "late", NULL, GODWIT_FAULTS (.drop = 1), &error));
    MUST (godwit_cluster_add (&late, pair.cluster, "late", NULL, &error));
    godwit_cluster_run (pair.cluster, 100);
    MUST (godwit_cluster_set_faults (pair.cluster, "late", NULL, NULL, &error));
    MUST (godwit_client_new (&client, late, GODWIT_TARGET (.topic = "work"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = 6000), &error));
    MUST (godwit_client_call (client, NULL, "add", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&client);
    godwit_transport_destroy (&late);
    pair_close (&pair);
}

/* ---- what happened ---- */

static void
count_line (void *user, int64_t now_us, const char *line)
{
    unsigned *counts = user;
    cr_assert_geq (now_us, 0);
    counts[0] += strstr (line, "two -> one REQUEST") && strstr (line, "arrived");
    counts[1] += strstr (line, "cut from two to one") != NULL;
}

Test (cluster, what_happens_is_counted_and_shown)
{
    pair_t pair;
    unsigned counts[2] = {0, 0};
    godwit_cluster_stats_t before = {.struct_size = sizeof before}, after = before, small = {0};
    pair_open (&pair);
    godwit_cluster_set_trace (pair.cluster, count_line, counts);
    godwit_cluster_stats (pair.cluster, &before, NULL);
    MUST (godwit_client_call (pair.client, NULL, "add", GODWIT_NO_ARGS, NULL, &error));
    cr_assert_eq (counts[0], 1);
    MUST (godwit_cluster_set_faults (pair.cluster, "two", "one", GODWIT_FAULTS (.drop = 1), &error));
    cr_assert_eq (godwit_client_call (pair.client, NULL, "add", GODWIT_NO_ARGS, NULL, NULL),
                  GODWIT_ERR_TIMEOUT);
    godwit_cluster_stats (pair.cluster, &after, NULL);
    cr_assert_geq (after.frames, before.frames + 3);
    cr_assert_geq (after.delivered, before.delivered + 2);
    cr_assert_geq (after.dropped, 1);
    cr_assert_eq (after.faults, before.faults + 1);
    cr_assert_eq (counts[0], 1);
    godwit_cluster_set_trace (pair.cluster, NULL, NULL);
    godwit_cluster_cut (pair.cluster, "two", "one", true);
    cr_assert_eq (counts[1], 0);
    cr_assert_eq (godwit_cluster_stats (pair.cluster, &small, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (small.frames, 0, "nothing was asked for");
    pair_close (&pair);
}

/* ---- plans ---- */

typedef struct told {
    pair_t pair;
    int begun, over, out_of_order;
    bool is_on;
} told_t;

static void
on_fault (void *user, godwit_fault_t fault, const char *node, bool over)
{
    told_t *told = user;
    *(over ? &told->over : &told->begun) += 1;
    cr_assert_eq (fault, GODWIT_FAULT_RESTART);
    cr_assert_str_eq (node, "one");
    told->out_of_order += told->is_on != over;
    told->is_on = !over;
    if (over)
        service_open (&told->pair.service, told->pair.cluster, "one");
    else
        service_close (&told->pair.service);
}

/* Each fault that begins ends; a plan that is over leaves nothing; calls wait for who restarts. */
Test (cluster, a_plan_restarts_nodes_by_the_test)
{
    static const char *const nodes[] = {"one"};
    told_t told = {.begun = 0};
    pair_open (&told.pair);
    MUST (godwit_cluster_begin_plan (told.pair.cluster,
                                     GODWIT_CLUSTER_PLAN (.faults = GODWIT_FAULT_RESTART, .fault_count = 20,
                                                          .duration_ms = 20000, .longest_ms = 500,
                                                          .nodes = nodes, .node_count = 1,
                                                          .on_fault = on_fault, .user = &told),
                                     &error));
    const int64_t end_ms = godwit_cluster_now_ms (told.pair.cluster) + 20000;
    while (godwit_cluster_now_ms (told.pair.cluster) < end_ms) {
        MUST (godwit_client_call (told.pair.client, NULL, "add", GODWIT_NO_ARGS, NULL, &error));
        godwit_cluster_run (told.pair.cluster, 7);
    }
    godwit_cluster_run (told.pair.cluster, 2000);
    cr_assert_geq (told.begun, 5);
    cr_assert_eq (told.begun, told.over);
    cr_assert_eq (told.out_of_order, 0);
    MUST (godwit_client_call (told.pair.client, NULL, "add", GODWIT_NO_ARGS, NULL, &error));
    pair_close (&told.pair);
}

Test (cluster, a_plan_that_cannot_be_is_refused)
{
    static const char *const bad[] = {"no name"};
    godwit_cluster_t *cluster = NULL;
    godwit_transport_t *node = NULL;
    MUST (godwit_cluster_new (&cluster, 1, &error));
    cr_assert_eq (godwit_cluster_begin_plan (cluster, NULL, NULL), GODWIT_ERR_INVALID_ARGUMENT, "no node");
    MUST (godwit_cluster_add (&node, cluster, "node", NULL, &error));
    MUST (godwit_cluster_begin_plan (cluster, NULL, &error));
    const godwit_cluster_plan_t *const plans[] = {
        GODWIT_CLUSTER_PLAN (.faults = GODWIT_FAULT_KILL), /* nobody makes it anew */
        GODWIT_CLUSTER_PLAN (.faults = 1 << 20),
        GODWIT_CLUSTER_PLAN (.duration_ms = -1),
        GODWIT_CLUSTER_PLAN (.longest_ms = -1),
        GODWIT_CLUSTER_PLAN (.nodes = bad, .node_count = 1),
        GODWIT_CLUSTER_PLAN (.nodes = bad, .node_count = 0),
    };
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++)
        cr_expect_eq (godwit_cluster_begin_plan (cluster, plans[i], NULL), GODWIT_ERR_INVALID_ARGUMENT,
                      "plan %zu", i);
    cr_assert_eq (godwit_cluster_partition (cluster, bad, 1, true, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_eq (godwit_cluster_set_faults (cluster, "no name", NULL, NULL, NULL),
                  GODWIT_ERR_INVALID_ARGUMENT);
    godwit_cluster_run (cluster, 11000);
    godwit_transport_destroy (&node);
    godwit_cluster_destroy (&cluster);
}
