/* SPDX-License-Identifier: Apache-2.0 */
/* A libzmq socket that several threads may use: a mutex around every operation, and a way to wait without it.
 */
#ifndef GODWIT_DRIVERS_ZMQ_GUARD_H
#define GODWIT_DRIVERS_ZMQ_GUARD_H

#include "src/interface/driver.h"

#include <pthread.h>
#include <zmq.h>

typedef struct godwit__guard {
    pthread_mutex_t lock; /* all that follows, and the sockets */
    void *socket;
    int socket_fd;     /* ZMQ_FD */
    int second_fd;     /* ZMQ_FD of another socket that the same leader receives from; -1: none */
    bool second_quiet; /* nothing came on second_fd since that socket said EAGAIN */

    bool armed;   /* the last receive said EAGAIN */
    bool input;   /* since then, an operation of another thread found something for the leader */
    bool woken;   /* somebody called wake; for the next wait */
    bool waiting; /* the leader is in wait */
    bool ended;   /* nothing will be received any more: wait does not wait */

    bool exact_room; /* ZMQ_POLLOUT says whether the next send is accepted (only a DEALER's does) */
    bool no_room;    /* not connected yet, whatever ZMQ_POLLOUT says */
    bool wants_room; /* a send said AGAIN, and no room was seen since */
    bool laden;      /* AGAIN was because of the bytes that wait, about which ZMQ_POLLOUT says nothing */

    int event_fd;
    bool event_set; /* event_fd is readable */
    int wait_fd;    /* an epoll of all of these, which wait uses */
    int epoll_fd;   /* what godwit__guard_fd returned; -1: no reactor was ever attached */
    int room_timer_fd;
    bool room_timer_set;
} godwit__guard_t;

/* Takes over socket, also on failure. second may be NULL, and stays the caller's. */
godwit_status_t godwit__guard_init (godwit__guard_t *guard, void *socket, void *second,
                                    godwit_error_t **error);
/* Closes the socket; what was sent is flushed for at most linger_ms in the background. */
void godwit__guard_close (godwit__guard_t *guard, int linger_ms);

static inline void
godwit__guard_lock (godwit__guard_t *guard)
{
    pthread_mutex_lock (&guard->lock);
}

static inline void
godwit__guard_unlock (godwit__guard_t *guard)
{
    pthread_mutex_unlock (&guard->lock);
}

/* As the driver interface says (src/interface/driver.h). */
void godwit__guard_wait (godwit__guard_t *guard, bool for_room, int64_t timeout_ns);
void godwit__guard_wake (godwit__guard_t *guard);
/* A descriptor that becomes readable when wait would return; a receive that says EAGAIN ends that. Readable
 * after this call if wait may return now. Made at the first call, closed with the guard. -1 on failure. */
int godwit__guard_fd (godwit__guard_t *guard);

/* The lock is held for all of these. */

/* As godwit__guard_wait, for a caller that holds the lock; it holds the lock again afterwards. */
void godwit__guard_wait_unlocked (godwit__guard_t *guard, bool for_room, int64_t timeout_ns);
/* After every operation on the socket but receiving. */
void godwit__guard_touched (godwit__guard_t *guard);
/* After a receive that got something, and after one that said EAGAIN. */
static inline void
godwit__guard_received (godwit__guard_t *guard)
{
    guard->armed = false;
}
void godwit__guard_quiet (godwit__guard_t *guard);
/* After a send that said EAGAIN. */
void godwit__guard_full (godwit__guard_t *guard);
/* Tells the leader that there is something for it. */
void godwit__guard_tell (godwit__guard_t *guard);
/* ZMQ_EVENTS; as a side effect the socket sees all that happened to its connections. */
int godwit__guard_events (godwit__guard_t *guard);

#endif
