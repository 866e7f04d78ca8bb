/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 10: the drivers of a notifier, and what they report. */
#include "tests/contract/spy.h"

#include <stdio.h>

TestSuite (section10_drivers, .init = spy_open_world, .fini = spy_close_world);

static void
expect_tested (size_t count, const char *last_event)
{
    godwit_value_t *list = NULL;
    MUST (godwit_test_notifications (&list, &error));
    cr_expect_eq (godwit_value_count (list), count, "%zu, not %zu", godwit_value_count (list), count);
    if (count) {
        const godwit_value_t *const last = godwit_value_at (list, count - 1);
        cr_expect_str_eq (godwit_value_as_str (godwit_value_get (last, "event_type"), "none"), last_event);
    }
    godwit_value_unref (&list);
}

Test (section10_drivers, several_drivers_each_get_a_notification)
{
    godwit_notifier_t *notifier =
        notifier_new (GODWIT_NOTIFIER_OPTIONS (DRIVERS ("test", "log", "spy", "noop", "test")));
    godwit_notify_report_t report = GODWIT_NOTIFY_REPORT;
    MUST (godwit_notify (notifier, GODWIT_PRIORITY_WARN, NULL, "e", GODWIT_INT (NULL, 1),
                         GODWIT_NOTIFY_OPTIONS (.report = &report), &error));
    expect_tested (1, "e"); /* a driver that is named twice is one driver */
    cr_expect_eq (spy.count, 1u);
    cr_expect_eq (log_book_count (&book, GODWIT_LOG_WARNING, "notification {"), 1u);
    static const char *const names[] = {"test", "log", "spy", "noop"};
    cr_assert_eq (report.driver_count, 4u);
    for (size_t i = 0; i < 4; i++) {
        cr_expect_str_eq (report.drivers[i].driver, names[i]);
        cr_expect_eq (report.drivers[i].status, GODWIT_OK);
        cr_expect (report.drivers[i].accepted == 1 && !report.drivers[i].dropped &&
                   !report.drivers[i].failed);
    }
    cr_expect_str_eq (report.message_id, spy.message_id);
    godwit_notifier_destroy (&notifier);
}

Test (section10_drivers, log_writes_a_line_of_json)
{
    godwit_notifier_t *notifier =
        notifier_new (GODWIT_NOTIFIER_OPTIONS (DRIVERS ("log"), .publisher_id = "two\nlines"));
    static const struct {
        godwit_priority_t priority;
        godwit_log_level_t level;
    } cases[] = {{GODWIT_PRIORITY_AUDIT, GODWIT_LOG_INFO},  {GODWIT_PRIORITY_DEBUG, GODWIT_LOG_DEBUG},
                 {GODWIT_PRIORITY_INFO, GODWIT_LOG_INFO},   {GODWIT_PRIORITY_WARN, GODWIT_LOG_WARNING},
                 {GODWIT_PRIORITY_ERROR, GODWIT_LOG_ERROR}, {GODWIT_PRIORITY_CRITICAL, GODWIT_LOG_ERROR},
                 {GODWIT_PRIORITY_SAMPLE, GODWIT_LOG_INFO}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char event[32];
        snprintf (event, sizeof event, "event.%s", godwit_priority_name (cases[i].priority));
        MUST (godwit_notify (notifier, cases[i].priority, NULL, event,
                             GODWIT_MAP (NULL, GODWIT_STR ("text", "a \"b\"\nc")), NULL, &error));
        cr_expect_eq (log_book_count (&book, cases[i].level, event), 1u, "%s", event);
    }
    cr_expect_eq (log_book_count (&book, GODWIT_LOG_WARNING, "\"priority\": \"WARN\""), 1u);
    cr_expect_eq (log_book_count (&book, GODWIT_LOG_WARNING, "\"payload\": {\"text\": \"a \\\"b\\\"\\nc\"}"),
                  1u);
    cr_expect_eq (log_book_count (&book, GODWIT_LOG_WARNING, "\"publisher_id\": \"two\\nlines\""), 1u);
    cr_expect_eq (log_book_count (&book, GODWIT_LOG_WARNING, "\"message_id\": \""), 1u);
    godwit_notifier_destroy (&notifier);
}

