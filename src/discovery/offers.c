/* SPDX-License-Identifier: Apache-2.0 */
#include "src/discovery/offers.h"

#include <stdlib.h>
#include <string.h>

static uint32_t
bit_of (size_t index)
{
    return (uint32_t) 1 << index;
}

void
godwit__offers_open (godwit__offers_t *offers)
{
    *offers = (godwit__offers_t){.change = 1};
}

void
godwit__offers_close (godwit__offers_t *offers)
{
    for (size_t i = 0; i < offers->count; i++)
        godwit__offer_destroy (&offers->slots[i].offer);
    free (offers->slots);
    godwit__offers_open (offers);
}

/* A slot that no member has; NULL: there is none, or memory is short. */
static godwit__offers_slot_t *
vacant_slot (godwit__offers_t *offers)
{
    for (size_t i = 0; i < offers->count; i++)
        if (!offers->slots[i].offer)
            return &offers->slots[i];
    if (offers->count == GODWIT__OFFERS_MAX)
        return NULL;
    if (offers->count == offers->capacity) {
        const size_t capacity = offers->capacity ? 2 * offers->capacity : 2;
        godwit__offers_slot_t *slots = realloc (offers->slots, capacity * sizeof *slots);
        if (!slots)
            return NULL;
        offers->slots = slots;
        offers->capacity = capacity;
    }
    godwit__offers_slot_t *const slot = &offers->slots[offers->count++];
    *slot = (godwit__offers_slot_t){.offer = NULL};
    return slot;
}

uint32_t
godwit__offers_add (godwit__offers_t *offers, const char *text)
{
    for (size_t i = 0; i < offers->count; i++) {
        godwit__offers_slot_t *const slot = &offers->slots[i];
        if (slot->offer && strcmp (godwit__offer_text (slot->offer), text) == 0) {
            slot->member_count++;
            return bit_of (i);
        }
    }
    godwit__offer_t *offer = godwit__offer_read (text);
    if (!offer)
        return GODWIT__OFFER_ANYTHING;
    godwit__offers_slot_t *const slot = vacant_slot (offers);
    if (!slot) {
        godwit__offer_destroy (&offer);
        return GODWIT__OFFER_ANYTHING;
    }
    *slot = (godwit__offers_slot_t){.offer = offer, .member_count = 1};
    const uint32_t bit = bit_of ((size_t) (slot - offers->slots));
    offers->used |= bit;
    if (++offers->change == 0)
        offers->change = 1;
    return bit;
}

void
godwit__offers_remove (godwit__offers_t *offers, uint32_t bit)
{
    for (size_t i = 0; i < offers->count; i++) {
        if (bit != bit_of (i) || --offers->slots[i].member_count > 0)
            continue;
        godwit__offer_destroy (&offers->slots[i].offer);
        offers->used &= ~bit;
    }
}

const godwit__offer_t *
godwit__offers_get (const godwit__offers_t *offers, uint32_t bit)
{
    for (size_t i = 0; i < offers->count; i++)
        if (bit == bit_of (i))
            return offers->slots[i].offer;
    return NULL;
}

uint32_t
godwit__offers_serving (const godwit__offers_t *offers, const char *name_space, godwit__version_t version)
{
    uint32_t bits = GODWIT__OFFER_ANYTHING;
    for (size_t i = 0; i < offers->count; i++)
        if (offers->slots[i].offer && godwit__offer_serves (offers->slots[i].offer, name_space, version))
            bits |= bit_of (i);
    return bits;
}

size_t *
godwit__offers_next (godwit__offers_t *offers, uint32_t served)
{
    for (size_t i = 0; i < offers->count; i++)
        if (offers->used & served & bit_of (i))
            return &offers->slots[i].next;
    return NULL;
}
