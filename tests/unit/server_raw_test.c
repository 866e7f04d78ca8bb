/* SPDX-License-Identifier: Apache-2.0 */
/* The server's side, frame by frame, over both drivers. */
#include "tests/support/raw_server.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* What comes after it has passed through the port. */
static void
pass_through (raw_peer_t *peer)
{
    raw_header (peer, &(godwit__header_t){.type = GODWIT__PING, .id = 424242});
    cr_assert (raw_expect (peer, GODWIT__PONG, 424242));
}

/* ---- connections ---- */

RAW_TEST (proves_identity)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, NULL);
    raw_peer_t peer;
    raw_server_connect (&self, &peer);
    uint8_t other[GODWIT__UUID_SIZE] = {9};

    const godwit__header_t header = raw_header_of (&self, 1);
    raw_request (&peer, &header, "echo", 5);
    cr_assert (raw_expect_nack (&peer, 1, GODWIT__NACK_HELLO));
    raw_hello (&peer, other, self.transport->virtual_host);
    cr_assert (raw_expect_nack (&peer, 0, GODWIT__NACK_IDENTITY));
    raw_hello (&peer, self.transport->instance, "another");
    cr_assert (raw_expect_nack (&peer, 0, GODWIT__NACK_IDENTITY));
    raw_request (&peer, &header, "echo", 5);
    cr_assert (raw_expect_nack (&peer, 1, GODWIT__NACK_HELLO));

    raw_hello (&peer, NULL, self.transport->virtual_host);
    raw_answer_t answer = raw_receive (&peer, RAW_WAIT_LIMIT_NS);
    cr_assert_eq (answer.header.type, GODWIT__WELCOME);
    const void *instance = NULL;
    size_t size = 0;
    cr_assert_eq (godwit_value_get_bin (godwit_value_get (answer.body, "instance"), &instance, &size, NULL),
                  GODWIT_OK);
    cr_assert_eq (size, GODWIT__UUID_SIZE);
    cr_assert (memcmp (instance, self.transport->instance, size) == 0);
    raw_answer_release (&answer);
    raw_request (&peer, &header, "echo", 5);
    cr_assert (raw_expect_reply_int (&peer, 1, 5));
    raw_close (&peer);
    raw_server_end (&self);
}

static void
resolve_one (raw_peer_t *peer, uint64_t id, uint32_t target, const char *exchange, const char *topic,
             const char *server)
{
    uint8_t frame[GODWIT__RESOLVE_FRAME_MAX];
    const size_t size = godwit__resolve_write (frame, target, exchange, topic, server);
    godwit__put_u64 (frame + GODWIT__HEADER_ID_OFFSET, id);
    raw_send (peer, frame, size);
}

static void
resolve (raw_peer_t *peer, uint64_t id, const char *exchange, const char *topic, const char *server)
{
    resolve_one (peer, id, 0, exchange, topic, server);
}

/* RESOLVED about this server, in this state. */
static bool
expect_resolved (raw_peer_t *peer, uint64_t id, uint32_t server_id, uint64_t state)
{
    raw_answer_t answer = raw_receive (peer, RAW_WAIT_LIMIT_NS);
    int64_t told = 0;
    godwit_value_get_int (godwit_value_get (answer.body, "state"), &told, NULL);
    const bool is = answer.header.type == GODWIT__RESOLVED && answer.header.id == id &&
                    answer.header.target == server_id && told == (int64_t) state;
    raw_answer_release (&answer);
    return is;
}

/* With a target it is about that server alone, which may drain. */
RAW_TEST (tells_of_a_server_by_its_number)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, NULL);
    const uint32_t id = self.server->id;
    const char *const exchange = self.transport->control_exchange;
    resolve_one (&self.peer, 1, id, exchange, "calc", "one");
    cr_assert (expect_resolved (&self.peer, 1, id, GODWIT__RECORD_UP));
    resolve_one (&self.peer, 2, id + 1, exchange, "calc", "one");
    cr_assert (raw_expect_nack (&self.peer, 2, GODWIT__NACK_NOT_HERE));
    resolve_one (&self.peer, 3, id, exchange, "another", "one");
    cr_assert (raw_expect_nack (&self.peer, 3, GODWIT__NACK_NOT_HERE));
    cr_assert_eq (godwit_server_stop (self.server, NULL, NULL), GODWIT_OK);
    cr_assert (raw_expect (&self.peer, GODWIT__GOODBYE, 0));
    resolve_one (&self.peer, 4, id, exchange, "calc", "one");
    cr_assert (expect_resolved (&self.peer, 4, id, GODWIT__RECORD_DRAINING));
    raw_server_end (&self);
}

