/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 1: targets. */
#include "tests/contract/contract.h"

#include "src/client/client.h"

#include <stdio.h>

#define TARGET(...) ((godwit_target_t){.struct_size = sizeof (godwit_target_t), __VA_ARGS__})

static const char *const legacy[] = {"old", NULL};
static const char *const other_legacy[] = {NULL, "old"};

/* ---- data ---- */

static const godwit_target_t whole = {.struct_size = sizeof whole,
                                      .exchange = "e",
                                      .topic = "t",
                                      .name_space = "n",
                                      .version = "1.2",
                                      .server = "s",
                                      .fanout = GODWIT_YES,
                                      .legacy_namespaces = legacy,
                                      .legacy_namespace_count = 2};

/* 1: "Equality compares every field." and "each may be unset, and unset is not \"\"". */
Test (section01, equality)
{
    const godwit_target_t others[] = {
        TARGET (.exchange = "E", .topic = "t", .name_space = "n", .version = "1.2", .server = "s",
                .fanout = GODWIT_YES, .legacy_namespaces = legacy, .legacy_namespace_count = 2),
        TARGET (.exchange = "e", .topic = "T", .name_space = "n", .version = "1.2", .server = "s",
                .fanout = GODWIT_YES, .legacy_namespaces = legacy, .legacy_namespace_count = 2),
        TARGET (.exchange = "e", .topic = "t", .name_space = "N", .version = "1.2", .server = "s",
                .fanout = GODWIT_YES, .legacy_namespaces = legacy, .legacy_namespace_count = 2),
        TARGET (.exchange = "e", .topic = "t", .name_space = "n", .version = "1.20", .server = "s",
                .fanout = GODWIT_YES, .legacy_namespaces = legacy, .legacy_namespace_count = 2),
        TARGET (.exchange = "e", .topic = "t", .name_space = "n", .version = "1.2", .server = "S",
                .fanout = GODWIT_YES, .legacy_namespaces = legacy, .legacy_namespace_count = 2),
        TARGET (.exchange = "e", .topic = "t", .name_space = "n", .version = "1.2", .server = "s",
                .fanout = GODWIT_NO, .legacy_namespaces = legacy, .legacy_namespace_count = 2),
        TARGET (.exchange = "e", .topic = "t", .name_space = "n", .version = "1.2", .server = "s",
                .fanout = GODWIT_YES, .legacy_namespaces = other_legacy, .legacy_namespace_count = 2),
        TARGET (.exchange = "e", .topic = "t", .name_space = "n", .version = "1.2", .server = "s",
                .fanout = GODWIT_YES, .legacy_namespaces = legacy, .legacy_namespace_count = 1),
        TARGET (.exchange = "e", .topic = "t", .name_space = "n", .version = "1.2", .server = "s",
                .fanout = GODWIT_YES),
    };
    godwit_target_t same = whole;
    cr_assert (godwit_target_equal (&whole, &same));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        cr_assert_not (godwit_target_equal (&whole, &others[i]), "row %zu", i);
        cr_assert_not (godwit_target_equal (&others[i], &whole), "row %zu", i);
    }
    const godwit_target_t empty[] = {TARGET (.exchange = ""),   TARGET (.topic = ""),
                                     TARGET (.name_space = ""), TARGET (.version = ""),
                                     TARGET (.server = ""),     TARGET (.fanout = GODWIT_NO)};
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++)
        cr_assert_not (godwit_target_equal (NULL, &empty[i]), "unset is not \"\": row %zu", i);
}

/* 1: "A copy with overrides keeps the rest (Fix: OM loses legacy namespaces in the copy)." A copy is an
 * assignment; a kept one is what a client has. */
Test (section01, a_copy_keeps_the_rest)
{
    godwit_target_t copy = whole;
    copy.server = "another";
    godwit_target_t expected =
        TARGET (.exchange = "e", .topic = "t", .name_space = "n", .version = "1.2", .server = "another",
                .fanout = GODWIT_YES, .legacy_namespaces = legacy, .legacy_namespace_count = 2);
    cr_assert (godwit_target_equal (&copy, &expected));

    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL, *prepared = NULL;
    char old[] = "old", topic[] = "t";
    const char *mine[] = {old, NULL};
    godwit_target_t given = whole;
    given.legacy_namespaces = mine;
    given.topic = topic;
    MUST (godwit_transport_new (&transport, "inproc://copy/", NULL, &error));
    MUST (godwit_client_new (&client, transport, &given, NULL, &error));
    memset (old, 'x', 3); /* whoever keeps a target copies it */
    topic[0] = 'x';
    MUST (godwit_client_prepare (&prepared, client, GODWIT_OVERRIDES (.server = "another"), &error));
    cr_assert (godwit_target_equal (&client->target, &whole));
    cr_assert (godwit_target_equal (&prepared->target, &expected));
    godwit_client_destroy (&client);
    cr_assert (godwit_target_equal (&prepared->target, &expected));
    godwit_client_destroy (&prepared);
    godwit_transport_destroy (&transport);
}

