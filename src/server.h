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
    bool subscribed;   /* to publications; changed by the control thread */
    uint32_t revision; /* of the record that was announced last; written by the control thread */
    bool accepts;      /* requests are taken */
    bool destroyed;    /* to be freed with its last request */
    uint32_t active;   /* handlers that run */
    uint32_t occupied; /* requests that count towards the concurrency: those of `active`, and kept ones */
    uint32_t queued;
    godwit_request_t *queue_first;
    godwit_request_t *queue_last;
    bool is_ready; /* in the pool's list */
    godwit_server_t *ready_next;
};

/* With pool.lock: takes everything out of the queue. */
godwit_request_t *godwit__server_empty_queue (godwit_server_t *server);
/* Refuses a list of requests that never ran. Without the lock. */
void godwit__server_refuse (godwit_request_t *requests);
/* With pool.lock: a request of the server is gone. Frees a server that was destroyed with its last one. */
void godwit__server_left (godwit_server_t *server);

#endif
