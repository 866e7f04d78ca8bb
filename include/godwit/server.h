/* SPDX-License-Identifier: Apache-2.0 */
/* The server: endpoints with methods, and their requests (docs/contract.md, sections 5 and 6).
 *
 * Threads: any thread may call start, stop, wait and destroy; but destroy only once, and neither wait nor
 * destroy from a handler of the same server. A request belongs to its handler. A kept request belongs to
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
 *  - the handler called godwit_request_reply or godwit_request_fail: that reply;
 *  - it returned OK without calling one of them: nil, unless it kept the request;
 *  - it returned another status: a failure of that status.
 * For a cast nothing goes out. The handler runs on a worker thread with no lock held, and as many handlers at
 * a time as the server's concurrency says. self is the endpoint's. */
typedef godwit_status_t godwit_handler_fn (godwit_request_t *request, void *self);

enum {
    /* If the caller is in the same process, the handler runs on the caller's thread. For methods that only
     * compute for a moment: the caller's timeout cannot interrupt it. */
    GODWIT_METHOD_INLINE = 1,
    /* It takes long: another worker always takes over receiving before it runs. Otherwise it is measured. */
    GODWIT_METHOD_SLOW = 2,
    GODWIT_METHOD_EXPOSED = 4, /* can be called under the policy GODWIT_POLICY_EXPLICIT */
    /* The method runs even if little of its caller's time is left, because its effect is wanted although the
     * reply comes too late. Without this flag a request is refused (TIMEOUT, REJECTED) if it has less time
     * left than the method usually takes. That needs many measured runs, of one millisecond or more. */
    GODWIT_METHOD_RUNS_LATE = 8
};

/* A method: a row of a static const table. Make it with GODWIT_METHOD or GODWIT_METHOD_WITH. It has no size
 * of its own: the endpoint says the size of all rows. */
typedef struct godwit_method {
    const char *name;
    godwit_handler_fn *handler;
    unsigned flags; /* GODWIT_METHOD_..., or 0 */
    /* The handler gets its arguments as a struct (godwit_request_params), checked. NULL: unchecked. */
    const godwit_slot_t *slots;
    size_t slot_count;
    size_t params_size;
    /* Expected failures, with a NULL at the end: logged as debug, not as errors (contract 5). NULL: none. */
    const godwit_error_class_t *const *expected;
    size_t slot_size; /* sizeof (godwit_slot_t); 0: no slots */
    /* For whoever asks the server what it serves (contract 16). Each may be NULL; texts of one line. */
    const char *doc;           /* what it does */
    const char *result;        /* what it returns */
    const char *const *errors; /* names of failures beside the expected ones, with a NULL at the end */
} godwit_method_t;

#ifndef __cplusplus
/* Makes a row of a method table: GODWIT_METHOD ("add", add, 0). It is a godwit_method_t. Further fields may
 * follow the flags: GODWIT_METHOD ("add", add, 0, .expected = failures). */
#define GODWIT_METHOD(name_, handler_, ...)                                                                  \
    {                                                                                                        \
        .name = (name_), .handler = (handler_), .flags = __VA_ARGS__                                         \
    }
/* Makes a row of a method table, with checked arguments: params_ is the type of the struct that is filled,
 * slots_ a static const array of godwit_slot_t. The flags, and further fields, are as in GODWIT_METHOD. */
#define GODWIT_METHOD_WITH(name_, handler_, params_, slots_, ...)                                            \
    {                                                                                                        \
        .name = (name_), .handler = (handler_), .slots = (slots_),                                           \
        .slot_count = sizeof (slots_) / sizeof ((slots_)[0]), .slot_size = sizeof (godwit_slot_t),           \
        .params_size = sizeof (params_), .flags = __VA_ARGS__                                                \
    }
#endif

/* Methods under a namespace and a version. The struct is copied, and its strings, too. The method table is
 * borrowed, and must outlive the server. Without GODWIT_ENDPOINT, set struct_size and method_size. All
 * endpoints of a server have the same struct_size. */
