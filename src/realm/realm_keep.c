/* SPDX-License-Identifier: Apache-2.0 */
/* Bulletins outlive the processes that were told of them: whoever starts later must not let in what was
 * revoked before. All processes of a host that share a member file write the same file: each replaces it as a
 * whole, and only by a newer bulletin than it has just read there. Of two that do so at once the older one
 * may win; the look of the other one sees that, and writes again. */
#include "src/error/error.h"
#include "src/realm/realm_inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEMPORARY ".new-" /* after the bulletin's name */
#define OLD_S 3600
#define ENTRIES_MAX 4096 /* of a folder, that are looked at */

/* ---- where ---- */

/* The name of the bulletin beside the member file, in the state folder. */
static char *
path_in (const char *folder, const char *beside)
{
    const char *const slash = strrchr (beside, '/');
    char *path;
    return asprintf (&path, "%s/%s", folder, slash ? slash + 1 : beside) < 0 ? NULL : path;
}

bool
godwit__bulletin_files_init (godwit__bulletin_file_t files[GODWIT__BULLETIN_FILES],
                             const godwit__realm_options_t *options)
{
    char *const beside = godwit__bulletin_path (options->path);
    files[GODWIT__BULLETIN_BESIDE].path = beside;
    if (!beside || !options->keeps_bulletins || !options->state_folder)
        return beside;
    files[GODWIT__BULLETIN_STATE].path = path_in (options->state_folder, beside);
    return files[GODWIT__BULLETIN_STATE].path;
}

void
godwit__bulletin_files_clear (godwit__bulletin_file_t files[GODWIT__BULLETIN_FILES])
{
    for (size_t i = 0; i < GODWIT__BULLETIN_FILES; i++)
        free (files[i].path);
}

/* ---- writing ---- */

/* Returns 0, or -1 with errno. */
static int
write_all (int fd, const uint8_t *at, size_t size)
{
    while (size) {
        const ssize_t done = write (fd, at, size);
        if (done < 0 && errno != EINTR)
            return -1;
        at += done > 0 ? done : 0;
        size -= done > 0 ? (size_t) done : 0;
    }
    return 0;
}

/* A bulletin holds no secret, and processes of other users may share the member file by its group. */
static int
fill (int fd, const godwit__bulletin_t *bulletin)
{
    return write_all (fd, bulletin->sealed, bulletin->sealed_size) < 0 || fchmod (fd, 0644) < 0 ? -1
                                                                                                : fsync (fd);
}

/* Left by a process that was killed while it wrote: `name` is the bulletin's. A living one takes no hour. */
static bool
is_left_behind (int folder, const char *entry, const char *name)
{
    const size_t size = strlen (name);
    struct stat status;
    return strncmp (entry, name, size) == 0 && strncmp (entry + size, TEMPORARY, strlen (TEMPORARY)) == 0 &&
           fstatat (folder, entry, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG (status.st_mode) &&
           status.st_uid == geteuid () && status.st_mtime < time (NULL) - OLD_S;
}

static DIR *
open_folder_of (const char *path)
{
    const int size = (int) (strrchr (path, '/') - path) + 1;
    char *name;
    if (asprintf (&name, "%.*s", size, path) < 0)
        return NULL;
    DIR *const folder = opendir (name);
    free (name);
    return folder;
}

/* Without this the name may lead to the old file again after a power cut. Where it cannot be done the
 * bulletin is there all the same. */
static void
settle (const char *path)
{
    DIR *const folder = open_folder_of (path);
    const struct dirent *entry;
    if (!folder)
        return;
    for (int i = 0; i < ENTRIES_MAX && (entry = readdir (folder)); i++)
        if (is_left_behind (dirfd (folder), entry->d_name, strrchr (path, '/') + 1))
            unlinkat (dirfd (folder), entry->d_name, 0);
    fsync (dirfd (folder));
    closedir (folder);
}

/* Returns 0, or -1 with errno. `temporary` is a pattern of mkostemp. */
static int
replace (const char *path, char *temporary, const godwit__bulletin_t *bulletin)
{
    const int fd = mkostemp (temporary, O_CLOEXEC);
    if (fd < 0)
        return -1;
    int result = fill (fd, bulletin);
    int reason = errno;
    close (fd);
    if (result == 0) {
        result = rename (temporary, path);
        reason = errno;
    }
    if (result == 0)
        settle (path);
    else
        unlink (temporary);
    errno = reason;
    return result;
}

static godwit_status_t
write_file (godwit__bulletin_file_t *file, const godwit__bulletin_t *bulletin, godwit_error_t **error)
{
    char *temporary;
    if (asprintf (&temporary, "%s" TEMPORARY "XXXXXX", file->path) < 0)
        return godwit__error_no_memory (error);
    const int result = replace (file->path, temporary, bulletin);
    const int reason = errno;
    free (temporary);
    if (result < 0)
        return godwit__error_set (error, GODWIT_ERR_SYSTEM, "%s: cannot write it: %s", file->path,
                                  strerror (reason));
    file->written = bulletin->number; /* the next look reads it, and knows its state then */
    return GODWIT_OK;
}

/* ---- whether ---- */

/* What cannot be used, for example for its realm key, is replaced once by each bulletin: processes that trust
 * different keys for a while do not take turns. */
static bool
has_it (const godwit__bulletin_file_t *file, const godwit__bulletin_t *bulletin)
{
    if (!file->path)
        return false;
    return file->number >= bulletin->number ||
           (file->number == 0 && !file->state.failure && file->written == bulletin->number);
}

static godwit_status_t
keep (godwit__realm_t *realm, const godwit__bulletin_t *bulletin, godwit_error_t **error)
{
    godwit_status_t status = GODWIT_OK;
    for (size_t i = 0; i < GODWIT__BULLETIN_FILES; i++)
        if (has_it (&realm->bulletins[i], bulletin))
            return GODWIT_OK;
    for (size_t i = 0; i < GODWIT__BULLETIN_FILES; i++) {
        if (!realm->bulletins[i].path)
            continue;
        status = write_file (&realm->bulletins[i], bulletin, status ? NULL : error); /* says the first one */
        if (status == GODWIT_OK)
            break;
    }
    return status;
}

godwit_status_t
godwit__realm_keep (godwit__realm_t *realm, godwit_error_t **error)
{
    godwit__bulletin_t *bulletin = realm->options.keeps_bulletins ? godwit__realm_bulletin (realm) : NULL;
    godwit_error_t *reason = NULL;
    if (!bulletin)
        return GODWIT_OK;
    const godwit_status_t status = keep (realm, bulletin, &reason);
    godwit__bulletin_unref (&bulletin);
    if (status && error)
        *error = reason;
    else
        godwit_error_destroy (&reason);
    return status;
}
