/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 6: the life of a server. A stress of all steps at once is unit/lifecycle_test.c. */
#include "tests/contract/contract.h"
#include "tests/support/log_book.h"
#include "tests/support/raw_server.h"
#include "tests/support/steps.h"

#include <stdio.h>

#define COUNT_OF(array_) (sizeof (array_) / sizeof ((array_)[0]))

static log_book_t book;

/* A server that was never started, of topic "work". */
static godwit_server_t *
fresh (godwit_transport_t *transport, const char *name)
{
    godwit_server_t *server = NULL;
    MUST (godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "work", .server = name), NULL, 0,
                             NULL, &error));
    return server;
}

/* The core's server stopped, drained: as good as new, but with its handlers. */
static void
rest (core_t *core)
{
    MUST (godwit_server_stop (core->one.server, NULL, &error));
    MUST (godwit_server_wait (core->one.server, NULL, &error));
}

static bool
is_up (const godwit_server_t *server)
{
    pthread_mutex_lock (&server->transport->lock);
    const bool up = server->state == GODWIT__SERVER_UP;
    godwit__transport_unlock (server->transport);
    return up;
}

/* ---- once ---- */

static void
each_runs_once (core_t *core)
{
    enum { THREADS = 8 };
    asker_t askers[THREADS];
    godwit_server_t *server = fresh (core->serving, "two");
    static step_fn *const steps[] = {godwit_server_start, godwit_server_stop, godwit_server_wait,
                                     godwit_server_start, godwit_server_stop};
    /* A start and a stop tell the cluster once: a revision of the record each. */
    static const uint32_t revisions[] = {1, 2, 2, 3, 4};
    for (size_t i = 0; i < COUNT_OF (steps); i++) {
        for (int k = 0; k < THREADS; k++)
            asker_begin (&askers[k], steps[i], server, NULL);
        for (int k = 0; k < THREADS; k++)
            cr_assert_eq (asker_end (&askers[k]), GODWIT_OK);
        cr_assert_eq (server->revision, revisions[i], "step %zu: %u", i, server->revision);
        MUST (steps[i](server, NULL, &error)); /* and once more, later */
        cr_assert_eq (server->revision, revisions[i]);
    }
    cr_assert_eq (server->life, 2u);
    godwit_server_destroy (&server);
}

/* ---- in their order, in any order of calling ---- */

static void
stop_waits_for_start (core_t *core)
{
    asker_t stopper;
    godwit_server_t *server = fresh (core->serving, "two");
    asker_begin (&stopper, godwit_server_stop, server, NULL);
    cr_assert (steps_await (server, 1));
    cr_assert (!stopper.done);
    MUST (godwit_server_start (server, NULL, &error));
    cr_assert_eq (asker_end (&stopper), GODWIT_OK);
    cr_assert (!is_up (server));
    cr_assert_eq (server->revision, 2u);
    godwit_server_destroy (&server);
}

static void
wait_waits_for_stop (core_t *core)
{
    asker_t waiter;
    asker_begin (&waiter, godwit_server_wait, core->one.server, NULL);
    cr_assert (steps_await (core->one.server, 1));
    cr_assert_eq (call_who (core->client), 'e');
    cr_assert (!waiter.done);
    MUST (godwit_server_stop (core->one.server, NULL, &error));
    cr_assert_eq (asker_end (&waiter), GODWIT_OK);
}

static void
any_order_of_calling (core_t *core)
{
    static step_fn *const steps[] = {godwit_server_start, godwit_server_stop, godwit_server_wait};
    /* And how many sleep after each. */
    static const struct {
        int order[3];
        unsigned asleep[3];
    } cases[] = {
        {{0, 1, 2}, {0, 0, 0}}, {{0, 2, 1}, {0, 1, 0}}, {{1, 0, 2}, {1, 0, 0}},
        {{1, 2, 0}, {1, 2, 0}}, {{2, 0, 1}, {1, 1, 0}}, {{2, 1, 0}, {1, 2, 0}},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        asker_t askers[3];
        godwit_server_t *server = fresh (core->serving, "two");
        for (int k = 0; k < 3; k++) {
            asker_begin (&askers[k], steps[cases[i].order[k]], server, NULL);
            cr_assert (steps_await (server, cases[i].asleep[k]), "case %zu, step %d", i, k);
        }
        for (int k = 0; k < 3; k++)
            cr_assert_eq (asker_end (&askers[k]), GODWIT_OK);
        cr_assert (!is_up (server));
        cr_assert_eq (server->life, 1u);
        godwit_server_destroy (&server);
    }
}

