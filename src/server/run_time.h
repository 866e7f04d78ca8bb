/* SPDX-License-Identifier: Apache-2.0 */
/* The run time estimate of a method: requests that cannot be done in time are refused before they run.
 *
 * The estimate is a low one, so that what could be done in time is not refused:
 *  - It counts after eight runs in a row that took a millisecond or more, and begins with the shortest of
 *    them: a run that was held up (a page fault, a suspended thread) does not show.
 *  - A shorter run lowers it by half of the difference. A longer run raises it by an eighth of the
 *    difference, and by at most an eighth of itself. If a fifth of the runs are short, it stays near those.
 *  - Runs that failed, or that were cut short because nobody waited any more, do not count.
 *
 * And it is not trusted for ever: after eight refusals in a row one request is run all the same, and
 * measured. All atomics are relaxed: concurrent runs may lose one, which does not matter.
 */
#ifndef GODWIT_SRC_SERVER_RUN_TIME_H
#define GODWIT_SRC_SERVER_RUN_TIME_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define GODWIT__RUN_TIME_LEAST_NS INT64_C (1000000)
#define GODWIT__RUN_TIME_RUNS 8
#define GODWIT__RUN_TIME_REFUSALS 8

typedef struct godwit__run_time {
    _Atomic (int64_t) known_ns; /* 0: not known, or too short to matter */
    _Atomic (int64_t) least_ns; /* shortest of the long runs in a row, while it is not known */
    atomic_uint runs;           /* of them */
    atomic_uint refusals;       /* in a row */
} godwit__run_time_t;

void godwit__run_time_init (godwit__run_time_t *run_time);
/* A run that succeeded took so long: the estimate may change. */
void godwit__run_time_add (godwit__run_time_t *run_time, int64_t duration_ns);
/* To be asked when less time is left than the estimate. False: the request is to be run all the same. */
bool godwit__run_time_refuses (godwit__run_time_t *run_time);

/* False for nearly all runs of short methods: the estimate does not change by it. */
static inline bool
godwit__run_time_concerns (const godwit__run_time_t *run_time, int64_t duration_ns)
{
    return duration_ns >= GODWIT__RUN_TIME_LEAST_NS ||
           atomic_load_explicit (&run_time->known_ns, memory_order_relaxed) ||
           atomic_load_explicit (&run_time->runs, memory_order_relaxed);
}

static inline int64_t
godwit__run_time_estimate_ns (const godwit__run_time_t *run_time)
{
    return atomic_load_explicit (&run_time->known_ns, memory_order_relaxed);
}

#endif
