/* SPDX-License-Identifier: Apache-2.0 */
/* What a server tells of itself: to the matchmaker, and to clients that know only its names. */
#ifndef GODWIT_SRC_SERVER_ANNOUNCE_H
#define GODWIT_SRC_SERVER_ANNOUNCE_H

#include <godwit/server.h>

#include "src/interface/matchmaker.h"
#include "src/server/port.h"
#include "src/wire/header.h"

/* Tells the cluster what the server is now. Control thread. */
godwit_status_t godwit__server_announce (godwit_server_t *server, godwit__record_state_t state,
                                         godwit_error_t **error);
/* The same for all servers that are up. Control thread. */
void godwit__pool_announce (struct godwit__pool *pool);
/* A server was started: warns in the log if another one has its names, in this process or elsewhere. Control
 * thread. */
void godwit__server_warn_duplicates (const godwit_server_t *server);
/* A server of another transport has come up: warns if one of ours has its names. Control thread. */
void godwit__server_warn_duplicate (godwit_transport_t *transport, const godwit__record_t *record);
/* Answers RESOLVE, whose frame is consumed. False: it was malformed. The port's leader. */
bool godwit__server_resolve (godwit__port_t *port, godwit__routing_id_t routing_id,
                             const godwit__header_t *header, godwit__frame_t *frame);

#endif
