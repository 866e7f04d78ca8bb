/* SPDX-License-Identifier: Apache-2.0 */
/* Durable casts: kept until a server has run them, over restarts of both ends. The spool is a simple one in
 * memory, which outlives the client as a file does. */
#include "tests/support/await.h"
#include "tests/support/memory_spool.h"
#include "tests/support/must.h"
#include "tests/support/notifying.h"

#include <godwit/godwit.h>

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STREAM "cast/godwit/work"
#define RUNS_MAX 10000

static godwit_transport_t *near_end, *far_end;
static godwit_client_t *client;
static godwit_server_t *server;
static godwit_spool_t *spool;

/* What ran. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static size_t run_count;
static int64_t numbers[RUNS_MAX];
static bool marks[RUNS_MAX];
static bool holds;
static int running, most_running;

static godwit_status_t
work (godwit_request_t *request, void *self)
{
    (void) self;
    pthread_mutex_lock (&lock);
    running++;
    most_running = running > most_running ? running : most_running;
    pthread_cond_broadcast (&more);
    while (holds)
        pthread_cond_wait (&more, &lock);
    running--;
    marks[run_count] = godwit_request_is_redelivered (request);
    numbers[run_count++] = godwit_value_as_int (godwit_value_get (godwit_request_args (request), "n"), -1);
    pthread_cond_broadcast (&more);
    pthread_mutex_unlock (&lock);
    return GODWIT_OK;
}

static godwit_status_t
break_down (godwit_request_t *request, void *self)
{
    work (request, self);
    return GODWIT_ERR_FAILED;
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("work", work, 0),
                                          GODWIT_METHOD ("break_down", break_down, 0)};

static void
await_runs (size_t count)
{
    pthread_mutex_lock (&lock);
    while (run_count < count)
        pthread_cond_wait (&more, &lock);
    pthread_mutex_unlock (&lock);
}

static size_t
spooled (void)
{
    return memory_spool_count (spool, STREAM);
}

static void
await_spool_empty (void)
{
    AWAIT (spooled () == 0);
}

static void
open_client (void)
{
    MUST (godwit_client_new (&client, near_end, GODWIT_TARGET (.topic = "work"),
                             GODWIT_CLIENT_OPTIONS (.spool = spool, .durable = GODWIT_YES), &error));
}

static void
serve (const char *name)
{
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods);
    MUST (godwit_server_new (&server, far_end, GODWIT_TARGET (.topic = "work", .server = name), &endpoint, 1,
                             NULL, &error));
    MUST (godwit_server_start (server, NULL, &error));
}

static void
cast (const char *method, int64_t number)
{
    MUST (godwit_client_cast (client, NULL, method, GODWIT_ARGS (GODWIT_INT ("n", number)), &error));
}

static void
set_up (void)
{
    near_end = notifying_transport ();
    far_end = notifying_transport ();
    spool = memory_spool_new ();
}

static void
tear_down (void)
{
    godwit_client_destroy (&client);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&near_end);
    godwit_transport_destroy (&far_end);
    memory_spool_destroy (&spool);
}

TestSuite (durable, .init = set_up, .fini = tear_down, .timeout = 60);

Test (durable, each_runs_once_and_leaves_the_spool)
{
    bool seen[1000] = {false};
    serve ("a");
    open_client ();
    for (int64_t i = 0; i < 1000; i++)
        cast ("work", i);
    await_runs (1000);
    await_spool_empty ();
    cr_assert_eq (run_count, 1000);
    for (size_t i = 0; i < 1000; i++) {
        cr_assert_not (marks[i]);
        cr_assert_not (seen[numbers[i]]);
        seen[numbers[i]] = true;
    }
}

Test (durable, is_kept_until_there_is_a_server)
{
    open_client ();
    for (int64_t i = 0; i < 100; i++)
        cast ("work", i);
    cr_assert_eq (spooled (), 100);
    serve ("a");
    await_runs (100);
    await_spool_empty ();
    for (size_t i = 0; i < 100; i++) /* none was sent before */
        cr_assert_not (marks[i]);
}

/* What another process left there is sent, and marked: nobody knows whether it ran. */
Test (durable, is_sent_after_a_restart)
{
    open_client ();
    for (int64_t i = 0; i < 100; i++)
        cast ("work", i);
    godwit_client_destroy (&client);
    cr_assert_eq (spooled (), 100);
    serve ("a");
    open_client ();
    cast ("work", 100);
    await_runs (101);
    await_spool_empty ();
    for (size_t i = 0; i < 101; i++)
        cr_assert_eq (marks[i], numbers[i] < 100);
}

