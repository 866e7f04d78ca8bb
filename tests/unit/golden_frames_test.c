/* The golden frames of docs/protocol.md are what the library writes, byte for byte. */
#include "src/batch.h"
#include "src/error.h"
#include "src/fanout.h"
#include "src/wire.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_MAX 32

typedef struct golden {
    uint8_t data[512];
    size_t size;
} golden_t;

static golden_t goldens[FRAMES_MAX];
static size_t golden_count;
static size_t next_golden;

/* A line of hexadecimal bytes belongs to the frame that the line before began. */
static void
read_goldens (void)
{
    char line[1024];
    bool in_section = false, in_block = false, in_frame = false;
    FILE *file = fopen (GODWIT_SOURCE_DIR "/docs/protocol.md", "r");
    cr_assert_not_null (file);
    while (fgets (line, sizeof line, file)) {
        if (line[0] == '#')
            in_section = strstr (line, "Golden frames") != NULL;
        if (!in_section)
            continue;
        if (!strncmp (line, "```", 3)) {
            in_block = !in_block;
            in_frame = false;
        } else if (!in_block || !isxdigit ((unsigned char) line[0])) {
            in_frame = false;
        } else {
            if (!in_frame)
                cr_assert_lt (golden_count++, (size_t) FRAMES_MAX);
            in_frame = true;
            golden_t *golden = &goldens[golden_count - 1];
            for (char *at = line, *end; golden->size < sizeof golden->data; at = end) {
                const unsigned long byte = strtoul (at, &end, 16);
                if (end == at)
                    break;
                golden->data[golden->size++] = (uint8_t) byte;
            }
        }
    }
    fclose (file);
}

static void
expect_next (const char *name, const void *data, size_t size)
{
    char hex[2 * 512 + 1] = "";
    cr_assert_lt (next_golden, golden_count, "%s is not there", name);
    const golden_t *golden = &goldens[next_golden++];
    for (size_t i = 0; i < size && i < 512; i++)
        snprintf (hex + 2 * i, 3, "%02x", ((const uint8_t *) data)[i]);
    cr_assert (golden->size == size && !memcmp (golden->data, data, size), "%s is written as %s", name, hex);
}

static void
count_up (uint8_t *uuid, uint8_t from)
{
    for (uint8_t i = 0; i < GODWIT__UUID_SIZE; i++)
        uuid[i] = (uint8_t) (from + i);
}

static void
write_text (godwit__writer_t *writer, const char *text)
{
    godwit__write_str (writer, text, strlen (text));
}

static void
expect_header (const char *name, const godwit__header_t *header)
{
    uint8_t data[GODWIT__HEADER_SIZE];
    godwit__header_write (data, header);
    expect_next (name, data, sizeof data);
}

static void
expect_identities (void)
{
    uint8_t data[GODWIT__IDENTITY_FRAME_MAX];
    godwit__identity_t client = {.incarnation = 1700000000000000, .virtual_host = "blue"};
    godwit__identity_t server = {.incarnation = 1700000000000001};
    count_up (client.instance, 0x10);
    count_up (client.expect, 0x20);
    count_up (server.instance, 0x20);
    expect_next ("HELLO", data, godwit__identity_write (data, GODWIT__HELLO, &client));
    expect_next ("WELCOME", data, godwit__identity_write (data, GODWIT__WELCOME, &server));
}

/* The frame of the call of `add`. */
static size_t
write_add (uint8_t *data, size_t size)
{
    godwit__writer_t writer = {data, GODWIT__HEADER_SIZE, size, false};
    godwit__header_write (
        data, &(godwit__header_t){.type = GODWIT__REQUEST, .target = 3, .id = 7, .budget_ms = 5000});
    godwit__write_array (&writer, 5);
    godwit__write_map (&writer, 0);
    write_text (&writer, "add");
    godwit__write_map (&writer, 2);
    write_text (&writer, "a");
    godwit__write_int (&writer, 2);
    write_text (&writer, "b");
    godwit__write_int (&writer, 3);
    godwit__write_nil (&writer);
    write_text (&writer, "1.0");
    return writer.size;
}

