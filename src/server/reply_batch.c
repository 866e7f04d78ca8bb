#include "src/server/reply_batch.h"

void
godwit__cork_init (godwit__cork_t *cork, godwit__channel_t *channel, godwit_transport_t *transport)
{
    cork->channel = channel;
    cork->transport = transport;
    cork->dropped = &transport->counters.frames_dropped;
    cork->unreported = 0;
    atomic_init (&cork->is_open, false);
    pthread_mutex_init (&cork->lock, NULL);
    cork->batch = (godwit__batch_writer_t){.data = NULL};
}

void
godwit__cork_release (godwit__cork_t *cork)
{
    godwit__batch_writer_release (&cork->batch);
    pthread_mutex_destroy (&cork->lock);
}

/* With lock held. */
static void
flush (godwit__cork_t *cork)
{
    const uint32_t count = cork->batch.count;
    if (count == 0)
        return;
    const godwit__message_t message = godwit__batch_take (&cork->batch);
    if (cork->channel->ops->send (cork->channel, cork->origin, &message) == GODWIT__IO_OK)
        return;
    atomic_fetch_add_explicit (cork->dropped, count, memory_order_relaxed);
    cork->unreported += count;
}

/* Contract 5: a failing reply is logged. */
static void
report (const godwit__cork_t *cork, uint64_t count)
{
    if (count && godwit__logs (cork->transport, GODWIT_LOG_WARNING))
        godwit__log (cork->transport, GODWIT_LOG_WARNING,
                     "%llu replies could not be sent: their caller is gone, or does not read",
                     (unsigned long long) count);
}

void
godwit__cork_open (godwit__cork_t *cork, godwit__origin_t origin)
{
    pthread_mutex_lock (&cork->lock);
    flush (cork);
    const uint64_t unreported = cork->unreported;
    cork->unreported = 0;
    cork->origin = origin;
    atomic_store_explicit (&cork->is_open, true, memory_order_relaxed);
    pthread_mutex_unlock (&cork->lock);
    report (cork, unreported);
}

void
godwit__cork_flush (godwit__cork_t *cork)
{
    if (!atomic_load_explicit (&cork->is_open, memory_order_relaxed))
        return;
    pthread_mutex_lock (&cork->lock);
    flush (cork);
    pthread_mutex_unlock (&cork->lock);
}

void
godwit__cork_close (godwit__cork_t *cork)
{
    pthread_mutex_lock (&cork->lock);
    flush (cork);
    const uint64_t unreported = cork->unreported;
    cork->unreported = 0;
    atomic_store_explicit (&cork->is_open, false, memory_order_relaxed);
    pthread_mutex_unlock (&cork->lock);
    report (cork, unreported);
}

bool
godwit__cork_add (godwit__cork_t *cork, godwit__origin_t origin, const void *data, size_t size)
{
    if (!atomic_load_explicit (&cork->is_open, memory_order_relaxed))
        return false;
    pthread_mutex_lock (&cork->lock);
    bool added = false;
    if (atomic_load_explicit (&cork->is_open, memory_order_relaxed) && origin == cork->origin) {
        added = godwit__batch_add (&cork->batch, data, size);
        if (!added || cork->batch.count >= GODWIT__BATCH_COUNT)
            flush (cork);
    }
    pthread_mutex_unlock (&cork->lock);
    return added;
}
