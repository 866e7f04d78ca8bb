/* SPDX-License-Identifier: Apache-2.0 */
/* All members of a realm that a driver is connected to: they are told when the credential of this process or
 * the bulletin has changed, and those who are void have to go (member.h). Only where there is a realm.
 *
 *     the realm has changed, on any thread ---> task ---+
 *     a member's reader has news ----------------> task ---+---> the reactor tells, checks, ends
 *     the earliest date is reached -------------> timer ---+
 *
 * A bulletin goes to each connection at most once, and not to those who have said, or shown, that they have
 * it: so each member passes it on, and it comes to rest. To who shows a new certificate it goes again, but
 * not as often as the peer likes. */
#ifndef GODWIT_DRIVERS_ZMTP_PARTIES_H
#define GODWIT_DRIVERS_ZMTP_PARTIES_H

#include "drivers/zmtp/stream.h"

/* The reactor's thread, as all but `post`. OUT_OF_MEMORY. Does nothing without a realm. */
godwit_status_t godwit__zmtp_parties_start (godwit__zmtp_t *driver, godwit_error_t **error);
/* No stream is a member any more. */
void godwit__zmtp_parties_stop (godwit__zmtp_t *driver);

/* The stream, which has a member, is about to begin its traffic: it is told what it does not know yet. */
void godwit__zmtp_parties_add (godwit__zmtp_stream_t *stream);
/* It has ended, or was let go of. */
void godwit__zmtp_parties_remove (godwit__zmtp_stream_t *stream);

/* Whether somebody was let in who comes from the address of this one. */
bool godwit__zmtp_parties_have (const godwit__zmtp_t *driver, const godwit__zmtp_peer_t *peer);

/* Its member has another party; or refused, a word: its new credential is not let in. The thread that reads.
 */
void godwit__zmtp_parties_post (godwit__zmtp_stream_t *stream, const char *refused);

/* A bulletin of this party was left alone, because no trusted realm key has signed it. The thread that reads.
 */
void godwit__zmtp_parties_ignored (godwit__zmtp_t *driver, const godwit__party_t *from);

#endif
