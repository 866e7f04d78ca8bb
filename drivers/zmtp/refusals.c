/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/refusals.h"

#include "src/base/hash.h"
#include "src/loop/reactor.h"

#include <stdlib.h>
#include <string.h>

typedef struct host {
    godwit__zmtp_origin_t origin;
    unsigned count;                                /* refusals, ever */
    int64_t refused_ns[GODWIT__ZMTP_REFUSALS_FEW]; /* the last ones, in a circle */
    int64_t waits_until_ns;                        /* until then it is on hold ... */
    int64_t turn_ns;                               /* ... and has its next turn then */
    int64_t spared_until_ns;                       /* until then its refusals do not count */
    godwit__table_node_t by_origin;
} host_t;

/* ---- addresses ---- */

/* Of a local socket AF_UNSPEC: such are never refused entry. */
static godwit__zmtp_origin_t
origin_of (const godwit__zmtp_peer_t *peer)
{
    const godwit__zmtp_origin_t origin = godwit__zmtp_peer_origin (peer);
    return origin.family == AF_UNIX ? (godwit__zmtp_origin_t){.family = AF_UNSPEC} : origin;
}

bool
godwit__zmtp_refusals_same (const godwit__zmtp_peer_t *a, const godwit__zmtp_peer_t *b)
{
    const godwit__zmtp_origin_t first = origin_of (a), second = origin_of (b);
    return godwit__zmtp_origin_is (&first, &second);
}

/* ---- hosts ---- */

static uint64_t
hash_of (const godwit__zmtp_refusals_t *self, const godwit__zmtp_origin_t *origin)
{
    return godwit__hash ((uintptr_t) self + origin->family, origin->bytes, sizeof origin->bytes);
}

static host_t *
find (const godwit__zmtp_refusals_t *self, const godwit__zmtp_origin_t *origin)
{
    host_t *at = GODWIT__TABLE_FIND (&self->hosts, hash_of (self, origin), host_t, by_origin);
    while (at && !godwit__zmtp_origin_is (&at->origin, origin))
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
renew (godwit__zmtp_refusals_t *self, const godwit__zmtp_origin_t *origin)
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
        host->waits_until_ns = host->turn_ns = host->spared_until_ns = INT64_MIN;
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
    const godwit__zmtp_origin_t origin = origin_of (peer);
    host_t *host = origin.family == AF_UNSPEC ? NULL : renew (refusals, &origin);
    if (!host)
        return false;
    host->refused_ns[host->count++ % GODWIT__ZMTP_REFUSALS_FEW] = now_ns;
    /* The oldest of the last ones is the next that is written over. */
    const int64_t oldest_ns = host->refused_ns[host->count % GODWIT__ZMTP_REFUSALS_FEW];
    return host->count >= GODWIT__ZMTP_REFUSALS_FEW && now_ns >= host->spared_until_ns &&
           now_ns - oldest_ns < GODWIT__ZMTP_REFUSALS_MS * GODWIT__NS_PER_MS;
}

/* The end of what begins now. */
static int64_t
after_wait (int64_t now_ns)
{
    return now_ns + GODWIT__ZMTP_REFUSALS_WAIT_MS * GODWIT__NS_PER_MS;
}

static host_t *
find_peer (const godwit__zmtp_refusals_t *self, const godwit__zmtp_peer_t *peer)
{
    const godwit__zmtp_origin_t origin = origin_of (peer);
    return find (self, &origin);
}

void
godwit__zmtp_refusals_hold (godwit__zmtp_refusals_t *refusals, const godwit__zmtp_peer_t *peer,
                            int64_t now_ns)
{
    host_t *host = find_peer (refusals, peer);
    if (host)
        host->waits_until_ns = after_wait (now_ns);
}

void
godwit__zmtp_refusals_spare (godwit__zmtp_refusals_t *refusals, const godwit__zmtp_peer_t *peer,
                             int64_t now_ns)
{
    host_t *host = find_peer (refusals, peer);
    if (host)
        host->spared_until_ns = after_wait (now_ns);
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
    const host_t *host = find_peer (refusals, peer);
    return !is_on_hold (host, now_ns) || now_ns >= host->turn_ns;
}

/* Turns that nobody took are lost, but for a few: who lets in may be late. */
void
godwit__zmtp_refusals_take_turn (const godwit__zmtp_refusals_t *refusals, const godwit__zmtp_peer_t *peer,
                                 int64_t now_ns)
{
    host_t *host = find_peer (refusals, peer);
    const int64_t turn_ns = GODWIT__ZMTP_REFUSALS_TURN_MS * GODWIT__NS_PER_MS;
    const int64_t earliest_ns = now_ns - GODWIT__ZMTP_REFUSALS_FEW * turn_ns;
    if (is_on_hold (host, now_ns))
        host->turn_ns = (host->turn_ns > earliest_ns ? host->turn_ns : earliest_ns) + turn_ns;
}

void
godwit__zmtp_refusals_forgive (godwit__zmtp_refusals_t *refusals, const godwit__zmtp_peer_t *peer)
{
    host_t *host = find_peer (refusals, peer);
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
