/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the requests that are cancelled. */
#include "src/server/cancel_find.h"

#include "src/server/queue.h"
#include "src/server/server_table.h"

void
godwit__cancel_kept (const godwit_server_t *server)
{
    for (godwit_request_t *at = GODWIT__FIRST (&server->running, godwit_request_t, in_running); at;
         at = GODWIT__NEXT (&server->running, at, godwit_request_t, in_running)) {
        godwit__cancel_mark (at, !server->pool->closed);
        godwit__call_monitor_remove (at);
    }
}

/* Requests of this routing id, and, if id is not NULL, only the one with this id. */
typedef struct choice {
    const godwit__port_t *port;
    godwit__routing_id_t routing_id;
    const uint64_t *id;
} choice_t;

static bool
is_chosen (const godwit_request_t *request, const choice_t *choice)
{
    return request->port == choice->port && request->routing_id == choice->routing_id && !request->is_cast &&
           (!choice->id || request->id == *choice->id);
}

/* With pool.lock: of the chosen requests, marks those that run, and moves those that are queued into a
 * list. */
static void
cancel_chosen (godwit_server_t *server, const choice_t *choice, godwit__list_t *taken)
{
    for (godwit_request_t *at = GODWIT__FIRST (&server->running, godwit_request_t, in_running); at;
         at = GODWIT__NEXT (&server->running, at, godwit_request_t, in_running)) {
        if (!is_chosen (at, choice))
            continue;
        godwit__cancel_mark (at, true);
        godwit__call_monitor_remove (at); /* its client needs no heartbeats any more */
    }
    for (godwit_request_t *at = GODWIT__FIRST (&server->queue, godwit_request_t, in_queue), *next; at;
         at = next) {
        next = GODWIT__NEXT (&server->queue, at, godwit_request_t, in_queue);
        if (!is_chosen (at, choice))
            continue;
        godwit__queue_remove (server, at);
        godwit__list_append (taken, &at->in_queue);
    }
}

/* With the lock, which is released: gives up the requests that were taken out of queues. */
static void
drop (godwit__pool_t *pool, godwit__list_t *taken)
{
    if (!godwit__list_is_empty (taken))
        godwit__pool_changed (pool);
    godwit__pool_unlock (pool);
    for (godwit_request_t *request; (request = GODWIT__FIRST (taken, godwit_request_t, in_queue));) {
        godwit__list_remove (&request->in_queue);
        GODWIT__COUNT (pool->transport, requests_cancelled);
        godwit__request_drop (request);
    }
}

void
godwit__pool_cancel (godwit__pool_t *pool, const godwit__port_t *port, godwit__routing_id_t routing_id,
                     const godwit__header_t *header)
{
    const choice_t choice = {port, routing_id, &header->id};
    godwit__list_t taken;
    godwit__list_init (&taken);
    godwit__pool_lock (pool);
    godwit_server_t *const server = godwit__server_table_find (&pool->servers, header->target);
    if (server)
        cancel_chosen (server, &choice, &taken);
    drop (pool, &taken);
}

void
godwit__pool_cancel_all (godwit__pool_t *pool, const godwit__port_t *port, godwit__routing_id_t routing_id)
{
    const choice_t choice = {port, routing_id, NULL};
    godwit_server_t *server;
    godwit__list_t taken;
    godwit__list_init (&taken);
    godwit__pool_lock (pool);
    for (server = godwit__server_table_first (&pool->servers); server;
         server = godwit__server_table_next (&pool->servers, server))
        cancel_chosen (server, &choice, &taken);
    drop (pool, &taken);
}
