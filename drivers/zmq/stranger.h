/* SPDX-License-Identifier: Apache-2.0 */
/* Strangers: connections to a rendezvous that end before their handshake, as those of other programs do. */
#ifndef GODWIT_DRIVERS_ZMQ_STRANGER_H
#define GODWIT_DRIVERS_ZMQ_STRANGER_H

#include "drivers/zmq/zmq_driver.h"

typedef struct godwit__strangers godwit__strangers_t;

/* Watches the connections of a socket that listens at `at`, and tells the driver's `stranger`. The reactor's
 * thread. NULL if nobody wants to know, or if that is not possible: then the socket works all the same. */
godwit__strangers_t *godwit__strangers_new (godwit__zmq_t *driver, void *socket, const char *at);
/* Before the socket is closed. */
void godwit__strangers_destroy (godwit__strangers_t **strangers);

#endif
