/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/crowd.h"

#include "drivers/zmtp/descriptors.h"
#include "drivers/zmtp/opening.h"

#include <string.h>

#define OPENING_PART 8
#define WARN_NS (60000 * GODWIT__NS_PER_MS)
/* Origins that are told apart, by their hash: at most those of all who are there. Two that fall together pay
 * together. */
#define PLACES GODWIT__ZMTP_OPENING_MAX

void
godwit__zmtp_crowd_init (godwit__zmtp_crowd_t *crowd, uint64_t seed)
{
    *crowd = (godwit__zmtp_crowd_t){.chance = seed};
    godwit__list_init (&crowd->streams);
}

void
godwit__zmtp_crowd_add (godwit__zmtp_crowd_t *crowd, godwit__zmtp_stream_t *stream)
{
    godwit__list_append (&crowd->streams, &stream->in_owner);
    crowd->count++;
}

void
godwit__zmtp_crowd_remove (godwit__zmtp_crowd_t *crowd, godwit__zmtp_stream_t *stream)
{
    godwit__list_remove (&stream->in_owner);
    crowd->count--;
}

bool
godwit__zmtp_crowd_warns (godwit__zmtp_crowd_t *crowd, int64_t now_ns)
{
    if (crowd->has_warned && now_ns - crowd->warned_ns < WARN_NS)
        return false;
    crowd->has_warned = true;
    crowd->warned_ns = now_ns;
    return true;
}

/* ---- limits ---- */

/* As long as there are few, nobody asks for the limit. */
static bool
is_full (const godwit__zmtp_crowd_t *crowd)
{
    return crowd->count >= GODWIT__ZMTP_DESCRIPTORS_FEW &&
           crowd->count >= godwit__zmtp_descriptor_limit (GODWIT__ZMTP_OPENING_MAX, OPENING_PART);
}

/* ---- who makes room ---- */

static godwit__zmtp_stream_t *
next_of (const godwit__zmtp_crowd_t *crowd, godwit__zmtp_stream_t *stream)
{
    return GODWIT__NEXT (&crowd->streams, stream, godwit__zmtp_stream_t, in_owner);
}

static size_t
place_of (const godwit__zmtp_stream_t *stream)
{
    return stream->peer_hash % PLACES;
}

/* How many have come from each place. Returns the most. */
static unsigned
count_places (const godwit__zmtp_crowd_t *crowd, uint16_t counts[PLACES])
{
    unsigned most = 0;
    memset (counts, 0, PLACES * sizeof *counts);
    godwit__zmtp_stream_t *at = GODWIT__FIRST (&crowd->streams, godwit__zmtp_stream_t, in_owner);
    for (; at; at = next_of (crowd, at)) {
        const unsigned count = ++counts[place_of (at)];
        most = count > most ? count : most;
    }
    return most;
}

static uint64_t
draw (uint64_t *state)
{
    *state = *state * UINT64_C (6364136223846793005) + UINT64_C (1442695040888963407);
    return *state >> 33;
}

godwit__zmtp_stream_t *
godwit__zmtp_crowd_surplus (godwit__zmtp_crowd_t *crowd)
{
    uint16_t counts[PLACES];
    godwit__zmtp_stream_t *found = NULL;
    bool has_spoken = true;
    unsigned alike = 0;
    if (!is_full (crowd))
        return NULL;
    const unsigned most = count_places (crowd, counts);
    godwit__zmtp_stream_t *at = GODWIT__FIRST (&crowd->streams, godwit__zmtp_stream_t, in_owner);
    for (; at; at = next_of (crowd, at)) {
        const bool speaks = godwit__zmtp_opening_has_spoken (at);
        if (counts[place_of (at)] < most || (speaks && !has_spoken))
            continue;
        alike = speaks == has_spoken ? alike + 1 : 1;
        has_spoken = speaks;
        if (draw (&crowd->chance) % alike == 0) /* so each of those that are alike is found as often */
            found = at;
    }
    return found;
}
