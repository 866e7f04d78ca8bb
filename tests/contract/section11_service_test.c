/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 11: services. */
#include "tests/contract/module.h"

/* ---- services ---- */

typedef struct manager {
    worker_t worker;
    godwit_client_t *client; /* of the service's topic */
    size_t servers_in_hook;
    bool served_in_hook;
    int hooks;
    bool fails;
    bool adds; /* a consumer of its own */
} manager_t;

static godwit_status_t
hook (void *user, godwit_service_t *service, godwit_error_t **error)
{
    manager_t *manager = user;
    manager->hooks++;
    manager->servers_in_hook = godwit_rpc_connection_server_count (godwit_service_connection (service));
    manager->served_in_hook = is_served (manager->client);
    if (manager->adds)
        add_consumer (godwit_service_connection (service), &manager->worker, "more", NULL);
    if (!manager->fails)
        return GODWIT_OK;
    *error = godwit_error_new (GODWIT_ERR_NOT_FOUND, "no database");
    return GODWIT_ERR_NOT_FOUND;
}

/* Of topic "vnfm", with its client. */
static godwit_service_t *
new_service (const core_t *core, manager_t *manager, const char *host)
{
    godwit_service_t *service = NULL;
    memset (manager, 0, sizeof *manager);
    worker_open (&manager->worker);
    module_init (core, "");
    manager->client = module_client ("vnfm");
    const godwit_endpoint_t endpoint = endpoint_of (&manager->worker);
    const godwit_manager_t given = {.struct_size = sizeof given,
                                    .endpoints = &endpoint,
                                    .endpoint_count = 1,
                                    .user = manager,
                                    .initialize_service_hook = hook};
    MUST (godwit_service_new (&service, host, "vnfm", &given, NULL, &error));
    return service;
}

static void
end_service (godwit_service_t **service, manager_t *manager)
{
    godwit_service_destroy (service);
    cr_assert_null (*service);
    cr_assert_eq (manager->worker.destroyed, manager->adds ? 2 : 1);
    godwit_client_destroy (&manager->client);
    module_cleanup ();
    worker_close (&manager->worker);
}

static void
service_start_order (core_t *core)
{
    manager_t manager;
    godwit_service_t *service = new_service (core, &manager, NULL);
    cr_assert_null (godwit_service_connection (service));
    MUST (godwit_service_start (service, &error));
    cr_assert_eq (manager.hooks, 1);
    cr_assert_eq (manager.servers_in_hook, 1u); /* the consumer exists ... */
    cr_assert (!manager.served_in_hook);        /* ... and does not consume yet */
    answers (manager.client);
    MUST (godwit_service_start (service, &error)); /* is started */
    cr_assert_eq (manager.hooks, 1);
    end_service (&service, &manager);
}

static void
service_hook_adds (core_t *core)
{
    manager_t manager;
    godwit_service_t *service = new_service (core, &manager, NULL);
    godwit_client_t *more = module_client ("more");
    manager.adds = true;
    MUST (godwit_service_start (service, &error));
    answers (manager.client);
    answers (more);
    godwit_client_destroy (&more);
    end_service (&service, &manager);
}

static void
service_hook_fails (core_t *core)
{
    manager_t manager;
    godwit_service_t *service = new_service (core, &manager, NULL);
    manager.fails = true;
    FAILS (GODWIT_ERR_NOT_FOUND, GODWIT_OUTCOME_NONE, "no database", godwit_service_start (service, &error));
    cr_assert_eq (godwit_service_start (service, NULL), GODWIT_ERR_NOT_FOUND);
    cr_assert_null (godwit_service_connection (service));
    cr_assert (!is_served (manager.client));
    manager.fails = false;
    MUST (godwit_service_start (service, &error));
    answers (manager.client);
    end_service (&service, &manager);
}

static void
service_host_and_serializer (core_t *core)
{
    manager_t manager;
    counts_t counts;
    const godwit_serializer_t serializer = counting (&counts);
    godwit_service_t *service = new_service (core, &manager, "node-7"), *other = NULL;
    godwit_client_t *named = NULL, *of_other = NULL;
    MUST (godwit_service_start (service, &error));
    MUST (godwit_client_prepare (&named, manager.client, GODWIT_OVERRIDES (.server = "node-7"), &error));
    answers (named);
    worker_t worker;
    worker_open (&worker);
    const godwit_endpoint_t endpoint = endpoint_of (&worker);
    const godwit_manager_t given = {.struct_size = sizeof given, .endpoints = &endpoint, .endpoint_count = 1};
    MUST (godwit_service_new (&other, "node-8", "vnfm", &given, &serializer, &error));
    MUST (godwit_service_start (other, &error));
    MUST (godwit_client_prepare (&of_other, manager.client, GODWIT_OVERRIDES (.server = "node-8"), &error));
    answers (of_other);
    cr_assert_eq (counts.entities_in, 1);
    cr_assert_eq (counts.entities_out, 1);
    cr_assert_eq (counts.contexts, 0);
    godwit_client_destroy (&of_other);
    godwit_client_destroy (&named);
    godwit_service_destroy (&other);
    worker_close (&worker);
    end_service (&service, &manager);
}

