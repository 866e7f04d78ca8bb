/* SPDX-License-Identifier: Apache-2.0 */
/* The mechanism CURVE: with itself in pieces of every size, with a peer made of RFC 26 alone in both roles,
 * two doors, who is told what, what it costs. What is refused: zmtp_curve_refusal_test.c. */
#include "drivers/zmtp/frame.h"
#include "src/realm/secret.h"
#include "tests/support/curve_peer.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/short_memory.h"

enum { DOOR = 1, SECOND_DOOR, OTHER_DOOR, LINK, PORT, TRANSIENT };

typedef struct ends {
    godwit__zmtp_handshake_config_t link_config, port_config;
    godwit__zmtp_handshake_t link, port; /* the connecting end, the accepting one */
} ends_t;

static void
begin (ends_t *ends, godwit__keyring_t *link, godwit__keyring_t *port)
{
    *ends = (ends_t){
        .link_config = {.mechanism = &godwit__zmtp_curve, .keyring = link, .socket = GODWIT__ZMTP_DEALER},
        .port_config = {.mechanism = &godwit__zmtp_curve,
                        .keyring = port,
                        .accepts = true,
                        .socket = GODWIT__ZMTP_ROUTER},
    };
    cr_assert_eq (godwit__zmtp_handshake_init (&ends->link, &ends->link_config), GODWIT_OK);
    cr_assert_eq (godwit__zmtp_handshake_init (&ends->port, &ends->port_config), GODWIT_OK);
}

static void
finish (ends_t *ends)
{
    godwit__zmtp_handshake_end (&ends->link);
    godwit__zmtp_handshake_end (&ends->port);
    cr_assert (!ends->link.session.own && !ends->port.session.own);
}

/* Hands the keys of the traffic over, and ends the handshakes. */
static void
take_boxes (ends_t *ends, godwit__zmtp_box_t *link, godwit__zmtp_box_t *port)
{
    godwit__zmtp_curve.take_box (&ends->link.session, link);
    godwit__zmtp_curve.take_box (&ends->port.session, port);
    finish (ends);
}

/* What one end seals the other one opens, and sees that nothing was cut out. */
static void
expect_traffic (godwit__zmtp_box_t *from, godwit__zmtp_box_t *to)
{
    uint8_t body[GODWIT__ZMTP_BOX_OVERHEAD + 5];
    uint8_t flags = 0xff;
    to->is_exact = true;
    for (int i = 0; i < 3; i++) {
        memcpy (body + GODWIT__ZMTP_BOX_OVERHEAD, "hello", 5);
        godwit__zmtp_box_seal (from, body, 5, i == 1);
        cr_assert_null (godwit__zmtp_box_open (to, body, sizeof body, &flags));
        cr_assert_eq (flags, i == 1 ? GODWIT__ZMTP_BOX_COMMAND : 0);
        cr_assert (!memcmp (body + GODWIT__ZMTP_BOX_OVERHEAD, "hello", 5));
    }
}

static void
end_boxes (godwit__zmtp_box_t *a, godwit__zmtp_box_t *b)
{
    godwit__zmtp_box_end (a);
    godwit__zmtp_box_end (b);
    cr_assert (!a->key && !b->key);
}

/* ---- with itself ---- */

static void
meet (const ends_t *ends, const godwit__keyring_t *link_ring)
{
    const godwit__zmtp_session_t *const link = &ends->link.session;
    const godwit__zmtp_session_t *const port = &ends->port.session;
    cr_assert_eq (ends->link.state, GODWIT__ZMTP_HANDSHAKE_DONE, "%s",
                  godwit__zmtp_handshake_reason (&ends->link));
    cr_assert_eq (ends->port.state, GODWIT__ZMTP_HANDSHAKE_DONE, "%s",
                  godwit__zmtp_handshake_reason (&ends->port));
    cr_assert (ends->link.is_peer_engine && ends->port.is_peer_engine);
    cr_assert (ends->link.peer_socket == GODWIT__ZMTP_ROUTER &&
               ends->port.peer_socket == GODWIT__ZMTP_DEALER);
    cr_assert (!memcmp (link->client, link_ring->curve, CURVE_KEY));
    cr_assert (!memcmp (port->client, link_ring->curve, CURVE_KEY));
    cr_assert (!memcmp (link->client_transient, port->client_transient, CURVE_KEY));
    cr_assert (!memcmp (link->server_transient, port->server_transient, CURVE_KEY));
    cr_assert (memcmp (link->client_transient, link->server_transient, CURVE_KEY) != 0);
}

