/* SPDX-License-Identifier: Apache-2.0 */
/* Notifiers when the n-th allocation fails: they say so or do without, leak nothing, and can be used again.
 * All runs in this thread, with external_loop. */
#include "tests/support/short_memory.h"

#include <godwit/godwit.h>

#ifndef SHORT_MEMORY_SANITIZED

static godwit_transport_t *transport;
static godwit_value_t *context;
static unsigned seen;

static void
open_world (void)
{
    cr_assert_eq (godwit_transport_new (&transport, "inproc://alloc-notify/",
                                        GODWIT_TRANSPORT_OPTIONS (.external_loop = true), NULL),
                  GODWIT_OK);
    cr_assert_eq (godwit_value_new_map (&context, GODWIT_ARGS (GODWIT_STR ("user", "ada")), NULL), GODWIT_OK);
}

static void
close_world (void)
{
    godwit_test_notifications_clear ();
    godwit_value_unref (&context);
    godwit_transport_destroy (&transport);
}

static godwit_status_t
see (void *self, const godwit_notification_t *notification, int64_t retry, godwit_driver_report_t *report,
     godwit_error_t **error)
{
    (void) self;
    (void) retry;
    (void) report;
    (void) error;
    cr_assert_not_null (godwit_notification_payload (notification));
    seen++;
    return GODWIT_OK;
}

static const godwit_notify_driver_t own = {.struct_size = sizeof own, .name = "own", .notify = see};
static const godwit_notify_driver_t *const own_drivers[] = {&own};

static godwit_status_t
wrap (void *self, const godwit_value_t *given, const godwit_value_t *entity, godwit_value_t **out,
      godwit_error_t **error)
{
    (void) self;
    (void) given;
    return godwit_value_new (out, GODWIT_LIST (NULL, GODWIT_VALUE (NULL, entity)), error);
}

static const godwit_serializer_t serializer = {.struct_size = sizeof serializer, .serialize_entity = wrap};

/* A notifier with these drivers sends one notification, and one that is prepared from it a large one. */
static godwit_status_t
notify (const char *const *drivers, size_t driver_count, const godwit_serializer_t *with,
        godwit_error_t **error)
{
    static char large[3000];
    static const char *const topics[] = {"a", "b"}, *const keys[] = {"user", "project"};
    godwit_notifier_t *notifier = NULL, *prepared = NULL;
    godwit_notify_report_t report = GODWIT_NOTIFY_REPORT;
    memset (large, 'x', sizeof large - 1);
    godwit_status_t status = godwit_notifier_new (
        &notifier, transport,
        GODWIT_NOTIFIER_OPTIONS (.publisher_id = "p", .topics = topics, .topic_count = 2, .drivers = drivers,
                                 .driver_count = driver_count, .own_drivers = own_drivers,
                                 .own_driver_count = 1, .context_keys = keys, .context_key_count = 2,
                                 .serializer = with),
        error);
    if (!status)
        status = godwit_notify (notifier, GODWIT_PRIORITY_INFO, context, "e", GODWIT_INT (NULL, 1),
                                GODWIT_NOTIFY_OPTIONS (.strict = true, .report = &report), error);
    if (!status)
        status = godwit_notifier_prepare (&prepared, notifier, "q", 0, error);
    if (!status)
        status =
            godwit_notify (prepared, GODWIT_PRIORITY_WARN, NULL, "e", GODWIT_STR (NULL, (const char *) large),
                           GODWIT_NOTIFY_OPTIONS (.strict = true, .report = &report), error);
    cr_assert (status || report.driver_count == driver_count);
    godwit_notifier_destroy (&prepared);
    godwit_notifier_destroy (&notifier);
    return status;
}

static godwit_status_t
run_messaging (godwit_error_t **error)
{
    static const char *const drivers[] = {"messaging", "messagingv2"};
    return notify (drivers, 2, NULL, error);
}

static godwit_status_t
run_values (godwit_error_t **error)
{
    static const char *const drivers[] = {"own", "test", "log"};
    godwit_value_t *list = NULL;
    godwit_status_t status = notify (drivers, 3, NULL, error);
    if (!status)
        status = godwit_notify_use_routing (NULL, error); /* none is in use: it allocates nothing */
    if (!status)
        status = godwit_test_notifications (&list, error);
    cr_assert (status || godwit_value_count (list) >= 2);
    godwit_value_unref (&list);
    godwit_test_notifications_clear ();
    return status;
}

static godwit_status_t
run_serializer (godwit_error_t **error)
{
    static const char *const drivers[] = {"own"};
    return notify (drivers, 1, &serializer, error);
}

TestSuite (alloc_notify, .timeout = 300);

Test (alloc_notify, any_allocation_may_fail_and_nothing_leaks)
{
    static const short_memory_row_t rows[] = {{"values", run_values, 15}, {"serializer", run_serializer, 15}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        short_memory_check (&rows[i], open_world, close_world);
    cr_assert_gt (seen, 10u);
}

/* What an outbox keeps is looked at by tests of its own. */
Test (alloc_notify, any_allocation_of_messaging_may_fail)
{
    static const short_memory_row_t row = {"messaging", run_messaging, 15};
    open_world ();
    cr_assert_geq (short_memory_sweep (&row), row.at_least);
    close_world ();
}

#else

Test (alloc_notify, is_left_to_the_builds_without_sanitizers)
{
    cr_skip_test ();
}

#endif
