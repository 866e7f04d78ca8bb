/* SPDX-License-Identifier: Apache-2.0 */
/* A publisher's life: who subscribed, and what it is connected to. */
#include "src/client/publisher_send.h"
#include "src/error/error.h"

#include "src/base/hash.h"
#include "src/runtime/warnings.h"

#include <stdlib.h>

#define NEWS_SIZE (1 + GODWIT__KEY_SIZE)

enum { KEY_REFUSED = 0x70 };

/* ---- news of subscriptions; the control thread ---- */

/* With transport.lock held. */
static godwit__marker_t *
find_marker (const godwit__publisher_t *publisher, const uint8_t *key)
{
    const uint64_t hash = godwit__publisher_hash (publisher, key);
    godwit__marker_t *marker = GODWIT__TABLE_FIND (&publisher->markers, hash, godwit__marker_t, by_key);
    while (marker && memcmp (marker->key, key, GODWIT__KEY_SIZE) != 0)
        marker = GODWIT__TABLE_FIND_NEXT (marker, godwit__marker_t, by_key);
    return marker;
}

static void
forget_marker (godwit__publisher_t *publisher, godwit__marker_t *marker)
{
    godwit__table_remove (&publisher->markers, &marker->by_key);
    free (marker);
}

/* With transport.lock held. */
static void
note_news (godwit__publisher_t *publisher, const uint8_t *news)
{
    godwit__marker_t *marker = find_marker (publisher, news + 1);
    if (news[0] == 0 && marker) {
        if (--marker->count == 0)
            forget_marker (publisher, marker);
    } else if (news[0] == 1 && marker) {
        marker->count++;
    } else if (news[0] == 1) {
        marker = calloc (1, sizeof *marker);
        if (!marker)
            return; /* counts as missing */
        memcpy (marker->key, news + 1, sizeof marker->key);
        marker->count = 1;
        godwit__table_insert (&publisher->markers, &marker->by_key,
                              godwit__publisher_hash (publisher, marker->key));
    }
}

bool
godwit__publisher_is_subscribed (const godwit__publisher_t *publisher, const uint8_t *marker)
{
    return find_marker (publisher, marker) != NULL;
}

static void
on_news (godwit__source_t *source)
{
    godwit__publisher_t *publisher = source->user;
    godwit_transport_t *transport = publisher->transport;
    godwit__channel_t *channel = publisher->channels[source - publisher->sources];
    godwit__frame_t frame;
    godwit__routing_id_t routing_id;
    while (channel->ops->recv (channel, &frame, &routing_id) == GODWIT__IO_OK) {
        pthread_mutex_lock (&transport->lock);
        if (frame.size == NEWS_SIZE)
            note_news (publisher, frame.data);
        godwit__transport_changed (transport);
        godwit__transport_unlock (transport);
        if (frame.size == NEWS_SIZE && frame.data[0] == 1)
            godwit__publisher_subscribed (publisher, frame.data + 1);
        godwit__frame_release (&frame);
    }
}

/* ---- subscribers; the control thread ---- */

static uint64_t
hash_address (const godwit__publisher_t *publisher, const char *address)
{
    return godwit__hash_text ((uintptr_t) publisher, address);
}

godwit__subscriber_t *
godwit__publisher_subscriber (const godwit__publisher_t *publisher, const char *address)
{
    const uint64_t hash = hash_address (publisher, address);
    godwit__subscriber_t *at =
        GODWIT__TABLE_FIND (&publisher->subscribers, hash, godwit__subscriber_t, by_address);
    while (at && strcmp (at->address, address) != 0)
        at = GODWIT__TABLE_FIND_NEXT (at, godwit__subscriber_t, by_address);
    return at;
}

static void
forget_subscriber (godwit__publisher_t *publisher, godwit__subscriber_t *subscriber)
{
    godwit__table_remove (&publisher->subscribers, &subscriber->by_address);
    free (subscriber->address);
    free (subscriber);
}

/* ---- life; the control thread ---- */

static void
open_channel (godwit__publisher_t *publisher, size_t i)
{
    godwit_transport_t *transport = publisher->transport;
    godwit__driver_t *driver = transport->drivers[i];
    if (driver->ops->open_publisher (driver, &publisher->channels[i], NULL))
        return; /* its servers count as missing */
    godwit__channel_t *channel = publisher->channels[i];
    publisher->sources[i] = (godwit__source_t){.ready = on_news, .user = publisher};
    if (channel->ops->attach (channel, transport->control, &publisher->sources[i], NULL) == GODWIT_OK) {
        on_news (&publisher->sources[i]);
        return;
    }
    channel->ops->close (channel);
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
    godwit__table_init (&publisher->subscribers);
    godwit__table_init (&publisher->markers);
    publisher->transport = transport;
    publisher->number = (uint32_t) godwit__transport_random (transport, UINT32_MAX);
    godwit__publisher_send_init (publisher);
    for (size_t i = 0; i < transport->driver_count; i++)
        open_channel (publisher, i);
    pthread_mutex_lock (&transport->lock);
    transport->publisher = publisher;
    godwit__transport_unlock (transport);
}

