/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a handshake lets in, over CURVE and through a private folder: each word by which somebody is refused,
 * at both ends, and what the logs say; members in the middle. No socket. */
#include "drivers/zmtp/frame.h"
#include "tests/support/curve_peer.h"
#include "tests/support/must.h"
#include "tests/support/realm_files.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AN_HOUR 3600
#define SKEW GODWIT__CLOCK_SKEW_S

/* A realm with two members, and time as the test has it. */
typedef struct world {
    godwit__test_realm_t *files;
    godwit__realm_t *web, *shop;
} world_t;

static int64_t now_s;

static int64_t
clock_now (void *user)
{
    (void) user;
    return now_s;
}

static godwit__realm_t *
open_realm (const char *path)
{
    godwit__realm_t *realm = NULL;
    const godwit__realm_options_t options = {.path = path, .now_s = clock_now};
    MUST (godwit__realm_open (&realm, &options, &error));
    return realm;
}

static world_t
world_open (void)
{
    world_t world = {.files = godwit__test_realm_new (1)};
    now_s = (int64_t) time (NULL);
    world.web =
        open_realm (godwit__test_realm_issue (world.files, GODWIT__TEST_MEMBER (.name = "web", .serial = 7)));
    world.shop = open_realm (
        godwit__test_realm_issue (world.files, GODWIT__TEST_MEMBER (.name = "shop", .serial = 8)));
    return world;
}

static void
world_close (world_t *world)
{
    godwit__realm_close (&world->web);
    godwit__realm_close (&world->shop);
    godwit__test_realm_destroy (&world->files);
}

/* ---- two ends ---- */

typedef struct ends {
    godwit__zmtp_handshake_config_t link_config, port_config;
    godwit__zmtp_handshake_t link, port;
} ends_t;

static void
begin_end (godwit__zmtp_handshake_t *end, const godwit__zmtp_handshake_config_t *config)
{
    cr_assert_eq (godwit__zmtp_handshake_init (end, config), GODWIT_OK);
    if (config->realm && config->mechanism)
        end->session.keyring = godwit__realm_keyring (config->realm);
}

/* A realm NULL: there is none. */
static void
begin (ends_t *ends, godwit__realm_t *link, godwit__realm_t *port, bool is_private)
{
    const godwit__zmtp_mechanism_t *const curve = is_private ? NULL : &godwit__zmtp_curve;
    *ends = (ends_t){
        .link_config = {.mechanism = link ? curve : NULL, .socket = GODWIT__ZMTP_DEALER, .realm = link},
        .port_config = {.mechanism = port ? curve : NULL,
                        .socket = GODWIT__ZMTP_ROUTER,
                        .accepts = true,
                        .realm = port},
    };
    begin_end (&ends->link, &ends->link_config);
    begin_end (&ends->port, &ends->port_config);
}

static void
finish (ends_t *ends)
{
    godwit__zmtp_handshake_end (&ends->link);
    godwit__zmtp_handshake_end (&ends->port);
}

/* ---- let in ---- */

static void
expect_admitted (const godwit__zmtp_handshake_t *end, const char *name, godwit__realm_t *own)
{
    godwit__credential_t *credential = godwit__realm_credential (own);
    cr_assert_eq (end->state, GODWIT__ZMTP_HANDSHAKE_DONE, "%s", godwit__zmtp_handshake_reason (end));
    cr_assert_not_null (end->admission.party);
    cr_assert_str_eq (end->admission.party->certificate.name, name);
    cr_assert_eq (end->admission.said, credential->number);
    godwit__credential_unref (&credential);
}

Test (zmtp_admission, members_let_each_other_in, .timeout = 60)
{
    world_t world = world_open ();
    for (size_t piece = 1; piece < 400; piece += 7) {
        ends_t ends;
        begin (&ends, world.web, world.shop, piece % 2 == 0);
        zmtp_let_speak (&ends.link, &ends.port, piece);
        expect_admitted (&ends.link, "shop", world.web);
        expect_admitted (&ends.port, "web", world.shop);
        cr_assert_eq (ends.port.admission.bulletin, 0u);
        finish (&ends);
        cr_assert_null (ends.port.admission.party, "nothing is kept");
    }
    world_close (&world);
}

