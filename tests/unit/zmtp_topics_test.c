/* SPDX-License-Identifier: Apache-2.0 */
/* Publications go only to those whose certificate may serve the topic, whatever they subscribe to. */
#include "tests/support/must.h"
#include "tests/support/realm_nodes.h"

#include <stdio.h>
#include <string.h>

#define HOST "127.0.0.1"

enum { BILLING = 1, SHOP, UNNAMED };

static godwit__test_realm_t *files;
static node_t publisher, billing, shop;

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

TestSuite (zmtp_topics, .init = set_up, .fini = tear_down, .timeout = 120);

static const char *
issue_billing (const char *right)
{
    return godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "billing", .rights = {right}));
}

static const char *
issue_shop (void)
{
    return godwit__test_realm_issue (files,
                                     GODWIT__TEST_MEMBER (.name = "shop", .rights = {"serve godwit/*"}));
}

/* "billing" may serve one topic, "shop" all of the exchange; both want all there is. */
static void
open_all (void)
{
    node_open (&publisher, &godwit__zmtp_driver,
               godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "publisher")), HOST);
    node_open (&billing, &godwit__zmtp_driver, issue_billing ("serve godwit/billing"), HOST);
    node_open (&shop, &godwit__zmtp_driver, issue_shop (), HOST);
    for (unsigned key = BILLING; key <= UNNAMED; key++) {
        node_subscribe (&billing, key);
        node_subscribe (&shop, key);
    }
    const godwit__driver_ops_t *const ops = publisher.driver->ops;
    MUST (ops->publisher_connect (publisher.publisher, billing.at.fanout, &error));
    MUST (ops->publisher_connect (publisher.publisher, shop.at.fanout, &error));
    NODES_AWAIT (publisher.news == 6);
}

static void
close_all (void)
{
    node_close (&publisher);
    node_close (&billing);
    node_close (&shop);
}

/* Publishes, and returns who got it, as bits: 1 billing, 2 shop. What is published with the key of the topic
 * that both may have comes behind it, and tells that nothing else will. */
static int
receivers (unsigned key)
{
    static unsigned number;
    char text[32], end[32];
    snprintf (text, sizeof text, "%u", ++number);
    snprintf (end, sizeof end, "end of %u", number);
    const size_t of_billing = billing.received, of_shop = shop.received;
    cr_assert (node_publish (&publisher, key, text));
    cr_assert (node_publish (&publisher, BILLING, end));
    NODES_AWAIT (strcmp (billing.last, end) == 0 && strcmp (shop.last, end) == 0);
    return (billing.received - of_billing == 2 ? 1 : 0) | (shop.received - of_shop == 2 ? 2 : 0);
}

Test (zmtp_topics, are_what_a_certificate_may_serve)
{
    open_all ();
    node_name (&publisher, BILLING, "godwit", "billing");
    node_name (&publisher, SHOP, "godwit", "shop");
    cr_assert_eq (receivers (BILLING), 3);
    cr_assert_eq (receivers (SHOP), 2);
    cr_assert_eq (receivers (UNNAMED), 0, "a key without a name goes nowhere");
    node_name (&publisher, UNNAMED, "other", "shop");
    cr_assert_eq (receivers (UNNAMED), 0, "and nobody may serve this one");
    node_name (&publisher, BILLING, "godwit", "another");
    cr_assert_eq (receivers (BILLING), 3, "the first name counts");
    close_all ();
}

Test (zmtp_topics, may_be_named_before_anybody_subscribes)
{
    node_open (&publisher, &godwit__zmtp_driver,
               godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "publisher")), HOST);
    node_name (&publisher, BILLING, "godwit", "billing");
    node_name (&publisher, SHOP, "godwit", "shop");
    node_open (&billing, &godwit__zmtp_driver, issue_billing ("serve godwit/billing"), HOST);
    node_open (&shop, &godwit__zmtp_driver, issue_shop (), HOST);
    MUST (publisher.driver->ops->publisher_connect (publisher.publisher, billing.at.fanout, &error));
    MUST (publisher.driver->ops->publisher_connect (publisher.publisher, shop.at.fanout, &error));
    for (unsigned key = BILLING; key <= SHOP; key++) {
        node_subscribe (&billing, key);
        node_subscribe (&shop, key);
    }
    NODES_AWAIT (publisher.news == 4);
    cr_assert_eq (receivers (BILLING), 3);
    cr_assert_eq (receivers (SHOP), 2);
    close_all ();
}

/* A new certificate with other rights counts at once. */
Test (zmtp_topics, are_others_after_a_certificate_was_renewed)
{
    open_all ();
    node_name (&publisher, BILLING, "godwit", "billing");
    node_name (&publisher, SHOP, "godwit", "shop");
    cr_assert_eq (receivers (SHOP), 2);
    issue_billing ("serve godwit/*");
    node_look (&billing);
    for (int i = 0; receivers (SHOP) != 3; i++)
        cr_assert_lt (i, 1000);
    issue_billing ("serve godwit/billing");
    node_look (&billing);
    for (int i = 0; receivers (SHOP) != 2; i++)
        cr_assert_lt (i, 1000);
    close_all ();
}

/* From the moment that the publisher knows of it, not only when the connection ends. */
Test (zmtp_topics, are_none_for_who_was_revoked)
{
    open_all ();
    node_name (&publisher, BILLING, "godwit", "billing");
    cr_assert_eq (receivers (BILLING), 3);
    godwit__test_realm_revoke (files, "shop");
    godwit__test_realm_put_bulletin (files, "publisher");
    node_look (&publisher);
    godwit__reactor_run_once (publisher.reactor, 0);
    const size_t before = shop.received;
    cr_assert (node_publish (&publisher, BILLING, "a secret"));
    NODES_AWAIT (strcmp (billing.last, "a secret") == 0);
    NODES_AWAIT (node_says (&shop, "refused us: revoked"));
    cr_assert_eq (shop.received, before);
    close_all ();
}

/* And a publisher that was revoked is not heard. */
Test (zmtp_topics, of_a_publisher_that_was_revoked_are_not_taken)
{
    open_all ();
    node_name (&publisher, BILLING, "godwit", "billing");
    cr_assert_eq (receivers (BILLING), 3);
    godwit__test_realm_revoke (files, "publisher");
    godwit__test_realm_put_bulletin (files, "shop");
    node_look (&shop);
    godwit__reactor_run_once (shop.reactor, 0);
    const size_t before = shop.received;
    cr_assert (node_publish (&publisher, BILLING, "a lie"));
    NODES_AWAIT (strcmp (billing.last, "a lie") == 0);
    NODES_AWAIT (node_says (&publisher, "refused us: revoked"));
    cr_assert_eq (shop.received, before);
    close_all ();
}