Test (section10_drivers, test_keeps_the_last_1024_of_the_process)
{
    godwit_notifier_t *one = notifier_new (GODWIT_NOTIFIER_OPTIONS (DRIVERS ("test"), .publisher_id = "one"));
    godwit_notifier_t *two = notifier_new (GODWIT_NOTIFIER_OPTIONS (DRIVERS ("test"), .publisher_id = "two"));
    godwit_value_t *list = NULL;
    expect_tested (0, NULL);
    for (int i = 0; i < 1030; i++)
        MUST (godwit_notify_info (i % 2 ? two : one, NULL, "e", GODWIT_INT (NULL, i), &error));
    MUST (godwit_test_notifications (&list, &error));
    cr_assert_eq (godwit_value_count (list), 1024u);
    for (int i = 0; i < 1024; i++) {
        const godwit_value_t *const map = godwit_value_at (list, (size_t) i);
        cr_assert_eq (godwit_value_as_int (godwit_value_get (map, "payload"), -1), i + 6);
        cr_assert_str_eq (godwit_value_as_str (godwit_value_get (map, "publisher_id"), ""),
                          i % 2 ? "two" : "one");
    }
    const godwit_value_t *const last = godwit_value_at (list, 1023);
    static const char *const keys[] = {"priority", "publisher_id", "event_type", "payload",
                                       "context",  "message_id",   "timestamp"};
    cr_expect_eq (godwit_value_count (last), 7u);
    for (int i = 0; i < 7; i++)
        cr_expect_not_null (godwit_value_get (last, keys[i]), "%s", keys[i]);
    cr_expect_str_eq (godwit_value_as_str (godwit_value_get (last, "priority"), ""), "INFO");
    godwit_value_unref (&list);
    godwit_test_notifications_clear ();
    expect_tested (0, NULL);
    MUST (godwit_notify_info (one, NULL, "after", GODWIT_NIL (NULL), &error));
    expect_tested (1, "after");
    godwit_notifier_destroy (&one);
    godwit_notifier_destroy (&two);
}

Test (section10_drivers, a_failing_driver_is_logged_and_not_raised)
{
    godwit_notifier_t *notifier =
        notifier_new (GODWIT_NOTIFIER_OPTIONS (DRIVERS ("spy", "test"), .publisher_id = "p"));
    godwit_notify_report_t report = GODWIT_NOTIFY_REPORT;
    spy.fails_with = GODWIT_ERR_SYSTEM;
    for (int i = 0; i < 5; i++)
        MUST (godwit_notify (notifier, GODWIT_PRIORITY_INFO, NULL, "e", GODWIT_INT (NULL, 1),
                             GODWIT_NOTIFY_OPTIONS (.report = &report), &error));
    cr_expect_eq (spy.count, 5u);
    expect_tested (5, "e"); /* the driver after it has had each */
    cr_assert_eq (report.driver_count, 2u);
    cr_expect (report.drivers[0].status == GODWIT_ERR_SYSTEM && report.drivers[0].failed == 1 &&
               !report.drivers[0].accepted);
    cr_expect (report.drivers[1].status == GODWIT_OK && report.drivers[1].accepted == 1);
    cr_expect_eq (log_book_count (&book, GODWIT_LOG_WARNING, "the driver spy failed"), 1u, "once a minute");
    cr_expect_eq (log_book_count (&book, GODWIT_LOG_WARNING, "the disk is on fire"), 1u);
    godwit_notifier_destroy (&notifier);
}

Test (section10_drivers, strict_returns_the_first_failure)
{
    godwit_notifier_t *notifier = notifier_new (GODWIT_NOTIFIER_OPTIONS (DRIVERS ("spy", "test")));
    godwit_notify_report_t report = GODWIT_NOTIFY_REPORT;
    spy.fails_with = GODWIT_ERR_SYSTEM;
    FAILS (GODWIT_ERR_SYSTEM, "the disk is on fire",
           godwit_notify (notifier, GODWIT_PRIORITY_INFO, NULL, "e", GODWIT_INT (NULL, 1),
                          GODWIT_NOTIFY_OPTIONS (.strict = true, .report = &report), &error));
    cr_expect_eq (godwit_notify (notifier, GODWIT_PRIORITY_INFO, NULL, "e", GODWIT_INT (NULL, 1),
                                 GODWIT_NOTIFY_OPTIONS (.strict = true), NULL),
                  GODWIT_ERR_SYSTEM);
    expect_tested (2, "e");
    cr_expect_eq (report.driver_count, 2u);
    cr_expect_eq (log_book_count (&book, GODWIT_LOG_WARNING, "failed"), 0u, "what is returned is not logged");
    spy.fails_with = GODWIT_OK;
    spy.says_dropped = true;
    MUST (godwit_notify (notifier, GODWIT_PRIORITY_INFO, NULL, "e", GODWIT_INT (NULL, 1),
                         GODWIT_NOTIFY_OPTIONS (.strict = true, .report = &report), &error));
    cr_expect (report.drivers[0].dropped == 2 && !report.drivers[0].accepted && !report.drivers[0].failed);
    godwit_notifier_destroy (&notifier);
}

