/* SPDX-License-Identifier: Apache-2.0 */
/* With a realm a host believes what certificates say: who a member is, and what it may serve. */
#include "matchmaker/rendezvous_host_inside.h"

#include <stdio.h>
#include <string.h>

/* Who sent the frame that is looked at; NULL: its certificate is void. */
static godwit__party_t *
sender (const godwit__rendezvous_host_t *host)
{
    return godwit__channel_sender (host->port);
}

static void
keep_party (godwit__rendezvous_member_t *member, godwit__party_t *party)
{
    godwit__party_unref (&member->party);
    member->party = godwit__party_ref (party);
    member->is_restricted = false;
}

/* It is told again with each RESYNC, but not to the log. */
static void
note_restriction (const godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member,
                  const godwit__deed_t *deed)
{
    char text[GODWIT__DEED_TEXT], what[GODWIT__DEED_TEXT + 64];
    if (member->is_restricted)
        return;
    member->is_restricted = true;
    godwit__deed_refusal (text, member->party->certificate.name, deed);
    snprintf (what, sizeof what, "has a server that nobody is told of (%.255s)", text);
    godwit__host_note (host, member, GODWIT_LOG_WARNING, what);
}

static bool
may_register (const godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member,
              const godwit__record_t *record)
{
    const godwit__deed_t deed = {
        .verb = GODWIT__VERB_SERVE, .exchange = record->exchange, .topic = record->topic};
    if (godwit__party_may (member->party, &deed))
        return true;
    note_restriction (host, member, &deed);
    return false;
}

/* Its process does the same by itself, with its next message, or should: so they count as withdrawn. */
static void
drop_what_is_forbidden (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member)
{
    uint32_t keep[GODWIT__ROOMS_MEMBER_RECORDS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < member->entry_count; i++)
        if (may_register (host, member, member->entries[i]->record))
            keep[count++] = member->entries[i]->record->server_id;
    if (count < member->entry_count)
        godwit__host_drop_records (host, member, keep, count, true);
}

bool
godwit__host_may_join (const godwit__rendezvous_host_t *host, const uint8_t instance[GODWIT__UUID_SIZE],
                       godwit__reason_t *why)
{
    const godwit__party_t *const party = host->options.realm ? sender (host) : NULL;
    if (!host->options.realm || (party && memcmp (party->instance, instance, sizeof party->instance) == 0))
        return true;
    if (party)
        snprintf (why->text, sizeof why->text, "\"%s\" joined as another process than its certificate says",
                  party->certificate.name);
    else
        snprintf (why->text, sizeof why->text, "its certificate is void");
    return false;
}

bool
godwit__host_may_go_on (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member,
                        godwit__reason_t *why)
{
    godwit__party_t *const party = host->options.realm ? sender (host) : NULL;
    if (!host->options.realm || (party && party == member->party))
        return true;
    if (!godwit__host_may_join (host, member->instance, why))
        return false;
    keep_party (member, party);
    drop_what_is_forbidden (host, member);
    return true;
}

bool
godwit__host_may_register (const godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member,
                           const godwit__record_t *record)
{
    return !host->options.realm || may_register (host, member, record);
}
