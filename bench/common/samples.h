/* SPDX-License-Identifier: Apache-2.0 */
/* Every latency that was measured, so that percentiles are exact and no outlier is averaged away. */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint64_t *ns;
    size_t count;
    size_t capacity;
} bench_samples_t;

void bench_samples_add (bench_samples_t *samples, uint64_t ns);
void bench_samples_append (bench_samples_t *samples, const bench_samples_t *more);

/* Makes room for `count` more, so that no measured call pays for growing (or for the page faults of it). */
void bench_samples_reserve (bench_samples_t *samples, size_t count);
void bench_samples_clear (bench_samples_t *samples);
void bench_samples_free (bench_samples_t *samples);

/* Sorts; bench_samples_at expects sorted samples. `fraction` is 0.5 for the median, 1 for the maximum. */
void bench_samples_sort (bench_samples_t *samples);
uint64_t bench_samples_at (const bench_samples_t *samples, double fraction);

/* The median of a few doubles; sorts them in place. */
double bench_median (double *values, size_t count);

#ifdef __cplusplus
}
#endif

#endif
