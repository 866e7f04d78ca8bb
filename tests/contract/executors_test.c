/* SPDX-License-Identifier: Apache-2.0 */
/* Executors: "pool" and "inline" (contract 6; the external loop is a transport's, core_loop.c and section 6).
 */
#include "tests/contract/contract.h"
#include "tests/support/raw_server.h"

#include <stdio.h>

#define COUNT_OF(array_) (sizeof (array_) / sizeof ((array_)[0]))

static void
unknown_executors (core_t *core)
{
    static const char *const names[] = {"eventlet", "", "Pool", "inline "};
    for (size_t i = 0; i < COUNT_OF (names); i++) {
        godwit_server_t *server = NULL;
        godwit_error_t *failure = NULL;
        char says[100];
        snprintf (says, sizeof says, "Failed to load executor \"%s\": expected pool or inline", names[i]);
        cr_assert_eq (godwit_server_new (&server, core->serving, GODWIT_TARGET (.topic = "t", .server = "s"),
                                         NULL, 0, GODWIT_SERVER_OPTIONS (.executor = names[i]), &failure),
                      GODWIT_ERR_EXECUTOR_LOAD);
        cr_assert_null (server);
        cr_assert_str_eq (godwit_error_type (failure), "ExecutorLoadFailure");
        cr_assert_str_eq (godwit_error_message (failure), says);
        godwit_error_destroy (&failure);
    }
}

/* Handlers at the same time: more than one can be in at once. */
static void
the_pool_runs_several (core_t *core)
{
    static const char *const names[] = {NULL, "pool"};
    for (size_t i = 0; i < COUNT_OF (names); i++) {
        service_t two;
        godwit_client_t *client = NULL;
        service_start (&two, core->serving, "two", GODWIT_SERVER_OPTIONS (.executor = names[i]));
        MUST (godwit_client_prepare (&client, core->client, GODWIT_OVERRIDES (.server = "two"), &error));
        cr_assert_eq (call_who (client), 'o');
        for (int k = 0; k < 3; k++)
            MUST (godwit_client_cast (client, NULL, "block", GODWIT_NO_ARGS, &error));
        service_wait (&two, &two.blocked, 3);
        godwit_client_destroy (&client);
        service_end (&two);
    }
}

/* ---- inline: one after the other ---- */

enum { CLIENTS = 8, CASTS = 120 };

typedef struct ledger {
    atomic_uint inside;
    atomic_uint together; /* handlers that were not alone */
    unsigned next[CLIENTS];
    unsigned disorder;
    unsigned count;
} ledger_t;

/* No lock: nobody else is here, which ThreadSanitizer checks as well. */
static godwit_status_t
note (godwit_request_t *request, void *self)
{
    ledger_t *const ledger = self;
    const godwit_value_t *const args = godwit_request_args (request);
    const int64_t client = godwit_value_as_int (godwit_value_get (args, "client"), 0);
    const int64_t number = godwit_value_as_int (godwit_value_get (args, "number"), -1);
    if (atomic_fetch_add (&ledger->inside, 1) != 0)
        atomic_fetch_add (&ledger->together, 1);
    ledger->disorder += ledger->next[client] != (unsigned) number;
    ledger->next[client] = (unsigned) number + 1;
    ledger->count++;
    atomic_fetch_sub (&ledger->inside, 1);
    return godwit_request_reply (request, GODWIT_INT (NULL, number));
}

static const godwit_method_t noting[] = {
    GODWIT_METHOD ("note", note, 0),
    GODWIT_METHOD ("note_slowly", note, GODWIT_METHOD_SLOW),
    GODWIT_METHOD ("note_here", note, GODWIT_METHOD_INLINE),
};

typedef struct noter {
    godwit_client_t *client;
    int64_t number;
    unsigned failures;
} noter_t;

