/* SPDX-License-Identifier: Apache-2.0 */
/* The listener: gets notifications (docs/contract.md, section 10; docs/notifications.md).
 *
 * A listener listens to targets (topics) at the priorities for which its endpoints have a function. Listeners
 * with the same pool share its notifications; each pool gets each notification. A notification is
 * acknowledged when its endpoints have returned. If the process ends before that, or an endpoint asks for it,
 * it is delivered again, marked, to this listener or another one of the pool.
 *
 * Threads: as for godwit_server_t: any thread may call start, stop, wait and destroy; but destroy only once,
 * and neither wait nor destroy from an endpoint of the same listener.
 */
#ifndef GODWIT_LISTENER_H
#define GODWIT_LISTENER_H

#include <godwit/notification.h>
#include <godwit/server.h>

GODWIT_BEGIN_DECLS

typedef struct godwit_listener godwit_listener_t;

/* What an endpoint says. Any other number counts as REQUEUE: the endpoint has failed. */
typedef enum godwit_handled {
    GODWIT_HANDLED, /* it is done with, as far as this endpoint is concerned */
    /* It is to be delivered again, later. Endpoints after this one do not get it this time. Without the
     * option allow_requeue it counts as HANDLED. */
    GODWIT_REQUEUE
} godwit_handled_t;

/* Handles one notification, which is borrowed. Runs on a worker thread with no lock held. */
typedef godwit_handled_t godwit_notified_fn (const godwit_notification_t *notification, void *self);
/* Handles a batch. It is acknowledged, or requeued, as a whole. */
typedef godwit_handled_t godwit_batch_fn (const godwit_notification_t *const *notifications, size_t count,
                                          void *self);

/* A pattern for one key of a map. */
typedef struct godwit_key_filter {
    const char *key;
    const char *pattern;
} godwit_key_filter_t;

/* Which notifications an endpoint gets. Patterns are POSIX extended regular expressions; they have to match
 * from the beginning of the text on, but not to its end. What is not given (NULL) matches all. What is
 * missing, or is no text, does not match. */
typedef struct godwit_filter {
    size_t struct_size;
    const char *publisher_id;
    const char *event_type;
    const godwit_key_filter_t *context; /* keys of the context */
    size_t context_count;
    const godwit_key_filter_t *metadata; /* message_id, timestamp */
    size_t metadata_count;
    const godwit_key_filter_t *payload; /* keys of the payload, if it is a map */
    size_t payload_count;
} godwit_filter_t;

/* Makes a filter: GODWIT_FILTER (.event_type = "compute\\."). The result is a pointer. */
#define GODWIT_FILTER(...) (&(const godwit_filter_t){.struct_size = sizeof (godwit_filter_t), __VA_ARGS__})

/* Functions, each for a priority; NULL: the endpoint is not interested. Copied, with its filter. Of a
 * listener with batches `batch` is used instead, for the priorities that `priorities` names. */
typedef struct godwit_notification_endpoint {
    size_t struct_size;
    godwit_notified_fn *audit, *debug, *info, *warn, *error, *critical, *sample;
    godwit_batch_fn *batch;
    unsigned batch_priorities;     /* a bit each: 1u << GODWIT_PRIORITY_INFO | ... ; 0: all */
    const godwit_filter_t *filter; /* NULL: all notifications */
    void *self;
    void (*on_destroy) (void *self); /* when the listener is destroyed; may be NULL */
} godwit_notification_endpoint_t;

/* Makes an endpoint: GODWIT_NOTIFICATION_ENDPOINT (.info = on_info, .self = object). */
#define GODWIT_NOTIFICATION_ENDPOINT(...)                                                                    \
    ((godwit_notification_endpoint_t){.struct_size = sizeof (godwit_notification_endpoint_t), __VA_ARGS__})

/* Zero means the default, with which each comment begins. */
typedef struct godwit_listener_options {
    size_t struct_size;
    const char *pool;   /* "": all listeners without a pool are one pool */
    const char *name;   /* HOST-PID-NUMBER: by which it is known to others */
    bool allow_requeue; /* false: REQUEUE counts as HANDLED */
    /* 1: notifications of one topic and priority that are handled at a time. Those of one notifier are always
     * handled one after the other. */
    int concurrency;
    const char *executor;     /* "pool"; or "inline": one after the other, whatever the concurrency */
    int batch_size;           /* 1: endpoints get up to so many at once (`batch`), all of one priority */
    int64_t batch_timeout_ms; /* 1000: a batch that is not full is handled so long after its first came */
    int credit; /* 512: notifications that one notifier may have sent to a topic and priority of this listener
                   without an acknowledgement; at least twice the batch_size */
    bool pull;  /* notifications are taken by godwit_listener_next; there are no endpoints */
    unsigned priorities;                   /* with `pull`: a bit each; 0: all */
    const godwit_serializer_t *serializer; /* NULL: none; borrowed, outlives the listener */
    int drop_duplicates; /* 0: none. So many message_ids are remembered; one that comes again is acknowledged,
                            and no endpoint gets it, unless it was requeued. While the first is being handled,
                            the second goes back to its notifier */
    /* false: notifiers remember the pool after its last listener has left (pool_memory_ms). true: they forget
     * it at once, if none of its listeners was there without this, and what they keep for the first pool
     * stays kept. For a look at what goes by. */
    bool transient;
} godwit_listener_options_t;

