/* SPDX-License-Identifier: Apache-2.0 */
/* An outbox: what it accepts, when it is full, and its end. */
#include "src/delivery/outbox.h"

#include "src/connection/completion.h"
#include "src/delivery/flight.h"
#include "src/delivery/outbox_inside.h"
#include "src/delivery/outboxes.h"
#include "src/delivery/outlet.h"
#include "src/delivery/room.h"
#include "src/delivery/spooling.h"
#include "src/discovery/directory.h"
#include "src/error/error.h"
#include "src/error/struct_size.h"
#include "src/runtime/wait.h"
#include "src/wire/notify_frame.h"

#include <stdlib.h>
#include <string.h>

/* A flight that was just being sent when all were abandoned is found by another look, after this time. */
#define ABANDON_AGAIN_NS (5 * GODWIT__NS_PER_MS)
/* How long the first connection to a listener may take before a notification that is not tried again is given
 * up. */
#define CONNECT_NS (1000 * GODWIT__NS_PER_MS)
/* When memory was short for news of listeners, it is looked again after this time. */
#define MEMORY_AGAIN_NS (20 * GODWIT__NS_PER_MS)
#define RETRY_FIRST_NS (5 * GODWIT__NS_PER_MS)
#define RETRY_MAX_NS (1000 * GODWIT__NS_PER_MS)

#define FIRST_STREAM(outbox_) GODWIT__FIRST (&(outbox_)->streams, godwit__stream_t, in_outbox)
#define NEXT_STREAM(outbox_, at_) GODWIT__NEXT (&(outbox_)->streams, at_, godwit__stream_t, in_outbox)
#define FIRST_CONSUMER(stream_) GODWIT__FIRST (&(stream_)->consumers, godwit__consumer_t, in_stream)
#define NEXT_CONSUMER(stream_, at_) GODWIT__NEXT (&(stream_)->consumers, at_, godwit__consumer_t, in_stream)

/* ---- its life ---- */

/* 0: the default; GODWIT_CLEAR_INT: none. */
static int64_t
or_none (int64_t given, int64_t normal)
{
    return given == GODWIT_CLEAR_INT ? 0 : given ? given : normal;
}

static godwit_status_t
take_options (godwit__outbox_t *outbox, const godwit_delivery_options_t *given, godwit_error_t **error)
{
    godwit_delivery_options_t *const options = &outbox->options;
    const godwit_status_t status =
        godwit__struct_read (&godwit__struct_delivery_options, options, given, error);
    if (status)
        return status;
    if (options->queue_limit < 0 || (options->block_ms < 0 && options->block_ms != GODWIT_CLEAR_INT) ||
        options->requeue_first_ms < 0 || options->requeue_max_ms < 0)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "delivery: queue_limit, block_ms, requeue_first_ms and requeue_max_ms: "
                                  "expected 0 (the default) or more");
    if ((unsigned) options->when_full > GODWIT_WHEN_FULL_FAIL ||
        (unsigned) options->when_exhausted > GODWIT_WHEN_EXHAUSTED_DEAD_LETTER)
        return godwit__error_set (
            error, GODWIT_ERR_INVALID_ARGUMENT, "delivery.%s: %d is no such policy",
            (unsigned) options->when_full > GODWIT_WHEN_FULL_FAIL ? "when_full" : "when_exhausted",
            (unsigned) options->when_full > GODWIT_WHEN_FULL_FAIL ? (int) options->when_full
                                                                  : (int) options->when_exhausted);
    options->queue_limit = options->queue_limit ? options->queue_limit : 65536;
    options->max_queue_size = options->max_queue_size ? options->max_queue_size : (size_t) 64 << 20;
    options->block_ms = or_none (options->block_ms, 1000);
    options->pool_memory_ms = or_none (options->pool_memory_ms, 600000);
    options->max_requeues = or_none (options->max_requeues, 16);
    options->requeue_first_ms = options->requeue_first_ms ? options->requeue_first_ms : 100;
    options->requeue_max_ms = options->requeue_max_ms ? options->requeue_max_ms : 30000;
    options->dead_letter_topic =
        strdup (options->dead_letter_topic ? options->dead_letter_topic : "dead_letter");
    outbox->owns_options = true;
    const size_t count = options->pools ? options->pool_count : 0;
    outbox->pools = calloc (count + 1, sizeof *outbox->pools);
    bool is_copied = options->dead_letter_topic && outbox->pools;
    for (size_t i = 0; is_copied && i < count; i++) {
        outbox->pools[i] = strdup (options->pools[i] ? options->pools[i] : "");
        is_copied = outbox->pools[i] != NULL;
    }
    options->pools = (const char *const *) outbox->pools;
    options->pool_count = count;
    return is_copied ? GODWIT_OK : godwit__error_no_memory (error);
}

