/* SPDX-License-Identifier: Apache-2.0 */
#include "src/client/publisher_send.h"

#include <stdlib.h>

/* Releases publisher.lock, and sends what was queued under it. The channels are closed by the control thread,
 * once no client publishes any more. */
static void
unlock (godwit__publisher_t *publisher)
{
    const unsigned queued = publisher->queued;
    publisher->queued = 0;
    pthread_mutex_unlock (&publisher->lock);
    for (size_t i = 0; queued >> i; i++)
        if (queued >> i & 1)
            publisher->channels[i]->ops->flush (publisher->channels[i], 0);
}

/* ---- queueing; with publisher.lock held ---- */

/* On every channel that has not had it yet. shared: the message's memory, with its inserts; NULL if it is to
 * be copied. */
static godwit__io_t
queue_on_channels (godwit__publisher_t *publisher, void *data, size_t size, godwit__shared_t *shared,
                   unsigned *done)
{
    godwit__io_t io = GODWIT__IO_OK;
    for (size_t i = 0; i < publisher->transport->driver_count && io == GODWIT__IO_OK; i++) {
        godwit__message_t message = {.data = data, .size = size};
        if (!publisher->channels[i] || (*done & 1u << i) ||
            atomic_load_explicit (&publisher->subscriber_counts[i], memory_order_relaxed) == 0)
            continue;
        if (shared)
            godwit__encoded_request_lend (&message, shared);
        io = publisher->transport->drivers[i]->ops->publish (publisher->channels[i], &message);
        if (io == GODWIT__IO_OK) {
            *done |= 1u << i;
            publisher->queued |= 1u << i;
        } else {
            godwit__message_release (&message);
        }
    }
    return io;
}

/* Queues what is kept. AGAIN: a subscriber's queue is full, and all is still kept. */
static godwit__io_t
queue_kept (godwit__publisher_t *publisher)
{
    if (!publisher->unsent.size) {
        if (godwit__publish_batch_is_empty (&publisher->batch))
            return GODWIT__IO_OK;
        publisher->unsent = godwit__publish_batch_take (&publisher->batch);
        publisher->unsent_done = 0;
    }
    const godwit__io_t io = queue_on_channels (publisher, publisher->unsent.data, publisher->unsent.size,
                                               NULL, &publisher->unsent_done);
    if (io == GODWIT__IO_AGAIN)
        return io;
    if (io != GODWIT__IO_OK)
        GODWIT__COUNT (publisher->transport, frames_dropped);
    publisher->unsent.size = 0;
    return GODWIT__IO_OK;
}

/* ---- what is kept in a batch is sent in time; the control thread ---- */

static void
on_batch_timer (godwit__timer_t *timer)
{
    godwit__publisher_t *publisher = timer->user;
    const int64_t now_ns = godwit__transport_now (publisher->transport);
    pthread_mutex_lock (&publisher->lock);
    int64_t next_ns = now_ns + GODWIT__FULL_NS;
    if (publisher->unsent.size || godwit__publish_batch_is_due (&publisher->batch, now_ns))
        publisher->batch_watched = queue_kept (publisher) == GODWIT__IO_AGAIN;
    else if (godwit__publish_batch_is_empty (&publisher->batch))
        publisher->batch_watched = false;
    else
        next_ns = publisher->batch.first_ns + GODWIT__PUBLISH_BATCH_NS;
    if (publisher->batch_watched &&
        godwit__reactor_arm (publisher->transport->control, timer, next_ns) != GODWIT_OK)
        publisher->batch_watched = false; /* no memory: the next publication sends it */
    unlock (publisher);
}

static void
on_batch_task (godwit__task_t *task)
{
    godwit__publisher_t *publisher = task->user;
    on_batch_timer (&publisher->batch_timer);
}

/* ---- the last number, told after a while; the control thread ---- */

/* A subscriber notices a lost publication by the number of the next one. So that there is a next one, the
 * publisher tells its last number a while later (LAST), and again when somebody subscribes, or comes back,
 * later. */
#define LAST_NS (1000 * GODWIT__NS_PER_MS)

