/* SPDX-License-Identifier: Apache-2.0 */
/* The handshake of ZMTP: with what libzmq 4.3.4 sends (recorded once from its sockets, over a plain TCP
 * socket), with itself, in pieces of every size; what is said and accepted; what it costs. What is refused:
 * zmtp_refusal_test.c. */
#include "drivers/zmtp/frame.h"
#include "tests/support/zmtp_ends.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/short_memory.h"

/* The greeting of libzmq: 10 bytes, then, with whatever comes first of the other side, one and 53. */
#define GREETING                                                                                             \
    "ff 00 00 00 00 00 00 00 01 7f "                                                                         \
    "03 01 4e 55 4c 4c 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "       \
    "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "
#define SOCKET_TYPE "0b 53 6f 63 6b 65 74 2d 54 79 70 65 00 00 00 "
#define NO_IDENTITY "08 49 64 65 6e 74 69 74 79 00 00 00 00"

static const struct {
    godwit__zmtp_socket_t own;
    bool accepts;
    godwit__zmtp_socket_t peer;
    const char *hex;
} recorded[] = {
    {GODWIT__ZMTP_ROUTER, true, GODWIT__ZMTP_DEALER,
     GREETING "04 29 05 52 45 41 44 59 " SOCKET_TYPE "06 44 45 41 4c 45 52 " NO_IDENTITY},
    {GODWIT__ZMTP_DEALER, false, GODWIT__ZMTP_ROUTER,
     GREETING "04 29 05 52 45 41 44 59 " SOCKET_TYPE "06 52 4f 55 54 45 52 " NO_IDENTITY},
    {GODWIT__ZMTP_XPUB, true, GODWIT__ZMTP_SUB,
     GREETING "04 19 05 52 45 41 44 59 " SOCKET_TYPE "03 53 55 42"},
    {GODWIT__ZMTP_PUB, false, GODWIT__ZMTP_XSUB,
     GREETING "04 1a 05 52 45 41 44 59 " SOCKET_TYPE "04 58 53 55 42"},
    {GODWIT__ZMTP_SUB, false, GODWIT__ZMTP_PUB,
     GREETING "04 19 05 52 45 41 44 59 " SOCKET_TYPE "03 50 55 42"},
    {GODWIT__ZMTP_XSUB, true, GODWIT__ZMTP_XPUB,
     GREETING "04 1a 05 52 45 41 44 59 " SOCKET_TYPE "04 58 50 55 42"},
};
#define RECORDED (sizeof recorded / sizeof *recorded)

/* What this end sends as a DEALER: engine.md's 64 bytes at once, then READY. */
#define OWN_GREETING                                                                                         \
    "ff 00 00 00 00 00 00 00 00 7f "                                                                         \
    "03 01 4e 55 4c 4c 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "       \
    "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "
#define OWN_READY                                                                                            \
    "04 31 05 'READY' 0b 'Socket-Type' 00 00 00 06 'DEALER' 0f 'X-Godwit-Engine' 00 00 00 01 '1'"

static void
begin (godwit__zmtp_handshake_t *end, const godwit__zmtp_handshake_config_t *config)
{
    cr_assert_eq (godwit__zmtp_handshake_init (end, config), GODWIT_OK);
}

/* Takes what waits, which has to be these bytes. */
static void
expect_out (godwit__zmtp_handshake_t *end, const char *hex)
{
    const zmtp_bytes_t out = zmtp_take_out (end);
    const zmtp_bytes_t expected = zmtp_unhex (hex);
    cr_assert_eq (out.size, expected.size, "%zu bytes wait, not %zu", out.size, expected.size);
    cr_assert (!memcmp (out.data, expected.data, out.size), "%s", hex);
    free (out.data);
    free (expected.data);
}

/* ---- with libzmq ---- */