Test (zmtp_curve, both_ends_meet_in_pieces_of_every_size)
{
    godwit__keyring_t *const link_ring = curve_keyring (DOOR, 0, LINK);
    godwit__keyring_t *const port_ring = curve_keyring (DOOR, 0, PORT);
    for (size_t piece = 1; piece <= 300; piece++) {
        ends_t ends;
        godwit__zmtp_box_t link, port;
        begin (&ends, link_ring, port_ring);
        zmtp_let_speak (&ends.link, &ends.port, piece);
        meet (&ends, link_ring);
        take_boxes (&ends, &link, &port);
        cr_assert (link.sent == 2 && link.received == 1 && !link.accepts);
        cr_assert (port.sent == 1 && port.received == 2 && port.accepts);
        expect_traffic (&link, &port);
        expect_traffic (&port, &link);
        end_boxes (&link, &port);
    }
    cr_assert (atomic_load (&link_ring->refs) == 1 && atomic_load (&port_ring->refs) == 1);
}

Test (zmtp_curve, each_connection_has_keys_of_its_own)
{
    godwit__keyring_t *const ring = curve_keyring (DOOR, 0, LINK);
    uint8_t seen[2][4 * CURVE_KEY];
    for (int i = 0; i < 2; i++) {
        ends_t ends;
        godwit__zmtp_box_t link, port;
        begin (&ends, ring, ring);
        zmtp_let_speak (&ends.link, &ends.port, SIZE_MAX);
        memcpy (seen[i], ends.link.session.client_transient, CURVE_KEY);
        memcpy (seen[i] + CURVE_KEY, ends.link.session.server_transient, CURVE_KEY);
        take_boxes (&ends, &link, &port);
        memcpy (seen[i] + 2 * CURVE_KEY, link.key, CURVE_KEY);
        cr_assert (!memcmp (link.key, port.key, CURVE_KEY), "the key is that of both directions");
        for (int at = CURVE_KEY; at < 2 * CURVE_KEY; at++)
            cr_assert (link.key[at] == 0 && port.key[at] == 0, "the transient secret keys are wiped");
        end_boxes (&link, &port);
    }
    for (int i = 0; i < 3; i++)
        cr_assert (memcmp (seen[0] + i * CURVE_KEY, seen[1] + i * CURVE_KEY, CURVE_KEY) != 0);
}

/* ---- with a peer made of RFC 26 ---- */

static bool
has_property (zmtp_bytes_t properties, const char *name)
{
    const uint8_t *at = properties.data;
    size_t size = properties.size;
    godwit__zmtp_property_t property;
    const char *wrong;
    while (godwit__zmtp_property_next (&at, &size, &property, &wrong))
        if (godwit__zmtp_property_is (&property, name))
            return true;
    return false;
}

