/* SPDX-License-Identifier: Apache-2.0 */
/* Another transport, known by its instance: where it can be reached, and the connection to it while it is in
 * use.
 *
 *     IDLE ---wanted---> CONNECTING ---WELCOME---> READY
 *      ^                    |   ^                    |
 *      |                    |   +--- retry timer ----+-- lost: at once, with the next address, or
 *      +--- not wanted -----+------- BACKOFF <-------+   after every address failed: back-off
 */
#ifndef GODWIT_SRC_DISCOVERY_PEER_H
#define GODWIT_SRC_DISCOVERY_PEER_H

#include "src/base/delay.h"
#include "src/base/table.h"
#include "src/connection/connection.h"

struct godwit__peer;

typedef enum godwit__peer_state {
    GODWIT__PEER_IDLE,
    GODWIT__PEER_CONNECTING,
    GODWIT__PEER_READY,
    GODWIT__PEER_BACKOFF
} godwit__peer_state_t;

/* What peers tell the files that use them. */
typedef struct godwit__peer_hooks {
    godwit__connection_events_t connection; /* of the connections that peers open; owner: the peer */
    /* None of its addresses could be connected to. With transport.lock held. */
    void (*unreachable) (struct godwit__peer *peer);
} godwit__peer_hooks_t;

/* Everything is guarded by transport.lock; the timer belongs to the control thread. */
typedef struct godwit__peer {
    godwit_transport_t *transport;
    uint8_t key[GODWIT__UUID_SIZE]; /* the instance; a hash of the address while that is not known (static
                                       records) */
    uint8_t instance[GODWIT__UUID_SIZE]; /* all zero: not known */
    godwit__table_node_t by_key;         /* in the directory */
    godwit__peer_state_t state;
    godwit__connection_t *connection; /* the current one, which may be opening; NULL if none */
    godwit__record_t *record;         /* the newest, for its addresses */
    /* The record that led to the last connection, or the first record: a newer record that is wrong does not
     * hide a peer that can be reached. */
    godwit__record_t *fallback;
    godwit__record_t *tried; /* which of the two gave the address of the connection */
    unsigned failures;       /* rounds in a row in which no address could be connected to */
    size_t next_address;
    size_t member_count; /* servers of this peer in the directory; without any, the peer goes away */
    bool wanted;         /* somebody wants to call it */
    int64_t backoff_ns;
    uint64_t failed_rounds; /* how often all of its addresses have failed */
    char *failing; /* what became of its addresses in this round: "ADDRESS (why), ADDRESS (why)"; NULL: none
                      has failed */
    char *failed;  /* the same of the last round in which all of them failed */
    godwit__timer_t retry_timer;
    godwit__task_t work_task; /* connects a wanted peer, or takes a peer without members away */

    /* Of a peer whose servers were listed (src/discovery/resolve.h). */
    bool is_listed;
    bool resolve_paused; /* a query that was refused is sent again only when somebody wants the peer */
    bool resolve_now;    /* the task has to ask */
    int64_t resolve_backoff_ns;
    godwit__timer_t resolve_timer;
    godwit__task_t resolve_task;
} godwit__peer_t;

/* How long to wait until a peer is connected to, or asked, again. */
static inline int64_t
godwit__peer_next_backoff (const godwit__peer_t *peer, int64_t *backoff_ns)
{
    static const godwit__delay_rule_t rule = {.first_ns = 5 * GODWIT__NS_PER_MS,
                                              .max_ns = 1000 * GODWIT__NS_PER_MS,
                                              .least_percent = 50,
                                              .most_percent = 100};
    return godwit__delay_next (backoff_ns, &rule, godwit__transport_random (peer->transport, UINT64_MAX));
}

/* The peer with this key; NULL: there is none. With lock held. */
godwit__peer_t *godwit__peer_find (const godwit_transport_t *transport, const uint8_t key[GODWIT__UUID_SIZE]);
/* The peer of a record, made if need be; NULL when memory is short. With lock held. */
godwit__peer_t *godwit__peer_get (godwit_transport_t *transport, godwit__record_t *record);
/* The peer has one member less. With lock held. */
void godwit__peer_release (godwit__peer_t *peer);
/* Somebody wants to call the peer: connects, unless it is connected or backs off. With lock held. */
void godwit__peer_want (godwit__peer_t *peer);

/* The address that the peer is connected by or, if it is not, the first that would be tried; NULL: it has
 * none that this process can use. Borrowed from the peer. With lock held. */
const char *godwit__peer_address (const godwit__peer_t *peer);

/* The peer's connection is READY. With lock held. */
void godwit__peer_set_ready (godwit__peer_t *peer);
/* The peer has lost its connection; the reference to it is now the caller's. True: the peer was READY. With
 * lock held. */
bool godwit__peer_set_lost (godwit__peer_t *peer, const char *reason);

/* Pings silent connections, closes idle ones. Control thread, every second or so. */
void godwit__peers_tick (godwit_transport_t *transport);
/* Ends all connections, and the peers with them. Control thread, when the transport is closing. */
void godwit__peers_close (godwit_transport_t *transport);

#endif
