/* SPDX-License-Identifier: Apache-2.0 */
/* For which identity `issue NAME --again` is, and whether an identity that a realm has certified before may
 * get another certificate. Pure; a folder that is open. */
#ifndef GODWIT_TOOLS_REALM_AGAIN_H
#define GODWIT_TOOLS_REALM_AGAIN_H

#include "tools/godwit/realm_folder.h"

/* Why somebody else may have an identity, for the end of an error; NULL: nothing says so. *which: the
 * certificate of it that tells. */
const char *realm_doubt (const realm_folder_t *folder, const uint8_t key[GODWIT__PUBLIC_SIZE], int64_t now,
                         const realm_entry_t **which);

typedef enum realm_again {
    REALM_AGAIN_HERE,  /* one that is made here */
    REALM_AGAIN_THERE, /* the one that its host has: *key, which is the folder's */
    REALM_AGAIN_ASK    /* several hosts may be meant: each has to ask for itself */
} realm_again_t;
/* There is a certificate of this name. */
realm_again_t realm_again (const realm_folder_t *folder, const char *name, int64_t now, const uint8_t **key);
/* Whether a host may use a certificate of this name: one was not revoked, and has not ended. */
bool realm_is_in_use (const realm_folder_t *folder, const char *name, int64_t now);

#endif
