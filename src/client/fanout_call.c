/* SPDX-License-Identifier: Apache-2.0 */
/* A fanout call: one request to every server that a topic has at its start, and one row for each.
 *
 *     the members of the epoch -> a call each, which knows its server and no other -> a row each
 *
 * The calls are asynchronous ones (async.h) that share the request, which is encoded once. The thread that
 * makes the fanout call waits until the last of them has ended.
 */
#include "src/address/target.h"
#include "src/base/uncancelled.h"
#include "src/client/async.h"
#include "src/client/backing_off_client.h"
#include "src/client/call_explain.h"
#include "src/client/call_record.h"
#include "src/client/fanout_row.h"
#include "src/client/nobody.h"
#include "src/connection/completion.h"
#include "src/error/error.h"
#include "src/runtime/wait.h"

#include <stdlib.h>

/* A fanout call to more servers is refused: each server takes some memory at the same time. */
#define ROW_MAX 4096

struct godwit_fanout_result {
    uint64_t epoch;
    size_t count;
    godwit__row_t rows[];
};

/* A fanout call that runs, on the stack of the thread that waits for it. */
typedef struct godwit__fanout {
    godwit_client_t *client;
    const godwit_value_t *context; /* as the program gave it */
    int64_t timeout_ms;
    int64_t started_ns;
    bool is_certain; /* without a server, there is none */
    godwit_fanout_result_t *result;
    pthread_mutex_t lock;
    godwit__change_t changed;
    size_t waits;                      /* rows that have not ended; guarded by lock */
    godwit__encoded_request_t request; /* never sent itself: each row sends a copy */
} godwit__fanout_t;

/* ---- a row ends ---- */

static godwit_fanout_state_t
state_of (const godwit__row_t *row, godwit_status_t status, godwit_outcome_t outcome)
{
    if (status == GODWIT_OK)
        return GODWIT_FANOUT_REPLIED;
    switch (outcome) {
    case GODWIT_OUTCOME_RAN:
        return GODWIT_FANOUT_FAILED;
    case GODWIT_OUTCOME_MAYBE_RUN:
        return GODWIT_FANOUT_TIMED_OUT;
    case GODWIT_OUTCOME_REJECTED:
        return row->has_left ? GODWIT_FANOUT_LEFT : GODWIT_FANOUT_REFUSED;
    case GODWIT_OUTCOME_NONE:
    case GODWIT_OUTCOME_NOT_SENT:
        break;
    }
    return row->has_left ? GODWIT_FANOUT_LEFT : GODWIT_FANOUT_UNREACHABLE;
}

/* Consumes the error. After it nothing of the fanout may be touched. */
static void
end_row (godwit__row_t *row, godwit_status_t status, const godwit_value_t *result, godwit_error_t *error)
{
    godwit__fanout_t *fanout = row->fanout;
    const int64_t now_ns = godwit__transport_now (fanout->client->transport);
    row->row.state = state_of (row, status, godwit_error_outcome (error));
    row->row.result = result ? godwit_value_ref (result) : NULL;
    row->row.error = error;
    row->row.took_us = (now_ns - fanout->started_ns) / 1000;
    row->fanout = NULL;
    pthread_mutex_lock (&fanout->lock);
    if (--fanout->waits == 0)
        godwit__change_tell (&fanout->changed);
    pthread_mutex_unlock (&fanout->lock);
}

static void
on_row_ended (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    end_row (user, status, result, error ? godwit__error_copy (error) : NULL);
}

/* ---- beginning ---- */

