/* SPDX-License-Identifier: Apache-2.0 */
/* Retries on a simulated cluster: of idempotent calls that may have run, and of those that overloaded servers
 * refuse, which never multiply load. Virtual time: nothing here takes any. */
#include <criterion/criterion.h>
#include <godwit/godwit.h>
#include <godwit/testing.h>

#include "tests/support/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODE_MAX 12
#define CALL_MAX 6000
#define POINTS 3

typedef struct world world_t;

typedef struct node {
    world_t *world;
    char name[16];
    godwit_transport_t *transport;
    godwit_server_t *server;
    godwit_client_t *client;
    bool keeps; /* its handlers keep what they get: it is full with the first, and queues one */
    unsigned runs;
    godwit_request_t *kept[8];
    size_t kept_count;
} node_t;

typedef struct entry {
    world_t *world;
    unsigned runs, ends;
    bool succeeded;
    godwit_status_t status;
    godwit_outcome_t outcome;
    char text[200];
    int64_t started_ms, ended_ms;
} entry_t;

struct world {
    godwit_cluster_t *cluster;
    godwit_transport_t *points[POINTS]; /* the nodes that host the rendezvous: no server's death is theirs */
    node_t servers[NODE_MAX], clients[NODE_MAX];
    size_t server_count, client_count;
    entry_t calls[CALL_MAX];
    size_t call_count, ended_count;
};

static godwit_status_t
work (godwit_request_t *request, void *self)
{
    node_t *node = self;
    const int64_t id = godwit_value_as_int (godwit_value_get (godwit_request_args (request), "id"), -1);
    node->runs++;
    if (id >= 0)
        node->world->calls[id].runs++;
    if (!node->keeps)
        return godwit_request_reply (request, GODWIT_INT (NULL, id));
    cr_assert_lt (node->kept_count, sizeof node->kept / sizeof *node->kept);
    node->kept[node->kept_count++] = godwit_request_keep (request);
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("work", work, 0)};

static world_t *
world_open (uint64_t seed)
{
    world_t *world = calloc (1, sizeof *world);
    MUST (godwit_cluster_new (&world->cluster, seed, &error));
    for (size_t i = 0; i < POINTS; i++) {
        char name[16];
        snprintf (name, sizeof name, "point-%zu", i);
        MUST (godwit_cluster_add (&world->points[i], world->cluster, name, NULL, &error));
    }
    return world;
}

static node_t *
server_add (world_t *world, int queue_limit)
{
    node_t *node = &world->servers[world->server_count];
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .self = node);
    node->world = world;
    snprintf (node->name, sizeof node->name, "server-%zu", world->server_count++);
    MUST (godwit_cluster_add (&node->transport, world->cluster, node->name, NULL, &error));
    MUST (godwit_server_new (
        &node->server, node->transport, GODWIT_TARGET (.topic = "work", .server = node->name), &endpoint, 1,
        GODWIT_SERVER_OPTIONS (.executor = "inline", .queue_limit = queue_limit), &error));
    MUST (godwit_server_start (node->server, NULL, &error));
    return node;
}

static node_t *
client_add (world_t *world, int retry_budget, const godwit_client_options_t *options)
{
    node_t *node = &world->clients[world->client_count];
    node->world = world;
    snprintf (node->name, sizeof node->name, "client-%zu", world->client_count++);
    MUST (godwit_cluster_add (&node->transport, world->cluster, node->name,
                              GODWIT_TRANSPORT_OPTIONS (.retry_budget = retry_budget), &error));
    MUST (
        godwit_client_new (&node->client, node->transport, GODWIT_TARGET (.topic = "work"), options, &error));
    MUST (godwit_client_wait_servers (node->client, world->server_count, 10000, &error));
    return node;
}

static void
let_go (node_t *node)
{
    node->keeps = false;
    while (node->kept_count > 0) {
        godwit_request_t *request = node->kept[--node->kept_count];
        godwit_request_reply (request, GODWIT_NIL (NULL));
        godwit_request_destroy (&request);
    }
}

static void
server_end (node_t *node)
{
    let_go (node);
    godwit_server_destroy (&node->server);
    godwit_transport_destroy (&node->transport);
}

static void
kill_server (node_t *node, bool silent)
{
    godwit_cluster_kill (node->world->cluster, node->name, silent);
    server_end (node);
}

