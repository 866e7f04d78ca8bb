/* SPDX-License-Identifier: Apache-2.0 */
/* Rendezvous points that are out of reach, that do not answer, and that come later: what is said of servers
 * that nobody has told of, and waiting until somebody has (godwit_transport_wait_ready). */
#include <criterion/criterion.h>
#include <godwit/godwit.h>

#include "src/runtime/transport.h"
#include "tests/support/must.h"
#include "tests/support/process.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_LIMIT_MS PROCESS_WAIT_LIMIT_MS

/* ---- a world whose rendezvous is not there ---- */

typedef struct world {
    char url[64];
    char address[64];
    godwit_transport_t *transport;
    godwit_transport_t *hosting; /* hosts the rendezvous, and has a server */
    godwit_server_t *server;
} world_t;

static godwit_status_t
nothing (godwit_request_t *request, void *self)
{
    (void) request;
    (void) self;
    return GODWIT_OK;
}

static void
open_world (world_t *world, bool external_loop)
{
    const int port = free_port ();
    *world = (world_t){.transport = NULL};
    snprintf (world->url, sizeof world->url, "zmq://127.0.0.1:%d/?insecure=true", port);
    snprintf (world->address, sizeof world->address, "tcp://127.0.0.1:%d", port);
    MUST (godwit_transport_new (&world->transport, world->url,
                                GODWIT_TRANSPORT_OPTIONS (.external_loop = external_loop), &error));
}

/* The rendezvous comes, with a server. */
static void
bring_server (world_t *world)
{
    static const godwit_method_t methods[] = {GODWIT_METHOD ("nothing", nothing, 0)};
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods);
    char url[96];
    snprintf (url, sizeof url, "%s&host_rendezvous=true", world->url);
    MUST (godwit_transport_new (&world->hosting, url, NULL, &error));
    MUST (godwit_server_new (&world->server, world->hosting, GODWIT_TARGET (.topic = "work", .server = "one"),
                             &endpoint, 1, NULL, &error));
    MUST (godwit_server_start (world->server, NULL, &error));
}

static void
close_world (world_t *world)
{
    godwit_server_destroy (&world->server);
    godwit_transport_destroy (&world->transport);
    godwit_transport_destroy (&world->hosting);
}

static godwit_client_t *
client_of (const world_t *world, const godwit_client_options_t *options)
{
    godwit_client_t *client = NULL;
    MUST (godwit_client_new (&client, world->transport, GODWIT_TARGET (.topic = "work"), options, &error));
    return client;
}

/* What was called fails like this, because of the rendezvous, and long before its time is over. */
static void
expect_failure (const world_t *world, godwit_status_t got, godwit_error_t *error, const char *because,
                int64_t began_ms)
{
    cr_assert_eq (got, GODWIT_ERR_DELIVERY_FAILURE, "%s", got ? godwit_error_print (error) : "OK");
    cr_assert_eq (godwit_error_outcome (error), GODWIT_OUTCOME_NOT_SENT);
    const char *const text = godwit_error_message (error);
    cr_assert (strstr (text, because) && strstr (text, world->address), "%s", text);
    cr_assert_lt (process_now_ms () - began_ms, WAIT_LIMIT_MS / 2);
    godwit_error_destroy (&error);
}

/* Fanouts of both kinds. */
static void
expect_fanouts_fail (const world_t *world, godwit_client_options_t options, const char *because)
{
    godwit_client_t *client = client_of (world, &options);
    godwit_fanout_result_t *result = NULL;
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
    godwit_error_t *error = NULL;
    int64_t began_ms = process_now_ms ();
    godwit_status_t got = godwit_client_fanout (client, NULL, "nothing", GODWIT_NO_ARGS, &report, &error);
    expect_failure (world, got, error, because, began_ms);
    error = NULL;
    began_ms = process_now_ms ();
    got = godwit_client_fanout_call (client, NULL, "nothing", GODWIT_NO_ARGS, &result, &error);
    expect_failure (world, got, error, because, began_ms);
    cr_assert_null (result);
    godwit_client_destroy (&client);
}

