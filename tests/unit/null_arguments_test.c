/* SPDX-License-Identifier: Apache-2.0 */
/* Public functions that are given NULL: each says INVALID_ARGUMENT and names the argument, instead of
 * crashing. The table is complete: every pointer that a function with a status takes, by the headers, either
 * has a row or may be NULL. */
#include "tests/support/headers.h"

#include <godwit/config.h>
#include <godwit/godwit.h>
#include <godwit/service.h>
#include <godwit/testing.h>
#include <godwit/url.h>

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* ---- what is there ---- */

static void
do_nothing (void *user)
{
    (void) user;
}

static struct {
    godwit_config_t *config;
    godwit_transport_t *transport;
    godwit_server_t *server;
    godwit_client_t *client;
    godwit_rpc_connection_t *connection;
    godwit_listener_t *listener;
    godwit_notifier_t *notifier;
    godwit_error_t *failure;
    godwit_cluster_t *cluster;
    godwit_builder_t *builder;
    godwit_value_t *text, *map;
} world;

/* What is written to, if a function that should refuse does not. */
static union {
    void *pointer;
    godwit_client_t *client;
    godwit_server_t *server;
    godwit_listener_t *listener;
    godwit_notifier_t *notifier;
    godwit_notification_t *notification;
    godwit_transport_t *transport;
    godwit_config_t *config;
    godwit_rpc_connection_t *connection;
    godwit_service_t *service;
    godwit_serializer_t *serializer;
    godwit_value_t *value;
    godwit_future_t *future;
    godwit_fanout_result_t *rows;
    godwit_url_t *url;
    const void *bytes;
    size_t size;
    int64_t number;
} out;

static godwit_status_t
answer (godwit_request_t *request, void *self)
{
    (void) request;
    (void) self;
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("answer", answer, 0)};
static const godwit_slot_t slots[] = {{.name = "a", .type = GODWIT_TYPE_INT, .size = sizeof (int64_t)}};
static godwit_cluster_stats_t out_stats;
static godwit_trace_t out_trace;
static char *out_text;
static size_t out_size;
static const char *const one_address = "127.0.0.1";
static const godwit_error_class_t nameless = {"shop", NULL};

static void
on_reply (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) user;
    (void) status;
    (void) result;
    (void) error;
}

static godwit_notifier_stats_t out_notifier_stats = GODWIT_NOTIFIER_STATS;

static godwit_handled_t
on_info (const godwit_notification_t *notification, void *self)
{
    (void) notification, (void) self;
    return GODWIT_HANDLED;
}

static void
open_world (void)
{
    const char *const text = "[DEFAULT]\ntransport_url = inproc://null-arguments/\n"
                             "[godwit]\nexternal_loop = true\nrpc_ping_enabled = true\n";
    godwit_error_t *error = NULL;
    bool made = !godwit_config_parse (&world.config, text, "a text", &error) &&
                !godwit_rpc_init (world.config, &error) &&
                !godwit_rpc_connection_new (&world.connection, &error) &&
                !godwit_cluster_new (&world.cluster, 1, &error) &&
                !godwit_value_new (&world.text, GODWIT_STR (NULL, "text"), &error) &&
                !godwit_value_new_map (&world.map, GODWIT_ARGS (GODWIT_INT ("a", 1)), &error);
    world.transport = godwit_rpc_transport ();
    made = made &&
           !godwit_client_new (&world.client, world.transport, GODWIT_TARGET (.topic = "t"), NULL, &error) &&
           !godwit_server_new (&world.server, world.transport, GODWIT_TARGET (.topic = "t", .server = "s"),
                               &GODWIT_ENDPOINT (methods, .version = "1.0"), 1, NULL, &error);
    made = made &&
           !godwit_listener_new (&world.listener, world.transport, GODWIT_TARGET (.topic = "t"), 1, NULL, 0,
                                 GODWIT_LISTENER_OPTIONS (.pull = true), &error) &&
           !godwit_notifier_new (&world.notifier, world.transport, NULL, &error);
    world.failure = godwit_error_new (GODWIT_ERR_FAILED, "planted");
    cr_assert (made, "%s", godwit_error_print (error));
}

