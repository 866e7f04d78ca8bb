/* SPDX-License-Identifier: Apache-2.0 */
/* What the log hears of handlers that run long, of second replies, of numbers that are no status, and of
 * limits that were reached, and of replies that nobody gets. */
#include <godwit/client.h>
#include <godwit/server.h>

#include "src/loop/clock.h"
#include "src/server/pool.h"
#include "src/server/server.h"
#include "tests/support/log_book.h"
#include "tests/support/must.h"
#include "tests/support/raw_peer.h"

#include <criterion/criterion.h>

#include <sched.h>
#include <semaphore.h>
#include <stdio.h>

static log_book_t book;
static godwit_transport_t *transport;
static godwit_server_t *server;
static godwit_client_t *client;
static sem_t go_on;
static sem_t ended;

static const godwit_field_t nothing = {.type = GODWIT_TYPE_NIL};

/* ---- handlers ---- */

static godwit_status_t
handle_wait (godwit_request_t *request, void *self)
{
    (void) request;
    (void) self;
    while (sem_wait (&go_on))
        ;
    return GODWIT_OK;
}

/* For 5 ms, of which the log is told after 1 ms. */
static godwit_status_t
handle_spin (godwit_request_t *request, void *self)
{
    const int64_t end_ns = godwit__clock_now (&godwit__clock_system) + 5 * GODWIT__NS_PER_MS;
    (void) request;
    (void) self;
    while (godwit__clock_now (&godwit__clock_system) < end_ns)
        ;
    return GODWIT_OK;
}

static godwit_status_t
handle_reply_twice (godwit_request_t *request, void *self)
{
    (void) self;
    cr_assert_eq (godwit_request_reply (request, nothing), GODWIT_OK);
    cr_assert_eq (godwit_request_reply (request, nothing), GODWIT_ERR_INVALID_ARGUMENT);
    return GODWIT_OK;
}

static godwit_status_t
handle_reply_and_fail (godwit_request_t *request, void *self)
{
    godwit_error_t *error = NULL;
    (void) self;
    cr_assert_eq (godwit_request_reply (request, nothing), GODWIT_OK);
    return godwit_request_fail (request, &error);
}

static godwit_status_t
handle_keep_and_reply_twice (godwit_request_t *request, void *self)
{
    (void) self;
    godwit_request_t *kept = godwit_request_keep (request);
    cr_assert_eq (godwit_request_reply (kept, nothing), GODWIT_OK);
    cr_assert_eq (godwit_request_reply (kept, nothing), GODWIT_ERR_INVALID_ARGUMENT);
    godwit_request_destroy (&kept);
    return GODWIT_OK;
}

/* Says that it runs, and waits. */
static godwit_status_t
handle_hold (godwit_request_t *request, void *self)
{
    sem_post (&ended);
    return handle_wait (request, self);
}

/* Goes on until nobody waits any more, and says so. */
static godwit_status_t
handle_heed (godwit_request_t *request, void *self)
{
    (void) self;
    sem_post (&ended);
    while (!godwit_request_is_cancelled (request))
        sched_yield ();
    return GODWIT_ERR_CANCELLED;
}

static void
give_up (godwit_request_t *request, void *user)
{
    (void) user;
    godwit_request_destroy (&request);
    sem_post (&go_on);
}

static godwit_status_t
handle_keep_and_give_up (godwit_request_t *request, void *self)
{
    (void) self;
    godwit_request_t *kept = godwit_request_keep (request);
    cr_assert_eq (godwit_request_on_cancel (kept, give_up, NULL), GODWIT_OK);
    sem_post (&ended);
    return GODWIT_OK;
}

