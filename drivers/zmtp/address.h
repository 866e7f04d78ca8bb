/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as the system takes them: "tcp://127.0.0.1:4000", "tcp://[::1]:4000", "tcp://0.0.0.0:0",
 * "ipc:///run/user/1000/godwit/NAME", "ipc://@NAME" (Linux's abstract namespace). */
#ifndef GODWIT_DRIVERS_ZMTP_ADDRESS_H
#define GODWIT_DRIVERS_ZMTP_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

typedef struct godwit__zmtp_address {
    struct sockaddr_storage name;
    socklen_t size;
} godwit__zmtp_address_t;

/* False: it is none of these; a name of a host has to be looked up first. */
bool godwit__zmtp_address_read (godwit__zmtp_address_t *address, const char *text);
/* True if it has the form "tcp://NAME:PORT". */
bool godwit__zmtp_address_is_name (const char *text);
bool godwit__zmtp_address_is_tcp (const char *text);

/* A non-blocking stream socket for the address. -1 with errno. */
int godwit__zmtp_address_socket (const godwit__zmtp_address_t *address);

#define GODWIT__ZMTP_PEER_SIZE 64
/* Where a connected socket's other end is, human-readable. */
void godwit__zmtp_address_peer (char text[GODWIT__ZMTP_PEER_SIZE], int fd);

#endif
