/* SPDX-License-Identifier: Apache-2.0 */
/* The apmec module and the simulated cluster when the n-th allocation fails: they say so or do without, leak
 * nothing, and can be used again. All runs in this thread, with external_loop. */
#include "tests/support/short_memory.h"

#include <godwit/config.h>
#include <godwit/godwit.h>
#include <godwit/service.h>
#include <godwit/testing.h>

#include <stdio.h>

#ifndef SHORT_MEMORY_SANITIZED

/* A connection that came to nothing for want of memory is waited for until its timeout. */
#define CONFIG                                                                                               \
    "[DEFAULT]\ntransport_url = inproc://alloc-module/\nhost = here\nrpc_response_timeout = 0.05\n"          \
    "[godwit]\nexternal_loop = true\nconnect_timeout_ms = 100\nallowed_remote_exmods = shop\n"
/* Also the ceiling of those that back off. */
#define TIMEOUT_MS 50

static godwit_config_t *config;
static FILE *file; /* has no name, so nothing is left of it */

static void
open_world (void)
{
    file = tmpfile ();
    cr_assert (file && fputs (CONFIG, file) >= 0 && fflush (file) == 0);
    cr_assert_eq (godwit_config_parse (&config, CONFIG, "a text", NULL), GODWIT_OK);
}

static void
close_world (void)
{
    godwit_config_destroy (&config);
    fclose (file);
}

static godwit_status_t
echo (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (
        request, godwit_field_from (godwit_value_get (godwit_request_args (request), "value")));
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("echo", echo, 0)};

#define ENDPOINT (&GODWIT_ENDPOINT (methods, .version = "1.0"))

static godwit_status_t
call (godwit_client_t *client, godwit_error_t **error)
{
    godwit_value_t *result = NULL;
    const godwit_status_t status =
        godwit_client_call (client, NULL, "echo", GODWIT_ARGS (GODWIT_STR ("value", "text")), &result, error);
    cr_assert (status || !strcmp (godwit_value_as_str (result, ""), "text"), "another result");
    godwit_value_unref (&result);
    return status;
}

/* ---- the apmec module ---- */

static godwit_status_t
pass_on (void *user, const godwit_value_t *context, godwit_value_t **map, godwit_error_t **error)
{
    (void) user, (void) error;
    *map = godwit_value_ref (context);
    return GODWIT_OK;
}

static godwit_status_t
in_module (godwit_status_t body (godwit_error_t **error), godwit_error_t **error)
{
    static const godwit_context_hooks_t hooks = {.struct_size = sizeof hooks, .to_map = pass_on};
    godwit_status_t status = godwit_rpc_add_extra_exmod ("market", error);
    if (!status)
        status = godwit_rpc_set_context_hooks (&hooks, error); /* each client and server has a serializer */
    if (!status)
        status = godwit_rpc_init (config, error);
    const bool began = !status;
    cr_assert_eq (began, godwit_rpc_transport () != NULL);
    if (!status)
        status = godwit_backing_off_client_set_max_timeout (TIMEOUT_MS, error);
    if (!status)
        status = body (error);
    cr_assert_eq (godwit_rpc_cleanup (NULL), began ? GODWIT_OK : GODWIT_ERR_INVALID_ARGUMENT);
    godwit_rpc_clear_extra_exmods ();
    return status;
}

static godwit_status_t
run_load (godwit_error_t **error)
{
    godwit_config_t *loaded = NULL;
    char path[64];
    snprintf (path, sizeof path, "/proc/self/fd/%d", fileno (file));
    const godwit_status_t status = godwit_config_load (&loaded, path, error);
    cr_assert_eq (!status, loaded != NULL);
    godwit_config_destroy (&loaded);
    return status;
}

static godwit_status_t
run_init_action (godwit_error_t **error)
{
    godwit_notifier_t *notifier = NULL;
    godwit_value_t *modules = NULL;
    godwit_status_t status = godwit_rpc_init_action (config, error);
    if (status)
        return status;
    status = godwit_rpc_get_allowed_exmods (&modules, error);
    if (!status && (status = godwit_rpc_get_notifier (&notifier, "service", "host", NULL, error)) ==
                       GODWIT_ERR_INVALID_ARGUMENT) { /* as it should */
        status = GODWIT_OK;
        godwit_error_destroy (error);
    }
    godwit_value_unref (&modules);
    cr_assert_eq (godwit_rpc_cleanup (NULL), GODWIT_OK);
    return status;
}