RAW_TEST (tells_who_has_a_name)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, NULL);
    const godwit__record_t *const record = self.server->record;
    raw_peer_t stranger;
    raw_server_connect (&self, &stranger);
    resolve (&stranger, 1, record->exchange, record->topic, record->server);
    cr_assert (raw_expect_nack (&stranger, 1, GODWIT__NACK_HELLO));
    raw_close (&stranger);

    cr_assert_str_eq (record->exchange, self.transport->control_exchange);
    cr_assert_str_eq (record->topic, "calc");
    cr_assert_str_eq (record->server, "one");
    resolve (&self.peer, 7, record->exchange, record->topic, record->server);
    raw_answer_t answer = raw_receive (&self.peer, RAW_WAIT_LIMIT_NS);
    cr_assert_eq (answer.header.type, GODWIT__RESOLVED);
    cr_assert_eq (answer.header.id, 7u);
    cr_assert_eq (answer.header.target, self.server->id);
    godwit__record_t *told = NULL;
    cr_assert_eq (godwit__record_read (&told, answer.body, NULL), GODWIT_OK);
    cr_assert (memcmp (told->instance, self.transport->instance, sizeof told->instance) == 0);
    cr_assert_eq (told->server_id, self.server->id);
    cr_assert_str_eq (told->fanout_address, record->fanout_address);
    godwit__record_unref (&told);
    raw_answer_release (&answer);

    resolve (&self.peer, 8, "another", record->topic, record->server);
    cr_assert (raw_expect_nack (&self.peer, 8, GODWIT__NACK_NOT_HERE));
    resolve (&self.peer, 9, record->exchange, "another", record->server);
    cr_assert (raw_expect_nack (&self.peer, 9, GODWIT__NACK_NOT_HERE));
    resolve (&self.peer, 10, record->exchange, record->topic, "another");
    cr_assert (raw_expect_nack (&self.peer, 10, GODWIT__NACK_NOT_HERE));

    /* A RESOLVE is no request: the id is not used up. */
    raw_server_ask (&self, 7, "echo", 5);
    cr_assert (raw_expect_reply_int (&self.peer, 7, 5));

    cr_assert_eq (godwit_server_stop (self.server, NULL, NULL), GODWIT_OK);
    cr_assert (raw_expect (&self.peer, GODWIT__GOODBYE, 0));
    resolve (&self.peer, 11, self.transport->control_exchange, "calc", "one");
    cr_assert (raw_expect_nack (&self.peer, 11, GODWIT__NACK_NOT_HERE));
    raw_server_end (&self);
}

RAW_TEST (counts_malformed_queries)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, NULL);
    /* The third one would be the last that is listened to. */
    static const char *const bodies[] = {"\x93\xa1x\xa1y\xc0", "\xdd\xff\xff\xff\xff"};
    for (size_t i = 0; i < 2; i++) {
        uint8_t frame[GODWIT__HEADER_SIZE + 16];
        godwit__header_write (frame, &(godwit__header_t){.type = GODWIT__RESOLVE, .id = i + 1});
        memcpy (frame + GODWIT__HEADER_SIZE, bodies[i], strlen (bodies[i]));
        raw_send (&self.peer, frame, GODWIT__HEADER_SIZE + strlen (bodies[i]));
        pass_through (&self.peer);
        cr_assert_eq (raw_server_stats (&self).frames_malformed, i + 1);
    }
    raw_server_ask (&self, 4, "echo", 5);
    cr_assert (raw_expect_reply_int (&self.peer, 4, 5));
    raw_server_end (&self);
}

RAW_TEST (answers_pings)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, NULL);
    raw_header (&self.peer, &(godwit__header_t){.type = GODWIT__PING, .id = 77});
    cr_assert (raw_expect (&self.peer, GODWIT__PONG, 77));
    raw_server_end (&self);
}

RAW_TEST (ignores_what_it_does_not_know)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, NULL);
    raw_header (&self.peer, &(godwit__header_t){.type = 99, .id = 1});
    raw_header (&self.peer, &(godwit__header_t){.type = GODWIT__REPLY, .id = 1});
    uint8_t newer[GODWIT__HEADER_SIZE] = {GODWIT__MAGIC, 2, GODWIT__REQUEST};
    raw_send (&self.peer, newer, sizeof newer);
    pass_through (&self.peer);
    cr_assert_eq (raw_server_stats (&self).frames_unknown, 3);
    cr_assert_eq (raw_server_stats (&self).frames_malformed, 0);
    raw_server_end (&self);
}

