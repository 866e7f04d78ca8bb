/* Serializers: what happens to arguments, results and contexts between the program and the wire (contract 9).
 *
 * A serializer is a struct of functions. It is given to a client or a server by its options, is borrowed, and
 * must outlive them. Without one nothing is converted, and nothing is paid.
 *
 *     client: serialize_entity for each argument, serialize_context ... deserialize_entity for the result
 *     server: deserialize_context, then deserialize_entity for each argument with it, in the order in which
 *             they came ... serialize_entity for the result (a cast has none)
 *
 * Threads: the functions run on the caller's thread, on workers and on the completion thread, several at
 * once.
 */
#ifndef GODWIT_SERIALIZER_H
#define GODWIT_SERIALIZER_H

#include <godwit/value.h>

GODWIT_BEGIN_DECLS

/* Each function reads a borrowed value and gives one that belongs to its caller: *out may be the input with
 * one more reference, and NULL is nil. context is in the form that the program sees; NULL: the caller gave
 * none. error is never NULL. A failure ends the call with the error that it gives, or with its status: on the
 * client nothing was sent then (outcome NONE) or, of a result, the method has run (RAN); on the server the
 * caller gets it, as REJECTED if the method was not run. A function that is NULL passes its input on. */
typedef struct godwit_serializer {
    size_t struct_size;
    void *self;
    godwit_status_t (*serialize_entity) (void *self, const godwit_value_t *context,
                                         const godwit_value_t *entity, godwit_value_t **out,
                                         godwit_error_t **error);
    godwit_status_t (*deserialize_entity) (void *self, const godwit_value_t *context,
                                           const godwit_value_t *entity, godwit_value_t **out,
                                           godwit_error_t **error);
    /* The result must be a map, or NULL: an empty one. Anything else is TYPE_MISMATCH. */
    godwit_status_t (*serialize_context) (void *self, const godwit_value_t *context, godwit_value_t **out,
                                          godwit_error_t **error);
    godwit_status_t (*deserialize_context) (void *self, const godwit_value_t *context, godwit_value_t **out,
                                            godwit_error_t **error);
} godwit_serializer_t;

#define GODWIT_SERIALIZER(...)                                                                               \
    (&(const godwit_serializer_t){.struct_size = sizeof (godwit_serializer_t), __VA_ARGS__})

/* Passes everything on: what a client or server without a serializer does. */
GODWIT_EXPORT extern const godwit_serializer_t godwit_noop_serializer;

/* JsonPayload: entities travel as JSON text (a str), for peers that want that. Contexts pass. What has no
 * exact form is TYPE_MISMATCH with its path: a bin, an object, a double that is not finite, a uint (above
 * 2^63 - 1), a str that is no UTF-8, a key with a NUL. All else comes back equal: 64-bit integers, doubles,
 * which stay doubles, NUL in a str. What comes in is bounded as values are: LIMIT_EXCEEDED for depth,
 * elements and numbers beyond 64 bits, MALFORMED with the place for what is no JSON and for a key that is
 * there twice. */
GODWIT_EXPORT extern const godwit_serializer_t godwit_json_serializer;

/* The hooks of a program's context type. */
typedef struct godwit_context_hooks {
    size_t struct_size;
    void *user;
    /* From what the program hands to a call (often a GODWIT_TYPE_OBJECT) to a map. */
    godwit_status_t (*to_map) (void *user, const godwit_value_t *context, godwit_value_t **map,
                               godwit_error_t **error);
    /* And back, on the server. */
    godwit_status_t (*from_map) (void *user, const godwit_value_t *map, godwit_value_t **context,
                                 godwit_error_t **error);
} godwit_context_hooks_t;

/* RequestContextSerializer: contexts by the hooks, entities by base (NULL: as they are). A hook that is NULL
 * passes the context on, as to_map's is when the caller gave none. hooks is copied; what it and base point to
 * is borrowed and must outlive the serializer, which is destroyed with
 * godwit_request_context_serializer_destroy. Any thread. INVALID_ARGUMENT, OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_request_context_serializer_new (godwit_serializer_t **serializer,
                                                                     const godwit_serializer_t *base,
                                                                     const godwit_context_hooks_t *hooks,
                                                                     godwit_error_t **error);
/* No client or server uses it any more. Sets *serializer to NULL; accepts NULL and a pointer to NULL. */
GODWIT_EXPORT void godwit_request_context_serializer_destroy (godwit_serializer_t **serializer);

GODWIT_END_DECLS

#endif
