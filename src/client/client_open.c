/* SPDX-License-Identifier: Apache-2.0 */
/* The public ways to a client. One with a spool begins to send what is in it. */
#include <godwit/service.h>

#include "src/client/client_settings.h"
#include "src/client/durable.h"
#include "src/error/error.h"

godwit_status_t
godwit_client_new (godwit_client_t **client, godwit_transport_t *transport, const godwit_target_t *target,
                   const godwit_client_options_t *options, godwit_error_t **error)
{
    godwit_spool_t *spool = NULL;
    godwit_client_t *made = NULL;
    godwit_status_t status =
        godwit__client_make (client ? &made : NULL, transport, target, options, &spool, error);
    if (status)
        return status;
    made->close_durable = godwit__durable_close;
    if (spool)
        status = godwit__durable_open (&made->durable, transport, spool, error);
    if (status)
        godwit_client_destroy (&made);
    else
        *client = made;
    return status;
}

godwit_status_t
godwit_backing_off_client_new (godwit_client_t **client, godwit_transport_t *transport,
                               const godwit_target_t *target, const godwit_client_options_t *options,
                               godwit_error_t **error)
{
    godwit_client_t *self = NULL;
    if (!client)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "client: expected a pointer, got NULL");
    const godwit_status_t status = godwit_client_new (&self, transport, target, options, error);
    if (status)
        return status;
    self->backs_off = !options || !options->timeout_ms; /* it is there since the first release */
    *client = self;
    return GODWIT_OK;
}
