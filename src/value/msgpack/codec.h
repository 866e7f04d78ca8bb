/* SPDX-License-Identifier: Apache-2.0 */
/* Values to msgpack bytes and back. A scan checks the structure of received bytes before msgpack-c parses
 * them. Only this folder includes msgpack.h. */
#ifndef GODWIT_SRC_VALUE_MSGPACK_CODEC_H
#define GODWIT_SRC_VALUE_MSGPACK_CODEC_H

#include <godwit/value.h>

#include "src/base/block.h"

/* A string or bin of a value is not copied from so many bytes on, if its writer has a place for inserts.
 * sendmsg takes about as long for one more piece as for its copy at 4 KiB, and 300 ns less at 8 KiB. */
#define GODWIT__INSERT_SIZE 8192

/* What a writer has not copied: each insert has a reference to the block that holds its bytes. */
typedef struct godwit__inserts {
    godwit__insert_t *items; /* the caller's, with room for as many as were measured */
    size_t count;
    size_t size;  /* bytes of all of them */
    size_t shift; /* how many bytes of the message stand in front of the writer's */
} godwit__inserts_t;

/* Another reference to the bytes of each. */
void godwit__inserts_ref (const godwit__insert_t *items, size_t count);
/* Gives all references up. */
void godwit__inserts_unref (const godwit__insert_t *items, size_t count);

/* Appends to a buffer of fixed capacity. After an overflow nothing more is written; the caller checks the
 * flag once, at the end. */
typedef struct godwit__writer {
    uint8_t *data;
    size_t size; /* without inserts */
    size_t capacity;
    bool overflow;
    godwit__inserts_t *inserts; /* NULL: all is copied */
} godwit__writer_t;

/* ---- values in memory ---- */

/* One node of a value. All nodes of a message lie in one array, the content of a block. The children of a
 * container lie next to each other (a map's as key, value, key, value). The node's index leads to its
 * block. */
struct godwit_value {
    uint8_t type;   /* godwit_type_t, never VALUE */
    uint32_t index; /* of this node in its block */
    uint32_t count; /* children of a list, entries of a map */
    union {
        bool boolean;
        int64_t integer;
        uint64_t unsigned_integer;
        double number;
        struct {
            const uint8_t *data; /* of a str: followed by a NUL */
            size_t size;
        } bytes;
        struct {
            void *pointer;
            void (*destroy) (void *object); /* if its block owns the object; NULL: nothing to do */
        } object;
        uint32_t first; /* index of the first child */
    } as;
};

/* The nodes of one message: the block's content. Their strings point into the block's bytes. A reference to
 * any node is a reference to the block. */
static inline struct godwit_value *
godwit__block_nodes (godwit__block_t *block)
{
    return (struct godwit_value *) block->content;
}

static inline godwit__block_t *
godwit__value_block (const godwit_value_t *value)
{
    const uintptr_t first = (uintptr_t) (value - value->index);
    return (godwit__block_t *) (first - offsetof (godwit__block_t, content));
}

/* The block of a whole value that has kept its encoding (so there is no object in it); NULL: it has not. */
static inline const godwit__block_t *
godwit__value_kept (const godwit_value_t *value)
{
    const godwit__block_t *const block = value->index == 0 ? godwit__value_block (value) : NULL;
    return block && block->encoded ? block : NULL;
}

/* ---- decoding ---- */

typedef struct godwit__limits {
    size_t size;    /* bytes of the body */
    uint32_t depth; /* containers inside containers */
    uint32_t count; /* nodes, keys included */
} godwit__limits_t;

/* A body wraps values: the arguments, the context. Each of them may use the public limits to the full, so a
 * body may have a few levels and nodes more. */
#define GODWIT__BODY_DEPTH (GODWIT_VALUE_MAX_DEPTH + 4)
#define GODWIT__BODY_COUNT (GODWIT_VALUE_MAX_COUNT + 64)

/* The limits of bodies; a transport sets its own size. A depth above GODWIT__BODY_DEPTH counts as
 * GODWIT__BODY_DEPTH. */
