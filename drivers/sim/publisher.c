/* SPDX-License-Identifier: Apache-2.0 */
/* Publications: subscriptions travel to publishers, and publications to those that subscribed. */
#include "drivers/sim/sim.h"

#include "src/error/error.h"

#include <stdlib.h>
#include <string.h>

/* How soon a publisher tries again to reach a port that it lost. */
#define RETRY_NS (100 * GODWIT__NS_PER_MS)

typedef uint8_t (*keys_t)[GODWIT__KEY_SIZE];

static size_t
find_key (const keys_t keys, size_t count, const uint8_t *key)
{
    size_t i = 0;
    while (i < count && memcmp (keys[i], key, GODWIT__KEY_SIZE) != 0)
        i++;
    return i;
}

static bool
add_key (keys_t *keys, size_t *count, const uint8_t *key)
{
    keys_t grown = realloc (*keys, (*count + 1) * GODWIT__KEY_SIZE);
    if (!grown)
        return false;
    memcpy (grown[(*count)++], key, GODWIT__KEY_SIZE);
    *keys = grown;
    return true;
}

static godwit__sim_frame_t *
new_news (godwit_cluster_t *cluster, bool subscribed, const uint8_t *key)
{
    godwit__sim_frame_t *frame = malloc (sizeof *frame + 1 + GODWIT__KEY_SIZE);
    if (!frame) {
        cluster->failed = true;
        return NULL;
    }
    *frame = (godwit__sim_frame_t){.size = 1 + GODWIT__KEY_SIZE};
    frame->data[0] = subscribed;
    memcpy (frame->data + 1, key, GODWIT__KEY_SIZE);
    return frame;
}

/* ---- subscribers ---- */

static void
tell (const godwit__sim_channel_t *port, bool subscribed, const uint8_t *key)
{
    godwit_cluster_t *cluster = port->node->cluster;
    for (godwit__sim_connection_t *at = GODWIT__SIM_AT_PORT_FIRST (port); at;
         at = GODWIT__SIM_AT_PORT_NEXT (port, at)) {
        if (!at->client || at->client->kind != GODWIT__SIM_PUBLISHER)
            continue;
        godwit__sim_frame_t *news = new_news (cluster, subscribed, key);
        if (news)
            godwit__sim_post (at, GODWIT__SIM_NEWS, false, false, news);
    }
}

void
godwit__sim_tell_all (godwit__sim_connection_t *connection)
{
    const godwit__sim_channel_t *port = connection->port;
    for (size_t i = 0; i < port->key_count; i++) {
        if (find_key (port->keys, i, port->keys[i]) < i)
            continue; /* subscribed to more than once, sent once */
        godwit__sim_frame_t *news = new_news (connection->cluster, true, port->keys[i]);
        if (news)
            godwit__sim_post (connection, GODWIT__SIM_NEWS, false, false, news);
    }
}

godwit_status_t
godwit__sim_subscribe (godwit__channel_t *port, const uint8_t key[GODWIT__KEY_SIZE], godwit_error_t **error)
{
    godwit__sim_channel_t *self = (godwit__sim_channel_t *) port;
    const bool known = find_key (self->keys, self->key_count, key) < self->key_count;
    if (!add_key (&self->keys, &self->key_count, key))
        return godwit__error_no_memory (error);
    if (!known)
        tell (self, true, key);
    return GODWIT_OK;
}

void
godwit__sim_unsubscribe (godwit__channel_t *port, const uint8_t key[GODWIT__KEY_SIZE])
{
    godwit__sim_channel_t *self = (godwit__sim_channel_t *) port;
    const size_t index = find_key (self->keys, self->key_count, key);
    if (index == self->key_count)
        return;
    self->key_count--;
    if (index < self->key_count)
        memcpy (self->keys[index], self->keys[self->key_count], GODWIT__KEY_SIZE);
    if (find_key (self->keys, self->key_count, key) == self->key_count)
        tell (self, false, key);
}

/* ---- publishers ---- */

