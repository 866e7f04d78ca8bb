/* One connection to another process, from its link's opening to its end, and the calls that are pending
 * on it.
 *
 * Any thread sends. One at a time *leads*: it receives, and completes whoever's reply came.
 *
 *     NOBODY ----- a caller waits ------------------------> CALLER --- its reply came ---+
 *       ^  ^                                                  ^                          |
 *       |  +---------- nobody else waits ---------------------|--------------------------+
 *       |                                                     +--- promotes a follower --+
 *     no calls for a while (tick), or asynchronous calls pending
 *       v                                                     ^
 *     REACTOR <---> REACTOR_BUSY (receiving) --- a caller waits and no asynchronous call is pending
 *
 * REACTOR is the completion reactor (src/connection/completion.h): it leads on connections that nobody uses
 * at the moment, so that a GOODBYE is read, and on those with asynchronous calls. A caller that finds NOBODY,
 * or REACTOR without asynchronous calls, leads itself: no other thread touches its reply. All others follow:
 * they sleep on a condition of their own.
 */
#ifndef GODWIT_SRC_CONNECTION_CONNECTION_H
#define GODWIT_SRC_CONNECTION_CONNECTION_H

#include "src/runtime/transport.h"
#include "src/wire/batch.h"
#include "src/wire/header.h"
#include "src/wire/wire.h"

struct godwit__peer;

typedef enum godwit__pending_outcome {
    GODWIT__PENDING_WAITING,
    GODWIT__PENDING_UNSENT,   /* never handed over: the connection went down, or had no room */
    GODWIT__PENDING_REPLIED,  /* header and frame hold a REPLY, FAILURE or NACK */
    GODWIT__PENDING_LOST,     /* the connection went down after the request was handed over */
    GODWIT__PENDING_EXPIRED,  /* the deadline passed */
    GODWIT__PENDING_ABANDONED /* its client or the transport is being destroyed */
} godwit__pending_outcome_t;

/* A request that was handed over and has no reply yet. Embedded in a call; the connection knows it from a
 * successful godwit__connection_send until it has ended. */
typedef struct godwit__pending {
    uint64_t id;
    _Atomic (int64_t) deadline_ns; /* written with the connection's lock held once it is pending */
    int64_t left_ns;               /* until then, when it was sent */
    int64_t monitor_ns; /* contract 4: each news of the call moves its deadline to so much later, ... */
    int64_t end_ns;     /* ... but never beyond this. 0: it is not monitored, and the deadline stays */
    const void *owner;  /* the client, for godwit__connection_abandon */
    /* NULL: a caller waits with godwit__connection_await. Otherwise called once it has finished, on any
     * thread, without a lock held; the pending may be freed in it. */
    void (*finished) (struct godwit__pending *pending);

    _Atomic (godwit__pending_outcome_t) outcome;
    godwit__header_t header;
    godwit__frame_t frame;

    struct godwit__pending *next; /* in a bucket; later in a list of what has ended */
    struct godwit__pending *next_follower, *previous_follower;
    pthread_cond_t wake; /* only while it follows */
    bool follows;
    bool leads; /* the connection's lead is CALLER, and it is this one's */
} godwit__pending_t;

typedef enum godwit__connection_state {
    GODWIT__CONNECTION_OPENING, /* waiting for the link and for WELCOME */
    GODWIT__CONNECTION_READY,
    GODWIT__CONNECTION_LEAVING, /* the other process ends: replies come still, requests go elsewhere */
    GODWIT__CONNECTION_DOWN
} godwit__connection_state_t;

typedef enum godwit__lead {
    GODWIT__LEAD_NOBODY,
    GODWIT__LEAD_CALLER,
    GODWIT__LEAD_REACTOR,
    GODWIT__LEAD_REACTOR_BUSY
} godwit__lead_t;

/* Servers that drain, of which a connection remembers the last ones: a request that was meant for one of them
 * a moment ago is not sent any more. */
#define GODWIT__DRAINING_MAX 16

