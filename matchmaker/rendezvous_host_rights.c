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
}

/* False: text says what it may not serve. */
static bool
may_register (const godwit__party_t *party, const godwit__record_t *record, godwit__reason_t *why)
{
    char text[GODWIT__DEED_TEXT];
    const godwit__deed_t deed = {
        .verb = GODWIT__VERB_SERVE, .exchange = record->exchange, .topic = record->topic};
    if (godwit__party_may (party, &deed))
        return true;
    godwit__deed_refusal (text, party->certificate.name, &deed);
    snprintf (why->text, sizeof why->text, "%.255s", text);
    return false;
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
godwit__host_may_go_on (const godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member,
                        godwit__reason_t *why)
{
    godwit__party_t *const party = host->options.realm ? sender (host) : NULL;
    if (!host->options.realm || (party && party == member->party))
        return true;
    if (!godwit__host_may_join (host, member->instance, why))
        return false;
    keep_party (member, party);
    for (size_t i = 0; i < member->entry_count; i++)
        if (!may_register (party, member->entries[i]->record, why))
            return false;
    return true;
}

bool
godwit__host_may_register (const godwit__rendezvous_host_t *host, const godwit__rendezvous_member_t *member,
                           const godwit__record_t *record, godwit__reason_t *why)
{
    return !host->options.realm || may_register (member->party, record, why);
}
