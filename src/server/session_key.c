/* SPDX-License-Identifier: Apache-2.0 */
#include "src/server/session_key.h"

#include "src/wire/header.h"

#include <sodium.h>
#include <string.h>

_Static_assert(GODWIT__SESSION_SECRET_SIZE == crypto_shorthash_KEYBYTES,
               "SipHash takes the secret as its key");

void
godwit__session_secret_init (godwit__session_secret_t *secret)
{
    randombytes_buf (secret->bytes, sizeof secret->bytes);
}

static uint64_t
hash (const godwit__session_secret_t *secret, const uint8_t *text, size_t size)
{
    uint8_t out[crypto_shorthash_BYTES];
    crypto_shorthash (out, text, size, secret->bytes);
    return godwit__get_u64 (out);
}

uint64_t
godwit__session_key_of_connection (const godwit__session_secret_t *secret,
                                   const uint8_t instance[GODWIT__UUID_SIZE], uint64_t incarnation,
                                   uint32_t number)
{
    uint8_t text[GODWIT__UUID_SIZE + sizeof incarnation + sizeof number];
    memcpy (text, instance, GODWIT__UUID_SIZE);
    godwit__put_u64 (text + GODWIT__UUID_SIZE, incarnation);
    godwit__put_u32 (text + GODWIT__UUID_SIZE + sizeof incarnation, number);
    return hash (secret, text, sizeof text);
}

uint64_t
godwit__session_key_of_publisher (const godwit__session_secret_t *secret,
                                  const uint8_t instance[GODWIT__UUID_SIZE],
                                  const uint8_t key[GODWIT__KEY_SIZE], uint32_t number)
{
    uint8_t text[GODWIT__UUID_SIZE + GODWIT__KEY_SIZE + sizeof number];
    memcpy (text, instance, GODWIT__UUID_SIZE);
    memcpy (text + GODWIT__UUID_SIZE, key, GODWIT__KEY_SIZE);
    godwit__put_u32 (text + GODWIT__UUID_SIZE + GODWIT__KEY_SIZE, number);
    return hash (secret, text, sizeof text);
}
