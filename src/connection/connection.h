/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to another process, from the opening of its link to its end, and the calls that are pending
 * on it.
 *
 * Any thread sends. One thread at a time *leads*: it receives, and completes the calls whose replies came.
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
 * at the moment, so that a GOODBYE is read, and on connections with asynchronous calls. A caller that finds
 * NOBODY, or REACTOR without asynchronous calls, leads itself: no other thread touches its reply. All other
 * callers follow: each sleeps on a word of its own.
 */
#ifndef GODWIT_SRC_CONNECTION_CONNECTION_H
#define GODWIT_SRC_CONNECTION_CONNECTION_H

#include "src/connection/pending.h"
#include "src/runtime/transport.h"
#include "src/wire/batch.h"
#include "src/wire/header.h"
#include "src/wire/wire.h"

typedef enum godwit__connection_state {
    GODWIT__CONNECTION_OPENING, /* waiting for the link and for WELCOME */
    GODWIT__CONNECTION_READY,
    GODWIT__CONNECTION_LEAVING, /* the other process ends: replies still come, requests go elsewhere */
    GODWIT__CONNECTION_DOWN
} godwit__connection_state_t;

typedef enum godwit__lead {
    GODWIT__LEAD_NOBODY,
    GODWIT__LEAD_CALLER,
    GODWIT__LEAD_REACTOR,
    GODWIT__LEAD_REACTOR_BUSY
} godwit__lead_t;

/* A connection remembers the last servers that drain, up to this many: a request for one of them, chosen a
 * moment ago, is not sent any more. */
#define GODWIT__DRAINING_MAX 16

struct godwit__connection;

/* What the owner of a connection is told. Any thread, no lock held. */
typedef struct godwit__connection_events {
    void (*ready) (struct godwit__connection *connection);
    void (*lost) (struct godwit__connection *connection, const char *reason);
    /* A server of the other process drains; server_id 0: all of them do. */
    void (*goodbye) (struct godwit__connection *connection, uint32_t server_id, uint32_t revision);
    /* The certificate of the other process is void: no request is sent over it any more, those that run go
     * on, and it is lost soon. reason: borrowed. The control thread. */
    void (*voided) (struct godwit__connection *connection, const char *reason);
    /* The other process has another certificate now, perhaps with other rights. The control thread. */
    void (*renewed) (struct godwit__connection *connection);
} godwit__connection_events_t;

/* What has passed over a connection, and what came of the calls. */
typedef struct godwit__tally_of_link {
    uint64_t sent, sent_size;         /* requests, and their bytes */
    uint64_t received, received_size; /* answers to them */
    uint64_t replied, failed, refused;
    uint64_t timed_out, lost;
} godwit__tally_of_link_t;

typedef struct godwit__connection {
    atomic_uint refs;
    godwit_transport_t *transport; /* outlives every connection */
    const godwit__connection_events_t *events;
    void *owner;             /* guarded by transport.lock; NULL once the owner has another connection */
    godwit__channel_t *link; /* constant until the last reference is gone */
    char *address;           /* that the link was opened to */
    uint8_t expect[GODWIT__UUID_SIZE];
    uint8_t instance[GODWIT__UUID_SIZE]; /* of the process that answered; constant once it is READY */
    uint64_t features;                   /* what that process can do; constant once it is READY */

    pthread_mutex_t lock;
    _Atomic (godwit__connection_state_t) state; /* written with lock held */
    godwit__lead_t lead;
    uint32_t number;        /* chosen at random, so that nobody else knows it; never 0 (renumber.h) */
    uint64_t renumbered_id; /* the last request that was sent under an earlier number */
    int64_t renumbered_ns;  /* when its present number began; 0: it is the first */
    uint64_t last_id;
    godwit__table_t pending;   /* by id; ids are consecutive, so each is its own hash */
    size_t asynchronous_count; /* of them */
    int64_t earliest_ns;       /* no asynchronous call has an earlier deadline */
    godwit__list_t followers;
    /* Requests that the reactor's callbacks make. They are kept until the reactor has received all that is
     * there, and are then sent as one message. Requests with an id above sent_id are still in the batch. */
    godwit__batch_writer_t batch;
    int64_t batch_began_ns; /* when the first request of the batch was made */
    uint64_t sent_id;
    bool is_queued;         /* something was queued since the lock was taken (queue.h) */
    atomic_uint told_count; /* callers who were told that their reply came, and have not run yet (defer.h) */
    atomic_uint
        deferred_count; /* requests that are queued and leave when these have run; written with lock held */
    /* The other side's port reads without a limit, so that it can always answer. So the number of requests
     * that it has not read is limited here. */
    uint64_t read_id;  /* the latest request that the port has read, as far as is known */
    uint64_t asked_id; /* the request that the unanswered PING asks about; 0: no PING is unanswered */
    bool heard;        /* a frame has come since the last look (news.h) */
    bool is_batched;   /* in the completion's list of connections with a batch; its thread only */
    struct godwit__connection *next_batched;
    uint32_t draining[GODWIT__DRAINING_MAX]; /* server ids; no id is given twice */
    unsigned draining_count;                 /* servers that said GOODBYE so far */
    uint32_t box_peer; /* the other process in the black box; constant once the connection is READY */

    godwit__tally_of_link_t tally;
    int64_t ready_ns; /* when it became READY; 0: it has not */

    uint64_t use_count; /* requests so far; a reader compares it with the count at its last look */

    /* For the errors of calls (news.h). */
    const char *ended; /* why it is DOWN; static text */
    int64_t look_ns;   /* the last look; 0: not READY yet */
    int64_t heard_ns;  /* the last frame that came before that look came after this time */

    /* The completion reactor's own. */
    godwit__source_t source;
    godwit__task_t receive_task; /* attaches itself if it must, and receives */
    godwit__task_t retire_task;  /* detaches itself, and gives the reactor's reference back */
    godwit__list_node_t led;     /* in the completion's list */
    uint64_t use_count_at_tick;

    /* The control thread's own. */
    godwit__timer_t welcome_timer;
    godwit__task_t close_task;
    uint64_t use_count_at_look;
    int64_t last_used_ns;
    int64_t last_ping_ns;

    atomic_uint notifies; /* NOTIFYs without an answer; for src/delivery, which lets calls have the rest */
} godwit__connection_t;

