/* SPDX-License-Identifier: Apache-2.0 */
/* A policy of the program's own (authorize), and the name of the caller, with a realm and without. */
#include "src/runtime/transport.h"
#include "tests/support/await.h"
#include "tests/support/memory_spool.h"
#include "tests/support/must.h"
#include "tests/support/rights_world.h"

#include <stdlib.h>
#include <string.h>

#define NOT_ALLOWED "the server's policy does not allow it"

static atomic_uint asked, runs;
static char user_text[] = "user";
static const char *_Atomic allowed; /* the method that the policy allows */
static char asked_for[64];          /* the method that it was asked about last */
static char asked_peer[64];         /* and the caller; "-": none */
static int64_t asked_amount;        /* and an argument */

static bool
ask (void *user, const godwit_request_t *request)
{
    const char *const peer = godwit_request_peer (request);
    cr_assert_eq (user, user_text);
    asked++;
    strcpy (asked_for, godwit_request_method (request));
    strcpy (asked_peer, peer ? peer : "-");
    asked_amount = 0;
    godwit_value_get_int (godwit_value_get (godwit_request_args (request), "amount"), &asked_amount, NULL);
    return strcmp (asked_for, allowed) == 0;
}

static godwit_status_t
answer (godwit_request_t *request, void *self)
{
    (void) self;
    runs++;
    return godwit_request_reply (request, GODWIT_NIL (NULL));
}

typedef struct params {
    int64_t amount;
} params_t;

static const godwit_slot_t slots[] = {GODWIT_SLOT (params_t, amount)};

static const godwit_method_t methods[] = {
    GODWIT_METHOD_WITH ("charge", answer, params_t, slots, 0),
    GODWIT_METHOD_WITH ("refund", answer, params_t, slots, 0),
    GODWIT_METHOD_WITH ("refund_inline", answer, params_t, slots, GODWIT_METHOD_INLINE),
};

static godwit_server_t *
serve (godwit_transport_t *transport)
{
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods);
    godwit_server_t *server = NULL;
    asked = runs = 0;
    allowed = "charge";
    MUST (godwit_server_new (&server, transport, GODWIT_TARGET (.topic = "billing", .server = "one"),
                             &endpoint, 1,
                             GODWIT_SERVER_OPTIONS (.authorize = ask, .authorize_user = user_text), &error));
    MUST (godwit_server_start (server, NULL, &error));
    return server;
}

static godwit_status_t
call (godwit_client_t *client, const char *method, godwit_error_t **error)
{
    godwit_value_t *result = NULL;
    const godwit_status_t status =
        godwit_client_call (client, NULL, method, GODWIT_ARGS (GODWIT_INT ("amount", 5)), &result, error);
    godwit_value_unref (&result);
    return status;
}

static void
assert_refused (godwit_client_t *client, const char *method)
{
    godwit_error_t *error = NULL;
    const unsigned before = runs;
    cr_assert_eq (call (client, method, &error), GODWIT_ERR_PERMISSION_DENIED);
    cr_assert_eq (godwit_error_outcome (error), GODWIT_OUTCOME_REJECTED);
    cr_assert_eq (strncmp (godwit_error_message (error), NOT_ALLOWED, strlen (NOT_ALLOWED)), 0, "%s",
                  godwit_error_message (error));
    cr_assert_eq (runs, before);
    cr_assert_str_eq (asked_for, method);
    cr_assert_eq (asked_amount, 5);
    godwit_error_destroy (&error);
}

/* ---- without a realm, over each driver ---- */

static void
try_url (const char *url)
{
    godwit_transport_t *serving = NULL, *calling = NULL;
    godwit_client_t *client = NULL, *own = NULL;
    MUST (godwit_transport_new (&serving, url, NULL, &error));
    MUST (godwit_transport_new (&calling, url, NULL, &error));
    godwit_server_t *server = serve (serving);
    MUST (godwit_client_new (&client, calling, GODWIT_TARGET (.topic = "billing"), NULL, &error));
    MUST (godwit_client_new (&own, serving, GODWIT_TARGET (.topic = "billing"), NULL, &error));
    MUST (call (client, "charge", &error));
    cr_assert_str_eq (asked_peer, "-");
    assert_refused (client, "refund");
    assert_refused (own, "refund");
    assert_refused (own, "refund_inline");
    MUST (call (own, "charge", &error));
    cr_assert_eq (runs, 2u);
    cr_assert_eq (asked, 5u);
    godwit_client_destroy (&client);
    godwit_client_destroy (&own);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&calling);
    godwit_transport_destroy (&serving);
}

Test (rights_policy, it_is_asked_without_a_realm)
{
    try_url ("inproc://rights_policy/");
}

Test (rights_policy, it_is_asked_over_a_network)
{
    try_url ("zmq://:9651/?realm=none");
}

