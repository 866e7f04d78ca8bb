/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/inproc/identity.h"

#include <stdlib.h>

godwit__identity_t *
godwit__identity_new (godwit__realm_t *realm)
{
    godwit__identity_t *identity = calloc (1, sizeof *identity);
    if (!identity)
        return NULL;
    atomic_init (&identity->refs, 1);
    identity->party = godwit__realm_self (realm);
    return identity;
}

void
godwit__identity_unref (godwit__identity_t *identity)
{
    if (!identity || atomic_fetch_sub_explicit (&identity->refs, 1, memory_order_acq_rel) != 1)
        return;
    godwit__party_unref (&identity->party);
    free (identity);
}

godwit__party_t *
godwit__identity_party (godwit__identity_t *identity)
{
    if (!identity)
        return NULL;
    godwit__light_lock (&identity->lock);
    godwit__party_t *party = godwit__party_ref (identity->party);
    godwit__light_unlock (&identity->lock);
    return party;
}

void
godwit__identity_renew (godwit__identity_t *identity, godwit__realm_t *realm)
{
    /* Asked for with the lock held, so that of two threads none puts an older one in place. */
    godwit__light_lock (&identity->lock);
    godwit__party_t *before = identity->party;
    identity->party = godwit__realm_self (realm);
    godwit__light_unlock (&identity->lock);
    godwit__party_unref (&before);
}

/* ---- who meets whom ---- */

/* What one realm has against the process of another. */
static godwit__no_entry_t
objection (godwit__realm_t *realm, godwit__realm_t *other)
{
    char text[GODWIT__ADMIT_TEXT];
    godwit__party_t *party = godwit__realm_self (other);
    const godwit__no_entry_t reason = godwit__realm_judge (realm, party, text);
    godwit__party_unref (&party);
    return reason;
}

const char *
godwit__identity_refusal (godwit__realm_t *a, godwit__realm_t *b)
{
    if (a == b)
        return NULL;
    if (!a || !b)
        return "no-certificate: one of the two transports has a realm, and the other has none";
    godwit__no_entry_t reason = objection (a, b);
    if (reason == GODWIT__NO_ENTRY_NONE)
        reason = objection (b, a);
    switch (reason) {
    case GODWIT__NO_ENTRY_NONE:
        return NULL;
    case GODWIT__NO_ENTRY_WRONG_REALM:
        return "wrong-realm: the two transports are of different realms";
    case GODWIT__NO_ENTRY_REVOKED:
        return "revoked: the certificate of one of the two transports was revoked";
    case GODWIT__NO_ENTRY_EXPIRED:
        return "expired: the certificate of one of the two transports has ended";
    case GODWIT__NO_ENTRY_NOT_YET_VALID:
        return "not-yet-valid: the certificate of one of the two transports is not valid yet";
    default:
        return "the two transports do not trust each other";
    }
}
