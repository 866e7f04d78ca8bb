/* SPDX-License-Identifier: Apache-2.0 */
/* How a host removes records of its members, and the members themselves. */
#include "matchmaker/rendezvous_host_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
compare_ids (const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *) a;
    const uint32_t right = *(const uint32_t *) b;
    return (left > right) - (left < right);
}

void
godwit__host_drop_records (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member,
                           uint32_t *keep, size_t keep_count, bool withdrawn)
{
    godwit__record_key_t gone[GODWIT__ROOMS_MEMBER_RECORDS_MAX];
    size_t count = 0;
    uint64_t lowest = UINT64_MAX;
    if (keep_count > 0)
        qsort (keep, keep_count, sizeof *keep, compare_ids);
    for (size_t i = member->entry_count; i-- > 0;) {
        const uint32_t server_id = member->entries[i]->record->server_id;
        if (keep_count > 0 && bsearch (&server_id, keep, keep_count, sizeof *keep, compare_ids))
            continue;
        memcpy (gone[count].instance, member->instance, GODWIT__UUID_SIZE);
        gone[count++].server_id = server_id;
        const uint64_t stamp = godwit__rooms_take (&host->rooms, member, server_id);
        lowest = stamp < lowest ? stamp : lowest;
    }
    godwit__host_tell_gone (host, member->room, gone, count, lowest, withdrawn);
}

void
godwit__host_forget (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member)
{
    godwit__host_drop_records (host, member, NULL, 0, false);
    godwit__rooms_remove (&host->rooms, member);
}

/* A port cannot close the connection of one peer. So the host remembers for a while that it ignores this
 * connection; otherwise a peer that leaves and joins in turns would get a snapshot each time. */
void
godwit__host_part (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member, bool withdrawn)
{
    godwit__host_drop_records (host, member, NULL, 0, withdrawn);
    godwit__rooms_leave (&host->rooms, member);
    if (!member->routing_id)
        godwit__rooms_remove (&host->rooms, member);
}

void
godwit__host_expel (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member, const char *reason)
{
    char what[288];
    snprintf (what, sizeof what, "was expelled (%s)", reason);
    godwit__host_note (host, member, GODWIT_LOG_WARNING, what);
    if (member->routing_id)
        godwit__host_send (host, member, godwit__rendezvous_expelled (host->buffer, reason));
    godwit__host_part (host, member, false);
}
