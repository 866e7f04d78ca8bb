/* SPDX-License-Identifier: Apache-2.0 */
#include "src/server/reply_batch.h"

#include "src/runtime/warnings.h"

enum { KEY_UNSENT = 0x7562 };

void
godwit__reply_batch_init (godwit__reply_batch_t *replies, godwit__channel_t *channel,
                          godwit_transport_t *transport)
{
    replies->channel = channel;
    replies->transport = transport;
    replies->dropped = &transport->counters.frames_dropped;
    replies->unreported = 0;
    atomic_init (&replies->is_open, false);
    pthread_mutex_init (&replies->lock, NULL);
    replies->batch = (godwit__batch_writer_t){.data = NULL};
}

void
godwit__reply_batch_release (godwit__reply_batch_t *replies)
{
    godwit__batch_writer_release (&replies->batch);
    pthread_mutex_destroy (&replies->lock);
}

/* With lock held. Returns whom the replies were queued for; 0: nobody. */
static godwit__routing_id_t
queue (godwit__reply_batch_t *replies)
{
    const uint32_t count = replies->batch.count;
    if (count == 0)
        return 0;
    const godwit__message_t message = godwit__batch_take (&replies->batch);
    if (replies->channel->ops->queue (replies->channel, replies->routing_id, &message) == GODWIT__IO_OK)
        return replies->routing_id;
    atomic_fetch_add_explicit (replies->dropped, count, memory_order_relaxed);
    replies->unreported += count;
    return 0;
}

/* Without lock. The port is closed after all who use it have ended (pool_life.c). */
static void
flush (const godwit__reply_batch_t *replies, godwit__routing_id_t queued_for)
{
    if (queued_for)
        replies->channel->ops->flush (replies->channel, queued_for);
}

/* Contract 5: a failing reply is logged. */
static void
report (const godwit__reply_batch_t *replies, uint64_t count)
{
    if (count)
        godwit__warn (
            replies->transport, KEY_UNSENT ^ replies->routing_id,
            "%llu replies to connection %lu could not be sent: their caller is gone, or does not read",
            (unsigned long long) count, (unsigned long) (replies->routing_id & UINT32_MAX));
}

void
godwit__reply_batch_open (godwit__reply_batch_t *replies, godwit__routing_id_t routing_id)
{
    pthread_mutex_lock (&replies->lock);
    const godwit__routing_id_t queued_for = queue (replies);
    const uint64_t unreported = replies->unreported;
    replies->unreported = 0;
    replies->routing_id = routing_id;
    atomic_store_explicit (&replies->is_open, true, memory_order_relaxed);
    pthread_mutex_unlock (&replies->lock);
    flush (replies, queued_for);
    report (replies, unreported);
}

godwit__routing_id_t
godwit__reply_batch_queue (godwit__reply_batch_t *replies)
{
    if (!atomic_load_explicit (&replies->is_open, memory_order_relaxed))
        return 0;
    pthread_mutex_lock (&replies->lock);
    const godwit__routing_id_t queued_for = queue (replies);
    pthread_mutex_unlock (&replies->lock);
    return queued_for;
}

void
godwit__reply_batch_flush (godwit__reply_batch_t *replies)
{
    flush (replies, godwit__reply_batch_queue (replies));
}

void
godwit__reply_batch_close (godwit__reply_batch_t *replies)
{
    pthread_mutex_lock (&replies->lock);
    const godwit__routing_id_t queued_for = queue (replies);
    const uint64_t unreported = replies->unreported;
    replies->unreported = 0;
    atomic_store_explicit (&replies->is_open, false, memory_order_relaxed);
    pthread_mutex_unlock (&replies->lock);
    flush (replies, queued_for);
    report (replies, unreported);
}

bool
godwit__reply_batch_add (godwit__reply_batch_t *replies, godwit__routing_id_t routing_id,
                         const godwit__message_t *message)
{
    if (!atomic_load_explicit (&replies->is_open, memory_order_relaxed))
        return false;
    pthread_mutex_lock (&replies->lock);
    bool added = false;
    godwit__routing_id_t queued_for = 0;
    if (atomic_load_explicit (&replies->is_open, memory_order_relaxed) && routing_id == replies->routing_id) {
        added = !message->insert_count && godwit__batch_add (&replies->batch, message->data, message->size);
        if (!added || replies->batch.count >= GODWIT__BATCH_COUNT)
            queued_for = queue (replies);
    }
    pthread_mutex_unlock (&replies->lock);
    if (added) /* otherwise the caller sends, to the same peer */
        flush (replies, queued_for);
    return added;
}