Test (zmtp_admission, each_end_says_which_bulletin_it_has)
{
    world_t world = world_open ();
    ends_t ends;
    godwit__test_realm_revoke_serial (world.files, 99);
    godwit__test_realm_revoke_serial (world.files, 98);
    godwit__test_realm_put_bulletin (world.files, "web");
    MUST (godwit__realm_look (world.web, false, &error));
    for (int is_private = 0; is_private < 2; is_private++) {
        begin (&ends, world.web, world.shop, is_private);
        zmtp_let_speak (&ends.link, &ends.port, SIZE_MAX);
        cr_assert_eq (ends.port.admission.bulletin, 2u);
        cr_assert_eq (ends.link.admission.bulletin, 0u);
        finish (&ends);
    }
    world_close (&world);
}

/* ---- refused ---- */

/* The accepting end refuses: the other one hears the word, and both logs say something. */
static void
expect_refused_by_port (godwit__realm_t *link, godwit__realm_t *port, bool is_private, const char *word,
                        const char *reason)
{
    ends_t ends;
    char told[64];
    begin (&ends, link, port, is_private);
    zmtp_let_speak (&ends.link, &ends.port, SIZE_MAX);
    cr_assert_eq (ends.port.state, GODWIT__ZMTP_HANDSHAKE_FAILED, "%s", word);
    cr_assert_str_eq (godwit__zmtp_handshake_reason (&ends.port), reason);
    cr_assert_str_eq (ends.port.word, word);
    cr_assert (godwit__zmtp_handshake_tells (&ends.port) && !godwit__zmtp_handshake_refused (&ends.port));
    snprintf (told, sizeof told, "refused us: %s", word);
    cr_assert_str_eq (godwit__zmtp_handshake_reason (&ends.link), told);
    cr_assert (!godwit__zmtp_handshake_tells (&ends.link), "an ERROR is not answered");
    cr_assert_null (ends.port.admission.party);
    finish (&ends);
}

/* The connecting end refuses: the other one has said all, and is told in its traffic. */
static void
expect_refused_by_link (godwit__realm_t *link, godwit__realm_t *port, bool is_private, const char *word,
                        const char *reason)
{
    ends_t ends;
    begin (&ends, link, port, is_private);
    zmtp_let_speak (&ends.link, &ends.port, SIZE_MAX);
    cr_assert_eq (ends.port.state, GODWIT__ZMTP_HANDSHAKE_DONE);
    cr_assert_eq (ends.link.state, GODWIT__ZMTP_HANDSHAKE_FAILED, "%s", word);
    cr_assert_str_eq (godwit__zmtp_handshake_reason (&ends.link), reason);
    cr_assert_str_eq (godwit__zmtp_handshake_refused (&ends.link), word);
    cr_assert (!godwit__zmtp_handshake_tells (&ends.link));
    finish (&ends);
}

static void
expect_refused (const world_t *world, const char *word, const char *reason)
{
    for (int is_private = 0; is_private < 2; is_private++) {
        expect_refused_by_port (world->web, world->shop, is_private, word, reason);
        expect_refused_by_link (world->shop, world->web, is_private, word, reason);
    }
}

Test (zmtp_admission, who_was_revoked_is_refused)
{
    world_t world = world_open ();
    godwit__test_realm_revoke (world.files, "web");
    godwit__test_realm_put_bulletin (world.files, "shop");
    MUST (godwit__realm_look (world.shop, false, &error));
    expect_refused (&world, "revoked", "certificate \"web\" (serial 7) was revoked");
    world_close (&world);
}

/* Only the realm that lets in has its clock at another time. */
static int64_t other_s;

static int64_t
other_now (void *user)
{
    (void) user;
    return other_s;
}

static void
check_at (world_t *world, int64_t when)
{
    const godwit__realm_options_t options = {.path = godwit__test_realm_path (world->files, "shop"),
                                             .now_s = other_now};
    other_s = now_s;
    godwit__realm_close (&world->shop);
    MUST (godwit__realm_open (&world->shop, &options, &error));
    other_s = when;
}

