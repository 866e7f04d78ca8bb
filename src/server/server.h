/* SPDX-License-Identifier: Apache-2.0 */
/* A server: its methods, the steps of its life, and the requests that it has. */
#ifndef GODWIT_SRC_SERVER_SERVER_H
#define GODWIT_SRC_SERVER_SERVER_H

#include <godwit/server.h>

#include "src/server/dispatch.h"
#include "src/server/pool.h"
#include "src/server/request.h"

typedef enum godwit__server_state {
    GODWIT__SERVER_NEW,
    GODWIT__SERVER_UP,
    GODWIT__SERVER_STOPPED /* DRAINING to its clients; accepted requests may still run */
} godwit__server_state_t;

typedef enum godwit__server_change {
    GODWIT__CHANGE_NONE,
    GODWIT__CHANGE_START,
    GODWIT__CHANGE_STOP
} godwit__server_change_t;

struct godwit_server {
    godwit_transport_t *transport;
    godwit_target_t target;
    godwit__dispatch_t *dispatch;
    godwit_serializer_t *own_serializer; /* destroyed with the server; NULL: none */
    uint32_t queue_limit;
    uint32_t weight;
    const godwit_serializer_t *serializer; /* borrowed; NULL: none */
    bool checks_rights;                    /* there is a realm, or a policy: each request is checked */
    godwit_authorize_fn *authorize;        /* the program's policy; NULL: none */
    void *authorize_user;
    bool in_order; /* executor "inline": one request after the other */
    bool is_lane;  /* of a listener: it takes NOTIFY, and nothing else (order.h) */

    /* The steps of its life (src/server/lifecycle.h draws them), guarded by transport.lock. */
    godwit__clock_t clock; /* of log_after and timeouts: the transport's */
    godwit__server_state_t state;
    godwit__server_change_t changing; /* the step that a thread is doing */
    atomic_uint_fast64_t life;        /* starts that succeeded; also read under pool.lock */
    uint64_t start_count;             /* starts, failed ones included */
    godwit_error_t *start_failure;    /* of the last start; NULL: it succeeded */
    unsigned visitors;                /* threads in a step */
    atomic_bool ending;

    /* From the first start on; the rest is guarded by pool.lock. */
    godwit__pool_t *pool;
    uint32_t id;
    godwit__table_node_t by_id; /* of the pool */
    uint8_t key[GODWIT__KEY_SIZE];
    uint8_t marker[GODWIT__KEY_SIZE];
    godwit__record_t *record; /* that was announced last */
    bool subscribed;          /* to publications; changed by the control thread */
    uint32_t revision;        /* of the record that was announced last; written by the control thread */
    uint32_t concurrency;     /* requests that are run, or kept, at a time */
    bool accepts;             /* requests are taken */
    bool stops;               /* it drains, or has stopped */
    size_t undrained_ports;   /* ports with clients that have not answered its GOODBYE */
    bool leaving;             /* being destroyed: waits for `active` to become `abandoned` */
    bool destroyed;           /* to be freed with its last request */
    uint32_t active;          /* handlers that run */
    uint32_t held;            /* by threads that look at it (server_hold.h): destroying it waits for them */
    uint32_t abandoned;       /* of `active`: nobody waits for them (src/server/abandon.h) */
    uint32_t occupied;        /* requests that count towards the concurrency: `active`, and kept ones */
    uint32_t queued;
    size_t queued_size; /* bytes of them */
    uint64_t refused;   /* requests that were not taken, ever */
    uint64_t overloads; /* requests that were refused because the queue was full, and not logged yet */
    godwit__list_t queue;
    godwit__list_t running;                          /* those of `occupied` */
    godwit__list_node_t in_ready;                    /* of the pool */
    struct godwit__refused_senders *refused_senders; /* of a lane (order.h); NULL: none */
};

/* The exchange of the server's target, or else the transport's. */
static inline const char *
godwit__server_exchange (const godwit_server_t *server)
{
    return server->target.exchange ? server->target.exchange : server->transport->control_exchange;
}

/* Frees the memory of a server. A destroyed server keeps it until its last request is gone. */
void godwit__server_free (godwit_server_t *server);

/* With pool.lock: a request of the server is gone. Frees a server that was destroyed with its last one. */
static inline void
godwit__server_left (godwit_server_t *server)
{
    if (server->destroyed && !server->occupied)
        godwit__server_free (server);
}

/* With pool.lock: true if the request's server and the transport may still be used. A request that was kept
 * may outlive them. */
static inline bool
godwit__request_has_server (const godwit_request_t *request)
{
    return !request->pool->closed && !request->server->destroyed;
}

#endif
