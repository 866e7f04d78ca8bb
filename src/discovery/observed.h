/* SPDX-License-Identifier: Apache-2.0 */
/* What the data path observes of servers: it has the last word on who is alive. Connections come up and are
 * lost, servers say GOODBYE over them, or refuse requests.
 */
#ifndef GODWIT_SRC_DISCOVERY_OBSERVED_H
#define GODWIT_SRC_DISCOVERY_OBSERVED_H

#include "src/discovery/directory.h"

/* What peers and their connections call. */
extern const godwit__peer_hooks_t godwit__observed_hooks;

/* A process said (NACK) that its server drains, or (gone) is not there: no calls go to the server until it is
 * announced again. revision: of the record that the NACK is about; a member with a later record has started
 * again since, and is left alone. 0: not known, any member is meant. Takes the lock. */
void godwit__directory_refused (godwit_transport_t *transport, uint64_t key, uint32_t revision, bool gone);

#endif
