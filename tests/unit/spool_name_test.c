/* SPDX-License-Identifier: Apache-2.0 */
/* Names of streams in a spool. */
#include "src/delivery/spool_name.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void
there_and_back (const char *a, const char *b, const char *expected)
{
    const char *const parts[] = {"cast", a, b};
    const char *split[3];
    char *const name = godwit__spool_name_join (parts, 3);
    cr_assert_str_eq (name, expected);
    cr_assert (godwit__spool_name_split (name, "cast", split, 3));
    cr_assert_str_eq (split[1], a);
    cr_assert_str_eq (split[2], b);
    free (name);
}

Test (spool_name, there_and_back)
{
    there_and_back ("godwit", "notifications", "cast/godwit/notifications");
    there_and_back ("", "", "cast//");
    there_and_back ("a/b", "50% off\n", "cast/a%2Fb/50%25%20off%0A");
    there_and_back ("\xc3\xa9", "x", "cast/\xc3\xa9/x");
}

Test (spool_name, what_is_none)
{
    const char *const names[] = {
        "cast/a", "cast/a/b/c", "notify/a/b", "cast/a/%2", "cast/a/%zz", "cast/a/%00", ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *split[3];
        char *const copy = strdup (names[i]);
        cr_assert_not (godwit__spool_name_split (copy, "cast", split, 3), "%s", names[i]);
        free (copy);
    }
}