static godwit_status_t
handle_77 (godwit_request_t *request, void *self)
{
    (void) request;
    (void) self;
    return (godwit_status_t) 77;
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD ("wait", handle_wait, 0),
    GODWIT_METHOD ("spin", handle_spin, 0),
    GODWIT_METHOD ("spin_inline", handle_spin, GODWIT_METHOD_INLINE),
    GODWIT_METHOD ("reply_twice", handle_reply_twice, 0),
    GODWIT_METHOD ("reply_and_fail", handle_reply_and_fail, 0),
    GODWIT_METHOD ("keep_and_reply_twice", handle_keep_and_reply_twice, 0),
    GODWIT_METHOD ("answer_77", handle_77, 0),
    GODWIT_METHOD ("hold", handle_hold, 0),
    GODWIT_METHOD ("heed", handle_heed, 0),
    GODWIT_METHOD ("keep_and_give_up", handle_keep_and_give_up, 0),
};

/* ---- a server and its client ---- */

static void
open_all (const char *query, bool external_loop, const godwit_server_options_t *options)
{
    char url[128];
    log_book_open (&book);
    sem_init (&go_on, 0, 0);
    sem_init (&ended, 0, 0);
    snprintf (url, sizeof url, "inproc://server-log/?%s", query);
    MUST (godwit_transport_new (
        &transport, url,
        GODWIT_TRANSPORT_OPTIONS (.log = log_book_write, .log_user = &book, .external_loop = external_loop),
        &error));
    MUST (godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "work", .server = "first"),
                             &GODWIT_ENDPOINT (methods), 1, options, &error));
    MUST (godwit_server_start (server, NULL, &error));
    MUST (godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "work"),
                             GODWIT_CLIENT_OPTIONS (.retry = -1), &error));
}

static void
close_all (void)
{
    godwit_client_destroy (&client);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
    log_book_close (&book);
}

static void
on_end (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) user;
    (void) status;
    (void) result;
    (void) error;
    sem_post (&ended);
}

static void
call_in_background (const char *method)
{
    MUST (godwit_client_call_async (client, NULL, method, GODWIT_NO_ARGS, on_end, NULL, &error));
}

static void
let_end (int count)
{
    for (int i = 0; i < count; i++)
        sem_post (&go_on);
    for (int i = 0; i < count; i++)
        while (sem_wait (&ended))
            ;
}

/* ---- handlers that run long ---- */

Test (server_log, a_handler_that_runs_long_is_told_while_it_runs, .timeout = 60)
{
    open_all ("handler_log_after_ms=20", false, NULL);
    call_in_background ("wait");
    cr_assert (log_book_wait (&book, GODWIT_LOG_WARNING,
                              "server first of topic work: the handler of wait has run for ", 1));
    cr_assert (log_book_wait (&book, GODWIT_LOG_WARNING, " on the thread godwit-work-", 1));
    cr_assert (log_book_wait (&book, GODWIT_LOG_WARNING, ", called by connection ", 1));
    let_end (1);
    close_all ();
}

Test (server_log, a_handler_that_runs_long_is_not_told_if_nobody_wants_it, .timeout = 60)
{
    open_all ("handler_log_after_ms=-1", false, NULL);
    MUST (godwit_client_call (client, NULL, "spin", GODWIT_NO_ARGS, NULL, &error));
    MUST (godwit_client_call (client, NULL, "spin_inline", GODWIT_NO_ARGS, NULL, &error));
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_WARNING, ""), 0u);
    close_all ();
}

Test (server_log, a_handler_in_the_programs_loop_is_told_when_it_has_run, .timeout = 60)
{
    open_all ("handler_log_after_ms=1", true, NULL);
    MUST (godwit_client_call (client, NULL, "spin", GODWIT_NO_ARGS, NULL, &error));
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_WARNING,
                                  "server first of topic work: the handler of spin ran for "),
                  1u);
    close_all ();
}

Test (server_log, an_inline_handler_is_told_when_it_has_run, .timeout = 60)
{
    open_all ("handler_log_after_ms=1", false, NULL);
    MUST (godwit_client_call (client, NULL, "spin_inline", GODWIT_NO_ARGS, NULL, &error));
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_WARNING,
                                  "server first of topic work: the handler of spin_inline ran for "),
                  1u);
    close_all ();
}

