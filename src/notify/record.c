/* SPDX-License-Identifier: Apache-2.0 */
/* The driver `test`: the process's record of the last notifications. */
#include "src/base/shared_lock.h"
#include "src/error/error.h"
#include "src/notify/notifier.h"

enum { RECORD_MAX = 1024 };

static godwit__shared_lock_t lock = GODWIT__SHARED_LOCK;
static godwit_value_t *record[RECORD_MAX]; /* a ring; guarded by lock */
static size_t oldest, count;

/* A child of fork() has no record: its parent's may be half changed. */
static void
record_lock (void)
{
    if (godwit__shared_lock (&lock))
        oldest = count = 0;
}

godwit_status_t
godwit__notification_map (godwit_value_t **map, const godwit_notification_t *notification,
                          godwit_error_t **error)
{
    const godwit_field_t fields = GODWIT_MAP (
        NULL, GODWIT_STR ("message_id", notification->message_id),
        GODWIT_STR ("publisher_id", notification->publisher_id),
        GODWIT_STR ("event_type", notification->event_type),
        GODWIT_STR ("priority", godwit__priority_upper (notification->priority)),
        GODWIT_VALUE ("context", notification->context), GODWIT_VALUE ("payload", notification->payload),
        GODWIT_STR ("timestamp", notification->timestamp));
    return godwit_value_new (map, fields, error);
}

static godwit_status_t
write_record (const godwit__notify_driver_t *driver, const godwit__sending_t *sending,
              godwit_driver_report_t *report, godwit_error_t **error)
{
    godwit_value_t *map = NULL, *gone = NULL;
    (void) driver;
    const godwit_status_t status = godwit__notification_map (&map, &sending->notification, error);
    report->accepted = status == GODWIT_OK;
    report->failed = status != GODWIT_OK;
    if (status)
        return status;
    record_lock ();
    godwit_value_t **const place = &record[(oldest + count) % RECORD_MAX];
    if (count == RECORD_MAX) {
        gone = *place;
        oldest = (oldest + 1) % RECORD_MAX;
    } else {
        count++;
    }
    *place = map;
    godwit__shared_unlock (&lock);
    godwit_value_unref (&gone);
    return GODWIT_OK;
}

const godwit__notify_ops_t godwit__notify_test = {"test", GODWIT__NEEDS_VALUES, write_record};

godwit_status_t
godwit_test_notifications (godwit_value_t **list, godwit_error_t **error)
{
    if (!list)
        return godwit__error_null (error, "list");
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_list (builder, NULL);
    record_lock ();
    for (size_t i = 0; i < count; i++)
        godwit_builder_value (builder, NULL, record[(oldest + i) % RECORD_MAX]);
    godwit__shared_unlock (&lock);
    godwit_builder_close (builder);
    return godwit_builder_finish (&builder, list, error);
}

void
godwit_test_notifications_clear (void)
{
    godwit_value_t *gone[RECORD_MAX];
    record_lock ();
    const size_t gone_count = count;
    for (size_t i = 0; i < gone_count; i++) {
        gone[i] = record[(oldest + i) % RECORD_MAX];
        record[(oldest + i) % RECORD_MAX] = NULL;
    }
    count = 0;
    godwit__shared_unlock (&lock);
    for (size_t i = 0; i < gone_count; i++)
        godwit_value_unref (&gone[i]);
}
