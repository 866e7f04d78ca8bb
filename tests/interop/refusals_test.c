/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that speak something else: who is told, and what this end says of it. */
#include "tests/interop/foreign.h"

#include <sys/socket.h>
#include <unistd.h>

TestSuite (refusals, .init = foreign_open, .fini = foreign_close, .timeout = 60);

static engine_t engine;
static foreign_port_t port;

static void
open_all (void)
{
    const godwit__driver_options_t options = engine_options ();
    engine_open (&engine, &options);
    port_open (&port, &engine, NULL);
}

/* Whatever was refused, others are served. */
static void
close_all (void)
{
    void *const dealer = foreign_socket (ZMQ_DEALER);
    cr_assert_eq (zmq_connect (dealer, port.addresses.links[1]), 0);
    foreign_send (dealer, "good", 4, false);
    channel_expect (&engine, port.channel, "good", 4);
    port_close (&port);
    engine_close (&engine);
}

enum { RECONNECT_MS = 10 };

/* A socket of this type at the port is refused, for this reason. */
static void
expect_refused (int type, const char *address, const char *says)
{
    void *const socket = foreign_socket (type);
    foreign_set (socket, ZMQ_RECONNECT_IVL, RECONNECT_MS);
    void *const ended = foreign_monitor (socket, ZMQ_EVENT_DISCONNECTED);
    cr_assert_eq (zmq_connect (socket, address), 0);
    EXPECT_ENDED (&port, says);
    UNTIL (&engine, foreign_events (ended));
}

Test (refusals, sockets_of_other_types)
{
    open_all ();
    for (size_t i = 0; i < port.addresses.link_count; i++) {
        const char *const address = port.addresses.links[i];
        expect_refused (ZMQ_REQ, address, "\"REQ\" does not speak with one of type ROUTER");
        expect_refused (ZMQ_PUSH, address, "\"PUSH\" does not speak with one of type ROUTER");
        expect_refused (ZMQ_ROUTER, address, "\"ROUTER\" does not speak with one of type ROUTER");
        expect_refused (ZMQ_PUB, address, "\"PUB\" does not speak with one of type ROUTER");
    }
    expect_refused (ZMQ_DEALER, port.addresses.fanout, "\"DEALER\" does not speak with one of type SUB");
    expect_refused (ZMQ_SUB, port.addresses.fanout, "\"SUB\" does not speak with one of type SUB");
    /* None comes back: libzmq does not try again where it was answered with ERROR. */
    const int64_t end = foreign_now_ns () + 20 * RECONNECT_MS * GODWIT__NS_PER_MS;
    UNTIL (&engine, foreign_now_ns () >= end);
    cr_assert_eq (engine.ended, 0);
    close_all ();
}

/* A link at a socket of another type: the link is down, with the reason. */
Test (refusals, links_to_sockets_of_other_types)
{
    static const int types[] = {ZMQ_DEALER, ZMQ_REP, ZMQ_PULL, ZMQ_SUB};
    const godwit__driver_options_t options = engine_options ();
    engine_open (&engine, &options);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        char address[FOREIGN_TEXT];
        foreign_link_t link;
        foreign_bind (foreign_socket (types[i]), "tcp", address);
        link_open (&link, &engine, address);
        UNTIL (&engine, link.downs);
        cr_assert_eq (link.ups, 0);
        cr_assert (link.reason && *link.reason);
        link_close (&link);
    }
    engine_close (&engine);
}

/* libzmq learns by the greeting of the port that another mechanism is spoken there, and hangs up before it
 * has said its own. */
