/* SPDX-License-Identifier: Apache-2.0 */
/* What servers say that they serve: the text of it, and the bits that stand for it in a group. */
#include "src/discovery/offers.h"
#include "src/interface/matchmaker.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static godwit__version_t
version (const char *text)
{
    godwit__version_t result = {0, 0, 0};
    cr_assert_eq (godwit__version_parse (&result, text, NULL), GODWIT_OK);
    return result;
}

typedef struct endpoint {
    const char *name_space;
    const char *version;
} endpoint_t;

/* ---- writing ---- */

Test (offer, is_written_and_read)
{
    static const endpoint_t endpoints[] = {
        {NULL, "1.3"},
        {"billing", "2.0.7"},
        {"", "1.0"},
        {NULL, "1.3"}, /* the same once more */
        {"two words=100%\n\"", "1.1"},
        {"bill", "2.0.7"},
        {"\"\"", "3.0"},
    };
    godwit__offer_text_t text = {.size = 0};
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++)
        godwit__offer_text_add (&text, endpoints[i].name_space, version (endpoints[i].version));
    cr_assert_str_eq (text.text, "=1.3 billing=2.0.7 \"\"=1.0 two%20words%3D100%25%0A%22=1.1 bill=2.0.7 "
                                 "%22%22=3.0");
    godwit__offer_t *offer = godwit__offer_read (text.text);
    cr_assert_not_null (offer);
    cr_assert_str_eq (godwit__offer_text (offer), text.text);
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
        cr_assert (godwit__offer_serves (offer, endpoints[i].name_space, version (endpoints[i].version)));
        cr_assert (godwit__offer_has (offer, endpoints[i].name_space));
        cr_assert_not (godwit__offer_serves (offer, endpoints[i].name_space, version ("9.0")));
    }
    cr_assert (godwit__offer_serves (offer, NULL, version ("1.2.9")));
    cr_assert_not (godwit__offer_serves (offer, NULL, version ("1.4")));
    cr_assert_not (godwit__offer_serves (offer, "other", version ("1.0")));
    cr_assert_not (godwit__offer_has (offer, "other"));
    char print[512];
    godwit__offer_print (offer, "billing", print, sizeof print);
    cr_assert_str_eq (print, "billing 2.0.7, 1.3, \"\" 1.0, two%20words%3D100%25%0A%22 1.1, bill 2.0.7, "
                             "%22%22 3.0");
    godwit__offer_destroy (&offer);
}

Test (offer, that_does_not_fit_says_nothing)
{
    godwit__offer_text_t text = {.size = 0};
    char name[32];
    int added = 0;
    for (; !text.is_full; added++) {
        snprintf (name, sizeof name, "space-%d", added);
        godwit__offer_text_add (&text, name, version ("1.0"));
        cr_assert_leq (strlen (text.text), (size_t) GODWIT__OFFER_TEXT_MAX);
    }
    cr_assert_gt (added, 50);
    cr_assert_str_eq (text.text, "");
    godwit__offer_text_add (&text, "short", version ("1.0"));
    cr_assert_str_eq (text.text, "", "a text that is not complete");
}

/* ---- reading what comes from outside ---- */

