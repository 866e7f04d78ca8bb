#include "src/server.h"

#include "src/error.h"
#include "src/fanout.h"
#include "src/serializer.h"
#include "src/target.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEFAULT_CONCURRENCY 64
#define DEFAULT_QUEUE_LIMIT 1024

/* ---- making ---- */

static godwit_server_options_t
options_with_defaults (const godwit_server_options_t *given)
{
    godwit_server_options_t options = {0};
    if (given) {
        const size_t size =
            given->struct_size && given->struct_size < sizeof options ? given->struct_size : sizeof options;
        memcpy (&options, given, size);
    }
    if (options.concurrency <= 0)
        options.concurrency = DEFAULT_CONCURRENCY;
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
    pthread_cond_destroy (&server->settled);
    pthread_mutex_destroy (&server->lifecycle);
    free (server);
}

godwit_status_t
godwit_server_new (godwit_server_t **server_p, godwit_transport_t *transport, const godwit_target_t *target,
                   const godwit_endpoint_t *endpoints, size_t endpoint_count,
                   const godwit_server_options_t *options_p, godwit_error_t **error)
{
    if (!server_p || !transport)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "server or transport is NULL");
    godwit_status_t status = godwit__transport_check (transport, error);
    if (status)
        return status;
    const godwit_server_options_t options = options_with_defaults (options_p);
    status = godwit__serializer_check (options.serializer, error);
    if (status)
        return status;
    godwit_server_t *const server = calloc (1, sizeof *server);
    if (!server)
        return godwit__error_no_memory (error);
    pthread_mutex_init (&server->lifecycle, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init (&attributes);
    pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
    pthread_cond_init (&server->settled, &attributes);
    pthread_condattr_destroy (&attributes);
    server->concurrency = (uint32_t) options.concurrency;
    server->queue_limit = (uint32_t) options.queue_limit;
    server->weight = options.weight;
    server->serializer = options.serializer;
    status = godwit__target_copy (&server->target, target, error);
    if (!status && server->target.version) {
        godwit__version_t version;
        status = godwit__version_parse (&version, server->target.version, error);
    }
    if (!status)
        status = godwit__dispatch_new (&server->dispatch, endpoints, endpoint_count, options.policy, error);
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
    godwit_status_t status;
    godwit_error_t *error;
} change_t;