/* 1: "Printed form <Target exchange=..., topic=...>, set fields only, in the order above". */
Test (section01, printed_form)
{
    const struct {
        godwit_target_t target;
        const char *text;
    } rows[] = {
        {whole, "<Target exchange=e, topic=t, namespace=n, version=1.2, server=s, fanout=True>"},
        {TARGET (.topic = "t"), "<Target topic=t>"},
        {TARGET (.fanout = GODWIT_YES), "<Target fanout=True>"},
        {TARGET (.server = "s", .exchange = "e"), "<Target exchange=e, server=s>"},
        {TARGET (.version = "1.0", .name_space = "n"), "<Target namespace=n, version=1.0>"},
        {TARGET (.topic = ""), "<Target topic=>"},
        {TARGET (.topic = NULL), "<Target >"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[200];
        cr_assert_eq (godwit_target_print (&rows[i].target, text, sizeof text), strlen (rows[i].text));
        cr_assert_str_eq (text, rows[i].text);
    }
}

/* ---- calls ---- */

static godwit_client_t *
prepared (godwit_client_t *client, const godwit_overrides_t *overrides)
{
    godwit_client_t *result = NULL;
    MUST (godwit_client_prepare (&result, client, overrides, &error));
    return result;
}

static void
expect_status (godwit_client_t *parent, const godwit_overrides_t *overrides, godwit_status_t status)
{
    godwit_client_t *client = prepared (parent, overrides);
    godwit_error_t *error = NULL;
    const godwit_status_t got = godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error);
    cr_assert_eq (got, status, "expected %s, got %s: %s", godwit_status_type (status),
                  godwit_status_type (got), got ? godwit_error_print (error) : "");
    godwit_error_destroy (&error);
    godwit_client_destroy (&client);
}

static void
unset_is_not_empty (core_t *core)
{
    godwit_client_t *client = prepared (core->client, GODWIT_OVERRIDES (.mandatory = GODWIT_YES));
    expect_status (client, NULL, GODWIT_OK);
    expect_status (client, GODWIT_OVERRIDES (.exchange = ""), GODWIT_ERR_UNDELIVERABLE);
    expect_status (client, GODWIT_OVERRIDES (.topic = ""), GODWIT_ERR_UNDELIVERABLE);
    expect_status (client, GODWIT_OVERRIDES (.topic = godwit_clear), GODWIT_ERR_INVALID_TARGET);
    expect_status (client, GODWIT_OVERRIDES (.server = ""), GODWIT_ERR_UNDELIVERABLE);
    expect_status (client, GODWIT_OVERRIDES (.server = godwit_clear), GODWIT_OK);
    expect_status (client, GODWIT_OVERRIDES (.name_space = ""), GODWIT_ERR_UNSUPPORTED_VERSION);
    expect_status (client, GODWIT_OVERRIDES (.name_space = godwit_clear), GODWIT_OK);
    godwit_client_t *none = NULL;
    FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, "Got ",
           godwit_client_prepare (&none, client, GODWIT_OVERRIDES (.version = ""), &error));
    godwit_client_destroy (&client);
}

static godwit_status_t
say_nil (godwit_request_t *request, void *self)
{
    (void) request;
    (void) self;
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("nothing", say_nil, 0)};

/* An endpoint alone on a server, and who reaches it. */
static void
expect_accepted (core_t *core, const godwit_endpoint_t *endpoint, bool none, bool mine, bool old, bool empty)
{
    static unsigned number;
    char topic[32];
    godwit_server_t *server = NULL;
    snprintf (topic, sizeof topic, "spaces%u", number++);
    MUST (godwit_server_new (&server, core->serving, GODWIT_TARGET (.topic = topic, .server = "one"),
                             endpoint, 1, NULL, &error));
    MUST (godwit_server_start (server, NULL, &error));
    godwit_client_t *client = prepared (core->client, GODWIT_OVERRIDES (.topic = topic));
    const struct {
        const char *name_space;
        bool accepted;
    } rows[] = {{NULL, none}, {"mine", mine}, {"old", old}, {"", empty}};
    for (size_t i = 0; i < 4; i++)
        expect_status (client, GODWIT_OVERRIDES (.name_space = rows[i].name_space),
                       rows[i].accepted ? GODWIT_OK : GODWIT_ERR_UNSUPPORTED_VERSION);
    godwit_client_destroy (&client);
    godwit_server_destroy (&server);
}

