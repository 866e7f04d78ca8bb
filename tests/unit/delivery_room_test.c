/* SPDX-License-Identifier: Apache-2.0 */
/* Notifications for which there is no room: what the log and the caller hear, which ones go, and what does
 * not count as kept. In small simulated clusters, so that time stands still unless it is told to go on. */
#include "tests/support/memory_spool.h"
#include "tests/support/must.h"

#include <godwit/godwit.h>
#include <godwit/testing.h>
#include <stdio.h>
#include <string.h>

static godwit_cluster_t *cluster;
static godwit_transport_t *sender, *receiver;
static godwit_notifier_t *notifier;
static godwit_listener_t *listener;
static godwit_spool_t *spool;
static godwit_spool_ops_t ops;
static const godwit_spool_ops_t *real_ops;
static bool is_full;
static size_t spool_limit; /* items; 0: none */
static char line[512];     /* the first warning that is about room */
static unsigned line_count;
static size_t got_count;
static int64_t last_got;

TestSuite (delivery_room, .timeout = 20);

static void
log_to (void *user, godwit_log_level_t level, const char *text)
{
    (void) user;
    if (level < GODWIT_LOG_WARNING || !strstr (text, "the topic "))
        return;
    if (!line_count++)
        snprintf (line, sizeof line, "%s", text);
}

static godwit_handled_t
on_one (const godwit_notification_t *notification, void *self)
{
    (void) self;
    last_got = godwit_value_as_int (godwit_notification_payload (notification), -1);
    got_count++;
    return GODWIT_HANDLED;
}

static bool
count_item (void *user, uint64_t number, const void *data, size_t size)
{
    (void) number, (void) data, (void) size;
    ++*(size_t *) user;
    return true;
}

static size_t
spooled (const char *stream)
{
    size_t count = 0;
    (void) real_ops->read (spool, stream, NULL, 1, 0, 0, count_item, &count, NULL);
    return count;
}

/* A spool that is full while is_full is set, or with so many items. */
static godwit_status_t
append (godwit_spool_t *self, godwit_spool_item_t *items, size_t count, godwit_spool_safe_fn *safe,
        void *user, godwit_error_t **error)
{
    if (!is_full && (!spool_limit || spooled (items->stream) < spool_limit))
        return real_ops->append (self, items, count, safe, user, error);
    if (error)
        *error = godwit_error_new (GODWIT_ERR_LIMIT_EXCEEDED, "no room on the planted disk");
    return GODWIT_ERR_LIMIT_EXCEEDED;
}

static void
begin (const godwit_delivery_options_t *delivery)
{
    MUST (godwit_cluster_new (&cluster, 7, &error));
    MUST (godwit_cluster_add (&sender, cluster, "sender", GODWIT_TRANSPORT_OPTIONS (.log = log_to), &error));
    MUST (godwit_notifier_new (&notifier, sender, GODWIT_NOTIFIER_OPTIONS (.delivery = delivery), &error));
}

static void
begin_spooled (const godwit_delivery_options_t *delivery)
{
    godwit_delivery_options_t options = *delivery;
    spool = memory_spool_new ();
    real_ops = spool->ops;
    ops = *real_ops;
    ops.append = append;
    spool->ops = &ops;
    options.spool = spool;
    begin (&options);
}

static void
listen (void)
{
    const godwit_notification_endpoint_t endpoint =
        GODWIT_NOTIFICATION_ENDPOINT (.info = on_one, .error = on_one);
    MUST (godwit_cluster_add (&receiver, cluster, "receiver", NULL, &error));
    MUST (godwit_listener_new (&listener, receiver, GODWIT_TARGET (.topic = "notifications"), 1, &endpoint, 1,
                               NULL, &error));
    MUST (godwit_listener_start (listener, NULL, &error));
}

static void
end (void)
{
    is_full = false;
    godwit_notifier_destroy (&notifier);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&receiver);
    godwit_transport_destroy (&sender);
    godwit_cluster_destroy (&cluster);
    if (spool)
        memory_spool_destroy (&spool);
}

/* Its status, and how many copies were dropped. */
static godwit_status_t
notify (godwit_priority_t priority, int64_t number, unsigned *dropped, godwit_error_t **error)
{
    godwit_notify_report_t report = GODWIT_NOTIFY_REPORT;
    const godwit_status_t status =
        godwit_notify (notifier, priority, NULL, "number", GODWIT_INT (NULL, number),
                       GODWIT_NOTIFY_OPTIONS (.strict = true, .report = &report), error);
    *dropped = report.drivers[0].dropped;
    return status;
}

/* ---- what the log says ---- */

/* Eleven are sent, and there is room for ten. */
static void
overfill (godwit_when_full_t when_full)
{
    unsigned dropped;
    begin (GODWIT_DELIVERY_OPTIONS (.queue_limit = 10, .when_full = when_full));
    for (int64_t i = 0; i < 11; i++)
        (void) notify (GODWIT_PRIORITY_INFO, i, &dropped, NULL);
}

#define MEMORY_IS_FULL                                                                                       \
    "the topic notifications.info: its listeners have not taken 10 notifications or 67108864 bytes, as "     \
    "many as a notifier may keep: "

Test (delivery_room, the_log_says_that_the_oldest_goes)
{
    overfill (GODWIT_WHEN_FULL_DROP_OLDEST);
    cr_assert_str_eq (line, MEMORY_IS_FULL "the oldest was dropped");
    end ();
}

