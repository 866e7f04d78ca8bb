/* SPDX-License-Identifier: Apache-2.0 */
/* The notifier: tells whoever listens that something happened (docs/contract.md, section 10;
 * docs/notifications.md).
 *
 * Nobody between the processes holds a notification for a listener that is not there yet: the notifier does.
 * It keeps each notification until every pool of listeners has acknowledged it. Without a spool that is kept
 * in memory, and lost with the process. With one (godwit/spool.h) it survives the process, and the machine.
 *
 * Threads: any thread may use a notifier; destroy it only once, when no other thread uses it.
 */
#ifndef GODWIT_NOTIFY_H
#define GODWIT_NOTIFY_H

#include <godwit/client.h>
#include <godwit/notification.h>
#include <godwit/spool.h>

GODWIT_BEGIN_DECLS

typedef struct godwit_notifier godwit_notifier_t;

/* ---- where notifications go ---- */

#define GODWIT_REPORT_DRIVER_MAX 8 /* how many drivers a notifier may have */

/* What one driver did with a notification. */
typedef struct godwit_driver_report {
    const char *driver; /* its name; static, or the driver's own */
    godwit_status_t status;
    unsigned accepted; /* copies, one for each topic */
    unsigned dropped;
    unsigned failed;
} godwit_driver_report_t;

/* What became of a notification. Begin with GODWIT_NOTIFY_REPORT, which sets struct_size. */
typedef struct godwit_notify_report {
    size_t struct_size;
    char message_id[40]; /* that it got; "" if nothing was sent */
    size_t driver_count;
    godwit_driver_report_t drivers[GODWIT_REPORT_DRIVER_MAX];
} godwit_notify_report_t;

/* Makes an empty report: godwit_notify_report_t report = GODWIT_NOTIFY_REPORT. */
#define GODWIT_NOTIFY_REPORT                                                                                 \
    {                                                                                                        \
        .struct_size = sizeof (godwit_notify_report_t)                                                       \
    }

/* A notification driver of the program's own: where notifications go. Its functions run on the thread that
 * notifies, several at once. It may not have the name of one of the library's. */
typedef struct godwit_notify_driver {
    size_t struct_size;
    const char *name;
    void *self;
    /* Takes a notification, which is borrowed. Fills in accepted, dropped and failed of the report, which
     * begins with zeros (if it fills in nothing, one copy was accepted, or has failed); its status is the
     * return value. retry: as of the option; 0: none; -1: for ever. error is never NULL. */
    godwit_status_t (*notify) (void *self, const godwit_notification_t *notification, int64_t retry,
                               godwit_driver_report_t *report, godwit_error_t **error);
} godwit_notify_driver_t;

/* Where the driver `routing` has its rules from. The component godwit-routing has one that reads YAML
 * (godwit/routing.h). A notification goes to those of the drivers that the rules name whose rules accept it,
 * and to each of them once. */
typedef struct godwit_routing {
    size_t struct_size;
    /* Reads the rules from a file; *rules belongs to the caller. SYSTEM, MALFORMED ("routes.yaml:7: expected
     * ..."), OUT_OF_MEMORY. */
    godwit_status_t (*open) (void **rules, const char *path, godwit_error_t **error);
    /* Frees them. */
    void (*close) (void *rules);
    /* The name of the index-th driver that the rules name; NULL: there are no more. *where: where it stands
     * ("routes.yaml:7"). Both are borrowed. */
    const char *(*driver) (const void *rules, size_t index, const char **where);
    /* Whether that driver gets a notification. Any thread. */
    bool (*accepts) (const void *rules, size_t index, const char *event_type, godwit_priority_t priority);
} godwit_routing_t;

/* ---- options ---- */

/* What becomes of a notification for which there is no room, because listeners have not taken those before.
 */
typedef enum godwit_when_full {
    GODWIT_WHEN_FULL_BLOCK,       /* notify waits for room, up to block_ms; after that it has failed */
    GODWIT_WHEN_FULL_DROP_OLDEST, /* the oldest of all topics that was not sent yet goes, for the pools that
                                     have not had it */
    GODWIT_WHEN_FULL_DROP_NEWEST, /* this one goes */
    GODWIT_WHEN_FULL_FAIL         /* this one fails, at once */
} godwit_when_full_t;

/* What becomes of a notification that a listener has requeued once more than max_requeues allows. */
typedef enum godwit_when_exhausted {
    GODWIT_WHEN_EXHAUSTED_DROP,       /* it goes, and the log says so */
    GODWIT_WHEN_EXHAUSTED_DEAD_LETTER /* it is sent to the topic dead_letter_topic, with the same message_id
                                       */
} godwit_when_exhausted_t;

