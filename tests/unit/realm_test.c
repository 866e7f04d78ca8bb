/* SPDX-License-Identifier: Apache-2.0 */
/* Who is let into a realm, and who may stay. */
#include "src/realm/realm_inside.h"
#include "src/realm/strict.h"
#include "tests/support/realm_host.h"

#include <stdlib.h>

#define COUNT(array_) (sizeof (array_) / sizeof ((array_)[0]))
#define NOW REALM_HOST_NOW
#define FROM REALM_HOST_FROM
#define UNTIL REALM_HOST_UNTIL
#define SKEW GODWIT__CLOCK_SKEW_S

TestSuite (realm, .timeout = 60);

static godwit__test_realm_t *files;
static realm_host_t server, client; /* the client asks to be let in */
static char text[GODWIT__ADMIT_TEXT];

static void
make_realm (void)
{
    files = godwit__test_realm_new (1);
    server.files = client.files = files;
    server.now = client.now = NOW;
    realm_host_open (&server, realm_host_issue (files, "server"));
    realm_host_open (&client, realm_host_issue (files, "client"));
}

static void
remove_realm (void)
{
    godwit__realm_close (&server.realm);
    godwit__realm_close (&client.realm);
    godwit__test_realm_destroy (&files);
}

#define RealmTest(name_) Test (realm, name_, .init = make_realm, .fini = remove_realm)

/* ---- asking ---- */

/* The credential and K of the client are shown to the server; admitted ones are given back. */
static godwit__no_entry_t
admit_bytes (const uint8_t *bytes, size_t size, const uint8_t *curve)
{
    godwit__party_t *party = NULL;
    const godwit__no_entry_t reason = godwit__realm_admit (server.realm, bytes, size, curve, &party, text);
    cr_assert_eq (party != NULL, reason == GODWIT__NO_ENTRY_NONE);
    cr_assert_eq (text[0] == '\0', reason == GODWIT__NO_ENTRY_NONE, "%s", text);
    cr_assert_not (godwit__test_realm_leaks (files, text, strlen (text)));
    godwit__party_unref (&party);
    return reason;
}

static godwit__no_entry_t
admit (void)
{
    godwit__credential_t *credential = godwit__realm_credential (client.realm);
    godwit__keyring_t *keyring = godwit__realm_keyring (client.realm);
    const godwit__no_entry_t reason = admit_bytes (credential->bytes, credential->size, keyring->curve);
    godwit__credential_unref (&credential);
    godwit__keyring_unref (&keyring);
    return reason;
}

