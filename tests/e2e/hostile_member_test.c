/* SPDX-License-Identifier: Apache-2.0 */
/* Members who use up what they can of a server of their realm, or say what no member says. Another one calls
 * all the time; after and during each attack all holds that tests/support/victim.h says. */
#include "src/realm/strict.h"
#include "tests/support/must.h"
#include "tests/support/siege.h"
#include "tests/support/zmtp.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite (hostile_member, .init = siege_begin, .timeout = 110);

/* A member gets them all: it is named in the log, and to be revoked. Calls go on all the same. */
SIEGE_ATTACK (hostile_member, a_member_takes_all_descriptors)
{
    curve_peer_t peer;
    for (size_t i = 0; i < SIEGE_DESCRIPTORS + 100; i++)
        intruder_enter (&siege.member, crowd_join (siege_at (i % 2)), &peer);
    cr_assert_geq (crowd_count_hung_up (), 100u);
    for (int i = 0; i < 1000; i++)
        victim_call (&siege.victim);
    victim_expect_turns (&siege.victim);
}

/* ---- handshakes ---- */

static void
handshake (attacker_t *attacker)
{
    curve_peer_t peer;
    const int fd = zmtp_connect (siege.victim.tcp);
    if (fd < 0)
        return;
    attacker->count += intruder_enter (&siege.member, fd, &peer);
    zmtp_vanish (fd);
}

static int
compare (const void *a, const void *b)
{
    const double x = *(const double *) a, y = *(const double *) b;
    return x < y ? -1 : x > y;
}

/* A connection that has come and gone is seen by the thread that serves, too; a handshake would take it 200
 * us. */
#define COMES_AND_GOES_US 25

/* The machine has processors to share, and what a test sees of them depends on what else runs there: so what
 * counts is the work of the thread that serves, of which handshakes take none. */
SIEGE_ATTACK (hostile_member, a_flood_of_handshakes_of_a_member)
{
    enum { BATCHES = 9 };
    double quiet_us[BATCHES], flooded_us[BATCHES];
    size_t count = 0;
    for (int i = 0; i < BATCHES; i++) {
        attacker_t attacker = {.count = 0};
        quiet_us[i] = victim_serving_us (&siege.victim);
        attacker_begin (&attacker, handshake);
        attacker_wait (&attacker, 50);
        flooded_us[i] = victim_serving_us (&siege.victim);
        attacker_end (&attacker);
        count += attacker.count;
    }
    qsort (quiet_us, BATCHES, sizeof *quiet_us, compare);
    qsort (flooded_us, BATCHES, sizeof *flooded_us, compare);
    if (!victim_is_sanitized ())
        cr_assert_leq (flooded_us[BATCHES / 2], 2 * quiet_us[BATCHES / 2] + COMES_AND_GOES_US,
                       "p99 %.1f us under %zu handshakes, %.1f us without", flooded_us[BATCHES / 2], count,
                       quiet_us[BATCHES / 2]);
    victim_expect_turns (&siege.victim);
    victim_call_anew (&siege.victim);
}

/* ---- members, behind their handshake ---- */

/* A member that was let in, at its link or its rendezvous. */
static int
enter (size_t where, curve_peer_t *peer)
{
    const int fd = crowd_join (siege_at (where % 2));
    cr_assert (intruder_enter (&siege.member, fd, peer));
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
SIEGE_ATTACK (hostile_member, commands_that_no_member_sends)
{
    static const char *const names[] = {"CREDENTIAL", "BULLETIN",  "REFUSED", "READY",
                                        "ERROR",      "SUBSCRIBE", "PING"};
    static const size_t sizes[] = {0, 1, 64, 400, 4096, 60000, 65536, sizeof large};
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = siege_any_byte ();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            curve_peer_t peer;
            const int fd = enter (i + k, &peer);
            intruder_write (fd, command (&peer, names[i], large, sizes[k]));
            intruder_write (fd, command (&peer, names[i], large, sizes[k]));
            victim_call (&siege.victim);
        }
    crowd_wait_hung_up ();
    victim_call_anew (&siege.victim);
}

