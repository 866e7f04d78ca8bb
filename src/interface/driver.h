/* SPDX-License-Identifier: Apache-2.0 */
/* The driver interface: how frames reach another process (or another transport of this one).
 *
 * A driver opens channels of three kinds. A *link* is the connecting side of a connection to one port. It
 * lives as long as the connection, and is never reconnected. A *port* is the listening side. It receives from
 * every link that was opened to it, and from publishers. A *publisher* sends to all subscribed ports that it
 * was connected to.
 *
 * Each channel has a lock of its own. Any thread may send. One thread, the leader, receives and waits; the
 * core decides which thread leads. A reactor leads where a source is attached to it. send, queue, flush and
 * recv never block; only wait and receive do. The driver calls the core through godwit__link_events_t only.
 *
 * A message is sent in one step (send), or in two: queue, while locks of the core are held, and flush, once
 * none is. The lock then gives the order, and no thread waits for a lock whose owner is in a system call.
 *
 * What a driver must keep, and its conformance suite checks:
 *  - Frames of one link arrive in the order of the calls of send and queue, whole, at most once; or the link
 *    goes down. The same is true of the frames of a port to one peer.
 *  - After a link went down, send and queue say CLOSED. recv says CLOSED too, after it returned all that had
 *    arrived.
 *  - Queues are finite: a full one says AGAIN.
 *  - A message that a link accepted before it went down is never delivered later.
 *  - No wake-up is lost. If a frame can be received after recv said AGAIN, then wait returns, and the
 * attached source gets ready, whatever other threads do to the channel in between.
 */
#ifndef GODWIT_SRC_INTERFACE_DRIVER_H
#define GODWIT_SRC_INTERFACE_DRIVER_H

#include <godwit/error.h>

#include "src/base/frame.h"
#include "src/loop/reactor.h"
#include "src/realm/realm.h"

typedef enum godwit__io {
    GODWIT__IO_OK,
    GODWIT__IO_AGAIN,  /* no frame is there, or there is no room; try again after a wait */
    GODWIT__IO_CLOSED, /* the connection is gone (link), or the peer with this routing id is gone (port) */
    GODWIT__IO_REFUSED /* the message can never be sent: too large, no memory */
} godwit__io_t;

/* The link that sent a frame to a port: unique among all links that the port ever had, never 0. */
typedef uint64_t godwit__routing_id_t;
/* The frame is a publication, not a link's: it begins with the key. */
#define GODWIT__ROUTING_ID_FANOUT UINT64_MAX

typedef struct godwit__channel godwit__channel_t;

