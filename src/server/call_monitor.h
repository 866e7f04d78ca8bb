/* SPDX-License-Identifier: Apache-2.0 */
/* The server's side of the call monitor (contract 4): it tells clients that asked for it that their calls are
 * still here, whether queued, running or kept.
 *
 *     accepted, monitored --> in the list --half of the monitor timeout--> ACCEPTED, then HEARTBEAT, ...
 *                                 |
 *                                 +-- replied to, refused, cancelled, its time spent, its client gone --> out
 *
 * The control thread sends. Once a request is removed, nothing more is sent about it: no heartbeat follows a
 * reply.
 */
#ifndef GODWIT_SRC_SERVER_CALL_MONITOR_H
#define GODWIT_SRC_SERVER_CALL_MONITOR_H

#include <godwit/server.h>

#include "src/base/list.h"
#include "src/loop/reactor.h"

#include <pthread.h>

struct godwit__pool;

typedef struct godwit__call_monitor {
    pthread_mutex_t lock;    /* taken after pool.lock and before a channel's; guards the next four */
    godwit__list_t requests; /* the one that was looked at last comes last */
    size_t count;
    int64_t next_ns; /* the time that the timer is armed for, or about to be */
    bool stopped;

    /* The control thread's. */
    godwit__task_t task;
    godwit__timer_t timer;
    int64_t not_before_ns; /* heartbeats take a fifth of the thread's time at most */
} godwit__call_monitor_t;

void godwit__call_monitor_init (struct godwit__pool *pool);
/* Forgets all. Control thread. */
void godwit__call_monitor_stop (struct godwit__pool *pool);
/* After the last request is gone. */
void godwit__call_monitor_release (struct godwit__pool *pool);

/* Adds a request whose client wants to hear of it. No other thread may know the request yet. Any thread. */
void godwit__call_monitor_add (godwit_request_t *request, uint32_t monitor_ms, int64_t now_ns);
/* The request's handler wants to know when nobody waits any more. Only while the transport exists. Any
 * thread.
 */
void godwit__call_monitor_watch (godwit_request_t *request, int64_t now_ns);
/* The request is over. May be called more than once. Any thread. */
void godwit__call_monitor_remove (godwit_request_t *request);

#endif
