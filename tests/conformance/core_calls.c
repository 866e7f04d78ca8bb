/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that succeed, in every form. */
#include "tests/conformance/core_conformance.h"

#include <stdio.h>
#include <stdlib.h>

static void
expect_echo (godwit_client_t *client, godwit_field_t field)
{
    godwit_value_t *sent = NULL;
    godwit_value_t *result = NULL;
    MUST (godwit_value_new (&sent, field, &error));
    MUST (godwit_client_call (client, NULL, "echo", GODWIT_ARGS (GODWIT_VALUE ("value", sent)), &result,
                              &error));
    cr_assert_eq (godwit_value_type (result), godwit_value_type (sent));
    cr_assert (godwit_value_equal (result, sent), "type %s", godwit_type_name (godwit_value_type (sent)));
    godwit_value_unref (&sent);
    godwit_value_unref (&result);
}

void
core_values_come_back_as_they_went (const core_kind_t *kind)
{
    core_t core;
    core_open (&core, kind);
    expect_echo (core.client, GODWIT_NIL (NULL));
    expect_echo (core.client, GODWIT_BOOL (NULL, true));
    expect_echo (core.client, GODWIT_INT (NULL, INT64_MIN));
    expect_echo (core.client, GODWIT_INT (NULL, INT64_MAX));
    expect_echo (core.client, GODWIT_UINT (NULL, UINT64_MAX));
    expect_echo (core.client, GODWIT_DOUBLE (NULL, 0.1));
    expect_echo (core.client, GODWIT_STR (NULL, ""));
    expect_echo (core.client, GODWIT_STRN (NULL, "a\0b", 3));
    expect_echo (core.client, GODWIT_BIN (NULL, "\0\xff", 2));
    expect_echo (core.client, GODWIT_MAP (NULL, GODWIT_INT ("x", 1),
                                          GODWIT_LIST ("l", GODWIT_STR (NULL, "deep"), GODWIT_NIL (NULL))));
    cr_assert_eq (service_get (&core.one, &core.one.runs), 10u);

    godwit_value_t *result = NULL;
    MUST (godwit_client_call (core.client, NULL, "add",
                              GODWIT_ARGS (GODWIT_INT ("a", 40), GODWIT_INT ("b", 2)), &result, &error));
    cr_assert_eq (godwit_value_as_int (result, 0), 42);
    godwit_value_unref (&result);
    /* Neither a result nor an error has to be wanted. */
    cr_assert_eq (godwit_client_call (core.client, NULL, "nothing", GODWIT_NO_ARGS, NULL, NULL), GODWIT_OK);
    /* A handler that says nothing replies nil, which is a value. */
    MUST (godwit_client_call (core.client, NULL, "nothing", GODWIT_NO_ARGS, &result, &error));
    cr_assert (result && godwit_value_type (result) == GODWIT_TYPE_NIL);
    godwit_value_unref (&result);
    /* Only the first reply counts. */
    cr_assert_eq (call_int (core.client, "twice"), 1);
    core_close (&core);
}

