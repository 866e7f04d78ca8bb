/* SPDX-License-Identifier: Apache-2.0 */
/* A flight: a NOTIFY that was sent, or is about to be, and the deliveries in it. */
#ifndef GODWIT_SRC_DELIVERY_FLIGHT_H
#define GODWIT_SRC_DELIVERY_FLIGHT_H

#include "src/delivery/outlet.h"

/* Sends what there is to send to the consumer's pool, and returns when no more can be sent now. With
 * outbox.lock, which is released meanwhile: the caller has made sure that the consumer stays. */
void godwit__consumer_pump (godwit__consumer_t *consumer);

#endif
