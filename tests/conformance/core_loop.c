/* SPDX-License-Identifier: Apache-2.0 */
/* Programs with an event loop of their own: one thread runs the client, the server, or both. */
#include "tests/conformance/core_conformance.h"

#include <poll.h>

/* The program's loop, as it would be: sleeps in poll, then processes. */
static void
turn (godwit_transport_t *transport)
{
    struct pollfd fd = {godwit_transport_fd (transport), POLLIN, 0};
    cr_assert_geq (fd.fd, 0);
    cr_assert_eq (poll (&fd, 1, WAIT_LIMIT_MS), 1, "nothing happened");
    MUST (godwit_transport_process (transport, 0, &error));
}

typedef struct answers {
    unsigned count;
    godwit_status_t status;
    pthread_t thread;
} answers_t;

static void
on_answer (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    answers_t *answers = user;
    (void) result;
    (void) error;
    answers->count++;
    answers->status = status;
    answers->thread = pthread_self ();
}

void
core_a_client_in_an_external_loop (const core_kind_t *kind)
{
    core_t core;
    answers_t answers = {0};
    core_open (&core, kind);
    cr_assert_eq (godwit_transport_fd (core.calling), -1);
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "external_loop",
           godwit_transport_process (core.calling, 0, &error));

    godwit_transport_t *transport = core_transport (&core, GODWIT_TRANSPORT_OPTIONS (.external_loop = true));
    godwit_client_t *client = core_client (transport, NULL);
    /* A synchronous call runs the loop by itself. */
    for (int i = 0; i < 20; i++)
        cr_assert_eq (call_who (client), 'e');
    MUST (godwit_client_wait_servers (client, 1, WAIT_LIMIT_MS, &error));
    /* Callbacks run in the loop, on its thread. */
    for (int i = 0; i < 100; i++)
        MUST (
            godwit_client_call_async (client, NULL, "nothing", GODWIT_NO_ARGS, on_answer, &answers, &error));
    while (answers.count < 100)
        turn (transport);
    cr_assert_eq (answers.status, GODWIT_OK);
    cr_assert (pthread_equal (answers.thread, pthread_self ()));
    /* Deadlines wake the loop. */
    godwit_client_t *late = NULL;
    MUST (godwit_client_prepare (&late, client, GODWIT_OVERRIDES (.timeout_ms = 400), &error));
    MUST (godwit_client_call_async (late, NULL, "hold", GODWIT_NO_ARGS, on_answer, &answers, &error));
    while (answers.count < 101)
        turn (transport);
    cr_assert_eq (answers.status, GODWIT_ERR_TIMEOUT);
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, "",
           godwit_client_call (late, NULL, "hold", GODWIT_NO_ARGS, NULL, &error));
    godwit_future_t *future = NULL;
    MUST (godwit_client_call_future (client, NULL, "nothing", GODWIT_NO_ARGS, &future, &error));
    MUST (godwit_future_wait (future, -1, NULL, NULL, &error));
    godwit_future_destroy (&future);
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
    MUST (godwit_client_fanout (client, NULL, "count", GODWIT_NO_ARGS, &report, &error));
    cr_assert_eq (report.reached, 1u);
    service_wait (&core.one, &core.one.counted, 1);
    godwit_fanout_result_t *rows = NULL;
    MUST (godwit_client_fanout_call (client, NULL, "whoami", GODWIT_NO_ARGS, &rows, &error));
    cr_assert (godwit_fanout_result_count (rows) == 1 &&
               godwit_fanout_result_row (rows, 0)->state == GODWIT_FANOUT_REPLIED);
    godwit_fanout_result_destroy (&rows);
    /* Ends with calls pending. */
    MUST (godwit_client_call_async (client, NULL, "hold", GODWIT_NO_ARGS, on_answer, &answers, &error));
    godwit_client_destroy (&client);
    cr_assert_eq (answers.count, 102u);
    cr_assert_eq (answers.status, GODWIT_ERR_CLOSED);
    godwit_client_destroy (&late);
    godwit_transport_destroy (&transport);
    core_close (&core);
}

typedef struct loop {
    godwit_transport_t *transport;
    atomic_bool stop;
    atomic_bool wrong;
} loop_t;

static void *
run_loop (void *user)
{
    loop_t *loop = user;
    while (!atomic_load (&loop->stop)) {
        struct pollfd fd = {godwit_transport_fd (loop->transport), POLLIN, 0};
        poll (&fd, 1, 20);
        if (godwit_transport_process (loop->transport, 0, NULL))
            atomic_store (&loop->wrong, true);
    }
    return NULL;
}

