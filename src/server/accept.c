/* SPDX-License-Identifier: Apache-2.0 */
/* Accepts requests for a server, or refuses them. */
#include "src/server/accept.h"

#include "src/server/order.h"

#include "src/server/queue.h"
#include "src/server/reply.h"
#include "src/server/request_end.h"
#include "src/server/server_table.h"

/* ---- accepting ---- */

/* With the lock: an unused request, or NULL. */
static godwit_request_t *
take_free (godwit__pool_t *pool)
{
    godwit_request_t *const request = pool->free_requests;
    if (request) {
        pool->free_requests = request->next_free;
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
    if ((!godwit__queue_may_begin (server) || pool->running >= pool->worker_limit) &&
        (server->queued >= server->queue_limit || server->queued_size >= pool->max_queue_size))
        return GODWIT__NACK_OVERLOADED;
    return 0;
}

/* With the lock: whether the sender's certificate allows it to notify here. What it calls is checked when the
 * method is known. */
static bool
may_notify (const godwit__port_t *port, const godwit_server_t *server)
{
    const godwit__deed_t deed = {.verb = GODWIT__VERB_PUBLISH,
                                 .exchange = godwit__server_exchange (server),
                                 .topic = server->target.topic};
    return !port->caller ||
           godwit__caller_may (port->caller,
                               godwit__route_mark (godwit__dispatch_first (server->dispatch), true), &deed);
}

/* With the lock: why a lane refuses a frame, or any other server a NOTIFY, or 0. */
static uint32_t
refusal_of_notify (godwit__port_t *port, godwit_server_t *server, godwit__routing_id_t routing_id,
                   const godwit__header_t *header)
{
    const godwit__nack_t reason =
        godwit__order_refuses (server, &(godwit__sender_t){port, routing_id, header->budget_ms}, header);
    return !reason && !may_notify (port, server) ? GODWIT__NACK_FORBIDDEN : reason;
}

godwit_request_t *
godwit__pool_accept (godwit__pool_t *pool, godwit__port_t *port, godwit__routing_id_t routing_id,
                     const godwit__header_t *header, godwit__frame_t *frame, size_t body_offset,
                     int64_t now_ns, bool may_run, godwit__refusal_t *refused)
{
    godwit_request_t *request = NULL;
    godwit_server_t *server;
    for (;;) {
        godwit__pool_lock (pool);
        godwit__port_settle_left (port);
        server = godwit__server_table_find (&pool->servers, header->target);
        refused->reason = refusal_of (pool, server);
        if (server && !refused->reason && (server->is_lane || header->type == GODWIT__NOTIFY))
            refused->reason = refusal_of_notify (port, server, routing_id, header);
        if (server && refused->reason) {
            server->refused++;
            server->overloads += refused->reason == GODWIT__NACK_OVERLOADED;
        }
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
    const bool runs =
        may_run && godwit__queue_has_room (server) && godwit__queue_may_run (pool) &&
        !(server->is_lane &&
          godwit__order_is_busy (server, &(godwit__sender_t){port, routing_id, header->budget_ms}));
    /* A CANCEL may look at the request as soon as the lock is released. */
    godwit__request_begin (request, port, routing_id, header, now_ns);
    request->queued_then = (uint32_t) server->queued;
    request->running_then = (uint32_t) server->active;
    request->frame_size = frame->size < UINT32_MAX ? (uint32_t) frame->size : UINT32_MAX;
    request->was_queued = !runs;
    if (port->caller)
        request->caller = godwit__caller_ref (port->caller);
    if (server->is_lane)
        godwit__order_begin (request, header);
    if (runs) {
        godwit__queue_activate (server, request);
        godwit__pool_unlock (pool);
    }
    godwit__frame_move (godwit__request_frame (request), frame);
    request->body_offset = body_offset;
    godwit__request_take_trace (request, header->flags & GODWIT__FLAG_TRACED);
    if (header->aux && !request->is_cast)
        godwit__call_monitor_add (request, header->aux, now_ns);
    if (runs)
        return request;
    godwit__queue_add (server, request);
    if (godwit__queue_check_ready (pool, server))
        godwit__pool_wake_for_request (pool);
    godwit__pool_unlock (pool);
    return NULL;
}

godwit_request_t *
godwit__pool_accept_inline (godwit__pool_t *pool, const godwit__header_t *header, const char *name,
                            size_t name_size, int64_t now_ns, godwit__party_t *self)
{
    godwit_request_t *request = NULL;
    godwit__pool_lock (pool);
    godwit_server_t *const server = godwit__server_table_find (&pool->servers, header->target);
    if (server && !server->in_order && !server->is_lane && !refusal_of (pool, server) &&
        godwit__queue_has_room (server) && godwit__dispatch_may_inline (server->dispatch, name, name_size)) {
        request = take_free (pool);
        if (!request)
            request = godwit__request_new (pool);
    }
    if (request && self && !godwit__caller_become (&pool->own_caller, self)) {
        godwit__pool_recycle (pool, request);
        request = NULL;
    }
    if (request) {
        godwit__request_begin (request, NULL, 0, header, now_ns);
        if (self)
            request->caller = godwit__caller_ref (pool->own_caller);
        godwit__queue_activate (server, request);
        pool->refs++;
        request->server = server;
    }
    godwit__pool_unlock (pool);
    return request;
}

/* ---- refusing ---- */

void
godwit__refuse_requests (godwit__list_t *requests)
{
    for (godwit_request_t *request; (request = GODWIT__FIRST (requests, godwit_request_t, in_queue));) {
        godwit__list_remove (&request->in_queue);
        godwit__request_refuse (request, GODWIT__NACK_DRAINING);
        godwit__request_drop (request);
    }
}

void
godwit__pool_refuse_queued (godwit__pool_t *pool)
{
    godwit_server_t *server;
    godwit__list_t refused;
    godwit__list_init (&refused);
    godwit__pool_lock (pool);
    for (server = godwit__server_table_first (&pool->servers); server;
         server = godwit__server_table_next (&pool->servers, server))
        godwit__queue_empty (server, &refused);
    godwit__pool_unlock (pool);
    godwit__refuse_requests (&refused);
}
