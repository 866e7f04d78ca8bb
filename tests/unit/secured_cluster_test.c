/* SPDX-License-Identifier: Apache-2.0 */
/* Clusters whose nodes are of one realm, under plans with faults of certificates: they end, are revoked, and
 * are renewed, while nodes die, ways are cut and frames are late. What holds in all clusters
 * (cluster_faults_test.c) holds here, too; and besides (tests/support/cluster_realm.c):
 *
 *   - nothing that comes with a revoked certificate runs at a node that has heard of it;
 *   - a second after a certificate has ended nothing of it runs;
 *   - while every way is open, all have heard of a revocation within a second;
 *   - where only certificates are at fault, no call fails of a client whose own one was good;
 *   - when all of them have been renewed, everybody is called, calls, and has the newest bulletin.
 *
 * A run is repeated by GODWIT_SEED=n. More: tests/e2e/programs/cluster_seeds --secured in the build folder.
 */
#include <criterion/criterion.h>
#include <godwit/godwit.h>

#include "tests/support/cluster_world.h"
#include "tests/support/must.h"
#include "tests/support/realm_files.h"

#include <stdlib.h>

#define BEGIN_S 1767225600 /* of a cluster (testing.h) */
#define DAY_S 86400
#define OF_CERTIFICATES ((unsigned) GODWIT_FAULT_EXPIRY | GODWIT_FAULT_REVOCATION)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifdef SANITIZED
#define MANY_SEEDS 5
#define SOME_SEEDS 2
#else
#define MANY_SEEDS 60
#define SOME_SEEDS 15
#endif

static const world_options_t small = {
    .node_count = 8, .work_count = 200, .faults = GODWIT_FAULT_ALL, .fault_count = 8, .secured = true};

static world_result_t
run (const world_options_t *options, uint64_t seed)
{
    world_options_t of_seed = *options;
    world_result_t result;
    of_seed.seed = seed;
    world_run (&of_seed, &result);
    cr_assert (!result.wrong[0], "%s\nrun it again: GODWIT_SEED=%llu", result.wrong,
               (unsigned long long) seed);
    return result;
}

/* The sums of these seeds, or of the one that is asked for. */
static world_result_t
run_many (const world_options_t *options, uint64_t first, uint64_t count)
{
    const char *const one = getenv ("GODWIT_SEED");
    world_result_t sum = {.tried = 0};
    if (one) {
        first = strtoull (one, NULL, 10);
        count = 1;
    }
    for (uint64_t seed = first; seed < first + count; seed++) {
        const world_result_t result = run (options, seed);
        sum.tried += result.tried;
        sum.ok += result.ok;
        sum.voids += result.voids;
        sum.forbidden += result.forbidden;
    }
    cr_assert_gt (sum.ok, sum.tried / 2);
    return sum;
}

static void
run_kinds (unsigned faults, uint64_t first)
{
    world_options_t options = small;
    options.faults = faults;
    const world_result_t sum = run_many (&options, first, SOME_SEEDS);
    cr_assert (getenv ("GODWIT_SEED") || sum.voids >= SOME_SEEDS, "%u", sum.voids);
}

Test (secured_cluster, all_faults_together)
{
    const world_result_t sum = run_many (&small, 1, MANY_SEEDS);
    cr_assert (getenv ("GODWIT_SEED") || (sum.voids >= MANY_SEEDS / 2 && sum.forbidden > 0), "%u, %u",
               sum.voids, sum.forbidden);
}

Test (secured_cluster, a_large_one)
{
    world_options_t large = small;
    large.node_count = 30;
    large.work_count = 400;
    large.fault_count = 12;
    run_many (&large, 1, SOME_SEEDS / 5 + 1);
}

/* With a history in which calls may not fail. */
Test (secured_cluster, certificates_alone_fail_no_call_of_others)
{
    run_kinds (GODWIT_FAULT_EXPIRY, 1000);
    run_kinds (GODWIT_FAULT_REVOCATION, 2000);
    run_kinds (OF_CERTIFICATES | GODWIT_FAULT_RESTART, 3000);
}

