/* SPDX-License-Identifier: Apache-2.0 */
/* Every public function when the n-th allocation of it fails: it says so or does without, leaks nothing, and
 * what it was given can be used again. The transport runs in this thread (external_loop), so that the work of
 * its threads fails as well. The apmec module and
 * the simulated cluster are in alloc_module_test.c. */
#include "tests/support/headers.h"
#include "tests/support/realm_files.h"
#include "tests/support/short_memory.h"

#include <godwit/config.h>
#include <godwit/godwit.h>

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef SHORT_MEMORY_SANITIZED

#define URL "inproc://alloc/"
/* A call whose request is lost for want of memory waits for so long. */
#define TIMEOUT_MS 50

/* ---- what there is ---- */

static struct {
    godwit_transport_t *transport;
    godwit_server_t *server;
    godwit_client_t *client;
} world;

static godwit_status_t
echo (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (
        request, godwit_field_from (godwit_value_get (godwit_request_args (request), "value")));
}

static void
on_cancel (godwit_request_t *request, void *user)
{
    (void) request, (void) user;
}

static godwit_status_t
fail (godwit_request_t *request, void *self)
{
    (void) self;
    godwit_error_t *error = godwit_error_new_typed ("shop", "OutOfStock", "no %s left", "tea");
    return godwit_request_fail (request, &error);
}

static godwit_status_t
keep (godwit_request_t *request, void *self)
{
    (void) self;
    godwit_request_t *kept = godwit_request_keep (request);
    godwit_request_reply (kept, GODWIT_STR (NULL, "kept"));
    godwit_request_destroy (&kept);
    return GODWIT_OK;
}

typedef struct params {
    const char *value;
} params_t;

static const godwit_slot_t slots[] = {GODWIT_SLOT (params_t, value)};

/* All that a request knows is there when the handler runs. */
static godwit_status_t
look (godwit_request_t *request, void *self)
{
    const params_t *params = godwit_request_params (request);
    godwit_trace_t trace;
    (void) self;
    godwit_request_trace (request, &trace);
    const bool good = !strcmp (godwit_request_method (request), "look") && !strcmp (params->value, "text") &&
                      godwit_request_context (request) && godwit_request_args (request) &&
                      !godwit_request_name_space (request) && !godwit_request_version (request) &&
                      !godwit_request_is_redelivered (request) && !godwit_request_is_cast (request) &&
                      !godwit_request_peer (request) && !godwit_request_is_cancelled (request) &&
                      godwit_request_on_cancel (request, on_cancel, self) == GODWIT_OK &&
                      godwit_request_on_cancel (request, NULL, self) == GODWIT_ERR_INVALID_ARGUMENT &&
                      godwit_request_remaining_ms (request) <= TIMEOUT_MS;
    return good ? GODWIT_OK : GODWIT_ERR_FAILED;
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("echo", echo, 0), GODWIT_METHOD ("fail", fail, 0),
                                          GODWIT_METHOD ("keep", keep, 0),
                                          GODWIT_METHOD_WITH ("look", look, params_t, slots, 0)};

static godwit_status_t
open_server (godwit_server_t **server, const char *name, godwit_error_t **error)
{
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = "1.0");
    return godwit_server_new (server, world.transport, GODWIT_TARGET (.topic = "alloc", .server = name),
                              &endpoint, 1, NULL, error);
}

static void
open_world (void)
{
    cr_assert_eq (
        godwit_transport_new (&world.transport, URL, GODWIT_TRANSPORT_OPTIONS (.external_loop = true), NULL),
        GODWIT_OK);
    cr_assert_eq (open_server (&world.server, "one", NULL), GODWIT_OK);
    cr_assert_eq (godwit_server_start (world.server, NULL, NULL), GODWIT_OK);
    cr_assert_eq (godwit_client_new (&world.client, world.transport, GODWIT_TARGET (.topic = "alloc"),
                                     GODWIT_CLIENT_OPTIONS (.timeout_ms = TIMEOUT_MS), NULL),
                  GODWIT_OK);
    cr_assert_eq (godwit_client_wait_servers (world.client, 1, 20000, NULL), GODWIT_OK);
}

