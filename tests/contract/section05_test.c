/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 5: dispatch. What is said of data alone (which endpoint, which text) is also in
 * unit/dispatch_test.c, without a transport. */
#include "tests/contract/contract.h"
#include "tests/support/log_book.h"
#include "tests/support/raw_server.h"

#include <stdio.h>

/* ---- a server of tables ---- */

/* Replies with the endpoint's name, which is its self. */
static godwit_status_t
say_name (godwit_request_t *request, void *self)
{
    return godwit_request_reply (request, GODWIT_STR (NULL, (const char *) self));
}

static const godwit_method_t plain[] = {
    GODWIT_METHOD ("add", say_name, 0),
    GODWIT_METHOD ("_hidden", say_name, 0),
    GODWIT_METHOD ("shown", say_name, GODWIT_METHOD_EXPOSED),
};
static const godwit_method_t more[] = {
    GODWIT_METHOD ("add", say_name, 0),
    GODWIT_METHOD ("extra", say_name, 0),
};

/* A server of topic "tables", and who calls it. */
typedef struct table {
    godwit_server_t *server;
    godwit_client_t *client;
} table_t;

static void
table_open (table_t *table, godwit_transport_t *serving, const core_t *core,
            const godwit_endpoint_t *endpoints, size_t count, const godwit_server_options_t *options)
{
    MUST (godwit_server_new (&table->server, serving, GODWIT_TARGET (.topic = "tables", .server = "one"),
                             endpoints, count, options, &error));
    MUST (godwit_server_start (table->server, NULL, &error));
    MUST (godwit_client_prepare (&table->client, core->client, GODWIT_OVERRIDES (.topic = "tables"), &error));
}

static void
table_close (table_t *table)
{
    godwit_client_destroy (&table->client);
    godwit_server_destroy (&table->server);
}

/* What is asked for, and who answers, or how it fails. */
typedef struct scenario {
    const char *method;
    const char *name_space;
    const char *version;
    const char *who; /* NULL: it fails */
    godwit_status_t status;
    const char *message;
} scenario_t;

static void
check_scenario (const table_t *table, const scenario_t *at)
{
    godwit_client_t *client = NULL;
    godwit_value_t *who = NULL;
    MUST (godwit_client_prepare (&client, table->client,
                                 GODWIT_OVERRIDES (.name_space = at->name_space, .version = at->version),
                                 &error));
    godwit_error_t *error = NULL;
    const godwit_status_t status =
        godwit_client_call (client, NULL, at->method, GODWIT_NO_ARGS, &who, &error);
    cr_assert_eq (status, at->status, "%s of %s %s: %s", at->method, at->name_space ? at->name_space : "-",
                  at->version ? at->version : "-", godwit_error_print (error));
    if (at->who) {
        cr_assert_str_eq (godwit_value_as_str (who, ""), at->who);
    } else {
        /* Then comes what there is. */
        cr_assert (strncmp (godwit_error_message (error), at->message, strlen (at->message)) == 0,
                   "expected %s, got %s", at->message, godwit_error_message (error));
        cr_assert_eq (godwit_error_outcome (error), GODWIT_OUTCOME_REJECTED);
    }
    godwit_error_destroy (&error);
    godwit_value_unref (&who);
    godwit_client_destroy (&client);
}

static void
check_scenarios_on (godwit_transport_t *serving, const core_t *core, const godwit_endpoint_t *endpoints,
                    size_t endpoint_count, const godwit_server_options_t *options,
                    const scenario_t *scenarios, size_t count)
{
    table_t table;
    table_open (&table, serving, core, endpoints, endpoint_count, options);
    for (size_t i = 0; i < count; i++)
        check_scenario (&table, &scenarios[i]);
    table_close (&table);
}

static void
check_scenarios (const core_t *core, const godwit_endpoint_t *endpoints, size_t endpoint_count,
                 const godwit_server_options_t *options, const scenario_t *scenarios, size_t count)
{
    check_scenarios_on (core->serving, core, endpoints, endpoint_count, options, scenarios, count);
}

#define COUNT_OF(array_) (sizeof (array_) / sizeof ((array_)[0]))
#define NO_METHOD(name_) NULL, GODWIT_ERR_NO_SUCH_METHOD, "Endpoint does not support RPC method " name_
#define NO_VERSION(version_, name_)                                                                          \
    NULL, GODWIT_ERR_UNSUPPORTED_VERSION,                                                                    \
        "Endpoint does not support RPC version " version_ ". Attempted method: " name_

static const char *const legacy[] = {"old", NULL};
static char self_a[] = "a", self_b[] = "b", self_c[] = "c";

