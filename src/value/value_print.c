/* SPDX-License-Identifier: Apache-2.0 */
/* The printed form of a value: JSON on one line. What is printed may be remote, so nothing in it can control
 * a terminal: control characters are escaped, and bytes that are no UTF-8 become U+FFFD. */
#include <godwit/value.h>

#include "src/base/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct output {
    char *text;
    size_t size;
    size_t length; /* of the whole form so far */
};

static void
put (struct output *output, const char *text, size_t length)
{
    if (output->length < output->size) {
        const size_t room = output->size - output->length;
        memcpy (output->text + output->length, text, length < room ? length : room);
    }
    output->length += length;
}

static void
put_text (struct output *output, const char *text)
{
    put (output, text, strlen (text));
}

static void
put_string (struct output *output, const char *string, size_t size)
{
    put_text (output, "\"");
    for (size_t i = 0; i < size;) {
        const unsigned char *const at = (const unsigned char *) string + i;
        const size_t length = godwit__utf8_length (at, size - i);
        char escape[8];
        if (length == 0) {
            put_text (output, "\\ufffd");
        } else if (*at == '"' || *at == '\\') {
            put_text (output, *at == '"' ? "\\\"" : "\\\\");
        } else if (*at == '\n' || *at == '\t' || *at == '\r') {
            put_text (output, *at == '\n' ? "\\n" : *at == '\t' ? "\\t" : "\\r");
        } else if (*at < 0x20 || *at == 0x7f || (*at == 0xc2 && at[1] < 0xa0)) {
            snprintf (escape, sizeof escape, "\\u%04x", length == 2 ? at[1] : *at);
            put_text (output, escape);
        } else {
            put (output, string + i, length);
        }
        i += length ? length : 1;
    }
    put_text (output, "\"");
}

static void
put_hex (struct output *output, const unsigned char *data, size_t size)
{
    put_text (output, "\"");
    for (size_t i = 0; i < size; i++) {
        char pair[3];
        snprintf (pair, sizeof pair, "%02x", data[i]);
        put (output, pair, 2);
    }
    put_text (output, "\"");
}

/* The shortest form that reads back as the same number, with '.' whatever the locale. */
static void
put_double (struct output *output, double number)
{
    char text[40];
    bool plain = true;
    for (int digits = 15; digits <= 17; digits++) {
        snprintf (text, sizeof text, "%.*g", digits, number);
        const double again = strtod (text, NULL);
        if (memcmp (&again, &number, sizeof number) == 0)
            break;
    }
    char *to = text;
    for (const char *at = text; *at; at++) {
        const bool known = (*at >= '0' && *at <= '9') || *at == '-' || *at == '+' ||
                           (*at >= 'a' && *at <= 'z'); /* e, inf, nan */
        if (!known || *at == 'e' || *at == 'n')
            plain = false;
        if (known)
            *to++ = *at;
        else if (to == text || to[-1] != '.')
            *to++ = '.';
    }
    *to = '\0';
    put_text (output, text);
    if (plain)
        put_text (output, ".0");
}

static void
put_value (struct output *output, const godwit_value_t *value)
{
    char text[32];
    const size_t count = godwit_value_count (value);
    switch (godwit_value_type (value)) {
    case GODWIT_TYPE_NIL:
    case GODWIT_TYPE_VALUE:
        put_text (output, "null");
        break;
    case GODWIT_TYPE_OBJECT:
        put_text (output, "\"<object>\"");
        break;
    case GODWIT_TYPE_BOOL:
        put_text (output, godwit_value_as_bool (value, false) ? "true" : "false");
        break;
    case GODWIT_TYPE_INT:
        snprintf (text, sizeof text, "%" PRId64, godwit_value_as_int (value, 0));
        put_text (output, text);
        break;
    case GODWIT_TYPE_UINT: {
        uint64_t number = 0;
        godwit_value_get_uint (value, &number, NULL);
        snprintf (text, sizeof text, "%" PRIu64, number);
        put_text (output, text);
        break;
    }
    case GODWIT_TYPE_DOUBLE:
        put_double (output, godwit_value_as_double (value, 0));
        break;
    case GODWIT_TYPE_STR:
        put_string (output, godwit_value_as_str (value, ""), count);
        break;
    case GODWIT_TYPE_BIN: {
        const void *data = NULL;
        size_t size = 0;
        godwit_value_get_bin (value, &data, &size, NULL);
        put_hex (output, data, size);
        break;
    }
    case GODWIT_TYPE_LIST:
        put_text (output, "[");
        for (size_t i = 0; i < count; i++) {
            put_text (output, i ? ", " : "");
            put_value (output, godwit_value_at (value, i));
        }
        put_text (output, "]");
        break;
    case GODWIT_TYPE_MAP:
        put_text (output, "{");
        for (size_t i = 0; i < count; i++) {
            put_text (output, i ? ", " : "");
            put_string (output, godwit_value_key_at (value, i), strlen (godwit_value_key_at (value, i)));
            put_text (output, ": ");
            put_value (output, godwit_value_at (value, i));
        }
        put_text (output, "}");
        break;
    }
}

size_t
godwit_value_print (const godwit_value_t *value, char *text, size_t size)
{
    struct output output = {text, size, 0};
    put_value (&output, value);
    if (size == 0)
        return output.length;
    if (output.length < size) {
        text[output.length] = '\0';
        return output.length;
    }
    /* Cut, but not inside a character. */
    size_t end = size > 4 ? size - 4 : 0;
    while (end && ((unsigned char) text[end] & 0xc0) == 0x80)
        end--;
    const size_t dots = size - 1 < 3 ? size - 1 : 3;
    memcpy (text + end, "...", dots);
    text[end + dots] = '\0';
    return output.length;
}
