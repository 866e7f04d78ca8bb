/* SPDX-License-Identifier: Apache-2.0 */
/* The right to serve: told to the program when a server starts, checked by the rendezvous when it registers,
 * and again, there and by the process itself, when its certificate is renewed. */
#include "matchmaker/rendezvous_wire.h"
#include "src/runtime/transport.h"
#include "tests/support/must.h"
#include "tests/support/rogue.h"

#include <stdio.h>
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
record_of (const uint8_t *instance, const char *topic, uint32_t server_id)
{
    godwit__record_t fields = {.incarnation = 1,
                               .server_id = server_id,
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
put (rogue_t *rogue, godwit__channel_t *link, const char *topic, uint32_t server_id)
{
    godwit__record_t *record = record_of (rogue_instance (rogue), topic, server_id);
    const godwit__message_t message =
        godwit__rendezvous_register (rogue->buffer, (godwit__record_list_t){&record, 1});
    rogue_send (rogue, link, 0, &message);
    godwit__record_unref (&record);
}

static void
refresh (rogue_t *rogue, godwit__channel_t *link, size_t count)
{
    const godwit__message_t message = godwit__rendezvous_refresh (rogue->buffer, count, 0);
    rogue_send (rogue, link, 0, &message);
}

static void
await (rogue_t *rogue, godwit__channel_t *link, uint8_t type)
{
    rogue_frame_t came;
    cr_assert (rogue_await (rogue, link, type, &came), "type %u", type);
    godwit__frame_release (&came.frame);
}

#define LEFT_OUT "has a server that nobody is told of (\"evil\" may not serve godwit/billing)"

/* Each answer costs the host more than the JOIN cost its sender. */
Test (rights_serve, joins_that_are_refused_are_answered_so_many_times_a_second)
{
    enum { JOINS = 500, ANSWERS = 64 };
    rogue_frame_t came;
    unsigned answers = 0;
    rights_world_t *world = rights_world_open ();
    rogue_t *evil = rogue_open (world, "evil", "serve */*");
    godwit__channel_t *const link = rogue_connect (evil, MEET);
    for (unsigned i = 0; i < JOINS; i++)
        join (evil, link, world->meets[1]->transport->instance);
    while (rogue_await (evil, link, GODWIT__RENDEZVOUS_EXPELLED, &came)) {
        godwit__frame_release (&came.frame);
        answers++;
    }
    cr_assert_eq (answers, (unsigned) ANSWERS, "%u", answers);
    join (evil, link, world->meets[1]->transport->instance);
    await (evil, link, GODWIT__RENDEZVOUS_EXPELLED);
    rogue_close (&evil);
    rights_world_close (&world);
}

Test (rights_serve, refused_joins_take_the_answers_of_nobody_else)
{
    rights_world_t *world = rights_world_open ();
    rogue_t *evil = rogue_open (world, "evil", "serve */*"),
            *other = rogue_open (world, "other", "serve */*");
    godwit__channel_t *const link = rogue_connect (evil, MEET), *const others = rogue_connect (other, MEET);
    for (unsigned i = 0; i < 100; i++)
        join (evil, link, world->meets[1]->transport->instance);
    join (other, others, world->meets[1]->transport->instance);
    await (other, others, GODWIT__RENDEZVOUS_EXPELLED);
    rogue_close (&other);
    rogue_close (&evil);
    rights_world_close (&world);
}

/* It stays a member, with all that it may serve. */
Test (rights_serve, what_a_member_may_not_serve_is_left_out)
{
    rights_world_t *world = rights_world_open ();
    rogue_t *evil = rogue_open (world, "evil", "serve godwit/evil, call */*, publish */*");
    rights_node_t *const web = rights_node (world, "web", "call */*");
    godwit_client_t *client = rights_client (web, "billing");
    godwit__channel_t *const link = rogue_connect (evil, MEET);
    join (evil, link, rogue_instance (evil));
    await (evil, link, GODWIT__RENDEZVOUS_SNAPSHOT);
    for (unsigned i = 0; i < 3; i++)
        put (evil, link, "billing", 1);
    put (evil, link, "evil", 2);
    godwit_cluster_run (world->cluster, 100);
    cr_assert_eq (rights_logged (web, GODWIT_LOG_INFO, "of topic evil, exchange godwit, joined"), 1u);
    cr_assert_eq (rights_logged (web, GODWIT_LOG_INFO, "of topic billing, exchange godwit, joined"), 0u);
    cr_assert_eq (rights_logged (world->meets[0], GODWIT_LOG_WARNING, LEFT_OUT), 1u);
    cr_assert_eq (rights_logged (world->meets[0], GODWIT_LOG_WARNING, "was expelled"), 0u);
    refresh (evil, link, 2);
    await (evil, link, GODWIT__RENDEZVOUS_RESYNC);
    await (evil, link, GODWIT__RENDEZVOUS_CURRENT);
    godwit_client_destroy (&client);
    rogue_close (&evil);
    rights_world_close (&world);
}

/* It does not withdraw anything by itself. */
Test (rights_serve, a_renewal_drops_what_it_does_not_allow)
{
    rights_world_t *world = rights_world_open ();
    rogue_t *evil = rogue_open (world, "evil", "serve */*");
    rights_node_t *const web = rights_node (world, "web", "call */*");
    godwit__channel_t *const link = rogue_connect (evil, MEET);
    join (evil, link, rogue_instance (evil));
    await (evil, link, GODWIT__RENDEZVOUS_SNAPSHOT);
    put (evil, link, "billing", 1);
    put (evil, link, "evil", 2);
    godwit_cluster_run (world->cluster, 100);
    cr_assert_eq (rights_logged (web, GODWIT_LOG_INFO, "of topic billing, exchange godwit, joined"), 1u);
    rights_issue (world, "evil", "serve godwit/evil");
    MUST (godwit__realm_look (evil->realm, true, &error));
    godwit_cluster_run (world->cluster, 100);
    refresh (evil, link, 2);
    await (evil, link, GODWIT__RENDEZVOUS_RESYNC);
    godwit_cluster_run (world->cluster, 100);
    cr_assert_eq (rights_logged (world->meets[0], GODWIT_LOG_WARNING, LEFT_OUT), 1u);
    cr_assert_eq (rights_logged (world->meets[0], GODWIT_LOG_WARNING, "was expelled"), 0u);
    cr_assert_eq (rights_logged (web, GODWIT_LOG_INFO, "of topic billing, exchange godwit, left"), 1u);
    cr_assert_eq (rights_logged (web, GODWIT_LOG_INFO, "of topic evil, exchange godwit, left"), 0u);
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

#define WITHDRAWN "is withdrawn from the rendezvous: \"both\" may not serve godwit/billing"

static void
assert_left_out (rights_node_t *meet, const char *topic)
{
    char line[128];
    snprintf (line, sizeof line, "has a server that nobody is told of (\"both\" may not serve %s)", topic);
    cr_assert_eq (rights_logged (meet, GODWIT_LOG_WARNING, line), 1u, "%s", line);
    cr_assert_eq (rights_logged (meet, GODWIT_LOG_WARNING, "was expelled"), 0u);
}

/* What stays allowed goes on, also for those who come new; and it all comes back. */
Test (rights_serve, a_renewal_with_fewer_rights_withdraws_what_it_does_not_allow)
{
    rights_world_t *world = rights_world_open ();
    rights_node_t *const both = rights_node (world, "both", "serve godwit/billing, serve godwit/other");
    rights_node_t *const web = rights_node (world, "web", "call */*");
    godwit_error_t *denied = NULL;
    rights_serve (both, "billing", methods, 1, NULL);
    rights_serve (both, "other", methods, 1, NULL);
    godwit_client_t *billing = rights_client (web, "billing");
    MUST (rights_call (billing, "work", &error));

    rights_renew (both, "serve godwit/other");
    cr_assert_eq (rights_logged (both, GODWIT_LOG_WARNING, WITHDRAWN), 1u);
    cr_assert_eq (rights_call (billing, "work", &denied), GODWIT_ERR_TIMEOUT);
    cr_assert_neq (godwit_error_outcome (denied), GODWIT_OUTCOME_RAN);
    godwit_error_destroy (&denied);
    godwit_cluster_run (world->cluster, 20000); /* some refreshes */
    rights_node_t *const late = rights_node (world, "late", "call */*");
    godwit_client_t *other = rights_client (late, "other");
    MUST (rights_call (other, "work", &error));
    cr_assert_eq (rights_logged (late, GODWIT_LOG_INFO, "of topic billing, exchange godwit, joined"), 0u);
    cr_assert_eq (rights_logged (both, GODWIT_LOG_WARNING, WITHDRAWN), 1u);
    cr_assert_eq (rights_logged (both, GODWIT_LOG_WARNING, "has expelled this process"), 0u);
    for (size_t i = 0; i < 3; i++)
        assert_left_out (world->meets[i], "godwit/billing");

    rights_renew (both, "serve godwit/billing");
    MUST (rights_call (billing, "work", &error));
    cr_assert_eq (rights_logged (both, GODWIT_LOG_WARNING, "\"both\" may not serve godwit/other"), 1u);
    for (size_t i = 0; i < 3; i++)
        assert_left_out (world->meets[i], "godwit/other");
    godwit_client_destroy (&other);
    godwit_client_destroy (&billing);
    rights_world_close (&world);
}

/* The host of a point withholds what it may not serve, too. */
Test (rights_serve, a_host_that_is_renewed_withdraws_by_itself)
{
    rights_world_t *world = rights_world_new (1);
    rights_node_t *const meet = rights_node (world, "meet-1", "host */*, serve */*");
    rights_node (world, "meet-2", "host */*");
    rights_node (world, "meet-3", "host */*");
    rights_node_t *const web = rights_node (world, "web", "call */*");
    godwit_cluster_run (world->cluster, 1000);
    rights_serve (meet, "billing", methods, 1, NULL);
    rights_serve (meet, "other", methods, 1, NULL);
    godwit_cluster_run (world->cluster, 100);
    rights_renew (meet, "host */*, serve godwit/other");
    cr_assert_eq (rights_logged (web, GODWIT_LOG_INFO, "of topic billing, exchange godwit, left"), 1u);
    cr_assert_eq (rights_logged (web, GODWIT_LOG_INFO, "of topic other, exchange godwit, left"), 0u);
    rights_renew (meet, "host */*, serve */*");
    cr_assert_eq (rights_logged (web, GODWIT_LOG_INFO, "of topic billing, exchange godwit, joined"), 2u);
    rights_world_close (&world);
}
