/* Values: what arguments, contexts and results are made of (contract 3 and 9; docs/protocol.md).
 *
 * Three ways in: a literal array of typed fields (GODWIT_ARGS), for data whose shape is known when the
 * program is written; a builder, for data of run-time shape and for C++; and decoding, which the library
 * does. One way out: an immutable, reference-counted godwit_value_t, read by typed getters or by a slot table
 * that fills a struct.
 *
 * Limits (the same when encoding and when decoding): depth 32, GODWIT_VALUE_MAX_COUNT elements; the size of a
 * message is the transport's option max_message_size.
 *
 * Threads: a value may be read and reference-counted by any number of threads. A builder belongs to one
 * thread at a time.
 */
#ifndef GODWIT_VALUE_H
#define GODWIT_VALUE_H

#include <godwit/error.h>

#include <stdbool.h>
#include <stdint.h>

GODWIT_BEGIN_DECLS

#define GODWIT_VALUE_MAX_DEPTH 32
#define GODWIT_VALUE_MAX_COUNT 1000000

typedef enum godwit_type {
    GODWIT_TYPE_NIL,
    GODWIT_TYPE_BOOL,
    GODWIT_TYPE_INT,  /* -2^63 to 2^63 - 1 */
    GODWIT_TYPE_UINT, /* only numbers above 2^63 - 1; smaller ones are INT, however they were made */
    GODWIT_TYPE_DOUBLE,
    GODWIT_TYPE_STR, /* UTF-8 by convention, not checked; may hold NUL; always followed by a NUL */
    GODWIT_TYPE_BIN,
    GODWIT_TYPE_LIST,
    GODWIT_TYPE_MAP,   /* keys are strings, in the order given, no key twice */
    GODWIT_TYPE_VALUE, /* only in fields: a godwit_value_t to be copied in */
    GODWIT_TYPE_OBJECT /* the program's own, for a serializer (godwit_value_new_object); never sent */
} godwit_type_t;

/* "int", "str", ... Static text. */
GODWIT_EXPORT const char *godwit_type_name (godwit_type_t type);

typedef struct godwit_value godwit_value_t;

/* ---- fields: typed literals ---- */

/* One named datum. Use the macros below: they check the type of what they are given when the program is
 * compiled. Everything that a field points to is borrowed for the length of the call that takes the field. */
typedef struct godwit_field {
    const char *name; /* NULL in a list and for a lone value */
    godwit_type_t type;
    size_t size; /* STR (SIZE_MAX: up to the NUL), BIN: bytes; LIST, MAP: elements */
    union {
        bool boolean;
        int64_t integer;
        uint64_t unsigned_integer;
        double number;
        const char *string;
        const void *bytes;
        const struct godwit_field *items;
        const godwit_value_t *value;
    } as;
} godwit_field_t;

/* A map's worth of fields; or, if value is not NULL, that map instead. */
typedef struct godwit_fields {
    const godwit_field_t *items;
    size_t count;
    const godwit_value_t *value;
} godwit_fields_t;

#ifndef __cplusplus
/* The operators in these macros are not arithmetic: they make a wrong type a compile error, as _Generic does.
 */
#define GODWIT_NIL(name_) ((godwit_field_t){(name_), GODWIT_TYPE_NIL, 0, {false}})
#define GODWIT_BOOL(name_, v)                                                                                \
    ((godwit_field_t){(name_), GODWIT_TYPE_BOOL, 0, {.boolean = ((v) ? true : false)}})
#define GODWIT_INT(name_, v) ((godwit_field_t){(name_), GODWIT_TYPE_INT, 0, {.integer = ((v) | INT64_C (0))}})
#define GODWIT_UINT(name_, v)                                                                                \
    ((godwit_field_t){(name_), GODWIT_TYPE_UINT, 0, {.unsigned_integer = ((v) | UINT64_C (0))}})
