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

/* Questions that are about to be put, a list; NULL: none. */
typedef struct godwit__question godwit__question_t;

/* A new peer's tasks. */
void godwit__resolve_init (godwit__peer_t *peer);
/* Nothing of them runs afterwards. Control thread. */
void godwit__resolve_release (godwit__peer_t *peer);

/* The peer is READY: what there is to ask it, to be sent once the lock is released. With lock held. */
godwit__question_t *godwit__resolve_ready (godwit__peer_t *peer);
/* Any thread, no lock held. */
void godwit__questions_send (godwit__question_t *questions);

/* Somebody wants a peer that is READY: asks what rests. With lock held. */
void godwit__resolve_want (godwit__peer_t *peer);
/* A listed server does not take requests: it is asked for again after a back-off. With lock held. */
void godwit__resolve_refused (godwit__member_t *member);

#endif