static void
first_that_fits (core_t *core)
{
    const godwit_endpoint_t endpoints[] = {
        GODWIT_ENDPOINT (plain, .version = "1.3", .self = self_a),
        GODWIT_ENDPOINT (more, .version = "2.1", .self = self_b),
        GODWIT_ENDPOINT (more, .name_space = "new", .version = "1.0", .legacy_namespaces = legacy,
                         .legacy_namespace_count = 2, .self = self_c),
    };
    static const scenario_t scenarios[] = {
        {"add", NULL, NULL, "a", GODWIT_OK, NULL},    /* the first of two that fit */
        {"add", NULL, "1.3", "a", GODWIT_OK, NULL},   /* its own version */
        {"add", NULL, "1.2.7", "a", GODWIT_OK, NULL}, /* older */
        {"add", NULL, "2.0", "b", GODWIT_OK, NULL},   /* another major */
        {"add", "new", "1.0", "c", GODWIT_OK, NULL},  /* its namespace */
        {"add", "old", "1.0", "c", GODWIT_OK, NULL},  /* a legacy one */
        {"extra", NULL, NULL, "c", GODWIT_OK, NULL},  /* none is a legacy one, too; the first has no extra */
        {"extra", NULL, "2.1", "b", GODWIT_OK, NULL}, {"shown", NULL, "1.0", "a", GODWIT_OK, NULL},
    };
    check_scenarios (core, endpoints, 3, NULL, scenarios, COUNT_OF (scenarios));
    /* The other way around the other one is the first. */
    const godwit_endpoint_t turned[] = {endpoints[2], endpoints[1], endpoints[0]};
    static const scenario_t first = {"add", NULL, NULL, "c", GODWIT_OK, NULL};
    check_scenarios (core, turned, 3, NULL, &first, 1);
}

static void
none_that_fits (core_t *core)
{
    const godwit_endpoint_t endpoints[] = {
        GODWIT_ENDPOINT (plain, .version = "1.3", .self = self_a),
        GODWIT_ENDPOINT (more, .name_space = "new", .version = "2.0", .self = self_b),
    };
    static const scenario_t scenarios[] = {
        {"nope", NULL, NULL, NO_METHOD ("nope; there are: add, shown")},
        {"shwn", NULL, NULL, NO_METHOD ("shwn; there are: shown, add")}, /* the nearest first */
        {"extra", NULL, "1.0", NO_METHOD ("extra")},                     /* only in the other namespace */
        {"add", NULL, "1.4", NO_VERSION ("1.4", "add; there are: 1.3, new 2.0")},
        {"add", NULL, "2.0", NO_VERSION ("2.0", "add")},
        {"add", "new", "1.0", NO_VERSION ("1.0", "add")},
        {"add", "wrong", "1.0", /* a wrong namespace */
         NO_VERSION ("1.0", "add; there is no namespace \"wrong\"; there are: 1.3, new 2.0")},
        {"add", "wrong", NULL, NO_VERSION ("1.0", "add")},
        {"add", "", NULL, NO_VERSION ("1.0", "add")}, /* unset is not "" */
        {"nope", "wrong", "7.7", NO_VERSION ("7.7", "nope")},
        {"_hidden", NULL, NULL,
         NO_METHOD ("_hidden; there are: add, shown")}, /* denied: as if it were not there */
    };
    check_scenarios (core, endpoints, 2, NULL, scenarios, COUNT_OF (scenarios));
}

/* A message without version, an endpoint without version: contract 2's last line, seen from here. */
static void
no_version_is_one (core_t *core)
{
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (plain, .self = self_a);
    static const scenario_t scenarios[] = {
        {"add", NULL, NULL, "a", GODWIT_OK, NULL},
        {"add", NULL, "1.0", "a", GODWIT_OK, NULL},
        {"add", NULL, "1.1", NO_VERSION ("1.1", "add")},
    };
    check_scenarios (core, &endpoint, 1, NULL, scenarios, COUNT_OF (scenarios));
}

/* ---- policies ---- */

/* Everything but what the test names. */
static bool
allow_but (void *user, const godwit_endpoint_t *endpoint, const godwit_method_t *method)
{
    return strcmp (method->name, user) != 0 && endpoint->self == self_a;
}

static void
policies (core_t *core)
{
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (plain, .self = self_a);
    static const struct {
        godwit_policy_t policy;
        bool add, hidden, shown;
    } cases[] = {
        {GODWIT_POLICY_LEGACY, true, true, true},
        {GODWIT_POLICY_DEFAULT, true, false, true},
        {GODWIT_POLICY_EXPLICIT, false, false, true},
        {GODWIT_POLICY_CUSTOM, false, true, true},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        const scenario_t yes[] = {{"add", NULL, NULL, "a", GODWIT_OK, NULL},
                                  {"_hidden", NULL, NULL, "a", GODWIT_OK, NULL},
                                  {"shown", NULL, NULL, "a", GODWIT_OK, NULL}};
        const scenario_t no[] = {{"add", NULL, NULL, NO_METHOD ("add")},
                                 {"_hidden", NULL, NULL, NO_METHOD ("_hidden")},
                                 {"shown", NULL, NULL, NO_METHOD ("shown")}};
        const scenario_t scenarios[] = {cases[i].add ? yes[0] : no[0], cases[i].hidden ? yes[1] : no[1],
                                        cases[i].shown ? yes[2] : no[2]};
        check_scenarios (core, &endpoint, 1,
                         GODWIT_SERVER_OPTIONS (.policy = cases[i].policy, .allow = allow_but,
                                                .allow_user = (void *) (uintptr_t) "add"),
                         scenarios, 3);
    }
}