/* Two are forgiven, the third is the end of what is read from there; others are not concerned. */
RAW_TEST (gives_up_on_who_sends_rubbish)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, NULL);
    raw_peer_t peer;
    raw_server_greet (&self, &peer);
    raw_send (&peer, "rubbish that is no frame of ours", 32);
    raw_send (&peer, "short", 5);
    const godwit__header_t header = raw_header_of (&self, 1);
    raw_request (&peer, &header, "echo", 5);
    cr_assert (raw_expect_reply_int (&peer, 1, 5));

    godwit_value_t *body = NULL;
    cr_assert_eq (godwit_value_new (&body, GODWIT_INT (NULL, 7), NULL), GODWIT_OK);
    const godwit__header_t second = raw_header_of (&self, 2);
    raw_request_value (&peer, &second, body);
    cr_assert (raw_expect_nack (&peer, 2, GODWIT__NACK_MALFORMED));
    godwit_value_unref (&body);
    /* Nothing comes back any more: what is behind it on another link does. */
    const godwit__header_t third = raw_header_of (&self, 3);
    raw_request (&peer, &third, "echo", 5);
    raw_hello (&peer, NULL, self.transport->virtual_host);
    raw_server_ask (&self, 1, "echo", 6);
    cr_assert (raw_expect_reply_int (&self.peer, 1, 6));
    cr_assert_not (raw_receive (&peer, 50 * GODWIT__NS_PER_MS).came);
    cr_assert_eq (raw_server_stats (&self).frames_malformed, 3);
    raw_close (&peer);
    raw_server_end (&self);
}

/* ---- requests ---- */

RAW_TEST (replies)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, NULL);
    for (uint64_t id = 1; id <= 2000; id++) {
        raw_server_ask (&self, id, id % 2 ? "echo" : "small", (int64_t) id * 3);
        cr_assert (raw_expect_reply_int (&self.peer, id, (int64_t) id * 3));
    }
    /* No more than the queue takes, should the port be faster than the handlers. */
    for (uint64_t id = 2001; id <= 3000; id++)
        raw_server_ask (&self, id, "big", (int64_t) id);
    bool came[1000] = {false};
    for (int i = 0; i < 1000; i++) {
        raw_answer_t answer = raw_receive (&self.peer, RAW_WAIT_LIMIT_NS);
        cr_assert_eq (answer.header.type, GODWIT__REPLY, "type %u aux %u", answer.header.type,
                      answer.header.aux);
        cr_assert_eq (godwit_value_as_int (answer.body, 0), (int64_t) answer.header.id);
        cr_assert_not (came[answer.header.id - 2001]);
        came[answer.header.id - 2001] = true;
        raw_answer_release (&answer);
    }
    cr_assert_eq (raw_server_stats (&self).requests_received, 3000);
    cr_assert_eq (raw_server_stats (&self).requests_refused, 0);
    raw_server_end (&self);
}

RAW_TEST (fails_with_what_went_wrong)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, NULL);
    raw_server_ask (&self, 1, "fail", 0);
    cr_assert (raw_expect_failure (&self.peer, 1, "NotFound"));
    raw_server_ask (&self, 2, "typed", 0);
    cr_assert (raw_expect_failure (&self.peer, 2, "OutOfStock"));
    raw_server_ask (&self, 3, "nope", 0);
    cr_assert (raw_expect_failure (&self.peer, 3, "NoSuchMethod"));
    raw_server_ask (&self, 4, "_denied", 0);
    cr_assert (raw_expect_failure (&self.peer, 4, "NoSuchMethod"));
    raw_server_ask (&self, 5, "twice", 0);
    cr_assert (raw_expect_reply_int (&self.peer, 5, 1));

    const godwit__header_t header = raw_header_of (&self, 6);
    godwit_value_t *body = NULL;
    cr_assert_eq (godwit_value_new (
                      &body, GODWIT_LIST (NULL, godwit_field_from (NULL), GODWIT_STR (NULL, "small")), NULL),
                  GODWIT_OK);
    raw_request_value (&self.peer, &header, body);
    cr_assert (raw_expect_nack (&self.peer, 6, GODWIT__NACK_MALFORMED));
    godwit_value_unref (&body);
    raw_server_end (&self);
}

/* The slots are checked before the handler runs. */
RAW_TEST (checks_arguments)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, NULL);
    const godwit__header_t header = raw_header_of (&self, 1);
    godwit_value_t *no_args = NULL;
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_list (builder, NULL);
    godwit_builder_open_map (builder, NULL);
    godwit_builder_close (builder);
    godwit_builder_str (builder, NULL, "small");
    godwit_builder_open_map (builder, NULL);
    godwit_builder_str (builder, "x", "text");
    godwit_builder_close (builder);
    godwit_builder_nil (builder, NULL);
    godwit_builder_str (builder, NULL, "1.0");
    godwit_builder_close (builder);
    cr_assert_eq (godwit_builder_finish (&builder, &no_args, NULL), GODWIT_OK);
    raw_request_value (&self.peer, &header, no_args);
    raw_answer_t answer = raw_receive (&self.peer, RAW_WAIT_LIMIT_NS);
    cr_assert_eq (answer.header.type, GODWIT__FAILURE);
    cr_assert_str_eq (godwit_value_as_str (godwit_value_at (answer.body, 2), ""),
                      "args.x: expected int, got str");
    raw_answer_release (&answer);
    godwit_value_unref (&no_args);
    cr_assert_eq (raw_server_count (&self, &self.ran), 0);
    raw_server_end (&self);
}