/* With the lock: another started server of this process that listens to the same publications. */
static const godwit_server_t *
same_topic (const godwit__pool_t *pool, const godwit_server_t *server)
{
    for (size_t i = 0; i < pool->server_count; i++) {
        const godwit_server_t *const other = pool->servers[i];
        if (other && other != server && other->subscribed &&
            memcmp (other->key, server->key, sizeof other->key) == 0)
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
join_pool (godwit_server_t *server, godwit__pool_t *pool, godwit_error_t **error)
{
    godwit__pool_lock (pool);
    if (pool->server_count == pool->server_capacity) {
        const size_t capacity = pool->server_capacity ? 2 * pool->server_capacity : 8;
        godwit_server_t **const servers = realloc (pool->servers, capacity * sizeof (godwit_server_t *));
        if (!servers) {
            godwit__pool_unlock (pool);
            return godwit__error_no_memory (error);
        }
        pool->servers = servers;
        pool->server_capacity = capacity;
    }
    if (server->pool)
        pool->servers[server->id - 1] = NULL;
    else
        pool->refs++;
    pool->servers[pool->server_count++] = server;
    server->id = (uint32_t) pool->server_count;
    server->pool = pool;
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
warn_of_twin (const godwit_server_t *server)
{
    godwit__pool_lock (server->pool);
    bool found = false;
    for (size_t i = 0; i < server->pool->server_count; i++) {
        const godwit_server_t *const other = server->pool->servers[i];
        found = found || (other && other != server && other->accepts &&
                          memcmp (other->key, server->key, sizeof other->key) == 0 &&
                          strcmp (other->target.server, server->target.server) == 0);
    }
    godwit__pool_unlock (server->pool);
    if (found && godwit__logs (server->transport, GODWIT_LOG_WARNING))
        godwit__log (server->transport, GODWIT_LOG_WARNING,
                     "two servers of one exchange and topic have the same name %s: they compete for requests",
                     server->target.server);
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
        status = join_pool (server, pool, &change->error);
    if (!status) {
        warn_of_twin (server);
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

/* With the lock: the leader of the port tells the server's clients. What cannot be noted is found out by a
 * request that is refused. */
static void
note_goodbye (godwit__port_t *port, const godwit_server_t *server)
{
    if (port->goodbye_count == port->goodbye_capacity) {
        const size_t capacity = port->goodbye_capacity ? 2 * port->goodbye_capacity : 8;
        godwit__goodbye_t *const goodbyes = realloc (port->goodbyes, capacity * sizeof *goodbyes);
        if (!goodbyes)
            return;
        port->goodbyes = goodbyes;
        port->goodbye_capacity = capacity;
    }
    port->goodbyes[port->goodbye_count++] = (godwit__goodbye_t){server->id, server->revision};
    godwit__port_attention (port);
}

static void
stop_on_control (void *argument)
{
    change_t *const change = argument;
    godwit_server_t *const server = change->server;
    godwit__pool_t *const pool = server->pool;
    godwit_transport_t *const transport = server->transport;
    if (!transport->matchmaker)
        return; /* it is being destroyed, and tells everybody itself */
    unsubscribe (server);
    /* DRAINING is certain knowledge, which `gone` is not; who misses it learns it from GOODBYE or from a
     * refusal. */
    godwit__server_announce (server, GODWIT__RECORD_DRAINING, NULL);
    transport->matchmaker->ops->withdraw (transport->matchmaker, server->id);
    godwit__pool_lock (pool);
    for (size_t i = 0; i < pool->port_count && !pool->stopping; i++)
        note_goodbye (&pool->ports[i], server);
    godwit__pool_unlock (pool);
}

/* ---- life ---- */

/* Waits for the turn to start or stop. */
static void
lifecycle_enter (godwit_server_t *server)
{
    pthread_mutex_lock (&server->lifecycle);
    while (server->changing)
        pthread_cond_wait (&server->settled, &server->lifecycle);
    server->changing = true;
    pthread_mutex_unlock (&server->lifecycle);
}

static void
lifecycle_leave (godwit_server_t *server, godwit__server_state_t state)
{
    pthread_mutex_lock (&server->lifecycle);
    server->state = state;
    server->changing = false;
    pthread_cond_broadcast (&server->settled);
    pthread_mutex_unlock (&server->lifecycle);
}

/* Contract 6. Consumes the change's error. */
static godwit_status_t
listen_error (const godwit_server_t *server, change_t *change, godwit_error_t **error)
{
    char target[256];
    if (change->status == GODWIT_ERR_CLOSED) {
        if (error)
            *error = change->error;
        else
            godwit_error_destroy (&change->error);
        return GODWIT_ERR_CLOSED;
    }
    godwit_target_print (&server->target, target, sizeof target);
    godwit__error_set (error, GODWIT_ERR_SERVER_LISTEN, "Failed to listen on target \"%s\": %s", target,
                       godwit_error_message (change->error));
    godwit__error_with (error, GODWIT_ERR_SERVER_LISTEN, "target", target);
    if (error)
        godwit_error_set_cause (*error, &change->error);
    godwit_error_destroy (&change->error);
    return GODWIT_ERR_SERVER_LISTEN;
}

godwit_status_t
godwit_server_start (godwit_server_t *server, const godwit_step_options_t *options, godwit_error_t **error)
{
    (void) options;
    godwit_status_t status = godwit__transport_check (server->transport, error);
    if (status)
        return status;
    if (!server->target.topic || !server->target.server)
        return godwit__target_error (error, GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE, &server->target,
                                     "A server's target must have topic and server names specified:", "");
    lifecycle_enter (server);
    godwit__server_state_t state = server->state;
    change_t change = {.server = server};
    if (state != GODWIT__SERVER_UP) {
        if (!godwit__control_run (server->transport, start_on_control, &change))
            status = godwit__error_set (error, GODWIT_ERR_CLOSED, "the transport is being destroyed");
        else if (!change.status)
            state = GODWIT__SERVER_UP;
    }
    if (change.status)
        status = listen_error (server, &change, error);
    lifecycle_leave (server, state);
    return status;
}

/* In its turn. */
static void
stop (godwit_server_t *server)
{
    change_t change = {.server = server};
    set_accepts (server, false);
    if (!godwit__transport_check (server->transport, NULL))
        godwit__control_run (server->transport, stop_on_control, &change);
}

godwit_status_t
godwit_server_stop (godwit_server_t *server, const godwit_step_options_t *options, godwit_error_t **error)
{
    (void) options;
    const godwit_status_t status = godwit__transport_check (server->transport, error);
    if (status)
        return status;
    lifecycle_enter (server);
    godwit__server_state_t state = server->state;
    if (state == GODWIT__SERVER_UP) {
        stop (server);
        state = GODWIT__SERVER_STOPPED;
    }
    lifecycle_leave (server, state);
    return GODWIT_OK;
}

static int64_t
monotonic_ns (void)
{
    return godwit__clock_now (&godwit__clock_system);
}

/* False: the time is up before somebody has stopped the server. */
static bool
wait_until_stopped (godwit_server_t *server, int64_t deadline_ns)
{
    int result = 0;
    pthread_mutex_lock (&server->lifecycle);
    while (result == 0 && (server->changing || server->state == GODWIT__SERVER_UP)) {
        if (deadline_ns == GODWIT__NEVER) {
            result = pthread_cond_wait (&server->settled, &server->lifecycle);
        } else {
            const struct timespec until = {.tv_sec = (time_t) (deadline_ns / 1000000000),
                                           .tv_nsec = (long) (deadline_ns % 1000000000)};
            result = pthread_cond_timedwait (&server->settled, &server->lifecycle, &until);
        }
    }
    const bool stopped = !server->changing && server->state != GODWIT__SERVER_UP;
    pthread_mutex_unlock (&server->lifecycle);
    return stopped;
}

/* With the lock of the pool, which an external loop gets back while it runs. */
static bool
wait_for_change (godwit_server_t *server, int64_t deadline_ns)
{
    godwit__pool_t *const pool = server->pool;
    if (!pool->external)
        return godwit__pool_wait_changed (pool, deadline_ns);
    int64_t left_ms = -1;
    if (deadline_ns != GODWIT__NEVER) {
        const int64_t left_ns = deadline_ns - monotonic_ns ();
        if (left_ns <= 0)
            return false;
        left_ms = left_ns / GODWIT__NS_PER_MS + 1;
    }
    godwit__pool_unlock (pool);
    const godwit_status_t status = godwit_transport_process (server->transport, left_ms, NULL);
    godwit__pool_lock (pool);
    return status == GODWIT_OK;
}

godwit_status_t
godwit_server_wait (godwit_server_t *server, const godwit_step_options_t *options, godwit_error_t **error)
{
    const int64_t timeout_ms = options ? options->timeout_ms : 0;
    const godwit_status_t status = godwit__transport_check (server->transport, error);
    if (status)
        return status;
    const int64_t deadline_ns =
        timeout_ms > 0 ? monotonic_ns () + timeout_ms * GODWIT__NS_PER_MS : GODWIT__NEVER;
    bool done = wait_until_stopped (server, deadline_ns);
    bool closed = false;
    uint32_t left = 0;
    if (done && server->pool) {
        godwit__pool_lock (server->pool);
        while ((left = server->occupied + server->queued) && !(closed = server->pool->stopping) && done)
            done = wait_for_change (server, deadline_ns);
        done = !left;
        godwit__pool_unlock (server->pool);
    }
    if (done)
        return GODWIT_OK;
    if (closed)
        return godwit__error_set (error, GODWIT_ERR_CLOSED, "the transport is being destroyed");
    return godwit__error_set (error, GODWIT_ERR_TASK_TIMEOUT,
                              "the server has not ended after %lld ms, with %u requests left",
                              (long long) timeout_ms, left);
}

godwit_request_t *
godwit__server_empty_queue (godwit_server_t *server)
{
    godwit_request_t *const requests = server->queue_first;
    server->queue_first = NULL;
    server->queue_last = NULL;
    server->queued = 0;
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
    pool->servers[server->id - 1] = NULL;
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
        godwit__pool_wait_changed (pool, GODWIT__NEVER);
    godwit__pool_unlock (pool);
    godwit__dispatch_destroy_endpoints (server->dispatch);

    godwit__pool_lock (pool);
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
        godwit__dispatch_destroy (&server->dispatch);
        godwit__record_unref (&server->record);
        godwit__target_release (&server->target);
        free (server);
        godwit__transport_unref (transport);
        return;
    }
    lifecycle_enter (server);
    if (server->state == GODWIT__SERVER_UP)
        stop (server);
    lifecycle_leave (server, GODWIT__SERVER_STOPPED);
    if (server->pool) {
        leave_pool (server);
    } else {
        godwit__dispatch_destroy_endpoints (server->dispatch);
        server_free (server);
    }
    godwit__transport_unref (transport);
}
