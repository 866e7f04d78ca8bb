/* SPDX-License-Identifier: Apache-2.0 */
/* The driver suite: what is sent arrives, once, whole, in order; and the ends of connections. */
#include "tests/conformance/driver_fixture.h"

#include <dirent.h>
#include <stdlib.h>

void
driver_conformance_speaks_its_own_addresses (const driver_conformance_t *subject)
{
    scene_t scene;
    open_scene (&scene, subject, 0);
    cr_assert_str_not_empty (subject->ops->name);
    for (size_t i = 0; i < scene.addresses.link_count; i++)
        cr_assert (subject->ops->speaks (scene.server.driver, scene.addresses.links[i]));
    cr_assert (subject->ops->speaks (scene.server.driver, scene.addresses.fanout));
    cr_assert (subject->ops->speaks (scene.server.driver, subject->dead_address));
    cr_assert_not (subject->ops->speaks (scene.server.driver, "carrier-pigeon://loft"));
    cr_assert_not (subject->ops->speaks (scene.server.driver, ""));
    close_scene (&scene);
}

void
driver_conformance_frames_travel_both_ways (const driver_conformance_t *subject)
{
    for (size_t address = 0; address < subject->address_count; address++) {
        scene_t scene;
        open_scene (&scene, subject, address);
        godwit__channel_t *link = scene.links[0].channel;
        expect_nothing (link);
        expect_nothing (scene.port);
        cr_assert_eq (send_bytes (link, 0, "question", 8), GODWIT__IO_OK);
        const godwit__routing_id_t routing_id = expect_bytes (scene.port, "question", 8);
        cr_assert_neq (routing_id, 0);
        cr_assert_neq (routing_id, GODWIT__ROUTING_ID_FANOUT);
        cr_assert_eq (send_bytes (scene.port, routing_id, "answer", 6), GODWIT__IO_OK);
        expect_bytes (link, "answer", 6);
        expect_nothing (link);
        expect_nothing (scene.port);
        run_pending (&scene);
        cr_assert_eq (scene.links[0].ups, 1);
        cr_assert_eq (scene.links[0].downs, 0);
        close_scene (&scene);
    }
}

/* --- many frames ----------------------------------------------------------------------------- */

enum { STREAM = 5000, STREAM_LARGEST = 3000 };

typedef struct stream {
    pthread_t thread;
    godwit__channel_t *channel;
    godwit__routing_id_t routing_id;
} stream_t;

static size_t
stream_size (unsigned number)
{
    /* 0, 1, around the sizes at which a driver changes how it stores bytes, and any. */
    static const size_t sizes[] = {0, 1, 2, 32, 33, 34, 63, 64, 65, 255, 256, 257};
    const unsigned random = (number * 2654435761u) >> 8;
    return number % 2 ? random % STREAM_LARGEST : sizes[random % (sizeof sizes / sizeof *sizes)];
}

static void *
send_stream (void *argument)
{
    const stream_t *stream = argument;
    uint8_t data[STREAM_LARGEST];
    for (unsigned i = 0; i < STREAM; i++) {
        fill (data, stream_size (i), i);
        send_all (stream->channel, stream->routing_id, data, stream_size (i));
    }
    return NULL;
}

static void
check_stream (godwit__channel_t *from, godwit__routing_id_t routing_id, godwit__channel_t *to)
{
    stream_t stream = {.channel = from, .routing_id = routing_id};
    cr_assert_eq (pthread_create (&stream.thread, NULL, send_stream, &stream), 0);
    uint8_t data[STREAM_LARGEST];
    for (unsigned i = 0; i < STREAM; i++) {
        fill (data, stream_size (i), i);
        expect_bytes (to, data, stream_size (i));
    }
    pthread_join (stream.thread, NULL);
    expect_nothing (to);
}

