/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a peer's part of a CURVE connection. However they are cut into pieces, the end comes to the
 * same; it says what is wrong in printable text; strangers are told nothing; no key is left behind.
 *
 *    0       1        2
 *    | end   | pieces | bytes
 *
 * end: bit 0 accepts; bits 1 to 3 its type; bits 4 and 5 where the bytes stand:
 *
 *     0  in place of the peer's commands, behind its greeting
 *     1  as its properties, in proper boxes
 *     2  as all that is in the box of its INITIATE or WELCOME; what is left over follows in the clear
 *     3  in traffic: for each frame what is done (1), a size (1), and so many bytes
 *
 * All random bytes are the same each time, so that a recorded handshake is a good one. Secrets of the peer:
 * tests/support/curve_peer.h. */
#include "drivers/zmtp/frame.h"
#include "tests/support/curve_peer.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

enum { DOOR = 1, SECOND_DOOR, END, PEER, TRANSIENT };
enum { GREETING = 64, BYTES_MAX = 65536 };

typedef struct run {
    godwit__zmtp_handshake_t end;
    godwit__zmtp_handshake_config_t config;
    curve_peer_t peer;
    uint32_t *chance; /* NULL: all at once */
    uint8_t out[16384];
    size_t out_size;
    size_t out_read; /* by the peer */
} run_t;

static void
check (bool good)
{
    if (!good)
        abort ();
}

static uint32_t
draw (uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 16;
}

/* ---- what is random, and is not here ---- */

static uint32_t drawn;

static const char *
random_name (void)
{
    return "always the same";
}

static uint32_t
random_number (void)
{
    return draw (&drawn);
}

static void
random_bytes (void *const to, const size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *) to)[i] = (uint8_t) draw (&drawn);
}

static void
begin_random (void)
{
    static randombytes_implementation implementation = {
        .implementation_name = random_name, .random = random_number, .buf = random_bytes};
    static bool is_set;
    if (!is_set)
        check (randombytes_set_implementation (&implementation) == 0 && sodium_init () >= 0);
    is_set = true;
    drawn = 0;
}

/* ---- the end, and what it is given ---- */

static void
take_out (run_t *run)
{
    size_t size = 0;
    const uint8_t *const out = godwit__zmtp_handshake_out (&run->end, &size);
    check (run->out_size + size <= sizeof run->out);
    if (size)
        memcpy (run->out + run->out_size, out, size);
    run->out_size += size;
    godwit__zmtp_handshake_sent (&run->end, size);
}

/* True: it waits for more. */
static bool
give (run_t *run, const uint8_t *data, size_t size)
{
    godwit__zmtp_handshake_state_t state = run->end.state;
    for (size_t at = 0; state == GODWIT__ZMTP_HANDSHAKE_MORE && at < size;) {
        const size_t most = run->chance ? 1 + draw (run->chance) % 300 : size;
        const size_t piece = most < size - at ? most : size - at;
        const zmtp_bytes_t part = zmtp_bytes_of (data + at, piece);
        size_t consumed = SIZE_MAX;
        state = godwit__zmtp_handshake_feed (&run->end, part.data, piece, &consumed);
        check (consumed <= piece && (state == GODWIT__ZMTP_HANDSHAKE_DONE || consumed == piece));
        free (part.data);
        at += piece;
    }
    take_out (run);
    return state == GODWIT__ZMTP_HANDSHAKE_MORE;
}

static bool
give_frame (run_t *run, zmtp_bytes_t frame)
{
    const bool goes_on = give (run, frame.data, frame.size);
    free (frame.data);
    return goes_on;
}

/* The command that it has said now. */
static zmtp_bytes_t
answer (run_t *run)
{
    godwit__zmtp_head_t head = {0};
    check (godwit__zmtp_head_read (&head, run->out + run->out_read, run->out_size - run->out_read));
    const uint8_t *const body = run->out + run->out_read + head.head_size;
    run->out_read += head.head_size + (size_t) head.body_size;
    check (run->out_read == run->out_size);
    return zmtp_bytes_of (body, (size_t) head.body_size);
}

/* The honest part of the peer: up to where its INITIATE belongs, or its WELCOME. */
static void
knock (run_t *run)
{
    if (!run->config.accepts) {
        const zmtp_bytes_t hello = answer (run);
        check (curve_peer_take_hello (&run->peer, hello.data, hello.size));
        free (hello.data);
        return;
    }
    check (give_frame (run, curve_peer_hello (&run->peer)));
    const zmtp_bytes_t welcome = answer (run);
    check (curve_peer_take_welcome (&run->peer, welcome.data, welcome.size));
    free (welcome.data);
}

