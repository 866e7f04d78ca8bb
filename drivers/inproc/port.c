/* SPDX-License-Identifier: Apache-2.0 */
/* Ports: they receive from links, and publications to which they subscribed. */
#include "drivers/inproc/inproc.h"

#include "src/error/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static godwit__io_t
send_port (godwit__channel_t *channel, godwit__routing_id_t routing_id, const godwit__message_t *message)
{
    godwit__inproc_port_t *self = (godwit__inproc_port_t *) channel;
    godwit__io_t result = GODWIT__IO_CLOSED;
    if (message->insert_count)
        return godwit__send_joined (channel, routing_id, message, send_port);
    if (message->size > self->base.driver->options.max_message_size)
        return GODWIT__IO_REFUSED;
    pthread_mutex_lock (&self->base.inbox->lock);
    godwit__lane_t *const down = godwit__inproc_port_lane (self, routing_id);
    if (down)
        result = godwit__lane_send (down, message);
    pthread_mutex_unlock (&self->base.inbox->lock);
    if (result == GODWIT__IO_CLOSED)
        atomic_fetch_add_explicit (&self->base.driver->counters.dropped, 1, memory_order_relaxed);
    return result;
}

godwit_status_t
godwit__inproc_watch_port (godwit__channel_t *port, godwit__task_t *lost, godwit_error_t **error)
{
    (void) error;
    godwit__inproc_lock ();
    ((godwit__inproc_port_t *) port)->lost = lost;
    godwit__inproc_unlock ();
    return GODWIT_OK;
}

/* The inbox keeps who has sent the last frame, this keeps who that is now. */
static godwit__party_t *
sender (godwit__channel_t *channel)
{
    godwit__inproc_port_t *self = (godwit__inproc_port_t *) channel;
    godwit__party_unref (&self->sender);
    self->sender = godwit__identity_party (self->base.inbox->sender);
    return self->sender;
}

/* --- publications ---------------------------------------------------------------------------- */

static godwit__inproc_key_t *
find_key (godwit__inproc_port_t *self, const uint8_t key[GODWIT__KEY_SIZE])
{
    for (size_t i = 0; i < self->key_count; i++) {
        if (memcmp (self->keys[i].bytes, key, GODWIT__KEY_SIZE) == 0)
            return &self->keys[i];
    }
    return NULL;
}

static void
tell_publishers (const godwit__inproc_port_t *self, const uint8_t key[GODWIT__KEY_SIZE], bool subscribed)
{
    for (godwit__inproc_tap_t *tap = GODWIT__FIRST (&self->taps, godwit__inproc_tap_t, of_port); tap;
         tap = GODWIT__NEXT (&self->taps, tap, godwit__inproc_tap_t, of_port))
        godwit__inproc_tap_news (tap, key, subscribed);
}

static bool
add_key (godwit__inproc_port_t *self, const uint8_t key[GODWIT__KEY_SIZE])
{
    if (self->key_count == self->key_capacity) {
        const size_t capacity = self->key_capacity ? 2 * self->key_capacity : 4;
        godwit__inproc_key_t *keys = realloc (self->keys, capacity * sizeof *keys);
        if (!keys)
            return false;
        self->keys = keys;
        self->key_capacity = capacity;
    }
    godwit__inproc_key_t *added = &self->keys[self->key_count++];
    memcpy (added->bytes, key, GODWIT__KEY_SIZE);
    added->subscriptions = 1;
    return true;
}

godwit_status_t
godwit__inproc_subscribe (godwit__channel_t *port, const uint8_t key[GODWIT__KEY_SIZE],
                          godwit_error_t **error)
{
    godwit__inproc_port_t *self = (godwit__inproc_port_t *) port;
    godwit__inproc_lock ();
    pthread_mutex_lock (&self->base.inbox->lock);
    godwit__inproc_key_t *known = find_key (self, key);
    if (known)
        known->subscriptions++;
    const bool added = !known && add_key (self, key);
    pthread_mutex_unlock (&self->base.inbox->lock);
    if (added)
        tell_publishers (self, key, true);
    godwit__inproc_unlock ();
    return known || added ? GODWIT_OK : godwit__error_no_memory (error);
}

