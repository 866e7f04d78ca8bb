/* SPDX-License-Identifier: Apache-2.0 */
#include "src/connection/completion.h"

#include "src/base/thread.h"
#include "src/error/error.h"

#include <stdlib.h>

/* How long a connection stays with its callers after the last of them left. */
#define TICK_NS (50 * GODWIT__NS_PER_MS)

bool
godwit__completion_run_finished (godwit__completion_t *completion)
{
    pthread_mutex_lock (&completion->lock);
    godwit__pending_t *list = completion->finished_first;
    completion->finished_first = NULL;
    completion->finished_last = &completion->finished_first;
    pthread_mutex_unlock (&completion->lock);
    const bool any = list != NULL;
    while (list) {
        godwit__pending_t *pending = list;
        list = pending->next_finished;
        completion->now_ns = 0;
        pending->finished (pending);
    }
    return any;
}

static void
on_run_finished (godwit__task_t *task)
{
    godwit__completion_run_finished (task->user);
}

/* ---- deadlines ---- */

static void
arm_deadline (godwit__completion_t *completion)
{
    const int64_t deadline_ns = atomic_load (&completion->next_deadline_ns);
    if (deadline_ns != GODWIT__NEVER)
        godwit__reactor_arm (completion->reactor, &completion->deadline, deadline_ns);
}

static void
on_arm_timers (godwit__task_t *task)
{
    godwit__completion_t *completion = task->user;
    arm_deadline (completion);
    if (atomic_load (&completion->unparked) && !completion->tick.heap_index)
        godwit__reactor_arm (completion->reactor, &completion->tick,
                             godwit__reactor_now (completion->reactor) + TICK_NS);
}

void
godwit__completion_deadline (godwit__completion_t *completion, int64_t deadline_ns)
{
    int64_t next_ns = atomic_load (&completion->next_deadline_ns);
    while (deadline_ns < next_ns)
        if (atomic_compare_exchange_weak (&completion->next_deadline_ns, &next_ns, deadline_ns)) {
            godwit__reactor_post (completion->reactor, &completion->arm_timers);
            return;
        }
}

static void
on_deadline (godwit__timer_t *timer)
{
    godwit__completion_t *completion = timer->user;
    const int64_t now_ns = godwit__reactor_now (completion->reactor);
    /* Forget the old deadline first, then look: a deadline that is told meanwhile arms the timer again. */
    atomic_store (&completion->next_deadline_ns, GODWIT__NEVER);
    const int64_t next_ns = completion->hooks->expire (completion, now_ns);
    if (next_ns != GODWIT__NEVER)
        godwit__completion_deadline (completion, next_ns);
}

/* ---- parking ---- */

static void
on_tick (godwit__timer_t *timer)
{
    godwit__completion_t *completion = timer->user;
    atomic_store (&completion->unparked, false);
    if (!completion->hooks->tick (completion))
        godwit__completion_unparked (completion);
}

void
godwit__completion_unparked (godwit__completion_t *completion)
{
    if (!atomic_exchange (&completion->unparked, true))
        godwit__reactor_post (completion->reactor, &completion->arm_timers);
}

/* ---- lists ---- */

void
godwit__completion_add (godwit__completion_t *completion, godwit__pending_t *pending)
{
    pthread_mutex_lock (&completion->lock);
    pending->next_finished = NULL;
    *completion->finished_last = pending;
    completion->finished_last = &pending->next_finished;
    pthread_mutex_unlock (&completion->lock);
    godwit__reactor_post (completion->reactor, &completion->run_finished);
}

/* ---- life ---- */

/* The completion whose thread this is. */
static _Thread_local const godwit__completion_t *current;

bool
godwit__completion_is_current (const godwit__completion_t *completion)
{
    return completion->reactor == completion->transport->control
               ? godwit__transport_is_processing (completion->transport)
               : current == completion;
}

static void *
run (void *user)
{
    godwit__completion_t *completion = user;
    current = completion;
    godwit__thread_set_name ("godwit-done");
    while (!atomic_load (&completion->stop))
        godwit__reactor_run_once (completion->reactor, GODWIT__NEVER);
    return NULL;
}

godwit_status_t
godwit__completion_new (godwit__completion_t **completion, godwit_transport_t *transport,
                        const godwit__completion_hooks_t *hooks, godwit_error_t **error)
{
    godwit__completion_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    self->transport = transport;
    self->hooks = hooks;
    godwit__list_init (&self->led);
    pthread_mutex_init (&self->lock, NULL);
    self->finished_last = &self->finished_first;
    atomic_init (&self->next_deadline_ns, GODWIT__NEVER);
    self->run_finished = (godwit__task_t){.run = on_run_finished, .user = self};
    self->arm_timers = (godwit__task_t){.run = on_arm_timers, .user = self};
    self->tick = (godwit__timer_t){.fire = on_tick, .user = self};
    self->deadline = (godwit__timer_t){.fire = on_deadline, .user = self};
    *completion = self;
    if (transport->options.external_loop) {
        self->reactor = transport->control;
        return GODWIT_OK;
    }
    const godwit_status_t status = godwit__reactor_new (&self->reactor, &transport->clock, error);
    if (status)
        godwit__completion_destroy (completion);
    return status;
}

/* The thread is made when there is something for it to do: a connection, or a call that waits for one. */
godwit_status_t
godwit__completion_start (godwit__completion_t *completion, godwit_error_t **error)
{
    if (completion->reactor == completion->transport->control)
        return GODWIT_OK;
    pthread_mutex_lock (&completion->lock);
    if (!completion->runs && !atomic_load (&completion->stop))
        completion->runs = godwit__thread_start (&completion->thread, run, completion) == 0;
    const bool runs = completion->runs;
    pthread_mutex_unlock (&completion->lock);
    return runs ? GODWIT_OK
                : godwit__error_set (error, GODWIT_ERR_SYSTEM, "The completion thread could not be started");
}

void
godwit__completion_stop (godwit__completion_t *completion)
{
    pthread_mutex_lock (&completion->lock);
    atomic_store (&completion->stop, true);
    pthread_mutex_unlock (&completion->lock);
    if (completion->runs) {
        godwit__reactor_wake (completion->reactor);
        pthread_join (completion->thread, NULL);
        completion->runs = false;
    }
}

void
godwit__completion_destroy (godwit__completion_t **completion)
{
    godwit__completion_t *self = *completion;
    if (!self)
        return;
    if (self->reactor && self->reactor != self->transport->control) {
        godwit__reactor_destroy (&self->reactor);
    } else if (self->reactor) {
        godwit__reactor_disarm (self->reactor, &self->tick);
        godwit__reactor_disarm (self->reactor, &self->deadline);
        godwit__reactor_unpost (self->reactor, &self->run_finished);
        godwit__reactor_unpost (self->reactor, &self->arm_timers);
    }
    pthread_mutex_destroy (&self->lock);
    free (self);
    *completion = NULL;
}
