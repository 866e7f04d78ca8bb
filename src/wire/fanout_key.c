/* SPDX-License-Identifier: Apache-2.0 */
#include "src/wire/fanout.h"

#include "src/wire/header.h"

#include <sodium.h>
#include <string.h>

static void
add (crypto_generichash_state *state, const void *data, size_t size)
{
    crypto_generichash_update (state, data, size);
}

/* Hashes a text with its length in front: ("a", "bc") and ("ab", "c") are different names. */
static void
add_text (crypto_generichash_state *state, const char *text)
{
    const size_t size = strlen (text);
    uint8_t length[8];
    godwit__put_u64 (length, size);
    add (state, length, sizeof length);
    add (state, text, size);
}

void
godwit__fanout_key (uint8_t key[GODWIT__KEY_SIZE], const char *virtual_host, const char *exchange,
                    const char *topic)
{
    crypto_generichash_state state;
    crypto_generichash_init (&state, NULL, 0, GODWIT__KEY_SIZE);
    add_text (&state, "godwit topic");
    add_text (&state, virtual_host);
    add_text (&state, exchange);
    add_text (&state, topic);
    crypto_generichash_final (&state, key, GODWIT__KEY_SIZE);
    key[0] &= 0x7f;
}

void
godwit__fanout_marker (uint8_t marker[GODWIT__KEY_SIZE], const uint8_t topic_key[GODWIT__KEY_SIZE],
                       const uint8_t instance[GODWIT__UUID_SIZE], uint32_t server_id)
{
    uint8_t number[4];
    godwit__put_u32 (number, server_id);
    crypto_generichash_state state;
    crypto_generichash_init (&state, NULL, 0, GODWIT__KEY_SIZE);
    add_text (&state, "godwit marker");
    add (&state, topic_key, GODWIT__KEY_SIZE);
    add (&state, instance, GODWIT__UUID_SIZE);
    add (&state, number, sizeof number);
    crypto_generichash_final (&state, marker, GODWIT__KEY_SIZE);
    marker[0] |= 0x80;
}
