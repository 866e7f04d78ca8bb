/* SPDX-License-Identifier: Apache-2.0 */
#include "src/runtime/own_rights.h"

#include "src/error/error.h"

static godwit_status_t
denied (const char *name, const godwit__deed_t *deed, godwit_error_t **error)
{
    char text[GODWIT__DEED_TEXT];
    godwit__deed_refusal (text, name, deed);
    return godwit__error_set_outcome (error, GODWIT_ERR_PERMISSION_DENIED, GODWIT_OUTCOME_NOT_SENT,
                                      "%s: the certificate of this process has no such right (godwit realm "
                                      "issue)",
                                      text);
}

godwit_status_t
godwit__own_right (const godwit_transport_t *transport, const godwit__deed_t *deed, godwit_error_t **error)
{
    if (!transport->realm)
        return GODWIT_OK;
    godwit__party_t *self = godwit__realm_self (transport->realm);
    const godwit_status_t status =
        godwit__party_may (self, deed) ? GODWIT_OK : denied (self->certificate.name, deed, error);
    godwit__party_unref (&self);
    return status;
}
