/* SPDX-License-Identifier: Apache-2.0 */
#include "src/base/path.h"

#include <stdio.h>

static size_t
append (char *text, size_t used, const godwit__path_t *path)
{
    if (path->parent)
        used = append (text, used, path->parent);
    const size_t room = GODWIT__PATH_SIZE - used;
    const int length = path->name ? snprintf (text + used, room, "%s%s", path->parent ? "." : "", path->name)
                                  : snprintf (text + used, room, "[%zu]", path->index);
    if (length < 0)
        return used;
    return (size_t) length < room ? used + (size_t) length : GODWIT__PATH_SIZE - 1;
}

const char *
godwit__path_print (const godwit__path_t *path, char text[GODWIT__PATH_SIZE])
{
    text[0] = '\0';
    append (text, 0, path);
    for (char *at = text; *at; at++)
        if ((unsigned char) *at < 0x20 || *at == 0x7f)
            *at = '?';
    return text;
}
