/* SPDX-License-Identifier: Apache-2.0 */
/* The driver suite: publications. */
#include "tests/conformance/driver_fixture.h"

#include <stdlib.h>

/* A second port, and publishers on the client's side. */
typedef struct fanout {
    scene_t scene;
    godwit__channel_t *ports[2];
    char addresses[2][GODWIT__ADDRESS_SIZE];
    godwit__channel_t *publisher;
} fanout_t;

/* Above the numbers of keys, but for those of make_pair. */
enum { KEYS = 10 };

static void
name_key (const side_t *side, godwit__channel_t *publisher, const uint8_t key[GODWIT__KEY_SIZE])
{
    if (side->subject->in_realm)
        cr_assert_eq (side->ops->name_topic (publisher, key, "conformance", "topic"), GODWIT_OK);
}

static godwit__channel_t *
open_publisher (side_t *side)
{
    godwit__channel_t *publisher;
    cr_assert_eq (side->ops->open_publisher (side->driver, &publisher, NULL), GODWIT_OK);
    for (unsigned number = 0; number < KEYS; number++) {
        uint8_t key[GODWIT__KEY_SIZE];
        make_key (key, number);
        name_key (side, publisher, key);
    }
    return publisher;
}

static void
open_fanout (fanout_t *fanout, const driver_conformance_t *subject)
{
    scene_t *scene = &fanout->scene;
    open_scene (scene, subject, 0);
    fanout->ports[0] = scene->port;
    strcpy (fanout->addresses[0], scene->addresses.fanout);
    godwit__port_addresses_t addresses;
    cr_assert_eq (subject->ops->open_port (scene->server.driver, NULL, &fanout->ports[1], &addresses, NULL),
                  GODWIT_OK);
    strcpy (fanout->addresses[1], addresses.fanout);
    fanout->publisher = open_publisher (&scene->client);
    for (int i = 0; i < 2; i++)
        cr_assert_eq (subject->ops->publisher_connect (fanout->publisher, fanout->addresses[i], NULL),
                      GODWIT_OK);
}

static void
close_fanout (fanout_t *fanout)
{
    fanout->publisher->ops->close (fanout->publisher);
    if (fanout->ports[1])
        fanout->ports[1]->ops->close (fanout->ports[1]);
    close_scene (&fanout->scene);
}

static void
subscribe (fanout_t *fanout, int port, unsigned number)
{
    uint8_t key[GODWIT__KEY_SIZE];
    make_key (key, number);
    cr_assert_eq (fanout->scene.subject->ops->subscribe (fanout->ports[port], key, NULL), GODWIT_OK);
}

static void
unsubscribe (fanout_t *fanout, int port, unsigned number)
{
    uint8_t key[GODWIT__KEY_SIZE];
    make_key (key, number);
    fanout->scene.subject->ops->unsubscribe (fanout->ports[port], key);
}

/* What a publication is made of: its key, then the data. */
static uint8_t *
with_key (unsigned number, const void *data, size_t size)
{
    uint8_t *bytes = malloc (GODWIT__KEY_SIZE + size);
    cr_assert_not_null (bytes);
    make_key (bytes, number);
    memcpy (bytes + GODWIT__KEY_SIZE, data, size);
    return bytes;
}

static godwit__io_t
publish (fanout_t *fanout, unsigned number, const void *data, size_t size)
{
    uint8_t *bytes = with_key (number, data, size);
    const godwit__message_t message = {.data = bytes, .size = GODWIT__KEY_SIZE + size};
    const godwit__io_t io = fanout->scene.subject->ops->publish (fanout->publisher, &message);
    fanout->publisher->ops->flush (fanout->publisher, 0);
    free (bytes);
    fanout->publisher->ops->flush (fanout->publisher, 0);
    return io;
}

static void
expect_publication (godwit__channel_t *port, unsigned number, const void *data, size_t size)
{
    uint8_t *bytes = with_key (number, data, size);
    cr_assert_eq (expect_bytes (port, bytes, GODWIT__KEY_SIZE + size), GODWIT__ROUTING_ID_FANOUT);
    free (bytes);
}

