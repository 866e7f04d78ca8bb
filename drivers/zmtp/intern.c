/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/intern.h"

#include <stdlib.h>
#include <string.h>

/* With text_lock held. */
static const char *
find_or_keep (godwit__zmtp_t *driver, const char *text)
{
    for (size_t i = 0; i < driver->text_count; i++)
        if (strcmp (driver->texts[i], text) == 0)
            return driver->texts[i];
    char *kept = driver->text_count < GODWIT__ZMTP_TEXTS ? strdup (text) : NULL;
    if (!kept)
        return "the connection failed; too many other reasons are kept already";
    driver->texts[driver->text_count++] = kept;
    return kept;
}

const char *
godwit__zmtp_intern (godwit__zmtp_t *driver, const char *text)
{
    godwit__light_lock (&driver->text_lock);
    const char *const kept = find_or_keep (driver, text);
    godwit__light_unlock (&driver->text_lock);
    return kept;
}

void
godwit__zmtp_intern_release (godwit__zmtp_t *driver)
{
    while (driver->text_count)
        free (driver->texts[--driver->text_count]);
}