/* ---- what handlers do wrong ---- */

Test (server_log, a_second_reply_is_told, .timeout = 60)
{
    static const char *const names[] = {"reply_twice", "reply_and_fail", "keep_and_reply_twice"};
    open_all ("", false, NULL);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char text[128];
        for (int k = 0; k < 2; k++)
            MUST (godwit_client_call (client, NULL, names[i], GODWIT_NO_ARGS, NULL, &error));
        snprintf (text, sizeof text, "server first of topic work: the method %s replied a second time",
                  names[i]);
        cr_assert (log_book_wait (&book, GODWIT_LOG_WARNING, text, 1), "%s", names[i]);
        cr_assert_eq (log_book_count (&book, GODWIT_LOG_WARNING, text), 1u, "%s", names[i]);
    }
    close_all ();
}

Test (server_log, a_number_that_is_no_status_is_told_to_both_sides, .timeout = 60)
{
    static const char *const text = "the handler of answer_77 returned 77, which is no status of Godwit";
    godwit_error_t *error = NULL;
    open_all ("", false, NULL);
    cr_assert_eq (godwit_client_call (client, NULL, "answer_77", GODWIT_NO_ARGS, NULL, &error),
                  GODWIT_ERR_FAILED);
    cr_assert_not_null (strstr (godwit_error_message (error), text), "%s", godwit_error_message (error));
    cr_assert_eq (godwit_error_outcome (error), GODWIT_OUTCOME_RAN);
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_ERROR, text), 1u);
    godwit_error_destroy (&error);
    close_all ();
}

/* ---- limits ---- */

Test (server_log, a_queue_that_is_full_is_told, .timeout = 60)
{
    open_all ("handler_log_after_ms=40", false, GODWIT_SERVER_OPTIONS (.concurrency = 1, .queue_limit = 1));
    for (int i = 0; i < 6; i++)
        call_in_background ("wait");
    cr_assert (log_book_wait (&book, GODWIT_LOG_WARNING, "server first of topic work: refused ", 1));
    cr_assert_eq (
        log_book_count (&book, GODWIT_LOG_WARNING, "as OVERLOADED: 1 run (concurrency 1), and 1 wait with "),
        1u);
    let_end (6);
    close_all ();
}

Test (server_log, a_connection_without_room_is_told, .timeout = 60)
{
    open_all ("queue_limit=1", false, NULL);
    MUST (godwit_client_wait_servers (client, 1, 20000, &error));
    for (int i = 0; i < 2; i++)
        call_in_background ("wait");
    cr_assert (log_book_wait (&book, GODWIT_LOG_WARNING,
                              "calls of topic work wait: a connection to one of its servers has no room "
                              "(queue_limit 1, ",
                              1));
    let_end (2);
    close_all ();
}

Test (server_log, threads_that_are_missing_are_told, .timeout = 60)
{
    open_all ("handler_log_after_ms=40&worker_limit=2", false, NULL);
    for (int i = 0; i < 4; i++)
        call_in_background ("wait");
    cr_assert (log_book_wait (&book, GODWIT_LOG_WARNING, "all 2 worker threads are busy (worker_limit)", 1));
    let_end (4);
    close_all ();
}

Test (server_log, labels_of_metrics_that_find_no_room_are_told, .timeout = 60)
{
    open_all ("log_level=warning", false, NULL);
    for (int i = 0; i < 4200; i++) {
        char name[32];
        snprintf (name, sizeof name, "method_%d_ignore_errors", i);
        MUST (godwit_client_cast (client, NULL, name, GODWIT_NO_ARGS, &error));
    }
    cr_assert (log_book_wait (&book, GODWIT_LOG_WARNING, "the metrics of clients have 4096 labels", 1));
    close_all ();
}