/* With ways on which all hear of a revocation in time. */
Test (secured_cluster, bulletins_get_around)
{
    run_kinds (GODWIT_FAULT_REVOCATION | GODWIT_FAULT_DELAY, 4000);
    run_kinds (OF_CERTIFICATES | GODWIT_FAULT_DELAY | GODWIT_FAULT_REORDER | GODWIT_FAULT_DUPLICATE, 5000);
}

Test (secured_cluster, with_lost_nodes_and_ways)
{
    run_kinds (OF_CERTIFICATES | GODWIT_FAULT_KILL | GODWIT_FAULT_POWER, 6000);
    run_kinds (OF_CERTIFICATES | GODWIT_FAULT_CUT | GODWIT_FAULT_PARTITION, 7000);
    run_kinds (OF_CERTIFICATES | GODWIT_FAULT_PAUSE | GODWIT_FAULT_LOSS, 8000);
}

Test (secured_cluster, without_faults_nothing_fails)
{
    world_options_t options = small;
    options.faults = 0;
    options.fault_count = 0;
    for (uint64_t seed = 1; seed <= SOME_SEEDS; seed++) {
        const world_result_t result = run (&options, seed);
        cr_assert_eq (result.ok + result.ran, result.tried);
    }
}

Test (secured_cluster, the_same_seed_is_the_same_run)
{
    world_options_t options = small;
    options.faults = OF_CERTIFICATES | GODWIT_FAULT_KILL | GODWIT_FAULT_DELAY;
    const world_result_t one = run (&options, 42), again = run (&options, 42), other = run (&options, 43);
    cr_assert_gt (one.voids, 0);
    cr_assert_eq (one.digest, again.digest);
    cr_assert_eq (one.frames, again.frames);
    cr_assert_eq (one.ok, again.ok);
    cr_assert_neq (one.digest, other.digest);
}

/* ---- what a plan asks of its test ---- */

typedef struct town {
    godwit_cluster_t *cluster;
    godwit__test_realm_t *realm;
    godwit_transport_t *nodes[2];
    unsigned ended, renewed, revoked, told;
} town_t;

static void
certify (void *user, const char *node, int64_t from_s, int64_t until_s)
{
    town_t *const town = user;
    const int64_t left_ms = 1000 * (until_s - BEGIN_S - 1) - godwit_cluster_now_ms (town->cluster);
    cr_assert_lt (from_s, until_s);
    if (left_ms > 0) {
        cr_assert_gt (left_ms, INT64_C (300000) * DAY_S, "a year");
        town->renewed++;
    } else {
        cr_assert_geq (left_ms, -300000, "others let it pass for 300 s, and those are nearly over");
        cr_assert_leq (left_ms, -299000);
        town->ended++;
    }
    godwit__test_realm_issue (town->realm,
                              GODWIT__TEST_MEMBER (.name = node, .from = from_s, .until = until_s));
}

static void
revoke (void *user, const char *node, const char *reader)
{
    town_t *const town = user;
    godwit__test_realm_revoke (town->realm, node);
    godwit__test_realm_put_bulletin (town->realm, reader);
    town->revoked++;
}

static void
on_fault (void *user, godwit_fault_t fault, const char *node, bool over)
{
    town_t *const town = user;
    cr_assert (fault == GODWIT_FAULT_EXPIRY || fault == GODWIT_FAULT_REVOCATION);
    cr_assert_str_eq (node, "a");
    if (over)
        cr_assert_eq (town->renewed, ++town->told, "it has its new certificate when the test is told");
    else
        cr_assert_eq (town->ended + town->revoked, town->renewed + 1, "it is void when the test is told");
}

