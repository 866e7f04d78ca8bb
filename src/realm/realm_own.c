/* SPDX-License-Identifier: Apache-2.0 */
/* What others see of this process: its keys, and what is made of its member file. */
#include "src/error/error.h"
#include "src/realm/realm_inside.h"
#include "src/realm/secret.h"

#include "src/value/msgpack/codec.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* ---- the keys of the process ---- */

static void
fill (const godwit__realm_options_t *options, uint8_t *seed, size_t size)
{
    if (options->random)
        options->random (options->random_user, seed, size);
    else
        randombytes_buf (seed, size);
}

bool
godwit__process_keys_make (godwit__process_keys_t *keys, const godwit__realm_options_t *options)
{
    uint8_t *const seed = godwit__secret_new ();
    keys->curve_secret = godwit__secret_new ();
    keys->sign_secret = godwit__secret_new ();
    const bool is_made = seed && keys->curve_secret && keys->sign_secret;
    if (is_made) {
        fill (options, seed, crypto_box_SEEDBYTES);
        crypto_box_seed_keypair (keys->curve, keys->curve_secret, seed);
        fill (options, seed, crypto_sign_SEEDBYTES);
        crypto_sign_seed_keypair (keys->sign, keys->sign_secret, seed);
    }
    godwit__secret_free (seed);
    return is_made;
}

void
godwit__process_keys_clear (godwit__process_keys_t *keys)
{
    godwit__secret_free (keys->curve_secret);
    godwit__secret_free (keys->sign_secret);
    *keys = (godwit__process_keys_t){.curve_secret = NULL};
}

/* ---- the keyring ---- */

void
godwit__keyring_unref (godwit__keyring_t **keyring)
{
    godwit__keyring_t *const self = *keyring;
    *keyring = NULL;
    if (!self || atomic_fetch_sub_explicit (&self->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < GODWIT__DOOR_MAX; i++)
        godwit__secret_free (self->door_secrets[i]);
    godwit__secret_free (self->curve_secret);
    free (self);
}

static uint8_t *
copy_secret (const uint8_t *secret, size_t size)
{
    uint8_t *const copy = godwit__secret_new ();
    if (copy)
        memcpy (copy, secret, size);
    return copy;
}

/* NULL: memory is short. */
static godwit__keyring_t *
keyring_new (const godwit__member_file_t *file, const godwit__process_keys_t *keys)
{
    godwit__keyring_t *keyring = calloc (1, sizeof *keyring);
    if (!keyring)
        return NULL;
    atomic_init (&keyring->refs, 1);
    keyring->door_count = file->door_count;
    memcpy (keyring->curve, keys->curve, sizeof keyring->curve);
    keyring->curve_secret = copy_secret (keys->curve_secret, crypto_box_SECRETKEYBYTES);
    bool is_made = keyring->curve_secret != NULL;
    for (size_t i = 0; is_made && i < file->door_count; i++) {
        crypto_scalarmult_base (keyring->doors[i], file->doors[i]);
        keyring->door_secrets[i] = copy_secret (file->doors[i], crypto_box_SECRETKEYBYTES);
        is_made = keyring->door_secrets[i] != NULL;
    }
    if (!is_made)
        godwit__keyring_unref (&keyring);
    return keyring;
}

/* ---- the credential ---- */

void
godwit__credential_unref (godwit__credential_t **credential)
{
    godwit__credential_t *const self = *credential;
    *credential = NULL;
    if (self && atomic_fetch_sub_explicit (&self->refs, 1, memory_order_acq_rel) == 1)
        free (self);
}

static godwit__credential_t *
credential_new (const godwit__member_file_t *file, const godwit__process_proof_t *proof, uint64_t number)
{
    uint8_t body[GODWIT__PROOF_SIZE_MAX];
    uint8_t signature[GODWIT__SIGNATURE_SIZE];
    godwit__credential_t *const credential = malloc (sizeof *credential);
    if (!credential)
        return NULL;
    atomic_init (&credential->refs, 1);
    credential->number = number;
    const size_t size = godwit__proof_write (proof, body);
    godwit__sign (signature, GODWIT__LABEL_PROCESS, body, size, file->identity);
    godwit__writer_t writer = {.data = credential->bytes, .capacity = sizeof credential->bytes};
    godwit__write_array (&writer, 4);
    godwit__write_bin (&writer, file->body, file->body_size);
    godwit__write_bin (&writer, file->signature, sizeof file->signature);
    godwit__write_bin (&writer, body, size);
    godwit__write_bin (&writer, signature, sizeof signature);
    credential->size = writer.size;
    return credential;
}

/* ---- all of it ---- */

static int64_t
proof_until (const godwit__certificate_t *certificate, int64_t now)
{
    const int64_t longest = now + GODWIT__PROOF_LIFE_S;
    return longest < certificate->until ? longest : certificate->until;
}

static godwit__party_t *
self_new (const godwit__member_file_t *file, const godwit__process_proof_t *proof)
{
    godwit__certificate_t certificate;
    if (godwit__certificate_read (&certificate, file->body, file->body_size, NULL))
        return NULL; /* it was read before: memory is short */
    godwit__party_t *const self = godwit__party_new (&certificate, proof);
    if (!self)
        godwit__certificate_clear (&certificate);
    return self;
}

godwit_status_t
godwit__own_prove (godwit__own_t *own, const godwit__process_keys_t *keys, int64_t now, uint64_t number,
                   godwit_error_t **error)
{
    godwit__process_proof_t proof = {.serial = own->file.certificate.serial,
                                     .until = proof_until (&own->file.certificate, now)};
    memcpy (proof.curve, keys->curve, sizeof proof.curve);
    memcpy (proof.sign, keys->sign, sizeof proof.sign);
    own->proven_at = now;
    own->credential = credential_new (&own->file, &proof, number);
    own->self = own->credential ? self_new (&own->file, &proof) : NULL;
    if (own->self)
        return GODWIT_OK;
    godwit__credential_unref (&own->credential);
    return godwit__error_no_memory (error);
}

godwit_status_t
godwit__own_make (godwit__own_t *own, const godwit__process_keys_t *keys, int64_t now, uint64_t number,
                  godwit_error_t **error)
{
    own->keyring = keyring_new (&own->file, keys);
    return own->keyring ? godwit__own_prove (own, keys, now, number, error) : godwit__error_no_memory (error);
}

void
godwit__own_clear (godwit__own_t *own)
{
    godwit__keyring_unref (&own->keyring);
    godwit__credential_unref (&own->credential);
    godwit__party_unref (&own->self);
    godwit__member_file_clear (&own->file);
}

/* At half of its life, if that makes it longer; and when the clock was set back so far that others would find
 * it too long. */
bool
godwit__own_is_stale (const godwit__own_t *own, int64_t now)
{
    const int64_t until = own->self->proof.until;
    const int64_t next = proof_until (&own->file.certificate, now);
    const int64_t half = own->proven_at + (until - own->proven_at) / 2;
    return (now >= half && next > until) || next < until - GODWIT__CLOCK_SKEW_S;
}
