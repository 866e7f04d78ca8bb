/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated network: virtual time, events, and channels without sockets. All in one thread.
 *
 *     cluster ---- nodes ---- channels: links, ports, publishers
 *        |                       |
 *        +-- events (a heap)     +-- connections: a link or a publisher at one end, a port at the other
 *
 * A connection behaves as with TCP: frames arrive in order (unless the fault plan says otherwise) while the
 * way is open, and wait while it is cut. An end that hears nothing for the heartbeat timeout gives up. Events
 * hold a reference to their connection, so that either end may be closed at any time.
 */
#ifndef GODWIT_DRIVERS_SIM_SIM_H
#define GODWIT_DRIVERS_SIM_SIM_H

#include <godwit/testing.h>

#include "src/base/list.h"
#include "src/interface/attachment.h"

#include <stdbool.h>

#define GODWIT__SIM_SCHEME "sim://"
#define GODWIT__SIM_NAME_MAX 63

typedef struct godwit__sim_node godwit__sim_node_t;
typedef struct godwit__sim_channel godwit__sim_channel_t;
typedef struct godwit__sim_connection godwit__sim_connection_t;

/* Bytes on their way, or waiting at a channel. */
typedef struct godwit__sim_frame {
    struct godwit__sim_frame *next;
    godwit__sim_connection_t *connection; /* the frame counts in its queue; NULL: in none (news) */
    godwit__routing_id_t routing_id;
    size_t size;
    uint8_t data[];
} godwit__sim_frame_t;

typedef enum godwit__sim_event_kind {
    GODWIT__SIM_CONNECT, /* arrives at the port's node */
    GODWIT__SIM_ANSWER,  /* arrives at the link: up, or refused */
    GODWIT__SIM_FRAME,
    GODWIT__SIM_CLOSED,     /* the other end is gone */
    GODWIT__SIM_TIMEOUT,    /* at the link: was there an answer? */
    GODWIT__SIM_SILENCE,    /* at an end: has it heard nothing for the heartbeat timeout? */
    GODWIT__SIM_NEWS,       /* a subscription, on its way to a publisher */
    GODWIT__SIM_RETRY,      /* a publisher connects again */
    GODWIT__SIM_CREDENTIAL, /* the other end has another one */
    GODWIT__SIM_BULLETIN,   /* the other end has a newer one */
    GODWIT__SIM_DISMISSED,  /* the other end does not let this one in any more, and is gone */
    GODWIT__SIM_VOID,       /* at an end: the other end has been void for long enough */
    GODWIT__SIM_CALL        /* a function of the test's */
} godwit__sim_event_kind_t;

typedef struct godwit__sim_event {
    int64_t at_ns;
    uint64_t order; /* the order of events at the same time */
    godwit__sim_event_kind_t kind;
    bool to_port;     /* the direction */
    bool flag;        /* ANSWER: up */
    int64_t since_ns; /* SILENCE: the time of the cut that started the watch */
    unsigned attempt; /* the connection's attempt that the event belongs to */
    godwit__sim_connection_t *connection;
    godwit__sim_frame_t *frame;
    struct godwit__sim_event *next; /* in the list of events that wait for a cut to heal, or of unused ones */
    const char *word;               /* ANSWER, DISMISSED: why the receiver is not let in; static text */
    void (*fn) (void *user);        /* CALL */
    void *user;
} godwit__sim_event_t;

/* What one end of a connection knows of the other one, where there are realms (party.c). */
typedef struct godwit__sim_party {
    godwit__party_t *party; /* a reference; NULL: not let in yet, or there is no realm */
    bool is_void;
    const char *word;  /* why; static text */
    uint64_t bulletin; /* the number of the newest that the other end is known to have */
    uint64_t told;     /* the number of this end's own credential that the other end was sent last */
} godwit__sim_party_t;

/* One direction of a connection. */
typedef struct godwit__sim_way {
    int64_t last_ns;                 /* when the last frame arrives: later ones do not overtake it */
    int queued;                      /* frames under way or not received yet */
    godwit__sim_event_t *held_first; /* while the way is cut */
    godwit__sim_event_t *held_last;
} godwit__sim_way_t;

