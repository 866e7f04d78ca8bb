/* SPDX-License-Identifier: Apache-2.0 */
/* The driver suite: sending in two steps, queue and flush. */
#include "tests/conformance/driver_fixture.h"

static godwit__io_t
queue_bytes (godwit__channel_t *channel, godwit__routing_id_t routing_id, const void *data, size_t size)
{
    const godwit__message_t message = {.data = (void *) (uintptr_t) data, .size = size};
    return channel->ops->queue (channel, routing_id, &message);
}

/* The same, of data that stays until this thread has flushed. */
static godwit__io_t
queue_staying (godwit__channel_t *channel, godwit__routing_id_t routing_id, const void *data, size_t size)
{
    const godwit__message_t message = {.data = (void *) (uintptr_t) data, .size = size, .stays = true};
    return channel->ops->queue (channel, routing_id, &message);
}

/* Queued, queued, sent, queued: and received in this order. What was lent is not read later. */
static void
check_order (godwit__channel_t *from, godwit__routing_id_t routing_id, godwit__channel_t *to)
{
    int numbers[4] = {0, 1, 2, 3};
    for (int i = 0; i < 4; i++) {
        const godwit__io_t io = i == 2 ? send_bytes (from, routing_id, &numbers[i], sizeof numbers[i])
                                       : queue_bytes (from, routing_id, &numbers[i], sizeof numbers[i]);
        cr_assert_eq (io, GODWIT__IO_OK);
        numbers[i] = -1;
    }
    from->ops->flush (from, routing_id);
    for (int i = 0; i < 4; i++)
        expect_bytes (to, &i, sizeof i);
    from->ops->flush (from, routing_id); /* nothing is left */
    expect_nothing (to);
}

void
driver_conformance_what_was_queued_leaves_with_flush (const driver_conformance_t *subject)
{
    for (size_t address = 0; address < subject->address_count; address++) {
        scene_t scene;
        open_scene (&scene, subject, address);
        godwit__channel_t *link = scene.links[0].channel, *port = scene.port;
        cr_assert_eq (queue_bytes (link, 0, "hello", 5), GODWIT__IO_OK);
        link->ops->flush (link, 0);
        const godwit__routing_id_t routing_id = expect_bytes (port, "hello", 5);
        cr_assert_eq (queue_bytes (port, routing_id, "welcome", 7), GODWIT__IO_OK);
        port->ops->flush (port, routing_id);
        expect_bytes (link, "welcome", 7);
        check_order (link, 0, port);
        check_order (port, routing_id, link);
        close_scene (&scene);
    }
}

/* Over each address: from the link to the port, and back. */
static void
check_both_ways (const driver_conformance_t *subject,
                 void (*check) (godwit__channel_t *from, godwit__routing_id_t routing_id,
                                godwit__channel_t *to))
{
    for (size_t address = 0; address < subject->address_count; address++) {
        scene_t scene;
        open_scene (&scene, subject, address);
        godwit__channel_t *link = scene.links[0].channel, *port = scene.port;
        cr_assert_eq (send_bytes (link, 0, "hello", 5), GODWIT__IO_OK);
        const godwit__routing_id_t routing_id = expect_bytes (port, "hello", 5);
        check (link, 0, port);
        check (port, routing_id, link);
        close_scene (&scene);
    }
}

/* What is sent goes behind what was queued, and takes it along. */
static void
check_send_flushes (godwit__channel_t *from, godwit__routing_id_t routing_id, godwit__channel_t *to)
{
    static const size_t sizes[] = {6, 3000}; /* copied, and referred to or not */
    uint8_t data[3000];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        fill (data, sizes[i], (unsigned) i);
        cr_assert_eq (queue_bytes (from, routing_id, "first", 5), GODWIT__IO_OK);
        cr_assert_eq (send_bytes (from, routing_id, data, sizes[i]), GODWIT__IO_OK);
        expect_bytes (to, "first", 5);
        expect_bytes (to, data, sizes[i]);
    }
}

void
driver_conformance_what_was_queued_leaves_with_what_is_sent (const driver_conformance_t *subject)
{
    check_both_ways (subject, check_send_flushes);
}

