/* SPDX-License-Identifier: Apache-2.0 */
/* The room of a box is taken before it is used: a disk that is full later must not end the process with a
 * signal. */
#include "src/blackbox/box_file.h"

#include "src/error/error.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Whose time tells when the folder was swept last. */
#define MARKER ".blackbox-swept"
#define SWEEP_AFTER_S 5

struct godwit__box_file {
    godwit__folders_t folders;
    godwit__folder_t *folder; /* one of them, open */
    char name[GODWIT__FOLDER_NAME_SIZE];
};

static void
tell (char **why, const char *what, int failure)
{
    char text[128];
    if (!why)
        return;
    snprintf (text, sizeof text, "%s: %s", what, strerror (failure));
    *why = strdup (text);
}

/* A file that grows beyond the limit would cost the process a SIGXFSZ. */
static bool
may_have (uint64_t size)
{
    struct rlimit limit;
    return getrlimit (RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= size;
}

/* A new file of this size, all zero; or -1 with errno. */
static int
open_file (const godwit__box_file_t *file, uint64_t size)
{
    const int fd =
        openat (file->folder->fd, file->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    const int failure = may_have (size) ? posix_fallocate (fd, 0, (off_t) size) : EFBIG;
    if (!failure)
        return fd;
    unlinkat (file->folder->fd, file->name, 0);
    close (fd);
    errno = failure;
    return -1;
}

static void *
map (const godwit__box_file_t *file, uint64_t size, char **why)
{
    const int fd = open_file (file, size);
    if (fd < 0) {
        tell (why, "its file cannot be made", errno);
        return NULL;
    }
    void *const memory = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    const int failure = errno;
    close (fd);
    if (memory != MAP_FAILED)
        return memory;
    tell (why, "its file cannot be mapped", failure);
    unlinkat (file->folder->fd, file->name, 0);
    return NULL;
}

static bool
is_sweep_due (const godwit__folder_t *folder)
{
    struct stat status;
    const time_t now = time (NULL);
    if (fstatat (folder->fd, MARKER, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_mtime <= now &&
        status.st_mtime > now - SWEEP_AFTER_S)
        return false;
    const int fd = openat (folder->fd, MARKER, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    futimens (fd, NULL);
    close (fd);
    return true;
}

static bool
open_folder (godwit__box_file_t *file, const char *runtime_dir, char **why)
{
    godwit_error_t *error = NULL;
    if (!godwit__folders_init (&file->folders, runtime_dir, &error))
        godwit__folders_first (&file->folders, &file->folder, &error);
    if (why && error)
        *why = strdup (godwit_error_message (error));
    godwit_error_destroy (&error);
    return file->folder != NULL;
}

void *
godwit__box_file_new (godwit__box_file_t **file_p, const char *runtime_dir, const godwit__box_head_t *head,
                      char **why)
{
    uint64_t part;
    godwit__box_file_t *file = calloc (1, sizeof *file);
    void *memory = NULL;
    *file_p = NULL;
    if (!file)
        return NULL;
    memcpy (&part, head->instance, sizeof part);
    snprintf (file->name, sizeof file->name, GODWIT__BOX_FILE "%lld-%016" PRIx64, (long long) head->pid,
              part);
    if (open_folder (file, runtime_dir, why)) {
        if (is_sweep_due (file->folder))
            godwit__box_files_sweep (file->folder);
        memory = map (file, head->size, why);
    }
    if (memory)
        *file_p = file;
    else
        godwit__box_file_close (&file);
    return memory;
}

void
godwit__box_file_end (godwit__box_file_t *file, bool stays)
{
    if (!file)
        return;
    if (stays)
        godwit__box_files_sweep (file->folder);
    else
        unlinkat (file->folder->fd, file->name, 0);
}

void
godwit__box_file_close (godwit__box_file_t **file)
{
    if (*file)
        godwit__folders_close (&(*file)->folders);
    free (*file);
    *file = NULL;
}
