/* SPDX-License-Identifier: Apache-2.0 */
/* What a hostile server answers costs its client the call or the connection, and nothing else. */
#include <criterion/criterion.h>

#include "src/wire/header.h"
#include "src/wire/wire.h"

#include <godwit/client.h>
#include <godwit/server.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#define WAIT_LIMIT_MS 20000
/* What ends in time is later than its time by less than this, on the busiest machine; what does not end by
 * itself takes WAIT_LIMIT_MS. */
#define IN_TIME_MS (WAIT_LIMIT_MS / 2)
#define MIB (1024 * 1024)

static int64_t
now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the hostile server: a ROUTER, and what it says to HELLO and to REQUEST ---- */

typedef struct router {
    void *socket;
    uint8_t id[256]; /* of whom it answers */
    size_t id_size;
} router_t;

typedef void answer_fn (router_t *router, const godwit__header_t *header);

static struct {
    void *context;
    void *socket;
    pthread_t thread;
    atomic_bool ends;
    char address[128];
    answer_fn *_Atomic on_hello;
    answer_fn *_Atomic on_request;
    _Atomic (int) hellos, requests;
} attacker;

/* What there is no room for is not sent. */
static bool
try_answer (const router_t *router, const void *data, size_t size)
{
    return zmq_send (router->socket, router->id, router->id_size, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 &&
           zmq_send (router->socket, data, size, ZMQ_DONTWAIT) >= 0;
}

static void
answer (const router_t *router, const void *data, size_t size)
{
    if (zmq_send (router->socket, router->id, router->id_size, ZMQ_SNDMORE) >= 0)
        zmq_send (router->socket, data, size, 0);
}

static void
answer_header (router_t *router, godwit__header_t header)
{
    uint8_t data[GODWIT__HEADER_SIZE];
    godwit__header_write (data, &header);
    answer (router, data, sizeof data);
}

static void
answer_body (router_t *router, godwit__header_t header, const void *body, size_t size)
{
    uint8_t *const data = malloc (GODWIT__HEADER_SIZE + size);
    godwit__header_write (data, &header);
    memcpy (data + GODWIT__HEADER_SIZE, body, size);
    answer (router, data, GODWIT__HEADER_SIZE + size);
    free (data);
}

static void
welcome (router_t *router, const godwit__header_t *header)
{
    const godwit__identity_t identity = {.instance = {7}, .incarnation = 1};
    uint8_t data[GODWIT__IDENTITY_FRAME_MAX];
    (void) header;
    answer (router, data, godwit__identity_write (data, GODWIT__WELCOME, &identity));
}

static void
reply_five (router_t *router, const godwit__header_t *header)
{
    answer_body (router, (godwit__header_t){.type = GODWIT__REPLY, .id = header->id}, "\x05", 1);
}

static void
say_nothing (router_t *router, const godwit__header_t *header)
{
    (void) router;
    (void) header;
}

/* A listed server is asked which number it has. */
static void
resolved (router_t *router, const godwit__header_t *header)
{
    uint8_t *data = NULL;
    godwit__record_t record;
    memset (&record, 0, sizeof record);
    record.instance[0] = 7;
    record.incarnation = record.server_id = record.revision = record.weight = 1;
    record.state = GODWIT__RECORD_UP;
    record.exchange = "godwit";
    record.topic = "hostile";
    record.server = "one";
    record.address_count = 1;
    record.addresses[0] = attacker.address;
    record.fanout_address = record.host = record.versions = "";
    const size_t size = godwit__resolved_write (&data, header->id, &record);
    answer (router, data, size);
    free (data);
}

static void *
serve (void *argument)
{
    router_t router = {.socket = attacker.socket};
    (void) argument;
    while (!atomic_load (&attacker.ends)) {
        uint8_t data[4096];
        godwit__header_t header;
        const int id_size = zmq_recv (router.socket, router.id, sizeof router.id, 0);
        if (id_size < 0)
            continue; /* nobody says anything: look whether this is the end */
        router.id_size = (size_t) id_size;
        const int size = zmq_recv (router.socket, data, sizeof data, 0);
        if (size < 0 || godwit__header_read (&header, data, (size_t) size))
            continue;
        if (header.type == GODWIT__HELLO) {
            attacker.hellos++; /* before the answer, after which the test looks */
            atomic_load (&attacker.on_hello) (&router, &header);
        } else if (header.type == GODWIT__RESOLVE) {
            resolved (&router, &header);
        } else if (header.type == GODWIT__REQUEST) {
            attacker.requests++; /* before the answer, after which the test looks */
            atomic_load (&attacker.on_request) (&router, &header);
        }
    }
    return NULL;
}

static godwit_transport_t *transport;
static godwit_client_t *client;

static void
start (answer_fn *on_hello, answer_fn *on_request)
{
    const int moment_ms = 20;
    const int linger_ms = 0;
    size_t size = sizeof attacker.address;
    attacker.on_hello = on_hello;
    attacker.on_request = on_request;
    attacker.context = zmq_ctx_new ();
    attacker.socket = zmq_socket (attacker.context, ZMQ_ROUTER);
    zmq_setsockopt (attacker.socket, ZMQ_RCVTIMEO, &moment_ms, sizeof moment_ms);
    const int yes = 1;
    zmq_setsockopt (attacker.socket, ZMQ_ROUTER_MANDATORY, &yes, sizeof yes);
    zmq_setsockopt (attacker.socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    cr_assert_eq (zmq_bind (attacker.socket, "tcp://127.0.0.1:*"), 0);
    cr_assert_eq (zmq_getsockopt (attacker.socket, ZMQ_LAST_ENDPOINT, attacker.address, &size), 0);
    cr_assert_eq (pthread_create (&attacker.thread, NULL, serve, NULL), 0);

    char url[512];
    godwit_error_t *error = NULL;
    snprintf (url, sizeof url, "zmq:///?insecure=true&static=godwit/hostile/one@%s", attacker.address);
    godwit_transport_new (&transport, url, GODWIT_TRANSPORT_OPTIONS (.connect_timeout_ms = 500), &error);
    cr_assert_null (error, "%s", godwit_error_print (error));
    godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "hostile"),
                       GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS), &error);
    cr_assert_null (error, "%s", godwit_error_print (error));
}

