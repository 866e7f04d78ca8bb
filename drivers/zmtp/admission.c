/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/admission.h"

#include <stdio.h>
#include <string.h>

#define NUMBER_SIZE 8
#define SHOWN_SIZE 64 /* of a word from outside, as text */

/* ---- what this end says ---- */

static bool
add (uint8_t *out, size_t room, size_t *used, const char *name, const void *value, size_t size)
{
    const godwit__zmtp_property_t property = {
        .name = (const uint8_t *) name,
        .name_size = strlen (name),
        .value = value,
        .value_size = size,
    };
    const size_t written = godwit__zmtp_property_write (out + *used, room - *used, &property);
    *used += written;
    return written > 0;
}

static bool
add_bulletin (godwit__realm_t *realm, uint8_t *out, size_t room, size_t *used)
{
    uint8_t bytes[NUMBER_SIZE];
    uint64_t number = godwit__realm_bulletin_number (realm);
    if (number == 0)
        return true;
    for (size_t i = NUMBER_SIZE; i-- > 0; number >>= 8)
        bytes[i] = (uint8_t) number;
    return add (out, room, used, GODWIT__ZMTP_BULLETIN_PROPERTY, bytes, sizeof bytes);
}

static void
fill_welcome (godwit__welcome_t *welcome, const godwit__zmtp_session_t *session, const uint8_t *instance)
{
    memcpy (welcome->client, session->client, sizeof welcome->client);
    memcpy (welcome->client_transient, session->client_transient, sizeof welcome->client_transient);
    memcpy (welcome->server_transient, session->server_transient, sizeof welcome->server_transient);
    memcpy (welcome->instance, instance, sizeof welcome->instance);
}

/* The end that accepts says it over CURVE: there the connecting end knows nothing of it but that it has the
 * door. */
static bool
add_welcome (godwit__realm_t *realm, const godwit__zmtp_session_t *session, uint8_t *out, size_t room,
             size_t *used)
{
    godwit__welcome_t welcome;
    uint8_t signature[GODWIT__SIGNATURE_SIZE];
    if (!session->keyring || !session->accepts)
        return true;
    fill_welcome (&welcome, session, godwit__realm_instance (realm));
    godwit__realm_sign_welcome (realm, &welcome, signature);
    return add (out, room, used, GODWIT__ZMTP_WELCOME_PROPERTY, signature, sizeof signature);
}

const char *
godwit__zmtp_admission_say (godwit__zmtp_admission_t *admission,
                            const godwit__zmtp_handshake_config_t *config,
                            const godwit__zmtp_session_t *session, uint8_t *out, size_t room, size_t *used)
{
    if (!config->realm)
        return NULL;
    godwit__credential_t *credential = godwit__realm_credential (config->realm);
    const bool fits =
        add (out, room, used, GODWIT__ZMTP_CREDENTIAL_PROPERTY, credential->bytes, credential->size) &&
        add_bulletin (config->realm, out, room, used) &&
        add_welcome (config->realm, session, out, room, used);
    admission->said = credential->number;
    godwit__credential_unref (&credential);
    return fits ? NULL : "the properties of this end are too large";
}

/* ---- what the peer says ---- */

typedef struct said {
    godwit__zmtp_property_t credential, bulletin, welcome; /* value NULL: it does not say it */
    bool is_twice;
    bool is_engine;
} said_t;

static void
note (said_t *said, const godwit__zmtp_property_t *property)
{
    godwit__zmtp_property_t *place = NULL;
    if (godwit__zmtp_property_is (property, GODWIT__ZMTP_ENGINE))
        said->is_engine = true;
    else if (godwit__zmtp_property_is (property, GODWIT__ZMTP_CREDENTIAL_PROPERTY))
        place = &said->credential;
    else if (godwit__zmtp_property_is (property, GODWIT__ZMTP_BULLETIN_PROPERTY))
        place = &said->bulletin;
    else if (godwit__zmtp_property_is (property, GODWIT__ZMTP_WELCOME_PROPERTY))
        place = &said->welcome;
    if (!place)
        return;
    said->is_twice = said->is_twice || place->value;
    *place = *property;
}

static said_t
read_said (const uint8_t *properties, size_t size)
{
    said_t said = {.is_twice = false};
    godwit__zmtp_property_t property;
    const char *wrong;
    while (godwit__zmtp_property_next (&properties, &size, &property, &wrong))
        note (&said, &property);
    return said;
}

static const char *
refuse (char text[GODWIT__ADMIT_TEXT], godwit__no_entry_t reason, const char *why)
{
    snprintf (text, GODWIT__ADMIT_TEXT, "%s", why);
    return godwit__no_entry_word (reason);
}

