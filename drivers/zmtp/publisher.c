/* SPDX-License-Identifier: Apache-2.0 */
/* A publisher connects to ports, hears from each what it subscribes to, and sends each what it wants. The
 * reactor reads: subscriptions are rare. */
#include "drivers/zmtp/publisher.h"

#include "drivers/zmtp/member.h"

#include "src/error/error.h"

#include <stdlib.h>

/* A lost connection is made anew, at first soon, then less often: the port may never come back. */
#define RETRY_FIRST_MS 100
#define RETRY_LAST_MS 1000
/* Reads of one subscriber in a row. */
#define READ_BURST 4

typedef godwit__zmtp_publisher_t publisher_t;
typedef godwit__zmtp_subscriber_t subscriber_t;

/* ---- connections; the reactor's thread ---- */

static void
connect_later (subscriber_t *subscriber)
{
    godwit__reactor_t *reactor = subscriber->publisher->driver->options.reactor;
    godwit__reactor_arm (reactor, &subscriber->retry,
                         godwit__reactor_now (reactor) + subscriber->delay_ms * GODWIT__NS_PER_MS);
    subscriber->delay_ms =
        subscriber->delay_ms * 2 < RETRY_LAST_MS ? subscriber->delay_ms * 2 : RETRY_LAST_MS;
}

static void
on_retry (godwit__timer_t *timer)
{
    subscriber_t *subscriber = timer->user;
    godwit__zmtp_knock_begin (&subscriber->knock, subscriber->publisher->driver);
    if (godwit__zmtp_connector_start (&subscriber->connector, subscriber->address, NULL) != GODWIT_OK)
        connect_later (subscriber);
}

static void
on_failed (void *user, const char *reason)
{
    (void) reason;
    connect_later (user);
}

/* Without publisher.lock the stream must not go while somebody publishes. */
static void
set_stream (subscriber_t *subscriber, godwit__zmtp_stream_t *stream)
{
    pthread_mutex_lock (&subscriber->publisher->lock);
    subscriber->stream = stream;
    pthread_mutex_unlock (&subscriber->publisher->lock);
}

static void
let_go (subscriber_t *subscriber)
{
    godwit__zmtp_stream_t *stream = subscriber->stream;
    godwit__zmtp_subscriptions_forget (subscriber);
    set_stream (subscriber, NULL);
    if (stream)
        godwit__zmtp_stream_close (stream);
}

static void
tell_end (const subscriber_t *subscriber, const godwit__zmtp_stream_t *stream, const char *reason)
{
    const godwit__driver_options_t *options = &stream->driver->options;
    if (godwit__zmtp_admission_is_refused_us (reason))
        godwit__driver_warn (options, "%s %s", subscriber->address, reason);
    else if ((atomic_load (&stream->is_at_fault) || stream->failure) && options->ended)
        options->ended (options->stranger_user, subscriber->address, NULL, reason);
}

static void
on_ended (godwit__zmtp_stream_t *stream, const char *reason)
{
    subscriber_t *subscriber = stream->owner;
    const bool knocks = godwit__zmtp_knock_again (&subscriber->knock, stream);
    if (!knocks)
        tell_end (subscriber, stream, reason);
    let_go (subscriber);
    if (!knocks || godwit__zmtp_connector_start (&subscriber->connector, subscriber->address, NULL))
        connect_later (subscriber);
}

static void
read_subscriptions (godwit__zmtp_stream_t *stream)
{
    godwit__frame_t frame;
    godwit__zmtp_command_t command;
    const char *wrong = NULL;
    while (!wrong && godwit__zmtp_stream_next (stream, &frame, NULL) == GODWIT__IO_OK) {
        /* A message can only be a subscription in the form of ZMTP 3.0. */
        wrong = godwit__zmtp_subscription_read (&command, frame.data, frame.size);
        if (!wrong)
            wrong = godwit__zmtp_subscriptions_take (stream->owner, command.kind == GODWIT__ZMTP_SUBSCRIBE,
                                                     command.data, command.size);
        godwit__frame_release (&frame);
    }
    if (!wrong)
        return;
    godwit__zmtp_stream_refuse (stream, wrong);
    /* What came behind it counts no more, and nothing is read while it lies there (decoder.h). */
    stream->is_at_end = true;
    godwit__zmtp_decoder_release (&stream->in);
}