static void
close_world (void)
{
    godwit_client_destroy (&world.client);
    godwit_server_destroy (&world.server);
    godwit_transport_destroy (&world.transport);
}

/* ---- what is run ---- */

static godwit_status_t
run_transport (godwit_error_t **error)
{
    godwit_transport_t *transport = NULL;
    godwit_status_t status = godwit_transport_new (&transport, "inproc://other/",
                                                   GODWIT_TRANSPORT_OPTIONS (.external_loop = true), error);
    if (!status) {
        static const godwit_error_class_t out_of_stock = {"shop", "OutOfStock"};
        status = godwit_transport_register_error (transport, &out_of_stock, error);
    }
    godwit_transport_destroy (&transport);
    return status;
}

static const char *member_path; /* of a realm */

static godwit_status_t
run_member (godwit_error_t **error)
{
    godwit_transport_t *transport = NULL;
    godwit_status_t status =
        godwit_transport_new (&transport, "zmq:///?static=a/b@tcp://127.0.0.1:1",
                              GODWIT_TRANSPORT_OPTIONS (.external_loop = true, .realm = member_path), error);
    if (!status)
        status = godwit_transport_reload_realm (transport, error);
    godwit_transport_destroy (&transport);
    return status;
}

static godwit_status_t
run_config (godwit_error_t **error)
{
    godwit_config_t *config = NULL;
    godwit_transport_t *transport = NULL;
    godwit_status_t status =
        godwit_config_parse (&config, "[DEFAULT]\nrpc_response_timeout = 5\n", "a text", error);
    if (!status)
        status = godwit_transport_new_from_config (&transport, config, "inproc://other/",
                                                   GODWIT_TRANSPORT_OPTIONS (.external_loop = true), error);
    godwit_transport_destroy (&transport);
    godwit_config_destroy (&config);
    return status;
}

static godwit_status_t
run_server (godwit_error_t **error)
{
    godwit_server_t *server = NULL;
    godwit_status_t status = open_server (&server, "two", error);
    if (!status)
        status = godwit_server_start (server, NULL, error);
    if (!status)
        status = godwit_server_stop (server, NULL, error);
    if (!status)
        status = godwit_server_wait (server, NULL, error);
    if (!status)
        status = godwit_server_reset (server, NULL, error);
    godwit_server_destroy (&server);
    return status;
}

/* The signal is there already. All other threads are the library's, which block it. */
static godwit_status_t
run_until_signal (godwit_error_t **error)
{
    godwit_server_t *server = NULL;
    sigset_t signals, before;
    sigemptyset (&signals);
    sigaddset (&signals, SIGTERM);
    pthread_sigmask (SIG_BLOCK, &signals, &before);
    kill (getpid (), SIGTERM);
    godwit_status_t status = open_server (&server, "three", error);
    if (!status)
        status = godwit_server_run (server, NULL, error);
    sigtimedwait (&signals, NULL, &(struct timespec){0}); /* if it failed before it took the signal */
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    godwit_server_destroy (&server);
    return status;
}

static godwit_status_t
run_client (godwit_error_t **error)
{
    godwit_client_t *client = NULL, *other = NULL;
    godwit_status_t status =
        godwit_client_new (&client, world.transport, GODWIT_TARGET (.topic = "alloc", .version = "1.0"),
                           GODWIT_CLIENT_OPTIONS (.version_cap = "1.5"), error);
    if (!status)
        status = godwit_client_prepare (&other, client, GODWIT_OVERRIDES (.server = "one", .timeout_ms = 1),
                                        error);
    if (!status && !godwit_client_can_send_version (other, "1.2"))
        status = GODWIT_ERR_FAILED;
    godwit_client_destroy (&other);
    godwit_client_destroy (&client);
    return status;
}

