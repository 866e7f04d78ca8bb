/* SPDX-License-Identifier: Apache-2.0 */
/* What holds in clusters with faults (cluster_faults_test.c) holds in a realm, too: certificates, checks of
 * rights and the question to each server before it is called lose nothing and fail nothing.
 *
 * A run is repeated by GODWIT_SEED=n; GODWIT_SEEDS says how many are run. */
#include <criterion/criterion.h>

#include "tests/support/cluster_world.h"
#include "tests/support/realm_files.h"

#include <stdio.h>
#include <stdlib.h>

#define NODES 8
/* Simulated clusters begin on 2026-01-01. */
#define BEGIN_S 1767225600

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MANY_SEEDS 5
#define SOME_SEEDS 2
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MANY_SEEDS 5
#define SOME_SEEDS 2
#endif
#endif
#ifndef MANY_SEEDS
#define MANY_SEEDS 40
#define SOME_SEEDS 10
#endif

static const char *
path_of (void *realm, const char *node)
{
    return godwit__test_realm_path (realm, node);
}

/* Each node may do all, so whatever is refused is wrong. */
static godwit__test_realm_t *
realm_of_nodes (void)
{
    godwit__test_realm_t *const realm = godwit__test_realm_new (1);
    for (int i = 0; i < NODES; i++) {
        char name[8];
        snprintf (name, sizeof name, "n%d", i);
        godwit__test_realm_issue (
            realm, GODWIT__TEST_MEMBER (.name = name, .from = BEGIN_S - 3600, .until = BEGIN_S + 3600));
    }
    return realm;
}

static world_result_t
run (godwit__test_realm_t *realm, unsigned faults, uint64_t seed)
{
    const world_options_t options = {.seed = seed,
                                     .node_count = NODES,
                                     .work_count = 200,
                                     .faults = faults,
                                     .fault_count = faults ? 6 : 0,
                                     .member_file = path_of,
                                     .realm = realm};
    world_result_t result;
    world_run (&options, &result);
    cr_assert (!result.wrong[0], "%s\nrun it again: GODWIT_SEED=%llu", result.wrong,
               (unsigned long long) seed);
    cr_assert_gt (result.tried, options.work_count / 8);
    return result;
}

static void
run_many (unsigned faults, uint64_t first, uint64_t count)
{
    const char *const one = getenv ("GODWIT_SEED"), *const many = getenv ("GODWIT_SEEDS");
    godwit__test_realm_t *realm = realm_of_nodes ();
    uint64_t tried = 0, ok = 0;
    first = one ? strtoull (one, NULL, 10) : first;
    count = one ? 1 : many ? strtoull (many, NULL, 10) : count;
    for (uint64_t seed = first; seed < first + count; seed++) {
        const world_result_t result = run (realm, faults, seed);
        tried += result.tried;
        ok += result.ok;
        if (faults == 0)
            cr_assert_eq (result.not_sent + result.rejected + result.maybe_run, 0u);
    }
    cr_assert_gt (ok, tried / 2);
    godwit__test_realm_destroy (&realm);
}

Test (cluster_realm, nothing_is_lost_in_silence_and_nothing_runs_twice)
{
    run_many (GODWIT_FAULT_ALL, 1, MANY_SEEDS);
}

Test (cluster_realm, each_kind_alone)
{
    for (unsigned kind = 0; 1u << kind <= GODWIT_FAULT_ALL; kind++)
        run_many (1u << kind, 2000 + 100 * kind, SOME_SEEDS);
}

Test (cluster_realm, without_faults_nothing_fails)
{
    run_many (0, 1, SOME_SEEDS);
}

/* A server that comes back is another process with the same certificate. */
Test (cluster_realm, drained_restarts_fail_no_call)
{
    run_many (GODWIT_FAULT_RESTART, 1, 2 * SOME_SEEDS);
}

Test (cluster_realm, the_same_seed_is_the_same_run)
{
    godwit__test_realm_t *realm = realm_of_nodes ();
    const world_result_t one = run (realm, GODWIT_FAULT_ALL, 42), again = run (realm, GODWIT_FAULT_ALL, 42),
                         other = run (realm, GODWIT_FAULT_ALL, 43);
    cr_assert_eq (one.digest, again.digest);
    cr_assert_neq (one.digest, other.digest);
    godwit__test_realm_destroy (&realm);
}
