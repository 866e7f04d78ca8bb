/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as the system takes them: "tcp://127.0.0.1:4000", "tcp://[::1]:4000", "tcp://0.0.0.0:0",
 * "ipc:///run/user/1000/godwit/NAME", "ipc://@NAME" (Linux's abstract namespace). */
#ifndef GODWIT_DRIVERS_ZMTP_ADDRESS_H
#define GODWIT_DRIVERS_ZMTP_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

typedef struct godwit__zmtp_address {
    struct sockaddr_storage name;
    socklen_t size;
} godwit__zmtp_address_t;

/* False: it is none of these; a name of a host has to be looked up first. */
bool godwit__zmtp_address_read (godwit__zmtp_address_t *address, const char *text);
/* Of this machine, to listen at: the name of an interface (its first address, IPv4 before IPv6) or
 * "localhost" is taken, too: "tcp://eth0:4000". False: it is none of these. Does not block. */
bool godwit__zmtp_address_read_here (godwit__zmtp_address_t *address, const char *text);
/* True if it has the form "tcp://NAME:PORT". */
bool godwit__zmtp_address_is_name (const char *text);
bool godwit__zmtp_address_is_tcp (const char *text);

/* A non-blocking stream socket for the address, to be closed with godwit__own_fd_close. -1 with errno. */
int godwit__zmtp_address_socket (const godwit__zmtp_address_t *address);

/* Who is at the other end of a connected socket. It is read while there is a connection: of one that has
 * ended the system does not always say it. */
typedef struct godwit__zmtp_peer {
    sa_family_t family; /* AF_INET, AF_INET6, AF_UNIX; AF_UNSPEC: unknown */
    in_port_t port;     /* in the network's order */
    union {
        struct in_addr in;
        struct in6_addr in6;
        struct {
            pid_t pid;
            uid_t uid;
        } un;
    } of;
} godwit__zmtp_peer_t;

godwit__zmtp_peer_t godwit__zmtp_peer_read (int fd);
/* Where somebody comes from: what of an address one host may have for itself. The first 64 bits of IPv6; all
 * of 127.0.0.0/8, which each user of this host has; the user, of a local socket. */
typedef struct godwit__zmtp_origin {
    uint8_t family; /* AF_INET, AF_INET6, AF_UNIX; AF_UNSPEC: unknown */
    uint8_t bytes[8];
} godwit__zmtp_origin_t;

godwit__zmtp_origin_t godwit__zmtp_peer_origin (const godwit__zmtp_peer_t *peer);
/* Whether two come from the same place; false if it is unknown. */
bool godwit__zmtp_origin_is (const godwit__zmtp_origin_t *a, const godwit__zmtp_origin_t *b);
/* The same for all of one origin. */
uint64_t godwit__zmtp_peer_hash (const godwit__zmtp_peer_t *peer);

#define GODWIT__ZMTP_PEER_SIZE 64
/* Human-readable. */
void godwit__zmtp_peer_print (char text[GODWIT__ZMTP_PEER_SIZE], const godwit__zmtp_peer_t *peer);
/* "127.0.0.1:4000", "[::1]:4000". False: it is no address of tcp. */
bool godwit__zmtp_address_print (char text[GODWIT__ZMTP_PEER_SIZE], const struct sockaddr_storage *name);

#endif
