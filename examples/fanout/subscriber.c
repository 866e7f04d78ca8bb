/* SPDX-License-Identifier: Apache-2.0 */
/* Holds a setting that is changed for all subscribers at once. */
#include <godwit/godwit.h>

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct arguments {
    const char *url;
    const char *name;
};

/* What it holds. Handlers run one at a time. */
struct setting {
    const char *name;
    int64_t revision; /* 0: none yet */
    char colour[32];
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

struct configure_args {
    int64_t revision;
    const char *colour;
};

static const godwit_slot_t configure_slots[] = {
    GODWIT_SLOT (struct configure_args, revision),
    GODWIT_SLOT (struct configure_args, colour),
};

static godwit_status_t
configure (godwit_request_t *request, void *self)
{
    struct setting *setting = self;
    const struct configure_args *args = godwit_request_params (request);
    setting->revision = args->revision;
    snprintf (setting->colour, sizeof setting->colour, "%s", args->colour);
    printf ("%s: revision %" PRId64 " is %s\n", setting->name, args->revision, args->colour);
    fflush (stdout);
    return GODWIT_OK; /* a cast has no reply */
}

static godwit_status_t
current (godwit_request_t *request, void *self)
{
    const struct setting *setting = self;
    if (setting->revision == 0) {
        godwit_error_t *error = godwit_error_new_typed ("settings", "NothingYet", "no setting has come yet");
        return godwit_request_fail (request, &error);
    }
    return godwit_request_reply (request, GODWIT_MAP (NULL, GODWIT_INT ("revision", setting->revision),
                                                      GODWIT_STR ("colour", setting->colour)));
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD_WITH ("configure", configure, struct configure_args, configure_slots, 0),
    GODWIT_METHOD ("current", current, 0),
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
        .options = options, .parser = parse, .args_doc = "NAME", .doc = "A subscriber of \"settings\"."};
    struct arguments arguments = {.url = getenv ("GODWIT_URL")};
    argp_parse (&parser, argc, argv, 0, NULL, &arguments);
    if (!arguments.url)
        arguments.url = "zmq://";

    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;
    godwit_error_t *error = NULL;
    struct setting setting = {.name = arguments.name};
    int result = EXIT_FAILURE;
    /* One handler at a time: settings are applied in the order of one publisher. */
    if (godwit_transport_new (
            &transport, arguments.url,
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING),
            &error) == GODWIT_OK &&
        godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "settings", .server = arguments.name),
                           &GODWIT_ENDPOINT (methods, .self = &setting), 1,
                           GODWIT_SERVER_OPTIONS (.concurrency = 1), &error) == GODWIT_OK &&
        godwit_server_run (server, GODWIT_RUN_OPTIONS (.started = say_ready), &error) == GODWIT_OK)
        result = EXIT_SUCCESS;
    else
        fprintf (stderr, "subscriber: %s\n", godwit_error_print (error));
    godwit_error_destroy (&error);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
    return result;
}
