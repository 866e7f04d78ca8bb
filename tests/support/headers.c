/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/headers.h"

#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

static void
give_up (const char *what, const char *where)
{
    fprintf (stderr, "%s: %.200s\n", what, where);
    abort ();
}

/* From '(' to the bracket that ends it. */
static const char *
end_of_brackets (const char *at)
{
    const char *const first = at;
    int depth = 0;
    do {
        if (!*at)
            give_up ("a bracket without its end", first);
        depth += (*at == '(') - (*at == ')');
    } while (*at++ != ')' || depth > 0);
    return at - 1;
}

/* The declaration behind the mark: the name is the word before the first bracket. */
static bool
declare (const char *at, declared_fn *declared, void *user)
{
    static const char status[] = "godwit_status_t";
    char name[64], parameters[2048];
    const char *const open = at + strcspn (at, "(;");
    if (*open != '(')
        return false; /* an object */
    const char *const close = end_of_brackets (open);
    const char *end = open;
    while (end > at && end[-1] == ' ')
        end--;
    const char *start = end;
    while (start > at && strchr (WORD, start[-1]))
        start--;
    snprintf (name, sizeof name, "%.*s", (int) (end - start), start);
    snprintf (parameters, sizeof parameters, "%.*s", (int) (close - open - 1), open + 1);
    if (strncmp (name, "godwit_", 7) != 0)
        give_up ("a declaration without a name", at);
    at += strspn (at, " ");
    declared (user, name, !strncmp (at, status, sizeof status - 1) && at[sizeof status - 1] == ' ',
              parameters);
    return true;
}

static size_t
read_header (const char *path, declared_fn *declared, void *user)
{
    static char text[256 * 1024];
    static const char mark[] = "\nGODWIT_EXPORT";
    size_t found = 0;
    FILE *file = fopen (path, "r");
    if (!file)
        give_up ("it cannot be read", path);
    text[fread (text, 1, sizeof text - 1, file)] = '\0';
    fclose (file);
    for (const char *at = text; (at = strstr (at, mark));) {
        at += sizeof mark - 1;
        found += declare (at, declared, user);
    }
    return found;
}

size_t
headers_for_each (declared_fn *declared, void *user)
{
    glob_t headers;
    size_t found = 0;
    if (glob (GODWIT_SOURCE_DIR "/include/godwit/*.h", 0, NULL, &headers) != 0)
        give_up ("no headers", GODWIT_SOURCE_DIR);
    for (size_t i = 0; i < headers.gl_pathc; i++)
        found += read_header (headers.gl_pathv[i], declared, user);
    globfree (&headers);
    return found;
}

const char *
headers_next_parameter (const char *parameters, char name[64], bool *is_pointer)
{
    const char *at = parameters + strspn (parameters, " \n,");
    if (!*at || !strcmp (at, "void"))
        return NULL;
    const char *end = at;
    while (*end && *end != ',')
        end = *end == '(' ? end_of_brackets (end) + 1 : end + 1;
    *is_pointer = memchr (at, '*', (size_t) (end - at)) != NULL;
    const char *const function = strstr (at, "(*");
    const char *last = function && function < end ? strchr (function, ')') : end;
    while (last > at && isspace ((unsigned char) last[-1]))
        last--;
    const char *first = last;
    while (first > at && strchr (WORD, first[-1]))
        first--;
    snprintf (name, 64, "%.*s", (int) (last - first), first);
    return end;
}
