/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that a stranger can send to a server's ports costs the stranger at most its connection, is
 * counted, and takes nothing from the others: after each attack a good client's call works, the process
 * lives, and its memory and its descriptors are bounded. */
#include <criterion/criterion.h>

#include "src/base/trace.h"
#include "src/wire/header.h"
#include "src/wire/wire.h"
#include "tests/support/zmtp.h"

#include <godwit/client.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define PROGRAM GODWIT_BUILD_DIR "/tests/e2e/programs/hostile_server"
#define WAIT_LIMIT_MS 20000
#define MIB (1024 * 1024)

/* ---- the server under attack, and a good client of it ---- */

typedef struct stats {
    uint64_t requests_received, requests_refused, requests_duplicate, fanouts_received;
    uint64_t frames_malformed, frames_unknown, frames_dropped, workers;
    int64_t descriptors, resident;
} stats_t;

static const godwit_slot_t stats_slots[] = {
    GODWIT_SLOT (stats_t, requests_received),  GODWIT_SLOT (stats_t, requests_refused),
    GODWIT_SLOT (stats_t, requests_duplicate), GODWIT_SLOT (stats_t, fanouts_received),
    GODWIT_SLOT (stats_t, frames_malformed),   GODWIT_SLOT (stats_t, frames_unknown),
    GODWIT_SLOT (stats_t, frames_dropped),     GODWIT_SLOT (stats_t, workers),
    GODWIT_SLOT (stats_t, descriptors),        GODWIT_SLOT (stats_t, resident),
};

enum { TCP, IPC, FANOUT, RENDEZVOUS, ADDRESSES };

static struct {
    pid_t pid;
    int input;
    char addresses[ADDRESSES][256];
    uint8_t key[GODWIT__KEY_SIZE];
    char url[64];
    godwit_transport_t *transport;
    godwit_client_t *client;
    stats_t before;
    void *context; /* of the attacker */
} target;

static bool
is_sanitized (void)
{
    const char *const text = getenv ("GODWIT_SANITIZE");
    return text && *text;
}

static int64_t
now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
read_line (const char *line)
{
    char word[16] = "";
    char rest[256] = "";
    cr_assert_eq (sscanf (line, "%15s %255s", word, rest), 2, "%s", line);
    if (!strcmp (word, "link"))
        strcpy (target.addresses[strncmp (rest, "ipc", 3) ? TCP : IPC], rest);
    else if (!strcmp (word, "fanout"))
        strcpy (target.addresses[FANOUT], rest);
    else if (!strcmp (word, "key"))
        for (size_t i = 0; i < sizeof target.key; i++)
            cr_assert_eq (sscanf (rest + 2 * i, "%2hhx", &target.key[i]), 1);
}

static void
start_server (void)
{
    int input[2];
    int output[2];
    cr_assert_eq (pipe2 (input, O_CLOEXEC) | pipe2 (output, O_CLOEXEC), 0);
    target.pid = fork ();
    cr_assert (target.pid >= 0);
    if (target.pid == 0) {
        prctl (PR_SET_PDEATHSIG, SIGKILL);
        dup2 (input[0], STDIN_FILENO);
        dup2 (output[1], STDOUT_FILENO);
        execl (PROGRAM, PROGRAM, target.url, (char *) NULL);
        _exit (127);
    }
    close (input[0]);
    close (output[1]);
    target.input = input[1];
    char line[512];
    FILE *const lines = fdopen (output[0], "r");
    cr_assert (lines != NULL);
    while (fgets (line, sizeof line, lines) && strcmp (line, "ready\n") != 0)
        read_line (line);
    cr_assert_str_eq (line, "ready\n");
    fclose (lines);
}

/* A call that a good client makes, within a second. */
static void
expect_echo (godwit_client_t *client, int64_t x)
{
    godwit_value_t *result = NULL;
    godwit_error_t *error = NULL;
    godwit_client_call (client, NULL, "echo", GODWIT_ARGS (GODWIT_INT ("x", x)), &result, &error);
    cr_assert_null (error, "%s", godwit_error_print (error));
    cr_assert_eq (godwit_value_as_int (result, ~x), x);
    godwit_value_unref (&result);
}

static stats_t
read_stats (void)
{
    stats_t stats;
    godwit_value_t *result = NULL;
    godwit_error_t *error = NULL;
    godwit_client_call (target.client, NULL, "stats", GODWIT_NO_ARGS, &result, &error);
    cr_assert_null (error, "%s", godwit_error_print (error));
    godwit_value_unpack (result, stats_slots, sizeof stats_slots / sizeof *stats_slots, &stats, "stats",
                         &error);
    cr_assert_null (error, "%s", godwit_error_print (error));
    godwit_value_unref (&result);
    return stats;
}

static void
new_client (godwit_transport_t **transport, godwit_client_t **client)
{
    godwit_error_t *error = NULL;
    godwit_transport_new (transport, target.url, NULL, &error);
    cr_assert_null (error, "%s", godwit_error_print (error));
    godwit_client_new (client, *transport, GODWIT_TARGET (.topic = "hostile"),
                       GODWIT_CLIENT_OPTIONS (.timeout_ms = is_sanitized () ? 10000 : 1000), &error);
    cr_assert_null (error, "%s", godwit_error_print (error));
    godwit_client_wait_servers (*client, 1, WAIT_LIMIT_MS, &error);
    cr_assert_null (error, "%s", godwit_error_print (error));
}

static void
set_up (void)
{
    const int port = zmtp_free_port ();
    snprintf (target.url, sizeof target.url, "zmq://127.0.0.1:%d/?insecure=true&host_rendezvous=true", port);
    snprintf (target.addresses[RENDEZVOUS], sizeof target.addresses[0], "tcp://127.0.0.1:%d", port);
    start_server ();
    new_client (&target.transport, &target.client);
    expect_echo (target.client, 1);
    target.before = read_stats ();
    target.context = zmq_ctx_new ();
    cr_assert (target.context != NULL);
}

/* What holds after each attack. */
static void
tear_down (void)
{
    int status = 0;
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    zmq_ctx_term (target.context);
    expect_echo (target.client, 2);
    new_client (&transport, &client); /* through the rendezvous, and a connection of its own */
    expect_echo (client, 3);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);

    const int64_t end = now_ms () + WAIT_LIMIT_MS;
    stats_t now = read_stats ();
    while (now.descriptors > target.before.descriptors && now_ms () < end)
        now = read_stats ();
    cr_assert_leq (now.descriptors, target.before.descriptors);
    if (!is_sanitized ()) /* a sanitizer keeps what was freed */
        cr_assert_lt (now.resident - target.before.resident, 64 * MIB);

    godwit_client_destroy (&target.client);
    godwit_transport_destroy (&target.transport);
    close (target.input);
    cr_assert_eq (waitpid (target.pid, &status, 0), target.pid);
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0, "status %d", status);
}

TestSuite (hostile, .init = set_up, .fini = tear_down, .timeout = 60);

/* ---- the attacker ---- */

