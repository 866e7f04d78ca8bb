/* SPDX-License-Identifier: Apache-2.0 */
#include "src/discovery/suspect.h"

/* Within this time a new suspect is connected to: not by all that know it at the same moment. */
#define PROBE_WITHIN_MS 500
/* In refreshes; the first is for self-preservation. */
#define PROBE_AFTER 3
#define FORGET_AFTER 36
/* Connections that one look begins. */
#define PROBES_MAX 64
/* Attempts that have to fail in a row. */
#define TRIES 3
#define TRIES_PRESERVED 10

static int64_t
refresh_ns (const godwit_transport_t *transport)
{
    return transport->options.refresh_ms * GODWIT__NS_PER_MS;
}

/* Without memory for the timer, the data path still decides when somebody calls. */
static void
look_soon (godwit__directory_t *directory, int64_t now_ns)
{
    godwit_transport_t *const transport = directory->transport;
    const uint64_t spread_ns = PROBE_WITHIN_MS * GODWIT__NS_PER_MS;
    const int64_t at_ns = now_ns + (int64_t) godwit__transport_random (transport, spread_ns);
    if (!directory->suspect_timer.heap_index || directory->suspect_timer.deadline_ns > at_ns)
        godwit__reactor_arm (transport->control, &directory->suspect_timer, at_ns);
}

void
godwit__suspect_begin (godwit__member_t *member, bool withdrawn)
{
    godwit_transport_t *const transport = member->peer->transport;
    godwit__directory_t *const directory = transport->directory;
    const bool began = !member->is_suspect;
    const int64_t now_ns = godwit__transport_now (transport);
    godwit__member_end_suspect (member);
    member->is_suspect = true;
    member->withdrawn = withdrawn;
    if (withdrawn)
        return;
    if (began) {
        member->suspect_since_ns = now_ns;
        godwit__news_note (transport, &directory->news, member->record,
                           "is known by no rendezvous any more, and stays while it can be connected to");
    }
    directory->suspect_count++;
    look_soon (directory, now_ns);
}

bool
godwit__suspect_is_over (const godwit__member_t *member)
{
    const godwit__peer_t *const peer = member->peer;
    const unsigned tries = peer->transport->directory->preserves ? TRIES_PRESERVED : TRIES;
    return member->is_suspect && (member->withdrawn || peer->failures >= tries);
}

godwit__preservation_t
godwit__suspect_update_preservation (godwit__directory_t *directory)
{
    const bool preserves =
        directory->suspect_count >= 2 && 2 * directory->suspect_count > directory->member_count;
    if (preserves == directory->preserves)
        return GODWIT__PRESERVATION_AS_BEFORE;
    directory->preserves = preserves;
    return preserves ? GODWIT__PRESERVATION_BEGINS : GODWIT__PRESERVATION_ENDS;
}

void
godwit__suspect_log (const godwit_transport_t *transport, godwit__preservation_t preservation,
                     size_t suspect_count, size_t member_count)
{
    if (preservation == GODWIT__PRESERVATION_BEGINS && godwit__logs (transport, GODWIT_LOG_WARNING))
        godwit__log (transport, GODWIT_LOG_WARNING,
                     "No rendezvous knows %zu of %zu servers any more: they are kept until they cannot be "
                     "connected to (self-preservation)",
                     suspect_count, member_count);
    else if (preservation == GODWIT__PRESERVATION_ENDS && godwit__logs (transport, GODWIT_LOG_WARNING))
        godwit__log (transport, GODWIT_LOG_WARNING,
                     "Self-preservation is over: %zu of %zu servers are known by no rendezvous",
                     suspect_count, member_count);
}

/* ---- the timer ---- */

/* One look at all of them. */
typedef struct look {
    int64_t now_ns;
    int64_t refresh_ns;
    int64_t probe_age_ns;
    size_t probes;
} look_t;

/* False: it is forgotten. */
static bool
look_at (look_t *look, godwit__member_t *member)
{
    const int64_t age_ns = look->now_ns - member->suspect_since_ns;
    if (!member->is_suspect || member->withdrawn)
        return true;
    if (member->peer->state == GODWIT__PEER_READY) {
        member->suspect_since_ns = look->now_ns; /* it is alive */
        return true;
    }
    if (age_ns > FORGET_AFTER * look->refresh_ns)
        return false;
    if (age_ns < look->probe_age_ns || look->probes == PROBES_MAX)
        return true;
    if (member->peer->state == GODWIT__PEER_BACKOFF && godwit__suspect_is_over (member))
        return false; /* calls have tried just now */
    look->probes += member->peer->state == GODWIT__PEER_IDLE;
    godwit__peer_want (member->peer);
    return true;
}

static void
on_timer (godwit__timer_t *timer)
{
    godwit_transport_t *const transport = timer->user;
    godwit__directory_t *const directory = transport->directory;
    look_t look = {.now_ns = godwit__transport_now (transport), .refresh_ns = refresh_ns (transport)};
    pthread_mutex_lock (&transport->lock);
    look.probe_age_ns = directory->preserves ? PROBE_AFTER * look.refresh_ns : 0;
    for (godwit__group_t *group = GODWIT__GROUPS_FIRST (directory); group;
         group = GODWIT__GROUPS_NEXT (directory, group))
        for (size_t i = group->count; i-- > 0;)
            if (!look_at (&look, group->members[i]))
                godwit__directory_remove (group, i);
    const godwit__preservation_t preservation = godwit__suspect_update_preservation (directory);
    const size_t suspect_count = directory->suspect_count, member_count = directory->member_count;
    const int64_t next_ns = look.probes == PROBES_MAX ? PROBE_WITHIN_MS * GODWIT__NS_PER_MS : look.refresh_ns;
    if (suspect_count > 0)
        godwit__reactor_arm (transport->control, timer, look.now_ns + next_ns);
    godwit__transport_changed (transport);
    godwit__transport_unlock (transport);
    godwit__suspect_log (transport, preservation, suspect_count, member_count);
}

void
godwit__suspect_open (godwit__directory_t *directory)
{
    directory->suspect_timer = (godwit__timer_t){.fire = on_timer, .user = directory->transport};
}

void
godwit__suspect_close (godwit__directory_t *directory)
{
    godwit__reactor_disarm (directory->transport->control, &directory->suspect_timer);
}