static void
custom_needs_a_function (core_t *core)
{
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (plain, .self = self_a);
    godwit_server_t *server = NULL;
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "allow: expected a function",
           godwit_server_new (&server, core->serving, GODWIT_TARGET (.topic = "t", .server = "s"), &endpoint,
                              1, GODWIT_SERVER_OPTIONS (.policy = GODWIT_POLICY_CUSTOM), &error));
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "policy",
           godwit_server_new (&server, core->serving, GODWIT_TARGET (.topic = "t", .server = "s"), &endpoint,
                              1, GODWIT_SERVER_OPTIONS (.policy = (godwit_policy_t) 77), &error));
    cr_assert_null (server);
}

/* A denied method of the first endpoint does not stand in the way of the second's. */
static void
denied_is_passed_over (core_t *core)
{
    const godwit_endpoint_t endpoints[] = {GODWIT_ENDPOINT (more, .self = self_b),
                                           GODWIT_ENDPOINT (plain, .self = self_a)};
    static const scenario_t scenario = {"shown", NULL, NULL, "a", GODWIT_OK, NULL};
    static const scenario_t passed = {"add", NULL, NULL, "a", GODWIT_OK, NULL};
    check_scenarios (core, endpoints, 2, NULL, &scenario, 1);
    check_scenarios (core, endpoints, 2,
                     GODWIT_SERVER_OPTIONS (.policy = GODWIT_POLICY_CUSTOM, .allow = allow_but,
                                            .allow_user = (void *) (uintptr_t) "nothing"),
                     &passed, 1);
}

/* ---- the order of conversions ---- */

/* Writes down what it is asked for, and whether with the context that it made. */
typedef struct scribe {
    pthread_mutex_t lock;
    char steps[16];
} scribe_t;

static void
write_down (scribe_t *scribe, char step)
{
    pthread_mutex_lock (&scribe->lock);
    const size_t size = strlen (scribe->steps);
    if (size + 1 < sizeof scribe->steps)
        scribe->steps[size] = step;
    pthread_mutex_unlock (&scribe->lock);
}

static godwit_status_t
scribe_context (void *self, const godwit_value_t *context, godwit_value_t **out, godwit_error_t **error)
{
    write_down (self, godwit_value_get (context, "user") ? 'c' : '!');
    return godwit_value_new (out, GODWIT_MAP (NULL, GODWIT_STR ("made", "here")), error);
}

static godwit_status_t
scribe_in (void *self, const godwit_value_t *context, const godwit_value_t *entity, godwit_value_t **out,
           godwit_error_t **error)
{
    const int64_t number = godwit_value_as_int (entity, 0);
    write_down (self, godwit_value_get (context, "made") ? (char) ('0' + number) : '!');
    return godwit_value_new (out, GODWIT_INT (NULL, 10 * number), error);
}

static godwit_status_t
scribe_out (void *self, const godwit_value_t *context, const godwit_value_t *entity, godwit_value_t **out,
            godwit_error_t **error)
{
    write_down (self, godwit_value_get (context, "made") ? 'r' : '!');
    return godwit_value_new (out, GODWIT_INT (NULL, godwit_value_as_int (entity, 0) + 7), error);
}

static godwit_status_t
add_up (godwit_request_t *request, void *self)
{
    const godwit_value_t *const args = godwit_request_args (request);
    write_down (self, godwit_value_get (godwit_request_context (request), "made") ? 'h' : '!');
    return godwit_request_reply (
        request, GODWIT_INT (NULL, godwit_value_as_int (godwit_value_get (args, "a"), 0) +
                                       godwit_value_as_int (godwit_value_get (args, "b"), 0)));
}

static const godwit_method_t adding[] = {GODWIT_METHOD ("add_up", add_up, 0)};

static void
context_then_arguments_then_result (core_t *core)
{
    scribe_t scribe = {.lock = PTHREAD_MUTEX_INITIALIZER};
    table_t table;
    godwit_value_t *context = NULL, *sum = NULL;
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (adding, .self = &scribe);
    table_open (&table, core->serving, core, &endpoint, 1,
                GODWIT_SERVER_OPTIONS (.serializer = GODWIT_SERIALIZER (.self = &scribe,
                                                                        .deserialize_context = scribe_context,
                                                                        .deserialize_entity = scribe_in,
                                                                        .serialize_entity = scribe_out)));
    MUST (godwit_value_new (&context, GODWIT_MAP (NULL, GODWIT_STR ("user", "ann")), &error));
    MUST (godwit_client_call (table.client, context, "add_up",
                              GODWIT_ARGS (GODWIT_INT ("a", 1), GODWIT_INT ("b", 2)), &sum, &error));
    cr_assert_eq (godwit_value_as_int (sum, 0), 37);
    table_close (&table); /* nobody writes any more */
    pthread_mutex_lock (&scribe.lock);
    cr_assert_str_eq (scribe.steps, "c12hr");
    pthread_mutex_unlock (&scribe.lock);
    godwit_value_unref (&sum);
    godwit_value_unref (&context);
}

