#include "src/server/cancel.h"

#include "src/connection/completion.h"
#include "src/server/request.h"
#include "src/server/server.h"

/* ---- callbacks ---- */

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

/* With the lock: the next one that is due, taken out of the list. */
static godwit_request_t *
take_due (godwit__cancels_t *cancels)
{
    godwit_request_t *const request = cancels->due_first;
    if (request) {
        cancels->due_first = request->cancel.next;
        if (!cancels->due_first)
            cancels->due_last = NULL;
    }
    return request;
}

/* With the lock, which is released: runs the callback. Only what it left may be looked at afterwards. */
static void
run_callback (godwit_request_t *request)
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
        godwit_request_t *const request = take_due (cancels);
        if (!request)
            break;
        completion->callback_depth++;
        run_callback (request);
        completion->callback_depth--;
    }
    pthread_mutex_unlock (&cancels->lock);
}

/* With the lock. */
static void
forget_due (godwit__cancels_t *cancels, const godwit_request_t *request)
{
    godwit_request_t **at = &cancels->due_first;
    godwit_request_t *before = NULL;
    while (*at != request) {
        before = *at;
        at = &before->cancel.next;
    }
    *at = request->cancel.next;
    if (cancels->due_last == request)
        cancels->due_last = before;
}

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
        forget_due (cancels, request);
    while (cancel->state == GODWIT__CANCEL_RUNNING && !pthread_equal (cancel->run->thread, pthread_self ()))
        pthread_cond_wait (&cancels->over, &cancels->lock);
    if (cancel->state == GODWIT__CANCEL_RUNNING)
        cancel->run->request_is_gone = true;
    cancel->state = GODWIT__CANCEL_DONE;
    pthread_mutex_unlock (&cancels->lock);
}

/* ---- marks ---- */

/* The transport may be gone, which counted tells. */
static void
mark (godwit_request_t *request, bool counted)
{
    godwit__pool_t *const pool = request->pool;
    godwit__cancels_t *const cancels = &pool->cancels;
    if (request->is_cast || atomic_load (&request->replied))
        return;
    pthread_mutex_lock (&cancels->lock);
    const bool is_first = !atomic_exchange (&request->cancel.is_marked, true);
    const bool is_due = is_first && counted && request->cancel.state == GODWIT__CANCEL_SET;
    if (is_due) {
        request->cancel.state = GODWIT__CANCEL_DUE;
        request->cancel.next = NULL;
        *(cancels->due_last ? &cancels->due_last->cancel.next : &cancels->due_first) = request;
        cancels->due_last = request;
    }
    pthread_mutex_unlock (&cancels->lock);
    if (is_first && counted)
        GODWIT__COUNT (pool->transport, requests_cancelled);
    if (is_due)
        godwit__reactor_post (pool->transport->completion->reactor, &cancels->task);
}

void
godwit__cancel_mark (godwit_request_t *request)
{
    mark (request, true);
}

void
godwit__cancel_kept (const godwit_server_t *server)
{
    for (godwit_request_t *at = server->running; at; at = at->running_next) {
        mark (at, !server->pool->closed);
        godwit__call_monitor_remove (at);
    }
}

/* ---- who sent them gives them up ---- */

/* Which: of this origin, and with id, if that is not NULL. */
typedef struct choice {
    const godwit__port_t *port;
    godwit__origin_t origin;
    const uint64_t *id;
} choice_t;

static bool
is_chosen (const godwit_request_t *request, const choice_t *choice)
{
    return request->port == choice->port && request->origin == choice->origin && !request->is_cast &&
           (!choice->id || request->id == *choice->id);
}

/* With pool.lock: takes what is chosen out of the queue, and puts it in front of a list. */
static godwit_request_t *
take_queued (godwit_server_t *server, const choice_t *choice, godwit_request_t *taken)
{
    godwit_request_t **at = &server->queue_first;
    godwit_request_t *last = NULL;
    while (*at) {
        godwit_request_t *const request = *at;
        if (is_chosen (request, choice)) {
            *at = request->next;
            server->queued--;
            server->queued_size -= request->frame.size;
            request->next = taken;
            taken = request;
        } else {
            last = request;
            at = &request->next;
        }
    }
    server->queue_last = last;
    return taken;
}

/* With pool.lock. */
static godwit_request_t *
cancel_chosen (godwit_server_t *server, const choice_t *choice, godwit_request_t *taken)
{
    for (godwit_request_t *at = server->running; at; at = at->running_next) {
        if (!is_chosen (at, choice))
            continue;
        mark (at, true);
        godwit__call_monitor_remove (at); /* nobody is to be told of it any more */
    }
    return take_queued (server, choice, taken);
}

