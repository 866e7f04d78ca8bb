/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a simulated cluster of notifiers and listeners under a plan of faults, and checks what became of the
 * notifications (tests/support/notices.h). For tests/unit/notice_faults_test.c and
 * tests/e2e/programs/notice_seeds.c.
 *
 * A third of the nodes notify, at two priorities. The others listen, in four pools:
 *
 *     plain     two or more listeners, an endpoint for each notification
 *     alone     one listener, which requeues some of them
 *     batches   listeners with batches
 *     pulled    listeners whose program takes notifications now and then, keeps them for a while, and
 * requeues some
 *
 * Every second notifier has a spool, which outlives it. Some notifiers declare the pools. Some have room for
 * a few notifications only, with any policy when that is full; some drop what was requeued too often, some
 * try to reach a listener a few times only. Some listeners drop duplicates. The same seed gives the same run,
 * in any thread or process. */
#ifndef GODWIT_TESTS_SUPPORT_NOTICE_WORLD_H
#define GODWIT_TESTS_SUPPORT_NOTICE_WORLD_H

#include "tests/support/notices.h"

#include <godwit/testing.h>

#define NOTICE_NODES_MAX 30

typedef struct notice_options {
    uint64_t seed;
    unsigned node_count; /* at least 7 */
    unsigned notice_count;
    unsigned faults; /* GODWIT_FAULT_...; 0: none at all */
    unsigned fault_count;
    bool listeners_only; /* faults strike no notifier */
    bool keeps_all;      /* no notifier refuses, drops or gives up anything */
    bool trace;          /* to stderr */
} notice_options_t;

typedef struct notice_result {
    notices_summary_t summary;
    unsigned faults;
    uint64_t frames;
    uint64_t digest;
    char wrong[1000]; /* what was wrong; "": nothing */
} notice_result_t;

/* False: result->wrong says why. Any thread. */
bool notice_run (const notice_options_t *options, notice_result_t *result);

#endif
