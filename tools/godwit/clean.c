/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/clean.h"

#include "src/base/utf8.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* U+0080 to U+009F are control characters, too. */
static bool
is_control (const unsigned char *at, size_t length)
{
    return *at < 0x20 || *at == 0x7f || (length == 2 && at[0] == 0xc2 && at[1] < 0xa0);
}

static void
print (FILE *to, const char *text, char kept)
{
    size_t left = strlen (text), length;
    for (const unsigned char *at = (const unsigned char *) text; *at; at += length, left -= length) {
        length = godwit__utf8_length (at, left);
        if (length && (!is_control (at, length) || *at == (unsigned char) kept)) {
            fwrite (at, 1, length, to);
            continue;
        }
        length = length ? length : 1;
        for (size_t i = 0; i < length; i++)
            fprintf (to, "\\x%02x", at[i]);
    }
}

void
clean_print (FILE *to, const char *text)
{
    print (to, text, '\0');
}

void
clean_print_lines (FILE *to, const char *text)
{
    print (to, text, '\n');
}

char *
clean_line (const char *text)
{
    char *line = NULL;
    size_t size = 0;
    FILE *const to = open_memstream (&line, &size);
    if (!to)
        return NULL;
    print (to, text, '\0');
    if (fclose (to) == 0)
        return line;
    free (line);
    return NULL;
}

char *
clean_copy (const char *text)
{
    size_t left = strlen (text);
    char *const copy = malloc (4 * left + 1), *to = copy;
    for (const unsigned char *at = (const unsigned char *) text; copy && left;) {
        const size_t length = godwit__utf8_length (at, left);
        if (length)
            memcpy (to, at, length);
        else
            sprintf (to, "\\x%02x", *at);
        to += length ? length : 4;
        at += length ? length : 1;
        left -= length ? length : 1;
    }
    if (copy)
        *to = '\0';
    return copy;
}
