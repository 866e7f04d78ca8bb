/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/zmtp.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int64_t
now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int
zmtp_free_port (void)
{
    const int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const bool bound = fd >= 0 && bind (fd, (struct sockaddr *) &address, size) == 0 &&
                       getsockname (fd, (struct sockaddr *) &address, &size) == 0;
    if (fd >= 0)
        close (fd);
    return bound ? ntohs (address.sin_port) : 0;
}

static int
connect_to (int family, const struct sockaddr *address, socklen_t size)
{
    const int one = 1;
    const int fd = socket (family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (family == AF_INET && fd >= 0)
        setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (fd >= 0 && connect (fd, address, size) == 0)
        return fd;
    if (fd >= 0)
        close (fd);
    return -1;
}

/* A path of any length. */
static int
connect_by_path (const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    char folder[256];
    const char *const slash = strrchr (path, '/');
    snprintf (folder, sizeof folder, "%.*s", (int) (slash - path), path);
    const int folder_fd = open (folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    snprintf (to.sun_path, sizeof to.sun_path, "/proc/self/fd/%d/%.64s", folder_fd, slash + 1);
    const int fd = connect_to (AF_UNIX, (const struct sockaddr *) &to, sizeof to);
    close (folder_fd);
    return fd;
}

int
zmtp_connect (const char *address)
{
    unsigned port = 0;
    if (sscanf (address, "tcp://127.0.0.1:%u", &port) == 1) {
        const struct sockaddr_in to = {.sin_family = AF_INET,
                                       .sin_port = htons ((uint16_t) port),
                                       .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
        return connect_to (AF_INET, (const struct sockaddr *) &to, sizeof to);
    }
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (strncmp (address, "ipc:///", 7) == 0)
        return connect_by_path (address + strlen ("ipc://"));
    if (strncmp (address, "ipc://", 6) != 0 || strlen (address + 6) >= sizeof to.sun_path)
        return -1;
    const size_t size = strlen (address + 6);
    memcpy (to.sun_path, address + 6, size);
    const bool is_abstract = to.sun_path[0] == '@';
    if (is_abstract)
        to.sun_path[0] = '\0';
    return connect_to (AF_UNIX, (const struct sockaddr *) &to,
                       (socklen_t) (offsetof (struct sockaddr_un, sun_path) + size + !is_abstract));
}

int
zmtp_listen (char *address, size_t size)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t name_size = sizeof name;
    const int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind (fd, (struct sockaddr *) &name, name_size) < 0 || listen (fd, 16) < 0 ||
        getsockname (fd, (struct sockaddr *) &name, &name_size) < 0) {
        if (fd >= 0)
            close (fd);
        return -1;
    }
    snprintf (address, size, "tcp://127.0.0.1:%u", ntohs (name.sin_port));
    return fd;
}

int
zmtp_accept (int listener)
{
    struct pollfd item = {listener, POLLIN, 0};
    return poll (&item, 1, ZMTP_WAIT_LIMIT_MS) == 1 ? accept4 (listener, NULL, NULL, SOCK_CLOEXEC) : -1;
}

void
zmtp_vanish (int fd)
{
    const struct linger none = {.l_onoff = 1};
    setsockopt (fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close (fd);
}

void
zmtp_greeting (uint8_t greeting[ZMTP_GREETING_SIZE])
{
    memset (greeting, 0, ZMTP_GREETING_SIZE);
    greeting[0] = 0xff;
    greeting[9] = 0x7f;
    greeting[10] = 3;
    memcpy (greeting + 12, "NULL", 4);
}

bool
zmtp_write (int fd, const void *data, size_t size)
{
    const uint8_t *at = data;
    while (size) {
        const ssize_t written = send (fd, at, size, MSG_NOSIGNAL);
        if (written <= 0)
            return false;
        at += written;
        size -= (size_t) written;
    }
    return true;
}

bool
zmtp_read (int fd, void *to, size_t size)
{
    uint8_t *data = to;
    const int64_t end = now_ms () + ZMTP_WAIT_LIMIT_MS;
    while (size) {
        struct pollfd item = {fd, POLLIN, 0};
        const int64_t left = end - now_ms ();
        const ssize_t got = left > 0 && poll (&item, 1, (int) left) == 1 ? read (fd, data, size) : 0;
        if (got <= 0)
            return false;
        data += got;
        size -= (size_t) got;
    }
    return true;
}

/* A property of READY. */
static uint8_t *
put_property (uint8_t *to, const char *name, const void *value, size_t size)
{
    const size_t name_size = strlen (name);
    *to++ = (uint8_t) name_size;
    memcpy (to, name, name_size);
    to += name_size;
    *to++ = (uint8_t) (size >> 24);
    *to++ = (uint8_t) (size >> 16);
    *to++ = (uint8_t) (size >> 8);
    *to++ = (uint8_t) size;
    if (size)
        memcpy (to, value, size);
    return to + size;
}

bool
zmtp_handshake (int fd, const char *socket_type, const void *identity, size_t identity_size)
{
    uint8_t greeting[ZMTP_GREETING_SIZE];
    uint8_t head[9];
    uint8_t ready[70000] = {5, 'R', 'E', 'A', 'D', 'Y'};
    zmtp_greeting (greeting);
    if (identity_size > sizeof ready - 256 || !zmtp_write (fd, greeting, sizeof greeting) ||
        !zmtp_read (fd, greeting, sizeof greeting))
        return false;
    uint8_t *end = put_property (ready + 6, "Socket-Type", socket_type, strlen (socket_type));
    end = put_property (end, "Identity", identity, identity_size);
    const size_t size = (size_t) (end - ready);
    const uint8_t long_head[9] = {6, 0, 0, 0, 0, 0, 0, (uint8_t) (size >> 8), (uint8_t) size};
    const uint8_t short_head[2] = {4, (uint8_t) size};
    if (!(size > 255 ? zmtp_write (fd, long_head, 9) : zmtp_write (fd, short_head, 2)) ||
        !zmtp_write (fd, ready, size))
        return false;
    /* The other side's READY is short. */
    return zmtp_read (fd, head, 2) && head[0] == 4 && zmtp_read (fd, ready, head[1]);
}

bool
zmtp_send_head (int fd, uint64_t size)
{
    uint8_t head[9] = {2};
    for (int i = 0; i < 8; i++)
        head[1 + i] = (uint8_t) (size >> (56 - 8 * i));
    return zmtp_write (fd, head, sizeof head);
}

bool
zmtp_send (int fd, const void *data, size_t size, bool more)
{
    uint8_t head[9] = {more ? 3 : 2};
    for (int i = 0; i < 8; i++)
        head[1 + i] = (uint8_t) ((uint64_t) size >> (56 - 8 * i));
    return zmtp_write (fd, head, sizeof head) && zmtp_write (fd, data, size);
}

bool
zmtp_send_command (int fd, const char *name, const void *data, size_t size)
{
    uint8_t frame[256] = {4};
    const size_t name_size = strlen (name);
    if (1 + name_size + size > 253)
        return false;
    frame[1] = (uint8_t) (1 + name_size + size);
    frame[2] = (uint8_t) name_size;
    memcpy (frame + 3, name, name_size);
    if (size)
        memcpy (frame + 3 + name_size, data, size);
    return zmtp_write (fd, frame, 2u + frame[1]);
}

bool
zmtp_wait_hung_up (int fd)
{
    uint8_t room[4096];
    const int64_t end = now_ms () + ZMTP_WAIT_LIMIT_MS;
    for (int64_t left = ZMTP_WAIT_LIMIT_MS; left > 0; left = end - now_ms ()) {
        struct pollfd item = {fd, POLLIN, 0};
        if (poll (&item, 1, (int) left) == 1 && read (fd, room, sizeof room) <= 0)
            return true;
    }
    return false;
}
