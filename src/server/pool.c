#include "src/server/pool_inside.h"

#include "src/base/host.h"
#include "src/error/error.h"
#include "src/loop/clock.h"
#include "src/runtime/wait.h"
#include "src/server/request.h"
#include "src/server/server.h"

#include <stdlib.h>
#include <string.h>

/* Requests that are kept for later use, of a bit over 1 KiB each. */
#define FREE_LIMIT 256
#define SESSION_LIMIT 65536
#define PUBLICATION_LIMIT 4096

/* ---- the lock ---- */

static void
pool_free (godwit__pool_t *pool)
{
    godwit__cancels_release (pool);
    godwit__call_monitor_release (pool);
    pthread_cond_destroy (&pool->changed);
    pthread_mutex_destroy (&pool->lock);
    godwit__fork_guard_free (pool->alive);
    godwit__server_table_release (&pool->servers);
    free (pool);
}

void
godwit__pool_unlock (godwit__pool_t *pool)
{
    size_t spawn_count = pool->spawn_count;
    const bool is_over = pool->refs == 0;
    pool->spawn_count = 0;
    pthread_mutex_unlock (&pool->lock);
    if (is_over) {
        pool_free (pool);
        return;
    }
    for (; spawn_count; spawn_count--)
        godwit__worker_spawn (pool);
}

void
godwit__pool_wait (godwit__pool_t *pool, int64_t timeout_ns)
{
    pool->waiting++;
    /* With an external loop there are no threads to be started when the lock is released. */
    godwit__wait (pool->transport, &pool->changed, &pool->lock, timeout_ns);
    pool->waiting--;
}

void
godwit__pool_wait_threads (godwit__pool_t *pool, int64_t timeout_ns)
{
    pool->waiting++;
    godwit__cond_wait (&pool->changed, &pool->lock, timeout_ns);
    pool->waiting--;
}

/* ---- life ---- */

