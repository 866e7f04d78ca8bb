/* SPDX-License-Identifier: Apache-2.0 */
/* What an outbox keeps, and what listeners get of it: order, pools, redelivery, requeue, limits. Both ends are
 * in this process, on transports of their own. */
#include "src/delivery/outbox.h"
#include "src/wire/notification.h"
#include "src/runtime/transport.h"
#include "tests/support/must.h"

#include <godwit/godwit.h>

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What an endpoint has got: the numbers in the payloads, in order. */
typedef struct got {
    pthread_mutex_t lock;
    pthread_cond_t more;
    size_t count;
    int64_t numbers[100000];
    unsigned redeliveries[100000];
    atomic_int requeues; /* so many more times it says REQUEUE */
    atomic_bool holds;   /* it waits while this is set */
} got_t;

static godwit_handled_t
on_info (const godwit_notification_t *notification, void *self)
{
    got_t *const got = self;
    int64_t number = -1;
    godwit_value_get_int (godwit_notification_payload (notification), &number, NULL);
    pthread_mutex_lock (&got->lock);
    while (atomic_load (&got->holds))
        pthread_cond_wait (&got->more, &got->lock);
    got->redeliveries[got->count] = godwit_notification_redeliveries (notification);
    got->numbers[got->count++] = number;
    pthread_cond_broadcast (&got->more);
    pthread_mutex_unlock (&got->lock);
    if (atomic_load (&got->requeues) > 0) {
        atomic_fetch_sub (&got->requeues, 1);
        return GODWIT_REQUEUE;
    }
    return GODWIT_HANDLED;
}

static void
got_init (got_t *got)
{
    memset (got, 0, sizeof *got);
    pthread_mutex_init (&got->lock, NULL);
    pthread_cond_init (&got->more, NULL);
}

static void
release (got_t *got)
{
    pthread_mutex_lock (&got->lock);
    atomic_store (&got->holds, false);
    pthread_cond_broadcast (&got->more);
    pthread_mutex_unlock (&got->lock);
}

static void
await (got_t *got, size_t count)
{
    pthread_mutex_lock (&got->lock);
    while (got->count < count)
        pthread_cond_wait (&got->more, &got->lock);
    pthread_mutex_unlock (&got->lock);
}

static godwit_transport_t *
open_transport (void)
{
    char url[64];
    godwit_transport_t *transport = NULL;
    snprintf (url, sizeof url, "zmq:///%ld", (long) getpid ()); /* tests run at the same time */
    MUST (godwit_transport_new (&transport, url, NULL, &error));
    return transport;
}

static godwit_listener_t *
listen_to (godwit_transport_t *transport, got_t *got, const godwit_listener_options_t *options)
{
    godwit_listener_t *listener = NULL;
    const godwit_notification_endpoint_t endpoint = GODWIT_NOTIFICATION_ENDPOINT (.info = on_info, .self = got);
    MUST (godwit_listener_new (&listener, transport, GODWIT_TARGET (.topic = "notifications"), 1, &endpoint, 1,
                               options, &error));
    MUST (godwit_listener_start (listener, NULL, &error));
    return listener;
}

static void
send (godwit__stream_t *stream, int64_t number)
{
    godwit__encoded_notification_t encoded;
    const godwit__notification_parts_t parts = {.publisher_id = "test",
                                                .publisher_id_size = 4,
                                                .event_type = "number",
                                                .event_type_size = 6,
                                                .priority = GODWIT_PRIORITY_INFO,
                                                .payload = {.type = GODWIT_TYPE_INT, .as.integer = number},
                                                .message_id = "00000000-0000-4000-8000-000000000000",
                                                .timestamp = "2026-11-30 12:00:00.000000"};
    bool dropped;
    MUST (godwit__notification_encode (&encoded, &parts, GODWIT__NOTIFICATION_PLAIN, 100000, &error));
    MUST (godwit__stream_append (stream, encoded.data, encoded.size, -1, &dropped, &error));
    godwit__encoded_notification_release (&encoded);
}

typedef struct world {
    godwit_transport_t *sender;
    godwit__outbox_t *outbox;
    godwit__stream_t *stream;
} world_t;

