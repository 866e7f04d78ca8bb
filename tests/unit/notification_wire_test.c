/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a notification: golden bytes in both forms, what is malformed, and what is refused. */
#include <criterion/criterion.h>
#include <godwit/godwit.h>
#include <godwit/notification.h>

#include "src/wire/notification.h"

#include <stdio.h>
#include <stdlib.h>

#define ID "5b1f0a52-7c1e-4f3a-9d2b-0123456789ab"
#define STAMP "2026-11-29 17:05:01.123456"
#define LIMIT 65536

typedef struct bytes {
    uint8_t data[512];
    size_t size;
} bytes_t;

static void
load (bytes_t *golden, const char *name)
{
    char path[512], text[3];
    snprintf (path, sizeof path, "%s/tests/golden/%s.hex", GODWIT_SOURCE_DIR, name);
    FILE *file = fopen (path, "r");
    cr_assert_not_null (file, "%s", path);
    golden->size = 0;
    while (fscanf (file, "%2s", text) == 1 && golden->size < sizeof golden->data)
        golden->data[golden->size++] = (uint8_t) strtoul (text, NULL, 16);
    fclose (file);
}

static godwit_value_t *
decode (const void *data, size_t size)
{
    godwit__block_t *block = NULL;
    godwit_value_t *value;
    godwit__frame_t frame = {.data = malloc (size), .size = size, .release = NULL};
    uint8_t *const copy = frame.data;
    memcpy (copy, data, size);
    cr_assert_eq (godwit__decode (&block, &frame, 0, &godwit__default_limits, NULL), GODWIT_OK);
    /* A value of its own, so that the copy can go. */
    cr_assert_eq (godwit_value_new (&value, godwit_field_from (godwit__block_nodes (block)), NULL),
                  GODWIT_OK);
    godwit__block_unref (block);
    free (copy);
    return value;
}

static godwit__notification_parts_t
parts_of (const godwit_value_t *context, godwit_field_t payload)
{
    return (godwit__notification_parts_t){.context = context,
                                          .publisher_id = "compute.host1",
                                          .publisher_id_size = strlen ("compute.host1"),
                                          .event_type = "disk.full",
                                          .event_type_size = strlen ("disk.full"),
                                          .priority = GODWIT_PRIORITY_WARN,
                                          .payload = payload,
                                          .message_id = ID,
                                          .timestamp = STAMP};
}

static void
expect_read (const godwit_value_t *body, const char *name)
{
    godwit_notification_t read = {.redeliveries = 3, .topic = "t"};
    char text[64];
    cr_assert (godwit__notification_read (&read, body), "%s", name);
    godwit_value_print (godwit_notification_context (&read), text, sizeof text);
    cr_expect_str_eq (text, "{\"user\": \"ada\"}");
    godwit_value_print (godwit_notification_payload (&read), text, sizeof text);
    cr_expect_str_eq (text, "{\"size\": 5, \"tags\": [\"new\"]}");
    cr_expect_str_eq (godwit_notification_publisher_id (&read), "compute.host1");
    cr_expect_str_eq (godwit_notification_event_type (&read), "disk.full");
    cr_expect_str_eq (godwit_notification_message_id (&read), ID);
    cr_expect_str_eq (godwit_notification_timestamp (&read), STAMP);
    cr_expect_eq (godwit_notification_priority (&read), GODWIT_PRIORITY_WARN);
    cr_expect_eq (godwit_notification_redeliveries (&read), 3u, "it does not travel in the body");
    cr_expect_str_eq (godwit_notification_topic (&read), "t");
}

static void
expect_golden (godwit__notification_form_t form, const char *name)
{
    bytes_t golden;
    godwit__encoded_notification_t encoded;
    godwit_value_t *context = NULL;
    load (&golden, name);
    godwit_value_t *body = decode (golden.data, golden.size);
    expect_read (body, name);
    godwit_value_unref (&body);
    cr_assert_eq (godwit_value_new_map (&context, GODWIT_ARGS (GODWIT_STR ("user", "ada")), NULL), GODWIT_OK);
    const godwit__notification_parts_t parts = parts_of (
        context, GODWIT_MAP (NULL, GODWIT_INT ("size", 5), GODWIT_LIST ("tags", GODWIT_STR (NULL, "new"))));
    cr_assert_eq (godwit__notification_encode (&encoded, &parts, form, LIMIT, NULL), GODWIT_OK);
    cr_assert_eq (encoded.size, golden.size, "%s: %zu bytes, not %zu", name, encoded.size, golden.size);
    cr_assert (!memcmp (encoded.data, golden.data, golden.size), "%s", name);
    cr_expect_eq (encoded.data, encoded.small, "it needs no memory of its own");
    godwit__encoded_notification_release (&encoded);
    godwit_value_unref (&context);
}