static void
accepted_namespaces (core_t *core)
{
    static const char *const only_none[] = {NULL};
    static const char *const empty[] = {""};
    const godwit_endpoint_t plain = GODWIT_ENDPOINT (methods, .name_space = NULL);
    const godwit_endpoint_t named = GODWIT_ENDPOINT (methods, .name_space = "mine");
    const godwit_endpoint_t both = GODWIT_ENDPOINT (methods, .name_space = "mine",
                                                    .legacy_namespaces = legacy, .legacy_namespace_count = 2);
    const godwit_endpoint_t with_none = GODWIT_ENDPOINT (
        methods, .name_space = "mine", .legacy_namespaces = only_none, .legacy_namespace_count = 1);
    const godwit_endpoint_t plain_with_old =
        GODWIT_ENDPOINT (methods, .legacy_namespaces = legacy, .legacy_namespace_count = 1);
    const godwit_endpoint_t with_empty =
        GODWIT_ENDPOINT (methods, .legacy_namespaces = empty, .legacy_namespace_count = 1);
    expect_accepted (core, &plain, true, false, false, false);
    expect_accepted (core, &named, false, true, false, false);
    expect_accepted (core, &both, true, true, true, false);
    expect_accepted (core, &with_none, true, true, false, false);
    expect_accepted (core, &plain_with_old, true, false, true, false);
    expect_accepted (core, &with_empty, true, false, false, true);
}

static void
part_of_error_texts (core_t *core)
{
    godwit_client_t *client =
        prepared (core->client, GODWIT_OVERRIDES (.topic = godwit_clear, .version = "1.2", .server = "s"));
    FAILS (GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE, "<Target version=1.2, server=s>",
           godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    godwit_client_destroy (&client);
}

static void
expect_no_start (core_t *core, const godwit_target_t *target)
{
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = "1.0");
    godwit_server_t *server = NULL;
    MUST (godwit_server_new (&server, core->serving, target, &endpoint, 1, NULL, &error));
    FAILS (GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE,
           "A server's target must have topic and server names specified",
           godwit_server_start (server, NULL, &error));
    godwit_server_destroy (&server);
}

static void
needs (core_t *core)
{
    expect_no_start (core, GODWIT_TARGET (.topic = "t"));
    expect_no_start (core, GODWIT_TARGET (.server = "s"));
    expect_no_start (core, NULL);
    /* A client: the topic, when it sends; nothing else. */
    godwit_client_t *client = NULL;
    MUST (godwit_client_new (&client, core->calling, NULL, NULL, &error));
    FAILS (GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE, "topic",
           godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error));
    FAILS (GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE, "topic",
           godwit_client_cast (client, NULL, "nothing", GODWIT_NO_ARGS, &error));
    expect_status (client, GODWIT_OVERRIDES (.topic = "work"), GODWIT_OK);
    godwit_client_destroy (&client);
}

static void
exchange_defaults (core_t *core)
{
    expect_status (core->client, GODWIT_OVERRIDES (.exchange = "godwit"), GODWIT_OK);
    godwit_transport_t *transport =
        core_transport (core, GODWIT_TRANSPORT_OPTIONS (.control_exchange = "mine"));
    service_t two;
    service_start (&two, transport, "two", NULL);
    godwit_client_t *mine = core_client (transport, NULL);
    godwit_client_t *reaches = prepared (mine, GODWIT_OVERRIDES (.exchange = "godwit"));
    MUST (godwit_client_wait_servers (mine, 1, WAIT_LIMIT_MS, &error));
    MUST (godwit_client_wait_servers (reaches, 1, WAIT_LIMIT_MS, &error));
    /* Each transport's own default, and the other one by its name. */
    for (int i = 0; i < 4; i++) {
        cr_assert_eq (call_who (mine), 'o'); /* two */
        cr_assert_eq (call_who (reaches), 'e');
        cr_assert_eq (call_who (core->client), 'e');
    }
    godwit_client_t *other = prepared (core->client, GODWIT_OVERRIDES (.exchange = "mine"));
    cr_assert_eq (call_who (other), 'o');
    godwit_client_t *back = prepared (other, GODWIT_OVERRIDES (.exchange = godwit_clear));
    cr_assert_eq (call_who (back), 'e');
    godwit_client_destroy (&back);
    godwit_client_destroy (&other);
    godwit_client_destroy (&reaches);
    godwit_client_destroy (&mine);
    service_end (&two);
    godwit_transport_destroy (&transport);
}

static const contract_row_t rows[] = {
    {"1: Each may be unset, and unset is not \"\".", unset_is_not_empty},
    {"1: Accepted namespaces of an endpoint = its namespace + legacy namespaces, \"no namespace\" is a "
     "member.",
     accepted_namespaces},
    {"1: The printed form is part of error texts.", part_of_error_texts},
    {"1: Needs: server = topic + server; client = topic; endpoint = namespace/version.", needs},
    {"1: Exchange defaults to the transport's control exchange (\"godwit\", settable).", exchange_defaults},
};
CONTRACT (section01, rows)
