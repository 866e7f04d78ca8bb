/* SPDX-License-Identifier: Apache-2.0 */
#include "components/otlp/pairs.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t"

/* Cuts the blanks off both ends. */
static char *
trim (char *text)
{
    text += strspn (text, BLANKS);
    size_t size = strlen (text);
    while (size && strchr (BLANKS, text[size - 1]))
        size--;
    text[size] = '\0';
    return text;
}

static int
digit_of (char c)
{
    static const char digits[] = "0123456789abcdef";
    const char lower = (char) (c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    const char *const at = lower ? strchr (digits, lower) : NULL;
    return at ? (int) (at - digits) : -1;
}

/* Reads %XX in place. False: no two digits follow a %, or the byte is a NUL. */
static bool
decode (char *text)
{
    char *to = text;
    for (const char *from = text; *from; to++) {
        if (*from != '%') {
            *to = *from++;
            continue;
        }
        const int high = digit_of (from[1]), low = high < 0 ? -1 : digit_of (from[2]);
        if (low < 0 || high + low == 0)
            return false;
        *to = (char) (high * 16 + low);
        from += 3;
    }
    *to = '\0';
    return true;
}

static godwit_status_t
read_pair (godwit__otlp_pairs_t *pairs, char *text, const char **wrong)
{
    char *const equals = strchr (text, '=');
    *wrong = "NAME=VALUE,NAME=VALUE";
    if (!equals)
        return GODWIT_ERR_MALFORMED;
    *equals = '\0';
    const godwit__otlp_pair_t pair = {.name = trim (text), .value = trim (equals + 1)};
    if (!*pair.name)
        return GODWIT_ERR_MALFORMED;
    *wrong = "two hexadecimal digits after each %, and not 00";
    if (!decode (pair.value))
        return GODWIT_ERR_MALFORMED;
    *wrong = "at most 64 pairs";
    if (pairs->count == GODWIT__OTLP_PAIRS_MOST)
        return GODWIT_ERR_LIMIT_EXCEEDED;
    pairs->items[pairs->count++] = pair;
    return GODWIT_OK;
}

godwit_status_t
godwit__otlp_pairs_read (godwit__otlp_pairs_t *pairs, const char *text, const char **wrong)
{
    *pairs = (godwit__otlp_pairs_t){0};
    if (!text)
        return GODWIT_OK;
    *wrong = "out of memory";
    pairs->text = strdup (text);
    if (!pairs->text)
        return GODWIT_ERR_OUT_OF_MEMORY;
    godwit_status_t status = GODWIT_OK;
    char *rest = pairs->text;
    for (char *part = strsep (&rest, ","); part && !status; part = strsep (&rest, ","))
        if (*(part = trim (part)))
            status = read_pair (pairs, part, wrong);
    return status;
}

const char *
godwit__otlp_pairs_find (const godwit__otlp_pairs_t *pairs, const char *name)
{
    for (size_t i = 0; i < pairs->count; i++)
        if (strcmp (pairs->items[i].name, name) == 0)
            return pairs->items[i].value;
    return NULL;
}

void
godwit__otlp_pairs_clear (godwit__otlp_pairs_t *pairs)
{
    free (pairs->text);
    *pairs = (godwit__otlp_pairs_t){0};
}
