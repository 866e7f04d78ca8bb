/* SPDX-License-Identifier: Apache-2.0 */
/* What a port subscribes to. A publisher is told of each key in the order of the subscriptions, and one that
 * connects later of all in the order of their bytes (docs/protocol.md 4.8). */
#include "drivers/zmtp/port.h"

#include "src/error/error.h"

#include <stdlib.h>
#include <string.h>

/* Where the key is, or where it belongs. */
static size_t
place_of (const godwit__zmtp_port_t *port, const uint8_t key[GODWIT__KEY_SIZE], bool *is_there)
{
    size_t low = 0, high = port->key_count;
    *is_there = false;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = memcmp (port->keys[middle], key, GODWIT__KEY_SIZE);
        if (order == 0) {
            *is_there = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool
reserve (godwit__zmtp_port_t *port)
{
    if (port->key_count < port->key_capacity)
        return true;
    const size_t capacity = port->key_capacity ? 2 * port->key_capacity : 16;
    uint8_t (*keys)[GODWIT__KEY_SIZE] = realloc (port->keys, capacity * sizeof *keys);
    if (!keys)
        return false;
    port->keys = keys;
    port->key_capacity = capacity;
    return true;
}

static void
tell (godwit__zmtp_stream_t *publisher, bool subscribe, const uint8_t key[GODWIT__KEY_SIZE])
{
    uint8_t frame[GODWIT__ZMTP_SUBSCRIPTION_SIZE (GODWIT__KEY_SIZE)];
    const size_t size =
        godwit__zmtp_subscription_write (frame, publisher->peer_minor, subscribe, key, GODWIT__KEY_SIZE);
    godwit__zmtp_out_add_raw (&publisher->out, frame, size);
}

static void
tell_all (const godwit__zmtp_port_t *port, bool subscribe, const uint8_t key[GODWIT__KEY_SIZE])
{
    const godwit__list_t *publishers = &port->publishers;
    godwit__zmtp_stream_t *at = GODWIT__FIRST (publishers, godwit__zmtp_stream_t, in_owner);
    for (; at; at = GODWIT__NEXT (publishers, at, godwit__zmtp_stream_t, in_owner)) {
        tell (at, subscribe, key);
        godwit__zmtp_stream_flush (at);
    }
}

void
godwit__zmtp_port_tell_keys (const godwit__zmtp_port_t *port, godwit__zmtp_stream_t *publisher)
{
    for (size_t i = 0; i < port->key_count; i++)
        tell (publisher, true, port->keys[i]);
    godwit__zmtp_stream_flush (publisher);
}

godwit_status_t
godwit__zmtp_subscribe (godwit__channel_t *port, const uint8_t key[GODWIT__KEY_SIZE], godwit_error_t **error)
{
    godwit__zmtp_port_t *self = (godwit__zmtp_port_t *) port;
    bool is_there;
    const size_t place = place_of (self, key, &is_there);
    if (self->at[0])
        return godwit__error_set (error, GODWIT_ERR_SYSTEM,
                                  "cannot subscribe: the port at %s takes no "
                                  "publications",
                                  self->at);
    if (is_there)
        return GODWIT_OK;
    if (!reserve (self))
        return godwit__error_no_memory (error);
    memmove (self->keys + place + 1, self->keys + place, (self->key_count - place) * sizeof *self->keys);
    memcpy (self->keys[place], key, GODWIT__KEY_SIZE);
    self->key_count++;
    tell_all (self, true, key);
    return GODWIT_OK;
}

void
godwit__zmtp_unsubscribe (godwit__channel_t *port, const uint8_t key[GODWIT__KEY_SIZE])
{
    godwit__zmtp_port_t *self = (godwit__zmtp_port_t *) port;
    bool is_there;
    const size_t place = place_of (self, key, &is_there);
    if (!is_there)
        return;
    self->key_count--;
    memmove (self->keys + place, self->keys + place + 1, (self->key_count - place) * sizeof *self->keys);
    tell_all (self, false, key);
}