static void
stop (void)
{
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    atomic_store (&attacker.ends, true);
    pthread_join (attacker.thread, NULL);
    zmq_close (attacker.socket);
    zmq_ctx_term (attacker.context);
}

/* A call that fails: how. */
static godwit_error_t *
failing_call (int64_t timeout_ms)
{
    godwit_client_t *hasty = NULL;
    godwit_value_t *result = NULL;
    godwit_error_t *error = NULL;
    godwit_client_prepare (&hasty, client, GODWIT_OVERRIDES (.timeout_ms = timeout_ms), &error);
    cr_assert_null (error, "%s", godwit_error_print (error));
    const int64_t before_ms = now_ms ();
    const godwit_status_t status = godwit_client_call (hasty, NULL, "m", GODWIT_NO_ARGS, &result, &error);
    const int64_t passed_ms = now_ms () - before_ms;
    godwit_client_destroy (&hasty);
    cr_assert (status != GODWIT_OK && error && !result, "it did not fail");
    cr_assert_eq (godwit_error_status (error), status);
    cr_assert_lt (passed_ms, timeout_ms + IN_TIME_MS);
    return error;
}

static void
expect_failure (int64_t timeout_ms, godwit_status_t status, godwit_outcome_t outcome, const char *what)
{
    godwit_error_t *error = failing_call (timeout_ms);
    cr_assert (godwit_error_status (error) == status && godwit_error_outcome (error) == outcome, "%s: got %s",
               what, godwit_error_print (error));
    godwit_error_destroy (&error);
}