/* Opens a link to an address and says HELLO. The connection becomes READY or DOWN, and the owner is told.
 * expect: the instance that has to answer; all zero: any. The caller owns a reference. Control thread. */
godwit_status_t godwit__connection_open (godwit__connection_t **connection, godwit_transport_t *transport,
                                         const godwit__connection_events_t *events, void *owner,
                                         const uint8_t expect[GODWIT__UUID_SIZE], godwit__driver_t *driver,
                                         const char *address, godwit_error_t **error);
/* Lets the connection receive. To be called once the owner has stored the connection. */
void godwit__connection_begin (godwit__connection_t *connection);
godwit__connection_t *godwit__connection_ref (godwit__connection_t *connection);
/* The last reference closes the link, on the control thread. */
void godwit__connection_unref (godwit__connection_t **connection);

/* Ends a connection: pending calls are LOST, the owner is told. Any thread; may be called again. */
void godwit__connection_down (godwit__connection_t *connection, const char *reason);

/* Gives the request (a whole frame) the next id and hands it over. pending: NULL for a cast; otherwise it is
 * pending when this returns OK, and may have ended already. AGAIN: no room now; CLOSED: not READY (any
 * more); REFUSED: too large or no memory. Any thread. */
godwit__io_t godwit__connection_send (godwit__connection_t *connection, const godwit__message_t *request,
                                      godwit__pending_t *pending);
/* Tells the other side that nobody waits for a request any more, if that can be done now. Any thread. */
void godwit__connection_cancel (godwit__connection_t *connection, uint32_t server_id, uint64_t id);
/* This server has said GOODBYE over it. Any thread; transport.lock may be held. */
bool godwit__connection_left_server (godwit__connection_t *connection, uint32_t server_id);
/* Waits until `pending` has ended, and leads if no other thread does. At its deadline `pending` is
 * EXPIRED. */
void godwit__connection_await (godwit__connection_t *connection, godwit__pending_t *pending);

/* Who is at the other end: the caller's reference. NULL: there is no realm, or it is not up. Any thread;
 * transport.lock may be held. */
static inline godwit__party_t *
godwit__connection_party (const godwit__connection_t *connection)
{
    return connection->transport->realm ? godwit__channel_party (connection->link) : NULL;
}

/* Ends every pending call of an owner (NULL: of all) as ABANDONED. Any thread. */
void godwit__connection_abandon (godwit__connection_t *connection, const void *owner);
/* Ends one call as ABANDONED, if it is still pending. */
void godwit__connection_abandon_one (godwit__connection_t *connection, godwit__pending_t *pending);

/* Whether a reply is still to come. transport.lock may be held. */
bool godwit__connection_has_pending (godwit__connection_t *connection);
/* Says PING every 5 s, so that the port does not forget the connection. Ends a connection that nobody has
 * used for idle_timeout_ms. Control thread, every second or so.
 *
 * A missing PONG alone has no effect. PONG, like every reply, tells what the port has read: at most
 * queue_limit requests may be unread, and further requests wait (AGAIN). The driver notices when the other
 * process is gone or stands still (drivers/zmq/channel.c, drivers/zmq/stall.h), and reports the link as
 * down. */
void godwit__connection_look_after (godwit__connection_t *connection, int64_t now_ns);

#endif
