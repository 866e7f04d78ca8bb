/* SPDX-License-Identifier: Apache-2.0 */
/* A program that asks once and exits: fresh_client URL WHAT. It makes a transport, does WHAT at once, for the
 * topic "work", says what came of it, and ends.
 *
 *     fanout       "reached 3, missing 0"     fanout_call  "3 rows, 3 replied"
 *     call         "called", also for         named        the same for the server "two"
 *     mandatory    a call, cast or fanout of  no_retry     a call, a cast that is handed over once
 *                  a mandatory client
 *
 * or "STATUS: text" of the error.
 */
#include <godwit/godwit.h>

#include <stdio.h>
#include <string.h>

static godwit_client_t *client;

static godwit_status_t
fan_out (godwit_error_t **error)
{
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
    const godwit_status_t status =
        godwit_client_fanout (client, NULL, "count", GODWIT_NO_ARGS, &report, error);
    if (status == GODWIT_OK)
        printf ("reached %u, missing %u\n", report.reached, report.missing);
    return status;
}

static godwit_status_t
call_all (godwit_error_t **error)
{
    godwit_fanout_result_t *result = NULL;
    size_t replied = 0;
    const godwit_status_t status =
        godwit_client_fanout_call (client, NULL, "whoami", GODWIT_NO_ARGS, &result, error);
    if (status)
        return status;
    for (size_t i = 0; i < godwit_fanout_result_count (result); i++)
        replied += godwit_fanout_result_row (result, i)->state == GODWIT_FANOUT_REPLIED;
    printf ("%zu rows, %zu replied\n", godwit_fanout_result_count (result), replied);
    godwit_fanout_result_destroy (&result);
    return GODWIT_OK;
}

static godwit_status_t
call_one (godwit_error_t **error)
{
    const godwit_status_t status = godwit_client_call (client, NULL, "whoami", GODWIT_NO_ARGS, NULL, error);
    if (status == GODWIT_OK)
        puts ("called");
    return status;
}

static godwit_status_t
cast_one (godwit_error_t **error)
{
    const godwit_status_t status = godwit_client_cast (client, NULL, "count", GODWIT_NO_ARGS, error);
    if (status == GODWIT_OK)
        puts ("cast");
    return status;
}

static godwit_status_t
call_later (godwit_error_t **error)
{
    godwit_future_t *future = NULL;
    godwit_status_t status =
        godwit_client_call_future (client, NULL, "whoami", GODWIT_NO_ARGS, &future, error);
    if (status == GODWIT_OK)
        status = godwit_future_wait (future, -1, NULL, NULL, error);
    if (status == GODWIT_OK)
        puts ("called");
    godwit_future_destroy (&future);
    return status;
}

static const struct {
    const char *what;
    godwit_client_options_t options;
    const char *server;
    godwit_status_t (*act) (godwit_error_t **error);
} acts[] = {
    {.what = "fanout", .act = fan_out},
    {.what = "fanout_call", .act = call_all},
    {.what = "mandatory_fanout", .act = fan_out, .options.mandatory = GODWIT_YES},
    {.what = "mandatory_call", .act = call_one, .options.mandatory = GODWIT_YES},
    {.what = "mandatory_named", .act = call_one, .options.mandatory = GODWIT_YES, .server = "two"},
    {.what = "mandatory_cast", .act = cast_one, .options.mandatory = GODWIT_YES},
    {.what = "mandatory_future", .act = call_later, .options.mandatory = GODWIT_YES},
    {.what = "no_retry_call", .act = call_one, .options.retry = GODWIT_RETRY_NONE},
    {.what = "no_retry_cast", .act = cast_one, .options.retry = GODWIT_RETRY_NONE},
    {.what = "no_retry_future", .act = call_later, .options.retry = GODWIT_RETRY_NONE},
};

int
main (int argc, char **argv)
{
    godwit_transport_t *transport = NULL;
    godwit_error_t *error = NULL;
    size_t i = 0;
    if (argc != 3)
        return 2;
    while (i < sizeof acts / sizeof acts[0] && strcmp (acts[i].what, argv[2]) != 0)
        i++;
    if (i == sizeof acts / sizeof acts[0])
        return 2;
    godwit_client_options_t options = acts[i].options;
    options.struct_size = sizeof options;
    options.timeout_ms = 20000;
    godwit_status_t status = godwit_transport_new (&transport, argv[1], NULL, &error);
    if (status == GODWIT_OK)
        status = godwit_client_new (
            &client, transport, GODWIT_TARGET (.topic = "work", .server = acts[i].server), &options, &error);
    if (status == GODWIT_OK)
        status = acts[i].act (&error);
    if (status)
        printf ("%s: %s\n", godwit_status_type (status), godwit_error_message (error));
    fflush (stdout);
    godwit_error_destroy (&error);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    return 0;
}
