/* SPDX-License-Identifier: Apache-2.0 */
/* What CURVE refuses: commands that were changed, cut, swapped, repeated, or made by a peer that lies. None
 * comes through, each fails with a reason, and no stranger is answered. */
#include "drivers/zmtp/frame.h"
#include "tests/support/curve_peer.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { DOOR = 1, SECOND_DOOR, LINK, PORT, TRANSIENT, OTHER };

static godwit__keyring_t *link_ring, *port_ring;

static void
make_keyrings (void)
{
    link_ring = curve_keyring (DOOR, 0, LINK);
    port_ring = curve_keyring (DOOR, SECOND_DOOR, PORT);
}

TestSuite (zmtp_curve_refusal, .init = make_keyrings);

static const godwit__zmtp_handshake_config_t *
config_of (bool accepts)
{
    static godwit__zmtp_handshake_config_t configs[2];
    configs[accepts] = (godwit__zmtp_handshake_config_t){
        .mechanism = &godwit__zmtp_curve,
        .keyring = accepts ? port_ring : link_ring,
        .accepts = accepts,
        .socket = accepts ? GODWIT__ZMTP_ROUTER : GODWIT__ZMTP_DEALER,
    };
    return &configs[accepts];
}

/* An end that has read the greeting of its peer; what it has said is taken, but not a HELLO. */
static void
begin (godwit__zmtp_handshake_t *end, bool accepts)
{
    cr_assert_eq (godwit__zmtp_handshake_init (end, config_of (accepts)), GODWIT_OK);
    free (zmtp_take_out (end).data);
    cr_assert (curve_give (end, curve_greeting ()));
}

/* It has failed, with this in its reason, and said nothing to its peer. */
static void
expect_failed (godwit__zmtp_handshake_t *end, const char *says, const char *what)
{
    cr_assert_eq (end->state, GODWIT__ZMTP_HANDSHAKE_FAILED, "%s goes on", what);
    const char *const reason = godwit__zmtp_handshake_reason (end);
    cr_assert (strstr (reason, says) && *reason, "%s: %s", what, reason);
    cr_assert_not (godwit__zmtp_handshake_tells (end), "%s", what);
    const zmtp_bytes_t out = zmtp_take_out (end);
    cr_assert_eq (out.size, 0u, "%s is answered", what);
    free (out.data);
}

/* ---- two honest ends, and somebody between them ---- */

enum { COMMANDS = 4 };
static const char *const names[COMMANDS] = {"HELLO", "WELCOME", "INITIATE", "READY"};

/* Lets both ends speak until the command `stop` waits, which is returned, with its head, behind what was
 * moved before. */
static zmtp_bytes_t
speak_until (godwit__zmtp_handshake_t *link, godwit__zmtp_handshake_t *port, int stop)
{
    begin (link, false);
    begin (port, true);
    for (int i = 0; i < stop; i++)
        cr_assert (zmtp_move (i % 2 ? port : link, i % 2 ? link : port, SIZE_MAX), "%s", names[i]);
    return zmtp_take_out (stop % 2 ? port : link);
}

/* Gives the end whose turn it is these bytes instead of the command that waits. */
static godwit__zmtp_handshake_t *
give_instead (godwit__zmtp_handshake_t *link, godwit__zmtp_handshake_t *port, int command, zmtp_bytes_t bytes)
{
    godwit__zmtp_handshake_t *const to = command % 2 ? link : port;
    curve_give (to, bytes);
    cr_assert_neq (to->state, GODWIT__ZMTP_HANDSHAKE_DONE, "in place of %s", names[command]);
    return to;
}

static void
finish (godwit__zmtp_handshake_t *link, godwit__zmtp_handshake_t *port)
{
    godwit__zmtp_handshake_end (link);
    godwit__zmtp_handshake_end (port);
}

static size_t
head_size_of (zmtp_bytes_t frame)
{
    return frame.data[0] & GODWIT__ZMTP_LONG ? GODWIT__ZMTP_LONG_HEAD : GODWIT__ZMTP_SHORT_HEAD;
}

