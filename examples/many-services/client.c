/* SPDX-License-Identifier: Apache-2.0 */
/* Calls each of many services with one client, of which prepare makes a variant for each topic. */
#include <godwit/godwit.h>

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE_MAX 10000

struct arguments {
    const char *url;
    unsigned long services;
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
        arguments->services = strtoul (text, &end, 10);
        if (*text < '0' || *text > '9' || *end != '\0' || arguments->services > SERVICE_MAX)
            argp_error (state, "not a count up to %d: %s", SERVICE_MAX, text);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Increments the counter, and asks its operator's side who it is. */
static godwit_status_t
use (godwit_client_t *client, const char *topic, int64_t *count, bool *right_one, godwit_error_t **error)
{
    godwit_client_t *counter = NULL;
    godwit_client_t *admin = NULL;
    godwit_value_t *number = NULL;
    godwit_value_t *description = NULL;
    godwit_status_t status =
        godwit_client_prepare (&counter, client, GODWIT_OVERRIDES (.topic = topic), error);
    if (status == GODWIT_OK)
        status = godwit_client_prepare (&admin, counter,
                                        GODWIT_OVERRIDES (.name_space = "admin", .version = "2.0"), error);
    if (status == GODWIT_OK)
        status = godwit_client_call (counter, NULL, "increment", GODWIT_NO_ARGS, &number, error);
    if (status == GODWIT_OK)
        status = godwit_client_call (admin, NULL, "describe", GODWIT_NO_ARGS, &description, error);
    if (status == GODWIT_OK) {
        *count = godwit_value_as_int (number, 0);
        *right_one = strcmp (godwit_value_as_str (godwit_value_get (description, "topic"), ""), topic) == 0 &&
                     godwit_value_as_int (godwit_value_get (description, "count"), -1) >= *count;
    }
    godwit_value_unref (&description);
    godwit_value_unref (&number);
    godwit_client_destroy (&admin);
    godwit_client_destroy (&counter);
    return status;
}

int
main (int argc, char **argv)
{
    static const struct argp_option options[] = {
        {.name = "url", .key = 'u', .arg = "URL", .doc = "Transport URL (GODWIT_URL, or zmq://)"},
        {.name = "services", .key = 's', .arg = "COUNT", .doc = "How many services (100)"},
        {0},
    };
    static const struct argp parser = {.options = options, .parser = parse, .doc = "Calls many services."};
    struct arguments arguments = {.url = getenv ("GODWIT_URL"), .services = 100};
    argp_parse (&parser, argc, argv, 0, NULL, &arguments);
    if (!arguments.url)
        arguments.url = "zmq://";

    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    godwit_error_t *error = NULL;
    unsigned long answered = 0;
    if (godwit_transport_new (
            &transport, arguments.url,
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK)
        godwit_client_new (&client, transport, GODWIT_TARGET (.version = "1.1"),
                           GODWIT_CLIENT_OPTIONS (.timeout_ms = 10000), &error);
    for (unsigned long at = 0; !error && at < arguments.services; at++) {
        char topic[32];
        int64_t count = 0;
        bool right_one = false;
        snprintf (topic, sizeof topic, "counter.%lu", at);
        if (use (client, topic, &count, &right_one, &error) != GODWIT_OK)
            break;
        if (right_one)
            answered++;
        else
            fprintf (stderr, "client: %s: another service answered\n", topic);
    }
    if (error)
        fprintf (stderr, "client: %s\n", godwit_error_print (error));
    godwit_transport_stats_t stats = {0};
    if (transport)
        godwit_transport_stats (transport, &stats, sizeof stats);
    printf ("%lu services answered over %" PRIu64 " connection%s\n", answered, stats.peers,
            stats.peers == 1 ? "" : "s");
    const int result = !error && answered == arguments.services ? EXIT_SUCCESS : EXIT_FAILURE;
    godwit_error_destroy (&error);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    return result;
}
