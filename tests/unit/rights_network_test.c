/* SPDX-License-Identifier: Apache-2.0 */
/* Rights between transports that are connected by inproc, by a local socket, and by tcp with CURVE: as in
 * simulated clusters, where all of it is tried. */
#include <godwit/godwit.h>

#include "tests/support/await.h"
#include "tests/support/log_book.h"
#include "tests/support/must.h"
#include "tests/support/realm_files.h"

#include <stdlib.h>
#include <string.h>

typedef struct side {
    const char *name;
    godwit_transport_t *transport;
    log_book_t *book;
} side_t;

typedef struct scene {
    const char *url;
    godwit__test_realm_t *realm;
    side_t billing, web;
    godwit_server_t *server;
    godwit_client_t *client;
} scene_t;

static atomic_uint runs;
static char peer[64];
static godwit_request_t *_Atomic kept;

static godwit_status_t
work (godwit_request_t *request, void *self)
{
    (void) self;
    strcpy (peer, godwit_request_peer (request));
    atomic_fetch_add (&runs, 1);
    return godwit_request_reply (request, GODWIT_NIL (NULL));
}

static godwit_status_t
keep (godwit_request_t *request, void *self)
{
    (void) self;
    atomic_store (&kept, godwit_request_keep (request));
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD ("charge", work, 0),
    GODWIT_METHOD ("refund", work, 0),
    GODWIT_METHOD ("keep", keep, 0),
};

static void
side_open (scene_t *scene, side_t *side, const char *name)
{
    side->name = name;
    side->book = calloc (1, sizeof *side->book);
    log_book_open (side->book);
    MUST (
        godwit_transport_new (&side->transport, scene->url,
                              GODWIT_TRANSPORT_OPTIONS (.realm = godwit__test_realm_path (scene->realm, name),
                                                        .log = log_book_write, .log_user = side->book),
                              &error));
}

static void
side_close (side_t *side)
{
    godwit_transport_destroy (&side->transport);
    log_book_close (side->book);
    free (side->book);
}

static void
scene_open (scene_t *scene, const char *url)
{
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods);
    *scene = (scene_t){.url = url, .realm = godwit__test_realm_new (1)};
    atomic_store (&runs, 0);
    atomic_store (&kept, NULL);
    godwit__test_realm_issue (
        scene->realm,
        GODWIT__TEST_MEMBER (.name = "billing", .rights = {"serve godwit/billing", "host */*"}));
    godwit__test_realm_issue (
        scene->realm, GODWIT__TEST_MEMBER (.name = "web", .rights = {"call godwit/billing/charge",
                                                                     "call godwit/billing/keep", "host */*",
                                                                     "publish godwit/billing/charge"}));
    side_open (scene, &scene->billing, "billing");
    side_open (scene, &scene->web, "web");
    MUST (godwit_server_new (&scene->server, scene->billing.transport,
                             GODWIT_TARGET (.topic = "billing", .server = "one"), &endpoint, 1, NULL,
                             &error));
    MUST (godwit_server_start (scene->server, NULL, &error));
    MUST (godwit_client_new (&scene->client, scene->web.transport, GODWIT_TARGET (.topic = "billing"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = 5000), &error));
}

static void
scene_close (scene_t *scene)
{
    godwit_client_destroy (&scene->client);
    godwit_server_destroy (&scene->server);
    side_close (&scene->web);
    side_close (&scene->billing);
    godwit__test_realm_destroy (&scene->realm);
}

static godwit_status_t
call (scene_t *scene, const char *method, godwit_error_t **error)
{
    godwit_value_t *result = NULL;
    const godwit_status_t status =
        godwit_client_call (scene->client, NULL, method, GODWIT_NO_ARGS, &result, error);
    godwit_value_unref (&result);
    return status;
}

static void
assert_denied (scene_t *scene, const char *method, const char *says)
{
    godwit_error_t *error = NULL;
    cr_assert_eq (call (scene, method, &error), GODWIT_ERR_PERMISSION_DENIED, "%s",
                  godwit_error_print (error));
    cr_assert (strstr (godwit_error_message (error), says), "%s", godwit_error_message (error));
    godwit_error_destroy (&error);
}

static void
renew (scene_t *scene, side_t *side, const godwit__test_member_t *member)
{
    godwit__test_realm_issue (scene->realm, member);
    MUST (godwit_transport_reload_realm (side->transport, &error));
}

/* ---- what is tried on each path ---- */

static void
try_calls (const char *url)
{
    scene_t scene;
    scene_open (&scene, url);
    MUST (call (&scene, "charge", &error));
    cr_assert_str_eq (peer, "web");
    assert_denied (&scene, "refund", "\"web\" may not call godwit/billing/refund");
    cr_assert (log_book_wait (scene.billing.book, GODWIT_LOG_WARNING,
                              "a call was refused: \"web\" may not call godwit/billing/refund", 1));
    cr_assert_eq (atomic_load (&runs), 1u);
    scene_close (&scene);
}

