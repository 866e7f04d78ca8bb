/* SPDX-License-Identifier: Apache-2.0 */
/* What this process knows of the servers of the cluster, and from whom. */
#ifndef GODWIT_SRC_DISCOVERY_VIEW_H
#define GODWIT_SRC_DISCOVERY_VIEW_H

#include "src/discovery/directory.h"

/* Makes a list of the servers that the directory has, in no particular order: maps as
 * godwit_transport_servers tells them. Takes transport.lock. Any thread. OUT_OF_MEMORY. */
godwit_status_t godwit__directory_view (godwit_transport_t *transport, godwit_value_t **list,
                                        godwit_error_t **error);

#endif
