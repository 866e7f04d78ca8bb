/* SPDX-License-Identifier: Apache-2.0 */
#include "src/discovery/directory.h"

#include "src/base/hash.h"

#include <stdio.h>
#include <stdlib.h>

godwit__directory_t *
godwit__directory_new (godwit_transport_t *transport, const godwit__peer_hooks_t *peer_hooks)
{
    godwit__directory_t *directory = calloc (1, sizeof *directory);
    if (!directory)
        return NULL;
    directory->transport = transport;
    directory->peer_hooks = peer_hooks;
    snprintf (directory->names.text, sizeof directory->names.text, "no source of names has answered yet");
    godwit__table_init (&directory->groups);
    godwit__table_init (&directory->peers);
    return directory;
}

static void
free_member (godwit__member_t *member)
{
    godwit__record_unref (&member->record);
    godwit__record_unref (&member->listed);
    free (member->refusal);
    free (member);
}

void
godwit__directory_destroy (godwit__directory_t **directory)
{
    if (!*directory)
        return;
    for (godwit__group_t *group; (group = GODWIT__GROUPS_FIRST (*directory));) {
        godwit__table_remove (&(*directory)->groups, &group->by_names);
        for (size_t i = 0; i < group->count; i++)
            free_member (group->members[i]);
        for (size_t i = 0; i < GODWIT__DEPARTED_MAX; i++)
            godwit__record_unref (&group->departed[i].record);
        free (group->members);
        godwit__offers_close (&group->offers);
        free (group->exchange);
        free (group);
    }
    godwit__news_clear (&(*directory)->news);
    godwit__table_release (&(*directory)->groups);
    godwit__table_release (&(*directory)->peers);
    free (*directory);
    *directory = NULL;
}

/* ---- groups ---- */

static godwit__group_t *
group_new (const char *exchange, const char *topic, int64_t now_ns)
{
    const size_t exchange_size = strlen (exchange) + 1;
    const size_t topic_size = strlen (topic) + 1;
    godwit__group_t *group = calloc (1, sizeof *group);
    if (!group)
        return NULL;
    group->exchange = malloc (exchange_size + topic_size);
    if (!group->exchange) {
        free (group);
        return NULL;
    }
    memcpy (group->exchange, exchange, exchange_size);
    group->topic = memcpy (group->exchange + exchange_size, topic, topic_size);
    godwit__offers_open (&group->offers);
    godwit__retry_budget_open (&group->retry_budget, now_ns);
    return group;
}

godwit__group_t *
godwit__directory_group (godwit__directory_t *directory, const char *exchange, const char *topic)
{
    /* Names come from outside. The seed is the directory's address, which nobody outside knows. */
    const uint64_t seed = (uintptr_t) directory;
    const uint64_t hash = godwit__hash_text (godwit__hash_text (seed, exchange), topic);
    godwit__group_t *group = GODWIT__TABLE_FIND (&directory->groups, hash, godwit__group_t, by_names);
    while (group && (strcmp (group->topic, topic) != 0 || strcmp (group->exchange, exchange) != 0))
        group = GODWIT__TABLE_FIND_NEXT (group, godwit__group_t, by_names);
    if (group)
        return group;
    group = group_new (exchange, topic, godwit__transport_now (directory->transport));
    if (group)
        godwit__table_insert (&directory->groups, &group->by_names, hash);
    return group;
}

/* ---- members ---- */

void
godwit__member_end_suspect (godwit__member_t *member)
{
    if (member->is_suspect && !member->withdrawn)
        member->peer->transport->directory->suspect_count--;
    member->is_suspect = member->withdrawn = false;
}

void
godwit__member_set_draining (godwit__member_t *member, bool draining)
{
    if (member->draining == draining)
        return;
    member->draining = draining;
    member->group->epoch++;
}

void
godwit__member_drains (godwit__member_t *member)
{
    godwit__member_set_draining (member, true);
    member->draining_unconfirmed = false;
}

void
godwit__member_recall_goodbye (godwit__member_t *member)
{
    godwit__connection_t *const connection = member->peer->connection;
    if (connection && member->record->server_id != 0 &&
        godwit__connection_left_server (connection, member->record->server_id))
        godwit__member_drains (member);
}

