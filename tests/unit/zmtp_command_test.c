/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of ZMTP 3.1: as libzmq 4.3.4 sends them (recorded once from its sockets, over a plain TCP
 * socket), at the bounds of each size, and malformed in each way. What is read lies in a block of exactly its
 * size, so that AddressSanitizer sees a read past its end. */
#include "drivers/zmtp/command.h"
#include "drivers/zmtp/frame.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct bytes {
    uint8_t *data;
    size_t size;
} bytes_t;

static bytes_t
bytes_of (const void *data, size_t size)
{
    bytes_t bytes = {.data = malloc (size ? size : 1), .size = size};
    cr_assert_not_null (bytes.data);
    if (size)
        memcpy (bytes.data, data, size);
    return bytes;
}

static bytes_t
unhex (const char *hex)
{
    uint8_t data[1024];
    size_t size = 0;
    int length = 0;
    for (unsigned byte; sscanf (hex, " %2x%n", &byte, &length) == 1; hex += length)
        data[size++] = (uint8_t) byte;
    return bytes_of (data, size);
}

/* Reads the frame of a command. Its data stays in *bytes. */
static godwit__zmtp_command_t
read_frame (bytes_t *bytes, const char *hex)
{
    godwit__zmtp_head_t head = {0};
    godwit__zmtp_command_t command = {0};
    bytes_t frame = unhex (hex);
    cr_assert (godwit__zmtp_head_read (&head, frame.data, frame.size));
    cr_assert_eq (head.head_size + head.body_size, frame.size, "%s", hex);
    *bytes = bytes_of (frame.data + head.head_size, (size_t) head.body_size);
    free (frame.data);
    const char *const wrong = head.flags & GODWIT__ZMTP_COMMAND
                                  ? godwit__zmtp_command_read (&command, bytes->data, bytes->size)
                                  : godwit__zmtp_subscription_read (&command, bytes->data, bytes->size);
    cr_assert_null (wrong, "%s: %s", hex, wrong);
    return command;
}

static void
expect_bytes (const uint8_t *data, size_t size, const char *hex)
{
    bytes_t expected = unhex (hex);
    cr_assert_eq (size, expected.size, "%s: %zu bytes", hex, size);
    cr_assert (!memcmp (data, expected.data, size), "%s", hex);
    free (expected.data);
}

/* ---- as libzmq 4.3.4 sends them ---- */

#define READY_OF_DEALER                                                                                      \
    "04 29 05 52 45 41 44 59 0b 53 6f 63 6b 65 74 2d 54 79 70 65 00 00 00 06 44 45 41 4c 45 52 08 49 64 65 " \
    "6e 74 69 74 79 00 00 00 00"
#define PING_OF_5_SECONDS "04 07 04 50 49 4e 47 00 32"
#define PONG_ABC "04 08 04 50 4f 4e 47 61 62 63"
#define SUBSCRIBE_KEY "04 1a 09 53 55 42 53 43 52 49 42 45 30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66"
#define CANCEL_KEY "04 17 06 43 41 4e 43 45 4c 30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66"
#define SUBSCRIBE_MESSAGE "00 11 01 30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66"
#define CANCEL_MESSAGE "00 11 00 30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66"

static const char key[] = "0123456789abcdef";

Test (zmtp_command, reads_the_commands_of_libzmq)
{
    static const struct {
        const char *hex;
        godwit__zmtp_kind_t kind;
        const char *name;
        const char *data;
    } rows[] = {
        {PONG_ABC, GODWIT__ZMTP_PONG, "PONG", "abc"},
        {PING_OF_5_SECONDS, GODWIT__ZMTP_PING, "PING", ""},
        {SUBSCRIBE_KEY, GODWIT__ZMTP_SUBSCRIBE, "SUBSCRIBE", key},
        {CANCEL_KEY, GODWIT__ZMTP_CANCEL, "CANCEL", key},
        {SUBSCRIBE_MESSAGE, GODWIT__ZMTP_SUBSCRIBE, "SUBSCRIBE", key},
        {CANCEL_MESSAGE, GODWIT__ZMTP_CANCEL, "CANCEL", key},
        {"00 03 01 78 79", GODWIT__ZMTP_SUBSCRIBE, "SUBSCRIBE", "xy"}, /* what an XSUB sends */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bytes_t bytes;
        const godwit__zmtp_command_t command = read_frame (&bytes, rows[i].hex);
        cr_assert_eq (command.kind, rows[i].kind, "row %zu", i);
        cr_assert_eq (command.name_size, strlen (rows[i].name), "row %zu", i);
        cr_assert (!memcmp (command.name, rows[i].name, command.name_size), "row %zu", i);
        cr_assert_eq (command.size, strlen (rows[i].data), "row %zu", i);
        cr_assert (!memcmp (command.data, rows[i].data, command.size), "row %zu", i);
        cr_assert_eq (command.ttl_ds, rows[i].kind == GODWIT__ZMTP_PING ? 50 : 0, "row %zu", i);
        free (bytes.data);
    }
}

