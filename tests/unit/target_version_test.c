/* SPDX-License-Identifier: Apache-2.0 */
#include "src/address/target_version.h"

#include <godwit/target.h>

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test (target_version, the_contracts_vectors)
{
    static const struct {
        const char *implemented, *requested;
        bool compatible;
    } rows[] = {
        {"1.23", "1.23", true},       {"1.24", "1.23", true},
        {"1.22", "1.23", false},      {"2.23", "1.23", false},
        {"1.23", "2.23", false},      {"1.23", "1.23.1", false},
        {"1.23.2", "1.23.1", true},   {"1.24", "1.23.1", true},
        {"1.23.0", "1.23", true},     {"1.6", "1.5.9", true},
        {"1.2.3.4", "1.2.3.9", true}, {NULL, "1.0", true},
        {NULL, NULL, true},           {NULL, "not a version", true},
        {"1.0", NULL, false},         {"not a version", NULL, false},
        {"1.23.1", "1.23.2", false},  {"1.10", "1.9", true},
        {"1.9", "1.10", false},       {"1.0", "1.0.0", true},
        {"1.2.3.x", "1.2.3", true},   {"4294967295.0", "4294967295.0", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool compatible = !rows[i].compatible;
        cr_assert_eq (godwit_version_compatible (rows[i].implemented, rows[i].requested, &compatible, NULL),
                      GODWIT_OK, "row %zu", i);
        cr_assert_eq (compatible, rows[i].compatible, "row %zu", i);
    }
}

Test (target_version, what_is_no_version)
{
    static const char *const bad[] = {
        "1",    "a.b", "",     ".",     "1.",     ".1",           "1.a",
        "1.0.", "1..", "-1.0", "+1.0",  " 1.0",   "1.0 ",         "1 .0",
        "1.0x", "1,0", "1.-1", "1.0.x", "1.0.1x", "4294967296.0", "1.99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        bool compatible = true;
        godwit_error_t *error = NULL;
        char expected[128];
        snprintf (expected, sizeof expected, "Version must contain a major and minor integer. Got %s",
                  bad[i]);
        cr_assert_eq (godwit_version_compatible ("1.0", bad[i], &compatible, &error),
                      GODWIT_ERR_INVALID_ARGUMENT, "\"%s\"", bad[i]);
        cr_assert_str_eq (godwit_error_message (error), expected);
        cr_assert (compatible, "written on failure");
        godwit_error_destroy (&error);
        cr_assert_eq (godwit_version_compatible (bad[i], "1.0", &compatible, NULL),
                      GODWIT_ERR_INVALID_ARGUMENT);
    }
}

Test (target_version, parsing_keeps_the_numbers)
{
    godwit__version_t version = {9, 9, 9};
    cr_assert_eq (godwit__version_parse (&version, "1.23.456.x", NULL), GODWIT_OK);
    cr_assert (version.major == 1 && version.minor == 23 && version.revision == 456);
    cr_assert_eq (godwit__version_parse (&version, "7.8", NULL), GODWIT_OK);
    cr_assert (version.major == 7 && version.minor == 8 && version.revision == 0);
    cr_assert_neq (godwit__version_parse (&version, "5", NULL), GODWIT_OK);
    cr_assert_eq (version.major, 7, "written on failure");
}
