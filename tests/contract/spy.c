/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/contract/spy.h"

#include <stdio.h>

godwit_transport_t *transport;
log_book_t book;
spy_t spy;

static godwit_status_t
look (void *self, const godwit_notification_t *notification, int64_t retry, godwit_driver_report_t *report,
      godwit_error_t **error)
{
    spy_t *const to = self;
    to->count++;
    to->retry = retry;
    to->priority = godwit_notification_priority (notification);
    snprintf (to->message_id, 64, "%s", godwit_notification_message_id (notification));
    snprintf (to->publisher_id, 64, "%s", godwit_notification_publisher_id (notification));
    snprintf (to->event_type, 64, "%s", godwit_notification_event_type (notification));
    snprintf (to->timestamp, 64, "%s", godwit_notification_timestamp (notification));
    snprintf (to->exchange, 64, "%s", godwit_notification_exchange (notification));
    snprintf (to->topic, 64, "%s", godwit_notification_topic (notification));
    godwit_value_print (godwit_notification_context (notification), to->context, sizeof to->context);
    godwit_value_print (godwit_notification_payload (notification), to->payload, sizeof to->payload);
    cr_expect_eq (godwit_notification_redeliveries (notification), 0u);
    if (to->says_dropped)
        report->dropped = 2;
    if (to->fails_with)
        *error = godwit_error_new (to->fails_with, "the disk is on fire");
    return to->fails_with;
}

static const godwit_notify_driver_t spying = {
    .struct_size = sizeof spying, .name = "spy", .self = &spy, .notify = look};
const godwit_notify_driver_t *const own_drivers[1] = {&spying};
const char *const spies[1] = {"spy"};

void
spy_open_world (void)
{
    log_book_open (&book);
    spy = (spy_t){.count = 0};
    MUST (godwit_transport_new (
        &transport, "inproc://section10/",
        GODWIT_TRANSPORT_OPTIONS (.log = log_book_write, .log_user = &book, .max_message_size = 65536),
        &error));
}

void
spy_close_world (void)
{
    godwit_test_notifications_clear ();
    godwit_transport_destroy (&transport);
    log_book_close (&book);
}

godwit_notifier_t *
notifier_new (const godwit_notifier_options_t *options)
{
    godwit_notifier_t *notifier = NULL;
    MUST (godwit_notifier_new (&notifier, transport, options, &error));
    return notifier;
}
