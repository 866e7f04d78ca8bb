/* SPDX-License-Identifier: Apache-2.0 */
/* The publisher: the sending side of a transport's fanouts. publisher.c knows who subscribed and connects to
 * subscribers; publisher_send.h sends; fanout.c waits until the servers of a topic have subscribed.
 */
#ifndef GODWIT_SRC_CLIENT_PUBLISHER_H
#define GODWIT_SRC_CLIENT_PUBLISHER_H

#include "src/base/hash.h"
#include "src/base/table.h"
#include "src/client/publish_batch.h"
#include "src/discovery/directory.h"

/* What somebody subscribed to: a topic's key, or the marker of a server. */
typedef struct godwit__marker {
    uint8_t key[GODWIT__KEY_SIZE];
    unsigned count; /* connections that told it: a new one may come before the old one's end */
    godwit__table_node_t by_key;
} godwit__marker_t;

/* The numbers that a topic's publications carry. */
typedef struct godwit__sequence {
    uint8_t key[GODWIT__KEY_SIZE];
    uint64_t last;
    uint64_t told; /* the last number that a LAST has told */
    bool tells;    /* somebody has subscribed since: LAST is to be sent */
    godwit__table_node_t by_key;
} godwit__sequence_t;

/* A port that a channel is connected to. */
typedef struct godwit__subscriber {
    char *address;
    size_t channel;
    bool wanted; /* mark of the sweep */
    godwit__table_node_t by_address;
} godwit__subscriber_t;

typedef struct godwit__publisher {
    godwit_transport_t *transport;
    uint32_t number; /* tells this publisher's sequences from others' */
    godwit__channel_t *channels[GODWIT__DRIVER_MAX];
    godwit__source_t sources[GODWIT__DRIVER_MAX];
    atomic_size_t subscriber_counts[GODWIT__DRIVER_MAX]; /* of each channel */
    godwit__table_t subscribers;                         /* the control thread's own */
    godwit__table_t markers;                             /* guarded by transport.lock */
    pthread_mutex_t lock; /* guards what follows, and keeps publications in their order */
    godwit__table_t sequences;
    godwit__publish_batch_t batch;
    godwit__message_t unsent; /* taken from the batch, but a subscriber's queue was full; size 0: none */
    unsigned unsent_done;     /* the channels that have taken it, a bit each */
    unsigned queued;          /* the channels on which something was queued since the lock was taken */
    bool batch_watched;       /* batch_timer is armed, or will be */
    godwit__task_t batch_task;
    godwit__timer_t batch_timer;
    bool last_watched; /* last_timer is armed, or will be */
    godwit__task_t last_task;
    godwit__timer_t last_timer;
} godwit__publisher_t;

/* The hash of a topic's key, or of a marker. They come from outside. The seed is the publisher's address,
 * which nobody outside knows. */
static inline uint64_t
godwit__publisher_hash (const godwit__publisher_t *publisher, const uint8_t *key)
{
    return godwit__hash ((uintptr_t) publisher, key, GODWIT__KEY_SIZE);
}

/* Makes the transport's publisher, if it can be made. Control thread. */
void godwit__publisher_create (void *transport);
/* Connects to the servers of all topics that had a fanout, and disconnects from servers that are not known
 * any more. Control thread. */
void godwit__publisher_connect (void *transport);
/* Before the first publication of a topic: with a realm, tells drivers whose key it is, so that they send
 * only to those who may serve it. OUT_OF_MEMORY. Any thread, no lock held. */
godwit_status_t godwit__publisher_name (const godwit__publisher_t *publisher, godwit__group_t *group,
                                        godwit_error_t **error);
/* NULL: it is not connected to this address. Control thread. */
godwit__subscriber_t *godwit__publisher_subscriber (const godwit__publisher_t *publisher,
                                                    const char *address);
/* True if the server with this marker is subscribed: the news of it has come in. With transport.lock held. */
bool godwit__publisher_is_subscribed (const godwit__publisher_t *publisher, const uint8_t *marker);
/* Closes the channels and frees it. Control thread, when nobody publishes any more. */
void godwit__publisher_destroy (struct godwit__publisher **publisher);

#endif
