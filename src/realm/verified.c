/* SPDX-License-Identifier: Apache-2.0 */
#include "src/realm/verified.h"

#include <sodium.h>
#include <string.h>

void
godwit__verified_init (godwit__verified_t *verified)
{
    memset (verified, 0, sizeof *verified);
    randombytes_buf (verified->secret, sizeof verified->secret);
}

/* What has a fixed size comes first: so no two inputs look the same. */
godwit__verified_hash_t
godwit__verified_hash (const godwit__verified_t *verified, const uint8_t signature[GODWIT__SIGNATURE_SIZE],
                       const char *label, const uint8_t *body, size_t size,
                       const uint8_t key[GODWIT__PUBLIC_SIZE])
{
    godwit__verified_hash_t hash;
    crypto_generichash_state state;
    crypto_generichash_init (&state, verified->secret, sizeof verified->secret, sizeof hash.bytes);
    crypto_generichash_update (&state, key, GODWIT__PUBLIC_SIZE);
    crypto_generichash_update (&state, signature, GODWIT__SIGNATURE_SIZE);
    crypto_generichash_update (&state, (const unsigned char *) label, strlen (label) + 1);
    crypto_generichash_update (&state, body, size);
    crypto_generichash_final (&state, hash.bytes, sizeof hash.bytes);
    return hash;
}

static size_t
row_of (const godwit__verified_hash_t *hash)
{
    return hash->bytes[0] % GODWIT__VERIFIED_ROWS;
}

/* An empty place is all zero, which no hash is. */
bool
godwit__verified_has (const godwit__verified_t *verified, const godwit__verified_hash_t *hash)
{
    for (size_t i = 0; i < GODWIT__VERIFIED_COLUMNS; i++)
        if (memcmp (&verified->rows[row_of (hash)].seen[i], hash, sizeof *hash) == 0)
            return true;
    return false;
}

void
godwit__verified_add (godwit__verified_t *verified, const godwit__verified_hash_t *hash)
{
    const size_t row = row_of (hash);
    if (godwit__verified_has (verified, hash))
        return;
    verified->rows[row].seen[verified->rows[row].next] = *hash;
    verified->rows[row].next = (verified->rows[row].next + 1) % GODWIT__VERIFIED_COLUMNS;
}