void
core_context_and_arguments_arrive (const core_kind_t *kind)
{
    core_t core;
    godwit_value_t *context = NULL;
    godwit_value_t *list = NULL;
    godwit_value_t *result = NULL;
    core_open (&core, kind);
    MUST (godwit_value_new_map (
        &context, GODWIT_ARGS (GODWIT_STR ("user", "ada"), GODWIT_MAP ("trace", GODWIT_INT ("id", 7))),
        &error));
    MUST (godwit_client_call (core.client, context, "context", GODWIT_NO_ARGS, &result, &error));
    cr_assert (godwit_value_equal (context, result));
    godwit_value_unref (&result);

    /* None is an empty map; anything but a map is refused before it is sent. */
    MUST (godwit_client_call (core.client, NULL, "context", GODWIT_NO_ARGS, &result, &error));
    cr_assert (godwit_value_type (result) == GODWIT_TYPE_MAP && godwit_value_count (result) == 0);
    MUST (godwit_value_new (&list, GODWIT_LIST (NULL, GODWIT_INT (NULL, 1)), &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "context: expected map, got list",
           godwit_client_call (core.client, list, "context", GODWIT_NO_ARGS, NULL, &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "method",
           godwit_client_call (core.client, NULL, "", GODWIT_NO_ARGS, NULL, &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "args",
           godwit_client_call (core.client, NULL, "echo",
                               GODWIT_ARGS (GODWIT_INT ("x", 1), GODWIT_INT ("x", 2)), NULL, &error));
    cr_assert_eq (service_get (&core.one, &core.one.runs), 2u);
    godwit_value_unref (&context);
    godwit_value_unref (&list);
    godwit_value_unref (&result);
    core_close (&core);
}

void
core_large_values_pass (const core_kind_t *kind)
{
    static const size_t sizes[] = {0, 1, 7, 8, 9, 400, 500, 512, 4096, 65536, 1 << 20, 8 << 20};
    core_t core;
    core_open (&core, kind);
    char *bytes = malloc (8 << 20);
    for (size_t i = 0; i < 8 << 20; i++)
        bytes[i] = (char) (i * 2654435761u >> 13);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        godwit_value_t *result = NULL;
        const void *got = NULL;
        size_t got_size = 0;
        MUST (godwit_client_call (core.client, NULL, "echo",
                                  GODWIT_ARGS (GODWIT_BIN ("value", bytes, sizes[i])), &result, &error));
        MUST (godwit_value_get_bin (result, &got, &got_size, &error));
        cr_assert (got_size == sizes[i] && !memcmp (got, bytes, got_size), "%zu bytes", sizes[i]);
        godwit_value_unref (&result);
    }
    free (bytes);
    core_close (&core);
}

static void
give_back (void *data, void *hint)
{
    free (data);
    atomic_fetch_add ((atomic_int *) hint, 1);
}

/* The caller's own bytes, as argument and result (echo) of any size. */
void
core_bytes_are_given_back_once (const core_kind_t *kind)
{
    static const size_t sizes[] = {1, 400, 8191, 8192, 65536, 1 << 20};
    enum { COUNT = sizeof sizes / sizeof sizes[0] };
    static atomic_int given_back;
    core_t core;
    core_open (&core, kind);
    for (size_t i = 0; i < COUNT; i++) {
        godwit_value_t *value = NULL, *result = NULL;
        uint8_t *bytes = malloc (sizes[i]);
        cr_assert_not_null (bytes);
        for (size_t j = 0; j < sizes[i]; j++)
            bytes[j] = (uint8_t) (j * 2654435761u >> 13);
        MUST (godwit_value_new_bin (&value, bytes, sizes[i], give_back, &given_back, &error));
        const godwit_fields_t args = GODWIT_ARGS (GODWIT_VALUE ("value", value));
        MUST (godwit_client_call (core.client, NULL, "echo", args, &result, &error));
        cr_assert (godwit_value_equal (value, result), "%zu bytes", sizes[i]);
        MUST (godwit_client_cast (core.client, NULL, "count", args, &error));
        MUST (godwit_client_fanout (core.client, NULL, "count", args, NULL, &error));
        godwit_value_unref (&value);
        godwit_value_unref (&result);
    }
    service_wait (&core.one, &core.one.counted, 2 * COUNT);
    core_close (&core);
    cr_assert_eq (atomic_load (&given_back), COUNT);
}

void
core_too_large_is_refused (const core_kind_t *kind)
{
    enum { LIMIT = 65536 };
    core_t core;
    core_open_empty (&core, kind);
    godwit_transport_t *small = core_transport (&core, GODWIT_TRANSPORT_OPTIONS (.max_message_size = LIMIT));
    godwit_client_t *client = core_client (small, NULL);
    service_start (&core.one, small, "one", NULL);
    static const char bytes[2 * LIMIT];

    /* The sender's own limit. */
    FAILS (GODWIT_ERR_LIMIT_EXCEEDED, GODWIT_OUTCOME_NONE, "65536",
           godwit_client_call (client, NULL, "echo", GODWIT_ARGS (GODWIT_BIN ("value", bytes, LIMIT)), NULL,
                               &error));
    /* A reply that the server may not send: its caller hears of it. */
    FAILS (GODWIT_ERR_LIMIT_EXCEEDED, GODWIT_OUTCOME_RAN, "",
           godwit_client_call (client, NULL, "big", GODWIT_ARGS (GODWIT_INT ("size", LIMIT)), NULL, &error));
    /* The receiver's limit is lower than the sender's: the call ends, soon, and the next one passes. */
    const int64_t began = now_ms ();
    cr_assert_neq (godwit_client_call (core.client, NULL, "echo",
                                       GODWIT_ARGS (GODWIT_BIN ("value", bytes, sizeof bytes)), NULL, NULL),
                   GODWIT_OK);
    cr_assert_lt (now_ms () - began, WAIT_LIMIT_MS / 2);
    cr_assert_eq (call_who (core.client), 'e');
    godwit_client_destroy (&client);
    service_end (&core.one);
    godwit_transport_destroy (&small);
    core.one.server = NULL;
    core_close (&core);
}

void
core_casts_run_once (const core_kind_t *kind)
{
    enum { COUNT = 200 };
    core_t core;
    core_open (&core, kind);
    for (int i = 0; i < COUNT; i++)
        MUST (godwit_client_cast (core.client, NULL, "count", GODWIT_NO_ARGS, &error));
    service_wait (&core.one, &core.one.counted, COUNT);
    /* What fails in a cast is nobody's business. */
    MUST (godwit_client_cast (core.client, NULL, "fail", GODWIT_NO_ARGS, &error));
    MUST (godwit_client_cast (core.client, NULL, "no_such", GODWIT_NO_ARGS, &error));
    cr_assert_eq (call_who (core.client), 'e');
    service_wait (&core.one, &core.one.runs, COUNT + 2);
    cr_assert_eq (service_get (&core.one, &core.one.counted), COUNT);
    cr_assert_eq (service_get (&core.one, &core.one.runs), COUNT + 2);
    core_close (&core);
}

/* ---- asynchronous ---- */

typedef struct heard {
    tally_t tally;
    godwit_status_t status;
    godwit_outcome_t outcome;
    int64_t number;
    bool is_error;
    bool is_result;
} heard_t;

static void
on_reply (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    heard_t *heard = user;
    heard->status = status;
    heard->number = godwit_value_as_int (result, -1);
    heard->is_error = error != NULL;
    heard->is_result = result != NULL;
    heard->outcome = godwit_error_outcome (error);
    tally_add (&heard->tally);
}

void
core_callbacks_get_results_and_errors (const core_kind_t *kind)
{
    core_t core;
    heard_t heard;
    core_open (&core, kind);
    tally_open (&heard.tally);
    MUST (godwit_client_call_async (core.client, NULL, "add",
                                    GODWIT_ARGS (GODWIT_INT ("a", 1), GODWIT_INT ("b", 2)), on_reply, &heard,
                                    &error));
    tally_wait (&heard.tally, 1);
    cr_assert (heard.status == GODWIT_OK && heard.number == 3 && !heard.is_error && heard.is_result);
    MUST (godwit_client_call_async (core.client, NULL, "fail", GODWIT_NO_ARGS, on_reply, &heard, &error));
    tally_wait (&heard.tally, 2);
    cr_assert (heard.status == GODWIT_ERR_REMOTE_ERROR && heard.is_error && !heard.is_result);
    cr_assert_eq (heard.outcome, GODWIT_OUTCOME_RAN);
    MUST (godwit_client_call_async (core.client, NULL, "quick", GODWIT_NO_ARGS, on_reply, &heard, &error));
    tally_wait (&heard.tally, 3);
    cr_assert_eq (heard.status, GODWIT_OK);

    /* What is not accepted has no callback. */
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "method",
           godwit_client_call_async (core.client, NULL, NULL, GODWIT_NO_ARGS, on_reply, &heard, &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "callback",
           godwit_client_call_async (core.client, NULL, "add", GODWIT_NO_ARGS, NULL, &heard, &error));
    godwit_client_t *late = NULL;
    MUST (godwit_client_prepare (&late, core.client, GODWIT_OVERRIDES (.timeout_ms = 400), &error));
    MUST (godwit_client_call_async (late, NULL, "hold", GODWIT_NO_ARGS, on_reply, &heard, &error));
    tally_wait (&heard.tally, 4);
    cr_assert (heard.status == GODWIT_ERR_TIMEOUT && heard.outcome == GODWIT_OUTCOME_MAYBE_RUN);
    godwit_client_destroy (&late);

    for (int i = 0; i < 1000; i++)
        MUST (godwit_client_call_async (core.client, NULL, "nothing", GODWIT_NO_ARGS, on_reply, &heard,
                                        &error));
    tally_wait (&heard.tally, 1004);
    core_close (&core);
    cr_assert_eq (tally_get (&heard.tally), 1004u);
    tally_close (&heard.tally);
}

typedef struct chain {
    godwit_client_t *client;
    unsigned left;
    godwit_status_t refused; /* of a synchronous call that the callback tried */
    char says[200];
    tally_t done;
} chain_t;

static void
on_link (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    chain_t *chain = user;
    (void) result;
    (void) error;
    if (status == GODWIT_OK && --chain->left > 0 &&
        godwit_client_call_async (chain->client, NULL, "nothing", GODWIT_NO_ARGS, on_link, chain, NULL) ==
            GODWIT_OK)
        return;
    tally_add (&chain->done);
}

void
core_callbacks_may_call_again (const core_kind_t *kind)
{
    core_t core;
    chain_t chain = {.left = 500};
    core_open (&core, kind);
    chain.client = core.client;
    tally_open (&chain.done);
    MUST (godwit_client_call_async (core.client, NULL, "nothing", GODWIT_NO_ARGS, on_link, &chain, &error));
    tally_wait (&chain.done, 1);
    cr_assert_eq (chain.left, 0u);
    tally_close (&chain.done);
    core_close (&core);
}

static void
on_block (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    chain_t *chain = user;
    godwit_error_t *refusal = NULL;
    (void) status;
    (void) result;
    (void) error;
    chain->refused = godwit_client_call (chain->client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &refusal);
    snprintf (chain->says, sizeof chain->says, "%s", godwit_error_print (refusal));
    godwit_error_destroy (&refusal);
    if (godwit_client_cast (chain->client, NULL, "nothing", GODWIT_NO_ARGS, NULL) == GODWIT_OK)
        chain->left = 1;
    if (godwit_client_wait_servers (chain->client, 99, 10000, NULL) != GODWIT_ERR_INVALID_ARGUMENT)
        chain->left = 2;
    tally_add (&chain->done);
}

void
core_callbacks_must_not_block (const core_kind_t *kind)
{
    core_t core;
    chain_t chain = {.left = 0};
    core_open (&core, kind);
    chain.client = core.client;
    tally_open (&chain.done);
    MUST (godwit_client_call_async (core.client, NULL, "nothing", GODWIT_NO_ARGS, on_block, &chain, &error));
    tally_wait (&chain.done, 1);
    cr_assert_eq (chain.refused, GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert (strstr (chain.says, "callback"), "%s", chain.says);
    cr_assert_eq (chain.left, 0u, "something else that blocks was not refused");
    tally_close (&chain.done);
    core_close (&core);
}

void
core_futures_are_waited_for (const core_kind_t *kind)
{
    core_t core;
    godwit_future_t *future = NULL;
    godwit_value_t *first = NULL, *second = NULL;
    bool finished = false;
    core_open (&core, kind);
    MUST (godwit_client_call_future (
        core.client, NULL, "add", GODWIT_ARGS (GODWIT_INT ("a", 1), GODWIT_INT ("b", 2)), &future, &error));
    MUST (godwit_future_wait (future, -1, &finished, &first, &error));
    cr_assert (finished && godwit_value_as_int (first, 0) == 3);
    MUST (godwit_future_wait (future, 0, NULL, &second, &error)); /* again, with a reference of its own */
    godwit_value_unref (&first);
    cr_assert_eq (godwit_value_as_int (second, 0), 3);
    godwit_value_unref (&second);
    godwit_future_destroy (&future);

    /* Longer than any clock runs: no sum with the time of day overflows. */
    MUST (godwit_client_call_future (core.client, NULL, "nothing", GODWIT_NO_ARGS, &future, &error));
    MUST (godwit_future_wait (future, INT64_MAX, NULL, NULL, &error));
    MUST (godwit_client_wait_servers (core.client, 1, INT64_MAX, &error));
    godwit_future_destroy (&future);

    /* A wait that ends before the call does: the call goes on. */
    MUST (godwit_client_call_future (core.client, NULL, "hold", GODWIT_NO_ARGS, &future, &error));
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NONE, "",
           godwit_future_wait (future, 0, &finished, &first, &error));
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_NONE, "",
           godwit_future_wait (future, 10, &finished, &first, &error));
    cr_assert (!finished && !first);
    service_wait_held (&core.one, 1);
    godwit_request_t *request = service_take (&core.one);
    MUST (godwit_request_reply (request, GODWIT_STR (NULL, "late")));
    godwit_request_destroy (&request);
    MUST (godwit_future_wait (future, -1, &finished, &first, &error));
    cr_assert (finished && !strcmp (godwit_value_as_str (first, ""), "late"));
    godwit_value_unref (&first);
    godwit_future_destroy (&future);

    MUST (godwit_client_call_future (core.client, NULL, "fail", GODWIT_NO_ARGS, &future, &error));
    FAILS (GODWIT_ERR_REMOTE_ERROR, GODWIT_OUTCOME_RAN, "no tea left",
           godwit_future_wait (future, -1, &finished, NULL, &error));
    FAILS (GODWIT_ERR_REMOTE_ERROR, GODWIT_OUTCOME_RAN, "no tea left",
           godwit_future_wait (future, -1, NULL, NULL, &error));
    cr_assert (finished);
    godwit_future_destroy (&future);
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "future",
           godwit_future_wait (NULL, -1, NULL, NULL, &error));
    core_close (&core);
}

