/* SPDX-License-Identifier: Apache-2.0 */
/* What this process knows of the servers of the cluster, and from whom: to be shown to people. */
#ifndef GODWIT_SRC_DISCOVERY_VIEW_H
#define GODWIT_SRC_DISCOVERY_VIEW_H

#include "src/discovery/directory.h"

/* Adds a list of the servers that the directory has, in no particular order: maps as
 * godwit_transport_servers tells them. Takes transport.lock. Any thread. */
void godwit__directory_view (godwit_transport_t *transport, godwit_builder_t *builder);

#endif