/* A durable cast that is refused stays in its spool, and is tried again. */
Test (rights_policy, a_durable_cast_waits_until_it_is_allowed)
{
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    godwit_spool_t *spool = memory_spool_new ();
    log_book_t *const book = calloc (1, sizeof *book);
    log_book_open (book);
    MUST (godwit_transport_new (&transport, "inproc://rights_policy/",
                                GODWIT_TRANSPORT_OPTIONS (.log = log_book_write, .log_user = book), &error));
    godwit_server_t *server = serve (transport);
    allowed = "nothing";
    MUST (godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "billing"),
                             GODWIT_CLIENT_OPTIONS (.spool = spool, .durable = GODWIT_YES), &error));
    MUST (godwit_client_cast (client, NULL, "refund", GODWIT_ARGS (GODWIT_INT ("amount", 5)), &error));
    cr_assert (
        log_book_wait (book, GODWIT_LOG_WARNING,
                       "a durable cast of the method refund to the topic billing was refused, and is tried "
                       "again: " NOT_ALLOWED,
                       1));
    cr_assert_eq (runs, 0u);
    allowed = "refund";
    AWAIT (runs == 1);
    godwit_client_destroy (&client);
    godwit_server_destroy (&server);
    godwit_transport_destroy (&transport);
    memory_spool_destroy (&spool);
    log_book_close (book);
    free (book);
}

/* ---- with one ---- */

typedef struct scene {
    rights_world_t *world;
    rights_node_t *billing, *web;
    godwit_client_t *client;
} scene_t;

static void
scene_open (scene_t *scene, const char *rights)
{
    scene->world = rights_world_open ();
    scene->billing = rights_node (scene->world, "billing", "serve godwit/billing");
    scene->billing->servers[scene->billing->server_count++] = serve (scene->billing->transport);
    scene->web = rights_node (scene->world, "web", rights);
    scene->client = rights_client (scene->web, "billing");
}

static void
scene_close (scene_t *scene)
{
    godwit_client_destroy (&scene->client);
    rights_world_close (&scene->world);
}

Test (rights_policy, it_is_told_who_calls)
{
    scene_t scene;
    scene_open (&scene, "call godwit/billing");
    MUST (call (scene.client, "charge", &error));
    cr_assert_str_eq (asked_peer, "web");
    assert_refused (scene.client, "refund");
    cr_assert_eq (rights_refused (scene.billing), 1u);
    cr_assert_eq (
        rights_logged (scene.billing, GODWIT_LOG_WARNING,
                       "a call by \"web\" of the method refund was refused: the policy of the server "
                       "one of topic billing does not allow it"),
        1u);
    scene_close (&scene);
}

/* What certificates refuse, and what is not there, is no question of policy. */
Test (rights_policy, it_is_asked_last)
{
    scene_t scene;
    godwit_error_t *denied = NULL;
    scene_open (&scene, "call godwit/billing/c*");
    cr_assert_eq (call (scene.client, "refund", &denied), GODWIT_ERR_PERMISSION_DENIED);
    godwit_error_destroy (&denied);
    cr_assert_eq (call (scene.client, "close", &denied), GODWIT_ERR_NO_SUCH_METHOD);
    godwit_error_destroy (&denied);
    cr_assert_eq (asked, 0u);
    MUST (call (scene.client, "charge", &error));
    cr_assert_eq (asked, 1u);
    scene_close (&scene);
}

/* And before arguments are checked, whose errors tell what a method expects. */
Test (rights_policy, it_is_asked_before_arguments_are_checked)
{
    scene_t scene;
    godwit_error_t *denied = NULL;
    scene_open (&scene, "call godwit/billing");
    cr_assert_eq (rights_call (scene.client, "refund", &denied), GODWIT_ERR_PERMISSION_DENIED);
    godwit_error_destroy (&denied);
    cr_assert_eq (rights_call (scene.client, "charge", &denied), GODWIT_ERR_NOT_FOUND);
    godwit_error_destroy (&denied);
    scene_close (&scene);
}

Test (rights_policy, it_is_asked_for_casts)
{
    scene_t scene;
    scene_open (&scene, "call godwit/billing");
    MUST (godwit_client_cast (scene.client, NULL, "refund", GODWIT_ARGS (GODWIT_INT ("amount", 5)), &error));
    MUST (godwit_client_cast (scene.client, NULL, "charge", GODWIT_ARGS (GODWIT_INT ("amount", 5)), &error));
    godwit_cluster_run (scene.world->cluster, 500);
    cr_assert_eq (asked, 2u);
    cr_assert_eq (runs, 1u);
    cr_assert_eq (rights_logged (scene.web, GODWIT_LOG_WARNING, NOT_ALLOWED), 1u);
    scene_close (&scene);
}