static size_t
write_five (uint8_t data[GODWIT__HEADER_SIZE + 1])
{
    godwit__writer_t writer = {data, GODWIT__HEADER_SIZE, GODWIT__HEADER_SIZE + 1, false};
    godwit__header_write (data, &(godwit__header_t){.type = GODWIT__REPLY, .id = 7});
    godwit__write_int (&writer, 5);
    return writer.size;
}

static void
expect_call (void)
{
    uint8_t data[256];
    uint8_t *failure = NULL;
    expect_next ("REQUEST", data, write_add (data, sizeof data));
    expect_next ("REPLY", data, write_five (data));
    godwit_error_t *error =
        godwit_error_new (GODWIT_ERR_NO_SUCH_METHOD, "Endpoint does not support RPC method %s", "sub");
    godwit__error_set_outcome_of (error, GODWIT_OUTCOME_REJECTED);
    const size_t size = godwit__failure_write (&failure, 7, error);
    expect_next ("FAILURE", failure, size);
    free (failure);
    godwit_error_destroy (&error);
    expect_header ("NACK",
                   &(godwit__header_t){.type = GODWIT__NACK, .id = 7, .aux = GODWIT__NACK_OVERLOADED});
}

static void
expect_publication (void)
{
    uint8_t data[256];
    uint8_t marker[GODWIT__KEY_SIZE];
    uint8_t instance[GODWIT__UUID_SIZE];
    count_up (instance, 0x20);
    godwit__fanout_key (data, "blue", "godwit", "calculator");
    godwit__fanout_marker (marker, data, instance, 3);
    godwit__writer_t writer = {data, GODWIT__KEY_SIZE + GODWIT__HEADER_SIZE, sizeof data, false};
    godwit__header_write (data + GODWIT__KEY_SIZE, &(godwit__header_t){.type = GODWIT__PUBLICATION,
                                                                       .flags = GODWIT__FLAG_CAST,
                                                                       .target = 0x0a0b0c0d,
                                                                       .id = 1});
    godwit__write_array (&writer, 3);
    godwit__write_map (&writer, 0);
    write_text (&writer, "reset");
    godwit__write_map (&writer, 0);
    expect_next ("PUBLICATION", data, writer.size);
    expect_next ("the marker", marker, sizeof marker);
}

static void
expect_resolution (void)
{
    uint8_t data[GODWIT__RESOLVE_FRAME_MAX];
    uint8_t *resolved = NULL;
    godwit__record_t record = {.incarnation = 1700000000000001,
                               .server_id = 3,
                               .revision = 1,
                               .state = GODWIT__RECORD_UP,
                               .weight = 1,
                               .exchange = "godwit",
                               .topic = "calculator",
                               .server = "first",
                               .address_count = 1,
                               .addresses = {"tcp://10.0.0.1:9000"},
                               .fanout_address = "tcp://10.0.0.1:40001",
                               .host = "",
                               .versions = "=1.0"};
    count_up (record.instance, 0x20);
    size_t size = godwit__resolve_write (data, "godwit", "calculator", "first");
    godwit__put_u64 (data + GODWIT__HEADER_ID_OFFSET, 1);
    expect_next ("RESOLVE", data, size);
    size = godwit__resolved_write (&resolved, 1, &record);
    expect_next ("RESOLVED", resolved, size);
    free (resolved);
}

static void
expect_batch (void)
{
    godwit__batch_writer_t writer = {NULL, 0, 0};
    uint8_t data[GODWIT__HEADER_SIZE + 1];
    cr_assert (godwit__batch_add (&writer, data, write_five (data)));
    godwit__header_write (data,
                          &(godwit__header_t){.type = GODWIT__NACK, .id = 8, .aux = GODWIT__NACK_OVERLOADED});
    cr_assert (godwit__batch_add (&writer, data, GODWIT__HEADER_SIZE));
    const godwit__message_t message = godwit__batch_take (&writer);
    expect_next ("BATCH", message.data, message.size);
    godwit__batch_writer_release (&writer);
}

Test (golden_frames, are_what_is_written)
{
    read_goldens ();
    expect_identities ();
    expect_call ();
    expect_publication ();
    expect_header ("PING", &(godwit__header_t){.type = GODWIT__PING});
    expect_header ("GOODBYE", &(godwit__header_t){.type = GODWIT__GOODBYE, .target = 3});
    expect_resolution ();
    expect_batch ();
    cr_assert_eq (next_golden, golden_count, "there are more than are tested");
}
