/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners, and what notifiers keep for them, when the n-th allocation fails: they say so or do without,
 * leak nothing, lose nothing that was accepted, and can be used again. All runs in this thread, with
 * external_loop. */
#include "tests/support/short_memory.h"

#include <godwit/godwit.h>

#include <string.h>

#ifndef SHORT_MEMORY_SANITIZED

/* What is accepted comes, though memory was short for a moment. */
#define LIMIT_MS 200

static godwit_transport_t *transport;
static unsigned got;

static void
open_world (void)
{
    cr_assert_eq (godwit_transport_new (&transport, "inproc://alloc-listener/",
                                        GODWIT_TRANSPORT_OPTIONS (.external_loop = true), NULL),
                  GODWIT_OK);
}

static void
close_world (void)
{
    godwit_transport_destroy (&transport);
}

static void
look (const godwit_notification_t *notification)
{
    godwit_priority_t priority;
    cr_assert (godwit_priority_parse (godwit_priority_name (godwit_notification_priority (notification)),
                                      &priority));
    cr_assert_eq (priority, GODWIT_PRIORITY_INFO);
    cr_assert_str_eq (godwit_notification_publisher_id (notification), "p");
    cr_assert_str_eq (godwit_notification_event_type (notification), "e");
    cr_assert_eq (strlen (godwit_notification_message_id (notification)), 36);
    cr_assert_eq (strlen (godwit_notification_timestamp (notification)), 26);
    cr_assert_str_eq (godwit_notification_exchange (notification), "godwit");
    cr_assert_str_eq (godwit_notification_topic (notification), "notifications");
    cr_assert_eq (godwit_value_as_int (godwit_notification_payload (notification), 0), 7);
    cr_assert_eq (godwit_value_count (godwit_notification_context (notification)), 0);
    cr_assert_leq (godwit_notification_redeliveries (notification), 2);
}

static godwit_handled_t
on_info (const godwit_notification_t *notification, void *self)
{
    (void) self;
    look (notification);
    got++;
    return GODWIT_HANDLED;
}

static godwit_handled_t
on_batch (const godwit_notification_t *const *notifications, size_t count, void *self)
{
    (void) self;
    for (size_t i = 0; i < count; i++)
        on_info (notifications[i], NULL);
    return GODWIT_HANDLED;
}

/* Sends one, and waits until it is acknowledged, or (flush false) accepted. */
static godwit_status_t
notify (godwit_notifier_t **notifier, bool flush, godwit_error_t **error)
{
    godwit_notifier_stats_t stats = GODWIT_NOTIFIER_STATS;
    godwit_status_t status =
        godwit_notifier_new (notifier, transport, GODWIT_NOTIFIER_OPTIONS (.publisher_id = "p"), error);
    if (!status)
        status = godwit_notify (*notifier, GODWIT_PRIORITY_INFO, NULL, "e", GODWIT_INT (NULL, 7),
                                GODWIT_NOTIFY_OPTIONS (.strict = true), error);
    if (!status && flush)
        status = godwit_notifier_flush (*notifier, LIMIT_MS, error);
    if (!status)
        status = godwit_notifier_get_stats (*notifier, &stats, error);
    cr_assert (status || (stats.accepted == 1 && godwit_notifier_is_enabled (*notifier)));
    return status;
}

static godwit_status_t
listen_and_notify (const godwit_notification_endpoint_t *endpoint, const godwit_listener_options_t *options,
                   godwit_error_t **error)
{
    const unsigned before = got;
    godwit_listener_t *listener = NULL;
    godwit_notifier_t *notifier = NULL;
    godwit_status_t status = godwit_listener_new (
        &listener, transport, GODWIT_TARGET (.topic = "notifications"), 1, endpoint, 1, options, error);
    if (!status)
        status = godwit_listener_start (listener, NULL, error);
    if (!status)
        status = notify (&notifier, true, error);
    cr_assert (status || got > before);
    godwit_notifier_destroy (&notifier);
    if (!status)
        status = godwit_listener_stop (listener, NULL, error);
    if (!status)
        status = godwit_listener_wait (listener, NULL, error);
    godwit_listener_destroy (&listener);
    return status;
}

