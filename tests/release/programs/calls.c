/* SPDX-License-Identifier: Apache-2.0 */
/* A transport with a server and a client that set every option that there was, and read all that there was to
 * read. The values are other than the defaults where a test can see what became of them. */
#include "expect.h"

#include <signal.h>
#include <unistd.h>

static unsigned log_lines, prepared, destroyed;

/* ---- the server: three endpoints, the first with several methods ---- */

struct add_args {
    int64_t a, b;
};

static const godwit_slot_t add_slots[] = {GODWIT_SLOT (struct add_args, a), GODWIT_SLOT (struct add_args, b)};

static godwit_status_t
add (godwit_request_t *request, void *self)
{
    const struct add_args *args = godwit_request_params (request);
    EXPECT (self == &prepared);
    return godwit_request_reply (request, GODWIT_INT (NULL, args->a + args->b));
}

static godwit_status_t
context (godwit_request_t *request, void *self)
{
    (void) self;
    EXPECT (godwit_request_remaining_ms (request) > 0 && !godwit_request_is_cancelled (request));
    return godwit_request_reply (request, GODWIT_VALUE (NULL, godwit_request_context (request)));
}

static godwit_status_t
nothing (godwit_request_t *request, void *self)
{
    (void) self;
    EXPECT (!strcmp (godwit_request_method (request), "last"));
    return GODWIT_OK;
}

static const godwit_error_class_t sold_out = {"shop", "SoldOut"};
static const godwit_error_class_t *const expected[] = {&sold_out, NULL};

static godwit_status_t
sell (godwit_request_t *request, void *self)
{
    godwit_error_t *error = GODWIT_ERROR_OF (&sold_out, "nothing left");
    (void) self;
    return godwit_request_fail (request, &error);
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD_WITH ("add", add, struct add_args, add_slots, GODWIT_METHOD_EXPOSED | GODWIT_METHOD_INLINE),
    GODWIT_METHOD ("context", context, GODWIT_METHOD_EXPOSED | GODWIT_METHOD_RUNS_LATE),
    {.name = "sell", .handler = sell, .flags = GODWIT_METHOD_EXPOSED, .expected = expected},
    GODWIT_METHOD ("hidden", sell, 0),
    GODWIT_METHOD ("last", nothing, GODWIT_METHOD_EXPOSED | GODWIT_METHOD_SLOW)};

static void
on_destroy (void *self)
{
    EXPECT (self == &prepared);
    destroyed++;
}

static bool
allow (void *user, const godwit_endpoint_t *endpoint, const godwit_method_t *method)
{
    EXPECT (user == &log_lines && endpoint->method_count > 0);
    return (method->flags & GODWIT_METHOD_EXPOSED) != 0;
}

/* ---- serializers: each entity travels as a list of itself ---- */

static godwit_status_t
wrap (void *self, const godwit_value_t *request_context, const godwit_value_t *entity, godwit_value_t **out,
      godwit_error_t **error)
{
    (void) self;
    (void) request_context;
    return godwit_value_new (out, GODWIT_LIST (NULL, GODWIT_VALUE (NULL, entity)), error);
}

static godwit_status_t
unwrap (void *self, const godwit_value_t *request_context, const godwit_value_t *entity, godwit_value_t **out,
        godwit_error_t **error)
{
    (void) self;
    (void) request_context;
    (void) error;
    *out = godwit_value_ref (godwit_value_at (entity, 0));
    return GODWIT_OK;
}

static godwit_status_t
to_map (void *user, const godwit_value_t *object, godwit_value_t **map, godwit_error_t **error)
{
    EXPECT (user == &prepared && godwit_value_as_object (object) == &prepared);
    return godwit_value_new_map (map, GODWIT_ARGS (GODWIT_STR ("user", "kim")), error);
}

/* ---- a server and a client ---- */

static void
on_log (void *user, godwit_log_level_t level, const char *text)
{
    EXPECT (level <= GODWIT_LOG_ERROR && text);
    ++*(unsigned *) user;
}

