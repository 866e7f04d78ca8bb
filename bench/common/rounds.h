/* SPDX-License-Identifier: Apache-2.0 */
/* The harness: all halves of a pair alive, short bursts in turn, and the ratios of the medians over the
 * rounds. All but the one whose turn it is are stopped: their timers and watchdogs would take processor time
 * from it.
 *
 * A process keeps the luck that it had with its memory's layout and its threads' stacks for as long as it
 * lives: two bare processes of the same program stay up to 4 % apart. So all halves are started anew a few
 * times (a sitting each), and take turns at being started first. */
#ifndef BENCH_ROUNDS_H
#define BENCH_ROUNDS_H

#include "pair.h"

typedef struct {
    size_t sittings;   /* how often the halves are started anew */
    unsigned limit_ms; /* no sitting after the second begins that would end later than this */
    size_t rounds;     /* of each sitting */
    unsigned burst_ms; /* about how long one burst lasts */
    bool pin;          /* client and server have a processor each */
    bool same;         /* the first half against itself: shows the harness' own noise */
} bench_plan_t;

void bench_rounds_run (const bench_pair_t *pair, const bench_plan_t *plan);

#endif