Test (zmtp_command, reads_the_properties_of_libzmq)
{
    bytes_t bytes;
    godwit__zmtp_command_t command = read_frame (&bytes, READY_OF_DEALER);
    godwit__zmtp_property_t property;
    const char *wrong = "not written";
    cr_assert_eq (command.kind, GODWIT__ZMTP_READY);
    cr_assert (godwit__zmtp_property_next (&command.data, &command.size, &property, &wrong));
    cr_assert (godwit__zmtp_property_is (&property, "Socket-Type") && property.value_size == 6 &&
               !memcmp (property.value, "DEALER", 6) && !wrong);
    cr_assert (!godwit__zmtp_property_is (&property, "socket-type"), "names are compared in exact case");
    cr_assert (!godwit__zmtp_property_is (&property, "Socket-Typ") &&
               !godwit__zmtp_property_is (&property, "Socket-Type2"));
    cr_assert (godwit__zmtp_property_next (&command.data, &command.size, &property, &wrong));
    cr_assert (godwit__zmtp_property_is (&property, "Identity") && property.value_size == 0 && !wrong);
    cr_assert (!godwit__zmtp_property_next (&command.data, &command.size, &property, &wrong));
    cr_assert (!wrong && command.size == 0);
    free (bytes.data);
}

Test (zmtp_command, writes_what_libzmq_writes)
{
    uint8_t out[GODWIT__ZMTP_SUBSCRIPTION_SIZE (16)];
    expect_bytes (out, godwit__zmtp_ping_write (out, 50, NULL, 0), PING_OF_5_SECONDS);
    expect_bytes (out, godwit__zmtp_pong_write (out, "abc", 3), PONG_ABC);
    expect_bytes (out, godwit__zmtp_subscription_write (out, 1, true, key, 16), SUBSCRIBE_KEY);
    expect_bytes (out, godwit__zmtp_subscription_write (out, 1, false, key, 16), CANCEL_KEY);
    expect_bytes (out, godwit__zmtp_subscription_write (out, 0, true, key, 16), SUBSCRIBE_MESSAGE);
    expect_bytes (out, godwit__zmtp_subscription_write (out, 0, false, key, 16), CANCEL_MESSAGE);
}

Test (zmtp_command, writes_and_reads_at_the_bounds)
{
    static const uint8_t context[GODWIT__ZMTP_CONTEXT_MAX] = {0, 1, 2, 255};
    uint8_t ping[GODWIT__ZMTP_PING_SIZE];
    uint8_t pong[GODWIT__ZMTP_PONG_SIZE];
    godwit__zmtp_command_t command;
    for (size_t size = 0; size <= sizeof context; size++) {
        cr_assert_eq (godwit__zmtp_ping_write (ping, 0xfffe, context, size), 9 + size);
        cr_assert_eq (ping[1], 7 + size);
        cr_assert_null (godwit__zmtp_command_read (&command, ping + 2, ping[1]));
        cr_assert (command.kind == GODWIT__ZMTP_PING && command.ttl_ds == 0xfffe && command.size == size &&
                   !memcmp (command.data, context, size));
        cr_assert_eq (godwit__zmtp_pong_write (pong, command.data, command.size), 7 + size);
        cr_assert_null (godwit__zmtp_command_read (&command, pong + 2, pong[1]));
        cr_assert (command.kind == GODWIT__ZMTP_PONG && command.size == size &&
                   !memcmp (command.data, context, size));
    }
    uint8_t *subscription = malloc (GODWIT__ZMTP_SUBSCRIPTION_SIZE (GODWIT__ZMTP_TOPIC_MAX));
    uint8_t topic[GODWIT__ZMTP_TOPIC_MAX] = {7};
    cr_assert_eq (godwit__zmtp_subscription_write (subscription, 1, true, topic, sizeof topic),
                  GODWIT__ZMTP_SUBSCRIPTION_SIZE (GODWIT__ZMTP_TOPIC_MAX));
    cr_assert (subscription[0] == GODWIT__ZMTP_COMMAND && subscription[1] == 255);
    cr_assert_eq (godwit__zmtp_subscription_write (subscription, 1, false, NULL, 0), 9u);
    cr_assert_eq (godwit__zmtp_subscription_write (subscription, 0, false, NULL, 0), 3u);
    free (subscription);
}

