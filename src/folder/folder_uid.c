/* SPDX-License-Identifier: Apache-2.0 */
#include "src/folder/folder_uid.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define OVERFLOW_UID 65534
#define NUMBERS_MAX 3

/* The numbers at the start of a file; returns how many there are. */
static size_t
read_numbers (const char *path, unsigned long numbers[NUMBERS_MAX])
{
    char text[128];
    const int fd = open (path, O_RDONLY | O_CLOEXEC);
    const ssize_t size = fd >= 0 ? read (fd, text, sizeof text - 1) : -1;
    size_t count = 0;
    if (fd >= 0)
        close (fd);
    text[size > 0 ? size : 0] = '\0';
    for (char *at = text, *end; count < NUMBERS_MAX; at = end, count++) {
        numbers[count] = strtoul (at, &end, 10);
        if (end == at)
            break;
    }
    return count;
}

/* Where every uid is known, the overflow uid is a user like others ("nobody"). */
bool
godwit__own_uid_is_known (void)
{
    unsigned long numbers[NUMBERS_MAX];
    const unsigned long overflow =
        read_numbers ("/proc/sys/kernel/overflowuid", numbers) > 0 ? numbers[0] : OVERFLOW_UID;
    if (geteuid () != overflow)
        return true;
    return read_numbers ("/proc/self/uid_map", numbers) == NUMBERS_MAX && numbers[0] == 0 &&
           numbers[2] == UINT32_MAX;
}

bool
godwit__peer_is_own_user (int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    return getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid () &&
           godwit__own_uid_is_known ();
}
