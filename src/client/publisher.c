/* A publisher's life: who subscribed, and what it is connected to. */
#include "src/client/publisher_send.h"

#include <stdlib.h>

#define NEWS_SIZE (1 + GODWIT__KEY_SIZE)

/* ---- news of subscriptions; the control thread ---- */

/* With transport.lock held. */
static void
note_news (godwit__publisher_t *publisher, const uint8_t *news)
{
    godwit__marker_t *marker = NULL;
    HASH_FIND (hh, publisher->markers, news + 1, GODWIT__KEY_SIZE, marker);
    if (news[0] == 0 && marker) {
        if (--marker->count > 0)
            return;
        HASH_DEL (publisher->markers, marker);
        free (marker);
    } else if (news[0] == 1 && marker) {
        marker->count++;
    } else if (news[0] == 1) {
        marker = calloc (1, sizeof *marker);
        if (!marker)
            return; /* counts as missing */
        memcpy (marker->key, news + 1, sizeof marker->key);
        marker->count = 1;
        HASH_ADD (hh, publisher->markers, key, sizeof marker->key, marker);
        if (!marker->hh.tbl)
            free (marker);
    }
}

bool
godwit__publisher_is_subscribed (const godwit__publisher_t *publisher, const uint8_t *key)
{
    const godwit__marker_t *marker = NULL;
    HASH_FIND (hh, publisher->markers, key, GODWIT__KEY_SIZE, marker);
    return marker != NULL;
}

static void
on_news (godwit__source_t *source)
{
    godwit__publisher_t *publisher = source->user;
    godwit_transport_t *transport = publisher->transport;
    godwit__channel_t *channel = publisher->channels[source - publisher->sources];
    godwit__frame_t frame;
    godwit__origin_t origin;
    while (channel->ops->recv (channel, &frame, &origin) == GODWIT__IO_OK) {
        pthread_mutex_lock (&transport->lock);
        if (frame.size == NEWS_SIZE)
            note_news (publisher, frame.data);
        godwit__transport_changed (transport);
        pthread_mutex_unlock (&transport->lock);
        if (frame.size == NEWS_SIZE && frame.data[0] == 1)
            godwit__publisher_subscribed (publisher, frame.data + 1);
        godwit__frame_release (&frame);
    }
}

/* ---- life; the control thread ---- */

static void
open_channel (godwit__publisher_t *publisher, size_t i)
{
    godwit_transport_t *transport = publisher->transport;
    godwit__driver_t *driver = transport->drivers[i];
    if (driver->ops->open_publisher (driver, &publisher->channels[i], NULL))
        return; /* its subscribers are missing, and said to be */
    publisher->sources[i] = (godwit__source_t){
        .fd = publisher->channels[i]->ops->fd (publisher->channels[i]),
        .ready = on_news,
        .user = publisher,
    };
    if (publisher->sources[i].fd >= 0 &&
        godwit__reactor_watch (transport->control, &publisher->sources[i], NULL) == GODWIT_OK) {
        on_news (&publisher->sources[i]);
        return;
    }
    publisher->channels[i]->ops->close (publisher->channels[i]);
    publisher->channels[i] = NULL;
}

void
godwit__publisher_create (void *arg)
{
    godwit_transport_t *transport = arg;
    if (transport->publisher || atomic_load (&transport->closing))
        return;
    godwit__publisher_t *publisher = calloc (1, sizeof *publisher);
    if (!publisher)
        return;
    publisher->transport = transport;
    publisher->number = (uint32_t) godwit__transport_random (transport, UINT32_MAX);
    godwit__publisher_send_init (publisher);
    for (size_t i = 0; i < transport->driver_count; i++)
        open_channel (publisher, i);
    pthread_mutex_lock (&transport->lock);
    transport->publisher = publisher;
    pthread_mutex_unlock (&transport->lock);
}

void
godwit__publisher_destroy (struct godwit__publisher **publisher)
{
    godwit__publisher_t *self = *publisher;
    godwit__marker_t *marker, *next_marker;
    godwit__subscriber_t *subscriber, *next_subscriber;
    if (!self)
        return;
    godwit__publisher_send_release (self);
    for (size_t i = 0; i < GODWIT__DRIVER_MAX; i++) {
        if (!self->channels[i])
            continue;
        godwit__reactor_unwatch (self->transport->control, &self->sources[i]);
        self->channels[i]->ops->close (self->channels[i]);
    }
    HASH_ITER (hh, self->markers, marker, next_marker)
    {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the table goes with its last marker only */
        HASH_DEL (self->markers, marker);
        free (marker);
    }
    HASH_ITER (hh, self->subscribers, subscriber, next_subscriber)
    {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the table goes with its last subscriber only */
        HASH_DEL (self->subscribers, subscriber);
        free (subscriber->address);
        free (subscriber);
    }
    pthread_mutex_destroy (&self->lock);
    free (self);
    *publisher = NULL;
}

/* ---- connecting; the control thread, with transport.lock held ---- */

static void
connect_member (godwit__publisher_t *publisher, const char *address)
{
    godwit_transport_t *transport = publisher->transport;
    godwit__subscriber_t *subscriber = NULL;
    HASH_FIND_STR (publisher->subscribers, address, subscriber);
    if (subscriber) {
        subscriber->wanted = true;
        return;
    }
    for (size_t i = 0; i < transport->driver_count; i++) {
        const godwit__driver_ops_t *ops = transport->drivers[i]->ops;
        if (!publisher->channels[i] || !ops->speaks (address))
            continue;
        subscriber = calloc (1, sizeof *subscriber);
        if (!subscriber)
            return;
        subscriber->address = strdup (address);
        subscriber->channel = i;
        subscriber->wanted = true;
        if (subscriber->address)
            HASH_ADD_KEYPTR (hh, publisher->subscribers, subscriber->address, strlen (subscriber->address),
                             subscriber);
        if (!subscriber->address || !subscriber->hh.tbl) {
            free (subscriber->address);
            free (subscriber);
            return;
        }
        if (ops->publisher_connect (publisher->channels[i], address, NULL)) {
            HASH_DEL (publisher->subscribers, subscriber);
            free (subscriber->address);
            free (subscriber);
            return;
        }
        atomic_fetch_add (&publisher->subscriber_counts[i], 1);
        return;
    }
}

void
godwit__publisher_connect (void *arg)
{
    godwit_transport_t *transport = arg;
    godwit__publisher_t *publisher = transport->publisher;
    godwit__subscriber_t *subscriber, *next;

    pthread_mutex_lock (&transport->lock);
    for (subscriber = publisher->subscribers; subscriber; subscriber = subscriber->hh.next)
        subscriber->wanted = false;
    for (godwit__group_t *group = GODWIT__GROUPS_FIRST (transport->directory); group;
         group = GODWIT__GROUPS_NEXT (transport->directory, group))
        for (size_t i = 0; group->fans_out && i < group->count; i++)
            if (*group->members[i]->record->fanout_address)
                connect_member (publisher, group->members[i]->record->fanout_address);
    HASH_ITER (hh, publisher->subscribers, subscriber, next)
    {
        if (subscriber->wanted)
            continue;
        transport->drivers[subscriber->channel]->ops->publisher_disconnect (
            publisher->channels[subscriber->channel], subscriber->address);
        atomic_fetch_sub (&publisher->subscriber_counts[subscriber->channel], 1);
        HASH_DEL (publisher->subscribers, subscriber);
        free (subscriber->address);
        free (subscriber);
    }
    pthread_mutex_unlock (&transport->lock);
}
