/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/realm_certify.h"

#include "src/error/error.h"
#include "src/realm/secret.h"

#include <sodium.h>
#include <string.h>

const godwit__right_t realm_all_rights[5] = {{GODWIT__VERB_SERVE, "*/*"},
                                             {GODWIT__VERB_CALL, "*/*"},
                                             {GODWIT__VERB_PUBLISH, "*/*"},
                                             {GODWIT__VERB_INSPECT, "*/*"},
                                             {GODWIT__VERB_HOST, GODWIT__HOST_PATTERN}};

/* ---- the certificate ---- */

static uint64_t
new_serial (void)
{
    uint64_t serial;
    do
        randombytes_buf (&serial, sizeof serial);
    while (serial == 0);
    return serial;
}

/* Fills what is signed. The rights stay the grant's, so the certificate is not cleared. */
static godwit_status_t
sign (godwit__member_file_t *file, const realm_folder_t *folder, const realm_grant_t *grant,
      const uint8_t *key, godwit_error_t **error)
{
    godwit__certificate_t *const certificate = &file->certificate;
    *certificate = (godwit__certificate_t){.serial = new_serial (),
                                           .from = grant->from,
                                           .until = grant->until,
                                           .right_count = grant->right_count,
                                           .rights = (godwit__right_t *) (uintptr_t) grant->rights};
    strncpy (certificate->name, grant->name, sizeof certificate->name - 1);
    memcpy (certificate->key, key, sizeof certificate->key);
    godwit__realm_id (certificate->realm, folder->signer);
    const godwit_status_t status =
        godwit__certificate_write (certificate, file->body, &file->body_size, error);
    if (!status)
        godwit__sign (file->signature, GODWIT__LABEL_CERTIFICATE, file->body, file->body_size,
                      folder->key.secret);
    return status;
}

static godwit_status_t
note (realm_folder_t *folder, const godwit__certificate_t *certificate, bool is_requested,
      godwit_error_t **error)
{
    realm_entry_t entry = {.serial = certificate->serial,
                           .from = certificate->from,
                           .until = certificate->until,
                           .is_requested = is_requested,
                           .right_count = certificate->right_count,
                           .rights = certificate->rights};
    memcpy (entry.name, certificate->name, sizeof entry.name);
    memcpy (entry.key, certificate->key, sizeof entry.key);
    realm_fingerprint (entry.signer, folder->signer);
    return realm_folder_add_issued (folder, &entry, error);
}

/* ---- its file ---- */

/* The keys stay the folder's, so the file is not cleared. */
static void
add_keys (godwit__member_file_t *file, const realm_folder_t *folder)
{
    file->realm_count = folder->realm_count;
    memcpy (file->realms, folder->realms, sizeof file->realms);
    file->door_count = folder->door_count;
    for (size_t i = 0; i < folder->door_count; i++)
        file->doors[i] = folder->doors + i * GODWIT__PUBLIC_SIZE;
}

static godwit_status_t
write_file (const godwit__member_file_t *member, realm_bytes_t *file, godwit_error_t **error)
{
    return godwit__member_file_write (member, &file->data, &file->size, error);
}

godwit_status_t
realm_certify (realm_folder_t *folder, const realm_grant_t *grant, realm_bytes_t *file,
               const realm_entry_t **entry, godwit_error_t **error)
{
    godwit__member_file_t member = {0};
    uint8_t key[GODWIT__PUBLIC_SIZE];
    uint8_t *const identity = grant->requested_key ? NULL : godwit__secret_new ();
    godwit_status_t status = identity || grant->requested_key ? GODWIT_OK : godwit__error_no_memory (error);
    if (identity)
        crypto_sign_keypair (key, identity);
    member.identity = identity;
    add_keys (&member, folder);
    if (!status)
        status = sign (&member, folder, grant, grant->requested_key ? grant->requested_key : key, error);
    /* Noted first: a certificate that nobody knows of could not be revoked by its name. */
    if (!status)
        status = note (folder, &member.certificate, grant->requested_key, error);
    if (!status)
        status = write_file (&member, file, error);
    if (!status && entry)
        *entry = &folder->issued.entries[folder->issued.count - 1];
    godwit__secret_free (identity);
    return status;
}

godwit_status_t
realm_certify_everyone (realm_folder_t *folder, const realm_grant_t *grant, const realm_entry_t **entry,
                        godwit_error_t **error)
{
    realm_bytes_t file = {0};
    godwit_status_t status = realm_certify (folder, grant, &file, entry, error);
    if (!status)
        status = realm_folder_write (folder, REALM_EVERYONE_FILE, file.data, file.size, error);
    realm_bytes_free (&file);
    return status;
}
