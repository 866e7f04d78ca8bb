/* SPDX-License-Identifier: Apache-2.0 */
/* A port: it receives the frames of one driver's links, and its publications. One thread at a time, the
 * leader, receives.
 */
#ifndef GODWIT_SRC_SERVER_PORT_H
#define GODWIT_SRC_SERVER_PORT_H

#include "src/base/list.h"
#include "src/interface/driver.h"
#include "src/loop/reactor.h"
#include "src/runtime/transport.h"
#include "src/server/reply_batch.h"
#include "src/server/session.h"
#include "src/server/session_key.h"
#include "src/wire/batch.h"

typedef struct godwit__port godwit__port_t;
typedef struct godwit__worker godwit__worker_t;

/* A server that drains, and the revision of the record that says so: a client that knows a later record, of a
 * restart, ignores the GOODBYE. Server 0: all servers, for ever. */
typedef struct godwit__goodbye {
    uint32_t server_id;
    uint32_t revision;
} godwit__goodbye_t;

/* The only server that listens to a key, while the pool's servers have this change_count. */
typedef struct godwit__lone_server {
    uint32_t id; /* 0: none is known, or there are several */
    uint64_t changes;
    uint8_t key[GODWIT__KEY_SIZE];
} godwit__lone_server_t;

/* (L): guarded by pool.lock. */
struct godwit__port {
    struct godwit__pool *pool;
    godwit__driver_t *driver;
    godwit__channel_t *channel;
    godwit__port_addresses_t addresses;
    godwit__worker_t *leader;    /* (L) */
    atomic_bool has_tasks;       /* the leader has tasks beside receiving: godwit__port_run_tasks */
    godwit__goodbye_t *goodbyes; /* (L) servers whose clients are to be told that they drain */
    size_t goodbye_count;        /* (L) */
    size_t goodbye_capacity;     /* (L) */
    bool has_realm;              /* whoever sends has a certificate. Constant */
    bool said_leaving;           /* (L) the clients have been told that the process leaves */

    godwit__reply_batch_t reply_batch; /* replies to the batch that is being read */

    /* The leader's. */
    uint32_t box_peer;        /* whose request is looked at, in the black box; 0: not known */
    godwit__caller_t *caller; /* of the request that is looked at; its session's. NULL: there is no realm */
    godwit__list_t drains;    /* goodbyes that some clients have not answered */
    godwit__batch_reader_t batch; /* frames that were received and not looked at yet */
    struct godwit_request *left;  /* of the batch: it has run, and still counts (request_end.h); NULL: none */
    godwit__routing_id_t batch_routing_id;
    bool gathers;        /* replies to batch_routing_id are kept, because its next frame is there */
    int64_t flushed_ns;  /* when replies of the batch were sent for the last time; 0: not known yet */
    int64_t now_ns;      /* the time, while it is fresh; 0: to be asked for */
    unsigned index;      /* among the pool's ports */
    unsigned unmeasured; /* runs of a burst since then (worker_run.c) ... */
    godwit__tally_t *unmeasured_tally; /* ... which count here, and take so long on average */
    int64_t unmeasured_ns;
    godwit__session_secret_t secret; /* of the keys of connections, and of publications in a realm */
    godwit__sessions_t sessions;
    godwit__sessions_t connections; /* what was seen on connections that clients number */
    godwit__sessions_t publications;
    uint64_t fanout_epoch;
    godwit__lone_server_t subscriber;  /* of the last publication */
    godwit__port_counters_t *counters; /* the transport's, of this port */

    /* With external_loop the control reactor leads. */
    godwit__source_t source;
    godwit__task_t again;
};

/* Counts one more, in what only the leader writes. The leader's thread. */
static inline void
godwit__port_count (atomic_uint_fast64_t *counter)
{
    atomic_store_explicit (counter, atomic_load_explicit (counter, memory_order_relaxed) + 1,
                           memory_order_relaxed);
}

/* The next frame: of a batch that was received, or from the channel, for which it waits up to timeout_ns. The
 * leader's thread. */
godwit__io_t godwit__port_next (godwit__port_t *port, godwit__frame_t *frame,
                                godwit__routing_id_t *routing_id, int64_t timeout_ns);
/* Handles a frame that came, and consumes it. The leader's thread; worker is NULL with external_loop. False:
 * it no longer leads. */
bool godwit__port_frame (godwit__port_t *port, godwit__worker_t *worker, godwit__frame_t *frame,
                         godwit__routing_id_t routing_id);
/* Runs the tasks of the leader: goodbyes to be said, a lead to be given up. The leader's thread. False: the
 * worker must give up the lead; port.leader still names it. */
bool godwit__port_run_tasks (godwit__port_t *port);
/* external_loop: the control reactor leads from now on. Control thread. */
godwit_status_t godwit__port_watch (godwit__port_t *port, godwit_error_t **error);

#endif
