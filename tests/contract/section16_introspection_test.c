/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 16: what a server tells of itself to whoever asks. */
#include "tests/contract/contract.h"

#include "tests/support/await.h"

#include <stdio.h>
#include <unistd.h>

/* ---- asking ---- */

static godwit_client_t *
asking (const core_t *core, const char *server)
{
    godwit_client_t *client = NULL;
    MUST (godwit_client_new (&client, core->calling,
                             GODWIT_TARGET (.topic = "work", .server = server,
                                            .name_space = "godwit.introspection", .version = "1.0"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS), &error));
    return client;
}

/* The caller gives it back. */
static godwit_value_t *
ask (const core_t *core, const char *method, godwit_fields_t args)
{
    godwit_client_t *client = asking (core, NULL);
    godwit_value_t *answer = NULL;
    MUST (godwit_client_call (client, NULL, method, args, &answer, &error));
    godwit_client_destroy (&client);
    return answer;
}

static const char *
text_at (const godwit_value_t *map, const char *key)
{
    return godwit_value_as_str (godwit_value_get (map, key), "");
}

static int64_t
int_at (const godwit_value_t *map, const char *key)
{
    return godwit_value_as_int (godwit_value_get (map, key), -1);
}

/* The entry of a list of maps whose `name` is this; NULL: none. */
static const godwit_value_t *
named (const godwit_value_t *list, const char *key, const char *name)
{
    for (size_t i = 0; i < godwit_value_count (list); i++)
        if (!strcmp (text_at (godwit_value_at (list, i), key), name))
            return godwit_value_at (list, i);
    return NULL;
}

/* ---- rows ---- */

static void
describe_tells_methods (core_t *core)
{
    godwit_value_t *answer = ask (core, "describe", GODWIT_NO_ARGS);
    const godwit_value_t *const endpoint = godwit_value_at (godwit_value_get (answer, "endpoints"), 0);
    const godwit_value_t *const methods = godwit_value_get (endpoint, "methods");
    const godwit_value_t *const add = named (methods, "name", "add");
    cr_assert_str_eq (text_at (answer, "topic"), "work");
    cr_assert_str_eq (text_at (answer, "server"), "one");
    cr_assert_eq (int_at (godwit_value_get (answer, "process"), "pid"), getpid ());
    cr_assert_eq (strlen (text_at (godwit_value_get (answer, "process"), "instance")), 32u);
    cr_assert (add && named (methods, "name", "echo"));
    cr_assert (!named (methods, "name", "_hidden"), "the policy denies it");
    cr_assert_str_eq (text_at (godwit_value_get (answer, "policy"), "executor"), "pool");
    godwit_value_unref (&answer);
}

typedef struct place {
    const char *city;
    int64_t number;
} place_t;

static godwit_status_t
visit (godwit_request_t *request, void *self)
{
    (void) request, (void) self;
    return GODWIT_OK;
}

