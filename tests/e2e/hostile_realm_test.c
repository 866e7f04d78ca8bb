/* SPDX-License-Identifier: Apache-2.0 */
/* Attackers of a server in a realm, at the loopback: strangers, some of whom have got hold of the door, and
 * members who use up what they can. A member calls all the time; after and during each attack all holds that
 * tests/support/victim.h says. */
#include "src/realm/strict.h"
#include "tests/support/crowd.h"
#include "tests/support/intruder.h"
#include "tests/support/must.h"
#include "tests/support/realm_files.h"
#include "tests/support/victim.h"
#include "tests/support/zmtp.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define LIMIT 1024 /* descriptors of the server */
/* Other addresses of the loopback: from there nobody is let in. */
#define ELSEWHERE "127.0.0.2"
#define FAR_ELSEWHERE "127.0.0.3"

static godwit__test_realm_t *realm;
static victim_t victim;
static intruder_t member, stranger;
static const char *at[3]; /* its link, its rendezvous, its fanout */

static int64_t
now_ns (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

static void
set_up (void)
{
    realm = godwit__test_realm_new (9);
    const char *const server = godwit__test_realm_issue (realm, GODWIT__TEST_MEMBER (.name = "server"));
    const char *const caller = godwit__test_realm_issue (realm, GODWIT__TEST_MEMBER (.name = "caller"));
    intruder_open (&member, godwit__test_realm_issue (realm, GODWIT__TEST_MEMBER (.name = "flooder")));
    stranger = intruder_stranger ();
    crowd_raise_limit ();
    victim_start_in_realm (&victim, LIMIT, server, caller);
    at[0] = victim.tcp;
    at[1] = victim.rendezvous;
    at[2] = victim.fanout;
}

static void
look_at_victim (void)
{
    crowd_disperse ();
    victim_finish (&victim);
    intruder_close (&member);
    godwit__test_realm_destroy (&realm);
}

TestSuite (hostile_realm, .init = set_up, .timeout = 110);

#define ATTACK(name_)                                                                                        \
    static void name_ (void);                                                                                \
    Test (hostile_realm, name_)                                                                              \
    {                                                                                                        \
        name_ ();                                                                                            \
        look_at_victim ();                                                                                   \
    }                                                                                                        \
    static void name_ (void)

static const char *
somewhere (size_t i)
{
    return at[i % 3];
}

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

ATTACK (strangers_are_told_nothing)
{
    static const uint8_t zmtp_2[] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 1, 5, 0, 0};
    static const uint8_t ready[] = "\4\x1d\5READY\xbSocket-Type\0\0\0\6DEALER";
    uint8_t null[ZMTP_GREETING_SIZE + sizeof ready], hello[512];
    zmtp_greeting (null);
    memcpy (null + ZMTP_GREETING_SIZE, ready, sizeof ready - 1);
    const size_t hello_size = write_hello (hello, &stranger);
    for (size_t i = 0; i < 90; i++) {
        expect_silence (somewhere (i), null, sizeof null - 1);
        expect_silence (somewhere (i), zmtp_2, sizeof zmtp_2);
        expect_silence (somewhere (i), hello, hello_size);
        expect_silence (somewhere (i), "GET / HTTP/1.1\r\n\r\n", 18);
        victim_call (&victim);
    }
    victim_call_anew (&victim);
    victim_expect_pace (&victim);
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
ATTACK (libzmq_is_let_in_nowhere)
{
    enum { SOCKETS = 18 };
    const uint8_t *const doors[3] = {NULL, stranger.keys.door.open, member.keys.door.open};
    void *const context = zmq_ctx_new ();
    void *sockets[SOCKETS];
    char answer[64];
    for (size_t i = 0; i < SOCKETS; i++)
        sockets[i] = knock_with_libzmq (context, somewhere (i), doors[i / 3 % 3]);
    for (int i = 0; i < 300; i++)
        victim_call (&victim);
    victim_expect_pace (&victim);
    victim_call_anew (&victim);
    for (size_t i = 0; i < SOCKETS; i++) {
        cr_assert_eq (zmq_recv (sockets[i], answer, sizeof answer, ZMQ_DONTWAIT), -1);
        zmq_close (sockets[i]);
    }
    zmq_ctx_term (context);
}

ATTACK (five_thousand_half_open_connections)
{
    uint8_t hello[512];
    const size_t size = write_hello (hello, &stranger) - 1;
    for (size_t i = 0; i < CROWD_MAX; i++) {
        zmtp_write (crowd_join (somewhere (i)), hello, i % (size + 1));
        if (i % 100 == 0)
            victim_call (&victim);
    }
    cr_assert_leq (victim_descriptors (&victim), LIMIT + 3, "the system's limit");
    victim_expect_pace (&victim);
    crowd_wait_hung_up ();
    victim_call_anew (&victim);
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
    victim_expect_pace (&victim);
    crowd_wait_hung_up ();
    attacker_end (&attacker);
    crowd_disperse ();
}

ATTACK (slow_loris_in_its_greeting)
{
    slow_size = write_hello (slow_bytes, &stranger);
    for (size_t i = 0; i < 400; i++)
        crowd_join (somewhere (i));
    expect_no_patience ();
}

ATTACK (slow_loris_in_hello)
{
    uint8_t hello[512];
    slow_size = write_hello (hello, &stranger) - ZMTP_GREETING_SIZE;
    memcpy (slow_bytes, hello + ZMTP_GREETING_SIZE, slow_size);
    for (size_t i = 0; i < 400; i++)
        zmtp_write (crowd_join (somewhere (i)), hello, ZMTP_GREETING_SIZE);
    expect_no_patience ();
}

/* It has the door. */
ATTACK (slow_loris_in_initiate)
{
    curve_peer_t peer;
    for (size_t i = 0; i < 100; i++)
        cr_assert (intruder_knock (&member, crowd_join (somewhere (i)), &peer));
    const zmtp_bytes_t initiate = curve_peer_initiate (&peer, member.properties);
    slow_size = initiate.size;
    memcpy (slow_bytes, initiate.data, slow_size);
    free (initiate.data);
    expect_no_patience ();
}

/* ---- garbage ---- */

static uint8_t
any_byte (void)
{
    static uint32_t seed = 2026;
    seed = seed * 1664525 + 1013904223;
    return (uint8_t) (seed >> 24);
}

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
        cr_assert (intruder_knock (&member, fd, &peer));
    else if (step == LET_IN)
        cr_assert (intruder_enter (&member, fd, &peer));
    free (greeting.data);
}

