/* SPDX-License-Identifier: Apache-2.0 */
/* Brings a bulletin to the processes of a realm: to one rendezvous, from where it spreads. */
#ifndef GODWIT_TOOLS_REALM_TELL_H
#define GODWIT_TOOLS_REALM_TELL_H

#include "tools/godwit/realm_folder.h"

/* Joins the rendezvous of a URL, with a certificate that ends in 5 minutes and has no rights, and waits until
 * the folder's bulletin, or a newer one (*number), is there. TIMEOUT: nobody was reached, and why; the key is
 * open. */
godwit_status_t realm_tell (realm_folder_t *folder, const char *url, int64_t timeout_ms, uint64_t *number,
                            godwit_error_t **error);

#endif
