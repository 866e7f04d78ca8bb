/* SPDX-License-Identifier: Apache-2.0 */
/* An outlet: a listener of a pool, as long as it is connected, and how much it has been sent. All is guarded
 * by outbox.lock. */
#ifndef GODWIT_SRC_DELIVERY_OUTLET_H
#define GODWIT_SRC_DELIVERY_OUTLET_H

#include "src/connection/connection.h"
#include "src/delivery/consumer.h"

/* What a listener may be sent before it has said how much it takes. */
#define GODWIT__CREDIT_FIRST 256
/* NOTIFYs without an answer, but not more than its share of what the connection takes. */
#define GODWIT__FLIGHTS_MAX 512

typedef struct godwit__outlet {
    godwit__consumer_t *consumer;
    godwit__list_node_t in_consumer;
    godwit__connection_t *connection; /* a reference */
    uint32_t server_id;
    size_t size_max;    /* of a frame */
    uint32_t credit;    /* entries that it takes without an answer */
    uint32_t unsettled; /* entries */
    size_t unsettled_size;
    unsigned flights; /* without an answer */
    bool is_gone;     /* it is not known any more, or its connection has ended */
    bool was_refused; /* nothing is sent until all is answered, because it must be sent in order */
    int64_t held_ns;  /* since when something is held back, so that more goes together; 0: nothing is */
    int64_t retry_ns; /* nothing is sent before */
    int64_t backoff_ns;
    bool is_seen;  /* mark of the refresh */
    bool was_lost; /* its connection ended with flights */
} godwit__outlet_t;

/* Looks which listeners the stream has, and makes and ends consumers' outlets. Takes transport.lock. False:
 * memory is short, and some may have been left out. */
bool godwit__stream_refresh (godwit__stream_t *stream, int64_t now_ns);
/* One more entry may be sent to it: its credit allows that, and it has not left unanswered half of all that
 * the notifier may keep. The other half is for others: what is on its way cannot be dropped. */
bool godwit__outlet_has_room (const godwit__outlet_t *outlet);
/* The outlet to be used next; NULL: none can be sent to, or none should be yet. *holds: something is held
 * back from now on, so that the control thread has to look again. */
godwit__outlet_t *godwit__outlet_choose (godwit__consumer_t *consumer, int64_t now_ns, bool *holds);
/* It did not take what it was sent: waits longer each time. */
void godwit__outlet_back_off (godwit__outlet_t *outlet, int64_t now_ns);
/* It will not take anything until a certificate is another one: waits for as long as it ever does. */
void godwit__outlet_back_off_long (godwit__outlet_t *outlet, int64_t now_ns);
/* Frees those that are gone, and have answered all. all: also those that are not gone. */
void godwit__outlets_sweep (godwit__consumer_t *consumer, bool all);
/* When one of them may be tried again; NEVER: none waits for that. */
int64_t godwit__outlets_due_ns (const godwit__consumer_t *consumer, int64_t now_ns);
/* Whether there are listeners that are connected, none of which takes a frame of this size. */
bool godwit__outlets_are_too_small (const godwit__consumer_t *consumer, size_t size);
/* Whether the pool has a listener that is connected. */
bool godwit__outlets_any (const godwit__consumer_t *consumer);

#endif
