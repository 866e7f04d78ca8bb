/* SPDX-License-Identifier: Apache-2.0 */
/* An outbox with a spool: what was accepted is sent after a restart, also by another process; memory is
 * bounded however far a pool is behind; and a spool that is full or fails. The spool is a simple one in
 * memory, which outlives the outbox as a file does. */
#include "tests/support/await.h"
#include "tests/support/memory_spool.h"
#include "tests/support/must.h"
#include "tests/support/notifying.h"

#include <godwit/godwit.h>

#include <criterion/criterion.h>
#include <string.h>

static got_t got, other_got;
static notifying_t notifying;
static godwit_transport_t *receiver;
static godwit_listener_t *listener, *other;
static godwit_spool_t *spool;

static void
set_up (void)
{
    got_init (&got);
    got_init (&other_got);
    receiver = notifying_transport ();
    spool = memory_spool_new ();
}

static void
tear_down (void)
{
    godwit_listener_destroy (&listener);
    godwit_listener_destroy (&other);
    godwit_transport_destroy (&receiver);
    memory_spool_destroy (&spool);
}

TestSuite (spooling, .init = set_up, .fini = tear_down, .timeout = 60);

/* What the spool still has. */
static size_t
spooled (void)
{
    return memory_spool_count (spool, "notify/godwit/notifications/info");
}

static void
begin (void)
{
    notifying_begin (&notifying, GODWIT_DELIVERY_OPTIONS (.spool = spool, .requeue_first_ms = 1));
}

Test (spooling, what_is_acknowledged_leaves_the_spool)
{
    begin ();
    notifying_send_many (&notifying, 0, 10);
    cr_assert_eq (spooled (), 10);
    listener = notifying_listen (receiver, &got, NULL);
    notifying_send_many (&notifying, 10, 2000);
    notifying_flush (&notifying);
    got_check_order (&got, 2000);
    cr_assert_eq (got.count, 2000);
    notifying_end (&notifying);
    cr_assert_eq (spooled (), 0);
}

/* Nobody was there; the next process sends it. What may have been delivered before is marked. */
Test (spooling, what_was_accepted_is_sent_after_a_restart)
{
    begin ();
    notifying_send_many (&notifying, 0, 1000);
    notifying_end (&notifying);
    cr_assert_eq (spooled (), 1000);
    listener = notifying_listen (receiver, &got, NULL);
    begin ();
    notifying_send_many (&notifying, 1000, 1100);
    notifying_flush (&notifying);
    cr_assert_eq (got.count, 1100);
    got_check_order (&got, 1100);
    notifying_end (&notifying);
    cr_assert_eq (spooled (), 0);
}

/* What is kept for nobody is in the spool alone: it counts all the same. */
Test (spooling, a_flush_says_that_nobody_listens)
{
    godwit_error_t *error = NULL;
    begin ();
    notifying_send (&notifying, 0);
    cr_assert_eq (godwit__outbox_flush (notifying.outbox, 1, &error), GODWIT_ERR_TIMEOUT);
    cr_assert (strstr (godwit_error_message (error), "1 deliveries are not acknowledged; nobody listens to "
                                                     "notifications.info"),
               "%s", godwit_error_message (error));
    godwit_error_destroy (&error);
    notifying_end (&notifying);
}

/* Its listener held them when the notifier ended: they come again, marked. */
Test (spooling, what_was_not_acknowledged_comes_again_marked)
{
    listener = notifying_listen (receiver, &got, NULL);
    begin ();
    notifying_send (&notifying, 0);
    notifying_flush (&notifying);
    atomic_store (&got.holds, true);
    notifying_send_many (&notifying, 1, 10);
    got_await_running (&got, 1);
    notifying_end (&notifying);
    got_release (&got);
    begin ();
    notifying_flush (&notifying);
    unsigned times[10] = {0};
    for (size_t i = 0; i < got.count; i++) /* only the first delivery is unmarked */
        cr_assert (times[got.numbers[i]]++ == 0 || got.redeliveries[i] > 0);
    for (size_t i = 0; i < 10; i++)
        cr_assert_geq (times[i], 1);
    cr_assert_eq (times[0], 1);
    cr_assert_geq (times[1], 2);
    notifying_end (&notifying);
    cr_assert_eq (spooled (), 0);
}

