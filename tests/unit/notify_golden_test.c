/* SPDX-License-Identifier: Apache-2.0 */
/* The golden frames NOTIFY and SETTLED, byte for byte, as a real notifier and a real listener send them. */
#include "src/wire/notify_frame.h"
#include "tests/support/fake_listener.h"
#include "tests/support/must.h"
#include "tests/support/raw_server.h"

#include <criterion/criterion.h>
#include <godwit/godwit.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define ID_SIZE 36
#define STAMP_SIZE 26

typedef struct golden {
    uint8_t data[512];
    size_t size;
} golden_t;

static golden_t
load (const char *name)
{
    char path[512], text[3];
    golden_t golden = {.size = 0};
    snprintf (path, sizeof path, "%s/tests/golden/%s.hex", GODWIT_SOURCE_DIR, name);
    FILE *file = fopen (path, "r");
    cr_assert_not_null (file, "%s", path);
    while (fscanf (file, "%2s", text) == 1 && golden.size < sizeof golden.data)
        golden.data[golden.size++] = (uint8_t) strtoul (text, NULL, 16);
    fclose (file);
    return golden;
}

static void
expect_bytes (const golden_t *golden, const uint8_t *data, size_t size)
{
    cr_assert_eq (size, golden->size, "%zu bytes, not %zu", size, golden->size);
    for (size_t i = 0; i < size; i++)
        cr_assert_eq (data[i], golden->data[i], "byte %zu is %02x, not %02x", i, data[i], golden->data[i]);
}

/* ---- a notifier ---- */

static void
await_notify (fake_listener_t *listener)
{
    for (int i = 0; !listener->flight_count; i++) {
        cr_assert_lt (i, 1000, "no NOTIFY comes");
        fake_listener_turn (listener, 20);
    }
}

/* It comes back in this way, and is sent again. Returns the id of that NOTIFY. */
static uint64_t
give_back (fake_listener_t *listener, uint32_t what)
{
    uint8_t settled[GODWIT__HEADER_SIZE + GODWIT__UNSETTLED_SIZE];
    godwit__header_write (
        settled, &(godwit__header_t){.type = GODWIT__SETTLED, .id = listener->flights[0], .aux = 512});
    godwit__put_u32 (settled + GODWIT__HEADER_SIZE, 0);
    godwit__put_u32 (settled + GODWIT__HEADER_SIZE + 4, what);
    listener->flight_count = 0;
    fake_listener_say (listener, settled, sizeof settled);
    await_notify (listener);
    return listener->flights[0];
}

/* Both are made anew for each notification: they have the right form, and those of the golden frame are
 * taken. */
static void
take_id_and_stamp (uint8_t *data, size_t size, const golden_t *golden)
{
    const size_t stamp_at = golden->size - STAMP_SIZE, id_at = stamp_at - 1 - ID_SIZE;
    cr_assert_eq (size, golden->size);
    for (size_t i = id_at; i < size; i++)
        cr_assert (isxdigit (data[i]) ? isxdigit (golden->data[i]) : data[i] == golden->data[i],
                   "byte %zu is '%c', not as '%c'", i, data[i], golden->data[i]);
    memcpy (data + id_at, golden->data + id_at, ID_SIZE);
    memcpy (data + stamp_at, golden->data + stamp_at, STAMP_SIZE);
}

Test (notify_golden, a_notifier_sends_it, .timeout = 60)
{
    static fake_listener_t listener;
    const golden_t golden = load ("notify");
    const char *const pools[] = {"liar"}, *const keys[] = {"user"};
    godwit_notifier_t *notifier = NULL;
    godwit_value_t *context = NULL;
    fake_listener_start (&listener, "notify:notifications.warn");
    MUST (godwit_notifier_new (
        &notifier, listener.transport,
        GODWIT_NOTIFIER_OPTIONS (.publisher_id = "compute.host1", .context_keys = keys,
                                 .context_key_count = 1,
                                 .delivery = GODWIT_DELIVERY_OPTIONS (.pools = pools, .pool_count = 1)),
        &error));
    MUST (godwit_value_new_map (&context, GODWIT_ARGS (GODWIT_STR ("user", "ada")), &error));
    MUST (godwit_notify (
        notifier, GODWIT_PRIORITY_WARN, context, "disk.full",
        GODWIT_MAP (NULL, GODWIT_INT ("size", 5), GODWIT_LIST ("tags", GODWIT_STR (NULL, "new"))),
        GODWIT_NOTIFY_OPTIONS (.strict = true), &error));
    await_notify (&listener);
    give_back (&listener, GODWIT__UNSETTLED_LOST);
    uint64_t id = give_back (&listener, GODWIT__UNSETTLED_LOST);
    while (id < 7)
        id = give_back (&listener, GODWIT__UNSETTLED_RETURNED);
    take_id_and_stamp (listener.last, listener.last_size, &golden);
    expect_bytes (&golden, listener.last, listener.last_size);
    godwit_value_unref (&context);
    godwit_notifier_destroy (&notifier);
    fake_listener_end (&listener);
}

/* ---- a listener ---- */

/* NOTIFY 7, with the golden item so many times. */
static void
send_items (raw_peer_t *peer, int count)
{
    const golden_t golden = load ("notify");
    uint8_t data[4096];
    size_t size = GODWIT__HEADER_SIZE;
    memcpy (data, golden.data, size);
    for (; count; count--) {
        memcpy (data + size, golden.data + GODWIT__HEADER_SIZE, golden.size - GODWIT__HEADER_SIZE);
        size += golden.size - GODWIT__HEADER_SIZE;
    }
    raw_send (peer, data, size);
}

/* A lane that stops also says GOODBYE. */
static void
expect_settled (raw_peer_t *peer, const golden_t *golden)
{
    godwit__frame_t frame;
    bool is_settled = false;
    while (!is_settled) {
        while (peer->link->ops->recv (peer->link, &frame, NULL) != GODWIT__IO_OK)
            peer->link->ops->wait (peer->link, false, RAW_WAIT_LIMIT_NS);
        is_settled = frame.data[2] != GODWIT__GOODBYE;
        if (is_settled)
            expect_bytes (golden, frame.data, frame.size);
        godwit__frame_release (&frame);
    }
}

/* Of five it is done with three; the second is wanted later, and the fifth was not begun with. */
RAW_TEST (a_listener_answers_it)
{
    raw_server_t server;
    godwit_listener_t *listener = NULL;
    const golden_t golden = load ("settled");
    raw_server_start (&server, driver, NULL, NULL); /* its server has the number 1 */
    MUST (godwit_listener_new (
        &listener, server.transport, GODWIT_TARGET (.topic = "notifications"), 1, NULL, 0,
        GODWIT_LISTENER_OPTIONS (.pull = true, .allow_requeue = true,
                                 .priorities = 1u << GODWIT_PRIORITY_INFO | 1u << GODWIT_PRIORITY_WARN),
        &error));
    MUST (godwit_listener_start (listener, NULL, &error));
    send_items (&server.peer, 5);
    for (int i = 0; i < 4; i++) {
        godwit_notification_t *notification = NULL;
        MUST (godwit_listener_next (listener, -1, &notification, &error));
        cr_assert_eq (godwit_notification_redeliveries (notification), 2u);
        if (i == 1)
            godwit_notification_requeue (&notification);
        else
            godwit_notification_acknowledge (&notification);
    }
    MUST (godwit_listener_stop (listener, NULL, &error));
    expect_settled (&server.peer, &golden);
    godwit_listener_destroy (&listener);
    raw_server_end (&server);
}
