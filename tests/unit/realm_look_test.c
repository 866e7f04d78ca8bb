/* SPDX-License-Identifier: Apache-2.0 */
/* What changes while a process runs: its file, bulletins, its process proof; and who is told. */
#include "src/realm/realm_inside.h"
#include "tests/support/realm_host.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW REALM_HOST_NOW
#define FROM REALM_HOST_FROM
#define UNTIL REALM_HOST_UNTIL
#define SKEW GODWIT__CLOCK_SKEW_S
#define LIFE GODWIT__PROOF_LIFE_S
#define DAY (24 * 60 * 60)

TestSuite (realm_look, .timeout = 60);

static godwit__test_realm_t *files;
static realm_host_t host, peer; /* the peer lets the host in */
static char text[GODWIT__ADMIT_TEXT];

/* ---- a watcher that counts ---- */

typedef struct watcher {
    godwit__realm_watch_t watch;
    unsigned calls;
    unsigned changes; /* of the last call */
} watcher_t;

static watcher_t watcher;

static void
changed (godwit__realm_watch_t *watch, unsigned changes)
{
    watcher_t *const self = watch->user;
    self->calls++;
    self->changes = changes;
    /* It may ask. */
    godwit__party_t *party = godwit__realm_self (host.realm);
    godwit__realm_judge (host.realm, party, text);
    godwit__party_unref (&party);
}

static void
make_realm (void)
{
    files = godwit__test_realm_new (1);
    host.files = peer.files = files;
    host.now = peer.now = NOW;
    realm_host_open (&host, realm_host_issue (files, "host"));
    realm_host_open (&peer, realm_host_issue (files, "peer"));
    watcher.watch = (godwit__realm_watch_t){.changed = changed, .user = &watcher};
    godwit__realm_watch (host.realm, &watcher.watch);
}

static void
remove_realm (void)
{
    godwit__realm_close (&host.realm);
    godwit__realm_close (&peer.realm);
    godwit__test_realm_destroy (&files);
}

#define LookTest(name_) Test (realm_look, name_, .init = make_realm, .fini = remove_realm)

/* ---- looking ---- */

/* Looks without force; returns what the watcher was told. */
static unsigned
look (void)
{
    watcher.calls = watcher.changes = 0;
    MUST (godwit__realm_look (host.realm, false, &error));
    cr_assert_leq (watcher.calls, 1);
    cr_assert_eq (watcher.calls != 0, watcher.changes != 0);
    return watcher.changes;
}

static void
assert_forced_look_fails (godwit_status_t status, const char *why)
{
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit__realm_look (host.realm, true, &error), status, "%s", godwit_error_message (error));
    cr_assert (strstr (godwit_error_message (error), why), "%s", godwit_error_message (error));
    godwit_error_destroy (&error);
}

static bool
is_admitted (void)
{
    godwit__credential_t *credential = godwit__realm_credential (host.realm);
    godwit__party_t *party = NULL;
    const bool is_in = godwit__realm_admit (peer.realm, credential->bytes, credential->size, NULL, &party,
                                            text) == GODWIT__NO_ENTRY_NONE;
    godwit__party_unref (&party);
    godwit__credential_unref (&credential);
    return is_in;
}

static uint64_t
credential_number (void)
{
    godwit__credential_t *credential = godwit__realm_credential (host.realm);
    const uint64_t number = credential->number;
    godwit__credential_unref (&credential);
    return number;
}

static uint64_t
own_serial (void)
{
    godwit__party_t *party = godwit__realm_self (host.realm);
    const uint64_t serial = party->certificate.serial;
    godwit__party_unref (&party);
    return serial;
}

static int64_t
proof_until (void)
{
    godwit__party_t *party = godwit__realm_self (host.realm);
    const int64_t until = party->proof.until;
    godwit__party_unref (&party);
    return until;
}

LookTest (nothing_new_changes_nothing)
{
    for (int i = 0; i < 3; i++)
        cr_assert_eq (look (), 0);
    MUST (godwit__realm_look (host.realm, true, &error));
    cr_assert_eq (watcher.calls, 0);
    cr_assert_eq (credential_number (), 1);
    cr_assert_str_eq (host.notes, "");
}

