/* SPDX-License-Identifier: Apache-2.0 */
/* What an outbox does when it is full, when nobody listens, and with options that are wrong. */
#include "tests/support/await.h"
#include "tests/support/must.h"
#include "tests/support/notifying.h"

#include <godwit/godwit.h>

#include <criterion/criterion.h>
#include <string.h>

static got_t got;
static notifying_t notifying;
static bool dropped;

static void
set_up (void)
{
    got_init (&got);
}

TestSuite (delivery_limits, .init = set_up, .timeout = 60);

/* Nobody listens yet: five of seven fit. Then a listener gets what was kept: expected, up to -1. */
static void
overfill (godwit_when_full_t when_full, godwit_status_t sixth, bool is_dropped, const int64_t *expected)
{
    notifying_begin (&notifying,
                     GODWIT_DELIVERY_OPTIONS (.queue_limit = 5, .when_full = when_full, .block_ms = 20));
    notifying_send_many (&notifying, 0, 5);
    for (int64_t i = 5; i < 7; i++) {
        cr_assert_eq (notifying_try (&notifying, i, -1, &dropped), sixth);
        cr_assert_eq (dropped, is_dropped);
    }
    godwit_transport_t *receiver = notifying_transport ();
    godwit_listener_t *listener = notifying_listen (receiver, &got, NULL);
    notifying_flush (&notifying);
    for (size_t i = 0; i < 5; i++)
        cr_assert_eq (got.numbers[i], expected[i]);
    cr_assert_eq (got.count, 5);
    notifying_end (&notifying);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&receiver);
}

Test (delivery_limits, fail)
{
    overfill (GODWIT_WHEN_FULL_FAIL, GODWIT_ERR_OVERLOADED, false, (int64_t[]){0, 1, 2, 3, 4});
}

Test (delivery_limits, drop_newest)
{
    overfill (GODWIT_WHEN_FULL_DROP_NEWEST, GODWIT_OK, true, (int64_t[]){0, 1, 2, 3, 4});
}

Test (delivery_limits, drop_oldest)
{
    overfill (GODWIT_WHEN_FULL_DROP_OLDEST, GODWIT_OK, false, (int64_t[]){2, 3, 4, 5, 6});
}

/* The first that finds no room waits for its time, those after it do not. */
Test (delivery_limits, block_in_vain_only_once)
{
    overfill (GODWIT_WHEN_FULL_BLOCK, GODWIT_ERR_OVERLOADED, false, (int64_t[]){0, 1, 2, 3, 4});
}

/* Notifications that are counted as dropped and failed. */
Test (delivery_limits, counts)
{
    notifying_begin (&notifying,
                     GODWIT_DELIVERY_OPTIONS (.queue_limit = 5, .when_full = GODWIT_WHEN_FULL_DROP_OLDEST));
    notifying_send_many (&notifying, 0, 12);
    cr_assert_eq (notifying_stats (&notifying).dropped, 7);
    cr_assert_eq (notifying_stats (&notifying).kept, 5);
    cr_assert_eq (notifying_stats (&notifying).accepted, 12);
    notifying_end (&notifying);
    notifying_begin (&notifying,
                     GODWIT_DELIVERY_OPTIONS (.queue_limit = 5, .when_full = GODWIT_WHEN_FULL_FAIL));
    for (int64_t i = 0; i < 12; i++)
        notifying_try (&notifying, i, -1, &dropped);
    cr_assert_eq (notifying_stats (&notifying).failed, 7);
    notifying_end (&notifying);
}

Test (delivery_limits, bytes_count_too)
{
    notifying_begin (&notifying,
                     GODWIT_DELIVERY_OPTIONS (.max_queue_size = 250, .when_full = GODWIT_WHEN_FULL_FAIL));
    notifying_send_many (&notifying, 0, 2);
    cr_assert_eq (notifying_try (&notifying, 2, -1, &dropped), GODWIT_ERR_OVERLOADED);
    cr_assert_leq (notifying_stats (&notifying).kept_size, 250);
    notifying_end (&notifying);
}