static void
expect_calls (godwit_client_t *client)
{
    godwit_value_t *result = NULL, *object = NULL;
    godwit_error_t *error = NULL;
    godwit_client_t *other = NULL;
    MUST (godwit_value_new_object (&object, &prepared, NULL, &error));
    MUST (godwit_client_call (client, object, "add", GODWIT_ARGS (GODWIT_INT ("a", 2), GODWIT_INT ("b", 3)),
                              &result, &error));
    EXPECT (godwit_value_as_int (result, 0) == 5);
    godwit_value_unref (&result);
    MUST (godwit_client_call (client, object, "context", GODWIT_NO_ARGS, &result, &error));
    EXPECT (!strcmp (godwit_value_as_str (godwit_value_get (result, "user"), ""), "kim"));
    godwit_value_unref (&result);
    MUST (godwit_client_call (client, object, "last", GODWIT_NO_ARGS, NULL, &error));
    EXPECT (godwit_client_call (client, object, "sell", GODWIT_NO_ARGS, NULL, &error) == GODWIT_ERR_FAILED);
    EXPECT (godwit_error_is (error, &sold_out) && godwit_error_outcome (error) == GODWIT_OUTCOME_RAN);
    godwit_error_destroy (&error);
    EXPECT (godwit_client_call (client, object, "hidden", GODWIT_NO_ARGS, NULL, &error) ==
            GODWIT_ERR_NO_SUCH_METHOD);
    godwit_error_destroy (&error);

    MUST (godwit_client_prepare (
        &other, client,
        GODWIT_OVERRIDES (.exchange = "books", .topic = "nobody", .name_space = "n", .version = "1.0",
                          .server = "s", .fanout = GODWIT_CLEAR_CHOICE, .timeout_ms = 5000,
                          .retry = GODWIT_RETRY_NONE, .version_cap = godwit_clear, .mandatory = GODWIT_YES,
                          .call_monitor_timeout_ms = GODWIT_CLEAR_INT, .idempotent = GODWIT_NO),
        &error));
    EXPECT (godwit_client_call (other, object, "add", GODWIT_NO_ARGS, NULL, &error) ==
            GODWIT_ERR_UNDELIVERABLE);
    godwit_error_destroy (&error);
    godwit_client_destroy (&other);
    godwit_value_unref (&object);
}

static void
expect_fanouts (godwit_client_t *client)
{
    GUARDED (godwit_fanout_report_t) report = {GODWIT_FANOUT_REPORT, {0}};
    godwit_fanout_result_t *result = NULL;
    GUARD (report);
    MUST (godwit_client_fanout (client, NULL, "last", GODWIT_NO_ARGS, &report.it, &error));
    EXPECT (report.it.reached == 1 && report.it.missing == 0 && report.it.epoch > 0);
    EXPECT_GUARD (report);
    MUST (godwit_client_fanout_call (
        client, NULL, "add", GODWIT_ARGS (GODWIT_INT ("a", 1), GODWIT_INT ("b", 1)), &result, &error));
    EXPECT (godwit_fanout_result_count (result) == 1);
    const godwit_fanout_row_t *row = godwit_fanout_result_row (result, 0);
    EXPECT (!strcmp (row->server, "first") && row->instance && row->state == GODWIT_FANOUT_REPLIED);
    EXPECT (godwit_value_as_int (row->result, 0) == 2 && !row->error && row->took_us >= 0);
    godwit_fanout_result_destroy (&result);
}

static void
expect_stats (godwit_transport_t *transport)
{
    GUARDED (godwit_transport_stats_t) stats = {0};
    godwit_value_t *metrics = NULL;
    GUARD (stats);
    godwit_transport_stats (transport, &stats.it, sizeof stats.it);
    EXPECT_GUARD (stats);
    EXPECT (stats.it.calls_started == stats.it.calls_succeeded + stats.it.calls_failed);
    EXPECT (stats.it.calls_succeeded == 4 && stats.it.fanouts == 1 && stats.it.servers_known == 1);
    EXPECT (stats.it.frames_malformed == 0 && stats.it.rendezvous_known == 0 &&
            stats.it.requests_cancelled == 0);
    MUST (godwit_transport_metrics (transport, &metrics, &error));
    EXPECT (godwit_value_count (metrics) > 0);
    godwit_value_unref (&metrics);
}

/* Runs when the signals are blocked. */
static void
interrupt (void *user)
{
    EXPECT (user == &log_lines);
    kill (getpid (), SIGTERM);
}

