/* SPDX-License-Identifier: Apache-2.0 */
/* Which server gets a call: those of its version only, and of many calls each server its part. On a simulated
 * cluster, in virtual time. */
#include <criterion/criterion.h>
#include <godwit/godwit.h>
#include <godwit/testing.h>

#include "tests/support/must.h"

#include <stdio.h>
#include <string.h>

enum { NODES_MAX = 5 };

typedef struct node {
    unsigned runs;
    godwit_server_t *server;
    godwit_transport_t *transport;
} node_t;

typedef struct world {
    godwit_cluster_t *cluster;
    node_t nodes[NODES_MAX];
    size_t count;
    godwit_transport_t *calling;
    godwit_client_t *client; /* without a namespace and a version */
} world_t;

static godwit_status_t
run (godwit_request_t *request, void *self)
{
    ((node_t *) self)->runs++;
    return godwit_request_reply (request, GODWIT_INT (NULL, 1));
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("run", run, 0)};

/* The names of nodes are "s0", "s1", ...; name is the server's. */
static node_t *
serve (world_t *world, const char *name, godwit_endpoint_t endpoint)
{
    static const char *const names[NODES_MAX] = {"s0", "s1", "s2", "s3", "s4"};
    const size_t index = world->count++;
    node_t *const node = &world->nodes[index];
    const char *const server = name ? name : names[index];
    endpoint.self = node;
    MUST (godwit_cluster_add (&node->transport, world->cluster, names[index], NULL, &error));
    MUST (godwit_server_new (&node->server, node->transport,
                             GODWIT_TARGET (.topic = "work", .server = server), &endpoint, 1, NULL, &error));
    MUST (godwit_server_start (node->server, NULL, &error));
    return node;
}

#define AT(...) GODWIT_ENDPOINT (methods, __VA_ARGS__)

static void
begin (world_t *world)
{
    *world = (world_t){.cluster = NULL};
    MUST (godwit_cluster_new (&world->cluster, 1, &error));
}

static void
call_from (world_t *world)
{
    MUST (godwit_cluster_add (&world->calling, world->cluster, "calling", NULL, &error));
    MUST (godwit_client_new (&world->client, world->calling, GODWIT_TARGET (.topic = "work"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = 5000), &error));
}

/* Until it knows all, and is connected to them. */
static void
know_all (world_t *world)
{
    MUST (godwit_client_wait_servers (world->client, world->count, 5000, &error));
}

/* Without connecting to them. */
static bool
knows_all (void *user)
{
    const world_t *const world = user;
    godwit_value_t *list = NULL;
    MUST (godwit_client_servers (world->client, &list, &error));
    const bool result = godwit_value_count (list) == world->count;
    godwit_value_unref (&list);
    return result;
}

static void
end (world_t *world)
{
    godwit_client_destroy (&world->client);
    godwit_transport_destroy (&world->calling);
    for (size_t i = 0; i < world->count; i++) {
        godwit_server_destroy (&world->nodes[i].server);
        godwit_transport_destroy (&world->nodes[i].transport);
    }
    godwit_cluster_destroy (&world->cluster);
}

