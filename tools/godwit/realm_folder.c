/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/realm_folder.h"

#include "src/error/error.h"
#include "src/realm/secret.h"
#include "tools/godwit/realm_form.h"
#include "tools/godwit/realm_passphrase.h"
#include "tools/godwit/realm_temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LABEL_REALMS "godwit realm 1"
#define LABEL_DOORS "godwit door 1"
#define LOCK ".lock"

const char *
realm_folder_path (const realm_folder_t *folder, const char *file, realm_path_t *path)
{
    snprintf (path->text, sizeof path->text, "%s/%s", folder->path, file);
    return path->text;
}

/* ---- reading ---- */

static godwit_status_t
read_file (const realm_folder_t *folder, realm_bytes_t *bytes, const char *file, size_t max,
           realm_privacy_t privacy, godwit_error_t **error)
{
    realm_path_t path;
    return realm_read_file (bytes, folder->fd, file, realm_folder_path (folder, file, &path), max, privacy,
                            error);
}

static godwit_status_t
read_realms (realm_folder_t *folder, godwit_error_t **error)
{
    realm_field_t field = {.key = "realm",
                           .bytes = *folder->realms,
                           .size = GODWIT__PUBLIC_SIZE,
                           .least = 1,
                           .most = GODWIT__REALM_KEY_MAX};
    realm_bytes_t text = {0};
    realm_path_t path;
    godwit_status_t status = read_file (folder, &text, REALM_PUB, REALM_FORM_MAX, REALM_PUBLIC, error);
    if (!status)
        status = realm_form_read (&text, LABEL_REALMS, &field, 1,
                                  realm_folder_path (folder, REALM_PUB, &path), error);
    folder->realm_count = field.count;
    realm_bytes_free (&text);
    return status;
}

static godwit_status_t
read_doors (realm_folder_t *folder, godwit_error_t **error)
{
    realm_bytes_t text = {0};
    realm_path_t path;
    folder->doors = godwit__secret_new ();
    if (!folder->doors)
        return godwit__error_no_memory (error);
    realm_field_t field = {.key = "door",
                           .bytes = folder->doors,
                           .size = GODWIT__PUBLIC_SIZE,
                           .least = 1,
                           .most = GODWIT__DOOR_MAX};
    godwit_status_t status = read_file (folder, &text, REALM_DOOR, REALM_FORM_MAX, REALM_KEYS, error);
    if (!status)
        status = realm_form_read (&text, LABEL_DOORS, &field, 1,
                                  realm_folder_path (folder, REALM_DOOR, &path), error);
    folder->door_count = field.count;
    realm_bytes_free (&text);
    return status;
}

/* Which key signs; the key itself stays closed. */
static godwit_status_t
read_signer (realm_folder_t *folder, godwit_error_t **error)
{
    realm_bytes_t text = {0};
    realm_path_t path;
    godwit_status_t status = read_file (folder, &text, REALM_KEY, REALM_FORM_MAX, REALM_KEYS, error);
    if (!status)
        status = realm_key_look (folder->signer, &folder->has_passphrase, &text,
                                 realm_folder_path (folder, REALM_KEY, &path), error);
    realm_bytes_free (&text);
    folder->has_next = faccessat (folder->fd, REALM_KEY_NEXT, F_OK, 0) == 0;
    for (size_t i = 0; i < folder->realm_count && !status; i++)
        if (memcmp (folder->realms[i], folder->signer, GODWIT__PUBLIC_SIZE) == 0)
            return GODWIT_OK;
    if (status)
        return status;
    return godwit__error_set (error, GODWIT_ERR_MALFORMED, "%s: its public key is not in " REALM_PUB,
                              path.text);
}

static godwit_status_t
read_issued (realm_folder_t *folder, godwit_error_t **error)
{
    realm_bytes_t text = {0};
    realm_path_t path;
    const godwit_status_t status =
        read_file (folder, &text, REALM_ISSUED, REALM_ISSUED_MAX, REALM_PUBLIC, error);
    return status ? status
                  : realm_issued_read (&folder->issued, &text,
                                       realm_folder_path (folder, REALM_ISSUED, &path), error);
}

