/* SPDX-License-Identifier: Apache-2.0 */
/* What an outbox keeps, and what listeners get of it: order, pools, redelivery, requeue. Both ends are in
 * this process, on transports of their own. */
#include "tests/support/await.h"
#include "tests/support/must.h"
#include "tests/support/notifying.h"

#include <godwit/godwit.h>

#include <criterion/criterion.h>
#include <string.h>

static got_t first, second;
static notifying_t notifying;

static void
set_up (void)
{
    got_init (&first);
    got_init (&second);
}

TestSuite (delivery, .init = set_up, .timeout = 60);

Test (delivery, in_order_and_acknowledged)
{
    godwit_transport_t *receiver = notifying_transport ();
    godwit_listener_t *listener = notifying_listen (receiver, &first, NULL);
    notifying_begin (&notifying, NULL);
    notifying_send_many (&notifying, 0, 20000);
    notifying_flush (&notifying);
    cr_assert_eq (first.count, 20000);
    got_check_order (&first, 20000);
    const godwit_notifier_stats_t stats = notifying_stats (&notifying);
    cr_assert_eq (stats.accepted, 20000);
    cr_assert_eq (stats.acknowledged, 20000);
    cr_assert_eq (stats.redelivered, 0);
    notifying_end (&notifying);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&receiver);
}

Test (delivery, is_kept_for_the_first_pools)
{
    notifying_begin (&notifying, NULL);
    notifying_send_many (&notifying, 0, 100);
    godwit_transport_t *receiver = notifying_transport ();
    godwit_listener_t *a = notifying_listen (receiver, &first, GODWIT_LISTENER_OPTIONS (.pool = "a"));
    got_await (&first, 100); /* the second comes within a second of the first */
    godwit_listener_t *b = notifying_listen (receiver, &second, GODWIT_LISTENER_OPTIONS (.pool = "b"));
    got_await (&second, 100);
    got_check_order (&first, 100);
    got_check_order (&second, 100);
    notifying_end (&notifying);
    godwit_listener_destroy (&a);
    godwit_listener_destroy (&b);
    godwit_transport_destroy (&receiver);
}

Test (delivery, each_pool_gets_each_and_one_listener_of_it)
{
    godwit_transport_t *receiver = notifying_transport ();
    godwit_transport_t *other = notifying_transport ();
    godwit_listener_t *a = notifying_listen (receiver, &first, GODWIT_LISTENER_OPTIONS (.pool = "a"));
    godwit_listener_t *b = notifying_listen (receiver, &second, GODWIT_LISTENER_OPTIONS (.pool = "b"));
    godwit_listener_t *c = notifying_listen (other, &second, GODWIT_LISTENER_OPTIONS (.pool = "b"));
    notifying_begin (&notifying, NULL);
    notifying_send_many (&notifying, 0, 1000);
    got_await (&first, 1000);
    got_await (&second, 1000);
    notifying_flush (&notifying);
    got_check_order (&first, 1000);
    cr_assert_eq (second.count, 1000);
    notifying_end (&notifying);
    godwit_listener_destroy (&a);
    godwit_listener_destroy (&b);
    godwit_listener_destroy (&c);
    godwit_transport_destroy (&receiver);
    godwit_transport_destroy (&other);
}

Test (delivery, a_requeued_one_comes_again_marked_and_holds_up_nothing)
{
    atomic_store (&first.requeues, 1);
    atomic_store (&first.holds, true); /* until all have been sent */
    godwit_transport_t *receiver = notifying_transport ();
    godwit_listener_t *listener =
        notifying_listen (receiver, &first, GODWIT_LISTENER_OPTIONS (.allow_requeue = true));
    notifying_begin (&notifying, GODWIT_DELIVERY_OPTIONS (.requeue_first_ms = 50));
    notifying_send_many (&notifying, 0, 10);
    got_await_running (&first, 1);
    got_release (&first);
    notifying_flush (&notifying);
    cr_assert_eq (first.count, 11);
    got_check_order (&first, 10);
    cr_assert_eq (first.numbers[10], 0);
    cr_assert_eq (first.redeliveries[10], 1);
    notifying_end (&notifying);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&receiver);
}

Test (delivery, without_allow_requeue_it_is_done_with)
{
    atomic_store (&first.requeues, 5);
    godwit_transport_t *receiver = notifying_transport ();
    godwit_listener_t *listener = notifying_listen (receiver, &first, NULL);
    notifying_begin (&notifying, NULL);
    notifying_send_many (&notifying, 0, 10);
    notifying_flush (&notifying);
    cr_assert_eq (first.count, 10);
    notifying_end (&notifying);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&receiver);
}