static town_t
town_open (bool has_realm)
{
    town_t town = {.realm = godwit__test_realm_new (1)};
    const char *const names[] = {"a", "b"};
    MUST (godwit_cluster_new (&town.cluster, 1, &error));
    for (size_t i = 0; i < 2; i++) {
        const char *const file = godwit__test_realm_issue (
            town.realm,
            GODWIT__TEST_MEMBER (.name = names[i], .from = BEGIN_S - DAY_S, .until = BEGIN_S + 300 * DAY_S));
        MUST (godwit_cluster_add (&town.nodes[i], town.cluster, names[i],
                                  GODWIT_TRANSPORT_OPTIONS (.realm = has_realm ? file : "none"), &error));
    }
    return town;
}

static void
town_close (town_t *town)
{
    for (size_t i = 0; i < 2; i++)
        godwit_transport_destroy (&town->nodes[i]);
    godwit_cluster_destroy (&town->cluster);
    godwit__test_realm_destroy (&town->realm);
}

static void
begin_plan (town_t *town, unsigned faults)
{
    static const char *const struck[] = {"a"};
    /* One after the other, or some would begin while others last. */
    for (int64_t ms = 0; ms < 10000; ms += 1000) {
        MUST (godwit_cluster_begin_plan (
            town->cluster,
            GODWIT_CLUSTER_PLAN (.faults = faults, .fault_count = 1, .duration_ms = 1000, .nodes = struck,
                                 .node_count = 1, .on_fault = on_fault, .user = town, .certify = certify,
                                 .revoke = revoke),
            &error));
        godwit_cluster_run (town->cluster, 1001);
    }
}

Test (secured_cluster, a_plan_asks_for_certificates)
{
    town_t town = town_open (true);
    begin_plan (&town, OF_CERTIFICATES);
    cr_assert_gt (town.ended, 0);
    cr_assert_gt (town.revoked, 0);
    cr_assert_eq (town.ended + town.revoked, 10);
    cr_assert_eq (town.renewed, 10);
    cr_assert_eq (town.told, 10);
    town_close (&town);
}

Test (secured_cluster, who_has_no_realm_is_not_struck)
{
    town_t town = town_open (false);
    begin_plan (&town, OF_CERTIFICATES);
    cr_assert_eq (town.ended + town.revoked + town.renewed + town.told, 0);
    town_close (&town);
}

/* The end of all faults is the end of these, too. */
Test (secured_cluster, healing_renews)
{
    static const char *const struck[] = {"a"};
    town_t town = town_open (true);
    MUST (godwit_cluster_begin_plan (
        town.cluster,
        GODWIT_CLUSTER_PLAN (.faults = GODWIT_FAULT_EXPIRY, .fault_count = 1, .duration_ms = 1000000,
                             .longest_ms = 500000, .nodes = struck, .node_count = 1, .on_fault = on_fault,
                             .user = &town, .certify = certify),
        &error));
    while (!town.ended)
        godwit_cluster_run (town.cluster, 10);
    cr_assert_eq (town.renewed, 0);
    godwit_cluster_heal (town.cluster);
    cr_assert_eq (town.renewed, 1);
    cr_assert_eq (town.told, 1);
    town_close (&town);
}

Test (secured_cluster, a_plan_without_its_functions_is_refused)
{
    town_t town = town_open (true);
    godwit_error_t *error = NULL;
    cr_assert_eq (
        godwit_cluster_begin_plan (town.cluster,
                                   GODWIT_CLUSTER_PLAN (.faults = OF_CERTIFICATES, .revoke = revoke), &error),
        GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_str_eq (godwit_error_message (error), "plan.faults: expected kinds of faults, got 0xc00; "
                                                    "plan.on_fault is NULL; plan.certify is NULL");
    godwit_error_destroy (&error);
    cr_assert_eq (
        godwit_cluster_begin_plan (
            town.cluster, GODWIT_CLUSTER_PLAN (.faults = GODWIT_FAULT_REVOCATION, .certify = certify), NULL),
        GODWIT_ERR_INVALID_ARGUMENT);
    town_close (&town);
}