ATTACK (garbage_after_each_step)
{
    for (size_t i = 0; i < 1200; i++) {
        const step_t step = (step_t) (i % STEPS);
        uint8_t garbage[512];
        /* Publishers speak with the fanout, and this one is none. */
        const int fd = zmtp_connect (step == LET_IN ? at[i / STEPS % 2] : somewhere (i / STEPS));
        cr_assert_geq (fd, 0);
        go_to (step, fd);
        for (size_t k = 0; k < sizeof garbage; k++)
            garbage[k] = any_byte ();
        if (i / STEPS % 2)
            garbage[0] &= 6; /* a possible head */
        zmtp_write (fd, garbage, (size_t) any_byte () * 2);
        close (fd);
        if (i % 20 == 0)
            victim_call (&victim);
    }
    victim_call_anew (&victim);
}

/* ---- descriptors ---- */

/* They come faster than handshakes run out of time. */
static void
pour_in (attacker_t *attacker)
{
    const int fd = zmtp_connect (somewhere (attacker->count));
    if (fd < 0)
        return;
    if (crowd.size == CROWD_MAX / 2)
        crowd_disperse ();
    crowd_add (fd);
    attacker->count++;
}

/* Strangers do not get all descriptors: a new member is let in meanwhile, and the program can open what it
 * likes. The server has two ports. */
