/* SPDX-License-Identifier: Apache-2.0 */
#include "src/wire/notification.h"

#include "src/error/error.h"

#include <stdlib.h>
#include <string.h>

/* ---- priorities ---- */

typedef struct priority_name {
    const char *lower;
    const char *upper;
    size_t size;
} priority_name_t;

static const priority_name_t names[GODWIT_PRIORITY_COUNT] = {
    [GODWIT_PRIORITY_AUDIT] = {"audit", "AUDIT", 5},
    [GODWIT_PRIORITY_DEBUG] = {"debug", "DEBUG", 5},
    [GODWIT_PRIORITY_INFO] = {"info", "INFO", 4},
    [GODWIT_PRIORITY_WARN] = {"warn", "WARN", 4},
    [GODWIT_PRIORITY_ERROR] = {"error", "ERROR", 5},
    [GODWIT_PRIORITY_CRITICAL] = {"critical", "CRITICAL", 8},
    [GODWIT_PRIORITY_SAMPLE] = {"sample", "SAMPLE", 6},
};

const char *
godwit_priority_name (godwit_priority_t priority)
{
    return (unsigned) priority < GODWIT_PRIORITY_COUNT ? names[priority].lower : "?";
}

const char *
godwit__priority_upper (godwit_priority_t priority)
{
    return names[priority].upper;
}

/* By the letters of ASCII, whatever the locale is. */
static bool
is_same_name (const char *text, const char *lower, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((text[i] | 0x20) != lower[i])
            return false;
    return true;
}

static bool
parse_priority (const char *text, size_t size, godwit_priority_t *priority)
{
    for (int i = 0; i < GODWIT_PRIORITY_COUNT; i++)
        if (size == names[i].size && is_same_name (text, names[i].lower, size)) {
            *priority = (godwit_priority_t) i;
            return true;
        }
    if (size == strlen ("warning") && is_same_name (text, "warning", size)) {
        *priority = GODWIT_PRIORITY_WARN;
        return true;
    }
    return false;
}

bool
godwit_priority_parse (const char *name, godwit_priority_t *priority)
{
    return name && priority && parse_priority (name, strlen (name), priority);
}

/* ---- getters ---- */

const godwit_value_t *
godwit_notification_context (const godwit_notification_t *notification)
{
    return notification->context;
}

const char *
godwit_notification_publisher_id (const godwit_notification_t *notification)
{
    return notification->publisher_id;
}

const char *
godwit_notification_event_type (const godwit_notification_t *notification)
{
    return notification->event_type;
}

godwit_priority_t
godwit_notification_priority (const godwit_notification_t *notification)
{
    return notification->priority;
}

const godwit_value_t *
godwit_notification_payload (const godwit_notification_t *notification)
{
    return notification->payload;
}

const char *
godwit_notification_message_id (const godwit_notification_t *notification)
{
    return notification->message_id;
}

const char *
godwit_notification_timestamp (const godwit_notification_t *notification)
{
    return notification->timestamp;
}

const char *
godwit_notification_exchange (const godwit_notification_t *notification)
{
    return notification->exchange;
}

const char *
godwit_notification_topic (const godwit_notification_t *notification)
{
    return notification->topic;
}

unsigned
godwit_notification_redeliveries (const godwit_notification_t *notification)
{
    return notification->redeliveries;
}

void
godwit__notification_release (godwit_notification_t *notification)
{
    godwit_value_unref (&notification->own_context);
    godwit_value_unref (&notification->own_payload);
    godwit_value_unref (&notification->body);
}

/* ---- reading ---- */

enum { CONTEXT, PUBLISHER_ID, EVENT_TYPE, PRIORITY, PAYLOAD, MESSAGE_ID, TIMESTAMP, ELEMENT_COUNT };

/* The keys of an envelope's message, in the order of the list. */
static const char *const keys[ELEMENT_COUNT] = {"context", "publisher_id", "event_type", "priority",
                                                "payload", "message_id",   "timestamp"};

static const char *
text_of (const godwit_value_t *value)
{
    return (const char *) value->as.bytes.data;
}

