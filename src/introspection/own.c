/* SPDX-License-Identifier: Apache-2.0 */
/* What a process tells its own program. */
#include "src/introspection/look.h"

#include "src/error/error.h"

#include <string.h>

godwit_status_t
godwit_transport_introspection (godwit_transport_t *transport, const char *method, godwit_fields_t args,
                                godwit_value_t **answer, godwit_error_t **error)
{
    godwit_value_t *map = NULL;
    if (!transport || !method || !answer)
        return godwit__error_null (error, !transport ? "transport" : !method ? "method" : "answer");
    godwit_status_t status = godwit__transport_check (transport, error);
    if (status == GODWIT_OK)
        status = godwit_value_new_map (&map, args, error);
    if (status)
        return status;
    const godwit__look_t look = {.transport = transport, .args = map};
    status = godwit__look (&look, method, answer, error);
    godwit_value_unref (&map);
    return status;
}