/* The ports' leaders must be at work for news to travel: a SUB that nobody looks at tells no publisher. */
static void
lead_briefly (fanout_t *fanout)
{
    run_reactors ();
    for (int i = 0; i < 2; i++) {
        if (!fanout->ports[i])
            continue;
        expect_nothing (fanout->ports[i]);
        fanout->ports[i]->ops->wait (fanout->ports[i], false, GODWIT__NS_PER_MS);
    }
}

/* Waits for a news frame; returns its key's number. */
static unsigned
expect_news (fanout_t *fanout, bool subscribed)
{
    const int64_t limit = test_now_ns () + WAIT_LIMIT_NS;
    godwit__frame_t frame;
    godwit__io_t io;
    while ((io = fanout->publisher->ops->recv (fanout->publisher, &frame, NULL)) == GODWIT__IO_AGAIN) {
        cr_assert_lt (test_now_ns (), limit, "no news came");
        lead_briefly (fanout);
    }
    cr_assert_eq (io, GODWIT__IO_OK);
    cr_assert_eq (frame.size, 1 + GODWIT__KEY_SIZE);
    cr_assert_eq (frame.data[0], subscribed ? 1 : 0);
    unsigned number;
    memcpy (&number, frame.data + 1 + GODWIT__KEY_SIZE - sizeof number, sizeof number);
    uint8_t key[GODWIT__KEY_SIZE];
    make_key (key, number);
    cr_assert_eq (memcmp (frame.data + 1, key, sizeof key), 0);
    godwit__frame_release (&frame);
    return number;
}

void
driver_conformance_publications_reach_who_subscribed (const driver_conformance_t *subject)
{
    fanout_t fanout;
    open_fanout (&fanout, subject);
    subscribe (&fanout, 0, 1);
    subscribe (&fanout, 0, 2);
    subscribe (&fanout, 1, 2);
    for (int i = 0; i < 3; i++)
        expect_news (&fanout, true);
    cr_assert_eq (publish (&fanout, 1, "to one", 6), GODWIT__IO_OK);
    cr_assert_eq (publish (&fanout, 2, "to both", 7), GODWIT__IO_OK);
    cr_assert_eq (publish (&fanout, 3, "to none", 7), GODWIT__IO_OK);
    cr_assert_eq (publish (&fanout, 2, "end", 3), GODWIT__IO_OK);
    expect_publication (fanout.ports[0], 1, "to one", 6);
    expect_publication (fanout.ports[0], 2, "to both", 7);
    expect_publication (fanout.ports[0], 2, "end", 3);
    expect_nothing (fanout.ports[0]);
    expect_publication (fanout.ports[1], 2, "to both", 7);
    expect_publication (fanout.ports[1], 2, "end", 3);
    expect_nothing (fanout.ports[1]);

    /* Another publisher's reach them as well; one that was not connected to a port does not reach it. */
    godwit__channel_t *first = fanout.publisher;
    fanout.publisher = open_publisher (&fanout.scene.server);
    cr_assert_eq (subject->ops->publisher_connect (fanout.publisher, fanout.addresses[1], NULL), GODWIT_OK);
    cr_assert_eq (expect_news (&fanout, true), 2);
    cr_assert_eq (publish (&fanout, 2, "second", 6), GODWIT__IO_OK);
    expect_publication (fanout.ports[1], 2, "second", 6);
    expect_nothing (fanout.ports[0]);
    cr_assert_eq (fanout.publisher->ops->send (fanout.publisher, 0, &(godwit__message_t){0}),
                  GODWIT__IO_REFUSED);
    first->ops->close (first);
    close_fanout (&fanout);
}

static atomic_int freed;

static void
free_counted (void *data, void *hint)
{
    (void) hint;
    free (data);
    atomic_fetch_add (&freed, 1);
}

