/* SPDX-License-Identifier: Apache-2.0 */
/* The right to call: checked at the port once the method is known, told at both ends, remembered, and checked
 * anew when a certificate is renewed. */
#include "tests/support/must.h"
#include "tests/support/rights_world.h"

#include <stdio.h>
#include <string.h>

#define DENIED "\"web\" may not call godwit/billing/refund"

static unsigned runs;

static godwit_status_t
count_run (godwit_request_t *request, void *self)
{
    (void) self;
    runs++;
    return godwit_request_reply (request, GODWIT_STR (NULL, godwit_request_peer (request)));
}

static const godwit_method_t methods[] = {
    GODWIT_METHOD ("charge", count_run, 0),
    GODWIT_METHOD ("refund", count_run, 0),
    GODWIT_METHOD ("refund_all", count_run, GODWIT_METHOD_INLINE),
};

/* One node serves billing, another one may do this. */
typedef struct scene {
    rights_world_t *world;
    rights_node_t *billing, *web;
    godwit_client_t *client;
} scene_t;

static void
scene_open (scene_t *scene, const char *rights)
{
    runs = 0;
    scene->world = rights_world_open ();
    scene->billing = rights_node (scene->world, "billing", "serve godwit/billing");
    rights_serve (scene->billing, "billing", methods, 3, NULL);
    scene->web = rights_node (scene->world, "web", rights);
    scene->client = rights_client (scene->web, "billing");
}

static void
scene_close (scene_t *scene)
{
    godwit_client_destroy (&scene->client);
    rights_world_close (&scene->world);
}

static void
assert_denied (scene_t *scene, const char *method, const char *says)
{
    godwit_error_t *error = NULL;
    const unsigned before = runs;
    cr_assert_eq (rights_call (scene->client, method, &error), GODWIT_ERR_PERMISSION_DENIED, "%s",
                  godwit_error_print (error));
    cr_assert_eq (godwit_error_outcome (error), GODWIT_OUTCOME_REJECTED);
    cr_assert_eq (strncmp (godwit_error_message (error), says, strlen (says)), 0, "%s",
                  godwit_error_message (error));
    cr_assert_eq (runs, before);
    godwit_error_destroy (&error);
}

static void
assert_allowed (scene_t *scene, const char *method)
{
    const unsigned before = runs;
    MUST (rights_call (scene->client, method, &error));
    cr_assert_eq (runs, before + 1);
}

Test (rights_call, a_method_that_is_not_allowed_does_not_run)
{
    scene_t scene;
    scene_open (&scene, "call godwit/billing/charge");
    assert_allowed (&scene, "charge");
    assert_denied (&scene, "refund", DENIED);
    scene_close (&scene);
}

Test (rights_call, both_ends_say_who_may_not_call_what)
{
    scene_t scene;
    godwit_error_t *error = NULL;
    scene_open (&scene, "call godwit/billing/charge");
    cr_assert_eq (rights_call (scene.client, "refund", &error), GODWIT_ERR_PERMISSION_DENIED);
    cr_assert (strstr (godwit_error_message (error), "server \"billing\" at sim://billing:20000"), "%s",
               godwit_error_message (error));
    cr_assert_str_eq (godwit_error_detail (error, "method"), "refund");
    godwit_error_destroy (&error);
    cr_assert_eq (rights_logged (scene.billing, GODWIT_LOG_WARNING, "a call was refused: " DENIED), 1u);
    scene_close (&scene);
}

Test (rights_call, the_log_hears_of_a_client_once_a_minute)
{
    scene_t scene;
    scene_open (&scene, "call godwit/billing/charge");
    for (int i = 0; i < 50; i++)
        assert_denied (&scene, i % 2 ? "refund" : "refund_all", "\"web\" may not call godwit/billing/refund");
    cr_assert_eq (rights_refused (scene.billing), 50u);
    cr_assert_eq (rights_logged (scene.billing, GODWIT_LOG_WARNING, "a call was refused"), 1u);
    godwit_cluster_run (scene.world->cluster, 70000);
    cr_assert_eq (rights_logged (scene.billing, GODWIT_LOG_WARNING, "a call was refused"), 2u);
    scene_close (&scene);
}

Test (rights_call, patterns_stand_for_names)
{
    scene_t scene;
    scene_open (&scene, "call godwit/bill*/refund*");
    assert_allowed (&scene, "refund");
    assert_allowed (&scene, "refund_all");
    assert_denied (&scene, "charge", "\"web\" may not call godwit/billing/charge");
    scene_close (&scene);
}

Test (rights_call, other_verbs_and_topics_allow_nothing)
{
    scene_t scene;
    scene_open (&scene, "call godwit/shop, serve */*, publish */*, call other/billing");
    assert_denied (&scene, "charge", "\"web\" may not call godwit/billing/charge");
    scene_close (&scene);
}

