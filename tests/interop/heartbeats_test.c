/* SPDX-License-Identifier: Apache-2.0 */
/* PING and PONG between the engine and libzmq, and bytes. */
#include "tests/interop/foreign.h"

#include <poll.h>
#include <unistd.h>

TestSuite (heartbeats, .init = foreign_open, .fini = foreign_close, .timeout = 60);

enum { IVL_MS = 20, TIMEOUT_MS = 400 };

static engine_t engine;
static foreign_port_t port;

/* A socket that gives up whoever does not answer it within TIMEOUT_MS. */
static void *
impatient (int type)
{
    void *const socket = foreign_socket (type);
    foreign_set (socket, ZMQ_HEARTBEAT_IVL, IVL_MS);
    foreign_set (socket, ZMQ_HEARTBEAT_TIMEOUT, TIMEOUT_MS);
    foreign_set (socket, ZMQ_HEARTBEAT_TTL, 60000);
    return socket;
}

/* Three times as long as either end waits for a sign of life. */
static void
pass_three_timeouts (void)
{
    const int64_t end = foreign_now_ns () + 3 * TIMEOUT_MS * GODWIT__NS_PER_MS;
    UNTIL (&engine, foreign_now_ns () >= end);
}

Test (heartbeats, of_a_dealer_are_answered)
{
    const godwit__driver_options_t options = engine_options (); /* of 5 s: it says nothing by itself */
    engine_open (&engine, &options);
    port_open (&port, &engine, NULL);
    for (size_t i = 0; i < port.addresses.link_count; i++) {
        void *const dealer = impatient (ZMQ_DEALER);
        void *const ended = foreign_monitor (dealer, ZMQ_EVENT_DISCONNECTED);
        cr_assert_eq (zmq_connect (dealer, port.addresses.links[i]), 0);
        foreign_send (dealer, "one", 3, false);
        const godwit__routing_id_t id = channel_expect (&engine, port.channel, "one", 3);
        const int64_t end = foreign_now_ns () + 3 * TIMEOUT_MS * GODWIT__NS_PER_MS;
        UNTIL (&engine, channel_is_empty (port.channel) && foreign_now_ns () >= end);
        cr_assert_eq (foreign_events (ended), 0);
        foreign_send (dealer, "two", 3, false);
        cr_assert_eq (channel_expect (&engine, port.channel, "two", 3), id);
    }
    cr_assert_eq (engine.ended, 0);
    port_close (&port);
    engine_close (&engine);
}

/* Both ends ask. The link is read by the reactor, as an idle client's is. */
static void
on_ready (godwit__source_t *source)
{
    cr_assert (channel_is_empty (source->user));
}

Test (heartbeats, of_a_router_and_of_a_link)
{
    char address[FOREIGN_TEXT], id[FOREIGN_TEXT];
    foreign_link_t link;
    godwit__source_t source = {.ready = on_ready};
    godwit__driver_options_t options = engine_options ();
    options.heartbeat_ms = IVL_MS;
    options.heartbeat_timeout_ms = TIMEOUT_MS;
    engine_open (&engine, &options);
    void *const router = impatient (ZMQ_ROUTER);
    void *const ended = foreign_monitor (router, ZMQ_EVENT_DISCONNECTED);
    foreign_bind (router, "tcp", address);
    link_open (&link, &engine, address);
    UNTIL (&engine, link.ups);
    source.user = link.channel;
    cr_assert_eq (link.channel->ops->attach (link.channel, engine.reactor, &source, NULL), GODWIT_OK);
    pass_three_timeouts ();
    cr_assert_eq (foreign_events (ended), 0);
    cr_assert_eq (link.downs, 0);
    channel_send (&engine, link.channel, 0, "still", 5);
    foreign_take (&engine, router, id, sizeof id);
    foreign_expect (&engine, router, "still", 5, false);
    link.channel->ops->detach (link.channel);
    link_close (&link);
    engine_close (&engine);
}

