/* SPDX-License-Identifier: Apache-2.0 */
/* Figures: of the process, and of each of its servers. */
#include "src/introspection/look.h"

#include "src/base/wall.h"
#include "src/error/error.h"
#include "src/introspection/counters.h"
#include "src/server/server_hold.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Servers that are told. */
#define SERVERS_MAX 256

/* Bytes of memory that the process has; 0: not known. */
static uint64_t
resident_size (void)
{
    char text[128];
    const int fd = open ("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    const ssize_t size = fd >= 0 ? read (fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close (fd);
    if (size <= 0)
        return 0;
    text[size] = '\0';
    const char *const second = strchr (text, ' ');
    return second ? strtoull (second, NULL, 10) * (uint64_t) sysconf (_SC_PAGESIZE) : 0;
}

static void
add_memory (godwit_builder_t *builder, const godwit_transport_t *transport)
{
    godwit__pool_t *const pool = transport->pool;
    const godwit__pool_load_t load = pool ? godwit__pool_load (pool) : (godwit__pool_load_t){0};
    godwit_builder_open_map (builder, "memory");
    godwit_builder_uint (builder, "resident", resident_size ());
    godwit_builder_uint (builder, "black_box", transport->box ? transport->box->at.head->size : 0);
    godwit_builder_uint (builder, "requests", load.used);
    godwit_builder_uint (builder, "requests_unused", load.unused);
    godwit_builder_uint (builder, "queued_bytes", load.queued_size);
    godwit_builder_uint (builder, "callers", pool ? godwit__guests_count (&pool->guests) : 0);
    godwit_builder_close (builder);
}

static bool
is_text (const godwit_value_t *entry, const char *key, const char *text)
{
    return strcmp (godwit_value_as_str (godwit_value_get (entry, key), ""), text ? text : "") == 0;
}

/* The entries of the metrics that belong to a server, as they are. */
static void
add_methods (godwit_builder_t *builder, const godwit_server_t *server, const godwit_value_t *metrics)
{
    godwit_builder_open_list (builder, "methods");
    for (size_t i = 0; i < godwit_value_count (metrics); i++) {
        const godwit_value_t *const entry = godwit_value_at (metrics, i);
        if (is_text (entry, "side", "server") &&
            is_text (entry, "exchange", godwit__server_exchange (server)) &&
            is_text (entry, "topic", server->target.topic) &&
            is_text (entry, "server", server->target.server))
            godwit_builder_value (builder, NULL, entry);
    }
    godwit_builder_close (builder);
}

static void
add_server (godwit_builder_t *builder, godwit_server_t *server, const godwit_value_t *metrics)
{
    const godwit__server_load_t load = godwit__server_load (server);
    godwit_builder_open_map (builder, NULL);
    godwit_builder_str (builder, "exchange", godwit__server_exchange (server));
    godwit_builder_str (builder, "topic", server->target.topic);
    godwit_builder_str (builder, "server", server->target.server);
    godwit_builder_str (builder, "state", load.accepts ? "up" : "draining");
    godwit_builder_uint (builder, "life", load.life);
    godwit_builder_uint (builder, "queued", load.queued);
    godwit_builder_uint (builder, "queued_bytes", load.queued_size);
    godwit_builder_uint (builder, "refused", load.refused);
    godwit_builder_uint (builder, "running", load.running);
    godwit_builder_uint (builder, "kept", load.occupied - load.running);
    godwit_builder_uint (builder, "queue_limit", load.queue_limit);
    godwit_builder_uint (builder, "concurrency", load.concurrency);
    add_methods (builder, server, metrics);
    godwit_builder_close (builder);
}

static void
add_servers (godwit_builder_t *builder, const godwit__look_t *look, const godwit_value_t *metrics)
{
    godwit__pool_t *const pool = look->transport->pool;
    uint32_t after = 0;
    godwit_builder_open_list (builder, "servers");
    for (size_t i = 0; pool && i < SERVERS_MAX; i++) {
        godwit_server_t *const server = godwit__server_hold_next (pool, after);
        if (!server)
            break;
        after = server->id;
        if (godwit__look_may (look, godwit__server_exchange (server), server->target.topic))
            add_server (builder, server, metrics);
        godwit__server_let_go (server);
    }
    godwit_builder_close (builder);
}

/* What the process calls. */
static void
add_clients (godwit_builder_t *builder, const godwit__look_t *look, const godwit_value_t *metrics)
{
    godwit_builder_open_list (builder, "clients");
    for (size_t i = 0; i < godwit_value_count (metrics); i++) {
        const godwit_value_t *const entry = godwit_value_at (metrics, i);
        if (is_text (entry, "side", "client") &&
            godwit__look_may (look, godwit_value_as_str (godwit_value_get (entry, "exchange"), ""),
                              godwit_value_as_str (godwit_value_get (entry, "topic"), "")))
            godwit_builder_value (builder, NULL, entry);
    }
    godwit_builder_close (builder);
}

godwit_status_t
godwit__look_stats (const godwit__look_t *look, godwit_builder_t *builder, godwit_error_t **error)
{
    godwit_value_t *metrics = NULL;
    const godwit_status_t status = godwit_transport_metrics (look->transport, &metrics, error);
    if (status)
        return status;
    godwit__look_process (look, builder);
    godwit_builder_int (builder, "now", godwit__wall_ns ());
    godwit_builder_open_map (builder, "counters");
    godwit__counters_build (look->transport, builder);
    godwit_builder_close (builder);
    add_memory (builder, look->transport);
    add_servers (builder, look, metrics);
    add_clients (builder, look, metrics);
    godwit_value_unref (&metrics);
    return GODWIT_OK;
}