typedef struct godwit__channel_ops {
    /* Sends a message. routing_id: the peer of a port; 0 for a link. On OK the driver takes the message's
     * data over if it has a free_fn; otherwise the data stays the caller's. It takes inserts over in any
     * case, and holds no lock of its own when it gives them back: their free_fn runs code of the program. A
     * port that sends to a peer which is gone gets CLOSED; to a peer that does not read, AGAIN. A publisher
     * says REFUSED: it publishes. What was queued for the same peer goes first. May make a system call, so
     * the caller holds no lock. Any thread. */
    godwit__io_t (*send) (godwit__channel_t *channel, godwit__routing_id_t routing_id,
                          const godwit__message_t *message);
    /* Accepts a message as send does, with the same results and the same owner of the data (what has no
     * free_fn is copied), but a driver with sockets of its own makes no system call: the caller may hold
     * locks of rows above the channel's (docs/architecture.md). After OK the caller has to call flush for
     * this peer, once it holds no lock; until then the message may stay where it is, or may leave. One flush
     * is enough for all that was queued before it, by whomever; but a message that `stays` may wait for the
     * flush of the thread that has queued it, and all that is queued behind it with it. Any thread. */
    godwit__io_t (*queue) (godwit__channel_t *channel, godwit__routing_id_t routing_id,
                           const godwit__message_t *message);
    /* Sends what was queued for this peer; a link or a publisher: 0. What does not go now, because the peer
     * does not read, goes later by itself. Does nothing if nothing is queued, or the peer or the connection
     * is gone. The caller holds no lock, and has made sure that the channel is not closed meanwhile. Any
     * thread. */
    void (*flush) (godwit__channel_t *channel, godwit__routing_id_t routing_id);
    /* Takes the next frame, which the caller releases. Ports write *routing_id. A publisher receives news of
     * subscriptions: frames of 17 bytes, first 1 (subscribed) or 0 (gone), then the key; one frame for each
     * port that subscribed. Once it has the news of a key, it also reaches that port with all lower keys to
     * which the port had subscribed before. The leader only. */
    godwit__io_t (*recv) (godwit__channel_t *channel, godwit__frame_t *frame,
                          godwit__routing_id_t *routing_id);
    /* Blocks until a frame may be there (and, with for_room, or a message may be accepted), the channel was
     * woken, it went down, or timeout_ns passed (GODWIT__NEVER: no limit). May return early for no reason. If
     * max_queue_size was the reason for AGAIN, a wait with for_room returns after a while. The leader only,
     * after recv said AGAIN. */
    void (*wait) (godwit__channel_t *channel, bool for_room, int64_t timeout_ns);
    /* recv and wait in one call, which a driver may do at lower cost: takes the next frame; if there is none,
     * waits for one, for at most timeout_ns. AGAIN: the channel was woken, time passed, or for no reason. The
     * leader only. */
    godwit__io_t (*receive) (godwit__channel_t *channel, godwit__frame_t *frame,
                             godwit__routing_id_t *routing_id, int64_t timeout_ns);
    /* Makes the wait that runs, or the next one, return at once, and ready come to a source that is attached.
     * The caller may hold locks, as for queue. Any thread. */
    void (*wake) (godwit__channel_t *channel);
    /* From now on source->ready runs in this reactor when wait would return (with for_room too, after a
     * message got AGAIN), so that the reactor leads; soon after attach, if there is something already. Ready
     * calls recv until AGAIN or CLOSED, which also consumes wakes, or it detaches. If it stops before, the
     * driver may run it again or not: the caller has to see to it, by wake or by a task. It may come for no
     * reason, but that is not the rule.
     *
     * source: its ready and user are the caller's, all else is the driver's. It stays in place until detach,
     * and is attached to nothing else. If it is attached already, to this reactor, nothing happens. While it
     * is attached another thread may lead, by wait or receive: then ready may come for what that thread
     * takes, and the reactor, which is not the leader, detaches. This reactor's thread, which need not be the
     * driver's. OK, SYSTEM, OUT_OF_MEMORY; on failure nothing is attached. */
    godwit_status_t (*attach) (godwit__channel_t *channel, godwit__reactor_t *reactor,
                               godwit__source_t *source, godwit_error_t **error);
    /* Takes the source back: no ready comes any more, and the source may be freed. It may be attached again,
     * also to another reactor. Does nothing if none is attached. Before close. The thread of the reactor that
     * it is attached to, also inside ready. */
    void (*detach) (godwit__channel_t *channel);
    /* Says why a link is down, as its event down does or will do. Static text. Only of a link, after recv
     * said CLOSED. Any thread. */
    const char *(*why_down) (godwit__channel_t *channel);
    /* Closes the channel, to which no source is attached. Reactor's thread; no other thread may use the
     * channel any more. Messages sent or queued before are flushed for a short, bounded time in the
     * background. No event comes after close. */
    void (*close) (godwit__channel_t *channel);
    /* True if the next frame has been read from the system already, so that recv and receive return it at no
     * cost. Of a port: the next one of the connection that the last one came from. The leader only. NULL: the
     * driver does not know. */
    bool (*has_more) (const godwit__channel_t *channel);
    /* Inserts travel as they are, without a copy. A driver without this copies them (godwit__send_joined).
     * The core does that in its place where it would hold a lock meanwhile. */
    bool gathers;
    /* Of a port: who sent the frame that recv or receive returned last; of a publication, who publishes.
     * Borrowed until the next recv or receive. It is another one after this process has renewed its
     * credential. The leader only. NULL, or returns NULL: there is no realm, or the certificate of the
     * sender is void; then its connection ends soon, and until then the core says no to what it asks. */
    godwit__party_t *(*sender) (godwit__channel_t *channel);
    /* Of a link that is up: who is at the other end; the caller's reference. Any thread. NULL, or returns
     * NULL: there is no realm, or it is not up. */
    godwit__party_t *(*party) (godwit__channel_t *channel);
} godwit__channel_ops_t;