/* Those of the handshake, again or of the other end, in a box and outside of one. */
SIEGE_ATTACK (hostile_member, handshakes_that_go_on)
{
    for (size_t i = 0; i < 40; i++) {
        curve_peer_t peer, other;
        const int fd = enter (i, &peer);
        other = peer;
        zmtp_bytes_t said =
            i % 2 ? curve_peer_initiate (&other, siege.member.properties) : curve_peer_hello (&other);
        if (i / 2 % 2) {
            const zmtp_bytes_t boxed = curve_peer_message (&peer, 2, said.data + 9, said.size - 9);
            free (said.data);
            said = boxed;
        }
        intruder_write (fd, said);
        intruder_write (fd, curve_peer_ready (&peer, siege.member.properties));
    }
    crowd_wait_hung_up ();
}

/* More than a handshake may hold, or what may be said once. */
SIEGE_ATTACK (hostile_member, handshakes_with_thousands_of_properties)
{
    for (size_t i = 0; i < 30; i++) {
        curve_peer_t peer;
        const int fd = crowd_join (siege_at (i));
        zmtp_bytes_t properties = zmtp_bytes_of (siege.member.properties.data, siege.member.properties.size);
        for (size_t k = 0; k < (i % 2 ? 3000 : 100); k++)
            intruder_add (&properties, i % 2 ? "X" : "X-Godwit-Bulletin", large, i % 2 ? 0 : 8);
        cr_assert (intruder_knock (&siege.member, fd, &peer));
        intruder_initiate (&peer, fd, properties);
        free (properties.data);
        victim_call (&siege.victim);
    }
    crowd_wait_hung_up ();
}

/* A message whose last part never comes. */
SIEGE_ATTACK (hostile_member, a_message_without_end)
{
    curve_peer_t peer;
    const int fd = enter (0, &peer);
    size_t sent = 0;
    while (intruder_write (fd, curve_peer_message (&peer, 1, large, sizeof large)) && sent++ < 1000)
        if (sent % 16 == 0)
            victim_call (&siege.victim);
    cr_assert_lt (sent, 1000u, "it is above max_message_size");
    const int other = enter (0, &peer);
    for (size_t i = 0; i < 100000; i++)
        intruder_write (other, curve_peer_message (&peer, 1, large, i % 2));
    victim_expect_turns (&siege.victim);
    if (!victim_is_sanitized ())
        cr_assert_lt (victim_growth (&siege.victim), 12 << 20, "%d KiB",
                      (int) (victim_growth (&siege.victim) / 1024));
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
    godwit__credential_t *credential = godwit__realm_credential (siege.member.realm);
    MUST (godwit__strict_bins (parts, 4, "credential", credential->bytes, credential->size,
                               GODWIT__CREDENTIAL_SIZE_MAX, &error));
    MUST (godwit__proof_read (proof, parts[2].data, parts[2].size, &error));
    godwit__credential_unref (&credential);
}

/* Each would cost the thread that serves others a verification. */
SIEGE_ATTACK (hostile_member, a_flood_of_renewed_credentials)
{
    enum { CONNECTIONS = 20, RENEWALS = 100 };
    godwit__member_file_t file;
    godwit__process_proof_t proof;
    read_own_proof (&proof);
    MUST (godwit__member_file_load (&file, godwit__test_realm_path (siege.realm, SIEGE_FLOODER), &error));
    const int64_t begin_ns = victim_cpu_ns (&siege.victim);
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
    const double each_us = (double) (victim_cpu_ns (&siege.victim) - begin_ns) / 1000 / CONNECTIONS;
    godwit__member_file_clear (&file);
    victim_call_anew (&siege.victim);
    if (!victim_is_sanitized ())
        cr_assert_lt (each_us, 6000, "%.0f us for a connection with %d credentials", each_us, RENEWALS);
}
