/* SPDX-License-Identifier: Apache-2.0 */
/* The server's side of a transport: the ports it listens on, the servers behind them, and the workers that
 * run handlers.
 *
 * One worker *leads* on each port: it receives, and runs short handlers itself. Before it runs a handler that
 * takes long (by the method's flag, or by its average run time), or that has never run, it hands the lead to
 * another worker. If a handler runs with the lead for more than a millisecond, the watchdog of the control
 * thread takes the lead away (src/server/watchdog.h: not at once, and not if it merely waits for a
 * processor).
 *
 * As many workers as worker_limit run handlers that requests from ports began; there may be one thread more
 * for each port, so that one is always free to lead on it: a busy server still hears of new requests, which
 * it queues or refuses, of CANCEL, and of heartbeats.
 *
 *      follower --promote--> leading --receives a short one--> leading, busy --done--> leading
 *         ^                     |                                   |
 *         |                     | receives a long one               | watchdog: took too long
 *         |                     v                                   v
 *         +------done----- running (another one leads)  <-----------+
 *
 * pool.lock guards what is marked (L). The pool lives until the last kept request and the last server are
 * gone, which may be after the transport.
 */
#ifndef GODWIT_SRC_SERVER_POOL_H
#define GODWIT_SRC_SERVER_POOL_H

#include <godwit/server.h>

#include "src/base/list.h"
#include "src/base/table.h"
#include "src/runtime/transport.h"
#include "src/server/call_monitor.h"
#include "src/server/cancel.h"
#include "src/server/guest.h"
#include "src/server/port.h"
#include "src/server/respawn.h"
#include "src/server/watchdog.h"

typedef struct godwit__pool godwit__pool_t;

/* For the log (src/server/inspect.h). */
typedef struct godwit__inspection {
    int64_t handler_limit_ns; /* handlers that run for longer are logged; GODWIT__NEVER: none is */
    bool starved;             /* (L) a request waits, and as many handlers run as may run */
    int unstarted;            /* (L) why a thread could not be started; 0: none failed */
    godwit__timer_t timer;
} godwit__inspection_t;

/* Servers by their numbers (src/server/server_table.h). */
typedef struct godwit__server_table {
    godwit__table_t by_id;
    uint32_t last_id; /* the number that was given last */
    atomic_uint_fast64_t
        change_count; /* grows when a server comes, goes, or takes requests or none any more */
} godwit__server_table_t;

struct godwit__pool {
    godwit_transport_t *transport; /* not to be used once `closed` */
    const unsigned char *alive; /* a page that fork() wipes, like the transport's, which requests outlive */
    godwit__clock_t clock;      /* the transport's */
    godwit__box_t *box;         /* a reference; NULL: there is none */
    godwit__trace_source_t traces; /* of requests that came without one */
    godwit__limits_t limits;       /* of what is received; their size holds for what is sent, too */
    size_t max_queue_size;         /* bytes that a server may have queued */
    pthread_mutex_t lock;
    godwit__change_t changed; /* (L) requests or workers ended, or a kept request was replied to */
    unsigned waiting;         /* (L) threads that wait for `changed` */
    unsigned active;          /* (L) handlers that run, all servers together */
    size_t running;           /* (L) of these: on threads of the pool. At most worker_limit */
    unsigned abandoned;       /* (L) of these: nobody waits for them (src/server/abandon.h) */
    unsigned users;           /* (L) threads between enter and leave: the ports cannot be closed */
    bool external;            /* external_loop */
    bool interrupted;         /* (L) the transport is closing */
    bool leaving;             /* (L) no request is accepted any more; accepted ones are still answered */
    bool stopping;            /* (L) no request is accepted any more, workers end */
    bool closed;              /* (L) nothing is sent any more, and the transport may be gone */
    bool stays;               /* (L) some were abandoned when the pool ended: it is never freed */
    bool is_cut_off;          /* the log was told that no other host reaches it. The control thread's */
    size_t refs;              /* (L) the transport, servers that were started, requests that are in use */
    size_t undrained_ports;   /* (L) ports with clients that have not answered its GOODBYE */

    godwit__caller_t *own_caller; /* (L) of calls that this process makes to itself inline; NULL: none yet */
    godwit__server_table_t servers; /* (L) those that were started and not destroyed */
    godwit__list_t ready;           /* (L) servers that have a request queued and room to run it */