#define ASSERT_REFUSED(reason_, text_)                                                                       \
    do {                                                                                                     \
        cr_assert_eq (admit (), GODWIT__NO_ENTRY_##reason_, "%s", text);                                     \
        cr_assert_str_eq (text, text_);                                                                      \
    } while (0)
#define ASSERT_ADMITTED() cr_assert_eq (admit (), GODWIT__NO_ENTRY_NONE, "%s", text)

/* ---- let in ---- */

RealmTest (a_member_is_let_in)
{
    godwit__party_t *party = NULL;
    godwit__credential_t *credential = godwit__realm_credential (client.realm);
    godwit__keyring_t *keyring = godwit__realm_keyring (client.realm);
    cr_assert_eq (
        godwit__realm_admit (server.realm, credential->bytes, credential->size, keyring->curve, &party, text),
        GODWIT__NO_ENTRY_NONE, "%s", text);
    cr_assert_str_eq (party->certificate.name, "client");
    cr_assert_eq (party->certificate.serial, godwit__test_realm_serial (files, "client"));
    cr_assert_arr_eq (party->instance, godwit__realm_instance (client.realm), GODWIT__INSTANCE_SIZE);
    cr_assert_arr_eq (party->proof.curve, keyring->curve, GODWIT__PUBLIC_SIZE);
    cr_assert_eq (party->proof.until, NOW + GODWIT__PROOF_LIFE_S);
    cr_assert_eq (godwit__party_until (party), NOW + GODWIT__PROOF_LIFE_S + SKEW);
    cr_assert (godwit__party_may_topic (party, GODWIT__VERB_SERVE, "godwit", "billing"));
    cr_assert (godwit__party_may_host (party));
    godwit__party_unref (&party);
    godwit__credential_unref (&credential);
    godwit__keyring_unref (&keyring);
}

RealmTest (others_see_what_a_process_sees_of_itself)
{
    godwit__party_t *self = godwit__realm_self (client.realm);
    cr_assert_str_eq (self->certificate.name, "client");
    cr_assert_arr_eq (self->instance, godwit__realm_instance (client.realm), GODWIT__INSTANCE_SIZE);
    cr_assert_eq (godwit__realm_judge (server.realm, self, text), GODWIT__NO_ENTRY_NONE);
    godwit__party_unref (&self);
}

RealmTest (rights_are_those_of_the_certificate)
{
    realm_host_open (&client,
                     godwit__test_realm_issue (
                         files, GODWIT__TEST_MEMBER (.name = "client", .rights = {"serve a/b", "call a/*"},
                                                     .from = FROM, .until = UNTIL)));
    godwit__party_t *self = godwit__realm_self (client.realm);
    cr_assert (godwit__party_may_topic (self, GODWIT__VERB_SERVE, "a", "b"));
    cr_assert_not (godwit__party_may_topic (self, GODWIT__VERB_SERVE, "a", "c"));
    cr_assert_not (godwit__party_may_topic (self, GODWIT__VERB_PUBLISH, "a", "b"));
    cr_assert_not (godwit__party_may_host (self));
    godwit__party_unref (&self);
    ASSERT_ADMITTED ();
}

/* security.md, section 2: 401 bytes with 3 rights. */
RealmTest (a_credential_is_small)
{
    godwit__credential_t *credential = godwit__realm_credential (client.realm);
    cr_assert_leq (credential->size, 460);
    cr_assert_eq (credential->number, 1);
    godwit__credential_unref (&credential);
}

/* Nobody has proven a key on a local socket. */
RealmTest (without_a_proven_key_the_credential_is_believed)
{
    godwit__credential_t *credential = godwit__realm_credential (client.realm);
    cr_assert_eq (admit_bytes (credential->bytes, credential->size, NULL), GODWIT__NO_ENTRY_NONE);
    godwit__credential_unref (&credential);
}

/* ---- not let in ---- */

RealmTest (without_a_credential_nobody_is_let_in)
{
    cr_assert_eq (admit_bytes (NULL, 0, NULL), GODWIT__NO_ENTRY_NO_CERTIFICATE);
    cr_assert_str_eq (text, "it has shown no credential");
}

RealmTest (another_realm_with_our_door_is_refused)
{
    godwit__test_realm_t *foreign = godwit__test_realm_foreign (files, 2);
    realm_host_open (&client,
                     godwit__test_realm_issue (
                         foreign, GODWIT__TEST_MEMBER (.name = "client", .from = FROM, .until = UNTIL)));
    ASSERT_REFUSED (WRONG_REALM, "certificate \"client\" (serial 7f3a) is of another realm");
    godwit__test_realm_destroy (&foreign);
}

RealmTest (a_certificate_ends_but_for_the_skew)
{
    realm_host_open (&client,
                     godwit__test_realm_issue (
                         files, GODWIT__TEST_MEMBER (.name = "client", .from = FROM, .until = NOW + 1000)));
    server.now = NOW + 1000 + SKEW - 1;
    ASSERT_ADMITTED ();
    server.now++;
    ASSERT_REFUSED (EXPIRED, "certificate \"client\" (serial 7f3c) has ended");
}

RealmTest (a_certificate_begins_but_for_the_skew)
{
    realm_host_open (&client,
                     godwit__test_realm_issue (
                         files, GODWIT__TEST_MEMBER (.name = "client", .from = NOW, .until = UNTIL)));
    server.now = NOW - SKEW;
    ASSERT_ADMITTED ();
    server.now--;
    client.now--; /* its proof is no longer than a day for us */
    realm_host_open (&client, godwit__test_realm_path (files, "client"));
    ASSERT_REFUSED (NOT_YET_VALID, "certificate \"client\" (serial 7f3c) is not valid yet");
}

RealmTest (a_process_proof_ends_but_for_the_skew)
{
    server.now = NOW + GODWIT__PROOF_LIFE_S + SKEW - 1;
    ASSERT_ADMITTED ();
    server.now++;
    ASSERT_REFUSED (EXPIRED, "certificate \"client\" (serial 7f3b): the proof of its process has ended");
}

RealmTest (a_process_proof_is_not_longer_than_a_day)
{
    server.now = NOW - SKEW;
    ASSERT_ADMITTED ();
    server.now--;
    ASSERT_REFUSED (NOT_YET_VALID, "certificate \"client\" (serial 7f3b): its process proof lasts for more "
                                   "than 24 hours: compare the clocks");
}

RealmTest (a_process_proof_ends_with_its_certificate)
{
    realm_host_open (&client,
                     godwit__test_realm_issue (
                         files, GODWIT__TEST_MEMBER (.name = "client", .from = FROM, .until = NOW + 1000)));
    godwit__party_t *self = godwit__realm_self (client.realm);
    cr_assert_eq (self->proof.until, NOW + 1000);
    godwit__party_unref (&self);
}

static void
revoke (const char *name)
{
    godwit__test_realm_revoke (files, name);
    const godwit__bulletin_t *const bulletin = godwit__test_realm_bulletin (files);
    MUST (godwit__realm_take_bulletin (server.realm, bulletin->sealed, bulletin->sealed_size, &error));
}

/* The signature is known already; the bulletin is asked all the same. */
RealmTest (the_revoked_is_refused)
{
    ASSERT_ADMITTED ();
    revoke ("client");
    ASSERT_REFUSED (REVOKED, "certificate \"client\" (serial 7f3b) was revoked");
    realm_host_open (&client, realm_host_issue (files, "client"));
    ASSERT_ADMITTED ();
}

RealmTest (what_is_older_than_a_date_is_refused)
{
    godwit__test_realm_void_before (files, FROM);
    const godwit__bulletin_t *bulletin = godwit__test_realm_bulletin (files);
    MUST (godwit__realm_take_bulletin (server.realm, bulletin->sealed, bulletin->sealed_size, &error));
    ASSERT_ADMITTED ();
    godwit__test_realm_void_before (files, FROM + 1);
    bulletin = godwit__test_realm_bulletin (files);
    MUST (godwit__realm_take_bulletin (server.realm, bulletin->sealed, bulletin->sealed_size, &error));
    ASSERT_REFUSED (REVOKED, "certificate \"client\" (serial 7f3b) was revoked");
}

/* A thief of a credential cannot prove its K. */
RealmTest (another_key_is_refused)
{
    godwit__credential_t *credential = godwit__realm_credential (client.realm);
    godwit__keyring_t *keyring = godwit__realm_keyring (server.realm);
    cr_assert_eq (admit_bytes (credential->bytes, credential->size, keyring->curve),
                  GODWIT__NO_ENTRY_OTHER_KEY);
    cr_assert_str_eq (text, "certificate \"client\" (serial 7f3b): its process proof is for another key");
    godwit__credential_unref (&credential);
    godwit__keyring_unref (&keyring);
}

/* ---- credentials that nobody made so ---- */

RealmTest (every_altered_byte_is_refused)
{
    godwit__keyring_t *keyring = godwit__realm_keyring (client.realm);
    godwit__credential_t *credential = godwit__realm_credential (client.realm);
    uint8_t bytes[GODWIT__CREDENTIAL_SIZE_MAX];
    memcpy (bytes, credential->bytes, credential->size);
    ASSERT_ADMITTED (); /* so that its signatures are known */
    for (size_t at = 0; at < credential->size; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes[at] ^= (uint8_t) (1u << bit);
            cr_assert_neq (admit_bytes (bytes, credential->size, keyring->curve), GODWIT__NO_ENTRY_NONE,
                           "byte %zu, bit %u", at, bit);
            bytes[at] ^= (uint8_t) (1u << bit);
        }
    }
    ASSERT_ADMITTED ();
    godwit__credential_unref (&credential);
    godwit__keyring_unref (&keyring);
}

