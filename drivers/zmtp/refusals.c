/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/refusals.h"

#include "src/base/hash.h"
#include "src/loop/reactor.h"

#include <stdlib.h>
#include <string.h>

/* What of an address counts. */
typedef struct origin {
    uint8_t family;
    uint8_t bytes[8];
} origin_t;

typedef struct host {
    origin_t origin;
    unsigned count;                                /* refusals, ever */
    int64_t refused_ns[GODWIT__ZMTP_REFUSALS_FEW]; /* the last ones, in a circle */
    int64_t waits_until_ns;                        /* until then it is on hold ... */
    int64_t turn_ns;                               /* ... and has its next turn then */
    godwit__table_node_t by_origin;
} host_t;

/* ---- addresses ---- */

static origin_t
origin_of (const godwit__zmtp_peer_t *peer)
{
    origin_t origin = {.family = AF_UNSPEC};
    const bool is_mapped = peer->family == AF_INET6 && IN6_IS_ADDR_V4MAPPED (&peer->of.in6);
    if (peer->family == AF_INET || is_mapped) {
        origin.family = AF_INET;
        memcpy (origin.bytes, is_mapped ? peer->of.in6.s6_addr + 12 : (const uint8_t *) &peer->of.in, 4);
    } else if (peer->family == AF_INET6) {
        origin.family = AF_INET6;
        memcpy (origin.bytes, peer->of.in6.s6_addr, 8);
    }
    return origin;
}

static bool
is_equal (const origin_t *a, const origin_t *b)
{
    return a->family == b->family && memcmp (a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool
godwit__zmtp_refusals_same (const godwit__zmtp_peer_t *a, const godwit__zmtp_peer_t *b)
{
    const origin_t first = origin_of (a), second = origin_of (b);
    return first.family != AF_UNSPEC && is_equal (&first, &second);
}

/* ---- hosts ---- */

static uint64_t
hash_of (const godwit__zmtp_refusals_t *self, const origin_t *origin)
{
    return godwit__hash ((uintptr_t) self + origin->family, origin->bytes, sizeof origin->bytes);
}

static host_t *
find (const godwit__zmtp_refusals_t *self, const origin_t *origin)
{
    host_t *at = GODWIT__TABLE_FIND (&self->hosts, hash_of (self, origin), host_t, by_origin);
    while (at && !is_equal (&at->origin, origin))
        at = GODWIT__TABLE_FIND_NEXT (at, host_t, by_origin);
    return at;
}

static void
forget (godwit__zmtp_refusals_t *self, host_t *host)
{
    godwit__table_remove (&self->hosts, &host->by_origin);
    free (host);
}

/* The host as the newest of all. NULL: memory is short. */
static host_t *
renew (godwit__zmtp_refusals_t *self, const origin_t *origin)
{
    host_t *host = find (self, origin);
    if (host) {
        godwit__table_remove (&self->hosts, &host->by_origin);
    } else {
        host_t *const oldest = GODWIT__TABLE_FIRST (&self->hosts, host_t, by_origin);
        if (oldest && self->hosts.count >= GODWIT__ZMTP_REFUSALS_MAX)
            forget (self, oldest);
        host = calloc (1, sizeof *host);
        if (!host)
            return NULL;
        host->origin = *origin;
        host->waits_until_ns = host->turn_ns = INT64_MIN;
    }
    godwit__table_insert (&self->hosts, &host->by_origin, hash_of (self, origin));
    return host;
}

/* ---- ---- */

void
godwit__zmtp_refusals_init (godwit__zmtp_refusals_t *refusals)
{
    *refusals = (godwit__zmtp_refusals_t){.has_warned = false};
    godwit__table_init (&refusals->hosts);
}

void
godwit__zmtp_refusals_release (godwit__zmtp_refusals_t *refusals)
{
    for (host_t *at; (at = GODWIT__TABLE_FIRST (&refusals->hosts, host_t, by_origin));)
        forget (refusals, at);
    godwit__table_release (&refusals->hosts);
}

bool
godwit__zmtp_refusals_note (godwit__zmtp_refusals_t *refusals, const godwit__zmtp_peer_t *peer,
                            int64_t now_ns)
{
    const origin_t origin = origin_of (peer);
    host_t *host = origin.family == AF_UNSPEC ? NULL : renew (refusals, &origin);
    if (!host)
        return false;
    host->refused_ns[host->count++ % GODWIT__ZMTP_REFUSALS_FEW] = now_ns;
    /* The oldest of the last ones is the next that is written over. */
    const int64_t oldest_ns = host->refused_ns[host->count % GODWIT__ZMTP_REFUSALS_FEW];
    return host->count >= GODWIT__ZMTP_REFUSALS_FEW &&
           now_ns - oldest_ns < GODWIT__ZMTP_REFUSALS_MS * GODWIT__NS_PER_MS;
}

void
godwit__zmtp_refusals_hold (godwit__zmtp_refusals_t *refusals, const godwit__zmtp_peer_t *peer,
                            int64_t now_ns)
{
    const origin_t origin = origin_of (peer);
    host_t *host = find (refusals, &origin);
    if (host)
        host->waits_until_ns = now_ns + GODWIT__ZMTP_REFUSALS_WAIT_MS * GODWIT__NS_PER_MS;
}

static bool
is_on_hold (const host_t *host, int64_t now_ns)
{
    return host && now_ns < host->waits_until_ns;
}

bool
godwit__zmtp_refusals_has_turn (const godwit__zmtp_refusals_t *refusals, const godwit__zmtp_peer_t *peer,
                                int64_t now_ns)
{
    const origin_t origin = origin_of (peer);
    const host_t *host = find (refusals, &origin);
    return !is_on_hold (host, now_ns) || now_ns >= host->turn_ns;
}

/* Turns that nobody took are lost, but for a few: who lets in may be late. */
void
godwit__zmtp_refusals_take_turn (const godwit__zmtp_refusals_t *refusals, const godwit__zmtp_peer_t *peer,
                                 int64_t now_ns)
{
    const origin_t origin = origin_of (peer);
    host_t *host = find (refusals, &origin);
    const int64_t turn_ns = GODWIT__ZMTP_REFUSALS_TURN_MS * GODWIT__NS_PER_MS;
    const int64_t earliest_ns = now_ns - GODWIT__ZMTP_REFUSALS_FEW * turn_ns;
    if (is_on_hold (host, now_ns))
        host->turn_ns = (host->turn_ns > earliest_ns ? host->turn_ns : earliest_ns) + turn_ns;
}

void
godwit__zmtp_refusals_forgive (godwit__zmtp_refusals_t *refusals, const godwit__zmtp_peer_t *peer)
{
    const origin_t origin = origin_of (peer);
    host_t *host = find (refusals, &origin);
    if (host)
        host->waits_until_ns = INT64_MIN;
}

bool
godwit__zmtp_refusals_warns (godwit__zmtp_refusals_t *refusals, int64_t now_ns)
{
    if (refusals->has_warned &&
        now_ns - refusals->warned_ns < GODWIT__ZMTP_REFUSALS_WARN_MS * GODWIT__NS_PER_MS)
        return false;
    refusals->has_warned = true;
    refusals->warned_ns = now_ns;
    return true;
}