Test (notification_wire, golden_bytes)
{
    expect_golden (GODWIT__NOTIFICATION_PLAIN, "notification");
    expect_golden (GODWIT__NOTIFICATION_ENVELOPED, "notification_enveloped");
}

Test (notification_wire, priorities_have_names)
{
    godwit_priority_t priority = GODWIT_PRIORITY_SAMPLE;
    static const char *const names[] = {"audit", "debug", "info", "warn", "error", "critical", "sample"};
    for (int i = 0; i < GODWIT_PRIORITY_COUNT; i++) {
        cr_expect_str_eq (godwit_priority_name ((godwit_priority_t) i), names[i]);
        cr_expect (godwit_priority_parse (names[i], &priority) && (int) priority == i);
    }
    cr_expect (godwit_priority_parse ("CRITICAL", &priority) && priority == GODWIT_PRIORITY_CRITICAL);
    cr_expect (godwit_priority_parse ("Warning", &priority) && priority == GODWIT_PRIORITY_WARN);
    cr_expect_str_eq (godwit_priority_name ((godwit_priority_t) 7), "?");
    cr_expect (!godwit_priority_parse ("warnings", &priority) && !godwit_priority_parse ("", &priority));
    cr_expect (!godwit_priority_parse (NULL, &priority));
    cr_expect_eq (priority, GODWIT_PRIORITY_WARN, "an unknown name changes nothing");
}

/* The list with one element in place of another. */
static void
expect_malformed (size_t index, godwit_field_t field)
{
    godwit_field_t items[] = {godwit_field_from (NULL),  GODWIT_STR (NULL, "p"), GODWIT_STR (NULL, "e"),
                              GODWIT_STR (NULL, "INFO"), GODWIT_NIL (NULL),      GODWIT_STR (NULL, ID),
                              GODWIT_STR (NULL, STAMP),  GODWIT_INT (NULL, 1)};
    godwit_value_t *context, *body;
    godwit_notification_t read = {.redeliveries = 0};
    godwit_field_t list = {NULL, GODWIT_TYPE_LIST, 8, {.items = items}};
    cr_assert_eq (godwit_value_new_map (&context, GODWIT_NO_ARGS, NULL), GODWIT_OK);
    items[0].as.value = context;
    cr_assert_eq (godwit_value_new (&body, list, NULL), GODWIT_OK);
    cr_expect (godwit__notification_read (&read, body), "an eighth element is ignored");
    cr_expect_eq (godwit_value_type (read.payload), GODWIT_TYPE_NIL);
    godwit_value_unref (&body);
    if (index < 7)
        items[index] = field;
    else
        list.size = 6;
    cr_assert_eq (godwit_value_new (&body, list, NULL), GODWIT_OK);
    cr_expect (!godwit__notification_read (&read, body), "element %zu", index);
    godwit_value_unref (&body);
    godwit_value_unref (&context);
}

Test (notification_wire, malformed_bodies_are_refused)
{
    godwit_notification_t read = {.redeliveries = 0};
    expect_malformed (0, GODWIT_NIL (NULL));
    expect_malformed (1, GODWIT_NIL (NULL));
    expect_malformed (2, GODWIT_INT (NULL, 1));
    expect_malformed (3, GODWIT_STR (NULL, "LOUD"));
    expect_malformed (3, GODWIT_INT (NULL, 1));
    expect_malformed (5, GODWIT_INT (NULL, 1));
    expect_malformed (6, GODWIT_BIN (NULL, "x", 1));
    expect_malformed (7, GODWIT_NIL (NULL));
    cr_expect (!godwit__notification_read (&read, NULL));
}

/* What lies behind a list in memory is no element of it. */
Test (notification_wire, a_short_list_is_refused_whatever_follows_it)
{
    godwit_notification_t read = {.redeliveries = 0};
    godwit_value_t *context, *lists;
    cr_assert_eq (godwit_value_new_map (&context, GODWIT_NO_ARGS, NULL), GODWIT_OK);
    const godwit_field_t fields = GODWIT_LIST (
        NULL,
        GODWIT_LIST (NULL, GODWIT_VALUE (NULL, context), GODWIT_STR (NULL, "p"), GODWIT_STR (NULL, "e"),
                     GODWIT_STR (NULL, "INFO"), GODWIT_NIL (NULL), GODWIT_STR (NULL, ID)),
        GODWIT_LIST (NULL, GODWIT_STR (NULL, STAMP)));
    cr_assert_eq (godwit_value_new (&lists, fields, NULL), GODWIT_OK);
    cr_expect (!godwit__notification_read (&read, godwit_value_at (lists, 0)));
    godwit_value_unref (&lists);
    godwit_value_unref (&context);
}

