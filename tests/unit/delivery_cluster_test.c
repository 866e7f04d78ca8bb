/* SPDX-License-Identifier: Apache-2.0 */
/* Deliveries in small simulated clusters: what time brings, and what does not come. */
#include "tests/support/memory_spool.h"
#include "tests/support/must.h"

#include <godwit/godwit.h>
#include <godwit/testing.h>
#include <string.h>

static godwit_cluster_t *cluster;
static godwit_transport_t *sender, *receiver;
static godwit_notifier_t *notifier;
static godwit_listener_t *listener;
static const godwit_transport_options_t *sender_options;

static void
end (void)
{
    godwit_notifier_destroy (&notifier);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&receiver);
    godwit_transport_destroy (&sender);
    godwit_cluster_destroy (&cluster);
}

static void
notify (int64_t number)
{
    MUST (godwit_notify (notifier, GODWIT_PRIORITY_INFO, NULL, "number", GODWIT_INT (NULL, number),
                         GODWIT_NOTIFY_OPTIONS (.strict = true), &error));
}

static godwit_notification_t *
take (int64_t number, unsigned redeliveries)
{
    godwit_notification_t *notification = NULL;
    MUST (godwit_listener_next (listener, 60000, &notification, &error));
    cr_assert_eq (godwit_value_as_int (godwit_notification_payload (notification), -1), number);
    cr_assert_eq (godwit_notification_redeliveries (notification), redeliveries);
    return notification;
}

static void
handle (int64_t number, unsigned redeliveries)
{
    godwit_notification_t *notification = take (number, redeliveries);
    godwit_notification_acknowledge (&notification);
}

/* They are connected: one notification was delivered. */
static void
begin_with (const godwit_listener_options_t *options, const godwit_delivery_options_t *delivery)
{
    MUST (godwit_cluster_new (&cluster, 7, &error));
    MUST (godwit_cluster_add (&sender, cluster, "sender", sender_options, &error));
    MUST (godwit_cluster_add (&receiver, cluster, "receiver", NULL, &error));
    MUST (godwit_listener_new (&listener, receiver, GODWIT_TARGET (.topic = "notifications"), 1, NULL, 0,
                               options, &error));
    MUST (godwit_listener_start (listener, NULL, &error));
    MUST (godwit_notifier_new (&notifier, sender, GODWIT_NOTIFIER_OPTIONS (.delivery = delivery), &error));
    notify (0);
    handle (0, 0);
    if (!delivery || delivery->pool_count < 2) /* otherwise one has no listener */
        MUST (godwit_notifier_flush (notifier, 1000, &error));
}

static void
begin (const godwit_listener_options_t *options)
{
    begin_with (options, NULL);
}

static godwit_listener_t *inner;
static godwit_status_t inner_status = GODWIT_ERR_FAILED;

static godwit_handled_t
pull_inside (const godwit_notification_t *notification, void *self)
{
    (void) notification, (void) self;
    godwit_notification_t *none = NULL;
    inner_status = godwit_listener_next (inner, -1, &none, NULL);
    return GODWIT_HANDLED;
}

/* Inside of the loop nothing comes while it waits: it waited for ever. */
Test (delivery_cluster, next_does_not_wait_inside_of_the_loop, .timeout = 20)
{
    const godwit_notification_endpoint_t endpoint = GODWIT_NOTIFICATION_ENDPOINT (.error = pull_inside);
    godwit_listener_t *outer = NULL;
    begin (GODWIT_LISTENER_OPTIONS (.pull = true, .priorities = 1u << GODWIT_PRIORITY_INFO));
    inner = listener;
    MUST (godwit_listener_new (&outer, receiver, GODWIT_TARGET (.topic = "notifications"), 1, &endpoint, 1,
                               NULL, &error));
    MUST (godwit_listener_start (outer, NULL, &error));
    MUST (godwit_notify_error (notifier, NULL, "e", GODWIT_INT (NULL, 1), &error));
    MUST (godwit_notifier_flush (notifier, 60000, &error));
    cr_assert_eq (inner_status, GODWIT_ERR_TIMEOUT);
    godwit_listener_destroy (&outer);
    end ();
}

