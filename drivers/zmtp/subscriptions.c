/* SPDX-License-Identifier: Apache-2.0 */
/* Who wants what of a publisher, and the news of it. Memory is bounded for each subscriber. */
#include "drivers/zmtp/publisher.h"

#include "src/base/hash.h"

#include <stdlib.h>

#define NEWS_SIZE (1 + GODWIT__KEY_SIZE)

typedef struct news {
    uint8_t bytes[NEWS_SIZE];
    godwit__list_node_t in_list;
} news_t;

static uint64_t
hash_key (const godwit__zmtp_publisher_t *publisher, const uint8_t *key)
{
    return godwit__hash ((uintptr_t) publisher, key, GODWIT__KEY_SIZE);
}

/* ---- with publisher.lock held ---- */

/* Without memory, the publisher does not hear of it: a server counts as missing. */
static void
add_news (godwit__zmtp_publisher_t *publisher, bool subscribes, const uint8_t *key)
{
    news_t *news = calloc (1, sizeof *news);
    if (!news)
        return;
    news->bytes[0] = subscribes;
    memcpy (news->bytes + 1, key, GODWIT__KEY_SIZE);
    godwit__list_append (&publisher->news, &news->in_list);
    publisher->news_count++;
}

static void
forget (godwit__zmtp_subscription_t *subscription)
{
    godwit__zmtp_publisher_t *publisher = subscription->subscriber->publisher;
    godwit__table_remove (&publisher->by_key, &subscription->by_key);
    godwit__list_remove (&subscription->of_subscriber);
    subscription->subscriber->key_count--;
    add_news (publisher, false, subscription->key);
    free (subscription);
}

godwit__zmtp_subscription_t *
godwit__zmtp_subscriptions_next (const godwit__zmtp_subscription_t *at)
{
    godwit__zmtp_subscription_t *next = GODWIT__TABLE_FIND_NEXT (at, godwit__zmtp_subscription_t, by_key);
    while (next && memcmp (next->key, at->key, GODWIT__KEY_SIZE) != 0)
        next = GODWIT__TABLE_FIND_NEXT (next, godwit__zmtp_subscription_t, by_key);
    return next;
}

godwit__zmtp_subscription_t *
godwit__zmtp_subscriptions_first (const godwit__zmtp_publisher_t *publisher,
                                  const uint8_t key[GODWIT__KEY_SIZE])
{
    const uint64_t hash = hash_key (publisher, key);
    godwit__zmtp_subscription_t *at =
        GODWIT__TABLE_FIND (&publisher->by_key, hash, godwit__zmtp_subscription_t, by_key);
    while (at && memcmp (at->key, key, GODWIT__KEY_SIZE) != 0)
        at = GODWIT__TABLE_FIND_NEXT (at, godwit__zmtp_subscription_t, by_key);
    return at;
}

static godwit__zmtp_subscription_t *
find (const godwit__zmtp_subscriber_t *subscriber, const uint8_t *key)
{
    godwit__zmtp_subscription_t *at = godwit__zmtp_subscriptions_first (subscriber->publisher, key);
    while (at && at->subscriber != subscriber)
        at = godwit__zmtp_subscriptions_next (at);
    return at;
}

static const char *
add (godwit__zmtp_subscriber_t *subscriber, const uint8_t *key)
{
    godwit__zmtp_publisher_t *publisher = subscriber->publisher;
    if (find (subscriber, key))
        return NULL;
    if (subscriber->key_count >= GODWIT__ZMTP_KEYS_MAX)
        return "it subscribes to too much";
    godwit__zmtp_subscription_t *subscription = calloc (1, sizeof *subscription);
    if (!subscription)
        return "memory was short for its subscriptions";
    memcpy (subscription->key, key, GODWIT__KEY_SIZE);
    subscription->subscriber = subscriber;
    subscription->is_allowed = godwit__zmtp_topics_allow (subscriber, key);
    godwit__table_insert (&publisher->by_key, &subscription->by_key, hash_key (publisher, key));
    godwit__list_append (&subscriber->keys, &subscription->of_subscriber);
    subscriber->key_count++;
    add_news (publisher, true, key);
    return NULL;
}

/* ---- ---- */

const char *
godwit__zmtp_subscriptions_take (godwit__zmtp_subscriber_t *subscriber, bool subscribes, const uint8_t *topic,
                                 size_t size)
{
    godwit__zmtp_publisher_t *publisher = subscriber->publisher;
    const char *problem = NULL;
    if (size != GODWIT__KEY_SIZE) { /* no topic of Godwit: nothing is published with it */
        godwit__zmtp_count (&publisher->driver->counters.malformed);
        return NULL;
    }
    pthread_mutex_lock (&publisher->lock);
    godwit__zmtp_subscription_t *known = subscribes ? NULL : find (subscriber, topic);
    if (publisher->news_count >= GODWIT__ZMTP_NEWS_MAX)
        problem = "it subscribes faster than anybody can hear of it";
    else if (subscribes)
        problem = add (subscriber, topic);
    else if (known)
        forget (known);
    pthread_mutex_unlock (&publisher->lock);
    godwit__zmtp_waiter_wake (&publisher->waiter);
    return problem;
}

void
godwit__zmtp_subscriptions_forget (godwit__zmtp_subscriber_t *subscriber)
{
    godwit__zmtp_publisher_t *publisher = subscriber->publisher;
    pthread_mutex_lock (&publisher->lock);
    for (godwit__zmtp_subscription_t *at;
         (at = GODWIT__FIRST (&subscriber->keys, godwit__zmtp_subscription_t, of_subscriber));)
        forget (at);
    if (godwit__in_list (&subscriber->in_unflushed))
        godwit__list_remove (&subscriber->in_unflushed);
    pthread_mutex_unlock (&publisher->lock);
    godwit__zmtp_waiter_wake (&publisher->waiter);
}

bool
godwit__zmtp_subscriptions_news (godwit__zmtp_publisher_t *publisher, godwit__frame_t *frame)
{
    pthread_mutex_lock (&publisher->lock);
    news_t *news = GODWIT__FIRST (&publisher->news, news_t, in_list);
    if (news) {
        godwit__list_remove (&news->in_list);
        publisher->news_count--;
    }
    pthread_mutex_unlock (&publisher->lock);
    if (!news)
        return false;
    godwit__frame_copy (frame, news->bytes, NEWS_SIZE); /* fits into the frame itself */
    free (news);
    return true;
}

void
godwit__zmtp_subscriptions_init (godwit__zmtp_publisher_t *publisher)
{
    godwit__table_init (&publisher->by_key);
    godwit__list_init (&publisher->news);
}

void
godwit__zmtp_subscriptions_release (godwit__zmtp_publisher_t *publisher)
{
    for (news_t *at; (at = GODWIT__FIRST (&publisher->news, news_t, in_list));) {
        godwit__list_remove (&at->in_list);
        free (at);
    }
    godwit__table_release (&publisher->by_key);
}