/* Three frames that came at once: after the first one was received, the driver knows of the others. */
static void
check_has_more (godwit__channel_t *from, godwit__routing_id_t routing_id, godwit__channel_t *to)
{
    if (!to->ops->has_more)
        return;
    for (int i = 0; i < 3; i++)
        cr_assert_eq (queue_bytes (from, routing_id, &i, sizeof i), GODWIT__IO_OK);
    from->ops->flush (from, routing_id);
    for (int i = 0; i < 3; i++) {
        expect_bytes (to, &i, sizeof i);
        cr_assert_eq (to->ops->has_more (to), i < 2, "after frame %d", i);
    }
    expect_nothing (to);
    cr_assert_not (to->ops->has_more (to));
}

void
driver_conformance_it_knows_of_frames_that_came_together (const driver_conformance_t *subject)
{
    check_both_ways (subject, check_has_more);
}

void
driver_conformance_queue_says_what_send_says (const driver_conformance_t *subject)
{
    static uint8_t large[MAX_MESSAGE + 1];
    scene_t scene;
    open_scene (&scene, subject, 0);
    godwit__channel_t *link = scene.links[0].channel, *port = scene.port, *publisher;
    cr_assert_eq (queue_bytes (link, 0, large, sizeof large), GODWIT__IO_REFUSED);
    cr_assert_eq (queue_bytes (port, 12345, large, sizeof large), GODWIT__IO_REFUSED);
    cr_assert_eq (queue_bytes (port, 12345, "lost", 4), GODWIT__IO_CLOSED);
    port->ops->flush (port, 12345);
    cr_assert_eq (subject->ops->open_publisher (scene.client.driver, &publisher, NULL), GODWIT_OK);
    cr_assert_eq (queue_bytes (publisher, 0, "lost", 4), GODWIT__IO_REFUSED);
    publisher->ops->flush (publisher, 0);
    publisher->ops->close (publisher);
    close_port (&scene);
    run_until (&scene, &scene.links[0].downs, 1);
    cr_assert_eq (queue_bytes (link, 0, "lost", 4), GODWIT__IO_CLOSED);
    link->ops->flush (link, 0);
    close_scene (&scene);
}

/* ---- data that stays ---- */

typedef struct other {
    godwit__channel_t *channel;
    godwit__routing_id_t routing_id;
} other_t;

static void *
queue_and_flush_another (void *argument)
{
    const other_t *other = argument;
    cr_assert_eq (queue_bytes (other->channel, other->routing_id, "another", 7), GODWIT__IO_OK);
    other->channel->ops->flush (other->channel, other->routing_id);
    return NULL;
}

/* Another thread queues and flushes in between: what was queued first comes first, once, and is not read
 * after the flush. */
static void
check_staying (godwit__channel_t *from, godwit__routing_id_t routing_id, godwit__channel_t *to)
{
    char one[] = "one", two[] = "two";
    pthread_t thread;
    other_t other = {from, routing_id};
    cr_assert_eq (queue_staying (from, routing_id, one, 3), GODWIT__IO_OK);
    cr_assert_eq (queue_staying (from, routing_id, two, 3), GODWIT__IO_OK);
    cr_assert_eq (pthread_create (&thread, NULL, queue_and_flush_another, &other), 0);
    pthread_join (thread, NULL);
    from->ops->flush (from, routing_id);
    memset (one, '-', 3);
    memset (two, '-', 3);
    expect_bytes (to, "one", 3);
    expect_bytes (to, "two", 3);
    expect_bytes (to, "another", 7);
    from->ops->flush (from, routing_id); /* nothing is left */
    expect_nothing (to);
}

/* Until the peer's socket, and the queue behind it, take no more: parts of messages are left over, too. */
static void
check_staying_in_bulk (godwit__channel_t *from, godwit__routing_id_t routing_id, godwit__channel_t *to)
{
    uint8_t bulk[1000];
    unsigned queued = 0;
    const int64_t limit = test_now_ns () + WAIT_LIMIT_NS;
    for (int agains = 0; agains < 50;) {
        cr_assert_lt (test_now_ns (), limit, "the queue is never full");
        fill (bulk, sizeof bulk, queued);
        const godwit__io_t io = queue_staying (from, routing_id, bulk, sizeof bulk);
        cr_assert (io == GODWIT__IO_OK || io == GODWIT__IO_AGAIN);
        agains = io == GODWIT__IO_OK ? 0 : agains + 1;
        queued += io == GODWIT__IO_OK;
        from->ops->flush (from, routing_id);
    }
    memset (bulk, 0, sizeof bulk);
    for (unsigned i = 0; i < queued; i++) {
        fill (bulk, sizeof bulk, i);
        expect_bytes (to, bulk, sizeof bulk);
    }
    expect_nothing (to);
}

