/* A libzmq socket that several threads may use: a mutex around every operation, and a way to wait without it.
 */
#ifndef GODWIT_DRIVERS_ZMQ_GUARD_H
#define GODWIT_DRIVERS_ZMQ_GUARD_H

#include "src/driver.h"

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

    atomic_uint shared_turns; /* receives for which the leader is not alone with the socket */

    bool exact_room; /* ZMQ_POLLOUT says whether the next send is accepted (only a DEALER's does) */
    bool no_room;    /* not connected yet, whatever ZMQ_POLLOUT says */
    bool wants_room; /* a send said AGAIN since it did */

    int event_fd;
    bool event_set; /* event_fd is readable */
    int wait_fd;    /* an epoll of all of these, which wait uses */
    int epoll_fd;   /* what fd gave out; -1: no reactor ever led here */
    int room_timer_fd;
    bool room_timer_set;
} godwit__guard_t;

/* Takes the socket over, also on failure. second: may be NULL, and stays the caller's. */
godwit_status_t godwit__guard_init (godwit__guard_t *guard, void *socket, void *second,
                                    godwit_error_t **error);
/* Closes the socket; what was sent is flushed for at most linger_ms in the background. */
void godwit__guard_close (godwit__guard_t *guard, int linger_ms);

/* How long the leader may wait within libzmq with the lock held. The sockets' ZMQ_RCVTIMEO. */
#define GODWIT__ALONE_MS 1
/* After another thread met the lock taken, or something else needs the leader: receives until it is tried
 * again. */
#define GODWIT__SHARED_TURNS 1000

static inline void
godwit__guard_is_shared (godwit__guard_t *guard)
{
    atomic_store_explicit (&guard->shared_turns, GODWIT__SHARED_TURNS, memory_order_relaxed);
}

static inline void
godwit__guard_lock (godwit__guard_t *guard)
{
    if (pthread_mutex_trylock (&guard->lock) == 0)
        return;
    godwit__guard_is_shared (guard);
    pthread_mutex_lock (&guard->lock);
}

static inline void
godwit__guard_unlock (godwit__guard_t *guard)
{
    pthread_mutex_unlock (&guard->lock);
}

/* As the driver interface says (src/driver.h). */
void godwit__guard_wait (godwit__guard_t *guard, bool for_room, int64_t timeout_ns);
void godwit__guard_wake (godwit__guard_t *guard);
int godwit__guard_fd (godwit__guard_t *guard);

/* Lock held, all of these. */

/* True if the leader may wait within libzmq: nobody else has wanted the socket lately, and nothing waits for
 * it. */
static inline bool
godwit__guard_is_alone (godwit__guard_t *guard, int64_t timeout_ns)
{
    const unsigned turns = atomic_load_explicit (&guard->shared_turns, memory_order_relaxed);
    if (turns > 0)
        atomic_store_explicit (&guard->shared_turns, turns - 1, memory_order_relaxed);
    return turns == 0 && timeout_ns >= GODWIT__ALONE_MS * GODWIT__NS_PER_MS && !guard->woken &&
           !guard->input && !guard->ended;
}
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
/* There is something for the leader. */
void godwit__guard_tell (godwit__guard_t *guard);
/* ZMQ_EVENTS; as a side effect the socket sees all that happened to its connections. */
int godwit__guard_events (godwit__guard_t *guard);

#endif
