/* SPDX-License-Identifier: Apache-2.0 */
#include <godwit/version.h>

#define TEXT_OF(number) #number
#define VERSION(major, minor, patch) TEXT_OF (major) "." TEXT_OF (minor) "." TEXT_OF (patch)

const char *
godwit_version_string (void)
{
    return VERSION (GODWIT_VERSION_MAJOR, GODWIT_VERSION_MINOR, GODWIT_VERSION_PATCH);
}
