/* The server: endpoints with methods, and the requests that they answer (contract 5 and 6).
 *
 * Threads: start, stop, wait and destroy may be called from any thread, but destroy only once, and neither
 * wait nor destroy from a handler of the same server. A request belongs to its handler; one that was kept, to
 * whoever keeps it, one thread at a time.
 */
#ifndef GODWIT_SERVER_H
#define GODWIT_SERVER_H

#include <godwit/serializer.h>
#include <godwit/target.h>
#include <godwit/transport.h>
#include <godwit/value.h>

GODWIT_BEGIN_DECLS

typedef struct godwit_server godwit_server_t;
typedef struct godwit_request godwit_request_t;

/* Answers a request. Exactly one reply goes out:
 *  - godwit_request_reply or godwit_request_fail was called: that one;
 *  - it returned OK without either: nil, unless the request was kept;
 *  - it returned another status: a failure of that status.
 * A cast is the same, but nothing goes out. Runs on a worker thread, several at a time up to the server's
 * concurrency, with no lock held. self is the endpoint's. */
typedef godwit_status_t godwit_handler_fn (godwit_request_t *request, void *self);

enum {
    /* For a caller in the same process the handler runs on the caller's thread: for methods that only compute
     * for a moment. The caller's timeout cannot interrupt it. */
    GODWIT_METHOD_INLINE = 1,
    /* It takes long: another worker always takes over receiving before it runs. (Found out by measuring
       otherwise.) */
    GODWIT_METHOD_SLOW = 2,
    /* Reachable under the policy "explicit". */
    GODWIT_METHOD_EXPOSED = 4,
    /* It runs however little of its caller's time is left: what it does is wanted even if the reply comes too
     * late. Without it, and once it has often been measured, a request that has less time left than the
     * method usually takes (one millisecond or more) is refused: TIMEOUT, REJECTED. */
    GODWIT_METHOD_RUNS_LATE = 8
};

/* A row of a static const table. */
typedef struct godwit_method {
    const char *name;
    godwit_handler_fn *handler;
    unsigned flags;
    /* The arguments, checked and put in a struct before the handler runs (godwit_request_params). slots NULL:
     * not checked. */
    const godwit_slot_t *slots;
    size_t slot_count;
    size_t params_size;
    /* Failures that are no surprise, up to a NULL: logged as debug, not as errors (contract 5). NULL: none.
     */
    const godwit_error_class_t *const *expected;
} godwit_method_t;

#ifndef __cplusplus
#define GODWIT_METHOD(name_, handler_, flags_)                                                               \
    {                                                                                                        \
        .name = (name_), .handler = (handler_), .flags = (flags_)                                            \
    }
/* params_: the struct's type; slots_: a static const array of godwit_slot_t. */
#define GODWIT_METHOD_WITH(name_, handler_, params_, slots_, flags_)                                         \
    {                                                                                                        \
        .name = (name_), .handler = (handler_), .flags = (flags_), .slots = (slots_),                        \
        .slot_count = sizeof (slots_) / sizeof ((slots_)[0]), .params_size = sizeof (params_)                \
    }
#endif

/* Methods under a namespace and version. The struct is copied, its strings too; the method table is borrowed
 * and must outlive the server. */
typedef struct godwit_endpoint {
    size_t struct_size;
    const char *name_space;               /* unset: no namespace */
    const char *version;                  /* unset: 1.0 */
    const char *const *legacy_namespaces; /* also accepted; a NULL entry is "no namespace" */
    size_t legacy_namespace_count;
    const godwit_method_t *methods;
    size_t method_count;
    void *self;
    void (*on_destroy) (void *self); /* when the server is destroyed; may be NULL */
} godwit_endpoint_t;

#ifndef __cplusplus
/* GODWIT_ENDPOINT (methods) or GODWIT_ENDPOINT (methods, .version = "1.0", .self = object). The size stands
 * at the end of the list so that the list is never empty, which C11 does not allow. */
#define GODWIT_ENDPOINT(...) GODWIT_ENDPOINT_OF_ (__VA_ARGS__, .struct_size = sizeof (godwit_endpoint_t))
#define GODWIT_ENDPOINT_OF_(methods_, ...)                                                                   \
    ((godwit_endpoint_t){                                                                                    \
        .methods = (methods_), .method_count = sizeof (methods_) / sizeof ((methods_)[0]), __VA_ARGS__})
#endif

typedef enum godwit_policy {
    GODWIT_POLICY_DEFAULT,  /* methods whose name does not start with '_' */
    GODWIT_POLICY_LEGACY,   /* all */
    GODWIT_POLICY_EXPLICIT, /* GODWIT_METHOD_EXPOSED only */
    GODWIT_POLICY_CUSTOM    /* what the option `allow` says */
} godwit_policy_t;

