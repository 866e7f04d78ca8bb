/* SPDX-License-Identifier: Apache-2.0 */
/* Why no wake-up is lost.
 *
 * libzmq tells a socket what happened (a message can be read, there is room again, a connection came) by
 * commands in the socket's mailbox. ZMQ_FD is the mailbox's eventfd, and it is written only when a command
 * comes to a mailbox that was found empty. Any operation on the socket may process the commands, and then the
 * descriptor is no longer readable. So a readable descriptor does not say "there is input", but "nobody has
 * looked since the last command".
 *
 * The leader looks by receiving. When a receive says EAGAIN, libzmq has processed every command and found the
 * mailbox empty. So any later command makes ZMQ_FD readable and ends the leader's poll (`armed`), unless the
 * operation of another thread processes it first. That thread therefore asks for ZMQ_EVENTS before it
 * releases the lock (godwit__guard_touched), which again processes all commands:
 *  - there is input (or the room that was asked for): it sets `input`, which ends the next wait, and writes
 *    the eventfd, which ends a wait that runs;
 *  - there is nothing: the mailbox is empty again, and the leader is armed as before.
 * While `input` is set nobody needs to look: the leader receives until EAGAIN before it waits again.
 *
 * When the leader is not armed (it received something, and no EAGAIN since), it will look by itself, so a
 * send needs no look. A single caller, and a server that answers what it receives, never send while `armed`
 * is set.
 *
 * Waiting without the lock takes two system calls more than waiting in zmq_msg_recv: the receive that says
 * EAGAIN, and another one after the wait. It is faster all the same. A thread that waits in zmq_msg_recv
 * holds the lock, so it must return soon, and a short timeout costs more than both calls: the processor's
 * timer is programmed anew when the wait begins and when it ends. (Measured with 1 ms in zmq_msg_recv: a
 * round trip of 1.27 times the bare socket's, and of 1.15 times as it is here.)
 *
 * The lock orders all of this. `waiting` and `epoll_fd` tell whether an eventfd needs writing at all.
 *
 * Room: a DEALER has one connection, so its ZMQ_POLLOUT is exact. The ZMQ_POLLOUT of a ROUTER is true if any
 * peer has room, that of an XPUB is always true. So any thread may process the command that says that one
 * peer has room again, and leave no trace of it. There, a leader that waits for room looks again every
 * ROOM_RECHECK_NS; mostly the command itself wakes it before. The same is true of room for bytes
 * (drivers/zmq/load.h). */
#include "drivers/zmq/guard.h"

#include "src/error/error.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define ROOM_RECHECK_NS (2 * GODWIT__NS_PER_MS)

static int
fd_of (void *socket)
{
    int fd = -1;
    size_t size = sizeof fd;
    return zmq_getsockopt (socket, ZMQ_FD, &fd, &size) == 0 ? fd : -1;
}

