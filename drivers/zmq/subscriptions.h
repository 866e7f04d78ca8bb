/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the keys that each connection of a publisher has subscribed to: libzmq keeps as many as a subscriber
 * sends. The publisher's guard is locked for all of these. */
#ifndef GODWIT_DRIVERS_ZMQ_SUBSCRIPTIONS_H
#define GODWIT_DRIVERS_ZMQ_SUBSCRIPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Two for each server behind a port: some thousands of servers in one process. */
#define GODWIT__SUBSCRIPTIONS_MAX 16384

/* Zeroed: nothing was counted. */
typedef struct godwit__subscriptions {
    uint32_t *counts; /* by the connection's descriptor */
    size_t size;
} godwit__subscriptions_t;

void godwit__subscriptions_release (godwit__subscriptions_t *subscriptions);
/* News came over the connection fd (-1: of a connection that is gone). True if it is one key more than it may
 * have. */
bool godwit__subscriptions_note (godwit__subscriptions_t *subscriptions, int fd, bool subscribes);
/* True if the connection has more keys than it may have. */
bool godwit__subscriptions_are_too_many (const godwit__subscriptions_t *subscriptions, int fd);
/* The connection has ended. */
void godwit__subscriptions_forget (godwit__subscriptions_t *subscriptions, int fd);

#endif
