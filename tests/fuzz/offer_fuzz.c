/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as what a server says that it serves: no crash; what is read serves what it lists, and is printed
 * in bounds without a control character. */
#include "src/address/offer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (bool good)
{
    if (!good)
        abort ();
}

static void
check_print (const godwit__offer_t *offer, const char *text)
{
    char print[256];
    memset (print, 'x', sizeof print);
    godwit__offer_print (offer, text, print, sizeof print);
    check (strnlen (print, sizeof print) < sizeof print);
    check (!offer || *print);
    for (const char *at = print; *at; at++) /* a record has none, and an escape does not make one */
        check ((unsigned char) *at >= 0x20 || strchr (text, *at));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    char *const text = malloc (size + 1);
    if (!text)
        return 0;
    memcpy (text, data, size);
    text[size] = '\0';
    godwit__offer_t *offer = godwit__offer_read (text);
    check_print (offer, text);
    if (offer) {
        check (strcmp (godwit__offer_text (offer), text) == 0);
        /* The first entry, if it needs no decoding. */
        char *const mark = strchr (text, '=');
        godwit__version_t version;
        char *const end = strchr (text, ' ');
        if (end)
            *end = '\0';
        check (mark && godwit__version_parse (&version, mark + 1, NULL) == GODWIT_OK);
        *mark = '\0';
        if (!strchr (text, '%') && !strchr (text, '"'))
            check (godwit__offer_serves (offer, *text ? text : NULL, version));
        if (!strchr (text, '%') && !strchr (text, '"'))
            check (godwit__offer_has (offer, *text ? text : NULL));
    } else {
        check (godwit__offer_serves (offer, text, (godwit__version_t){1, 0, 0}));
    }
    godwit__offer_destroy (&offer);

    /* Whatever a namespace is made of, it comes back. */
    memcpy (text, data, size);
    text[size] = '\0';
    godwit__offer_text_t written = {.size = 0};
    godwit__offer_text_add (&written, text, (godwit__version_t){1, 2, 3});
    godwit__offer_text_add (&written, NULL, (godwit__version_t){4, 5, 0});
    offer = godwit__offer_read (written.text);
    check (written.is_full ? !offer : offer != NULL);
    check (godwit__offer_serves (offer, text, (godwit__version_t){1, 2, 3}));
    check (godwit__offer_serves (offer, NULL, (godwit__version_t){4, 4, 0}));
    godwit__offer_destroy (&offer);
    free (text);
    return 0;
}
