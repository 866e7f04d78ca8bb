/* SPDX-License-Identifier: Apache-2.0 */
/* Many clusters of one realm, each with faults by its seed. Meanwhile a client and a server are revoked, the
 * certificate of a client ends, and others get new ones. What must hold:
 *
 *   - every call ends once, nothing runs twice, and outcomes are true;
 *   - no server that has read of a revocation runs a request of whom it strikes, nor one of a client whose
 *     certificate has ended, nor one without a right; no client that has read of it calls a server that it
 *     strikes;
 *   - whose certificate is in order is never denied anything;
 *   - when the faults are over, all have heard of the revocations, those who may call are served, the others
 *     are not; and a new certificate brings each of these back.
 *
 * A run is repeated by GODWIT_SEED=n; GODWIT_SEEDS says how many are run. */
#include "src/runtime/transport.h"
#include "tests/support/must.h"
#include "tests/support/rights_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MANY_SEEDS 4
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MANY_SEEDS 4
#endif
#endif
#ifndef MANY_SEEDS
#define MANY_SEEDS 40
#endif

#define CALLS_MAX 1000
#define BEGIN_S 1767225600
#define PLAN_MS 12000
/* Clocks may differ by five minutes: the certificate ends for the others in the middle of the plan. */
#define ENDS_S 60
#define BEFORE_PLAN_MS ((ENDS_S + 300) * INT64_C (1000) - PLAN_MS / 2)
/* After this all have heard of everything. */
#define SETTLE_MS 30000
#define FAULTS                                                                                               \
    (GODWIT_FAULT_ALL & ~(unsigned) (GODWIT_FAULT_KILL | GODWIT_FAULT_POWER | GODWIT_FAULT_RESTART))

/* The clients, by what becomes of them. */
enum { GOOD, RENEWED, REVOKED, ENDING, POOR, CLIENTS };
/* The servers. The second one gets a new certificate. */
enum { SERVER_GOOD, SERVER_RENEWED, SERVER_REVOKED, SERVERS };
/* The bulletins: each of them tells of one more revocation. */
enum { TELLS_OF_CLIENT = 1, TELLS_OF_SERVER };

typedef struct call {
    uint64_t client_knew; /* the number of its client's bulletin when it began */
    unsigned client;
    unsigned ends, runs;
    godwit_status_t status;
    godwit_outcome_t outcome;
    bool ran_on[SERVERS];
} call_t;

/* One cluster at a time. */
static rights_world_t *world;
static rights_node_t *clients[CLIENTS], *servers[SERVERS];
static godwit_client_t *callers[CLIENTS];
static call_t calls[CALLS_MAX];
static size_t call_count;
static int64_t resumed_ms[SERVERS]; /* when the last pause of a server was over */
static uint64_t seed;
static bool checks = true; /* each request that runs */

__attribute__ ((format (printf, 2, 3))) static void
holds (bool condition, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start (args, format);
    vsnprintf (text, sizeof text, format, args);
    va_end (args);
    cr_assert (condition, "seed %llu, %lld ms: %s", (unsigned long long) seed,
               (long long) godwit_cluster_now_ms (world->cluster), text);
}

static uint64_t
bulletin_of (const rights_node_t *node)
{
    return godwit__realm_bulletin_number (node->transport->realm);
}

/* ---- the service ---- */

static void
answer (void *user)
{
    godwit_request_t *request = user;
    godwit_request_reply (request, GODWIT_NIL (NULL));
    godwit_request_destroy (&request);
}

static bool
has_ended (void)
{
    return godwit_cluster_now_ms (world->cluster) >= (ENDS_S + 300) * INT64_C (1000);
}

static void
check_run (const call_t *call, unsigned server, const char *peer)
{
    const uint64_t knows = bulletin_of (servers[server]);
    /* What waited for a paused server may run before it looks at the date. */
    const bool has_looked = godwit_cluster_now_ms (world->cluster) > resumed_ms[server];
    holds (peer && strcmp (peer, clients[call->client]->name) == 0, "the caller is %s", peer ? peer : "?");
    holds (call->client != POOR, "a call without a right ran");
    holds (call->client != REVOKED || knows < TELLS_OF_CLIENT, "a call of a revoked client ran");
    holds (call->client != ENDING || !has_ended () || !has_looked, "a call with an old certificate ran");
    holds (server != SERVER_REVOKED || call->client_knew < TELLS_OF_SERVER, "a revoked server was called");
}

static godwit_status_t
work (godwit_request_t *request, void *self)
{
    const unsigned server = (unsigned) (uintptr_t) self;
    const godwit_value_t *const args = godwit_request_args (request);
    const int64_t id = godwit_value_as_int (godwit_value_get (args, "id"), -1);
    holds (id >= 0 && id < (int64_t) call_count, "a call %lld", (long long) id);
    call_t *const call = &calls[id];
    call->runs++;
    call->ran_on[server] = true;
    if (checks)
        check_run (call, server, godwit_request_peer (request));
    if (godwit_cluster_random (world->cluster, 3) > 0)
        return godwit_request_reply (request, GODWIT_NIL (NULL));
    MUST (godwit_cluster_at (world->cluster, (int64_t) godwit_cluster_random (world->cluster, 700), answer,
                             godwit_request_keep (request), &error));
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("work", work, 0)};

