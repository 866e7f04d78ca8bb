/* SPDX-License-Identifier: Apache-2.0 */
#include "src/client/call_finish.h"

#include "src/client/call_error.h"
#include "src/client/call_explain.h"
#include "src/client/call_retry.h"
#include "src/client/call_version.h"
#include "src/discovery/observed.h"
#include "src/error/error.h"

#include <stdio.h>

/* Notes the outcome of an attempt. The outcome of the call is never lowered. */
static void
raise_outcome (godwit__call_t *call, godwit_outcome_t outcome)
{
    if (outcome > call->outcome)
        call->outcome = outcome;
}

/* Asks for another attempt, or fails because none is left. */
static godwit__finish_t
again (godwit__call_t *call, godwit__charge_t charge, godwit_status_t *status, godwit_error_t **error)
{
    if (godwit__call_try_again (call, charge))
        return GODWIT__FINISH_AGAIN;
    *status = godwit__call_fail_retries (call, error);
    return GODWIT__FINISH_DONE;
}

/* The request was handed over, and may have run. True: the client is idempotent, and the call is tried again.
 */
static bool
may_repeat (godwit__call_t *call, const char *why)
{
    raise_outcome (call, GODWIT_OUTCOME_MAYBE_RUN);
    call->why = why;
    if (!call->client->idempotent || !godwit__call_try_again (call, GODWIT__CHARGE_RETRY))
        return false;
    GODWIT__COUNT (call->client->transport, calls_repeated);
    return true;
}

/* The server's text of figures is cut: it has to be short. */
static godwit__finish_t
finish_expired_nack (godwit__call_t *call, godwit_status_t *status, godwit_error_t **error)
{
    char why[224];
    char text[256] = "the server refused it because its time was spent";
    godwit__refusal_read (&call->pending.frame, why, sizeof why);
    if (*why)
        snprintf (text, sizeof text, "the server refused it: %s", why);
    *status = godwit__call_fail_late (call, text, error);
    return GODWIT__FINISH_DONE;
}

/* Other servers of the topic would say the same, and asking them would only hide who may not do what. */
static godwit__finish_t
finish_forbidden (godwit__call_t *call, godwit_status_t *status, godwit_error_t **error)
{
    char text[GODWIT__REFUSAL_TEXT];
    godwit__refusal_read (&call->pending.frame, text, sizeof text);
    *status = godwit__error_set_outcome (error, GODWIT_ERR_PERMISSION_DENIED, call->outcome, "%s",
                                         *text ? text : "the server does not allow it");
    return GODWIT__FINISH_DONE;
}

static godwit__finish_t
finish_nack (godwit__call_t *call, uint32_t reason, uint32_t revision, godwit_status_t *status,
             godwit_error_t **error)
{
    godwit_transport_t *transport = call->client->transport;
    godwit__charge_t charge = GODWIT__CHARGE_NONE;
    if (reason == GODWIT__NACK_DUPLICATE) { /* the first copy may have run */
        if (may_repeat (call, "the server refused the request as DUPLICATE"))
            return GODWIT__FINISH_AGAIN;
        *status = godwit__call_fail_to_send (call, "\": the server refused the request as DUPLICATE", error);
        return GODWIT__FINISH_DONE;
    }
    raise_outcome (call, GODWIT_OUTCOME_REJECTED);
    switch (reason) {
    case GODWIT__NACK_EXPIRED:
        return finish_expired_nack (call, status, error);
    case GODWIT__NACK_FORBIDDEN:
        return finish_forbidden (call, status, error);
    case GODWIT__NACK_MALFORMED:
        *status = godwit__call_fail_to_send (call, "\": the server refused the request as MALFORMED", error);
        return GODWIT__FINISH_DONE;
    case GODWIT__NACK_DRAINING:
        godwit__directory_refused (transport, call->server_key, revision, false);
        call->why = "the server is draining";
        break;
    case GODWIT__NACK_NOT_HERE:
        godwit__directory_refused (transport, call->server_key, 0, true);
        call->why = "the server is not there any more";
        break;
    case GODWIT__NACK_OVERLOADED:
        godwit__directory_overloaded (call->client->group, transport, call->server_key,
                                      godwit__transport_now (transport));
        call->why = "the server is overloaded";
        charge = GODWIT__CHARGE_RETRY;
        break;
    default:
        call->why = "the server refused the connection's identity";
        break;
    }
    return again (call, charge, status, error);
}

static godwit__finish_t
finish_unsent (godwit__call_t *call, godwit_status_t *status, godwit_error_t **error)
{
    call->why = "the connection was lost before the request was sent";
    return again (call, GODWIT__CHARGE_NONE, status, error);
}

static godwit__finish_t
finish_failure (godwit__call_t *call, godwit_status_t *status, godwit_error_t **error)
{
    bool is_malformed = false;
    godwit_error_t *failure =
        godwit__failure_read (&call->pending.frame, call->client->transport->error_classes, &is_malformed);
    *status = godwit_error_status (failure);
    if (call->client->transport->options.remote_traces)
        godwit__error_show_remote_trace (failure);
    if (is_malformed)
        GODWIT__COUNT (call->client->transport, frames_malformed);
    if (*status == GODWIT_ERR_UNSUPPORTED_VERSION &&
        godwit_error_outcome (failure) == GODWIT_OUTCOME_REJECTED) {
        raise_outcome (call, GODWIT_OUTCOME_REJECTED);
        if (godwit__call_try_elsewhere (call)) {
            godwit_error_destroy (&failure);
            return GODWIT__FINISH_AGAIN;
        }
        if (!call->row)
            failure = godwit__call_add_versions (call, failure);
    }
    /* This server refused the call; a server before may have run it. */
    if (godwit_error_outcome (failure) < call->outcome)
        godwit__error_set_outcome_of (failure, call->outcome);
    if (error)
        *error = failure;
    else
        godwit_error_destroy (&failure);
    return GODWIT__FINISH_DONE;
}

