/* SPDX-License-Identifier: Apache-2.0 */
#include "src/address/url_redact.h"

#include "src/error/error.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HIDDEN "***"

/* True for a port. Anything else behind a ':' may be a password, if somebody forgot the '@'. */
static bool
is_number (const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return true;
}

/* Copies what follows the last '@', up to the end. */
static void
copy_hosts (char *end, const char *text)
{
    bool in_brackets = false;
    const char *const path = text + strcspn (text, "/?");
    while (*text) {
        const char byte = *text++;
        *end++ = byte;
        in_brackets = byte == '[' || (in_brackets && byte != ']');
        if (byte != ':' || in_brackets || text > path)
            continue;
        const size_t size = strcspn (text, ",/?");
        if (!is_number (text, size)) {
            end = stpcpy (end, HIDDEN);
            text += size;
        }
    }
    *end = '\0';
}

char *
godwit__url_redact (const char *text)
{
    const size_t scheme = strspn (text, "abcdefghijklmnopqrstuvwxyz0123456789+-._");
    const char *const rest = strncmp (text + scheme, "://", 3) ? text : text + scheme + 3;
    const char *const at = strrchr (rest, '@');
    /* Every ':' may add one more HIDDEN. */
    size_t size = strlen (text) + sizeof HIDDEN + 1;
    for (const char *i = text; *i; i++)
        size += *i == ':' ? sizeof HIDDEN : 0;
    char *const shown = malloc (size);
    if (!shown)
        return NULL;
    memcpy (shown, text, (size_t) (rest - text));
    char *end = shown + (rest - text);
    if (at)
        end = stpcpy (end, HIDDEN);
    copy_hosts (end, at ? at : rest);
    return shown;
}

godwit_status_t
godwit__url_error (godwit_error_t **error, godwit_status_t status, const char *text)
{
    if (!error || status != GODWIT_ERR_INVALID_URL)
        return status;
    char *const shown = godwit__url_redact (text);
    godwit__error_with (error, status, "url", shown);
    free (shown);
    return status;
}