void
driver_conformance_frames_are_whole_and_in_order (const driver_conformance_t *subject)
{
    for (size_t address = 0; address < subject->address_count; address++) {
        scene_t scene;
        open_scene (&scene, subject, address);
        cr_assert_eq (send_bytes (scene.links[0].channel, 0, "hello", 5), GODWIT__IO_OK);
        const godwit__routing_id_t routing_id = expect_bytes (scene.port, "hello", 5);
        check_stream (scene.links[0].channel, 0, scene.port);
        check_stream (scene.port, routing_id, scene.links[0].channel);
        close_scene (&scene);
    }
}

/* --- bytes ----------------------------------------------------------------------------------- */

static atomic_int freed;

static void
free_counted (void *data, void *hint)
{
    cr_assert_str_eq (hint, "hint");
    free (data);
    atomic_fetch_add (&freed, 1);
}

static godwit__message_t
make_lent (size_t size, unsigned seed)
{
    godwit__message_t message = {.data = malloc (size ? size : 1),
                                 .size = size,
                                 .free_fn = free_counted,
                                 .hint = (void *) (uintptr_t) "hint"};
    cr_assert_not_null (message.data);
    fill (message.data, size, seed);
    return message;
}

void
driver_conformance_large_frames (const driver_conformance_t *subject)
{
    const size_t size = 8 << 20;
    for (size_t address = 0; address < subject->address_count; address++) {
        scene_t scene;
        open_scene (&scene, subject, address);
        uint8_t *expected = malloc (size);
        cr_assert_not_null (expected);
        fill (expected, size, 5);
        send_all (scene.links[0].channel, 0, expected, size);
        const godwit__routing_id_t routing_id = expect_bytes (scene.port, expected, size);
        const godwit__message_t lent = make_lent (size, 5);
        cr_assert_eq (scene.port->ops->send (scene.port, routing_id, &lent), GODWIT__IO_OK);
        /* The receiver may write to what it got. */
        godwit__frame_t frame, moved;
        cr_assert_eq (recv_frame (scene.links[0].channel, &frame, NULL), GODWIT__IO_OK);
        godwit__frame_move (&moved, &frame);
        cr_assert_eq (moved.size, size);
        cr_assert_eq (memcmp (moved.data, expected, size), 0);
        memset (moved.data, 0, size);
        godwit__frame_release (&moved);
        godwit__frame_release (&frame); /* empty now */
        free (expected);
        close_scene (&scene);
    }
    cr_assert_eq (atomic_load (&freed), (int) subject->address_count);
}

void
driver_conformance_lent_bytes_are_given_back_once (const driver_conformance_t *subject)
{
    static const size_t sizes[] = {0, 1, 64, 1024, 1025, 100000};
    scene_t scene;
    open_scene (&scene, subject, 0);
    godwit__channel_t *link = scene.links[0].channel;
    int accepted = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++, accepted++) {
        const godwit__message_t message = make_lent (sizes[i], (unsigned) i);
        uint8_t *expected = malloc (sizes[i] + 1);
        fill (expected, sizes[i], (unsigned) i);
        cr_assert_eq (link->ops->send (link, 0, &message), GODWIT__IO_OK);
        expect_bytes (scene.port, expected, sizes[i]);
        free (expected);
    }
    /* Nobody receives: until AGAIN, which leaves the bytes with us. */
    for (;;) {
        const godwit__message_t message = make_lent (100000, 1);
        const godwit__io_t io = link->ops->send (link, 0, &message);
        if (io != GODWIT__IO_OK) {
            cr_assert_eq (io, GODWIT__IO_AGAIN);
            free (message.data);
            break;
        }
        accepted++;
    }
    const godwit__message_t large = make_lent (MAX_MESSAGE + 1, 1);
    cr_assert_eq (link->ops->send (link, 0, &large), GODWIT__IO_REFUSED);
    cr_assert_eq (scene.port->ops->send (scene.port, 12345, &large), GODWIT__IO_REFUSED);
    free (large.data);
    const godwit__message_t lost = make_lent (2000, 1);
    cr_assert_eq (scene.port->ops->send (scene.port, 12345, &lost), GODWIT__IO_CLOSED);
    cr_assert_eq (scene.port->ops->send (scene.port, UINT64_MAX - 1, &lost), GODWIT__IO_CLOSED);
    close_port (&scene);
    run_until (&scene, &scene.links[0].downs, 1);
    cr_assert_eq (link->ops->send (link, 0, &lost), GODWIT__IO_CLOSED);
    free (lost.data);
    close_scene (&scene); /* every driver and thread of it is gone, so what is to be freed has been */
    cr_assert_eq (atomic_load (&freed), accepted);
}