Test (refusals, plain_and_curve)
{
    char public_key[41], secret_key[41];
    open_all ();
    cr_assert_eq (zmq_curve_keypair (public_key, secret_key), 0);
    for (size_t i = 0; i < port.addresses.link_count; i++) {
        void *const plain = foreign_socket (ZMQ_DEALER);
        foreign_set_bytes (plain, ZMQ_PLAIN_USERNAME, "ada", 3);
        foreign_set_bytes (plain, ZMQ_PLAIN_PASSWORD, "secret", 6);
        void *const curve = foreign_socket (ZMQ_DEALER);
        foreign_set_bytes (curve, ZMQ_CURVE_SERVERKEY, public_key, 40);
        foreign_set_bytes (curve, ZMQ_CURVE_PUBLICKEY, public_key, 40);
        foreign_set_bytes (curve, ZMQ_CURVE_SECRETKEY, secret_key, 40);
        void *const sockets[] = {plain, curve};
        for (int s = 0; s < 2; s++) {
            void *const refused = foreign_monitor (sockets[s], ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
            cr_assert_eq (zmq_connect (sockets[s], port.addresses.links[i]), 0);
            foreign_send (sockets[s], "never", 5, false);
            UNTIL (&engine, foreign_events (refused));
            zmq_disconnect (sockets[s], port.addresses.links[i]);
        }
    }
    cr_assert (channel_is_empty (port.channel));
    close_all ();
}

/* Bytes that are no ZMTP of version 3: the connection ends, whether or not they have said all. */
static void
expect_bytes_refused (const char *address, const void *bytes, size_t size, const char *says)
{
    const int fd = zmtp_connect (address);
    cr_assert_geq (fd, 0);
    cr_assert (zmtp_write (fd, bytes, size));
    EXPECT_ENDED (&port, says);
    cr_assert (zmtp_wait_hung_up (fd));
    close (fd);
}

Test (refusals, http_and_old_versions)
{
    static const char http[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    static const uint8_t v1[] = {1, 0}; /* an anonymous peer of ZMTP 1.0 */
    static const uint8_t v1_named[] = {6, 0, 'h', 'e', 'l', 'l', 'o'};
    static const uint8_t v2[] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 1, 5 /* DEALER */, 0, 0};
    open_all ();
    for (size_t i = 0; i < port.addresses.link_count; i++) {
        const char *const address = port.addresses.links[i];
        expect_bytes_refused (address, http, sizeof http - 1, "HTTP");
        expect_bytes_refused (address, v1, sizeof v1, "ZMTP 1.0");
        expect_bytes_refused (address, v1_named, sizeof v1_named, "no ZMTP");
        expect_bytes_refused (address, v2, sizeof v2, "ZMTP 2.0, here ZMTP 3.1 is spoken");
    }
    uint8_t plain[ZMTP_GREETING_SIZE];
    zmtp_greeting (plain);
    memcpy (plain + 12, "PLAIN", 5);
    expect_bytes_refused (port.addresses.links[0], plain, sizeof plain,
                          "the mechanism \"PLAIN\", here \"NULL\" is spoken");
    expect_bytes_refused (port.addresses.fanout, http, sizeof http - 1, "HTTP");
    close_all ();
}

/* ERROR says why, and then the connection is closed in order: no reset loses it. */
Test (refusals, the_reason_arrives_at_the_other_end)
{
    static const uint8_t ready[] = "\4\x19\5READY\xbSocket-Type\0\0\0\3REQ";
    uint8_t bytes[256];
    open_all ();
    const int fd = zmtp_connect (port.addresses.links[1]);
    zmtp_greeting (bytes);
    cr_assert (zmtp_write (fd, bytes, ZMTP_GREETING_SIZE));
    cr_assert (zmtp_write (fd, ready, sizeof ready - 1));
    EXPECT_ENDED (&port, "\"REQ\"");
    cr_assert (zmtp_read (fd, bytes, ZMTP_GREETING_SIZE));
    cr_assert (zmtp_read (fd, bytes, 2));
    const size_t size = bytes[1];
    cr_assert_eq (bytes[0], 4, "a short command");
    cr_assert (zmtp_read (fd, bytes, size));
    cr_assert_eq (memcmp (bytes, "\5ERROR", 6), 0);
    bytes[size] = '\0';
    cr_assert (strstr ((char *) bytes + 7, "REQ"), "%s", (char *) bytes + 7);
    cr_assert_eq (recv (fd, bytes, sizeof bytes, 0), 0, "an end in order");
    close (fd);
    close_all ();
}

Test (refusals, commands_that_are_wrong_after_the_handshake)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *says;
    } wrongs[] = {
        {"\4\6\4PING\0", 8, "a PING without a time to live"},
        {"\4\x19\4PING\0\0"
         "0123456789abcdefg"
         "h",
         27, "more than 16 bytes"},
        {"\4\6\5READY", 8, "READY twice"},
        {"\4\7\5ERROR\0", 9, "ERROR after the handshake"},
        {"\4\xb\11SUBSCRIBEx", 13, "subscribes where nothing is published"},
        {"\4\0", 2, "without a name"},
        {"\5\7\4PING\0\0", 9, "a command of several frames"},
        {"\x10\0", 2, "flags that ZMTP does not know"},
        {"\6\0\0\0\0\0\1\0\0", 9, "a command that is too large"},
    };
    open_all ();
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        const int fd = zmtp_connect (port.addresses.links[i % 2]);
        uint8_t greeting[ZMTP_GREETING_SIZE], head[2], rest[256];
        static const uint8_t ready[] = "\4\x1c\5READY\xbSocket-Type\0\0\0\6DEALER";
        static const uint8_t unknown[] = "\4\5\4JOIN\0\2ok"; /* ignored, and a message behind it is not */
        zmtp_greeting (greeting);
        cr_assert (zmtp_write (fd, greeting, sizeof greeting));
        uint8_t hello[sizeof ready - 1];
        memcpy (hello, ready, sizeof hello);
        hello[1] = sizeof hello - 2;
        cr_assert (zmtp_write (fd, hello, sizeof hello));
        cr_assert (zmtp_write (fd, unknown, sizeof unknown - 1));
        channel_expect (&engine, port.channel, "ok", 2);
        cr_assert (zmtp_read (fd, greeting, sizeof greeting) && zmtp_read (fd, head, 2) &&
                   zmtp_read (fd, rest, head[1]));
        cr_assert (zmtp_write (fd, wrongs[i].bytes, wrongs[i].size));
        UNTIL (&engine, channel_is_empty (port.channel) && engine.ended);
        EXPECT_ENDED (&port, wrongs[i].says);
        cr_assert (zmtp_wait_hung_up (fd));
        close (fd);
    }
    close_all ();
}