extern const godwit__limits_t godwit__default_limits;

/* What a scan found; `at` and `reason` (static text) are set on failure. */
typedef struct godwit__scan {
    uint32_t node_count;
    size_t consumed;
    size_t at;
    const char *reason;
} godwit__scan_t;

/* Walks one msgpack value at the start of data without allocating and without recursion. MALFORMED for bytes
 * that are no msgpack, for map keys that are no strings, for extension types and for a declared count that
 * exceeds the remaining bytes; LIMIT_EXCEEDED for the limits. Any input is safe. */
godwit_status_t godwit__scan (const uint8_t *data, size_t size, const godwit__limits_t *limits,
                              godwit__scan_t *result);

/* Decodes the one value that fills frame from offset to its end (bytes left over are MALFORMED). Always
 * consumes the frame. *block is in-out. It may be an unreferenced block of the caller (refs 0), which is used
 * if it has room (one node more than the value has). If it is NULL or too small, a new block from the heap
 * takes its place. On success (*block)->refs is 1 and the first node is the value. On failure *block is
 * untouched and unreferenced, though its nodes may have been written. A map with the same key twice is
 * MALFORMED. */
godwit_status_t godwit__decode (godwit__block_t **block, godwit__frame_t *frame, size_t offset,
                                const godwit__limits_t *limits, godwit_error_t **error);

/* The same, always by the scan and msgpack-c's parser. godwit__decode uses it for what the quick parser does
 * not take; tests compare both.
 */
godwit_status_t godwit__decode_carefully (godwit__block_t **block, godwit__frame_t *frame, size_t offset,
                                          const godwit__limits_t *limits, godwit_error_t **error);

/* The same for the body of a request, in the frame of *block, which is not NULL. Most methods never read the
 * context. If it is a small map of scalars, it is checked like all of the body, but its entries are not
 * filled, and (*block)->is_context_unread says so: godwit__decode_context must come before anybody looks into
 * it. *has_form: true if the value is known to be a list of a map, a string, a map and, at most, two more
 * that are strings or nil; false: it may be anything. */
godwit_status_t godwit__decode_request (godwit__block_t **block, size_t offset,
                                        const godwit__limits_t *limits, bool *has_form,
                                        godwit_error_t **error);
/* Fills the context, if it was left; offset as before. It cannot fail. One thread at a time; the values
 * beside the context may be in use meanwhile. */
void godwit__decode_context (godwit__block_t *block, size_t offset);

/* Decodes the one value in data into nodes (there are capacity of them), in a single pass: checks the limits,
 * compares keys and ends strings. A last string that has no room in data for its NUL goes into the node
 * behind the filled ones. Any input is safe. Returns the number of nodes; 0 if it does not take the value,
 * whether valid or not: then data is unchanged. */
uint32_t godwit__parse_quickly (struct godwit_value *nodes, uint32_t capacity, uint8_t *data, size_t size,
                                const godwit__limits_t *limits);
/* The same for the body of a request; *unread if it left the context, which godwit__parse_context fills. */
uint32_t godwit__parse_request (struct godwit_value *nodes, uint32_t capacity, uint8_t *data, size_t size,
                                const godwit__limits_t *limits, bool *unread);
void godwit__parse_context (struct godwit_value *nodes, uint8_t *data, size_t size);

/* Puts a NUL behind a string at the end of a frame, where no byte follows. A short string is copied to the
 * spare node. A longer one has a header of several bytes: it moves back by one, over the last header byte
 * (the first one may hold the NUL of the string before). */
static inline void
godwit__end_last_string (struct godwit_value *node, uint8_t *data, struct godwit_value *spare)
{
    const size_t size = node->as.bytes.size;
    uint8_t *const to = size < sizeof *spare ? (uint8_t *) spare : data - 1;
    memmove (to, data, size);
    to[size] = '\0';
    node->as.bytes.data = to;
}

static inline bool
godwit__same_key (const struct godwit_value *a, const struct godwit_value *b)
{
    const size_t size = a->as.bytes.size;
    return size == b->as.bytes.size && a->as.bytes.data[0] == b->as.bytes.data[0] &&
           memcmp (a->as.bytes.data, b->as.bytes.data, size) == 0;
}

