/* SPDX-License-Identifier: Apache-2.0 */
/* The ZeroMQ driver: a DEALER for each link, a ROUTER and a SUB for each port, an XPUB for each publisher, in
 * a context of its own. Only this folder knows libzmq. */
#ifndef GODWIT_DRIVERS_ZMQ_ZMQ_DRIVER_H
#define GODWIT_DRIVERS_ZMQ_ZMQ_DRIVER_H

#include "drivers/zmq/guard.h"
#include "drivers/zmq/message.h"
#include "src/interface/attachment.h"

#include "src/base/list.h"

#include "src/folder/folder.h"

typedef struct godwit__zmq {
    godwit__driver_t base;
    godwit__driver_options_t options;
    char *host;                /* NULL: this host only */
    godwit__folders_t folders; /* where processes of this user listen on this machine */
    void *context;
    unsigned monitor_count; /* for names */
    godwit__list_t links;   /* those that are up; the reactor's thread */
    godwit__timer_t look;   /* at their pulse, while there are any */
    int64_t looked_ns;
    godwit__driver_counters_t counters;
} godwit__zmq_t;

/* The first members of every channel of this driver. */
typedef struct godwit__zmq_channel {
    godwit__channel_t base;
    godwit__zmq_t *driver;
    godwit__guard_t guard;
    godwit__attachment_t attachment;
} godwit__zmq_channel_t;

/* How long a closed channel that was in use may still flush. */
#define GODWIT__ZMQ_LINGER_MS 300

/* channel.c */

/* A socket with the options that all kinds share. NULL: *error says why. */
void *godwit__zmq_socket (godwit__zmq_t *driver, int type, godwit_error_t **error);
bool godwit__zmq_set (void *socket, int option, int value);
godwit__io_t godwit__zmq_io (int socket_error);
void godwit__zmq_wait (godwit__channel_t *channel, bool for_room, int64_t timeout_ns);
void godwit__zmq_wake (godwit__channel_t *channel);
godwit_status_t godwit__zmq_attach (godwit__channel_t *channel, godwit__reactor_t *reactor,
                                    godwit__source_t *source, godwit_error_t **error);
void godwit__zmq_detach (godwit__channel_t *channel);

static inline void
godwit__zmq_count (atomic_uint_fast64_t *counter)
{
    atomic_fetch_add_explicit (counter, 1, memory_order_relaxed);
}

/* endpoint.c */

/* Writes what libzmq connects to: an ipc address under a path that fits. False: it is not to be dialled, and
 * *error says why. The reactor's thread. */
bool godwit__zmq_endpoint (godwit__zmq_t *driver, const char *address, char endpoint[GODWIT__ADDRESS_SIZE],
                           godwit_error_t **error);
/* True of an address, or an endpoint, that leads to a process of this machine: it has to be this user's. */
bool godwit__zmq_is_local (const char *address);

/* link.c */
godwit_status_t godwit__zmq_open_link (godwit__driver_t *driver, const char *address,
                                       const godwit__link_events_t *events, void *user,
                                       godwit__channel_t **link, godwit_error_t **error);

/* The driver's timer: looks whether the links that are up still have a peer. */
void godwit__zmq_look_at_links (godwit__timer_t *timer);

/* port.c */
godwit_status_t godwit__zmq_open_port (godwit__driver_t *driver, const char *at, godwit__channel_t **port,
                                       godwit__port_addresses_t *addresses, godwit_error_t **error);
godwit_status_t godwit__zmq_add_host (godwit__channel_t *port, const char *host,
                                      godwit__port_addresses_t *addresses, godwit_error_t **error);
godwit_status_t godwit__zmq_watch_port (godwit__channel_t *port, godwit__task_t *lost,
                                        godwit_error_t **error);
godwit_status_t godwit__zmq_subscribe (godwit__channel_t *port, const uint8_t key[GODWIT__KEY_SIZE],
                                       godwit_error_t **error);
void godwit__zmq_unsubscribe (godwit__channel_t *port, const uint8_t key[GODWIT__KEY_SIZE]);

/* publisher.c */
godwit_status_t godwit__zmq_open_publisher (godwit__driver_t *driver, godwit__channel_t **publisher,
                                            godwit_error_t **error);
godwit_status_t godwit__zmq_publisher_connect (godwit__channel_t *publisher, const char *fanout_address,
                                               godwit_error_t **error);
void godwit__zmq_publisher_disconnect (godwit__channel_t *publisher, const char *fanout_address);
godwit__io_t godwit__zmq_publish (godwit__channel_t *publisher, const godwit__message_t *message);

#endif
