/* SPDX-License-Identifier: Apache-2.0 */
/* Where a rendezvous is: the driver's address for a host of the URL. */
#ifndef GODWIT_MATCHMAKER_RENDEZVOUS_ADDRESS_H
#define GODWIT_MATCHMAKER_RENDEZVOUS_ADDRESS_H

#include <godwit/url.h>

#include "src/interface/driver.h"

#define GODWIT__RENDEZVOUS_PORT 9573

/* host NULL: no host in the URL. *is_here: no host name was given, so the address is this host's loopback,
 * and the first process there hosts it. INVALID_URL if the name is too long. */
godwit_status_t godwit__rendezvous_address (char address[GODWIT__ADDRESS_SIZE], bool *is_here,
                                            const char *driver_name, const godwit_url_host_t *host,
                                            godwit_error_t **error);

#endif
