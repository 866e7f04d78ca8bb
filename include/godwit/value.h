/* SPDX-License-Identifier: Apache-2.0 */
/* Values: what arguments, contexts and results are made of (docs/contract.md, sections 3 and 9;
 * docs/protocol.md).
 *
 * There are three ways to make a value. A literal array of typed fields (GODWIT_ARGS) is for data whose shape
 * is known when the program is written. A builder is for data whose shape is known at run time, and for C++.
 * The third is decoding, which the library does. There is one way to read: from an immutable,
 * reference-counted godwit_value_t, with typed getters or with a slot table that fills a struct.
 *
 * The limits are the same for encoding and decoding: GODWIT_VALUE_MAX_DEPTH levels and GODWIT_VALUE_MAX_COUNT
 * elements. The transport's option max_message_size limits the bytes of a message.
 *
 * Threads: any number of threads may read and reference one value. A builder belongs to one thread at a time.
 */
#ifndef GODWIT_VALUE_H
#define GODWIT_VALUE_H

#include <godwit/error.h>

#include <stdbool.h>
#include <stdint.h>

GODWIT_BEGIN_DECLS

#define GODWIT_VALUE_MAX_DEPTH 32      /* how many levels deep lists and maps may be nested */
#define GODWIT_VALUE_MAX_COUNT 1000000 /* how many elements a value may have in all */

/* The type of a value. */
typedef enum godwit_type {
    GODWIT_TYPE_NIL,
    GODWIT_TYPE_BOOL,
    GODWIT_TYPE_INT,  /* -2^63 to 2^63 - 1 */
    GODWIT_TYPE_UINT, /* only numbers above 2^63 - 1; a smaller number is INT, however it was made */
    GODWIT_TYPE_DOUBLE,
    GODWIT_TYPE_STR, /* UTF-8 by convention, but not checked; may contain NUL; always followed by a NUL */
    GODWIT_TYPE_BIN,
    GODWIT_TYPE_LIST,
    GODWIT_TYPE_MAP,   /* keys are strings; they keep their order, and none is there twice */
    GODWIT_TYPE_VALUE, /* only in fields: a godwit_value_t that is copied in */
    GODWIT_TYPE_OBJECT /* an object of the program, for a serializer (godwit_value_new_object); never sent */
} godwit_type_t;

/* Returns the name of a type: "int", "str", ... Static text. */
GODWIT_EXPORT const char *godwit_type_name (godwit_type_t type);

typedef struct godwit_value godwit_value_t;

/* ---- fields: typed literals ---- */

/* One datum with a name. Make fields with the macros below: the compiler then checks the type of the datum.
 * What a field points to is borrowed for the length of the call that takes the field. */