ATTACK (a_flood_of_connections_leaves_descriptors)
{
    attacker_t attacker = {.count = 0};
    attacker_begin (&attacker, pour_in);
    attacker_wait (&attacker, 3000);
    for (int i = 0; i < 1000; i++) {
        victim_call (&victim);
        cr_assert_leq (victim_descriptors (&victim), victim.descriptors + 2 * LIMIT / 8 + 64);
    }
    victim_call_anew (&victim);
    victim_expect_turns (&victim);
    attacker_wait (&attacker, 12000);
    attacker_end (&attacker);
    crowd_disperse ();
    victim_call_anew (&victim);
}

/* A member gets them all: it is named in the log, and to be revoked. Calls go on all the same. */
ATTACK (a_member_takes_all_descriptors)
{
    curve_peer_t peer;
    for (size_t i = 0; i < LIMIT + 100; i++)
        intruder_enter (&member, crowd_join (at[i % 2]), &peer);
    cr_assert_geq (crowd_count_hung_up (), 100u);
    for (int i = 0; i < 1000; i++)
        victim_call (&victim);
    victim_expect_turns (&victim);
}

/* ---- an address that has to wait ---- */

/* Whether it is let in now. */
static bool
is_let_in (const char *from)
{
    curve_peer_t peer;
    const int fd = intruder_connect (from, victim.tcp);
    const bool is_in = fd >= 0 && intruder_enter (&member, fd, &peer);
    if (fd >= 0)
        zmtp_vanish (fd);
    return is_in;
}

static void
be_refused (const char *from)
{
    curve_peer_t peer;
    const int fd = intruder_connect (from, victim.tcp);
    cr_assert_geq (fd, 0);
    cr_assert (!intruder_knock (&stranger, fd, &peer));
    close (fd);
}

/* Seconds until a member that tries again and again is let in. */
static double
wait_let_in (const char *from)
{
    const int64_t begin_ns = now_ns ();
    while (!is_let_in (from)) {
        cr_assert_lt (now_ns () - begin_ns, INT64_C (1000000) * VICTIM_WAIT_LIMIT_MS, "it is shut out");
        attacker_be_slow ();
    }
    return (double) (now_ns () - begin_ns) / 1e9;
}

ATTACK (after_three_refusals_an_address_waits_for_a_second)
{
    cr_assert (is_let_in (ELSEWHERE));
    for (int i = 0; i < 3; i++)
        be_refused (ELSEWHERE);
    cr_assert (!is_let_in (ELSEWHERE));
    cr_assert (is_let_in (FAR_ELSEWHERE), "others do not wait");
    const double waited_s = wait_let_in (ELSEWHERE);
    cr_assert (waited_s > 0.5 && waited_s < 4, "%f s", waited_s);
    /* Here the honest member is let in already. */
    for (int i = 0; i < 30; i++) {
        be_refused ("127.0.0.1");
        cr_assert (is_let_in ("127.0.0.1"));
    }
    victim_call_anew (&victim);
}

static void
be_refused_again (attacker_t *attacker)
{
    curve_peer_t peer;
    const int fd = intruder_connect (ELSEWHERE, victim.tcp);
    if (fd < 0)
        return;
    intruder_knock (&stranger, fd, &peer);
    zmtp_vanish (fd);
    attacker->count++;
}

/* The stranger is behind the same address as a member that is not let in yet. */
ATTACK (a_stranger_locks_no_host_out)
{
    attacker_t attacker = {.count = 0};
    attacker_begin (&attacker, be_refused_again);
    attacker_wait (&attacker, 1000);
    wait_let_in (ELSEWHERE);
    attacker_end (&attacker);
}

/* ---- members ---- */

static void
handshake (attacker_t *attacker)
{
    curve_peer_t peer;
    const int fd = zmtp_connect (victim.tcp);
    if (fd < 0)
        return;
    attacker->count += intruder_enter (&member, fd, &peer);
    zmtp_vanish (fd);
}

static int
compare (const void *a, const void *b)
{
    const double x = *(const double *) a, y = *(const double *) b;
    return x < y ? -1 : x > y;
}

