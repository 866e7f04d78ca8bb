/* SPDX-License-Identifier: Apache-2.0 */
/* Whom to let in. Checked in this order, so that each reason is about what the steps before have proven:
 *
 *     form --> realm --> certificate's signature --> process proof, signed by it --> K --> bulletin, dates
 */
#include "src/error/error.h"
#include "src/realm/realm_inside.h"
#include "src/realm/strict.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { BODY, SIGNATURE, PROOF, PROOF_SIGNATURE, PART_COUNT };

typedef struct admission {
    godwit__realm_t *realm;
    godwit__bin_t parts[PART_COUNT];
    godwit__certificate_t certificate; /* cleared at the end */
    godwit__process_proof_t proof;
    char *text; /* GODWIT__ADMIT_TEXT bytes */
} admission_t;

static godwit__no_entry_t
refuse (const admission_t *admission, godwit__no_entry_t reason, const char *what)
{
    char name[GODWIT__CERTIFICATE_TEXT];
    snprintf (admission->text, GODWIT__ADMIT_TEXT, "%s%s",
              godwit__certificate_print (&admission->certificate, name), what);
    return reason;
}

/* The text of an error may hold bytes of the credential: what does not print is '?'. */
static godwit__no_entry_t
refuse_form (const admission_t *admission, godwit_status_t status, godwit_error_t **error)
{
    snprintf (admission->text, GODWIT__ADMIT_TEXT, "its credential is malformed: %s",
              godwit_error_message (*error));
    for (char *at = admission->text; *at; at++)
        if ((unsigned char) *at < 0x20 || (unsigned char) *at >= 0x7f)
            *at = '?';
    if (status == GODWIT_ERR_OUT_OF_MEMORY)
        snprintf (admission->text, GODWIT__ADMIT_TEXT, "memory is short");
    godwit_error_destroy (error);
    return status == GODWIT_ERR_OUT_OF_MEMORY ? GODWIT__NO_ENTRY_NO_MEMORY : GODWIT__NO_ENTRY_NO_CERTIFICATE;
}

static godwit__no_entry_t
read_parts (admission_t *admission, const uint8_t *credential, size_t size)
{
    godwit_error_t *error = NULL;
    if (size == 0) {
        snprintf (admission->text, GODWIT__ADMIT_TEXT, "it has shown no credential");
        return GODWIT__NO_ENTRY_NO_CERTIFICATE;
    }
    godwit_status_t status = godwit__strict_bins (admission->parts, PART_COUNT, "credential", credential,
                                                  size, GODWIT__CREDENTIAL_SIZE_MAX, &error);
    if (status == GODWIT_OK && (admission->parts[SIGNATURE].size != GODWIT__SIGNATURE_SIZE ||
                                admission->parts[PROOF_SIGNATURE].size != GODWIT__SIGNATURE_SIZE))
        status =
            godwit__error_set (&error, GODWIT_ERR_MALFORMED, "credential: expected signatures of 64 bytes");
    if (status == GODWIT_OK)
        status = godwit__certificate_read (&admission->certificate, admission->parts[BODY].data,
                                           admission->parts[BODY].size, &error);
    if (status == GODWIT_OK)
        status = godwit__proof_read (&admission->proof, admission->parts[PROOF].data,
                                     admission->parts[PROOF].size, &error);
    return status ? refuse_form (admission, status, &error) : GODWIT__NO_ENTRY_NONE;
}

/* Verifies, or remembers that it has. */
static bool
is_signed (const admission_t *admission, int body, int signature, const char *label, const uint8_t *key)
{
    godwit__realm_t *const realm = admission->realm;
    const godwit__bin_t *const parts = admission->parts;
    const godwit__verified_hash_t hash = godwit__verified_hash (
        &realm->verified, parts[signature].data, label, parts[body].data, parts[body].size, key);
    pthread_mutex_lock (&realm->lock);
    const bool is_known = godwit__verified_has (&realm->verified, &hash);
    pthread_mutex_unlock (&realm->lock);
    if (is_known)
        return true;
    if (!godwit__verify (parts[signature].data, label, parts[body].data, parts[body].size, key))
        return false;
    pthread_mutex_lock (&realm->lock);
    godwit__verified_add (&realm->verified, &hash);
    pthread_mutex_unlock (&realm->lock);
    return true;
}