#define GODWIT_DOUBLE(name_, v) ((godwit_field_t){(name_), GODWIT_TYPE_DOUBLE, 0, {.number = ((v) *1.0)}})
#define GODWIT_STR(name_, v)                                                                                 \
    ((godwit_field_t){                                                                                       \
        (name_), GODWIT_TYPE_STR, SIZE_MAX, {.string = _Generic ((v), char *: (v), const char *: (v))}})
#define GODWIT_STRN(name_, v, size_) ((godwit_field_t){(name_), GODWIT_TYPE_STR, (size_), {.string = (v)}})
#define GODWIT_BIN(name_, v, size_) ((godwit_field_t){(name_), GODWIT_TYPE_BIN, (size_), {.bytes = (v)}})
/* GODWIT_MAP ("m", GODWIT_INT ("x", 1), ...), GODWIT_LIST ("l", GODWIT_INT (NULL, 1), ...) */
#define GODWIT_MAP(name_, ...) GODWIT_NESTED_ ((name_), GODWIT_TYPE_MAP, __VA_ARGS__)
#define GODWIT_LIST(name_, ...) GODWIT_NESTED_ ((name_), GODWIT_TYPE_LIST, __VA_ARGS__)
#define GODWIT_NESTED_(name_, type_, ...)                                                                    \
    ((godwit_field_t){(name_),                                                                               \
                      (type_),                                                                               \
                      sizeof ((const godwit_field_t[]){__VA_ARGS__}) / sizeof (godwit_field_t),              \
                      {.items = (const godwit_field_t[]){__VA_ARGS__}}})
/* A value inside a field; NULL is nil. */
#define GODWIT_VALUE(name_, v) ((godwit_field_t){(name_), GODWIT_TYPE_VALUE, 0, {.value = (v)}})
/* The arguments of a call. */
#define GODWIT_ARGS(...)                                                                                     \
    ((godwit_fields_t){(const godwit_field_t[]){__VA_ARGS__},                                                \
                       sizeof ((const godwit_field_t[]){__VA_ARGS__}) / sizeof (godwit_field_t), NULL})
#define GODWIT_NO_ARGS ((godwit_fields_t){NULL, 0, NULL})
#endif

/* The arguments of a call from a map that was built; the value is borrowed. NULL: no arguments. */
static inline godwit_fields_t
godwit_fields_from (const godwit_value_t *map)
{
    godwit_fields_t fields = {NULL, 0, map};
    return fields;
}

/* A field that is a value, for C++ and wherever one field is wanted; borrowed. */
static inline godwit_field_t
godwit_field_from (const godwit_value_t *value)
{
    godwit_field_t field = {NULL, GODWIT_TYPE_VALUE, 0, {false}};
    field.as.value = value;
    return field;
}

/* ---- values ---- */

/* A value from one field, whose name is ignored. *value belongs to the caller (godwit_value_unref).
 * INVALID_ARGUMENT with the path of what is wrong; LIMIT_EXCEEDED; OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_value_new (godwit_value_t **value, godwit_field_t field,
                                                godwit_error_t **error);
/* The same for a map of fields: the usual way to make a request context. */
GODWIT_EXPORT godwit_status_t godwit_value_new_map (godwit_value_t **value, godwit_fields_t fields,
                                                    godwit_error_t **error);
/* A value that stands for an object of the program: what a serializer turns into a map or the like before it
 * is sent, and makes of what was received (contract 9). It cannot be built into another value, and sending it
 * without a serializer is TYPE_MISMATCH; but the arguments that a handler sees may hold some. Two are equal
 * if their objects are the same one. destroy (may be NULL) runs on whichever thread drops the last reference,
 * and also if this fails. *value belongs to the caller. OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_value_new_object (godwit_value_t **value, void *object,
                                                       void (*destroy) (void *object),
                                                       godwit_error_t **error);
/* The object; NULL if value is none. Borrowed. */
GODWIT_EXPORT void *godwit_value_as_object (const godwit_value_t *value);
/* Adds a reference, to any part of a value: a part that is referenced keeps the whole alive. Returns its
 * argument. */
