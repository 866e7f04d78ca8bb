/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 11: connections. */
#include "tests/contract/module.h"

#include <unistd.h>

/* ---- connections ---- */

static void
connection_starts_all (core_t *core)
{
    worker_t worker;
    godwit_rpc_connection_t *connection = NULL;
    worker_open (&worker);
    module_init (core, "");
    godwit_client_t *a = module_client ("a"), *b = module_client ("b"), *c = module_client ("c");
    MUST (godwit_rpc_connection_new (&connection, &error));
    add_consumer (connection, &worker, "a", NULL);
    add_consumer (connection, &worker, "b", NULL);
    cr_assert (!is_served (a) && !is_served (b));
    MUST (godwit_rpc_connection_consume_in_threads (connection, &error));
    cr_assert_eq (godwit_rpc_connection_server_count (connection), 2u);
    cr_assert_neq (godwit_rpc_connection_server (connection, 0),
                   godwit_rpc_connection_server (connection, 1));
    cr_assert_null (godwit_rpc_connection_server (connection, 2));
    answers (a);
    answers (b);
    add_consumer (connection, &worker, "c", NULL); /* one that comes later starts with the next consume */
    MUST (godwit_rpc_connection_consume_in_threads (connection, &error));
    answers (c);
    MUST (godwit_rpc_connection_close (connection, &error));
    MUST (godwit_rpc_connection_close (connection, &error));
    cr_assert (!is_served (a) && !is_served (b) && !is_served (c));
    FAILS (GODWIT_ERR_CLOSED, GODWIT_OUTCOME_NONE, "The connection is closed",
           godwit_rpc_connection_consume_in_threads (connection, &error));
    godwit_rpc_connection_destroy (&connection);
    cr_assert_eq (worker.destroyed, 3);
    godwit_client_destroy (&a);
    godwit_client_destroy (&b);
    godwit_client_destroy (&c);
    module_cleanup ();
    worker_close (&worker);
}

typedef struct closing {
    godwit_rpc_connection_t *connection;
    worker_t *worker;
    int returned; /* the place in the order at which close returned */
} closing_t;

static void *
close_connection (void *user)
{
    closing_t *closing = user;
    MUST (godwit_rpc_connection_close (closing->connection, &error));
    closing->returned = ++closing->worker->order;
    return NULL;
}

/* Both servers are stopped while a handler of the first still runs: stopping does not wait. */
static void
connection_stops_all_then_waits (core_t *core)
{
    worker_t worker;
    tally_t ended;
    closing_t closing = {.worker = &worker};
    pthread_t closer;
    worker_open (&worker);
    tally_open (&ended);
    module_init (core, "");
    godwit_client_t *a = module_client ("a"), *b = module_client ("b");
    MUST (godwit_rpc_connection_new (&closing.connection, &error));
    add_consumer (closing.connection, &worker, "a", NULL);
    add_consumer (closing.connection, &worker, "b", NULL);
    MUST (godwit_rpc_connection_consume_in_threads (closing.connection, &error));
    MUST (godwit_client_call_async (a, NULL, "block", GODWIT_NO_ARGS, add_to_tally, &ended, &error));
    tally_wait (&worker.running, 1);
    cr_assert_eq (pthread_create (&closer, NULL, close_connection, &closing), 0);
    wait_stopped (a);
    wait_stopped (b);
    tally_add (&worker.gate);
    pthread_join (closer, NULL);
    cr_assert (closing.returned > worker.ended && worker.ended > 0, "close returned at %d, the handler at %d",
               closing.returned, worker.ended);
    tally_wait (&ended, 1);
    godwit_rpc_connection_destroy (&closing.connection);
    godwit_client_destroy (&a);
    godwit_client_destroy (&b);
    module_cleanup ();
    tally_close (&ended);
    worker_close (&worker);
}

/* The second has a name that cannot be announced, so that the first stops again. */
static void
connection_start_that_fails (core_t *core)
{
    worker_t worker;
    char long_topic[300];
    godwit_rpc_connection_t *connection = NULL;
    worker_open (&worker);
    module_init (core, "");
    memset (long_topic, 'x', sizeof long_topic - 1);
    long_topic[sizeof long_topic - 1] = '\0';
    godwit_client_t *a = module_client ("a");
    MUST (godwit_rpc_connection_new (&connection, &error));
    add_consumer (connection, &worker, "a", NULL);
    add_consumer (connection, &worker, long_topic, NULL);
    FAILS (GODWIT_ERR_SERVER_LISTEN, GODWIT_OUTCOME_NONE, "xxx",
           godwit_rpc_connection_consume_in_threads (connection, &error));
    cr_assert (!is_served (a));
    godwit_rpc_connection_destroy (&connection);
    cr_assert_eq (worker.destroyed, 2);
    godwit_client_destroy (&a);
    module_cleanup ();
    worker_close (&worker);
}

