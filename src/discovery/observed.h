/* SPDX-License-Identifier: Apache-2.0 */
/* What the data path observes of servers: it has the last word on who is alive. Connections come up and are
 * lost, servers say GOODBYE over them, or refuse requests.
 */
#ifndef GODWIT_SRC_DISCOVERY_OBSERVED_H
#define GODWIT_SRC_DISCOVERY_OBSERVED_H

#include "src/discovery/directory.h"

/* What peers and their connections tell. */
extern const godwit__peer_hooks_t godwit__observed_hooks;

/* A server said that it drains (NACK), or that it is not there: no calls go to it until it is announced anew.
 * revision: of the record that it spoke of; what has a later one has started again since then (0: it has
 * not). Takes the lock. */
void godwit__directory_refused (godwit_transport_t *transport, uint64_t key, uint32_t revision, bool gone);

#endif
