/* SPDX-License-Identifier: Apache-2.0 */
/* One worker of a pool: counts the primes below a number. Start as many as you like; each needs a name of its
 * own. */
#include <godwit/godwit.h>

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>

struct arguments {
    const char *url;
    const char *name;
};

static error_t
parse (int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 'u':
        arguments->url = text;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            argp_usage (state);
        arguments->name = text;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_usage (state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

struct count_args {
    uint32_t below;
};

static const godwit_slot_t count_slots[] = {GODWIT_SLOT (struct count_args, below)};

static bool
is_prime (uint32_t number)
{
    for (uint64_t divisor = 2; divisor * divisor <= number; divisor++) {
        if (number % divisor == 0)
            return false;
    }
    return number >= 2;
}

static godwit_status_t
count_primes (godwit_request_t *request, void *self)
{
    const struct arguments *arguments = self;
    const struct count_args *args = godwit_request_params (request);
    int64_t count = 0;
    for (uint32_t number = 2; number < args->below; number++)
        count += is_prime (number);
    return godwit_request_reply (
        request, GODWIT_MAP (NULL, GODWIT_STR ("worker", arguments->name), GODWIT_INT ("primes", count)));
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD_WITH ("count_primes", count_primes, struct count_args, count_slots, 0),
};

static void
say_ready (void *user)
{
    (void) user;
    puts ("ready");
    fflush (stdout);
}

int
main (int argc, char **argv)
{
    static const struct argp_option options[] = {
        {.name = "url", .key = 'u', .arg = "URL", .doc = "Transport URL (GODWIT_URL, or zmq://)"},
        {0},
    };
    static const struct argp parser = {
        .options = options, .parser = parse, .args_doc = "NAME", .doc = "A worker of the pool \"primes\"."};
    struct arguments arguments = {.url = getenv ("GODWIT_URL")};
    argp_parse (&parser, argc, argv, 0, NULL, &arguments);
    if (!arguments.url)
        arguments.url = "zmq://";

    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;
    godwit_error_t *error = NULL;
    int result = EXIT_FAILURE;
    if (godwit_transport_new (
            &transport, arguments.url,
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "primes", .server = arguments.name),
                           &GODWIT_ENDPOINT (methods, .self = &arguments), 1, NULL, &error) == GODWIT_OK &&
        /* At the end clients go elsewhere, and what was accepted is finished: nobody's call is lost. */
        godwit_server_run (server, GODWIT_RUN_OPTIONS (.drain_timeout_ms = 5000, .started = say_ready),
                           &error) == GODWIT_OK)
        result = EXIT_SUCCESS;
    if (error)
        fprintf (stderr, "worker: %s\n", godwit_error_print (error));
    godwit_error_destroy (&error);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
    return result;
}
