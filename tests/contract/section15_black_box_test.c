/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 15: what became of recent calls, on both sides. */
#include "tests/contract/contract.h"

#include "tests/support/await.h"

#include <stdio.h>

/* ---- reading ---- */

/* The caller gives it back. */
static godwit_value_t *
calls_of (const godwit_transport_t *transport, const godwit_calls_options_t *options)
{
    godwit_value_t *calls = NULL;
    MUST (godwit_transport_calls (transport, options, &calls, &error));
    return calls;
}

static const char *
text_of (const godwit_value_t *call, const char *key)
{
    return godwit_value_as_str (godwit_value_get (call, key), "");
}

static int64_t
int_of (const godwit_value_t *call, const char *key)
{
    return godwit_value_as_int (godwit_value_get (call, key), -1);
}

static bool
bool_of (const godwit_value_t *call, const char *key)
{
    return godwit_value_as_bool (godwit_value_get (call, key), false);
}

/* The newest on this side of this method; NULL: none. */
static const godwit_value_t *
newest (const godwit_value_t *calls, const char *side, const char *method)
{
    for (size_t i = godwit_value_count (calls); i-- > 0;) {
        const godwit_value_t *const call = godwit_value_at (calls, i);
        if (!strcmp (text_of (call, "side"), side) && !strcmp (text_of (call, "method"), method))
            return call;
    }
    return NULL;
}

/* Waits until the handler's side has ended, too: the reply may be there before. */
static bool
has_served (const core_t *core, const char *method, godwit_value_t **calls)
{
    godwit_value_unref (calls);
    *calls = calls_of (core->serving, NULL);
    const godwit_value_t *const served = newest (*calls, "server", method);
    return served && !bool_of (served, "running");
}

static godwit_value_t *
await_served (const core_t *core, const char *method)
{
    godwit_value_t *calls = NULL;
    AWAIT (has_served (core, method, &calls));
    return calls;
}

static bool
has_note (const godwit_value_t *call, const char *says)
{
    const godwit_value_t *const notes = godwit_value_get (call, "notes");
    for (size_t i = 0; i < godwit_value_count (notes); i++)
        if (strstr (text_of (godwit_value_at (notes, i), "text"), says))
            return true;
    return false;
}

/* ---- rows ---- */

static void
both_sides_know_it (core_t *core)
{
    MUST (
        godwit_client_call (core->client, NULL, "echo", GODWIT_ARGS (GODWIT_INT ("value", 7)), NULL, &error));
    godwit_value_t *served_calls = await_served (core, "echo");
    godwit_value_t *made_calls = calls_of (core->calling, NULL);
    const godwit_value_t *const made = newest (made_calls, "client", "echo");
    const godwit_value_t *const served = newest (served_calls, "server", "echo");
    cr_assert (made && served);
    cr_assert_str_eq (text_of (made, "id"), text_of (served, "id"));
    cr_assert_str_eq (text_of (made, "trace"), text_of (served, "trace"));
    cr_assert_eq (strlen (text_of (served, "span")), 16u);
    cr_assert_str_neq (text_of (served, "span"), text_of (served, "id"));
    cr_assert_str_eq (text_of (made, "topic"), "work");
    cr_assert_str_eq (text_of (served, "server"), "one");
    cr_assert_str_eq (text_of (made, "status"), "Ok");
    cr_assert_str_eq (text_of (served, "status"), "Ok");
    cr_assert_str_eq (text_of (made, "outcome"), "RAN");
    cr_assert_str_eq (text_of (made, "kind"), "call");
    cr_assert (strstr (text_of (made, "peer"), "://"), "%s", text_of (made, "peer"));
    cr_assert_eq (strlen (text_of (made, "instance")), 32u);
    cr_assert_eq (strlen (text_of (served, "instance")), 32u);
    cr_assert_eq (int_of (made, "attempts"), 1);
    cr_assert_gt (int_of (made, "request_size"), 24);
    cr_assert_geq (int_of (made, "reply_size"), 25);
    cr_assert_geq (int_of (made, "ended"), int_of (made, "sent"));
    cr_assert_geq (int_of (served, "ended"), int_of (served, "started"));
    /* One clock: the handler began after the call, and ended before it. */
    const int64_t before = int_of (served, "at") - int_of (made, "at");
    cr_assert (before > -1000000 && before < 60000000000, "%lld ns", (long long) before);
    godwit_value_unref (&made_calls);
    godwit_value_unref (&served_calls);
}

