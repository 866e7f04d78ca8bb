/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 10: the notifier. What travels as its context is in section10_context_test.c, its drivers are in
 * section10_drivers_test.c, and what listeners make of it is in section10_listener_test.c. */
#include "tests/contract/spy.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

TestSuite (section10_notifier, .init = spy_open_world, .fini = spy_close_world);

/* ---- the message ---- */

Test (section10_notifier, each_priority_has_a_function)
{
    godwit_notifier_t *notifier = notifier_new (SPIED (.publisher_id = "p"));
    typedef godwit_status_t at_fn (godwit_notifier_t *, const godwit_value_t *, const char *, godwit_field_t,
                                   godwit_error_t **);
    at_fn *const at[GODWIT_PRIORITY_COUNT] = {
        [GODWIT_PRIORITY_AUDIT] = godwit_notify_audit,  [GODWIT_PRIORITY_DEBUG] = godwit_notify_debug,
        [GODWIT_PRIORITY_INFO] = godwit_notify_info,    [GODWIT_PRIORITY_WARN] = godwit_notify_warn,
        [GODWIT_PRIORITY_ERROR] = godwit_notify_error,  [GODWIT_PRIORITY_CRITICAL] = godwit_notify_critical,
        [GODWIT_PRIORITY_SAMPLE] = godwit_notify_sample};
    for (int i = 0; i < GODWIT_PRIORITY_COUNT; i++) {
        MUST (at[i](notifier, NULL, "e", GODWIT_NIL (NULL), &error));
        cr_expect_eq ((int) spy.priority, i);
    }
    cr_expect_eq (spy.count, 7u);
    godwit_notifier_destroy (&notifier);
}

static bool
is_uuid4 (const char *text)
{
    for (int i = 0; i < 36; i++)
        if (i == 8 || i == 13 || i == 18 || i == 23
                ? text[i] != '-'
                : !isxdigit ((unsigned char) text[i]) || isupper (text[i]))
            return false;
    return text[14] == '4' && strchr ("89ab", text[19]) && !text[36];
}

Test (section10_notifier, a_message_has_all_its_parts)
{
    godwit_notifier_t *notifier = notifier_new (SPIED (.publisher_id = "compute.host1"));
    char before[32], after[32];
    time_t now = time (NULL);
    struct tm parts;
    strftime (before, sizeof before, "%Y-%m-%d %H:%M:%S", gmtime_r (&now, &parts));
    MUST (godwit_notify_info (notifier, NULL, "disk.full",
                              GODWIT_MAP (NULL, GODWIT_INT ("size", 5), GODWIT_STR ("unit", "GiB")), &error));
    now = time (NULL) + 1;
    strftime (after, sizeof after, "%Y-%m-%d %H:%M:%S", gmtime_r (&now, &parts));
    cr_expect (is_uuid4 (spy.message_id), "%s", spy.message_id);
    cr_expect_str_eq (spy.publisher_id, "compute.host1");
    cr_expect_str_eq (spy.event_type, "disk.full");
    cr_expect_str_eq (spy.payload, "{\"size\": 5, \"unit\": \"GiB\"}");
    cr_expect_str_eq (spy.exchange, "godwit", "the control exchange");
    cr_expect_str_eq (spy.topic, "notifications", "the topic that there is without another");
    cr_expect_eq (strlen (spy.timestamp), 26u);
    cr_expect (strcmp (before, spy.timestamp) <= 0 && strcmp (spy.timestamp, after) <= 0,
               "%s is not in %s to %s", spy.timestamp, before, after);
    cr_expect_eq (strspn (spy.timestamp + 20, "0123456789"), 6u, "%s", spy.timestamp);
    godwit_notifier_destroy (&notifier);
}

Test (section10_notifier, each_message_has_an_id_of_its_own)
{
    enum { MANY = 300 };
    static char ids[MANY][64];
    godwit_notifier_t *notifiers[2] = {notifier_new (SPIED (.publisher_id = "a")),
                                       notifier_new (SPIED (.publisher_id = "b"))};
    for (int i = 0; i < MANY; i++) {
        MUST (godwit_notify_info (notifiers[i / 7 % 2], NULL, "e", GODWIT_NIL (NULL), &error));
        memcpy (ids[i], spy.message_id, sizeof ids[i]);
        cr_expect (is_uuid4 (ids[i]), "%s", ids[i]);
    }
    for (int i = 0; i < MANY; i++)
        for (int k = 0; k < i; k++)
            cr_assert_str_neq (ids[i], ids[k]);
    godwit_notifier_destroy (&notifiers[0]);
    godwit_notifier_destroy (&notifiers[1]);
}