void
driver_conformance_too_large_is_refused (const driver_conformance_t *subject)
{
    godwit__driver_options_t options = default_options ();
    options.max_message_size = 1000;
    uint8_t data[1001];
    fill (data, sizeof data, 3);
    scene_t scene;
    open_scene_with (&scene, subject, 0, &options, &options);
    cr_assert_eq (send_bytes (scene.links[0].channel, 0, data, 1001), GODWIT__IO_REFUSED);
    cr_assert_eq (send_bytes (scene.links[0].channel, 0, data, 1000), GODWIT__IO_OK);
    const godwit__routing_id_t routing_id = expect_bytes (scene.port, data, 1000);
    cr_assert_eq (send_bytes (scene.port, routing_id, data, 1001), GODWIT__IO_REFUSED);
    cr_assert_eq (send_bytes (scene.port, routing_id, data, 1000), GODWIT__IO_OK);
    expect_bytes (scene.links[0].channel, data, 1000);
    cr_assert_eq (scene.links[0].downs, 0);
    close_scene (&scene);
}

void
driver_conformance_too_large_for_the_peer_costs_the_link (const driver_conformance_t *subject)
{
    godwit__driver_options_t small = default_options (), large = default_options ();
    small.max_message_size = 1000;
    uint8_t data[5000];
    fill (data, sizeof data, 3);
    scene_t scene;
    open_scene_with (&scene, subject, 0, &small, &large);
    /* A driver that knows the peer's limit refuses; one that does not loses the connection. It is not
     * delivered. */
    const godwit__io_t io = send_bytes (scene.links[0].channel, 0, data, sizeof data);
    if (io != GODWIT__IO_REFUSED) {
        cr_assert_eq (io, GODWIT__IO_OK);
        while (scene.links[0].downs == 0) { /* whoever leads on the port may be the one who finds out */
            expect_nothing (scene.port);
            scene.port->ops->wait (scene.port, false, GODWIT__NS_PER_MS);
            run_pending (&scene);
        }
    }
    expect_nothing (scene.port);
    const test_link_t *other = add_link (&scene, scene.addresses.links[0]);
    cr_assert_eq (send_bytes (other->channel, 0, "still here", 10), GODWIT__IO_OK);
    expect_bytes (scene.port, "still here", 10);
    close_scene (&scene);
}

void
driver_conformance_routing_ids_tell_links_apart (const driver_conformance_t *subject)
{
    enum { COUNT = 8 };
    scene_t scene;
    open_scene (&scene, subject, 0);
    godwit__routing_id_t routing_ids[2 * COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        if (i)
            add_link (&scene, scene.addresses.links[i % subject->address_count]);
        cr_assert_eq (send_bytes (scene.links[i].channel, 0, &i, sizeof i), GODWIT__IO_OK);
        routing_ids[i] = expect_bytes (scene.port, &i, sizeof i);
        cr_assert_eq (send_bytes (scene.links[i].channel, 0, "again", 5), GODWIT__IO_OK);
        cr_assert_eq (expect_bytes (scene.port, "again", 5), routing_ids[i]);
    }
    for (size_t i = COUNT; i-- > 0;)
        cr_assert_eq (send_bytes (scene.port, routing_ids[i], &i, sizeof i), GODWIT__IO_OK);
    for (size_t i = 0; i < COUNT; i++) {
        expect_bytes (scene.links[i].channel, &i, sizeof i);
        close_link (&scene.links[i]);
    }
    scene.link_count = 0;
    for (size_t i = COUNT; i < 2 * COUNT; i++) { /* not those of links that the port had before */
        add_link (&scene, scene.addresses.links[0]);
        cr_assert_eq (send_bytes (scene.links[i - COUNT].channel, 0, "new", 3), GODWIT__IO_OK);
        routing_ids[i] = expect_bytes (scene.port, "new", 3);
    }
    for (size_t i = 0; i < 2 * COUNT; i++) {
        cr_assert (routing_ids[i] != 0 && routing_ids[i] != GODWIT__ROUTING_ID_FANOUT);
        for (size_t j = 0; j < i; j++)
            cr_assert_neq (routing_ids[i], routing_ids[j]);
    }
    close_scene (&scene);
}

