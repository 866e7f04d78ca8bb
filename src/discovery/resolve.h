/* SPDX-License-Identifier: Apache-2.0 */
/* Resolving: a static list gives the names and addresses of a server, and no matchmaker announces it. So the
 * process at the address is asked who the server is, and answers with its record (RESOLVE, docs/protocol.md
 * 4.10).
 *
 * With a realm the servers that matchmakers announce are asked, too: whoever hosts a rendezvous must not be
 * able to send calls to somebody who is not the server, or may not be. The process confirms names and number,
 * and its certificate has to have the right to serve the topic.
 *
 *     UNKNOWN ---connected, or wanted---> ASKED ---RESOLVED---> KNOWN
 *        ^                                ^   |                   |
 *        |               back-off, wanted |   | NACK, silence     | GOODBYE, NACK of a request
 *        |                                |   v                   |
 *        +---- back-off, not wanted ----- REFUSED <---------------+
 *
 * From every state: UNKNOWN when the connection is lost. The member keeps what was learnt, so that fanouts
 * still reach it while it is subscribed, but only a KNOWN member is called. (With a realm, fanouts count only
 * KNOWN members, too.) A member that was announced and that its own process does not know is forgotten, as it
 * is when a call is answered so. All state is the member's and the peer's, and guarded by transport.lock.
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

/* A server that is asked does not take requests, or may not: its process is asked again after a back-off.
 * With lock held. */
void godwit__resolve_refused (godwit__member_t *member);
/* The peer's certificate is void: nothing is sent to its servers until there is another connection. With lock
 * held. */
void godwit__resolve_voided (const godwit__peer_t *peer);
/* The peer has another certificate, as this party: those of its servers that may not serve with it, and those
 * that might not with the last one, are asked again. With lock held; the control thread. */
void godwit__resolve_renewed (godwit__peer_t *peer, const godwit__party_t *party);

#endif
