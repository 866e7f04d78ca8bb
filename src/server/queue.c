/* The queues of servers, and whose turn it is. */
#include "src/server/queue.h"

void
godwit__queue_add (godwit_server_t *server, godwit_request_t *request)
{
    *(server->queue_last ? &server->queue_last->next : &server->queue_first) = request;
    server->queue_last = request;
    server->queued++;
    server->queued_size += request->frame.size;
}

godwit_request_t *
godwit__queue_empty (godwit_server_t *server)
{
    godwit_request_t *const requests = server->queue_first;
    server->queue_first = NULL;
    server->queue_last = NULL;
    server->queued = 0;
    server->queued_size = 0;
    return requests;
}

bool
godwit__queue_check_ready (godwit__pool_t *pool, godwit_server_t *server)
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
godwit__queue_take_ready (godwit__pool_t *pool)
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
        godwit__queue_activate (server, request);
        /* At the end of the list: servers take turns. */
        godwit__queue_check_ready (pool, server);
        return request;
    }
    return NULL;
}

void
godwit__queue_forget (godwit__pool_t *pool, const godwit_server_t *server)
{
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
