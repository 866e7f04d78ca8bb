/* SPDX-License-Identifier: Apache-2.0 */
#include "samples.h"
#include "die.h"

#include <stdlib.h>
#include <string.h>

void
bench_samples_reserve (bench_samples_t *samples, size_t count)
{
    size_t need = samples->count + count;
    if (need <= samples->capacity)
        return;
    size_t capacity = samples->capacity * 2 > need ? samples->capacity * 2 : need;
    uint64_t *ns = realloc (samples->ns, capacity * sizeof *ns);
    if (ns == NULL)
        bench_die ("out of memory");
    memset (ns + samples->count, 0, (capacity - samples->count) * sizeof *ns);
    samples->ns = ns;
    samples->capacity = capacity;
}

void
bench_samples_add (bench_samples_t *samples, uint64_t ns)
{
    if (samples->count == samples->capacity)
        bench_samples_reserve (samples, 1024);
    samples->ns[samples->count++] = ns;
}

void
bench_samples_append (bench_samples_t *samples, const bench_samples_t *more)
{
    if (more->count == 0)
        return;
    bench_samples_reserve (samples, more->count);
    memcpy (samples->ns + samples->count, more->ns, more->count * sizeof *more->ns);
    samples->count += more->count;
}

void
bench_samples_clear (bench_samples_t *samples)
{
    samples->count = 0;
}

void
bench_samples_free (bench_samples_t *samples)
{
    free (samples->ns);
    *samples = (bench_samples_t){0};
}

static int
compare_ns (const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *) left;
    uint64_t b = *(const uint64_t *) right;
    return (a > b) - (a < b);
}

void
bench_samples_sort (bench_samples_t *samples)
{
    if (samples->count > 0)
        qsort (samples->ns, samples->count, sizeof *samples->ns, compare_ns);
}

uint64_t
bench_samples_at (const bench_samples_t *samples, double fraction)
{
    if (samples->count == 0)
        return 0;
    size_t index = (size_t) (fraction * (double) samples->count);
    return samples->ns[index < samples->count ? index : samples->count - 1];
}

static int
compare_doubles (const void *left, const void *right)
{
    double a = *(const double *) left;
    double b = *(const double *) right;
    return (a > b) - (a < b);
}

double
bench_median (double *values, size_t count)
{
    if (count == 0)
        return 0;
    qsort (values, count, sizeof *values, compare_doubles);
    return count % 2 != 0 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}
