/* SPDX-License-Identifier: Apache-2.0 */
/* The network's end of the wire: a raw socket on each interface, frames in and out by the batch. */
#ifndef GODWIT_TESTS_HOSTS_WIRE_PORTS_H
#define GODWIT_TESTS_HOSTS_WIRE_PORTS_H

/* recvmmsg and sendmmsg need _GNU_SOURCE, so their structs stay in ports.c. */
#include "tests/hosts/wire/rules.h"

enum { WIRE_BATCH = 64 };

typedef struct ports ports_t;

/* One frame of the batch that was received last. */
typedef struct port_frame {
    const uint8_t *bytes;
    size_t size; /* 0: it was too long to be Ethernet's, and is not whole */
} port_frame_t;

/* NULL: no memory. */
ports_t *ports_new (void);
void ports_destroy (ports_t **ports);

/* Opens the interface as a port. False, with a text, if that is not possible. */
bool ports_open (ports_t *ports, int number, const char *interface, char *why, size_t why_size);
/* -1: not open. */
int ports_fd (const ports_t *ports, int number);

/* Up to WIRE_BATCH frames that are there now. They stay until the next call. */
int ports_receive (ports_t *ports, int number, port_frame_t frames[WIRE_BATCH]);
/* The bytes are borrowed until ports_flush. False: nobody is there, or its queue is full; the frame is lost.
 */
bool ports_send (ports_t *ports, int number, const uint8_t *bytes, size_t size);
/* How many of those that were sent could not be. */
unsigned ports_flush (ports_t *ports);

#endif
