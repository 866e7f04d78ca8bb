/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's connections in a realm: who is at the other end, who is not let in, who is let in no longer,
 * and what both logs say. Over tcp, and through the private folder. */
#include "tests/support/must.h"
#include "tests/support/realm_nodes.h"

#include <stdio.h>
#include <string.h>

#define HOST "127.0.0.1"
#define MS GODWIT__NS_PER_MS
#define AN_HOUR INT64_C (3600)

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

TestSuite (zmtp_party, .init = set_up, .fini = tear_down, .timeout = 120);

static void
open_member (node_t *node, const char *name, uint64_t serial)
{
    const char *const path =
        godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = name, .serial = serial));
    node_open (node, &godwit__zmtp_driver, path, HOST);
}

static void
open_both (void)
{
    open_member (&web, "web", 0x7f3a);
    open_member (&shop, "shop", 0x7f3b);
}

static void
close_both (void)
{
    node_close (&web);
    node_close (&shop);
}

/* The addresses of a node: 0 is in the private folder, 1 is tcp. */
static const char *
address_of (const node_t *node, int way)
{
    const char *const address = node->at.links[way];
    cr_assert (strncmp (address, way ? "tcp://" : "ipc://", 6) == 0, "%s", address);
    return address;
}

static void
connect_to (const char *address)
{
    node_link_open (&link, &web, address);
    NODES_AWAIT (link.ups || link.downs);
}

/* ---- let in ---- */

Test (zmtp_party, each_end_knows_who_is_at_the_other)
{
    open_both ();
    for (int way = 0; way < 2; way++) {
        connect_to (address_of (&shop, way));
        cr_assert_eq (link.ups, 1, "%s", link.reason);
        cr_assert_str_eq (node_link_party (&link), "shop");
        node_send (link.channel, 0, "hello");
        const size_t before = shop.received;
        NODES_AWAIT (shop.received > before);
        cr_assert_str_eq (shop.sender, "web");
        node_send (shop.port, shop.from, "yes?");
        NODES_AWAIT (link.received);
        cr_assert_str_eq (link.last, "yes?");
        node_link_close (&link);
    }
    cr_assert_str_eq (web.log, "");
    cr_assert_str_eq (shop.log, "");
    close_both ();
}

Test (zmtp_party, publications_say_who_publishes)
{
    for (int way = 0; way < 2; way++) {
        open_member (&web, "web", 1);
        node_open (&shop, &godwit__zmtp_driver,
                   godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "shop")), way ? HOST : NULL);
        node_subscribe (&shop, 7);
        node_name (&web, 7, "godwit", "shop");
        cr_assert_eq (strncmp (shop.at.fanout, way ? "tcp:" : "ipc:", 4), 0);
        MUST (web.driver->ops->publisher_connect (web.publisher, shop.at.fanout, &error));
        NODES_AWAIT (web.news == 1);
        cr_assert (node_publish (&web, 7, "news"));
        NODES_AWAIT (shop.received == 1);
        cr_assert_str_eq (shop.last, "news");
        cr_assert_str_eq (shop.sender, "web");
        cr_assert_eq (shop.from, GODWIT__ROUTING_ID_FANOUT);
        close_both ();
    }
}

Test (zmtp_party, a_process_without_a_realm_has_no_parties)
{
    node_open (&web, &godwit__zmtp_driver, NULL, HOST);
    connect_to (address_of (&web, 1));
    node_send (link.channel, 0, "hello");
    NODES_AWAIT (web.received);
    cr_assert (web.sender[0] == '\0' && node_link_party (&link)[0] == '\0');
    node_link_close (&link);
    node_close (&web);
}

/* ---- not let in ---- */

/* The port refuses "web": both logs say it, with address and name. */
static void
expect_refused_by_port (int way, const char *word, const char *text)
{
    char line[GODWIT__ADDRESS_SIZE + 64];
    const uint64_t before = NODE_COUNTER (&shop, refused);
    const char *const address = address_of (&shop, way);
    connect_to (address);
    cr_assert (link.downs == 1 && link.ups == 0);
    snprintf (line, sizeof line, "refused us: %s", word);
    cr_assert_str_eq (link.reason, line);
    snprintf (line, sizeof line, "%s refused us: %s\n", address, word);
    cr_assert (node_says (&web, line), "%s", web.log);
    snprintf (line, sizeof line, " at %s: %s\n", address, text);
    NODES_AWAIT (node_says (&shop, line));
    cr_assert (node_says (&shop, way ? "ended from 127.0.0.1:" : "ended from process "), "%s", shop.log);
    cr_assert_eq (NODE_COUNTER (&shop, refused), before + 1);
    node_link_close (&link);
}

