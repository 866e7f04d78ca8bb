/* SPDX-License-Identifier: Apache-2.0 */
#include "src/server/caller.h"

#include <stdio.h>
#include <stdlib.h>

godwit__caller_t *
godwit__caller_new (godwit__party_t *party)
{
    godwit__caller_t *const self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    atomic_init (&self->refs, 1);
    self->party = godwit__party_ref (party);
    return self;
}

/* Not by recursion: there is no end to how often a certificate is renewed. */
void
godwit__caller_free (godwit__caller_t *caller)
{
    while (caller) {
        godwit__caller_t *const renewed = atomic_load_explicit (&caller->renewed, memory_order_acquire);
        godwit__party_unref (&caller->party);
        free (caller);
        caller = renewed && atomic_fetch_sub_explicit (&renewed->refs, 1, memory_order_acq_rel) == 1 ? renewed
                                                                                                     : NULL;
    }
}

bool
godwit__caller_become (godwit__caller_t **caller, godwit__party_t *party)
{
    /* The reference keeps the old party's memory from becoming another party's. */
    if (*caller && (*caller)->party == party)
        return true;
    godwit__caller_t *const renewed = godwit__caller_new (party);
    if (*caller && renewed)
        atomic_store_explicit (&(*caller)->renewed, godwit__caller_ref (renewed), memory_order_release);
    godwit__caller_unref (caller);
    *caller = renewed;
    return renewed != NULL;
}

const godwit__caller_t *
godwit__caller_newest (const godwit__caller_t *caller)
{
    const godwit__caller_t *renewed;
    while ((renewed = atomic_load_explicit (&caller->renewed, memory_order_acquire)))
        caller = renewed;
    return caller;
}

bool
godwit__caller_may (godwit__caller_t *caller, uint64_t mark, const godwit__deed_t *deed)
{
    atomic_uint_fast64_t *const place = &caller->allowed[mark / 2 % GODWIT__CALLER_ALLOWED];
    if (mark && atomic_load_explicit (place, memory_order_relaxed) == mark)
        return true;
    if (!godwit__party_may (caller->party, deed))
        return false;
    if (mark)
        atomic_store_explicit (place, mark, memory_order_relaxed);
    return true;
}

void
godwit__caller_void_text (char text[GODWIT__DEED_TEXT], const char *name)
{
    snprintf (text, GODWIT__DEED_TEXT, "the certificate%s%s%s is void: it was revoked, or has ended",
              *name ? " \"" : "", name, *name ? "\"" : "");
}
