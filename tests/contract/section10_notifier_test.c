/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 10: the notifier. What listeners make of it is in section10_listener_test.c. */
#include "tests/support/log_book.h"
#include "tests/support/must.h"

#include <ctype.h>
#include <godwit/godwit.h>
#include <godwit/notify.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- a world: a transport whose log is kept, and a driver that tells what it was given ---- */

typedef struct spy {
    unsigned count;
    int64_t retry;
    godwit_priority_t priority;
    char message_id[64], publisher_id[64], event_type[64], timestamp[64], exchange[64], topic[64];
    char context[256], payload[512];
    godwit_status_t fails_with;
    bool says_dropped;
} spy_t;

static godwit_transport_t *transport;
static log_book_t book;
static spy_t spy;

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
static const godwit_notify_driver_t *const own_drivers[] = {&spying};
static const char *const spies[] = {"spy"};

#define SPIED(...)                                                                                           \
    GODWIT_NOTIFIER_OPTIONS (.drivers = spies, .driver_count = 1, .own_drivers = own_drivers,                \
                             .own_driver_count = 1, __VA_ARGS__)
#define DRIVERS(...)                                                                                         \
    .drivers = (const char *const[]){__VA_ARGS__},                                                           \
    .driver_count = sizeof ((const char *const[]){__VA_ARGS__}) / sizeof (char *),                           \
    .own_drivers = own_drivers, .own_driver_count = 1

static void
open_world (void)
{
    log_book_open (&book);
    spy = (spy_t){.count = 0};
    MUST (godwit_transport_new (
        &transport, "inproc://section10/",
        GODWIT_TRANSPORT_OPTIONS (.log = log_book_write, .log_user = &book, .max_message_size = 65536),
        &error));
}

static void
close_world (void)
{
    godwit_test_notifications_clear ();
    godwit_transport_destroy (&transport);
    log_book_close (&book);
}

TestSuite (section10_notifier, .init = open_world, .fini = close_world);

#define FAILS(status_, text_, call_)                                                                         \
    do {                                                                                                     \
        godwit_error_t *error = NULL;                                                                        \
        const godwit_status_t got_ = (call_);                                                                \
        cr_expect_eq (got_, (status_), "%s: %s", #call_, godwit_status_type (got_));                         \
        cr_expect_not_null (strstr (godwit_error_message (error), (text_)), "%s: %s", #call_,                \
                            godwit_error_message (error));                                                   \
        godwit_error_destroy (&error);                                                                       \
    } while (0)

static godwit_notifier_t *
notifier_new (const godwit_notifier_options_t *options)
{
    godwit_notifier_t *notifier = NULL;
    MUST (godwit_notifier_new (&notifier, transport, options, &error));
    return notifier;
}

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

/* ---- context ---- */

Test (section10_notifier, a_plain_context_travels_as_an_empty_map)
{
    godwit_notifier_t *notifier = notifier_new (SPIED (.publisher_id = "p"));
    godwit_value_t *context = NULL, *list = NULL;
    MUST (godwit_value_new_map (&context, GODWIT_ARGS (GODWIT_STR ("token", "secret")), &error));
    MUST (godwit_value_new (&list, GODWIT_LIST (NULL, GODWIT_INT (NULL, 1)), &error));
    MUST (godwit_notify_info (notifier, context, "e", GODWIT_NIL (NULL), &error));
    cr_expect_str_eq (spy.context, "{}");
    MUST (godwit_notify_info (notifier, NULL, "e", GODWIT_NIL (NULL), &error));
    cr_expect_str_eq (spy.context, "{}");
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, "context: expected a map",
           godwit_notify_info (notifier, list, "e", GODWIT_NIL (NULL), &error));
    cr_expect_eq (spy.count, 2u);
    godwit_value_unref (&context);
    godwit_value_unref (&list);
    godwit_notifier_destroy (&notifier);
}

Test (section10_notifier, context_keys_lets_keys_of_a_plain_context_travel)
{
    godwit_notifier_t *notifier = notifier_new (
        SPIED (.context_keys = (const char *const[]){"user", "project", "user"}, .context_key_count = 3));
    godwit_value_t *context = NULL, *other = NULL;
    MUST (godwit_value_new_map (
        &context,
        GODWIT_ARGS (GODWIT_STR ("token", "secret"), GODWIT_LIST ("user", GODWIT_STR (NULL, "ada"))),
        &error));
    MUST (godwit_value_new_map (&other, GODWIT_ARGS (GODWIT_STR ("token", "secret")), &error));
    MUST (godwit_notify_info (notifier, context, "e", GODWIT_NIL (NULL), &error));
    cr_expect_str_eq (spy.context, "{\"user\": [\"ada\"]}");
    MUST (godwit_notify_info (notifier, other, "e", GODWIT_NIL (NULL), &error));
    cr_expect_str_eq (spy.context, "{}");
    godwit_value_unref (&context);
    godwit_value_unref (&other);
    godwit_notifier_destroy (&notifier);
}

