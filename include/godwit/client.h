/* The client: calls, casts, fanouts (contract 3).
 *
 * Threads: one client may be used by any number of threads at once. The calls of one thread are in order.
 * Ownership: contexts, names and arguments are borrowed for the length of the call that takes them. Results
 * belong to the caller (godwit_value_unref), errors too (godwit_error_destroy).
 */
#ifndef GODWIT_CLIENT_H
#define GODWIT_CLIENT_H

#include <godwit/serializer.h>
#include <godwit/target.h>
#include <godwit/transport.h>
#include <godwit/value.h>

GODWIT_BEGIN_DECLS

typedef struct godwit_client godwit_client_t;

/* Values for the fields below that are not plain amounts. */
#define GODWIT_CLEAR_INT INT64_MIN /* unset what was set before (contract 3: explicit None) */
#define GODWIT_TIMEOUT_ZERO (-1)   /* a timeout of 0 ms: only what is there already counts */
#define GODWIT_RETRY_FOREVER (-1)  /* bounded by the call's timeout */
#define GODWIT_RETRY_NONE (-2)     /* hand over once */
GODWIT_EXPORT extern const char
    godwit_clear[]; /* for strings: unset what was set before; compared by address */

/* Zero: not given. */
typedef struct godwit_client_options {
    size_t struct_size;
    int64_t timeout_ms; /* of calls; not given: the transport's rpc_response_timeout_ms */
    int64_t retry;      /* how often more to hand over after NOT_SENT and REJECTED; not given: for ever. Each
                           wait of 100 ms for somebody to hand it over to counts as one. */
    const char *version_cap;
    godwit_choice_t
        mandatory; /* YES: nobody listens -> UNDELIVERABLE at once instead of waiting for a server */
    /* Of calls: the server tells every half of it that it still runs; without news for so long the call ends
     * with TIMEOUT. Never longer than timeout_ms. Not given: none (contract 4). */
    int64_t call_monitor_timeout_ms;
    const godwit_serializer_t
        *serializer; /* borrowed, must outlive the client and those prepared of it; NULL: none */
    /* YES: its methods do no harm when they run twice, also at the same time. Then a call that may have run
     * (its server died, fell silent for the call monitor, or its connection ended; not: its time was spent)
     * is tried again, on another server if there is one, within the timeout, `retry` and the transport's
     * retry_budget. If that fails too, the outcome says the most that can have happened: MAYBE_RUN, whatever
     * the last attempt came to. Casts and fanouts know nothing of what became of them, and are not repeated.
     */
    godwit_choice_t idempotent;
} godwit_client_options_t;

#define GODWIT_CLIENT_OPTIONS(...)                                                                           \
    (&(const godwit_client_options_t){.struct_size = sizeof (godwit_client_options_t), __VA_ARGS__})

/* target: the topic at least; copied. options may be NULL. INVALID_ARGUMENT for versions that are none. */
GODWIT_EXPORT godwit_status_t godwit_client_new (godwit_client_t **client, godwit_transport_t *transport,
                                                 const godwit_target_t *target,
                                                 const godwit_client_options_t *options,
                                                 godwit_error_t **error);
/* Calls of the client that are outstanding in other threads complete with CLOSED; asynchronous ones have had
 * their callback when it returns. Not from a callback of the same client. Accepts NULL and a pointer to NULL.
 */
GODWIT_EXPORT void godwit_client_destroy (godwit_client_t **client);

/* What prepare changes. Not given (NULL, 0, UNSET) = inherited; godwit_clear, GODWIT_CLEAR_INT and
 * GODWIT_CLEAR_CHOICE = unset. */
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
} godwit_overrides_t;

#define GODWIT_OVERRIDES(...)                                                                                \
    (&(const godwit_overrides_t){.struct_size = sizeof (godwit_overrides_t), __VA_ARGS__})

/* A client with some things changed (contract 3). The parent stays as it is and may be destroyed first.
 * Cheap: one allocation, and no lock unless exchange or topic are other ones. *client belongs to the caller.
 * INVALID_ARGUMENT (a version, a number or a choice that is none), CLOSED, OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_client_prepare (godwit_client_t **client, const godwit_client_t *parent,
                                                     const godwit_overrides_t *overrides,
                                                     godwit_error_t **error);

/* Contract 3: would the version cap allow this version (NULL: the target's)? Without a cap: yes. Never sends,
 * never fails: a version that is none is not compatible. */
