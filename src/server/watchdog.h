/* SPDX-License-Identifier: Apache-2.0 */
/* The watchdog: takes the lead away from a worker whose handler runs for too long (src/server/pool.h). It is
 * awake while handlers run with the lead:
 *
 *            nothing ran for 100 ms, and no leader is busy
 *     awake ------------------------------------------------> asleep
 *       ^  every 1 to 4 ms: steal from those who are late       |
 *       +-------------------------------------------------------+
 *            a leader starts a handler: posts the task
 */
#ifndef GODWIT_SRC_SERVER_WATCHDOG_H
#define GODWIT_SRC_SERVER_WATCHDOG_H

#include "src/loop/reactor.h"

#include <stdatomic.h>
#include <stdbool.h>

struct godwit__pool;

typedef struct godwit__watchdog {
    atomic_bool sleeps;

    /* The control thread's. */
    godwit__task_t task;
    godwit__timer_t timer;
    int64_t active_ns; /* when a handler last ran with the lead */
    uint64_t run_count;
    int64_t period_ns;
} godwit__watchdog_t;

void godwit__watchdog_init (struct godwit__pool *pool);
/* Control thread; nothing of the watchdog runs afterwards. */
void godwit__watchdog_stop (struct godwit__pool *pool);
/* A leader starts a handler: the watchdog must be awake. */
void godwit__watchdog_wake (struct godwit__pool *pool);

#endif
