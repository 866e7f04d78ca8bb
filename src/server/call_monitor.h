/* SPDX-License-Identifier: Apache-2.0 */
/* The call monitor's side of the server (contract 4): tells clients that asked for it that their calls are
 * still here, be they queued, running or kept.
 *
 *     accepted, monitored --> in the list --half of the monitor timeout--> ACCEPTED, then HEARTBEAT, ...
 *                                 |
 *                                 +-- replied to, refused, cancelled, its time spent, its client gone --> out
 *
 * It is the control thread that sends. What is removed is told of no more: no heartbeat follows a reply.
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
    godwit__list_t requests; /* the one that was looked at last is the last one */
    size_t count;
    int64_t next_ns; /* what the timer is armed for, or about to be */
    bool stopped;

    /* The control thread's. */
    godwit__task_t task;
    godwit__timer_t timer;
    int64_t not_before_ns; /* heartbeats take a fifth of the thread's time at most */
} godwit__call_monitor_t;

void godwit__call_monitor_init (struct godwit__pool *pool);
/* Forgets all. Control thread. */
void godwit__call_monitor_stop (struct godwit__pool *pool);
/* After the last request. */
void godwit__call_monitor_release (struct godwit__pool *pool);

/* A request of a client that wants to hear of it: nobody else may know it yet. Any thread. */
void godwit__call_monitor_add (godwit_request_t *request, uint32_t monitor_ms, int64_t now_ns);
/* Its handler wants to hear when nobody waits for it any more. Only while the transport is there. Any thread.
 */
void godwit__call_monitor_watch (godwit_request_t *request, int64_t now_ns);
/* It is over; once is enough, but more often does no harm. Any thread. */
void godwit__call_monitor_remove (godwit_request_t *request);

#endif
