/* SPDX-License-Identifier: Apache-2.0 */
/* What a program can ask of the servers that its transport knows. */
#include "src/discovery/view.h"
#include "src/error/error.h"

godwit_status_t
godwit_transport_servers (godwit_transport_t *transport, godwit_value_t **servers, godwit_error_t **error)
{
    if (!transport || !servers)
        return godwit__error_null (error, transport ? "servers" : "transport");
    const godwit_status_t status = godwit__transport_check (transport, error);
    return status ? status : godwit__directory_view (transport, servers, error);
}
