/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses from which handshakes were refused wait for a second; but not where somebody was let in. */
#include "drivers/zmtp/refusals.h"
#include "tests/support/realm_nodes.h"
#include "tests/support/zmtp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define S (INT64_C (1000) * GODWIT__NS_PER_MS)

static godwit__zmtp_peer_t
peer_at (const char *host)
{
    godwit__zmtp_peer_t peer = {.family = strchr (host, ':') ? AF_INET6 : AF_INET};
    cr_assert_eq (inet_pton (peer.family, host, &peer.of), 1, "%s", host);
    return peer;
}

/* One is refused, and has to wait if that was one too many. */
static bool
refuse (godwit__zmtp_refusals_t *refusals, const godwit__zmtp_peer_t *peer, int64_t now_ns)
{
    const bool is_too_often = godwit__zmtp_refusals_note (refusals, peer, now_ns);
    if (is_too_often)
        godwit__zmtp_refusals_hold (refusals, peer, now_ns);
    return is_too_often;
}

Test (zmtp_refusal_delay, three_within_ten_seconds_make_an_address_wait_for_one)
{
    godwit__zmtp_refusals_t refusals;
    const godwit__zmtp_peer_t peer = peer_at ("10.0.0.9"), other = peer_at ("10.0.0.8");
    godwit__zmtp_refusals_init (&refusals);
    cr_assert (!refuse (&refusals, &peer, 0));
    cr_assert (!refuse (&refusals, &peer, 1));
    cr_assert (!godwit__zmtp_refusals_waits (&refusals, &peer, 1));
    cr_assert (refuse (&refusals, &peer, 10 * S - 1));
    cr_assert (godwit__zmtp_refusals_waits (&refusals, &peer, 10 * S - 1));
    cr_assert (godwit__zmtp_refusals_waits (&refusals, &peer, 11 * S - 2));
    cr_assert (!godwit__zmtp_refusals_waits (&refusals, &peer, 11 * S - 1), "for a second");
    cr_assert (!godwit__zmtp_refusals_waits (&refusals, &other, 10 * S));
    cr_assert (!refuse (&refusals, &peer, 11 * S), "the first two are too old");
    cr_assert (refuse (&refusals, &peer, 12 * S), "the third, the fourth and the fifth");
    cr_assert (godwit__zmtp_refusals_waits (&refusals, &peer, 13 * S - 1));
    godwit__zmtp_refusals_release (&refusals);
}

/* Otherwise a stranger, who tries all the time, would leave a host behind the same address no time to come.
 */
Test (zmtp_refusal_delay, between_two_waits_an_address_is_open)
{
    godwit__zmtp_refusals_t refusals;
    const godwit__zmtp_peer_t peer = peer_at ("10.0.0.9");
    godwit__zmtp_refusals_init (&refusals);
    for (int64_t i = 0; i < 3; i++)
        refuse (&refusals, &peer, 0);
    cr_assert (godwit__zmtp_refusals_waits (&refusals, &peer, S - 1));
    for (int64_t i = 0; i < 100; i++)
        cr_assert (!refuse (&refusals, &peer, S + i));
    cr_assert (!refuse (&refusals, &peer, S + S / 4 - 1));
    cr_assert (!godwit__zmtp_refusals_waits (&refusals, &peer, S + S / 4 - 1));
    cr_assert (refuse (&refusals, &peer, S + S / 4), "and then it waits again");
    cr_assert (godwit__zmtp_refusals_waits (&refusals, &peer, 2 * S + S / 4 - 1));
    godwit__zmtp_refusals_release (&refusals);
}

Test (zmtp_refusal_delay, refusals_that_come_slowly_make_nobody_wait)
{
    godwit__zmtp_refusals_t refusals;
    const godwit__zmtp_peer_t peer = peer_at ("10.0.0.9");
    godwit__zmtp_refusals_init (&refusals);
    for (int64_t i = 0; i < 100; i++)
        cr_assert (!refuse (&refusals, &peer, 5 * S * i));
    godwit__zmtp_refusals_release (&refusals);
}

