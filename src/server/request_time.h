/* SPDX-License-Identifier: Apache-2.0 */
/* How long requests run: for the run time estimate of their method (src/server/run_time.h) and its counters.
 */
#ifndef GODWIT_SRC_SERVER_REQUEST_TIME_H
#define GODWIT_SRC_SERVER_REQUEST_TIME_H

#include "src/server/request.h"

/* The request took so long: until its handler returned or, if it was kept, until its reply. */
void godwit__request_timed_slow (godwit_request_t *request, int64_t duration_ns);
static inline void
godwit__request_timed (godwit_request_t *request, int64_t duration_ns)
{
    if (godwit__run_time_concerns (&request->route->run_time, duration_ns))
        godwit__request_timed_slow (request, duration_ns);
}
#endif
