/* The inside of the server's side: the pool, its ports, its workers (src/server/pool.h draws how they lead).
 *
 * pool.lock guards what is marked (L). The structs of this file live as long as the pool, and the pool lives
 * until the last kept request and the last server are gone, which may be after the transport.
 */
#ifndef GODWIT_SRC_SERVER_POOL_INSIDE_H
#define GODWIT_SRC_SERVER_POOL_INSIDE_H

#include "src/server/call_monitor.h"
#include "src/server/cancel.h"
#include "src/server/pool.h"
#include "src/server/reply_batch.h"
#include "src/server/server_table.h"
#include "src/server/session.h"
#include "src/wire/batch.h"
#include "src/wire/header.h"

#include <stdalign.h>

typedef struct godwit__port godwit__port_t;

typedef enum godwit__take { GODWIT__TAKE_NOTHING, GODWIT__TAKE_REQUEST, GODWIT__TAKE_LEAD } godwit__take_t;

/* busy_since of a leader: 0, or the time since when it runs a handler, or this. */
#define GODWIT__LEAD_STOLEN INT64_C (-1)

typedef struct godwit__worker {
    /* Says whether the lead can be taken away:
     *
     *     0 --the leader starts a handler--> time --the handler ends--> 0: it leads on
     *                                         |
     *                                         +--the watchdog, after 1 ms--> STOLEN --the handler ends--> 0:
     * another one leads
     *
     * The leader ends with an exchange, the watchdog uses a compare-and-swap, so exactly one of them has its
     * way. */
    alignas (64) _Atomic (int64_t) busy_since;
    _Atomic (uint64_t) run_count; /* handlers run with the lead: tells the watchdog that something goes on */

    godwit__pool_t *pool;
    pthread_t thread;
    pthread_cond_t wake;
    bool woken;                   /* (L) taken from the idle list by whoever woke it */
    struct godwit__worker *newer; /* (L) the idle list, the newest first; or the list of those that ended */
    struct godwit__worker *older;
} godwit__worker_t;

/* A server that drains, and the revision of the record that says so: what is older than a restart is no news
 * then. Server 0: all of them, and for good. */
typedef struct godwit__goodbye {
    uint32_t server_id;
    uint32_t revision;
} godwit__goodbye_t;

typedef struct godwit__drain godwit__drain_t;

/* Why a request is not accepted (0: it is), and with DRAINING the revision of the server's record. */
typedef struct godwit__refusal {
    uint32_t reason;
    uint32_t revision;
} godwit__refusal_t;

struct godwit__port {
    godwit__pool_t *pool;
    godwit__driver_t *driver;
    godwit__channel_t *channel;
    godwit__port_addresses_t addresses;
    godwit__worker_t *leader;    /* (L) */
    atomic_bool has_tasks;       /* the leader has tasks beside receiving: godwit__port_run_tasks */
    godwit__goodbye_t *goodbyes; /* (L) servers whose clients are to be told that they drain */
    size_t goodbye_count;        /* (L) */
    size_t goodbye_capacity;     /* (L) */
    bool said_leaving;           /* (L) the clients have been told that the process leaves */

    godwit__reply_batch_t reply_batch; /* replies to the batch that is worked off */

    /* The leader's. */
    godwit__drain_t *drains;      /* goodbyes that somebody has not answered */
    godwit__batch_reader_t batch; /* frames that were received and not looked at yet */
    godwit__origin_t batch_origin;
    int64_t flushed_ns; /* when replies of the batch were sent for the last time; 0: not known yet */
    int64_t now_ns;     /* the time, while it is fresh; 0: to be asked for */
    godwit__sessions_t sessions;
    godwit__sessions_t connections; /* what was seen on those that their clients number */
    godwit__sessions_t publications;
    uint64_t fanout_epoch;

    /* With external_loop the control reactor leads. */
    godwit__source_t source;
    godwit__task_t again;
};