static uint64_t
frames (void)
{
    godwit_cluster_stats_t stats = {.struct_size = sizeof stats};
    MUST (godwit_cluster_stats (cluster, &stats, &error));
    return stats.frames;
}

/* It did: at the same time, for ever, and the time stood still. */
Test (delivery_cluster, what_is_due_and_cannot_be_sent_does_not_wake_the_loop, .timeout = 20)
{
    begin (GODWIT_LISTENER_OPTIONS (.pull = true, .allow_requeue = true, .credit = 1));
    notify (1);
    notify (2);
    godwit_notification_t *first = take (1, 0);
    godwit_notification_requeue (&first);
    godwit_notification_t *second = take (2, 0);
    godwit_cluster_run (cluster, 5000); /* the first is due, and the listener takes one only */
    godwit_notification_acknowledge (&second);
    handle (1, 1);
    MUST (godwit_notifier_flush (notifier, 5000, &error));
    end ();
}

/* It is told of now and then, and is not sent again. */
Test (delivery_cluster, one_that_takes_its_time_costs_little)
{
    begin (GODWIT_LISTENER_OPTIONS (.pull = true));
    uint64_t before = frames ();
    godwit_cluster_run (cluster, 60000);
    const uint64_t at_rest = frames () - before;
    notify (1);
    godwit_notification_t *notification = take (1, 0);
    before = frames ();
    godwit_cluster_run (cluster, 60000);
    cr_assert_leq (frames () - before, at_rest + 100, "%llu frames, and %llu at rest",
                   (unsigned long long) (frames () - before), (unsigned long long) at_rest);
    godwit_notification_acknowledge (&notification);
    MUST (godwit_notifier_flush (notifier, 1000, &error));
    godwit_notifier_stats_t stats = GODWIT_NOTIFIER_STATS;
    MUST (godwit_notifier_get_stats (notifier, &stats, &error));
    cr_assert_eq (stats.redelivered, 0);
    end ();
}

static void
lose (const char *from, const char *to, int64_t ms)
{
    MUST (godwit_cluster_set_faults (cluster, from, to, GODWIT_FAULTS (.drop = 1), &error));
    godwit_cluster_run (cluster, ms);
    godwit_cluster_heal (cluster);
}

/* Frames are lost for a moment, and the connection lives on. */
Test (delivery_cluster, a_frame_that_is_lost_is_found_out)
{
    begin (GODWIT_LISTENER_OPTIONS (.pull = true));
    MUST (godwit_cluster_set_faults (cluster, "sender", "receiver", GODWIT_FAULTS (.drop = 1), &error));
    notify (1);
    lose ("sender", "receiver", 500);
    handle (1, 1);
    MUST (godwit_notifier_flush (notifier, 1000, &error));
    end ();
}

Test (delivery_cluster, an_answer_that_is_lost_is_found_out)
{
    begin (GODWIT_LISTENER_OPTIONS (.pull = true));
    notify (1);
    godwit_notification_t *notification = take (1, 0);
    MUST (godwit_cluster_set_faults (cluster, "receiver", "sender", GODWIT_FAULTS (.drop = 1), &error));
    godwit_notification_acknowledge (&notification);
    lose ("receiver", "sender", 500);
    handle (1, 1); /* at least once */
    MUST (godwit_notifier_flush (notifier, 1000, &error));
    end ();
}

