/* SPDX-License-Identifier: Apache-2.0 */
#include "src/notify/parts.h"

#include "src/error/error.h"
#include "src/runtime/warnings.h"
#include "src/serializer/serialize_call.h"
#include "src/value/value_map.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_NOT_REDACTED = 0x6e72 };

/* ---- context ---- */

/* The entries of a plain map that the option context_keys names; NULL: none of them is there. */
static godwit_status_t
choose_keys (godwit_value_t **chosen, const godwit__notifier_root_t *root, const godwit_value_t *map,
             godwit_error_t **error)
{
    size_t count = 0;
    godwit__entry_t *const entries = calloc (root->context_key_count, sizeof *entries);
    if (!entries)
        return godwit__error_no_memory (error);
    for (size_t i = 0; i < root->context_key_count; i++) {
        const char *const key = root->context_keys[i];
        const godwit_value_t *const value = godwit_value_get (map, key);
        bool is_there = false; /* a key that is named twice is sent once */
        for (size_t k = 0; k < count; k++)
            is_there |= strcmp (entries[k].key.data, key) == 0;
        if (value && !is_there)
            entries[count++] = (godwit__entry_t){{key, strlen (key)}, godwit_value_ref (value)};
    }
    const godwit_status_t status = count ? godwit__value_map (chosen, entries, count, error) : GODWIT_OK;
    for (size_t i = 0; i < count; i++)
        godwit_value_unref (&entries[i].value);
    free (entries);
    return status;
}

/* The first step: a plain map keeps the keys that are named, an object becomes its redacted copy. Either is
 * own_context; NULL: {}. What nobody has redacted may hold secrets, and does not travel. */
static godwit_status_t
redact (godwit__sending_t *sending, const godwit_value_t *context, godwit_error_t **error)
{
    const godwit__notifier_root_t *const root = sending->notifier->root;
    godwit_value_t **const redacted = &sending->notification.own_context;
    const godwit_type_t type = godwit_value_type (context);
    if (type == GODWIT_TYPE_NIL || (type == GODWIT_TYPE_MAP && !root->context_key_count))
        return GODWIT_OK;
    if (type == GODWIT_TYPE_MAP)
        return choose_keys (redacted, root, context, error);
    if (type != GODWIT_TYPE_OBJECT)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "context: expected a map or an object of the program, got %s",
                                  godwit_type_name (type));
    if (root->redaction.serialize_context)
        return godwit__serialize_context (redacted, &root->redaction, context, error);
    godwit__warn (root->transport, KEY_NOT_REDACTED,
                  "a notification was sent with the context {}: its context is an object, and the option "
                  "redact_context, which says what of it listeners may see, is not set");
    return GODWIT_OK;
}

/* The second step. A serializer is told of no context by NULL, as that of a client is. */
static godwit_status_t
serialize (godwit__sending_t *sending, const godwit_value_t *context, godwit_error_t **error)
{
    const godwit__notifier_root_t *const root = sending->notifier->root;
    godwit_notification_t *const notification = &sending->notification;
    godwit_value_t *const redacted = notification->own_context;
    godwit_status_t status = godwit__serialize_result (&notification->own_payload, root->serializer, context,
                                                       &sending->parts.payload, error);
    if (status)
        return status;
    sending->parts.payload = godwit_field_from (notification->own_payload);
    notification->own_context = NULL;
    status = godwit__serialize_context (&notification->own_context, root->serializer, redacted, error);
    godwit_value_unref (&(godwit_value_t *){redacted});
    return status;
}

godwit_status_t
godwit__sending_settle (godwit__sending_t *sending, godwit_error_t **error)
{
    const godwit_value_t *const context = sending->parts.context;
    godwit_status_t status = context ? redact (sending, context, error) : GODWIT_OK;
    if (status == GODWIT_OK && sending->notifier->root->serializer)
        status = serialize (sending, context, error);
    const godwit_type_t type = godwit_value_type (sending->notification.own_context);
    sending->parts.context = type == GODWIT_TYPE_NIL ? NULL : sending->notification.own_context;
    if (status || type == GODWIT_TYPE_NIL || type == GODWIT_TYPE_MAP)
        return status;
    return godwit__error_set (
        error, GODWIT_ERR_TYPE_MISMATCH, "context: expected map, got %s%s", godwit_type_name (type),
        type == GODWIT_TYPE_OBJECT ? ": redact_context or a serializer has to make one of it" : "");
}

/* ---- what drivers need ---- */

/* The same as values, for drivers that look into them. */
static godwit_status_t
make_values (godwit__sending_t *sending, godwit_error_t **error)
{
    const godwit__notifier_root_t *const root = sending->notifier->root;
    const godwit__notification_parts_t *const parts = &sending->parts;
    godwit_notification_t *const notification = &sending->notification;
    const godwit_field_t *const payload = &parts->payload;
    size_t bound = 0;
    godwit_status_t status = godwit__field_bound (payload, "payload", &bound, error);
    if (status)
        return status;
    if (payload->type == GODWIT_TYPE_VALUE && payload->as.value) {
        notification->payload = payload->as.value;
    } else {
        status = godwit_value_new (&notification->own_payload, *payload, error);
        notification->payload = notification->own_payload;
    }
    notification->context = parts->context ? parts->context : root->no_context;
    notification->publisher_id = parts->publisher_id;
    notification->event_type = parts->event_type;
    notification->priority = parts->priority;
    notification->message_id = parts->message_id;
    notification->timestamp = parts->timestamp;
    notification->exchange = root->exchange;
    notification->topic = root->topics[0];
    return status;
}

godwit_status_t
godwit__sending_make (godwit__sending_t *sending, unsigned needs, godwit_error_t **error)
{
    const size_t limit = sending->notifier->root->transport->options.max_message_size;
    godwit_status_t status = GODWIT_OK;
    for (unsigned form = 0; form < 2 && status == GODWIT_OK; form++)
        if (needs & 1u << form)
            status = godwit__notification_encode (&sending->encoded[form], &sending->parts,
                                                  (godwit__notification_form_t) form, limit, error);
    if (status == GODWIT_OK && needs & GODWIT__NEEDS_VALUES)
        status = make_values (sending, error);
    return status;
}

void
godwit__sending_release (godwit__sending_t *sending)
{
    for (unsigned form = 0; form < 2; form++)
        godwit__encoded_notification_release (&sending->encoded[form]);
    godwit__notification_release (&sending->notification);
}
