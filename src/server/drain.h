/* SPDX-License-Identifier: Apache-2.0 */
/* How a server, or the whole process, drains. Its clients are told first, and each answers when it has sent
 * its last request. Only then are requests refused. So no request is refused that a client sent before it
 * knew, and no cast is lost, not even with the connection.
 *
 *     stop, destroy (any thread)   the port's leader                 a client
 *       undrained_ports = all -----> GOODBYE of the server -------------->
 *       waits                        awaited: all who got it         no more requests to it
 *                                            <---- GOODBYE of the server
 *       undrained_ports - 1 <------- nobody is awaited
 *       refuses what comes
 *
 * A GOODBYE of server 0 is about the process: all its servers, for ever. A client that answers it does not
 * use the connection any more. A client that leaves by itself says the same GOODBYE without having been told.
 */
#ifndef GODWIT_SRC_SERVER_DRAIN_H
#define GODWIT_SRC_SERVER_DRAIN_H

#include <godwit/server.h>

#include "src/server/port.h"

/* ---- who drains ---- */

/* Makes the ports tell all clients that the server drains. */
void godwit__drain_begin (godwit_server_t *server);
/* Waits until all clients have answered, or their time is up. With an external loop, and called inside it:
 * returns at once. */
void godwit__drain_await (godwit_server_t *server);
/* Tells all clients that the process leaves, and waits, for a bounded time, until each has sent its last
 * request. From now on no request is accepted. Not the control thread. */
void godwit__pool_drain (struct godwit__pool *pool);

/* ---- the leader's thread ---- */

/* With pool.lock: true if a goodbye is to be said. */
bool godwit__drain_is_due (const godwit__port_t *port);
/* Says the goodbyes that are due, to every client that said HELLO. */
void godwit__drain_say (godwit__port_t *port);
/* A client answered. server_id 0: it answers all goodbyes, since it is gone. */
void godwit__drain_answered (godwit__port_t *port, godwit__routing_id_t routing_id, uint32_t server_id);
/* A client said HELLO: tells it which servers have stopped. */
void godwit__drain_greet (godwit__port_t *port, godwit__routing_id_t routing_id);
/* No thread leads on the port any more: forgets all goodbyes. */
void godwit__drain_release (godwit__port_t *port);

#endif
