/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 11: the apmec module; its transport, clients and servers. */
#include "tests/contract/module.h"

#include "src/client/backoff.h"
#include "src/runtime/transport.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- init and cleanup ---- */

static void
init_makes_the_transport (core_t *core)
{
    cr_assert_null (godwit_rpc_transport ());
    module_init (core, "rpc_response_timeout = 19\n");
    cr_assert_not_null (godwit_rpc_transport ());
    cr_assert_eq (godwit_rpc_transport ()->options.rpc_response_timeout_ms, 19000);
    godwit_client_t *client = module_client ("work");
    MUST (godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&client);
    module_cleanup ();
    cr_assert_null (godwit_rpc_transport ());
}

static void
init_without_configuration (core_t *core)
{
    (void) core;
    MUST (godwit_rpc_init (NULL, &error));
    cr_assert_eq (godwit_rpc_transport ()->options.rpc_response_timeout_ms, 60000);
    module_cleanup ();
}

static void
init_twice (core_t *core)
{
    module_init (core, "");
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "godwit_rpc_init: the program has its transport",
           godwit_rpc_init (NULL, &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "godwit_rpc_init_action: the program has",
           godwit_rpc_init_action (NULL, &error));
    module_cleanup ();
    module_init (core, "");
    module_cleanup ();
}

static void
init_that_fails (core_t *core)
{
    godwit_config_t *config = NULL;
    MUST (godwit_config_parse (&config, "[DEFAULT]\ntransport_url = nonsense://\n", "test.conf", &error));
    FAILS (GODWIT_ERR_DRIVER_LOAD, GODWIT_OUTCOME_NONE, "nonsense", godwit_rpc_init (config, &error));
    godwit_config_destroy (&config);
    cr_assert_null (godwit_rpc_transport ());
    module_init (core, "");
    module_cleanup ();
}

static void
init_action (core_t *core)
{
    godwit_config_t *config = NULL;
    godwit_notifier_t *notifier = NULL;
    char text[256];
    snprintf (text, sizeof text, "[DEFAULT]\ntransport_url = %s\n", core->url);
    MUST (godwit_config_parse (&config, text, "test.conf", &error));
    MUST (godwit_rpc_init_action (config, &error));
    godwit_config_destroy (&config);
    godwit_client_t *client = module_client ("work");
    MUST (godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "needs godwit_rpc_init",
           godwit_rpc_get_notifier (&notifier, "vnfm", "here", NULL, &error));
    godwit_client_destroy (&client);
    module_cleanup ();
}

static void
cleanup_ends_everything (core_t *core)
{
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "godwit_rpc_cleanup was called before",
           godwit_rpc_cleanup (&error));
    worker_t worker;
    worker_open (&worker);
    const godwit_endpoint_t endpoint = endpoint_of (&worker);
    godwit_server_t *server = NULL;
    module_init (core, "");
    godwit_client_t *client = module_client ("work");
    MUST (godwit_rpc_get_server (&server, GODWIT_TARGET (.topic = "mine", .server = "me"), &endpoint, 1, NULL,
                                 &error));
    MUST (godwit_server_start (server, NULL, &error));
    module_cleanup ();
    FAILS (GODWIT_ERR_CLOSED, GODWIT_OUTCOME_NONE, "",
           godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    FAILS (GODWIT_ERR_CLOSED, GODWIT_OUTCOME_NONE, "", godwit_server_stop (server, NULL, &error));
    godwit_server_destroy (&server);
    godwit_client_destroy (&client);
    worker_close (&worker);
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "godwit_rpc_cleanup was called before",
           godwit_rpc_cleanup (&error));
}