/* ---- the process proof ---- */

LookTest (a_process_proof_is_renewed_at_half)
{
    uint8_t instance[GODWIT__INSTANCE_SIZE];
    godwit__keyring_t *before = godwit__realm_keyring (host.realm);
    memcpy (instance, godwit__realm_instance (host.realm), sizeof instance);
    host.now = NOW + LIFE / 2 - 1;
    cr_assert_eq (look (), 0);
    host.now++;
    cr_assert_eq (look (), GODWIT__REALM_CREDENTIAL);
    cr_assert_eq (credential_number (), 2);
    cr_assert_eq (proof_until (), host.now + LIFE);
    cr_assert_arr_eq (godwit__realm_instance (host.realm), instance, sizeof instance);
    godwit__keyring_t *after = godwit__realm_keyring (host.realm);
    cr_assert_eq (before, after);
    peer.now = NOW + LIFE + SKEW; /* the first proof has ended */
    cr_assert (is_admitted (), "%s", text);
    cr_assert_eq (look (), 0);
    cr_assert_str_eq (host.notes, "");
    godwit__keyring_unref (&before);
    godwit__keyring_unref (&after);
}

LookTest (a_process_proof_never_lasts_longer_than_its_certificate)
{
    host.now = UNTIL - LIFE / 4;
    cr_assert_eq (look (), GODWIT__REALM_CREDENTIAL);
    cr_assert_eq (proof_until (), UNTIL);
    for (; host.now < UNTIL + 10; host.now += LIFE / 16)
        cr_assert_eq (look (), 0); /* another one would not be longer */
}

/* Only new connections see it: for the other ends of open ones, whose clocks may be right, it has ended. */
LookTest (a_clock_that_was_set_back_gets_a_shorter_proof)
{
    host.now = NOW - SKEW;
    cr_assert_eq (look (), 0);
    cr_assert_eq (proof_until (), NOW + LIFE);
    host.now--;
    cr_assert_eq (look (), 0);
    cr_assert_eq (proof_until (), host.now + LIFE);
    cr_assert_eq (credential_number (), 1);
}

LookTest (a_clock_that_was_set_back_ends_no_open_connection)
{
    host.now = NOW - 3 * DAY;
    peer.now = NOW;
    cr_assert_eq (look (), 0);
    cr_assert_not (is_admitted ());
    host.now += LIFE / 2; /* renewed, and still shorter than the one that was told */
    cr_assert_eq (look (), 0);
    cr_assert_eq (proof_until (), host.now + LIFE);
    cr_assert_eq (credential_number (), 1);
    /* The clock is right again: all are told. */
    host.now = peer.now = NOW + LIFE / 2;
    cr_assert_eq (look (), GODWIT__REALM_CREDENTIAL);
    cr_assert_eq (credential_number (), 2);
    cr_assert_eq (proof_until (), host.now + LIFE);
    cr_assert (is_admitted (), "%s", text);
}

LookTest (a_new_certificate_is_told_also_by_a_clock_that_was_set_back)
{
    host.now = NOW - LIFE;
    cr_assert_eq (look (), 0);
    realm_host_issue (files, "host");
    cr_assert_eq (look (), GODWIT__REALM_CREDENTIAL);
    cr_assert_eq (credential_number (), 2);
    cr_assert_eq (proof_until (), host.now + LIFE);
    host.now += LIFE / 2;
    cr_assert_eq (look (), GODWIT__REALM_CREDENTIAL);
    cr_assert_eq (credential_number (), 3);
}

/* Time passes, by both clocks. */
static void
pass (int64_t seconds)
{
    host.now += seconds;
    host.elapsed += seconds;
}

/* Looks every minute until the watcher is told, or that long. */
static bool
is_told_within (int64_t seconds)
{
    const int64_t end = host.elapsed + seconds;
    while (host.elapsed < end) {
        pass (60);
        if (look () == GODWIT__REALM_CREDENTIAL)
            return true;
    }
    return false;
}

