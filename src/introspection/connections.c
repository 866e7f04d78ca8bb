/* SPDX-License-Identifier: Apache-2.0 */
/* Over which connections this process calls others. */
#include "src/introspection/look.h"

#include "src/discovery/connection_view.h"

#define CONNECTIONS_MAX 4096

static bool
may_see (const void *user, const char *exchange, const char *topic)
{
    return godwit__look_may (user, exchange, topic);
}

godwit_status_t
godwit__look_connections (const godwit__look_t *look, godwit_builder_t *builder, godwit_error_t **error)
{
    (void) error;
    godwit__look_process (look, builder);
    godwit_builder_open_list (builder, "connections");
    godwit__connections_view (look->transport, CONNECTIONS_MAX, look->caller ? may_see : NULL, look, builder);
    godwit_builder_close (builder);
    return GODWIT_OK;
}