RAW_TEST (limits_the_size_of_replies)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, GODWIT_TRANSPORT_OPTIONS (.max_message_size = 10000));
    raw_server_ask (&self, 1, "large", 900);
    cr_assert (raw_expect (&self.peer, GODWIT__REPLY, 1));
    raw_server_ask (&self, 2, "large", 9900);
    cr_assert (raw_expect (&self.peer, GODWIT__REPLY, 2));
    raw_server_ask (&self, 3, "large", 10000);
    cr_assert (raw_expect_failure (&self.peer, 3, "LimitExceeded"));
    raw_server_end (&self);
}

RAW_TEST (never_runs_an_id_twice)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, NULL);
    raw_server_ask (&self, 5, "echo", 1);
    cr_assert (raw_expect_reply_int (&self.peer, 5, 1));
    raw_server_ask (&self, 5, "echo", 1);
    cr_assert (raw_expect_nack (&self.peer, 5, GODWIT__NACK_DUPLICATE));
    raw_server_ask (&self, 3, "echo", 2);
    cr_assert (raw_expect_reply_int (&self.peer, 3, 2));
    raw_server_ask (&self, 3, "echo", 2);
    cr_assert (raw_expect_nack (&self.peer, 3, GODWIT__NACK_DUPLICATE));
    cr_assert_eq (raw_server_count (&self, &self.ran), 2);
    cr_assert_eq (raw_server_stats (&self).requests_duplicate, 2);
    raw_server_end (&self);
}

RAW_TEST (casts_have_no_reply)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, NULL);
    const char *const methods[] = {"echo", "fail", "nope", "typed"};
    for (uint64_t id = 1; id <= 4; id++) {
        godwit__header_t header = raw_header_of (&self, id);
        header.flags = GODWIT__FLAG_CAST;
        raw_request (&self.peer, &header, methods[id - 1], 0);
    }
    raw_server_ask (&self, 5, "echo", 9);
    cr_assert (raw_expect_reply_int (&self.peer, 5, 9));
    cr_assert_eq (godwit_server_stop (self.server, NULL, NULL), GODWIT_OK);
    cr_assert_eq (godwit_server_wait (self.server, NULL, NULL), GODWIT_OK);
    cr_assert_eq (raw_server_count (&self, &self.ran), 4);
    cr_assert (raw_expect (&self.peer, GODWIT__GOODBYE, 0));
    raw_server_end (&self);
}

RAW_TEST (knows_only_its_servers)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, NULL);
    const uint32_t strangers[] = {0, self.server->id + 1, UINT32_MAX};
    for (uint64_t i = 0; i < 3; i++) {
        const godwit__header_t header = {.target = strangers[i], .id = i + 1};
        raw_request (&self.peer, &header, "echo", 0);
        cr_assert (raw_expect_nack (&self.peer, i + 1, GODWIT__NACK_NOT_HERE));
    }
    raw_server_end (&self);
}

/* ---- concurrency ---- */

RAW_TEST (keeps_its_concurrency)
{
    raw_server_t self;
    raw_server_start (&self, driver, GODWIT_SERVER_OPTIONS (.concurrency = 3, .queue_limit = 5), NULL);
    for (uint64_t id = 1; id <= 8; id++)
        raw_server_ask (&self, id, "block", 0);
    for (uint64_t id = 9; id <= 12; id++)
        raw_server_ask (&self, id, "block", 0);
    for (uint64_t id = 9; id <= 12; id++)
        cr_assert (raw_expect_nack (&self.peer, id, GODWIT__NACK_OVERLOADED));
    raw_server_await_entered (&self, 3);
    raw_server_let_go (&self);
    for (int i = 0; i < 8; i++) {
        raw_answer_t answer = raw_receive (&self.peer, RAW_WAIT_LIMIT_NS);
        cr_assert_eq (answer.header.type, GODWIT__REPLY, "type %u aux %u", answer.header.type,
                      answer.header.aux);
        raw_answer_release (&answer);
    }
    cr_assert_eq (raw_server_count (&self, &self.most_inside), 3);
    cr_assert_eq (raw_server_count (&self, &self.entered), 8);
    cr_assert_eq (raw_server_stats (&self).requests_refused, 4);
    raw_server_end (&self);
}

RAW_TEST (of_one_at_a_time_keeps_the_order)
{
    raw_server_t self;
    raw_server_start (&self, driver, GODWIT_SERVER_OPTIONS (.concurrency = 1), NULL);
    raw_server_ask (&self, 1, "block", 0);
    for (uint64_t id = 2; id <= 200; id++)
        raw_server_ask (&self, id, "echo", 0);
    raw_server_await_entered (&self, 1);
    raw_server_let_go (&self);
    for (uint64_t id = 1; id <= 200; id++)
        cr_assert (raw_expect (&self.peer, GODWIT__REPLY, id));
    raw_server_end (&self);
}

