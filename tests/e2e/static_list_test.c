/* SPDX-License-Identifier: Apache-2.0 */
/* A client that is told where its servers are by a static list, and servers in processes of their own that
 * tell nobody: whichever comes first, and across their deaths. */
#include <godwit/godwit.h>

#include "tests/support/process.h"

#include <criterion/criterion.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM GODWIT_BUILD_DIR "/tests/e2e/programs/static_server"
#define WAIT_LIMIT_MS PROCESS_WAIT_LIMIT_MS

/* ---- processes ---- */

static void
start_process (process_t *process, int port, const char *query, const char *exchange)
{
    char url[128];
    /* A list of its own: it neither looks for a rendezvous nor hosts one. */
    snprintf (url, sizeof url, "zmq:///?insecure=true&static=nobody/none@tcp://127.0.0.1:1&port=%d%s", port,
              query);
    process_start (process, PROGRAM, url, exchange);
    process->port = port;
}

/* A process with one server. */
static void
serve (process_t *process, int port, const char *name)
{
    char line[64];
    start_process (process, port, "", NULL);
    snprintf (line, sizeof line, "start %s", name);
    process_tell (process, line);
    snprintf (line, sizeof line, "started %s\n", name);
    process_wait (process, 1, line);
}

/* ---- the client ---- */

typedef struct caller {
    godwit_transport_t *transport;
    godwit_client_t *client;
} caller_t;

static void
open_caller (caller_t *caller, const char *list, const godwit_transport_options_t *options)
{
    char url[512];
    godwit_error_t *error = NULL;
    snprintf (url, sizeof url, "zmq:///?insecure=true&static=%s", list);
    cr_assert_eq (godwit_transport_new (&caller->transport, url, options, &error), GODWIT_OK, "%s",
                  godwit_error_print (error));
    cr_assert_eq (godwit_client_new (&caller->client, caller->transport, GODWIT_TARGET (.topic = "calc"),
                                     GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS), &error),
                  GODWIT_OK, "%s", godwit_error_print (error));
}

static void
close_caller (caller_t *caller)
{
    godwit_client_destroy (&caller->client);
    godwit_transport_destroy (&caller->transport);
}

/* Who is "name pid". */
static void
read_who (godwit_value_t **result, char *who, size_t size)
{
    snprintf (who, size, "%s %lld", godwit_value_as_str (godwit_value_at (*result, 0), "?"),
              (long long) godwit_value_as_int (godwit_value_at (*result, 1), 0));
    godwit_value_unref (result);
}

/* Calls until somebody answers: a call that goes out while its server dies is not repeated by the library. */
static void
call (godwit_client_t *client, char *who, size_t size)
{
    godwit_value_t *result = NULL;
    godwit_error_t *error = NULL;
    for (int i = 0; i < 3; i++) {
        if (godwit_client_call (client, NULL, "who", GODWIT_NO_ARGS, &result, &error) == GODWIT_OK) {
            read_who (&result, who, size);
            return;
        }
        cr_assert_eq (godwit_error_outcome (error), GODWIT_OUTCOME_MAYBE_RUN, "%s",
                      godwit_error_print (error));
        if (i < 2)
            godwit_error_destroy (&error);
    }
    cr_assert_fail ("%s", godwit_error_print (error));
}

static void
expect_caller_reaches (godwit_client_t *client, const char *name, const process_t *process)
{
    char who[64];
    char expected[64];
    call (client, who, sizeof who);
    snprintf (expected, sizeof expected, "%s %d", name, (int) process->pid);
    cr_assert_str_eq (who, expected);
}

static godwit_future_t *
call_later (godwit_client_t *client)
{
    godwit_future_t *future = NULL;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_client_call_future (client, NULL, "who", GODWIT_NO_ARGS, &future, &error), GODWIT_OK,
                  "%s", godwit_error_print (error));
    return future;
}

static void
expect_future_reaches (godwit_future_t *future, const char *name, const process_t *process)
{
    char who[64];
    char expected[64];
    godwit_value_t *result = NULL;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_future_wait (future, -1, NULL, &result, &error), GODWIT_OK, "%s",
                  godwit_error_print (error));
    read_who (&result, who, sizeof who);
    snprintf (expected, sizeof expected, "%s %d", name, (int) process->pid);
    cr_assert_str_eq (who, expected);
    godwit_future_destroy (&future);
}

