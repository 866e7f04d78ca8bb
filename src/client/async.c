/* SPDX-License-Identifier: Apache-2.0 */
#include "src/client/async.h"

#include "src/address/target.h"
#include "src/base/uncancelled.h"
#include "src/client/backing_off_client.h"
#include "src/client/call_attempt.h"
#include "src/client/call_explain.h"
#include "src/client/call_finish.h"
#include "src/client/call_record.h"
#include "src/connection/completion.h"
#include "src/error/error.h"
#include "src/loop/clock.h"

#include <stdlib.h>

/* Once the call is in the list, another thread may carry it on, and free it. So the client, and with it the
 * transport, is held until this returns. */
static void
stall (godwit__call_t *call)
{
    godwit_client_t *client = call->client;
    godwit_transport_t *transport = client->transport;
    godwit__completion_t *completion = transport->completion;
    godwit__stalled_t *stalled = transport->stalled;
    const int64_t until_ns = godwit__call_due_ns (call);
    const uint64_t change_seen = call->change_seen;
    godwit__client_hold (client);
    pthread_mutex_lock (&stalled->lock);
    godwit__list_append (&stalled->calls, &call->in_stalled);
    stalled->count++;
    pthread_mutex_unlock (&stalled->lock);
    /* A change before the call was in the list has woken nobody: look once more. */
    pthread_mutex_lock (&transport->lock);
    const bool changed = transport->change_count != change_seen;
    godwit__transport_unlock (transport);
    if (changed)
        godwit__reactor_post (completion->reactor, &stalled->advance);
    godwit__completion_deadline (completion, until_ns);
    godwit__client_leave (client);
}

/* In the trace that was current where the call was made. */
static void
run_callback (const godwit__call_t *call, godwit_status_t status, const godwit_value_t *result,
              const godwit_error_t *error)
{
    godwit__trace_scope_t scope;
    godwit_trace_t trace = call->trace;
    memcpy (trace.span_id, &call->parent, sizeof trace.span_id);
    godwit__trace_enter (&scope, call->parent ? &trace : NULL);
    call->callback (call->user, status, result, error);
    godwit__trace_leave (&scope);
}

static void
finish (godwit__call_t *call, godwit_status_t status, godwit_value_t *result, godwit_error_t *error)
{
    godwit_transport_t *transport = call->client->transport;
    transport->completion->callback_depth++;
    if (status == GODWIT_OK)
        status = godwit__call_convert (call, &result, &error);
    if (status)
        GODWIT__COUNT (transport, calls_failed);
    else
        GODWIT__COUNT (transport, calls_succeeded);
    godwit__call_end_counted (call, status, error, godwit__completion_now (transport->completion));
    if (status && call->backoff_key)
        godwit__backing_off_failed (call, status, false);
    run_callback (call, status, result, error);
    transport->completion->callback_depth--;
    godwit_value_unref (&result);
    godwit_error_destroy (&error);
    godwit__call_release (call);
    free (call);
}

/* Calls wait for servers that are still being connected to, but not so many that others are refused. */
static bool
may_wait (const godwit_transport_t *transport)
{
    return atomic_load_explicit (&transport->stalled->count, memory_order_relaxed) <
           (size_t) transport->options.queue_limit / 2;
}

/* Makes another attempt. On the completion reactor. */
static void
carry_on (godwit__call_t *call)
{
    godwit_status_t status = GODWIT_OK;
    godwit_error_t *error = NULL;
    call->spreads = may_wait (call->client->transport);
    switch (godwit__call_advance (call, &status, &error)) {
    case GODWIT__ADVANCE_SENT:
        break;
    case GODWIT__ADVANCE_STALLED:
        stall (call);
        break;
    case GODWIT__ADVANCE_FAILED:
        finish (call, status, NULL, error);
        break;
    }
}

static void
on_finished (godwit__pending_t *pending)
{
    godwit__call_t *call = (godwit__call_t *) pending;
    godwit_status_t status = GODWIT_OK;
    godwit_value_t *result = NULL;
    godwit_error_t *error = NULL;
    if (godwit__call_finish (call, &status, &result, &error) == GODWIT__FINISH_DONE)
        finish (call, status, result, error);
    else
        carry_on (call);
}

godwit_status_t
godwit__call_start (godwit__call_t *call, godwit_error_t **error)
{
    godwit_transport_t *transport = call->client->transport;
    godwit_status_t status = GODWIT_OK;
    godwit__advance_t advance = GODWIT__ADVANCE_FAILED;
    call->pending.finished = on_finished;
    call->spreads = may_wait (transport);
    /* A call that its server refuses becomes stalled, too: so the limit is checked before it is sent. */
    if (atomic_load_explicit (&transport->stalled->count, memory_order_relaxed) >=
        (size_t) transport->options.queue_limit)
        status =
            godwit__error_set_outcome (error, GODWIT_ERR_OVERLOADED, GODWIT_OUTCOME_NOT_SENT,
                                       "%d asynchronous calls wait already, as many as queue_limit allows",
                                       transport->options.queue_limit);
    if (status)
        godwit__call_explain (call, error);
    else
        advance = godwit__call_advance (call, &status, error);
    switch (advance) {
    case GODWIT__ADVANCE_SENT:
        return GODWIT_OK;
    case GODWIT__ADVANCE_STALLED:
        status = godwit__completion_start (transport->completion, error);
        if (status)
            break;
        stall (call);
        return GODWIT_OK;
    case GODWIT__ADVANCE_FAILED:
        break;
    }
    GODWIT__COUNT (transport, calls_failed);
    godwit__call_end_counted (call, status, error ? *error : NULL, call->started_ns);
    if (call->backoff_key)
        godwit__backing_off_failed (call, status, false);
    godwit__call_release (call);
    free (call);
    return status;
}

