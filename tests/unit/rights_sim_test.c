/* SPDX-License-Identifier: Apache-2.0 */
/* The realm of a simulated cluster: who is let in, what both ends say when somebody is not, and how bulletins
 * get around. */
#include "drivers/sim/sim.h"
#include "src/runtime/transport.h"
#include "tests/support/must.h"
#include "tests/support/rogue.h"

#include <string.h>

#define MEET "sim://meet-1:9573"
#define BEGIN_S 1767225600

/* A node with this member file tries to connect to a host: both ends say why it is not let in. */
static void
assert_refused (rights_world_t *world, const char *member_file, const char *word, const char *says)
{
    rogue_t *rogue = rogue_open_of (world, "other", member_file);
    rogue_connect (rogue, MEET);
    cr_assert (rogue->down);
    cr_assert_eq (strncmp (rogue->down, "refused us: ", 12), 0, "%s", rogue->down);
    cr_assert_str_eq (rogue->down + 12, word);
    cr_assert_geq (rights_logged (world->meets[0], GODWIT_LOG_WARNING, says), 1u, "%s", says);
    rogue_close (&rogue);
}

static const char *
issue (rights_world_t *world, const char *name, int64_t from_s, int64_t until_s)
{
    return godwit__test_realm_issue (
        world->realm,
        GODWIT__TEST_MEMBER (.name = name, .from = BEGIN_S + from_s, .until = BEGIN_S + until_s));
}

Test (rights_sim, a_member_is_let_in)
{
    rights_world_t *world = rights_world_open ();
    rogue_t *rogue = rogue_open (world, "other", "");
    godwit__channel_t *const link = rogue_connect (rogue, MEET);
    cr_assert (rogue->up && !rogue->down);
    godwit__party_t *party = godwit__channel_party (link);
    cr_assert_str_eq (party->certificate.name, "meet-1");
    cr_assert_arr_eq (party->instance, world->meets[0]->transport->instance, 16);
    godwit__party_unref (&party);
    rogue_close (&rogue);
    rights_world_close (&world);
}

Test (rights_sim, who_has_no_realm_is_not_let_in)
{
    rights_world_t *world = rights_world_open ();
    assert_refused (world, NULL, "no-certificate", "A connection of other to " MEET " was ended");
    rights_world_close (&world);
}

Test (rights_sim, who_is_of_another_realm_is_not_let_in)
{
    rights_world_t *world = rights_world_open ();
    godwit__test_realm_t *foreign = godwit__test_realm_foreign (world->realm, 2);
    const char *const file = godwit__test_realm_issue (
        foreign, GODWIT__TEST_MEMBER (.name = "web", .from = BEGIN_S - 3600, .until = BEGIN_S + 3600));
    assert_refused (world, file, "wrong-realm", "certificate \"web\"");
    godwit__test_realm_destroy (&foreign);
    rights_world_close (&world);
}

Test (rights_sim, whose_certificate_is_not_valid_yet_is_not_let_in)
{
    rights_world_t *world = rights_world_open ();
    assert_refused (world, issue (world, "web", 1000, 3600), "not-yet-valid", "is not valid yet");
    rights_world_close (&world);
}

Test (rights_sim, whose_certificate_has_ended_is_not_let_in)
{
    rights_world_t *world = rights_world_open ();
    const char *const file = issue (world, "web", -3600, 60);
    rogue_t *rogue = rogue_open_of (world, "other", file);
    godwit_cluster_run (world->cluster, 400000);
    rogue_connect (rogue, MEET);
    cr_assert_str_eq (rogue->down, "refused us: expired");
    cr_assert_eq (
        rights_logged (world->meets[0], GODWIT_LOG_WARNING, "certificate \"web\" (serial 7f3d) has ended"),
        1u);
    rogue_close (&rogue);
    rights_world_close (&world);
}

Test (rights_sim, whose_certificate_was_revoked_is_not_let_in)
{
    rights_world_t *world = rights_world_open ();
    const char *const file = issue (world, "web", -3600, 3600);
    godwit__test_realm_revoke (world->realm, "web");
    godwit__test_realm_put_bulletin (world->realm, "meet-1");
    MUST (godwit__realm_look (world->meets[0]->transport->realm, true, &error));
    assert_refused (world, file, "revoked", "certificate \"web\" (serial 7f3d) was revoked");
    rights_world_close (&world);
}

Test (rights_sim, who_has_a_realm_does_not_meet_who_has_none)
{
    rights_world_t *world = rights_world_new (1);
    rogue_t *stranger = rogue_open_of (world, "stranger", NULL);
    rogue_t *rogue = rogue_open (world, "other", "");
    rogue_listen (stranger, "sim://stranger:9000", NULL);
    rogue_connect (rogue, "sim://stranger:9000");
    cr_assert_str_eq (rogue->down, "refused us: no-certificate");
    cr_assert_str_eq (stranger->ended, "it says that it is of a realm, and this process is of none");
    rogue_close (&rogue);
    rogue_close (&stranger);
    rights_world_close (&world);
}

/* The connecting end checks, too. */
Test (rights_sim, a_host_that_was_revoked_is_left)
{
    rights_world_t *world = rights_world_open ();
    const char *const file = rights_issue (world, "other", "");
    godwit__test_realm_revoke (world->realm, "meet-1");
    godwit__test_realm_put_bulletin (world->realm, "other");
    rogue_t *rogue = rogue_open_of (world, "other", file);
    rogue_connect (rogue, MEET);
    cr_assert_str_eq (rogue->down, "its certificate was refused");
    cr_assert_str_eq (rogue->ended, "certificate \"meet-1\" (serial 7f3a) was revoked");
    cr_assert_eq (rights_logged (world->meets[0], GODWIT_LOG_WARNING,
                                 "A connection of other to " MEET " was ended: refused us: revoked"),
                  1u);
    rogue_close (&rogue);
    rights_world_close (&world);
}

