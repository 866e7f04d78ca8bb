/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of libzmq that speak Godwit's protocol (docs/protocol.md) with a whole server, by the frames of
 * tests/golden; and what the log says of those that do not. */
#include <godwit/godwit.h>

#include "src/runtime/environment.h"
#include "src/server/pool.h"
#include "tests/interop/foreign.h"
#include "tests/support/log_book.h"
#include "tests/support/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GOLDEN GODWIT_SOURCE_DIR "/tests/golden/"

static log_book_t book;
static godwit_transport_t *transport;
static godwit_server_t *servers[3];
static atomic_int resets;

/* ---- the server that the golden frames are for ---- */

struct add_args {
    int64_t a;
    int64_t b;
};

static const godwit_slot_t add_slots[] = {GODWIT_SLOT (struct add_args, a), GODWIT_SLOT (struct add_args, b)};

static godwit_status_t
add (godwit_request_t *request, void *self)
{
    const struct add_args *args = godwit_request_params (request);
    (void) self;
    return godwit_request_reply (request, GODWIT_INT (NULL, args->a + args->b));
}

static godwit_status_t
reset (godwit_request_t *request, void *self)
{
    (void) request, (void) self;
    atomic_fetch_add (&resets, 1);
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {GODWIT_METHOD_WITH ("add", add, struct add_args, add_slots, 0),
                                          GODWIT_METHOD ("reset", reset, 0)};

/* The first are the transport's instance: 20 21 ... 2f. */
static void
number_bytes (void *user, void *bytes, size_t size)
{
    static atomic_int calls;
    (void) user;
    if (atomic_fetch_add (&calls, 1))
        godwit__system_environment.random (NULL, bytes, size);
    else
        for (size_t i = 0; i < size; i++)
            ((uint8_t *) bytes)[i] = (uint8_t) (0x20 + i);
}

static void
start_server (void)
{
    static const char *const topics[] = {"other", "another",
                                         "calculator"}; /* the third has the server_id 3 */
    godwit__environment_t environment = godwit__system_environment;
    environment.random = number_bytes;
    environment.incarnation = 1700000000000001u;
    log_book_open (&book);
    foreign_open ();
    MUST (godwit__transport_new_in (
        &transport, "zmq:///blue?insecure=true&host=127.0.0.1&static=no/body@tcp://127.0.0.1:1",
        GODWIT_TRANSPORT_OPTIONS (.log = log_book_write, .log_user = &book), &environment, &error));
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = "1.0");
    for (size_t i = 0; i < 3; i++) {
        MUST (godwit_server_new (&servers[i], transport,
                                 GODWIT_TARGET (.exchange = "godwit", .topic = topics[i], .server = "first"),
                                 &endpoint, 1, NULL, &error));
        MUST (godwit_server_start (servers[i], NULL, &error));
    }
}

static void
end_server (void)
{
    for (size_t i = 0; i < 3; i++)
        godwit_server_destroy (&servers[i]);
    godwit_transport_destroy (&transport);
    foreign_close ();
    log_book_close (&book);
}

TestSuite (godwit_frames, .init = start_server, .fini = end_server, .timeout = 60);

static const godwit__port_addresses_t *
addresses (void)
{
    return &transport->pool->ports[transport->pool->port_count - 1].addresses;
}

/* ---- frames ---- */

typedef struct golden {
    uint8_t data[512];
    size_t size;
} golden_t;

static golden_t
load (const char *name)
{
    golden_t golden = {.size = 0};
    char path[512], text[3];
    snprintf (path, sizeof path, "%s%s.hex", GOLDEN, name);
    FILE *const file = fopen (path, "r");
    cr_assert_not_null (file, "%s", path);
    while (fscanf (file, "%2s", text) == 1 && golden.size < sizeof golden.data)
        golden.data[golden.size++] = (uint8_t) strtoul (text, NULL, 16);
    fclose (file);
    return golden;
}

static void
send_golden (void *socket, const char *name)
{
    const golden_t golden = load (name);
    foreign_send (socket, golden.data, golden.size, false);
}

/* Waits for the next message; blocks for up to 20 s. */
static golden_t
take (void *socket)
{
    golden_t got = {.size = 0};
    foreign_set (socket, ZMQ_RCVTIMEO, 20000);
    const int size = zmq_recv (socket, got.data, sizeof got.data, 0);
    cr_assert (size >= 0 && (size_t) size <= sizeof got.data, "no message came");
    got.size = (size_t) size;
    return got;
}

