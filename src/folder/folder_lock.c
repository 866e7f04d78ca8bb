/* SPDX-License-Identifier: Apache-2.0 */
/* A record lock (fcntl), which belongs to the process: a child of fork() does not have it, and the system
 * releases it when the process ends. Threads of one process exclude each other by a mutex. That is also what
 * makes a record lock safe: it would be lost with any descriptor of the file that the process closes. */
#include "src/folder/folder_lock.h"

#include "src/base/shared_lock.h"
#include "src/error/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define LOCK_NAME ".lock"

static godwit__shared_lock_t process_lock = GODWIT__SHARED_LOCK;

int
godwit__folder_lock (const godwit__folder_t *folder, bool *is_busy, godwit_error_t **error)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    godwit__shared_lock (&process_lock);
    const int fd = openat (folder->fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && fcntl (fd, F_SETLK, &whole) == 0)
        return fd;
    const int failure = errno;
    if (fd >= 0)
        close (fd);
    godwit__shared_unlock (&process_lock);
    const bool busy = failure == EAGAIN && fd >= 0;
    if (is_busy)
        *is_busy = busy;
    if (busy)
        godwit__error_set (error, GODWIT_ERR_SYSTEM, "%s/" LOCK_NAME ": another process has the lock",
                           folder->path);
    else
        godwit__error_set (error, GODWIT_ERR_SYSTEM, "%s/" LOCK_NAME ": it cannot be locked: %s",
                           folder->path, strerror (failure));
    return -1;
}

void
godwit__folder_unlock (int lock)
{
    close (lock);
    godwit__shared_unlock (&process_lock);
}