struct godwit__sim_connection {
    unsigned refs; /* of both ends, and of each event */
    godwit_cluster_t *cluster;
    godwit__list_node_t in_cluster;
    godwit__sim_node_t *client_node;
    godwit__sim_node_t *port_node; /* NULL: there is no such node */
    char address[GODWIT__ADDRESS_SIZE];
    godwit__sim_channel_t *client;   /* a link or a publisher; NULL: closed, or given up */
    godwit__sim_channel_t *port;     /* NULL: not there yet, closed, or given up */
    godwit__routing_id_t routing_id; /* its slot in the cluster's table, and how often the slot was used */
    /* In the lists of the same publisher, and of the same port. */
    godwit__list_node_t at_client, at_port;
    bool up;               /* the client knows that it is connected */
    unsigned attempt;      /* number of the attempt to connect: a publisher makes a new one after each loss */
    unsigned port_attempt; /* the attempt that the port heard of last */
    godwit__sim_way_t to_port;
    godwit__sim_way_t to_client;
    uint8_t (*keys)[GODWIT__KEY_SIZE]; /* a publisher's: keys that it knows to be subscribed there */
    size_t key_count;
    godwit__sim_party_t of_port;   /* as the client's end knows the port's process */
    godwit__sim_party_t of_client; /* the other way round */
};

/* Which topic a key belongs to. */
typedef struct godwit__sim_topic {
    struct godwit__sim_topic *next;
    uint8_t key[GODWIT__KEY_SIZE];
    char *exchange, *topic;
} godwit__sim_topic_t;

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
    bool wants_room;  /* a message found no room; then */
    bool has_room;    /* there is room again */
    bool is_readable; /* its descriptor is readable */
    bool is_listed;   /* among the node's channels that are readable */
    godwit__sim_channel_t *next_readable;
    godwit__source_t *source; /* that watches it */
    int fd;                   /* among the node's descriptors */
    godwit__attachment_t attachment;
    godwit__list_t connections; /* of a port (by at_port), or a publisher (by at_client) */

    /* A link's. */
    godwit__sim_connection_t *connection;
    const godwit__link_events_t *events;
    void *user;
    godwit__task_t task; /* tells events */
    bool is_up, up_told;
    bool is_void, void_told;
    char void_why[GODWIT__ADMIT_TEXT];
    bool is_renewed;  /* and that is still to be told */
    const char *down; /* the reason; NULL: it is not down */

    /* A port's. */
    char address[GODWIT__ADDRESS_SIZE];
    bool takes_publications;
    godwit__party_t *sender; /* of the frame that was received last: a reference; NULL: none, or a void one */
    godwit__task_t *lost;    /* NULL: nobody watches */
    uint8_t (*keys)[GODWIT__KEY_SIZE]; /* one entry for each subscription, so a key may be there twice */
    size_t key_count;
    godwit__sim_channel_t *next; /* of the node's ports */

    /* A publisher's. */
    godwit__sim_topic_t *topics;
};

struct godwit__sim_node {
    godwit_cluster_t *cluster;
    char name[GODWIT__SIM_NAME_MAX + 1];
    unsigned name_id;
    godwit_transport_t
        *transport; /* NULL: not open yet, or closed, or the node has none (tests of the driver) */
    godwit__reactor_t *reactor;
    godwit__clock_t clock;
    bool is_dead;    /* killed */
    bool is_failed;  /* its transport could not be made: the node never existed */
    bool is_running; /* it is on the stack: it runs, or waits */
    bool is_dirty;   /* something arrived, or was posted */
    bool is_touched; /* in the cluster's list of nodes to look at */
    godwit__sim_node_t *next_touched;
    int64_t paused_ns; /* since when; 0: it runs */
    int64_t due_ns;    /* its place in the cluster's heap */
    size_t due_index;  /* 1-based; 0: not there */
    godwit__sim_channel_t **fds;
    size_t fd_count;
    godwit__sim_channel_t *readable_first, *readable_last;
    unsigned ports_ever;
    godwit__driver_options_t options;
    struct godwit__sim_driver *driver;
    godwit__sim_channel_t *ports;
    godwit__sim_node_t *next;
};

typedef struct godwit__sim_driver {
    godwit__driver_t base;
    godwit__sim_node_t *node;
    godwit__driver_counters_t counters;
    /* Of its realm (party.c). */
    godwit__realm_watch_t watch;
    unsigned changes; /* that the task has not seen */
    godwit__task_t change_task;
    godwit__timer_t look;
} godwit__sim_driver_t;

/* An event in the heap, with its sort key. */
typedef struct godwit__sim_entry {
    int64_t at_ns;
    uint64_t order;
    godwit__sim_event_t *event;
} godwit__sim_entry_t;

/* A fault rule. from and to are the numbers of nodes' names; 0: all nodes. */
typedef struct godwit__sim_rule {
    unsigned from, to;
    godwit_faults_t faults;
} godwit__sim_rule_t;