/* A transport that remembers one client, and two that call. */
Test (server_log, clients_that_are_forgotten_are_told, .timeout = 60)
{
    godwit_transport_t *others[2] = {NULL, NULL};
    open_all ("", false, NULL);
    transport->pool->ports[0].connections.limit = 1;
    for (int i = 0; i < 2; i++) {
        godwit_client_t *other = NULL;
        MUST (godwit_transport_new (&others[i], "inproc://server-log/", NULL, &error));
        MUST (godwit_client_new (&other, others[i], GODWIT_TARGET (.topic = "work"), NULL, &error));
        MUST (godwit_client_call (other, NULL, "spin", GODWIT_NO_ARGS, NULL, &error));
        godwit_client_destroy (&other);
    }
    cr_assert (
        log_book_wait (&book, GODWIT_LOG_WARNING,
                       "more than 1 connections have said HELLO within a minute: those that were silent the "
                       "longest are forgotten",
                       1));
    for (int i = 0; i < 2; i++)
        godwit_transport_destroy (&others[i]);
    close_all ();
}

/* The same of fanouts. */
Test (server_log, publishers_that_are_forgotten_are_told, .timeout = 60)
{
    godwit_transport_t *others[2] = {NULL, NULL};
    open_all ("", false, NULL);
    transport->pool->ports[0].publications.limit = 1;
    for (int i = 0; i < 2; i++) {
        godwit_client_t *other = NULL;
        MUST (godwit_transport_new (&others[i], "inproc://server-log/", NULL, &error));
        MUST (godwit_client_new (&other, others[i], GODWIT_TARGET (.topic = "work"), NULL, &error));
        MUST (godwit_client_fanout (other, NULL, "spin", GODWIT_NO_ARGS, NULL, &error));
        godwit_client_destroy (&other);
    }
    cr_assert (
        log_book_wait (&book, GODWIT_LOG_WARNING,
                       "fanouts of more than 1 publishers and topics come here: those that were silent "
                       "the longest are forgotten",
                       1));
    for (int i = 0; i < 2; i++)
        godwit_transport_destroy (&others[i]);
    close_all ();
}

static void
begin_and_give_up (const char *method)
{
    godwit_future_t *future = NULL;
    MUST (godwit_client_call_future (client, NULL, method, GODWIT_NO_ARGS, &future, &error));
    while (sem_wait (&ended))
        ;
    godwit_future_destroy (&future);
}

/* A caller that gives up is no failure of anybody's. */
Test (server_log, what_was_given_up_ends_without_a_warning, .timeout = 60)
{
    open_all ("", false, NULL);
    begin_and_give_up ("heed");
    begin_and_give_up ("keep_and_give_up");
    while (sem_wait (&go_on))
        ;
    MUST (godwit_server_stop (server, NULL, &error));
    MUST (godwit_server_wait (server, NULL, &error));
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_WARNING, ""), 0u);
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_ERROR, ""), 0u);
    cr_assert_geq (log_book_count (&book, GODWIT_LOG_DEBUG, "failed as expected: Cancelled"), 2u);
    close_all ();
}

/* One that vanishes without a word has not given up: its reply is lost. */
Test (server_log, a_reply_to_a_caller_that_is_gone_is_told, .timeout = 60)
{
    raw_peer_t peer;
    open_all ("", false, NULL);
    const godwit__port_t *const port = &transport->pool->ports[0];
    cr_assert (raw_open (&peer, port->driver->ops, port->addresses.links[0], transport->virtual_host));
    raw_hello (&peer, NULL, transport->virtual_host);
    cr_assert (raw_expect (&peer, GODWIT__WELCOME, 0));
    raw_request (&peer,
                 &(godwit__header_t){.type = GODWIT__REQUEST, .target = server->id, .id = 1, .aux = 60000},
                 "hold", 0);
    while (sem_wait (&ended))
        ;
    raw_close (&peer);
    sem_post (&go_on);
    cr_assert (log_book_wait (&book, GODWIT_LOG_WARNING,
                              "server first of topic work: a reply of the method hold could not be sent: its "
                              "caller is gone",
                              1));
    close_all ();
}
