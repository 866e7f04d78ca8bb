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
godwit__usual_init (godwit__usual_t *usual)
{
    atomic_init (&usual->known_ns, 0);
    atomic_init (&usual->least_ns, 0);
    atomic_init (&usual->runs, 0);
    atomic_init (&usual->refusals, 0);
}

static void
begin_anew (godwit__usual_t *usual)
{
    set (&usual->known_ns, 0);
    atomic_store_explicit (&usual->runs, 0, memory_order_relaxed);
}

static void
learn (godwit__usual_t *usual, int64_t duration_ns)
{
    const unsigned runs = atomic_load_explicit (&usual->runs, memory_order_relaxed) + 1;
    if (runs == 1 || duration_ns < get (&usual->least_ns))
        set (&usual->least_ns, duration_ns);
    atomic_store_explicit (&usual->runs, runs, memory_order_relaxed);
    if (runs >= GODWIT__USUAL_RUNS)
        set (&usual->known_ns, get (&usual->least_ns));
}

static void
adjust (godwit__usual_t *usual, int64_t known_ns, int64_t duration_ns)
{
    const int64_t above = duration_ns - known_ns;
    const int64_t next = above < 0          ? known_ns + above / 2
                         : above < known_ns ? known_ns + above / 8
                                            : known_ns + known_ns / 8;
    if (next < GODWIT__USUAL_LEAST_NS)
        begin_anew (usual);
    else
        set (&usual->known_ns, next);
}

void
godwit__usual_add (godwit__usual_t *usual, int64_t duration_ns)
{
    const int64_t known_ns = get (&usual->known_ns);
    atomic_store_explicit (&usual->refusals, 0, memory_order_relaxed);
    if (known_ns)
        adjust (usual, known_ns, duration_ns);
    else if (duration_ns >= GODWIT__USUAL_LEAST_NS)
        learn (usual, duration_ns);
    else
        begin_anew (usual);
}

bool
godwit__usual_refuses (godwit__usual_t *usual)
{
    if (atomic_fetch_add_explicit (&usual->refusals, 1, memory_order_relaxed) < GODWIT__USUAL_REFUSALS)
        return true;
    atomic_store_explicit (&usual->refusals, 0, memory_order_relaxed);
    return false;
}