static bool
epoll_add (int epoll_fd, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    return fd < 0 || epoll_ctl (epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

godwit_status_t
godwit__guard_init (godwit__guard_t *guard, void *socket, void *second, godwit_error_t **error)
{
    *guard = (godwit__guard_t){.socket = socket,
                               .socket_fd = fd_of (socket),
                               .second_fd = second ? fd_of (second) : -1,
                               .event_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK),
                               .wait_fd = epoll_create1 (EPOLL_CLOEXEC),
                               .epoll_fd = -1,
                               .room_timer_fd = -1};
    pthread_mutex_init (&guard->lock, NULL);
    const uint32_t edge = EPOLLIN | EPOLLET;
    if (guard->event_fd >= 0 && guard->wait_fd >= 0 && epoll_add (guard->wait_fd, guard->socket_fd, edge) &&
        epoll_add (guard->wait_fd, guard->event_fd, edge) &&
        epoll_add (guard->wait_fd, guard->second_fd, edge))
        return GODWIT_OK;
    godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot make descriptors to wait on: %s", strerror (errno));
    godwit__guard_close (guard, 0);
    return GODWIT_ERR_SYSTEM;
}

void
godwit__guard_close (godwit__guard_t *guard, int linger_ms)
{
    zmq_setsockopt (guard->socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    zmq_close (guard->socket);
    const int fds[] = {guard->event_fd, guard->wait_fd, guard->epoll_fd, guard->room_timer_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        if (fds[i] >= 0)
            close (fds[i]);
    }
    pthread_mutex_destroy (&guard->lock);
}

/* --- telling the leader ---------------------------------------------------------------------- */

static void
set_event (godwit__guard_t *guard)
{
    const uint64_t one = 1;
    if (!guard->event_set && (guard->waiting || guard->epoll_fd >= 0))
        guard->event_set = write (guard->event_fd, &one, sizeof one) == (ssize_t) sizeof one;
}

void
godwit__guard_tell (godwit__guard_t *guard)
{
    guard->input = true;
    set_event (guard);
}

int
godwit__guard_events (godwit__guard_t *guard)
{
    int events = 0;
    size_t size = sizeof events;
    while (zmq_getsockopt (guard->socket, ZMQ_EVENTS, &events, &size) < 0 && errno == EINTR)
        ;
    return events;
}

static bool
events_matter (godwit__guard_t *guard, int events)
{
    if (!guard->wants_room || !guard->exact_room || guard->no_room || !(events & ZMQ_POLLOUT))
        return events & ZMQ_POLLIN;
    guard->wants_room = false;
    return true;
}

void
godwit__guard_touched (godwit__guard_t *guard)
{
    if (guard->armed && !guard->input && events_matter (guard, godwit__guard_events (guard)))
        godwit__guard_tell (guard);
}

void
godwit__guard_quiet (godwit__guard_t *guard)
{
    uint64_t count;
    guard->armed = true;
    guard->input = false;
    if (guard->event_set && read (guard->event_fd, &count, sizeof count) > 0)
        guard->event_set = false;
    if (guard->room_timer_set && read (guard->room_timer_fd, &count, sizeof count) > 0)
        guard->room_timer_set = false;
    /* The receive may have processed the command that says "there is room". */
    if (guard->wants_room && guard->exact_room)
        godwit__guard_touched (guard);
}

void
godwit__guard_full (godwit__guard_t *guard)
{
    guard->wants_room = true;
    if (guard->exact_room || guard->room_timer_fd < 0 || guard->room_timer_set)
        return;
    const struct itimerspec soon = {.it_value = {0, ROOM_RECHECK_NS}};
    guard->room_timer_set = timerfd_settime (guard->room_timer_fd, 0, &soon, NULL) == 0;
}

void
godwit__guard_wake (godwit__guard_t *guard)
{
    godwit__guard_lock (guard);
    guard->woken = true;
    set_event (guard);
    godwit__guard_unlock (guard);
}

/* --- waiting --------------------------------------------------------------------------------- */

/* Lock held. True if there is a reason not to wait. */
static bool
must_not_wait (godwit__guard_t *guard, bool for_room)
{
    if (guard->woken || guard->input || guard->ended || !guard->armed ||
        (guard->second_fd >= 0 && !guard->second_quiet))
        return true;
    if (!for_room || !guard->exact_room || guard->laden)
        return false;
    guard->wants_room = true;
    return events_matter (guard, godwit__guard_events (guard));
}

/* One edge-triggered epoll for all waits, which is cheaper than giving poll three descriptors each time.
 * Every wait comes after a receive that said EAGAIN, which emptied the descriptors: so whatever makes one
 * readable afterwards is a new edge. */
static int
wait_for_events (const godwit__guard_t *guard, struct epoll_event events[3], int64_t timeout_ns)
{
    const struct timespec timeout = {(time_t) (timeout_ns / 1000000000), (long) (timeout_ns % 1000000000)};
    const bool forever = timeout_ns == GODWIT__NEVER;
    const int count = epoll_pwait2 (guard->wait_fd, events, 3, forever ? NULL : &timeout, NULL);
    if (count >= 0 || errno != ENOSYS)
        return count;
    const int64_t ms = timeout_ns / GODWIT__NS_PER_MS + 1; /* Linux before 5.11 */
    return epoll_wait (guard->wait_fd, events, 3, forever ? -1 : ms > INT_MAX ? INT_MAX : (int) ms);
}

void
godwit__guard_wait_unlocked (godwit__guard_t *guard, bool for_room, int64_t timeout_ns)
{
    const bool ready = must_not_wait (guard, for_room);
    const bool looks_again = for_room && (!guard->exact_room || guard->laden);
    guard->woken = false;
    if (ready || timeout_ns <= 0)
        return;
    guard->waiting = true;
    godwit__guard_unlock (guard);

    if (looks_again && timeout_ns > ROOM_RECHECK_NS)
        timeout_ns = ROOM_RECHECK_NS;
    struct epoll_event events[3];
    const int count = wait_for_events (guard, events, timeout_ns);

    godwit__guard_lock (guard);
    guard->waiting = false;
    guard->woken = false; /* wake was for this wait */
    for (int i = 0; i < count; i++) {
        if (events[i].data.fd == guard->second_fd)
            guard->second_quiet = false;
    }
}

void
godwit__guard_wait (godwit__guard_t *guard, bool for_room, int64_t timeout_ns)
{
    godwit__guard_lock (guard);
    godwit__guard_wait_unlocked (guard, for_room, timeout_ns);
    godwit__guard_unlock (guard);
}

/* The descriptors are level-triggered in the nested epoll, and receiving until EAGAIN empties each of them:
 * the mailboxes because libzmq processes every command before it says so, the eventfd and the timer in
 * godwit__guard_quiet. */
int
godwit__guard_fd (godwit__guard_t *guard)
{
    godwit__guard_lock (guard);
    if (guard->epoll_fd < 0) {
        const int fd = epoll_create1 (EPOLL_CLOEXEC);
        if (!guard->exact_room)
            guard->room_timer_fd = timerfd_create (CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        if (fd >= 0 && epoll_add (fd, guard->socket_fd, EPOLLIN) &&
            epoll_add (fd, guard->event_fd, EPOLLIN) && epoll_add (fd, guard->second_fd, EPOLLIN) &&
            epoll_add (fd, guard->room_timer_fd, EPOLLIN)) {
            guard->epoll_fd = fd;
            godwit__guard_tell (guard);
        } else if (fd >= 0) {
            close (fd);
        }
    }
    /* There may be something already, whose edge is gone, or that another leader has left: let the reactor
     * look. */
    if (guard->epoll_fd >= 0 && (guard->wants_room || must_not_wait (guard, false)))
        godwit__guard_tell (guard);
    const int fd = guard->epoll_fd;
    godwit__guard_unlock (guard);
    return fd;
}