Test (zmtp_curve, the_connecting_end_speaks_as_rfc_26_has_it)
{
    curve_peer_t peer = curve_peer (true, DOOR, PORT, TRANSIENT);
    ends_t ends;
    zmtp_bytes_t said;
    godwit__zmtp_box_t box;
    begin (&ends, curve_keyring (DOOR, 0, LINK), NULL);
    cr_assert (ends.link.out[32] == 0 && !memcmp (ends.link.out + 12, "CURVE\0", 6));
    cr_assert (curve_give (&ends.link, curve_greeting ()));

    const zmtp_bytes_t hello = curve_take_command (&ends.link);
    cr_assert (curve_peer_take_hello (&peer, hello.data, hello.size));
    cr_assert_eq (peer.received, 1u);
    cr_assert (curve_give (&ends.link, curve_peer_welcome (&peer)));

    const zmtp_bytes_t initiate = curve_take_command (&ends.link);
    cr_assert (curve_peer_take_initiate (&peer, initiate.data, initiate.size, &said));
    cr_assert_eq (peer.received, 2u);
    cr_assert (!memcmp (peer.process.open, curve_pair (LINK).open, CURVE_KEY));
    cr_assert (has_property (said, "Socket-Type") && has_property (said, "X-Godwit-Engine"));
    const zmtp_bytes_t properties = curve_properties ("ROUTER");
    cr_assert (curve_give (&ends.link, curve_peer_ready (&peer, properties)));
    cr_assert_eq (ends.link.state, GODWIT__ZMTP_HANDSHAKE_DONE);
    cr_assert (!ends.link.is_peer_engine && ends.link.peer_socket == GODWIT__ZMTP_ROUTER);

    godwit__zmtp_curve.take_box (&ends.link.session, &box);
    cr_assert (box.sent == 2 && box.received == 1 && !box.accepts);
    godwit__zmtp_box_end (&box);
    free (hello.data);
    free (initiate.data);
    free (said.data);
    free (properties.data);
    finish (&ends);
}

Test (zmtp_curve, the_accepting_end_speaks_as_rfc_26_has_it)
{
    curve_peer_t peer = curve_peer (false, DOOR, LINK, TRANSIENT);
    ends_t ends;
    zmtp_bytes_t said;
    godwit__zmtp_box_t box;
    begin (&ends, NULL, curve_keyring (DOOR, 0, PORT));
    cr_assert (ends.port.out[32] == 1, "as-server");
    cr_assert (curve_give (&ends.port, curve_greeting ()));
    cr_assert (curve_give (&ends.port, curve_peer_hello (&peer)));
    const zmtp_bytes_t welcome = curve_take_command (&ends.port);
    cr_assert (curve_peer_take_welcome (&peer, welcome.data, welcome.size));

    const zmtp_bytes_t properties = curve_properties ("DEALER");
    cr_assert (curve_give (&ends.port, curve_peer_initiate (&peer, properties)));
    cr_assert_eq (ends.port.state, GODWIT__ZMTP_HANDSHAKE_DONE);
    cr_assert (!ends.port.is_peer_engine && ends.port.peer_socket == GODWIT__ZMTP_DEALER);
    cr_assert (!memcmp (ends.port.session.client, curve_pair (LINK).open, CURVE_KEY));
    cr_assert (!memcmp (ends.port.session.client_transient, peer.mine.open, CURVE_KEY));
    cr_assert (!memcmp (ends.port.session.server_transient, peer.other, CURVE_KEY));

    const zmtp_bytes_t ready = curve_take_command (&ends.port);
    cr_assert (curve_peer_take_ready (&peer, ready.data, ready.size, &said));
    cr_assert_eq (peer.received, 1u);
    cr_assert (has_property (said, "Socket-Type") && has_property (said, "X-Godwit-Engine"));
    godwit__zmtp_curve.take_box (&ends.port.session, &box);
    cr_assert (box.sent == 1 && box.received == 2 && box.accepts);
    godwit__zmtp_box_end (&box);
    free (welcome.data);
    free (ready.data);
    free (said.data);
    free (properties.data);
    finish (&ends);
}

/* libzmq always says 0; others may say anything. */
Test (zmtp_curve, what_a_peer_says_of_as_server_is_ignored)
{
    godwit__keyring_t *const ring = curve_keyring (DOOR, 0, LINK);
    for (unsigned byte = 0; byte < 256; byte += 17) {
        for (int accepts = 0; accepts < 2; accepts++) {
            ends_t ends;
            const zmtp_bytes_t greeting = curve_greeting ();
            greeting.data[32] = (uint8_t) byte;
            begin (&ends, ring, ring);
            cr_assert (curve_give (accepts ? &ends.port : &ends.link, greeting), "%u", byte);
            finish (&ends);
        }
    }
}

