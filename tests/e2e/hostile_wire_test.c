/* SPDX-License-Identifier: Apache-2.0 */
/* Attackers of a server that need no library: plain sockets that say what they like, in crowds. After and
 * during each attack all holds that tests/support/victim.h says. */
#include "tests/support/crowd.h"
#include "tests/support/victim.h"
#include "tests/support/zmtp.h"

#include <criterion/criterion.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MIB (1024 * 1024)

static victim_t victim;

static void
set_up (void)
{
    crowd_raise_limit ();
    victim_start (&victim, 0);
}

static void
look_at_victim (void)
{
    crowd_disperse ();
    victim_finish (&victim);
}

TestSuite (hostile_wire, .init = set_up, .timeout = 100);

/* A test that ends with a look at what is left of the victim. */
#define ATTACK(name_)                                                                                        \
    static void name_ (void);                                                                                \
    Test (hostile_wire, name_)                                                                               \
    {                                                                                                        \
        name_ ();                                                                                            \
        look_at_victim ();                                                                                   \
    }                                                                                                        \
    static void name_ (void)

/* It goes on while the honest client is measured, and while another one comes. */
static void
expect_no_starving (attacker_t *attacker, void (*attack) (attacker_t *), size_t count)
{
    attacker_begin (attacker, attack);
    attacker_wait (attacker, count / 4);
    victim_expect_turns (&victim);
    victim_call_anew (&victim);
    attacker_wait (attacker, count);
}