/* How a notifier keeps and delivers what it accepted. Zero: the default, with which each comment begins. */
typedef struct godwit_delivery_options {
    size_t struct_size;
    int queue_limit;       /* 65536: notifications that are kept, all topics together */
    size_t max_queue_size; /* 64 MiB: bytes of them */
    godwit_when_full_t when_full;
    int64_t block_ms; /* 1000: how long notify may wait for room (BLOCK). GODWIT_CLEAR_INT: not at all */
    /* Pools that are there from the beginning, so that a notification is kept for them though none of their
     * listeners was seen yet. "" is the pool of listeners without one. */
    const char *const *pools;
    size_t pool_count;
    /* 600000: for how long after its last listener left a pool is remembered, and notifications are kept for
     * it. GODWIT_CLEAR_INT: not at all; otherwise negative: for ever. Declared pools are never forgotten. */
    int64_t pool_memory_ms;
    /* 16: how often a listener may requeue a notification. GODWIT_CLEAR_INT: not at all; otherwise negative:
     * without limit. */
    int64_t max_requeues;
    int64_t requeue_first_ms; /* 100: how long a requeued notification waits; twice as long each time ... */
    int64_t requeue_max_ms;   /* 30000: ... but not longer than this */
    godwit_when_exhausted_t when_exhausted;
    const char *dead_letter_topic; /* NULL: "dead_letter" */
    godwit_spool_t *spool;         /* NULL: kept in memory only. Borrowed, and used by this one alone */
} godwit_delivery_options_t;

/* Makes options of delivery: GODWIT_DELIVERY_OPTIONS (.queue_limit = 1000). */
#define GODWIT_DELIVERY_OPTIONS(...)                                                                         \
    (&(const godwit_delivery_options_t){.struct_size = sizeof (godwit_delivery_options_t), __VA_ARGS__})

/* Zero means the default, with which each comment begins. All is copied but what is said to be borrowed. */
typedef struct godwit_notifier_options {
    size_t struct_size;
    const char *publisher_id; /* "" */
    const char *exchange;     /* the transport's control_exchange */
    /* {"notifications"}: a notification is sent to each of these topics, once if one is named twice. */
    const char *const *topics;
    size_t topic_count;
    /* {"messaging"}: names of drivers: messaging, messagingv2, log, noop, test, routing, and those of
     * `own_drivers`; at most 8. With driver_count 0 and drivers not NULL there is none: the notifier is
     * disabled. The driver log writes to the log of the transport. */
    const char *const *drivers;
    size_t driver_count;
    const godwit_notify_driver_t *const *own_drivers; /* the program's own; borrowed */
    size_t own_driver_count;
    const char *routing_config; /* NULL: the file with the rules of the driver `routing` */
    /* -1: how often sending is tried again if no listener can be reached; -1: for ever, so that it is kept
     * until there is one. GODWIT_CLEAR_INT: 0 times. */
    int64_t retry;
    const godwit_serializer_t *serializer; /* NULL: none; borrowed, outlives the notifier */
    /* The keys of a plain map that are sent as context. Without this a context that is no object of the
     * program's is sent as {}. */
    const char *const *context_keys;
    size_t context_key_count;
    /* Gives the redacted copy of a context that is an object of the program's (godwit_value_new_object): what
     * may be seen by listeners. It is a map, or an object that the serializer makes a map of, and belongs to
     * the caller. Any thread. NULL: an object is sent as {}, and the log says so. */
    godwit_status_t (*redact_context) (void *user, const godwit_value_t *context, godwit_value_t **redacted,
                                       godwit_error_t **error);
    void *redact_user;
    const godwit_delivery_options_t *delivery; /* NULL: all defaults */
} godwit_notifier_options_t;

/* Makes options for a notifier: GODWIT_NOTIFIER_OPTIONS (.publisher_id = "compute.host1"). */
#define GODWIT_NOTIFIER_OPTIONS(...)                                                                         \
    (&(const godwit_notifier_options_t){.struct_size = sizeof (godwit_notifier_options_t), __VA_ARGS__})

/* Makes a notifier. options may be NULL. *notifier belongs to the caller. INVALID_ARGUMENT (an unknown
 * driver, by name; a limit), DRIVER_LOAD (the driver `routing` without its component), SYSTEM and MALFORMED
 * (the routing file, with the line), OUT_OF_MEMORY, CLOSED, FORKED, the statuses of the spool. */
