#include "src/server/pool_inside.h"

#include "src/loop/clock.h"
#include "src/server/request.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

/* A method that takes longer on average runs without the lead. */
#define LONG_RUN_NS 100000
/* An idle thread that was not needed for so long ends; one always stays. */
#define IDLE_SECONDS 5

/* ---- who works ---- */

static void
idle_remove (godwit__pool_t *pool, godwit__worker_t *worker)
{
    *(worker->newer ? &worker->newer->older : &pool->idle_newest) = worker->older;
    *(worker->older ? &worker->older->newer : &pool->idle_oldest) = worker->newer;
    pool->idle_count--;
}

static void
wake (godwit__pool_t *pool, godwit__worker_t *worker)
{
    idle_remove (pool, worker);
    worker->woken = true;
    pthread_cond_signal (&worker->wake);
}

void
godwit__pool_wake_worker (godwit__pool_t *pool)
{
    if (pool->stopping)
        return;
    if (pool->external) {
        godwit__reactor_post (pool->transport->control, &pool->ready_task);
    } else if (pool->idle_newest) {
        wake (pool, pool->idle_newest); /* whose stack is still in the cache */
    } else if (pool->worker_count < pool->worker_limit) {
        pool->worker_count++;
        pool->spawn_count++;
    } else if (pool->ready_first) {
        /* Whoever runs a handler will look when it ends; a leader that waits must be told. */
        for (size_t i = 0; i < pool->port_count; i++)
            godwit__port_post_tasks (&pool->ports[i]);
    }
}

void
godwit__workers_stop (godwit__pool_t *pool)
{
    while (pool->idle_newest)
        wake (pool, pool->idle_newest);
    for (size_t i = 0; i < pool->port_count; i++)
        godwit__port_post_tasks (&pool->ports[i]);
}

/* With the lock: waits until there may be work. False: the worker is not needed any more. */
static bool
idle (godwit__worker_t *worker)
{
    godwit__pool_t *const pool = worker->pool;
    worker->woken = false;
    worker->newer = NULL;
    worker->older = pool->idle_newest;
    *(pool->idle_newest ? &pool->idle_newest->newer : &pool->idle_oldest) = worker;
    pool->idle_newest = worker;
    pool->idle_count++;
    while (!worker->woken) {
        struct timespec until;
        clock_gettime (CLOCK_MONOTONIC, &until);
        until.tv_sec += IDLE_SECONDS;
        const int result = pthread_cond_timedwait (&worker->wake, &pool->lock, &until);
        if (result == ETIMEDOUT && !worker->woken && pool->idle_count > 1) {
            idle_remove (pool, worker);
            return false;
        }
    }
    return true;
}

/* ---- running ---- */

static bool
takes_long (const godwit__route_t *route)
{
    const uint_fast32_t average = atomic_load_explicit (&route->average_ns, memory_order_relaxed);
    return route->method->flags & GODWIT_METHOD_SLOW || average == 0 || average > LONG_RUN_NS;
}

/* With the lock: nobody leads on the port now. */
static void
leave_lead (godwit__port_t *port)
{
    port->leader = NULL;
    godwit__pool_wake_worker (port->pool);
}

/* Runs the handler. port: NULL unless the caller leads. False: it does not, or not any more. */
static bool
run_handler (godwit__worker_t *worker, godwit__port_t *port, godwit_request_t *request, int64_t start_ns)
{
    godwit__pool_t *const pool = request->pool;
    godwit__route_t *const route = request->route;
    bool leads = port != NULL;
    if (worker && leads && takes_long (route)) {
        godwit__reply_batch_flush (&port->reply_batch);
        godwit__pool_lock (pool);
        leave_lead (port);
        godwit__pool_unlock (pool);
        leads = false;
    }
    const bool watched = worker && leads;
    if (watched) {
        /* Both orders are total: either the watchdog sees that this worker is busy, or it is seen asleep. */
        atomic_store (&worker->busy_since, start_ns);
        if (atomic_load (&pool->watchdog_sleeps))
            godwit__watchdog_wake (pool);
    }
    request->started_ns = start_ns;
    godwit__request_call (request);
    const int64_t end_ns = godwit__clock_now (&pool->clock);
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
    /* A leader runs what it has just received; what was queued may have grown old. */
    const int64_t start_ns = leads ? request->received_ns : godwit__clock_now (&request->pool->clock);
    const int64_t left_ns = request->deadline_ns - start_ns;
    if (left_ns <= 0)
        godwit__request_refuse (request, GODWIT__NACK_EXPIRED);
    else if (godwit__request_prepare (request, &is_malformed) &&
             (left_ns >= godwit__run_time_estimate_ns (&request->route->run_time) ||
              !godwit__request_refuse_late (request, left_ns)))
        leads = run_handler (worker, port, request, start_ns);
    if (malformed)
        *malformed = is_malformed;
    godwit__request_settle (request, worker && !leads); /* back in its loop, it takes what there is */
    return leads;
}