static void
close_world (void)
{
    godwit_client_destroy (&world.client);
    godwit_server_destroy (&world.server);
    godwit_listener_destroy (&world.listener);
    godwit_notifier_destroy (&world.notifier);
    godwit_error_destroy (&world.failure);
    godwit_rpc_connection_destroy (&world.connection);
    godwit_cluster_destroy (&world.cluster);
    godwit_value_unref (&world.text);
    godwit_value_unref (&world.map);
    godwit_config_destroy (&world.config);
    cr_assert_eq (godwit_rpc_cleanup (NULL), GODWIT_OK);
}

/* ---- the table ---- */

#define ENDPOINT (&GODWIT_ENDPOINT (methods, .version = "1.0"))
#define TARGET GODWIT_TARGET (.topic = "t")
#define HOOKS (&(const godwit_context_hooks_t){.struct_size = sizeof (godwit_context_hooks_t)})
#define NONE GODWIT_NO_ARGS
#define NOTIFIED (&GODWIT_NOTIFICATION_ENDPOINT (.info = on_info))

/* Function, the argument that is NULL, the call. */
#define REFUSED(X)                                                                                           \
    X (godwit_client_new, client, (NULL, world.transport, TARGET, NULL, error))                              \
    X (godwit_client_new, transport, (&out.client, NULL, TARGET, NULL, error))                               \
    X (godwit_client_prepare, client, (NULL, world.client, NULL, error))                                     \
    X (godwit_client_prepare, parent, (&out.client, NULL, NULL, error))                                      \
    X (godwit_client_call, client, (NULL, NULL, "m", NONE, NULL, error))                                     \
    X (godwit_client_call, method, (world.client, NULL, NULL, NONE, NULL, error))                            \
    X (godwit_client_cast, client, (NULL, NULL, "m", NONE, error))                                           \
    X (godwit_client_cast, method, (world.client, NULL, NULL, NONE, error))                                  \
    X (godwit_client_fanout, client, (NULL, NULL, "m", NONE, NULL, error))                                   \
    X (godwit_client_fanout, method, (world.client, NULL, NULL, NONE, NULL, error))                          \
    X (godwit_client_fanout_call, client, (NULL, NULL, "m", NONE, &out.rows, error))                         \
    X (godwit_client_fanout_call, method, (world.client, NULL, NULL, NONE, &out.rows, error))                \
    X (godwit_client_fanout_call, result, (world.client, NULL, "m", NONE, NULL, error))                      \
    X (godwit_client_call_async, client, (NULL, NULL, "m", NONE, on_reply, NULL, error))                     \
    X (godwit_client_call_async, method, (world.client, NULL, NULL, NONE, on_reply, NULL, error))            \
    X (godwit_client_call_async, callback, (world.client, NULL, "m", NONE, NULL, NULL, error))               \
    X (godwit_client_call_future, client, (NULL, NULL, "m", NONE, &out.future, error))                       \
    X (godwit_client_call_future, method, (world.client, NULL, NULL, NONE, &out.future, error))              \
    X (godwit_client_call_future, future, (world.client, NULL, "m", NONE, NULL, error))                      \
    X (godwit_future_wait, future, (NULL, 0, NULL, NULL, error))                                             \
    X (godwit_client_wait_servers, client, (NULL, 0, 0, error))                                              \
    X (godwit_client_servers, client, (NULL, &out.value, error))                                             \
    X (godwit_client_servers, list, (world.client, NULL, error))                                             \
    X (godwit_config_load, config, (NULL, "x.conf", error))                                                  \
    X (godwit_config_load, path, (&out.config, NULL, error))                                                 \
    X (godwit_config_parse, config, (NULL, "", "x.conf", error))                                             \
    X (godwit_config_parse, text, (&out.config, NULL, "x.conf", error))                                      \
    X (godwit_config_parse, name, (&out.config, "", NULL, error))                                            \
    X (godwit_transport_new_from_config, transport, (NULL, world.config, NULL, NULL, error))                 \
    X (godwit_transport_new_from_config, config, (&out.transport, NULL, NULL, NULL, error))                  \
    X (godwit_request_context_serializer_new, serializer, (NULL, NULL, HOOKS, error))                        \
    X (godwit_request_context_serializer_new, hooks, (&out.serializer, NULL, NULL, error))                   \
    X (godwit_server_new, server, (NULL, world.transport, TARGET, ENDPOINT, 1, NULL, error))                 \
    X (godwit_server_new, transport, (&out.server, NULL, TARGET, ENDPOINT, 1, NULL, error))                  \
    X (godwit_server_new, endpoints, (&out.server, world.transport, TARGET, NULL, 1, NULL, error))           \
    X (godwit_server_start, server, (NULL, NULL, error))                                                     \
    X (godwit_server_stop, server, (NULL, NULL, error))                                                      \
    X (godwit_server_wait, server, (NULL, NULL, error))                                                      \
    X (godwit_server_reset, server, (NULL, NULL, error))                                                     \
    X (godwit_server_run, server, (NULL, NULL, error))                                                       \
    X (godwit_listener_new, listener, (NULL, world.transport, TARGET, 1, NOTIFIED, 1, NULL, error))          \
    X (godwit_listener_new, transport, (&out.listener, NULL, TARGET, 1, NOTIFIED, 1, NULL, error))           \
    X (godwit_listener_new, targets, (&out.listener, world.transport, NULL, 1, NOTIFIED, 1, NULL, error))    \
    X (godwit_listener_new, endpoints, (&out.listener, world.transport, TARGET, 1, NULL, 1, NULL, error))    \
    X (godwit_listener_start, listener, (NULL, NULL, error))                                                 \
    X (godwit_listener_stop, listener, (NULL, NULL, error))                                                  \
    X (godwit_listener_wait, listener, (NULL, NULL, error))                                                  \
    X (godwit_listener_next, listener, (NULL, 0, &out.notification, error))                                  \
    X (godwit_listener_next, notification, (world.listener, 0, NULL, error))                                 \
    X (godwit_notifier_new, notifier, (NULL, world.transport, NULL, error))                                  \
    X (godwit_notifier_new, transport, (&out.notifier, NULL, NULL, error))                                   \
    X (godwit_notifier_flush, notifier, (NULL, 0, error))                                                    \
    X (godwit_notifier_prepare, notifier, (NULL, world.notifier, NULL, 0, error))                            \
    X (godwit_notifier_prepare, parent, (&out.notifier, NULL, NULL, 0, error))                               \
    X (godwit_notify, notifier, (NULL, GODWIT_PRIORITY_INFO, NULL, "e", GODWIT_NIL (NULL), NULL, error))     \
    X (godwit_notify, event_type,                                                                            \
       (world.notifier, GODWIT_PRIORITY_INFO, NULL, NULL, GODWIT_NIL (NULL), NULL, error))                   \
    X (godwit_test_notifications, list, (NULL, error))                                                       \
    X (godwit_notifier_get_stats, notifier, (NULL, &out_notifier_stats, error))                              \
    X (godwit_notifier_get_stats, stats, (world.notifier, NULL, error))                                      \
    X (godwit_notify_failure, notifier, (NULL, NULL, NULL, world.failure, error))                            \
    X (godwit_notify_failure, failure, (world.notifier, NULL, NULL, NULL, error))                            \
    X (godwit_rpc_add_extra_exmod, module, (NULL, error))                                                    \
    X (godwit_rpc_get_allowed_exmods, modules, (NULL, error))                                                \
    X (godwit_rpc_get_client, client, (NULL, TARGET, NULL, &godwit_json_serializer, error))                  \
    X (godwit_backing_off_client_new, client, (NULL, world.transport, TARGET, NULL, error))                  \
    X (godwit_backing_off_client_new, transport, (&out.client, NULL, TARGET, NULL, error))                   \
    X (godwit_rpc_get_server, server, (NULL, TARGET, ENDPOINT, 1, &godwit_json_serializer, error))           \
    X (godwit_rpc_get_server, endpoints, (&out.server, TARGET, NULL, 1, NULL, error))                        \
    X (godwit_rpc_get_notifier, notifier, (NULL, "service", "host", NULL, error))                            \
    X (godwit_rpc_connection_new, connection, (NULL, error))                                                 \
    X (godwit_rpc_connection_new_void, connection, (NULL, error))                                            \
    X (godwit_rpc_connection_create_consumer, connection,                                                    \
       (NULL, "t", ENDPOINT, 1, false, NULL, NULL, NULL, error))                                             \
    X (godwit_rpc_connection_create_consumer, topic,                                                         \
       (world.connection, NULL, ENDPOINT, 1, false, NULL, NULL, NULL, error))                                \
    X (godwit_rpc_connection_create_consumer, endpoints,                                                     \
       (world.connection, "t", NULL, 1, false, NULL, NULL, NULL, error))                                     \
    X (godwit_rpc_connection_consume_in_threads, connection, (NULL, error))                                  \
    X (godwit_rpc_connection_close, connection, (NULL, error))                                               \
    X (godwit_service_new, service, (NULL, NULL, "t", NULL, NULL, error))                                    \
    X (godwit_service_new, topic, (&out.service, NULL, NULL, NULL, NULL, error))                             \
    X (godwit_service_start, service, (NULL, error))                                                         \
    X (godwit_version_compatible, compatible, ("1.0", "1.0", NULL, error))                                   \
    X (godwit_cluster_new, cluster, (NULL, 1, error))                                                        \
    X (godwit_cluster_add, transport, (NULL, world.cluster, "one", NULL, error))                             \
    X (godwit_cluster_add, cluster, (&out.transport, NULL, "one", NULL, error))                              \
    X (godwit_cluster_add, node, (&out.transport, world.cluster, NULL, NULL, error))                         \
    X (godwit_cluster_stats, cluster, (NULL, &out_stats, error))                                             \
    X (godwit_cluster_stats, stats, (world.cluster, NULL, error))                                            \
    X (godwit_cluster_set_faults, cluster, (NULL, NULL, NULL, NULL, error))                                  \
    X (godwit_cluster_at, cluster, (NULL, 0, do_nothing, NULL, error))                                       \
    X (godwit_cluster_at, fn, (world.cluster, 0, NULL, NULL, error))                                         \
    X (godwit_cluster_partition, cluster, (NULL, NULL, 0, true, error))                                      \
    X (godwit_cluster_partition, nodes, (world.cluster, NULL, 1, true, error))                               \
    X (godwit_cluster_begin_plan, cluster, (NULL, NULL, error))                                              \
    X (godwit_trace_parse, trace, (NULL, "", error))                                                         \
    X (godwit_trace_parse, text, (&out_trace, NULL, error))                                                  \
    X (godwit_transport_new, transport, (NULL, "inproc://x/", NULL, error))                                  \
    X (godwit_transport_new, url, (&out.transport, NULL, NULL, error))                                       \
    X (godwit_transport_register_error, transport, (NULL, &nameless, error))                                 \
    X (godwit_transport_register_error, error_class, (world.transport, NULL, error))                         \
    X (godwit_transport_set_rendezvous, transport, (NULL, &one_address, 1, error))                           \
    X (godwit_transport_set_rendezvous, addresses, (world.transport, NULL, 1, error))                        \
    X (godwit_transport_reload_realm, transport, (NULL, error))                                              \
    X (godwit_transport_wait_ready, transport, (NULL, 0, error))                                             \
    X (godwit_transport_process, transport, (NULL, 0, error))                                                \
    X (godwit_transport_calls, transport, (NULL, NULL, &out.value, error))                                   \
    X (godwit_transport_calls, calls, (world.transport, NULL, NULL, error))                                  \
    X (godwit_transport_introspection, transport, (NULL, "ping", GODWIT_NO_ARGS, &out.value, error))         \
    X (godwit_transport_introspection, method, (world.transport, NULL, GODWIT_NO_ARGS, &out.value, error))   \
    X (godwit_transport_introspection, answer, (world.transport, "ping", GODWIT_NO_ARGS, NULL, error))       \
    X (godwit_transport_metrics, transport, (NULL, &out.value, error))                                       \
    X (godwit_transport_metrics, metrics, (world.transport, NULL, error))                                    \
    X (godwit_transport_metrics_text, transport, (NULL, &out_text, &out_size, error))                        \
    X (godwit_transport_metrics_text, text, (world.transport, NULL, &out_size, error))                       \
    X (godwit_transport_metrics_text, size, (world.transport, &out_text, NULL, error))                       \
    X (godwit_transport_servers, transport, (NULL, &out.value, error))                                       \
    X (godwit_transport_servers, servers, (world.transport, NULL, error))                                    \
    X (godwit_url_parse, url, (NULL, "zmq://", error))                                                       \
    X (godwit_url_parse, text, (&out.url, NULL, error))                                                      \
    X (godwit_value_new, value, (NULL, GODWIT_NIL (NULL), error))                                            \
    X (godwit_value_new_map, value, (NULL, (godwit_fields_t){NULL, 0, world.map}, error))                    \
    X (godwit_value_new_object, value, (NULL, NULL, NULL, error))                                            \
    X (godwit_value_new_bin, value, (NULL, "", 0, NULL, NULL, error))                                        \
    X (godwit_value_get_bool, out, (world.text, NULL, error))                                                \
    X (godwit_value_get_int, out, (godwit_value_at (world.map, 0), NULL, error))                             \
    X (godwit_value_get_uint, out, (godwit_value_at (world.map, 0), NULL, error))                            \
    X (godwit_value_get_double, out, (godwit_value_at (world.map, 0), NULL, error))                          \
    X (godwit_value_get_str, out, (world.text, NULL, error))                                                 \
    X (godwit_value_get_bin, out, (world.text, NULL, &out.size, error))                                      \
    X (godwit_value_get_bin, size, (world.text, &out.bytes, NULL, error))                                    \
    X (godwit_builder_finish, builder_p, (NULL, &out.value, error))                                          \
    X (godwit_builder_finish, value, (&world.builder, NULL, error))                                          \
    X (godwit_value_unpack_sized, slots, (world.map, NULL, sizeof *slots, 1, &out.number, "args", error))    \
    X (godwit_value_unpack_sized, base, (world.map, slots, sizeof *slots, 1, NULL, "args", error))

