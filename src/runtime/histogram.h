/* SPDX-License-Identifier: Apache-2.0 */
/* Histograms of durations, in fixed memory.
 *
 * A bucket holds the durations above the bound of the one before it, up to and with its own. The bounds are
 * the powers of two of nanoseconds and three more between each two, so a bucket is at most a quarter wider
 * than its lower bound: the first holds all up to 2^10 ns (about a microsecond), the last but one ends at
 * 2^37 ns (137 s), and the last holds what took longer.
 *
 * Any number of threads may add to a histogram. Its leader may add to one of its own without locked
 * instructions (metrics.h). Sums are taken while others add; a sum has all that was there before.
 */
#ifndef GODWIT_SRC_RUNTIME_HISTOGRAM_H
#define GODWIT_SRC_RUNTIME_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

#define GODWIT__HISTOGRAM_FIRST_BIT 10
#define GODWIT__HISTOGRAM_LAST_BIT 37
#define GODWIT__HISTOGRAM_BUCKETS (4 * (GODWIT__HISTOGRAM_LAST_BIT - GODWIT__HISTOGRAM_FIRST_BIT) + 2)

#define GODWIT__HISTOGRAM_UNBOUNDED INT64_MAX

typedef struct godwit__histogram {
    atomic_int_fast64_t max_ns;
    atomic_uint_fast64_t counts[GODWIT__HISTOGRAM_BUCKETS];
} godwit__histogram_t;

/* What several histograms hold together. */
typedef struct godwit__histogram_sum {
    int64_t max_ns;
    uint64_t count;
    uint64_t counts[GODWIT__HISTOGRAM_BUCKETS];
} godwit__histogram_sum_t;

/* The bucket of a duration. Zero is in the first; so is what a clock that went back has measured. */
static inline unsigned
godwit__histogram_index (int64_t duration_ns)
{
    const int64_t below_first = (INT64_C (1) << GODWIT__HISTOGRAM_FIRST_BIT) - 1;
    const int64_t beyond_last = INT64_C (1) << GODWIT__HISTOGRAM_LAST_BIT;
    /* Less one: a bound is in the bucket that it ends. */
    const int64_t above = duration_ns > below_first ? duration_ns - 1 : below_first;
    const uint64_t number = (uint64_t) (above < beyond_last ? above : beyond_last);
    const unsigned bit = 63u - (unsigned) __builtin_clzll (number);
    return (bit - GODWIT__HISTOGRAM_FIRST_BIT) * 4 + (unsigned) (number >> (bit - 2)) - 3;
}

/* The longest duration that a bucket holds; GODWIT__HISTOGRAM_UNBOUNDED for the last. */
int64_t godwit__histogram_bound_ns (unsigned index);

/* Adds `more` durations. Any thread. */
static inline void
godwit__histogram_add (godwit__histogram_t *histogram, int64_t duration_ns, uint64_t more)
{
    int64_t max_ns = atomic_load_explicit (&histogram->max_ns, memory_order_relaxed);
    while (duration_ns > max_ns &&
           !atomic_compare_exchange_weak_explicit (&histogram->max_ns, &max_ns, duration_ns,
                                                   memory_order_relaxed, memory_order_relaxed)) {
    }
    atomic_fetch_add_explicit (&histogram->counts[godwit__histogram_index (duration_ns)], more,
                               memory_order_relaxed);
}

/* Adds what a histogram holds to a sum, which begins with zeros. Any thread. */
void godwit__histogram_sum (godwit__histogram_sum_t *sum, const godwit__histogram_t *histogram);

/* The duration that the given part (0 to 1) of all took at most, in nanoseconds; as if the durations in a
 * bucket were spread evenly, up to the longest of all. 0 if there are none. */
double godwit__histogram_quantile (const godwit__histogram_sum_t *sum, double part);

/* How many took at most so long: exact at the bounds of buckets; between them as above, rounded down, so it
 * never falls as time goes on, nor from a duration to a longer one. */
uint64_t godwit__histogram_count_to (const godwit__histogram_sum_t *sum, int64_t duration_ns);

#endif
