#include "src/discovery/directory.h"

#include "src/base/hash.h"
#include "src/discovery/resolve.h"
#include "src/discovery/suspect.h"
#include "src/error/error.h"
#include "src/server/server.h"

#include <stdlib.h>

godwit__directory_t *
godwit__directory_new (godwit_transport_t *transport)
{
    godwit__directory_t *directory = calloc (1, sizeof *directory);
    if (!directory)
        return NULL;
    directory->transport = transport;
    godwit__table_init (&directory->groups);
    godwit__table_init (&directory->peers);
    godwit__suspect_open (directory);
    return directory;
}

static void
free_member (godwit__member_t *member)
{
    godwit__record_unref (&member->record);
    godwit__record_unref (&member->listed);
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
        free (group->members);
        free (group->exchange);
        free (group);
    }
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
    godwit__retry_budget_open (&group->retry_budget, now_ns);
    return group;
}

godwit__group_t *
godwit__directory_group (godwit__directory_t *directory, const char *exchange, const char *topic)
{
    /* Names come from outside, and nobody there knows where the directory is. */
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

static bool
is_server (const godwit__record_t *record, const uint8_t *instance, uint32_t server_id)
{
    return record->server_id == server_id && !memcmp (record->instance, instance, GODWIT__UUID_SIZE);
}

/* What its matchmaker says of it. */
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

void
godwit__directory_remove (godwit__group_t *group, size_t index)
{
    godwit__member_t *member = group->members[index];
    godwit__suspect_end (member);
    godwit__directory_t *directory = member->peer->transport->directory;
    group->members[index] = group->members[--group->count];
    group->epoch++;
    directory->member_count--;
    godwit__peer_release (member->peer);
    free_member (member);
}

static void
set_draining (godwit__member_t *member, bool draining)
{
    if (member->draining == draining)
        return;
    member->draining = draining;
    member->group->epoch++;
}

/* By its own word. */
static void
drains (godwit__member_t *member)
{
    set_draining (member, true);
    member->draining_unconfirmed = false;
}

/* Its GOODBYE may have overtaken its record. */
static void
recall_goodbye (godwit__member_t *member)
{
    godwit__connection_t *const connection = member->peer->connection;
    if (connection && member->record->server_id != 0 &&
        godwit__connection_left_server (connection, member->record->server_id))
        drains (member);
}

static bool
add_member (godwit__directory_t *directory, godwit__group_t *group, godwit__record_t *record)
{
    if (group->count == group->capacity) {
        const size_t capacity = group->capacity ? group->capacity * 2 : 4;
        godwit__member_t **members = realloc (group->members, capacity * sizeof *members);
        if (!members)
            return false;
        group->members = members;
        group->capacity = capacity;
    }
    godwit__member_t *member = calloc (1, sizeof *member);
    if (!member)
        return false;
    member->peer = godwit__peer_get (directory->transport, record);
    if (!member->peer) {
        free (member);
        return false;
    }
    member->group = group;
    member->record = godwit__record_ref (record);
    member->draining = member->draining_unconfirmed = record->state == GODWIT__RECORD_DRAINING;
    if (record->server_id == 0) {
        member->listed = godwit__record_ref (record);
        member->resolution = GODWIT__RESOLUTION_UNKNOWN;
        member->peer->resolve_paused = true;
    }
    member->number = ++directory->last_number;
    group->members[group->count++] = member;
    group->epoch++;
    directory->member_count++;
    recall_goodbye (member);
    return true;
}

void
godwit__member_replaced (godwit__member_t *member)
{
    member->number = ++member->peer->transport->directory->last_number;
    member->group->epoch++;
}

static void
update_member (godwit__member_t *member, godwit__record_t *record)
{
    godwit__suspect_end (member);
    if (member->listed || record->revision <= member->record->revision)
        return;
    godwit__peer_t *peer = member->peer;
    godwit__record_unref (&peer->record);
    peer->record = godwit__record_ref (record);
    godwit__record_unref (&member->record);
    member->record = godwit__record_ref (record);
    const bool told = record->state == GODWIT__RECORD_DRAINING;
    if (told && peer->state == GODWIT__PEER_READY) { /* it says so itself, or has done so */
        recall_goodbye (member);
        return;
    }
    set_draining (member, told);
    member->draining_unconfirmed = told;
}

void
godwit__directory_clear (godwit__directory_t *directory)
{
    godwit__suspect_close (directory);
    for (godwit__group_t *group = GODWIT__GROUPS_FIRST (directory); group;
         group = GODWIT__GROUPS_NEXT (directory, group))
        while (group->count > 0)
            godwit__directory_remove (group, group->count - 1);
}

/* One that was only listed may be this transport's own. */
static bool
is_of_other (const godwit_transport_t *transport, const godwit__record_t *record)
{
    return record->server_id != 0 && memcmp (record->instance, transport->instance, GODWIT__UUID_SIZE) != 0;
}

/* Of this topic; NULL: not known. */
static godwit__member_t *
find_member (const godwit__group_t *group, const godwit__record_t *record)
{
    for (size_t i = 0; i < group->count; i++)
        if (is_same_server (told_of (group->members[i]), record))
            return group->members[i];
    return NULL;
}

/* The names of a server are for its life: one that is known already under another topic is not there. */
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

static void
on_seen (void *user, godwit__record_t *record)
{
    godwit_transport_t *transport = user;
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
    pthread_mutex_unlock (&transport->lock);
    godwit__suspect_log (transport, preservation, suspect_count, member_count);
    if (is_new && record->state == GODWIT__RECORD_UP && is_of_other (transport, record))
        godwit__server_warn_duplicate (transport, record);
}

bool
godwit__directory_has_duplicate (godwit_transport_t *transport, const char *exchange, const char *topic,
                                 const char *server)
{
    bool found = false;
    pthread_mutex_lock (&transport->lock);
    const godwit__group_t *const group = godwit__directory_group (transport->directory, exchange, topic);
    for (size_t i = 0; group && !found && i < group->count; i++) {
        const godwit__member_t *const member = group->members[i];
        found = !member->draining && !member->is_suspect && is_of_other (transport, member->record) &&
                strcmp (member->record->server, server) == 0;
    }
    pthread_mutex_unlock (&transport->lock);
    return found;
}

/* What is neither known by a matchmaker nor connected goes if it said so itself; else the data path is asked.
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

static void
on_gone (void *user, const uint8_t instance[GODWIT__UUID_SIZE], uint32_t server_id, bool withdrawn)
{
    godwit_transport_t *transport = user;
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
    pthread_mutex_unlock (&transport->lock);
    godwit__suspect_log (transport, preservation, suspect_count, member_count);
}

static void
on_synced (void *user)
{
    godwit_transport_t *transport = user;
    pthread_mutex_lock (&transport->lock);
    godwit__transport_changed (transport);
    pthread_mutex_unlock (&transport->lock);
}

const godwit__matchmaker_events_t godwit__directory_events = {on_seen, on_gone, on_synced};

/* ---- what the data path learns ---- */

/* News of a server that drains may be overtaken by the record of its next start. */
static bool
is_later (const godwit__member_t *member, uint32_t revision)
{
    return revision && member->record->revision > revision;
}

void
godwit__directory_refused (godwit_transport_t *transport, uint64_t key, uint32_t revision, bool gone)
{
    pthread_mutex_lock (&transport->lock);
    for (godwit__group_t *group = GODWIT__GROUPS_FIRST (transport->directory); group;
         group = GODWIT__GROUPS_NEXT (transport->directory, group)) {
        for (size_t i = group->count; i-- > 0;) {
            if (godwit__member_key (group->members[i]) != key || is_later (group->members[i], revision))
                continue;
            if (group->members[i]->listed) {
                godwit__resolve_refused (group->members[i]);
                continue;
            }
            drains (group->members[i]);
            if (gone)
                godwit__directory_remove (group, i);
        }
    }
    godwit__transport_changed (transport);
    pthread_mutex_unlock (&transport->lock);
}

void
godwit__directory_peer_lost (godwit__peer_t *peer)
{
    for (godwit__group_t *group = GODWIT__GROUPS_FIRST (peer->transport->directory); group;
         group = GODWIT__GROUPS_NEXT (peer->transport->directory, group)) {
        for (size_t i = group->count; i-- > 0;) {
            godwit__member_t *member = group->members[i];
            if (member->peer != peer)
                continue;
            if (member->listed) {
                member->resolution = GODWIT__RESOLUTION_UNKNOWN;
                member->query_number = 0;
            }
            if (godwit__suspect_is_over (member))
                godwit__directory_remove (group, i);
            else if (member->is_suspect) /* does it live? */
                godwit__peer_want (peer);
        }
    }
}

void
godwit__directory_peer_ready (godwit__peer_t *peer)
{
    for (godwit__group_t *group = GODWIT__GROUPS_FIRST (peer->transport->directory); group;
         group = GODWIT__GROUPS_NEXT (peer->transport->directory, group)) {
        for (size_t i = 0; i < group->count; i++) {
            godwit__member_t *member = group->members[i];
            if (member->peer != peer || !member->draining_unconfirmed)
                continue;
            set_draining (member, false);
            member->draining_unconfirmed = false;
        }
    }
}

bool
godwit__directory_try_unconfirmed (godwit__group_t *group, const char *server)
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

void
godwit__directory_goodbye (godwit__peer_t *peer, uint32_t server_id, uint32_t revision)
{
    for (godwit__group_t *group = GODWIT__GROUPS_FIRST (peer->transport->directory); group;
         group = GODWIT__GROUPS_NEXT (peer->transport->directory, group)) {
        for (size_t i = group->count; i-- > 0;) {
            godwit__member_t *member = group->members[i];
            if (member->peer != peer || (server_id && member->record->server_id != server_id) ||
                is_later (member, revision))
                continue;
            if (member->listed) {
                godwit__resolve_refused (member);
                continue;
            }
            drains (member);
            if (member->is_suspect)
                godwit__directory_remove (group, i);
        }
    }
}