/* Listeners could not know the second copy: it is marked in no way. */
Test (delivery_cluster, a_topic_that_is_named_twice_is_one)
{
    static const char *const topics[] = {"notifications", "other", "notifications"};
    godwit_notify_report_t report = GODWIT_NOTIFY_REPORT;
    begin (GODWIT_LISTENER_OPTIONS (.pull = true));
    godwit_notifier_destroy (&notifier);
    MUST (godwit_notifier_new (&notifier, sender,
                               GODWIT_NOTIFIER_OPTIONS (.topics = topics, .topic_count = 3), &error));
    MUST (godwit_notify (notifier, GODWIT_PRIORITY_INFO, NULL, "number", GODWIT_INT (NULL, 1),
                         GODWIT_NOTIFY_OPTIONS (.report = &report), &error));
    cr_assert_eq (report.drivers[0].accepted, 2);
    handle (1, 0);
    notify (2);
    handle (2, 0);
    end ();
}

/* ---- a connection that takes no more ---- */

enum { ROOM = 4 };
static godwit_request_t *held[ROOM];
static unsigned held_count, reply_count;

static godwit_status_t
hold (godwit_request_t *request, void *self)
{
    (void) self;
    held[held_count++] = godwit_request_keep (request);
    return GODWIT_OK;
}

static void
on_reply (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) user, (void) status, (void) result, (void) error;
    reply_count++;
}

/* Calls over the same connection take all its room. What was notified meanwhile comes when there is some, in
 * its order, and unmarked: it was never sent. */
Test (delivery_cluster, a_connection_without_room_keeps_the_order)
{
    static const godwit_method_t methods[] = {GODWIT_METHOD ("hold", hold, 0)};
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods);
    godwit_server_t *server = NULL;
    godwit_client_t *client = NULL;
    MUST (godwit_cluster_new (&cluster, 7, &error));
    MUST (godwit_cluster_add (&sender, cluster, "sender", GODWIT_TRANSPORT_OPTIONS (.queue_limit = ROOM),
                              &error));
    MUST (godwit_cluster_add (&receiver, cluster, "receiver", NULL, &error));
    MUST (godwit_server_new (&server, receiver, GODWIT_TARGET (.topic = "work", .server = "a"), &endpoint, 1,
                             GODWIT_SERVER_OPTIONS (.concurrency = ROOM), &error));
    MUST (godwit_server_start (server, NULL, &error));
    MUST (godwit_client_new (&client, sender, GODWIT_TARGET (.topic = "work"), NULL, &error));
    MUST (godwit_listener_new (&listener, receiver, GODWIT_TARGET (.topic = "notifications"), 1, NULL, 0,
                               GODWIT_LISTENER_OPTIONS (.pull = true), &error));
    MUST (godwit_listener_start (listener, NULL, &error));
    MUST (godwit_notifier_new (&notifier, sender, NULL, &error));
    notify (0);
    handle (0, 0);
    for (unsigned i = 0; i < ROOM; i++)
        MUST (godwit_client_call_async (client, NULL, "hold", GODWIT_NO_ARGS, on_reply, NULL, &error));
    godwit_cluster_run (cluster, 100);
    cr_assert_eq (held_count, (unsigned) ROOM);
    for (int64_t i = 1; i <= 100; i++) {
        notify (i);
        godwit_cluster_run (cluster, 10); /* each is tried */
    }
    cr_assert_eq (godwit_listener_next (listener, 100, &(godwit_notification_t *){NULL}, NULL),
                  GODWIT_ERR_TIMEOUT);
    for (unsigned i = 0; i < ROOM; i++)
        godwit_request_destroy (&held[i]);
    for (int64_t i = 1; i <= 100; i++)
        handle (i, 0);
    MUST (godwit_notifier_flush (notifier, 1000, &error));
    cr_assert_eq (reply_count, (unsigned) ROOM);
    godwit_client_destroy (&client);
    godwit_server_destroy (&server);
    end ();
}

/* ---- messages that are too large for somebody ---- */