Test (zmtp_admission, who_comes_too_late_or_too_early_is_refused)
{
    world_t world = world_open ();
    godwit__realm_close (&world.web);
    world.web = open_realm (
        godwit__test_realm_issue (world.files, GODWIT__TEST_MEMBER (.name = "web", .serial = 7, .from = now_s,
                                                                    .until = now_s + AN_HOUR)));
    ends_t ends;
    check_at (&world, now_s + AN_HOUR + SKEW - 1);
    begin (&ends, world.web, world.shop, false);
    zmtp_let_speak (&ends.link, &ends.port, SIZE_MAX);
    expect_admitted (&ends.port, "web", world.shop);
    finish (&ends);
    check_at (&world, now_s + AN_HOUR + SKEW);
    expect_refused (&world, "expired", "certificate \"web\" (serial 7) has ended");
    check_at (&world, now_s - SKEW - 1);
    expect_refused_by_port (world.web, world.shop, false, "not-yet-valid",
                            "certificate \"web\" (serial 7) is not valid yet");
    world_close (&world);
}

Test (zmtp_admission, who_is_of_another_realm_is_refused)
{
    world_t world = world_open ();
    godwit__test_realm_t *foreign = godwit__test_realm_foreign (world.files, 5);
    godwit__realm_close (&world.web);
    world.web =
        open_realm (godwit__test_realm_issue (foreign, GODWIT__TEST_MEMBER (.name = "web", .serial = 7)));
    const char *const reason = "certificate \"web\" (serial 7) is of another realm";
    expect_refused_by_port (world.web, world.shop, false, "wrong-realm", reason);
    expect_refused_by_port (world.web, world.shop, true, "wrong-realm", reason);
    world_close (&world);
    godwit__test_realm_destroy (&foreign);
}

/* Neither end knows more of the other than that, over tcp: the mechanisms say it. */
Test (zmtp_admission, ends_of_which_only_one_has_a_realm_refuse_each_other_with_a_reason)
{
    world_t world = world_open ();
    expect_refused_by_port (NULL, world.shop, true, "no-certificate", "it has no certificate");
    expect_refused_by_port (world.web, NULL, true, "no-certificate",
                            "it has a realm, and this process has none");
    for (int way = 0; way < 2; way++) {
        ends_t ends;
        begin (&ends, way ? world.web : NULL, way ? NULL : world.shop, false);
        zmtp_let_speak (&ends.link, &ends.port, SIZE_MAX);
        const godwit__zmtp_handshake_t *const member = way ? &ends.link : &ends.port;
        const godwit__zmtp_handshake_t *const other = way ? &ends.port : &ends.link;
        cr_assert_str_eq (
            godwit__zmtp_handshake_reason (member),
            "the mechanism \"NULL\", here \"CURVE\" is spoken: it has no realm (no-certificate)");
        cr_assert_str_eq (
            godwit__zmtp_handshake_reason (other),
            "the mechanism \"CURVE\", here \"NULL\" is spoken: this process has no realm (no-certificate)");
        cr_assert (member->word && other->word);
        finish (&ends);
    }
    world_close (&world);
}

/* ---- properties as nobody of us says them ---- */

static void
add (zmtp_bytes_t *properties, const char *name, const void *value, size_t size)
{
    uint8_t room[4096];
    const godwit__zmtp_property_t property = {
        .name = (const uint8_t *) name, .name_size = strlen (name), .value = value, .value_size = size};
    const size_t used = godwit__zmtp_property_write (room, sizeof room, &property);
    cr_assert_gt (used, 0u);
    *properties = zmtp_join (*properties, zmtp_bytes_of (room, used));
}

static zmtp_bytes_t
member_properties (const char *socket_type)
{
    zmtp_bytes_t properties = curve_properties (socket_type);
    add (&properties, GODWIT__ZMTP_ENGINE, "1", 1);
    return properties;
}

/* What the end makes of them; "": it lets the peer in. */
static const char *
check (godwit__realm_t *realm, const zmtp_bytes_t *properties)
{
    static char text[GODWIT__ADMIT_TEXT];
    const godwit__zmtp_handshake_config_t config = {
        .accepts = true, .socket = GODWIT__ZMTP_ROUTER, .realm = realm};
    const godwit__zmtp_session_t session = {.accepts = true};
    godwit__zmtp_admission_t admission = {.party = NULL};
    text[0] = '\0';
    const char *const word = godwit__zmtp_admission_check (&admission, &config, &session, properties->data,
                                                           properties->size, text);
    cr_assert_eq (word != NULL, text[0] != '\0', "%s: %s", word, text);
    cr_assert_eq (word == NULL, admission.party != NULL);
    cr_assert (!word || strcmp (word, "no-certificate") == 0, "%s", word);
    godwit__zmtp_admission_end (&admission);
    return text;
}