/* Ends of connections that were made when the clock was right again. */
LookTest (a_clock_that_was_ahead_for_a_moment_keeps_no_proof_back_for_long)
{
    host.now += 30 * DAY;
    cr_assert_eq (look (), GODWIT__REALM_CREDENTIAL);
    host.now -= 30 * DAY;
    cr_assert_eq (look (), 0);
    godwit__party_t *party = godwit__realm_self (host.realm);
    cr_assert (is_told_within (LIFE + SKEW));
    peer.now = host.now;
    cr_assert_eq (godwit__realm_judge (peer.realm, party, text), GODWIT__NO_ENTRY_NONE, "%s", text);
    cr_assert (is_admitted (), "%s", text);
    cr_assert_eq (credential_number (), 3);
    for (int i = 0; i < 5; i++)
        cr_assert (is_told_within (LIFE / 2 + 60));
    godwit__party_unref (&party);
}

/* Also one of them has a proof that is longer than the next. */
LookTest (each_time_that_a_clock_is_set_back_has_its_day)
{
    for (int i = 0; i < 3; i++) {
        host.now -= DAY;
        cr_assert_not (is_told_within (LIFE - 60));
    }
    cr_assert_eq (credential_number (), 1);
    cr_assert (is_told_within (120));
}

/* ---- the member file ---- */

LookTest (a_new_certificate_is_taken)
{
    realm_host_issue (files, "host");
    cr_assert_eq (look (), GODWIT__REALM_CREDENTIAL);
    cr_assert_eq (credential_number (), 2);
    cr_assert_eq (own_serial (), godwit__test_realm_serial (files, "host"));
    cr_assert (is_admitted (), "%s", text);
    cr_assert (realm_host_said (&host, "host.member: read again, with certificate \"host\" (serial 7f3c)"),
               "%s", host.notes);
    cr_assert_not (realm_host_said (&host, "warning"));
    cr_assert_eq (look (), 0);
}

LookTest (a_new_certificate_has_its_own_rights)
{
    godwit__test_realm_issue (
        files, GODWIT__TEST_MEMBER (.name = "host", .rights = {"call a/b"}, .from = FROM, .until = UNTIL));
    look ();
    godwit__party_t *party = godwit__realm_self (host.realm);
    cr_assert (godwit__party_may_topic (party, GODWIT__VERB_CALL, "a", "b"));
    cr_assert_not (godwit__party_may_topic (party, GODWIT__VERB_CALL, "a", "c"));
    godwit__party_unref (&party);
}

/* A copy of the same file is no news. */
LookTest (the_same_file_again_changes_nothing)
{
    char copy[GODWIT__MEMBER_FILE_MAX];
    const char *const path = godwit__test_realm_path (files, "host");
    FILE *const file = fopen (path, "r");
    const size_t size = fread (copy, 1, sizeof copy, file);
    fclose (file);
    godwit__test_write_file (path, copy, size, 0600);
    cr_assert_eq (look (), 0);
    cr_assert_eq (credential_number (), 1);
}

LookTest (another_door_is_told)
{
    godwit__keyring_t *before = godwit__realm_keyring (host.realm);
    godwit__test_realm_add_door (files);
    realm_host_issue (files, "host");
    cr_assert_eq (look (), GODWIT__REALM_CREDENTIAL | GODWIT__REALM_KEYS);
    godwit__keyring_t *both = godwit__realm_keyring (host.realm);
    cr_assert_eq (both->door_count, 2);
    cr_assert_arr_eq (both->doors[0], before->doors[0], GODWIT__PUBLIC_SIZE);
    godwit__test_realm_swap_doors (files);
    realm_host_issue (files, "host");
    cr_assert_eq (look (), GODWIT__REALM_CREDENTIAL | GODWIT__REALM_KEYS);
    godwit__test_realm_drop_door (files);
    realm_host_issue (files, "host");
    cr_assert_eq (look (), GODWIT__REALM_CREDENTIAL | GODWIT__REALM_KEYS);
    godwit__keyring_t *after = godwit__realm_keyring (host.realm);
    cr_assert_eq (after->door_count, 1);
    cr_assert_arr_eq (after->doors[0], both->doors[1], GODWIT__PUBLIC_SIZE);
    cr_assert_eq (before->door_count, 1); /* a handshake goes on with it */
    cr_assert_arr_eq (after->curve, before->curve, GODWIT__PUBLIC_SIZE);
    godwit__keyring_unref (&before);
    godwit__keyring_unref (&both);
    godwit__keyring_unref (&after);
}

