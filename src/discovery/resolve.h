/* SPDX-License-Identifier: Apache-2.0 */
/* Asking who a server is that was listed by its names and addresses (a static list), and never announced: its
 * process answers with its record (RESOLVE, docs/protocol.md 4.10).
 *
 *     UNKNOWN ---connected, or wanted---> ASKED ---RESOLVED---> KNOWN
 *        ^                                ^   |                   |
 *        |               back-off, wanted |   | NACK, silence     | GOODBYE, NACK of a request
 *        |                                |   v                   |
 *        +---- back-off, not wanted ----- REFUSED <---------------+
 *
 * From everywhere: UNKNOWN when the connection is lost. What was learnt stays with the member (whoever is
 * still subscribed is still reached by fanouts), but only a KNOWN member is called. All state is the member's
 * and the peer's, and guarded by transport.lock.
 */
#ifndef GODWIT_SRC_DISCOVERY_RESOLVE_H
#define GODWIT_SRC_DISCOVERY_RESOLVE_H

#include "src/discovery/directory.h"

/* A list of queries that are about to be sent; NULL: none. */
typedef struct godwit__resolve_query godwit__resolve_query_t;

/* Prepares the timer and the task of a new peer. */
void godwit__resolve_init (godwit__peer_t *peer);

/* The peer is READY: the queries for it, to be sent once the lock is released. With lock held. */
godwit__resolve_query_t *godwit__resolve_ready (godwit__peer_t *peer);
/* Any thread, no lock held. */
void godwit__resolve_send (godwit__resolve_query_t *queries);

/* A listed server does not take requests: it is asked for again after a back-off. With lock held. */
void godwit__resolve_refused (godwit__member_t *member);

#endif
