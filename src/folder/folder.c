/* SPDX-License-Identifier: Apache-2.0 */
#include "src/folder/folder.h"

#include "src/error/error.h"
#include "src/folder/folder_uid.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VARIABLE "GODWIT_DIR"
#define IPC "ipc://"
/* What can be done about a folder that cannot be used. */
#define OTHERWISE "or name another folder (option runtime_dir, or GODWIT_DIR)"

/* ---- which ---- */

static godwit_status_t
refuse_name (const char *path, const char *from, const char *why, godwit_error_t **error)
{
    return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected %s, got \"%.300s\"", from,
                              why, path);
}

/* The name goes into addresses, which are ASCII and hold no spaces. */
static bool
is_plain (const char *path)
{
    for (const char *at = path; *at; at++)
        if ((unsigned char) *at <= ' ' || (unsigned char) *at >= 0x7f)
            return false;
    return true;
}

/* The parent's real name: two processes that name the folder in different ways mean the same one. */
static godwit_status_t
settle_path (godwit__folder_t *folder, const char *path, const char *from, godwit_error_t **error)
{
    char parent[PATH_MAX], real[PATH_MAX];
    size_t size = strlen (path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    const char *name = path + size;
    while (name > path && name[-1] != '/')
        name--;
    const size_t name_size = (size_t) (path + size - name);
    if (path[0] != '/' || size == 1)
        return refuse_name (path, from, "an absolute path of a folder", error);
    if ((name_size == 1 && name[0] == '.') || (name_size == 2 && !strncmp (name, "..", 2)))
        return refuse_name (path, from, "a path that ends in a name", error);
    if (size >= sizeof parent)
        return refuse_name (path, from, "a shorter path", error);
    snprintf (parent, sizeof parent, "%.*s", (int) (name - path), path);
    if (!realpath (parent, real))
        snprintf (real, sizeof real, "%s", parent);
    const size_t end = strlen (real);
    const int length =
        snprintf (folder->path, sizeof folder->path, "%.*s/%.*s",
                  (int) (end && real[end - 1] == '/' ? end - 1 : end), real, (int) name_size, name);
    if (length < 0 || (size_t) length >= sizeof folder->path)
        return refuse_name (path, from, "a path of less than 192 bytes", error);
    if (!is_plain (folder->path))
        return refuse_name (path, from, "a path in ASCII without spaces", error);
    return GODWIT_OK;
}

godwit_status_t
godwit__folders_init (godwit__folders_t *folders, const char *runtime_dir, godwit_error_t **error)
{
    const unsigned uid = (unsigned) geteuid ();
    const char *variable = runtime_dir ? NULL : secure_getenv (VARIABLE);
    memset (folders, 0, sizeof *folders);
    for (size_t i = 0; i < GODWIT__FOLDER_MAX; i++)
        folders->list[i].fd = -1;
    if (variable && !*variable)
        variable = NULL;
    if (runtime_dir || variable) {
        folders->count = 1;
        return settle_path (&folders->list[0], runtime_dir ? runtime_dir : variable,
                            runtime_dir ? "Option runtime_dir" : VARIABLE, error);
    }
    folders->count = 2;
    snprintf (folders->list[0].path, sizeof folders->list[0].path, "/run/user/%u/godwit", uid);
    snprintf (folders->list[1].path, sizeof folders->list[1].path, "/tmp/godwit-%u", uid);
    return GODWIT_OK;
}

void
godwit__folders_close (godwit__folders_t *folders)
{
    for (size_t i = 0; i < folders->count; i++) {
        if (folders->list[i].fd >= 0)
            close (folders->list[i].fd);
        folders->list[i].fd = -1;
    }
    folders->count = 0;
}

/* ---- making, opening and checking one ---- */

static godwit_status_t
fail (const godwit__folder_t *folder, const char *what, godwit_error_t **error)
{
    return godwit__error_set (error, GODWIT_ERR_SYSTEM, "%s: %s: %s; mend that, " OTHERWISE, folder->path,
                              what, strerror (errno));
}

static godwit_status_t
refuse_owner (const char *path, const struct stat *status, godwit_error_t **error)
{
    return godwit__error_set (
        error, GODWIT_ERR_SYSTEM,
        "%s: it is owned by uid %u; expected uid %u, or whoever owns it could answer in "
        "our place: remove it, " OTHERWISE,
        path, (unsigned) status->st_uid, (unsigned) geteuid ());
}

/* Whoever may rename what is in the parent could put another folder in its place. */
static godwit_status_t
check_parent (const char *parent, int fd, godwit_error_t **error)
{
    struct stat status;
    if (fstat (fd, &status) != 0)
        return godwit__error_set (error, GODWIT_ERR_SYSTEM, "%s: %s", parent, strerror (errno));
    if (status.st_uid != 0 && status.st_uid != geteuid ())
        return godwit__error_set (
            error, GODWIT_ERR_SYSTEM,
            "%s: it is owned by uid %u; expected root or uid %u, or its owner could put "
            "another folder in the place of ours: change that, " OTHERWISE,
            parent, (unsigned) status.st_uid, (unsigned) geteuid ());
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) && !(status.st_mode & S_ISVTX))
        return godwit__error_set (error, GODWIT_ERR_SYSTEM,
                                  "%s: mode %04o lets others replace what is in it; expected that only its "
                                  "owner may write, or the sticky bit: chmod go-w %s, " OTHERWISE,
                                  parent, (unsigned) status.st_mode & 07777, parent);
    return GODWIT_OK;
}