Test (zmtp_admission, malformed_properties_are_no_certificate)
{
    world_t world = world_open ();
    godwit__credential_t *credential = godwit__realm_credential (world.web);
    const zmtp_bytes_t none = curve_properties ("DEALER");
    cr_assert_str_eq (check (world.shop, &none), "it has no certificate");
    free (none.data);
    zmtp_bytes_t foreign = curve_properties ("DEALER");
    add (&foreign, "X-Godwit-Credential", credential->bytes, credential->size);
    cr_assert_str_eq (check (world.shop, &foreign),
                      "it does not say X-Godwit-Engine, as members of realms do");
    free (foreign.data);
    zmtp_bytes_t good = member_properties ("DEALER");
    add (&good, "X-Godwit-Credential", credential->bytes, credential->size);
    cr_assert_str_eq (check (world.shop, &good), "");
    add (&good, "X-Godwit-Credential", credential->bytes, credential->size);
    cr_assert_str_eq (check (world.shop, &good), "it says a property of its realm twice");
    free (good.data);
    for (size_t size = 0; size < 10; size++) {
        zmtp_bytes_t bulletin = member_properties ("DEALER");
        add (&bulletin, "X-Godwit-Credential", credential->bytes, credential->size);
        add (&bulletin, "X-Godwit-Bulletin", "\0\0\0\0\0\0\0\0\0", size);
        cr_assert_str_eq (check (world.shop, &bulletin),
                          size == 8 ? "" : "the number of its bulletin has not 8 bytes");
        free (bulletin.data);
    }
    for (size_t size = 0; size < credential->size; size++) {
        zmtp_bytes_t cut = member_properties ("DEALER");
        add (&cut, "X-Godwit-Credential", credential->bytes, size);
        cr_assert (check (world.shop, &cut)[0], "%zu bytes of it are no credential", size);
        free (cut.data);
    }
    godwit__credential_unref (&credential);
    world_close (&world);
}

Test (zmtp_admission, a_credential_that_was_changed_is_none)
{
    world_t world = world_open ();
    godwit__credential_t *credential = godwit__realm_credential (world.web);
    zmtp_bytes_t properties = member_properties ("DEALER");
    add (&properties, "X-Godwit-Credential", credential->bytes, credential->size);
    uint8_t *const body = properties.data + properties.size - credential->size;
    for (size_t at = 0; at < credential->size; at++) {
        godwit__zmtp_admission_t admission = {.party = NULL};
        const godwit__zmtp_handshake_config_t config = {.accepts = true, .realm = world.shop};
        const godwit__zmtp_session_t session = {.accepts = true};
        char text[GODWIT__ADMIT_TEXT];
        body[at] ^= 1;
        cr_assert (godwit__zmtp_admission_check (&admission, &config, &session, properties.data,
                                                 properties.size, text),
                   "byte %zu may be anything", at);
        for (const char *c = text; *c; c++)
            cr_assert (*c >= 0x20 && *c < 0x7f);
        body[at] ^= 1;
    }
    free (properties.data);
    godwit__credential_unref (&credential);
    world_close (&world);
}

/* ---- members in the middle ---- */

/* A peer of ours, with the keys of a member. */
static curve_peer_t
peer_of (bool accepts, const godwit__keyring_t *keyring)
{
    curve_peer_t peer = curve_peer (accepts, 1, 2, 3);
    memcpy (peer.door.open, keyring->doors[0], CURVE_KEY);
    memcpy (peer.door.secret, keyring->door_secrets[0], CURVE_KEY);
    memcpy (peer.process.open, keyring->curve, CURVE_KEY);
    memcpy (peer.process.secret, keyring->curve_secret, CURVE_KEY);
    memcpy (peer.vouched_door, peer.door.open, CURVE_KEY);
    return peer;
}

