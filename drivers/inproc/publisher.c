/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/inproc/inproc.h"

#include "src/error/error.h"

#include <stdlib.h>

/* All taps of a publisher. */
#define FIRST_TAP(publisher_) GODWIT__FIRST (&(publisher_)->taps, tap_t, of_publisher)
#define NEXT_TAP(publisher_, tap_) GODWIT__NEXT (&(publisher_)->taps, tap_, tap_t, of_publisher)

typedef godwit__inproc_tap_t tap_t;

void
godwit__inproc_tap_news (godwit__inproc_tap_t *tap, const uint8_t key[GODWIT__KEY_SIZE], bool subscribed)
{
    uint8_t news[1 + GODWIT__KEY_SIZE] = {subscribed};
    memcpy (news + 1, key, GODWIT__KEY_SIZE);
    godwit__inbox_push_news (tap->publisher->base.inbox, news, sizeof news);
}

void
godwit__inproc_tap_remove (godwit__inproc_tap_t *tap)
{
    godwit__list_remove (&tap->of_port);
    pthread_mutex_lock (&tap->publisher->publish_lock);
    godwit__list_remove (&tap->of_publisher);
    pthread_mutex_unlock (&tap->publisher->publish_lock);
    godwit__lane_abandon (tap->lane);
    free (tap);
}

/* Structural lock held. False: memory is short. */
static bool
add_tap (godwit__inproc_publisher_t *self, godwit__inproc_port_t *port)
{
    const godwit__driver_options_t *options = &self->base.driver->options;
    godwit__inproc_tap_t *tap = calloc (1, sizeof *tap);
    if (tap)
        tap->lane =
            godwit__lane_new (port->base.inbox, self->base.inbox, godwit__inproc_identity (&self->base),
                              GODWIT__ROUTING_ID_FANOUT, options, options->max_message_size);
    if (!tap || !tap->lane) {
        free (tap);
        return false;
    }
    tap->port = port;
    tap->publisher = self;
    godwit__list_prepend (&port->taps, &tap->of_port);
    pthread_mutex_lock (&self->publish_lock);
    godwit__list_prepend (&self->taps, &tap->of_publisher);
    pthread_mutex_unlock (&self->publish_lock);
    for (size_t i = 0; i < port->key_count; i++)
        godwit__inproc_tap_news (tap, port->keys[i].bytes, true);
    return true;
}

/* Without a port nothing happens, as with a socket. Addresses are random, so no port will ever listen there.
 */
godwit_status_t
godwit__inproc_publisher_connect (godwit__channel_t *publisher, const char *fanout_address,
                                  godwit_error_t **error)
{
    godwit__inproc_publisher_t *self = (godwit__inproc_publisher_t *) publisher;
    const godwit__driver_options_t *options = &self->base.driver->options;
    const char *refusal = NULL;
    bool done = true;
    godwit__inproc_lock ();
    godwit__inproc_port_t *port = godwit__inproc_find_port (self->base.driver->virtual_host, fanout_address);
    if (port && port->takes_publications) {
        refusal = godwit__identity_refusal (options->realm, port->base.driver->options.realm);
        done = refusal || add_tap (self, port);
    }
    godwit__inproc_unlock ();
    if (refusal && options->ended)
        options->ended (options->stranger_user, fanout_address, NULL, refusal);
    return done ? GODWIT_OK : godwit__error_no_memory (error);
}

void
godwit__inproc_publisher_disconnect (godwit__channel_t *publisher, const char *fanout_address)
{
    godwit__inproc_publisher_t *self = (godwit__inproc_publisher_t *) publisher;
    godwit__inproc_lock ();
    for (tap_t *tap = FIRST_TAP (self); tap; tap = NEXT_TAP (self, tap)) {
        if (strcmp (tap->port->address, fanout_address) != 0)
            continue;
        for (size_t i = 0; i < tap->port->key_count; i++)
            godwit__inproc_tap_news (tap, tap->port->keys[i].bytes, false);
        godwit__inproc_tap_remove (tap);
        break;
    }
    godwit__inproc_unlock ();
}

/* Whether the certificate of the tap's port says that it may have what is published to the topic. */
static bool
may_have (const tap_t *tap, const godwit__topic_t *topic)
{
    godwit__party_t *party = godwit__identity_party (godwit__inproc_identity (&tap->port->base));
    const bool may = godwit__topic_is_for (topic, party);
    godwit__party_unref (&party);
    return may;
}