typedef struct godwit__sim_cut {
    unsigned from, to;
    bool *group; /* by name: which nodes are on one side of a partition; NULL: from and to count */
    size_t group_size;
    const void *owner; /* NULL: the test; otherwise a plan */
    int64_t since_ns;
} godwit__sim_cut_t;

struct godwit_cluster {
    int64_t now_ns;
    uint64_t order;
    uint64_t chance; /* state of the random number generator */
    uint64_t incarnations;
    godwit__sim_node_t *nodes; /* in the order of joining, also those that are gone */
    godwit__sim_node_t *touched_first, *touched_last;
    godwit__sim_node_t **due; /* a heap, 1-based */
    size_t due_count, due_capacity;
    char (*names)[GODWIT__SIM_NAME_MAX + 1]; /* name number n is at index n - 1 */
    size_t name_count;
    godwit__list_t connections;       /* the newest first */
    godwit__sim_connection_t **slots; /* by the low bits of their routing ids */
    uint32_t *slot_uses;
    uint32_t *free_slots;
    size_t slot_count, free_slot_count;
    godwit__sim_entry_t *heap; /* 1-based */
    size_t event_count, event_capacity;
    godwit__sim_event_t *unused;
    godwit__sim_rule_t *rules;
    size_t rule_count;
    godwit__sim_cut_t *cuts;
    size_t cut_count;
    struct godwit__sim_plan *plans;
    godwit_faults_t weather; /* faults set by plans; the worse of these and of the rules counts */
    godwit_cluster_stats_t stats;
    godwit_cluster_trace_fn *trace;
    void *trace_user;
    bool failed; /* memory was short: the results of the run are invalid */
};

extern const godwit__driver_ops_t godwit__sim_driver;

/* Walks all connections of a cluster, of a port, and of a publisher. */
#define GODWIT__SIM_CONNECTIONS_FIRST(cluster_)                                                              \
    GODWIT__FIRST (&(cluster_)->connections, godwit__sim_connection_t, in_cluster)
#define GODWIT__SIM_CONNECTIONS_NEXT(cluster_, at_)                                                          \
    GODWIT__NEXT (&(cluster_)->connections, at_, godwit__sim_connection_t, in_cluster)
#define GODWIT__SIM_AT_PORT_FIRST(port_)                                                                     \
    GODWIT__FIRST (&(port_)->connections, godwit__sim_connection_t, at_port)
#define GODWIT__SIM_AT_PORT_NEXT(port_, at_)                                                                 \
    GODWIT__NEXT (&(port_)->connections, at_, godwit__sim_connection_t, at_port)
#define GODWIT__SIM_AT_PUBLISHER_FIRST(publisher_)                                                           \
    GODWIT__FIRST (&(publisher_)->connections, godwit__sim_connection_t, at_client)
#define GODWIT__SIM_AT_PUBLISHER_NEXT(publisher_, at_)                                                       \
    GODWIT__NEXT (&(publisher_)->connections, at_, godwit__sim_connection_t, at_client)

/* ---- cluster.c ---- */

/* Adds a node, which has no transport yet. Its clock is ready for a reactor; godwit__sim_give_reactor sets
 * both. */
godwit_status_t godwit__sim_add_node (godwit__sim_node_t **node, godwit_cluster_t *cluster, const char *name,
                                      godwit_error_t **error);
void godwit__sim_give_reactor (godwit__sim_node_t *node, godwit__reactor_t *reactor,
                               godwit_transport_t *transport);
bool godwit__sim_is_name (const char *name);
/* The clock of the wall: virtual time since a fixed date. */
int64_t godwit__sim_now_s (const godwit_cluster_t *cluster);
/* The number of a name; 0: the name is malformed, or memory is short. */
unsigned godwit__sim_name (godwit_cluster_t *cluster, const char *name);
/* NULL: no live node has this name. */
godwit__sim_node_t *godwit__sim_find_live (const godwit_cluster_t *cluster, const char *name);

/* ---- time.c ---- */

extern const godwit__waiter_t godwit__sim_waiter;
/* Runs other nodes and lets time pass until until_ns. True as soon as something arrived for `waiting` (may be
 * NULL). */
bool godwit__sim_advance (godwit_cluster_t *cluster, int64_t until_ns, godwit__sim_node_t *waiting);
/* Call it when the node may have something to do, or its next timer has changed. */
void godwit__sim_touch (godwit__sim_node_t *node);
/* Adds a channel to the readable ones. */
void godwit__sim_readable (godwit__sim_channel_t *channel);
/* Reserves a descriptor; -1: no memory. */
int godwit__sim_fd (godwit__sim_channel_t *channel);
void godwit__sim_fd_close (godwit__sim_channel_t *channel);
/* The node cannot run any more. */
void godwit__sim_forget (godwit__sim_node_t *node);

