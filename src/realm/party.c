/* SPDX-License-Identifier: Apache-2.0 */
#include "src/realm/party.h"

#include <assert.h>
#include <stdlib.h>

static_assert (sizeof (godwit__welcome_t) == 112, "a welcome is signed as it lies in memory");

godwit__party_t *
godwit__party_new (godwit__certificate_t *certificate, const godwit__process_proof_t *proof)
{
    godwit__party_t *const party = malloc (sizeof *party);
    if (!party)
        return NULL;
    atomic_init (&party->refs, 1);
    party->certificate = *certificate;
    party->proof = *proof;
    godwit__proof_instance (party->instance, proof->curve, proof->sign);
    *certificate = (godwit__certificate_t){.right_count = 0};
    return party;
}

void
godwit__party_unref (godwit__party_t **party)
{
    godwit__party_t *const self = *party;
    *party = NULL;
    if (!self || atomic_fetch_sub_explicit (&self->refs, 1, memory_order_acq_rel) != 1)
        return;
    godwit__certificate_clear (&self->certificate);
    free (self);
}

bool
godwit__party_may (const godwit__party_t *party, const godwit__deed_t *deed)
{
    return !party || godwit__rights_find (party->certificate.rights, party->certificate.right_count, deed);
}

bool
godwit__party_may_topic (const godwit__party_t *party, godwit__verb_t verb, const char *exchange,
                         const char *topic)
{
    const godwit__deed_t deed = {.verb = verb, .exchange = exchange, .topic = topic};
    return godwit__party_may (party, &deed);
}

bool
godwit__party_may_host (const godwit__party_t *party)
{
    return godwit__party_may_topic (party, GODWIT__VERB_HOST, NULL, NULL);
}

int64_t
godwit__party_until (const godwit__party_t *party)
{
    const int64_t certificate = party->certificate.until, proof = party->proof.until;
    return (certificate < proof ? certificate : proof) + GODWIT__CLOCK_SKEW_S;
}

bool
godwit__party_has_welcomed (const godwit__party_t *party, const godwit__welcome_t *welcome,
                            const uint8_t *signature, size_t size)
{
    return size == GODWIT__SIGNATURE_SIZE &&
           godwit__verify (signature, GODWIT__LABEL_WELCOME, (const uint8_t *) welcome, sizeof *welcome,
                           party->proof.sign);
}
