/* SPDX-License-Identifier: Apache-2.0 */
/* The watchdog: takes the lead away from a worker whose handler runs for too long (src/server/pool.h). It is
 * awake while handlers run with the lead:
 *
 *            nothing ran for 100 ms, and no leader is busy
 *     awake ------------------------------------------------> asleep
 *       ^  every 1 to 32 ms: steal from those who are late      |
 *       +-------------------------------------------------------+
 *            a leader starts a handler: posts the task
 *
 * A look costs more than many short handlers, because the control thread has to be woken for it. So each look
 * doubles the time to the next one, up to 32 ms, or up to 4 ms for a second after a lead was stolen. A
 * handler that began a while ago is looked at once more after a millisecond.
 *
 * On a busy machine most handlers that are late have not run long: they wait for their turn on a processor,
 * and another worker would only have to wait, too. They keep the lead for a while.
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
    int64_t stolen_ns; /* when a lead was last stolen; 0: none was */
    uint64_t run_count;
    int64_t period_ns;
} godwit__watchdog_t;

void godwit__watchdog_init (struct godwit__pool *pool);
/* Control thread; nothing of the watchdog runs afterwards. */
void godwit__watchdog_stop (struct godwit__pool *pool);
/* A leader starts a handler: the watchdog must be awake. */
void godwit__watchdog_wake (struct godwit__pool *pool);

/* ---- what it decides ---- */

typedef enum godwit__run_class {
    GODWIT__RUN_SHORT,
    GODWIT__RUN_SUSPECT, /* it began a while ago: look again soon */
    GODWIT__RUN_LATE,    /* it is late: if it is blocked, its lead is stolen */
    GODWIT__RUN_LONG     /* its lead is stolen */
} godwit__run_class_t;

/* Of a handler that began age_ns ago, and has used so much processor time since it was looked at first. */
godwit__run_class_t godwit__watchdog_class (int64_t age_ns, int64_t used_ns);
/* The time to the next look, if nobody is suspected, after it was period_ns. calm_ns: since a lead was last
 * stolen. */
int64_t godwit__watchdog_period (int64_t period_ns, int64_t calm_ns);

#endif