/* The first server's instance, as the client knows it. */
static void
instance_of (godwit_client_t *client, uint8_t instance[16])
{
    godwit_value_t *list = NULL;
    const void *data = NULL;
    size_t size = 0;
    cr_assert_eq (godwit_client_servers (client, &list, NULL), GODWIT_OK);
    cr_assert_eq (
        godwit_value_get_bin (godwit_value_get (godwit_value_at (list, 0), "instance"), &data, &size, NULL),
        GODWIT_OK);
    cr_assert_eq (size, 16u);
    memcpy (instance, data, 16);
    godwit_value_unref (&list);
}

/* ---- one server ---- */

Test (static_list, finds_a_server_that_came_first, .timeout = 60)
{
    static process_t one;
    caller_t caller;
    char list[64];
    serve (&one, free_port (), "one");
    snprintf (list, sizeof list, "calc/one@tcp://127.0.0.1:%d", one.port);
    open_caller (&caller, list, NULL);
    expect_caller_reaches (caller.client, "one", &one);
    expect_caller_reaches (caller.client, "one", &one);
    close_caller (&caller);
    process_finish (&one, 0);
}

Test (static_list, finds_a_server_that_comes_later, .timeout = 60)
{
    static process_t one;
    caller_t caller;
    char list[64];
    const int port = free_port ();
    snprintf (list, sizeof list, "calc/one@tcp://127.0.0.1:%d", port);
    open_caller (&caller, list, NULL);
    godwit_future_t *future = call_later (caller.client);
    bool finished = true;
    cr_assert_eq (godwit_client_wait_servers (caller.client, 1, 100, NULL), GODWIT_ERR_TIMEOUT);
    cr_assert_eq (godwit_future_wait (future, 0, &finished, NULL, NULL), GODWIT_ERR_TIMEOUT);
    cr_assert_not (finished);
    serve (&one, port, "one");
    expect_future_reaches (future, "one", &one);
    close_caller (&caller);
    process_finish (&one, 0);
}

Test (static_list, finds_another_process_at_the_same_address, .timeout = 60)
{
    static process_t one;
    caller_t caller;
    char list[64];
    uint8_t before[16];
    uint8_t after[16];
    const int port = free_port ();
    snprintf (list, sizeof list, "calc/one@tcp://127.0.0.1:%d", port);
    open_caller (&caller, list, NULL);
    serve (&one, port, "one");
    expect_caller_reaches (caller.client, "one", &one);
    for (int i = 0; i < 3; i++) {
        instance_of (caller.client, before);
        process_finish (&one, SIGKILL);
        /* The new one's server has another number, too. */
        start_process (&one, port, "", NULL);
        for (int other = 0; other <= i; other++) {
            char line[32];
            snprintf (line, sizeof line, "start other%d", other);
            process_tell (&one, line);
        }
        process_tell (&one, "start one");
        process_wait (&one, 1, "started one\n");
        expect_caller_reaches (caller.client, "one", &one);
        instance_of (caller.client, after);
        cr_assert_neq (memcmp (before, after, sizeof before), 0);
    }
    close_caller (&caller);
    process_finish (&one, 0);
}

Test (static_list, works_in_a_loop_of_ones_own, .timeout = 60)
{
    static process_t one;
    caller_t caller;
    char list[64];
    serve (&one, free_port (), "one");
    snprintf (list, sizeof list, "calc/one@tcp://127.0.0.1:%d", one.port);
    open_caller (&caller, list, GODWIT_TRANSPORT_OPTIONS (.external_loop = true));
    expect_caller_reaches (caller.client, "one", &one);
    process_finish (&one, SIGKILL);
    serve (&one, one.port, "one");
    expect_caller_reaches (caller.client, "one", &one);
    close_caller (&caller);
    process_finish (&one, 0);
}

/* ---- servers that are not in the process that is ---- */

typedef struct log {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned refused;
    char last[256];
} log_t;

static void
on_log (void *user, godwit_log_level_t level, const char *text)
{
    log_t *log = user;
    if (level != GODWIT_LOG_WARNING || !strstr (text, " is not at "))
        return;
    pthread_mutex_lock (&log->lock);
    log->refused++;
    snprintf (log->last, sizeof log->last, "%s", text);
    pthread_cond_broadcast (&log->changed);
    pthread_mutex_unlock (&log->lock);
}

