/* SPDX-License-Identifier: Apache-2.0 */
/* CURVE: the end that connects. */
#include "drivers/zmtp/curve.h"

const char *
godwit__curve_write_hello (godwit__zmtp_session_t *session, uint8_t *out, const uint8_t *properties,
                           size_t size)
{
    (void) properties, (void) size;
    const godwit__keyring_t *const keyring = session->keyring;
    if (!keyring || session->door >= keyring->door_count)
        return "this end has no such door";
    if (!godwit__curve_begin (session))
        return GODWIT__CURVE_NO_MEMORY;
    godwit__curve_t *const curve = session->own;
    crypto_box_keypair (session->client_transient, godwit__curve_transient (curve));
    if (!godwit__curve_share (curve->keys, keyring->doors[session->door], godwit__curve_transient (curve)))
        return "the door of this end is a weak key";
    godwit__curve_hello_t *const hello = (godwit__curve_hello_t *) out;
    hello->version[0] = 1;
    memcpy (hello->client_transient, session->client_transient, GODWIT__CURVE_KEY);
    godwit__zmtp_nonce_write (hello->nonce, ++curve->sent);
    godwit__curve_seal (hello->box, sizeof hello->box - GODWIT__CURVE_MAC, "CurveZMQHELLO---", hello->nonce,
                        curve->keys);
    session->is_at_door = true;
    return NULL;
}

const char *
godwit__curve_take_welcome (godwit__zmtp_session_t *session, const uint8_t *body, size_t size)
{
    (void) size;
    const godwit__curve_welcome_t *const welcome = (const godwit__curve_welcome_t *) body;
    godwit__curve_t *const curve = session->own;
    godwit__curve_in_welcome_t in;
    if (!godwit__curve_open ((uint8_t *) &in, welcome->box, sizeof in, "WELCOME-", welcome->nonce,
                             curve->keys))
        return GODWIT__CURVE_SHUT;
    session->is_at_door = false;
    memcpy (session->server_transient, in.server_transient, GODWIT__CURVE_KEY);
    memcpy (curve->cookie, in.cookie, GODWIT__CURVE_COOKIE);
    return godwit__curve_share (curve->keys, in.server_transient, godwit__curve_transient (curve))
               ? NULL
               : GODWIT__CURVE_WEAK;
}

/* Proves that the owner of K has made C', for this door. */
static const char *
write_vouch (const godwit__zmtp_session_t *session, godwit__curve_in_initiate_t *in)
{
    const godwit__keyring_t *const keyring = session->keyring;
    uint8_t *const key = godwit__secret_new ();
    if (!key)
        return GODWIT__CURVE_NO_MEMORY;
    godwit__curve_in_vouch_t *const vouch = (godwit__curve_in_vouch_t *) (in->vouch + GODWIT__CURVE_MAC);
    memcpy (vouch->client_transient, session->client_transient, GODWIT__CURVE_KEY);
    memcpy (vouch->door, keyring->doors[session->door], GODWIT__CURVE_KEY);
    randombytes_buf (in->vouch_nonce, sizeof in->vouch_nonce);
    const bool is_shared = godwit__curve_share (key, session->server_transient, keyring->curve_secret);
    if (is_shared)
        godwit__curve_seal (in->vouch, sizeof *vouch, "VOUCH---", in->vouch_nonce, key);
    godwit__secret_free (key);
    return is_shared ? NULL : GODWIT__CURVE_WEAK;
}

const char *
godwit__curve_write_initiate (godwit__zmtp_session_t *session, uint8_t *out, const uint8_t *properties,
                              size_t size)
{
    godwit__curve_initiate_t *const initiate = (godwit__curve_initiate_t *) out;
    godwit__curve_in_initiate_t *const in =
        (godwit__curve_in_initiate_t *) (initiate->box + GODWIT__CURVE_MAC);
    godwit__curve_t *const curve = session->own;
    const char *const wrong = write_vouch (session, in);
    if (wrong)
        return wrong;
    memcpy (session->client, session->keyring->curve, GODWIT__CURVE_KEY);
    memcpy (in->client, session->client, GODWIT__CURVE_KEY);
    if (size)
        memcpy (in->properties, properties, size);
    memcpy (initiate->cookie, curve->cookie, GODWIT__CURVE_COOKIE);
    godwit__zmtp_nonce_write (initiate->nonce, ++curve->sent);
    godwit__curve_seal (initiate->box, sizeof *in + size, "CurveZMQINITIATE", initiate->nonce, curve->keys);
    sodium_memzero (godwit__curve_transient (curve), GODWIT__CURVE_KEY);
    return NULL;
}

const char *
godwit__curve_take_ready (godwit__zmtp_session_t *session, const uint8_t *body, size_t size)
{
    const godwit__curve_ready_t *const ready = (const godwit__curve_ready_t *) body;
    godwit__curve_t *const curve = session->own;
    const size_t in_size = size - GODWIT__CURVE_READY_SIZE;
    const char *const wrong =
        godwit__curve_open_large (curve, ready->box, in_size, "CurveZMQREADY---", ready->nonce);
    if (wrong)
        return wrong;
    curve->properties = curve->opened;
    curve->properties_size = in_size;
    return NULL;
}