/* The machine has processors to share, and what a test sees of them depends on what else runs there: so what
 * counts is the work of the thread that serves, of which handshakes take none. */
ATTACK (a_flood_of_handshakes_of_a_member)
{
    enum { BATCHES = 9 };
    double quiet_us[BATCHES], flooded_us[BATCHES];
    size_t count = 0;
    for (int i = 0; i < BATCHES; i++) {
        attacker_t attacker = {.count = 0};
        quiet_us[i] = victim_serving_us (&victim);
        attacker_begin (&attacker, handshake);
        attacker_wait (&attacker, 50);
        flooded_us[i] = victim_serving_us (&victim);
        attacker_end (&attacker);
        count += attacker.count;
    }
    qsort (quiet_us, BATCHES, sizeof *quiet_us, compare);
    qsort (flooded_us, BATCHES, sizeof *flooded_us, compare);
    if (!victim_is_sanitized ())
        cr_assert_leq (flooded_us[BATCHES / 2], 2 * quiet_us[BATCHES / 2],
                       "p99 %.1f us under %zu handshakes, %.1f us without", flooded_us[BATCHES / 2], count,
                       quiet_us[BATCHES / 2]);
    victim_expect_turns (&victim);
    victim_call_anew (&victim);
}

/* ---- members, behind their handshake ---- */

/* A member that was let in, at its link or its rendezvous. */
static int
enter (size_t where, curve_peer_t *peer)
{
    const int fd = crowd_join (at[where % 2]);
    cr_assert (intruder_enter (&member, fd, peer));
    return fd;
}

/* A command with this name and data, in a box. */
static zmtp_bytes_t
command (curve_peer_t *peer, const char *name, const void *data, size_t size)
{
    static uint8_t body[1 << 20];
    const size_t name_size = strlen (name);
    body[0] = (uint8_t) name_size;
    memcpy (body + 1, name, name_size);
    memcpy (body + 1 + name_size, data, size);
    return curve_peer_message (peer, 2, body, 1 + name_size + size);
}

static uint8_t large[1 << 19];

/* Each costs the connection, and nothing else. */
ATTACK (commands_that_no_member_sends)
{
    static const char *const names[] = {"CREDENTIAL", "BULLETIN",  "REFUSED", "READY",
                                        "ERROR",      "SUBSCRIBE", "PING"};
    static const size_t sizes[] = {0, 1, 64, 400, 4096, 60000, 65536, sizeof large};
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = any_byte ();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            curve_peer_t peer;
            const int fd = enter (i + k, &peer);
            intruder_write (fd, command (&peer, names[i], large, sizes[k]));
            intruder_write (fd, command (&peer, names[i], large, sizes[k]));
            victim_call (&victim);
        }
    crowd_wait_hung_up ();
    victim_call_anew (&victim);
}

/* Those of the handshake, again or of the other end, in a box and outside of one. */
ATTACK (handshakes_that_go_on)
{
    for (size_t i = 0; i < 40; i++) {
        curve_peer_t peer, other;
        const int fd = enter (i, &peer);
        other = peer;
        zmtp_bytes_t said =
            i % 2 ? curve_peer_initiate (&other, member.properties) : curve_peer_hello (&other);
        if (i / 2 % 2) {
            const zmtp_bytes_t boxed = curve_peer_message (&peer, 2, said.data + 9, said.size - 9);
            free (said.data);
            said = boxed;
        }
        intruder_write (fd, said);
        intruder_write (fd, curve_peer_ready (&peer, member.properties));
    }
    crowd_wait_hung_up ();
}

/* More than a handshake may hold, or what may be said once. */
ATTACK (handshakes_with_thousands_of_properties)
{
    for (size_t i = 0; i < 30; i++) {
        curve_peer_t peer;
        const int fd = crowd_join (somewhere (i));
        zmtp_bytes_t properties = zmtp_bytes_of (member.properties.data, member.properties.size);
        for (size_t k = 0; k < (i % 2 ? 3000 : 100); k++)
            intruder_add (&properties, i % 2 ? "X" : "X-Godwit-Bulletin", large, i % 2 ? 0 : 8);
        cr_assert (intruder_knock (&member, fd, &peer));
        intruder_initiate (&peer, fd, properties);
        free (properties.data);
        victim_call (&victim);
    }
    crowd_wait_hung_up ();
}