typedef struct godwit__connection {
    atomic_uint refs;
    godwit_transport_t *transport; /* outlives every connection */
    struct godwit__peer *peer;     /* guarded by transport.lock; NULL once the connection was replaced */
    godwit__channel_t *link;       /* constant until the last reference is gone */
    uint32_t number;               /* of all that the transport has opened; never 0 */
    uint8_t expect[GODWIT__UUID_SIZE];
    uint8_t instance[GODWIT__UUID_SIZE]; /* who answered; constant once it is READY */
    uint64_t features;                   /* of them; the same */

    pthread_mutex_t lock;
    _Atomic (godwit__connection_state_t) state; /* written with lock held */
    godwit__lead_t lead;
    uint64_t last_id;
    godwit__pending_t **buckets; /* a power of two of them; ids are consecutive, so chains are short */
    size_t bucket_count;
    size_t pending_count;
    size_t asynchronous_count; /* of them */
    int64_t earliest_ns;       /* no asynchronous deadline is before this */
    godwit__pending_t *first_follower, *last_follower;
    /* Requests of the reactor's callbacks, kept until it has received what there is, and then sent as one.
     * Those with an id above sent_id are still here. */
    godwit__batch_writer_t batch;
    int64_t batch_began_ns; /* when the first of them was made */
    uint64_t sent_id;
    /* The port reads without a limit of its own, so that it can always answer: what it has not read is
     * bounded here. */
    uint64_t read_id;  /* the latest request that it is known to have read */
    uint64_t asked_id; /* what the PING that is under way asks about; 0: there is none */
    bool is_batched;   /* in the completion's list of those that have some; its thread only */
    struct godwit__connection *next_batched;
    uint32_t draining[GODWIT__DRAINING_MAX]; /* by server_id, which none gets twice */
    unsigned draining_count;                 /* so many said GOODBYE */

    uint64_t use_count;        /* calls so far ... */
    uint64_t use_count_seen;   /* ... at the completion's last tick ... */
    uint64_t use_count_ticked; /* ... and at the control thread's */

    /* The completion reactor's own. */
    godwit__source_t source;
    godwit__task_t receive_task; /* watches if it must, and receives */
    godwit__task_t retire_task;  /* unwatches, and gives the reactor's reference back */
    struct godwit__connection *next_led, *previous_led;
    bool led; /* in the completion's list */

    /* The control thread's own. */
    godwit__timer_t welcome_timer;
    godwit__task_t close_task;
    int64_t last_used_ns;
    int64_t last_ping_ns;
} godwit__connection_t;

/* Opens a link to an address and says HELLO; ends in READY or DOWN, which the peer is told
 * (src/discovery/peer.h). The caller owns a reference. Control thread. */
godwit_status_t godwit__connection_open (godwit__connection_t **connection, struct godwit__peer *peer,
                                         godwit__driver_t *driver, const char *address,
                                         godwit_error_t **error);
/* Lets it receive: once the peer knows it as its connection. */
void godwit__connection_begin (godwit__connection_t *connection);
godwit__connection_t *godwit__connection_ref (godwit__connection_t *connection);
/* The last reference closes the link, on the control thread. */
void godwit__connection_unref (godwit__connection_t **connection);

/* Ends a connection: pending calls are LOST, the peer is told. Any thread, once or more often. */
void godwit__connection_down (godwit__connection_t *connection, const char *reason);

/* Gives the request (a whole frame) the next id and hands it over. pending: NULL for a cast; otherwise it is
 * pending when this returns OK, and may have ended already. AGAIN: no room now; CLOSED: not READY (any
 * more); REFUSED: too large or no memory. Any thread. */
godwit__io_t godwit__connection_send (godwit__connection_t *connection, const godwit__message_t *request,
                                      godwit__pending_t *pending);
/* Says PING, which keeps the connection in the port's mind; its PONG tells what has been read. Any thread. */
void godwit__connection_ping (godwit__connection_t *connection);
/* Tells the other side that nobody waits for a request any more, if that can be done now. Any thread. */
void godwit__connection_cancel (godwit__connection_t *connection, uint32_t server_id, uint64_t id);
/* This server has said GOODBYE over it. Any thread; transport.lock may be held. */
bool godwit__connection_left_server (godwit__connection_t *connection, uint32_t server_id);
/* Sends the requests that were kept in the batch. Completion reactor. */
void godwit__connection_flush (godwit__connection_t *connection);
/* Waits until pending has finished, leading if nobody does. At its deadline it is EXPIRED. */
void godwit__connection_await (godwit__connection_t *connection, godwit__pending_t *pending);

/* Ends every pending call of an owner (NULL: of all) as ABANDONED. Any thread. */
void godwit__connection_abandon (godwit__connection_t *connection, const void *owner);
/* Ends one, if it is pending still. */
void godwit__connection_abandon_one (godwit__connection_t *connection, godwit__pending_t *pending);

/* For the completion reactor, on its thread. */
void godwit__connection_receive (godwit__connection_t *connection);
/* Parks the connection with the reactor if nobody used it since the last tick; true if it is parked. */
bool godwit__connection_tick (godwit__connection_t *connection);
/* Ends what is past its deadline. Returns the next deadline. */
int64_t godwit__connection_expire (godwit__connection_t *connection, int64_t now_ns);

#endif
