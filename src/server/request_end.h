/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a request that ran: its handler, and whoever kept it, have no more use for it
 * (godwit_request_keep and godwit_request_destroy are here, too). Giving up the last reference ends the
 * request: it is replied to, if it was not yet, and leaves its server. Its memory goes to the pool's free
 * list (godwit__request_recycle), as soon as no value in it is in use any more. */
#ifndef GODWIT_SRC_SERVER_REQUEST_END_H
#define GODWIT_SRC_SERVER_REQUEST_END_H

#include "src/server/request.h"

/* Called by the thread that ran the request, or that was to run it: the request no longer counts as active,
 * and if nobody kept it, it is over. looks: the caller looks for further work itself; otherwise a worker is
 * woken if there is work.
 */
void godwit__request_settle (godwit_request_t *request, bool looks);
/* The same for a worker that leads on the port, and has more of a batch to work off: what needs pool.lock is
 * left until the leader takes that lock for the next request, or has read the last. Not for a request that
 * was kept. */
void godwit__request_settle_later (godwit__port_t *port, godwit_request_t *request);
/* With pool.lock, the leader's thread: does what was left, if anything was. */
void godwit__port_settle_left (godwit__port_t *port);

#endif
