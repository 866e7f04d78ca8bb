/* SPDX-License-Identifier: Apache-2.0 */
/* What a source and the host of its rendezvous point send to each other while the source is JOINED. Own
 * records, withdrawals and requests for a snapshot that cannot be sent now are sent later, by
 * godwit__source_send_pending. Nothing else is sent again. */
#ifndef GODWIT_MATCHMAKER_RENDEZVOUS_SOURCE_EXCHANGE_H
#define GODWIT_MATCHMAKER_RENDEZVOUS_SOURCE_EXCHANGE_H

#include "matchmaker/rendezvous.h"

/* Over a new link: nothing was sent and received yet, and all own records are still to be sent. */
void godwit__source_begin_exchange (godwit__rendezvous_source_t *source);
/* The first message over a link. False: it could not be sent. */
bool godwit__source_send_join (godwit__rendezvous_source_t *source);
/* Sends what is still to be sent, as far as there is room, and arms the timer for the rest. */
void godwit__source_send_pending (godwit__rendezvous_source_t *source);
/* The member is still there, and has these records. */
void godwit__source_send_refresh (godwit__rendezvous_source_t *source);
void godwit__source_send_leave (godwit__rendezvous_source_t *source);
/* owner->own[index] is new or changed. */
void godwit__source_send_record (godwit__rendezvous_source_t *source, size_t index);
/* The record of this server is no longer in owner->own. */
void godwit__source_send_withdraw (godwit__rendezvous_source_t *source, uint32_t server_id);
/* Handles up to `budget` frames. AGAIN: there are no more now. CLOSED: no more will come, or the host broke
 * the protocol, or has expelled this process. */
godwit__io_t godwit__source_receive (godwit__rendezvous_source_t *source, int budget);

#endif