GODWIT_EXPORT godwit_value_t *godwit_value_ref (const godwit_value_t *value);
/* Drops a reference and sets *value to NULL; accepts NULL and a pointer to NULL. */
GODWIT_EXPORT void godwit_value_unref (godwit_value_t **value);

/* NULL is of type NIL. */
GODWIT_EXPORT godwit_type_t godwit_value_type (const godwit_value_t *value);
/* Elements of a list or a map, bytes of a str or bin; 0 for all others. */
GODWIT_EXPORT size_t godwit_value_count (const godwit_value_t *value);
/* Typed getters: TYPE_MISMATCH ("expected int, got str") and *out untouched if the value is of another type.
 * An INT is accepted as a double if it converts exactly. What a pointer points to is borrowed from the value.
 */
GODWIT_EXPORT godwit_status_t godwit_value_get_bool (const godwit_value_t *value, bool *out,
                                                     godwit_error_t **error);
GODWIT_EXPORT godwit_status_t godwit_value_get_int (const godwit_value_t *value, int64_t *out,
                                                    godwit_error_t **error);
GODWIT_EXPORT godwit_status_t godwit_value_get_uint (const godwit_value_t *value, uint64_t *out,
                                                     godwit_error_t **error);
GODWIT_EXPORT godwit_status_t godwit_value_get_double (const godwit_value_t *value, double *out,
                                                       godwit_error_t **error);
GODWIT_EXPORT godwit_status_t godwit_value_get_str (const godwit_value_t *value, const char **out,
                                                    godwit_error_t **error);
GODWIT_EXPORT godwit_status_t godwit_value_get_bin (const godwit_value_t *value, const void **out,
                                                    size_t *size, godwit_error_t **error);
/* Short forms for a reader who has a default: the datum, or the fallback if the value is of another type. */
GODWIT_EXPORT int64_t godwit_value_as_int (const godwit_value_t *value, int64_t fallback);
GODWIT_EXPORT double godwit_value_as_double (const godwit_value_t *value, double fallback);
GODWIT_EXPORT bool godwit_value_as_bool (const godwit_value_t *value, bool fallback);
GODWIT_EXPORT const char *godwit_value_as_str (const godwit_value_t *value, const char *fallback);
/* Element index of a list, or the value of entry index of a map; NULL if there is none. Borrowed. */
GODWIT_EXPORT const godwit_value_t *godwit_value_at (const godwit_value_t *value, size_t index);
/* The key of entry index of a map; NULL if there is none. Borrowed. */
GODWIT_EXPORT const char *godwit_value_key_at (const godwit_value_t *value, size_t index);
/* The entry of a map; NULL if there is none or value is no map. Borrowed. */
GODWIT_EXPORT const godwit_value_t *godwit_value_get (const godwit_value_t *map, const char *key);
/* Same type and same content; maps compare without order. */
GODWIT_EXPORT bool godwit_value_equal (const godwit_value_t *a, const godwit_value_t *b);
/* A one-line printed form (as JSON, bin as hex, cut with "..." at size - 1 bytes). Returns the length it
 * would have. */
GODWIT_EXPORT size_t godwit_value_print (const godwit_value_t *value, char *text, size_t size);

/* ---- builder ---- */

/* Builds one value of run-time shape. The first error sticks, and all later calls do nothing: check once, at
 * godwit_builder_finish. name is the key in a map, ignored elsewhere (NULL is fine). */
typedef struct godwit_builder godwit_builder_t;