/* A realm key is changed in three steps, and each process is let in by each other in between. */
LookTest (a_realm_key_is_changed)
{
    godwit__test_realm_add_key (files);
    realm_host_issue (files, "host");
    cr_assert_eq (look (), GODWIT__REALM_CREDENTIAL | GODWIT__REALM_KEYS);
    cr_assert (is_admitted (), "%s", text);
    realm_host_issue (files, "peer");
    MUST (godwit__realm_look (peer.realm, false, &error));
    godwit__test_realm_swap_keys (files);
    realm_host_issue (files, "host");
    look ();
    cr_assert (is_admitted (), "%s", text);
    realm_host_issue (files, "peer");
    MUST (godwit__realm_look (peer.realm, false, &error));
    godwit__test_realm_drop_key (files);
    realm_host_issue (files, "host");
    look ();
    cr_assert (is_admitted (), "%s", text);
    cr_assert_eq (host.realm->own.file.realm_count, 1);
}

LookTest (who_has_an_old_realm_key_may_not_stay)
{
    godwit__party_t *party = godwit__realm_self (peer.realm);
    godwit__test_realm_add_key (files);
    godwit__test_realm_swap_keys (files);
    realm_host_issue (files, "host");
    look ();
    cr_assert_eq (godwit__realm_judge (host.realm, party, text), GODWIT__NO_ENTRY_NONE);
    godwit__test_realm_drop_key (files);
    realm_host_issue (files, "host");
    cr_assert_eq (look (), GODWIT__REALM_CREDENTIAL | GODWIT__REALM_KEYS);
    cr_assert_eq (godwit__realm_judge (host.realm, party, text), GODWIT__NO_ENTRY_WRONG_REALM);
    cr_assert_str_eq (text, "certificate \"peer\" (serial 7f3b) is of another realm");
    godwit__party_unref (&party);
}

/* ---- a new file that cannot be used ---- */

static void
assert_old_one_stays (const char *why)
{
    host.notes[0] = '\0';
    cr_assert_eq (look (), 0);
    cr_assert (realm_host_said (&host, "warning: "), "%s", host.notes);
    cr_assert (realm_host_said (&host, why), "%s", host.notes);
    cr_assert (realm_host_said (&host, "; the old one stays in use"), "%s", host.notes);
    host.notes[0] = '\0';
    for (int i = 0; i < 3; i++)
        cr_assert_eq (look (), 0);
    cr_assert_str_eq (host.notes, ""); /* said once */
    cr_assert_eq (own_serial (), 0x7f3a);
    cr_assert_eq (credential_number (), 1);
    cr_assert (is_admitted (), "%s", text);
}

LookTest (a_damaged_file_is_not_taken)
{
    const char *const path = godwit__test_realm_path (files, "host");
    godwit__test_write_file (path, "[godwit-member]\n", 16, 0600);
    assert_old_one_stays ("host.member: expected a line `format = ...`");
    assert_forced_look_fails (GODWIT_ERR_MALFORMED, "host.member: expected a line `format = ...`");
    cr_assert_str_eq (host.notes, ""); /* the caller has the error */
    godwit__test_write_file (path, "[godwit]\n", 9, 0600);
    assert_old_one_stays ("host.member:1: expected one section"); /* another mistake is said, too */
    realm_host_issue (files, "host");
    cr_assert_eq (look (), GODWIT__REALM_CREDENTIAL);
}

/* A mode does not change when a file was written, but its state all the same. */
LookTest (a_mode_is_seen_and_mended)
{
    const char *const path = realm_host_issue (files, "host");
    cr_assert_eq (chmod (path, 0644), 0);
    assert_old_one_stays ("host.member: mode 0644; it holds keys, so 0600 or 0640");
    cr_assert_eq (chmod (path, 0600), 0);
    cr_assert_eq (look (), GODWIT__REALM_CREDENTIAL);
}