static void
docs_are_told (core_t *core)
{
    static const godwit_slot_t slots[] = {GODWIT_SLOT (place_t, city, .doc = "Where to"),
                                          GODWIT_SLOT (place_t, number, GODWIT_OPTIONAL)};
    static const godwit_error_class_t closed = {"travel", "Closed"};
    static const godwit_error_class_t *const expected[] = {&closed, NULL};
    static const char *const errors[] = {"NotFound", NULL};
    static const godwit_method_t methods[] = {
        GODWIT_METHOD_WITH ("visit", visit, place_t, slots, GODWIT_METHOD_SLOW, .doc = "Goes there",
                            .result = "nil", .expected = expected, .errors = errors)};
    godwit_server_t *server = NULL;
    godwit_client_t *client = NULL;
    godwit_value_t *answer = NULL;
    MUST (godwit_server_new (&server, core->serving, GODWIT_TARGET (.topic = "travel", .server = "t"),
                             &GODWIT_ENDPOINT (methods, .name_space = "trips", .version = "2.1"), 1, NULL,
                             &error));
    MUST (godwit_server_start (server, NULL, &error));
    MUST (godwit_client_new (&client, core->calling,
                             GODWIT_TARGET (.topic = "travel", .name_space = "godwit.introspection"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS), &error));
    MUST (godwit_client_call (client, NULL, "describe", GODWIT_NO_ARGS, &answer, &error));
    const godwit_value_t *const endpoint = godwit_value_at (godwit_value_get (answer, "endpoints"), 0);
    const godwit_value_t *const method = godwit_value_at (godwit_value_get (endpoint, "methods"), 0);
    const godwit_value_t *const city = godwit_value_at (godwit_value_get (method, "slots"), 0);
    const godwit_value_t *const number = godwit_value_at (godwit_value_get (method, "slots"), 1);
    cr_assert_str_eq (text_at (endpoint, "namespace"), "trips");
    cr_assert_str_eq (text_at (endpoint, "version"), "2.1");
    cr_assert_str_eq (text_at (method, "doc"), "Goes there");
    cr_assert_str_eq (text_at (method, "result"), "nil");
    cr_assert (godwit_value_as_bool (godwit_value_get (method, "slow"), false));
    cr_assert_str_eq (godwit_value_as_str (godwit_value_at (godwit_value_get (method, "errors"), 0), ""),
                      "Closed");
    cr_assert_str_eq (godwit_value_as_str (godwit_value_at (godwit_value_get (method, "errors"), 1), ""),
                      "NotFound");
    cr_assert_str_eq (text_at (city, "name"), "city");
    cr_assert_str_eq (text_at (city, "type"), "str");
    cr_assert_str_eq (text_at (city, "doc"), "Where to");
    cr_assert (godwit_value_as_bool (godwit_value_get (city, "required"), false));
    cr_assert (!godwit_value_as_bool (godwit_value_get (number, "required"), true));
    godwit_value_unref (&answer);
    godwit_client_destroy (&client);
    godwit_server_destroy (&server);
}

