/* SPDX-License-Identifier: Apache-2.0 */
/* Reasons of links that failed stay until the driver is closed, are few, and say why all the same. */
#include "drivers/zmtp/intern.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static godwit__zmtp_t driver;

static const char *
intern_number (const char *format, unsigned number)
{
    char text[256];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf (text, sizeof text, format, number);
#pragma GCC diagnostic pop
    return godwit__zmtp_intern (&driver, text);
}

static void
fill (void)
{
    for (unsigned i = 0; i < GODWIT__ZMTP_TEXTS; i++)
        cr_assert (strstr (intern_number ("certificate \"web\" (serial %x) was revoked", i), "web"));
}

static void
tear_down (void)
{
    godwit__zmtp_intern_release (&driver);
}

TestSuite (zmtp_intern, .fini = tear_down);

Test (zmtp_intern, the_same_text_is_kept_once)
{
    const char *const first = godwit__zmtp_intern (&driver, "refused us: revoked");
    cr_assert_str_eq (first, "refused us: revoked");
    for (int i = 0; i < 1000; i++)
        cr_assert_eq (godwit__zmtp_intern (&driver, "refused us: revoked"), first);
    cr_assert_eq (driver.text_count, 1u);
}

Test (zmtp_intern, after_many_different_ones_names_are_left_out_and_the_reason_is_not)
{
    fill ();
    for (unsigned i = 1000; i < 2000; i++)
        cr_assert_str_eq (intern_number ("certificate \"web\" (serial %x) was revoked", i),
                          "certificate \"...\" (...) was revoked");
    cr_assert_str_eq (godwit__zmtp_intern (&driver, "refused us: revoked"), "refused us: revoked");
    for (unsigned i = 0; i < 1000; i++)
        cr_assert_str_eq (intern_number ("refused us: because of %u", i),
                          "refused us: with a word of its own");
    cr_assert_str_eq (intern_number ("it says \"no (%u", 1), "it says \"...");
    cr_assert_str_eq (godwit__zmtp_intern (&driver, "it says \"\" and ()"), "it says \"...\" and (...)");
}

Test (zmtp_intern, their_number_has_an_end)
{
    fill ();
    for (unsigned i = 0; i < 1000; i++)
        intern_number ("reason %u", i);
    cr_assert_eq (driver.text_count, (size_t) GODWIT__ZMTP_TEXTS + GODWIT__ZMTP_SHORTER_TEXTS);
    cr_assert (strstr (intern_number ("reason %u", 4711), "too many other reasons"));
    cr_assert_str_eq (intern_number ("reason %u", 1), "reason 1");
    char large[4096];
    memset (large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    cr_assert (strstr (godwit__zmtp_intern (&driver, large), "too many other reasons"));
}
