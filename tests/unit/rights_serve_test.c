/* SPDX-License-Identifier: Apache-2.0 */
/* The right to serve: told to the program when a server starts, checked by the rendezvous when it registers,
 * and again when its certificate is renewed. */
#include "matchmaker/rendezvous_wire.h"
#include "src/runtime/transport.h"
#include "tests/support/must.h"
#include "tests/support/rogue.h"

#include <string.h>

#define MEET "sim://meet-1:9573"

static godwit_status_t
answer (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (request, GODWIT_NIL (NULL));
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("work", answer, 0)};

/* ---- at the start ---- */

static godwit_status_t
start (rights_node_t *node, const char *topic, godwit_error_t **denied)
{
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods);
    godwit_server_t *server = NULL;
    MUST (godwit_server_new (&server, node->transport, GODWIT_TARGET (.topic = topic, .server = "one"),
                             &endpoint, 1, NULL, &error));
    const godwit_status_t status = godwit_server_start (server, NULL, denied);
    godwit_server_destroy (&server);
    return status;
}

Test (rights_serve, a_server_without_the_right_does_not_start)
{
    rights_world_t *world = rights_world_open ();
    rights_node_t *const web = rights_node (world, "web", "serve godwit/web, call */*, publish */*");
    godwit_error_t *denied = NULL;
    MUST (start (web, "web", &error));
    cr_assert_eq (start (web, "billing", &denied), GODWIT_ERR_PERMISSION_DENIED);
    cr_assert (strstr (godwit_error_message (denied), "\"web\" may not serve godwit/billing"), "%s",
               godwit_error_message (denied));
    godwit_error_destroy (&denied);
    rights_renew (web, "serve godwit/billing");
    MUST (start (web, "billing", &error));
    rights_world_close (&world);
}

/* ---- at the rendezvous ---- */

static godwit__record_t *
record_of (const uint8_t *instance, const char *topic)
{
    godwit__record_t fields = {.incarnation = 1,
                               .server_id = 1,
                               .revision = 1,
                               .state = GODWIT__RECORD_UP,
                               .weight = 1,
                               .exchange = "godwit",
                               .topic = topic,
                               .server = "evil",
                               .address_count = 1,
                               .addresses = {"sim://evil:20000"},
                               .fanout_address = "",
                               .host = "simulated",
                               .versions = ""};
    memcpy (fields.instance, instance, sizeof fields.instance);
    godwit__record_t *const record = godwit__record_new (&fields);
    cr_assert (record);
    return record;
}

static void
join (rogue_t *rogue, godwit__channel_t *link, const uint8_t *instance)
{
    const godwit__message_t message = godwit__rendezvous_join (rogue->buffer, instance, "", 5000);
    rogue_send (rogue, link, 0, &message);
}

static void
put (rogue_t *rogue, godwit__channel_t *link, const char *topic)
{
    godwit__record_t *record = record_of (rogue_instance (rogue), topic);
    const godwit__message_t message =
        godwit__rendezvous_register (rogue->buffer, (godwit__record_list_t){&record, 1});
    rogue_send (rogue, link, 0, &message);
    godwit__record_unref (&record);
}

static void
assert_expelled (rogue_t *rogue, godwit__channel_t *link, const char *says)
{
    rogue_frame_t came;
    godwit__rendezvous_message_t message;
    cr_assert (rogue_await (rogue, link, GODWIT__RENDEZVOUS_EXPELLED, &came));
    MUST (godwit__rendezvous_read (&message, &came.frame, &error));
    cr_assert_str_eq (message.reason, says);
    godwit__rendezvous_clear (&message);
    char line[128] = "was expelled (";
    strcat (strcat (line, says), ")");
    cr_assert_eq (rights_logged (rogue->world->meets[0], GODWIT_LOG_WARNING, line), 1u, "%s", line);
}

