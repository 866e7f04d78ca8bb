/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a realm's secret key. Its label says which of two forms it has:
 *
 *     godwit realm key 1              godwit realm key 1, with a passphrase
 *     public = ...                    public = ...
 *     seed = ...                      ops = 3
 *                                     memory = 268435456
 *                                     salt = ...
 *                                     sealed = ...
 *
 * Sealed is the seed, with a nonce, by crypto_secretbox, and its key is Argon2id of the passphrase. */
#ifndef GODWIT_TOOLS_REALM_KEY_H
#define GODWIT_TOOLS_REALM_KEY_H

#include "src/realm/certificate.h"
#include "tools/godwit/realm_file.h"

typedef struct realm_key {
    uint8_t public_key[GODWIT__PUBLIC_SIZE];
    uint8_t *secret; /* 64 bytes, godwit__secret_new's; NULL: not opened */
} realm_key_t;

/* Makes a key. OUT_OF_MEMORY. */
godwit_status_t realm_key_new (realm_key_t *key, godwit_error_t **error);
/* Makes its file; without a passphrase (data NULL) the key lies in it as it is. */
godwit_status_t realm_key_write (const realm_key_t *key, const realm_bytes_t *passphrase, realm_bytes_t *file,
                                 godwit_error_t **error);
/* Reads the public key alone, and whether a passphrase is needed. MALFORMED. */
godwit_status_t realm_key_look (uint8_t public_key[GODWIT__PUBLIC_SIZE], bool *has_passphrase,
                                const realm_bytes_t *file, const char *name, godwit_error_t **error);
/* Opens it. PERMISSION_DENIED: the passphrase is another. MALFORMED, OUT_OF_MEMORY. */
godwit_status_t realm_key_open (realm_key_t *key, const realm_bytes_t *file, const realm_bytes_t *passphrase,
                                const char *name, godwit_error_t **error);
/* Wipes it. */
void realm_key_close (realm_key_t *key);

#endif
