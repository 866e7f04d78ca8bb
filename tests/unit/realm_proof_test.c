/* SPDX-License-Identifier: Apache-2.0 */
/* Process proofs, welcome proofs and instances. */
#include "src/realm/party.h"
#include "tests/support/must.h"

#include <sodium.h>
#include <string.h>

static godwit__process_proof_t
example (void)
{
    godwit__process_proof_t proof = {.serial = 0x7f3a, .until = 1700000000};
    memset (proof.curve, 'c', sizeof proof.curve);
    memset (proof.sign, 's', sizeof proof.sign);
    return proof;
}

static void
assert_malformed (const uint8_t *body, size_t size, const char *why)
{
    godwit__process_proof_t read = {.serial = 5};
    godwit_error_t *error = NULL;
    cr_assert_eq (godwit__proof_read (&read, body, size, &error), GODWIT_ERR_MALFORMED, "%s", why);
    cr_assert (strstr (godwit_error_message (error), why), "%s, expected %s", godwit_error_message (error),
               why);
    cr_assert_eq (read.serial, 5);
    godwit_error_destroy (&error);
}

Test (realm_proof, comes_back_as_it_was)
{
    uint8_t body[GODWIT__PROOF_SIZE_MAX];
    const godwit__process_proof_t proof = example ();
    const size_t size = godwit__proof_write (&proof, body);
    godwit__process_proof_t read;
    MUST (godwit__proof_read (&read, body, size, &error));
    cr_assert_eq (read.serial, proof.serial);
    cr_assert_eq (read.until, proof.until);
    cr_assert_arr_eq (read.curve, proof.curve, sizeof proof.curve);
    cr_assert_arr_eq (read.sign, proof.sign, sizeof proof.sign);
}

/* The format is fixed: these are the bytes of security.md, section 2. */
Test (realm_proof, has_these_bytes)
{
    static const char wanted[] = "\x84\xa6serial\xcd\x7f\x3a\xa5"
                                 "curve\xc4\x20"
                                 "cccccccccccccccccccccccccccccccc\xa4sign\xc4\x20"
                                 "ssssssssssssssssssssssssssssssss\xa5until\xce\x65\x53\xf1\x00";
    uint8_t body[GODWIT__PROOF_SIZE_MAX];
    const godwit__process_proof_t proof = example ();
    cr_assert_eq (godwit__proof_write (&proof, body), sizeof wanted - 1);
    cr_assert_arr_eq (body, wanted, sizeof wanted - 1);
}

Test (realm_proof, the_largest_one_fits)
{
    uint8_t body[GODWIT__PROOF_SIZE_MAX];
    godwit__process_proof_t proof = example (), read;
    proof.serial = UINT64_MAX;
    proof.until = GODWIT__TIME_MAX;
    MUST (godwit__proof_read (&read, body, godwit__proof_write (&proof, body), &error));
    cr_assert_eq (read.serial, UINT64_MAX);
}

Test (realm_proof, every_shorter_and_longer_body_is_malformed)
{
    uint8_t body[GODWIT__PROOF_SIZE_MAX + 1] = {0};
    const godwit__process_proof_t proof = example ();
    const size_t size = godwit__proof_write (&proof, body);
    for (size_t i = 0; i < size; i++)
        assert_malformed (body, i, "process proof: ");
    assert_malformed (body, size + 1, "left over");
    assert_malformed (body, sizeof body, "process proof: expected at most 256 bytes, got 257");
}

Test (realm_proof, each_field_has_its_form)
{
    uint8_t body[GODWIT__PROOF_SIZE_MAX];
    godwit__process_proof_t proof = example ();
    proof.serial = 0;
    assert_malformed (body, godwit__proof_write (&proof, body), "serial: expected a number that is not 0");
    proof = example ();
    proof.until = -1;
    assert_malformed (body, godwit__proof_write (&proof, body), "until: expected seconds since 1970");
    proof.until = GODWIT__TIME_MAX + 1;
    assert_malformed (body, godwit__proof_write (&proof, body), "until: expected seconds since 1970");
    proof = example ();
    const size_t size = godwit__proof_write (&proof, body);
    body[0] = 0x94; /* a list instead of a map */
    assert_malformed (body, size, "process proof: ");
}

