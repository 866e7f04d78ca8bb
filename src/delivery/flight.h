/* SPDX-License-Identifier: Apache-2.0 */
/* A flight: a NOTIFY that was sent, or is about to be, and the deliveries in it. */
#ifndef GODWIT_SRC_DELIVERY_FLIGHT_H
#define GODWIT_SRC_DELIVERY_FLIGHT_H

#include "src/delivery/outlet.h"

/* Sends what there is to send to the consumer's pool, and returns when no more can be sent now. With
 * outbox.lock, which is released meanwhile: the caller has made sure that the consumer stays. */
void godwit__consumer_pump (godwit__consumer_t *consumer);
/* With outbox.lock, on the completion thread, where nobody else brings their answers: lands all that have
 * ended. Their pending calls are freed later, without the outbox. */
void godwit__flights_land (godwit__outbox_t *outbox);

#endif
