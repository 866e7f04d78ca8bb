/* SPDX-License-Identifier: Apache-2.0 */
/* A member file in the file system: who may read it is checked before it is read. */
#include "src/error/error.h"
#include "src/realm/disk.h"
#include "src/realm/member_file.h"

#include <sodium.h>
#include <unistd.h>

/* 0400 and 0440 are what systemd's LoadCredential= makes. */
static bool
is_private (mode_t mode)
{
    const mode_t bits = mode & 07777;
    return bits == 0600 || bits == 0640 || bits == 0400 || bits == 0440;
}

static godwit_status_t
check (const char *path, int fd, godwit_error_t **error)
{
    struct stat file;
    const godwit_status_t status = godwit__disk_look (&file, path, fd, error);
    if (status)
        return status;
    if (!is_private (file.st_mode))
        return godwit__error_set (error, GODWIT_ERR_SYSTEM, "%s: mode %04o; it holds keys, so 0600 or 0640",
                                  path, (unsigned) file.st_mode & 07777);
    if (file.st_uid != 0 && file.st_uid != geteuid ())
        return godwit__error_set (error, GODWIT_ERR_SYSTEM,
                                  "%s: it is owned by uid %u, who could exchange the keys; expected root or "
                                  "uid %u: chown it",
                                  path, (unsigned) file.st_uid, (unsigned) geteuid ());
    return GODWIT_OK;
}

static godwit_status_t
load (godwit__member_file_t *file, const char *path, int fd, godwit_error_t **error)
{
    size_t size = GODWIT__MEMBER_FILE_MAX + 1; /* one more, to see that it is too large */
    godwit_status_t status = check (path, fd, error);
    if (status)
        return status;
    char *const text = sodium_init () < 0 ? NULL : sodium_malloc (size);
    if (!text)
        return godwit__error_no_memory (error);
    status = godwit__disk_read (text, &size, path, fd, error);
    if (status == GODWIT_OK)
        status = godwit__member_file_read (file, text, size, path, error);
    sodium_free (text);
    return status;
}

godwit_status_t
godwit__member_file_load (godwit__member_file_t *file, const char *path, godwit_error_t **error)
{
    int fd = -1;
    godwit_status_t status = godwit__disk_open (&fd, path, error);
    if (status)
        return status;
    status = load (file, path, fd, error);
    close (fd);
    return status;
}