static godwit_status_t
talk (godwit_error_t **error)
{
    const godwit_target_t *target = GODWIT_TARGET (.topic = "alloc", .server = "one");
    const godwit_serializer_t *json = &godwit_json_serializer;
    godwit_server_t *server = NULL;
    godwit_client_t *client = NULL, *other = NULL;
    godwit_status_t status = godwit_rpc_get_server (&server, target, ENDPOINT, 1, json, error);
    if (!status)
        status = godwit_server_start (server, NULL, error);
    if (!status)
        status = godwit_rpc_get_client (&client, GODWIT_TARGET (.topic = "alloc", .version = "1.0"), "1.0",
                                        json, error);
    if (!status)
        status = call (client, error);
    if (!status)
        status = godwit_client_prepare (&other, client, GODWIT_OVERRIDES (.server = "one"), error);
    if (!status)
        status = call (other, error);
    godwit_client_destroy (&other);
    godwit_client_destroy (&client);
    godwit_server_destroy (&server);
    return status;
}

static godwit_status_t
run_talk (godwit_error_t **error)
{
    return in_module (talk, error);
}

static void
on_end (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) result;
    (void) error;
    *(int *) user = (int) status;
}

/* Nobody answers: what is doubled has an entry in the table of timeouts. */
static godwit_status_t
back_off (godwit_error_t **error)
{
    godwit_transport_t *transport = godwit_rpc_transport ();
    godwit_client_t *client = NULL;
    int ended = -1;
    godwit_status_t status = godwit_backing_off_client_set_max_timeout (2, error);
    if (!status)
        status = godwit_backing_off_client_new (
            &client, transport, GODWIT_TARGET (.topic = "nobody", .name_space = "n"), NULL, error);
    if (status)
        return status;
    status = call (client, error);
    if (status == GODWIT_ERR_TIMEOUT) { /* as it should */
        godwit_error_destroy (error);
        status = godwit_client_call_async (client, NULL, "echo", GODWIT_NO_ARGS, on_end, &ended, error);
        while (!status && ended < 0)
            godwit_transport_process (transport, 1, NULL);
        if (!status && ended != GODWIT_ERR_TIMEOUT)
            status = (godwit_status_t) ended;
    }
    godwit_client_destroy (&client);
    return status;
}

static godwit_status_t
run_back_off (godwit_error_t **error)
{
    return in_module (back_off, error);
}

/* The list of its servers grows twice. */
static godwit_status_t
connect_all (godwit_error_t **error)
{
    godwit_rpc_connection_t *connection = NULL, *none = NULL;
    godwit_client_t *client = NULL;
    size_t made = 0;
    char topic[16];
    godwit_status_t status = godwit_rpc_connection_new (&connection, error);
    for (; !status && made < 5; made += !status) {
        snprintf (topic, sizeof topic, "topic%zu", made);
        status = godwit_rpc_connection_create_consumer (connection, topic, ENDPOINT, 1, made == 1, NULL, NULL,
                                                        made ? NULL : &godwit_json_serializer, error);
    }
    cr_assert_eq (godwit_rpc_connection_server_count (connection), made);
    if (!status)
        status = godwit_rpc_connection_consume_in_threads (connection, error);
    if (status == GODWIT_ERR_OUT_OF_MEMORY && made == 5) { /* what was started was stopped again */
        godwit_error_destroy (error);
        status = godwit_rpc_connection_consume_in_threads (connection, error);
    }
    if (!status)
        status = godwit_rpc_get_client (&client, GODWIT_TARGET (.topic = "topic4", .server = "here"), NULL,
                                        NULL, error);
    if (!status)
        status = call (client, error);
    if (!status)
        status = godwit_rpc_connection_close (connection, error);
    if (!status)
        status = godwit_rpc_connection_new_void (&none, error);
    godwit_client_destroy (&client);
    godwit_rpc_connection_destroy (&none);
    godwit_rpc_connection_destroy (&connection);
    return status;
}

