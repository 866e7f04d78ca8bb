/* SPDX-License-Identifier: Apache-2.0 */
#include "src/server/caller.h"

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

void
godwit__caller_free (godwit__caller_t *caller)
{
    godwit__party_unref (&caller->party);
    free (caller);
}

bool
godwit__caller_become (godwit__caller_t **caller, godwit__party_t *party)
{
    /* The reference keeps the old party's memory from becoming another party's. */
    if (*caller && (*caller)->party == party)
        return true;
    godwit__caller_unref (caller);
    *caller = godwit__caller_new (party);
    return *caller != NULL;
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
