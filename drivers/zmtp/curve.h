/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the mechanism CURVE share: how its commands are laid out, what an end remembers during a
 * handshake, and how boxes are made. mechanism_curve.c says whose turn it is, curve_connecting.c and
 * curve_accepting.c write and take the commands.
 *
 * S is the door, C the key K of the connecting process; C' and S' are the transient keys, new for each
 * connection; only A and B can make or open box [X](A->B).
 *
 *     HELLO     ------>            C', box [zeros](C'->S)
 *               <------  WELCOME   box [S', cookie](S->C')
 *     INITIATE  ------>            cookie, box [C, vouch, properties](C'->S'), vouch = box [C', S](C->S')
 *               <------  READY     box [properties](S'->C')
 *
 * What is checked beyond libzmq: all of the HELLO, the S of the vouch, that numbers in nonces grow, and each
 * key for being weak: with a point of small order anybody would know the shared key.
 *
 * A cookie is there for servers that forget a connection between WELCOME and INITIATE. This end does not: a
 * connection needs memory anyway. So its cookies are random, and compared when they come back, and no secret
 * key leaves the process, sealed or not.
 *
 * A handshake costs four multiplications on the curve at each end; the accepting end one more, if its peer
 * knocks at the second door. Who knows no door costs one for each door. */
#ifndef GODWIT_DRIVERS_ZMTP_CURVE_H
#define GODWIT_DRIVERS_ZMTP_CURVE_H

#include "drivers/zmtp/mechanism.h"
#include "drivers/zmtp/nonce.h"

#include "src/realm/secret.h"

#define GODWIT__CURVE_KEY 32 /* bytes of each: public, secret, shared */
#define GODWIT__CURVE_MAC 16
#define GODWIT__CURVE_COOKIE 96

/* ---- how commands are laid out ---- */

/* A box: the authenticator, then so many bytes. */
#define GODWIT__CURVE_BOX(size) (GODWIT__CURVE_MAC + (size))

typedef struct godwit__curve_hello {
    uint8_t name[6], version[2], padding[72];
    uint8_t client_transient[GODWIT__CURVE_KEY];
    uint8_t nonce[GODWIT__ZMTP_NONCE_NUMBER];
    uint8_t box[GODWIT__CURVE_BOX (64)]; /* zeros */
} godwit__curve_hello_t;

typedef struct godwit__curve_in_welcome {
    uint8_t server_transient[GODWIT__CURVE_KEY];
    uint8_t cookie[GODWIT__CURVE_COOKIE];
} godwit__curve_in_welcome_t;

typedef struct godwit__curve_welcome {
    uint8_t name[8];
    uint8_t nonce[GODWIT__ZMTP_NONCE_RANDOM];
    uint8_t box[GODWIT__CURVE_BOX (sizeof (godwit__curve_in_welcome_t))];
} godwit__curve_welcome_t;

typedef struct godwit__curve_in_vouch {
    uint8_t client_transient[GODWIT__CURVE_KEY];
    uint8_t door[GODWIT__CURVE_KEY];
} godwit__curve_in_vouch_t;

typedef struct godwit__curve_in_initiate {
    uint8_t client[GODWIT__CURVE_KEY];
    uint8_t vouch_nonce[GODWIT__ZMTP_NONCE_RANDOM];
    uint8_t vouch[GODWIT__CURVE_BOX (sizeof (godwit__curve_in_vouch_t))];
    uint8_t properties[];
} godwit__curve_in_initiate_t;

typedef struct godwit__curve_initiate {
    uint8_t name[9];
    uint8_t cookie[GODWIT__CURVE_COOKIE];
    uint8_t nonce[GODWIT__ZMTP_NONCE_NUMBER];
    uint8_t box[]; /* godwit__curve_in_initiate_t */
} godwit__curve_initiate_t;

typedef struct godwit__curve_ready {
    uint8_t name[6];
    uint8_t nonce[GODWIT__ZMTP_NONCE_NUMBER];
    uint8_t box[]; /* properties */
} godwit__curve_ready_t;

