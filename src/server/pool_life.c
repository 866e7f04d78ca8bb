/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the pool of a transport, and ends it. */
#include "src/server/pool_life.h"

#include "src/base/host.h"
#include "src/error/error.h"
#include "src/server/abandon.h"
#include "src/server/accept.h"
#include "src/server/cancel_find.h"
#include "src/server/drain.h"
#include "src/server/inspect.h"
#include "src/server/queue.h"
#include "src/server/server_table.h"
#include "src/server/worker_run.h"

#include <stdlib.h>

#define SESSION_LIMIT 65536
#define PUBLICATION_LIMIT 4096

/* ---- ports and workers ---- */

static void
close_ports (godwit__pool_t *pool)
{
    for (size_t i = 0; i < pool->port_count; i++) {
        godwit__port_t *const port = &pool->ports[i];
        if (pool->external) {
            port->channel->ops->detach (port->channel);
            godwit__reactor_unpost (pool->transport->control, &port->again);
        }
        godwit__batch_close (&port->batch);
        port->channel->ops->close (port->channel);
        godwit__reply_batch_release (&port->reply_batch);
        port->channel = NULL;
        godwit__sessions_clear (&port->sessions);
        godwit__sessions_clear (&port->connections);
        godwit__sessions_clear (&port->publications);
        godwit__drain_release (port);
    }
}

_Static_assert(GODWIT__METRIC_LEADERS >= GODWIT__DRIVER_MAX, "the leader of each port has a tally");

static godwit_status_t
open_ports (godwit__pool_t *pool, godwit_error_t **error)
{
    godwit_transport_t *const transport = pool->transport;
    godwit_status_t status = GODWIT_OK;
    for (size_t i = 0; !status && i < transport->driver_count; i++) {
        godwit__port_t *const port = &pool->ports[i];
        port->pool = pool;
        port->driver = transport->drivers[i];
        port->index = (unsigned) i;
        port->has_realm = transport->realm != NULL;
        port->counters = &transport->counters.ports[i];
        status = port->driver->ops->open_port (port->driver, NULL, &port->channel, &port->addresses, error);
        if (status)
            break;
        pool->port_count++;
        atomic_init (&port->has_tasks, false);
        godwit__list_init (&port->drains);
        godwit__reply_batch_init (&port->reply_batch, port->channel, transport);
        godwit__session_secret_init (&port->secret);
        godwit__sessions_init (&port->sessions, SESSION_LIMIT);
        godwit__sessions_init (&port->connections, SESSION_LIMIT);
        godwit__sessions_init (&port->publications, PUBLICATION_LIMIT);
        if (pool->external)
            status = godwit__port_watch (port, error);
    }
    return status;
}

/* A leader for each port. */
static godwit_status_t
start_workers (godwit__pool_t *pool, godwit_error_t **error)
{
    for (size_t i = 0; i < pool->port_count; i++) {
        godwit__pool_lock (pool);
        pool->worker_count++;
        godwit__pool_unlock (pool);
        if (!godwit__pool_spawn_worker (pool))
            return godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot start a worker thread");
    }
    return GODWIT_OK;
}

static void
run_ready (godwit__task_t *task)
{
    godwit__pool_t *const pool = task->user;
    for (;;) {
        godwit__pool_lock (pool);
        godwit_request_t *const request = godwit__queue_take_ready (pool);
        godwit__pool_unlock (pool);
        if (!request)
            return;
        godwit__worker_run (NULL, NULL, request, NULL);
    }
}

/* ---- the pool ---- */

