/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/intern.h"

#include <stdlib.h>
#include <string.h>

const char *
godwit__zmtp_intern (godwit__zmtp_t *driver, const char *text)
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

void
godwit__zmtp_intern_release (godwit__zmtp_t *driver)
{
    while (driver->text_count)
        free (driver->texts[--driver->text_count]);
}
