/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that wait in a server's queue, those that run, and the servers that have both a request queued and
 * room to run it: servers take turns. All with pool.lock. */
#ifndef GODWIT_SRC_SERVER_QUEUE_H
#define GODWIT_SRC_SERVER_QUEUE_H

#include "src/server/server.h"

/* One more handler of the server may run. What a listener keeps, for a batch or for its program, is limited
 * by the credit of its notifiers. */
static inline bool
godwit__queue_may_begin (const godwit_server_t *server)
{
    return (server->is_lane ? server->active : server->occupied) < server->concurrency;
}

/* A request that comes now can run at once, as far as the server is concerned. */
static inline bool
godwit__queue_has_room (const godwit_server_t *server)
{
    return godwit__queue_may_begin (server) && !server->queued;
}

/* A worker that asks for a request now gets one. */
static inline bool
godwit__queue_is_due (const godwit__pool_t *pool)
{
    return !godwit__list_is_empty (&pool->ready) && pool->running < pool->worker_limit;
}

/* The pool can run a request that comes now, and one of another server that has waited for longer. */
static inline bool
godwit__queue_may_run (const godwit__pool_t *pool)
{
    return pool->running + !godwit__list_is_empty (&pool->ready) < pool->worker_limit;
}

/* The request's handler is about to run. What came from a port runs on a thread of the pool. */
static inline void
godwit__queue_activate (godwit_server_t *server, godwit_request_t *request)
{
    godwit__list_prepend (&server->running, &request->in_running);
    request->is_active = true;
    server->occupied++;
    server->active++;
    server->pool->active++;
    server->pool->running += request->port != NULL;
}

void godwit__queue_add (godwit_server_t *server, godwit_request_t *request);
/* Takes a request out of the queue. */
void godwit__queue_remove (godwit_server_t *server, godwit_request_t *request);
/* Moves all queued requests to the end of a list. */
void godwit__queue_empty (godwit_server_t *server, godwit__list_t *requests);
/* The server has got room, or a queued request. True if there is something for a worker to take. */
bool godwit__queue_check_ready (godwit__pool_t *pool, godwit_server_t *server);
/* A queued request that may run now; it counts as active then. NULL: none, or worker_limit handlers run. */
godwit_request_t *godwit__queue_take_ready (godwit__pool_t *pool);
/* The server is being destroyed: it gets no more turns. */
void godwit__queue_forget (godwit_server_t *server);

#endif
