/* SPDX-License-Identifier: Apache-2.0 */
/* Transports of one process that have a realm: who is at the other end, and who does not meet. */
#include "tests/support/must.h"
#include "tests/support/realm_nodes.h"

#include <string.h>

static godwit__test_realm_t *files;
static node_t web, shop;
static node_link_t link;

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

TestSuite (inproc_party, .init = set_up, .fini = tear_down, .timeout = 60);

static const char *
issue (const char *name, uint64_t serial)
{
    return godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = name, .serial = serial));
}

static void
open_both (const char *of_web, const char *of_shop)
{
    node_open (&web, &godwit__inproc_driver, of_web, NULL);
    node_open (&shop, &godwit__inproc_driver, of_shop, NULL);
}

static void
close_both (void)
{
    node_close (&web);
    node_close (&shop);
}

static void
say (const char *text)
{
    const size_t before = shop.received;
    node_send (link.channel, 0, text);
    NODES_AWAIT (shop.received > before);
}

Test (inproc_party, each_end_knows_who_is_at_the_other)
{
    open_both (issue ("web", 1), issue ("shop", 2));
    node_link_open (&link, &web, shop.at.links[0]);
    NODES_AWAIT (link.ups);
    cr_assert_str_eq (node_link_party (&link), "shop");
    say ("hello");
    cr_assert_str_eq (shop.sender, "web");
    node_link_close (&link);
    node_link_open (&link, &shop, shop.at.links[0]);
    NODES_AWAIT (link.ups);
    cr_assert_str_eq (node_link_party (&link), "shop", "a transport meets itself");
    say ("hello");
    cr_assert_str_eq (shop.sender, "shop");
    node_link_close (&link);
    close_both ();
}

/* What was sent is received after its sender has gone, and says who that was. */
Test (inproc_party, the_sender_is_known_after_it_has_gone)
{
    godwit__frame_t frame;
    godwit__routing_id_t from;
    open_both (issue ("web", 1), issue ("shop", 2));
    node_link_open (&link, &web, shop.at.links[0]);
    NODES_AWAIT (link.ups);
    node_send (link.channel, 0, "the last word");
    node_link_close (&link);
    node_close (&web);
    cr_assert_eq (shop.port->ops->recv (shop.port, &frame, &from), GODWIT__IO_OK);
    cr_assert_str_eq (godwit__channel_sender (shop.port)->certificate.name, "web");
    godwit__frame_release (&frame);
    cr_assert_eq (shop.port->ops->recv (shop.port, &frame, &from), GODWIT__IO_AGAIN);
    node_close (&shop);
}

Test (inproc_party, without_a_realm_there_are_no_parties)
{
    open_both (NULL, NULL);
    node_link_open (&link, &web, shop.at.links[0]);
    NODES_AWAIT (link.ups);
    say ("hello");
    cr_assert (shop.sender[0] == '\0' && node_link_party (&link)[0] == '\0');
    node_link_close (&link);
    close_both ();
}

/* ---- who does not meet ---- */

static void
expect_refused (const char *of_web, const char *of_shop, const char *reason)
{
    open_both (of_web, of_shop);
    node_link_open (&link, &web, shop.at.links[0]);
    NODES_AWAIT (link.downs);
    cr_assert_eq (link.ups, 0);
    cr_assert_str_eq (link.reason, reason);
    cr_assert_str_eq (node_link_party (&link), "");
    node_link_close (&link);
    node_subscribe (&shop, 1);
    MUST (web.driver->ops->publisher_connect (web.publisher, shop.at.fanout, &error));
    cr_assert (node_says (&web, reason), "%s", web.log);
    nodes_turn ();
    cr_assert_eq (web.news, 0u);
    close_both ();
}

Test (inproc_party, who_has_a_realm_and_who_has_none_do_not_meet)
{
    const char *const reason =
        "no-certificate: one of the two transports has a realm, and the other has none";
    expect_refused (issue ("web", 1), NULL, reason);
    expect_refused (NULL, issue ("web", 1), reason);
}

Test (inproc_party, realms_do_not_meet)
{
    godwit__test_realm_t *other = godwit__test_realm_foreign (files, 2);
    expect_refused (issue ("web", 1), godwit__test_realm_issue (other, GODWIT__TEST_MEMBER (.name = "shop")),
                    "wrong-realm: the two transports are of different realms");
    godwit__test_realm_destroy (&other);
}

Test (inproc_party, who_was_revoked_is_not_met)
{
    const char *const of_web = issue ("web", 1), *const of_shop = issue ("shop", 2);
    open_both (of_web, of_shop);
    godwit__test_realm_revoke (files, "web");
    godwit__test_realm_put_bulletin (files, "shop");
    node_look (&shop);
    node_link_open (&link, &web, shop.at.links[0]);
    NODES_AWAIT (link.downs);
    cr_assert_str_eq (link.reason, "revoked: the certificate of one of the two transports was revoked");
    node_link_close (&link);
    godwit__test_realm_put_bulletin (files, "web");
    node_look (&web);
    node_link_open (&link, &web, web.at.links[0]);
    NODES_AWAIT (link.ups);
    node_link_close (&link);
    close_both ();
}

/* ---- renewed ---- */

Test (inproc_party, a_renewed_certificate_counts_at_both_ends_at_once)
{
    open_both (issue ("web", 1), issue ("shop", 2));
    node_link_open (&link, &web, shop.at.links[0]);
    NODES_AWAIT (link.ups);
    say ("hello");
    cr_assert_eq (shop.serial, 1u);
    issue ("web", 11);
    node_look (&web);
    say ("hello again");
    cr_assert_eq (shop.serial, 11u);
    cr_assert_eq (link.renewals, 0);
    issue ("shop", 12);
    node_look (&shop);
    godwit__party_t *party = godwit__channel_party (link.channel);
    cr_assert (party && party->certificate.serial == 12);
    godwit__party_unref (&party);
    NODES_AWAIT (link.renewals == 1);
    node_link_close (&link);
    close_both ();
}

/* ---- publications ---- */

Test (inproc_party, publications_go_to_those_who_may_serve_the_topic)
{
    open_both (issue ("web", 1),
               godwit__test_realm_issue (
                   files, GODWIT__TEST_MEMBER (.name = "shop", .rights = {"serve godwit/shop"})));
    for (unsigned key = 1; key <= 3; key++)
        node_subscribe (&shop, key);
    MUST (web.driver->ops->publisher_connect (web.publisher, shop.at.fanout, &error));
    NODES_AWAIT (web.news == 3);
    node_name (&web, 1, "godwit", "shop");
    node_name (&web, 2, "godwit", "billing");
    cr_assert (node_publish (&web, 3, "a key without a name"));
    cr_assert (node_publish (&web, 2, "of billing"));
    cr_assert (node_publish (&web, 1, "of the shop"));
    NODES_AWAIT (shop.received);
    cr_assert (shop.received == 1 && strcmp (shop.last, "of the shop") == 0, "%s", shop.last);
    cr_assert_str_eq (shop.sender, "web");
    cr_assert_eq (shop.from, GODWIT__ROUTING_ID_FANOUT);
    godwit__test_realm_issue (files,
                              GODWIT__TEST_MEMBER (.name = "shop", .rights = {"serve godwit/billing"}));
    node_look (&shop);
    cr_assert (node_publish (&web, 1, "of the shop"));
    cr_assert (node_publish (&web, 2, "of billing"));
    NODES_AWAIT (shop.received == 2);
    cr_assert_str_eq (shop.last, "of billing");
    close_both ();
}