void
driver_conformance_publications_of_many_sizes (const driver_conformance_t *subject)
{
    static const size_t sizes[] = {0, 1, 16, 17, 48, 64, 1000, 1025, 200000, 8 << 20};
    fanout_t fanout;
    open_fanout (&fanout, subject);
    subscribe (&fanout, 0, 1);
    subscribe (&fanout, 1, 1);
    expect_news (&fanout, true);
    expect_news (&fanout, true);
    int lent_count = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t *expected = malloc (sizes[i] + 1);
        fill (expected, sizes[i], (unsigned) i);
        uint8_t *lent = with_key (1, expected, sizes[i]);
        cr_assert_eq (publish (&fanout, 1, expected, sizes[i]), GODWIT__IO_OK);
        const godwit__message_t message = {
            .data = lent, .size = GODWIT__KEY_SIZE + sizes[i], .free_fn = free_counted};
        cr_assert_eq (subject->ops->publish (fanout.publisher, &message), GODWIT__IO_OK);
        fanout.publisher->ops->flush (fanout.publisher, 0);
        lent_count++;
        for (int port = 0; port < 2; port++) {
            expect_publication (fanout.ports[port], 1, expected, sizes[i]);
            expect_publication (fanout.ports[port], 1, expected, sizes[i]);
        }
        free (expected);
    }
    uint8_t *large = calloc (MAX_MESSAGE + 1, 1);
    cr_assert_eq (publish (&fanout, 1, large, MAX_MESSAGE + 1), GODWIT__IO_REFUSED);
    free (large);
    close_fanout (&fanout);
    cr_assert_eq (atomic_load (&freed), lent_count);
}

void
driver_conformance_publications_with_inserts (const driver_conformance_t *subject)
{
    static const size_t sizes[] = {1, 100, 5000, 200000, 2 << 20};
    fanout_t fanout;
    open_fanout (&fanout, subject);
    subscribe (&fanout, 0, 1);
    subscribe (&fanout, 1, 1);
    expect_news (&fanout, true);
    expect_news (&fanout, true);
    int count = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++, count++) {
        const size_t size = 20 + sizes[i];
        uint8_t *expected = malloc (size);
        uint8_t *piece = malloc (sizes[i]);
        cr_assert (expected && piece);
        fill (expected, size, (unsigned) i);
        memcpy (piece, expected + 10, sizes[i]);
        memmove (expected + 10, expected + 10 + sizes[i], 10); /* only what is the message's own */
        uint8_t *data = with_key (1, expected, 20);
        memmove (expected + 10 + sizes[i], expected + 10, 10);
        memcpy (expected + 10, piece, sizes[i]);
        const godwit__insert_t insert = {
            .at = GODWIT__KEY_SIZE + 10, .data = piece, .size = sizes[i], .free_fn = free_counted};
        const godwit__message_t message = {
            .data = data, .size = GODWIT__KEY_SIZE + 20, .inserts = &insert, .insert_count = 1};
        cr_assert_eq (subject->ops->publish (fanout.publisher, &message), GODWIT__IO_OK);
        fanout.publisher->ops->flush (fanout.publisher, 0);
        free (data);
        for (int port = 0; port < 2; port++)
            expect_publication (fanout.ports[port], 1, expected, size);
        free (expected);
    }
    uint8_t *large = calloc (MAX_MESSAGE, 1);
    uint8_t *data = with_key (1, large, 20);
    const godwit__insert_t insert = {
        .at = GODWIT__KEY_SIZE + 10, .data = large, .size = MAX_MESSAGE, .free_fn = free_counted};
    const godwit__message_t message = {
        .data = data, .size = GODWIT__KEY_SIZE + 20, .inserts = &insert, .insert_count = 1};
    cr_assert_eq (subject->ops->publish (fanout.publisher, &message), GODWIT__IO_REFUSED);
    free (data);
    free (large);
    close_fanout (&fanout);
    cr_assert_eq (atomic_load (&freed), count);
}

void
driver_conformance_news_of_subscriptions (const driver_conformance_t *subject)
{
    fanout_t fanout;
    open_fanout (&fanout, subject);
    subscribe (&fanout, 0, 1);
    cr_assert_eq (expect_news (&fanout, true), 1);
    subscribe (&fanout, 1, 1); /* each port's is told */
    cr_assert_eq (expect_news (&fanout, true), 1);
    unsubscribe (&fanout, 0, 1);
    cr_assert_eq (expect_news (&fanout, false), 1);
    unsubscribe (&fanout, 0, 9); /* never subscribed */
    subscribe (&fanout, 0, 2);
    cr_assert_eq (expect_news (&fanout, true), 2);
    /* A publisher that comes later learns what is subscribed already. */
    godwit__channel_t *first = fanout.publisher;
    fanout.publisher = open_publisher (&fanout.scene.server);
    for (int i = 0; i < 2; i++)
        cr_assert_eq (subject->ops->publisher_connect (fanout.publisher, fanout.addresses[i], NULL),
                      GODWIT_OK);
    cr_assert_eq (expect_news (&fanout, true) + expect_news (&fanout, true), 3);
    fanout.publisher->ops->close (fanout.publisher);
    fanout.publisher = first;
    /* A port that goes takes its subscriptions with it. */
    subscribe (&fanout, 1, 3);
    cr_assert_eq (expect_news (&fanout, true), 3);
    fanout.ports[1]->ops->close (fanout.ports[1]);
    fanout.ports[1] = NULL;
    cr_assert_eq (expect_news (&fanout, false) + expect_news (&fanout, false), 4);
    cr_assert_eq (publish (&fanout, 2, "left", 4), GODWIT__IO_OK);
    expect_publication (fanout.ports[0], 2, "left", 4);
    close_fanout (&fanout);
}

