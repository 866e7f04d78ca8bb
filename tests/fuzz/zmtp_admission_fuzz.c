/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as properties in the handshake of a member, beside good ones: an end lets in who has a good
 * credential and, over CURVE, has welcomed it, and nobody else; it says one known word to all others, and a
 * line of printable text to its log.
 *
 *    0      1
 *    | how  | properties
 *
 * how: bit 0 this end accepts; bit 1 over CURVE; bit 2 it has no realm; bit 3 a good credential is added; bit
 * 4 the welcome that belongs to it; bit 5 the room for what this end says is what the last byte tells. */
#include "drivers/zmtp/admission.h"
#include "tests/support/realm_files.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#define NOW INT64_C (1800000000)
enum { ACCEPTS = 1, CURVE = 2, NO_REALM = 4, CREDENTIAL = 8, WELCOME = 16, LITTLE_ROOM = 32 };

static godwit__realm_t *host, *peer;
static godwit__keyring_t *of_host, *of_peer;

static void
check (bool good)
{
    if (!good)
        abort ();
}

static int64_t
tell_time (void *user)
{
    (void) user;
    return NOW;
}

static godwit__realm_t *
open_member (godwit__test_realm_t *files, const char *name)
{
    godwit__realm_t *realm = NULL;
    const godwit__realm_options_t options = {
        .path = godwit__test_realm_issue (
            files, GODWIT__TEST_MEMBER (.name = name, .from = NOW - 1000, .until = NOW + 1000)),
        .now_s = tell_time};
    check (godwit__realm_open (&realm, &options, NULL) == GODWIT_OK);
    return realm;
}

static void
make_members (void)
{
    godwit__test_realm_t *files = godwit__test_realm_new (1);
    host = open_member (files, "host");
    peer = open_member (files, "peer");
    of_host = godwit__realm_keyring (host);
    of_peer = godwit__realm_keyring (peer);
    godwit__test_realm_destroy (&files);
}

/* What a handshake has found out when the properties of the peer have come. */
static godwit__zmtp_session_t
session_of (unsigned how)
{
    godwit__zmtp_session_t session = {.accepts = how & ACCEPTS, .is_peer_accepted = true};
    if (how & CURVE)
        session.keyring = of_host;
    memcpy (session.client, how & ACCEPTS ? of_peer->curve : of_host->curve, sizeof session.client);
    memset (session.client_transient, 1, sizeof session.client_transient);
    memset (session.server_transient, 2, sizeof session.server_transient);
    return session;
}

static size_t
add (uint8_t *out, size_t room, const char *name, const void *value, size_t size)
{
    const godwit__zmtp_property_t property = {
        .name = (const uint8_t *) name, .name_size = strlen (name), .value = value, .value_size = size};
    const size_t used = godwit__zmtp_property_write (out, room, &property);
    check (used > 0);
    return used;
}

static size_t
add_welcome (uint8_t *out, size_t room, const godwit__zmtp_session_t *session)
{
    godwit__welcome_t welcome;
    uint8_t signature[GODWIT__SIGNATURE_SIZE];
    memcpy (welcome.client, session->client, sizeof welcome.client);
    memcpy (welcome.client_transient, session->client_transient, sizeof welcome.client_transient);
    memcpy (welcome.server_transient, session->server_transient, sizeof welcome.server_transient);
    memcpy (welcome.instance, godwit__realm_instance (peer), sizeof welcome.instance);
    godwit__realm_sign_welcome (peer, &welcome, signature);
    return add (out, room, GODWIT__ZMTP_WELCOME_PROPERTY, signature, sizeof signature);
}

/* Whether they are well-formed, as the handshake has found out before; and without one of the realm. */
static bool
is_formed (const uint8_t *data, size_t size, bool *is_plain)
{
    godwit__zmtp_property_t property;
    const char *wrong = NULL;
    *is_plain = true;
    while (godwit__zmtp_property_next (&data, &size, &property, &wrong))
        if (godwit__zmtp_property_is (&property, GODWIT__ZMTP_CREDENTIAL_PROPERTY) ||
            godwit__zmtp_property_is (&property, GODWIT__ZMTP_BULLETIN_PROPERTY) ||
            godwit__zmtp_property_is (&property, GODWIT__ZMTP_WELCOME_PROPERTY))
            *is_plain = false;
    return !wrong;
}

static void
check_told (const char *word, const char *text)
{
    check (godwit__zmtp_admission_is_word ((const uint8_t *) word, strlen (word)));
    check (*text && strlen (text) < GODWIT__ADMIT_TEXT);
    for (; *text; text++)
        check (*text >= 0x20 && *text < 0x7f);
}

static void
come (const godwit__zmtp_handshake_config_t *config, unsigned how, const uint8_t *data, size_t size)
{
    static uint8_t properties[70000];
    const godwit__zmtp_session_t session = session_of (how);
    godwit__credential_t *credential = godwit__realm_credential (peer);
    godwit__zmtp_admission_t admission = {.party = NULL};
    char text[GODWIT__ADMIT_TEXT] = "";
    size_t used = size;
    bool is_plain;
    memcpy (properties, data, size);
    if (how & CREDENTIAL) { /* a member says that it is an engine, too */
        used += add (properties + used, sizeof properties - used, GODWIT__ZMTP_ENGINE, "1", 1);
        used += add (properties + used, sizeof properties - used, GODWIT__ZMTP_CREDENTIAL_PROPERTY,
                     credential->bytes, credential->size);
    }
    if (how & WELCOME)
        used += add_welcome (properties + used, sizeof properties - used, &session);
    godwit__credential_unref (&credential);
    if (!is_formed (data, size, &is_plain))
        return;
    const char *const word =
        godwit__zmtp_admission_check (&admission, config, &session, properties, used, text);
    const bool is_welcome = !(how & CURVE) || (how & ACCEPTS) || (how & WELCOME);
    if (is_plain && !(how & NO_REALM))
        check (!word == ((how & CREDENTIAL) && is_welcome));
    check (!(how & NO_REALM) || !admission.party);
    check ((how & NO_REALM) || !word == (admission.party != NULL));
    if (word)
        check_told (word, text);
    godwit__zmtp_admission_end (&admission);
}

/* Nothing is written past the room, and all of it can be read. */
static void
speak (const godwit__zmtp_handshake_config_t *config, unsigned how, size_t room)
{
    const godwit__zmtp_session_t session = session_of (how);
    godwit__zmtp_admission_t admission = {.party = NULL};
    uint8_t *const out = malloc (room ? room : 1);
    size_t used = 0;
    bool is_plain;
    check (out != NULL);
    const char *const wrong = godwit__zmtp_admission_say (&admission, config, &session, out, room, &used);
    check (used <= room && is_formed (out, used, &is_plain));
    check (wrong || is_plain == !config->realm);
    free (out);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (!host)
        make_members ();
    if (size < 1 || size > 65536)
        return 0;
    const unsigned how = data[0];
    const godwit__zmtp_handshake_config_t config = {.accepts = how & ACCEPTS,
                                                    .realm = how & NO_REALM ? NULL : host};
    come (&config, how, data + 1, size - 1);
    speak (&config, how, how & LITTLE_ROOM ? 4 * (size_t) data[size - 1] : 4096);
    return 0;
}