/* The user's own policy: may this method be called? Asked once for every method when the server is made; what
 * is not allowed is NoSuchMethod to its callers. */
typedef bool godwit_allow_fn (void *user, const godwit_endpoint_t *endpoint, const godwit_method_t *method);

/* Zero means the default, which stands behind each field. */
typedef struct godwit_server_options {
    size_t struct_size;
    int concurrency;        /* handlers at a time; the transport's executor_thread_pool_size, 64 */
    int queue_limit;        /* 1024 requests that wait for one of them; more are refused as OVERLOADED */
    godwit_policy_t policy; /* which methods can be called */
    uint32_t weight;        /* 1 */
    /* "pool"; or "inline": one request after the other, in the order of arrival, whatever the concurrency.
     * One that was kept is over when it is given back; INLINE methods are called like all others. */
    const char *executor;
    godwit_allow_fn *allow; /* with GODWIT_POLICY_CUSTOM */
    void *allow_user;
    const godwit_serializer_t *serializer; /* borrowed, must outlive the server; NULL: none */
} godwit_server_options_t;

#define GODWIT_SERVER_OPTIONS(...)                                                                           \
    (&(const godwit_server_options_t){.struct_size = sizeof (godwit_server_options_t), __VA_ARGS__})

/* A server for a topic. target: topic and server must be set by start at the latest. *server belongs to the
 * caller. INVALID_ARGUMENT: a version that is none, a method without name or handler, two methods with one
 * name in an endpoint, GODWIT_POLICY_CUSTOM without allow. EXECUTOR_LOAD names an executor that is none. */
GODWIT_EXPORT godwit_status_t godwit_server_new (godwit_server_t **server, godwit_transport_t *transport,
                                                 const godwit_target_t *target,
                                                 const godwit_endpoint_t *endpoints, size_t endpoint_count,
                                                 const godwit_server_options_t *options,
                                                 godwit_error_t **error);
/* How a step of a server's life waits (contract 6). Zero means the default. */
typedef struct godwit_step_options {
    size_t struct_size;
    int64_t log_after_ms;   /* 30000: when the log hears of a possible hang, once; negative: never */
    int64_t timeout_ms;     /* for ever; after it: TASK_TIMEOUT */
    int override_pool_size; /* start: the concurrency from now on */
} godwit_step_options_t;

#define GODWIT_STEP_OPTIONS(...)                                                                             \
    (&(const godwit_step_options_t){.struct_size = sizeof (godwit_step_options_t), __VA_ARGS__})

/* The steps. Each runs once, however many threads ask for it; the others wait until it has been done. stop
 * waits for a start that has not been asked for yet, wait for a stop; start after a stop that has been done
 * is a restart, and waits for the handlers of the life before. A step that was asked for before its start is
 * about the life that follows, and one asked for in a life about that life, however soon the next begins. Any
 * thread, but not a handler of the same server, except for stop. options may be NULL. TASK_TIMEOUT (the step
 * goes on, or stays to be done), CLOSED (the server or the transport is being destroyed), FORKED.
 *
 * With external_loop a step that has to wait runs the loop. Where it cannot (in a handler or a callback), and
 * where it would wait without timeout_ms for a step that nobody has asked for, it is TASK_TIMEOUT at once. */

/* Listens and makes itself known. INVALID_TARGET "A server's target must have topic and server names
 * specified", SERVER_LISTEN with the target and the cause: for all who waited for it, and then it was no
 * start. INVALID_ARGUMENT: a negative override_pool_size. */
GODWIT_EXPORT godwit_status_t godwit_server_start (godwit_server_t *server,
                                                   const godwit_step_options_t *options,
                                                   godwit_error_t **error);
/* Says goodbye: clients go elsewhere, what had been accepted still runs, what comes late is refused as not
 * run. It refuses when every client has answered that it has sent its last request, or a quarter of the
 * transport's heartbeat_timeout_ms (at least 0.5 s) has passed; until then it waits. Does not wait for
 * handlers. */
GODWIT_EXPORT godwit_status_t godwit_server_stop (godwit_server_t *server,
                                                  const godwit_step_options_t *options,
                                                  godwit_error_t **error);
/* Waits until the last accepted request of a stopped server has run, or was given back if it was kept. */
GODWIT_EXPORT godwit_status_t godwit_server_wait (godwit_server_t *server,
                                                  const godwit_step_options_t *options,
                                                  godwit_error_t **error);
/* Contract 6's reset: for a program whose configuration has been read again. Nothing of the library's own
 * changes by it; INVALID_ARGUMENT if the server was never started. */
GODWIT_EXPORT godwit_status_t godwit_server_reset (godwit_server_t *server,
                                                   const godwit_step_options_t *options,
                                                   godwit_error_t **error);
