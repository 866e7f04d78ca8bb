/* SPDX-License-Identifier: Apache-2.0 */
/* Values to bytes, by msgpack-c's packing template with an append that the compiler can see through. */
#include "src/value/msgpack/codec.h"

#include <limits.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-function"
#include <msgpack/sysdep.h>
#include <msgpack/timestamp.h>

static inline int
append (godwit__writer_t *writer, const void *data, size_t size)
{
    if (size > writer->capacity - writer->size) {
        writer->overflow = true;
        writer->capacity = writer->size; /* nothing more is written, not even what would fit */
        return -1;
    }
    memcpy (writer->data + writer->size, data, size);
    writer->size += size;
    return 0;
}

#define msgpack_pack_inline_func(name) static inline int pack##name
#define msgpack_pack_user godwit__writer_t *
#define msgpack_pack_append_buffer(user, data, size) return append (user, data, size)
#include <msgpack/pack_template.h>
#pragma GCC diagnostic pop

void
godwit__write_nil (godwit__writer_t *writer)
{
    pack_nil (writer);
}

void
godwit__write_bool (godwit__writer_t *writer, bool value)
{
    if (value)
        pack_true (writer);
    else
        pack_false (writer);
}

void
godwit__write_int (godwit__writer_t *writer, int64_t value)
{
    pack_int64 (writer, value);
}

void
godwit__write_uint (godwit__writer_t *writer, uint64_t value)
{
    pack_uint64 (writer, value);
}

void
godwit__write_double (godwit__writer_t *writer, double value)
{
    pack_double (writer, value);
}

/* A short string that fits, as most do. False: nothing was written. */
static inline bool
put_short (godwit__writer_t *writer, const char *text, size_t size)
{
    if (size > 0x1f || size >= writer->capacity - writer->size)
        return false;
    uint8_t *const at = writer->data + writer->size;
    at[0] = (uint8_t) (0xa0 | size);
    memcpy (at + 1, text, size);
    writer->size += 1 + size;
    return true;
}

void
godwit__write_str (godwit__writer_t *writer, const char *text, size_t size)
{
    if (size && put_short (writer, text, size))
        return;
    pack_str (writer, size);
    if (size)
        append (writer, text, size);
}

void
godwit__write_bin (godwit__writer_t *writer, const void *data, size_t size)
{
    pack_bin (writer, size);
    if (size)
        append (writer, data, size);
}

void
godwit__write_array (godwit__writer_t *writer, size_t count)
{
    pack_array (writer, count);
}

void
godwit__write_map (godwit__writer_t *writer, size_t count)
{
    pack_map (writer, count);
}

void
godwit__write_encoded (godwit__writer_t *writer, const void *data, size_t size)
{
    append (writer, data, size);
}

/* ---- values ---- */

void
godwit__inserts_ref (const godwit__insert_t *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        godwit__block_ref (items[i].hint);
}

void
godwit__inserts_unref (const godwit__insert_t *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        godwit__block_unref (items[i].hint);
}

/* The bytes of a string or bin, whose header was written. */
static inline void
append_bytes (godwit__writer_t *writer, const godwit_value_t *value)
{
    const size_t size = value->as.bytes.size;
    godwit__inserts_t *const inserts = writer->inserts;
    if (size < GODWIT__INSERT_SIZE || !inserts || writer->overflow) {
        if (size)
            append (writer, value->as.bytes.data, size);
        return;
    }
    godwit__block_t *const block = godwit__value_block (value);
    godwit__block_ref (block);
    inserts->items[inserts->count++] = (godwit__insert_t){.at = writer->size + inserts->shift,
                                                          .data = value->as.bytes.data,
                                                          .size = size,
                                                          .free_fn = godwit__block_let_go,
                                                          .hint = block};
    inserts->size += size;
}

void
godwit__write_value (godwit__writer_t *writer, const godwit_value_t *value)
{
    if (!value) {
        godwit__write_nil (writer);
        return;
    }
    const godwit__block_t *const kept = godwit__value_kept (value);
    if (kept) {
        append (writer, kept->encoded, kept->encoded_size);
        return;
    }
    switch ((godwit_type_t) value->type) {
    case GODWIT_TYPE_NIL:
    case GODWIT_TYPE_VALUE:
    case GODWIT_TYPE_OBJECT: /* the bound functions refuse it */
        godwit__write_nil (writer);
        return;
    case GODWIT_TYPE_BOOL:
        godwit__write_bool (writer, value->as.boolean);
        return;
    case GODWIT_TYPE_INT:
        godwit__write_int (writer, value->as.integer);
        return;
    case GODWIT_TYPE_UINT:
        godwit__write_uint (writer, value->as.unsigned_integer);
        return;
    case GODWIT_TYPE_DOUBLE:
        godwit__write_double (writer, value->as.number);
        return;
    case GODWIT_TYPE_STR:
        pack_str (writer, value->as.bytes.size);
        append_bytes (writer, value);
        return;
    case GODWIT_TYPE_BIN:
        pack_bin (writer, value->as.bytes.size);
        append_bytes (writer, value);
        return;
    case GODWIT_TYPE_LIST:
    case GODWIT_TYPE_MAP: {
        const bool map = value->type == GODWIT_TYPE_MAP;
        const godwit_value_t *const first = value - value->index + value->as.first;
        if (map)
            godwit__write_map (writer, value->count);
        else
            godwit__write_array (writer, value->count);
        for (uint32_t i = 0; i < value->count * (map ? 2 : 1); i++)
            godwit__write_value (writer, first + i); /* depth is bounded wherever values are made */
        return;
    }
    }
}

