/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody at a port of a realm, over a plain socket: who has the door, but is no member; or a member; or who
 * has neither. It speaks CURVE as tests/support/curve_peer.h does, and shares no line of that with the
 * engine. For Criterion programs. */
#ifndef GODWIT_TESTS_SUPPORT_INTRUDER_H
#define GODWIT_TESTS_SUPPORT_INTRUDER_H

#include "src/realm/realm.h"
#include "tests/support/curve_peer.h"

/* What it has. Any number of connections, and of threads, may use it. */
typedef struct intruder {
    godwit__realm_t *realm;
    curve_peer_t keys;
    zmtp_bytes_t properties; /* what it says in INITIATE; with its credential */
} intruder_t;

/* member: the path of a member file, whose process it is. */
void intruder_open (intruder_t *intruder, const char *member);
void intruder_close (intruder_t *intruder);
/* One with another door. */
intruder_t intruder_stranger (void);
/* Adds a property to what a connection says. */
void intruder_add (zmtp_bytes_t *properties, const char *name, const void *value, size_t size);

/* Connects to "tcp://127.0.0.1:PORT" from an address of this machine, as "127.0.0.2". The socket, or -1. */
int intruder_connect (const char *from, const char *address);
/* Greeting and HELLO; waits for WELCOME. False: hung up on. *peer is this connection's. */
bool intruder_knock (const intruder_t *intruder, int fd, curve_peer_t *peer);
/* INITIATE with these properties. */
bool intruder_initiate (curve_peer_t *peer, int fd, zmtp_bytes_t properties);
/* Waits for READY. False: refused, or hung up on. */
bool intruder_wait_ready (curve_peer_t *peer, int fd);
/* All of that. */
bool intruder_enter (const intruder_t *intruder, int fd, curve_peer_t *peer);
/* Writes the frame, and frees it. */
bool intruder_write (int fd, zmtp_bytes_t frame);

#endif
