/* SPDX-License-Identifier: Apache-2.0 */
#include "src/loop/reactor.h"

#include "src/error/error.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* Sources reported by one epoll_wait. */
#define EVENT_BATCH 32
#define TIMER_CAPACITY 64
/* Set in a timer's heap_index: the timer is due, and waits in `due` for its turn in this run_once. */
#define DUE_BIT (SIZE_MAX ^ (SIZE_MAX >> 1))

/* How posts and wakes reach the reactor's thread. A poster puts its task in the list, then sets `signalled`.
 * Only the thread that turned it on writes the eventfd. The reactor reads the eventfd, turns `signalled` off,
 * and then takes the posted tasks. A poster that finds it on already has its task in the list, so the run
 * that turns it off sees the task. */
struct godwit__reactor {
    const godwit__clock_t *clock;
    int epoll_fd;
    int event_fd; /* data.ptr in epoll: the reactor itself */
    int timer_fd; /* data.ptr in epoll: NULL. -1 until a foreign loop asked for the reactor's descriptor */
    int64_t timer_fd_deadline_ns;
    atomic_bool signalled;

    pthread_mutex_t task_lock; /* both lists, and every task's pending */
    godwit__list_t posted;
    godwit__list_t running; /* taken by the run_once that runs */

    /* timers is a binary heap (1-based, timers[0] is unused); due holds the timers that this run_once
     * fires. */
    godwit__timer_t **timers;
    size_t timer_count;
    size_t timer_capacity;
    godwit__timer_t **due;
    size_t due_count;

    /* Events that epoll_wait reported and that were not handled yet. unwatch removes its source from them. */
    struct epoll_event events[EVENT_BATCH];
    int event_count;
};