static godwit_status_t
check_folder (const godwit__folder_t *folder, int fd, godwit_error_t **error)
{
    struct stat status;
    if (fstat (fd, &status) != 0)
        return fail (folder, "cannot look at it", error);
    if (status.st_uid != geteuid ())
        return refuse_owner (folder->path, &status, error);
    if (!godwit__own_uid_is_known ())
        return godwit__error_set (
            error, GODWIT_ERR_SYSTEM,
            "%s: this process has a uid that its user namespace does not know; expected "
            "one of its own, or it could not tell its user from others: map the uid",
            folder->path);
    if ((status.st_mode & 0777) != 0700)
        return godwit__error_set (
            error, GODWIT_ERR_SYSTEM,
            "%s: mode %04o; expected 0700, so that no other user can connect: chmod 700 "
            "%s, " OTHERWISE,
            folder->path, (unsigned) status.st_mode & 07777, folder->path);
    return GODWIT_OK;
}

static void
parent_of (const godwit__folder_t *folder, char parent[GODWIT__FOLDER_PATH_SIZE], const char **name)
{
    const char *const slash = strrchr (folder->path, '/');
    snprintf (parent, GODWIT__FOLDER_PATH_SIZE, "%.*s",
              slash > folder->path ? (int) (slash - folder->path) : 1, folder->path);
    *name = slash + 1;
}

