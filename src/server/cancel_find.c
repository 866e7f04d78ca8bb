/* Which requests somebody gives up. */
#include "src/server/cancel_find.h"

#include "src/server/server.h"

void
godwit__cancel_kept (const godwit_server_t *server)
{
    for (godwit_request_t *at = server->running; at; at = at->running_next) {
        godwit__cancel_mark (at, !server->pool->closed);
        godwit__call_monitor_remove (at);
    }
}

/* Which: of this origin, and with id, if that is not NULL. */
typedef struct choice {
    const godwit__port_t *port;
    godwit__origin_t origin;
    const uint64_t *id;
} choice_t;

static bool
is_chosen (const godwit_request_t *request, const choice_t *choice)
{
    return request->port == choice->port && request->origin == choice->origin && !request->is_cast &&
           (!choice->id || request->id == *choice->id);
}

/* With pool.lock: takes what is chosen out of the queue, and puts it in front of a list. */
static godwit_request_t *
take_queued (godwit_server_t *server, const choice_t *choice, godwit_request_t *taken)
{
    godwit_request_t **at = &server->queue_first;
    godwit_request_t *last = NULL;
    while (*at) {
        godwit_request_t *const request = *at;
        if (is_chosen (request, choice)) {
            *at = request->next;
            server->queued--;
            server->queued_size -= request->frame.size;
            request->next = taken;
            taken = request;
        } else {
            last = request;
            at = &request->next;
        }
    }
    server->queue_last = last;
    return taken;
}

/* With pool.lock. */
static godwit_request_t *
cancel_chosen (godwit_server_t *server, const choice_t *choice, godwit_request_t *taken)
{
    for (godwit_request_t *at = server->running; at; at = at->running_next) {
        if (!is_chosen (at, choice))
            continue;
        godwit__cancel_mark (at, true);
        godwit__call_monitor_remove (at); /* nobody is to be told of it any more */
    }
    return take_queued (server, choice, taken);
}

/* Without the lock. */
static void
drop (godwit__pool_t *pool, godwit_request_t *taken)
{
    while (taken) {
        godwit_request_t *const request = taken;
        taken = request->next;
        GODWIT__COUNT (pool->transport, requests_cancelled);
        godwit__request_drop (request);
    }
}

void
godwit__pool_cancel (godwit__pool_t *pool, const godwit__port_t *port, godwit__origin_t origin,
                     const godwit__header_t *header)
{
    const choice_t choice = {port, origin, &header->id};
    godwit_request_t *taken = NULL;
    godwit__pool_lock (pool);
    godwit_server_t *const server = godwit__server_table_find (&pool->servers, header->target);
    if (server)
        taken = cancel_chosen (server, &choice, NULL);
    if (taken)
        godwit__pool_changed (pool);
    godwit__pool_unlock (pool);
    drop (pool, taken);
}

void
godwit__pool_cancel_all (godwit__pool_t *pool, const godwit__port_t *port, godwit__origin_t origin)
{
    const choice_t choice = {port, origin, NULL};
    godwit_request_t *taken = NULL;
    godwit_server_t *server;
    godwit__pool_lock (pool);
    for (size_t i = 0; (server = godwit__server_table_next (&pool->servers, &i));)
        taken = cancel_chosen (server, &choice, taken);
    if (taken)
        godwit__pool_changed (pool);
    godwit__pool_unlock (pool);
    drop (pool, taken);
}