/* The first member of every driver's own channel. */
struct godwit__channel {
    const godwit__channel_ops_t *ops;
};

/* Who sent the last frame of a port, as its `sender` says. The leader only. */
static inline godwit__party_t *
godwit__channel_sender (godwit__channel_t *channel)
{
    return channel->ops->sender ? channel->ops->sender (channel) : NULL;
}

/* Who is at the other end of a link, as its `party` says; the caller's reference. */
static inline godwit__party_t *
godwit__channel_party (godwit__channel_t *channel)
{
    return channel->ops->party ? channel->ops->party (channel) : NULL;
}

/* A `receive` for drivers whose recv and wait cannot be cheaper. */
static inline godwit__io_t
godwit__channel_receive (godwit__channel_t *channel, godwit__frame_t *frame, godwit__routing_id_t *routing_id,
                         int64_t timeout_ns)
{
    const godwit__io_t io = channel->ops->recv (channel, frame, routing_id);
    if (io != GODWIT__IO_AGAIN || timeout_ns <= 0)
        return io;
    channel->ops->wait (channel, false, timeout_ns);
    return channel->ops->recv (channel, frame, routing_id);
}

/* A `flush` for drivers whose queue sends at once. */
static inline void
godwit__channel_flush (godwit__channel_t *channel, godwit__routing_id_t routing_id)
{
    (void) channel, (void) routing_id;
}

/* For messages with inserts in a driver that does not gather: makes one piece of them for `send`, the
 * driver's own. */
static inline godwit__io_t
godwit__send_joined (godwit__channel_t *channel, godwit__routing_id_t routing_id,
                     const godwit__message_t *message,
                     godwit__io_t (*send) (godwit__channel_t *, godwit__routing_id_t,
                                           const godwit__message_t *))
{
    godwit__message_t joined;
    if (!godwit__message_join (&joined, message))
        return GODWIT__IO_REFUSED;
    const godwit__io_t io = send (channel, routing_id, &joined);
    godwit__message_release (io == GODWIT__IO_OK ? message : &joined);
    return io;
}

/* The same for `publish`. */
static inline godwit__io_t
godwit__publish_joined (godwit__channel_t *publisher, const godwit__message_t *message,
                        godwit__io_t (*publish) (godwit__channel_t *, const godwit__message_t *))
{
    godwit__message_t joined;
    if (!godwit__message_join (&joined, message))
        return GODWIT__IO_REFUSED;
    const godwit__io_t io = publish (publisher, &joined);
    godwit__message_release (io == GODWIT__IO_OK ? message : &joined);
    return io;
}

/* Run on the reactor's thread, never inside open_link. up runs at most once. down runs exactly once (refused,
 * timed out while connecting, or gone), unless close comes first. */
typedef struct godwit__link_events {
    void (*up) (void *user);
    void (*down) (void *user, const char *reason); /* reason: static text */
    /* Nothing has come over a link that is up: sends something that the peer answers. False: nothing could be
     * sent, or there is nothing that it answers now. Must not close links. NULL: the driver cannot tell that
     * the peer is silent. Drivers that can find out in another way do not call it. */
    bool (*ask) (void *user);
    /* The certificate of the other end is void: nothing more should be sent over it. Half a second later the
     * link goes down. reason: for the log; borrowed. NULL: nobody wants to know. */
    void (*voided) (void *user, const char *reason);
    /* The other end has renewed its credential: `party` is another one, perhaps with other rights. NULL:
     * nobody wants to know. */
    void (*renewed) (void *user);
} godwit__link_events_t;

#define GODWIT__KEY_SIZE 16
#define GODWIT__PORT_ADDRESS_MAX 4
#define GODWIT__ADDRESS_SIZE 256

/* Where a port can be reached. links: for open_link, shortest path first; fanout: for publisher_connect. */
typedef struct godwit__port_addresses {
    size_t link_count;
    char links[GODWIT__PORT_ADDRESS_MAX][GODWIT__ADDRESS_SIZE];
    char fanout[GODWIT__ADDRESS_SIZE]; /* "" if the port takes no publications */
} godwit__port_addresses_t;

