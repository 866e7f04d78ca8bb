/* SPDX-License-Identifier: Apache-2.0 */
/* The completion reactor. It receives on connections that no caller leads on, runs the callbacks of
 * asynchronous calls, and tries again the asynchronous calls that wait for a server. It has its own thread: a
 * slow callback delays other callbacks, but never heartbeats. With external_loop it is the control reactor.
 */
#ifndef GODWIT_SRC_CONNECTION_COMPLETION_H
#define GODWIT_SRC_CONNECTION_COMPLETION_H

#include "src/connection/pending.h"
#include "src/loop/reactor.h"

struct godwit__completion;

/* What the reactor's timers call, on its thread. led.h declares these functions; src/transport adds stalled
 * calls. */
typedef struct godwit__completion_hooks {
    /* Ends calls that are past their deadline. Returns the next deadline; GODWIT__NEVER: there is none. */
    int64_t (*expire) (struct godwit__completion *completion, int64_t now_ns);
    /* Takes the lead on connections that nobody uses. False: call it again. */
    bool (*tick) (struct godwit__completion *completion);
} godwit__completion_hooks_t;

typedef struct godwit__completion {
    godwit_transport_t *transport;
    godwit__reactor_t *reactor; /* the control reactor with external_loop */
    pthread_t thread;
    bool runs; /* it has its thread; guarded by lock */
    atomic_bool stop;
    bool batches; /* it receives now: requests that callbacks make are sent together */
    struct godwit__connection *first_batched; /* connections with such requests */
    int64_t now_ns;                           /* when the present message came; 0: ask the clock */
    int callback_depth;                       /* user callbacks that run now; the reactor's thread only */
    atomic_bool unparked;                     /* the tick runs: it may have to take a connection back */

    const godwit__completion_hooks_t *hooks;

    pthread_mutex_t lock; /* a leaf: guards the list and the thread's start */
    godwit__pending_t *finished_first, **finished_last;

    godwit__task_t run_finished;
    godwit__task_t arm_timers;
    godwit__timer_t tick;
    godwit__timer_t deadline;
    _Atomic (int64_t) next_deadline_ns; /* the time that the deadline timer should be armed for */
    godwit__list_t led;                 /* connections that it may lead on; its thread only */
} godwit__completion_t;

godwit_status_t godwit__completion_new (godwit__completion_t **completion, godwit_transport_t *transport,
                                        const godwit__completion_hooks_t *hooks, godwit_error_t **error);
/* Starts its thread, if it has none and needs one. Any thread. */
godwit_status_t godwit__completion_start (godwit__completion_t *completion, godwit_error_t **error);
/* Joins the thread. Every connection was closed before, and the transport is closing. Not from a callback. */
void godwit__completion_stop (godwit__completion_t *completion);
/* Calls `finished` of each pending call that has ended. False: there was none. The reactor's thread, or after
 * its end. */
bool godwit__completion_run_finished (godwit__completion_t *completion);
void godwit__completion_destroy (godwit__completion_t **completion);

/* Hands an asynchronous pending call that has ended to the reactor's thread, which calls its `finished`. Any
 * thread. transport.lock may be held; no connection's lock may be held. */
void godwit__completion_add (godwit__completion_t *completion, godwit__pending_t *pending);
/* Tells the reactor of a deadline, which may be earlier than the one that it waits for. Any thread. */
void godwit__completion_deadline (godwit__completion_t *completion, int64_t deadline_ns);
/* A caller took the lead of a connection from the reactor: the tick must take it back later. Any thread. */
void godwit__completion_unparked (godwit__completion_t *completion);
/* About the time when the present message came: the clock is asked once for each message. Reactor's
 * thread. */
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