static void
twice_from_two_threads (core_t *core)
{
    asker_t waiters[2], stoppers[2];
    godwit_server_t *server = fresh (core->serving, "two");
    for (int i = 0; i < 2; i++) {
        asker_begin (&waiters[i], godwit_server_wait, server, NULL);
        asker_begin (&stoppers[i], godwit_server_stop, server, NULL);
    }
    cr_assert (steps_await (server, 4));
    MUST (godwit_server_start (server, NULL, &error));
    for (int i = 0; i < 2; i++) {
        cr_assert_eq (asker_end (&waiters[i]), GODWIT_OK);
        cr_assert_eq (asker_end (&stoppers[i]), GODWIT_OK);
    }
    cr_assert_eq (server->revision, 2u);
    MUST (godwit_server_wait (server, NULL, &error));
    MUST (godwit_server_wait (server, NULL, &error));
    godwit_server_destroy (&server);
}

/* ---- restart ---- */

static void
start_after_stop (core_t *core)
{
    enum { LIVES = 100 };
    godwit_server_t *const server = core->one.server;
    const uint32_t first = server->id;
    for (unsigned i = 0; i < LIVES; i++) {
        MUST (godwit_server_stop (server, NULL, &error));
        if (i % 2)
            MUST (godwit_server_wait (server, NULL, &error));
        MUST (godwit_server_start (server, NULL, &error));
        cr_assert_eq (call_who (core->client), 'e');
    }
    cr_assert_eq (server->life, LIVES + 1u);
    /* A number of its own each time, and no room for those that are gone. */
    cr_assert_eq (server->id, first + LIVES);
    cr_assert_eq (server->pool->servers.by_id.count, 1u);
    cr_assert_leq (server->pool->servers.by_id.mask + 1, 8u);
}

static void
restart_waits_for_old_handlers (core_t *core)
{
    asker_t starter;
    godwit_server_t *const server = core->one.server;
    MUST (godwit_client_cast (core->client, NULL, "block", GODWIT_NO_ARGS, &error));
    service_wait (&core->one, &core->one.blocked, 1);
    MUST (godwit_server_stop (server, NULL, &error));
    FAILS (GODWIT_ERR_TASK_TIMEOUT, GODWIT_OUTCOME_NONE, "1 request",
           godwit_server_start (server, GODWIT_STEP_OPTIONS (.timeout_ms = 1), &error));
    asker_begin (&starter, godwit_server_start, server, NULL);
    cr_assert (steps_await (server, 1));
    /* It has not begun: the server is as stopped as it was, for whoever asks, a handler of its own included.
     */
    cr_assert (!is_up (server));
    MUST (godwit_server_stop (server, NULL, &error));
    cr_assert (!starter.done);
    service_open_gate (&core->one);
    cr_assert_eq (asker_end (&starter), GODWIT_OK);
    cr_assert (is_up (server));
    cr_assert_eq (call_who (core->client), 'e');
}

/* Whoever waited for a life does not wait for the next one, too. */
static void
wait_is_about_a_life (core_t *core)
{
    asker_t waiter;
    godwit_server_t *const server = core->one.server;
    for (int i = 0; i < 20; i++) {
        asker_begin (&waiter, godwit_server_wait, server, NULL);
        cr_assert (steps_await (server, 1));
        MUST (godwit_server_stop (server, NULL, &error));
        MUST (godwit_server_start (server, NULL, &error));
        cr_assert_eq (asker_end (&waiter), GODWIT_OK);
        cr_assert (is_up (server));
    }
}

