/* SPDX-License-Identifier: Apache-2.0 */
/* Who sends to a port: HELLO introduces a client, and a link that sends malformed frames is ignored. The
 * leader's thread. */
#ifndef GODWIT_SRC_SERVER_HELLO_H
#define GODWIT_SRC_SERVER_HELLO_H

#include "src/server/port.h"
#include "src/wire/header.h"

/* Answers HELLO. Consumes the frame. */
void godwit__port_hello (godwit__port_t *port, godwit__routing_id_t routing_id,
                         const godwit__header_t *header, godwit__frame_t *frame);
/* A malformed frame came: it is counted, for the transport and for the link. After three, everything else
 * from the link is ignored.
 */
void godwit__port_malformed (godwit__port_t *port, godwit__routing_id_t routing_id);
/* The same for the link only. Not for publications. */
void godwit__port_count_malformed (godwit__port_t *port, godwit__routing_id_t routing_id);

#endif
