/* SPDX-License-Identifier: Apache-2.0 */
/* The bodies of RESOLVE and RESOLVED, as they should be and as hostile peers send them. */
#include "src/wire/wire.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void
release (godwit__frame_t *frame)
{
    free (frame->storage.pointer);
}

/* A copy of exactly this size, so that AddressSanitizer sees a read past its end. */
static godwit__frame_t
frame_of (const void *data, size_t size)
{
    uint8_t *const copy = malloc (size ? size : 1);
    cr_assert_not_null (copy);
    memcpy (copy, data, size);
    return (godwit__frame_t){.data = copy, .size = size, .release = release, .storage = {.pointer = copy}};
}

static godwit_status_t
read_names (const void *data, size_t size, godwit__names_t *names, godwit_error_t **error)
{
    godwit__frame_t frame = frame_of (data, size);
    const godwit_status_t status = godwit__resolve_read (names, &frame, error);
    cr_assert_null (frame.data, "the frame was not consumed");
    return status;
}

static godwit_status_t
read_record (const void *data, size_t size, uint32_t target, godwit__record_t **record,
             godwit_error_t **error)
{
    godwit__frame_t frame = frame_of (data, size);
    const godwit_status_t status = godwit__resolved_read (record, target, &frame, error);
    cr_assert_null (frame.data, "the frame was not consumed");
    return status;
}

/* docs/protocol.md 7. */
static const uint8_t golden[] = {0x47, 0x01, 0x0f, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                                 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x93, 0xa6,
                                 0x67, 0x6f, 0x64, 0x77, 0x69, 0x74, 0xaa, 0x63, 0x61, 0x6c, 0x63, 0x75, 0x6c,
                                 0x61, 0x74, 0x6f, 0x72, 0xa5, 0x66, 0x69, 0x72, 0x73, 0x74};

Test (resolve, is_the_golden_frame)
{
    uint8_t frame[GODWIT__RESOLVE_FRAME_MAX];
    godwit__names_t names;
    cr_assert_eq (godwit__resolve_write (frame, 0, "godwit", "calculator", "first"), sizeof golden);
    cr_assert_eq (memcmp (frame, golden, sizeof golden), 0);
    cr_assert_eq (read_names (golden, sizeof golden, &names, NULL), GODWIT_OK);
    cr_assert_str_eq (names.exchange, "godwit");
    cr_assert_str_eq (names.topic, "calculator");
    cr_assert_str_eq (names.server, "first");
}

Test (resolve, takes_the_longest_names_and_no_longer_ones)
{
    uint8_t frame[GODWIT__RESOLVE_FRAME_MAX];
    godwit__names_t names;
    char longest[257];
    memset (longest, 'n', sizeof longest);
    longest[255] = '\0';
    const size_t size = godwit__resolve_write (frame, 0, longest, longest, longest);
    cr_assert_gt (size, 3u * 255);
    cr_assert_eq (read_names (frame, size, &names, NULL), GODWIT_OK);
    cr_assert_str_eq (names.exchange, longest);
    cr_assert_str_eq (names.server, longest);
    longest[255] = 'n';
    longest[256] = '\0';
    cr_assert_eq (godwit__resolve_write (frame, 0, "", longest, "a"), 0u);
    cr_assert_eq (read_names (frame, godwit__resolve_write (frame, 0, "", "a", "b"), &names, NULL),
                  GODWIT_OK);
    cr_assert_str_eq (names.exchange, "");
}

/* A frame with this body. */
#define BODY(bytes_)                                                                                         \
    {                                                                                                        \
        (bytes_), sizeof (bytes_) - 1                                                                        \
    }

Test (resolve, refuses_what_is_no_list_of_names)
{
    static const struct {
        const char *bytes;
        size_t size;
    } bodies[] = {
        BODY (""),                                  /* nothing */
        BODY ("\xc0"),                              /* nil */
        BODY ("\xa1x"),                             /* a str */
        BODY ("\x83\xa1x\xa1y\xa1z\xa1y\xa1w\x01"), /* a map */
        BODY ("\x92\xa1x\xa1y"),                    /* two */
        BODY ("\x94\xa1x\xa1y\xa1z\xa1w"),          /* four */
        BODY ("\x93\xa1x\xa1y\xc0"),                /* a nil among them */
        BODY ("\x93\xa1x\x01\xa1z"),
        BODY ("\x93\xc4\x01x\xa1y\xa1z"),  /* a bin */
        BODY ("\x93\xa1x\x91\xa1y\xa1z"),  /* a list */
        BODY ("\x93\xa1x\xa0\xa1z"),       /* no topic */
        BODY ("\x93\xa1x\xa1y\xa0"),       /* no server */
        BODY ("\x93\xa2x\0\xa1y\xa1z"),    /* NUL */
        BODY ("\x93\xa1x\xa1y\xa2\0z"),    /* NUL */
        BODY ("\x93\xa1x\xa1y\xa1z\xc0"),  /* something behind */
        BODY ("\x93\xa1x\xa1y\xa9z"),      /* beyond the end */
        BODY ("\xdd\xff\xff\xff\xff"),     /* four billion */
        BODY ("\x93\xdb\xff\xff\xff\xff"), /* four billion bytes */
        BODY ("\xc1"),
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        uint8_t frame[GODWIT__HEADER_SIZE + 64] = {0};
        godwit__names_t names;
        godwit_error_t *error = NULL;
        memcpy (frame + GODWIT__HEADER_SIZE, bodies[i].bytes, bodies[i].size);
        const godwit_status_t status =
            read_names (frame, GODWIT__HEADER_SIZE + bodies[i].size, &names, &error);
        cr_assert (status == GODWIT_ERR_MALFORMED || status == GODWIT_ERR_LIMIT_EXCEEDED, "body %zu: %s", i,
                   godwit_status_type (status));
        cr_assert_neq (godwit_error_message (error)[0], '\0');
        godwit_error_destroy (&error);
    }
    /* 256 bytes. */
    uint8_t frame[GODWIT__HEADER_SIZE + 1 + 3 + 256 + 4] = {0};
    godwit__names_t names;
    memcpy (frame + GODWIT__HEADER_SIZE, "\x93\xda\x01\x00", 4);
    memset (frame + GODWIT__HEADER_SIZE + 4, 'n', 256);
    memcpy (frame + GODWIT__HEADER_SIZE + 4 + 256, "\xa1y\xa1z", 4);
    cr_assert_eq (read_names (frame, sizeof frame, &names, NULL), GODWIT_ERR_MALFORMED);
}

