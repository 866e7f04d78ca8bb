/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/realm_view.h"

#include "src/error/error.h"
#include "src/realm/realm.h"
#include "tools/godwit/realm_identity.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *
realm_standing_name (realm_standing_t standing)
{
    static const char *const names[] = {"good", "ended", "revoked", "old key"};
    return names[standing];
}

/* ---- a folder ---- */

static godwit_status_t
look_at_folder (realm_view_t *view, int64_t now, godwit_error_t **error)
{
    realm_folder_t *const folder = &view->folder;
    const godwit_status_t status = realm_folder_open (folder, view->path, REALM_LOOK, error);
    if (status)
        return status;
    view->is_folder = true;
    view->has_passphrase = folder->has_passphrase;
    view->has_next = folder->has_next && folder->realm_count > 1;
    view->realm_count = folder->realm_count;
    for (size_t i = 0; i < folder->realm_count; i++)
        realm_fingerprint (view->realms[i], folder->realms[i]);
    realm_fingerprint (view->signer, folder->signer);
    view->door_count = folder->door_count;
    for (size_t i = 0; i < folder->door_count; i++)
        realm_door_fingerprint (view->doors[i], folder->doors + i * GODWIT__PUBLIC_SIZE);
    view->entry_count = folder->issued.count;
    view->entries = folder->issued.entries;
    view->bulletin = folder->bulletin;
    view->standings = calloc (view->entry_count + 1, sizeof *view->standings);
    if (!view->standings)
        return godwit__error_no_memory (error);
    for (size_t i = 0; i < view->entry_count; i++)
        view->standings[i] = realm_folder_standing (folder, &view->entries[i], now);
    return GODWIT_OK;
}

/* ---- a member file ---- */

/* One that cannot be read is none: whoever looks at a member file may not be the one whom it is for. */
static godwit_status_t
read_bulletin (realm_view_t *view, godwit_error_t **error)
{
    char *path = NULL;
    realm_bytes_t sealed = {0};
    const godwit_status_t status = realm_beside (&path, view->path, REALM_BESIDE_BULLETIN, error);
    if (status)
        return status;
    if (realm_read_file (&sealed, AT_FDCWD, path, path, GODWIT__BULLETIN_SEALED_MAX, REALM_PUBLIC, NULL) ==
        GODWIT_OK)
        godwit__bulletin_open (&view->member_bulletin, (const uint8_t *) sealed.data, sealed.size,
                               (const uint8_t (*)[GODWIT__PUBLIC_SIZE]) view->member.realms,
                               view->member.realm_count, NULL);
    view->bulletin = view->member_bulletin;
    realm_bytes_free (&sealed);
    free (path);
    return GODWIT_OK;
}

static void
fill_entry (realm_view_t *view)
{
    const godwit__certificate_t *const certificate = &view->member.certificate;
    realm_entry_t *const entry = &view->entry;
    *entry = (realm_entry_t){.serial = certificate->serial,
                             .from = certificate->from,
                             .until = certificate->until,
                             .right_count = certificate->right_count,
                             .rights = certificate->rights};
    memcpy (entry->name, certificate->name, sizeof entry->name);
    memcpy (entry->key, certificate->key, sizeof entry->key);
    sodium_bin2hex (entry->signer, sizeof entry->signer, certificate->realm, 8);
    view->entry_count = 1;
    view->entries = entry;
}

static godwit_status_t
look_at_member (realm_view_t *view, int64_t now, godwit_error_t **error)
{
    godwit__member_file_t *const member = &view->member;
    godwit_status_t status = godwit__member_file_load (member, view->path, error);
    if (status)
        return status;
    view->realm_count = member->realm_count;
    for (size_t i = 0; i < member->realm_count; i++)
        realm_fingerprint (view->realms[i], member->realms[i]);
    view->door_count = member->door_count;
    for (size_t i = 0; i < member->door_count; i++)
        realm_door_fingerprint (view->doors[i], member->doors[i]);
    fill_entry (view);
    status = read_bulletin (view, error);
    view->standings = calloc (1, sizeof *view->standings);
    if (!status && !view->standings)
        status = godwit__error_no_memory (error);
    if (!status)
        *view->standings = view->bulletin && godwit__bulletin_revokes (view->bulletin, &member->certificate)
                               ? REALM_REVOKED
                           : member->certificate.until <= now ? REALM_ENDED
                                                              : REALM_GOOD;
    return status;
}

/* ---- either ---- */

static godwit_status_t
find (char **path, const char *given, godwit_error_t **error)
{
    godwit_status_t status;
    if (given) {
        *path = strdup (given);
        return *path ? GODWIT_OK : godwit__error_no_memory (error);
    }
    status = realm_folder_find (path, NULL, error);
    if (status != GODWIT_ERR_NOT_FOUND)
        return status;
    godwit_error_destroy (error);
    *path = NULL;
    status = godwit__realm_find (path, NULL, error);
    if (status || *path)
        return status;
    return godwit__error_set (
        error, GODWIT_ERR_NOT_FOUND,
        "neither a realm folder is here nor a member file on this host: name one, or make a "
        "realm: godwit realm init NAME");
}

godwit_status_t
realm_view_open (realm_view_t *view, const char *path, int64_t now, godwit_error_t **error)
{
    struct stat state;
    *view = (realm_view_t){.folder = {.fd = -1, .lock = -1}};
    godwit_status_t status = find (&view->path, path, error);
    if (!status)
        status = stat (view->path, &state) == 0 && S_ISDIR (state.st_mode)
                     ? look_at_folder (view, now, error)
                     : look_at_member (view, now, error);
    if (status)
        realm_view_close (view);
    return status;
}

void
realm_view_close (realm_view_t *view)
{
    godwit__bulletin_unref (&view->member_bulletin);
    godwit__member_file_clear (&view->member);
    realm_folder_close (&view->folder);
    free (view->standings);
    free (view->path);
    *view = (realm_view_t){.folder = {.fd = -1, .lock = -1}};
}
