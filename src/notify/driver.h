/* SPDX-License-Identifier: Apache-2.0 */
/* The drivers of a notifier, and one notification on its way through them. A driver is a struct of functions.
 */
#ifndef GODWIT_SRC_NOTIFY_DRIVER_H
#define GODWIT_SRC_NOTIFY_DRIVER_H

#include <godwit/notify.h>

#include "src/wire/notification.h"

typedef struct godwit__notify_driver godwit__notify_driver_t;

/* One notification on its way. What no driver needs is not made. */
typedef struct godwit__sending {
    const godwit_notifier_t *notifier;
    godwit__notification_parts_t parts;
    godwit__encoded_notification_t *encoded; /* by their form */
    godwit_notification_t notification;      /* the same as values */
} godwit__sending_t;

/* What a driver needs to have been made; of encoded bodies: 1 << form. */
typedef enum godwit__needs {
    GODWIT__NEEDS_PLAIN = 1 << GODWIT__NOTIFICATION_PLAIN,
    GODWIT__NEEDS_ENVELOPED = 1 << GODWIT__NOTIFICATION_ENVELOPED,
    GODWIT__NEEDS_VALUES = 4
} godwit__needs_t;

typedef struct godwit__notify_ops {
    const char *name;
    unsigned needs;
    /* Takes a notification, and counts copies in the report. On the thread that notifies, without a lock. */
    godwit_status_t (*notify) (const godwit__notify_driver_t *driver, const godwit__sending_t *sending,
                               godwit_driver_report_t *report, godwit_error_t **error);
} godwit__notify_ops_t;

/* A driver of one notifier. */
struct godwit__notify_driver {
    const godwit__notify_ops_t *ops;
    const godwit_notify_driver_t *own; /* the program's; NULL: one of the library's */
    bool is_direct;                    /* gets all; otherwise what the rules of `routing` accept for it */
    size_t rule;                       /* its index there */
};

extern const godwit__notify_ops_t godwit__notify_messaging;
extern const godwit__notify_ops_t godwit__notify_messagingv2;
extern const godwit__notify_ops_t godwit__notify_log;
extern const godwit__notify_ops_t godwit__notify_test;
extern const godwit__notify_ops_t godwit__notify_noop;
extern const godwit__notify_ops_t godwit__notify_own;

static inline const char *
godwit__notify_driver_name (const godwit__notify_driver_t *driver)
{
    return driver->own ? driver->own->name : driver->ops->name;
}

/* A notification as a map with the keys of the message. *map belongs to the caller. LIMIT_EXCEEDED,
 * OUT_OF_MEMORY. */
godwit_status_t godwit__notification_map (godwit_value_t **map, const godwit_notification_t *notification,
                                          godwit_error_t **error);

#endif
