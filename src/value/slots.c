/* SPDX-License-Identifier: Apache-2.0 */
/* Fills a struct from a map. */
#include "src/base/path.h"
#include "src/error/error.h"
#include "src/error/struct_size.h"
#include "src/value/msgpack/codec.h"

#include <stdio.h>

static godwit_status_t
fail (godwit_error_t **error, godwit_status_t status, const char *path, const char *name, const char *what,
      const char *detail)
{
    char text[GODWIT__PATH_SIZE];
    const godwit__path_t root = {NULL, path ? path : "args", 0};
    const godwit__path_t entry = {&root, name, 0};
    if (!error)
        return status;
    return godwit__error_set (error, status, "%s: %s%s", godwit__path_print (name ? &entry : &root, text),
                              what, detail);
}

static godwit_status_t
mismatch (godwit_error_t **error, const char *path, const godwit_slot_t *slot, const godwit_value_t *value)
{
    char what[64];
    snprintf (what, sizeof what, "expected %s, got ", godwit_type_name (slot->type));
    return fail (error, GODWIT_ERR_TYPE_MISMATCH, path, slot->name, what,
                 godwit_type_name (godwit_value_type (value)));
}

static godwit_status_t
out_of_range (godwit_error_t **error, const char *path, const godwit_slot_t *slot, const char *type)
{
    return fail (error, GODWIT_ERR_TYPE_MISMATCH, path, slot->name, "the number is out of the range of ",
                 type);
}

static godwit_status_t
fill_integer (const godwit_slot_t *slot, const godwit_value_t *value, void *member, const char *path,
              godwit_error_t **error)
{
    int64_t number;
    if (godwit_value_type (value) == GODWIT_TYPE_UINT)
        return out_of_range (error, path, slot, slot->size == 4 ? "int32" : "int64");
    if (godwit_value_get_int (value, &number, NULL))
        return mismatch (error, path, slot, value);
    if (slot->size == sizeof number) {
        memcpy (member, &number, sizeof number);
        return GODWIT_OK;
    }
    if (number < INT32_MIN || number > INT32_MAX)
        return out_of_range (error, path, slot, "int32");
    const int32_t narrow = (int32_t) number;
    memcpy (member, &narrow, sizeof narrow);
    return GODWIT_OK;
}

static godwit_status_t
fill_unsigned (const godwit_slot_t *slot, const godwit_value_t *value, void *member, const char *path,
               godwit_error_t **error)
{
    uint64_t number;
    if (godwit_value_as_int (value, 0) < 0)
        return out_of_range (error, path, slot, slot->size == 4 ? "uint32" : "uint64");
    if (godwit_value_get_uint (value, &number, NULL))
        return mismatch (error, path, slot, value);
    if (slot->size == sizeof number) {
        memcpy (member, &number, sizeof number);
        return GODWIT_OK;
    }
    if (number > UINT32_MAX)
        return out_of_range (error, path, slot, "uint32");
    const uint32_t narrow = (uint32_t) number;
    memcpy (member, &narrow, sizeof narrow);
    return GODWIT_OK;
}

static godwit_status_t
fill (const godwit_slot_t *slot, const godwit_value_t *value, void *member, const char *path,
      godwit_error_t **error)
{
    bool good = true;
    switch (slot->type) {
    case GODWIT_TYPE_BOOL: {
        bool boolean;
        good = !godwit_value_get_bool (value, &boolean, NULL);
        if (good)
            memcpy (member, &boolean, sizeof boolean);
        break;
    }
    case GODWIT_TYPE_INT:
        return fill_integer (slot, value, member, path, error);
    case GODWIT_TYPE_UINT:
        return fill_unsigned (slot, value, member, path, error);
    case GODWIT_TYPE_DOUBLE: {
        double number;
        good = !godwit_value_get_double (value, &number, NULL);
        if (good)
            memcpy (member, &number, sizeof number);
        break;
    }
    case GODWIT_TYPE_STR: {
        const char *string;
        good = !godwit_value_get_str (value, &string, NULL);
        if (good)
            memcpy (member, &string, sizeof string);
        break;
    }
    case GODWIT_TYPE_BIN: {
        godwit_bytes_t bytes;
        good = !godwit_value_get_bin (value, &bytes.data, &bytes.size, NULL);
        if (good)
            memcpy (member, &bytes, sizeof bytes);
        break;
    }
    case GODWIT_TYPE_LIST:
    case GODWIT_TYPE_MAP:
    case GODWIT_TYPE_VALUE:
        good = slot->type == GODWIT_TYPE_VALUE || godwit_value_type (value) == slot->type;
        if (good)
            memcpy (member, &value, sizeof value);
        break;
    case GODWIT_TYPE_NIL:
    default:
        return fail (error, GODWIT_ERR_INVALID_ARGUMENT, path, slot->name, "no slot can have the type ",
                     godwit_type_name (slot->type));
    }
    return good ? GODWIT_OK : mismatch (error, path, slot, value);
}

