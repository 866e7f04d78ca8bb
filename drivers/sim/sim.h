/* The simulated network: virtual time, events, and channels without sockets. One thread.
 *
 *     cluster ---- nodes ---- channels: links, ports, publishers
 *        |                       |
 *        +-- events (a heap)     +-- connections: a link or a publisher at one end, a port at the other
 *
 * A connection holds what TCP would: frames arrive in order (unless the fault plan says otherwise) while the
 * way is open, wait while it is cut, and the end that hears nothing for the heartbeat timeout gives up.
 * Events hold a reference to their connection, so that either end may go at any time.
 */
#ifndef GODWIT_DRIVERS_SIM_SIM_H
#define GODWIT_DRIVERS_SIM_SIM_H

#include <godwit/testing.h>

#include "src/driver.h"

#include <stdbool.h>

#define GODWIT__SIM_SCHEME "sim://"
#define GODWIT__SIM_NAME_MAX 63

typedef struct godwit__sim_node godwit__sim_node_t;
typedef struct godwit__sim_channel godwit__sim_channel_t;
typedef struct godwit__sim_connection godwit__sim_connection_t;

/* Bytes on their way, or waiting at a channel. */
typedef struct godwit__sim_frame {
    struct godwit__sim_frame *next;
    godwit__sim_connection_t *connection; /* whose queue it counts in; NULL: none (news) */
    godwit__origin_t origin;
    size_t size;
    uint8_t data[];
} godwit__sim_frame_t;

typedef enum godwit__sim_event_kind {
    GODWIT__SIM_CONNECT, /* arrives at the port's node */
    GODWIT__SIM_ANSWER,  /* arrives at the link: up, or refused */
    GODWIT__SIM_FRAME,
    GODWIT__SIM_CLOSED,  /* the other end is gone */
    GODWIT__SIM_TIMEOUT, /* at the link: was there an answer? */
    GODWIT__SIM_SILENCE, /* at an end: has it heard nothing for the heartbeat timeout? */
    GODWIT__SIM_NEWS,    /* a subscription, on its way to a publisher */
    GODWIT__SIM_RETRY    /* a publisher connects again */
} godwit__sim_event_kind_t;

typedef struct godwit__sim_event {
    int64_t at_ns;
    uint64_t order; /* of those at the same time */
    godwit__sim_event_kind_t kind;
    bool to_port;     /* the direction */
    bool flag;        /* ANSWER: up */
    int64_t since_ns; /* SILENCE: of the cut that it is about */
    godwit__sim_connection_t *connection;
    godwit__sim_frame_t *frame;
    struct godwit__sim_event *next; /* of those that wait for a cut to heal */
} godwit__sim_event_t;

/* One direction of a connection. */
typedef struct godwit__sim_way {
    int64_t last_ns;                 /* when the latest frame arrives: later ones do not overtake it */
    int queued;                      /* frames under way or not received yet */
    godwit__sim_event_t *held_first; /* while the way is cut */
    godwit__sim_event_t *held_last;
} godwit__sim_way_t;

struct godwit__sim_connection {
    unsigned refs; /* of both ends, and of each event */
    godwit_cluster_t *cluster;
    godwit__sim_connection_t *next, *previous; /* all of the cluster */
    godwit__sim_node_t *client_node;
    godwit__sim_node_t *port_node; /* NULL: there is no such node */
    char address[GODWIT__ADDRESS_SIZE];
    godwit__sim_channel_t *client; /* a link or a publisher; NULL: closed, or given up */
    godwit__sim_channel_t *port;   /* NULL: not there yet, closed, or given up */
    godwit__origin_t origin;
    bool up; /* the client knows that it is connected */
    godwit__sim_way_t to_port;
    godwit__sim_way_t to_client;
    uint8_t (*keys)[GODWIT__KEY_SIZE]; /* a publisher's: what it knows to be subscribed there */
    size_t key_count;
};

typedef enum godwit__sim_channel_kind {
    GODWIT__SIM_LINK,
    GODWIT__SIM_PORT,
    GODWIT__SIM_PUBLISHER
} godwit__sim_channel_kind_t;

struct godwit__sim_channel {
    godwit__channel_t base;
    godwit__sim_node_t *node;
    godwit__sim_channel_kind_t kind;
    godwit__sim_frame_t *first, *last; /* arrived */
    bool woken;
    int fd; /* -1: not asked for */

    /* A link's. */
    godwit__sim_connection_t *connection;
    const godwit__link_events_t *events;
    void *user;
    godwit__task_t task; /* tells events */
    bool is_up, up_told;
    const char *down; /* the reason; NULL: it is not down */

    /* A port's. */
    char address[GODWIT__ADDRESS_SIZE];
    bool takes_publications;
    uint8_t (*keys)[GODWIT__KEY_SIZE]; /* one entry a subscription, so some twice */
    size_t key_count;
    godwit__sim_channel_t *next; /* of the node's ports */
};

struct godwit__sim_node {
    godwit_cluster_t *cluster;
    char name[GODWIT__SIM_NAME_MAX + 1];
    godwit_transport_t *transport; /* NULL: not open yet, or closed */
    const godwit__reactor_t *reactor;
    bool is_dead;    /* killed */
    bool is_failed;  /* its transport could not be made: it never was there */
    bool is_running; /* on the stack: it runs, or waits */
    bool is_dirty;   /* something arrived */
    unsigned ports_ever;
    godwit__driver_options_t options;
    godwit__sim_channel_t *ports;
    godwit__sim_node_t *next;
};

