/* Requests that have less time left than their method usually takes (src/server/run_time.h). */
#include "src/server/request.h"

#include <stdio.h>

static long long
ms_of (int64_t ns)
{
    return (long long) ((ns + GODWIT__NS_PER_MS / 2) / GODWIT__NS_PER_MS);
}

bool
godwit__request_refuse_late (godwit_request_t *request, int64_t left_ns)
{
    godwit__route_t *const route = request->route;
    const int64_t estimate_ns = godwit__run_time_estimate_ns (&route->run_time);
    char text[128];
    if (route->method->flags & GODWIT_METHOD_RUNS_LATE || !godwit__run_time_refuses (&route->run_time))
        return false;
    snprintf (text, sizeof text, "%lld ms are left, and the method usually takes %lld ms", ms_of (left_ns),
              ms_of (estimate_ns));
    godwit__request_refuse_saying (request, GODWIT__NACK_EXPIRED, text);
    return true;
}

/* Its handler may have seen that nobody waits, and done less. */
static bool
is_cut_short (const godwit_request_t *request)
{
    return atomic_load_explicit (&request->cancel.is_marked, memory_order_relaxed) &&
           atomic_load_explicit (&request->cancel.is_watched, memory_order_relaxed);
}

void
godwit__request_timed_slow (godwit_request_t *request, int64_t duration_ns)
{
    if (!request->failed && !is_cut_short (request))
        godwit__run_time_add (&request->route->run_time, duration_ns);
}
