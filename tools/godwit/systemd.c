/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/godwit/systemd.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void
systemd_tell (const char *text)
{
    const char *const path = getenv ("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t length = path ? strlen (path) : 0;
    if (length < 2 || length >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy (address.sun_path, path, length);
    if (path[0] == '@')
        address.sun_path[0] = '\0'; /* an abstract name */
    const int socket_fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket_fd < 0)
        return;
    const socklen_t size = (socklen_t) (offsetof (struct sockaddr_un, sun_path) + length);
    (void) !sendto (socket_fd, text, strlen (text), MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *) &address,
                    size);
    close (socket_fd);
}
