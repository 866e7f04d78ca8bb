/* SPDX-License-Identifier: Apache-2.0 */
/* Running a request that was accepted, with the lead or without. */
#include "src/server/worker_run.h"

#include "src/server/inspect.h"
#include "src/server/reply.h"
#include "src/server/request_call.h"
#include "src/server/request_end.h"
#include "src/server/request_record.h"
#include "src/server/request_rights.h"
#include "src/server/request_serialized.h"
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

/* ---- one look at the clock for several runs ---- */

/* A look at the clock costs a tenth of a short publication. So publications of one batch to the same short
 * method share one: the run that looks counts the time of those before it. */
#define SHARE_RUNS 8
#define SHARE_RUN_NS 5000

/* Another method came first. */
static __attribute__ ((noinline)) void
count_unmeasured (godwit__port_t *port)
{
    if (port->unmeasured)
        godwit__tally_timed (port->unmeasured_tally, port->unmeasured_ns, port->unmeasured);
}

/* Whether the publication that is about to run is measured with a later one. If not, *runs is how many it
 * measures. tally: where it counts. The leader. */
static bool
is_measured_later (godwit__port_t *port, const godwit__route_t *route, godwit__tally_t *tally, unsigned *runs)
{
    const uint_fast32_t average = atomic_load_explicit (&route->average_ns, memory_order_relaxed);
    const bool goes_on = port->unmeasured && port->unmeasured_tally == tally;
    *runs = goes_on ? port->unmeasured + 1 : 1;
    if (*runs < SHARE_RUNS && average > 0 && average < SHARE_RUN_NS && (goes_on || !port->unmeasured) &&
        godwit__batch_has_more (&port->batch)) {
        port->unmeasured_ns = (int64_t) average;
        return true;
    }
    if (!goes_on)
        count_unmeasured (port);
    port->unmeasured = 0;
    return false;
}

/* ---- running ---- */

static bool
takes_long (const godwit__route_t *route)
{
    const uint_fast32_t average = atomic_load_explicit (&route->average_ns, memory_order_relaxed);
    return route->method.flags & GODWIT_METHOD_SLOW || average == 0 || average > LONG_RUN_NS;
}

static void
count_times (const godwit_request_t *request, godwit__tally_t *tally, int64_t each_ns, unsigned runs)
{
    if (tally)
        godwit__tally_timed (tally, each_ns, runs);
    else
        godwit__metric_timed (request->metric, each_ns, runs);
}

/* By the leader, after its time was counted, unless it is measured with a later one. */
static void
count_over (const godwit_request_t *request, godwit__tally_t *tally, int64_t duration_ns)
{
    if (request->failure)
        godwit__metric_failed (request->metric, request->failure);
    godwit__tally_ended (tally, duration_ns);
}

/* duration_ns: of this run and those before it that were not measured, `runs` in all. tally: the leader's, if
 * this thread leads; or NULL. A request that was kept runs until it is given back. */
static void
count_run (godwit_request_t *request, godwit__tally_t *tally, int64_t duration_ns, unsigned runs)
{
    const int64_t each_ns = runs > 1 ? duration_ns / runs : duration_ns;
    godwit__route_measured (request->route, each_ns);
    const unsigned over = request->kept ? runs - 1 : runs;
    if (over)
        count_times (request, tally, each_ns, over);
    if (request->kept)
        return;
    godwit__request_timed (request, each_ns);
    if (tally)
        count_over (request, tally, duration_ns);
    else
        godwit__metric_over (request->metric, duration_ns, request->failure);
}

/* Another worker leads from now on. */
static void
give_lead_away (godwit__port_t *port)
{
    godwit__pool_t *const pool = port->pool;
    godwit__reply_batch_flush (&port->reply_batch);
    godwit__pool_lock (pool);
    port->leader = NULL;
    godwit__pool_wake_worker (pool);
    godwit__pool_unlock (pool);
}

/* From now on the watchdog may take the lead away. */
static void
begin_watched (godwit__worker_t *worker, int64_t start_ns)
{
    /* Both are sequentially consistent: either the watchdog sees that this worker is busy, or this worker
     * sees that it sleeps. */
    atomic_store (&worker->busy_since, start_ns);
    if (atomic_load (&worker->pool->watchdog.sleeps))
        godwit__watchdog_wake (worker->pool);
}

/* False: the watchdog has taken the lead away. */
static bool
end_watched (godwit__worker_t *worker)
{
    const bool leads = atomic_exchange (&worker->busy_since, 0) != GODWIT__LEAD_STOLEN;
    atomic_store_explicit (&worker->run_count,
                           atomic_load_explicit (&worker->run_count, memory_order_relaxed) + 1,
                           memory_order_relaxed);
    return leads;
}

/* Runs the handler. port: NULL unless the caller leads. False: the caller does not lead, or not any more. */
static bool
run_handler (godwit__worker_t *worker, godwit__port_t *port, godwit_request_t *request, int64_t start_ns)
{
    godwit__metric_t *const metric = godwit__request_set_metric (request);
    godwit__route_t *const route = request->route;
    bool leads = port != NULL;
    if (worker && leads && takes_long (route)) {
        give_lead_away (port);
        leads = false;
    }
    const bool watched = worker && leads;
    godwit__tally_t *const tally = leads ? &metric->leaders[port->index] : NULL;
    unsigned runs = 1;
    const bool shares = watched && request->is_fanout && is_measured_later (port, route, tally, &runs);
    request->started_ns = start_ns;
    if (!shares)
        godwit__request_record_began (request);
    if (tally)
        godwit__tally_started (tally);
    else
        godwit__metric_started (metric);
    if (watched)
        begin_watched (worker, start_ns);
    if (worker)
        atomic_store_explicit (&worker->runs, request, memory_order_release);
    godwit__request_call (request);
    if (worker)
        atomic_store_explicit (&worker->runs, NULL, memory_order_relaxed);
    if (watched)
        leads = end_watched (worker);
    if (shares && !leads)
        runs = 1; /* it was long, and is measured; those before it, with the next leader's */
    if (shares && leads) {
        port->unmeasured = request->kept ? runs - 1 : runs;
        port->unmeasured_tally = tally;
        if (!request->kept)
            count_over (request, tally, 0);
        port->now_ns = start_ns;
        return true;
    }
    const int64_t end_ns = godwit__clock_now (&request->pool->clock);
    if (!worker)
        godwit__inspect_ran (request, end_ns - start_ns);
    count_run (request, leads ? tally : NULL, end_ns - start_ns, runs);
    if (!request->kept)
        godwit__request_record_ended (request, end_ns);
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
    else if ((port || godwit__request_sender_stays (request)) &&
             godwit__request_prepare (request, &is_malformed) &&
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
