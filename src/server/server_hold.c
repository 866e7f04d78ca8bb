/* SPDX-License-Identifier: Apache-2.0 */
#include "src/server/server_hold.h"

#include "src/server/server_table.h"

/* With pool.lock. */
static godwit_server_t *
hold (godwit_server_t *server)
{
    if (!server || server->leaving || server->destroyed || server->is_lane)
        return NULL;
    server->held++;
    return server;
}

godwit_server_t *
godwit__server_hold (godwit__pool_t *pool, uint32_t id)
{
    godwit__pool_lock (pool);
    godwit_server_t *const server = hold (godwit__server_table_find (&pool->servers, id));
    godwit__pool_unlock (pool);
    return server;
}

godwit_server_t *
godwit__server_hold_next (godwit__pool_t *pool, uint32_t after)
{
    godwit_server_t *next = NULL;
    godwit__pool_lock (pool);
    for (godwit_server_t *at = godwit__server_table_first (&pool->servers); at;
         at = godwit__server_table_next (&pool->servers, at))
        if (at->id > after && (!next || at->id < next->id) && !at->leaving && !at->destroyed && !at->is_lane)
            next = at;
    hold (next);
    godwit__pool_unlock (pool);
    return next;
}

void
godwit__server_let_go (godwit_server_t *server)
{
    godwit__pool_t *const pool = server->pool;
    godwit__pool_lock (pool);
    server->held--;
    godwit__pool_changed (pool);
    godwit__pool_unlock (pool);
}

godwit__server_load_t
godwit__server_load (godwit_server_t *server)
{
    godwit__pool_lock (server->pool);
    const godwit__server_load_t load = {
        .queued = server->queued,
        .running = server->active,
        .occupied = server->occupied,
        .queue_limit = server->queue_limit,
        .concurrency = server->concurrency,
        .queued_size = server->queued_size,
        .refused = server->refused,
        .accepts = server->accepts,
        .life = atomic_load (&server->life),
    };
    godwit__pool_unlock (server->pool);
    return load;
}

godwit__pool_load_t
godwit__pool_load (godwit__pool_t *pool)
{
    godwit__pool_lock (pool);
    godwit__pool_load_t load = {.unused = pool->free_count};
    for (const godwit_server_t *at = godwit__server_table_first (&pool->servers); at;
         at = godwit__server_table_next (&pool->servers, at)) {
        load.used += at->occupied + at->queued;
        load.queued_size += at->queued_size;
    }
    godwit__pool_unlock (pool);
    return load;
}