/* The most addresses of a name that are used. */
#define GODWIT__FOUND_MAX 8
/* Looks the name of a host up, on a thread that nothing waits for; may block. Writes addresses
 * ("tcp://10.0.0.1:9573"), and returns how many. */
typedef size_t godwit__look_up_fn (const char *name, const char *port,
                                   char found[GODWIT__FOUND_MAX][GODWIT__ADDRESS_SIZE]);

typedef struct godwit__driver_options {
    godwit__reactor_t *reactor; /* of the control thread; outlives the driver */
    size_t max_message_size;    /* bytes; the sender of a larger frame loses its connection */
    int queue_limit;            /* messages per connection and direction */
    int unread_limit;      /* messages that came over a connection and were not received yet. 0: no limit;
                              transports use 0 (drivers/zmq/channel.c says why), tests of full queues do not */
    size_t max_queue_size; /* bytes of messages above 1 KiB that may wait. While so many wait, such a message
                              gets AGAIN; so the last one accepted may exceed it; 0: no limit */
    int64_t connect_timeout_ms;   /* a link that is not up by then is down */
    int64_t heartbeat_ms;         /* a silent connection is tested this often ... */
    int64_t heartbeat_timeout_ms; /* ... and is down when it says nothing for this long */
    const char *host;             /* to listen on and to be reached at by other hosts; NULL: this host only */
    int port;                     /* where a port of the driver's choice listens with TCP; 0: anywhere */
    void *user;                   /* of godwit__environment_t; for drivers that no URL names */
    const char *virtual_host;     /* "" if unset; inproc ports of different virtual hosts do not meet */
    /* A connection to a port at a given address (open_port) ended before its handshake was over. Other
     * programs do that, and a peer that ends at that moment. peer: its address, human-readable. reason: why
     * the driver refused it, human-readable; NULL: it did not, or cannot say. The reactor's thread. NULL:
     * nobody wants to know. */
    void (*stranger) (void *user, const char *at, const char *peer, const char *reason);
    void *stranger_user; /* of ended, too */
    bool external_loop;  /* no thread of the library runs the reactor, and the program's may come late: what
                            has to be in time needs a thread of the driver's own */
    /* Also listens on TCP at the loopback, where every user of this machine can connect; a given host or port
     * means that, too. Otherwise a port of this host listens in the private folder alone. */
    bool loopback;
    /* Something that a person should look at; text is borrowed. The reactor's thread. NULL: nobody wants to
     * know. */
    void (*warn) (void *user, const char *text);
    void *warn_user;
    const char *runtime_dir; /* of sockets of this machine; NULL: the usual ones (src/folder/folder.h) */
    /* A connection was ended by this end, because of what the peer sent, or did not send in its handshake.
     * at: the address that the connection was made to; peer: of the end that connected, human-readable; NULL:
     * this one did (a publisher). Not what stranger is told. Links say it by their event down. The texts are
     * the driver's. The reactor's thread. NULL: nobody wants to know. Drivers that do not find out never call
     * it. */
    void (*ended) (void *user, const char *at, const char *peer, const char *reason);
    godwit__look_up_fn
        *look_up; /* of names of hosts; NULL: the system's; for drivers with sockets of their own */
    /* Whom to let in, and what to say of oneself; outlives the driver. NULL: there is no realm. */
    godwit__realm_t *realm;
    bool insecure; /* without a realm: tcp all the same. Otherwise only local sockets are used then */
} godwit__driver_options_t;

/* Calls warn, if somebody wants to know. The reactor's thread. */
void godwit__driver_warn (const godwit__driver_options_t *options, const char *format, ...)
    GODWIT_PRINTF (2, 3);

/* Counters for statistics; written with relaxed atomics by the driver. */
typedef struct godwit__driver_counters {
    atomic_uint_fast64_t malformed; /* frames thrown away because they cannot be from a Godwit peer */
    atomic_uint_fast64_t dropped;   /* replies and publications without a receiver */
    atomic_uint_fast64_t refused;   /* connections that were not let in, or not to the end */
    atomic_uint_fast64_t unknown;   /* commands of ZMTP that this driver does not know */
} godwit__driver_counters_t;

typedef struct godwit__driver godwit__driver_t;