/* The peer takes the command that waits in an end. */
static void
pass (godwit__zmtp_handshake_t *end, curve_peer_t *peer,
      bool (*take) (curve_peer_t *peer, const uint8_t *body, size_t size))
{
    const zmtp_bytes_t body = curve_take_command (end);
    cr_assert (take (peer, body.data, body.size));
    free (body.data);
}

/* The same for one that carries properties. */
static zmtp_bytes_t
pass_properties (godwit__zmtp_handshake_t *end, curve_peer_t *peer,
                 bool (*take) (curve_peer_t *peer, const uint8_t *body, size_t size,
                               zmtp_bytes_t *properties))
{
    zmtp_bytes_t properties = {.size = 0};
    const zmtp_bytes_t body = curve_take_command (end);
    cr_assert (take (peer, body.data, body.size, &properties));
    free (body.data);
    return properties;
}

/* The peer talks to an end that accepts, up to its INITIATE with these properties. */
static void
reach_port (curve_peer_t *peer, godwit__zmtp_handshake_t *port, zmtp_bytes_t properties)
{
    cr_assert (curve_give (port, curve_greeting ()));
    cr_assert (curve_give (port, curve_peer_hello (peer)));
    pass (port, peer, curve_peer_take_welcome);
    curve_give (port, curve_peer_initiate (peer, properties));
}

/* The peer talks to an end that connects, up to the INITIATE of that. */
static void
reach_link (curve_peer_t *peer, godwit__zmtp_handshake_t *link, zmtp_bytes_t *properties)
{
    cr_assert (curve_give (link, curve_greeting ()));
    pass (link, peer, curve_peer_take_hello);
    cr_assert (curve_give (link, curve_peer_welcome (peer)));
    *properties = pass_properties (link, peer, curve_peer_take_initiate);
}

/* "thief" has a certificate, and the door, and stands between "web", which connects, and "shop". */
typedef struct middle {
    world_t world;
    godwit__realm_t *thief;
    godwit__keyring_t *keyring;
    ends_t ends;
    curve_peer_t to_link, to_port;
    zmtp_bytes_t of_link; /* what "web" said */
} middle_t;

static void
stand_between (middle_t *middle)
{
    *middle = (middle_t){.world = world_open ()};
    middle->thief =
        open_realm (godwit__test_realm_issue (middle->world.files, GODWIT__TEST_MEMBER (.name = "thief")));
    middle->keyring = godwit__realm_keyring (middle->thief);
    begin (&middle->ends, middle->world.web, middle->world.shop, false);
    middle->to_link = peer_of (true, middle->keyring);
    middle->to_port = peer_of (false, middle->keyring);
    reach_link (&middle->to_link, &middle->ends.link, &middle->of_link);
}

static void
step_aside (middle_t *middle)
{
    free (middle->of_link.data);
    finish (&middle->ends);
    godwit__keyring_unref (&middle->keyring);
    godwit__realm_close (&middle->thief);
    world_close (&middle->world);
}

/* It shows the port what the link has said: a stolen credential. */
Test (zmtp_admission, a_credential_serves_only_the_process_that_it_was_made_for)
{
    middle_t middle;
    stand_between (&middle);
    reach_port (&middle.to_port, &middle.ends.port, middle.of_link);
    cr_assert_eq (middle.ends.port.state, GODWIT__ZMTP_HANDSHAKE_FAILED);
    cr_assert_str_eq (middle.ends.port.word, "other-key");
    cr_assert_str_eq (godwit__zmtp_handshake_reason (&middle.ends.port),
                      "certificate \"web\" (serial 7): its process proof is for another key");
    step_aside (&middle);
}

/* It goes to the port as itself, and shows the link what the port has said, welcome and all. */
Test (zmtp_admission, a_welcome_serves_only_the_connection_that_it_was_made_for)
{
    middle_t middle;
    zmtp_bytes_t own = member_properties ("DEALER");
    stand_between (&middle);
    godwit__credential_t *credential = godwit__realm_credential (middle.thief);
    add (&own, "X-Godwit-Credential", credential->bytes, credential->size);
    godwit__credential_unref (&credential);
    reach_port (&middle.to_port, &middle.ends.port, own);
    free (own.data);
    cr_assert_eq (middle.ends.port.state, GODWIT__ZMTP_HANDSHAKE_DONE, "%s",
                  godwit__zmtp_handshake_reason (&middle.ends.port));
    const zmtp_bytes_t of_port = pass_properties (&middle.ends.port, &middle.to_port, curve_peer_take_ready);
    cr_assert (!curve_give (&middle.ends.link, curve_peer_ready (&middle.to_link, of_port)));
    free (of_port.data);
    cr_assert_str_eq (godwit__zmtp_handshake_refused (&middle.ends.link), "other-key");
    cr_assert_str_eq (godwit__zmtp_handshake_reason (&middle.ends.link),
                      "certificate \"shop\" (serial 8): its welcome is not for this connection; somebody in "
                      "between has another");
    step_aside (&middle);
}

