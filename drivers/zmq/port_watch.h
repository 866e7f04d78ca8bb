/* SPDX-License-Identifier: Apache-2.0 */
/* Watches a port's ROUTER for connections that end. */
#ifndef GODWIT_DRIVERS_ZMQ_PORT_WATCH_H
#define GODWIT_DRIVERS_ZMQ_PORT_WATCH_H

#include "drivers/zmq/zmq_driver.h"

/* Zeroed: not open. Reactor's thread. */
typedef struct godwit__port_watch {
    void *monitor; /* PAIR */
    godwit__source_t source;
    godwit__reactor_t *reactor;
    godwit__task_t *lost;
} godwit__port_watch_t;

/* Posts `lost` when connections have ended. The socket's guard is locked. */
godwit_status_t godwit__port_watch_open (godwit__port_watch_t *watch, godwit__zmq_t *driver, void *socket,
                                         godwit__task_t *lost, godwit_error_t **error);
void godwit__port_watch_close (godwit__port_watch_t *watch, void *socket);

#endif