#define AS_FUNCTION(function_, argument_, call_)                                                             \
    static godwit_status_t function_##_without_##argument_ (godwit_error_t **error)                          \
    {                                                                                                        \
        return function_ call_;                                                                              \
    }
#define AS_ROW(function_, argument_, call_) {#function_, #argument_, function_##_without_##argument_},

REFUSED (AS_FUNCTION)

static const struct row {
    const char *function;
    const char *argument;
    godwit_status_t (*run) (godwit_error_t **error);
} rows[] = {REFUSED (AS_ROW)};

enum { ROWS = sizeof rows / sizeof *rows };

/* "*" stands for all functions. */
static const struct {
    const char *function;
    const char *argument;
} may_be_null[] = {
    {"*", "error"},
    {"*", "options"},
    {"*", "context"},
    {"*", "serializer"}, /* but what godwit_request_context_serializer_new makes, which has a row */
    {"*", "result"},
    {"*", "user"},
    {"*", "target"}, /* a target with nothing set: what is missing is missed when it is needed */
    {"*", "host"},
    {"godwit_client_prepare", "overrides"},
    {"godwit_client_fanout", "report"},
    {"godwit_future_wait", "finished"},
    {"godwit_notifier_prepare", "publisher_id"},
    {"godwit_notify_failure", "what"},
    {"godwit_notify_use_routing", "routing"},
    {"godwit_transport_new_from_config", "url"},
    {"godwit_request_context_serializer_new", "base"},
    {"godwit_rpc_init", "config"},
    {"godwit_rpc_init_action", "config"},
    {"godwit_rpc_get_client", "version_cap"},
    {"godwit_rpc_set_context_hooks", "hooks"},
    {"godwit_rpc_get_notifier", "service"}, /* while there are none */
    {"godwit_rpc_get_notifier", "publisher_id"},
    {"godwit_rpc_connection_create_consumer", "exchange"},
    {"godwit_service_new", "manager"},
    {"godwit_version_compatible", "implemented"},
    {"godwit_version_compatible", "requested"},
    {"godwit_cluster_begin_plan", "plan"},
    {"godwit_cluster_set_faults", "from"},
    {"godwit_cluster_set_faults", "to"},
    {"godwit_cluster_set_faults", "faults"},
    {"godwit_value_new_bin", "data"},
    {"godwit_value_new_bin", "free_fn"},
    {"godwit_value_new_bin", "hint"},
    {"godwit_value_new_object", "object"},
    {"godwit_value_new_object", "destroy"},
    {"godwit_value_get_bool", "value"}, /* NULL is nil */
    {"godwit_value_get_int", "value"},
    {"godwit_value_get_uint", "value"},
    {"godwit_value_get_double", "value"},
    {"godwit_value_get_str", "value"},
    {"godwit_value_get_bin", "value"},
    {"godwit_value_unpack_sized", "map"},
    {"godwit_value_unpack_sized", "path"},
    {"godwit_error_status", "error"},
    /* They have no error to name it in: below. */
    {"godwit_request_reply", "request"},
    {"godwit_request_fail", "request"},
    {"godwit_request_fail", "error_p"},
    {"godwit_request_on_cancel", "request"},
    {"godwit_request_on_cancel", "callback"},
};

