/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an identity that a realm has certified before may get another certificate. Pure; a folder that is
 * open. */
#ifndef GODWIT_TOOLS_REALM_AGAIN_H
#define GODWIT_TOOLS_REALM_AGAIN_H

#include "tools/godwit/realm_folder.h"

/* Why somebody else may have an identity, for the end of an error; NULL: nothing says so. *which: the
 * certificate of it that tells. */
const char *realm_doubt (const realm_folder_t *folder, const uint8_t key[GODWIT__PUBLIC_SIZE], int64_t now,
                         const realm_entry_t **which);

#endif