static void *
open_socket (int type, const char *address)
{
    void *const socket = zmq_socket (target.context, type);
    const int linger_ms = 0;
    const int wait_limit_ms = WAIT_LIMIT_MS;
    cr_assert (socket != NULL);
    zmq_setsockopt (socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    zmq_setsockopt (socket, ZMQ_RCVTIMEO, &wait_limit_ms, sizeof wait_limit_ms);
    zmq_setsockopt (socket, ZMQ_SNDTIMEO, &wait_limit_ms, sizeof wait_limit_ms);
    cr_assert_eq (zmq_connect (socket, address), 0);
    return socket;
}

static void
say (void *socket, const void *data, size_t size)
{
    cr_assert_eq (zmq_send (socket, data, size, 0), (int) size, "%s", zmq_strerror (errno));
}

static void
say_header (void *socket, godwit__header_t header)
{
    uint8_t data[GODWIT__HEADER_SIZE];
    godwit__header_write (data, &header);
    say (socket, data, sizeof data);
}

static size_t
hello (uint8_t data[GODWIT__IDENTITY_FRAME_MAX])
{
    const godwit__identity_t identity = {.instance = {1, 2, 3}, .incarnation = 1};
    return godwit__identity_write (data, GODWIT__HELLO, &identity);
}

/* A frame of a header and a body. */
static size_t
frame_of (uint8_t *data, godwit__header_t header, const void *body, size_t size)
{
    godwit__header_write (data, &header);
    if (size)
        memcpy (data + GODWIT__HEADER_SIZE, body, size);
    return GODWIT__HEADER_SIZE + size;
}

static size_t
echo_request (uint8_t data[64], godwit__header_t header)
{
    static const char body[] = "\x93\x80\xa4"
                               "echo\x81\xa1x\x07";
    header.type = GODWIT__REQUEST;
    return frame_of (data, header, body, sizeof body - 1);
}

static godwit__header_t
hear (void *socket)
{
    uint8_t data[4096];
    godwit__header_t header = {0};
    const int size = zmq_recv (socket, data, sizeof data, 0);
    cr_assert (size >= GODWIT__HEADER_SIZE, "no answer: %s", zmq_strerror (errno));
    cr_assert_eq (godwit__header_read (&header, data, sizeof data), GODWIT__HEADER_OK);
    return header;
}

/* How many answers are in the next message, which may be long, or a batch. */
static unsigned
hear_answers (void *socket)
{
    zmq_msg_t message;
    godwit__header_t header = {0};
    zmq_msg_init (&message);
    const int size = zmq_msg_recv (&message, socket, 0);
    cr_assert (size >= GODWIT__HEADER_SIZE, "no answer: %s", zmq_strerror (errno));
    cr_assert_eq (godwit__header_read (&header, zmq_msg_data (&message), (size_t) size), GODWIT__HEADER_OK);
    zmq_msg_close (&message);
    return header.type == GODWIT__BATCH ? header.aux : 1;
}

static void
expect (void *socket, godwit__frame_type_t type, uint64_t id, uint32_t aux)
{
    const godwit__header_t header = hear (socket);
    cr_assert (header.type == type && header.id == id && header.aux == aux,
               "expected type %d id %d aux %u, got type %d id %d aux %u", (int) type, (int) id, aux,
               header.type, (int) header.id, header.aux);
}

/* All that was said before has been read, and did not cost the connection. */
static void
expect_pong (void *socket)
{
    static uint64_t id = 1000;
    say_header (socket, (godwit__header_t){.type = GODWIT__PING, .id = ++id});
    expect (socket, GODWIT__PONG, id, 0);
}

static void *
open_dealer (const char *address)
{
    return open_socket (ZMQ_DEALER, address);
}

/* A DEALER that is known. */
static void *
open_known (const char *address)
{
    uint8_t data[GODWIT__IDENTITY_FRAME_MAX];
    void *const socket = open_dealer (address);
    say (socket, data, hello (data));
    expect (socket, GODWIT__WELCOME, 0, 0);
    return socket;
}

/* Waits until a counter went up by so much since the test began, and sees that it was no more. */
static void
expect_counted (size_t offset, uint64_t count, const char *name)
{
    const int64_t end = now_ms () + WAIT_LIMIT_MS;
    uint64_t before;
    memcpy (&before, (const char *) &target.before + offset, sizeof before);
    for (;;) {
        const stats_t stats = read_stats ();
        uint64_t now;
        memcpy (&now, (const char *) &stats + offset, sizeof now);
        if (now - before == count)
            return;
        cr_assert (now - before < count && now_ms () < end, "%s: expected %d, got %d", name, (int) count,
                   (int) (now - before));
    }
}

#define EXPECT_COUNTED(name, count) expect_counted (offsetof (stats_t, name), (count), #name)

static void
fill_random (uint8_t *data, size_t size, uint32_t *seed)
{
    for (size_t i = 0; i < size; i++) {
        *seed = *seed * 1664525 + 1013904223;
        data[i] = (uint8_t) (*seed >> 24);
    }
}

/* ---- below ZMTP ---- */

Test (hostile, random_bytes_on_every_port)
{
    static uint8_t data[8192];
    uint8_t greeting[ZMTP_GREETING_SIZE];
    uint32_t seed = 42;
    zmtp_greeting (greeting);
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < ADDRESSES; i++) {
            const int fd = zmtp_connect (target.addresses[i]);
            cr_assert (fd >= 0, "%s", target.addresses[i]);
            fill_random (data, sizeof data, &seed);
            /* Nothing of ZMTP, its signature only, and all of its greeting before the noise. */
            if (round % 3)
                memcpy (data, greeting, round % 3 == 1 ? 10 : sizeof greeting);
            zmtp_write (fd, data, seed % sizeof data);
            close (fd);
        }
        expect_echo (target.client, round);
    }
}

Test (hostile, half_a_greeting_and_silence_is_hung_up)
{
    static const size_t sizes[] = {0, 1, 9, 10, 11, 12, 32, 63, 64};
    enum { COUNT = sizeof sizes / sizeof *sizes };
    int fds[COUNT][ADDRESSES];
    uint8_t greeting[ZMTP_GREETING_SIZE];
    zmtp_greeting (greeting);
    for (int i = 0; i < COUNT; i++) {
        for (int j = 0; j < ADDRESSES; j++) {
            fds[i][j] = zmtp_connect (target.addresses[j]);
            cr_assert (fds[i][j] >= 0 && zmtp_write (fds[i][j], greeting, sizes[i]));
        }
    }
    expect_echo (target.client, 5);
    for (int i = 0; i < COUNT; i++) {
        for (int j = 0; j < ADDRESSES; j++) {
            cr_assert (zmtp_wait_hung_up (fds[i][j]), "%d bytes to %s", (int) sizes[i], target.addresses[j]);
            close (fds[i][j]);
        }
    }
}

