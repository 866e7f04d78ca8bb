/* SPDX-License-Identifier: Apache-2.0 */
/* What errors say of servers: who it was that a call went to, and what became of the addresses of those that
 * it could not reach. These functions take transport.lock. Used only when a call fails. */
#ifndef GODWIT_SRC_DISCOVERY_WHEREABOUTS_H
#define GODWIT_SRC_DISCOVERY_WHEREABOUTS_H

#include "src/discovery/directory.h"

/* A record's texts are at most 255 bytes long. */
typedef struct godwit__whereabouts {
    char server[256];
    char address[GODWIT__ADDRESS_SIZE]; /* of its connection; "" if there is none */
} godwit__whereabouts_t;

/* key: of a server that was picked. False: it is not known any more, and nothing is written. */
bool godwit__whereabouts_find (godwit_transport_t *transport, const godwit__group_t *group, uint64_t key,
                               godwit__whereabouts_t *whereabouts);
/* Writes which servers of the group cannot be reached at which addresses, and why: "server "s1" cannot be
 * reached: tcp://10.0.0.3:4711 (the connection was refused)"; and which are connected, and are not called,
 * because their certificates do not allow them to serve; "" if there are none. server: only that one; NULL:
 * any. At most three are named. */
void godwit__whereabouts_failures (godwit_transport_t *transport, const godwit__group_t *group,
                                   const char *server, char *text, size_t size);

#endif