/* Without the lock. */
static void
drop (godwit__pool_t *pool, godwit_request_t *taken)
{
    while (taken) {
        godwit_request_t *const request = taken;
        taken = request->next;
        GODWIT__COUNT (pool->transport, requests_cancelled);
        godwit__request_drop (request);
    }
}

void
godwit__pool_cancel (godwit__pool_t *pool, const godwit__port_t *port, godwit__origin_t origin,
                     const godwit__header_t *header)
{
    const choice_t choice = {port, origin, &header->id};
    godwit_request_t *taken = NULL;
    godwit__pool_lock (pool);
    godwit_server_t *const server = godwit__server_table_find (&pool->servers, header->target);
    if (server)
        taken = cancel_chosen (server, &choice, NULL);
    if (taken)
        godwit__pool_changed (pool);
    godwit__pool_unlock (pool);
    drop (pool, taken);
}

void
godwit__pool_cancel_all (godwit__pool_t *pool, const godwit__port_t *port, godwit__origin_t origin)
{
    const choice_t choice = {port, origin, NULL};
    godwit_request_t *taken = NULL;
    godwit_server_t *server;
    godwit__pool_lock (pool);
    for (size_t i = 0; (server = godwit__server_table_next (&pool->servers, &i));)
        taken = cancel_chosen (server, &choice, taken);
    if (taken)
        godwit__pool_changed (pool);
    godwit__pool_unlock (pool);
    drop (pool, taken);
}

/* ---- the handler's side ---- */

/* What belongs to the transport may be used until godwit__leave. False: it may be gone. */
static bool
enter (godwit__pool_t *pool)
{
    godwit__pool_lock (pool);
    const bool is_open = !pool->closed;
    if (is_open)
        pool->senders++;
    godwit__pool_unlock (pool);
    return is_open;
}

static void
leave (godwit__pool_t *pool)
{
    godwit__pool_lock (pool);
    pool->senders--;
    godwit__pool_changed (pool);
    godwit__pool_unlock (pool);
}

/* From now on the request is looked after. */
static void
watch (godwit_request_t *request, int64_t now_ns)
{
    if (atomic_exchange (&request->cancel.is_watched, true) || !enter (request->pool))
        return;
    godwit__call_monitor_watch (request, now_ns);
    leave (request->pool);
}

static void
mark_spent (godwit_request_t *request)
{
    godwit__pool_t *const pool = request->pool;
    const bool is_open = enter (pool);
    mark (request, is_open);
    if (is_open)
        leave (pool);
}

static bool
is_forked (const godwit_request_t *request)
{
    return !*request->pool->alive;
}

bool
godwit_request_is_cancelled (godwit_request_t *request)
{
    if (!request || request->is_cast)
        return false;
    if (is_forked (request) || atomic_load_explicit (&request->cancel.is_marked, memory_order_acquire))
        return true;
    if (atomic_load (&request->replied))
        return false;
    const int64_t now_ns = godwit__clock_now (&request->pool->clock);
    if (!atomic_load_explicit (&request->cancel.is_watched, memory_order_relaxed))
        watch (request, now_ns);
    if (request->deadline_ns <= now_ns)
        mark_spent (request);
    return atomic_load_explicit (&request->cancel.is_marked, memory_order_acquire);
}

godwit_status_t
godwit_request_on_cancel (godwit_request_t *request, godwit_cancel_fn *callback, void *user)
{
    if (!request || !callback)
        return GODWIT_ERR_INVALID_ARGUMENT;
    if (is_forked (request))
        return GODWIT_ERR_FORKED;
    if (request->cancel.callback)
        return GODWIT_ERR_INVALID_ARGUMENT;
    godwit__pool_t *const pool = request->pool;
    if (!request->is_cast && enter (pool)) {
        const godwit_status_t status = godwit__completion_start (pool->transport->completion, NULL);
        leave (pool);
        if (status)
            return status;
    }
    godwit__cancels_t *const cancels = &pool->cancels;
    const bool is_cancelled = godwit_request_is_cancelled (request); /* and it is watched from now on */
    pthread_mutex_lock (&cancels->lock);
    request->cancel.callback = callback;
    request->cancel.user = user;
    if (is_cancelled || atomic_load (&request->cancel.is_marked)) {
        run_callback (request); /* which releases the lock */
        return GODWIT_OK;
    }
    request->cancel.state = GODWIT__CANCEL_SET;
    pthread_mutex_unlock (&cancels->lock);
    return GODWIT_OK;
}
