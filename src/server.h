/* The inside of a server. */
#ifndef GODWIT_SRC_SERVER_H
#define GODWIT_SRC_SERVER_H

#include "src/dispatch.h"
#include "src/pool_inside.h"
#include "src/request.h"

typedef enum godwit__server_state {
    GODWIT__SERVER_NEW,
    GODWIT__SERVER_UP,
    GODWIT__SERVER_STOPPED /* DRAINING to its clients; what was accepted may still run */
} godwit__server_state_t;

struct godwit_server {
    godwit_transport_t *transport;
    godwit_target_t target;
    godwit__dispatch_t *dispatch;
    uint32_t concurrency;
    uint32_t queue_limit;
    uint32_t weight;
    const godwit_serializer_t *serializer; /* borrowed; NULL: none */

    /* start, stop and destroy take turns: `changing` is the one whose turn it is. (lifecycle) */
    pthread_mutex_t lifecycle;
    pthread_cond_t settled;
    bool changing;
    godwit__server_state_t state;

    /* From the first start on; the rest is guarded by pool.lock. */
    godwit__pool_t *pool;
    uint32_t id;
    uint8_t key[GODWIT__KEY_SIZE];
    uint8_t marker[GODWIT__KEY_SIZE];
    godwit__record_t *record; /* that was announced last */
    bool subscribed;          /* to publications; changed by the control thread */
    uint32_t revision;        /* of the record that was announced last; written by the control thread */
    bool accepts;             /* requests are taken */
    bool leaving;             /* being destroyed: waits for `active` to become 0 */
    bool destroyed;           /* to be freed with its last request */
    uint32_t active;          /* handlers that run */
    uint32_t occupied; /* requests that count towards the concurrency: those of `active`, and kept ones */
    uint32_t queued;
    godwit_request_t *queue_first;
    godwit_request_t *queue_last;
    bool is_ready; /* in the pool's list */
    godwit_server_t *ready_next;
};

/* ---- announce.c ---- */

/* The one of its target, or the transport's. */
const char *godwit__server_exchange (const godwit_server_t *server);
/* Tells the cluster what the server is now. Control thread. */
godwit_status_t godwit__server_announce (godwit_server_t *server, godwit__record_state_t state,
                                         godwit_error_t **error);
/* Answers RESOLVE, whose frame is consumed. False: it was malformed. The port's leader. */
bool godwit__server_resolve (godwit__port_t *port, godwit__origin_t origin, uint64_t id,
                             godwit__frame_t *frame);

/* ---- server.c ---- */

/* With pool.lock: takes everything out of the queue. */
godwit_request_t *godwit__server_empty_queue (godwit_server_t *server);
/* Refuses a list of requests that never ran. Without the lock. */
void godwit__server_refuse (godwit_request_t *requests);
/* With pool.lock: a request of the server is gone. Frees a server that was destroyed with its last one. */
void godwit__server_left (godwit_server_t *server);

#endif