/* With publisher.lock held. False: a subscriber's queue is full. */
static bool
tell_last (godwit__publisher_t *publisher, godwit__sequence_t *sequence)
{
    uint8_t data[GODWIT__KEY_SIZE + GODWIT__HEADER_SIZE];
    unsigned done = 0;
    memcpy (data, sequence->key, GODWIT__KEY_SIZE);
    godwit__header_write (
        data + GODWIT__KEY_SIZE,
        &(godwit__header_t){.type = GODWIT__LAST, .target = publisher->number, .id = sequence->last});
    if (queue_on_channels (publisher, data, sizeof data, NULL, &done) == GODWIT__IO_AGAIN)
        return false;
    sequence->told = sequence->last;
    sequence->tells = false;
    return true;
}

static void
on_last_timer (godwit__timer_t *timer)
{
    godwit__publisher_t *publisher = timer->user;
    bool waits = false;
    pthread_mutex_lock (&publisher->lock);
    waits = queue_kept (publisher) == GODWIT__IO_AGAIN; /* first what came before */
    for (godwit__sequence_t *at = GODWIT__TABLE_FIRST (&publisher->sequences, godwit__sequence_t, by_key);
         at && !waits; at = GODWIT__TABLE_NEXT (&publisher->sequences, at, godwit__sequence_t, by_key))
        if (at->tells || at->told != at->last)
            waits = !tell_last (publisher, at);
    publisher->last_watched =
        waits && godwit__reactor_arm (publisher->transport->control, timer,
                                      godwit__transport_now (publisher->transport) + LAST_NS) == GODWIT_OK;
    unlock (publisher);
}

static void
on_last_task (godwit__task_t *task)
{
    godwit__publisher_t *publisher = task->user;
    godwit_transport_t *transport = publisher->transport;
    pthread_mutex_lock (&publisher->lock);
    if (!publisher->last_timer.heap_index &&
        godwit__reactor_arm (transport->control, &publisher->last_timer,
                             godwit__transport_now (transport) + LAST_NS) != GODWIT_OK)
        publisher->last_watched = false; /* no memory: after the next publication */
    unlock (publisher);
}

/* With publisher.lock held. */
static void
watch_last (godwit__publisher_t *publisher)
{
    if (publisher->last_watched)
        return;
    publisher->last_watched = true;
    godwit__reactor_post (publisher->transport->control, &publisher->last_task);
}

/* With publisher.lock held; hash: of the key. */
static godwit__sequence_t *
find_sequence (const godwit__publisher_t *publisher, const uint8_t *key, uint64_t hash)
{
    godwit__sequence_t *at = GODWIT__TABLE_FIND (&publisher->sequences, hash, godwit__sequence_t, by_key);
    while (at && memcmp (at->key, key, GODWIT__KEY_SIZE) != 0)
        at = GODWIT__TABLE_FIND_NEXT (at, godwit__sequence_t, by_key);
    return at;
}

void
godwit__publisher_subscribed (godwit__publisher_t *publisher, const uint8_t *key)
{
    pthread_mutex_lock (&publisher->lock);
    godwit__sequence_t *const sequence =
        find_sequence (publisher, key, godwit__publisher_hash (publisher, key));
    if (sequence) {
        sequence->tells = true;
        watch_last (publisher);
    }
    unlock (publisher);
}

/* ---- life ---- */

void
godwit__publisher_send_init (godwit__publisher_t *publisher)
{
    pthread_mutex_init (&publisher->lock, NULL);
    godwit__publish_batch_init (&publisher->batch);
    godwit__table_init (&publisher->sequences);
    publisher->batch_task = (godwit__task_t){.run = on_batch_task, .user = publisher};
    publisher->batch_timer = (godwit__timer_t){.fire = on_batch_timer, .user = publisher};
    publisher->last_task = (godwit__task_t){.run = on_last_task, .user = publisher};
    publisher->last_timer = (godwit__timer_t){.fire = on_last_timer, .user = publisher};
}

