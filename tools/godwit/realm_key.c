/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/realm_key.h"

#include "src/error/error.h"
#include "src/realm/secret.h"
#include "tools/godwit/realm_form.h"

#include <sodium.h>
#include <string.h>

#define LABEL "godwit realm key 1"
#define LABEL_SEALED LABEL ", with a passphrase"

#define SEED_SIZE crypto_sign_SEEDBYTES
#define SEALED_SIZE (crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + SEED_SIZE)
/* What a file may ask for: more would not be ours. */
#define OPS_MAX 64
#define MEMORY_MAX ((uint64_t) 4 << 30)

typedef struct sealed {
    uint64_t ops, memory;
    uint8_t salt[crypto_pwhash_SALTBYTES];
    uint8_t box[SEALED_SIZE];
} sealed_t;

/* ---- making one ---- */

godwit_status_t
realm_key_new (realm_key_t *key, godwit_error_t **error)
{
    uint8_t *const secret = godwit__secret_new ();
    if (!secret)
        return godwit__error_no_memory (error);
    crypto_sign_keypair (key->public_key, secret);
    key->secret = secret;
    return GODWIT_OK;
}

void
realm_key_close (realm_key_t *key)
{
    godwit__secret_free (key->secret);
    *key = (realm_key_t){0};
}

/* ---- with a passphrase ---- */

/* Makes the key of the box from the passphrase; the caller gives it to godwit__secret_free. NULL: memory is
 * short, and *error says so. */
static uint8_t *
derive (const sealed_t *sealed, const realm_bytes_t *passphrase, godwit_error_t **error)
{
    uint8_t *const key = godwit__secret_new ();
    if (key &&
        crypto_pwhash (key, crypto_secretbox_KEYBYTES, passphrase->data, passphrase->size, sealed->salt,
                       sealed->ops, (size_t) sealed->memory, crypto_pwhash_ALG_ARGON2ID13) == 0)
        return key;
    godwit__secret_free (key);
    godwit__error_set (error, GODWIT_ERR_OUT_OF_MEMORY, "the passphrase: Argon2id needs %u MiB of memory",
                       (unsigned) (sealed->memory >> 20));
    return NULL;
}

static godwit_status_t
seal (sealed_t *sealed, const realm_key_t *key, const realm_bytes_t *passphrase, godwit_error_t **error)
{
    sealed->ops = crypto_pwhash_OPSLIMIT_MODERATE;
    sealed->memory = crypto_pwhash_MEMLIMIT_MODERATE;
    randombytes_buf (sealed->salt, sizeof sealed->salt);
    randombytes_buf (sealed->box, crypto_secretbox_NONCEBYTES);
    uint8_t *const box_key = derive (sealed, passphrase, error);
    if (!box_key)
        return GODWIT_ERR_OUT_OF_MEMORY;
    /* The first half of libsodium's secret key is its seed. */
    crypto_secretbox_easy (sealed->box + crypto_secretbox_NONCEBYTES, key->secret, SEED_SIZE, sealed->box,
                           box_key);
    godwit__secret_free (box_key);
    return GODWIT_OK;
}

static godwit_status_t
unseal (uint8_t *seed, const sealed_t *sealed, const realm_bytes_t *passphrase, const char *name,
        godwit_error_t **error)
{
    uint8_t *const box_key = derive (sealed, passphrase, error);
    if (!box_key)
        return GODWIT_ERR_OUT_OF_MEMORY;
    const bool is_open =
        crypto_secretbox_open_easy (seed, sealed->box + crypto_secretbox_NONCEBYTES,
                                    SEALED_SIZE - crypto_secretbox_NONCEBYTES, sealed->box, box_key) == 0;
    godwit__secret_free (box_key);
    return is_open ? GODWIT_OK
                   : godwit__error_set (error, GODWIT_ERR_PERMISSION_DENIED,
                                        "%s: the passphrase is another one", name);
}

/* ---- its file ---- */