static void
free_outbox (godwit__outbox_t *outbox)
{
    for (size_t i = 0; outbox->pools && outbox->pools[i]; i++)
        free (outbox->pools[i]);
    free (outbox->pools);
    if (outbox->owns_options) /* otherwise they are as they were given */
        free ((void *) (uintptr_t) outbox->options.dead_letter_topic);
    pthread_mutex_destroy (&outbox->lock);
    free (outbox);
}

godwit_status_t
godwit__outbox_new (godwit__outbox_t **outbox, godwit_transport_t *transport,
                    const godwit_delivery_options_t *options, godwit_error_t **error)
{
    godwit_status_t status = godwit__transport_check (transport, error);
    if (status)
        return status;
    godwit__outbox_t *made = calloc (1, sizeof *made);
    if (!made)
        return godwit__error_no_memory (error);
    pthread_mutex_init (&made->lock, NULL);
    godwit__list_init (&made->streams);
    godwit__list_init (&made->in_the_air);
    made->transport = transport;
    status = take_options (made, options, error);
    if (!status)
        status = godwit__completion_start (transport->completion, error);
    if (!status)
        status = godwit__outboxes_add (made, error);
    if (status) {
        free_outbox (made);
        return status;
    }
    godwit__transport_ref (transport);
    if (made->options.spool)
        status = godwit__spooling_open (made, error);
    if (status)
        godwit__outbox_destroy (&made);
    else
        *outbox = made;
    return status;
}

void
godwit__outbox_close (godwit__outbox_t *outbox)
{
    godwit_transport_t *const transport = outbox->transport;
    const bool is_completion = godwit__completion_is_current (transport->completion);
    pthread_mutex_lock (&outbox->lock);
    outbox->closed = true;
    godwit__change_tell (&outbox->changed);
    while (outbox->flights) {
        pthread_mutex_unlock (&outbox->lock);
        pthread_mutex_lock (&transport->lock);
        for (godwit__peer_t *peer = GODWIT__PEERS_FIRST (transport->directory); peer;
             peer = GODWIT__PEERS_NEXT (transport->directory, peer))
            if (peer->connection)
                godwit__connection_abandon (peer->connection, outbox);
        godwit__transport_unlock (transport);
        pthread_mutex_lock (&outbox->lock);
        if (is_completion) /* in a callback: it would wait for itself */
            godwit__flights_land (outbox);
        if (outbox->flights)
            godwit__wait (transport, &outbox->changed, &outbox->lock, ABANDON_AGAIN_NS);
    }
    for (godwit__stream_t *stream = FIRST_STREAM (outbox); stream; stream = NEXT_STREAM (outbox, stream))
        for (godwit__consumer_t *at = FIRST_CONSUMER (stream); at; at = NEXT_CONSUMER (stream, at))
            godwit__outlets_sweep (at, true);
    pthread_mutex_unlock (&outbox->lock);
    if (outbox->spooling)
        godwit__spooling_close (outbox);
}