    godwit_request_t *free_requests; /* (L) the one that was given back last comes first */
    size_t free_count;

    void *(*worker_main) (void *worker); /* what a worker's thread runs */
    size_t worker_limit;                 /* handlers that run at a time, on threads of the pool */
    size_t worker_count;    /* (L) threads, those that are about to start included: at most one for each port
                               more */
    size_t spawn_count;     /* (L) threads to be started once the lock is released */
    atomic_uint spawned;    /* threads that were ever started: gives them numbers */
    size_t idle_count;      /* (L) */
    godwit__list_t idle;    /* (L) the newest first: its stack is still in the cache */
    godwit__list_t ended;   /* (L) to be joined */
    godwit__list_t workers; /* (L) those that run */

    atomic_uint_fast64_t fanout_epoch; /* grows when a subscription ends: a gap after that is no loss */

    godwit__watchdog_t watchdog;
    godwit__respawn_t respawn;
    godwit__inspection_t inspection;
    godwit__call_monitor_t call_monitor; /* heartbeats of calls that want them */
    godwit__cancels_t cancels;
    godwit__guests_t guests; /* who calls this process */

    godwit__pool_t *next_abandoned; /* of the pools that stay */

    godwit__task_t ready_task; /* external_loop: runs what is ready */

    size_t port_count;
    godwit__port_t ports[GODWIT__DRIVER_MAX];
    /* Where other hosts reach them (reach.h). The control thread's. */
    size_t host_count;
    char hosts[GODWIT__REACH_MAX][GODWIT__ADDRESS_SIZE];
};

/* ---- the lock ---- */

static inline void
godwit__pool_lock (godwit__pool_t *pool)
{
    pthread_mutex_lock (&pool->lock);
}

void godwit__pool_unlock_slowly (godwit__pool_t *pool);
/* Also starts the threads that were asked for while it was locked, and frees the pool when nothing refers to
 * it any more. */
static inline void
godwit__pool_unlock (godwit__pool_t *pool)
{
    if (pool->spawn_count || !pool->refs)
        godwit__pool_unlock_slowly (pool);
    else
        pthread_mutex_unlock (&pool->lock);
}
/* With the lock: tells those who wait for `changed`. */
static inline void
godwit__pool_changed (godwit__pool_t *pool)
{
    if (pool->waiting)
        godwit__change_tell (&pool->changed);
}
/* With the lock: waits for `changed`, for at most timeout_ns; with external_loop this thread runs the loop
 * meanwhile (src/runtime/wait.h). May return early. */
void godwit__pool_wait (godwit__pool_t *pool, int64_t timeout_ns);
/* The same, but the loop is never run: for events that come from another thread. */
void godwit__pool_wait_threads (godwit__pool_t *pool, int64_t timeout_ns);

/* Until godwit__pool_leave, the parts of the transport may be used without the lock. False: they may be
 * gone. */
bool godwit__pool_enter (godwit__pool_t *pool);
void godwit__pool_leave (godwit__pool_t *pool);

/* ---- requests that are not used ---- */

/* With the lock: the request's memory is free for another one. */
void godwit__pool_recycle (godwit__pool_t *pool, godwit_request_t *request);

/* ---- workers ---- */

/* With the lock: there is work for one more worker (a queued request that may run, a port without a leader):
 * wakes one, or asks for a new thread. If there are as many as there may be, one of them is about to look for
 * work. */
void godwit__pool_wake_worker (godwit__pool_t *pool);
/* With the lock: the same for a queued request, which has to wait if worker_limit handlers run. */
void godwit__pool_wake_for_request (godwit__pool_t *pool);
/* With the lock: waits until the worker that calls it may have work. False: it is not needed any more. */
bool godwit__pool_wait_for_work (godwit__pool_t *pool, godwit__worker_t *worker);
/* Starts a thread that was counted already. False, and no longer counted, if it cannot be started now: the
 * control thread tries again later, if it is needed. */
bool godwit__pool_spawn_worker (godwit__pool_t *pool);
/* With the lock: ends idle workers and makes leaders look. */
void godwit__pool_stop_workers (godwit__pool_t *pool);
/* Joins the threads that have ended. Without the lock. */
void godwit__pool_join_workers (godwit__pool_t *pool);

#endif
