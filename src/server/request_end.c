/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a request that ran. */
#include "src/server/request_end.h"

#include "src/base/uncancelled.h"
#include "src/server/queue.h"
#include "src/server/reply.h"
#include "src/server/request_record.h"

/* With pool.lock. pooled: it ran on a thread of the pool. looks: see godwit__request_settle. */
static void
handler_over (godwit_server_t *server, bool abandoned, bool pooled, bool looks)
{
    godwit__pool_t *const pool = server->pool;
    server->active--;
    pool->active--;
    if (abandoned) {
        server->abandoned--;
        pool->abandoned--;
    }
    if (!pooled)
        return;
    pool->running--;
    if (pool->running + 1 == pool->worker_limit && !looks && godwit__queue_is_due (pool))
        godwit__pool_wake_worker (pool);
}

/* With pool.lock, when all that the request held was given back: it leaves its server. */
static void
leave (godwit_request_t *request, bool active, bool looks)
{
    godwit__pool_t *const pool = request->pool;
    godwit_server_t *const server = request->server;
    if (request->kept && !pool->closed) { /* the metrics are the transport's */
        const int64_t now_ns = godwit__clock_now (&pool->clock);
        godwit__metric_ended (request->metric, now_ns - request->started_ns, request->failure);
        godwit__request_record_ended (request, now_ns);
    }
    if (request->inline_call) {
        request->inline_call->done = true; /* with or without a reply */
        request->inline_call = NULL;
    }
    if (active) {
        request->is_active = false;
        handler_over (server, atomic_load_explicit (&request->abandoned, memory_order_relaxed),
                      request->port != NULL, looks);
    }
    server->occupied--;
    godwit__list_remove (&request->in_running);
    if (godwit__queue_check_ready (pool, server) && !looks)
        godwit__pool_wake_for_request (pool);
    godwit__server_left (server);
    godwit__request_recycle (request);
    godwit__pool_changed (pool);
}

/* The last reference is gone. active: the handler's own was the last. */
static void
end (godwit_request_t *request, bool active, bool looks)
{
    godwit__pool_t *const pool = request->pool;
    if (request->kept && request->cancel.callback)
        godwit__cancel_over (request);
    if (request->kept && !atomic_load_explicit (&request->replied, memory_order_acquire))
        godwit__request_fail (request, godwit_error_new (atomic_load (&request->cancel.is_marked)
                                                             ? GODWIT_ERR_CANCELLED
                                                             : GODWIT_ERR_FAILED,
                                                         "the handler gave the request up without a reply"));
    godwit__request_release (request);
    godwit__pool_lock (pool);
    leave (request, active, looks);
    godwit__pool_unlock (pool);
}

void
godwit__request_settle_later (godwit__port_t *port, godwit_request_t *request)
{
    godwit__request_release (request);
    port->left = request;
}

void
godwit__port_settle_left (godwit__port_t *port)
{
    godwit_request_t *const request = port->left;
    port->left = NULL;
    if (request)
        leave (request, true, false);
}

void
godwit__request_settle (godwit_request_t *request, bool looks)
{
    if (request->kept) {
        /* A thread that keeps the request may give it up now: pool and server must not be read from it
         * later. */
        godwit__pool_t *const pool = request->pool;
        godwit_server_t *const server = request->server;
        godwit__pool_lock (pool);
        const bool abandoned = atomic_load_explicit (&request->abandoned, memory_order_relaxed);
        const bool pooled = request->port != NULL;
        atomic_store_explicit (&request->runs, NULL, memory_order_relaxed);
        const bool is_last = atomic_fetch_sub_explicit (&request->refs, 1, memory_order_acq_rel) == 1;
        if (!is_last) {
            request->is_active = false;
            handler_over (server, abandoned, pooled, looks);
            if (server->is_lane && godwit__queue_check_ready (pool, server) && !looks)
                godwit__pool_wake_for_request (pool);
            godwit__pool_changed (pool);
        }
        godwit__pool_unlock (pool);
        if (!is_last)
            return;
    }
    end (request, true, looks);
}

/* ---- keeping it ---- */

godwit_request_t *
godwit_request_keep (godwit_request_t *request)
{
    request->kept = true;
    atomic_fetch_add_explicit (&request->refs, 1, memory_order_relaxed);
    return request;
}

void
godwit_request_destroy (godwit_request_t **request_p)
{
    GODWIT__UNCANCELLED;
    if (!request_p || !*request_p)
        return;
    godwit_request_t *const request = *request_p;
    *request_p = NULL;
    /* Before its handler has returned this is not the last reference. But the caller does not need the
     * request any more.
     */
    if (request->cancel.callback && !godwit__request_is_forked (request) &&
        !godwit__cancel_is_inside (request))
        godwit__cancel_over (request);
    if (atomic_fetch_sub_explicit (&request->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (godwit__request_is_forked (request))
        godwit__request_free_in_child (request);
    else
        end (request, false, false);
}