static void
expect_five (void)
{
    godwit_value_t *result = NULL;
    godwit_error_t *error = NULL;
    godwit_client_call (client, NULL, "m", GODWIT_NO_ARGS, &result, &error);
    cr_assert_null (error, "%s", godwit_error_print (error));
    cr_assert_eq (godwit_value_as_int (result, 0), 5);
    godwit_value_unref (&result);
}

static godwit_transport_stats_t
stats (void)
{
    godwit_transport_stats_t now;
    godwit_transport_stats (transport, &now, sizeof now);
    return now;
}

TestSuite (hostile_peer, .timeout = 60);

/* ---- bodies ---- */

typedef struct body {
    const char *data;
    size_t size;
} body_t;

#define BODY(text)                                                                                           \
    {                                                                                                        \
        text, sizeof text - 1                                                                                \
    }

static const body_t *_Atomic body; /* the attacker reads what the test writes */

static void
welcome_with_body (router_t *router, const godwit__header_t *header)
{
    const body_t *const now = atomic_load (&body);
    (void) header;
    answer_body (router, (godwit__header_t){.type = GODWIT__WELCOME}, now->data, now->size);
}

static void
reply_with_body (router_t *router, const godwit__header_t *header)
{
    const body_t *const now = atomic_load (&body);
    answer_body (router, (godwit__header_t){.type = GODWIT__REPLY, .id = header->id}, now->data, now->size);
}

static void
fail_with_body (router_t *router, const godwit__header_t *header)
{
    const body_t *const now = atomic_load (&body);
    answer_body (router, (godwit__header_t){.type = GODWIT__FAILURE, .id = header->id}, now->data, now->size);
}

static const body_t garbage[] = {
    BODY (""),
    BODY ("\xc1"),
    BODY ("\xdd\xff\xff\xff\xff"),
    BODY ("\xdf\xff\xff\xff\xff"),
    BODY ("\xc6\xff\xff\xff\xff"),
    BODY ("\x81\xa1x\xdd\xff\xff\xff\xff"),
    BODY ("\x81\x01\x01"),
    BODY ("\x82\xa1x\x01\xa1x\x01"),
    BODY ("\xd4\x01\x01"),
    BODY ("\xc7\xff\x01"),
    BODY ("\x05\x05"),
    BODY ("\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91"
          "\x91\x91\x91"
          "\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\xc0"),
};

enum { GARBAGE = sizeof garbage / sizeof *garbage };

Test (hostile_peer, a_reply_that_cannot_be_read_ran)
{
    body = garbage;
    start (welcome, reply_with_body);
    for (int i = 0; i < GARBAGE; i++) {
        body = &garbage[i];
        godwit_error_t *error = failing_call (WAIT_LIMIT_MS);
        cr_assert (godwit_error_status (error) == GODWIT_ERR_MALFORMED ||
                       godwit_error_status (error) == GODWIT_ERR_LIMIT_EXCEEDED,
                   "%d: %s", i, godwit_error_print (error));
        cr_assert_eq (godwit_error_outcome (error), GODWIT_OUTCOME_RAN);
        godwit_error_destroy (&error);
        cr_assert_eq (stats ().frames_malformed, (uint64_t) i + 1);
    }
    cr_assert_eq (attacker.requests, GARBAGE); /* each was sent once */
    stop ();
}