/* A link that another program does not answer is down; a router of libzmq answers, so bytes do not. */
Test (heartbeats, a_port_gives_up_whoever_is_silent)
{
    godwit__driver_options_t options = engine_options ();
    options.heartbeat_ms = IVL_MS;
    options.heartbeat_timeout_ms = TIMEOUT_MS;
    engine_open (&engine, &options);
    port_open (&port, &engine, NULL);
    void *const dealer = foreign_socket (ZMQ_DEALER); /* says nothing by itself, but answers */
    void *const ended = foreign_monitor (dealer, ZMQ_EVENT_DISCONNECTED);
    cr_assert_eq (zmq_connect (dealer, port.addresses.links[1]), 0);
    foreign_send (dealer, "one", 3, false);
    channel_expect (&engine, port.channel, "one", 3);
    const int64_t end = foreign_now_ns () + 3 * TIMEOUT_MS * GODWIT__NS_PER_MS;
    UNTIL (&engine, channel_is_empty (port.channel) && foreign_now_ns () >= end);
    cr_assert_eq (foreign_events (ended), 0);
    cr_assert_eq (engine.ended, 0, "silence is not the peer's fault");
    port_close (&port);
    engine_close (&engine);
}

static int
connect_dealer (const char *address)
{
    static const uint8_t ready[] = "\4\x1c\5READY\xbSocket-Type\0\0\0\6DEALER";
    uint8_t bytes[ZMTP_GREETING_SIZE + sizeof ready - 1], head[2], rest[256];
    const int fd = zmtp_connect (address);
    cr_assert_geq (fd, 0);
    zmtp_greeting (bytes);
    memcpy (bytes + ZMTP_GREETING_SIZE, ready, sizeof ready - 1);
    bytes[ZMTP_GREETING_SIZE + 1] = sizeof ready - 3;
    cr_assert (zmtp_write (fd, bytes, sizeof bytes));
    struct pollfd item = {fd, POLLIN, 0};
    UNTIL (&engine, poll (&item, 1, 0) == 1);
    cr_assert (zmtp_read (fd, bytes, ZMTP_GREETING_SIZE));
    UNTIL (&engine, poll (&item, 1, 0) == 1);
    cr_assert (zmtp_read (fd, head, 2) && zmtp_read (fd, rest, head[1]));
    return fd;
}

Test (heartbeats, the_context_of_a_ping_comes_back)
{
    static const char contexts[][17] = {"", "x", "0123456789abcdef"};
    const godwit__driver_options_t options = engine_options ();
    engine_open (&engine, &options);
    port_open (&port, &engine, NULL);
    for (size_t i = 0; i < sizeof contexts / sizeof contexts[0]; i++) {
        const int fd = connect_dealer (port.addresses.links[i % 2]);
        const size_t size = strlen (contexts[i]);
        uint8_t ping[32] = {4, (uint8_t) (7 + size), 4, 'P', 'I', 'N', 'G', 0, 100}, pong[32];
        memcpy (ping + 9, contexts[i], size);
        cr_assert (zmtp_write (fd, ping, 9 + size));
        struct pollfd item = {fd, POLLIN, 0};
        UNTIL (&engine, channel_is_empty (port.channel) && poll (&item, 1, 0) == 1);
        cr_assert (zmtp_read (fd, pong, 7 + size));
        cr_assert_eq (pong[1], 5 + size);
        cr_assert_eq (memcmp (pong + 2, "\4PONG", 5), 0);
        cr_assert_eq (memcmp (pong + 7, contexts[i], size), 0);
        close (fd);
    }
    port_close (&port);
    engine_close (&engine);
}

/* A peer says in a PING how long it wants to be believed alive; here 0.2 s, where the port's own limit is a
 * minute. Then it says nothing more. */
Test (heartbeats, the_time_to_live_of_a_ping_holds)
{
    static const uint8_t ping[] = {4, 7, 4, 'P', 'I', 'N', 'G', 0, 2};
    godwit__driver_options_t options = engine_options ();
    options.heartbeat_ms = 100;
    options.heartbeat_timeout_ms = 60000;
    engine_open (&engine, &options);
    port_open (&port, &engine, NULL);
    const int fd = connect_dealer (port.addresses.links[1]);
    const int64_t start = foreign_now_ns ();
    cr_assert (zmtp_write (fd, ping, sizeof ping));
    struct pollfd item = {fd, POLLRDHUP, 0};
    UNTIL (&engine, channel_is_empty (port.channel) && poll (&item, 1, 0) == 1);
    cr_assert_geq (foreign_now_ns () - start, 200 * GODWIT__NS_PER_MS);
    close (fd);
    port_close (&port);
    engine_close (&engine);
}
