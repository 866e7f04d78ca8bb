/* SPDX-License-Identifier: Apache-2.0 */
/* CURVE with libzmq's own sockets, in both roles and of all types: the engine's handshake and its boxes on a
 * plain socket, which the test reads and writes. */
#include "drivers/zmtp/frame.h"
#include "drivers/zmtp/handshake.h"
#include "tests/interop/foreign.h"
#include "tests/support/curve_peer.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DOOR = 1, OTHER_DOOR, OWN, FOREIGN };

static engine_t engine; /* has no channel: it is here to wait with */
static godwit__keyring_t *keyring;
static int listener;
static char listens_at[FOREIGN_TEXT];

static void
open_all (void)
{
    const godwit__driver_options_t options = engine_options ();
    foreign_open ();
    engine_open (&engine, &options);
    keyring = curve_keyring (DOOR, 0, OWN);
    listener = zmtp_listen (listens_at, sizeof listens_at);
    cr_assert_geq (listener, 0);
}

static void
close_all (void)
{
    close (listener);
    engine_close (&engine);
    foreign_close ();
}

TestSuite (curve, .init = open_all, .fini = close_all, .timeout = 60);

/* ---- the engine's end ---- */

typedef struct end {
    godwit__zmtp_handshake_config_t config;
    godwit__zmtp_handshake_t handshake;
    godwit__zmtp_box_t box;
    int fd;
    bool is_hung_up;    /* by libzmq, during the handshake */
    uint8_t rest[4096]; /* came behind the handshake */
    size_t rest_size, rest_read;
} end_t;

/* Writes what waits, and reads what comes, until the handshake has an end. */
static void
speak (end_t *end)
{
    do {
        size_t size, consumed = 0;
        const uint8_t *const out = godwit__zmtp_handshake_out (&end->handshake, &size);
        if (!zmtp_write (end->fd, out, size))
            end->is_hung_up = true;
        godwit__zmtp_handshake_sent (&end->handshake, size);
        if (end->handshake.state != GODWIT__ZMTP_HANDSHAKE_MORE || end->is_hung_up)
            return;
        struct pollfd item = {end->fd, POLLIN, 0};
        cr_assert_eq (poll (&item, 1, ZMTP_WAIT_LIMIT_MS), 1, "it waits in vain for %s",
                      godwit__zmtp_handshake_missing (&end->handshake));
        const ssize_t got = recv (end->fd, end->rest, sizeof end->rest, 0);
        end->is_hung_up = got <= 0;
        if (got > 0) {
            godwit__zmtp_handshake_feed (&end->handshake, end->rest, (size_t) got, &consumed);
            end->rest_read = consumed;
            end->rest_size = (size_t) got;
        }
    } while (!end->is_hung_up);
}

static void
shake_hands (end_t *end, int fd, bool accepts, godwit__zmtp_socket_t socket, godwit__keyring_t *keys)
{
    *end = (end_t){
        .config = {.mechanism = &godwit__zmtp_curve, .keyring = keys, .accepts = accepts, .socket = socket},
        .fd = fd};
    cr_assert_geq (fd, 0);
    cr_assert_eq (godwit__zmtp_handshake_init (&end->handshake, &end->config), GODWIT_OK);
    speak (end);
}

/* It has to succeed, with a peer of this type. */
static void
meet (end_t *end, int fd, bool accepts, godwit__zmtp_socket_t socket, godwit__zmtp_socket_t peer)
{
    shake_hands (end, fd, accepts, socket, keyring);
    cr_assert_eq (end->handshake.state, GODWIT__ZMTP_HANDSHAKE_DONE, "%s; missing: %s",
                  godwit__zmtp_handshake_reason (&end->handshake),
                  godwit__zmtp_handshake_missing (&end->handshake));
    cr_assert (end->handshake.peer_socket == peer && !end->handshake.is_peer_engine);
    if (accepts)
        cr_assert (!memcmp (end->handshake.session.client, curve_pair (FOREIGN).open, CURVE_KEY));
    godwit__zmtp_curve.take_box (&end->handshake.session, &end->box);
}

static void
finish (end_t *end)
{
    godwit__zmtp_handshake_end (&end->handshake);
    godwit__zmtp_box_end (&end->box);
    close (end->fd);
}

