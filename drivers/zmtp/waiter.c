/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/waiter.h"

#include "src/base/own_fd.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Without a descriptor to be woken by, a thread looks so often. */
#define BLIND_NS GODWIT__NS_PER_MS

/* ---- the thread's descriptor ---- */

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool has_key;
static _Thread_local int thread_fd = -1;
static _Thread_local unsigned thread_generation; /* of the process that thread_fd belongs to */

/* False: there is none, or a fork() has closed it in this process. */
static bool
has_thread_fd (void)
{
    return thread_fd >= 0 && thread_generation == godwit__own_fd_generation ();
}

static void
close_thread_fd (void *value)
{
    (void) value;
    if (has_thread_fd ())
        godwit__own_fd_close (thread_fd);
    thread_fd = -1;
}

static void
make_key (void)
{
    has_key = pthread_key_create (&key, close_thread_fd) == 0;
}

/* -1: there are no more descriptors. A child of fork() has one of its own: with the parent's it would take
 * wakes away from the parent. */
static int
get_thread_fd (void)
{
    if (has_thread_fd ())
        return thread_fd;
    pthread_once (&key_once, make_key);
    godwit__own_fd_lock ();
    thread_fd = has_key ? eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
    godwit__own_fd_add (thread_fd);
    thread_generation = godwit__own_fd_generation ();
    godwit__own_fd_unlock ();
    if (thread_fd >= 0 && pthread_setspecific (key, &thread_fd) != 0)
        close_thread_fd (NULL);
    return thread_fd;
}

/* ---- waiting ---- */

void
godwit__zmtp_waiter_wake (godwit__zmtp_waiter_t *waiter)
{
    const uint64_t one = 1;
    godwit__light_lock (&waiter->lock);
    if (waiter->waiting_fd >= 0) {
        if (!waiter->is_signalled && write (waiter->waiting_fd, &one, sizeof one) == sizeof one)
            waiter->is_signalled = true;
    } else if (waiter->reactor) {
        godwit__reactor_post (waiter->reactor, &waiter->ready_task);
    }
    waiter->is_woken = true;
    godwit__light_unlock (&waiter->lock);
}

/* What came on the socket, the first of the two. */
static short
poll_both (int fd, short events, int wake_fd, int64_t timeout_ns)
{
    struct pollfd items[] = {{fd, events, 0}, {wake_fd, POLLIN, 0}};
    if (wake_fd < 0 && timeout_ns > BLIND_NS)
        timeout_ns = BLIND_NS;
    const struct timespec timeout = {timeout_ns / 1000000000, timeout_ns % 1000000000};
    return ppoll (items, 2, timeout_ns == GODWIT__NEVER ? NULL : &timeout, NULL) > 0 ? items[0].revents : 0;
}

short
godwit__zmtp_waiter_wait (godwit__zmtp_waiter_t *waiter, int fd, short events, int64_t timeout_ns)
{
    const int wake_fd = get_thread_fd ();
    uint64_t count;
    godwit__light_lock (&waiter->lock);
    if (waiter->is_woken) {
        waiter->is_woken = false;
        godwit__light_unlock (&waiter->lock);
        return events;
    }
    waiter->waiting_fd = wake_fd;
    godwit__light_unlock (&waiter->lock);

    const short came = poll_both (fd, events, wake_fd, timeout_ns);

    godwit__light_lock (&waiter->lock);
    waiter->waiting_fd = -1;
    waiter->is_woken = false;
    if (waiter->is_signalled && read (wake_fd, &count, sizeof count) > 0)
        waiter->is_signalled = false;
    godwit__light_unlock (&waiter->lock);
    return came;
}

/* ---- a reactor waits ---- */

/* With lock held, on the reactor's thread. */
static godwit_status_t
watch_fd (godwit__zmtp_waiter_t *waiter, godwit_error_t **error)
{
    if (waiter->watch.watched && waiter->watch.fd != waiter->fd)
        godwit__reactor_unwatch (waiter->reactor, &waiter->watch);
    waiter->watch.fd = waiter->fd;
    if (waiter->watch.watched || waiter->fd < 0 || !waiter->watches)
        return GODWIT_OK;
    return godwit__reactor_watch (waiter->reactor, &waiter->watch, error);
}

static void
on_input (godwit__source_t *source)
{
    godwit__zmtp_waiter_t *waiter = source->user;
    godwit__light_lock (&waiter->lock);
    const bool has_ended = waiter->fd < 0 || !waiter->source;
    if (has_ended && waiter->reactor)
        godwit__reactor_unwatch (waiter->reactor, &waiter->watch);
    godwit__light_unlock (&waiter->lock);
    if (!has_ended)
        waiter->source->ready (waiter->source);
}

/* A thread may have taken the lead meanwhile, and may be about to wait: so is_woken stays, and its wait
 * returns at once. */
static void
on_ready_task (godwit__task_t *task)
{
    godwit__zmtp_waiter_t *waiter = task->user;
    godwit__light_lock (&waiter->lock);
    watch_fd (waiter, NULL); /* if that fails, the core attaches anew and finds out */
    godwit__light_unlock (&waiter->lock);
    waiter->source->ready (waiter->source);
}

godwit_status_t
godwit__zmtp_waiter_attach (godwit__zmtp_waiter_t *waiter, godwit__reactor_t *reactor, bool watches,
                            godwit__source_t *source, godwit_error_t **error)
{
    godwit__light_lock (&waiter->lock);
    const bool is_new = !waiter->reactor;
    waiter->reactor = reactor;
    waiter->source = source;
    waiter->watches = watches;
    godwit_status_t status = watch_fd (waiter, error);
    if (status != GODWIT_OK) {
        waiter->reactor = NULL;
        waiter->source = NULL;
    } else if (is_new) {
        /* There may be something already that the socket does not show. */
        godwit__reactor_post (reactor, &waiter->ready_task);
    }
    godwit__light_unlock (&waiter->lock);
    return status;
}

void
godwit__zmtp_waiter_input (godwit__zmtp_waiter_t *waiter)
{
    on_input (&waiter->watch);
}

void
godwit__zmtp_waiter_detach (godwit__zmtp_waiter_t *waiter)
{
    godwit__light_lock (&waiter->lock);
    if (waiter->reactor) {
        godwit__reactor_unwatch (waiter->reactor, &waiter->watch);
        godwit__reactor_unpost (waiter->reactor, &waiter->ready_task);
    }
    waiter->reactor = NULL;
    waiter->source = NULL;
    godwit__light_unlock (&waiter->lock);
}

void
godwit__zmtp_waiter_set_fd (godwit__zmtp_waiter_t *waiter, int fd)
{
    godwit__light_lock (&waiter->lock);
    waiter->fd = fd;
    godwit__light_unlock (&waiter->lock);
    godwit__zmtp_waiter_wake (waiter);
}

void
godwit__zmtp_waiter_end (godwit__zmtp_waiter_t *waiter)
{
    godwit__light_lock (&waiter->lock);
    waiter->fd = -1;
    godwit__light_unlock (&waiter->lock);
}

void
godwit__zmtp_waiter_init (godwit__zmtp_waiter_t *waiter)
{
    *waiter = (godwit__zmtp_waiter_t){.waiting_fd = -1,
                                      .fd = -1,
                                      .watch = {.fd = -1, .ready = on_input, .user = waiter},
                                      .ready_task = {.run = on_ready_task, .user = waiter}};
}
