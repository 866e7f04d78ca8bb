#include "src/server/server.h"

#include "src/address/target.h"
#include "src/error/error.h"
#include "src/serializer/serializer.h"
#include "src/wire/fanout.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_QUEUE_LIMIT 1024

/* ---- making ---- */

static godwit_server_options_t
options_with_defaults (const godwit_server_options_t *given, const godwit_transport_t *transport)
{
    godwit_server_options_t options = {0};
    if (given) {
        const size_t size =
            given->struct_size && given->struct_size < sizeof options ? given->struct_size : sizeof options;
        memcpy (&options, given, size);
    }
    if (options.concurrency <= 0)
        options.concurrency = transport->options.executor_thread_pool_size;
    if (!options.executor)
        options.executor = "pool";
    if (options.queue_limit <= 0)
        options.queue_limit = DEFAULT_QUEUE_LIMIT;
    if (!options.weight)
        options.weight = 1;
    return options;
}

/* Only memory: what a destroyed server leaves behind until its last request is gone. */
static void
server_free (godwit_server_t *server)
{
    godwit__dispatch_destroy (&server->dispatch);
    godwit__record_unref (&server->record);
    godwit__target_release (&server->target);
    godwit_error_destroy (&server->start_failure);
    godwit_request_context_serializer_destroy (&server->own_serializer);
    free (server);
}

godwit_status_t
godwit_server_new (godwit_server_t **server_p, godwit_transport_t *transport, const godwit_target_t *target,
                   const godwit_endpoint_t *endpoints, size_t endpoint_count,
                   const godwit_server_options_t *options_p, godwit_error_t **error)
{
    if (!server_p || !transport)
        return godwit__error_null (error, server_p ? "transport" : "server");
    godwit_status_t status = godwit__transport_check (transport, error);
    if (status)
        return status;
    const godwit_server_options_t options = options_with_defaults (options_p, transport);
    const bool in_order = strcmp (options.executor, "inline") == 0;
    if (!in_order && strcmp (options.executor, "pool") != 0)
        return godwit__error_with (
            error,
            godwit__error_set (error, GODWIT_ERR_EXECUTOR_LOAD,
                               "Failed to load executor \"%s\": expected pool or inline", options.executor),
            "executor", options.executor);
    status = godwit__serializer_check (options.serializer, error);
    if (status)
        return status;
    godwit_server_t *const server = calloc (1, sizeof *server);
    if (!server)
        return godwit__error_no_memory (error);
    server->clock = transport->clock;
    server->in_order = in_order;
    server->concurrency = in_order ? 1 : (uint32_t) options.concurrency;
    server->queue_limit = (uint32_t) options.queue_limit;
    server->weight = options.weight;
    server->serializer = options.serializer;
    status = godwit__target_copy (&server->target, target, error);
    if (!status && server->target.version) {
        godwit__version_t version;
        status = godwit__version_parse (&version, server->target.version, error);
    }
    if (!status)
        status =
            godwit__dispatch_new (&server->dispatch, endpoints, endpoint_count,
                                  &(godwit__policy_t){.kind = options.policy,
                                                      .allow = options.allow,
                                                      .allow_user = options.allow_user,
                                                      .answers_ping = transport->options.rpc_ping_enabled},
                                  error);
    if (status) {
        server_free (server);
        return status;
    }
    server->transport = godwit__transport_ref (transport);
    *server_p = server;
    return GODWIT_OK;
}

/* ---- what the control thread does ---- */

typedef struct change {
    godwit_server_t *server;
    uint32_t concurrency; /* from now on; 0: as before */
    godwit_status_t status;
    godwit_error_t *error;
} change_t;

/* With the lock: another started server of this process that listens to the same publications. */
static const godwit_server_t *
same_topic (const godwit__pool_t *pool, const godwit_server_t *server)
{
    const godwit_server_t *other;
    for (size_t i = 0; (other = godwit__server_table_next (&pool->servers, &i));) {
        if (other != server && other->subscribed && memcmp (other->key, server->key, sizeof other->key) == 0)
            return other;
    }
    return NULL;
}

/* Control thread, before subscribing or unsubscribing. True if the topic is another server's, too. */
static bool
set_subscribed (godwit_server_t *server, bool subscribed)
{
    godwit__pool_lock (server->pool);
    const bool shared = same_topic (server->pool, server) != NULL;
    server->subscribed = subscribed;
    godwit__pool_unlock (server->pool);
    return shared;
}