static void
log_lost (godwit__outbox_t *outbox)
{
    if (outbox->options.spool)
        return;
    size_t count = 0;
    for (godwit__stream_t *at = FIRST_STREAM (outbox); at; at = NEXT_STREAM (outbox, at))
        count += godwit__stream_outstanding (at);
    if (count && godwit__logs (outbox->transport, GODWIT_LOG_WARNING))
        godwit__log (outbox->transport, GODWIT_LOG_WARNING,
                     "a notifier ends: %zu deliveries of notifications were not acknowledged, and are lost",
                     count);
}

void
godwit__outbox_destroy (godwit__outbox_t **outbox)
{
    godwit__outbox_t *const self = *outbox;
    *outbox = NULL;
    if (!self)
        return;
    godwit_transport_t *const transport = self->transport;
    if (godwit__transport_check (transport, NULL) != GODWIT_ERR_FORKED) {
        godwit__outboxes_remove (self);
        log_lost (self);

        for (godwit__stream_t *at; (at = FIRST_STREAM (self));) {
            godwit__list_remove (&at->in_outbox);
            godwit__stream_destroy (at);
        }
    }
    godwit__spooling_free (self);
    godwit__outboxes_unref (self->outboxes);
    free_outbox (self);
    godwit__transport_unref (transport);
}

/* ---- streams ---- */

godwit__stream_t *
godwit__outbox_find_or_make (godwit__outbox_t *outbox, const char *exchange, const char *topic,
                             godwit_priority_t priority)
{
    for (godwit__stream_t *at = FIRST_STREAM (outbox); at; at = NEXT_STREAM (outbox, at))
        if (at->priority == priority && strcmp (at->topic, topic) == 0 &&
            strcmp (at->exchange, exchange) == 0)
            return at;
    godwit__stream_t *const stream = godwit__stream_new (outbox, exchange, topic, priority);
    if (!stream)
        return NULL;
    godwit__list_append (&outbox->streams, &stream->in_outbox);
    if (!outbox->closed && !godwit__stream_refresh (stream, godwit__transport_now (outbox->transport)))
        atomic_store (&outbox->transport->outboxes->has_news, true);
    godwit__outbox_post (outbox);
    return stream;
}

godwit__stream_t *
godwit__outbox_stream (godwit__outbox_t *outbox, const char *exchange, const char *topic,
                       godwit_priority_t priority)
{
    pthread_mutex_lock (&outbox->lock);
    godwit__stream_t *const stream = godwit__outbox_find_or_make (outbox, exchange, topic, priority);
    pthread_mutex_unlock (&outbox->lock);
    return stream;
}

/* ---- accepting ---- */

godwit__entry_t *
godwit__entry_new (const void *body, size_t size)
{
    godwit__entry_t *const entry = malloc (sizeof *entry + size);
    if (!entry)
        return NULL;
    *entry = (godwit__entry_t){.size = size, .give_up_ns = GODWIT__NEVER};
    memcpy (entry->data, body, size);
    return entry;
}

/* Whether a listener of the stream may still be found, or connected to. */
static bool
is_settling (const godwit__stream_t *stream)
{
    if (godwit__directory_awaits_names (stream->outbox->transport->directory))
        return true;
    for (const godwit__consumer_t *at = FIRST_CONSUMER (stream); at; at = NEXT_CONSUMER (stream, at))
        if (at->member_count && !godwit__outlets_any (at))
            return true;
    return false;
}

static int64_t
give_up_ns (const godwit__stream_t *stream, int64_t retry)
{
    int64_t at_ns = godwit__transport_now (stream->outbox->transport);
    int64_t wait_ns = RETRY_FIRST_NS;
    if (is_settling (stream))
        at_ns += CONNECT_NS;
    for (int64_t i = 0; i < retry && i < 1000000; i++) {
        at_ns += wait_ns;
        wait_ns = 2 * wait_ns < RETRY_MAX_NS ? 2 * wait_ns : RETRY_MAX_NS;
    }
    return at_ns;
}

