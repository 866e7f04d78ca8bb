/* SPDX-License-Identifier: Apache-2.0 */
#include "silent.h"
#include "clock.h"
#include "die.h"
#include "limits.h"

#include "src/wire/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ZMTP 3.1: the sizes and flags of frames (https://rfc.zeromq.org/spec/37). */
enum { GREETING = 64, IS_LONG = 2, IS_COMMAND = 4, HEAD = 2, BODY_MAX = 255, PING_CONTEXT_AT = 7 };
enum { SLICE = 50, EVENTS = 256, BUFFER = 1024, SLOT_MS = 1, SLOTS = BENCH_HEARTBEAT_MS / SLOT_MS };

typedef struct {
    int fd; /* -1: lost */
    size_t filled;
    unsigned char *partial; /* the beginning of a frame, if it has not all arrived; else NULL */
} connection_t;

typedef struct {
    struct sockaddr_in to;
    int epoll;
    uint64_t slot; /* the last one whose connections were tested */
    size_t count;
    size_t lost;
    connection_t *connections;
} silent_t;

/* ---- frames ---- */

static bool
write_all (int fd, const void *bytes, size_t size)
{
    /* A socket that says next to nothing always has room. */
    return send (fd, bytes, size, MSG_NOSIGNAL) == (ssize_t) size;
}

static bool
write_frame (int fd, unsigned char flags, const void *body, size_t size)
{
    unsigned char frame[HEAD + BODY_MAX] = {flags, (unsigned char) size};
    if (size > BODY_MAX)
        bench_die ("a frame of %zu bytes", size);
    memcpy (frame + HEAD, body, size);
    return write_all (fd, frame, HEAD + size);
}

static void
read_exactly (int fd, void *bytes, size_t size)
{
    bench_check (recv (fd, bytes, size, MSG_WAITALL) == (ssize_t) size, "the handshake of a silent client");
}

static void
shake_hands (int fd)
{
    static const char ready[] = "\5READY\13Socket-Type\0\0\0\6DEALER";
    unsigned char greeting[GREETING] = {[0] = 0xff, [9] = 0x7f, [10] = 3, [11] = 1}, frame[HEAD + BODY_MAX];

    memcpy (greeting + 12, "NULL", 4);
    bench_check (write_all (fd, greeting, sizeof greeting), "greeting");
    read_exactly (fd, greeting, sizeof greeting);
    bench_check (write_frame (fd, IS_COMMAND, ready, sizeof ready - 1), "READY");
    read_exactly (fd, frame, HEAD);
    read_exactly (fd, frame + HEAD, frame[1]);
    if (frame[0] != IS_COMMAND || memcmp (frame + HEAD, "\5READY", 6) != 0)
        bench_die ("a silent client was refused");
}

/* Who it is: an instance of its own, and a number for the connection. The virtual host is none. */
static void
say_hello (int fd)
{
    godwit__identity_t identity = {.incarnation = 1, .features = GODWIT__FEATURES};
    uint8_t frame[GODWIT__IDENTITY_FRAME_MAX];
    uint32_t number;

    bench_check (getrandom (identity.instance, sizeof identity.instance, 0) > 0 &&
                     getrandom (&number, sizeof number, 0) > 0,
                 "getrandom");
    const size_t size = godwit__identity_write (frame, GODWIT__HELLO, &identity);
    godwit__put_u32 (frame + GODWIT__HEADER_AUX_OFFSET, number | 1);
    bench_check (write_frame (fd, 0, frame, size), "HELLO");
}

/* ---- connections ---- */

static void
lose (silent_t *self, connection_t *connection)
{
    close (connection->fd);
    connection->fd = -1;
    self->lost++;
}

static void
connect_one (silent_t *self, connection_t *connection)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    const int yes = 1;

    connection->fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bench_check (connection->fd >= 0, "socket");
    bench_check (connect (connection->fd, (struct sockaddr *) &self->to, sizeof self->to) == 0, "connect");
    setsockopt (connection->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    shake_hands (connection->fd);
    say_hello (connection->fd);
    bench_check (epoll_ctl (self->epoll, EPOLL_CTL_ADD, connection->fd, &event) == 0, "epoll_ctl");
}

static bool
answer (connection_t *connection, const unsigned char *body, size_t size)
{
    unsigned char pong[5 + BODY_MAX] = "\4PONG";
    if (size < PING_CONTEXT_AT || memcmp (body, "\4PING", 5) != 0)
        return true;
    memcpy (pong + 5, body + PING_CONTEXT_AT, size - PING_CONTEXT_AT);
    return write_frame (connection->fd, IS_COMMAND, pong, 5 + size - PING_CONTEXT_AT);
}

/* Takes whole frames; returns how many bytes they have, or SIZE_MAX if the connection is of no use. */
static size_t
take_frames (connection_t *connection, const unsigned char *bytes, size_t size)
{
    size_t at = 0;

    while (size - at >= HEAD && size - at >= HEAD + (size_t) bytes[at + 1]) {
        if (bytes[at] & IS_LONG)
            return SIZE_MAX;
        if ((bytes[at] & IS_COMMAND) && !answer (connection, bytes + at + HEAD, bytes[at + 1]))
            return SIZE_MAX;
        at += HEAD + (size_t) bytes[at + 1];
    }
    return at;
}

