/* SPDX-License-Identifier: Apache-2.0 */
/* NOTIFY frames that a raw peer sends to a listener: right ones, malformed ones, those for somebody else, and
 * the order after a refusal. */
#include "src/listener/listener.h"
#include "src/wire/notification.h"
#include "src/wire/notify_frame.h"
#include "tests/support/must.h"
#include "tests/support/notifying.h"
#include "tests/support/raw_server.h"

#include <criterion/criterion.h>

static raw_server_t self;
static godwit_listener_t *listener;
static got_t got;

static void
begin (const godwit__driver_ops_t *driver)
{
    const godwit_notification_endpoint_t endpoint =
        GODWIT_NOTIFICATION_ENDPOINT (.info = got_one, .self = &got);
    got_init (&got);
    raw_server_start (&self, driver, NULL, NULL);
    MUST (godwit_listener_new (&listener, self.transport, GODWIT_TARGET (.topic = "t"), 1, &endpoint, 1,
                               GODWIT_LISTENER_OPTIONS (.credit = 77), &error));
    MUST (godwit_listener_start (listener, NULL, &error));
}

static void
end (void)
{
    godwit_listener_destroy (&listener);
    raw_server_end (&self);
}

static uint32_t
lane_id (void)
{
    return listener->lanes[0].server->id;
}

/* A frame that is being made. */
typedef struct frame {
    uint8_t data[4096];
    size_t size;
} frame_t;

static void
open_frame (frame_t *frame, uint64_t id, uint32_t target, uint8_t flags)
{
    godwit__header_write (
        frame->data, &(godwit__header_t){.type = GODWIT__NOTIFY, .id = id, .target = target, .flags = flags});
    frame->size = GODWIT__HEADER_SIZE;
}

static void
add_bytes (frame_t *frame, const void *data, size_t size, uint32_t said_size, uint32_t redeliveries)
{
    godwit__put_u32 (frame->data + frame->size, said_size);
    godwit__put_u32 (frame->data + frame->size + 4, redeliveries);
    memcpy (frame->data + frame->size + GODWIT__ITEM_HEADER_SIZE, data, size);
    frame->size += GODWIT__ITEM_HEADER_SIZE + size;
}

static void
add_number (frame_t *frame, int64_t number, godwit_priority_t priority, uint32_t redeliveries)
{
    godwit__encoded_notification_t encoded;
    const godwit__notification_parts_t parts = {.publisher_id = "p",
                                                .publisher_id_size = 1,
                                                .event_type = "e",
                                                .event_type_size = 1,
                                                .priority = priority,
                                                .payload = {.type = GODWIT_TYPE_INT, .as.integer = number},
                                                .message_id = "00000000-0000-4000-8000-000000000000",
                                                .timestamp = "2026-11-30 12:00:00.000000"};
    MUST (godwit__notification_encode (&encoded, &parts, GODWIT__NOTIFICATION_PLAIN, 1000, &error));
    add_bytes (frame, encoded.data, encoded.size, (uint32_t) encoded.size, redeliveries);
    godwit__encoded_notification_release (&encoded);
}

static void
expect_settled (raw_peer_t *peer, uint64_t id)
{
    raw_answer_t answer = raw_receive (peer, RAW_WAIT_LIMIT_NS);
    cr_assert (answer.came);
    cr_assert_eq (answer.header.type, GODWIT__SETTLED, "type %u, %u", answer.header.type, answer.header.aux);
    cr_assert_eq (answer.header.id, id);
    cr_assert_eq (answer.header.aux, 77); /* the credit */
    cr_assert_null (answer.body);
    raw_answer_release (&answer);
}

RAW_TEST (are_handled_and_settled)
{
    frame_t frame;
    begin (driver);
    open_frame (&frame, 1, lane_id (), GODWIT__FLAG_FIRST);
    add_number (&frame, 0, GODWIT_PRIORITY_INFO, 0);
    add_number (&frame, 1, GODWIT_PRIORITY_INFO, 3);
    raw_send (&self.peer, frame.data, frame.size);
    expect_settled (&self.peer, 1);
    got_check_order (&got, 2);
    cr_assert_eq (got.redeliveries[0], 0);
    cr_assert_eq (got.redeliveries[1], 3);
    end ();
}

/* What is no notification of the lane is dropped, and counted; those beside it are handled. */
RAW_TEST (what_is_no_notification_is_dropped)
{
    frame_t frame;
    begin (driver);
    open_frame (&frame, 1, lane_id (), 0);
    add_number (&frame, 0, GODWIT_PRIORITY_INFO, 0);
    add_bytes (&frame, "\x93\x01\x02\x03", 4, 4, 0);  /* a list of numbers */
    add_bytes (&frame, "\xc1", 1, 1, 0);              /* no msgpack */
    add_bytes (&frame, "", 0, 0, 0);                  /* nothing */
    add_number (&frame, 5, GODWIT_PRIORITY_ERROR, 0); /* of another lane */
    add_number (&frame, 1, GODWIT_PRIORITY_INFO, 0);
    raw_send (&self.peer, frame.data, frame.size);
    expect_settled (&self.peer, 1);
    got_check_order (&got, 2);
    cr_assert_eq (got.count, 2);
    cr_assert_eq (raw_server_stats (&self).frames_malformed, 4);
    end ();
}