/* ---- instances ---- */

Test (realm_proof, an_instance_is_the_hash_of_both_keys)
{
    uint8_t input[16 + 64], wanted[GODWIT__INSTANCE_SIZE], instance[GODWIT__INSTANCE_SIZE];
    godwit__process_proof_t proof = example ();
    memcpy (input, "godwit instance", 16);
    memcpy (input + 16, proof.curve, 32);
    memcpy (input + 48, proof.sign, 32);
    crypto_generichash (wanted, sizeof wanted, input, sizeof input, NULL, 0);
    godwit__proof_instance (instance, proof.curve, proof.sign);
    cr_assert_arr_eq (instance, wanted, sizeof wanted);
    proof.sign[31] ^= 1;
    godwit__proof_instance (instance, proof.curve, proof.sign);
    cr_assert_arr_neq (instance, wanted, sizeof wanted);
}

/* ---- parties and welcomes ---- */

typedef struct process {
    uint8_t secret[64];
    godwit__party_t *party;
} process_t;

static process_t
make_process (void)
{
    process_t process;
    godwit__certificate_t certificate = {.name = "web", .until = 1800000000};
    godwit__process_proof_t proof = example ();
    crypto_sign_keypair (proof.sign, process.secret);
    process.party = godwit__party_new (&certificate, &proof);
    return process;
}

Test (realm_proof, a_welcome_is_for_these_keys)
{
    uint8_t signature[GODWIT__SIGNATURE_SIZE];
    process_t process = make_process (), other = make_process ();
    godwit__welcome_t welcome;
    memset (&welcome, 'w', sizeof welcome);
    godwit__sign (signature, GODWIT__LABEL_WELCOME, (const uint8_t *) &welcome, sizeof welcome,
                  process.secret);
    cr_assert (godwit__party_has_welcomed (process.party, &welcome, signature, sizeof signature));
    cr_assert_not (godwit__party_has_welcomed (other.party, &welcome, signature, sizeof signature));
    cr_assert_not (godwit__party_has_welcomed (process.party, &welcome, signature, sizeof signature - 1));
    cr_assert_not (godwit__party_has_welcomed (process.party, &welcome, NULL, 0));
    for (size_t i = 0; i < sizeof welcome; i++) {
        ((uint8_t *) &welcome)[i] ^= 1;
        cr_assert_not (godwit__party_has_welcomed (process.party, &welcome, signature, sizeof signature));
        ((uint8_t *) &welcome)[i] ^= 1;
    }
    godwit__party_unref (&process.party);
    godwit__party_unref (&other.party);
}

Test (realm_proof, a_party_ends_with_what_ends_first)
{
    process_t process = make_process ();
    cr_assert_eq (godwit__party_until (process.party), 1700000000 + GODWIT__CLOCK_SKEW_S);
    process.party->certificate.until = 1600000000;
    cr_assert_eq (godwit__party_until (process.party), 1600000000 + GODWIT__CLOCK_SKEW_S);
    godwit__party_unref (&process.party);
}

Test (realm_proof, without_a_realm_all_is_allowed)
{
    process_t process = make_process (); /* has no rights */
    const godwit__deed_t deed = {.verb = GODWIT__VERB_CALL, .exchange = "a", .topic = "b"};
    cr_assert (godwit__party_may (NULL, &deed));
    cr_assert (godwit__party_may_topic (NULL, GODWIT__VERB_SERVE, "a", "b"));
    cr_assert (godwit__party_may_host (NULL));
    cr_assert_not (godwit__party_may (process.party, &deed));
    cr_assert_not (godwit__party_may_topic (process.party, GODWIT__VERB_SERVE, "a", "b"));
    cr_assert_not (godwit__party_may_host (process.party));
    godwit__party_unref (&process.party);
    godwit__party_unref (&process.party);
}
