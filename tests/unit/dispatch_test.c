/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 5: which method answers. */
#include "src/server/dispatch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static godwit_status_t
handler (godwit_request_t *request, void *self)
{
    (void) request;
    (void) self;
    return GODWIT_OK;
}

static const godwit_method_t plain[] = {GODWIT_METHOD ("add", handler, 0),
                                        GODWIT_METHOD ("_hidden", handler, 0),
                                        GODWIT_METHOD ("shown", handler, GODWIT_METHOD_EXPOSED)};
static const godwit_method_t more[] = {GODWIT_METHOD ("add", handler, 0),
                                       GODWIT_METHOD ("extra", handler, 0)};
static const char *const legacy[] = {"old", NULL};

/* The self of each endpoint is its name here. */
static godwit__dispatch_t *
make (const godwit_endpoint_t *endpoints, size_t count, godwit_policy_t policy)
{
    godwit__dispatch_t *dispatch = NULL;
    godwit_error_t *error = NULL;
    cr_assert_eq (
        godwit__dispatch_new (&dispatch, endpoints, count, &(godwit__policy_t){.kind = policy}, &error),
        GODWIT_OK, "%s", godwit_error_message (error));
    return dispatch;
}

static godwit_value_t *
text (const char *data)
{
    godwit_value_t *value = NULL;
    if (data)
        godwit_value_new (&value, GODWIT_STR (NULL, data), NULL);
    return value;
}

typedef struct scenario {
    const char *method;
    const char *name_space;
    const char *version;
    const char *self; /* NULL: it fails */
    godwit_status_t status;
    const char *message;
} scenario_t;

static void
check (godwit__dispatch_t *dispatch, const scenario_t *scenario)
{
    godwit_value_t *method = text (scenario->method);
    godwit_value_t *name_space = text (scenario->name_space);
    godwit_value_t *version = text (scenario->version);
    godwit__route_t *route = NULL;
    godwit_error_t *error = NULL;
    const godwit_status_t status =
        godwit__dispatch_find (dispatch, method, name_space, version, &route, &error);
    cr_assert_eq (status, scenario->status, "%s %s %s: %s", scenario->method,
                  scenario->name_space ? scenario->name_space : "-",
                  scenario->version ? scenario->version : "-", godwit_error_message (error));
    if (scenario->self) {
        cr_assert_str_eq ((const char *) godwit__dispatch_self (dispatch, route), scenario->self);
        cr_assert_str_eq (route->method.name, scenario->method);
    }
    if (scenario->message)
        cr_assert_str_eq (godwit_error_message (error), scenario->message);
    godwit_error_destroy (&error);
    godwit_value_unref (&method);
    godwit_value_unref (&name_space);
    godwit_value_unref (&version);
}

static char self_a[] = "a", self_b[] = "b", self_c[] = "c";

Test (dispatch, follows_the_contract)
{
    const godwit_endpoint_t endpoints[] = {
        GODWIT_ENDPOINT (plain, .version = "1.3", .self = self_a),
        GODWIT_ENDPOINT (more, .version = "2.1", .self = self_b),
        GODWIT_ENDPOINT (more, .name_space = "new", .version = "1.0", .legacy_namespaces = legacy,
                         .legacy_namespace_count = 2, .self = self_c),
    };
    const scenario_t scenarios[] = {
        /* In list order, by namespace and version; no version is 1.0. */
        {"add", NULL, NULL, "a", GODWIT_OK, NULL},
        {"add", NULL, "1.3", "a", GODWIT_OK, NULL},
        {"add", NULL, "1.2.7", "a", GODWIT_OK, NULL},
        {"add", NULL, "2.0", "b", GODWIT_OK, NULL},
        {"add", NULL, "2.1", "b", GODWIT_OK, NULL},
        {"add", "new", "1.0", "c", GODWIT_OK, NULL},
        {"add", "old", "1.0", "c", GODWIT_OK, NULL},
        {"extra", NULL, "1.0", "c", GODWIT_OK, NULL}, /* "no namespace" is a legacy one */
        {"extra", NULL, "2.0", "b", GODWIT_OK, NULL},
        /* Denied, or nowhere: the same. */
        {"_hidden", NULL, "1.0", NULL, GODWIT_ERR_NO_SUCH_METHOD,
         "Endpoint does not support RPC method _hidden; there are: add, shown, extra"},
        {"nope", NULL, NULL, NULL, GODWIT_ERR_NO_SUCH_METHOD,
         "Endpoint does not support RPC method nope; there are: add, shown, extra"},
        {"shwn", NULL, "1.3", NULL, GODWIT_ERR_NO_SUCH_METHOD, /* the nearest name first */
         "Endpoint does not support RPC method shwn; there are: shown, add"},
        {"shown", NULL, "2.0", NULL, GODWIT_ERR_NO_SUCH_METHOD,
         "Endpoint does not support RPC method shown; there are: add, extra"},
        {"", NULL, NULL, NULL, GODWIT_ERR_NO_SUCH_METHOD,
         "Endpoint does not support RPC method ; there are: add, shown, extra"},
        /* Nobody is compatible. */
        {"add", NULL, "3.0", NULL, GODWIT_ERR_UNSUPPORTED_VERSION,
         "Endpoint does not support RPC version 3.0. Attempted method: add; there are: 1.3, 2.1, 1.0, new "
         "1.0, old 1.0"},
        {"add", NULL, "2.2", NULL, GODWIT_ERR_UNSUPPORTED_VERSION,
         "Endpoint does not support RPC version 2.2. Attempted method: add; there are: 1.3, 2.1, 1.0, new "
         "1.0, old 1.0"},
        {"add", NULL, "1.3.1", NULL, GODWIT_ERR_UNSUPPORTED_VERSION,
         "Endpoint does not support RPC version 1.3.1. Attempted method: add; there are: 1.3, 2.1, 1.0, new "
         "1.0, old 1.0"},
        {"add", "other", NULL, NULL, GODWIT_ERR_UNSUPPORTED_VERSION,
         "Endpoint does not support RPC version 1.0. Attempted method: add; there is no namespace \"other\"; "
         "there are: 1.3, 2.1, "
         "new 1.0, old 1.0, 1.0"},
        {"add", "", NULL, NULL, GODWIT_ERR_UNSUPPORTED_VERSION, NULL}, /* "" is a namespace */
        {"add", NULL, "1", NULL, GODWIT_ERR_INVALID_ARGUMENT,
         "Version must contain a major and minor integer. Got 1"},
    };
    godwit__dispatch_t *dispatch = make (endpoints, 3, GODWIT_POLICY_DEFAULT);
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++)
        check (dispatch, &scenarios[i]);
    cr_assert_str_eq (godwit__dispatch_versions (dispatch), "=1.3 =2.1 new=1.0 old=1.0 =1.0");
    godwit__dispatch_destroy (&dispatch);
}

