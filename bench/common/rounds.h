/* The harness: both halves of a pair alive, short bursts in turn, and the ratio of the medians over the rounds. */
#ifndef BENCH_ROUNDS_H
#define BENCH_ROUNDS_H

#include "pair.h"

typedef struct {
    size_t rounds;
    unsigned burst_ms; /* about how long one burst of the slower half lasts */
    bool same;         /* the first half against itself: shows the harness' own noise */
} bench_plan_t;

void bench_rounds_run (const bench_pair_t *pair, const bench_plan_t *plan);

/* Only half `index`, `count` calls, nothing printed: for counting instructions and allocations from outside. */
void bench_rounds_plain (const bench_pair_t *pair, size_t index, size_t count);

#endif