Test (hostile, five_hundred_connections_opened_and_dropped)
{
    enum { COUNT = 125 };
    uint8_t greeting[ZMTP_GREETING_SIZE];
    zmtp_greeting (greeting);
    for (int j = 0; j < ADDRESSES; j++) {
        int fds[COUNT];
        for (int i = 0; i < COUNT; i++) {
            fds[i] = zmtp_connect (target.addresses[j]);
            cr_assert (fds[i] >= 0);
            if (i % 2)
                zmtp_write (fds[i], greeting, sizeof greeting);
        }
        expect_echo (target.client, j);
        for (int i = 0; i < COUNT; i++)
            close (fds[i]);
    }
}

Test (hostile, peers_that_connect_and_say_nothing)
{
    enum { COUNT = 50 };
    void *sockets[2 * COUNT];
    for (int i = 0; i < 2 * COUNT; i++)
        sockets[i] = open_dealer (target.addresses[i % 2 ? TCP : IPC]);
    for (int i = 0; i < 100; i++)
        expect_echo (target.client, i);
    for (int i = 0; i < 2 * COUNT; i++)
        zmq_close (sockets[i]);
}

Test (hostile, sockets_of_the_wrong_type)
{
    static const int types[] = {ZMQ_REQ,  ZMQ_REP,  ZMQ_PUB,    ZMQ_SUB, ZMQ_PULL,
                                ZMQ_PUSH, ZMQ_PAIR, ZMQ_ROUTER, ZMQ_XSUB};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        for (int j = 0; j < ADDRESSES; j++) {
            void *const socket = open_socket (types[i], target.addresses[j]);
            zmq_send (socket, "garbage", 7, ZMQ_DONTWAIT);
            expect_echo (target.client, j);
            zmq_close (socket);
        }
    }
}

Test (hostile, huge_messages)
{
    enum { SIZE = 100 * MIB };
    uint8_t *const data = calloc (1, SIZE);
    cr_assert (data != NULL);
    for (int j = 0; j < ADDRESSES; j++) {
        const int fd = zmtp_connect (target.addresses[j]);
        cr_assert (zmtp_handshake (fd, j == FANOUT ? "PUB" : "DEALER", "", 0));
        cr_assert (!zmtp_send (fd, data, SIZE, false), "%s took all of it", target.addresses[j]);
        cr_assert (zmtp_wait_hung_up (fd), "%s", target.addresses[j]);
        close (fd);
    }
    free (data);
    expect_echo (target.client, 1);
    const stats_t now = read_stats ();
    if (!is_sanitized ())
        cr_assert_lt (now.resident - target.before.resident, 16 * MIB);
}

/* libzmq allocates as soon as it reads the size. */
Test (hostile, sizes_without_messages)
{
    static const uint64_t sizes[] = {UINT64_MAX, INT64_MAX, UINT64_C (1) << 32, 65 * MIB, 63 * MIB};
    enum { COUNT = sizeof sizes / sizeof *sizes };
    int fds[COUNT][ADDRESSES];
    for (int i = 0; i < COUNT; i++) {
        for (int j = 0; j < ADDRESSES; j++) {
            const int fd = fds[i][j] = zmtp_connect (target.addresses[j]);
            cr_assert (zmtp_handshake (fd, j == FANOUT ? "PUB" : "DEALER", "", 0));
            zmtp_send_head (fd, sizes[i]);
        }
    }
    for (int i = 0; i < COUNT; i++)
        for (int j = 0; j < ADDRESSES; j++)
            cr_assert (sizes[i] < 64 * MIB || zmtp_wait_hung_up (fds[i][j]));
    expect_echo (target.client, 1);
    const stats_t now = read_stats ();
    if (!is_sanitized ())
        cr_assert_lt (now.resident - target.before.resident, 16 * MIB);
    for (int i = 0; i < COUNT; i++)
        for (int j = 0; j < ADDRESSES; j++)
            close (fds[i][j]);
}

/* ---- frames ---- */

static void
try_cut_frames (const char *address, uint64_t *malformed)
{
    /* A whole frame of each type of the client's. */
    uint8_t frames[3][GODWIT__IDENTITY_FRAME_MAX];
    const size_t sizes[3] = {hello (frames[0]),
                             echo_request (frames[1], (godwit__header_t){.target = 1, .id = 1}),
                             GODWIT__HEADER_SIZE};
    godwit__header_write (frames[2], &(godwit__header_t){.type = GODWIT__PING});
    for (int i = 0; i < 3; i++) {
        for (size_t cut = 0; cut < sizes[i]; cut++) {
            void *const socket = open_known (address);
            say (socket, frames[i], cut);
            if (i == 1 && cut >= GODWIT__HEADER_SIZE)
                expect (socket, GODWIT__NACK, 1, GODWIT__NACK_MALFORMED);
            expect_pong (socket);
            zmq_close (socket);
            ++*malformed;
        }
    }
}

Test (hostile, truncated_frames_of_every_length)
{
    uint64_t malformed = 0;
    try_cut_frames (target.addresses[IPC], &malformed);
    EXPECT_COUNTED (frames_malformed, malformed);
    try_cut_frames (target.addresses[TCP], &malformed);
    EXPECT_COUNTED (frames_malformed, malformed);
    EXPECT_COUNTED (frames_unknown, 0);
}

Test (hostile, wrong_magic_is_malformed_and_the_third_one_is_the_last)
{
    uint8_t data[GODWIT__HEADER_SIZE];
    void *const socket = open_known (target.addresses[TCP]);
    godwit__header_write (data, &(godwit__header_t){.type = GODWIT__PING});
    data[0] = 'H';
    say (socket, data, sizeof data);
    say (socket, data, sizeof data);
    expect_pong (socket);
    EXPECT_COUNTED (frames_malformed, 2);
    say (socket, data, sizeof data);
    EXPECT_COUNTED (frames_malformed, 3);
    /* Nothing more of it is read, nor answered. */
    for (int i = 0; i < 1000; i++)
        say (socket, data, sizeof data);
    say_header (socket, (godwit__header_t){.type = GODWIT__PING, .id = 1});
    void *const other = open_known (target.addresses[TCP]);
    expect_pong (other);
    const int no_wait = 0;
    zmq_setsockopt (socket, ZMQ_RCVTIMEO, &no_wait, sizeof no_wait);
    EXPECT_COUNTED (frames_malformed, 3);
    cr_assert_eq (zmq_recv (socket, data, sizeof data, 0), -1);
    zmq_close (socket);
    zmq_close (other);
}