Test (delivery, too_often_requeued_goes_to_the_dead_letter_topic)
{
    godwit_listener_t *dead = NULL;
    atomic_store (&first.requeues, 3);
    godwit_transport_t *receiver = notifying_transport ();
    godwit_listener_t *listener =
        notifying_listen (receiver, &first, GODWIT_LISTENER_OPTIONS (.allow_requeue = true));
    const godwit_notification_endpoint_t endpoint =
        GODWIT_NOTIFICATION_ENDPOINT (.info = got_one, .self = &second);
    MUST (godwit_listener_new (&dead, receiver, GODWIT_TARGET (.topic = "dead"), 1, &endpoint, 1, NULL,
                               &error));
    MUST (godwit_listener_start (dead, NULL, &error));
    notifying_begin (&notifying, GODWIT_DELIVERY_OPTIONS (.requeue_first_ms = 1, .max_requeues = 2,
                                                          .when_exhausted = GODWIT_WHEN_EXHAUSTED_DEAD_LETTER,
                                                          .dead_letter_topic = "dead"));
    notifying_send (&notifying, 7);
    got_await (&second, 1);
    notifying_flush (&notifying);
    cr_assert_eq (first.count, 3);
    cr_assert_eq (first.redeliveries[2], 2);
    cr_assert_eq (second.numbers[0], 7);
    cr_assert_eq (notifying_stats (&notifying).exhausted, 1);
    notifying_end (&notifying);
    godwit_listener_destroy (&listener);
    godwit_listener_destroy (&dead);
    godwit_transport_destroy (&receiver);
}

/* The end of a notifier does not wait for a listener that takes its time. */
Test (delivery, ends_while_a_listener_holds)
{
    atomic_store (&first.holds, true);
    godwit_transport_t *receiver = notifying_transport ();
    godwit_listener_t *listener = notifying_listen (receiver, &first, NULL);
    notifying_begin (&notifying, NULL);
    notifying_send_many (&notifying, 0, 100);
    got_await_running (&first, 1);
    notifying_end (&notifying);
    got_release (&first);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&receiver);
}

Test (delivery, a_pool_whose_last_listener_restarts_misses_nothing)
{
    godwit_transport_t *receiver = notifying_transport ();
    godwit_listener_t *listener = notifying_listen (receiver, &first, GODWIT_LISTENER_OPTIONS (.pool = "a"));
    notifying_begin (&notifying, NULL);
    notifying_send_many (&notifying, 0, 100);
    notifying_flush (&notifying);
    godwit_listener_destroy (&listener);
    notifying_send_many (&notifying, 100, 200);
    listener = notifying_listen (receiver, &first, GODWIT_LISTENER_OPTIONS (.pool = "a"));
    notifying_flush (&notifying);
    cr_assert_eq (first.count, 200);
    got_check_order (&first, 200);
    for (size_t i = 0; i < 200; i++) /* it said that it leaves: nothing is in doubt */
        cr_assert_eq (first.redeliveries[i], 0);
    notifying_end (&notifying);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&receiver);
}

Test (delivery, a_pool_is_forgotten_after_its_time)
{
    godwit_transport_t *receiver = notifying_transport ();
    godwit_listener_t *listener = notifying_listen (receiver, &first, GODWIT_LISTENER_OPTIONS (.pool = "a"));
    notifying_begin (&notifying, GODWIT_DELIVERY_OPTIONS (.pool_memory_ms = 20));
    notifying_send_many (&notifying, 0, 10);
    notifying_flush (&notifying);
    godwit_listener_destroy (&listener);
    AWAIT (notifying_stats (&notifying).pools == 0);
    notifying_end (&notifying);
    godwit_transport_destroy (&receiver);
}

/* Of a pool for a look nothing is kept once it has gone, also if it had not had all. */
Test (delivery, a_transient_pool_is_forgotten_at_once)
{
    atomic_store (&second.holds, true);
    godwit_transport_t *receiver = notifying_transport ();
    godwit_listener_t *listener = notifying_listen (receiver, &first, GODWIT_LISTENER_OPTIONS (.pool = "a"));
    godwit_listener_t *look = notifying_listen (
        receiver, &second, GODWIT_LISTENER_OPTIONS (.pool = "b", .transient = true, .credit = 1));
    notifying_begin (&notifying, NULL);
    AWAIT (notifying_stats (&notifying).pools == 2);
    notifying_send_many (&notifying, 0, 100);
    got_await (&first, 100);
    got_await_running (&second, 1);
    got_release (&second);
    godwit_listener_destroy (&look);
    AWAIT (notifying_stats (&notifying).pools == 1);
    notifying_flush (&notifying);
    notifying_end (&notifying);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&receiver);
}