static godwit_status_t
run_endpoint (godwit_error_t **error)
{
    const godwit_notification_endpoint_t endpoint = GODWIT_NOTIFICATION_ENDPOINT (.info = on_info);
    return listen_and_notify (&endpoint, GODWIT_LISTENER_OPTIONS (.name = "l", .drop_duplicates = 10), error);
}

static godwit_status_t
run_filter (godwit_error_t **error)
{
    const godwit_key_filter_t keys[] = {{"message_id", "."}};
    const godwit_notification_endpoint_t endpoint =
        GODWIT_NOTIFICATION_ENDPOINT (.info = on_info,
                                      .filter = GODWIT_FILTER (.event_type = "e", .metadata = keys,
                                                               .metadata_count = 1));
    return listen_and_notify (&endpoint, GODWIT_LISTENER_OPTIONS (.name = "l"), error);
}

static godwit_status_t
run_batch (godwit_error_t **error)
{
    const godwit_notification_endpoint_t endpoint =
        GODWIT_NOTIFICATION_ENDPOINT (.batch = on_batch, .batch_priorities = 1u << GODWIT_PRIORITY_INFO);
    return listen_and_notify (
        &endpoint, GODWIT_LISTENER_OPTIONS (.name = "l", .batch_size = 2, .batch_timeout_ms = 1), error);
}

static godwit_status_t
run_pull (godwit_error_t **error)
{
    godwit_listener_t *listener = NULL;
    godwit_notifier_t *notifier = NULL;
    godwit_notification_t *notification = NULL;
    godwit_status_t status =
        godwit_listener_new (&listener, transport, GODWIT_TARGET (.topic = "notifications"), 1, NULL, 0,
                             GODWIT_LISTENER_OPTIONS (.name = "l", .pull = true, .allow_requeue = true,
                                                      .priorities = 1u << GODWIT_PRIORITY_INFO),
                             error);
    if (!status)
        status = godwit_listener_start (listener, NULL, error);
    if (!status && godwit_listener_fd (listener, error) < 0)
        status = GODWIT_ERR_SYSTEM;
    if (!status)
        status = notify (&notifier, false, error);
    for (int i = 0; !status && i < 2; i++) { /* it is requeued once */
        status = godwit_listener_next (listener, LIMIT_MS, &notification, error);
        if (!status)
            look (notification);
        if (i == 0)
            godwit_notification_requeue (&notification);
        else
            godwit_notification_acknowledge (&notification);
    }
    godwit_notifier_destroy (&notifier);
    godwit_listener_destroy (&listener);
    return status;
}

static godwit_status_t
run_records (godwit_error_t **error)
{
    static const char *const drivers[] = {"test"};
    godwit_value_t *list = NULL;
    godwit_notifier_t *notifier = NULL;
    godwit_error_t *failure = godwit_error_new (GODWIT_ERR_FAILED, "planted");
    godwit_status_t status = godwit_notifier_new (
        &notifier, transport, GODWIT_NOTIFIER_OPTIONS (.drivers = drivers, .driver_count = 1), error);
    if (!status) {
        godwit_notify_log_record (notifier, GODWIT_LOG_WARNING, "a line");
        status = godwit_notify_failure (notifier, NULL, "what", failure, error);
    }
    godwit_notifier_destroy (&notifier);
    godwit_error_destroy (&failure);
    godwit_test_notifications (&list, NULL);
    godwit_value_unref (&list);
    godwit_test_notifications_clear ();
    return status;
}

TestSuite (alloc_listener, .timeout = 300);

Test (alloc_listener, any_allocation_may_fail_and_nothing_is_lost)
{
    static const short_memory_row_t rows[] = {{"endpoint", run_endpoint, 15},
                                              {"batch", run_batch, 15},
                                              {"pull", run_pull, 15},
                                              {"records", run_records, 2}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        short_memory_check (&rows[i], open_world, close_world);
}

/* The C library's regcomp leaks a block when an allocation of its own fails. */
Test (alloc_listener, any_allocation_of_a_filter_may_fail)
{
    static const short_memory_row_t row = {"filter", run_filter, 15};
    open_world ();
    cr_assert_geq (short_memory_sweep (&row), row.at_least);
    close_world ();
}

#else

Test (alloc_listener, is_left_to_the_builds_without_sanitizers)
{
}

#endif