/* ---- failures ---- */

static const godwit_error_class_t sold_out = {"shop", "SoldOut"};
static const godwit_error_class_t broken = {"shop", "Broken"};
static const godwit_error_class_t *const may_be_sold_out[] = {&sold_out, NULL};

static godwit_status_t
sell (godwit_request_t *request, void *self)
{
    godwit_error_t *error = GODWIT_ERROR_OF (&sold_out, "no tea\nleft");
    (void) self;
    return godwit_request_fail (request, &error);
}

static godwit_error_t *
look_in_drawer (void)
{
    return GODWIT_ERROR (GODWIT_ERR_NOT_FOUND, "the drawer is empty");
}

static godwit_status_t
mend (godwit_request_t *request, void *self)
{
    godwit_error_t *error = GODWIT_ERROR_OF (&broken, "no glue");
    godwit_error_t *cause = look_in_drawer ();
    (void) self;
    godwit_error_set_cause (error, &cause);
    return godwit_request_fail (request, &error);
}

/* The same, later. */
static godwit_status_t
sell_later (godwit_request_t *request, void *self)
{
    godwit_request_t *kept = godwit_request_keep (request);
    sell (kept, self);
    godwit_request_destroy (&kept);
    return GODWIT_OK;
}

static godwit_status_t
mend_later (godwit_request_t *request, void *self)
{
    godwit_request_t *kept = godwit_request_keep (request);
    mend (kept, self);
    godwit_request_destroy (&kept);
    return GODWIT_OK;
}

static godwit_status_t
send_too_much (godwit_request_t *request, void *self)
{
    static char bytes[10000];
    (void) self;
    return godwit_request_reply (request, GODWIT_BIN (NULL, bytes, sizeof bytes));
}

static const godwit_method_t failing[] = {
    {.name = "sell", .handler = sell, .expected = may_be_sold_out},
    {.name = "sell_later", .handler = sell_later, .expected = may_be_sold_out},
    {.name = "mend", .handler = mend, .expected = may_be_sold_out},
    {.name = "mend_later", .handler = mend_later},
    {.name = "send_too_much", .handler = send_too_much},
};

/* A server of topic "shop" on a transport whose log is read. */
typedef struct shop {
    godwit_transport_t *transport;
    godwit_server_t *server;
    godwit_transport_t *calling;
    godwit_client_t *client;
} shop_t;

static log_book_t book;

static void
shop_open (shop_t *shop, const core_t *core)
{
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (failing, .version = "1.0");
    log_book_open (&book);
    shop->transport = core_transport (
        core, GODWIT_TRANSPORT_OPTIONS (.log = log_book_write, .log_user = &book, .max_message_size = 8192));
    shop->calling = core_transport (core, GODWIT_TRANSPORT_OPTIONS (.allowed_remote_exmods = "shop"));
    MUST (godwit_transport_register_error (shop->calling, &sold_out, &error));
    MUST (godwit_transport_register_error (shop->calling, &broken, &error));
    MUST (godwit_server_new (&shop->server, shop->transport, GODWIT_TARGET (.topic = "shop", .server = "one"),
                             &endpoint, 1, NULL, &error));
    MUST (godwit_server_start (shop->server, NULL, &error));
    MUST (godwit_client_new (&shop->client, shop->calling, GODWIT_TARGET (.topic = "shop"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS), &error));
}

static void
shop_close (shop_t *shop)
{
    godwit_client_destroy (&shop->client);
    godwit_transport_destroy (&shop->calling);
    godwit_server_destroy (&shop->server);
    godwit_transport_destroy (&shop->transport);
    log_book_close (&book);
}

/* Fails as a class of the shop's. */
static void
fails_as (const shop_t *shop, const char *method, const godwit_error_class_t *as, const char *says)
{
    godwit_error_t *error = NULL;
    cr_assert_neq (godwit_client_call (shop->client, NULL, method, GODWIT_NO_ARGS, NULL, &error), GODWIT_OK);
    cr_assert (godwit_error_is (error, as), "%s", godwit_error_print (error));
    cr_assert (godwit_error_is_remote (error));
    cr_assert_eq (strncmp (godwit_error_message (error), says, strlen (says)), 0, "%s",
                  godwit_error_print (error)); /* and the trace behind it */
    cr_assert_eq (godwit_error_outcome (error), GODWIT_OUTCOME_RAN);
    godwit_error_destroy (&error);
}

