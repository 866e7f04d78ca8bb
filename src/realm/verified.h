/* SPDX-License-Identifier: Apache-2.0 */
/* Which signatures were verified lately: a verification costs 0.1 ms, and the same credentials come again
 * with each connection. Bounded; the oldest of a row makes room. Holds nothing about dates or revocation. Not
 * locked: its owner does that. */
#ifndef GODWIT_SRC_REALM_VERIFIED_H
#define GODWIT_SRC_REALM_VERIFIED_H

#include "src/realm/certificate.h"

#define GODWIT__VERIFIED_ROWS ((size_t) 128)
#define GODWIT__VERIFIED_COLUMNS 8 /* 1024 in all */
#define GODWIT__VERIFIED_HASH 32   /* bytes */

typedef struct godwit__verified_hash {
    uint8_t bytes[GODWIT__VERIFIED_HASH];
} godwit__verified_hash_t;

typedef struct godwit__verified {
    uint8_t secret[GODWIT__VERIFIED_HASH]; /* random, so that nobody can choose what falls into a row */
    struct {
        unsigned next; /* the column that is replaced next */
        godwit__verified_hash_t seen[GODWIT__VERIFIED_COLUMNS];
    } rows[GODWIT__VERIFIED_ROWS];
} godwit__verified_t;

void godwit__verified_init (godwit__verified_t *verified);
/* Stands for a key, a label, a body and a signature. Reads the secret only, which never changes. */
godwit__verified_hash_t godwit__verified_hash (const godwit__verified_t *verified,
                                               const uint8_t signature[GODWIT__SIGNATURE_SIZE],
                                               const char *label, const uint8_t *body, size_t size,
                                               const uint8_t key[GODWIT__PUBLIC_SIZE]);
bool godwit__verified_has (const godwit__verified_t *verified, const godwit__verified_hash_t *hash);
void godwit__verified_add (godwit__verified_t *verified, const godwit__verified_hash_t *hash);

#endif
