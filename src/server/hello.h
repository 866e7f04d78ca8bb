/* Who sends to a port: HELLO introduces a client, and who sends malformed frames is not read any more. The
 * leader's thread. */
#ifndef GODWIT_SRC_SERVER_HELLO_H
#define GODWIT_SRC_SERVER_HELLO_H

#include "src/server/port.h"
#include "src/wire/header.h"

/* Answers HELLO. Consumes the frame. */
void godwit__port_hello (godwit__port_t *port, godwit__origin_t origin, const godwit__header_t *header,
                         godwit__frame_t *frame);
/* A malformed frame came, and is counted; after three nothing of the link is read any more. */
void godwit__port_malformed (godwit__port_t *port, godwit__origin_t origin);
/* The same, if it was counted already. Not for publications. */
void godwit__port_strike (godwit__port_t *port, godwit__origin_t origin);

#endif
