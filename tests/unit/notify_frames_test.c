/* SPDX-License-Identifier: Apache-2.0 */
/* NOTIFY frames that a raw peer sends to a listener: right ones, malformed ones, those for somebody else, too
 * many, and the order after a refusal. */
#include "src/listener/listener.h"
#include "src/wire/notification.h"
#include "src/wire/notify_frame.h"
#include "tests/support/must.h"
#include "tests/support/notifying.h"
#include "tests/support/raw_server.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdlib.h>

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

/* A listener of its own options, in a process with room for so many bytes. */
static void
begin_with (const godwit__driver_ops_t *driver, size_t max_queue_size,
            const godwit_listener_options_t *options)
{
    const godwit_notification_endpoint_t endpoint =
        GODWIT_NOTIFICATION_ENDPOINT (.info = got_one, .self = &got);
    got_init (&got);
    raw_server_start (&self, driver, NULL, GODWIT_TRANSPORT_OPTIONS (.max_queue_size = max_queue_size));
    MUST (godwit_listener_new (&listener, self.transport, GODWIT_TARGET (.topic = "t"), 1, &endpoint,
                               options->pull ? 0 : 1, options, &error));
    MUST (godwit_listener_start (listener, NULL, &error));
}

/* A listener whose program pulls, in a process with room for so many bytes. */
static void
begin_pulled (const godwit__driver_ops_t *driver, size_t max_queue_size)
{
    begin_with (
        driver, max_queue_size,
        GODWIT_LISTENER_OPTIONS (.credit = 77, .pull = true, .priorities = 1u << GODWIT_PRIORITY_INFO));
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

/* sender: the number of the notifier; 0: none. */
static void
open_frame_of (frame_t *frame, uint64_t id, uint32_t target, uint8_t flags, uint32_t sender)
{
    godwit__header_write (
        frame->data,
        &(godwit__header_t){
            .type = GODWIT__NOTIFY, .id = id, .target = target, .flags = flags, .budget_ms = sender});
    frame->size = GODWIT__HEADER_SIZE;
}

static void
open_frame (frame_t *frame, uint64_t id, uint32_t target, uint8_t flags)
{
    open_frame_of (frame, id, target, flags, 0);
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
send_number_of (raw_peer_t *peer, uint64_t id, int64_t number, uint8_t flags, uint32_t sender)
{
    frame_t frame;
    open_frame_of (&frame, id, lane_id (), flags, sender);
    add_number (&frame, number, GODWIT_PRIORITY_INFO, 0);
    raw_send (peer, frame.data, frame.size);
}

static void
send_number (raw_peer_t *peer, uint64_t id, int64_t number, uint8_t flags)
{
    send_number_of (peer, id, number, flags, 0);
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

/* Two notifiers of a process share a connection: neither begins anew for the other, nor is refused for it. */
RAW_TEST (what_is_refused_of_one_sender_concerns_no_other)
{
    raw_peer_t peer;
    begin (driver);
    raw_server_connect (&self, &peer);
    send_number_of (&peer, 1, 2, GODWIT__FLAG_FIRST, 7);
    cr_assert (raw_expect_nack (&peer, 1, GODWIT__NACK_HELLO));
    raw_hello (&peer, NULL, NULL);
    cr_assert (raw_expect (&peer, GODWIT__WELCOME, 0));
    send_number_of (&peer, 2, 0, GODWIT__FLAG_FIRST, 8);
    expect_settled (&peer, 2);
    send_number_of (&peer, 3, 3, 0, 7);
    cr_assert (raw_expect_nack (&peer, 3, GODWIT__NACK_OVERLOADED));
    send_number_of (&peer, 4, 1, 0, 8);
    expect_settled (&peer, 4);
    send_number_of (&peer, 5, 2, GODWIT__FLAG_FIRST, 7);
    expect_settled (&peer, 5);
    send_number_of (&peer, 6, 3, 0, 7);
    expect_settled (&peer, 6);
    got_check_order (&got, 4);
    raw_close (&peer);
    end ();
}

/* A sender's number is no budget: what waits does not expire. */
RAW_TEST (senders_of_one_connection_have_turns_of_their_own)
{
    begin_with (driver, 65536, GODWIT_LISTENER_OPTIONS (.concurrency = 2, .credit = 77));
    atomic_store (&got.holds, true);
    send_number_of (&self.peer, 1, 0, GODWIT__FLAG_FIRST, 1);
    send_number_of (&self.peer, 2, 1, 0, 1);
    send_number_of (&self.peer, 3, 0, GODWIT__FLAG_FIRST, 2);
    got_await_running (&got, 2);
    poll (NULL, 0, 5);
    got_release (&got);
    for (int i = 0; i < 3; i++) {
        raw_answer_t answer = raw_receive (&self.peer, RAW_WAIT_LIMIT_NS);
        cr_assert (answer.came);
        cr_assert_eq (answer.header.type, GODWIT__SETTLED);
        raw_answer_release (&answer);
    }
    cr_assert_eq (got.count, 3);
    cr_assert_eq (got.most_running, 2);
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

/* The number of the next notification that waits to be pulled, which is acknowledged. */
static int64_t
pull (void)
{
    godwit_notification_t *notification = NULL;
    int64_t number = -1;
    MUST (godwit_listener_next (listener, -1, &notification, &error));
    MUST (godwit_value_get_int (godwit_notification_payload (notification), &number, &error));
    godwit_notification_acknowledge (&notification);
    return number;
}

/* All that add_number makes have one message_id. */
static void
expect_returned (raw_answer_t *answer)
{
    cr_assert (answer->came);
    cr_assert_eq (answer->header.type, GODWIT__SETTLED);
    cr_assert_eq (answer->size, GODWIT__HEADER_SIZE + GODWIT__UNSETTLED_SIZE, "%zu bytes", answer->size);
    raw_answer_release (answer);
}

static void
connect_other (raw_peer_t *peer)
{
    raw_server_connect (&self, peer);
    raw_hello (peer, NULL, NULL);
    cr_assert (raw_expect (peer, GODWIT__WELCOME, 0));
}

/* A second copy by another connection, while the first is being handled: it has to come again. */
RAW_TEST (a_duplicate_does_not_run_beside_the_first)
{
    raw_peer_t peer;
    begin_with (driver, 65536,
                GODWIT_LISTENER_OPTIONS (.concurrency = 2, .drop_duplicates = 10, .credit = 77,
                                         .allow_requeue = true));
    connect_other (&peer);
    atomic_store (&got.holds, true);
    atomic_store (&got.requeues, 1);
    send_number (&self.peer, 1, 0, GODWIT__FLAG_FIRST);
    got_await_running (&got, 1);
    send_number (&peer, 1, 0, GODWIT__FLAG_FIRST);
    raw_answer_t answer = raw_receive (&peer, RAW_WAIT_LIMIT_NS);
    expect_returned (&answer);
    got_release (&got);
    answer = raw_receive (&self.peer, RAW_WAIT_LIMIT_NS);
    expect_returned (&answer);
    send_number (&peer, 2, 0, GODWIT__FLAG_FIRST); /* the first was requeued, and so this one runs */
    expect_settled (&peer, 2);
    send_number (&self.peer, 2, 0, GODWIT__FLAG_FIRST); /* but not again */
    expect_settled (&self.peer, 2);
    cr_assert_eq (got.count, 2);
    cr_assert_eq (got.most_running, 1);
    raw_close (&peer);
    end ();
}

/* The same while the program has the first. */
RAW_TEST (a_duplicate_is_not_pulled_beside_the_first)
{
    raw_peer_t peer;
    raw_answer_t answer;
    godwit_notification_t *first = NULL, *second = NULL;
    begin_with (driver, 65536,
                GODWIT_LISTENER_OPTIONS (.credit = 77, .pull = true, .priorities = 1u << GODWIT_PRIORITY_INFO,
                                         .drop_duplicates = 10, .allow_requeue = true));
    connect_other (&peer);
    send_number (&self.peer, 1, 0, GODWIT__FLAG_FIRST);
    MUST (godwit_listener_next (listener, -1, &first, &error));
    send_number (&peer, 1, 0, GODWIT__FLAG_FIRST);
    while (!(answer = raw_receive (&peer, GODWIT__NS_PER_MS)).came)
        cr_assert_eq (godwit_listener_next (listener, 0, &second, NULL), GODWIT_ERR_TIMEOUT);
    expect_returned (&answer);
    godwit_notification_requeue (&first);
    answer = raw_receive (&self.peer, RAW_WAIT_LIMIT_NS);
    expect_returned (&answer);
    send_number (&peer, 2, 0, GODWIT__FLAG_FIRST);
    MUST (godwit_listener_next (listener, -1, &second, &error));
    godwit_notification_acknowledge (&second);
    expect_settled (&peer, 2);
    raw_close (&peer);
    end ();
}

/* How many wait to be pulled. */
static int64_t
waiting (void)
{
    pthread_mutex_lock (&listener->lock);
    const size_t count = listener->queued[0];
    pthread_mutex_unlock (&listener->lock);
    return (int64_t) count;
}

/* Whoever heeds no credit fills a listener up to its limit. What he sends then is refused, until something
 * was pulled. His order is kept: those that are refused are the last ones. They may be told in any order: the
 * port refuses what finds the lane's queue full, and the lane, later, what finds no room behind it. */
RAW_TEST (what_waits_to_be_pulled_is_limited)
{
    enum { SIZE = 65536, MOST = SIZE / 64 };
    int64_t taken = MOST, refused = 0;
    begin_pulled (driver, SIZE);
    for (int64_t i = 0; i < MOST; i++)
        send_number (&self.peer, (uint64_t) i + 1, i, i ? 0 : GODWIT__FLAG_FIRST);
    while (!refused || taken + refused < MOST || waiting () < taken) {
        raw_answer_t answer = raw_receive (&self.peer, GODWIT__NS_PER_MS);
        if (!answer.came)
            continue;
        cr_assert_eq (answer.header.type, GODWIT__NACK);
        cr_assert_eq (answer.header.aux, GODWIT__NACK_OVERLOADED);
        refused++;
        if ((int64_t) answer.header.id <= taken)
            taken = (int64_t) answer.header.id - 1;
    }
    cr_assert_gt (taken, 8);
    for (int64_t i = 0; i < taken; i++) {
        cr_assert_eq (pull (), i);
        expect_settled (&self.peer, (uint64_t) i + 1);
    }
    send_number (&self.peer, MOST + 1, taken, GODWIT__FLAG_FIRST);
    cr_assert_eq (pull (), taken);
    expect_settled (&self.peer, MOST + 1);
    end ();
}

static void *
pull_all (void *unused)
{
    godwit_notification_t *notification = NULL;
    (void) unused;
    while (!godwit_listener_next (listener, -1, &notification, NULL))
        godwit_notification_acknowledge (&notification);
    return NULL;
}

/* Though there is room again by then, and those behind it had been accepted already. */
RAW_TEST (what_follows_one_without_room_is_refused)
{
    enum { SIZE = 16384, MOST = 500 };
    pthread_t thread;
    uint64_t first_refused = MOST + 1;
    begin_pulled (driver, SIZE);
    cr_assert_eq (pthread_create (&thread, NULL, pull_all, NULL), 0);
    for (uint64_t id = 1; id <= MOST; id++)
        send_number (&self.peer, id, 0, id == 1 ? GODWIT__FLAG_FIRST : 0);
    for (uint64_t i = 1, last_settled = 0; i <= MOST; i++) {
        raw_answer_t answer = raw_receive (&self.peer, RAW_WAIT_LIMIT_NS);
        cr_assert (answer.came, "%d came", (int) i - 1);
        if (answer.header.type == GODWIT__SETTLED)
            last_settled = answer.header.id;
        else if (answer.header.id < first_refused)
            first_refused = answer.header.id;
        cr_assert (last_settled < first_refused, "%d was handled, though %d was refused", (int) last_settled,
                   (int) first_refused);
        raw_answer_release (&answer);
    }
    MUST (godwit_listener_stop (listener, NULL, &error));
    pthread_join (thread, NULL);
    end ();
}

/* Its sender's turn is taken, though another handler could run. */
RAW_TEST (what_waits_for_its_senders_turn_is_limited)
{
    enum { SIZE = 4096, COUNT = 100 }; /* the answers have to find room, too */
    int64_t settled = 0;
    begin_with (driver, SIZE, GODWIT_LISTENER_OPTIONS (.concurrency = 2));
    atomic_store (&got.holds, true);
    for (int64_t i = 0; i < COUNT; i++)
        send_number (&self.peer, (uint64_t) i + 1, i, i ? 0 : GODWIT__FLAG_FIRST);
    for (int64_t i = 0; i < COUNT; i++) {
        raw_answer_t answer = raw_receive (&self.peer, RAW_WAIT_LIMIT_NS);
        cr_assert (answer.came, "%d came", (int) i);
        if (i == 0) {
            cr_assert_eq (answer.header.type, GODWIT__NACK); /* while the first is being handled */
            cr_assert_eq (answer.header.aux, GODWIT__NACK_OVERLOADED);
            got_release (&got);
        }
        settled += answer.header.type == GODWIT__SETTLED;
        raw_answer_release (&answer);
    }
    cr_assert_gt (settled, 8);
    cr_assert_lt (settled, COUNT);
    got_check_order (&got, (size_t) settled);
    end ();
}

RAW_TEST (more_items_than_a_frame_may_have_are_refused)
{
    static frame_t frame;
    begin (driver);
    open_frame (&frame, 1, lane_id (), GODWIT__FLAG_FIRST);
    for (int i = 0; i <= GODWIT__NOTIFY_COUNT; i++)
        add_bytes (&frame, "", 0, 0, 0);
    raw_send (&self.peer, frame.data, frame.size);
    cr_assert (raw_expect_nack (&self.peer, 1, GODWIT__NACK_MALFORMED));
    open_frame (&frame, 2, lane_id (), GODWIT__FLAG_FIRST);
    for (int i = 0; i < GODWIT__NOTIFY_COUNT; i++)
        add_bytes (&frame, "", 0, 0, 0);
    raw_send (&self.peer, frame.data, frame.size);
    expect_settled (&self.peer, 2);
    cr_assert_eq (raw_server_stats (&self).frames_malformed, 1 + GODWIT__NOTIFY_COUNT);
    end ();
}

/* Adds a notification whose payload is a list of so many nils to what is at data. Returns its size. */
static size_t
add_list (uint8_t *data, uint32_t count)
{
    static const char head[] = "\x97\x80\xa1p\xa1"
                               "e\xa4INFO\xdd";
    static const char tail[] = "\xa2id\xa4time";
    uint8_t *const body = data + GODWIT__ITEM_HEADER_SIZE;
    const size_t size = sizeof head - 1 + 4 + count + sizeof tail - 1;
    godwit__put_u32 (data, (uint32_t) size);
    godwit__put_u32 (data + 4, 0);
    memcpy (body, head, sizeof head - 1);
    godwit__put_u32 (body + sizeof head - 1, count);
    memset (body + sizeof head - 1 + 4, 0xc0, count);
    memcpy (body + size - (sizeof tail - 1), tail, sizeof tail - 1);
    return GODWIT__ITEM_HEADER_SIZE + size;
}

/* A byte of a frame is up to 32 in memory: what one frame may grow to is limited as a whole. */
RAW_TEST (the_elements_of_a_frame_are_limited)
{
    enum { COUNT = 600000 };
    godwit_notification_t *notification = NULL;
    uint8_t *const data = malloc (GODWIT__HEADER_SIZE + 2 * (COUNT + 100));
    size_t size = GODWIT__HEADER_SIZE;
    begin_pulled (driver, 16 << 20);
    godwit__header_write (
        data, &(godwit__header_t){.type = GODWIT__NOTIFY, .id = 1, .target = lane_id (), .flags = 4});
    size += add_list (data + size, COUNT);
    size += add_list (data + size, COUNT);
    raw_send (&self.peer, data, size);
    free (data);
    MUST (godwit_listener_next (listener, -1, &notification, &error));
    godwit_notification_acknowledge (&notification);
    expect_settled (&self.peer, 1);
    cr_assert_eq (raw_server_stats (&self).frames_malformed, 1);
    end ();
}
