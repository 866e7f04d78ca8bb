/* SPDX-License-Identifier: Apache-2.0 */
/* The callbacks of cancelled requests: the list of those that are due, and their runs. */
#include "src/server/cancel.h"

#include "src/connection/completion.h"
#include "src/server/request.h"

/* ---- the list of those that are due ---- */

static void
on_task (godwit__task_t *task)
{
    godwit__cancels_run (task->user);
}

void
godwit__cancels_init (godwit__pool_t *pool)
{
    godwit__cancels_t *const cancels = &pool->cancels;
    pthread_mutex_init (&cancels->lock, NULL);
    pthread_cond_init (&cancels->over, NULL);
    godwit__list_init (&cancels->due);
    cancels->task.run = on_task;
    cancels->task.user = pool;
}

void
godwit__cancels_stop (godwit__pool_t *pool)
{
    godwit__reactor_unpost (pool->transport->completion->reactor, &pool->cancels.task);
}

void
godwit__cancels_release (godwit__pool_t *pool)
{
    pthread_cond_destroy (&pool->cancels.over);
    pthread_mutex_destroy (&pool->cancels.lock);
}

void
godwit__cancel_run_callback (godwit_request_t *request)
{
    godwit__cancels_t *const cancels = &request->pool->cancels;
    godwit__cancel_run_t run = {.thread = pthread_self ()};
    request->cancel.state = GODWIT__CANCEL_RUNNING;
    request->cancel.run = &run;
    pthread_mutex_unlock (&cancels->lock);
    request->cancel.callback (request, request->cancel.user);
    if (run.request_is_gone)
        return;
    pthread_mutex_lock (&cancels->lock);
    request->cancel.state = GODWIT__CANCEL_DONE;
    pthread_cond_broadcast (&cancels->over);
    pthread_mutex_unlock (&cancels->lock);
}

void
godwit__cancels_run (godwit__pool_t *pool)
{
    godwit__cancels_t *const cancels = &pool->cancels;
    godwit__completion_t *const completion = pool->transport->completion;
    for (;;) {
        pthread_mutex_lock (&cancels->lock);
        godwit_request_t *const request = GODWIT__FIRST (&cancels->due, godwit_request_t, cancel.in_due);
        if (!request)
            break;
        godwit__list_remove (&request->cancel.in_due);
        completion->callback_depth++;
        godwit__cancel_run_callback (request);
        completion->callback_depth--;
    }
    pthread_mutex_unlock (&cancels->lock);
}

/* ---- of one request ---- */

bool
godwit__cancel_is_inside (godwit_request_t *request)
{
    godwit__cancels_t *const cancels = &request->pool->cancels;
    pthread_mutex_lock (&cancels->lock);
    const bool is_inside = request->cancel.state == GODWIT__CANCEL_RUNNING &&
                           pthread_equal (request->cancel.run->thread, pthread_self ());
    pthread_mutex_unlock (&cancels->lock);
    return is_inside;
}

void
godwit__cancel_over (godwit_request_t *request)
{
    godwit__cancels_t *const cancels = &request->pool->cancels;
    godwit__cancel_t *const cancel = &request->cancel;
    pthread_mutex_lock (&cancels->lock);
    if (cancel->state == GODWIT__CANCEL_DUE)
        godwit__list_remove (&cancel->in_due);
    while (cancel->state == GODWIT__CANCEL_RUNNING && !pthread_equal (cancel->run->thread, pthread_self ()))
        pthread_cond_wait (&cancels->over, &cancels->lock);
    if (cancel->state == GODWIT__CANCEL_RUNNING)
        cancel->run->request_is_gone = true;
    cancel->state = GODWIT__CANCEL_DONE;
    pthread_mutex_unlock (&cancels->lock);
}

void
godwit__cancel_mark (godwit_request_t *request, bool has_transport)
{
    godwit__pool_t *const pool = request->pool;
    godwit__cancels_t *const cancels = &pool->cancels;
    if (request->is_cast || atomic_load (&request->replied))
        return;
    pthread_mutex_lock (&cancels->lock);
    const bool is_first = !atomic_exchange (&request->cancel.is_marked, true);
    const bool is_due = is_first && has_transport && request->cancel.state == GODWIT__CANCEL_SET;
    if (is_due) {
        request->cancel.state = GODWIT__CANCEL_DUE;
        godwit__list_append (&cancels->due, &request->cancel.in_due);
    }
    pthread_mutex_unlock (&cancels->lock);
    if (is_first && has_transport)
        GODWIT__COUNT (pool->transport, requests_cancelled);
    if (is_due)
        godwit__reactor_post (pool->transport->completion->reactor, &cancels->task);
}