Test (zmtp_party, a_port_refuses_who_was_revoked)
{
    open_both ();
    godwit__test_realm_revoke (files, "web");
    godwit__test_realm_put_bulletin (files, "shop");
    node_look (&shop);
    for (int way = 0; way < 2; way++)
        expect_refused_by_port (way, "revoked", "certificate \"web\" (serial 7f3a) was revoked");
    close_both ();
}

Test (zmtp_party, a_port_refuses_whose_time_is_over)
{
    open_both ();
    shop.ahead_s = AN_HOUR * 24 * 365 * 2;
    for (int way = 0; way < 2; way++)
        expect_refused_by_port (way, "expired", "certificate \"web\" (serial 7f3a) has ended");
    shop.ahead_s = -2 * AN_HOUR;
    for (int way = 0; way < 2; way++)
        expect_refused_by_port (way, "not-yet-valid",
                                "certificate \"web\" (serial 7f3a): its process proof lasts for more than "
                                "24 hours: compare the clocks");
    close_both ();
}

Test (zmtp_party, a_port_refuses_another_realm)
{
    godwit__test_realm_t *foreign = godwit__test_realm_foreign (files, 9);
    node_open (&web, &godwit__zmtp_driver,
               godwit__test_realm_issue (foreign, GODWIT__TEST_MEMBER (.name = "web", .serial = 7)), HOST);
    open_member (&shop, "shop", 8);
    for (int way = 0; way < 2; way++)
        expect_refused_by_port (way, "wrong-realm", "certificate \"web\" (serial 7) is of another realm");
    close_both ();
    godwit__test_realm_destroy (&foreign);
}

/* The link refuses "shop", which has let it in: it hangs up when it has read why. */
Test (zmtp_party, a_link_refuses_who_was_revoked_and_both_ends_say_so)
{
    char line[GODWIT__ADDRESS_SIZE + 128];
    const char *const text = "certificate \"shop\" (serial 7f3b) was revoked";
    open_both ();
    godwit__test_realm_revoke (files, "shop");
    godwit__test_realm_put_bulletin (files, "web");
    node_look (&web);
    for (int way = 0; way < 2; way++) {
        const uint64_t before = NODE_COUNTER (&web, refused);
        connect_to (address_of (&shop, way));
        cr_assert (link.downs == 1 && link.ups == 0);
        cr_assert_str_eq (link.reason, text);
        snprintf (line, sizeof line, "%s: %s\n", address_of (&shop, way), text);
        cr_assert (node_says (&web, line), "%s", web.log);
        snprintf (line, sizeof line, " at %s: refused us: revoked\n", address_of (&shop, way));
        NODES_AWAIT (node_says (&shop, line));
        cr_assert_eq (NODE_COUNTER (&web, refused), before + 1);
        node_link_close (&link);
    }
    close_both ();
}

/* In each direction, on each way: the reason is there at both ends, and it is the same. */
Test (zmtp_party, who_has_no_realm_and_who_has_one_do_not_meet)
{
    for (int way = 0; way < 2; way++) {
        for (int has = 0; has < 2; has++) {
            const char *const member =
                godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "member"));
            node_open (&web, &godwit__zmtp_driver, has ? member : NULL, HOST);
            node_open (&shop, &godwit__zmtp_driver, has ? NULL : member, HOST);
            connect_to (address_of (&shop, way));
            cr_assert (link.downs == 1 && link.ups == 0);
            cr_assert (strstr (link.reason, "no-certificate"), "%s", link.reason);
            NODES_AWAIT (strstr (shop.log, way   ? "no-certificate"
                                           : has ? "it has a realm, and this process has none"
                                                 : "it has no certificate"));
            node_link_close (&link);
            close_both ();
        }
    }
}

Test (zmtp_party, a_door_of_another_realm_stays_shut)
{
    char line[GODWIT__ADDRESS_SIZE + sizeof link.reason];
    godwit__test_realm_t *other = godwit__test_realm_new (2);
    node_open (&web, &godwit__zmtp_driver,
               godwit__test_realm_issue (other, GODWIT__TEST_MEMBER (.name = "web")), HOST);
    open_member (&shop, "shop", 8);
    connect_to (address_of (&shop, 1));
    cr_assert_str_eq (link.reason, "closed in the handshake: another realm, or not Godwit");
    snprintf (line, sizeof line, "%s: %s\n", address_of (&shop, 1), link.reason);
    cr_assert (node_says (&web, line), "%s", web.log);
    NODES_AWAIT (node_says (&shop, "it knocked at another door"));
    node_link_close (&link);
    close_both ();
    godwit__test_realm_destroy (&other);
}