void
godwit__publisher_destroy (struct godwit__publisher **publisher)
{
    godwit__publisher_t *self = *publisher;
    if (!self)
        return;
    godwit__publisher_send_release (self);
    for (size_t i = 0; i < GODWIT__DRIVER_MAX; i++) {
        godwit__channel_t *channel = self->channels[i];
        if (!channel)
            continue;
        channel->ops->detach (channel);
        channel->ops->close (channel);
    }
    for (godwit__marker_t *marker; (marker = GODWIT__TABLE_FIRST (&self->markers, godwit__marker_t, by_key));)
        forget_marker (self, marker);
    for (godwit__subscriber_t *at;
         (at = GODWIT__TABLE_FIRST (&self->subscribers, godwit__subscriber_t, by_address));)
        forget_subscriber (self, at);
    godwit__table_release (&self->markers);
    godwit__table_release (&self->subscribers);
    pthread_mutex_destroy (&self->lock);
    free (self);
    *publisher = NULL;
}

/* ---- whose key it is ---- */

/* Two threads may tell it at the same time, which does no harm. */
godwit_status_t
godwit__publisher_name (const godwit__publisher_t *publisher, godwit__group_t *group, godwit_error_t **error)
{
    godwit_transport_t *const transport = publisher->transport;
    if (!transport->realm)
        return GODWIT_OK;
    pthread_mutex_lock (&transport->lock);
    const bool is_named = group->is_named;
    godwit__transport_unlock (transport);
    if (is_named)
        return GODWIT_OK;
    for (size_t i = 0; i < transport->driver_count; i++) {
        const godwit__driver_ops_t *const ops = transport->drivers[i]->ops;
        if (publisher->channels[i] && ops->name_topic &&
            ops->name_topic (publisher->channels[i], group->fanout_key, group->exchange, group->topic))
            return godwit__error_no_memory (error);
    }
    pthread_mutex_lock (&transport->lock);
    group->is_named = true;
    godwit__transport_unlock (transport);
    return GODWIT_OK;
}

/* ---- connecting; the control thread, with transport.lock held ---- */

/* *error: the address was refused. */
static void
connect_member (godwit__publisher_t *publisher, const char *address, godwit_error_t **error)
{
    godwit_transport_t *transport = publisher->transport;
    godwit__subscriber_t *subscriber = godwit__publisher_subscriber (publisher, address);
    if (subscriber) {
        subscriber->wanted = true;
        return;
    }
    for (size_t i = 0; i < transport->driver_count; i++) {
        const godwit__driver_ops_t *ops = transport->drivers[i]->ops;
        if (!publisher->channels[i] || !ops->speaks (transport->drivers[i], address))
            continue;
        subscriber = calloc (1, sizeof *subscriber);
        if (!subscriber)
            return;
        subscriber->address = strdup (address);
        if (!subscriber->address || ops->publisher_connect (publisher->channels[i], address, error)) {
            free (subscriber->address);
            free (subscriber);
            return;
        }
        subscriber->channel = i;
        subscriber->wanted = true;
        godwit__table_insert (&publisher->subscribers, &subscriber->by_address,
                              hash_address (publisher, address));
        atomic_fetch_add (&publisher->subscriber_counts[i], 1);
        return;
    }
}

void
godwit__publisher_connect (void *arg)
{
    godwit_transport_t *transport = arg;
    godwit__publisher_t *publisher = transport->publisher;
    godwit__table_t *const subscribers = &publisher->subscribers;
    godwit__subscriber_t *at, *next;
    godwit_error_t *refused = NULL;

    pthread_mutex_lock (&transport->lock);
    for (at = GODWIT__TABLE_FIRST (subscribers, godwit__subscriber_t, by_address); at;
         at = GODWIT__TABLE_NEXT (subscribers, at, godwit__subscriber_t, by_address))
        at->wanted = false;
    for (godwit__group_t *group = GODWIT__GROUPS_FIRST (transport->directory); group;
         group = GODWIT__GROUPS_NEXT (transport->directory, group))
        for (size_t i = 0; group->fans_out && i < group->count; i++)
            if (*group->members[i]->record->fanout_address)
                connect_member (publisher, group->members[i]->record->fanout_address,
                                refused ? NULL : &refused);
    for (at = GODWIT__TABLE_FIRST (subscribers, godwit__subscriber_t, by_address); at; at = next) {
        next = GODWIT__TABLE_NEXT (subscribers, at, godwit__subscriber_t, by_address);
        if (at->wanted)
            continue;
        transport->drivers[at->channel]->ops->publisher_disconnect (publisher->channels[at->channel],
                                                                    at->address);
        atomic_fetch_sub (&publisher->subscriber_counts[at->channel], 1);
        forget_subscriber (publisher, at);
    }
    godwit__transport_unlock (transport);
    if (refused)
        godwit__warn (transport, godwit__hash_text (KEY_REFUSED, godwit_error_message (refused)),
                      "a server gets no publications of this process: %s", godwit_error_message (refused));
    godwit_error_destroy (&refused);
}
