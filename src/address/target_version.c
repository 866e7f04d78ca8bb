/* SPDX-License-Identifier: Apache-2.0 */
#include "src/address/target_version.h"

#include <godwit/target.h>

#include "src/error/error.h"

#include <stdio.h>

/* The number at *text, which is moved behind it. Digits only: no sign, no space. */
static bool
read_number (const char **text, uint32_t *number)
{
    const char *at = *text;
    uint32_t result = 0;
    if (*at < '0' || *at > '9')
        return false;
    for (; *at >= '0' && *at <= '9'; at++) {
        const uint32_t digit = (uint32_t) (*at - '0');
        if (result > (UINT32_MAX - digit) / 10)
            return false;
        result = result * 10 + digit;
    }
    *text = at;
    *number = result;
    return true;
}

godwit_status_t
godwit__version_parse (godwit__version_t *version, const char *text, godwit_error_t **error)
{
    godwit__version_t result = {0, 0, 0};
    const char *at = text;
    bool good = read_number (&at, &result.major) && *at++ == '.' && read_number (&at, &result.minor);
    if (good && *at == '.') {
        at++;
        good = read_number (&at, &result.revision);
    }
    /* Further parts may be anything. */
    if (!good || (*at != '\0' && *at != '.'))
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "Version must contain a major and minor integer. Got %.64s", text);
    *version = result;
    return GODWIT_OK;
}

void
godwit__version_print (godwit__version_t version, char text[GODWIT__VERSION_TEXT])
{
    const int size = snprintf (text, GODWIT__VERSION_TEXT, "%u.%u", version.major, version.minor);
    if (version.revision)
        snprintf (text + size, GODWIT__VERSION_TEXT - (size_t) size, ".%u", version.revision);
}

bool
godwit__version_serves (godwit__version_t implemented, godwit__version_t requested)
{
    if (implemented.major != requested.major)
        return false;
    if (implemented.minor != requested.minor)
        return requested.minor < implemented.minor;
    return requested.revision <= implemented.revision;
}

godwit_status_t
godwit_version_compatible (const char *implemented, const char *requested, bool *compatible,
                           godwit_error_t **error)
{
    godwit__version_t implemented_version, requested_version;
    if (!compatible)
        return godwit__error_null (error, "compatible");
    if (!implemented || !requested) {
        *compatible = !implemented;
        return GODWIT_OK;
    }
    godwit_status_t status = godwit__version_parse (&implemented_version, implemented, error);
    if (!status)
        status = godwit__version_parse (&requested_version, requested, error);
    if (!status)
        *compatible = godwit__version_serves (implemented_version, requested_version);
    return status;
}
