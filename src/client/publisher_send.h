/* SPDX-License-Identifier: Apache-2.0 */
/* What a publisher sends: publications, alone or in a batch, and the number of the last one (LAST). */
#ifndef GODWIT_SRC_CLIENT_PUBLISHER_SEND_H
#define GODWIT_SRC_CLIENT_PUBLISHER_SEND_H

#include "src/client/encoded_request.h"
#include "src/client/publisher.h"

/* How long a full subscriber is waited for before the next try. */
#define GODWIT__FULL_NS (1 * GODWIT__NS_PER_MS)

void godwit__publisher_send_init (godwit__publisher_t *publisher);
/* Sends what is kept, as far as possible without waiting, and forgets all. Control thread. */
void godwit__publisher_send_release (godwit__publisher_t *publisher);
/* Somebody subscribed to a key: the number of the last publication is sent soon (LAST). Control thread. */
void godwit__publisher_subscribed (godwit__publisher_t *publisher, const uint8_t *key);
/* Hands a publication over, to the driver or to the batch. Writes the key and the header of the request.
 * AGAIN: a subscriber's queue is full; *done keeps which channels have taken the publication. */
godwit__io_t godwit__publisher_publish (godwit__publisher_t *publisher, godwit__encoded_request_t *request,
                                        const uint8_t *topic_key, int64_t now_ns, unsigned *done);

#endif
