/* SPDX-License-Identifier: Apache-2.0 */
/* Memory stays bounded, and nobody else is disturbed, when a peer takes nothing: a server that stands still,
 * a subscriber that does, a client that never reads, clients that ask for more than can be done. */
#include <criterion/criterion.h>
#include <godwit/godwit.h>

#include "src/wire/header.h"
#include "src/wire/wire.h"
#include "tests/support/life.h"
#include "tests/support/must.h"
#include "tests/support/zmtp.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WAIT_LIMIT_MS PROCESS_WAIT_LIMIT_MS
#define MIB (1024 * 1024)
enum { PAYLOAD = 512 * 1024 };
/* The bound that the tests set, and what else there is: buffers of the system are not counted, arenas are. */
#define QUEUE_MIB 8
#define SLACK_MIB 24

/* "VmRSS:" or "VmHWM:" of a process, in MiB. */
static double
memory_of (pid_t pid, const char *field)
{
    char path[64], line[256];
    long kib = 0;
    snprintf (path, sizeof path, "/proc/%ld/status", (long) pid);
    FILE *file = fopen (path, "r");
    cr_assert_not_null (file);
    while (fgets (line, sizeof line, file))
        if (!strncmp (line, field, strlen (field)))
            kib = strtol (line + strlen (field), NULL, 10);
    fclose (file);
    cr_assert_gt (kib, 0);
    return (double) kib / 1024;
}

static void
expect_bounded (pid_t pid, double before, double most, const char *who)
{
    const double grown = memory_of (pid, "VmHWM:") - before;
    fprintf (stderr, "%s: grew by %.1f MiB at most\n", who, grown);
    if (!life_is_sanitized ()) /* which keep what was freed */
        cr_assert_lt (grown, most, "%s", who);
}

static const char payload[PAYLOAD];

static void
open_bounded (life_t *life, const char *more)
{
    char query[128];
    const int size = snprintf (query, sizeof query, "?max_queue_size=%d%s", QUEUE_MIB * MIB, more);
    cr_assert_lt ((size_t) size, sizeof query);
    life_open (life, query, NULL);
}

static void
await_stat (process_t *server, const char *name, unsigned long long least)
{
    const int64_t end_ms = process_now_ms () + WAIT_LIMIT_MS;
    unsigned long long value;
    while ((value = life_stat (server, name)) < least) /* each look is a round trip to the process */
        cr_assert_lt (process_now_ms (), end_ms, "%s is %llu", name, value);
}

#define BYTES GODWIT_ARGS (GODWIT_BIN ("data", payload, PAYLOAD))

/* ---- a server that stands still ---- */

/* Casts until one is not accepted. Returns how many were. */
static unsigned
cast_until_full (godwit_client_t *client)
{
    enum { MOST = 20000 };
    for (unsigned accepted = 0; accepted < MOST; accepted++) {
        godwit_error_t *error = NULL;
        const godwit_status_t status = godwit_client_cast (client, NULL, "take", BYTES, &error);
        if (status == GODWIT_OK)
            continue;
        fprintf (stderr, "%u casts were accepted, then: %s\n", accepted, godwit_error_print (error));
        cr_assert_eq (status, GODWIT_ERR_DELIVERY_FAILURE);
        cr_assert_eq (godwit_error_outcome (error), GODWIT_OUTCOME_NOT_SENT);
        /* Unless this took so long that the server was found dead before. */
        cr_assert (strstr (godwit_error_message (error), "queue is full") ||
                       strstr (godwit_error_message (error), "connect"),
                   "%s", godwit_error_message (error));
        godwit_error_destroy (&error);
        return accepted;
    }
    cr_assert_fail ("%d casts were accepted", MOST);
    return 0;
}