static int
open_folder (int parent_fd, const char *name)
{
    return openat (parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* *fd is open afterwards, or -1. */
static godwit_status_t
open_in (const godwit__folder_t *folder, int parent_fd, const char *name, int *fd, godwit_error_t **error)
{
    struct stat status;
    *fd = open_folder (parent_fd, name);
    if (*fd < 0 && errno == ENOENT) {
        if (mkdirat (parent_fd, name, 0700) != 0 && errno != EEXIST)
            return fail (folder, "the folder cannot be made", error);
        *fd = open_folder (parent_fd, name);
    }
    if (*fd >= 0)
        return check_folder (folder, *fd, error);
    const int failure = errno;
    if (fstatat (parent_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        if (S_ISLNK (status.st_mode) || !S_ISDIR (status.st_mode))
            return godwit__error_set (
                error, GODWIT_ERR_SYSTEM,
                "%s: it is %s; expected a folder of our own with mode 0700: remove it, " OTHERWISE,
                folder->path, S_ISLNK (status.st_mode) ? "a symbolic link" : "no folder");
        if (status.st_uid != geteuid ())
            return refuse_owner (folder->path, &status, error);
    }
    errno = failure;
    return fail (folder, "the folder cannot be opened", error);
}

/* The new one gets the number of the old one: paths that were made with it stay right. */
static void
replace (godwit__folder_t *folder, int fd)
{
    struct stat old, new;
    if (folder->fd < 0) {
        folder->fd = fd;
        return;
    }
    if (fstat (folder->fd, &old) != 0 || fstat (fd, &new) != 0 || old.st_dev != new.st_dev ||
        old.st_ino != new.st_ino)
        dup3 (fd, folder->fd, O_CLOEXEC);
    close (fd);
}

godwit_status_t
godwit__folder_open (godwit__folder_t *folder, godwit_error_t **error)
{
    char parent[GODWIT__FOLDER_PATH_SIZE];
    const char *name = NULL;
    int fd = -1;
    parent_of (folder, parent, &name);
    const int parent_fd = open (parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (parent_fd < 0)
        return fail (folder, "the folder above it cannot be opened", error);
    godwit_status_t status = check_parent (parent, parent_fd, error);
    if (status == GODWIT_OK)
        status = open_in (folder, parent_fd, name, &fd, error);
    close (parent_fd);
    if (status == GODWIT_OK)
        replace (folder, fd);
    else if (fd >= 0)
        close (fd);
    return status;
}

bool
godwit__folder_is_replaced (const godwit__folder_t *folder)
{
    struct stat own, there;
    return fstat (folder->fd, &own) != 0 || lstat (folder->path, &there) != 0 || own.st_dev != there.st_dev ||
           own.st_ino != there.st_ino;
}

bool
godwit__folder_is_absent (const godwit__folder_t *folder)
{
    char parent[GODWIT__FOLDER_PATH_SIZE];
    const char *name = NULL;
    parent_of (folder, parent, &name);
    return strncmp (parent, "/run/user/", strlen ("/run/user/")) == 0 && access (parent, F_OK) != 0 &&
           errno == ENOENT;
}

godwit_status_t
godwit__folders_first (godwit__folders_t *folders, godwit__folder_t **folder, godwit_error_t **error)
{
    char text[2 * GODWIT__FOLDER_MAX * GODWIT__FOLDER_PATH_SIZE] = "";
    size_t used = 0;
    for (size_t i = 0; i < folders->count; i++) {
        godwit__folder_t *const at = &folders->list[i];
        godwit_error_t *reason = NULL;
        if (folders->count > 1 && godwit__folder_is_absent (at))
            continue;
        if (godwit__folder_open (at, &reason) == GODWIT_OK) {
            *folder = at;
            return GODWIT_OK;
        }
        const int length = snprintf (text + used, sizeof text - used, "%s%s", used ? " | " : "",
                                     godwit_error_message (reason));
        godwit_error_destroy (&reason);
        if (length > 0 && (size_t) length < sizeof text - used)
            used += (size_t) length;
    }
    return godwit__error_set (error, GODWIT_ERR_SYSTEM, "No private folder can be used: %s", text);
}

/* ---- addresses ---- */

const godwit__folder_t *
godwit__folders_find (const godwit__folders_t *folders, const char *address, const char **name)
{
    if (strncmp (address, IPC, strlen (IPC)) != 0)
        return NULL;
    address += strlen (IPC);
    for (size_t i = 0; i < folders->count; i++) {
        const size_t size = strlen (folders->list[i].path);
        if (strncmp (address, folders->list[i].path, size) != 0 || address[size] != '/')
            continue;
        const char *const at = address + size + 1;
        const size_t length = strlen (at);
        if (length == 0 || length >= GODWIT__FOLDER_NAME_SIZE || strchr (at, '/') || !strcmp (at, ".") ||
            !strcmp (at, ".."))
            return NULL;
        *name = at;
        return &folders->list[i];
    }
    return NULL;
}

void
godwit__folder_short_path (const godwit__folder_t *folder, const char *name,
                           char path[GODWIT__FOLDER_SHORT_SIZE])
{
    snprintf (path, GODWIT__FOLDER_SHORT_SIZE, "/proc/self/fd/%d/%s", folder->fd, name);
}
