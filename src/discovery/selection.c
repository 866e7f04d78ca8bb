/* SPDX-License-Identifier: Apache-2.0 */
#include "src/discovery/selection.h"

static bool
is_among (const godwit__tried_t *tried, uint64_t key)
{
    for (size_t i = 0; i < tried->count; i++)
        if (tried->keys[i] == key)
            return true;
    return false;
}

/* If a round has tried as many servers as there are, all of them were tried. */
static bool
was_tried (const godwit__tried_t *tried, uint64_t key, size_t member_count)
{
    return tried->total >= member_count || is_among (tried, key);
}

void
godwit__tried_add (godwit__tried_t *tried, uint64_t key)
{
    if (tried->count == GODWIT__TRIED_MAX) {
        memmove (tried->keys, tried->keys + 1, (GODWIT__TRIED_MAX - 1) * sizeof tried->keys[0]);
        tried->count--;
    }
    tried->keys[tried->count++] = key;
    tried->total++;
}

/* Whether the call asks for this member, wherever it is in its life. */
static bool
is_wished (const godwit__member_t *member, const godwit__wish_t *wish)
{
    return (member->offer & wish->served) && !(wish->server && strcmp (wish->server, member->record->server));
}

/* No member can be called: tries to connect to those that drain only by their record. True if there are
 * any. */
static bool
try_unconfirmed (godwit__group_t *group, const godwit__wish_t *wish)
{
    bool found = false;
    for (size_t i = 0; i < group->count; i++) {
        const godwit__member_t *member = group->members[i];
        if (!member->draining_unconfirmed || !is_wished (member, wish))
            continue;
        godwit__peer_want (member->peer);
        found = true;
    }
    return found;
}

/* Why members were passed over. */
typedef struct passed {
    bool waits;    /* not connected */
    bool comes;    /* of these: may be, soon */
    bool excluded; /* tried, or the breaker is open */
    bool is_full;  /* has its share */
} passed_t;

/* The member that is called next, from `first` on; group->count if there is none. */
static size_t
choose (const godwit__group_t *group, size_t first, uint32_t share, const godwit__wish_t *wish,
        const godwit__tried_t *tried, int64_t now_ns, passed_t *passed)
{
    const size_t count = group->count;
    size_t open = count; /* the first one whose breaker is open */
    for (size_t step = 0; step < count; step++) {
        size_t index = first + step;
        if (index >= count)
            index -= count;
        godwit__member_t *member = group->members[index];
        if (member->draining || !is_wished (member, wish))
            continue;
        if (!godwit__member_is_ready (member)) {
            godwit__peer_want (member->peer);
            passed->waits = true;
            passed->comes |= godwit__member_comes (member);
            continue;
        }
        if (tried->count && was_tried (tried, godwit__member_key (member), count)) {
            passed->excluded = true;
            continue;
        }
        if (member->given >= share) {
            passed->is_full = true;
            continue;
        }
        if (!member->breaker.until_ns || godwit__breaker_allows (&member->breaker, now_ns))
            return index;
        passed->excluded = true;
        if (open == count)
            open = index;
    }
    return tried->count == 0 && !passed->is_full ? open : count;
}

static void
pick_member (const godwit__member_t *member, godwit__picked_t *picked)
{
    *picked = (godwit__picked_t){
        .connection = godwit__connection_ref (member->peer->connection),
        .server_id = member->record->server_id,
        .key = godwit__member_key (member),
        .local = !memcmp (member->record->instance, member->peer->transport->instance, GODWIT__UUID_SIZE),
    };
}

bool
godwit__directory_serves_elsewhere (const godwit__group_t *group, const godwit__wish_t *wish,
                                    const godwit__tried_t *these)
{
    for (size_t i = 0; i < group->count; i++) {
        const godwit__member_t *const member = group->members[i];
        if ((!member->draining || member->draining_unconfirmed) && is_wished (member, wish) &&
            !is_among (these, godwit__member_key (member)))
            return true;
    }
    return false;
}

static bool
may_await_names (const godwit__group_t *group, const godwit__wish_t *wish)
{
    const godwit_transport_t *const transport = group->members[0]->peer->transport;
    return godwit__directory_awaits_names (transport->directory) &&
           !(wish->blocks && transport->options.external_loop && godwit__transport_is_processing (transport));
}

/* Nobody could be chosen of those that serve the call. */
static godwit__pick_t
pick_nobody (godwit__group_t *group, const godwit__wish_t *wish, const godwit__tried_t *tried, int64_t now_ns,
             passed_t passed, godwit__picked_t *picked)
{
    godwit__wish_t other = *wish;
    const bool awaits_names = group->count > 0 && may_await_names (group, wish);
    if (passed.is_full && (passed.comes || awaits_names)) {
        godwit__spread_note_full (group, wish->served);
        return GODWIT__PICK_SPREAD;
    }
    if (passed.is_full) { /* nobody to wait for */
        other.waits_until_ns = 0;
        return godwit__directory_pick (group, &other, tried, now_ns, picked);
    }
    if (passed.excluded)
        return GODWIT__PICK_EXCLUDED;
    if (try_unconfirmed (group, wish) || passed.waits) {
        if (!wish->server)
            godwit__spread_begin (group);
        return GODWIT__PICK_WAIT;
    }
    if (wish->served == GODWIT__OFFERS_ALL)
        return GODWIT__PICK_NOBODY;
    other.served = GODWIT__OFFERS_ALL;
    if (awaits_names && godwit__directory_serves_elsewhere (group, &other, &(godwit__tried_t){.count = 0}))
        return GODWIT__PICK_UNTOLD;
    const godwit__pick_t pick = godwit__directory_pick (group, &other, tried, now_ns, picked);
    return pick == GODWIT__PICK_EXCLUDED ? GODWIT__PICK_UNSERVED : pick;
}