RAW_TEST (never_runs_what_has_expired)
{
    raw_server_t self;
    raw_server_start (&self, driver, GODWIT_SERVER_OPTIONS (.concurrency = 1), NULL);
    raw_server_ask (&self, 1, "block", 0);
    godwit__header_t header = raw_header_of (&self, 2);
    header.budget_ms = 1;
    raw_request (&self.peer, &header, "echo", 0);
    raw_server_await_entered (&self, 1);
    pass_through (&self.peer);
    const int64_t start_ns = godwit__clock_now (&godwit__clock_system);
    while (godwit__clock_now (&godwit__clock_system) - start_ns < 2 * GODWIT__NS_PER_MS) {
        /* until the second one's time has passed, by the clock that decides it */
    }
    raw_server_let_go (&self);
    cr_assert (raw_expect (&self.peer, GODWIT__REPLY, 1));
    cr_assert (raw_expect_nack (&self.peer, 2, GODWIT__NACK_EXPIRED));
    cr_assert_eq (raw_server_count (&self, &self.ran), 1);
    raw_server_end (&self);
}

RAW_TEST (forgets_what_was_cancelled)
{
    raw_server_t self;
    raw_server_start (&self, driver, GODWIT_SERVER_OPTIONS (.concurrency = 1), NULL);
    raw_server_ask (&self, 1, "block", 0);
    raw_server_ask (&self, 2, "echo", 0);
    raw_server_ask (&self, 3, "echo", 0);
    const godwit__header_t header = {.type = GODWIT__CANCEL, .target = self.server->id, .id = 2};
    raw_header (&self.peer, &header);
    pass_through (&self.peer);
    raw_server_let_go (&self);
    cr_assert (raw_expect (&self.peer, GODWIT__REPLY, 1));
    cr_assert (raw_expect (&self.peer, GODWIT__REPLY, 3));
    cr_assert_eq (raw_server_count (&self, &self.ran), 2);
    raw_server_end (&self);
}

/* Handlers that do not return, known to be slow or not, leave the port to others. */
static void
run_slow_ones (const godwit__driver_ops_t *driver, bool spins, unsigned rounds)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, NULL);
    self.spins = spins;
    uint64_t id = 1;
    /* It looks fast by its average: only the watchdog can find out. */
    raw_server_let_go (&self);
    for (; id <= 50; id++) {
        raw_server_ask (&self, id, "block", 0);
        cr_assert (raw_expect (&self.peer, GODWIT__REPLY, id));
    }
    raw_server_hold (&self);
    for (unsigned round = 1; round <= rounds; round++) {
        raw_server_ask (&self, id++, "block", 0);
        raw_server_await_entered (&self, 50 + round);
        for (int i = 0; i < 20; i++, id++) {
            raw_server_ask (&self, id, "echo", 3);
            cr_assert (raw_expect_reply_int (&self.peer, id, 3));
        }
    }
    raw_server_let_go (&self);
    for (unsigned i = 0; i < rounds; i++) {
        raw_answer_t answer = raw_receive (&self.peer, RAW_WAIT_LIMIT_NS);
        cr_assert_eq (answer.header.type, GODWIT__REPLY, "type %u aux %u", answer.header.type,
                      answer.header.aux);
        raw_answer_release (&answer);
    }
    raw_server_end (&self);
}

RAW_TEST (slow_ones_do_not_block_fast_ones)
{
    run_slow_ones (driver, false, 10);
}

/* Threads that compute are runnable, as those are that wait for a processor. */
RAW_TEST (computing_ones_do_not_block_fast_ones)
{
    run_slow_ones (driver, true, 2);
}

/* The watchdog was asleep when the handler began. */
RAW_TEST (wakes_the_watch)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, NULL);
    raw_server_let_go (&self);
    for (uint64_t id = 1; id <= 20; id++) {
        raw_server_ask (&self, id, "block", 0);
        cr_assert (raw_expect (&self.peer, GODWIT__REPLY, id));
    }
    godwit__pool_t *const pool = self.transport->pool;
    cr_assert_not (raw_receive (&self.peer, 250 * GODWIT__NS_PER_MS).came);
    cr_assert (atomic_load (&pool->watchdog.sleeps));
    raw_server_hold (&self);
    raw_server_ask (&self, 21, "block", 0);
    raw_server_await_entered (&self, 21);
    raw_server_ask (&self, 22, "echo", 3);
    cr_assert (raw_expect_reply_int (&self.peer, 22, 3));
    raw_server_end (&self);
}

static void
send_batch (raw_server_t *self, uint64_t first_id, uint64_t count)
{
    godwit__batch_writer_t writer = {.data = NULL};
    uint8_t data[256];
    for (uint64_t i = 0; i < count; i++) {
        const godwit__header_t header = raw_header_of (self, first_id + i);
        const size_t size = raw_write_request (data, sizeof data, &header, "echo", (int64_t) i);
        cr_assert (godwit__batch_add (&writer, data, size));
    }
    const godwit__message_t message = godwit__batch_take (&writer);
    raw_send (&self->peer, message.data, message.size);
    godwit__batch_writer_release (&writer);
}