Test (notification_wire, malformed_envelopes_are_refused)
{
    bytes_t golden;
    godwit_notification_t read = {.redeliveries = 0};
    load (&golden, "notification_enveloped");
    godwit_value_t *body = decode (golden.data, golden.size), *wrong;
    const godwit_value_t *const message = godwit_value_get (body, "oslo.message");
    cr_assert_eq (godwit_value_new (&wrong,
                                    GODWIT_MAP (NULL, GODWIT_STR ("oslo.version", "3.0"),
                                                GODWIT_VALUE ("oslo.message", message)),
                                    NULL),
                  GODWIT_OK);
    cr_expect (!godwit__notification_read (&read, wrong), "another version of the envelope");
    godwit_value_unref (&wrong);
    for (size_t skipped = 0; skipped < godwit_value_count (message); skipped++) {
        godwit_builder_t *builder = godwit_builder_new ();
        godwit_builder_open_map (builder, NULL);
        godwit_builder_str (builder, "oslo.version", "2.0");
        godwit_builder_open_map (builder, "oslo.message");
        for (size_t i = 0; i < godwit_value_count (message); i++)
            if (i != skipped)
                godwit_builder_value (builder, godwit_value_key_at (message, i),
                                      godwit_value_at (message, i));
        godwit_builder_close (builder);
        godwit_builder_close (builder);
        cr_assert_eq (godwit_builder_finish (&builder, &wrong, NULL), GODWIT_OK);
        cr_expect (!godwit__notification_read (&read, wrong), "without %s",
                   godwit_value_key_at (message, skipped));
        godwit_value_unref (&wrong);
    }
    godwit_value_unref (&body);
}

static void
expect_refused (godwit_field_t payload, size_t limit, godwit_status_t status, const char *text)
{
    godwit__encoded_notification_t encoded;
    godwit_error_t *error = NULL;
    const godwit__notification_parts_t parts = parts_of (NULL, payload);
    for (int form = 0; form < 2; form++) {
        cr_expect_eq (
            godwit__notification_encode (&encoded, &parts, (godwit__notification_form_t) form, limit, &error),
            status);
        cr_expect_not_null (strstr (godwit_error_message (error), text), "%s", godwit_error_message (error));
        godwit_error_destroy (&error);
        godwit__encoded_notification_release (&encoded);
    }
}

Test (notification_wire, what_cannot_be_sent_is_named)
{
    static char large[4096];
    memset (large, 'x', sizeof large - 1);
    expect_refused (GODWIT_MAP (NULL, GODWIT_MAP ("a", GODWIT_STR ("b", (const char *) NULL))), LIMIT,
                    GODWIT_ERR_INVALID_ARGUMENT, "payload.a.b: the string is NULL");
    expect_refused (GODWIT_MAP (NULL, GODWIT_INT ("a", 1), GODWIT_INT ("a", 1)), LIMIT,
                    GODWIT_ERR_INVALID_ARGUMENT, "payload.a: the name is there twice");
    expect_refused (GODWIT_STR (NULL, large), 1000, GODWIT_ERR_LIMIT_EXCEEDED, "max_message_size is 1000");
    expect_refused (GODWIT_STR (NULL, "short"), 100, GODWIT_ERR_LIMIT_EXCEEDED, "max_message_size is 100");
    godwit_value_t *object;
    cr_assert_eq (godwit_value_new_object (&object, large, NULL, NULL), GODWIT_OK);
    expect_refused (GODWIT_VALUE (NULL, object), LIMIT, GODWIT_ERR_TYPE_MISMATCH, "payload: expected");
    godwit_value_unref (&object);
}

/* Around the size of the buffer that needs no allocation; as a literal and as a value that was built. */
Test (notification_wire, large_payloads_are_whole)
{
    static char text[3000];
    for (size_t size = 500; size < 1300; size += 7) {
        godwit_value_t *value, *body;
        memset (text, 'a', size);
        text[size] = '\0';
        cr_assert_eq (godwit_value_new (&value, GODWIT_STR (NULL, (const char *) text), NULL), GODWIT_OK);
        for (int form = 0; form < 4; form++) {
            godwit__encoded_notification_t encoded;
            godwit_notification_t read = {.redeliveries = 0};
            const godwit__notification_parts_t parts = parts_of (
                NULL, form < 2 ? GODWIT_STR (NULL, (const char *) text) : GODWIT_VALUE (NULL, value));
            cr_assert_eq (godwit__notification_encode (&encoded, &parts,
                                                       (godwit__notification_form_t) (form % 2), LIMIT, NULL),
                          GODWIT_OK);
            body = decode (encoded.data, encoded.size);
            cr_assert (godwit__notification_read (&read, body), "%zu", size);
            cr_expect (godwit_value_equal (read.payload, value), "%zu", size);
            cr_expect_str_eq (read.timestamp, STAMP);
            godwit_value_unref (&body);
            godwit__encoded_notification_release (&encoded);
        }
        godwit_value_unref (&value);
    }
}
