/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/intern.h"

#include <stdlib.h>
#include <string.h>

/* With text_lock held. */
static const char *
find_or_keep (godwit__zmtp_t *driver, const char *text, size_t max)
{
    for (size_t i = 0; i < driver->text_count; i++)
        if (strcmp (driver->texts[i], text) == 0)
            return driver->texts[i];
    char *kept = driver->text_count < max ? strdup (text) : NULL;
    if (!kept)
        return "the connection failed; too many other reasons are kept already";
    driver->texts[driver->text_count++] = kept;
    return kept;
}

static const char *
intern (godwit__zmtp_t *driver, const char *text, size_t max)
{
    godwit__light_lock (&driver->text_lock);
    const char *const kept = find_or_keep (driver, text, max);
    godwit__light_unlock (&driver->text_lock);
    return kept;
}

const char *
godwit__zmtp_intern (godwit__zmtp_t *driver, const char *text)
{
    return intern (driver, text, GODWIT__ZMTP_TEXTS);
}

const char *
godwit__zmtp_intern_strangers (godwit__zmtp_t *driver, const char *text)
{
    return intern (driver, text, GODWIT__ZMTP_STRANGER_TEXTS);
}

void
godwit__zmtp_intern_release (godwit__zmtp_t *driver)
{
    while (driver->text_count)
        free (driver->texts[--driver->text_count]);
}
