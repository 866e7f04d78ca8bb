/* SPDX-License-Identifier: Apache-2.0 */
/* Reading values. How they are made is in value_new.c, builder.c and value_object.c. */
#include <godwit/value.h>

#include "src/error/error.h"
#include "src/value/msgpack/codec.h"

#include <inttypes.h>

const char *
godwit_type_name (godwit_type_t type)
{
    switch (type) {
    case GODWIT_TYPE_NIL:
        return "nil";
    case GODWIT_TYPE_BOOL:
        return "bool";
    case GODWIT_TYPE_INT:
        return "int";
    case GODWIT_TYPE_UINT:
        return "uint";
    case GODWIT_TYPE_DOUBLE:
        return "double";
    case GODWIT_TYPE_STR:
        return "str";
    case GODWIT_TYPE_BIN:
        return "bin";
    case GODWIT_TYPE_LIST:
        return "list";
    case GODWIT_TYPE_MAP:
        return "map";
    case GODWIT_TYPE_VALUE:
        return "value";
    case GODWIT_TYPE_OBJECT:
        return "object";
    }
    return "unknown type";
}

/* ---- references ---- */

godwit_value_t *
godwit_value_ref (const godwit_value_t *value)
{
    if (!value)
        return NULL;
    godwit__block_ref (godwit__value_block (value));
    return (godwit_value_t *) (uintptr_t) value;
}

void
godwit_value_unref (godwit_value_t **value)
{
    if (!value || !*value)
        return;
    godwit__block_t *const block = godwit__value_block (*value);
    *value = NULL;
    godwit__block_unref (block);
}

/* ---- typed getters ---- */

godwit_type_t
godwit_value_type (const godwit_value_t *value)
{
    return value ? (godwit_type_t) value->type : GODWIT_TYPE_NIL;
}

size_t
godwit_value_count (const godwit_value_t *value)
{
    switch (godwit_value_type (value)) {
    case GODWIT_TYPE_LIST:
    case GODWIT_TYPE_MAP:
        return value->count;
    case GODWIT_TYPE_STR:
    case GODWIT_TYPE_BIN:
        return value->as.bytes.size;
    default:
        return 0;
    }
}

static godwit_status_t
mismatch (const godwit_value_t *value, godwit_type_t expected, godwit_error_t **error)
{
    return godwit__error_set (error, GODWIT_ERR_TYPE_MISMATCH, "expected %s, got %s",
                              godwit_type_name (expected), godwit_type_name (godwit_value_type (value)));
}

godwit_status_t
godwit_value_get_bool (const godwit_value_t *value, bool *out, godwit_error_t **error)
{
    if (!out)
        return godwit__error_null (error, "out");
    if (godwit_value_type (value) != GODWIT_TYPE_BOOL)
        return mismatch (value, GODWIT_TYPE_BOOL, error);
    *out = value->as.boolean;
    return GODWIT_OK;
}

godwit_status_t
godwit_value_get_int (const godwit_value_t *value, int64_t *out, godwit_error_t **error)
{
    if (!out)
        return godwit__error_null (error, "out");
    if (godwit_value_type (value) != GODWIT_TYPE_INT)
        return mismatch (value, GODWIT_TYPE_INT, error);
    *out = value->as.integer;
    return GODWIT_OK;
}

godwit_status_t
godwit_value_get_uint (const godwit_value_t *value, uint64_t *out, godwit_error_t **error)
{
    if (!out)
        return godwit__error_null (error, "out");
    const godwit_type_t type = godwit_value_type (value);
    if (type == GODWIT_TYPE_INT && value->as.integer < 0)
        return godwit__error_set (error, GODWIT_ERR_TYPE_MISMATCH, "expected uint, got int (%" PRId64 ")",
                                  value->as.integer);
    if (type != GODWIT_TYPE_UINT && type != GODWIT_TYPE_INT)
        return mismatch (value, GODWIT_TYPE_UINT, error);
    *out = value->as.unsigned_integer;
    return GODWIT_OK;
}

/* A double has 53 bits: a number converts exactly if its 1 bits lie within 53 bits. */
static bool
is_exact_as_double (uint64_t magnitude)
{
    while (magnitude && !(magnitude & 1))
        magnitude >>= 1;
    return magnitude < UINT64_C (1) << 53;
}

static bool
to_double (const godwit_value_t *value, double *out)
{
    switch (godwit_value_type (value)) {
    case GODWIT_TYPE_DOUBLE:
        *out = value->as.number;
        return true;
    case GODWIT_TYPE_INT: {
        const int64_t number = value->as.integer;
        if (!is_exact_as_double (number < 0 ? 0 - (uint64_t) number : (uint64_t) number))
            return false;
        *out = (double) number;
        return true;
    }
    case GODWIT_TYPE_UINT:
        if (!is_exact_as_double (value->as.unsigned_integer))
            return false;
        *out = (double) value->as.unsigned_integer;
        return true;
    default:
        return false;
    }
}

godwit_status_t
godwit_value_get_double (const godwit_value_t *value, double *out, godwit_error_t **error)
{
    if (!out)
        return godwit__error_null (error, "out");
    return to_double (value, out) ? GODWIT_OK : mismatch (value, GODWIT_TYPE_DOUBLE, error);
}

