/* SPDX-License-Identifier: Apache-2.0 */
/* PUB, XPUB, SUB and XSUB of libzmq at the engine's ports and publishers. */
#include "tests/interop/foreign.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

TestSuite (publications, .init = foreign_open, .fini = foreign_close, .timeout = 60);

enum { BODY = GODWIT__KEY_SIZE + 4 };

static engine_t engine;

static void
open_engine (const char *transport)
{
    godwit__driver_options_t options = engine_options ();
    options.host = strcmp (transport, "tcp") == 0 ? "127.0.0.1" : NULL;
    engine_open (&engine, &options);
}

static void
make_publication (uint8_t publication[BODY], unsigned key, const char text[4])
{
    foreign_key (publication, key);
    memcpy (publication + GODWIT__KEY_SIZE, text, 4);
}

/* ---- others publish to a port ---- */

static void
subscribe (const foreign_port_t *port, unsigned number)
{
    uint8_t key[GODWIT__KEY_SIZE];
    foreign_key (key, number);
    cr_assert_eq (engine.driver->ops->subscribe (port->channel, key, NULL), GODWIT_OK);
}

static void
expect_subscription (void *xpub, bool subscribes, unsigned number)
{
    uint8_t news[1 + GODWIT__KEY_SIZE] = {subscribes};
    foreign_key (news + 1, number);
    foreign_expect (&engine, xpub, news, sizeof news, false);
}

static void
xpub_publishes (const char *transport)
{
    foreign_port_t port;
    uint8_t publication[BODY];
    open_engine (transport);
    port_open (&port, &engine, NULL);
    cr_assert_eq (strncmp (port.addresses.fanout, transport, 3), 0);
    subscribe (&port, 3);
    subscribe (&port, 1);
    subscribe (&port, 2);
    /* One that comes late learns of all keys in the order of their bytes. */
    void *const xpub = foreign_socket (ZMQ_XPUB);
    cr_assert_eq (zmq_connect (xpub, port.addresses.fanout), 0);
    for (unsigned i = 1; i <= 3; i++)
        expect_subscription (xpub, true, i);
    /* Later ones come in their own order. */
    subscribe (&port, 9);
    subscribe (&port, 5);
    expect_subscription (xpub, true, 9);
    expect_subscription (xpub, true, 5);

    make_publication (publication, 4, "none"); /* nobody wants it */
    foreign_send (xpub, publication, sizeof publication, false);
    make_publication (publication, 2, "this");
    foreign_send (xpub, publication, sizeof publication, false);
    cr_assert_eq (channel_expect (&engine, port.channel, publication, sizeof publication),
                  GODWIT__ROUTING_ID_FANOUT);

    uint8_t key[GODWIT__KEY_SIZE];
    foreign_key (key, 2);
    engine.driver->ops->unsubscribe (port.channel, key);
    expect_subscription (xpub, false, 2);
    foreign_send (xpub, publication, sizeof publication, false);
    make_publication (publication, 1, "last");
    foreign_send (xpub, publication, sizeof publication, false);
    channel_expect (&engine, port.channel, publication, sizeof publication);
    cr_assert_eq (engine.ended, 0);

    foreign_send (xpub, publication, sizeof publication, true);
    foreign_send (xpub, "tail", 4, false);
    EXPECT_ENDED (&port, "a message of several parts");
    cr_assert_str_eq (engine.at, port.addresses.fanout);
    port_close (&port);
    engine_close (&engine);
}

Test (publications, of_an_xpub_reach_a_port)
{
    xpub_publishes ("tcp");
    xpub_publishes ("ipc");
}

