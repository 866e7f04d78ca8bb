/* SPDX-License-Identifier: Apache-2.0 */
/* One call or cast, from its encoded request to its end, over as many servers as it takes.
 *
 *     attempt: choose a server -> hand over -> SENT -> finish: success, failure, or another attempt
 *                  |                  |
 *                  |                  +-- not sent: another server
 *                  +-- nobody connected, or no budget: STALLED until something changes, or until a back-off
 *                      has passed
 *
 * call_attempt.h makes an attempt, call_finish.h ends it, and call_retry.h decides whether there is another
 * one. The calling thread (blocking_call.c) or the completion reactor (async.h) takes these steps.
 *
 * A request that was not sent, or was refused, is handed to another server while the deadline and `retry`
 * allow it. A request that may have run is sent again only if the caller marked the client idempotent. An
 * attempt that puts load on a server a second time (after OVERLOADED, or because the first may have run) is
 * paid from the topic's retry budget (src/discovery/retry_budget.h); all others are free. The outcome of the
 * call is the most that any attempt may have done. Example: one attempt may have run, and the next was not
 * sent: the call may have run.
 */
#ifndef GODWIT_SRC_CLIENT_CALL_H
#define GODWIT_SRC_CLIENT_CALL_H

#include <godwit/client.h>

#include "src/client/encoded_request.h"
#include "src/discovery/selection.h"

/* The price of the next attempt. */
typedef enum godwit__charge {
    GODWIT__CHARGE_FIRST, /* nothing: the call earns budget */
    GODWIT__CHARGE_NONE,
    GODWIT__CHARGE_RETRY /* from the retry budget */
} godwit__charge_t;

typedef struct godwit__call {
    godwit__pending_t pending; /* the first member: an asynchronous call is found by its pending */
    godwit_client_t *client;   /* counted in its pending calls */
    int64_t timeout_ms;
    int64_t deadline_ns;
    char *backoff_key;    /* if the client backs off; NULL: it does not */
    int64_t now_ns;       /* the time, while it is fresh; 0: ask the clock */
    int64_t retries_left; /* -1: any number */
    int64_t started_ns;
    godwit_trace_t trace;         /* its span id is the call's id */
    uint64_t parent;              /* the span that the call is a part of; 0: none */
    godwit__metric_t *metric;     /* from godwit__call_begin_counted on */
    godwit__box_record_t *record; /* in the black box; NULL: there is none of it */
    uint32_t attempts;            /* how often it was handed over */
    uint32_t reply_size;          /* of the frame that ended it */
    const char *noted;            /* the last reason for waiting that the black box has; static text */
    godwit_value_t *context;      /* as the program gave it, for the client's serializer; NULL without one */
    bool cast;
    bool redelivered; /* a durable cast that may have run before */
    bool withheld;    /* its next attempt has waited for the budget */
    bool spreads;     /* it may wait for its turn while servers are being connected to */
    godwit__charge_t charge;
    bool given_up; /* its future was destroyed; the completion thread's own */

    godwit__connection_t *connection; /* has the request: a reference, until the call has ended */
    uint64_t server_key;
    int64_t not_before_ns; /* backing off: stalled at least until then */
    int64_t backoff_ns;
    /* transport.change_count at the last look: a later change wakes a stalled call. */
    uint64_t change_seen;
    godwit_outcome_t outcome; /* the most that any attempt so far may have done */
    const char *why;          /* why the last attempt failed; static text */
    int64_t log_ns;           /* when the log is to hear that it waits for somebody; 0: at no time */

    struct godwit__row *row; /* in a fanout call: the row of the one server that it is for; else NULL */

    /* Asynchronous calls. */
    godwit_reply_fn *callback;
    void *user;
    godwit__list_node_t in_stalled;

    /* Not cleared when the call begins, but for the counts. */
    godwit__tried_t tried;
    godwit__tried_t refused; /* servers that do not have its namespace or version, as they said themselves */
    godwit__encoded_request_t request;
} godwit__call_t;

/* Encodes a request. On success the call counts as pending of its client until godwit__call_release. */
godwit_status_t godwit__call_init (godwit__call_t *call, godwit_client_t *client, bool cast,
                                   const godwit_value_t *context, const char *method,
                                   const godwit_fields_t *args, godwit_error_t **error);
/* The two halves of godwit__call_init, for callers that have the request already. The first counts the call
 * as pending; if it fails, there is nothing to release. The second begins the call's time of timeout_ms,
 * which is set before. */
godwit_status_t godwit__call_open (godwit__call_t *call, godwit_client_t *client, bool cast,
                                   godwit_error_t **error);
void godwit__call_begin_time (godwit__call_t *call, int64_t now_ns);
void godwit__call_release (godwit__call_t *call);

/* When a stalled call is due, whatever happens. */
static inline int64_t
godwit__call_due_ns (const godwit__call_t *call)
{
    int64_t due_ns = call->deadline_ns;
    if (call->not_before_ns && call->not_before_ns < due_ns)
        due_ns = call->not_before_ns;
    return call->log_ns && call->log_ns < due_ns ? call->log_ns : due_ns;
}

#endif