/* True if somebody can get it now, or later. */
static bool
reaches_somebody (const godwit__stream_t *stream, const godwit__entry_t *entry)
{
    if (entry->give_up_ns > godwit__transport_now (stream->outbox->transport))
        return true;
    for (const godwit__consumer_t *at = FIRST_CONSUMER (stream); at; at = NEXT_CONSUMER (stream, at))
        if (godwit__outlets_any (at))
            return true;
    return false;
}

/* With the lock, which is released meanwhile. */
static void
pump_all (godwit__stream_t *stream)
{
    stream->users++;
    for (godwit__consumer_t *at = FIRST_CONSUMER (stream); at; at = NEXT_CONSUMER (stream, at))
        godwit__consumer_pump (at);
    stream->users--;
}

/* With the lock. Consumes the entry. */
static godwit_status_t
append (godwit__stream_t *stream, godwit__entry_t *entry, int64_t retry, godwit__lack_t *lack)
{
    godwit__outbox_t *const outbox = stream->outbox;
    godwit_status_t status = GODWIT_OK;
    *lack = godwit__room_make (outbox, entry->size);
    if (*lack == GODWIT__LACK_NEWEST || *lack == GODWIT__LACK_FAILED)
        status = GODWIT_ERR_OVERLOADED;
    if (outbox->closed)
        status = GODWIT_ERR_CLOSED;
    if (!status && retry >= 0) {
        entry->give_up_ns = give_up_ns (stream, retry);
        if (!reaches_somebody (stream, entry)) {
            outbox->stats.failed++;
            status = GODWIT_ERR_DELIVERY_FAILURE;
        }
    }
    if (status) {
        free (entry);
        return status;
    }
    outbox->stats.accepted++;
    const bool has_due = entry->give_up_ns != GODWIT__NEVER;
    godwit__stream_add (stream, entry);
    pump_all (stream);
    if (has_due)
        godwit__outbox_post (outbox);
    return GODWIT_OK;
}

/* Without the lock: nothing is dropped or fails without a line in the log. Consumes `failure`, what the spool
 * has said. */
static godwit_status_t
spool_is_full (const godwit__stream_t *stream, godwit__lack_t lack, godwit_error_t *failure,
               godwit_error_t **error)
{
    const char *const why =
        failure ? godwit_error_message (failure) : godwit_status_text (GODWIT_ERR_LIMIT_EXCEEDED);
    godwit_status_t status = GODWIT_OK;
    godwit__room_warn (stream, lack, why);
    if (lack == GODWIT__LACK_FAILED)
        status = godwit__error_set (error, GODWIT_ERR_OVERLOADED, "the topic %s: the spool is full: %.512s",
                                    stream->lane + sizeof GODWIT__LANE_PREFIX - 1, why);
    godwit_error_destroy (&failure);
    return status;
}

/* Without the lock: it was appended. Of the threads whose notifications were made safe together, one sends
 * for all: the others do not wait for the lock. */
static void
send_spooled (godwit__stream_t *stream)
{
    godwit__outbox_t *const outbox = stream->outbox;
    if (!atomic_exchange (&stream->has_unsent, false))
        return;
    pthread_mutex_lock (&outbox->lock);
    pump_all (stream);
    pthread_mutex_unlock (&outbox->lock);
}

/* Without the lock. */
static godwit_status_t
append_spooled (godwit__stream_t *stream, const void *body, size_t size, bool *dropped,
                godwit_error_t **error)
{
    godwit__outbox_t *const outbox = stream->outbox;
    const int64_t end_ns =
        godwit__transport_now (outbox->transport) + godwit__ns_of_ms (outbox->options.block_ms);
    for (;;) {
        godwit_error_t *failure = NULL;
        godwit__lack_t lack = GODWIT__LACK_NONE;
        godwit__entry_t *const entry = godwit__entry_new (body, size);
        const godwit_status_t status =
            entry ? godwit__spooling_append (stream, entry, &failure) : godwit__error_no_memory (&failure);
        if (!status) {
            send_spooled (stream);
            return status;
        }
        pthread_mutex_lock (&outbox->lock);
        const bool is_full = status == GODWIT_ERR_LIMIT_EXCEEDED;
        const bool waited = is_full && godwit__room_wait_for_spool (outbox, end_ns, &lack);
        outbox->stats.failed += !is_full;
        pthread_mutex_unlock (&outbox->lock);
        *dropped = lack == GODWIT__LACK_NEWEST;
        if (is_full && !waited)
            return spool_is_full (stream, lack, failure, error);
        if (!is_full && error)
            *error = failure;
        else
            godwit_error_destroy (&failure);
        if (!waited)
            return status;
    }
}

