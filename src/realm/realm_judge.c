/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a certificate holds now. */
#include "src/realm/realm_inside.h"

#include <stdio.h>
#include <string.h>

#define REVOKED " was revoked"
#define ENDED " has ended"
#define DAY_S INT64_C (86400)
#define WARNING_DAYS 30

const char *
godwit__no_entry_word (godwit__no_entry_t reason)
{
    switch (reason) {
    case GODWIT__NO_ENTRY_NONE:
        return "";
    case GODWIT__NO_ENTRY_NO_CERTIFICATE:
        return "no-certificate";
    case GODWIT__NO_ENTRY_WRONG_REALM:
        return "wrong-realm";
    case GODWIT__NO_ENTRY_NOT_YET_VALID:
        return "not-yet-valid";
    case GODWIT__NO_ENTRY_EXPIRED:
        return "expired";
    case GODWIT__NO_ENTRY_REVOKED:
        return "revoked";
    case GODWIT__NO_ENTRY_OTHER_KEY:
        return "other-key";
    case GODWIT__NO_ENTRY_NO_MEMORY:
        return "no-memory";
    }
    return "";
}

static godwit__no_entry_t
refuse (godwit__no_entry_t reason, const godwit__certificate_t *certificate, const char *format,
        char text[GODWIT__ADMIT_TEXT])
{
    char name[GODWIT__CERTIFICATE_TEXT];
    godwit__certificate_print (certificate, name);
    snprintf (text, GODWIT__ADMIT_TEXT, "%s%s", name, format);
    return reason;
}

godwit__no_entry_t
godwit__certificate_judge (const godwit__certificate_t *certificate, const godwit__bulletin_t *bulletin,
                           int64_t now, char text[GODWIT__ADMIT_TEXT])
{
    text[0] = '\0';
    if (bulletin && godwit__bulletin_revokes (bulletin, certificate))
        return refuse (GODWIT__NO_ENTRY_REVOKED, certificate, REVOKED, text);
    if (now >= certificate->until + GODWIT__CLOCK_SKEW_S)
        return refuse (GODWIT__NO_ENTRY_EXPIRED, certificate, ENDED, text);
    if (now < certificate->from - GODWIT__CLOCK_SKEW_S)
        return refuse (GODWIT__NO_ENTRY_NOT_YET_VALID, certificate, " is not valid yet", text);
    return GODWIT__NO_ENTRY_NONE;
}

godwit__no_entry_t
godwit__realm_judge (godwit__realm_t *realm, const godwit__party_t *party, char text[GODWIT__ADMIT_TEXT])
{
    uint8_t keys[GODWIT__REALM_KEY_MAX][GODWIT__PUBLIC_SIZE];
    text[0] = '\0';
    if (!party)
        return GODWIT__NO_ENTRY_NONE;
    const godwit__certificate_t *const certificate = &party->certificate;
    const int64_t now = godwit__realm_now (realm);
    const size_t count = godwit__realm_trusted (realm, keys);
    if (!godwit__realm_key_of (certificate->realm, (const uint8_t (*)[GODWIT__PUBLIC_SIZE]) keys, count))
        return refuse (GODWIT__NO_ENTRY_WRONG_REALM, certificate, " is of another realm", text);
    godwit__bulletin_t *bulletin = godwit__realm_voids (realm);
    const godwit__no_entry_t reason = godwit__certificate_judge (certificate, bulletin, now, text);
    godwit__bulletin_unref (&bulletin);
    if (reason == GODWIT__NO_ENTRY_NONE && now >= party->proof.until + GODWIT__CLOCK_SKEW_S)
        return refuse (GODWIT__NO_ENTRY_EXPIRED, certificate, ": the proof of its process has ended", text);
    return reason;
}

static bool
ends_with (const char *text, const char *end)
{
    const size_t size = strlen (text), end_size = strlen (end);
    return size >= end_size && strcmp (text + size - end_size, end) == 0;
}

bool
godwit__no_entry_names_member (const char *text)
{
    static const char begin[] = "certificate \"";
    return strncmp (text, begin, sizeof begin - 1) == 0 &&
           (ends_with (text, REVOKED) || ends_with (text, ENDED));
}

int
godwit__realm_days_left (godwit__realm_t *realm)
{
    const int64_t now = godwit__realm_now (realm);
    pthread_mutex_lock (&realm->lock);
    const int64_t left = realm->own.file.certificate.until - now;
    pthread_mutex_unlock (&realm->lock);
    if (left > WARNING_DAYS * DAY_S)
        return 0;
    return left <= 0 ? -1 : (int) ((left + DAY_S - 1) / DAY_S);
}