static void
expected_failures (core_t *core)
{
    shop_t shop;
    shop_open (&shop, core);
    fails_as (&shop, "sell", &sold_out, "no tea\nleft");
    fails_as (&shop, "sell_later", &sold_out, "no tea\nleft");
    /* One line each, whatever is in the error. */
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_DEBUG, "sell failed as expected: SoldOut: no tea left"),
                  1u);
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_DEBUG, "sell_later failed as expected: SoldOut"), 1u);
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_ERROR, ""), 0u);
    shop_close (&shop);
}

static void
ignored_failures (core_t *core)
{
    shop_t shop;
    shop_open (&shop, core);
    FAILS (GODWIT_ERR_NO_SUCH_METHOD, GODWIT_OUTCOME_REJECTED, "gone_ignore_errors",
           godwit_client_call (shop.client, NULL, "gone_ignore_errors", GODWIT_NO_ARGS, NULL, &error));
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_DEBUG, "gone_ignore_errors"), 1u);
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_ERROR, ""), 0u);
    /* Only what ends so, and only NoSuchMethod. */
    FAILS (GODWIT_ERR_NO_SUCH_METHOD, GODWIT_OUTCOME_REJECTED, "gone",
           godwit_client_call (shop.client, NULL, "gone_ignore_errors_not", GODWIT_NO_ARGS, NULL, &error));
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_ERROR, "gone_ignore_errors_not"), 1u);
    godwit_client_t *newer = NULL;
    MUST (godwit_client_prepare (&newer, shop.client, GODWIT_OVERRIDES (.version = "9.0"), &error));
    FAILS (GODWIT_ERR_UNSUPPORTED_VERSION, GODWIT_OUTCOME_REJECTED, "",
           godwit_client_call (newer, NULL, "gone_ignore_errors", GODWIT_NO_ARGS, NULL, &error));
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_ERROR, "9.0"), 1u);
    godwit_client_destroy (&newer);
    shop_close (&shop);
}

static void
other_failures (core_t *core)
{
    shop_t shop;
    shop_open (&shop, core);
    fails_as (&shop, "mend", &broken, "no glue");
    fails_as (&shop, "mend_later", &broken, "no glue");
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_ERROR, "mend failed: Broken: no glue"), 1u);
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_ERROR, "mend_later failed: Broken: no glue"), 1u);
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_ERROR, "the drawer is empty"), 2u);
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_ERROR, "in look_in_drawer"), 2u);
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_ERROR, "in mend"), 2u);
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_DEBUG, "failed"), 0u);
    shop_close (&shop);
}

/* ---- acknowledge, run, reply ---- */

static const godwit__driver_ops_t *
driver_of (const core_t *core)
{
    return strcmp (core->kind->driver, "inproc") == 0 ? &godwit__inproc_driver : &godwit__zmtp_driver;
}

/* To acknowledge is to note who sent it and its number, so that nothing runs twice. That was done before the
 * handler ran, because the same number is refused while it does; and where it cannot be done, nothing runs.
 */
static void
acknowledged_then_run (core_t *core)
{
    raw_server_t self;
    raw_peer_t stranger;
    raw_server_start (&self, driver_of (core), NULL, NULL);
    const godwit__header_t header = raw_header_of (&self, 1);
    raw_request (&self.peer, &header, "block", 0);
    raw_server_await_entered (&self, 1);
    raw_request (&self.peer, &header, "block", 0);
    cr_assert (raw_expect_nack (&self.peer, 1, GODWIT__NACK_DUPLICATE));
    raw_server_let_go (&self);
    cr_assert (raw_expect (&self.peer, GODWIT__REPLY, 1));

    raw_server_connect (&self, &stranger);
    raw_request (&stranger, &header, "echo", 5);
    cr_assert (raw_expect_nack (&stranger, 1, GODWIT__NACK_HELLO));
    cr_assert_eq (raw_server_count (&self, &self.ran), 1u);
    raw_close (&stranger);
    raw_server_end (&self);
}

static void
casts_are_not_replied_to (core_t *core)
{
    raw_server_t self;
    raw_server_start (&self, driver_of (core), NULL, NULL);
    static const char *const methods[] = {"echo", "fail", "typed", "nope", "_denied", "twice"};
    for (uint64_t i = 0; i < COUNT_OF (methods); i++) {
        godwit__header_t header = raw_header_of (&self, i + 1);
        header.flags = GODWIT__FLAG_CAST;
        raw_request (&self.peer, &header, methods[i], 5);
    }
    godwit__header_t header = raw_header_of (&self, 100);
    raw_request (&self.peer, &header, "block", 0);
    raw_server_await_entered (&self, 1);
    raw_server_let_go (&self);
    /* The only thing that comes, and the casts have run by then or never will. */
    MUST (godwit_server_stop (self.server, NULL, &error));
    MUST (godwit_server_wait (self.server, NULL, &error));
    bool replied = false;
    while (!replied) {
        raw_answer_t answer = raw_receive (&self.peer, RAW_WAIT_LIMIT_NS);
        cr_assert (answer.came);
        cr_assert (answer.header.type == GODWIT__GOODBYE || answer.header.id == 100u);
        replied = answer.header.type == GODWIT__REPLY;
        raw_answer_release (&answer);
    }
    raw_answer_t none = raw_receive (&self.peer, 0);
    cr_assert (!none.came || none.header.type == GODWIT__GOODBYE);
    raw_answer_release (&none);
    cr_assert_eq (raw_server_count (&self, &self.ran), 5u); /* four of the casts, and the call */
    raw_server_end (&self);
}