/* Stops, refuses what is queued, waits for handlers that run, and wakes who waits in a step of the server
 * (CLOSED); never waits for a start. Requests that were kept stay valid; their
 * replies go nowhere. Accepts NULL and a pointer to NULL. */
GODWIT_EXPORT void godwit_server_destroy (godwit_server_t **server);

/* ---- requests ---- */

/* All of these are borrowed from the request. The context and the arguments are maps; with a serializer they
 * are in its form: the arguments a map of what it made of each, the context whatever it made, or NULL. */
GODWIT_EXPORT const char *godwit_request_method (const godwit_request_t *request);
GODWIT_EXPORT const godwit_value_t *godwit_request_context (const godwit_request_t *request);
GODWIT_EXPORT const godwit_value_t *godwit_request_args (const godwit_request_t *request);
/* The struct that the method's slots filled; NULL without slots. Zeroed where optional slots were absent. */
GODWIT_EXPORT const void *godwit_request_params (const godwit_request_t *request);
/* NULL: the caller named none. */
GODWIT_EXPORT const char *godwit_request_name_space (const godwit_request_t *request);
GODWIT_EXPORT const char *godwit_request_version (const godwit_request_t *request);
GODWIT_EXPORT bool godwit_request_is_cast (const godwit_request_t *request);
/* What is left of the caller's time, to pass on to further calls: at least GODWIT_TIMEOUT_ZERO's -1 when it
 * is spent; GODWIT_CLEAR_INT when the request does not expire. Fits the timeout_ms of godwit_overrides_t. */
GODWIT_EXPORT int64_t godwit_request_remaining_ms (const godwit_request_t *request);

/* Replies with one value; the field's name is ignored. The value is copied. A second reply is
 * INVALID_ARGUMENT and does nothing. A value that cannot be sent is INVALID_ARGUMENT, LIMIT_EXCEEDED or
 * TYPE_MISMATCH (an object), or what the serializer says, and the caller gets a failure that says so. Returns
 * OK also when the caller is gone. FORKED. */
GODWIT_EXPORT godwit_status_t godwit_request_reply (godwit_request_t *request, godwit_field_t result);
/* Replies with a failure: consumes *error_p and sets it to NULL. Returns the error's status, so that a
 * handler can end with it; or FORKED. */
GODWIT_EXPORT godwit_status_t godwit_request_fail (godwit_request_t *request, godwit_error_t **error_p);
/* True if nobody waits for the reply any more: the caller gave the call up (its time was spent, its future or
 * client was destroyed), its connection has ended, as far as that is known, or nobody could send the reply,
 * because the request was kept and its server or transport is gone. Once true it stays so. False for casts,
 * and when a reply was given before. A handler that takes long asks from time to time; a reply is still
 * taken, and dropped.
 *
 * CANCEL and the caller's own time are seen at once. A caller who vanishes without a word is missed within
 * heartbeat_ms after his connection ended (heartbeat_timeout_ms if his machine fell silent), counted from
 * when the request was asked about for the first time: what nobody asks about is not looked after. Any
 * thread, several at a time, while the request is theirs. */
GODWIT_EXPORT bool godwit_request_is_cancelled (godwit_request_t *request);
/* The request is still there while it runs. It may reply, and give back a request that was kept; it must not
 * block, nor keep the request. */
typedef void godwit_cancel_fn (godwit_request_t *request, void *user);
/* Runs callback once when the request is cancelled, as godwit_request_is_cancelled says: at once, on this
 * thread, if it is already; else on the thread that runs the callbacks of asynchronous calls (with
 * external_loop: in godwit_transport_process), with no lock held; never, if there is a reply first. It does
 * not run after the request has ended: the end of the handler, and godwit_request_destroy of one that was
 * kept, wait until it has returned, unless they are called from it. user is borrowed until then. By whoever
 * holds the request, before others do. INVALID_ARGUMENT (a NULL, or there is a callback already), SYSTEM (no
 * thread could be started), FORKED. */
GODWIT_EXPORT godwit_status_t godwit_request_on_cancel (godwit_request_t *request, godwit_cancel_fn *callback,
                                                        void *user);
/* Keeps the request beyond its handler: to be replied to later, from any thread, and given back with
 * godwit_request_destroy. Until then it counts towards the server's concurrency. Returns its argument. */
GODWIT_EXPORT godwit_request_t *godwit_request_keep (godwit_request_t *request);
/* Gives a kept request back. If it was not replied to, its caller gets a failure. Accepts NULL and a pointer
 * to NULL. */
GODWIT_EXPORT void godwit_request_destroy (godwit_request_t **request);

GODWIT_END_DECLS

#endif