static void
on_readable (godwit__zmtp_stream_t *stream)
{
    for (int i = 0; i < READ_BURST; i++) {
        read_subscriptions (stream);
        if (godwit__zmtp_stream_read (stream, &stream->driver->pool) != GODWIT__ZMTP_READ_SOME)
            return;
        read_subscriptions (stream);
        if (stream->is_drained)
            return;
    }
}

static void
on_ready (godwit__zmtp_stream_t *stream)
{
    subscriber_t *subscriber = stream->owner;
    subscriber->delay_ms = RETRY_FIRST_MS;
    godwit__zmtp_knock_opened (&subscriber->knock, stream);
    read_subscriptions (stream); /* that came behind the handshake */
}

static void
on_room (godwit__zmtp_stream_t *stream)
{
    publisher_t *self = stream->channel;
    godwit__zmtp_waiter_wake (&self->waiter);
}

static const char *
on_subscription (godwit__zmtp_stream_t *stream, bool subscribes, const uint8_t *topic, size_t size)
{
    return godwit__zmtp_subscriptions_take (stream->owner, subscribes, topic, size);
}

/* What the subscriber may have, may be something else now. */
static void
on_renewed (godwit__zmtp_stream_t *stream)
{
    subscriber_t *subscriber = stream->owner;
    pthread_mutex_lock (&subscriber->publisher->lock);
    godwit__zmtp_topics_check (subscriber);
    pthread_mutex_unlock (&subscriber->publisher->lock);
}

static void
on_voided (godwit__zmtp_stream_t *stream, const char *reason)
{
    (void) reason;
    on_renewed (stream);
}

static const godwit__zmtp_stream_events_t stream_events = {.ready = on_ready,
                                                           .ended = on_ended,
                                                           .room = on_room,
                                                           .readable = on_readable,
                                                           .subscription = on_subscription,
                                                           .voided = on_voided,
                                                           .renewed = on_renewed};

static void
on_connected (void *user, int fd)
{
    subscriber_t *subscriber = user;
    godwit__zmtp_t *driver = subscriber->publisher->driver;
    const godwit__zmtp_handshake_config_t *const xpub = godwit__zmtp_end (
        &driver->ends, GODWIT__ZMTP_XPUB, godwit__zmtp_connector_is_private (&subscriber->connector));
    godwit__zmtp_stream_t *stream =
        godwit__zmtp_stream_new (driver, fd, xpub, subscriber->knock.door, &stream_events, subscriber, NULL);
    if (!stream) {
        connect_later (subscriber);
        return;
    }
    stream->channel = subscriber->publisher;
    godwit__zmtp_stream_read_here (stream, true);
    set_stream (subscriber, stream);
}

godwit_status_t
godwit__zmtp_publisher_connect (godwit__channel_t *publisher, const char *fanout_address,
                                godwit_error_t **error)
{
    publisher_t *self = (publisher_t *) publisher;
    subscriber_t *subscriber = calloc (1, sizeof *subscriber);
    if (subscriber)
        subscriber->address = strdup (fanout_address);
    if (!subscriber || !subscriber->address) {
        free (subscriber);
        return godwit__error_no_memory (error);
    }
    subscriber->publisher = self;
    subscriber->delay_ms = RETRY_FIRST_MS;
    subscriber->retry = (godwit__timer_t){.fire = on_retry, .user = subscriber};
    godwit__list_init (&subscriber->keys);
    godwit__zmtp_knock_begin (&subscriber->knock, self->driver);
    godwit__zmtp_connector_init (&subscriber->connector, self->driver, on_connected, on_failed, subscriber);
    const godwit_status_t status =
        godwit__zmtp_connector_start (&subscriber->connector, fanout_address, error);
    if (status != GODWIT_OK) {
        free (subscriber->address);
        free (subscriber);
        return status;
    }
    godwit__list_append (&self->subscribers, &subscriber->in_list);
    return GODWIT_OK;
}

static void
forget (subscriber_t *subscriber)
{
    godwit__reactor_disarm (subscriber->publisher->driver->options.reactor, &subscriber->retry);
    godwit__zmtp_connector_stop (&subscriber->connector);
    let_go (subscriber);
    godwit__list_remove (&subscriber->in_list);
    free (subscriber->address);
    free (subscriber);
}

void
godwit__zmtp_publisher_disconnect (godwit__channel_t *publisher, const char *fanout_address)
{
    publisher_t *self = (publisher_t *) publisher;
    subscriber_t *at = GODWIT__FIRST (&self->subscribers, subscriber_t, in_list);
    while (at && strcmp (at->address, fanout_address) != 0)
        at = GODWIT__NEXT (&self->subscribers, at, subscriber_t, in_list);
    if (at)
        forget (at);
}