/* A pool that is not there gets its own later, although the other has had all. */
Test (spooling, each_pool_is_remembered)
{
    listener = notifying_listen (receiver, &got, GODWIT_LISTENER_OPTIONS (.pool = "a"));
    other = notifying_listen (receiver, &other_got, GODWIT_LISTENER_OPTIONS (.pool = "b"));
    begin ();
    AWAIT (notifying_stats (&notifying).pools == 2);
    notifying_send (&notifying, 0);
    notifying_flush (&notifying);
    godwit_listener_destroy (&other);
    notifying_send_many (&notifying, 1, 500);
    got_await (&got, 500);
    notifying_end (&notifying);
    begin ();
    notifying_send_many (&notifying, 500, 600);
    got_await (&got, 600);
    other = notifying_listen (receiver, &other_got, GODWIT_LISTENER_OPTIONS (.pool = "b"));
    notifying_flush (&notifying);
    got_check_order (&other_got, 600);
    cr_assert_eq (other_got.count, 600);
    notifying_end (&notifying);
    cr_assert_eq (spooled (), 0);
}

/* Besides the 50: what each pool has on its way (512 and 5), and what was read ahead for it. */
#define MEMORY_MAX (50 + 512 + 5 + 2 * 512)

/* Memory has room for 50. A slow pool is behind by thousands; the other one gets all at once. */
Test (spooling, memory_is_bounded_and_a_slow_pool_holds_up_nobody)
{
    atomic_store (&other_got.holds, true);
    listener = notifying_listen (receiver, &got, GODWIT_LISTENER_OPTIONS (.pool = "fast"));
    other = notifying_listen (receiver, &other_got, GODWIT_LISTENER_OPTIONS (.pool = "slow", .credit = 5));
    notifying_begin (&notifying, GODWIT_DELIVERY_OPTIONS (.spool = spool, .queue_limit = 50));
    AWAIT (notifying_stats (&notifying).pools == 2);
    for (int64_t i = 0; i < 5000; i++) {
        notifying_send (&notifying, i);
        cr_assert_leq (notifying_stats (&notifying).kept, MEMORY_MAX);
    }
    got_await (&got, 5000);
    got_check_order (&got, 5000);
    got_release (&other_got);
    notifying_flush (&notifying);
    got_check_order (&other_got, 5000);
    cr_assert_eq (other_got.count, 5000);
    for (size_t i = 0; i < 5000; i++)
        cr_assert_eq (other_got.redeliveries[i], 0);
    notifying_end (&notifying);
    cr_assert_eq (spooled (), 0);
}

/* The transport knows the listener already, from another notifier. */
Test (spooling, a_pool_that_is_known_already_gets_what_the_spool_has)
{
    notifying_t before;
    begin ();
    notifying_send_many (&notifying, 0, 10);
    notifying_end (&notifying);
    listener = notifying_listen (receiver, &got, NULL);
    notifying_begin (&before, NULL);
    notifying_send (&before, 10);
    notifying_flush (&before);
    MUST (godwit__outbox_new (&notifying.outbox, before.transport, GODWIT_DELIVERY_OPTIONS (.spool = spool),
                              &error));
    got_await (&got, 11);
    notifying_flush (&notifying);
    godwit__outbox_destroy (&notifying.outbox);
    notifying_end (&before);
    cr_assert_eq (spooled (), 0);
}

Test (spooling, a_dead_letter_is_spooled_too)
{
    godwit_listener_t *dead = NULL;
    atomic_store (&got.requeues, 3);
    listener = notifying_listen (receiver, &got, GODWIT_LISTENER_OPTIONS (.allow_requeue = true));
    notifying_begin (&notifying,
                     GODWIT_DELIVERY_OPTIONS (.spool = spool, .requeue_first_ms = 1, .max_requeues = 2,
                                              .dead_letter_topic = "dead",
                                              .when_exhausted = GODWIT_WHEN_EXHAUSTED_DEAD_LETTER));
    notifying_send (&notifying, 7);
    AWAIT (notifying_stats (&notifying).exhausted == 1 && notifying_stats (&notifying).accepted == 2);
    notifying_end (&notifying);
    cr_assert_eq (spooled (), 0);
    const godwit_notification_endpoint_t endpoint =
        GODWIT_NOTIFICATION_ENDPOINT (.info = got_one, .self = &other_got);
    MUST (godwit_listener_new (&dead, receiver, GODWIT_TARGET (.topic = "dead"), 1, &endpoint, 1, NULL,
                               &error));
    MUST (godwit_listener_start (dead, NULL, &error));
    begin ();
    got_await (&other_got, 1);
    cr_assert_eq (other_got.numbers[0], 7);
    notifying_flush (&notifying);
    notifying_end (&notifying);
    godwit_listener_destroy (&dead);
}