static void
begin_limited (size_t sender_max, size_t receiver_max, const godwit_delivery_options_t *delivery)
{
    MUST (godwit_cluster_new (&cluster, 7, &error));
    MUST (godwit_cluster_add (&sender, cluster, "sender",
                              GODWIT_TRANSPORT_OPTIONS (.max_message_size = sender_max), &error));
    MUST (godwit_cluster_add (&receiver, cluster, "receiver",
                              GODWIT_TRANSPORT_OPTIONS (.max_message_size = receiver_max), &error));
    MUST (godwit_listener_new (&listener, receiver, GODWIT_TARGET (.topic = "notifications"), 1, NULL, 0,
                               GODWIT_LISTENER_OPTIONS (.pull = true, .credit = 10000), &error));
    MUST (godwit_listener_start (listener, NULL, &error));
    MUST (godwit_notifier_new (&notifier, sender, GODWIT_NOTIFIER_OPTIONS (.delivery = delivery), &error));
}

/* Those that go together are no larger than either end takes. */
Test (delivery_cluster, a_frame_is_as_small_as_the_limit, .timeout = 20)
{
    static const size_t limits[][2] = {{4096, 0}, {0, 4096}, {8192, 8192}};
    for (size_t i = 0; i < 3; i++) {
        begin_limited (limits[i][0], limits[i][1], NULL);
        for (int64_t n = 0; n < 2000; n++)
            notify (n);
        for (int64_t n = 0; n < 2000; n++)
            handle (n, 0);
        MUST (godwit_notifier_flush (notifier, 1000, &error));
        end ();
    }
}

/* One that no listener of the pool takes goes to the dead letters. Those behind it are not held up. */
Test (delivery_cluster, one_that_is_too_large_for_its_listener_is_given_up, .timeout = 20)
{
    static char text[100000];
    godwit_listener_t *letters = NULL;
    godwit_transport_t *large = NULL;
    godwit_notifier_stats_t stats = GODWIT_NOTIFIER_STATS;
    godwit_notification_t *dead = NULL;
    memset (text, 'x', sizeof text - 1);
    begin_limited (0, 65536, GODWIT_DELIVERY_OPTIONS (.when_exhausted = GODWIT_WHEN_EXHAUSTED_DEAD_LETTER));
    MUST (godwit_notify_info (notifier, NULL, "large", GODWIT_STR (NULL, text), &error));
    for (int64_t n = 0; n < 10; n++)
        notify (n);
    for (int64_t n = 0; n < 10; n++)
        handle (n, 0);
    MUST (godwit_notifier_get_stats (notifier, &stats, &error));
    cr_assert_eq (stats.exhausted, 1);
    cr_assert_eq (stats.redelivered, 0);
    MUST (godwit_cluster_add (&large, cluster, "large", NULL, &error));
    MUST (godwit_listener_new (&letters, large, GODWIT_TARGET (.topic = "dead_letter"), 1, NULL, 0,
                               GODWIT_LISTENER_OPTIONS (.pull = true), &error));
    MUST (godwit_listener_start (letters, NULL, &error));
    MUST (godwit_listener_next (letters, 60000, &dead, &error));
    cr_assert_str_eq (godwit_notification_event_type (dead), "large");
    godwit_notification_acknowledge (&dead);
    MUST (godwit_notifier_flush (notifier, 1000, &error));
    godwit_listener_destroy (&letters);
    godwit_transport_destroy (&large);
    end ();
}

static godwit_status_t
answer (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (request, GODWIT_INT (NULL, 1));
}

/* A program pulls, and settles nothing, at each priority: calls to its process go on, and so do notifications
 * of another topic. */
