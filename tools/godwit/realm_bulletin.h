/* SPDX-License-Identifier: Apache-2.0 */
/* The next bulletin of a realm folder. */
#ifndef GODWIT_TOOLS_REALM_BULLETIN_H
#define GODWIT_TOOLS_REALM_BULLETIN_H

#include "tools/godwit/realm_folder.h"

/* What is to be void from now on. */
typedef struct realm_void {
    const char *name; /* all certificates of this name; NULL: not by name */
    uint64_t serial;  /* this one; 0: not by serial */
    bool has_before;
    int64_t before;  /* with a name or a serial: only those that were made before; alone: all those */
    bool is_renewal; /* no more than before: for another key that signs */
} realm_void_t;

/* Signs and writes the next bulletin, and puts it into the folder, whose key is open. added[i] (room for as
 * many as were issued): which certificates of `issued` it revokes in addition; *count is how many. With none,
 * and without a new `before` or is_renewal, nothing is written. NOT_FOUND: no certificate has this name or
 * serial. LIMIT_EXCEEDED: more than a bulletin holds. */
godwit_status_t realm_bulletin_next (realm_folder_t *folder, const realm_void_t *what, int64_t now,
                                     const realm_entry_t **added, size_t *count, godwit_error_t **error);

/* True if the key that signs now has signed the folder's bulletin, or there is none. */
bool realm_bulletin_is_current (const realm_folder_t *folder);

#endif