static void
call (void)
{
    const godwit_endpoint_t endpoints[] = {
        GODWIT_ENDPOINT (methods, .name_space = "other", .version = "3.0"),
        GODWIT_ENDPOINT (methods, .version = "1.5", .self = &prepared, .on_destroy = on_destroy),
        GODWIT_ENDPOINT (methods, .name_space = "third", .version = "1.0")};
    const godwit_context_hooks_t hooks = {.struct_size = sizeof hooks, .user = &prepared, .to_map = to_map};
    const godwit_serializer_t *base =
        GODWIT_SERIALIZER (.serialize_entity = wrap, .deserialize_entity = unwrap);
    godwit_serializer_t *serializer = NULL;
    godwit_transport_t *transport = NULL;
    godwit_server_t *server = NULL;
    godwit_client_t *client = NULL;
    MUST (godwit_request_context_serializer_new (&serializer, base, &hooks, &error));
    MUST (godwit_transport_new (
        &transport, "inproc://calls/",
        GODWIT_TRANSPORT_OPTIONS (.control_exchange = "books", .rpc_response_timeout_ms = 30000, .host = NULL,
                                  .max_message_size = 1 << 20, .queue_limit = 500, .worker_limit = 8,
                                  .connect_timeout_ms = 5000, .heartbeat_ms = 400,
                                  .heartbeat_timeout_ms = 9000, .idle_timeout_ms = 90000, .refresh_ms = 700,
                                  .log = on_log, .log_user = &log_lines, .log_level = GODWIT_LOG_DEBUG,
                                  .allowed_remote_exmods = "shop", .rpc_ping_enabled = true,
                                  .executor_thread_pool_size = 4, .retry_budget = 30,
                                  .max_queue_size = 1 << 22, .remote_traces = true,
                                  .destroy_timeout_ms = 60000, .handler_log_after_ms = 60000),
        &error));
    MUST (godwit_transport_register_error (transport, &sold_out, &error));
    MUST (godwit_server_new (
        &server, transport, GODWIT_TARGET (.topic = "shop", .server = "first"), endpoints, 3,
        GODWIT_SERVER_OPTIONS (.concurrency = 3, .queue_limit = 100, .policy = GODWIT_POLICY_CUSTOM,
                               .weight = 2, .executor = "pool", .allow = allow, .allow_user = &log_lines,
                               .serializer = serializer),
        &error));
    MUST (godwit_server_start (
        server, GODWIT_STEP_OPTIONS (.log_after_ms = 5000, .timeout_ms = 20000, .override_pool_size = 2),
        &error));
    MUST (godwit_client_new (
        &client, transport, GODWIT_TARGET (.exchange = "books", .topic = "shop", .version = "1.1"),
        GODWIT_CLIENT_OPTIONS (.timeout_ms = 20000, .retry = GODWIT_RETRY_FOREVER, .version_cap = "1.3",
                               .mandatory = GODWIT_NO, .call_monitor_timeout_ms = 15000,
                               .serializer = serializer, .idempotent = GODWIT_YES),
        &error));
    EXPECT (godwit_client_can_send_version (client, "1.3") &&
            !godwit_client_can_send_version (client, "1.4"));
    MUST (godwit_client_wait_servers (client, 1, 20000, &error));
    expect_calls (client);
    expect_fanouts (client);
    expect_stats (transport);
    godwit_client_destroy (&client);
    /* It runs already: this goes on until the signal comes. */
    MUST (godwit_server_run (
        server, GODWIT_RUN_OPTIONS (.drain_timeout_ms = 20000, .started = interrupt, .user = &log_lines),
        &error));
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
    godwit_request_context_serializer_destroy (&serializer);
    EXPECT (log_lines > 0 && destroyed == 1);
}

/* ---- the same through the module of apmec ---- */

static godwit_status_t
prepare (void *user, godwit_service_t *service, godwit_error_t **error)
{
    (void) error;
    EXPECT (user == &prepared && godwit_service_connection (service));
    ++*(unsigned *) user;
    return GODWIT_OK;
}

static void
serve (void)
{
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .self = &prepared);
    const godwit_manager_t manager = {.struct_size = sizeof manager,
                                      .endpoints = &endpoint,
                                      .endpoint_count = 1,
                                      .user = &prepared,
                                      .initialize_service_hook = prepare};
    godwit_config_t *config = NULL;
    godwit_service_t *service = NULL;
    godwit_client_t *client = NULL;
    godwit_value_t *sum = NULL;
    MUST (godwit_config_parse (&config, "[DEFAULT]\ntransport_url = inproc://service/\n", "text", &error));
    MUST (godwit_rpc_init (config, &error));
    MUST (godwit_service_new (&service, "here", "shop", &manager, NULL, &error));
    MUST (godwit_service_start (service, &error));
    EXPECT (prepared == 1);
    MUST (godwit_rpc_get_client (&client, GODWIT_TARGET (.topic = "shop"), NULL, NULL, &error));
    MUST (godwit_client_call (client, NULL, "add", GODWIT_ARGS (GODWIT_INT ("a", 1), GODWIT_INT ("b", 2)),
                              &sum, &error));
    EXPECT (godwit_value_as_int (sum, 0) == 3);
    godwit_value_unref (&sum);
    godwit_client_destroy (&client);
    godwit_service_destroy (&service);
    MUST (godwit_rpc_cleanup (&error));
    godwit_config_destroy (&config);
}

int
main (void)
{
    call ();
    serve ();
    return 0;
}
