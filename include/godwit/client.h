/* SPDX-License-Identifier: Apache-2.0 */
/* The client: calls, casts and fanouts (docs/contract.md, section 3).
 *
 * Threads: any number of threads may use one client at once. The calls of one thread are in order.
 * Ownership: contexts, names and arguments are borrowed for the length of the call that takes them. Results
 * belong to the caller (godwit_value_unref), and so do errors (godwit_error_destroy).
 */
#ifndef GODWIT_CLIENT_H
#define GODWIT_CLIENT_H

#include <godwit/serializer.h>
#include <godwit/spool.h>
#include <godwit/target.h>
#include <godwit/transport.h>
#include <godwit/value.h>

GODWIT_BEGIN_DECLS

typedef struct godwit_client godwit_client_t;

/* Values with a special meaning, for the fields below. */
#define GODWIT_CLEAR_INT INT64_MIN /* unsets a number that was set before (contract 3: an explicit None) */
#define GODWIT_TIMEOUT_ZERO (-1)   /* a timeout of 0 ms: a cast goes to who is connected; no call is sent */
#define GODWIT_RETRY_FOREVER (-1)  /* retries without a limit but the call's timeout */
#define GODWIT_RETRY_NONE (-2)     /* hands a request over once, and does not retry */
/* Unsets a string that was set before. It is compared by its address. */
GODWIT_EXPORT extern const char godwit_clear[];

/* Zero means "not given". */
typedef struct godwit_client_options {
    size_t struct_size;
    int64_t timeout_ms; /* of calls; not given: the transport's rpc_response_timeout_ms */
    /* How many more times to hand a request over after NOT_SENT and REJECTED. Waiting 100 ms for a server
     * that takes it counts as one of them; waiting until the servers are known does not. Not given: for
     * ever. */
    int64_t retry;
    const char *version_cap; /* the highest version that may be called; others: VERSION_CAP */
    /* YES: if nobody listens, UNDELIVERABLE; do not wait for a server. That is told as soon as it is known:
     * when a source of names has told all that it knows. If all of them are out of reach: DELIVERY_FAILURE.
     */
    godwit_choice_t mandatory;
    /* The call monitor (contract 4). The server of a call reports every half of this time that the call still
     * runs. A call without a report for this time ends with TIMEOUT. It is never longer than timeout_ms. Not
     * given: no monitor. */
    int64_t call_monitor_timeout_ms;
    const godwit_serializer_t
        *serializer; /* NULL: none; borrowed, outlives the client and those prepared from it */
    /* YES: the client's methods do no harm when they run twice, even at the same time. Then a call that may
     * have run is tried again, on another server if there is one: a call whose server died, whose connection
     * ended, or whose call monitor heard nothing, but not one whose time is spent. Retries stay within the
     * timeout, `retry` and the transport's retry_budget. If they fail, too, the outcome is the most that can
     * have happened: MAYBE_RUN, whatever became of the last attempt. Casts and fanouts are not repeated,
     * because nobody learns what became of them. */
    godwit_choice_t idempotent;
    int reserved; /* keep it 0: it fills the struct, so that the next field has a place of its own */
    /* For durable casts; NULL: none. Borrowed, outlives the client and those prepared from it, and is used by
     * this one alone. What is in it from an earlier process is sent, too. */
    godwit_spool_t *spool;
    /* YES: casts are durable. One that was accepted is kept in the spool until one server of the topic has
     * acknowledged that it ran. It runs at least once: after a lost connection or a restart it is sent again,
     * marked (godwit_request_is_redelivered). */
    godwit_choice_t durable;
    int reserved_too; /* keep it 0 */
} godwit_client_options_t;

/* Makes options for a client: GODWIT_CLIENT_OPTIONS (.timeout_ms = 500). */
#define GODWIT_CLIENT_OPTIONS(...)                                                                           \
    (&(const godwit_client_options_t){.struct_size = sizeof (godwit_client_options_t), __VA_ARGS__})

/* Makes a client for a target, which needs at least a topic. target is copied; options may be NULL. *client
 * belongs to the caller. INVALID_ARGUMENT: a malformed version. */
GODWIT_EXPORT godwit_status_t godwit_client_new (godwit_client_t **client, godwit_transport_t *transport,
                                                 const godwit_target_t *target,
                                                 const godwit_client_options_t *options,
                                                 godwit_error_t **error);