Test (hostile, other_versions_and_unknown_types_are_ignored_and_counted)
{
    uint64_t unknown = 0;
    uint8_t data[GODWIT__HEADER_SIZE];
    void *const socket = open_known (target.addresses[TCP]);
    for (unsigned version = 0; version < 256; version++) {
        if (version == GODWIT__PROTOCOL_VERSION)
            continue;
        godwit__header_write (data, &(godwit__header_t){.type = GODWIT__REQUEST, .target = 1, .id = 1});
        data[1] = (uint8_t) version;
        say (socket, data, sizeof data);
        unknown++;
    }
    /* What only a port says, and what nobody does. */
    static const uint8_t ports[] = {GODWIT__WELCOME,  GODWIT__REPLY,     GODWIT__FAILURE, GODWIT__NACK,
                                    GODWIT__ACCEPTED, GODWIT__HEARTBEAT, GODWIT__PONG,    GODWIT__RESOLVED};
    for (size_t i = 0; i < sizeof ports; i++, unknown++)
        say_header (socket, (godwit__header_t){.type = ports[i], .flags = 0xff, .target = 1, .id = 1});
    for (unsigned type = GODWIT__MATCHMAKER_FIRST; type <= 256; type++, unknown++)
        say_header (socket, (godwit__header_t){.type = (uint8_t) type, .flags = 0xff, .target = 1, .id = 1});
    /* An answer to a GOODBYE that nobody sent. */
    for (unsigned i = 0; i < 10; i++)
        say_header (socket, (godwit__header_t){.type = GODWIT__GOODBYE, .target = i, .aux = i});
    expect_pong (socket);
    EXPECT_COUNTED (frames_unknown, unknown);
    EXPECT_COUNTED (frames_malformed, 0);
    zmq_close (socket);
}

Test (hostile, flags_that_are_not_defined_are_ignored)
{
    uint8_t data[64];
    void *const socket = open_known (target.addresses[IPC]);
    for (unsigned flags = 0; flags < 256; flags++) {
        if (flags & (GODWIT__FLAG_TRACED | GODWIT__FLAG_INTROSPECT))
            continue;
        say (socket, data,
             echo_request (data, (godwit__header_t){.target = 1, .id = flags + 1, .flags = (uint8_t) flags}));
        if (!(flags & GODWIT__FLAG_CAST))
            expect (socket, GODWIT__REPLY, flags + 1, 0);
    }
    expect_pong (socket);
    zmq_close (socket);
}

/* A request says that a trace stands behind its body, and ends before one could. */
Test (hostile, traces_that_are_too_short_are_malformed)
{
    uint8_t data[64];
    void *const socket = open_known (target.addresses[IPC]);
    const size_t size =
        echo_request (data, (godwit__header_t){.target = 1, .id = 1, .flags = GODWIT__FLAG_TRACED});
    cr_assert_lt (size, GODWIT__HEADER_SIZE + GODWIT__TRACE_SIZE);
    say (socket, data, size);
    expect (socket, GODWIT__NACK, 1, GODWIT__NACK_MALFORMED);
    godwit__header_t bare = {.type = GODWIT__REQUEST, .target = 1, .id = 2, .flags = GODWIT__FLAG_TRACED};
    godwit__header_write (data, &bare);
    say (socket, data, GODWIT__HEADER_SIZE);
    expect (socket, GODWIT__NACK, 2, GODWIT__NACK_MALFORMED);
    EXPECT_COUNTED (frames_malformed, 2);
    zmq_close (socket);
}

/* What is asked about a server is in a namespace of its own: no method of the program is called. */
Test (hostile, introspection_calls_no_method)
{
    uint8_t data[64], huge[70000];
    void *const socket = open_known (target.addresses[IPC]);
    say (socket, data,
         echo_request (data, (godwit__header_t){.target = 1, .id = 1, .flags = GODWIT__FLAG_INTROSPECT}));
    expect (socket, GODWIT__FAILURE, 1, 0);
    say (socket, data,
         echo_request (data, (godwit__header_t){.target = 77, .id = 2, .flags = GODWIT__FLAG_INTROSPECT}));
    expect (socket, GODWIT__NACK, 2, GODWIT__NACK_NOT_HERE);
    memset (huge, 0xc1, sizeof huge);
    godwit__header_t header = {
        .type = GODWIT__REQUEST, .target = 1, .id = 3, .flags = GODWIT__FLAG_INTROSPECT};
    godwit__header_write (huge, &header);
    say (socket, huge, sizeof huge);
    expect (socket, GODWIT__NACK, 3, GODWIT__NACK_MALFORMED);
    header.id = 4;
    godwit__header_write (huge, &header);
    say (socket, huge, 1000);
    expect (socket, GODWIT__NACK, 4, GODWIT__NACK_MALFORMED);
    expect_pong (socket);
    zmq_close (socket);
}

/* More than may wait at once: each is answered, or refused. The server goes on. */
Test (hostile, a_flood_of_questions_is_limited)
{
    static const char body[] = "\x93\x80\xa5stats\x80";
    enum { ROUNDS = 20, BURST = 200, QUESTIONS = ROUNDS * BURST };
    uint8_t data[64];
    unsigned id = 0;
    void *const socket = open_known (target.addresses[IPC]);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < BURST; i++) {
            const godwit__header_t header = {
                .type = GODWIT__REQUEST, .target = 1, .id = ++id, .flags = GODWIT__FLAG_INTROSPECT};
            say (socket, data, frame_of (data, header, body, sizeof body - 1));
        }
        for (unsigned answers = 0; answers < BURST;)
            answers += hear_answers (socket);
    }
    say (socket, data, echo_request (data, (godwit__header_t){.target = 1, .id = QUESTIONS + 1}));
    expect (socket, GODWIT__REPLY, QUESTIONS + 1, 0);
    zmq_close (socket);
}

/* An id of zeros is none: the request runs in a trace of its own. */
Test (hostile, traces_of_zeros_are_none)
{
    uint8_t data[128] = {0};
    void *const socket = open_known (target.addresses[IPC]);
    const size_t size =
        echo_request (data, (godwit__header_t){.target = 1, .id = 1, .flags = GODWIT__FLAG_TRACED});
    memset (data + size, 0, GODWIT__TRACE_SIZE);
    say (socket, data, size + GODWIT__TRACE_SIZE);
    expect (socket, GODWIT__REPLY, 1, 0);
    expect_pong (socket);
    zmq_close (socket);
}

Test (hostile, requests_before_hello_are_refused)
{
    uint8_t data[GODWIT__IDENTITY_FRAME_MAX];
    void *const socket = open_dealer (target.addresses[TCP]);
    for (unsigned i = 1; i <= 500; i++) {
        say (socket, data, echo_request (data, (godwit__header_t){.target = 1, .id = i}));
        expect (socket, GODWIT__NACK, i, GODWIT__NACK_HELLO);
    }
    EXPECT_COUNTED (requests_refused, 500);
    say (socket, data, hello (data));
    expect (socket, GODWIT__WELCOME, 0, 0);
    say (socket, data, echo_request (data, (godwit__header_t){.target = 1, .id = 1}));
    expect (socket, GODWIT__REPLY, 1, 0);
    /* The same id once more, one that is too old, other servers. */
    say (socket, data, echo_request (data, (godwit__header_t){.target = 1, .id = 1}));
    expect (socket, GODWIT__NACK, 1, GODWIT__NACK_DUPLICATE);
    say (socket, data, echo_request (data, (godwit__header_t){.target = 1, .id = UINT64_MAX}));
    expect (socket, GODWIT__REPLY, UINT64_MAX, 0);
    say (socket, data, echo_request (data, (godwit__header_t){.target = 1, .id = 2}));
    expect (socket, GODWIT__NACK, 2, GODWIT__NACK_DUPLICATE);
    EXPECT_COUNTED (requests_duplicate, 2);
    zmq_close (socket);

    void *const again = open_known (target.addresses[TCP]);
    static const uint32_t targets[] = {0, 2, 1000, UINT32_MAX};
    for (unsigned i = 0; i < 4; i++) {
        say (again, data, echo_request (data, (godwit__header_t){.target = targets[i], .id = i + 1}));
        expect (again, GODWIT__NACK, i + 1, GODWIT__NACK_NOT_HERE);
    }
    EXPECT_COUNTED (requests_refused, 506);
    EXPECT_COUNTED (frames_malformed, 0);
    zmq_close (again);
}