/* ---- publishing; any thread ---- */

/* One message for all who get it. */
typedef struct shared {
    atomic_uint refs;
    godwit__message_t message;   /* with the functions that free it */
    godwit__message_t reference; /* what each gets: gives one reference back */
    godwit__insert_t inserts[];  /* of the message, of the reference; then bytes that belonged to nobody */
} shared_t;

static void
shared_unref (void *data, void *hint)
{
    shared_t *shared = hint;
    (void) data;
    if (atomic_fetch_sub_explicit (&shared->refs, 1, memory_order_acq_rel) != 1)
        return;
    godwit__message_release (&shared->message);
    free (shared);
}

static shared_t *
shared_new (const godwit__message_t *message)
{
    const size_t count = message->insert_count;
    const size_t copied = message->free_fn ? 0 : message->size;
    shared_t *shared = malloc (sizeof *shared + 2 * count * sizeof (godwit__insert_t) + copied);
    if (!shared)
        return NULL;
    atomic_init (&shared->refs, 1);
    shared->message = *message;
    if (copied)
        shared->message.data = memcpy (shared->inserts + 2 * count, message->data, copied);
    for (size_t i = 0; i < count; i++) {
        shared->inserts[i] = shared->inserts[count + i] = message->inserts[i];
        shared->inserts[count + i].free_fn = NULL;
    }
    shared->message.inserts = shared->inserts;
    shared->reference = shared->message;
    shared->reference.inserts = shared->inserts + count;
    shared->reference.free_fn = shared_unref;
    shared->reference.hint = shared;
    return shared;
}

/* With lock held. True if all who want it have room. */
static bool
have_room (const publisher_t *self, const uint8_t *key, size_t size)
{
    bool have = true;
    godwit__zmtp_subscription_t *at = godwit__zmtp_subscriptions_first (self, key);
    for (; at && have; at = godwit__zmtp_subscriptions_next (at))
        have = !at->is_allowed ||
               godwit__zmtp_out_has_room (&at->subscriber->stream->out, &self->driver->limits, size);
    return have;
}

/* With lock held: queues the message for all who want it. Returns whether anybody got it. */
static bool
queue_for_all (publisher_t *self, const uint8_t *key, const godwit__message_t *message, shared_t *shared)
{
    bool any = false;
    godwit__zmtp_subscription_t *at = godwit__zmtp_subscriptions_first (self, key);
    for (; at; at = godwit__zmtp_subscriptions_next (at)) {
        subscriber_t *subscriber = at->subscriber;
        if (!at->is_allowed)
            continue;
        if (shared)
            atomic_fetch_add_explicit (&shared->refs, 1, memory_order_relaxed);
        if (godwit__zmtp_stream_queue (subscriber->stream, message) != GODWIT__IO_OK) {
            if (shared) /* not the last one: that is the publisher's */
                atomic_fetch_sub_explicit (&shared->refs, 1, memory_order_relaxed);
            continue;
        }
        any = true;
        if (!godwit__in_list (&subscriber->in_unflushed))
            godwit__list_append (&self->unflushed, &subscriber->in_unflushed);
    }
    return any;
}

/* With lock held: a small message is copied for each; a large one is shared. */
static godwit__io_t
queue_publication (publisher_t *self, const godwit__message_t *message, size_t size, shared_t **shared,
                   bool *any)
{
    const uint8_t *key = message->data;
    if (!have_room (self, key, size))
        return GODWIT__IO_AGAIN;
    if (size <= GODWIT__ZMTP_LIGHT) {
        uint8_t copy[GODWIT__ZMTP_LIGHT];
        const godwit__message_t copied = {.data = copy, .size = size};
        godwit__message_gather (message, copy);
        *any = queue_for_all (self, key, &copied, NULL);
        return GODWIT__IO_OK;
    }
    *shared = shared_new (message);
    if (!*shared)
        return GODWIT__IO_REFUSED;
    *any = queue_for_all (self, key, &(*shared)->reference, *shared);
    return GODWIT__IO_OK;
}