static void
unsubscribe (godwit_server_t *server)
{
    godwit__pool_t *const pool = server->pool;
    const bool shared = set_subscribed (server, false);
    for (size_t i = 0; i < pool->port_count; i++) {
        godwit__port_t *const port = &pool->ports[i];
        if (!port->addresses.fanout[0])
            continue;
        port->driver->ops->unsubscribe (port->channel, server->marker);
        if (!shared)
            port->driver->ops->unsubscribe (port->channel, server->key);
    }
    if (!shared)
        atomic_fetch_add_explicit (&pool->fanout_epoch, 1, memory_order_release);
}

/* The topic first, then the marker: who sees the marker knows that the topic was subscribed to. A topic that
 * another server subscribed to already is not subscribed to again. */
static godwit_status_t
subscribe (godwit_server_t *server, godwit_error_t **error)
{
    godwit__pool_t *const pool = server->pool;
    const bool shared = set_subscribed (server, true);
    godwit_status_t status = GODWIT_OK;
    for (size_t i = 0; !status && i < pool->port_count; i++) {
        godwit__port_t *const port = &pool->ports[i];
        if (!port->addresses.fanout[0])
            continue;
        if (!shared)
            status = port->driver->ops->subscribe (port->channel, server->key, error);
        if (!status)
            status = port->driver->ops->subscribe (port->channel, server->marker, error);
    }
    return status;
}

static godwit_status_t
pool_of (godwit_transport_t *transport, godwit__pool_t **pool, godwit_error_t **error)
{
    godwit__pool_t *made = transport->pool;
    if (!made) {
        const godwit_status_t status = godwit__pool_new (&made, transport, error);
        if (status)
            return status;
        pthread_mutex_lock (&transport->lock);
        transport->pool = made;
        pthread_mutex_unlock (&transport->lock);
    }
    *pool = made;
    return GODWIT_OK;
}

/* Gives the server a number and a place in the pool, which is then kept by it. A restarted server gets
 * another number: what is still under way about the old one, a GOODBYE or a refusal, says nothing about the
 * new one. */
static godwit_status_t
join_pool (godwit_server_t *server, godwit__pool_t *pool, uint32_t concurrency, godwit_error_t **error)
{
    godwit__pool_lock (pool);
    const uint32_t id = godwit__server_table_add (&pool->servers, server);
    if (!id) {
        godwit__pool_unlock (pool);
        return godwit__error_no_memory (error);
    }
    if (server->pool)
        godwit__server_table_remove (&pool->servers, server->id);
    else
        pool->refs++;
    server->id = id;
    server->stops = false;
    server->untold_count = 0;
    server->pool = pool;
    if (concurrency)
        server->concurrency = concurrency;
    godwit__pool_unlock (pool);
    godwit_transport_t *const transport = server->transport;
    godwit__fanout_key (server->key, transport->virtual_host, godwit__server_exchange (server),
                        server->target.topic);
    godwit__fanout_marker (server->marker, server->key, transport->instance, server->id);
    return GODWIT_OK;
}

static void
set_accepts (godwit_server_t *server, bool accepts)
{
    godwit__pool_lock (server->pool);
    server->accepts = accepts;
    godwit__pool_unlock (server->pool);
}

static void
start_on_control (void *argument)
{
    change_t *const change = argument;
    godwit_server_t *const server = change->server;
    godwit__pool_t *pool = server->pool;
    godwit_status_t status = godwit__transport_check (server->transport, &change->error);
    if (!status && !server->transport->matchmaker)
        status = godwit__error_set (&change->error, GODWIT_ERR_CLOSED, "the transport is being destroyed");
    if (!status && !pool)
        status = pool_of (server->transport, &pool, &change->error);
    if (!status)
        status = join_pool (server, pool, change->concurrency, &change->error);
    if (!status) {
        godwit__server_warn_duplicates (server);
        status = subscribe (server, &change->error);
        /* Before it is announced: the first request may come while announce runs. */
        set_accepts (server, !status);
        if (!status)
            status = godwit__server_announce (server, GODWIT__RECORD_UP, &change->error);
        if (status) {
            set_accepts (server, false);
            unsubscribe (server);
        }
    }
    change->status = status;
}

static void
stop_on_control (void *argument)
{
    change_t *const change = argument;
    godwit_server_t *const server = change->server;
    godwit_transport_t *const transport = server->transport;
    if (!transport->matchmaker)
        return; /* it is being destroyed, and tells everybody itself */
    unsubscribe (server);
    /* DRAINING is certain knowledge, which `gone` is not; who misses it learns it from GOODBYE or from a
     * refusal. */
    godwit__server_announce (server, GODWIT__RECORD_DRAINING, NULL);
    transport->matchmaker->ops->withdraw (transport->matchmaker, server->id);
    godwit__drain_begin (server);
}

