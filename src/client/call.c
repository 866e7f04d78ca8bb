/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning and the end of a call. */
#include "src/client/call.h"

#include "src/client/backing_off_client.h"
#include "src/client/call_explain.h"

#include <stdlib.h>

godwit_status_t
godwit__call_open (godwit__call_t *call, godwit_client_t *client, bool cast, godwit_error_t **error)
{
    godwit__pending_init (&call->pending);
    memset ((uint8_t *) call + sizeof call->pending, 0,
            offsetof (godwit__call_t, tried) - sizeof call->pending);
    call->tried.count = call->tried.total = 0;
    call->refused.count = call->refused.total = 0;
    call->client = client;
    call->cast = cast;
    call->outcome = GODWIT_OUTCOME_NOT_SENT;
    call->why = "its time was over before a server could be chosen";
    call->retries_left = client->retry == GODWIT_RETRY_NONE ? 0 : client->retry > 0 ? client->retry : -1;
    return godwit__client_enter (client, error);
}

void
godwit__call_begin_time (godwit__call_t *call, int64_t now_ns)
{
    const godwit_client_t *const client = call->client;
    call->started_ns = now_ns;
    call->deadline_ns = now_ns + call->timeout_ms * GODWIT__NS_PER_MS;
    atomic_store_explicit (&call->pending.deadline_ns, call->deadline_ns, memory_order_relaxed);
    call->pending.owner = client;
    godwit__trace_begin (&client->transport->traces, &call->trace, &call->parent);
    if (client->call_monitor_timeout_ms && !call->cast)
        call->pending.monitor_ns = client->call_monitor_timeout_ms * GODWIT__NS_PER_MS;
}

godwit_status_t
godwit__call_init (godwit__call_t *call, godwit_client_t *client, bool cast, const godwit_value_t *context,
                   const char *method, const godwit_fields_t *args, godwit_error_t **error)
{
    godwit_status_t status = godwit__call_open (call, client, cast, error);
    if (status) {
        godwit__client_tell_where (client, method, error);
        return status;
    }
    status = godwit__encode_request (&call->request, client, context, method, args, error);
    if (client->serializer)
        call->context = godwit_value_ref (context);
    call->timeout_ms = godwit__client_timeout_ms (client);
    if (status == GODWIT_OK && client->backs_off && !cast)
        status = godwit__backing_off_begin (client, method, &call->backoff_key, &call->timeout_ms, error);
    if (status) {
        godwit__client_tell_where (client, method, error);
        godwit__call_release (call);
        return status;
    }
    call->now_ns = godwit__transport_now (client->transport);
    godwit__call_begin_time (call, call->now_ns);
    return GODWIT_OK;
}

void
godwit__call_release (godwit__call_t *call)
{
    godwit_client_t *client = call->client;
    if (call->connection)
        godwit__connection_unref (&call->connection);
    godwit__encoded_request_release (&call->request);
    if (call->context)
        godwit_value_unref (&call->context);
    if (call->backoff_key)
        free (call->backoff_key);
    godwit__client_leave (client);
}