Test (spooling, drop_oldest_does_not_go_with_it)
{
    godwit__outbox_t *outbox = NULL;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit__outbox_new (
                      &outbox, receiver,
                      GODWIT_DELIVERY_OPTIONS (.spool = spool, .when_full = GODWIT_WHEN_FULL_DROP_OLDEST),
                      &error),
                  GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_str_eq (
        godwit_error_message (error),
        "delivery.when_full: DROP_OLDEST does not go with a spool, which keeps what was accepted: "
        "expected BLOCK, DROP_NEWEST or FAIL");
    cr_assert_null (outbox);
    godwit_error_destroy (&error);
}

/* ---- a spool that fails ---- */

static atomic_int failing; /* a godwit_status_t */
static godwit_spool_ops_t failing_ops;
static const godwit_spool_ops_t *real_ops;

static godwit_status_t
append_or_fail (godwit_spool_t *self, godwit_spool_item_t *items, size_t count, godwit_spool_safe_fn *safe,
                void *user, godwit_error_t **error)
{
    const int status = atomic_load (&failing);
    if (!status)
        return real_ops->append (self, items, count, safe, user, error);
    if (error)
        *error = godwit_error_new ((godwit_status_t) status, "planted");
    return (godwit_status_t) status;
}

static godwit_status_t
settle_or_fail (godwit_spool_t *self, const char *stream, const char *pool, uint64_t first, uint64_t count,
                godwit_error_t **error)
{
    const int status = atomic_load (&failing);
    if (!status)
        return real_ops->settle (self, stream, pool, first, count, error);
    if (error)
        *error = godwit_error_new ((godwit_status_t) status, "planted");
    return (godwit_status_t) status;
}

static void
plant (void)
{
    real_ops = spool->ops;
    failing_ops = *real_ops;
    failing_ops.append = append_or_fail;
    failing_ops.settle = settle_or_fail;
    spool->ops = &failing_ops;
}

static void
full_spool (godwit_when_full_t when_full, godwit_status_t expected, bool is_dropped)
{
    bool dropped;
    plant ();
    notifying_begin (&notifying,
                     GODWIT_DELIVERY_OPTIONS (.spool = spool, .when_full = when_full, .block_ms = 10));
    notifying_send (&notifying, 0);
    atomic_store (&failing, GODWIT_ERR_LIMIT_EXCEEDED);
    cr_assert_eq (notifying_try (&notifying, 1, -1, &dropped), expected);
    cr_assert_eq (dropped, is_dropped);
    atomic_store (&failing, 0);
    notifying_send (&notifying, 2);
    listener = notifying_listen (receiver, &got, NULL);
    notifying_flush (&notifying);
    cr_assert_eq (got.count, 2);
    cr_assert_eq (got.numbers[1], 2);
    notifying_end (&notifying);
}

Test (spooling, full_and_failing)
{
    full_spool (GODWIT_WHEN_FULL_FAIL, GODWIT_ERR_OVERLOADED, false);
}

Test (spooling, full_and_dropping)
{
    full_spool (GODWIT_WHEN_FULL_DROP_NEWEST, GODWIT_OK, true);
}

Test (spooling, full_and_blocking)
{
    full_spool (GODWIT_WHEN_FULL_BLOCK, GODWIT_ERR_OVERLOADED, false);
}

/* A disk that fails: what could not be kept was not accepted; what is acknowledged meanwhile is told later.
 */
Test (spooling, a_failing_disk)
{
    bool dropped;
    plant ();
    begin ();
    notifying_send_many (&notifying, 0, 3);
    atomic_store (&failing, GODWIT_ERR_SYSTEM);
    cr_assert_eq (notifying_try (&notifying, 3, -1, &dropped), GODWIT_ERR_SYSTEM);
    cr_assert_not (dropped);
    listener = notifying_listen (receiver, &got, NULL);
    notifying_flush (&notifying);
    cr_assert_eq (got.count, 3);
    atomic_store (&failing, 0);
    notifying_send (&notifying, 4);
    notifying_flush (&notifying);
    notifying_end (&notifying);
    cr_assert_eq (got.count, 4);
    cr_assert_eq (spooled (), 0);
}
