/* SPDX-License-Identifier: Apache-2.0 */
/* What this process knows and believes of others. */
#include "src/introspection/look.h"

#include "src/discovery/view.h"

/* Servers that are told. */
#define SERVERS_MAX 16384

/* Points are few: they are told under their lock, for which only the control thread could wait. */
static void
add_points (godwit_builder_t *builder, godwit__rendezvous_points_t *points)
{
    godwit_builder_open_list (builder, "points");
    pthread_mutex_lock (&points->lock);
    for (size_t i = 0; i < points->count; i++) {
        const godwit__rendezvous_point_t *const point = &points->list[i];
        godwit_builder_open_map (builder, NULL);
        godwit_builder_str (builder, "address", point->address);
        godwit_builder_bool (builder, "joined", point->is_joined);
        godwit_builder_bool (builder, "hosted", point->is_hosted);
        godwit_builder_close (builder);
    }
    pthread_mutex_unlock (&points->lock);
    godwit_builder_close (builder);
}

static void
add_rendezvous (godwit_builder_t *builder, godwit_transport_t *transport)
{
    const godwit__matchmaker_gauges_t *const gauges = &transport->gauges;
    godwit_builder_open_map (builder, "rendezvous");
    godwit_builder_uint (builder, "known", atomic_load (&gauges->rendezvous_known));
    godwit_builder_uint (builder, "joined", atomic_load (&gauges->rendezvous_joined));
    godwit_builder_uint (builder, "hosted", atomic_load (&gauges->rendezvous_hosted));
    add_points (builder, &transport->points);
    godwit_builder_close (builder);
}

godwit_status_t
godwit__look_view (const godwit__look_t *look, godwit_builder_t *builder, godwit_error_t **error)
{
    godwit_value_t *list = NULL;
    size_t told = 0;
    const godwit_status_t status = godwit__directory_view (look->transport, &list, error);
    if (status)
        return status;
    godwit__look_process (look, builder);
    godwit_builder_open_list (builder, "servers");
    for (size_t i = 0; i < godwit_value_count (list) && told < SERVERS_MAX; i++) {
        const godwit_value_t *const server = godwit_value_at (list, i);
        if (!godwit__look_may (look, godwit_value_as_str (godwit_value_get (server, "exchange"), ""),
                               godwit_value_as_str (godwit_value_get (server, "topic"), "")))
            continue;
        godwit_builder_value (builder, NULL, server);
        told++;
    }
    godwit_builder_close (builder);
    godwit_builder_bool (builder, "truncated", told == SERVERS_MAX);
    godwit_value_unref (&list);
    add_rendezvous (builder, look->transport);
    return GODWIT_OK;
}