static uint64_t
number_of (const rights_node_t *node)
{
    return godwit__realm_bulletin_number (node->transport->realm);
}

Test (rights_sim, a_bulletin_gets_to_everybody)
{
    rights_world_t *world = rights_world_open ();
    rights_node_t *const web = rights_node (world, "web", "");
    rights_node_t *const billing = rights_node (world, "billing", "serve godwit/billing");
    godwit_cluster_run (world->cluster, 1000);
    rights_revoke (billing, web);
    cr_assert_eq (number_of (web), 1u);
    cr_assert_eq (number_of (world->meets[1]), 0u);
    godwit_cluster_run (world->cluster, 100);
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq (number_of (world->meets[i]), 1u);
    cr_assert_eq (number_of (billing), 1u, "who is revoked hears of it, too");
    rights_world_close (&world);
}

Test (rights_sim, who_comes_later_hears_of_the_bulletin)
{
    rights_world_t *world = rights_world_open ();
    rights_revoke (rights_node (world, "gone", ""), world->meets[0]);
    godwit_cluster_run (world->cluster, 1000);
    rights_node_t *const web = rights_node (world, "web", "");
    cr_assert_eq (number_of (web), 0u);
    godwit_cluster_run (world->cluster, 100);
    cr_assert_eq (number_of (web), 1u);
    rights_world_close (&world);
}

Test (rights_sim, a_bulletin_waits_while_the_way_is_cut)
{
    rights_world_t *world = rights_world_open ();
    rights_node_t *const web = rights_node (world, "web", "");
    rights_node_t *const gone = rights_node (world, "gone", "");
    godwit_cluster_run (world->cluster, 1000);
    godwit_cluster_cut (world->cluster, NULL, "web", true);
    rights_revoke (gone, world->meets[0]);
    godwit_cluster_run (world->cluster, 3000);
    cr_assert_eq (number_of (world->meets[2]), 1u);
    cr_assert_eq (number_of (web), 0u);
    godwit_cluster_cut (world->cluster, NULL, "web", false);
    godwit_cluster_run (world->cluster, 1000);
    cr_assert_eq (number_of (web), 1u);
    rights_world_close (&world);
}

static godwit_status_t
answer (godwit_request_t *request, void *self)
{
    (void) self;
    return godwit_request_reply (request, GODWIT_NIL (NULL));
}

/* Realm keys are changed at one process after the other. Who does not know the new one leaves its bulletins
 * alone until it does, and then hears of them. */
Test (rights_sim, a_bulletin_of_a_key_that_is_not_known_yet_ends_nothing)
{
    rights_world_t *world = rights_world_open ();
    rights_node_t *const gone = rights_node (world, "gone", "");
    rights_node_t *const web = rights_node (world, "web", "");
    godwit_cluster_run (world->cluster, 1000);
    godwit__test_realm_add_key (world->realm);
    rights_renew (web, "");
    godwit__test_realm_swap_keys (world->realm);
    rights_revoke (gone, web);
    godwit_cluster_run (world->cluster, 100);
    cr_assert_eq (number_of (web), 1u);
    cr_assert_eq (number_of (world->meets[0]), 0u);
    cr_assert_eq (rights_logged (web, GODWIT_LOG_WARNING, "refused us"), 0u);
    rights_renew (world->meets[0], "");
    cr_assert_eq (number_of (world->meets[0]), 1u);
    rights_world_close (&world);
}

static void
on_ended (void *user, godwit_status_t status, const godwit_value_t *result, const godwit_error_t *error)
{
    (void) result, (void) error;
    *(godwit_status_t *) user = status;
}

/* A handshake takes 600 ms here. The new certificate comes while it is under way. */
Test (rights_sim, who_gets_a_new_certificate_in_the_handshake_says_so)
{
    const godwit_method_t methods[] = {GODWIT_METHOD ("answer", answer, 0)};
    godwit_status_t status = GODWIT_ERR_FAILED;
    rights_world_t *world = rights_world_open ();
    rights_node_t *const billing = rights_node (world, "billing", "serve godwit/billing");
    rights_node_t *const web = rights_node (world, "web", "");
    rights_serve (billing, "billing", methods, 1, NULL);
    MUST (godwit_cluster_set_faults (world->cluster, "billing", "web",
                                     GODWIT_FAULTS (.delay_min_us = 300000, .delay_max_us = 300000), &error));
    godwit_client_t *client = rights_client (web, "billing");
    MUST (godwit_client_call_async (client, NULL, "answer", GODWIT_NO_ARGS, on_ended, &status, &error));
    godwit_cluster_run (world->cluster, 100);
    rights_renew (web, "call godwit/billing");
    godwit_cluster_run (world->cluster, 3000);
    cr_assert_eq (status, GODWIT_OK);
    godwit_client_destroy (&client);
    rights_world_close (&world);
}

/* Two runs are the same: keys come from the cluster's chance, and dates from its clock. */
static uint64_t
digest (void)
{
    godwit_cluster_stats_t stats = {.struct_size = sizeof stats};
    rights_world_t *world = rights_world_open ();
    rights_node_t *const web = rights_node (world, "web", "");
    godwit_cluster_run (world->cluster, 1000);
    rights_revoke (web, world->meets[0]);
    godwit_cluster_run (world->cluster, 3000);
    MUST (godwit_cluster_stats (world->cluster, &stats, &error));
    rights_world_close (&world);
    return stats.digest;
}

Test (rights_sim, a_run_can_be_repeated)
{
    cr_assert_eq (digest (), digest ());
}
