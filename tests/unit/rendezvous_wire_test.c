/* SPDX-License-Identifier: Apache-2.0 */
/* Every message comes back as it was written, and fits its buffer at its largest. */
#include "matchmaker/rendezvous_wire.h"

#include "src/wire/header.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t buffer[GODWIT__RENDEZVOUS_FRAME_SIZE];
static const uint8_t instance[GODWIT__UUID_SIZE] = {9, 8, 7};

static void
release (godwit__frame_t *frame)
{
    free (frame->storage.pointer);
}

static godwit__rendezvous_message_t
read_back (godwit__message_t sent, godwit__rendezvous_type_t type)
{
    cr_assert (sent.size > GODWIT__HEADER_SIZE && sent.size <= sizeof buffer);
    uint8_t *copy = malloc (sent.size);
    memcpy (copy, sent.data, sent.size);
    godwit__frame_t frame = {
        .data = copy, .size = sent.size, .release = release, .storage = {.pointer = copy}};
    godwit__rendezvous_message_t message;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit__rendezvous_read (&message, &frame, &error), GODWIT_OK, "%s",
                  godwit_error_message (error));
    cr_assert_eq (message.type, type);
    return message;
}

static godwit__record_t *
make_record (uint32_t server_id, size_t text_size)
{
    static char text[256];
    memset (text, 'x', sizeof text);
    text[text_size] = '\0';
    godwit__record_t from = {.server_id = server_id,
                             .state = GODWIT__RECORD_UP,
                             .exchange = text,
                             .topic = text,
                             .server = text,
                             .address_count = GODWIT__RECORD_ADDRESS_MAX,
                             .fanout_address = text,
                             .host = text,
                             .versions = text};
    for (size_t i = 0; i < GODWIT__RECORD_ADDRESS_MAX; i++)
        from.addresses[i] = text;
    memcpy (from.instance, instance, sizeof instance);
    return godwit__record_new (&from);
}