/* A call, a cast and a future of a client that does not wait for a server. */
static void
expect_calls_fail (const world_t *world, godwit_client_options_t options, const char *because)
{
    godwit_client_t *client = client_of (world, &options);
    godwit_future_t *future = NULL;
    godwit_error_t *error = NULL;
    const int64_t began_ms = process_now_ms ();
    godwit_status_t got = godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error);
    expect_failure (world, got, error, because, began_ms);
    error = NULL;
    got = godwit_client_cast (client, NULL, "nothing", GODWIT_NO_ARGS, &error);
    expect_failure (world, got, error, because, began_ms);
    error = NULL;
    /* It may fail at once, or later. */
    got = godwit_client_call_future (client, NULL, "nothing", GODWIT_NO_ARGS, &future, &error);
    if (got == GODWIT_OK)
        got = godwit_future_wait (future, -1, NULL, NULL, &error);
    expect_failure (world, got, error, because, began_ms);
    godwit_future_destroy (&future);
    godwit_client_destroy (&client);
}

static void
expect_not_ready (const world_t *world, int64_t timeout_ms, const char *because)
{
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit_transport_wait_ready (world->transport, timeout_ms, &error), GODWIT_ERR_TIMEOUT);
    cr_assert_eq (godwit_error_outcome (error), GODWIT_OUTCOME_NONE);
    cr_assert (strstr (godwit_error_message (error), because), "%s", godwit_error_message (error));
    cr_assert (timeout_ms == 0 || strstr (godwit_error_message (error), world->address), "%s",
               godwit_error_message (error));
    godwit_error_destroy (&error);
}

Test (ready, nobody_is_said_to_be_there_when_none_is_in_reach, .timeout = 60)
{
    for (int external_loop = 0; external_loop < 2; external_loop++) {
        world_t world;
        open_world (&world, external_loop);
        const char *const because = "no rendezvous can be reached: ";
        const godwit_client_options_t plain = *GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS);
        godwit_client_options_t mandatory = plain, once = plain;
        mandatory.mandatory = GODWIT_YES;
        once.retry = GODWIT_RETRY_NONE;
        expect_fanouts_fail (&world, plain, because);
        expect_fanouts_fail (&world, mandatory, because);
        expect_calls_fail (&world, mandatory, because);
        expect_calls_fail (&world, once, because);
        expect_not_ready (&world, 50, because);
        close_world (&world);
    }
}

/* Something listens at the address, and says nothing. Returns its socket. */
static int
open_silent_world (world_t *world, bool external_loop, int port)
{
    open_world (world, external_loop);
    godwit_transport_destroy (&world->transport);
    const int listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl (INADDR_LOOPBACK),
        .sin_port = htons ((uint16_t) strtol (strrchr (world->address, ':') + 1, NULL, 10))};
    cr_assert (listener >= 0 && bind (listener, (const struct sockaddr *) &address, sizeof address) == 0 &&
               listen (listener, 16) == 0);
    MUST (godwit_transport_new (&world->transport, world->url,
                                GODWIT_TRANSPORT_OPTIONS (.external_loop = external_loop, .port = port,
                                                          .connect_timeout_ms = WAIT_LIMIT_MS),
                                &error));
    return listener;
}

Test (ready, silence_is_not_nobody, .timeout = 60)
{
    for (int external_loop = 0; external_loop < 2; external_loop++) {
        world_t world;
        const int listener = open_silent_world (&world, external_loop, 0);
        expect_not_ready (&world, 50, "no rendezvous has told yet");
        expect_fanouts_fail (&world, *GODWIT_CLIENT_OPTIONS (.timeout_ms = 100),
                             "no rendezvous has told yet");
        close_world (&world);
        close (listener);
    }
}

/* ---- where nothing can be waited for ---- */