static void
world_close (world_t *world)
{
    for (size_t i = 0; i < world->client_count; i++) {
        godwit_client_destroy (&world->clients[i].client);
        godwit_transport_destroy (&world->clients[i].transport);
    }
    for (size_t i = 0; i < world->server_count; i++)
        server_end (&world->servers[i]);
    for (size_t i = 0; i < POINTS; i++)
        godwit_transport_destroy (&world->points[i]);
    godwit_cluster_destroy (&world->cluster);
    free (world);
}

static void
on_end (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    entry_t *entry = user;
    (void) result;
    entry->ends++;
    entry->world->ended_count++;
    entry->status = status;
    entry->outcome = godwit_error_outcome (error);
    entry->ended_ms = godwit_cluster_now_ms (entry->world->cluster);
    snprintf (entry->text, sizeof entry->text, "%s", godwit_error_print (error));
}

static entry_t *
call_method (node_t *node, godwit_client_t *client, const char *method)
{
    world_t *world = node->world;
    const size_t id = world->call_count++;
    cr_assert_lt (id, (size_t) CALL_MAX);
    entry_t *entry = &world->calls[id];
    *entry = (entry_t){.world = world, .started_ms = godwit_cluster_now_ms (world->cluster)};
    MUST (godwit_client_call_async (client ? client : node->client, NULL, method,
                                    GODWIT_ARGS (GODWIT_INT ("id", (int64_t) id)), on_end, entry, &error));
    return entry;
}

static entry_t *
call (node_t *node)
{
    return call_method (node, NULL, "work");
}

static bool
has_ended (void *user)
{
    return ((entry_t *) user)->ends > 0;
}

static void
await (entry_t *entry)
{
    cr_assert (godwit_cluster_run_until (entry->world->cluster, has_ended, entry, 100000));
}

static bool
all_ended (void *user)
{
    const world_t *world = user;
    return world->ended_count == world->call_count;
}

static void
await_all (world_t *world)
{
    cr_assert (godwit_cluster_run_until (world->cluster, all_ended, world, 100000));
    for (size_t i = 0; i < world->call_count; i++)
        cr_assert_eq (world->calls[i].ends, 1u);
}

static bool
keeps_one (void *user)
{
    const node_t *node = user;
    return node->kept_count > 0;
}

static void
await_kept (node_t *node)
{
    cr_assert (godwit_cluster_run_until (node->world->cluster, keeps_one, node, 10000));
}

static godwit_transport_stats_t
stats_of (const node_t *node)
{
    godwit_transport_stats_t stats;
    godwit_transport_stats (node->transport, &stats, sizeof stats);
    return stats;
}

#define EXPECT(entry_, status_, outcome_, says_)                                                             \
    cr_assert ((entry_)->status == (status_) && (entry_)->outcome == (outcome_) &&                           \
                   strstr ((entry_)->text, (says_)),                                                         \
               "%s", (entry_)->text)

/* A server that is full: it keeps one, and one waits behind it. Two casts of a client of its own. */
static void
saturate (node_t *node)
{
    godwit_client_t *client = NULL;
    node->keeps = true;
    MUST (godwit_client_new (&client, node->world->clients[0].transport,
                             GODWIT_TARGET (.topic = "work", .server = node->name), NULL, &error));
    for (int i = 0; i < 2; i++)
        MUST (godwit_client_cast (client, NULL, "work", GODWIT_NO_ARGS, &error));
    godwit_client_destroy (&client);
    await_kept (node);
    godwit_cluster_run (node->world->cluster, 50);
}

/* ---- idempotent calls ---- */

