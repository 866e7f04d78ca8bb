/* SPDX-License-Identifier: Apache-2.0 */
/* What a client asks of one server, by its name. */
#include "node.h"

#include <stdlib.h>
#include <string.h>

#define LARGE_SIZE (4u << 20)
#define LONG_COUNT 50000

typedef struct talk {
    godwit_client_t *client; /* of one server */
    int64_t number;          /* of the client */
} talk_t;

static void
expect (bool is_right, const char *what, godwit_error_t **error)
{
    if (!is_right)
        node_failed (what, error);
    godwit_error_destroy (error);
}

/* ---- values ---- */

/* The arguments come back as they were, and so does the context. */
static void
expect_echo (godwit_client_t *client, const godwit_value_t *args, const char *name_space, const char *version,
             const char *what)
{
    godwit_value_t *context = NULL, *result = NULL;
    godwit_error_t *error = NULL;
    node_must (godwit_value_new_map (&context, GODWIT_ARGS (GODWIT_STR ("user", "kim"), GODWIT_NIL ("none")),
                                     &error),
               &error);
    const godwit_status_t status =
        godwit_client_call (client, context, "echo", godwit_fields_from (args), &result, &error);
    expect (status == GODWIT_OK && godwit_value_equal (godwit_value_at (result, 0), args) &&
                godwit_value_equal (godwit_value_at (result, 1), context) &&
                !strcmp (godwit_value_as_str (godwit_value_at (result, 2), "?"), name_space) &&
                !strcmp (godwit_value_as_str (godwit_value_at (result, 3), "?"), version),
            what, &error);
    godwit_value_unref (&result);
    godwit_value_unref (&context);
}

static void
check_values (const talk_t *talk)
{
    godwit_value_t *args = NULL;
    godwit_client_t *further = NULL;
    godwit_error_t *error = NULL;
    node_must (
        godwit_value_new_map (
            &args,
            GODWIT_ARGS (GODWIT_NIL ("nil"), GODWIT_BOOL ("bool", true), GODWIT_INT ("least", INT64_MIN),
                         GODWIT_INT ("negative", -1), GODWIT_INT ("byte", 200),
                         GODWIT_INT ("most", INT64_MAX), GODWIT_UINT ("uint", UINT64_MAX),
                         GODWIT_DOUBLE ("double", -0.1), GODWIT_STRN ("str", "a\0b", 3),
                         GODWIT_STR ("empty", ""), GODWIT_BIN ("bin", "\xff\0\x7f", 3),
                         GODWIT_LIST ("list", GODWIT_INT (NULL, 1), GODWIT_STR (NULL, "two"),
                                      GODWIT_MAP (NULL, GODWIT_LIST ("deep", GODWIT_BOOL (NULL, false))))),
            &error),
        &error);
    expect_echo (talk->client, args, "", "1.2", "values of all types");
    node_must (godwit_client_prepare (&further, talk->client,
                                      GODWIT_OVERRIDES (.name_space = "further", .version = "2.0"), &error),
               &error);
    expect_echo (further, args, "further", "2.0", "a method of a namespace");
    godwit_client_destroy (&further);
    godwit_value_unref (&args);
}

static void
check_large (const talk_t *talk)
{
    godwit_value_t *args = NULL;
    godwit_error_t *error = NULL;
    unsigned char *const bytes = malloc (LARGE_SIZE);
    if (!bytes)
        exit (1);
    for (size_t i = 0; i < LARGE_SIZE; i++)
        bytes[i] = (unsigned char) (i * 31 >> 3);
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_map (builder, NULL);
    godwit_builder_bin (builder, "large", bytes, LARGE_SIZE);
    godwit_builder_open_list (builder, "long");
    for (int64_t i = 0; i < LONG_COUNT; i++)
        godwit_builder_int (builder, NULL, i * i * i - LONG_COUNT);
    godwit_builder_close (builder);
    godwit_builder_close (builder);
    node_must (godwit_builder_finish (&builder, &args, &error), &error);
    expect_echo (talk->client, args, "", "1.2", "large arguments");
    godwit_value_unref (&args);
    free (bytes);
}

/* ---- failures ---- */