static bool
is_closed (godwit__outbox_t *outbox)
{
    pthread_mutex_lock (&outbox->lock);
    const bool closed = outbox->closed;
    pthread_mutex_unlock (&outbox->lock);
    return closed;
}

godwit_status_t
godwit__stream_append (godwit__stream_t *stream, const void *body, size_t size, int64_t retry, bool *dropped,
                       godwit_error_t **error)
{
    godwit__outbox_t *const outbox = stream->outbox;
    const size_t limit = outbox->transport->options.max_message_size;
    const char *const topic = stream->lane + sizeof GODWIT__LANE_PREFIX - 1;
    godwit__lack_t lack;
    *dropped = false;
    if (size + GODWIT__HEADER_SIZE + GODWIT__ITEM_HEADER_SIZE > limit)
        return godwit__error_set (error, GODWIT_ERR_LIMIT_EXCEEDED,
                                  "notification: %zu bytes are more than max_message_size (%zu)", size,
                                  limit);
    if (outbox->spooling && !is_closed (outbox))
        return append_spooled (stream, body, size, dropped, error);
    godwit__entry_t *const entry = godwit__entry_new (body, size);
    if (!entry)
        return godwit__error_no_memory (error);
    pthread_mutex_lock (&outbox->lock);
    const godwit_status_t status = append (stream, entry, retry, &lack);
    pthread_mutex_unlock (&outbox->lock);
    if (lack != GODWIT__LACK_NONE)
        godwit__room_warn (stream, lack, NULL);
    *dropped = lack == GODWIT__LACK_NEWEST;
    switch (status) {
    case GODWIT_ERR_CLOSED:
        return godwit__error_set (error, status, "The transport is being destroyed");
    case GODWIT_ERR_OVERLOADED:
        if (*dropped)
            return GODWIT_OK;
        return godwit__error_set (error, status,
                                  "the topic %s is full: %d notifications or %zu bytes are kept already "
                                  "(queue_limit, max_queue_size)",
                                  topic, outbox->options.queue_limit, outbox->options.max_queue_size);
    case GODWIT_ERR_DELIVERY_FAILURE:
        return godwit__error_set (error, status,
                                  "no listener of the topic %s is connected, and retry is %lld", topic,
                                  (long long) retry);
    default:
        return status;
    }
}

/* ---- what becomes of it ---- */

void
godwit__outbox_post_if_due (const godwit__outbox_t *outbox, const godwit__consumer_t *consumer)
{
    const int64_t now_ns = godwit__transport_now (outbox->transport);
    if (godwit__consumer_due_ns (consumer, now_ns) != GODWIT__NEVER ||
        godwit__outlets_due_ns (consumer, now_ns) != GODWIT__NEVER)
        godwit__outbox_post (outbox);
}

