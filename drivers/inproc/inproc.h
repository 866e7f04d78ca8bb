/* SPDX-License-Identifier: Apache-2.0 */
/* The reference driver: ports, links and publishers of one process, with no socket between them.
 *
 * Locks, in the order in which they may be nested:
 *
 *   godwit__inproc_lock             structural: the ports, their connections and subscriptions
 *     -> publisher's publish_lock   its list of taps
 *       -> port's inbox lock        its queue, and its table of slots and keys
 *         -> link's inbox lock      its queue
 *           -> identity's lock      who a transport is, where there is a realm; under it the realm's own
 *
 * Sending and receiving never take godwit__inproc_lock.
 */
#ifndef GODWIT_DRIVERS_INPROC_INPROC_H
#define GODWIT_DRIVERS_INPROC_INPROC_H

#include "drivers/inproc/inbox.h"
#include "src/base/list.h"
#include "src/interface/attachment.h"
#include "src/interface/topics.h"

#define GODWIT__INPROC_SCHEME "inproc://"

typedef struct godwit__inproc {
    godwit__driver_t base;
    godwit__driver_options_t options;
    char *virtual_host;
    godwit__driver_counters_t counters;
    /* Only where there is a realm. */
    godwit__identity_t *identity; /* NULL: there is none */
    godwit__realm_watch_t watch;
    godwit__task_t renewed; /* tells links to this driver's ports */
} godwit__inproc_t;

typedef struct godwit__inproc_channel {
    godwit__channel_t base;
    godwit__inproc_t *driver;
    godwit__inbox_t *inbox; /* a reference */
    godwit__attachment_t attachment;
} godwit__inproc_channel_t;

typedef struct godwit__inproc_port godwit__inproc_port_t;
typedef struct godwit__inproc_publisher godwit__inproc_publisher_t;
typedef struct godwit__inproc_tap godwit__inproc_tap_t;

typedef struct godwit__inproc_link {
    godwit__inproc_channel_t base;
    godwit__lane_t *up;          /* to the port; NULL if there was none */
    godwit__inproc_port_t *port; /* NULL when the port has gone */
    size_t slot;                 /* in the port's table */
    const godwit__link_events_t *events;
    void *user;
    godwit__task_t task; /* tells events */
    bool up_told;
    godwit__identity_t *peer; /* a reference: the port's; NULL: there is no realm */
    const char *refusal; /* why the port was not attached to; static text. NULL: it was, or there is none */
    bool is_renewed;     /* the peer has another credential; structural lock */
} godwit__inproc_link_t;

/* A slot: how a port finds the way back to a link. */
typedef struct godwit__inproc_slot {
    godwit__lane_t *down;            /* NULL: free */
    godwit__routing_id_t routing_id; /* slot number and a count that never repeats */
    godwit__inproc_link_t *owner;    /* guarded by godwit__inproc_lock */
    size_t next_free;
} godwit__inproc_slot_t;

typedef struct godwit__inproc_key {
    uint8_t bytes[GODWIT__KEY_SIZE];
    size_t subscriptions;
} godwit__inproc_key_t;

struct godwit__inproc_port {
    godwit__inproc_channel_t base;
    godwit__inproc_port_t *next; /* in the process-wide table */
    char address[GODWIT__ADDRESS_SIZE];
    bool takes_publications;

    godwit__inproc_slot_t *slots;
    size_t slot_count;
    size_t first_free; /* slot_count: none */
    uint64_t links_ever;
    godwit__task_t *lost; /* structural lock; NULL: nobody watches */

    godwit__inproc_key_t *keys;
    size_t key_count;
    size_t key_capacity;

    godwit__list_t taps; /* by of_port */

    godwit__party_t *sender; /* that the leader has asked for last; a reference */
};

struct godwit__inproc_publisher {
    godwit__inproc_channel_t base;
    pthread_mutex_t publish_lock; /* the next two */
    godwit__list_t taps;          /* by of_publisher */
    godwit__topics_t topics;
};

/* A publisher's connection to a port. */
struct godwit__inproc_tap {
    godwit__lane_t *lane;
    godwit__inproc_port_t *port;
    godwit__inproc_publisher_t *publisher;
    godwit__list_node_t of_port;
    godwit__list_node_t of_publisher;
    bool chosen; /* by the publish that runs */
};

/* Who the channel's driver is to others. NULL: it has no realm. */
static inline godwit__identity_t *
godwit__inproc_identity (const godwit__inproc_channel_t *channel)
{
    return channel->driver->identity;
}