static void
failures_say_why (core_t *core)
{
    godwit_error_t *failure = NULL;
    cr_assert (godwit_client_call (core->client, NULL, "fail", GODWIT_NO_ARGS, NULL, &failure));
    godwit_value_t *served_calls = await_served (core, "fail");
    godwit_value_t *made_calls =
        calls_of (core->calling, GODWIT_CALLS_OPTIONS (.id = godwit_error_call_id (failure)));
    const godwit_value_t *const made = newest (made_calls, "client", "fail");
    const godwit_value_t *const served = newest (served_calls, "server", "fail");
    cr_assert (made && served);
    cr_assert_str_eq (text_of (made, "id"), godwit_error_call_id (failure));
    cr_assert_str_neq (text_of (made, "status"), "Ok");
    cr_assert (has_note (made, "no tea left") || has_note (made, "OutOfStock"), "no reason at the client");
    cr_assert (has_note (served, godwit_error_message (failure)) || has_note (served, "no tea left"),
               "no reason at the server");
    godwit_value_unref (&made_calls);
    godwit_value_unref (&served_calls);
    godwit_error_destroy (&failure);
}

/* Nobody asks for the error: the reason is there all the same. */
static void
reasons_need_no_error (core_t *core)
{
    cr_assert (godwit_client_call (core->client, NULL, "nosuch", GODWIT_NO_ARGS, NULL, NULL));
    godwit_value_t *calls = calls_of (core->calling, GODWIT_CALLS_OPTIONS (.failed = true));
    const godwit_value_t *const made = newest (calls, "client", "nosuch");
    cr_assert (made && has_note (made, "does not support RPC method nosuch"));
    cr_assert_str_eq (text_of (made, "outcome"), "REJECTED");
    godwit_value_unref (&calls);
}

static void
running_ones_are_there (core_t *core)
{
    godwit_future_t *future = NULL;
    MUST (godwit_client_call_future (core->client, NULL, "block", GODWIT_NO_ARGS, &future, &error));
    service_wait (&core->one, &core->one.blocked, 1);
    godwit_value_t *calls = calls_of (core->serving, GODWIT_CALLS_OPTIONS (.running = true));
    const godwit_value_t *served = newest (calls, "server", "block");
    cr_assert (served && bool_of (served, "running"));
    cr_assert_eq (godwit_value_type (godwit_value_get (served, "status")), GODWIT_TYPE_NIL);
    godwit_value_unref (&calls);
    calls = calls_of (core->calling, GODWIT_CALLS_OPTIONS (.running = true));
    cr_assert (newest (calls, "client", "block"));
    godwit_value_unref (&calls);
    service_open_gate (&core->one);
    MUST (godwit_future_wait (future, WAIT_LIMIT_MS, NULL, NULL, &error));
    godwit_future_destroy (&future);
    calls = await_served (core, "block");
    served = newest (calls, "server", "block");
    cr_assert_gt (int_of (served, "took"), 0);
    godwit_value_unref (&calls);
}