/* Destroys a client and sets *client to NULL. Its calls that other threads wait for end with CLOSED. Its
 * asynchronous calls have had their callback when this function returns. Not from a callback of the same
 * client. Accepts NULL and a pointer to NULL. */
GODWIT_EXPORT void godwit_client_destroy (godwit_client_t **client);

/* What godwit_client_prepare changes. A field that is not given (NULL, 0, GODWIT_UNSET) is inherited.
 * godwit_clear, GODWIT_CLEAR_INT and GODWIT_CLEAR_CHOICE unset it. */
typedef struct godwit_overrides {
    size_t struct_size;
    const char *exchange;
    const char *topic;
    const char *name_space;
    const char *version;
    const char *server;
    godwit_choice_t fanout;
    int64_t timeout_ms;
    int64_t retry;
    const char *version_cap;
    godwit_choice_t mandatory;
    int64_t call_monitor_timeout_ms;
    godwit_choice_t idempotent;
    int reserved; /* keep it 0: it fills the struct, so that the next field has a place of its own */
    godwit_choice_t durable;
    int reserved_too; /* keep it 0 */
} godwit_overrides_t;

/* Makes overrides for godwit_client_prepare: GODWIT_OVERRIDES (.server = "first"). */
#define GODWIT_OVERRIDES(...)                                                                                \
    (&(const godwit_overrides_t){.struct_size = sizeof (godwit_overrides_t), __VA_ARGS__})

/* Makes a client from another one, with some things changed (contract 3). The parent stays as it is, and may
 * be destroyed first. Cheap: one allocation, and no lock unless exchange or topic change. *client belongs to
 * the caller. INVALID_ARGUMENT (a malformed version, an invalid number or choice), CLOSED, OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_client_prepare (godwit_client_t **client, const godwit_client_t *parent,
                                                     const godwit_overrides_t *overrides,
                                                     godwit_error_t **error);

/* Tells whether the version cap allows a version (contract 3); NULL: the target's. Without a cap: yes. With
 * one, a malformed version is not allowed. Nothing is sent, and nothing can fail. */
GODWIT_EXPORT bool godwit_client_can_send_version (const godwit_client_t *client, const char *version);

/* Calls a method and waits for its reply. It goes to a server that serves the target's namespace and version,
 * if one is known. context may be NULL (an empty map). result may be NULL (not
 * wanted). On success *result is never NULL, since nil is a value, too. The method runs at most once, unless
 * the client is idempotent. After a failure godwit_error_outcome says whether it can have run. TIMEOUT,
 * DELIVERY_FAILURE, UNDELIVERABLE, PERMISSION_DENIED, INVALID_TARGET (no topic; fanout), VERSION_CAP,
 * REMOTE_ERROR, NO_SUCH_METHOD, UNSUPPORTED_VERSION, INVALID_ARGUMENT, TYPE_MISMATCH or NOT_FOUND (an
 * argument, with its path: "args.b: expected int, got str"), OVERLOADED, CLOSED, ... */
GODWIT_EXPORT godwit_status_t godwit_client_call (godwit_client_t *client, const godwit_value_t *context,
                                                  const char *method, godwit_fields_t args,
                                                  godwit_value_t **result, godwit_error_t **error);

/* Sends a request that has no reply. It goes to one server or, with a fanout target, to all. Returns when the
 * transport has accepted it, and waits for that within the timeout. With GODWIT_TIMEOUT_ZERO it goes to a
 * server that is connected now. The method runs at most once. No order is promised.
 *
 * With `durable` it returns when the spool has it, and waits for no server. The method runs at least once. A
 * method that fails has run. INVALID_ARGUMENT without a spool; INVALID_TARGET with a fanout target; the
 * statuses of the spool. */
GODWIT_EXPORT godwit_status_t godwit_client_cast (godwit_client_t *client, const godwit_value_t *context,
                                                  const char *method, godwit_fields_t args,
                                                  godwit_error_t **error);

/* Which servers a fanout reached. Begin with GODWIT_FANOUT_REPORT, which sets struct_size. */
typedef struct godwit_fanout_report {
    size_t struct_size;
    uint32_t reached; /* servers that are subscribed, and that it was sent to */
    uint32_t missing; /* servers that are known, but could not be reached in time */
    uint64_t epoch;   /* which servers these are: it grows whenever one joins, leaves, drains or comes back,
                         as this transport sees it */
} godwit_fanout_report_t;

