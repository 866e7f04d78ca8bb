/* SPDX-License-Identifier: Apache-2.0 */
/* The right to ask servers about themselves: who has it learns of those topics, and of no others. */
#include "tests/support/must.h"
#include "tests/support/rights_world.h"

#include <string.h>

typedef struct scene {
    rights_world_t *world;
    rights_node_t *billing; /* serves billing and audit */
    rights_node_t *web;
    godwit_client_t *client; /* that asks billing */
} scene_t;

static godwit_status_t
charge (godwit_request_t *request, void *self)
{
    (void) request, (void) self;
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("charge", charge, 0)};

TestSuite (rights_inspect, .timeout = 60);

static void
scene_open (scene_t *scene, const char *rights)
{
    scene->world = rights_world_open ();
    scene->billing = rights_node (scene->world, "billing", "serve godwit/*");
    rights_serve (scene->billing, "billing", methods, 1, NULL);
    rights_serve (scene->billing, "audit", methods, 1, NULL);
    scene->web = rights_node (scene->world, "web", rights);
    MUST (godwit_client_new (&scene->client, scene->web->transport,
                             GODWIT_TARGET (.topic = "billing", .name_space = "godwit.introspection"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = 10000), &error));
}

static void
scene_close (scene_t *scene)
{
    godwit_client_destroy (&scene->client);
    rights_world_close (&scene->world);
}

/* Charges once, of this topic. */
static void
call (scene_t *scene, const char *topic)
{
    godwit_client_t *client = rights_client (scene->web, topic);
    MUST (rights_call (client, "charge", &error));
    godwit_client_destroy (&client);
}

/* Whether what a method tells has a map in this list with this topic. */
static bool
tells (scene_t *scene, const char *method, const char *list, const char *topic)
{
    godwit_value_t *answer = NULL;
    bool is_told = false;
    MUST (godwit_client_call (scene->client, NULL, method, GODWIT_NO_ARGS, &answer, &error));
    const godwit_value_t *const entries = godwit_value_get (answer, list);
    for (size_t i = 0; i < godwit_value_count (entries); i++)
        is_told |= !strcmp (
            godwit_value_as_str (godwit_value_get (godwit_value_at (entries, i), "topic"), ""), topic);
    godwit_value_unref (&answer);
    return is_told;
}

Test (rights_inspect, without_the_right_nothing_is_told)
{
    static const char *const asked[] = {"describe", "ping", "stats", "view", "calls", "nothing"};
    scene_t scene;
    scene_open (&scene, "call */*, serve */*, publish */*, inspect godwit/audit, inspect other/billing");
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        godwit_error_t *denied = NULL;
        cr_assert_eq (rights_call (scene.client, asked[i], &denied), GODWIT_ERR_PERMISSION_DENIED, "%s",
                      asked[i]);
        cr_assert (strstr (godwit_error_message (denied), "\"web\" may not inspect godwit/billing"), "%s",
                   godwit_error_message (denied));
        cr_assert_eq (godwit_error_outcome (denied), GODWIT_OUTCOME_REJECTED);
        godwit_error_destroy (&denied);
    }
    scene_close (&scene);
}

Test (rights_inspect, with_it_the_topic_is_told_and_no_other)
{
    scene_t scene;
    scene_open (&scene, "call */*, inspect godwit/billing");
    call (&scene, "billing");
    call (&scene, "audit");
    cr_assert (tells (&scene, "stats", "servers", "billing"));
    cr_assert (!tells (&scene, "stats", "servers", "audit"));
    cr_assert (tells (&scene, "view", "servers", "billing"));
    cr_assert (!tells (&scene, "view", "servers", "audit"));
    cr_assert (tells (&scene, "calls", "calls", "billing"));
    cr_assert (!tells (&scene, "calls", "calls", "audit"));
    scene_close (&scene);
}

Test (rights_inspect, a_wider_right_tells_all)
{
    scene_t scene;
    scene_open (&scene, "call */*, inspect godwit/*");
    call (&scene, "audit");
    cr_assert (tells (&scene, "stats", "servers", "audit"));
    cr_assert (tells (&scene, "calls", "calls", "audit"));
    scene_close (&scene);
}

/* Those who call are of no topic: a right for all of them is needed to hear of them. */
static size_t
count_callers (scene_t *scene)
{
    godwit_value_t *answer = NULL;
    size_t count = 0;
    MUST (godwit_client_call (scene->client, NULL, "connections", GODWIT_NO_ARGS, &answer, &error));
    const godwit_value_t *const list = godwit_value_get (answer, "connections");
    for (size_t i = 0; i < godwit_value_count (list); i++) {
        const godwit_value_t *const at = godwit_value_at (list, i);
        if (strcmp (godwit_value_as_str (godwit_value_get (at, "direction"), ""), "in") != 0)
            continue;
        cr_assert_str_eq (godwit_value_as_str (godwit_value_get (at, "name"), ""), "web");
        count++;
    }
    godwit_value_unref (&answer);
    return count;
}

Test (rights_inspect, who_calls_is_told_to_those_who_may_see_all)
{
    scene_t scene;
    scene_open (&scene, "call */*, inspect godwit/*");
    cr_assert_eq (count_callers (&scene), 0u);
    scene_close (&scene);
    scene_open (&scene, "call */*, inspect */*");
    cr_assert_eq (count_callers (&scene), 1u);
    scene_close (&scene);
}

/* It is another right than those to call: nothing of the server can be called with it. */
Test (rights_inspect, it_is_no_right_to_call)
{
    scene_t scene;
    godwit_error_t *denied = NULL;
    scene_open (&scene, "inspect */*");
    godwit_client_t *client = rights_client (scene.web, "billing");
    cr_assert (tells (&scene, "stats", "servers", "billing"));
    cr_assert_eq (rights_call (client, "charge", &denied), GODWIT_ERR_PERMISSION_DENIED);
    godwit_error_destroy (&denied);
    godwit_client_destroy (&client);
    scene_close (&scene);
}
