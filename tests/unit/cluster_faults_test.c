/* Many clusters, each with faults by its seed, and what must hold in all of them:
 *
 *   - every call that was accepted ends exactly once, and not later than its deadline;
 *   - nothing runs twice; what ended as NOT_SENT or REJECTED never ran, what succeeded or failed as RAN did.
 *
 * A run is repeated by GODWIT_SEED=n; GODWIT_SEEDS says how many are run (default: SEEDS).
 */
#include <criterion/criterion.h>
#include <godwit/godwit.h>
#include <godwit/testing.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS 200
#define SERVER_COUNT 4
#define CLIENT_COUNT 4
#define CALL_MAX 600
#define TIMEOUT_MS 1500

#define MUST(call_)                                                                                          \
    do {                                                                                                     \
        godwit_error_t *error = NULL;                                                                        \
        const godwit_status_t status_ = (call_);                                                             \
        cr_assert (status_ == GODWIT_OK, "%s: %s", #call_, godwit_error_print (error));                      \
    } while (0)

struct world;

/* One call, as its client and all servers saw it. */
typedef struct entry {
    struct world *world;
    int64_t started_ms;
    int64_t ended_ms;
    unsigned runs;
    unsigned ends;
    bool accepted;
    godwit_status_t status;
    godwit_outcome_t outcome;
} entry_t;

typedef struct member {
    struct world *world;
    char name[16];
    godwit_transport_t *transport;
    godwit_server_t *server; /* of a server's node */
    godwit_client_t *client; /* of a client's node */
} member_t;

typedef struct world {
    uint64_t seed;
    godwit_cluster_t *cluster;
    member_t servers[SERVER_COUNT];
    member_t clients[CLIENT_COUNT];
    entry_t calls[CALL_MAX];
    size_t call_count;
} world_t;

static godwit_status_t
work (godwit_request_t *request, void *self)
{
    world_t *world = ((member_t *) self)->world;
    const int64_t id = godwit_value_as_int (godwit_value_get (godwit_request_args (request), "id"), -1);
    cr_assert (id >= 0 && (size_t) id < world->call_count, "seed %llu: a call that nobody made",
               (unsigned long long) world->seed);
    world->calls[id].runs++;
    if (id % 7 == 0)
        return GODWIT_ERR_FAILED;
    return godwit_request_reply (request, GODWIT_INT (NULL, id));
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("work", work, 0)};

static void
server_open (member_t *self)
{
    MUST (godwit_cluster_add (&self->transport, self->world->cluster, self->name, NULL, &error));
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .self = self);
    MUST (godwit_server_new (&self->server, self->transport,
                             GODWIT_TARGET (.topic = "work", .server = self->name), &endpoint, 1, NULL,
                             &error));
    MUST (godwit_server_start (self->server, NULL, &error));
}

static void
server_close (member_t *self)
{
    godwit_server_destroy (&self->server);
    godwit_transport_destroy (&self->transport);
}

static void
client_open (member_t *self)
{
    MUST (godwit_cluster_add (&self->transport, self->world->cluster, self->name, NULL, &error));
    MUST (godwit_client_new (&self->client, self->transport, GODWIT_TARGET (.topic = "work"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = TIMEOUT_MS), &error));
}

static void
on_end (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    entry_t *entry = user;
    (void) result;
    entry->ends++;
    entry->status = status;
    entry->outcome = godwit_error_outcome (error);
    entry->ended_ms = godwit_cluster_now_ms (entry->world->cluster);
}

static void
begin_call (world_t *world)
{
    member_t *client = &world->clients[godwit_cluster_random (world->cluster, CLIENT_COUNT)];
    const size_t id = world->call_count++;
    entry_t *entry = &world->calls[id];
    *entry = (entry_t){.world = world, .started_ms = godwit_cluster_now_ms (world->cluster)};
    entry->accepted =
        godwit_client_call_async (client->client, NULL, "work", GODWIT_ARGS (GODWIT_INT ("id", (int64_t) id)),
                                  on_end, entry, NULL) == GODWIT_OK;
}