/* A blocked notifier goes on as soon as a listener has taken something. */
Test (delivery_limits, block_until_there_is_room)
{
    godwit_transport_t *receiver = notifying_transport ();
    godwit_listener_t *listener = notifying_listen (receiver, &got, NULL);
    notifying_begin (&notifying, GODWIT_DELIVERY_OPTIONS (.queue_limit = 3, .block_ms = 60000));
    notifying_send_many (&notifying, 0, 1000);
    notifying_flush (&notifying);
    got_check_order (&got, 1000);
    notifying_end (&notifying);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&receiver);
}

/* One pool is slow: only for that one the oldest go. */
Test (delivery_limits, drop_oldest_concerns_the_slow_pool_only)
{
    static got_t slow_got;
    got_init (&slow_got);
    atomic_store (&slow_got.holds, true);
    godwit_transport_t *receiver = notifying_transport ();
    godwit_listener_t *slow =
        notifying_listen (receiver, &slow_got, GODWIT_LISTENER_OPTIONS (.pool = "slow", .credit = 1));
    godwit_listener_t *fast = notifying_listen (receiver, &got, GODWIT_LISTENER_OPTIONS (.pool = "fast"));
    notifying_begin (&notifying,
                     GODWIT_DELIVERY_OPTIONS (.queue_limit = 10, .when_full = GODWIT_WHEN_FULL_DROP_OLDEST));
    for (int64_t i = 0; i < 100; i++) {
        notifying_send (&notifying, i);
        got_await (&got, (size_t) i + 1);
    }
    got_check_order (&got, 100);
    got_release (&slow_got);
    notifying_flush (&notifying);
    cr_assert_eq (slow_got.numbers[0], 0);
    cr_assert_leq (slow_got.count, 12);
    cr_assert_eq (slow_got.numbers[slow_got.count - 1], 99);
    cr_assert_eq (notifying_stats (&notifying).dropped, 100 - slow_got.count);
    notifying_end (&notifying);
    godwit_listener_destroy (&slow);
    godwit_listener_destroy (&fast);
    godwit_transport_destroy (&receiver);
}

/* retry 0: not kept. The names are told at once, since nobody else is there. */
Test (delivery_limits, retry_zero_fails_without_a_listener)
{
    notifying_begin (&notifying, NULL);
    MUST (godwit_transport_wait_ready (notifying.transport, 5000, &error));
    cr_assert_eq (notifying_try (&notifying, 0, 0, &dropped), GODWIT_ERR_DELIVERY_FAILURE);
    cr_assert_eq (notifying_stats (&notifying).failed, 1);
    cr_assert_eq (notifying_stats (&notifying).kept, 0);
    godwit_transport_t *receiver = notifying_transport ();
    godwit_listener_t *listener = notifying_listen (receiver, &got, NULL);
    notifying_send (&notifying, 1); /* waits for the listener */
    got_await (&got, 1);
    cr_assert_eq (notifying_try (&notifying, 2, 0, &dropped), GODWIT_OK);
    got_await (&got, 2);
    cr_assert_eq (got.numbers[1], 2);
    notifying_end (&notifying);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&receiver);
}

/* A few retries take a few milliseconds; then it is given up. */
Test (delivery_limits, retries_are_spent)
{
    notifying_begin (&notifying, NULL);
    MUST (godwit_transport_wait_ready (notifying.transport, 5000, &error));
    cr_assert_eq (notifying_try (&notifying, 0, 3, &dropped), GODWIT_OK);
    MUST (godwit__outbox_flush (notifying.outbox, 30000, &error));
    cr_assert_eq (notifying_stats (&notifying).failed, 1);
    cr_assert_eq (notifying_stats (&notifying).acknowledged, 0);
    notifying_end (&notifying);
}

/* Some are kept for ever, others are not: each is given up at its own time, wherever it stands. */
static void
send_mixed (void)
{
    for (int64_t i = 0; i < 10; i++)
        cr_assert_eq (notifying_try (&notifying, i, i % 2 ? 2 + i % 3 : -1, &dropped), GODWIT_OK);
}

