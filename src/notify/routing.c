/* SPDX-License-Identifier: Apache-2.0 */
#include "src/notify/routing.h"

#include "src/error/error.h"
#include "src/error/struct_size.h"

#include <stdatomic.h>

/* The process's. */
static _Atomic (const godwit_routing_t *) used;

godwit_status_t
godwit_notify_use_routing (const godwit_routing_t *routing, godwit_error_t **error)
{
    const godwit_status_t status = godwit__struct_check (&godwit__struct_routing, routing, error);
    if (status)
        return status;
    if (routing && (!routing->open || !routing->close || !routing->driver || !routing->accepts))
        return godwit__error_set (
            error, GODWIT_ERR_INVALID_ARGUMENT,
            "routing: expected the functions open, close, driver and accepts; one is missing");
    atomic_store_explicit (&used, routing, memory_order_release);
    return GODWIT_OK;
}

godwit_status_t
godwit__routing_open (const godwit_routing_t **routing, void **rules, const char *path,
                      godwit_error_t **error)
{
    const godwit_routing_t *const found = atomic_load_explicit (&used, memory_order_acquire);
    void *made = NULL;
    if (!found) {
        godwit__error_set (error, GODWIT_ERR_DRIVER_LOAD,
                           "The driver routing needs godwit-routing: call godwit_notify_use_routing "
                           "(godwit_routing_yaml (), ...), of godwit/routing.h, before");
        if (error)
            godwit_error_set_detail (*error, "driver", "routing");
        return GODWIT_ERR_DRIVER_LOAD;
    }
    if (!path || !*path)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "routing_config: expected the file with the rules of the driver routing, "
                                  "got %s",
                                  path ? "\"\"" : "NULL");
    const godwit_status_t status = found->open (&made, path, error);
    if (status)
        return status;
    *rules = made;
    *routing = found;
    return GODWIT_OK;
}
