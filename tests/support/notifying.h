/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of notifications: an outbox that sends numbers, and listeners that write down what they get. Each
 * test process has a virtual host of its own. */
#ifndef GODWIT_TESTS_NOTIFYING_H
#define GODWIT_TESTS_NOTIFYING_H

#include "src/delivery/outbox.h"

#include <godwit/godwit.h>

#include <pthread.h>
#include <stdatomic.h>

#define GOT_MAX 100000

/* What an endpoint has got, in order. */
typedef struct got {
    pthread_mutex_t lock;
    pthread_cond_t more;
    size_t count;
    int64_t numbers[GOT_MAX]; /* the payloads */
    unsigned redeliveries[GOT_MAX];
    unsigned batches;  /* of on_batch */
    size_t last_batch; /* how many it had */
    int running;       /* endpoints that run now, and the most that ever did */
    int most_running;
    atomic_int requeues; /* so many more times it says REQUEUE */
    atomic_bool holds;   /* it waits while this is set */
} got_t;

void got_init (got_t *got);
/* Lets those go on that hold. */
void got_release (got_t *got);
/* Waits until so many have come. */
void got_await (got_t *got, size_t count);
/* Waits until 0 to count - 1 have come. They come in this order; what comes again is marked, because the
 * machine may be so busy that an answer is late. */
void got_await_all (got_t *got, int64_t count);
/* Waits until so many endpoints run. */
void got_await_running (got_t *got, int count);
/* The first `count` numbers are 0, 1, 2, ... */
void got_check_order (const got_t *got, size_t count);

/* The endpoints. self: a got_t. */
godwit_handled_t got_one (const godwit_notification_t *notification, void *self);
godwit_handled_t got_batch (const godwit_notification_t *const *notifications, size_t count, void *self);

godwit_transport_t *notifying_transport (void);
/* A listener of the topic "notifications" at the priority info that is started. options NULL: none. */
godwit_listener_t *notifying_listen (godwit_transport_t *transport, got_t *got,
                                     const godwit_listener_options_t *options);

typedef struct notifying {
    godwit_transport_t *transport;
    godwit__outbox_t *outbox;
    godwit__stream_t *stream; /* of "notifications", info */
} notifying_t;

void notifying_begin (notifying_t *notifying, const godwit_delivery_options_t *options);
void notifying_end (notifying_t *notifying);
/* Sends a number; its message_id is made of it. */
godwit_status_t notifying_try (notifying_t *notifying, int64_t number, int64_t retry, bool *dropped);
void notifying_send (notifying_t *notifying, int64_t number);
void notifying_send_many (notifying_t *notifying, int64_t from, int64_t to);
void notifying_flush (notifying_t *notifying);
godwit_notifier_stats_t notifying_stats (notifying_t *notifying);

#endif
