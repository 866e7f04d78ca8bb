/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the requests that a CANCEL, the end of a client, or the end of a server cancels
 * (src/server/cancel.h). */
#ifndef GODWIT_SRC_SERVER_CANCEL_FIND_H
#define GODWIT_SRC_SERVER_CANCEL_FIND_H

#include "src/server/pool.h"
#include "src/wire/header.h"

/* CANCEL: a queued request is dropped, one that runs or is kept is marked. Only the client that sent the
 * request can cancel it. */
void godwit__pool_cancel (godwit__pool_t *pool, const godwit__port_t *port, godwit__routing_id_t routing_id,
                          const godwit__header_t *header);
/* The same for all requests of a client that has gone. */
void godwit__pool_cancel_all (godwit__pool_t *pool, const godwit__port_t *port,
                              godwit__routing_id_t routing_id);
/* With pool.lock: marks the kept requests of a server that is being destroyed. */
void godwit__cancel_kept (const godwit_server_t *server);

#endif