Test (retry_cluster, idempotent_calls_go_on_elsewhere_when_their_server_dies)
{
    for (int silent = 0; silent < 2; silent++) {
        world_t *world = world_open (1);
        node_t *one = server_add (world, 0);
        node_t *client = client_add (world, 0, GODWIT_CLIENT_OPTIONS (.timeout_ms = 20000));
        godwit_client_t *idempotent = NULL;
        MUST (godwit_client_prepare (&idempotent, client->client, GODWIT_OVERRIDES (.idempotent = GODWIT_YES),
                                     &error));
        one->keeps = true;
        entry_t *at_most_once = call (client);
        entry_t *again = call_method (client, idempotent, "work");
        await_kept (one);
        node_t *two = server_add (world, 0);
        MUST (godwit_client_wait_servers (client->client, 2, 10000, &error));
        /* The second waits behind the first one: it may have run, as far as its client knows. */
        kill_server (one, silent);
        await_all (world);
        EXPECT (at_most_once, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, "the connection was lost");
        cr_assert_eq (at_most_once->runs, 1u);
        cr_assert_eq (again->status, GODWIT_OK, "%s", again->text);
        cr_assert_eq (two->runs, 1u);
        const int64_t took_ms = again->ended_ms - again->started_ms;
        cr_assert_leq (took_ms, silent ? 3000 : 100, "%lld ms", (long long) took_ms);
        cr_assert_eq (stats_of (client).calls_repeated, 1u);
        cr_assert_eq (stats_of (client).calls_retried, 1u);
        godwit_client_destroy (&idempotent);
        world_close (world);
    }
}

/* The next life of the only server there is. */
Test (retry_cluster, idempotent_calls_wait_for_a_server_that_comes_back)
{
    world_t *world = world_open (2);
    node_t *one = server_add (world, 0);
    node_t *client =
        client_add (world, 0, GODWIT_CLIENT_OPTIONS (.timeout_ms = 20000, .idempotent = GODWIT_YES));
    one->keeps = true;
    entry_t *entry = call (client);
    await_kept (one);
    kill_server (one, false);
    godwit_cluster_run (world->cluster, 500);
    cr_assert_eq (entry->ends, 0u);
    server_add (world, 0);
    await (entry);
    cr_assert_eq (entry->status, GODWIT_OK, "%s", entry->text);
    cr_assert_eq (entry->runs, 2u);
    world_close (world);
}

