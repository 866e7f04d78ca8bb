/* SPDX-License-Identifier: Apache-2.0 */
/* A of the chain A -> B -> C: gives a budget of time to a call that B answers with the help of C. */
#include <godwit/godwit.h>

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct arguments {
    const char *url;
    int64_t budget_ms;
    int64_t middle_ms;
    int64_t back_ms;
};

static int64_t
parse_ms (struct argp_state *state, const char *text)
{
    char *end;
    const long amount = strtol (text, &end, 10);
    if (end == text || *end != '\0' || amount < 0 || amount > 60000)
        argp_error (state, "not a number of milliseconds up to 60000: %s", text);
    return amount;
}

static error_t
parse (int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 'u':
        arguments->url = text;
        return 0;
    case 'b':
        arguments->budget_ms = parse_ms (state, text);
        return 0;
    case 'm':
        arguments->middle_ms = parse_ms (state, text);
        return 0;
    case 'k':
        arguments->back_ms = parse_ms (state, text);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int
main (int argc, char **argv)
{
    static const struct argp_option options[] = {
        {.name = "url", .key = 'u', .arg = "URL", .doc = "Transport URL (GODWIT_URL, or zmq://)"},
        {.name = "budget", .key = 'b', .arg = "MS", .doc = "Time for the whole chain (5000)"},
        {.name = "middle", .key = 'm', .arg = "MS", .doc = "How long B works before it calls C (0)"},
        {.name = "back", .key = 'k', .arg = "MS", .doc = "How long C works (0)"},
        {0},
    };
    static const struct argp parser = {
        .options = options, .parser = parse, .doc = "Orders something, with a limit of time."};
    struct arguments arguments = {.url = getenv ("GODWIT_URL"), .budget_ms = 5000};
    argp_parse (&parser, argc, argv, 0, NULL, &arguments);
    if (!arguments.url)
        arguments.url = "zmq://";

    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    godwit_client_t *limited = NULL;
    godwit_value_t *reply = NULL;
    godwit_error_t *error = NULL;
    int result = EXIT_FAILURE;
    /* The connection comes first, so that the budget is spent on the chain alone. */
    if (godwit_transport_new (
            &transport, arguments.url,
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "orders"), NULL, &error) ==
            GODWIT_OK &&
        godwit_client_wait_servers (client, 1, 10000, &error) == GODWIT_OK &&
        godwit_client_prepare (
            &limited, client,
            GODWIT_OVERRIDES (.timeout_ms = arguments.budget_ms ? arguments.budget_ms : GODWIT_TIMEOUT_ZERO),
            &error) == GODWIT_OK &&
        godwit_client_call (limited, NULL, "order",
                            GODWIT_ARGS (GODWIT_INT ("middle_ms", arguments.middle_ms),
                                         GODWIT_INT ("back_ms", arguments.back_ms)),
                            &reply, &error) == GODWIT_OK) {
        printf ("ordered: of %" PRId64 " ms B had %" PRId64 " and C had %" PRId64 "\n", arguments.budget_ms,
                godwit_value_as_int (godwit_value_get (reply, "middle_had_ms"), -1),
                godwit_value_as_int (godwit_value_get (reply, "back_had_ms"), -1));
        result = EXIT_SUCCESS;
    } else {
        printf ("not ordered: %s, outcome %s\n", godwit_error_type (error),
                godwit_outcome_name (godwit_error_outcome (error)));
        fprintf (stderr, "front: %s\n", godwit_error_print (error));
    }
    godwit_error_destroy (&error);
    godwit_value_unref (&reply);
    godwit_client_destroy (&limited);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    return result;
}
