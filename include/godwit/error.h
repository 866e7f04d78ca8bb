/* SPDX-License-Identifier: Apache-2.0 */
/* Statuses, outcomes and error objects (docs/contract.md, sections 3 and 7; docs/errors.md).
 *
 * Every function that can fail returns a godwit_status_t. Its last parameter is a godwit_error_t **, which
 * may be NULL. It is written only on failure. The error then belongs to the caller, who destroys it with
 * godwit_error_destroy. There is no errno, and no last error per thread.
 * A pointer may be NULL only where the comment says so. Elsewhere NULL is INVALID_ARGUMENT, "NAME: expected
 * ...".
 *
 * Threads: an error has one owner. Only the owner changes and destroys it, while no other thread reads it.
 * Until then any number of threads may read it, also with godwit_error_print.
 */
#ifndef GODWIT_ERROR_H
#define GODWIT_ERROR_H

#include <godwit/export.h>

#include <stddef.h>

GODWIT_BEGIN_DECLS

/* ---- statuses and outcomes ---- */

/* Lists all statuses: X (name, parent, type, default text). The type is printed and is sent to peers. The
 * parents make the tree of contract 3. A status whose parent is itself is a root. */
#define GODWIT_STATUS_LIST(X)                                                                                \
    X (OK, OK, "Ok", "success")                                                                              \
    X (INVALID_ARGUMENT, INVALID_ARGUMENT, "InvalidArgument", "an argument is not acceptable")               \
    X (OUT_OF_MEMORY, OUT_OF_MEMORY, "OutOfMemory", "out of memory")                                         \
    X (TYPE_MISMATCH, TYPE_MISMATCH, "TypeMismatch", "a value has another type than was asked for")          \
    X (NOT_FOUND, NOT_FOUND, "NotFound", "no such entry")                                                    \
    X (LIMIT_EXCEEDED, LIMIT_EXCEEDED, "LimitExceeded", "a size, depth or count limit was exceeded")         \
    X (MALFORMED, MALFORMED, "Malformed", "bytes that do not follow the format")                             \
    X (CANCELLED, CANCELLED, "Cancelled", "the operation was cancelled")                                     \
    X (CLOSED, CLOSED, "Closed", "the object is being destroyed")                                            \
    X (FORKED, FORKED, "Forked", "the object belongs to the process before fork()")                          \
    X (SYSTEM, SYSTEM, "SystemError", "the operating system refused")                                        \
    X (FAILED, FAILED, "Failed", "the method failed")                                                        \
    X (MESSAGING, MESSAGING, "MessagingException", "messaging failed")                                       \
    X (TIMEOUT, MESSAGING, "MessagingTimeout", "no reply came")                                              \
    X (DELIVERY_FAILURE, MESSAGING, "MessageDeliveryFailure", "the message could not be handed over")        \
    X (INVALID_TARGET, MESSAGING, "InvalidTarget", "the target cannot be used for this")                     \
    X (REMOTE_ERROR, MESSAGING, "RemoteError", "the remote method failed")                                   \
    X (VERSION_CAP, MESSAGING, "RPCVersionCapError", "the version exceeds the cap")                          \
    X (CLIENT_SEND, MESSAGING, "ClientSendError", "the driver could not send")                               \
    X (INVALID_URL, MESSAGING, "InvalidTransportURL", "the transport URL is not valid")                      \
    X (DRIVER_LOAD, MESSAGING, "DriverLoadFailure", "no such driver")                                        \
    X (UNDELIVERABLE, MESSAGING, "MessageUndeliverable", "nobody listens")                                   \
    X (SERVER_ERROR, MESSAGING, "MessagingServerError", "a server operation failed")                         \
    X (SERVER_LISTEN, SERVER_ERROR, "ServerListenError", "the server could not listen")                      \
    X (EXECUTOR_LOAD, SERVER_ERROR, "ExecutorLoadFailure", "no such executor")                               \
    X (TASK_TIMEOUT, SERVER_ERROR, "TaskTimeout", "a server operation took too long")                        \
    X (DISPATCHER, MESSAGING, "RPCDispatcherError", "the request could not be dispatched")                   \
    X (NO_SUCH_METHOD, DISPATCHER, "NoSuchMethod", "no endpoint has the method")                             \
    X (UNSUPPORTED_VERSION, DISPATCHER, "UnsupportedVersion", "no endpoint has the version")                 \
    X (OVERLOADED, MESSAGING, "Overloaded", "a queue or a limit is full")                                    \
    X (PERMISSION_DENIED, MESSAGING, "PermissionDenied", "the certificate does not allow it")

/* What a function returns: GODWIT_OK, which is 0, or GODWIT_ERR_... */
typedef enum godwit_status {
#define GODWIT_STATUS_ENUM(name, parent, type, text) GODWIT_ERR_##name,
    GODWIT_STATUS_LIST (GODWIT_STATUS_ENUM)
#undef GODWIT_STATUS_ENUM
        GODWIT_STATUS_COUNT
} godwit_status_t;

