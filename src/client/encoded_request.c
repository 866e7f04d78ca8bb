/* SPDX-License-Identifier: Apache-2.0 */
/* How a request is encoded, and who owns its memory. */
#include "src/client/encoded_request.h"

#include "src/error/error.h"
#include "src/serializer/serialize_call.h"

#include <stdalign.h>
#include <stdlib.h>

/* ---- memory ---- */

void
godwit__shared_unref (void *data, void *hint)
{
    godwit__shared_t *shared = hint;
    (void) data;
    if (atomic_fetch_sub_explicit (&shared->refs, 1, memory_order_acq_rel) != 1)
        return;
    godwit__inserts_unref (shared->inserts.items, shared->inserts.count);
    free (shared);
}

/* For so many bytes of header and body, a trace context, and inserts; NULL when memory is short. */
static godwit__shared_t *
shared_new (size_t size, size_t insert_count)
{
    const size_t align = alignof (godwit__insert_t);
    const size_t inserts_at =
        (sizeof (godwit__shared_t) + GODWIT__KEY_SIZE + size + GODWIT__TRACE_SIZE + align - 1) / align *
        align;
    godwit__shared_t *shared = malloc (inserts_at + insert_count * sizeof (godwit__insert_t));
    if (!shared)
        return NULL;
    atomic_init (&shared->refs, 1);
    shared->inserts =
        (godwit__inserts_t){.items = (godwit__insert_t *) (void *) ((unsigned char *) shared + inserts_at)};
    return shared;
}

void
godwit__encoded_request_lend (godwit__message_t *message, godwit__shared_t *shared)
{
    const godwit__inserts_t *const inserts = &shared->inserts;
    atomic_fetch_add_explicit (&shared->refs, 1, memory_order_relaxed);
    message->free_fn = godwit__shared_unref;
    message->hint = shared;
    message->inserts = inserts->items;
    message->insert_count = inserts->count;
    godwit__inserts_ref (inserts->items, inserts->count);
}

bool
godwit__encoded_request_copy (godwit__encoded_request_t *to, const godwit__encoded_request_t *from)
{
    to->size = from->size;
    to->trace_size = 0;
    to->method_at = from->method_at;
    const godwit__inserts_t *const inserts = from->shared ? &from->shared->inserts : NULL;
    to->shared = inserts ? shared_new (from->size, inserts->count) : NULL;
    if (inserts && !to->shared)
        return false;
    memcpy (to->shared ? to->shared->data : to->small, from->shared ? from->shared->data : from->small,
            GODWIT__KEY_SIZE + from->size);
    if (inserts && inserts->count) {
        godwit__inserts_t *const copied = &to->shared->inserts;
        memcpy (copied->items, inserts->items, inserts->count * sizeof *inserts->items);
        copied->count = inserts->count;
        copied->size = inserts->size;
        copied->shift = inserts->shift;
        godwit__inserts_ref (copied->items, copied->count);
    }
    return true;
}

bool
godwit__encoded_request_join (godwit__encoded_request_t *request)
{
    request->trace_size = 0;
    const godwit__message_t message = godwit__encoded_request_message (request);
    const size_t size = godwit__message_size (&message);
    godwit__shared_t *const joined = shared_new (size, 0);
    if (!joined)
        return false;
    godwit__message_gather (&message, joined->data + GODWIT__KEY_SIZE);
    godwit__shared_unref (NULL, request->shared);
    request->shared = joined;
    request->size = size;
    return true;
}

bool
godwit__encode_body (godwit__encoded_request_t *request, const void *body, size_t size)
{
    request->size = GODWIT__HEADER_SIZE + size;
    request->trace_size = 0;
    request->method_at = 0;
    request->shared = request->size > GODWIT__REQUEST_INLINE ? shared_new (request->size, 0) : NULL;
    if (request->size > GODWIT__REQUEST_INLINE && !request->shared)
        return false;
    memcpy (godwit__encoded_request_data (request) + GODWIT__HEADER_SIZE, body, size);
    return true;
}

/* ---- what was encoded ---- */

const char *
godwit__encoded_request_method (const godwit__encoded_request_t *request, size_t *size)
{
    const uint8_t *const at =
        (request->shared ? request->shared->data : request->small) + GODWIT__KEY_SIZE + request->method_at;
    if (!request->method_at)
        return NULL;
    /* The four forms of a str in msgpack. */
    if ((at[0] & 0xe0) == 0xa0) {
        *size = at[0] & 0x1f;
        return (const char *) at + 1;
    }
    const unsigned bytes = 1u << (at[0] - 0xd9u);
    *size = 0;
    for (unsigned i = 1; i <= bytes; i++)
        *size = *size << 8 | at[i];
    return (const char *) at + 1 + bytes;
}

/* ---- encoding ---- */

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

/* A request is [context, method, args] and, when set, [..., namespace, version] (docs/protocol.md 4.2). */
static inline void
write_front (godwit__writer_t *writer, godwit__encoded_request_t *request, const godwit_client_t *client,
             const godwit_value_t *context, const char *method)
{
    godwit__write_array (writer, client->target.version ? 5 : client->target.name_space ? 4 : 3);
    if (context)
        godwit__write_value (writer, context);
    else
        godwit__write_map (writer, 0);
    request->method_at = writer->size;
    godwit__write_str (writer, method, strlen (method));
}

size_t
godwit__request_names_bound (const godwit_target_t *target)
{
    return text_bound (target->name_space) + text_bound (target->version);
}

