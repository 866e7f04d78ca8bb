/* SPDX-License-Identifier: Apache-2.0 */
/* A party: a process of a realm, as its credential says: the certificate, and the keys of the process. A
 * connection *is* its party: name, rights and dates stand on it. Immutable and counted; any thread. A process
 * that renews its credential becomes another party, with the same keys. */
#ifndef GODWIT_SRC_REALM_PARTY_H
#define GODWIT_SRC_REALM_PARTY_H

#include "src/realm/certificate.h"
#include "src/realm/proof.h"

#include <stdatomic.h>

typedef struct godwit__party {
    atomic_uint refs;
    godwit__certificate_t certificate;
    godwit__process_proof_t proof;
    uint8_t instance[GODWIT__INSTANCE_SIZE]; /* the hash of the process's keys */
} godwit__party_t;

/* Takes the certificate over, and zeroes it. NULL: memory is short, and the certificate is still the
 * caller's.
 */
godwit__party_t *godwit__party_new (godwit__certificate_t *certificate, const godwit__process_proof_t *proof);

static inline godwit__party_t *
godwit__party_ref (godwit__party_t *party)
{
    if (party)
        atomic_fetch_add_explicit (&party->refs, 1, memory_order_relaxed);
    return party;
}
/* Sets *party to NULL; NULL is fine. */
void godwit__party_unref (godwit__party_t **party);

/* Whether its certificate allows this; NULL: there is no realm, and everything is allowed. */
bool godwit__party_may (const godwit__party_t *party, const godwit__deed_t *deed);
/* The same for a verb and a topic, without a method. */
bool godwit__party_may_topic (const godwit__party_t *party, godwit__verb_t verb, const char *exchange,
                              const char *topic);
bool godwit__party_may_host (const godwit__party_t *party);

/* The second of Unix's clock in which a party ends, by its dates. */
int64_t godwit__party_until (const godwit__party_t *party);
/* Whether a party's `sign` key has signed it. */
bool godwit__party_has_welcomed (const godwit__party_t *party, const godwit__welcome_t *welcome,
                                 const uint8_t *signature, size_t size);

#endif
