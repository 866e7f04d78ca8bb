/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/address.h"

#include "src/base/hash.h"
#include "src/base/own_fd.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
godwit__zmtp_address_is_tcp (const char *text)
{
    return strncmp (text, "tcp://", 6) == 0;
}

/* The number behind the last colon; -1: there is none. */
static long
port_of (const char *text, const char **colon)
{
    char *end;
    *colon = strrchr (text, ':');
    if (!*colon || (*colon)[1] < '0' || (*colon)[1] > '9')
        return -1;
    const long port = strtol (*colon + 1, &end, 10);
    return *end || port > 65535 ? -1 : port;
}

static bool
read_tcp (godwit__zmtp_address_t *address, const char *text)
{
    const char *colon;
    char host[INET6_ADDRSTRLEN + 2];
    const long port = port_of (text, &colon);
    if (port < 0 || colon == text || (size_t) (colon - text) >= sizeof host)
        return false;
    memcpy (host, text, (size_t) (colon - text));
    host[colon - text] = '\0';
    struct sockaddr_in *const in = (struct sockaddr_in *) &address->name;
    struct sockaddr_in6 *const in6 = (struct sockaddr_in6 *) &address->name;
    if (inet_pton (AF_INET, host, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons ((uint16_t) port);
        address->size = sizeof *in;
        return true;
    }
    const size_t length = strlen (host);
    if (host[0] != '[' || host[length - 1] != ']')
        return false;
    host[length - 1] = '\0';
    if (inet_pton (AF_INET6, host + 1, &in6->sin6_addr) != 1)
        return false;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons ((uint16_t) port);
    address->size = sizeof *in6;
    return true;
}

static bool
read_ipc (godwit__zmtp_address_t *address, const char *path)
{
    struct sockaddr_un *const un = (struct sockaddr_un *) &address->name;
    const size_t length = strlen (path);
    if (length < 2 || length >= sizeof un->sun_path || (*path != '/' && *path != '@'))
        return false;
    un->sun_family = AF_UNIX;
    memcpy (un->sun_path, path, length);
    address->size = (socklen_t) (offsetof (struct sockaddr_un, sun_path) + length + (*path == '/'));
    if (*path == '@')
        un->sun_path[0] = '\0';
    return true;
}

bool
godwit__zmtp_address_read (godwit__zmtp_address_t *address, const char *text)
{
    memset (address, 0, sizeof *address);
    if (godwit__zmtp_address_is_tcp (text))
        return read_tcp (address, text + 6);
    return strncmp (text, "ipc://", 6) == 0 && read_ipc (address, text + 6);
}

bool
godwit__zmtp_address_is_name (const char *text)
{
    godwit__zmtp_address_t address;
    const char *colon;
    return godwit__zmtp_address_is_tcp (text) && port_of (text + 6, &colon) >= 0 && colon > text + 6 &&
           !strpbrk (text + 6, "[]*/") && !godwit__zmtp_address_read (&address, text);
}

/* The first address of that family. */
static bool
take_interface (godwit__zmtp_address_t *address, const struct ifaddrs *list, const char *name, int family)
{
    for (const struct ifaddrs *at = list; at; at = at->ifa_next) {
        if (!at->ifa_addr || at->ifa_addr->sa_family != family || strcmp (at->ifa_name, name) != 0)
            continue;
        address->size = family == AF_INET ? sizeof (struct sockaddr_in) : sizeof (struct sockaddr_in6);
        memcpy (&address->name, at->ifa_addr, address->size);
        return true;
    }
    return false;
}

static bool
read_interface (godwit__zmtp_address_t *address, const char *name)
{
    struct ifaddrs *list = NULL;
    if (getifaddrs (&list) < 0)
        return false;
    const bool found =
        take_interface (address, list, name, AF_INET) || take_interface (address, list, name, AF_INET6);
    freeifaddrs (list);
    return found;
}

bool
godwit__zmtp_address_read_here (godwit__zmtp_address_t *address, const char *text)
{
    char name[IF_NAMESIZE];
    const char *colon;
    if (!godwit__zmtp_address_is_name (text))
        return godwit__zmtp_address_read (address, text);
    const in_port_t port = htons ((uint16_t) port_of (text + 6, &colon));
    const int size = (int) (colon - (text + 6));
    memset (address, 0, sizeof *address);
    if (snprintf (name, sizeof name, "%.*s", size, text + 6) != size)
        return false;
    if (strcmp (name, "localhost") == 0)
        read_tcp (address, "127.0.0.1:0");
    else if (!read_interface (address, name))
        return false;
    if (address->name.ss_family == AF_INET)
        ((struct sockaddr_in *) &address->name)->sin_port = port;
    else
        ((struct sockaddr_in6 *) &address->name)->sin6_port = port;
    return true;
}

int
godwit__zmtp_address_socket (const godwit__zmtp_address_t *address)
{
    const int one = 1;
    const int family = address->name.ss_family;
    godwit__own_fd_lock ();
    const int fd = socket (family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    godwit__own_fd_add (fd);
    godwit__own_fd_unlock ();
    if (fd >= 0 && family != AF_UNIX)
        setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

bool
godwit__zmtp_address_print (char text[GODWIT__ZMTP_PEER_SIZE], const struct sockaddr_storage *name)
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (name->ss_family == AF_INET) {
        const struct sockaddr_in *const in = (const struct sockaddr_in *) name;
        inet_ntop (AF_INET, &in->sin_addr, host, sizeof host);
        snprintf (text, GODWIT__ZMTP_PEER_SIZE, "%s:%u", host, ntohs (in->sin_port));
        return true;
    }
    if (name->ss_family == AF_INET6) {
        const struct sockaddr_in6 *const in6 = (const struct sockaddr_in6 *) name;
        inet_ntop (AF_INET6, &in6->sin6_addr, host, sizeof host);
        snprintf (text, GODWIT__ZMTP_PEER_SIZE, "[%s]:%u", host, ntohs (in6->sin6_port));
        return true;
    }
    return false;
}

godwit__zmtp_peer_t
godwit__zmtp_peer_read (int fd)
{
    struct sockaddr_storage name = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof name;
    godwit__zmtp_peer_t peer = {.family = AF_UNSPEC};
    if (getpeername (fd, (struct sockaddr *) &name, &size) < 0)
        return peer;
    peer.family = name.ss_family;
    if (name.ss_family == AF_INET) {
        const struct sockaddr_in *const in = (const struct sockaddr_in *) &name;
        peer.port = in->sin_port;
        peer.of.in = in->sin_addr;
    } else if (name.ss_family == AF_INET6) {
        const struct sockaddr_in6 *const in6 = (const struct sockaddr_in6 *) &name;
        peer.port = in6->sin6_port;
        peer.of.in6 = in6->sin6_addr;
    } else {
        struct ucred process = {.pid = 0};
        socklen_t process_size = sizeof process;
        if (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &process, &process_size) == 0) {
            peer.of.un.pid = process.pid;
            peer.of.un.uid = process.uid;
        }
    }
    return peer;
}

#define LOOPBACK_NET 127

godwit__zmtp_origin_t
godwit__zmtp_peer_origin (const godwit__zmtp_peer_t *peer)
{
    godwit__zmtp_origin_t origin = {.family = AF_UNSPEC};
    const bool is_mapped = peer->family == AF_INET6 && IN6_IS_ADDR_V4MAPPED (&peer->of.in6);
    if (peer->family == AF_INET || is_mapped) {
        origin.family = AF_INET;
        memcpy (origin.bytes, is_mapped ? peer->of.in6.s6_addr + 12 : (const uint8_t *) &peer->of.in, 4);
        if (origin.bytes[0] == LOOPBACK_NET)
            memset (origin.bytes + 1, 0, 3);
    } else if (peer->family == AF_INET6) {
        origin.family = AF_INET6;
        memcpy (origin.bytes, peer->of.in6.s6_addr, sizeof origin.bytes);
    } else if (peer->family == AF_UNIX) {
        origin.family = AF_UNIX;
        memcpy (origin.bytes, &peer->of.un.uid, sizeof peer->of.un.uid);
    }
    return origin;
}

bool
godwit__zmtp_origin_is (const godwit__zmtp_origin_t *a, const godwit__zmtp_origin_t *b)
{
    return a->family != AF_UNSPEC && a->family == b->family &&
           memcmp (a->bytes, b->bytes, sizeof a->bytes) == 0;
}

uint64_t
godwit__zmtp_peer_hash (const godwit__zmtp_peer_t *peer)
{
    const godwit__zmtp_origin_t origin = godwit__zmtp_peer_origin (peer);
    return godwit__hash (origin.family, origin.bytes, sizeof origin.bytes);
}

void
godwit__zmtp_peer_print (char text[GODWIT__ZMTP_PEER_SIZE], const godwit__zmtp_peer_t *peer)
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (peer->family == AF_INET) {
        inet_ntop (AF_INET, &peer->of.in, host, sizeof host);
        snprintf (text, GODWIT__ZMTP_PEER_SIZE, "%s:%u", host, ntohs (peer->port));
    } else if (peer->family == AF_INET6) {
        inet_ntop (AF_INET6, &peer->of.in6, host, sizeof host);
        snprintf (text, GODWIT__ZMTP_PEER_SIZE, "[%s]:%u", host, ntohs (peer->port));
    } else if (peer->family == AF_UNIX) {
        snprintf (text, GODWIT__ZMTP_PEER_SIZE, "process %ld", (long) peer->of.un.pid);
    } else {
        snprintf (text, GODWIT__ZMTP_PEER_SIZE, "?");
    }
}