static void
greet (void *dealer)
{
    golden_t welcome = load ("welcome");
    send_golden (dealer, "hello");
    const golden_t got = take (dealer);
    welcome.data[welcome.size - 1] = got.data[got.size - 1]; /* the features of this release */
    cr_assert_eq (got.size, welcome.size);
    cr_assert_eq (memcmp (got.data, welcome.data, got.size), 0);
}

static void
call (void *dealer)
{
    const golden_t reply = load ("reply");
    send_golden (dealer, "request");
    const golden_t got = take (dealer);
    cr_assert_eq (got.size, reply.size);
    cr_assert_eq (memcmp (got.data, reply.data, got.size), 0);
}

Test (godwit_frames, a_dealer_says_hello_and_calls)
{
    for (size_t i = 0; i < addresses ()->link_count; i++) { /* by ipc and by tcp */
        void *const dealer = foreign_socket (ZMQ_DEALER);
        cr_assert_eq (zmq_connect (dealer, addresses ()->links[i]), 0);
        greet (dealer);
        call (dealer);
        foreign_close_socket (dealer);
    }
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_WARNING, ""),
                  log_book_count (&book, GODWIT_LOG_WARNING, "insecure=true: "));
}

Test (godwit_frames, an_xpub_finds_the_topic_and_publishes)
{
    const golden_t publication = load ("publication"), marker = load ("marker");
    void *const xpub = foreign_socket (ZMQ_XPUB);
    cr_assert_eq (zmq_connect (xpub, addresses ()->fanout), 0);
    bool has_key = false, has_marker = false;
    while (!has_key || !has_marker) {
        const golden_t news = take (xpub);
        cr_assert_eq (news.size, 1u + GODWIT__KEY_SIZE);
        cr_assert_eq (news.data[0], 1);
        has_key = has_key || memcmp (news.data + 1, publication.data, GODWIT__KEY_SIZE) == 0;
        has_marker = has_marker || memcmp (news.data + 1, marker.data, GODWIT__KEY_SIZE) == 0;
    }
    foreign_send (xpub, publication.data, publication.size, false);
    const int64_t limit = foreign_now_ns () + FOREIGN_LIMIT_NS;
    while (!atomic_load (&resets))
        cr_assert_lt (foreign_now_ns (), limit, "no publication came");
}

/* ---- the log ---- */

/* One line a minute, with the reason, however often it happens; and others are served. */
Test (godwit_frames, the_log_says_once_why_connections_end)
{
    const char *const address = addresses ()->links[1];
    char line[512];
    void *const good = foreign_socket (ZMQ_DEALER);
    cr_assert_eq (zmq_connect (good, address), 0);
    greet (good);
    snprintf (line, sizeof line, " to %s was ended: it sent a message of several parts", address);
    for (int i = 0; i < 3; i++) {
        void *const dealer = foreign_socket (ZMQ_DEALER);
        void *const ended = foreign_monitor (dealer, ZMQ_EVENT_DISCONNECTED);
        foreign_set (ended, ZMQ_RCVTIMEO, 20000);
        cr_assert_eq (zmq_connect (dealer, address), 0);
        send_golden (dealer, "hello");
        take (dealer);
        foreign_send (dealer, "", 0, true);
        send_golden (dealer, "request");
        char event[8];
        cr_assert_geq (zmq_recv (ended, event, sizeof event, 0), 0, "the connection has not ended");
        cr_assert (log_book_wait (&book, GODWIT_LOG_WARNING, line, 1));
        foreign_close_socket (dealer);
    }
    /* A REQ is refused at the same address in the same minute: the line is of the address. */
    void *const req = foreign_socket (ZMQ_REQ);
    void *const refused = foreign_monitor (req, ZMQ_EVENT_DISCONNECTED);
    char event[8];
    foreign_set (refused, ZMQ_RCVTIMEO, 20000);
    cr_assert_eq (zmq_connect (req, address), 0);
    cr_assert_geq (zmq_recv (refused, event, sizeof event, 0), 0);
    call (good);
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_WARNING, "was ended"), 1u);
}

Test (godwit_frames, the_log_names_what_else_was_spoken)
{
    static const char http[] = "GET /metrics HTTP/1.1\r\n\r\n";
    char line[512];
    const int fd = zmtp_connect (addresses ()->links[1]);
    cr_assert_geq (fd, 0);
    cr_assert (zmtp_write (fd, http, sizeof http - 1));
    snprintf (line, sizeof line,
              " to %s was ended: no ZMTP 3, but HTTP as it seems: \"GET /metrics HTTP/1.1\"",
              addresses ()->links[1]);
    cr_assert (log_book_wait (&book, GODWIT_LOG_WARNING, line, 1));
    cr_assert (zmtp_wait_hung_up (fd));
    close (fd);
}