#define GODWIT_OK GODWIT_ERR_OK /* the status of success: 0 */

/* What became of a call that failed (contract 3; docs/reliability.md). */
typedef enum godwit_outcome {
    GODWIT_OUTCOME_NONE,      /* the failure came before there was anything to send */
    GODWIT_OUTCOME_NOT_SENT,  /* certainly not run: no server has the request */
    GODWIT_OUTCOME_REJECTED,  /* certainly not run: a server refused the request */
    GODWIT_OUTCOME_MAYBE_RUN, /* the request was handed over, and nobody can know whether it ran */
    GODWIT_OUTCOME_RAN        /* the method ran and failed */
} godwit_outcome_t;

typedef struct godwit_error godwit_error_t;

/* Returns the type of a status: "MessagingTimeout" for GODWIT_ERR_TIMEOUT, "Unknown" for a number that is no
 * status. Static text. */
GODWIT_EXPORT const char *godwit_status_type (godwit_status_t status);
/* Returns the default text of a status. Static text. */
GODWIT_EXPORT const char *godwit_status_text (godwit_status_t status);
/* Tells whether a status is parent or below parent (not 0: yes). The tree is that of contract 3. For example,
 * GODWIT_ERR_NO_SUCH_METHOD is below GODWIT_ERR_MESSAGING. */
GODWIT_EXPORT int godwit_status_is (godwit_status_t status, godwit_status_t parent);
/* Returns the name of an outcome: "NOT_SENT", "REJECTED", ... Static text. */
GODWIT_EXPORT const char *godwit_outcome_name (godwit_outcome_t outcome);

/* ---- making and destroying an error ---- */

/* Makes an error with a printf-like text. Never returns NULL: if memory is short, it returns a static
 * out-of-memory error, which godwit_error_destroy accepts. The caller owns the result. */
GODWIT_EXPORT godwit_error_t *godwit_error_new (godwit_status_t status, const char *format, ...)
    GODWIT_PRINTF (2, 3);
/* Makes an error of a type that is the caller's own (contract 7). module and type travel to the remote
 * caller. The status is FAILED. Otherwise as godwit_error_new. */
GODWIT_EXPORT godwit_error_t *godwit_error_new_typed (const char *module, const char *type,
                                                      const char *format, ...) GODWIT_PRINTF (3, 4);
/* A type of failure that both sides know by its module and name (contract 7). Errors are made of a class, and
 * recognised by it. It is usually a static const. It is borrowed, and must outlive the transports that it is
 * registered with (godwit_transport_register_error). */
typedef struct godwit_error_class {
    const char *module;
    const char *name;
} godwit_error_class_t;

/* Makes an error of a class. The status is FAILED. error_class NULL: of no class. Otherwise as
 * godwit_error_new: the caller owns the result. */
GODWIT_EXPORT godwit_error_t *godwit_error_new_of (const godwit_error_class_t *error_class,
                                                   const char *format, ...) GODWIT_PRINTF (2, 3);
/* Destroys an error and sets *error to NULL. Accepts NULL and a pointer to NULL. */
GODWIT_EXPORT void godwit_error_destroy (godwit_error_t **error);

/* ---- reading an error ---- */

/* These functions accept NULL; then they return GODWIT_OK, "", NULL, GODWIT_OUTCOME_NONE or 0. Results are
 * borrowed from the error. */

/* Returns the status of an error. */
GODWIT_EXPORT godwit_status_t godwit_error_status (const godwit_error_t *error);
/* Returns the type of an error, such as "MessagingTimeout". */
GODWIT_EXPORT const char *godwit_error_type (const godwit_error_t *error);
/* Returns the module of an error's type, such as "godwit". */
GODWIT_EXPORT const char *godwit_error_module (const godwit_error_t *error);
/* Returns what went wrong, without where. Of an error from the other side of a call it is the message that
 * the error was made with. Of a RemoteError it is "Remote error: OutOfStock no tea left". */
GODWIT_EXPORT const char *godwit_error_message (const godwit_error_t *error);
/* Returns where an error came from, in lines as Python writes them; "" if nobody noted it:
 *
 *     Traceback (most recent call last):
 *       File "shop.c", line 12, in take
 *     shop.OutOfStock: no tea left
 *
 * A cause comes before what it caused; at most 32 errors appear, this one and its next causes. The lines of
 * the other side of a call follow those of this side. The text is made when it is first asked for. It is
 * valid until the error changes or is destroyed. */
GODWIT_EXPORT const char *godwit_error_traceback (const godwit_error_t *error);
/* Returns the error that caused this one; NULL: none. */
GODWIT_EXPORT const godwit_error_t *godwit_error_cause (const godwit_error_t *error);
/* Returns what became of the call that failed. */
GODWIT_EXPORT godwit_outcome_t godwit_error_outcome (const godwit_error_t *error);
/* Tells whether an error is of a class (not 0: yes). An error that was made here is of the class that it was
 * made of. An error from the other side of a call needs more: the class is registered with the transport of
 * that call, and its module is allowed (contract 7). Both arguments may be NULL (then: 0). */
