/* SPDX-License-Identifier: Apache-2.0 */
/* A server, or the whole process, drains: its clients are told first, and each answers when it has sent its
 * last request. Then it refuses what comes: nothing that was sent in good faith is refused, nor lost if it
 * was a cast, nor with the connection.
 *
 *     stop, destroy (any thread)   the port's leader                 a client
 *       undrained_ports = all -----> GOODBYE of the server -------------->
 *       waits                        awaited: all who got it         no more requests to it
 *                                            <---- GOODBYE of the server
 *       undrained_ports - 1 <------- nobody is awaited
 *       refuses what comes
 *
 * A GOODBYE of server 0 is that of the process: of all its servers, and for good. A client that answers it
 * has done with the connection. One that leaves by itself says the same, without having been told.
 */
#ifndef GODWIT_SRC_SERVER_DRAIN_H
#define GODWIT_SRC_SERVER_DRAIN_H

#include <godwit/server.h>

#include "src/server/port.h"

/* ---- who drains ---- */

/* Has the ports tell everybody that the server drains. */
void godwit__drain_begin (godwit_server_t *server);
/* Waits until everybody has answered, or has lost the right to be waited for. Not with an external loop from
 * within itself: returns at once. */
void godwit__drain_await (godwit_server_t *server);
/* Tells all clients that the process leaves, and waits, for a bounded time, until each has sent its last
 * request. From now on no request is accepted. Not the control thread. */
void godwit__pool_drain (struct godwit__pool *pool);

/* ---- the leader's thread ---- */

/* With pool.lock: a goodbye is to be said. */
bool godwit__drain_is_due (const godwit__port_t *port);
/* Says the goodbyes that are due to everybody who said HELLO. */
void godwit__drain_say (godwit__port_t *port);
/* An answer. server_id 0: to all of them, the client is gone. */
void godwit__drain_answered (godwit__port_t *port, godwit__routing_id_t routing_id, uint32_t server_id);
/* Somebody said HELLO: tells which servers have stopped. */
void godwit__drain_greet (godwit__port_t *port, godwit__routing_id_t routing_id);
/* Nobody leads any more: forgets all. */
void godwit__drain_release (godwit__port_t *port);

#endif