static void
stall_a_server (const char *query)
{
    life_t life;
    process_t one;
    godwit_client_t *hasty = NULL;
    godwit_future_t *out = NULL;
    open_bounded (&life, query);
    life_start (&one, life.url, "one");
    MUST (godwit_client_prepare (&hasty, life.to_one, GODWIT_OVERRIDES (.timeout_ms = 100), &error));
    MUST (godwit_client_call (life.to_one, NULL, "take", BYTES, NULL, &error));
    const double before = memory_of (getpid (), "VmHWM:");
    process_stand_still (&one);
    MUST (godwit_client_call_future (life.to_one, NULL, "nothing", GODWIT_NO_ARGS, &out, &error));
    cast_until_full (hasty);
    expect_bounded (getpid (), before, QUEUE_MIB + SLACK_MIB, "a client of a server that stands still");
    /* It is found dead although nothing more could be written to it: not even a heartbeat. */
    godwit_error_t *failure = NULL;
    const int64_t from_ms = process_now_ms ();
    cr_assert_eq (godwit_future_wait (out, -1, NULL, NULL, &failure), GODWIT_ERR_TIMEOUT);
    fprintf (stderr, "%s after %lld ms more\n", godwit_error_print (failure),
             (long long) (process_now_ms () - from_ms));
    cr_assert_eq (godwit_error_outcome (failure), GODWIT_OUTCOME_MAYBE_RUN);
    cr_assert_lt (process_now_ms () - from_ms, WAIT_LIMIT_MS / 2, "only its time ended the call");
    godwit_error_destroy (&failure);
    godwit_future_destroy (&out);
    /* And it is used again when it goes on. */
    kill (one.pid, SIGCONT);
    MUST (godwit_client_call (life.to_one, NULL, "take", BYTES, NULL, &error));
    godwit_client_destroy (&hasty);
    process_finish (&one, SIGKILL);
    life_close (&life);
}

Test (overload, a_server_that_stands_still, .timeout = 60)
{
    stall_a_server ("&heartbeat_ms=250&heartbeat_timeout_ms=1000");
}

Test (overload, a_server_that_stands_still_over_tcp, .timeout = 60)
{
    stall_a_server ("&heartbeat_ms=250&heartbeat_timeout_ms=1000&paths=tcp&insecure=true");
}

/* ---- a subscriber that stands still ---- */

/* Publications go on to the others, the publisher's memory is bounded, and the one that stood still counts
 * what it missed when it goes on; or it is told of as missing. */
static void
stall_a_subscriber (const char *query, unsigned fanouts)
{
    life_t life;
    process_t one, two;
    godwit_client_t *hasty = NULL;
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
    unsigned sent = 0, missed = 0, failed = 0;
    open_bounded (&life, query);
    life_start (&one, life.url, "one");
    life_start (&two, life.url, "two");
    MUST (godwit_client_wait_servers (life.client, 2, WAIT_LIMIT_MS, &error));
    MUST (godwit_client_fanout (life.client, NULL, "take", BYTES, &report, &error));
    cr_assert_eq (report.reached, 2u);
    await_stat (&one, "taken", 1);
    await_stat (&two, "taken", 1);
    MUST (godwit_client_prepare (&hasty, life.client, GODWIT_OVERRIDES (.timeout_ms = 1500), &error));
    const double before = memory_of (getpid (), "VmHWM:");
    process_stand_still (&one);
    while (sent < fanouts) {
        if (godwit_client_fanout (hasty, NULL, "take", BYTES, &report, NULL) == GODWIT_OK) {
            sent++;
            missed += report.reached == 1 && report.missing == 1;
            /* As fast as the other one takes it: this is about the first. */
            await_stat (&two, "taken", 1 + sent);
        } else {
            cr_assert_lt (failed++, 5u, "the publisher stands still");
        }
    }
    fprintf (stderr, "%u publications, %u of which said that one server was missing; %u failed\n", sent,
             missed, failed);
    expect_bounded (getpid (), before, QUEUE_MIB + SLACK_MIB,
                    "a publisher with a subscriber that stands still");
    cr_assert_eq (life_stat (&two, "gaps"), 0u);
    kill (one.pid, SIGCONT);
    const int64_t continued_ms = process_now_ms ();
    /* It hears again. What it did not get it counts as a gap, or the report said that it was missing. */
    do {
        MUST (godwit_client_fanout (life.client, NULL, "take", BYTES, &report, &error));
        missed += report.missing == 1;
    } while (++sent < 10000 && report.reached < 2);
    cr_assert_eq (report.reached, 2u);
    fprintf (stderr, "continued: reached again after %lld ms\n",
             (long long) (process_now_ms () - continued_ms));
    const int64_t end_ms = process_now_ms () + WAIT_LIMIT_MS;
    while (life_stat (&one, "taken") + life_stat (&one, "gaps") + missed < 1 + sent)
        cr_assert_lt (process_now_ms (), end_ms, "taken %llu, gaps %llu, missing %u of %u",
                      life_stat (&one, "taken"), life_stat (&one, "gaps"), missed, 1 + sent);
    cr_assert_eq (life_stat (&two, "gaps"), 0u);
    godwit_client_destroy (&hasty);
    process_finish (&one, SIGKILL);
    process_finish (&two, SIGKILL);
    life_close (&life);
}

