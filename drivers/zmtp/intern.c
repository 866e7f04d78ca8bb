/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/intern.h"

#include "drivers/zmtp/admission.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GENERAL "the connection failed; too many other reasons are kept already"
#define MASK "..."
#define SHORTER_SIZE 512

/* ---- what of a text is the other end's ---- */

/* What stands in quotes or brackets, names and numbers, is left out. NULL: it does not fit. */
static const char *
without_names (char shorter[SHORTER_SIZE], const char *text)
{
    size_t used = 0;
    char closing = '\0';
    for (; *text; text++) {
        if (closing && *text != closing)
            continue;
        if (used + sizeof MASK + 1 >= SHORTER_SIZE)
            return NULL;
        const bool opens = !closing && (*text == '"' || *text == '(');
        shorter[used++] = *text;
        if (opens) {
            memcpy (shorter + used, MASK, strlen (MASK));
            used += strlen (MASK);
        }
        closing = (char) (!opens ? '\0' : *text == '(' ? ')' : '"');
    }
    shorter[used] = '\0';
    return shorter;
}

static const char *
shorten (char shorter[SHORTER_SIZE], const char *text)
{
    const char *const word = text + strlen (GODWIT__ZMTP_REFUSED_US);
    if (!godwit__zmtp_admission_is_refused_us (text))
        return without_names (shorter, text);
    return godwit__zmtp_admission_is_word ((const uint8_t *) word, strlen (word)) ? text
                                                                                  : GODWIT__ZMTP_REFUSED_US
               "with a word of its own";
}

/* ---- ---- */

/* With text_lock held. NULL: there is no room among the first `most`, or memory is short. */
static const char *
find_or_keep (godwit__zmtp_t *driver, const char *text, size_t most)
{
    for (size_t i = 0; i < driver->text_count; i++)
        if (strcmp (driver->texts[i], text) == 0)
            return driver->texts[i];
    char *const kept = driver->text_count < most ? strdup (text) : NULL;
    if (kept)
        driver->texts[driver->text_count++] = kept;
    return kept;
}

const char *
godwit__zmtp_intern (godwit__zmtp_t *driver, const char *text)
{
    char room[SHORTER_SIZE];
    godwit__light_lock (&driver->text_lock);
    const char *kept = find_or_keep (driver, text, GODWIT__ZMTP_TEXTS);
    const char *const shorter = kept ? NULL : shorten (room, text);
    if (shorter)
        kept = find_or_keep (driver, shorter, GODWIT__ZMTP_TEXTS + GODWIT__ZMTP_SHORTER_TEXTS);
    godwit__light_unlock (&driver->text_lock);
    return kept ? kept : GENERAL;
}

void
godwit__zmtp_intern_release (godwit__zmtp_t *driver)
{
    while (driver->text_count)
        free (driver->texts[--driver->text_count]);
}