GODWIT_EXPORT godwit_status_t godwit_notifier_new (godwit_notifier_t **notifier,
                                                   godwit_transport_t *transport,
                                                   const godwit_notifier_options_t *options,
                                                   godwit_error_t **error);
/* Waits until all that was accepted is acknowledged or given up. For at most timeout_ms (-1: for ever);
 * TIMEOUT says how many are left, and for which pools. CLOSED (the transport ends meanwhile, or is being
 * destroyed), FORKED. In a callback, and inside of the program's loop, it does not wait. */
GODWIT_EXPORT godwit_status_t godwit_notifier_flush (godwit_notifier_t *notifier, int64_t timeout_ms,
                                                     godwit_error_t **error);
/* Destroys a notifier and sets *notifier to NULL. What is kept in memory alone and not acknowledged yet is
 * lost, and the log says how much (godwit_notifier_flush waits for it); what is in a spool stays there.
 * Notifiers that were prepared from it return CLOSED from now on; with the last of them the memory goes, and
 * what is kept, and a spool must last until then. Any thread, also in a callback. Accepts NULL and a pointer
 * to NULL. */
GODWIT_EXPORT void godwit_notifier_destroy (godwit_notifier_t **notifier);

/* Makes a notifier from another one: with another publisher_id (NULL: the same) and retry (0: the same;
 * GODWIT_CLEAR_INT: 0 times). Cheap: it shares all else. *notifier belongs to the caller, and is destroyed
 * before the other one. INVALID_ARGUMENT, CLOSED, OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_notifier_prepare (godwit_notifier_t **notifier,
                                                       godwit_notifier_t *parent, const char *publisher_id,
                                                       int64_t retry, godwit_error_t **error);

/* Tells whether a notifier has a driver other than noop; one of the rules of `routing` counts, too. */
GODWIT_EXPORT bool godwit_notifier_is_enabled (const godwit_notifier_t *notifier);

/* ---- sending ---- */

/* How one notification is sent. Zero: the default, with which each comment begins. */
typedef struct godwit_notify_options {
    size_t struct_size;
    bool strict; /* false: notify is OK whatever drivers say. true: the first failure of a driver is returned
                  */
    godwit_notify_report_t *report; /* NULL: nobody wants to know */
} godwit_notify_options_t;

/* Makes options for one notification: GODWIT_NOTIFY_OPTIONS (.strict = true). */
#define GODWIT_NOTIFY_OPTIONS(...)                                                                           \
    (&(const godwit_notify_options_t){.struct_size = sizeof (godwit_notify_options_t), __VA_ARGS__})

/* Sends a notification. The context that travels is made in two steps: a plain map, or NULL, becomes {}, but
 * for the option context_keys, and an object of the program's becomes its redacted copy; then the serializer
 * makes of it what it makes of contexts (NULL, if there is none). The payload is what the serializer makes of
 * it. OK once each driver has had it, also if a driver failed: that is logged, at most once a minute for each
 * driver, and stands in the report. options may be NULL. INVALID_ARGUMENT (no event_type, no priority, a
 * payload that cannot be sent, with its path), TYPE_MISMATCH (an object that nothing makes a value of),
 * LIMIT_EXCEEDED (larger than max_message_size), the statuses of the serializer, CLOSED, FORKED,
 * OUT_OF_MEMORY. With `strict` also the first failure of a driver: OVERLOADED (there is no room in memory or
 * in the spool, and when_full does not drop), DELIVERY_FAILURE (no listener is connected, and retry is 0),
 * PERMISSION_DENIED (the certificate of this process has no right to publish on a topic of the notifier),
 * the statuses of the spool (SYSTEM: its disk has failed; MALFORMED: it is damaged), those of a driver of the
 * program's. */
GODWIT_EXPORT godwit_status_t godwit_notify (godwit_notifier_t *notifier, godwit_priority_t priority,
                                             const godwit_value_t *context, const char *event_type,
                                             godwit_field_t payload, const godwit_notify_options_t *options,
                                             godwit_error_t **error);

/* ---- the drivers test and routing ---- */

/* Returns what the driver `test` has recorded in this process: the oldest first, a list of maps with the keys
 * of the message (priority, publisher_id, event_type, payload, context, message_id, timestamp). *list belongs
 * to the caller. The record is of all notifiers, and keeps the last 1024. LIMIT_EXCEEDED (more elements than
 * a value may have), OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_test_notifications (godwit_value_t **list, godwit_error_t **error);
/* Forgets what the driver `test` has recorded. */
GODWIT_EXPORT void godwit_test_notifications_clear (void);