static void
send_boxed (end_t *end, const void *data, size_t size, bool is_command)
{
    uint8_t head[GODWIT__ZMTP_LONG_HEAD];
    const size_t body_size = GODWIT__ZMTP_BOX_OVERHEAD + size;
    uint8_t *const body = malloc (body_size);
    cr_assert_not_null (body);
    if (size)
        memcpy (body + GODWIT__ZMTP_BOX_OVERHEAD, data, size);
    godwit__zmtp_box_seal (&end->box, body, size, is_command);
    cr_assert (zmtp_write (end->fd, head, godwit__zmtp_head_write (head, 0, body_size)));
    cr_assert (zmtp_write (end->fd, body, body_size));
    free (body);
}

static void
read_bytes (end_t *end, uint8_t *to, size_t size)
{
    const size_t kept = end->rest_size - end->rest_read;
    const size_t first = kept < size ? kept : size;
    memcpy (to, end->rest + end->rest_read, first);
    end->rest_read += first;
    cr_assert (zmtp_read (end->fd, to + first, size - first), "libzmq has hung up");
}

/* The next frame, which has to be a message frame, whatever is in it. The caller frees the payload. */
static zmtp_bytes_t
read_boxed (end_t *end, uint8_t *flags)
{
    uint8_t bytes[GODWIT__ZMTP_LONG_HEAD];
    godwit__zmtp_head_t head = {0};
    read_bytes (end, bytes, GODWIT__ZMTP_SHORT_HEAD);
    if (!godwit__zmtp_head_read (&head, bytes, GODWIT__ZMTP_SHORT_HEAD)) {
        read_bytes (end, bytes + GODWIT__ZMTP_SHORT_HEAD, GODWIT__ZMTP_LONG_HEAD - GODWIT__ZMTP_SHORT_HEAD);
        cr_assert (godwit__zmtp_head_read (&head, bytes, GODWIT__ZMTP_LONG_HEAD));
    }
    cr_assert_eq (head.flags & ~GODWIT__ZMTP_LONG, 0, "neither MORE nor COMMAND are seen from outside");
    uint8_t *const body = malloc ((size_t) head.body_size + 1);
    cr_assert_not_null (body);
    read_bytes (end, body, (size_t) head.body_size);
    const char *const wrong = godwit__zmtp_box_open (&end->box, body, (size_t) head.body_size, flags);
    cr_assert_null (wrong, "%s", wrong);
    const zmtp_bytes_t payload =
        zmtp_bytes_of (body + GODWIT__ZMTP_BOX_OVERHEAD, (size_t) head.body_size - GODWIT__ZMTP_BOX_OVERHEAD);
    free (body);
    return payload;
}

static void
expect_boxed (end_t *end, const void *data, size_t size, uint8_t expected_flags)
{
    uint8_t flags = 0xff;
    const zmtp_bytes_t payload = read_boxed (end, &flags);
    cr_assert_eq (flags, expected_flags);
    cr_assert_eq (payload.size, size);
    cr_assert (!memcmp (payload.data, data, size));
    free (payload.data);
}

/* ---- libzmq's ---- */

static void
be_server (void *socket, unsigned door)
{
    foreign_set (socket, ZMQ_CURVE_SERVER, 1);
    foreign_set_bytes (socket, ZMQ_CURVE_SECRETKEY, curve_pair (door).secret, CURVE_KEY);
}

static void
be_client (void *socket, unsigned door)
{
    foreign_set_bytes (socket, ZMQ_CURVE_SERVERKEY, curve_pair (door).open, CURVE_KEY);
    foreign_set_bytes (socket, ZMQ_CURVE_PUBLICKEY, curve_pair (FOREIGN).open, CURVE_KEY);
    foreign_set_bytes (socket, ZMQ_CURVE_SECRETKEY, curve_pair (FOREIGN).secret, CURVE_KEY);
}

/* A socket of libzmq that listens as server; *fd is connected to it. */
static void *
bound (int type, int *fd)
{
    char address[FOREIGN_TEXT];
    void *const socket = foreign_socket (type);
    be_server (socket, DOOR);
    foreign_bind (socket, "tcp", address);
    *fd = zmtp_connect (address);
    return socket;
}

/* One that has connected as client. */
static void *
connected (int type, int *fd)
{
    void *const socket = foreign_socket (type);
    be_client (socket, DOOR);
    cr_assert_eq (zmq_connect (socket, listens_at), 0);
    *fd = zmtp_accept (listener);
    return socket;
}

/* ---- messages ---- */

