/* SPDX-License-Identifier: Apache-2.0 */
/* Running a request that was accepted, with the lead or without. */
#include "src/server/worker_run.h"

#include "src/server/inspect.h"
#include "src/server/reply.h"
#include "src/server/request_call.h"
#include "src/server/request_end.h"
#include "src/server/request_time.h"

#include <stdio.h>

/* A method that takes longer on average runs without the lead. */
#define LONG_RUN_NS 100000

/* ---- too late ---- */

static long long
ms_of (int64_t ns)
{
    return (long long) ((ns + GODWIT__NS_PER_MS / 2) / GODWIT__NS_PER_MS);
}

/* Refuses a request with less time left than the method usually takes, and tells why. False: run the
 * request. */
static bool
refuse_late (godwit_request_t *request, int64_t left_ns)
{
    godwit__route_t *const route = request->route;
    const int64_t estimate_ns = godwit__run_time_estimate_ns (&route->run_time);
    char text[GODWIT__REFUSAL_TEXT];
    if (route->method.flags & GODWIT_METHOD_RUNS_LATE || !godwit__run_time_refuses (&route->run_time))
        return false;
    snprintf (text, sizeof text, "%lld ms are left, and the method usually takes %lld ms", ms_of (left_ns),
              ms_of (estimate_ns));
    godwit__request_refuse_saying (request, GODWIT__NACK_EXPIRED, text);
    return true;
}

/* ---- running ---- */

static bool
takes_long (const godwit__route_t *route)
{
    const uint_fast32_t average = atomic_load_explicit (&route->average_ns, memory_order_relaxed);
    return route->method.flags & GODWIT_METHOD_SLOW || average == 0 || average > LONG_RUN_NS;
}

/* Runs the handler. port: NULL unless the caller leads. False: the caller does not lead, or not any more. */
static bool
run_handler (godwit__worker_t *worker, godwit__port_t *port, godwit_request_t *request, int64_t start_ns)
{
    godwit__pool_t *const pool = request->pool;
    godwit__route_t *const route = request->route;
    bool leads = port != NULL;
    if (worker && leads && takes_long (route)) {
        godwit__reply_batch_flush (&port->reply_batch);
        godwit__pool_lock (pool);
        port->leader = NULL;
        godwit__pool_wake_worker (pool);
        godwit__pool_unlock (pool);
        leads = false;
    }
    const bool watched = worker && leads;
    if (watched) {
        /* Both are sequentially consistent: either the watchdog sees that this worker is busy, or this worker
         * sees that it sleeps. */
        atomic_store (&worker->busy_since, start_ns);
        if (atomic_load (&pool->watchdog.sleeps))
            godwit__watchdog_wake (pool);
    }
    request->started_ns = start_ns;
    if (worker)
        atomic_store_explicit (&worker->runs, request, memory_order_release);
    godwit__request_call (request);
    const int64_t end_ns = godwit__clock_now (&pool->clock);
    if (worker)
        atomic_store_explicit (&worker->runs, NULL, memory_order_relaxed);
    else
        godwit__inspect_ran (request, end_ns - start_ns);
    godwit__route_measured (route, end_ns - start_ns);
    if (!request->kept)
        godwit__request_timed (request, end_ns - start_ns);
    godwit__request_ran (request, start_ns, end_ns);
    if (watched) {
        leads = atomic_exchange (&worker->busy_since, 0) != GODWIT__LEAD_STOLEN;
        atomic_store_explicit (&worker->run_count,
                               atomic_load_explicit (&worker->run_count, memory_order_relaxed) + 1,
                               memory_order_relaxed);
    }
    if (leads)
        port->now_ns = end_ns;
    return leads;
}

bool
godwit__worker_run (godwit__worker_t *worker, godwit__port_t *port, godwit_request_t *request,
                    bool *malformed)
{
    bool leads = port != NULL;
    bool is_malformed = false;
    /* A leader runs what it has just received; a queued request may have waited long. */
    const int64_t start_ns = leads ? request->received_ns : godwit__clock_now (&request->pool->clock);
    const int64_t left_ns = request->deadline_ns - start_ns;
    if (left_ns <= 0)
        godwit__request_refuse (request, GODWIT__NACK_EXPIRED);
    else if (godwit__request_prepare (request, &is_malformed) &&
             (left_ns >= godwit__run_time_estimate_ns (&request->route->run_time) ||
              !refuse_late (request, left_ns)))
        leads = run_handler (worker, port, request, start_ns);
    if (malformed)
        *malformed = is_malformed;
    if (worker && leads && port->batch.batch && !request->kept)
        godwit__request_settle_later (port, request);
    else
        godwit__request_settle (request, worker && !leads); /* a worker's loop looks for work */
    return leads;
}
