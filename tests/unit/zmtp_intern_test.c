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

/* Whoever took the port of a dead server can send an ERROR as often as somebody connects. */
Test (zmtp_intern, what_others_say_does_not_keep_real_reasons_out)
{
    static const char *const honest[] = {"refused us: revoked", "refused us: expired", "connection refused"};
    for (unsigned i = 0; i < 1000; i++) {
        cr_assert (strstr (intern_number ("refused by the peer: go away %u", i), "refused by the peer"));
        cr_assert (strstr (intern_number ("no ZMTP: it begins with 41 %u", i), "no ZMTP"));
        cr_assert (strstr (intern_number ("no ZMTP 3, but TLS as it seems: 16 03 %u", i), "but TLS"));
    }
    cr_assert_str_eq (intern_number ("refused by the peer: %u", 5000), "refused by the peer");
    cr_assert_str_eq (intern_number ("no ZMTP: it begins with \"%u", 5000), "no ZMTP");
    cr_assert_str_eq (intern_number ("no ZMTP 3, but TLS as it seems: 16 %u", 5000),
                      "no ZMTP 3, but TLS as it seems");
    for (size_t i = 0; i < sizeof honest / sizeof *honest; i++)
        cr_assert_str_eq (godwit__zmtp_intern (&driver, honest[i]), honest[i]);
    cr_assert_str_eq (intern_number ("certificate \"web\" (serial %x) has ended", 7),
                      "certificate \"...\" (...) has ended");
}

/* Whatever it is that has filled the table. */
Test (zmtp_intern, a_word_of_a_realm_always_has_a_place)
{
    fill ();
    for (unsigned i = 0; i < 1000; i++)
        intern_number ("reason %u", i);
    for (int i = GODWIT__NO_ENTRY_NO_CERTIFICATE; i <= GODWIT__NO_ENTRY_NO_MEMORY; i++) {
        char text[64];
        snprintf (text, sizeof text, "refused us: %s", godwit__no_entry_word ((godwit__no_entry_t) i));
        cr_assert_str_eq (godwit__zmtp_intern (&driver, text), text);
    }
    cr_assert_eq (driver.text_count, (size_t) GODWIT__ZMTP_TEXTS_MAX);
    cr_assert (strstr (intern_number ("reason %u", 4711), "too many other reasons"));
    cr_assert (strstr (intern_number ("refused us: no%u", 1), "too many other reasons"));
}