/* ---- faults ---- */

static member_t *
any_server (world_t *world)
{
    return &world->servers[godwit_cluster_random (world->cluster, SERVER_COUNT)];
}

static void
restart_server (world_t *world)
{
    member_t *server = any_server (world);
    const uint64_t how = godwit_cluster_random (world->cluster, 3);
    if (how < 2)
        godwit_cluster_kill (world->cluster, server->name, how == 1);
    server_close (server);
    server_open (server);
}

static void
cut_or_heal (world_t *world, bool cut)
{
    for (size_t i = 0; i < SERVER_COUNT; i++) {
        if (cut && godwit_cluster_random (world->cluster, 3) > 0)
            continue;
        if (!cut || godwit_cluster_random (world->cluster, 2))
            godwit_cluster_cut (world->cluster, world->servers[i].name, NULL, cut);
        if (!cut || godwit_cluster_random (world->cluster, 2))
            godwit_cluster_cut (world->cluster, NULL, world->servers[i].name, cut);
    }
}

static void
change_weather (world_t *world)
{
    static const double chances[] = {0, 0, 0.01, 0.1, 0.3};
    godwit_cluster_t *cluster = world->cluster;
    MUST (godwit_cluster_set_faults (
        cluster, NULL, NULL,
        GODWIT_FAULTS (.drop = chances[godwit_cluster_random (cluster, 4)],
                       .duplicate = chances[godwit_cluster_random (cluster, 5)],
                       .reorder = chances[godwit_cluster_random (cluster, 5)], .delay_min_us = 50,
                       .delay_max_us = (int64_t) godwit_cluster_random (cluster, 20000)),
        &error));
}

static void
some_fault (world_t *world)
{
    switch (godwit_cluster_random (world->cluster, 8)) {
    case 0:
    case 1:
        change_weather (world);
        break;
    case 2:
        restart_server (world);
        break;
    case 3:
        cut_or_heal (world, true);
        break;
    case 4:
    case 5:
        cut_or_heal (world, false);
        break;
    default:
        break;
    }
}

/* ---- what must hold ---- */

/* All that happened, in one number. */
static uint64_t
digest (const world_t *world)
{
    uint64_t sum = (uint64_t) godwit_cluster_now_ms (world->cluster);
    for (size_t id = 0; id < CALL_MAX; id++) {
        const entry_t *entry = &world->calls[id];
        const uint64_t values[] = {(uint64_t) entry->started_ms, (uint64_t) entry->ended_ms, entry->runs,
                                   (uint64_t) entry->status, (uint64_t) entry->outcome};
        for (size_t i = 0; i < sizeof values / sizeof *values; i++)
            sum = (sum ^ values[i]) * UINT64_C (0x100000001b3);
    }
    return sum;
}

static void
check (const world_t *world)
{
    for (size_t id = 0; id < world->call_count; id++) {
        const entry_t *entry = &world->calls[id];
        const bool never = entry->status && (entry->outcome == GODWIT_OUTCOME_NOT_SENT ||
                                             entry->outcome == GODWIT_OUTCOME_REJECTED);
        const bool always = entry->status == GODWIT_OK || entry->outcome == GODWIT_OUTCOME_RAN;
        const bool good = entry->ends == (entry->accepted ? 1u : 0u) && entry->runs <= 1 &&
                          entry->ended_ms - entry->started_ms <= TIMEOUT_MS + 100 &&
                          !(entry->accepted && never && entry->runs) &&
                          !(entry->accepted && always && !entry->runs);
        cr_assert (
            good, "GODWIT_SEED=%llu: call %zu of %lld ms ended %u times (%s %s, after %lld ms), ran %u times",
            (unsigned long long) world->seed, id, (long long) entry->started_ms, entry->ends,
            godwit_status_type (entry->status), godwit_outcome_name (entry->outcome),
            (long long) (entry->ended_ms - entry->started_ms), entry->runs);
    }
}