static void
wait_for_refusal (log_t *log, unsigned count)
{
    struct timespec until;
    clock_gettime (CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_LIMIT_MS / 1000;
    pthread_mutex_lock (&log->lock);
    while (log->refused < count)
        cr_assert_eq (pthread_cond_timedwait (&log->changed, &log->lock, &until), 0, "nobody was refused");
    pthread_mutex_unlock (&log->lock);
}

Test (static_list, asks_again_for_who_is_not_there_yet, .timeout = 60)
{
    static process_t process;
    static log_t log = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    caller_t caller;
    godwit_client_t *two = NULL;
    char list[128];
    char text[128];
    serve (&process, free_port (), "one");
    snprintf (list, sizeof list, "calc/one@tcp://127.0.0.1:%d,calc/two@tcp://127.0.0.1:%d", process.port,
              process.port);
    open_caller (&caller, list, GODWIT_TRANSPORT_OPTIONS (.log = on_log, .log_user = &log));
    cr_assert_eq (godwit_client_prepare (&two, caller.client, GODWIT_OVERRIDES (.server = "two"), NULL),
                  GODWIT_OK);
    godwit_future_t *future = call_later (two);
    wait_for_refusal (&log, 1);
    snprintf (text, sizeof text, "godwit/calc/two is not at tcp://127.0.0.1:%d", process.port);
    cr_assert_str_eq (log.last, text);
    /* The topic is served by who is there. */
    for (int i = 0; i < 4; i++)
        expect_caller_reaches (caller.client, "one", &process);

    process_tell (&process, "start two");
    expect_future_reaches (future, "two", &process);

    /* It goes and comes back, in the same process. */
    process_tell (&process, "stop two");
    process_wait (&process, 1, "stopped two\n");
    process_forget (&process);
    cr_assert_eq (godwit_client_wait_servers (caller.client, 1, WAIT_LIMIT_MS, NULL), GODWIT_OK);
    future = call_later (two);
    wait_for_refusal (&log, 2);
    process_tell (&process, "start two");
    expect_future_reaches (future, "two", &process);

    /* And after a time in which nobody wanted it. */
    process_tell (&process, "stop two");
    process_wait (&process, 1, "stopped two\n");
    for (int i = 0; i < 4; i++)
        expect_caller_reaches (caller.client, "one", &process);
    process_forget (&process);
    process_tell (&process, "start two");
    process_wait (&process, 1, "started two\n");
    expect_caller_reaches (two, "two", &process);

    godwit_client_destroy (&two);
    close_caller (&caller);
    process_finish (&process, 0);
}

Test (static_list, says_that_nobody_was_there_in_time, .timeout = 60)
{
    static process_t one;
    caller_t caller;
    godwit_client_t *absent = NULL;
    godwit_error_t *error = NULL;
    char list[128];
    serve (&one, free_port (), "one");
    /* Nobody is at the second address; the third one's name is nobody's. */
    snprintf (list, sizeof list,
              "calc/one@tcp://127.0.0.1:%d,calc/two@tcp://127.0.0.1:%d,calc/three@tcp://127.0.0.1:%d",
              one.port, free_port (), one.port);
    open_caller (&caller, list, NULL);
    static const char *const names[] = {"two", "three"};
    for (int i = 0; i < 2; i++) {
        cr_assert_eq (godwit_client_prepare (&absent, caller.client,
                                             GODWIT_OVERRIDES (.server = names[i], .timeout_ms = 200), NULL),
                      GODWIT_OK);
        cr_assert_eq (godwit_client_call (absent, NULL, "who", GODWIT_NO_ARGS, NULL, &error),
                      GODWIT_ERR_TIMEOUT);
        cr_assert_eq (godwit_error_outcome (error), GODWIT_OUTCOME_NOT_SENT);
        godwit_error_destroy (&error);
        godwit_client_destroy (&absent);
    }
    for (int i = 0; i < 4; i++)
        expect_caller_reaches (caller.client, "one", &one);
    close_caller (&caller);
    process_finish (&one, 0);
}

/* ---- two servers ---- */

static void
serve_two (process_t *one, process_t *two, char *list, size_t size)
{
    serve (one, free_port (), "one");
    serve (two, free_port (), "two");
    snprintf (list, size, "calc/one@tcp://127.0.0.1:%d,calc/two@tcp://127.0.0.1:%d", one->port, two->port);
}

Test (static_list, takes_turns, .timeout = 60)
{
    static process_t one, two;
    caller_t caller;
    char list[128];
    char who[64];
    serve_two (&one, &two, list, sizeof list);
    open_caller (&caller, list, NULL);
    cr_assert_eq (godwit_client_wait_servers (caller.client, 2, WAIT_LIMIT_MS, NULL), GODWIT_OK);
    unsigned counts[2] = {0, 0};
    for (int i = 0; i < 10; i++) {
        call (caller.client, who, sizeof who);
        counts[0] += !strncmp (who, "one ", 4);
        counts[1] += !strncmp (who, "two ", 4);
    }
    cr_assert_eq (counts[0], 5u);
    cr_assert_eq (counts[1], 5u);

    /* One of them dies: the other one does it all, and nobody is asked for twice. */
    process_finish (&one, SIGKILL);
    call (caller.client, who, sizeof who);
    for (int i = 0; i < 6; i++)
        expect_caller_reaches (caller.client, "two", &two);
    close_caller (&caller);
    process_finish (&two, 0);
}

static void
expect_fanout (const caller_t *caller, int number, uint32_t reached, uint32_t missing)
{
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_client_fanout (caller->client, NULL, "note", GODWIT_ARGS (GODWIT_INT ("n", number)),
                                        &report, &error),
                  GODWIT_OK, "%s", godwit_error_print (error));
    cr_assert_eq (report.reached, reached, "fanout %d: %u", number, report.reached);
    cr_assert_eq (report.missing, missing, "fanout %d: %u", number, report.missing);
}