static unsigned
occupied (raw_server_t *self)
{
    godwit__pool_lock (self->transport->pool);
    const unsigned count = self->server->occupied;
    godwit__pool_unlock (self->transport->pool);
    return count;
}

/* The requests of a batch leave their server with the next one, at the latest: also where only one may run at
 * a time, and the last without another frame. */
RAW_TEST (batches_leave_no_request_behind)
{
    raw_server_t self;
    raw_server_start (&self, driver, GODWIT_SERVER_OPTIONS (.concurrency = 1), NULL);
    raw_server_ask (&self, 1, "echo", 0); /* from now on it is known to be short */
    cr_assert (raw_expect_reply_int (&self.peer, 1, 0));
    for (uint64_t first = 2; first < 200; first += 20) {
        send_batch (&self, first, 20);
        for (uint64_t i = 0; i < 20; i++)
            cr_assert (raw_expect_reply_int (&self.peer, first + i, (int64_t) i));
    }
    const int64_t end_ns = godwit__clock_now (&godwit__clock_system) + RAW_WAIT_LIMIT_NS;
    while (occupied (&self) > 0)
        cr_assert_lt (godwit__clock_now (&godwit__clock_system), end_ns, "the last one has left");
    raw_server_end (&self);
}

/* As few threads as there can be: everything still gets its turn. */
RAW_TEST (progresses_with_few_workers)
{
    raw_server_t self;
    raw_server_start (&self, driver, GODWIT_SERVER_OPTIONS (.concurrency = 1),
                      GODWIT_TRANSPORT_OPTIONS (.worker_limit = 2));
    raw_server_ask (&self, 1, "keep", 0);
    raw_server_await_kept (&self, 1);
    for (uint64_t id = 2; id <= 100; id++)
        raw_server_ask (&self, id, "echo", 1);
    pass_through (&self.peer);
    /* All workers wait at their ports now; one has to be told that there is room again. */
    cr_assert_eq (godwit_request_reply (self.kept[0], GODWIT_INT (NULL, 8)), GODWIT_OK);
    godwit_request_destroy (&self.kept[0]);
    cr_assert (raw_expect_reply_int (&self.peer, 1, 8));
    for (uint64_t id = 2; id <= 100; id++)
        cr_assert (raw_expect_reply_int (&self.peer, id, 1));
    raw_server_end (&self);
}

/* ---- kept requests ---- */

static void *
reply_to_kept (void *argument)
{
    raw_server_t *const self = argument;
    for (size_t i = 0; i < self->kept_count; i++) {
        if (i % 3)
            godwit_request_reply (self->kept[i], GODWIT_INT (NULL, (int64_t) i));
        godwit_request_destroy (&self->kept[i]);
    }
    return NULL;
}

RAW_TEST (replies_to_kept_ones_from_another_thread)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, NULL);
    for (uint64_t id = 1; id <= 60; id++)
        raw_server_ask (&self, id, "keep", 0);
    raw_server_await_kept (&self, 60);
    pthread_t thread;
    cr_assert_eq (pthread_create (&thread, NULL, reply_to_kept, &self), 0);
    unsigned replies = 0, failures = 0;
    for (int i = 0; i < 60; i++) {
        raw_answer_t answer = raw_receive (&self.peer, RAW_WAIT_LIMIT_NS);
        if (answer.header.type == GODWIT__REPLY)
            replies++;
        if (answer.header.type == GODWIT__FAILURE) {
            failures++;
            cr_assert_str_eq (godwit_value_as_str (godwit_value_at (answer.body, 2), ""),
                              "the handler gave the request up without a reply");
        }
        raw_answer_release (&answer);
    }
    pthread_join (thread, NULL);
    cr_assert_eq (replies, 40);
    cr_assert_eq (failures, 20);
    cr_assert_eq (godwit_server_stop (self.server, NULL, NULL), GODWIT_OK);
    cr_assert_eq (godwit_server_wait (self.server, NULL, NULL), GODWIT_OK);
    raw_server_end (&self);
}