Test (delivery_cluster, a_listener_that_does_not_settle_does_not_hold_up_its_process)
{
    static const godwit_method_t methods[] = {GODWIT_METHOD ("answer", answer, 0)};
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods);
    godwit_server_t *server = NULL;
    godwit_client_t *client = NULL;
    godwit_listener_t *other = NULL;
    godwit_notifier_t *other_notifier = NULL;
    static const char *const topics[] = {"other"};
    sender_options = GODWIT_TRANSPORT_OPTIONS (.queue_limit = 40);
    begin (GODWIT_LISTENER_OPTIONS (.pull = true));
    MUST (godwit_server_new (&server, receiver, GODWIT_TARGET (.topic = "work", .server = "a"), &endpoint, 1,
                             NULL, &error));
    MUST (godwit_server_start (server, NULL, &error));
    MUST (godwit_client_new (&client, sender, GODWIT_TARGET (.topic = "work"), NULL, &error));
    for (int64_t i = 1; i <= 40; i++) {
        for (int priority = 0; priority < GODWIT_PRIORITY_COUNT; priority++)
            MUST (godwit_notify (notifier, (godwit_priority_t) priority, NULL, "number", GODWIT_INT (NULL, i),
                                 NULL, &error));
        godwit_cluster_run (cluster, 300); /* so that each is a frame of its own */
    }
    godwit_value_t *result = NULL;
    MUST (godwit_client_call (client, NULL, "answer", GODWIT_NO_ARGS, &result, &error));
    godwit_value_unref (&result);
    MUST (godwit_listener_new (&other, receiver, GODWIT_TARGET (.topic = "other"), 1, NULL, 0,
                               GODWIT_LISTENER_OPTIONS (.pull = true), &error));
    MUST (godwit_listener_start (other, NULL, &error));
    MUST (godwit_notifier_new (&other_notifier, sender,
                               GODWIT_NOTIFIER_OPTIONS (.topics = topics, .topic_count = 1), &error));
    MUST (godwit_notify_info (other_notifier, NULL, "number", GODWIT_INT (NULL, 5), &error));
    godwit_notification_t *notification = NULL;
    MUST (godwit_listener_next (other, 10000, &notification, &error));
    godwit_notification_acknowledge (&notification);
    godwit_notifier_destroy (&other_notifier);
    godwit_listener_destroy (&other);
    godwit_client_destroy (&client);
    godwit_server_destroy (&server);
    end ();
}

/* ---- duplicates ---- */

/* The connection is given up, and what was not acknowledged comes over the next one. */
static void
lose_connection (void)
{
    godwit_cluster_cut (cluster, "receiver", "sender", true);
    godwit_cluster_run (cluster, 4000);
    godwit_cluster_heal (cluster);
    godwit_cluster_run (cluster, 3000);
}

/* It had come before the first was handled. */
Test (delivery_cluster, a_duplicate_that_waits_is_dropped_when_it_is_pulled)
{
    begin (GODWIT_LISTENER_OPTIONS (.pull = true, .drop_duplicates = 100));
    notify (1);
    godwit_notification_t *notification = take (1, 0);
    lose_connection ();
    godwit_notification_acknowledge (&notification);
    notify (2);
    handle (2, 0);
    MUST (godwit_notifier_flush (notifier, 1000, &error));
    godwit_notifier_stats_t stats = GODWIT_NOTIFIER_STATS;
    MUST (godwit_notifier_get_stats (notifier, &stats, &error));
    cr_assert_eq (stats.redelivered, 1);
    end ();
}

static size_t batch_count;
static unsigned batch_redeliveries;

static godwit_handled_t
on_batch (const godwit_notification_t *const *notifications, size_t count, void *self)
{
    (void) self;
    for (size_t i = 0; i < count; i++)
        batch_redeliveries += godwit_notification_redeliveries (notifications[i]);
    batch_count += count;
    return GODWIT_HANDLED;
}

Test (delivery_cluster, a_duplicate_is_not_in_the_same_batch)
{
    const godwit_notification_endpoint_t endpoint = GODWIT_NOTIFICATION_ENDPOINT (.batch = on_batch);
    MUST (godwit_cluster_new (&cluster, 7, &error));
    MUST (godwit_cluster_add (&sender, cluster, "sender", NULL, &error));
    MUST (godwit_cluster_add (&receiver, cluster, "receiver", NULL, &error));
    MUST (godwit_listener_new (
        &listener, receiver, GODWIT_TARGET (.topic = "notifications"), 1, &endpoint, 1,
        GODWIT_LISTENER_OPTIONS (.batch_size = 10, .batch_timeout_ms = 20000, .drop_duplicates = 100),
        &error));
    MUST (godwit_listener_start (listener, NULL, &error));
    MUST (godwit_notifier_new (&notifier, sender, NULL, &error));
    notify (1);
    godwit_cluster_run (cluster, 5000);
    lose_connection ();
    cr_assert_eq (batch_count, 0);
    MUST (godwit_notifier_flush (notifier, 60000, &error));
    cr_assert_eq (batch_count, 1);
    cr_assert_eq (batch_redeliveries, 0);
    end ();
}

