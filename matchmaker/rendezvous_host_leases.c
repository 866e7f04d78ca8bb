/* SPDX-License-Identifier: Apache-2.0 */
/* The leases of members: what happens to members that are silent.
 *
 * Members whose lease has ended are forgotten. But if most members are silent, the host itself is probably
 * cut off. Then members are kept while that lasts, for at most KEEP_LEASES leases (self-preservation).
 */
#include "matchmaker/rendezvous_host_inside.h"

#include <stdio.h>

/* How many leases a silent member is kept at most, since it was last heard. */
#define KEEP_LEASES 12

void
godwit__host_arm_sweep (godwit__rendezvous_host_t *host)
{
    godwit__reactor_arm (host->options.reactor, &host->sweep,
                         godwit__host_now (host) + host->options.refresh_ms * GODWIT__NS_PER_MS);
}

/* How long this process was stopped, or starved, if it was longer than a refresh. Afterwards every lease
 * seems to have ended, while the frames that renew them wait unread in the queue. The host was away, not its
 * members. */
static int64_t
time_lost (const godwit__rendezvous_host_t *host)
{
    const int64_t late = godwit__host_now (host) - host->sweep.deadline_ns;
    return late > host->options.refresh_ms * GODWIT__NS_PER_MS ? late : 0;
}

static void
lapse (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member)
{
    godwit__host_note (host, member, GODWIT_LOG_INFO, "is silent, and is forgotten");
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
    size_t silent; /* silent for two thirds of their lease: that is a refresh longer than allowed */
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
