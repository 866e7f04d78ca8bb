/* SPDX-License-Identifier: Apache-2.0 */
/* Many clusters, each with faults by its seed, and what must hold in all of them; what that is, is in
 * tests/support/cluster_history.c and at the end of cluster_world.c:
 *
 *   - every call that was accepted ends exactly once, and not later than its deadline;
 *   - nothing runs twice; what ended as NOT_SENT or REJECTED never ran, what succeeded or failed as RAN did;
 *   - a call whose server is lost ends within the heartbeats' time;
 *   - restarts that say goodbye fail no call; without faults nothing fails, and fanouts' reports are true;
 *   - when the faults are over, every server is called again, every client calls, and a fanout reaches all.
 *
 * A run is repeated by GODWIT_SEED=n; GODWIT_SEEDS says how many are run, GODWIT_NODES of how many nodes.
 * More, on all processors: tests/e2e/programs/cluster_seeds in the build folder.
 */
#include <criterion/criterion.h>

#include "tests/support/cluster_world.h"

#include <pthread.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifdef SANITIZED
#define LARGE_SEEDS 1
#define SMALL_SEEDS 8
#define SOME_SEEDS 3
#else
#define LARGE_SEEDS 15
#define SMALL_SEEDS 100
#define SOME_SEEDS 10
#endif

static const world_options_t large = {
    .node_count = 50, .work_count = 500, .faults = GODWIT_FAULT_ALL, .fault_count = 10};
static const world_options_t small = {
    .node_count = 8, .work_count = 200, .faults = GODWIT_FAULT_ALL, .fault_count = 6};

static world_result_t
run (const world_options_t *options, uint64_t seed)
{
    world_options_t of_seed = *options;
    world_result_t result;
    of_seed.seed = seed;
    world_run (&of_seed, &result);
    cr_assert (!result.wrong[0], "%s\nrun it again: GODWIT_SEED=%llu GODWIT_NODES=%u", result.wrong,
               (unsigned long long) seed, options->node_count);
    return result;
}

/* The faults are not so bad that nothing was tested. */
static void
run_many (const world_options_t *options, uint64_t first, uint64_t count)
{
    uint64_t tried = 0, ok = 0, faults = 0;
    for (uint64_t seed = first; seed < first + count; seed++) {
        const world_result_t result = run (options, seed);
        tried += result.tried;
        ok += result.ok;
        faults += result.faults;
    }
    cr_assert_gt (tried, count * options->work_count / 3);
    cr_assert_gt (ok, tried / 2);
    cr_assert_gt (faults, options->faults ? count * options->fault_count / 2 : 0);
}

Test (cluster_faults, nothing_is_lost_in_silence_and_nothing_runs_twice)
{
    const char *one = getenv ("GODWIT_SEED"), *many = getenv ("GODWIT_SEEDS"),
               *nodes = getenv ("GODWIT_NODES");
    const uint64_t first = one ? strtoull (one, NULL, 10) : 1;
    const uint64_t count = one ? 1 : many ? strtoull (many, NULL, 10) : 0;
    world_options_t asked = nodes && strtoul (nodes, NULL, 10) <= 8 ? small : large;
    if (nodes)
        asked.node_count = (unsigned) strtoul (nodes, NULL, 10);
    if (count) {
        run_many (&asked, first, count);
        return;
    }
    run_many (&large, 1, LARGE_SEEDS);
    run_many (&small, 1000, SMALL_SEEDS);
}

/* What all of them together may hide. */
Test (cluster_faults, each_kind_alone)
{
    for (unsigned kind = 0; 1u << kind <= GODWIT_FAULT_RESTART; kind++) {
        world_options_t options = small;
        options.faults = 1u << kind;
        run_many (&options, 2000 + 100 * kind, SOME_SEEDS);
    }
}

Test (cluster_faults, without_faults_nothing_fails)
{
    world_options_t options = small;
    options.faults = 0;
    options.fault_count = 0;
    for (uint64_t seed = 1; seed <= SOME_SEEDS; seed++) {
        const world_result_t result = run (&options, seed);
        cr_assert_eq (result.not_sent + result.rejected + result.maybe_run, 0);
        cr_assert_eq (result.ok + result.ran, result.tried);
    }
}

/* Servers restart, one after the other and several at a time, and say goodbye: whoever asks for any of them
 * hears nothing of it (a call of a named server waits for that one). */
Test (cluster_faults, drained_restarts_fail_no_call)
{
    world_options_t options = small;
    options.faults = GODWIT_FAULT_RESTART;
    run_many (&options, 1, 3 * SOME_SEEDS);
    options = large;
    options.faults = GODWIT_FAULT_RESTART;
    run_many (&options, 1, SOME_SEEDS / 3);
}

/* ---- the same seed ---- */

typedef struct runner {
    pthread_t thread;
    uint64_t seed;
    world_result_t result;
} runner_t;

static void *
run_in_thread (void *user)
{
    runner_t *runner = user;
    world_options_t options = small;
    options.seed = runner->seed;
    world_run (&options, &runner->result);
    return NULL;
}

/* Bit by bit, whatever else happens in the process, and several clusters share nothing. */
Test (cluster_faults, the_same_seed_is_the_same_run)
{
    runner_t runners[4] = {{.seed = 42}, {.seed = 43}, {.seed = 42}, {.seed = 44}};
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq (pthread_create (&runners[i].thread, NULL, run_in_thread, &runners[i]), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join (runners[i].thread, NULL);
    const world_result_t again = run (&small, 42);
    cr_assert_gt (again.frames, 300);
    cr_assert_eq (runners[0].result.digest, again.digest);
    cr_assert_eq (runners[2].result.digest, again.digest);
    cr_assert_eq (runners[0].result.ok, again.ok);
    cr_assert_neq (runners[1].result.digest, again.digest);
    cr_assert_neq (runners[3].result.digest, again.digest);
    cr_assert_neq (runners[3].result.digest, runners[1].result.digest);
}
