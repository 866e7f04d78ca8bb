/* SPDX-License-Identifier: Apache-2.0 */
/* Brings a bulletin to the processes of a realm: to one rendezvous, from where it spreads. */
#ifndef GODWIT_TOOLS_REALM_TELL_H
#define GODWIT_TOOLS_REALM_TELL_H

#include "tools/godwit/realm_folder.h"

/* Joins the rendezvous of a URL, with a certificate that ends in 5 minutes and has no rights, and waits until
 * the folder's bulletin is there; the folder's key is open. TIMEOUT: nobody was reached, and why. FAILED:
 * another one is there, whose number is not smaller. */
godwit_status_t realm_tell (realm_folder_t *folder, const char *url, int64_t timeout_ms,
                            godwit_error_t **error);

#endif