/* ---- bodies ---- */

/* A body, as text that may hold NUL. */
typedef struct body {
    const char *name;
    const char *data;
    size_t size;
} body_t;

#define BODY(name, text)                                                                                     \
    {                                                                                                        \
        name, text, sizeof text - 1                                                                          \
    }
#define UUID_A                                                                                               \
    "\xc4\x10"                                                                                               \
    "AAAAAAAAAAAAAAAA"
#define IDENTITY_A                                                                                           \
    "\xa8instance" UUID_A "\xabincarnation\x01\xa8"                                                          \
    "features\x00"

static const body_t bad_identities[] = {
    BODY ("nothing", ""),
    BODY ("nil", "\xc0"),
    BODY ("list", "\x90"),
    BODY ("empty", "\x80"),
    BODY ("no features", "\x82\xa8instance" UUID_A "\xabincarnation\x01"),
    BODY ("instance is str", "\x83\xa8instance\xa1x\xabincarnation\x01\xa8"
                             "features\x00"),
    BODY ("instance of 15", "\x83\xa8instance\xc4\x0f"
                            "AAAAAAAAAAAAAAA\xabincarnation\x01\xa8"
                            "features\x00"),
    BODY ("instance of zeroes",
          "\x83\xa8instance\xc4\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xabincarnation\x01\xa8"
          "features\x00"),
    BODY ("negative", "\x83\xa8instance" UUID_A "\xabincarnation\xff\xa8"
                      "features\x00"),
    BODY ("double", "\x83\xa8instance" UUID_A "\xabincarnation\xcb\x3f\xf0\0\0\0\0\0\0\xa8"
                    "features\x00"),
    BODY ("virtual host is int", "\x84" IDENTITY_A "\xacvirtual_host\x01"),
    BODY ("virtual host with NUL", "\x84" IDENTITY_A "\xacvirtual_host\xa3"
                                   "a\0b"),
    BODY ("expect is nil", "\x84" IDENTITY_A "\xa6"
                           "expect\xc0"),
    BODY ("a key twice", "\x84" IDENTITY_A "\xa8"
                         "features\x00"),
    BODY ("a key that is no str", "\x84" IDENTITY_A "\x01\x01"),
    BODY ("extension", "\x84" IDENTITY_A "\xa1x\xd4\x01\x01"),
    BODY ("bytes behind it", "\x83" IDENTITY_A "\xc0"),
    BODY ("bomb", "\xdf\xff\xff\xff\xff"),
    BODY ("bomb inside", "\x84" IDENTITY_A "\xa1x\xdd\xff\xff\xff\xff"),
    BODY ("str that ends early", "\x84" IDENTITY_A "\xacvirtual_host\xdb\xff\xff\xff\xff"
                                 "x"),
    BODY ("deep", "\x84" IDENTITY_A "\xa1x\x91\x91\x91\x91\x91\x91\xc0"),
};

Test (hostile, hello_that_is_none)
{
    enum { COUNT = sizeof bad_identities / sizeof *bad_identities };
    uint8_t data[2048];
    for (size_t i = 0; i < COUNT; i++) {
        const body_t *const body = &bad_identities[i];
        void *const socket = open_dealer (target.addresses[i % 2 ? TCP : IPC]);
        say (socket, data,
             frame_of (data, (godwit__header_t){.type = GODWIT__HELLO}, body->data, body->size));
        expect_pong (socket);
        EXPECT_COUNTED (frames_malformed, i + 1);
        zmq_close (socket);
    }
    /* Huge fields: a virtual host of 256 and of 1000 bytes. */
    for (size_t size = 256; size <= 1000; size += 744) {
        static const char head[] = "\x84" IDENTITY_A "\xacvirtual_host\xda";
        uint8_t body[2048];
        memcpy (body, head, sizeof head - 1);
        body[sizeof head - 1] = (uint8_t) (size >> 8);
        body[sizeof head] = (uint8_t) size;
        memset (body + sizeof head + 1, 'v', size);
        void *const socket = open_dealer (target.addresses[TCP]);
        say (socket, data,
             frame_of (data, (godwit__header_t){.type = GODWIT__HELLO}, body, sizeof head + 1 + size));
        expect_pong (socket);
        zmq_close (socket);
    }
    EXPECT_COUNTED (frames_malformed, COUNT + 2);
}

Test (hostile, hello_to_somebody_else)
{
    uint8_t data[GODWIT__IDENTITY_FRAME_MAX];
    godwit__identity_t identity = {.instance = {1}, .expect = {9, 9}};
    void *const socket = open_dealer (target.addresses[TCP]);
    say (socket, data, godwit__identity_write (data, GODWIT__HELLO, &identity));
    expect (socket, GODWIT__NACK, 0, GODWIT__NACK_IDENTITY);
    memset (identity.expect, 0, sizeof identity.expect);
    strcpy (identity.virtual_host, "elsewhere");
    say (socket, data, godwit__identity_write (data, GODWIT__HELLO, &identity));
    expect (socket, GODWIT__NACK, 0, GODWIT__NACK_IDENTITY);
    say (socket, data, echo_request (data, (godwit__header_t){.target = 1, .id = 1}));
    expect (socket, GODWIT__NACK, 1, GODWIT__NACK_HELLO);
    EXPECT_COUNTED (frames_malformed, 0);
    zmq_close (socket);
}

#define CALL                                                                                                 \
    "\x93\x80\xa4"                                                                                           \
    "echo"

