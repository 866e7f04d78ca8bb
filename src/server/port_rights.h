/* SPDX-License-Identifier: Apache-2.0 */
/* Whose certificate stands behind what arrives at a port, and what that allows before a method is known. What
 * a certificate says of methods is looked at in request_rights.h. The leader's thread; only where there is a
 * realm. */
#ifndef GODWIT_SRC_SERVER_PORT_RIGHTS_H
#define GODWIT_SRC_SERVER_PORT_RIGHTS_H

#include "src/server/port.h"
#include "src/wire/header.h"

/* True if the frame that came last is from the process with this instance, as its certified keys say. */
bool godwit__port_is_from (const godwit__port_t *port, const uint8_t instance[GODWIT__UUID_SIZE]);
/* From now on port->caller is whoever sent the frame that came last, over the session's connection. Returns
 * why nothing is taken of it (its certificate is void, or memory is short); 0: it is taken. */
uint32_t godwit__port_meet (godwit__port_t *port, godwit__session_t *session);
/* Answers a frame, whose session may be NULL, with NACK FORBIDDEN, and tells the log. */
void godwit__port_forbid (godwit__port_t *port, godwit__routing_id_t routing_id,
                          const godwit__header_t *header, const godwit__session_t *session);
/* Which publications of this publisher with this key were seen; from now on port->caller is who published the
 * frame that came last. NULL: its certificate allows it to publish nothing of the topic that this server
 * listens to, or is void, which was counted and told; or the server is gone, or memory is short. */
godwit__session_t *godwit__port_meet_publisher (godwit__port_t *port, const uint8_t key[GODWIT__KEY_SIZE],
                                                uint32_t publisher, uint32_t server_id, int64_t now_ns);

#endif
