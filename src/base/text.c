/* SPDX-License-Identifier: Apache-2.0 */
#include "src/base/text.h"

#include <stdlib.h>
#include <string.h>

/* Makes room for so many more bytes and a NUL. */
static bool
make_room (godwit__text_t *text, size_t more)
{
    if (text->is_too_long || text->no_memory)
        return false;
    if (more > text->size_max - text->size) {
        text->is_too_long = true;
        return false;
    }
    const size_t needed = text->size + more + 1;
    if (needed <= text->room)
        return true;
    const size_t room = needed < 2048 ? 4096 : 2 * needed;
    char *const data = realloc (text->data, room);
    if (!data) {
        text->no_memory = true;
        return false;
    }
    text->data = data;
    text->room = room;
    return true;
}

void
godwit__text_add (godwit__text_t *text, const char *more, size_t size)
{
    if (!make_room (text, size))
        return;
    memcpy (text->data + text->size, more, size);
    text->size += size;
}

void
godwit__text_put (godwit__text_t *text, const char *more)
{
    godwit__text_add (text, more, strlen (more));
}

void
godwit__text_put_number (godwit__text_t *text, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char) ('0' + number % 10);
    while (number /= 10);
    godwit__text_add (text, digits + at, sizeof digits - at);
}

char *
godwit__text_finish (godwit__text_t *text)
{
    char *data = text->data;
    text->data = NULL;
    if (!text->is_too_long && !text->no_memory && !data && !(data = malloc (1)))
        text->no_memory = true;
    if (text->is_too_long || text->no_memory) {
        free (data);
        return NULL;
    }
    data[text->size] = '\0';
    return data;
}