void
core_a_server_in_an_external_loop (const core_kind_t *kind)
{
    core_t core;
    loop_t loop = {.transport = NULL};
    pthread_t thread;
    core_open_empty (&core, kind);
    loop.transport = core_transport (&core, GODWIT_TRANSPORT_OPTIONS (.external_loop = true));
    service_start (&core.one, loop.transport, "one", NULL);
    pthread_create (&thread, NULL, run_loop, &loop);
    for (int i = 0; i < 50; i++)
        cr_assert_eq (call_who (core.client), 'e');
    godwit_future_t *futures[50];
    for (int i = 0; i < 50; i++)
        MUST (godwit_client_call_future (core.client, NULL, "hold", GODWIT_NO_ARGS, &futures[i], &error));
    service_wait_held (&core.one, 50);
    for (int i = 0; i < 50; i++) {
        godwit_request_t *request = service_take (&core.one);
        MUST (godwit_request_reply (request, GODWIT_INT (NULL, i)));
        godwit_request_destroy (&request);
    }
    for (int i = 0; i < 50; i++) {
        MUST (godwit_future_wait (futures[i], -1, NULL, NULL, &error));
        godwit_future_destroy (&futures[i]);
    }
    MUST (godwit_client_fanout (core.client, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
    service_wait (&core.one, &core.one.counted, 1);
    godwit_transport_stats_t stats;
    godwit_transport_stats (loop.transport, &stats, sizeof stats);
    cr_assert_eq (stats.workers, 0u);
    atomic_store (&loop.stop, true);
    pthread_join (thread, NULL);
    cr_assert (!loop.wrong);
    service_end (&core.one);
    core.one.server = NULL;
    godwit_transport_destroy (&loop.transport);
    core_close (&core);
}

/* One thread, one transport, which calls itself. */
void
core_both_in_one_external_loop (const core_kind_t *kind)
{
    core_t core;
    answers_t answers = {0};
    core_open_empty (&core, kind);
    godwit_transport_t *transport = core_transport (&core, GODWIT_TRANSPORT_OPTIONS (.external_loop = true));
    godwit_client_t *client = core_client (transport, NULL);
    service_start (&core.one, transport, "one", NULL);
    for (int i = 0; i < 20; i++)
        cr_assert_eq (call_who (client), 'e');
    for (int i = 0; i < 20; i++)
        MUST (godwit_client_call_async (client, NULL, "whoami", GODWIT_NO_ARGS, on_answer, &answers, &error));
    while (answers.count < 20)
        turn (transport);
    cr_assert_eq (answers.status, GODWIT_OK);
    for (int i = 0; i < 5; i++)
        MUST (godwit_client_cast (client, NULL, "count", GODWIT_NO_ARGS, &error));
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
    MUST (godwit_client_fanout (client, NULL, "count", GODWIT_NO_ARGS, &report, &error));
    cr_assert_eq (report.reached, 1u);
    while (service_get (&core.one, &core.one.counted) < 6)
        turn (transport);
    godwit_fanout_result_t *rows = NULL;
    MUST (godwit_client_fanout_call (client, NULL, "whoami", GODWIT_NO_ARGS, &rows, &error));
    cr_assert (godwit_fanout_result_count (rows) == 1 &&
               godwit_fanout_result_row (rows, 0)->state == GODWIT_FANOUT_REPLIED);
    godwit_fanout_result_destroy (&rows);
    godwit_value_t *result = NULL;
    MUST (godwit_client_call (client, NULL, "quick", GODWIT_ARGS (GODWIT_INT ("thread", core_this_thread ())),
                              &result, &error));
    cr_assert_eq (godwit_value_as_int (result, 0), 1);
    godwit_value_unref (&result);

    /* A handler that calls a server elsewhere, and one that calls its own, which can run nothing meanwhile:
     * both end. */
    service_t two;
    service_start (&two, core.serving, "two", NULL);
    service_relay_to (&core.one, transport, "two", WAIT_LIMIT_MS);
    MUST (godwit_client_wait_servers (core.one.onward, 1, WAIT_LIMIT_MS, &error));
    godwit_client_t *one = NULL;
    MUST (godwit_client_prepare (&one, client, GODWIT_OVERRIDES (.server = "one"), &error));
    MUST (godwit_client_call (one, NULL, "relay", GODWIT_ARGS (GODWIT_STR ("method", "whoami")), &result,
                              &error));
    cr_assert_str_eq (godwit_value_as_str (result, ""), "two");
    godwit_value_unref (&result);
    service_relay_to (&core.one, transport, "one", 200);
    const int64_t began = now_ms ();
    godwit_client_call (one, NULL, "relay", GODWIT_ARGS (GODWIT_STR ("method", "whoami")), NULL, NULL);
    cr_assert_lt (now_ms () - began, WAIT_LIMIT_MS / 2);
    service_relay_to (&core.one, NULL, NULL, 0);
    cr_assert_eq (call_who (one), 'e');
    godwit_client_destroy (&one);
    godwit_client_destroy (&client);
    service_end (&two);
    service_end (&core.one);
    core.one.server = NULL;
    godwit_transport_destroy (&transport);
    core_close (&core);
}
