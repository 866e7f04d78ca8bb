/* SPDX-License-Identifier: Apache-2.0 */
#include "src/discovery/discovery.h"

#include "src/discovery/observed.h"
#include "src/discovery/resolve.h"
#include "src/discovery/suspect.h"
#include "src/error/error.h"

#include <stdio.h>

godwit_status_t
godwit__discovery_open (godwit_transport_t *transport, godwit_error_t **error)
{
    transport->directory = godwit__directory_new (transport, &godwit__observed_hooks);
    if (!transport->directory)
        return godwit__error_no_memory (error);
    godwit__suspect_open (transport->directory);
    return GODWIT_OK;
}

void
godwit__discovery_close (godwit_transport_t *transport)
{
    pthread_mutex_lock (&transport->lock);
    godwit__suspect_close (transport->directory);
    godwit__directory_clear (transport->directory);
    godwit__transport_unlock (transport);
    godwit__peers_close (transport);
}

/* ---- what the matchmaker tells ---- */

static bool
is_server (const godwit__record_t *record, const uint8_t *instance, uint32_t server_id)
{
    return record->server_id == server_id && !memcmp (record->instance, instance, GODWIT__UUID_SIZE);
}

/* The record as the matchmaker gave it. */
static const godwit__record_t *
told_of (const godwit__member_t *member)
{
    return member->listed ? member->listed : member->record;
}

/* Listed records have neither an instance nor an id: the address makes the difference. */
static bool
is_same_server (const godwit__record_t *a, const godwit__record_t *b)
{
    if (!is_server (a, b->instance, b->server_id))
        return false;
    if (a->server_id != 0)
        return true;
    return !strcmp (a->server, b->server) && a->address_count && b->address_count &&
           !strcmp (a->addresses[0], b->addresses[0]);
}

static bool
add_member (godwit__directory_t *directory, godwit__group_t *group, godwit__record_t *record)
{
    godwit__member_t *const member = godwit__directory_add (group, record, directory);
    if (member && !member->peer->resolve_task.run) /* a new peer */
        godwit__resolve_init (member->peer);
    return member != NULL;
}

static void
update_member (godwit__member_t *member, godwit__record_t *record)
{
    godwit__member_end_suspect (member);
    if (member->listed || record->revision <= member->record->revision)
        return;
    godwit__peer_t *peer = member->peer;
    godwit__record_unref (&peer->record);
    peer->record = godwit__record_ref (record);
    godwit__member_set_record (member, godwit__record_ref (record));
    const bool told = record->state == GODWIT__RECORD_DRAINING;
    if (told && peer->state == GODWIT__PEER_READY) { /* its process tells it, or has told it, by GOODBYE */
        godwit__member_recall_goodbye (member);
        return;
    }
    godwit__member_set_draining (member, told);
    member->draining_unconfirmed = told;
}

/* The member of this topic with this record; NULL: not known. */
static godwit__member_t *
find_member (const godwit__group_t *group, const godwit__record_t *record)
{
    for (size_t i = 0; i < group->count; i++)
        if (is_same_server (told_of (group->members[i]), record))
            return group->members[i];
    return NULL;
}

/* A server keeps its names for its life: a server that is known under another topic does not enter this
 * one. */
static bool
is_elsewhere (const godwit__directory_t *directory, const godwit__record_t *record)
{
    if (record->server_id == 0 || !godwit__peer_find (directory->transport, record->instance))
        return false;
    for (const godwit__group_t *group = GODWIT__GROUPS_FIRST (directory); group;
         group = GODWIT__GROUPS_NEXT (directory, group))
        if (find_member (group, record))
            return true;
    return false;
}

/* True: it is new. */
static bool
take_record (godwit__directory_t *directory, godwit__group_t *group, godwit__record_t *record)
{
    godwit__member_t *const member = find_member (group, record);
    if (!member)
        return !is_elsewhere (directory, record) && add_member (directory, group, record);
    if (strcmp (told_of (member)->server, record->server) == 0)
        update_member (member, record);
    return false;
}

bool
godwit__discovery_seen (godwit_transport_t *transport, godwit__record_t *record)
{
    godwit__directory_t *const directory = transport->directory;
    bool is_new = false;
    pthread_mutex_lock (&transport->lock);
    godwit__group_t *group = godwit__directory_group (directory, record->exchange, record->topic);
    if (group) {
        is_new = take_record (directory, group, record);
        godwit__transport_changed (transport);
    }
    const godwit__preservation_t preservation = godwit__suspect_update_preservation (directory);
    const size_t suspect_count = directory->suspect_count, member_count = directory->member_count;
    godwit__transport_unlock (transport);
    godwit__suspect_log (transport, preservation, suspect_count, member_count);
    godwit__news_tell (transport, &directory->news);
    return is_new && record->state == GODWIT__RECORD_UP && godwit__record_is_foreign (transport, record);
}

/* No matchmaker knows the member any more. If it said itself that it leaves, and is not connected, it is
 * forgotten; else the data path decides.
 */
static void
lose_member (godwit__group_t *group, size_t index, bool withdrawn)
{
    godwit__member_t *member = group->members[index];
    godwit__suspect_begin (member, withdrawn);
    if (withdrawn) /* a fanout does not wait for it any more */
        group->epoch++;
    const bool said_so = withdrawn || (member->draining && !member->draining_unconfirmed);
    if (said_so && (member->peer->state != GODWIT__PEER_READY || member->draining))
        godwit__directory_remove (group, index);
}

void
godwit__discovery_gone (godwit_transport_t *transport, const uint8_t instance[GODWIT__UUID_SIZE],
                        uint32_t server_id, bool withdrawn)
{
    godwit__directory_t *const directory = transport->directory;
    pthread_mutex_lock (&transport->lock);
    for (godwit__group_t *group = GODWIT__GROUPS_FIRST (directory); group;
         group = GODWIT__GROUPS_NEXT (directory, group))
        for (size_t i = group->count; i-- > 0;)
            if (is_server (told_of (group->members[i]), instance, server_id))
                lose_member (group, i, withdrawn);
    const godwit__preservation_t preservation = godwit__suspect_update_preservation (directory);
    const size_t suspect_count = directory->suspect_count, member_count = directory->member_count;
    godwit__transport_changed (transport);
    godwit__transport_unlock (transport);
    godwit__suspect_log (transport, preservation, suspect_count, member_count);
    godwit__news_tell (transport, &directory->news);
}

void
godwit__discovery_tick (godwit_transport_t *transport)
{
    godwit__news_tell (transport, &transport->directory->news);
}

void
godwit__discovery_synced (godwit_transport_t *transport)
{
    pthread_mutex_lock (&transport->lock);
    godwit__transport_changed (transport);
    godwit__transport_unlock (transport);
}

void
godwit__discovery_names (godwit_transport_t *transport, godwit__names_state_t state, const char *text)
{
    godwit__told_names_t *const names = &transport->directory->names;
    pthread_mutex_lock (&transport->lock);
    names->state = state;
    names->were_told |= state == GODWIT__NAMES_TOLD;
    snprintf (names->text, sizeof names->text, "%s", text);
    godwit__transport_changed (transport);
    godwit__transport_unlock (transport);
}