Test (dispatch, asks_the_policy)
{
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (plain, .self = self_a);
    const struct {
        godwit_policy_t policy;
        bool add, hidden, shown;
    } cases[] = {{GODWIT_POLICY_DEFAULT, true, false, true},
                 {GODWIT_POLICY_LEGACY, true, true, true},
                 {GODWIT_POLICY_EXPLICIT, false, false, true}};
    for (size_t i = 0; i < 3; i++) {
        godwit__dispatch_t *dispatch = make (&endpoint, 1, cases[i].policy);
        const scenario_t add = {"add",
                                NULL,
                                NULL,
                                cases[i].add ? "a" : NULL,
                                cases[i].add ? GODWIT_OK : GODWIT_ERR_NO_SUCH_METHOD,
                                NULL};
        const scenario_t hidden = {"_hidden",
                                   NULL,
                                   NULL,
                                   cases[i].hidden ? "a" : NULL,
                                   cases[i].hidden ? GODWIT_OK : GODWIT_ERR_NO_SUCH_METHOD,
                                   NULL};
        const scenario_t shown = {"shown",
                                  NULL,
                                  NULL,
                                  cases[i].shown ? "a" : NULL,
                                  cases[i].shown ? GODWIT_OK : GODWIT_ERR_NO_SUCH_METHOD,
                                  NULL};
        check (dispatch, &add);
        check (dispatch, &hidden);
        check (dispatch, &shown);
        godwit__dispatch_destroy (&dispatch);
    }
}

/* What the policy denies is not named to callers who ask for something else. */
Test (dispatch, names_only_what_the_policy_shows)
{
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (plain, .self = self_a);
    godwit__dispatch_t *dispatch = make (&endpoint, 1, GODWIT_POLICY_EXPLICIT);
    check (dispatch, &(scenario_t){"ad", NULL, NULL, NULL, GODWIT_ERR_NO_SUCH_METHOD,
                                   "Endpoint does not support RPC method ad; there are: shown"});
    godwit__dispatch_destroy (&dispatch);
    dispatch = make (&endpoint, 1, GODWIT_POLICY_LEGACY);
    check (dispatch,
           &(scenario_t){"ad", NULL, NULL, NULL, GODWIT_ERR_NO_SUCH_METHOD,
                         "Endpoint does not support RPC method ad; there are: add, shown, _hidden"});
    godwit__dispatch_destroy (&dispatch);
}

/* What does not fit in a record must not read as if it were not served. */
Test (dispatch, says_nothing_of_more_namespaces_than_fit)
{
    static char names[300][16];
    static const char *legacy_many[300];
    for (int i = 0; i < 300; i++) {
        snprintf (names[i], sizeof names[i], "space%d", i);
        legacy_many[i] = names[i];
    }
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (plain, .legacy_namespaces = legacy_many,
                                                        .legacy_namespace_count = 300, .self = self_a);
    godwit__dispatch_t *dispatch = make (&endpoint, 1, GODWIT_POLICY_DEFAULT);
    cr_assert_str_eq (godwit__dispatch_versions (dispatch), "");
    check (dispatch, &(scenario_t){"add", "space299", NULL, "a", GODWIT_OK, NULL});
    check (dispatch, &(scenario_t){"add", NULL, "9.0", NULL, GODWIT_ERR_UNSUPPORTED_VERSION,
                                   "Endpoint does not support RPC version 9.0. Attempted method: add"});
    godwit__dispatch_destroy (&dispatch);
}

