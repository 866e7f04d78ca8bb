/* SPDX-License-Identifier: Apache-2.0 */
/* Watches a port's ROUTER: connections that end, and those of strangers. A socket has one monitor. */
#ifndef GODWIT_DRIVERS_ZMQ_PORT_WATCH_H
#define GODWIT_DRIVERS_ZMQ_PORT_WATCH_H

#include "drivers/zmq/stranger.h"
#include "drivers/zmq/zmq_driver.h"

/* Zeroed: not open. Reactor's thread. */
typedef struct godwit__port_watch {
    void *monitor; /* PAIR */
    godwit__source_t source;
    godwit__reactor_t *reactor;
    godwit__task_t *lost;           /* posted when connections have ended; NULL: nobody wants to know */
    godwit__strangers_t *strangers; /* NULL: nobody wants to know */
} godwit__port_watch_t;

/* The socket's guard is locked, or no other thread has the socket yet. If it fails, the watch is not open. */
godwit_status_t godwit__port_watch_open (godwit__port_watch_t *watch, godwit__zmq_t *driver, void *socket,
                                         godwit_error_t **error);
/* Tells the driver's `stranger` of connections to `at` that end before their handshake, if it wants to know
 * and that is possible; the port works all the same. */
void godwit__port_watch_strangers (godwit__port_watch_t *watch, godwit__zmq_t *driver, void *socket,
                                   const char *at);
void godwit__port_watch_close (godwit__port_watch_t *watch, void *socket);

#endif