/* element[i] points to what has the place i in the list. */
static bool
fill (godwit_notification_t *notification, const godwit_value_t *const element[ELEMENT_COUNT])
{
    const godwit_value_t *const priority = element[PRIORITY];
    if (element[CONTEXT]->type != GODWIT_TYPE_MAP || element[PUBLISHER_ID]->type != GODWIT_TYPE_STR ||
        element[EVENT_TYPE]->type != GODWIT_TYPE_STR || priority->type != GODWIT_TYPE_STR ||
        element[MESSAGE_ID]->type != GODWIT_TYPE_STR || element[TIMESTAMP]->type != GODWIT_TYPE_STR ||
        !parse_priority (text_of (priority), priority->as.bytes.size, &notification->priority))
        return false;
    notification->context = element[CONTEXT];
    notification->payload = element[PAYLOAD];
    notification->publisher_id = text_of (element[PUBLISHER_ID]);
    notification->event_type = text_of (element[EVENT_TYPE]);
    notification->message_id = text_of (element[MESSAGE_ID]);
    notification->timestamp = text_of (element[TIMESTAMP]);
    return true;
}

static bool
read_envelope (godwit_notification_t *notification, const godwit_value_t *body)
{
    const godwit_value_t *element[ELEMENT_COUNT];
    const char *const version = godwit_value_as_str (godwit_value_get (body, "oslo.version"), "");
    const godwit_value_t *const message = godwit_value_get (body, "oslo.message");
    if (strncmp (version, "2.", 2) != 0)
        return false;
    for (int i = 0; i < ELEMENT_COUNT; i++) {
        element[i] = godwit_value_get (message, keys[i]);
        if (!element[i])
            return false;
    }
    return fill (notification, element);
}

bool
godwit__notification_read (godwit_notification_t *notification, const godwit_value_t *body)
{
    const godwit_value_t *element[ELEMENT_COUNT];
    if (godwit_value_type (body) == GODWIT_TYPE_MAP)
        return read_envelope (notification, body);
    if (godwit_value_type (body) != GODWIT_TYPE_LIST || body->count < ELEMENT_COUNT)
        return false;
    for (uint32_t i = 0; i < ELEMENT_COUNT; i++)
        element[i] = body - body->index + body->as.first + i;
    return fill (notification, element);
}

/* ---- writing ---- */

/* All that both forms have beside context, texts and payload. */
enum { ENVELOPE_BOUND = 160, TEXT_BOUND = 5 };

static inline void
write_context (godwit__writer_t *writer, const godwit__notification_parts_t *parts)
{
    if (parts->context)
        godwit__write_value (writer, parts->context);
    else
        godwit__write_map (writer, 0);
}

static inline void
write_texts (godwit__writer_t *writer, const godwit__notification_parts_t *parts)
{
    godwit__write_str (writer, parts->publisher_id, parts->publisher_id_size);
    godwit__write_str (writer, parts->event_type, parts->event_type_size);
    godwit__write_str (writer, names[parts->priority].upper, names[parts->priority].size);
}

/* Whether the payload is a whole value, whose limits were checked when it was made. The bodies of messages
 * may be deeper by what wraps it. */
static inline bool
is_kept (const godwit_field_t *payload)
{
    return payload->type == GODWIT_TYPE_VALUE && payload->as.value && godwit__value_kept (payload->as.value);
}

/* is_checked: a bound function has looked at the payload. False: as of godwit__write_field_checked. */
static inline bool
write_payload (godwit__writer_t *writer, const godwit_field_t *payload, bool is_checked)
{
    if (!is_checked && !is_kept (payload))
        return godwit__write_field_checked (writer, payload);
    godwit__write_field (writer, payload);
    return !writer->overflow;
}

static bool
write_plain (godwit__writer_t *writer, const godwit__notification_parts_t *parts, bool is_checked)
{
    godwit__write_array (writer, ELEMENT_COUNT);
    write_context (writer, parts);
    write_texts (writer, parts);
    if (!write_payload (writer, &parts->payload, is_checked))
        return false;
    godwit__write_str (writer, parts->message_id, GODWIT__MESSAGE_ID_SIZE);
    godwit__write_str (writer, parts->timestamp, GODWIT__TIMESTAMP_SIZE);
    return !writer->overflow;
}

static void
write_text (godwit__writer_t *writer, const char *key, const char *text, size_t size)
{
    godwit__write_str (writer, key, strlen (key));
    godwit__write_str (writer, text, size);
}