void
godwit__publisher_send_release (godwit__publisher_t *publisher)
{
    godwit__reactor_t *control = publisher->transport->control;
    godwit__sequence_t *sequence;
    pthread_mutex_lock (&publisher->lock);
    queue_kept (publisher);
    unlock (publisher);
    godwit__reactor_unpost (control, &publisher->batch_task);
    godwit__reactor_disarm (control, &publisher->batch_timer);
    godwit__reactor_unpost (control, &publisher->last_task);
    godwit__reactor_disarm (control, &publisher->last_timer);
    godwit__publish_batch_release (&publisher->batch);
    while ((sequence = GODWIT__TABLE_FIRST (&publisher->sequences, godwit__sequence_t, by_key))) {
        godwit__table_remove (&publisher->sequences, &sequence->by_key);
        free (sequence);
    }
    godwit__table_release (&publisher->sequences);
}

/* ---- one publication ---- */

/* With publisher.lock held. NULL when memory is short. */
static godwit__sequence_t *
sequence_of (godwit__publisher_t *publisher, const uint8_t *topic_key)
{
    const uint64_t hash = godwit__publisher_hash (publisher, topic_key);
    godwit__sequence_t *sequence = find_sequence (publisher, topic_key, hash);
    if (sequence)
        return sequence;
    sequence = calloc (1, sizeof *sequence);
    if (!sequence)
        return NULL;
    memcpy (sequence->key, topic_key, sizeof sequence->key);
    godwit__table_insert (&publisher->sequences, &sequence->by_key, hash);
    return sequence;
}

/* Keeps a publication, since others come in quick succession. False if it cannot be kept. */
static bool
keep (godwit__publisher_t *publisher, const void *data, size_t size, int64_t now_ns)
{
    if (!godwit__publish_batch_add (&publisher->batch, data, size, now_ns) &&
        (queue_kept (publisher) != GODWIT__IO_OK ||
         !godwit__publish_batch_add (&publisher->batch, data, size, now_ns)))
        return false;
    if (godwit__publish_batch_is_due (&publisher->batch, now_ns))
        queue_kept (publisher);
    if (!publisher->batch_watched &&
        (publisher->unsent.size || !godwit__publish_batch_is_empty (&publisher->batch))) {
        publisher->batch_watched = true;
        godwit__reactor_post (publisher->transport->control, &publisher->batch_task);
    }
    return true;
}

godwit__io_t
godwit__publisher_publish (godwit__publisher_t *publisher, godwit__encoded_request_t *request,
                           const uint8_t *topic_key, int64_t now_ns, unsigned *done)
{
    uint8_t *data = godwit__encoded_request_data (request) - GODWIT__KEY_SIZE;
    const size_t size = GODWIT__KEY_SIZE + request->size + request->trace_size;
    pthread_mutex_lock (&publisher->lock);
    godwit__sequence_t *sequence = sequence_of (publisher, topic_key);
    if (!sequence) {
        unlock (publisher);
        return GODWIT__IO_REFUSED;
    }
    memcpy (data, topic_key, GODWIT__KEY_SIZE);
    godwit__header_write (
        data + GODWIT__KEY_SIZE,
        &(godwit__header_t){
            .type = GODWIT__PUBLICATION,
            .flags = request->trace_size ? GODWIT__FLAG_CAST | GODWIT__FLAG_TRACED : GODWIT__FLAG_CAST,
            .target = publisher->number,
            .id = sequence->last + 1,
        });
    /* An external loop may run the batch's timer late: so nothing is kept with it. */
    const bool has_inserts = godwit__encoded_request_message (request).insert_count;
    const bool may_keep = !*done && !has_inserts && !publisher->transport->options.external_loop &&
                          godwit__publish_batch_may_keep (&publisher->batch, now_ns);
    godwit__io_t io = publisher->unsent.size ? queue_kept (publisher) : GODWIT__IO_OK;
    if (io == GODWIT__IO_OK && !(may_keep && keep (publisher, data, size, now_ns))) {
        io = queue_kept (publisher); /* first what came before */
        if (io == GODWIT__IO_OK)
            io = queue_on_channels (publisher, data, size, request->shared, done);
    }
    if (io == GODWIT__IO_OK) {
        sequence->last++;
        watch_last (publisher);
    }
    unlock (publisher);
    return io;
}