/* Makes a value from the encoding that the writer holds. The writer's bytes are from malloc and are always
 * consumed. The public limits hold. */
godwit_status_t godwit__value_from (godwit_value_t **value, const godwit__writer_t *writer,
                                    godwit_error_t **error);

/* The status for a value that should be a map: an object needs a serializer, anything else is a mistake. */
static inline godwit_status_t
godwit__not_a_map (const godwit_value_t *value)
{
    return godwit_value_type (value) == GODWIT_TYPE_OBJECT ? GODWIT_ERR_TYPE_MISMATCH
                                                           : GODWIT_ERR_INVALID_ARGUMENT;
}

/* ---- keys ---- */

typedef struct godwit__key {
    const void *data;
    size_t size;
} godwit__key_t;

/* Returns a key that is there twice, or NULL. Sorts many keys: O(n log n) for any input. */
const godwit__key_t *godwit__key_repeated (godwit__key_t *keys, size_t count);

/* ---- encoding ---- */

void godwit__write_nil (godwit__writer_t *writer);
void godwit__write_bool (godwit__writer_t *writer, bool value);
void godwit__write_int (godwit__writer_t *writer, int64_t value);
void godwit__write_uint (godwit__writer_t *writer, uint64_t value);
void godwit__write_double (godwit__writer_t *writer, double value);
void godwit__write_str (godwit__writer_t *writer, const char *text, size_t size);
void godwit__write_bin (godwit__writer_t *writer, const void *data, size_t size);
void godwit__write_array (godwit__writer_t *writer, size_t count);
void godwit__write_map (godwit__writer_t *writer, size_t count);
/* Appends what was encoded before. */
void godwit__write_encoded (godwit__writer_t *writer, const void *data, size_t size);
/* NULL is nil. */
void godwit__write_value (godwit__writer_t *writer, const godwit_value_t *value);
/* Writes a field's value without its name; writes fields as a map with their names. A bound function must
 * have checked them before. */
void godwit__write_field (godwit__writer_t *writer, const godwit_field_t *field);
void godwit__write_fields (godwit__writer_t *writer, const godwit_fields_t *fields);

/* The same without a bound function before: one pass instead of two for calls of usual size. True: all is
 * right, and was written. False: something is wrong, does not fit, or is so large that a bound function must
 * check it; what was written is of no use then. */
bool godwit__write_field_checked (godwit__writer_t *writer, const godwit_field_t *field);
bool godwit__write_fields_checked (godwit__writer_t *writer, const godwit_fields_t *fields);

/* Checks names, types, NULLs, depth and count, and adds to *bound how many bytes the encoding takes at the
 * most. INVALID_ARGUMENT or LIMIT_EXCEEDED with the path of what is wrong; path ("args") is its first part.
 * No allocation on success. Duplicate names are INVALID_ARGUMENT (see godwit__key_repeated). */
godwit_status_t godwit__fields_bound (const godwit_fields_t *fields, const char *path, size_t *bound,
                                      godwit_error_t **error);
godwit_status_t godwit__field_bound (const godwit_field_t *field, const char *path, size_t *bound,
                                     godwit_error_t **error);
/* How many bytes an encoding takes, in all and of what a writer would insert. */
typedef struct godwit__measure {
    size_t bound; /* in all, at the most */
    size_t insert_count;
    size_t insert_size; /* of the bytes in bound */
} godwit__measure_t;

/* As the two before, for a writer with inserts. They write *measure. */
godwit_status_t godwit__fields_measure (const godwit_fields_t *fields, const char *path,
                                        godwit__measure_t *measure, godwit_error_t **error);
godwit_status_t godwit__field_measure (const godwit_field_t *field, const char *path,
                                       godwit__measure_t *measure, godwit_error_t **error);
/* As a bound function, for a value. Only an object in it can be wrong: then 0. NULL is nil. */
size_t godwit__value_bound (const godwit_value_t *value);

#endif