/* An empty report for godwit_client_fanout: godwit_fanout_report_t report = GODWIT_FANOUT_REPORT. */
#define GODWIT_FANOUT_REPORT                                                                                 \
    {                                                                                                        \
        sizeof (godwit_fanout_report_t), 0, 0, 0                                                             \
    }

/* Sends a cast to all servers of the topic. It does so whatever the target's fanout says. Waits, within the
 * timeout, until it is known which servers there are (godwit_transport_wait_ready), and until each of them is
 * subscribed, and publishes once. report may be NULL. It is written on success, and a fanout that reached
 * only some servers is a success. If there is no server: reached 0 and OK, or UNDELIVERABLE if the client is
 * mandatory. If no server is known, and that is all that is known, because no rendezvous is in reach or has
 * told yet: DELIVERY_FAILURE, which names them. INVALID_ARGUMENT: a report without its size; nothing was
 * sent.
 */
GODWIT_EXPORT godwit_status_t godwit_client_fanout (godwit_client_t *client, const godwit_value_t *context,
                                                    const char *method, godwit_fields_t args,
                                                    godwit_fanout_report_t *report, godwit_error_t **error);

/* ---- fanout calls ---- */

/* What became of a fanout call at one server. The outcome of the row's error goes with it. */
typedef enum godwit_fanout_state {
    GODWIT_FANOUT_REPLIED, /* no error: the method ran, and here is its result */
    GODWIT_FANOUT_FAILED,  /* RAN: the method failed, or its result could not be read */
    GODWIT_FANOUT_REFUSED, /* REJECTED: no such method or version, wrong arguments, always overloaded, or not
                              allowed */
    GODWIT_FANOUT_UNREACHABLE, /* NOT_SENT: all of its addresses failed, or it accepted nothing in time */
    GODWIT_FANOUT_TIMED_OUT,   /* MAYBE_RUN: handed over, but the time was spent or the connection was lost */
    GODWIT_FANOUT_LEFT /* NOT_SENT, REJECTED: it drained, or was withdrawn, before it ran the request */
} godwit_fanout_state_t;

/* One server of a fanout call. The row and what it points to are borrowed from the result. */
typedef struct godwit_fanout_row {
    const char *server;
    const uint8_t *instance; /* 16 bytes: of its transport; all zero: it was listed, and is not known yet */
    godwit_fanout_state_t state;
    godwit_value_t *result; /* NULL unless it REPLIED */
    godwit_error_t *error;  /* NULL if it REPLIED */
    int64_t took_us;        /* from the start of the fanout call to the end of the row */
} godwit_fanout_row_t;

/* The rows of a fanout call, in no particular order. They do not change: any thread may read them. */
typedef struct godwit_fanout_result godwit_fanout_result_t;

/* Calls a method on all servers of the topic and waits for each of them. The target's server and fanout do
 * not matter. First waits, within the timeout, until it is known which servers there are. Each server that is
 * a member when the call begins gets exactly one row (the result's epoch says which servers these are). A
 * server that joins later is not called. The wait ends when each has answered or cannot answer any more.
 *
 * The method runs at most once on each server, unless the client is idempotent. No other server stands in: a
 * request that was not sent, or was refused as overloaded, is tried again at the same server, within the
 * timeout and `retry`. A server that cannot be connected to is not waited for. The call monitor and the
 * serializer apply to each row. The timeout is for the whole.
 *
 * OK whenever there are rows, whatever they say. If there is no server: OK without rows, or UNDELIVERABLE if
 * the client is mandatory. If it is not known whether there is one: DELIVERY_FAILURE, as of
 * godwit_client_fanout. *result belongs to the caller. INVALID_ARGUMENT (also in a callback, and in a
 * handler of a transport with external_loop: it would wait for itself), INVALID_TARGET (no topic),
 * VERSION_CAP, LIMIT_EXCEEDED (more than 4096 servers, or too large a request), TYPE_MISMATCH, NOT_FOUND,
 * CLOSED, FORKED, OUT_OF_MEMORY. Any thread. In the statistics and metrics each row is a call. */
