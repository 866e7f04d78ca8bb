/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/realm_file.h"

#include "src/error/error.h"
#include "tools/godwit/realm_temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PART 4096

/* ---- errors ---- */

godwit_status_t
realm_system_error (godwit_error_t **error, const char *name, const char *what)
{
    const int reason = errno;
    return godwit__error_set (error, GODWIT_ERR_SYSTEM, "%s: %s: %s", name, what, strerror (reason));
}

/* ---- bytes ---- */

godwit_status_t
realm_bytes_new (realm_bytes_t *bytes, size_t size, godwit_error_t **error)
{
    char *const data = sodium_init () < 0 ? NULL : sodium_malloc (size + 1);
    if (!data)
        return godwit__error_no_memory (error);
    sodium_memzero (data, size + 1);
    *bytes = (realm_bytes_t){data, size};
    return GODWIT_OK;
}

void
realm_bytes_free (realm_bytes_t *bytes)
{
    sodium_free (bytes->data);
    *bytes = (realm_bytes_t){0};
}

static godwit_status_t
grow (realm_bytes_t *bytes, size_t room, godwit_error_t **error)
{
    realm_bytes_t larger;
    const godwit_status_t status = realm_bytes_new (&larger, room, error);
    if (status)
        return status;
    if (bytes->size)
        memcpy (larger.data, bytes->data, bytes->size);
    larger.size = bytes->size;
    realm_bytes_free (bytes);
    *bytes = larger;
    return GODWIT_OK;
}

/* ---- reading ---- */

static ssize_t
read_part (int fd, char *to, size_t size)
{
    ssize_t got;
    do
        got = read (fd, to, size);
    while (got < 0 && errno == EINTR);
    return got;
}

godwit_status_t
realm_read_fd (realm_bytes_t *bytes, int fd, size_t max, const char *name, godwit_error_t **error)
{
    realm_bytes_t read = {0};
    size_t room = 0;
    ssize_t got = 1;
    godwit_status_t status = GODWIT_OK;
    while (!status && got > 0) {
        if (read.size == room) {
            room = room ? 2 * room : PART;
            status = grow (&read, room, error);
        }
        got = status ? 0 : read_part (fd, read.data + read.size, room - read.size);
        if (got < 0)
            status = realm_system_error (error, name, "cannot read it");
        read.size += got > 0 ? (size_t) got : 0;
        if (!status && read.size > max) {
            status =
                godwit__error_set (error, GODWIT_ERR_LIMIT_EXCEEDED, "%s: more than %zu bytes", name, max);
        }
    }
    if (status)
        realm_bytes_free (&read);
    else {
        read.data[read.size] = '\0';
        *bytes = read;
    }
    return status;
}

static godwit_status_t
refuse (godwit_error_t **error, const char *name, const char *reason)
{
    return godwit__error_set (error, GODWIT_ERR_SYSTEM, "%s: %s", name, reason);
}

/* A pipe, such as that of a shell's <(...), has no mode to speak of. */
static godwit_status_t
check_privacy (int fd, const char *name, godwit_error_t **error)
{
    struct stat state;
    char text[128];
    if (fstat (fd, &state) < 0)
        return realm_system_error (error, name, "cannot look at it");
    if (S_ISDIR (state.st_mode))
        return refuse (error, name, "it is a folder, expected a file");
    if (!S_ISREG (state.st_mode))
        return GODWIT_OK;
    if (state.st_uid != geteuid () && state.st_uid != 0) {
        snprintf (text, sizeof text,
                  "it belongs to the user %u; it is secret, so it has to be this user's or root's",
                  state.st_uid);
        return refuse (error, name, text);
    }
    if (state.st_mode & (S_IRWXG | S_IRWXO)) {
        snprintf (text, sizeof text, "mode %04o; it is secret, so 0600: chmod 600", state.st_mode & 07777);
        return refuse (error, name, text);
    }
    return GODWIT_OK;
}

static godwit_status_t
check_regular (int fd, const char *name, godwit_error_t **error)
{
    struct stat state;
    if (fstat (fd, &state) < 0)
        return realm_system_error (error, name, "cannot look at it");
    return S_ISREG (state.st_mode)
               ? GODWIT_OK
               : godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected a file", name);
}