size_t
godwit__request_names_write (const godwit_target_t *target, uint8_t *to, size_t capacity)
{
    godwit__writer_t writer = {.data = to, .capacity = capacity};
    if (target->version || target->name_space)
        write_text (&writer, target->name_space);
    if (target->version)
        write_text (&writer, target->version);
    return writer.size;
}

/* Arguments are checked as they are written, as most can be. False: they are not written. */
static inline bool
encode_quickly (godwit__encoded_request_t *request, const godwit_client_t *client,
                const godwit_value_t *context, const char *method, const godwit_fields_t *args)
{
    godwit__writer_t writer = {.data = godwit__encoded_request_data (request),
                               .size = GODWIT__HEADER_SIZE,
                               .capacity = GODWIT__REQUEST_INLINE};
    write_front (&writer, request, client, context, method);
    if (!godwit__write_fields_checked (&writer, args))
        return false;
    godwit__write_encoded (&writer, client->names, client->names_size);
    request->size = writer.size;
    return !writer.overflow;
}

/* Arguments are checked and measured first: they may be wrong, large, or lie where they stay. */
static godwit_status_t
encode_carefully (godwit__encoded_request_t *request, const godwit_client_t *client,
                  const godwit_value_t *context, const char *method, const godwit_fields_t *args,
                  size_t key_size, godwit_error_t **error)
{
    godwit__measure_t measure;
    const godwit_status_t status = godwit__fields_measure (args, "args", &measure, error);
    if (status)
        return status;
    size_t bound = GODWIT__HEADER_SIZE + 1 + text_bound (method) + client->names_size +
                   (context ? godwit__value_bound (context) : 1) + measure.bound - measure.insert_size;
    if (bound > GODWIT__REQUEST_INLINE || measure.insert_count) {
        request->shared = shared_new (bound, measure.insert_count);
        if (!request->shared)
            return godwit__error_no_memory (error);
        request->shared->inserts.shift = key_size;
    } else {
        bound = GODWIT__REQUEST_INLINE;
    }
    godwit__writer_t writer = {
        .data = godwit__encoded_request_data (request), .size = GODWIT__HEADER_SIZE, .capacity = bound};
    write_front (&writer, request, client, context, method);
    writer.inserts = request->shared ? &request->shared->inserts : NULL;
    godwit__write_fields (&writer, args);
    godwit__write_encoded (&writer, client->names, client->names_size);
    request->size = writer.size;
    return GODWIT_OK;
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
check_context (const godwit_value_t *context, godwit_error_t **error)
{
    if (context->type == GODWIT_TYPE_MAP && godwit__value_kept (context))
        return GODWIT_OK;
    if (godwit_value_type (context) != GODWIT_TYPE_MAP)
        return godwit__error_set (error, godwit__not_a_map (context), "context: expected map, got %s",
                                  godwit_type_name (godwit_value_type (context)));
    if (!godwit__value_bound (context))
        return godwit__error_set (error, GODWIT_ERR_TYPE_MISMATCH,
                                  "context: expected values that can be sent, got object");
    return GODWIT_OK;
}

static godwit_status_t
encode (godwit__encoded_request_t *request, const godwit_client_t *client, const godwit_value_t *context,
        const char *method, const godwit_fields_t *args, size_t key_size, godwit_error_t **error)
{
    if (!method || !*method)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "method: expected a name, got %s",
                                  method ? "\"\"" : "NULL");
    godwit_status_t status = context ? check_context (context, error) : GODWIT_OK;
    if (status == GODWIT_OK && !encode_quickly (request, client, context, method, args))
        status = encode_carefully (request, client, context, method, args, key_size, error);
    if (status)
        return status;
    const size_t insert_size = request->shared ? request->shared->inserts.size : 0;
    return check_size (client, key_size + request->size + insert_size, error);
}

static godwit_status_t
encode_with_serializer (godwit__encoded_request_t *request, const godwit_client_t *client,
                        const godwit_value_t *context, const char *method, const godwit_fields_t *args,
                        size_t key_size, godwit_error_t **error)
{
    godwit__payload_t sent;
    godwit_status_t status = godwit__serialize_request (&sent, client->serializer, context, args, error);
    if (status)
        return status;
    status = encode (request, client, sent.context, method, &(godwit_fields_t){.value = sent.args}, key_size,
                     error);
    godwit__payload_release (&sent);
    return status;
}

/* key_size: how many bytes travel in front of the request. */
static godwit_status_t
encode_any (godwit__encoded_request_t *request, const godwit_client_t *client, const godwit_value_t *context,
            const char *method, const godwit_fields_t *args, size_t key_size, godwit_error_t **error)
{
    request->shared = NULL;
    request->trace_size = 0;
    request->method_at = 0;
    const godwit_status_t status =
        client->serializer ? encode_with_serializer (request, client, context, method, args, key_size, error)
                           : encode (request, client, context, method, args, key_size, error);
    return status ? status : godwit__client_check (client, error);
}

godwit_status_t
godwit__encode_request (godwit__encoded_request_t *request, const godwit_client_t *client,
                        const godwit_value_t *context, const char *method, const godwit_fields_t *args,
                        godwit_error_t **error)
{
    return encode_any (request, client, context, method, args, 0, error);
}

godwit_status_t
godwit__encode_publication (godwit__encoded_request_t *request, const godwit_client_t *client,
                            const godwit_value_t *context, const char *method, const godwit_fields_t *args,
                            godwit_error_t **error)
{
    return encode_any (request, client, context, method, args, GODWIT__KEY_SIZE, error);
}