/* topic, exchange and host are where its calls go. */
static void
consumer_target (core_t *core)
{
    worker_t worker;
    godwit_rpc_connection_t *connection = NULL;
    godwit_client_t *named = NULL, *here = NULL, *elsewhere = NULL;
    char host[256] = "";
    worker_open (&worker);
    const godwit_endpoint_t endpoint = endpoint_of (&worker);
    gethostname (host, sizeof host - 1);
    module_init (core, "");
    MUST (godwit_rpc_connection_new (&connection, &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "topic: expected a pointer, got NULL",
           godwit_rpc_connection_create_consumer (connection, NULL, &endpoint, 1, false, NULL, NULL, NULL,
                                                  &error));
    MUST (godwit_rpc_connection_create_consumer (connection, "t", &endpoint, 1, true, "apmec", "node-7", NULL,
                                                 &error));
    add_consumer (connection, &worker, "t", NULL);
    MUST (godwit_rpc_connection_consume_in_threads (connection, &error));
    MUST (godwit_rpc_get_client (
        &named, GODWIT_TARGET (.exchange = "apmec", .topic = "t", .server = "node-7"), NULL, NULL, &error));
    MUST (godwit_rpc_get_client (&here, GODWIT_TARGET (.topic = "t", .server = host), NULL, NULL, &error));
    MUST (godwit_rpc_get_client (&elsewhere, GODWIT_TARGET (.exchange = "other", .topic = "t"), NULL, NULL,
                                 &error));
    answers (named);
    answers (here);
    cr_assert (!is_served (elsewhere));
    godwit_client_destroy (&elsewhere);
    godwit_client_destroy (&here);
    godwit_client_destroy (&named);
    godwit_rpc_connection_destroy (&connection);
    module_cleanup ();

    module_init (core, "host = the-host\n"); /* the configuration's name instead of the machine's */
    MUST (godwit_rpc_connection_new (&connection, &error));
    add_consumer (connection, &worker, "t", NULL);
    MUST (godwit_rpc_connection_consume_in_threads (connection, &error));
    MUST (godwit_rpc_get_client (&here, GODWIT_TARGET (.topic = "t", .server = "the-host"), NULL, NULL,
                                 &error));
    answers (here);
    godwit_client_destroy (&here);
    godwit_rpc_connection_destroy (&connection);
    module_cleanup ();
    worker_close (&worker);
}

static void
does_nothing (godwit_rpc_connection_t *connection)
{
    worker_t worker;
    worker_open (&worker);
    add_consumer (connection, &worker, "a", NULL);
    MUST (godwit_rpc_connection_consume_in_threads (connection, &error));
    cr_assert_eq (godwit_rpc_connection_server_count (connection), 0u);
    cr_assert_null (godwit_rpc_connection_server (connection, 0));
    MUST (godwit_rpc_connection_close (connection, &error));
    worker_close (&worker);
}

static void
void_connection (core_t *core)
{
    godwit_rpc_connection_t *connection = NULL;
    (void) core;
    MUST (godwit_rpc_connection_new_void (&connection, &error)); /* before init */
    does_nothing (connection);
    godwit_rpc_connection_destroy (&connection);
    cr_assert_null (connection);
    godwit_rpc_connection_destroy (&connection);
}

static void
disabled_rpc (core_t *core)
{
    worker_t worker;
    godwit_rpc_connection_t *connection = NULL;
    godwit_service_t *service = NULL;
    worker_open (&worker);
    const godwit_endpoint_t endpoint = endpoint_of (&worker);
    const godwit_manager_t manager = {
        .struct_size = sizeof manager, .endpoints = &endpoint, .endpoint_count = 1};
    module_init (core, "rpc_workers = 0\n");
    godwit_client_t *client = module_client ("a");
    MUST (godwit_rpc_connection_new (&connection, &error));
    does_nothing (connection);
    godwit_rpc_connection_destroy (&connection);
    MUST (godwit_service_new (&service, NULL, "a", &manager, NULL, &error));
    MUST (godwit_service_start (service, &error));
    cr_assert (!is_served (client));
    godwit_service_stop (service, true);
    godwit_service_destroy (&service);
    godwit_client_destroy (&client);
    module_cleanup ();
    worker_close (&worker);
}

static const contract_row_t rows[] = {
    {"11: Connection: create_consumer(...), consume_in_threads() starts all and returns them ...",
     connection_starts_all},
    {"11: ... close() stops all and then waits for all.", connection_stops_all_then_waits},
    {"11: consume_in_threads() starts all ... (or none)", connection_start_that_fails},
    {"11: create_consumer(topic, endpoints, fanout, exchange, host)", consumer_target},
    {"11: VoidConnection: the same, no-ops ...", void_connection},
    {"11: ... create_connection() gives it when RPC is disabled.", disabled_rpc},
};
CONTRACT (section11_connection, rows)
