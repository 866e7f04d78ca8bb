/* SPDX-License-Identifier: Apache-2.0 */
/* A notification as a line: for readers, or as JSON. What is in it comes from others: a line for readers has
 * no control characters, with which a text could change the terminal or look like another line. */
#include "tools/godwit/events.h"

#include "tools/godwit/clean.h"

#include "src/value/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHORT_SIZE 240 /* of a payload */
#define TEXT_SIZE 65536

/* ---- for readers ---- */

static const char *
colour_of (godwit_priority_t priority)
{
    switch (priority) {
    case GODWIT_PRIORITY_CRITICAL:
        return "\033[1;31m";
    case GODWIT_PRIORITY_ERROR:
        return "\033[31m";
    case GODWIT_PRIORITY_WARN:
        return "\033[33m";
    case GODWIT_PRIORITY_AUDIT:
        return "\033[36m";
    case GODWIT_PRIORITY_INFO:
        return "\033[32m";
    case GODWIT_PRIORITY_DEBUG:
    case GODWIT_PRIORITY_SAMPLE:
        break;
    }
    return "\033[2m";
}

static void
print_line (const godwit_notification_t *notification, bool is_coloured)
{
    char payload[SHORT_SIZE];
    const godwit_priority_t priority = godwit_notification_priority (notification);
    const unsigned redeliveries = godwit_notification_redeliveries (notification);
    godwit_value_print (godwit_notification_payload (notification), payload, sizeof payload);
    clean_print (stdout, godwit_notification_timestamp (notification));
    printf (" %s%-8s%s ", is_coloured ? colour_of (priority) : "", godwit_priority_name (priority),
            is_coloured ? "\033[0m" : "");
    clean_print (stdout, godwit_notification_event_type (notification));
    printf (" ");
    clean_print (stdout, *godwit_notification_publisher_id (notification)
                             ? godwit_notification_publisher_id (notification)
                             : "-");
    printf (" ");
    clean_print (stdout, payload);
    if (redeliveries)
        printf (" (delivered before: %u)", redeliveries);
    printf ("\n");
}

/* ---- as JSON ---- */

/* As JSON takes it: no other bytes than those of ASCII are sure to be UTF-8. *copy is the caller's. */
static const char *
ascii (const char *text, char **copy)
{
    *copy = strdup (text);
    for (char *at = *copy; at && *at; at++)
        if ((unsigned char) *at > 0x7e)
            *at = '?';
    return *copy ? *copy : "";
}

static void
add_text (godwit_builder_t *builder, const char *name, const char *text, bool as_ascii)
{
    char *copy = NULL;
    godwit_builder_str (builder, name, as_ascii ? ascii (text, &copy) : text);
    free (copy);
}

/* A value that has no form in JSON (binary data) is told as a text. */
static void
add_value (godwit_builder_t *builder, const char *name, const godwit_value_t *value, bool as_ascii)
{
    char *const text = as_ascii ? malloc (TEXT_SIZE) : NULL;
    if (text) {
        godwit_value_print (value, text, TEXT_SIZE);
        add_text (builder, name, text, true);
    } else {
        godwit_builder_value (builder, name, as_ascii ? NULL : value);
    }
    free (text);
}

static godwit_status_t
make_json (const godwit_notification_t *notification, bool as_ascii, godwit_value_t **json)
{
    godwit_value_t *value = NULL;
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_map (builder, NULL);
    add_text (builder, "timestamp", godwit_notification_timestamp (notification), as_ascii);
    godwit_builder_str (builder, "priority",
                        godwit_priority_name (godwit_notification_priority (notification)));
    add_text (builder, "event_type", godwit_notification_event_type (notification), as_ascii);
    add_text (builder, "publisher_id", godwit_notification_publisher_id (notification), as_ascii);
    add_text (builder, "message_id", godwit_notification_message_id (notification), as_ascii);
    add_text (builder, "exchange", godwit_notification_exchange (notification), as_ascii);
    add_text (builder, "topic", godwit_notification_topic (notification), as_ascii);
    godwit_builder_int (builder, "redeliveries", godwit_notification_redeliveries (notification));
    add_value (builder, "context", godwit_notification_context (notification), as_ascii);
    add_value (builder, "payload", godwit_notification_payload (notification), as_ascii);
    godwit_builder_close (builder);
    godwit_status_t status = godwit_builder_finish (&builder, &value, NULL);
    if (!status)
        status = godwit__json_write (json, value, NULL);
    godwit_value_unref (&value);
    godwit_builder_destroy (&builder);
    return status;
}

static void
print_json (const godwit_notification_t *notification)
{
    godwit_value_t *json = NULL;
    if (make_json (notification, false, &json) == GODWIT_OK ||
        make_json (notification, true, &json) == GODWIT_OK)
        puts (godwit_value_as_str (json, ""));
    else
        fprintf (stderr, "godwit events: a notification has no form in JSON: %s\n",
                 godwit_notification_message_id (notification));
    godwit_value_unref (&json);
}

bool
events_print (const godwit_notification_t *notification, events_form_t form)
{
    if (form == EVENTS_JSON)
        print_json (notification);
    else
        print_line (notification, form == EVENTS_COLOURED);
    return fflush (stdout) == 0 && !ferror (stdout);
}