static void
begin (world_t *world, const godwit_delivery_options_t *options)
{
    world->sender = open_transport ();
    MUST (godwit__outbox_new (&world->outbox, world->sender, options, &error));
    world->stream = godwit__outbox_stream (world->outbox, world->sender->control_exchange, "notifications", GODWIT_PRIORITY_INFO);
    cr_assert_not_null (world->stream);
}

static void
end (world_t *world)
{
    godwit__outbox_destroy (&world->outbox);
    godwit_transport_destroy (&world->sender);
}

static void
check_order (const got_t *got, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cr_assert_eq (got->numbers[i], (int64_t) i, "place %zu: %lld", i, (long long) got->numbers[i]);
}

static got_t first, second;

Test (delivery, in_order_and_acknowledged)
{
    world_t world;
    got_init (&first);
    godwit_transport_t *receiver = open_transport ();
    godwit_listener_t *listener = listen_to (receiver, &first, NULL);
    begin (&world, NULL);
    for (int64_t i = 0; i < 20000; i++)
        send (world.stream, i);
    MUST (godwit__outbox_flush (world.outbox, -1, &error));
    cr_assert_eq (first.count, 20000);
    check_order (&first, 20000);
    end (&world);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&receiver);
}

Test (delivery, is_kept_for_the_first_listener)
{
    world_t world;
    got_init (&first);
    begin (&world, NULL);
    for (int64_t i = 0; i < 100; i++)
        send (world.stream, i);
    godwit_transport_t *receiver = open_transport ();
    godwit_listener_t *listener = listen_to (receiver, &first, NULL);
    MUST (godwit__outbox_flush (world.outbox, -1, &error));
    check_order (&first, 100);
    end (&world);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&receiver);
}

Test (delivery, each_pool_gets_each)
{
    world_t world;
    got_init (&first);
    got_init (&second);
    godwit_transport_t *receiver = open_transport ();
    godwit_listener_t *a = listen_to (receiver, &first, GODWIT_LISTENER_OPTIONS (.pool = "a"));
    godwit_listener_t *b = listen_to (receiver, &second, GODWIT_LISTENER_OPTIONS (.pool = "b"));
    begin (&world, NULL);
    for (int64_t i = 0; i < 1000; i++)
        send (world.stream, i);
    await (&first, 1000);
    await (&second, 1000);
    check_order (&first, 1000);
    check_order (&second, 1000);
    end (&world);
    godwit_listener_destroy (&a);
    godwit_listener_destroy (&b);
    godwit_transport_destroy (&receiver);
}

Test (delivery, a_requeued_one_comes_again_marked_and_holds_up_nothing)
{
    world_t world;
    got_init (&first);
    atomic_store (&first.requeues, 1);
    godwit_transport_t *receiver = open_transport ();
    godwit_listener_t *listener = listen_to (receiver, &first, GODWIT_LISTENER_OPTIONS (.allow_requeue = true));
    begin (&world, GODWIT_DELIVERY_OPTIONS (.requeue_first_ms = 50));
    for (int64_t i = 0; i < 10; i++)
        send (world.stream, i);
    MUST (godwit__outbox_flush (world.outbox, -1, &error));
    cr_assert_eq (first.count, 11);
    check_order (&first, 10);
    cr_assert_eq (first.numbers[10], 0);
    cr_assert_eq (first.redeliveries[10], 1);
    end (&world);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&receiver);
}

Test (delivery, what_a_dead_listener_had_goes_to_another_marked)
{
    world_t world;
    got_init (&first);
    got_init (&second);
    atomic_store (&first.holds, true);
    godwit_transport_t *receiver = open_transport ();
    godwit_listener_t *listener = listen_to (receiver, &first, NULL);
    begin (&world, NULL);
    for (int64_t i = 0; i < 100; i++)
        send (world.stream, i);
    godwit_transport_t *other = open_transport ();
    release (&first);
    MUST (godwit__outbox_flush (world.outbox, -1, &error));
    atomic_store (&first.holds, true);
    for (int64_t i = 100; i < 200; i++)
        send (world.stream, i);
    release (&first);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&receiver);
    for (int64_t i = 200; i < 300; i++)
        send (world.stream, i);
    listener = listen_to (other, &second, NULL);
    MUST (godwit__outbox_flush (world.outbox, -1, &error));
    cr_assert_geq (first.count + second.count, 300);
    cr_assert_eq (second.numbers[second.count - 1], 299);
    end (&world);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&other);
}
