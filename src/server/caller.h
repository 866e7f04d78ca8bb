/* SPDX-License-Identifier: Apache-2.0 */
/* Who sends requests, and which methods its certificate was found to allow. There is one for each connection
 * and each certificate that the other end has had there: its session has it (session.h), and so has each
 * request that came from it. Without a realm there is none.
 *
 * Counted; any thread. What is allowed stays allowed as long as the party is the same, and a party never
 * changes: a renewed credential is another party, and so another caller, which the old one leads to. */
#ifndef GODWIT_SRC_SERVER_CALLER_H
#define GODWIT_SRC_SERVER_CALLER_H

#include "src/realm/party.h"

/* Methods that are remembered; more share these places. */
#define GODWIT__CALLER_ALLOWED 8

typedef struct godwit__caller {
    atomic_uint refs;
    godwit__party_t *party;                    /* a reference */
    _Atomic (struct godwit__caller *) renewed; /* a reference, set once; NULL: this is the newest */
    atomic_uint_fast64_t allowed[GODWIT__CALLER_ALLOWED]; /* marks (godwit__caller_may); 0: none */
} godwit__caller_t;

/* NULL when memory is short. The party stays the giver's. */
godwit__caller_t *godwit__caller_new (godwit__party_t *party);
void godwit__caller_free (godwit__caller_t *caller);

static inline godwit__caller_t *
godwit__caller_ref (godwit__caller_t *caller)
{
    atomic_fetch_add_explicit (&caller->refs, 1, memory_order_relaxed);
    return caller;
}

/* Sets *caller to NULL; NULL is fine. */
static inline void
godwit__caller_unref (godwit__caller_t **caller)
{
    godwit__caller_t *const self = *caller;
    *caller = NULL;
    if (self && atomic_fetch_sub_explicit (&self->refs, 1, memory_order_acq_rel) == 1)
        godwit__caller_free (self);
}

/* Makes *caller the caller with this party, unless it is that already. False: memory is short, and *caller is
 * NULL. */
bool godwit__caller_become (godwit__caller_t **caller, godwit__party_t *party);

/* What became of a caller: the same process with the newest certificate that it has sent a request with. It
 * lives as long as the caller. */
const godwit__caller_t *godwit__caller_newest (const godwit__caller_t *caller);

/* Whether its certificate allows this. mark: a number, not 0, that stands for the verb and the names of the
 * deed and for no others (godwit__route_mark): what came of it is remembered by it. 0: it is not remembered.
 */
bool godwit__caller_may (godwit__caller_t *caller, uint64_t mark, const godwit__deed_t *deed);

/* The name of its certificate; "" for NULL. */
static inline const char *
godwit__caller_name (const godwit__caller_t *caller)
{
    return caller ? caller->party->certificate.name : "";
}

/* Says that the certificate of this name is void; "": nobody knows the name. */
void godwit__caller_void_text (char text[GODWIT__DEED_TEXT], const char *name);

#endif
