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
 * In brackets: `changing`, while one thread does the step and the others sleep. A stop or a wait is about one
 * life: life n in UP and STOPPED; in NEW, or during a start, the life that follows. Example: a wait in NEW is
 * about life 1. It ends when life 1 has ended, even if life 2 has begun by then.
 *
 * All is guarded by transport.lock. Threads sleep here on transport.changed, because the end of the transport
 * wakes it. Only when a wait or a restart looks at the requests that still run, it uses pool.lock. `visitors`
 * counts the threads in here: destroy sets `ending`, and waits until the last thread has left.
 */
#ifndef GODWIT_SRC_SERVER_LIFECYCLE_H
#define GODWIT_SRC_SERVER_LIFECYCLE_H

#include <godwit/server.h>

#include <stdatomic.h>

/* godwit_server_stop and godwit_server_wait, but TASK_TIMEOUT when two signals have come. signals may be
 * NULL. */
godwit_status_t godwit__server_stop (godwit_server_t *server, const godwit_step_options_t *options,
                                     const atomic_uint *signals, godwit_error_t **error);
godwit_status_t godwit__server_wait (godwit_server_t *server, const godwit_step_options_t *options,
                                     const atomic_uint *signals, godwit_error_t **error);
/* Waits until nobody is in a step any more, and stops the server if it is up. */
void godwit__server_end_steps (godwit_server_t *server);

#endif
