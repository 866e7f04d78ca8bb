/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 10: what the drivers messaging and messagingv2 send, as a listener in another transport gets it.
 */
#include "tests/contract/contract.h"

#include <stdio.h>

/* ---- a notifier, and listeners that are asked ---- */

static const char *const forms[] = {"messaging", "messagingv2"};

static godwit_listener_t *
listen_to (core_t *core, const char *exchange, const char *topic, godwit_priority_t priority)
{
    godwit_listener_t *listener = NULL;
    MUST (godwit_listener_new (&listener, core->serving, GODWIT_TARGET (.exchange = exchange, .topic = topic),
                               1, NULL, 0,
                               GODWIT_LISTENER_OPTIONS (.pull = true, .priorities = 1u << priority), &error));
    MUST (godwit_listener_start (listener, NULL, &error));
    return listener;
}

static godwit_notification_t *
take (godwit_listener_t *listener)
{
    godwit_notification_t *notification = NULL;
    MUST (godwit_listener_next (listener, 20000, &notification, &error));
    return notification;
}

static godwit_notifier_t *
notifier_new (core_t *core, const godwit_notifier_options_t *options)
{
    godwit_notifier_t *notifier = NULL;
    MUST (godwit_notifier_new (&notifier, core->calling, options, &error));
    return notifier;
}

static void
expect_payload (godwit_listener_t *listener, int64_t number)
{
    godwit_notification_t *notification = take (listener);
    cr_assert_eq (godwit_value_as_int (godwit_notification_payload (notification), -1), number);
    godwit_notification_acknowledge (&notification);
}

/* ---- rows ---- */

static void
all_parts (core_t *core)
{
    godwit_listener_t *listener = listen_to (core, NULL, "notifications", GODWIT_PRIORITY_WARN);
    for (size_t i = 0; i < 2; i++) {
        godwit_notify_report_t report = GODWIT_NOTIFY_REPORT;
        char text[64];
        godwit_notifier_t *notifier =
            notifier_new (core, GODWIT_NOTIFIER_OPTIONS (.publisher_id = "compute.host1",
                                                         .drivers = &forms[i], .driver_count = 1));
        MUST (godwit_notify (
            notifier, GODWIT_PRIORITY_WARN, NULL, "disk.full",
            GODWIT_MAP (NULL, GODWIT_INT ("size", 5), GODWIT_LIST ("on", GODWIT_STR (NULL, "/"))),
            GODWIT_NOTIFY_OPTIONS (.strict = true, .report = &report), &error));
        godwit_notification_t *got = take (listener);
        cr_expect_str_eq (godwit_notification_publisher_id (got), "compute.host1");
        cr_expect_str_eq (godwit_notification_event_type (got), "disk.full");
        cr_expect_str_eq (godwit_notification_message_id (got), report.message_id);
        cr_expect_eq (strlen (godwit_notification_timestamp (got)), 26u);
        cr_expect_str_eq (godwit_notification_topic (got), "notifications");
        cr_expect_str_eq (godwit_notification_exchange (got), "godwit");
        cr_expect_eq (godwit_notification_priority (got), GODWIT_PRIORITY_WARN);
        cr_expect_eq (godwit_value_count (godwit_notification_context (got)), 0u);
        godwit_value_print (godwit_notification_payload (got), text, sizeof text);
        cr_expect_str_eq (text, "{\"size\": 5, \"on\": [\"/\"]}");
        godwit_notification_acknowledge (&got);
        MUST (godwit_notifier_flush (notifier, 20000, &error));
        godwit_notifier_destroy (&notifier);
    }
    godwit_listener_destroy (&listener);
}

/* What is in another place would come first there. */
static void
topics_and_priorities (core_t *core)
{
    static const char *const topics[] = {"a", "b"};
    godwit_listener_t *a = listen_to (core, "billing", "a", GODWIT_PRIORITY_INFO);
    godwit_listener_t *b = listen_to (core, "billing", "b", GODWIT_PRIORITY_INFO);
    godwit_listener_t *errors = listen_to (core, "billing", "a", GODWIT_PRIORITY_ERROR);
    godwit_listener_t *usual = listen_to (core, NULL, "a", GODWIT_PRIORITY_INFO);
    godwit_notifier_t *notifier = notifier_new (
        core, GODWIT_NOTIFIER_OPTIONS (.exchange = "billing", .topics = topics, .topic_count = 2));
    godwit_notifier_t *other =
        notifier_new (core, GODWIT_NOTIFIER_OPTIONS (.topics = topics, .topic_count = 1));
    MUST (godwit_notify_info (notifier, NULL, "e", GODWIT_INT (NULL, 1), &error));
    MUST (godwit_notify_error (notifier, NULL, "e", GODWIT_INT (NULL, 2), &error));
    MUST (godwit_notify_info (notifier, NULL, "e", GODWIT_INT (NULL, 3), &error));
    MUST (godwit_notify_info (other, NULL, "e", GODWIT_INT (NULL, 4), &error));
    expect_payload (a, 1);
    expect_payload (a, 3);
    expect_payload (b, 1);
    expect_payload (b, 3);
    expect_payload (errors, 2);
    expect_payload (usual, 4);
    MUST (godwit_notifier_flush (other, 20000, &error));
    godwit_notifier_destroy (&other);
    godwit_notifier_destroy (&notifier);
    godwit_listener_destroy (&a);
    godwit_listener_destroy (&b);
    godwit_listener_destroy (&errors);
    godwit_listener_destroy (&usual);
}

