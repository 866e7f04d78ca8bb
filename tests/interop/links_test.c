/* SPDX-License-Identifier: Apache-2.0 */
/* DEALER and ROUTER of libzmq at the engine's ports and links. */
#include "tests/interop/foreign.h"

#include <stdio.h>

TestSuite (links, .init = foreign_open, .fini = foreign_close, .timeout = 60);

static void
fill (uint8_t *data, size_t size, unsigned seed)
{
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t) ((seed = seed * 1103515245u + 12345u) >> 16);
}

static void *
dealer_at (const char *address)
{
    void *const dealer = foreign_socket (ZMQ_DEALER);
    cr_assert_eq (zmq_connect (dealer, address), 0);
    return dealer;
}

/* A message there, and an answer back; returns by what the port knows it. */
static godwit__routing_id_t
exchange (foreign_port_t *port, void *dealer, const char *text)
{
    foreign_send (dealer, text, strlen (text), false);
    const godwit__routing_id_t id = channel_expect (port->engine, port->channel, text, strlen (text));
    channel_send (port->engine, port->channel, id, text, strlen (text));
    foreign_expect (port->engine, dealer, text, strlen (text), false);
    return id;
}

Test (links, dealer_speaks_with_a_port)
{
    engine_t engine;
    foreign_port_t port;
    const godwit__driver_options_t options = engine_options ();
    engine_open (&engine, &options);
    port_open (&port, &engine, NULL);
    cr_assert_eq (port.addresses.link_count, 2u);
    for (size_t i = 0; i < port.addresses.link_count; i++) { /* by ipc and by tcp */
        void *const dealer = dealer_at (port.addresses.links[i]);
        exchange (&port, dealer, "hello");
        for (int n = 0; n < 300; n++) /* many in one piece, both ways */
            foreign_send (dealer, &n, sizeof n, false);
        godwit__routing_id_t id = 0;
        for (int n = 0; n < 300; n++)
            id = channel_expect (&engine, port.channel, &n, sizeof n);
        for (int n = 0; n < 300; n++)
            channel_send (&engine, port.channel, id, &n, sizeof n);
        for (int n = 0; n < 300; n++)
            foreign_expect (&engine, dealer, &n, sizeof n, false);
    }
    cr_assert_eq (engine.ended, 0);
    port_close (&port);
    engine_close (&engine);
}

/* libzmq tries again until the port is there, and when it has come back. */
static void
dealer_is_first (const char *address)
{
    engine_t engine;
    foreign_port_t port;
    const godwit__driver_options_t options = engine_options ();
    void *const dealer = foreign_socket (ZMQ_DEALER);
    foreign_set (dealer, ZMQ_RECONNECT_IVL, 20);
    void *const retried = foreign_monitor (dealer, ZMQ_EVENT_CONNECT_RETRIED);
    cr_assert_eq (zmq_connect (dealer, address), 0);
    foreign_send (dealer, "early", 5, false);
    engine_open (&engine, &options);
    UNTIL (&engine, foreign_events (retried));
    port_open (&port, &engine, address);
    channel_expect (&engine, port.channel, "early", 5);
    exchange (&port, dealer, "one");
    port_close (&port);
    UNTIL (&engine, foreign_events (retried));
    port_open (&port, &engine, address);
    exchange (&port, dealer, "two");
    port_close (&port);
    engine_close (&engine);
}

Test (links, dealer_is_there_before_the_port)
{
    char address[FOREIGN_TEXT];
    snprintf (address, sizeof address, "tcp://127.0.0.1:%d", zmtp_free_port ());
    dealer_is_first (address);
    foreign_path (address, "port");
    dealer_is_first (address);
}

Test (links, link_speaks_with_a_router)
{
    static const char *const transports[] = {"tcp", "ipc"};
    engine_t engine;
    const godwit__driver_options_t options = engine_options ();
    engine_open (&engine, &options);
    for (int i = 0; i < 2; i++) {
        char address[FOREIGN_TEXT], id[FOREIGN_TEXT];
        foreign_link_t link;
        void *const router = foreign_socket (ZMQ_ROUTER);
        foreign_bind (router, transports[i], address);
        link_open (&link, &engine, address);
        UNTIL (&engine, link.ups);
        channel_send (&engine, link.channel, 0, "question", 8);
        const size_t size = foreign_take (&engine, router, id, sizeof id);
        foreign_expect (&engine, router, "question", 8, false);
        foreign_send (router, id, size, true);
        foreign_send (router, "answer", 6, false);
        channel_expect (&engine, link.channel, "answer", 6);
        foreign_send (router, id, size, true);
        foreign_send (router, "", 0, false);
        channel_expect (&engine, link.channel, "", 0);
        cr_assert_eq (link.downs, 0);
        link_close (&link);
    }
    engine_close (&engine);
}