static void
cleanup_resets_timeouts (core_t *core)
{
    int64_t raised_ms;
    module_init (core, "");
    godwit__backoff_timed_out ("update", 60000, 60000, &raised_ms);
    MUST (godwit_backing_off_client_set_max_timeout (90000, &error));
    cr_assert_eq (godwit__backoff_timeout ("update", 60000), 90000);
    module_cleanup ();
    cr_assert_eq (godwit__backoff_timeout ("update", 60000), 60000);
    godwit__backoff_timed_out ("update", 60000, 60000, &raised_ms);
    cr_assert_eq (raised_ms, 120000); /* the maximum is gone, too */
}

static void
before_init (core_t *core)
{
    godwit_client_t *client = NULL;
    godwit_server_t *server = NULL;
    godwit_notifier_t *notifier = NULL;
    godwit_rpc_connection_t *connection = NULL;
    godwit_service_t *service = NULL;
    (void) core;
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE,
           "godwit_rpc_get_client was called before godwit_rpc_init",
           godwit_rpc_get_client (&client, GODWIT_TARGET (.topic = "work"), NULL, NULL, &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE,
           "godwit_rpc_get_server was called before godwit_rpc_init",
           godwit_rpc_get_server (&server, GODWIT_TARGET (.topic = "work", .server = "me"), NULL, 0, NULL,
                                  &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE,
           "godwit_rpc_get_notifier was called before godwit_rpc_init",
           godwit_rpc_get_notifier (&notifier, NULL, NULL, NULL, &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE,
           "godwit_rpc_connection_new was called before godwit_rpc_init",
           godwit_rpc_connection_new (&connection, &error));
    MUST (godwit_service_new (&service, NULL, "work", NULL, NULL, &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "was called before godwit_rpc_init",
           godwit_service_start (service, &error));
    cr_assert_null (godwit_service_connection (service));
    godwit_service_destroy (&service);
    cr_assert (!client && !server && !notifier && !connection);
}

static void
after_fork (core_t *core)
{
    module_init (core, "");
    godwit_client_t *client = NULL;
    int status = -1;
    const pid_t pid = fork ();
    if (pid == 0) {
        const bool is_right = godwit_rpc_get_client (&client, GODWIT_TARGET (.topic = "work"), NULL, NULL,
                                                     NULL) == GODWIT_ERR_FORKED &&
                              godwit_rpc_cleanup (NULL) == GODWIT_OK && !godwit_rpc_transport () &&
                              godwit_rpc_get_client (&client, GODWIT_TARGET (.topic = "work"), NULL, NULL,
                                                     NULL) == GODWIT_ERR_INVALID_ARGUMENT;
        _exit (is_right ? 0 : 1);
    }
    cr_assert_eq (waitpid (pid, &status, 0), pid);
    cr_assert_eq (status, 0);
    client = module_client ("work");
    MUST (godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&client);
    module_cleanup ();
}

/* ---- modules ---- */

static void
have_modules (const char *printed)
{
    godwit_value_t *modules = NULL;
    char text[256];
    MUST (godwit_rpc_get_allowed_exmods (&modules, &error));
    godwit_value_print (modules, text, sizeof text);
    cr_assert_str_eq (text, printed);
    godwit_value_unref (&modules);
}

static void
exmods (core_t *core)
{
    char name[32];
    (void) core;
    have_modules ("[\"godwit\"]");
    MUST (godwit_rpc_add_extra_exmod ("shop", &error));
    MUST (godwit_rpc_add_extra_exmod ("vim.errors", &error));
    MUST (godwit_rpc_add_extra_exmod ("shop", &error)); /* once is enough */
    MUST (godwit_rpc_add_extra_exmod ("godwit", &error));
    have_modules ("[\"godwit\", \"shop\", \"vim.errors\"]");
    godwit_rpc_clear_extra_exmods ();
    have_modules ("[\"godwit\"]");
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "module: expected one name, got \"\"",
           godwit_rpc_add_extra_exmod ("", &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "module: expected one name, got \"a,b\"",
           godwit_rpc_add_extra_exmod ("a,b", &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "module: expected one name, got NULL",
           godwit_rpc_add_extra_exmod (NULL, &error));
    for (int i = 0; i < 256; i++) {
        snprintf (name, sizeof name, "module%d", i);
        MUST (godwit_rpc_add_extra_exmod (name, &error));
    }
    FAILS (GODWIT_ERR_LIMIT_EXCEEDED, GODWIT_OUTCOME_NONE, "module256: 256 extra modules",
           godwit_rpc_add_extra_exmod ("module256", &error));
    godwit_rpc_clear_extra_exmods ();
}

static const godwit_error_class_t out_of_stock = {"shop", "OutOfStock"};

/* The server's `fail` ends with shop.OutOfStock. */
static bool
comes_as_itself (void)
{
    godwit_error_t *failure = NULL;
    godwit_client_t *client = module_client ("work");
    cr_assert (godwit_client_call (client, NULL, "fail", GODWIT_NO_ARGS, NULL, &failure));
    const bool is_itself = godwit_error_is (failure, &out_of_stock);
    cr_assert (is_itself || godwit_error_status (failure) == GODWIT_ERR_REMOTE_ERROR, "%s",
               godwit_error_print (failure));
    godwit_error_destroy (&failure);
    godwit_client_destroy (&client);
    return is_itself;
}

static void
exmods_as_of_init (core_t *core)
{
    godwit_config_t *config = NULL;
    char text[256];
    module_init (core, "");
    MUST (godwit_rpc_add_extra_exmod ("shop", &error));
    cr_assert (!comes_as_itself ());
    module_cleanup ();
    module_init (core, "");
    cr_assert (comes_as_itself ());
    godwit_rpc_clear_extra_exmods ();
    cr_assert (comes_as_itself ());
    module_cleanup ();
    module_init (core, "");
    cr_assert (!comes_as_itself ());
    module_cleanup ();
    /* What the file allows is allowed as well. */
    snprintf (text, sizeof text,
              "[DEFAULT]\ntransport_url = %s\n[godwit]\nallowed_remote_exmods = other,shop\n", core->url);
    MUST (godwit_config_parse (&config, text, "test.conf", &error));
    MUST (godwit_rpc_init (config, &error));
    godwit_config_destroy (&config);
    cr_assert (comes_as_itself ());
    module_cleanup ();
}

/* ---- clients, servers, notifiers ---- */

static void
get_client (core_t *core)
{
    godwit_client_t *client = NULL, *capped = NULL;
    module_init (core, "rpc_response_timeout = 0.5\n");
    MUST (godwit_rpc_get_client (&client, GODWIT_TARGET (.topic = "work", .version = "1.0"), NULL, NULL,
                                 &error));
    cr_assert_eq (godwit_client_call (client, NULL, "hold", GODWIT_NO_ARGS, NULL, NULL), GODWIT_ERR_TIMEOUT);
    cr_assert_eq (godwit__backoff_timeout ("hold", 500), 1000); /* it backs off */
    MUST (godwit_rpc_get_client (&capped, GODWIT_TARGET (.topic = "work", .version = "1.2"), "1.1", NULL,
                                 &error));
    cr_assert_eq (godwit_client_call (capped, NULL, "nothing", GODWIT_NO_ARGS, NULL, NULL),
                  GODWIT_ERR_VERSION_CAP);
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "client: expected a pointer, got NULL",
           godwit_rpc_get_client (NULL, GODWIT_TARGET (.topic = "work"), NULL, NULL, &error));
    godwit_client_destroy (&capped);
    godwit_client_destroy (&client);
    module_cleanup ();
}

/* Both sides: arguments go out and come in, as does the result; contexts do not reach the base. */
static void
wrapped_serializers (core_t *core)
{
    worker_t worker;
    counts_t of_client, of_server;
    const godwit_serializer_t client_serializer = counting (&of_client);
    const godwit_serializer_t server_serializer = counting (&of_server);
    godwit_client_t *client = NULL, *prepared = NULL;
    godwit_server_t *server = NULL;
    worker_open (&worker);
    const godwit_endpoint_t endpoint = endpoint_of (&worker);
    module_init (core, "");
    MUST (godwit_rpc_get_server (&server, GODWIT_TARGET (.topic = "mine", .server = "me"), &endpoint, 1,
                                 &server_serializer, &error));
    MUST (godwit_server_start (server, NULL, &error));
    MUST (godwit_rpc_get_client (&client, GODWIT_TARGET (.topic = "mine"), NULL, &client_serializer, &error));
    MUST (godwit_client_prepare (&prepared, client, GODWIT_OVERRIDES (.server = "me"), &error));
    godwit_client_destroy (&client); /* what was prepared of it keeps the wrapper */
    answers (prepared);
    cr_assert_eq (of_client.entities_out, 1);
    cr_assert_eq (of_server.entities_in, 1);
    cr_assert_eq (of_server.entities_out, 1);
    cr_assert_eq (of_client.entities_in, 1);
    cr_assert_eq (of_client.contexts + of_server.contexts, 0);
    godwit_client_destroy (&prepared);
    godwit_server_destroy (&server);
    module_cleanup ();
    worker_close (&worker);
}

static void
get_server (core_t *core)
{
    worker_t worker;
    godwit_server_t *server = NULL;
    worker_open (&worker);
    const godwit_endpoint_t endpoint = endpoint_of (&worker);
    module_init (core, "");
    MUST (godwit_rpc_get_server (&server, GODWIT_TARGET (.topic = "mine", .server = "me"), &endpoint, 1, NULL,
                                 &error));
    MUST (godwit_server_start (server, NULL, &error));
    godwit_client_t *client = module_client ("mine");
    answers (client);
    cr_assert_eq (godwit_client_call (client, NULL, "_secret", GODWIT_NO_ARGS, NULL, NULL),
                  GODWIT_ERR_NO_SUCH_METHOD);
    godwit_client_destroy (&client);
    godwit_server_destroy (&server);
    module_cleanup ();
    worker_close (&worker);
}

#define THREADS 8

static void *
come_and_go (void *user)
{
    for (int i = 0; i < 25; i++) {
        godwit_client_t *client = module_client ("work");
        MUST (godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
        godwit_client_destroy (&client);
        MUST (godwit_rpc_add_extra_exmod ("shop", &error));
    }
    return user;
}

static void
several_threads (core_t *core)
{
    pthread_t threads[THREADS];
    module_init (core, "");
    for (size_t i = 0; i < THREADS; i++)
        cr_assert_eq (pthread_create (&threads[i], NULL, come_and_go, core), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join (threads[i], NULL);
    godwit_rpc_clear_extra_exmods ();
    module_cleanup ();
}

static const contract_row_t rows[] = {
    {"11: init(conf): transport ...", init_makes_the_transport},
    {"11: init(conf): all defaults", init_without_configuration},
    {"11: init(conf) (twice)", init_twice},
    {"11: init(conf) (that fails)", init_that_fails},
    {"11: init_action_rpc(conf): transport only.", init_action},
    {"11: cleanup(): needs init; cleans up ...", cleanup_ends_everything},
    {"11: cleanup(): ... resets back-off timeouts.", cleanup_resets_timeouts},
    {"11: Calls before init are a clear error.", before_init},
    {"11: init(conf) (and a fork)", after_fork},
    {"11: add_extra_exmods, clear_extra_exmods, get_allowed_exmods.", exmods},
    {"11: ... allowed remote modules = ALLOWED + EXTRA as of now.", exmods_as_of_init},
    {"11: get_client(target, version_cap, serializer): a BackingOffClient ...", get_client},
    {"11: ... with the serializer wrapped in RequestContextSerializer.", wrapped_serializers},
    {"11: get_server(target, endpoints, serializer): default access policy.", get_server},
    {"11: (any thread)", several_threads},
};
CONTRACT (section11, rows)