static void
await_failed (uint64_t count)
{
    AWAIT (notifying_stats (&notifying).failed >= count);
}

static void
check_mixed (void)
{
    godwit_transport_t *other = notifying_transport ();
    godwit_listener_t *listener = notifying_listen (other, &got, NULL);
    notifying_flush (&notifying);
    cr_assert_eq (got.count, 5);
    for (size_t i = 0; i < 5; i++)
        cr_assert_eq (got.numbers[i], 2 * (int64_t) i);
    cr_assert_eq (notifying_stats (&notifying).failed, 5);
    cr_assert_eq (notifying_stats (&notifying).acknowledged, 5);
    notifying_end (&notifying);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&other);
}

Test (delivery_limits, each_has_its_own_retries)
{
    notifying_begin (&notifying, NULL);
    MUST (godwit_transport_wait_ready (notifying.transport, 5000, &error));
    send_mixed ();
    await_failed (5);
    cr_assert_eq (notifying_stats (&notifying).kept, 5);
    check_mixed ();
}

/* The same with a pool that has no listener, beside one that has: that one has got them all. */
Test (delivery_limits, each_has_its_own_retries_for_each_pool)
{
    static got_t other_got;
    const char *const pools[] = {""};
    got_init (&other_got);
    godwit_transport_t *receiver = notifying_transport ();
    godwit_listener_t *listener =
        notifying_listen (receiver, &other_got, GODWIT_LISTENER_OPTIONS (.pool = "other"));
    notifying_begin (&notifying, GODWIT_DELIVERY_OPTIONS (.pools = pools, .pool_count = 1));
    MUST (godwit_transport_wait_ready (notifying.transport, 5000, &error));
    send_mixed ();
    got_await (&other_got, 10);
    got_check_order (&other_got, 10);
    await_failed (5);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&receiver);
    godwit_transport_t *third = notifying_transport ();
    listener = notifying_listen (third, &got, NULL);
    got_await (&got, 5);
    for (size_t i = 0; i < 5; i++)
        cr_assert_eq (got.numbers[i], 2 * (int64_t) i);
    notifying_end (&notifying);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&third);
    cr_assert_eq (got.count, 5);
}

Test (delivery_limits, flush_says_who_is_waited_for)
{
    godwit_error_t *error = NULL;
    notifying_begin (&notifying, NULL);
    notifying_send (&notifying, 0);
    cr_assert_eq (godwit__outbox_flush (notifying.outbox, 1, &error), GODWIT_ERR_TIMEOUT);
    cr_assert_str_eq (godwit_error_message (error),
                      "1 deliveries are not acknowledged; nobody listens to notifications.info");
    godwit_error_destroy (&error);
    godwit_transport_t *receiver = notifying_transport ();
    atomic_store (&got.holds, true);
    godwit_listener_t *listener = notifying_listen (receiver, &got, GODWIT_LISTENER_OPTIONS (.pool = "a"));
    got_await_running (&got, 1);
    cr_assert_eq (godwit__outbox_flush (notifying.outbox, 1, &error), GODWIT_ERR_TIMEOUT);
    cr_assert_str_eq (godwit_error_message (error),
                      "1 deliveries are not acknowledged; the pool \"a\" of notifications.info, which has 1 "
                      "listeners, waits for 1 of them");
    godwit_error_destroy (&error);
    got_release (&got);
    notifying_end (&notifying);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&receiver);
}

/* ---- GODWIT_CLEAR_INT: none, while 0 is the default ---- */

/* It is dropped when it is requeued for the first time. */
Test (delivery_limits, no_requeue)
{
    godwit_transport_t *receiver = notifying_transport ();
    atomic_store (&got.requeues, 1);
    godwit_listener_t *listener =
        notifying_listen (receiver, &got, GODWIT_LISTENER_OPTIONS (.allow_requeue = true));
    notifying_begin (&notifying,
                     GODWIT_DELIVERY_OPTIONS (.max_requeues = GODWIT_CLEAR_INT, .requeue_first_ms = 1));
    notifying_send (&notifying, 0);
    notifying_flush (&notifying);
    cr_assert_eq (got.count, 1);
    cr_assert_eq (notifying_stats (&notifying).exhausted, 1);
    notifying_end (&notifying);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&receiver);
}