static godwit_status_t
stop_self (godwit_request_t *request, void *self)
{
    godwit_server_t **const server = self;
    godwit_error_t *error = NULL;
    if (godwit_server_stop (*server, NULL, &error))
        return godwit_request_fail (request, &error);
    return godwit_request_reply (request, GODWIT_STR (NULL, "stopped"));
}

static const godwit_method_t stopping[] = {GODWIT_METHOD ("stop_self", stop_self, 0)};

static void
handlers_may_stop (core_t *core)
{
    godwit_server_t *server = NULL;
    godwit_client_t *client = NULL;
    godwit_value_t *result = NULL;
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (stopping, .self = (void *) &server);
    MUST (godwit_server_new (&server, core->serving, GODWIT_TARGET (.topic = "stops", .server = "two"),
                             &endpoint, 1, NULL, &error));
    MUST (godwit_server_start (server, NULL, &error));
    MUST (godwit_client_prepare (&client, core->client, GODWIT_OVERRIDES (.topic = "stops"), &error));
    MUST (godwit_client_call (client, NULL, "stop_self", GODWIT_NO_ARGS, &result, &error));
    cr_assert_str_eq (godwit_value_as_str (result, ""), "stopped");
    MUST (godwit_server_wait (server, NULL, &error));
    godwit_value_unref (&result);
    godwit_client_destroy (&client);
    godwit_server_destroy (&server);
}

/* ---- log_after, timeout ---- */

static void
hangs_are_logged_once (core_t *core)
{
    step_clock_t clock;
    asker_t stopper, silent, quick;
    static const char *const warning =
        "Possible hang: stop of <Target topic=work, server=two> is waiting for start to complete";
    log_book_open (&book);
    godwit_transport_t *logged =
        core_transport (core, GODWIT_TRANSPORT_OPTIONS (.log = log_book_write, .log_user = &book));
    godwit_server_t *server = fresh (logged, "two");
    step_clock_put (&clock, server);
    asker_begin (&silent, godwit_server_stop, server, GODWIT_STEP_OPTIONS (.log_after_ms = -1));
    cr_assert (steps_await (server, 1));
    step_clock_move (&clock, server, 100000);
    cr_assert (steps_await (server, 1));
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_WARNING, "hang"), 0u);

    asker_begin (&stopper, godwit_server_stop, server, NULL); /* 30 s */
    cr_assert (steps_await (server, 2));
    step_clock_move (&clock, server, 29999);
    /* A thread that sleeps longer than the other one shows that the first has looked. */
    asker_begin (&quick, godwit_server_stop, server,
                 GODWIT_STEP_OPTIONS (.log_after_ms = -1, .timeout_ms = 1));
    cr_assert (steps_await (server, 3));
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_WARNING, "hang"), 0u);
    step_clock_move (&clock, server, 1);
    cr_assert (log_book_wait (&book, GODWIT_LOG_WARNING, warning, 1));
    cr_assert_eq (asker_end (&quick), GODWIT_ERR_TASK_TIMEOUT);
    asker_forget (&quick);
    for (int i = 0; i < 5; i++)
        step_clock_move (&clock, server, 100000);
    asker_begin (&quick, godwit_server_wait, server,
                 GODWIT_STEP_OPTIONS (.log_after_ms = 5000, .timeout_ms = 7000));
    cr_assert (steps_await (server, 3));
    step_clock_move (&clock, server, 5000);
    cr_assert (log_book_wait (&book, GODWIT_LOG_WARNING,
                              "wait of <Target topic=work, server=two> is waiting for stop", 1));
    step_clock_move (&clock, server, 2000);
    cr_assert_eq (asker_end (&quick), GODWIT_ERR_TASK_TIMEOUT);
    asker_forget (&quick);
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_WARNING, "hang"), 2u);

    MUST (godwit_server_start (server, NULL, &error));
    cr_assert_eq (asker_end (&silent), GODWIT_OK);
    cr_assert_eq (asker_end (&stopper), GODWIT_OK);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&logged);
    log_book_close (&book);
}