/* Feeds `first` bytes, and then pieces. Nine bytes of the first frame come behind the handshake. */
static void
meet (size_t row, size_t first, size_t piece)
{
    const godwit__zmtp_handshake_config_t config = {.socket = recorded[row].own,
                                                    .accepts = recorded[row].accepts};
    const zmtp_bytes_t bytes = zmtp_join (zmtp_unhex (recorded[row].hex), zmtp_unhex ("00 07 'message'"));
    godwit__zmtp_handshake_t end;
    size_t given = 0;
    size_t left = 0;
    begin (&end, &config);
    first = first < bytes.size ? first : bytes.size;
    zmtp_feed_pieces (&end, bytes.data, first, first, &given, &left);
    size_t at = given;
    if (end.state == GODWIT__ZMTP_HANDSHAKE_MORE) {
        zmtp_feed_pieces (&end, bytes.data + at, bytes.size - at, piece, &given, &left);
        at += given;
    }
    cr_assert_eq (end.state, GODWIT__ZMTP_HANDSHAKE_DONE, "row %zu, %zu bytes, then %zu: %s", row, first,
                  piece, godwit__zmtp_handshake_reason (&end));
    cr_assert_eq (at - left, bytes.size - 9, "row %zu, %zu bytes, then %zu: %zu are left", row, first, piece,
                  left);
    cr_assert (end.peer_socket == recorded[row].peer && end.peer_minor == 1 && !end.is_peer_engine);
    cr_assert_null (end.body, "no memory is kept");
    godwit__zmtp_handshake_end (&end);
    free (bytes.data);
}

Test (zmtp_handshake, meets_libzmq_in_pieces_of_every_size)
{
    for (size_t row = 0; row < RECORDED; row++)
        for (size_t piece = 1; piece <= 130; piece++)
            meet (row, piece, piece);
}

Test (zmtp_handshake, meets_libzmq_cut_at_every_byte)
{
    for (size_t row = 0; row < RECORDED; row++)
        for (size_t first = 1; first < 64 + 43; first++)
            meet (row, first, SIZE_MAX);
}

Test (zmtp_handshake, sends_its_greeting_at_once_and_ready_after_the_greeting_of_the_other)
{
    static const godwit__zmtp_handshake_config_t config = {.socket = GODWIT__ZMTP_DEALER};
    const zmtp_bytes_t greeting = zmtp_unhex (GREETING);
    godwit__zmtp_handshake_t end;
    size_t consumed;
    begin (&end, &config);
    expect_out (&end, OWN_GREETING);
    cr_assert_eq (godwit__zmtp_handshake_feed (&end, greeting.data, 63, &consumed),
                  GODWIT__ZMTP_HANDSHAKE_MORE);
    expect_out (&end, "");
    cr_assert_str_eq (godwit__zmtp_handshake_missing (&end), "the rest of its greeting");
    cr_assert_eq (godwit__zmtp_handshake_feed (&end, greeting.data + 63, 1, &consumed),
                  GODWIT__ZMTP_HANDSHAKE_MORE);
    expect_out (&end, OWN_READY);
    cr_assert_str_eq (godwit__zmtp_handshake_missing (&end), "its READY");
    cr_assert_eq (godwit__zmtp_handshake_feed (&end, (const uint8_t *) "\4", 1, &consumed),
                  GODWIT__ZMTP_HANDSHAKE_MORE);
    cr_assert_str_eq (godwit__zmtp_handshake_missing (&end), "the rest of its READY");
    godwit__zmtp_handshake_end (&end);
    free (greeting.data);
}

Test (zmtp_handshake, the_accepting_end_says_ready_after_it_has_checked_the_other)
{
    static const godwit__zmtp_handshake_config_t config = {.socket = GODWIT__ZMTP_ROUTER, .accepts = true};
    const zmtp_bytes_t bytes = zmtp_unhex (recorded[0].hex);
    godwit__zmtp_handshake_t end;
    size_t consumed;
    begin (&end, &config);
    cr_assert_str_eq (godwit__zmtp_handshake_missing (&end), "its greeting");
    expect_out (&end, OWN_GREETING);
    cr_assert_eq (godwit__zmtp_handshake_feed (&end, bytes.data, bytes.size - 1, &consumed),
                  GODWIT__ZMTP_HANDSHAKE_MORE);
    expect_out (&end, "");
    cr_assert_eq (godwit__zmtp_handshake_feed (&end, bytes.data + bytes.size - 1, 1, &consumed),
                  GODWIT__ZMTP_HANDSHAKE_DONE);
    expect_out (&end, "04 31 05 'READY' 0b 'Socket-Type' 00 00 00 06 'ROUTER' "
                      "0f 'X-Godwit-Engine' 00 00 00 01 '1'");
    godwit__zmtp_handshake_end (&end);
    free (bytes.data);
}

/* ---- with itself ---- */