static const body_t bombs[] = {
    BODY ("nothing", ""),
    BODY ("four billion elements", "\xdd\xff\xff\xff\xff"),
    BODY ("four billion entries", "\xdf\xff\xff\xff\xff"),
    BODY ("four billion bytes", "\xc6\xff\xff\xff\xff"),
    BODY ("in the arguments", CALL "\xdf\xff\xff\xff\xff"),
    BODY ("in an argument", CALL "\x81\xa1x\xdd\xff\xff\xff\xff"),
    BODY ("65535 elements", CALL "\x81\xa1x\xdc\xff\xff"),
    BODY ("keys that are no str", CALL "\x81\x01\x01"),
    BODY ("a key that is nil", CALL "\x81\xc0\x01"),
    BODY ("a key that is a map", CALL "\x81\x80\x01"),
    BODY ("a key twice", CALL "\x82\xa1x\x01\xa1x\x02"),
    BODY ("extension", CALL "\x81\xa1x\xd4\x01\x01"),
    BODY ("extension of four billion bytes", CALL "\x81\xa1x\xc9\xff\xff\xff\xff\x01"),
    BODY ("timestamp", CALL "\x81\xa1x\xd6\xff\0\0\0\0"),
    BODY ("0xc1", CALL "\x81\xa1x\xc1"),
    BODY ("bytes behind it", CALL "\x80\xc0"),
    BODY ("no list", "\x80"),
    BODY ("two elements", "\x92\x80\xa4"
                          "echo"),
    BODY ("six elements", "\x96\x80\xa4"
                          "echo\x80\xc0\xc0\xc0"),
    BODY ("context is no map", "\x93\x90\xa4"
                               "echo\x80"),
    BODY ("method is no str", "\x93\x80\x01\x80"),
    BODY ("arguments are no map", CALL "\x90"),
    BODY ("namespace is int", "\x94\x80\xa4"
                              "echo\x80\x01"),
    BODY ("version is int", "\x95\x80\xa4"
                            "echo\x80\xc0\x01"),
};

static const body_t bad_names[] = {
    BODY ("nothing", ""),
    BODY ("nil", "\xc0"),
    BODY ("map", "\x80"),
    BODY ("two", "\x92\xa1x\xa1y"),
    BODY ("four", "\x94\xa1x\xa1y\xa1z\xa1z"),
    BODY ("no topic", "\x93\xa1x\xa0\xa1z"),
    BODY ("int", "\x93\xa1x\x01\xa1z"),
    BODY ("NUL", "\x93\xa1x\xa2y\0\xa1z"),
    BODY ("bomb", "\xdd\xff\xff\xff\xff"),
    BODY ("bytes behind it", "\x93\xa1x\xa1y\xa1z\xc0"),
};

Test (hostile, questions_for_servers)
{
    enum { COUNT = sizeof bad_names / sizeof *bad_names };
    static const char nobody[] = "\x93\xa1x\xa1y\xa1z";
    static const char somebody[] = "\x93\xa6godwit\xa7hostile\xa3one";
    uint8_t data[GODWIT__IDENTITY_FRAME_MAX];
    const godwit__header_t header = {.type = GODWIT__RESOLVE, .id = 1};
    for (size_t i = 0; i < COUNT; i++) {
        void *const socket = open_known (target.addresses[i % 2 ? TCP : IPC]);
        say (socket, data, frame_of (data, header, bad_names[i].data, bad_names[i].size));
        expect_pong (socket);
        EXPECT_COUNTED (frames_malformed, i + 1);
        zmq_close (socket);
    }
    void *const socket = open_dealer (target.addresses[TCP]);
    say (socket, data, frame_of (data, header, somebody, sizeof somebody - 1));
    expect (socket, GODWIT__NACK, 1, GODWIT__NACK_HELLO);
    say (socket, data, hello (data));
    expect (socket, GODWIT__WELCOME, 0, 0);
    say (socket, data, frame_of (data, header, nobody, sizeof nobody - 1));
    expect (socket, GODWIT__NACK, 1, GODWIT__NACK_NOT_HERE);
    say (socket, data, frame_of (data, header, somebody, sizeof somebody - 1));
    cr_assert_eq (hear (socket).type, GODWIT__RESOLVED);
    zmq_close (socket);
}

/* A request whose argument is a list in a list in a list ... */
static size_t
deep_request (uint8_t *data, uint64_t id, size_t depth)
{
    static const char head[] = CALL "\x81\xa1x";
    const godwit__header_t header = {.type = GODWIT__REQUEST, .target = 1, .id = id};
    const size_t size = frame_of (data, header, head, sizeof head - 1);
    memset (data + size, 0x91, depth);
    data[size + depth] = 0xc0;
    return size + depth + 1;
}

Test (hostile, requests_with_bombs)
{
    enum { COUNT = sizeof bombs / sizeof *bombs };
    static uint8_t data[16384];
    for (size_t i = 0; i < COUNT; i++) {
        void *const socket = open_known (target.addresses[i % 2 ? TCP : IPC]);
        const godwit__header_t header = {.type = GODWIT__REQUEST, .target = 1, .id = 1};
        say (socket, data, frame_of (data, header, bombs[i].data, bombs[i].size));
        const godwit__header_t answer = hear (socket);
        cr_assert (answer.type == GODWIT__NACK && answer.aux == GODWIT__NACK_MALFORMED, "%s", bombs[i].name);
        EXPECT_COUNTED (frames_malformed, i + 1);
        zmq_close (socket);
    }
    void *const socket = open_known (target.addresses[TCP]);
    say (socket, data, deep_request (data, 1, 32));
    expect (socket, GODWIT__REPLY, 1, 0);
    say (socket, data, deep_request (data, 2, 40));
    expect (socket, GODWIT__NACK, 2, GODWIT__NACK_MALFORMED);
    say (socket, data, deep_request (data, 3, 10000));
    expect (socket, GODWIT__NACK, 3, GODWIT__NACK_MALFORMED);
    EXPECT_COUNTED (frames_malformed, COUNT + 2);
    zmq_close (socket);
    const stats_t now = read_stats ();
    if (!is_sanitized ())
        cr_assert_lt (now.resident - target.before.resident, 16 * MIB);
}

/* As many elements as are allowed, and as many bytes: refused or echoed, and then given back. */
Test (hostile, the_largest_requests)
{
    static const char list_head[] = CALL "\x81\xa1x\xdd";
    static const char bin_head[] = CALL "\x81\xa1x\xc6";
    enum { COUNT = 2000000, BYTES = 60 * MIB };
    uint8_t *const data = malloc (BYTES + 256);
    cr_assert (data != NULL);
    for (unsigned i = 1; i <= 4; i++) {
        const bool is_list = i % 2;
        const uint32_t count = is_list ? COUNT : BYTES;
        const godwit__header_t header = {
            .type = GODWIT__REQUEST, .flags = GODWIT__FLAG_CAST, .target = 1, .id = i};
        size_t size = frame_of (data, header, is_list ? list_head : bin_head, sizeof list_head - 1);
        godwit__put_u32 (data + size, count);
        memset (data + size + 4, 0, count);
        void *const socket = open_known (target.addresses[TCP]);
        say (socket, data, size + 4 + count);
        expect_pong (socket);
        zmq_close (socket);
    }
    free (data);
    EXPECT_COUNTED (frames_malformed, 2); /* too many elements */
}

/* ---- batches ---- */

static size_t
add_to_batch (uint8_t *batch, size_t size, const void *frame, size_t frame_size)
{
    godwit__put_u32 (batch + size, (uint32_t) frame_size);
    memcpy (batch + size + 4, frame, frame_size);
    return size + 4 + frame_size;
}