static void
both_drivers (core_t *core)
{
    godwit_listener_t *listener = listen_to (core, NULL, "notifications", GODWIT_PRIORITY_INFO);
    godwit_notifier_t *notifier =
        notifier_new (core, GODWIT_NOTIFIER_OPTIONS (.drivers = forms, .driver_count = 2));
    MUST (godwit_notify_info (notifier, NULL, "e", GODWIT_INT (NULL, 7), &error));
    godwit_notification_t *one = take (listener), *two = take (listener);
    cr_expect_str_eq (godwit_notification_message_id (one), godwit_notification_message_id (two));
    cr_expect (godwit_value_equal (godwit_notification_payload (one), godwit_notification_payload (two)));
    godwit_notification_acknowledge (&one);
    godwit_notification_acknowledge (&two);
    godwit_notifier_destroy (&notifier);
    godwit_listener_destroy (&listener);
}

static void
kept_for_a_listener (core_t *core)
{
    godwit_notifier_t *notifier = notifier_new (core, NULL), *prepared = NULL;
    MUST (godwit_notifier_prepare (&prepared, notifier, "later", 0, &error));
    MUST (godwit_notify_info (notifier, NULL, "e", GODWIT_INT (NULL, 1), &error));
    MUST (godwit_notify_info (prepared, NULL, "e", GODWIT_INT (NULL, 2), &error));
    godwit_listener_t *listener = listen_to (core, NULL, "notifications", GODWIT_PRIORITY_INFO);
    expect_payload (listener, 1);
    godwit_notification_t *got = take (listener);
    cr_expect_str_eq (godwit_notification_publisher_id (got), "later");
    godwit_notification_acknowledge (&got);
    godwit_notifier_destroy (&prepared);
    godwit_notifier_destroy (&notifier);
    godwit_listener_destroy (&listener);
}

static void
keys_of_the_context (core_t *core)
{
    static const char *const keys[] = {"user"};
    char text[64];
    godwit_value_t *context = NULL;
    godwit_listener_t *listener = listen_to (core, NULL, "notifications", GODWIT_PRIORITY_INFO);
    MUST (godwit_value_new_map (
        &context, GODWIT_ARGS (GODWIT_STR ("token", "secret"), GODWIT_STR ("user", "ada")), &error));
    for (size_t i = 0; i < 2; i++) {
        godwit_notifier_t *notifier =
            notifier_new (core, GODWIT_NOTIFIER_OPTIONS (.drivers = &forms[i], .driver_count = 1,
                                                         .context_keys = keys, .context_key_count = 1));
        MUST (godwit_notify_info (notifier, context, "e", GODWIT_NIL (NULL), &error));
        godwit_notification_t *got = take (listener);
        godwit_value_print (godwit_notification_context (got), text, sizeof text);
        cr_expect_str_eq (text, "{\"user\": \"ada\"}");
        godwit_notification_acknowledge (&got);
        godwit_notifier_destroy (&notifier);
    }
    godwit_value_unref (&context);
    godwit_listener_destroy (&listener);
}

/* Longer than what needs no allocation, than what an insert is, and than a NOTIFY with several. */
static void
large_payloads (core_t *core)
{
    static char large[200000];
    static const size_t sizes[] = {900, 1100, 9000, 40000, sizeof large - 1};
    const char *const text = large;
    godwit_listener_t *listener = listen_to (core, NULL, "notifications", GODWIT_PRIORITY_INFO);
    godwit_notifier_t *notifier = notifier_new (core, NULL);
    memset (large, 'x', sizeof large - 1);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        godwit_value_t *value = NULL;
        MUST (godwit_value_new (&value, GODWIT_STRN (NULL, text, sizes[i]), &error));
        for (int built = 0; built < 2; built++) {
            MUST (godwit_notify_info (notifier, NULL, "e",
                                      built ? GODWIT_VALUE (NULL, value) : GODWIT_STRN (NULL, text, sizes[i]),
                                      &error));
            godwit_notification_t *got = take (listener);
            cr_expect (godwit_value_equal (godwit_notification_payload (got), value), "%zu bytes", sizes[i]);
            godwit_notification_acknowledge (&got);
        }
        godwit_value_unref (&value);
    }
    godwit_notifier_destroy (&notifier);
    godwit_listener_destroy (&listener);
}

static const contract_row_t rows[] = {
    {"10: Message: message_id, publisher_id, event_type, priority, payload, timestamp.", all_parts},
    {"10: Wire topic <topic>.<priority> for each configured topic", topics_and_priorities},
    {"10: Drivers messaging, messagingv2; several at once.", both_drivers},
    {"10: The driver must keep a notification until a listener exists", kept_for_a_listener},
    {"10: The context that travels (context_keys)", keys_of_the_context},
    {"10: (large payloads)", large_payloads},
};
CONTRACT_OF_ALL_DRIVERS (section10_sending, rows)
