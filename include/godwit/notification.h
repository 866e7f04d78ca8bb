/* SPDX-License-Identifier: Apache-2.0 */
/* A notification: what a notifier sends, and what drivers and listeners get (docs/contract.md, section 10).
 *
 * What the functions here return is borrowed from the notification. A value may be kept longer with
 * godwit_value_ref. Threads: a notification does not change; any thread may read it.
 */
#ifndef GODWIT_NOTIFICATION_H
#define GODWIT_NOTIFICATION_H

#include <godwit/value.h>

GODWIT_BEGIN_DECLS

/* How important a notification is. Also a part of the name that it is sent to: TOPIC.info. */
typedef enum godwit_priority {
    GODWIT_PRIORITY_AUDIT,
    GODWIT_PRIORITY_DEBUG,
    GODWIT_PRIORITY_INFO,
    GODWIT_PRIORITY_WARN,
    GODWIT_PRIORITY_ERROR,
    GODWIT_PRIORITY_CRITICAL,
    GODWIT_PRIORITY_SAMPLE
} godwit_priority_t;

#define GODWIT_PRIORITY_COUNT 7 /* how many priorities there are */

/* Returns the name of a priority: "audit", "debug", "info", "warn", ...; "?" for another number. Static
 * text. */
GODWIT_EXPORT const char *godwit_priority_name (godwit_priority_t priority);
/* Reads the name of a priority, upper or lower case; "warning" is "warn". False: it is unknown, and *priority
 * is untouched. */
GODWIT_EXPORT bool godwit_priority_parse (const char *name, godwit_priority_t *priority);

typedef struct godwit_notification godwit_notification_t;

/* Returns the context that came with a notification: a map. */
GODWIT_EXPORT const godwit_value_t *godwit_notification_context (const godwit_notification_t *notification);
/* Returns who sent a notification; "" if that is not known. */
GODWIT_EXPORT const char *godwit_notification_publisher_id (const godwit_notification_t *notification);
/* Returns what has happened, the type of event: "compute.instance.create.end". */
GODWIT_EXPORT const char *godwit_notification_event_type (const godwit_notification_t *notification);
/* Returns the priority of a notification. */
GODWIT_EXPORT godwit_priority_t godwit_notification_priority (const godwit_notification_t *notification);
/* Returns what a notification says: any value, never NULL. */
GODWIT_EXPORT const godwit_value_t *godwit_notification_payload (const godwit_notification_t *notification);
/* Returns the random UUID that the notifier gave it. It has 36 characters, and is the same each time that the
 * notification is delivered. */
GODWIT_EXPORT const char *godwit_notification_message_id (const godwit_notification_t *notification);
/* Returns when a notification was sent: by the notifier's clock, in UTC, "2026-11-29 17:05:01.123456". */
GODWIT_EXPORT const char *godwit_notification_timestamp (const godwit_notification_t *notification);
/* Returns the exchange that a notification came by. */
GODWIT_EXPORT const char *godwit_notification_exchange (const godwit_notification_t *notification);
/* Returns the topic that a notification came by, without the priority. A driver is given the first of the
 * notifier's topics. */
GODWIT_EXPORT const char *godwit_notification_topic (const godwit_notification_t *notification);
/* Returns how often a notification may have been delivered to the pool before. 0: this is certainly the first
 * time. */
GODWIT_EXPORT unsigned godwit_notification_redeliveries (const godwit_notification_t *notification);

GODWIT_END_DECLS

#endif