Test (zmtp_refusal_delay, who_was_let_in_ends_the_wait)
{
    godwit__zmtp_refusals_t refusals;
    const godwit__zmtp_peer_t peer = peer_at ("10.0.0.9");
    godwit__zmtp_refusals_init (&refusals);
    for (int64_t i = 0; i < 3; i++)
        refuse (&refusals, &peer, i);
    cr_assert (godwit__zmtp_refusals_waits (&refusals, &peer, 3));
    godwit__zmtp_refusals_forgive (&refusals, &peer);
    cr_assert (!godwit__zmtp_refusals_waits (&refusals, &peer, 3));
    godwit__zmtp_refusals_release (&refusals);
}

Test (zmtp_refusal_delay, an_address_is_what_one_host_has)
{
    static const struct {
        const char *a, *b;
        bool is_same;
    } rows[] = {
        {"10.0.0.9", "10.0.0.9", true},
        {"10.0.0.9", "10.0.0.10", false},
        {"10.0.0.9", "::ffff:10.0.0.9", true},
        {"::ffff:10.0.0.9", "::ffff:10.0.0.10", false},
        {"2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true},
        {"2001:db8:0:1::1", "2001:db8:0:2::1", false},
        {"::1", "0.0.0.0", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const godwit__zmtp_peer_t a = peer_at (rows[i].a), b = peer_at (rows[i].b);
        cr_assert_eq (godwit__zmtp_refusals_same (&a, &b), rows[i].is_same, "%s, %s", rows[i].a, rows[i].b);
    }
    const godwit__zmtp_peer_t local = {.family = AF_UNIX};
    cr_assert (!godwit__zmtp_refusals_same (&local, &local), "a socket of this host has none");
}

Test (zmtp_refusal_delay, only_so_many_addresses_are_remembered)
{
    godwit__zmtp_refusals_t refusals;
    const godwit__zmtp_peer_t first = peer_at ("10.0.0.1"), local = {.family = AF_UNIX};
    godwit__zmtp_refusals_init (&refusals);
    for (int64_t i = 0; i < 3; i++) {
        refuse (&refusals, &first, i);
        cr_assert (!refuse (&refusals, &local, i));
    }
    for (uint32_t i = 0; i < GODWIT__ZMTP_REFUSALS_MAX - 1; i++) {
        const godwit__zmtp_peer_t peer = {.family = AF_INET, .of.in.s_addr = htonl (0x0b000000 + i)};
        refuse (&refusals, &peer, 3);
    }
    cr_assert (godwit__zmtp_refusals_waits (&refusals, &first, 4));
    const godwit__zmtp_peer_t one_more = peer_at ("12.0.0.1");
    refuse (&refusals, &one_more, 4);
    cr_assert_eq (refusals.hosts.count, (size_t) GODWIT__ZMTP_REFUSALS_MAX);
    cr_assert (!godwit__zmtp_refusals_waits (&refusals, &first, 4), "the oldest one is forgotten");
    godwit__zmtp_refusals_release (&refusals);
}

Test (zmtp_refusal_delay, there_is_one_warning_a_minute)
{
    godwit__zmtp_refusals_t refusals;
    godwit__zmtp_refusals_init (&refusals);
    cr_assert (godwit__zmtp_refusals_warns (&refusals, 0));
    cr_assert (!godwit__zmtp_refusals_warns (&refusals, 60 * S - 1));
    cr_assert (godwit__zmtp_refusals_warns (&refusals, 60 * S));
    godwit__zmtp_refusals_release (&refusals);
}

/* ---- with a port ---- */

static godwit__test_realm_t *files;
static node_t web, shop;

static void
open_port (const char *member)
{
    nodes_begin ();
    files = godwit__test_realm_new (1);
    const char *const path = godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "shop"));
    node_open (&shop, &godwit__zmtp_driver, member ? path : NULL, "127.0.0.1");
}

