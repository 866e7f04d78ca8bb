/* SPDX-License-Identifier: Apache-2.0 */
/* A rendezvous that lies can omit, delay and misdirect, but nobody is taken for somebody else: the process at
 * the other end confirms who it is, and its certificate has to have the right to serve. */
#include "src/runtime/transport.h"
#include "tests/support/liar.h"
#include "tests/support/must.h"

#include <string.h>

static unsigned charges, audits;

static godwit_status_t
charge (godwit_request_t *request, void *self)
{
    (void) self;
    charges++;
    return godwit_request_reply (request, GODWIT_NIL (NULL));
}

static godwit_status_t
audit (godwit_request_t *request, void *self)
{
    (void) self;
    audits++;
    return godwit_request_reply (request, GODWIT_NIL (NULL));
}

static const godwit_method_t billing_methods[] = {GODWIT_METHOD ("work", charge, 0)};
static const godwit_method_t audit_methods[] = {GODWIT_METHOD ("work", audit, 0)};

/* The rendezvous lies; one node serves billing and audit, one calls billing, one wants its calls. */
typedef struct scene {
    rights_world_t *world;
    liar_host_t host;
    liar_server_t evil;
    rights_node_t *billing, *web;
    godwit_client_t *client;
} scene_t;

static void
scene_open (scene_t *scene, const char *rights_of_evil)
{
    charges = audits = 0;
    scene->world = rights_world_new (1);
    liar_host_open (&scene->host, scene->world, "host */*");
    liar_server_open (&scene->evil, scene->world, rights_of_evil, "billing");
    scene->billing = rights_node (scene->world, "billing", "serve godwit/billing, serve godwit/audit");
    rights_serve (scene->billing, "billing", billing_methods, 1, NULL);
    rights_serve (scene->billing, "audit", audit_methods, 1, NULL);
    scene->web = rights_node (scene->world, "web", "call */*, publish */*");
    scene->client = rights_client (scene->web, "billing");
    godwit_cluster_run (scene->world->cluster, 500);
}

static void
scene_close (scene_t *scene)
{
    godwit_client_destroy (&scene->client);
    liar_server_close (&scene->evil);
    liar_host_close (&scene->host);
    rights_world_close (&scene->world);
}

/* What is true of the server billing. */
static told_t
truth (const scene_t *scene)
{
    return (told_t){scene->billing->transport->instance, 1, "billing", "billing", "sim://billing:20000"};
}

/* A call reaches nobody. */
static void
assert_nobody (scene_t *scene, const char *says)
{
    godwit_error_t *error = NULL;
    const godwit_status_t status = rights_call (scene->client, "work", &error);
    cr_assert_neq (status, GODWIT_OK);
    cr_assert_neq (godwit_error_outcome (error), GODWIT_OUTCOME_RAN);
    cr_assert (strstr (godwit_error_message (error), says), "%s", godwit_error_message (error));
    cr_assert_eq (charges + audits + scene->evil.requests, 0u);
    godwit_error_destroy (&error);
}

Test (rights_confirm, what_is_true_is_confirmed_and_called)
{
    scene_t scene;
    scene_open (&scene, "");
    const told_t told = truth (&scene);
    liar_host_tell (&scene.host, &told);
    MUST (rights_call (scene.client, "work", &error));
    cr_assert_eq (charges, 1u);
    scene_close (&scene);
}

/* Another member listens at the address. It says the truth: it is not the process that was wanted. */
Test (rights_confirm, a_false_address_leads_nowhere)
{
    scene_t scene;
    scene_open (&scene, "serve godwit/evil");
    told_t told = truth (&scene);
    told.address = scene.evil.address;
    liar_host_tell (&scene.host, &told);
    assert_nobody (&scene, "another process answers at its address");
    scene_close (&scene);
}

/* It says that it is the process that was wanted, but its keys are others. */
Test (rights_confirm, nobody_answers_as_somebody_else)
{
    scene_t scene;
    scene_open (&scene, "serve */*");
    told_t told = truth (&scene);
    told.address = scene.evil.address;
    scene.evil.instance = told.instance;
    liar_host_tell (&scene.host, &told);
    assert_nobody (&scene, "it says that it is another process than its certificate does");
    cr_assert_eq (scene.evil.resolves, 0u);
    scene_close (&scene);
}

Test (rights_confirm, a_member_without_the_right_is_not_called)
{
    scene_t scene;
    scene_open (&scene, "serve godwit/evil, call */*");
    liar_host_tell (&scene.host, &(told_t){scene.evil.instance, 1, "billing", "evil", scene.evil.address});
    assert_nobody (&scene, "server \"evil\" at sim://evil:20000 is not called: "
                           "\"evil\" may not serve godwit/billing");
    cr_assert_gt (scene.evil.resolves, 1u, "it is asked again");
    cr_assert_lt (scene.evil.resolves, 30u, "after a back-off");
    cr_assert_eq (rights_logged (scene.web, GODWIT_LOG_WARNING, "\"evil\" may not serve godwit/billing"), 1u);
    scene_close (&scene);
}

static void
note_end (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) result, (void) error;
    *(godwit_status_t *) user = status;
}