/* The servers that the topic has, once all names were told. */
static godwit_status_t
take_members (godwit__fanout_t *fanout, godwit_error_t **error)
{
    godwit_transport_t *transport = fanout->client->transport;
    const godwit__group_t *group = fanout->client->group;
    pthread_mutex_lock (&transport->lock);
    godwit__nobody_await_names (fanout->client, fanout->started_ns + fanout->timeout_ms * GODWIT__NS_PER_MS);
    fanout->is_certain = godwit__nobody_is_certain (transport);
    const size_t most = group->count;
    godwit_fanout_result_t *result =
        most > ROW_MAX ? NULL : calloc (1, sizeof *result + most * sizeof result->rows[0]);
    for (size_t i = 0; result && i < most; i++) {
        const godwit__member_t *member = group->members[i];
        if (member->draining)
            continue;
        godwit__row_t *row = &result->rows[result->count++];
        row->record = godwit__record_ref (member->record);
        row->fanout = fanout;
        row->request = &fanout->request;
        row->member = godwit__directory_member_ref (group, i);
        row->row.server = row->record->server;
        row->row.instance = row->record->instance;
    }
    if (result)
        result->epoch = group->epoch;
    godwit__transport_unlock (transport);
    if (most > ROW_MAX)
        return godwit__error_set (error, GODWIT_ERR_LIMIT_EXCEEDED,
                                  "The topic has %zu servers; a fanout call can have at most %d", most,
                                  ROW_MAX);
    if (!result)
        return godwit__error_no_memory (error);
    fanout->result = result;
    fanout->waits = result->count;
    return GODWIT_OK;
}

/* Makes the call for one server. */
static godwit_status_t
call_new (godwit__call_t **made, godwit__fanout_t *fanout, godwit__row_t *row, godwit_error_t **error)
{
    godwit__call_t *call = malloc (sizeof *call);
    const godwit_status_t status =
        call ? godwit__call_open (call, fanout->client, false, error) : godwit__error_no_memory (error);
    if (status) {
        free (call);
        return status;
    }
    call->timeout_ms = fanout->timeout_ms;
    godwit__call_begin_time (call, fanout->started_ns);
    if (fanout->client->serializer)
        call->context = godwit_value_ref (fanout->context);
    godwit__row_open (row, call);
    call->callback = on_row_ended;
    call->user = row;
    *made = call;
    return GODWIT_OK;
}

static void
begin_row (godwit__fanout_t *fanout, godwit__row_t *row, const char *method)
{
    godwit_error_t *error = NULL;
    godwit__call_t *call = NULL;
    godwit_status_t status = call_new (&call, fanout, row, &error);
    if (status == GODWIT_OK) {
        GODWIT__COUNT (fanout->client->transport, calls_started);
        godwit__call_begin_counted (call, method, true);
        status = godwit__call_start (call, &error);
    }
    if (status)
        end_row (row, status, NULL, error);
}

/* The calls of all rows are of one trace. They may end while others begin: only `waits` tells whether all
 * have ended. */
static void
begin_rows (godwit__fanout_t *fanout, const char *method)
{
    godwit_trace_t trace;
    uint64_t parent;
    godwit__trace_scope_t scope;
    godwit__trace_begin (&fanout->client->transport->traces, &trace, &parent);
    godwit__trace_enter (&scope, &trace);
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the completion thread frees the call of a row */
    for (size_t i = 0; i < fanout->result->count; i++)
        begin_row (fanout, &fanout->result->rows[i], method);
    godwit__trace_leave (&scope);
}

/* ---- waiting ---- */

static void
wait_for_rows (godwit__fanout_t *fanout)
{
    pthread_mutex_lock (&fanout->lock);
    while (fanout->waits > 0)
        godwit__wait (fanout->client->transport, &fanout->changed, &fanout->lock, GODWIT__NEVER);
    pthread_mutex_unlock (&fanout->lock);
}

/* If the client or the transport was destroyed meanwhile, the rows mean nothing. */
static godwit_status_t
check_end (const godwit__fanout_t *fanout, godwit_error_t **error)
{
    const godwit_fanout_result_t *result = fanout->result;
    for (size_t i = 0; i < result->count; i++)
        if (result->rows[i].row.error &&
            godwit_error_status (result->rows[i].row.error) == GODWIT_ERR_CLOSED &&
            (godwit__client_is_closed (fanout->client) || atomic_load (&fanout->client->transport->closing)))
            return godwit__error_set_outcome (error, GODWIT_ERR_CLOSED, GODWIT_OUTCOME_MAYBE_RUN,
                                              "The client is being destroyed");
    return GODWIT_OK;
}

/* ---- the public functions ---- */