RealmTest (a_part_or_more_is_refused)
{
    godwit__credential_t *credential = godwit__realm_credential (client.realm);
    uint8_t bytes[GODWIT__CREDENTIAL_SIZE_MAX + 1] = {0};
    for (size_t size = 0; size < credential->size; size++) {
        uint8_t *const copy = malloc (size ? size : 1); /* so that AddressSanitizer sees its end */
        memcpy (copy, credential->bytes, size);
        cr_assert_eq (admit_bytes (copy, size, NULL), GODWIT__NO_ENTRY_NO_CERTIFICATE);
        free (copy);
    }
    memcpy (bytes, credential->bytes, credential->size);
    cr_assert_eq (admit_bytes (bytes, credential->size + 1, NULL), GODWIT__NO_ENTRY_NO_CERTIFICATE);
    cr_assert_eq (admit_bytes (bytes, sizeof bytes, NULL), GODWIT__NO_ENTRY_NO_CERTIFICATE);
    cr_assert (strstr (text, "expected at most"), "%s", text);
    godwit__credential_unref (&credential);
}

typedef struct parts {
    godwit__bin_t bins[4];
    uint8_t bytes[GODWIT__CREDENTIAL_SIZE_MAX];
} parts_t;

static void
take_apart (parts_t *parts, godwit__realm_t *realm)
{
    godwit__credential_t *credential = godwit__realm_credential (realm);
    memcpy (parts->bytes, credential->bytes, credential->size);
    MUST (godwit__strict_bins (parts->bins, 4, "credential", parts->bytes, credential->size,
                               sizeof parts->bytes, &error));
    godwit__credential_unref (&credential);
}

