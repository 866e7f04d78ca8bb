/* SPDX-License-Identifier: Apache-2.0 */
/* A datagram socket that is connected to the name of a stream socket gets EPROTOTYPE if the socket exists,
 * and ECONNREFUSED if it does not: so a look costs the other side nothing, not even a wake-up. */
#include "src/folder/folder_sweep.h"

#include "src/folder/folder_lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ENTRIES_MAX 256
/* Between the making of a name and of its socket the system may let others run. */
#define YOUNG_S 10

bool
godwit__folder_is_alive (const godwit__folder_t *folder, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat status;
    if (fstatat (folder->fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno != ENOENT;
    if (!S_ISSOCK (status.st_mode))
        return true;
    const int fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return true;
    godwit__folder_short_path (folder, name, address.sun_path);
    const bool is_dead = connect (fd, (const struct sockaddr *) &address, sizeof address) != 0 &&
                         (errno == ECONNREFUSED || (errno == ENOENT && access ("/proc/self/fd", F_OK) == 0));
    close (fd);
    return !is_dead;
}

static bool
is_ours (const char *name)
{
    return !strncmp (name, GODWIT__FOLDER_SOCKET, strlen (GODWIT__FOLDER_SOCKET)) ||
           !strncmp (name, GODWIT__FOLDER_TEMPORARY, strlen (GODWIT__FOLDER_TEMPORARY)) ||
           !strncmp (name, GODWIT__FOLDER_MEET, strlen (GODWIT__FOLDER_MEET));
}

static bool
is_young (const godwit__folder_t *folder, const char *name)
{
    struct stat status;
    const time_t now = time (NULL);
    return fstatat (folder->fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISSOCK (status.st_mode) ||
           (status.st_mtime <= now + YOUNG_S && status.st_mtime >= now - YOUNG_S);
}

static DIR *
open_list (const godwit__folder_t *folder)
{
    const int fd = openat (folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *const list = fd >= 0 ? fdopendir (fd) : NULL;
    if (!list && fd >= 0)
        close (fd);
    if (list && folder->sweep_at)
        seekdir (list, folder->sweep_at);
    return list;
}

size_t
godwit__folder_sweep (godwit__folder_t *folder)
{
    size_t removed = 0;
    const int lock = godwit__folder_lock (folder, NULL, NULL);
    if (lock < 0)
        return 0;
    DIR *const list = open_list (folder);
    const struct dirent *entry = NULL;
    for (int i = 0; list && i < ENTRIES_MAX && (entry = readdir (list)); i++) {
        if (!is_ours (entry->d_name) || is_young (folder, entry->d_name) ||
            godwit__folder_is_alive (folder, entry->d_name))
            continue;
        if (unlinkat (folder->fd, entry->d_name, 0) == 0)
            removed++;
    }
    folder->sweep_at = entry ? telldir (list) : 0;
    if (list)
        closedir (list);
    godwit__folder_unlock (lock);
    return removed;
}