/* Where the turn of a call stands. Calls that not all members serve have a turn of their own: otherwise those
 * behind a row of members that are passed over would be called more often. */
static size_t *
turn_of (godwit__group_t *group, const godwit__wish_t *wish)
{
    size_t *next = NULL;
    if (group->offers.used & ~wish->served)
        next = godwit__offers_next (&group->offers, wish->served);
    return next ? next : &group->next;
}

static godwit__pick_t
look_at_all (godwit__group_t *group, const godwit__wish_t *wish, const godwit__tried_t *tried, int64_t now_ns,
             godwit__picked_t *picked)
{
    uint32_t share = GODWIT__SPREAD_UNLIMITED;
    passed_t passed = {false, false, false, false};
    if (group->spread.settles) {
        share = godwit__spread_share (group, wish->server ? 0 : wish->waits_until_ns, now_ns);
        if (share != GODWIT__SPREAD_UNLIMITED && godwit__spread_is_full (group, wish->served))
            return GODWIT__PICK_SPREAD;
    }
    size_t *const next = turn_of (group, wish);
    const size_t index =
        choose (group, *next < group->count ? *next : 0, share, wish, tried, now_ns, &passed);
    if (index == group->count)
        return pick_nobody (group, wish, tried, now_ns, passed, picked);
    *next = index + 1;
    if (group->spread.settles)
        group->members[index]->given++;
    pick_member (group->members[index], picked);
    return GODWIT__PICK_OK;
}

/* The usual case, in which no other member has to be looked at: the next one in turn can be called. */
static const godwit__member_t *
next_in_turn (godwit__group_t *group, const godwit__wish_t *wish, const godwit__tried_t *tried)
{
    if (group->count == 0 || wish->server || tried->count > 0 || group->spread.settles ||
        (group->offers.used & ~wish->served))
        return NULL;
    const size_t index = group->next < group->count ? group->next : 0;
    const godwit__member_t *const member = group->members[index];
    if (member->draining || !(member->offer & wish->served) || !godwit__member_is_ready (member) ||
        member->breaker.until_ns)
        return NULL;
    group->next = index + 1;
    return member;
}

godwit__pick_t
godwit__directory_pick (godwit__group_t *group, const godwit__wish_t *wish, const godwit__tried_t *tried,
                        int64_t now_ns, godwit__picked_t *picked)
{
    const godwit__member_t *const member = next_in_turn (group, wish, tried);
    if (!member)
        return look_at_all (group, wish, tried, now_ns, picked);
    pick_member (member, picked);
    return GODWIT__PICK_OK;
}

static uint64_t
failures_of (const godwit__member_t *member)
{
    return member->peer->failed_rounds + member->refusals;
}

godwit__member_ref_t
godwit__directory_member_ref (const godwit__group_t *group, size_t index)
{
    const godwit__member_t *member = group->members[index];
    return (godwit__member_ref_t){member->number, failures_of (member), index};
}

/* NULL: it is not there any more. */
static const godwit__member_t *
find_ref (const godwit__group_t *group, godwit__member_ref_t *ref)
{
    if (ref->place >= group->count || group->members[ref->place]->number != ref->number)
        for (ref->place = 0; ref->place < group->count && group->members[ref->place]->number != ref->number;)
            ref->place++;
    return ref->place < group->count ? group->members[ref->place] : NULL;
}

godwit__pick_t
godwit__directory_pick_ref (const godwit__group_t *group, godwit__member_ref_t *ref,
                            const godwit__tried_t *tried, godwit__picked_t *picked)
{
    const godwit__member_t *member = find_ref (group, ref);
    if (!member || member->draining)
        return GODWIT__PICK_NOBODY;
    if (!godwit__member_is_ready (member)) {
        /* A failure from before the first look does not count: the member is tried once more. */
        const bool failed = failures_of (member) > ref->failures;
        godwit__peer_want (member->peer);
        if (failed && member->resolution == GODWIT__RESOLUTION_REFUSED)
            return member->refusal ? GODWIT__PICK_UNREACHABLE : GODWIT__PICK_NOBODY;
        return failed && member->peer->state == GODWIT__PEER_BACKOFF ? GODWIT__PICK_UNREACHABLE
                                                                     : GODWIT__PICK_WAIT;
    }
    if (tried->count > 0)
        return GODWIT__PICK_EXCLUDED;
    pick_member (member, picked);
    return GODWIT__PICK_OK;
}

size_t
godwit__group_ready_count (godwit__group_t *group, const char *server)
{
    size_t ready = 0;
    for (size_t i = 0; i < group->count; i++) {
        const godwit__member_t *member = group->members[i];
        if (member->draining || (server && strcmp (server, member->record->server)))
            continue;
        if (godwit__member_is_ready (member))
            ready++;
        else
            godwit__peer_want (member->peer);
    }
    if (ready == 0 && !server)
        godwit__spread_begin (group);
    return ready;
}

void
godwit__directory_overloaded (godwit__group_t *group, godwit_transport_t *transport, uint64_t key,
                              int64_t now_ns)
{
    const uint64_t random = godwit__transport_random (transport, UINT64_MAX);
    pthread_mutex_lock (&transport->lock);
    for (size_t i = 0; i < group->count; i++)
        if (godwit__member_key (group->members[i]) == key)
            godwit__breaker_trip (&group->members[i]->breaker, random, now_ns);
    godwit__transport_unlock (transport);
}