/* ---- no longer let in ---- */

static void
expect_half_a_second (int64_t from_ns, int64_t to_ns)
{
    cr_assert_geq (to_ns - from_ns, 490 * MS); /* it begins just before that is told */
    cr_assert_lt (to_ns - from_ns, 5000 * MS, "%ld ms", (long) ((to_ns - from_ns) / MS));
}

/* Who becomes void is the one that connected. */
static void
expect_port_ends_it (int way, const char *word, const char *text)
{
    char line[GODWIT__ADDRESS_SIZE + 128];
    const int64_t begun_ns = nodes_now_ns ();
    const size_t before = shop.received;
    for (int i = 0; i < 20; i++)
        nodes_turn ();
    node_send (link.channel, 0, "let me in");
    NODES_AWAIT (shop.received > before);
    cr_assert_str_eq (shop.sender, "", "its certificate counts no more");
    node_send (shop.port, shop.from, "an answer");
    NODES_AWAIT (strcmp (link.last, "an answer") == 0);
    NODES_AWAIT (link.downs);
    expect_half_a_second (begun_ns, link.down_ns);
    snprintf (line, sizeof line, "refused us: %s", word);
    cr_assert_str_eq (link.reason, line);
    snprintf (line, sizeof line, "%s refused us: %s\n", address_of (&shop, way), word);
    cr_assert (node_says (&web, line), "%s", web.log);
    snprintf (line, sizeof line, " at %s: %s\n", address_of (&shop, way), text);
    NODES_AWAIT (node_says (&shop, line));
    node_link_close (&link);
    connect_to (address_of (&shop, way));
    snprintf (line, sizeof line, "refused us: %s", word);
    cr_assert_str_eq (link.reason, line);
    node_link_close (&link);
}

static void
talk (int way)
{
    const size_t before = shop.received;
    connect_to (address_of (&shop, way));
    cr_assert_eq (link.ups, 1, "%s", link.reason);
    node_send (link.channel, 0, "hello");
    NODES_AWAIT (shop.received > before);
}

Test (zmtp_party, a_port_ends_the_connections_of_who_is_revoked)
{
    for (int way = 0; way < 2; way++) {
        open_member (&web, "web", 0x7f3a + (uint64_t) way);
        open_member (&shop, "shop", 1);
        talk (way);
        godwit__test_realm_revoke (files, "web");
        godwit__test_realm_put_bulletin (files, "shop");
        node_look (&shop);
        expect_port_ends_it (way, "revoked",
                             way ? "certificate \"web\" (serial 7f3b) was revoked"
                                 : "certificate \"web\" (serial 7f3a) was revoked");
        close_both ();
    }
}

/* The clock of the one that has let in comes to the end of the other's certificate. */
Test (zmtp_party, a_port_ends_the_connections_of_whose_time_is_over)
{
    for (int way = 0; way < 2; way++) {
        const int64_t until = (int64_t) time (NULL) + AN_HOUR;
        const char *const path = godwit__test_realm_issue (
            files, GODWIT__TEST_MEMBER (.name = "web", .serial = 7, .until = until));
        node_open (&web, &godwit__zmtp_driver, path, HOST);
        open_member (&shop, "shop", 8);
        shop.ahead_s = AN_HOUR + GODWIT__CLOCK_SKEW_S - 2;
        talk (way);
        shop.ahead_s += 10;
        const int64_t begun_ns = nodes_now_ns ();
        NODES_AWAIT (link.downs);
        expect_half_a_second (begun_ns, link.down_ns);
        cr_assert_str_eq (link.reason, "refused us: expired");
        NODES_AWAIT (node_says (&shop, "certificate \"web\" (serial 7) has ended\n"));
        node_link_close (&link);
        close_both ();
    }
}