static uint64_t
run_world (uint64_t seed, unsigned *succeeded)
{
    world_t *world = calloc (1, sizeof *world);
    world->seed = seed;
    MUST (godwit_cluster_new (&world->cluster, seed, &error));
    for (size_t i = 0; i < SERVER_COUNT; i++) {
        world->servers[i].world = world;
        snprintf (world->servers[i].name, sizeof world->servers[i].name, "server-%zu", i);
        server_open (&world->servers[i]);
    }
    for (size_t i = 0; i < CLIENT_COUNT; i++) {
        world->clients[i].world = world;
        snprintf (world->clients[i].name, sizeof world->clients[i].name, "client-%zu", i);
        client_open (&world->clients[i]);
    }
    while (world->call_count < CALL_MAX) {
        if (godwit_cluster_random (world->cluster, 10) == 0)
            some_fault (world);
        for (uint64_t burst = godwit_cluster_random (world->cluster, 8);
             burst && world->call_count < CALL_MAX; burst--)
            begin_call (world);
        godwit_cluster_run (world->cluster, (int64_t) godwit_cluster_random (world->cluster, 100));
    }
    godwit_cluster_run (world->cluster, TIMEOUT_MS + 100);
    check (world);
    /* When all faults are over, the cluster serves again. */
    cut_or_heal (world, false);
    MUST (godwit_cluster_set_faults (world->cluster, NULL, NULL, NULL, &error));
    godwit_cluster_run (world->cluster, 10000);
    for (size_t i = 0; i < CLIENT_COUNT; i++) {
        godwit_error_t *error = NULL;
        const size_t id = world->call_count = CALL_MAX - 1; /* one that does not end in 7 times something */
        const godwit_status_t status =
            godwit_client_call (world->clients[i].client, NULL, "work",
                                GODWIT_ARGS (GODWIT_INT ("id", (int64_t) id - 1)), NULL, &error);
        cr_assert (status == GODWIT_OK, "GODWIT_SEED=%llu: %s is still cut off: %s",
                   (unsigned long long) seed, world->clients[i].name, godwit_error_print (error));
    }
    for (size_t i = 0; i < CALL_MAX; i++)
        *succeeded += world->calls[i].status == GODWIT_OK;
    const uint64_t happened = digest (world);
    for (size_t i = 0; i < CLIENT_COUNT; i++) {
        godwit_client_destroy (&world->clients[i].client);
        godwit_transport_destroy (&world->clients[i].transport);
    }
    for (size_t i = 0; i < SERVER_COUNT; i++)
        server_close (&world->servers[i]);
    godwit_cluster_destroy (&world->cluster);
    free (world);
    return happened;
}

Test (cluster_faults, nothing_is_lost_in_silence_and_nothing_runs_twice)
{
    const char *one = getenv ("GODWIT_SEED"), *many = getenv ("GODWIT_SEEDS");
    const uint64_t first = one ? strtoull (one, NULL, 10) : 1;
    const uint64_t count = one ? 1 : many ? strtoull (many, NULL, 10) : SEEDS;
    unsigned succeeded = 0;
    for (uint64_t seed = first; seed < first + count; seed++) {
        if (getenv ("GODWIT_VERBOSE"))
            fprintf (stderr, "seed %llu\n", (unsigned long long) seed);
        run_world (seed, &succeeded);
    }
    /* The faults are not so bad that nothing was tested. */
    cr_assert_gt (succeeded, count * CALL_MAX / 4);
}

Test (cluster_faults, the_same_seed_is_the_same_run)
{
    unsigned succeeded = 0;
    const uint64_t first = run_world (42, &succeeded), again = run_world (42, &succeeded);
    cr_assert_eq (first, again);
    cr_assert_neq (first, run_world (43, &succeeded));
}
