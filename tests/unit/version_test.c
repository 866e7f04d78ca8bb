/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <godwit/version.h>
#include <stdio.h>

Test (version, header_and_library_agree)
{
    char text[32];
    snprintf (text, sizeof text, "%d.%d.%d", GODWIT_VERSION_MAJOR, GODWIT_VERSION_MINOR,
              GODWIT_VERSION_PATCH);
    cr_assert_str_eq (godwit_version_string (), text);
}
