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

/* ---- for whom ---- */

/* One of the name that may be in use, from *at on, backwards; NULL: no more. Those of a realm key that was
 * dropped count: their hosts are behind. */
static const realm_entry_t *
next_in_use (const realm_folder_t *folder, const char *name, int64_t now, size_t *at)
{
    while (*at > 0) {
        const realm_entry_t *const entry = &folder->issued.entries[--*at];
        const realm_standing_t standing =
            strcmp (entry->name, name) == 0 ? realm_folder_standing (folder, entry, now) : REALM_ENDED;
        if (standing == REALM_GOOD || standing == REALM_OLD_KEY)
            return entry;
    }
    return NULL;
}

bool
realm_is_in_use (const realm_folder_t *folder, const char *name, int64_t now)
{
    size_t at = folder->issued.count;
    return next_in_use (folder, name, now, &at) != NULL;
}

realm_again_t
realm_again (const realm_folder_t *folder, const char *name, int64_t now, const uint8_t **key)
{
    const realm_entry_t *const last = realm_issued_newest (&folder->issued, name);
    size_t at = folder->issued.count;
    if (!last->is_requested)
        return REALM_AGAIN_HERE;
    const realm_entry_t *const first = next_in_use (folder, name, now, &at);
    *key = first && first->is_requested ? first->key : last->key;
    if (!first)
        return REALM_AGAIN_THERE;
    for (const realm_entry_t *other; (other = next_in_use (folder, name, now, &at));)
        if (memcmp (other->key, first->key, sizeof first->key) != 0)
            return REALM_AGAIN_ASK;
    return REALM_AGAIN_THERE;
}