static void
check_failures (const talk_t *talk)
{
    godwit_client_t *newer = NULL;
    godwit_error_t *error = NULL;
    godwit_status_t status = godwit_client_call (talk->client, NULL, "sell", GODWIT_NO_ARGS, NULL, &error);
    expect (status == GODWIT_ERR_FAILED && godwit_error_is (error, &node_out_of_stock) &&
                godwit_error_is_remote (error) && godwit_error_outcome (error) == GODWIT_OUTCOME_RAN &&
                !strcmp (godwit_error_module (error), "shop") &&
                !strcmp (godwit_error_message (error), "no tea left") &&
                godwit_error_detail (error, "goods") &&
                !strcmp (godwit_error_detail (error, "goods"), "tea") &&
                strstr (godwit_error_traceback (error), "node_server.c"),
            "an error of a class that both sides know", &error);

    status = godwit_client_call (talk->client, NULL, "absent", GODWIT_NO_ARGS, NULL, &error);
    expect (status == GODWIT_ERR_NO_SUCH_METHOD && godwit_error_outcome (error) == GODWIT_OUTCOME_REJECTED &&
                godwit_error_detail (error, "method") &&
                !strcmp (godwit_error_detail (error, "method"), "absent"),
            "a method that is not there", &error);

    node_must (godwit_client_prepare (&newer, talk->client, GODWIT_OVERRIDES (.version = "1.9"), &error),
               &error);
    status = godwit_client_call (newer, NULL, "who", GODWIT_NO_ARGS, NULL, &error);
    expect (status == GODWIT_ERR_UNSUPPORTED_VERSION &&
                godwit_error_outcome (error) == GODWIT_OUTCOME_REJECTED,
            "a version that is too high", &error);
    godwit_client_destroy (&newer);

    status =
        godwit_client_call (talk->client, NULL, "note", GODWIT_ARGS (GODWIT_INT ("client", 1)), NULL, &error);
    expect (status != GODWIT_OK && godwit_error_outcome (error) == GODWIT_OUTCOME_REJECTED,
            "an argument that is missing", &error);
}

/* ---- calls that are given up ---- */

static void
await (const talk_t *talk, const char *method, int64_t count)
{
    godwit_error_t *error = NULL;
    const godwit_status_t status = godwit_client_call (
        talk->client, NULL, method,
        GODWIT_ARGS (GODWIT_INT ("client", talk->number), GODWIT_INT ("count", count)), NULL, &error);
    expect (status == GODWIT_OK, method, &error);
}

/* The server hears of it by CANCEL alone: the call has a minute left. Of the other one the time is spent. */
static void
check_giving_up (const talk_t *talk)
{
    godwit_client_t *hasty = NULL;
    godwit_future_t *future = NULL;
    godwit_error_t *error = NULL;
    const godwit_status_t begun = godwit_client_call_future (
        talk->client, NULL, "hold", GODWIT_ARGS (GODWIT_INT ("client", talk->number)), &future, &error);
    expect (begun == GODWIT_OK, "the begin of a call that is given up", &error);
    await (talk, "await_held", 1);
    godwit_future_destroy (&future);
    await (talk, "await_cancelled", 1);

    node_must (godwit_client_prepare (&hasty, talk->client, GODWIT_OVERRIDES (.timeout_ms = 200), &error),
               &error);
    const godwit_status_t status = godwit_client_call (
        hasty, NULL, "hold", GODWIT_ARGS (GODWIT_INT ("client", talk->number)), NULL, &error);
    expect (status == GODWIT_ERR_TIMEOUT, "a call with little time", &error);
    godwit_client_destroy (&hasty);
}

void
node_check_server (godwit_client_t *client, const char *server, int64_t number)
{
    talk_t talk = {NULL, number};
    godwit_client_t *watched = NULL;
    godwit_future_t *future = NULL;
    godwit_value_t *result = NULL;
    godwit_error_t *error = NULL;
    node_must (godwit_client_prepare (&talk.client, client, GODWIT_OVERRIDES (.server = server), &error),
               &error);

    /* Its signs of life keep a call alive that takes longer than its monitor waits. */
    node_must (godwit_client_prepare (&watched, talk.client,
                                      GODWIT_OVERRIDES (.call_monitor_timeout_ms = 2000), &error),
               &error);
    godwit_status_t status =
        godwit_client_call_future (watched, NULL, "linger", GODWIT_NO_ARGS, &future, &error);
    expect (status == GODWIT_OK, "the begin of a call with a monitor", &error);

    status = godwit_client_call (talk.client, NULL, "who", GODWIT_NO_ARGS, &result, &error);
    expect (status == GODWIT_OK && !strcmp (godwit_value_as_str (result, ""), server), "a server by its name",
            &error);
    godwit_value_unref (&result);
    check_values (&talk);
    check_large (&talk);
    check_failures (&talk);
    check_giving_up (&talk);

    status = godwit_future_wait (future, -1, NULL, &result, &error);
    expect (status == GODWIT_OK && godwit_value_as_bool (result, false), "a call with a monitor", &error);
    godwit_value_unref (&result);
    godwit_future_destroy (&future);
    godwit_client_destroy (&watched);
    godwit_client_destroy (&talk.client);
}
