/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes to a certificate, and to a process proof. What is accepted comes back the same when it is written. */
#include "src/realm/proof.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (bool good)
{
    if (!good)
        abort ();
}

static void
check_error (godwit_status_t status, godwit_error_t *error)
{
    check (status == GODWIT_ERR_MALFORMED && error);
    check (*godwit_error_message (error) != '\0');
    godwit_error_destroy (&error);
}

static void
check_rights (const godwit__certificate_t *certificate)
{
    char text[GODWIT__DEED_TEXT];
    check (certificate->right_count <= GODWIT__RIGHT_MAX);
    for (size_t i = 0; i < certificate->right_count; i++) {
        const godwit__right_t *const right = &certificate->rights[i];
        const godwit__deed_t deed = {
            .verb = right->verb, .exchange = right->pattern, .topic = right->pattern, .method = "m"};
        check (!godwit__pattern_wrong (right->pattern));
        godwit__rights_find (certificate->rights, certificate->right_count, &deed);
        godwit__deed_refusal (text, certificate->name, &deed);
    }
}

static void
check_same (const godwit__certificate_t *a, const godwit__certificate_t *b)
{
    check (memcmp (a->realm, b->realm, sizeof a->realm) == 0 && a->serial == b->serial);
    check (strcmp (a->name, b->name) == 0 && memcmp (a->key, b->key, sizeof a->key) == 0);
    check (a->from == b->from && a->until == b->until && a->right_count == b->right_count);
    for (size_t i = 0; i < a->right_count; i++)
        check (a->rights[i].verb == b->rights[i].verb &&
               strcmp (a->rights[i].pattern, b->rights[i].pattern) == 0);
}

static void
try_certificate (const uint8_t *data, size_t size)
{
    uint8_t body[GODWIT__CERTIFICATE_SIZE_MAX];
    size_t written = 0;
    godwit__certificate_t certificate, again;
    godwit_error_t *error = NULL;
    const godwit_status_t status = godwit__certificate_read (&certificate, data, size, &error);
    if (status) {
        check_error (status, error);
        return;
    }
    check (size <= GODWIT__CERTIFICATE_SIZE_MAX && certificate.serial != 0);
    check (certificate.from >= 0 && certificate.from < certificate.until &&
           certificate.until <= GODWIT__TIME_MAX);
    check (godwit__certificate_is_name (certificate.name));
    check_rights (&certificate);
    check (godwit__certificate_write (&certificate, body, &written, NULL) == GODWIT_OK && written <= size);
    check (godwit__certificate_read (&again, body, written, NULL) == GODWIT_OK);
    check_same (&certificate, &again);
    godwit__certificate_clear (&certificate);
    godwit__certificate_clear (&again);
}

static void
try_proof (const uint8_t *data, size_t size)
{
    uint8_t body[GODWIT__PROOF_SIZE_MAX];
    godwit__process_proof_t proof, again;
    godwit_error_t *error = NULL;
    const godwit_status_t status = godwit__proof_read (&proof, data, size, &error);
    if (status) {
        check_error (status, error);
        return;
    }
    const size_t written = godwit__proof_write (&proof, body);
    check (written <= size && godwit__proof_read (&again, body, written, NULL) == GODWIT_OK);
    check (proof.serial == again.serial && proof.until == again.until);
    check (memcmp (proof.curve, again.curve, sizeof proof.curve) == 0);
    check (memcmp (proof.sign, again.sign, sizeof proof.sign) == 0);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    try_certificate (data, size);
    try_proof (data, size);
    return 0;
}
