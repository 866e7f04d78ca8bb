/* SPDX-License-Identifier: Apache-2.0 */
/* Bulletins travel from member to member, over whatever connections there are, and come to rest. */
#include "tests/support/must.h"
#include "tests/support/realm_nodes.h"

#include <stdlib.h>
#include <string.h>

#define HOST "127.0.0.1"

static godwit__test_realm_t *files;
static node_t first, second, third;
static node_link_t near, far;

static void
set_up (void)
{
    nodes_begin ();
    files = godwit__test_realm_new (1);
}

static void
tear_down (void)
{
    godwit__test_realm_destroy (&files);
    nodes_end ();
}

TestSuite (zmtp_bulletin, .init = set_up, .fini = tear_down, .timeout = 120);

static void
open_member (node_t *node, const char *name)
{
    node_open (node, &godwit__zmtp_driver,
               godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = name)), HOST);
}

/* Three in a row: the one in the middle is connected to by the first, and connects to the third. */
static void
open_row (int way)
{
    open_member (&first, "first");
    open_member (&second, "second");
    open_member (&third, "third");
    node_link_open (&near, &first, second.at.links[way]);
    node_link_open (&far, &second, third.at.links[way]);
    NODES_AWAIT (near.ups && far.ups);
}

static void
close_row (void)
{
    node_link_close (&near);
    node_link_close (&far);
    node_close (&first);
    node_close (&second);
    node_close (&third);
}

static uint64_t
number_of (const node_t *node)
{
    return godwit__realm_bulletin_number (node->realm);
}

static void
put (node_t *node, const char *name)
{
    godwit__test_realm_put_bulletin (files, name);
    node_look (node);
}

Test (zmtp_bulletin, goes_from_node_to_node_in_both_directions)
{
    for (int way = 0; way < 2; way++) {
        open_row (way);
        const uint64_t before = number_of (&first);
        godwit__test_realm_revoke_serial (files, 1);
        put (&first, "first");
        NODES_AWAIT (number_of (&third) > before);
        godwit__test_realm_revoke_serial (files, 2);
        put (&third, "third");
        NODES_AWAIT (number_of (&first) == number_of (&third));
        cr_assert_eq (number_of (&second), number_of (&third));
        cr_assert_eq (near.downs + far.downs, 0);
        close_row ();
    }
}

/* Whoever has the newer one sends it behind the handshake. */
Test (zmtp_bulletin, goes_over_a_new_connection_whichever_end_has_it)
{
    open_member (&first, "first");
    open_member (&second, "second");
    godwit__test_realm_revoke_serial (files, 1);
    put (&first, "first");
    node_link_open (&near, &first, second.at.links[1]);
    NODES_AWAIT (number_of (&second) == 1);
    node_link_close (&near);
    godwit__test_realm_revoke_serial (files, 2);
    put (&second, "second");
    node_link_open (&near, &first, second.at.links[1]);
    NODES_AWAIT (number_of (&first) == 2);
    node_link_close (&near);
    node_close (&first);
    node_close (&second);
}

Test (zmtp_bulletin, goes_over_the_connections_of_publishers)
{
    open_member (&first, "first");
    open_member (&second, "second");
    MUST (first.driver->ops->publisher_connect (first.publisher, second.at.fanout, &error));
    node_subscribe (&second, 1);
    NODES_AWAIT (first.news);
    godwit__test_realm_revoke_serial (files, 1);
    put (&first, "first");
    NODES_AWAIT (number_of (&second) == 1);
    godwit__test_realm_revoke_serial (files, 2);
    put (&second, "second");
    NODES_AWAIT (number_of (&first) == 2);
    node_close (&first);
    node_close (&second);
}

/* It is larger than what a connection reads into one chunk. */
Test (zmtp_bulletin, may_be_as_large_as_bulletins_get)
{
    static godwit__revocation_t revoked[3900];
    godwit__bulletin_t *bulletin = NULL;
    for (size_t i = 0; i < 3900; i++)
        revoked[i] = (godwit__revocation_t){.serial = UINT64_MAX - i, .until = 4000000000 + (int64_t) i};
    godwit__bulletin_t fields = {.number = 5, .issued = 1, .revoked = revoked, .revoked_count = 3900};
    godwit__realm_id (fields.realm, godwit__test_realm_key (files));
    MUST (godwit__bulletin_new (&bulletin, &fields, godwit__test_realm_secret (files), &error));
    cr_assert_gt (bulletin->sealed_size, 50000u);
    for (int way = 0; way < 2; way++) {
        open_row (way);
        MUST (godwit__realm_take_bulletin (first.realm, bulletin->sealed, bulletin->sealed_size, &error));
        NODES_AWAIT (number_of (&third) == 5);
        cr_assert_eq (near.downs + far.downs, 0);
        close_row ();
    }
    godwit__bulletin_unref (&bulletin);
}