LookTest (a_file_that_is_gone_is_no_reason_to_end)
{
    const char *const path = godwit__test_realm_path (files, "host");
    cr_assert_eq (unlink (path), 0);
    assert_old_one_stays ("host.member: No such file or directory");
    realm_host_issue (files, "host");
    cr_assert_eq (look (), GODWIT__REALM_CREDENTIAL);
}

LookTest (another_realm_needs_a_new_start)
{
    char copy[GODWIT__MEMBER_FILE_MAX];
    godwit__test_realm_t *foreign = godwit__test_realm_foreign (files, 2);
    FILE *const file = fopen (realm_host_issue (foreign, "host"), "r");
    const size_t size = fread (copy, 1, sizeof copy, file);
    fclose (file);
    godwit__test_write_file (godwit__test_realm_path (files, "host"), copy, size, 0600);
    assert_old_one_stays ("host.member: it is of another realm: that needs a new start of the process");
    godwit__test_realm_destroy (&foreign);
}

LookTest (what_has_ended_is_not_taken)
{
    godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "host", .from = FROM, .until = NOW - SKEW));
    assert_old_one_stays ("host.member: certificate \"host\" (serial 7f3c) has ended");
}

LookTest (what_was_revoked_is_not_taken)
{
    realm_host_issue (files, "other");
    godwit__test_realm_revoke (files, "other");
    const godwit__bulletin_t *const bulletin = godwit__test_realm_bulletin (files);
    MUST (godwit__realm_take_bulletin (host.realm, bulletin->sealed, bulletin->sealed_size, &error));
    godwit__test_realm_issue (
        files, GODWIT__TEST_MEMBER (.name = "host", .from = FROM, .until = UNTIL, .serial = 0x7f3c));
    assert_old_one_stays ("host.member: certificate \"host\" (serial 7f3c) was revoked");
}

LookTest (what_is_not_valid_yet_waits)
{
    godwit__test_realm_issue (files,
                              GODWIT__TEST_MEMBER (.name = "host", .from = NOW + 2 * SKEW, .until = UNTIL));
    assert_old_one_stays ("host.member: certificate \"host\" (serial 7f3c) is not valid yet");
    host.now = NOW + SKEW - 1;
    cr_assert_eq (look (), 0);
    host.now++;
    cr_assert_eq (look (), GODWIT__REALM_CREDENTIAL);
    cr_assert_eq (own_serial (), 0x7f3c);
    cr_assert_eq (look (), 0);
}

/* ---- the bulletin's file ---- */

LookTest (a_newer_bulletin_holds_at_once)
{
    godwit__party_t *party = godwit__realm_self (peer.realm);
    godwit__test_realm_revoke (files, "peer");
    godwit__test_realm_put_bulletin (files, "host");
    cr_assert_eq (look (), GODWIT__REALM_BULLETIN);
    cr_assert_eq (godwit__realm_bulletin_number (host.realm), 1);
    cr_assert_eq (godwit__realm_judge (host.realm, party, text), GODWIT__NO_ENTRY_REVOKED);
    cr_assert (realm_host_said (&host, "Bulletin 1 holds now"), "%s", host.notes);
    cr_assert_not (realm_host_said (&host, "warning"));
    cr_assert_eq (look (), 0);
    godwit__party_unref (&party);
}

LookTest (an_older_bulletin_is_ignored)
{
    godwit__test_realm_revoke (files, "peer");
    godwit__test_realm_put_bulletin (files, "host");
    godwit__test_realm_revoke_serial (files, 5);
    const godwit__bulletin_t *const newer = godwit__test_realm_bulletin (files);
    MUST (godwit__realm_take_bulletin (host.realm, newer->sealed, newer->sealed_size, &error));
    cr_assert_eq (look (), 0); /* the file has number 1 */
    cr_assert_eq (godwit__realm_bulletin_number (host.realm), 2);
    cr_assert_not (realm_host_said (&host, "warning"));
}

