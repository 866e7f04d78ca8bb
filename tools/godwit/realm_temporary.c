/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/realm_temporary.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BEGIN ".godwit-"
#define BEGIN_SIZE (sizeof BEGIN - 1)

/* ---- making one ---- */

static void
make_name (char name[REALM_TEMPORARY_SIZE])
{
    uint8_t random[8];
    randombytes_buf (random, sizeof random);
    memcpy (name, BEGIN, sizeof BEGIN);
    sodium_bin2hex (name + BEGIN_SIZE, REALM_TEMPORARY_SIZE - BEGIN_SIZE, random, sizeof random);
}

/* Where there are no locks, nothing is found to be abandoned either. */
static void
lock (int fd)
{
    int result;
    do
        result = flock (fd, LOCK_EX);
    while (result < 0 && errno == EINTR);
}

int
realm_temporary_open (int folder, char name[REALM_TEMPORARY_SIZE])
{
    for (;;) {
        struct stat state;
        make_name (name);
        const int fd = openat (folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
            return -1;
        lock (fd);
        /* Another command may have removed it before it was locked. */
        if (fstat (fd, &state) < 0 || state.st_nlink > 0)
            return fd;
        close (fd);
    }
}

/* ---- removing them ---- */

static bool
is_temporary (const char *name)
{
    return strncmp (name, BEGIN, BEGIN_SIZE) == 0 && strlen (name) == REALM_TEMPORARY_SIZE - 1 &&
           strspn (name + BEGIN_SIZE, "0123456789abcdef") == REALM_TEMPORARY_SIZE - 1 - BEGIN_SIZE;
}

/* The lock is held until the name is gone: who has made it a moment ago, and waits for the lock, sees that.
 */
static void
remove_abandoned (int folder, const char *name)
{
    struct stat state;
    const int fd =
        is_temporary (name) ? openat (folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    if (fstat (fd, &state) == 0 && S_ISREG (state.st_mode) &&
        (geteuid () == 0 || state.st_uid == geteuid ()) && flock (fd, LOCK_EX | LOCK_NB) == 0)
        unlinkat (folder, name, 0);
    close (fd);
}

static void
remove_any (int folder, const char *name)
{
    if (strncmp (name, BEGIN, BEGIN_SIZE) == 0)
        unlinkat (folder, name, 0);
}

static void
sweep (int folder, void (*remove_left) (int folder, const char *name))
{
    const int copy = openat (folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *const entries = copy < 0 ? NULL : fdopendir (copy);
    if (!entries && copy >= 0)
        close (copy);
    for (const struct dirent *entry; entries && (entry = readdir (entries));)
        remove_left (folder, entry->d_name);
    if (entries)
        closedir (entries);
}

void
realm_sweep_abandoned (int folder)
{
    sweep (folder, remove_abandoned);
}

void
realm_sweep (int folder)
{
    sweep (folder, remove_any);
}