void
driver_conformance_what_stays_is_read_until_its_flush (const driver_conformance_t *subject)
{
    check_both_ways (subject, check_staying);
    check_both_ways (subject, check_staying_in_bulk);
}

/* Nothing is lost of what was accepted without a flush, however much that is. */
void
driver_conformance_a_queue_that_nobody_flushes_says_again (const driver_conformance_t *subject)
{
    enum { BULK = 50000 };
    static uint8_t bulk[BULK];
    scene_t scene;
    open_scene (&scene, subject, 0);
    godwit__channel_t *link = scene.links[0].channel;
    const int64_t limit = test_now_ns () + WAIT_LIMIT_NS;
    unsigned queued = 0;
    for (int agains = 0; agains < 50;) {
        cr_assert_lt (test_now_ns (), limit, "the queue is never full");
        memcpy (bulk, &queued, sizeof queued);
        const godwit__io_t io = queue_bytes (link, 0, bulk, sizeof bulk);
        cr_assert (io == GODWIT__IO_OK || io == GODWIT__IO_AGAIN);
        agains = io == GODWIT__IO_OK ? 0 : agains + 1;
        queued += io == GODWIT__IO_OK;
    }
    cr_assert_geq (queued, QUEUE_LIMIT);
    link->ops->flush (link, 0);
    for (unsigned i = 0; i < queued; i++) {
        memcpy (bulk, &i, sizeof i);
        expect_bytes (scene.port, bulk, sizeof bulk);
    }
    expect_nothing (scene.port);
    close_scene (&scene);
}

/* --- many threads ---------------------------------------------------------------------------- */

enum { SENDERS = 4, MESSAGES = 2000 };

typedef struct order {
    pthread_mutex_t lock;
    godwit__channel_t *channel;
    godwit__routing_id_t routing_id;
    int next;
} order_t;

/* Queues most, as the core does, and sends some. */
static void *
send_in_order (void *argument)
{
    order_t *order = argument;
    for (bool more = true; more;) {
        godwit__io_t io = GODWIT__IO_OK;
        pthread_mutex_lock (&order->lock);
        const int number = order->next;
        more = number < MESSAGES;
        if (more && number % 5 > 1)
            io = queue_staying (order->channel, order->routing_id, &number, sizeof number);
        else if (more && number % 5)
            io = queue_bytes (order->channel, order->routing_id, &order->next, sizeof order->next);
        else if (more)
            io = send_bytes (order->channel, order->routing_id, &order->next, sizeof order->next);
        order->next += more && io == GODWIT__IO_OK;
        pthread_mutex_unlock (&order->lock);
        order->channel->ops->flush (order->channel, order->routing_id);
        cr_assert (io == GODWIT__IO_OK || io == GODWIT__IO_AGAIN);
        if (io == GODWIT__IO_AGAIN)
            sched_yield ();
    }
    return NULL;
}

static void
check_threads (godwit__channel_t *from, godwit__routing_id_t routing_id, godwit__channel_t *to)
{
    order_t order = {.lock = PTHREAD_MUTEX_INITIALIZER, .channel = from, .routing_id = routing_id};
    pthread_t threads[SENDERS];
    for (int i = 0; i < SENDERS; i++)
        cr_assert_eq (pthread_create (&threads[i], NULL, send_in_order, &order), 0);
    for (int i = 0; i < MESSAGES; i++)
        expect_bytes (to, &i, sizeof i);
    for (int i = 0; i < SENDERS; i++)
        pthread_join (threads[i], NULL);
    expect_nothing (to);
}

void
driver_conformance_queue_and_send_keep_their_order (const driver_conformance_t *subject)
{
    scene_t scene;
    open_scene (&scene, subject, 0);
    cr_assert_eq (send_bytes (scene.links[0].channel, 0, "hello", 5), GODWIT__IO_OK);
    const godwit__routing_id_t routing_id = expect_bytes (scene.port, "hello", 5);
    check_threads (scene.links[0].channel, 0, scene.port);
    check_threads (scene.port, routing_id, scene.links[0].channel);
    close_scene (&scene);
}
