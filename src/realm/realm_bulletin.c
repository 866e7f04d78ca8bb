/* SPDX-License-Identifier: Apache-2.0 */
/* Where bulletins come from: a file beside the member file, and other processes. */
#include "src/error/error.h"
#include "src/realm/realm_inside.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEMBER ".member"
#define BULLETIN ".bulletin"

/* ---- the file ---- */

char *
godwit__bulletin_path (const char *path)
{
    size_t size = strlen (path);
    const size_t ending = strlen (MEMBER), room = size + sizeof BULLETIN;
    if (size > ending && strcmp (path + size - ending, MEMBER) == 0)
        size -= ending;
    char *const result = malloc (room);
    if (result)
        snprintf (result, room, "%.*s" BULLETIN, (int) size, path);
    return result;
}

/* The error of a part, with the path in front. */
static godwit_status_t
with_path (const char *path, godwit_status_t status, godwit_error_t **reason, godwit_error_t **error)
{
    if (status == GODWIT_ERR_OUT_OF_MEMORY)
        godwit__error_set_no_memory (error);
    else if (status)
        godwit__error_set (error, status, "%s: %s", path, godwit_error_message (*reason));
    godwit_error_destroy (reason);
    return status;
}

static godwit_status_t
load (godwit__bulletin_t **bulletin, const char *path, int fd, const uint8_t (*keys)[GODWIT__PUBLIC_SIZE],
      size_t key_count, godwit_error_t **error)
{
    struct stat file;
    godwit_error_t *reason = NULL;
    size_t size = GODWIT__BULLETIN_SEALED_MAX + 1; /* one more, to see that it is too large */
    uint8_t *const bytes = malloc (size);
    if (!bytes)
        return godwit__error_no_memory (error);
    godwit_status_t status = godwit__disk_look (&file, path, fd, error);
    if (status == GODWIT_OK)
        status = godwit__disk_read (bytes, &size, path, fd, error);
    if (status == GODWIT_OK)
        status = with_path (path, godwit__bulletin_open (bulletin, bytes, size, keys, key_count, &reason),
                            &reason, error);
    free (bytes);
    return status;
}

godwit_status_t
godwit__bulletin_load (godwit__bulletin_t **bulletin, godwit__bulletin_file_t *file,
                       const uint8_t (*keys)[GODWIT__PUBLIC_SIZE], size_t key_count, godwit_error_t **error)
{
    const godwit__disk_state_t state = godwit__disk_state (file->path);
    godwit_status_t status = GODWIT_OK;
    int fd = -1;
    *bulletin = NULL;
    if (state.failure != ENOENT)
        status = godwit__disk_open (&fd, file->path, error);
    if (fd >= 0) {
        status = load (bulletin, file->path, fd, keys, key_count, error);
        close (fd);
    }
    if (status != GODWIT_ERR_OUT_OF_MEMORY) {
        file->state = state;
        file->number = *bulletin ? (*bulletin)->number : 0;
    }
    return status;
}

/* ---- other processes ---- */

static godwit_status_t
not_newer (godwit__realm_t *realm, uint64_t number, godwit_error_t **error)
{
    return godwit__error_set (error, GODWIT_ERR_NOT_FOUND,
                              "bulletin %" PRIu64 " is not newer than ours, %" PRIu64, number,
                              godwit__realm_bulletin_number (realm));
}

/* What is no news is left unread: a member may send it all the time. */
static godwit_status_t
check_front (godwit__realm_t *realm, const uint8_t (*keys)[GODWIT__PUBLIC_SIZE], size_t key_count,
             const uint8_t *sealed, size_t size, godwit_error_t **error)
{
    uint8_t id[GODWIT__REALM_ID_SIZE];
    uint64_t number;
    if (!godwit__bulletin_peek (id, &number, sealed, size))
        return godwit__error_set (error, GODWIT_ERR_MALFORMED,
                                  "bulletin: its realm and number are not in front");
    if (!godwit__realm_key_of (id, keys, key_count))
        return godwit__error_set (error, GODWIT_ERR_PERMISSION_DENIED,
                                  "bulletin: expected one of this realm: its realm key is none of ours");
    return number > godwit__realm_bulletin_number (realm) ? GODWIT_OK : not_newer (realm, number, error);
}

godwit_status_t
godwit__realm_take_bulletin (godwit__realm_t *realm, const uint8_t *sealed, size_t size,
                             godwit_error_t **error)
{
    uint8_t room[GODWIT__REALM_KEY_MAX][GODWIT__PUBLIC_SIZE];
    const size_t count = godwit__realm_trusted (realm, room);
    const uint8_t (*keys)[GODWIT__PUBLIC_SIZE] = (const uint8_t (*)[GODWIT__PUBLIC_SIZE]) room;
    godwit__bulletin_t *bulletin = NULL;
    godwit_status_t status = check_front (realm, keys, count, sealed, size, error);
    if (status == GODWIT_OK)
        status = godwit__bulletin_open (&bulletin, sealed, size, keys, count, error);
    if (status)
        return status;
    const uint64_t number = bulletin->number;
    if (!godwit__realm_adopt (realm, &bulletin))
        return not_newer (realm, number, error);
    godwit__realm_tell (realm, GODWIT__REALM_BULLETIN);
    return GODWIT_OK;
}
