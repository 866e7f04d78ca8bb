/* SPDX-License-Identifier: Apache-2.0 */
/* What a server serves. */
#include "src/introspection/look.h"

#include "src/base/wall.h"
#include "src/server/server_hold.h"

#include <unistd.h>

/* Servers of the own process that are told. */
#define SERVERS_MAX 256

godwit_status_t
godwit__look_ping (const godwit__look_t *look, godwit_builder_t *builder, godwit_error_t **error)
{
    (void) look, (void) error;
    godwit_builder_int (builder, "pid", getpid ());
    godwit_builder_int (builder, "now", godwit__wall_ns ());
    return GODWIT_OK;
}

static void
add_server (godwit_builder_t *builder, const godwit_server_t *server)
{
    godwit_builder_str (builder, "exchange", godwit__server_exchange (server));
    godwit_builder_str (builder, "topic", server->target.topic);
    godwit_builder_str (builder, "server", server->target.server);
    godwit_builder_open_map (builder, "policy");
    godwit_builder_str (builder, "executor", server->in_order ? "inline" : "pool");
    godwit_builder_uint (builder, "concurrency", server->concurrency);
    godwit_builder_uint (builder, "queue_limit", server->queue_limit);
    godwit_builder_bool (builder, "serializer", server->serializer != NULL);
    godwit_builder_bool (builder, "authorize", server->authorize != NULL);
    godwit_builder_close (builder);
    godwit_builder_open_list (builder, "endpoints");
    godwit__dispatch_tell (server->dispatch, builder);
    godwit_builder_close (builder);
}

/* For the own program: all of them. */
static void
add_servers (godwit_builder_t *builder, godwit__pool_t *pool)
{
    uint32_t after = 0;
    godwit_builder_open_list (builder, "servers");
    for (size_t i = 0; pool && i < SERVERS_MAX; i++) {
        godwit_server_t *const server = godwit__server_hold_next (pool, after);
        if (!server)
            break;
        after = server->id;
        godwit_builder_open_map (builder, NULL);
        add_server (builder, server);
        godwit_builder_close (builder);
        godwit__server_let_go (server);
    }
    godwit_builder_close (builder);
}

godwit_status_t
godwit__look_describe (const godwit__look_t *look, godwit_builder_t *builder, godwit_error_t **error)
{
    (void) error;
    godwit__look_process (look, builder);
    if (look->server)
        add_server (builder, look->server);
    else
        add_servers (builder, look->transport->pool);
    return GODWIT_OK;
}
