/* SPDX-License-Identifier: Apache-2.0 */
/* CURVE: the end that accepts. */
#include "drivers/zmtp/curve.h"

/* Whether the peer has knocked at this door; then curve->keys is what it shares with that. */
static bool
is_at (const godwit__zmtp_session_t *session, unsigned door, const godwit__curve_hello_t *hello)
{
    const godwit__curve_t *const curve = session->own;
    uint8_t in[sizeof hello->box - GODWIT__CURVE_MAC];
    return godwit__curve_share (curve->keys, hello->client_transient, session->keyring->door_secrets[door]) &&
           godwit__curve_open (in, hello->box, sizeof in, "CurveZMQHELLO---", hello->nonce, curve->keys) &&
           sodium_is_zero (in, sizeof in);
}

const char *
godwit__curve_take_hello (godwit__zmtp_session_t *session, const uint8_t *body, size_t size)
{
    (void) size;
    const godwit__curve_hello_t *const hello = (const godwit__curve_hello_t *) body;
    if (hello->version[0] != 1 || hello->version[1] != 0)
        return "another version than CURVE 1.0";
    if (!sodium_is_zero (hello->padding, sizeof hello->padding))
        return "padding that is not zero";
    const uint64_t number = godwit__zmtp_nonce_read (hello->nonce);
    if (number == 0)
        return GODWIT__CURVE_OLD;
    if (!session->keyring)
        return "this end has no door";
    if (!godwit__curve_begin (session))
        return GODWIT__CURVE_NO_MEMORY;
    memcpy (session->client_transient, hello->client_transient, GODWIT__CURVE_KEY);
    ((godwit__curve_t *) session->own)->received = number;
    for (session->door = 0; session->door < session->keyring->door_count; session->door++)
        if (is_at (session, session->door, hello))
            return NULL;
    return "it knocked at another door";
}

const char *
godwit__curve_write_welcome (godwit__zmtp_session_t *session, uint8_t *out, const uint8_t *properties,
                             size_t size)
{
    (void) properties, (void) size;
    godwit__curve_welcome_t *const welcome = (godwit__curve_welcome_t *) out;
    godwit__curve_in_welcome_t *const in = (godwit__curve_in_welcome_t *) (welcome->box + GODWIT__CURVE_MAC);
    godwit__curve_t *const curve = session->own;
    crypto_box_keypair (session->server_transient, godwit__curve_transient (curve));
    randombytes_buf (curve->cookie, GODWIT__CURVE_COOKIE);
    memcpy (in->server_transient, session->server_transient, GODWIT__CURVE_KEY);
    memcpy (in->cookie, curve->cookie, GODWIT__CURVE_COOKIE);
    randombytes_buf (welcome->nonce, sizeof welcome->nonce);
    godwit__curve_seal (welcome->box, sizeof *in, "WELCOME-", welcome->nonce, curve->keys);
    return NULL;
}

/* Whether the vouch says that the owner of C has made C', and for the door that was knocked at. */
static const char *
check_vouch (const godwit__zmtp_session_t *session, const godwit__curve_in_initiate_t *in)
{
    godwit__curve_in_vouch_t vouch;
    uint8_t *const key = godwit__secret_new ();
    if (!key)
        return GODWIT__CURVE_NO_MEMORY;
    const bool is_shared = godwit__curve_share (key, in->client, godwit__curve_transient (session->own));
    const bool is_open = is_shared && godwit__curve_open ((uint8_t *) &vouch, in->vouch, sizeof vouch,
                                                          "VOUCH---", in->vouch_nonce, key);
    godwit__secret_free (key);
    if (!is_open)
        return is_shared ? "a vouch that does not open" : GODWIT__CURVE_WEAK;
    if (memcmp (vouch.client_transient, session->client_transient, GODWIT__CURVE_KEY) != 0)
        return "a vouch for another connection";
    if (memcmp (vouch.door, session->keyring->doors[session->door], GODWIT__CURVE_KEY) != 0)
        return "a vouch for another door";
    return NULL;
}

/* Opens the INITIATE, with the key of the traffic from now on. */
static const char *
open_initiate (const godwit__zmtp_session_t *session, const godwit__curve_initiate_t *initiate,
               size_t in_size)
{
    godwit__curve_t *const curve = session->own;
    if (sodium_memcmp (initiate->cookie, curve->cookie, GODWIT__CURVE_COOKIE) != 0)
        return "another cookie than it was given";
    if (!godwit__curve_share (curve->keys, session->client_transient, godwit__curve_transient (curve)))
        return GODWIT__CURVE_WEAK;
    return godwit__curve_open_large (curve, initiate->box, in_size, "CurveZMQINITIATE", initiate->nonce);
}

const char *
godwit__curve_take_initiate (godwit__zmtp_session_t *session, const uint8_t *body, size_t size)
{
    godwit__curve_t *const curve = session->own;
    const size_t in_size = size - sizeof (godwit__curve_initiate_t) - GODWIT__CURVE_MAC;
    const char *wrong = open_initiate (session, (const godwit__curve_initiate_t *) body, in_size);
    if (wrong)
        return wrong;
    const godwit__curve_in_initiate_t *const in = (const godwit__curve_in_initiate_t *) curve->opened;
    wrong = check_vouch (session, in);
    if (wrong)
        return wrong;
    sodium_memzero (godwit__curve_transient (curve), GODWIT__CURVE_KEY);
    memcpy (session->client, in->client, GODWIT__CURVE_KEY);
    curve->properties = in->properties;
    curve->properties_size = in_size - sizeof *in;
    return NULL;
}

const char *
godwit__curve_write_ready (godwit__zmtp_session_t *session, uint8_t *out, const uint8_t *properties,
                           size_t size)
{
    godwit__curve_ready_t *const ready = (godwit__curve_ready_t *) out;
    godwit__curve_t *const curve = session->own;
    if (size)
        memcpy (ready->box + GODWIT__CURVE_MAC, properties, size);
    godwit__zmtp_nonce_write (ready->nonce, ++curve->sent);
    godwit__curve_seal (ready->box, size, "CurveZMQREADY---", ready->nonce, curve->keys);
    return NULL;
}