Test (retry_cluster, the_outcome_is_the_most_that_can_have_happened)
{
    static const struct {
        int64_t retry;
        bool full;          /* there is another server, which is full */
        const char *method; /* of the call */
        godwit_status_t status;
        const char *says;
    } rows[] = {
        {GODWIT_RETRY_NONE, false, "work", GODWIT_ERR_TIMEOUT, "the connection was lost after"},
        {2, false, "work", GODWIT_ERR_TIMEOUT, "no retry is left"},
        {1, true, "work", GODWIT_ERR_TIMEOUT, "no retry is left: the server is overloaded"},
        {GODWIT_RETRY_FOREVER, false, "work", GODWIT_ERR_TIMEOUT, "No reply within 3000 ms"},
        {GODWIT_RETRY_FOREVER, true, "work", GODWIT_ERR_TIMEOUT, "No reply within 3000 ms"},
        {GODWIT_RETRY_FOREVER, true, "absent", GODWIT_ERR_NO_SUCH_METHOD, "absent"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world_t *world = world_open (3 + i);
        node_t *one = server_add (world, 0);
        node_t *client =
            client_add (world, 0,
                        GODWIT_CLIENT_OPTIONS (.timeout_ms = 3000, .retry = rows[i].retry,
                                               .idempotent = GODWIT_YES, .mandatory = GODWIT_YES));
        entry_t *filler = call (client);
        await (filler);
        one->keeps = true;
        filler = call (client);
        await_kept (one);
        entry_t *entry = call_method (client, NULL, rows[i].method); /* waits behind it */
        godwit_cluster_run (world->cluster, 100);
        cr_assert_eq (entry->ends, 0u);
        if (rows[i].full) {
            node_t *two = server_add (world, 1);
            MUST (godwit_client_wait_servers (client->client, 2, 10000, &error));
            if (strcmp (rows[i].method, "absent"))
                saturate (two);
        }
        kill_server (one, false);
        await_all (world);
        EXPECT (entry, rows[i].status, GODWIT_OUTCOME_MAYBE_RUN, rows[i].says);
        world_close (world);
    }
}

/* Its server dies, and in time its record goes as well: then nobody is known, but somebody has got the call.
 */
Test (retry_cluster, what_may_have_run_is_not_called_undeliverable)
{
    world_t *world = world_open (31);
    node_t *one = server_add (world, 0);
    node_t *client = client_add (
        world, 0,
        GODWIT_CLIENT_OPTIONS (.timeout_ms = 300000, .idempotent = GODWIT_YES, .mandatory = GODWIT_YES));
    one->keeps = true;
    entry_t *entry = call (client);
    await_kept (one);
    kill_server (one, true);
    godwit_cluster_run (world->cluster, 200000);
    cr_assert_eq (entry->ends, 0u);
    cr_assert_eq (godwit_client_call_async (client->client, NULL, "work", GODWIT_NO_ARGS, on_end, NULL, NULL),
                  GODWIT_ERR_UNDELIVERABLE);
    await_all (world);
    EXPECT (entry, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, "No reply within 300000 ms");
    world_close (world);
}

Test (retry_cluster, its_own_time_ends_an_idempotent_call)
{
    world_t *world = world_open (4);
    node_t *one = server_add (world, 0), *two = server_add (world, 0);
    node_t *client =
        client_add (world, 0, GODWIT_CLIENT_OPTIONS (.timeout_ms = 1000, .idempotent = GODWIT_YES));
    one->keeps = two->keeps = true;
    entry_t *entry = call (client);
    await (entry);
    EXPECT (entry, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, "No reply within 1000 ms");
    cr_assert_eq (entry->runs, 1u);
    cr_assert_eq (entry->ended_ms - entry->started_ms, 1000);
    world_close (world);
}

/* A server that is stalled, or cut off, is found by the call monitor long before the connection is given up.
 */
Test (retry_cluster, a_silent_server_is_left_for_another_one)
{
    for (int idempotent = 0; idempotent < 2; idempotent++) {
        world_t *world = world_open (5);
        node_t *one = server_add (world, 0);
        node_t *client =
            client_add (world, 0,
                        GODWIT_CLIENT_OPTIONS (.timeout_ms = 20000, .call_monitor_timeout_ms = 200,
                                               .idempotent = idempotent ? GODWIT_YES : GODWIT_NO));
        one->keeps = true;
        entry_t *entry = call (client);
        await_kept (one);
        node_t *two = server_add (world, 0);
        MUST (godwit_client_wait_servers (client->client, 2, 10000, &error));
        godwit_cluster_run (world->cluster, 1000);
        cr_assert_eq (entry->ends, 0u, "its server tells of it");
        const int64_t cut_ms = godwit_cluster_now_ms (world->cluster);
        godwit_cluster_cut (world->cluster, one->name, NULL, true);
        await (entry);
        const int64_t took_ms = entry->ended_ms - cut_ms;
        cr_assert (took_ms >= 100 && took_ms <= 210, "%lld ms", (long long) took_ms);
        if (idempotent)
            cr_assert_eq (entry->status, GODWIT_OK, "%s", entry->text);
        else
            EXPECT (entry, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, "the server gave no sign of life");
        cr_assert_eq (two->runs, idempotent ? 1u : 0u);
        godwit_cluster_cut (world->cluster, one->name, NULL, false);
        world_close (world);
    }
}

/* Servers that are killed one after the other, silently or not, while calls go on: none of them is lost. */
Test (retry_cluster, killed_servers_lose_no_idempotent_call)
{
    enum { SEEDS = 8, ROUNDS = 6 };
    unsigned repeated = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        world_t *world = world_open (seed);
        for (int i = 0; i < 3; i++)
            server_add (world, 0);
        node_t *client =
            client_add (world, 0, GODWIT_CLIENT_OPTIONS (.timeout_ms = 30000, .idempotent = GODWIT_YES));
        MUST (godwit_cluster_set_faults (world->cluster, NULL, NULL,
                                         GODWIT_FAULTS (.delay_min_us = 100, .delay_max_us = 5000), &error));
        for (int round = 0; round < ROUNDS; round++) {
            for (uint64_t i = 5 + godwit_cluster_random (world->cluster, 20); i > 0; i--) {
                call (client);
                godwit_cluster_run (world->cluster, (int64_t) godwit_cluster_random (world->cluster, 3));
            }
            kill_server (&world->servers[round], godwit_cluster_random (world->cluster, 2));
            server_add (world, 0);
        }
        await_all (world);
        for (size_t i = 0; i < world->call_count; i++)
            cr_assert (world->calls[i].status == GODWIT_OK && world->calls[i].runs >= 1,
                       "seed %llu, call %zu: %s", (unsigned long long) seed, i, world->calls[i].text);
        repeated += (unsigned) stats_of (client).calls_repeated;
        world_close (world);
    }
    cr_assert_gt (repeated, (unsigned) SEEDS, "enough of them were in danger");
}

/* ---- the budget ---- */