/* Who may not call a method does not learn whether there is one, nor which others there are. */
Test (rights_call, what_is_not_allowed_is_not_shown)
{
    scene_t scene;
    godwit_error_t *error = NULL;
    scene_open (&scene, "call godwit/billing/charge, call godwit/billing/x*");
    assert_denied (&scene, "nothing", "\"web\" may not call godwit/billing/nothing");
    cr_assert_eq (rights_call (scene.client, "xyz", &error), GODWIT_ERR_NO_SUCH_METHOD);
    cr_assert (strstr (godwit_error_message (error), "there are"), "%s", godwit_error_message (error));
    godwit_error_destroy (&error);
    scene_close (&scene);
}

Test (rights_call, it_is_not_tried_at_another_server)
{
    scene_t scene;
    scene_open (&scene, "call godwit/billing/charge");
    rights_node_t *const other = rights_node (scene.world, "billing-2", "serve godwit/billing");
    rights_serve (other, "billing", methods, 3, NULL);
    MUST (godwit_client_wait_servers (scene.client, 2, 10000, &error));
    assert_denied (&scene, "refund", DENIED);
    cr_assert_eq (rights_refused (scene.billing) + rights_refused (other), 1u);
    scene_close (&scene);
}

Test (rights_call, a_certificate_with_fewer_rights_is_looked_at_anew)
{
    scene_t scene;
    scene_open (&scene, "call godwit/billing");
    for (int i = 0; i < 3; i++)
        assert_allowed (&scene, "refund"); /* remembered */
    rights_renew (scene.web, "call godwit/billing/charge");
    assert_denied (&scene, "refund", DENIED);
    assert_allowed (&scene, "charge");
    cr_assert_eq (rights_logged (scene.web, GODWIT_LOG_INFO, "The connection to"), 0u);
    scene_close (&scene);
}

Test (rights_call, a_certificate_with_more_rights_is_looked_at_anew)
{
    scene_t scene;
    scene_open (&scene, "call godwit/billing/charge");
    assert_denied (&scene, "refund", DENIED);
    rights_renew (scene.web, "call godwit/billing");
    assert_allowed (&scene, "refund");
    scene_close (&scene);
}

/* A transport's calls to itself, also those that run on the caller's thread. */
Test (rights_call, a_process_needs_the_right_to_call_itself)
{
    scene_t scene;
    scene_open (&scene, "call godwit/billing");
    godwit_client_destroy (&scene.client);
    scene.client = rights_client (scene.billing, "billing");
    assert_denied (&scene, "charge", "\"billing\" may not call godwit/billing/charge");
    assert_denied (&scene, "refund_all", "\"billing\" may not call godwit/billing/refund_all");
    rights_renew (scene.billing, "serve godwit/billing, call godwit/billing/refund_all");
    assert_allowed (&scene, "refund_all");
    assert_denied (&scene, "charge", "\"billing\" may not call godwit/billing/charge");
    scene_close (&scene);
}

Test (rights_call, a_cast_that_is_not_allowed_is_for_both_logs)
{
    scene_t scene;
    scene_open (&scene, "call godwit/billing/charge");
    MUST (godwit_client_cast (scene.client, NULL, "refund", GODWIT_NO_ARGS, &error));
    MUST (godwit_client_cast (scene.client, NULL, "charge", GODWIT_NO_ARGS, &error));
    godwit_cluster_run (scene.world->cluster, 1000);
    cr_assert_eq (runs, 1u);
    cr_assert_eq (rights_refused (scene.billing), 1u);
    cr_assert_eq (rights_logged (scene.billing, GODWIT_LOG_WARNING, "a cast was refused: " DENIED), 1u);
    cr_assert_eq (
        rights_logged (scene.web, GODWIT_LOG_WARNING, "was refused at sim://billing:20000: " DENIED), 1u);
    scene_close (&scene);
}

Test (rights_call, the_rows_of_a_fanout_call_say_it)
{
    scene_t scene;
    godwit_fanout_result_t *result = NULL;
    scene_open (&scene, "call godwit/billing/charge");
    MUST (godwit_client_wait_servers (scene.client, 1, 10000, &error));
    MUST (godwit_client_fanout_call (scene.client, NULL, "refund", GODWIT_NO_ARGS, &result, &error));
    cr_assert_eq (godwit_fanout_result_count (result), 1u);
    const godwit_fanout_row_t *const row = godwit_fanout_result_row (result, 0);
    cr_assert_eq (row->state, GODWIT_FANOUT_REFUSED);
    cr_assert_eq (godwit_error_status (row->error), GODWIT_ERR_PERMISSION_DENIED);
    cr_assert_eq (godwit_error_outcome (row->error), GODWIT_OUTCOME_REJECTED);
    cr_assert_eq (runs, 0u);
    godwit_fanout_result_destroy (&result);
    scene_close (&scene);
}