static godwit_status_t
call (const char *method, godwit_error_t **error)
{
    godwit_value_t *result = NULL;
    godwit_value_t *context = NULL;
    godwit_status_t status =
        godwit_value_new_map (&context, GODWIT_ARGS (GODWIT_STR ("user", "someone")), error);
    if (!status)
        status = godwit_client_call (world.client, context, method,
                                     GODWIT_ARGS (GODWIT_STR ("value", "text")), &result, error);
    godwit_value_unref (&context);
    godwit_value_unref (&result);
    return status;
}

static godwit_status_t
run_call (godwit_error_t **error)
{
    return call ("echo", error);
}

static int given_back;

static void
give_back (void *data, void *hint)
{
    (void) data;
    ++*(int *) hint;
}

/* Large bytes of this program's, there and back. */
static godwit_status_t
run_bin_call (godwit_error_t **error)
{
    static uint8_t bytes[100000];
    godwit_value_t *value = NULL;
    godwit_value_t *result = NULL;
    given_back = 0;
    godwit_status_t status =
        godwit_value_new_bin (&value, bytes, sizeof bytes, give_back, &given_back, error);
    if (!status)
        status = godwit_client_call (world.client, NULL, "echo", GODWIT_ARGS (GODWIT_VALUE ("value", value)),
                                     &result, error);
    if (!status && !godwit_value_equal (value, result))
        status = GODWIT_ERR_FAILED;
    godwit_value_unref (&value);
    godwit_value_unref (&result);
    cr_assert_eq (given_back, 1);
    return status;
}

static godwit_status_t
run_looking_call (godwit_error_t **error)
{
    return call ("look", error);
}

static godwit_status_t
run_kept_call (godwit_error_t **error)
{
    return call ("keep", error);
}

static godwit_status_t
run_failing_call (godwit_error_t **error)
{
    godwit_error_t *told = NULL;
    const godwit_status_t status = call ("fail", &told);
    if (status == GODWIT_ERR_REMOTE_ERROR) { /* as it should */
        godwit_error_print (told);
        godwit_error_destroy (&told);
        return GODWIT_OK;
    }
    *error = told;
    return status;
}

static godwit_status_t
run_cast (godwit_error_t **error)
{
    const godwit_status_t status =
        godwit_client_cast (world.client, NULL, "echo", GODWIT_ARGS (GODWIT_STR ("value", "text")), error);
    for (int i = 0; i < 3; i++) /* the server's side of it */
        godwit_transport_process (world.transport, 0, NULL);
    return status;
}

static godwit_status_t
run_fanout (godwit_error_t **error)
{
    const godwit_status_t status = godwit_client_fanout (
        world.client, NULL, "echo", GODWIT_ARGS (GODWIT_STR ("value", "text")), NULL, error);
    for (int i = 0; i < 3; i++)
        godwit_transport_process (world.transport, 0, NULL);
    return status;
}

/* What a row could not do for want of memory is in the row. */
static godwit_status_t
run_fanout_call (godwit_error_t **error)
{
    godwit_fanout_result_t *result = NULL;
    godwit_status_t status = godwit_client_fanout_call (
        world.client, NULL, "echo", GODWIT_ARGS (GODWIT_STR ("value", "text")), &result, error);
    for (size_t i = 0; !status && i < godwit_fanout_result_count (result); i++) {
        const godwit_fanout_row_t *row = godwit_fanout_result_row (result, i);
        status = row->error ? godwit_error_status (row->error) : GODWIT_OK;
        if (status == GODWIT_OK && row->state != GODWIT_FANOUT_REPLIED)
            status = GODWIT_ERR_FAILED;
    }
    if (!status && godwit_fanout_result_count (result) == 0)
        status = GODWIT_ERR_TIMEOUT; /* its matchmaker, or its connection, is still to come back */
    godwit_fanout_result_destroy (&result);
    return status;
}

static godwit_status_t
run_future (godwit_error_t **error)
{
    godwit_future_t *future = NULL;
    godwit_value_t *result = NULL;
    bool finished = false;
    godwit_status_t status =
        godwit_client_call_future (world.client, NULL, "echo", GODWIT_NO_ARGS, &future, error);
    if (!status)
        status = godwit_future_wait (future, -1, &finished, &result, error);
    godwit_value_unref (&result);
    godwit_future_destroy (&future);
    return status;
}

