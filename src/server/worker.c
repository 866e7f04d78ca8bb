/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of a worker's thread: it leads on a port, runs queued requests, or waits. */
#include "src/server/worker.h"

#include "src/base/activity.h"
#include "src/base/thread.h"
#include "src/server/queue.h"
#include "src/server/worker_run.h"

#include <stdio.h>
#include <unistd.h>

/* With the lock: no thread leads on the port from now on. */
static void
leave_lead (godwit__port_t *port)
{
    port->leader = NULL;
    godwit__pool_wake_worker (port->pool);
}

/* Leads on a port. Returns when another worker leads, or has to lead. */
static void
lead (godwit__worker_t *worker, godwit__port_t *port)
{
    bool leads = true;
    while (leads) {
        if (atomic_load_explicit (&port->has_tasks, memory_order_relaxed) && !godwit__port_run_tasks (port)) {
            godwit__reply_batch_flush (&port->reply_batch); /* the next leader may be long in coming */
            godwit__pool_lock (port->pool);
            leave_lead (port);
            godwit__pool_unlock (port->pool);
            return;
        }
        godwit__frame_t frame;
        godwit__routing_id_t routing_id = 0;
        if (godwit__port_next (port, &frame, &routing_id, GODWIT__NEVER) == GODWIT__IO_OK)
            leads = godwit__port_frame (port, worker, &frame, routing_id);
    }
}

/* With the lock: takes the lead on a port, and returns the port. */
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

/* A name has room for three digits. */
static void
set_name (const godwit__worker_t *worker)
{
    char name[16];
    snprintf (name, sizeof name, "godwit-work-%u", worker->number % 1000);
    godwit__thread_set_name (name);
}

void *
godwit__worker_main (void *argument)
{
    godwit__worker_t *const worker = argument;
    godwit__pool_t *const pool = worker->pool;
    set_name (worker);
    worker->id = gettid ();
    worker->used_clock = godwit__thread_clock ();
    GODWIT__COUNT (pool->transport, workers);
    godwit__pool_lock (pool);
    godwit__list_append (&pool->workers, &worker->in_workers);
    while (!pool->stopping) {
        godwit_request_t *const request = godwit__queue_take_ready (pool);
        godwit__port_t *const port = request ? NULL : take_lead (pool, worker);
        if (!request && !port) {
            if (!godwit__pool_wait_for_work (pool, worker))
                break;
            continue;
        }
        if (request && godwit__queue_is_due (pool)) /* who told of several requests woke one worker */
            godwit__pool_wake_worker (pool);
        godwit__pool_unlock (pool);
        if (request)
            godwit__worker_run (worker, NULL, request, NULL);
        else
            lead (worker, port);
        godwit__pool_lock (pool);
    }
    godwit__list_remove (&worker->in_workers);
    const bool stays = pool->stays;
    if (!stays)
        godwit__list_append (&pool->ended, &worker->in_list);
    pool->worker_count--;
    atomic_fetch_sub_explicit (&pool->transport->counters.workers, 1, memory_order_relaxed);
    godwit__pool_changed (pool);
    godwit__pool_unlock (pool);
    if (stays) { /* its handler was abandoned, and has returned all the same */
        pthread_detach (pthread_self ());
        godwit__worker_free (worker);
    }
    return NULL;
}
