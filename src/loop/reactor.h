/* SPDX-License-Identifier: Apache-2.0 */
/* An event loop on epoll: file descriptors, timers and tasks posted by other threads.
 *
 * One thread runs a reactor at a time (its own thread, or the program's loop through
 * godwit_transport_process). Only that thread touches sources and timers; any thread may call post and wake.
 * Only run_once blocks.
 */
#ifndef GODWIT_SRC_LOOP_REACTOR_H
#define GODWIT_SRC_LOOP_REACTOR_H

#include <godwit/error.h>

#include "src/base/list.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct godwit__source;

/* Replaces epoll, eventfd and timerfd for a clock that is not the system's (a simulated one). A reactor with
 * a waiter makes no descriptor; the descriptors that it watches are numbers of the clock. All functions run
 * in the reactor's thread, with the clock's user. */
typedef struct godwit__waiter {
    /* Lets time pass until until_ns, or until a source is ready or the reactor was woken. */
    void (*wait) (void *user, int64_t until_ns);
    /* source NULL: stop watching fd. False: there is no such descriptor. */
    bool (*watch) (void *user, int fd, struct godwit__source *source);
    /* Writes up to count sources that are ready, and returns how many. */
    int (*ready) (void *user, struct godwit__source **sources, int count);
    /* Something was posted, or the next timer has changed: godwit__reactor_due says when to run the
     * reactor. */
    void (*changed) (void *user);
} godwit__waiter_t;

/* Where a transport takes its time from: monotonic nanoseconds of the system, or of a simulation. */
typedef struct godwit__clock {
    int64_t (*now_ns) (void *user);
    void *user;
    const godwit__waiter_t *waiter; /* NULL: time passes by itself */
} godwit__clock_t;

/* CLOCK_MONOTONIC. */
extern const godwit__clock_t godwit__clock_system;

static inline int64_t
godwit__clock_now (const godwit__clock_t *clock)
{
    return clock->now_ns (clock->user);
}

#define GODWIT__NS_PER_MS INT64_C (1000000)
/* A deadline that never comes. */
#define GODWIT__NEVER INT64_MAX

/* Milliseconds in nanoseconds, but not more than a hundred years: so adding a time never overflows. */
static inline int64_t
godwit__ns_of_ms (int64_t ms)
{
    const int64_t longest_ms = INT64_C (100) * 366 * 86400 * 1000;
    return (ms < longest_ms ? ms : longest_ms) * GODWIT__NS_PER_MS;
}

typedef struct godwit__reactor godwit__reactor_t;

/* A watched file descriptor. Embed it; the reactor neither copies nor frees it. `ready` runs on the reactor's
 * thread. It may unwatch any source, also its own, and free the struct around it: no source is called after
 * it was unwatched. */
typedef struct godwit__source {
    int fd;
    void (*ready) (struct godwit__source *source);
    void *user;
    bool watched;
    uint32_t events; /* while ready runs: what has happened, as epoll(7) says it */
} godwit__source_t;

/* One-shot. Embed it, zeroed. */
typedef struct godwit__timer {
    int64_t deadline_ns;
    void (*fire) (struct godwit__timer *timer);
    void *user;
    size_t heap_index; /* 1-based; 0: not armed */
} godwit__timer_t;

/* Work posted from another thread. Embed it, zeroed. Posting a pending task again does nothing: the coming
 * run sees everything that was written before the second post. */
typedef struct godwit__task {
    void (*run) (struct godwit__task *task);
    void *user;
    godwit__list_node_t in_list;
    atomic_bool pending;
} godwit__task_t;

godwit_status_t godwit__reactor_new (godwit__reactor_t **reactor, const godwit__clock_t *clock,
                                     godwit_error_t **error);
/* Nothing may be watched any more; armed timers and pending tasks are forgotten. */
void godwit__reactor_destroy (godwit__reactor_t **reactor);
/* A descriptor for a foreign loop: readable when there is something to do, timers included. -1 on failure,
 * and with a waiter. */
int godwit__reactor_fd (godwit__reactor_t *reactor);
/* Waits for at most timeout_ns (0: does not wait; GODWIT__NEVER: until something happens), then runs
 * everything that is due: tasks, timers, ready sources, each once. Returns true if anything ran. Not
 * re-entrant. */
bool godwit__reactor_run_once (godwit__reactor_t *reactor, int64_t timeout_ns);
/* Makes a run_once that waits, or the next one, return. Any thread. */
void godwit__reactor_wake (godwit__reactor_t *reactor);
/* Any thread. The order of posts is kept. */
void godwit__reactor_post (godwit__reactor_t *reactor, godwit__task_t *task);
/* Takes back a task that is pending. Reactor's thread only. */
void godwit__reactor_unpost (godwit__reactor_t *reactor, godwit__task_t *task);

/* OUT_OF_MEMORY or SYSTEM. Level-triggered. */
godwit_status_t godwit__reactor_watch (godwit__reactor_t *reactor, godwit__source_t *source,
                                       godwit_error_t **error);
/* The same for other events than EPOLLIN, as for epoll(7): EPOLLET is possible, too. SYSTEM with a waiter. */
godwit_status_t godwit__reactor_watch_for (godwit__reactor_t *reactor, godwit__source_t *source,
                                           uint32_t events, godwit_error_t **error);
/* Changes for what a source is watched; what is the case already counts anew. Any thread, if it has made sure
 * that the source stays watched meanwhile. */
void godwit__reactor_watch_other (godwit__reactor_t *reactor, godwit__source_t *source, uint32_t events);
void godwit__reactor_unwatch (godwit__reactor_t *reactor, godwit__source_t *source);

/* Arms, or moves, a timer. Room for timers is reserved when a reactor is made and grown here; if it cannot
 * grow, OUT_OF_MEMORY. */
godwit_status_t godwit__reactor_arm (godwit__reactor_t *reactor, godwit__timer_t *timer, int64_t deadline_ns);
void godwit__reactor_disarm (godwit__reactor_t *reactor, godwit__timer_t *timer);

int64_t godwit__reactor_now (godwit__reactor_t *reactor);
/* When run_once has work: INT64_MIN if a task is pending, otherwise the deadline of the next timer. NEVER:
 * not before something is posted or a source is ready. */
int64_t godwit__reactor_due (const godwit__reactor_t *reactor);

#endif
