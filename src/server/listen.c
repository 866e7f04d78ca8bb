/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a server listen, and stops it from listening. */
#include "src/server/listen.h"

#include "src/address/target.h"
#include "src/error/error.h"
#include "src/runtime/own_rights.h"
#include "src/server/announce.h"
#include "src/server/drain.h"
#include "src/server/pool_life.h"
#include "src/server/reach.h"
#include "src/server/server_table.h"
#include "src/wire/fanout.h"

#include <string.h>

/* ---- subscriptions ---- */

/* With the lock: another started server of this process that listens to the same publications. */
static const godwit_server_t *
same_topic (const godwit__pool_t *pool, const godwit_server_t *server)
{
    const godwit_server_t *other;
    for (other = godwit__server_table_first (&pool->servers); other;
         other = godwit__server_table_next (&pool->servers, other)) {
        if (other != server && other->subscribed && memcmp (other->key, server->key, sizeof other->key) == 0)
            return other;
    }
    return NULL;
}

/* Control thread, before subscribing or unsubscribing. True if another server has the same topic. */
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
    if (server->is_lane)
        return;
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

/* The topic first, then the marker: a publisher that sees the marker knows that the topic was subscribed to.
 * If another server has subscribed to the topic, that is not done again. */
static godwit_status_t
subscribe (godwit_server_t *server, godwit_error_t **error)
{
    godwit__pool_t *const pool = server->pool;
    if (server->is_lane)
        return GODWIT_OK;
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

/* ---- what the control thread does ---- */

typedef struct change {
    godwit_server_t *server;
    uint32_t concurrency; /* from now on; 0: as before */
    godwit_status_t status;
    godwit_error_t *error;
} change_t;

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
        godwit__transport_unlock (transport);
    }
    *pool = made;
    return GODWIT_OK;
}

/* Gives the server a number and a place in the pool; the server is then one of the pool's references. A
 * restarted server gets a new number: a GOODBYE or a refusal about the old one, still under way, does not
 * concern the new one. */
static void
join_pool (godwit_server_t *server, godwit__pool_t *pool, uint32_t concurrency)
{
    godwit__pool_lock (pool);
    godwit__server_table_add (&pool->servers, server);
    if (!server->pool)
        pool->refs++;
    server->stops = false;
    server->undrained_ports = 0;
    server->pool = pool;
    if (concurrency)
        server->concurrency = concurrency;
    godwit__pool_unlock (pool);
    godwit_transport_t *const transport = server->transport;
    godwit__fanout_key (server->key, transport->virtual_host, godwit__server_exchange (server),
                        server->target.topic);
    godwit__fanout_marker (server->marker, server->key, transport->instance, server->id);
}

static void
set_accepts (godwit_server_t *server, bool accepts)
{
    godwit__pool_lock (server->pool);
    server->accepts = accepts;
    godwit__server_table_changed (&server->pool->servers);
    godwit__pool_unlock (server->pool);
}

/* Nobody would call it, and no rendezvous would have it. */
static godwit_status_t
check_right (const godwit_server_t *server, godwit_error_t **error)
{
    const godwit__deed_t deed = {.verb = GODWIT__VERB_SERVE,
                                 .exchange = godwit__server_exchange (server),
                                 .topic = server->target.topic};
    return godwit__own_right (server->transport, &deed, error);
}

static void
start_on_control (void *argument)
{
    change_t *const change = argument;
    godwit_server_t *const server = change->server;
    godwit__pool_t *pool = server->pool;
    godwit_status_t status = godwit__transport_check (server->transport, &change->error);
    if (!status)
        status = check_right (server, &change->error);
    if (!status && !server->transport->matchmaker)
        status = godwit__error_set (&change->error, GODWIT_ERR_CLOSED, "the transport is being destroyed");
    if (!status && !pool)
        status = pool_of (server->transport, &pool, &change->error);
    if (!status)
        status = godwit__pool_reach (pool, &change->error);
    if (!status) {
        join_pool (server, pool, change->concurrency);
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
        return; /* the transport is being destroyed, and tells all clients itself */
    unsubscribe (server);
    /* DRAINING is certain knowledge, unlike `gone`. A client that misses it learns it from GOODBYE or from a
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
    if (change.status != GODWIT_ERR_CLOSED && change.status != GODWIT_ERR_OUT_OF_MEMORY &&
        change.status != GODWIT_ERR_PERMISSION_DENIED)
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
        godwit__drain_await (server); /* requests that clients sent before they knew are taken */
    set_accepts (server, false);
}