/* Its certificate becomes void while it has not said WELCOME yet. */
Test (rights_confirm, one_that_becomes_void_before_welcome_is_not_called)
{
    scene_t scene;
    godwit_status_t status = GODWIT_OK;
    scene_open (&scene, "serve godwit/billing");
    scene.evil.is_slow = true;
    liar_host_tell (&scene.host, &(told_t){scene.evil.instance, 1, "billing", "evil", scene.evil.address});
    MUST (godwit_client_call_async (scene.client, NULL, "work", GODWIT_NO_ARGS, note_end, &status, &error));
    for (int ms = 0; ms < 1000 && !scene.evil.greeted; ms++)
        godwit_cluster_run (scene.world->cluster, 1);
    cr_assert (scene.evil.greeted);
    godwit__test_realm_revoke (scene.world->realm, "evil");
    godwit__test_realm_put_bulletin (scene.world->realm, "web");
    MUST (godwit__realm_look (scene.web->transport->realm, true, &error));
    godwit_cluster_run (scene.world->cluster, 1);
    liar_server_welcome (&scene.evil);
    godwit_cluster_run (scene.world->cluster, 20000);
    cr_assert_eq (status, GODWIT_ERR_TIMEOUT, "status %d", (int) status);
    cr_assert_eq (scene.evil.resolves + scene.evil.requests, 0u, "%u, %u", scene.evil.resolves,
                  scene.evil.requests);
    scene_close (&scene);
}

Test (rights_confirm, those_who_may_are_called_beside_one_who_may_not)
{
    scene_t scene;
    scene_open (&scene, "serve godwit/evil");
    const told_t told = truth (&scene);
    liar_host_tell (&scene.host, &(told_t){scene.evil.instance, 1, "billing", "evil", scene.evil.address});
    liar_host_tell (&scene.host, &told);
    for (int i = 0; i < 20; i++)
        MUST (rights_call (scene.client, "work", &error));
    cr_assert_eq (charges, 20u);
    cr_assert_eq (scene.evil.requests, 0u);
    scene_close (&scene);
}

/* Its row says why, and does not wait until the time is over. */
Test (rights_confirm, a_fanout_call_has_a_row_for_one_that_may_not)
{
    scene_t scene;
    godwit_fanout_result_t *result = NULL;
    scene_open (&scene, "serve godwit/evil");
    liar_host_tell (&scene.host, &(told_t){scene.evil.instance, 1, "billing", "evil", scene.evil.address});
    const int64_t begin_ms = godwit_cluster_now_ms (scene.world->cluster);
    MUST (godwit_client_fanout_call (scene.client, NULL, "work", GODWIT_NO_ARGS, &result, &error));
    cr_assert_lt (godwit_cluster_now_ms (scene.world->cluster) - begin_ms, 5000);
    cr_assert_eq (godwit_fanout_result_count (result), 1u);
    const godwit_fanout_row_t *const row = godwit_fanout_result_row (result, 0);
    cr_assert_eq (row->state, GODWIT_FANOUT_UNREACHABLE);
    cr_assert (strstr (godwit_error_message (row->error), "\"evil\" may not serve godwit/billing"), "%s",
               godwit_error_message (row->error));
    cr_assert_eq (scene.evil.requests, 0u);
    godwit_fanout_result_destroy (&result);
    scene_close (&scene);
}

/* The number is that of another server of the same process, which has other names. */
Test (rights_confirm, a_wrong_number_reaches_no_other_server)
{
    scene_t scene;
    scene_open (&scene, "");
    told_t told = truth (&scene);
    told.server_id = 2;
    liar_host_tell (&scene.host, &told);
    assert_nobody (&scene, "no server is known of topic \"billing\"");
    cr_assert_eq (
        rights_logged (scene.web, GODWIT_LOG_WARNING, "godwit/billing/billing is not at sim://billing:20000"),
        1u);
    scene_close (&scene);
}

/* And so does a record of an earlier life. */
Test (rights_confirm, an_old_record_is_forgotten_and_the_true_one_taken)
{
    scene_t scene;
    scene_open (&scene, "");
    told_t told = truth (&scene);
    told.server_id = 7;
    liar_host_tell (&scene.host, &told);
    assert_nobody (&scene, "no server is known of topic \"billing\"");
    told.server_id = 1;
    liar_host_tell (&scene.host, &told);
    MUST (rights_call (scene.client, "work", &error));
    cr_assert_eq (charges, 1u);
    scene_close (&scene);
}

/* The process says that it is another server than it was asked for. */
Test (rights_confirm, an_answer_about_another_server_is_not_taken)
{
    scene_t scene;
    scene_open (&scene, "serve */*");
    scene.evil.topic = "audit";
    liar_host_tell (&scene.host, &(told_t){scene.evil.instance, 1, "billing", "evil", scene.evil.address});
    assert_nobody (&scene, "");
    scene.evil.topic = "billing";
    scene.evil.server_id = 2;
    assert_nobody (&scene, "");
    scene.evil.server_id = 1;
    MUST (rights_call (scene.client, "work", &error));
    cr_assert_eq (scene.evil.requests, 1u);
    scene_close (&scene);
}

Test (rights_confirm, each_connection_is_confirmed_anew)
{
    scene_t scene;
    scene_open (&scene, "serve */*");
    liar_host_tell (&scene.host, &(told_t){scene.evil.instance, 1, "billing", "evil", scene.evil.address});
    MUST (rights_call (scene.client, "work", &error));
    MUST (rights_call (scene.client, "work", &error));
    cr_assert_eq (scene.evil.resolves, 1u);
    godwit_cluster_cut (scene.world->cluster, NULL, NULL, true);
    godwit_cluster_run (scene.world->cluster, 60000);
    godwit_cluster_cut (scene.world->cluster, NULL, NULL, false);
    MUST (rights_call (scene.client, "work", &error));
    cr_assert_eq (scene.evil.resolves, 2u);
    scene_close (&scene);
}
