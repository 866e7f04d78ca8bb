/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that nobody waits for any more (docs/protocol.md 4.5): who finds it out, and who hears of it.
 *
 *     CANCEL, or GOODBYE of its client ------+
 *     its connection is gone (call_monitor.c)+--> marked --> the handler is told, when it asks
 *     its time is spent ---------------------+       \
 *     its server, or the transport, ends ----+        SET --> DUE --> RUNNING --> DONE    (its callback)
 *
 * A request that was replied to is not cancelled any more. A cast is never cancelled: nobody ever waited for
 * it.
 */
#ifndef GODWIT_SRC_SERVER_CANCEL_H
#define GODWIT_SRC_SERVER_CANCEL_H

#include <godwit/server.h>

#include "src/base/list.h"
#include "src/loop/reactor.h"

#include <pthread.h>
#include <stdatomic.h>

struct godwit__pool;

typedef enum godwit__cancel_state {
    GODWIT__CANCEL_NONE,    /* no callback */
    GODWIT__CANCEL_SET,     /* it runs if the request is cancelled */
    GODWIT__CANCEL_DUE,     /* in the list of those that the completion thread is to run */
    GODWIT__CANCEL_RUNNING, /* on the thread that `run` names */
    GODWIT__CANCEL_DONE     /* it has run, or never will */
} godwit__cancel_state_t;

/* A callback that runs, on the stack of its thread. */
typedef struct godwit__cancel_run {
    pthread_t thread;
    bool request_is_gone; /* the callback gave the request up; its own thread only */
} godwit__cancel_run_t;

/* Of a request. (C): guarded by the lock below. */
typedef struct godwit__cancel {
    atomic_bool is_marked;  /* set once, never cleared */
    atomic_bool is_watched; /* somebody asks: the call monitor watches its caller and its time */
    /* NULL: none. Set once, by the holder of the request; not cleared when it has run. */
    godwit_cancel_fn *callback;
    void *user;
    godwit__cancel_state_t state; /* (C) */
    godwit__cancel_run_t *run;    /* (C) */
    godwit__list_node_t in_due;   /* (C) */
} godwit__cancel_t;

/* Of a pool. */
typedef struct godwit__cancels {
    pthread_mutex_t lock; /* a leaf */
    pthread_cond_t over;  /* signals that a callback has run */
    godwit__list_t due;   /* requests whose callbacks the completion thread is to run */
    godwit__task_t task;
} godwit__cancels_t;

void godwit__cancels_init (struct godwit__pool *pool);
/* Runs the callbacks that are due. The completion reactor's thread, or the thread that ends it. */
void godwit__cancels_run (struct godwit__pool *pool);
/* After godwit__cancels_run, when no request can be marked any more. */
void godwit__cancels_stop (struct godwit__pool *pool);
/* After the last request is gone. */
void godwit__cancels_release (struct godwit__pool *pool);

/* Nobody waits for the request any more. The caller makes sure that it does not end meanwhile. has_transport:
 * the transport exists; if not, the request is only marked. With or without pool.lock and monitor.lock. */
void godwit__cancel_mark (godwit_request_t *request, bool has_transport);
/* Runs the request's callback, with cancels.lock held, which it releases. Afterwards the request may be gone:
 * the callback can give it up.
 */
void godwit__cancel_run_callback (godwit_request_t *request);
/* True if this thread runs the request's callback. Without a lock; only if it has a callback. */
bool godwit__cancel_is_inside (godwit_request_t *request);
/* The request, or the handler that did not keep it, ends: its callback will not run any more. Waits for a
 * callback that runs, unless this thread runs it. Without a lock; only if it has a callback. */
void godwit__cancel_over (godwit_request_t *request);

#endif
