/* SPDX-License-Identifier: Apache-2.0 */
/* A server and a client in an event loop of their own, made of epoll, timerfd and signalfd. The library has
 * no thread here: godwit_transport_fd joins the loop's descriptors, and handlers and callbacks run in
 * godwit_transport_process. */
#include <godwit/godwit.h>

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define TICK_MS 20

struct program {
    const char *url;
    const char *name;
    const char *peer;
    int64_t calls;
    int64_t asked;
    int64_t answered;
    bool failed;
    bool ended;
    int epoll_fd;
    int timer_fd;
    int signal_fd;
    godwit_transport_t *transport;
    godwit_server_t *server;
    godwit_client_t *client;
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
on_tick (struct program *program)
{
    uint64_t expirations;
    if (read (program->timer_fd, &expirations, sizeof expirations) < 0 || program->asked == program->calls)
        return;
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

static bool
watch (int epoll_fd, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return fd >= 0 && epoll_ctl (epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool
open_loop (struct program *program)
{
    sigset_t signals;
    sigemptyset (&signals);
    sigaddset (&signals, SIGINT);
    sigaddset (&signals, SIGTERM);
    pthread_sigmask (SIG_BLOCK, &signals, NULL);
    const struct itimerspec tick = {.it_interval = {.tv_nsec = TICK_MS * 1000000},
                                    .it_value = {.tv_nsec = TICK_MS * 1000000}};
    program->signal_fd = signalfd (-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    program->timer_fd = timerfd_create (CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    program->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
    return program->timer_fd >= 0 && timerfd_settime (program->timer_fd, 0, &tick, NULL) == 0 &&
           program->epoll_fd >= 0 && watch (program->epoll_fd, program->signal_fd) &&
           watch (program->epoll_fd, program->timer_fd) &&
           watch (program->epoll_fd, godwit_transport_fd (program->transport));
}

static bool
run_loop (struct program *program)
{
    while (!program->ended) {
        struct epoll_event events[8];
        const int count = epoll_wait (program->epoll_fd, events, 8, -1);
        if (count < 0 && errno != EINTR)
            return false;
        for (int at = 0; at < count; at++) {
            if (events[at].data.fd == program->signal_fd)
                program->ended = true;
            else if (events[at].data.fd == program->timer_fd)
                on_tick (program);
            else if (godwit_transport_process (program->transport, 0, NULL) != GODWIT_OK)
                return false;
        }
    }
    return true;
}

int
main (int argc, char **argv)
{
    static const struct argp_option options[] = {
        {.name = "url", .key = 'u', .arg = "URL", .doc = "Transport URL (GODWIT_URL, or zmq://)"},
        {.name = "name", .key = 'n', .arg = "NAME", .doc = "Who this is (epoll)"},
        {.name = "peer", .key = 'p', .arg = "NAME", .doc = "Whom it calls (libuv)"},
        {.name = "calls", .key = 'c', .arg = "COUNT", .doc = "Calls to make, one a tick (10)"},
        {0},
    };
    static const struct argp parser = {
        .options = options, .parser = parse, .doc = "A server and a client in an epoll loop."};
    struct program program = {.url = getenv ("GODWIT_URL"),
                              .name = "epoll",
                              .peer = "libuv",
                              .calls = 10,
                              .epoll_fd = -1,
                              .timer_fd = -1,
                              .signal_fd = -1};
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
        if (open_loop (&program)) {
            puts ("ready");
            fflush (stdout);
            good = run_loop (&program);
        }
        if (!good)
            fprintf (stderr, "%s: the loop failed: %s\n", program.name, strerror (errno));
    } else {
        fprintf (stderr, "%s: %s\n", program.name, godwit_error_print (error));
    }
    good = good && !program.failed;
    godwit_error_destroy (&error);
    godwit_client_destroy (&program.client);
    godwit_server_destroy (&program.server);
    godwit_transport_destroy (&program.transport);
    close (program.epoll_fd);
    close (program.timer_fd);
    close (program.signal_fd);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