/* publish_lock held. Chooses the taps that the message goes to; AGAIN if one of them has no room. */
static godwit__io_t
choose (godwit__inproc_publisher_t *self, const uint8_t key[GODWIT__KEY_SIZE], size_t *chosen_count)
{
    godwit__io_t result = GODWIT__IO_OK;
    const bool has_realm = godwit__inproc_identity (&self->base) != NULL;
    const godwit__topic_t *const topic = has_realm ? godwit__topics_find (&self->topics, key) : NULL;
    *chosen_count = 0;
    for (tap_t *tap = FIRST_TAP (self); tap; tap = NEXT_TAP (self, tap)) {
        tap->chosen = false;
        pthread_mutex_lock (&tap->port->base.inbox->lock);
        for (size_t i = 0; i < tap->port->key_count && !tap->chosen; i++)
            tap->chosen = memcmp (tap->port->keys[i].bytes, key, GODWIT__KEY_SIZE) == 0;
        pthread_mutex_unlock (&tap->port->base.inbox->lock);
        tap->chosen = tap->chosen && (!has_realm || may_have (tap, topic));
        if (!tap->chosen)
            continue;
        ++*chosen_count;
        if (!godwit__lane_has_room (tap->lane))
            result = GODWIT__IO_AGAIN;
    }
    return result;
}

/* Every port gets its own copy, because a receiver may write to the bytes. */
godwit__io_t
godwit__inproc_publish (godwit__channel_t *publisher, const godwit__message_t *message)
{
    godwit__inproc_publisher_t *self = (godwit__inproc_publisher_t *) publisher;
    if (message->insert_count)
        return godwit__publish_joined (publisher, message, godwit__inproc_publish);
    if (message->size > self->base.driver->options.max_message_size)
        return GODWIT__IO_REFUSED;
    const godwit__message_t copied = {.data = message->data, .size = message->size};
    size_t chosen, done = 0;
    pthread_mutex_lock (&self->publish_lock);
    godwit__io_t result = choose (self, message->data, &chosen);
    for (tap_t *tap = FIRST_TAP (self); tap && result == GODWIT__IO_OK; tap = NEXT_TAP (self, tap)) {
        if (tap->chosen && godwit__lane_send (tap->lane, &copied) == GODWIT__IO_OK)
            done++;
    }
    pthread_mutex_unlock (&self->publish_lock);
    if (result != GODWIT__IO_OK)
        return result;
    if (done < chosen || !chosen)
        atomic_fetch_add_explicit (&self->base.driver->counters.dropped, 1, memory_order_relaxed);
    if (message->free_fn)
        message->free_fn (message->data, message->hint);
    return GODWIT__IO_OK;
}

godwit_status_t
godwit__inproc_name_topic (godwit__channel_t *publisher, const uint8_t key[GODWIT__KEY_SIZE],
                           const char *exchange, const char *topic)
{
    godwit__inproc_publisher_t *self = (godwit__inproc_publisher_t *) publisher;
    const godwit__topic_t *added;
    pthread_mutex_lock (&self->publish_lock);
    const godwit_status_t status = godwit__topics_add (&self->topics, key, exchange, topic, &added);
    pthread_mutex_unlock (&self->publish_lock);
    return status;
}

static godwit__io_t
send_publisher (godwit__channel_t *channel, godwit__routing_id_t routing_id, const godwit__message_t *message)
{
    (void) channel;
    (void) routing_id;
    (void) message;
    return GODWIT__IO_REFUSED; /* a publisher publishes, it does not send */
}

static void
close_publisher (godwit__channel_t *channel)
{
    godwit__inproc_publisher_t *self = (godwit__inproc_publisher_t *) channel;
    godwit__inproc_lock ();
    for (tap_t *tap; (tap = FIRST_TAP (self));)
        godwit__inproc_tap_remove (tap);
    godwit__inproc_unlock ();
    godwit__inbox_unref (self->base.inbox);
    godwit__topics_release (&self->topics);
    pthread_mutex_destroy (&self->publish_lock);
    free (self);
}

static const godwit__channel_ops_t publisher_ops = {
    .send = send_publisher,
    .queue = send_publisher,
    .flush = godwit__channel_flush,
    .recv = godwit__inproc_recv,
    .wait = godwit__inproc_wait,
    .receive = godwit__channel_receive,
    .wake = godwit__inproc_wake,
    .attach = godwit__inproc_attach,
    .detach = godwit__inproc_detach,
    .close = close_publisher,
};

godwit_status_t
godwit__inproc_open_publisher (godwit__driver_t *driver, godwit__channel_t **publisher,
                               godwit_error_t **error)
{
    godwit__inproc_publisher_t *self = calloc (1, sizeof *self);
    if (!self || !godwit__inproc_channel_init (&self->base, &publisher_ops, driver)) {
        free (self);
        return godwit__error_no_memory (error);
    }
    pthread_mutex_init (&self->publish_lock, NULL);
    godwit__list_init (&self->taps);
    godwit__topics_init (&self->topics);
    *publisher = &self->base.base;
    return GODWIT_OK;
}
