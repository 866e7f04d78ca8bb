/* SPDX-License-Identifier: Apache-2.0 */
/* The meddler stands between a client's transport and its links, at the driver interface. It repeats, delays,
 * reorders and replays what the client sends. It works with every driver, because it replaces the driver's
 * own functions.
 *
 *     core -> meddler -> driver -> (the network) -> port
 *
 * It sends a REQUEST, a BATCH or a publication once more, several times, twice in one BATCH, later than the
 * frames after it, or together with older ones. When a link is opened, the meddler may open another one to
 * the same place, say the HELLO of an earlier link there, and repeat what that link sent. All decisions come
 * from a seed.
 */
#ifndef GODWIT_TESTS_SUPPORT_MEDDLER_H
#define GODWIT_TESTS_SUPPORT_MEDDLER_H

#include "src/runtime/transport.h"

#include <stdint.h>

typedef struct meddler_counts {
    uint64_t repeated;       /* sent at once again */
    uint64_t batched;        /* sent twice in a BATCH */
    uint64_t delayed;        /* sent after later ones */
    uint64_t replayed;       /* sent again later */
    uint64_t replayed_older; /* sent again from an earlier connection */
    uint64_t published;      /* publications that were sent again */
} meddler_counts_t;

/* One at a time in a process. */
void meddler_open (uint64_t seed);
/* Meddles with the links and publications that the transport opens from now on. Before the transport is used;
 * any number of transports. */
void meddler_attach (godwit_transport_t *transport);
/* Sends again everything that any open link has sent, and sends the delayed frames. */
void meddler_replay_all (void);
/* Ends the connections of a transport, as if they had been lost. */
void meddler_cut (godwit_transport_t *transport);
/* After the transports are gone. */
meddler_counts_t meddler_close (void);

#endif
