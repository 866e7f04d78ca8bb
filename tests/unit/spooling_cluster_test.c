/* SPDX-License-Identifier: Apache-2.0 */
/* A notifier with a spool in a small simulated cluster: pools that are remembered and forgotten, looks, and a
 * spool that fails or is full. The spool is a simple one in memory, some functions of which are replaced. */
#include "tests/support/memory_spool.h"
#include "tests/support/must.h"

#include <godwit/godwit.h>
#include <godwit/testing.h>

#define STREAM "notify/godwit/notifications/info"

static godwit_cluster_t *cluster;
static godwit_transport_t *sender, *receiver;
static godwit_notifier_t *notifier;
static godwit_listener_t *listener;
static godwit_spool_t *spool;

/* ---- a spool that does not do what it should ---- */

static godwit_spool_ops_t planted;
static const godwit_spool_ops_t *real_ops;
static bool fails_set_pool, fails_remove_pool;
static size_t room; /* items; 0: any number */

static size_t
spooled (void)
{
    return memory_spool_count (spool, STREAM);
}

static godwit_status_t
refuse (godwit_status_t status, godwit_error_t **error)
{
    if (error)
        *error = godwit_error_new (status, "planted");
    return status;
}

static godwit_status_t
set_pool (godwit_spool_t *self, const char *stream, const char *pool, uint64_t settled, int64_t seen_ms,
          godwit_error_t **error)
{
    return fails_set_pool ? refuse (GODWIT_ERR_SYSTEM, error)
                          : real_ops->set_pool (self, stream, pool, settled, seen_ms, error);
}

static godwit_status_t
remove_pool (godwit_spool_t *self, const char *stream, const char *pool, uint64_t until,
             godwit_error_t **error)
{
    return fails_remove_pool ? refuse (GODWIT_ERR_SYSTEM, error)
                             : real_ops->remove_pool (self, stream, pool, until, error);
}

static godwit_status_t
append (godwit_spool_t *self, godwit_spool_item_t *items, size_t count, godwit_spool_safe_fn *safe,
        void *user, godwit_error_t **error)
{
    return room && spooled () >= room ? refuse (GODWIT_ERR_LIMIT_EXCEEDED, error)
                                      : real_ops->append (self, items, count, safe, user, error);
}

typedef struct telling {
    godwit_spool_stream_fn *tell;
    void *user;
} telling_t;

/* Its pools were seen last in 1970. */
static bool
tell_long_ago (void *user, const char *name, uint64_t last_number, const godwit_spool_pool_t *pools,
               size_t count)
{
    const telling_t *const telling = user;
    godwit_spool_pool_t told[8];
    for (size_t i = 0; i < count; i++) {
        told[i] = pools[i];
        told[i].seen_ms = 1;
    }
    return telling->tell (telling->user, name, last_number, told, count);
}

static godwit_status_t
streams (godwit_spool_t *self, godwit_spool_stream_fn *tell, void *user, godwit_error_t **error)
{
    telling_t telling = {tell, user};
    return real_ops->streams (self, tell_long_ago, &telling, error);
}

/* ---- the cluster ---- */

static void
set_up (void)
{
    fails_set_pool = fails_remove_pool = false;
    room = 0;
    spool = memory_spool_new ();
    real_ops = spool->ops;
    planted = *real_ops;
    planted.set_pool = set_pool;
    planted.remove_pool = remove_pool;
    planted.append = append;
    planted.streams = streams;
    spool->ops = &planted;
    MUST (godwit_cluster_new (&cluster, 7, &error));
    MUST (godwit_cluster_add (&sender, cluster, "sender", NULL, &error));
    MUST (godwit_cluster_add (&receiver, cluster, "receiver", NULL, &error));
}

static void
tear_down (void)
{
    godwit_notifier_destroy (&notifier);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&receiver);
    godwit_transport_destroy (&sender);
    godwit_cluster_destroy (&cluster);
    memory_spool_destroy (&spool);
}

TestSuite (spooling_cluster, .init = set_up, .fini = tear_down, .timeout = 30);

static void
open_notifier (const godwit_delivery_options_t *delivery)
{
    MUST (godwit_notifier_new (&notifier, sender, GODWIT_NOTIFIER_OPTIONS (.delivery = delivery), &error));
}