/* The program's context: its object has a user, and a secret, and can give a copy without the secret. */
typedef struct person {
    const char *user;
    const char *secret;
} person_t;

static person_t redacted_person = {.user = "ada"};

static godwit_status_t
redact_to_map (void *user, const godwit_value_t *context, godwit_value_t **redacted, godwit_error_t **error)
{
    const person_t *const person = godwit_value_as_object (context);
    (void) user;
    return godwit_value_new_map (redacted, GODWIT_ARGS (GODWIT_STR ("user", person->user)), error);
}

static godwit_status_t
redact_to_object (void *user, const godwit_value_t *context, godwit_value_t **redacted,
                  godwit_error_t **error)
{
    (void) user;
    (void) context;
    return godwit_value_new_object (redacted, &redacted_person, NULL, error);
}

static godwit_status_t
redact_nothing (void *user, const godwit_value_t *context, godwit_value_t **redacted, godwit_error_t **error)
{
    (void) user;
    (void) error;
    *redacted = godwit_value_ref (context);
    return GODWIT_OK;
}

static godwit_status_t
redact_badly (void *user, const godwit_value_t *context, godwit_value_t **redacted, godwit_error_t **error)
{
    (void) user;
    (void) context;
    (void) redacted;
    *error = godwit_error_new (GODWIT_ERR_NOT_FOUND, "no black ink");
    return GODWIT_ERR_NOT_FOUND;
}

/* A serializer, which makes a map of a person, and puts an entity into a list with the user of the context as
 * it was given. */
static godwit_status_t
person_to_map (void *self, const godwit_value_t *context, godwit_value_t **out, godwit_error_t **error)
{
    const person_t *const person = godwit_value_as_object (context);
    (void) self;
    if (!person) /* a plain context, without what must not travel */
        return godwit_value_new_map (
            out, GODWIT_ARGS (GODWIT_INT ("count", (int64_t) godwit_value_count (context))), error);
    return godwit_value_new_map (
        out,
        GODWIT_ARGS (GODWIT_STR ("user", person->user),
                     person->secret ? GODWIT_STR ("secret", person->secret) : GODWIT_NIL ("secret")),
        error);
}

static godwit_status_t
wrap_entity (void *self, const godwit_value_t *context, const godwit_value_t *entity, godwit_value_t **out,
             godwit_error_t **error)
{
    const person_t *const person = godwit_value_as_object (context);
    (void) self;
    return godwit_value_new (out,
                             GODWIT_LIST (NULL, person ? GODWIT_STR (NULL, person->user) : GODWIT_NIL (NULL),
                                          GODWIT_VALUE (NULL, entity)),
                             error);
}

static const godwit_serializer_t serializer = {
    .struct_size = sizeof serializer, .serialize_entity = wrap_entity, .serialize_context = person_to_map};

static godwit_value_t *
new_person (void)
{
    static person_t person = {"ada lovelace", "token"};
    godwit_value_t *context = NULL;
    MUST (godwit_value_new_object (&context, &person, NULL, &error));
    return context;
}

Test (section10_notifier, an_object_gives_the_redacted_copy_that_travels)
{
    godwit_value_t *context = new_person ();
    godwit_notifier_t *notifier = notifier_new (SPIED (.redact_context = redact_to_map));
    MUST (godwit_notify_info (notifier, context, "e", GODWIT_INT (NULL, 1), &error));
    cr_expect_str_eq (spy.context, "{\"user\": \"ada lovelace\"}");
    godwit_notifier_destroy (&notifier);

    notifier = notifier_new (SPIED (.redact_context = redact_to_object, .serializer = &serializer));
    MUST (godwit_notify_info (notifier, context, "e", GODWIT_INT (NULL, 1), &error));
    cr_expect_str_eq (spy.context, "{\"user\": \"ada\", \"secret\": null}");
    cr_expect_str_eq (spy.payload, "[\"ada lovelace\", 1]",
                      "entities are converted beside the context as given");
    godwit_notifier_destroy (&notifier);

    notifier = notifier_new (SPIED (.redact_context = redact_badly));
    FAILS (GODWIT_ERR_NOT_FOUND, "no black ink",
           godwit_notify_info (notifier, context, "e", GODWIT_INT (NULL, 1), &error));
    godwit_notifier_destroy (&notifier);
    cr_expect_eq (spy.count, 2u);
    godwit_value_unref (&context);
}

