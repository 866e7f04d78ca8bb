/* SPDX-License-Identifier: Apache-2.0 */
#include "src/server/abandon.h"

#include "src/address/target.h"
#include "src/server/reply.h"
#include "src/server/server_table.h"
#include "src/server/worker.h"

#include <stdio.h>
#include <string.h>

/* ---- what runs ---- */

static godwit_request_t *
first_running (const godwit_server_t *server)
{
    return GODWIT__FIRST (&server->running, godwit_request_t, in_running);
}

static godwit_request_t *
next_running (const godwit_server_t *server, const godwit_request_t *request)
{
    return GODWIT__NEXT (&server->running, request, godwit_request_t, in_running);
}

static void
print_request (const godwit_server_t *server, const godwit_request_t *request, const godwit_method_t *method,
               char text[GODWIT__RUNNING_TEXT])
{
    char target[256];
    const size_t used = strlen (text);
    const int64_t ran_ns = godwit__clock_now (&server->pool->clock) - request->received_ns;
    godwit_target_print (&server->target, target, sizeof target);
    snprintf (text + used, GODWIT__RUNNING_TEXT - used,
              "%s%s of %s, for %lld ms, called over connection %llx", used ? "; " : "", method->name, target,
              (long long) (ran_ns / GODWIT__NS_PER_MS), (unsigned long long) request->routing_id);
}

void
godwit__running_print (const godwit_server_t *server, char text[GODWIT__RUNNING_TEXT])
{
    for (godwit_request_t *at = first_running (server); at; at = next_running (server, at)) {
        const godwit_method_t *const method = atomic_load (&at->runs);
        if (method)
            print_request (server, at, method, text);
    }
}

/* ---- not waiting for it ---- */

/* Whoever replies first is the only one who sends: from now on it is not the handler. */
static void
abandon (godwit_server_t *server, godwit_request_t *request)
{
    godwit__cancel_mark (request, true);
    godwit__call_monitor_remove (request);
    atomic_store (&request->abandoned, true);
    if (!atomic_exchange (&request->replied, true))
        atomic_store (&request->is_sent, true);
    server->abandoned++;
    server->pool->abandoned++;
}

static void
abandon_of (godwit_server_t *server, char text[GODWIT__RUNNING_TEXT])
{
    for (godwit_request_t *at = first_running (server); at; at = next_running (server, at)) {
        const godwit_method_t *const method = atomic_load (&at->runs);
        if (!method || !at->port || atomic_load (&at->abandoned))
            continue;
        print_request (server, at, method, text);
        abandon (server, at);
    }
}

/* A worker that ran its handler with the lead must not receive afterwards. queued: by port, the peer for whom
 * replies were queued that its leader had kept. True: there is one. */
static bool
take_leads (godwit__pool_t *pool, godwit__routing_id_t queued[GODWIT__DRIVER_MAX])
{
    bool any = false;
    for (size_t i = 0; i < pool->port_count; i++) {
        godwit__worker_t *const leader = pool->ports[i].leader;
        int64_t since = leader ? atomic_load (&leader->busy_since) : 0;
        if (since <= 0 || !atomic_compare_exchange_strong (&leader->busy_since, &since, GODWIT__LEAD_STOLEN))
            continue;
        pool->ports[i].leader = NULL;
        queued[i] = godwit__reply_batch_queue (&pool->ports[i].reply_batch);
        any = any || queued[i];
        godwit__pool_wake_worker (pool);
    }
    return any;
}

/* Without the lock, and counted among the pool's users. */
static void
flush (const godwit__pool_t *pool, const godwit__routing_id_t queued[GODWIT__DRIVER_MAX])
{
    for (size_t i = 0; i < pool->port_count; i++)
        if (queued[i])
            pool->ports[i].channel->ops->flush (pool->ports[i].channel, queued[i]);
}

void
godwit__abandon_running (godwit__pool_t *pool, godwit_server_t *server, const char *who)
{
    char text[GODWIT__RUNNING_TEXT] = "";
    godwit__routing_id_t queued[GODWIT__DRIVER_MAX] = {0};
    const bool is_queued = take_leads (pool, queued);
    if (server)
        abandon_of (server, text);
    else
        for (godwit_server_t *at = godwit__server_table_first (&pool->servers); at;
             at = godwit__server_table_next (&pool->servers, at))
            abandon_of (at, text);
    if (!*text && !is_queued)
        return;
    pool->users++;
    godwit__pool_unlock (pool);
    flush (pool, queued);
    if (*text && godwit__logs (pool->transport, GODWIT_LOG_ERROR))
        godwit__log (
            pool->transport, GODWIT_LOG_ERROR,
            "%s waits no longer for handlers that do not come back; what they use is never freed: %s", who,
            text);
    godwit__pool_lock (pool);
    pool->users--;
}

bool
godwit__abandoned_sends (const godwit_server_t *server)
{
    for (godwit_request_t *at = first_running (server); server->abandoned && at;
         at = next_running (server, at))
        if (atomic_load (&at->abandoned) && !atomic_load (&at->is_sent))
            return true;
    return false;
}

int64_t
godwit__pool_end_ns (const godwit__pool_t *pool)
{
    const int64_t limit_ms = pool->transport->options.destroy_timeout_ms;
    return limit_ms > 0 ? godwit__clock_now (&pool->clock) + limit_ms * GODWIT__NS_PER_MS : GODWIT__NEVER;
}

/* ---- for ever ---- */

static _Atomic (godwit__pool_t *) abandoned_pools;

void
godwit__abandon_pool (godwit__pool_t *pool)
{
    pool->refs++;
    pool->stays = true;
    godwit__transport_ref (pool->transport);
    pool->next_abandoned = atomic_load (&abandoned_pools);
    while (!atomic_compare_exchange_weak (&abandoned_pools, &pool->next_abandoned, pool))
        ;
}
