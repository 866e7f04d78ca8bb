/* SPDX-License-Identifier: Apache-2.0 */
/* Which topics a publisher publishes to, and who may have what: those whose certificate may serve the topic.
 * That is found out when somebody subscribes, when a topic gets its name, and when a party becomes another;
 * whoever publishes reads the result. */
#include "drivers/zmtp/member.h"
#include "drivers/zmtp/publisher.h"

#include "src/base/hash.h"
#include "src/error/error.h"

#include <stdlib.h>
#include <string.h>

typedef struct topic {
    uint8_t key[GODWIT__KEY_SIZE];
    godwit__table_node_t by_key;
    const char *name;
    char exchange[]; /* and then the name */
} topic_t;

static uint64_t
hash_key (const godwit__zmtp_publisher_t *publisher, const uint8_t *key)
{
    return godwit__hash ((uintptr_t) publisher, key, GODWIT__KEY_SIZE);
}

static const topic_t *
find (const godwit__zmtp_publisher_t *publisher, const uint8_t *key)
{
    const topic_t *at = GODWIT__TABLE_FIND (&publisher->topics, hash_key (publisher, key), topic_t, by_key);
    while (at && memcmp (at->key, key, GODWIT__KEY_SIZE) != 0)
        at = GODWIT__TABLE_FIND_NEXT (at, topic_t, by_key);
    return at;
}

/* ---- who may have what; with publisher.lock held ---- */

static bool
may_serve (const godwit__zmtp_subscriber_t *subscriber, const topic_t *topic)
{
    godwit__zmtp_member_t *member = subscriber->stream ? subscriber->stream->member : NULL;
    if (!topic || !member || godwit__zmtp_member_is_void (member))
        return false;
    godwit__party_t *party = godwit__zmtp_member_party (member);
    const bool may = godwit__party_may_topic (party, GODWIT__VERB_SERVE, topic->exchange, topic->name);
    godwit__party_unref (&party);
    return may;
}

bool
godwit__zmtp_topics_allow (const godwit__zmtp_subscriber_t *subscriber, const uint8_t key[GODWIT__KEY_SIZE])
{
    const godwit__zmtp_publisher_t *publisher = subscriber->publisher;
    return !publisher->driver->options.realm || may_serve (subscriber, find (publisher, key));
}

void
godwit__zmtp_topics_judge (godwit__zmtp_subscriber_t *subscriber)
{
    const godwit__list_t *keys = &subscriber->keys;
    godwit__zmtp_subscription_t *at = GODWIT__FIRST (keys, godwit__zmtp_subscription_t, of_subscriber);
    for (; at; at = GODWIT__NEXT (keys, at, godwit__zmtp_subscription_t, of_subscriber))
        at->is_allowed = godwit__zmtp_topics_allow (subscriber, at->key);
}

/* ---- names ---- */

static topic_t *
topic_new (const uint8_t *key, const char *exchange, const char *name)
{
    const size_t exchange_size = strlen (exchange) + 1;
    const size_t name_size = strlen (name) + 1;
    topic_t *topic = calloc (1, sizeof *topic + exchange_size + name_size);
    if (!topic)
        return NULL;
    memcpy (topic->key, key, GODWIT__KEY_SIZE);
    memcpy (topic->exchange, exchange, exchange_size);
    topic->name = memcpy (topic->exchange + exchange_size, name, name_size);
    return topic;
}

/* With publisher.lock held. */
static void
add (godwit__zmtp_publisher_t *publisher, topic_t *topic)
{
    godwit__table_insert (&publisher->topics, &topic->by_key, hash_key (publisher, topic->key));
    godwit__zmtp_subscription_t *at = godwit__zmtp_subscriptions_first (publisher, topic->key);
    for (; at; at = godwit__zmtp_subscriptions_next (at))
        at->is_allowed = may_serve (at->subscriber, topic);
}

godwit_status_t
godwit__zmtp_name_topic (godwit__channel_t *publisher, const uint8_t key[GODWIT__KEY_SIZE],
                         const char *exchange, const char *topic)
{
    godwit__zmtp_publisher_t *self = (godwit__zmtp_publisher_t *) publisher;
    topic_t *added = topic_new (key, exchange, topic);
    if (!added)
        return GODWIT_ERR_OUT_OF_MEMORY;
    pthread_mutex_lock (&self->lock);
    const bool is_known = find (self, key) != NULL;
    if (!is_known)
        add (self, added);
    pthread_mutex_unlock (&self->lock);
    if (is_known)
        free (added);
    return GODWIT_OK;
}

void
godwit__zmtp_topics_init (godwit__zmtp_publisher_t *publisher)
{
    godwit__table_init (&publisher->topics);
}

void
godwit__zmtp_topics_release (godwit__zmtp_publisher_t *publisher)
{
    for (topic_t *at; (at = GODWIT__TABLE_FIRST (&publisher->topics, topic_t, by_key));) {
        godwit__table_remove (&publisher->topics, &at->by_key);
        free (at);
    }
    godwit__table_release (&publisher->topics);
}