GODWIT_EXPORT godwit_status_t godwit_client_fanout_call (godwit_client_t *client,
                                                         const godwit_value_t *context, const char *method,
                                                         godwit_fields_t args,
                                                         godwit_fanout_result_t **result,
                                                         godwit_error_t **error);

/* Returns the number of rows of a fanout call; 0 for NULL. */
GODWIT_EXPORT size_t godwit_fanout_result_count (const godwit_fanout_result_t *result);
/* Returns the epoch of a fanout call: which servers it was for. Compare it with other results and reports of
 * the same transport and topic. 0 for NULL. */
GODWIT_EXPORT uint64_t godwit_fanout_result_epoch (const godwit_fanout_result_t *result);
/* Returns a row of a fanout call; NULL if there is no such row. Borrowed from the result. */
GODWIT_EXPORT const godwit_fanout_row_t *godwit_fanout_result_row (const godwit_fanout_result_t *result,
                                                                   size_t index);
/* Destroys the result of a fanout call and sets *result to NULL. Accepts NULL and a pointer to NULL. */
GODWIT_EXPORT void godwit_fanout_result_destroy (godwit_fanout_result_t **result);
/* Returns the name of a fanout state: "REPLIED", "FAILED", ...; "?" for a number that is no state. Static
 * text. */
GODWIT_EXPORT const char *godwit_fanout_state_name (godwit_fanout_state_t state);

/* ---- asynchronous calls ---- */

/* Gets the end of an asynchronous call. Runs exactly once for every call that was accepted, with no lock
 * held: on the transport's completion thread, or in godwit_transport_process. It may make asynchronous calls.
 * It must not block, because callbacks wait for each other. result is borrowed (reference it to keep it), and
 * NULL on failure. error is borrowed, and NULL on success. */
typedef void godwit_reply_fn (void *user, godwit_status_t status, const godwit_value_t *result,
                              const godwit_error_t *error);

/* Starts an asynchronous call with a callback, and returns. If this function fails, the callback never runs.
 */
GODWIT_EXPORT godwit_status_t godwit_client_call_async (godwit_client_t *client,
                                                        const godwit_value_t *context, const char *method,
                                                        godwit_fields_t args, godwit_reply_fn *callback,
                                                        void *user, godwit_error_t **error);

/* A reply that will come. Threads: one thread at a time may wait for it. */
typedef struct godwit_future godwit_future_t;

/* Starts an asynchronous call that can be waited for, and returns. *future belongs to the caller. */
GODWIT_EXPORT godwit_status_t godwit_client_call_future (godwit_client_t *client,
                                                         const godwit_value_t *context, const char *method,
                                                         godwit_fields_t args, godwit_future_t **future,
                                                         godwit_error_t **error);
/* Waits for the end of a call, up to timeout_ms. Returns how it ended, as godwit_client_call does. timeout_ms
 * -1: as long as the call takes. *finished (may be NULL) is false if only the wait ended: then the status is
 * TIMEOUT with the outcome NONE, and the call goes on. May be called again; each time the caller gets its own
 * reference. */
GODWIT_EXPORT godwit_status_t godwit_future_wait (godwit_future_t *future, int64_t timeout_ms, bool *finished,
                                                  godwit_value_t **result, godwit_error_t **error);
/* Destroys a future and gives up its call, if that has not ended. Then the call ends soon, and a handler that
 * runs for it can learn of that (godwit_request_is_cancelled). Accepts NULL and a pointer to NULL. */
GODWIT_EXPORT void godwit_future_destroy (godwit_future_t **future);

/* ---- the servers of a target ---- */

/* Waits until at least count servers of the client's target are there: known and connected. The text of
 * TIMEOUT says how many there were, and if none is known, who is. */
GODWIT_EXPORT godwit_status_t godwit_client_wait_servers (godwit_client_t *client, size_t count,
                                                          int64_t timeout_ms, godwit_error_t **error);
/* Lists the known servers of the client's target. Does not wait until they are known. *list is a list of maps
 * (exchange, topic, server, instance, state, connected, addresses), and belongs to the caller. */
GODWIT_EXPORT godwit_status_t godwit_client_servers (godwit_client_t *client, godwit_value_t **list,
                                                     godwit_error_t **error);

GODWIT_END_DECLS

#endif