static uint8_t data[5 << 20];
static const size_t sizes[] = {0, 1, 33, 64, 222, 223, 255, 1024, 70000, 1 << 20, 5 << 20};

static void
fill (void)
{
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t) (i * 131 + (i >> 13));
}

Test (curve, messages_of_many_sizes_with_a_router)
{
    end_t end;
    int fd;
    uint8_t identity[64];
    void *const router = bound (ZMQ_ROUTER, &fd);
    fill ();
    meet (&end, fd, false, GODWIT__ZMTP_DEALER, GODWIT__ZMTP_ROUTER);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        send_boxed (&end, data, sizes[i], false);
        const size_t identity_size = foreign_take (&engine, router, identity, sizeof identity);
        foreign_expect (&engine, router, data, sizes[i], false);
        foreign_send (router, identity, identity_size, true);
        foreign_send (router, data, sizes[i], false);
        expect_boxed (&end, data, sizes[i], 0);
    }
    finish (&end);
}

Test (curve, messages_of_many_sizes_with_a_dealer)
{
    end_t end;
    int fd;
    void *const dealer = connected (ZMQ_DEALER, &fd);
    fill ();
    meet (&end, fd, true, GODWIT__ZMTP_ROUTER, GODWIT__ZMTP_DEALER);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        foreign_send (dealer, data, sizes[i], false);
        expect_boxed (&end, data, sizes[i], 0);
        send_boxed (&end, data, sizes[i], false);
        foreign_expect (&engine, dealer, data, sizes[i], false);
    }
    finish (&end);
}

Test (curve, parts_of_a_message_say_so_inside)
{
    end_t end;
    int fd;
    void *const dealer = connected (ZMQ_DEALER, &fd);
    meet (&end, fd, true, GODWIT__ZMTP_ROUTER, GODWIT__ZMTP_DEALER);
    foreign_send (dealer, "first", 5, true);
    foreign_send (dealer, "second", 6, false);
    expect_boxed (&end, "first", 5, GODWIT__ZMTP_BOX_MORE);
    expect_boxed (&end, "second", 6, 0);
    finish (&end);
}

/* ---- publications ---- */

static const uint8_t subscribe[] = "\11SUBSCRIBEtopic";
static const uint8_t cancel[] = "\6CANCELtopic";
#define SIZE_OF(text) (sizeof (text) - 1)

/* libzmq takes a new connection into a socket that listens only when the program uses the socket. */
static void
wait_for_bytes (const end_t *end, void *socket)
{
    struct pollfd item = {end->fd, POLLIN, 0};
    int events;
    size_t size = sizeof events;
    UNTIL (&engine,
           end->rest_read < end->rest_size ||
               (zmq_getsockopt (socket, ZMQ_EVENTS, &events, &size) == 0 && poll (&item, 1, 0) == 1));
}

Test (curve, an_xpub_of_the_engine_and_a_sub)
{
    for (int accepts = 0; accepts < 2; accepts++) {
        end_t end;
        int fd;
        void *const sub = accepts ? connected (ZMQ_SUB, &fd) : bound (ZMQ_SUB, &fd);
        cr_assert_eq (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "topic", 5), 0);
        meet (&end, fd, accepts, GODWIT__ZMTP_XPUB, GODWIT__ZMTP_SUB);
        wait_for_bytes (&end, sub);
        expect_boxed (&end, subscribe, SIZE_OF (subscribe), GODWIT__ZMTP_BOX_COMMAND);
        send_boxed (&end, "topic and more", 14, false);
        foreign_expect (&engine, sub, "topic and more", 14, false);
        cr_assert_eq (zmq_setsockopt (sub, ZMQ_UNSUBSCRIBE, "topic", 5), 0);
        expect_boxed (&end, cancel, SIZE_OF (cancel), GODWIT__ZMTP_BOX_COMMAND);
        finish (&end);
    }
}

Test (curve, a_sub_of_the_engine_and_publishers)
{
    for (int accepts = 0; accepts < 2; accepts++) {
        end_t end;
        int fd;
        void *const xpub = accepts ? connected (ZMQ_XPUB, &fd) : bound (ZMQ_XPUB, &fd);
        meet (&end, fd, accepts, GODWIT__ZMTP_SUB, GODWIT__ZMTP_XPUB);
        send_boxed (&end, subscribe, SIZE_OF (subscribe), true);
        foreign_expect (&engine, xpub, "\1topic", 6, false);
        foreign_send (xpub, "other", 5, false);
        foreign_send (xpub, "topic 1", 7, false);
        expect_boxed (&end, "topic 1", 7, 0);
        send_boxed (&end, cancel, SIZE_OF (cancel), true);
        foreign_expect (&engine, xpub, "\0topic", 6, false);
        finish (&end);
    }
}