static godwit_status_t
run_connection (godwit_error_t **error)
{
    return in_module (connect_all, error);
}

static godwit_status_t
add_consumer (void *user, godwit_service_t *service, godwit_error_t **error)
{
    (void) user;
    return godwit_rpc_connection_create_consumer (godwit_service_connection (service), "more", ENDPOINT, 1,
                                                  false, NULL, NULL, NULL, error);
}

/* A start that failed may be tried again: it undid what it did. */
static godwit_status_t
start (godwit_service_t *service, godwit_error_t **error)
{
    godwit_status_t status = godwit_service_start (service, error);
    if (status == GODWIT_ERR_OUT_OF_MEMORY) {
        cr_assert_null (godwit_service_connection (service));
        godwit_error_destroy (error);
        status = godwit_service_start (service, error);
    }
    cr_assert (status || godwit_rpc_connection_server_count (godwit_service_connection (service)) == 2);
    cr_assert (status || godwit_rpc_connection_server (godwit_service_connection (service), 1));
    return status;
}

static godwit_status_t
serve (godwit_error_t **error)
{
    godwit_service_t *service = NULL;
    godwit_client_t *client = NULL;
    const godwit_manager_t manager = {.struct_size = sizeof manager,
                                      .endpoints = ENDPOINT,
                                      .endpoint_count = 1,
                                      .initialize_service_hook = add_consumer};
    godwit_status_t status = godwit_service_new (&service, "here", "service", &manager, NULL, error);
    if (!status)
        status = start (service, error);
    if (!status)
        godwit_service_stop (service, false);
    if (!status)
        status = start (service, error);
    if (!status)
        status = godwit_rpc_get_client (&client, GODWIT_TARGET (.topic = "more"), NULL, NULL, error);
    if (!status)
        status = call (client, error);
    godwit_service_stop (service, true);
    godwit_client_destroy (&client);
    godwit_service_destroy (&service);
    return status;
}

static godwit_status_t
run_service (godwit_error_t **error)
{
    return in_module (serve, error);
}

/* ---- the simulated cluster ---- */

static bool
is_later (void *user)
{
    return godwit_cluster_now_ms (user) >= 1000;
}

/* A node that could not be added does not stand in the way of its name, nor of the others. */
static godwit_status_t
add_node (godwit_transport_t **node, godwit_cluster_t *cluster, const char *name, godwit_error_t **error)
{
    godwit_status_t status = godwit_cluster_add (node, cluster, name, NULL, error);
    if (status == GODWIT_ERR_OUT_OF_MEMORY) {
        godwit_error_destroy (error);
        status = godwit_cluster_add (node, cluster, name, NULL, error);
    }
    return status;
}

/* One more, then without one of the first; what failed has changed nothing. */
static godwit_status_t
change_rendezvous (godwit_transport_t *transport, godwit_error_t **error)
{
    static const char *const more[] = {"one", "two", "three", "four:9574"}, *const fewer[] = {"four:9574",
                                                                                              "two"};
    godwit_transport_stats_t before, after;
    godwit_transport_stats (transport, &before, sizeof before);
    godwit_status_t status = godwit_transport_set_rendezvous (transport, more, 4, error);
    godwit_transport_stats (transport, &after, sizeof after);
    cr_assert_eq (after.rendezvous_known, status ? before.rendezvous_known : 4u);
    return status ? status : godwit_transport_set_rendezvous (transport, fewer, 2, error);
}

static void
count_call (void *user)
{
    ++*(unsigned *) user;
}

static void
count_fault (void *user, godwit_fault_t fault, const char *node, bool over)
{
    (void) fault, (void) node, (void) over;
    ++*(unsigned *) user;
}

static void
count_line (void *user, int64_t now_us, const char *line)
{
    (void) now_us, (void) line;
    ++*(unsigned *) user;
}

