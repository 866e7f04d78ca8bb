/* SPDX-License-Identifier: Apache-2.0 */
/* Calls and casts on the caller's thread (contract 3): the thread waits for a server, and for the reply. */
#include "src/address/target.h"
#include "src/base/uncancelled.h"
#include "src/client/backing_off_client.h"
#include "src/client/call_attempt.h"
#include "src/client/call_explain.h"
#include "src/client/call_finish.h"
#include "src/client/call_record.h"
#include "src/client/durable.h"
#include "src/client/nobody.h"
#include "src/error/error.h"
#include "src/runtime/wait.h"

/* Waits until a stalled call may be advanced. */
static void
wait_stalled (const godwit__call_t *call)
{
    godwit_transport_t *transport = call->client->transport;
    const int64_t until_ns = godwit__call_due_ns (call);
    pthread_mutex_lock (&transport->lock);
    for (;;) {
        const int64_t left_ns = until_ns - godwit__transport_now (transport);
        if (left_ns <= 0 || transport->change_count != call->change_seen ||
            atomic_load (&transport->closing) || godwit__client_is_closed (call->client))
            break;
        godwit__transport_wait_changed (transport, left_ns);
    }
    godwit__transport_unlock (transport);
}

/* Advances and waits until the end. */
static godwit_status_t
carry_through (godwit__call_t *call, godwit_value_t **result, godwit_error_t **error)
{
    godwit_status_t status = GODWIT_OK;
    for (;;) {
        switch (godwit__call_advance (call, &status, error)) {
        case GODWIT__ADVANCE_FAILED:
            return status;
        case GODWIT__ADVANCE_STALLED:
            wait_stalled (call);
            continue;
        case GODWIT__ADVANCE_SENT:
            break;
        }
        if (call->cast)
            return GODWIT_OK;
        if (call->connection)
            godwit__connection_await (call->connection, &call->pending);
        if (godwit__call_finish (call, &status, result, error) == GODWIT__FINISH_DONE)
            return status;
    }
}

static godwit_status_t
run (godwit_client_t *client, bool cast, const godwit_value_t *context, const char *method,
     const godwit_fields_t *args, godwit_value_t **result, godwit_error_t **error)
{
    godwit__call_t call;
    godwit_value_t *value = NULL;
    godwit_status_t status = godwit__call_init (&call, client, cast, context, method, args, error);
    if (status)
        return status;
    status = godwit__client_check_blocking (client, error);
    if (status) {
        godwit__client_tell_where (client, method, error);
        godwit__call_release (&call);
        return status;
    }
    godwit_transport_t *transport = client->transport;
    if (cast)
        GODWIT__COUNT (transport, casts);
    else
        GODWIT__COUNT (transport, calls_started);
    call.spreads = cast && godwit__nobody_may_wait (transport); /* calls that are waited for are no burst */
    godwit__call_begin_counted (&call, method, false);
    godwit_error_t *unasked = NULL; /* the black box tells it to whoever asks later */
    if (!error)
        error = &unasked;
    status = carry_through (&call, &value, error);
    if (status == GODWIT_OK && !cast)
        status = godwit__call_convert (&call, &value, error);
    godwit__call_end_counted (&call, status, status ? *error : NULL,
                              call.now_ns ? call.now_ns : godwit__transport_now (transport));
    if (unasked)
        godwit_error_destroy (&unasked);
    if (!cast) {
        if (status)
            GODWIT__COUNT (transport, calls_failed);
        else
            GODWIT__COUNT (transport, calls_succeeded);
    }
    if (status && call.backoff_key)
        godwit__backing_off_failed (&call, status, true);
    godwit__call_release (&call);
    if (result && status == GODWIT_OK)
        *result = value;
    else
        godwit_value_unref (&value);
    return status;
}

godwit_status_t
godwit_client_call (godwit_client_t *client, const godwit_value_t *context, const char *method,
                    godwit_fields_t args, godwit_value_t **result, godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    if (!client)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "client: expected a pointer, got NULL");
    if (client->target.fanout == GODWIT_YES) {
        const godwit_status_t status =
            godwit__target_error (error, GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE, &client->target,
                                  "A call cannot be used with fanout: ", "");
        godwit__client_explain (client, method, error);
        return status;
    }
    return run (client, false, context, method, &args, result, error);
}

godwit_status_t
godwit_client_cast (godwit_client_t *client, const godwit_value_t *context, const char *method,
                    godwit_fields_t args, godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    if (!client)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "client: expected a pointer, got NULL");
    if (client->is_durable)
        return godwit__durable_cast (client, context, method, &args, error);
    if (client->target.fanout == GODWIT_YES)
        return godwit_client_fanout (client, context, method, args, NULL, error);
    return run (client, true, context, method, &args, NULL, error);
}