static void
close_ports (godwit__pool_t *pool)
{
    for (size_t i = 0; i < pool->port_count; i++) {
        godwit__port_t *const port = &pool->ports[i];
        if (pool->external) {
            godwit__reactor_unwatch (pool->transport->control, &port->source);
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

static godwit_status_t
open_ports (godwit__pool_t *pool, godwit_error_t **error)
{
    godwit_transport_t *const transport = pool->transport;
    godwit_status_t status = GODWIT_OK;
    for (size_t i = 0; !status && i < transport->driver_count; i++) {
        godwit__port_t *const port = &pool->ports[i];
        port->pool = pool;
        port->driver = transport->drivers[i];
        status = port->driver->ops->open_port (port->driver, NULL, &port->channel, &port->addresses, error);
        if (status)
            break;
        pool->port_count++;
        atomic_init (&port->has_tasks, false);
        godwit__reply_batch_init (&port->reply_batch, port->channel, transport);
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
        if (!godwit__worker_spawn (pool))
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
        godwit_request_t *const request = godwit__pool_take_ready (pool);
        godwit__pool_unlock (pool);
        if (!request)
            return;
        godwit__worker_run (NULL, NULL, request, NULL);
    }
}

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
    pool->limits = godwit__default_limits;
    pool->limits.size = transport->options.max_message_size;
    pool->max_queue_size = transport->options.max_queue_size;
    pool->external = transport->options.external_loop;
    pool->refs = 1;
    pool->worker_limit = (size_t) transport->options.worker_limit;
    if (pool->worker_limit < transport->driver_count)
        pool->worker_limit = transport->driver_count;
    pool->ready_task.run = run_ready;
    pool->ready_task.user = pool;
    pthread_mutex_init (&pool->lock, NULL);
    godwit__cond_init (&pool->changed);
    godwit__watchdog_init (pool);
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

/* With the lock: all that is queued. */
static godwit_request_t *
empty_queues (godwit__pool_t *pool)
{
    godwit_request_t *all = NULL;
    godwit_server_t *server;
    for (size_t i = 0; (server = godwit__server_table_next (&pool->servers, &i));) {
        godwit_request_t *const requests = godwit__server_empty_queue (server);
        godwit_request_t *last = requests;
        while (last && last->next)
            last = last->next;
        if (last) {
            last->next = all;
            all = requests;
        }
    }
    return all;
}

void
godwit__pool_refuse_queued (godwit__pool_t *pool)
{
    godwit__pool_lock (pool);
    godwit_request_t *const refused = empty_queues (pool);
    godwit__pool_unlock (pool);
    godwit__server_refuse (refused);
}

void
godwit__pool_interrupt (godwit__pool_t *pool)
{
    godwit__pool_lock (pool);
    pool->interrupted = true;
    godwit__pool_changed (pool);
    godwit__pool_unlock (pool);
}

/* With the lock: what is still kept has nobody to be replied to any more. */
static void
cancel_kept (godwit__pool_t *pool)
{
    const godwit_server_t *server;
    for (size_t i = 0; (server = godwit__server_table_next (&pool->servers, &i));)
        godwit__cancel_kept (server);
}

void
godwit__pool_stop (godwit__pool_t *pool)
{
    godwit__pool_lock (pool);
    pool->stopping = true;
    godwit__workers_stop (pool);
    godwit__pool_changed (pool);
    godwit__pool_unlock (pool);
    godwit__pool_refuse_queued (pool);

    godwit__pool_lock (pool);
    while (pool->worker_count || pool->active || pool->senders)
        godwit__pool_wait_threads (pool, GODWIT__NEVER);
    cancel_kept (pool);
    pool->closed = true;
    godwit__pool_unlock (pool);
    godwit__workers_join (pool);
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
    godwit__call_monitor_stop (pool);
    godwit__cancels_stop (pool);
    godwit__reactor_unpost (pool->transport->control, &pool->ready_task);
    close_ports (pool);
    godwit__pool_lock (pool);
    while (pool->free_requests) {
        godwit_request_t *const request = pool->free_requests;
        pool->free_requests = request->next;
        godwit__request_free (request);
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

/* ---- requests ---- */

void
godwit__pool_recycle (godwit__pool_t *pool, godwit_request_t *request)
{
    pool->refs--;
    if (pool->closed || pool->free_count >= FREE_LIMIT) {
        godwit__request_free (request);
        return;
    }
    request->next = pool->free_requests;
    pool->free_requests = request;
    pool->free_count++;
}

/* With the lock: an unused request, or NULL. */
static godwit_request_t *
take_free (godwit__pool_t *pool)
{
    godwit_request_t *const request = pool->free_requests;
    if (request) {
        pool->free_requests = request->next;
        pool->free_count--;
    }
    return request;
}

/* With the lock: why the server does not take a request, or 0. */
static uint32_t
refusal_of (const godwit__pool_t *pool, const godwit_server_t *server)
{
    if (!server)
        return GODWIT__NACK_NOT_HERE;
    if (!server->accepts || pool->leaving || pool->stopping)
        return GODWIT__NACK_DRAINING;
    if (server->occupied >= server->concurrency &&
        (server->queued >= server->queue_limit || server->queued_size >= pool->max_queue_size))
        return GODWIT__NACK_OVERLOADED;
    return 0;
}

static godwit_server_t *
server_of (const godwit__pool_t *pool, uint32_t id)
{
    return godwit__server_table_find (&pool->servers, id);
}

static bool
has_room (const godwit_server_t *server)
{
    return server->occupied < server->concurrency && !server->queued;
}

static void
enqueue (godwit_server_t *server, godwit_request_t *request)
{
    *(server->queue_last ? &server->queue_last->next : &server->queue_first) = request;
    server->queue_last = request;
    server->queued++;
    server->queued_size += request->frame.size;
}

/* With the lock: the request's handler is about to run. */
static void
activate (godwit__pool_t *pool, godwit_server_t *server, godwit_request_t *request)
{
    request->running_previous = NULL;
    request->running_next = server->running;
    if (server->running)
        server->running->running_previous = request;
    server->running = request;
    server->occupied++;
    server->active++;
    pool->active++;
}

godwit_request_t *
godwit__pool_accept (godwit__pool_t *pool, godwit__port_t *port, godwit__origin_t origin,
                     const godwit__header_t *header, godwit__frame_t *frame, size_t body_offset,
                     int64_t now_ns, bool may_run, godwit__refusal_t *refused)
{
    godwit_request_t *request = NULL;
    godwit_server_t *server;
    for (;;) {
        godwit__pool_lock (pool);
        server = server_of (pool, header->target);
        refused->reason = refusal_of (pool, server);
        refused->revision = server ? server->revision : 0;
        if (!request)
            request = take_free (pool);
        if (refused->reason || request)
            break;
        godwit__pool_unlock (pool);
        request = godwit__request_new (pool);
        if (!request) {
            refused->reason = GODWIT__NACK_OVERLOADED;
            return NULL;
        }
    }
    if (request)
        pool->refs++;
    if (refused->reason || !server || !request) {
        if (request)
            godwit__pool_recycle (pool, request);
        godwit__pool_unlock (pool);
        return NULL;
    }
    request->server = server;
    const bool runs = may_run && has_room (server);
    /* Whoever is cancelled may look at it as soon as the lock is released. */
    godwit__request_begin (request, port, origin, header, now_ns);
    if (runs) {
        activate (pool, server, request);
        godwit__pool_unlock (pool);
    }
    godwit__frame_move (&request->frame, frame);
    request->body_offset = body_offset;
    if (header->aux && !request->is_cast)
        godwit__call_monitor_add (request, header->aux, now_ns);
    if (runs)
        return request;
    enqueue (server, request);
    if (godwit__pool_check_ready (pool, server))
        godwit__pool_wake_worker (pool);
    godwit__pool_unlock (pool);
    return NULL;
}

bool
godwit__pool_check_ready (godwit__pool_t *pool, godwit_server_t *server)
{
    if (server->is_ready || !server->queued || server->occupied >= server->concurrency)
        return false;
    server->is_ready = true;
    server->ready_next = NULL;
    *(pool->ready_last ? &pool->ready_last->ready_next : &pool->ready_first) = server;
    pool->ready_last = server;
    return true;
}

godwit_request_t *
godwit__pool_take_ready (godwit__pool_t *pool)
{
    while (pool->ready_first) {
        godwit_server_t *const server = pool->ready_first;
        pool->ready_first = server->ready_next;
        if (!pool->ready_first)
            pool->ready_last = NULL;
        server->is_ready = false;
        if (!server->queued || server->occupied >= server->concurrency)
            continue;
        godwit_request_t *const request = server->queue_first;
        server->queue_first = request->next;
        if (!server->queue_first)
            server->queue_last = NULL;
        server->queued--;
        server->queued_size -= request->frame.size;
        activate (pool, server, request);
        /* At the end of the list: servers take turns. */
        godwit__pool_check_ready (pool, server);
        return request;
    }
    return NULL;
}

godwit_request_t *
godwit__pool_accept_inline (godwit__pool_t *pool, const godwit__header_t *header, const char *name,
                            size_t name_size, int64_t now_ns)
{
    godwit_request_t *request = NULL;
    godwit__pool_lock (pool);
    godwit_server_t *const server = server_of (pool, header->target);
    if (server && !server->in_order && !refusal_of (pool, server) && has_room (server) &&
        godwit__dispatch_may_inline (server->dispatch, name, name_size)) {
        request = take_free (pool);
        if (!request)
            request = godwit__request_new (pool);
    }
    if (request) {
        godwit__request_begin (request, NULL, 0, header, now_ns);
        activate (pool, server, request);
        pool->refs++;
        request->server = server;
    }
    godwit__pool_unlock (pool);
    return request;
}