/* One that said goodbye is no reason to warn. */
static size_t
count_unsent (void)
{
    return log_book_count (&book, GODWIT_LOG_DEBUG, "nobody waits for a reply of the method hold") +
           log_book_count (&book, GODWIT_LOG_WARNING, "hold could not be sent");
}

/* Callers that are gone when they get their reply. */
static void
lost_replies_are_logged (core_t *core)
{
    service_t two;
    log_book_open (&book);
    godwit_transport_t *serving =
        core_transport (core, GODWIT_TRANSPORT_OPTIONS (.log = log_book_write, .log_user = &book));
    service_start (&two, serving, "two", NULL);
    const int64_t end = now_ms () + WAIT_LIMIT_MS;
    while (!count_unsent () && now_ms () < end) {
        godwit_transport_t *leaving = core_transport (core, NULL);
        godwit_client_t *client = NULL;
        godwit_future_t *future = NULL;
        MUST (godwit_client_new (&client, leaving, GODWIT_TARGET (.topic = "work", .server = "two"), NULL,
                                 &error));
        MUST (godwit_client_call_future (client, NULL, "hold", GODWIT_NO_ARGS, &future, &error));
        service_wait_held (&two, 1);
        godwit_future_destroy (&future);
        godwit_client_destroy (&client);
        godwit_transport_destroy (&leaving);
        godwit_request_t *request = service_take (&two);
        MUST (godwit_request_reply (request, GODWIT_INT (NULL, 1)));
        godwit_request_destroy (&request);
    }
    cr_assert_geq (count_unsent (), 1u);
    /* Not fatal. */
    godwit_client_t *still = NULL;
    MUST (godwit_client_prepare (&still, core->client, GODWIT_OVERRIDES (.server = "two"), &error));
    cr_assert_eq (call_who (still), 'o');
    godwit_client_destroy (&still);
    service_end (&two);
    godwit_transport_destroy (&serving);
    log_book_close (&book);
}

static void
replies_too_large_are_logged (core_t *core)
{
    shop_t shop;
    shop_open (&shop, core);
    for (int i = 0; i < 2; i++) {
        godwit_error_t *error = NULL;
        cr_assert_neq (godwit_client_call (shop.client, NULL, "send_too_much", GODWIT_NO_ARGS, NULL, &error),
                       GODWIT_OK);
        cr_assert (strstr (godwit_error_print (error), "max_message_size"), "%s", godwit_error_print (error));
        godwit_error_destroy (&error);
    }
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_ERROR, "send_too_much failed"), 2u);
    shop_close (&shop);
}

/* ---- what a server hears ---- */

