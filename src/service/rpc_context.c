/* SPDX-License-Identifier: Apache-2.0 */
#include "src/service/rpc_context.h"

#include "src/base/process.h"
#include "src/error/struct_size.h"

#include <godwit/service.h>

static const godwit_context_hooks_t no_hooks = {.struct_size = sizeof no_hooks};

/* Guarded by the process's lock. */
static godwit_context_hooks_t next_hooks = {.struct_size = sizeof next_hooks};

godwit_status_t
godwit_rpc_set_context_hooks (const godwit_context_hooks_t *hooks, godwit_error_t **error)
{
    godwit_context_hooks_t known = no_hooks;
    const godwit_status_t status =
        hooks ? godwit__struct_read (&godwit__struct_context_hooks, &known, hooks, error) : GODWIT_OK;
    if (status)
        return status;
    godwit__process_lock ();
    next_hooks = known;
    godwit__process_unlock ();
    return GODWIT_OK;
}

godwit_context_hooks_t
godwit__rpc_next_hooks (void)
{
    return next_hooks;
}

godwit_status_t
godwit__rpc_wrap (godwit_serializer_t **wrapped, const godwit_serializer_t *serializer,
                  const godwit_context_hooks_t *hooks, godwit_error_t **error)
{
    if (!serializer && !hooks->to_map && !hooks->from_map)
        return GODWIT_OK;
    return godwit_request_context_serializer_new (wrapped, serializer, hooks, error);
}