/* A method that is denied in the first endpoint is looked for in the next. */
Test (dispatch, passes_over_what_is_denied)
{
    static const godwit_method_t denied[] = {GODWIT_METHOD ("add", handler, 0)};
    static const godwit_method_t exposed[] = {GODWIT_METHOD ("add", handler, GODWIT_METHOD_EXPOSED)};
    const godwit_endpoint_t endpoints[] = {GODWIT_ENDPOINT (denied, .self = self_a),
                                           GODWIT_ENDPOINT (exposed, .self = self_b)};
    godwit__dispatch_t *dispatch = make (endpoints, 2, GODWIT_POLICY_EXPLICIT);
    check (dispatch, &(scenario_t){"add", NULL, NULL, "b", GODWIT_OK, NULL});
    godwit__dispatch_destroy (&dispatch);
}

Test (dispatch, finds_all_of_many)
{
    static godwit_method_t methods[500];
    static char names[500][8];
    for (int i = 0; i < 500; i++) {
        snprintf (names[i], sizeof names[i], "m%d", i);
        methods[i] = (godwit_method_t) GODWIT_METHOD (names[i], handler, 0);
    }
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .self = self_a);
    godwit__dispatch_t *dispatch = make (&endpoint, 1, GODWIT_POLICY_DEFAULT);
    for (int i = 0; i < 500; i++)
        check (dispatch, &(scenario_t){names[i], NULL, NULL, "a", GODWIT_OK, NULL});
    check (dispatch, &(scenario_t){"m500", NULL, NULL, NULL, GODWIT_ERR_NO_SUCH_METHOD,
                                   "Endpoint does not support RPC method m500; there are: m50, m100, m200, "
                                   "m0, m5, m10, m20, m30, m40, m51 and 490 more"});
    godwit__dispatch_destroy (&dispatch);
}

Test (dispatch, without_endpoints_serves_no_version)
{
    godwit__dispatch_t *dispatch = make (NULL, 0, GODWIT_POLICY_DEFAULT);
    check (dispatch, &(scenario_t){"add", NULL, NULL, NULL, GODWIT_ERR_UNSUPPORTED_VERSION, NULL});
    godwit__dispatch_destroy (&dispatch);
}

Test (dispatch, refuses_wrong_tables)
{
    static const godwit_method_t twice[] = {GODWIT_METHOD ("add", handler, 0),
                                            GODWIT_METHOD ("add", handler, 0)};
    static const godwit_method_t nameless[] = {GODWIT_METHOD (NULL, handler, 0)};
    static const godwit_method_t idle[] = {GODWIT_METHOD ("add", NULL, 0)};
    const godwit_endpoint_t wrong[] = {GODWIT_ENDPOINT (twice, .self = NULL),
                                       GODWIT_ENDPOINT (nameless, .self = NULL),
                                       GODWIT_ENDPOINT (idle, .self = NULL),
                                       GODWIT_ENDPOINT (plain, .version = "1"),
                                       {.struct_size = sizeof (godwit_endpoint_t), .method_count = 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        godwit__dispatch_t *dispatch = NULL;
        godwit_error_t *error = NULL;
        cr_assert_eq (godwit__dispatch_new (&dispatch, &wrong[i], 1,
                                            &(godwit__policy_t){.kind = GODWIT_POLICY_DEFAULT}, &error),
                      GODWIT_ERR_INVALID_ARGUMENT, "table %zu", i);
        cr_assert_null (dispatch);
        cr_assert (error);
        godwit_error_destroy (&error);
    }
}

Test (dispatch, averages_run_times)
{
    godwit__route_t route;
    atomic_init (&route.average_ns, 0);
    godwit__route_measured (&route, 800);
    cr_assert_eq (atomic_load (&route.average_ns), 800);
    godwit__route_measured (&route, 1600);
    cr_assert_eq (atomic_load (&route.average_ns), 900);
    /* One run that took long is an accident; seven are how it is. */
    godwit__route_measured (&route, 50000000);
    cr_assert_lt (atomic_load (&route.average_ns), 2000);
    for (int i = 0; i < 7; i++)
        godwit__route_measured (&route, 50000000);
    cr_assert_gt (atomic_load (&route.average_ns), 100000);
    for (int i = 0; i < 200; i++)
        godwit__route_measured (&route, 0);
    cr_assert_lt (atomic_load (&route.average_ns), 100);
    cr_assert_gt (atomic_load (&route.average_ns), 0);
}