/* What failed has no effect. */
static godwit_status_t
plan (godwit_cluster_t *cluster, godwit_error_t **error)
{
    static const char *const set[] = {"two", "five"}, *const first[] = {"three"};
    static unsigned lines;
    unsigned calls = 0, faults = 0;
    godwit_cluster_stats_t stats = {.struct_size = sizeof stats};
    godwit_cluster_set_trace (cluster, count_line, &lines);
    godwit_status_t status = godwit_cluster_partition (cluster, set, 2, true, error);
    if (!status)
        status = godwit_cluster_partition (cluster, set, 2, false, error);
    if (!status)
        status = godwit_cluster_at (cluster, 5, count_call, &calls, error);
    const unsigned expected = !status;
    if (!status)
        status = godwit_cluster_begin_plan (
            cluster,
            GODWIT_CLUSTER_PLAN (.faults = GODWIT_FAULT_PAUSE | GODWIT_FAULT_PARTITION, .fault_count = 3,
                                 .duration_ms = 200, .nodes = first, .node_count = 1, .on_fault = count_fault,
                                 .user = &faults),
            error);
    godwit_cluster_pause (cluster, "two", true);
    godwit_cluster_run (cluster, 300);
    godwit_cluster_heal (cluster);
    cr_assert_eq (calls, expected);
    cr_assert (status ? faults == 0 : faults >= 2);
    godwit_cluster_stats (cluster, &stats, NULL);
    cr_assert_gt (stats.frames, 0);
    godwit_cluster_set_trace (cluster, NULL, NULL);
    return status;
}

static godwit_status_t
misuse (godwit_cluster_t *cluster, godwit_error_t **error)
{
    const godwit_status_t status = godwit_cluster_set_faults (
        cluster, "one", NULL,
        GODWIT_FAULTS (.reorder = 0.5, .delay_max_us = 1 + (int64_t) godwit_cluster_random (cluster, 1000)),
        error);
    godwit_cluster_cut (cluster, "one", "two", true);
    godwit_cluster_run (cluster, 100);
    godwit_cluster_cut (cluster, "one", "two", false);
    return status;
}

static godwit_status_t
run_cluster (godwit_error_t **error)
{
    static const char *const names[] = {"one", "two", "three"};
    godwit_transport_t *nodes[3] = {NULL};
    godwit_cluster_t *cluster = NULL;
    godwit_server_t *server = NULL;
    godwit_client_t *client = NULL;
    godwit_status_t status = godwit_cluster_new (&cluster, 1, error);
    for (int i = 0; !status && i < 3; i++)
        status = add_node (&nodes[i], cluster, names[i], error);
    if (!status)
        status = godwit_server_new (&server, nodes[1], GODWIT_TARGET (.topic = "alloc", .server = "two"),
                                    ENDPOINT, 1, NULL, error);
    if (!status)
        status = godwit_server_start (server, NULL, error);
    if (!status)
        status = godwit_client_new (&client, nodes[0], GODWIT_TARGET (.topic = "alloc"), NULL, error);
    if (!status)
        status = call (client, error);
    if (!status)
        status = misuse (cluster, error);
    if (!status)
        status = plan (cluster, error);
    if (!status)
        status = change_rendezvous (nodes[0], error);
    if (!status)
        status = call (client, error);
    if (!status) {
        godwit_cluster_kill (cluster, "three", false);
        cr_assert (godwit_cluster_run_until (cluster, is_later, cluster, 60000));
    }
    godwit_client_destroy (&client);
    godwit_server_destroy (&server);
    for (int i = 0; i < 3; i++)
        godwit_transport_destroy (&nodes[i]);
    godwit_cluster_destroy (&cluster);
    return status;
}

/* ---- all ---- */

static const short_memory_row_t rows[] = {
    {"load a configuration", run_load, 5}, {"init_action", run_init_action, 20},
    {"client and server", run_talk, 30},   {"client that backs off", run_back_off, 30},
    {"connection", run_connection, 50},    {"service", run_service, 50},
    {"cluster", run_cluster, 100},
};

enum { ROWS = sizeof rows / sizeof *rows };

TestSuite (alloc_module, .timeout = 300);

Test (alloc_module, any_allocation_may_fail_and_nothing_leaks)
{
    for (size_t row = 0; row < ROWS; row++)
        short_memory_check (&rows[row], open_world, close_world);
}

#else

Test (alloc_module, is_left_to_the_builds_without_sanitizers)
{
    cr_skip_test ();
}

#endif