/* ---- up and down ---- */

/* Contract 6. Consumes the cause. */
static godwit_status_t
listen_error (const godwit_server_t *server, godwit_error_t *cause, godwit_error_t **error)
{
    char target[2048];
    godwit_target_print (&server->target, target, sizeof target);
    godwit__error_set (error, GODWIT_ERR_SERVER_LISTEN, "Failed to listen on target \"%s\": %s", target,
                       godwit_error_message (cause));
    godwit__error_with (error, GODWIT_ERR_SERVER_LISTEN, "target", target);
    if (error)
        godwit_error_set_cause (*error, &cause);
    godwit_error_destroy (&cause);
    return GODWIT_ERR_SERVER_LISTEN;
}

godwit_status_t
godwit__server_listen (godwit_server_t *server, uint32_t concurrency, godwit_error_t **error)
{
    change_t change = {.server = server, .concurrency = server->in_order ? 1 : concurrency};
    if (!godwit__control_run (server->transport, start_on_control, &change))
        return godwit__error_set (error, GODWIT_ERR_CLOSED, "The transport is being destroyed");
    if (!change.status)
        return GODWIT_OK;
    if (change.status != GODWIT_ERR_CLOSED && change.status != GODWIT_ERR_OUT_OF_MEMORY)
        return listen_error (server, change.error, error);
    if (error)
        *error = change.error;
    else
        godwit_error_destroy (&change.error);
    return change.status;
}

void
godwit__server_unlisten (godwit_server_t *server)
{
    change_t change = {.server = server};
    if (!godwit__transport_check (server->transport, NULL) &&
        godwit__control_run (server->transport, stop_on_control, &change))
        godwit__drain_await (server); /* what they had sent before they knew is taken */
    set_accepts (server, false);
}

/* ---- the end ---- */

godwit_request_t *
godwit__server_empty_queue (godwit_server_t *server)
{
    godwit_request_t *const requests = server->queue_first;
    server->queue_first = NULL;
    server->queue_last = NULL;
    server->queued = 0;
    server->queued_size = 0;
    return requests;
}

void
godwit__server_refuse (godwit_request_t *requests)
{
    while (requests) {
        godwit_request_t *const request = requests;
        requests = request->next;
        godwit__request_refuse (request, GODWIT__NACK_DRAINING);
        godwit__request_drop (request);
    }
}

void
godwit__server_left (godwit_server_t *server)
{
    if (server->destroyed && !server->occupied)
        server_free (server);
}

/* With the lock: takes it out of the pool's lists. */
static void
unlist (godwit__pool_t *pool, const godwit_server_t *server)
{
    godwit__server_table_remove (&pool->servers, server->id);
    godwit_server_t **at = &pool->ready_first;
    godwit_server_t *last = NULL;
    while (*at) {
        if (*at == server) {
            *at = server->ready_next;
        } else {
            last = *at;
            at = &last->ready_next;
        }
    }
    pool->ready_last = last;
}

/* Ends the server's part in the pool. Frees it, unless requests of it were kept. */
static void
leave_pool (godwit_server_t *server)
{
    godwit__pool_t *const pool = server->pool;
    godwit__pool_lock (pool);
    godwit_request_t *const refused = godwit__server_empty_queue (server);
    if (refused)
        pool->senders++;
    unlist (pool, server);
    server->leaving = true;
    godwit__pool_unlock (pool);
    godwit__server_refuse (refused);

    godwit__pool_lock (pool);
    if (refused) {
        pool->senders--;
        godwit__pool_changed (pool);
    }
    while (server->active)
        godwit__pool_wait_threads (pool, GODWIT__NEVER);
    godwit__pool_unlock (pool);
    godwit__dispatch_destroy_endpoints (server->dispatch);

    godwit__pool_lock (pool);
    godwit__cancel_kept (server);
    server->destroyed = true;
    godwit__server_left (server);
    pool->refs--;
    godwit__pool_unlock (pool);
}

void
godwit_server_destroy (godwit_server_t **server_p)
{
    if (!server_p || !*server_p)
        return;
    godwit_server_t *const server = *server_p;
    godwit_transport_t *const transport = server->transport;
    *server_p = NULL;
    if (godwit__transport_check (transport, NULL) == GODWIT_ERR_FORKED) {
        /* Locks may be held by threads that this process does not have. */
        server_free (server);
        godwit__transport_unref (transport);
        return;
    }
    godwit__server_end_steps (server);
    if (server->pool) {
        leave_pool (server);
    } else {
        godwit__dispatch_destroy_endpoints (server->dispatch);
        server_free (server);
    }
    godwit__transport_unref (transport);
}
