/* SPDX-License-Identifier: Apache-2.0 */
/* Calls a pool of workers, whose names it does not know, and tells who answered how often. */
#include <godwit/godwit.h>

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKER_MAX 64

struct arguments {
    const char *url;
    unsigned long workers; /* to wait for before the first call */
    unsigned long calls;
};

struct tally {
    char *worker;
    unsigned long answered;
};

static unsigned long
parse_count (struct argp_state *state, const char *text)
{
    char *end;
    const unsigned long count = strtoul (text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || count > 1000000)
        argp_error (state, "not a count up to 1000000: %s", text);
    return count;
}

static error_t
parse (int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 'u':
        arguments->url = text;
        return 0;
    case 'w':
        arguments->workers = parse_count (state, text);
        return 0;
    case 'c':
        arguments->calls = parse_count (state, text);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void
count_answer (struct tally *tallies, const char *worker)
{
    size_t at = 0;
    while (at < WORKER_MAX - 1 && tallies[at].worker && strcmp (tallies[at].worker, worker) != 0)
        at++;
    if (!tallies[at].worker)
        tallies[at].worker = strdup (worker);
    tallies[at].answered++;
}

static godwit_status_t
call_them (godwit_client_t *client, const struct arguments *arguments, struct tally *tallies,
           godwit_error_t **error)
{
    /* Not needed to make calls: it only makes the shares below equal. */
    godwit_status_t status = godwit_client_wait_servers (client, arguments->workers, 10000, error);
    for (unsigned long call = 0; status == GODWIT_OK && call < arguments->calls; call++) {
        godwit_value_t *reply = NULL;
        status = godwit_client_call (client, NULL, "count_primes", GODWIT_ARGS (GODWIT_INT ("below", 10000)),
                                     &reply, error);
        if (status == GODWIT_OK)
            count_answer (tallies, godwit_value_as_str (godwit_value_get (reply, "worker"), "?"));
        godwit_value_unref (&reply);
    }
    return status;
}

int
main (int argc, char **argv)
{
    static const struct argp_option options[] = {
        {.name = "url", .key = 'u', .arg = "URL", .doc = "Transport URL (GODWIT_URL, or zmq://)"},
        {.name = "workers", .key = 'w', .arg = "COUNT", .doc = "Wait for this many workers first (1)"},
        {.name = "calls", .key = 'c', .arg = "COUNT", .doc = "Calls to make (30)"},
        {0},
    };
    static const struct argp parser = {
        .options = options, .parser = parse, .doc = "Calls the pool \"primes\"."};
    struct arguments arguments = {.url = getenv ("GODWIT_URL"), .workers = 1, .calls = 30};
    argp_parse (&parser, argc, argv, 0, NULL, &arguments);
    if (!arguments.url)
        arguments.url = "zmq://";

    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    godwit_error_t *error = NULL;
    struct tally tallies[WORKER_MAX] = {{0}};
    int result = EXIT_FAILURE;
    if (godwit_transport_new (
            &transport, arguments.url,
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "primes"),
                           GODWIT_CLIENT_OPTIONS (.timeout_ms = 10000), &error) == GODWIT_OK &&
        call_them (client, &arguments, tallies, &error) == GODWIT_OK)
        result = EXIT_SUCCESS;
    else
        fprintf (stderr, "client: %s\n", godwit_error_print (error));
    for (size_t at = 0; at < WORKER_MAX && tallies[at].worker; at++) {
        printf ("%s answered %lu\n", tallies[at].worker, tallies[at].answered);
        free (tallies[at].worker);
    }
    godwit_error_destroy (&error);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
    return result;
}