Test (rights_serve, who_registers_what_it_may_not_serve_is_expelled)
{
    rogue_frame_t came;
    rights_world_t *world = rights_world_open ();
    rogue_t *evil = rogue_open (world, "evil", "serve godwit/evil, call */*, publish */*");
    rights_node_t *const web = rights_node (world, "web", "call */*");
    godwit_client_t *client = rights_client (web, "billing");
    godwit__channel_t *const link = rogue_connect (evil, MEET);
    join (evil, link, rogue_instance (evil));
    cr_assert (rogue_await (evil, link, GODWIT__RENDEZVOUS_SNAPSHOT, &came));
    godwit__frame_release (&came.frame);
    put (evil, link, "evil");
    godwit_cluster_run (world->cluster, 100);
    cr_assert_eq (rights_logged (web, GODWIT_LOG_INFO, "of topic evil, exchange godwit, joined"), 1u);
    put (evil, link, "billing");
    assert_expelled (evil, link, "\"evil\" may not serve godwit/billing");
    godwit_cluster_run (world->cluster, 100);
    cr_assert_eq (rights_logged (web, GODWIT_LOG_INFO, "of topic billing, exchange godwit, joined"), 0u);
    godwit_client_destroy (&client);
    rogue_close (&evil);
    rights_world_close (&world);
}

Test (rights_serve, nobody_joins_as_another_process)
{
    rogue_frame_t came;
    godwit__rendezvous_message_t message;
    rights_world_t *world = rights_world_open ();
    rights_node_t *const web = rights_node (world, "web", "serve */*");
    rogue_t *evil = rogue_open (world, "evil", "serve */*");
    godwit__channel_t *const link = rogue_connect (evil, MEET);
    join (evil, link, web->transport->instance);
    cr_assert (rogue_await (evil, link, GODWIT__RENDEZVOUS_EXPELLED, &came));
    MUST (godwit__rendezvous_read (&message, &came.frame, &error));
    cr_assert_str_eq (message.reason, "\"evil\" joined as another process than its certificate says");
    godwit__rendezvous_clear (&message);
    cr_assert_eq (rights_logged (world->meets[0], GODWIT_LOG_WARNING,
                                 "refused a member: \"evil\" joined as another process"),
                  1u);
    rogue_close (&evil);
    rights_world_close (&world);
}

Test (rights_serve, a_renewal_with_fewer_rights_ends_what_is_registered)
{
    rights_world_t *world = rights_world_open ();
    rights_node_t *const billing = rights_node (world, "billing", "serve godwit/billing");
    rights_node_t *const web = rights_node (world, "web", "call */*");
    rights_serve (billing, "billing", methods, 1, NULL);
    godwit_client_t *client = rights_client (web, "billing");
    MUST (rights_call (client, "work", &error));
    rights_renew (billing, "serve godwit/other");
    godwit_cluster_run (world->cluster, 6000); /* a refresh: its next message */
    for (size_t i = 0; i < 3; i++)
        cr_assert_geq (rights_logged (world->meets[i], GODWIT_LOG_WARNING,
                                      "was expelled (\"billing\" may not serve godwit/billing)"),
                       1u);
    cr_assert_geq (rights_logged (billing, GODWIT_LOG_WARNING,
                                  "has expelled this process: \"billing\" may not serve godwit/billing"),
                   1u);
    godwit_error_t *denied = NULL;
    cr_assert_eq (rights_call (client, "work", &denied), GODWIT_ERR_TIMEOUT);
    cr_assert_neq (godwit_error_outcome (denied), GODWIT_OUTCOME_RAN);
    cr_assert (strstr (godwit_error_message (denied), "\"billing\" may not serve godwit/billing"), "%s",
               godwit_error_message (denied));
    godwit_error_destroy (&denied);
    rights_renew (billing, "serve godwit/billing");
    MUST (rights_call (client, "work", &error));
    godwit_client_destroy (&client);
    rights_world_close (&world);
}
