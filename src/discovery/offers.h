/* SPDX-License-Identifier: Apache-2.0 */
/* What the servers of a group offer. Servers with the same offer share one bit, so that whether a server can
 * serve a call is one test of a mask, and the mask is made anew only when a new offer appears.
 *
 * Guarded by transport.lock.
 */
#ifndef GODWIT_SRC_DISCOVERY_OFFERS_H
#define GODWIT_SRC_DISCOVERY_OFFERS_H

#include "src/address/offer.h"

/* Different offers that are told apart. */
#define GODWIT__OFFERS_MAX 31
/* The bit of servers that may serve anything: those whose text says nothing, and those beyond the limit. */
#define GODWIT__OFFER_ANYTHING ((uint32_t) 1 << GODWIT__OFFERS_MAX)
#define GODWIT__OFFERS_ALL UINT32_MAX

/* One offer, while there are members that have it. */
typedef struct godwit__offers_slot {
    godwit__offer_t *offer;
    size_t member_count;
    size_t next; /* round robin, of calls that not all members serve */
} godwit__offers_slot_t;

typedef struct godwit__offers {
    godwit__offers_slot_t *slots;
    size_t count;
    size_t capacity;
    uint32_t used;   /* the bits of the offers that are there; not ANYTHING */
    uint32_t change; /* another number whenever an offer appears, never 0 */
} godwit__offers_t;

void godwit__offers_open (godwit__offers_t *offers);
void godwit__offers_close (godwit__offers_t *offers);
/* A member with this text joins: returns its bit. */
uint32_t godwit__offers_add (godwit__offers_t *offers, const char *text);
/* A member with this bit leaves. */
void godwit__offers_remove (godwit__offers_t *offers, uint32_t bit);
/* The offer with this bit; NULL: of ANYTHING. */
const godwit__offer_t *godwit__offers_get (const godwit__offers_t *offers, uint32_t bit);
/* The bits of what serves this namespace (NULL: none) at this version. */
uint32_t godwit__offers_serving (const godwit__offers_t *offers, const char *name_space,
                                 godwit__version_t version);
/* Where the turn of calls stands which these bits serve, and not all; NULL: of none of them. */
size_t *godwit__offers_next (godwit__offers_t *offers, uint32_t served);

#endif