static void
stats_tell_figures (core_t *core)
{
    for (int i = 0; i < 5; i++)
        MUST (godwit_client_call (core->client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    godwit_value_t *answer = ask (core, "stats", GODWIT_NO_ARGS);
    const godwit_value_t *const server = named (godwit_value_get (answer, "servers"), "server", "one");
    const godwit_value_t *const method = named (godwit_value_get (server, "methods"), "method", "nothing");
    cr_assert (server && method);
    cr_assert_str_eq (text_at (server, "state"), "up");
    cr_assert_geq (int_at (method, "started"), 5);
    cr_assert_gt (int_at (godwit_value_get (answer, "counters"), "requests_received"), 0);
    cr_assert_gt (int_at (godwit_value_get (answer, "memory"), "resident"), 0);
    cr_assert_eq (godwit_value_count (named (godwit_value_get (server, "methods"), "method", "stats")), 0u,
                  "what is asked is counted among the calls");
    godwit_value_unref (&answer);
}

static void
ping_tells_the_time (core_t *core)
{
    godwit_value_t *answer = ask (core, "ping", GODWIT_NO_ARGS);
    cr_assert_eq (int_at (answer, "pid"), getpid ());
    cr_assert_gt (int_at (answer, "now"), INT64_C (1700000000000000000));
    godwit_value_unref (&answer);
}

static void
view_tells_servers (core_t *core)
{
    godwit_value_t *answer = ask (core, "view", GODWIT_NO_ARGS);
    const godwit_value_t *const server = named (godwit_value_get (answer, "servers"), "server", "one");
    cr_assert (server);
    cr_assert_str_eq (text_at (server, "topic"), "work");
    const godwit_value_t *const rendezvous = godwit_value_get (answer, "rendezvous");
    const godwit_value_t *const points = godwit_value_get (rendezvous, "points");
    int64_t joined = 0, hosted = 0;
    for (size_t i = 0; i < godwit_value_count (points); i++) {
        const godwit_value_t *const point = godwit_value_at (points, i);
        cr_assert (*text_at (point, "address"));
        joined += godwit_value_as_bool (godwit_value_get (point, "joined"), false);
        hosted += godwit_value_as_bool (godwit_value_get (point, "hosted"), false);
    }
    cr_assert_eq ((int64_t) godwit_value_count (points), int_at (rendezvous, "known"));
    cr_assert_eq (joined, int_at (rendezvous, "joined"));
    cr_assert_eq (hosted, int_at (rendezvous, "hosted"));
    cr_assert_geq (joined, strcmp (core->kind->driver, "inproc") ? 1 : 0);
    godwit_value_unref (&answer);
}

/* The server calls itself over a connection, too; and what has ended says why. */
static void
connections_are_told (core_t *core)
{
    service_t other;
    godwit_transport_t *serving = core_transport (core, NULL);
    service_start (&other, serving, "other", NULL);
    service_relay_to (&core->one, core->serving, "other", WAIT_LIMIT_MS);
    godwit_client_t *client = NULL;
    MUST (godwit_client_prepare (&client, core->client, GODWIT_OVERRIDES (.server = "one"), &error));
    MUST (godwit_client_call (client, NULL, "relay", GODWIT_ARGS (GODWIT_STR ("method", "nothing")), NULL,
                              &error));
    godwit_client_t *asks = asking (core, "one");
    godwit_value_t *answer = NULL;
    MUST (godwit_client_call (asks, NULL, "connections", GODWIT_NO_ARGS, &answer, &error));
    bool found = false;
    const godwit_value_t *const open = godwit_value_get (answer, "connections");
    for (size_t i = 0; i < godwit_value_count (open); i++) {
        const godwit_value_t *const at = godwit_value_at (open, i);
        found |= !strcmp (text_at (at, "state"), "open") && int_at (at, "sent") > 0 &&
                 int_at (at, "replied") > 0 && int_at (at, "sent_bytes") > 24 &&
                 int_at (at, "received_bytes") > 24 && int_at (at, "since") > 0 && *text_at (at, "path");
    }
    cr_assert (found);
    godwit_value_unref (&answer);
    service_relay_to (&core->one, NULL, NULL, 0);
    service_end (&other);
    godwit_transport_destroy (&serving);
    for (found = false; !found; godwit_value_unref (&answer)) {
        MUST (godwit_client_call (asks, NULL, "connections", GODWIT_NO_ARGS, &answer, &error));
        const godwit_value_t *const ended =
            named (godwit_value_get (answer, "connections"), "state", "ended");
        found = ended && int_at (ended, "ended") > 0 && *text_at (ended, "reason");
    }
    godwit_client_destroy (&asks);
    godwit_client_destroy (&client);
}

/* The first connection in this direction and state to this process; NULL: none. */
static const godwit_value_t *
connection_of (const godwit_value_t *answer, const char *direction, const char *state, const char *instance)
{
    const godwit_value_t *const list = godwit_value_get (answer, "connections");
    for (size_t i = 0; i < godwit_value_count (list); i++) {
        const godwit_value_t *const at = godwit_value_at (list, i);
        if (!strcmp (text_at (at, "direction"), direction) && !strcmp (text_at (at, "state"), state) &&
            !strcmp (text_at (at, "instance"), instance))
            return at;
    }
    return NULL;
}

static void
connections_of_the_process (godwit_transport_t *transport, godwit_value_t **answer)
{
    godwit_value_unref (answer);
    MUST (godwit_transport_introspection (transport, "connections", GODWIT_NO_ARGS, answer, &error));
}

/* Who calls the server, how often, and that it has left. */
static void
callers_are_told (core_t *core)
{
    char instance[33];
    godwit_transport_t *calling = core_transport (core, NULL);
    godwit_client_t *client = core_client (calling, GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS));
    godwit_value_t *answer = NULL;
    for (int i = 0; i < 3; i++)
        MUST (godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    connections_of_the_process (calling, &answer);
    snprintf (instance, sizeof instance, "%s", text_at (godwit_value_get (answer, "process"), "instance"));
    connections_of_the_process (core->serving, &answer);
    const godwit_value_t *const caller = connection_of (answer, "in", "open", instance);
    cr_assert (caller);
    cr_assert_eq (int_at (caller, "received"), 3);
    cr_assert_geq (int_at (caller, "received_bytes"), 3 * 24);
    cr_assert_gt (int_at (caller, "since"), INT64_C (1700000000000000000));
    cr_assert_eq (godwit_value_type (godwit_value_get (caller, "ended")), GODWIT_TYPE_NIL);
    godwit_client_destroy (&client);
    godwit_transport_destroy (&calling);
    const godwit_value_t *left = NULL;
    AWAIT (left = (connections_of_the_process (core->serving, &answer),
                   connection_of (answer, "in", "ended", instance)));
    cr_assert_eq (int_at (left, "received"), 3);
    cr_assert_geq (int_at (left, "ended"), int_at (left, "since"));
    cr_assert_str_eq (text_at (left, "reason"), "it said GOODBYE");
    cr_assert (!connection_of (answer, "in", "open", instance));
    godwit_value_unref (&answer);
}

static void
calls_tell_the_black_box (core_t *core)
{
    godwit_error_t *failure = NULL;
    cr_assert (godwit_client_call (core->client, NULL, "fail", GODWIT_NO_ARGS, NULL, &failure));
    godwit_value_t *answer =
        ask (core, "calls",
             GODWIT_ARGS (GODWIT_STR ("id", godwit_error_call_id (failure)), GODWIT_INT ("limit", 10)));
    const godwit_value_t *const calls = godwit_value_get (answer, "calls");
    cr_assert_geq (godwit_value_count (calls), 1u);
    cr_assert_str_eq (text_at (godwit_value_at (calls, 0), "method"), "fail");
    cr_assert_gt (int_at (answer, "oldest"), 0);
    godwit_value_unref (&answer);
    godwit_error_destroy (&failure);
    answer = ask (core, "calls", GODWIT_ARGS (GODWIT_STR ("method", "nosuch")));
    cr_assert_eq (godwit_value_count (godwit_value_get (answer, "calls")), 0u);
    godwit_value_unref (&answer);
}

static void
wrong_questions_are_errors (core_t *core)
{
    godwit_client_t *client = asking (core, NULL);
    FAILS (GODWIT_ERR_NO_SUCH_METHOD, GODWIT_OUTCOME_REJECTED,
           "Introspection does not support the method descrbe; there are: describe, ",
           godwit_client_call (client, NULL, "descrbe", GODWIT_NO_ARGS, NULL, &error));
    FAILS (
        GODWIT_ERR_TYPE_MISMATCH, GODWIT_OUTCOME_REJECTED, "args.limit: expected int, got str",
        godwit_client_call (client, NULL, "calls", GODWIT_ARGS (GODWIT_STR ("limit", "many")), NULL, &error));
    FAILS (
        GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_REJECTED,
        "args.limit: expected a number from 0 to 1000, got 1001",
        godwit_client_call (client, NULL, "calls", GODWIT_ARGS (GODWIT_INT ("limit", 1001)), NULL, &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_REJECTED, "id: expected the 16 digits",
           godwit_client_call (client, NULL, "calls", GODWIT_ARGS (GODWIT_STR ("id", "x")), NULL, &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_REJECTED,
           "args.wrong: nothing of this name is expected",
           godwit_client_call (client, NULL, "ping", GODWIT_ARGS (GODWIT_INT ("wrong", 1)), NULL, &error));
    godwit_client_destroy (&client);
    MUST (godwit_client_new (
        &client, core->calling,
        GODWIT_TARGET (.topic = "work", .name_space = "godwit.introspection", .version = "1.1"),
        GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS), &error));
    FAILS (GODWIT_ERR_UNSUPPORTED_VERSION, GODWIT_OUTCOME_REJECTED,
           "Introspection does not support RPC version 1.1. Attempted method: ping; there is: 1.0",
           godwit_client_call (client, NULL, "ping", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&client);
}

/* Times that no clock can count back: all calls are told, as with a long one. */
static void
the_longest_time_is_no_error (core_t *core)
{
    MUST (godwit_client_call (core->client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    godwit_value_t *answer = ask (
        core, "calls", GODWIT_ARGS (GODWIT_STR ("method", "nothing"), GODWIT_INT ("last_ms", INT64_MAX)));
    cr_assert_geq (godwit_value_count (godwit_value_get (answer, "calls")), 1u);
    godwit_value_unref (&answer);
    MUST (godwit_transport_calls (
        core->calling, GODWIT_CALLS_OPTIONS (.method = "nothing", .last_ms = INT64_MAX), &answer, &error));
    cr_assert_geq (godwit_value_count (answer), 1u);
    godwit_value_unref (&answer);
}

/* What the process says of one of its servers; *figures was none, or an earlier answer. */
static bool
stats_of (godwit_transport_t *transport, const char *server, godwit_value_t **figures)
{
    godwit_value_t *answer = NULL;
    godwit_value_unref (figures);
    MUST (godwit_transport_introspection (transport, "stats", GODWIT_NO_ARGS, &answer, &error));
    const godwit_value_t *const at = named (godwit_value_get (answer, "servers"), "server", server);
    *figures = at ? godwit_value_ref (at) : NULL;
    godwit_value_unref (&answer);
    return *figures;
}

/* Its queue is full, and all handlers that may run hang. */
static void
a_server_that_hangs_answers (core_t *core)
{
    godwit_transport_t *serving = core_transport (core, GODWIT_TRANSPORT_OPTIONS (.worker_limit = 2));
    service_t stuck;
    godwit_value_t *figures = NULL;
    godwit_future_t *futures[8];
    service_start (&stuck, serving, "stuck", GODWIT_SERVER_OPTIONS (.concurrency = 2, .queue_limit = 2));
    godwit_client_t *client = NULL;
    MUST (godwit_client_prepare (&client, core->client, GODWIT_OVERRIDES (.server = "stuck"), &error));
    MUST (godwit_client_wait_servers (client, 1, WAIT_LIMIT_MS, &error));
    for (size_t i = 0; i < 8; i++)
        MUST (godwit_client_call_future (client, NULL, "block", GODWIT_NO_ARGS, &futures[i], &error));
    service_wait (&stuck, &stuck.blocked, 2);
    AWAIT (stats_of (serving, "stuck", &figures) && int_at (figures, "refused") >= 4);
    cr_assert_eq (int_at (figures, "queued"), 2);
    cr_assert_geq (int_at (figures, "queued_bytes"), 2 * 24);
    godwit_value_unref (&figures);
    MUST (godwit_transport_introspection (serving, "stats", GODWIT_NO_ARGS, &figures, &error));
    cr_assert_geq (int_at (godwit_value_get (figures, "memory"), "queued_bytes"), 2 * 24);
    cr_assert_eq (int_at (godwit_value_get (figures, "memory"), "requests"), 4);
    cr_assert_eq (int_at (godwit_value_get (figures, "memory"), "callers"), 1);
    godwit_value_unref (&figures);
    godwit_client_t *asks = asking (core, "stuck");
    for (int i = 0; i < 20; i++) {
        godwit_value_t *answer = NULL;
        MUST (godwit_client_call (asks, NULL, "stats", GODWIT_NO_ARGS, &answer, &error));
        const godwit_value_t *const server = named (godwit_value_get (answer, "servers"), "server", "stuck");
        cr_assert_eq (int_at (server, "running"), 2);
        godwit_value_unref (&answer);
    }
    service_open_gate (&stuck);
    for (size_t i = 0; i < 8; i++)
        godwit_future_destroy (&futures[i]);
    godwit_client_destroy (&asks);
    godwit_client_destroy (&client);
    service_end (&stuck);
    godwit_transport_destroy (&serving);
}

typedef struct loop {
    godwit_transport_t *transport;
    atomic_bool stop;
} loop_t;

static void *
run_loop (void *user)
{
    loop_t *loop = user;
    while (!atomic_load (&loop->stop))
        MUST (godwit_transport_process (loop->transport, 10, &error));
    return NULL;
}

/* Its server has as many requests as it may. It ends while it is still asked. */
static void
a_loop_of_the_program_answers (core_t *core)
{
    pthread_t thread;
    loop_t loop = {core_transport (core, GODWIT_TRANSPORT_OPTIONS (.external_loop = true)), false};
    service_t busy;
    godwit_future_t *futures[4], *asked[16];
    cr_assert_eq (pthread_create (&thread, NULL, run_loop, &loop), 0);
    service_start (&busy, loop.transport, "busy", GODWIT_SERVER_OPTIONS (.concurrency = 1, .queue_limit = 1));
    godwit_client_t *client = NULL;
    MUST (godwit_client_prepare (&client, core->client, GODWIT_OVERRIDES (.server = "busy"), &error));
    for (size_t i = 0; i < 4; i++)
        MUST (godwit_client_call_future (client, NULL, "hold", GODWIT_NO_ARGS, &futures[i], &error));
    service_wait_held (&busy, 1);
    godwit_client_t *asks = asking (core, "busy");
    godwit_value_t *answer = NULL;
    MUST (godwit_client_call (asks, NULL, "stats", GODWIT_NO_ARGS, &answer, &error));
    const godwit_value_t *const server = named (godwit_value_get (answer, "servers"), "server", "busy");
    cr_assert_eq (int_at (server, "kept"), 1);
    godwit_value_unref (&answer);
    for (size_t i = 0; i < 16; i++)
        MUST (godwit_client_call_future (asks, NULL, "calls", GODWIT_NO_ARGS, &asked[i], &error));
    service_end (&busy);
    atomic_store (&loop.stop, true);
    pthread_join (thread, NULL);
    godwit_transport_destroy (&loop.transport);
    for (size_t i = 0; i < 4; i++)
        godwit_future_destroy (&futures[i]);
    for (size_t i = 0; i < 16; i++)
        godwit_future_destroy (&asked[i]);
    godwit_client_destroy (&asks);
    godwit_client_destroy (&client);
}

static void
it_can_be_switched_off (core_t *core)
{
    godwit_transport_t *serving =
        core_transport (core, GODWIT_TRANSPORT_OPTIONS (.without_introspection = true));
    service_t silent;
    service_start (&silent, serving, "silent", NULL);
    godwit_client_t *asks = asking (core, "silent");
    FAILS (GODWIT_ERR_UNSUPPORTED_VERSION, GODWIT_OUTCOME_REJECTED, "no namespace \"godwit.introspection\"",
           godwit_client_call (asks, NULL, "ping", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&asks);
    service_end (&silent);
    godwit_transport_destroy (&serving);
}

/* Without a call, and whatever the option says. */
static void
the_own_program_asks_directly (core_t *core)
{
    static const char *const asked[] = {"ping", "stats", "connections", "view", "calls", "describe"};
    godwit_transport_t *serving =
        core_transport (core, GODWIT_TRANSPORT_OPTIONS (.without_introspection = true));
    godwit_value_t *answer = NULL;
    service_t silent, other;
    service_start (&silent, serving, "silent", NULL);
    service_start (&other, serving, "other", NULL);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        godwit_value_unref (&answer);
        MUST (godwit_transport_introspection (serving, asked[i], GODWIT_NO_ARGS, &answer, &error));
        cr_assert_eq (godwit_value_type (answer), GODWIT_TYPE_MAP);
    }
    const godwit_value_t *const servers = godwit_value_get (answer, "servers");
    cr_assert_eq (godwit_value_count (servers), 2u);
    cr_assert (named (servers, "server", "silent") && named (servers, "server", "other"));
    godwit_value_unref (&answer);
    FAILS (GODWIT_ERR_NO_SUCH_METHOD, GODWIT_OUTCOME_NONE, "there are: stats, ",
           godwit_transport_introspection (serving, "stat", GODWIT_NO_ARGS, &answer, &error));
    FAILS (GODWIT_ERR_TYPE_MISMATCH, GODWIT_OUTCOME_NONE, "args.limit: expected int, got str",
           godwit_transport_introspection (serving, "calls", GODWIT_ARGS (GODWIT_STR ("limit", "many")),
                                           &answer, &error));
    service_end (&other);
    service_end (&silent);
    godwit_transport_destroy (&serving);
}

/* The transport ends while it is asked. */
static void
it_ends_with_the_transport (core_t *core)
{
    for (int i = 0; i < 10; i++) {
        godwit_transport_t *serving = core_transport (core, NULL);
        service_t brief;
        godwit_future_t *futures[16];
        service_start (&brief, serving, "brief", NULL);
        godwit_client_t *asks = asking (core, "brief");
        MUST (godwit_client_wait_servers (asks, 1, WAIT_LIMIT_MS, &error));
        for (size_t j = 0; j < 16; j++)
            MUST (godwit_client_call_future (asks, NULL, "stats", GODWIT_NO_ARGS, &futures[j], &error));
        service_end (&brief);
        godwit_transport_destroy (&serving);
        for (size_t j = 0; j < 16; j++)
            godwit_future_destroy (&futures[j]);
        godwit_client_destroy (&asks);
    }
}

static void
its_namespaces_are_reserved (core_t *core)
{
    static const godwit_method_t methods[] = {GODWIT_METHOD ("visit", visit, 0)};
    godwit_server_t *server = NULL;
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE,
           "endpoints[0]: namespaces that begin with \"godwit.\" are the library's own, got \"godwit.mine\"",
           godwit_server_new (&server, core->serving, GODWIT_TARGET (.topic = "t", .server = "s"),
                              &GODWIT_ENDPOINT (methods, .name_space = "godwit.mine"), 1, NULL, &error));
}

static const contract_row_t rows[] = {
    {"16: A server describes its methods, but for those that the policy denies.", describe_tells_methods},
    {"16: With what its program says of them.", docs_are_told},
    {"16: It tells figures.", stats_tell_figures},
    {"16: It tells the time.", ping_tells_the_time},
    {"16: It tells what it knows of others.", view_tells_servers},
    {"16: It tells over which connections it calls others.", connections_are_told},
    {"16: It tells who calls it.", callers_are_told},
    {"16: It tells what became of calls.", calls_tell_the_black_box},
    {"16: What is asked wrongly is an error.", wrong_questions_are_errors},
    {"16: However long the time is.", the_longest_time_is_no_error},
    {"16: It answers when nothing else can run.", a_server_that_hangs_answers},
    {"16: So does a loop of the program's.", a_loop_of_the_program_answers},
    {"16: It can be switched off.", it_can_be_switched_off},
    {"16: The own program asks directly.", the_own_program_asks_directly},
    {"16: It ends with its transport.", it_ends_with_the_transport},
    {"16: Its namespaces are reserved.", its_namespaces_are_reserved},
};
CONTRACT_OF_ALL_DRIVERS (section16, rows)
