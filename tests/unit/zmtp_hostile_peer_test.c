/* SPDX-License-Identifier: Apache-2.0 */
/* What the other end of a link, a port or a publisher of the engine may be: one that vanishes at each moment,
 * that never reads, that talks without end, that subscribes to everything. Plain sockets, and a clock that
 * the test moves. */
#include "src/interface/driver.h"
#include "tests/support/zmtp.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MIB ((size_t) 1024 * 1024)
#define LOW_MARK ((size_t) 128 * 1024) /* drivers/zmtp/stream.c */
#define ROUNDS 20000                   /* until what has to happen has happened */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTS_MEMORY false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define COUNTS_MEMORY false
#endif
#endif
#ifndef COUNTS_MEMORY
#define COUNTS_MEMORY true
#endif

/* ---- a socket that never runs dry ---- */

static struct {
    const void *unit; /* what comes again and again; NULL: nothing, all sockets are as they are */
    size_t size;
    unsigned reads; /* of any socket */
} endless;

ssize_t
recv (int fd, void *data, size_t size, int flags)
{
    endless.reads++;
    if (!endless.unit)
        return syscall (SYS_recvfrom, fd, data, size, flags, NULL, NULL);
    cr_assert_lt (endless.reads, 10000u, "a peer that talks without end is read without end");
    const size_t whole = size - size % endless.size;
    for (size_t at = 0; at < whole; at += endless.size)
        memcpy ((uint8_t *) data + at, endless.unit, endless.size);
    return (ssize_t) whole;
}

/* ---- the engine ---- */

static int64_t clock_ns = 1000000000;
static char folder[64];
static godwit__reactor_t *reactor;
static godwit__driver_t *driver;

static int64_t
now_ns (void *user)
{
    (void) user;
    return clock_ns;
}

static size_t
count_descriptors (void)
{
    size_t count = 0;
    DIR *const listing = opendir ("/proc/self/fd");
    while (listing && readdir (listing))
        count++;
    if (listing)
        closedir (listing);
    return count;
}

static size_t
count_memory (void)
{
    const struct mallinfo2 info = mallinfo2 ();
    return info.uordblks + info.hblkhd;
}

static void
set_up (void)
{
    static const godwit__clock_t test_clock = {.now_ns = now_ns};
    strcpy (folder, "/tmp/godwit-hostile-XXXXXX");
    cr_assert_not_null (mkdtemp (folder));
    cr_assert_eq (godwit__reactor_new (&reactor, &test_clock, NULL), GODWIT_OK);
    const godwit__driver_options_t options = {.reactor = reactor,
                                              .max_message_size = 8 * MIB,
                                              .queue_limit = 1000,
                                              .max_queue_size = MIB,
                                              .connect_timeout_ms = 5000,
                                              .heartbeat_ms = 500,
                                              .heartbeat_timeout_ms = 1500,
                                              .virtual_host = "",
                                              .runtime_dir = folder,
                                              .insecure = true};
    cr_assert_eq (godwit__zmtp_driver.open (&driver, &options, NULL), GODWIT_OK);
}

static void
tear_down (void)
{
    endless.unit = NULL;
    driver->ops->close (driver);
    godwit__reactor_destroy (&reactor);
    rmdir (folder);
}

TestSuite (zmtp_hostile_peer, .init = set_up, .fini = tear_down, .timeout = 60);

/* Lets the engine run, and a millisecond pass. */
static void
turn (void)
{
    godwit__reactor_run_once (reactor, 0);
    clock_ns += GODWIT__NS_PER_MS;
}

/* ---- the peer that listens ---- */

typedef struct listener {
    int fd;
    char address[64];
} listener_t;

static void
begin_listening (listener_t *listener)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    listener->fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert (listener->fd >= 0 && bind (listener->fd, (struct sockaddr *) &name, size) == 0 &&
               listen (listener->fd, 64) == 0 &&
               getsockname (listener->fd, (struct sockaddr *) &name, &size) == 0);
    snprintf (listener->address, sizeof listener->address, "tcp://127.0.0.1:%u", ntohs (name.sin_port));
}

