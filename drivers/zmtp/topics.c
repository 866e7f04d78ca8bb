/* SPDX-License-Identifier: Apache-2.0 */
/* Who may have what is published: those whose certificate may serve the topic. That is found out when
 * somebody subscribes, when a topic gets its name, and when a party becomes another; whoever publishes reads
 * the result. */
#include "drivers/zmtp/member.h"
#include "drivers/zmtp/publisher.h"

/* With publisher.lock held. */
static bool
may_have (const godwit__zmtp_subscriber_t *subscriber, const godwit__topic_t *topic)
{
    godwit__zmtp_member_t *member = subscriber->stream ? subscriber->stream->member : NULL;
    if (!topic || !member || godwit__zmtp_member_is_void (member))
        return false;
    godwit__party_t *party = godwit__zmtp_member_party (member);
    const bool may = godwit__topic_is_for (topic, party);
    godwit__party_unref (&party);
    return may;
}

bool
godwit__zmtp_topics_allow (const godwit__zmtp_subscriber_t *subscriber, const uint8_t key[GODWIT__KEY_SIZE])
{
    const godwit__zmtp_publisher_t *publisher = subscriber->publisher;
    return !publisher->driver->options.realm ||
           may_have (subscriber, godwit__topics_find (&publisher->topics, key));
}

void
godwit__zmtp_topics_check (godwit__zmtp_subscriber_t *subscriber)
{
    const godwit__list_t *keys = &subscriber->keys;
    godwit__zmtp_subscription_t *at = GODWIT__FIRST (keys, godwit__zmtp_subscription_t, of_subscriber);
    for (; at; at = GODWIT__NEXT (keys, at, godwit__zmtp_subscription_t, of_subscriber))
        at->is_allowed = godwit__zmtp_topics_allow (subscriber, at->key);
}

godwit_status_t
godwit__zmtp_name_topic (godwit__channel_t *publisher, const uint8_t key[GODWIT__KEY_SIZE],
                         const char *exchange, const char *topic)
{
    godwit__zmtp_publisher_t *self = (godwit__zmtp_publisher_t *) publisher;
    const godwit__topic_t *added;
    pthread_mutex_lock (&self->lock);
    const godwit_status_t status = godwit__topics_add (&self->topics, key, exchange, topic, &added);
    godwit__zmtp_subscription_t *at = added ? godwit__zmtp_subscriptions_first (self, key) : NULL;
    for (; at; at = godwit__zmtp_subscriptions_next (at))
        at->is_allowed = may_have (at->subscriber, added);
    pthread_mutex_unlock (&self->lock);
    return status;
}