/* --- ends ------------------------------------------------------------------------------------ */

static void
expect_closed (scene_t *scene, test_link_t *link)
{
    godwit__frame_t frame;
    cr_assert_eq (recv_frame (link->channel, &frame, NULL), GODWIT__IO_CLOSED);
    cr_assert_eq (recv_frame (link->channel, &frame, NULL), GODWIT__IO_CLOSED);
    cr_assert_eq (send_bytes (link->channel, 0, "lost", 4), GODWIT__IO_CLOSED);
    link->channel->ops->wait (link->channel, false, GODWIT__NEVER); /* does not wait for what cannot come */
    link->channel->ops->wait (link->channel, true, GODWIT__NEVER);
    run_pending (scene);
    cr_assert_eq (link->downs, 1);
    cr_assert_str_not_empty (link->reason);
}

void
driver_conformance_a_dead_address_is_down_once (const driver_conformance_t *subject)
{
    scene_t scene;
    open_scene (&scene, subject, 0);
    test_link_t *link = add_link (&scene, subject->dead_address);
    expect_closed (&scene, link);
    cr_assert_eq (link->ups, 0);
    close_scene (&scene);
}

void
driver_conformance_a_closed_port_is_down_once (const driver_conformance_t *subject)
{
    for (size_t address = 0; address < subject->address_count; address++) {
        scene_t scene;
        open_scene (&scene, subject, address);
        add_link (&scene, scene.addresses.links[address]);
        close_link (add_link (&scene, scene.addresses.links[address])); /* no event comes after this */
        close_port (&scene);
        for (size_t i = 0; i < 2; i++) {
            run_until (&scene, &scene.links[i].downs, 1);
            expect_closed (&scene, &scene.links[i]);
            cr_assert_eq (scene.links[i].ups, 1);
        }
        cr_assert_eq (scene.links[2].downs, 0);
        close_scene (&scene);
    }
}

void
driver_conformance_what_had_arrived_is_received_after_down (const driver_conformance_t *subject)
{
    for (size_t address = 0; address < subject->address_count; address++) {
        scene_t scene;
        open_scene (&scene, subject, address);
        test_link_t *link = &scene.links[0];
        cr_assert_eq (send_bytes (link->channel, 0, "hello", 5), GODWIT__IO_OK);
        const godwit__routing_id_t routing_id = expect_bytes (scene.port, "hello", 5);
        for (unsigned i = 0; i < QUEUE_LIMIT / 2; i++)
            cr_assert_eq (send_bytes (scene.port, routing_id, &i, sizeof i), GODWIT__IO_OK);
        close_port (&scene); /* flushes */
        run_until (&scene, &link->downs, 1);
        for (unsigned i = 0; i < QUEUE_LIMIT / 2; i++)
            expect_bytes (link->channel, &i, sizeof i);
        expect_closed (&scene, link);
        close_scene (&scene);
    }
}

/* Listens at the address as soon as the one before has left it. */
static godwit__channel_t *
listen_at (scene_t *scene, const char *at, godwit__port_addresses_t *addresses)
{
    const int64_t limit = test_now_ns () + WAIT_LIMIT_NS;
    godwit__channel_t *port;
    while (scene->server.ops->open_port (scene->server.driver, at, &port, addresses, NULL) != GODWIT_OK)
        cr_assert_lt (test_now_ns (), limit, "the address did not become free");
    return port;
}

