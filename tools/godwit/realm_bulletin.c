/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/realm_bulletin.h"

#include "src/error/error.h"

#include <stdlib.h>
#include <string.h>

static bool
is_meant (const realm_void_t *what, const realm_entry_t *entry)
{
    return (what->name && strcmp (entry->name, what->name) == 0) ||
           (what->serial && entry->serial == what->serial);
}

static godwit_status_t
check_known (const realm_folder_t *folder, const realm_void_t *what, godwit_error_t **error)
{
    if (!what->name && !what->serial)
        return GODWIT_OK;
    for (size_t i = 0; i < folder->issued.count; i++)
        if (is_meant (what, &folder->issued.entries[i]))
            return GODWIT_OK;
    return godwit__error_set (error, GODWIT_ERR_NOT_FOUND,
                              "%s: no certificate has this name or serial: godwit realm show", folder->path);
}

/* Nobody lets such a certificate in any more: members add the skew to its end, and their clocks may be behind
 * by as much. */
static bool
is_over (int64_t until, int64_t now)
{
    return until + INT64_C (2) * GODWIT__CLOCK_SKEW_S <= now;
}

/* Those of the last bulletin whose certificates are not over. */
static size_t
keep_last (const realm_folder_t *folder, int64_t now, godwit__revocation_t *revoked)
{
    const godwit__bulletin_t *const last = folder->bulletin;
    size_t count = 0;
    for (size_t i = 0; last && i < last->revoked_count; i++)
        if (!is_over (last->revoked[i].until, now))
            revoked[count++] = last->revoked[i];
    return count;
}

static size_t
add_new (const realm_folder_t *folder, const realm_void_t *what, int64_t now, godwit__revocation_t *revoked,
         const realm_entry_t **added)
{
    size_t count = 0;
    for (size_t i = 0; i < folder->issued.count; i++) {
        const realm_entry_t *const entry = &folder->issued.entries[i];
        const godwit__certificate_t certificate = {.serial = entry->serial, .from = entry->from};
        if (!is_meant (what, entry) || (what->has_before && entry->from >= what->before) ||
            is_over (entry->until, now) ||
            (folder->bulletin && godwit__bulletin_revokes (folder->bulletin, &certificate)))
            continue;
        revoked[count] = (godwit__revocation_t){entry->serial, entry->until};
        added[count++] = entry;
    }
    return count;
}

/* Those that are void for their date. */
static size_t
list_before (const realm_folder_t *folder, int64_t before, int64_t now, const realm_entry_t **added)
{
    size_t count = 0;
    for (size_t i = 0; i < folder->issued.count; i++) {
        const realm_entry_t *const entry = &folder->issued.entries[i];
        if (entry->from < before && realm_folder_standing (folder, entry, now) == REALM_GOOD)
            added[count++] = entry;
    }
    return count;
}

static godwit_status_t
publish (realm_folder_t *folder, const godwit__bulletin_t *fields, godwit_error_t **error)
{
    godwit__bulletin_t *bulletin = NULL;
    godwit_status_t status = godwit__bulletin_new (&bulletin, fields, folder->key.secret, error);
    if (!status)
        status = realm_folder_write (folder, REALM_BULLETIN, bulletin->sealed, bulletin->sealed_size, error);
    if (status) {
        godwit__bulletin_unref (&bulletin);
        return status;
    }
    godwit__bulletin_unref (&folder->bulletin);
    folder->bulletin = bulletin;
    return GODWIT_OK;
}

/* revoked: room for all of the last bulletin and all that were issued. */
static godwit_status_t
make_next (realm_folder_t *folder, const realm_void_t *what, int64_t now, godwit__revocation_t *revoked,
           const realm_entry_t **added, size_t *count, godwit_error_t **error)
{
    const bool is_for_all = what->has_before && !what->name && !what->serial;
    const int64_t last_before = folder->bulletin ? folder->bulletin->before : 0;
    godwit__bulletin_t fields = {.number = folder->bulletin ? folder->bulletin->number + 1 : 1,
                                 .issued = now,
                                 .before =
                                     is_for_all && what->before > last_before ? what->before : last_before,
                                 .revoked = revoked};
    godwit__realm_id (fields.realm, folder->signer);
    fields.revoked_count = keep_last (folder, now, revoked);
    *count = is_for_all ? list_before (folder, fields.before, now, added)
                        : add_new (folder, what, now, revoked + fields.revoked_count, added);
    fields.revoked_count += is_for_all ? 0 : *count;
    return *count || fields.before > last_before || what->is_renewal ? publish (folder, &fields, error)
                                                                     : GODWIT_OK;
}

godwit_status_t
realm_bulletin_next (realm_folder_t *folder, const realm_void_t *what, int64_t now,
                     const realm_entry_t **added, size_t *count, godwit_error_t **error)
{
    const size_t room = folder->issued.count + (folder->bulletin ? folder->bulletin->revoked_count : 0);
    godwit__revocation_t *const revoked = calloc (room + 1, sizeof *revoked);
    godwit_status_t status = revoked ? check_known (folder, what, error) : godwit__error_no_memory (error);
    if (!status)
        status = make_next (folder, what, now, revoked, added, count, error);
    free (revoked);
    return status;
}

bool
realm_bulletin_is_current (const realm_folder_t *folder)
{
    uint8_t id[GODWIT__REALM_ID_SIZE];
    if (!folder->bulletin)
        return true;
    godwit__realm_id (id, folder->signer);
    return memcmp (id, folder->bulletin->realm, sizeof id) == 0;
}