Test (hostile_peer, a_failure_that_cannot_be_read_ran)
{
    static const body_t others[] = {BODY ("\x05"), BODY ("\x93\xa1x\xa1x\xa1x"),
                                    BODY ("\x94\xa1x\xa1x\xa1x\x01")};
    body = garbage;
    start (welcome, fail_with_body);
    for (int i = 0; i < GARBAGE + 3; i++) {
        body = i < GARBAGE ? &garbage[i] : &others[i - GARBAGE];
        godwit_error_t *error = failing_call (WAIT_LIMIT_MS);
        cr_assert (godwit_error_status (error) == GODWIT_ERR_MALFORMED ||
                       godwit_error_status (error) == GODWIT_ERR_LIMIT_EXCEEDED,
                   "%d: %s", i, godwit_error_print (error));
        cr_assert_eq (godwit_error_outcome (error), GODWIT_OUTCOME_RAN);
        godwit_error_destroy (&error);
        cr_assert_eq (stats ().frames_malformed, (uint64_t) i + 1);
    }
    stop ();
}

/* What it says is data: no format, and no status that would pass for another thing. */
Test (hostile_peer, a_failure_with_odd_texts)
{
    static const body_t odd[] = {
        BODY ("\x94\xa4%s%n\xa4%d%s\xa6%n%n%n\xa2%s"),
        BODY ("\x94\xa2Ok\xa6godwit\xa0\xa0"),
        BODY ("\x94\xa0\xa0\xa0\xa0"),
        BODY ("\x94\xa3"
              "a\0b\xa3"
              "c\0d\xa3"
              "e\0f\xa3"
              "g\0h"),
        BODY ("\x96\xa1x\xa1x\xa1x\xa1x\xa1x\xa1x"),
    };
    body = odd;
    start (welcome, fail_with_body);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        body = &odd[i];
        godwit_error_t *error = failing_call (WAIT_LIMIT_MS);
        cr_assert_eq (godwit_error_outcome (error), GODWIT_OUTCOME_RAN, "%d: %s", (int) i,
                      godwit_error_print (error));
        if (i == 0)
            cr_assert_str_eq (godwit_error_detail (error, "value"), "%n%n%n");
        godwit_error_destroy (&error);
    }
    stop ();
}

Test (hostile_peer, a_welcome_that_is_none_ends_the_connection)
{
    static const body_t others[] = {
        BODY ("\x80"), BODY ("\x83\xa8instance\xc4\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xabincarnation\x01\xa8"
                             "features\x00")};
    body = garbage;
    start (welcome_with_body, say_nothing);
    for (int i = 0; i < GARBAGE + 2; i++) {
        const uint64_t before = stats ().frames_malformed;
        body = i < GARBAGE ? &garbage[i] : &others[i - GARBAGE];
        expect_failure (60, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NOT_SENT, "WELCOME");
        const int64_t end = now_ms () + WAIT_LIMIT_MS;
        while (stats ().frames_malformed == before && now_ms () < end) /* it may back off by now */
            expect_failure (60, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NOT_SENT, "WELCOME");
        cr_assert_gt (stats ().frames_malformed, before);
    }
    cr_assert_eq (attacker.requests, 0);
    attacker.on_hello = welcome; /* it comes to its senses */
    attacker.on_request = reply_five;
    expect_five ();
    stop ();
}

Test (hostile_peer, no_welcome_is_no_connection)
{
    start (say_nothing, reply_five);
    expect_failure (700, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NOT_SENT, "silence");
    cr_assert_eq (attacker.requests, 0);
    stop ();
}

/* ---- frames ---- */

static atomic_size_t cut;

static void
answer_cut (router_t *router, const godwit__header_t *header)
{
    uint8_t data[GODWIT__HEADER_SIZE];
    godwit__header_write (data, &(godwit__header_t){.type = GODWIT__REPLY, .id = header->id});
    answer (router, data, cut);
}

static void
answer_wrong_magic (router_t *router, const godwit__header_t *header)
{
    uint8_t data[GODWIT__HEADER_SIZE];
    godwit__header_write (data, &(godwit__header_t){.type = GODWIT__REPLY, .id = header->id});
    data[0] = 'H';
    answer (router, data, sizeof data);
}