static void
read_ready (silent_t *self, connection_t *connection)
{
    unsigned char bytes[BUFFER];
    size_t size = connection->filled;

    if (size > 0)
        memcpy (bytes, connection->partial, size);
    free (connection->partial);
    connection->partial = NULL;
    const ssize_t got = recv (connection->fd, bytes + size, sizeof bytes - size, MSG_DONTWAIT);
    if (got <= 0 && !(got < 0 && errno == EAGAIN)) {
        lose (self, connection);
        return;
    }
    size += got > 0 ? (size_t) got : 0;
    const size_t taken = take_frames (connection, bytes, size);
    if (taken == SIZE_MAX) {
        lose (self, connection);
        return;
    }
    connection->filled = size - taken;
    if (connection->filled > 0) {
        connection->partial = bench_alloc (connection->filled);
        memcpy (connection->partial, bytes + taken, connection->filled);
    }
}

/* Connection i belongs to slot i % SLOTS of each 500 ms, so that they are not all tested at once. */
static void
test_connections (silent_t *self)
{
    static const unsigned char ping[] = "\4PING\0"; /* and the second byte of the TTL: none */
    const uint64_t now = bench_now_ns () / 1000000 / SLOT_MS;

    if (now - self->slot > SLOTS)
        self->slot = now - SLOTS;
    for (; self->slot < now; self->slot++)
        for (size_t i = self->slot % SLOTS; i < self->count; i += SLOTS)
            if (self->connections[i].fd >= 0 &&
                !write_frame (self->connections[i].fd, IS_COMMAND, ping, sizeof ping))
                lose (self, &self->connections[i]);
}

/* Returns false when the parent wants this process to leave. */
static bool
run_once (silent_t *self, int timeout_ms)
{
    struct epoll_event events[EVENTS];
    const int count = epoll_wait (self->epoll, events, EVENTS, timeout_ms);

    for (int i = 0; i < count; i++) {
        char byte;
        if (events[i].data.ptr != NULL)
            read_ready (self, events[i].data.ptr);
        else if (read (STDIN_FILENO, &byte, 1) <= 0)
            return false;
        else if (byte == '\n') {
            printf ("%zu\n", self->lost);
            fflush (stdout);
        }
    }
    test_connections (self);
    return true;
}

/* They stand for other machines: their work must not keep the processor from those that are measured. */
static void
stand_back (void)
{
    const struct sched_param none = {0};
    bench_check (sched_setscheduler (0, SCHED_IDLE, &none) == 0, "SCHED_IDLE");
}

int
bench_silent_main (char **arguments)
{
    const size_t count = strtoul (arguments[1], NULL, 10);
    silent_t self = {.to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)}};
    struct epoll_event input = {.events = EPOLLIN};

    bench_limits_raise ();
    self.to.sin_port = htons ((uint16_t) strtoul (strrchr (arguments[0], ':') + 1, NULL, 10));
    self.epoll = epoll_create1 (EPOLL_CLOEXEC);
    self.connections = bench_alloc (count * sizeof *self.connections);
    bench_check (self.epoll >= 0 && epoll_ctl (self.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input) == 0,
                 "epoll");
    alarm ((unsigned) strtoul (arguments[2], NULL, 10));
    while (self.count < count) {
        connect_one (&self, &self.connections[self.count++]);
        if (self.count % SLICE == 0 && !run_once (&self, 0))
            return 0;
    }
    alarm (0);
    stand_back ();
    puts ("ready");
    fflush (stdout);
    while (run_once (&self, SLOT_MS))
        continue;
    return 0;
}

/* ---- the process that starts it ---- */

void
bench_silent_start (bench_child_t *child, const char *address, size_t count, unsigned limit_s)
{
    char count_text[24], limit_text[24], line[64];
    const char *arguments[] = {"--role", "silent", address, count_text, limit_text, NULL};

    snprintf (count_text, sizeof count_text, "%zu", count);
    snprintf (limit_text, sizeof limit_text, "%u", limit_s);
    bench_child_start (child, &(bench_child_options_t){.arguments = arguments});
    if (bench_child_line (child, line, sizeof line) != 0)
        bench_die ("%zu silent clients could not be connected within %u s", count, limit_s);
}

size_t
bench_silent_lost (bench_child_t *child)
{
    char line[64];
    bench_child_tell (child, "");
    if (bench_child_line (child, line, sizeof line) != 0)
        bench_die ("the silent clients have ended");
    return strtoul (line, NULL, 10);
}

void
bench_silent_freeze (const bench_child_t *child)
{
    int state;
    bench_check (kill (child->pid, SIGSTOP) == 0, "SIGSTOP");
    bench_check (waitpid (child->pid, &state, WUNTRACED) == child->pid && WIFSTOPPED (state),
                 "the stop of the silent clients");
}

void
bench_silent_thaw (bench_child_t *child)
{
    bench_check (kill (child->pid, SIGCONT) == 0, "SIGCONT");
    /* It says this behind what it found waiting, and then tests what is due. */
    for (int i = 0; i < 2; i++)
        bench_silent_lost (child);
}

void
bench_silent_end (bench_child_t *child)
{
    if (bench_child_stop (child) != 0)
        bench_die ("the silent clients did not end well");
}