static int64_t
system_now_ns (void *user)
{
    (void) user;
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

const godwit__clock_t godwit__clock_system = {.now_ns = system_now_ns};

int64_t
godwit__reactor_now (godwit__reactor_t *reactor)
{
    return godwit__clock_now (reactor->clock);
}

/* --- life ------------------------------------------------------------------------------------ */

static bool
epoll_add_for (const godwit__reactor_t *reactor, int fd, uint32_t events, void *pointer)
{
    struct epoll_event event = {.events = events, .data.ptr = pointer};
    return epoll_ctl (reactor->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool
epoll_add (const godwit__reactor_t *reactor, int fd, void *pointer)
{
    return epoll_add_for (reactor, fd, EPOLLIN, pointer);
}

godwit_status_t
godwit__reactor_new (godwit__reactor_t **reactor, const godwit__clock_t *clock, godwit_error_t **error)
{
    godwit__reactor_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    self->clock = clock;
    self->timer_fd = -1;
    self->timer_fd_deadline_ns = GODWIT__NEVER;
    self->timer_capacity = TIMER_CAPACITY;
    self->timers = calloc (self->timer_capacity + 1, sizeof *self->timers);
    self->due = calloc (self->timer_capacity, sizeof *self->due);
    self->epoll_fd = -1;
    self->event_fd = -1;
    pthread_mutex_init (&self->task_lock, NULL);
    godwit__list_init (&self->posted);
    godwit__list_init (&self->running);
    godwit_status_t status = GODWIT_OK;
    if (!self->timers || !self->due) {
        status = godwit__error_no_memory (error);
    } else if (clock->waiter) {
        /* No descriptors. */
    } else if ((self->epoll_fd = epoll_create1 (EPOLL_CLOEXEC)) < 0 ||
               (self->event_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0 ||
               !epoll_add (self, self->event_fd, self)) {
        status =
            godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot make an event loop: %s", strerror (errno));
    }
    if (status != GODWIT_OK) {
        godwit__reactor_destroy (&self);
        return status;
    }
    *reactor = self;
    return GODWIT_OK;
}

void
godwit__reactor_destroy (godwit__reactor_t **reactor)
{
    godwit__reactor_t *self = *reactor;
    if (!self)
        return;
    *reactor = NULL;
    if (self->timer_fd >= 0)
        close (self->timer_fd);
    if (self->event_fd >= 0)
        close (self->event_fd);
    if (self->epoll_fd >= 0)
        close (self->epoll_fd);
    pthread_mutex_destroy (&self->task_lock);
    free (self->timers);
    free (self->due);
    free (self);
}

/* --- timers ---------------------------------------------------------------------------------- */

static void
heap_place (godwit__reactor_t *self, size_t index, godwit__timer_t *timer)
{
    self->timers[index] = timer;
    timer->heap_index = index;
}

/* Moves the timer, for which index is free, to where it belongs. */
static void
heap_sift (godwit__reactor_t *self, size_t index, godwit__timer_t *timer)
{
    while (index > 1 && self->timers[index / 2]->deadline_ns > timer->deadline_ns) {
        heap_place (self, index, self->timers[index / 2]);
        index /= 2;
    }
    for (size_t child; (child = 2 * index) <= self->timer_count; index = child) {
        if (child < self->timer_count &&
            self->timers[child + 1]->deadline_ns < self->timers[child]->deadline_ns)
            child++;
        if (self->timers[child]->deadline_ns >= timer->deadline_ns)
            break;
        heap_place (self, index, self->timers[child]);
    }
    heap_place (self, index, timer);
}

static void
heap_remove (godwit__reactor_t *self, godwit__timer_t *timer)
{
    const size_t index = timer->heap_index;
    godwit__timer_t *last = self->timers[self->timer_count--];
    if (last != timer)
        heap_sift (self, index, last);
    timer->heap_index = 0;
}

static int64_t
next_deadline (const godwit__reactor_t *self)
{
    return self->timer_count ? self->timers[1]->deadline_ns : GODWIT__NEVER;
}

/* Lets a foreign loop see the next deadline. A reactor that waits by itself never pays for this. */
static void
set_timer_fd (godwit__reactor_t *self)
{
    const int64_t deadline = next_deadline (self);
    if (self->clock->waiter)
        self->clock->waiter->changed (self->clock->user);
    if (self->timer_fd < 0 || deadline == self->timer_fd_deadline_ns)
        return;
    struct itimerspec spec = {{0, 0}, {0, 0}}; /* all zero disarms */
    if (deadline != GODWIT__NEVER) {
        /* Relative, because the clock may be an injected one. */
        int64_t delay = deadline - godwit__reactor_now (self);
        if (delay < 1)
            delay = 1;
        spec.it_value.tv_sec = (time_t) (delay / 1000000000);
        spec.it_value.tv_nsec = (long) (delay % 1000000000);
    }
    timerfd_settime (self->timer_fd, 0, &spec, NULL);
    self->timer_fd_deadline_ns = deadline;
}

static bool
timers_grow (godwit__reactor_t *self)
{
    const size_t capacity = 2 * self->timer_capacity;
    godwit__timer_t **timers = realloc (self->timers, (capacity + 1) * sizeof (godwit__timer_t *));
    if (timers)
        self->timers = timers;
    godwit__timer_t **due = realloc (self->due, capacity * sizeof (godwit__timer_t *));
    if (due)
        self->due = due;
    if (!timers || !due)
        return false;
    self->timer_capacity = capacity;
    return true;
}

godwit_status_t
godwit__reactor_arm (godwit__reactor_t *reactor, godwit__timer_t *timer, int64_t deadline_ns)
{
    if (timer->heap_index && !(timer->heap_index & DUE_BIT)) {
        timer->deadline_ns = deadline_ns;
        heap_sift (reactor, timer->heap_index, timer);
    } else {
        if (reactor->timer_count == reactor->timer_capacity && !timers_grow (reactor))
            return GODWIT_ERR_OUT_OF_MEMORY;
        godwit__reactor_disarm (reactor, timer);
        timer->deadline_ns = deadline_ns;
        heap_sift (reactor, ++reactor->timer_count, timer);
    }
    set_timer_fd (reactor);
    return GODWIT_OK;
}

void
godwit__reactor_disarm (godwit__reactor_t *reactor, godwit__timer_t *timer)
{
    if (!timer->heap_index)
        return;
    if (timer->heap_index & DUE_BIT) {
        reactor->due[timer->heap_index & ~DUE_BIT] = NULL;
        timer->heap_index = 0;
    } else {
        heap_remove (reactor, timer);
        set_timer_fd (reactor);
    }
}

/* All due timers are taken out of the heap first. So a timer whose function arms it again for a time in the
 * past waits for the next run, and does not keep this one from its other work. */
static bool
run_timers (godwit__reactor_t *self)
{
    if (!self->timer_count)
        return false;
    const int64_t now = godwit__reactor_now (self);
    self->due_count = 0;
    while (next_deadline (self) <= now && self->timer_count) {
        godwit__timer_t *timer = self->timers[1];
        heap_remove (self, timer);
        timer->heap_index = self->due_count | DUE_BIT;
        self->due[self->due_count++] = timer;
    }
    bool ran = false;
    for (size_t i = 0; i < self->due_count; i++) {
        godwit__timer_t *timer = self->due[i];
        if (!timer) /* disarmed by an earlier timer */
            continue;
        timer->heap_index = 0;
        timer->fire (timer);
        ran = true;
    }
    self->due_count = 0;
    set_timer_fd (self);
    return ran;
}

/* --- tasks ----------------------------------------------------------------------------------- */

void
godwit__reactor_wake (godwit__reactor_t *reactor)
{
    if (atomic_exchange (&reactor->signalled, true))
        return;
    if (reactor->clock->waiter) {
        reactor->clock->waiter->changed (reactor->clock->user);
        return;
    }
    const uint64_t one = 1;
    /* Cannot fail: the counter would have to be at its limit. */
    if (write (reactor->event_fd, &one, sizeof one) < 0)
        return;
}

void
godwit__reactor_post (godwit__reactor_t *reactor, godwit__task_t *task)
{
    pthread_mutex_lock (&reactor->task_lock);
    const bool fresh = !atomic_load_explicit (&task->pending, memory_order_relaxed);
    if (fresh) {
        atomic_store_explicit (&task->pending, true, memory_order_relaxed);
        godwit__list_append (&reactor->posted, &task->in_list);
    }
    pthread_mutex_unlock (&reactor->task_lock);
    if (fresh)
        godwit__reactor_wake (reactor);
}

void
godwit__reactor_unpost (godwit__reactor_t *reactor, godwit__task_t *task)
{
    pthread_mutex_lock (&reactor->task_lock);
    if (atomic_load_explicit (&task->pending, memory_order_relaxed)) {
        godwit__list_remove (&task->in_list);
        atomic_store_explicit (&task->pending, false, memory_order_relaxed);
    }
    pthread_mutex_unlock (&reactor->task_lock);
}

static godwit__task_t *
next_running (godwit__reactor_t *self)
{
    pthread_mutex_lock (&self->task_lock);
    godwit__task_t *const task = GODWIT__FIRST (&self->running, godwit__task_t, in_list);
    if (task) {
        godwit__list_remove (&task->in_list);
        atomic_store_explicit (&task->pending, false, memory_order_relaxed);
    }
    pthread_mutex_unlock (&self->task_lock);
    return task;
}

static bool
run_tasks (godwit__reactor_t *self)
{
    uint64_t count;
    if (self->event_fd >= 0 && read (self->event_fd, &count, sizeof count) < 0 && errno != EAGAIN)
        return false;
    atomic_exchange (&self->signalled, false);
    pthread_mutex_lock (&self->task_lock);
    godwit__list_move_all (&self->running, &self->posted);
    pthread_mutex_unlock (&self->task_lock);
    bool ran = false;
    for (godwit__task_t *task; (task = next_running (self)); ran = true)
        task->run (task);
    return ran;
}

/* --- sources and the loop -------------------------------------------------------------------- */

int
godwit__reactor_fd (godwit__reactor_t *reactor)
{
    if (reactor->clock->waiter)
        return -1;
    if (reactor->timer_fd < 0) {
        reactor->timer_fd = timerfd_create (CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        if (reactor->timer_fd >= 0 && !epoll_add (reactor, reactor->timer_fd, NULL)) {
            close (reactor->timer_fd);
            reactor->timer_fd = -1;
        }
        reactor->timer_fd_deadline_ns = GODWIT__NEVER;
        set_timer_fd (reactor);
    }
    return reactor->timer_fd < 0 ? -1 : reactor->epoll_fd;
}

godwit_status_t
godwit__reactor_watch (godwit__reactor_t *reactor, godwit__source_t *source, godwit_error_t **error)
{
    return godwit__reactor_watch_for (reactor, source, EPOLLIN, error);
}

godwit_status_t
godwit__reactor_watch_for (godwit__reactor_t *reactor, godwit__source_t *source, uint32_t events,
                           godwit_error_t **error)
{
    const godwit__clock_t *const clock = reactor->clock;
    if (clock->waiter) {
        if (events != EPOLLIN || !clock->waiter->watch (clock->user, source->fd, source))
            return godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot watch a descriptor: %d is not open",
                                      source->fd);
    } else if (!epoll_add_for (reactor, source->fd, events, source)) {
        if (errno == ENOMEM)
            return godwit__error_no_memory (error);
        return godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot watch a descriptor: %s",
                                  strerror (errno));
    }
    source->watched = true;
    return GODWIT_OK;
}

void
godwit__reactor_watch_other (godwit__reactor_t *reactor, godwit__source_t *source, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};
    epoll_ctl (reactor->epoll_fd, EPOLL_CTL_MOD, source->fd, &event);
}

void
godwit__reactor_unwatch (godwit__reactor_t *reactor, godwit__source_t *source)
{
    if (!source->watched)
        return;
    source->watched = false;
    if (reactor->clock->waiter)
        reactor->clock->waiter->watch (reactor->clock->user, source->fd, NULL);
    else
        epoll_ctl (reactor->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
    for (int i = 0; i < reactor->event_count; i++) {
        if (reactor->events[i].data.ptr == source)
            reactor->events[i].data.ptr = NULL;
    }
}

/* Milliseconds for epoll_wait, rounded up: a reactor that wakes before its deadline would spin until it
 * comes. */
static int
wait_ms (godwit__reactor_t *self, int64_t timeout_ns)
{
    const int64_t deadline = next_deadline (self);
    if (deadline != GODWIT__NEVER && timeout_ns > 0) {
        const int64_t now = godwit__reactor_now (self);
        const int64_t left = deadline > now ? deadline - now : 0;
        if (left < timeout_ns)
            timeout_ns = left;
    }
    if (timeout_ns == GODWIT__NEVER)
        return -1;
    const int64_t ms = timeout_ns / GODWIT__NS_PER_MS + (timeout_ns % GODWIT__NS_PER_MS > 0);
    return ms > INT_MAX ? INT_MAX : (int) ms;
}

int64_t
godwit__reactor_due (const godwit__reactor_t *reactor)
{
    return atomic_load (&reactor->signalled) ? INT64_MIN : next_deadline (reactor);
}

/* With a waiter: collects what is ready now. */
static int
collect (godwit__reactor_t *self)
{
    godwit__source_t *sources[EVENT_BATCH];
    int count = 0;
    if (atomic_load (&self->signalled))
        self->events[count++].data.ptr = self;
    const int ready = self->clock->waiter->ready (self->clock->user, sources, EVENT_BATCH - count);
    for (int i = 0; i < ready; i++)
        self->events[count++] = (struct epoll_event){.events = EPOLLIN, .data.ptr = sources[i]};
    return count;
}

/* With a waiter: collects what is ready; if nothing is, lets time pass and looks again. */
static int
wait_with_clock (godwit__reactor_t *self, int64_t timeout_ns)
{
    const int64_t now = godwit__reactor_now (self);
    int64_t until = timeout_ns < GODWIT__NEVER - now ? now + timeout_ns : GODWIT__NEVER;
    if (next_deadline (self) < until)
        until = next_deadline (self);
    const int count = collect (self);
    if (count > 0 || until <= now)
        return count;
    self->clock->waiter->wait (self->clock->user, until);
    return collect (self);
}

bool
godwit__reactor_run_once (godwit__reactor_t *reactor, int64_t timeout_ns)
{
    const int count = reactor->clock->waiter ? wait_with_clock (reactor, timeout_ns)
                                             : epoll_wait (reactor->epoll_fd, reactor->events, EVENT_BATCH,
                                                           wait_ms (reactor, timeout_ns));
    reactor->event_count = count > 0 ? count : 0;
    bool posted = false;
    for (int i = 0; i < reactor->event_count; i++) {
        if (reactor->events[i].data.ptr == reactor) {
            posted = true;
            reactor->events[i].data.ptr = NULL;
        } else if (!reactor->events[i].data.ptr) {
            uint64_t expirations;
            if (read (reactor->timer_fd, &expirations, sizeof expirations) > 0)
                reactor->timer_fd_deadline_ns = GODWIT__NEVER; /* it has expired, and must be set again */
        }
    }
    bool ran = posted && run_tasks (reactor);
    ran |= run_timers (reactor);
    for (int i = 0; i < reactor->event_count; i++) {
        godwit__source_t *source = reactor->events[i].data.ptr;
        if (!source)
            continue;
        reactor->events[i].data.ptr = NULL;
        source->events = reactor->events[i].events;
        source->ready (source);
        ran = true;
    }
    reactor->event_count = 0;
    return ran;
}