/* ---- faults.c ---- */

godwit_faults_t godwit__sim_faults_of (const godwit_cluster_t *cluster, const godwit__sim_node_t *from,
                                       const godwit__sim_node_t *to);
/* Since when nothing gets from one node to the other; NEVER: the way is open. */
int64_t godwit__sim_cut_since (const godwit_cluster_t *cluster, const godwit__sim_node_t *from,
                               const godwit__sim_node_t *to);
/* False: no memory; the group stays the caller's then. */
bool godwit__sim_add_cut (godwit_cluster_t *cluster, const godwit__sim_cut_t *cut);
/* Heals the cuts of this owner. */
void godwit__sim_remove_cut (godwit_cluster_t *cluster, const void *owner);
godwit_status_t godwit__sim_partition (godwit_cluster_t *cluster, const char *const *nodes, size_t node_count,
                                       const void *owner, godwit_error_t **error);
void godwit__sim_free_cuts (godwit_cluster_t *cluster);

/* ---- plan.c ---- */

/* Ends the faults of all plans; killed nodes stay dead. */
void godwit__sim_end_plans (godwit_cluster_t *cluster);
void godwit__sim_free_plans (godwit_cluster_t *cluster);

/* ---- certificates.c ---- */

/* The test, as the administrator of the nodes' realm. */
typedef struct godwit__sim_administrator {
    godwit_cluster_certify_fn *certify;
    godwit_cluster_revoke_fn *revoke;
    void *user;
} godwit__sim_administrator_t;

/* The node's certificate ends within a second. False: it has no realm. */
bool godwit__sim_expire (const godwit__sim_node_t *node, const godwit__sim_administrator_t *by);
/* The node's certificate is revoked. A live node with the name reader hears of it first; if there is none,
 * the node itself. False: it has no realm. */
bool godwit__sim_revoke (const godwit__sim_node_t *node, const char *reader,
                         const godwit__sim_administrator_t *by);
/* Whoever has the name gets a new certificate, or will have it when it is made anew. */
void godwit__sim_certify (godwit_cluster_t *cluster, const char *name, const godwit__sim_administrator_t *by);

/* ---- trace.c ---- */

typedef enum godwit__sim_note {
    GODWIT__SIM_SENT,
    GODWIT__SIM_DROPPED,
    GODWIT__SIM_REPEATED,
    GODWIT__SIM_OVERTAKES,
    GODWIT__SIM_ARRIVED,
    GODWIT__SIM_LOST, /* the receiver was gone */
    GODWIT__SIM_UP,
    GODWIT__SIM_DOWN,
    GODWIT__SIM_REFUSED
} godwit__sim_note_t;

/* Traces what happened to a frame (data may be NULL), or to a connection. */
void godwit__sim_tell (godwit__sim_connection_t *connection, godwit__sim_note_t note, bool to_port,
                       const uint8_t *data, size_t size);
/* Traces a fault, or a change of a node: format is printf's. */
void godwit__sim_say (godwit_cluster_t *cluster, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));

/* ---- network.c: what is under way ---- */

/* Posts an event that arrives after the delay of the way. Consumes the frame (may be NULL). */
void godwit__sim_post (godwit__sim_connection_t *connection, godwit__sim_event_kind_t kind, bool to_port,
                       bool flag, godwit__sim_frame_t *frame);
/* The same with a word of godwit__no_entry_word, or NULL. */
void godwit__sim_post_word (godwit__sim_connection_t *connection, godwit__sim_event_kind_t kind, bool to_port,
                            const char *word);
/* Posts an event for a given time, which no way delays: TIMEOUT, SILENCE, RETRY, VOID. */
void godwit__sim_post_at (godwit__sim_connection_t *connection, godwit__sim_event_kind_t kind, bool to_port,
                          int64_t at_ns, int64_t since_ns);
/* Sends a frame, with the faults of its way. AGAIN if the way is full. */
godwit__io_t godwit__sim_send (godwit__sim_connection_t *connection, bool to_port,
                               const godwit__message_t *message, godwit__routing_id_t routing_id);
