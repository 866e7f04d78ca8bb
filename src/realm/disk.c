/* SPDX-License-Identifier: Apache-2.0 */
#include "src/realm/disk.h"

#include "src/error/error.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- where it is ---- */

godwit_status_t
godwit__disk_absolute (char **absolute, const char *path, godwit_error_t **error)
{
    char folder[PATH_MAX] = "";
    const bool is_relative = path[0] != '/';
    char *made;
    if (is_relative && !getcwd (folder, sizeof folder))
        return godwit__error_set (error, GODWIT_ERR_SYSTEM,
                                  "%s: the working folder is unknown: %s: expected a path from / on", path,
                                  strerror (errno));
    if (asprintf (&made, "%s%s%s", folder, is_relative ? "/" : "", path) < 0)
        return godwit__error_no_memory (error);
    *absolute = made;
    return GODWIT_OK;
}

/* ---- whether it has changed ---- */

godwit__disk_state_t
godwit__disk_state (const char *path)
{
    struct stat status;
    if (stat (path, &status) != 0)
        return (godwit__disk_state_t){.failure = errno};
    return (godwit__disk_state_t){.device = status.st_dev,
                                  .inode = status.st_ino,
                                  .size = status.st_size,
                                  .written = status.st_mtim,
                                  .changed = status.st_ctim};
}

static bool
same_time (const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool
godwit__disk_state_equal (const godwit__disk_state_t *a, const godwit__disk_state_t *b)
{
    return a->failure == b->failure && a->device == b->device && a->inode == b->inode && a->size == b->size &&
           same_time (&a->written, &b->written) && same_time (&a->changed, &b->changed);
}

/* ---- reading ---- */

static godwit_status_t
fail (const char *path, godwit_error_t **error)
{
    if (errno == EACCES)
        return godwit__error_set (error, GODWIT_ERR_SYSTEM, "%s: %s: uid %u has to be able to read it", path,
                                  strerror (errno), (unsigned) geteuid ());
    return godwit__error_set (error, GODWIT_ERR_SYSTEM, "%s: %s", path, strerror (errno));
}

godwit_status_t
godwit__disk_open (int *fd, const char *path, godwit_error_t **error)
{
    const int opened = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (opened < 0)
        return fail (path, error);
    *fd = opened;
    return GODWIT_OK;
}

godwit_status_t
godwit__disk_look (struct stat *status, const char *path, int fd, godwit_error_t **error)
{
    if (fstat (fd, status) != 0)
        return fail (path, error);
    if (!S_ISREG (status->st_mode))
        return godwit__error_set (error, GODWIT_ERR_SYSTEM, "%s: expected a file", path);
    return GODWIT_OK;
}

godwit_status_t
godwit__disk_read (void *bytes, size_t *size, const char *path, int fd, godwit_error_t **error)
{
    size_t used = 0;
    for (ssize_t got = 1; got != 0 && used < *size;) {
        got = read (fd, (char *) bytes + used, *size - used);
        if (got < 0 && errno != EINTR)
            return fail (path, error);
        used += got > 0 ? (size_t) got : 0;
    }
    *size = used;
    return GODWIT_OK;
}