GODWIT_EXPORT bool godwit_client_can_send_version (const godwit_client_t *client, const char *version);

/* Calls a method and waits for its reply. context may be NULL (an empty map), result NULL (not wanted);
 * *result is never NULL on success (a nil is a value). At most once, unless the client is idempotent.
 * TIMEOUT, DELIVERY_FAILURE, UNDELIVERABLE, INVALID_TARGET (no topic; fanout), VERSION_CAP, REMOTE_ERROR,
 * NO_SUCH_METHOD, UNSUPPORTED_VERSION, INVALID_ARGUMENT, TYPE_MISMATCH or NOT_FOUND (an argument, with its
 * path: "args.b: expected int, got str"), OVERLOADED, CLOSED, ...; godwit_error_outcome says whether it can
 * have run. */
GODWIT_EXPORT godwit_status_t godwit_client_call (godwit_client_t *client, const godwit_value_t *context,
                                                  const char *method, godwit_fields_t args,
                                                  godwit_value_t **result, godwit_error_t **error);

/* Hands a request over that has no reply: to one server, or with a fanout target to all. Returns when the
 * transport has accepted it; waits for that within the timeout, and without any time (GODWIT_TIMEOUT_ZERO)
 * goes to a server that is connected now. At most once, no order promised. */
GODWIT_EXPORT godwit_status_t godwit_client_cast (godwit_client_t *client, const godwit_value_t *context,
                                                  const char *method, godwit_fields_t args,
                                                  godwit_error_t **error);

/* Whom a fanout went to. */
typedef struct godwit_fanout_report {
    uint32_t reached; /* servers that are subscribed and were sent it */
    uint32_t missing; /* servers that are known but could not be reached in time */
    uint64_t epoch;   /* which servers those were: it grows whenever one joins, leaves, drains or comes back,
                         as this transport sees it */
} godwit_fanout_report_t;

/* A cast to all servers of the topic, whatever the target's fanout says. Waits, within the timeout, until
 * every server that is known is subscribed, then publishes once. report may be NULL; it is written on
 * success, which includes a partial one. Nobody known at all: reached 0 and OK, or UNDELIVERABLE if the
 * client is mandatory. */
GODWIT_EXPORT godwit_status_t godwit_client_fanout (godwit_client_t *client, const godwit_value_t *context,
                                                    const char *method, godwit_fields_t args,
                                                    godwit_fanout_report_t *report, godwit_error_t **error);

/* ---- fanout calls ---- */

/* What became of a fanout call at one server. The state goes with the outcome of its row's error. */
typedef enum godwit_fanout_state {
    GODWIT_FANOUT_REPLIED,     /* it ran, and here is its result; no error */
    GODWIT_FANOUT_FAILED,      /* RAN: the method failed, or what it returned could not be read */
    GODWIT_FANOUT_REFUSED,     /* REJECTED: no such method or version, its arguments are wrong, the server was
                                  overloaded all the time */
    GODWIT_FANOUT_UNREACHABLE, /* NOT_SENT: all of its addresses failed, or it took nothing in time */
    GODWIT_FANOUT_TIMED_OUT, /* MAYBE_RUN: it was handed over, and no answer came: its time was spent, or the
                                connection was lost */
    GODWIT_FANOUT_LEFT       /* NOT_SENT or REJECTED: it drained, or was withdrawn, before it ran it */
} godwit_fanout_state_t;

/* One server of a fanout call. Borrowed from the result, with all that it points to. */
typedef struct godwit_fanout_row {
    const char *server;
    const uint8_t *instance; /* 16 bytes: of its transport; all zero if it was listed and not known yet */
    godwit_fanout_state_t state;
    godwit_value_t *result; /* NULL unless it REPLIED */
    godwit_error_t *error;  /* NULL if it REPLIED */
    int64_t took_us;        /* from the fanout call's beginning to the row's end */
} godwit_fanout_row_t;

/* The rows of a fanout call, in no order. Immutable: any thread. */
typedef struct godwit_fanout_result godwit_fanout_result_t;