struct godwit__pool {
    godwit_transport_t *transport; /* not to be used once `closed` */
    const unsigned char *alive;    /* a page that a fork() wipes, as the transport's: requests outlive that */
    godwit__clock_t clock;         /* the transport's */
    godwit__limits_t limits;       /* of what is received; their size holds for what is sent, too */
    size_t max_queue_size;         /* bytes that a server may have queued */
    pthread_mutex_t lock;
    pthread_cond_t
        changed;      /* (L) with `waiting`: requests ended, workers ended, a kept request was replied to */
    unsigned waiting; /* (L) who waits for `changed` */
    size_t refs;      /* (L) the transport, servers that were started, requests that are in use */
    bool interrupted; /* (L) */
    bool leaving;     /* (L) no request is accepted any more, but answered still */
    size_t untold_count; /* (L) ports at which somebody has not heard yet that the process leaves */
    bool stopping;       /* (L) no request is accepted any more, workers end */
    bool closed;         /* (L) nothing is sent any more, and the transport may be gone */
    unsigned active;     /* (L) handlers that run, all servers together */
    unsigned senders;    /* (L) replies of kept requests that are being sent: the ports cannot be closed */

    godwit__server_table_t servers; /* (L) those that were started and not destroyed */
    godwit_server_t *ready_first;   /* (L) servers that have a request queued and room to run it */
    godwit_server_t *ready_last;

    godwit_request_t *free_requests; /* (L) */
    size_t free_count;

    size_t worker_limit;
    size_t worker_count; /* (L) threads, those that are about to start included */
    size_t spawn_count;  /* (L) threads to be started once the lock is released */
    size_t idle_count;   /* (L) */
    godwit__worker_t *idle_newest;
    godwit__worker_t *idle_oldest;
    godwit__worker_t *ended; /* (L) to be joined */

    atomic_uint_fast64_t fanout_epoch; /* changes when subscriptions end: gaps are no news any more */

    /* The watchdog: awake while handlers run with the lead. */
    atomic_bool watchdog_sleeps;
    godwit__task_t watchdog_task;
    godwit__timer_t watchdog_timer;
    int64_t watchdog_active_ns; /* control thread's: when something went on for the last time */
    uint64_t watchdog_run_count;
    int64_t watchdog_period_ns; /* control thread's */

    godwit__call_monitor_t call_monitor; /* heartbeats of calls that want them */
    godwit__cancels_t cancels;

    bool external;
    godwit__task_t ready_task; /* external_loop: runs what is ready */

    size_t port_count;
    godwit__port_t ports[GODWIT__DRIVER_MAX];
};

/* ---- pool.c ---- */

static inline void
godwit__pool_lock (godwit__pool_t *pool)
{
    pthread_mutex_lock (&pool->lock);
}

/* Also starts the threads that were asked for while it was locked, and frees the pool when nothing is left of
 * it. */
void godwit__pool_unlock (godwit__pool_t *pool);
/* With the lock: tells those who wait for `changed`. */
static inline void
godwit__pool_changed (godwit__pool_t *pool)
{
    if (pool->waiting)
        pthread_cond_broadcast (&pool->changed);
}
/* With the lock: waits for `changed`, for at most timeout_ns; with external_loop this thread runs the loop
 * meanwhile (src/runtime/wait.h). May return early. */
void godwit__pool_wait (godwit__pool_t *pool, int64_t timeout_ns);
/* The same, but the loop is never run: for what ends on a thread that is at it already. */
void godwit__pool_wait_threads (godwit__pool_t *pool, int64_t timeout_ns);

/* Accepts a request for a server, whose frame is moved into it. The request if it is to be run now (with
 * may_run only; it then counts as active); NULL and refused->reason 0 if it was queued; NULL and a reason
 * if not, and then the frame is still the caller's. */
godwit_request_t *godwit__pool_accept (godwit__pool_t *pool, godwit__port_t *port, godwit__origin_t origin,
                                       const godwit__header_t *header, godwit__frame_t *frame,
                                       size_t body_offset, int64_t now_ns, bool may_run,
                                       godwit__refusal_t *refused);
/* The same for a caller in this process: only if it can run at once and a method of that name is INLINE; NULL
 * otherwise. The request has no frame yet. */
godwit_request_t *godwit__pool_accept_inline (godwit__pool_t *pool, const godwit__header_t *header,
                                              const char *name, size_t name_size, int64_t now_ns);