typedef struct godwit_field {
    const char *name; /* NULL in a list, and for a single value */
    godwit_type_t type;
    size_t size; /* STR, BIN: bytes (STR, SIZE_MAX: up to the NUL); LIST, MAP: elements */
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

/* The fields of a map, such as the arguments of a call. If value is not NULL, it is the map instead. */
typedef struct godwit_fields {
    const godwit_field_t *items;
    size_t count;
    const godwit_value_t *value;
} godwit_fields_t;

#ifndef __cplusplus
/* name is NULL in a list. The operators in these macros are no arithmetic: with them, as with _Generic, a
 * datum of a wrong type does not compile. */

/* Makes a field that is nil. */
#define GODWIT_NIL(name_) ((godwit_field_t){(name_), GODWIT_TYPE_NIL, 0, {false}})
/* Makes a field with a bool. */
#define GODWIT_BOOL(name_, v)                                                                                \
    ((godwit_field_t){(name_), GODWIT_TYPE_BOOL, 0, {.boolean = ((v) ? true : false)}})
/* Makes a field with an integer. */
#define GODWIT_INT(name_, v) ((godwit_field_t){(name_), GODWIT_TYPE_INT, 0, {.integer = ((v) | INT64_C (0))}})
/* Makes a field with an unsigned integer. */
#define GODWIT_UINT(name_, v)                                                                                \
    ((godwit_field_t){(name_), GODWIT_TYPE_UINT, 0, {.unsigned_integer = ((v) | UINT64_C (0))}})
/* Makes a field with a double. */
#define GODWIT_DOUBLE(name_, v) ((godwit_field_t){(name_), GODWIT_TYPE_DOUBLE, 0, {.number = ((v) *1.0)}})
/* Makes a field with a string that ends with a NUL. */
#define GODWIT_STR(name_, v)                                                                                 \
    ((godwit_field_t){                                                                                       \
        (name_), GODWIT_TYPE_STR, SIZE_MAX, {.string = _Generic ((v), char *: (v), const char *: (v))}})
/* Makes a field with a string of size_ bytes, which may contain NUL. */
#define GODWIT_STRN(name_, v, size_) ((godwit_field_t){(name_), GODWIT_TYPE_STR, (size_), {.string = (v)}})
/* Makes a field with binary data of size_ bytes. */
#define GODWIT_BIN(name_, v, size_) ((godwit_field_t){(name_), GODWIT_TYPE_BIN, (size_), {.bytes = (v)}})
/* Makes a field with a map of fields: GODWIT_MAP ("m", GODWIT_INT ("x", 1), ...). */
#define GODWIT_MAP(name_, ...) GODWIT_NESTED_ ((name_), GODWIT_TYPE_MAP, __VA_ARGS__)
/* Makes a field with a list of fields: GODWIT_LIST ("l", GODWIT_INT (NULL, 1), ...). */
#define GODWIT_LIST(name_, ...) GODWIT_NESTED_ ((name_), GODWIT_TYPE_LIST, __VA_ARGS__)
#define GODWIT_NESTED_(name_, type_, ...)                                                                    \
    ((godwit_field_t){(name_),                                                                               \
                      (type_),                                                                               \
                      sizeof ((const godwit_field_t[]){__VA_ARGS__}) / sizeof (godwit_field_t),              \
                      {.items = (const godwit_field_t[]){__VA_ARGS__}}})
/* Makes a field with a copy of a value; NULL is nil. Strings and bins in it of 8 KiB or more are not copied
 * when they are sent. */
#define GODWIT_VALUE(name_, v) ((godwit_field_t){(name_), GODWIT_TYPE_VALUE, 0, {.value = (v)}})
/* Makes the arguments of a call: GODWIT_ARGS (GODWIT_INT ("a", 2), GODWIT_STR ("b", "text")). */
#define GODWIT_ARGS(...)                                                                                     \
    ((godwit_fields_t){(const godwit_field_t[]){__VA_ARGS__},                                                \
                       sizeof ((const godwit_field_t[]){__VA_ARGS__}) / sizeof (godwit_field_t), NULL})
#define GODWIT_NO_ARGS ((godwit_fields_t){NULL, 0, NULL}) /* the arguments of a call that has none */
#endif

/* Makes the arguments of a call from a map that was built. The value is borrowed. NULL: no arguments. */
static inline godwit_fields_t
godwit_fields_from (const godwit_value_t *map)
{
    godwit_fields_t fields = {NULL, 0, map};
    return fields;
}

/* Makes a field from a value, for C++ and wherever a single field is needed. The value is borrowed. */
static inline godwit_field_t
godwit_field_from (const godwit_value_t *value)
{
    godwit_field_t field = {NULL, GODWIT_TYPE_VALUE, 0, {false}};
    field.as.value = value;
    return field;
}

/* ---- values ---- */

/* Makes a value from one field. The field's name is ignored. *value belongs to the caller
 * (godwit_value_unref). INVALID_ARGUMENT with the path of what is wrong, LIMIT_EXCEEDED, OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_value_new (godwit_value_t **value, godwit_field_t field,
                                                godwit_error_t **error);
/* Makes a map from fields: the usual way to make a request context. Otherwise as godwit_value_new. */
GODWIT_EXPORT godwit_status_t godwit_value_new_map (godwit_value_t **value, godwit_fields_t fields,
                                                    godwit_error_t **error);
/* Makes a value that stands for an object of the program. A serializer turns it into a map, for example,
 * before it is sent, and makes it from what was received (contract 9). It cannot be built into another value.
 * Sending it without a serializer is TYPE_MISMATCH. The arguments that a handler sees may contain such
 * values. Two of them are equal if they stand for the same object. destroy may be NULL. It runs on the thread
 * that drops the last reference, and also if this function fails. *value belongs to the caller.
 * OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_value_new_object (godwit_value_t **value, void *object,
                                                       void (*destroy) (void *object),
                                                       godwit_error_t **error);
/* Returns the object that a value stands for; NULL if it stands for none. Borrowed. */
GODWIT_EXPORT void *godwit_value_as_object (const godwit_value_t *value);
/* Makes a value of binary data that stays where it is. Neither this function copies the bytes nor, from 8 KiB
 * on, a call, cast, fanout or reply that sends the value: GODWIT_VALUE ("image", image), or godwit_field_from
 * (image). (Drivers that cannot send several pieces of memory at once, inproc and the one on libzmq, copy
 * them once.) free_fn (data, hint) is called exactly once, when the last reference has gone, and also if this
 * function fails. Until then the bytes must not change. What was sent has a reference of its own until the
 * system has taken the bytes, which may be long after the call: that ends at its deadline in any case. So
 * free_fn may run on any thread, also one of the library's. It must return soon, and of Godwit's functions
 * may call godwit_value_unref only. NULL: the bytes live as long as the process. *value belongs to the
 * caller. INVALID_ARGUMENT (data is NULL, size is not 0), LIMIT_EXCEEDED (more than 4 GiB), OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_value_new_bin (godwit_value_t **value, const void *data, size_t size,
                                                    void (*free_fn) (void *data, void *hint), void *hint,
                                                    godwit_error_t **error);
/* Adds a reference to a value and returns it. It may be a part of another value: a part that is referenced
 * keeps the whole alive. */
GODWIT_EXPORT godwit_value_t *godwit_value_ref (const godwit_value_t *value);
/* Drops a reference to a value and sets *value to NULL. Accepts NULL and a pointer to NULL. */
GODWIT_EXPORT void godwit_value_unref (godwit_value_t **value);

/* ---- reading a value ---- */

/* NULL is read as nil. A typed getter (godwit_value_get_int and the like) returns TYPE_MISMATCH ("expected
 * int, got str") if the value is of another type; *out is then untouched. A short form (godwit_value_as_int
 * and the like) returns the fallback then. As a double, an INT is accepted, too, if it converts exactly. What
 * a pointer points to is borrowed from the value. */

/* Returns the type of a value; NIL for NULL. */
GODWIT_EXPORT godwit_type_t godwit_value_type (const godwit_value_t *value);
/* Returns the number of elements of a list or map, or of bytes of a str or bin. 0 for all other types. */
GODWIT_EXPORT size_t godwit_value_count (const godwit_value_t *value);
/* Reads a value that is a bool. */
GODWIT_EXPORT godwit_status_t godwit_value_get_bool (const godwit_value_t *value, bool *out,
                                                     godwit_error_t **error);
/* Reads a value that is a signed integer. */
GODWIT_EXPORT godwit_status_t godwit_value_get_int (const godwit_value_t *value, int64_t *out,
                                                    godwit_error_t **error);
/* Reads a value that is an unsigned integer: a UINT, or an INT that is not negative. */
GODWIT_EXPORT godwit_status_t godwit_value_get_uint (const godwit_value_t *value, uint64_t *out,
                                                     godwit_error_t **error);
/* Reads a value that is a double. */
GODWIT_EXPORT godwit_status_t godwit_value_get_double (const godwit_value_t *value, double *out,
                                                       godwit_error_t **error);
/* Reads a value that is a string. It ends with a NUL; godwit_value_count is its size in bytes. */
GODWIT_EXPORT godwit_status_t godwit_value_get_str (const godwit_value_t *value, const char **out,
                                                    godwit_error_t **error);
/* Reads a value that is binary data of *size bytes. */
GODWIT_EXPORT godwit_status_t godwit_value_get_bin (const godwit_value_t *value, const void **out,
                                                    size_t *size, godwit_error_t **error);
/* Returns a value as an integer, or a fallback. */
GODWIT_EXPORT int64_t godwit_value_as_int (const godwit_value_t *value, int64_t fallback);
/* Returns a value as a double, or a fallback. */
GODWIT_EXPORT double godwit_value_as_double (const godwit_value_t *value, double fallback);
/* Returns a value as a bool, or a fallback. */
GODWIT_EXPORT bool godwit_value_as_bool (const godwit_value_t *value, bool fallback);
/* Returns a value as a string, or a fallback. */
GODWIT_EXPORT const char *godwit_value_as_str (const godwit_value_t *value, const char *fallback);
/* Returns an element of a list, or the value of an entry of a map, by its index; NULL if there is none. */
GODWIT_EXPORT const godwit_value_t *godwit_value_at (const godwit_value_t *value, size_t index);
/* Returns the key of an entry of a map by its index; NULL if there is none. */
GODWIT_EXPORT const char *godwit_value_key_at (const godwit_value_t *value, size_t index);
/* Returns the value of an entry of a map by its key; NULL if there is none, or if the value is no map. */
GODWIT_EXPORT const godwit_value_t *godwit_value_get (const godwit_value_t *map, const char *key);
/* Tells whether two values have the same type and content. The order of maps does not matter. */
GODWIT_EXPORT bool godwit_value_equal (const godwit_value_t *a, const godwit_value_t *b);
/* Prints a value on one line, as JSON, with binary data as hex. The text is cut with "..." at size - 1 bytes.
 * Returns the length of the whole text. */
GODWIT_EXPORT size_t godwit_value_print (const godwit_value_t *value, char *text, size_t size);

/* ---- builder ---- */

/* A builder makes one value whose shape is known at run time. After the first error all later calls do
 * nothing, so check once, at godwit_builder_finish. name is the key in a map; elsewhere it is ignored and may
 * be NULL. */
typedef struct godwit_builder godwit_builder_t;

/* Makes a builder. Returns NULL if memory is short. All functions below accept that NULL, and then
 * godwit_builder_finish returns OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_builder_t *godwit_builder_new (void);
/* Destroys a builder without making a value. Accepts NULL and a pointer to NULL; sets *builder to NULL. */
GODWIT_EXPORT void godwit_builder_destroy (godwit_builder_t **builder);
/* Adds a nil to a builder. */
GODWIT_EXPORT void godwit_builder_nil (godwit_builder_t *builder, const char *name);
/* Adds a bool to a builder. */
GODWIT_EXPORT void godwit_builder_bool (godwit_builder_t *builder, const char *name, bool value);
/* Adds a signed integer to a builder. */
GODWIT_EXPORT void godwit_builder_int (godwit_builder_t *builder, const char *name, int64_t value);
/* Adds an unsigned integer to a builder. */
GODWIT_EXPORT void godwit_builder_uint (godwit_builder_t *builder, const char *name, uint64_t value);
/* Adds a double to a builder. */
GODWIT_EXPORT void godwit_builder_double (godwit_builder_t *builder, const char *name, double value);
/* Adds a string that ends with a NUL to a builder. */
GODWIT_EXPORT void godwit_builder_str (godwit_builder_t *builder, const char *name, const char *value);
/* Adds a string of size bytes to a builder. */
GODWIT_EXPORT void godwit_builder_strn (godwit_builder_t *builder, const char *name, const char *value,
                                        size_t size);
/* Adds binary data of size bytes to a builder. */
GODWIT_EXPORT void godwit_builder_bin (godwit_builder_t *builder, const char *name, const void *value,
                                       size_t size);
/* Adds a copy of a value to a builder; NULL is nil. */
GODWIT_EXPORT void godwit_builder_value (godwit_builder_t *builder, const char *name,
                                         const godwit_value_t *value);
/* Begins a map in a builder, until godwit_builder_close. */
GODWIT_EXPORT void godwit_builder_open_map (godwit_builder_t *builder, const char *name);
/* Begins a list in a builder, until godwit_builder_close. */
GODWIT_EXPORT void godwit_builder_open_list (godwit_builder_t *builder, const char *name);
/* Ends the map or list that a builder began last. */
GODWIT_EXPORT void godwit_builder_close (godwit_builder_t *builder);
/* Makes the value of a builder, and consumes the builder (always, also on error): *builder_p is then NULL.
 * *value belongs to the caller. INVALID_ARGUMENT (a map or list is still open, a key is missing or there
 * twice, or nothing was built), LIMIT_EXCEEDED, OUT_OF_MEMORY. */
GODWIT_EXPORT godwit_status_t godwit_builder_finish (godwit_builder_t **builder_p, godwit_value_t **value,
                                                     godwit_error_t **error);

/* ---- slots: from a map into a struct ---- */

typedef struct godwit_bytes {
    const void *data;
    size_t size;
} godwit_bytes_t;

/* A number with a name, of a slot that is an enum. */
typedef struct godwit_name {
    const char *name;
    int64_t number; /* fits the member */
} godwit_name_t;

/* How the member of a slot holds its value. */
typedef enum godwit_form {
    GODWIT_FORM_PLAIN, /* a bool, a number, or a pointer into the map */
    GODWIT_FORM_CHARS, /* an array of char: a copy of a str, with a NUL at its end */
    GODWIT_FORM_ENUM,  /* an integer: the number of a name, which comes as a str */
    GODWIT_FORM_STRUCT /* a struct, which is filled from a map by slots of its own */
} godwit_form_t;

/* A member of a struct that is filled from a map. Make the rows of a static const table with the macros
 * below, which check the type of the member. */
typedef struct godwit_slot {
    const char *name;
    godwit_type_t type; /* VALUE: any type is accepted */
    bool optional;      /* the entry may be absent or nil; then the member stays as it was */
    size_t offset;
    size_t size; /* of the member; of an array: of one element */
    godwit_form_t form;
    bool tells_presence; /* the bool at presence_offset becomes whether the entry was there */
    size_t presence_offset;
    size_t limit;        /* not 0: the member is an array of so many elements, and the value is a list ... */
    size_t count_offset; /* ... whose number of elements the size_t at this offset becomes */
    const godwit_name_t *names;      /* of an ENUM */
    const struct godwit_slot *slots; /* of a STRUCT */
    size_t table_count;              /* how many names or slots */
    const char *doc;                 /* one line about it, for whoever asks (contract 16); NULL: none */
} godwit_slot_t;

#ifndef __cplusplus
/* Makes a slot (godwit_slot_t) for a member: GODWIT_SLOT (struct add_args, a). The slot has the type of the
 * member in C: bool, an integer of any width, float, double, const char *, char[n], godwit_bytes_t or const
 * godwit_value_t * (any value). Any other type does not compile. A number that the member cannot hold is
 * TYPE_MISMATCH; a float is rounded, and must hold an integer exactly. A text that is longer than n - 1 bytes
 * is LIMIT_EXCEEDED, and one with a NUL in it TYPE_MISMATCH.
 *
 * This and the other macros for slots take GODWIT_OPTIONAL or GODWIT_PRESENT as a last argument. */
#define GODWIT_SLOT(struct_, ...) GODWIT_SLOT_ (struct_, __VA_ARGS__, .limit = 0)
#define GODWIT_SLOT_(struct_, member_, ...)                                                                  \
    {                                                                                                        \
        .name = #member_, .type = GODWIT_SLOT_TYPE_ (((struct_ *) 0)->member_),                              \
        .form = GODWIT_SLOT_FORM_ (((struct_ *) 0)->member_), .offset = offsetof (struct_, member_),         \
        .size = sizeof (((struct_ *) 0)->member_), __VA_ARGS__                                               \
    }
/* Lets the entry of a slot be absent or nil: GODWIT_SLOT (struct args, limit, GODWIT_OPTIONAL). The member
 * stays as it was then: in the arguments of a method, 0. */
#define GODWIT_OPTIONAL .optional = true
/* Makes a slot optional, with a bool of the struct that tells whether it was there: GODWIT_SLOT (struct
 * args, port, GODWIT_PRESENT (struct args, has_port)). */
#define GODWIT_PRESENT(struct_, bool_)                                                                       \
    .optional = true, .tells_presence = _Generic (&((struct_ *) 0)->bool_, bool *: true),                    \
    .presence_offset = offsetof (struct_, bool_)
/* Makes a slot (godwit_slot_t) for a member that may be absent from the map. Otherwise as GODWIT_SLOT. */
#define GODWIT_SLOT_OPTIONAL(struct_, member_) GODWIT_SLOT (struct_, member_, .optional = true)
/* Makes a slot (godwit_slot_t) for an enum, or another integer, that is given by name: GODWIT_SLOT_ENUM
 * (struct args, color, colors). names_ is a static const array of godwit_name_t. Another name is
 * TYPE_MISMATCH; the error lists the names. */
#define GODWIT_SLOT_ENUM(struct_, member_, ...)                                                              \
    GODWIT_SLOT_ENUM_ (struct_, member_, __VA_ARGS__, .offset = offsetof (struct_, member_))
#define GODWIT_SLOT_ENUM_(struct_, member_, names_, ...)                                                     \
    {                                                                                                        \
        .name = #member_, .type = GODWIT_SLOT_INTEGER_ (((struct_ *) 0)->member_, GODWIT_TYPE_STR),          \
        .form = GODWIT_FORM_ENUM, .size = sizeof (((struct_ *) 0)->member_), .names = (names_),              \
        .table_count = sizeof (names_) / sizeof ((names_)[0]), __VA_ARGS__                                   \
    }
/* Makes a slot (godwit_slot_t) for any list. The member is a const godwit_value_t *, borrowed from the map.
 */
#define GODWIT_SLOT_LIST(struct_, ...) GODWIT_SLOT_VALUE_ (struct_, GODWIT_TYPE_LIST, __VA_ARGS__, .limit = 0)
/* Makes a slot (godwit_slot_t) for any map. The member is a const godwit_value_t *, borrowed from the whole.
 */
#define GODWIT_SLOT_MAP(struct_, ...) GODWIT_SLOT_VALUE_ (struct_, GODWIT_TYPE_MAP, __VA_ARGS__, .limit = 0)
#define GODWIT_SLOT_VALUE_(struct_, type_, member_, ...)                                                       \
    {                                                                                                          \
        .name = #member_, .type = _Generic (&((struct_ *) 0)->member_, const godwit_value_t **: (type_)),    \
        .offset = offsetof (struct_, member_), .size = sizeof (void *), __VA_ARGS__ \
    }
/* Makes a slot (godwit_slot_t) for a struct within the struct, from a map: GODWIT_SLOT_STRUCT (struct args,
 * from, point_slots). slots_ is a static const array of godwit_slot_t. */
#define GODWIT_SLOT_STRUCT(struct_, member_, ...)                                                            \
    GODWIT_SLOT_STRUCT_ (struct_, member_, __VA_ARGS__, .offset = offsetof (struct_, member_))
#define GODWIT_SLOT_STRUCT_(struct_, member_, slots_, ...)                                                   \
    {                                                                                                        \
        .name = #member_, .type = GODWIT_TYPE_MAP, .form = GODWIT_FORM_STRUCT,                               \
        .size = sizeof (((struct_ *) 0)->member_), .slots = (slots_),                                        \
        .table_count = sizeof (slots_) / sizeof ((slots_)[0]), __VA_ARGS__                                   \
    }
/* Makes a slot (godwit_slot_t) for an array whose elements GODWIT_SLOT could be for, from a list:
 * GODWIT_SLOT_ARRAY (struct args, ports, port_count). The member count_, a size_t, becomes their number. More
 * elements than the array has are LIMIT_EXCEEDED. */
#define GODWIT_SLOT_ARRAY(struct_, member_, ...)                                                             \
    GODWIT_SLOT_ARRAY_ (struct_, member_, __VA_ARGS__, .offset = offsetof (struct_, member_))
#define GODWIT_SLOT_ARRAY_(struct_, member_, count_, ...)                                                    \
    {                                                                                                        \
        .name = #member_, .type = GODWIT_SLOT_TYPE_ (((struct_ *) 0)->member_[0]),                           \
        .form = GODWIT_SLOT_FORM_ (((struct_ *) 0)->member_[0]),                                             \
        GODWIT_SLOT_LIMIT_ (struct_, member_, count_), __VA_ARGS__                                           \
    }
/* Makes a slot (godwit_slot_t) for an array of enums, from a list of names. As GODWIT_SLOT_ARRAY and
 * GODWIT_SLOT_ENUM: GODWIT_SLOT_ENUMS (struct args, colors, color_count, color_names). */
#define GODWIT_SLOT_ENUMS(struct_, member_, count_, ...)                                                     \
    GODWIT_SLOT_ENUMS_ (struct_, member_, count_, __VA_ARGS__, .offset = offsetof (struct_, member_))
#define GODWIT_SLOT_ENUMS_(struct_, member_, count_, names_, ...)                                            \
    {                                                                                                        \
        .name = #member_, .type = GODWIT_SLOT_INTEGER_ (((struct_ *) 0)->member_[0], GODWIT_TYPE_STR),       \
        .form = GODWIT_FORM_ENUM, .names = (names_), .table_count = sizeof (names_) / sizeof ((names_)[0]),  \
        GODWIT_SLOT_LIMIT_ (struct_, member_, count_), __VA_ARGS__                                           \
    }
/* Makes a slot (godwit_slot_t) for an array of structs, from a list of maps. As GODWIT_SLOT_ARRAY and
 * GODWIT_SLOT_STRUCT: GODWIT_SLOT_STRUCTS (struct args, points, point_count, point_slots). */
#define GODWIT_SLOT_STRUCTS(struct_, member_, count_, ...)                                                   \
    GODWIT_SLOT_STRUCTS_ (struct_, member_, count_, __VA_ARGS__, .offset = offsetof (struct_, member_))
#define GODWIT_SLOT_STRUCTS_(struct_, member_, count_, slots_, ...)                                          \
    {                                                                                                        \
        .name = #member_, .type = GODWIT_TYPE_MAP, .form = GODWIT_FORM_STRUCT, .slots = (slots_),            \
        .table_count = sizeof (slots_) / sizeof ((slots_)[0]),                                               \
        GODWIT_SLOT_LIMIT_ (struct_, member_, count_), __VA_ARGS__                                           \
    }

/* The rest are parts of the macros above. What is no array, or no size_t, does not compile in the first. */
#define GODWIT_SLOT_LIMIT_(struct_, member_, count_)                                                         \
    .size = sizeof (((struct_ *) 0)->member_[0]),                                                            \
    .limit = _Generic(                                                                                       \
        &((struct_ *) 0)->member_,                                                                           \
        __typeof__ (((struct_ *) 0)->member_[0]) (*)[GODWIT_SLOT_ELEMENTS_ (((struct_ *) 0)->member_)]       \
        : GODWIT_SLOT_ELEMENTS_ (((struct_ *) 0)->member_)),                                                 \
    .count_offset = _Generic(&((struct_ *) 0)->count_, size_t *                                              \
                             : offsetof (struct_, count_))
#define GODWIT_SLOT_ELEMENTS_(array_) (sizeof (array_) / sizeof ((array_)[0]))
#define GODWIT_SLOT_TYPE_(member_)                                                                           \
    _Generic (&(member_),                                                                                    \
        bool *: GODWIT_TYPE_BOOL,                                                                            \
        signed char *: GODWIT_TYPE_INT,                                                                      \
        short *: GODWIT_TYPE_INT,                                                                            \
        int *: GODWIT_TYPE_INT,                                                                              \
        long *: GODWIT_TYPE_INT,                                                                             \
        long long *: GODWIT_TYPE_INT,                                                                        \
        unsigned char *: GODWIT_TYPE_UINT,                                                                   \
        unsigned short *: GODWIT_TYPE_UINT,                                                                  \
        unsigned int *: GODWIT_TYPE_UINT,                                                                    \
        unsigned long *: GODWIT_TYPE_UINT,                                                                   \
        unsigned long long *: GODWIT_TYPE_UINT,                                                              \
        float *: GODWIT_TYPE_DOUBLE,                                                                         \
        double *: GODWIT_TYPE_DOUBLE,                                                                        \
        const char **: GODWIT_TYPE_STR,                                                                      \
        char (*)[sizeof (member_)]: GODWIT_TYPE_STR,                                                         \
        godwit_bytes_t *: GODWIT_TYPE_BIN,                                                                   \
        const godwit_value_t **: GODWIT_TYPE_VALUE)
#define GODWIT_SLOT_FORM_(member_)                                                                           \
    _Generic(&(member_), char (*)[sizeof (member_)] : GODWIT_FORM_CHARS, default : GODWIT_FORM_PLAIN)
#define GODWIT_SLOT_INTEGER_(member_, result_)                                                               \
    _Generic (&(member_),                                                                                    \
        signed char *: (result_),                                                                            \
        short *: (result_),                                                                                  \
        int *: (result_),                                                                                    \
        long *: (result_),                                                                                   \
        long long *: (result_),                                                                              \
        unsigned char *: (result_),                                                                          \
        unsigned short *: (result_),                                                                         \
        unsigned int *: (result_),                                                                           \
        unsigned long *: (result_),                                                                          \
        unsigned long long *: (result_))
#endif

/* Fills a struct (at base) from a map: godwit_value_unpack without the size of a slot. slot_size is sizeof
 * (godwit_slot_t) for the compiler that made the slots, by which the library knows their release.
 * INVALID_ARGUMENT for a size that is that of no release; otherwise as godwit_value_unpack. */
GODWIT_EXPORT godwit_status_t godwit_value_unpack_sized (const godwit_value_t *map,
                                                         const godwit_slot_t *slots, size_t slot_size,
                                                         size_t slot_count, void *base, const char *path,
                                                         godwit_error_t **error);

/* Fills a struct (at base) from a map. The map must have an entry for each slot that is not optional, of its
 * type and within its range, and no other entries. An error names the entry by its path, as in "args.x:
 * expected int, got str" or "args.items[2].port: expected 0 to 65535, got 70000"; path is the first part
 * ("args" for NULL). After a failure some members may have been written. Pointers that were written are
 * borrowed from the map. TYPE_MISMATCH (type, range, name of an enum), NOT_FOUND (missing), LIMIT_EXCEEDED
 * (too long for its array), INVALID_ARGUMENT (nothing of this name is expected, or a slot is wrong). */
static inline godwit_status_t
godwit_value_unpack (const godwit_value_t *map, const godwit_slot_t *slots, size_t slot_count, void *base,
                     const char *path, godwit_error_t **error)
{
    return godwit_value_unpack_sized (map, slots, sizeof (godwit_slot_t), slot_count, base, path, error);
}

GODWIT_END_DECLS

#endif