/* The server's connection ends while it runs: it may have run, and comes again, marked. */
Test (durable, what_may_have_run_is_sent_again_marked)
{
    holds = true;
    serve ("a");
    open_client ();
    cast ("work", 7);
    pthread_mutex_lock (&lock);
    while (!running)
        pthread_cond_wait (&more, &lock);
    pthread_mutex_unlock (&lock);
    godwit_client_destroy (&client); /* without having heard of it */
    cr_assert_eq (spooled (), 1);
    pthread_mutex_lock (&lock);
    holds = false;
    pthread_cond_broadcast (&more);
    pthread_mutex_unlock (&lock);
    await_runs (1);
    open_client ();
    await_runs (2);
    await_spool_empty ();
    cr_assert_not (marks[0]);
    cr_assert (marks[1]);
}

/* However many wait, 64 of a topic are on their way. */
Test (durable, a_window_of_them_is_sent)
{
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods);
    holds = true;
    MUST (godwit_server_new (&server, far_end, GODWIT_TARGET (.topic = "work", .server = "a"), &endpoint, 1,
                             GODWIT_SERVER_OPTIONS (.concurrency = 200), &error));
    MUST (godwit_server_start (server, NULL, &error));
    open_client ();
    for (int64_t i = 0; i < 200; i++)
        cast ("work", i);
    pthread_mutex_lock (&lock);
    while (running < 64)
        pthread_cond_wait (&more, &lock);
    holds = false;
    pthread_cond_broadcast (&more);
    pthread_mutex_unlock (&lock);
    await_runs (200);
    await_spool_empty ();
    cr_assert_eq (most_running, 64);
}

/* A method that fails has run. */
Test (durable, a_failure_is_an_end)
{
    serve ("a");
    open_client ();
    cast ("break_down", 1);
    await_runs (1);
    await_spool_empty ();
    cr_assert_eq (run_count, 1);
}

/* A method that nobody has is kept. */
Test (durable, a_refused_one_is_kept)
{
    serve ("a");
    open_client ();
    cast ("no_such_method", 1);
    cast ("work", 2);
    await_runs (1);
    cr_assert_eq (numbers[0], 2);
    cr_assert_eq (spooled () > 0, true);
}

/* Nor do many of them hold up others, nor those for one server that is not there. */
Test (durable, what_no_server_takes_holds_up_nothing)
{
    godwit_client_t *prepared = NULL;
    serve ("a");
    open_client ();
    MUST (godwit_client_prepare (&prepared, client, GODWIT_OVERRIDES (.server = "missing"), &error));
    for (int64_t i = 0; i < 200; i++) {
        cast ("no_such_method", i);
        MUST (godwit_client_cast (prepared, NULL, "work", GODWIT_ARGS (GODWIT_INT ("n", i)), &error));
    }
    cast ("work", 1000);
    await_runs (1);
    cr_assert_eq (numbers[0], 1000);
    godwit_server_destroy (&server);
    serve ("missing"); /* what was for it alone runs */
    await_runs (201);
    AWAIT (spooled () == 200);
    godwit_client_destroy (&prepared);
}

Test (durable, namespace_version_and_server_are_kept)
{
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .name_space = "billing", .version = "2.3");
    godwit_server_t *other = NULL;
    godwit_client_t *prepared = NULL;
    open_client ();
    MUST (godwit_client_prepare (&prepared, client,
                                 GODWIT_OVERRIDES (.name_space = "billing", .version = "2.1", .server = "b"),
                                 &error));
    MUST (godwit_client_cast (prepared, NULL, "work", GODWIT_ARGS (GODWIT_INT ("n", 5)), &error));
    godwit_client_destroy (&prepared);
    serve ("a"); /* has neither */
    MUST (godwit_server_new (&other, far_end, GODWIT_TARGET (.topic = "work", .server = "b"), &endpoint, 1,
                             NULL, &error));
    MUST (godwit_server_start (other, NULL, &error));
    await_runs (1);
    await_spool_empty ();
    cr_assert_eq (numbers[0], 5);
    godwit_server_destroy (&other);
}

/* An argument that is sent by reference otherwise. */
Test (durable, large_arguments)
{
    static char text[100000];
    memset (text, 'x', sizeof text - 1);
    godwit_value_t *value = NULL;
    MUST (godwit_value_new (&value, GODWIT_STR (NULL, text), &error));
    serve ("a");
    open_client ();
    MUST (godwit_client_cast (client, NULL, "work",
                              GODWIT_ARGS (GODWIT_INT ("n", 3), GODWIT_VALUE ("text", value)), &error));
    await_runs (1);
    await_spool_empty ();
    cr_assert_eq (numbers[0], 3);
    godwit_value_unref (&value);
}

static bool
take_none (void *user, uint64_t number, const void *data, size_t size)
{
    (void) user, (void) number, (void) data, (void) size;
    return false;
}

