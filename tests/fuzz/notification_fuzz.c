/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the body of a notification: what is read has all its texts, and written again in either form
 * it is read as the same. */
#include "src/wire/notification.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (bool good)
{
    if (!good)
        abort ();
}

static void
free_frame (godwit__frame_t *frame)
{
    free (frame->data);
}

/* The value, which owns a copy of the bytes; NULL: they are none. */
static godwit_value_t *
decode (const uint8_t *data, size_t size)
{
    godwit__block_t *block = NULL;
    godwit__frame_t frame = {.data = malloc (size ? size : 1), .size = size, .release = free_frame};
    check (frame.data != NULL);
    if (size)
        memcpy (frame.data, data, size);
    return godwit__decode (&block, &frame, 0, &godwit__default_limits, NULL) ? NULL
                                                                             : godwit__block_nodes (block);
}

/* A text of the size that a notifier would give it. */
static const char *
of_size (const char *text, char *to, size_t size)
{
    memset (to, '0', size);
    memcpy (to, text, strnlen (text, size));
    return to;
}

static void
write_and_read (const godwit_notification_t *read, godwit__notification_form_t form)
{
    char id[GODWIT__MESSAGE_ID_SIZE], stamp[GODWIT__TIMESTAMP_SIZE];
    godwit__encoded_notification_t encoded;
    godwit_notification_t again = {.redeliveries = 0};
    const godwit__notification_parts_t parts = {
        .context = read->context,
        .publisher_id = read->publisher_id,
        .publisher_id_size = strlen (read->publisher_id),
        .event_type = read->event_type,
        .event_type_size = strlen (read->event_type),
        .priority = read->priority,
        .payload = godwit_field_from (read->payload),
        .message_id = of_size (read->message_id, id, sizeof id),
        .timestamp = of_size (read->timestamp, stamp, sizeof stamp),
    };
    /* A payload may be deeper than what may be sent by the levels of what wraps it. */
    if (godwit__notification_encode (&encoded, &parts, form, SIZE_MAX, NULL)) {
        godwit__encoded_notification_release (&encoded);
        return;
    }
    godwit_value_t *body = decode (encoded.data, encoded.size);
    check (body && godwit__notification_read (&again, body));
    check (godwit_value_equal (again.context, read->context));
    check (godwit_value_equal (again.payload, read->payload));
    check (strcmp (again.publisher_id, read->publisher_id) == 0);
    check (strcmp (again.event_type, read->event_type) == 0);
    check (strncmp (again.message_id, id, sizeof id) == 0);
    check (strncmp (again.timestamp, stamp, sizeof stamp) == 0);
    check (again.priority == read->priority);
    godwit_value_unref (&body);
    godwit__encoded_notification_release (&encoded);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    godwit_notification_t notification = {.redeliveries = 7};
    godwit_value_t *body = decode (data, size);
    if (!body)
        return 0;
    if (godwit__notification_read (&notification, body)) {
        check (godwit_value_type (notification.context) == GODWIT_TYPE_MAP && notification.payload);
        check (*godwit_priority_name (notification.priority) != '?' && notification.redeliveries == 7);
        write_and_read (&notification, GODWIT__NOTIFICATION_PLAIN);
        write_and_read (&notification, GODWIT__NOTIFICATION_ENVELOPED);
    }
    godwit_value_unref (&body);
    return 0;
}
