/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 3: the client. prepare and values have files of their own. */
#include "tests/contract/contract.h"

#include <stdio.h>

static godwit_client_t *
prepared (godwit_client_t *client, const godwit_overrides_t *overrides)
{
    godwit_client_t *result = NULL;
    MUST (godwit_client_prepare (&result, client, overrides, &error));
    return result;
}

static uint64_t
requests_received (const core_t *core)
{
    godwit_transport_stats_t stats;
    godwit_transport_stats (core->serving, &stats, sizeof stats);
    return stats.requests_received;
}

static void
on_reply (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) status;
    (void) result;
    (void) error;
    tally_add (user);
}

/* ---- the message ---- */

/* What a handler sees of its request. */
static godwit_status_t
describe (godwit_request_t *request, void *self)
{
    const char *name_space = godwit_request_name_space (request);
    const char *version = godwit_request_version (request);
    (void) self;
    return godwit_request_reply (request,
                                 GODWIT_MAP (NULL, GODWIT_STR ("method", godwit_request_method (request)),
                                             GODWIT_VALUE ("args", godwit_request_args (request)),
                                             GODWIT_STR ("namespace", name_space ? name_space : "none"),
                                             GODWIT_STR ("version", version ? version : "none")));
}

static const godwit_method_t describing[] = {GODWIT_METHOD ("describe", describe, 0)};

static void
message (core_t *core)
{
    static const struct {
        const char *name_space, *version;
    } rows[] = {{NULL, NULL}, {"other", NULL}, {NULL, "1.0"}, {"other", "1.2"}};
    const godwit_endpoint_t endpoints[] = {
        GODWIT_ENDPOINT (describing, .version = "1.3"),
        GODWIT_ENDPOINT (describing, .version = "1.3", .name_space = "other"),
    };
    godwit_server_t *server = NULL;
    MUST (godwit_server_new (&server, core->serving, GODWIT_TARGET (.topic = "describe", .server = "one"),
                             endpoints, 2, NULL, &error));
    MUST (godwit_server_start (server, NULL, &error));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        godwit_value_t *result = NULL, *expected = NULL;
        godwit_client_t *client =
            prepared (core->client, GODWIT_OVERRIDES (.topic = "describe", .name_space = rows[i].name_space,
                                                      .version = rows[i].version));
        const godwit_fields_t args = GODWIT_ARGS (GODWIT_INT ("x", 1), GODWIT_NIL ("nothing"));
        MUST (godwit_client_call (client, NULL, "describe", args, &result, &error));
        MUST (godwit_value_new_map (
            &expected,
            GODWIT_ARGS (GODWIT_STR ("method", "describe"),
                         GODWIT_MAP ("args", GODWIT_INT ("x", 1), GODWIT_NIL ("nothing")),
                         GODWIT_STR ("namespace", rows[i].name_space ? rows[i].name_space : "none"),
                         GODWIT_STR ("version", rows[i].version ? rows[i].version : "none")),
            &error));
        cr_assert (godwit_value_equal (result, expected), "row %zu", i);
        godwit_value_unref (&result);
        godwit_value_unref (&expected);
        godwit_client_destroy (&client);
    }
    godwit_server_destroy (&server);
}

/* ---- the order inside call ---- */

