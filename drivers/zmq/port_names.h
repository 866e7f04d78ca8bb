/* SPDX-License-Identifier: Apache-2.0 */
/* The names of a port in a private folder: its sockets are reached by these on this machine. */
#ifndef GODWIT_DRIVERS_ZMQ_PORT_NAMES_H
#define GODWIT_DRIVERS_ZMQ_PORT_NAMES_H

#include "drivers/zmq/zmq_driver.h"

#include "src/folder/folder_listen.h"

/* One for links, one for publications. */
#define GODWIT__PORT_NAMES_MAX 2

typedef struct godwit__port_names {
    godwit__zmq_t *driver;
    godwit__folder_t *folder; /* the driver's */
    godwit__guard_t *guard;   /* of the sockets */
    size_t count;
    struct {
        void *socket;
        godwit__folder_name_t name;
    } list[GODWIT__PORT_NAMES_MAX];
    godwit__timer_t look; /* whether the names are still there */
} godwit__port_names_t;

/* A struct that has no names yet. */
void godwit__port_names_init (godwit__port_names_t *names, godwit__zmq_t *driver, godwit__guard_t *guard);
/* Makes the socket listen in an open folder, and writes its address. wanted NULL: a random name; such names
 * are made again if somebody removes them. Only processes of this user get in. SYSTEM. */
godwit_status_t godwit__port_names_listen (godwit__port_names_t *names, godwit__folder_t *folder,
                                           void *socket, const char *wanted, char bound[GODWIT__ADDRESS_SIZE],
                                           godwit_error_t **error);
/* Removes the names. Before the sockets are closed. */
void godwit__port_names_close (godwit__port_names_t *names);

#endif
