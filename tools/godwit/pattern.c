/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/pattern.h"

#include <fnmatch.h>
#include <string.h>

bool
pattern_read (pattern_t *pattern, const char *text)
{
    *pattern = (pattern_t){.text = text};
    while (text) {
        const size_t size = strcspn (text, "/");
        if (pattern->count == 3 || size == 0 || size >= PATTERN_PART_SIZE)
            return false;
        memcpy (pattern->parts[pattern->count++], text, size);
        text = text[size] ? text + size + 1 : NULL;
    }
    return true;
}

static bool
is_like (const char *part, const char *name)
{
    return strcmp (part, name) == 0 || fnmatch (part, name, 0) == 0;
}

bool
pattern_matches (const pattern_t *pattern, const char *exchange, const char *topic, const char *server)
{
    const char (*const parts)[PATTERN_PART_SIZE] = pattern->parts;
    switch (pattern->count) {
    case 0:
        return true;
    case 1:
        return is_like (parts[0], topic);
    case 2:
        return (is_like (parts[0], exchange) && is_like (parts[1], topic)) ||
               (is_like (parts[0], topic) && is_like (parts[1], server));
    default:
        return is_like (parts[0], exchange) && is_like (parts[1], topic) && is_like (parts[2], server);
    }
}