Test (section10_notifier, exchange_and_topics_can_be_chosen)
{
    godwit_notifier_t *notifier = notifier_new (
        SPIED (.exchange = "billing", .topics = (const char *const[]){"events", "audit"}, .topic_count = 2));
    MUST (godwit_notify_info (notifier, NULL, "e", GODWIT_NIL (NULL), &error));
    cr_expect_str_eq (spy.exchange, "billing");
    cr_expect_str_eq (spy.topic, "events");
    cr_expect_eq (spy.count, 1u, "copies for topics are the messaging drivers' business");
    godwit_notifier_destroy (&notifier);
}

/* ---- is_enabled ---- */

Test (section10_notifier, it_is_enabled_if_some_driver_is_not_noop)
{
    godwit_notifier_t *notifier = notifier_new (NULL);
    cr_expect (godwit_notifier_is_enabled (notifier),
               "messaging is the driver that there is without another");
    godwit_notifier_destroy (&notifier);
    notifier = notifier_new (GODWIT_NOTIFIER_OPTIONS (DRIVERS ("noop", "test")));
    cr_expect (godwit_notifier_is_enabled (notifier));
    godwit_notifier_destroy (&notifier);
    notifier = notifier_new (GODWIT_NOTIFIER_OPTIONS (DRIVERS ("noop")));
    cr_expect (!godwit_notifier_is_enabled (notifier));
    godwit_notifier_destroy (&notifier);
    cr_expect (!godwit_notifier_is_enabled (NULL));
}

Test (section10_notifier, without_drivers_it_is_disabled_and_does_nothing)
{
    godwit_notifier_t *notifier = notifier_new (GODWIT_NOTIFIER_OPTIONS (.drivers = spies));
    godwit_notify_report_t report = GODWIT_NOTIFY_REPORT;
    cr_expect (!godwit_notifier_is_enabled (notifier));
    memset (report.message_id, 'x', sizeof report.message_id);
    MUST (godwit_notify (notifier, GODWIT_PRIORITY_INFO, NULL, "e", GODWIT_NIL (NULL),
                         GODWIT_NOTIFY_OPTIONS (.report = &report), &error));
    cr_expect (!report.driver_count && !*report.message_id);
    MUST (godwit_notifier_flush (notifier, -1, &error));
    godwit_notifier_destroy (&notifier);
}

/* ---- prepare and retry ---- */

static void
expect_retry (godwit_notifier_t *notifier, int64_t retry, const char *publisher_id)
{
    MUST (godwit_notify_info (notifier, NULL, "e", GODWIT_NIL (NULL), &error));
    cr_expect_eq (spy.retry, retry, "%lld, not %lld", (long long) spy.retry, (long long) retry);
    cr_expect_str_eq (spy.publisher_id, publisher_id);
}

Test (section10_notifier, prepare_changes_publisher_id_and_retry)
{
    godwit_notifier_t *root = notifier_new (SPIED (.publisher_id = "root")), *a = NULL, *b = NULL, *c = NULL;
    expect_retry (root, -1, "root"); /* for ever */
    MUST (godwit_notifier_prepare (&a, root, "a", 5, &error));
    MUST (godwit_notifier_prepare (&b, a, NULL, 0, &error));
    MUST (godwit_notifier_prepare (&c, a, "c", GODWIT_CLEAR_INT, &error));
    expect_retry (a, 5, "a");
    expect_retry (b, 5, "a");
    expect_retry (c, 0, "c");
    expect_retry (root, -1, "root");
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, "retry: expected -1",
           godwit_notifier_prepare (&b, a, NULL, -7, &error));
    godwit_notifier_destroy (&a); /* what was prepared from it goes on */
    expect_retry (c, 0, "c");
    godwit_notifier_destroy (&root);
    FAILS (GODWIT_ERR_CLOSED, "prepared from is destroyed",
           godwit_notify_info (c, NULL, "e", GODWIT_NIL (NULL), &error));
    FAILS (GODWIT_ERR_CLOSED, "prepared from is destroyed", godwit_notifier_prepare (&a, c, NULL, 0, &error));
    cr_expect_null (a);
    godwit_notifier_destroy (&b);
    godwit_notifier_destroy (&c);
    root = notifier_new (SPIED (.retry = GODWIT_CLEAR_INT));
    expect_retry (root, 0, "");
    godwit_notifier_destroy (&root);
}

/* ---- what is refused ---- */