Test (zmtp_handshake, both_ends_meet_in_pieces_of_every_size)
{
    static const godwit__zmtp_handshake_config_t link = {.socket = GODWIT__ZMTP_DEALER};
    static const godwit__zmtp_handshake_config_t port = {.socket = GODWIT__ZMTP_ROUTER, .accepts = true};
    for (size_t piece = 1; piece <= 130; piece++) {
        godwit__zmtp_handshake_t a;
        godwit__zmtp_handshake_t b;
        begin (&a, &link);
        begin (&b, &port);
        zmtp_let_speak (&a, &b, piece);
        cr_assert (a.state == GODWIT__ZMTP_HANDSHAKE_DONE && b.state == GODWIT__ZMTP_HANDSHAKE_DONE);
        cr_assert (a.is_peer_engine && b.is_peer_engine && a.peer_minor == 1 && b.peer_minor == 1);
        cr_assert (a.peer_socket == GODWIT__ZMTP_ROUTER && b.peer_socket == GODWIT__ZMTP_DEALER);
        godwit__zmtp_handshake_end (&a);
        godwit__zmtp_handshake_end (&b);
    }
}

/* Whether an end of this type takes a peer that says it is of type `name`. */
static bool
takes (godwit__zmtp_socket_t own, const char *name)
{
    const godwit__zmtp_handshake_config_t config = {.socket = own, .accepts = true};
    godwit__zmtp_handshake_t end;
    size_t given = 0;
    size_t left = 0;
    uint8_t ready[64] = {GODWIT__ZMTP_COMMAND};
    const godwit__zmtp_property_t property = {
        .name = (const uint8_t *) "Socket-Type",
        .name_size = 11,
        .value = (const uint8_t *) name,
        .value_size = strlen (name),
    };
    memcpy (ready + 2, "\5READY", 6);
    ready[1] = (uint8_t) (6 + godwit__zmtp_property_write (ready + 8, sizeof ready - 8, &property));
    const zmtp_bytes_t bytes =
        zmtp_join (zmtp_unhex (GREETING), zmtp_bytes_of (ready, 2 + (size_t) ready[1]));
    begin (&end, &config);
    const bool taken = zmtp_feed_pieces (&end, bytes.data, bytes.size, SIZE_MAX, &given, &left) ==
                       GODWIT__ZMTP_HANDSHAKE_DONE;
    cr_assert (!taken || !strcmp (godwit__zmtp_socket_name (end.peer_socket), name));
    godwit__zmtp_handshake_end (&end);
    free (bytes.data);
    return taken;
}

Test (zmtp_handshake, types_of_sockets_that_match_are_taken_and_no_others)
{
    static const char *const names[] = {"DEALER", "ROUTER",  "PUB",  "XPUB",   "SUB",    "XSUB", "REQ",
                                        "REP",    "PUSH",    "PULL", "PAIR",   "SERVER", "",     "dealer",
                                        "DEALE",  "DEALERS", "SU",   "XSUBSC", "RADIO"};
    static const char *const taken[GODWIT__ZMTP_SOCKET_COUNT][2] = {
        [GODWIT__ZMTP_DEALER] = {"ROUTER", "ROUTER"}, [GODWIT__ZMTP_ROUTER] = {"DEALER", "DEALER"},
        [GODWIT__ZMTP_PUB] = {"SUB", "XSUB"},         [GODWIT__ZMTP_XPUB] = {"SUB", "XSUB"},
        [GODWIT__ZMTP_SUB] = {"PUB", "XPUB"},         [GODWIT__ZMTP_XSUB] = {"PUB", "XPUB"},
    };
    for (unsigned own = 0; own < GODWIT__ZMTP_SOCKET_COUNT; own++)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            cr_assert_eq (takes (own, names[i]),
                          !strcmp (names[i], taken[own][0]) || !strcmp (names[i], taken[own][1]),
                          "%s and \"%s\"", godwit__zmtp_socket_name (own), names[i]);
}

/* Feeds a greeting of a DEALER in which some bytes are other ones, and READY. */
static godwit__zmtp_handshake_state_t
with_bytes (godwit__zmtp_handshake_t *end, size_t at, const uint8_t *others, size_t count)
{
    static const godwit__zmtp_handshake_config_t config = {.socket = GODWIT__ZMTP_ROUTER, .accepts = true};
    const zmtp_bytes_t bytes = zmtp_unhex (recorded[0].hex);
    size_t given = 0;
    size_t left = 0;
    memcpy (bytes.data + at, others, count);
    begin (end, &config);
    zmtp_feed_pieces (end, bytes.data, bytes.size, SIZE_MAX, &given, &left);
    free (bytes.data);
    return end->state;
}

