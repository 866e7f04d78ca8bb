/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/curve_peer.h"

#include "drivers/zmtp/frame.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { MAC = 16, GREETING = 64 };

static void
must (bool good)
{
    if (!good)
        abort ();
}

/* ---- keys ---- */

curve_pair_t
curve_pair (unsigned number)
{
    uint8_t seed[crypto_box_SEEDBYTES] = {'t', 'e', 's', 't', (uint8_t) number};
    curve_pair_t pair;
    must (sodium_init () >= 0);
    crypto_box_seed_keypair (pair.open, pair.secret, seed);
    return pair;
}

godwit__keyring_t *
curve_keyring (unsigned first_door, unsigned second_door, unsigned process)
{
    static struct {
        godwit__keyring_t keyring;
        curve_pair_t doors[GODWIT__DOOR_MAX], process;
    } kept[64];
    static unsigned count;
    must (count < sizeof kept / sizeof *kept);
    godwit__keyring_t *const keyring = &kept[count].keyring;
    curve_pair_t *const doors = kept[count].doors;
    doors[0] = curve_pair (first_door);
    doors[1] = curve_pair (second_door);
    kept[count].process = curve_pair (process);
    atomic_init (&keyring->refs, 1); /* never given back */
    keyring->door_count = (first_door ? 1U : 0U) + (second_door ? 1U : 0U);
    for (size_t i = 0; i < keyring->door_count; i++) {
        memcpy (keyring->doors[i], doors[i].open, CURVE_KEY);
        keyring->door_secrets[i] = doors[i].secret;
    }
    memcpy (keyring->curve, kept[count].process.open, CURVE_KEY);
    keyring->curve_secret = kept[count++].process.secret;
    return keyring;
}

curve_peer_t
curve_peer (bool accepts, unsigned door, unsigned process, unsigned transient)
{
    curve_peer_t peer = {.door = curve_pair (door),
                         .process = curve_pair (process),
                         .mine = curve_pair (transient),
                         .version = {1, 0},
                         .accepts = accepts};
    memcpy (peer.vouched_transient, peer.mine.open, CURVE_KEY);
    memcpy (peer.vouched_door, peer.door.open, CURVE_KEY);
    return peer;
}

/* ---- boxes ---- */

static void
set_number (uint8_t out[8], uint64_t number)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t) (number >> (56 - 8 * i));
}

static uint64_t
number_of (const uint8_t data[8])
{
    uint64_t number = 0;
    for (int i = 0; i < 8; i++)
        number |= (uint64_t) data[i] << (56 - 8 * i);
    return number;
}

static void
set_nonce (uint8_t nonce[24], const char *text, const uint8_t *rest)
{
    memset (nonce, 0, 24);
    memcpy (nonce, text, strlen (text));
    memcpy (nonce + strlen (text), rest, 24 - strlen (text));
}

/* What two ends share. If a key of this end's pair is weak, all know it: it comes of the point at zero. */
static void
share (uint8_t key[CURVE_KEY], const uint8_t *other, const curve_pair_t *own)
{
    static const uint8_t zero[CURVE_KEY];
    uint8_t scalar[CURVE_KEY] = {8};
    uint8_t ignored[CURVE_KEY];
    const bool is_weak = crypto_scalarmult (ignored, scalar, own->open) != 0;
    if (is_weak || crypto_box_beforenm (key, other, own->secret) != 0)
        crypto_core_hsalsa20 (key, zero, zero, NULL);
}

static void
seal (uint8_t *box, const void *plain, size_t size, const char *text, const uint8_t *sent,
      const uint8_t *other, const curve_pair_t *own)
{
    uint8_t nonce[24], key[CURVE_KEY];
    set_nonce (nonce, text, sent);
    share (key, other, own);
    must (crypto_box_easy_afternm (box, plain, size, nonce, key) == 0);
}

static bool
open_box (uint8_t *plain, const uint8_t *box, size_t box_size, const char *text, const uint8_t *sent,
          const uint8_t *other, const curve_pair_t *own)
{
    uint8_t nonce[24], key[CURVE_KEY];
    set_nonce (nonce, text, sent);
    share (key, other, own);
    return crypto_box_open_easy_afternm (plain, box, box_size, nonce, key) == 0;
}

/* A frame with a body that begins with a name and is zero. */
static zmtp_bytes_t
frame (bool is_command, const char *name, size_t body_size, uint8_t **body)
{
    uint8_t head[GODWIT__ZMTP_LONG_HEAD];
    const size_t head_size = godwit__zmtp_head_write (head, is_command ? GODWIT__ZMTP_COMMAND : 0, body_size);
    zmtp_bytes_t bytes = {.data = calloc (1, head_size + body_size), .size = head_size + body_size};
    must (bytes.data != NULL);
    memcpy (bytes.data, head, head_size);
    *body = bytes.data + head_size;
    memcpy (*body, name, strlen (name));
    return bytes;
}