/* Call it when a frame was received, or was lost on its way: there is room for another. */
void godwit__sim_leaves_queue (godwit__sim_connection_t *connection, bool to_port);
/* The client's end of the connection is lost: tells its channel. reason: static text. */
void godwit__sim_lose_client (godwit__sim_connection_t *connection, const char *reason);
/* Takes the next event that is due out of the heap; NULL: none before until_ns. */
godwit__sim_event_t *godwit__sim_next (godwit_cluster_t *cluster, int64_t until_ns);
int64_t godwit__sim_next_at (const godwit_cluster_t *cluster);
/* Handles the event, and frees it. */
void godwit__sim_happen (godwit_cluster_t *cluster, godwit__sim_event_t *event);
/* Lets events go on that were held by a cut which has healed. */
void godwit__sim_release_held (godwit_cluster_t *cluster);
void godwit__sim_event_free (godwit_cluster_t *cluster, godwit__sim_event_t *event);
/* Calls a function of the test at that time. False: no memory. */
bool godwit__sim_call_at (godwit_cluster_t *cluster, int64_t at_ns, void (*fn) (void *user), void *user);
uint64_t godwit__sim_random (godwit_cluster_t *cluster);

/* ---- connection.c ---- */

/* The port, and the node, at an address; NULL: none. */
godwit__sim_channel_t *godwit__sim_find_port (const godwit_cluster_t *cluster, const char *address);
godwit__sim_node_t *godwit__sim_node_of (const godwit_cluster_t *cluster, const char *address);
/* Makes port the connection's end (NULL: it has none). */
void godwit__sim_set_port (godwit__sim_connection_t *connection, godwit__sim_channel_t *port);
void godwit__sim_leave_client (godwit__sim_connection_t *connection);
/* NULL: no connection has this routing id. */
godwit__sim_connection_t *godwit__sim_by_routing_id (const godwit_cluster_t *cluster,
                                                     godwit__routing_id_t routing_id);
godwit__sim_connection_t *godwit__sim_connection_new (godwit__sim_channel_t *client, const char *address);
void godwit__sim_connection_unref (godwit__sim_connection_t *connection);

/* ---- channel.c: the ends ---- */

void godwit__sim_arrive (godwit__sim_channel_t *channel, godwit__sim_frame_t *frame);
void godwit__sim_link_up (godwit__sim_channel_t *link);
void godwit__sim_link_down (godwit__sim_channel_t *link, const char *reason);
void godwit__sim_link_voided (godwit__sim_channel_t *link, const char *reason);
void godwit__sim_link_renewed (godwit__sim_channel_t *link);

/* ---- party.c: who is at the ends ---- */

/* What this end says of itself in a handshake; NULL: its node has no realm. */
godwit__sim_frame_t *godwit__sim_introduce (godwit__sim_connection_t *connection, bool at_port);
/* The port's end hears what the client says of itself (NULL: nothing). Returns NULL, or why it is not let in.
 */
const char *godwit__sim_let_client_in (godwit__sim_connection_t *connection, godwit__sim_frame_t *said);
/* It was let in, and has been answered. */
void godwit__sim_client_is_in (godwit__sim_connection_t *connection);
/* The client's end hears the answer. refused: why it was not let in; otherwise NULL. Returns NULL: it is up;
 * or why not, static text. */
const char *godwit__sim_meet_port (godwit__sim_connection_t *connection, godwit__sim_frame_t *said,
                                   const char *refused);
/* Events. */
void godwit__sim_on_credential (godwit__sim_connection_t *connection, bool to_port,
                                godwit__sim_frame_t *frame);
void godwit__sim_on_bulletin (godwit__sim_connection_t *connection, bool to_port,
                              const godwit__sim_frame_t *frame);
void godwit__sim_on_dismissed (godwit__sim_connection_t *connection, bool to_port, const char *word);
void godwit__sim_void_ends (godwit__sim_connection_t *connection, bool at_port);
void godwit__sim_watch_realm (godwit__sim_driver_t *driver);
void godwit__sim_unwatch_realm (godwit__sim_driver_t *driver);
godwit_status_t godwit__sim_name_topic (godwit__channel_t *publisher, const uint8_t key[GODWIT__KEY_SIZE],
                                        const char *exchange, const char *topic);
/* NULL: nobody has named it. */
const godwit__sim_topic_t *godwit__sim_topic_of (const godwit__sim_channel_t *publisher, const uint8_t *key);
void godwit__sim_topics_free (godwit__sim_topic_t *topics);
/* Whether what is published of this topic (NULL: not known) goes there. */
bool godwit__sim_may_publish_to (const godwit__sim_connection_t *connection,
                                 const godwit__sim_topic_t *topic);

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
/* A publisher's connection reached its port: sends it news of all subscriptions there. */
void godwit__sim_tell_all (godwit__sim_connection_t *connection);
/* News arrived at the publisher. */
void godwit__sim_news (godwit__sim_connection_t *connection, godwit__sim_frame_t *news);
/* A publisher's connection is lost: its subscriptions are gone, and it tries again. */
void godwit__sim_publisher_lost (godwit__sim_connection_t *connection);

#endif
