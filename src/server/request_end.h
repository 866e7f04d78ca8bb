/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a request that ran: its handler is done with it, and whoever kept it (godwit_request_keep and
 * godwit_request_destroy are here, too). Whoever gives the last reference up ends it: it is replied to if it
 * was not yet, leaves its server, and its memory goes to the pool's free list (godwit__request_recycle), or,
 * while values of it are in use, goes there with the last of these. */
#ifndef GODWIT_SRC_SERVER_REQUEST_END_H
#define GODWIT_SRC_SERVER_REQUEST_END_H

#include "src/server/request.h"

/* Ends the part of whoever ran the request, or was to: it no longer counts as active, and if nobody kept it,
 * it is over. looks: the caller looks for further work itself; otherwise somebody is woken if there is some.
 */
void godwit__request_settle (godwit_request_t *request, bool looks);

#endif