static void
write_entries (godwit__writer_t *writer, const godwit_field_t *items, size_t count)
{
    godwit__write_map (writer, count);
    for (size_t i = 0; i < count; i++) {
        godwit__write_str (writer, items[i].name, strlen (items[i].name));
        godwit__write_field (writer, &items[i]);
    }
}

void
godwit__write_field (godwit__writer_t *writer, const godwit_field_t *field)
{
    switch (field->type) {
    case GODWIT_TYPE_NIL:
        godwit__write_nil (writer);
        return;
    case GODWIT_TYPE_BOOL:
        godwit__write_bool (writer, field->as.boolean);
        return;
    case GODWIT_TYPE_INT:
        godwit__write_int (writer, field->as.integer);
        return;
    case GODWIT_TYPE_UINT:
        godwit__write_uint (writer, field->as.unsigned_integer);
        return;
    case GODWIT_TYPE_DOUBLE:
        godwit__write_double (writer, field->as.number);
        return;
    case GODWIT_TYPE_STR:
        godwit__write_str (writer, field->as.string,
                           field->size == SIZE_MAX ? strlen (field->as.string) : field->size);
        return;
    case GODWIT_TYPE_BIN:
        godwit__write_bin (writer, field->as.bytes, field->size);
        return;
    case GODWIT_TYPE_LIST:
        godwit__write_array (writer, field->size);
        for (size_t i = 0; i < field->size; i++)
            godwit__write_field (writer, &field->as.items[i]);
        return;
    case GODWIT_TYPE_MAP:
        write_entries (writer, field->as.items, field->size);
        return;
    case GODWIT_TYPE_VALUE:
        godwit__write_value (writer, field->as.value);
        return;
    case GODWIT_TYPE_OBJECT:
        return;
    }
}

void
godwit__write_fields (godwit__writer_t *writer, const godwit_fields_t *fields)
{
    if (fields->value)
        godwit__write_value (writer, fields->value);
    else
        write_entries (writer, fields->items, fields->count);
}

/* ---- checking and writing in one pass ---- */

enum { FEW_NAMES = 8, FEW_LEVELS = 4 };

static bool write_others_checked (godwit__writer_t *writer, const godwit_field_t *field, unsigned depth);

static inline bool
write_checked (godwit__writer_t *writer, const godwit_field_t *field, unsigned depth)
{
    if (field->type != GODWIT_TYPE_INT)
        return write_others_checked (writer, field, depth);
    pack_int64 (writer, field->as.integer);
    return true;
}

static bool
write_entries_checked (godwit__writer_t *writer, const godwit_field_t *items, size_t count, unsigned depth)
{
    size_t sizes[FEW_NAMES];
    if (depth >= FEW_LEVELS || count > FEW_NAMES || (count && !items))
        return false;
    godwit__write_map (writer, count);
    for (size_t i = 0; i < count; i++) {
        const char *const name = items[i].name;
        if (!name)
            return false;
        sizes[i] = strlen (name);
        for (size_t j = 0; j < i; j++)
            if (sizes[i] == sizes[j] && name[0] == items[j].name[0] &&
                memcmp (name, items[j].name, sizes[i]) == 0)
                return false;
        if (!put_short (writer, name, sizes[i]))
            godwit__write_str (writer, name, sizes[i]);
        if (!write_checked (writer, &items[i], depth + 1))
            return false;
    }
    return true;
}

static bool
write_items_checked (godwit__writer_t *writer, const godwit_field_t *field, unsigned depth)
{
    if (depth >= FEW_LEVELS || (field->size && !field->as.items))
        return false;
    godwit__write_array (writer, field->size);
    for (size_t i = 0; i < field->size && !writer->overflow; i++)
        if (!write_checked (writer, &field->as.items[i], depth + 1))
            return false;
    return true;
}

static bool
write_others_checked (godwit__writer_t *writer, const godwit_field_t *field, unsigned depth)
{
    switch (field->type) {
    case GODWIT_TYPE_NIL:
    case GODWIT_TYPE_BOOL:
    case GODWIT_TYPE_UINT:
    case GODWIT_TYPE_DOUBLE:
        break;
    case GODWIT_TYPE_STR:
    case GODWIT_TYPE_BIN:
        if (!field->as.bytes && field->size)
            return false;
        break;
    case GODWIT_TYPE_LIST:
        return write_items_checked (writer, field, depth);
    case GODWIT_TYPE_MAP:
        return write_entries_checked (writer, field->as.items, field->size, depth);
    default:
        return false; /* a value's own depth and count must be checked */
    }
    godwit__write_field (writer, field);
    return true;
}

bool
godwit__write_field_checked (godwit__writer_t *writer, const godwit_field_t *field)
{
    return write_checked (writer, field, 0) && !writer->overflow;
}

bool
godwit__write_fields_checked (godwit__writer_t *writer, const godwit_fields_t *fields)
{
    return !fields->value && write_entries_checked (writer, fields->items, fields->count, 0) &&
           !writer->overflow;
}