void
driver_conformance_a_publisher_can_disconnect (const driver_conformance_t *subject)
{
    fanout_t fanout;
    open_fanout (&fanout, subject);
    subscribe (&fanout, 0, 1);
    subscribe (&fanout, 1, 1);
    expect_news (&fanout, true);
    expect_news (&fanout, true);
    subject->ops->publisher_disconnect (fanout.publisher, fanout.addresses[1]);
    cr_assert_eq (expect_news (&fanout, false), 1);
    cr_assert_eq (publish (&fanout, 1, "one", 3), GODWIT__IO_OK);
    expect_publication (fanout.ports[0], 1, "one", 3);
    expect_nothing (fanout.ports[1]);
    cr_assert_eq (subject->ops->publisher_connect (fanout.publisher, fanout.addresses[1], NULL), GODWIT_OK);
    cr_assert_eq (expect_news (&fanout, true), 1);
    cr_assert_eq (publish (&fanout, 1, "two", 3), GODWIT__IO_OK);
    expect_publication (fanout.ports[0], 1, "two", 3);
    expect_publication (fanout.ports[1], 1, "two", 3);
    close_fanout (&fanout);
}

/* A topic's key, and the marker of a server of it. */
static void
make_pair (uint8_t key[GODWIT__KEY_SIZE], uint8_t marker[GODWIT__KEY_SIZE], unsigned number)
{
    make_key (key, number);
    key[0] = (uint8_t) (number * 37 % 0x80);
    memcpy (marker, key, GODWIT__KEY_SIZE);
    marker[0] = (uint8_t) (0x80 | (number * 53 % 0x80)); /* in another order */
}

/* Whoever hears of a marker can publish with the key that was subscribed to before it. */
void
driver_conformance_a_late_publisher_hears_of_keys_first (const driver_conformance_t *subject)
{
    enum { PAIRS = QUEUE_LIMIT / 2 };
    fanout_t fanout;
    open_fanout (&fanout, subject);
    fanout.publisher->ops->close (fanout.publisher);
    for (unsigned i = 0; i < PAIRS; i++) {
        uint8_t key[GODWIT__KEY_SIZE], marker[GODWIT__KEY_SIZE];
        make_pair (key, marker, i);
        cr_assert_eq (subject->ops->subscribe (fanout.ports[0], key, NULL), GODWIT_OK);
        cr_assert_eq (subject->ops->subscribe (fanout.ports[0], marker, NULL), GODWIT_OK);
    }
    fanout.publisher = open_publisher (&fanout.scene.client);
    for (unsigned i = 0; i < PAIRS; i++) {
        uint8_t key[GODWIT__KEY_SIZE], marker[GODWIT__KEY_SIZE];
        make_pair (key, marker, i);
        name_key (&fanout.scene.client, fanout.publisher, key);
    }
    cr_assert_eq (subject->ops->publisher_connect (fanout.publisher, fanout.addresses[0], NULL), GODWIT_OK);
    const int64_t limit = test_now_ns () + WAIT_LIMIT_NS;
    for (unsigned published = 0; published < PAIRS;) {
        godwit__frame_t frame;
        cr_assert_lt (test_now_ns (), limit, "news of %u came", published);
        lead_briefly (&fanout);
        if (fanout.publisher->ops->recv (fanout.publisher, &frame, NULL) != GODWIT__IO_OK)
            continue;
        if (frame.data[1] >= 0x80) {
            uint8_t key[GODWIT__KEY_SIZE], marker[GODWIT__KEY_SIZE];
            unsigned number;
            memcpy (&number, frame.data + 1 + GODWIT__KEY_SIZE - sizeof number, sizeof number);
            make_pair (key, marker, number);
            cr_assert_eq (subject->ops->publish (fanout.publisher,
                                                 &(godwit__message_t){.data = key, .size = sizeof key}),
                          GODWIT__IO_OK);
            fanout.publisher->ops->flush (fanout.publisher, 0);
            cr_assert_eq (expect_bytes (fanout.ports[0], key, sizeof key), GODWIT__ROUTING_ID_FANOUT);
            published++;
        }
        godwit__frame_release (&frame);
    }
    close_fanout (&fanout);
}