/* ---- doors ---- */

Test (zmtp_curve, an_end_with_two_doors_takes_who_knocks_at_either)
{
    godwit__keyring_t *const both = curve_keyring (DOOR, SECOND_DOOR, PORT);
    godwit__keyring_t *const turned = curve_keyring (SECOND_DOOR, DOOR, LINK);
    for (unsigned door = 0; door < 2; door++) {
        ends_t ends;
        godwit__zmtp_box_t link, port;
        begin (&ends, turned, both);
        ends.link.session.door = door;
        zmtp_let_speak (&ends.link, &ends.port, SIZE_MAX);
        meet (&ends, turned);
        cr_assert_eq (ends.port.session.door, 1 - door, "it knows at which it was");
        take_boxes (&ends, &link, &port);
        expect_traffic (&link, &port);
        end_boxes (&link, &port);
    }
}

/* A connecting end that has another door first finds that out, and can try the second. */
Test (zmtp_curve, who_knocks_at_another_door_is_not_told_why_and_can_see_that_it_was_the_door)
{
    godwit__keyring_t *const link_ring = curve_keyring (OTHER_DOOR, DOOR, LINK);
    godwit__keyring_t *const port_ring = curve_keyring (DOOR, SECOND_DOOR, PORT);
    ends_t ends;
    begin (&ends, link_ring, port_ring);
    cr_assert_not (godwit__zmtp_handshake_is_at_door (&ends.link));
    cr_assert_str_eq (godwit__zmtp_handshake_lost (&ends.link), "the connection was lost in the handshake");
    zmtp_let_speak (&ends.link, &ends.port, SIZE_MAX);
    cr_assert_eq (ends.port.state, GODWIT__ZMTP_HANDSHAKE_FAILED);
    cr_assert_str_eq (godwit__zmtp_handshake_reason (&ends.port),
                      "it knocked at another door, in the command \"HELLO\"");
    cr_assert_not (godwit__zmtp_handshake_tells (&ends.port));
    const zmtp_bytes_t out = zmtp_take_out (&ends.port);
    cr_assert_eq (out.size, 0u, "not a byte behind the greeting");
    free (out.data);
    cr_assert_not (godwit__zmtp_handshake_is_at_door (&ends.port));

    cr_assert_eq (ends.link.state, GODWIT__ZMTP_HANDSHAKE_MORE);
    cr_assert (godwit__zmtp_handshake_is_at_door (&ends.link));
    cr_assert_str_eq (godwit__zmtp_handshake_missing (&ends.link), "its WELCOME");
    cr_assert_str_eq (godwit__zmtp_handshake_lost (&ends.link),
                      "closed in the handshake: another realm, or not Godwit");
    finish (&ends);

    begin (&ends, link_ring, port_ring);
    ends.link.session.door = 1;
    zmtp_let_speak (&ends.link, &ends.port, SIZE_MAX);
    meet (&ends, link_ring);
    cr_assert_not (godwit__zmtp_handshake_is_at_door (&ends.link));
    finish (&ends);
}

Test (zmtp_curve, without_keys_it_fails_and_says_so)
{
    godwit__keyring_t *const ring = curve_keyring (DOOR, 0, LINK);
    ends_t ends;
    begin (&ends, ring, NULL);
    ends.link.session.door = 1;
    cr_assert_not (curve_give (&ends.link, curve_greeting ()));
    cr_assert_str_eq (godwit__zmtp_handshake_reason (&ends.link), "this end has no such door");
    finish (&ends);
    begin (&ends, NULL, NULL);
    cr_assert_not (curve_give (&ends.link, curve_greeting ()));
    cr_assert_str_eq (godwit__zmtp_handshake_reason (&ends.link), "this end has no such door");
    finish (&ends);
    begin (&ends, ring, NULL);
    zmtp_let_speak (&ends.link, &ends.port, SIZE_MAX);
    cr_assert (strstr (godwit__zmtp_handshake_reason (&ends.port), "this end has no door"));
    finish (&ends);
}