typedef struct godwit__sim_driver {
    godwit__driver_t base;
    godwit__sim_node_t *node;
    godwit__driver_counters_t counters;
} godwit__sim_driver_t;

typedef struct godwit__sim_rule {
    char from[GODWIT__SIM_NAME_MAX + 1]; /* "": all */
    char to[GODWIT__SIM_NAME_MAX + 1];
    godwit_faults_t faults;
} godwit__sim_rule_t;

typedef struct godwit__sim_cut {
    char from[GODWIT__SIM_NAME_MAX + 1];
    char to[GODWIT__SIM_NAME_MAX + 1];
    int64_t since_ns;
} godwit__sim_cut_t;

struct godwit_cluster {
    int64_t now_ns;
    uint64_t order;
    uint64_t chance; /* the generator's state */
    uint64_t origins;
    godwit__sim_node_t *nodes; /* in the order of joining; those that are gone as well */
    godwit__sim_connection_t *connections;
    godwit__sim_event_t **heap; /* 1-based */
    size_t event_count, event_capacity;
    godwit__sim_rule_t *rules;
    size_t rule_count;
    godwit__sim_cut_t *cuts;
    size_t cut_count;
    bool failed; /* memory was short: the run is no longer true */
};

extern const godwit__driver_ops_t godwit__sim_driver;

/* ---- cluster.c: time ---- */

/* Runs other nodes and lets time pass until then. True as soon as something arrived for `waiting` (may be
 * NULL). */
bool godwit__sim_advance (godwit_cluster_t *cluster, int64_t until_ns, godwit__sim_node_t *waiting);

/* ---- network.c: what is under way ---- */

/* Consumes the frame (may be NULL). after_ns: beside the delay of the way. */
void godwit__sim_post (godwit__sim_connection_t *connection, godwit__sim_event_kind_t kind, bool to_port,
                       bool flag, godwit__sim_frame_t *frame);
/* At a time, without a way: TIMEOUT, SILENCE, RETRY. */
void godwit__sim_post_at (godwit__sim_connection_t *connection, godwit__sim_event_kind_t kind, bool to_port,
                          int64_t at_ns, int64_t since_ns);
/* A frame with the faults of its way. AGAIN if the way is full. */
godwit__io_t godwit__sim_send (godwit__sim_connection_t *connection, bool to_port,
                               const godwit__message_t *message, godwit__origin_t origin);
/* Takes the next event that is due out of the heap; NULL: none before until_ns. */
godwit__sim_event_t *godwit__sim_next (godwit_cluster_t *cluster, int64_t until_ns);
int64_t godwit__sim_next_at (const godwit_cluster_t *cluster);
/* Lets it happen, and frees it. */
void godwit__sim_happen (godwit_cluster_t *cluster, godwit__sim_event_t *event);
/* NULL: the way is open. */
const godwit__sim_cut_t *godwit__sim_is_cut (const godwit_cluster_t *cluster, const godwit__sim_node_t *from,
                                             const godwit__sim_node_t *to);
/* Lets those go on that were held by a cut which has healed. */
void godwit__sim_release_held (godwit_cluster_t *cluster);
void godwit__sim_event_free (godwit__sim_event_t *event);
uint64_t godwit__sim_random (godwit_cluster_t *cluster);
godwit__sim_connection_t *godwit__sim_connection_new (godwit__sim_channel_t *client, const char *address);
void godwit__sim_connection_unref (godwit__sim_connection_t *connection);

/* ---- channel.c: the ends ---- */

void godwit__sim_arrive (godwit__sim_channel_t *channel, godwit__sim_frame_t *frame);
void godwit__sim_link_up (godwit__sim_channel_t *link);
void godwit__sim_link_down (godwit__sim_channel_t *link, const char *reason);
godwit__sim_channel_t *godwit__sim_find_port (const godwit_cluster_t *cluster, const char *address);
godwit__sim_node_t *godwit__sim_node_of (const godwit_cluster_t *cluster, const char *address);

/* ---- publisher.c ---- */

extern const godwit__channel_ops_t godwit__sim_publisher_ops;
godwit_status_t godwit__sim_open_publisher (godwit__driver_t *driver, godwit__channel_t **publisher,
                                            godwit_error_t **error);
godwit_status_t godwit__sim_publisher_connect (godwit__channel_t *publisher, const char *address,
                                               godwit_error_t **error);
void godwit__sim_publisher_disconnect (godwit__channel_t *publisher, const char *address);
godwit__io_t godwit__sim_publish (godwit__channel_t *publisher, const godwit__message_t *message);
godwit_status_t godwit__sim_subscribe (godwit__channel_t *port, const uint8_t key[GODWIT__KEY_SIZE],
                                       godwit_error_t **error);
void godwit__sim_unsubscribe (godwit__channel_t *port, const uint8_t key[GODWIT__KEY_SIZE]);
/* A publisher's connection reached its port: what is subscribed there is told. */
void godwit__sim_tell_all (godwit__sim_connection_t *connection);
/* News arrived at the publisher. */
void godwit__sim_news (godwit__sim_connection_t *connection, godwit__sim_frame_t *news);
/* A publisher's connection is lost: what was subscribed is not any more; it tries again. */
void godwit__sim_publisher_lost (godwit__sim_connection_t *connection);

#endif
