/* SPDX-License-Identifier: Apache-2.0 */
#include "src/discovery/selection.h"

/* If a round has tried as many servers as there are, all of them were tried. */
static bool
was_tried (const godwit__tried_t *tried, uint64_t key, size_t member_count)
{
    if (tried->total >= member_count)
        return true;
    for (size_t i = 0; i < tried->count; i++)
        if (tried->keys[i] == key)
            return true;
    return false;
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

/* No member can be called: tries to connect to those that drain only by their record. True if there are
 * any. */
static bool
try_unconfirmed (godwit__group_t *group, const char *server)
{
    bool found = false;
    for (size_t i = 0; i < group->count; i++) {
        const godwit__member_t *member = group->members[i];
        if (!member->draining_unconfirmed || (server && strcmp (server, member->record->server) != 0))
            continue;
        godwit__peer_want (member->peer);
        found = true;
    }
    return found;
}

/* The member that is called next; group->count if there is none, and *pick says why. */
static size_t
choose (godwit__group_t *group, const char *server, const godwit__tried_t *tried, int64_t now_ns,
        godwit__pick_t *pick)
{
    bool waits = false, excluded = false;
    const size_t count = group->count;
    size_t open = count; /* the first one whose breaker is open */
    for (size_t step = 0; step < count; step++) {
        size_t index = group->next + step;
        if (index >= count)
            index -= count;
        godwit__member_t *member = group->members[index];
        if (member->draining || (server && strcmp (server, member->record->server)))
            continue;
        if (!godwit__member_is_ready (member)) {
            godwit__peer_want (member->peer);
            waits = true;
            continue;
        }
        if (tried->count && was_tried (tried, godwit__member_key (member), count)) {
            excluded = true;
            continue;
        }
        if (!member->breaker.until_ns || godwit__breaker_allows (&member->breaker, now_ns))
            return index;
        excluded = true;
        if (open == count)
            open = index;
    }
    if (!excluded && try_unconfirmed (group, server))
        waits = true;
    *pick = excluded ? GODWIT__PICK_EXCLUDED : waits ? GODWIT__PICK_WAIT : GODWIT__PICK_NOBODY;
    return tried->count == 0 ? open : count;
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

godwit__pick_t
godwit__directory_pick (godwit__group_t *group, const char *server, const godwit__tried_t *tried,
                        int64_t now_ns, godwit__picked_t *picked)
{
    godwit__pick_t pick = GODWIT__PICK_OK;
    if (group->next >= group->count)
        group->next = 0;
    const size_t index = choose (group, server, tried, now_ns, &pick);
    if (index == group->count)
        return pick;
    group->next = index + 1;
    pick_member (group->members[index], picked);
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
            return GODWIT__PICK_NOBODY;
        return failed && member->peer->state == GODWIT__PEER_BACKOFF ? GODWIT__PICK_UNREACHABLE
                                                                     : GODWIT__PICK_WAIT;
    }
    if (tried->count > 0)
        return GODWIT__PICK_EXCLUDED;
    pick_member (member, picked);
    return GODWIT__PICK_OK;
}

size_t
godwit__group_ready_count (const godwit__group_t *group, const char *server)
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