Test (rendezvous_wire, join)
{
    char longest[GODWIT__VIRTUAL_HOST_MAX + 1];
    memset (longest, 'v', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    godwit__rendezvous_message_t message =
        read_back (godwit__rendezvous_join (buffer, instance, longest, 5000), GODWIT__RENDEZVOUS_JOIN);
    cr_assert_eq (memcmp (message.instance, instance, sizeof instance), 0);
    cr_assert_str_eq (message.virtual_host, longest);
    cr_assert_eq (message.refresh_ms, 5000);
    godwit__rendezvous_clear (&message);
}

Test (rendezvous_wire, records_in_parts_that_fit)
{
    enum { COUNT = 300 };
    godwit__record_t *records[COUNT];
    for (uint32_t i = 0; i < COUNT; i++)
        records[i] = make_record (i + 1, i % 3 ? 255 : 1);
    size_t sent = 0;
    while (sent < COUNT) {
        godwit__record_list_t list = {records + sent, COUNT - sent};
        list.count = godwit__rendezvous_fit (list);
        cr_assert (list.count > 0 && list.count <= COUNT - sent);
        godwit__rendezvous_message_t message =
            read_back (godwit__rendezvous_register (buffer, list), GODWIT__RENDEZVOUS_REGISTER);
        cr_assert_eq (message.record_count, list.count);
        for (size_t i = 0; i < list.count; i++)
            cr_assert_eq (message.records[i]->server_id, sent + i + 1);
        godwit__rendezvous_clear (&message);

        message =
            read_back (godwit__rendezvous_snapshot (buffer, INT64_MAX, INT64_MAX, true, false, 17, list),
                       GODWIT__RENDEZVOUS_SNAPSHOT);
        cr_assert (message.first && !message.last && message.record_count == list.count);
        cr_assert (message.epoch == INT64_MAX && message.sequence == INT64_MAX && message.settles_ms == 17);
        godwit__rendezvous_clear (&message);
        sent += list.count;
    }
    cr_assert_eq (godwit__rendezvous_fit ((godwit__record_list_t){NULL, 0}), 0u);
    for (uint32_t i = 0; i < COUNT; i++)
        godwit__record_unref (&records[i]);
}

Test (rendezvous_wire, keys)
{
    static godwit__record_key_t gone[GODWIT__RENDEZVOUS_KEYS_MAX];
    uint32_t ids[GODWIT__RENDEZVOUS_KEYS_MAX];
    for (uint32_t i = 0; i < GODWIT__RENDEZVOUS_KEYS_MAX; i++) {
        memcpy (gone[i].instance, instance, sizeof instance);
        gone[i].server_id = ids[i] = UINT32_MAX - i;
    }
    godwit__rendezvous_message_t message =
        read_back (godwit__rendezvous_delta (buffer, 1, 2, (godwit__record_list_t){NULL, 0}, gone,
                                             GODWIT__RENDEZVOUS_KEYS_MAX, true),
                   GODWIT__RENDEZVOUS_DELTA);
    cr_assert (message.withdrawn);
    cr_assert_eq (message.key_count, (size_t) GODWIT__RENDEZVOUS_KEYS_MAX);
    cr_assert_eq (message.keys[1023].server_id, UINT32_MAX - 1023);
    cr_assert_eq (memcmp (message.keys[1023].instance, instance, sizeof instance), 0);
    cr_assert (message.epoch == 1 && message.sequence == 2 && message.record_count == 0);
    godwit__rendezvous_clear (&message);

    message = read_back (godwit__rendezvous_withdraw (buffer, true, ids, GODWIT__RENDEZVOUS_KEYS_MAX),
                         GODWIT__RENDEZVOUS_WITHDRAW);
    cr_assert (message.except && message.key_count == GODWIT__RENDEZVOUS_KEYS_MAX);
    cr_assert_eq (message.keys[5].server_id, UINT32_MAX - 5);
    godwit__rendezvous_clear (&message);
}

Test (rendezvous_wire, numbers_and_reasons)
{
    godwit__rendezvous_message_t message =
        read_back (godwit__rendezvous_refresh (buffer, 3, UINT64_MAX), GODWIT__RENDEZVOUS_REFRESH);
    cr_assert (message.count == 3 && message.sum == UINT64_MAX);
    godwit__rendezvous_clear (&message);
    message = read_back (godwit__rendezvous_current (buffer, 4, 5), GODWIT__RENDEZVOUS_CURRENT);
    cr_assert (message.epoch == 4 && message.sequence == 5);
    godwit__rendezvous_clear (&message);
    message =
        read_back (godwit__rendezvous_plain (buffer, GODWIT__RENDEZVOUS_LEAVE), GODWIT__RENDEZVOUS_LEAVE);
    godwit__rendezvous_clear (&message);
    message = read_back (godwit__rendezvous_expelled (buffer, "why"), GODWIT__RENDEZVOUS_EXPELLED);
    cr_assert_str_eq (message.reason, "why");
    godwit__rendezvous_clear (&message);
}

/* Byte by byte, so that another language can check itself. */
Test (rendezvous_wire, golden_current)
{
    static const uint8_t golden[] = {'G',  1,    38,   0,    0,   0,   0,   0,   0,   0,    0,
                                     0,    0,    0,    0,    0,   0,   0,   0,   0,   0,    0,
                                     0,    0,    0x82, 0xa5, 'e', 'p', 'o', 'c', 'h', 0xcd, 0x01,
                                     0x2c, 0xa8, 's',  'e',  'q', 'u', 'e', 'n', 'c', 'e',  7};
    const godwit__message_t sent = godwit__rendezvous_current (buffer, 300, 7);
    cr_assert_eq (sent.size, sizeof golden);
    cr_assert_eq (memcmp (sent.data, golden, sizeof golden), 0);
}

Test (rendezvous_wire, refuses_what_is_cut_short_anywhere)
{
    godwit__record_t *record = make_record (1, 5);
    const godwit__message_t sent = godwit__rendezvous_register (buffer, (godwit__record_list_t){&record, 1});
    for (size_t size = 0; size < sent.size; size++) {
        uint8_t *copy = malloc (size + 1);
        memcpy (copy, buffer, size);
        godwit__frame_t frame = {
            .data = copy, .size = size, .release = release, .storage = {.pointer = copy}};
        godwit__rendezvous_message_t message;
        cr_assert_neq (godwit__rendezvous_read (&message, &frame, NULL), GODWIT_OK, "%zu bytes", size);
        cr_assert (!message.block && !message.records);
    }
    godwit__record_unref (&record);
}
