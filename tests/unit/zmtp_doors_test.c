/* SPDX-License-Identifier: Apache-2.0 */
/* While the doors of a realm are changed, some members have the old one, some the new one, and some both. */
#include "tests/support/must.h"
#include "tests/support/realm_nodes.h"

#include <stdio.h>
#include <string.h>

#define HOST "127.0.0.1"

static godwit__test_realm_t *files;
static node_t web, shop;

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

TestSuite (zmtp_doors, .init = set_up, .fini = tear_down, .timeout = 120);

/* Member files as they are at each step of a change, in the order of the steps. */
enum { OLD, OLD_NEW, NEW_OLD, NEW, STEPS };

static const char *
issue (int step, const char *name)
{
    static const char *const names[STEPS] = {"old", "old-new", "new-old", "new"};
    char full[64];
    snprintf (full, sizeof full, "%s.%s", name, names[step]);
    return godwit__test_realm_issue (files, &(godwit__test_member_t){.name = full});
}

static const char *of_web[STEPS], *of_shop[STEPS];

static void
issue_all (void)
{
    for (int step = 0; step < STEPS; step++) {
        of_web[step] = issue (step, "web");
        of_shop[step] = issue (step, "shop");
        if (step == OLD)
            godwit__test_realm_add_door (files);
        else if (step == OLD_NEW)
            godwit__test_realm_swap_doors (files);
        else if (step == NEW_OLD)
            godwit__test_realm_drop_door (files);
    }
}

/* Only those that have no door in common cannot meet: a link, and a publisher. */
Test (zmtp_doors, each_two_neighbouring_steps_of_a_change_meet)
{
    issue_all ();
    for (int from = 0; from < STEPS; from++) {
        for (int to = 0; to < STEPS; to++) {
            const bool meets = !(from == OLD && to == NEW) && !(from == NEW && to == OLD);
            node_link_t link;
            node_open (&web, &godwit__zmtp_driver, of_web[from], HOST);
            node_open (&shop, &godwit__zmtp_driver, of_shop[to], HOST);
            node_link_open (&link, &web, shop.at.links[1]);
            NODES_AWAIT (link.ups || link.downs);
            cr_assert_eq (link.ups, meets ? 1 : 0, "%d, %d: %s", from, to, link.reason);
            cr_assert (meets ||
                       strcmp (link.reason, "closed in the handshake: another realm, or not Godwit") == 0);
            node_link_close (&link);
            node_subscribe (&shop, 1);
            if (meets) {
                MUST (web.driver->ops->publisher_connect (web.publisher, shop.at.fanout, &error));
                NODES_AWAIT (web.news);
            }
            node_close (&web);
            node_close (&shop);
        }
    }
}

static size_t
count (const char *text, const char *part)
{
    size_t found = 0;
    for (const char *at = text; (at = strstr (at, part)); at += strlen (part))
        found++;
    return found;
}

/* The first connection finds out which door it is, at the price of one that is closed; all others know. */
Test (zmtp_doors, the_door_that_has_opened_is_tried_first_the_next_time)
{
    node_link_t link;
    issue_all ();
    node_open (&web, &godwit__zmtp_driver, of_web[OLD_NEW], HOST);
    node_open (&shop, &godwit__zmtp_driver, of_shop[NEW], HOST);
    for (int i = 0; i < 5; i++) {
        node_link_open (&link, &web, shop.at.links[1]);
        NODES_AWAIT (link.ups);
        node_link_close (&link);
        /* Through the private folder there is no door. */
        node_link_open (&link, &web, shop.at.links[0]);
        NODES_AWAIT (link.ups);
        node_link_close (&link);
    }
    cr_assert_eq (count (shop.log, "it knocked at another door"), 1u, "%s", shop.log);
    node_close (&web);
    node_close (&shop);
}

/* A process takes the new doors over without a start; what is open stays so. */
Test (zmtp_doors, are_changed_while_connections_are_open)
{
    node_link_t old, young;
    issue_all ();
    node_open (&web, &godwit__zmtp_driver, of_web[OLD], HOST);
    node_open (&shop, &godwit__zmtp_driver, of_shop[OLD_NEW], HOST);
    node_link_open (&old, &web, shop.at.links[1]);
    NODES_AWAIT (old.ups);
    cr_assert_eq (rename (of_web[NEW], of_web[OLD]), 0);
    node_look (&web);
    node_link_open (&young, &web, shop.at.links[1]);
    NODES_AWAIT (young.ups);
    node_send (old.channel, 0, "still here");
    NODES_AWAIT (shop.received);
    cr_assert_str_eq (shop.last, "still here");
    cr_assert_eq (old.downs + young.downs, 0);
    node_link_close (&old);
    node_link_close (&young);
    node_close (&web);
    node_close (&shop);
}