Test (hostile_peer, a_malformed_frame_ends_the_connection)
{
    start (welcome, answer_cut);
    for (cut = 0; cut < GODWIT__HEADER_SIZE; cut++) {
        expect_failure (WAIT_LIMIT_MS, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, "a cut frame");
        cr_assert_eq (stats ().frames_malformed, cut + 1);
    }
    attacker.on_request = answer_wrong_magic;
    expect_failure (WAIT_LIMIT_MS, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, "wrong magic");
    attacker.on_request = reply_five;
    expect_five ();
    stop ();
}

/* All that is to be ignored, and then the reply. */
static void
answer_much (router_t *router, const godwit__header_t *header)
{
    uint8_t data[GODWIT__HEADER_SIZE];
    for (unsigned version = 0; version < 256; version++) {
        godwit__header_write (data, &(godwit__header_t){.type = GODWIT__REPLY, .id = header->id});
        data[1] = (uint8_t) version;
        if (version != GODWIT__PROTOCOL_VERSION)
            answer (router, data, sizeof data);
    }
    for (unsigned type = 0; type < 256; type++)
        if (type < GODWIT__WELCOME || type == GODWIT__REQUEST ||
            (type > GODWIT__GOODBYE && type != GODWIT__BATCH && type != GODWIT__RESOLVED &&
             type != GODWIT__SETTLED) ||
            type == GODWIT__CANCEL || type == GODWIT__PING)
            answer_header (router, (godwit__header_t){.type = (uint8_t) type, .id = header->id});
    for (uint64_t id = header->id + 1; id < header->id + 200; id++)
        reply_five (router, &(godwit__header_t){.id = id});
    answer_header (router, (godwit__header_t){.type = GODWIT__GOODBYE, .target = 12345});
    reply_five (router, header);
    reply_five (router, header);
}

Test (hostile_peer, what_is_not_known_and_what_nobody_waits_for_is_ignored_and_counted)
{
    start (welcome, answer_much);
    expect_five ();
    attacker.on_request = reply_five;
    expect_five (); /* the second reply to the first call came before it */
    const godwit_transport_stats_t now = stats ();
    cr_assert_eq (now.frames_unknown, 255 + 2 + 1 + 2 + 240, "%d of them, %d dropped",
                  (int) now.frames_unknown, (int) now.frames_dropped);
    cr_assert_eq (now.frames_dropped, 200);
    cr_assert_eq (now.frames_malformed, 0);
    stop ();
}

static _Atomic (uint32_t) reason;

static void
nack (router_t *router, const godwit__header_t *header)
{
    answer_header (router, (godwit__header_t){.type = GODWIT__NACK, .id = header->id, .aux = reason});
}

Test (hostile_peer, a_server_that_only_refuses)
{
    static const uint32_t reasons[] = {0, 1, 5, 8, 9, 1000, UINT32_MAX};
    start (welcome, nack);
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        reason = reasons[i];
        godwit_error_t *error = failing_call (200);
        /* Its time may be spent while a refusal is on its way. */
        cr_assert (godwit_error_outcome (error) != GODWIT_OUTCOME_RAN, "%u: %s", reason,
                   godwit_error_print (error));
        godwit_error_destroy (&error);
    }
    attacker.on_request = reply_five;
    expect_five ();
    stop ();
}

static void
answer_huge (router_t *router, const godwit__header_t *header)
{
    enum { SIZE = 100 * MIB };
    uint8_t *const data = calloc (1, SIZE);
    godwit__header_write (data, &(godwit__header_t){.type = GODWIT__REPLY, .id = header->id});
    answer (router, data, SIZE);
    free (data);
}

Test (hostile_peer, a_huge_reply_ends_the_connection)
{
    start (welcome, answer_huge);
    expect_failure (WAIT_LIMIT_MS, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, "a huge reply");
    attacker.on_request = reply_five;
    expect_five ();
    stop ();
}

/* ---- nobody ---- */

typedef struct call_end {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_over;
    godwit_status_t status;
} call_end_t;

