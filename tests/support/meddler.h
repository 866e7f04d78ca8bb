/* SPDX-License-Identifier: Apache-2.0 */
/* Between a client's transport and its links, at the driver interface: repeats, delays, reorders and replays
 * what the client sends. Works with every driver, because it takes the place of the driver's own functions.
 *
 *     core -> meddler -> driver -> (the network) -> port
 *
 * What it does to REQUEST, BATCH and publications: sends them once more, several times, twice in one BATCH,
 * later than those after them, or with older ones. When a link says HELLO, it may first say the HELLO of a
 * link that was there before it, and repeat what that one sent. All that it decides comes from a seed.
 */
#ifndef GODWIT_TESTS_SUPPORT_MEDDLER_H
#define GODWIT_TESTS_SUPPORT_MEDDLER_H

#include "src/runtime/transport.h"

#include <stdint.h>

typedef struct meddler_counts {
    uint64_t repeated;       /* sent at once again */
    uint64_t batched;        /* twice in a BATCH */
    uint64_t delayed;        /* sent after later ones */
    uint64_t replayed;       /* sent again later */
    uint64_t replayed_older; /* of a connection before this one */
    uint64_t published;      /* publications that were sent again */
} meddler_counts_t;

/* One at a time in a process. */
void meddler_open (uint64_t seed);
/* From now on, for links and publications that are opened later. Before the transport is used; any number. */
void meddler_attach (godwit_transport_t *transport);
/* Everything that any open link has sent is sent again, and what is delayed is sent. */
void meddler_replay_all (void);
/* Ends the connections of a transport, as if they had been lost. */
void meddler_cut (godwit_transport_t *transport);
/* After the transports are gone. */
meddler_counts_t meddler_close (void);

#endif