/* Calls a method of all servers of the topic, whatever the target's server and fanout say, and waits until
 * each of them has answered or cannot any more. All that are members when it begins (which ones those are,
 * the result's epoch says) get exactly one row, and nobody else does: who joins later is not called.
 *
 * At most once per server (more often only if the client is idempotent), and never another one in its place:
 * what was not sent, or refused as overloaded, is tried again at the same server within the timeout and
 * `retry`. A server that cannot be connected to is not waited for. A call monitor holds for each row, and so
 * does the serializer. The timeout is that of the whole.
 *
 * OK whenever there are rows, whatever they say, and with no row if nobody is known (UNDELIVERABLE if the
 * client is mandatory). *result belongs to the caller. INVALID_ARGUMENT (also in a callback, and in a handler
 * of a transport with external_loop: it would wait for itself), INVALID_TARGET (no topic), VERSION_CAP,
 * LIMIT_EXCEEDED (more than 4096 servers, or too large a request), TYPE_MISMATCH, NOT_FOUND, CLOSED, FORKED,
 * OUT_OF_MEMORY. Any thread. In the statistics and metrics each row is a call. */
GODWIT_EXPORT godwit_status_t godwit_client_fanout_call (godwit_client_t *client,
                                                         const godwit_value_t *context, const char *method,
                                                         godwit_fields_t args,
                                                         godwit_fanout_result_t **result,
                                                         godwit_error_t **error);

/* How many servers there were; 0 for NULL. */
GODWIT_EXPORT size_t godwit_fanout_result_count (const godwit_fanout_result_t *result);
/* Which servers those were, to compare with other results and reports of the same transport and topic; 0 for
 * NULL. */
GODWIT_EXPORT uint64_t godwit_fanout_result_epoch (const godwit_fanout_result_t *result);
/* Borrowed; NULL if there is no such row. */
GODWIT_EXPORT const godwit_fanout_row_t *godwit_fanout_result_row (const godwit_fanout_result_t *result,
                                                                   size_t index);
/* Accepts NULL and a pointer to NULL; sets *result to NULL. */
GODWIT_EXPORT void godwit_fanout_result_destroy (godwit_fanout_result_t **result);
/* "REPLIED", "FAILED", ...; "?" for what is none. Static. */
GODWIT_EXPORT const char *godwit_fanout_state_name (godwit_fanout_state_t state);

/* ---- asynchronous calls ---- */

/* Runs exactly once for every call that was accepted, on the transport's completion thread (or in
 * godwit_transport_process), with no lock held. It may make asynchronous calls, but must not block:
 * completions wait for each other. result is borrowed (reference it to keep it; NULL on failure); error is
 * borrowed (NULL on success). */
typedef void godwit_reply_fn (void *user, godwit_status_t status, const godwit_value_t *result,
                              const godwit_error_t *error);

/* Accepts a call and returns. On failure the callback never runs. */
GODWIT_EXPORT godwit_status_t godwit_client_call_async (godwit_client_t *client,
                                                        const godwit_value_t *context, const char *method,
                                                        godwit_fields_t args, godwit_reply_fn *callback,
                                                        void *user, godwit_error_t **error);

/* A reply that will come. Threads: one thread waits at a time. */
typedef struct godwit_future godwit_future_t;

GODWIT_EXPORT godwit_status_t godwit_client_call_future (godwit_client_t *client,
                                                         const godwit_value_t *context, const char *method,
                                                         godwit_fields_t args, godwit_future_t **future,
                                                         godwit_error_t **error);
/* Waits up to timeout_ms (-1: as long as the call itself) for the call to end, and returns how it ended, as
 * godwit_client_call does. *finished tells a call that ended from a wait that did (then: TIMEOUT, outcome
 * NONE, and the call goes on); it may be NULL. May be asked again: each time the caller gets a reference of
 * its own. */
GODWIT_EXPORT godwit_status_t godwit_future_wait (godwit_future_t *future, int64_t timeout_ms, bool *finished,
                                                  godwit_value_t **result, godwit_error_t **error);
/* Gives up what has not come: the call ends soon, and a handler that runs for it can hear of that
 * (godwit_request_is_cancelled). Accepts NULL and a pointer to NULL. */
GODWIT_EXPORT void godwit_future_destroy (godwit_future_t **future);

/* ---- who is there ---- */

/* Waits until at least count servers of the client's target are known and connected. TIMEOUT tells how many
 * there were. */
GODWIT_EXPORT godwit_status_t godwit_client_wait_servers (godwit_client_t *client, size_t count,
                                                          int64_t timeout_ms, godwit_error_t **error);
/* The servers of the client's target that are known: a list of maps (exchange, topic, server, instance,
 * state, connected, addresses). *list belongs to the caller. */
GODWIT_EXPORT godwit_status_t godwit_client_servers (godwit_client_t *client, godwit_value_t **list,
                                                     godwit_error_t **error);

GODWIT_END_DECLS

#endif
