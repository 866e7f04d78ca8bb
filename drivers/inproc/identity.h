/* SPDX-License-Identifier: Apache-2.0 */
/* Who a transport is to others of this process: the party of its realm. Nothing has to be proven here.
 * Counted: it stays with what the transport has sent, also when that one is gone. Any thread. */
#ifndef GODWIT_DRIVERS_INPROC_IDENTITY_H
#define GODWIT_DRIVERS_INPROC_IDENTITY_H

#include "src/base/light_lock.h"
#include "src/realm/realm.h"

typedef struct godwit__identity {
    atomic_uint refs;
    godwit__light_lock_t lock;
    godwit__party_t *party; /* under the lock */
} godwit__identity_t;

/* That of the realm's process. NULL: memory is short. */
godwit__identity_t *godwit__identity_new (godwit__realm_t *realm);
/* Here as in the next ones NULL stands for "no realm". */
static inline godwit__identity_t *
godwit__identity_ref (godwit__identity_t *identity)
{
    if (identity)
        atomic_fetch_add_explicit (&identity->refs, 1, memory_order_relaxed);
    return identity;
}
void godwit__identity_unref (godwit__identity_t *identity);

/* A reference to the party as it is now; NULL: there is no realm. */
godwit__party_t *godwit__identity_party (godwit__identity_t *identity);
/* The process has another credential. */
void godwit__identity_renew (godwit__identity_t *identity, godwit__realm_t *realm);

/* Whether two transports of this process may meet. NULL: yes; otherwise why not, static text. A transport
 * always meets itself. */
const char *godwit__identity_refusal (godwit__realm_t *a, godwit__realm_t *b);

#endif