/* Unless said otherwise, all of these are called on the reactor's thread, and never block. */
typedef struct godwit__driver_ops {
    const char *name; /* as the URL's scheme */

    godwit_status_t (*open) (godwit__driver_t **driver, const godwit__driver_options_t *options,
                             godwit_error_t **error);
    /* All channels are closed before. May block while messages are flushed, for a bounded time. */
    void (*close) (godwit__driver_t *driver);

    /* True if open_link would try this address: its scheme is the driver's, and if it is a path, it is inside
     * a private folder of this user. Any thread. */
    bool (*speaks) (const godwit__driver_t *driver, const char *address);

    godwit_status_t (*open_link) (godwit__driver_t *driver, const char *address,
                                  const godwit__link_events_t *events, void *user, godwit__channel_t **link,
                                  godwit_error_t **error);
    /* at NULL: the driver chooses an address, and the port takes publications. Otherwise at is the one
     * address to listen on (a rendezvous), without publications. SYSTEM with the cause if the address cannot
     * be bound ("address in use" is one), or is not permitted (tcp_permission.h). */
    godwit_status_t (*open_port) (godwit__driver_t *driver, const char *at, godwit__channel_t **port,
                                  godwit__port_addresses_t *addresses, godwit_error_t **error);
    /* Also listens at this address of the machine, for links and publications, and writes where the port can
     * be reached now: instead of at the loopback. The port was opened with at NULL. SYSTEM with the cause.
     * NULL for drivers without a network. */
    godwit_status_t (*add_host) (godwit__channel_t *port, const char *host,
                                 godwit__port_addresses_t *addresses, godwit_error_t **error);
    /* From now on `lost` is posted to the driver's reactor when connections to the port have ended. It does
     * not say whose: a moment later at the latest, sending to them says CLOSED. What they had sent can still
     * be received. `lost` is the caller's, and is not posted any more once the port is closed. Once a port;
     * SYSTEM, OUT_OF_MEMORY. */
    godwit_status_t (*watch_port) (godwit__channel_t *port, godwit__task_t *lost, godwit_error_t **error);
    /* From now on the port receives publications with this key, from every connected publisher. */
    godwit_status_t (*subscribe) (godwit__channel_t *port, const uint8_t key[GODWIT__KEY_SIZE],
                                  godwit_error_t **error);
    void (*unsubscribe) (godwit__channel_t *port, const uint8_t key[GODWIT__KEY_SIZE]);

    godwit_status_t (*open_publisher) (godwit__driver_t *driver, godwit__channel_t **publisher,
                                       godwit_error_t **error);
    godwit_status_t (*publisher_connect) (godwit__channel_t *publisher, const char *fanout_address,
                                          godwit_error_t **error);
    void (*publisher_disconnect) (godwit__channel_t *publisher, const char *fanout_address);
    /* Queues the message for every port that subscribed to its key: the first GODWIT__KEY_SIZE bytes, which
     * arrive as part of it (no insert stands before their end). AGAIN if one of these ports has no room (then
     * none gets it). Takes over what send does. As with queue the caller may hold locks, and calls flush of
     * the publisher, with 0, once it holds none. Any thread. */
    godwit__io_t (*publish) (godwit__channel_t *publisher, const godwit__message_t *message);
    /* Tells which topic a key belongs to, before the first publication with it. From then on what is
     * published with it goes only to ports whose certificate may serve the topic; with a realm, what is
     * published with a key that nobody has named goes nowhere. The names are copied. Only where there is a
     * realm. OUT_OF_MEMORY. Any thread. NULL: the driver gets no realm. */
    godwit_status_t (*name_topic) (godwit__channel_t *publisher, const uint8_t key[GODWIT__KEY_SIZE],
                                   const char *exchange, const char *topic);

    /* Borrowed; valid while the driver is open. Any thread. */
    const godwit__driver_counters_t *(*counters) (const godwit__driver_t *driver);
} godwit__driver_ops_t;

/* The first member of every driver. */
struct godwit__driver {
    const godwit__driver_ops_t *ops;
};

extern const godwit__driver_ops_t godwit__inproc_driver;
extern const godwit__driver_ops_t godwit__zmq_driver;
extern const godwit__driver_ops_t godwit__zmtp_driver;

#endif
