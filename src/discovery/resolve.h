/* SPDX-License-Identifier: Apache-2.0 */
/* Resolving: a static list gives the names and addresses of a server, and no matchmaker announces it. So the
 * process at the address is asked who the server is, and answers with its record (RESOLVE, docs/protocol.md
 * 4.10).
 *
 *     UNKNOWN ---connected, or wanted---> ASKED ---RESOLVED---> KNOWN
 *        ^                                ^   |                   |
 *        |               back-off, wanted |   | NACK, silence     | GOODBYE, NACK of a request
 *        |                                |   v                   |
 *        +---- back-off, not wanted ----- REFUSED <---------------+
 *
 * From every state: UNKNOWN when the connection is lost. The member keeps what was learnt, so that fanouts
 * still reach it while it is subscribed, but only a KNOWN member is called. All state is the member's and the
 * peer's, and guarded by transport.lock.
 */
#ifndef GODWIT_SRC_DISCOVERY_RESOLVE_H
#define GODWIT_SRC_DISCOVERY_RESOLVE_H

#include "src/discovery/directory.h"

/* A list of queries that are about to be sent; NULL: none. */
typedef struct godwit__resolve_query godwit__resolve_query_t;

/* Prepares the timer and the task of a new peer. */
void godwit__resolve_init (godwit__peer_t *peer);

/* The peer is READY. Returns the queries for it, to be sent once the lock is released. With lock held. */
godwit__resolve_query_t *godwit__resolve_ready (godwit__peer_t *peer);
/* Any thread, no lock held. */
void godwit__resolve_send (godwit__resolve_query_t *queries);

/* A listed server does not take requests: its process is asked again after a back-off. With lock held. */
void godwit__resolve_refused (godwit__member_t *member);

#endif
