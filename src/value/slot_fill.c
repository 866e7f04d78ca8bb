/* SPDX-License-Identifier: Apache-2.0 */
/* Fills one member, or one element of an array, that is no struct. */
#include "src/error/error.h"
#include "src/value/msgpack/codec.h"
#include "src/value/slots.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define TEXT_SIZE 256 /* for what goes into an error; longer texts are cut */

/* ---- errors ---- */

godwit_status_t
godwit__slot_fail (godwit_error_t **error, godwit_status_t status, const godwit__path_t *path,
                   const char *format, ...)
{
    char where[GODWIT__PATH_SIZE], what[2 * TEXT_SIZE];
    va_list arguments;
    if (!error)
        return status;
    va_start (arguments, format);
    vsnprintf (what, sizeof what, format, arguments);
    va_end (arguments);
    return godwit__error_set (error, status, "%s: %s", godwit__path_print (path, where), what);
}

const char *
godwit__slot_expects (const godwit_slot_t *slot)
{
    return slot->limit                       ? "list"
           : slot->type == GODWIT_TYPE_VALUE ? "any value"
                                             : godwit_type_name (slot->type);
}

static godwit_status_t
mismatch (godwit_error_t **error, const godwit__path_t *path, const char *expected,
          const godwit_value_t *value)
{
    return godwit__slot_fail (error, GODWIT_ERR_TYPE_MISMATCH, path, "expected %s, got %s", expected,
                              godwit_type_name (godwit_value_type (value)));
}

/* As mismatch, but it is the value itself that does not fit. */
static godwit_status_t
unfit (godwit_error_t **error, const godwit__path_t *path, const char *expected, const godwit_value_t *value)
{
    char got[TEXT_SIZE];
    if (!error)
        return GODWIT_ERR_TYPE_MISMATCH;
    godwit_value_print (value, got, sizeof got);
    return godwit__slot_fail (error, GODWIT_ERR_TYPE_MISMATCH, path, "expected %s, got %s", expected, got);
}

/* ---- numbers ---- */

static int64_t
lowest (size_t size)
{
    return size == 8 ? INT64_MIN : -(INT64_C (1) << (8 * size - 1));
}

static uint64_t
highest (size_t size, bool is_signed)
{
    const uint64_t all = size == 8 ? UINT64_MAX : (UINT64_C (1) << 8 * size) - 1;
    return is_signed ? all >> 1 : all;
}

static godwit_status_t
out_of_range (godwit_error_t **error, const godwit__path_t *path, const godwit_slot_t *slot,
              const godwit_value_t *value)
{
    char range[64];
    const bool is_signed = slot->type == GODWIT_TYPE_INT;
    snprintf (range, sizeof range, "%" PRId64 " to %" PRIu64, is_signed ? lowest (slot->size) : 0,
              highest (slot->size, is_signed));
    return unfit (error, path, range, value);
}

/* Stores an integer that is in the range of the member. */
static void
store (void *member, size_t size, uint64_t number)
{
    switch (size) {
    case 1:
        memcpy (member, &(uint8_t){(uint8_t) number}, sizeof (uint8_t));
        return;
    case 2:
        memcpy (member, &(uint16_t){(uint16_t) number}, sizeof (uint16_t));
        return;
    case 4:
        memcpy (member, &(uint32_t){(uint32_t) number}, sizeof (uint32_t));
        return;
    default:
        memcpy (member, &number, sizeof number);
    }
}

static godwit_status_t
fill_integer (const godwit_slot_t *slot, const godwit_value_t *value, void *member,
              const godwit__path_t *path, godwit_error_t **error)
{
    int64_t number;
    if (godwit_value_type (value) == GODWIT_TYPE_UINT)
        return out_of_range (error, path, slot, value);
    if (godwit_value_get_int (value, &number, NULL))
        return mismatch (error, path, "int", value);
    if (slot->size < sizeof number &&
        (number < lowest (slot->size) || number > (int64_t) highest (slot->size, true)))
        return out_of_range (error, path, slot, value);
    store (member, slot->size, (uint64_t) number);
    return GODWIT_OK;
}