Test (hostile, batches)
{
    enum { COUNT = 1 * MIB };
    static uint8_t batch[COUNT + 64];
    uint8_t frame[GODWIT__IDENTITY_FRAME_MAX];
    uint64_t malformed = 0;
    godwit__header_write (batch, &(godwit__header_t){.type = GODWIT__BATCH, .aux = UINT32_MAX});
    const size_t request_size = echo_request (frame, (godwit__header_t){.target = 1, .id = 1});

    /* A good one that is cut, at each place. Whatever is whole in it counts. */
    size_t whole = add_to_batch (batch, GODWIT__HEADER_SIZE, frame, request_size);
    whole = add_to_batch (batch, whole, frame, request_size);
    for (size_t cut = GODWIT__HEADER_SIZE; cut <= whole; cut++) {
        void *const socket = open_known (target.addresses[cut % 2 ? TCP : IPC]);
        say (socket, batch, cut);
        if (cut >= GODWIT__HEADER_SIZE + 4 + request_size)
            hear (socket); /* the reply to the first, alone or with the refusal of the second, a duplicate */
        expect_pong (socket);
        malformed +=
            cut != GODWIT__HEADER_SIZE && cut != whole && cut != GODWIT__HEADER_SIZE + 4 + request_size;
        zmq_close (socket);
    }
    EXPECT_COUNTED (frames_malformed, malformed);

    /* Sizes that lead out of it, or back. */
    static const uint32_t sizes[] = {UINT32_MAX, UINT32_MAX - 3, INT32_MAX, 65536, 23, 1, 0};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void *const socket = open_known (target.addresses[TCP]);
        godwit__put_u32 (batch + GODWIT__HEADER_SIZE, sizes[i]);
        say (socket, batch, whole);
        expect_pong (socket);
        zmq_close (socket);
    }
    malformed += sizeof sizes / sizeof *sizes;
    EXPECT_COUNTED (frames_malformed, malformed);

    /* One in one, ten deep. */
    void *const deep = open_known (target.addresses[TCP]);
    size_t size = GODWIT__HEADER_SIZE;
    for (int i = 10; i > 0; i--) {
        godwit__put_u32 (batch + size, (uint32_t) i * (GODWIT__HEADER_SIZE + 4) - 4);
        godwit__header_write (batch + size + 4, &(godwit__header_t){.type = GODWIT__BATCH});
        size += GODWIT__HEADER_SIZE + 4;
    }
    say (deep, batch, size);
    expect_pong (deep);
    EXPECT_COUNTED (frames_malformed, ++malformed);
    zmq_close (deep);

    /* More than a batch is: nobody else would be served meanwhile. */
    void *const large = open_known (target.addresses[TCP]);
    for (size = GODWIT__HEADER_SIZE; size < COUNT;) {
        godwit__header_write (frame, &(godwit__header_t){.type = GODWIT__CANCEL});
        size = add_to_batch (batch, size, frame, GODWIT__HEADER_SIZE);
    }
    say (large, batch, size);
    expect_pong (large);
    EXPECT_COUNTED (frames_malformed, ++malformed);
    zmq_close (large);
}

/* Each costs its connection, at the head of its first part. */
Test (hostile, multipart_messages)
{
    uint64_t malformed = 0;
    for (int parts = 2; parts <= 200; parts *= 10) {
        for (int j = TCP; j <= IPC; j++) {
            void *const socket = open_known (target.addresses[j]);
            for (int i = 0; i < parts; i++)
                cr_assert_eq (zmq_send (socket, "part", 4, i < parts - 1 ? ZMQ_SNDMORE : 0), 4);
            EXPECT_COUNTED (frames_malformed, ++malformed);
            zmq_close (socket);
        }
    }
}

/* ---- names of one's own ---- */