godwit_status_t
godwit_value_get_str (const godwit_value_t *value, const char **out, godwit_error_t **error)
{
    if (!out)
        return godwit__error_null (error, "out");
    if (godwit_value_type (value) != GODWIT_TYPE_STR)
        return mismatch (value, GODWIT_TYPE_STR, error);
    *out = (const char *) value->as.bytes.data;
    return GODWIT_OK;
}

godwit_status_t
godwit_value_get_bin (const godwit_value_t *value, const void **out, size_t *size, godwit_error_t **error)
{
    if (!out || !size)
        return godwit__error_null (error, out ? "size" : "out");
    if (godwit_value_type (value) != GODWIT_TYPE_BIN)
        return mismatch (value, GODWIT_TYPE_BIN, error);
    *out = value->as.bytes.data;
    *size = value->as.bytes.size;
    return GODWIT_OK;
}

int64_t
godwit_value_as_int (const godwit_value_t *value, int64_t fallback)
{
    return godwit_value_type (value) == GODWIT_TYPE_INT ? value->as.integer : fallback;
}

double
godwit_value_as_double (const godwit_value_t *value, double fallback)
{
    to_double (value, &fallback);
    return fallback;
}

bool
godwit_value_as_bool (const godwit_value_t *value, bool fallback)
{
    return godwit_value_type (value) == GODWIT_TYPE_BOOL ? value->as.boolean : fallback;
}

const char *
godwit_value_as_str (const godwit_value_t *value, const char *fallback)
{
    return godwit_value_type (value) == GODWIT_TYPE_STR ? (const char *) value->as.bytes.data : fallback;
}

/* ---- containers ---- */

/* The node behind `value` in its block. */
static const godwit_value_t *
child (const godwit_value_t *value, size_t index)
{
    return value - value->index + value->as.first + index;
}

const godwit_value_t *
godwit_value_at (const godwit_value_t *value, size_t index)
{
    const godwit_type_t type = godwit_value_type (value);
    if (type == GODWIT_TYPE_LIST && index < value->count)
        return child (value, index);
    if (type == GODWIT_TYPE_MAP && index < value->count)
        return child (value, 2 * index + 1);
    return NULL;
}

const char *
godwit_value_key_at (const godwit_value_t *value, size_t index)
{
    if (godwit_value_type (value) != GODWIT_TYPE_MAP || index >= value->count)
        return NULL;
    return (const char *) child (value, 2 * index)->as.bytes.data;
}

static bool
same_bytes (const godwit_value_t *value, const void *data, size_t size)
{
    return value->as.bytes.size == size && (size == 0 || memcmp (value->as.bytes.data, data, size) == 0);
}

const godwit_value_t *
godwit_value_get (const godwit_value_t *map, const char *key)
{
    if (godwit_value_type (map) != GODWIT_TYPE_MAP || !key)
        return NULL;
    const size_t size = strlen (key);
    for (size_t i = 0; i < map->count; i++)
        if (same_bytes (child (map, 2 * i), key, size))
            return child (map, 2 * i + 1);
    return NULL;
}

/* ---- equality ---- */

/* Compares bits, so that a NaN equals itself and nothing is rounded; but 0.0 equals -0.0. */
static bool
same_number (double a, double b)
{
    uint64_t a_bits, b_bits;
    memcpy (&a_bits, &a, sizeof a_bits);
    memcpy (&b_bits, &b, sizeof b_bits);
    return a_bits == b_bits || (a_bits << 1 == 0 && b_bits << 1 == 0);
}

/* Looks up each of a's entries in b. The search starts behind the last match, so maps in the same order cost
 * no search. */
static bool
same_map (const godwit_value_t *a, const godwit_value_t *b)
{
    size_t next = 0;
    for (size_t i = 0; i < a->count; i++) {
        const godwit_value_t *const key = child (a, 2 * i);
        size_t tried = 0;
        while (tried < b->count &&
               !same_bytes (child (b, 2 * next), key->as.bytes.data, key->as.bytes.size)) {
            next = next + 1 < b->count ? next + 1 : 0;
            tried++;
        }
        if (tried == b->count || !godwit_value_equal (child (a, 2 * i + 1), child (b, 2 * next + 1)))
            return false;
        next = next + 1 < b->count ? next + 1 : 0;
    }
    return true;
}

bool
godwit_value_equal (const godwit_value_t *a, const godwit_value_t *b)
{
    const godwit_type_t type = godwit_value_type (a);
    if (a == b)
        return true;
    if (type != godwit_value_type (b))
        return false;
    switch (type) {
    case GODWIT_TYPE_BOOL:
        return a->as.boolean == b->as.boolean;
    case GODWIT_TYPE_INT:
    case GODWIT_TYPE_UINT:
        return a->as.unsigned_integer == b->as.unsigned_integer;
    case GODWIT_TYPE_DOUBLE:
        return same_number (a->as.number, b->as.number);
    case GODWIT_TYPE_STR:
    case GODWIT_TYPE_BIN:
        return same_bytes (a, b->as.bytes.data, b->as.bytes.size);
    case GODWIT_TYPE_MAP:
        return a->count == b->count && same_map (a, b);
    case GODWIT_TYPE_LIST:
        if (a->count != b->count)
            return false;
        for (uint32_t i = 0; i < a->count; i++)
            if (!godwit_value_equal (child (a, i), child (b, i)))
                return false;
        return true;
    case GODWIT_TYPE_OBJECT:
        return a->as.object.pointer == b->as.object.pointer;
    case GODWIT_TYPE_NIL:
    case GODWIT_TYPE_VALUE:
        break;
    }
    return true;
}
