/* SPDX-License-Identifier: Apache-2.0 */
/* How a handler learns that nobody waits for its request any more. */
#include "src/base/uncancelled.h"
#include "src/connection/completion.h"
#include "src/server/request.h"

/* From now on the call monitor watches the request. */
static void
watch (godwit_request_t *request, int64_t now_ns)
{
    if (atomic_exchange (&request->cancel.is_watched, true) || !godwit__pool_enter (request->pool))
        return;
    godwit__call_monitor_watch (request, now_ns);
    godwit__pool_leave (request->pool);
}

static void
mark_spent (godwit_request_t *request)
{
    godwit__pool_t *const pool = request->pool;
    const bool is_open = godwit__pool_enter (pool);
    godwit__cancel_mark (request, is_open);
    if (is_open)
        godwit__pool_leave (pool);
}

bool
godwit_request_is_cancelled (godwit_request_t *request)
{
    GODWIT__UNCANCELLED;
    if (!request || request->is_cast)
        return false;
    if (godwit__request_is_forked (request) ||
        atomic_load_explicit (&request->cancel.is_marked, memory_order_acquire))
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
    GODWIT__UNCANCELLED;
    if (!request || !callback)
        return GODWIT_ERR_INVALID_ARGUMENT;
    if (godwit__request_is_forked (request))
        return GODWIT_ERR_FORKED;
    if (request->cancel.callback)
        return GODWIT_ERR_INVALID_ARGUMENT;
    godwit__pool_t *const pool = request->pool;
    if (!request->is_cast && godwit__pool_enter (pool)) {
        const godwit_status_t status = godwit__completion_start (pool->transport->completion, NULL);
        godwit__pool_leave (pool);
        if (status)
            return status;
    }
    godwit__cancels_t *const cancels = &pool->cancels;
    const bool is_cancelled = godwit_request_is_cancelled (request); /* this call also begins to watch it */
    pthread_mutex_lock (&cancels->lock);
    request->cancel.callback = callback;
    request->cancel.user = user;
    if (is_cancelled || atomic_load (&request->cancel.is_marked)) {
        godwit__cancel_run_callback (request); /* which releases the lock */
        return GODWIT_OK;
    }
    request->cancel.state = GODWIT__CANCEL_SET;
    pthread_mutex_unlock (&cancels->lock);
    return GODWIT_OK;
}