godwit_status_t
godwit__pool_new (godwit__pool_t **pool_p, godwit_transport_t *transport, godwit_error_t **error)
{
    godwit__pool_t *pool = calloc (1, sizeof *pool);
    if (!pool)
        return godwit__error_no_memory (error);
    pool->alive = godwit__fork_guard_new ();
    if (!pool->alive) {
        free (pool);
        return godwit__error_no_memory (error);
    }
    pool->transport = transport;
    pool->clock = transport->clock;
    pool->box = godwit__box_ref (transport->box);
    godwit__trace_source_split (&pool->traces, &transport->traces);
    pool->limits = godwit__default_limits;
    pool->limits.size = transport->options.max_message_size;
    pool->max_queue_size = transport->options.max_queue_size;
    pool->external = transport->options.external_loop;
    pool->refs = 1;
    godwit__server_table_init (&pool->servers);
    godwit__list_init (&pool->ready);
    godwit__list_init (&pool->idle);
    godwit__list_init (&pool->ended);
    godwit__list_init (&pool->workers);
    /* A loop of the program's runs handlers inside of handlers that wait. */
    pool->worker_limit = pool->external ? SIZE_MAX : (size_t) transport->options.worker_limit;
    pool->worker_main = godwit__worker_main;
    pool->ready_task.run = run_ready;
    pool->ready_task.user = pool;
    pthread_mutex_init (&pool->lock, NULL);
    godwit__guests_init (&pool->guests, &pool->clock);
    godwit__watchdog_init (pool);
    godwit__respawn_init (pool);
    pool->inspection.handler_limit_ns = transport->options.handler_log_after_ms < 0
                                            ? GODWIT__NEVER
                                            : transport->options.handler_log_after_ms * GODWIT__NS_PER_MS;
    godwit__inspect_begin (pool);
    godwit__call_monitor_init (pool);
    godwit__cancels_init (pool);

    godwit_status_t status = open_ports (pool, error);
    if (!status && !pool->external)
        status = start_workers (pool, error);
    if (status) {
        godwit__pool_stop (pool);
        godwit__pool_destroy (&pool);
        return status;
    }
    *pool_p = pool;
    return GODWIT_OK;
}

void
godwit__pool_interrupt (godwit__pool_t *pool)
{
    godwit__pool_lock (pool);
    pool->interrupted = true;
    godwit__pool_changed (pool);
    godwit__pool_unlock (pool);
}

/* With the lock: requests that are still kept cannot be replied to any more. */
static void
cancel_kept (godwit__pool_t *pool)
{
    const godwit_server_t *server;
    for (server = godwit__server_table_first (&pool->servers); server;
         server = godwit__server_table_next (&pool->servers, server))
        godwit__cancel_kept (server);
}

/* With the lock: how many threads there are that are waited for, of workers and of others. */
static size_t
threads_left (godwit__pool_t *pool)
{
    /* The worker of a handler that was abandoned is counted, too, until it ends. */
    size_t left =
        pool->worker_count - (pool->worker_count < pool->abandoned ? pool->worker_count : pool->abandoned);
    left += pool->active - pool->abandoned + pool->users;
    for (godwit_server_t *server = godwit__server_table_first (&pool->servers); server;
         server = godwit__server_table_next (&pool->servers, server))
        left += godwit__abandoned_sends (server);
    return left;
}

/* With the lock, which is released meanwhile. */
static void
wait_for_threads (godwit__pool_t *pool)
{
    const int64_t until_ns = godwit__pool_end_ns (pool);
    while (threads_left (pool) > 0) {
        int64_t left_ns = GODWIT__NEVER;
        if (until_ns != GODWIT__NEVER)
            left_ns = until_ns - godwit__clock_now (&pool->clock);
        if (left_ns <= 0) {
            godwit__abandon_running (pool, NULL, "The end of the transport");
            left_ns = GODWIT__ABANDON_AGAIN_NS;
        }
        if (threads_left (pool) > 0)
            godwit__pool_wait_threads (pool, left_ns);
    }
}

void
godwit__pool_stop (godwit__pool_t *pool)
{
    godwit__pool_lock (pool);
    pool->stopping = true;
    godwit__pool_stop_workers (pool);
    godwit__pool_changed (pool);
    godwit__pool_unlock (pool);
    godwit__pool_refuse_queued (pool);

    godwit__pool_lock (pool);
    wait_for_threads (pool);
    cancel_kept (pool);
    if (pool->abandoned)
        godwit__abandon_pool (pool);
    pool->closed = true;
    godwit__pool_unlock (pool);
    godwit__pool_join_workers (pool);
}

void
godwit__pool_destroy (godwit__pool_t **pool_p)
{
    godwit__pool_t *const pool = *pool_p;
    if (!pool)
        return;
    *pool_p = NULL;
    if (!pool->closed) /* a server started while the transport was being destroyed */
        godwit__pool_stop (pool);
    godwit__watchdog_stop (pool);
    godwit__respawn_stop (pool);
    godwit__inspect_end (pool);
    godwit__call_monitor_stop (pool);
    godwit__cancels_stop (pool);
    godwit__reactor_unpost (pool->transport->control, &pool->ready_task);
    close_ports (pool);
    godwit__pool_lock (pool);
    while (pool->free_requests) {
        godwit_request_t *const request = pool->free_requests;
        pool->free_requests = request->next_free;
        free (request);
    }
    pool->refs--;
    godwit__pool_unlock (pool);
}

size_t
godwit__pool_worker_count (godwit__pool_t *pool)
{
    godwit__pool_lock (pool);
    const size_t count = pool->worker_count;
    godwit__pool_unlock (pool);
    return count;
}
