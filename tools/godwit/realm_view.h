/* SPDX-License-Identifier: Apache-2.0 */
/* What can be looked at of a realm folder or of a member file: nothing secret is in it. */
#ifndef GODWIT_TOOLS_REALM_VIEW_H
#define GODWIT_TOOLS_REALM_VIEW_H

#include "tools/godwit/realm_folder.h"

typedef struct realm_view {
    char *path;
    bool is_folder;
    bool has_passphrase; /* of a folder */
    size_t realm_count;
    char realms[GODWIT__REALM_KEY_MAX][REALM_FINGERPRINT_SIZE];
    char signer[REALM_FINGERPRINT_SIZE]; /* of a folder: which of them signs */
    bool has_next;                       /* of a folder: the other one will sign */
    size_t door_count;
    char doors[GODWIT__DOOR_MAX][REALM_FINGERPRINT_SIZE];
    size_t entry_count; /* of a member file: 1 */
    const realm_entry_t *entries;
    realm_standing_t *standings;        /* of the entries, now */
    const godwit__bulletin_t *bulletin; /* NULL: there is none */

    /* Where this lies. */
    realm_folder_t folder;
    godwit__member_file_t member;
    realm_entry_t entry;
    godwit__bulletin_t *member_bulletin;
} realm_view_t;

/* Looks at a member file or a realm folder. NULL: at the realm folder that is meant (realm_folder_find), or,
 * if there is none, at this host's member file (godwit__realm_find). On OK the caller closes it. */
godwit_status_t realm_view_open (realm_view_t *view, const char *path, int64_t now, godwit_error_t **error);
void realm_view_close (realm_view_t *view);

/* "good", "ended", "revoked", "old key". Static text. */
const char *realm_standing_name (realm_standing_t standing);

#endif