/* ---- calls ---- */

static void
on_ended (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    call_t *const call = user;
    (void) result;
    call->ends++;
    call->status = status;
    call->outcome = godwit_error_outcome (error);
}

static call_t *
begin_call (unsigned client)
{
    const size_t id = call_count++;
    holds (id < CALLS_MAX, "too many calls");
    calls[id] = (call_t){.client = client, .client_knew = bulletin_of (clients[client])};
    godwit_cluster_run (world->cluster, 1); /* a node that has read of something now acts upon it */
    MUST (godwit_client_call_async (callers[client], NULL, "work",
                                    GODWIT_ARGS (GODWIT_INT ("id", (int64_t) id)), on_ended, &calls[id],
                                    &error));
    return &calls[id];
}

static void
check_call (const call_t *call)
{
    const bool never_ran =
        call->outcome == GODWIT_OUTCOME_NOT_SENT || call->outcome == GODWIT_OUTCOME_REJECTED;
    const char *const name = clients[call->client]->name;
    holds (call->ends == 1, "call %zu of %s ended %u times", (size_t) (call - calls), name, call->ends);
    holds (call->runs <= 1, "call %zu of %s ran %u times", (size_t) (call - calls), name, call->runs);
    if (call->status == GODWIT_OK || never_ran)
        holds (call->runs == (call->status == GODWIT_OK), "call %zu of %s: its outcome is not true",
               (size_t) (call - calls), name);
    if (call->status == GODWIT_ERR_PERMISSION_DENIED)
        holds (call->client != GOOD && never_ran, "call %zu of %s was denied", (size_t) (call - calls), name);
}

/* ---- what happens meanwhile ---- */

static void
revoke_client (void)
{
    rights_revoke (clients[REVOKED], world->meets[godwit_cluster_random (world->cluster, 3)]);
}

static void
revoke_server (void)
{
    rights_revoke (servers[SERVER_REVOKED], servers[SERVER_GOOD]);
}

static void
give_less (void)
{
    rights_renew (clients[RENEWED], "call godwit/billing/other");
}

static void
give_back (void)
{
    rights_renew (clients[RENEWED], "call godwit/billing");
}

static void
renew_server (void)
{
    rights_renew (servers[SERVER_RENEWED], "serve godwit/billing");
}

/* In this order, at the seed's times; others get their certificates at any time. */
static void (*const events[]) (void) = {revoke_client, give_less, renew_server, revoke_server, give_back};
enum { EVENTS = sizeof events / sizeof *events };

static int64_t
draw (int64_t limit)
{
    return (int64_t) godwit_cluster_random (world->cluster, (uint64_t) limit);
}

static void
on_fault (void *user, godwit_fault_t fault, const char *node, bool over)
{
    (void) user;
    for (size_t i = 0; i < SERVERS; i++)
        if (fault == GODWIT_FAULT_PAUSE && over && strcmp (servers[i]->name, node) == 0)
            resumed_ms[i] = godwit_cluster_now_ms (world->cluster);
}

static void
live_with_faults (void)
{
    size_t done = 0;
    const int64_t begin_ms = godwit_cluster_now_ms (world->cluster);
    int64_t due_ms = draw (PLAN_MS / EVENTS);
    MUST (godwit_cluster_begin_plan (world->cluster,
                                     GODWIT_CLUSTER_PLAN (.faults = FAULTS, .fault_count = 8,
                                                          .duration_ms = PLAN_MS, .on_fault = on_fault),
                                     &error));
    for (int64_t now_ms = 0; now_ms < PLAN_MS; now_ms = godwit_cluster_now_ms (world->cluster) - begin_ms) {
        if (done < EVENTS && now_ms >= due_ms) {
            events[done++]();
            due_ms = (int64_t) done * PLAN_MS / EVENTS + draw (PLAN_MS / EVENTS);
        }
        begin_call ((unsigned) draw (CLIENTS));
        godwit_cluster_run (world->cluster, 1 + draw (60));
    }
    while (done < EVENTS)
        events[done++]();
    godwit_cluster_heal (world->cluster);
    godwit_cluster_run (world->cluster, SETTLE_MS);
}

/* ---- afterwards ---- */

/* Calls as this client often enough to meet all servers; notes on which it ran. Returns how many succeeded.
 */