/* Changes the byte `at` of a command. False: it has no such byte. */
static bool
change (int command, size_t at, uint8_t by)
{
    godwit__zmtp_handshake_t link, port;
    const zmtp_bytes_t frame = speak_until (&link, &port, command);
    const bool is_in = at < frame.size;
    const bool is_body = at >= head_size_of (frame);
    if (is_in) {
        frame.data[at] ^= by;
        godwit__zmtp_handshake_t *const to = give_instead (&link, &port, command, frame);
        /* A head may now say that more is to come. */
        if (is_body || to->state == GODWIT__ZMTP_HANDSHAKE_FAILED)
            expect_failed (to, "", names[command]);
    } else {
        free (frame.data);
    }
    finish (&link, &port);
    return is_in;
}

Test (zmtp_curve_refusal, each_changed_byte_of_each_command)
{
    static const uint8_t by[] = {0x01, 0x80, 0xff};
    for (int command = 0; command < COMMANDS; command++)
        for (size_t i = 0; i < sizeof by; i++)
            for (size_t at = 0; change (command, at, by[i]); at++)
                ;
}

/* The first `size` bytes of the body, in a frame whose head says so; more than there are: zeros follow. */
static zmtp_bytes_t
resized (zmtp_bytes_t frame, size_t size)
{
    uint8_t head[GODWIT__ZMTP_LONG_HEAD];
    const size_t before = head_size_of (frame);
    const size_t have = frame.size - before < size ? frame.size - before : size;
    const size_t head_size = godwit__zmtp_head_write (head, GODWIT__ZMTP_COMMAND, size);
    zmtp_bytes_t bytes = {.data = calloc (1, head_size + size), .size = head_size + size};
    cr_assert_not_null (bytes.data);
    memcpy (bytes.data, head, head_size);
    memcpy (bytes.data + head_size, frame.data + before, have);
    free (frame.data);
    return bytes;
}

Test (zmtp_curve_refusal, each_command_cut_short_at_each_byte_and_longer_ones)
{
    for (int command = 0; command < COMMANDS; command++) {
        for (size_t size = 1, full = SIZE_MAX; size <= full + 2; size++) {
            godwit__zmtp_handshake_t link, port;
            const zmtp_bytes_t frame = speak_until (&link, &port, command);
            full = frame.size - head_size_of (frame);
            if (size == full) {
                free (frame.data);
            } else {
                expect_failed (give_instead (&link, &port, command, resized (frame, size)), "",
                               names[command]);
            }
            finish (&link, &port);
        }
    }
}

Test (zmtp_curve_refusal, another_command_than_belongs_there)
{
    zmtp_bytes_t commands[COMMANDS];
    godwit__zmtp_handshake_t link, port;
    for (int i = 0; i < COMMANDS; i++) {
        commands[i] = speak_until (&link, &port, i);
        finish (&link, &port);
    }
    for (int turn = 0; turn < COMMANDS; turn++) {
        for (int i = 0; i < COMMANDS; i++) {
            if (i == turn)
                continue;
            free (speak_until (&link, &port, turn).data);
            expect_failed (
                give_instead (&link, &port, turn, zmtp_bytes_of (commands[i].data, commands[i].size)),
                "another command than CURVE has here", names[i]);
            finish (&link, &port);
        }
        free (speak_until (&link, &port, turn).data);
        expect_failed (give_instead (&link, &port, turn, zmtp_unhex ("04 07 04 'PING' 00 00")),
                       "another command than CURVE has here, in the command \"PING\"", "a PING");
        finish (&link, &port);
        free (speak_until (&link, &port, turn).data);
        expect_failed (give_instead (&link, &port, turn, zmtp_unhex ("00 02 'hi'")),
                       "a message before the end", "a message");
        finish (&link, &port);
    }
    for (int i = 0; i < COMMANDS; i++)
        free (commands[i].data);
}