/* Bytes of a command, without properties. */
#define GODWIT__CURVE_HELLO_SIZE sizeof (godwit__curve_hello_t)
#define GODWIT__CURVE_WELCOME_SIZE sizeof (godwit__curve_welcome_t)
#define GODWIT__CURVE_INITIATE_SIZE                                                                          \
    (sizeof (godwit__curve_initiate_t) + GODWIT__CURVE_BOX (sizeof (godwit__curve_in_initiate_t)))
#define GODWIT__CURVE_READY_SIZE (sizeof (godwit__curve_ready_t) + GODWIT__CURVE_BOX (0))

_Static_assert(GODWIT__CURVE_HELLO_SIZE == 200 && GODWIT__CURVE_WELCOME_SIZE == 168 &&
                   GODWIT__CURVE_INITIATE_SIZE == 257 && GODWIT__CURVE_READY_SIZE == 30,
               "the commands have the sizes of RFC 26");

/* ---- what an end remembers ---- */

typedef struct godwit__curve {
    /* A secret piece. In its first half the key that is shared with the peer: by S and C' until WELCOME, then
     * by S' and C'. In the second half the transient secret key of this end, until it was used for the last
     * time. */
    uint8_t *keys;
    uint64_t sent, received; /* the last number in a nonce */
    uint8_t *opened;         /* on the heap: what was in the box that carried the peer's properties */
    const uint8_t *properties;
    size_t properties_size;
    uint8_t cookie[GODWIT__CURVE_COOKIE];
} godwit__curve_t;

_Static_assert(GODWIT__SECRET_SIZE == 2 * GODWIT__CURVE_KEY, "a secret piece has room for two keys");

static inline uint8_t *
godwit__curve_transient (const godwit__curve_t *curve)
{
    return curve->keys + GODWIT__CURVE_KEY;
}

/* Makes session->own. False: memory is short; the session is ended later, as always. */
bool godwit__curve_begin (godwit__zmtp_session_t *session);
/* Wipes and frees it. NULL: there is none. */
void godwit__curve_end (godwit__zmtp_session_t *session);

/* ---- boxes ---- */

/* Seals the `size` bytes that lie in a box behind its mac. text and sent: the nonce. */
void godwit__curve_seal (uint8_t *box, size_t size, const char *text, const uint8_t *sent,
                         const uint8_t *key);
/* Opens a box with `size` bytes. False: it was made with another key, or changed. */
bool godwit__curve_open (uint8_t *plain, const uint8_t *box, size_t size, const char *text,
                         const uint8_t *sent, const uint8_t *key);
/* Opens one with properties in it to curve->opened. NULL, or what is wrong. */
const char *godwit__curve_open_large (godwit__curve_t *curve, const uint8_t *box, size_t size,
                                      const char *text, const uint8_t *sent);
/* Writes the key that is shared by the owners of two keys. False: the public one is weak: of small order
 * (zero, for example), or with a bit that means nothing. */
bool godwit__curve_share (uint8_t key[GODWIT__CURVE_KEY], const uint8_t public_key[GODWIT__CURVE_KEY],
                          const uint8_t secret[GODWIT__CURVE_KEY]);

#define GODWIT__CURVE_NO_MEMORY "memory is short"
#define GODWIT__CURVE_WEAK "a weak key"
#define GODWIT__CURVE_SHUT "a box that does not open"
#define GODWIT__CURVE_OLD "a number that is not greater than the last one"

/* ---- commands ---- */

/* Write a command of this end to out, with its properties, if it carries any: room was checked, and all of it
 * is zero. Return NULL, or what is wrong; static text. */
typedef const char *godwit__curve_write_fn (godwit__zmtp_session_t *session, uint8_t *out,
                                            const uint8_t *properties, size_t size);
godwit__curve_write_fn godwit__curve_write_hello, godwit__curve_write_welcome, godwit__curve_write_initiate,
    godwit__curve_write_ready;

/* Take a command of the peer: name and size were checked. Return NULL, or what is wrong; static text. */
typedef const char *godwit__curve_take_fn (godwit__zmtp_session_t *session, const uint8_t *body, size_t size);
godwit__curve_take_fn godwit__curve_take_hello, godwit__curve_take_welcome, godwit__curve_take_initiate,
    godwit__curve_take_ready;

#endif