static void
on_end (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) result;
    (void) error;
    *(int *) user = (int) status;
}

static godwit_status_t
run_async (godwit_error_t **error)
{
    int ended = -1;
    const godwit_status_t status =
        godwit_client_call_async (world.client, NULL, "echo", GODWIT_NO_ARGS, on_end, &ended, error);
    while (!status && ended < 0)
        godwit_transport_process (world.transport, 1, NULL);
    return status ? status : (godwit_status_t) ended;
}

static godwit_status_t
run_listing (godwit_error_t **error)
{
    static const char *const asked[] = {"describe", "ping", "stats", "connections", "view", "calls"};
    godwit_value_t *list = NULL, *metrics = NULL, *calls = NULL, *servers = NULL, *looks = NULL;
    char *text = NULL;
    size_t text_size;
    godwit_status_t status = godwit_transport_wait_ready (world.transport, 20000, error);
    if (!status)
        status = godwit_client_servers (world.client, &list, error);
    if (!status)
        status = godwit_transport_metrics (world.transport, &metrics, error);
    if (!status)
        status = godwit_transport_metrics_text (world.transport, &text, &text_size, error);
    cr_assert (status || strstr (text, "\ngodwit_rendezvous_hosted 0\n"), "the last line is missing");
    if (!status)
        status = godwit_transport_calls (world.transport, NULL, &calls, error);
    if (!status)
        status = godwit_transport_servers (world.transport, &servers, error);
    for (size_t i = 0; i < sizeof asked / sizeof *asked && !status; i++) {
        godwit_value_unref (&looks);
        status = godwit_transport_introspection (world.transport, asked[i], GODWIT_NO_ARGS, &looks, error);
    }
    godwit_value_unref (&looks);
    free (text);
    godwit_value_unref (&servers);
    godwit_value_unref (&calls);
    godwit_value_unref (&list);
    godwit_value_unref (&metrics);
    return status;
}

static godwit_status_t
run_builder (godwit_error_t **error)
{
    static const char large[1000];
    godwit_value_t *value = NULL;
    godwit_builder_t *given_up = godwit_builder_new ();
    godwit_builder_open_map (given_up, NULL);
    godwit_builder_bin (given_up, "bin", large, sizeof large);
    godwit_builder_nil (given_up, NULL); /* an error, which it keeps */
    godwit_builder_destroy (&given_up);
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_map (builder, NULL);
    godwit_builder_nil (builder, "nil");
    godwit_builder_bool (builder, "bool", true);
    godwit_builder_int (builder, "int", -1);
    godwit_builder_uint (builder, "uint", UINT64_MAX);
    godwit_builder_double (builder, "double", 1.5);
    godwit_builder_str (builder, "str", "text");
    godwit_builder_strn (builder, "strn", "text", 2);
    godwit_builder_bin (builder, "bin", large, sizeof large);
    godwit_builder_open_list (builder, "list");
    godwit_builder_close (builder);
    godwit_builder_close (builder);
    const godwit_status_t status = godwit_builder_finish (&builder, &value, error);
    cr_assert (status || godwit_value_count (value) == 9);
    godwit_value_unref (&value);
    return status;
}

/* What a mismatch allocates is its error. Returns OK if that is what it says. */
static godwit_status_t
expect_error (godwit_status_t status, godwit_status_t expected, godwit_error_t *told, godwit_error_t **error)
{
    cr_assert_eq (status, expected);
    cr_assert_not_null (told);
    if (godwit_error_status (told) == expected) {
        godwit_error_destroy (&told);
        return GODWIT_OK;
    }
    *error = told; /* there was no memory to say so */
    return godwit_error_status (told);
}