/* With the lock: a queued request that may run now; it counts as active then. NULL: none. */
godwit_request_t *godwit__pool_take_ready (godwit__pool_t *pool);
/* Refuses all that is queued, as DRAINING. */
void godwit__pool_refuse_queued (godwit__pool_t *pool);
/* With the lock: the server has got room, or a queued request. True if there is something for a worker to
 * take. */
bool godwit__pool_check_ready (godwit__pool_t *pool, godwit_server_t *server);
/* With the lock: the request's memory is free for another one. */
void godwit__pool_recycle (godwit__pool_t *pool, godwit_request_t *request);

/* ---- worker.c ---- */

/* With the lock: there is work for one more worker (a queued request that may run, a port without a leader):
 * wakes one, or asks for a new thread, or, if all threads there may be are busy or lead, makes a leader look.
 */
void godwit__pool_wake_worker (godwit__pool_t *pool);
/* Starts a thread that was counted already. False, and no longer counted, if it cannot be started. */
bool godwit__worker_spawn (godwit__pool_t *pool);
/* Joins the threads that have ended. Without the lock. */
void godwit__workers_join (godwit__pool_t *pool);
/* Runs a request that was accepted to the end. port: the one the caller leads on, or NULL; worker: NULL in an
 * external loop. False: it leads on no port (any more). *malformed as in godwit__request_prepare; may be
 * NULL. */
bool godwit__worker_run (godwit__worker_t *worker, godwit__port_t *port, godwit_request_t *request,
                         bool *malformed);
/* Ends idle workers and makes leaders look. With the lock. */
void godwit__workers_stop (godwit__pool_t *pool);

/* ---- watchdog.c ---- */

void godwit__watchdog_init (godwit__pool_t *pool);
/* Control thread; nothing of the watchdog runs afterwards. */
void godwit__watchdog_stop (godwit__pool_t *pool);
/* A leader starts a handler: the watchdog must be awake. */
void godwit__watchdog_wake (godwit__pool_t *pool);

/* ---- drain.c ---- */

/* The leader's thread: says the goodbyes that are due to everybody who said HELLO; an answer (0: to all, the
 * client is gone); and one that says HELLO hears which servers have stopped. */
void godwit__drain_say (godwit__port_t *port);
void godwit__drain_answered (godwit__port_t *port, godwit__origin_t origin, uint32_t server_id);
void godwit__drain_greet (godwit__port_t *port, godwit__origin_t origin);
/* Nobody leads any more: forgets all. */
void godwit__drain_release (godwit__port_t *port);
/* Has the ports tell everybody that the server drains. */
void godwit__drain_begin (godwit_server_t *server);
/* Waits until everybody has answered that a server's ports have told, or has lost the right to be waited for.
 * Not with an external loop from within itself: returns at once. */
void godwit__drain_await (godwit_server_t *server);

/* ---- port.c ---- */

/* The next frame: of a batch that was received, or from the channel, for which it waits up to timeout_ns. The
 * leader's thread. */
godwit__io_t godwit__port_next (godwit__port_t *port, godwit__frame_t *frame, godwit__origin_t *origin,
                                int64_t timeout_ns);
/* A frame that came up, which is consumed. The leader's thread; worker is NULL with external_loop. False: it
 * no longer leads. */
bool godwit__port_frame (godwit__port_t *port, godwit__worker_t *worker, godwit__frame_t *frame,
                         godwit__origin_t origin);
/* Runs the tasks of the leader: goodbyes to be said, a lead to be given up. The leader's thread. False: it
 * shall give up the lead, which pool.lock still says it has. */
bool godwit__port_run_tasks (godwit__port_t *port);
/* Makes the leader call godwit__port_run_tasks soon. With or without the lock. */
void godwit__port_post_tasks (godwit__port_t *port);
/* A frame that is only a header. */
void godwit__port_send_header (godwit__port_t *port, godwit__origin_t origin, godwit__frame_type_t type,
                               uint32_t target, uint64_t id, uint32_t aux);
/* False, and counted: it could not be sent. data is consumed if it is on the heap. */
bool godwit__port_send (godwit__port_t *port, godwit__origin_t origin, uint8_t *data, size_t size,
                        bool on_heap);
/* external_loop: the control reactor leads from now on. Control thread. */
godwit_status_t godwit__port_watch (godwit__port_t *port, godwit_error_t **error);

#endif