static godwit__no_entry_t
admit_parts (const godwit__bin_t *bins, size_t count)
{
    uint8_t bytes[2 * GODWIT__CREDENTIAL_SIZE_MAX];
    godwit__writer_t writer = {.data = bytes, .capacity = sizeof bytes};
    godwit__write_array (&writer, count);
    for (size_t i = 0; i < count; i++)
        godwit__write_bin (&writer, bins[i].data, bins[i].size);
    return admit_bytes (bytes, writer.size, NULL);
}

RealmTest (a_proof_is_for_its_own_certificate)
{
    parts_t own, other;
    take_apart (&own, client.realm);
    take_apart (&other, server.realm);
    cr_assert_eq (admit_parts (own.bins, 4), GODWIT__NO_ENTRY_NONE);
    const godwit__bin_t mixed[] = {own.bins[0], own.bins[1], other.bins[2], other.bins[3]};
    cr_assert_eq (admit_parts (mixed, 4), GODWIT__NO_ENTRY_NO_CERTIFICATE);
    cr_assert_str_eq (text,
                      "certificate \"client\" (serial 7f3b): the signature of its process proof is wrong");
    const godwit__bin_t swapped[] = {own.bins[0], other.bins[1], own.bins[2], own.bins[3]};
    cr_assert_eq (admit_parts (swapped, 4), GODWIT__NO_ENTRY_NO_CERTIFICATE);
    cr_assert_str_eq (text, "certificate \"client\" (serial 7f3b): its signature is wrong");
    cr_assert_eq (admit_parts (own.bins, 3), GODWIT__NO_ENTRY_NO_CERTIFICATE);
    const godwit__bin_t more[] = {own.bins[0], own.bins[1], own.bins[2], own.bins[3], own.bins[3]};
    cr_assert_eq (admit_parts (more, 5), GODWIT__NO_ENTRY_NO_CERTIFICATE);
    const godwit__bin_t shorter[] = {own.bins[0], {own.bins[1].data, 63}, own.bins[2], own.bins[3]};
    cr_assert_eq (admit_parts (shorter, 4), GODWIT__NO_ENTRY_NO_CERTIFICATE);
    cr_assert (strstr (text, "expected signatures of 64 bytes"), "%s", text);
}