godwit__io_t
godwit__zmtp_publish (godwit__channel_t *publisher, const godwit__message_t *message)
{
    publisher_t *self = (publisher_t *) publisher;
    const size_t size = godwit__message_size (message);
    shared_t *shared = NULL;
    bool any = false;
    if (size > self->driver->limits.max_message_size)
        return GODWIT__IO_REFUSED;
    pthread_mutex_lock (&self->lock);
    const godwit__io_t io = queue_publication (self, message, size, &shared, &any);
    pthread_mutex_unlock (&self->lock);
    if (io != GODWIT__IO_OK)
        return io;
    if (!any)
        godwit__zmtp_count (&self->driver->counters.dropped);
    if (shared)
        shared_unref (NULL, shared);
    else
        godwit__message_release (message);
    return GODWIT__IO_OK;
}

static void
flush_publisher (godwit__channel_t *channel, godwit__routing_id_t routing_id)
{
    publisher_t *self = (publisher_t *) channel;
    (void) routing_id;
    pthread_mutex_lock (&self->lock);
    for (subscriber_t *at; (at = GODWIT__FIRST (&self->unflushed, subscriber_t, in_unflushed));) {
        godwit__list_remove (&at->in_unflushed);
        godwit__zmtp_stream_t *stream = godwit__zmtp_stream_ref (at->stream);
        pthread_mutex_unlock (&self->lock);
        godwit__zmtp_stream_flush (stream);
        godwit__zmtp_stream_unref (stream);
        pthread_mutex_lock (&self->lock);
    }
    pthread_mutex_unlock (&self->lock);
}

/* ---- the channel ---- */

static godwit__io_t
send_publisher (godwit__channel_t *channel, godwit__routing_id_t routing_id, const godwit__message_t *message)
{
    (void) channel;
    (void) routing_id;
    (void) message;
    return GODWIT__IO_REFUSED; /* a publisher publishes, it does not send */
}

static godwit__io_t
recv_publisher (godwit__channel_t *channel, godwit__frame_t *frame, godwit__routing_id_t *routing_id)
{
    if (routing_id)
        *routing_id = 0;
    return godwit__zmtp_subscriptions_news ((publisher_t *) channel, frame) ? GODWIT__IO_OK
                                                                            : GODWIT__IO_AGAIN;
}

static void
wait_publisher (godwit__channel_t *channel, bool for_room, int64_t timeout_ns)
{
    (void) for_room; /* news and room wake, whoever waits */
    godwit__zmtp_waiter_wait (&((publisher_t *) channel)->waiter, -1, 0, timeout_ns);
}

static void
wake_publisher (godwit__channel_t *channel)
{
    godwit__zmtp_waiter_wake (&((publisher_t *) channel)->waiter);
}

static godwit_status_t
attach_publisher (godwit__channel_t *channel, godwit__reactor_t *reactor, godwit__source_t *source,
                  godwit_error_t **error)
{
    return godwit__zmtp_waiter_attach (&((publisher_t *) channel)->waiter, reactor, false, source, error);
}

static void
detach_publisher (godwit__channel_t *channel)
{
    godwit__zmtp_waiter_detach (&((publisher_t *) channel)->waiter);
}

static void
close_publisher (godwit__channel_t *channel)
{
    publisher_t *self = (publisher_t *) channel;
    for (subscriber_t *at; (at = GODWIT__FIRST (&self->subscribers, subscriber_t, in_list));)
        forget (at);
    godwit__zmtp_subscriptions_release (self);
    godwit__topics_release (&self->topics);
    pthread_mutex_destroy (&self->lock);
    free (self);
}

static const godwit__channel_ops_t publisher_ops = {
    .send = send_publisher,
    .queue = send_publisher,
    .flush = flush_publisher,
    .recv = recv_publisher,
    .wait = wait_publisher,
    .receive = godwit__channel_receive,
    .wake = wake_publisher,
    .attach = attach_publisher,
    .detach = detach_publisher,
    .close = close_publisher,
    .gathers = true,
};

godwit_status_t
godwit__zmtp_open_publisher (godwit__driver_t *driver, godwit__channel_t **publisher, godwit_error_t **error)
{
    publisher_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    self->base.ops = &publisher_ops;
    self->driver = (godwit__zmtp_t *) driver;
    pthread_mutex_init (&self->lock, NULL);
    godwit__list_init (&self->subscribers);
    godwit__list_init (&self->unflushed);
    godwit__zmtp_subscriptions_init (self);
    godwit__topics_init (&self->topics);
    godwit__zmtp_waiter_init (&self->waiter);
    *publisher = &self->base;
    return GODWIT_OK;
}