/* Lets notifiers of this process use the driver `routing`. routing is borrowed for good; NULL: no more of
 * them. Those that there are keep theirs. INVALID_ARGUMENT: no size, or a function is missing. */
GODWIT_EXPORT godwit_status_t godwit_notify_use_routing (const godwit_routing_t *routing,
                                                         godwit_error_t **error);

/* ---- what a notifier has done ---- */

/* Counts since the notifier was made. Begin with GODWIT_NOTIFIER_STATS. */
typedef struct godwit_notifier_stats {
    size_t struct_size;
    uint64_t accepted;     /* copies that were accepted, one for each topic */
    uint64_t acknowledged; /* deliveries that were acknowledged, one for each pool */
    uint64_t redelivered;  /* deliveries that were made again */
    uint64_t requeued;     /* by listeners */
    uint64_t dropped;      /* because of when_full, for each pool that has not had it */
    uint64_t failed;       /* not accepted: full, or retry was spent */
    uint64_t exhausted;    /* requeued too often */
    uint64_t kept;         /* now, all topics together */
    uint64_t kept_size;    /* bytes of them */
    uint64_t pools;        /* known now, all topics together */
} godwit_notifier_stats_t;

/* Makes empty counts: godwit_notifier_stats_t stats = GODWIT_NOTIFIER_STATS. */
#define GODWIT_NOTIFIER_STATS                                                                                \
    {                                                                                                        \
        .struct_size = sizeof (godwit_notifier_stats_t)                                                      \
    }

/* Reads the counters. INVALID_ARGUMENT: stats without its size. */
GODWIT_EXPORT godwit_status_t godwit_notifier_get_stats (const godwit_notifier_t *notifier,
                                                         godwit_notifier_stats_t *stats,
                                                         godwit_error_t **error);

/* ---- log records and errors as notifications ---- */

/* Makes a notification of a log record: a handler of log records (godwit_log_fn). The event is "logrecord",
 * the priority that of the level, and the payload a map: name ("godwit"), levelname, levelno (10 to 40, as in
 * Python), msg, process. Give this function as the log function of a transport's options, with the log_level
 * from which on records are wanted, or call it from the program's own logging; user is the notifier (NULL:
 * nothing happens). What a notifier logs while it sends is not notified, so that no record makes another one.
 * For the same reason the notifier's own transport should not log to it. Any thread. */
GODWIT_EXPORT void godwit_notify_log_record (void *user, godwit_log_level_t level, const char *text);

/* Publishes an error as a notification "error_notification" of the priority error. what: what failed; may be
 * NULL. failure is borrowed. The payload is a map: what, type, module, status (a number), message, outcome,
 * traceback. Otherwise as godwit_notify. */
GODWIT_EXPORT godwit_status_t godwit_notify_failure (godwit_notifier_t *notifier,
                                                     const godwit_value_t *context, const char *what,
                                                     const godwit_error_t *failure, godwit_error_t **error);

/* ---- at one priority ---- */

/* Like godwit_notify, at one priority and without options: godwit_notify_info (notifier, context,
 * "disk.full", GODWIT_MAP (NULL, ...)). */
#define GODWIT_NOTIFY_AT_(name_, priority_)                                                                  \
    static inline godwit_status_t godwit_notify_##name_ (                                                    \
        godwit_notifier_t *notifier, const godwit_value_t *context, const char *event_type,                  \
        godwit_field_t payload, godwit_error_t **error)                                                      \
    {                                                                                                        \
        return godwit_notify (notifier, priority_, context, event_type, payload, NULL, error);               \
    }
GODWIT_NOTIFY_AT_ (audit, GODWIT_PRIORITY_AUDIT)
GODWIT_NOTIFY_AT_ (debug, GODWIT_PRIORITY_DEBUG)
GODWIT_NOTIFY_AT_ (info, GODWIT_PRIORITY_INFO)
GODWIT_NOTIFY_AT_ (warn, GODWIT_PRIORITY_WARN)
GODWIT_NOTIFY_AT_ (error, GODWIT_PRIORITY_ERROR)
GODWIT_NOTIFY_AT_ (critical, GODWIT_PRIORITY_CRITICAL)
GODWIT_NOTIFY_AT_ (sample, GODWIT_PRIORITY_SAMPLE)
#undef GODWIT_NOTIFY_AT_

GODWIT_END_DECLS

#endif
