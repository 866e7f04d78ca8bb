/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/output.h"

#include "tools/godwit/commands.h"

#include "src/base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define INDENT 2

/* ---- on one line ---- */

static void
print_escape (FILE *to, unsigned code)
{
    switch (code) {
    case '\n':
        fputs ("\\n", to);
        break;
    case '\t':
        fputs ("\\t", to);
        break;
    case '\r':
        fputs ("\\r", to);
        break;
    default:
        fprintf (to, "\\u%04x", code);
    }
}

/* One character; returns its bytes. */
static size_t
print_character (FILE *to, const unsigned char *at, size_t left)
{
    const size_t length = godwit__utf8_length (at, left);
    if (!length)
        fputs ("\\ufffd", to);
    else if (*at < 0x20 || *at == 0x7f)
        print_escape (to, *at);
    else if (length == 2 && *at == 0xc2 && at[1] < 0xa0)
        print_escape (to, at[1]);
    else if (*at == '"' || *at == '\\')
        fprintf (to, "\\%c", *at);
    else
        fwrite (at, 1, length, to);
    return length ? length : 1;
}

static void
print_text (FILE *to, const char *text, size_t size)
{
    const unsigned char *at = (const unsigned char *) text;
    fputc ('"', to);
    while (size) {
        const size_t length = print_character (to, at, size);
        at += length;
        size -= length;
    }
    fputc ('"', to);
}

/* The shortest that reads back as the same, and looks like a double. */
static void
print_double (FILE *to, double number)
{
    char text[40];
    if (!isfinite (number)) {
        fputs ("null", to);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf (text, sizeof text, "%.*g", digits, number);
        if (strtod (text, NULL) >= number && strtod (text, NULL) <= number)
            break;
    }
    fprintf (to, "%s%s", text, strpbrk (text, ".e") ? "" : ".0");
}

static void
print_bytes (FILE *to, const godwit_value_t *value)
{
    const void *data = NULL;
    size_t size = 0;
    godwit_value_get_bin (value, &data, &size, NULL);
    fputs ("\"0x", to);
    for (size_t i = 0; i < size; i++)
        fprintf (to, "%02x", ((const unsigned char *) data)[i]);
    fputc ('"', to);
}

static void
print_key (FILE *to, const godwit_value_t *map, size_t index)
{
    const char *const key = godwit_value_key_at (map, index);
    print_text (to, key, strlen (key));
    fputs (": ", to);
}

static void
print_elements (FILE *to, const godwit_value_t *value)
{
    const bool is_map = godwit_value_type (value) == GODWIT_TYPE_MAP;
    fputc (is_map ? '{' : '[', to);
    for (size_t i = 0; i < godwit_value_count (value); i++) {
        if (i)
            fputs (", ", to);
        if (is_map)
            print_key (to, value, i);
        output_json (to, godwit_value_at (value, i));
    }
    fputc (is_map ? '}' : ']', to);
}

void
output_json (FILE *to, const godwit_value_t *value)
{
    uint64_t number = 0;
    switch (godwit_value_type (value)) {
    case GODWIT_TYPE_BOOL:
        fputs (godwit_value_as_bool (value, false) ? "true" : "false", to);
        break;
    case GODWIT_TYPE_INT:
        fprintf (to, "%" PRId64, godwit_value_as_int (value, 0));
        break;
    case GODWIT_TYPE_UINT:
        godwit_value_get_uint (value, &number, NULL);
        fprintf (to, "%" PRIu64, number);
        break;
    case GODWIT_TYPE_DOUBLE:
        print_double (to, godwit_value_as_double (value, 0));
        break;
    case GODWIT_TYPE_STR:
        print_text (to, godwit_value_as_str (value, ""), godwit_value_count (value));
        break;
    case GODWIT_TYPE_BIN:
        print_bytes (to, value);
        break;
    case GODWIT_TYPE_LIST:
    case GODWIT_TYPE_MAP:
        print_elements (to, value);
        break;
    case GODWIT_TYPE_NIL:
    case GODWIT_TYPE_VALUE:
    case GODWIT_TYPE_OBJECT:
        fputs ("null", to);
        break;
    }
}

/* ---- on several lines ---- */

/* Whether it fits into so many columns. A part of it is enough to know that it does not. */
static bool
fits (const godwit_value_t *value, unsigned columns)
{
    char *text = NULL;
    size_t size = 0;
    if (godwit_value_count (value) > columns)
        return false;
    FILE *const to = open_memstream (&text, &size);
    if (!to)
        return true;
    output_json (to, value);
    fclose (to);
    free (text);
    return size <= columns;
}

static void
print_pretty (FILE *to, const godwit_value_t *value, unsigned width, unsigned indent)
{
    const godwit_type_t type = godwit_value_type (value);
    const size_t count = godwit_value_count (value);
    const unsigned columns = indent < width ? width - indent : 0;
    if ((type != GODWIT_TYPE_LIST && type != GODWIT_TYPE_MAP) || !count || fits (value, columns)) {
        output_json (to, value);
        return;
    }
    fprintf (to, "%c\n", type == GODWIT_TYPE_MAP ? '{' : '[');
    for (size_t i = 0; i < count; i++) {
        fprintf (to, "%*s", (int) (indent + INDENT), "");
        if (type == GODWIT_TYPE_MAP)
            print_key (to, value, i);
        print_pretty (to, godwit_value_at (value, i), width, indent + INDENT);
        fprintf (to, "%s\n", i + 1 < count ? "," : "");
    }
    fprintf (to, "%*s%c", (int) indent, "", type == GODWIT_TYPE_MAP ? '}' : ']');
}

void
output_pretty (FILE *to, const godwit_value_t *value, unsigned width)
{
    print_pretty (to, value, width, 0);
    fputc ('\n', to);
}

/* ---- the standard output ---- */

bool
output_built (const char *command, godwit_builder_t **builder)
{
    godwit_value_t *value = NULL;
    godwit_error_t *error = NULL;
    if (godwit_builder_finish (builder, &value, &error) != GODWIT_OK) {
        fprintf (stderr, "godwit %s: %s\n", command, godwit_error_message (error));
        godwit_error_destroy (&error);
        return false;
    }
    output_json (stdout, value);
    fputc ('\n', stdout);
    godwit_value_unref (&value);
    return true;
}

int
output_end (const char *command, int status)
{
    if (fflush (stdout) == 0 && !ferror (stdout))
        return status;
    if (errno == EPIPE)
        return status;
    fprintf (stderr, "godwit %s: standard output: %s\n", command, strerror (errno));
    return STATUS_FAILED;
}