Test (offer, that_is_malformed_says_nothing)
{
    static const char *const texts[] = {
        "",     " ",       "=",        "1.3",    "=1",      "=1.3  =1.4", "=1.3 ",    " =1.3",
        "=1.x", "=-1.3",   "=1.3 two", "a%=1.0", "a%4=1.0", "a%zz=1.0",   "a%00=1.0", "=99999999999.0",
        "%",    "a=b=1.0",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_assert_null (godwit__offer_read (texts[i]), "\"%s\"", texts[i]);
    char *const large = malloc (4096);
    cr_assert_not_null (large);
    memset (large, 'x', 4095);
    memcpy (large + 4091, "=1.0", 5);
    cr_assert_null (godwit__offer_read (large));
    free (large);
    cr_assert (godwit__offer_serves (NULL, "any", version ("7.7")));
    cr_assert (godwit__offer_has (NULL, "any"));
    char print[64];
    godwit__offer_print (NULL, NULL, print, sizeof print);
    cr_assert_str_eq (print, "");
}

/* As servers wrote it that did not escape. */
Test (offer, of_an_earlier_server_is_read)
{
    godwit__offer_t *offer = godwit__offer_read ("=1.3 \xc3\xbc=2.1 a\"b=1.0.1.anything");
    cr_assert_not_null (offer);
    cr_assert (godwit__offer_serves (offer, "\xc3\xbc", version ("2.0")));
    cr_assert (godwit__offer_serves (offer, "a\"b", version ("1.0.1")));
    godwit__offer_destroy (&offer);
}

Test (offer, is_printed_in_bounds)
{
    char text[GODWIT__OFFER_TEXT_MAX + 1] = "=1.0";
    for (int i = 0; i < 20; i++)
        snprintf (text + strlen (text), sizeof text - strlen (text), " name%d=1.%d", i, i);
    godwit__offer_t *offer = godwit__offer_read (text);
    cr_assert_not_null (offer);
    char print[512];
    godwit__offer_print (offer, "name3", print, sizeof print);
    cr_assert_str_eq (print, "name3 1.3, 1.0, name0 1.0, name1 1.1, name2 1.2, name4 1.4, name5 1.5, "
                             "name6 1.6 and 13 more");
    char small[64];
    godwit__offer_print (offer, NULL, small, sizeof small);
    cr_assert_str_eq (small, "1.0, name0 1.0, name1 1.1 and 18 more");
    godwit__offer_destroy (&offer);
}

/* The limit of a record's field is the limit of the text. */
Test (offer, fits_in_a_record)
{
    char text[GODWIT__OFFER_TEXT_MAX + 2];
    godwit__record_t record = {.instance = {1},
                               .server_id = 1,
                               .state = GODWIT__RECORD_UP,
                               .exchange = "e",
                               .topic = "t",
                               .server = "s",
                               .fanout_address = "",
                               .host = "h",
                               .versions = text};
    memset (text, 'x', sizeof text);
    memcpy (text + GODWIT__OFFER_TEXT_MAX - 4, "=1.0", 5);
    godwit__offer_t *offer = godwit__offer_read (text);
    cr_assert_not_null (offer);
    godwit__offer_destroy (&offer);
    cr_assert_eq (godwit__record_check (&record, NULL), GODWIT_OK);
    memcpy (text + GODWIT__OFFER_TEXT_MAX - 4, "x=1.0", 6);
    cr_assert_null (godwit__offer_read (text));
    cr_assert_eq (godwit__record_check (&record, NULL), GODWIT_ERR_INVALID_ARGUMENT);
}

/* ---- the bits of a group ---- */

Test (offers, that_are_the_same_share_a_bit)
{
    godwit__offers_t offers;
    godwit__offers_open (&offers);
    const uint32_t two = godwit__offers_add (&offers, "=1.2");
    const uint32_t change = offers.change;
    cr_assert_eq (godwit__offers_add (&offers, "=1.2"), two);
    cr_assert_eq (offers.change, change, "nothing new was offered");
    const uint32_t three = godwit__offers_add (&offers, "=1.3");
    cr_assert_neq (offers.change, change);
    cr_assert_neq (three, two);
    const uint32_t unknown = godwit__offers_add (&offers, "");
    cr_assert_eq (unknown, GODWIT__OFFER_ANYTHING);
    cr_assert_eq (godwit__offers_add (&offers, "no version"), unknown);
    cr_assert_eq (godwit__offers_serving (&offers, NULL, version ("1.2")), two | three | unknown);
    cr_assert_eq (godwit__offers_serving (&offers, NULL, version ("1.3")), three | unknown);
    cr_assert_eq (godwit__offers_serving (&offers, "other", version ("1.3")), unknown);
    godwit__offers_remove (&offers, two);
    cr_assert_eq (offers.used, two | three);
    godwit__offers_remove (&offers, two);
    godwit__offers_remove (&offers, unknown);
    cr_assert_eq (offers.used, three);
    /* The bit is free for another one, and who knew the old one looks again. */
    const uint32_t before = offers.change;
    cr_assert_eq (godwit__offers_add (&offers, "=2.0"), two);
    cr_assert_neq (offers.change, before);
    godwit__offers_close (&offers);
}

/* More than can be told apart: those beyond may serve anything. */
Test (offers, are_bounded)
{
    godwit__offers_t offers;
    godwit__offers_open (&offers);
    char text[16];
    uint32_t seen = 0;
    for (int i = 0; i < GODWIT__OFFERS_MAX; i++) {
        snprintf (text, sizeof text, "=%d.0", i + 1);
        const uint32_t bit = godwit__offers_add (&offers, text);
        cr_assert_eq (seen & bit, 0u);
        seen |= bit;
    }
    cr_assert_eq (seen | GODWIT__OFFER_ANYTHING, GODWIT__OFFERS_ALL);
    cr_assert_eq (godwit__offers_add (&offers, "=99.0"), GODWIT__OFFER_ANYTHING);
    cr_assert_eq (godwit__offers_add (&offers, "=5.0"),
                  godwit__offers_serving (&offers, NULL, version ("5.0")) & ~GODWIT__OFFER_ANYTHING);
    godwit__offers_close (&offers);
}
