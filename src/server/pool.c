/* SPDX-License-Identifier: Apache-2.0 */
/* The pool's lock, the threads of its workers, and the requests that are not used. */
#include "src/server/pool.h"

#include "src/base/host.h"
#include "src/base/thread.h"
#include "src/loop/clock.h"
#include "src/runtime/wait.h"
#include "src/server/port_send.h"
#include "src/server/request.h"
#include "src/server/server_table.h"
#include "src/server/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* Requests that are kept for later use, of a bit over 1 KiB each. */
#define FREE_LIMIT 256
/* An idle thread ends when it was not needed for this time; one always stays. */
#define IDLE_SECONDS 5

/* ---- the lock ---- */

static void
pool_free (godwit__pool_t *pool)
{
    godwit__cancels_release (pool);
    godwit__call_monitor_release (pool);
    godwit__guests_release (&pool->guests);
    pthread_mutex_destroy (&pool->lock);
    godwit__fork_guard_free (pool->alive);
    godwit__server_table_release (&pool->servers);
    godwit__caller_unref (&pool->own_caller);
    godwit__box_unref (&pool->box);
    free (pool);
}

/* There is more to do than to unlock it. */
void
godwit__pool_unlock_slowly (godwit__pool_t *pool)
{
    size_t spawn_count = pool->spawn_count;
    const bool is_over = pool->refs == 0;
    pool->spawn_count = 0;
    pthread_mutex_unlock (&pool->lock);
    if (is_over) {
        pool_free (pool);
        return;
    }
    for (; spawn_count; spawn_count--)
        godwit__pool_spawn_worker (pool);
}

void
godwit__pool_wait (godwit__pool_t *pool, int64_t timeout_ns)
{
    pool->waiting++;
    /* With an external loop there are no threads to be started when the lock is released. */
    godwit__wait (pool->transport, &pool->changed, &pool->lock, timeout_ns);
    pool->waiting--;
}

void
godwit__pool_wait_threads (godwit__pool_t *pool, int64_t timeout_ns)
{
    pool->waiting++;
    godwit__change_wait (&pool->changed, &pool->lock, timeout_ns);
    pool->waiting--;
}

bool
godwit__pool_enter (godwit__pool_t *pool)
{
    godwit__pool_lock (pool);
    const bool is_open = !pool->closed;
    if (is_open)
        pool->users++;
    godwit__pool_unlock (pool);
    return is_open;
}

void
godwit__pool_leave (godwit__pool_t *pool)
{
    godwit__pool_lock (pool);
    pool->users--;
    godwit__pool_changed (pool);
    godwit__pool_unlock (pool);
}

/* ---- requests that are not used ---- */

void
godwit__pool_recycle (godwit__pool_t *pool, godwit_request_t *request)
{
    pool->refs--;
    if (pool->closed || pool->free_count >= FREE_LIMIT) {
        free (request);
        return;
    }
    request->next_free = pool->free_requests;
    pool->free_requests = request;
    pool->free_count++;
}

/* ---- who works ---- */

static void
idle_remove (godwit__pool_t *pool, godwit__worker_t *worker)
{
    godwit__list_remove (&worker->in_list);
    pool->idle_count--;
}

static godwit__worker_t *
newest_idle (const godwit__pool_t *pool)
{
    return GODWIT__FIRST (&pool->idle, godwit__worker_t, in_list);
}

static void
wake (godwit__pool_t *pool, godwit__worker_t *worker)
{
    idle_remove (pool, worker);
    worker->woken = true;
    pthread_cond_signal (&worker->wake);
}

void
godwit__pool_wake_worker (godwit__pool_t *pool)
{
    if (pool->stopping)
        return;
    if (pool->external) {
        godwit__reactor_post (pool->transport->control, &pool->ready_task);
    } else if (newest_idle (pool)) {
        wake (pool, newest_idle (pool));
    } else if (pool->worker_count < pool->worker_limit + pool->port_count) {
        pool->worker_count++;
        pool->spawn_count++;
    } /* else: at most worker_limit threads run handlers, and one leads on each port that has a leader */
}

void
godwit__pool_wake_for_request (godwit__pool_t *pool)
{
    if (pool->running < pool->worker_limit)
        godwit__pool_wake_worker (pool);
    else
        pool->inspection.starved = true; /* whoever ends a handler looks */
}

void
godwit__pool_stop_workers (godwit__pool_t *pool)
{
    while (newest_idle (pool))
        wake (pool, newest_idle (pool));
    for (size_t i = 0; i < pool->port_count; i++)
        godwit__port_post_tasks (&pool->ports[i]);
}

bool
godwit__pool_wait_for_work (godwit__pool_t *pool, godwit__worker_t *worker)
{
    worker->woken = false;
    godwit__list_prepend (&pool->idle, &worker->in_list);
    pool->idle_count++;
    while (!worker->woken) {
        struct timespec until;
        clock_gettime (CLOCK_MONOTONIC, &until);
        until.tv_sec += IDLE_SECONDS;
        const int result = pthread_cond_timedwait (&worker->wake, &pool->lock, &until);
        if (result == ETIMEDOUT && !worker->woken && pool->idle_count > 1) {
            idle_remove (pool, worker);
            return false;
        }
    }
    return true;
}

/* ---- threads ---- */

void
godwit__worker_free (godwit__worker_t *worker)
{
    pthread_cond_destroy (&worker->wake);
    free (worker);
}

void
godwit__pool_join_workers (godwit__pool_t *pool)
{
    godwit__list_t ended;
    godwit__list_init (&ended);
    godwit__pool_lock (pool);
    godwit__list_move_all (&ended, &pool->ended);
    pthread_mutex_unlock (&pool->lock); /* no worker is wanted by this, and no reference is gone */
    for (godwit__worker_t *worker; (worker = GODWIT__FIRST (&ended, godwit__worker_t, in_list));) {
        godwit__list_remove (&worker->in_list);
        pthread_join (worker->thread, NULL);
        godwit__worker_free (worker);
    }
}

static godwit__worker_t *
worker_new (godwit__pool_t *pool)
{
    godwit__worker_t *const worker = aligned_alloc (alignof (godwit__worker_t), sizeof *worker);
    if (!worker)
        return NULL;
    atomic_init (&worker->busy_since, 0);
    atomic_init (&worker->run_count, 0);
    atomic_init (&worker->runs, NULL);
    worker->suspect_since = 0;
    worker->told_start_ns = 0;
    worker->pool = pool;
    worker->number = atomic_fetch_add_explicit (&pool->spawned, 1, memory_order_relaxed) + 1;
    worker->woken = false;
    godwit__cond_init (&worker->wake);
    return worker;
}

bool
godwit__pool_spawn_worker (godwit__pool_t *pool)
{
    godwit__pool_join_workers (pool);
    godwit__worker_t *const worker = worker_new (pool);
    int result = ENOMEM;
    if (worker) {
        result = godwit__thread_start (&worker->thread, pool->worker_main, worker);
        if (result)
            godwit__worker_free (worker);
    }
    if (result == 0)
        return true;
    godwit__pool_lock (pool);
    pool->worker_count--;
    pool->inspection.unstarted = result;
    if (!pool->stopping)
        godwit__reactor_post (pool->transport->control, &pool->respawn.task);
    godwit__pool_changed (pool);
    pthread_mutex_unlock (&pool->lock); /* the same */
    return false;
}
