/* SPDX-License-Identifier: Apache-2.0 */
/* Contract 2: versions. */
#include "tests/contract/contract.h"

#include <stdio.h>

typedef struct vector {
    const char *implemented, *requested;
    bool compatible;
} vector_t;

static const vector_t vectors[] = {
    /* The contract's. */
    {"1.23", "1.23", true},
    {"1.24", "1.23", true},
    {"1.22", "1.23", false},
    {"2.23", "1.23", false},
    {"1.23", "2.23", false},
    {"1.23", "1.23.1", false},
    {"1.23.2", "1.23.1", true},
    {"1.24", "1.23.1", true},
    {"1.23.0", "1.23", true},
    {"1.6", "1.5.9", true},
    {"1.2.3.4", "1.2.3.9", true},
    /* Its sentences. */
    {NULL, "1.0", true},          /* implemented unset -> true, ... */
    {NULL, NULL, true},           /* ... whatever is requested */
    {"1.0", NULL, false},         /* requested unset -> false */
    {"1.10", "1.9", true},        /* numbers, not texts */
    {"1.9", "1.10", false},       /* requested.minor <= implemented.minor */
    {"1.5.1", "1.5.2", false},    /* revisions, when minors are equal */
    {"1.5.10", "1.5.9", true},    /* ... as numbers */
    {"1.5.0", "1.6.0", false},    /* ... and not otherwise */
    {"1.6.0", "1.5.7", true},     /* */
    {"1.5", "1.5.0", true},       /* missing = 0 */
    {"1.2.3", "1.2.3.999", true}, /* further parts ignored */
};
#define VECTOR_COUNT (sizeof vectors / sizeof vectors[0])

static const char *const bad[] = {"1", "a.b", "", ".", "1.", ".1", "1.a", "-1.0", " 1.0", "1,0"};
#define BAD_COUNT (sizeof bad / sizeof bad[0])
#define BAD_TEXT "Version must contain a major and minor integer. Got "

static const char *
bad_text (size_t i)
{
    static char text[100];
    snprintf (text, sizeof text, BAD_TEXT "%s", bad[i]);
    return text;
}

Test (section02, compatible)
{
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        bool compatible = !vectors[i].compatible;
        MUST (godwit_version_compatible (vectors[i].implemented, vectors[i].requested, &compatible, &error));
        cr_assert_eq (compatible, vectors[i].compatible, "(%s, %s)", vectors[i].implemented,
                      vectors[i].requested);
    }
    for (size_t i = 0; i < BAD_COUNT; i++) {
        bool compatible = false;
        FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, bad_text (i),
               godwit_version_compatible ("1.0", bad[i], &compatible, &error));
        FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, bad_text (i),
               godwit_version_compatible (bad[i], "1.0", &compatible, &error));
    }
}

static godwit_status_t
say_nil (godwit_request_t *request, void *self)
{
    (void) request;
    (void) self;
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("nothing", say_nil, 0)};

/* The vectors again, as an endpoint's version and a message's. An endpoint without one counts as 1.0, so the
 * rows with implemented unset are not about endpoints; neither is a message without one. */
static void
endpoints_and_messages (core_t *core)
{
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        char topic[32];
        godwit_server_t *server = NULL;
        godwit_client_t *client = NULL;
        if (!vectors[i].implemented || !vectors[i].requested)
            continue;
        const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = vectors[i].implemented);
        snprintf (topic, sizeof topic, "versions%zu", i);
        MUST (godwit_server_new (&server, core->serving, GODWIT_TARGET (.topic = topic, .server = "one"),
                                 &endpoint, 1, NULL, &error));
        MUST (godwit_server_start (server, NULL, &error));
        MUST (godwit_client_prepare (&client, core->client,
                                     GODWIT_OVERRIDES (.topic = topic, .version = vectors[i].requested),
                                     &error));
        godwit_error_t *error = NULL;
        const godwit_status_t status =
            godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, &error);
        cr_assert_eq (status, vectors[i].compatible ? GODWIT_OK : GODWIT_ERR_UNSUPPORTED_VERSION,
                      "(%s, %s): %s", vectors[i].implemented, vectors[i].requested,
                      status ? godwit_error_print (error) : "OK");
        godwit_error_destroy (&error);
        godwit_client_destroy (&client);
        godwit_server_destroy (&server);
    }
}

