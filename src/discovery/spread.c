/* SPDX-License-Identifier: Apache-2.0 */
#include "src/discovery/spread.h"

#include "src/discovery/directory.h"

/* Far more than a handshake takes on one host or in one data centre, and hardly noticed when a server cannot
 * be reached. */
#define SETTLE_NS (100 * GODWIT__NS_PER_MS)

/* Of a group that has members. */
static const godwit__directory_t *
directory_of (const godwit__group_t *group)
{
    return group->members[0]->peer->transport->directory;
}

static uint64_t
change_count (const godwit__group_t *group)
{
    return directory_of (group)->transport->change_count;
}

void
godwit__spread_begin (godwit__group_t *group)
{
    if (group->spread.settles)
        return;
    for (size_t i = 0; i < group->count; i++)
        if (godwit__member_is_ready (group->members[i]))
            return;
    for (size_t i = 0; i < group->count; i++)
        group->members[i]->given = 0;
    group->spread = (godwit__spread_t){.settles = true};
}

/* Who is connected, and who may still be? */
void
godwit__spread_look (godwit__group_t *group, int64_t now_ns)
{
    godwit__spread_t *const spread = &group->spread;
    if (group->count == 0)
        return;
    bool is_ready = false, comes = godwit__directory_awaits_names (directory_of (group));
    for (size_t i = 0; i < group->count; i++) {
        const godwit__member_t *const member = group->members[i];
        if (member->draining)
            continue;
        is_ready |= godwit__member_is_ready (member);
        comes |= godwit__member_comes (member);
    }
    if (is_ready && spread->until_ns == 0)
        spread->until_ns = now_ns + SETTLE_NS;
    if (is_ready && !comes)
        spread->settles = false;
}

uint32_t
godwit__spread_share (godwit__group_t *group, int64_t waits_until_ns, int64_t now_ns)
{
    godwit__spread_t *const spread = &group->spread;
    if (group->count > 0 && spread->change_seen != change_count (group)) {
        spread->change_seen = change_count (group);
        godwit__spread_look (group, now_ns);
    }
    if (spread->until_ns && now_ns >= spread->until_ns)
        spread->settles = false;
    return spread->settles && spread->until_ns < waits_until_ns ? GODWIT__SPREAD_SHARE
                                                                : GODWIT__SPREAD_UNLIMITED;
}

void
godwit__spread_note_full (godwit__group_t *group, uint32_t served)
{
    group->spread.full_change = change_count (group);
    group->spread.full_served = served;
}

bool
godwit__spread_is_full (const godwit__group_t *group, uint32_t served)
{
    return group->count > 0 && group->spread.full_served == served &&
           group->spread.full_change == change_count (group);
}