TestSuite (null_arguments, .timeout = 60);

static void
check (const struct row *row)
{
    char start[64];
    godwit_error_t *error = NULL;
    snprintf (start, sizeof start, "%s: expected ", row->argument);
    out.pointer = NULL;
    world.builder = godwit_builder_new ();
    godwit_builder_nil (world.builder, NULL);
    const godwit_status_t status = row->run (&error);
    cr_expect_eq (status, GODWIT_ERR_INVALID_ARGUMENT, "%s without %s: %s", row->function, row->argument,
                  godwit_status_type (status));
    cr_expect (!strncmp (godwit_error_message (error), start, strlen (start)), "%s without %s: \"%s\"",
               row->function, row->argument, godwit_error_message (error));
    cr_expect_null (out.pointer, "%s without %s wrote something", row->function, row->argument);
    godwit_error_destroy (&error);
    /* It need not be asked why. */
    cr_expect_eq (row->run (NULL),
                  strcmp (row->argument, "value") || !strstr (row->function, "builder")
                      ? GODWIT_ERR_INVALID_ARGUMENT
                      : GODWIT_ERR_OUT_OF_MEMORY, /* its builder was consumed */
                  "%s without %s and error", row->function, row->argument);
    godwit_builder_destroy (&world.builder);
}

Test (null_arguments, are_named)
{
    open_world ();
    for (size_t i = 0; i < ROWS; i++)
        check (&rows[i]);
    close_world ();
}

