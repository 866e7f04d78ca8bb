/* SPDX-License-Identifier: Apache-2.0 */
/* A server and a client in the event loop of libuv. The library has no thread here: a uv_poll_t watches
 * godwit_transport_fd, and handlers and callbacks run in godwit_transport_process. */
#include <godwit/godwit.h>

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#define TICK_MS 20

struct program {
    const char *url;
    const char *name;
    const char *peer;
    int64_t calls;
    int64_t asked;
    int64_t answered;
    bool failed;
    godwit_transport_t *transport;
    godwit_server_t *server;
    godwit_client_t *client;
    uv_loop_t loop;
    uv_poll_t transport_handle;
    uv_timer_t timer;
    uv_signal_t interrupt;
    uv_signal_t terminate;
};

static error_t
parse (int key, char *text, struct argp_state *state)
{
    struct program *program = state->input;
    char *end;
    switch (key) {
    case 'u':
        program->url = text;
        return 0;
    case 'n':
        program->name = text;
        return 0;
    case 'p':
        program->peer = text;
        return 0;
    case 'c':
        program->calls = strtol (text, &end, 10);
        if (end == text || *end != '\0' || program->calls < 0)
            argp_error (state, "not a count: %s", text);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- the server's side ---- */

struct square_args {
    int32_t number;
};

static const godwit_slot_t square_slots[] = {GODWIT_SLOT (struct square_args, number)};

static godwit_status_t
square (godwit_request_t *request, void *self)
{
    (void) self;
    const struct square_args *args = godwit_request_params (request);
    return godwit_request_reply (request, GODWIT_INT (NULL, (int64_t) args->number * args->number));
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD_WITH ("square", square, struct square_args, square_slots, 0),
};

/* ---- the client's side ---- */

static void
on_reply (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    struct program *program = user;
    if (status != GODWIT_OK) {
        fprintf (stderr, "%s: %s\n", program->name, godwit_error_print (error));
        program->failed = true;
        return;
    }
    program->answered++;
    if (program->answered == program->calls)
        printf ("%s: %" PRId64 " answers of %s, the last is %" PRId64 "\n", program->name, program->answered,
                program->peer, godwit_value_as_int (result, -1));
    fflush (stdout);
}

static void
on_tick (uv_timer_t *timer)
{
    struct program *program = timer->data;
    if (program->asked == program->calls) {
        uv_timer_stop (timer);
        return;
    }
    program->asked++;
    godwit_error_t *error = NULL;
    if (godwit_client_call_async (program->client, NULL, "square",
                                  GODWIT_ARGS (GODWIT_INT ("number", program->asked)), on_reply, program,
                                  &error) != GODWIT_OK) {
        fprintf (stderr, "%s: %s\n", program->name, godwit_error_print (error));
        godwit_error_destroy (&error);
        program->failed = true;
    }
}

/* ---- the loop ---- */

static void
on_transport (uv_poll_t *handle, int status, int events)
{
    (void) events;
    struct program *program = handle->data;
    if (status < 0 || godwit_transport_process (program->transport, 0, NULL) != GODWIT_OK) {
        program->failed = true;
        uv_stop (&program->loop);
    }
}

static void
on_signal (uv_signal_t *handle, int number)
{
    (void) number;
    uv_stop (handle->loop);
}

static int
join_loop (struct program *program)
{
    uv_timer_init (&program->loop, &program->timer);
    uv_signal_init (&program->loop, &program->interrupt);
    uv_signal_init (&program->loop, &program->terminate);
    program->timer.data = program->transport_handle.data = program;
    int result =
        uv_poll_init (&program->loop, &program->transport_handle, godwit_transport_fd (program->transport));
    if (result == 0)
        result = uv_poll_start (&program->transport_handle, UV_READABLE, on_transport);
    if (result == 0)
        result = uv_timer_start (&program->timer, on_tick, TICK_MS, TICK_MS);
    if (result == 0)
        result = uv_signal_start (&program->interrupt, on_signal, SIGINT);
    if (result == 0)
        result = uv_signal_start (&program->terminate, on_signal, SIGTERM);
    return result;
}

static void
close_handle (uv_handle_t *handle, void *unused)
{
    (void) unused;
    uv_close (handle, NULL);
}

/* Before the transport is destroyed, whose descriptor the loop watches. */
static void
close_loop (struct program *program)
{
    uv_walk (&program->loop, close_handle, NULL);
    uv_run (&program->loop, UV_RUN_DEFAULT);
    uv_loop_close (&program->loop);
}

int
main (int argc, char **argv)
{
    static const struct argp_option options[] = {
        {.name = "url", .key = 'u', .arg = "URL", .doc = "Transport URL (GODWIT_URL, or zmq://)"},
        {.name = "name", .key = 'n', .arg = "NAME", .doc = "Who this is (libuv)"},
        {.name = "peer", .key = 'p', .arg = "NAME", .doc = "Whom it calls (epoll)"},
        {.name = "calls", .key = 'c', .arg = "COUNT", .doc = "Calls to make, one a tick (10)"},
        {0},
    };
    static const struct argp parser = {
        .options = options, .parser = parse, .doc = "A server and a client in a libuv loop."};
    struct program program = {.url = getenv ("GODWIT_URL"), .name = "libuv", .peer = "epoll", .calls = 10};
    argp_parse (&parser, argc, argv, 0, NULL, &program);
    if (!program.url)
        program.url = "zmq://";

    godwit_error_t *error = NULL;
    bool good = false;
    if (godwit_transport_new (&program.transport, program.url,
                              GODWIT_TRANSPORT_OPTIONS (.external_loop = true, .log = godwit_log_stderr,
                                                        .log_level = GODWIT_LOG_WARNING),
                              &error) == GODWIT_OK &&
        godwit_server_new (&program.server, program.transport,
                           GODWIT_TARGET (.topic = "squares", .server = program.name),
                           &GODWIT_ENDPOINT (methods, .version = "1.0"), 1, NULL, &error) == GODWIT_OK &&
        godwit_client_new (&program.client, program.transport,
                           GODWIT_TARGET (.topic = "squares", .server = program.peer),
                           GODWIT_CLIENT_OPTIONS (.timeout_ms = 10000), &error) == GODWIT_OK &&
        godwit_server_start (program.server, NULL, &error) == GODWIT_OK) {
        int status = uv_loop_init (&program.loop);
        if (status == 0) {
            status = join_loop (&program);
            if (status == 0) {
                puts ("ready");
                fflush (stdout);
                uv_run (&program.loop, UV_RUN_DEFAULT);
            }
            close_loop (&program);
        }
        good = status == 0;
        if (!good)
            fprintf (stderr, "%s: %s\n", program.name, uv_strerror (status));
    } else {
        fprintf (stderr, "%s: %s\n", program.name, godwit_error_print (error));
    }
    good = good && !program.failed;
    godwit_error_destroy (&error);
    godwit_client_destroy (&program.client);
    godwit_server_destroy (&program.server);
    godwit_transport_destroy (&program.transport);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