Test (publications, of_a_pub_reach_a_port)
{
    foreign_port_t port;
    uint8_t publication[BODY];
    open_engine ("tcp");
    port_open (&port, &engine, NULL);
    subscribe (&port, 1);
    void *const pub = foreign_socket (ZMQ_PUB);
    make_publication (publication, 1, "ping");
    cr_assert_eq (zmq_connect (pub, port.addresses.fanout), 0);
    /* A PUB says nothing of subscriptions: what it sends before it knows of one is nobody's. */
    godwit__frame_t frame;
    godwit__routing_id_t id;
    UNTIL (&engine, zmq_send (pub, publication, sizeof publication, ZMQ_DONTWAIT) == sizeof publication &&
                        port.channel->ops->recv (port.channel, &frame, &id) == GODWIT__IO_OK);
    cr_assert_eq (frame.size, sizeof publication);
    cr_assert_eq (id, GODWIT__ROUTING_ID_FANOUT);
    godwit__frame_release (&frame);
    port_close (&port);
    engine_close (&engine);
}

static int
connect_as (const char *address, uint8_t minor, const char *type)
{
    uint8_t bytes[ZMTP_GREETING_SIZE + 64] = {0}, head[2], rest[256];
    const size_t type_size = strlen (type), size = 6 + 12 + 4 + type_size;
    const int fd = zmtp_connect (address);
    cr_assert_geq (fd, 0);
    zmtp_greeting (bytes);
    bytes[11] = minor;
    uint8_t *const ready = bytes + ZMTP_GREETING_SIZE;
    memcpy (ready, "\4\0\5READY\xbSocket-Type\0\0\0", 23);
    ready[1] = (uint8_t) size;
    ready[23] = (uint8_t) type_size;
    memcpy (ready + 24, type, type_size);
    cr_assert (zmtp_write (fd, bytes, ZMTP_GREETING_SIZE + 2 + size));
    struct pollfd item = {fd, POLLIN, 0};
    UNTIL (&engine, poll (&item, 1, 0) == 1);
    cr_assert (zmtp_read (fd, bytes, ZMTP_GREETING_SIZE));
    UNTIL (&engine, poll (&item, 1, 0) == 1);
    cr_assert (zmtp_read (fd, head, 2) && zmtp_read (fd, rest, head[1]));
    return fd;
}

static void
expect_raw (int fd, const void *bytes, size_t size)
{
    uint8_t got[256];
    struct pollfd item = {fd, POLLIN, 0};
    UNTIL (&engine, poll (&item, 1, 0) == 1);
    cr_assert (zmtp_read (fd, got, size));
    cr_assert_eq (memcmp (got, bytes, size), 0);
}

/* Subscriptions of a port are commands to publishers of version 3.1, and messages to those of 3.0. */
Test (publications, subscriptions_of_a_port_have_the_form_of_the_publishers_version)
{
    foreign_port_t port;
    open_engine ("tcp");
    port_open (&port, &engine, NULL);
    subscribe (&port, 7);
    for (uint8_t minor = 0; minor < 2; minor++) {
        uint8_t expected[64] = {0};
        const int fd = connect_as (port.addresses.fanout, minor, "PUB");
        size_t size = 0;
        if (minor == 0) {
            memcpy (expected, "\0\x11\1", 3);
            size = 3;
        } else {
            memcpy (expected, "\4\x1a\x9SUBSCRIBE", 12);
            size = 12;
        }
        foreign_key (expected + size, 7);
        expect_raw (fd, expected, size + GODWIT__KEY_SIZE);
        close (fd);
    }
    port_close (&port);
    engine_close (&engine);
}

/* ---- the engine publishes to others ---- */

static godwit__channel_t *
publisher_to (const char *address)
{
    godwit__channel_t *publisher;
    cr_assert_eq (engine.driver->ops->open_publisher (engine.driver, &publisher, NULL), GODWIT_OK);
    cr_assert_eq (engine.driver->ops->publisher_connect (publisher, address, NULL), GODWIT_OK);
    return publisher;
}

