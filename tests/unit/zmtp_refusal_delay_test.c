/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses from which handshakes were refused are on hold: who comes from there is let in one after the
 * other; but not where somebody was let in. */
#include "drivers/zmtp/anteroom.h"
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

/* Whether one who comes has to wait for its turn, after another one of the same address has taken one. */
static bool
waits (godwit__zmtp_refusals_t *refusals, const godwit__zmtp_peer_t *peer, int64_t now_ns)
{
    for (int i = 0; i <= GODWIT__ZMTP_REFUSALS_FEW; i++)
        if (godwit__zmtp_refusals_has_turn (refusals, peer, now_ns))
            godwit__zmtp_refusals_take_turn (refusals, peer, now_ns);
    return !godwit__zmtp_refusals_has_turn (refusals, peer, now_ns);
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
    cr_assert (!waits (&refusals, &peer, 1));
    cr_assert (refuse (&refusals, &peer, 10 * S - 1));
    cr_assert (waits (&refusals, &peer, 10 * S - 1));
    cr_assert (waits (&refusals, &peer, 11 * S - 2));
    cr_assert (!waits (&refusals, &peer, 11 * S - 1), "for a second");
    cr_assert (!waits (&refusals, &other, 10 * S));
    cr_assert (!refuse (&refusals, &peer, 11 * S), "the first two are too old");
    cr_assert (refuse (&refusals, &peer, 12 * S), "the third, the fourth and the fifth");
    cr_assert (waits (&refusals, &peer, 13 * S - 1));
    godwit__zmtp_refusals_release (&refusals);
}

Test (zmtp_refusal_delay, an_address_on_hold_has_a_hundred_turns_a_second)
{
    godwit__zmtp_refusals_t refusals;
    const godwit__zmtp_peer_t peer = peer_at ("10.0.0.9"), other = peer_at ("10.0.0.8");
    int turns = 0;
    godwit__zmtp_refusals_init (&refusals);
    for (int64_t now = 0; now < 5 * S; now += S / 2000) {
        refuse (&refusals, &peer, now); /* all the time */
        if (godwit__zmtp_refusals_has_turn (&refusals, &peer, now)) {
            godwit__zmtp_refusals_take_turn (&refusals, &peer, now);
            turns++;
        }
        cr_assert (godwit__zmtp_refusals_has_turn (&refusals, &other, now));
    }
    cr_assert (turns >= 500 && turns <= 500 + 3 + GODWIT__ZMTP_REFUSALS_FEW, "%d", turns);
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
    cr_assert (waits (&refusals, &peer, 3));
    godwit__zmtp_refusals_forgive (&refusals, &peer);
    cr_assert (!waits (&refusals, &peer, 3));
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
    cr_assert (waits (&refusals, &first, 4));
    const godwit__zmtp_peer_t one_more = peer_at ("12.0.0.1");
    refuse (&refusals, &one_more, 4);
    cr_assert_eq (refusals.hosts.count, (size_t) GODWIT__ZMTP_REFUSALS_MAX);
    cr_assert (!waits (&refusals, &first, 4), "the oldest one is forgotten");
    godwit__zmtp_refusals_release (&refusals);
}

/* So that nobody looks for a member of the address at each refusal. */
Test (zmtp_refusal_delay, where_somebody_was_let_in_refusals_do_not_count_for_a_second)
{
    godwit__zmtp_refusals_t refusals;
    const godwit__zmtp_peer_t peer = peer_at ("10.0.0.9");
    godwit__zmtp_refusals_init (&refusals);
    for (int64_t i = 0; i < 2; i++)
        cr_assert_not (godwit__zmtp_refusals_note (&refusals, &peer, i));
    cr_assert (godwit__zmtp_refusals_note (&refusals, &peer, 2));
    godwit__zmtp_refusals_spare (&refusals, &peer, 2);
    cr_assert_not (godwit__zmtp_refusals_note (&refusals, &peer, 1 + S));
    cr_assert (godwit__zmtp_refusals_note (&refusals, &peer, 2 + S));
    cr_assert_not (waits (&refusals, &peer, 2 + S));
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

/* Nobody reads them before their turn: they have been told nothing when this returns. */
static void
crowd_in (int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fds[i] = zmtp_connect (shop.at.links[1]);
        cr_assert_geq (fds[i], 0);
        cr_assert (zmtp_write (fds[i], "GET / HTTP/1.1\r\n", 16));
    }
}

Test (zmtp_refusal_delay, strangers_are_let_in_one_after_the_other_after_the_third, .timeout = 60)
{
    int fds[50];
    open_port ("shop");
    for (int i = 0; i < 3; i++)
        cr_assert (come_as_stranger (1));
    cr_assert (node_says (&shop, " was refused for the third time within 10 s"), "%s", shop.log);
    const int64_t begun_ns = nodes_now_ns ();
    crowd_in (fds, 50);
    for (size_t i = 0; i < 50; i++)
        cr_assert (is_greeted (fds[i]), "%zu", i);
    const int64_t took_ns = nodes_now_ns () - begun_ns;
    cr_assert (took_ns > S * 4 / 10 && took_ns < 10 * S, "%ld ms", (long) (took_ns / GODWIT__NS_PER_MS));
    cr_assert (come_as_stranger (0) && come_as_stranger (0), "the private folder has no strangers");
    close_port ();
}

Test (zmtp_refusal_delay, only_so_many_wait_and_those_who_hang_up_cost_no_turn, .timeout = 60)
{
    int fds[GODWIT__ZMTP_ANTEROOM_MAX / 2 + 60];
    const size_t count = sizeof fds / sizeof *fds;
    open_port ("shop");
    for (int i = 0; i < 3; i++)
        cr_assert (come_as_stranger (1));
    const uint64_t before = NODE_COUNTER (&shop, refused);
    crowd_in (fds, count);
    cr_assert (!is_greeted (fds[count - 1]), "it is closed at once");
    cr_assert_gt (NODE_COUNTER (&shop, refused), before);
    for (size_t i = 0; i + 1 < count; i++)
        close (fds[i]);
    const int64_t begun_ns = nodes_now_ns ();
    NODES_AWAIT (come_as_stranger (1)); /* at the next turn they are gone */
    const int64_t took_ns = nodes_now_ns () - begun_ns;
    cr_assert (took_ns < S, "%ld ms", (long) (took_ns / GODWIT__NS_PER_MS));
    crowd_in (fds, 20);
    nodes_turn ();
    close_port ();
    for (size_t i = 0; i < 20; i++)
        close (fds[i]);
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
    const int64_t spared_ns =
        nodes_now_ns () + S; /* and each line of a stranger would fill the log meanwhile */
    node_link_close (&link);
    node_close (&web);
    NODES_AWAIT (nodes_now_ns () > spared_ns);
    NODES_AWAIT ((come_as_stranger (1), node_says (&shop, " was refused for the third time")));
    close_port ();
}

Test (zmtp_refusal_delay, without_a_realm_nobody_waits, .timeout = 60)
{
    open_port (NULL);
    for (int i = 0; i < 10; i++)
        cr_assert (come_as_stranger (1), "%d", i);
    close_port ();
}