void
core_futures_are_given_up (const core_kind_t *kind)
{
    core_t core;
    godwit_future_t *futures[20] = {NULL};
    core_open (&core, kind);
    for (int i = 0; i < 20; i++)
        MUST (godwit_client_call_future (core.client, NULL, i % 2 ? "hold" : "nothing", GODWIT_NO_ARGS,
                                         &futures[i], &error));
    for (int i = 0; i < 20; i++)
        godwit_future_destroy (&futures[i]);
    godwit_future_destroy (&futures[0]);
    godwit_future_destroy (NULL);
    cr_assert_eq (call_who (core.client), 'e');
    core_close (&core);
}

/* ---- handlers ---- */

void
core_handlers_may_call (const core_kind_t *kind)
{
    core_t core;
    service_t two;
    core_open (&core, kind);
    godwit_client_t *first = NULL;
    service_start (&two, core.serving, "two", NULL);
    MUST (godwit_client_prepare (&first, core.client, GODWIT_OVERRIDES (.server = "one"), &error));
    godwit_transport_t *onward = kind->shared ? core.serving : core_transport (&core, NULL);
    service_relay_to (&core.one, onward, "two", WAIT_LIMIT_MS);
    godwit_value_t *result = NULL;
    for (int i = 0; i < 50; i++) {
        MUST (godwit_client_call (first, NULL, "relay", GODWIT_ARGS (GODWIT_STR ("method", "whoami")),
                                  &result, &error));
        cr_assert_str_eq (godwit_value_as_str (result, ""), "two");
        godwit_value_unref (&result);
    }
    /* A failure passes through every hop as itself. */
    FAILS (
        GODWIT_ERR_REMOTE_ERROR, GODWIT_OUTCOME_RAN, "no tea left",
        godwit_client_call (first, NULL, "relay", GODWIT_ARGS (GODWIT_STR ("method", "fail")), NULL, &error));
    /* A server that calls itself. */
    service_relay_to (&core.one, onward, "one", WAIT_LIMIT_MS);
    MUST (godwit_client_call (first, NULL, "relay", GODWIT_ARGS (GODWIT_STR ("method", "whoami")), &result,
                              &error));
    cr_assert_str_eq (godwit_value_as_str (result, ""), "one");
    godwit_value_unref (&result);
    service_relay_to (&core.one, NULL, NULL, 0);
    godwit_client_destroy (&first);
    if (onward != core.serving)
        godwit_transport_destroy (&onward);
    service_end (&two);
    core_close (&core);
}