/* A message whose last part never comes. */
ATTACK (a_message_without_end)
{
    curve_peer_t peer;
    const int fd = enter (0, &peer);
    size_t sent = 0;
    while (intruder_write (fd, curve_peer_message (&peer, 1, large, sizeof large)) && sent++ < 1000)
        if (sent % 16 == 0)
            victim_call (&victim);
    cr_assert_lt (sent, 1000u, "it is above max_message_size");
    const int other = enter (0, &peer);
    for (size_t i = 0; i < 100000; i++)
        intruder_write (other, curve_peer_message (&peer, 1, large, i % 2));
    victim_expect_turns (&victim);
    if (!victim_is_sanitized ())
        cr_assert_lt (victim_growth (&victim), 12 << 20, "%d KiB", (int) (victim_growth (&victim) / 1024));
}

/* ---- a member whose certificate is renewed all the time ---- */

/* The member's credential with another proof, which nobody has verified yet. */
static zmtp_bytes_t
fresh_credential (const godwit__member_file_t *file, const godwit__process_proof_t *own, int64_t until)
{
    godwit__process_proof_t proof = *own;
    uint8_t body[GODWIT__PROOF_SIZE_MAX], signature[GODWIT__SIGNATURE_SIZE],
        data[GODWIT__CREDENTIAL_SIZE_MAX];
    godwit__writer_t writer = {.data = data, .capacity = sizeof data};
    proof.until = until;
    const size_t size = godwit__proof_write (&proof, body);
    godwit__sign (signature, GODWIT__LABEL_PROCESS, body, size, file->identity);
    godwit__write_array (&writer, 4);
    godwit__write_bin (&writer, file->body, file->body_size);
    godwit__write_bin (&writer, file->signature, sizeof file->signature);
    godwit__write_bin (&writer, body, size);
    godwit__write_bin (&writer, signature, sizeof signature);
    return zmtp_bytes_of (data, writer.size);
}

static void
read_own_proof (godwit__process_proof_t *proof)
{
    godwit__bin_t parts[4];
    godwit__credential_t *credential = godwit__realm_credential (member.realm);
    MUST (godwit__strict_bins (parts, 4, "credential", credential->bytes, credential->size,
                               GODWIT__CREDENTIAL_SIZE_MAX, &error));
    MUST (godwit__proof_read (proof, parts[2].data, parts[2].size, &error));
    godwit__credential_unref (&credential);
}

/* Each would cost the thread that serves others a verification. */
ATTACK (a_flood_of_renewed_credentials)
{
    enum { CONNECTIONS = 20, RENEWALS = 100 };
    godwit__member_file_t file;
    godwit__process_proof_t proof;
    read_own_proof (&proof);
    MUST (godwit__member_file_load (&file, godwit__test_realm_path (realm, "flooder"), &error));
    const int64_t begin_ns = victim_cpu_ns (&victim);
    for (size_t i = 0; i < CONNECTIONS * RENEWALS; i++) {
        static curve_peer_t peer;
        static int fd;
        if (i % RENEWALS == 0)
            fd = enter (i / RENEWALS, &peer);
        const zmtp_bytes_t credential = fresh_credential (&file, &proof, proof.until - 1 - (int64_t) i);
        intruder_write (fd, command (&peer, "CREDENTIAL", credential.data, credential.size));
        free (credential.data);
    }
    crowd_wait_hung_up ();
    const double each_us = (double) (victim_cpu_ns (&victim) - begin_ns) / 1000 / CONNECTIONS;
    godwit__member_file_clear (&file);
    victim_call_anew (&victim);
    if (!victim_is_sanitized ())
        cr_assert_lt (each_us, 6000, "%.0f us for a connection with %d credentials", each_us, RENEWALS);
}