Test (zmtp_handshake, padding_as_server_and_filler_mean_nothing)
{
    for (size_t at = 1; at < 64; at++) {
        for (unsigned i = 0; i < 256 && (at <= 8 || at >= 32); i++) {
            const uint8_t byte = (uint8_t) i;
            godwit__zmtp_handshake_t end;
            cr_assert_eq (with_bytes (&end, at, &byte, 1), GODWIT__ZMTP_HANDSHAKE_DONE, "%zu: %u", at, i);
            godwit__zmtp_handshake_end (&end);
        }
    }
}

Test (zmtp_handshake, both_speak_the_lower_version)
{
    static const struct {
        uint8_t version[2];
        uint8_t minor;
    } rows[] = {{{3, 0}, 0}, {{3, 1}, 1}, {{3, 2}, 1}, {{3, 255}, 1}, {{4, 0}, 1}, {{255, 9}, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        godwit__zmtp_handshake_t end;
        cr_assert_eq (with_bytes (&end, 10, rows[i].version, 2), GODWIT__ZMTP_HANDSHAKE_DONE, "row %zu", i);
        cr_assert_eq (end.peer_minor, rows[i].minor, "row %zu", i);
        godwit__zmtp_handshake_end (&end);
    }
}

/* ---- properties ---- */

static const char *
check_realm (void *user, const godwit__zmtp_property_t *property)
{
    const char *const realm = user;
    if (!godwit__zmtp_property_is (property, "X-Realm"))
        return NULL;
    return property->value_size == strlen (realm) && !memcmp (property->value, realm, property->value_size)
               ? NULL
               : "wrong realm";
}

Test (zmtp_handshake, properties_are_said_and_checked_and_the_refused_end_is_told)
{
    static const godwit__zmtp_property_t realm = {(const uint8_t *) "X-Realm", 7, (const uint8_t *) "blue",
                                                  4};
    static const godwit__zmtp_handshake_config_t link = {
        .socket = GODWIT__ZMTP_DEALER, .properties = &realm, .property_count = 1};
    for (int is_right = 0; is_right < 2; is_right++) {
        char expected[] = "blue";
        memcpy (expected, is_right ? "blue" : "green", 4);
        const godwit__zmtp_handshake_config_t port = {
            .socket = GODWIT__ZMTP_ROUTER, .accepts = true, .check = check_realm, .user = expected};
        godwit__zmtp_handshake_t a;
        godwit__zmtp_handshake_t b;
        begin (&a, &link);
        begin (&b, &port);
        zmtp_let_speak (&a, &b, 7);
        if (is_right) {
            cr_assert (a.state == GODWIT__ZMTP_HANDSHAKE_DONE && b.state == GODWIT__ZMTP_HANDSHAKE_DONE);
        } else {
            cr_assert_str_eq (godwit__zmtp_handshake_reason (&b), "wrong realm");
            cr_assert_str_eq (godwit__zmtp_handshake_reason (&a), "refused by the peer: wrong realm");
            cr_assert (godwit__zmtp_handshake_tells (&b) && !godwit__zmtp_handshake_tells (&a));
        }
        godwit__zmtp_handshake_end (&a);
        godwit__zmtp_handshake_end (&b);
    }
}

Test (zmtp_handshake, too_many_properties_of_its_own_fail)
{
    static const uint8_t value[1000];
    godwit__zmtp_property_t properties[3];
    for (size_t i = 0; i < 3; i++)
        properties[i] = (godwit__zmtp_property_t){(const uint8_t *) "X-Large", 7, value, sizeof value};
    for (size_t count = 1; count <= 3; count++) {
        const godwit__zmtp_handshake_config_t config = {
            .socket = GODWIT__ZMTP_DEALER, .properties = properties, .property_count = count};
        const zmtp_bytes_t greeting = zmtp_unhex (GREETING);
        godwit__zmtp_handshake_t end;
        size_t consumed;
        begin (&end, &config);
        const bool is_good = godwit__zmtp_handshake_feed (&end, greeting.data, greeting.size, &consumed) ==
                             GODWIT__ZMTP_HANDSHAKE_MORE;
        cr_assert_eq (is_good, count <= 2, "%zu", count);
        cr_assert (is_good || strstr (godwit__zmtp_handshake_reason (&end), "this end are too large"));
        godwit__zmtp_handshake_end (&end);
        free (greeting.data);
    }
}

Test (zmtp_handshake, null_says_when_its_ready_does_not_fit)
{
    static const uint8_t properties[10];
    for (size_t room = 0; room <= 6 + sizeof properties; room++) {
        godwit__zmtp_session_t session = {.accepts = false};
        const char *wrong = NULL;
        uint8_t *const out = malloc (room ? room : 1);
        const size_t size =
            godwit__zmtp_null.next (&session, properties, sizeof properties, out, room, &wrong);
        cr_assert_eq (size, room == 16 ? 16 : 0, "%zu", room);
        cr_assert_eq (wrong == NULL, room == 16, "%zu", room);
        free (out);
    }
}

/* ---- another mechanism: the turns of CURVE, without its boxes ---- */

static const char *const turns[] = {"\5HELLO", "\7WELCOME", "\10INITIATE", "\5READY"};

static int toy_owned; /* blocks, where its keys would be */

static size_t
toy_next (godwit__zmtp_session_t *session, const uint8_t *properties, size_t size, uint8_t *out, size_t room,
          const char **wrong)
{
    (void) wrong;
    if (session->step >= 4 || session->accepts != (session->step % 2 == 1) ||
        (session->step == 3 && !session->is_peer_accepted))
        return 0;
    if (!session->own) {
        session->own = calloc (1, 64);
        toy_owned++;
    }
    const char *const name = turns[session->step++];
    const size_t said = session->step > 2 ? size : 0;
    cr_assert_leq (strlen (name) + said, room);
    memcpy (out, name, strlen (name));
    if (said)
        memcpy (out + strlen (name), properties, said);
    return strlen (name) + said;
}

static godwit__zmtp_step_t
toy_take (godwit__zmtp_session_t *session, const uint8_t *body, size_t body_size, const uint8_t **properties,
          size_t *size, const char **wrong)
{
    const char *const name = session->step < 4 ? turns[session->step] : "";
    if (session->accepts == (session->step % 2 == 1) || body_size < strlen (name) ||
        memcmp (body, name, strlen (name)) != 0) {
        *wrong = "out of turn";
        return GODWIT__ZMTP_STEP_WRONG;
    }
    *properties = body + strlen (name);
    *size = body_size - strlen (name);
    return session->step++ < 2 ? GODWIT__ZMTP_STEP_MORE : GODWIT__ZMTP_STEP_PROPERTIES;
}

static bool
toy_is_done (const godwit__zmtp_session_t *session)
{
    return session->step == 4;
}

static void
toy_end (godwit__zmtp_session_t *session)
{
    if (session->own)
        toy_owned--;
    free (session->own);
    session->own = NULL;
}

static const godwit__zmtp_mechanism_t toy = {
    .name = "TOY",
    .has_server = true,
    .next = toy_next,
    .take = toy_take,
    .is_done = toy_is_done,
    .end = toy_end,
};

Test (zmtp_handshake, a_mechanism_of_four_commands_fits_into_the_struct)
{
    static const godwit__zmtp_handshake_config_t link = {.mechanism = &toy, .socket = GODWIT__ZMTP_DEALER};
    for (size_t piece = 1; piece <= 70; piece++) {
        for (int is_right = 0; is_right < 2; is_right++) {
            const godwit__zmtp_handshake_config_t port = {
                .mechanism = &toy,
                .socket = is_right ? GODWIT__ZMTP_ROUTER : GODWIT__ZMTP_XPUB,
                .accepts = true,
            };
            godwit__zmtp_handshake_t a;
            godwit__zmtp_handshake_t b;
            begin (&a, &link);
            begin (&b, &port);
            cr_assert (a.out[32] == 0 && b.out[32] == 1, "the accepting end says as-server");
            zmtp_let_speak (&a, &b, piece);
            cr_assert_eq (a.state, is_right ? GODWIT__ZMTP_HANDSHAKE_DONE : GODWIT__ZMTP_HANDSHAKE_FAILED);
            cr_assert_eq (b.state, a.state);
            cr_assert (!is_right || (a.is_peer_engine && b.is_peer_engine));
            cr_assert (is_right ||
                       strstr (godwit__zmtp_handshake_reason (&a), "not speak with one of type XPUB"));
            cr_assert_gt (toy_owned, 0);
            godwit__zmtp_handshake_end (&a);
            godwit__zmtp_handshake_end (&b);
            cr_assert_eq (toy_owned, 0, "what the mechanism owns is freed");
        }
    }
}

/* ---- what it costs ---- */

Test (zmtp_handshake, a_half_open_connection_costs_little_and_memory_grows_with_what_arrives)
{
    static const godwit__zmtp_handshake_config_t config = {.socket = GODWIT__ZMTP_ROUTER, .accepts = true};
    /* The head says 4,096 bytes. */
    const zmtp_bytes_t begun =
        zmtp_join (zmtp_unhex (GREETING), zmtp_unhex ("06 00 00 00 00 00 00 10 00 05"));
    godwit__zmtp_handshake_t end;
    size_t consumed;
    cr_assert_leq (sizeof end, 256u);
    begin (&end, &config);
    expect_out (&end, OWN_GREETING);
    cr_assert (!end.out && !end.body && !end.reason_text && !end.session.own);
    cr_assert_eq (godwit__zmtp_handshake_feed (&end, begun.data, 64 + 9, &consumed),
                  GODWIT__ZMTP_HANDSHAKE_MORE);
    cr_assert (!end.out && !end.body, "the head alone costs nothing");
    godwit__zmtp_handshake_feed (&end, begun.data + 64 + 9, 1, &consumed);
    for (size_t arrived = 1; arrived < 4096; arrived++) {
        cr_assert_leq (end.body_room, arrived < 64 ? 64 : 2 * arrived, "after %zu bytes", arrived);
        if (arrived < 4095)
            godwit__zmtp_handshake_feed (&end, (const uint8_t *) "READY" + (arrived - 1) % 5, 1, &consumed);
    }
    cr_assert_eq (end.state, GODWIT__ZMTP_HANDSHAKE_MORE);
    cr_assert_str_eq (godwit__zmtp_handshake_missing (&end), "the rest of its READY");
    godwit__zmtp_handshake_end (&end);
    godwit__zmtp_handshake_end (&end); /* once more is fine */
    free (begun.data);
}

#ifndef SHORT_MEMORY_SANITIZED

static bool meets; /* otherwise the port refuses the link */

static godwit_status_t
run_handshake (godwit_error_t **error)
{
    (void) error;
    static const godwit__zmtp_handshake_config_t link = {.socket = GODWIT__ZMTP_DEALER};
    const godwit__zmtp_handshake_config_t port = {.socket = meets ? GODWIT__ZMTP_ROUTER : GODWIT__ZMTP_SUB,
                                                  .accepts = true};
    const godwit__zmtp_handshake_state_t expected =
        meets ? GODWIT__ZMTP_HANDSHAKE_DONE : GODWIT__ZMTP_HANDSHAKE_FAILED;
    godwit__zmtp_handshake_t a = {0};
    godwit__zmtp_handshake_t b = {0};
    godwit_status_t status = godwit__zmtp_handshake_init (&a, &link);
    if (!status)
        status = godwit__zmtp_handshake_init (&b, &port);
    size_t size = 0;
    size_t consumed = 0;
    for (int idle = 0; !status && idle < 2;) { /* bytes go one by one, without an allocation of the test */
        godwit__zmtp_handshake_t *const from = idle ? &b : &a;
        godwit__zmtp_handshake_t *const to = idle ? &a : &b;
        const uint8_t *const out = godwit__zmtp_handshake_out (from, &size);
        if (size == 0 || to->state != GODWIT__ZMTP_HANDSHAKE_MORE) {
            idle++;
            continue;
        }
        const uint8_t byte = out[0];
        godwit__zmtp_handshake_sent (from, 1);
        godwit__zmtp_handshake_feed (to, &byte, 1, &consumed);
        idle = 0;
    }
    /* Without memory the reason is that, or the peer is not told. */
    if (!status && (a.state != expected || b.state != expected))
        status = GODWIT_ERR_OUT_OF_MEMORY;
    if (!status && !meets &&
        !strstr (godwit__zmtp_handshake_reason (&a), "does not speak with one of type SUB"))
        status = GODWIT_ERR_OUT_OF_MEMORY;
    if (!status && !meets &&
        !strstr (godwit__zmtp_handshake_reason (&b), "does not speak with one of type SUB"))
        status = GODWIT_ERR_OUT_OF_MEMORY;
    godwit__zmtp_handshake_end (&a);
    godwit__zmtp_handshake_end (&b);
    return status;
}

Test (zmtp_handshake, without_memory_it_fails_and_loses_nothing)
{
    for (int i = 0; i < 2; i++) {
        meets = i == 0;
        const short_memory_row_t row = {.name = "handshake", .run = run_handshake, .at_least = 6};
        const long before = atomic_load (&blocks);
        cr_assert_geq (short_memory_sweep (&row), row.at_least);
        cr_assert_eq (atomic_load (&blocks), before);
    }
}

#endif
