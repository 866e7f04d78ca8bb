/* SPDX-License-Identifier: Apache-2.0 */
/* How long requests run. */
#include "src/server/request_time.h"

/* True if the handler may have seen that nobody waits, and have done less. */
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
