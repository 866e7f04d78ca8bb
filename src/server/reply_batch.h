/* SPDX-License-Identifier: Apache-2.0 */
/* Replies to a batch of requests: kept while the requests run, and then sent together.
 *
 * A reply batch is open from the first request of the batch to the last. Kept replies must not wait for a
 * slow handler: so they are sent by a leader that gives its lead away, and by the watchdog when it takes the
 * lead away.
 */
#ifndef GODWIT_SRC_SERVER_REPLY_BATCH_H
#define GODWIT_SRC_SERVER_REPLY_BATCH_H

#include "src/interface/driver.h"
#include "src/runtime/transport.h"
#include "src/wire/batch.h"

#include <pthread.h>

typedef struct godwit__reply_batch {
    godwit__channel_t *channel;
    const godwit_transport_t *transport; /* whose log hears of replies that could not be sent */
    atomic_uint_fast64_t *dropped;       /* the counter of them */
    uint64_t unreported;                 /* of them, not in the log yet; guarded by lock */
    atomic_bool is_open;                 /* written with lock held */
    pthread_mutex_t lock;
    godwit__routing_id_t routing_id; /* of all that is in the batch */
    godwit__batch_writer_t batch;
} godwit__reply_batch_t;

void godwit__reply_batch_init (godwit__reply_batch_t *replies, godwit__channel_t *channel,
                               godwit_transport_t *transport);
void godwit__reply_batch_release (godwit__reply_batch_t *replies);
void godwit__reply_batch_open (godwit__reply_batch_t *replies, godwit__routing_id_t routing_id);
/* Queues what there is, for a caller that holds pool.lock. Returns the peer for whom the caller has to flush
 * the port's channel once it has released the lock; 0: nobody. Any thread. */
godwit__routing_id_t godwit__reply_batch_queue (godwit__reply_batch_t *replies);
/* Sends what there is. Any thread. No lock may be held for this and what follows. */
void godwit__reply_batch_flush (godwit__reply_batch_t *replies);
/* The same, and keeps nothing more. Open and close also write to the log. */
void godwit__reply_batch_close (godwit__reply_batch_t *replies);
/* True if the frame was copied in; false if it has to be sent by itself, at once: what the batch had for the
 * same peer may be queued before it. Any thread. */
bool godwit__reply_batch_add (godwit__reply_batch_t *replies, godwit__routing_id_t routing_id,
                              const godwit__message_t *message);

#endif
