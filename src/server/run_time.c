/* SPDX-License-Identifier: Apache-2.0 */
#include "src/server/run_time.h"

static int64_t
get (const _Atomic (int64_t) *number)
{
    return atomic_load_explicit (number, memory_order_relaxed);
}

static void
set (_Atomic (int64_t) *number, int64_t value)
{
    atomic_store_explicit (number, value, memory_order_relaxed);
}

void
godwit__run_time_init (godwit__run_time_t *run_time)
{
    atomic_init (&run_time->known_ns, 0);
    atomic_init (&run_time->least_ns, 0);
    atomic_init (&run_time->runs, 0);
    atomic_init (&run_time->refusals, 0);
}

static void
begin_anew (godwit__run_time_t *run_time)
{
    set (&run_time->known_ns, 0);
    atomic_store_explicit (&run_time->runs, 0, memory_order_relaxed);
}

static void
learn (godwit__run_time_t *run_time, int64_t duration_ns)
{
    const unsigned runs = atomic_load_explicit (&run_time->runs, memory_order_relaxed) + 1;
    if (runs == 1 || duration_ns < get (&run_time->least_ns))
        set (&run_time->least_ns, duration_ns);
    atomic_store_explicit (&run_time->runs, runs, memory_order_relaxed);
    if (runs >= GODWIT__RUN_TIME_RUNS)
        set (&run_time->known_ns, get (&run_time->least_ns));
}

static void
adjust (godwit__run_time_t *run_time, int64_t known_ns, int64_t duration_ns)
{
    const int64_t above = duration_ns - known_ns;
    const int64_t next = above < 0          ? known_ns + above / 2
                         : above < known_ns ? known_ns + above / 8
                                            : known_ns + known_ns / 8;
    if (next < GODWIT__RUN_TIME_LEAST_NS)
        begin_anew (run_time);
    else
        set (&run_time->known_ns, next);
}

void
godwit__run_time_add (godwit__run_time_t *run_time, int64_t duration_ns)
{
    const int64_t known_ns = get (&run_time->known_ns);
    atomic_store_explicit (&run_time->refusals, 0, memory_order_relaxed);
    if (known_ns)
        adjust (run_time, known_ns, duration_ns);
    else if (duration_ns >= GODWIT__RUN_TIME_LEAST_NS)
        learn (run_time, duration_ns);
    else
        begin_anew (run_time);
}

bool
godwit__run_time_refuses (godwit__run_time_t *run_time)
{
    if (atomic_fetch_add_explicit (&run_time->refusals, 1, memory_order_relaxed) < GODWIT__RUN_TIME_REFUSALS)
        return true;
    atomic_store_explicit (&run_time->refusals, 0, memory_order_relaxed);
    return false;
}