static void
expect_news (godwit__channel_t *publisher, bool subscribes, unsigned number)
{
    uint8_t news[1 + GODWIT__KEY_SIZE] = {subscribes};
    foreign_key (news + 1, number);
    channel_expect (&engine, publisher, news, sizeof news);
}

static uint64_t
malformed (void)
{
    return atomic_load (&engine.driver->ops->counters (engine.driver)->malformed);
}

/* SUB sends its subscriptions as commands; of other sizes than Godwit's keys they are counted, and mean
 * nothing. */
static void
sub_receives (const char *transport)
{
    static const char odd[GODWIT__KEY_SIZE + 1] = {1};
    char address[FOREIGN_TEXT];
    uint8_t key[GODWIT__KEY_SIZE], publication[BODY];
    open_engine (transport);
    void *const sub = foreign_socket (ZMQ_SUB);
    foreign_set_bytes (sub, ZMQ_SUBSCRIBE, "", 0);
    foreign_set_bytes (sub, ZMQ_SUBSCRIBE, odd, 5);
    foreign_set_bytes (sub, ZMQ_SUBSCRIBE, odd, sizeof odd);
    foreign_bind (sub, transport, address);
    godwit__channel_t *publisher = publisher_to (address);
    UNTIL (&engine, zmq_recv (sub, publication, 1, ZMQ_DONTWAIT) < 0 && malformed () == 3);
    foreign_key (key, 1);
    foreign_set_bytes (sub, ZMQ_SUBSCRIBE, key, sizeof key);
    expect_news (publisher, true, 1);
    cr_assert_eq (malformed (), 3u);

    make_publication (publication, 2, "none"); /* for which only the empty subscription is */
    channel_publish (&engine, publisher, publication, sizeof publication);
    make_publication (publication, 1, "this");
    channel_publish (&engine, publisher, publication, sizeof publication);
    foreign_expect (&engine, sub, publication, sizeof publication, false);

    static uint8_t large[8 << 20];
    foreign_key (large, 1);
    channel_publish (&engine, publisher, large, sizeof large);
    foreign_expect (&engine, sub, large, sizeof large, false);

    foreign_set_bytes (sub, ZMQ_UNSUBSCRIBE, key, sizeof key);
    expect_news (publisher, false, 1);
    cr_assert_eq (engine.ended, 0);
    publisher->ops->close (publisher);
    engine_close (&engine);
}

Test (publications, reach_a_sub)
{
    sub_receives ("tcp");
    sub_receives ("ipc");
}

/* XSUB sends what the program wrote, as a message, to whatever version. */
Test (publications, reach_an_xsub_that_subscribes_by_message)
{
    char address[FOREIGN_TEXT];
    uint8_t news[1 + GODWIT__KEY_SIZE] = {1}, publication[BODY];
    open_engine ("tcp");
    void *const xsub = foreign_socket (ZMQ_XSUB);
    foreign_bind (xsub, "tcp", address);
    godwit__channel_t *publisher = publisher_to (address);
    foreign_key (news + 1, 1);
    foreign_send (xsub, news, sizeof news, false);
    UNTIL (&engine, zmq_recv (xsub, publication, 1, ZMQ_DONTWAIT) < 0 && !channel_is_empty (publisher));
    make_publication (publication, 1, "this");
    channel_publish (&engine, publisher, publication, sizeof publication);
    foreign_expect (&engine, xsub, publication, sizeof publication, false);
    news[0] = 0;
    foreign_send (xsub, news, sizeof news, false);
    expect_news (publisher, false, 1);
    publisher->ops->close (publisher);
    engine_close (&engine);
}

