/* SPDX-License-Identifier: Apache-2.0 */
/* What a program can do with a transport: the errors that it accepts, and its loop. */
#include "src/base/uncancelled.h"
#include "src/runtime/control.h"

#include "src/error/error.h"
#include "src/error/error_classes.h"

/* ---- errors ---- */

godwit_status_t
godwit_transport_register_error (godwit_transport_t *transport, const godwit_error_class_t *error_class,
                                 godwit_error_t **error)
{
    if (!transport || !error_class || !error_class->name || !*error_class->name)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected one, got %s",
                                  !transport     ? "transport"
                                  : !error_class ? "error_class"
                                                 : "the class's name",
                                  transport && error_class && error_class->name ? "\"\"" : "NULL");
    const godwit_status_t status = godwit__transport_check (transport, error);
    return status ? status : godwit__error_classes_add (transport->error_classes, error_class, error);
}

/* ---- the program's loop ---- */

godwit_status_t
godwit_transport_process (godwit_transport_t *transport, int64_t timeout_ms, godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    if (!transport || !transport->options.external_loop)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "transport: expected one that was made with external_loop");
    const godwit_status_t status = godwit__transport_check (transport, error);
    if (status)
        return status;
    if (godwit__transport_is_processing (transport))
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "godwit_transport_process was called from a handler or a callback");
    godwit__control_process (transport, timeout_ms < 0 ? GODWIT__NEVER : godwit__ns_of_ms (timeout_ms));
    return GODWIT_OK;
}

int
godwit_transport_fd (const godwit_transport_t *transport)
{
    return transport && transport->options.external_loop ? godwit__reactor_fd (transport->control) : -1;
}