static bool
is_named (const uint8_t *body, size_t size, const char *name, size_t least)
{
    return size >= least && memcmp (body, name, strlen (name)) == 0;
}

/* ---- the connecting end ---- */

zmtp_bytes_t
curve_peer_hello (curve_peer_t *peer)
{
    uint8_t *body;
    const zmtp_bytes_t bytes = frame (true, "\5HELLO", 200, &body);
    memcpy (body + 6, peer->version, 2);
    memcpy (body + 8, peer->padding, 72);
    memcpy (body + 80, peer->mine.open, CURVE_KEY);
    set_number (body + 112, ++peer->sent);
    seal (body + 120, peer->zeros, 64, "CurveZMQHELLO---", body + 112, peer->door.open, &peer->mine);
    return bytes;
}

bool
curve_peer_take_welcome (curve_peer_t *peer, const uint8_t *body, size_t size)
{
    uint8_t plain[128];
    if (size != 168 || !is_named (body, size, "\7WELCOME", 168) ||
        !open_box (plain, body + 24, 144, "WELCOME-", body + 8, peer->door.open, &peer->mine))
        return false;
    memcpy (peer->other, plain, CURVE_KEY);
    memcpy (peer->cookie, plain + CURVE_KEY, CURVE_COOKIE);
    return true;
}

zmtp_bytes_t
curve_peer_initiate (curve_peer_t *peer, zmtp_bytes_t properties)
{
    uint8_t *body;
    uint8_t vouch[64];
    const zmtp_bytes_t bytes = frame (true, "\10INITIATE", 257 + properties.size, &body);
    uint8_t *const plain = calloc (1, 128 + properties.size);
    must (plain != NULL);
    memcpy (vouch, peer->vouched_transient, CURVE_KEY);
    memcpy (vouch + CURVE_KEY, peer->vouched_door, CURVE_KEY);
    memcpy (plain, peer->process.open, CURVE_KEY);
    randombytes_buf (plain + 32, 16);
    seal (plain + 48, vouch, 64, "VOUCH---", plain + 32, peer->other, &peer->process);
    memcpy (plain + 128, properties.data, properties.size);
    memcpy (body + 9, peer->cookie, CURVE_COOKIE);
    set_number (body + 105, ++peer->sent);
    seal (body + 113, plain, 128 + properties.size, "CurveZMQINITIATE", body + 105, peer->other, &peer->mine);
    free (plain);
    return bytes;
}

bool
curve_peer_take_ready (curve_peer_t *peer, const uint8_t *body, size_t size, zmtp_bytes_t *properties)
{
    if (!is_named (body, size, "\5READY", 30))
        return false;
    properties->size = size - 30;
    properties->data = malloc (size);
    peer->received = number_of (body + 6);
    if (open_box (properties->data, body + 14, size - 14, "CurveZMQREADY---", body + 6, peer->other,
                  &peer->mine))
        return true;
    free (properties->data);
    return false;
}

/* ---- the accepting end ---- */

bool
curve_peer_take_hello (curve_peer_t *peer, const uint8_t *body, size_t size)
{
    static const uint8_t zeros[72];
    uint8_t plain[64];
    if (size != 200 || !is_named (body, size, "\5HELLO\1\0", 200) || memcmp (body + 8, zeros, 72) != 0 ||
        !open_box (plain, body + 120, 80, "CurveZMQHELLO---", body + 112, body + 80, &peer->door))
        return false;
    memcpy (peer->other, body + 80, CURVE_KEY);
    peer->received = number_of (body + 112);
    return memcmp (plain, zeros, 64) == 0;
}

zmtp_bytes_t
curve_peer_welcome (curve_peer_t *peer)
{
    uint8_t *body;
    uint8_t plain[128];
    const zmtp_bytes_t bytes = frame (true, "\7WELCOME", 168, &body);
    randombytes_buf (peer->cookie, CURVE_COOKIE);
    memcpy (plain, peer->mine.open, CURVE_KEY);
    memcpy (plain + CURVE_KEY, peer->cookie, CURVE_COOKIE);
    randombytes_buf (body + 8, 16);
    seal (body + 24, plain, 128, "WELCOME-", body + 8, peer->other, &peer->door);
    return bytes;
}

