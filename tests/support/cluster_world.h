/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a simulated cluster under a plan of faults, and checks what became of its work. For
 * tests/unit/cluster_faults_test.c and tests/e2e/programs/cluster_seeds.c.
 *
 * Every second node serves, the others call, and every tenth does both. Calls go to any server or to a named
 * one. Some handlers answer at once, some fail, some keep the request and answer later. The same seed gives
 * the same run, in any thread or process.
 */
#ifndef GODWIT_TESTS_SUPPORT_CLUSTER_WORLD_H
#define GODWIT_TESTS_SUPPORT_CLUSTER_WORLD_H

#include <godwit/godwit.h>
#include <godwit/testing.h>

#include <stdbool.h>
#include <stdint.h>

#define WORLD_NODES_MAX 100

typedef struct world_options {
    uint64_t seed;
    unsigned node_count; /* at least 4 */
    unsigned work_count; /* calls, casts and fanouts */
    unsigned faults;     /* GODWIT_FAULT_...; 0: none at all */
    unsigned fault_count;
    bool trace;   /* to stderr */
    bool secured; /* all nodes are of one realm, and there can be EXPIRY and REVOCATION */
} world_options_t;

typedef struct world_result {
    unsigned tried; /* calls, casts and fanouts that were accepted */
    unsigned calls, casts, fanouts;
    unsigned ok, not_sent, rejected, maybe_run, ran; /* how they ended */
    unsigned ran_twice, lost;                        /* 0, or the run has failed */
    unsigned faults;                                 /* faults that happened */
    unsigned voids;                                  /* of these: expiries and revocations */
    unsigned forbidden;                              /* pieces of work that ended with PERMISSION_DENIED */
    unsigned detected;                               /* calls whose server was lost */
    int64_t worst_detection_ms;                      /* from the fault to their ends */
    uint64_t frames;
    uint64_t digest;  /* a hash of all that happened */
    char wrong[1000]; /* what was wrong; "": nothing */
} world_result_t;

/* False: result->wrong says why. Any thread. */
bool world_run (const world_options_t *options, world_result_t *result);

#endif