LookTest (a_damaged_bulletin_is_not_taken)
{
    godwit__test_realm_revoke (files, "peer");
    const char *const path = godwit__test_realm_put_bulletin (files, "host");
    look ();
    host.notes[0] = '\0';
    godwit__test_write_file (path, "\x92", 1, 0644);
    cr_assert_eq (look (), 0);
    cr_assert (realm_host_said (&host, "host.bulletin: bulletin: "), "%s", host.notes);
    cr_assert (realm_host_said (&host, "; the old one stays in use"), "%s", host.notes);
    host.notes[0] = '\0';
    cr_assert_eq (look (), 0);
    cr_assert_str_eq (host.notes, "");
    cr_assert_eq (godwit__realm_bulletin_number (host.realm), 1);
    assert_forced_look_fails (GODWIT_ERR_MALFORMED, "host.bulletin: bulletin: ");
    cr_assert_eq (unlink (path), 0);
    cr_assert_eq (look (), 0);
    cr_assert_eq (godwit__realm_bulletin_number (host.realm), 1);
    cr_assert_str_eq (host.notes, "");
}

/* The error of the member file is returned; that of the bulletin is not lost. */
LookTest (two_mistakes_are_both_told)
{
    godwit__test_realm_revoke (files, "peer");
    const char *const bulletin = godwit__test_realm_put_bulletin (files, "host");
    godwit__test_write_file (bulletin, "\x92", 1, 0644);
    godwit__test_write_file (godwit__test_realm_path (files, "host"), "", 0, 0600);
    assert_forced_look_fails (GODWIT_ERR_MALFORMED, "host.member: ");
    cr_assert (realm_host_said (&host, "host.bulletin: "), "%s", host.notes);
    cr_assert_eq (godwit__realm_look (host.realm, true, NULL), GODWIT_ERR_MALFORMED);
}

/* Files come one after the other: the bulletin of a new realm key before the member file that trusts it. */
LookTest (a_bulletin_of_a_new_realm_key_waits_for_it)
{
    godwit__test_realm_add_key (files);
    godwit__test_realm_swap_keys (files);
    godwit__test_realm_revoke (files, "peer");
    godwit__test_realm_put_bulletin (files, "host");
    cr_assert_eq (look (), 0);
    cr_assert (realm_host_said (&host, "its realm key is none of ours"), "%s", host.notes);
    realm_host_issue (files, "host");
    cr_assert_eq (look (), GODWIT__REALM_CREDENTIAL | GODWIT__REALM_KEYS | GODWIT__REALM_BULLETIN);
    cr_assert_eq (godwit__realm_bulletin_number (host.realm), 1);
}

/* ---- bulletins of others ---- */

static godwit_status_t
take (realm_host_t *to, const godwit__bulletin_t *bulletin)
{
    return godwit__realm_take_bulletin (to->realm, bulletin->sealed, bulletin->sealed_size, NULL);
}

LookTest (bulletins_of_others)
{
    godwit__test_realm_t *foreign = godwit__test_realm_foreign (files, 2);
    godwit__test_realm_revoke_serial (foreign, 5);
    godwit__test_realm_revoke (files, "peer");
    const godwit__bulletin_t *const bulletin = godwit__test_realm_bulletin (files);
    cr_assert_eq (take (&host, bulletin), GODWIT_OK);
    cr_assert_eq (watcher.calls, 1);
    cr_assert_eq (watcher.changes, GODWIT__REALM_BULLETIN);
    cr_assert_eq (take (&host, bulletin), GODWIT_ERR_NOT_FOUND);
    cr_assert_eq (take (&host, godwit__test_realm_bulletin (foreign)), GODWIT_ERR_PERMISSION_DENIED);
    cr_assert_eq (godwit__realm_take_bulletin (host.realm, bulletin->sealed, bulletin->sealed_size - 1, NULL),
                  GODWIT_ERR_NOT_FOUND, "what is not newer is not read to its end");
    cr_assert_eq (godwit__realm_take_bulletin (host.realm, NULL, 0, NULL), GODWIT_ERR_MALFORMED);
    cr_assert_eq (watcher.calls, 1);
    /* What one has, another one can take. */
    godwit__bulletin_t *own = godwit__realm_bulletin (host.realm);
    cr_assert_eq (take (&peer, own), GODWIT_OK);
    godwit__bulletin_unref (&own);
    godwit__test_realm_revoke_serial (files, 4711);
    const godwit__bulletin_t *const newer = godwit__test_realm_bulletin (files);
    cr_assert_eq (godwit__realm_take_bulletin (host.realm, newer->sealed, newer->sealed_size - 1, NULL),
                  GODWIT_ERR_MALFORMED);
    cr_assert_eq (take (&host, newer), GODWIT_OK);
    godwit__test_realm_destroy (&foreign);
}

