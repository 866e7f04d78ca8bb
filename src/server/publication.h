/* SPDX-License-Identifier: Apache-2.0 */
/* Publications that come in at a port: gives them to the servers that subscribe, drops those that came twice,
 * and counts those that were missed. The leader's thread. */
#ifndef GODWIT_SRC_SERVER_PUBLICATION_H
#define GODWIT_SRC_SERVER_PUBLICATION_H

#include "src/server/port.h"
#include "src/wire/header.h"

/* Gives a publication to all servers that listen to its key. Consumes the frame, and changes the header.
 * False: the worker no longer leads. */
bool godwit__port_publication (godwit__port_t *port, godwit__worker_t *worker, godwit__header_t *header,
                               godwit__frame_t *frame);
/* LAST: a publisher tells the number of its last publication. Publications that have not come by now are
 * lost. */
void godwit__port_last_publication (godwit__port_t *port, const uint8_t *key, const godwit__header_t *header);

#endif
