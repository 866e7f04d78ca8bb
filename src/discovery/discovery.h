/* SPDX-License-Identifier: Apache-2.0 */
/* How servers are found: the directory of servers that matchmakers have told of and the data path has
 * observed, the peers behind it, and the choice of a server for each call. src/transport uses these
 * functions.
 */
#ifndef GODWIT_SRC_DISCOVERY_DISCOVERY_H
#define GODWIT_SRC_DISCOVERY_DISCOVERY_H

#include "src/discovery/directory.h"

/* Makes transport->directory. */
godwit_status_t godwit__discovery_open (godwit_transport_t *transport, godwit_error_t **error);
/* Forgets all servers and ends all connections. Control thread, when the transport is closing. */
void godwit__discovery_close (godwit_transport_t *transport);

/* What the matchmaker tells. These functions take the lock. Control thread. */

/* A server is there, or has changed. True: it is new, takes requests, and belongs to another transport. */
bool godwit__discovery_seen (godwit_transport_t *transport, godwit__record_t *record);
/* No matchmaker knows it any more. withdrawn: its own process said that it leaves. */
void godwit__discovery_gone (godwit_transport_t *transport, const uint8_t instance[GODWIT__UUID_SIZE],
                             uint32_t server_id, bool withdrawn);
void godwit__discovery_synced (godwit_transport_t *transport);
/* Whether all names were told; text: which sources are awaited or out of reach. */
void godwit__discovery_names (godwit_transport_t *transport, godwit__names_state_t state, const char *text);
/* From time to time: logs what the data path has found out about servers. Control thread. */
void godwit__discovery_tick (godwit_transport_t *transport);

#endif
