/* SPDX-License-Identifier: Apache-2.0 */
#include "src/folder/folder_listen.h"

#include "src/error/error.h"
#include "src/folder/folder_lock.h"
#include "src/folder/folder_sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static godwit_status_t
fail (const godwit__folder_t *folder, const char *name, const char *what, godwit_error_t **error)
{
    return godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot listen at %s/%s: %s: %s", folder->path, name,
                              what, strerror (errno));
}

static godwit_status_t
make_name (char name[GODWIT__FOLDER_NAME_SIZE], const char *prefix, godwit_error_t **error)
{
    uint64_t number = 0;
    if (getrandom (&number, sizeof number, 0) != (ssize_t) sizeof number)
        return godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot make a random name: %s",
                                  strerror (errno));
    snprintf (name, GODWIT__FOLDER_NAME_SIZE, "%s%016llx", prefix, (unsigned long long) number);
    return GODWIT_OK;
}

/* Binds, and listens. The mode is set whatever the umask says: connecting needs the right to write. */
static godwit_status_t
listen_as (const godwit__folder_t *folder, const char *temporary, int backlog, int fd, struct stat *status,
           godwit_error_t **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    _Static_assert(GODWIT__FOLDER_SHORT_SIZE <= sizeof address.sun_path, "the short path fits");
    godwit__folder_short_path (folder, temporary, address.sun_path);
    if (bind (fd, (const struct sockaddr *) &address, sizeof address) != 0)
        return fail (folder, temporary,
                     access ("/proc/self/fd", F_OK) == 0 ? "bind" : "bind (/proc is not mounted)", error);
    if (fchmodat (folder->fd, temporary, 0600, 0) != 0 || listen (fd, backlog) != 0 ||
        fstatat (folder->fd, temporary, status, AT_SYMLINK_NOFOLLOW) != 0) {
        const godwit_status_t failed = fail (folder, temporary, "listen", error);
        unlinkat (folder->fd, temporary, 0);
        return failed;
    }
    return GODWIT_OK;
}

/* The lock is held if the name was wanted. */
static godwit_status_t
listen_at (const godwit__folder_t *folder, const char *final, int backlog, godwit__folder_name_t *name,
           int *fd, godwit_error_t **error)
{
    char temporary[GODWIT__FOLDER_NAME_SIZE];
    struct stat bound = {.st_ino = 0};
    godwit_status_t status = make_name (temporary, GODWIT__FOLDER_TEMPORARY, error);
    if (status != GODWIT_OK)
        return status;
    const int made = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made < 0)
        return fail (folder, final, "socket", error);
    status = listen_as (folder, temporary, backlog, made, &bound, error);
    if (status == GODWIT_OK && renameat (folder->fd, temporary, folder->fd, final) != 0) {
        status = fail (folder, final, "rename", error);
        unlinkat (folder->fd, temporary, 0);
    }
    if (status != GODWIT_OK) {
        close (made);
        return status;
    }
    godwit__folder_remember (folder, final, name);
    name->device = bound.st_dev;
    name->inode = bound.st_ino;
    *fd = made;
    return GODWIT_OK;
}

godwit_status_t
godwit__folder_listen (const godwit__folder_t *folder, const char *wanted, int backlog,
                       godwit__folder_name_t *name, int *fd, bool *is_taken, godwit_error_t **error)
{
    char random_name[GODWIT__FOLDER_NAME_SIZE];
    if (is_taken)
        *is_taken = false;
    if (!wanted) {
        const godwit_status_t status = make_name (random_name, GODWIT__FOLDER_SOCKET, error);
        return status ? status : listen_at (folder, random_name, backlog, name, fd, error);
    }
    const int lock = godwit__folder_lock (folder, is_taken, error);
    if (lock < 0)
        return GODWIT_ERR_SYSTEM;
    godwit_status_t status = GODWIT_OK;
    if (godwit__folder_is_alive (folder, wanted)) {
        if (is_taken)
            *is_taken = true;
        status = godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot listen at %s/%s: %s", folder->path,
                                    wanted, strerror (EADDRINUSE));
    } else {
        status = listen_at (folder, wanted, backlog, name, fd, error);
    }
    godwit__folder_unlock (lock);
    return status;
}

void
godwit__folder_remember (const godwit__folder_t *folder, const char *name, godwit__folder_name_t *it)
{
    struct stat status = {.st_ino = 0};
    fstatat (folder->fd, name, &status, AT_SYMLINK_NOFOLLOW);
    snprintf (it->name, sizeof it->name, "%s", name);
    snprintf (it->address, sizeof it->address, "ipc://%s/%s", folder->path, name);
    it->device = status.st_dev;
    it->inode = status.st_ino;
}

bool
godwit__folder_has (const godwit__folder_t *folder, const godwit__folder_name_t *name)
{
    struct stat status;
    return folder->fd >= 0 && fstatat (folder->fd, name->name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           status.st_dev == name->device && status.st_ino == name->inode;
}

/* Under the lock: otherwise another process could take a shared name between the look and the removal. */
void
godwit__folder_remove (const godwit__folder_t *folder, const godwit__folder_name_t *name)
{
    if (!godwit__folder_has (folder, name))
        return;
    const bool is_shared = strncmp (name->name, GODWIT__FOLDER_SOCKET, strlen (GODWIT__FOLDER_SOCKET)) != 0;
    const int lock = is_shared ? godwit__folder_lock (folder, NULL, NULL) : -1;
    if ((!is_shared || lock >= 0) && godwit__folder_has (folder, name))
        unlinkat (folder->fd, name->name, 0);
    if (lock >= 0)
        godwit__folder_unlock (lock);
}
