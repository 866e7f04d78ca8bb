/* SPDX-License-Identifier: Apache-2.0 */
/* A monitor: the events of a socket's connections, as libzmq reports them. The reactor's thread only. */
#ifndef GODWIT_DRIVERS_ZMQ_MONITOR_H
#define GODWIT_DRIVERS_ZMQ_MONITOR_H

#include "drivers/zmq/zmq_driver.h"

/* Returns a socket that receives the events (ZMQ_EVENT_...). *fd is its descriptor: it becomes readable when
 * an event comes after godwit__zmq_monitor_next returned 0. NULL: *error says why. */
void *godwit__zmq_monitor_open (godwit__zmq_t *driver, void *socket, int events, int *fd,
                                godwit_error_t **error);
/* NULL is fine. */
void godwit__zmq_monitor_close (void *monitor, void *socket);
/* The number of the next event, or 0. *value is its second number: for ZMQ_EVENT_CONNECTED and _DISCONNECTED
 * the connection's descriptor. address may be NULL. */
unsigned godwit__zmq_monitor_next (void *monitor, int *value, char address[GODWIT__ADDRESS_SIZE]);

#endif
