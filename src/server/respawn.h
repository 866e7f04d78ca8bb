/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's thread could not be started: the port that it was to lead on has no leader, and queued requests
 * may wait, until a handler ends. So the control thread tries again until there is nothing left to do.
 *
 *     a start fails --> task --> timer --> is a port without a leader, or a request ready? --> starts one
 *           ^                                                                                   |
 *           +-------------------------------- fails again --------------------------------------+
 */
#ifndef GODWIT_SRC_SERVER_RESPAWN_H
#define GODWIT_SRC_SERVER_RESPAWN_H

#include "src/loop/reactor.h"

struct godwit__pool;

typedef struct godwit__respawn {
    godwit__task_t task; /* posted, with pool.lock, by whoever could not start a thread; arms the timer */
    godwit__timer_t timer;
} godwit__respawn_t;

void godwit__respawn_init (struct godwit__pool *pool);
/* Control thread; no thread is started by it afterwards. The pool is stopping. */
void godwit__respawn_stop (struct godwit__pool *pool);

#endif
