/* SPDX-License-Identifier: Apache-2.0 */
#include "src/realm/realm.h"

#include "src/error/error.h"
#include "src/realm/realm_inside.h"

#include <stdlib.h>
#include <string.h>

/* Reads a bulletin; the newest holds. One that names another realm key speaks of certificates that we refuse
 * in any case: so it stops nobody from starting. */
static godwit_status_t
load_bulletin (godwit__realm_t *realm, godwit__bulletin_file_t *file, godwit_error_t **error)
{
    const godwit__member_file_t *const own = &realm->own.file;
    godwit__bulletin_t *bulletin = NULL;
    godwit_error_t *reason = NULL;
    if (!file->path)
        return GODWIT_OK;
    const godwit_status_t status = godwit__bulletin_load (
        &bulletin, file, (const uint8_t (*)[GODWIT__PUBLIC_SIZE]) own->realms, own->realm_count, &reason);
    if (bulletin)
        godwit__realm_adopt (realm, &bulletin);
    if (status == GODWIT_ERR_PERMISSION_DENIED) {
        godwit__realm_note (realm, GODWIT_LOG_WARNING, "%s; it is not used", godwit_error_message (reason));
        godwit_error_destroy (&reason);
        return GODWIT_OK;
    }
    if (status && error)
        *error = reason;
    else
        godwit_error_destroy (&reason);
    return status;
}

/* Whether this process can be of use with its certificate. */
static godwit_status_t
check_certificate (const godwit__realm_t *realm, int64_t now, godwit_error_t **error)
{
    char text[GODWIT__ADMIT_TEXT];
    switch (godwit__certificate_judge (&realm->own.file.certificate, realm->bulletin, now, text)) {
    case GODWIT__NO_ENTRY_NONE:
        return GODWIT_OK;
    case GODWIT__NO_ENTRY_NOT_YET_VALID:
        godwit__realm_note (realm, GODWIT_LOG_WARNING, "%s: %s: others refuse it until then", realm->path,
                            text);
        return GODWIT_OK;
    default:
        return godwit__error_set (error, GODWIT_ERR_PERMISSION_DENIED,
                                  "%s: %s: get another one (godwit realm issue)", realm->path, text);
    }
}

static godwit_status_t
load (godwit__realm_t *realm, godwit_error_t **error)
{
    const int64_t now = godwit__realm_now (realm);
    realm->file_state = godwit__disk_state (realm->path);
    godwit_status_t status = godwit__member_file_load (&realm->own.file, realm->path, error);
    for (size_t i = 0; i < GODWIT__BULLETIN_FILES && status == GODWIT_OK; i++)
        status = load_bulletin (realm, &realm->bulletins[i], error);
    if (status == GODWIT_OK)
        status = check_certificate (realm, now, error);
    if (status)
        return status;
    realm->credential_count = 1;
    status = godwit__own_make (&realm->own, &realm->keys, now, realm->credential_count, error);
    if (status == GODWIT_OK)
        realm->told_until = realm->own.self->proof.until;
    return status;
}

/* NULL: memory is short. */
static godwit__realm_t *
realm_new (const godwit__realm_options_t *options)
{
    godwit__realm_t *realm = calloc (1, sizeof *realm);
    if (!realm)
        return NULL;
    pthread_mutex_init (&realm->look_lock, NULL);
    pthread_mutex_init (&realm->lock, NULL);
    pthread_mutex_init (&realm->watch_lock, NULL);
    realm->options = *options;
    realm->options.path = realm->options.state_folder = NULL;
    realm->path = strdup (options->path);
    const bool has_paths = godwit__bulletin_files_init (realm->bulletins, options) && realm->path;
    /* The keys first: they start libsodium. */
    if (has_paths && godwit__process_keys_make (&realm->keys, options)) {
        godwit__proof_instance (realm->instance, realm->keys.curve, realm->keys.sign);
        godwit__verified_init (&realm->verified);
        return realm;
    }
    godwit__realm_close (&realm);
    return NULL;
}

godwit_status_t
godwit__realm_open (godwit__realm_t **realm, const godwit__realm_options_t *options, godwit_error_t **error)
{
    godwit__realm_options_t absolute = *options;
    char *path;
    godwit_status_t status = godwit__disk_absolute (&path, options->path, error);
    if (status)
        return status;
    absolute.path = path;
    godwit__realm_t *made = realm_new (&absolute);
    free (path);
    if (!made)
        return godwit__error_no_memory (error);
    status = load (made, error);
    if (status)
        godwit__realm_close (&made);
    else
        *realm = made;
    return status;
}

void
godwit__realm_close (godwit__realm_t **realm)
{
    godwit__realm_t *const self = *realm;
    *realm = NULL;
    if (!self)
        return;
    godwit__own_clear (&self->own);
    godwit__bulletin_unref (&self->bulletin);
    godwit__process_keys_clear (&self->keys);
    pthread_mutex_destroy (&self->look_lock);
    pthread_mutex_destroy (&self->lock);
    pthread_mutex_destroy (&self->watch_lock);
    free (self->path);
    godwit__bulletin_files_clear (self->bulletins);
    free (self);
}