LookTest (a_process_learns_that_it_was_revoked)
{
    godwit__test_realm_revoke (files, "host");
    cr_assert_eq (take (&host, godwit__test_realm_bulletin (files)), GODWIT_OK);
    cr_assert (realm_host_said (&host, "warning: Our own certificate \"host\" (serial 7f3a) was revoked"),
               "%s", host.notes);
}

/* A stolen realm key has made a bulletin with the highest number; then the key is dropped everywhere. */
LookTest (a_bulletin_of_a_dropped_realm_key_gives_way)
{
    godwit__bulletin_t fields = {.number = UINT64_MAX, .issued = NOW};
    godwit__bulletin_t *stolen = NULL;
    godwit__party_t *party = godwit__realm_self (peer.realm);
    godwit__realm_id (fields.realm, godwit__test_realm_key (files));
    fields.revoked = &(godwit__revocation_t){.serial = party->certificate.serial, .until = UNTIL};
    fields.revoked_count = 1;
    MUST (godwit__bulletin_new (&stolen, &fields, godwit__test_realm_secret (files), &error));
    cr_assert_eq (take (&host, stolen), GODWIT_OK);
    godwit__test_realm_add_key (files);
    godwit__test_realm_swap_keys (files);
    realm_host_issue (files, "host");
    look ();
    godwit__test_realm_revoke_serial (files, 5); /* number 1, of the new key */
    cr_assert_eq (take (&host, godwit__test_realm_bulletin (files)), GODWIT_ERR_NOT_FOUND);
    godwit__test_realm_drop_key (files);
    realm_host_issue (files, "host");
    look ();
    cr_assert_eq (godwit__realm_bulletin_number (host.realm), 0); /* nobody is told of it */
    cr_assert_null (godwit__realm_bulletin (host.realm));
    /* What it has revoked stays so until another one comes. */
    realm_host_open (
        &peer, godwit__test_realm_issue (files, GODWIT__TEST_MEMBER (.name = "peer", .from = FROM,
                                                                     .until = UNTIL, .serial = 0x7f3b)));
    godwit__party_unref (&party);
    party = godwit__realm_self (peer.realm);
    cr_assert_eq (godwit__realm_judge (host.realm, party, text), GODWIT__NO_ENTRY_REVOKED);
    cr_assert_eq (take (&host, stolen), GODWIT_ERR_PERMISSION_DENIED);
    cr_assert_eq (take (&host, godwit__test_realm_bulletin (files)), GODWIT_OK);
    cr_assert_eq (godwit__realm_bulletin_number (host.realm), 1);
    cr_assert_eq (godwit__realm_judge (host.realm, party, text), GODWIT__NO_ENTRY_NONE);
    godwit__party_unref (&party);
    godwit__bulletin_unref (&stolen);
}

/* The thief has made everything void. A member file without his key is taken all the same: it is the way out.
 */
LookTest (a_file_without_the_dropped_key_does_not_mind_its_bulletin)
{
    godwit__bulletin_t fields = {.number = UINT64_MAX, .issued = NOW, .before = UNTIL};
    godwit__bulletin_t *stolen = NULL;
    godwit__realm_id (fields.realm, godwit__test_realm_key (files));
    MUST (godwit__bulletin_new (&stolen, &fields, godwit__test_realm_secret (files), &error));
    godwit__test_realm_add_key (files);
    godwit__test_realm_swap_keys (files);
    realm_host_issue (files, "host");
    look ();
    cr_assert_eq (take (&host, stolen), GODWIT_OK);
    godwit__test_realm_drop_key (files);
    realm_host_issue (files, "host");
    MUST (godwit__realm_look (host.realm, true, &error));
    cr_assert_eq (take (&host, stolen), GODWIT_ERR_PERMISSION_DENIED);
    godwit__bulletin_unref (&stolen);
}

