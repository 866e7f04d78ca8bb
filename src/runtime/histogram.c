/* SPDX-License-Identifier: Apache-2.0 */
#include "src/runtime/histogram.h"

/* The bound of the bucket before it: what the bucket holds is longer. */
static int64_t
lower_ns (unsigned index)
{
    return index ? godwit__histogram_bound_ns (index - 1) : 0;
}

int64_t
godwit__histogram_bound_ns (unsigned index)
{
    if (index == 0)
        return INT64_C (1) << GODWIT__HISTOGRAM_FIRST_BIT;
    if (index >= GODWIT__HISTOGRAM_BUCKETS - 1)
        return GODWIT__HISTOGRAM_UNBOUNDED;
    const unsigned bit = GODWIT__HISTOGRAM_FIRST_BIT + (index - 1) / 4;
    return (5 + (int64_t) (index - 1) % 4) << (bit - 2);
}

void
godwit__histogram_sum (godwit__histogram_sum_t *sum, const godwit__histogram_t *histogram)
{
    const int64_t max_ns = atomic_load_explicit (&histogram->max_ns, memory_order_relaxed);
    if (max_ns > sum->max_ns)
        sum->max_ns = max_ns;
    for (unsigned i = 0; i < GODWIT__HISTOGRAM_BUCKETS; i++) {
        const uint64_t count = atomic_load_explicit (&histogram->counts[i], memory_order_relaxed);
        sum->counts[i] += count;
        sum->count += count;
    }
}

/* The longest that a bucket can hold, as far as is known: the last has no bound of its own. */
static int64_t
upper_ns (const godwit__histogram_sum_t *sum, unsigned index)
{
    const int64_t bound_ns = godwit__histogram_bound_ns (index);
    const int64_t low_ns = lower_ns (index);
    if (sum->max_ns >= low_ns && sum->max_ns < bound_ns)
        return sum->max_ns;
    return bound_ns == GODWIT__HISTOGRAM_UNBOUNDED ? low_ns : bound_ns;
}

double
godwit__histogram_quantile (const godwit__histogram_sum_t *sum, double part)
{
    const double rank = part * (double) sum->count;
    double before = 0;
    for (unsigned i = 0; i < GODWIT__HISTOGRAM_BUCKETS; i++) {
        const double here = (double) sum->counts[i];
        if (here > 0 && before + here >= rank) {
            const double low = (double) lower_ns (i);
            return low + ((double) upper_ns (sum, i) - low) * (rank - before) / here;
        }
        before += here;
    }
    return (double) sum->max_ns;
}

uint64_t
godwit__histogram_count_to (const godwit__histogram_sum_t *sum, int64_t duration_ns)
{
    const unsigned last = godwit__histogram_index (duration_ns);
    const int64_t low_ns = lower_ns (last);
    const int64_t bound_ns = godwit__histogram_bound_ns (last);
    uint64_t count = 0;
    for (unsigned i = 0; i < last; i++)
        count += sum->counts[i];
    if (duration_ns == bound_ns)
        return count + sum->counts[last];
    if (bound_ns == GODWIT__HISTOGRAM_UNBOUNDED)
        return count;
    const double share = (double) (duration_ns - low_ns) / (double) (bound_ns - low_ns);
    return count + (uint64_t) (share * (double) sum->counts[last]);
}
