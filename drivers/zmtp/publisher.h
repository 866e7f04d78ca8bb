/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a publisher: to whom it is connected (publisher.c), and who wants what (subscriptions.c). */
#ifndef GODWIT_DRIVERS_ZMTP_PUBLISHER_H
#define GODWIT_DRIVERS_ZMTP_PUBLISHER_H

#include "drivers/zmtp/connector.h"
#include "drivers/zmtp/knock.h"
#include "drivers/zmtp/waiter.h"

#include "src/base/table.h"
#include "src/interface/topics.h"

/* The most keys of one subscriber: two for each of its servers, and some. */
#define GODWIT__ZMTP_KEYS_MAX 16384
/* News that nobody has taken yet, of all subscribers together. Who has more loses his connection. */
#define GODWIT__ZMTP_NEWS_MAX 65536

typedef struct godwit__zmtp_publisher {
    godwit__channel_t base;
    godwit__zmtp_t *driver;
    godwit__list_t subscribers; /* the reactor's thread */

    pthread_mutex_t lock;   /* all that follows */
    godwit__table_t by_key; /* of subscriptions */
    godwit__topics_t topics;
    godwit__list_t news;
    size_t news_count;
    godwit__list_t unflushed;     /* subscribers with messages that were queued only */
    godwit__zmtp_waiter_t waiter; /* has a lock of its own */
} godwit__zmtp_publisher_t;

/* One port that is connected to. */
typedef struct godwit__zmtp_subscriber {
    godwit__zmtp_publisher_t *publisher;
    char *address;
    godwit__zmtp_connector_t connector;
    godwit__zmtp_knock_t knock;
    godwit__zmtp_stream_t *stream; /* NULL: not connected */
    godwit__timer_t retry;
    int64_t delay_ms;
    godwit__list_node_t in_list;

    /* Under publisher.lock. */
    godwit__list_t keys; /* of subscriptions */
    size_t key_count;
    godwit__list_node_t in_unflushed;
} godwit__zmtp_subscriber_t;

/* A subscriber wants the messages with this key. */
typedef struct godwit__zmtp_subscription {
    uint8_t key[GODWIT__KEY_SIZE];
    bool is_allowed; /* the subscriber may have what is published with it */
    godwit__zmtp_subscriber_t *subscriber;
    godwit__table_node_t by_key;
    godwit__list_node_t of_subscriber;
} godwit__zmtp_subscription_t;

/* subscriptions.c */
void godwit__zmtp_subscriptions_init (godwit__zmtp_publisher_t *publisher);
void godwit__zmtp_subscriptions_release (godwit__zmtp_publisher_t *publisher);
/* Takes a SUBSCRIBE or CANCEL; as godwit__zmtp_stream_events_t says. */
const char *godwit__zmtp_subscriptions_take (godwit__zmtp_subscriber_t *subscriber, bool subscribes,
                                             const uint8_t *topic, size_t size);
/* Forgets all that a subscriber wanted; it is gone. */
void godwit__zmtp_subscriptions_forget (godwit__zmtp_subscriber_t *subscriber);
/* The first and the next one with this key; NULL: there is none. With publisher.lock held. */
godwit__zmtp_subscription_t *godwit__zmtp_subscriptions_first (const godwit__zmtp_publisher_t *publisher,
                                                               const uint8_t key[GODWIT__KEY_SIZE]);
godwit__zmtp_subscription_t *godwit__zmtp_subscriptions_next (const godwit__zmtp_subscription_t *at);
/* Takes the oldest of the news; false: there is none. */
bool godwit__zmtp_subscriptions_news (godwit__zmtp_publisher_t *publisher, godwit__frame_t *frame);

/* topics.c; with publisher.lock held */
/* Whether the subscriber may have what is published with this key. */
bool godwit__zmtp_topics_allow (const godwit__zmtp_subscriber_t *subscriber,
                                const uint8_t key[GODWIT__KEY_SIZE]);
/* Looks again at all that the subscriber wants: its party is another one, or void. */
void godwit__zmtp_topics_check (godwit__zmtp_subscriber_t *subscriber);

#endif