/* prepare switches it on and off. */
Test (durable, prepared)
{
    godwit_client_t *prepared = NULL;
    serve ("a");
    MUST (godwit_client_new (&client, near_end, GODWIT_TARGET (.topic = "work"),
                             GODWIT_CLIENT_OPTIONS (.spool = spool), &error));
    cast ("work", 1);
    await_runs (1);
    cr_assert_eq (spool->ops->read (spool, STREAM, NULL, 1, 0, 0, take_none, NULL, NULL),
                  GODWIT_ERR_NOT_FOUND);
    MUST (godwit_client_prepare (&prepared, client, GODWIT_OVERRIDES (.durable = GODWIT_YES), &error));
    MUST (godwit_client_cast (prepared, NULL, "work", GODWIT_ARGS (GODWIT_INT ("n", 2)), &error));
    await_runs (2);
    await_spool_empty ();
    godwit_client_destroy (&prepared);
}

static void
refused (godwit_client_t *by, godwit_status_t status, const char *text)
{
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_client_cast (by, NULL, "work", GODWIT_ARGS (GODWIT_INT ("n", 1)), &error), status);
    cr_assert (strstr (godwit_error_message (error), text), "%s", godwit_error_message (error));
    godwit_error_destroy (&error);
}

Test (durable, needs_a_spool_and_no_fanout)
{
    godwit_client_t *prepared = NULL;
    MUST (godwit_client_new (&client, near_end, GODWIT_TARGET (.topic = "work"),
                             GODWIT_CLIENT_OPTIONS (.durable = GODWIT_YES), &error));
    refused (client, GODWIT_ERR_INVALID_ARGUMENT,
             "A durable cast needs a spool: give the client the option `spool`");
    godwit_client_destroy (&client);
    open_client ();
    MUST (godwit_client_prepare (&prepared, client, GODWIT_OVERRIDES (.fanout = GODWIT_YES), &error));
    refused (prepared, GODWIT_ERR_INVALID_TARGET, "A durable cast cannot be used with fanout");
    godwit_client_destroy (&prepared);
}

Test (durable, a_destroyed_transport_keeps_it)
{
    open_client ();
    cast ("work", 1);
    godwit_transport_destroy (&near_end);
    refused (client, GODWIT_ERR_CLOSED, "");
    godwit_client_destroy (&client);
    cr_assert_eq (spooled (), 1);
}

/* ---- what cannot be read or sent ---- */

/* Ten good ones behind more that are malformed than are read at a time, also after a restart. */
Test (durable, malformed_ones_hide_nothing, .timeout = 20)
{
    godwit_spool_item_t item = {.stream = STREAM, .data = "\0garbage", .size = 8};
    open_client ();
    cast ("work", 0); /* so that the spool has its stream and its pool */
    for (int i = 0; i < 200; i++)
        MUST (spool->ops->append (spool, &item, 1, NULL, NULL, &error));
    for (int64_t i = 1; i <= 10; i++)
        cast ("work", i);
    godwit_client_destroy (&client);
    serve ("a");
    open_client ();
    await_runs (11);
    AWAIT (spooled () <= 200);
    cr_assert_eq (spooled (), 200); /* for `godwit spool` */
}

static const char *awaited; /* in the line */
static atomic_int casts_of_the_log;

/* A log function that makes a durable cast, as the program may. */
static void
cast_a_line (void *user, godwit_log_level_t level, const char *text)
{
    (void) user;
    if (level < GODWIT_LOG_WARNING || !strstr (text, awaited) || !client)
        return;
    cast ("work", 1000);
    atomic_fetch_add (&casts_of_the_log, 1);
}

static void
log_with_casts (const char *text)
{
    char url[64];
    awaited = text;
    godwit_transport_destroy (&near_end);
    snprintf (url, sizeof url, "zmq:///%ld", (long) getpid ());
    MUST (godwit_transport_new (&near_end, url, GODWIT_TRANSPORT_OPTIONS (.log = cast_a_line), &error));
}

static void
await_a_line (void)
{
    AWAIT (atomic_load (&casts_of_the_log));
}

Test (durable, what_logs_a_malformed_one_may_cast, .timeout = 20)
{
    godwit_spool_item_t item = {.stream = STREAM, .data = "\0garbage", .size = 8};
    log_with_casts ("is malformed");
    serve ("a");
    open_client ();
    cast ("work", 0);
    await_runs (1);
    MUST (spool->ops->append (spool, &item, 1, NULL, NULL, &error));
    cast ("work", 1);
    await_a_line ();
    await_runs (3);
}

/* 42 of these are 16 MiB that no server takes: no more are read, which is logged. Up to 64 others were read
 * before. */
Test (durable, what_logs_that_they_wait_may_cast, .timeout = 40)
{
    static char text[400000];
    memset (text, 'x', sizeof text - 1);
    log_with_casts ("are taken by no server");
    serve ("a");
    open_client ();
    for (int i = 0; i < 120; i++)
        MUST (godwit_client_cast (client, NULL, "no_such_method", GODWIT_ARGS (GODWIT_STR ("text", text)),
                                  &error));
    await_a_line ();
}