static godwit_status_t
read_bulletin (realm_folder_t *folder, godwit_error_t **error)
{
    realm_bytes_t sealed = {0};
    realm_path_t path;
    godwit_error_t *reason = NULL;
    godwit_status_t status =
        read_file (folder, &sealed, REALM_BULLETIN, GODWIT__BULLETIN_SEALED_MAX, REALM_PUBLIC, error);
    if (status == GODWIT_ERR_NOT_FOUND) {
        godwit_error_destroy (error);
        return GODWIT_OK;
    }
    if (status)
        return status;
    status = godwit__bulletin_open (&folder->bulletin, (const uint8_t *) sealed.data, sealed.size,
                                    (const uint8_t (*)[GODWIT__PUBLIC_SIZE]) folder->realms,
                                    folder->realm_count, &reason);
    realm_bytes_free (&sealed);
    if (status)
        godwit__error_set (error, status, "%s: %s", realm_folder_path (folder, REALM_BULLETIN, &path),
                           godwit_error_message (reason));
    godwit_error_destroy (&reason);
    return status;
}

/* ---- opening ---- */

static godwit_status_t
open_folder (realm_folder_t *folder, godwit_error_t **error)
{
    struct stat state;
    folder->fd = open (folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->fd < 0 || fstat (folder->fd, &state) < 0)
        return realm_system_error (error, folder->path, "cannot open this realm folder");
    if (state.st_uid == geteuid () && !(state.st_mode & (S_IRWXG | S_IRWXO)))
        return GODWIT_OK;
    return state.st_uid != geteuid ()
               ? godwit__error_set (error, GODWIT_ERR_SYSTEM,
                                    "%s: it belongs to the user %u; only its owner can use a realm",
                                    folder->path, state.st_uid)
               : godwit__error_set (error, GODWIT_ERR_SYSTEM,
                                    "%s: mode %04o; it holds the realm's keys, so 0700: chmod 700",
                                    folder->path, state.st_mode & 07777);
}