/* The caller may give the keyring after init; the handshake ends its reference. */
Test (zmtp_curve, a_keyring_can_be_given_after_init)
{
    godwit__keyring_t *const ring = curve_keyring (DOOR, 0, LINK);
    ends_t ends;
    begin (&ends, NULL, NULL);
    ends.link.session.keyring = godwit__keyring_ref (ring);
    ends.port.session.keyring = godwit__keyring_ref (ring);
    zmtp_let_speak (&ends.link, &ends.port, SIZE_MAX);
    meet (&ends, ring);
    cr_assert_eq (atomic_load (&ring->refs), 3u);
    finish (&ends);
    cr_assert_eq (atomic_load (&ring->refs), 1u);
}

/* ---- what is missing ---- */

static void
expect_missing (godwit__zmtp_handshake_t *end, zmtp_bytes_t bytes, const char *what)
{
    char rest[64];
    snprintf (rest, sizeof rest, "the rest of its %s", what);
    cr_assert_str_eq (godwit__zmtp_handshake_missing (end), rest + strlen ("the rest of "));
    for (size_t at = 0; at + 1 < bytes.size; at++) {
        cr_assert (curve_give (end, zmtp_bytes_of (bytes.data + at, 1)));
        cr_assert_str_eq (godwit__zmtp_handshake_missing (end), rest);
    }
    curve_give (end, zmtp_bytes_of (bytes.data + bytes.size - 1, 1));
    free (bytes.data);
}

Test (zmtp_curve, what_is_missing_is_known_at_each_byte)
{
    godwit__keyring_t *const ring = curve_keyring (DOOR, 0, LINK);
    ends_t ends;
    begin (&ends, ring, ring);
    cr_assert_str_eq (godwit__zmtp_handshake_missing (&ends.port), "its greeting");
    cr_assert (curve_give (&ends.port, curve_greeting ()));
    cr_assert (curve_give (&ends.link, curve_greeting ()));
    zmtp_bytes_t greeting_and_hello = zmtp_take_out (&ends.link);
    expect_missing (&ends.port, zmtp_bytes_of (greeting_and_hello.data + 64, greeting_and_hello.size - 64),
                    "HELLO");
    zmtp_bytes_t greeting_and_welcome = zmtp_take_out (&ends.port);
    expect_missing (&ends.link,
                    zmtp_bytes_of (greeting_and_welcome.data + 64, greeting_and_welcome.size - 64),
                    "WELCOME");
    expect_missing (&ends.port, zmtp_take_out (&ends.link), "INITIATE");
    expect_missing (&ends.link, zmtp_take_out (&ends.port), "READY");
    meet (&ends, ring);
    free (greeting_and_hello.data);
    free (greeting_and_welcome.data);
    finish (&ends);
}

/* ---- properties ---- */

typedef struct looked {
    const godwit__zmtp_session_t *session;
    int seen;
    const char *answer;
    uint8_t client[CURVE_KEY], client_transient[CURVE_KEY], server_transient[CURVE_KEY];
} looked_t;

/* What the session says while the properties are looked at. */
static const char *
look (void *user, const godwit__zmtp_property_t *property)
{
    looked_t *const looked = user;
    if (!godwit__zmtp_property_is (property, "X-Large"))
        return NULL;
    looked->seen++;
    memcpy (looked->client, looked->session->client, CURVE_KEY);
    memcpy (looked->client_transient, looked->session->client_transient, CURVE_KEY);
    memcpy (looked->server_transient, looked->session->server_transient, CURVE_KEY);
    for (size_t i = 0; i < property->value_size; i++)
        cr_assert_eq (property->value[i], (uint8_t) (i * 7));
    return looked->answer;
}