typedef struct godwit_endpoint {
    size_t struct_size;
    const char *name_space;               /* unset: no namespace */
    const char *version;                  /* unset: 1.0 */
    const char *const *legacy_namespaces; /* further ones that it accepts; a NULL entry is "no namespace" */
    size_t legacy_namespace_count;
    const godwit_method_t *methods;
    size_t method_count;
    void *self;
    /* When the server is destroyed, unless a handler of it did not end (destroy_timeout_ms); may be NULL. */
    void (*on_destroy) (void *self);
    size_t method_size; /* sizeof (godwit_method_t) */
} godwit_endpoint_t;

#ifndef __cplusplus
/* Makes an endpoint of a server: GODWIT_ENDPOINT (methods), or GODWIT_ENDPOINT (methods, .version = "1.0",
 * .self = object). Its struct_size comes last so that the list is never empty, which C11 does not allow. */
#define GODWIT_ENDPOINT(...) GODWIT_ENDPOINT_OF_ (__VA_ARGS__, .struct_size = sizeof (godwit_endpoint_t))
#define GODWIT_ENDPOINT_OF_(methods_, ...)                                                                   \
    ((godwit_endpoint_t){.methods = (methods_),                                                              \
                         .method_count = sizeof (methods_) / sizeof ((methods_)[0]),                         \
                         .method_size = sizeof (godwit_method_t),                                            \
                         __VA_ARGS__})
#endif

typedef enum godwit_policy {
    GODWIT_POLICY_DEFAULT,  /* those whose name does not start with '_' */
    GODWIT_POLICY_LEGACY,   /* all */
    GODWIT_POLICY_EXPLICIT, /* only those with GODWIT_METHOD_EXPOSED */
    GODWIT_POLICY_CUSTOM    /* those that the option `allow` allows */
} godwit_policy_t;

/* A policy of the program's own: may this method be called? It is asked once for each method, when the server
 * is made. For a method that is not allowed callers get NO_SUCH_METHOD. */
typedef bool godwit_allow_fn (void *user, const godwit_endpoint_t *endpoint, const godwit_method_t *method);

/* A policy of the program's own: may this request run? It is asked for each call, cast and fanout, once the
 * method is known and the certificate of its sender allows it, before the arguments are checked. Whoever sent
 * it is named by godwit_request_peer; the method, the context and the arguments are read as in a handler, but
 * with a serializer the context and the arguments are those that came. It must not reply to the request, nor
 * keep it. A worker's thread, several at once; with a method that is INLINE, also the caller's. It must not
 * block: others may wait for this thread. */
typedef bool godwit_authorize_fn (void *user, const godwit_request_t *request);

/* Zero means the default, with which each comment begins. */
typedef struct godwit_server_options {
    size_t struct_size;
    int concurrency;        /* the transport's executor_thread_pool_size, 64: handlers at a time */
    int queue_limit;        /* 1024: requests that wait for a handler; more are refused as OVERLOADED */
    godwit_policy_t policy; /* GODWIT_POLICY_DEFAULT: which methods can be called */
    uint32_t weight;        /* 1: announced to clients, which do not use it yet */
    /* "pool". Or "inline": one request after the other, in the order of arrival, whatever the concurrency. A
     * request that was kept is done when it is given back. INLINE methods are called like all others. */
    const char *executor;
    godwit_allow_fn *allow; /* with GODWIT_POLICY_CUSTOM */
    void *allow_user;
    const godwit_serializer_t *serializer; /* NULL: none; borrowed, outlives the server */
    /* NULL: what certificates allow is allowed. Otherwise asked for each request; false: it is refused, and
     * its caller gets PERMISSION_DENIED (contract 13). */
    godwit_authorize_fn *authorize;
    void *authorize_user; /* borrowed, until the server is destroyed */
} godwit_server_options_t;