static void
steps_time_out (core_t *core)
{
    step_clock_t clock;
    asker_t stopper;
    godwit_server_t *server = fresh (core->serving, "two");
    step_clock_put (&clock, server);
    asker_begin (&stopper, godwit_server_stop, server, GODWIT_STEP_OPTIONS (.timeout_ms = 3600000));
    cr_assert (steps_await (server, 1));
    step_clock_move (&clock, server, 3599999);
    cr_assert (steps_await (server, 1));
    cr_assert (!stopper.done);
    step_clock_move (&clock, server, 1);
    cr_assert_eq (asker_end (&stopper), GODWIT_ERR_TASK_TIMEOUT);
    cr_assert_str_eq (godwit_error_type (stopper.error), "TaskTimeout");
    cr_assert_str_eq (
        godwit_error_message (stopper.error),
        "stop of <Target topic=work, server=two> is waiting for start to complete, which was not "
        "done in 3600000 ms");
    asker_forget (&stopper);
    /* It stays to be done, and can be. */
    MUST (godwit_server_start (server, NULL, &error));
    MUST (godwit_server_stop (server, NULL, &error));
    godwit_server_destroy (&server);
}

/* ---- how many at a time ---- */

static void
pool_sizes (core_t *core)
{
    service_t two;
    godwit_client_t *client = NULL;
    cr_assert_eq (core->one.server->concurrency, 64u);
    godwit_transport_t *small =
        core_transport (core, GODWIT_TRANSPORT_OPTIONS (.executor_thread_pool_size = 3));
    service_start (&two, small, "two", NULL);
    MUST (godwit_client_prepare (&client, core->client, GODWIT_OVERRIDES (.server = "two"), &error));
    MUST (godwit_client_wait_servers (client, 1, WAIT_LIMIT_MS, &error));
    cr_assert_eq (two.server->concurrency, 3u);
    MUST (godwit_server_stop (two.server, NULL, &error));
    MUST (godwit_server_start (two.server, GODWIT_STEP_OPTIONS (.override_pool_size = 2), &error));
    /* A call finds the new life; a cast to the old one would be lost. */
    cr_assert_eq (call_who (client), 'o');
    for (int i = 0; i < 5; i++)
        MUST (godwit_client_cast (client, NULL, "block", GODWIT_NO_ARGS, &error));
    service_wait (&two, &two.blocked, 2);
    const int64_t end = now_ms () + WAIT_LIMIT_MS;
    uint32_t queued = 0;
    while (queued < 3 && now_ms () < end) {
        godwit__pool_lock (two.server->pool);
        queued = two.server->queued;
        godwit__pool_unlock (two.server->pool);
    }
    cr_assert_eq (queued, 3u);
    cr_assert_eq (service_get (&two, &two.blocked), 2u);
    service_open_gate (&two);
    service_wait (&two, &two.runs, 6);
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "override_pool_size",
           godwit_server_start (two.server, GODWIT_STEP_OPTIONS (.override_pool_size = -1), &error));
    godwit_client_destroy (&client);
    service_end (&two);
    godwit_transport_destroy (&small);
}

/* ---- stop, and what was taken ---- */