static int
accept_one (const listener_t *listener)
{
    int fd = -1;
    for (int i = 0; i < ROUNDS && fd < 0; i++) {
        turn ();
        fd = accept4 (listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    }
    cr_assert_geq (fd, 0, "nobody connects");
    return fd;
}

/* What the peer says: its greeting, READY, and more. */
static size_t
write_script (uint8_t script[256], const char *socket_type, const void *more, size_t more_size)
{
    const size_t type_size = strlen (socket_type);
    uint8_t *at = script + ZMTP_GREETING_SIZE;
    zmtp_greeting (script);
    *at++ = 4;
    *at++ = (uint8_t) (6 + 12 + 4 + type_size);
    memcpy (at, "\5READY\xbSocket-Type\0\0\0", 21);
    at += 21;
    *at++ = (uint8_t) type_size;
    memcpy (at, socket_type, type_size);
    at += type_size;
    memcpy (at, more, more_size);
    return (size_t) (at - script) + more_size;
}

/* It goes at once: what it did not read is lost, and so is what is on its way. */
static void
reset (int fd)
{
    static const struct linger at_once = {1, 0};
    setsockopt (fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close (fd);
}

static void
shut (int fd)
{
    close (fd);
}

static void
shut_half (int fd)
{
    shutdown (fd, SHUT_WR);
    /* What the other end says meanwhile is read, until it is gone, too. */
    char room[4096];
    for (int i = 0; i < ROUNDS; i++) {
        turn ();
        const ssize_t count = syscall (SYS_recvfrom, fd, room, sizeof room, MSG_DONTWAIT, NULL, NULL);
        if (count == 0 || (count < 0 && errno != EAGAIN))
            break;
    }
    close (fd);
}

static void (*const ways_to_vanish[]) (int fd) = {reset, shut, shut_half};

/* ---- links ---- */

typedef struct test_link {
    godwit__channel_t *channel;
    int ups, downs;
} test_link_t;

static void
on_up (void *user)
{
    ((test_link_t *) user)->ups++;
}

static void
on_down (void *user, const char *reason)
{
    cr_assert_not_null (reason);
    ((test_link_t *) user)->downs++;
}

static void
open_test_link (test_link_t *link, const char *address)
{
    static const godwit__link_events_t events = {.up = on_up, .down = on_down};
    *link = (test_link_t){.channel = NULL};
    cr_assert_eq (driver->ops->open_link (driver, address, &events, link, &link->channel, NULL), GODWIT_OK);
}

static godwit__io_t
take (const test_link_t *link)
{
    godwit__frame_t frame;
    const godwit__io_t io = link->channel->ops->recv (link->channel, &frame, NULL);
    if (io == GODWIT__IO_OK)
        godwit__frame_release (&frame);
    return io;
}

static void
wait_down (const test_link_t *link)
{
    godwit__io_t io = GODWIT__IO_AGAIN;
    for (int i = 0; i < ROUNDS && !(link->downs && io == GODWIT__IO_CLOSED); i++) {
        turn ();
        io = take (link);
    }
    cr_assert_eq (link->downs, 1);
    cr_assert_eq (io, GODWIT__IO_CLOSED);
}

static void
wait_up (const test_link_t *link)
{
    for (int i = 0; i < ROUNDS && !link->ups; i++)
        turn ();
    cr_assert_eq (link->ups, 1);
}

/* Nobody writes to a peer that is gone as if it was there: each send is refused in the end. */
static void
say_something (const test_link_t *link)
{
    static char text[3000];
    const godwit__message_t message = {.data = text, .size = sizeof text};
    link->channel->ops->send (link->channel, 0, &message);
}

Test (zmtp_hostile_peer, a_server_vanishes_after_each_byte_in_each_way)
{
    static const uint8_t frames[] = "\4\7\4PING\0\0\0\5hello\4\7\4PING\0\1";
    uint8_t script[256];
    const size_t size = write_script (script, "ROUTER", frames, sizeof frames - 1);
    listener_t listener;
    begin_listening (&listener);
    const size_t before = count_descriptors ();
    for (size_t way = 0; way < sizeof ways_to_vanish / sizeof *ways_to_vanish; way++) {
        for (size_t said = 0; said <= size; said++) {
            test_link_t link;
            open_test_link (&link, listener.address);
            const int fd = accept_one (&listener);
            cr_assert (zmtp_write (fd, script, said));
            for (size_t i = 0; i < said % 5; i++)
                turn ();
            say_something (&link);
            ways_to_vanish[way](fd);
            say_something (&link); /* libzmq ends the process here, at the next heartbeat */
            wait_down (&link);
            link.channel->ops->close (link.channel);
        }
    }
    for (int i = 0; i < ROUNDS && count_descriptors () > before; i++)
        turn ();
    cr_assert_eq (count_descriptors (), before);
    close (listener.fd);
}

/* The same from this end: it is closed after each step, with something to be written, and the peer goes then,
 * too. */
Test (zmtp_hostile_peer, a_link_is_closed_after_each_byte_and_its_server_vanishes)
{
    uint8_t script[256];
    const size_t size = write_script (script, "ROUTER", "\0\5hello", 7);
    listener_t listener;
    begin_listening (&listener);
    const size_t before = count_descriptors ();
    for (size_t way = 0; way < sizeof ways_to_vanish / sizeof *ways_to_vanish; way++) {
        for (size_t said = 0; said <= size; said++) {
            test_link_t link;
            open_test_link (&link, listener.address);
            const int fd = accept_one (&listener);
            cr_assert (zmtp_write (fd, script, said));
            for (size_t i = 0; i < 1 + said % 4; i++)
                turn ();
            say_something (&link);
            link.channel->ops->close (link.channel);
            for (size_t i = 0; i < said % 3; i++)
                turn ();
            ways_to_vanish[way](fd);
        }
    }
    for (int i = 0; i < ROUNDS && count_descriptors () > before; i++)
        turn ();
    cr_assert_eq (count_descriptors (), before);
    close (listener.fd);
}

Test (zmtp_hostile_peer, a_server_that_talks_garbage)
{
    uint32_t seed = 10;
    listener_t listener;
    begin_listening (&listener);
    for (int round = 0; round < 1000; round++) {
        uint8_t script[256 + 512];
        test_link_t link;
        size_t size = write_script (script, "ROUTER", "", 0);
        for (size_t i = 0; i < 400; i++) {
            seed = seed * 1664525 + 1013904223;
            script[size + i] = (uint8_t) (seed >> 24);
        }
        if (round % 2)
            script[size] &= 6;
        if (round % 4 == 3)
            script[seed >> 8 & 127] ^= (uint8_t) (1 << (seed & 7)); /* in the handshake already */
        size += seed >> 16 & 255;
        open_test_link (&link, listener.address);
        const int fd = accept_one (&listener);
        zmtp_write (fd, script, size);
        for (int i = 0; i < 8; i++) {
            turn ();
            take (&link);
        }
        shut (fd);
        wait_down (&link);
        link.channel->ops->close (link.channel);
    }
    close (listener.fd);
}

Test (zmtp_hostile_peer, a_server_that_never_reads)
{
    static char text[3000];
    const godwit__message_t heavy = {.data = text, .size = sizeof text}, light = {.data = text, .size = 900};
    uint8_t script[256];
    test_link_t link;
    listener_t listener;
    begin_listening (&listener);
    open_test_link (&link, listener.address);
    const int fd = accept_one (&listener);
    cr_assert (zmtp_write (fd, script, write_script (script, "ROUTER", "", 0)));
    wait_up (&link);
    const size_t before = count_memory ();
    godwit__io_t io = GODWIT__IO_OK;
    for (int i = 0; i < 100000 && io == GODWIT__IO_OK; i++)
        io = link.channel->ops->send (link.channel, 0, i % 2 ? &heavy : &light);
    cr_assert_eq (io, GODWIT__IO_AGAIN);
    for (int i = 0; i < 100; i++)
        turn ();
    if (COUNTS_MEMORY)
        cr_assert_lt (count_memory () - before, 3 * MIB, "%zu bytes wait", count_memory () - before);
    link.channel->ops->close (link.channel);
    for (int i = 0; i < 1000; i++)
        turn ();
    if (COUNTS_MEMORY)
        cr_assert_lt (count_memory (), before + MIB / 8, "all is given back");
    close (fd);
    close (listener.fd);
}

Test (zmtp_hostile_peer, a_server_that_talks_without_end_does_not_keep_the_leader)
{
    uint8_t script[256];
    test_link_t link;
    listener_t listener;
    begin_listening (&listener);
    open_test_link (&link, listener.address);
    const int fd = accept_one (&listener);
    cr_assert (zmtp_write (fd, script, write_script (script, "ROUTER", "", 0)));
    wait_up (&link);
    endless.unit = "\4\7\4PING\0\0";
    endless.size = 9;
    for (int i = 0; i < 20; i++) {
        endless.reads = 0;
        cr_assert_eq (take (&link), GODWIT__IO_AGAIN);
    }
    endless.unit = NULL;
    link.channel->ops->close (link.channel);
    close (fd);
    close (listener.fd);
}

/* It goes on talking, so it is not silent. */
static void
say_ping (int fd, int round)
{
    if (round % 100 == 0)
        cr_assert_eq (send (fd, "\4\7\4PING\0\0", 9, MSG_DONTWAIT | MSG_NOSIGNAL), 9);
}

static void
fill (godwit__channel_t *channel, godwit__routing_id_t routing_id)
{
    static char text[4000];
    const godwit__message_t message = {.data = text, .size = sizeof text};
    godwit__io_t io = GODWIT__IO_OK;
    for (int i = 0; i < 100000 && io == GODWIT__IO_OK; i++)
        io = channel->ops->send (channel, routing_id, &message);
    cr_assert_eq (io, GODWIT__IO_AGAIN);
}

Test (zmtp_hostile_peer, a_server_that_talks_and_never_reads_is_given_up)
{
    const int at_once = 1; /* the clock of the test is faster than the system's */
    uint8_t script[256];
    listener_t listener;
    test_link_t link;
    begin_listening (&listener);
    open_test_link (&link, listener.address);
    const int fd = accept_one (&listener);
    setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    cr_assert (zmtp_write (fd, script, write_script (script, "ROUTER", "", 0)));
    wait_up (&link);
    fill (link.channel, 0);
    const int64_t begin_ns = clock_ns;
    for (int i = 0; i < ROUNDS && !link.downs; i++) {
        say_ping (fd, i);
        turn ();
        take (&link);
    }
    cr_assert_eq (link.downs, 1, "it keeps its connection");
    cr_assert_lt (clock_ns - begin_ns, 4000 * GODWIT__NS_PER_MS);
    link.channel->ops->close (link.channel);
    close (fd);
    close (listener.fd);
}

/* ---- ports ---- */

/* A peer that connects, says its script and waits until it is known. */
static int
connect_to_port (const char *address, const char *socket_type)
{
    uint8_t script[256];
    char room[512];
    const size_t size = write_script (script, socket_type, "", 0);
    const int fd = zmtp_connect (address);
    cr_assert (fd >= 0 && zmtp_write (fd, script, size));
    ssize_t heard = 0;
    for (int i = 0; i < ROUNDS && heard < 64 + 28; i++) {
        turn ();
        const ssize_t count = syscall (SYS_recvfrom, fd, room, sizeof room, MSG_DONTWAIT, NULL, NULL);
        heard += count > 0 ? count : 0;
    }
    cr_assert_geq (heard, 64 + 28, "no READY");
    return fd;
}

static void
open_test_port (godwit__channel_t **port, godwit__port_addresses_t *addresses)
{
    cr_assert_eq (driver->ops->open_port (driver, NULL, port, addresses, NULL), GODWIT_OK);
}

static void
expect_leader_gets_away (bool publishes, const void *unit, size_t size)
{
    godwit__frame_t frame;
    godwit__routing_id_t routing_id;
    godwit__channel_t *port;
    godwit__port_addresses_t addresses;
    open_test_port (&port, &addresses);
    const int fd = publishes ? connect_to_port (addresses.fanout, "XPUB")
                             : connect_to_port (addresses.links[0], "DEALER");
    cr_assert (zmtp_write (fd, unit, size)); /* so that there is something to be read */
    endless.unit = unit;
    endless.size = size;
    endless.reads = 0;
    for (int i = 0; i < 1000; i++)
        cr_assert_eq (port->ops->receive (port, &frame, &routing_id, 0), GODWIT__IO_AGAIN);
    cr_assert_gt (endless.reads, 1u, "it is not read on");
    endless.unit = NULL;
    close (fd);
    port->ops->close (port);
}

Test (zmtp_hostile_peer, peers_that_talk_without_end_do_not_keep_the_leader)
{
    expect_leader_gets_away (false, "\4\7\4PING\0\0", 9);
    expect_leader_gets_away (false, "\4\2\1X", 4);
    expect_leader_gets_away (true, "\4\7\4PING\0\0", 9);
    expect_leader_gets_away (true, "\0\1k", 3);
}

Test (zmtp_hostile_peer, a_client_that_talks_and_never_reads_is_given_up)
{
    godwit__frame_t frame;
    godwit__routing_id_t routing_id;
    godwit__channel_t *port;
    godwit__port_addresses_t addresses;
    godwit__io_t io = GODWIT__IO_AGAIN;
    open_test_port (&port, &addresses);
    const int fd = connect_to_port (addresses.links[0], "DEALER");
    cr_assert (zmtp_write (fd, "\0\5hello", 7));
    for (int i = 0; i < ROUNDS && io == GODWIT__IO_AGAIN; i++) {
        turn ();
        io = port->ops->recv (port, &frame, &routing_id);
    }
    cr_assert_eq (io, GODWIT__IO_OK);
    godwit__frame_release (&frame);
    fill (port, routing_id);
    const int64_t begin_ns = clock_ns;
    struct pollfd item = {fd, POLLRDHUP, 0};
    for (int i = 0; i < ROUNDS && poll (&item, 1, 0) == 0; i++) {
        say_ping (fd, i);
        turn ();
        port->ops->recv (port, &frame, &routing_id);
    }
    cr_assert (item.revents, "it keeps its connection");
    cr_assert_lt (clock_ns - begin_ns, 4000 * GODWIT__NS_PER_MS);
    close (fd);
    port->ops->close (port);
}

/* ---- large messages that come in pieces; ports at TCP ---- */

static int
connect_to_tcp_port (godwit__channel_t **port)
{
    godwit__port_addresses_t addresses;
    char at[64];
    snprintf (at, sizeof at, "tcp://127.0.0.1:%d", zmtp_free_port ());
    cr_assert_eq (driver->ops->open_port (driver, at, port, &addresses, NULL), GODWIT_OK);
    return connect_to_port (addresses.links[0], "DEALER");
}

/* A frame of this size begins. */
static void
write_large_head (int fd, size_t size)
{
    uint8_t head[9] = {2};
    for (int i = 0; i < 8; i++)
        head[8 - i] = (uint8_t) (size >> 8 * i);
    cr_assert (zmtp_write (fd, head, sizeof head));
}

/* Writes bytes in pieces, and lets the port read after each. */
static void
trickle (int fd, godwit__channel_t *port, size_t size, size_t piece)
{
    static uint8_t data[LOW_MARK];
    godwit__frame_t frame;
    godwit__routing_id_t routing_id;
    for (size_t at = 0; at < size; at += piece) {
        cr_assert (zmtp_write (fd, data, piece < size - at ? piece : size - at));
        for (int i = 0; i < 2; i++)
            if (port->ops->receive (port, &frame, &routing_id, 0) == GODWIT__IO_OK)
                godwit__frame_release (&frame);
    }
}

Test (zmtp_hostile_peer, a_large_message_is_read_in_large_parts)
{
    godwit__frame_t frame;
    godwit__routing_id_t routing_id;
    godwit__channel_t *port;
    const int fd = connect_to_tcp_port (&port);
    write_large_head (fd, MIB);
    endless.reads = 0;
    trickle (fd, port, MIB - 1, 1024);
    cr_assert_lt (endless.reads, LOW_MARK / 1024 + 2 * MIB / LOW_MARK + 20,
                  "%u reads: once the message is known to be large, and before its end", endless.reads);
    cr_assert (zmtp_write (fd, "", 1));
    godwit__io_t io = GODWIT__IO_AGAIN;
    for (int i = 0; i < ROUNDS && io == GODWIT__IO_AGAIN; i++)
        io = port->ops->receive (port, &frame, &routing_id, 0);
    cr_assert_eq (io, GODWIT__IO_OK);
    cr_assert_eq (frame.size, MIB);
    godwit__frame_release (&frame);
    close (fd);
    port->ops->close (port);
}

/* What has come is less than the system waits for. */
Test (zmtp_hostile_peer, one_that_leaves_a_large_message_unfinished_is_given_up)
{
    godwit__frame_t frame;
    godwit__routing_id_t routing_id;
    godwit__channel_t *port;
    const int fd = connect_to_tcp_port (&port);
    write_large_head (fd, MIB);
    trickle (fd, port, 3 * LOW_MARK, LOW_MARK);
    trickle (fd, port, 1000, 1000);
    const int64_t begin_ns = clock_ns;
    struct pollfd item = {fd, POLLRDHUP, 0};
    for (int i = 0; i < ROUNDS && poll (&item, 1, 0) == 0; i++) {
        turn ();
        port->ops->recv (port, &frame, &routing_id);
    }
    cr_assert (item.revents, "it keeps its connection");
    cr_assert_lt (clock_ns - begin_ns, 4000 * GODWIT__NS_PER_MS);
    close (fd);
    port->ops->close (port);
}

/* A FIN alone would wait behind what a peer that hears nothing cannot acknowledge. */
Test (zmtp_hostile_peer, a_silent_client_is_reset)
{
    godwit__frame_t frame;
    godwit__routing_id_t routing_id;
    godwit__channel_t *port;
    const int fd = connect_to_tcp_port (&port);
    const int64_t begin_ns = clock_ns;
    struct pollfd item = {fd, 0, 0};
    for (int i = 0; i < ROUNDS && poll (&item, 1, 0) == 0; i++) {
        turn ();
        port->ops->recv (port, &frame, &routing_id);
    }
    cr_assert (item.revents & POLLERR, "it is not told that it was given up");
    cr_assert_lt (clock_ns - begin_ns, 4000 * GODWIT__NS_PER_MS);
    close (fd);
    port->ops->close (port);
}

/* ---- publishers ---- */

typedef struct subscriber {
    listener_t listener;
    int fd;
} subscriber_t;

static void
open_publisher (godwit__channel_t **publisher, subscriber_t *subscriber)
{
    begin_listening (&subscriber->listener);
    cr_assert_eq (driver->ops->open_publisher (driver, publisher, NULL), GODWIT_OK);
    cr_assert_eq (driver->ops->publisher_connect (*publisher, subscriber->listener.address, NULL), GODWIT_OK);
}

static void
greet_publisher (subscriber_t *subscriber)
{
    uint8_t script[256];
    subscriber->fd = accept_one (&subscriber->listener);
    cr_assert (zmtp_write (subscriber->fd, script, write_script (script, "SUB", "", 0)));
    fcntl (subscriber->fd, F_SETFL, O_NONBLOCK);
}

static void
close_publisher (godwit__channel_t *publisher, const subscriber_t *subscriber)
{
    publisher->ops->close (publisher);
    close (subscriber->fd);
    close (subscriber->listener.fd);
}

/* False: it hung up. */
static bool
say_subscription (const subscriber_t *subscriber, bool subscribes, uint64_t number)
{
    uint8_t frame[64] = {4, 0};
    const char *name = subscribes ? "\11SUBSCRIBE" : "\6CANCEL";
    const size_t name_size = strlen (name);
    memcpy (frame + 2, name, name_size);
    memset (frame + 2 + name_size, 0x55, GODWIT__KEY_SIZE);
    memcpy (frame + 2 + name_size, &number, sizeof number);
    frame[1] = (uint8_t) (name_size + GODWIT__KEY_SIZE);
    const uint8_t *at = frame;
    for (size_t left = 2u + frame[1]; left;) {
        const ssize_t sent = send (subscriber->fd, at, left, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN)
            return false;
        turn ();
        left -= sent > 0 ? (size_t) sent : 0;
        at += sent > 0 ? sent : 0;
    }
    return true;
}

static size_t
take_news (godwit__channel_t *publisher)
{
    godwit__frame_t frame;
    size_t count = 0;
    for (; publisher->ops->recv (publisher, &frame, NULL) == GODWIT__IO_OK; count++)
        godwit__frame_release (&frame);
    return count;
}

Test (zmtp_hostile_peer, a_subscriber_of_everything_is_hung_up_on)
{
    godwit__channel_t *publisher;
    subscriber_t subscriber;
    open_publisher (&publisher, &subscriber);
    const size_t before = count_memory ();
    size_t most = 0;
    for (int again = 0; again < 2; again++) {
        uint64_t number = 0;
        greet_publisher (&subscriber);
        while (number < 100000 && say_subscription (&subscriber, true, number++)) {
            if (number % 1024 == 0 && count_memory () > most)
                most = count_memory ();
        }
        cr_assert_lt (number, 100000u, "it may subscribe to anything");
        close (subscriber.fd);
    }
    if (COUNTS_MEMORY)
        cr_assert_lt (most - before, 8 * MIB, "%zu bytes", most - before);
    for (int i = 0; i < 100; i++)
        turn ();
    take_news (publisher);
    if (COUNTS_MEMORY)
        cr_assert_lt (count_memory (), before + MIB, "%zu bytes stay", count_memory () - before);
    subscriber.fd = -1;
    close_publisher (publisher, &subscriber);
}

/* All of it is there before the publisher reads, and more than it reads at once. */
Test (zmtp_hostile_peer, what_a_subscriber_says_behind_nonsense_counts_no_more)
{
    enum { SUBSCRIPTIONS = 1500 };
    static const uint8_t nonsense[] = {0, 1, 'x'};
    static uint8_t subscription[2 + 10 + GODWIT__KEY_SIZE] = {4, 10 + GODWIT__KEY_SIZE};
    godwit__channel_t *publisher;
    subscriber_t subscriber;
    memcpy (subscription + 2, "\11SUBSCRIBE", 10);
    open_publisher (&publisher, &subscriber);
    greet_publisher (&subscriber);
    for (int i = 0; i < 100; i++)
        turn ();
    cr_assert (zmtp_write (subscriber.fd, nonsense, sizeof nonsense));
    for (int i = 0; i < SUBSCRIPTIONS; i++)
        cr_assert (zmtp_write (subscriber.fd, subscription, sizeof subscription));
    size_t news = 0;
    while (say_subscription (&subscriber, false, 1))
        news += take_news (publisher);
    cr_assert_eq (news + take_news (publisher), 0u);
    close_publisher (publisher, &subscriber);
}

/* Nobody takes the news meanwhile. */
Test (zmtp_hostile_peer, a_storm_of_subscriptions_and_cancels_takes_no_memory)
{
    godwit__channel_t *publisher;
    subscriber_t subscriber;
    open_publisher (&publisher, &subscriber);
    greet_publisher (&subscriber);
    const size_t before = count_memory ();
    for (uint64_t i = 0; i < 100000; i++)
        if (!say_subscription (&subscriber, i % 2 == 0, i / 2 % 16))
            break;
    if (COUNTS_MEMORY)
        cr_assert_lt (count_memory () - before, 4 * MIB, "%zu bytes", count_memory () - before);
    close_publisher (publisher, &subscriber);
}

Test (zmtp_hostile_peer, subscribers_that_vanish_leave_nothing)
{
    godwit__channel_t *publisher;
    subscriber_t subscriber;
    open_publisher (&publisher, &subscriber);
    const size_t before = count_descriptors ();
    size_t memory = 0;
    for (int round = 0; round < 200; round++) {
        greet_publisher (&subscriber);
        for (uint64_t i = 0; i < 20; i++)
            say_subscription (&subscriber, true, i);
        ways_to_vanish[round % 2](subscriber.fd);
        for (int i = 0; i < 5; i++)
            turn ();
        take_news (publisher);
        if (round == 20)
            memory = count_memory ();
    }
    for (int i = 0; i < 5; i++)
        turn ();
    take_news (publisher);
    cr_assert_leq (count_descriptors (), before + 1);
    if (COUNTS_MEMORY)
        cr_assert_leq (count_memory (), memory + MIB / 8);
    subscriber.fd = -1;
    close_publisher (publisher, &subscriber);
}

/* It holds up the others only until it is given up. */
Test (zmtp_hostile_peer, a_subscriber_that_never_reads_is_given_up)
{
    static uint8_t text[4000];
    godwit__channel_t *publisher;
    subscriber_t subscriber;
    const uint64_t number = 7;
    open_publisher (&publisher, &subscriber);
    greet_publisher (&subscriber);
    cr_assert (say_subscription (&subscriber, true, number));
    for (int i = 0; i < ROUNDS && take_news (publisher) == 0; i++)
        turn ();
    memset (text, 0x55, GODWIT__KEY_SIZE);
    memcpy (text, &number, sizeof number);
    const godwit__message_t message = {.data = text, .size = sizeof text};
    const size_t before = count_memory ();
    godwit__io_t io = GODWIT__IO_OK;
    for (int i = 0; i < 100000 && io == GODWIT__IO_OK; i++) {
        io = driver->ops->publish (publisher, &message);
        publisher->ops->flush (publisher, 0);
    }
    cr_assert_eq (io, GODWIT__IO_AGAIN);
    if (COUNTS_MEMORY)
        cr_assert_lt (count_memory () - before, 3 * MIB);
    const int64_t begin_ns = clock_ns;
    for (int i = 0; i < ROUNDS && io == GODWIT__IO_AGAIN; i++) {
        turn ();
        io = driver->ops->publish (publisher, &message);
    }
    cr_assert_eq (io, GODWIT__IO_OK, "whoever reads nothing holds up all");
    cr_assert_lt (clock_ns - begin_ns, 4000 * GODWIT__NS_PER_MS);
    close_publisher (publisher, &subscriber);
}
