/* SPDX-License-Identifier: Apache-2.0 */
/* Asks all subscribers at once what they hold, and tells what became of it at each. */
#include <godwit/godwit.h>

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arguments {
    const char *url;
    unsigned long subscribers; /* that must be there first */
};

static error_t
parse (int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    char *end;
    switch (key) {
    case 'u':
        arguments->url = text;
        return 0;
    case 's':
        arguments->subscribers = strtoul (text, &end, 10);
        if (*text < '0' || *text > '9' || *end != '\0')
            argp_error (state, "not a count: %s", text);
        return 0;
    case ARGP_KEY_ARG:
        argp_usage (state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int
by_name (const void *a, const void *b)
{
    const godwit_fanout_row_t *const *one = a, *const *other = b;
    return strcmp ((*one)->server, (*other)->server);
}

static void
print_row (const godwit_fanout_row_t *row)
{
    if (row->state == GODWIT_FANOUT_REPLIED)
        printf ("%s: revision %" PRId64 ", %s\n", row->server,
                godwit_value_as_int (godwit_value_get (row->result, "revision"), 0),
                godwit_value_as_str (godwit_value_get (row->result, "colour"), "?"));
    else /* the error's outcome says whether it can have run there */
        printf ("%s: %s, %s: %s\n", row->server, godwit_fanout_state_name (row->state),
                godwit_outcome_name (godwit_error_outcome (row->error)), godwit_error_message (row->error));
}

/* Every server that the topic had when the call began has one row; they come in no order. */
static int
print_rows (const godwit_fanout_result_t *result)
{
    const size_t count = godwit_fanout_result_count (result);
    const godwit_fanout_row_t **rows = calloc (count ? count : 1, sizeof (godwit_fanout_row_t *));
    if (!rows)
        return EXIT_FAILURE;
    for (size_t i = 0; i < count; i++)
        rows[i] = godwit_fanout_result_row (result, i);
    qsort (rows, count, sizeof (godwit_fanout_row_t *), by_name);
    for (size_t i = 0; i < count; i++)
        print_row (rows[i]);
    free (rows);
    return EXIT_SUCCESS;
}

int
main (int argc, char **argv)
{
    static const struct argp_option options[] = {
        {.name = "url", .key = 'u', .arg = "URL", .doc = "Transport URL (GODWIT_URL, or zmq://)"},
        {.name = "subscribers",
         .key = 's',
         .arg = "COUNT",
         .doc = "Wait for this many subscribers first (1)"},
        {0},
    };
    static const struct argp parser = {
        .options = options, .parser = parse, .doc = "Asks all subscribers of \"settings\"."};
    struct arguments arguments = {.url = getenv ("GODWIT_URL"), .subscribers = 1};
    argp_parse (&parser, argc, argv, 0, NULL, &arguments);
    if (!arguments.url)
        arguments.url = "zmq://";

    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    godwit_fanout_result_t *result = NULL;
    godwit_error_t *error = NULL;
    int status = EXIT_FAILURE;
    if (godwit_transport_new (
            &transport, arguments.url,
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "settings"),
                           GODWIT_CLIENT_OPTIONS (.timeout_ms = 5000), &error) == GODWIT_OK &&
        godwit_client_wait_servers (client, arguments.subscribers, 10000, &error) == GODWIT_OK &&
        godwit_client_fanout_call (client, NULL, "current", GODWIT_NO_ARGS, &result, &error) == GODWIT_OK)
        status = print_rows (result);
    else
        fprintf (stderr, "surveyor: %s\n", godwit_error_print (error));
    godwit_fanout_result_destroy (&result);
    godwit_error_destroy (&error);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    return status;
}