typedef struct load {
    uint64_t calls;
    uint64_t requests; /* what reached the servers */
    uint64_t withheld;
    uint64_t rejected;
    double seconds;
} load_t;

static uint64_t
requests_of (const world_t *world)
{
    uint64_t requests = 0;
    for (size_t i = 0; i < world->server_count; i++) {
        requests += stats_of (&world->servers[i]).requests_received;
    }
    return requests;
}

enum { LOAD_CLIENTS = 5, LOAD_SERVERS = 3, LOAD_CALLS = 3000 };

/* Clients that go on calling servers of which none takes a request. */
static load_t
load_saturated (uint64_t seed, int retry_budget, size_t calls)
{
    world_t *world = world_open (seed);
    for (int i = 0; i < LOAD_SERVERS; i++)
        server_add (world, 1);
    for (int i = 0; i < LOAD_CLIENTS; i++)
        client_add (world, retry_budget, GODWIT_CLIENT_OPTIONS (.timeout_ms = 700));
    for (int i = 0; i < LOAD_SERVERS; i++)
        saturate (&world->servers[i]);
    const uint64_t before = requests_of (world);
    while (world->call_count < calls) {
        for (int i = 0; i < LOAD_CLIENTS; i++)
            call (&world->clients[i]);
        godwit_cluster_run (world->cluster, (int64_t) godwit_cluster_random (world->cluster, 10));
    }
    await_all (world);
    load_t load = {.calls = world->call_count,
                   .requests = requests_of (world) - before,
                   .seconds = (double) godwit_cluster_now_ms (world->cluster) / 1000};
    for (size_t i = 0; i < world->call_count; i++) {
        const entry_t *entry = &world->calls[i];
        /* A last attempt that was refused too late to be heard. */
        if (entry->outcome == GODWIT_OUTCOME_MAYBE_RUN)
            EXPECT (entry, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, "the server did not answer");
        else
            EXPECT (entry, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_REJECTED, "overloaded");
        load.rejected += entry->outcome == GODWIT_OUTCOME_REJECTED;
        cr_assert_eq (entry->runs, 0u);
        cr_assert_leq (entry->ended_ms - entry->started_ms, 701);
    }
    for (int i = 0; i < LOAD_CLIENTS; i++)
        load.withheld += stats_of (&world->clients[i]).retries_withheld;
    world_close (world);
    return load;
}

Test (retry_cluster, retries_never_multiply_load)
{
    static const int budgets[] = {0, 1, 20, 100};
    for (uint64_t seed = 1; seed <= 2; seed++) {
        for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
            const load_t load = load_saturated (seed, budgets[i], LOAD_CALLS);
            const double share = (budgets[i] ? budgets[i] : 20) / 100.0;
            const double most = (double) load.calls * (1 + share) + LOAD_CLIENTS * (100 + 10 * load.seconds);
            cr_assert ((double) load.requests <= most, "seed %llu: %llu requests of %llu calls at %d %%",
                       (unsigned long long) seed, (unsigned long long) load.requests,
                       (unsigned long long) load.calls, budgets[i]);
            cr_assert_geq (load.requests, load.calls, "each call is tried once at least");
            cr_assert_gt (load.withheld, load.calls / 2);
            cr_assert_gt (load.rejected, load.calls * 99 / 100);
        }
    }
    /* What it is there for. */
    const load_t load = load_saturated (1, -1, 500);
    cr_assert_gt (load.requests, 4 * load.calls, "%llu", (unsigned long long) load.requests);
    cr_assert_eq (load.withheld, 0u);
}

/* Idempotent calls whose server dies with all of them: the other way to multiply load. */
Test (retry_cluster, repeated_calls_have_the_same_budget)
{
    enum { CALLS = 1000 };
    world_t *world = world_open (1);
    node_t *one = server_add (world, 0);
    node_t *client =
        client_add (world, 0, GODWIT_CLIENT_OPTIONS (.timeout_ms = 90000, .idempotent = GODWIT_YES));
    one->keeps = true;
    for (int i = 0; i < CALLS; i++)
        call (client);
    await_kept (one);
    godwit_cluster_run (world->cluster, 100);
    node_t *two = server_add (world, 0);
    MUST (godwit_client_wait_servers (client->client, 2, 10000, &error));
    kill_server (one, false);
    godwit_cluster_run (world->cluster, 20);
    /* The reserve, a fifth of the calls, and what time has earned meanwhile. */
    const unsigned most = 100 + CALLS / 5 + (unsigned) (10 * godwit_cluster_now_ms (world->cluster) / 1000);
    cr_assert (two->runs <= most && two->runs >= CALLS / 5, "%u", two->runs);
    godwit_cluster_run (world->cluster, 10000);
    cr_assert_leq (two->runs, most + 101, "%u", two->runs);
    await_all (world);
    for (size_t i = 0; i < world->call_count; i++)
        cr_assert_eq (world->calls[i].status, GODWIT_OK, "%s", world->calls[i].text);
    cr_assert_eq (stats_of (client).calls_repeated, (uint64_t) CALLS);
    world_close (world);
}