/* Up to its properties; true: it waits for more. */
static bool
say_properties (run_t *run, zmtp_bytes_t properties)
{
    knock (run);
    if (run->config.accepts)
        return give_frame (run, curve_peer_initiate (&run->peer, properties));
    check (give_frame (run, curve_peer_welcome (&run->peer)));
    zmtp_bytes_t said;
    const zmtp_bytes_t initiate = answer (run);
    check (curve_peer_take_initiate (&run->peer, initiate.data, initiate.size, &said));
    free (initiate.data);
    free (said.data);
    return give_frame (run, curve_peer_ready (&run->peer, properties));
}

/* ---- where the bytes stand ---- */

/* It succeeds if, and only if, they are good ones. */
static void
as_properties (run_t *run, const uint8_t *data, size_t size)
{
    const size_t before = run->config.accepts ? 257 : 30;
    char text[GODWIT__ZMTP_READY_TEXT];
    char refusal[GODWIT__ADMIT_TEXT];
    godwit__zmtp_admission_t admission = {.party = NULL};
    godwit__zmtp_socket_t socket;
    bool is_engine;
    const bool is_good =
        before + size <= GODWIT__ZMTP_HANDSHAKE_MAX &&
        !godwit__zmtp_ready_check (&run->config, data, size, &socket, &is_engine, text) &&
        !godwit__zmtp_admission_check (&admission, &run->config, &run->end.session, data, size, refusal);
    const zmtp_bytes_t properties = zmtp_bytes_of (data, size);
    check (!say_properties (run, properties));
    free (properties.data);
    check (is_good == (run->end.state == GODWIT__ZMTP_HANDSHAKE_DONE));
}

static void
inside (run_t *run, const uint8_t *data, size_t size)
{
    uint8_t body[GODWIT__ZMTP_HANDSHAKE_MAX] = {0};
    uint8_t nonce[24] = "CurveZMQINITIATE\0\0\0\0\0\0\0\2";
    uint8_t head[GODWIT__ZMTP_LONG_HEAD];
    const bool accepts = run->config.accepts;
    const size_t before = accepts ? 113 : 24;
    const size_t most = accepts ? sizeof body - before - 16 : 128;
    const size_t in = size < most ? size : most;
    knock (run);
    if (accepts) {
        memcpy (body, "\10INITIATE", 9);
        memcpy (body + 9, run->peer.cookie, CURVE_COOKIE);
        memcpy (body + 105, nonce + 16, 8);
    } else {
        memcpy (body, "\7WELCOME", 8);
        memcpy (nonce, "WELCOME-", 8);
        memcpy (body + 8, nonce + 8, 16);
    }
    check (crypto_box_easy (body + before, data, in, nonce, run->peer.other,
                            accepts ? run->peer.mine.secret : run->peer.door.secret) == 0);
    const size_t body_size = before + 16 + in;
    if (give (run, head, godwit__zmtp_head_write (head, GODWIT__ZMTP_COMMAND, body_size)) &&
        give (run, body, body_size))
        give (run, data + in, size - in);
    check (run->end.state != GODWIT__ZMTP_HANDSHAKE_DONE ||
           (accepts && !memcmp (run->end.session.client, data, CURVE_KEY)));
}

enum { HONEST, EARLIER, SKIPS, CHANGED, RAW, DEEDS };

/* One frame. False: it was refused, and nothing follows. */
static bool
do_deed (run_t *run, godwit__zmtp_box_t *box, uint8_t deed, const uint8_t *data, size_t size)
{
    const uint8_t flags = deed >> 3 & 7;
    const uint64_t received = box->received;
    uint8_t seen = 0xff;
    if (deed % 8 == EARLIER)
        run->peer.sent -= 1 + flags;
    if (deed % 8 == SKIPS)
        run->peer.sent += 1 + flags;
    zmtp_bytes_t frame = curve_peer_message (&run->peer, flags, data, size);
    const size_t head_size =
        frame.data[0] & GODWIT__ZMTP_LONG ? GODWIT__ZMTP_LONG_HEAD : GODWIT__ZMTP_SHORT_HEAD;
    zmtp_bytes_t body = deed % 8 >= RAW ? zmtp_bytes_of (data, size)
                                        : zmtp_bytes_of (frame.data + head_size, frame.size - head_size);
    free (frame.data);
    if (deed % 8 == CHANGED && size)
        body.data[data[0] % body.size] ^= (uint8_t) (1 << flags);
    const bool is_next = box->is_exact ? run->peer.sent == received + 1 : run->peer.sent > received;
    const bool is_good = deed % 8 < RAW && !(deed % 8 == CHANGED && size) && is_next && flags <= 3;
    const char *const wrong = godwit__zmtp_box_open (box, body.data, body.size, &seen);
    check (is_good == !wrong && box->received == (wrong ? received : run->peer.sent));
    check (wrong || (seen == flags && body.size - GODWIT__ZMTP_BOX_OVERHEAD == size));
    check (wrong || size == 0 || !memcmp (body.data + GODWIT__ZMTP_BOX_OVERHEAD, data, size));
    free (body.data);
    return !wrong;
}