/* ---- watchers ---- */

LookTest (whoever_watches_is_told)
{
    watcher_t second = {.calls = 0};
    second.watch = (godwit__realm_watch_t){.changed = changed, .user = &second};
    godwit__realm_watch (host.realm, &second.watch);
    realm_host_issue (files, "host");
    look ();
    cr_assert_eq (second.calls, 1);
    cr_assert_eq (second.changes, GODWIT__REALM_CREDENTIAL);
    godwit__realm_unwatch (host.realm, &watcher.watch);
    realm_host_issue (files, "host");
    MUST (godwit__realm_look (host.realm, false, &error));
    cr_assert_eq (watcher.calls, 1);
    cr_assert_eq (second.calls, 2);
    godwit__realm_unwatch (host.realm, &watcher.watch);
    godwit__realm_unwatch (host.realm, &second.watch);
}

/* ---- how long it lasts ---- */

LookTest (days_left)
{
    static const struct {
        int64_t before_the_end;
        int days;
    } rows[] = {
        {30 * DAY + 1, 0}, {30 * DAY, 30}, {29 * DAY + 1, 30}, {29 * DAY, 29}, {DAY + 1, 2}, {DAY, 1}, {1, 1},
        {0, -1},           {-DAY, -1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        host.now = UNTIL - rows[i].before_the_end;
        cr_assert_eq (godwit__realm_days_left (host.realm), rows[i].days, "%zu", i);
    }
}

/* ---- threads ---- */

static atomic_bool is_over;
static atomic_uint told;

static void
count_calls (godwit__realm_watch_t *watch, unsigned changes)
{
    (void) watch;
    (void) changes;
    atomic_fetch_add (&told, 1);
}

/* Everything that a driver asks, while the files change. */
static void *
ask (void *user)
{
    (void) user;
    while (!is_over) {
        char own_text[GODWIT__ADMIT_TEXT];
        godwit__party_t *party = NULL;
        godwit__credential_t *credential = godwit__realm_credential (host.realm);
        godwit__keyring_t *keyring = godwit__realm_keyring (host.realm);
        godwit__realm_watch_t watch = {.changed = count_calls};
        godwit__realm_watch (host.realm, &watch);
        godwit__realm_admit (host.realm, credential->bytes, credential->size, keyring->curve, &party,
                             own_text);
        godwit__realm_judge (host.realm, party, own_text);
        godwit__realm_bulletin_number (host.realm);
        godwit__realm_days_left (host.realm);
        godwit__realm_unwatch (host.realm, &watch);
        godwit__party_unref (&party);
        godwit__credential_unref (&credential);
        godwit__keyring_unref (&keyring);
    }
    return NULL;
}

static void *
look_often (void *user)
{
    (void) user;
    while (!is_over)
        godwit__realm_look (host.realm, false, NULL);
    return NULL;
}

LookTest (any_thread_may_ask)
{
    enum { ASKING = 2, LOOKING = 2, ROUNDS = 40 };
    pthread_t threads[ASKING + LOOKING];
    host.files = NULL; /* which change meanwhile */
    godwit__realm_unwatch (host.realm, &watcher.watch);
    for (size_t i = 0; i < ASKING + LOOKING; i++)
        cr_assert_eq (pthread_create (&threads[i], NULL, i < ASKING ? ask : look_often, NULL), 0);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        realm_host_issue (files, "host");
        godwit__test_realm_revoke_serial (files, 1 + round);
        cr_assert_eq (take (&host, godwit__test_realm_bulletin (files)), GODWIT_OK);
        MUST (godwit__realm_look (host.realm, true, &error));
        cr_assert_eq (own_serial (), godwit__test_realm_serial (files, "host"));
    }
    is_over = true;
    for (size_t i = 0; i < ASKING + LOOKING; i++)
        pthread_join (threads[i], NULL);
    cr_assert_eq (godwit__realm_bulletin_number (host.realm), ROUNDS);
}