/* Half of the servers are full: no call notices. */
Test (retry_cluster, calls_are_routed_around_overloaded_servers)
{
    enum { SERVERS = 6, CLIENTS = 3, CALLS = 2000 };
    for (uint64_t seed = 1; seed <= 3; seed++) {
        world_t *world = world_open (seed);
        for (int i = 0; i < SERVERS; i++)
            server_add (world, i % 2 == 0 ? 1 : 0);
        for (int i = 0; i < CLIENTS; i++)
            client_add (world, 0, GODWIT_CLIENT_OPTIONS (.timeout_ms = 5000));
        for (int i = 0; i < SERVERS; i += 2)
            saturate (&world->servers[i]);
        const uint64_t before = requests_of (world);
        while (world->call_count < CALLS) {
            call (&world->clients[godwit_cluster_random (world->cluster, CLIENTS)]);
            godwit_cluster_run (world->cluster, (int64_t) godwit_cluster_random (world->cluster, 4));
        }
        await_all (world);
        int64_t slowest_ms = 0;
        for (size_t i = 0; i < world->call_count; i++) {
            const entry_t *entry = &world->calls[i];
            cr_assert (entry->status == GODWIT_OK && entry->runs == 1, "seed %llu, call %zu: %s",
                       (unsigned long long) seed, i, entry->text);
            if (entry->ended_ms - entry->started_ms > slowest_ms)
                slowest_ms = entry->ended_ms - entry->started_ms;
        }
        cr_assert_leq (slowest_ms, 100, "%lld ms", (long long) slowest_ms);
        const uint64_t requests = requests_of (world) - before;
        cr_assert_leq (requests, CALLS + CALLS / 5, "%llu", (unsigned long long) requests);
        for (int i = 0; i < CLIENTS; i++)
            cr_assert_eq (stats_of (&world->clients[i]).retries_withheld, 0u);
        world_close (world);
    }
}

/* Calls that wait for the budget get through when there is room again. */
Test (retry_cluster, calls_that_wait_get_through_in_the_end)
{
    enum { CALLS = 300 };
    world_t *world = world_open (1);
    node_t *one = server_add (world, 1);
    node_t *client = client_add (world, 0, GODWIT_CLIENT_OPTIONS (.timeout_ms = 60000));
    saturate (one);
    for (int i = 0; i < CALLS; i++)
        call (client);
    godwit_cluster_run (world->cluster, 5000);
    cr_assert_eq (world->ended_count, 0u);
    cr_assert_geq (stats_of (client).retries_withheld, (uint64_t) CALLS / 2);
    let_go (one);
    await_all (world);
    for (size_t i = 0; i < world->call_count; i++)
        cr_assert (world->calls[i].status == GODWIT_OK && world->calls[i].runs == 1, "%s",
                   world->calls[i].text);
    world_close (world);
}

/* What no server has looked at costs nothing: servers stop and start without end, and no call waits. */
Test (retry_cluster, a_rolling_restart_needs_no_budget)
{
    enum { ROUNDS = 30 };
    world_t *world = world_open (7);
    for (int i = 0; i < 3; i++)
        server_add (world, 0);
    node_t *client = client_add (world, 1, GODWIT_CLIENT_OPTIONS (.timeout_ms = 5000));
    for (int round = 0; round < ROUNDS; round++) {
        godwit_server_t *server = world->servers[round % 3].server;
        for (int i = 0; i < 50; i++)
            call (client);
        MUST (godwit_server_stop (server, NULL, &error));
        for (int i = 0; i < 50; i++)
            call (client);
        MUST (godwit_server_wait (server, NULL, &error));
        MUST (godwit_server_start (server, NULL, &error));
        godwit_cluster_run (world->cluster, 20);
    }
    await_all (world);
    for (size_t i = 0; i < world->call_count; i++)
        cr_assert (world->calls[i].status == GODWIT_OK && world->calls[i].runs == 1, "call %zu: %s", i,
                   world->calls[i].text);
    cr_assert_eq (stats_of (client).retries_withheld, 0u);
    world_close (world);
}

