/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a port: who connects to it is accepted and greeted by the reactor (port_accept.c), and read
 * by whoever leads (port.c).
 *
 *   accepted -> opening -> table, epoll -> (leader) ready list -> read, or taken out of table and epoll
 *
 * The lock covers the table and the list of arrivals only. */
#ifndef GODWIT_DRIVERS_ZMTP_PORT_H
#define GODWIT_DRIVERS_ZMTP_PORT_H

#include "drivers/zmtp/crowd.h"
#include "drivers/zmtp/listener.h"
#include "drivers/zmtp/port_table.h"
#include "drivers/zmtp/stream.h"

typedef struct godwit__zmtp_port {
    godwit__channel_t base;
    godwit__zmtp_t *driver;
    godwit__zmtp_table_t table; /* connections after their handshake; any thread */
    int epoll_fd;               /* of their sockets, and of event_fd */
    int event_fd;
    atomic_bool is_signalled; /* event_fd was written to */

    /* The leader. */
    godwit__list_t ready; /* streams that may have something */
    godwit__zmtp_pool_t pool;
    /* The stream that the last frame came from, borrowed from the table; NULL: none, or it is gone. */
    const godwit__zmtp_stream_t *last;
    bool was_woken; /* no wait has ended by it yet */

    /* A reactor that leads; its thread. */
    godwit__reactor_t *reactor;
    godwit__source_t *source; /* the core's */
    godwit__source_t watch;   /* of epoll_fd */

    /* The driver's reactor. */
    godwit__list_t listeners;
    godwit__zmtp_crowd_t opening;
    godwit__list_t publishers;         /* streams of those who publish to this port ... */
    godwit__list_t clients;            /* ... and of all others, until the reactor has seen their end */
    uint8_t (*keys)[GODWIT__KEY_SIZE]; /* subscribed to, in their order */
    size_t key_count, key_capacity;
    godwit__task_t *lost;          /* NULL: nobody wants to know */
    char at[GODWIT__ADDRESS_SIZE]; /* the address that it was told to listen at; "" if it chose */
} godwit__zmtp_port_t;

/* Makes the leader look: something has arrived that the sockets do not show, or it was woken. Any thread. */
void godwit__zmtp_port_signal (godwit__zmtp_port_t *port);

/* port_accept.c; the driver's reactor */
godwit_status_t godwit__zmtp_port_bind (godwit__zmtp_port_t *port, const char *at,
                                        godwit__port_addresses_t *addresses, godwit_error_t **error);
/* Closes a connection whose handshake is over, on the reactor's side. */
void godwit__zmtp_port_let_go (godwit__zmtp_stream_t *stream);
/* Closes all that the reactor has: listeners and streams, also those that the leader has taken out of the
 * table because it saw their end first. */
void godwit__zmtp_port_stop (godwit__zmtp_port_t *port);

/* port_keys.c; the driver's reactor */
/* Tells a publisher that has connected of all keys. */
void godwit__zmtp_port_tell_keys (const godwit__zmtp_port_t *port, godwit__zmtp_stream_t *publisher);

#endif
