/* SPDX-License-Identifier: Apache-2.0 */
/* What a process of the cluster answers is only what it says: a server may lie. Texts are cleaned where they
 * are printed; what commands compute with, and print as it is, is checked here. */
#include "tools/godwit/sources.h"

#include "src/error/error.h"

#include <stdio.h>
#include <string.h>

/* Numbers lie between these, so that the differences of two, and the sums of two such differences, do not
 * overflow. The upper one, as nanoseconds since 1970, is in the year 2079. */
#define NUMBER_LOW (-(INT64_C (1) << 60))
#define NUMBER_HIGH (INT64_C (3) << 60)

static const char *
text_of (const godwit_value_t *map, const char *key)
{
    return godwit_value_as_str (godwit_value_get (map, key), "");
}

static bool
is_word (const char *text)
{
    return !text[strspn (text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")];
}

/* SIZE hexadecimal digits, as records have them. */
static bool
is_hex (const char *text, size_t size)
{
    return strlen (text) == size && strspn (text, "0123456789abcdef") == size;
}

static bool
is_nil_or_hex (const godwit_value_t *call, const char *key, size_t size)
{
    const char *const text = text_of (call, key);
    return !*text || is_hex (text, size);
}

static bool
is_in_range (const godwit_value_t *value)
{
    uint64_t large = 0;
    if (godwit_value_type (value) == GODWIT_TYPE_UINT)
        return !godwit_value_get_uint (value, &large, NULL) && large < (uint64_t) NUMBER_HIGH;
    const int64_t number = godwit_value_as_int (value, 0);
    return number > NUMBER_LOW && number < NUMBER_HIGH;
}

static bool
are_numbers_in_range (const godwit_value_t *map)
{
    for (size_t i = 0; i < godwit_value_count (map); i++)
        if (!is_in_range (godwit_value_at (map, i)))
            return false;
    return true;
}

/* The key of what is wrong with a call; NULL: nothing. */
static const char *
wrong_of (const godwit_value_t *call)
{
    const char *const side = text_of (call, "side");
    const godwit_value_t *const notes = godwit_value_get (call, "notes");
    if (strcmp (side, "client") != 0 && strcmp (side, "server") != 0)
        return "side";
    if (!is_nil_or_hex (call, "id", 16))
        return "id";
    if (!is_nil_or_hex (call, "parent", 16))
        return "parent";
    if (!is_hex (text_of (call, "trace"), 32))
        return "trace";
    if (!is_word (text_of (call, "kind")))
        return "kind";
    if (!is_word (text_of (call, "status")))
        return "status";
    if (!is_word (text_of (call, "outcome")))
        return "outcome";
    if (!are_numbers_in_range (call))
        return "a number";
    for (size_t i = 0; i < godwit_value_count (notes); i++)
        if (!are_numbers_in_range (godwit_value_at (notes, i)))
            return "notes";
    return NULL;
}

static godwit_status_t
check (const godwit_value_t *answer, godwit_error_t **error)
{
    const godwit_value_t *const calls = godwit_value_get (answer, "calls");
    if (!calls || godwit_value_type (calls) != GODWIT_TYPE_LIST)
        return godwit__error_set (error, GODWIT_ERR_MALFORMED, "calls: expected a list");
    if (!are_numbers_in_range (answer))
        return godwit__error_set (error, GODWIT_ERR_MALFORMED, "a number is out of range");
    for (size_t i = 0; i < godwit_value_count (calls); i++) {
        const char *const wrong = wrong_of (godwit_value_at (calls, i));
        if (wrong)
            return godwit__error_set (error, GODWIT_ERR_MALFORMED,
                                      "calls[%zu]: %s is out of range, or not what stands there", i, wrong);
    }
    return GODWIT_OK;
}

godwit_status_t
sources_add_answer (sources_t *sources, const godwit_value_t *answer, godwit_error_t **error)
{
    const godwit_value_t *const process = godwit_value_get (answer, "process");
    const godwit_status_t status = check (answer, error);
    source_t *const source = status ? NULL : sources_add (sources);
    if (!source)
        return status ? status : godwit__error_no_memory (error);
    snprintf (source->program, sizeof source->program, "%s", text_of (process, "program"));
    snprintf (source->host, sizeof source->host, "%s", text_of (process, "host"));
    snprintf (source->instance, sizeof source->instance, "%s", text_of (process, "instance"));
    source->pid = godwit_value_as_int (godwit_value_get (process, "pid"), 0);
    source->seen_ns = godwit_value_as_int (godwit_value_get (answer, "now"), 0);
    source->oldest_ns = godwit_value_as_int (godwit_value_get (answer, "oldest"), 0);
    source->calls = godwit_value_ref (godwit_value_get (answer, "calls"));
    return GODWIT_OK;
}