godwit__member_t *
godwit__directory_add (godwit__group_t *group, godwit__record_t *record, godwit__directory_t *directory)
{
    if (group->count == group->capacity) {
        const size_t capacity = group->capacity ? group->capacity * 2 : 4;
        godwit__member_t **members = realloc (group->members, capacity * sizeof *members);
        if (!members)
            return NULL;
        group->members = members;
        group->capacity = capacity;
    }
    godwit__member_t *member = calloc (1, sizeof *member);
    if (!member)
        return NULL;
    member->peer = godwit__peer_get (directory->transport, record);
    if (!member->peer) {
        free (member);
        return NULL;
    }
    member->group = group;
    member->record = godwit__record_ref (record);
    member->offer = godwit__offers_add (&group->offers, record->versions);
    member->draining = member->draining_unconfirmed = record->state == GODWIT__RECORD_DRAINING;
    if (record->server_id == 0)
        member->listed = godwit__record_ref (record);
    if (member->listed || directory->transport->realm) {
        member->resolution = GODWIT__RESOLUTION_UNKNOWN;
        member->peer->resolve_paused = true;
    }
    member->number = ++directory->last_number;
    member->since_ns = godwit__transport_now (directory->transport);
    group->members[group->count++] = member;
    group->epoch++;
    directory->member_count++;
    godwit__news_note (directory->transport, &directory->news, record, "joined");
    godwit__member_recall_goodbye (member);
    return member;
}

void
godwit__member_set_record (godwit__member_t *member, godwit__record_t *record)
{
    godwit__offers_t *const offers = &member->group->offers;
    if (strcmp (member->record->versions, record->versions) != 0) {
        godwit__offers_remove (offers, member->offer);
        member->offer = godwit__offers_add (offers, record->versions);
    }
    godwit__record_unref (&member->record);
    member->record = record;
}

void
godwit__member_replaced (godwit__member_t *member)
{
    member->number = ++member->peer->transport->directory->last_number;
    member->since_ns = godwit__transport_now (member->peer->transport);
    member->group->epoch++;
}

void
godwit__directory_remove (godwit__group_t *group, size_t index)
{
    godwit__member_t *member = group->members[index];
    godwit__directory_t *directory = member->peer->transport->directory;
    godwit__news_note (directory->transport, &directory->news, member->record,
                       member->withdrawn || member->draining ? "left" : "is forgotten");
    godwit__member_end_suspect (member);
    godwit__departed_t *const departed = &group->departed[group->departed_count++ % GODWIT__DEPARTED_MAX];
    godwit__record_unref (&departed->record);
    *departed = (godwit__departed_t){godwit__member_key (member), godwit__record_ref (member->record)};
    group->members[index] = group->members[--group->count];
    group->epoch++;
    directory->member_count--;
    godwit__offers_remove (&group->offers, member->offer);
    godwit__peer_release (member->peer);
    free_member (member);
}

void
godwit__directory_clear (godwit__directory_t *directory)
{
    for (godwit__group_t *group = GODWIT__GROUPS_FIRST (directory); group;
         group = GODWIT__GROUPS_NEXT (directory, group))
        while (group->count > 0)
            godwit__directory_remove (group, group->count - 1);
}

/* One that was only listed may be this transport's own. */
bool
godwit__record_is_foreign (const godwit_transport_t *transport, const godwit__record_t *record)
{
    return record->server_id != 0 && memcmp (record->instance, transport->instance, GODWIT__UUID_SIZE) != 0;
}

bool
godwit__directory_has_duplicate (godwit_transport_t *transport, const char *exchange, const char *topic,
                                 const char *server, char *at, size_t size)
{
    bool found = false;
    pthread_mutex_lock (&transport->lock);
    const godwit__group_t *const group = godwit__directory_group (transport->directory, exchange, topic);
    for (size_t i = 0; group && !found && i < group->count; i++) {
        const godwit__member_t *const member = group->members[i];
        found = !member->draining && !member->is_suspect &&
                godwit__record_is_foreign (transport, member->record) &&
                strcmp (member->record->server, server) == 0;
        if (found)
            snprintf (at, size, "at %s", godwit__record_address (member->record));
    }
    godwit__transport_unlock (transport);
    return found;
}