godwit_status_t
realm_key_write (const realm_key_t *key, const realm_bytes_t *passphrase, realm_bytes_t *file,
                 godwit_error_t **error)
{
    sealed_t sealed;
    realm_form_t form = {0};
    godwit_status_t status = passphrase->data ? seal (&sealed, key, passphrase, error) : GODWIT_OK;
    if (!status)
        status = realm_form_begin (&form, passphrase->data ? LABEL_SEALED : LABEL, error);
    if (status)
        return status;
    realm_form_add_bytes (&form, "public", key->public_key, sizeof key->public_key);
    if (passphrase->data) {
        realm_form_add_number (&form, "ops", sealed.ops);
        realm_form_add_number (&form, "memory", sealed.memory);
        realm_form_add_bytes (&form, "salt", sealed.salt, sizeof sealed.salt);
        realm_form_add_bytes (&form, "sealed", sealed.box, sizeof sealed.box);
    } else
        realm_form_add_bytes (&form, "seed", key->secret, SEED_SIZE);
    *file = form.bytes;
    return GODWIT_OK;
}

/* seed: SEED_SIZE bytes, for a file without a passphrase. */
static godwit_status_t
read_form (const realm_bytes_t *file, const char *name, uint8_t *public_key, uint8_t *seed, sealed_t *sealed,
           bool *is_sealed, godwit_error_t **error)
{
    realm_field_t plain_fields[] = {
        {.key = "public", .bytes = public_key, .size = GODWIT__PUBLIC_SIZE, .least = 1, .most = 1},
        {.key = "seed", .bytes = seed, .size = SEED_SIZE, .least = 1, .most = 1}};
    realm_field_t sealed_fields[] = {
        {.key = "public", .bytes = public_key, .size = GODWIT__PUBLIC_SIZE, .least = 1, .most = 1},
        {.key = "ops", .number = &sealed->ops, .least = 1, .most = 1},
        {.key = "memory", .number = &sealed->memory, .least = 1, .most = 1},
        {.key = "salt", .bytes = sealed->salt, .size = sizeof sealed->salt, .least = 1, .most = 1},
        {.key = "sealed", .bytes = sealed->box, .size = sizeof sealed->box, .least = 1, .most = 1}};
    *is_sealed = realm_form_has_label (file, LABEL_SEALED);
    if (!*is_sealed)
        return realm_form_read (file, LABEL, plain_fields, 2, name, error);
    const godwit_status_t status = realm_form_read (file, LABEL_SEALED, sealed_fields, 5, name, error);
    if (status || (sealed->ops >= crypto_pwhash_OPSLIMIT_MIN && sealed->ops <= OPS_MAX &&
                   sealed->memory >= crypto_pwhash_MEMLIMIT_MIN && sealed->memory <= MEMORY_MAX))
        return status;
    return godwit__error_set (error, GODWIT_ERR_MALFORMED,
                              "%s: expected ops of 1 to %d, and memory of 8192 to %llu bytes", name, OPS_MAX,
                              (unsigned long long) MEMORY_MAX);
}

godwit_status_t
realm_key_look (uint8_t public_key[GODWIT__PUBLIC_SIZE], bool *has_passphrase, const realm_bytes_t *file,
                const char *name, godwit_error_t **error)
{
    sealed_t sealed;
    uint8_t *const seed = godwit__secret_new (); /* the form has to have one */
    if (!seed)
        return godwit__error_no_memory (error);
    const godwit_status_t status = read_form (file, name, public_key, seed, &sealed, has_passphrase, error);
    godwit__secret_free (seed);
    return status;
}

godwit_status_t
realm_key_open (realm_key_t *key, const realm_bytes_t *file, const realm_bytes_t *passphrase,
                const char *name, godwit_error_t **error)
{
    sealed_t sealed;
    bool is_sealed;
    uint8_t stated[GODWIT__PUBLIC_SIZE];
    uint8_t *const seed = godwit__secret_new (), *const secret = godwit__secret_new ();
    godwit_status_t status = seed && secret ? GODWIT_OK : godwit__error_no_memory (error);
    if (!status)
        status = read_form (file, name, stated, seed, &sealed, &is_sealed, error);
    if (!status && is_sealed)
        status = unseal (seed, &sealed, passphrase, name, error);
    if (!status) {
        crypto_sign_seed_keypair (key->public_key, secret, seed);
        if (memcmp (key->public_key, stated, sizeof stated) != 0)
            status = godwit__error_set (error, GODWIT_ERR_MALFORMED,
                                        "%s: its public key is not that of its secret one", name);
    }
    godwit__secret_free (seed);
    if (status)
        godwit__secret_free (secret);
    else
        key->secret = secret;
    return status;
}
