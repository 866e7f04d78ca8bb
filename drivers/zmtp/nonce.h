/* SPDX-License-Identifier: Apache-2.0 */
/* The nonces of CURVE (RFC 26): a text that says what is in the box, which both ends know, and what travels
 * beside the box: a number of 8 bytes, big-endian, or 16 random bytes. Pure; any thread. */
#ifndef GODWIT_DRIVERS_ZMTP_NONCE_H
#define GODWIT_DRIVERS_ZMTP_NONCE_H

#include <sodium.h>
#include <stdint.h>
#include <string.h>

#define GODWIT__ZMTP_NONCE_SIZE crypto_box_NONCEBYTES /* of all of it */
#define GODWIT__ZMTP_NONCE_NUMBER 8                   /* bytes that travel behind a text of 16 */
#define GODWIT__ZMTP_NONCE_RANDOM 16                  /* behind one of 8 */

/* Puts the two parts together; `sent` has what the text leaves of GODWIT__ZMTP_NONCE_SIZE. */
static inline void
godwit__zmtp_nonce_make (uint8_t nonce[GODWIT__ZMTP_NONCE_SIZE], const char *text, const uint8_t *sent)
{
    size_t size = 0;
    for (; text[size]; size++)
        nonce[size] = (uint8_t) text[size];
    memcpy (nonce + size, sent, GODWIT__ZMTP_NONCE_SIZE - size);
}

static inline uint64_t
godwit__zmtp_nonce_read (const uint8_t sent[GODWIT__ZMTP_NONCE_NUMBER])
{
    uint64_t number = 0;
    for (int i = 0; i < GODWIT__ZMTP_NONCE_NUMBER; i++)
        number = number << 8 | sent[i];
    return number;
}

static inline void
godwit__zmtp_nonce_write (uint8_t sent[GODWIT__ZMTP_NONCE_NUMBER], uint64_t number)
{
    for (int i = GODWIT__ZMTP_NONCE_NUMBER - 1; i >= 0; i--, number >>= 8)
        sent[i] = (uint8_t) number;
}

#endif
