/* SPDX-License-Identifier: Apache-2.0 */
/* Signs certificates, and makes member files of them. */
#ifndef GODWIT_TOOLS_REALM_CERTIFY_H
#define GODWIT_TOOLS_REALM_CERTIFY_H

#include "tools/godwit/realm_folder.h"

#define REALM_DAY_S INT64_C (86400)

/* What a certificate is to say. */
typedef struct realm_grant {
    const char *name;
    const godwit__right_t *rights;
    size_t right_count;
    int64_t from, until;
    /* The public key of an identity that was made elsewhere; NULL: one is made here, and the file holds it.
     */
    const uint8_t *requested_key;
} realm_grant_t;

/* Signs a certificate with the folder's key, which is open; notes it in `issued`; then makes its file, which
 * the caller frees. *entry, which may be NULL, is what was noted: the folder's, until the next one is signed.
 * INVALID_ARGUMENT says what a certificate cannot hold. */
godwit_status_t realm_certify (realm_folder_t *folder, const realm_grant_t *grant, realm_bytes_t *file,
                               const realm_entry_t **entry, godwit_error_t **error);

/* The rights of everyone.member in a new realm: all. */
extern const godwit__right_t realm_all_rights[5];
/* Makes everyone.member, in the folder: the grant is of that name. *entry as above. */
godwit_status_t realm_certify_everyone (realm_folder_t *folder, const realm_grant_t *grant,
                                        const realm_entry_t **entry, godwit_error_t **error);

#endif
