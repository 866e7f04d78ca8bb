/* SPDX-License-Identifier: Apache-2.0 */
/* Sending one notification: its parts are made once, and each driver gets them.
 *
 *     which drivers -> context, payload -> message_id, timestamp -> encoded, values -> driver, driver, ...
 */
#include "src/base/hash.h"
#include "src/base/uncancelled.h"
#include "src/error/error.h"
#include "src/error/struct_size.h"
#include "src/notify/parts.h"
#include "src/notify/quiet.h"
#include "src/notify/stamp.h"
#include "src/runtime/warnings.h"

#include <string.h>

enum { KEY_DRIVER = 0x6e6f };

/* The drivers that get the notification, as bits, and what they need. */
static inline unsigned
choose (const godwit__notifier_root_t *root, const char *event_type, godwit_priority_t priority,
        unsigned *needs)
{
    unsigned chosen = 0;
    for (size_t i = 0; i < root->driver_count; i++) {
        const godwit__notify_driver_t *const driver = &root->drivers[i];
        if (!driver->is_direct && !root->routing->accepts (root->rules, driver->rule, event_type, priority))
            continue;
        chosen |= 1u << i;
        *needs |= driver->ops->needs;
    }
    return chosen;
}

/* A driver's failure is the log's business, unless the program asked for it. */
static void
log_failure (const godwit__sending_t *sending, const char *driver, const godwit_error_t *why)
{
    const godwit_transport_t *const transport = sending->notifier->root->transport;
    godwit__warn (transport, godwit__hash_text (KEY_DRIVER, driver),
                  "the driver %s failed with the notification %s, event %s of %s: %s", driver,
                  sending->parts.message_id, sending->parts.event_type, sending->parts.publisher_id,
                  godwit_error_message (why));
}

/* One driver. Its report is complete afterwards. */
static inline godwit_status_t
run_driver (const godwit__notify_driver_t *driver, const godwit__sending_t *sending,
            godwit_driver_report_t *report, godwit_error_t **error)
{
    *report = (godwit_driver_report_t){.driver = godwit__notify_driver_name (driver)};
    report->status = driver->ops->notify (driver, sending, report, error);
    return report->status;
}

/* Each chosen driver gets it, whatever the ones before said. The first failure is *error if is_strict; the
 * others are logged. */
static godwit_status_t
run_drivers (const godwit__sending_t *sending, unsigned chosen, bool is_strict,
             godwit_notify_report_t *report, godwit_error_t **error)
{
    const godwit__notifier_root_t *const root = sending->notifier->root;
    godwit_status_t first = GODWIT_OK;
    for (size_t i = 0; i < root->driver_count; i++) {
        godwit_driver_report_t row;
        godwit_error_t *why = NULL;
        if (!(chosen & 1u << i))
            continue;
        const godwit_status_t status = run_driver (&root->drivers[i], sending, &row, &why);
        if (report)
            report->drivers[report->driver_count++] = row;
        if (status == GODWIT_OK) {
            godwit_error_destroy (&why);
            continue;
        }
        if (is_strict && first == GODWIT_OK) {
            first = status;
            if (error) {
                *error = why;
                continue;
            }
        } else {
            log_failure (sending, row.driver, why);
        }
        godwit_error_destroy (&why);
    }
    return first;
}

/* encoded: room for a body of each form. */
static godwit_status_t
send (godwit__sending_t *sending, unsigned chosen, unsigned needs, bool is_strict,
      godwit_notify_report_t *report, godwit_error_t **error)
{
    godwit__notifier_root_t *const root = sending->notifier->root;
    godwit__encoded_notification_t encoded[2];
    godwit__stamp_t stamp;
    sending->encoded = encoded;
    encoded[0].data = encoded[0].small;
    encoded[1].data = encoded[1].small;
    godwit_status_t status = GODWIT_OK;
    if (sending->parts.context || root->serializer)
        status = godwit__sending_settle (sending, error);
    if (status == GODWIT_OK) {
        godwit__stamp_make (&stamp, root->transport);
        sending->parts.message_id = stamp.message_id;
        sending->parts.timestamp = stamp.timestamp;
        status = godwit__sending_make (sending, needs, error);
    }
    if (status == GODWIT_OK) {
        if (report)
            memcpy (report->message_id, stamp.message_id, sizeof stamp.message_id);
        status = run_drivers (sending, chosen, is_strict, report, error);
    }
    godwit__sending_release (sending);
    return status;
}

static godwit_status_t
check (const godwit_notifier_t *notifier, godwit_priority_t priority, const char *event_type,
       godwit_error_t **error)
{
    if (!notifier)
        return godwit__error_null (error, "notifier");
    if (!event_type || !*event_type)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "event_type: expected a name, got %s",
                                  event_type ? "\"\"" : "NULL");
    if ((unsigned) priority >= GODWIT_PRIORITY_COUNT)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "priority: expected one of GODWIT_PRIORITY_..., got %d", (int) priority);
    return godwit__notifier_check (notifier, error);
}

static godwit_status_t
check_options (godwit_notify_options_t *known, const godwit_notify_options_t *options, godwit_error_t **error)
{
    const godwit_status_t status =
        godwit__struct_read (&godwit__struct_notify_options, known, options, error);
    return status || !known->report
               ? status
               : godwit__struct_check (&godwit__struct_notify_report, known->report, error);
}

godwit_status_t
godwit_notify (godwit_notifier_t *notifier, godwit_priority_t priority, const godwit_value_t *context,
               const char *event_type, godwit_field_t payload, const godwit_notify_options_t *options,
               godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    godwit_notify_options_t known = {.report = NULL};
    godwit_notify_report_t report;
    unsigned needs = 0;
    godwit_status_t status = check (notifier, priority, event_type, error);
    if (status == GODWIT_OK && options)
        status = check_options (&known, options, error);
    if (status)
        return status;
    if (known.report)
        report = (godwit_notify_report_t) GODWIT_NOTIFY_REPORT;
    const unsigned chosen = choose (notifier->root, event_type, priority, &needs);
    if (chosen) {
        godwit__sending_t sending = {.notifier = notifier,
                                     .parts = {.context = context,
                                               .publisher_id = notifier->publisher_id,
                                               .publisher_id_size = notifier->publisher_id_size,
                                               .event_type = event_type,
                                               .event_type_size = strlen (event_type),
                                               .priority = priority,
                                               .payload = payload}};
        const bool was_quiet = godwit__set_quiet (true);
        status = send (&sending, chosen, needs, known.strict, known.report ? &report : NULL, error);
        godwit__set_quiet (was_quiet);
    }
    if (known.report)
        godwit__struct_write (&godwit__struct_notify_report, known.report, &report);
    return status;
}