/* In the program's own loop: nothing can be told while a handler waits there. */
static godwit_status_t
ask_in_the_loop (godwit_request_t *request, void *self)
{
    const world_t *world = self;
    const godwit_client_options_t mandatory =
        *GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS, .mandatory = GODWIT_YES);
    godwit_client_t *client = client_of (world, &mandatory);
    for (int i = 0; i < 2; i++) {
        const int64_t began_ms = process_now_ms ();
        godwit_error_t *failure = NULL;
        const godwit_status_t got =
            i ? godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &failure)
              : godwit_client_fanout (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &failure);
        expect_failure (world, got, failure, "no rendezvous has told yet", began_ms);
    }
    cr_assert_eq (godwit_transport_wait_ready (world->transport, -1, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    godwit_client_destroy (&client);
    return godwit_request_reply (request, GODWIT_NIL (NULL));
}

Test (ready, a_handler_in_the_programs_loop_does_not_wait, .timeout = 60)
{
    static const godwit_method_t methods[] = {GODWIT_METHOD ("ask", ask_in_the_loop, 0)};
    const int port = free_port ();
    world_t world;
    char url[96];
    godwit_client_t *client = NULL;
    godwit_future_t *future = NULL;
    bool finished = false;
    const int listener = open_silent_world (&world, true, port);
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .self = &world);
    MUST (godwit_server_new (&world.server, world.transport, GODWIT_TARGET (.topic = "ask", .server = "one"),
                             &endpoint, 1, NULL, &error));
    MUST (godwit_server_start (world.server, NULL, &error));
    /* Whoever asks it has it in a list. */
    snprintf (url, sizeof url, "zmq:///?insecure=true&static=ask/one@tcp://127.0.0.1:%d", port);
    MUST (godwit_transport_new (&world.hosting, url, NULL, &error));
    MUST (godwit_client_new (&client, world.hosting, GODWIT_TARGET (.topic = "ask"), NULL, &error));
    MUST (godwit_client_call_future (client, NULL, "ask", GODWIT_NO_ARGS, &future, &error));
    while (!finished) {
        MUST (godwit_transport_process (world.transport, 10, &error));
        godwit_future_wait (future, 0, &finished, NULL, NULL);
    }
    MUST (godwit_future_wait (future, 0, NULL, NULL, &error));
    godwit_future_destroy (&future);
    godwit_client_destroy (&client);
    close_world (&world);
    close (listener);
}

