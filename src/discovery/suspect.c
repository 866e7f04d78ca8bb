#include "src/discovery/suspect.h"

/* In refreshes. */
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

void
godwit__unheard_end (godwit__member_t *member)
{
    if (member->unheard && !member->withdrawn)
        member->peer->transport->directory->unheard_count--;
    member->unheard = member->withdrawn = false;
}

void
godwit__unheard_begin (godwit__member_t *member, bool withdrawn)
{
    godwit_transport_t *const transport = member->peer->transport;
    godwit__directory_t *const directory = transport->directory;
    const bool began = !member->unheard;
    const int64_t now_ns = godwit__transport_now (transport);
    godwit__unheard_end (member);
    member->unheard = true;
    member->withdrawn = withdrawn;
    if (withdrawn)
        return;
    if (began)
        member->unheard_ns = now_ns;
    directory->unheard_count++;
    if (!directory->unheard_timer.heap_index)
        /* Without memory for it, the data path still decides when somebody calls. */
        godwit__reactor_arm (transport->control, &directory->unheard_timer, now_ns + refresh_ns (transport));
}

bool
godwit__unheard_is_over (const godwit__member_t *member)
{
    const godwit__peer_t *const peer = member->peer;
    const unsigned tries = peer->transport->directory->preserves ? TRIES_PRESERVED : TRIES;
    return member->unheard && (member->withdrawn || peer->failures >= tries);
}

godwit__preservation_t
godwit__unheard_judge (godwit__directory_t *directory)
{
    const bool preserves =
        directory->unheard_count >= 2 && 2 * directory->unheard_count > directory->member_count;
    if (preserves == directory->preserves)
        return GODWIT__PRESERVATION_AS_BEFORE;
    directory->preserves = preserves;
    return preserves ? GODWIT__PRESERVATION_BEGINS : GODWIT__PRESERVATION_ENDS;
}

void
godwit__unheard_log (const godwit_transport_t *transport, godwit__preservation_t preservation,
                     size_t unheard_count, size_t member_count)
{
    if (preservation == GODWIT__PRESERVATION_BEGINS && godwit__logs (transport, GODWIT_LOG_WARNING))
        godwit__log (transport, GODWIT_LOG_WARNING,
                     "No rendezvous knows %zu of %zu servers any more: they are kept until they cannot be "
                     "connected to (self-preservation)",
                     unheard_count, member_count);
    else if (preservation == GODWIT__PRESERVATION_ENDS && godwit__logs (transport, GODWIT_LOG_WARNING))
        godwit__log (transport, GODWIT_LOG_WARNING,
                     "Self-preservation is over: %zu of %zu servers are known by no rendezvous",
                     unheard_count, member_count);
}

/* ---- the timer ---- */

/* One look at all of them. */
typedef struct look {
    int64_t now_ns;
    int64_t refresh_ns;
    size_t probes;
} look_t;

/* False: it is forgotten. */
static bool
look_at (look_t *look, godwit__member_t *member)
{
    const int64_t age_ns = look->now_ns - member->unheard_ns;
    if (!member->unheard || member->withdrawn)
        return true;
    if (member->peer->state == GODWIT__PEER_READY) {
        member->unheard_ns = look->now_ns; /* it lives */
        return true;
    }
    if (age_ns > FORGET_AFTER * look->refresh_ns)
        return false;
    if (age_ns >= PROBE_AFTER * look->refresh_ns && look->probes < PROBES_MAX) {
        look->probes++;
        godwit__peer_want (member->peer);
    }
    return true;
}

static void
on_timer (godwit__timer_t *timer)
{
    godwit_transport_t *const transport = timer->user;
    godwit__directory_t *const directory = transport->directory;
    look_t look = {.now_ns = godwit__transport_now (transport), .refresh_ns = refresh_ns (transport)};
    godwit__group_t *group, *next;
    pthread_mutex_lock (&transport->lock);
    HASH_ITER (hh, directory->groups, group, next)
    for (size_t i = group->count; i-- > 0;)
        if (!look_at (&look, group->members[i]))
            godwit__directory_remove (group, i);
    const godwit__preservation_t preservation = godwit__unheard_judge (directory);
    const size_t unheard_count = directory->unheard_count, member_count = directory->member_count;
    if (unheard_count > 0)
        godwit__reactor_arm (transport->control, timer, look.now_ns + look.refresh_ns);
    godwit__transport_changed (transport);
    pthread_mutex_unlock (&transport->lock);
    godwit__unheard_log (transport, preservation, unheard_count, member_count);
}

void
godwit__unheard_open (godwit__directory_t *directory)
{
    directory->unheard_timer = (godwit__timer_t){.fire = on_timer, .user = directory->transport};
}

void
godwit__unheard_close (godwit__directory_t *directory)
{
    godwit__reactor_disarm (directory->transport->control, &directory->unheard_timer);
}