/* Each command again, behind itself. */
Test (zmtp_curve_refusal, a_command_that_comes_twice)
{
    for (int command = 0; command < COMMANDS - 1; command++) {
        godwit__zmtp_handshake_t link, port;
        const zmtp_bytes_t frame = speak_until (&link, &port, command);
        godwit__zmtp_handshake_t *const to = command % 2 ? &link : &port;
        cr_assert (curve_give (to, zmtp_bytes_of (frame.data, frame.size)));
        free (zmtp_take_out (to).data);
        if (to->state == GODWIT__ZMTP_HANDSHAKE_MORE) {
            curve_give (to, zmtp_bytes_of (frame.data, frame.size));
            expect_failed (to, "", names[command]);
        }
        free (frame.data);
        finish (&link, &port);
    }
}

/* Somebody has recorded what a connecting end has said, and says it again. */
Test (zmtp_curve_refusal, what_was_recorded_on_another_connection)
{
    godwit__zmtp_handshake_t link, port, again;
    const zmtp_bytes_t hello = speak_until (&link, &port, 0);
    cr_assert (curve_give (&port, zmtp_bytes_of (hello.data, hello.size)));
    cr_assert (zmtp_move (&port, &link, SIZE_MAX));
    const zmtp_bytes_t initiate = zmtp_take_out (&link);

    begin (&again, true);
    cr_assert (curve_give (&again, hello), "anybody can say that once more");
    free (zmtp_take_out (&again).data);
    cr_assert (curve_give (&port, zmtp_bytes_of (initiate.data, initiate.size)));
    cr_assert_eq (port.state, GODWIT__ZMTP_HANDSHAKE_DONE);
    curve_give (&again, initiate);
    expect_failed (&again, "another cookie than it was given, in the command \"INITIATE\"", "the INITIATE");
    godwit__zmtp_handshake_end (&again);
    finish (&link, &port);
}

/* The same, by a peer that knows the cookie of this connection. */
Test (zmtp_curve_refusal, an_initiate_of_another_connection_with_the_right_cookie)
{
    curve_peer_t peer = curve_peer (false, DOOR, LINK, TRANSIENT);
    const zmtp_bytes_t properties = curve_properties ("DEALER");
    godwit__zmtp_handshake_t port;
    zmtp_bytes_t old = {NULL, 0};
    for (int i = 0; i < 2; i++) {
        begin (&port, true);
        peer.sent = 0;
        cr_assert (curve_give (&port, curve_peer_hello (&peer)));
        const zmtp_bytes_t welcome = curve_take_command (&port);
        cr_assert (curve_peer_take_welcome (&peer, welcome.data, welcome.size));
        free (welcome.data);
        if (i == 0) {
            old = curve_peer_initiate (&peer, properties);
        } else {
            memcpy (old.data + GODWIT__ZMTP_LONG_HEAD + 9, peer.cookie, CURVE_COOKIE);
            curve_give (&port, old);
            expect_failed (&port, "a box that does not open", "the INITIATE");
        }
        godwit__zmtp_handshake_end (&port);
    }
    free (properties.data);
}

/* ---- connecting ends that lie ---- */

typedef struct lie {
    const char *what;
    void (*before_hello) (curve_peer_t *peer);
    void (*before_initiate) (curve_peer_t *peer);
    const char *says; /* NULL: it is taken */
} lie_t;

static void
other_door (curve_peer_t *peer)
{
    peer->door = curve_pair (OTHER);
}
static void
version_1_1 (curve_peer_t *peer)
{
    peer->version[1] = 1;
}
static void
version_2_0 (curve_peer_t *peer)
{
    peer->version[0] = 2;
}
static void
padding (curve_peer_t *peer)
{
    peer->padding[71] = 1;
}
static void
no_zeros (curve_peer_t *peer)
{
    peer->zeros[63] = 1;
}
static void
number_0 (curve_peer_t *peer)
{
    peer->sent = UINT64_MAX;
}
static void
number_9 (curve_peer_t *peer)
{
    peer->sent = 8;
}
static void
number_8 (curve_peer_t *peer)
{
    peer->sent = 7;
}
static void
largest_number (curve_peer_t *peer)
{
    peer->sent = UINT64_MAX - 1;
}
static void
another_transient (curve_peer_t *peer)
{
    peer->mine = curve_pair (OTHER);
}
static void
vouch_for_another_transient (curve_peer_t *peer)
{
    memcpy (peer->vouched_transient, curve_pair (OTHER).open, CURVE_KEY);
}
static void
vouch_for_another_door (curve_peer_t *peer)
{
    memcpy (peer->vouched_door, curve_pair (OTHER).open, CURVE_KEY);
}
static void
vouch_for_the_second_door (curve_peer_t *peer)
{
    memcpy (peer->vouched_door, curve_pair (SECOND_DOOR).open, CURVE_KEY);
}
static void
key_of_another (curve_peer_t *peer)
{
    memcpy (peer->process.open, curve_pair (OTHER).open, CURVE_KEY);
}
static void
cookie (curve_peer_t *peer)
{
    peer->cookie[95] ^= 1;
}