/* A link never connects again: who is not there yet is down, and a new link finds him later. */
Test (links, link_without_a_router_is_down)
{
    engine_t engine;
    foreign_link_t link;
    char address[FOREIGN_TEXT];
    const godwit__driver_options_t options = engine_options ();
    engine_open (&engine, &options);
    snprintf (address, sizeof address, "tcp://127.0.0.1:%d", zmtp_free_port ());
    link_open (&link, &engine, address);
    UNTIL (&engine, link.downs);
    link_close (&link);
    void *const router = foreign_socket (ZMQ_ROUTER);
    cr_assert_eq (zmq_bind (router, address), 0);
    link_open (&link, &engine, address);
    UNTIL (&engine, link.ups);
    zmq_unbind (router, address);
    zmq_disconnect (router, address);
    link_close (&link);
    engine_close (&engine);
}

Test (links, large_frames_pass_and_larger_ones_end_the_connection)
{
    static uint8_t large[FOREIGN_MAX_MESSAGE + 1];
    static const size_t sizes[] = {255, 256, 65536, 8 << 20, FOREIGN_MAX_MESSAGE};
    engine_t engine;
    foreign_port_t port;
    godwit__driver_options_t options = engine_options ();
    options.max_queue_size = 64 << 20;
    fill (large, sizeof large, 1);
    engine_open (&engine, &options);
    port_open (&port, &engine, NULL);
    for (size_t i = 0; i < port.addresses.link_count; i++) {
        void *const dealer = dealer_at (port.addresses.links[i]);
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            foreign_send (dealer, large, sizes[s], false);
            const godwit__routing_id_t id = channel_expect (&engine, port.channel, large, sizes[s]);
            channel_send (&engine, port.channel, id, large, sizes[s]);
            foreign_expect (&engine, dealer, large, sizes[s], false);
        }
        cr_assert_eq (engine.ended, 0);
        foreign_send (dealer, large, sizeof large, false);
        EXPECT_ENDED (&port, "above max_message_size");
        cr_assert_str_eq (engine.at, port.addresses.links[i]);
        zmq_disconnect (dealer, port.addresses.links[i]);
    }
    port_close (&port);
    engine_close (&engine);
}

Test (links, large_frames_of_a_router_pass_and_larger_ones_take_the_link_down)
{
    static uint8_t large[FOREIGN_MAX_MESSAGE + 1];
    engine_t engine;
    foreign_link_t link;
    char address[FOREIGN_TEXT], id[FOREIGN_TEXT];
    const godwit__driver_options_t options = engine_options ();
    fill (large, sizeof large, 2);
    engine_open (&engine, &options);
    void *const router = foreign_socket (ZMQ_ROUTER);
    foreign_bind (router, "tcp", address);
    link_open (&link, &engine, address);
    UNTIL (&engine, link.ups);
    channel_send (&engine, link.channel, 0, large, FOREIGN_MAX_MESSAGE);
    const size_t size = foreign_take (&engine, router, id, sizeof id);
    foreign_expect (&engine, router, large, FOREIGN_MAX_MESSAGE, false);
    foreign_send (router, id, size, true);
    foreign_send (router, large, FOREIGN_MAX_MESSAGE, false);
    channel_expect (&engine, link.channel, large, FOREIGN_MAX_MESSAGE);
    foreign_send (router, id, size, true);
    foreign_send (router, large, sizeof large, false);
    UNTIL (&engine, channel_is_empty (link.channel) && link.downs);
    cr_assert (strstr (link.reason, "above max_message_size"), "%s", link.reason);
    link_close (&link);
    engine_close (&engine);
}

Test (links, a_message_of_several_parts_ends_the_connection)
{
    engine_t engine;
    foreign_port_t port;
    foreign_link_t link;
    char address[FOREIGN_TEXT], id[FOREIGN_TEXT];
    const godwit__driver_options_t options = engine_options ();
    engine_open (&engine, &options);
    port_open (&port, &engine, NULL);
    void *const good = dealer_at (port.addresses.links[1]);
    for (size_t i = 0; i < port.addresses.link_count; i++) {
        void *const dealer = dealer_at (port.addresses.links[i]);
        void *const ended = foreign_monitor (dealer, ZMQ_EVENT_DISCONNECTED);
        exchange (&port, dealer, "before");
        foreign_send (dealer, "one", 3, true);
        foreign_send (dealer, "two", 3, false);
        EXPECT_ENDED (&port, "a message of several parts");
        cr_assert_str_eq (engine.at, port.addresses.links[i]);
        if (i == 1)
            cr_assert (strstr (engine.peer, "127.0.0.1:"), "%s", engine.peer);
        else
            cr_assert (strstr (engine.peer, "process "), "%s", engine.peer);
        UNTIL (&engine, foreign_events (ended));
        exchange (&port, dealer, "after"); /* libzmq has connected again */
        exchange (&port, good, "others");
    }
    port_close (&port);

    void *const router = foreign_socket (ZMQ_ROUTER);
    foreign_bind (router, "tcp", address);
    link_open (&link, &engine, address);
    channel_send (&engine, link.channel, 0, "question", 8);
    const size_t size = foreign_take (&engine, router, id, sizeof id);
    foreign_expect (&engine, router, "question", 8, false);
    foreign_send (router, id, size, true);
    foreign_send (router, "", 0, true);
    foreign_send (router, "answer", 6, false);
    UNTIL (&engine, channel_is_empty (link.channel) && link.downs);
    cr_assert (strstr (link.reason, "a message of several parts"), "%s", link.reason);
    link_close (&link);
    engine_close (&engine);
}

