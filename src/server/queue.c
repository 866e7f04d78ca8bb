/* SPDX-License-Identifier: Apache-2.0 */
/* The queues of servers, and whose turn it is. */
#include "src/server/queue.h"

#include "src/server/order.h"

void
godwit__queue_add (godwit_server_t *server, godwit_request_t *request)
{
    godwit__list_append (&server->queue, &request->in_queue);
    server->queued++;
    server->queued_size += godwit__request_frame (request)->size;
}

void
godwit__queue_remove (godwit_server_t *server, godwit_request_t *request)
{
    godwit__list_remove (&request->in_queue);
    server->queued--;
    server->queued_size -= godwit__request_frame (request)->size;
}

void
godwit__queue_empty (godwit_server_t *server, godwit__list_t *requests)
{
    godwit__list_move_all (requests, &server->queue);
    server->queued = 0;
    server->queued_size = 0;
}

bool
godwit__queue_check_ready (godwit__pool_t *pool, godwit_server_t *server)
{
    if (!server->queued || !godwit__queue_may_begin (server) || godwit__in_list (&server->in_ready))
        return false;
    godwit__list_append (&pool->ready, &server->in_ready);
    return true;
}

godwit_request_t *
godwit__queue_take_ready (godwit__pool_t *pool)
{
    while (godwit__queue_is_due (pool)) {
        godwit_server_t *const server = GODWIT__FIRST (&pool->ready, godwit_server_t, in_ready);
        godwit__list_remove (&server->in_ready);
        godwit_request_t *const request = godwit__order_next (server);
        if (!request || !godwit__queue_may_begin (server))
            continue;
        godwit__queue_remove (server, request);
        godwit__queue_activate (server, request);
        /* At the end of the list: servers take turns. */
        godwit__queue_check_ready (pool, server);
        return request;
    }
    return NULL;
}

void
godwit__queue_forget (godwit_server_t *server)
{
    if (godwit__in_list (&server->in_ready))
        godwit__list_remove (&server->in_ready);
}
