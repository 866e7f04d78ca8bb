/* SPDX-License-Identifier: Apache-2.0 */
#include "src/delivery/spool_name.h"

#include <stdlib.h>
#include <string.h>

/* ---- joining ---- */

/* A byte that stands for itself. */
static bool
is_plain (unsigned char byte)
{
    return byte > 0x20 && byte != '%' && byte != '/' && byte != 0x7f;
}

static char *
put_part (char *to, const char *part)
{
    static const char digits[] = "0123456789ABCDEF";
    for (const unsigned char *at = (const unsigned char *) part; *at; at++) {
        if (is_plain (*at)) {
            *to++ = (char) *at;
            continue;
        }
        *to++ = '%';
        *to++ = digits[*at >> 4];
        *to++ = digits[*at & 15];
    }
    return to;
}

char *
godwit__spool_name_join (const char *const *parts, size_t count)
{
    size_t size = count + 1;
    for (size_t i = 0; i < count; i++)
        size += 3 * strlen (parts[i]);
    char *const name = malloc (size);
    if (!name)
        return NULL;
    char *to = name;
    for (size_t i = 0; i < count; i++) {
        to = put_part (to, parts[i]);
        *to++ = '/';
    }
    *(to - (count > 0)) = '\0';
    return name;
}

/* ---- splitting ---- */

static int
digit_of (char digit)
{
    return digit >= '0' && digit <= '9' ? digit - '0' : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* Decodes a part in place. False: it is malformed. */
static bool
decode (char *part)
{
    char *to = part;
    for (const char *at = part; *at; at++) {
        if (*at != '%') {
            *to++ = *at;
            continue;
        }
        const int high = digit_of (at[1]), low = high >= 0 ? digit_of (at[2]) : -1;
        if (low < 0 || (high == 0 && low == 0))
            return false;
        *to++ = (char) (high << 4 | low);
        at += 2;
    }
    *to = '\0';
    return true;
}

bool
godwit__spool_name_split (char *name, const char *first, const char **parts, size_t count)
{
    size_t found = 0;
    for (char *part = name; part; found++) {
        char *const slash = strchr (part, '/');
        if (slash)
            *slash = '\0';
        if (found == count || !decode (part))
            return false;
        parts[found] = part;
        part = slash ? slash + 1 : NULL;
    }
    return found == count && strcmp (parts[0], first) == 0;
}
