/* SPDX-License-Identifier: Apache-2.0 */
/* The rights to publish notifications, and to listen to them. Nothing that was accepted is lost by a refusal.
 */
#include "src/runtime/transport.h"
#include "src/wire/notify_frame.h"
#include "tests/support/liar.h"
#include "tests/support/must.h"

#include <string.h>

static unsigned handled;

static godwit_handled_t
on_info (const godwit_notification_t *notification, void *self)
{
    (void) notification, (void) self;
    handled++;
    return GODWIT_HANDLED;
}

static godwit_listener_t *
listener_of (rights_node_t *node)
{
    const godwit_notification_endpoint_t endpoint = GODWIT_NOTIFICATION_ENDPOINT (.info = on_info);
    godwit_listener_t *listener = NULL;
    handled = 0;
    MUST (godwit_listener_new (&listener, node->transport, GODWIT_TARGET (.topic = "news"), 1, &endpoint, 1,
                               NULL, &error));
    return listener;
}

static godwit_notifier_t *
notifier_of (rights_node_t *node)
{
    static const char *const topics[] = {"news"};
    godwit_notifier_t *notifier = NULL;
    MUST (godwit_notifier_new (&notifier, node->transport,
                               GODWIT_NOTIFIER_OPTIONS (.topics = topics, .topic_count = 1), &error));
    return notifier;
}

static godwit_status_t
notify (godwit_notifier_t *notifier, bool strict, godwit_notify_report_t *report, godwit_error_t **error)
{
    return godwit_notify (notifier, GODWIT_PRIORITY_INFO, NULL, "happened", GODWIT_INT (NULL, 1),
                          GODWIT_NOTIFY_OPTIONS (.strict = strict, .report = report), error);
}

static uint64_t
kept (const godwit_notifier_t *notifier)
{
    godwit_notifier_stats_t stats = GODWIT_NOTIFIER_STATS;
    MUST (godwit_notifier_get_stats (notifier, &stats, &error));
    return stats.kept;
}

Test (rights_notify, what_is_allowed_is_handled)
{
    rights_world_t *world = rights_world_open ();
    rights_node_t *const reader = rights_node (world, "reader", "serve godwit/news");
    rights_node_t *const press = rights_node (world, "press", "publish godwit/news");
    godwit_listener_t *listener = listener_of (reader);
    godwit_notifier_t *notifier = notifier_of (press);
    MUST (godwit_listener_start (listener, NULL, &error));
    MUST (notify (notifier, true, NULL, &error));
    MUST (godwit_notifier_flush (notifier, 10000, &error));
    cr_assert_eq (handled, 1u);
    godwit_notifier_destroy (&notifier);
    godwit_listener_destroy (&listener);
    rights_world_close (&world);
}

Test (rights_notify, a_listener_without_the_right_does_not_start)
{
    rights_world_t *world = rights_world_open ();
    rights_node_t *const reader = rights_node (world, "reader", "serve godwit/other, publish */*");
    godwit_listener_t *listener = listener_of (reader);
    godwit_error_t *denied = NULL;
    cr_assert_eq (godwit_listener_start (listener, NULL, &denied), GODWIT_ERR_PERMISSION_DENIED);
    cr_assert (strstr (godwit_error_message (denied), "\"reader\" may not serve godwit/news"), "%s",
               godwit_error_message (denied));
    godwit_error_destroy (&denied);
    godwit_listener_destroy (&listener);
    rights_world_close (&world);
}

Test (rights_notify, the_program_hears_that_it_may_not)
{
    rights_world_t *world = rights_world_open ();
    rights_node_t *const press = rights_node (world, "press", "publish godwit/other, serve */*, call */*");
    godwit_notifier_t *notifier = notifier_of (press);
    godwit_notify_report_t report = GODWIT_NOTIFY_REPORT;
    godwit_error_t *denied = NULL;
    cr_assert_eq (notify (notifier, true, NULL, &denied), GODWIT_ERR_PERMISSION_DENIED);
    cr_assert (strstr (godwit_error_message (denied), "\"press\" may not publish godwit/news"), "%s",
               godwit_error_message (denied));
    godwit_error_destroy (&denied);
    MUST (notify (notifier, false, &report, &error));
    cr_assert_eq (report.drivers[0].status, GODWIT_ERR_PERMISSION_DENIED);
    cr_assert_eq (report.drivers[0].failed, 1u);
    cr_assert_eq (rights_logged (press, GODWIT_LOG_WARNING, "\"press\" may not publish godwit/news"), 1u);
    cr_assert_eq (kept (notifier), 0u);
    godwit_notifier_destroy (&notifier);
    rights_world_close (&world);
}

