/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/intern.h"

#include "drivers/zmtp/admission.h"
#include "drivers/zmtp/handshake.h"

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

/* What stands behind the first colon of these is wholly the other end's: the text of an ERROR, which whoever
 * took the port of a dead server can send, and the first bytes of another program. */
static bool
is_others (const char *text)
{
    static const char *const begins[] = {GODWIT__ZMTP_REFUSED_BY_PEER ":", "no ZMTP"};
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (strncmp (text, begins[i], strlen (begins[i])) == 0)
            return true;
    return false;
}

static const char *
until_colon (char shorter[SHORTER_SIZE], const char *text)
{
    const size_t size = strcspn (text, ":");
    if (size >= SHORTER_SIZE)
        return NULL;
    memcpy (shorter, text, size);
    shorter[size] = '\0';
    return shorter;
}

/* There are as many of these as realms have words. */
static bool
is_known_refusal (const char *text)
{
    const char *const word = text + strlen (GODWIT__ZMTP_REFUSED_US);
    return godwit__zmtp_admission_is_refused_us (text) &&
           godwit__zmtp_admission_is_word ((const uint8_t *) word, strlen (word));
}

static const char *
shorten (char shorter[SHORTER_SIZE], const char *text)
{
    if (godwit__zmtp_admission_is_refused_us (text))
        return GODWIT__ZMTP_REFUSED_US "with a word of its own";
    return is_others (text) ? until_colon (shorter, text) : without_names (shorter, text);
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
    const bool is_known = is_known_refusal (text);
    godwit__light_lock (&driver->text_lock);
    /* Nobody takes the places of those that are known beforehand. */
    const char *kept = find_or_keep (driver, text, is_known ? GODWIT__ZMTP_TEXTS_MAX : GODWIT__ZMTP_TEXTS);
    const char *const shorter = kept || is_known ? NULL : shorten (room, text);
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