static void
kept_ones_end_later (core_t *core)
{
    godwit_future_t *future = NULL;
    MUST (godwit_client_call_future (core->client, NULL, "hold", GODWIT_NO_ARGS, &future, &error));
    service_wait_held (&core->one, 1);
    godwit_value_t *calls = calls_of (core->serving, NULL);
    cr_assert (bool_of (newest (calls, "server", "hold"), "running"));
    godwit_value_unref (&calls);
    godwit_request_t *held = service_take (&core->one);
    cr_assert_eq (godwit_request_reply (held, GODWIT_NIL (NULL)), GODWIT_OK);
    godwit_request_destroy (&held);
    MUST (godwit_future_wait (future, WAIT_LIMIT_MS, NULL, NULL, &error));
    godwit_future_destroy (&future);
    calls = await_served (core, "hold");
    const godwit_value_t *const served = newest (calls, "server", "hold");
    cr_assert (bool_of (served, "kept"));
    cr_assert_gt (int_of (served, "replied"), 0);
    godwit_value_unref (&calls);
}

static void
waiting_and_attempts_are_told (core_t *core)
{
    godwit_client_t *client = NULL;
    godwit_error_t *failure = NULL;
    MUST (godwit_client_new (&client, core->calling, GODWIT_TARGET (.topic = "nobody"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = 50), &error));
    cr_assert_eq (godwit_client_call (client, NULL, "x", GODWIT_NO_ARGS, NULL, &failure), GODWIT_ERR_TIMEOUT);
    godwit_value_t *calls = calls_of (core->calling, GODWIT_CALLS_OPTIONS (.topic = "nobody"));
    const godwit_value_t *const made = newest (calls, "client", "x");
    cr_assert (made && has_note (made, "no server is known"));
    cr_assert_eq (int_of (made, "attempts"), 0);
    cr_assert_eq (godwit_value_type (godwit_value_get (made, "sent")), GODWIT_TYPE_NIL);
    cr_assert_str_eq (text_of (made, "outcome"), "NOT_SENT");
    godwit_value_unref (&calls);
    godwit_error_destroy (&failure);
    godwit_client_destroy (&client);
}