static godwit_status_t
run_mismatches (godwit_error_t **error)
{
    const godwit_status_t mismatch = GODWIT_ERR_TYPE_MISMATCH;
    godwit_status_t status = GODWIT_OK;
    union {
        bool boolean;
        int64_t integer;
        uint64_t unsigned_integer;
        double number;
        const char *text;
        const void *bytes;
        params_t params;
    } out;
    size_t size;
    for (int i = 0; !status && i < 8; i++) {
        godwit_error_t *told = NULL;
        const godwit_status_t got =
            i == 0   ? godwit_value_get_bool (NULL, &out.boolean, &told)
            : i == 1 ? godwit_value_get_int (NULL, &out.integer, &told)
            : i == 2 ? godwit_value_get_uint (NULL, &out.unsigned_integer, &told)
            : i == 3 ? godwit_value_get_double (NULL, &out.number, &told)
            : i == 4 ? godwit_value_get_str (NULL, &out.text, &told)
            : i == 5 ? godwit_value_get_bin (NULL, &out.bytes, &size, &told)
            : i == 6 ? godwit_value_unpack_sized (NULL, slots, sizeof *slots, 1, &out.params, "a", &told)
                     : godwit_version_compatible ("1", "1", &out.boolean, &told);
        status = expect_error (got,
                               i == 6  ? GODWIT_ERR_NOT_FOUND
                               : i > 6 ? GODWIT_ERR_INVALID_ARGUMENT
                                       : mismatch,
                               told, error);
    }
    return status;
}

static const short_memory_row_t rows[] = {
    {"transport", run_transport, 20},
    {"transport in a realm", run_member, 20},
    {"configuration", run_config, 20},
    {"server", run_server, 10},
    {"until a signal", run_until_signal, 10},
    {"client", run_client, 2},
    {"call", run_call, 2},
    {"call with bytes of the program's", run_bin_call, 4},
    {"call with arguments in a struct", run_looking_call, 2},
    {"call that is kept", run_kept_call, 2},
    {"call that fails", run_failing_call, 3},
    {"cast", run_cast, 0},
    {"fanout", run_fanout, 0},
    {"fanout call", run_fanout_call, 2},
    {"future", run_future, 2},
    {"asynchronous call", run_async, 1},
    {"lists", run_listing, 2},
    {"builder", run_builder, 4},
    {"mismatches", run_mismatches, 8},
};

enum { ROWS = sizeof rows / sizeof *rows };

TestSuite (alloc_public, .timeout = 100);

Test (alloc_public, any_allocation_may_fail_and_nothing_leaks)
{
    godwit__test_realm_t *realm = godwit__test_realm_new (1);
    member_path = godwit__test_realm_issue (realm, GODWIT__TEST_MEMBER (.name = "web"));
    for (size_t row = 0; row < ROWS; row++)
        short_memory_check (&rows[row], open_world, close_world);
    godwit__test_realm_destroy (&realm);
}

/* ---- all of them ---- */

/* In one of the programs that let allocations fail: in a row, or among those that make none. */
static bool
is_called (const char *name)
{
    static const char *const files[] = {"alloc_test.c",        "alloc_public_test.c",
                                        "alloc_module_test.c", "alloc_getters_test.c",
                                        "alloc_notify_test.c", "alloc_listener_test.c"};
    static char text[256 * 1024];
    char call[80], path[512];
    bool found = false;
    snprintf (call, sizeof call, "%s (", name);
    for (size_t i = 0; !found && i < sizeof files / sizeof *files; i++) {
        snprintf (path, sizeof path, GODWIT_SOURCE_DIR "/tests/unit/%s", files[i]);
        FILE *const file = fopen (path, "r");
        cr_assert (file, "%s", path);
        text[fread (text, 1, sizeof text - 1, file)] = '\0';
        fclose (file);
        for (const char *at = text; !found && (at = strstr (at, call)); at++)
            found = at == text || strchr (" (!\n", at[-1]);
    }
    return found;
}

static void
check_declaration (void *user, const char *name, bool returns_status, const char *parameters)
{
    (void) user;
    (void) returns_status;
    (void) parameters;
    cr_expect (is_called (name), "%s is in no row", name);
}

Test (alloc_public, every_function_is_called_in_one)
{
    cr_assert_geq (headers_for_each (check_declaration, NULL), 150u);
}

#else

Test (alloc_public, is_left_to_the_builds_without_sanitizers)
{
    cr_skip_test ();
}

#endif
