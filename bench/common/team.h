/* SPDX-License-Identifier: Apache-2.0 */
/* A team of threads that live through all rounds and run one burst together when told to. Both halves of a
 * pair with many callers use it, so that starting threads is in neither figure. */
#ifndef BENCH_TEAM_H
#define BENCH_TEAM_H

#include "samples.h"

typedef struct bench_team bench_team_t;

/* What each member does: `prepare` once in its own thread (its result is given to the others), then `run` for
 * each burst, at last `finish`. Without `prepare` the members share the argument; `finish` may be NULL, too.
 */
typedef struct {
    void *(*prepare) (void *argument, size_t index);
    void (*run) (void *member, size_t count, bench_samples_t *samples);
    void (*finish) (void *member);
} bench_team_work_t;

bench_team_t *bench_team_new (size_t size, const bench_team_work_t *work, void *argument);

/* Every member runs `count` / size calls; appends all their samples and returns the time from the common
 * start to the end of the last one. */
uint64_t bench_team_run (bench_team_t *team, size_t count, bench_samples_t *samples);

void bench_team_destroy (bench_team_t **team_p);

#endif