static godwit_status_t
fill_unsigned (const godwit_slot_t *slot, const godwit_value_t *value, void *member,
               const godwit__path_t *path, godwit_error_t **error)
{
    uint64_t number;
    if (godwit_value_as_int (value, 0) < 0)
        return out_of_range (error, path, slot, value);
    if (godwit_value_get_uint (value, &number, NULL))
        return mismatch (error, path, "uint", value);
    if (number > highest (slot->size, false))
        return out_of_range (error, path, slot, value);
    store (member, slot->size, number);
    return GODWIT_OK;
}

static godwit_status_t
fill_double (const godwit_slot_t *slot, const godwit_value_t *value, void *member, const godwit__path_t *path,
             godwit_error_t **error)
{
    double number;
    if (godwit_value_get_double (value, &number, NULL))
        return mismatch (error, path, "double", value);
    if (slot->size == sizeof number) {
        memcpy (member, &number, sizeof number);
        return GODWIT_OK;
    }
    if (isfinite (number) && fabs (number) > (double) FLT_MAX)
        return unfit (error, path, "a number that a float can hold", value);
    const float narrow = (float) number;
    if (godwit_value_type (value) == GODWIT_TYPE_INT && (double) narrow != number)
        return unfit (error, path, "an integer that a float holds exactly", value);
    memcpy (member, &narrow, sizeof narrow);
    return GODWIT_OK;
}

/* ---- texts ---- */

static godwit_status_t
fill_chars (const godwit_slot_t *slot, const godwit_value_t *value, void *member, const godwit__path_t *path,
            godwit_error_t **error)
{
    const char *text;
    if (godwit_value_get_str (value, &text, NULL))
        return mismatch (error, path, "str", value);
    const size_t size = godwit_value_count (value);
    if (size >= slot->size)
        return godwit__slot_fail (error, GODWIT_ERR_LIMIT_EXCEEDED, path,
                                  "expected at most %zu bytes, got %zu", slot->size - 1, size);
    if (memchr (text, '\0', size))
        return unfit (error, path, "a text without NUL", value);
    memcpy (member, text, size + 1);
    return GODWIT_OK;
}

/* "one of red, green, blue" */
static void
list_names (const godwit_slot_t *slot, char text[TEXT_SIZE])
{
    size_t used = (size_t) snprintf (text, TEXT_SIZE, "one of ");
    for (size_t i = 0; i < slot->table_count && used < TEXT_SIZE; i++)
        used += (size_t) snprintf (text + used, TEXT_SIZE - used, "%s%s", i ? ", " : "", slot->names[i].name);
    if (used >= TEXT_SIZE)
        memcpy (text + TEXT_SIZE - 4, "...", 4);
}

static godwit_status_t
fill_enum (const godwit_slot_t *slot, const godwit_value_t *value, void *member, const godwit__path_t *path,
           godwit_error_t **error)
{
    char names[TEXT_SIZE];
    const bool is_text = godwit_value_type (value) == GODWIT_TYPE_STR;
    const char *const text = godwit_value_as_str (value, "");
    const size_t size = godwit_value_count (value);
    for (size_t i = 0; is_text && i < slot->table_count; i++)
        if (strlen (slot->names[i].name) == size && memcmp (slot->names[i].name, text, size) == 0) {
            store (member, slot->size, (uint64_t) slot->names[i].number);
            return GODWIT_OK;
        }
    list_names (slot, names);
    return is_text ? unfit (error, path, names, value) : mismatch (error, path, names, value);
}

/* ---- all ---- */

static godwit_status_t
fill_plain (const godwit_slot_t *slot, const godwit_value_t *value, void *member, const godwit__path_t *path,
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
    case GODWIT_TYPE_DOUBLE:
        return fill_double (slot, value, member, path, error);
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
    case GODWIT_TYPE_NIL: /* refused by the check */
    case GODWIT_TYPE_OBJECT:
        good = slot->type == GODWIT_TYPE_VALUE || godwit_value_type (value) == slot->type;
        if (good)
            memcpy (member, &value, sizeof value);
        break;
    }
    return good ? GODWIT_OK : mismatch (error, path, godwit_type_name (slot->type), value);
}

godwit_status_t
godwit__slot_fill (const godwit_slot_t *slot, const godwit_value_t *value, void *member,
                   const godwit__path_t *path, godwit_error_t **error)
{
    if (slot->form == GODWIT_FORM_CHARS)
        return fill_chars (slot, value, member, path, error);
    return slot->form == GODWIT_FORM_ENUM ? fill_enum (slot, value, member, path, error)
                                          : fill_plain (slot, value, member, path, error);
}