void
godwit__inproc_unsubscribe (godwit__channel_t *port, const uint8_t key[GODWIT__KEY_SIZE])
{
    godwit__inproc_port_t *self = (godwit__inproc_port_t *) port;
    godwit__inproc_lock ();
    pthread_mutex_lock (&self->base.inbox->lock);
    godwit__inproc_key_t *known = find_key (self, key);
    const bool gone = known && !--known->subscriptions;
    if (gone)
        *known = self->keys[--self->key_count];
    pthread_mutex_unlock (&self->base.inbox->lock);
    if (gone)
        tell_publishers (self, key, false);
    godwit__inproc_unlock ();
}

/* --- life ------------------------------------------------------------------------------------ */

static void
close_port (godwit__channel_t *channel)
{
    godwit__inproc_port_t *self = (godwit__inproc_port_t *) channel;
    godwit__inproc_lock ();
    if (self->lost)
        godwit__reactor_unpost (self->base.driver->options.reactor, self->lost);
    self->lost = NULL;
    godwit__inproc_remove_port (self);
    for (godwit__inproc_tap_t *tap; (tap = GODWIT__FIRST (&self->taps, godwit__inproc_tap_t, of_port));) {
        for (size_t i = 0; i < self->key_count; i++)
            godwit__inproc_tap_news (tap, self->keys[i].bytes, false);
        godwit__inproc_tap_remove (tap);
    }
    godwit__inbox_close (self->base.inbox, true);
    for (size_t i = 0; i < self->slot_count; i++) {
        godwit__inproc_link_t *link = self->slots[i].owner;
        if (!link)
            continue;
        godwit__inproc_port_detach (self, link);
        godwit__inproc_link_down (link);
    }
    godwit__inproc_unlock ();
    godwit__inbox_unref (self->base.inbox);
    godwit__party_unref (&self->sender);
    free (self->slots);
    free (self->keys);
    free (self);
}

static const godwit__channel_ops_t port_ops = {
    .send = send_port,
    .queue = send_port,
    .flush = godwit__channel_flush,
    .recv = godwit__inproc_recv,
    .wait = godwit__inproc_wait,
    .receive = godwit__channel_receive,
    .wake = godwit__inproc_wake,
    .attach = godwit__inproc_attach,
    .detach = godwit__inproc_detach,
    .close = close_port,
    .sender = sender,
};

/* The address is random: records with it reach other processes, which must not find a port of their own
 * there. */
static bool
make_address (char address[GODWIT__ADDRESS_SIZE])
{
    uint64_t id[2];
    if (getrandom (id, sizeof id, 0) != (ssize_t) sizeof id)
        return false;
    snprintf (address, GODWIT__ADDRESS_SIZE, GODWIT__INPROC_SCHEME "%016llx%016llx",
              (unsigned long long) id[0], (unsigned long long) id[1]);
    return true;
}

godwit_status_t
godwit__inproc_open_port (godwit__driver_t *driver, const char *at, godwit__channel_t **port,
                          godwit__port_addresses_t *addresses, godwit_error_t **error)
{
    if (at && (strlen (at) >= GODWIT__ADDRESS_SIZE || !driver->ops->speaks (driver, at)))
        return godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot listen at %s: not an inproc address", at);
    godwit__inproc_port_t *self = calloc (1, sizeof *self);
    if (!self || !godwit__inproc_channel_init (&self->base, &port_ops, driver)) {
        free (self);
        return godwit__error_no_memory (error);
    }
    godwit__list_init (&self->taps);
    self->takes_publications = !at;
    bool named = true;
    if (at)
        memcpy (self->address, at, strlen (at) + 1);
    else
        named = make_address (self->address);
    godwit__inproc_lock ();
    const bool taken = godwit__inproc_find_port (self->base.driver->virtual_host, self->address) != NULL;
    if (named && !taken)
        godwit__inproc_add_port (self);
    godwit__inproc_unlock ();
    if (!named || taken) {
        godwit__inbox_unref (self->base.inbox);
        free (self);
        return godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot listen at %s: %s",
                                  at ? at : "a random address", strerror (named ? EADDRINUSE : errno));
    }
    memset (addresses, 0, sizeof *addresses);
    addresses->link_count = 1;
    memcpy (addresses->links[0], self->address, sizeof self->address);
    if (self->takes_publications)
        memcpy (addresses->fanout, self->address, sizeof self->address);
    *port = &self->base.base;
    return GODWIT_OK;
}