static void
taken_still_runs (core_t *core)
{
    asker_t waiter;
    godwit_server_t *const server = core->one.server;
    godwit_future_t *future = NULL;
    godwit_client_t *late = NULL;
    MUST (godwit_client_call_future (core->client, NULL, "block", GODWIT_NO_ARGS, &future, &error));
    service_wait (&core->one, &core->one.blocked, 1);
    MUST (godwit_server_stop (server, NULL, &error));
    /* Nothing new. */
    MUST (godwit_client_prepare (&late, core->client, GODWIT_OVERRIDES (.timeout_ms = 400), &error));
    godwit_error_t *failure = NULL;
    cr_assert_eq (godwit_client_call (late, NULL, "count", GODWIT_NO_ARGS, NULL, &failure),
                  GODWIT_ERR_TIMEOUT);
    cr_assert (godwit_error_outcome (failure) == GODWIT_OUTCOME_NOT_SENT ||
               godwit_error_outcome (failure) == GODWIT_OUTCOME_REJECTED);
    godwit_error_destroy (&failure);
    cr_assert_eq (service_get (&core->one, &core->one.runs), 1u);
    /* wait drains. */
    asker_begin (&waiter, godwit_server_wait, server, NULL);
    cr_assert (steps_await (server, 1));
    FAILS (GODWIT_ERR_TASK_TIMEOUT, GODWIT_OUTCOME_NONE, "waiting for 1 request to complete",
           godwit_server_wait (server, GODWIT_STEP_OPTIONS (.timeout_ms = 1), &error));
    cr_assert (!waiter.done);
    cr_assert_eq (service_get (&core->one, &core->one.blocked), 1u);
    service_open_gate (&core->one);
    cr_assert_eq (asker_end (&waiter), GODWIT_OK);
    cr_assert_eq (service_get (&core->one, &core->one.blocked), 0u);
    MUST (godwit_future_wait (future, WAIT_LIMIT_MS, NULL, NULL, &error));
    godwit_future_destroy (&future);
    godwit_client_destroy (&late);
}

/* ---- what can go wrong ---- */

/* An address that this machine does not have; inproc has none that could fail. */
static void
listen_failures (core_t *core)
{
    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;
    asker_t askers[4], stopper;
    (void) core;
    MUST (godwit_transport_new (&transport, "zmq:///?insecure=true&static=no/body@tcp://127.0.0.1:1",
                                GODWIT_TRANSPORT_OPTIONS (.host = "192.0.2.77"), &error));
    MUST (godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "work", .server = "a"), NULL, 0,
                             NULL, &error));
    asker_begin (&stopper, godwit_server_stop, server, NULL);
    cr_assert (steps_await (server, 1));
    for (size_t i = 0; i < COUNT_OF (askers); i++)
        asker_begin (&askers[i], godwit_server_start, server, NULL);
    for (size_t i = 0; i < COUNT_OF (askers); i++) {
        cr_assert_eq (asker_end (&askers[i]), GODWIT_ERR_SERVER_LISTEN);
        const godwit_error_t *const error = askers[i].error;
        cr_assert_str_eq (godwit_error_type (error), "ServerListenError");
        cr_assert (strstr (godwit_error_message (error),
                           "Failed to listen on target \"<Target topic=work, server=a>\": "),
                   "%s", godwit_error_message (error));
        cr_assert (godwit_error_cause (error));
        cr_assert (strstr (godwit_error_message (godwit_error_cause (error)), "192.0.2.77"), "%s",
                   godwit_error_print (error));
        asker_forget (&askers[i]);
    }
    /* It was no start: who waits for one goes on waiting, and it can be tried again. */
    cr_assert (steps_await (server, 1));
    cr_assert (!stopper.done);
    FAILS (GODWIT_ERR_SERVER_LISTEN, GODWIT_OUTCOME_NONE, "192.0.2.77",
           godwit_server_start (server, NULL, &error));
    godwit_server_destroy (&server);
    cr_assert_eq (asker_end (&stopper), GODWIT_ERR_CLOSED);
    asker_forget (&stopper);
    godwit_transport_destroy (&transport);
}

static void
names_are_needed (core_t *core)
{
    static const godwit_target_t *const none = NULL;
    const godwit_target_t *const targets[] = {none, GODWIT_TARGET (.topic = "t"),
                                              GODWIT_TARGET (.server = "s"), GODWIT_TARGET (.exchange = "e")};
    for (size_t i = 0; i < COUNT_OF (targets); i++) {
        godwit_server_t *server = NULL;
        MUST (godwit_server_new (&server, core->serving, targets[i], NULL, 0, NULL, &error));
        godwit_error_t *error = NULL;
        cr_assert_eq (godwit_server_start (server, NULL, &error), GODWIT_ERR_INVALID_TARGET);
        cr_assert_str_eq (godwit_error_type (error), "InvalidTarget");
        char says[256];
        const size_t size = (size_t) snprintf (
            says, sizeof says, "A server's target must have topic and server names specified: ");
        godwit_target_print (targets[i], says + size, sizeof says - size);
        cr_assert_str_eq (godwit_error_message (error), says);
        godwit_error_destroy (&error);
        godwit_server_destroy (&server);
    }
}