static unsigned
call_often (unsigned client, unsigned count, bool ran_on[SERVERS])
{
    const size_t first = call_count;
    unsigned ok = 0;
    for (unsigned i = 0; i < count; i++) {
        begin_call (client);
        godwit_cluster_run (world->cluster, 50);
    }
    godwit_cluster_run (world->cluster, 11000);
    for (size_t i = first; i < call_count; i++) {
        ok += calls[i].status == GODWIT_OK && calls[i].ends == 1;
        for (size_t j = 0; j < SERVERS; j++)
            ran_on[j] |= calls[i].ran_on[j];
    }
    return ok;
}

static void
check_all_is_known (void)
{
    for (size_t i = 0; i < world->node_count; i++) {
        const rights_node_t *const node = world->nodes[i];
        if (node != clients[REVOKED] && node != clients[ENDING] && node != servers[SERVER_REVOKED])
            holds (bulletin_of (node) == TELLS_OF_SERVER, "%s knows of bulletin %llu", node->name,
                   (unsigned long long) bulletin_of (node));
    }
}

static void
check_who_is_served (void)
{
    static const bool may[CLIENTS] = {[GOOD] = true, [RENEWED] = true};
    for (unsigned i = 0; i < CLIENTS; i++) {
        bool ran_on[SERVERS] = {false};
        const unsigned ok = call_often (i, 20, ran_on);
        holds (ok == (may[i] ? 20u : 0u), "%u calls of %s succeeded", ok, clients[i]->name);
        holds (ran_on[SERVER_GOOD] == may[i] && ran_on[SERVER_RENEWED] == may[i] && !ran_on[SERVER_REVOKED],
               "the calls of %s", clients[i]->name);
    }
}

/* Old names, new certificates. */
static void
check_all_come_back (void)
{
    checks = false;
    rights_renew (clients[REVOKED], "call godwit/billing");
    rights_renew (clients[ENDING], "call godwit/billing");
    rights_renew (clients[POOR], "call godwit/billing");
    rights_renew (servers[SERVER_REVOKED], "serve godwit/billing");
    godwit_cluster_run (world->cluster, SETTLE_MS);
    for (unsigned i = 0; i < CLIENTS; i++) {
        bool ran_on[SERVERS] = {false};
        const unsigned ok = call_often (i, 20, ran_on);
        holds (ok == 20, "%u calls of %s succeeded again", ok, clients[i]->name);
        holds (ran_on[SERVER_GOOD] && ran_on[SERVER_RENEWED] && ran_on[SERVER_REVOKED], "the calls of %s",
               clients[i]->name);
    }
    checks = true;
}

/* ---- a run ---- */

static void
open_all (void)
{
    static const char *const server_names[SERVERS] = {"server-good", "server-renewed", "server-revoked"};
    static const char *const client_names[CLIENTS] = {"good", "renewed", "revoked", "ending", "poor"};
    const char *const file = "call godwit/billing";
    world = rights_world_open_seeded (seed);
    call_count = 0;
    memset (resumed_ms, 0, sizeof resumed_ms);
    for (unsigned i = 0; i < SERVERS; i++) {
        servers[i] = rights_node (world, server_names[i], "serve godwit/billing");
        rights_serve (servers[i], "billing", methods, 1, (void *) (uintptr_t) i); // NOLINT: a number
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        const godwit__test_member_t ending = {
            .name = "ending", .rights = {file}, .from = BEGIN_S - 3600, .until = BEGIN_S + ENDS_S};
        clients[i] =
            i == ENDING
                ? rights_node_of (world, client_names[i], godwit__test_realm_issue (world->realm, &ending))
                : rights_node (world, client_names[i], i == POOR ? "call godwit/billing/other" : file);
        callers[i] = rights_client (clients[i], "billing");
    }
    godwit_cluster_run (world->cluster, BEFORE_PLAN_MS);
}

static uint64_t
run (void)
{
    godwit_cluster_stats_t stats = {.struct_size = sizeof stats};
    open_all ();
    live_with_faults ();
    check_all_is_known ();
    check_who_is_served ();
    check_all_come_back ();
    for (size_t i = 0; i < call_count; i++)
        check_call (&calls[i]);
    for (unsigned i = 0; i < CLIENTS; i++)
        godwit_client_destroy (&callers[i]);
    MUST (godwit_cluster_stats (world->cluster, &stats, &error));
    rights_world_close (&world);
    return stats.digest;
}

Test (rights_faults, revocations_and_ends_hold_and_strike_nobody_else)
{
    const char *const one = getenv ("GODWIT_SEED"), *const many = getenv ("GODWIT_SEEDS");
    const uint64_t first = one ? strtoull (one, NULL, 10) : 1;
    const uint64_t count = one ? 1 : many ? strtoull (many, NULL, 10) : MANY_SEEDS;
    for (seed = first; seed < first + count; seed++)
        run ();
}

Test (rights_faults, the_same_seed_is_the_same_run)
{
    seed = 42;
    const uint64_t digest = run ();
    cr_assert_eq (run (), digest);
}
