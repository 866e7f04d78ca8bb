/* SPDX-License-Identifier: Apache-2.0 */
/* When the watchdog falls asleep, it first says that it sleeps, and then looks at all leaders once more. A
 * leader first says that it is busy, and then looks whether the watchdog sleeps. Both are sequentially
 * consistent, so at least one sees the other.
 */
#include "src/server/watchdog.h"

#include "src/base/activity.h"
#include "src/server/worker.h"

#define PERIOD_NS GODWIT__NS_PER_MS
#define PERIOD_ALERT_NS (4 * GODWIT__NS_PER_MS)
#define PERIOD_CALM_NS (32 * GODWIT__NS_PER_MS)
#define ALERT_NS (1000 * GODWIT__NS_PER_MS)
#define SUSPECT_NS (GODWIT__NS_PER_MS / 4)
#define LATE_NS GODWIT__NS_PER_MS
#define USED_NS (GODWIT__NS_PER_MS / 2)
#define SPARED_NS (100 * GODWIT__NS_PER_MS)
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

/* ---- what it decides ---- */

godwit__run_class_t
godwit__watchdog_class (int64_t age_ns, int64_t used_ns)
{
    if (age_ns < SUSPECT_NS)
        return GODWIT__RUN_SHORT;
    if (age_ns < LATE_NS)
        return GODWIT__RUN_SUSPECT;
    return used_ns >= USED_NS || age_ns >= SPARED_NS ? GODWIT__RUN_LONG : GODWIT__RUN_LATE;
}

int64_t
godwit__watchdog_period (int64_t period_ns, int64_t calm_ns)
{
    const int64_t most_ns = calm_ns < ALERT_NS ? PERIOD_ALERT_NS : PERIOD_CALM_NS;
    return 2 * period_ns < most_ns ? 2 * period_ns : most_ns;
}

/* ---- looking ---- */

/* A handler that began at `since` runs on the worker. *suspects is set if it is suspected for the first
 * time. */
static godwit__run_class_t
class_of (godwit__worker_t *worker, int64_t since, int64_t now_ns, bool *suspects)
{
    if (godwit__watchdog_class (now_ns - since, 0) == GODWIT__RUN_SHORT)
        return GODWIT__RUN_SHORT;
    const int64_t used_ns = godwit__thread_used_ns (worker->used_clock);
    if (worker->suspect_since != since) {
        worker->suspect_since = since;
        worker->suspect_used_ns = used_ns;
        *suspects = true;
    }
    const godwit__run_class_t class =
        godwit__watchdog_class (now_ns - since, used_ns - worker->suspect_used_ns);
    const bool is_blocked = class == GODWIT__RUN_LATE && !godwit__thread_is_runnable (worker->id);
    return is_blocked ? GODWIT__RUN_LONG : class;
}

/* With the lock: the leader of the port runs no more than this one handler. Returns for whom replies were
 * queued. */
static godwit__routing_id_t
steal (godwit__pool_t *pool, godwit__port_t *port, int64_t now_ns)
{
    pool->watchdog.stolen_ns = now_ns;
    port->leader = NULL;
    const godwit__routing_id_t queued = godwit__reply_batch_queue (&port->reply_batch);
    godwit__pool_wake_worker (pool);
    return queued;
}

/* With the lock. True if a leader runs a handler; *suspects is set if it is to be looked at again soon. */
static bool
look_at (godwit__pool_t *pool, int64_t now_ns, uint64_t *run_count, bool *suspects, queued_t queued)
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
        if (class_of (leader, since, now_ns, suspects) == GODWIT__RUN_LONG &&
            atomic_compare_exchange_strong (&leader->busy_since, &since, GODWIT__LEAD_STOLEN))
            queued[i] = steal (pool, &pool->ports[i], now_ns);
    }
    return busy;
}

static void
tick (godwit__pool_t *pool)
{
    godwit__watchdog_t *const watchdog = &pool->watchdog;
    const int64_t now_ns = godwit__clock_now (&pool->clock);
    uint64_t run_count = 0;
    bool suspects = false;
    queued_t queued = {0};
    godwit__pool_lock (pool);
    if (look_at (pool, now_ns, &run_count, &suspects, queued) || run_count != watchdog->run_count)
        watchdog->active_ns = now_ns;
    watchdog->run_count = run_count;
    bool sleeps = now_ns - watchdog->active_ns >= SLEEP_AFTER_NS;
    if (sleeps) {
        atomic_store (&watchdog->sleeps, true);
        if (look_at (pool, now_ns, &run_count, &suspects, queued)) {
            /* The thread that clears `sleeps` keeps the watchdog awake. */
            sleeps = !atomic_exchange (&watchdog->sleeps, false);
        }
    }
    const int64_t calm_ns = watchdog->stolen_ns ? now_ns - watchdog->stolen_ns : INT64_MAX;
    godwit__pool_unlock (pool);
    flush (pool, queued);
    watchdog->period_ns = godwit__watchdog_period (watchdog->period_ns, calm_ns);
    if (!sleeps)
        godwit__reactor_arm (pool->transport->control, &watchdog->timer,
                             now_ns + (suspects ? PERIOD_NS : watchdog->period_ns));
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