static void
reset_needs_a_start (core_t *core)
{
    godwit_server_t *server = fresh (core->serving, "two");
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "never started",
           godwit_server_reset (server, NULL, &error));
    MUST (godwit_server_start (server, NULL, &error));
    MUST (godwit_server_reset (server, NULL, &error));
    MUST (godwit_server_stop (server, NULL, &error));
    MUST (godwit_server_reset (server, NULL, &error));
    cr_assert_eq (server->revision, 2u);
    godwit_server_destroy (&server);
}

static void
destroy_wakes_who_waits (core_t *core)
{
    asker_t stopper, waiter, starter;
    for (int of_transport = 0; of_transport < 2; of_transport++) {
        godwit_transport_t *transport = core_transport (core, NULL);
        godwit_server_t *server = fresh (transport, "two");
        asker_begin (&stopper, godwit_server_stop, server, NULL);
        asker_begin (&waiter, godwit_server_wait, server, NULL);
        cr_assert (steps_await (server, 2));
        if (of_transport)
            godwit_transport_destroy (&transport);
        else
            godwit_server_destroy (&server);
        cr_assert_eq (asker_end (&stopper), GODWIT_ERR_CLOSED);
        cr_assert_eq (asker_end (&waiter), GODWIT_ERR_CLOSED);
        asker_forget (&stopper);
        asker_forget (&waiter);
        godwit_server_destroy (&server);
        godwit_transport_destroy (&transport);
    }
    /* One that drains, and one that waits to start again. */
    MUST (godwit_client_cast (core->client, NULL, "hold", GODWIT_NO_ARGS, &error));
    service_wait_held (&core->one, 1);
    MUST (godwit_server_stop (core->one.server, NULL, &error));
    asker_begin (&waiter, godwit_server_wait, core->one.server, NULL);
    asker_begin (&starter, godwit_server_start, core->one.server, NULL);
    cr_assert (steps_await (core->one.server, 2));
    service_end (&core->one);
    core->one.server = NULL;
    cr_assert_eq (asker_end (&waiter), GODWIT_ERR_CLOSED);
    cr_assert_eq (asker_end (&starter), GODWIT_ERR_CLOSED);
    asker_forget (&waiter);
    asker_forget (&starter);
}

static void
destroy_needs_no_start (core_t *core)
{
    godwit_server_t *server = fresh (core->serving, "two");
    godwit_server_destroy (&server);
    cr_assert_null (server);
    /* Up, and never stopped. */
    server = fresh (core->serving, "two");
    MUST (godwit_server_start (server, NULL, &error));
    godwit_server_destroy (&server);
    rest (core);
}

/* ---- external loop ---- */

typedef struct looped {
    core_t *core;
    godwit_server_t *server;
    godwit_server_t *never; /* is not started */
    unsigned callbacks;
} looped_t;

static void
in_the_loop (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *failure)
{
    looped_t *const looped = user;
    (void) result;
    (void) failure;
    looped->callbacks++;
    cr_assert_eq (status, GODWIT_OK);
    /* What need not wait is done; what would have to says so. */
    FAILS (GODWIT_ERR_TASK_TIMEOUT, GODWIT_OUTCOME_NONE, "cannot wait for start",
           godwit_server_stop (looped->never, GODWIT_STEP_OPTIONS (.timeout_ms = 3600000), &error));
    MUST (godwit_server_stop (looped->server, NULL, &error));
    MUST (godwit_server_start (looped->server, NULL, &error));
}

