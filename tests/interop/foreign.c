/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/interop/foreign.h"
#include "tests/support/must.h"

#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int64_t
foreign_now_ns (void)
{
    return godwit__clock_now (&godwit__clock_system);
}

enum { SOCKETS = 64 };

static void *context;
static void *sockets[SOCKETS];
static int socket_count;
static char folder[] = "/tmp/godwit-interop-XXXXXX";

/* ---- the engine ---- */

static void
on_ended (void *user, const char *at, const char *peer, const char *reason)
{
    engine_t *engine = user;
    engine->ended++;
    snprintf (engine->at, sizeof engine->at, "%s", at);
    snprintf (engine->peer, sizeof engine->peer, "%s", peer ? peer : "");
    snprintf (engine->reason, sizeof engine->reason, "%s", reason);
}

godwit__driver_options_t
engine_options (void)
{
    return (godwit__driver_options_t){.max_message_size = FOREIGN_MAX_MESSAGE,
                                      .queue_limit = 1000,
                                      .connect_timeout_ms = 10000,
                                      .heartbeat_ms = 5000,
                                      .heartbeat_timeout_ms = 15000,
                                      .host = "127.0.0.1", /* so ports listen by ipc and by tcp */
                                      .runtime_dir = folder,
                                      .virtual_host = "",
                                      .insecure = true};
}

void
engine_open (engine_t *engine, const godwit__driver_options_t *options)
{
    godwit__driver_options_t mine = *options;
    *engine = (engine_t){.ended = 0};
    cr_assert_eq (godwit__reactor_new (&engine->reactor, &godwit__clock_system, NULL), GODWIT_OK);
    mine.reactor = engine->reactor;
    mine.ended = on_ended;
    mine.stranger_user = engine;
    cr_assert_eq (godwit__zmtp_driver.open (&engine->driver, &mine, NULL), GODWIT_OK);
}

void
engine_close (engine_t *engine)
{
    engine->driver->ops->close (engine->driver);
    godwit__reactor_destroy (&engine->reactor);
}

void
engine_turn (const engine_t *engine)
{
    struct pollfd item = {godwit__reactor_fd (engine->reactor), POLLIN, 0};
    poll (&item, 1, 1);
    godwit__reactor_run_once (engine->reactor, 0);
}

void
port_open (foreign_port_t *port, engine_t *engine, const char *at)
{
    port->engine = engine;
    MUST (engine->driver->ops->open_port (engine->driver, at, &port->channel, &port->addresses, &error));
}

void
port_close (foreign_port_t *port)
{
    port->channel->ops->close (port->channel);
}

static void
on_up (void *user)
{
    ((foreign_link_t *) user)->ups++;
}

static void
on_down (void *user, const char *reason)
{
    foreign_link_t *link = user;
    link->downs++;
    link->reason = reason;
}

void
link_open (foreign_link_t *link, engine_t *engine, const char *address)
{
    static const godwit__link_events_t events = {.up = on_up, .down = on_down};
    *link = (foreign_link_t){.engine = engine};
    cr_assert_eq (
        engine->driver->ops->open_link (engine->driver, address, &events, link, &link->channel, NULL),
        GODWIT_OK);
}

void
link_close (foreign_link_t *link)
{
    link->channel->ops->close (link->channel);
}

void
channel_send (engine_t *engine, godwit__channel_t *channel, godwit__routing_id_t routing_id, const void *data,
              size_t size)
{
    const godwit__message_t message = {.data = (void *) (uintptr_t) data, .size = size};
    godwit__io_t io;
    UNTIL (engine, (io = channel->ops->send (channel, routing_id, &message)) != GODWIT__IO_AGAIN);
    cr_assert_eq (io, GODWIT__IO_OK);
}

void
channel_publish (engine_t *engine, godwit__channel_t *publisher, const void *data, size_t size)
{
    const godwit__message_t message = {.data = (void *) (uintptr_t) data, .size = size};
    cr_assert_eq (engine->driver->ops->publish (publisher, &message), GODWIT__IO_OK);
    publisher->ops->flush (publisher, 0);
}

godwit__routing_id_t
channel_expect (engine_t *engine, godwit__channel_t *channel, const void *data, size_t size)
{
    godwit__frame_t frame;
    godwit__routing_id_t routing_id = 0;
    godwit__io_t io;
    UNTIL (engine, (io = channel->ops->recv (channel, &frame, &routing_id)) != GODWIT__IO_AGAIN);
    cr_assert_eq (io, GODWIT__IO_OK);
    cr_assert_eq (frame.size, size, "%zu bytes instead of %zu", frame.size, size);
    cr_assert (!size || memcmp (frame.data, data, size) == 0, "other bytes came than were sent");
    godwit__frame_release (&frame);
    return routing_id;
}

