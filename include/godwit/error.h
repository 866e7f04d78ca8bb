/* Statuses, outcomes and the error object (contract 3 and 7).
 *
 * Every function that can fail returns a godwit_status_t and takes, as its last parameter, a godwit_error_t
 * **. The parameter may be NULL; it is written only on failure, and what is written belongs to the caller,
 * who gives it back with godwit_error_destroy. There is no errno and no last error per thread.
 * NULL for a pointer of which nothing says that it may be NULL is INVALID_ARGUMENT "NAME: expected ...".
 *
 * Threads: an error is a unique object, which has one owner: only the owner changes and destroys it, while no
 * other thread looks at it. Until then any number of threads may read it, godwit_error_print included.
 */
#ifndef GODWIT_ERROR_H
#define GODWIT_ERROR_H

#include <godwit/export.h>

#include <stddef.h>

GODWIT_BEGIN_DECLS

/* name, parent, type as printed and as sent to peers, default text. The parents make contract 3's tree; a
 * status whose parent is itself is a root. */
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
    X (TIMEOUT, MESSAGING, "MessagingTimeout", "no reply in time")                                           \
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
    X (OVERLOADED, MESSAGING, "Overloaded", "a queue or a limit is full")

typedef enum godwit_status {
#define GODWIT_STATUS_ENUM(name, parent, type, text) GODWIT_ERR_##name,
    GODWIT_STATUS_LIST (GODWIT_STATUS_ENUM)
#undef GODWIT_STATUS_ENUM
        GODWIT_STATUS_COUNT
} godwit_status_t;

#define GODWIT_OK GODWIT_ERR_OK

/* What became of a call that failed (architecture 5). NOT_SENT and REJECTED are certain not to have run;
 * MAYBE_RUN was handed over and nobody can know; RAN ran and failed. NONE: the failure came before there was
 * anything to send. */
typedef enum godwit_outcome {
    GODWIT_OUTCOME_NONE,
    GODWIT_OUTCOME_NOT_SENT,
    GODWIT_OUTCOME_REJECTED,
    GODWIT_OUTCOME_MAYBE_RUN,
    GODWIT_OUTCOME_RAN
} godwit_outcome_t;

typedef struct godwit_error godwit_error_t;

/* "MessagingTimeout" for GODWIT_ERR_TIMEOUT; "Unknown" for a number that is no status. Static text. */
GODWIT_EXPORT const char *godwit_status_type (godwit_status_t status);
/* The default text of the status. Static text. */
GODWIT_EXPORT const char *godwit_status_text (godwit_status_t status);
/* Non-zero if status is parent or below it in contract 3's tree. */
GODWIT_EXPORT int godwit_status_is (godwit_status_t status, godwit_status_t parent);
/* "NOT_SENT", "REJECTED", ... Static text. */
GODWIT_EXPORT const char *godwit_outcome_name (godwit_outcome_t outcome);

/* Makes an error with a printf-like text. Never returns NULL: when memory is short, it returns a static
 * out-of-memory error, which godwit_error_destroy accepts. The caller owns the result. */
GODWIT_EXPORT godwit_error_t *godwit_error_new (godwit_status_t status, const char *format, ...)
    GODWIT_PRINTF (2, 3);
/* The same, of a type of the caller's own (contract 7): module and type travel to the remote caller. status
 * is FAILED. */
GODWIT_EXPORT godwit_error_t *godwit_error_new_typed (const char *module, const char *type,
                                                      const char *format, ...) GODWIT_PRINTF (3, 4);
/* A type of failure that both sides know by module and name (contract 7): the handle to make errors of it,
 * and to recognise them by. Usually a static const; borrowed, so it must outlive the transports that it is
 * registered with (godwit_transport_register_error). */
typedef struct godwit_error_class {
    const char *module;
    const char *name;
} godwit_error_class_t;

/* An error of that class; status is FAILED. NULL: of no class. The caller owns the result. */
GODWIT_EXPORT godwit_error_t *godwit_error_new_of (const godwit_error_class_t *error_class,
                                                   const char *format, ...) GODWIT_PRINTF (2, 3);
/* Gives the error back and sets *error to NULL. Accepts NULL and a pointer to NULL. */
GODWIT_EXPORT void godwit_error_destroy (godwit_error_t **error);

/* All of these accept NULL (then: OK, "", NULL, NONE); what they return is borrowed from the error. */
GODWIT_EXPORT godwit_status_t godwit_error_status (const godwit_error_t *error);
GODWIT_EXPORT const char *godwit_error_type (const godwit_error_t *error);
GODWIT_EXPORT const char *godwit_error_module (const godwit_error_t *error);
/* What went wrong, without where: of an error from the other side of a call the message that it was made
 * with, of a RemoteError "Remote error: OutOfStock no tea left". */
