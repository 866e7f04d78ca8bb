/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 11: how contexts of the program's own type travel with the module. */
#include "tests/contract/module.h"

#include <stdlib.h>

/* The program's context is a name. On the wire it is {"user": name}; listeners may see its first letter. */
static godwit_status_t
name_to_map (void *user, const godwit_value_t *context, godwit_value_t **map, godwit_error_t **error)
{
    const char *const name = godwit_value_as_object (context);
    (void) user;
    return godwit_value_new_map (map, GODWIT_ARGS (GODWIT_STR ("user", name)), error);
}

static godwit_status_t
name_from_map (void *user, const godwit_value_t *map, godwit_value_t **context, godwit_error_t **error)
{
    (void) user;
    return godwit_value_new_object (
        context, strdup (godwit_value_as_str (godwit_value_get (map, "user"), "")), free, error);
}

static godwit_status_t
first_letter (void *user, const godwit_value_t *context, godwit_value_t **redacted, godwit_error_t **error)
{
    (void) user;
    return godwit_value_new_object (redacted, strndup (godwit_value_as_object (context), 1), free, error);
}

static const godwit_context_hooks_t hooks = {
    .struct_size = sizeof hooks, .to_map = name_to_map, .from_map = name_from_map, .redact = first_letter};

static godwit_value_t *
new_name (void)
{
    godwit_value_t *name = NULL;
    MUST (godwit_value_new_object (&name, strdup ("ada"), free, &error));
    return name;
}

/* ---- clients and servers ---- */

/* Answers whether the context is an object, and the name in it. */
static godwit_status_t
who (godwit_request_t *request, void *self)
{
    const char *const name = godwit_value_as_object (godwit_request_context (request));
    (void) self;
    return godwit_request_reply (request, GODWIT_STR (NULL, name ? name : "nobody"));
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("who", who, 0)};

static void
expect_name (godwit_client_t *client, const godwit_value_t *context, const char *name)
{
    godwit_value_t *result = NULL;
    MUST (godwit_client_call (client, context, "who", GODWIT_NO_ARGS, &result, &error));
    cr_expect_str_eq (godwit_value_as_str (result, ""), name);
    godwit_value_unref (&result);
}

static void
clients_and_servers (core_t *core)
{
    godwit_server_t *server = NULL;
    godwit_rpc_connection_t *connection = NULL;
    godwit_value_t *name = new_name ();
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = "1.0");
    MUST (godwit_rpc_set_context_hooks (&hooks, &error));
    module_init (core, "");
    MUST (godwit_rpc_set_context_hooks (NULL, &error)); /* counts from the next init on */
    MUST (godwit_rpc_get_server (&server, GODWIT_TARGET (.topic = "mine", .server = "me"), &endpoint, 1, NULL,
                                 &error));
    MUST (godwit_server_start (server, NULL, &error));
    MUST (godwit_rpc_connection_new (&connection, &error));
    MUST (godwit_rpc_connection_create_consumer (connection, "consumed", &endpoint, 1, false, NULL, "me",
                                                 NULL, &error));
    MUST (godwit_rpc_connection_consume_in_threads (connection, &error));
    static const char *const topics[] = {"mine", "consumed"};
    for (size_t i = 0; i < 2; i++) {
        godwit_client_t *client = module_client (topics[i]);
        expect_name (client, name, "ada");
        godwit_client_destroy (&client);
    }
    godwit_rpc_connection_destroy (&connection);
    godwit_server_destroy (&server);
    module_cleanup ();

    module_init (core, "");
    godwit_client_t *client = module_client ("work");
    FAILS (GODWIT_ERR_TYPE_MISMATCH, GODWIT_OUTCOME_NONE, "context: expected map, got object",
           godwit_client_call (client, name, "nothing", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&client);
    module_cleanup ();
    godwit_value_unref (&name);
}

/* ---- notifiers ---- */

/* Notifies with this context; user: what of it the driver `test` got; NULL: {}. */
static void
expect_notified (const godwit_value_t *context, const char *user)
{
    godwit_notifier_t *notifier = NULL;
    godwit_value_t *list = NULL;
    MUST (godwit_rpc_get_notifier (&notifier, "vnfm", "here", NULL, &error));
    MUST (godwit_notify_info (notifier, context, "e", GODWIT_NIL (NULL), &error));
    MUST (godwit_test_notifications (&list, &error));
    const godwit_value_t *const sent =
        godwit_value_get (godwit_value_at (list, godwit_value_count (list) - 1), "context");
    cr_expect_eq (godwit_value_count (sent), user ? 1u : 0u);
    if (user)
        cr_expect_str_eq (godwit_value_as_str (godwit_value_get (sent, "user"), ""), user);
    godwit_value_unref (&list);
    godwit_notifier_destroy (&notifier);
}

/* The driver test records what would be sent. */
static void
init_with (const core_t *core, const godwit_context_hooks_t *of_contexts)
{
    MUST (godwit_rpc_set_context_hooks (of_contexts, &error));
    module_init (core, "[oslo_messaging_notifications]\ndriver = test\n");
    MUST (godwit_rpc_set_context_hooks (NULL, &error));
}

static void
notifiers (core_t *core)
{
    godwit_value_t *name = new_name ();
    godwit_context_hooks_t without_redact = hooks;
    without_redact.redact = NULL;
    init_with (core, &hooks);
    expect_notified (name, "a");
    godwit_notifier_t *late = NULL;
    MUST (godwit_rpc_get_notifier (&late, "vnfm", "here", NULL, &error));
    module_cleanup (); /* what was prepared keeps the serializer */
    godwit_notifier_destroy (&late);
    init_with (core, &without_redact);
    expect_notified (name, NULL);
    module_cleanup ();
    init_with (core, NULL);
    expect_notified (name, NULL);
    module_cleanup ();
    godwit_value_unref (&name);
}

/* ---- hooks that are wrong, or older ---- */

static void
sizes (core_t *core)
{
    godwit_context_hooks_t given = hooks;
    given.struct_size = 0;
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "godwit_context_hooks_t.struct_size is 0",
           godwit_rpc_set_context_hooks (&given, &error));
    given.struct_size = offsetof (godwit_context_hooks_t, redact); /* the first release's: nothing redacts */
    godwit_value_t *name = new_name ();
    init_with (core, &given);
    expect_notified (name, NULL);
    module_cleanup ();
    godwit_value_unref (&name);
}

static const contract_row_t rows[] = {
    {"11: with the serializer wrapped in RequestContextSerializer (its hooks)", clients_and_servers},
    {"11: init(conf): ... notifier (its RequestContextSerializer)", notifiers},
    {"11: (hooks of another size)", sizes},
};
CONTRACT (section11_contexts, rows)