GODWIT_EXPORT int godwit_error_is (const godwit_error_t *error, const godwit_error_class_t *error_class);
/* Tells whether an error came from the other side of a call (not 0: yes). Then its type ends in "_Remote",
 * unless its module is "builtins" or it is a RemoteError. When such an error is sent on to another caller, it
 * has its first name again: the type without "_Remote", or, for a RemoteError, what the other side called it.
 */
GODWIT_EXPORT int godwit_error_is_remote (const godwit_error_t *error);

/* ---- the data of an error ---- */

/* Returns a text of an error's own data by its name (contract 3). NULL: there is none. Borrowed until the
 * error changes. The library's own errors have these:
 *  - "method", "target": those that end a call, cast or fanout here; NoSuchMethod and UnsupportedVersion have
 *    the method
 *  - "server", "address": of these, those for which a server was tried
 *  - "version": RPCVersionCapError, UnsupportedVersion
 *  - "version_cap": RPCVersionCapError
 *  - "target": InvalidTarget, ServerListenError, ClientSendError, MessageUndeliverable
 *  - "driver": DriverLoadFailure
 *  - "executor": ExecutorLoadFailure
 *  - "url": InvalidTransportURL; without passwords, and absent if it is longer than a URL may be
 *  - "exc_type", "value", "traceback": RemoteError
 */
GODWIT_EXPORT const char *godwit_error_detail (const godwit_error_t *error, const char *name);
/* Sets a text of an error's own data; it travels to a remote caller. name and text are copied. If memory is
 * short, nothing changes. */
GODWIT_EXPORT void godwit_error_set_detail (godwit_error_t *error, const char *name, const char *text);

struct godwit_value;
/* Returns the args of an error, a list; NULL: none. An error may have args and kwargs, as an exception of
 * Python has. They travel to a remote caller; a value with which the frame would be longer than 64 KiB, or
 * than max_message_size, is left out. A RemoteError has what the other side's error had. Borrowed until the
 * error changes. */
GODWIT_EXPORT const struct godwit_value *godwit_error_args (const godwit_error_t *error);
/* Returns the kwargs of an error, a map; NULL: none. The details of an error are those of its kwargs that are
 * strings. Otherwise as godwit_error_args. */
GODWIT_EXPORT const struct godwit_value *godwit_error_kwargs (const godwit_error_t *error);
/* Sets the args and kwargs of an error. Each may be NULL. They are referenced, not copied. args that is no
 * list, and kwargs that is no map, count as NULL. */
GODWIT_EXPORT void godwit_error_set_data (godwit_error_t *error, const struct godwit_value *args,
                                          const struct godwit_value *kwargs);

/* ---- where an error came from ---- */

/* Adds a place that an error passed through: a line of its traceback, innermost first. file and function are
 * static texts. Beyond 32, places are counted and not kept. Use the macros below instead. */
GODWIT_EXPORT void godwit_error_trace (godwit_error_t *error, const char *file, int line,
                                       const char *function);

/* Makes an error that knows where it was made: GODWIT_ERROR (GODWIT_ERR_NOT_FOUND, "no job %d", id). */
#define GODWIT_ERROR(...) (godwit_error_here_ (godwit_error_new (__VA_ARGS__), __FILE__, __LINE__, __func__))
/* Makes an error of a class, with the place where it was made: GODWIT_ERROR_OF (&job_lost, "no job %d", id).
 */
#define GODWIT_ERROR_OF(...)                                                                                 \
    (godwit_error_here_ (godwit_error_new_of (__VA_ARGS__), __FILE__, __LINE__, __func__))
/* Notes that an error passes through this place, and returns it: GODWIT_TRACE (error). */
#define GODWIT_TRACE(error_) (godwit_error_here_ ((error_), __FILE__, __LINE__, __func__))

/* For the macros. */
static inline godwit_error_t *
godwit_error_here_ (godwit_error_t *error, const char *file, int line, const char *function)
{
    godwit_error_trace (error, file, line, function);
    return error;
}

/* Returns an error as human-readable text: its type, text, outcome and causes, as in "MessagingTimeout: no
 * reply in 200 ms (outcome MAYBE_RUN)". The text is the message. Behind the outcome of an error from the
 * other side of a call stand the method, the target, the server and its address. With the option
 * remote_traces of the transport, its message is followed by a new line and the traceback of the other side;
 * for a RemoteError also by a full stop (contract 7). Borrowed, and valid until the error changes or is
 * destroyed. The text is made when it is first asked for. */
GODWIT_EXPORT const char *godwit_error_print (const godwit_error_t *error);

/* Sets the cause of an error. If it has a cause already, the new one becomes the last of the chain. *cause_p
 * is consumed, always, and set to NULL. */
GODWIT_EXPORT void godwit_error_set_cause (godwit_error_t *error, godwit_error_t **cause_p);

GODWIT_END_DECLS

#endif
