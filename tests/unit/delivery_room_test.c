/* SPDX-License-Identifier: Apache-2.0 */
/* Notifications for which there is no room: what the log and the caller hear. In small simulated clusters,
 * so that time stands still unless it is told to go on. */
#include "tests/support/memory_spool.h"
#include "tests/support/must.h"

#include <godwit/godwit.h>
#include <godwit/testing.h>
#include <stdio.h>
#include <string.h>

static godwit_cluster_t *cluster;
static godwit_transport_t *sender;
static godwit_notifier_t *notifier;
static godwit_spool_t *spool;
static godwit_spool_ops_t ops;
static const godwit_spool_ops_t *real_ops;
static bool is_full;
static char line[512]; /* the first warning that is about room */
static unsigned line_count;

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

/* A spool that is full while is_full is set. */
static godwit_status_t
append (godwit_spool_t *self, godwit_spool_item_t *items, size_t count, godwit_spool_safe_fn *safe,
        void *user, godwit_error_t **error)
{
    if (!is_full)
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
begin_spooled (godwit_when_full_t when_full)
{
    spool = memory_spool_new ();
    real_ops = spool->ops;
    ops = *real_ops;
    ops.append = append;
    spool->ops = &ops;
    begin (GODWIT_DELIVERY_OPTIONS (.spool = spool, .when_full = when_full));
    is_full = true;
}

static void
end (void)
{
    is_full = false;
    godwit_notifier_destroy (&notifier);
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
    begin_spooled (GODWIT_WHEN_FULL_DROP_NEWEST);
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
    begin_spooled (GODWIT_WHEN_FULL_FAIL);
    cr_assert_eq (notify (GODWIT_PRIORITY_INFO, 1, &dropped, &error), GODWIT_ERR_OVERLOADED);
    cr_assert_eq (godwit_error_status (error), GODWIT_ERR_OVERLOADED);
    cr_assert_str_eq (godwit_error_message (error),
                      "the topic notifications.info: the spool is full: no room on the planted disk");
    godwit_error_destroy (&error);
    end ();
}