bool
curve_peer_take_initiate (curve_peer_t *peer, const uint8_t *body, size_t size, zmtp_bytes_t *properties)
{
    uint8_t vouch[64];
    if (!is_named (body, size, "\10INITIATE", 257) || memcmp (body + 9, peer->cookie, CURVE_COOKIE) != 0)
        return false;
    uint8_t *const plain = malloc (size);
    must (plain != NULL);
    const bool is_good =
        open_box (plain, body + 113, size - 113, "CurveZMQINITIATE", body + 105, peer->other, &peer->mine) &&
        open_box (vouch, plain + 48, 80, "VOUCH---", plain + 32, plain, &peer->mine) &&
        memcmp (vouch, peer->other, CURVE_KEY) == 0 &&
        memcmp (vouch + CURVE_KEY, peer->door.open, CURVE_KEY) == 0;
    if (is_good) {
        memcpy (peer->process.open, plain, CURVE_KEY);
        peer->received = number_of (body + 105);
        *properties = zmtp_bytes_of (plain + 128, size - 257);
    }
    free (plain);
    return is_good;
}

zmtp_bytes_t
curve_peer_ready (curve_peer_t *peer, zmtp_bytes_t properties)
{
    uint8_t *body;
    const zmtp_bytes_t bytes = frame (true, "\5READY", 30 + properties.size, &body);
    set_number (body + 6, ++peer->sent);
    seal (body + 14, properties.data, properties.size, "CurveZMQREADY---", body + 6, peer->other,
          &peer->mine);
    return bytes;
}

/* ---- traffic ---- */

zmtp_bytes_t
curve_peer_message (curve_peer_t *peer, uint8_t flags, const void *data, size_t size)
{
    uint8_t *body;
    const zmtp_bytes_t bytes = frame (false, "\7MESSAGE", 33 + size, &body);
    uint8_t *const plain = malloc (1 + size);
    must (plain != NULL);
    plain[0] = flags;
    if (size)
        memcpy (plain + 1, data, size);
    set_number (body + 8, ++peer->sent);
    seal (body + 16, plain, 1 + size, peer->accepts ? "CurveZMQMESSAGES" : "CurveZMQMESSAGEC", body + 8,
          peer->other, &peer->mine);
    free (plain);
    return bytes;
}

bool
curve_peer_take_message (curve_peer_t *peer, const uint8_t *body, size_t size, uint8_t *flags,
                         zmtp_bytes_t *data)
{
    if (!is_named (body, size, "\7MESSAGE", 33) || number_of (body + 8) <= peer->received)
        return false;
    uint8_t *const plain = malloc (size);
    must (plain != NULL);
    const bool is_good =
        open_box (plain, body + 16, size - 16, peer->accepts ? "CurveZMQMESSAGEC" : "CurveZMQMESSAGES",
                  body + 8, peer->other, &peer->mine);
    if (is_good) {
        peer->received = number_of (body + 8);
        *flags = plain[0];
        *data = zmtp_bytes_of (plain + 1, size - 33);
    }
    free (plain);
    return is_good;
}

/* ---- what surrounds it ---- */

zmtp_bytes_t
curve_take_command (godwit__zmtp_handshake_t *end)
{
    const zmtp_bytes_t out = zmtp_take_out (end);
    const size_t before = out.size > GREETING && out.data[0] == 0xff ? GREETING : 0;
    godwit__zmtp_head_t head = {0};
    must (godwit__zmtp_head_read (&head, out.data + before, out.size - before));
    must (before + head.head_size + head.body_size == out.size && head.flags & GODWIT__ZMTP_COMMAND);
    const zmtp_bytes_t body = zmtp_bytes_of (out.data + before + head.head_size, (size_t) head.body_size);
    free (out.data);
    return body;
}

bool
curve_give (godwit__zmtp_handshake_t *end, zmtp_bytes_t bytes)
{
    size_t given = 0;
    size_t left = 0;
    zmtp_feed_pieces (end, bytes.data, bytes.size, SIZE_MAX, &given, &left);
    free (bytes.data);
    return end->state != GODWIT__ZMTP_HANDSHAKE_FAILED;
}

zmtp_bytes_t
curve_greeting (void)
{
    uint8_t greeting[GREETING] = {0xff, [9] = 0x7f, 3, 1, 'C', 'U', 'R', 'V', 'E'};
    return zmtp_bytes_of (greeting, sizeof greeting);
}

zmtp_bytes_t
curve_properties (const char *socket_type)
{
    uint8_t out[64];
    const godwit__zmtp_property_t property = {
        .name = (const uint8_t *) "Socket-Type",
        .name_size = 11,
        .value = (const uint8_t *) socket_type,
        .value_size = strlen (socket_type),
    };
    return zmtp_bytes_of (out, godwit__zmtp_property_write (out, sizeof out, &property));
}
