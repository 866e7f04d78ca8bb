/* SPDX-License-Identifier: Apache-2.0 */
/* Reads sensors by name. If one is not there, no other answers in its place: the error says that nothing was
 * run. */
#include <godwit/godwit.h>

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>

struct arguments {
    const char *url;
    char **names;
    bool mandatory;
};

static error_t
parse (int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 'u':
        arguments->url = text;
        return 0;
    case 'm':
        arguments->mandatory = true;
        return 0;
    case ARGP_KEY_ARGS:
        arguments->names = state->argv + state->next;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_usage (state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Prints the reading, or why there is none. */
static bool
read_sensor (godwit_client_t *sensors, const char *name)
{
    godwit_client_t *sensor = NULL; /* the same client with another target: prepare is cheap */
    godwit_value_t *reply = NULL;
    godwit_error_t *error = NULL;
    bool done = false;
    if (godwit_client_prepare (&sensor, sensors, GODWIT_OVERRIDES (.server = name), &error) == GODWIT_OK &&
        godwit_client_call (sensor, NULL, "read", GODWIT_NO_ARGS, &reply, &error) == GODWIT_OK) {
        done = true;
        printf ("%s: %.1f C, says %s\n", name,
                godwit_value_as_double (godwit_value_get (reply, "celsius"), 0),
                godwit_value_as_str (godwit_value_get (reply, "sensor"), "?"));
    } else {
        printf ("%s: no reading, outcome %s\n", name, godwit_outcome_name (godwit_error_outcome (error)));
        fprintf (stderr, "client: %s\n", godwit_error_print (error));
    }
    fflush (stdout);
    godwit_error_destroy (&error);
    godwit_value_unref (&reply);
    godwit_client_destroy (&sensor);
    return done;
}

int
main (int argc, char **argv)
{
    static const struct argp_option options[] = {
        {.name = "url", .key = 'u', .arg = "URL", .doc = "Transport URL (GODWIT_URL, or zmq://)"},
        {.name = "mandatory", .key = 'm', .doc = "Do not wait for a sensor that nobody knows"},
        {0},
    };
    static const struct argp parser = {
        .options = options, .parser = parse, .args_doc = "NAME...", .doc = "Reads sensors by name."};
    struct arguments arguments = {.url = getenv ("GODWIT_URL")};
    argp_parse (&parser, argc, argv, 0, NULL, &arguments);
    if (!arguments.url)
        arguments.url = "zmq://";

    godwit_transport_t *transport = NULL;
    godwit_client_t *sensors = NULL;
    godwit_error_t *error = NULL;
    int result = EXIT_SUCCESS;
    if (godwit_transport_new (
            &transport, arguments.url,
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        godwit_client_new (&sensors, transport, GODWIT_TARGET (.topic = "sensors"),
                           GODWIT_CLIENT_OPTIONS (.timeout_ms = 2000,
                                                  .mandatory = arguments.mandatory ? GODWIT_YES : GODWIT_NO),
                           &error) == GODWIT_OK) {
        for (char **name = arguments.names; *name; name++) {
            if (!read_sensor (sensors, *name))
                result = EXIT_FAILURE;
        }
    } else {
        fprintf (stderr, "client: %s\n", godwit_error_print (error));
        result = EXIT_FAILURE;
    }
    godwit_error_destroy (&error);
    godwit_client_destroy (&sensors);
    godwit_transport_destroy (&transport);
    return result;
}