/* It has the door, and knows what the port would say of itself, but cannot sign for it. */
static void
expect_unwelcome (const void *welcome, size_t size)
{
    middle_t middle;
    zmtp_bytes_t of_port = member_properties ("ROUTER");
    stand_between (&middle);
    godwit__credential_t *credential = godwit__realm_credential (middle.world.shop);
    add (&of_port, "X-Godwit-Credential", credential->bytes, credential->size);
    godwit__credential_unref (&credential);
    if (welcome)
        add (&of_port, "X-Godwit-Welcome", welcome, size);
    cr_assert (!curve_give (&middle.ends.link, curve_peer_ready (&middle.to_link, of_port)));
    free (of_port.data);
    cr_assert_str_eq (godwit__zmtp_handshake_refused (&middle.ends.link), "other-key");
    step_aside (&middle);
}

Test (zmtp_admission, no_certificate_stands_in_for_a_welcome)
{
    static const uint8_t zeros[GODWIT__SIGNATURE_SIZE + 1];
    expect_unwelcome (NULL, 0);
    for (size_t size = 0; size <= sizeof zeros; size++)
        expect_unwelcome (zeros, size);
}

/* As itself it is let in by both: it is a member. */
Test (zmtp_admission, who_signs_the_welcome_itself_is_known_by_its_own_name)
{
    middle_t middle;
    godwit__welcome_t welcome;
    uint8_t signature[GODWIT__SIGNATURE_SIZE];
    zmtp_bytes_t own = member_properties ("ROUTER");
    stand_between (&middle);
    godwit__credential_t *credential = godwit__realm_credential (middle.thief);
    memcpy (welcome.client, middle.to_link.process.open, CURVE_KEY);
    memcpy (welcome.client_transient, middle.to_link.other, CURVE_KEY);
    memcpy (welcome.server_transient, middle.to_link.mine.open, CURVE_KEY);
    memcpy (welcome.instance, godwit__realm_instance (middle.thief), sizeof welcome.instance);
    godwit__realm_sign_welcome (middle.thief, &welcome, signature);
    add (&own, "X-Godwit-Credential", credential->bytes, credential->size);
    add (&own, "X-Godwit-Welcome", signature, sizeof signature);
    curve_give (&middle.ends.link, curve_peer_ready (&middle.to_link, own));
    free (own.data);
    expect_admitted (&middle.ends.link, "thief", middle.world.web);
    godwit__credential_unref (&credential);
    step_aside (&middle);
}

/* ---- what comes from outside is text ---- */

Test (zmtp_admission, words_of_the_peer_are_cleaned)
{
    char text[GODWIT__ADMIT_TEXT];
    uint8_t word[255];
    cr_assert (godwit__zmtp_admission_is_word ((const uint8_t *) "revoked", 7));
    cr_assert (!godwit__zmtp_admission_is_word ((const uint8_t *) "revoked!", 8));
    cr_assert (!godwit__zmtp_admission_is_word ((const uint8_t *) "", 0));
    godwit__zmtp_admission_refused_us (text, (const uint8_t *) "re\nvo\x1bked", 9);
    cr_assert_str_eq (text, "refused us: re?vo?ked");
    godwit__zmtp_admission_refused_us (text, (const uint8_t *) "", 0);
    cr_assert_str_eq (text, "refused us: it does not say why");
    memset (word, 'a', sizeof word);
    godwit__zmtp_admission_refused_us (text, word, sizeof word);
    cr_assert_lt (strlen (text), 100u);
    cr_assert (godwit__zmtp_admission_is_refused_us (text));
    cr_assert (!godwit__zmtp_admission_is_refused_us ("refused by the peer: no room"));
}