static godwit__no_entry_t
check_signatures (const admission_t *admission)
{
    uint8_t keys[GODWIT__REALM_KEY_MAX][GODWIT__PUBLIC_SIZE];
    const size_t count = godwit__realm_trusted (admission->realm, keys);
    const godwit__certificate_t *const certificate = &admission->certificate;
    const uint8_t *const key =
        godwit__realm_key_of (certificate->realm, (const uint8_t (*)[GODWIT__PUBLIC_SIZE]) keys, count);
    if (!key)
        return refuse (admission, GODWIT__NO_ENTRY_WRONG_REALM, " is of another realm");
    if (!is_signed (admission, BODY, SIGNATURE, GODWIT__LABEL_CERTIFICATE, key))
        return refuse (admission, GODWIT__NO_ENTRY_NO_CERTIFICATE, ": its signature is wrong");
    if (!is_signed (admission, PROOF, PROOF_SIGNATURE, GODWIT__LABEL_PROCESS, certificate->key))
        return refuse (admission, GODWIT__NO_ENTRY_NO_CERTIFICATE,
                       ": the signature of its process proof is wrong");
    if (admission->proof.serial != certificate->serial)
        return refuse (admission, GODWIT__NO_ENTRY_NO_CERTIFICATE,
                       ": its process proof is for another certificate");
    return GODWIT__NO_ENTRY_NONE;
}

/* Nobody proves more than a day: who seems to has a clock that is ahead. */
static godwit__no_entry_t
check_length (const admission_t *admission)
{
    const int64_t longest =
        godwit__realm_now (admission->realm) + GODWIT__PROOF_LIFE_S + GODWIT__CLOCK_SKEW_S;
    if (admission->proof.until <= longest)
        return GODWIT__NO_ENTRY_NONE;
    return refuse (admission, GODWIT__NO_ENTRY_NOT_YET_VALID,
                   ": its process proof lasts for more than 24 hours: compare the clocks");
}

static godwit__no_entry_t
check (admission_t *admission, const uint8_t *credential, size_t size, const uint8_t *curve)
{
    godwit__no_entry_t reason = read_parts (admission, credential, size);
    if (reason == GODWIT__NO_ENTRY_NONE)
        reason = check_signatures (admission);
    if (reason == GODWIT__NO_ENTRY_NONE && curve &&
        memcmp (curve, admission->proof.curve, GODWIT__PUBLIC_SIZE) != 0)
        reason = refuse (admission, GODWIT__NO_ENTRY_OTHER_KEY, ": its process proof is for another key");
    return reason;
}

/* Takes the certificate of the admission. */
static godwit__no_entry_t
make_party (admission_t *admission, godwit__party_t **party)
{
    godwit__party_t *made = godwit__party_new (&admission->certificate, &admission->proof);
    if (!made) {
        snprintf (admission->text, GODWIT__ADMIT_TEXT, "memory is short");
        return GODWIT__NO_ENTRY_NO_MEMORY;
    }
    const godwit__no_entry_t reason = godwit__realm_judge (admission->realm, made, admission->text);
    if (reason == GODWIT__NO_ENTRY_NONE)
        *party = made;
    else
        godwit__party_unref (&made);
    return reason;
}

godwit__no_entry_t
godwit__realm_admit (godwit__realm_t *realm, const uint8_t *credential, size_t size, const uint8_t *curve,
                     godwit__party_t **party, char text[GODWIT__ADMIT_TEXT])
{
    admission_t admission = {.realm = realm, .text = text};
    text[0] = '\0';
    godwit__no_entry_t reason = check (&admission, credential, size, curve);
    if (reason == GODWIT__NO_ENTRY_NONE)
        reason = check_length (&admission);
    if (reason == GODWIT__NO_ENTRY_NONE)
        reason = make_party (&admission, party);
    godwit__certificate_clear (&admission.certificate);
    return reason;
}