static void
close_port (void)
{
    node_close (&shop);
    godwit__test_realm_destroy (&files);
    nodes_end ();
}

/* Waits until the other side hangs up; returns whether it has said anything. */
static bool
is_greeted (int fd)
{
    bool greeted = false;
    char room[256];
    for (ssize_t count = -1; count != 0; nodes_turn ()) {
        count = recv (fd, room, sizeof room, MSG_DONTWAIT);
        greeted = greeted || count > 0;
        if (count < 0 && errno == ECONNRESET)
            break;
    }
    close (fd);
    return greeted;
}

/* A stranger comes, and is refused; or it is closed before it has said anything. */
static bool
come_as_stranger (int way)
{
    const int fd = zmtp_connect (shop.at.links[way]);
    cr_assert_geq (fd, 0);
    cr_assert (zmtp_write (fd, "GET / HTTP/1.1\r\n", 16));
    return is_greeted (fd);
}

Test (zmtp_refusal_delay, strangers_are_closed_at_once_after_the_third, .timeout = 60)
{
    open_port ("shop");
    for (int i = 0; i < 3; i++)
        cr_assert (come_as_stranger (1));
    const uint64_t before = NODE_COUNTER (&shop, refused);
    const int64_t begun_ns = nodes_now_ns ();
    cr_assert (!come_as_stranger (1));
    cr_assert_eq (NODE_COUNTER (&shop, refused), before + 1);
    cr_assert (node_says (&shop, " was refused for the third time within 10 s"), "%s", shop.log);
    while (!come_as_stranger (1))
        ;
    const int64_t took_ns = nodes_now_ns () - begun_ns;
    cr_assert (took_ns > S / 2 && took_ns < 5 * S, "%ld ms", (long) (took_ns / GODWIT__NS_PER_MS));
    cr_assert (come_as_stranger (0) && come_as_stranger (0), "the private folder has no strangers");
    close_port ();
}

Test (zmtp_refusal_delay, where_a_member_is_nobody_waits, .timeout = 60)
{
    node_link_t link;
    open_port ("shop");
    node_open (&web, &godwit__zmtp_driver,
               godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "web")), NULL);
    node_link_open (&link, &web, shop.at.links[1]);
    NODES_AWAIT (link.ups);
    for (int i = 0; i < 10; i++)
        cr_assert (come_as_stranger (1), "%d", i);
    node_link_close (&link);
    node_close (&web);
    NODES_AWAIT (!come_as_stranger (1));
    close_port ();
}

static node_link_t knock;

static void
connect_again (void)
{
    knock = (node_link_t){.ups = 0};
    node_link_open (&knock, &web, shop.at.links[1]);
    NODES_AWAIT (knock.downs || knock.ups);
}

/* A member that is refused tries again, and is closed at once: why it was refused is still told. */
Test (zmtp_refusal_delay, who_waits_knows_why, .timeout = 60)
{
    static const char silent[] = "closed at once; before that it refused us: revoked";
    open_port ("shop");
    node_open (&web, &godwit__zmtp_driver,
               godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "web")), NULL);
    godwit__test_realm_revoke (files, "web");
    godwit__test_realm_put_bulletin (files, "shop");
    node_look (&shop);
    for (int i = 0; i < 10; i++) {
        connect_again ();
        cr_assert_str_eq (knock.reason, i < 3 ? "refused us: revoked" : silent);
        node_link_close (&knock);
    }
    /* It gets another certificate, and is let in; what was before is over. */
    godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "web"));
    node_look (&web);
    for (connect_again (); !knock.ups; connect_again ()) {
        cr_assert_str_eq (knock.reason, silent);
        node_link_close (&knock);
    }
    node_link_close (&knock);
    node_close (&web);
    close_port ();
}

Test (zmtp_refusal_delay, without_a_realm_nobody_waits, .timeout = 60)
{
    open_port (NULL);
    for (int i = 0; i < 10; i++)
        cr_assert (come_as_stranger (1), "%d", i);
    close_port ();
}
