/* SPDX-License-Identifier: Apache-2.0 */
/* What was measured of the halves of a pair, and how it is told: a table, and a line `ratio NAME VALUE goal
 * GOAL met|not met` for each goal. */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include "pair.h"
#include "running.h"

typedef struct {
    const char *label;
    bench_samples_t all;               /* of every round */
    double *per_round[BENCH_MEASURES]; /* us (of the clock or of the processor), or calls a second */
} bench_figures_t;

/* Room for so many rounds. */
void bench_figures_init (bench_figures_t *self, size_t rounds);
void bench_figures_free (bench_figures_t *self);

void bench_figures_add (bench_figures_t *self, size_t round, size_t count, bench_burst_t *burst);

/* Of `count` halves, after so many rounds. Reorders what is in them. */
void bench_figures_print (const bench_pair_t *pair, bench_figures_t *halves, size_t count, size_t rounds);

/* One line, for a figure with a goal. */
void bench_figures_print_goal (const char *name, double value, double goal, bool at_least);

#endif