static void
fan_out (const char *query)
{
    static process_t one, two;
    caller_t caller;
    char list[128];
    const int first = free_port ();
    start_process (&one, first, query, NULL);
    start_process (&two, free_port (), query, NULL);
    process_tell (&one, "start one");
    process_tell (&two, "start two");
    process_wait (&one, 1, "started one\n");
    process_wait (&two, 1, "started two\n");
    snprintf (list, sizeof list, "calc/one@tcp://127.0.0.1:%d,calc/two@tcp://127.0.0.1:%d", one.port,
              two.port);
    open_caller (&caller, list, NULL);
    expect_fanout (&caller, 1, 2, 0);
    process_wait (&one, 1, "noted one 1\n");
    process_wait (&two, 1, "noted two 1\n");

    process_finish (&one, SIGKILL);
    /* Nobody listens there any more; the publisher hears of it when it hears of it. */
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
    int number = 1;
    const int64_t end = process_now_ms () + WAIT_LIMIT_MS;
    while (report.missing == 0 && process_now_ms () < end) {
        char noted[32];
        cr_assert_eq (godwit_client_fanout (caller.client, NULL, "note",
                                            GODWIT_ARGS (GODWIT_INT ("n", ++number)), &report, NULL),
                      GODWIT_OK);
        snprintf (noted, sizeof noted, "noted two %d\n", number);
        process_wait (&two, 1, noted); /* one at a time: it could not say thousands while nobody reads */
        process_forget (&two);
    }
    cr_assert_eq (report.reached, 1u);
    cr_assert_eq (report.missing, 1u);

    start_process (&one, first, query, NULL);
    process_tell (&one, "start one");
    process_wait (&one, 1, "started one\n");
    cr_assert_eq (godwit_client_wait_servers (caller.client, 2, WAIT_LIMIT_MS, NULL), GODWIT_OK);
    expect_fanout (&caller, 0, 2, 0);
    process_wait (&one, 1, "noted one 0\n");
    process_wait (&two, 1, "noted two 0\n");
    close_caller (&caller);
    process_finish (&one, 0);
    process_finish (&two, 0);
}

Test (static_list, fans_out_to_all, .timeout = 60)
{
    fan_out ("");
}

Test (static_list, fans_out_over_tcp, .timeout = 60)
{
    fan_out ("&host=127.0.0.1");
}