static godwit_status_t
try_notify (int64_t number)
{
    return godwit_notify (notifier, GODWIT_PRIORITY_INFO, NULL, "number", GODWIT_INT (NULL, number),
                          GODWIT_NOTIFY_OPTIONS (.strict = true), NULL);
}

static void
notify_many (int64_t from, int64_t to)
{
    for (int64_t i = from; i < to; i++)
        cr_assert_eq (try_notify (i), GODWIT_OK);
}

static void
listen (const char *pool, bool transient)
{
    MUST (godwit_listener_new (
        &listener, receiver, GODWIT_TARGET (.topic = "notifications"), 1, NULL, 0,
        GODWIT_LISTENER_OPTIONS (.pool = pool, .pull = true, .allow_requeue = true, .transient = transient),
        &error));
    MUST (godwit_listener_start (listener, NULL, &error));
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
handle_many (int64_t from, int64_t to, unsigned redeliveries)
{
    for (int64_t i = from; i < to; i++) {
        godwit_notification_t *notification = take (i, redeliveries);
        godwit_notification_acknowledge (&notification);
    }
}

static uint64_t
count_pools (void)
{
    godwit_notifier_stats_t stats = GODWIT_NOTIFIER_STATS;
    MUST (godwit_notifier_get_stats (notifier, &stats, &error));
    return stats.pools;
}

static void
await_pools (uint64_t count)
{
    for (int i = 0; count_pools () != count; i++) {
        cr_assert_lt (i, 1000);
        godwit_cluster_run (cluster, 10);
    }
}

/* ---- what is remembered ---- */

/* The time in which no notifier ran does not count, nor how long ago a pool was stored. */
Test (spooling_cluster, a_restart_forgets_no_pool)
{
    open_notifier (GODWIT_DELIVERY_OPTIONS (.spool = spool, .pool_memory_ms = 300));
    listen ("audit", false);
    notify_many (0, 1);
    handle_many (0, 1, 0);
    MUST (godwit_notifier_flush (notifier, 1000, &error));
    godwit_cluster_run (cluster, 5000);
    notify_many (1, 100);
    godwit_notifier_destroy (&notifier);
    cr_assert_eq (spooled (), 99);
    godwit_listener_destroy (&listener);
    open_notifier (GODWIT_DELIVERY_OPTIONS (.spool = spool, .pool_memory_ms = 5000));
    godwit_cluster_run (cluster, 3000);
    listen ("audit", false);
    handle_many (1, 100, 1);
    MUST (godwit_notifier_flush (notifier, 1000, &error));
}

/* It had died when the pool had it, and the spool had not heard of the pool. */
Test (spooling_cluster, what_came_before_the_pool_was_stored_is_marked)
{
    fails_set_pool = true;
    open_notifier (GODWIT_DELIVERY_OPTIONS (.spool = spool));
    listen ("audit", false);
    godwit_cluster_run (cluster, 2000); /* it is known before anything is sent */
    notify_many (0, 1);
    handle_many (0, 1, 0);
    godwit_cluster_run (cluster, 5000);
    godwit_notifier_destroy (&notifier);
    fails_set_pool = false;
    open_notifier (GODWIT_DELIVERY_OPTIONS (.spool = spool));
    handle_many (0, 1, 1);
    notify_many (1, 2);
    handle_many (1, 2, 0);
}

/* It is forgotten, the spool cannot be told, and it is there again. */
Test (spooling_cluster, a_pool_that_comes_back_is_a_new_one)
{
    open_notifier (GODWIT_DELIVERY_OPTIONS (.spool = spool, .pool_memory_ms = 100));
    listen ("audit", false);
    notify_many (0, 1);
    handle_many (0, 1, 0);
    godwit_cluster_run (cluster, 3000);
    fails_remove_pool = true;
    godwit_listener_destroy (&listener);
    await_pools (0);
    listen ("audit", false);
    await_pools (1);
    godwit_cluster_run (cluster, 2500);
    fails_remove_pool = false;
    godwit_cluster_run (cluster, 2500);
    notify_many (1, 100);
    handle_many (1, 100, 0);
    MUST (godwit_notifier_flush (notifier, 1000, &error));
    godwit_cluster_run (cluster, 3000);
    cr_assert_eq (spooled (), 0);
}

/* What was accepted after the last pool was forgotten, and before the spool has heard of that, is kept. */
Test (spooling_cluster, what_comes_after_the_last_pool_is_kept)
{
    open_notifier (GODWIT_DELIVERY_OPTIONS (.spool = spool, .pool_memory_ms = 100));
    listen ("audit", false);
    notify_many (0, 10);
    handle_many (0, 9, 0);
    godwit_cluster_run (cluster, 3000);
    fails_remove_pool = true;
    godwit_listener_destroy (&listener);
    await_pools (0);
    notify_many (10, 20);
    fails_remove_pool = false;
    godwit_cluster_run (cluster, 3000);
    cr_assert_eq (spooled (), 10);
    listen ("later", false);
    handle_many (10, 20, 0);
}

/* ---- looks ---- */

/* However long it takes: what is kept is kept for the first pool that stays. */
static void
look (int64_t ms)
{
    open_notifier (GODWIT_DELIVERY_OPTIONS (.spool = spool));
    notify_many (0, 100);
    godwit_cluster_run (cluster, 5000);
    listen ("look", true);
    handle_many (0, 1, 0);
    godwit_cluster_run (cluster, ms);
    handle_many (1, 100, 0);
    MUST (godwit_notifier_flush (notifier, 1000, &error));
    godwit_listener_destroy (&listener);
    await_pools (0);
    godwit_cluster_run (cluster, 5000);
    notify_many (100, 110);
    listen ("audit", false);
    handle_many (0, 110, 0);
    MUST (godwit_notifier_flush (notifier, 1000, &error));
    godwit_cluster_run (cluster, 5000);
    cr_assert_eq (spooled (), 0);
}

Test (spooling_cluster, a_short_look_takes_nothing_away)
{
    look (0);
}

Test (spooling_cluster, a_long_look_takes_nothing_away)
{
    look (10000);
}

/* The looker's pool gets a listener that stays: from then on it is remembered. */
Test (spooling_cluster, a_look_may_become_a_pool)
{
    open_notifier (GODWIT_DELIVERY_OPTIONS (.spool = spool));
    listen ("audit", true);
    notify_many (0, 10);
    handle_many (0, 10, 0);
    godwit_listener_t *const looker = listener;
    listen ("audit", false);
    godwit_cluster_run (cluster, 5000);
    godwit_listener_destroy (&(godwit_listener_t *){looker});
    godwit_listener_destroy (&listener);
    godwit_cluster_run (cluster, 5000);
    cr_assert_eq (count_pools (), 1);
    cr_assert_eq (spooled (), 0);
    notify_many (10, 20);
    listen ("audit", false);
    handle_many (10, 20, 0);
}

/* ---- no room ---- */

/* What is acknowledged makes the room that a dead letter waits for. */
Test (spooling_cluster, a_dead_letter_waits_for_room)
{
    room = 10;
    open_notifier (GODWIT_DELIVERY_OPTIONS (.spool = spool, .max_requeues = 1, .requeue_first_ms = 1,
                                            .when_full = GODWIT_WHEN_FULL_FAIL,
                                            .when_exhausted = GODWIT_WHEN_EXHAUSTED_DEAD_LETTER));
    listen ("audit", false);
    godwit_notification_t *taken[10];
    for (int64_t i = 0; i < 10; i++) { /* each in a frame of its own */
        notify_many (i, i + 1);
        taken[i] = take (i, 0);
    }
    godwit_cluster_run (cluster, 3000);
    cr_assert_eq (try_notify (10), GODWIT_ERR_OVERLOADED);
    godwit_notification_requeue (&taken[0]);
    taken[0] = take (0, 1);
    godwit_notification_requeue (&taken[0]);
    godwit_cluster_run (cluster, 3000);
    for (int64_t i = 1; i < 10; i++)
        godwit_notification_acknowledge (&taken[i]);
    godwit_cluster_run (cluster, 5000);
    cr_assert_eq (spooled (), 0); /* it is in the other stream */
    cr_assert_eq (try_notify (10), GODWIT_OK);
}