enum { LARGE = 2600 };

static void
begin_large (ends_t *ends, godwit__keyring_t *ring, looked_t *link, looked_t *port)
{
    static uint8_t value[LARGE];
    static const godwit__zmtp_property_t large = {(const uint8_t *) "X-Large", 7, value, sizeof value};
    for (size_t i = 0; i < sizeof value; i++)
        value[i] = (uint8_t) (i * 7);
    begin (ends, ring, ring);
    ends->link_config.properties = ends->port_config.properties = &large;
    ends->link_config.property_count = ends->port_config.property_count = 1;
    ends->link_config.check = ends->port_config.check = look;
    ends->link_config.user = link;
    ends->port_config.user = port;
    *link = (looked_t){.session = &ends->link.session};
    *port = (looked_t){.session = &ends->port.session};
}

Test (zmtp_curve, properties_as_large_as_a_credential_travel_and_who_says_them_is_known_then)
{
    godwit__keyring_t *const ring = curve_keyring (DOOR, 0, LINK);
    ends_t ends;
    looked_t link, port;
    begin_large (&ends, ring, &link, &port);
    zmtp_let_speak (&ends.link, &ends.port, 1000);
    meet (&ends, ring);
    cr_assert (link.seen == 1 && port.seen == 1);
    cr_assert (!memcmp (link.client, ring->curve, CURVE_KEY) &&
               !memcmp (port.client, ring->curve, CURVE_KEY));
    cr_assert (!memcmp (link.client_transient, ends.link.session.client_transient, CURVE_KEY));
    cr_assert (!memcmp (port.client_transient, ends.link.session.client_transient, CURVE_KEY));
    cr_assert (!memcmp (link.server_transient, ends.link.session.server_transient, CURVE_KEY));
    cr_assert (!memcmp (port.server_transient, ends.link.session.server_transient, CURVE_KEY));
    finish (&ends);
}

/* The accepting end says READY only after it has taken what the peer says; otherwise ERROR, with the reason.
 */
Test (zmtp_curve, who_is_refused_by_its_properties_is_told_why_and_learns_nothing_else)
{
    godwit__keyring_t *const ring = curve_keyring (DOOR, 0, LINK);
    ends_t ends;
    looked_t link, port;
    begin_large (&ends, ring, &link, &port);
    port.answer = "wrong-realm";
    zmtp_let_speak (&ends.link, &ends.port, SIZE_MAX);
    cr_assert_str_eq (godwit__zmtp_handshake_reason (&ends.port), "wrong-realm");
    cr_assert_str_eq (godwit__zmtp_handshake_reason (&ends.link), "refused us: wrong-realm");
    cr_assert (godwit__zmtp_handshake_tells (&ends.port) && !godwit__zmtp_handshake_tells (&ends.link));
    cr_assert_eq (link.seen, 0, "no properties of the accepting end");
    finish (&ends);
}

/* By RFC 26 a connecting end sends no ERROR. */
Test (zmtp_curve, a_connecting_end_that_refuses_the_other_hangs_up)
{
    godwit__keyring_t *const ring = curve_keyring (DOOR, 0, LINK);
    ends_t ends;
    looked_t link, port;
    begin_large (&ends, ring, &link, &port);
    link.answer = "expired";
    zmtp_let_speak (&ends.link, &ends.port, SIZE_MAX);
    cr_assert_str_eq (godwit__zmtp_handshake_reason (&ends.link), "expired");
    cr_assert_not (godwit__zmtp_handshake_tells (&ends.link));
    cr_assert_eq (ends.port.state, GODWIT__ZMTP_HANDSHAKE_DONE);
    const zmtp_bytes_t out = zmtp_take_out (&ends.link);
    cr_assert_eq (out.size, 0u);
    free (out.data);
    finish (&ends);
}