GODWIT_EXPORT const char *godwit_error_message (const godwit_error_t *error);
/* Where it went wrong, in lines as Python writes them, "" if nobody noted it:
 *
 *     Traceback (most recent call last):
 *       File "shop.c", line 12, in take
 *     shop.OutOfStock: no tea left
 *
 * Causes come before what they caused (the 32 uppermost ones); the lines of the other side of a call follow
 * those of this side. Valid until the error changes or is destroyed; made when first asked for. */
GODWIT_EXPORT const char *godwit_error_traceback (const godwit_error_t *error);
GODWIT_EXPORT const godwit_error_t *godwit_error_cause (const godwit_error_t *error);
GODWIT_EXPORT godwit_outcome_t godwit_error_outcome (const godwit_error_t *error);
/* True if the error is of that class: made here, or on the other side of a call, if the class is registered
 * with the transport of that call and its module is allowed (contract 7). Both may be NULL (then: false). */
GODWIT_EXPORT int godwit_error_is (const godwit_error_t *error, const godwit_error_class_t *error_class);
/* True if the error came back from the other side of a call. Its type ends in "_Remote" then, unless its
 * module is "builtins" or it is a RemoteError. It is sent on under its first name: without "_Remote", and of
 * a RemoteError what the other side had called it. */
GODWIT_EXPORT int godwit_error_is_remote (const godwit_error_t *error);

/* ---- what an error knows ---- */

/* An error's own data by name (contract 3): "method" of NoSuchMethod, "version" and "version_cap" of
 * RPCVersionCapError, "version" and "method" of UnsupportedVersion, "target" of InvalidTarget,
 * ServerListenError, ClientSendError and MessageUndeliverable, "driver" of DriverLoadFailure, "url" of
 * InvalidTransportURL (without passwords; none if it is longer than a URL may be), "executor" of
 * ExecutorLoadFailure, "exc_type", "value" and "traceback" of RemoteError. NULL: there is none. Borrowed
 * until the error changes. */
GODWIT_EXPORT const char *godwit_error_detail (const godwit_error_t *error, const char *name);
/* Sets one; it travels to a remote caller. name and text are copied. When memory is short, nothing changes.
 */
GODWIT_EXPORT void godwit_error_set_detail (godwit_error_t *error, const char *name, const char *text);

struct godwit_value;
/* What an exception of Python's has as args (a list) and kwargs (a map); NULL: none. Details are the kwargs
 * that are texts. Those of a RemoteError are the other side's. They travel to a remote caller; what would
 * make a frame of more than 64 KiB (or max_message_size) is left out. Borrowed until the error changes. */
GODWIT_EXPORT const struct godwit_value *godwit_error_args (const godwit_error_t *error);
GODWIT_EXPORT const struct godwit_value *godwit_error_kwargs (const godwit_error_t *error);
/* Sets them; each may be NULL, and is referenced, not copied. Args that are no list, and kwargs that are no
 * map, are taken for NULL. */
GODWIT_EXPORT void godwit_error_set_data (godwit_error_t *error, const struct godwit_value *args,
                                          const struct godwit_value *kwargs);

/* ---- where an error came from ---- */

/* Notes a place that the error passed through, innermost first: a line of its traceback. file and function
 * are static texts. Places beyond 32 are counted, not kept. Use the macros. */
GODWIT_EXPORT void godwit_error_trace (godwit_error_t *error, const char *file, int line,
                                       const char *function);

/* An error that knows where it was made: GODWIT_ERROR (GODWIT_ERR_NOT_FOUND, "no job %d", id). */
#define GODWIT_ERROR(...) (godwit_error_here_ (godwit_error_new (__VA_ARGS__), __FILE__, __LINE__, __func__))
/* The same of a class: GODWIT_ERROR_OF (&job_lost, "no job %d", id). */
#define GODWIT_ERROR_OF(...)                                                                                 \
    (godwit_error_here_ (godwit_error_new_of (__VA_ARGS__), __FILE__, __LINE__, __func__))
/* Notes that the error passes through here, and gives it back. */
#define GODWIT_TRACE(error_) (godwit_error_here_ ((error_), __FILE__, __LINE__, __func__))

/* For the macros. */
static inline godwit_error_t *
godwit_error_here_ (godwit_error_t *error, const char *file, int line, const char *function)
{
    godwit_error_trace (error, file, line, function);
    return error;
}

/* "MessagingTimeout: no reply in 200 ms (outcome MAYBE_RUN)", causes included: type, text, outcome. The text
 * is the message; of an error from the other side of a call, contract 7's: the message, a new line and the
 * other side's traceback, if it sent one; of a RemoteError "Remote error: TYPE VALUE", a new line, the
 * traceback and a full stop. Borrowed, and valid until the error changes or is destroyed; made when first
 * asked for. */
GODWIT_EXPORT const char *godwit_error_print (const godwit_error_t *error);

/* Puts cause below *error: takes ownership of *cause_p, always, and sets it to NULL. */
GODWIT_EXPORT void godwit_error_set_cause (godwit_error_t *error, godwit_error_t **cause_p);

GODWIT_END_DECLS

#endif