static void
try_fanouts (const char *url)
{
    scene_t scene;
    godwit_fanout_report_t report = GODWIT_FANOUT_REPORT;
    godwit_error_t *denied = NULL;
    scene_open (&scene, url);
    MUST (godwit_client_wait_servers (scene.client, 1, 20000, &error));
    MUST (godwit_client_fanout (scene.client, NULL, "charge", GODWIT_NO_ARGS, &report, &error));
    cr_assert_eq (report.reached, 1u);
    AWAIT (atomic_load (&runs) == 1);
    cr_assert_str_eq (peer, "web");
    cr_assert_eq (godwit_client_fanout (scene.client, NULL, "refund", GODWIT_NO_ARGS, NULL, &denied),
                  GODWIT_ERR_PERMISSION_DENIED);
    godwit_error_destroy (&denied);
    scene_close (&scene);
}

/* Until the other end has heard of the new certificate, the old one counts. */
static void
try_renewal (const char *url)
{
    scene_t scene;
    scene_open (&scene, url);
    MUST (call (&scene, "charge", &error));
    renew (&scene, &scene.web, GODWIT__TEST_MEMBER (.name = "web", .rights = {"call godwit/billing/refund"}));
    AWAIT (call (&scene, "refund", NULL) == GODWIT_OK);
    assert_denied (&scene, "charge", "\"web\" may not call godwit/billing/charge");
    cr_assert_eq (log_book_count (scene.web.book, GODWIT_LOG_INFO, "The connection to the process"), 0u);
    renew (&scene, &scene.billing, GODWIT__TEST_MEMBER (.name = "billing", .rights = {"serve godwit/other"}));
    cr_assert (
        log_book_wait (scene.web.book, GODWIT_LOG_WARNING, "\"billing\" may not serve godwit/billing", 1));
    scene_close (&scene);
}

static void
on_ended (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) result, (void) error;
    atomic_store ((atomic_int *) user, (int) status);
}

/* A call that runs has half a second; what comes meanwhile is refused, and then nobody is there to take it.
 * (Two transports of one process are looked at when they connect.) */
static void
try_revocation (const char *url)
{
    scene_t scene;
    atomic_int ended = -1;
    scene_open (&scene, url);
    MUST (godwit_client_call_async (scene.client, NULL, "keep", GODWIT_NO_ARGS, on_ended, &ended, &error));
    AWAIT (atomic_load (&kept));
    godwit__test_realm_revoke (scene.realm, "web");
    godwit__test_realm_put_bulletin (scene.realm, "billing");
    MUST (godwit_transport_reload_realm (scene.billing.transport, &error));
    /* If half a second was too short for this machine, it is not let in any more. */
    godwit_status_t status = GODWIT_OK;
    AWAIT ((status = call (&scene, "charge", NULL)) != GODWIT_OK);
    cr_assert (status == GODWIT_ERR_PERMISSION_DENIED || status == GODWIT_ERR_TIMEOUT, "%d", status);
    const unsigned before = atomic_load (&runs);
    godwit_request_t *request = atomic_load (&kept);
    godwit_request_reply (request, GODWIT_NIL (NULL));
    godwit_request_destroy (&request);
    AWAIT (atomic_load (&ended) != -1);
    cr_assert (log_book_wait (scene.billing.book, GODWIT_LOG_WARNING,
                              "certificate \"web\" (serial 7f3b) was revoked", 1));
    godwit_client_destroy (&scene.client);
    MUST (godwit_client_new (&scene.client, scene.web.transport, GODWIT_TARGET (.topic = "billing"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = 300), &error));
    cr_assert_neq (call (&scene, "charge", NULL), GODWIT_OK);
    cr_assert_eq (atomic_load (&runs), before);
    scene_close (&scene);
}

/* Tests run at the same time: each has a rendezvous of its own. */
#define INPROC(number_) "zmq://:966" #number_ "/"
#define IPC(number_) "zmq://:967" #number_ "/?paths=ipc"
#define TCP(number_) "zmq://127.0.0.1:968" #number_ "/?paths=tcp&host_rendezvous=true"

#define ON(what_, number_)                                                                                   \
    Test (rights_network, what_##_by_ipc)                                                                    \
    {                                                                                                        \
        try_##what_ (IPC (number_));                                                                         \
    }                                                                                                        \
    Test (rights_network, what_##_by_tcp)                                                                    \
    {                                                                                                        \
        try_##what_ (TCP (number_));                                                                         \
    }
#define ON_ALL(what_, number_)                                                                               \
    ON (what_, number_) Test (rights_network, what_##_by_inproc)                                             \
    {                                                                                                        \
        try_##what_ (INPROC (number_));                                                                      \
    }

ON_ALL (calls, 1)
ON_ALL (fanouts, 2)
ON_ALL (renewal, 3)
ON (revocation, 4)
