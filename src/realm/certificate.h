/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate: the realm's signature over an identity, its name, its rights and its dates.
 *
 * What is signed is the label `godwit certificate 1`, a NUL, and the bytes of the body exactly as they are
 * sent (Ed25519ph). The body is a msgpack map with exactly these keys in this order, and nothing behind it:
 *
 *     realm bin16, serial uint64 not 0, name str, key bin32, from int, until int (later than from),
 *     rights [[verb str, pattern str]]
 *
 * Pure; any thread. Untrusted input. */
#ifndef GODWIT_SRC_REALM_CERTIFICATE_H
#define GODWIT_SRC_REALM_CERTIFICATE_H

#include "src/realm/rights.h"

#include <stdint.h>

#define GODWIT__CERTIFICATE_SIZE_MAX 2048 /* bytes of the body */
#define GODWIT__CERTIFICATE_NAME_MAX 63   /* of a-z 0-9 . _ - */
#define GODWIT__REALM_ID_SIZE 16
#define GODWIT__PUBLIC_SIZE 32    /* of an X25519 or an Ed25519 key */
#define GODWIT__SIGNATURE_SIZE 64 /* Ed25519 */
/* Clocks of two processes may differ by so much: dates count as kept for so much longer. */
#define GODWIT__CLOCK_SKEW_S 300
/* The last second of the year 9999. Dates are from 0 to here, so that sums of them never overflow. */
#define GODWIT__TIME_MAX INT64_C (253402300799)

typedef struct godwit__certificate {
    uint8_t realm[GODWIT__REALM_ID_SIZE]; /* BLAKE2b of the realm's public key */
    uint64_t serial;
    char name[GODWIT__CERTIFICATE_NAME_MAX + 1];
    uint8_t key[GODWIT__PUBLIC_SIZE]; /* the identity, Ed25519 */
    int64_t from, until;              /* seconds of Unix's clock */
    size_t right_count;
    godwit__right_t *rights; /* the certificate's own, with their patterns; freed by clear */
} godwit__certificate_t;

/* The id of a realm with this public key. */
void godwit__realm_id (uint8_t id[GODWIT__REALM_ID_SIZE], const uint8_t key[GODWIT__PUBLIC_SIZE]);
/* The key with this id; NULL: it is none of these. */
const uint8_t *godwit__realm_key_of (const uint8_t id[GODWIT__REALM_ID_SIZE],
                                     const uint8_t (*keys)[GODWIT__PUBLIC_SIZE], size_t key_count);
/* True if it may be the name of a certificate. */
bool godwit__certificate_is_name (const char *name);

/* Reads a body. On OK the caller clears it. MALFORMED says what is wrong; OUT_OF_MEMORY. */
godwit_status_t godwit__certificate_read (godwit__certificate_t *certificate, const uint8_t *body,
                                          size_t size, godwit_error_t **error);
/* Writes a body, and *size. INVALID_ARGUMENT names the field that read would not accept, LIMIT_EXCEEDED a
 * body that is too large. */
godwit_status_t godwit__certificate_write (const godwit__certificate_t *certificate,
                                           uint8_t body[GODWIT__CERTIFICATE_SIZE_MAX], size_t *size,
                                           godwit_error_t **error);
/* Gives its rights back, and zeroes it. */
void godwit__certificate_clear (godwit__certificate_t *certificate);

/* `certificate "web" (serial 7f3a)`: how texts name one. */
#define GODWIT__CERTIFICATE_TEXT (GODWIT__CERTIFICATE_NAME_MAX + 48)
const char *godwit__certificate_print (const godwit__certificate_t *certificate,
                                       char text[GODWIT__CERTIFICATE_TEXT]);

/* ---- signatures, of all that a realm signs ---- */

/* The labels of what is signed. */
#define GODWIT__LABEL_CERTIFICATE "godwit certificate 1"
#define GODWIT__LABEL_PROCESS "godwit process 1"
#define GODWIT__LABEL_BULLETIN "godwit bulletin 1"
#define GODWIT__LABEL_WELCOME "godwit welcome 1"

/* secret: 64 bytes, as libsodium has it. */
void godwit__sign (uint8_t signature[GODWIT__SIGNATURE_SIZE], const char *label, const uint8_t *body,
                   size_t size, const uint8_t *secret);
bool godwit__verify (const uint8_t signature[GODWIT__SIGNATURE_SIZE], const char *label, const uint8_t *body,
                     size_t size, const uint8_t key[GODWIT__PUBLIC_SIZE]);

#endif
