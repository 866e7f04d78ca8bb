/* SPDX-License-Identifier: Apache-2.0 */
/* Strangers at a server in a realm; some of them have got hold of the door. A member calls all the time;
 * after and during each attack all holds that tests/support/victim.h says. */
#include "tests/support/siege.h"
#include "tests/support/zmtp.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

/* Other addresses of the loopback: from there nobody is let in. */
#define ELSEWHERE "127.0.0.2"
#define FAR_ELSEWHERE "127.0.0.3"

TestSuite (hostile_realm, .init = siege_begin, .timeout = 110);

/* ---- strangers ---- */

/* It says this, is told nothing but the greeting, and is hung up on. */
static void
expect_silence (const char *address, const void *data, size_t size)
{
    uint8_t came[ZMTP_GREETING_SIZE + 1];
    const int fd = zmtp_connect (address);
    cr_assert_geq (fd, 0);
    zmtp_write (fd, data, size);
    cr_assert (!zmtp_read (fd, came, sizeof came), "%s tells a stranger more than its greeting", address);
    close (fd);
}

static size_t
write_hello (uint8_t out[512], const intruder_t *who)
{
    curve_peer_t peer = who->keys;
    const zmtp_bytes_t bytes = zmtp_join (curve_greeting (), curve_peer_hello (&peer));
    memcpy (out, bytes.data, bytes.size);
    free (bytes.data);
    return bytes.size;
}

SIEGE_ATTACK (hostile_realm, strangers_are_told_nothing)
{
    static const uint8_t zmtp_2[] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 1, 5, 0, 0};
    static const uint8_t ready[] = "\4\x1d\5READY\xbSocket-Type\0\0\0\6DEALER";
    uint8_t null[ZMTP_GREETING_SIZE + sizeof ready], hello[512];
    zmtp_greeting (null);
    memcpy (null + ZMTP_GREETING_SIZE, ready, sizeof ready - 1);
    const size_t hello_size = write_hello (hello, &siege.stranger);
    for (size_t i = 0; i < 90; i++) {
        expect_silence (siege_at (i), null, sizeof null - 1);
        expect_silence (siege_at (i), zmtp_2, sizeof zmtp_2);
        expect_silence (siege_at (i), hello, hello_size);
        expect_silence (siege_at (i), "GET / HTTP/1.1\r\n\r\n", 18);
        victim_call (&siege.victim);
    }
    victim_call_anew (&siege.victim);
    victim_expect_pace (&siege.victim);
}