static const godwit__record_t sample = {.instance = {1},
                                        .incarnation = 7,
                                        .server_id = 3,
                                        .revision = 4,
                                        .state = GODWIT__RECORD_UP,
                                        .weight = 5,
                                        .exchange = "godwit",
                                        .topic = "calculator",
                                        .server = "first",
                                        .address_count = 1,
                                        .addresses = {"tcp://127.0.0.1:9000"},
                                        .fanout_address = "tcp://127.0.0.1:9001",
                                        .host = "machine",
                                        .versions = "=1.0"};

Test (resolved, carries_the_record)
{
    uint8_t *data = NULL;
    godwit__record_t *record = NULL;
    godwit__header_t header;
    const size_t size = godwit__resolved_write (&data, 9, &sample);
    cr_assert_eq (godwit__header_read (&header, data, size), GODWIT__HEADER_OK);
    cr_assert_eq (header.type, GODWIT__RESOLVED);
    cr_assert_eq (header.target, 3u);
    cr_assert_eq (header.id, 9u);
    cr_assert_eq (read_record (data, size, header.target, &record, NULL), GODWIT_OK);
    cr_assert_eq (memcmp (record->instance, sample.instance, sizeof record->instance), 0);
    cr_assert_eq (record->server_id, 3u);
    cr_assert_str_eq (record->server, "first");
    cr_assert_str_eq (record->fanout_address, "tcp://127.0.0.1:9001");
    godwit__record_unref (&record);
    free (data);
}

Test (resolved, refuses_a_record_that_is_not_the_headers)
{
    uint8_t *data = NULL;
    godwit__record_t *record = NULL;
    godwit_error_t *error = NULL;
    const size_t size = godwit__resolved_write (&data, 9, &sample);
    static const uint32_t others[] = {0, 2, 4, UINT32_MAX};
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq (read_record (data, size, others[i], &record, &error), GODWIT_ERR_MALFORMED);
        cr_assert_str_eq (godwit_error_message (error), "record.server_id: expected the header's target");
        godwit_error_destroy (&error);
        cr_assert_null (record);
    }
    free (data);
}

/* Every truncation, and every byte replaced by some that mean much in msgpack: an error or a record, never
 * more. */
Test (resolved, survives_any_bytes)
{
    static const uint8_t spiteful[] = {0x00, 0x80, 0x90, 0xa0, 0xc0, 0xc1, 0xc6, 0xdb, 0xdd, 0xdf, 0xff};
    uint8_t *data = NULL;
    const size_t size = godwit__resolved_write (&data, 9, &sample);
    unsigned refused = 0;
    for (size_t cut = GODWIT__HEADER_SIZE; cut < size; cut++) {
        godwit__record_t *record = NULL;
        cr_assert_neq (read_record (data, cut, 3, &record, NULL), GODWIT_OK, "%zu bytes", cut);
    }
    for (size_t at = GODWIT__HEADER_SIZE; at < size; at++) {
        const uint8_t kept = data[at];
        for (size_t i = 0; i < sizeof spiteful; i++) {
            godwit__record_t *record = NULL;
            data[at] = spiteful[i];
            if (read_record (data, size, 3, &record, NULL) == GODWIT_OK)
                cr_assert_eq (record->server_id, 3u);
            else
                refused++;
            godwit__record_unref (&record);
        }
        data[at] = kept;
    }
    cr_assert_gt (refused, 1000u);
    for (size_t at = GODWIT__HEADER_SIZE; at < sizeof golden; at++) {
        uint8_t changed[sizeof golden];
        godwit__names_t names;
        memcpy (changed, golden, sizeof golden);
        for (size_t i = 0; i < sizeof spiteful; i++) {
            changed[at] = spiteful[i];
            if (read_names (changed, sizeof changed, &names, NULL) == GODWIT_OK)
                cr_assert (names.topic[0] && names.server[0]);
        }
        cr_assert_neq (read_names (golden, at, &names, NULL), GODWIT_OK);
    }
    free (data);
}