Test (curve, a_sub_of_the_engine_and_a_pub)
{
    end_t end;
    int fd;
    void *const pub = connected (ZMQ_PUB, &fd);
    meet (&end, fd, true, GODWIT__ZMTP_SUB, GODWIT__ZMTP_PUB);
    send_boxed (&end, subscribe, SIZE_OF (subscribe), true);
    /* A PUB does not say when it has read that. */
    struct pollfd item = {fd, POLLIN, 0};
    UNTIL (&engine, (foreign_send (pub, "topic 1", 7, false), poll (&item, 1, 0) == 1));
    expect_boxed (&end, "topic 1", 7, 0);
    finish (&end);
}

/* ---- commands ---- */

Test (curve, a_ping_of_libzmq_comes_in_a_box_and_a_pong_keeps_the_connection)
{
    end_t end;
    int fd;
    void *const dealer = foreign_socket (ZMQ_DEALER);
    foreign_set (dealer, ZMQ_HEARTBEAT_IVL, 50);
    foreign_set (dealer, ZMQ_HEARTBEAT_TIMEOUT, 5000);
    be_client (dealer, DOOR);
    cr_assert_eq (zmq_connect (dealer, listens_at), 0);
    fd = zmtp_accept (listener);
    meet (&end, fd, true, GODWIT__ZMTP_ROUTER, GODWIT__ZMTP_DEALER);
    for (int i = 0; i < 3; i++) {
        uint8_t flags = 0xff;
        const zmtp_bytes_t ping = read_boxed (&end, &flags);
        cr_assert (flags == GODWIT__ZMTP_BOX_COMMAND && ping.size >= 7 && !memcmp (ping.data, "\4PING", 5));
        send_boxed (&end, "\4PONG", 5, true);
        free (ping.data);
    }
    send_boxed (&end, "still here", 10, false);
    foreign_expect (&engine, dealer, "still here", 10, false);
    finish (&end);
}

Test (curve, a_ping_of_the_engine_is_answered_with_its_context)
{
    end_t end;
    int fd;
    bound (ZMQ_ROUTER, &fd);
    meet (&end, fd, false, GODWIT__ZMTP_DEALER, GODWIT__ZMTP_ROUTER);
    send_boxed (&end, "\4PING\0\0context", 14, true);
    expect_boxed (&end, "\4PONGcontext", 12, GODWIT__ZMTP_BOX_COMMAND);
    finish (&end);
}

/* ---- numbers ---- */

Test (curve, libzmq_takes_numbers_that_are_greater_and_no_others)
{
    end_t end;
    int fd;
    void *const dealer = connected (ZMQ_DEALER, &fd);
    meet (&end, fd, true, GODWIT__ZMTP_ROUTER, GODWIT__ZMTP_DEALER);
    end.box.sent += 1000;
    send_boxed (&end, "later", 5, false);
    foreign_expect (&engine, dealer, "later", 5, false);
    end.box.sent--;
    send_boxed (&end, "again", 5, false);
    cr_assert (zmtp_wait_hung_up (fd));
    finish (&end);
}

/* ---- refused ---- */

Test (curve, libzmq_with_another_door_is_refused)
{
    end_t end;
    void *const dealer = foreign_socket (ZMQ_DEALER);
    void *const ended = foreign_monitor (dealer, ZMQ_EVENT_DISCONNECTED);
    be_client (dealer, OTHER_DOOR);
    cr_assert_eq (zmq_connect (dealer, listens_at), 0);
    shake_hands (&end, zmtp_accept (listener), true, GODWIT__ZMTP_ROUTER, keyring);
    cr_assert_eq (end.handshake.state, GODWIT__ZMTP_HANDSHAKE_FAILED);
    cr_assert (strstr (godwit__zmtp_handshake_reason (&end.handshake), "it knocked at another door"));
    cr_assert_not (godwit__zmtp_handshake_tells (&end.handshake));
    finish (&end);
    UNTIL (&engine, foreign_events (ended));
}

