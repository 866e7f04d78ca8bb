/* SPDX-License-Identifier: Apache-2.0 */
#include "src/server/call_monitor.h"

#include "src/server/request.h"

/* A heartbeat that is due within this part of its interval is sent at once: so one round serves many
 * requests. */
#define SLACK_PART 4
/* Requests that are looked at before the lock is released for other threads. */
#define STRETCH 32

/* ---- the list; with the lock ---- */

static void
link_last (godwit__call_monitor_t *monitor, godwit_request_t *request)
{
    godwit__list_append (&monitor->requests, &request->in_monitor);
    monitor->count++;
}

static void
take_out (godwit__call_monitor_t *monitor, godwit_request_t *request)
{
    if (!godwit__in_list (&request->in_monitor))
        return;
    godwit__list_remove (&request->in_monitor);
    monitor->count--;
}

static godwit_request_t *
first_of (const godwit__call_monitor_t *monitor)
{
    return GODWIT__FIRST (&monitor->requests, godwit_request_t, in_monitor);
}

/* ---- heartbeats ---- */

/* Whom heartbeats were queued for, in a stretch. */
typedef struct queued {
    size_t count;
    struct {
        godwit__channel_t *channel;
        godwit__routing_id_t routing_id;
    } to[STRETCH];
} queued_t;

/* With the lock. False: the client's connection is gone. */
static bool
queue_heartbeat (godwit_request_t *request, queued_t *queued)
{
    godwit__channel_t *const channel = request->port->channel;
    uint8_t data[GODWIT__HEADER_SIZE];
    const godwit__message_t message = {.data = data, .size = sizeof data};
    godwit__header_write (
        data, &(godwit__header_t){.type = request->monitor_told ? GODWIT__HEARTBEAT : GODWIT__ACCEPTED,
                                  .id = request->id});
    request->monitor_told = true;
    /* If there is no room, no heartbeat is sent; but then the client has other frames to read. */
    const godwit__io_t io = channel->ops->queue (channel, request->routing_id, &message);
    if (io == GODWIT__IO_OK) {
        queued->to[queued->count].channel = channel;
        queued->to[queued->count++].routing_id = request->routing_id;
    }
    return io != GODWIT__IO_CLOSED;
}

/* Without the lock. This is the control thread, which also closes the ports. */
static void
flush (queued_t *queued)
{
    for (size_t i = 0; i < queued->count; i++)
        queued->to[i].channel->ops->flush (queued->to[i].channel, queued->to[i].routing_id);
    queued->count = 0;
}

/* How often the request's client is told; or, if it did not ask, how often its connection is checked for the
 * handler. */
static int64_t
interval_of (const godwit_request_t *request)
{
    return request->monitor_ns ? request->monitor_ns / 2
                               : request->pool->transport->options.heartbeat_ms * GODWIT__NS_PER_MS;
}

/* With the lock: when the request is to be looked at. */
static int64_t
due_of (const godwit_request_t *request)
{
    return request->monitor_due_ns < request->deadline_ns ? request->monitor_due_ns : request->deadline_ns;
}

/* With the lock: looks at the first request, and puts it last. Returns when it is due again. */
static int64_t
look_at_first (godwit__call_monitor_t *monitor, int64_t now_ns, queued_t *queued)
{
    godwit_request_t *const request = first_of (monitor);
    const int64_t interval_ns = interval_of (request);
    take_out (monitor, request);
    if (request->deadline_ns <= now_ns) {
        godwit__cancel_mark (request, true); /* its caller has given it up */
        return GODWIT__NEVER;
    }
    if (request->port && request->monitor_due_ns - interval_ns / SLACK_PART <= now_ns) {
        if (!queue_heartbeat (request, queued)) {
            godwit__cancel_mark (request, true);
            return GODWIT__NEVER;
        }
        request->monitor_due_ns = now_ns + interval_ns;
    }
    link_last (monitor, request);
    return due_of (request);
}

/* With the lock. */
static void
arm (godwit__pool_t *pool)
{
    godwit__call_monitor_t *const monitor = &pool->call_monitor;
    if (monitor->next_ns == GODWIT__NEVER || monitor->stopped)
        return;
    const int64_t at_ns =
        monitor->next_ns > monitor->not_before_ns ? monitor->next_ns : monitor->not_before_ns;
    if (godwit__reactor_arm (pool->transport->control, &monitor->timer, at_ns))
        monitor->next_ns = GODWIT__NEVER; /* no memory: the next request that is added tries again */
}