static void
on_reply (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    world_t *world = user;
    (void) status;
    (void) result;
    (void) error;
    cr_assert_eq (godwit_transport_wait_ready (world->transport, 0, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    strcpy (world->address, "called back");
}

Test (ready, a_callback_does_not_wait, .timeout = 60)
{
    for (int external_loop = 0; external_loop < 2; external_loop++) {
        world_t world;
        open_world (&world, external_loop);
        godwit_client_t *client = client_of (&world, GODWIT_CLIENT_OPTIONS (.timeout_ms = 20));
        MUST (godwit_client_call_async (client, NULL, "nothing", GODWIT_NO_ARGS, on_reply, &world, &error));
        godwit_client_destroy (&client); /* its callbacks have run then */
        cr_assert_str_eq (world.address, "called back");
        close_world (&world);
    }
    cr_assert_eq (godwit_transport_wait_ready (NULL, 0, NULL), GODWIT_ERR_INVALID_ARGUMENT);
}

/* ---- waiting ---- */

Test (ready, a_rendezvous_that_comes_later, .timeout = 60)
{
    for (int external_loop = 0; external_loop < 2; external_loop++) {
        world_t world;
        godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
        godwit_future_t *future = NULL;
        open_world (&world, external_loop);
        godwit_client_t *client = client_of (&world, GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS));
        expect_not_ready (&world, 0, "no ");
        expect_not_ready (&world, 100, "no rendezvous can be reached: ");
        MUST (godwit_client_call_future (client, NULL, "nothing", GODWIT_NO_ARGS, &future, &error));
        bring_server (&world);
        MUST (godwit_transport_wait_ready (world.transport, -1, &error));
        MUST (godwit_client_fanout (client, NULL, "nothing", GODWIT_NO_ARGS, &report, &error));
        cr_assert (report.reached == 1 && report.missing == 0, "%u, %u", report.reached, report.missing);
        MUST (godwit_future_wait (future, -1, NULL, NULL, &error));
        /* Once ready, always ready: what was told stays known. */
        godwit_server_destroy (&world.server);
        godwit_transport_destroy (&world.hosting);
        MUST (godwit_transport_wait_ready (world.transport, 0, &error));
        godwit_future_destroy (&future);
        godwit_client_destroy (&client);
        close_world (&world);
    }
}

Test (ready, lists_and_registries_are_ready_at_once, .timeout = 60)
{
    char own[64];
    snprintf (own, sizeof own, "zmq://:%d/", free_port ()); /* it hosts the rendezvous itself */
    const char *const urls[] = {"inproc://ready/", "zmq:///?insecure=true&static=work/one@tcp://127.0.0.1:1",
                                own};
    for (size_t i = 0; i < 2 * sizeof urls / sizeof urls[0]; i++) {
        godwit_transport_t *transport = NULL;
        MUST (godwit_transport_new (&transport, urls[i / 2],
                                    GODWIT_TRANSPORT_OPTIONS (.external_loop = i % 2 != 0), &error));
        MUST (godwit_transport_wait_ready (transport, WAIT_LIMIT_MS, &error));
        godwit_transport_destroy (&transport);
    }
}

/* ---- changes of the transport meanwhile ---- */

typedef struct changing {
    godwit_transport_t *transport;
    atomic_bool ends;
} changing_t;

static void *
change_all_the_time (void *user)
{
    changing_t *const changing = user;
    while (!atomic_load (&changing->ends)) {
        pthread_mutex_lock (&changing->transport->lock);
        godwit__transport_changed (changing->transport);
        godwit__transport_unlock (changing->transport);
    }
    return NULL;
}

/* All names are told, and nobody has this one: another change does not make that uncertain. */
Test (ready, what_was_told_counts_whatever_else_changes, .timeout = 60)
{
    enum { CALLS = 5000 };
    char url[64];
    pthread_t thread;
    changing_t changing = {.transport = NULL};
    godwit_client_t *client = NULL;
    unsigned accepted = 0;
    snprintf (url, sizeof url, "zmq://:%d/", free_port ()); /* it hosts the rendezvous itself */
    MUST (godwit_transport_new (&changing.transport, url, NULL, &error));
    MUST (godwit_client_new (&client, changing.transport, GODWIT_TARGET (.topic = "elsewhere"),
                             GODWIT_CLIENT_OPTIONS (.mandatory = GODWIT_YES), &error));
    MUST (godwit_transport_wait_ready (changing.transport, WAIT_LIMIT_MS, &error));
    cr_assert_eq (pthread_create (&thread, NULL, change_all_the_time, &changing), 0);
    for (int i = 0; i < CALLS; i++) {
        godwit_future_t *future = NULL;
        accepted +=
            godwit_client_call_future (client, NULL, "nothing", GODWIT_NO_ARGS, &future, NULL) == GODWIT_OK;
        godwit_future_destroy (&future);
    }
    atomic_store (&changing.ends, true);
    pthread_join (thread, NULL);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&changing.transport);
    cr_assert_eq (accepted, 0u, "%u calls were accepted", accepted);
}

typedef struct waiting {
    world_t *world;
    godwit_status_t status;
} waiting_t;

static void *
wait_ready (void *user)
{
    waiting_t *waiting = user;
    waiting->status = godwit_transport_wait_ready (waiting->world->transport, -1, NULL);
    return NULL;
}

Test (ready, wait_ready_ends_with_the_transport, .timeout = 60)
{
    world_t world;
    pthread_t thread;
    open_world (&world, false);
    waiting_t waiting = {.world = &world};
    godwit_client_t *client = client_of (&world, NULL); /* the transport's memory stays as long as it */
    cr_assert_eq (pthread_create (&thread, NULL, wait_ready, &waiting), 0);
    expect_not_ready (&world, 100, "no rendezvous can be reached: "); /* by then it waits, too, most likely */
    godwit_transport_t *transport = world.transport;
    godwit_transport_destroy (&transport);
    pthread_join (thread, NULL);
    cr_assert_eq (waiting.status, GODWIT_ERR_CLOSED);
    godwit_client_destroy (&client);
    world.transport = NULL;
    close_world (&world);
}
