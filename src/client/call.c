/* A call: its request, its end, and how the calling thread waits for it. */
#include "src/client/call.h"

#include "src/client/backing_off_client.h"
#include "src/error/error.h"

#include <stdlib.h>

/* ---- the request ---- */

void
godwit__shared_unref (void *data, void *hint)
{
    godwit__shared_t *shared = hint;
    (void) data;
    if (atomic_fetch_sub_explicit (&shared->refs, 1, memory_order_acq_rel) == 1)
        free (shared);
}

uint8_t *
godwit__call_data (godwit__call_t *call)
{
    return (call->shared ? call->shared->data : call->small) + GODWIT__KEY_SIZE;
}

static size_t
text_bound (const char *text)
{
    return text ? strlen (text) + 5 : 1;
}

static void
write_text (godwit__writer_t *writer, const char *text)
{
    if (text)
        godwit__write_str (writer, text, strlen (text));
    else
        godwit__write_nil (writer);
}

/* [context, method, args] and, when set, [..., namespace, version] (docs/protocol.md 4.2). False: the
 * arguments were not checked, and cannot be while they are written. */
static bool
write_body (godwit__writer_t *writer, const godwit_client_t *client, const godwit_value_t *context,
            const char *method, const godwit_fields_t *args, bool checked)
{
    const char *name_space = client->target.name_space;
    const char *version = client->target.version;
    godwit__write_array (writer, version ? 5 : name_space ? 4 : 3);
    if (context)
        godwit__write_value (writer, context);
    else
        godwit__write_map (writer, 0);
    godwit__write_str (writer, method, strlen (method));
    if (checked)
        godwit__write_fields (writer, args);
    else if (!godwit__write_fields_checked (writer, args))
        return false;
    if (version || name_space)
        write_text (writer, name_space);
    if (version)
        write_text (writer, version);
    return !writer->overflow;
}

static godwit_status_t
check_size (const godwit_client_t *client, size_t size, godwit_error_t **error)
{
    const size_t limit = client->transport->options.max_message_size;
    if (size <= limit)
        return GODWIT_OK;
    return godwit__error_set (error, GODWIT_ERR_LIMIT_EXCEEDED,
                              "The request has %zu bytes; max_message_size is %zu", size, limit);
}

static godwit_status_t
encode (godwit__call_t *call, const godwit_value_t *context, const char *method, const godwit_fields_t *args,
        godwit_error_t **error)
{
    const godwit_client_t *client = call->client;
    if (!method || !*method)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "method: expected a name, got %s",
                                  method ? "\"\"" : "NULL");
    if (context && godwit_value_type (context) != GODWIT_TYPE_MAP)
        return godwit__error_set (error, godwit__not_a_map (context), "context: expected map, got %s",
                                  godwit_type_name (godwit_value_type (context)));
    const size_t context_bound = context ? godwit__value_bound (context) : 1;
    if (!context_bound)
        return godwit__error_set (error, GODWIT_ERR_TYPE_MISMATCH,
                                  "context: expected values that can be sent, got object");

    godwit__writer_t writer = {godwit__call_data (call), GODWIT__HEADER_SIZE, GODWIT__CALL_INLINE, false};
    if (write_body (&writer, client, context, method, args, false)) {
        call->request_size = writer.size;
        return check_size (client, writer.size, error);
    }

    size_t bound = GODWIT__HEADER_SIZE + 1 + text_bound (method) + text_bound (client->target.name_space) +
                   text_bound (client->target.version) + context_bound;
    const godwit_status_t status = godwit__fields_bound (args, "args", &bound, error);
    if (status)
        return status;
    if (bound > GODWIT__CALL_INLINE) {
        call->shared = malloc (sizeof *call->shared + GODWIT__KEY_SIZE + bound);
        if (!call->shared)
            return godwit__error_no_memory (error);
        atomic_init (&call->shared->refs, 1);
    } else {
        bound = GODWIT__CALL_INLINE;
    }
    writer = (godwit__writer_t){godwit__call_data (call), GODWIT__HEADER_SIZE, bound, false};
    write_body (&writer, client, context, method, args, true);
    call->request_size = writer.size;
    return check_size (client, writer.size, error);
}

static godwit_status_t
encode_with_serializer (godwit__call_t *call, const godwit_value_t *context, const char *method,
                        const godwit_fields_t *args, godwit_error_t **error)
{
    godwit__payload_t sent;
    godwit_status_t status =
        godwit__serialize_request (&sent, call->client->serializer, context, args, error);
    if (status)
        return status;
    status = encode (call, sent.context, method, &(godwit_fields_t){.value = sent.args}, error);
    godwit__payload_release (&sent);
    call->context = godwit_value_ref (context);
    return status;
}

godwit_status_t
godwit__call_init (godwit__call_t *call, godwit_client_t *client, bool cast, const godwit_value_t *context,
                   const char *method, const godwit_fields_t *args, godwit_error_t **error)
{
    memset (call, 0, offsetof (godwit__call_t, small));
    call->client = client;
    call->cast = cast;
    call->outcome = GODWIT_OUTCOME_NOT_SENT;
    call->why = "no server is known";
    call->retries_left = client->retry == GODWIT_RETRY_NONE ? 0 : client->retry > 0 ? client->retry : -1;

    godwit_status_t status = godwit__client_enter (client, error);
    if (status)
        return status;
    status = client->serializer ? encode_with_serializer (call, context, method, args, error)
                                : encode (call, context, method, args, error);
    if (status == GODWIT_OK)
        status = godwit__client_check (client, error);
    call->timeout_ms = godwit__client_timeout_ms (client);
    if (status == GODWIT_OK && client->backs_off && !cast)
        status = godwit__backing_off_begin (call, method, error);
    if (status) {
        godwit__call_release (call);
        return status;
    }
    call->started_ns = call->now_ns = godwit__transport_now (client->transport);
    call->deadline_ns = call->now_ns + call->timeout_ms * GODWIT__NS_PER_MS;
    atomic_store_explicit (&call->pending.deadline_ns, call->deadline_ns, memory_order_relaxed);
    call->pending.owner = client;
    if (client->call_monitor_timeout_ms && !cast)
        call->pending.monitor_ns = client->call_monitor_timeout_ms * GODWIT__NS_PER_MS;
    return GODWIT_OK;
}

void
godwit__call_release (godwit__call_t *call)
{
    godwit_client_t *client = call->client;
    if (call->connection)
        godwit__connection_unref (&call->connection);
    if (call->shared)
        godwit__shared_unref (NULL, call->shared);
    if (call->context)
        godwit_value_unref (&call->context);
    if (call->backoff_key)
        free (call->backoff_key);
    godwit__client_leave (client);
}

/* ---- on the calling thread ---- */

/* Waits until a stalled call may be advanced. */
static void
wait_stalled (const godwit__call_t *call)
{
    godwit_transport_t *transport = call->client->transport;
    int64_t until_ns = call->deadline_ns;
    const bool backs_off = call->not_before_ns != 0;
    if (backs_off && call->not_before_ns < until_ns)
        until_ns = call->not_before_ns;
    pthread_mutex_lock (&transport->lock);
    for (;;) {
        const int64_t left_ns = until_ns - godwit__transport_now (transport);
        if (left_ns <= 0 || transport->change_count != call->change_seen ||
            atomic_load (&transport->closing) || godwit__client_is_closed (call->client))
            break;
        godwit__transport_wait_changed (transport, left_ns);
    }
    pthread_mutex_unlock (&transport->lock);
}

godwit_status_t
godwit__call_run (godwit__call_t *call, godwit_value_t **result, godwit_error_t **error)
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