/* The identity of the client, which has all rights to sign, signs for another serial. */
RealmTest (a_proof_is_for_its_own_serial)
{
    parts_t own;
    uint8_t body[GODWIT__PROOF_SIZE_MAX], signature[GODWIT__SIGNATURE_SIZE];
    godwit__process_proof_t proof;
    take_apart (&own, client.realm);
    MUST (godwit__proof_read (&proof, own.bins[2].data, own.bins[2].size, &error));
    proof.serial++;
    own.bins[2] = (godwit__bin_t){body, godwit__proof_write (&proof, body)};
    godwit__sign (signature, GODWIT__LABEL_PROCESS, body, own.bins[2].size, client.realm->own.file.identity);
    own.bins[3].data = signature;
    cr_assert_eq (admit_parts (own.bins, 4), GODWIT__NO_ENTRY_NO_CERTIFICATE);
    cr_assert_str_eq (text,
                      "certificate \"client\" (serial 7f3b): its process proof is for another certificate");
}

/* The reason quotes a key of the map: it is the peer's. */
RealmTest (texts_are_printable)
{
    static const uint8_t body[] = "\x82\xa3\x1b[m\x01\xa3\x1b[m\x02", zeroes[GODWIT__SIGNATURE_SIZE];
    const godwit__bin_t bins[] = {
        {body, sizeof body - 1}, {zeroes, sizeof zeroes}, {body, 1}, {zeroes, sizeof zeroes}};
    cr_assert_eq (admit_parts (bins, 4), GODWIT__NO_ENTRY_NO_CERTIFICATE);
    cr_assert_str_eq (text, "its credential is malformed: certificate: a map has the key \"?[m\" twice");
}

Test (realm, reasons_have_words)
{
    static const char *const words[] = {"",        "no-certificate", "wrong-realm", "not-yet-valid",
                                        "expired", "revoked",        "other-key",   "no-memory"};
    for (size_t i = 0; i < COUNT (words); i++)
        cr_assert_str_eq (godwit__no_entry_word ((godwit__no_entry_t) i), words[i]);
    cr_assert_str_eq (godwit__no_entry_word ((godwit__no_entry_t) 99), "");
}

/* ---- staying ---- */

RealmTest (whoever_is_in_may_stay_while_it_holds)
{
    godwit__party_t *party = godwit__realm_self (client.realm);
    cr_assert_eq (godwit__realm_judge (server.realm, NULL, text), GODWIT__NO_ENTRY_NONE);
    cr_assert_eq (godwit__realm_judge (server.realm, party, text), GODWIT__NO_ENTRY_NONE);
    cr_assert_str_eq (text, "");
    server.now = godwit__party_until (party) - 1;
    cr_assert_eq (godwit__realm_judge (server.realm, party, text), GODWIT__NO_ENTRY_NONE);
    server.now++;
    cr_assert_eq (godwit__realm_judge (server.realm, party, text), GODWIT__NO_ENTRY_EXPIRED);
    server.now = NOW;
    revoke ("client");
    cr_assert_eq (godwit__realm_judge (server.realm, party, text), GODWIT__NO_ENTRY_REVOKED);
    cr_assert_str_eq (text, "certificate \"client\" (serial 7f3b) was revoked");
    godwit__party_unref (&party);
}

/* ---- two realm keys ---- */

RealmTest (two_realm_keys_are_trusted_at_once)
{
    godwit__test_realm_add_key (files);
    realm_host_open (&server, realm_host_issue (files, "server")); /* trusts both */
    ASSERT_ADMITTED ();
    godwit__test_realm_swap_keys (files);
    realm_host_open (&client, realm_host_issue (files, "client"));
    ASSERT_ADMITTED ();
    godwit__test_realm_drop_key (files);
    realm_host_open (&server, realm_host_issue (files, "server")); /* the new one only */
    ASSERT_ADMITTED ();
}

