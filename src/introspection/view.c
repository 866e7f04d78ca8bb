/* SPDX-License-Identifier: Apache-2.0 */
/* What this process knows and believes of others. */
#include "src/introspection/look.h"

#include "src/discovery/view.h"
#include "src/error/error.h"

/* Servers that are told. */
#define SERVERS_MAX 16384

/* The list of the directory, without those that are not for who asks. */
static godwit_status_t
directory_of (const godwit__look_t *look, godwit_value_t **list, godwit_error_t **error)
{
    godwit_builder_t *builder = godwit_builder_new ();
    godwit__directory_view (look->transport, builder);
    return godwit_builder_finish (&builder, list, error);
}

godwit_status_t
godwit__look_view (const godwit__look_t *look, godwit_builder_t *builder, godwit_error_t **error)
{
    const godwit_transport_t *const transport = look->transport;
    godwit_value_t *list = NULL;
    size_t told = 0;
    const godwit_status_t status = directory_of (look, &list, error);
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
    godwit_builder_open_map (builder, "rendezvous");
    godwit_builder_uint (builder, "known", atomic_load (&transport->gauges.rendezvous_known));
    godwit_builder_uint (builder, "joined", atomic_load (&transport->gauges.rendezvous_joined));
    godwit_builder_uint (builder, "hosted", atomic_load (&transport->gauges.rendezvous_hosted));
    godwit_builder_close (builder);
    return GODWIT_OK;
}