/* The pool is forgotten as soon as its listener has left. */
Test (delivery_limits, no_memory_of_a_pool)
{
    godwit_transport_t *receiver = notifying_transport ();
    godwit_listener_t *listener = notifying_listen (receiver, &got, NULL);
    notifying_begin (&notifying, GODWIT_DELIVERY_OPTIONS (.pool_memory_ms = GODWIT_CLEAR_INT));
    notifying_send (&notifying, 0);
    notifying_flush (&notifying);
    cr_assert_eq (notifying_stats (&notifying).pools, 1);
    godwit_listener_destroy (&listener);
    AWAIT (notifying_stats (&notifying).pools == 0);
    notifying_end (&notifying);
    godwit_transport_destroy (&receiver);
}

/* BLOCK does not wait at all. The test's time would be over otherwise. */
Test (delivery_limits, no_wait_for_room, .timeout = 10)
{
    for (unsigned i = 0; i < 20; i++) {
        notifying_begin (&notifying,
                         GODWIT_DELIVERY_OPTIONS (.queue_limit = 1, .block_ms = GODWIT_CLEAR_INT));
        notifying_send (&notifying, 0);
        cr_assert_eq (notifying_try (&notifying, 1, -1, &dropped), GODWIT_ERR_OVERLOADED);
        notifying_end (&notifying);
    }
}

Test (delivery_limits, wrong_options)
{
    godwit_transport_t *transport = notifying_transport ();
    const struct {
        godwit_delivery_options_t options;
        const char *text;
    } rows[] = {
        {*GODWIT_DELIVERY_OPTIONS (.queue_limit = -1), "queue_limit"},
        {*GODWIT_DELIVERY_OPTIONS (.block_ms = -1), "block_ms"},
        {*GODWIT_DELIVERY_OPTIONS (.when_full = (godwit_when_full_t) 9), "when_full: 9"},
        {*GODWIT_DELIVERY_OPTIONS (.when_exhausted = (godwit_when_exhausted_t) 9), "when_exhausted: 9"},
        {{.struct_size = 3}, "godwit_delivery_options_t.struct_size is 3"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        godwit__outbox_t *outbox = NULL;
        godwit_error_t *error = NULL;
        cr_assert_eq (godwit__outbox_new (&outbox, transport, &rows[i].options, &error),
                      GODWIT_ERR_INVALID_ARGUMENT);
        cr_assert (strstr (godwit_error_message (error), rows[i].text), "%s", godwit_error_message (error));
        cr_assert_null (outbox);
        godwit_error_destroy (&error);
    }
    godwit_transport_destroy (&transport);
}

Test (delivery_limits, a_destroyed_transport_closes_it)
{
    notifying_begin (&notifying, NULL);
    notifying_send (&notifying, 0);
    godwit_transport_destroy (&notifying.transport);
    cr_assert_eq (notifying_try (&notifying, 1, -1, &dropped), GODWIT_ERR_CLOSED);
    notifying_end (&notifying);
}

/* Nothing is acknowledged any more: that is no matter of time. */
Test (delivery_limits, a_flush_ends_with_the_transport)
{
    godwit_error_t *error = NULL;
    notifying_begin (&notifying, NULL);
    notifying_send (&notifying, 0);
    godwit_transport_destroy (&notifying.transport);
    cr_assert_eq (godwit__outbox_flush (notifying.outbox, -1, &error), GODWIT_ERR_CLOSED);
    cr_assert_str_eq (godwit_error_message (error),
                      "The transport is being destroyed: 1 deliveries are not acknowledged");
    godwit_error_destroy (&error);
    notifying_end (&notifying);
}
