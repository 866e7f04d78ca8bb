/* SPDX-License-Identifier: Apache-2.0 */
/* The other end of a CURVE connection, made of libsodium and RFC 26 alone: it shares no line with the
 * engine's, and lies where a test tells it to. What cannot be ends the process. */
#ifndef GODWIT_TESTS_SUPPORT_CURVE_PEER_H
#define GODWIT_TESTS_SUPPORT_CURVE_PEER_H

#include "tests/support/zmtp_ends.h"

enum { CURVE_KEY = 32, CURVE_COOKIE = 96 };

typedef struct curve_pair {
    uint8_t open[CURVE_KEY];
    uint8_t secret[CURVE_KEY];
} curve_pair_t;

/* Always the same for a number. */
curve_pair_t curve_pair (unsigned number);

/* A keyring with the doors of these numbers (0: none), and the process key of that number. It lives as long
 * as the program. */
godwit__keyring_t *curve_keyring (unsigned first_door, unsigned second_door, unsigned process);

/* A test may change any of it between two commands. */
typedef struct curve_peer {
    curve_pair_t door;        /* S; a connecting end needs the public key only */
    curve_pair_t process;     /* C, a connecting end's own; otherwise what came */
    curve_pair_t mine;        /* its transient keys */
    uint8_t other[CURVE_KEY]; /* the transient public key of the end under test */
    uint8_t vouched_transient[CURVE_KEY],
        vouched_door[CURVE_KEY]; /* what the vouch says; after init: the truth */
    uint8_t cookie[CURVE_COOKIE];
    uint8_t version[2], padding[72], zeros[64]; /* of HELLO */
    uint64_t sent;                              /* the last number in a nonce */
    uint64_t received;
    bool accepts;
} curve_peer_t;

/* A peer with these doors, process and transient keys. */
curve_peer_t curve_peer (bool accepts, unsigned door, unsigned process, unsigned transient);

/* Each returns a frame, with its head. The caller frees its data. */
zmtp_bytes_t curve_peer_hello (curve_peer_t *peer);
zmtp_bytes_t curve_peer_welcome (curve_peer_t *peer);
zmtp_bytes_t curve_peer_initiate (curve_peer_t *peer, zmtp_bytes_t properties);
zmtp_bytes_t curve_peer_ready (curve_peer_t *peer, zmtp_bytes_t properties);
zmtp_bytes_t curve_peer_message (curve_peer_t *peer, uint8_t flags, const void *data, size_t size);

/* Each takes the body of a frame. False: it is not as RFC 26 has it, or does not open. */
bool curve_peer_take_hello (curve_peer_t *peer, const uint8_t *body, size_t size);
bool curve_peer_take_welcome (curve_peer_t *peer, const uint8_t *body, size_t size);
/* *properties, and *data, are the caller's. */
bool curve_peer_take_initiate (curve_peer_t *peer, const uint8_t *body, size_t size,
                               zmtp_bytes_t *properties);
bool curve_peer_take_ready (curve_peer_t *peer, const uint8_t *body, size_t size, zmtp_bytes_t *properties);
bool curve_peer_take_message (curve_peer_t *peer, const uint8_t *body, size_t size, uint8_t *flags,
                              zmtp_bytes_t *data);

/* Takes what waits: the body of one command, behind the greeting, if that waits, too. */
zmtp_bytes_t curve_take_command (godwit__zmtp_handshake_t *end);
/* Feeds the bytes, and frees them. False: the handshake has failed. */
bool curve_give (godwit__zmtp_handshake_t *end, zmtp_bytes_t bytes);

/* The greeting of an end that speaks CURVE, and the properties of a socket of that type. */
zmtp_bytes_t curve_greeting (void);
zmtp_bytes_t curve_properties (const char *socket_type);

#endif