/* Makes options for a listener: GODWIT_LISTENER_OPTIONS (.pool = "auditor"). */
#define GODWIT_LISTENER_OPTIONS(...)                                                                         \
    (&(const godwit_listener_options_t){.struct_size = sizeof (godwit_listener_options_t), __VA_ARGS__})

/* Makes a listener. Of the targets the exchange and the topic count, and each needs a topic, of at most 239
 * bytes. *listener belongs to the caller. INVALID_ARGUMENT (a target without topic, or with a longer one, a
 * pattern with its place, no endpoint that wants anything, a negative number), EXECUTOR_LOAD, OUT_OF_MEMORY,
 * CLOSED. */
GODWIT_EXPORT godwit_status_t godwit_listener_new (
    godwit_listener_t **listener, godwit_transport_t *transport, const godwit_target_t *targets,
    size_t target_count, const godwit_notification_endpoint_t *endpoints, size_t endpoint_count,
    const godwit_listener_options_t *options, godwit_error_t **error);

/* The steps of a listener's life, as those of a server (godwit_server_start and so on, godwit/server.h). */
/* Starts a listener: it makes itself known to notifiers. */
GODWIT_EXPORT godwit_status_t godwit_listener_start (godwit_listener_t *listener,
                                                     const godwit_step_options_t *options,
                                                     godwit_error_t **error);
/* Stops a listener. What it has accepted is still handled, and acknowledged; a batch that is not full is
 * handled at once; what godwit_listener_next has not taken goes back to the notifiers. */
GODWIT_EXPORT godwit_status_t godwit_listener_stop (godwit_listener_t *listener,
                                                    const godwit_step_options_t *options,
                                                    godwit_error_t **error);
/* Waits until a stopped listener has handled all that it accepted. What was pulled counts until it is
 * settled. */
GODWIT_EXPORT godwit_status_t godwit_listener_wait (godwit_listener_t *listener,
                                                    const godwit_step_options_t *options,
                                                    godwit_error_t **error);
/* Stops and destroys a listener, and sets *listener to NULL. Endpoints that run are waited for, with what
 * came in the same frame, and what waits for a batch is handled; the rest goes back to the notifiers. What
 * was pulled and not settled is delivered again to somebody else, marked. The end of its transport does the
 * same. Accepts NULL and a pointer to NULL. */
GODWIT_EXPORT void godwit_listener_destroy (godwit_listener_t **listener);

/* ---- pulling ---- */

/* Takes the next notification of a listener with `pull`; waits for it for at most timeout_ms (0: not at all;
 * -1: for ever). *notification belongs to the caller, who settles it with godwit_notification_acknowledge or
 * _requeue. TIMEOUT, CLOSED (stopped and nothing is left, or its transport has ended). Any thread. With
 * external_loop it does not wait inside of the loop (in a handler, an endpoint or a callback). */
GODWIT_EXPORT godwit_status_t godwit_listener_next (godwit_listener_t *listener, int64_t timeout_ms,
                                                    godwit_notification_t **notification,
                                                    godwit_error_t **error);
/* Returns a descriptor that is readable while godwit_listener_next would not wait. It is for poll, and the
 * listener's. -1 and an error if there is none (no `pull`, or the system has no more). */
GODWIT_EXPORT int godwit_listener_fd (godwit_listener_t *listener, godwit_error_t **error);
/* Acknowledges a notification that was pulled, and sets *notification to NULL. Any thread. */
GODWIT_EXPORT void godwit_notification_acknowledge (godwit_notification_t **notification);
/* Gives it back, to be delivered again later, and sets *notification to NULL. Without allow_requeue it is
 * acknowledged. Any thread. */
GODWIT_EXPORT void godwit_notification_requeue (godwit_notification_t **notification);

GODWIT_END_DECLS

#endif