RAW_TEST (malformed_frames_are_refused)
{
    frame_t frame;
    begin (driver);
    open_frame (&frame, 1, lane_id (), 0); /* no item */
    raw_send (&self.peer, frame.data, frame.size);
    cr_assert (raw_expect_nack (&self.peer, 1, GODWIT__NACK_MALFORMED));
    open_frame (&frame, 2, lane_id (), GODWIT__FLAG_FIRST);
    add_bytes (&frame, "abc", 3, 4, 0); /* says that it is longer */
    raw_send (&self.peer, frame.data, frame.size);
    cr_assert (raw_expect_nack (&self.peer, 2, GODWIT__NACK_MALFORMED));
    open_frame (&frame, 3, lane_id (), GODWIT__FLAG_FIRST);
    add_bytes (&frame, "abc", 3, UINT32_MAX, 0);
    raw_send (&self.peer, frame.data, frame.size);
    cr_assert (raw_expect_nack (&self.peer, 3, GODWIT__NACK_MALFORMED));
    open_frame (&frame, 4, lane_id (), GODWIT__FLAG_FIRST);
    add_number (&frame, 0, GODWIT_PRIORITY_INFO, 0);
    frame.size += 5; /* less than the header of an item */
    raw_send (&self.peer, frame.data, frame.size);
    cr_assert (raw_expect_nack (&self.peer, 4, GODWIT__NACK_MALFORMED));
    cr_assert_eq (got.count, 0);
    end ();
}

RAW_TEST (lanes_take_nothing_else_and_servers_no_notify)
{
    frame_t frame;
    begin (driver);
    raw_request (&self.peer, &(godwit__header_t){.type = GODWIT__REQUEST, .id = 1, .target = lane_id ()},
                 "notify", 1);
    cr_assert (raw_expect_nack (&self.peer, 1, GODWIT__NACK_NOT_HERE));
    open_frame (&frame, 2, self.server->id, 0);
    add_number (&frame, 0, GODWIT_PRIORITY_INFO, 0);
    raw_send (&self.peer, frame.data, frame.size);
    cr_assert (raw_expect_nack (&self.peer, 2, GODWIT__NACK_NOT_HERE));
    open_frame (&frame, 3, 99999, 0);
    add_number (&frame, 0, GODWIT_PRIORITY_INFO, 0);
    raw_send (&self.peer, frame.data, frame.size);
    cr_assert (raw_expect_nack (&self.peer, 3, GODWIT__NACK_NOT_HERE));
    end ();
}

static void
send_number (raw_peer_t *peer, uint64_t id, int64_t number, uint8_t flags)
{
    frame_t frame;
    open_frame (&frame, id, lane_id (), flags);
    add_number (&frame, number, GODWIT_PRIORITY_INFO, 0);
    raw_send (peer, frame.data, frame.size);
}

/* The first is refused, because the peer has not said HELLO. What it sent after it is refused, too, until it
 * begins anew. Another sender does not notice. */
RAW_TEST (what_follows_a_refused_one_is_refused)
{
    raw_peer_t peer;
    begin (driver);
    raw_server_connect (&self, &peer);
    send_number (&peer, 1, 0, GODWIT__FLAG_FIRST);
    cr_assert (raw_expect_nack (&peer, 1, GODWIT__NACK_HELLO));
    raw_hello (&peer, NULL, NULL);
    cr_assert (raw_expect (&peer, GODWIT__WELCOME, 0));
    send_number (&peer, 2, 1, 0);
    cr_assert (raw_expect_nack (&peer, 2, GODWIT__NACK_OVERLOADED));
    send_number (&self.peer, 1, 0, 0);
    expect_settled (&self.peer, 1);
    send_number (&peer, 3, 1, GODWIT__FLAG_FIRST);
    expect_settled (&peer, 3);
    send_number (&peer, 4, 2, 0);
    expect_settled (&peer, 4);
    got_check_order (&got, 3);
    raw_close (&peer);
    end ();
}

/* The same frame twice: it is handled once. */
RAW_TEST (a_repeated_frame_is_refused)
{
    begin (driver);
    send_number (&self.peer, 1, 0, GODWIT__FLAG_FIRST);
    expect_settled (&self.peer, 1);
    send_number (&self.peer, 1, 0, GODWIT__FLAG_FIRST);
    cr_assert (raw_expect_nack (&self.peer, 1, GODWIT__NACK_DUPLICATE));
    cr_assert_eq (got.count, 1);
    end ();
}