Test (curve, libzmq_refuses_who_knocks_at_another_door)
{
    end_t end;
    char address[FOREIGN_TEXT];
    void *const router = foreign_socket (ZMQ_ROUTER);
    void *const refused = foreign_monitor (router, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
    be_server (router, OTHER_DOOR);
    foreign_bind (router, "tcp", address);
    shake_hands (&end, zmtp_connect (address), false, GODWIT__ZMTP_DEALER, keyring);
    cr_assert (end.is_hung_up && end.handshake.state == GODWIT__ZMTP_HANDSHAKE_MORE);
    cr_assert (godwit__zmtp_handshake_is_at_door (&end.handshake));
    cr_assert_str_eq (godwit__zmtp_handshake_missing (&end.handshake), "its WELCOME");
    UNTIL (&engine, foreign_events (refused));
    finish (&end);
}

/* The keyring's second door is the right one: the same end tries again, as a link would. */
Test (curve, the_second_door_is_tried_where_the_first_was_refused)
{
    end_t end;
    char address[FOREIGN_TEXT];
    void *const router = foreign_socket (ZMQ_ROUTER);
    be_server (router, OTHER_DOOR);
    foreign_bind (router, "tcp", address);
    keyring = curve_keyring (DOOR, OTHER_DOOR, OWN);
    shake_hands (&end, zmtp_connect (address), false, GODWIT__ZMTP_DEALER, keyring);
    cr_assert (godwit__zmtp_handshake_is_at_door (&end.handshake));
    finish (&end);
    end = (end_t){.config = {.mechanism = &godwit__zmtp_curve, .keyring = keyring},
                  .fd = zmtp_connect (address)};
    cr_assert_eq (godwit__zmtp_handshake_init (&end.handshake, &end.config), GODWIT_OK);
    end.handshake.session.door = 1;
    speak (&end);
    cr_assert_eq (end.handshake.state, GODWIT__ZMTP_HANDSHAKE_DONE);
    finish (&end);
}

Test (curve, libzmq_without_curve_is_refused_and_refuses)
{
    end_t end;
    void *const dealer = foreign_socket (ZMQ_DEALER);
    cr_assert_eq (zmq_connect (dealer, listens_at), 0);
    shake_hands (&end, zmtp_accept (listener), true, GODWIT__ZMTP_ROUTER, keyring);
    cr_assert (end.is_hung_up ||
               strstr (godwit__zmtp_handshake_reason (&end.handshake), "\"NULL\", here \"CURVE\""));
    cr_assert_neq (end.handshake.state, GODWIT__ZMTP_HANDSHAKE_DONE);
    finish (&end);
    zmq_disconnect (dealer, listens_at);

    char address[FOREIGN_TEXT];
    foreign_bind (foreign_socket (ZMQ_ROUTER), "tcp", address);
    shake_hands (&end, zmtp_connect (address), false, GODWIT__ZMTP_DEALER, keyring);
    cr_assert_neq (end.handshake.state, GODWIT__ZMTP_HANDSHAKE_DONE);
    cr_assert_not (godwit__zmtp_handshake_is_at_door (&end.handshake), "that is no question of doors");
    finish (&end);
}

static const char *
refuse (void *user, const godwit__zmtp_property_t *property)
{
    (void) user, (void) property;
    return "no-certificate";
}

/* A plain libzmq program that has got the door, and no certificate. */
Test (curve, libzmq_that_is_refused_by_its_properties_is_told_why)
{
    end_t end = {.config = {.mechanism = &godwit__zmtp_curve,
                            .keyring = keyring,
                            .accepts = true,
                            .socket = GODWIT__ZMTP_ROUTER,
                            .check = refuse}};
    void *const dealer = foreign_socket (ZMQ_DEALER);
    void *const ended = foreign_monitor (dealer, ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED);
    be_client (dealer, DOOR);
    cr_assert_eq (zmq_connect (dealer, listens_at), 0);
    end.fd = zmtp_accept (listener);
    cr_assert_eq (godwit__zmtp_handshake_init (&end.handshake, &end.config), GODWIT_OK);
    speak (&end);
    cr_assert_str_eq (godwit__zmtp_handshake_reason (&end.handshake), "no-certificate");
    cr_assert (godwit__zmtp_handshake_tells (&end.handshake));
    /* It reads the ERROR, and closes. */
    cr_assert (zmtp_wait_hung_up (end.fd));
    UNTIL (&engine, foreign_events (ended));
    finish (&end);
}