static void
lie (const lie_t *row)
{
    curve_peer_t peer = curve_peer (false, DOOR, LINK, TRANSIENT);
    const zmtp_bytes_t properties = curve_properties ("DEALER");
    godwit__zmtp_handshake_t port;
    begin (&port, true);
    if (row->before_hello)
        row->before_hello (&peer);
    if (curve_give (&port, curve_peer_hello (&peer))) {
        const zmtp_bytes_t welcome = curve_take_command (&port);
        cr_assert (curve_peer_take_welcome (&peer, welcome.data, welcome.size), "%s", row->what);
        free (welcome.data);
        if (row->before_initiate)
            row->before_initiate (&peer);
        curve_give (&port, curve_peer_initiate (&peer, properties));
    }
    if (row->says)
        expect_failed (&port, row->says, row->what);
    else
        cr_assert_eq (port.state, GODWIT__ZMTP_HANDSHAKE_DONE, "%s: %s", row->what,
                      godwit__zmtp_handshake_reason (&port));
    free (properties.data);
    godwit__zmtp_handshake_end (&port);
}

Test (zmtp_curve_refusal, connecting_ends_that_lie)
{
    static const lie_t rows[] = {
        {"the truth", NULL, NULL, NULL},
        {"a HELLO for another door", other_door, NULL, "it knocked at another door"},
        {"a HELLO of version 1.1", version_1_1, NULL, "another version than CURVE 1.0"},
        {"a HELLO of version 2.0", version_2_0, NULL, "another version than CURVE 1.0"},
        {"a HELLO with padding that is not zero", padding, NULL, "padding that is not zero"},
        {"a HELLO with other bytes in its box", no_zeros, NULL, "it knocked at another door"},
        {"a HELLO with the number 0", number_0, NULL, "a number that is not greater"},
        {"a HELLO with a large number", number_9, NULL, NULL},
        {"an INITIATE with a larger number", NULL, number_9, NULL},
        {"an INITIATE with the largest number", NULL, largest_number, NULL},
        {"an INITIATE with the number of the HELLO", number_9, number_9, "a number that is not greater"},
        {"an INITIATE with a smaller number", number_9, number_8, "a number that is not greater"},
        {"an INITIATE with the number 0", NULL, number_0, "a number that is not greater"},
        {"an INITIATE with another cookie", NULL, cookie, "another cookie"},
        {"an INITIATE with another transient key", NULL, another_transient, "a box that does not open"},
        {"a vouch for another transient key", NULL, vouch_for_another_transient,
         "a vouch for another connection"},
        {"a vouch for another door", NULL, vouch_for_another_door, "a vouch for another door"},
        {"a vouch for the door that it did not knock at", NULL, vouch_for_the_second_door,
         "a vouch for another door"},
        {"the public key of somebody else", NULL, key_of_another, "a vouch that does not open"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        lie (&rows[i]);
}

/* ---- accepting ends that lie ---- */

/* Feeds the connecting end a WELCOME of the peer; true: it has answered with INITIATE, which the peer took.
 */
static bool
welcome (godwit__zmtp_handshake_t *link, curve_peer_t *peer)
{
    zmtp_bytes_t said;
    begin (link, false);
    const zmtp_bytes_t hello = curve_take_command (link);
    cr_assert (curve_peer_take_hello (peer, hello.data, hello.size));
    free (hello.data);
    if (!curve_give (link, curve_peer_welcome (peer)))
        return false;
    const zmtp_bytes_t initiate = curve_take_command (link);
    cr_assert (curve_peer_take_initiate (peer, initiate.data, initiate.size, &said));
    free (initiate.data);
    free (said.data);
    return true;
}

Test (zmtp_curve_refusal, accepting_ends_that_lie)
{
    static const struct {
        uint64_t sent;
        const char *says;
    } rows[] = {{0, NULL}, {41, NULL}, {UINT64_MAX - 1, NULL}, {UINT64_MAX, "a number that is not greater"}};
    const zmtp_bytes_t properties = curve_properties ("ROUTER");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        curve_peer_t peer = curve_peer (true, DOOR, PORT, TRANSIENT);
        godwit__zmtp_handshake_t link;
        cr_assert (welcome (&link, &peer));
        peer.sent = rows[i].sent;
        curve_give (&link, curve_peer_ready (&peer, properties));
        if (rows[i].says)
            expect_failed (&link, rows[i].says, "a READY");
        else
            cr_assert_eq (link.state, GODWIT__ZMTP_HANDSHAKE_DONE);
        godwit__zmtp_handshake_end (&link);
    }
    free (properties.data);
}

/* Who has not got the door cannot answer; the connecting end does not trust an answer, and is still at the
 * door. */
Test (zmtp_curve_refusal, a_welcome_by_somebody_without_the_door)
{
    curve_peer_t peer = curve_peer (true, DOOR, PORT, TRANSIENT);
    godwit__zmtp_handshake_t link;
    begin (&link, false);
    const zmtp_bytes_t hello = curve_take_command (&link);
    cr_assert (curve_peer_take_hello (&peer, hello.data, hello.size));
    free (hello.data);
    peer.door = curve_pair (OTHER);
    curve_give (&link, curve_peer_welcome (&peer));
    expect_failed (&link, "a box that does not open, in the command \"WELCOME\"", "a WELCOME");
    cr_assert (godwit__zmtp_handshake_is_at_door (&link));
    godwit__zmtp_handshake_end (&link);
}

/* A READY in the clear, as of the mechanism NULL. */
Test (zmtp_curve_refusal, a_ready_without_a_box)
{
    curve_peer_t peer = curve_peer (true, DOOR, PORT, TRANSIENT);
    godwit__zmtp_handshake_t link;
    cr_assert (welcome (&link, &peer));
    curve_give (&link, zmtp_unhex ("04 1c 05 'READY' 0b 'Socket-Type' 00 00 00 06 'ROUTER'"));
    expect_failed (&link, "another size", "a READY of 28 bytes");
    godwit__zmtp_handshake_end (&link);
    cr_assert (welcome (&link, &peer));
    curve_give (&link, zmtp_unhex ("04 31 05 'READY' 0b 'Socket-Type' 00 00 00 06 'ROUTER' "
                                   "0f 'X-Godwit-Engine' 00 00 00 01 '1'"));
    expect_failed (&link, "a box that does not open", "a READY of 49 bytes");
    godwit__zmtp_handshake_end (&link);
}

/* An ERROR is in the clear: anybody may have made it, at any time. It ends the connection, and its text is
 * shown as printable text. */
Test (zmtp_curve_refusal, an_error_in_the_clear_ends_the_connection_and_no_more)
{
    for (int command = 0; command < COMMANDS; command++) {
        godwit__zmtp_handshake_t link, port;
        free (speak_until (&link, &port, command).data);
        expect_failed (give_instead (&link, &port, command, zmtp_unhex ("04 0b 05 'ERROR' 04 'a' 1b 00 'b'")),
                       "refused by the peer: a?\?b", "an ERROR");
        finish (&link, &port);
    }
}

/* ---- keys that are no keys ---- */

/* Points of small order, whose multiples everybody knows: all that libsodium's documentation of X25519 and
 * its own list name, the last ones in the forms that are not reduced. */
static const char *const weak[] = {
    "00000000000000000000000000000000 00000000000000000000000000000000",
    "01000000000000000000000000000000 00000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46a da098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b 04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffff ffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffff ffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffff ffffffffffffffffffffffffffffff7f",
    "00000000000000000000000000000000 00000000000000000000000000000080",
    "01000000000000000000000000000000 00000000000000000000000000000080",
    "edffffffffffffffffffffffffffffff ffffffffffffffffffffffffffffffff",
};
enum { WEAK = sizeof weak / sizeof *weak };

static void
set_weak (uint8_t key[CURVE_KEY], size_t i)
{
    const zmtp_bytes_t bytes = zmtp_unhex (weak[i]);
    cr_assert_eq (bytes.size, (size_t) CURVE_KEY);
    memcpy (key, bytes.data, CURVE_KEY);
    free (bytes.data);
}

/* The highest bit means nothing to X25519: with it, a key would be another one that is the same. */
Test (zmtp_curve_refusal, a_key_with_the_bit_that_means_nothing)
{
    const zmtp_bytes_t properties = curve_properties ("DEALER");
    for (int is_process = 0; is_process < 2; is_process++) {
        curve_peer_t peer = curve_peer (false, DOOR, LINK, TRANSIENT);
        godwit__zmtp_handshake_t port;
        begin (&port, true);
        (is_process ? &peer.process : &peer.mine)->open[CURVE_KEY - 1] |= 0x80;
        if (curve_give (&port, curve_peer_hello (&peer))) {
            const zmtp_bytes_t welcome = curve_take_command (&port);
            cr_assert (curve_peer_take_welcome (&peer, welcome.data, welcome.size));
            free (welcome.data);
            curve_give (&port, curve_peer_initiate (&peer, properties));
        }
        expect_failed (&port, is_process ? "a weak key" : "it knocked at another door", "a key");
        godwit__zmtp_handshake_end (&port);
    }
    free (properties.data);
}

Test (zmtp_curve_refusal, a_weak_transient_key_of_the_connecting_end)
{
    for (size_t i = 0; i < WEAK; i++) {
        curve_peer_t peer = curve_peer (false, DOOR, LINK, TRANSIENT);
        godwit__zmtp_handshake_t port;
        begin (&port, true);
        set_weak (peer.mine.open, i);
        curve_give (&port, curve_peer_hello (&peer));
        expect_failed (&port, "it knocked at another door", weak[i]);
        godwit__zmtp_handshake_end (&port);
    }
}

/* Anybody could make this vouch, and be the owner of this key. */
Test (zmtp_curve_refusal, a_weak_key_of_the_connecting_process)
{
    const zmtp_bytes_t properties = curve_properties ("DEALER");
    for (size_t i = 0; i < WEAK; i++) {
        curve_peer_t peer = curve_peer (false, DOOR, LINK, TRANSIENT);
        godwit__zmtp_handshake_t port;
        begin (&port, true);
        cr_assert (curve_give (&port, curve_peer_hello (&peer)));
        const zmtp_bytes_t welcome = curve_take_command (&port);
        cr_assert (curve_peer_take_welcome (&peer, welcome.data, welcome.size));
        set_weak (peer.process.open, i);
        curve_give (&port, curve_peer_initiate (&peer, properties));
        expect_failed (&port, "a weak key", weak[i]);
        free (welcome.data);
        godwit__zmtp_handshake_end (&port);
    }
    free (properties.data);
}

Test (zmtp_curve_refusal, a_weak_transient_key_of_the_accepting_end)
{
    for (size_t i = 0; i < WEAK; i++) {
        curve_peer_t peer = curve_peer (true, DOOR, PORT, TRANSIENT);
        godwit__zmtp_handshake_t link;
        set_weak (peer.mine.open, i);
        cr_assert_not (welcome (&link, &peer));
        expect_failed (&link, "a weak key", weak[i]);
        godwit__zmtp_handshake_end (&link);
    }
}

/* This end's own: a member file that is wrong. */
Test (zmtp_curve_refusal, a_weak_door)
{
    for (size_t i = 0; i < WEAK; i++) {
        godwit__zmtp_handshake_t link;
        set_weak (link_ring->doors[0], i);
        cr_assert_eq (godwit__zmtp_handshake_init (&link, config_of (false)), GODWIT_OK);
        free (zmtp_take_out (&link).data);
        curve_give (&link, curve_greeting ());
        expect_failed (&link, "the door of this end is a weak key", weak[i]);
        godwit__zmtp_handshake_end (&link);
    }
}