Test (zmtp_command, an_error_of_any_length_is_written_and_read)
{
    char reason[400];
    uint8_t frame[GODWIT__ZMTP_ERROR_SIZE];
    memset (reason, 'r', sizeof reason);
    for (size_t size = 0; size < 300; size++) {
        reason[size] = '\0';
        const size_t written = godwit__zmtp_error_write (frame, reason);
        const size_t kept = size < 255 ? size : 255;
        godwit__zmtp_head_t head = {0};
        godwit__zmtp_command_t command;
        cr_assert (godwit__zmtp_head_read (&head, frame, written));
        cr_assert_eq (head.head_size + head.body_size, written);
        cr_assert_eq (head.head_size, kept + 7 > 255 ? 9 : 2);
        bytes_t body = bytes_of (frame + head.head_size, (size_t) head.body_size);
        cr_assert_null (godwit__zmtp_command_read (&command, body.data, body.size));
        cr_assert (command.kind == GODWIT__ZMTP_ERROR && command.size == kept &&
                   !memcmp (command.data, reason, kept));
        free (body.data);
        reason[size] = 'r';
    }
}

/* ---- what is malformed ---- */

static const struct {
    const char *hex; /* of the body */
    const char *says;
} malformed[] = {
    {"", "a command without a name"},
    {"00", "a command without a name"},
    {"00 50", "a command without a name"},
    {"05", "inside of its name"},
    {"05 52 45 41 44", "inside of its name"},
    {"ff 52 45 41 44 59", "inside of its name"},
    {"04 50 49 4e 47", "a PING without a time to live"},
    {"04 50 49 4e 47 00", "a PING without a time to live"},
    {"04 50 49 4e 47 00 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11", "a PING with a context of"},
    {"04 50 4f 4e 47 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11", "a PONG with a context of"},
    {"05 45 52 52 4f 52", "an ERROR whose reason"},
    {"05 45 52 52 4f 52 02 61", "an ERROR whose reason"},
    {"05 45 52 52 4f 52 00 61", "an ERROR whose reason"},
    {"05 52 45 41 44 59 00", "a property without a name"},
    {"05 52 45 41 44 59 01", "inside of its name or size"},
    {"05 52 45 41 44 59 01 61 00 00 00", "inside of its name or size"},
    {"05 52 45 41 44 59 01 61 00 00 00 01", "longer than the command"},
    {"05 52 45 41 44 59 01 61 ff ff ff ff 00", "longer than the command"},
    {"05 52 45 41 44 59 01 61 80 00 00 00 00", "longer than the command"},
    {"05 52 45 41 44 59 01 61 00 00 00 00 00", "a property without a name"},
};

Test (zmtp_command, malformed_commands_are_refused_and_change_nothing)
{
    static const godwit__zmtp_command_t before = {.kind = GODWIT__ZMTP_CANCEL, .size = 77};
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        bytes_t body = unhex (malformed[i].hex);
        godwit__zmtp_command_t command = before;
        const char *const wrong = godwit__zmtp_command_read (&command, body.data, body.size);
        cr_assert (wrong && strstr (wrong, malformed[i].says), "\"%s\": %s", malformed[i].hex, wrong);
        cr_assert (command.kind == before.kind && command.size == before.size, "%s", malformed[i].hex);
        free (body.data);
    }
}

Test (zmtp_command, a_ready_that_ends_too_early_is_refused_unless_a_property_ends_there)
{
    bytes_t whole = unhex (READY_OF_DEALER);
    for (size_t size = 0; size <= whole.size - 2; size++) {
        godwit__zmtp_command_t command;
        bytes_t part = bytes_of (whole.data + 2, size);
        const bool is_good = size == 6 || size == 28 || size == whole.size - 2;
        const char *const wrong = godwit__zmtp_command_read (&command, part.data, part.size);
        cr_assert_eq (!wrong, is_good, "%zu bytes: %s", size, wrong);
        free (part.data);
    }
    free (whole.data);
}