static void
on_reply (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    call_end_t *call_end = user;
    (void) result;
    (void) error;
    pthread_mutex_lock (&call_end->lock);
    call_end->is_over = true;
    call_end->status = status;
    pthread_cond_signal (&call_end->changed);
    pthread_mutex_unlock (&call_end->lock);
}

/* An asynchronous call that times out, by itself and in time. */
static void
expect_async_timeout (int64_t timeout_ms)
{
    call_end_t call_end = {.lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_condattr_t attributes;
    struct timespec until;
    godwit_client_t *hasty = NULL;
    pthread_condattr_init (&attributes);
    pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
    pthread_cond_init (&call_end.changed, &attributes);
    pthread_condattr_destroy (&attributes);
    cr_assert_eq (godwit_client_prepare (&hasty, client, GODWIT_OVERRIDES (.timeout_ms = timeout_ms), NULL),
                  GODWIT_OK);
    clock_gettime (CLOCK_MONOTONIC, &until);
    until.tv_sec += IN_TIME_MS / 1000;
    cr_assert_eq (godwit_client_call_async (hasty, NULL, "m", GODWIT_NO_ARGS, on_reply, &call_end, NULL),
                  GODWIT_OK);
    pthread_mutex_lock (&call_end.lock);
    while (!call_end.is_over && !pthread_cond_timedwait (&call_end.changed, &call_end.lock, &until))
        continue;
    const bool in_time = call_end.is_over;
    pthread_mutex_unlock (&call_end.lock);
    godwit_client_destroy (&hasty); /* nothing is called back after this */
    cr_assert (in_time && call_end.status == GODWIT_ERR_TIMEOUT, "it did not end by itself, or with %d",
               (int) call_end.status);
    pthread_cond_destroy (&call_end.changed);
}

/* Also the first one of a transport, before anything was connected to. */
Test (hostile_peer, an_asynchronous_call_to_nobody_ends)
{
    cr_assert_eq (godwit_transport_new (&transport, "inproc://nobody/", NULL, NULL), GODWIT_OK);
    cr_assert_eq (godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "nobody"), NULL, NULL),
                  GODWIT_OK);
    expect_async_timeout (50);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
}

/* ---- floods ---- */

static atomic_bool floods;
static _Atomic (uint64_t) flooded;

/* Small frames, as many as it takes, until the call has ended. */
static void
flood (router_t *router, const godwit__header_t *header)
{
    const int64_t end = now_ms () + WAIT_LIMIT_MS;
    while (atomic_load (&floods) && now_ms () < end) {
        for (uint64_t i = 0; i < 1000; i++) {
            uint8_t data[GODWIT__HEADER_SIZE];
            godwit__header_write (data,
                                  &(godwit__header_t){.type = GODWIT__REPLY, .id = header->id + 1000 + i});
            if (!try_answer (router, data, sizeof data))
                break;
            flooded++;
        }
    }
}

Test (hostile_peer, a_flood_does_not_keep_a_call_from_ending_in_time)
{
    start (welcome, reply_five);
    expect_five (); /* it is connected */
    attacker.on_request = flood;
    uint64_t total = 0;
    for (int i = 0; i < 20 && total < 1000000; i++) {
        atomic_store (&floods, true);
        expect_failure (300, GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, "a flood");
        atomic_store (&floods, false);
        total = atomic_load (&flooded);
    }
    cr_assert_gt (total, 1000);
    attacker.on_request = reply_five;
    expect_five ();
    cr_assert_gt (stats ().frames_dropped, 1000);
    stop ();
}

Test (hostile_peer, a_flood_does_not_keep_an_asynchronous_call_from_ending_in_time)
{
    start (welcome, reply_five);
    expect_five (); /* it is connected */
    attacker.on_request = flood;
    atomic_store (&floods, true);
    expect_async_timeout (300);
    atomic_store (&floods, false);
    cr_assert_gt (atomic_load (&flooded), 1000);
    stop ();
}
