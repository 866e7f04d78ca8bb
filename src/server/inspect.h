/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at the pool from time to time, for the log: handlers that run for longer than handler_log_after_ms,
 * servers that refuse requests because their queue is full, and work for which there is no thread.
 *
 * Nothing of this is on the path of a call but a store before a handler and one after it. A handler that runs
 * on a thread of its own is seen while it runs; one that runs in the program's loop, or inline on the thread
 * of its caller, when it has returned.
 */
#ifndef GODWIT_SRC_SERVER_INSPECT_H
#define GODWIT_SRC_SERVER_INSPECT_H

#include "src/server/request.h"

/* Control thread. */
void godwit__inspect_begin (godwit__pool_t *pool);
void godwit__inspect_end (godwit__pool_t *pool);

/* A handler that no worker ran has returned after too long a time. */
void godwit__inspect_ran_long (const godwit_request_t *request, int64_t duration_ns);
static inline void
godwit__inspect_ran (const godwit_request_t *request, int64_t duration_ns)
{
    if (duration_ns >= request->pool->inspection.handler_limit_ns && !request->kept)
        godwit__inspect_ran_long (request, duration_ns);
}

#endif