static void *
reply_to_held (void *user)
{
    service_t *service = user;
    godwit_request_t *request = service_take (service);
    const godwit_status_t status = godwit_request_reply (request, GODWIT_INT (NULL, 7));
    godwit_request_destroy (&request);
    return status == GODWIT_OK ? service : NULL;
}

void
core_kept_requests_are_replied_to_by_other_threads (const core_kind_t *kind)
{
    enum { COUNT = 20 };
    core_t core;
    godwit_future_t *futures[COUNT];
    pthread_t threads[COUNT];
    core_open (&core, kind);
    for (int i = 0; i < COUNT; i++)
        MUST (godwit_client_call_future (core.client, NULL, "hold", GODWIT_NO_ARGS, &futures[i], &error));
    service_wait_held (&core.one, COUNT);
    for (int i = 0; i < COUNT; i++)
        pthread_create (&threads[i], NULL, reply_to_held, &core.one);
    for (int i = 0; i < COUNT; i++) {
        void *done = NULL;
        godwit_value_t *result = NULL;
        MUST (godwit_future_wait (futures[i], -1, NULL, &result, &error));
        cr_assert_eq (godwit_value_as_int (result, 0), 7);
        godwit_value_unref (&result);
        godwit_future_destroy (&futures[i]);
        pthread_join (threads[i], &done);
        cr_assert_not_null (done);
    }
    core_close (&core);
}