void
driver_conformance_nothing_is_delivered_after_down (const driver_conformance_t *subject)
{
    char at[GODWIT__ADDRESS_SIZE];
    subject->make_address (at);
    scene_t scene;
    godwit__port_addresses_t addresses;
    open_scene (&scene, subject, 0);
    godwit__channel_t *first = listen_at (&scene, at, &addresses);
    cr_assert_eq (addresses.link_count, 1);
    cr_assert_str_eq (addresses.links[0], at);
    cr_assert_str_empty (addresses.fanout);
    test_link_t *old = add_link (&scene, at);
    for (int i = 0; i < 10; i++) /* nobody receives these */
        cr_assert_eq (send_bytes (old->channel, 0, "old", 3), GODWIT__IO_OK);
    first->ops->close (first);
    godwit__channel_t *second = listen_at (&scene, at, &addresses);
    send_bytes (old->channel, 0, "old", 3); /* whatever it says */
    run_until (&scene, &old->downs, 1);
    send_bytes (old->channel, 0, "old", 3);
    test_link_t *new = add_link (&scene, at);
    cr_assert_eq (send_bytes (new->channel, 0, "new", 3), GODWIT__IO_OK);
    expect_bytes (second, "new", 3);
    expect_nothing (second);
    second->ops->close (second);
    close_scene (&scene);
}

void
driver_conformance_a_gone_routing_id_is_closed (const driver_conformance_t *subject)
{
    scene_t scene;
    open_scene (&scene, subject, 0);
    const test_link_t *other = add_link (&scene, scene.addresses.links[0]);
    cr_assert_eq (send_bytes (scene.links[0].channel, 0, "hello", 5), GODWIT__IO_OK);
    const godwit__routing_id_t gone = expect_bytes (scene.port, "hello", 5);
    close_link (&scene.links[0]);
    const int64_t limit = test_now_ns () + WAIT_LIMIT_NS;
    while (send_bytes (scene.port, gone, "anyone?", 7) != GODWIT__IO_CLOSED) {
        cr_assert_lt (test_now_ns (), limit, "the port did not notice");
        run_pending (&scene);
    }
    cr_assert_geq (atomic_load (&subject->ops->counters (scene.server.driver)->dropped), 1);
    cr_assert_eq (send_bytes (scene.port, 0, "nobody", 6), GODWIT__IO_CLOSED);
    cr_assert_eq (send_bytes (scene.port, GODWIT__ROUTING_ID_FANOUT, "nobody", 6), GODWIT__IO_CLOSED);
    cr_assert_eq (send_bytes (other->channel, 0, "here", 4), GODWIT__IO_OK);
    const godwit__routing_id_t routing_id = expect_bytes (scene.port, "here", 4);
    cr_assert_eq (send_bytes (scene.port, routing_id, "good", 4), GODWIT__IO_OK);
    expect_bytes (other->channel, "good", 4);
    close_scene (&scene);
}

static void
count_lost (godwit__task_t *task)
{
    ++*(int *) task->user;
}

void
driver_conformance_a_watched_port_tells_of_links_that_are_gone (const driver_conformance_t *subject)
{
    scene_t scene;
    int told = 0;
    godwit__task_t lost = {.run = count_lost, .user = &told};
    open_scene (&scene, subject, 0);
    add_link (&scene, scene.addresses.links[0]);
    cr_assert_eq (subject->ops->watch_port (scene.port, &lost, NULL), GODWIT_OK);
    cr_assert_eq (send_bytes (scene.links[0].channel, 0, "hello", 5), GODWIT__IO_OK);
    expect_bytes (scene.port, "hello", 5);
    run_pending (&scene);
    cr_assert_eq (told, 0);
    cr_assert_eq (send_bytes (scene.links[0].channel, 0, "bye", 3), GODWIT__IO_OK);
    close_link (&scene.links[0]);
    run_until (&scene, &told, 1);
    expect_bytes (scene.port, "bye", 3);
    const int before = told;
    close_link (&scene.links[1]);
    run_until (&scene, &told, before + 1);
    close_scene (&scene); /* the links that are left end with the port: nobody is told */
}