Test (zmtp_command, unknown_commands_are_a_kind_of_their_own)
{
    uint8_t body[256 + 8] = {255};
    memset (body + 1, 'N', 255);
    for (size_t name_size = 1; name_size <= 255; name_size++) {
        godwit__zmtp_command_t command;
        body[0] = (uint8_t) name_size;
        bytes_t bytes = bytes_of (body, 1 + name_size + 8);
        cr_assert_null (godwit__zmtp_command_read (&command, bytes.data, bytes.size));
        cr_assert (command.kind == GODWIT__ZMTP_UNKNOWN && command.name_size == name_size &&
                   command.size == 8);
        free (bytes.data);
    }
    static const char *const near[] = {"\4ping", "\4Pong", "\5ready", "\6READY1", "\4JOIN", "\5LEAVE"};
    for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
        godwit__zmtp_command_t command;
        cr_assert_null (godwit__zmtp_command_read (&command, (const uint8_t *) near[i], strlen (near[i])));
        cr_assert_eq (command.kind, GODWIT__ZMTP_UNKNOWN, "%s", near[i] + 1);
    }
}

Test (zmtp_command, messages_that_are_no_subscriptions_are_refused)
{
    godwit__zmtp_command_t command = {.size = 77};
    cr_assert_not_null (godwit__zmtp_subscription_read (&command, NULL, 0));
    for (unsigned first = 2; first < 256; first++) {
        const uint8_t body[] = {(uint8_t) first, 'x'};
        cr_assert_not_null (godwit__zmtp_subscription_read (&command, body, sizeof body));
    }
    cr_assert_eq (command.size, 77u);
    cr_assert_null (godwit__zmtp_subscription_read (&command, (const uint8_t *) "\1", 1));
    cr_assert (command.kind == GODWIT__ZMTP_SUBSCRIBE && command.size == 0);
}

/* ---- properties, and text ---- */

Test (zmtp_command, a_property_is_written_if_it_fits)
{
    uint8_t name[256];
    memset (name, 'n', sizeof name);
    godwit__zmtp_property_t property = {.name = name, .name_size = 255, .value = name, .value_size = 256};
    const size_t whole = 1 + 255 + 4 + 256;
    for (size_t room = 0; room <= whole; room++) {
        bytes_t out = bytes_of (name, 0);
        out.data = realloc (out.data, room ? room : 1);
        cr_assert_eq (godwit__zmtp_property_write (out.data, room, &property), room == whole ? whole : 0);
        if (room == whole) {
            const uint8_t *data = out.data;
            size_t size = whole;
            godwit__zmtp_property_t again;
            const char *wrong = NULL;
            cr_assert (godwit__zmtp_property_next (&data, &size, &again, &wrong));
            cr_assert (again.name_size == 255 && again.value_size == 256 && size == 0);
            cr_assert (!memcmp (again.name, name, 255) && !memcmp (again.value, name, 256));
        }
        free (out.data);
    }
    uint8_t out[1024];
    property.name_size = 0;
    cr_assert_eq (godwit__zmtp_property_write (out, sizeof out, &property), 0u);
    property.name_size = 256;
    cr_assert_eq (godwit__zmtp_property_write (out, sizeof out, &property), 0u);
    property = (godwit__zmtp_property_t){.name = name, .name_size = 1, .value_size = (size_t) 1 << 31};
    cr_assert_eq (godwit__zmtp_property_write (out, SIZE_MAX, &property), 0u);
    property.value_size = 0;
    cr_assert_eq (godwit__zmtp_property_write (out, 6, &property), 6u);
}

Test (zmtp_command, text_of_a_peer_is_printable)
{
    char text[16];
    uint8_t all[256];
    char shown[257];
    cr_assert_str_eq (godwit__zmtp_printable (text, sizeof text, "a\nb\0c\x1b[1m\xc3\xa4", 11),
                      "a?b?c?[1m??");
    cr_assert_str_eq (godwit__zmtp_printable (text, sizeof text, "\"(a)\"", 5), "'(a)'");
    cr_assert_str_eq (godwit__zmtp_printable (text, 4, "abcdef", 6), "abc");
    cr_assert_str_eq (godwit__zmtp_printable (text, 1, "abcdef", 6), "");
    cr_assert_str_eq (godwit__zmtp_printable (text, sizeof text, NULL, 0), "");
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t) i;
    cr_assert_eq (strlen (godwit__zmtp_printable (shown, sizeof shown, all, sizeof all)), 256u);
    for (size_t i = 0; i < sizeof all; i++)
        cr_assert_eq (shown[i], i == '"' ? '\'' : i >= 0x20 && i < 0x7f ? (char) i : '?');
}
