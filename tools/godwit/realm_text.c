/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/realm_text.h"

#include <sodium.h>
#include <string.h>
#include <time.h>

#define BASE64 sodium_base64_VARIANT_URLSAFE_NO_PADDING

/* ---- dates ---- */

const char *
realm_date_print (char text[REALM_DATE_SIZE], int64_t time)
{
    const time_t seconds = (time_t) time;
    struct tm parts;
    if (!gmtime_r (&seconds, &parts) || strftime (text, REALM_DATE_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        snprintf (text, REALM_DATE_SIZE, "?");
    return text;
}

bool
realm_date_read (int64_t *time, int64_t now, const char *text)
{
    static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"};
    if (strcmp (text, "now") == 0) {
        *time = now;
        return true;
    }
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm parts = {0}, given;
        const char *const end = strptime (text, forms[i], &parts);
        if (!end || *end)
            continue;
        given = parts;
        const time_t seconds = timegm (&parts); /* it makes the 1st of March of the 31st of February */
        if (given.tm_mday != parts.tm_mday || given.tm_mon != parts.tm_mon)
            return false;
        *time = seconds;
        return true;
    }
    return false;
}

/* ---- keys ---- */

const char *
realm_fingerprint (char text[REALM_FINGERPRINT_SIZE], const uint8_t key[GODWIT__PUBLIC_SIZE])
{
    uint8_t hash[crypto_generichash_BYTES_MIN];
    crypto_generichash (hash, sizeof hash, key, GODWIT__PUBLIC_SIZE, NULL, 0);
    return sodium_bin2hex (text, REALM_FINGERPRINT_SIZE, hash, 8);
}

const char *
realm_door_fingerprint (char text[REALM_FINGERPRINT_SIZE], const uint8_t secret[GODWIT__PUBLIC_SIZE])
{
    uint8_t key[GODWIT__PUBLIC_SIZE];
    crypto_scalarmult_base (key, secret);
    return realm_fingerprint (text, key);
}

const char *
realm_key_print (char text[REALM_KEY_TEXT_SIZE], const uint8_t key[GODWIT__PUBLIC_SIZE])
{
    return sodium_bin2base64 (text, REALM_KEY_TEXT_SIZE, key, GODWIT__PUBLIC_SIZE, BASE64);
}

bool
realm_base64_read (uint8_t *bytes, size_t size, const char *text, size_t text_size)
{
    size_t got;
    return sodium_base642bin (bytes, size, text, text_size, NULL, &got, NULL, BASE64) == 0 && got == size;
}

/* ---- rights ---- */

static bool
is_plain (char byte)
{
    return byte > ' ' && byte < 0x7f && byte != '%';
}

void
realm_rights_print (FILE *to, const godwit__right_t *rights, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fprintf (to, "%s%s", i ? " " : "", godwit__verb_name (rights[i].verb));
        if (rights[i].verb == GODWIT__VERB_HOST)
            continue;
        fputc ('=', to);
        for (const char *at = rights[i].pattern; *at; at++)
            fprintf (to, is_plain (*at) ? "%c" : "%%%02X", (unsigned char) *at);
    }
}

static bool
unescape (char *text)
{
    char *to = text;
    for (const char *at = text; *at; at++) {
        uint8_t byte = (uint8_t) *at;
        size_t got = 1;
        if (*at == '%') {
            if (sodium_hex2bin (&byte, 1, at + 1, strnlen (at + 1, 2), NULL, &got, NULL) != 0 || got != 1 ||
                !byte)
                return false;
            at += 2;
        }
        *to++ = (char) byte;
    }
    *to = '\0';
    return true;
}

bool
realm_right_read (godwit__right_t *right, char *word)
{
    char *const at = strchr (word, '=');
    const size_t size = at ? (size_t) (at - word) : strlen (word);
    godwit__verb_t verb;
    if (!godwit__verb_read (&verb, word, size) || (verb == GODWIT__VERB_HOST) != !at)
        return false;
    if (at && (!unescape (at + 1) || godwit__pattern_wrong (at + 1)))
        return false;
    *right = (godwit__right_t){verb, at ? at + 1 : GODWIT__HOST_PATTERN};
    return true;
}
