/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates that become void while they are in use: what runs has half a second, what is new goes
 * elsewhere, and then the connection ends, at both ends for the same reason. */
#include "src/runtime/transport.h"
#include "tests/support/must.h"
#include "tests/support/rights_world.h"

#include <string.h>

static unsigned runs, elsewhere;
static godwit_request_t *kept;

static godwit_status_t
work (godwit_request_t *request, void *self)
{
    (*(unsigned *) self)++;
    return godwit_request_reply (request, GODWIT_NIL (NULL));
}

static godwit_status_t
keep (godwit_request_t *request, void *self)
{
    (void) self;
    kept = godwit_request_keep (request);
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("work", work, 0), GODWIT_METHOD ("keep", keep, 0)};

typedef struct ended {
    bool has;
    godwit_status_t status;
} ended_t;

static void
on_ended (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) result, (void) error;
    *(ended_t *) user = (ended_t){true, status};
}

typedef struct scene {
    rights_world_t *world;
    rights_node_t *billing, *web;
    godwit_client_t *client;
    ended_t running; /* a call that runs */
} scene_t;

static void
scene_open (scene_t *scene)
{
    *scene = (scene_t){.world = rights_world_open ()};
    runs = elsewhere = 0;
    kept = NULL;
    scene->billing = rights_node (scene->world, "billing", "serve godwit/billing");
    rights_serve (scene->billing, "billing", methods, 2, &runs);
    scene->web = rights_node (scene->world, "web", "call godwit/billing");
    scene->client = rights_client (scene->web, "billing");
    MUST (godwit_client_call_async (scene->client, NULL, "keep", GODWIT_NO_ARGS, on_ended, &scene->running,
                                    &error));
    godwit_cluster_run (scene->world->cluster, 500);
    cr_assert (kept);
}

static void
scene_close (scene_t *scene)
{
    godwit_request_destroy (&kept);
    godwit_client_destroy (&scene->client);
    rights_world_close (&scene->world);
}

static void
answer_kept (scene_t *scene)
{
    cr_assert_eq (godwit_request_reply (kept, GODWIT_NIL (NULL)), GODWIT_OK);
    godwit_request_destroy (&kept);
    godwit_cluster_run (scene->world->cluster, 10);
    cr_assert (scene->running.has);
    cr_assert_eq (scene->running.status, GODWIT_OK);
}

Test (rights_void, a_server_that_is_revoked_ends_what_runs_and_gets_nothing_new)
{
    scene_t scene;
    scene_open (&scene);
    rights_revoke (scene.billing, scene.world->meets[0]);
    godwit_cluster_run (scene.world->cluster, 100);
    cr_assert_eq (rights_logged (scene.web, GODWIT_LOG_WARNING,
                                 "The servers at sim://billing:20000 are not called any more: certificate "
                                 "\"billing\" (serial 7f3d) was revoked"),
                  1u);
    rights_node_t *const other = rights_node (scene.world, "other", "serve godwit/billing");
    rights_serve (other, "billing", methods, 2, &elsewhere);
    for (int i = 0; i < 5; i++)
        MUST (rights_call (scene.client, "work", &error));
    cr_assert_eq (elsewhere, 5u);
    cr_assert_eq (runs, 0u);
    cr_assert_not (scene.running.has, "all that was within half a second");
    answer_kept (&scene);
    godwit_cluster_run (scene.world->cluster, 1000);
    cr_assert_eq (
        rights_logged (scene.web, GODWIT_LOG_INFO,
                       "The connection to the process at sim://billing:20000 ended: its certificate is "
                       "void"),
        1u);
    scene_close (&scene);
}

Test (rights_void, a_call_that_takes_longer_is_lost)
{
    scene_t scene;
    scene_open (&scene);
    rights_revoke (scene.billing, scene.world->meets[0]);
    godwit_cluster_run (scene.world->cluster, 400);
    cr_assert_not (scene.running.has);
    godwit_cluster_run (scene.world->cluster, 300);
    cr_assert (scene.running.has);
    cr_assert_eq (scene.running.status, GODWIT_ERR_TIMEOUT);
    scene_close (&scene);
}

Test (rights_void, a_client_that_is_revoked_is_refused)
{
    scene_t scene;
    godwit_error_t *denied = NULL;
    scene_open (&scene);
    rights_revoke (scene.web, scene.billing);
    godwit_cluster_run (scene.world->cluster, 10);
    cr_assert_eq (rights_call (scene.client, "work", &denied), GODWIT_ERR_PERMISSION_DENIED);
    cr_assert_eq (godwit_error_outcome (denied), GODWIT_OUTCOME_REJECTED);
    cr_assert (strstr (godwit_error_message (denied),
                       "the certificate \"web\" is void: it was revoked, or has ended"),
               "%s", godwit_error_message (denied));
    godwit_error_destroy (&denied);
    cr_assert_eq (
        rights_logged (scene.billing, GODWIT_LOG_WARNING, "certificate \"web\" (serial 7f3e) was revoked"),
        1u);
    answer_kept (&scene);
    godwit_cluster_run (scene.world->cluster, 1000);
    cr_assert_eq (rights_call (scene.client, "work", &denied), GODWIT_ERR_TIMEOUT);
    cr_assert (strstr (godwit_error_message (denied), "refused us: revoked"), "%s",
               godwit_error_message (denied));
    godwit_error_destroy (&denied);
    cr_assert_eq (runs, 0u);
    scene_close (&scene);
}

/* ---- requests that wait ---- */

#define WAITING 4

