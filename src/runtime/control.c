/* SPDX-License-Identifier: Apache-2.0 */
#include "src/runtime/control.h"

#include "src/base/thread.h"
#include "src/error/error.h"

/* An address that is unique to this thread. */
static uintptr_t
this_thread (void)
{
    static _Thread_local char here;
    return (uintptr_t) &here;
}

/* ---- a thread of our own ---- */

static void *
run (void *user)
{
    godwit_transport_t *transport = user;
    godwit__thread_set_name ("godwit-control");
    while (!atomic_load (&transport->control_stop))
        godwit__reactor_run_once (transport->control, GODWIT__NEVER);
    return NULL;
}

godwit_status_t
godwit__control_start (godwit_transport_t *transport, godwit_error_t **error)
{
    if (transport->options.external_loop)
        return GODWIT_OK;
    transport->control_runs = true;
    if (godwit__thread_start (&transport->control_thread, run, transport) == 0)
        return GODWIT_OK;
    transport->control_runs = false;
    return godwit__error_set (error, GODWIT_ERR_SYSTEM, "The control thread could not be started");
}

void
godwit__control_stop (godwit_transport_t *transport)
{
    if (!transport->control_runs)
        return;
    pthread_mutex_lock (&transport->lock);
    atomic_store (&transport->control_stop, true);
    godwit__transport_unlock (transport);
    godwit__reactor_wake (transport->control);
    pthread_join (transport->control_thread, NULL);
    transport->control_runs = false;
    /* Runs a sync task that was posted at the last moment: its caller waits for it. */
    godwit__reactor_run_once (transport->control, 0);
}

/* ---- the program's loop ---- */

bool
godwit__transport_is_processing (const godwit_transport_t *transport)
{
    return atomic_load_explicit (&transport->process_owner, memory_order_relaxed) == this_thread ();
}

static void
begin_processing (godwit_transport_t *transport)
{
    pthread_mutex_lock (&transport->process_lock);
    atomic_store_explicit (&transport->process_owner, this_thread (), memory_order_relaxed);
}

static void
end_processing (godwit_transport_t *transport)
{
    atomic_store_explicit (&transport->process_owner, 0, memory_order_relaxed);
    pthread_mutex_unlock (&transport->process_lock);
}

void
godwit__transport_pump (godwit_transport_t *transport, int64_t timeout_ns)
{
    begin_processing (transport);
    godwit__reactor_run_once (transport->control, timeout_ns);
    end_processing (transport);
}

bool
godwit__transport_run (godwit_transport_t *transport)
{
    /* Without the lock: a cluster has one thread, and several of its transports may be on the stack of that
     * thread.
     */
    atomic_store_explicit (&transport->process_owner, this_thread (), memory_order_relaxed);
    const bool ran = godwit__reactor_run_once (transport->control, 0);
    atomic_store_explicit (&transport->process_owner, 0, memory_order_relaxed);
    return ran;
}

bool
godwit__transport_try_pump (godwit_transport_t *transport, int64_t timeout_ns)
{
    if (pthread_mutex_trylock (&transport->process_lock))
        return false;
    atomic_store_explicit (&transport->process_owner, this_thread (), memory_order_relaxed);
    godwit__reactor_run_once (transport->control, timeout_ns);
    end_processing (transport);
    return true;
}

void
godwit__control_process (godwit_transport_t *transport, int64_t timeout_ns)
{
    begin_processing (transport);
    if (godwit__reactor_run_once (transport->control, timeout_ns))
        /* Runs what became due by this, too; but not forever, since the program has other work. */
        for (int round = 0; round < 16 && godwit__reactor_run_once (transport->control, 0); round++)
            ;
    end_processing (transport);
}

/* ---- work for the control thread ---- */

typedef struct sync_task {
    godwit__task_t task;
    void (*run) (void *arg);
    void *arg;
    pthread_mutex_t lock;
    pthread_cond_t done_changed;
    bool done;
} sync_task_t;

static void
on_sync_task (godwit__task_t *task)
{
    sync_task_t *sync = task->user;
    sync->run (sync->arg);
    pthread_mutex_lock (&sync->lock);
    sync->done = true;
    pthread_cond_signal (&sync->done_changed);
    pthread_mutex_unlock (&sync->lock);
}

bool
godwit__control_run (godwit_transport_t *transport, void (*fn) (void *arg), void *arg)
{
    if (transport->options.external_loop) {
        const bool nested = godwit__transport_is_processing (transport);
        if (!nested)
            begin_processing (transport);
        fn (arg);
        if (!nested)
            end_processing (transport);
        return true;
    }
    if (!transport->control_runs || atomic_load (&transport->control_stop))
        return false;
    if (pthread_equal (pthread_self (), transport->control_thread)) {
        fn (arg);
        return true;
    }
    sync_task_t sync = {.run = fn, .arg = arg};
    sync.task = (godwit__task_t){.run = on_sync_task, .user = &sync};
    pthread_mutex_init (&sync.lock, NULL);
    pthread_cond_init (&sync.done_changed, NULL);
    pthread_mutex_lock (&transport->lock);
    const bool accepted = !atomic_load (&transport->control_stop);
    if (accepted)
        godwit__reactor_post (transport->control, &sync.task);
    godwit__transport_unlock (transport);
    pthread_mutex_lock (&sync.lock);
    while (accepted && !sync.done)
        pthread_cond_wait (&sync.done_changed, &sync.lock);
    pthread_mutex_unlock (&sync.lock);
    pthread_cond_destroy (&sync.done_changed);
    pthread_mutex_destroy (&sync.lock);
    return accepted;
}
