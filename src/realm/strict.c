/* SPDX-License-Identifier: Apache-2.0 */
#include "src/realm/strict.h"

#include "src/error/error.h"
#include "src/realm/certificate.h"

#include <string.h>

/* The error of what a decoder says. */
static godwit_status_t
wrap (const char *what, godwit_status_t status, godwit_error_t **reason, godwit_error_t **error)
{
    if (status == GODWIT_ERR_OUT_OF_MEMORY)
        godwit__error_set_no_memory (error);
    else
        godwit__error_set (error, status, "%s: %s", what, godwit_error_message (*reason));
    godwit_error_destroy (reason);
    return status;
}

/* The size is checked first, since the copy takes memory. *block is NULL on failure. */
static godwit_status_t
decode (godwit__block_t **block, const char *what, const uint8_t *data, size_t size,
        const godwit__limits_t *limits, godwit_error_t **error)
{
    godwit__frame_t frame;
    godwit_error_t *reason = NULL;
    *block = NULL;
    if (size == 0)
        return godwit__error_set (error, GODWIT_ERR_MALFORMED, "%s: expected bytes, got none", what);
    if (size > limits->size)
        return godwit__error_set (error, GODWIT_ERR_MALFORMED, "%s: expected at most %zu bytes, got %zu",
                                  what, limits->size, size);
    if (!godwit__frame_copy (&frame, data, size))
        return godwit__error_no_memory (error);
    const godwit_status_t status = godwit__decode_carefully (block, &frame, 0, limits, &reason);
    if (status == GODWIT_OK)
        return GODWIT_OK;
    return wrap (what, status == GODWIT_ERR_LIMIT_EXCEEDED ? GODWIT_ERR_MALFORMED : status, &reason, error);
}

/* ---- maps ---- */

godwit_status_t
godwit__strict_open (godwit__strict_t *strict, const char *what, const uint8_t *data, size_t size,
                     const godwit__limits_t *limits, size_t count, godwit_error_t **error)
{
    *strict = (godwit__strict_t){.what = what};
    const godwit_status_t status = decode (&strict->block, what, data, size, limits, error);
    if (status)
        return status;
    strict->map = godwit__block_nodes (strict->block);
    if (godwit_value_type (strict->map) == GODWIT_TYPE_MAP && godwit_value_count (strict->map) == count)
        return GODWIT_OK;
    godwit__block_unref (strict->block);
    return godwit__error_set (error, GODWIT_ERR_MALFORMED, "%s: expected a map with %zu entries", what,
                              count);
}

void
godwit__strict_wrong (godwit__strict_t *strict, const char *field, const char *expected)
{
    if (strict->field)
        return;
    strict->field = field;
    strict->expected = expected;
}

const godwit_value_t *
godwit__strict_next (godwit__strict_t *strict, const char *key)
{
    const size_t index = strict->next++;
    if (strict->field)
        return NULL;
    const char *const found = godwit_value_key_at (strict->map, index);
    const godwit_value_t *const value = godwit_value_at (strict->map, index);
    /* The key's size counts, too: it may hold a NUL. */
    if (found && strcmp (found, key) == 0 && (value - 1)->as.bytes.size == strlen (key))
        return value;
    godwit__strict_wrong (strict, key, "expected it here: the entries have one order");
    return NULL;
}

void
godwit__strict_bin (godwit__strict_t *strict, const char *key, uint8_t *to, size_t size)
{
    const godwit_value_t *const value = godwit__strict_next (strict, key);
    const void *data = NULL;
    size_t got = 0;
    memset (to, 0, size);
    if (!value)
        return;
    if (godwit_value_get_bin (value, &data, &got, NULL) || got != size)
        godwit__strict_wrong (strict, key,
                              size == GODWIT__PUBLIC_SIZE ? "expected a bin of 32 bytes"
                                                          : "expected a bin of 16 bytes");
    else
        memcpy (to, data, size);
}

bool
godwit__strict_is_number (const godwit_value_t *value, uint64_t low, uint64_t high, uint64_t *number)
{
    return godwit_value_get_uint (value, number, NULL) == GODWIT_OK && *number >= low && *number <= high;
}

uint64_t
godwit__strict_number (godwit__strict_t *strict, const char *key, uint64_t low, uint64_t high)
{
    const godwit_value_t *const value = godwit__strict_next (strict, key);
    uint64_t number = 0;
    if (!value)
        return 0;
    if (godwit__strict_is_number (value, low, high, &number))
        return number;
    godwit__strict_wrong (strict, key,
                          low ? "expected a number that is not 0" : "expected a number that is not negative");
    return 0;
}

int64_t
godwit__strict_time (godwit__strict_t *strict, const char *key)
{
    const godwit_value_t *const value = godwit__strict_next (strict, key);
    uint64_t number = 0;
    if (!value)
        return 0;
    if (godwit__strict_is_number (value, 0, GODWIT__TIME_MAX, &number))
        return (int64_t) number;
    godwit__strict_wrong (strict, key, "expected seconds since 1970, before the year 10000");
    return 0;
}

const godwit_value_t *
godwit__strict_list (godwit__strict_t *strict, const char *key)
{
    const godwit_value_t *const value = godwit__strict_next (strict, key);
    if (!value || godwit_value_type (value) == GODWIT_TYPE_LIST)
        return value;
    godwit__strict_wrong (strict, key, "expected a list");
    return NULL;
}

godwit_status_t
godwit__strict_close (godwit__strict_t *strict, godwit_error_t **error)
{
    godwit__block_unref (strict->block);
    if (!strict->field)
        return GODWIT_OK;
    return godwit__error_set (error, GODWIT_ERR_MALFORMED, "%s: %s: %s", strict->what, strict->field,
                              strict->expected);
}

const char *
godwit__strict_text (const godwit_value_t *value, size_t max)
{
    const char *text = NULL;
    if (godwit_value_get_str (value, &text, NULL))
        return NULL;
    const size_t size = godwit_value_count (value);
    return size <= max && strlen (text) == size ? text : NULL;
}

/* ---- lists of bytes ---- */

godwit_status_t
godwit__strict_bins (godwit__bin_t *bins, size_t count, const char *what, const uint8_t *data, size_t size,
                     size_t max, godwit_error_t **error)
{
    const godwit__limits_t limits = {.size = max, .depth = 1, .count = (uint32_t) count + 1};
    godwit__block_t *block = NULL;
    const godwit_status_t status = decode (&block, what, data, size, &limits, error);
    if (!block)
        return status;
    const godwit_value_t *const list = godwit__block_nodes (block);
    bool is_right = godwit_value_type (list) == GODWIT_TYPE_LIST && godwit_value_count (list) == count;
    for (size_t i = 0; is_right && i < count; i++) {
        const void *bytes = NULL;
        is_right = godwit_value_get_bin (godwit_value_at (list, i), &bytes, &bins[i].size, NULL) == GODWIT_OK;
        /* The same place in the bytes that the copy was made of; what is empty may point anywhere. */
        if (is_right)
            bins[i].data = bins[i].size ? data + ((const uint8_t *) bytes - block->frame.data) : data;
    }
    godwit__block_unref (block);
    return is_right ? GODWIT_OK
                    : godwit__error_set (error, GODWIT_ERR_MALFORMED, "%s: expected a list of %zu bin", what,
                                         count);
}
