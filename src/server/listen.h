/* SPDX-License-Identifier: Apache-2.0 */
/* A server comes up and goes down: what the control thread does for start and stop. */
#ifndef GODWIT_SRC_SERVER_LISTEN_H
#define GODWIT_SRC_SERVER_LISTEN_H

#include <godwit/server.h>

/* The server listens, is announced and takes requests from now on, with that concurrency (0: as before).
 * SERVER_LISTEN with its cause, CLOSED. In the turn of a start. */
godwit_status_t godwit__server_listen (godwit_server_t *server, uint32_t concurrency, godwit_error_t **error);
/* Tells all clients that the server drains, and then takes no more requests. In the turn of a stop, or at the
 * end. */
void godwit__server_unlisten (godwit_server_t *server);

#endif
