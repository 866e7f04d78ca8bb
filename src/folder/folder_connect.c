/* SPDX-License-Identifier: Apache-2.0 */
#include "src/folder/folder_connect.h"

#include "src/error/error.h"
#include "src/folder/folder_uid.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ABSTRACT "ipc://@"

bool
godwit__folders_speak (const godwit__folders_t *folders, const char *address)
{
    const char *name = NULL;
    return strncmp (address, ABSTRACT, strlen (ABSTRACT)) == 0 ||
           godwit__folders_find (folders, address, &name) != NULL;
}

bool
godwit__folders_short_path (godwit__folders_t *folders, const char *address,
                            char path[GODWIT__FOLDER_SHORT_SIZE], godwit_error_t **error)
{
    const char *name = NULL;
    const godwit__folder_t *const found = godwit__folders_find (folders, address, &name);
    if (!found) {
        godwit__error_set (error, GODWIT_ERR_SYSTEM,
                           "cannot connect to %.250s: it is in no private folder of this user", address);
        return false;
    }
    /* One that was checked before is as good as ever, also if its path leads elsewhere now. */
    godwit__folder_t *const folder = &folders->list[found - folders->list];
    if (godwit__folder_open (folder, folder->fd < 0 ? error : NULL) != GODWIT_OK && folder->fd < 0)
        return false;
    godwit__folder_short_path (folder, name, path);
    return true;
}

/* False: the address is too long, or in none of the folders. */
static bool
read_address (godwit__folders_t *folders, const char *address, struct sockaddr_un *to, socklen_t *size,
              godwit_error_t **error)
{
    memset (to, 0, sizeof *to);
    to->sun_family = AF_UNIX;
    *size = sizeof *to;
    if (strncmp (address, ABSTRACT, strlen (ABSTRACT)) != 0)
        return godwit__folders_short_path (folders, address, to->sun_path, error);
    const char *const name = address + strlen (ABSTRACT);
    const size_t length = strlen (name);
    if (length + 1 > sizeof to->sun_path) {
        godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot connect to %.250s: the name is too long",
                           address);
        return false;
    }
    memcpy (to->sun_path + 1, name, length);
    *size = (socklen_t) (offsetof (struct sockaddr_un, sun_path) + 1 + length);
    return true;
}

godwit_status_t
godwit__folders_connect (godwit__folders_t *folders, const char *address, int *fd, int *failure,
                         godwit_error_t **error)
{
    struct sockaddr_un to;
    socklen_t size = 0;
    int ignored = 0;
    int *const cause = failure ? failure : &ignored;
    *cause = EADDRNOTAVAIL;
    if (!read_address (folders, address, &to, &size, error))
        return GODWIT_ERR_SYSTEM;
    const int made = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made < 0 || connect (made, (const struct sockaddr *) &to, size) != 0)
        *cause = errno;
    else
        *cause = godwit__peer_is_own_user (made) ? 0 : EPERM;
    if (*cause == 0) {
        *fd = made;
        return GODWIT_OK;
    }
    if (made >= 0)
        close (made);
    return godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot connect to %.250s: %s", address,
                              *cause == EPERM ? "another user's process listens there" : strerror (*cause));
}
