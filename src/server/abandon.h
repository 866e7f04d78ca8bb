/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers that do not come back: what still runs, by name, and not waiting for it any longer.
 *
 * A handler that was abandoned still has its request, its server, the pool and the transport. So these stay
 * until it returns, and the pool and the transport for ever: they are in a list that is reachable, for
 * debuggers and for those who look for leaks. What it does with its request goes nowhere. */
#ifndef GODWIT_SRC_SERVER_ABANDON_H
#define GODWIT_SRC_SERVER_ABANDON_H

#include "src/server/server.h"

enum { GODWIT__RUNNING_TEXT = 1024 };

/* With pool.lock: names the handlers of a server that run, "method of <Target ...>, for 1200 ms, called over
 * connection ...", with a ';' between them. Appends to text, which has GODWIT__RUNNING_TEXT bytes, and cuts.
 */
void godwit__running_print (const godwit_server_t *server, char text[GODWIT__RUNNING_TEXT]);

/* With pool.lock, which is released while kept replies are sent and the log is told: handlers of a server
 * (NULL: of all) that run now are not waited for any longer, those of calls that run on their callers'
 * threads excepted. Reports them as what `who` does not wait for. */
void godwit__abandon_running (godwit__pool_t *pool, godwit_server_t *server, const char *who);
/* With pool.lock: true while a handler of the server that was abandoned is still sending its reply. That does
 * not block. */
bool godwit__abandoned_sends (const godwit_server_t *server);
/* Until when handlers are waited for that run now: the option destroy_timeout_ms. GODWIT__NEVER: no limit. */
int64_t godwit__pool_end_ns (const godwit__pool_t *pool);
/* After that time it is looked again this often, for handlers that were about to begin. */
#define GODWIT__ABANDON_AGAIN_NS (5 * GODWIT__NS_PER_MS)
/* With pool.lock: the pool, and the transport, are never freed. */
void godwit__abandon_pool (godwit__pool_t *pool);

#endif