/* A client that everything is wrong with, mended step by step: the first mistake is the one that is told. */
static void
order_of_checks (core_t *core)
{
    const godwit_fields_t bad = GODWIT_ARGS (GODWIT_INT ("x", 1), GODWIT_INT ("x", 2));
    const uint64_t before = requests_received (core);
    godwit_client_t *all_wrong = prepared (
        core->client, GODWIT_OVERRIDES (.fanout = GODWIT_YES, .version = "2.0", .version_cap = "1.0",
                                        .topic = godwit_clear, .timeout_ms = GODWIT_TIMEOUT_ZERO));
    FAILS (GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE, "A call cannot be used with fanout",
           godwit_client_call (all_wrong, NULL, "nothing", bad, NULL, &error));
    godwit_client_t *no_fanout = prepared (all_wrong, GODWIT_OVERRIDES (.fanout = GODWIT_NO));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "args",
           godwit_client_call (no_fanout, NULL, "nothing", bad, NULL, &error));
    FAILS (GODWIT_ERR_VERSION_CAP, GODWIT_OUTCOME_NONE, "version cap",
           godwit_client_call (no_fanout, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_t *no_cap = prepared (no_fanout, GODWIT_OVERRIDES (.version_cap = godwit_clear));
    FAILS (GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE, "topic",
           godwit_client_call (no_cap, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_t *topic = prepared (no_cap, GODWIT_OVERRIDES (.topic = "work"));
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NOT_SENT, "0 ms",
           godwit_client_call (topic, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    cr_assert_eq (requests_received (core), before, "something was sent");
    godwit_client_destroy (&all_wrong);
    godwit_client_destroy (&no_fanout);
    godwit_client_destroy (&no_cap);
    godwit_client_destroy (&topic);
}

static void
no_call_with_fanout (core_t *core)
{
    tally_t ended;
    godwit_future_t *future = NULL;
    tally_open (&ended);
    godwit_client_t *all = prepared (core->client, GODWIT_OVERRIDES (.fanout = GODWIT_YES));
    FAILS (GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE, "A call cannot be used with fanout",
           godwit_client_call (all, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    FAILS (GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE, "A call cannot be used with fanout",
           godwit_client_call_async (all, NULL, "nothing", GODWIT_NO_ARGS, on_reply, &ended, &error));
    FAILS (GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE, "A call cannot be used with fanout",
           godwit_client_call_future (all, NULL, "nothing", GODWIT_NO_ARGS, &future, &error));
    cr_assert (!future && tally_get (&ended) == 0);
    /* A cast can. */
    MUST (godwit_client_cast (all, NULL, "count", GODWIT_NO_ARGS, &error));
    service_wait (&core->one, &core->one.counted, 1);
    godwit_client_destroy (&all);
    tally_close (&ended);
}

/* ---- sending nothing ---- */

/* Every way of sending fails like this, and nothing is sent. */
static void
expect_not_sent (core_t *core, const godwit_target_t *target, const godwit_client_options_t *options,
                 godwit_status_t status, const char *says)
{
    godwit_client_t *client = NULL;
    godwit_future_t *future = NULL;
    tally_t ended;
    tally_open (&ended);
    const uint64_t before = requests_received (core);
    MUST (godwit_client_new (&client, core->calling, target, options, &error));
    FAILS (status, GODWIT_OUTCOME_NONE, says,
           godwit_client_call (client, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
    FAILS (status, GODWIT_OUTCOME_NONE, says,
           godwit_client_cast (client, NULL, "count", GODWIT_NO_ARGS, &error));
    FAILS (status, GODWIT_OUTCOME_NONE, says,
           godwit_client_fanout (client, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
    FAILS (status, GODWIT_OUTCOME_NONE, says,
           godwit_client_call_async (client, NULL, "count", GODWIT_NO_ARGS, on_reply, &ended, &error));
    FAILS (status, GODWIT_OUTCOME_NONE, says,
           godwit_client_call_future (client, NULL, "count", GODWIT_NO_ARGS, &future, &error));
    cr_assert (!future && tally_get (&ended) == 0);
    MUST (godwit_client_call (core->client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    cr_assert_eq (requests_received (core), before + 1, "something was sent");
    cr_assert_eq (service_get (&core->one, &core->one.counted), 0u);
    godwit_client_destroy (&client);
    tally_close (&ended);
}

static void
topic_missing (core_t *core)
{
    expect_not_sent (core, GODWIT_TARGET (.server = "one"), NULL, GODWIT_ERR_INVALID_TARGET,
                     "<Target server=one>");
    expect_not_sent (core, NULL, NULL, GODWIT_ERR_INVALID_TARGET, "topic");
}

static void
version_cap (core_t *core)
{
    static const struct {
        const char *cap, *version;
    } rows[] = {{"1.2", "1.3"}, {"1.3", "2.0"}, {"2.0", "1.3"}, {"1.3", "1.3.1"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char says[200];
        snprintf (says, sizeof says,
                  "Requested message version, %s is incompatible. It needs to be equal in major version and "
                  "less than or equal in minor version as the specified version cap %s.",
                  rows[i].version, rows[i].cap);
        expect_not_sent (core, GODWIT_TARGET (.topic = "work", .version = rows[i].version),
                         GODWIT_CLIENT_OPTIONS (.version_cap = rows[i].cap), GODWIT_ERR_VERSION_CAP, says);
    }
    /* What the cap allows is sent. */
    godwit_client_t *client =
        prepared (core->client, GODWIT_OVERRIDES (.version = "1.3", .version_cap = "1.3"));
    cr_assert_eq (call_who (client), 'e');
    MUST (godwit_client_cast (client, NULL, "count", GODWIT_NO_ARGS, &error));
    service_wait (&core->one, &core->one.counted, 1);
    godwit_client_destroy (&client);
}

static void
cap_without_version (core_t *core)
{
    expect_not_sent (core, GODWIT_TARGET (.topic = "work"), GODWIT_CLIENT_OPTIONS (.version_cap = "1.3"),
                     GODWIT_ERR_VERSION_CAP, "specified version cap 1.3.");
}

static void
can_send_version (core_t *core)
{
    static const struct {
        const char *cap, *target, *version;
        bool can;
    } rows[] = {
        {NULL, NULL, NULL, true},     {NULL, NULL, "7.7", true},    {NULL, "1.0", NULL, true},
        {"1.5", NULL, NULL, false},   {"1.5", NULL, "1.5", true},   {"1.5", NULL, "1.6", false},
        {"1.5", "1.4", NULL, true},   {"1.5", "1.6", NULL, false},  {"1.5", "1.6", "1.3", true},
        {"1.5", "1.4", "2.0", false}, {"1.5", "1.4", "one", false}, {"1.5", "1.4", "", false},
    };
    const uint64_t before = requests_received (core);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        godwit_client_t *client = NULL;
        /* Neither a server nor a topic is needed. */
        MUST (godwit_client_new (&client, core->calling,
                                 GODWIT_TARGET (.topic = i % 2 ? "work" : NULL, .version = rows[i].target),
                                 GODWIT_CLIENT_OPTIONS (.version_cap = rows[i].cap), &error));
        cr_assert_eq (godwit_client_can_send_version (client, rows[i].version), rows[i].can, "row %zu", i);
        godwit_client_destroy (&client);
    }
    cr_assert_not (godwit_client_can_send_version (NULL, NULL));
    cr_assert_eq (requests_received (core), before);
}

/* ---- time ---- */

static void
timeout_unset (core_t *core)
{
    godwit_value_t *result = NULL;
    godwit_client_t *unset = prepared (core->client, GODWIT_OVERRIDES (.timeout_ms = GODWIT_CLEAR_INT));
    MUST (godwit_client_call (unset, NULL, "remaining", GODWIT_NO_ARGS, &result, &error));
    cr_assert (godwit_value_as_int (result, 0) > 60000 - WAIT_LIMIT_MS &&
               godwit_value_as_int (result, 0) <= 60000);
    godwit_value_unref (&result);
    godwit_client_destroy (&unset);

    godwit_transport_t *transport =
        core_transport (core, GODWIT_TRANSPORT_OPTIONS (.rpc_response_timeout_ms = 120));
    godwit_client_t *client = NULL;
    MUST (godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "nobody"), NULL, &error));
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NOT_SENT, "No reply within 120 ms",
           godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
}

static void
timeout_of_nothing (core_t *core)
{
    godwit_future_t *future = NULL;
    const uint64_t before = service_get (&core->one, &core->one.runs);
    godwit_client_t *client = prepared (core->client, GODWIT_OVERRIDES (.timeout_ms = GODWIT_TIMEOUT_ZERO));
    godwit_error_t *late = NULL;
    godwit_fanout_result_t *rows = NULL;
    /* It is connected, and says so: it does not take "no time" for "no server". */
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NOT_SENT,
           "No reply within 0 ms: a call without any time is not sent",
           godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    godwit_status_t status =
        godwit_client_call_future (client, NULL, "nothing", GODWIT_NO_ARGS, &future, &late);
    if (status == GODWIT_OK)
        status = godwit_future_wait (future, -1, NULL, NULL, &late);
    cr_assert_eq (status, GODWIT_ERR_TIMEOUT);
    cr_assert (strstr (godwit_error_message (late), "a call without any time is not sent"), "%s",
               godwit_error_message (late));
    godwit_error_destroy (&late);
    godwit_future_destroy (&future);
    MUST (godwit_client_fanout_call (client, NULL, "nothing", GODWIT_NO_ARGS, &rows, &error));
    cr_assert_eq (godwit_fanout_result_count (rows), 1u);
    cr_assert (strstr (godwit_error_message (godwit_fanout_result_row (rows, 0)->error),
                       "a call without any time is not sent"));
    godwit_fanout_result_destroy (&rows);
    cr_assert_eq (service_get (&core->one, &core->one.runs), before);
    /* A cast needs no time: somebody is connected. */
    for (uint64_t i = 1; i <= 5; i++) {
        MUST (godwit_client_cast (client, NULL, "count", GODWIT_NO_ARGS, &error));
        service_wait (&core->one, &core->one.counted, i);
    }
    godwit_client_t *nobody = prepared (client, GODWIT_OVERRIDES (.topic = "nobody"));
    FAILS (GODWIT_ERR_DELIVERY_FAILURE, GODWIT_OUTCOME_NOT_SENT, "0 ms",
           godwit_client_cast (nobody, NULL, "count", GODWIT_NO_ARGS, &error));
    godwit_client_destroy (&nobody);
    godwit_client_destroy (&client);
}

static void
timeout_of_a_fraction (core_t *core)
{
    const int64_t began = now_ms ();
    godwit_client_t *client = prepared (core->client, GODWIT_OVERRIDES (.timeout_ms = 750));
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, "No reply within 750 ms",
           godwit_client_call (client, NULL, "hold", GODWIT_NO_ARGS, NULL, &error));
    cr_assert (now_ms () - began >= 750 && now_ms () - began < WAIT_LIMIT_MS / 2);
    godwit_client_destroy (&client);
}

/* A server that runs one request at a time is busy until the calls' times have passed. */
static void
expired_requests_never_run (core_t *core)
{
    service_t two;
    godwit_value_t *result = NULL;
    service_start (&two, core->serving, "two", GODWIT_SERVER_OPTIONS (.concurrency = 1));
    godwit_client_t *client = prepared (core->client, GODWIT_OVERRIDES (.server = "two"));
    MUST (godwit_client_call (client, NULL, "remaining", GODWIT_NO_ARGS, &result, &error));
    cr_assert (godwit_value_as_int (result, 0) > 0 && godwit_value_as_int (result, 0) <= WAIT_LIMIT_MS);
    godwit_value_unref (&result);

    MUST (godwit_client_cast (client, NULL, "block", GODWIT_NO_ARGS, &error));
    service_wait (&two, &two.blocked, 1);
    godwit_client_t *late = prepared (client, GODWIT_OVERRIDES (.timeout_ms = 80));
    MUST (godwit_client_cast (late, NULL, "whoami", GODWIT_NO_ARGS, &error)); /* casts do not expire */
    for (int i = 0; i < 3; i++)
        TIMES_OUT (godwit_client_call (late, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
    /* The time counts from when the server received them: it has, since a later call over the same connection
     * was answered; and then the longest of them passes. */
    godwit_client_t *one = prepared (core->client, GODWIT_OVERRIDES (.server = "one"));
    cr_assert_eq (call_who (one), 'e');
    godwit_client_t *waiting = prepared (one, GODWIT_OVERRIDES (.timeout_ms = 100));
    TIMES_OUT (godwit_client_call (waiting, NULL, "hold", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&waiting);
    godwit_client_destroy (&one);
    service_open_gate (&two);
    cr_assert_eq (call_who (client), 'o'); /* after all of those */
    cr_assert_eq (service_get (&two, &two.counted), 0u, "an expired request was run");
    cr_assert_eq (service_get (&two, &two.runs), 4u, "remaining, block, whoami, whoami");
    godwit_client_destroy (&late);
    godwit_client_destroy (&client);
    service_end (&two);
}

static void
casts_do_not_expire (core_t *core)
{
    /* A relay asks what the cast has left: the handler of a cast cannot tell the caller, so it holds. */
    godwit_client_t *client = prepared (core->client, GODWIT_OVERRIDES (.timeout_ms = 400));
    MUST (godwit_client_cast (client, NULL, "hold", GODWIT_NO_ARGS, &error));
    service_wait_held (&core->one, 1);
    godwit_request_t *request = service_take (&core->one);
    cr_assert (godwit_request_is_cast (request));
    cr_assert_eq (godwit_request_remaining_ms (request), GODWIT_CLEAR_INT);
    godwit_request_destroy (&request);
    godwit_client_destroy (&client);
}

/* ---- retry ---- */

/* A server "busy" that refuses: one request runs, one is queued, and there is no room for more. */
static void
start_busy (core_t *core, service_t *busy, godwit_client_t **client)
{
    service_start (busy, core->serving, "busy", GODWIT_SERVER_OPTIONS (.concurrency = 1, .queue_limit = 1));
    *client = prepared (core->client, GODWIT_OVERRIDES (.server = "busy"));
    MUST (godwit_client_wait_servers (*client, 1, WAIT_LIMIT_MS, &error));
    MUST (godwit_client_cast (*client, NULL, "block", GODWIT_NO_ARGS, &error));
    service_wait (busy, &busy->blocked, 1);
    MUST (godwit_client_cast (*client, NULL, "nothing", GODWIT_NO_ARGS, &error));
}

static uint64_t
refused (const core_t *core)
{
    godwit_transport_stats_t stats;
    godwit_transport_stats (core->serving, &stats, sizeof stats);
    return stats.requests_refused;
}

static void
retry_counts_what_is_handed_over (core_t *core)
{
    static const struct {
        int64_t retry;
        uint64_t handed_over;
    } rows[] = {{GODWIT_RETRY_NONE, 1}, {1, 2}, {4, 5}};
    service_t busy;
    godwit_client_t *client = NULL;
    start_busy (core, &busy, &client);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        godwit_future_t *future = NULL;
        const uint64_t before = refused (core);
        godwit_client_t *retrying = prepared (client, GODWIT_OVERRIDES (.retry = rows[i].retry));
        FAILS (GODWIT_ERR_DELIVERY_FAILURE, GODWIT_OUTCOME_REJECTED, "no retry is left",
               godwit_client_call (retrying, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
        cr_assert_eq (refused (core) - before, rows[i].handed_over, "row %zu", i);
        MUST (godwit_client_call_future (retrying, NULL, "count", GODWIT_NO_ARGS, &future, &error));
        FAILS (GODWIT_ERR_DELIVERY_FAILURE, GODWIT_OUTCOME_REJECTED, "no retry is left",
               godwit_future_wait (future, -1, NULL, NULL, &error));
        cr_assert_eq (refused (core) - before, 2 * rows[i].handed_over, "row %zu", i);
        godwit_future_destroy (&future);
        godwit_client_destroy (&retrying);
    }
    cr_assert_eq (service_get (&busy, &busy.counted), 0u);
    godwit_client_destroy (&client);
    service_end (&busy);
}

static void
retry_for_ever (core_t *core)
{
    static const int64_t forever[] = {GODWIT_CLEAR_INT, GODWIT_RETRY_FOREVER};
    service_t busy;
    godwit_client_t *client = NULL;
    start_busy (core, &busy, &client);
    godwit_client_t *clients[2];
    godwit_future_t *futures[2] = {NULL, NULL};
    for (int i = 0; i < 2; i++) {
        clients[i] = prepared (client, GODWIT_OVERRIDES (.retry = forever[i]));
        /* For ever is still bounded by a call's timeout. */
        godwit_client_t *late = prepared (clients[i], GODWIT_OVERRIDES (.timeout_ms = 400));
        FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_REJECTED, "No reply within 400 ms",
               godwit_client_call (late, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
        godwit_client_destroy (&late);
        MUST (godwit_client_call_future (clients[i], NULL, "count", GODWIT_NO_ARGS, &futures[i], &error));
    }
    /* Both have been refused, more than once, and still try. */
    const uint64_t before = refused (core);
    const int64_t end = now_ms () + WAIT_LIMIT_MS;
    while (refused (core) < before + 10)
        cr_assert_lt (now_ms (), end);
    service_open_gate (&busy);
    for (int i = 0; i < 2; i++) {
        MUST (godwit_future_wait (futures[i], -1, NULL, NULL, &error));
        godwit_future_destroy (&futures[i]);
        godwit_client_destroy (&clients[i]);
    }
    cr_assert_eq (service_get (&busy, &busy.counted), 2u, "never executed again");
    godwit_client_destroy (&client);
    service_end (&busy);
}

/* What may have run is not handed over again, however many retries there are. */
static void
retry_never_re_executes (core_t *core)
{
    static const char *const failing[] = {"fail", "deny", "drop"};
    godwit_client_t *client = prepared (core->client, GODWIT_OVERRIDES (.retry = 50));
    for (size_t i = 0; i < 3; i++) {
        const uint64_t before = service_get (&core->one, &core->one.runs);
        cr_assert_neq (godwit_client_call (client, NULL, failing[i], GODWIT_NO_ARGS, NULL, NULL), GODWIT_OK);
        cr_assert_eq (service_get (&core->one, &core->one.runs), before + 1, "%s", failing[i]);
    }
    /* Neither when the time has passed, nor when the server is lost with it. */
    godwit_transport_t *transport = core_transport (core, NULL);
    service_t two;
    service_start (&two, transport, "two", NULL);
    godwit_client_t *other = prepared (client, GODWIT_OVERRIDES (.server = "two"));
    godwit_future_t *future = NULL;
    MUST (godwit_client_call_future (other, NULL, "hold", GODWIT_NO_ARGS, &future, &error));
    service_wait_held (&two, 1);
    cr_assert_eq (service_get (&two, &two.runs), 1u);
    godwit_transport_destroy (&transport);
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, "the connection was lost",
           godwit_future_wait (future, -1, NULL, NULL, &error));
    cr_assert_eq (service_get (&two, &two.runs), 1u);
    godwit_future_destroy (&future);
    godwit_client_destroy (&other);
    godwit_client_destroy (&client);
    service_end (&two);
}

/* ---- casts ---- */

static void *
cast_it (void *user)
{
    godwit_client_t *client = user;
    MUST (godwit_client_cast (client, NULL, "count", GODWIT_NO_ARGS, &error));
    return NULL;
}

/* With nobody there, a cast waits; it returns once there is somebody. */
static void
cast_blocks_until_accepted (core_t *core)
{
    pthread_t thread;
    service_t late;
    godwit_client_t *client = prepared (core->client, GODWIT_OVERRIDES (.server = "late"));
    godwit_client_t *hurry = prepared (client, GODWIT_OVERRIDES (.timeout_ms = 400));
    FAILS (GODWIT_ERR_DELIVERY_FAILURE, GODWIT_OUTCOME_NOT_SENT, "The cast was not accepted within 400 ms",
           godwit_client_cast (hurry, NULL, "count", GODWIT_NO_ARGS, &error));
    cr_assert_eq (pthread_create (&thread, NULL, cast_it, client), 0);
    service_start (&late, core->serving, "late", NULL);
    pthread_join (thread, NULL);
    service_wait (&late, &late.counted, 1);
    /* It does not wait for the method. */
    MUST (godwit_client_cast (client, NULL, "block", GODWIT_NO_ARGS, &error));
    service_wait (&late, &late.blocked, 1);
    /* What the method says is for nobody; so is its failure. */
    MUST (godwit_client_cast (client, NULL, "fail", GODWIT_NO_ARGS, &error));
    MUST (godwit_client_cast (client, NULL, "no such method", GODWIT_NO_ARGS, &error));
    service_open_gate (&late);
    cr_assert_eq (call_who (client), 'e');
    cr_assert_eq (service_get (&late, &late.counted), 1u);
    godwit_client_destroy (&hurry);
    godwit_client_destroy (&client);
    service_end (&late);
}

/* ---- selection ---- */

enum { SERVERS = 3, TURNS = 30 };

static void
selection (core_t *core)
{
    service_t others[SERVERS - 1];
    service_t *all[SERVERS] = {&core->one, &others[0], &others[1]};
    service_start (&others[0], core->serving, "b", NULL);
    service_start (&others[1], core->serving, "c", NULL);
    MUST (godwit_client_wait_servers (core->client, SERVERS, WAIT_LIMIT_MS, &error));
    /* exchange + topic -> one server, round robin. */
    for (int i = 0; i < TURNS; i++)
        MUST (godwit_client_call (core->client, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
    for (int i = 0; i < SERVERS; i++)
        cr_assert_eq (service_get (all[i], &all[i]->counted), (uint64_t) TURNS / SERVERS);
    for (int i = 0; i < TURNS; i++)
        MUST (godwit_client_cast (core->client, NULL, "count", GODWIT_NO_ARGS, &error));
    for (int i = 0; i < SERVERS; i++)
        service_wait (all[i], &all[i]->counted, 2 * TURNS / SERVERS);
    /* + server -> that one. */
    godwit_client_t *b = prepared (core->client, GODWIT_OVERRIDES (.server = "b"));
    for (int i = 0; i < TURNS; i++)
        cr_assert_eq (call_who (b), 'b');
    /* fanout -> all. */
    godwit_client_t *every = prepared (core->client, GODWIT_OVERRIDES (.fanout = GODWIT_YES));
    MUST (godwit_client_cast (every, NULL, "count", GODWIT_NO_ARGS, &error));
    for (int i = 0; i < SERVERS; i++)
        service_wait (all[i], &all[i]->counted, 2 * TURNS / SERVERS + 1);
    for (int i = 0; i < SERVERS; i++)
        cr_assert_eq (service_get (all[i], &all[i]->counted), 2 * TURNS / SERVERS + 1, "at most once");
    /* Never another: when it has gone, the others do not take its place. */
    service_end (&others[0]);
    godwit_client_t *gone = prepared (b, GODWIT_OVERRIDES (.timeout_ms = 400));
    /* Whether it was asked and said that it is not there, or nobody was found to be asked. */
    cr_assert_eq (godwit_client_call (gone, NULL, "count", GODWIT_NO_ARGS, NULL, NULL), GODWIT_ERR_TIMEOUT);
    for (int i = 0; i < SERVERS; i += 2)
        cr_assert_eq (service_get (all[i], &all[i]->counted), 2 * TURNS / SERVERS + 1);
    godwit_client_destroy (&gone);
    godwit_client_destroy (&every);
    godwit_client_destroy (&b);
    service_end (&others[1]);
}

/* ---- order, and how often ---- */

typedef struct counter {
    pthread_mutex_t lock;
    int64_t last[4];
    bool out_of_order;
    uint64_t calls;
} counter_t;

static godwit_status_t
in_order (godwit_request_t *request, void *self)
{
    counter_t *counter = self;
    const godwit_value_t *args = godwit_request_args (request);
    const int64_t thread = godwit_value_as_int (godwit_value_get (args, "thread"), 0);
    const int64_t number = godwit_value_as_int (godwit_value_get (args, "number"), 0);
    pthread_mutex_lock (&counter->lock);
    counter->out_of_order |= number != counter->last[thread] + 1;
    counter->last[thread] = number;
    counter->calls++;
    pthread_mutex_unlock (&counter->lock);
    return GODWIT_OK;
}

static const godwit_method_t ordered[] = {GODWIT_METHOD ("in_order", in_order, 0)};

typedef struct sequence {
    pthread_t thread;
    godwit_client_t *client;
    int64_t number;
} sequence_t;

enum { SEQUENCE = 300 };

static void *
call_in_order (void *user)
{
    sequence_t *self = user;
    for (int64_t i = 1; i <= SEQUENCE; i++)
        MUST (godwit_client_call (self->client, NULL, "in_order",
                                  GODWIT_ARGS (GODWIT_INT ("thread", self->number), GODWIT_INT ("number", i)),
                                  NULL, &error));
    return NULL;
}

static void
calls_of_one_thread_are_in_order (core_t *core)
{
    static counter_t counter;
    sequence_t threads[4];
    godwit_server_t *servers[2] = {NULL, NULL};
    counter = (counter_t){.lock = PTHREAD_MUTEX_INITIALIZER};
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (ordered, .self = &counter);
    for (int i = 0; i < 2; i++) { /* whichever of them gets a call */
        MUST (godwit_server_new (&servers[i], core->serving,
                                 GODWIT_TARGET (.topic = "ordered", .server = i ? "b" : "a"), &endpoint, 1,
                                 NULL, &error));
        MUST (godwit_server_start (servers[i], NULL, &error));
    }
    godwit_client_t *client = prepared (core->client, GODWIT_OVERRIDES (.topic = "ordered"));
    for (int i = 0; i < 4; i++) {
        threads[i] = (sequence_t){.client = client, .number = i};
        cr_assert_eq (pthread_create (&threads[i].thread, NULL, call_in_order, &threads[i]), 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join (threads[i].thread, NULL);
    pthread_mutex_lock (&counter.lock);
    cr_assert_not (counter.out_of_order);
    cr_assert_eq (counter.calls, 4u * SEQUENCE, "each ran once");
    pthread_mutex_unlock (&counter.lock);
    godwit_client_destroy (&client);
    for (int i = 0; i < 2; i++)
        godwit_server_destroy (&servers[i]);
}

/* ---- ends ---- */

static void
mandatory (core_t *core)
{
    static const struct {
        godwit_overrides_t where;
    } rows[] = {{{.struct_size = sizeof (godwit_overrides_t), .topic = "nobody"}},
                {{.struct_size = sizeof (godwit_overrides_t), .server = "nobody"}},
                {{.struct_size = sizeof (godwit_overrides_t), .exchange = "nobody"}}};
    godwit_client_t *client = prepared (core->client, GODWIT_OVERRIDES (.mandatory = GODWIT_YES));
    cr_assert_eq (call_who (client), 'e');
    for (size_t i = 0; i < 3; i++) {
        godwit_client_t *nobody = prepared (client, &rows[i].where);
        const int64_t began = now_ms ();
        FAILS (GODWIT_ERR_UNDELIVERABLE, GODWIT_OUTCOME_NOT_SENT, "Nobody listens",
               godwit_client_call (nobody, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
        FAILS (GODWIT_ERR_UNDELIVERABLE, GODWIT_OUTCOME_NOT_SENT, "Nobody listens",
               godwit_client_cast (nobody, NULL, "nothing", GODWIT_NO_ARGS, &error));
        cr_assert_lt (now_ms () - began, WAIT_LIMIT_MS / 2, "at once, not after the timeout");
        godwit_client_destroy (&nobody);
    }
    godwit_client_destroy (&client);
}

/* No reply in time is MessagingTimeout, whatever the cause; the outcome says which. */
static void
timeout_whatever_the_cause (core_t *core)
{
    service_t busy;
    godwit_client_t *client = NULL;
    start_busy (core, &busy, &client);
    const struct {
        godwit_overrides_t how;
        const char *method;
        godwit_outcome_t outcome;
    } rows[] = {
        {{.struct_size = sizeof (godwit_overrides_t), .timeout_ms = 1000, .server = "nobody"},
         "nothing",
         GODWIT_OUTCOME_NOT_SENT},
        {{.struct_size = sizeof (godwit_overrides_t), .timeout_ms = 1000, .server = "busy"},
         "nothing",
         GODWIT_OUTCOME_REJECTED},
        {{.struct_size = sizeof (godwit_overrides_t), .timeout_ms = 1000, .server = "one"},
         "hold",
         GODWIT_OUTCOME_MAYBE_RUN},
    };
    for (size_t i = 0; i < 3; i++) {
        godwit_client_t *late = prepared (client, &rows[i].how);
        FAILS (GODWIT_ERR_TIMEOUT, rows[i].outcome, "MessagingTimeout",
               godwit_client_call (late, NULL, rows[i].method, GODWIT_NO_ARGS, NULL, &error));
        godwit_client_destroy (&late);
    }
    godwit_client_destroy (&client);
    service_end (&busy);
}

static const contract_row_t rows[] = {
    {"3: Message = method, args, namespace and version only when set.", message},
    {"3: Order: fanout check -> arguments -> default timeout -> version cap check -> send.", order_of_checks},
    {"3: call + fanout = InvalidTarget \"A call cannot be used with fanout\".", no_call_with_fanout},
    {"3: Topic missing = InvalidTarget at send time, not at construction.", topic_missing},
    {"3: Version cap: else RPCVersionCapError, in call and cast, before anything is sent.", version_cap},
    {"3: A cap with no target version is that error too.", cap_without_version},
    {"3: can_send_version(v = target.version) never sends and never fails.", can_send_version},
    {"3: Timeout unset -> the transport's rpc_response_timeout (60 s).", timeout_unset},
    {"3: 0 is legal.", timeout_of_nothing},
    {"3: Fractions of a second are legal.", timeout_of_a_fraction},
    {"3: The call's timeout travels with the request: a server never runs an expired one.",
     expired_requests_never_run},
    {"3: Casts do not expire by default.", casts_do_not_expire},
    {"3: retry: 0 = once, N = N more; exhausted = MessageDeliveryFailure.", retry_counts_what_is_handed_over},
    {"3: retry: unset or -1 = for ever, still bounded by a call's timeout.", retry_for_ever},
    {"3: retry is about handing over, never re-executing.", retry_never_re_executes},
    {"3: cast blocks until accepted, returns nothing.", cast_blocks_until_accepted},
    {"3: Selection: one server, round robin; + server -> that one, never another; fanout -> all.", selection},
    {"3: call: at most once; calls of one thread are in order.", calls_of_one_thread_are_in_order},
    {"3: mandatory: nobody listens -> MessageUndeliverable at once instead of a timeout.", mandatory},
    {"3: No reply in time: MessagingTimeout, whatever the cause.", timeout_whatever_the_cause},
};
CONTRACT (section03, rows)