static bool
write_enveloped (godwit__writer_t *writer, const godwit__notification_parts_t *parts, bool is_checked)
{
    godwit__write_map (writer, 2);
    write_text (writer, "oslo.version", "2.0", strlen ("2.0"));
    godwit__write_str (writer, "oslo.message", strlen ("oslo.message"));
    godwit__write_map (writer, ELEMENT_COUNT);
    godwit__write_str (writer, keys[CONTEXT], strlen (keys[CONTEXT]));
    write_context (writer, parts);
    write_text (writer, keys[PUBLISHER_ID], parts->publisher_id, parts->publisher_id_size);
    write_text (writer, keys[EVENT_TYPE], parts->event_type, parts->event_type_size);
    write_text (writer, keys[PRIORITY], names[parts->priority].upper, names[parts->priority].size);
    godwit__write_str (writer, keys[PAYLOAD], strlen (keys[PAYLOAD]));
    if (!write_payload (writer, &parts->payload, is_checked))
        return false;
    write_text (writer, keys[MESSAGE_ID], parts->message_id, GODWIT__MESSAGE_ID_SIZE);
    write_text (writer, keys[TIMESTAMP], parts->timestamp, GODWIT__TIMESTAMP_SIZE);
    return !writer->overflow;
}

/* One pass into the small buffer. False: it does not fit, or something is wrong. */
static inline bool
encode_into (godwit__encoded_notification_t *encoded, size_t capacity,
             const godwit__notification_parts_t *parts, godwit__notification_form_t form, bool is_checked)
{
    godwit__writer_t writer = {.data = encoded->data, .capacity = capacity};
    const bool is_written = form == GODWIT__NOTIFICATION_PLAIN ? write_plain (&writer, parts, is_checked)
                                                               : write_enveloped (&writer, parts, is_checked);
    encoded->size = writer.size;
    return is_written;
}

static godwit_status_t
check_context (const godwit_value_t *context, godwit_error_t **error)
{
    if (!context || (context->type == GODWIT_TYPE_MAP && godwit__value_kept (context)))
        return GODWIT_OK;
    if (context->type != GODWIT_TYPE_MAP)
        return godwit__error_set (error, godwit__not_a_map (context), "context: expected map, got %s",
                                  godwit_type_name (godwit_value_type (context)));
    if (!godwit__value_bound (context))
        return godwit__error_set (error, GODWIT_ERR_TYPE_MISMATCH,
                                  "context: expected values that can be sent, got object");
    return GODWIT_OK;
}

static godwit_status_t
check_size (size_t size, size_t limit, godwit_error_t **error)
{
    return size <= limit
               ? GODWIT_OK
               : godwit__error_set (error, GODWIT_ERR_LIMIT_EXCEEDED,
                                    "The notification has %zu bytes; max_message_size is %zu", size, limit);
}

/* The payload is measured first: it may be wrong, or large. */
static godwit_status_t
encode_carefully (godwit__encoded_notification_t *encoded, const godwit__notification_parts_t *parts,
                  godwit__notification_form_t form, godwit_error_t **error)
{
    size_t payload_bound = 0;
    const godwit_status_t status = godwit__field_bound (&parts->payload, "payload", &payload_bound, error);
    if (status)
        return status;
    const size_t bound = payload_bound + (parts->context ? godwit__value_bound (parts->context) : 1) +
                         parts->publisher_id_size + parts->event_type_size + (size_t) 2 * TEXT_BOUND +
                         GODWIT__MESSAGE_ID_SIZE + GODWIT__TIMESTAMP_SIZE + ENVELOPE_BOUND;
    encoded->data = malloc (bound);
    if (!encoded->data)
        return godwit__error_no_memory (error);
    encode_into (encoded, bound, parts, form, true);
    return GODWIT_OK;
}

godwit_status_t
godwit__notification_encode (godwit__encoded_notification_t *encoded,
                             const godwit__notification_parts_t *parts, godwit__notification_form_t form,
                             size_t limit, godwit_error_t **error)
{
    encoded->data = encoded->small;
    godwit_status_t status = check_context (parts->context, error);
    if (status)
        return status;
    if (!encode_into (encoded, GODWIT__NOTIFICATION_INLINE, parts, form, false))
        status = encode_carefully (encoded, parts, form, error);
    return status ? status : check_size (encoded->size, limit, error);
}

void
godwit__encoded_notification_free (godwit__encoded_notification_t *encoded)
{
    free (encoded->data);
}
