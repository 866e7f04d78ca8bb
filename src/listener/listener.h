/* SPDX-License-Identifier: Apache-2.0 */
/* A listener: endpoints, and a lane for each topic and priority that it listens to. A lane is a server that
 * takes NOTIFY frames (src/server/order.h), with the steps of a server's life.
 *
 *     NOTIFY --> lane --> each notification --> endpoints                     --> receipt: SETTLED
 *                                         \--> batch, until full or late --> endpoints --/
 *                                          \-> queue --> godwit_listener_next --> program -/
 */
#ifndef GODWIT_SRC_LISTENER_LISTENER_H
#define GODWIT_SRC_LISTENER_LISTENER_H

#include <godwit/listener.h>

#include "src/listener/filter.h"
#include "src/listener/receipt.h"
#include "src/runtime/end_hook.h"
#include "src/runtime/transport.h"
#include "src/wire/notification.h"

typedef struct godwit__listening_endpoint {
    godwit__filter_t *filter;
    godwit_notified_fn *functions[GODWIT_PRIORITY_COUNT];
    godwit_batch_fn *batch;
    unsigned batch_priorities; /* a bit each */
    void *self;
    void (*on_destroy) (void *self);
} godwit__listening_endpoint_t;

typedef struct godwit__lane {
    godwit_listener_t *listener;
    godwit_server_t *server;
    const char *exchange; /* both are kept by the register: pulled notifications point to them */
    const char *topic;
    godwit_priority_t priority;
    atomic_bool has_started; /* ever */
    bool is_over;            /* its server was destroyed, and no handler of it runs */
} godwit__lane_t;

/* A notification that waits for a batch, or for godwit_listener_next, or that the program has. */
typedef struct godwit__letter {
    godwit_notification_t notification; /* the first member */
    godwit__list_node_t in_queue;
    godwit__receipt_t *receipt;
    uint32_t index; /* in the receipt */
    bool allow_requeue;
    unsigned what; /* of a batch: 0, or a godwit__unsettled_t */
    bool is_over;  /* the same: endpoints that follow do not get it */
    int64_t came_ns;
    godwit__handling_t handling; /* if duplicates are dropped: the program has it, or a batch */
} godwit__letter_t;

struct godwit_listener {
    godwit_transport_t *transport;
    godwit__end_hook_t at_end;         /* of the transport */
    godwit_listener_t *next_abandoned; /* of those that stay */
    bool has_quit;                     /* by then, or when it is destroyed */
    godwit_listener_options_t options; /* with defaults; strings are not its own */
    uint32_t credit;
    size_t endpoint_count;
    godwit__listening_endpoint_t *endpoints;
    size_t lane_count;
    godwit__lane_t *lanes;
    godwit__register_t *receipts;

    /* Letters (batch.c, pull.c). */
    pthread_mutex_t lock;
    godwit__change_t changed;
    godwit__list_t queues[GODWIT_PRIORITY_COUNT]; /* pull uses the first only */
    size_t queued[GODWIT_PRIORITY_COUNT];
    bool stopped; /* no more come: a batch is not waited for, and next is CLOSED once none is left */
    bool ends;    /* what handles batches: what comes now goes back */
    bool has_thread;
    pthread_t thread;
    godwit__timer_t timer; /* with external_loop in place of the thread */
    int fd;                /* an eventfd, readable while a letter is queued; -1: none */
};

static inline bool
godwit__listener_batches (const godwit_listener_t *listener)
{
    return listener->options.batch_size > 1 && !listener->options.pull;
}

/* The handler of a lane. self: the lane. */
godwit_status_t godwit__lane_notified (godwit_request_t *request, void *self);

/* Runs the endpoints that want it. Returns what becomes of it: 0, or a godwit__unsettled_t. */
unsigned godwit__listener_handle (godwit_listener_t *listener, const godwit_notification_t *notification);
/* Makes the context and the payload that endpoints see. False: the serializer failed, which is logged. */
bool godwit__listener_deserialize (const godwit_listener_t *listener, godwit_notification_t *notification);

#endif
