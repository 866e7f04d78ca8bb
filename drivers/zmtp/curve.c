/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/curve.h"

#include <stdlib.h>

bool
godwit__curve_begin (godwit__zmtp_session_t *session)
{
    godwit__curve_t *const curve = session->own = calloc (1, sizeof *curve);
    if (curve)
        curve->keys = godwit__secret_new ();
    return curve && curve->keys;
}

void
godwit__curve_end (godwit__zmtp_session_t *session)
{
    godwit__curve_t *const curve = session->own;
    if (!curve)
        return;
    godwit__secret_free (curve->keys);
    free (curve->opened);
    free (curve);
    session->own = NULL;
}

void
godwit__curve_seal (uint8_t *box, size_t size, const char *text, const uint8_t *sent, const uint8_t *key)
{
    uint8_t nonce[GODWIT__ZMTP_NONCE_SIZE];
    uint8_t *const data = box + GODWIT__CURVE_MAC;
    godwit__zmtp_nonce_make (nonce, text, sent);
    crypto_box_detached_afternm (data, box, data, size, nonce, key);
}

bool
godwit__curve_open (uint8_t *plain, const uint8_t *box, size_t size, const char *text, const uint8_t *sent,
                    const uint8_t *key)
{
    uint8_t nonce[GODWIT__ZMTP_NONCE_SIZE];
    godwit__zmtp_nonce_make (nonce, text, sent);
    return crypto_box_open_detached_afternm (plain, box + GODWIT__CURVE_MAC, box, size, nonce, key) == 0;
}

const char *
godwit__curve_open_large (godwit__curve_t *curve, const uint8_t *box, size_t size, const char *text,
                          const uint8_t *sent)
{
    const uint64_t number = godwit__zmtp_nonce_read (sent);
    if (number <= curve->received)
        return GODWIT__CURVE_OLD;
    curve->opened = malloc (size ? size : 1);
    if (!curve->opened)
        return GODWIT__CURVE_NO_MEMORY;
    if (!godwit__curve_open (curve->opened, box, size, text, sent, curve->keys))
        return GODWIT__CURVE_SHUT;
    curve->received = number;
    return NULL;
}

bool
godwit__curve_share (uint8_t key[GODWIT__CURVE_KEY], const uint8_t public_key[GODWIT__CURVE_KEY],
                     const uint8_t secret[GODWIT__CURVE_KEY])
{
    /* X25519 ignores the highest bit, so that two keys would be the same one. */
    return !(public_key[GODWIT__CURVE_KEY - 1] & 0x80) && crypto_box_beforenm (key, public_key, secret) == 0;
}
