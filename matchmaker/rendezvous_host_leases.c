/* SPDX-License-Identifier: Apache-2.0 */
/* Who is heard of no more.
 *
 * Members whose lease ran out are forgotten, unless most of them are silent: then it is likelier that the
 * host is cut off (self-preservation), and they are kept for as long as that lasts, KEEP_LEASES at the most.
 */
#include "matchmaker/rendezvous_host_inside.h"

#include <stdio.h>

/* In leases, since it was heard the last time. */
#define KEEP_LEASES 12

void
godwit__host_arm_sweep (godwit__rendezvous_host_t *host)
{
    godwit__reactor_arm (host->options.reactor, &host->sweep,
                         godwit__host_now (host) + host->options.refresh_ms * GODWIT__NS_PER_MS);
}

/* A process that was stopped, or starved, for longer than a refresh finds every lease run out, and what would
 * renew them unread in its queue: then it was the host that was away, not its members. */
static int64_t
time_lost (const godwit__rendezvous_host_t *host)
{
    const int64_t late = godwit__host_now (host) - host->sweep.deadline_ns;
    return late > host->options.refresh_ms * GODWIT__NS_PER_MS ? late : 0;
}

static void
lapse (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member)
{
    godwit__host_note (host, member, "is silent");
    godwit__host_forget (host, member);
}

static void
sweep_member (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member, int64_t now)
{
    const int64_t longer_ns = host->preserves ? (KEEP_LEASES - 1) * godwit__host_lease_ns (member) : 0;
    if (member->is_host)
        return;
    if (member->expires_ns + longer_ns <= now)
        lapse (host, member);
    else if (member->room && member->behind &&
             member->behind_since_ns + godwit__host_lease_ns (member) <= now)
        godwit__host_expel (host, member, "does not read");
}

typedef struct census {
    size_t members;
    size_t silent; /* for two thirds of their lease, and so for a refresh longer than they should */
} census_t;

static void
take_into (census_t *census, godwit__rendezvous_member_t *member, int64_t now, int64_t lost)
{
    if (member->is_host)
        return;
    member->expires_ns += lost;
    member->behind_since_ns += lost;
    census->members++;
    census->silent += member->expires_ns - godwit__host_lease_ns (member) / 3 <= now;
}

static void
update_preservation (godwit__rendezvous_host_t *host, const census_t *census)
{
    const bool preserves = census->silent >= 2 && 2 * census->silent > census->members;
    char text[2 * GODWIT__ADDRESS_SIZE];
    if (preserves == host->preserves)
        return;
    host->preserves = preserves;
    if (!host->options.note)
        return;
    snprintf (text, sizeof text, "The rendezvous at %s hears nothing of %zu of %zu members: %s",
              host->address, census->silent, census->members,
              preserves ? "they are kept (self-preservation)" : "self-preservation is over");
    host->options.note (host->options.note_user, GODWIT_LOG_WARNING, text);
}

static void
sweep_expelled (godwit__rendezvous_host_t *host, int64_t now)
{
    godwit__rooms_t *const rooms = &host->rooms;
    for (godwit__rendezvous_member_t *at = GODWIT__ROUTED_FIRST (rooms), *next; at; at = next) {
        next = GODWIT__ROUTED_NEXT (rooms, at);
        if (!at->room && at->expires_ns <= now)
            godwit__rooms_remove (rooms, at);
    }
}

void
godwit__host_sweep (godwit__timer_t *timer)
{
    godwit__rendezvous_host_t *host = timer->user;
    const int64_t now = godwit__host_now (host);
    const int64_t lost = time_lost (host);
    const godwit__rooms_t *const rooms = &host->rooms;
    census_t census = {0, 0};
    for (godwit__rendezvous_member_t *at = GODWIT__MEMBERS_FIRST (rooms); at;
         at = GODWIT__MEMBERS_NEXT (rooms, at))
        take_into (&census, at, now, lost);
    update_preservation (host, &census);
    for (godwit__rendezvous_member_t *at = GODWIT__MEMBERS_FIRST (rooms), *next; at; at = next) {
        next = GODWIT__MEMBERS_NEXT (rooms, at);
        sweep_member (host, at, now);
    }
    sweep_expelled (host, now);
    godwit__host_retry (&host->retry);
    godwit__host_arm_sweep (host);
}