/* One that is known and cannot be reached is no reason to wait for it, while there is one that was too busy.
 */
Test (retry_cluster, servers_out_of_reach_are_not_waited_for)
{
    world_t *world = world_open (8);
    node_t *one = server_add (world, 1), *two = server_add (world, 0);
    node_t *client = client_add (world, 0, GODWIT_CLIENT_OPTIONS (.timeout_ms = 20000));
    saturate (one);
    godwit_cluster_cut (world->cluster, NULL, two->name, true);
    godwit_cluster_cut (world->cluster, two->name, NULL, true);
    godwit_cluster_run (world->cluster, 4000);
    entry_t *entry = call (client);
    godwit_cluster_run (world->cluster, 1000);
    cr_assert_eq (entry->ends, 0u);
    let_go (one);
    cr_assert (godwit_cluster_run_until (world->cluster, has_ended, entry, 500));
    cr_assert_eq (entry->status, GODWIT_OK, "%s", entry->text);
    godwit_cluster_cut (world->cluster, NULL, two->name, false);
    godwit_cluster_cut (world->cluster, two->name, NULL, false);
    world_close (world);
}

enum { FULL_SERVERS = 10 };

/* Servers that keep what they get, and a client that sends each no more than one: all but one are full. */
static node_t *
fill (world_t *world, int retry_budget)
{
    for (int i = 0; i < FULL_SERVERS; i++)
        server_add (world, 0)->keeps = true;
    node_t *client = &world->clients[world->client_count];
    client->world = world;
    snprintf (client->name, sizeof client->name, "client-%zu", world->client_count++);
    MUST (godwit_cluster_add (&client->transport, world->cluster, client->name,
                              GODWIT_TRANSPORT_OPTIONS (.retry_budget = retry_budget, .queue_limit = 1),
                              &error));
    MUST (godwit_client_new (&client->client, client->transport, GODWIT_TARGET (.topic = "work"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = 20000), &error));
    MUST (godwit_client_wait_servers (client->client, FULL_SERVERS, 10000, &error));
    for (int i = 0; i < FULL_SERVERS - 1; i++)
        call (client);
    godwit_cluster_run (world->cluster, 100);
    return client;
}

static node_t *
the_free_one (world_t *world)
{
    size_t i = 0;
    while (i < FULL_SERVERS && world->servers[i].runs > 0)
        i++;
    cr_assert_lt (i, (size_t) FULL_SERVERS, "all are full");
    return &world->servers[i];
}

/* More servers than a call remembers to have tried, and no room at any: it waits, and does not go round in
 * circles. */
Test (retry_cluster, a_call_that_has_tried_everybody_waits, .timeout = 60)
{
    world_t *world = world_open (9);
    node_t *client = fill (world, 0);
    call (client);
    entry_t *entry = call (client);
    godwit_cluster_run (world->cluster, 1000);
    cr_assert_eq (entry->ends, 0u);
    let_go (&world->servers[3]);
    await (entry);
    cr_assert_eq (entry->status, GODWIT_OK, "%s", entry->text);
    for (int i = 0; i < FULL_SERVERS; i++)
        let_go (&world->servers[i]);
    await_all (world);
    world_close (world);
}

/* What no server has seen can be tried at any number of others. */
Test (retry_cluster, what_was_not_sent_needs_no_budget)
{
    enum { CALLS = 200 };
    world_t *world = world_open (10);
    node_t *client = fill (world, 1);
    the_free_one (world)->keeps = false;
    for (int i = 0; i < CALLS; i++) {
        entry_t *entry = call (client);
        await (entry);
        cr_assert_eq (entry->status, GODWIT_OK, "%s", entry->text);
    }
    cr_assert_gt (stats_of (client).calls_retried, (uint64_t) CALLS);
    cr_assert_eq (stats_of (client).retries_withheld, 0u);
    for (int i = 0; i < FULL_SERVERS; i++)
        let_go (&world->servers[i]);
    await_all (world);
    world_close (world);
}