/* Makes options for a server: GODWIT_SERVER_OPTIONS (.concurrency = 8). */
#define GODWIT_SERVER_OPTIONS(...)                                                                           \
    (&(const godwit_server_options_t){.struct_size = sizeof (godwit_server_options_t), __VA_ARGS__})

/* Makes a server for a topic. target must have topic and server; godwit_server_start checks that. *server
 * belongs to the caller. INVALID_ARGUMENT: a malformed version, a method without name or handler, two methods
 * with one name in an endpoint, GODWIT_POLICY_CUSTOM without allow, a size of a struct that is that of no
 * release. EXECUTOR_LOAD: an unknown executor, by name. */
GODWIT_EXPORT godwit_status_t godwit_server_new (godwit_server_t **server, godwit_transport_t *transport,
                                                 const godwit_target_t *target,
                                                 const godwit_endpoint_t *endpoints, size_t endpoint_count,
                                                 const godwit_server_options_t *options,
                                                 godwit_error_t **error);

/* ---- start, stop, wait and reset ---- */

/* How a step of a server's life waits (contract 6). Zero: the default, with which each comment begins. */
typedef struct godwit_step_options {
    size_t struct_size;
    int64_t log_after_ms;   /* 30000: after this time a possible hang is logged, once; negative: never */
    int64_t timeout_ms;     /* for ever: after this time the step is TASK_TIMEOUT */
    int override_pool_size; /* of start: the concurrency from now on */
    int reserved; /* keep it 0: it fills the struct, so that the next field has a place of its own */
} godwit_step_options_t;

/* Makes options for a step: GODWIT_STEP_OPTIONS (.timeout_ms = 5000). */
#define GODWIT_STEP_OPTIONS(...)                                                                             \
    (&(const godwit_step_options_t){.struct_size = sizeof (godwit_step_options_t), __VA_ARGS__})

/* The steps of a server's life. Each runs once in a life, however many threads ask for it; the others wait
 * until it is done. stop waits for a start, and wait for a stop, also if nobody has asked for that yet. A
 * start after a finished stop is a restart: it waits for the handlers of the life before. A step is for the
 * life in which it was asked for or, before a start, for the next life. Example: a wait in the first life
 * returns when the last request of that life has run, even if the server was restarted meanwhile.
 *
 * Any thread may ask, but not a handler of the same server, except for stop. options may be NULL.
 * TASK_TIMEOUT: the step goes on, or is still to be done. CLOSED: the server or the transport is being
 * destroyed. FORKED.
 *
 * With external_loop a step that has to wait runs the loop. It is TASK_TIMEOUT at once if it cannot (in a
 * handler or a callback), or if it would wait without timeout_ms for a step that nobody has asked for. */

/* Starts a server: it listens, and makes itself known. INVALID_TARGET: "A server's target must have topic and
 * server names specified". SERVER_LISTEN, with the target and the cause: all who waited for this start get
 * it, and the server is not started. PERMISSION_DENIED: the certificate of this process has no right to serve
 * the topic. INVALID_ARGUMENT: override_pool_size is negative. */
GODWIT_EXPORT godwit_status_t godwit_server_start (godwit_server_t *server,
                                                   const godwit_step_options_t *options,
                                                   godwit_error_t **error);
/* Stops a server, and does not wait for its handlers. It says goodbye, so clients go elsewhere. Requests that
 * it accepted still run. Those that come late are refused before they run. It begins to refuse when every
 * client has answered that it has sent its last request, or after a quarter of the transport's
 * heartbeat_timeout_ms (at least 0.5 s). Until then this function waits. */
GODWIT_EXPORT godwit_status_t godwit_server_stop (godwit_server_t *server,
                                                  const godwit_step_options_t *options,
                                                  godwit_error_t **error);
/* Waits until a stopped server has run its last request. A kept request counts until it is given back. */
GODWIT_EXPORT godwit_status_t godwit_server_wait (godwit_server_t *server,
                                                  const godwit_step_options_t *options,
                                                  godwit_error_t **error);