/* Who becomes void is the one that listens. */
Test (zmtp_party, a_link_tells_that_its_server_is_void_and_goes_down)
{
    char line[GODWIT__ADDRESS_SIZE + 128];
    for (int way = 0; way < 2; way++) {
        open_member (&web, "web", 1);
        open_member (&shop, "shop", 0x7f3a + (uint64_t) way);
        talk (way);
        godwit__test_realm_revoke (files, "shop");
        godwit__test_realm_put_bulletin (files, "web");
        node_look (&web);
        NODES_AWAIT (link.voids);
        const char *const text = way ? "certificate \"shop\" (serial 7f3b) was revoked"
                                     : "certificate \"shop\" (serial 7f3a) was revoked";
        cr_assert (link.voids == 1 && link.downs == 0);
        cr_assert_str_eq (link.reason, text);
        node_send (shop.port, shop.from, "an answer");
        NODES_AWAIT (link.received);
        NODES_AWAIT (link.downs);
        expect_half_a_second (link.voided_ns, link.down_ns);
        cr_assert_str_eq (link.reason, text);
        snprintf (line, sizeof line, "%s: %s\n", address_of (&shop, way), text);
        cr_assert (node_says (&web, line), "%s", web.log);
        snprintf (line, sizeof line, " at %s: refused us: revoked\n", address_of (&shop, way));
        NODES_AWAIT (node_says (&shop, line));
        node_link_close (&link);
        connect_to (address_of (&shop, way));
        cr_assert (link.ups == 0 && strcmp (link.reason, text) == 0);
        node_link_close (&link);
        close_both ();
    }
}

/* ---- renewed ---- */

/* The link sends until what the port knows of the sender is another thing. */
#define HEAR_AGAIN_UNTIL(condition_)                                                                         \
    for (int i_ = 0; !(condition_); i_++) {                                                                  \
        const size_t before_ = shop.received;                                                                \
        node_send (link.channel, 0, "and on");                                                               \
        NODES_AWAIT (shop.received > before_);                                                               \
        cr_assert_lt (i_, 1000, "it never comes: %s", #condition_);                                          \
    }

Test (zmtp_party, a_renewed_credential_reaches_all_open_connections)
{
    for (int way = 0; way < 2; way++) {
        open_both ();
        talk (way);
        cr_assert_eq (shop.serial, 0x7f3au);
        godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "web", .serial = 0x8000));
        node_look (&web);
        HEAR_AGAIN_UNTIL (shop.serial == 0x8000u);
        godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "shop", .serial = 0x8001));
        node_look (&shop);
        NODES_AWAIT (link.renewals == 1);
        godwit__party_t *party = godwit__channel_party (link.channel);
        cr_assert (party && party->certificate.serial == 0x8001u);
        godwit__party_unref (&party);
        cr_assert_eq (link.downs + link.voids, 0);
        cr_assert (!web.log[0] && !shop.log[0]);
        node_link_close (&link);
        close_both ();
    }
}

/* The process proof is renewed after half a day, and the certificate stays the same. */
Test (zmtp_party, a_renewed_proof_is_sent_and_the_old_one_does_not_end_anything)
{
    open_both ();
    talk (1);
    web.ahead_s = shop.ahead_s = 13 * AN_HOUR;
    node_look (&shop);
    NODES_AWAIT (link.renewals == 1);
    const int64_t first_until = shop.until;
    node_look (&web);
    HEAR_AGAIN_UNTIL (shop.until > first_until);
    cr_assert_geq (shop.until, first_until + 12 * AN_HOUR);
    web.ahead_s = shop.ahead_s = 25 * AN_HOUR; /* the first proof has ended */
    godwit__test_realm_revoke_serial (files, 99);
    godwit__test_realm_put_bulletin (files, "shop");
    node_look (&shop); /* it checks all */
    NODES_AWAIT (godwit__realm_bulletin_number (web.realm) == 1);
    node_send (link.channel, 0, "tomorrow");
    NODES_AWAIT (strcmp (shop.last, "tomorrow") == 0);
    cr_assert_eq (link.downs + link.voids, 0, "%s", link.reason);
    node_link_close (&link);
    close_both ();
}

/* A new certificate that the other end does not let in: it says so, and the connection ends at once. */
Test (zmtp_party, a_renewed_credential_that_is_not_let_in_costs_the_connection)
{
    for (int way = 0; way < 2; way++) {
        open_both ();
        talk (way);
        godwit__test_realm_revoke_serial (files, 0x9000);
        godwit__test_realm_put_bulletin (files, "web");
        node_look (&web);
        NODES_AWAIT (godwit__realm_bulletin_number (shop.realm) == godwit__realm_bulletin_number (web.realm));
        /* It knows that this certificate is revoked, so it does not use it; but time will tell the other. */
        godwit__test_realm_issue (
            files, GODWIT__TEST_MEMBER (.name = "shop", .serial = 0x9001, .until = time (NULL) + AN_HOUR));
        web.ahead_s = AN_HOUR + GODWIT__CLOCK_SKEW_S + 1;
        node_look (&shop);
        NODES_AWAIT (link.downs);
        cr_assert_str_eq (link.reason, "certificate \"shop\" (serial 9001) has ended");
        cr_assert_eq (link.voids, 1);
        NODES_AWAIT (node_says (&shop, "refused us: expired\n"));
        node_link_close (&link);
        close_both ();
    }
}
