/* SPDX-License-Identifier: Apache-2.0 */
/* Serializers, which convert values between program and wire (docs/contract.md, section 9;
 * docs/serializers.md). They convert arguments, results and contexts.
 *
 * A serializer is a struct of functions. A client or a server gets it in its options. It is borrowed, and
 * must outlive them. Without a serializer nothing is converted, and a call costs nothing more.
 *
 *     client   serialize_entity       each argument
 *              serialize_context      the context
 *     server   deserialize_context    the context
 *              deserialize_entity     each argument, in the order in which they came, with that context
 *              serialize_entity       the result (a cast has none)
 *     client   deserialize_entity     the result
 *
 * Threads: the functions run on the caller's thread, on workers and on the completion thread; several may run
 * at once.
 */
#ifndef GODWIT_SERIALIZER_H
#define GODWIT_SERIALIZER_H

#include <godwit/value.h>

GODWIT_BEGIN_DECLS

/* The functions of a serializer. Each reads a borrowed value and returns one in *out, which then belongs to
 * the caller of the function. *out may be the input with one more reference (godwit_value_ref). NULL is nil.
 * context has the form that the program sees; NULL: the caller gave none. error is never NULL. A function
 * that is NULL passes its input on.
 *
 * A function that fails ends the call, with the error that it gives or with its status. On the client nothing
 * was sent then (outcome NONE); if it was the result that failed, the method has run (RAN). On the server the
 * caller gets the failure, as REJECTED if the method has not run. */
typedef struct godwit_serializer {
    size_t struct_size;
    void *self;
    godwit_status_t (*serialize_entity) (void *self, const godwit_value_t *context,
                                         const godwit_value_t *entity, godwit_value_t **out,
                                         godwit_error_t **error);
    godwit_status_t (*deserialize_entity) (void *self, const godwit_value_t *context,
                                           const godwit_value_t *entity, godwit_value_t **out,
                                           godwit_error_t **error);
    /* *out must be a map, or NULL, which is an empty map. Anything else is TYPE_MISMATCH. */
    godwit_status_t (*serialize_context) (void *self, const godwit_value_t *context, godwit_value_t **out,
                                          godwit_error_t **error);
    godwit_status_t (*deserialize_context) (void *self, const godwit_value_t *context, godwit_value_t **out,
                                            godwit_error_t **error);
} godwit_serializer_t;

/* Makes a serializer from functions: GODWIT_SERIALIZER (.self = key, .serialize_entity = seal). The result is
 * a pointer. */
#define GODWIT_SERIALIZER(...)                                                                               \
    (&(const godwit_serializer_t){.struct_size = sizeof (godwit_serializer_t), __VA_ARGS__})

/* The serializer that passes everything on. A client or server without a serializer does the same. */
GODWIT_EXPORT extern const godwit_serializer_t godwit_noop_serializer;

/* The serializer JsonPayload: entities travel as JSON text (a str), for peers that need it. Contexts pass
 * unchanged. A value without an exact form in JSON is TYPE_MISMATCH with its path: a bin, an object, a double
 * that is not finite, a uint (above 2^63 - 1), a str that is not UTF-8, a key with a NUL. All else comes back
 * equal: 64-bit integers, doubles (as doubles), NUL in a str. What is received has the same limits as values
 * have. LIMIT_EXCEEDED: too deep, too many elements, a number beyond 64 bits. MALFORMED, with the place: no
 * JSON, or a key that is there twice. */
GODWIT_EXPORT extern const godwit_serializer_t godwit_json_serializer;

/* The hooks that convert a program's own type of context. */
typedef struct godwit_context_hooks {
    size_t struct_size;
    void *user;
    /* On the client: makes a map of what the program gave to a call, often a GODWIT_TYPE_OBJECT. */
    godwit_status_t (*to_map) (void *user, const godwit_value_t *context, godwit_value_t **map,
                               godwit_error_t **error);
    /* On the server: makes the program's type of that map. */
    godwit_status_t (*from_map) (void *user, const godwit_value_t *map, godwit_value_t **context,
                                 godwit_error_t **error);
    /* On a notifier of godwit_rpc_init: gives the redacted copy of a GODWIT_TYPE_OBJECT, what listeners may
     * see. It is a map, or an object that to_map makes a map of. Others do not use it. */
    godwit_status_t (*redact) (void *user, const godwit_value_t *context, godwit_value_t **redacted,
                               godwit_error_t **error);
} godwit_context_hooks_t;

/* Makes a RequestContextSerializer: it converts contexts with hooks, and leaves entities to base. base NULL:
 * entities stay as they are. A hook that is NULL passes the context on. If the caller gave no context, to_map
 * is not called. hooks is copied. What hooks and base point to is borrowed, and must outlive the serializer.
 * Destroy it with godwit_request_context_serializer_destroy. Any thread. INVALID_ARGUMENT, OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_request_context_serializer_new (godwit_serializer_t **serializer,
                                                                     const godwit_serializer_t *base,
                                                                     const godwit_context_hooks_t *hooks,
                                                                     godwit_error_t **error);
/* Destroys a RequestContextSerializer, which no client or server may use any more. Sets *serializer to NULL.
 * Accepts NULL and a pointer to NULL. */
GODWIT_EXPORT void godwit_request_context_serializer_destroy (godwit_serializer_t **serializer);

GODWIT_END_DECLS

#endif
