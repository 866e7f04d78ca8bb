/* SPDX-License-Identifier: Apache-2.0 */
/* Changes a setting for all subscribers at once, and tells how many got it. */
#include <godwit/godwit.h>

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct arguments {
    const char *url;
    unsigned long subscribers; /* that must be there first */
    char **colours;
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
    case ARGP_KEY_ARGS:
        arguments->colours = state->argv + state->next;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_usage (state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static godwit_status_t
publish (godwit_client_t *client, char **colours, godwit_error_t **error)
{
    godwit_status_t status = GODWIT_OK;
    for (int64_t revision = 1; status == GODWIT_OK && colours[revision - 1]; revision++) {
        godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
        status = godwit_client_fanout (
            client, NULL, "configure",
            GODWIT_ARGS (GODWIT_INT ("revision", revision), GODWIT_STR ("colour", colours[revision - 1])),
            &report, error);
        if (status == GODWIT_OK)
            printf ("revision %" PRId64 ": %" PRIu32 " reached, %" PRIu32 " missing\n", revision,
                    report.reached, report.missing);
    }
    return status;
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
        .options = options, .parser = parse, .args_doc = "COLOUR...", .doc = "Publishes to \"settings\"."};
    struct arguments arguments = {.url = getenv ("GODWIT_URL"), .subscribers = 1};
    argp_parse (&parser, argc, argv, 0, NULL, &arguments);
    if (!arguments.url)
        arguments.url = "zmq://";

    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    godwit_error_t *error = NULL;
    int result = EXIT_FAILURE;
    /* A fanout waits for the subscribers that are known. This program is new and knows nobody yet, so it
     * waits until it knows as many as it was told; a program that runs for long needs no such thing. */
    if (godwit_transport_new (
            &transport, arguments.url,
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "settings"),
                           GODWIT_CLIENT_OPTIONS (.timeout_ms = 5000), &error) == GODWIT_OK &&
        godwit_client_wait_servers (client, arguments.subscribers, 10000, &error) == GODWIT_OK &&
        publish (client, arguments.colours, &error) == GODWIT_OK)
        result = EXIT_SUCCESS;
    else
        fprintf (stderr, "publisher: %s\n", godwit_error_print (error));
    godwit_error_destroy (&error);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    return result;
}