RAW_TEST (kept_ones_count)
{
    raw_server_t self;
    raw_server_start (&self, driver, GODWIT_SERVER_OPTIONS (.concurrency = 2, .queue_limit = 1), NULL);
    raw_server_ask (&self, 1, "keep", 0);
    raw_server_ask (&self, 2, "keep", 0);
    raw_server_await_kept (&self, 2);
    raw_server_ask (&self, 3, "echo", 4);
    raw_server_ask (&self, 4, "echo", 4);
    cr_assert (raw_expect_nack (&self.peer, 4, GODWIT__NACK_OVERLOADED));
    cr_assert_eq (godwit_server_stop (self.server, NULL, NULL), GODWIT_OK);
    cr_assert_eq (godwit_server_wait (self.server, GODWIT_STEP_OPTIONS (.timeout_ms = 1), NULL),
                  GODWIT_ERR_TASK_TIMEOUT);
    godwit_request_destroy (&self.kept[0]);
    godwit_request_destroy (&self.kept[1]);
    cr_assert_eq (godwit_server_wait (self.server, NULL, NULL), GODWIT_OK);
    cr_assert_eq (raw_server_count (&self, &self.ran), 3);
    raw_server_end (&self);
}

/* Their servers and their transport are gone, their values are not. */
RAW_TEST (kept_ones_outlive_everything)
{
    raw_server_t self;
    raw_server_start (&self, driver, GODWIT_SERVER_OPTIONS (.concurrency = 2000), NULL);
    for (uint64_t id = 1; id <= 1000; id++)
        raw_server_ask (&self, id, "keep", (int64_t) id);
    raw_server_await_kept (&self, 1000);
    godwit_value_t *values[100];
    for (size_t i = 0; i < 100; i++)
        values[i] = godwit_value_ref (godwit_request_args (self.kept[i]));
    raw_close (&self.peer);
    godwit_server_destroy (&self.server);
    cr_assert (self.destroyed);
    for (size_t i = 0; i < 500; i++) {
        cr_assert_eq (godwit_request_reply (self.kept[i], GODWIT_INT (NULL, 1)), GODWIT_OK);
        godwit_request_destroy (&self.kept[i]);
    }
    godwit_transport_destroy (&self.transport);
    for (size_t i = 500; i < 1000; i++) {
        if (i % 2)
            cr_assert_eq (godwit_request_reply (self.kept[i], GODWIT_INT (NULL, 1)), GODWIT_OK);
        godwit_request_destroy (&self.kept[i]);
    }
    for (size_t i = 0; i < 100; i++) {
        const int64_t x = godwit_value_as_int (godwit_value_get (values[i], "x"), 0);
        cr_assert (x >= 1 && x <= 1000);
        godwit_value_unref (&values[i]);
    }
    pthread_cond_destroy (&self.changed);
    pthread_mutex_destroy (&self.lock);
}

/* ---- life ---- */

RAW_TEST (stop_drains)
{
    raw_server_t self;
    raw_server_start (&self, driver, GODWIT_SERVER_OPTIONS (.concurrency = 1), NULL);
    raw_server_ask (&self, 1, "block", 0);
    raw_server_ask (&self, 2, "echo", 2);
    raw_server_await_entered (&self, 1);
    pass_through (&self.peer);
    cr_assert_eq (godwit_server_stop (self.server, NULL, NULL), GODWIT_OK);
    raw_answer_t answer = raw_receive (&self.peer, RAW_WAIT_LIMIT_NS);
    cr_assert_eq (answer.header.type, GODWIT__GOODBYE);
    cr_assert_eq (answer.header.target, self.server->id);
    cr_assert_eq (answer.header.aux, 2, "the revision of the record that says DRAINING");
    raw_answer_release (&answer);
    raw_server_ask (&self, 3, "echo", 3);
    answer = raw_receive (&self.peer, RAW_WAIT_LIMIT_NS);
    cr_assert_eq (answer.header.type, GODWIT__NACK);
    cr_assert_eq (answer.header.aux, GODWIT__NACK_DRAINING);
    cr_assert_eq (answer.header.target, 2);
    raw_answer_release (&answer);
    cr_assert_eq (godwit_server_wait (self.server, GODWIT_STEP_OPTIONS (.timeout_ms = 1), NULL),
                  GODWIT_ERR_TASK_TIMEOUT);
    raw_server_let_go (&self);
    cr_assert (raw_expect (&self.peer, GODWIT__REPLY, 1));
    cr_assert (raw_expect_reply_int (&self.peer, 2, 2));
    cr_assert_eq (godwit_server_wait (self.server, NULL, NULL), GODWIT_OK);
    cr_assert_eq (godwit_server_start (self.server, NULL, NULL), GODWIT_OK);
    raw_server_ask (&self, 4, "echo", 4);
    cr_assert (raw_expect_reply_int (&self.peer, 4, 4));
    raw_server_end (&self);
}