static godwit__finish_t
finish_reply (godwit__call_t *call, godwit_status_t *status, godwit_value_t **result, godwit_error_t **error)
{
    const godwit__header_t *header = &call->pending.header;
    const size_t size = call->pending.frame.size;
    call->reply_size = size < UINT32_MAX ? (uint32_t) size : UINT32_MAX;
    if (header->type == GODWIT__NACK) {
        const godwit__finish_t finish = finish_nack (call, header->aux, header->target, status, error);
        godwit__frame_release (&call->pending.frame);
        return finish;
    }
    if (header->type == GODWIT__FAILURE)
        return finish_failure (call, status, error);
    if (header->type != GODWIT__REPLY) { /* RESOLVED: an answer to something else */
        GODWIT__COUNT (call->client->transport, frames_malformed);
        godwit__frame_release (&call->pending.frame);
        *status = godwit__error_set_outcome (error, GODWIT_ERR_MALFORMED, GODWIT_OUTCOME_MAYBE_RUN,
                                             "The answer is not a reply, but another kind of frame");
        return GODWIT__FINISH_DONE;
    }
    godwit__limits_t limits = godwit__default_limits;
    limits.size = call->client->transport->options.max_message_size;
    godwit__block_t *block = NULL;
    godwit_error_t *malformed = NULL;
    *status = godwit__decode (&block, &call->pending.frame, GODWIT__HEADER_SIZE, &limits, &malformed);
    if (*status == GODWIT_OK) {
        *result = godwit__block_nodes (block);
        return GODWIT__FINISH_DONE;
    }
    if (*status != GODWIT_ERR_OUT_OF_MEMORY)
        GODWIT__COUNT (call->client->transport, frames_malformed);
    godwit__error_set_outcome_of (malformed, GODWIT_OUTCOME_RAN);
    if (error)
        *error = malformed;
    else
        godwit_error_destroy (&malformed);
    return GODWIT__FINISH_DONE;
}

/* Nobody waits for the call any more: tells the server. */
static void
cancel (godwit__call_t *call)
{
    if (call->connection)
        godwit__connection_cancel (call->connection,
                                   godwit__get_u32 (godwit__encoded_request_data (&call->request) + 4),
                                   call->pending.id);
}

static godwit__finish_t
finish_expired (godwit__call_t *call, godwit_status_t *status, godwit_error_t **error)
{
    const godwit__pending_t *pending = &call->pending;
    /* The call's own time is over: there is none for another attempt. */
    if (!pending->monitor_ns || pending->deadline_ns >= call->deadline_ns) {
        raise_outcome (call, GODWIT_OUTCOME_MAYBE_RUN);
        *status = godwit__call_fail_late (call, "the server did not answer", error);
        return GODWIT__FINISH_DONE;
    }
    if (may_repeat (call, "the server gave no sign of life"))
        return GODWIT__FINISH_AGAIN;
    *status = godwit__error_set_outcome (
        error, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN,
        "The call monitor ended the call: the server gave no sign of life for %lld ms",
        (long long) (pending->monitor_ns / GODWIT__NS_PER_MS));
    return GODWIT__FINISH_DONE;
}

static godwit__finish_t
finish_lost (godwit__call_t *call, godwit_status_t *status, godwit_error_t **error)
{
    if (may_repeat (call, "the connection was lost after the request was handed over"))
        return GODWIT__FINISH_AGAIN;
    *status = godwit__error_set_outcome (error, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, "No reply: %s",
                                         call->why);
    return GODWIT__FINISH_DONE;
}

static godwit__finish_t
finish (godwit__call_t *call, godwit_status_t *status, godwit_value_t **result, godwit_error_t **error)
{
    switch (atomic_load_explicit (&call->pending.outcome, memory_order_acquire)) {
    case GODWIT__PENDING_REPLIED:
        return finish_reply (call, status, result, error);
    case GODWIT__PENDING_LOST:
        return finish_lost (call, status, error);
    case GODWIT__PENDING_UNSENT:
        return finish_unsent (call, status, error);
    case GODWIT__PENDING_ABANDONED:
        *status = godwit__error_set_outcome (error, GODWIT_ERR_CLOSED, GODWIT_OUTCOME_MAYBE_RUN,
                                             "The client is being destroyed");
        break;
    case GODWIT__PENDING_EXPIRED:
    case GODWIT__PENDING_WAITING:
        return finish_expired (call, status, error);
    }
    return GODWIT__FINISH_DONE;
}

godwit__finish_t
godwit__call_finish (godwit__call_t *call, godwit_status_t *status, godwit_value_t **result,
                     godwit_error_t **error)
{
    if (call->pending.outcome > GODWIT__PENDING_LOST)
        cancel (call);
    const godwit__finish_t what = finish (call, status, result, error);
    if (what == GODWIT__FINISH_DONE && *status)
        godwit__call_explain (call, error);
    if (call->connection)
        godwit__connection_unref (&call->connection);
    return what;
}