Test (zmtp_curve, it_says_when_properties_do_not_fit)
{
    static const uint8_t properties[10];
    uint8_t out[512];
    for (int carries = 0; carries < 2; carries++) {
        ends_t ends;
        godwit__keyring_t *const ring = curve_keyring (DOOR, 0, LINK);
        begin (&ends, ring, ring);
        if (carries) { /* up to the INITIATE */
            godwit__zmtp_session_t *const session = &ends.link.session;
            curve_peer_t peer = curve_peer (true, DOOR, PORT, TRANSIENT);
            const char *wrong = NULL;
            size_t size = 0;
            const uint8_t *said = NULL;
            cr_assert_eq (godwit__zmtp_curve.next (session, NULL, 0, out, sizeof out, &wrong), 200u);
            cr_assert (curve_peer_take_hello (&peer, out, 200));
            const zmtp_bytes_t welcome = curve_peer_welcome (&peer);
            cr_assert_eq (godwit__zmtp_curve.take (session, welcome.data + 2, 168, &said, &size, &wrong),
                          GODWIT__ZMTP_STEP_MORE);
            free (welcome.data);
        }
        const size_t least = carries ? 257 + sizeof properties : 200;
        for (size_t room = 0; room <= least; room++) {
            const char *wrong = NULL;
            const size_t size = godwit__zmtp_curve.next (&ends.link.session, properties, sizeof properties,
                                                         out, room, &wrong);
            cr_assert_eq (size, room == least ? least : 0, "%zu", room);
            cr_assert_eq (wrong == NULL, room == least, "%zu", room);
        }
        finish (&ends);
    }
}

/* ---- turns ---- */

/* The handshake asks for what is due; whatever it asked for, the mechanism keeps to the turns. */
Test (zmtp_curve, no_end_speaks_or_is_spoken_to_out_of_turn)
{
    godwit__keyring_t *const ring = curve_keyring (DOOR, 0, LINK);
    const godwit__zmtp_mechanism_t *const curve = &godwit__zmtp_curve;
    godwit__zmtp_session_t link = {.keyring = ring};
    godwit__zmtp_session_t port = {.keyring = ring, .accepts = true};
    static uint8_t body[512];
    const uint8_t *said = NULL;
    size_t said_size = 0;
    const char *wrong = NULL;
    for (int turn = 0; turn < 4; turn++) {
        godwit__zmtp_session_t *const from = turn % 2 ? &port : &link;
        godwit__zmtp_session_t *const to = turn % 2 ? &link : &port;
        cr_assert_eq (curve->next (to, NULL, 0, body, sizeof body, &wrong), 0u);
        if (turn == 3) {
            cr_assert_eq (curve->next (from, NULL, 0, body, sizeof body, &wrong), 0u,
                          "no READY before the peer is accepted");
            from->is_peer_accepted = true;
        }
        const size_t size = curve->next (from, NULL, 0, body, sizeof body, &wrong);
        cr_assert (size && !wrong && !curve->is_done (to));
        cr_assert_eq (curve->take (to, body, size, &said, &said_size, &wrong),
                      turn < 2 ? GODWIT__ZMTP_STEP_MORE : GODWIT__ZMTP_STEP_PROPERTIES);
        cr_assert_eq (curve->take (to, body, size, &said, &said_size, &wrong), GODWIT__ZMTP_STEP_WRONG);
        cr_assert_str_eq (wrong, "a command out of turn");
        wrong = NULL;
    }
    cr_assert (curve->is_done (&link) && curve->is_done (&port));
    curve->end (&link);
    curve->end (&port);
    curve->end (&port); /* once more is fine */
}

/* ---- what it costs ---- */

Test (zmtp_curve, who_has_said_nothing_costs_no_key)
{
    godwit__keyring_t *const ring = curve_keyring (DOOR, 0, LINK);
    ends_t ends;
    begin (&ends, ring, ring);
    cr_assert_leq (sizeof ends.port, 256u);
    cr_assert (curve_give (&ends.port, curve_greeting ()));
    cr_assert_null (ends.port.session.own);
    finish (&ends);
}