static void
in_traffic (run_t *run, const uint8_t *data, size_t size)
{
    static const char *const peers[] = {"ROUTER", "DEALER", "SUB", "SUB", "PUB", "PUB"};
    const zmtp_bytes_t properties = curve_properties (peers[run->config.socket]);
    check (!say_properties (run, properties) && run->end.state == GODWIT__ZMTP_HANDSHAKE_DONE);
    free (properties.data);
    godwit__zmtp_box_t box;
    godwit__zmtp_curve.take_box (&run->end.session, &box);
    box.is_exact = size && data[0] & 0x40;
    for (bool goes_on = true; goes_on && size >= 2;) {
        const size_t now = data[1] < size - 2 ? data[1] : size - 2;
        goes_on = do_deed (run, &box, data[0], data + 2, now);
        data += 2 + now;
        size -= 2 + now;
    }
    godwit__zmtp_box_end (&box);
}

/* ---- what comes of it ---- */

/* A greeting, then the commands of this end; ERROR only of an accepting end that has read properties. */
static void
check_out (const run_t *run)
{
    static const char *const own[2][3] = {{"\5HELLO", "\10INITIATE", ""},
                                          {"\7WELCOME", "\5READY", "\5ERROR"}};
    const char *const *const names = own[run->config.accepts];
    unsigned seen = 0;
    check (run->out_size >= GREETING);
    for (size_t at = GREETING; at < run->out_size;) {
        godwit__zmtp_head_t head = {0};
        check (godwit__zmtp_head_read (&head, run->out + at, run->out_size - at));
        at += head.head_size;
        unsigned i = 0;
        while (i < 3 &&
               (!*names[i] || strncmp ((const char *) run->out + at, names[i], strlen (names[i])) != 0))
            i++;
        check (i < 3 && !(seen >> i)); /* each once, and in this order */
        seen |= 1U << i;
        at += (size_t) head.body_size;
        check (at <= run->out_size);
    }
    check (!(seen & 4) || (seen == 5 && run->end.state == GODWIT__ZMTP_HANDSHAKE_FAILED));
    check (!(seen & 2) || seen == 3);
    check (run->end.state != GODWIT__ZMTP_HANDSHAKE_DONE || seen == 3);
}

static void
check_reason (const run_t *run)
{
    const char *const reason = godwit__zmtp_handshake_reason (&run->end);
    check ((run->end.state == GODWIT__ZMTP_HANDSHAKE_FAILED) == (*reason != '\0'));
    for (const char *c = reason; *c; c++)
        check (*c >= 0x20 && *c < 0x7f);
    check (*godwit__zmtp_handshake_missing (&run->end) && *godwit__zmtp_handshake_lost (&run->end));
}

static void
go (run_t *run, uint8_t how, const uint8_t *data, size_t size, uint32_t *chance)
{
    static godwit__keyring_t *keyring;
    begin_random ();
    if (!keyring)
        keyring = curve_keyring (DOOR, SECOND_DOOR, END);
    run->config = (godwit__zmtp_handshake_config_t){.mechanism = &godwit__zmtp_curve,
                                                    .keyring = keyring,
                                                    .accepts = how & 1,
                                                    .socket = (how >> 1 & 7) % GODWIT__ZMTP_SOCKET_COUNT};
    run->peer = curve_peer (!run->config.accepts, DOOR, PEER, TRANSIENT);
    run->chance = chance;
    run->out_size = 0;
    run->out_read = GREETING;
    check (godwit__zmtp_handshake_init (&run->end, &run->config) == GODWIT_OK);
    check (give_frame (run, curve_greeting ()));
    static void (*const places[]) (run_t *, const uint8_t *, size_t) = {NULL, as_properties, inside,
                                                                        in_traffic};
    const unsigned place = how >> 4 & 3;
    if (place == 0)
        give (run, data, size);
    else
        places[place](run, data, size);
    check_reason (run);
    check_out (run);
    const uint8_t state = run->end.state;
    godwit__zmtp_handshake_end (&run->end);
    check (!run->end.session.own && atomic_load (&keyring->refs) == 1);
    run->end.state = state; /* to be compared */
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static run_t whole, parts;
    if (size < 2 || size - 2 > BYTES_MAX)
        return 0;
    uint32_t chance = data[1];
    go (&whole, data[0], data + 2, size - 2, NULL);
    if (chance == 0)
        return 0;
    go (&parts, data[0], data + 2, size - 2, &chance);
    check (whole.end.state == parts.end.state);
    check (whole.out_size == parts.out_size && !memcmp (whole.out, parts.out, whole.out_size));
    return 0;
}
