/* SPDX-License-Identifier: Apache-2.0 */
#include "matchmaker/rendezvous_reach.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TCP "tcp://"

static struct in6_addr
in6_of (const struct sockaddr_storage *address)
{
    struct sockaddr_in6 in6;
    memcpy (&in6, address, sizeof in6);
    return in6.sin6_addr;
}

static bool
is_loopback (const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET)
        return ntohl (((const struct sockaddr_in *) address)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    const struct in6_addr in6 = in6_of (address);
    return IN6_IS_ADDR_LOOPBACK (&in6);
}

/* Others cannot use it: they would have to know the interface. */
static bool
is_of_link (const struct sockaddr_storage *address)
{
    const struct in6_addr in6 = in6_of (address);
    return address->ss_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL (&in6);
}

/* A datagram socket that is connected gets its own address from the system's routes. */
static bool
own_address (const struct addrinfo *to, struct sockaddr_storage *own, socklen_t *size)
{
    const int fd = socket (to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const bool found = fd >= 0 && connect (fd, to->ai_addr, to->ai_addrlen) == 0 &&
                       getsockname (fd, (struct sockaddr *) own, size) == 0;
    if (fd >= 0)
        close (fd);
    return found;
}

godwit__route_t
godwit__route_to (const char *address, char host[GODWIT__ADDRESS_SIZE])
{
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    struct sockaddr_storage own = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof own;
    char name[GODWIT__ADDRESS_SIZE];
    const char *const colon = strrchr (address, ':');
    if (strncmp (address, TCP, strlen (TCP)) != 0 || !colon)
        return GODWIT__ROUTE_HERE;
    snprintf (name, sizeof name, "%.*s", (int) (colon - address - (int) strlen (TCP)),
              address + strlen (TCP));
    char *const end = strchr (name, ']');
    if (end)
        *end = '\0';
    if (getaddrinfo (end ? name + 1 : name, colon + 1, &hints, &list) != 0)
        return GODWIT__ROUTE_NONE;
    const bool found = own_address (list, &own, &size);
    freeaddrinfo (list);
    if (!found || is_of_link (&own))
        return GODWIT__ROUTE_NONE;
    if (is_loopback (&own))
        return GODWIT__ROUTE_HERE;
    return getnameinfo ((const struct sockaddr *) &own, size, host, GODWIT__ADDRESS_SIZE, NULL, 0,
                        NI_NUMERICHOST) == 0
               ? GODWIT__ROUTE_OUT
               : GODWIT__ROUTE_NONE;
}
