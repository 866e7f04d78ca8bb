/* SPDX-License-Identifier: Apache-2.0 */
/* Over which connections this process calls others, and who calls it. */
#include "src/introspection/look.h"

#include "src/discovery/connection_view.h"
#include "src/error/error.h"
#include "src/value/build.h"

#include <stdlib.h>
#include <string.h>

/* In each direction. */
#define CONNECTIONS_MAX 4096

static bool
may_see (const void *user, const char *exchange, const char *topic)
{
    return godwit__look_may (user, exchange, topic);
}

/* ---- who calls ---- */

static void
add_time (godwit_builder_t *builder, const char *name, int64_t at_ns, int64_t shift_ns)
{
    if (at_ns)
        godwit_builder_int (builder, name, at_ns + shift_ns);
    else
        godwit_builder_nil (builder, name);
}

static void
add_text (godwit_builder_t *builder, const char *name, const char *text)
{
    if (text && *text)
        godwit_builder_str (builder, name, text);
    else
        godwit_builder_nil (builder, name);
}

/* Which of its paths a link came over only its driver knows, if it has several. */
static void
add_guest (godwit_builder_t *builder, const godwit__guest_sight_t *sight, int64_t shift_ns)
{
    godwit_builder_open_map (builder, NULL);
    godwit_builder_str (builder, "direction", "in");
    godwit_builder_str (builder, "state", sight->left_ns ? "ended" : "open");
    add_text (builder, "path", strcmp (sight->driver, "inproc") == 0 ? sight->driver : NULL);
    godwit__build_hex (builder, "instance", sight->instance, sizeof sight->instance);
    add_text (builder, "name", sight->name);
    add_time (builder, "since", sight->since_ns, shift_ns);
    godwit_builder_uint (builder, "received", sight->received);
    godwit_builder_uint (builder, "received_bytes", sight->received_size);
    add_time (builder, "ended", sight->left_ns, shift_ns);
    add_text (builder, "reason", sight->reason);
    godwit_builder_close (builder);
}

static godwit_status_t
add_guests (const godwit__look_t *look, godwit_builder_t *builder, godwit_error_t **error)
{
    godwit__pool_t *const pool = look->transport->pool;
    const int64_t shift_ns = godwit__transport_wall_shift (look->transport);
    size_t count = 0;
    if (!pool)
        return GODWIT_OK;
    godwit__guest_sight_t *const sights = godwit__guests_look (&pool->guests, CONNECTIONS_MAX, &count);
    if (!sights)
        return godwit__error_no_memory (error);
    for (size_t i = 0; i < count; i++)
        add_guest (builder, &sights[i], shift_ns);
    free (sights);
    return GODWIT_OK;
}

/* ---- both ---- */

/* Those who call are not of any topic. */
godwit_status_t
godwit__look_connections (const godwit__look_t *look, godwit_builder_t *builder, godwit_error_t **error)
{
    const bool sees_all = godwit__look_may_all (look);
    godwit__look_process (look, builder);
    godwit_builder_open_list (builder, "connections");
    godwit_status_t status = GODWIT_OK;
    if (!godwit__connections_view (look->transport, CONNECTIONS_MAX, sees_all ? NULL : may_see, look,
                                   builder))
        status = godwit__error_no_memory (error);
    else if (sees_all)
        status = add_guests (look, builder, error);
    godwit_builder_close (builder);
    return status;
}