static godwit_status_t
lock_folder (realm_folder_t *folder, godwit_error_t **error)
{
    realm_path_t path;
    const char *const name = realm_folder_path (folder, LOCK, &path);
    folder->lock = openat (folder->fd, LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (folder->lock < 0)
        return realm_system_error (error, name, "cannot lock the realm");
    if (flock (folder->lock, LOCK_EX | LOCK_NB) < 0) {
        int result;
        fprintf (stderr, "another command changes %s: waiting until it has ended\n", folder->path);
        do
            result = flock (folder->lock, LOCK_EX);
        while (result < 0 && errno == EINTR);
        if (result < 0)
            return realm_system_error (error, name, "cannot lock the realm");
    }
    realm_sweep (folder->fd);
    return GODWIT_OK;
}

static char *
without_slashes (const char *path)
{
    size_t size = strlen (path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    return strndup (path, size);
}

godwit_status_t
realm_folder_open (realm_folder_t *folder, const char *path, realm_access_t access, godwit_error_t **error)
{
    *folder = (realm_folder_t){.path = without_slashes (path), .fd = -1, .lock = -1};
    godwit_status_t status = folder->path ? open_folder (folder, error) : godwit__error_no_memory (error);
    if (!status && access == REALM_CHANGE)
        status = lock_folder (folder, error);
    if (!status)
        status = read_realms (folder, error);
    if (!status)
        status = read_signer (folder, error);
    if (!status)
        status = read_doors (folder, error);
    if (!status)
        status = read_issued (folder, error);
    if (!status)
        status = read_bulletin (folder, error);
    if (status)
        realm_folder_close (folder);
    return status;
}

void
realm_folder_close (realm_folder_t *folder)
{
    realm_key_close (&folder->key);
    realm_bytes_free (&folder->passphrase);
    godwit__secret_free (folder->doors);
    realm_issued_free (&folder->issued);
    godwit__bulletin_unref (&folder->bulletin);
    if (folder->lock >= 0)
        close (folder->lock);
    if (folder->fd >= 0)
        close (folder->fd);
    free (folder->path);
    *folder = (realm_folder_t){.fd = -1, .lock = -1};
}

/* ---- its keys ---- */

godwit_status_t
realm_folder_open_key (const realm_folder_t *folder, realm_key_t *key, const char *file,
                       godwit_error_t **error)
{
    realm_bytes_t text = {0};
    realm_path_t path;
    godwit_status_t status = read_file (folder, &text, file, REALM_FORM_MAX, REALM_KEYS, error);
    if (!status)
        status =
            realm_key_open (key, &text, &folder->passphrase, realm_folder_path (folder, file, &path), error);
    realm_bytes_free (&text);
    return status;
}

godwit_status_t
realm_folder_unlock (realm_folder_t *folder, const char *passphrase_file, godwit_error_t **error)
{
    char prompt[sizeof (realm_path_t) + 16];
    realm_path_t path;
    godwit_status_t status = GODWIT_OK;
    snprintf (prompt, sizeof prompt, "Passphrase of %s: ", realm_folder_path (folder, REALM_KEY, &path));
    if (folder->has_passphrase)
        status = realm_passphrase_get (&folder->passphrase, passphrase_file, prompt, error);
    return status ? status : realm_folder_open_key (folder, &folder->key, REALM_KEY, error);
}

/* ---- writing ---- */

godwit_status_t
realm_folder_write (const realm_folder_t *folder, const char *file, const void *data, size_t size,
                    godwit_error_t **error)
{
    realm_path_t path;
    const realm_target_t target = {
        .folder = folder->fd, .path = file, .name = realm_folder_path (folder, file, &path)};
    return realm_write_file (&target, data, size, error);
}

static godwit_status_t
write_form (const realm_folder_t *folder, const char *file, const char *label, const char *key,
            const uint8_t *bytes, size_t count, godwit_error_t **error)
{
    realm_form_t form = {0};
    godwit_status_t status = realm_form_begin (&form, label, error);
    for (size_t i = 0; i < count && !status; i++)
        realm_form_add_bytes (&form, key, bytes + i * GODWIT__PUBLIC_SIZE, GODWIT__PUBLIC_SIZE);
    if (!status)
        status = realm_folder_write (folder, file, form.bytes.data, form.bytes.size, error);
    realm_bytes_free (&form.bytes);
    return status;
}

godwit_status_t
realm_folder_write_realms (const realm_folder_t *folder, godwit_error_t **error)
{
    return write_form (folder, REALM_PUB, LABEL_REALMS, "realm", *folder->realms, folder->realm_count, error);
}

godwit_status_t
realm_folder_write_doors (const realm_folder_t *folder, godwit_error_t **error)
{
    return write_form (folder, REALM_DOOR, LABEL_DOORS, "door", folder->doors, folder->door_count, error);
}

godwit_status_t
realm_folder_add_issued (realm_folder_t *folder, const realm_entry_t *entry, godwit_error_t **error)
{
    char *line = NULL;
    size_t size = 0;
    realm_bytes_t text = {0};
    const realm_bytes_t *const before = &folder->issued.text;
    realm_path_t path;
    godwit_status_t status = realm_issued_line (entry, &line, &size, error);
    if (!status)
        status = realm_bytes_new (&text, before->size + 1 + size, error);
    if (!status) {
        /* The last line may have been made by hand, without a newline. */
        const bool is_torn = before->size && before->data[before->size - 1] != '\n';
        text.size = 0;
        if (before->size)
            memcpy (text.data, before->data, before->size);
        if (is_torn)
            text.data[before->size] = '\n';
        text.size = before->size + is_torn;
        memcpy (text.data + text.size, line, size);
        text.size += size;
        status = realm_folder_write (folder, REALM_ISSUED, text.data, text.size, error);
    }
    free (line);
    if (status) {
        realm_bytes_free (&text);
        return status;
    }
    realm_issued_free (&folder->issued);
    return realm_issued_read (&folder->issued, &text, realm_folder_path (folder, REALM_ISSUED, &path), error);
}

/* ---- certificates ---- */

static bool
is_trusted (const realm_folder_t *folder, const char *signer)
{
    char fingerprint[REALM_FINGERPRINT_SIZE];
    for (size_t i = 0; i < folder->realm_count; i++)
        if (strcmp (realm_fingerprint (fingerprint, folder->realms[i]), signer) == 0)
            return true;
    return false;
}

realm_standing_t
realm_folder_standing (const realm_folder_t *folder, const realm_entry_t *entry, int64_t now)
{
    const godwit__certificate_t certificate = {
        .serial = entry->serial, .from = entry->from, .until = entry->until};
    if (folder->bulletin && godwit__bulletin_revokes (folder->bulletin, &certificate))
        return REALM_REVOKED;
    if (entry->until <= now)
        return REALM_ENDED;
    return is_trusted (folder, entry->signer) ? REALM_GOOD : REALM_OLD_KEY;
}