/* link.c */
godwit_status_t godwit__inproc_open_link (godwit__driver_t *driver, const char *address,
                                          const godwit__link_events_t *events, void *user,
                                          godwit__channel_t **link, godwit_error_t **error);
/* The port has gone. Structural lock held. */
void godwit__inproc_link_down (godwit__inproc_link_t *link);
/* The port's transport has another credential. Structural lock held. */
void godwit__inproc_link_renewed (godwit__inproc_link_t *link);

/* registry.c */
/* The structural lock. A child that fork() makes has no ports at first: nobody listens on the parent's. */
void godwit__inproc_lock (void);
void godwit__inproc_unlock (void);
/* Structural lock held for these. NULL: nobody listens there. */
godwit__inproc_port_t *godwit__inproc_find_port (const char *virtual_host, const char *address);
/* The next one of this driver; at NULL: the first. NULL: there is none. */
godwit__inproc_port_t *godwit__inproc_next_port (const godwit__inproc_t *driver,
                                                 const godwit__inproc_port_t *at);
void godwit__inproc_add_port (godwit__inproc_port_t *port);
/* A port that is not in the table is fine (in a child of fork(): a port of the parent). */
void godwit__inproc_remove_port (godwit__inproc_port_t *port);

/* slots.c */
/* Structural lock held for both. attach makes a slot, and the lanes to and from the link; false when memory
 * is short. */
bool godwit__inproc_port_attach (godwit__inproc_port_t *port, godwit__inproc_link_t *link);
void godwit__inproc_port_detach (godwit__inproc_port_t *port, godwit__inproc_link_t *link);
/* The lane to a link; NULL: the link has gone. Port's inbox lock held. */
godwit__lane_t *godwit__inproc_port_lane (const godwit__inproc_port_t *port, godwit__routing_id_t routing_id);

/* port.c */
godwit_status_t godwit__inproc_open_port (godwit__driver_t *driver, const char *at, godwit__channel_t **port,
                                          godwit__port_addresses_t *addresses, godwit_error_t **error);
godwit_status_t godwit__inproc_watch_port (godwit__channel_t *port, godwit__task_t *lost,
                                           godwit_error_t **error);
godwit_status_t godwit__inproc_subscribe (godwit__channel_t *port, const uint8_t key[GODWIT__KEY_SIZE],
                                          godwit_error_t **error);
void godwit__inproc_unsubscribe (godwit__channel_t *port, const uint8_t key[GODWIT__KEY_SIZE]);

/* publisher.c */
godwit_status_t godwit__inproc_open_publisher (godwit__driver_t *driver, godwit__channel_t **publisher,
                                               godwit_error_t **error);
godwit_status_t godwit__inproc_publisher_connect (godwit__channel_t *publisher, const char *fanout_address,
                                                  godwit_error_t **error);
void godwit__inproc_publisher_disconnect (godwit__channel_t *publisher, const char *fanout_address);
godwit__io_t godwit__inproc_publish (godwit__channel_t *publisher, const godwit__message_t *message);
godwit_status_t godwit__inproc_name_topic (godwit__channel_t *publisher, const uint8_t key[GODWIT__KEY_SIZE],
                                           const char *exchange, const char *topic);
/* Structural lock held. Tells the tap's publisher that the tap's port subscribed (true) or unsubscribed. */
void godwit__inproc_tap_news (godwit__inproc_tap_t *tap, const uint8_t key[GODWIT__KEY_SIZE],
                              bool subscribed);
/* Removes the tap from both lists and frees it. */
void godwit__inproc_tap_remove (godwit__inproc_tap_t *tap);

/* channel.c: the operations that all channels have in common. */
godwit__io_t godwit__inproc_recv (godwit__channel_t *channel, godwit__frame_t *frame,
                                  godwit__routing_id_t *routing_id);
void godwit__inproc_wait (godwit__channel_t *channel, bool for_room, int64_t timeout_ns);
void godwit__inproc_wake (godwit__channel_t *channel);
godwit_status_t godwit__inproc_attach (godwit__channel_t *channel, godwit__reactor_t *reactor,
                                       godwit__source_t *source, godwit_error_t **error);
void godwit__inproc_detach (godwit__channel_t *channel);
/* Sets up the common part; false when memory is short. */
bool godwit__inproc_channel_init (godwit__inproc_channel_t *channel, const godwit__channel_ops_t *ops,
                                  godwit__driver_t *driver);

#endif
