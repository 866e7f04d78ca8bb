/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a server's life (contract 6).
 *
 *                start                 stop
 *      NEW ---(START)---> UP, life n ---(STOP)---> STOPPED, life n
 *       ^        |           ^  ^                    |    ^
 *       +-failed-+           |  +--------(START)-----+    |  start, once all requests of life n have ended;
 *                            |              |             |  life n + 1 then
 *                         start: OK         +---failed----+
 *
 * In brackets: `changing`, while one thread does the step and the others sleep. Whoever asks for a step names
 * the life that it is about: the present one, or, when there is none, the next. So a stop or a wait that came
 * before its start ends with the life that follows, however fast that is stopped and started again.
 *
 * All is guarded by transport.lock, and whoever sleeps here sleeps on transport.changed, because that is what
 * the end of the transport wakes; only wait's and a restart's look at what still runs is under pool.lock.
 * `visitors` are the threads in here: destroy says that the server is `ending`, and waits for the last one.
 */
#ifndef GODWIT_SRC_SERVER_LIFECYCLE_H
#define GODWIT_SRC_SERVER_LIFECYCLE_H

#include <godwit/server.h>

/* Waits until nobody is in a step any more, and stops the server if it is up. */
void godwit__server_end_steps (godwit_server_t *server);

#endif