/* Its own manager: no methods and no hook. What is called is not there, but somebody listens. */
static void
service_without_manager (core_t *core)
{
    godwit_service_t *service = NULL;
    module_init (core, "rpc_ping_enabled = true\n");
    godwit_client_t *client = module_client ("vnfm");
    MUST (godwit_service_new (&service, NULL, "vnfm", NULL, NULL, &error));
    MUST (godwit_service_start (service, &error));
    MUST (godwit_client_call (client, NULL, "oslo_rpc_server_ping", GODWIT_NO_ARGS, NULL, &error));
    cr_assert (godwit_status_is (godwit_client_call (client, NULL, "answer", ANSWER_ARGS, NULL, NULL),
                                 GODWIT_ERR_DISPATCHER));
    godwit_service_destroy (&service);
    godwit_client_destroy (&client);
    module_cleanup ();
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "topic: expected a pointer, got NULL",
           godwit_service_new (&service, NULL, NULL, NULL, NULL, &error));
}

typedef struct stopping {
    godwit_service_t *service;
    worker_t *worker;
    int returned;
} stopping_t;

static void *
stop_gracefully (void *user)
{
    stopping_t *stopping = user;
    godwit_service_stop (stopping->service, true);
    stopping->returned = ++stopping->worker->order;
    return NULL;
}

static void
service_stop_graceful (core_t *core)
{
    manager_t manager;
    tally_t ended;
    pthread_t stopper;
    tally_open (&ended);
    stopping_t stopping = {.service = new_service (core, &manager, NULL), .worker = &manager.worker};
    MUST (godwit_service_start (stopping.service, &error));
    MUST (godwit_client_call_async (manager.client, NULL, "block", GODWIT_NO_ARGS, add_to_tally, &ended,
                                    &error));
    tally_wait (&manager.worker.running, 1);
    cr_assert_eq (pthread_create (&stopper, NULL, stop_gracefully, &stopping), 0);
    wait_stopped (manager.client);
    godwit_service_stop (stopping.service, false); /* which it is already: does not wait for the handler */
    tally_add (&manager.worker.gate);
    pthread_join (stopper, NULL);
    cr_assert (stopping.returned > manager.worker.ended && manager.worker.ended > 0,
               "stop returned at %d, the handler at %d", stopping.returned, manager.worker.ended);
    tally_wait (&ended, 1);
    cr_assert_null (godwit_service_connection (stopping.service));
    MUST (godwit_service_start (stopping.service, &error)); /* again */
    answers (manager.client);
    end_service (&stopping.service, &manager);
    tally_close (&ended);
}

static void
service_stop_at_once (core_t *core)
{
    manager_t manager;
    tally_t ended;
    tally_open (&ended);
    godwit_service_t *service = new_service (core, &manager, NULL);
    MUST (godwit_service_start (service, &error));
    MUST (godwit_client_call_async (manager.client, NULL, "block", GODWIT_NO_ARGS, add_to_tally, &ended,
                                    &error));
    tally_wait (&manager.worker.running, 1);
    godwit_service_stop (service, false);
    cr_assert_eq (manager.worker.ended, 0); /* the handler runs on */
    cr_assert_null (godwit_service_connection (service));
    cr_assert (!is_served (manager.client));
    tally_add (&manager.worker.gate);
    tally_wait (&ended, 1); /* and replies */
    MUST (godwit_service_start (service, &error));
    answers (manager.client);
    end_service (&service, &manager);
    tally_close (&ended);
}

/* The transport is gone before the service is: closing it fails, and nobody hears of it. */
static void
service_errors_are_swallowed (core_t *core)
{
    manager_t manager;
    godwit_service_t *service = new_service (core, &manager, NULL);
    MUST (godwit_service_start (service, &error));
    godwit_rpc_connection_t *connection = godwit_service_connection (service);
    module_cleanup ();
    FAILS (GODWIT_ERR_CLOSED, GODWIT_OUTCOME_NONE, "", godwit_rpc_connection_close (connection, &error));
    godwit_service_stop (service, true);
    cr_assert_null (godwit_service_connection (service));
    module_init (core, "");
    manager.client = (godwit_client_destroy (&manager.client), module_client ("vnfm"));
    MUST (godwit_service_start (service, &error));
    end_service (&service, &manager);
}

static const contract_row_t rows[] = {
    {"11: start(): connection, consumer, the manager's initialize_service_hook after the consumer exists and "
     "before it consumes, then consume.",
     service_start_order},
    {"11: ... initialize_service_hook (adds a consumer)", service_hook_adds},
    {"11: ... initialize_service_hook (fails)", service_hook_fails},
    {"11: Fix: host and serializer are used.", service_host_and_serializer},
    {"11: Service(host, topic, manager = itself, serializer)", service_without_manager},
    {"11: stop(graceful): graceful waits for running handlers ...", service_stop_graceful},
    {"11: stop(graceful): ... else not ...", service_stop_at_once},
    {"11: ... errors while closing are swallowed.", service_errors_are_swallowed},
};
CONTRACT (section11_service, rows)