/* ---- stalled calls ---- */

static void
on_advance (godwit__task_t *task)
{
    godwit__stalled_advance (task->user);
}

godwit_status_t
godwit__stalled_open (godwit_transport_t *transport, godwit_error_t **error)
{
    godwit__stalled_t *const stalled = calloc (1, sizeof *stalled);
    if (!stalled)
        return godwit__error_no_memory (error);
    pthread_mutex_init (&stalled->lock, NULL);
    godwit__list_init (&stalled->calls);
    stalled->advance = (godwit__task_t){.run = on_advance, .user = transport};
    transport->stalled = stalled;
    return GODWIT_OK;
}

void
godwit__stalled_close (godwit_transport_t *transport)
{
    godwit__stalled_t *const stalled = transport->stalled;
    if (!stalled)
        return;
    godwit__reactor_unpost (transport->completion->reactor, &stalled->advance);
    pthread_mutex_destroy (&stalled->lock);
    free (stalled);
    transport->stalled = NULL;
}

void
godwit__stalled_wake (godwit_transport_t *transport)
{
    godwit__stalled_t *const stalled = transport->stalled;
    if (stalled && stalled->count)
        godwit__reactor_post (transport->completion->reactor, &stalled->advance);
}

bool
godwit__stalled_any (const godwit_transport_t *transport)
{
    return !godwit__list_is_empty (&transport->stalled->calls);
}

void
godwit__stalled_advance (godwit_transport_t *transport)
{
    godwit__stalled_t *const stalled = transport->stalled;
    godwit__list_t calls;
    godwit__list_init (&calls);
    pthread_mutex_lock (&stalled->lock);
    godwit__list_move_all (&calls, &stalled->calls);
    pthread_mutex_unlock (&stalled->lock);

    const int64_t now_ns = godwit__transport_now (transport);
    pthread_mutex_lock (&transport->lock);
    const uint64_t change_count = transport->change_count;
    godwit__transport_unlock (transport);
    while (!godwit__list_is_empty (&calls)) {
        godwit__call_t *const call = GODWIT__FIRST (&calls, godwit__call_t, in_stalled);
        godwit__list_remove (&call->in_stalled);
        /* One by one: the calls that are still to come count against the limit. */
        atomic_fetch_sub (&stalled->count, 1);
        transport->completion->now_ns = 0;
        if (call->change_seen != change_count || godwit__call_due_ns (call) <= now_ns || call->given_up ||
            atomic_load (&transport->closing))
            carry_on (call);
        else
            stall (call);
    }
}

/* ---- the public functions ---- */

godwit_status_t
godwit__call_async (godwit_client_t *client, const godwit_value_t *context, const char *method,
                    const godwit_fields_t *args, godwit_reply_fn *callback, void *user,
                    godwit__call_t **started, godwit_error_t **error)
{
    if (client->target.fanout == GODWIT_YES) {
        const godwit_status_t status =
            godwit__target_error (error, GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE, &client->target,
                                  "A call cannot be used with fanout: ", "");
        godwit__client_explain (client, method, error);
        return status;
    }
    godwit__call_t *call = malloc (sizeof *call);
    if (!call)
        return godwit__error_no_memory (error);
    godwit_status_t status = godwit__call_init (call, client, false, context, method, args, error);
    if (status) {
        free (call);
        return status;
    }
    call->callback = callback;
    call->user = user;
    /* The call ends even if no server is ever found, and its callback runs on that thread. */
    status = godwit__completion_start (client->transport->completion, error);
    if (status) {
        godwit__call_release (call);
        free (call);
        return status;
    }
    if (started)
        *started = call; /* before it may end */
    GODWIT__COUNT (client->transport, calls_started);
    godwit__call_begin_counted (call, method, false);
    return godwit__call_start (call, error);
}

void
godwit__call_give_up (godwit__call_t *call)
{
    godwit_transport_t *const transport = call->client->transport;
    call->given_up = true; /* for a later attempt: it is not made */
    if (call->connection)
        godwit__connection_abandon_one (call->connection, &call->pending);
    else
        godwit__reactor_post (transport->completion->reactor, &transport->stalled->advance);
}

godwit_status_t
godwit_client_call_async (godwit_client_t *client, const godwit_value_t *context, const char *method,
                          godwit_fields_t args, godwit_reply_fn *callback, void *user, godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    if (!client || !callback)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected a pointer, got NULL",
                                  client ? "callback" : "client");
    return godwit__call_async (client, context, method, &args, callback, user, NULL, error);
}