/* What it was done with is acknowledged, also if there was no other pool; and it is kept for one that comes.
 * A look takes nothing away, however long it takes. */
Test (delivery, what_a_transient_pool_had_is_kept_for_others)
{
    godwit_transport_t *receiver = notifying_transport ();
    godwit_listener_t *look =
        notifying_listen (receiver, &second, GODWIT_LISTENER_OPTIONS (.pool = "b", .transient = true));
    notifying_begin (&notifying, NULL);
    notifying_send (&notifying, 0);
    got_await (&second, 1);
    notifying_flush (&notifying);
    godwit_listener_destroy (&look);
    AWAIT (notifying_stats (&notifying).pools == 0);
    notifying_flush (&notifying);
    cr_assert_eq (notifying_stats (&notifying).kept, 1);
    notifying_send (&notifying, 1);
    godwit_listener_t *listener = notifying_listen (receiver, &first, NULL);
    notifying_flush (&notifying);
    cr_assert_eq (first.count, 2);
    got_check_order (&first, 2);
    cr_assert_eq (first.redeliveries[0], 0);
    notifying_end (&notifying);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&receiver);
}

Test (delivery, a_declared_pool_gets_what_was_sent_before_it_came)
{
    const char *const pools[] = {"late"};
    godwit_transport_t *receiver = notifying_transport ();
    godwit_listener_t *listener = notifying_listen (receiver, &first, GODWIT_LISTENER_OPTIONS (.pool = "a"));
    notifying_begin (&notifying,
                     GODWIT_DELIVERY_OPTIONS (.pools = pools, .pool_count = 1, .pool_memory_ms = 1));
    notifying_send_many (&notifying, 0, 10);
    got_await (&first, 10);
    godwit_listener_t *late = notifying_listen (receiver, &second, GODWIT_LISTENER_OPTIONS (.pool = "late"));
    notifying_flush (&notifying);
    got_check_order (&second, 10);
    notifying_end (&notifying);
    godwit_listener_destroy (&listener);
    godwit_listener_destroy (&late);
    godwit_transport_destroy (&receiver);
}

/* Two notifiers: theirs are handled at the same time, each one's in order, one after the other. */
Test (delivery, concurrency_keeps_the_order_of_each_notifier)
{
    static notifying_t another;
    atomic_store (&first.holds, true);
    godwit_transport_t *receiver = notifying_transport ();
    godwit_listener_t *listener =
        notifying_listen (receiver, &first, GODWIT_LISTENER_OPTIONS (.concurrency = 8));
    notifying_begin (&notifying, NULL);
    notifying_begin (&another, NULL);
    notifying_send (&notifying, 0);
    got_await_running (&first, 1);
    notifying_send_many (&notifying, 1, 100);
    notifying_send (&another, 1000);
    got_await_running (&first, 2);
    notifying_send_many (&another, 1001, 1100);
    got_release (&first);
    notifying_flush (&notifying);
    notifying_flush (&another);
    cr_assert_eq (first.count, 200);
    cr_assert_eq (first.most_running, 2);
    int64_t next[2] = {0, 1000};
    for (size_t i = 0; i < 200; i++) {
        const int which = first.numbers[i] >= 1000;
        cr_assert_eq (first.numbers[i], next[which]++);
    }
    notifying_end (&notifying);
    notifying_end (&another);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&receiver);
}

/* A listener that holds everything up gets its credit, and no more; another pool gets all. */
Test (delivery, a_slow_listener_gets_its_credit_and_holds_up_nobody)
{
    atomic_store (&first.holds, true);
    godwit_transport_t *receiver = notifying_transport ();
    godwit_listener_t *slow =
        notifying_listen (receiver, &first, GODWIT_LISTENER_OPTIONS (.pool = "slow", .credit = 10));
    godwit_listener_t *fast = notifying_listen (receiver, &second, GODWIT_LISTENER_OPTIONS (.pool = "fast"));
    notifying_begin (&notifying, NULL);
    notifying_send_many (&notifying, 0, 10000);
    got_await (&second, 10000);
    cr_assert_eq (first.count, 0);
    got_release (&first);
    notifying_flush (&notifying);
    got_check_order (&first, 10000);
    notifying_end (&notifying);
    godwit_listener_destroy (&slow);
    godwit_listener_destroy (&fast);
    godwit_transport_destroy (&receiver);
}