/* The engine is there first, and stays when the subscriber goes and comes back. */
Test (publications, a_publisher_connects_until_the_subscriber_is_there)
{
    static const char *const transports[] = {"tcp", "ipc"};
    for (int i = 0; i < 2; i++) {
        char address[FOREIGN_TEXT];
        uint8_t key[GODWIT__KEY_SIZE], publication[BODY];
        open_engine (transports[i]);
        if (i == 0)
            snprintf (address, sizeof address, "tcp://127.0.0.1:%d", zmtp_free_port ());
        else
            foreign_path (address, "late");
        godwit__channel_t *publisher = publisher_to (address);
        const int64_t end = foreign_now_ns () + 50 * GODWIT__NS_PER_MS; /* it is refused at least once */
        UNTIL (&engine, foreign_now_ns () >= end);
        for (int round = 0; round < 2; round++) {
            void *const sub = foreign_socket (ZMQ_SUB);
            foreign_key (key, 1);
            foreign_set_bytes (sub, ZMQ_SUBSCRIBE, key, sizeof key);
            UNTIL (&engine, zmq_bind (sub, address) == 0); /* the last one may still be closing */
            UNTIL (&engine,
                   zmq_recv (sub, publication, 1, ZMQ_DONTWAIT) < 0 && !channel_is_empty (publisher));
            make_publication (publication, 1, "here");
            channel_publish (&engine, publisher, publication, sizeof publication);
            foreign_expect (&engine, sub, publication, sizeof publication, false);
            foreign_close_socket (sub);
            expect_news (publisher, false, 1);
        }
        publisher->ops->close (publisher);
        engine_close (&engine);
    }
}

/* ---- a subscriber in bytes, of version 3.0 ---- */

Test (publications, subscribers_of_version_3_0_subscribe_by_message)
{
    char address[FOREIGN_TEXT];
    uint8_t news[2 + 1 + GODWIT__KEY_SIZE] = {0, 1 + GODWIT__KEY_SIZE, 1}, publication[BODY];
    uint8_t greeting[ZMTP_GREETING_SIZE], head[2], rest[256];
    open_engine ("tcp");
    const int listener = zmtp_listen (address, sizeof address);
    cr_assert_geq (listener, 0);
    godwit__channel_t *publisher = publisher_to (address);
    struct pollfd item = {listener, POLLIN, 0};
    UNTIL (&engine, poll (&item, 1, 0) == 1);
    const int fd = item.fd = zmtp_accept (listener);
    static const uint8_t ready[] = "\4\x19\5READY\xbSocket-Type\0\0\0\3SUB";
    zmtp_greeting (greeting);
    cr_assert (zmtp_write (fd, greeting, sizeof greeting) && zmtp_write (fd, ready, sizeof ready - 1));
    UNTIL (&engine, poll (&item, 1, 0) == 1);
    cr_assert (zmtp_read (fd, greeting, sizeof greeting));
    UNTIL (&engine, poll (&item, 1, 0) == 1);
    cr_assert (zmtp_read (fd, head, 2) && zmtp_read (fd, rest, head[1]));
    foreign_key (news + 3, 1);
    cr_assert (zmtp_write (fd, news, sizeof news));
    expect_news (publisher, true, 1);
    make_publication (publication, 1, "this");
    channel_publish (&engine, publisher, publication, sizeof publication);
    cr_assert (zmtp_read (fd, head, 2) && head[0] == 0 && head[1] == BODY && zmtp_read (fd, rest, BODY));
    cr_assert_eq (memcmp (rest, publication, BODY), 0);
    news[2] = 0;
    cr_assert (zmtp_write (fd, news, sizeof news));
    expect_news (publisher, false, 1);

    /* What is no subscription ends the connection, and the publisher comes again. */
    cr_assert (zmtp_write (fd, "\0\3abc", 5));
    UNTIL (&engine, engine.ended);
    cr_assert (strstr (engine.reason, "no subscription"), "%s", engine.reason);
    cr_assert_str_eq (engine.at, address);
    cr_assert_str_eq (engine.peer, "");
    item.fd = listener;
    UNTIL (&engine, poll (&item, 1, 0) == 1);
    close (fd);
    close (listener);
    publisher->ops->close (publisher);
    engine_close (&engine);
}
