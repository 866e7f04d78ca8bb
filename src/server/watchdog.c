/* SPDX-License-Identifier: Apache-2.0 */
/* When the watchdog falls asleep, it first says that it sleeps, and then looks at all leaders once more. A
 * leader first says that it is busy, and then looks whether the watchdog sleeps. Both are sequentially
 * consistent, so at least one sees the other.
 */
#include "src/server/watchdog.h"

#include "src/server/worker.h"

/* A look costs more than a short handler. So the watchdog looks less often while no handler has run for a
 * part of the time after which it is late. */
#define PERIOD_NS GODWIT__NS_PER_MS
#define PERIOD_MAX_NS (4 * GODWIT__NS_PER_MS)
#define SUSPECT_NS (GODWIT__NS_PER_MS / 4)
#define LATE_NS GODWIT__NS_PER_MS
#define SLEEP_AFTER_NS (100 * GODWIT__NS_PER_MS)

/* Replies that were kept while their leader lost its lead: by port, the peer for whom they were queued. */
typedef godwit__routing_id_t queued_t[GODWIT__DRIVER_MAX];

/* Without the lock. This is the control thread, which also closes the ports. */
static void
flush (const godwit__pool_t *pool, const queued_t queued)
{
    for (size_t i = 0; i < pool->port_count; i++)
        if (queued[i])
            pool->ports[i].channel->ops->flush (pool->ports[i].channel, queued[i]);
}

/* With the lock. True if a leader runs a handler; *suspect is set if a handler began a while ago. */
static bool
look_at (godwit__pool_t *pool, int64_t now_ns, uint64_t *run_count, bool *suspect, queued_t queued)
{
    bool busy = false;
    for (size_t i = 0; i < pool->port_count; i++) {
        godwit__worker_t *const leader = pool->ports[i].leader;
        if (!leader)
            continue;
        *run_count += atomic_load_explicit (&leader->run_count, memory_order_relaxed);
        int64_t since = atomic_load (&leader->busy_since);
        if (since <= 0)
            continue;
        busy = true;
        if (now_ns - since >= SUSPECT_NS)
            *suspect = true;
        if (now_ns - since >= LATE_NS &&
            atomic_compare_exchange_strong (&leader->busy_since, &since, GODWIT__LEAD_STOLEN)) {
            pool->ports[i].leader = NULL;
            queued[i] = godwit__reply_batch_queue (&pool->ports[i].reply_batch);
            godwit__pool_wake_worker (pool);
        }
    }
    return busy;
}

static void
tick (godwit__pool_t *pool)
{
    const int64_t now_ns = godwit__clock_now (&pool->clock);
    uint64_t run_count = 0;
    bool suspect = false;
    queued_t queued = {0};
    godwit__pool_lock (pool);
    if (look_at (pool, now_ns, &run_count, &suspect, queued) || run_count != pool->watchdog.run_count)
        pool->watchdog.active_ns = now_ns;
    pool->watchdog.run_count = run_count;
    bool sleeps = now_ns - pool->watchdog.active_ns >= SLEEP_AFTER_NS;
    if (sleeps) {
        atomic_store (&pool->watchdog.sleeps, true);
        if (look_at (pool, now_ns, &run_count, &suspect, queued)) {
            /* The thread that clears `sleeps` keeps the watchdog awake. */
            sleeps = !atomic_exchange (&pool->watchdog.sleeps, false);
        }
    }
    godwit__pool_unlock (pool);
    flush (pool, queued);
    const int64_t longer_ns =
        2 * pool->watchdog.period_ns < PERIOD_MAX_NS ? 2 * pool->watchdog.period_ns : PERIOD_MAX_NS;
    pool->watchdog.period_ns = suspect ? PERIOD_NS : longer_ns;
    if (!sleeps)
        godwit__reactor_arm (pool->transport->control, &pool->watchdog.timer,
                             now_ns + pool->watchdog.period_ns);
}

static void
timer_fired (godwit__timer_t *timer)
{
    tick (timer->user);
}

static void
woken (godwit__task_t *task)
{
    godwit__pool_t *const pool = task->user;
    pool->watchdog.active_ns = godwit__clock_now (&pool->clock);
    pool->watchdog.period_ns = PERIOD_NS;
    godwit__reactor_arm (pool->transport->control, &pool->watchdog.timer,
                         pool->watchdog.active_ns + PERIOD_NS);
}

void
godwit__watchdog_init (godwit__pool_t *pool)
{
    atomic_init (&pool->watchdog.sleeps, true);
    pool->watchdog.task.run = woken;
    pool->watchdog.task.user = pool;
    pool->watchdog.timer.fire = timer_fired;
    pool->watchdog.timer.user = pool;
}

void
godwit__watchdog_stop (godwit__pool_t *pool)
{
    godwit__reactor_unpost (pool->transport->control, &pool->watchdog.task);
    godwit__reactor_disarm (pool->transport->control, &pool->watchdog.timer);
}

void
godwit__watchdog_wake (godwit__pool_t *pool)
{
    if (atomic_exchange (&pool->watchdog.sleeps, false))
        godwit__reactor_post (pool->transport->control, &pool->watchdog.task);
}
