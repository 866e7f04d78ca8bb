/* SPDX-License-Identifier: Apache-2.0 */
#include "components/http/inside.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST_SIZE 64
#define BACKLOG 16

/* Splits "127.0.0.1:9464" and "[::1]:9464". Returns the port's text; NULL: it is neither. */
static const char *
split (const char *address, char host[HOST_SIZE])
{
    const bool in_brackets = *address == '[';
    const char *const begin = address + in_brackets;
    const char *const end = strchr (begin, in_brackets ? ']' : ':');
    if (!end || end == begin || (size_t) (end - begin) >= HOST_SIZE)
        return NULL;
    const char *const colon = end + in_brackets;
    if (*colon != ':')
        return NULL;
    memcpy (host, begin, (size_t) (end - begin));
    host[end - begin] = '\0';
    return colon + 1;
}

static bool
is_port (const char *text)
{
    const size_t size = strlen (text);
    return size > 0 && size <= 5 && strspn (text, "0123456789") == size &&
           strtol (text, NULL, 10) <= UINT16_MAX;
}

static godwit_status_t
resolve (const char *address, struct addrinfo **found, godwit_error_t **error)
{
    static const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                          .ai_family = AF_UNSPEC,
                                          .ai_socktype = SOCK_STREAM};
    char host[HOST_SIZE];
    const char *const port = split (address, host);
    const int number = port && is_port (port) ? getaddrinfo (host, port, &hints, found) : EAI_NONAME;
    if (number == 0 && *found)
        return GODWIT_OK;
    *found = NULL;
    if (number == EAI_MEMORY)
        return godwit__http_fail (error, GODWIT_ERR_OUT_OF_MEMORY, "out of memory");
    return godwit__http_fail (error, GODWIT_ERR_INVALID_ARGUMENT,
                              "address: expected a numeric address and a port, as in \"127.0.0.1:9464\" or "
                              "\"[::1]:9464\", got \"%.100s\"",
                              address);
}

/* A port of an earlier process whose connections linger may be used again at once. Returns -1 with errno. */
static int
bind_to (const struct addrinfo *at)
{
    const int fd = socket (at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int on = 1;
    if (fd < 0)
        return -1;
    setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind (fd, at->ai_addr, at->ai_addrlen) == 0 && listen (fd, BACKLOG) == 0)
        return fd;
    const int number = errno;
    close (fd);
    errno = number;
    return -1;
}

static int
port_of (int fd)
{
    struct sockaddr_storage name;
    socklen_t size = sizeof name;
    memset (&name, 0, sizeof name);
    getsockname (fd, (struct sockaddr *) &name, &size);
    return ntohs (name.ss_family == AF_INET6 ? ((struct sockaddr_in6 *) &name)->sin6_port
                                             : ((struct sockaddr_in *) &name)->sin_port);
}

godwit_status_t
godwit__http_listen (const char *address, int *fd, int *port, godwit_error_t **error)
{
    struct addrinfo *found = NULL;
    char why[128];
    const godwit_status_t status = resolve (address, &found, error);
    if (status || !found)
        return status;
    *fd = bind_to (found);
    const int number = errno;
    freeaddrinfo (found);
    if (*fd < 0)
        return godwit__http_fail (error, GODWIT_ERR_SYSTEM, "metrics: cannot listen at %.100s: %s%s", address,
                                  strerror_r (number, why, sizeof why),
                                  number == EADDRINUSE ? "; choose another port, or 0 for any" : "");
    *port = port_of (*fd);
    return GODWIT_OK;
}