enum { FREE = 8 };

/* Which pieces are the next ones. */
static void
look_at_free (uint8_t *pieces[FREE])
{
    for (int i = 0; i < FREE; i++)
        pieces[i] = godwit__secret_new ();
    for (int i = 0; i < FREE; i++)
        godwit__secret_free (pieces[i]);
}

/* Wherever a handshake ends, the secrets of both ends are given back. */
Test (zmtp_curve, no_secret_is_kept_by_a_handshake_that_ends)
{
    godwit__keyring_t *const ring = curve_keyring (DOOR, 0, LINK);
    uint8_t *const other = godwit__secret_new (); /* so that the memory of all stays */
    uint8_t *before[FREE], *after[FREE];
    look_at_free (before);
    for (int moves = 0; moves <= 6; moves++) {
        ends_t ends;
        begin (&ends, ring, ring);
        for (int i = 0; i < moves; i++)
            zmtp_move (i % 2 ? &ends.port : &ends.link, i % 2 ? &ends.link : &ends.port, SIZE_MAX);
        finish (&ends);
        look_at_free (after);
        cr_assert (!memcmp (before, after, sizeof before), "after %d commands", moves);
    }
    godwit__secret_free (other);
}

#ifndef SHORT_MEMORY_SANITIZED

static godwit__keyring_t *sweep_ring;

/* Bytes go one by one, without an allocation of the test. */
static void
speak_bytes (godwit__zmtp_handshake_t *link, godwit__zmtp_handshake_t *port)
{
    for (int idle = 0; idle < 2;) {
        godwit__zmtp_handshake_t *const from = idle ? port : link;
        godwit__zmtp_handshake_t *const to = idle ? link : port;
        size_t size = 0;
        size_t consumed;
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
}

static godwit_status_t
run_handshake (godwit_error_t **error)
{
    (void) error;
    const godwit__zmtp_handshake_config_t link_config = {
        .mechanism = &godwit__zmtp_curve, .keyring = sweep_ring, .socket = GODWIT__ZMTP_DEALER};
    const godwit__zmtp_handshake_config_t port_config = {.mechanism = &godwit__zmtp_curve,
                                                         .keyring = sweep_ring,
                                                         .accepts = true,
                                                         .socket = GODWIT__ZMTP_ROUTER};
    ends_t ends = {.link_config = link_config};
    godwit__zmtp_box_t link = {.key = NULL};
    godwit__zmtp_box_t port = {.key = NULL};
    godwit_status_t status = godwit__zmtp_handshake_init (&ends.link, &link_config);
    if (!status)
        status = godwit__zmtp_handshake_init (&ends.port, &port_config);
    if (!status)
        speak_bytes (&ends.link, &ends.port);
    if (!status &&
        (ends.link.state != GODWIT__ZMTP_HANDSHAKE_DONE || ends.port.state != GODWIT__ZMTP_HANDSHAKE_DONE))
        status = GODWIT_ERR_OUT_OF_MEMORY;
    if (!status) {
        godwit__zmtp_curve.take_box (&ends.link.session, &link);
        godwit__zmtp_curve.take_box (&ends.port.session, &port);
    }
    godwit__zmtp_handshake_end (&ends.link);
    godwit__zmtp_handshake_end (&ends.port);
    godwit__zmtp_box_end (&link);
    godwit__zmtp_box_end (&port);
    return status;
}

Test (zmtp_curve, without_memory_it_fails_and_loses_nothing)
{
    sweep_ring = curve_keyring (DOOR, 0, LINK);
    const short_memory_row_t row = {.name = "handshake", .run = run_handshake, .at_least = 12};
    run_handshake (NULL); /* what libsodium keeps */
    const long before = atomic_load (&blocks);
    cr_assert_geq (short_memory_sweep (&row), row.at_least);
    cr_assert_eq (atomic_load (&blocks), before);
    cr_assert_eq (atomic_load (&sweep_ring->refs), 1u);
}

#endif