/* Its second server takes one request at a time, and `keep` is the one; the others wait. */
static void
fill_queue (scene_t *scene, godwit_client_t **client, ended_t *ended)
{
    godwit_server_t *server = NULL;
    answer_kept (scene);
    MUST (godwit_server_new (
        &server, scene->billing->transport, GODWIT_TARGET (.topic = "billing", .server = "narrow"),
        &GODWIT_ENDPOINT (methods, .self = &runs), 1, GODWIT_SERVER_OPTIONS (.concurrency = 1), &error));
    MUST (godwit_server_start (server, NULL, &error));
    scene->billing->servers[scene->billing->server_count++] = server;
    MUST (godwit_client_new (client, scene->web->transport,
                             GODWIT_TARGET (.topic = "billing", .server = "narrow"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = 10000), &error));
    scene->running.has = false;
    MUST (
        godwit_client_call_async (*client, NULL, "keep", GODWIT_NO_ARGS, on_ended, &scene->running, &error));
    godwit_cluster_run (scene->world->cluster, 500);
    for (size_t i = 0; i < WAITING; i++)
        MUST (godwit_client_call_async (*client, NULL, "work", GODWIT_NO_ARGS, on_ended, &ended[i], &error));
    godwit_cluster_run (scene->world->cluster, 500);
    cr_assert_eq (runs, 0u);
}

Test (rights_void, what_waits_does_not_run_any_more)
{
    scene_t scene;
    godwit_client_t *client = NULL;
    ended_t ended[WAITING] = {{0}};
    scene_open (&scene);
    fill_queue (&scene, &client, ended);
    rights_revoke (scene.web, scene.billing);
    answer_kept (&scene);
    godwit_cluster_run (scene.world->cluster, 100);
    cr_assert_eq (runs, 0u);
    for (size_t i = 0; i < WAITING; i++)
        cr_assert (ended[i].has && ended[i].status == GODWIT_ERR_PERMISSION_DENIED, "%zu: %d", i,
                   (int) ended[i].status);
    cr_assert_eq (rights_logged (scene.billing, GODWIT_LOG_WARNING,
                                 "a call was refused: the certificate \"web\" is void"),
                  1u);
    cr_assert_eq (rights_refused (scene.billing), WAITING);
    godwit_client_destroy (&client);
    scene_close (&scene);
}

/* A rotation: what waits came with the old certificate, which is revoked when the new one is there. */
Test (rights_void, what_waits_runs_for_who_has_a_new_certificate)
{
    scene_t scene;
    godwit_client_t *client = NULL;
    ended_t ended[WAITING] = {{0}}, last = {0};
    scene_open (&scene);
    fill_queue (&scene, &client, ended);
    const uint64_t serial = godwit__test_realm_serial (scene.world->realm, "web");
    rights_renew (scene.web, "call godwit/billing");
    MUST (godwit_client_call_async (client, NULL, "work", GODWIT_NO_ARGS, on_ended, &last, &error));
    godwit_cluster_run (scene.world->cluster, 100);
    godwit__test_realm_revoke_serial (scene.world->realm, serial);
    godwit__test_realm_put_bulletin (scene.world->realm, "billing");
    MUST (godwit__realm_look (scene.billing->transport->realm, true, &error));
    answer_kept (&scene);
    godwit_cluster_run (scene.world->cluster, 100);
    cr_assert_eq (runs, WAITING + 1u);
    for (size_t i = 0; i < WAITING; i++)
        cr_assert (ended[i].has && ended[i].status == GODWIT_OK, "%zu: %d", i, (int) ended[i].status);
    godwit_client_destroy (&client);
    scene_close (&scene);
}

/* The same certificate file again, or a new one: it is let in as soon as it has one. */
Test (rights_void, a_new_certificate_brings_it_back)
{
    scene_t scene;
    scene_open (&scene);
    rights_revoke (scene.web, scene.billing);
    godwit_cluster_run (scene.world->cluster, 2000);
    rights_renew (scene.web, "call godwit/billing/work");
    MUST (rights_call (scene.client, "work", &error));
    cr_assert_eq (runs, 1u);
    scene_close (&scene);
}

Test (rights_void, a_server_comes_back_with_a_new_certificate)
{
    scene_t scene;
    scene_open (&scene);
    rights_revoke (scene.billing, scene.web);
    godwit_cluster_run (scene.world->cluster, 2000);
    rights_renew (scene.billing, "serve godwit/billing");
    MUST (rights_call (scene.client, "work", &error));
    cr_assert_eq (runs, 1u);
    scene_close (&scene);
}

/* Clocks may differ by five minutes. */
Test (rights_void, a_certificate_ends_while_it_is_used)
{
    scene_t scene;
    scene_open (&scene);
    godwit__test_member_t member = {.name = "web", .rights = {"call */*"}, .from = 1767225600 - 3600};
    member.until = 1767225600 + 60;
    godwit__test_realm_issue (scene.world->realm, &member);
    MUST (godwit__realm_look (scene.web->transport->realm, true, &error));
    godwit_cluster_run (scene.world->cluster, 60000 + 290000);
    MUST (rights_call (scene.client, "work", &error));
    godwit_cluster_run (scene.world->cluster, 20000);
    godwit_error_t *denied = NULL;
    cr_assert_eq (rights_call (scene.client, "work", &denied), GODWIT_ERR_TIMEOUT);
    cr_assert (strstr (godwit_error_message (denied), "refused us: expired"), "%s",
               godwit_error_message (denied));
    godwit_error_destroy (&denied);
    cr_assert_eq (
        rights_logged (scene.billing, GODWIT_LOG_WARNING, "certificate \"web\" (serial 7f3f) has ended"), 1u);
    scene_close (&scene);
}