void
driver_conformance_closing_with_traffic_in_flight (const driver_conformance_t *subject)
{
    uint8_t data[5000];
    fill (data, sizeof data, 1);
    for (int round = 0; round < 20; round++) {
        scene_t scene;
        open_scene (&scene, subject, (size_t) round % subject->address_count);
        godwit__channel_t *link = scene.links[0].channel;
        cr_assert_eq (send_bytes (link, 0, "hello", 5), GODWIT__IO_OK);
        const godwit__routing_id_t routing_id = expect_bytes (scene.port, "hello", 5);
        while (send_bytes (link, 0, data, sizeof data) == GODWIT__IO_OK)
            ;
        while (send_bytes (scene.port, routing_id, data, sizeof data) == GODWIT__IO_OK)
            ;
        if (round % 4 < 2)
            close_link (&scene.links[0]);
        else
            close_port (&scene);
        close_scene (&scene);
    }
}

void
driver_conformance_an_address_in_use (const driver_conformance_t *subject)
{
    char at[GODWIT__ADDRESS_SIZE];
    subject->make_address (at);
    scene_t scene;
    godwit__port_addresses_t addresses, untouched = {.link_count = 77};
    open_scene (&scene, subject, 0);
    godwit__channel_t *port = listen_at (&scene, at, &addresses);
    godwit__channel_t *other = NULL;
    godwit_error_t *error = NULL;
    /* By the same driver, and by another. */
    cr_assert_eq (subject->ops->open_port (scene.server.driver, at, &other, &untouched, &error),
                  GODWIT_ERR_SYSTEM);
    cr_assert_not_null (strstr (godwit_error_message (error), "in use"), "%s", godwit_error_message (error));
    godwit_error_destroy (&error);
    cr_assert_eq (subject->ops->open_port (scene.client.driver, at, &other, &untouched, NULL),
                  GODWIT_ERR_SYSTEM);
    cr_assert_null (other);
    cr_assert_eq (untouched.link_count, 77);
    cr_assert_eq (
        subject->ops->open_port (scene.client.driver, "carrier-pigeon://loft", &other, &untouched, NULL),
        GODWIT_ERR_SYSTEM);
    /* It still listens, and when it leaves, the address is free. */
    const test_link_t *link = add_link (&scene, at);
    cr_assert_eq (send_bytes (link->channel, 0, "you", 3), GODWIT__IO_OK);
    expect_bytes (port, "you", 3);
    port->ops->close (port);
    port = listen_at (&scene, at, &addresses);
    port->ops->close (port);
    close_scene (&scene);
}

static int
count_descriptors (void)
{
    DIR *folder = opendir ("/proc/self/fd");
    cr_assert_not_null (folder);
    int count = 0;
    while (readdir (folder))
        count++;
    closedir (folder);
    return count;
}

static void
never_ready (godwit__source_t *source)
{
    (void) source;
    cr_assert (false, "ready comes after detach");
}

static void
attach_and_detach (godwit__channel_t *channel, const side_t *side)
{
    godwit__source_t source = {.ready = never_ready};
    cr_assert_eq (channel->ops->attach (channel, side->reactor, &source, NULL), GODWIT_OK);
    channel->ops->detach (channel);
}

void
driver_conformance_everything_is_given_back (const driver_conformance_t *subject)
{
    scene_t scene;
    open_scene (&scene, subject, 0);
    close_scene (&scene);
    const int before = count_descriptors ();
    for (int i = 0; i < 3; i++) {
        open_scene (&scene, subject, 0);
        add_link (&scene, subject->dead_address);
        attach_and_detach (scene.port, &scene.server);
        attach_and_detach (scene.links[0].channel, &scene.client);
        close_scene (&scene);
    }
    cr_assert_eq (count_descriptors (), before, "descriptors are left open");
}