RAW_TEST (destroy_refuses_what_is_queued)
{
    raw_server_t self;
    raw_server_start (&self, driver, GODWIT_SERVER_OPTIONS (.concurrency = 1), NULL);
    raw_server_ask (&self, 1, "keep", 0);
    raw_server_await_kept (&self, 1);
    raw_server_ask (&self, 2, "echo", 0);
    raw_server_ask (&self, 3, "echo", 0);
    pass_through (&self.peer);
    godwit_server_destroy (&self.server);
    cr_assert (self.destroyed);
    unsigned refused = 0, goodbyes = 0;
    while (refused < 2 || goodbyes < 1) {
        raw_answer_t answer = raw_receive (&self.peer, RAW_WAIT_LIMIT_NS);
        cr_assert (answer.came);
        refused += answer.header.type == GODWIT__NACK && answer.header.aux == GODWIT__NACK_DRAINING;
        goodbyes += answer.header.type == GODWIT__GOODBYE;
        raw_answer_release (&answer);
    }
    godwit_request_destroy (&self.kept[0]);
    raw_server_end (&self);
}

/* The transport goes first, with a handler that still runs: it is let go when what is queued behind it was
 * refused, for until then it could still be its turn. The peer is this thread's meanwhile. */
static void *
let_go_later (void *argument)
{
    raw_server_t *const self = argument;
    for (bool refused = false; !refused;) {
        raw_answer_t answer = raw_receive (&self->peer, RAW_WAIT_LIMIT_NS);
        cr_assert (answer.came);
        refused = answer.header.type == GODWIT__NACK;
        cr_assert (!refused || (answer.header.aux == GODWIT__NACK_DRAINING && answer.header.id == 2));
        raw_answer_release (&answer);
    }
    raw_server_let_go (self);
    return NULL;
}

RAW_TEST (transport_waits_for_handlers)
{
    raw_server_t self;
    raw_server_start (&self, driver, GODWIT_SERVER_OPTIONS (.concurrency = 1), NULL);
    raw_server_ask (&self, 1, "block", 0);
    raw_server_ask (&self, 2, "echo", 0);
    raw_server_await_entered (&self, 1);
    pass_through (&self.peer);
    pthread_t thread;
    cr_assert_eq (pthread_create (&thread, NULL, let_go_later, &self), 0);
    godwit_transport_t *transport = self.transport;
    godwit_transport_destroy (&transport);
    pthread_join (thread, NULL);
    cr_assert_eq (raw_server_count (&self, &self.inside), 0);
    cr_assert_eq (raw_server_count (&self, &self.ran), 1);
    cr_assert_eq (godwit_server_stop (self.server, NULL, NULL), GODWIT_ERR_CLOSED);
    godwit_server_destroy (&self.server);
    raw_close (&self.peer);
    pthread_cond_destroy (&self.changed);
    pthread_mutex_destroy (&self.lock);
}

typedef struct changer {
    raw_server_t *self;
    unsigned seed;
} changer_t;

static void *
start_and_stop (void *argument)
{
    changer_t *const changer = argument;
    for (int i = 0; i < 100; i++) {
        changer->seed = changer->seed * 1103515245 + 12345;
        const godwit_status_t status = changer->seed >> 16 & 1
                                           ? godwit_server_start (changer->self->server, NULL, NULL)
                                           : godwit_server_stop (changer->self->server, NULL, NULL);
        cr_assert_eq (status, GODWIT_OK);
    }
    return NULL;
}

RAW_TEST (starts_and_stops_in_any_order)
{
    raw_server_t self;
    raw_server_start (&self, driver, NULL, NULL);
    changer_t changers[2] = {{&self, 1}, {&self, 77}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        cr_assert_eq (pthread_create (&threads[i], NULL, start_and_stop, &changers[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join (threads[i], NULL);
    cr_assert_eq (godwit_server_start (self.server, NULL, NULL), GODWIT_OK);
    const godwit__header_t header = raw_header_of (&self, 1);
    raw_request (&self.peer, &header, "echo", 5);
    for (;;) {
        raw_answer_t answer = raw_receive (&self.peer, RAW_WAIT_LIMIT_NS);
        cr_assert (answer.came);
        cr_assert (answer.header.type == GODWIT__GOODBYE || answer.header.type == GODWIT__REPLY);
        raw_answer_release (&answer);
        if (answer.header.type == GODWIT__REPLY)
            break;
    }
    raw_server_end (&self);
}

Test (server, needs_names)
{
    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_transport_new (&transport, "inproc://names/", NULL, NULL), GODWIT_OK);
    cr_assert_eq (godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "t"), NULL, 0, NULL, NULL),
                  GODWIT_OK);
    cr_assert_eq (godwit_server_start (server, NULL, &error), GODWIT_ERR_INVALID_TARGET);
    cr_assert_str_eq (godwit_error_message (error),
                      "A server's target must have topic and server names specified: <Target topic=t>");
    godwit_error_destroy (&error);
    /* It was not started: stop and wait would wait for that. */
    cr_assert_eq (godwit_server_stop (server, GODWIT_STEP_OPTIONS (.timeout_ms = 1), NULL),
                  GODWIT_ERR_TASK_TIMEOUT);
    cr_assert_eq (godwit_server_wait (server, GODWIT_STEP_OPTIONS (.timeout_ms = 1), NULL),
                  GODWIT_ERR_TASK_TIMEOUT);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
}