Test (section10_notifier, an_object_that_nobody_redacts_does_not_travel)
{
    godwit_value_t *context = new_person ();
    const godwit_notifier_options_t *const options[] = {SPIED (.publisher_id = "p"),
                                                        SPIED (.serializer = &serializer)};
    static const char *const sent[] = {"{}", "{\"count\": 0}"};
    for (size_t i = 0; i < 2; i++) {
        godwit_notifier_t *notifier = notifier_new (options[i]);
        MUST (godwit_notify_info (notifier, context, "e", GODWIT_INT (NULL, 1), &error));
        cr_expect_str_eq (spy.context, sent[i]);
        godwit_notifier_destroy (&notifier);
    }
    cr_expect_eq (log_book_count (&book, GODWIT_LOG_WARNING, "the option redact_context"), 1u,
                  "once a minute");
    godwit_value_unref (&context);
}

Test (section10_notifier, an_object_that_nothing_converts_is_refused)
{
    godwit_value_t *context = new_person ();
    godwit_notifier_t *notifier = notifier_new (SPIED (.redact_context = redact_to_object));
    FAILS (GODWIT_ERR_TYPE_MISMATCH, "context: expected map, got object",
           godwit_notify_info (notifier, context, "e", GODWIT_INT (NULL, 1), &error));
    FAILS (GODWIT_ERR_TYPE_MISMATCH, "payload: expected a value that can be sent",
           godwit_notify_info (notifier, NULL, "e", GODWIT_VALUE (NULL, context), &error));
    godwit_notifier_destroy (&notifier);
    cr_expect_eq (spy.count, 0u);
    godwit_value_unref (&context);
}

Test (section10_notifier, the_serializer_makes_what_is_sent)
{
    godwit_value_t *context = new_person (), *plain = NULL;
    MUST (godwit_value_new_map (&plain, GODWIT_ARGS (GODWIT_STR ("token", "secret")), &error));
    godwit_notifier_t *notifier =
        notifier_new (SPIED (.serializer = &serializer, .redact_context = redact_nothing));
    MUST (godwit_notify_info (notifier, context, "e", GODWIT_INT (NULL, 7), &error));
    cr_expect_str_eq (spy.context, "{\"user\": \"ada lovelace\", \"secret\": \"token\"}");
    cr_expect_str_eq (spy.payload, "[\"ada lovelace\", 7]");
    MUST (godwit_notify_info (notifier, plain, "e", GODWIT_VALUE (NULL, NULL), &error));
    cr_expect_str_eq (spy.context, "{\"count\": 0}", "a plain map is none before the serializer gets it");
    cr_expect_str_eq (spy.payload, "[null, null]");
    godwit_notifier_destroy (&notifier);
    godwit_value_unref (&context);
    godwit_value_unref (&plain);
}

static godwit_status_t
to_list (void *self, const godwit_value_t *context, godwit_value_t **out, godwit_error_t **error)
{
    (void) self;
    (void) context;
    return godwit_value_new (out, GODWIT_LIST (NULL, GODWIT_INT (NULL, 1)), error);
}

static godwit_status_t
break_entity (void *self, const godwit_value_t *context, const godwit_value_t *entity, godwit_value_t **out,
              godwit_error_t **error)
{
    (void) self;
    (void) context;
    (void) entity;
    (void) out;
    (void) error;
    return GODWIT_ERR_FAILED;
}

Test (section10_notifier, what_a_serializer_gets_wrong_is_an_error)
{
    static const godwit_serializer_t wrong = {.struct_size = sizeof wrong, .serialize_context = to_list};
    static const godwit_serializer_t broken = {.struct_size = sizeof broken,
                                               .serialize_entity = break_entity};
    godwit_notifier_t *notifier = notifier_new (SPIED (.serializer = &wrong));
    FAILS (GODWIT_ERR_TYPE_MISMATCH, "context: expected map, got list",
           godwit_notify_info (notifier, NULL, "e", GODWIT_INT (NULL, 1), &error));
    godwit_notifier_destroy (&notifier);
    notifier = notifier_new (SPIED (.serializer = &broken));
    FAILS (GODWIT_ERR_FAILED, "serialize_entity failed",
           godwit_notify_info (notifier, NULL, "e", GODWIT_INT (NULL, 1), &error));
    godwit_notifier_destroy (&notifier);
    cr_expect_eq (spy.count, 0u);
}

/* ---- drivers ---- */

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

Test (section10_notifier, several_drivers_each_get_a_notification)
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

Test (section10_notifier, log_writes_a_line_of_json)
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

Test (section10_notifier, test_keeps_the_last_1024_of_the_process)
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

Test (section10_notifier, a_failing_driver_is_logged_and_not_raised)
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

Test (section10_notifier, strict_returns_the_first_failure)
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

Test (section10_notifier, drivers_are_known_by_name)
{
    godwit_notifier_t *notifier = NULL;
    static const godwit_notify_driver_t log_again = {
        .struct_size = sizeof log_again, .name = "log", .notify = look};
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

/* ---- the messaging drivers ---- */

Test (section10_notifier, messaging_keeps_a_copy_for_each_topic)
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

Test (section10_notifier, what_is_dropped_and_fails_stands_in_the_report)
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