static uint64_t
read_number (const uint8_t *bytes)
{
    uint64_t number = 0;
    for (size_t i = 0; i < NUMBER_SIZE; i++)
        number = number << 8 | bytes[i];
    return number;
}

/* NULL, or what is wrong with how it is said. Members count their nonces without gaps, and say that they do:
 * otherwise what was cut out would not be seen. */
static const char *
wrong_with_form (const said_t *said)
{
    if (!said->credential.value)
        return "it has no certificate";
    if (said->is_twice)
        return "it says a property of its realm twice";
    if (!said->is_engine)
        return "it does not say " GODWIT__ZMTP_ENGINE ", as members of realms do";
    if (said->bulletin.value && said->bulletin.value_size != NUMBER_SIZE)
        return "the number of its bulletin has not 8 bytes";
    return NULL;
}

static bool
is_welcome (const said_t *said, const godwit__party_t *party, const godwit__zmtp_session_t *session)
{
    godwit__welcome_t welcome;
    if (!session->keyring || session->accepts)
        return true;
    fill_welcome (&welcome, session, party->instance);
    return said->welcome.value &&
           godwit__party_has_welcomed (party, &welcome, said->welcome.value, said->welcome.value_size);
}

/* Over CURVE the key of the connecting end is proven; that of the accepting end never is, and the welcome
 * proof stands in for it. */
static const char *
admit (godwit__zmtp_admission_t *admission, godwit__realm_t *realm, const godwit__zmtp_session_t *session,
       const said_t *said, char text[GODWIT__ADMIT_TEXT])
{
    const uint8_t *const proven = session->keyring && session->accepts ? session->client : NULL;
    godwit__party_t *party = NULL;
    const godwit__no_entry_t refusal = godwit__realm_admit (
        realm, said->credential.value, said->credential.value_size, proven, &party, text);
    if (refusal != GODWIT__NO_ENTRY_NONE)
        return godwit__no_entry_word (refusal);
    if (!is_welcome (said, party, session)) {
        snprintf (text, GODWIT__ADMIT_TEXT,
                  "certificate \"%s\" (serial %llx): its welcome is not for this connection; somebody in "
                  "between has another",
                  party->certificate.name, (unsigned long long) party->certificate.serial);
        godwit__party_unref (&party);
        return godwit__no_entry_word (GODWIT__NO_ENTRY_OTHER_KEY);
    }
    godwit__party_unref (&admission->party);
    admission->party = party;
    admission->bulletin = said->bulletin.value ? read_number (said->bulletin.value) : 0;
    return NULL;
}

const char *
godwit__zmtp_admission_check (godwit__zmtp_admission_t *admission,
                              const godwit__zmtp_handshake_config_t *config,
                              const godwit__zmtp_session_t *session, const uint8_t *properties, size_t size,
                              char text[GODWIT__ADMIT_TEXT])
{
    const said_t said = read_said (properties, size);
    if (!config->realm && said.credential.value)
        return refuse (text, GODWIT__NO_ENTRY_NO_CERTIFICATE, "it has a realm, and this process has none");
    if (!config->realm)
        return NULL;
    const char *const wrong = wrong_with_form (&said);
    if (wrong)
        return refuse (text, GODWIT__NO_ENTRY_NO_CERTIFICATE, wrong);
    return admit (admission, config->realm, session, &said, text);
}

void
godwit__zmtp_admission_end (godwit__zmtp_admission_t *admission)
{
    godwit__party_unref (&admission->party);
}

/* ---- what the peer makes of this end ---- */

bool
godwit__zmtp_admission_is_word (const uint8_t *word, size_t size)
{
    for (int i = GODWIT__NO_ENTRY_NO_CERTIFICATE; i <= GODWIT__NO_ENTRY_NO_MEMORY; i++) {
        const char *const known = godwit__no_entry_word ((godwit__no_entry_t) i);
        if (strlen (known) == size && memcmp (known, word, size) == 0)
            return true;
    }
    return false;
}

void
godwit__zmtp_admission_refused_us (char text[GODWIT__ADMIT_TEXT], const uint8_t *word, size_t size)
{
    char shown[SHOWN_SIZE];
    snprintf (text, GODWIT__ADMIT_TEXT, GODWIT__ZMTP_REFUSED_US "%s",
              size ? godwit__zmtp_printable (shown, sizeof shown, word, size) : "it does not say why");
}

bool
godwit__zmtp_admission_is_refused_us (const char *reason)
{
    return strncmp (reason, GODWIT__ZMTP_REFUSED_US, strlen (GODWIT__ZMTP_REFUSED_US)) == 0;
}