/* Tells a server that the program has read its configuration again (contract 6). Nothing of the library's own
 * changes. INVALID_ARGUMENT: the server was never started. */
GODWIT_EXPORT godwit_status_t godwit_server_reset (godwit_server_t *server,
                                                   const godwit_step_options_t *options,
                                                   godwit_error_t **error);
/* Stops and destroys a server, and sets *server to NULL. Refuses what is queued, waits for running handlers
 * (at most for the transport's destroy_timeout_ms, as godwit_transport_destroy does), and wakes the threads
 * that wait in a step (CLOSED). Never waits for a start. Requests that were kept stay valid; their replies go
 * nowhere. Accepts NULL and a pointer to NULL. */
GODWIT_EXPORT void godwit_server_destroy (godwit_server_t **server);

/* ---- running a server until a signal comes ---- */

/* How a server is run. Zero: the default, with which each comment begins. */
typedef struct godwit_run_options {
    size_t struct_size;
    /* 30000: how long requests that it accepted are waited for after the signal; negative: for ever. */
    int64_t drain_timeout_ms;
    /* NULL: called once the server is started and the signals are blocked, to tell others so. */
    void (*started) (void *user);
    void *user;
} godwit_run_options_t;

/* Makes options for a run: GODWIT_RUN_OPTIONS (.drain_timeout_ms = 5000). */
#define GODWIT_RUN_OPTIONS(...)                                                                              \
    (&(const godwit_run_options_t){.struct_size = sizeof (godwit_run_options_t), __VA_ARGS__})

/* Runs a server until SIGINT or SIGTERM comes, then drains it. It starts the server if it is not started, and
 * blocks both signals meanwhile in the thread that calls it. After the signal it stops the server and waits
 * until all that it has accepted has run: OK. It also returns when somebody else has stopped the server. The
 * mask of signals is as before when it returns. With external_loop it runs the loop.
 *
 * TASK_TIMEOUT: after drain_timeout_ms, or after a second signal, handlers still run. They are abandoned and
 * named, in the error and in the log: the method, the server, how long it has run, and the connection of its
 * caller. Destroying the server and the transport does not wait for them, except for those of calls that this
 * process itself makes to an INLINE method. What they use stays until they return, and what they do with
 * their requests goes nowhere. The on_destroy of the server's endpoints does not run.
 *
 * The program calls it on its main thread, before it makes threads of its own, or blocks both signals before
 * that: a thread that takes them runs their handlers, or ends the process, and this function never sees them.
 * The library's threads take neither. Only signals to the process count (kill), not those to one thread. One
 * thread at a time in a process. A program with several servers starts the others before, and stops them
 * afterwards. Nobody may destroy the server or the transport meanwhile. Not from a handler. options may be
 * NULL. The statuses of godwit_server_start; SYSTEM. */
GODWIT_EXPORT godwit_status_t godwit_server_run (godwit_server_t *server, const godwit_run_options_t *options,
                                                 godwit_error_t **error);

/* ---- requests ---- */

/* Texts and values are borrowed from the request. The context and the arguments are maps. With a serializer
 * the arguments are a map of what it made of each, and the context is what it made, or NULL. */

/* Returns the name of the method that a request calls. */
GODWIT_EXPORT const char *godwit_request_method (const godwit_request_t *request);
/* Returns the context of a request. */
GODWIT_EXPORT const godwit_value_t *godwit_request_context (const godwit_request_t *request);
/* Returns the arguments of a request. */
GODWIT_EXPORT const godwit_value_t *godwit_request_args (const godwit_request_t *request);
/* Returns the struct that the slots filled, zero where an optional one was absent; NULL without slots. */
GODWIT_EXPORT const void *godwit_request_params (const godwit_request_t *request);
/* Returns the namespace that the caller named; NULL: none. */
GODWIT_EXPORT const char *godwit_request_name_space (const godwit_request_t *request);
/* Returns the version that the caller named; NULL: none. */
GODWIT_EXPORT const char *godwit_request_version (const godwit_request_t *request);
/* Returns the name of the caller's certificate; of a fanout, of its publisher's. NULL: there is no realm.
 * Borrowed from the request. */
