/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a server: of its steps, of its part in the pool, and then of itself. */
#include "src/base/uncancelled.h"
#include "src/server/abandon.h"
#include "src/server/accept.h"
#include "src/server/cancel_find.h"
#include "src/server/lifecycle.h"
#include "src/server/queue.h"
#include "src/server/server_table.h"

/* With the lock, which is released meanwhile. False: some were abandoned, now or when the transport ended. */
static bool
wait_for_handlers (godwit_server_t *server)
{
    godwit__pool_t *const pool = server->pool;
    if (pool->closed) /* the transport is gone, and with it all that could be waited for */
        return server->active == 0;
    while (server->held)
        godwit__pool_wait_threads (pool, GODWIT__NEVER);
    const int64_t until_ns = godwit__pool_end_ns (pool);
    while (server->active > server->abandoned || godwit__abandoned_sends (server)) {
        int64_t left_ns = GODWIT__NEVER;
        if (until_ns != GODWIT__NEVER)
            left_ns = until_ns - godwit__clock_now (&pool->clock);
        if (left_ns <= 0) {
            godwit__abandon_running (pool, server, "The end of a server");
            left_ns = GODWIT__ABANDON_AGAIN_NS;
        }
        if (server->active > server->abandoned || godwit__abandoned_sends (server))
            godwit__pool_wait_threads (pool, left_ns);
    }
    return server->active == 0;
}

/* Ends the server's part in the pool. Frees it, unless requests of it were kept. */
static void
leave_pool (godwit_server_t *server)
{
    godwit__pool_t *const pool = server->pool;
    godwit__list_t refused;
    godwit__list_init (&refused);
    godwit__pool_lock (pool);
    godwit__queue_empty (server, &refused);
    const bool refuses = !godwit__list_is_empty (&refused);
    if (refuses)
        pool->users++;
    godwit__server_table_remove (&pool->servers, server);
    godwit__queue_forget (server);
    server->leaving = true;
    godwit__pool_unlock (pool);
    godwit__refuse_requests (&refused);
    if (refuses)
        godwit__pool_leave (pool);

    godwit__pool_lock (pool);
    const bool is_over = wait_for_handlers (server);
    godwit__pool_unlock (pool);
    if (is_over)
        godwit__dispatch_destroy_endpoints (server->dispatch);

    godwit__pool_lock (pool);
    godwit__cancel_kept (server);
    server->destroyed = true;
    godwit__server_left (server);
    pool->refs--;
    godwit__pool_unlock (pool);
}

void
godwit_server_destroy (godwit_server_t **server_p)
{
    GODWIT__UNCANCELLED;
    if (!server_p || !*server_p)
        return;
    godwit_server_t *const server = *server_p;
    godwit_transport_t *const transport = server->transport;
    *server_p = NULL;
    if (godwit__transport_check (transport, NULL) == GODWIT_ERR_FORKED) {
        /* In the child of a fork(): locks may be held by threads that this process does not have. */
        godwit__server_free (server);
        godwit__transport_unref (transport);
        return;
    }
    godwit__server_end_steps (server);
    if (server->pool) {
        leave_pool (server);
    } else {
        godwit__dispatch_destroy_endpoints (server->dispatch);
        godwit__server_free (server);
    }
    godwit__transport_unref (transport);
}