static void
on_cancel (godwit_request_t *request, void *user)
{
    (void) request, (void) user;
}

Test (null_arguments, have_no_name_where_there_is_no_error)
{
    godwit_error_t *error = godwit_error_new (GODWIT_ERR_FAILED, "lost");
    cr_expect_eq (godwit_request_reply (NULL, GODWIT_NIL (NULL)), GODWIT_ERR_INVALID_ARGUMENT);
    cr_expect_eq (godwit_request_fail (NULL, &error), GODWIT_ERR_INVALID_ARGUMENT);
    cr_expect_eq (godwit_request_on_cancel (NULL, on_cancel, NULL), GODWIT_ERR_INVALID_ARGUMENT);
    cr_expect_not (godwit_request_is_cancelled (NULL));
    cr_expect_null (error, "it is consumed");
}

/* What has nothing set is as good as nothing. */
Test (null_arguments, of_a_target_are_missed_when_it_is_needed)
{
    godwit_client_t *client = NULL;
    godwit_server_t *server = NULL;
    open_world ();
    cr_expect_eq (godwit_client_new (&client, world.transport, NULL, NULL, NULL), GODWIT_OK);
    cr_expect_eq (godwit_client_call (client, NULL, "m", GODWIT_NO_ARGS, NULL, NULL),
                  GODWIT_ERR_INVALID_TARGET);
    cr_expect_eq (godwit_server_new (&server, world.transport, NULL, ENDPOINT, 1, NULL, NULL), GODWIT_OK);
    cr_expect_neq (godwit_server_start (server, NULL, NULL), GODWIT_OK);
    godwit_client_destroy (&client);
    godwit_server_destroy (&server);
    close_world ();
}

/* ---- all of them ---- */

static bool
is_known (const char *function, const char *argument)
{
    for (size_t i = 0; i < ROWS; i++)
        if (!strcmp (rows[i].function, function) && !strcmp (rows[i].argument, argument))
            return true;
    for (size_t i = 0; i < sizeof may_be_null / sizeof *may_be_null; i++)
        if ((!strcmp (may_be_null[i].function, "*") || !strcmp (may_be_null[i].function, function)) &&
            !strcmp (may_be_null[i].argument, argument))
            return true;
    return false;
}

static void
check_declaration (void *user, const char *function, bool returns_status, const char *parameters)
{
    size_t *pointers = user;
    char name[64];
    bool is_pointer;
    if (!returns_status)
        return;
    while ((parameters = headers_next_parameter (parameters, name, &is_pointer))) {
        *pointers += is_pointer;
        cr_expect (!is_pointer || is_known (function, name), "%s: %s has no row, and may not be NULL either",
                   function, name);
    }
}

Test (null_arguments, every_pointer_has_a_row)
{
    size_t pointers = 0;
    cr_assert_geq (headers_for_each (check_declaration, &pointers), 150u);
    cr_assert_geq (pointers, 200u, "%zu", pointers);
}