/* ---- with a spool ---- */

/* A pool that has read all was taken for one that is behind, and read again and again. */
Test (delivery_cluster, a_pool_that_has_read_its_spool_reads_no_more, .timeout = 20)
{
    godwit_spool_t *spool = memory_spool_new ();
    begin_with (GODWIT_LISTENER_OPTIONS (.pull = true), GODWIT_DELIVERY_OPTIONS (.spool = spool));
    notify (1);
    handle (1, 0);
    MUST (godwit_notifier_flush (notifier, 1000, &error));
    const uint64_t before = frames ();
    godwit_cluster_run (cluster, 1000);
    cr_assert_leq (frames () - before, 50);
    end ();
    memory_spool_destroy (&spool);
}

/* It is far behind, and has nobody to send to: the loop was woken for it at once, for ever. */
Test (delivery_cluster, a_pool_without_a_listener_does_not_wake_the_loop, .timeout = 20)
{
    godwit_spool_t *spool = memory_spool_new ();
    const char *const pools[] = {"", "absent"};
    begin_with (
        GODWIT_LISTENER_OPTIONS (.pull = true),
        GODWIT_DELIVERY_OPTIONS (.pools = pools, .pool_count = 2, .spool = spool, .queue_limit = 100));
    for (int64_t i = 1; i <= 5000; i++) {
        notify (i);
        handle (i, 0);
    }
    godwit_cluster_run (cluster, 1000);
    cr_assert_eq (godwit_notifier_flush (notifier, 0, NULL), GODWIT_ERR_TIMEOUT);
    end ();
    memory_spool_destroy (&spool);
}

static const godwit_spool_ops_t *real_ops;
static bool settle_fails;
static unsigned made_count;

static godwit_status_t
settle (godwit_spool_t *self, const char *stream, const char *pool, uint64_t first, uint64_t count,
        godwit_error_t **error)
{
    if (!settle_fails)
        return real_ops->settle (self, stream, pool, first, count, error);
    *error = godwit_error_new (GODWIT_ERR_SYSTEM, "planted");
    return GODWIT_ERR_SYSTEM;
}

/* A log function that makes and destroys notifiers, also the one whose spool the line is about. */
static void
make_a_notifier (void *user, godwit_log_level_t level, const char *text)
{
    godwit_notifier_t *made = NULL;
    (void) user;
    if (level < GODWIT_LOG_WARNING || !strstr (text, "planted"))
        return;
    MUST (godwit_notifier_new (&made, sender, NULL, &error));
    godwit_notifier_destroy (&made);
    godwit_notifier_destroy (&notifier);
    made_count++;
}

/* In the program's loop the spool had its turn, and warned, with a lock held that this needs. */
Test (delivery_cluster, what_logs_of_a_spool_may_make_and_destroy_notifiers, .timeout = 20)
{
    godwit_spool_t *spool = memory_spool_new ();
    godwit_spool_ops_t ops = *spool->ops;
    real_ops = spool->ops;
    ops.settle = settle;
    spool->ops = &ops;
    sender_options = GODWIT_TRANSPORT_OPTIONS (.log = make_a_notifier);
    begin_with (GODWIT_LISTENER_OPTIONS (.pull = true), GODWIT_DELIVERY_OPTIONS (.spool = spool));
    godwit_cluster_run (cluster, 3000);
    notify (1);
    settle_fails = true;
    handle (1, 0);
    godwit_cluster_run (cluster, 3000);
    cr_assert_eq (made_count, 1);
    cr_assert_null (notifier);
    settle_fails = false;
    end ();
    memory_spool_destroy (&spool);
}
