/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/realm_again.h"

#include <string.h>

/* ---- who has an identity ---- */

/* By its serial, and not for its date: `revoke --before` also makes void what was merely replaced. */
static bool
is_listed (const realm_folder_t *folder, const realm_entry_t *entry)
{
    const godwit__certificate_t certificate = {.serial = entry->serial, .from = INT64_MAX};
    return folder->bulletin && godwit__bulletin_revokes (folder->bulletin, &certificate);
}

/* One certificate that was revoked is enough: the others are of the same secret. */
static const realm_entry_t *
find_listed (const realm_folder_t *folder, const uint8_t *key)
{
    const realm_issued_t *const issued = &folder->issued;
    for (size_t i = issued->count; i-- > 0;)
        if (memcmp (issued->entries[i].key, key, GODWIT__PUBLIC_SIZE) == 0 &&
            is_listed (folder, &issued->entries[i]))
            return &issued->entries[i];
    return NULL;
}

const char *
realm_doubt (const realm_folder_t *folder, const uint8_t key[GODWIT__PUBLIC_SIZE], int64_t now,
             const realm_entry_t **which)
{
    static const char was_revoked[] = "was revoked: somebody else may have it";
    const realm_entry_t *const listed = find_listed (folder, key);
    *which = listed ? listed : realm_issued_newest_of (&folder->issued, key);
    if (listed || !*which)
        return listed ? was_revoked : NULL;
    switch (realm_folder_standing (folder, *which, now)) {
    case REALM_REVOKED:
        return was_revoked;
    case REALM_ENDED: /* bulletins leave out what has ended */
        return "has ended: whether it was revoked is not known any more";
    case REALM_GOOD:
    case REALM_OLD_KEY:
        break;
    }
    return NULL;
}