/* NULL when memory is short; every function below then accepts the NULL, and finish says OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_builder_t *godwit_builder_new (void);
GODWIT_EXPORT void godwit_builder_destroy (godwit_builder_t **builder);
GODWIT_EXPORT void godwit_builder_nil (godwit_builder_t *builder, const char *name);
GODWIT_EXPORT void godwit_builder_bool (godwit_builder_t *builder, const char *name, bool value);
GODWIT_EXPORT void godwit_builder_int (godwit_builder_t *builder, const char *name, int64_t value);
GODWIT_EXPORT void godwit_builder_uint (godwit_builder_t *builder, const char *name, uint64_t value);
GODWIT_EXPORT void godwit_builder_double (godwit_builder_t *builder, const char *name, double value);
GODWIT_EXPORT void godwit_builder_str (godwit_builder_t *builder, const char *name, const char *value);
GODWIT_EXPORT void godwit_builder_strn (godwit_builder_t *builder, const char *name, const char *value,
                                        size_t size);
GODWIT_EXPORT void godwit_builder_bin (godwit_builder_t *builder, const char *name, const void *value,
                                       size_t size);
/* Copies value in; NULL is nil. */
GODWIT_EXPORT void godwit_builder_value (godwit_builder_t *builder, const char *name,
                                         const godwit_value_t *value);
GODWIT_EXPORT void godwit_builder_open_map (godwit_builder_t *builder, const char *name);
GODWIT_EXPORT void godwit_builder_open_list (godwit_builder_t *builder, const char *name);
GODWIT_EXPORT void godwit_builder_close (godwit_builder_t *builder);
/* Makes the value, consumes the builder (always, also on error) and sets *builder_p to NULL. *value belongs
 * to the caller. INVALID_ARGUMENT (left open, a key missing or twice, nothing built), LIMIT_EXCEEDED,
 * OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_builder_finish (godwit_builder_t **builder_p, godwit_value_t **value,
                                                     godwit_error_t **error);

/* ---- slots: from a map into a struct ---- */

typedef struct godwit_bytes {
    const void *data;
    size_t size;
} godwit_bytes_t;

/* One member of a struct that a map fills. Static const tables; make rows with GODWIT_SLOT and
 * GODWIT_SLOT_OPTIONAL. */
typedef struct godwit_slot {
    const char *name;
    godwit_type_t type; /* VALUE: any type is accepted */
    bool optional;      /* absent or nil leaves the member as it was */
    size_t offset;
    size_t size; /* of the member: 4 and 8 for integers, checked for range */
} godwit_slot_t;

#ifndef __cplusplus
/* GODWIT_SLOT (struct add_args, a): the member's C type gives the slot's type: bool, int32_t, int64_t,
 * uint32_t, uint64_t, double, const char *, godwit_bytes_t, const godwit_value_t *. Any other does not
 * compile. */
#define GODWIT_SLOT(struct_, member_) GODWIT_SLOT_ (struct_, member_, false)
#define GODWIT_SLOT_OPTIONAL(struct_, member_) GODWIT_SLOT_ (struct_, member_, true)
#define GODWIT_SLOT_(struct_, member_, optional_)                                                            \
    {                                                                                                        \
#member_,                                                                                            \
            _Generic (((struct_ *) 0)->member_,                                                              \
                bool: GODWIT_TYPE_BOOL,                                                                      \
                int32_t: GODWIT_TYPE_INT,                                                                    \
                int64_t: GODWIT_TYPE_INT,                                                                    \
                uint32_t: GODWIT_TYPE_UINT,                                                                  \
                uint64_t: GODWIT_TYPE_UINT,                                                                  \
                double: GODWIT_TYPE_DOUBLE,                                                                  \
                const char *: GODWIT_TYPE_STR,                                                               \
                godwit_bytes_t: GODWIT_TYPE_BIN,                                                             \
                const godwit_value_t *: GODWIT_TYPE_VALUE),                                                  \
            (optional_), offsetof (struct_, member_), sizeof (((struct_ *) 0)->member_)       \
    }
#endif

/* Fills the struct at base from map: every slot that is not optional must be there, of its type and in its
 * range, and the map may hold nothing else. The error names the path ("args.x: expected int, got str"); path
 * is its first part. On failure some members may have been written. Pointers written are borrowed from map.
 */
GODWIT_EXPORT godwit_status_t godwit_value_unpack (const godwit_value_t *map, const godwit_slot_t *slots,
                                                   size_t slot_count, void *base, const char *path,
                                                   godwit_error_t **error);

GODWIT_END_DECLS

#endif