/* A socket of libzmq, which tries again and again. door: its public key; NULL: it does without CURVE. */
static void *
knock_with_libzmq (void *context, const char *address, const uint8_t *door)
{
    static const int none = 0, soon = 10;
    uint8_t open[41], secret[41];
    void *const socket = zmq_socket (context, ZMQ_DEALER);
    cr_assert_not_null (socket);
    zmq_setsockopt (socket, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt (socket, ZMQ_RECONNECT_IVL, &soon, sizeof soon);
    if (door) {
        cr_assert_eq (zmq_curve_keypair ((char *) open, (char *) secret), 0);
        zmq_setsockopt (socket, ZMQ_CURVE_SERVERKEY, door, CURVE_KEY);
        zmq_setsockopt (socket, ZMQ_CURVE_PUBLICKEY, open, sizeof open);
        zmq_setsockopt (socket, ZMQ_CURVE_SECRETKEY, secret, sizeof secret);
    }
    cr_assert_eq (zmq_connect (socket, address), 0);
    zmq_send (socket, "hello", 5, ZMQ_DONTWAIT);
    return socket;
}

/* Without CURVE, with the wrong door, and with the right one but no certificate. */
SIEGE_ATTACK (hostile_realm, libzmq_is_let_in_nowhere)
{
    enum { SOCKETS = 18 };
    const uint8_t *const doors[3] = {NULL, siege.stranger.keys.door.open, siege.member.keys.door.open};
    void *const context = zmq_ctx_new ();
    void *sockets[SOCKETS];
    char answer[64];
    for (size_t i = 0; i < SOCKETS; i++)
        sockets[i] = knock_with_libzmq (context, siege_at (i), doors[i / 3 % 3]);
    for (int i = 0; i < 300; i++)
        victim_call (&siege.victim);
    victim_expect_pace (&siege.victim);
    victim_call_anew (&siege.victim);
    for (size_t i = 0; i < SOCKETS; i++) {
        cr_assert_eq (zmq_recv (sockets[i], answer, sizeof answer, ZMQ_DONTWAIT), -1);
        zmq_close (sockets[i]);
    }
    zmq_ctx_term (context);
}

SIEGE_ATTACK (hostile_realm, five_thousand_half_open_connections)
{
    uint8_t hello[512];
    const size_t size = write_hello (hello, &siege.stranger) - 1;
    for (size_t i = 0; i < CROWD_MAX; i++) {
        zmtp_write (crowd_join (siege_at (i)), hello, i % (size + 1));
        if (i % 100 == 0)
            victim_call (&siege.victim);
    }
    cr_assert_leq (victim_descriptors (&siege.victim), SIEGE_DESCRIPTORS + 3, "the system's limit");
    victim_expect_pace (&siege.victim);
    crowd_wait_hung_up ();
    victim_call_anew (&siege.victim);
}

/* ---- slow ones ---- */

static uint8_t slow_bytes[8192];
static size_t slow_size;

/* Never the last one. */
static void
say_next_byte (attacker_t *attacker)
{
    const size_t next = attacker->count++;
    for (size_t i = 0; i < crowd.size && next + 1 < slow_size; i++)
        send (crowd.fds[i], slow_bytes + next, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    attacker_be_slow ();
}

static void
expect_no_patience (void)
{
    attacker_t attacker = {.count = 0};
    attacker_begin (&attacker, say_next_byte);
    victim_expect_pace (&siege.victim);
    crowd_wait_hung_up ();
    attacker_end (&attacker);
    crowd_disperse ();
}

SIEGE_ATTACK (hostile_realm, slow_loris_in_its_greeting)
{
    slow_size = write_hello (slow_bytes, &siege.stranger);
    for (size_t i = 0; i < 400; i++)
        crowd_join (siege_at (i));
    expect_no_patience ();
}

SIEGE_ATTACK (hostile_realm, slow_loris_in_hello)
{
    uint8_t hello[512];
    slow_size = write_hello (hello, &siege.stranger) - ZMTP_GREETING_SIZE;
    memcpy (slow_bytes, hello + ZMTP_GREETING_SIZE, slow_size);
    for (size_t i = 0; i < 400; i++)
        zmtp_write (crowd_join (siege_at (i)), hello, ZMTP_GREETING_SIZE);
    expect_no_patience ();
}

/* It has the door. */
SIEGE_ATTACK (hostile_realm, slow_loris_in_initiate)
{
    curve_peer_t peer;
    for (size_t i = 0; i < 100; i++)
        cr_assert (intruder_knock (&siege.member, crowd_join (siege_at (i)), &peer));
    const zmtp_bytes_t initiate = curve_peer_initiate (&peer, siege.member.properties);
    slow_size = initiate.size;
    memcpy (slow_bytes, initiate.data, slow_size);
    free (initiate.data);
    expect_no_patience ();
}

/* ---- garbage ---- */

/* How far it goes before. */
typedef enum step { CONNECTED, GREETED, WELCOMED, LET_IN, STEPS } step_t;

static void
go_to (step_t step, int fd)
{
    curve_peer_t peer;
    const zmtp_bytes_t greeting = curve_greeting ();
    if (step == GREETED)
        zmtp_write (fd, greeting.data, greeting.size);
    else if (step == WELCOMED)
        cr_assert (intruder_knock (&siege.member, fd, &peer));
    else if (step == LET_IN)
        cr_assert (intruder_enter (&siege.member, fd, &peer));
    free (greeting.data);
}

SIEGE_ATTACK (hostile_realm, garbage_after_each_step)
{
    for (size_t i = 0; i < 1200; i++) {
        const step_t step = (step_t) (i % STEPS);
        uint8_t garbage[512];
        /* Publishers speak with the fanout, and this one is none. */
        const int fd = zmtp_connect (step == LET_IN ? siege_at (i / STEPS % 2) : siege_at (i / STEPS));
        cr_assert_geq (fd, 0);
        go_to (step, fd);
        for (size_t k = 0; k < sizeof garbage; k++)
            garbage[k] = siege_any_byte ();
        if (i / STEPS % 2)
            garbage[0] &= 6; /* a possible head */
        zmtp_write (fd, garbage, (size_t) siege_any_byte () * 2);
        close (fd);
        if (i % 20 == 0)
            victim_call (&siege.victim);
    }
    victim_call_anew (&siege.victim);
}

/* ---- descriptors ---- */

/* They come faster than handshakes run out of time. */
static void
pour_in (attacker_t *attacker)
{
    const int fd = zmtp_connect (siege_at (attacker->count));
    if (fd < 0)
        return;
    if (crowd.size == CROWD_MAX / 2)
        crowd_disperse ();
    crowd_add (fd);
    attacker->count++;
}

/* Strangers do not get all descriptors: a new member is let in meanwhile, and the program can open what it
 * likes. The server has two ports. */
SIEGE_ATTACK (hostile_realm, a_flood_of_connections_leaves_descriptors)
{
    attacker_t attacker = {.count = 0};
    attacker_begin (&attacker, pour_in);
    attacker_wait (&attacker, 3000);
    for (int i = 0; i < 1000; i++) {
        victim_call (&siege.victim);
        cr_assert_leq (victim_descriptors (&siege.victim),
                       siege.victim.descriptors + 2 * SIEGE_DESCRIPTORS / 8 + 64);
    }
    victim_call_anew (&siege.victim);
    victim_expect_turns (&siege.victim);
    attacker_wait (&attacker, 12000);
    attacker_end (&attacker);
    crowd_disperse ();
    victim_call_anew (&siege.victim);
}

/* ---- an address that has to wait ---- */

static int64_t
now_ns (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Whether it is let in now. */
static bool
is_let_in (const char *from)
{
    curve_peer_t peer;
    const int fd = intruder_connect (from, siege.victim.tcp);
    const bool is_in = fd >= 0 && intruder_enter (&siege.member, fd, &peer);
    if (fd >= 0)
        zmtp_vanish (fd);
    return is_in;
}

static void
be_refused (const char *from)
{
    curve_peer_t peer;
    const int fd = intruder_connect (from, siege.victim.tcp);
    cr_assert_geq (fd, 0);
    cr_assert (!intruder_knock (&siege.stranger, fd, &peer));
    close (fd);
}

/* A member that tries again and again. */
static void
wait_let_in (const char *from)
{
    const int64_t begin_ns = now_ns ();
    while (!is_let_in (from)) {
        cr_assert_lt (now_ns () - begin_ns, INT64_C (1000000) * VICTIM_WAIT_LIMIT_MS, "it is shut out");
        attacker_be_slow ();
    }
}

SIEGE_ATTACK (hostile_realm, refusals_lock_no_host_out)
{
    for (int i = 0; i < 30; i++) {
        be_refused (ELSEWHERE);
        cr_assert (is_let_in (FAR_ELSEWHERE), "others do not wait");
    }
    wait_let_in (ELSEWHERE);
    /* Here the honest member is let in already. */
    for (int i = 0; i < 30; i++) {
        be_refused ("127.0.0.1");
        cr_assert (is_let_in ("127.0.0.1"));
    }
    victim_call_anew (&siege.victim);
}

static void
be_refused_again (attacker_t *attacker)
{
    curve_peer_t peer;
    const int fd = intruder_connect (ELSEWHERE, siege.victim.tcp);
    if (fd < 0)
        return;
    intruder_knock (&siege.stranger, fd, &peer);
    zmtp_vanish (fd);
    attacker->count++;
}

/* The stranger is behind the same address as a member that is not let in yet. */
SIEGE_ATTACK (hostile_realm, a_stranger_locks_no_host_out)
{
    attacker_t attacker = {.count = 0};
    attacker_begin (&attacker, be_refused_again);
    attacker_wait (&attacker, 1000);
    wait_let_in (ELSEWHERE);
    attacker_end (&attacker);
}
