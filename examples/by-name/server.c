/* SPDX-License-Identifier: Apache-2.0 */
/* A sensor that is asked by name: each server of the topic "sensors" has data that no other has. */
#include <godwit/godwit.h>

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>

struct arguments {
    const char *url;
    const char *name;
    double reading;
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
    case ARGP_KEY_ARG:
        if (state->arg_num == 0)
            arguments->name = text;
        else if (state->arg_num > 1)
            argp_usage (state);
        else if (arguments->reading = strtod (text, &end), end == text || *end != '\0')
            argp_error (state, "not a number: %s", text);
        return 0;
    case ARGP_KEY_END:
        if (state->arg_num < 2)
            argp_usage (state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static godwit_status_t
read_sensor (godwit_request_t *request, void *self)
{
    const struct arguments *arguments = self;
    return godwit_request_reply (request, GODWIT_MAP (NULL, GODWIT_STR ("sensor", arguments->name),
                                                      GODWIT_DOUBLE ("celsius", arguments->reading)));
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("read", read_sensor, 0)};

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
        .options = options, .parser = parse, .args_doc = "NAME CELSIUS", .doc = "A sensor with a name."};
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
        godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "sensors", .server = arguments.name),
                           &GODWIT_ENDPOINT (methods, .self = &arguments), 1, NULL, &error) == GODWIT_OK &&
        godwit_server_run (server, GODWIT_RUN_OPTIONS (.started = say_ready), &error) == GODWIT_OK)
        result = EXIT_SUCCESS;
    else
        fprintf (stderr, "server: %s\n", godwit_error_print (error));
    godwit_error_destroy (&error);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
    return result;
}
