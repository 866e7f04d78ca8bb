/* SPDX-License-Identifier: Apache-2.0 */
/* What the certificate of this process allows. Others check it, too; this is to tell the program at once. */
#ifndef GODWIT_SRC_RUNTIME_OWN_RIGHTS_H
#define GODWIT_SRC_RUNTIME_OWN_RIGHTS_H

#include "src/runtime/transport.h"

/* PERMISSION_DENIED: the error names the certificate and the right that is missing. OK without a realm. Any
 * thread, with no lock that a realm's could not follow. */
godwit_status_t godwit__own_right (const godwit_transport_t *transport, const godwit__deed_t *deed,
                                   godwit_error_t **error);

#endif