Test (static_list, names_the_exchange, .timeout = 60)
{
    static process_t here, there;
    caller_t caller;
    char list[160];
    const int ports[] = {free_port (), free_port ()};
    start_process (&here, ports[0], "&control_exchange=mine", NULL);
    start_process (&there, ports[1], "", "billing");
    process_tell (&here, "start one");
    process_tell (&there, "start one");
    process_wait (&here, 1, "started one\n");
    process_wait (&there, 1, "started one\n");
    snprintf (list, sizeof list,
              "calc/one@tcp://127.0.0.1:%d,billing/calc/one@tcp://127.0.0.1:%d&control_exchange=mine",
              ports[0], ports[1]);
    open_caller (&caller, list, NULL);
    for (int i = 0; i < 3; i++)
        expect_caller_reaches (caller.client, "one", &here);
    godwit_client_t *billing = NULL;
    cr_assert_eq (
        godwit_client_prepare (&billing, caller.client, GODWIT_OVERRIDES (.exchange = "billing"), NULL),
        GODWIT_OK);
    for (int i = 0; i < 3; i++)
        expect_caller_reaches (billing, "one", &there);
    godwit_client_destroy (&billing);
    close_caller (&caller);
    process_finish (&here, 0);
    process_finish (&there, 0);
}

/* ---- the port ---- */

Test (static_list, tells_that_a_port_is_taken, .timeout = 60)
{
    static process_t one, two;
    const int port = free_port ();
    char text[128];
    serve (&one, port, "one");
    start_process (&two, port, "", NULL);
    process_tell (&two, "start two");
    process_wait (&two, 1, "\n");
    cr_assert (strstr (two.text, "failed ServerListenError: "), "%s", two.text);
    snprintf (text, sizeof text, "cannot listen at tcp://127.0.0.1:%d: Address already in use", port);
    cr_assert (strstr (two.text, text), "%s", two.text);
    /* Once it is free, the same server starts. */
    process_finish (&one, 0);
    process_tell (&two, "start two");
    process_wait (&two, 1, "started two\n");
    process_finish (&two, 0);
}

Test (static_list, refuses_what_is_no_list, .timeout = 60)
{
    static const struct {
        const char *query;
        godwit_status_t status;
        const char *text;
    } cases[] = {
        {"static=calc/one", GODWIT_ERR_INVALID_URL,
         "Option static (URL): entry 1: expected '@' and an address"},
        {"static=calc/one@tcp://127.0.0.1:1,calc@tcp://127.0.0.1:2", GODWIT_ERR_INVALID_URL,
         "Option static (URL): entry 2: expected [exchange/]topic/server"},
        {"static=calc/@tcp://127.0.0.1:1", GODWIT_ERR_INVALID_URL,
         "Option static (URL): entry 1: an empty name"},
        {"static=calc/one@udp://127.0.0.1:1", GODWIT_ERR_INVALID_URL,
         "Option static (URL): entry 1: an address that the driver cannot connect to"},
        {"port=70000", GODWIT_ERR_INVALID_ARGUMENT,
         "Option port (URL): expected a number from 0 to 65535, got \"70000\""},
        {"port=-1", GODWIT_ERR_INVALID_ARGUMENT,
         "Option port (URL): expected a number from 0 to 65535, got \"-1\""},
        {"port=http", GODWIT_ERR_INVALID_ARGUMENT,
         "Option port (URL): expected a number from 0 to 65535, got \"http\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char url[128];
        godwit_transport_t *transport = NULL;
        godwit_error_t *error = NULL;
        snprintf (url, sizeof url, "zmq:///?insecure=true&%s", cases[i].query);
        cr_assert_eq (godwit_transport_new (&transport, url, NULL, &error), cases[i].status, "%s", url);
        cr_assert_str_eq (godwit_error_message (error), cases[i].text);
        godwit_error_destroy (&error);
    }
    godwit_transport_t *transport = NULL;
    godwit_error_t *error = NULL;
    cr_assert_eq (
        godwit_transport_new (&transport, "zmq://", GODWIT_TRANSPORT_OPTIONS (.port = 65536), &error),
        GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_str_eq (godwit_error_message (error),
                      "Option port (struct): expected a number from 0 to 65535, got \"65536\"");
    godwit_error_destroy (&error);
}