Test (hostile, peers_that_name_themselves)
{
    static char long_name[255];
    static const struct {
        const char *name;
        size_t size;
    } names[] = {{"x", 1}, {"12345", 5}, {long_name, sizeof long_name}};
    uint8_t data[GODWIT__IDENTITY_FRAME_MAX];
    memset (long_name, 'n', sizeof long_name);
    for (size_t i = 0; i < 3; i++) {
        void *const socket = zmq_socket (target.context, ZMQ_DEALER);
        const int linger_ms = 0;
        zmq_setsockopt (socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
        cr_assert_eq (zmq_setsockopt (socket, ZMQ_ROUTING_ID, names[i].name, names[i].size), 0);
        cr_assert_eq (zmq_connect (socket, target.addresses[TCP]), 0);
        say (socket, data, hello (data));
        expect (socket, GODWIT__WELCOME, 0, 0); /* the name means nothing */
        expect_pong (socket);
        zmq_close (socket);
    }
}

/* libzmq lets nobody take such a name but does not refuse one that comes over the wire. */
Test (hostile, peers_with_names_like_those_that_a_router_gives)
{
    static const struct {
        const char *name;
        size_t size;
    } names[] = {{"\0", 1},     {"\0abcd", 5}, {"\0abcd", 5}, {"\0\0\0\0\0", 5}, {"\0\xff\xff\xff\xff", 5},
                 {"\0abcde", 6}};
    static char long_name[60000];
    uint8_t data[GODWIT__IDENTITY_FRAME_MAX];
    int fds[7];
    for (size_t i = 0; i < 7; i++) {
        const bool is_long = i == 6;
        fds[i] = zmtp_connect (target.addresses[TCP]);
        zmtp_handshake (fds[i], "DEALER", is_long ? long_name : names[i].name,
                        is_long ? sizeof long_name : names[i].size);
        zmtp_send (fds[i], data, hello (data), false);
        expect_echo (target.client, 1);
    }
    for (size_t i = 0; i < 7; i++)
        close (fds[i]);
}

/* ---- floods ---- */

/* While somebody sends what is thrown away as fast as it can be received, others are served. */
static void
flood (void *socket, const void *data, size_t size, int count)
{
    for (int i = 0; i < count; i++) {
        say (socket, data, size);
        if (i % 10000 == 0)
            expect_echo (target.client, i);
    }
}

Test (hostile, a_flood_of_somebody_with_a_name)
{
    const int linger_ms = 0;
    const int wait_limit_ms = WAIT_LIMIT_MS;
    void *const named = zmq_socket (target.context, ZMQ_DEALER);
    zmq_setsockopt (named, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    zmq_setsockopt (named, ZMQ_SNDTIMEO, &wait_limit_ms, sizeof wait_limit_ms);
    zmq_setsockopt (named, ZMQ_ROUTING_ID, "me", 2);
    zmq_connect (named, target.addresses[IPC]);
    flood (named, "x", 1, 200000);
    zmq_close (named);
}

Test (hostile, a_flood_of_malformed_frames)
{
    void *const banned = open_known (target.addresses[IPC]);
    flood (banned, "x", 1, 200000);
    zmq_close (banned);
}

Test (hostile, a_flood_of_requests_before_hello)
{
    uint8_t data[64];
    void *const stranger = open_dealer (target.addresses[IPC]);
    flood (stranger, data, echo_request (data, (godwit__header_t){.target = 1, .id = 1}), 100000);
    zmq_close (stranger);
}

Test (hostile, a_flood_of_publications)
{
    uint8_t news[64];
    const int yes = 1;
    void *const publisher = open_socket (ZMQ_XPUB, target.addresses[FANOUT]);
    zmq_setsockopt (publisher, ZMQ_XPUB_NODROP, &yes, sizeof yes);
    cr_assert (zmq_recv (publisher, news, sizeof news, 0) > 0);
    flood (publisher, target.key, sizeof target.key, 200000);
    zmq_close (publisher);
}

Test (hostile, a_flood_at_the_rendezvous)
{
    void *const member = open_dealer (target.addresses[RENDEZVOUS]);
    flood (member, "x", 1, 100000);
    zmq_close (member);
}

/* Asks for more than what fits in all the buffers in between, and never reads an answer. */
Test (hostile, a_peer_that_does_not_read)
{
    enum { SIZE = 1000, COUNT = 60000 };
    static const char head[] = CALL "\x81\xa1x\xc5\x03\xe8";
    uint8_t body[sizeof head - 1 + SIZE] = {0};
    uint8_t data[GODWIT__IDENTITY_FRAME_MAX + sizeof body];
    const int fd = zmtp_connect (target.addresses[TCP]);
    memcpy (body, head, sizeof head - 1);
    cr_assert (zmtp_handshake (fd, "DEALER", "", 0));
    zmtp_send (fd, data, hello (data), false);
    for (unsigned i = 1; i <= COUNT; i++) {
        const godwit__header_t header = {.type = GODWIT__REQUEST, .target = 1, .id = i};
        if (!zmtp_send (fd, data, frame_of (data, header, body, sizeof body), false))
            break;
        if (i % 5000 == 0)
            expect_echo (target.client, i);
    }
    const int64_t end = now_ms () + WAIT_LIMIT_MS;
    while (read_stats ().frames_dropped == target.before.frames_dropped && now_ms () < end)
        ;
    cr_assert_gt (read_stats ().frames_dropped, target.before.frames_dropped);
    close (fd);
}

/* ---- publications ---- */

Test (hostile, publications_of_garbage)
{
    uint8_t data[512];
    uint8_t news[64];
    uint64_t malformed = 0, unknown = 0, received = 0, refused = 0;
    void *const socket = open_socket (ZMQ_XPUB, target.addresses[FANOUT]);
    bool is_subscribed = false;
    while (!is_subscribed) {
        const int size = zmq_recv (socket, news, sizeof news, 0);
        cr_assert (size > 0, "nobody subscribed");
        is_subscribed = size == 1 + GODWIT__KEY_SIZE && !memcmp (news + 1, target.key, GODWIT__KEY_SIZE);
    }
    memcpy (data, target.key, GODWIT__KEY_SIZE);
    uint8_t *const frame = data + GODWIT__KEY_SIZE;
    const godwit__header_t header = {.type = GODWIT__PUBLICATION, .target = 7, .id = 1};
    for (size_t cut = 0; cut < GODWIT__HEADER_SIZE; cut++, malformed++) {
        godwit__header_write (frame, &header);
        say (socket, data, GODWIT__KEY_SIZE + cut);
    }
    frame[0] = 'H';
    say (socket, data, GODWIT__KEY_SIZE + GODWIT__HEADER_SIZE);
    malformed++;
    godwit__header_write (frame, &header);
    frame[1] = 2;
    say (socket, data, GODWIT__KEY_SIZE + GODWIT__HEADER_SIZE);
    unknown++;
    for (unsigned type = 0; type < 256; type++) {
        if (type == GODWIT__PUBLICATION)
            continue;
        godwit__header_write (frame, &(godwit__header_t){.type = (uint8_t) type});
        say (socket, data, GODWIT__KEY_SIZE + GODWIT__HEADER_SIZE);
        unknown += type != GODWIT__BATCH && type != GODWIT__LAST; /* of nothing */
    }
    for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++, malformed++, received++, refused++) {
        const godwit__header_t next = {.type = GODWIT__PUBLICATION, .target = 7, .id = i + 1};
        say (socket, data, GODWIT__KEY_SIZE + frame_of (frame, next, bombs[i].data, bombs[i].size));
    }
    cr_assert_eq (zmq_send (socket, data, GODWIT__KEY_SIZE + GODWIT__HEADER_SIZE, ZMQ_SNDMORE),
                  GODWIT__KEY_SIZE + GODWIT__HEADER_SIZE);
    say (socket, "part", 4);
    malformed++;
    EXPECT_COUNTED (frames_malformed, malformed);
    EXPECT_COUNTED (frames_unknown, unknown);
    EXPECT_COUNTED (fanouts_received, received);
    EXPECT_COUNTED (requests_refused, refused);
    /* The last and the first number there are: no loop over what is between them. */
    static const char body[] = CALL "\x80";
    say (socket, data,
         GODWIT__KEY_SIZE +
             frame_of (frame, (godwit__header_t){.type = GODWIT__PUBLICATION, .target = 7, .id = UINT64_MAX},
                       body, sizeof body - 1));
    EXPECT_COUNTED (fanouts_received, received + 1);
    zmq_close (socket);
}

/* ---- the rendezvous ---- */

Test (hostile, rendezvous_messages_that_are_malformed_are_counted)
{
    enum { BOMBS = sizeof bombs / sizeof *bombs };
    uint8_t data[2048];
    void *const socket = open_dealer (target.addresses[RENDEZVOUS]);
    godwit__header_write (data, &(godwit__header_t){.type = 32});
    for (size_t cut = 0; cut < GODWIT__HEADER_SIZE; cut++)
        say (socket, data, cut);
    data[0] = 'H';
    say (socket, data, GODWIT__HEADER_SIZE);
    for (size_t i = 0; i < BOMBS; i++)
        say (socket, data, frame_of (data, (godwit__header_t){.type = 32}, bombs[i].data, bombs[i].size));
    EXPECT_COUNTED (frames_malformed, GODWIT__HEADER_SIZE + 1 + BOMBS);
    zmq_close (socket);
}

Test (hostile, rendezvous_messages_of_garbage)
{
    uint8_t data[2048];
    uint32_t seed = 7;
    for (int round = 0; round < 50; round++) {
        void *const socket = open_dealer (target.addresses[RENDEZVOUS]);
        for (unsigned type = 0; type < 64; type++) {
            uint8_t body[256];
            fill_random (body, sizeof body, &seed);
            body[0] = 0x80 | (body[0] & 0x0f);
            const godwit__header_t header = {.type = (uint8_t) type, .id = seed, .target = seed};
            say (socket, data, frame_of (data, header, body, round ? seed % sizeof body : 0));
            say (socket, data, seed % GODWIT__HEADER_SIZE);
            fill_random (data, 64, &seed);
            say (socket, data, 64);
        }
        for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++)
            say (socket, data,
                 frame_of (data, (godwit__header_t){.type = (uint8_t) (32 + round % 10)}, bombs[i].data,
                           bombs[i].size));
        expect_echo (target.client, round);
        zmq_close (socket);
    }
}