RealmTest (a_realm_key_that_is_not_trusted_counts_for_nothing)
{
    godwit__test_realm_add_key (files);
    godwit__test_realm_swap_keys (files);
    realm_host_open (&client, realm_host_issue (files, "client"));
    ASSERT_REFUSED (WRONG_REALM, "certificate \"client\" (serial 7f3c) is of another realm");
}

/* ---- verified signatures are remembered ---- */

static bool
is_remembered (const parts_t *parts, size_t body, const char *label, const uint8_t *key)
{
    const godwit__verified_hash_t hash =
        godwit__verified_hash (&server.realm->verified, parts->bins[body + 1].data, label,
                               parts->bins[body].data, parts->bins[body].size, key);
    return godwit__verified_has (&server.realm->verified, &hash);
}

RealmTest (verified_signatures_are_remembered)
{
    parts_t parts;
    take_apart (&parts, client.realm);
    const uint8_t *const key = client.realm->own.file.certificate.key;
    cr_assert_not (is_remembered (&parts, 0, GODWIT__LABEL_CERTIFICATE, godwit__test_realm_key (files)));
    ASSERT_ADMITTED ();
    cr_assert (is_remembered (&parts, 0, GODWIT__LABEL_CERTIFICATE, godwit__test_realm_key (files)));
    cr_assert (is_remembered (&parts, 2, GODWIT__LABEL_PROCESS, key));
    cr_assert_not (is_remembered (&parts, 2, GODWIT__LABEL_PROCESS, godwit__test_realm_key (files)));
    cr_assert_not (is_remembered (&parts, 2, GODWIT__LABEL_CERTIFICATE, key));
}

RealmTest (wrong_signatures_are_not)
{
    parts_t parts;
    uint8_t signature[GODWIT__SIGNATURE_SIZE];
    take_apart (&parts, client.realm);
    memcpy (signature, parts.bins[1].data, sizeof signature);
    signature[5] ^= 1;
    parts.bins[1].data = signature;
    for (int i = 0; i < 2; i++)
        cr_assert_eq (admit_parts (parts.bins, 4), GODWIT__NO_ENTRY_NO_CERTIFICATE);
    cr_assert_not (is_remembered (&parts, 0, GODWIT__LABEL_CERTIFICATE, godwit__test_realm_key (files)));
}

Test (realm, what_is_remembered_is_bounded)
{
    enum { MANY = 20000 };
    static godwit__verified_t verified;
    static godwit__verified_hash_t hashes[MANY];
    const uint8_t signature[GODWIT__SIGNATURE_SIZE] = {0}, key[GODWIT__PUBLIC_SIZE] = {0};
    size_t known = 0;
    godwit__verified_init (&verified);
    for (uint32_t i = 0; i < MANY; i++) {
        hashes[i] = godwit__verified_hash (&verified, signature, "x", (const uint8_t *) &i, sizeof i, key);
        cr_assert_not (godwit__verified_has (&verified, &hashes[i]));
        godwit__verified_add (&verified, &hashes[i]);
        godwit__verified_add (&verified, &hashes[i]);
        cr_assert (godwit__verified_has (&verified, &hashes[i]));
    }
    for (uint32_t i = 0; i < MANY; i++)
        known += godwit__verified_has (&verified, &hashes[i]);
    cr_assert_eq (known, GODWIT__VERIFIED_ROWS * GODWIT__VERIFIED_COLUMNS);
}

/* ---- welcomes ---- */

RealmTest (a_welcome_is_signed_by_the_process)
{
    uint8_t signature[GODWIT__SIGNATURE_SIZE];
    godwit__welcome_t welcome;
    godwit__party_t *of_server = godwit__realm_self (server.realm);
    godwit__party_t *of_client = godwit__realm_self (client.realm);
    memset (&welcome, 'w', sizeof welcome);
    godwit__realm_sign_welcome (server.realm, &welcome, signature);
    cr_assert (godwit__party_has_welcomed (of_server, &welcome, signature, sizeof signature));
    cr_assert_not (godwit__party_has_welcomed (of_client, &welcome, signature, sizeof signature));
    godwit__party_unref (&of_server);
    godwit__party_unref (&of_client);
}
