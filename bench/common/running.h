/* SPDX-License-Identifier: Apache-2.0 */
/* One half of a pair with its server: in another process, or in this one for inproc. */
#ifndef BENCH_RUNNING_H
#define BENCH_RUNNING_H

#include "child.h"
#include "pair.h"

typedef struct {
    const bench_half_t *half;
    bench_setup_t setup;
    bench_child_t child;
    bool has_child;
    void *client;
    char where[BENCH_WHERE_SIZE];
} bench_running_t;

/* Starts half `index` of the pair: server first, then the client, which returns connected. With `pin`, and if
 * the pair is one that pins, the two processes get a processor each. */
void bench_running_start (bench_running_t *running, const bench_pair_t *pair, size_t index, bool pin);
void bench_running_stop (bench_running_t *running);

/* What the child does that bench_running_start starts. */
void bench_running_serve (const bench_pair_t *pair, size_t index);

#endif
