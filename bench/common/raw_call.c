/* SPDX-License-Identifier: Apache-2.0 */
/* The limit: a synchronous round trip over a socket of the system without any protocol. The frames have the
 * sizes that those of Godwit's call have on the wire (docs/protocol.md, with ZMTP's 2 bytes before them): 83
 * bytes there, 29 back, a length before each. The client waits in poll, the server in epoll, as a program
 * would that has more to look at. */
#include "clock.h"
#include "die.h"
#include "pair.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { HEADER = 2, REQUEST = 81, REPLY = 27, BUFFER = 256 };

/* ---- frames: 0, the length of the body, the body ---- */

typedef struct {
    int fd;
    size_t filled;
    unsigned char bytes[BUFFER];
} stream_t;

static void
send_frame (int fd, size_t size)
{
    unsigned char frame[BUFFER] = {0, (unsigned char) size};
    bench_check (send (fd, frame, HEADER + size, MSG_NOSIGNAL) == (ssize_t) (HEADER + size), "send");
}

/* Reads what is there; returns true if it makes a frame, which is taken. `ended`: the peer has. */
static bool
read_frame (stream_t *stream, bool *ended)
{
    const ssize_t got = recv (stream->fd, stream->bytes + stream->filled,
                              sizeof stream->bytes - stream->filled, MSG_DONTWAIT);
    *ended = got == 0;
    if (got <= 0)
        return false;
    stream->filled += (size_t) got;
    if (stream->filled < HEADER || stream->filled < HEADER + (size_t) stream->bytes[1])
        return false;
    stream->filled -= HEADER + (size_t) stream->bytes[1];
    return true;
}

/* ---- server ---- */

typedef struct {
    int listener;
    int stop[2]; /* a pipe; closing its end for writing ends the thread */
    pthread_t thread;
} server_t;

static void
watch (int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    bench_check (epoll_ctl (epoll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

static void
set_no_delay (int fd)
{
    const int yes = 1;
    /* Fails for a Unix socket, which has no delay anyway. */
    (void) setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

static void *
server_main (void *argument)
{
    server_t *self = argument;
    stream_t stream = {.fd = accept (self->listener, NULL, NULL)};
    int epoll = epoll_create1 (EPOLL_CLOEXEC);
    bool ended = false;

    bench_check (stream.fd >= 0 && epoll >= 0, "accept");
    set_no_delay (stream.fd);
    watch (epoll, stream.fd);
    watch (epoll, self->stop[0]);
    while (!ended) {
        struct epoll_event event;
        if (epoll_wait (epoll, &event, 1, -1) != 1)
            continue;
        if (event.data.fd == self->stop[0])
            break;
        if (read_frame (&stream, &ended))
            send_frame (stream.fd, REPLY);
    }
    close (epoll);
    close (stream.fd);
    return NULL;
}

static int
listen_tcp (char where[BENCH_WHERE_SIZE])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bench_check (bind (fd, (struct sockaddr *) &address, size) == 0 && listen (fd, 1) == 0 &&
                     getsockname (fd, (struct sockaddr *) &address, &size) == 0,
                 "listening with tcp");
    snprintf (where, BENCH_WHERE_SIZE, "%u", ntohs (address.sin_port));
    return fd;
}

/* An abstract name: nothing is left behind. */
static struct sockaddr_un
unix_address (const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf (address.sun_path + 1, sizeof address.sun_path - 1, "%s", name);
    return address;
}

static int
listen_unix (char where[BENCH_WHERE_SIZE])
{
    snprintf (where, BENCH_WHERE_SIZE, "godwit-bench-raw-%ld", (long) getpid ());
    const struct sockaddr_un address = unix_address (where);
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bench_check (bind (fd, (const struct sockaddr *) &address, sizeof address) == 0 && listen (fd, 1) == 0,
                 "listening on a Unix socket");
    return fd;
}

static void *
serve (const bench_setup_t *setup, char where[BENCH_WHERE_SIZE])
{
    server_t *self = bench_alloc (sizeof *self);
    self->listener = strcmp (setup->transport, "tcp") == 0 ? listen_tcp (where) : listen_unix (where);
    bench_check (pipe (self->stop) == 0, "pipe");
    bench_check (pthread_create (&self->thread, NULL, server_main, self) == 0, "pthread_create");
    return self;
}

static void
unserve (void *server)
{
    server_t *self = server;
    close (self->stop[1]);
    shutdown (self->listener, SHUT_RDWR); /* if nobody ever came */
    pthread_join (self->thread, NULL);
    close (self->stop[0]);
    close (self->listener);
    free (self);
}

/* ---- client ---- */

static int
connect_to (const bench_setup_t *setup)
{
    const struct sockaddr_in tcp = {.sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl (INADDR_LOOPBACK),
                                    .sin_port = htons ((uint16_t) strtoul (setup->where, NULL, 10))};
    const struct sockaddr_un local = unix_address (setup->where);
    const bool is_tcp = strcmp (setup->transport, "tcp") == 0;
    const struct sockaddr *address =
        is_tcp ? (const struct sockaddr *) &tcp : (const struct sockaddr *) &local;
    int fd = socket (is_tcp ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    bench_check (connect (fd, address, is_tcp ? sizeof tcp : sizeof local) == 0, "connect");
    set_no_delay (fd);
    return fd;
}

static void
round_trip (stream_t *stream)
{
    struct pollfd item = {.fd = stream->fd, .events = POLLIN};
    bool ended = false;

    send_frame (stream->fd, REQUEST);
    do {
        bench_check (poll (&item, 1, -1) == 1, "poll");
    } while (!read_frame (stream, &ended) && !ended);
    if (ended)
        bench_die ("the raw server has ended");
}

static void *
open_client (const bench_setup_t *setup)
{
    stream_t *self = bench_alloc (sizeof *self);
    self->fd = connect_to (setup);
    round_trip (self);
    return self;
}

static uint64_t
burst (void *client, size_t count, bench_samples_t *samples)
{
    uint64_t begin = bench_now_ns (), before = begin;

    for (size_t i = 0; i < count; i++) {
        round_trip (client);
        uint64_t now = bench_now_ns ();
        bench_samples_add (samples, now - before);
        before = now;
    }
    return before - begin;
}

static void
close_client (void *client)
{
    stream_t *self = client;
    close (self->fd);
    free (self);
}

const bench_half_t bench_raw_call = {
    .name = "raw socket",
    .serve = serve,
    .unserve = unserve,
    .open = open_client,
    .burst = burst,
    .close = close_client,
};
