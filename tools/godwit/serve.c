/* SPDX-License-Identifier: Apache-2.0 */
/* godwit serve: a server with a few methods, for trying. */
#include "tools/godwit/arguments.h"
#include "tools/godwit/cluster.h"
#include "tools/godwit/commands.h"
#include "tools/godwit/output.h"

#include <godwit/server.h>

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SLEEP_MAX_S 3600.0
#define SLICE_MS 20 /* how soon a sleeping handler learns that nobody waits for it */

typedef struct serve {
    common_t common;
    const char *exchange, *topic, *server, *name_space, *version;
    char own_name[64];
} serve_t;

/* ---- options ---- */

enum { KEY_SERVER = 0x100, KEY_NAMESPACE, KEY_VERSION };

static const struct argp_option options[] = {
    {"server", KEY_SERVER, "NAME", 0, "The name of the server (serve-PID)", 0},
    {"exchange", KEY_EXCHANGE, "NAME", 0, "The exchange of the topic (that of the transport)", 0},
    {"namespace", KEY_NAMESPACE, "NAME", 0, "The namespace of the methods (none)", 0},
    {"version", KEY_VERSION, "VERSION", 0, "Their version (1.0)", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static error_t
on_option (int key, char *text, struct argp_state *state)
{
    serve_t *self = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &self->common;
        return 0;
    case KEY_SERVER:
        self->server = text;
        return 0;
    case KEY_EXCHANGE:
        self->exchange = text;
        return 0;
    case KEY_NAMESPACE:
        self->name_space = text;
        return 0;
    case KEY_VERSION:
        self->version = text;
        return 0;
    case ARGP_KEY_ARG:
        if (self->topic)
            argp_error (state, "unexpected argument %s", text);
        self->topic = text;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error (state, "the TOPIC is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- methods ---- */

static godwit_status_t
echo (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (request, godwit_field_from (godwit_request_args (request)));
}

typedef struct sleep_args {
    double seconds;
} sleep_args_t;

static const godwit_slot_t sleep_slots[] = {
    GODWIT_SLOT (sleep_args_t, seconds, .doc = "how long to sleep, up to an hour")};

static godwit_status_t
sleep_method (godwit_request_t *request, void *self)
{
    const sleep_args_t *const args = godwit_request_params (request);
    const struct timespec slice = {0, SLICE_MS * INT64_C (1000000)};
    (void) self;
    if (!isfinite (args->seconds) || args->seconds < 0 || args->seconds > SLEEP_MAX_S) {
        godwit_error_t *error =
            godwit_error_new (GODWIT_ERR_INVALID_ARGUMENT, "args.seconds: expected 0 to %g", SLEEP_MAX_S);
        return godwit_request_fail (request, &error);
    }
    int64_t left_ms = (int64_t) (args->seconds * 1000);
    for (; left_ms >= SLICE_MS && !godwit_request_is_cancelled (request); left_ms -= SLICE_MS)
        nanosleep (&slice, NULL);
    if (left_ms > 0 && left_ms < SLICE_MS)
        nanosleep (&(struct timespec){0, left_ms * 1000000}, NULL);
    return godwit_request_reply (request, GODWIT_DOUBLE (NULL, args->seconds));
}

typedef struct fail_args {
    const char *message;
} fail_args_t;

static const godwit_slot_t fail_slots[] = {
    GODWIT_SLOT (fail_args_t, message, GODWIT_OPTIONAL, .doc = "the text of the error")};

static const godwit_error_class_t failed_as_asked = {"godwit.serve", "FailedAsAsked"};
static const godwit_error_class_t *const expected[] = {&failed_as_asked, NULL};

static godwit_status_t
fail_method (godwit_request_t *request, void *self)
{
    const fail_args_t *const args = godwit_request_params (request);
    (void) self;
    godwit_error_t *error =
        godwit_error_new_of (&failed_as_asked, "%s", args->message ? args->message : "as it was asked to");
    return godwit_request_fail (request, &error);
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD ("echo", echo, GODWIT_METHOD_EXPOSED, .doc = "Returns its arguments",
                   .result = "the arguments, a map"),
    GODWIT_METHOD_WITH ("sleep", sleep_method, sleep_args_t, sleep_slots,
                        GODWIT_METHOD_EXPOSED | GODWIT_METHOD_SLOW, .doc = "Sleeps",
                        .result = "the seconds, a double"),
    GODWIT_METHOD_WITH ("fail", fail_method, fail_args_t, fail_slots, GODWIT_METHOD_EXPOSED,
                        .expected = expected, .doc = "Fails"),
};

/* ---- life ---- */

static void
tell_ready (void *user)
{
    const serve_t *const self = user;
    godwit_builder_t *builder = NULL;
    if (self->common.json) {
        builder = godwit_builder_new ();
        godwit_builder_open_map (builder, NULL);
        godwit_builder_str (builder, "topic", self->topic);
        godwit_builder_str (builder, "server", self->server);
        godwit_builder_close (builder);
        output_built ("serve", &builder);
    } else {
        printf ("godwit serve: ready: %s/%s serves echo, sleep and fail, until SIGINT\n", self->topic,
                self->server);
    }
    fflush (stdout);
}

static int
run (serve_t *self, const cluster_t *cluster)
{
    godwit_server_t *server = NULL;
    godwit_error_t *error = NULL;
    const godwit_endpoint_t endpoint =
        GODWIT_ENDPOINT (methods, .name_space = self->name_space, .version = self->version);
    godwit_status_t status = godwit_server_new (
        &server, cluster->transport,
        GODWIT_TARGET (.exchange = self->exchange, .topic = self->topic, .server = self->server), &endpoint,
        1, NULL, &error);
    if (!status)
        status = godwit_server_run (
            server, GODWIT_RUN_OPTIONS (.drain_timeout_ms = 5000, .started = tell_ready, .user = self),
            &error);
    godwit_server_destroy (&server);
    if (!status)
        return EXIT_SUCCESS;
    return cluster_fail (&self->common, &error,
                         status == GODWIT_ERR_INVALID_ARGUMENT ? STATUS_USAGE : STATUS_FAILED);
}

const struct argp argp_of_serve = {
    .options = options,
    .children = common_children,
    .parser = on_option,
    .args_doc = "TOPIC",
    .doc = "Serve a few methods, for trying, until SIGINT or SIGTERM.\v"
           "The methods: echo returns its arguments; sleep sleeps for \"seconds\"; fail fails, with "
           "\"message\". A "
           "line says when it is ready.\n\n"
           "Examples:\n\n"
           "  godwit serve stock\n"
           "  godwit serve stock --server=one\n"
           "  godwit serve stock --namespace=billing --version=2.1\n\n"
           "Exit status: 0; 1 for a failure; 2 for arguments that make no sense.\n"};

int
command_serve (int argc, char **argv)
{
    serve_t self = {.common = COMMON_OF ("serve")};
    cluster_t cluster = {.common = &self.common};
    godwit_error_t *error = NULL;
    argp_err_exit_status = STATUS_USAGE;
    argp_parse (&argp_of_serve, argc, argv, 0, NULL, &self);
    snprintf (self.own_name, sizeof self.own_name, "serve-%ld", (long) getpid ());
    if (!self.server)
        self.server = self.own_name;
    int status = EXIT_SUCCESS;
    if (godwit_transport_new (
            &cluster.transport, common_url (&self.common),
            GODWIT_TRANSPORT_OPTIONS (.log = godwit_log_stderr, .log_level = GODWIT_LOG_WARNING), &error))
        status = cluster_fail (&self.common, &error, STATUS_FAILED);
    else
        status = run (&self, &cluster);
    cluster_leave (&cluster);
    return output_end ("serve", status);
}