static void
tick (godwit__timer_t *timer)
{
    godwit__pool_t *const pool = timer->user;
    godwit__call_monitor_t *const monitor = &pool->call_monitor;
    const int64_t now_ns = godwit__clock_now (&pool->clock);
    int64_t next_ns = GODWIT__NEVER;
    queued_t queued = {.count = 0};
    pthread_mutex_lock (&monitor->lock);
    /* Forget the time first, then look: a request that is added meanwhile sets it again. */
    monitor->next_ns = GODWIT__NEVER;
    for (size_t left = monitor->count; left > 0 && first_of (monitor); left--) {
        const int64_t due_ns = look_at_first (monitor, now_ns, &queued);
        if (due_ns < next_ns)
            next_ns = due_ns;
        if (left % STRETCH == 1) {
            pthread_mutex_unlock (&monitor->lock);
            flush (&queued);
            pthread_mutex_lock (&monitor->lock);
        }
    }
    if (next_ns < monitor->next_ns)
        monitor->next_ns = next_ns;
    const int64_t end_ns = godwit__clock_now (&pool->clock);
    monitor->not_before_ns = end_ns + 4 * (end_ns - now_ns);
    arm (pool);
    pthread_mutex_unlock (&monitor->lock);
    flush (&queued);
}

static void
on_task (godwit__task_t *task)
{
    godwit__pool_t *const pool = task->user;
    pthread_mutex_lock (&pool->call_monitor.lock);
    arm (pool);
    pthread_mutex_unlock (&pool->call_monitor.lock);
}

/* ---- requests ---- */

/* With the lock. True: the timer has to be armed. */
static bool
add (godwit__call_monitor_t *monitor, godwit_request_t *request)
{
    const int64_t due_ns = due_of (request);
    link_last (monitor, request);
    const bool is_next = due_ns < monitor->next_ns;
    if (is_next)
        monitor->next_ns = due_ns;
    return is_next;
}

void
godwit__call_monitor_add (godwit_request_t *request, uint32_t monitor_ms, int64_t now_ns)
{
    godwit__pool_t *const pool = request->pool;
    godwit__call_monitor_t *const monitor = &pool->call_monitor;
    request->monitor_ns = (int64_t) monitor_ms * GODWIT__NS_PER_MS;
    request->monitor_due_ns = now_ns + interval_of (request);
    request->monitor_told = false;
    pthread_mutex_lock (&monitor->lock);
    const bool is_next = add (monitor, request);
    pthread_mutex_unlock (&monitor->lock);
    if (is_next)
        godwit__reactor_post (pool->transport->control, &monitor->task);
}

void
godwit__call_monitor_watch (godwit_request_t *request, int64_t now_ns)
{
    godwit__pool_t *const pool = request->pool;
    godwit__call_monitor_t *const monitor = &pool->call_monitor;
    bool is_next = false;
    pthread_mutex_lock (&monitor->lock);
    const bool is_over = atomic_load (&request->replied) || atomic_load (&request->cancel.is_marked);
    if (!is_over && !godwit__in_list (&request->in_monitor) && !request->monitor_ns) {
        /* A caller in this process is certainly there: the handler runs on its thread. */
        request->monitor_due_ns = request->port ? now_ns + interval_of (request) : GODWIT__NEVER;
        request->monitor_told = true;
        is_next = add (monitor, request);
    }
    pthread_mutex_unlock (&monitor->lock);
    if (is_next)
        godwit__reactor_post (pool->transport->control, &monitor->task);
}

void
godwit__call_monitor_remove (godwit_request_t *request)
{
    godwit__call_monitor_t *const monitor = &request->pool->call_monitor;
    pthread_mutex_lock (&monitor->lock);
    take_out (monitor, request);
    pthread_mutex_unlock (&monitor->lock);
}

/* ---- life ---- */

void
godwit__call_monitor_init (godwit__pool_t *pool)
{
    godwit__call_monitor_t *const monitor = &pool->call_monitor;
    pthread_mutex_init (&monitor->lock, NULL);
    godwit__list_init (&monitor->requests);
    monitor->next_ns = GODWIT__NEVER;
    monitor->task.run = on_task;
    monitor->task.user = pool;
    monitor->timer.fire = tick;
    monitor->timer.user = pool;
}

void
godwit__call_monitor_stop (godwit__pool_t *pool)
{
    godwit__call_monitor_t *const monitor = &pool->call_monitor;
    pthread_mutex_lock (&monitor->lock);
    monitor->stopped = true;
    while (first_of (monitor))
        take_out (monitor, first_of (monitor));
    pthread_mutex_unlock (&monitor->lock);
    godwit__reactor_unpost (pool->transport->control, &monitor->task);
    godwit__reactor_disarm (pool->transport->control, &monitor->timer);
}

void
godwit__call_monitor_release (godwit__pool_t *pool)
{
    pthread_mutex_destroy (&pool->call_monitor.lock);
}
