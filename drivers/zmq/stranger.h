/* SPDX-License-Identifier: Apache-2.0 */
/* Strangers: connections to a rendezvous that end before their handshake, as those of other programs do. */
#ifndef GODWIT_DRIVERS_ZMQ_STRANGER_H
#define GODWIT_DRIVERS_ZMQ_STRANGER_H

#include "drivers/zmq/zmq_driver.h"

typedef struct godwit__strangers godwit__strangers_t;

/* Of a socket that listens at `at`. NULL if the driver's `stranger` is, or if memory is short. */
godwit__strangers_t *godwit__strangers_new (godwit__zmq_t *driver, const char *at);
/* Takes an event of the socket's monitor, and tells the driver's `stranger`. The reactor's thread. */
void godwit__strangers_note (godwit__strangers_t *strangers, unsigned event, int fd);
/* Accepts a pointer to NULL. */
void godwit__strangers_destroy (godwit__strangers_t **strangers);

#endif
