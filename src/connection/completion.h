/* SPDX-License-Identifier: Apache-2.0 */
/* The completion reactor: receives on connections that no caller leads on, runs the callbacks of asynchronous
 * calls, and takes up again asynchronous calls that wait for a server. It has a thread of its own, so that a
 * callback which takes its time delays other callbacks but never heartbeats; with external_loop it is the
 * control reactor.
 */
#ifndef GODWIT_SRC_CONNECTION_COMPLETION_H
#define GODWIT_SRC_CONNECTION_COMPLETION_H

#include "src/connection/pending.h"
#include "src/loop/reactor.h"

struct godwit__completion;

/* What its timers do, on its thread (led.h; the room that makes transports adds calls that are stalled). */
typedef struct godwit__completion_hooks {
    /* Ends what is past its deadline. Returns the next deadline, GODWIT__NEVER: there is none. */
    int64_t (*expire) (struct godwit__completion *completion, int64_t now_ns);
    /* Takes back connections that nobody uses. False: it is to be called again. */
    bool (*tick) (struct godwit__completion *completion);
} godwit__completion_hooks_t;

typedef struct godwit__completion {
    godwit_transport_t *transport;
    godwit__reactor_t *reactor; /* the control reactor with external_loop */
    pthread_t thread;
    bool runs; /* it has its thread; guarded by lock */
    atomic_bool stop;
    bool batches; /* it receives: requests that callbacks make meanwhile are sent together */
    struct godwit__connection *first_batched; /* connections that have some */
    int64_t now_ns;       /* the time when what is completed now came; 0: to be asked for */
    int callback_depth;   /* user callbacks that run at the moment; the reactor's thread only */
    atomic_bool unparked; /* some connection may have to be parked: the tick runs */

    const godwit__completion_hooks_t *hooks;

    pthread_mutex_t lock; /* a leaf: guards the list and the thread's start */
    godwit__pending_t *finished_first, **finished_last;

    godwit__task_t run_finished;
    godwit__task_t arm_timers;
    godwit__timer_t tick;
    godwit__timer_t deadline;
    _Atomic (int64_t) next_deadline_ns; /* what the deadline timer should be armed for */
    godwit__list_t led;                 /* connections that it may lead on; its thread only */
} godwit__completion_t;

godwit_status_t godwit__completion_new (godwit__completion_t **completion, godwit_transport_t *transport,
                                        const godwit__completion_hooks_t *hooks, godwit_error_t **error);
/* Starts its thread, if it has none and needs one. Any thread. */
godwit_status_t godwit__completion_start (godwit__completion_t *completion, godwit_error_t **error);
/* Joins the thread. Every connection was closed before, and the transport is closing. Not from a callback. */
void godwit__completion_stop (godwit__completion_t *completion);
/* Calls `finished` of what has finished; false: there was nothing. The reactor's thread, or after its end. */
bool godwit__completion_run_finished (godwit__completion_t *completion);
void godwit__completion_destroy (godwit__completion_t **completion);

/* Hands an asynchronous pending that has ended to the reactor's thread, which calls its `finished`. Any
 * thread; transport.lock may be held, a connection's not. */
void godwit__completion_add (godwit__completion_t *completion, godwit__pending_t *pending);
/* Makes the reactor look at a deadline that is earlier than what it waits for. Any thread. */
void godwit__completion_deadline (godwit__completion_t *completion, int64_t deadline_ns);
/* A connection was taken from the reactor by a caller: the tick must bring it back some day. Any thread. */
void godwit__completion_unparked (godwit__completion_t *completion);
/* About the time when what is completed now came: asked for once a message. Reactor's thread. */
static inline int64_t
godwit__completion_now (godwit__completion_t *completion)
{
    if (!completion->now_ns)
        completion->now_ns = godwit__transport_now (completion->transport);
    return completion->now_ns;
}
/* True on the reactor's own thread; with external_loop, within godwit_transport_process. */
bool godwit__completion_is_current (const godwit__completion_t *completion);

#endif