/* The property Identity is the peer's own affair. */
Test (links, two_dealers_with_one_identity_are_both_served)
{
    engine_t engine;
    foreign_port_t port;
    const godwit__driver_options_t options = engine_options ();
    engine_open (&engine, &options);
    port_open (&port, &engine, NULL);
    void *const first = foreign_socket (ZMQ_DEALER);
    void *const second = foreign_socket (ZMQ_DEALER);
    foreign_set_bytes (first, ZMQ_ROUTING_ID, "twins", 5);
    foreign_set_bytes (second, ZMQ_ROUTING_ID, "twins", 5);
    cr_assert_eq (zmq_connect (first, port.addresses.links[1]), 0);
    const godwit__routing_id_t a = exchange (&port, first, "one");
    cr_assert_eq (zmq_connect (second, port.addresses.links[1]), 0);
    const godwit__routing_id_t b = exchange (&port, second, "two");
    cr_assert_neq (a, b);
    cr_assert_eq (exchange (&port, first, "three"), a);
    channel_send (&engine, port.channel, b, "for two", 7);
    channel_send (&engine, port.channel, a, "for one", 7);
    foreign_expect (&engine, first, "for one", 7, false);
    foreign_expect (&engine, second, "for two", 7, false);
    cr_assert_eq (engine.ended, 0);
    port_close (&port);
    engine_close (&engine);
}

Test (links, empty_frames_are_messages)
{
    engine_t engine;
    foreign_port_t port;
    const godwit__driver_options_t options = engine_options ();
    engine_open (&engine, &options);
    port_open (&port, &engine, NULL);
    void *const dealer = dealer_at (port.addresses.links[0]);
    for (int i = 0; i < 100; i++)
        foreign_send (dealer, "", 0, false);
    foreign_send (dealer, "end", 3, false);
    for (int i = 0; i < 100; i++)
        channel_expect (&engine, port.channel, "", 0);
    const godwit__routing_id_t id = channel_expect (&engine, port.channel, "end", 3);
    channel_send (&engine, port.channel, id, "", 0);
    foreign_expect (&engine, dealer, "", 0, false);
    port_close (&port);
    engine_close (&engine);
}

/* A DEALER of libzmq that goes away: the port finds out, and its id is never given again. */
Test (links, a_dealer_that_closes_is_gone)
{
    engine_t engine;
    foreign_port_t port;
    const godwit__driver_options_t options = engine_options ();
    engine_open (&engine, &options);
    port_open (&port, &engine, NULL);
    void *const dealer = dealer_at (port.addresses.links[1]);
    const godwit__routing_id_t id = exchange (&port, dealer, "hello");
    const godwit__message_t message = {.data = (char[]){"bye"}, .size = 3};
    foreign_close_socket (dealer);
    UNTIL (&engine, channel_is_empty (port.channel) &&
                        port.channel->ops->send (port.channel, id, &message) == GODWIT__IO_CLOSED);
    cr_assert_neq (exchange (&port, dealer_at (port.addresses.links[1]), "again"), id);
    port_close (&port);
    engine_close (&engine);
}

static void
count_lost (godwit__task_t *task)
{
    ++*(int *) task->user;
}

/* The leader reads the end of a connection, and the port is closed before the reactor has heard of it. */
Test (links, a_port_closes_between_the_two_who_see_an_end)
{
    engine_t engine;
    int lost = 0;
    godwit__task_t task = {.run = count_lost, .user = &lost};
    const godwit__driver_options_t options = engine_options ();
    engine_open (&engine, &options);
    for (int round = 0; round < 2; round++) {
        foreign_port_t port;
        port_open (&port, &engine, NULL);
        cr_assert_eq (engine.driver->ops->watch_port (port.channel, &task, NULL), GODWIT_OK);
        void *const dealer = dealer_at (port.addresses.links[round]);
        const godwit__routing_id_t id = exchange (&port, dealer, "hello");
        const godwit__message_t message = {.data = (char[]){"bye"}, .size = 3};
        foreign_close_socket (dealer);
        const int64_t limit = foreign_now_ns () + FOREIGN_LIMIT_NS;
        while (!channel_is_empty (port.channel) ||
               port.channel->ops->queue (port.channel, id, &message) != GODWIT__IO_CLOSED)
            cr_assert_lt (foreign_now_ns (), limit);
        port_close (&port);
        const int64_t end = foreign_now_ns () + 20 * GODWIT__NS_PER_MS;
        UNTIL (&engine, foreign_now_ns () >= end);
        cr_assert_eq (lost, 0, "a closed port was told of it");
    }
    engine_close (&engine);
}
