/* SPDX-License-Identifier: Apache-2.0 */
/* The drivers that need no outbox: log, noop, and the program's own. */
#include "src/error/error.h"
#include "src/notify/notifier.h"

#include <stdlib.h>
#include <string.h>

/* ---- noop ---- */

static godwit_status_t
do_nothing (const godwit__notify_driver_t *driver, const godwit__sending_t *sending,
            godwit_driver_report_t *report, godwit_error_t **error)
{
    (void) driver;
    (void) sending;
    (void) error;
    report->accepted = 1;
    return GODWIT_OK;
}

const godwit__notify_ops_t godwit__notify_noop = {"noop", 0, do_nothing};

/* ---- log ---- */

static const godwit_log_level_t levels[GODWIT_PRIORITY_COUNT] = {
    [GODWIT_PRIORITY_AUDIT] = GODWIT_LOG_INFO,  [GODWIT_PRIORITY_DEBUG] = GODWIT_LOG_DEBUG,
    [GODWIT_PRIORITY_INFO] = GODWIT_LOG_INFO,   [GODWIT_PRIORITY_WARN] = GODWIT_LOG_WARNING,
    [GODWIT_PRIORITY_ERROR] = GODWIT_LOG_ERROR, [GODWIT_PRIORITY_CRITICAL] = GODWIT_LOG_ERROR,
    [GODWIT_PRIORITY_SAMPLE] = GODWIT_LOG_INFO,
};

/* "notification {...}": JSON is one line, whatever the texts hold. */
static godwit_status_t
log_map (const godwit_transport_t *transport, godwit_log_level_t level, const godwit_value_t *map,
         godwit_error_t **error)
{
    static const char before[] = "notification ";
    const size_t size = godwit_value_print (map, NULL, 0) + 1;
    char *const text = malloc (sizeof before + size);
    if (!text)
        return godwit__error_no_memory (error);
    memcpy (text, before, sizeof before);
    godwit_value_print (map, text + sizeof before - 1, size);
    godwit__log_text (transport, level, text);
    free (text);
    return GODWIT_OK;
}

static godwit_status_t
write_log (const godwit__notify_driver_t *driver, const godwit__sending_t *sending,
           godwit_driver_report_t *report, godwit_error_t **error)
{
    const godwit_transport_t *const transport = sending->notifier->root->transport;
    const godwit_log_level_t level = levels[sending->parts.priority];
    godwit_value_t *map = NULL;
    godwit_status_t status = GODWIT_OK;
    (void) driver;
    if (godwit__logs (transport, level)) {
        status = godwit__notification_map (&map, &sending->notification, error);
        if (status == GODWIT_OK)
            status = log_map (transport, level, map, error);
        godwit_value_unref (&map);
    }
    report->accepted = status == GODWIT_OK;
    report->failed = status != GODWIT_OK;
    return status;
}

const godwit__notify_ops_t godwit__notify_log = {"log", GODWIT__NEEDS_VALUES, write_log};

/* ---- the program's own ---- */

static godwit_status_t
call_own (const godwit__notify_driver_t *driver, const godwit__sending_t *sending,
          godwit_driver_report_t *report, godwit_error_t **error)
{
    const godwit_notify_driver_t *const own = driver->own;
    const godwit_status_t status =
        own->notify (own->self, &sending->notification, sending->notifier->retry, report, error);
    report->driver = own->name;
    if (!report->accepted && !report->dropped && !report->failed) {
        report->accepted = status == GODWIT_OK;
        report->failed = status != GODWIT_OK;
    }
    if (status && !*error)
        godwit__error_set (error, status, "%s", godwit_status_text (status));
    return status;
}

const godwit__notify_ops_t godwit__notify_own = {"own", GODWIT__NEEDS_VALUES, call_own};