/* What the socket takes at once of it. */
static ssize_t
write_some (int fd, const void *data, size_t size)
{
    return send (fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* ---- handshakes ---- */

static void
half_open (const char *address)
{
    uint8_t greeting[ZMTP_GREETING_SIZE];
    zmtp_greeting (greeting);
    for (int i = 0; i < CROWD_MAX; i++) {
        zmtp_write (crowd_join (address), greeting, (size_t) (i % 64));
        if (i % 500 == 0)
            victim_call (&victim);
        if (i % 2500 == 1000)
            victim_call_anew (&victim);
    }
    cr_assert_lt (victim_descriptors (&victim), victim.descriptors + 1200,
                  "handshakes are limited in number");
    victim_expect_pace (&victim);
    crowd_wait_hung_up ();
}

ATTACK (five_thousand_half_open_connections_on_tcp)
{
    half_open (victim.tcp);
}

ATTACK (five_thousand_half_open_connections_on_ipc)
{
    half_open (victim.ipc);
}

static void
say_next_byte (attacker_t *attacker)
{
    uint8_t greeting[ZMTP_GREETING_SIZE];
    zmtp_greeting (greeting);
    for (size_t i = 0; i < crowd.size && attacker->count < 60; i++) /* it never comes to the end */
        write_some (crowd.fds[i], greeting + attacker->count, 1);
    attacker->count++;
    attacker_be_slow ();
}

ATTACK (slow_loris_is_hung_up_on_in_time)
{
    attacker_t attacker = {.count = 0};
    for (int i = 0; i < 400; i++)
        crowd_join (i % 2 ? victim.tcp : victim.ipc);
    attacker_begin (&attacker, say_next_byte);
    victim_expect_pace (&victim);
    crowd_wait_hung_up ();
    attacker_end (&attacker);
}

/* Whom it refuses, it tells why; he does not read it, and stays. */
ATTACK (crowds_of_those_who_are_refused)
{
    uint8_t greeting[ZMTP_GREETING_SIZE];
    static const uint8_t ready[] = "\4\x1a\5READY\xbSocket-Type\0\0\0\4REQ!";
    zmtp_greeting (greeting);
    for (int i = 0; i < 3000; i++) {
        const int fd = crowd_join (i % 2 ? victim.tcp : victim.ipc);
        zmtp_write (fd, greeting, sizeof greeting);
        zmtp_write (fd, ready, sizeof ready - 1);
    }
    cr_assert_lt (victim_descriptors (&victim), victim.descriptors + 1200, "they are limited in number");
    victim_expect_pace (&victim);
    crowd_wait_hung_up ();
}

static void
churn (attacker_t *attacker)
{
    static const struct linger at_once = {1, 0};
    uint8_t greeting[ZMTP_GREETING_SIZE];
    const int fd = zmtp_connect (attacker->count % 2 ? victim.ipc : victim.tcp);
    if (fd < 0)
        return;
    zmtp_greeting (greeting);
    switch (attacker->count / 2 % 4) {
    case 0:
        break;
    case 1:
        zmtp_write (fd, greeting, sizeof greeting);
        break;
    case 2:
        zmtp_handshake (fd, "DEALER", NULL, 0);
        break;
    case 3:
        if (zmtp_handshake (fd, "DEALER", NULL, 0))
            zmtp_send (fd, "not a frame of Godwit", 21, false);
        break;
    }
    setsockopt (fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once); /* ports are given back at once */
    close (fd);
    attacker->count++;
}

ATTACK (ten_thousand_connections_come_and_go)
{
    attacker_t attacker = {.count = 0};
    const size_t count = 10000;
    while (attacker.count < count) {
        churn (&attacker);
        if (attacker.count % 1000 == 0)
            victim_call (&victim);
    }
    victim_call_anew (&victim);
}

/* ---- after a handshake ---- */

static int
join_known (const char *address)
{
    const int fd = crowd_join (address);
    cr_assert (zmtp_handshake (fd, "DEALER", NULL, 0));
    return fd;
}

/* Identities mean nothing: who states another's gets nothing of his. */
ATTACK (routing_ids_that_are_guessed_or_taken)
{
    static const uint8_t guessed[5] = {0, 0, 0, 0, 1};
    for (int i = 0; i < 500; i++) {
        const int fd = crowd_join (i % 2 ? victim.tcp : victim.ipc);
        cr_assert (zmtp_handshake (fd, "DEALER", i % 3 ? "the same" : (const char *) guessed, i % 3 ? 8 : 5));
        victim_call (&victim);
    }
    cr_assert_eq (crowd_count_hung_up (), 0u, "each of them is somebody of his own");
    victim_expect_pace (&victim);
}

static void
send_one_byte_of_each (attacker_t *attacker)
{
    for (size_t i = 0; i < crowd.size; i++)
        write_some (crowd.fds[i], "x", 1);
    attacker->count++;
    attacker_be_slow ();
}

ATTACK (memory_grows_with_what_arrives_not_with_what_is_declared)
{
    attacker_t attacker = {.count = 0};
    for (int i = 0; i < 1000; i++)
        zmtp_send_head (join_known (i % 2 ? victim.tcp : victim.ipc), 8 * MIB);
    attacker_begin (&attacker, send_one_byte_of_each);
    victim_expect_pace (&victim);
    attacker_wait (&attacker, 10);
    if (!victim_is_sanitized ())
        cr_assert_lt (victim_growth (&victim), 48 * MIB, "8,000 MiB were declared, 10 KiB were sent: %d KiB",
                      (int) (victim_growth (&victim) / 1024));
    attacker_end (&attacker);
}

static void
flood_with_pings (attacker_t *attacker)
{
    static uint8_t pings[900 * 64];
    if (!attacker->count)
        for (size_t i = 0; i < sizeof pings; i += 9)
            memcpy (pings + i, "\4\7\4PING\0\0", 9);
    /* It waits for room; nothing is read. */
    attacker->count += zmtp_write (attacker->fd, pings, sizeof pings) ? sizeof pings / 9 : 0;
}

ATTACK (a_flood_of_pings_whose_answers_are_not_read)
{
    attacker_t attacker = {.fd = join_known (victim.tcp)};
    expect_no_starving (&attacker, flood_with_pings, 3000000);
    if (!victim_is_sanitized ())
        cr_assert_lt (victim_growth (&victim), 12 * MIB, "%zu PINGs take %d KiB", attacker.count,
                      (int) (victim_growth (&victim) / 1024));
    attacker_end (&attacker);
}

static void
flood_with_frames (attacker_t *attacker)
{
    static const uint8_t frames[16384]; /* "00 00": a message of no bytes */
    attacker->count += zmtp_write (attacker->fd, frames, sizeof frames) ? sizeof frames / 2 : 0;
}

ATTACK (a_million_tiny_frames_starve_nobody)
{
    attacker_t attacker = {.fd = join_known (victim.ipc)};
    expect_no_starving (&attacker, flood_with_frames, 1000000);
    attacker_end (&attacker);
}

static void
flood_with_unknown_commands (attacker_t *attacker)
{
    static uint8_t commands[4 * 4096];
    if (!attacker->count)
        for (size_t i = 0; i < sizeof commands; i += 4)
            memcpy (commands + i, "\4\2\1X", 4);
    attacker->count += zmtp_write (attacker->fd, commands, sizeof commands) ? sizeof commands / 4 : 0;
}

ATTACK (a_flood_of_unknown_commands_starves_nobody)
{
    attacker_t attacker = {.fd = join_known (victim.ipc)};
    expect_no_starving (&attacker, flood_with_unknown_commands, 1000000);
    attacker_end (&attacker);
}

ATTACK (a_flood_of_publications_without_a_key_starves_nobody)
{
    attacker_t attacker = {.fd = crowd_join (victim.fanout)};
    cr_assert (zmtp_handshake (attacker.fd, "XPUB", NULL, 0));
    expect_no_starving (&attacker, flood_with_frames, 1000000);
    attacker_end (&attacker);
}

ATTACK (garbage_after_a_good_handshake)
{
    uint32_t seed = 2026;
    for (int round = 0; round < 1500; round++) {
        uint8_t garbage[512];
        const bool publishes = round % 3 == 2;
        const int fd = zmtp_connect (publishes ? victim.fanout : round % 3 ? victim.tcp : victim.ipc);
        cr_assert (fd >= 0 && zmtp_handshake (fd, publishes ? "PUB" : "DEALER", NULL, 0));
        for (size_t i = 0; i < sizeof garbage; i++) {
            seed = seed * 1664525 + 1013904223;
            garbage[i] = (uint8_t) (seed >> 24);
        }
        /* The flags of most heads are possible ones: what follows is looked at, too. */
        if (round % 2)
            garbage[0] &= 6;
        zmtp_write (fd, garbage, seed >> 8 & 511);
        if (round % 100 == 0)
            victim_call (&victim);
        close (fd);
    }
}