Test (section10_notifier, arguments_are_checked)
{
    godwit_notifier_t *notifier = notifier_new (SPIED (.publisher_id = "p"));
    static char large[70000];
    memset (large, 'x', sizeof large - 1);
    const char *const text = large;
    FAILS (GODWIT_ERR_INVALID_ARGUMENT,
           "notifier: ", godwit_notify_info (NULL, NULL, "e", GODWIT_NIL (NULL), &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, "event_type: expected a name, got NULL",
           godwit_notify_info (notifier, NULL, NULL, GODWIT_NIL (NULL), &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, "event_type: expected a name, got \"\"",
           godwit_notify_info (notifier, NULL, "", GODWIT_NIL (NULL), &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, "priority: expected one of",
           godwit_notify (notifier, (godwit_priority_t) 7, NULL, "e", GODWIT_NIL (NULL), NULL, &error));
    const godwit_field_t wrong = GODWIT_MAP (NULL, GODWIT_MAP ("a", GODWIT_STR ("b", (const char *) NULL)));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, "payload.a.b: the string is NULL",
           godwit_notify_info (notifier, NULL, "e", wrong, &error));
    godwit_notifier_destroy (&notifier);
    cr_expect_eq (spy.count, 0u);
    notifier = notifier_new (NULL);
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, "payload.a.b: the string is NULL",
           godwit_notify_info (notifier, NULL, "e", wrong, &error));
    FAILS (GODWIT_ERR_LIMIT_EXCEEDED, "max_message_size is 65536",
           godwit_notify_info (notifier, NULL, "e", GODWIT_STR (NULL, text), &error));
    godwit_notifier_destroy (&notifier);
}

Test (section10_notifier, a_closed_transport_is_told)
{
    godwit_notifier_t *notifier = notifier_new (SPIED (.publisher_id = "p")), *late = NULL;
    godwit_transport_t *other = NULL;
    MUST (godwit_transport_new (&other, "inproc://section10/", NULL, &error));
    MUST (godwit_notifier_new (&late, other, NULL, &error));
    MUST (godwit_notify_info (late, NULL, "e", GODWIT_NIL (NULL), &error));
    godwit_transport_destroy (&other);
    FAILS (GODWIT_ERR_CLOSED, "", godwit_notify_info (late, NULL, "e", GODWIT_NIL (NULL), &error));
    godwit_notifier_destroy (&late);
    godwit_notifier_destroy (&notifier);
}

/* ---- threads ---- */

enum { THREADS = 4, EACH = 500 };

typedef struct crowd {
    pthread_mutex_t lock;
    size_t count;
    char ids[THREADS * EACH][40];
} crowd_t;

static crowd_t crowd = {.lock = PTHREAD_MUTEX_INITIALIZER};

static godwit_status_t
join_crowd (void *self, const godwit_notification_t *notification, int64_t retry,
            godwit_driver_report_t *report, godwit_error_t **error)
{
    (void) self;
    (void) retry;
    (void) report;
    (void) error;
    pthread_mutex_lock (&crowd.lock);
    snprintf (crowd.ids[crowd.count++], sizeof crowd.ids[0], "%s",
              godwit_notification_message_id (notification));
    pthread_mutex_unlock (&crowd.lock);
    return GODWIT_OK;
}

static const godwit_notify_driver_t crowding = {
    .struct_size = sizeof crowding, .name = "crowd", .notify = join_crowd};

static void *
notify_often (void *root)
{
    godwit_notifier_t *notifier = NULL;
    MUST (godwit_notifier_prepare (&notifier, root, "thread", 0, &error));
    for (int i = 0; i < EACH; i++)
        MUST (godwit_notify (notifier, (godwit_priority_t) (i % GODWIT_PRIORITY_COUNT), NULL, "e",
                             GODWIT_INT (NULL, i), NULL, &error));
    godwit_notifier_destroy (&notifier);
    return NULL;
}

static int
compare (const void *a, const void *b)
{
    return strcmp (a, b);
}

Test (section10_notifier, several_threads_may_notify)
{
    const godwit_notify_driver_t *const own = &crowding;
    static const char *const drivers[] = {"crowd", "messaging", "test"};
    godwit_notifier_stats_t stats = GODWIT_NOTIFIER_STATS;
    pthread_t threads[THREADS];
    godwit_notifier_t *root =
        notifier_new (GODWIT_NOTIFIER_OPTIONS (.drivers = drivers, .driver_count = 3, .own_drivers = &own,
                                               .own_driver_count = 1));
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq (pthread_create (&threads[i], NULL, notify_often, root), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join (threads[i], NULL);
    cr_assert_eq (crowd.count, (size_t) THREADS * EACH);
    qsort (crowd.ids, crowd.count, sizeof crowd.ids[0], compare);
    for (size_t i = 1; i < crowd.count; i++)
        cr_assert_str_neq (crowd.ids[i], crowd.ids[i - 1]);
    MUST (godwit_notifier_get_stats (root, &stats, &error));
    cr_expect_eq (stats.accepted, (uint64_t) THREADS * EACH);
    godwit_notifier_destroy (&root);
}

/* ---- log records and errors ---- */

Test (section10_notifier, log_records_become_notifications)
{
    godwit_notifier_t *notifier = notifier_new (SPIED (.publisher_id = "p"));
    static const struct {
        godwit_log_level_t level;
        godwit_priority_t priority;
        const char *says;
    } cases[] = {{GODWIT_LOG_DEBUG, GODWIT_PRIORITY_DEBUG, "\"levelname\": \"DEBUG\", \"levelno\": 10"},
                 {GODWIT_LOG_INFO, GODWIT_PRIORITY_INFO, "\"levelname\": \"INFO\", \"levelno\": 20"},
                 {GODWIT_LOG_WARNING, GODWIT_PRIORITY_WARN, "\"levelname\": \"WARNING\", \"levelno\": 30"},
                 {GODWIT_LOG_ERROR, GODWIT_PRIORITY_ERROR, "\"levelname\": \"ERROR\", \"levelno\": 40"}};
    for (size_t i = 0; i < 4; i++) {
        godwit_notify_log_record (notifier, cases[i].level, "it rains");
        cr_expect_eq (spy.count, i + 1);
        cr_expect_str_eq (spy.event_type, "logrecord");
        cr_expect_eq (spy.priority, cases[i].priority);
        cr_expect_not_null (strstr (spy.payload, cases[i].says), "%s", spy.payload);
        cr_expect_not_null (strstr (spy.payload, "\"msg\": \"it rains\""), "%s", spy.payload);
    }
    godwit_notify_log_record (NULL, GODWIT_LOG_ERROR, "nobody");
    godwit_notifier_destroy (&notifier);
}

/* A transport that logs to a notifier of its own, whose driver fails, which that transport logs. */
static godwit_notifier_t *log_reader;

static void
log_to_notifier (void *user, godwit_log_level_t level, const char *text)
{
    (void) user;
    godwit_notify_log_record (log_reader, level, text);
}

Test (section10_notifier, what_the_notifier_logs_is_not_notified)
{
    godwit_transport_t *logging = NULL;
    MUST (godwit_transport_new (
        &logging, "inproc://section10/",
        GODWIT_TRANSPORT_OPTIONS (.log = log_to_notifier, .log_level = GODWIT_LOG_WARNING), &error));
    MUST (godwit_notifier_new (&log_reader, logging, SPIED (.publisher_id = "p"), &error));
    spy.fails_with = GODWIT_ERR_SYSTEM;
    MUST (godwit_notify_info (log_reader, NULL, "e", GODWIT_NIL (NULL), &error));
    cr_expect_eq (spy.count, 1u, "the warning of the failure has made another notification");
    cr_expect_str_eq (spy.event_type, "e");
    log_to_notifier (NULL, GODWIT_LOG_WARNING, "afterwards it works again");
    cr_expect_eq (spy.count, 2u);
    godwit_notifier_t *notifier = log_reader;
    log_reader = NULL;
    godwit_notifier_destroy (&notifier);
    godwit_transport_destroy (&logging);
}

Test (section10_notifier, errors_become_notifications)
{
    godwit_notifier_t *notifier = notifier_new (SPIED (.publisher_id = "p"));
    godwit_error_t *failure = GODWIT_ERROR (GODWIT_ERR_NOT_FOUND, "no tea left");
    MUST (godwit_notify_failure (notifier, NULL, "brewing", failure, &error));
    cr_expect_str_eq (spy.event_type, "error_notification");
    cr_expect_eq (spy.priority, GODWIT_PRIORITY_ERROR);
    static const char *const says[] = {"\"what\": \"brewing\"",        "\"type\": \"NotFound\"",
                                       "\"message\": \"no tea left\"", "\"outcome\": \"NONE\"",
                                       "section10_notifier_test.c",    "\"status\": 4"};
    for (size_t i = 0; i < sizeof says / sizeof says[0]; i++)
        cr_expect_not_null (strstr (spy.payload, says[i]), "%s: %s", says[i], spy.payload);
    MUST (godwit_notify_failure (notifier, NULL, NULL, failure, &error));
    cr_expect_not_null (strstr (spy.payload, "\"what\": null"), "%s", spy.payload);
    FAILS (GODWIT_ERR_INVALID_ARGUMENT,
           "failure: ", godwit_notify_failure (notifier, NULL, "x", NULL, &error));
    godwit_error_destroy (&failure);
    godwit_notifier_destroy (&notifier);
}