/* A table that the macros did not make could have a wrong size, and write behind the member. */
static bool
size_fits (const godwit_slot_t *slot)
{
    switch (slot->type) {
    case GODWIT_TYPE_BOOL:
        return slot->size == sizeof (bool);
    case GODWIT_TYPE_INT:
    case GODWIT_TYPE_UINT:
        return slot->size == 4 || slot->size == 8;
    case GODWIT_TYPE_DOUBLE:
        return slot->size == sizeof (double);
    case GODWIT_TYPE_BIN:
        return slot->size == sizeof (godwit_bytes_t);
    default:
        return slot->size == sizeof (void *);
    }
}

static bool
is_key (const godwit_value_t *map, size_t entry, const char *name, size_t size)
{
    const godwit_value_t *const key = map - map->index + map->as.first + 2 * entry;
    return key->as.bytes.size == size && memcmp (key->as.bytes.data, name, size) == 0;
}

/* The entry of that name; callers usually send arguments in the order of the table, so entry `guess` first.
 */
static const godwit_value_t *
find (const godwit_value_t *map, const char *name, size_t guess)
{
    const size_t size = strlen (name);
    if (!map)
        return NULL;
    if (guess < map->count && is_key (map, guess, name, size))
        return godwit_value_at (map, guess);
    for (size_t i = 0; i < map->count; i++)
        if (is_key (map, i, name, size))
            return godwit_value_at (map, i);
    return NULL;
}

static const godwit_slot_t *
slot_at (const godwit_slot_t *slots, size_t slot_size, size_t index)
{
    return (const godwit_slot_t *) (const void *) ((const char *) slots + index * slot_size);
}

/* Fails because the map has an entry without a slot: the error names it. */
static godwit_status_t
fail_unknown (const godwit_value_t *map, const godwit_slot_t *slots, size_t slot_size, size_t slot_count,
              const char *path, godwit_error_t **error)
{
    for (size_t i = 0; i < map->count; i++) {
        size_t s = 0;
        while (s < slot_count && !is_key (map, i, slot_at (slots, slot_size, s)->name,
                                          strlen (slot_at (slots, slot_size, s)->name)))
            s++;
        if (s == slot_count)
            return fail (error, GODWIT_ERR_INVALID_ARGUMENT, path, godwit_value_key_at (map, i),
                         "nothing of this name is expected", "");
    }
    return fail (error, GODWIT_ERR_INVALID_ARGUMENT, path, NULL, "a slot is there twice", "");
}

godwit_status_t
godwit_value_unpack_sized (const godwit_value_t *map, const godwit_slot_t *slots, size_t slot_size,
                           size_t slot_count, void *base, const char *path, godwit_error_t **error)
{
    if (slot_count && (!slots || !base))
        return godwit__error_null (error, slots ? "base" : "slots");
    const godwit_status_t known =
        godwit__struct_check_rows (&godwit__struct_slot, slots, slot_size, slot_count, error);
    if (known)
        return known;
    if (map && godwit_value_type (map) != GODWIT_TYPE_MAP)
        return fail (error, GODWIT_ERR_TYPE_MISMATCH, path, NULL, "expected map, got ",
                     godwit_type_name (godwit_value_type (map)));

    size_t found = 0;
    for (size_t i = 0; i < slot_count; i++) {
        const godwit_slot_t *const slot = slot_at (slots, slot_size, i);
        const godwit_value_t *const value = find (map, slot->name, i);
        if (!size_fits (slot))
            return fail (error, GODWIT_ERR_INVALID_ARGUMENT, path, slot->name,
                         "the slot's size is not that of its type: ", godwit_type_name (slot->type));
        if (!value && !slot->optional)
            return fail (error, GODWIT_ERR_NOT_FOUND, path, slot->name, "missing, expected ",
                         slot->type == GODWIT_TYPE_VALUE ? "any value" : godwit_type_name (slot->type));
        if (!value)
            continue;
        found++;
        if (slot->optional && godwit_value_type (value) == GODWIT_TYPE_NIL)
            continue;
        const godwit_status_t status = fill (slot, value, (char *) base + slot->offset, path, error);
        if (status)
            return status;
    }
    if (map && found != map->count)
        return fail_unknown (map, slots, slot_size, slot_count, path, error);
    return GODWIT_OK;
}