void
godwit__sim_news (godwit__sim_connection_t *connection, godwit__sim_frame_t *news)
{
    const uint8_t *key = news->data + 1;
    const size_t index = find_key (connection->keys, connection->key_count, key);
    if (news->data[0]) {
        if (index == connection->key_count && !add_key (&connection->keys, &connection->key_count, key))
            connection->cluster->failed = true;
    } else if (index < connection->key_count) {
        connection->key_count--;
        if (index < connection->key_count)
            memcpy (connection->keys[index], connection->keys[connection->key_count], GODWIT__KEY_SIZE);
    }
    godwit__sim_arrive (connection->client, news);
}

static void
forget_keys (godwit__sim_connection_t *connection)
{
    for (size_t i = 0; i < connection->key_count; i++) {
        godwit__sim_frame_t *news = new_news (connection->cluster, false, connection->keys[i]);
        if (news)
            godwit__sim_arrive (connection->client, news);
    }
    connection->key_count = 0;
}

void
godwit__sim_publisher_lost (godwit__sim_connection_t *connection)
{
    godwit_cluster_t *cluster = connection->cluster;
    forget_keys (connection);
    connection->up = false;
    if (connection->port)
        godwit__sim_post (connection, GODWIT__SIM_CLOSED, true, false, NULL);
    connection->attempt++;
    godwit__sim_post_at (connection, GODWIT__SIM_RETRY, true, cluster->now_ns + RETRY_NS, 0);
}

godwit_status_t
godwit__sim_publisher_connect (godwit__channel_t *publisher, const char *address, godwit_error_t **error)
{
    godwit__sim_connection_t *connection =
        godwit__sim_connection_new ((godwit__sim_channel_t *) publisher, address);
    if (!connection)
        return godwit__error_no_memory (error);
    godwit__sim_post (connection, GODWIT__SIM_CONNECT, true, false,
                      godwit__sim_introduce (connection, false));
    return GODWIT_OK;
}

void
godwit__sim_publisher_disconnect (godwit__channel_t *publisher, const char *address)
{
    godwit__sim_channel_t *self = (godwit__sim_channel_t *) publisher;
    for (godwit__sim_connection_t *at = GODWIT__SIM_AT_PUBLISHER_FIRST (self); at;
         at = GODWIT__SIM_AT_PUBLISHER_NEXT (self, at)) {
        if (strcmp (at->address, address) != 0)
            continue;
        forget_keys (at);
        godwit__sim_leave_client (at);
        if (!self->node->is_dead)
            godwit__sim_post (at, GODWIT__SIM_CLOSED, true, false, NULL);
        godwit__sim_connection_unref (at);
        return;
    }
}

/* It subscribed, and may serve the topic. */
static bool
is_subscribed (const godwit__sim_connection_t *connection, const uint8_t *key,
               const godwit__sim_topic_t *topic)
{
    return find_key (connection->keys, connection->key_count, key) < connection->key_count &&
           godwit__sim_may_publish_to (connection, topic);
}

godwit__io_t
godwit__sim_publish (godwit__channel_t *publisher, const godwit__message_t *message)
{
    godwit__sim_channel_t *self = (godwit__sim_channel_t *) publisher;
    godwit__message_t copy = *message;
    copy.free_fn = NULL;
    if (message->insert_count)
        return godwit__publish_joined (publisher, message, godwit__sim_publish);
    if (message->size > self->node->options.max_message_size)
        return GODWIT__IO_REFUSED;
    const godwit__sim_topic_t *const topic = godwit__sim_topic_of (self, message->data);
    for (godwit__sim_connection_t *at = GODWIT__SIM_AT_PUBLISHER_FIRST (self); at;
         at = GODWIT__SIM_AT_PUBLISHER_NEXT (self, at))
        if (is_subscribed (at, message->data, topic) &&
            at->to_port.queued >= self->node->options.queue_limit) {
            self->wants_room = true;
            return GODWIT__IO_AGAIN;
        }
    for (godwit__sim_connection_t *at = GODWIT__SIM_AT_PUBLISHER_FIRST (self); at;
         at = GODWIT__SIM_AT_PUBLISHER_NEXT (self, at))
        if (is_subscribed (at, message->data, topic))
            godwit__sim_send (at, true, &copy, GODWIT__ROUTING_ID_FANOUT);
    if (message->free_fn)
        message->free_fn (message->data, message->hint);
    return GODWIT__IO_OK;
}