/* Large, so that it is the queues that fill and not the system's buffers. */
enum { BULK = 50000 };

void
driver_conformance_a_full_subscriber_stops_the_publisher (const driver_conformance_t *subject)
{
    fanout_t fanout;
    open_fanout (&fanout, subject);
    subscribe (&fanout, 0, 1);
    subscribe (&fanout, 1, 1);
    expect_news (&fanout, true);
    expect_news (&fanout, true);
    static uint8_t bulk[BULK];
    unsigned sent = 0, seen = 0;
    /* Port 0 receives, port 1 does not. */
    const int64_t limit = test_now_ns () + WAIT_LIMIT_NS;
    for (;;) {
        cr_assert_lt (test_now_ns (), limit, "it never was full");
        memcpy (bulk, &sent, sizeof sent);
        const godwit__io_t io = publish (&fanout, 1, bulk, sizeof bulk);
        if (io == GODWIT__IO_AGAIN)
            break;
        cr_assert_eq (io, GODWIT__IO_OK);
        memcpy (bulk, &sent, sizeof sent);
        expect_publication (fanout.ports[0], 1, bulk, sizeof bulk);
        sent++;
    }
    expect_nothing (fanout.ports[0]);
    /* Port 1 got all of them as well, and not the one that was not accepted. */
    while (seen < sent) {
        memcpy (bulk, &seen, sizeof seen);
        expect_publication (fanout.ports[1], 1, bulk, sizeof bulk);
        seen++;
    }
    expect_nothing (fanout.ports[1]);
    expect_nothing (fanout.publisher);
    const int64_t room_limit = test_now_ns () + WAIT_LIMIT_NS;
    while (publish (&fanout, 1, "more", 4) == GODWIT__IO_AGAIN) {
        cr_assert_lt (test_now_ns (), room_limit, "no room came");
        fanout.publisher->ops->wait (fanout.publisher, true, WAIT_LIMIT_NS);
        expect_nothing (fanout.publisher);
    }
    expect_publication (fanout.ports[0], 1, "more", 4);
    expect_publication (fanout.ports[1], 1, "more", 4);
    close_fanout (&fanout);
}

void
driver_conformance_publications_and_frames_are_both_received (const driver_conformance_t *subject)
{
    fanout_t fanout;
    open_fanout (&fanout, subject);
    subscribe (&fanout, 0, 1);
    expect_news (&fanout, true);
    /* Neither of two busy senders keeps the other from being received. */
    godwit__channel_t *link = fanout.scene.links[0].channel;
    int publications = 0, frames = 0;
    const int64_t limit = test_now_ns () + WAIT_LIMIT_NS;
    while (publications < 100 || frames < 100) {
        cr_assert_lt (test_now_ns (), limit, "%d publications and %d frames", publications, frames);
        run_pending (&fanout.scene);
        while (send_bytes (link, 0, "frame", 5) == GODWIT__IO_OK)
            ;
        while (publish (&fanout, 1, "publication", 11) == GODWIT__IO_OK)
            ;
        for (int i = 0; i < QUEUE_LIMIT / 2; i++) {
            godwit__frame_t frame;
            godwit__routing_id_t routing_id;
            if (fanout.ports[0]->ops->recv (fanout.ports[0], &frame, &routing_id) != GODWIT__IO_OK)
                break;
            const bool publication = routing_id == GODWIT__ROUTING_ID_FANOUT;
            cr_assert_eq (frame.size, publication ? GODWIT__KEY_SIZE + 11 : 5);
            *(publication ? &publications : &frames) += 1;
            godwit__frame_release (&frame);
        }
    }
    close_fanout (&fanout);
}