/* ---- who notifies all the same ---- */

/* A NOTIFY of one item, which need not be a notification: it is refused before that is looked at. */
static void
send_notify (rogue_t *rogue, godwit__channel_t *link, uint64_t id)
{
    uint8_t *const data = rogue->buffer;
    godwit__header_write (
        data,
        &(godwit__header_t){.type = GODWIT__NOTIFY, .flags = GODWIT__FLAG_FIRST, .target = 1, .id = id});
    godwit__put_u32 (data + GODWIT__HEADER_SIZE, 1);
    godwit__put_u32 (data + GODWIT__HEADER_SIZE + 4, 0);
    data[GODWIT__HEADER_SIZE + 8] = 0xc0;
    rogue_send (rogue, link, 0, &(godwit__message_t){.data = data, .size = GODWIT__HEADER_SIZE + 9});
}

Test (rights_notify, who_notifies_all_the_same_is_refused)
{
    rights_world_t *world = rights_world_open ();
    rights_node_t *const reader = rights_node (world, "reader", "serve godwit/news");
    godwit_listener_t *listener = listener_of (reader);
    MUST (godwit_listener_start (listener, NULL, &error));
    rogue_t *evil = rogue_open (world, "evil", "call */*, serve */*, publish godwit/other");
    godwit__channel_t *const link = rogue_connect (evil, "sim://reader:20000");
    rogue_hello (evil, link, rogue_instance (evil));
    send_notify (evil, link, 1);
    cr_assert_str_eq (rogue_expect_nack (evil, link, GODWIT__NACK_FORBIDDEN),
                      "\"evil\" may not publish godwit/news");
    cr_assert_eq (handled, 0u);
    cr_assert_eq (rights_refused (reader), 1u);
    cr_assert_eq (rights_logged (reader, GODWIT_LOG_WARNING,
                                 "a notification was refused: \"evil\" may not publish godwit/news"),
                  1u);
    godwit_listener_destroy (&listener);
    rogue_close (&evil);
    rights_world_close (&world);
}

/* ---- a listener that refuses ---- */

Test (rights_notify, what_a_listener_refuses_is_kept_and_not_sent_at_once_again)
{
    rights_world_t *world = rights_world_new (1);
    liar_host_t host;
    liar_server_t reader;
    liar_host_open (&host, world, "host */*");
    liar_server_open (&reader, world, "serve godwit/news", "notify:news.info");
    reader.nack = GODWIT__NACK_FORBIDDEN;
    rights_node_t *const press = rights_node (world, "press", "publish godwit/news");
    godwit_notifier_t *notifier = notifier_of (press);
    liar_host_tell (&host, &(told_t){reader.instance, 1, "notify:news.info", "evil", reader.address});
    MUST (notify (notifier, true, NULL, &error));
    godwit_cluster_run (world->cluster, 10000);
    cr_assert_geq (reader.notifies, 2u);
    cr_assert_leq (reader.notifies, 12u);
    cr_assert_eq (kept (notifier), 1u);
    cr_assert_eq (
        rights_logged (press, GODWIT_LOG_WARNING,
                       "notifications were refused by the listener at sim://evil:20000, and are kept: "
                       "not from you"),
        1u);
    reader.nack = 0;
    MUST (godwit_notifier_flush (notifier, 10000, &error));
    cr_assert_eq (kept (notifier), 0u);
    godwit_notifier_destroy (&notifier);
    liar_server_close (&reader);
    liar_host_close (&host);
    rights_world_close (&world);
}