static void
steps_in_a_loop (core_t *core)
{
    godwit_transport_t *transport = core_transport (core, GODWIT_TRANSPORT_OPTIONS (.external_loop = true));
    looped_t looped = {core, fresh (transport, "two"), fresh (transport, "three"), 0};
    /* On the loop's thread nobody else will start it. */
    FAILS (GODWIT_ERR_TASK_TIMEOUT, GODWIT_OUTCOME_NONE, "cannot wait for start",
           godwit_server_stop (looped.server, NULL, &error));
    FAILS (GODWIT_ERR_TASK_TIMEOUT, GODWIT_OUTCOME_NONE, "not done in 5 ms",
           godwit_server_stop (looped.server, GODWIT_STEP_OPTIONS (.timeout_ms = 5), &error));
    MUST (godwit_server_start (looped.server, NULL, &error));
    MUST (godwit_server_start (looped.server, NULL, &error));
    FAILS (GODWIT_ERR_TASK_TIMEOUT, GODWIT_OUTCOME_NONE, "cannot wait for stop",
           godwit_server_wait (looped.server, NULL, &error));
    /* From a callback. */
    godwit_client_t *client = core_client (transport, NULL);
    godwit_client_t *one = NULL;
    MUST (godwit_client_prepare (&one, client, GODWIT_OVERRIDES (.server = "one"), &error));
    MUST (godwit_client_call_async (one, NULL, "nothing", GODWIT_NO_ARGS, in_the_loop, &looped, &error));
    while (!looped.callbacks)
        MUST (godwit_transport_process (transport, 100, &error));
    cr_assert_eq (looped.server->life, 2u);
    /* Another thread may ask, whether the loop runs or not. */
    asker_t stopper;
    asker_begin (&stopper, godwit_server_stop, looped.never,
                 GODWIT_STEP_OPTIONS (.timeout_ms = WAIT_LIMIT_MS));
    cr_assert (steps_await (looped.never, 1));
    MUST (godwit_server_start (looped.never, NULL, &error));
    while (!stopper.done)
        MUST (godwit_transport_process (transport, 1, &error));
    cr_assert_eq (asker_end (&stopper), GODWIT_OK);
    MUST (godwit_server_stop (looped.server, NULL, &error));
    MUST (godwit_server_wait (looped.server, NULL, &error));
    godwit_client_destroy (&one);
    godwit_client_destroy (&client);
    godwit_server_destroy (&looped.server);
    godwit_server_destroy (&looped.never);
    godwit_transport_destroy (&transport);
}

static const contract_row_t rows[] = {
    {"6: Each runs once however many threads call it; the others wait for it.", each_runs_once},
    {"6: stop waits for start.", stop_waits_for_start},
    {"6: wait waits for stop.", wait_waits_for_stop},
    {"6: ... from any thread, in any order of calling.", any_order_of_calling},
    {"6: ... from any thread, in any order of calling: each twice.", twice_from_two_threads},
    {"6: start after a finished stop is a restart.", start_after_stop},
    {"6: start after a finished stop is a restart: while old handlers run it waits for them.",
     restart_waits_for_old_handlers},
    {"6: start after a finished stop is a restart: a wait is about one life.", wait_is_about_a_life},
    {"6: ... from any thread: a handler may stop its server.", handlers_may_stop},
    {"6: log_after (30 s: one \"Possible hang\" warning; here negative: never).", hangs_are_logged_once},
    {"6: timeout (TaskTimeout).", steps_time_out},
    {"6: start(override_pool_size); default pool 64.", pool_sizes},
    {"6: After stop no new message is taken, what was taken still runs; wait drains it.", taken_still_runs},
    {"6: A listen failure is ServerListenError with the target and cause.", listen_failures},
    {"6: Missing topic or server in a server's target = InvalidTarget at start.", names_are_needed},
    {"6: reset.", reset_needs_a_start},
    {"6: Our own: destroy wakes who waits in a step.", destroy_wakes_who_waits},
    {"6: Our own: destroy waits for no start.", destroy_needs_no_start},
    {"6: Our own: steps of a program with its own loop do not hang.", steps_in_a_loop},
};
CONTRACT (section06, rows)