godwit_status_t
realm_read_file (realm_bytes_t *bytes, int folder, const char *path, const char *name, size_t max,
                 realm_privacy_t privacy, godwit_error_t **error)
{
    const int more = privacy == REALM_REGULAR ? O_NONBLOCK : 0;
    const int fd = openat (folder, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | more);
    if (fd < 0 && errno == ENOENT)
        return godwit__error_set (error, GODWIT_ERR_NOT_FOUND, "%s: there is no such file", name);
    if (fd < 0)
        return realm_system_error (error, name, "cannot open it");
    godwit_status_t status = privacy == REALM_KEYS      ? check_privacy (fd, name, error)
                             : privacy == REALM_REGULAR ? check_regular (fd, name, error)
                                                        : GODWIT_OK;
    if (!status)
        status = realm_read_fd (bytes, fd, max, name, error);
    close (fd);
    return status;
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

godwit_status_t
realm_write_fd (int fd, const void *data, size_t size, const char *name, godwit_error_t **error)
{
    return write_all (fd, data, size) < 0 ? realm_system_error (error, name, "cannot write to it")
                                          : GODWIT_OK;
}

/* Opens the folder in which a target is. *base: its name in there. */
static int
open_parent (const realm_target_t *target, const char **base)
{
    const char *const slash = strrchr (target->path, '/');
    char parent[PATH_MAX] = ".";
    *base = slash ? slash + 1 : target->path;
    if (!**base) {
        errno = EISDIR;
        return -1;
    }
    if (slash) {
        const size_t size = slash == target->path ? 1 : (size_t) (slash - target->path);
        if (size >= sizeof parent) {
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy (parent, target->path, size);
        parent[size] = '\0';
    }
    return openat (target->folder, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The mode widens last, when the file has its owner. */
static int
fill (int fd, const realm_target_t *target, const void *data, size_t size)
{
    return write_all (fd, data, size) < 0 ||
                   (target->has_owner && fchown (fd, target->uid, target->gid) < 0) ||
                   (target->mode && fchmod (fd, target->mode) < 0) || fsync (fd) < 0
               ? -1
               : 0;
}

static int
put (int parent, const char *temporary, const char *base, bool is_new)
{
    if (!is_new)
        return renameat (parent, temporary, parent, base);
    if (linkat (parent, temporary, parent, base, 0) < 0)
        return -1;
    unlinkat (parent, temporary, 0);
    return 0;
}

/* Returns 0, or -1 with errno. */
static int
write_in (int parent, const char *base, const realm_target_t *target, const void *data, size_t size)
{
    char temporary[REALM_TEMPORARY_SIZE];
    realm_sweep_abandoned (parent);
    const int fd = realm_temporary_open (parent, temporary);
    if (fd < 0)
        return -1;
    int result = fill (fd, target, data, size);
    if (result == 0)
        result = put (parent, temporary, base, target->is_new);
    const int reason = errno;
    if (result < 0)
        unlinkat (parent, temporary, 0);
    close (fd);
    errno = reason;
    return result < 0 ? -1 : fsync (parent);
}

godwit_status_t
realm_write_file (const realm_target_t *target, const void *data, size_t size, godwit_error_t **error)
{
    const char *base;
    if (sodium_init () < 0)
        return godwit__error_no_memory (error);
    const int parent = open_parent (target, &base);
    if (parent < 0)
        return realm_system_error (error, target->name, "cannot write it");
    const int result = write_in (parent, base, target, data, size);
    const int reason = errno;
    close (parent);
    errno = reason;
    if (result == 0)
        return GODWIT_OK;
    if (!target->is_new || errno != EEXIST)
        return realm_system_error (error, target->name, "cannot write it");
    return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: it is there already", target->name);
}

godwit_status_t
realm_may_write (const realm_target_t *target, godwit_error_t **error)
{
    const char *base;
    const int parent = open_parent (target, &base);
    if (parent >= 0 && faccessat (parent, ".", W_OK | X_OK, AT_EACCESS) == 0) {
        close (parent);
        return GODWIT_OK;
    }
    const godwit_status_t status = realm_system_error (error, target->name, "cannot write it");
    if (parent >= 0)
        close (parent);
    return status;
}

godwit_status_t
realm_make_parent (const char *path, godwit_error_t **error)
{
    char parent[PATH_MAX];
    const char *const slash = strrchr (path, '/');
    if (!slash || slash == path || (size_t) (slash - path) >= sizeof parent)
        return GODWIT_OK; /* what is wrong with it is said when it is opened */
    memcpy (parent, path, (size_t) (slash - path));
    parent[slash - path] = '\0';
    return mkdir (parent, 0755) == 0 || errno == EEXIST
               ? GODWIT_OK
               : realm_system_error (error, parent, "cannot make this folder");
}