void
core_inline_methods_run_on_the_callers_thread (const core_kind_t *kind)
{
    core_t core;
    godwit_value_t *result = NULL;
    core_open (&core, kind);
    MUST (godwit_client_call (core.client, NULL, "quick",
                              GODWIT_ARGS (GODWIT_INT ("thread", core_this_thread ())), &result, &error));
    cr_assert_eq (godwit_value_as_int (result, -1), kind->shared ? 1 : 0);
    godwit_value_unref (&result);

    /* One that is kept is waited for like any other; its caller's time counts. */
    godwit_client_t *late = NULL;
    MUST (godwit_client_prepare (&late, core.client, GODWIT_OVERRIDES (.timeout_ms = 400), &error));
    FAILS (GODWIT_ERR_TIMEOUT, GODWIT_OUTCOME_MAYBE_RUN, "",
           godwit_client_call (late, NULL, "hold_inline", GODWIT_NO_ARGS, &result, &error));
    godwit_client_destroy (&late);
    cr_assert_null (result);
    cr_assert_eq (call_who (core.client), 'e');
    core_close (&core);
}

void
core_prepare_inherits_overrides_and_clears (const core_kind_t *kind)
{
    core_t core;
    godwit_client_t *named = NULL, *nested = NULL, *cleared = NULL, *moved = NULL;
    service_t two;
    core_open (&core, kind);
    service_start (&two, core.serving, "two", NULL);
    MUST (godwit_client_wait_servers (core.client, 2, WAIT_LIMIT_MS, &error));

    MUST (godwit_client_prepare (
        &named, core.client,
        GODWIT_OVERRIDES (.server = "two", .version = "1.2", .version_cap = "1.5", .timeout_ms = 5000),
        &error));
    for (int i = 0; i < 4; i++)
        cr_assert_eq (call_who (named), 'o');
    /* What is not given is inherited; its parent may go first. */
    MUST (godwit_client_prepare (&nested, named, GODWIT_OVERRIDES (.version = "1.6"), &error));
    godwit_client_destroy (&named);
    FAILS (GODWIT_ERR_VERSION_CAP, GODWIT_OUTCOME_NONE, "1.6",
           godwit_client_call (nested, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    /* Cleared: the server is any again, the cap is gone, and so is the version. */
    MUST (godwit_client_prepare (&cleared, nested,
                                 GODWIT_OVERRIDES (.server = godwit_clear, .version_cap = godwit_clear,
                                                   .version = godwit_clear, .timeout_ms = GODWIT_CLEAR_INT),
                                 &error));
    char who[3] = {call_who (cleared), call_who (cleared), '\0'};
    cr_assert (!strcmp (who, "eo") || !strcmp (who, "oe"), "%s", who);
    /* Another topic and namespace. */
    MUST (godwit_client_prepare (&moved, cleared, GODWIT_OVERRIDES (.name_space = "other", .version = "2.0"),
                                 &error));
    cr_assert_neq (call_who (moved), '?');
    godwit_client_destroy (&moved);
    MUST (godwit_client_prepare (&moved, cleared,
                                 GODWIT_OVERRIDES (.topic = "elsewhere", .mandatory = GODWIT_YES), &error));
    FAILS (GODWIT_ERR_UNDELIVERABLE, GODWIT_OUTCOME_NOT_SENT, "",
           godwit_client_call (moved, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&moved);
    MUST (godwit_client_prepare (&moved, cleared,
                                 GODWIT_OVERRIDES (.exchange = "abroad", .mandatory = GODWIT_YES), &error));
    FAILS (GODWIT_ERR_UNDELIVERABLE, GODWIT_OUTCOME_NOT_SENT, "",
           godwit_client_call (moved, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&moved);
    /* Not a version. */
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "Version must contain",
           godwit_client_prepare (&moved, cleared, GODWIT_OVERRIDES (.version = "1"), &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "Version must contain",
           godwit_client_prepare (&moved, cleared, GODWIT_OVERRIDES (.version_cap = "x.y"), &error));
    cr_assert_null (moved);
    /* The first parent never changed. */
    cr_assert_neq (call_who (core.client), '?');
    godwit_client_destroy (&nested);
    godwit_client_destroy (&cleared);
    service_end (&two);
    core_close (&core);
}

void
core_the_time_left_travels (const core_kind_t *kind)
{
    core_t core;
    core_open (&core, kind);
    const int64_t left = call_int (core.client, "remaining");
    cr_assert (left > WAIT_LIMIT_MS / 2 && left <= WAIT_LIMIT_MS, "%lld", (long long) left);
    core_close (&core);
}