Test (delivery_room, the_log_says_that_the_newest_goes)
{
    overfill (GODWIT_WHEN_FULL_DROP_NEWEST);
    cr_assert_str_eq (line, MEMORY_IS_FULL "this one was dropped");
    end ();
}

Test (delivery_room, the_log_says_that_one_fails)
{
    overfill (GODWIT_WHEN_FULL_FAIL);
    cr_assert_str_eq (line, MEMORY_IS_FULL "this one has failed");
    end ();
}

/* What the spool says stands there, and not that listeners have not taken it. */
Test (delivery_room, the_log_says_that_a_spool_is_full)
{
    unsigned dropped;
    begin_spooled (GODWIT_DELIVERY_OPTIONS (.when_full = GODWIT_WHEN_FULL_DROP_NEWEST));
    is_full = true;
    cr_assert_eq (notify (GODWIT_PRIORITY_INFO, 1, &dropped, NULL), GODWIT_OK);
    cr_assert_eq (dropped, 1);
    cr_assert_str_eq (line, "the topic notifications.info: the spool is full, and this one was dropped: no "
                            "room on the planted disk");
    end ();
}

/* ---- what the caller hears ---- */

Test (delivery_room, a_full_spool_is_overloaded_in_the_error_too)
{
    unsigned dropped;
    godwit_error_t *error = NULL;
    begin_spooled (GODWIT_DELIVERY_OPTIONS (.when_full = GODWIT_WHEN_FULL_FAIL));
    is_full = true;
    cr_assert_eq (notify (GODWIT_PRIORITY_INFO, 1, &dropped, &error), GODWIT_ERR_OVERLOADED);
    cr_assert_eq (godwit_error_status (error), GODWIT_ERR_OVERLOADED);
    cr_assert_str_eq (godwit_error_message (error),
                      "the topic notifications.info: the spool is full: no room on the planted disk");
    godwit_error_destroy (&error);
    end ();
}

/* ---- which ones go ---- */

/* Ten of another priority fill it: the oldest of all goes, and not the only one of its own priority. */
Test (delivery_room, the_oldest_of_all_topics_goes)
{
    unsigned dropped;
    begin (GODWIT_DELIVERY_OPTIONS (.queue_limit = 10, .when_full = GODWIT_WHEN_FULL_DROP_OLDEST));
    for (int64_t i = 0; i < 10; i++)
        MUST (notify (GODWIT_PRIORITY_INFO, i, &dropped, &error));
    for (int64_t i = 10; i < 12; i++) {
        MUST (notify (GODWIT_PRIORITY_ERROR, i, &dropped, &error));
        cr_assert_eq (dropped, 0);
    }
    listen ();
    MUST (godwit_notifier_flush (notifier, 10000, &error));
    cr_assert_eq (got_count, 10); /* 2 to 11 */
    godwit_notifier_stats_t stats = GODWIT_NOTIFIER_STATS;
    MUST (godwit_notifier_get_stats (notifier, &stats, &error));
    cr_assert_eq (stats.dropped, 2);
    end ();
}

/* ---- what does not count as kept ---- */

/* All is acknowledged at once. In the first second each is kept for pools that may appear, and still there is
 * room. */
static void
fill_while_open (void)
{
    unsigned dropped;
    listen ();
    for (int64_t i = 0; i < 50; i++) {
        MUST (notify (GODWIT_PRIORITY_INFO, i, &dropped, &error));
        cr_assert_eq (dropped, 0);
        MUST (godwit_notifier_flush (notifier, 5000, &error));
        cr_assert_eq (last_got, i);
    }
    cr_assert_eq (line_count, 0, "%s", line);
    end ();
}

Test (delivery_room, what_is_acknowledged_does_not_fail_others)
{
    begin (GODWIT_DELIVERY_OPTIONS (.queue_limit = 10, .when_full = GODWIT_WHEN_FULL_FAIL));
    fill_while_open ();
}

Test (delivery_room, what_is_acknowledged_goes_before_the_oldest)
{
    begin (GODWIT_DELIVERY_OPTIONS (.queue_limit = 10, .when_full = GODWIT_WHEN_FULL_DROP_OLDEST));
    fill_while_open ();
}

Test (delivery_room, what_is_acknowledged_holds_up_nobody)
{
    begin (GODWIT_DELIVERY_OPTIONS (.queue_limit = 10, .block_ms = 1));
    fill_while_open ();
}

Test (delivery_room, what_is_acknowledged_does_not_count_in_bytes_either)
{
    begin (GODWIT_DELIVERY_OPTIONS (.max_queue_size = 2000, .when_full = GODWIT_WHEN_FULL_FAIL));
    fill_while_open ();
}

Test (delivery_room, what_is_acknowledged_leaves_a_full_spool)
{
    spool_limit = 10;
    begin_spooled (GODWIT_DELIVERY_OPTIONS (.block_ms = 100));
    fill_while_open ();
}

/* Nobody has acknowledged anything: it waits for its time, and fails. */
Test (delivery_room, a_full_spool_is_waited_for)
{
    unsigned dropped;
    spool_limit = 10;
    begin_spooled (GODWIT_DELIVERY_OPTIONS (.block_ms = 100));
    for (int64_t i = 0; i < 10; i++)
        MUST (notify (GODWIT_PRIORITY_INFO, i, &dropped, &error));
    cr_assert_eq (notify (GODWIT_PRIORITY_INFO, 10, &dropped, NULL), GODWIT_ERR_OVERLOADED);
    end ();
}