static godwit_status_t
run (godwit__fanout_t *fanout, const char *method, godwit_error_t **error)
{
    const godwit_client_t *client = fanout->client;
    godwit_transport_t *transport = client->transport;
    if (transport->options.external_loop && godwit__transport_is_processing (transport))
        return godwit__error_set (
            error, GODWIT_ERR_INVALID_ARGUMENT,
            "With external_loop a handler must not make a fanout call: it would wait for itself");
    godwit_status_t status = godwit__client_check_blocking (client, error);
    if (status == GODWIT_OK)
        status = godwit__completion_start (transport->completion, error);
    if (status == GODWIT_OK)
        status = take_members (fanout, error);
    if (status)
        return status;
    if (fanout->result->count == 0 && (client->mandatory || !fanout->is_certain))
        return godwit__nobody_error (client, fanout->is_certain, GODWIT_OUTCOME_NOT_SENT, error);
    begin_rows (fanout, method);
    wait_for_rows (fanout);
    return check_end (fanout, error);
}

/* Its request and its time. */
static godwit_status_t
prepare (godwit__fanout_t *fanout, const char *method, const godwit_fields_t *args, godwit_error_t **error)
{
    const godwit_client_t *client = fanout->client;
    char *backoff_key = NULL;
    godwit_status_t status =
        godwit__encode_request (&fanout->request, client, fanout->context, method, args, error);
    fanout->timeout_ms = godwit__client_timeout_ms (client);
    if (status == GODWIT_OK && client->backs_off)
        status = godwit__backing_off_begin (client, method, &backoff_key, &fanout->timeout_ms, error);
    free (backoff_key);
    fanout->started_ns = godwit__transport_now (client->transport);
    return status;
}

godwit_status_t
godwit_client_fanout_call (godwit_client_t *client, const godwit_value_t *context, const char *method,
                           godwit_fields_t args, godwit_fanout_result_t **result, godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    godwit__fanout_t fanout;
    if (!client || !result)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected a pointer, got NULL",
                                  client ? "result" : "client");
    godwit_status_t status = godwit__client_enter (client, error);
    if (status)
        return status;
    fanout.client = client;
    fanout.context = context;
    fanout.result = NULL;
    fanout.waits = 0;
    pthread_mutex_init (&fanout.lock, NULL);
    fanout.changed = (godwit__change_t){0};
    status = prepare (&fanout, method, &args, error);
    if (status)
        godwit__client_tell_where (client, method, error);
    if (status == GODWIT_OK) {
        status = run (&fanout, method, error);
        if (status)
            godwit__client_explain (client, method, error);
    }
    pthread_mutex_destroy (&fanout.lock);
    godwit__encoded_request_release (&fanout.request);
    godwit__client_leave (client);
    if (status)
        godwit_fanout_result_destroy (&fanout.result);
    else
        *result = fanout.result;
    return status;
}

size_t
godwit_fanout_result_count (const godwit_fanout_result_t *result)
{
    return result ? result->count : 0;
}

uint64_t
godwit_fanout_result_epoch (const godwit_fanout_result_t *result)
{
    return result ? result->epoch : 0;
}

const godwit_fanout_row_t *
godwit_fanout_result_row (const godwit_fanout_result_t *result, size_t index)
{
    return result && index < result->count ? &result->rows[index].row : NULL;
}

void
godwit_fanout_result_destroy (godwit_fanout_result_t **result)
{
    if (!result || !*result)
        return;
    for (size_t i = 0; i < (*result)->count; i++) {
        godwit__row_t *row = &(*result)->rows[i];
        godwit__record_unref (&row->record);
        godwit_value_unref (&row->row.result);
        godwit_error_destroy (&row->row.error);
    }
    free (*result);
    *result = NULL;
}

const char *
godwit_fanout_state_name (godwit_fanout_state_t state)
{
    static const char *const names[] = {"REPLIED", "FAILED", "REFUSED", "UNREACHABLE", "TIMED_OUT", "LEFT"};
    const size_t index = (size_t) state;
    return index < sizeof names / sizeof names[0] ? names[index] : "?";
}