Test (overload, a_subscriber_that_stands_still, .timeout = 60)
{
    stall_a_subscriber ("&heartbeat_ms=250&heartbeat_timeout_ms=1000", 24);
}

Test (overload, a_subscriber_that_stands_still_over_tcp, .timeout = 60)
{
    stall_a_subscriber ("&heartbeat_ms=250&heartbeat_timeout_ms=1000&paths=tcp&insecure=true&host=127.0.0.1",
                        48);
}

/* ---- a client that never reads ---- */

/* One request: [{}, "fetch", {"size": size}] to the first server of the process. */
static bool
ask_for_much (int fd, uint64_t id, int64_t size)
{
    uint8_t data[256];
    godwit__writer_t writer = {.data = data, .size = GODWIT__HEADER_SIZE, .capacity = sizeof data};
    godwit__header_write (data, &(godwit__header_t){.type = GODWIT__REQUEST, .target = 1, .id = id});
    godwit__write_array (&writer, 3);
    godwit__write_map (&writer, 0);
    godwit__write_str (&writer, "fetch", 5);
    godwit__write_map (&writer, 1);
    godwit__write_str (&writer, "size", 4);
    godwit__write_int (&writer, size);
    return zmtp_send (fd, data, writer.size, false);
}

Test (overload, a_client_that_never_reads, .timeout = 60)
{
    enum { REQUESTS = 400, CALLS = 200 };
    life_t life;
    process_t one;
    char query[64], address[64];
    const int port = free_port ();
    setenv ("LIFE_CONCURRENCY", "4", 1); /* what handlers use is theirs */
    snprintf (query, sizeof query, "&insecure=true&port=%d", port);
    snprintf (address, sizeof address, "tcp://127.0.0.1:%d", port);
    open_bounded (&life, ""); /* not at that port */
    snprintf (life.url + strlen (life.url), sizeof life.url - strlen (life.url), "%s", query);
    life_start (&one, life.url, "one");
    MUST (godwit_client_call (life.to_one, NULL, "fetch", GODWIT_ARGS (GODWIT_INT ("size", PAYLOAD)), NULL,
                              &error));
    const double before = memory_of (one.pid, "VmHWM:");
    const unsigned long long ran = life_stat (&one, "ran");

    const int fd = zmtp_connect (address);
    cr_assert_geq (fd, 0);
    cr_assert (zmtp_handshake (fd, "DEALER", NULL, 0));
    const godwit__identity_t identity = {.instance = {9, 9, 9}, .incarnation = 1};
    uint8_t hello[GODWIT__IDENTITY_FRAME_MAX];
    cr_assert (zmtp_send (fd, hello, godwit__identity_write (hello, GODWIT__HELLO, &identity), false));
    for (uint64_t id = 1; id <= REQUESTS; id++)
        cr_assert (ask_for_much (fd, id, PAYLOAD));
    /* The others are served all the while. */
    for (int i = 0; i < CALLS; i++)
        MUST (godwit_client_call (life.to_one, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    await_stat (&one, "ran", ran + REQUESTS + CALLS);
    expect_bounded (one.pid, before, QUEUE_MIB + SLACK_MIB, "a server of a client that never reads");
    const unsigned long long dropped = life_stat (&one, "dropped");
    fprintf (stderr, "%llu of %d replies were dropped\n", dropped, REQUESTS);
    cr_assert_gt (dropped, REQUESTS / 2);
    MUST (godwit_client_call (life.to_one, NULL, "fetch", GODWIT_ARGS (GODWIT_INT ("size", PAYLOAD)), NULL,
                              &error));
    close (fd);
    process_finish (&one, SIGKILL);
    life_close (&life);
}

/* ---- more than can be done ---- */

typedef struct flood {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned out;
    unsigned succeeded, refused, not_sent, other;
    char first[256];
} flood_t;

static void
on_flood (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    flood_t *const flood = user;
    (void) result;
    pthread_mutex_lock (&flood->lock);
    flood->out--;
    if (status == GODWIT_OK)
        flood->succeeded++;
    else if (godwit_error_outcome (error) == GODWIT_OUTCOME_REJECTED &&
             strstr (godwit_error_message (error), "overloaded"))
        flood->refused++;
    else if (godwit_error_outcome (error) == GODWIT_OUTCOME_NOT_SENT)
        flood->not_sent++;
    else if (flood->other++ == 0)
        snprintf (flood->first, sizeof flood->first, "%s", godwit_error_print (error));
    pthread_cond_broadcast (&flood->changed);
    pthread_mutex_unlock (&flood->lock);
}

/* All of it is sent before much of it can be handled. */
#define FLOOD_BYTES GODWIT_ARGS (GODWIT_BIN ("data", payload, PAYLOAD / 8))

/* queue_limit bounds the requests that wait, or max_queue_size their bytes: whatever comes first. */
static void
flood_a_server (const char *queue_limit, const char *what)
{
    enum { REQUESTS = 600 };
    life_t life;
    process_t one;
    godwit_transport_t *transport = NULL; /* whose own queue is large enough */
    godwit_client_t *once = NULL;
    flood_t flood = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    setenv ("LIFE_CONCURRENCY", "2", 1);
    setenv ("LIFE_QUEUE_LIMIT", queue_limit, 1);
    open_bounded (&life, "");
    life_start (&one, life.url, "one");
    MUST (godwit_transport_new (&transport, life.rendezvous, NULL, &error));
    MUST (godwit_client_new (&once, transport, GODWIT_TARGET (.topic = "life"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS, .retry = GODWIT_RETRY_NONE),
                             &error));
    MUST (godwit_client_wait_servers (once, 1, WAIT_LIMIT_MS, &error));
    MUST (godwit_client_call (once, NULL, "slow", FLOOD_BYTES, NULL, &error));
    const double before = memory_of (one.pid, "VmHWM:");
    for (int i = 0; i < REQUESTS; i++) {
        godwit_error_t *failure = NULL;
        pthread_mutex_lock (&flood.lock);
        flood.out++;
        pthread_mutex_unlock (&flood.lock);
        const godwit_status_t status =
            godwit_client_call_async (once, NULL, "slow", FLOOD_BYTES, on_flood, &flood, &failure);
        if (status)
            on_flood (&flood, status, NULL, failure);
        godwit_error_destroy (&failure);
    }
    pthread_mutex_lock (&flood.lock);
    while (flood.out > 0)
        pthread_cond_wait (&flood.changed, &flood.lock);
    pthread_mutex_unlock (&flood.lock);
    fprintf (stderr, "%s: %u succeeded, %u refused as OVERLOADED, %u not sent\n", what, flood.succeeded,
             flood.refused, flood.not_sent);
    cr_assert_eq (flood.other, 0u, "%s", flood.first);
    cr_assert_gt (flood.succeeded, 0u);
    cr_assert_gt (flood.refused, 0u);
    expect_bounded (one.pid, before, 2 * QUEUE_MIB + SLACK_MIB, what);
    /* Each ran once, or was refused. */
    cr_assert_eq (life_stat (&one, "ran"), flood.succeeded + 1u);
    MUST (godwit_client_call (life.to_one, NULL, "slow", FLOOD_BYTES, NULL, &error));
    godwit_client_destroy (&once);
    godwit_transport_destroy (&transport);
    process_finish (&one, SIGKILL);
    life_close (&life);
}

Test (overload, more_requests_than_a_server_can_queue, .timeout = 60)
{
    flood_a_server ("8", "a flood, 8 requests may wait");
    flood_a_server ("1000000", "a flood, 8 MiB may wait");
}