/* The ring is small. What failed, and what took long, is in it longer than the others. */
static void
failures_and_the_slowest_stay (core_t *core)
{
    godwit_error_t *failure = NULL;
    godwit_future_t *future = NULL;
    const int64_t began_ms = now_ms ();
    MUST (godwit_client_call_future (core->client, NULL, "block", GODWIT_NO_ARGS, &future, &error));
    service_wait (&core->one, &core->one.blocked, 1);
    AWAIT (now_ms () >= began_ms + 200); /* longer than any of the others, also on a busy machine */
    cr_assert (godwit_client_call (core->client, NULL, "fail", GODWIT_NO_ARGS, NULL, &failure));
    service_open_gate (&core->one);
    MUST (godwit_future_wait (future, WAIT_LIMIT_MS, NULL, NULL, &error));
    godwit_future_destroy (&future);
    for (int i = 0; i < 3000; i++)
        MUST (godwit_client_call (core->client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    godwit_value_t *calls =
        calls_of (core->calling, GODWIT_CALLS_OPTIONS (.id = godwit_error_call_id (failure)));
    cr_assert (newest (calls, "client", "fail"));
    godwit_value_unref (&calls);
    calls = calls_of (core->calling, GODWIT_CALLS_OPTIONS (.slowest = true, .limit = 8));
    cr_assert_eq (godwit_value_count (calls), 8u);
    cr_assert (newest (calls, "client", "block"));
    godwit_value_unref (&calls);
    calls = calls_of (core->calling, GODWIT_CALLS_OPTIONS (.limit = 100000));
    cr_assert_leq (godwit_value_count (calls), 1024u + 256 + 160);
    godwit_value_unref (&calls);
    godwit_error_destroy (&failure);
}

static void
a_fanout_is_one_call (core_t *core)
{
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
    MUST (godwit_client_fanout (core->client, NULL, "count", GODWIT_NO_ARGS, &report, &error));
    service_wait (&core->one, &core->one.counted, 1);
    godwit_value_t *served_calls = await_served (core, "count");
    godwit_value_t *made_calls = calls_of (core->calling, NULL);
    const godwit_value_t *const made = newest (made_calls, "client", "count");
    const godwit_value_t *const served = newest (served_calls, "server", "count");
    cr_assert_str_eq (text_of (made, "kind"), "fanout");
    cr_assert_str_eq (text_of (served, "kind"), "fanout");
    cr_assert_str_eq (text_of (made, "id"), text_of (served, "id"));
    godwit_value_unref (&made_calls);
    godwit_value_unref (&served_calls);
}

static void
only_what_is_new (core_t *core)
{
    MUST (godwit_client_call (core->client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    godwit_value_t *calls = calls_of (core->calling, GODWIT_CALLS_OPTIONS (.method = "nothing"));
    const godwit_value_t *const last = newest (calls, "client", "nothing");
    const uint64_t seq = (uint64_t) int_of (last, "seq");
    godwit_value_unref (&calls);
    MUST (
        godwit_client_call (core->client, NULL, "echo", GODWIT_ARGS (GODWIT_INT ("value", 1)), NULL, &error));
    calls = calls_of (core->calling, GODWIT_CALLS_OPTIONS (.after = seq));
    cr_assert (newest (calls, "client", "echo"));
    cr_assert (!newest (calls, "client", "nothing"));
    godwit_value_unref (&calls);
    calls = calls_of (core->calling, GODWIT_CALLS_OPTIONS (.limit = 1));
    const uint64_t newest_seq = (uint64_t) int_of (godwit_value_at (calls, 0), "seq");
    godwit_value_unref (&calls);
    calls = calls_of (core->calling, GODWIT_CALLS_OPTIONS (.limit = 1, .oldest = true));
    cr_assert_eq (godwit_value_count (calls), 1u);
    cr_assert_lt ((uint64_t) int_of (godwit_value_at (calls, 0), "seq"), newest_seq);
    godwit_value_unref (&calls);
    calls = calls_of (core->calling, GODWIT_CALLS_OPTIONS (.topic = "another"));
    cr_assert_eq (godwit_value_count (calls), 0u);
    godwit_value_unref (&calls);
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "id: expected the 16 digits",
           godwit_transport_calls (core->calling, GODWIT_CALLS_OPTIONS (.id = "5c2f"), &calls, &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "id: expected the 16 digits",
           godwit_transport_calls (core->calling, GODWIT_CALLS_OPTIONS (.id = "5c2f0e9a81d3b76x"), &calls,
                                   &error));
}

static void
it_can_be_switched_off (core_t *core)
{
    godwit_transport_t *transport = core_transport (core, GODWIT_TRANSPORT_OPTIONS (.black_box_size = -1));
    godwit_client_t *client = core_client (transport, NULL);
    godwit_error_t *failure = NULL;
    MUST (godwit_client_wait_servers (client, 1, WAIT_LIMIT_MS, &error));
    cr_assert (godwit_client_call (client, NULL, "fail", GODWIT_NO_ARGS, NULL, &failure));
    cr_assert (godwit_error_call_id (failure));
    godwit_value_t *calls = calls_of (transport, NULL);
    cr_assert_eq (godwit_value_count (calls), 0u);
    godwit_value_unref (&calls);
    godwit_error_destroy (&failure);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
}

static const contract_row_t rows[] = {
    {"15: Both sides know a call.", both_sides_know_it},
    {"15: A failure says why, on both sides.", failures_say_why},
    {"15: Also if nobody asked for the error.", reasons_need_no_error},
    {"15: Calls that run are there.", running_ones_are_there},
    {"15: A request that was kept runs until it is given back.", kept_ones_end_later},
    {"15: What a call waited for is told.", waiting_and_attempts_are_told},
    {"15: Failures and the slowest stay longer.", failures_and_the_slowest_stay},
    {"15: A fanout is one call, and a request at each server.", a_fanout_is_one_call},
    {"15: It can be asked for what is new, and for less.", only_what_is_new},
    {"15: It can be switched off.", it_can_be_switched_off},
};
CONTRACT_OF_ALL_DRIVERS (section15, rows)