int64_t
godwit__outbox_tick (godwit__outbox_t *outbox, bool has_news)
{
    godwit_transport_t *const transport = outbox->transport;
    const int64_t now_ns = godwit__transport_now (transport);
    int64_t due_ns = GODWIT__NEVER;
    bool is_short = false;
    pthread_mutex_lock (&transport->lock);
    const bool awaits_names = godwit__directory_awaits_names (transport->directory);
    godwit__transport_unlock (transport);
    pthread_mutex_lock (&outbox->lock);
    for (godwit__stream_t *at = FIRST_STREAM (outbox); at && !outbox->closed; at = NEXT_STREAM (outbox, at)) {
        if (has_news && !godwit__stream_refresh (at, now_ns))
            is_short = true;
        pump_all (at);
        const int64_t next_ns = godwit__stream_tick (at, awaits_names, now_ns);
        if (next_ns < due_ns)
            due_ns = next_ns;
    }
    if (is_short) {
        atomic_store (&transport->outboxes->has_news, true);
        due_ns = due_ns < now_ns + MEMORY_AGAIN_NS ? due_ns : now_ns + MEMORY_AGAIN_NS;
    }
    godwit__change_tell (&outbox->changed);
    pthread_mutex_unlock (&outbox->lock);
    return due_ns;
}

static size_t
unacknowledged (const godwit__outbox_t *outbox)
{
    size_t count = 0;
    for (const godwit__stream_t *at = FIRST_STREAM (outbox); at; at = NEXT_STREAM (outbox, at))
        count += godwit__stream_outstanding (at);
    return count;
}

/* With the lock: which pool it waits for. */
static godwit_status_t
flush_error (const godwit__outbox_t *outbox, godwit_error_t **error)
{
    if (outbox->closed && unacknowledged (outbox))
        return godwit__error_set (error, GODWIT_ERR_CLOSED,
                                  "The transport is being destroyed: %zu deliveries are not acknowledged",
                                  unacknowledged (outbox));
    for (const godwit__stream_t *at = FIRST_STREAM (outbox); at; at = NEXT_STREAM (outbox, at)) {
        const char *const topic = at->lane + sizeof GODWIT__LANE_PREFIX - 1;
        if (godwit__list_is_empty (&at->consumers) && godwit__stream_outstanding (at))
            return godwit__error_set (error, GODWIT_ERR_TIMEOUT,
                                      "%zu deliveries are not acknowledged; nobody listens to %s",
                                      unacknowledged (outbox), topic);
        for (const godwit__consumer_t *pool = FIRST_CONSUMER (at); pool; pool = NEXT_CONSUMER (at, pool))
            if (godwit__consumer_outstanding (pool))
                return godwit__error_set (
                    error, GODWIT_ERR_TIMEOUT,
                    "%zu deliveries are not acknowledged; the pool \"%s\" of %s, which has %zu listeners, "
                    "waits for %zu of them",
                    unacknowledged (outbox), pool->pool, topic, pool->member_count,
                    godwit__consumer_outstanding (pool));
    }
    return GODWIT_OK;
}

godwit_status_t
godwit__outbox_flush (godwit__outbox_t *outbox, int64_t timeout_ms, godwit_error_t **error)
{
    const int64_t end_ns = timeout_ms < 0
                               ? GODWIT__NEVER
                               : godwit__transport_now (outbox->transport) + godwit__ns_of_ms (timeout_ms);
    godwit_status_t status = GODWIT_OK;
    pthread_mutex_lock (&outbox->lock);
    if (!outbox->closed && !godwit__room_may_wait (outbox))
        timeout_ms = 0;
    while (!outbox->closed && unacknowledged (outbox) && timeout_ms) {
        const int64_t left_ns =
            end_ns == GODWIT__NEVER ? end_ns : end_ns - godwit__transport_now (outbox->transport);
        if (left_ns <= 0)
            break;
        godwit__wait (outbox->transport, &outbox->changed, &outbox->lock, left_ns);
    }
    status = flush_error (outbox, error);
    pthread_mutex_unlock (&outbox->lock);
    return status;
}

void
godwit__outbox_stats (godwit__outbox_t *outbox, godwit_notifier_stats_t *stats)
{
    pthread_mutex_lock (&outbox->lock);
    const size_t size = stats->struct_size;
    *stats = outbox->stats;
    stats->struct_size = size;
    stats->kept = outbox->kept;
    stats->kept_size = outbox->kept_size;
    pthread_mutex_unlock (&outbox->lock);
}