Test (section10_drivers, drivers_are_known_by_name)
{
    godwit_notifier_t *notifier = NULL;
    const godwit_notify_driver_t log_again = {
        .struct_size = sizeof log_again, .name = "log", .notify = own_drivers[0]->notify};
    static const godwit_notify_driver_t empty = {.struct_size = sizeof empty, .name = "empty"};
    const godwit_notify_driver_t *own = &log_again;
#define NEW(...) godwit_notifier_new (&notifier, transport, GODWIT_NOTIFIER_OPTIONS (__VA_ARGS__), &error)
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, "got \"mesaging\"", NEW (DRIVERS ("mesaging")));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, "drivers[1]: expected 1 to 64 bytes, got \"\"",
           NEW (DRIVERS ("log", "")));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, "the name log is that of",
           NEW (.own_drivers = &own, .own_driver_count = 1));
    own = &empty;
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, "own_drivers[0]: expected a name and the function notify",
           NEW (.own_drivers = &own, .own_driver_count = 1));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, "own_drivers: expected 1 drivers, got NULL",
           NEW (.own_driver_count = 1));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, "drivers: expected 2 names, got NULL", NEW (.driver_count = 2));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, "topics[0]: expected 1 to 239 bytes, got \"\"",
           NEW (.topics = (const char *const[]){""}, .topic_count = 1));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, "topics: expected at least one",
           NEW (.topics = (const char *const[]){""}));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, "retry: expected -1 or more", NEW (.retry = -2));
    FAILS (GODWIT_ERR_DRIVER_LOAD, "The driver routing needs godwit-routing",
           NEW (DRIVERS ("routing"), .routing_config = "routes.yaml"));
    cr_expect_null (notifier);
}

/* ---- the messaging drivers ---- */

Test (section10_drivers, messaging_keeps_a_copy_for_each_topic)
{
    godwit_notifier_t *notifier = notifier_new (GODWIT_NOTIFIER_OPTIONS (
        DRIVERS ("messaging"), .topics = (const char *const[]){"a", "b", "c"}, .topic_count = 3));
    godwit_notify_report_t report = GODWIT_NOTIFY_REPORT;
    godwit_notifier_stats_t stats = GODWIT_NOTIFIER_STATS;
    MUST (godwit_notify (notifier, GODWIT_PRIORITY_INFO, NULL, "e", GODWIT_INT (NULL, 1),
                         GODWIT_NOTIFY_OPTIONS (.report = &report), &error));
    cr_assert_eq (report.driver_count, 1u);
    cr_expect_str_eq (report.drivers[0].driver, "messaging");
    cr_expect_eq (report.drivers[0].accepted, 3u);
    MUST (godwit_notifier_get_stats (notifier, &stats, &error));
    cr_expect_eq (stats.accepted, 3u);
    cr_expect_eq (stats.kept, 3u, "until there is a listener");
    FAILS (GODWIT_ERR_TIMEOUT, "", godwit_notifier_flush (notifier, 0, &error));
    stats.struct_size = 0;
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, "GODWIT_NOTIFIER_STATS",
           godwit_notifier_get_stats (notifier, &stats, &error));
    godwit_notifier_destroy (&notifier);
}

Test (section10_drivers, what_is_dropped_and_fails_stands_in_the_report)
{
    godwit_notify_report_t report = GODWIT_NOTIFY_REPORT;
    godwit_notifier_t *notifier = notifier_new (GODWIT_NOTIFIER_OPTIONS (
        DRIVERS ("messaging"),
        .delivery = GODWIT_DELIVERY_OPTIONS (.queue_limit = 1, .when_full = GODWIT_WHEN_FULL_DROP_NEWEST)));
    for (int i = 0; i < 2; i++)
        MUST (godwit_notify (notifier, GODWIT_PRIORITY_INFO, NULL, "e", GODWIT_INT (NULL, 1),
                             GODWIT_NOTIFY_OPTIONS (.strict = true, .report = &report), &error));
    cr_expect (!report.drivers[0].accepted && report.drivers[0].dropped == 1 && !report.drivers[0].failed);
    godwit_notifier_destroy (&notifier);

    notifier = notifier_new (GODWIT_NOTIFIER_OPTIONS (
        DRIVERS ("messaging"), .topics = (const char *const[]){"a", "b"}, .topic_count = 2,
        .delivery = GODWIT_DELIVERY_OPTIONS (.queue_limit = 1, .when_full = GODWIT_WHEN_FULL_FAIL)));
    FAILS (GODWIT_ERR_OVERLOADED, "",
           godwit_notify (notifier, GODWIT_PRIORITY_INFO, NULL, "e", GODWIT_INT (NULL, 1),
                          GODWIT_NOTIFY_OPTIONS (.strict = true, .report = &report), &error));
    cr_expect (report.drivers[0].accepted == 1 && !report.drivers[0].dropped &&
               report.drivers[0].failed == 1);
    godwit_notifier_destroy (&notifier);
}