/* Casts, and now and then a call, which must find all of them done. */
static void *
note_many (void *user)
{
    static const char *const methods[] = {"note", "note_slowly", "note_here"};
    noter_t *const noter = user;
    for (int64_t i = 0; i < CASTS; i++) {
        const char *const method = methods[(noter->number + i) % 3];
        const godwit_status_t status =
            i % 10 == 9
                ? godwit_client_call (
                      noter->client, NULL, method,
                      GODWIT_ARGS (GODWIT_INT ("client", noter->number), GODWIT_INT ("number", i)), NULL,
                      NULL)
                : godwit_client_cast (
                      noter->client, NULL, method,
                      GODWIT_ARGS (GODWIT_INT ("client", noter->number), GODWIT_INT ("number", i)), NULL);
        noter->failures += status != GODWIT_OK;
    }
    return NULL;
}

static void
inline_keeps_the_order (core_t *core)
{
    static ledger_t ledger;
    noter_t noters[CLIENTS];
    pthread_t threads[CLIENTS];
    godwit_server_t *server = NULL;
    memset (&ledger, 0, sizeof ledger);
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (noting, .self = &ledger);
    MUST (godwit_server_new (
        &server, core->serving, GODWIT_TARGET (.topic = "notes", .server = "one"), &endpoint, 1,
        GODWIT_SERVER_OPTIONS (.executor = "inline", .concurrency = 16, .queue_limit = 10000), &error));
    MUST (godwit_server_start (server, GODWIT_STEP_OPTIONS (.override_pool_size = 16), &error));
    cr_assert_eq (server->concurrency, 1u);
    /* Half of them on the server's own transport, whose INLINE methods would run on their threads. */
    for (int i = 0; i < CLIENTS; i++) {
        noters[i] = (noter_t){.number = i};
        MUST (godwit_client_new (&noters[i].client, i % 2 ? core->serving : core->calling,
                                 GODWIT_TARGET (.topic = "notes"),
                                 GODWIT_CLIENT_OPTIONS (.timeout_ms = WAIT_LIMIT_MS), &error));
        MUST (godwit_client_wait_servers (noters[i].client, 1, WAIT_LIMIT_MS, &error));
    }
    for (int i = 0; i < CLIENTS; i++)
        pthread_create (&threads[i], NULL, note_many, &noters[i]);
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join (threads[i], NULL);
        cr_assert_eq (noters[i].failures, 0u);
        godwit_client_destroy (&noters[i].client);
    }
    MUST (godwit_server_stop (server, NULL, &error));
    MUST (godwit_server_wait (server, NULL, &error));
    cr_assert_eq (ledger.count, (unsigned) (CLIENTS * CASTS));
    cr_assert_eq (ledger.disorder, 0u);
    cr_assert_eq (ledger.together, 0u);
    godwit_server_destroy (&server);
}

/* A request that was kept is not over. */
static void
inline_waits_for_kept_requests (core_t *core)
{
    service_t two;
    godwit_client_t *client = NULL;
    service_start (&two, core->serving, "two", GODWIT_SERVER_OPTIONS (.executor = "inline"));
    MUST (godwit_client_prepare (&client, core->client, GODWIT_OVERRIDES (.server = "two"), &error));
    cr_assert_eq (call_who (client), 'o');
    MUST (godwit_client_cast (client, NULL, "hold", GODWIT_NO_ARGS, &error));
    service_wait_held (&two, 1);
    MUST (godwit_client_cast (client, NULL, "count", GODWIT_NO_ARGS, &error));
    const int64_t end = now_ms () + WAIT_LIMIT_MS;
    uint32_t queued = 0;
    while (!queued && now_ms () < end) {
        godwit__pool_lock (two.server->pool);
        queued = two.server->queued;
        godwit__pool_unlock (two.server->pool);
    }
    cr_assert_eq (queued, 1u);
    cr_assert_eq (service_get (&two, &two.counted), 0u);
    godwit_request_t *request = service_take (&two);
    godwit_request_destroy (&request);
    service_wait (&two, &two.counted, 1);
    godwit_client_destroy (&client);
    service_end (&two);
}

static const contract_row_t rows[] = {
    {"6: Executors: what is none is ExecutorLoadFailure.", unknown_executors},
    {"6: Executors: pool, the default, runs several at a time.", the_pool_runs_several},
    {"6: Executors: inline runs one at a time, in the order of arrival.", inline_keeps_the_order},
    {"6: Executors: inline waits for requests that were kept.", inline_waits_for_kept_requests},
};
CONTRACT (executors, rows)