bool
channel_is_empty (godwit__channel_t *channel)
{
    godwit__frame_t frame;
    godwit__routing_id_t routing_id;
    const godwit__io_t io = channel->ops->recv (channel, &frame, &routing_id);
    if (io == GODWIT__IO_OK)
        godwit__frame_release (&frame);
    return io != GODWIT__IO_OK;
}

/* ---- libzmq ---- */

void
foreign_open (void)
{
    context = zmq_ctx_new ();
    cr_assert_not_null (context);
    cr_assert (mkdtemp (folder)); /* 0700 */
}

static int
remove_one (const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void) status, (void) kind, (void) walk;
    return remove (path);
}

/* Those that listen to monitors are closed before the sockets that these watch. In 4.3.4 an event that is
 * told at that moment loses the message with its address: so nothing is told any more. */
void
foreign_close (void)
{
    for (int i = 0; i < socket_count; i++)
        zmq_socket_monitor (sockets[i], NULL, 0);
    while (socket_count)
        zmq_close (sockets[--socket_count]);
    zmq_ctx_term (context);
    nftw (folder, remove_one, 4, FTW_DEPTH | FTW_PHYS);
}

void
foreign_path (char address[FOREIGN_TEXT], const char *name)
{
    snprintf (address, FOREIGN_TEXT, "ipc://%s/%s", folder, name);
}

void
foreign_close_socket (void *socket)
{
    int i = 0;
    while (i < socket_count && sockets[i] != socket)
        i++;
    cr_assert_lt (i, socket_count);
    sockets[i] = sockets[--socket_count];
    zmq_close (socket);
}

void *
foreign_socket (int type)
{
    cr_assert_lt (socket_count, SOCKETS);
    void *const socket = zmq_socket (context, type);
    cr_assert_not_null (socket);
    foreign_set (socket, ZMQ_LINGER, 0);
    sockets[socket_count++] = socket;
    return socket;
}

void
foreign_set_bytes (void *socket, int option, const void *data, size_t size)
{
    cr_assert_eq (zmq_setsockopt (socket, option, data, size), 0, "%s", zmq_strerror (zmq_errno ()));
}

void
foreign_set (void *socket, int option, int value)
{
    foreign_set_bytes (socket, option, &value, sizeof value);
}

void
foreign_bind (void *socket, const char *transport, char address[FOREIGN_TEXT])
{
    static int number;
    size_t size = FOREIGN_TEXT;
    if (strcmp (transport, "tcp") == 0) {
        snprintf (address, FOREIGN_TEXT, "tcp://127.0.0.1:*");
    } else {
        char name[32];
        snprintf (name, sizeof name, "foreign-%d", number++);
        foreign_path (address, name);
    }
    cr_assert_eq (zmq_bind (socket, address), 0, "%s: %s", address, zmq_strerror (zmq_errno ()));
    cr_assert_eq (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, address, &size), 0);
}

void
foreign_send (void *socket, const void *data, size_t size, bool more)
{
    cr_assert_eq (zmq_send (socket, data, size, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)), (int) size, "%s",
                  zmq_strerror (zmq_errno ()));
}

void
foreign_expect (const engine_t *engine, void *socket, const void *data, size_t size, bool more)
{
    zmq_msg_t message;
    zmq_msg_init (&message);
    UNTIL (engine, zmq_msg_recv (&message, socket, ZMQ_DONTWAIT) >= 0);
    cr_assert_eq (zmq_msg_size (&message), size, "%zu bytes instead of %zu", zmq_msg_size (&message), size);
    cr_assert (!size || memcmp (zmq_msg_data (&message), data, size) == 0, "other bytes came than were sent");
    cr_assert_eq (zmq_msg_more (&message) != 0, more, "the number of parts");
    zmq_msg_close (&message);
}

size_t
foreign_take (const engine_t *engine, void *socket, void *data, size_t size)
{
    int got;
    UNTIL (engine, (got = zmq_recv (socket, data, size, ZMQ_DONTWAIT)) >= 0);
    cr_assert_leq ((size_t) got, size);
    return (size_t) got;
}

void *
foreign_monitor (void *socket, int events)
{
    static int number;
    char address[64];
    snprintf (address, sizeof address, "inproc://monitor-%d", number++);
    cr_assert_eq (zmq_socket_monitor (socket, address, events), 0);
    void *const monitor = foreign_socket (ZMQ_PAIR);
    cr_assert_eq (zmq_connect (monitor, address), 0);
    return monitor;
}

int
foreign_events (void *monitor)
{
    char part[FOREIGN_TEXT];
    int count = 0;
    while (zmq_recv (monitor, part, sizeof part, ZMQ_DONTWAIT) >= 0) {
        zmq_recv (monitor, part, sizeof part, 0); /* its address */
        count++;
    }
    return count;
}

void
foreign_key (uint8_t key[GODWIT__KEY_SIZE], unsigned number)
{
    memset (key, 0, GODWIT__KEY_SIZE);
    key[0] = 1; /* as a message that subscribes begins */
    key[GODWIT__KEY_SIZE - 1] = (uint8_t) number;
}