static void
call_to_each (core_t *core)
{
    service_t two;
    godwit_client_t *named = NULL, *shared = NULL;
    service_start (&two, core->serving, "two", NULL);
    MUST (godwit_client_wait_servers (core->client, 2, WAIT_LIMIT_MS, &error));
    MUST (godwit_client_prepare (&shared, core->client, NULL, &error));
    MUST (godwit_client_prepare (&named, core->client, GODWIT_OVERRIDES (.server = "two"), &error));
    /* Shared with the other of the topic ... */
    for (int i = 0; i < 10; i++)
        MUST (godwit_client_call (shared, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
    cr_assert_eq (service_get (&core->one, &core->one.counted), 5u);
    cr_assert_eq (service_get (&two, &two.counted), 5u);
    /* ... its own, alone ... */
    for (int i = 0; i < 10; i++)
        MUST (godwit_client_call (named, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
    cr_assert_eq (service_get (&core->one, &core->one.counted), 5u);
    cr_assert_eq (service_get (&two, &two.counted), 15u);
    /* ... and the fanout. */
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
    MUST (godwit_client_fanout (core->client, NULL, "count", GODWIT_NO_ARGS, &report, &error));
    cr_assert_eq (report.reached, 2u);
    service_wait (&core->one, &core->one.counted, 6);
    service_wait (&two, &two.counted, 16);
    godwit_client_destroy (&shared);
    godwit_client_destroy (&named);
    service_end (&two);
}

/* The same topic and the same server in another exchange: by topic, by name and by fanout. */
static void
exchanges_are_isolated (core_t *core)
{
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (plain, .self = self_b);
    godwit_server_t *other = NULL;
    godwit_client_t *there = NULL, *there_named = NULL, *nowhere = NULL, *nobody = NULL;
    godwit_value_t *who = NULL;
    MUST (godwit_server_new (&other, core->serving,
                             GODWIT_TARGET (.exchange = "elsewhere", .topic = "work", .server = "one"),
                             &endpoint, 1, NULL, &error));
    MUST (godwit_server_start (other, NULL, &error));
    MUST (godwit_client_prepare (&there, core->client, GODWIT_OVERRIDES (.exchange = "elsewhere"), &error));
    MUST (godwit_client_prepare (&there_named, there, GODWIT_OVERRIDES (.server = "one"), &error));
    MUST (godwit_client_wait_servers (there, 1, WAIT_LIMIT_MS, &error));
    for (int i = 0; i < 10; i++) {
        godwit_client_t *const client = i % 2 ? there : there_named;
        MUST (godwit_client_call (client, NULL, "add", GODWIT_NO_ARGS, &who, &error));
        cr_assert_str_eq (godwit_value_as_str (who, ""), "b");
        godwit_value_unref (&who);
        cr_assert_eq (call_who (core->client), 'e'); /* "one", never the other, which has no whoami */
    }
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
    MUST (godwit_client_fanout (there, NULL, "add", GODWIT_NO_ARGS, &report, &error));
    cr_assert_eq (report.reached, 1u);
    MUST (godwit_client_fanout (core->client, NULL, "count", GODWIT_NO_ARGS, &report, &error));
    cr_assert_eq (report.reached, 1u);
    service_wait (&core->one, &core->one.counted, 1);
    /* 10 of whoami and one count: the fanout of the other exchange was not for it. */
    cr_assert_eq (service_get (&core->one, &core->one.runs), 11u);
    /* An exchange that nobody serves. */
    MUST (godwit_client_prepare (&nowhere, core->client,
                                 GODWIT_OVERRIDES (.exchange = "third", .mandatory = GODWIT_YES), &error));
    FAILS (GODWIT_ERR_UNDELIVERABLE, GODWIT_OUTCOME_NOT_SENT, "",
           godwit_client_call (nowhere, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    MUST (godwit_client_prepare (&nobody, nowhere, GODWIT_OVERRIDES (.server = "one"), &error));
    FAILS (GODWIT_ERR_UNDELIVERABLE, GODWIT_OUTCOME_NOT_SENT, "",
           godwit_client_call (nobody, NULL, "whoami", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&nobody);
    godwit_client_destroy (&nowhere);
    godwit_client_destroy (&there_named);
    godwit_client_destroy (&there);
    godwit_server_destroy (&other);
}

/* ---- two of one name ---- */

static void
twins_compete (core_t *core)
{
    service_t first, second, third;
    static const char *const warning = "topic work have the same name twin";
    static const char *const elsewhere = "same name twin, the other one at ";
    log_book_open (&book);
    godwit_transport_t *here =
        core_transport (core, GODWIT_TRANSPORT_OPTIONS (.log = log_book_write, .log_user = &book));
    service_start (&first, here, "twin", NULL);
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_WARNING, "same name"), 0u);
    service_start (&second, here, "twin", NULL);
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_WARNING, warning), 1u);
    godwit_client_t *client = NULL;
    MUST (godwit_client_prepare (&client, core->client, GODWIT_OVERRIDES (.server = "twin"), &error));
    MUST (godwit_client_wait_servers (client, 2, WAIT_LIMIT_MS, &error));
    for (int i = 0; i < 10; i++)
        MUST (godwit_client_call (client, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
    cr_assert_eq (service_get (&first, &first.counted), 5u);
    cr_assert_eq (service_get (&second, &second.counted), 5u);
    /* Another topic's is none. */
    service_end (&second);
    godwit_server_t *stranger = NULL;
    MUST (godwit_server_new (&stranger, here, GODWIT_TARGET (.topic = "other", .server = "twin"), NULL, 0,
                             NULL, &error));
    MUST (godwit_server_start (stranger, NULL, &error));
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_WARNING, "same name"), 1u);
    godwit_server_destroy (&stranger);
    /* On another transport, as in another process: who was there hears of it ... */
    godwit_transport_t *there = core_transport (core, NULL);
    service_start (&third, there, "twin", NULL);
    cr_assert (log_book_wait (&book, GODWIT_LOG_WARNING, elsewhere, 1));
    /* ... and who comes; that is counted, because it is within a minute. */
    service_end (&first);
    service_start (&first, here, "twin", NULL);
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_WARNING, elsewhere), 1u);
    godwit_client_destroy (&client);
    service_end (&first);
    service_end (&third);
    godwit_transport_destroy (&there);
    godwit_transport_destroy (&here);
    cr_assert_eq (log_book_count (&book, GODWIT_LOG_WARNING, "requests (1 more times"), 1u);
    log_book_close (&book);
}

/* ---- ping ---- */

static godwit_status_t
own_ping (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (request, GODWIT_STR (NULL, "mine"));
}

static const godwit_method_t pinging[] = {GODWIT_METHOD ("oslo_rpc_server_ping", own_ping, 0)};

static void
ping_is_answered (core_t *core)
{
    const godwit_endpoint_t with[] = {GODWIT_ENDPOINT (plain, .name_space = "a", .version = "2.0")};
    const godwit_endpoint_t own[] = {GODWIT_ENDPOINT (plain, .version = "1.0"),
                                     GODWIT_ENDPOINT (pinging, .name_space = "mine", .version = "1.0")};
    static const scenario_t on[] = {
        {"oslo_rpc_server_ping", NULL, NULL, "pong", GODWIT_OK, NULL},
        {"oslo_rpc_server_ping", NULL, "1.0", "pong", GODWIT_OK, NULL},
        {"oslo_rpc_server_ping", NULL, "1.1", NO_VERSION ("1.1", "oslo_rpc_server_ping")},
        {"oslo_rpc_server_ping", "a", "2.0", NO_METHOD ("oslo_rpc_server_ping")},
    };
    static const scenario_t off[] = {
        {"oslo_rpc_server_ping", NULL, NULL, NO_METHOD ("oslo_rpc_server_ping")}};
    static const scenario_t mine[] = {
        {"oslo_rpc_server_ping", "mine", NULL, "mine", GODWIT_OK, NULL},
        {"oslo_rpc_server_ping", NULL, NULL, NO_METHOD ("oslo_rpc_server_ping")},
    };
    godwit_transport_t *pinged = core_transport (core, GODWIT_TRANSPORT_OPTIONS (.rpc_ping_enabled = true));
    check_scenarios_on (pinged, core, with, 1, NULL, on, COUNT_OF (on));
    check_scenarios_on (pinged, core, with, 1, GODWIT_SERVER_OPTIONS (.policy = GODWIT_POLICY_EXPLICIT), on,
                        COUNT_OF (on));
    check_scenarios_on (pinged, core, NULL, 0, NULL, on, 2);
    check_scenarios_on (pinged, core, own, 2, NULL, mine, COUNT_OF (mine));
    godwit_transport_destroy (&pinged);
    const godwit_endpoint_t none[] = {GODWIT_ENDPOINT (plain, .version = "1.0")};
    check_scenarios (core, none, 1, NULL, off, 1);
}

static const contract_row_t rows[] = {
    {"5: Endpoints in list order: skip unless the namespace is accepted and compatible(endpoint.version, "
     "message.version); the first that has the method runs.",
     first_that_fits},
    {"5: None ran: if any endpoint was compatible -> NoSuchMethod; else UnsupportedVersion. So a wrong "
     "namespace "
     "is UnsupportedVersion, and a denied method is NoSuchMethod.",
     none_that_fits},
    {"5: A message, an endpoint without version is 1.0.", no_version_is_one},
    {"5: Policies: legacy (all), default (not names that start with \"_\"), explicit (only methods marked "
     "exposed). Users can write their own.",
     policies},
    {"5: Users can write their own: without a function it is an error.", custom_needs_a_function},
    {"5: ... and whose access policy allows it.", denied_is_passed_over},
    {"5: Context deserialised first, then each argument with it; result serialised.",
     context_then_arguments_then_result},
    {"5: Expected exceptions declared on a method are logged at debug and reach the caller as themselves.",
     expected_failures},
    {"5: NoSuchMethod of a name that ends in `_ignore_errors` too.", ignored_failures},
    {"5: Any other failure is logged as an error with its trace.", other_failures},
    {"5: A failing reply is logged, never fatal: it cannot be sent.", replies_too_large_are_logged},
    {"5: A server hears: exchange/topic shared with the others of that topic, exchange/topic/server alone, "
     "and "
     "the fanout of exchange/topic.",
     call_to_each},
    {"5: ... (Fix: rabbit's fanout ignores the exchange).", exchanges_are_isolated},
    {"5: Two servers with the same exchange, topic and name compete; ours warns about it.", twins_compete},
    {"5: Ping: option rpc_ping_enabled adds `oslo_rpc_server_ping` -> \"pong\" (null namespace, 1.0) unless "
     "an "
     "endpoint has that name.",
     ping_is_answered},
};
CONTRACT (section05, rows)

static const contract_row_t rows_of_each_driver[] = {
    {"5: Acknowledge, then run, then reply: a request whose acknowledgement fails is not run.",
     acknowledged_then_run},
    {"5: A failing reply is logged, never fatal: the caller is gone.", lost_replies_are_logged},
    {"5: A cast never replies.", casts_are_not_replied_to},
};
CONTRACT_OF_EACH_DRIVER (section05_of_each_driver, rows_of_each_driver)
