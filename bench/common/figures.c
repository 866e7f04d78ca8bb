/* SPDX-License-Identifier: Apache-2.0 */
#include "figures.h"
#include "die.h"

#include <stdio.h>
#include <stdlib.h>

void
bench_figures_init (bench_figures_t *self, size_t rounds)
{
    *self = (bench_figures_t){.label = NULL};
    for (size_t i = 0; i < BENCH_MEASURES; i++)
        self->per_round[i] = bench_alloc (rounds * sizeof *self->per_round[i]);
}

void
bench_figures_free (bench_figures_t *self)
{
    for (size_t i = 0; i < BENCH_MEASURES; i++)
        free (self->per_round[i]);
    bench_samples_free (&self->all);
}

void
bench_figures_add (bench_figures_t *self, size_t round, size_t count, bench_burst_t *burst)
{
    bench_samples_sort (&burst->samples);
    self->per_round[BENCH_P50][round] = (double) bench_samples_at (&burst->samples, 0.5) / 1e3;
    self->per_round[BENCH_P99][round] = (double) bench_samples_at (&burst->samples, 0.99) / 1e3;
    self->per_round[BENCH_RATE][round] = (double) count * 1e9 / (double) burst->elapsed_ns;
    self->per_round[BENCH_CPU][round] = (double) burst->processor_ns / 1e3 / (double) count;
    bench_samples_append (&self->all, &burst->samples);
}

static double
middle (const bench_figures_t *self, bench_measure_t measure, size_t rounds)
{
    return bench_median (self->per_round[measure], rounds);
}

static void
print_half (bench_figures_t *self, size_t rounds)
{
    static const double fractions[] = {0.5, 0.9, 0.99, 0.999, 1};

    bench_samples_sort (&self->all);
    printf ("  %-14s", self->label);
    for (size_t i = 0; i < sizeof fractions / sizeof *fractions; i++)
        if (self->all.count == 0)
            printf (" %9s", "-");
        else
            printf (" %9.1f", (double) bench_samples_at (&self->all, fractions[i]) / 1e3);
    printf (" %11.0f %9.2f\n", middle (self, BENCH_RATE, rounds), middle (self, BENCH_CPU, rounds));
}

/* Before the medians are taken, which sorts: how far the ratios of single rounds are apart. */
static void
print_scatter (const bench_ratio_t *ratio, const bench_figures_t *halves, size_t rounds)
{
    const double *of = halves[ratio->of].per_round[ratio->measure];
    const double *to = halves[ratio->to].per_round[ratio->measure];
    double *ratios = bench_alloc (rounds * sizeof *ratios);

    for (size_t i = 0; i < rounds; i++)
        ratios[i] = of[i] / to[i];
    const double median = bench_median (ratios, rounds);
    printf ("  %s: round by round %.3f to %.3f, their median %.3f\n", ratio->name, ratios[0],
            ratios[rounds - 1], median);
    free (ratios);
}

void
bench_figures_print_goal (const char *name, double value, double goal, bool at_least)
{
    const bool met = at_least ? value >= goal : value <= goal;
    printf ("ratio %s %.3f goal %g %s\n", name, value, goal, met ? "met" : "not met");
}

void
bench_figures_print (const bench_pair_t *pair, bench_figures_t *halves, size_t count, size_t rounds)
{
    size_t ratios = 0;

    while (ratios < BENCH_RATIOS_MAX && pair->ratios[ratios].name != NULL)
        print_scatter (&pair->ratios[ratios++], halves, rounds);
    printf ("  %-14s %9s %9s %9s %9s %9s %11s %9s\n", "", "p50 us", "p90", "p99", "p99.9", "max",
            pair->unit != NULL ? pair->unit : "call/s", "CPU us");
    for (size_t i = 0; i < count; i++)
        print_half (&halves[i], rounds);
    for (size_t i = 0; i < ratios; i++) {
        const bench_ratio_t *ratio = &pair->ratios[i];
        bench_figures_print_goal (ratio->name,
                                  middle (&halves[ratio->of], ratio->measure, rounds) /
                                      middle (&halves[ratio->to], ratio->measure, rounds),
                                  ratio->goal, ratio->measure == BENCH_RATE);
    }
}
