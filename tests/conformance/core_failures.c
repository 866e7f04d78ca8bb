/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that fail: the status, what became of the call, and when. */
#include "tests/conformance/core_conformance.h"

#include <time.h>

static godwit_client_t *
prepared (godwit_client_t *client, const godwit_overrides_t *overrides)
{
    godwit_client_t *other = NULL;
    MUST (godwit_client_prepare (&other, client, overrides, &error));
    return other;
}

void
core_errors_of_dispatch_come_back (const core_kind_t *kind)
{
    core_t core;
    core_open (&core, kind);
    FAILS (GODWIT_ERR_NO_SUCH_METHOD, GODWIT_OUTCOME_REJECTED, "Endpoint does not support RPC method no_such",
           godwit_client_call (core.client, NULL, "no_such", GODWIT_NO_ARGS, NULL, &error));
    FAILS (GODWIT_ERR_NO_SUCH_METHOD, GODWIT_OUTCOME_REJECTED, "_hidden",
           godwit_client_call (core.client, NULL, "_hidden", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_t *newer = prepared (core.client, GODWIT_OVERRIDES (.version = "1.4"));
    FAILS (GODWIT_ERR_UNSUPPORTED_VERSION, GODWIT_OUTCOME_REJECTED,
           "Endpoint does not support RPC version 1.4. Attempted method: whoami",
           godwit_client_call (newer, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&newer);
    godwit_client_t *foreign = prepared (core.client, GODWIT_OVERRIDES (.name_space = "third"));
    FAILS (GODWIT_ERR_UNSUPPORTED_VERSION, GODWIT_OUTCOME_REJECTED, "",
           godwit_client_call (foreign, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&foreign);

    /* The arguments are checked by the library, which names the path. */
    FAILS (GODWIT_ERR_TYPE_MISMATCH, GODWIT_OUTCOME_REJECTED, "args.b: expected int, got str",
           godwit_client_call (core.client, NULL, "add",
                               GODWIT_ARGS (GODWIT_INT ("a", 1), GODWIT_STR ("b", "2")), NULL, &error));
    FAILS (GODWIT_ERR_NOT_FOUND, GODWIT_OUTCOME_REJECTED, "args.b: missing, expected int",
           godwit_client_call (core.client, NULL, "add", GODWIT_ARGS (GODWIT_INT ("a", 1)), NULL, &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_REJECTED, "args.c",
           godwit_client_call (core.client, NULL, "add",
                               GODWIT_ARGS (GODWIT_INT ("a", 1), GODWIT_INT ("b", 2), GODWIT_INT ("c", 3)),
                               NULL, &error));
    cr_assert_eq (service_get (&core.one, &core.one.runs), 0u);
    core_close (&core);
}

void
core_errors_of_methods_come_back (const core_kind_t *kind)
{
    core_t core;
    godwit_error_t *stock = NULL;
    core_open (&core, kind);
    cr_assert_eq (godwit_client_call (core.client, NULL, "fail", GODWIT_NO_ARGS, NULL, &stock),
                  GODWIT_ERR_REMOTE_ERROR);
    cr_assert_str_eq (godwit_error_type (stock), "RemoteError");
    cr_assert_str_eq (godwit_error_detail (stock, "exc_type"), "OutOfStock");
    cr_assert_str_eq (godwit_error_detail (stock, "value"), "no tea left");
    cr_assert_eq (godwit_error_outcome (stock), GODWIT_OUTCOME_RAN);
    godwit_error_destroy (&stock);
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_RAN, "",
           godwit_client_call (core.client, NULL, "deny", GODWIT_NO_ARGS, NULL, &error));
    cr_assert_eq (service_get (&core.one, &core.one.runs), 2u);
    core_close (&core);
}

void
core_targets_that_cannot_be_called (const core_kind_t *kind)
{
    core_t core;
    godwit_client_t *client = NULL;
    godwit_value_t *list = NULL;
    core_open (&core, kind);
    /* No topic is no error until something is sent. */
    MUST (godwit_client_new (&client, core.calling, GODWIT_TARGET (.server = "one"), NULL, &error));
    FAILS (GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE, "<Target server=one>",
           godwit_client_call (client, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    FAILS (GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE, "topic",
           godwit_client_cast (client, NULL, "whoami", GODWIT_NO_ARGS, &error));
    FAILS (GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE, "topic",
           godwit_client_fanout (client, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    FAILS (GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE, "topic",
           godwit_client_wait_servers (client, 1, 0, &error));
    FAILS (GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE, "topic",
           godwit_client_servers (client, &list, &error));
    godwit_client_destroy (&client);

    client = prepared (core.client, GODWIT_OVERRIDES (.fanout = GODWIT_YES));
    FAILS (GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE, "A call cannot be used with fanout",
           godwit_client_call (client, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    tally_t tally;
    godwit_future_t *future = NULL;
    tally_open (&tally);
    FAILS (GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE, "A call cannot be used with fanout",
           godwit_client_call_future (client, NULL, "whoami", GODWIT_NO_ARGS, &future, &error));
    tally_close (&tally);
    godwit_client_destroy (&client);
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "Version must contain",
           godwit_client_new (&client, core.calling, GODWIT_TARGET (.topic = "work", .version = "one"), NULL,
                              &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "transport",
           godwit_client_new (&client, NULL, GODWIT_TARGET (.topic = "work"), NULL, &error));
    cr_assert_null (client);
    cr_assert_eq (service_get (&core.one, &core.one.runs), 0u);
    core_close (&core);
}

void
core_version_caps_hold (const core_kind_t *kind)
{
    core_t core;
    core_open (&core, kind);
    static const struct {
        const char *cap;
        const char *version; /* NULL: none */
        bool passes;
    } rows[] = {{"1.3", "1.3", true},  {"1.3", "1.2", true}, {"1.3", "1.4", false},
                {"1.3", "2.0", false}, {"1.3", NULL, false}, {"2.0", "1.0", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        godwit_client_t *client =
            prepared (core.client, GODWIT_OVERRIDES (.version_cap = rows[i].cap, .version = rows[i].version));
        if (rows[i].passes) {
            MUST (godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
            MUST (godwit_client_cast (client, NULL, "nothing", GODWIT_NO_ARGS, &error));
        } else {
            FAILS (GODWIT_ERR_VERSION_CAP, GODWIT_OUTCOME_NONE, rows[i].cap,
                   godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
            FAILS (GODWIT_ERR_VERSION_CAP, GODWIT_OUTCOME_NONE, rows[i].cap,
                   godwit_client_cast (client, NULL, "nothing", GODWIT_NO_ARGS, &error));
            FAILS (GODWIT_ERR_VERSION_CAP, GODWIT_OUTCOME_NONE, rows[i].cap,
                   godwit_client_fanout (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
        }
        godwit_client_destroy (&client);
    }
    service_wait (&core.one, &core.one.runs, 4);
    core_close (&core);
}

void
core_slow_methods_time_out (const core_kind_t *kind)
{
    core_t core;
    core_open (&core, kind);
    static const char *const methods[] = {"block", "hold"};
    godwit_client_t *late = prepared (core.client, GODWIT_OVERRIDES (.timeout_ms = 400));
    for (int i = 0; i < 2; i++) {
        const int64_t began = now_ms ();
        FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, "400 ms",
               godwit_client_call (late, NULL, methods[i], GODWIT_NO_ARGS, NULL, &error));
        const int64_t took = now_ms () - began;
        cr_assert (took >= 59 && took < WAIT_LIMIT_MS / 2, "%lld ms", (long long) took);
    }
    service_wait (&core.one, &core.one.runs, 2);
    /* A reply that comes too late goes nowhere, least of all to another call. */
    service_open_gate (&core.one);
    godwit_request_t *request = service_take (&core.one);
    MUST (godwit_request_reply (request, GODWIT_INT (NULL, 666)));
    godwit_request_destroy (&request);
    for (int i = 0; i < 20; i++)
        cr_assert_eq (call_who (core.client), 'e');
    godwit_client_destroy (&late);
    core_close (&core);
}

void
core_nobody_there_times_out (const core_kind_t *kind)
{
    core_t core;
    core_open_empty (&core, kind);
    godwit_client_t *late = prepared (core.client, GODWIT_OVERRIDES (.timeout_ms = 400));
    int64_t began = now_ms ();
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NOT_SENT, "no server is known",
           godwit_client_call (late, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    cr_assert (now_ms () - began >= 59 && now_ms () - began < WAIT_LIMIT_MS / 2);
    FAILS (GODWIT_ERR_DELIVERY_FAILURE, GODWIT_OUTCOME_NOT_SENT, "400 ms",
           godwit_client_cast (late, NULL, "whoami", GODWIT_NO_ARGS, &error));
    godwit_future_t *future = NULL;
    MUST (godwit_client_call_future (late, NULL, "whoami", GODWIT_NO_ARGS, &future, &error));
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NOT_SENT, "no server is known",
           godwit_future_wait (future, -1, NULL, NULL, &error));
    godwit_future_destroy (&future);
    godwit_client_destroy (&late);

    began = now_ms ();
    godwit_client_t *now = prepared (core.client, GODWIT_OVERRIDES (.timeout_ms = GODWIT_TIMEOUT_ZERO));
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NOT_SENT, "0 ms",
           godwit_client_call (now, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    cr_assert_lt (now_ms () - began, WAIT_LIMIT_MS / 2);
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NONE, "0 of 1",
           godwit_client_wait_servers (core.client, 1, 10, &error));
    godwit_client_destroy (&now);
    core_close (&core);
}

void
core_mandatory_calls_fail_at_once (const core_kind_t *kind)
{
    core_t core;
    core_open_empty (&core, kind);
    godwit_client_t *client = prepared (core.client, GODWIT_OVERRIDES (.mandatory = GODWIT_YES));
    const int64_t began = now_ms ();
    FAILS (GODWIT_ERR_UNDELIVERABLE, GODWIT_OUTCOME_NOT_SENT, "",
           godwit_client_call (client, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    FAILS (GODWIT_ERR_UNDELIVERABLE, GODWIT_OUTCOME_NOT_SENT, "",
           godwit_client_cast (client, NULL, "whoami", GODWIT_NO_ARGS, &error));
    FAILS (GODWIT_ERR_UNDELIVERABLE, GODWIT_OUTCOME_NOT_SENT, "",
           godwit_client_fanout (client, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    godwit_future_t *future = NULL;
    FAILS (GODWIT_ERR_UNDELIVERABLE, GODWIT_OUTCOME_NOT_SENT, "",
           godwit_client_call_future (client, NULL, "whoami", GODWIT_NO_ARGS, &future, &error));
    cr_assert_lt (now_ms () - began, WAIT_LIMIT_MS / 2);

    /* A server that is there, but not the one that is named. */
    service_start (&core.one, core.serving, "one", NULL);
    MUST (godwit_client_wait_servers (core.client, 1, WAIT_LIMIT_MS, &error));
    cr_assert_eq (call_who (client), 'e');
    godwit_client_t *other = prepared (client, GODWIT_OVERRIDES (.server = "two"));
    FAILS (GODWIT_ERR_UNDELIVERABLE, GODWIT_OUTCOME_NOT_SENT, "",
           godwit_client_call (other, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&other);
    godwit_client_destroy (&client);
    core_close (&core);
}

void
core_retries_are_counted (const core_kind_t *kind)
{
    core_t core;
    core_open_empty (&core, kind);
    /* Nobody there: every attempt fails. */
    int64_t took[2];
    static const int64_t retries[2] = {GODWIT_RETRY_NONE, 2};
    for (int i = 0; i < 2; i++) {
        godwit_client_t *client = prepared (core.client, GODWIT_OVERRIDES (.retry = retries[i]));
        const int64_t began = now_ms ();
        FAILS (GODWIT_ERR_DELIVERY_FAILURE, GODWIT_OUTCOME_NOT_SENT, "no retry is left",
               godwit_client_call (client, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
        took[i] = now_ms () - began;
        cr_assert_lt (took[i], WAIT_LIMIT_MS / 2);
        FAILS (GODWIT_ERR_DELIVERY_FAILURE, GODWIT_OUTCOME_NOT_SENT, "no retry is left",
               godwit_client_cast (client, NULL, "whoami", GODWIT_NO_ARGS, &error));
        godwit_future_t *future = NULL;
        godwit_error_t *error = NULL;
        godwit_status_t status =
            godwit_client_call_future (client, NULL, "whoami", GODWIT_NO_ARGS, &future, &error);
        if (status == GODWIT_OK)
            status = godwit_future_wait (future, -1, NULL, NULL, &error);
        cr_assert_eq (status, GODWIT_ERR_DELIVERY_FAILURE, "%s", godwit_error_print (error));
        godwit_error_destroy (&error);
        godwit_future_destroy (&future);
        godwit_client_destroy (&client);
    }
    cr_assert_gt (took[1], took[0]);

    /* A server that refuses: the first try and two more, then no other. */
    service_start (&core.one, core.serving, "one",
                   GODWIT_SERVER_OPTIONS (.concurrency = 1, .queue_limit = 1));
    MUST (godwit_client_wait_servers (core.client, 1, WAIT_LIMIT_MS, &error));
    MUST (godwit_client_cast (core.client, NULL, "block", GODWIT_NO_ARGS, &error));
    service_wait (&core.one, &core.one.blocked, 1);
    MUST (godwit_client_cast (core.client, NULL, "count", GODWIT_NO_ARGS, &error)); /* fills the queue */
    godwit_client_t *client = prepared (core.client, GODWIT_OVERRIDES (.retry = 2));
    FAILS (GODWIT_ERR_DELIVERY_FAILURE, GODWIT_OUTCOME_REJECTED, "overloaded",
           godwit_client_call (client, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    godwit_transport_stats_t stats;
    godwit_transport_stats (core.serving, &stats, sizeof stats);
    cr_assert_eq (stats.requests_refused, 3u);
    /* For ever: it waits until there is room. */
    godwit_future_t *future = NULL;
    MUST (godwit_client_call_future (core.client, NULL, "whoami", GODWIT_NO_ARGS, &future, &error));
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NONE, "", godwit_future_wait (future, 20, NULL, NULL, &error));
    service_open_gate (&core.one);
    MUST (godwit_future_wait (future, -1, NULL, NULL, &error));
    godwit_future_destroy (&future);
    godwit_client_destroy (&client);
    core_close (&core);
}

void
core_dropped_requests_fail (const core_kind_t *kind)
{
    core_t core;
    core_open (&core, kind);
    const int64_t began = now_ms ();
    FAILS (GODWIT_ERR_FAILED, GODWIT_OUTCOME_RAN, "",
           godwit_client_call (core.client, NULL, "drop", GODWIT_NO_ARGS, NULL, &error));
    cr_assert_lt (now_ms () - began, WAIT_LIMIT_MS / 2);
    core_close (&core);
}

static void
on_end (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) status;
    (void) result;
    (void) error;
    tally_add (user);
}

/* Nobody waits for room without a bound: with nobody there, and with a server that refuses. */
void
core_asynchronous_calls_are_bounded (const core_kind_t *kind)
{
    enum { LIMIT = 50, MOST = 3 * LIMIT };
    core_t core;
    tally_t tally;
    core_open_empty (&core, kind);
    godwit_transport_t *transport = core_transport (&core, GODWIT_TRANSPORT_OPTIONS (.queue_limit = LIMIT));
    service_start (&core.one, core.serving, "one",
                   GODWIT_SERVER_OPTIONS (.concurrency = 1, .queue_limit = 1));
    godwit_client_t *client = core_client (transport, NULL);
    MUST (godwit_client_wait_servers (client, 1, WAIT_LIMIT_MS, &error));
    MUST (godwit_client_cast (client, NULL, "block", GODWIT_NO_ARGS, &error));
    service_wait (&core.one, &core.one.blocked, 1);
    for (int i = 0; i < 2; i++) {
        uint64_t accepted = 0;
        godwit_status_t status = GODWIT_OK;
        tally_open (&tally);
        const int64_t end = now_ms () + WAIT_LIMIT_MS;
        while (status == GODWIT_OK && now_ms () < end) {
            status = godwit_client_call_async (client, NULL, "nothing", GODWIT_NO_ARGS, on_end, &tally, NULL);
            accepted += status == GODWIT_OK;
        }
        cr_assert_eq (status, GODWIT_ERR_OVERLOADED);
        cr_assert (accepted >= LIMIT && accepted <= MOST, "%llu", (unsigned long long) accepted);
        godwit_client_destroy (&client);
        cr_assert_eq (tally_get (&tally), accepted);
        tally_close (&tally);
        MUST (godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "elsewhere"), NULL, &error));
    }
    godwit_client_destroy (&client);
    service_end (&core.one);
    core.one.server = NULL;
    godwit_transport_destroy (&transport);
    core_close (&core);
}

static int64_t
processor_ms (void)
{
    struct timespec used;
    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &used);
    return (int64_t) used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

/* Calls that wait, for a server or for a reply, sleep. */
void
core_waiting_calls_use_no_processor (const core_kind_t *kind)
{
    enum { WAIT_MS = 400 };
    core_t core;
    core_open (&core, kind);
    godwit_future_t *futures[3] = {NULL};
    godwit_client_t *nobody =
        prepared (core.client, GODWIT_OVERRIDES (.topic = "elsewhere", .timeout_ms = WAIT_MS));
    godwit_client_t *late = prepared (core.client, GODWIT_OVERRIDES (.timeout_ms = WAIT_MS));
    const int64_t before = processor_ms ();
    MUST (godwit_client_call_future (nobody, NULL, "nothing", GODWIT_NO_ARGS, &futures[0], &error));
    MUST (godwit_client_call_future (nobody, NULL, "nothing", GODWIT_NO_ARGS, &futures[1], &error));
    MUST (godwit_client_call_future (late, NULL, "hold", GODWIT_NO_ARGS, &futures[2], &error));
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, "",
           godwit_client_call (late, NULL, "hold", GODWIT_NO_ARGS, NULL, &error));
    for (int i = 0; i < 3; i++)
        cr_assert_eq (godwit_future_wait (futures[i], -1, NULL, NULL, NULL), GODWIT_ERR_TIMEOUT);
    const int64_t used = processor_ms () - before;
    cr_assert_lt (used, WAIT_MS / 2, "%lld ms of processor time in %d ms", (long long) used, WAIT_MS);
    for (int i = 0; i < 3; i++)
        godwit_future_destroy (&futures[i]);
    godwit_client_destroy (&nobody);
    godwit_client_destroy (&late);
    core_close (&core);
}