/* And once more as a cap and a target's version. */
static void
caps (core_t *core)
{
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        godwit_client_t *client = NULL;
        MUST (godwit_client_new (&client, core->calling,
                                 GODWIT_TARGET (.topic = "work", .version = vectors[i].requested),
                                 GODWIT_CLIENT_OPTIONS (.version_cap = vectors[i].implemented), &error));
        cr_assert_eq (godwit_client_can_send_version (client, NULL), vectors[i].compatible, "row %zu", i);
        if (vectors[i].requested)
            cr_assert_eq (godwit_client_can_send_version (client, vectors[i].requested),
                          vectors[i].compatible, "row %zu", i);
        godwit_client_destroy (&client);
    }
}

static void
errors_in_prepare_and_constructors (core_t *core)
{
    for (size_t i = 0; i < BAD_COUNT; i++) {
        godwit_client_t *client = NULL;
        godwit_server_t *server = NULL;
        const char *const version = bad[i];
        const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = version);
        const godwit_endpoint_t good = GODWIT_ENDPOINT (methods, .version = "1.0");
        FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, bad_text (i),
               godwit_client_prepare (&client, core->client, GODWIT_OVERRIDES (.version = version), &error));
        FAILS (
            GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, bad_text (i),
            godwit_client_prepare (&client, core->client, GODWIT_OVERRIDES (.version_cap = version), &error));
        FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, bad_text (i),
               godwit_client_new (&client, core->calling, GODWIT_TARGET (.topic = "work", .version = version),
                                  NULL, &error));
        FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, bad_text (i),
               godwit_client_new (&client, core->calling, GODWIT_TARGET (.topic = "work"),
                                  GODWIT_CLIENT_OPTIONS (.version_cap = version), &error));
        FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, bad_text (i),
               godwit_server_new (&server, core->serving, GODWIT_TARGET (.topic = "t", .server = "s"),
                                  &endpoint, 1, NULL, &error));
        FAILS (GODWIT_ERR_INVALID_ARGUMENT, GODWIT_OUTCOME_NONE, bad_text (i),
               godwit_server_new (&server, core->serving,
                                  GODWIT_TARGET (.topic = "t", .server = "s", .version = version), &good, 1,
                                  NULL, &error));
        cr_assert (!client && !server);
    }
}

/* A client of one endpoint of 1.0, and of one without a version. */
static void
without_version_is_one_zero (core_t *core)
{
    static const struct {
        const char *implemented, *requested;
        bool served;
    } rows[] = {
        {NULL, NULL, true},   {NULL, "1.0", true},    {NULL, "1.1", false}, {NULL, "2.0", false},
        {"1.0", NULL, true},  {"1.7", NULL, true},    {"2.0", NULL, false}, {"0.9", NULL, false},
        {NULL, "0.9", false}, {NULL, "1.0.1", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char topic[32];
        godwit_server_t *server = NULL;
        godwit_client_t *client = NULL;
        const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .version = rows[i].implemented);
        snprintf (topic, sizeof topic, "unversioned%zu", i);
        MUST (godwit_server_new (&server, core->serving, GODWIT_TARGET (.topic = topic, .server = "one"),
                                 &endpoint, 1, NULL, &error));
        MUST (godwit_server_start (server, NULL, &error));
        MUST (godwit_client_prepare (
            &client, core->client, GODWIT_OVERRIDES (.topic = topic, .version = rows[i].requested), &error));
        cr_assert_eq (godwit_client_call (client, NULL, "nothing", GODWIT_NO_ARGS, NULL, NULL),
                      rows[i].served ? GODWIT_OK : GODWIT_ERR_UNSUPPORTED_VERSION, "row %zu", i);
        godwit_client_destroy (&client);
        godwit_server_destroy (&server);
    }
}

static const contract_row_t rows[] = {
    {"2: compatible(implemented, requested), of endpoints and messages.", endpoints_and_messages},
    {"2: compatible(implemented, requested), of caps and targets.", caps},
    {"2: \"1\", \"a.b\", \"\" are errors in prepare and in constructors.",
     errors_in_prepare_and_constructors},
    {"2: A message without version counts as 1.0, an endpoint without version as 1.0.",
     without_version_is_one_zero},
};
CONTRACT (section02, rows)