/* ---- leading ---- */

/* Returns when another worker leads, or shall. */
static void
lead (godwit__worker_t *worker, godwit__port_t *port)
{
    bool leads = true;
    while (leads) {
        if (atomic_load_explicit (&port->has_tasks, memory_order_relaxed) && !godwit__port_run_tasks (port)) {
            godwit__pool_lock (port->pool);
            leave_lead (port);
            godwit__pool_unlock (port->pool);
            return;
        }
        godwit__frame_t frame;
        godwit__origin_t origin = 0;
        if (godwit__port_next (port, &frame, &origin, GODWIT__NEVER) == GODWIT__IO_OK)
            leads = godwit__port_frame (port, worker, &frame, origin);
    }
}

/* With the lock: a port that this worker leads on from now on. */
static godwit__port_t *
take_lead (godwit__pool_t *pool, godwit__worker_t *worker)
{
    for (size_t i = 0; i < pool->port_count; i++) {
        if (!pool->ports[i].leader) {
            pool->ports[i].leader = worker;
            return &pool->ports[i];
        }
    }
    return NULL;
}

static void *
work (void *argument)
{
    godwit__worker_t *const worker = argument;
    godwit__pool_t *const pool = worker->pool;
    GODWIT__COUNT (pool->transport, workers);
    godwit__pool_lock (pool);
    while (!pool->stopping) {
        godwit_request_t *const request = godwit__pool_take_ready (pool);
        godwit__port_t *const port = request ? NULL : take_lead (pool, worker);
        if (!request && !port) {
            if (!idle (worker))
                break;
            continue;
        }
        godwit__pool_unlock (pool);
        if (request)
            godwit__worker_run (worker, NULL, request, NULL);
        else
            lead (worker, port);
        godwit__pool_lock (pool);
    }
    worker->older = pool->ended;
    pool->ended = worker;
    pool->worker_count--;
    atomic_fetch_sub_explicit (&pool->transport->counters.workers, 1, memory_order_relaxed);
    godwit__pool_changed (pool);
    godwit__pool_unlock (pool);
    return NULL;
}

/* ---- threads ---- */

static void
worker_free (godwit__worker_t *worker)
{
    pthread_cond_destroy (&worker->wake);
    free (worker);
}

void
godwit__workers_join (godwit__pool_t *pool)
{
    godwit__pool_lock (pool);
    godwit__worker_t *worker = pool->ended;
    pool->ended = NULL;
    godwit__pool_unlock (pool);
    while (worker) {
        godwit__worker_t *const next = worker->older;
        pthread_join (worker->thread, NULL);
        worker_free (worker);
        worker = next;
    }
}

static godwit__worker_t *
worker_new (godwit__pool_t *pool)
{
    godwit__worker_t *const worker = aligned_alloc (alignof (godwit__worker_t), sizeof *worker);
    if (!worker)
        return NULL;
    atomic_init (&worker->busy_since, 0);
    atomic_init (&worker->run_count, 0);
    worker->pool = pool;
    worker->woken = false;
    worker->newer = NULL;
    worker->older = NULL;
    godwit__cond_init (&worker->wake);
    return worker;
}

bool
godwit__worker_spawn (godwit__pool_t *pool)
{
    godwit__workers_join (pool);
    godwit__worker_t *const worker = worker_new (pool);
    int result = ENOMEM;
    if (worker) {
        /* The program's signals are for the program's threads. */
        sigset_t all, before;
        sigfillset (&all);
        pthread_sigmask (SIG_SETMASK, &all, &before);
        result = pthread_create (&worker->thread, NULL, work, worker);
        pthread_sigmask (SIG_SETMASK, &before, NULL);
        if (result)
            worker_free (worker);
    }
    if (result == 0)
        return true;
    godwit__pool_lock (pool);
    pool->worker_count--;
    godwit__pool_changed (pool);
    godwit__pool_unlock (pool);
    return false;
}