/* So many calls of the client with these overrides succeed. */
static void
call (const world_t *world, unsigned count, const godwit_overrides_t *overrides)
{
    godwit_client_t *client = NULL;
    MUST (godwit_client_prepare (&client, world->client, overrides, &error));
    for (unsigned i = 0; i < count; i++)
        MUST (godwit_client_call (client, NULL, "run", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&client);
}

static void
expect_unsupported (const world_t *world, const godwit_overrides_t *overrides, const char *text)
{
    godwit_client_t *client = NULL;
    godwit_error_t *failure = NULL;
    MUST (godwit_client_prepare (&client, world->client, overrides, &error));
    cr_assert_eq (godwit_client_call (client, NULL, "run", GODWIT_NO_ARGS, NULL, &failure),
                  GODWIT_ERR_UNSUPPORTED_VERSION, "%s", godwit_error_print (failure));
    cr_assert_eq (godwit_error_outcome (failure), GODWIT_OUTCOME_REJECTED);
    cr_assert (strstr (godwit_error_message (failure), text), "%s", godwit_error_message (failure));
    godwit_error_destroy (&failure);
    godwit_client_destroy (&client);
}

/* ---- versions ---- */

Test (choose, by_version)
{
    world_t world;
    begin (&world);
    node_t *const old = serve (&world, NULL, AT (.version = "1.2"));
    node_t *const new = serve (&world, NULL, AT (.version = "1.3"));
    call_from (&world);
    know_all (&world);
    call (&world, 10, GODWIT_OVERRIDES (.version = "1.3"));
    cr_assert_eq (old->runs, 0u);
    cr_assert_eq (new->runs, 10u);
    call (&world, 10, GODWIT_OVERRIDES (.version = "1.2"));
    cr_assert_eq (old->runs, 5u);
    call (&world, 10, NULL); /* which is 1.0 */
    cr_assert_eq (old->runs, 10u);
    for (int i = 0; i < 2; i++)
        expect_unsupported (&world, GODWIT_OVERRIDES (.version = "1.4"),
                            "; the servers are: s0 (1.2), s1 (1.3)");
    end (&world);
}

Test (choose, by_namespace_and_legacy_namespace)
{
    static const char *const legacy[] = {"", NULL};
    world_t world;
    begin (&world);
    serve (&world, NULL, AT (.name_space = "a"));
    serve (&world, NULL, AT (.name_space = "b", .legacy_namespaces = legacy, .legacy_namespace_count = 1));
    serve (&world, NULL, AT (.name_space = "c", .legacy_namespaces = legacy, .legacy_namespace_count = 2));
    call_from (&world);
    know_all (&world);
    call (&world, 8, GODWIT_OVERRIDES (.name_space = "a"));
    cr_assert_eq (world.nodes[0].runs, 8u);
    call (&world, 8, GODWIT_OVERRIDES (.name_space = ""));
    cr_assert_eq (world.nodes[1].runs, 4u);
    cr_assert_eq (world.nodes[2].runs, 4u);
    call (&world, 8, NULL);
    cr_assert_eq (world.nodes[2].runs, 12u);
    expect_unsupported (&world, GODWIT_OVERRIDES (.name_space = "d"), "there is no namespace \"d\"");
    end (&world);
}

/* Those behind a row of servers that are passed over get no more than others, whoever else calls. */
Test (choose, evenly_among_those_that_serve)
{
    world_t world;
    begin (&world);
    for (int i = 0; i < 3; i++)
        serve (&world, NULL, AT (.version = "1.2"));
    node_t *const one = serve (&world, NULL, AT (.version = "1.3"));
    node_t *const two = serve (&world, NULL, AT (.version = "1.3"));
    call_from (&world);
    know_all (&world);
    call (&world, 40, GODWIT_OVERRIDES (.version = "1.2"));
    for (size_t i = 0; i < 5; i++)
        cr_assert_eq (world.nodes[i].runs, 8u);
    for (int i = 0; i < 40; i++) {
        call (&world, 1, GODWIT_OVERRIDES (.version = "1.3"));
        call (&world, 1, GODWIT_OVERRIDES (.server = "s0")); /* moves the turn of all */
    }
    cr_assert_eq (one->runs, 28u);
    cr_assert_eq (two->runs, 28u);
    end (&world);
}

/* A new client does not take the first servers that it hears of for all that there are. */
Test (choose, waits_until_all_are_known)
{
    world_t world;
    begin (&world);
    serve (&world, NULL, AT (.version = "1.2"));
    node_t *const new = serve (&world, NULL, AT (.version = "1.3"));
    call_from (&world);
    call (&world, 1, GODWIT_OVERRIDES (.server = "s0"));
    cr_assert_not (knows_all (&world));
    call (&world, 1, GODWIT_OVERRIDES (.version = "1.3"));
    cr_assert_eq (new->runs, 1u);
    end (&world);
}

/* The one that serves is known, but takes longer to connect to. */
Test (choose, waits_for_one_that_serves)
{
    world_t world;
    begin (&world);
    node_t *const old = serve (&world, NULL, AT (.version = "1.2"));
    node_t *const new = serve (&world, NULL, AT (.version = "1.3"));
    call_from (&world);
    cr_assert (godwit_cluster_run_until (world.cluster, knows_all, &world, 5000));
    call (&world, 1, GODWIT_OVERRIDES (.server = "s0"));
    MUST (godwit_cluster_set_faults (world.cluster, "calling", "s1",
                                     GODWIT_FAULTS (.delay_min_us = 300000, .delay_max_us = 300000), &error));
    call (&world, 1, GODWIT_OVERRIDES (.version = "1.3"));
    cr_assert_eq (old->runs, 1u);
    cr_assert_eq (new->runs, 1u);
    end (&world);
}

static void
start_new (void *user)
{
    serve (user, NULL, AT (.version = "1.3"));
}

/* A call is under way to a server that will refuse it when one that serves it comes up. */
Test (choose, another_after_a_refusal)
{
    world_t world;
    begin (&world);
    serve (&world, NULL, AT (.version = "1.2"));
    call_from (&world);
    know_all (&world);
    godwit_cluster_run (world.cluster, 1000); /* and that this is all */
    MUST (godwit_cluster_set_faults (world.cluster, "calling", "s0",
                                     GODWIT_FAULTS (.delay_min_us = 500000, .delay_max_us = 500000), &error));
    MUST (godwit_cluster_at (world.cluster, 100, start_new, &world, &error));
    call (&world, 1, GODWIT_OVERRIDES (.version = "1.3"));
    cr_assert_eq (world.nodes[0].runs, 0u);
    cr_assert_eq (world.nodes[1].runs, 1u);
    end (&world);
}

/* A server with more namespaces than fit in its record may serve anything: it is asked, and when it refuses,
 * the call goes on to another one. */
Test (choose, another_after_one_that_says_nothing)
{
    static char names[300][16];
    static const char *legacy[300];
    world_t world;
    for (int i = 0; i < 300; i++) {
        snprintf (names[i], sizeof names[i], "space%d", i);
        legacy[i] = names[i];
    }
    begin (&world);
    for (int i = 0; i < 2; i++)
        serve (&world, NULL,
               AT (.version = "1.2", .legacy_namespaces = legacy, .legacy_namespace_count = 300));
    node_t *const new = serve (&world, NULL, AT (.version = "1.3"));
    node_t *const old = serve (&world, NULL, AT (.version = "1.1"));
    call_from (&world);
    know_all (&world);
    call (&world, 9, GODWIT_OVERRIDES (.version = "1.3"));
    cr_assert_eq (new->runs, 9u);
    call (&world, 9, GODWIT_OVERRIDES (.name_space = "space299", .version = "1.2"));
    cr_assert_eq (world.nodes[0].runs + world.nodes[1].runs, 9u);
    expect_unsupported (&world, GODWIT_OVERRIDES (.version = "1.4"), "(1.3), ");
    cr_assert_eq (old->runs, 0u);
    end (&world);
}

/* The client wants a message to be handed over once: the refusal is what it is told. */
Test (choose, nobody_else_without_retries)
{
    world_t world;
    begin (&world);
    serve (&world, NULL, AT (.version = "1.2"));
    call_from (&world);
    know_all (&world);
    godwit_cluster_run (world.cluster, 1000); /* and that this is all */
    MUST (godwit_cluster_set_faults (world.cluster, "calling", "s0",
                                     GODWIT_FAULTS (.delay_min_us = 500000, .delay_max_us = 500000), &error));
    MUST (godwit_cluster_at (world.cluster, 100, start_new, &world, &error));
    expect_unsupported (&world, GODWIT_OVERRIDES (.version = "1.3", .retry = GODWIT_RETRY_NONE),
                        "there are: 1.2");
    cr_assert_eq (world.nodes[1].runs, 0u);
    end (&world);
}

Test (choose, of_two_with_one_name)
{
    world_t world;
    begin (&world);
    node_t *const old = serve (&world, "same", AT (.version = "1.2"));
    node_t *const new = serve (&world, "same", AT (.version = "1.3"));
    node_t *const other = serve (&world, "other", AT (.version = "1.4"));
    call_from (&world);
    know_all (&world);
    call (&world, 6, GODWIT_OVERRIDES (.server = "same", .version = "1.3"));
    cr_assert_eq (old->runs, 0u);
    cr_assert_eq (new->runs, 6u);
    expect_unsupported (&world, GODWIT_OVERRIDES (.server = "same", .version = "1.4"), "there are: 1.");
    cr_assert_eq (other->runs, 0u);
    end (&world);
}

Test (choose, casts_by_version)
{
    world_t world;
    godwit_client_t *client = NULL;
    begin (&world);
    node_t *const old = serve (&world, NULL, AT (.version = "1.2"));
    node_t *const new = serve (&world, NULL, AT (.version = "1.3"));
    call_from (&world);
    know_all (&world);
    MUST (godwit_client_prepare (&client, world.client, GODWIT_OVERRIDES (.version = "1.3"), &error));
    for (int i = 0; i < 10; i++)
        MUST (godwit_client_cast (client, NULL, "run", GODWIT_NO_ARGS, &error));
    godwit_cluster_run (world.cluster, 100);
    cr_assert_eq (old->runs, 0u);
    cr_assert_eq (new->runs, 10u);
    godwit_client_destroy (&client);
    end (&world);
}

/* A fanout call asks everybody, and says who does not have the version. */
Test (choose, everybody_for_a_fanout_call)
{
    world_t world;
    godwit_client_t *client = NULL;
    godwit_fanout_result_t *result = NULL;
    begin (&world);
    serve (&world, NULL, AT (.version = "1.2"));
    serve (&world, NULL, AT (.version = "1.3"));
    call_from (&world);
    know_all (&world);
    MUST (godwit_client_prepare (&client, world.client, GODWIT_OVERRIDES (.version = "1.3"), &error));
    MUST (godwit_client_fanout_call (client, NULL, "run", GODWIT_NO_ARGS, &result, &error));
    cr_assert_eq (godwit_fanout_result_count (result), 2u);
    for (size_t i = 0; i < 2; i++) {
        const godwit_fanout_row_t *const row = godwit_fanout_result_row (result, i);
        cr_assert_eq (row->state,
                      strcmp (row->server, "s0") == 0 ? GODWIT_FANOUT_REFUSED : GODWIT_FANOUT_REPLIED);
    }
    godwit_fanout_result_destroy (&result);
    godwit_client_destroy (&client);
    end (&world);
}

/* ---- bursts ---- */

typedef struct burst {
    unsigned started;
    unsigned ended;
    unsigned failed;
    int64_t ended_ms; /* the last one */
    godwit_cluster_t *cluster;
} burst_t;

static void
on_end (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    burst_t *const burst = user;
    (void) result;
    (void) error;
    burst->ended++;
    burst->failed += status != GODWIT_OK;
    burst->ended_ms = godwit_cluster_now_ms (burst->cluster);
}

static bool
has_ended (void *user)
{
    const burst_t *const burst = user;
    return burst->ended == burst->started;
}

static burst_t
burst_of (const world_t *world, unsigned count)
{
    burst_t burst = {.cluster = world->cluster};
    const int64_t from_ms = godwit_cluster_now_ms (world->cluster);
    for (; burst.started < count; burst.started++)
        MUST (godwit_client_call_async (world->client, NULL, "run", GODWIT_NO_ARGS, on_end, &burst, &error));
    cr_assert (godwit_cluster_run_until (world->cluster, has_ended, &burst, 10000));
    burst.ended_ms -= from_ms;
    return burst;
}

static void
be_slow (const world_t *world, const char *node, int64_t delay_us)
{
    MUST (godwit_cluster_set_faults (world->cluster, "calling", node,
                                     GODWIT_FAULTS (.delay_min_us = delay_us, .delay_max_us = delay_us),
                                     &error));
}

static void
three_servers (world_t *world)
{
    begin (world);
    for (int i = 0; i < 3; i++)
        serve (world, NULL, AT (.version = "1.0"));
    call_from (world);
}

/* The servers are not equally far. */
Test (choose, each_its_part_of_a_burst)
{
    world_t world;
    three_servers (&world);
    be_slow (&world, "s1", 10000);
    be_slow (&world, "s2", 20000);
    const burst_t burst = burst_of (&world, 3000);
    cr_assert_eq (burst.failed, 0u);
    for (size_t i = 0; i < 3; i++)
        cr_assert_geq (world.nodes[i].runs, 750u, "%u, %u and %u", world.nodes[0].runs, world.nodes[1].runs,
                       world.nodes[2].runs);
    end (&world);
}

/* A call of a new client goes to who is there. */
Test (choose, at_once_for_a_few_calls)
{
    world_t world;
    three_servers (&world);
    be_slow (&world, "s1", 60000);
    be_slow (&world, "s2", 60000);
    const burst_t burst = burst_of (&world, 3);
    cr_assert_eq (burst.failed, 0u);
    cr_assert_eq (world.nodes[0].runs, 3u);
    cr_assert_lt (burst.ended_ms, 60, "it took %lld ms", (long long) burst.ended_ms);
    end (&world);
}

/* One that cannot be connected to does not hold the others up for long. */
Test (choose, without_one_that_does_not_answer)
{
    world_t world;
    three_servers (&world);
    be_slow (&world, "s1", 10000);
    godwit_cluster_cut (world.cluster, "calling", "s2", true);
    const burst_t burst = burst_of (&world, 3000);
    cr_assert_eq (burst.failed, 0u);
    cr_assert_geq (world.nodes[0].runs, 1000u);
    cr_assert_geq (world.nodes[1].runs, 1000u);
    cr_assert_lt (burst.ended_ms, 250, "it took %lld ms", (long long) burst.ended_ms);
    end (&world);
}

/* Once servers were connected to, a new one holds nobody up. */
Test (choose, without_waiting_for_a_new_one)
{
    world_t world;
    three_servers (&world);
    know_all (&world);
    godwit_cluster_run (world.cluster, 200);
    godwit_cluster_cut (world.cluster, "calling", "s3", true);
    serve (&world, NULL, AT (.version = "1.0"));
    godwit_cluster_run (world.cluster, 20);
    const burst_t burst = burst_of (&world, 600);
    cr_assert_eq (burst.failed, 0u);
    cr_assert_lt (burst.ended_ms, 20, "it took %lld ms", (long long) burst.ended_ms);
    end (&world);
}

/* The limit of calls that wait is not reached because calls wait for others to be connected to. */
Test (choose, for_as_many_as_may_wait)
{
    world_t world;
    burst_t burst = {.started = 0};
    begin (&world);
    serve (&world, NULL, AT (.version = "1.0"));
    serve (&world, NULL, AT (.version = "1.0"));
    MUST (godwit_cluster_add (&world.calling, world.cluster, "calling",
                              GODWIT_TRANSPORT_OPTIONS (.queue_limit = 200), &error));
    MUST (godwit_client_new (&world.client, world.calling, GODWIT_TARGET (.topic = "work"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = 5000), &error));
    godwit_cluster_cut (world.cluster, "calling", "s1", true);
    burst.cluster = world.cluster;
    call (&world, 1, NULL);
    for (; burst.started < 350; burst.started++)
        MUST (godwit_client_call_async (world.client, NULL, "run", GODWIT_NO_ARGS, on_end, &burst, &error));
    cr_assert (godwit_cluster_run_until (world.cluster, has_ended, &burst, 10000));
    cr_assert_eq (burst.failed, 0u);
    end (&world);
}
