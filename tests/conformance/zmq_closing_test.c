/* SPDX-License-Identifier: Apache-2.0 */
/* The ZeroMQ driver closes while a foreign peer writes, which vanishes then. libzmq 4.3.4 has
 * stopped reading the connection by that time. What it writes to it now, a PING or the answer to one, ends
 * the process: "Assertion failed: !_io_error". */
#include "tests/conformance/driver_fixture.h"
#include "tests/support/zmtp.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const driver_conformance_t subject = {.ops = &godwit__zmq_driver, .address_count = 2};

TestSuite (zmq_closing, .timeout = 60);

enum { INTERVAL_MS = 20, ROUNDS = 2 };

static godwit__driver_options_t
options_of_transports (void)
{
    godwit__driver_options_t options = default_options ();
    options.heartbeat_ms = INTERVAL_MS;
    options.heartbeat_timeout_ms = 5000;
    options.unread_limit = 0;
    return options;
}

/* ---- the peer: writes as long as it may, reads nothing ---- */

static const char frame_and_ping[] = "\0\5hello\4\7\4PING\0\0";

typedef struct writer {
    pthread_t thread;
    int listener; /* -1: it connects */
    const char *address, *socket_type;
    atomic_int fd; /* -1: not yet */
} writer_t;

static void *
run_writer (void *argument)
{
    writer_t *writer = argument;
    const int fd = writer->listener < 0 ? zmtp_connect (writer->address) : zmtp_accept (writer->listener);
    if (fd >= 0 && zmtp_handshake (fd, writer->socket_type, NULL, 0)) {
        atomic_store (&writer->fd, fd);
        while (zmtp_write (fd, frame_and_ping, sizeof frame_and_ping - 1))
            ;
    }
    return NULL;
}

static void
start_writer (writer_t *writer)
{
    atomic_init (&writer->fd, -1);
    cr_assert_eq (pthread_create (&writer->thread, NULL, run_writer, writer), 0);
}

static void
vanish (writer_t *writer)
{
    const int fd = atomic_load (&writer->fd);
    cr_assert_geq (fd, 0);
    shutdown (fd, SHUT_RDWR); /* ends the thread */
    cr_assert_eq (pthread_join (writer->thread, NULL), 0);
    zmtp_vanish (fd);
}

/* More than the peer takes, so that something is left to be flushed. */
static void
fill_up (godwit__channel_t *channel, godwit__routing_id_t routing_id)
{
    static uint8_t data[256 * 1024];
    while (send_bytes (channel, routing_id, data, sizeof data) == GODWIT__IO_OK)
        ;
}

/* ---- a server, a client ---- */

Test (zmq_closing, a_server_that_writes_and_vanishes_while_its_link_is_closed)
{
    for (int round = 0; round < ROUNDS; round++) {
        const godwit__driver_options_t options = options_of_transports ();
        scene_t scene;
        char at[GODWIT__ADDRESS_SIZE];
        writer_t writer = {.listener = zmtp_listen (at, sizeof at), .socket_type = "ROUTER"};
        open_scene_with (&scene, &subject, 0, &options, &options);
        start_writer (&writer);
        test_link_t *link = add_link (&scene, at);
        expect_bytes (link->channel, "hello", 5);
        fill_up (link->channel, 0);
        close_link (link);
        poll (NULL, 0, INTERVAL_MS); /* it goes on writing to a link that is about to end */
        vanish (&writer);
        poll (NULL, 0, 5 * INTERVAL_MS);
        close (writer.listener);
        close_scene (&scene);
    }
}

Test (zmq_closing, a_client_that_writes_and_vanishes_while_its_port_is_closed)
{
    for (int round = 0; round < ROUNDS; round++) {
        const godwit__driver_options_t options = options_of_transports ();
        scene_t scene;
        open_scene_with (&scene, &subject, 0, &options, &options);
        writer_t writer = {.listener = -1, .address = scene.addresses.links[1], .socket_type = "DEALER"};
        start_writer (&writer);
        fill_up (scene.port, expect_bytes (scene.port, "hello", 5));
        close_port (&scene);
        poll (NULL, 0, INTERVAL_MS);
        vanish (&writer);
        poll (NULL, 0, 5 * INTERVAL_MS);
        close_scene (&scene);
    }
}

/* Nobody reads the news of its subscriptions while it floods with them. */
Test (zmq_closing, a_subscriber_that_floods_and_vanishes)
{
    for (int round = 0; round < ROUNDS; round++) {
        const godwit__driver_options_t options = options_of_transports ();
        side_t side;
        char at[GODWIT__ADDRESS_SIZE];
        godwit__channel_t *publisher;
        godwit__frame_t news;
        writer_t writer = {.listener = zmtp_listen (at, sizeof at), .socket_type = "SUB"};
        open_side (&side, &subject, &options);
        start_writer (&writer);
        cr_assert_eq (subject.ops->open_publisher (side.driver, &publisher, NULL), GODWIT_OK);
        cr_assert_eq (subject.ops->publisher_connect (publisher, at, NULL), GODWIT_OK);
        while (atomic_load (&writer.fd) < 0)
            poll (NULL, 0, 1);
        poll (NULL, 0, 5 * INTERVAL_MS); /* until nothing more is read, if there is a limit */
        vanish (&writer);
        poll (NULL, 0, INTERVAL_MS);
        while (publisher->ops->recv (publisher, &news, NULL) == GODWIT__IO_OK)
            godwit__frame_release (&news);
        publisher->ops->close (publisher);
        close (writer.listener);
        close_side (&side);
    }
}
