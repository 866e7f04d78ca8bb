/* SPDX-License-Identifier: Apache-2.0 */
/* Tests with a bad network: replaces recv, send and sendmsg in the program. While `short_socket.on`, on the
 * thread that set it, they take and give only some of the bytes, or none, are interrupted, or fail. Only one
 * source file of a program may include this. */
#ifndef GODWIT_TESTS_SUPPORT_SHORT_SOCKET_H
#define GODWIT_TESTS_SUPPORT_SHORT_SOCKET_H

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct short_socket {
    bool on;
    uint64_t state;   /* of the random numbers; not 0 */
    unsigned again;   /* of 256 calls: nothing is there, or no room is */
    unsigned partial; /* some of the bytes */
    unsigned eintr;
    unsigned reset;    /* of 65536: fails */
    unsigned failures; /* how often one did */
    int last_fd;       /* of the last call; -1: none */
} short_socket_t;

static _Thread_local short_socket_t short_socket = {.last_fd = -1};

static uint32_t
short_socket_random (void)
{
    short_socket.state ^= short_socket.state << 13;
    short_socket.state ^= short_socket.state >> 7;
    short_socket.state ^= short_socket.state << 17;
    return (uint32_t) (short_socket.state >> 32);
}

/* The other end is gone: then the system does not say that there may be more later. */
static bool
short_socket_is_hung_up (int fd)
{
    struct pollfd item = {fd, POLLRDHUP, 0};
    return poll (&item, 1, 0) == 1;
}

/* The errno that the call fails with; 0: it is made. */
static int
short_socket_failure (int fd)
{
    if (!short_socket.on)
        return 0;
    const uint32_t random = short_socket_random ();
    short_socket.last_fd = fd;
    if ((random & 255) < short_socket.again && !short_socket_is_hung_up (fd))
        return EAGAIN;
    if ((random >> 8 & 255) < short_socket.eintr)
        return EINTR;
    if (random >> 16 >= short_socket.reset)
        return 0;
    short_socket.failures++;
    return random & 1 ? ECONNRESET : ENOBUFS;
}

/* How many of the bytes are offered. */
static size_t
short_socket_size (size_t size)
{
    if (!short_socket.on || size < 2)
        return size;
    const uint32_t random = short_socket_random ();
    if ((random & 255) >= short_socket.partial)
        return size;
    const size_t most = random & 256 ? size : size < 64 ? size : 64;
    return 1 + (random >> 9) % most;
}

ssize_t
recv (int fd, void *data, size_t size, int flags)
{
    const int failure = short_socket_failure (fd);
    if (failure) {
        errno = failure;
        return -1;
    }
    return syscall (SYS_recvfrom, fd, data, short_socket_size (size), flags, NULL, NULL);
}

ssize_t
send (int fd, const void *data, size_t size, int flags)
{
    const int failure = short_socket_failure (fd);
    if (failure) {
        errno = failure;
        return -1;
    }
    return syscall (SYS_sendto, fd, data, short_socket_size (size), flags, NULL, 0);
}

ssize_t
sendmsg (int fd, const struct msghdr *message, int flags)
{
    struct iovec some[64];
    struct msghdr shortened = *message;
    size_t size = 0;
    const int failure = short_socket_failure (fd);
    if (failure) {
        errno = failure;
        return -1;
    }
    for (size_t i = 0; i < message->msg_iovlen; i++)
        size += message->msg_iov[i].iov_len;
    const size_t offered = short_socket_size (size);
    if (offered < size && message->msg_iovlen <= 64) {
        size_t left = offered, count = 0;
        for (; left; count++) {
            some[count] = message->msg_iov[count];
            if (some[count].iov_len > left)
                some[count].iov_len = left;
            left -= some[count].iov_len;
        }
        shortened.msg_iov = some;
        shortened.msg_iovlen = count;
    }
    return syscall (SYS_sendmsg, fd, &shortened, flags);
}

#endif