/* The one that is revoked hears of it, too, before it is cut off; and from there others do. */
Test (zmtp_bulletin, reaches_others_through_the_one_that_it_revokes)
{
    open_row (1);
    godwit__test_realm_revoke (files, "second");
    put (&first, "first");
    NODES_AWAIT (number_of (&third) == 1);
    NODES_AWAIT (near.downs && far.downs);
    cr_assert_str_eq (far.reason, "refused us: revoked");
    close_row ();
}

/* While realm keys are changed, some do not know the key of a bulletin yet: that ends nothing, and with a new
 * member file they hear of it again. */
Test (zmtp_bulletin, of_a_key_that_is_not_trusted_yet_is_left_alone)
{
    open_row (1);
    godwit__test_realm_add_key (files);
    godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "first"));
    node_look (&first);
    godwit__test_realm_swap_keys (files);
    godwit__test_realm_revoke_serial (files, 1);
    put (&first, "first");
    cr_assert_eq (number_of (&first), 1u);
    nodes_turn (); /* it is sent, and stands before what follows */
    node_send (near.channel, 0, "hello");
    NODES_AWAIT (second.received || near.downs);
    cr_assert (number_of (&second) == 0 && near.downs == 0, "%s", near.reason);
    godwit__test_realm_swap_keys (files);
    godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "second"));
    node_look (&second);
    NODES_AWAIT (number_of (&second) == 1);
    cr_assert_eq (near.downs, 0);
    close_row ();
}

/* ---- a stolen realm key ---- */

static void
give (node_t *node, const char *name)
{
    godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = name));
    node_look (node);
}

static void
give_both (void)
{
    give (&first, "first");
    give (&second, "second");
}

/* The highest number there is, signed with the key that was stolen. */
static void
spread_bulletin_of_thief (void)
{
    godwit__bulletin_t fields = {.number = UINT64_MAX, .issued = 1}, *bulletin = NULL;
    godwit__realm_id (fields.realm, godwit__test_realm_key (files));
    MUST (godwit__bulletin_new (&bulletin, &fields, godwit__test_realm_secret (files), &error));
    MUST (godwit__realm_take_bulletin (first.realm, bulletin->sealed, bulletin->sealed_size, &error));
    NODES_AWAIT (godwit__realm_bulletin_number (second.realm) == UINT64_MAX);
    godwit__bulletin_unref (&bulletin);
}

/* The one that drops the key last still says that it has the thief's. */
static void
bulletin_of_new_key_gets_over (node_t *teller, const char *name, node_t *dropped_first,
                               const char *first_name)
{
    const node_t *const hears = teller == &first ? &second : &first;
    open_member (&first, "first");
    open_member (&second, "second");
    node_link_open (&near, &first, second.at.links[1]);
    NODES_AWAIT (near.ups);
    spread_bulletin_of_thief ();
    godwit__test_realm_add_key (files);
    give_both ();
    godwit__test_realm_swap_keys (files);
    give_both ();
    godwit__test_realm_drop_key (files);
    give (dropped_first, first_name);
    node_link_t later;
    node_link_open (&later, &first, second.at.links[0]);
    NODES_AWAIT (later.ups);
    node_link_close (&near);
    give_both ();
    godwit__test_realm_revoke_serial (files, 4711);
    godwit__test_realm_put_bulletin (files, name);
    node_look (teller);
    const uint64_t number = godwit__test_realm_bulletin (files)->number;
    NODES_AWAIT (godwit__realm_bulletin_number (hears->realm) == number);
    cr_assert_eq (later.downs, 0);
    node_link_close (&later);
    node_close (&first);
    node_close (&second);
}

Test (zmtp_bulletin, of_the_new_key_gets_over_open_connections_after_a_stolen_one_was_dropped)
{
    bulletin_of_new_key_gets_over (&first, "first", &second, "second");
}

Test (zmtp_bulletin, of_the_new_key_gets_to_those_who_have_dropped_the_stolen_one_later)
{
    bulletin_of_new_key_gets_over (&first, "first", &first, "first");
}
