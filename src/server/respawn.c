/* SPDX-License-Identifier: Apache-2.0 */
#include "src/server/respawn.h"

#include "src/server/pool.h"
#include "src/server/queue.h"

/* Soon enough for callers, and next to nothing for a machine that has no threads left. */
#define AGAIN_NS (20 * GODWIT__NS_PER_MS)

/* With the lock. Whatever is missing, a worker that wakes finds it. */
static bool
lacks_worker (const godwit__pool_t *pool)
{
    for (size_t i = 0; i < pool->port_count; i++)
        if (!pool->ports[i].leader)
            return true;
    return godwit__queue_is_due (pool);
}

static void
on_timer (godwit__timer_t *timer)
{
    godwit__pool_t *const pool = timer->user;
    godwit__pool_lock (pool);
    if (lacks_worker (pool))
        godwit__pool_wake_worker (pool); /* not while the pool stops */
    godwit__pool_unlock (pool);
}

static void
on_task (godwit__task_t *task)
{
    godwit__pool_t *const pool = task->user;
    godwit__reactor_arm (pool->transport->control, &pool->respawn.timer,
                         godwit__clock_now (&pool->clock) + AGAIN_NS);
}

void
godwit__respawn_init (godwit__pool_t *pool)
{
    pool->respawn.task = (godwit__task_t){.run = on_task, .user = pool};
    pool->respawn.timer = (godwit__timer_t){.fire = on_timer, .user = pool};
}

void
godwit__respawn_stop (godwit__pool_t *pool)
{
    godwit__reactor_unpost (pool->transport->control, &pool->respawn.task);
    godwit__reactor_disarm (pool->transport->control, &pool->respawn.timer);
}