GODWIT_EXPORT const char *godwit_request_peer (const godwit_request_t *request);
/* Tells whether a request is a cast, which has no reply. */
GODWIT_EXPORT bool godwit_request_is_cast (const godwit_request_t *request);
/* Tells whether a request is a durable cast that may have run before. */
GODWIT_EXPORT bool godwit_request_is_redelivered (const godwit_request_t *request);
/* Returns how much of the caller's time is left, to pass it on to further calls (godwit_overrides_t). When it
 * is spent: GODWIT_TIMEOUT_ZERO (-1). When the request does not expire: GODWIT_CLEAR_INT. */
GODWIT_EXPORT int64_t godwit_request_remaining_ms (const godwit_request_t *request);

/* Replies to a request with a value, which is copied. The field's name is ignored. OK even if the caller is
 * gone. A second reply does nothing: INVALID_ARGUMENT. CLOSED: nobody waits for the
 * handler any more (destroy_timeout_ms). A value that cannot be sent is INVALID_ARGUMENT,
 * LIMIT_EXCEEDED, TYPE_MISMATCH (an object) or the serializer's status, and its caller gets a failure.
 * FORKED. */
GODWIT_EXPORT godwit_status_t godwit_request_reply (godwit_request_t *request, godwit_field_t result);
/* Replies to a request with a failure. *error_p is consumed and set to NULL. Returns the status of the error,
 * so that a handler can end with it; or FORKED. */
GODWIT_EXPORT godwit_status_t godwit_request_fail (godwit_request_t *request, godwit_error_t **error_p);
/* Tells whether nobody waits for the reply any more: the caller gave the call up (its time is spent, its
 * future or client was destroyed); its connection ended, as far as that is known; or nobody can send the
 * reply, because the request was kept and its server or transport is gone. Once true, it stays so. False for
 * casts, and after a reply. A long handler asks from time to time. A reply is still taken, and dropped.
 *
 * CANCEL and the end of the caller's time are seen at once. A caller that vanishes without a word is missed
 * within heartbeat_ms after its connection ended (heartbeat_timeout_ms if its machine fell silent), counted
 * from the first time that somebody asks about the request: nothing is looked for before. Any thread, several
 * at a time, while the request is theirs. */
GODWIT_EXPORT bool godwit_request_is_cancelled (godwit_request_t *request);
/* Hears that a request is cancelled. The request is valid while it runs. It may reply, and give back a
 * request that was kept. It must neither block nor keep the request. */
typedef void godwit_cancel_fn (godwit_request_t *request, void *user);
/* Calls back once when a request is cancelled (godwit_request_is_cancelled). If it already is, the callback
 * runs at once, on this thread. Otherwise it runs on the thread of the callbacks of asynchronous calls (with
 * external_loop: in godwit_transport_process), with no lock held. It never runs after a reply, nor after the
 * request has ended: the end of the handler, and godwit_request_destroy of a kept request, wait until it has
 * returned, unless they are called from it. user is borrowed until then. Only for whoever holds the request,
 * before others do. INVALID_ARGUMENT (NULL, a second callback), SYSTEM (no thread can be started), FORKED. */
GODWIT_EXPORT godwit_status_t godwit_request_on_cancel (godwit_request_t *request, godwit_cancel_fn *callback,
                                                        void *user);
/* Keeps a request beyond its handler, and returns it. It can be replied to later, from any thread, and is
 * given back with godwit_request_destroy. Until then it counts towards the server's concurrency. */
GODWIT_EXPORT godwit_request_t *godwit_request_keep (godwit_request_t *request);
/* Gives back a request that was kept, and sets *request to NULL. If it was not replied to, its caller gets a
 * failure. Accepts NULL and a pointer to NULL. */
GODWIT_EXPORT void godwit_request_destroy (godwit_request_t **request);

GODWIT_END_DECLS

#endif
