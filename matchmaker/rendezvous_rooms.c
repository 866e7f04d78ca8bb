/* SPDX-License-Identifier: Apache-2.0 */
#include "matchmaker/rendezvous_rooms.h"

#include "src/base/hash.h"

#include <stdlib.h>
#include <string.h>

/* --- finding --- */

static uint64_t
name_hash (const godwit__rooms_t *rooms, const char *name)
{
    return godwit__hash_text (rooms->seed, name);
}

static uint64_t
identity_hash (const godwit__rooms_t *rooms, const godwit__room_t *room,
               const uint8_t instance[GODWIT__UUID_SIZE])
{
    return godwit__hash (rooms->seed ^ room->by_name.hash, instance, GODWIT__UUID_SIZE);
}

static uint64_t
routing_id_hash (const godwit__rooms_t *rooms, godwit__routing_id_t routing_id)
{
    return godwit__hash (rooms->seed, &routing_id, sizeof routing_id);
}

godwit__room_t *
godwit__rooms_find (const godwit__rooms_t *rooms, const char *name)
{
    const uint64_t hash = name_hash (rooms, name);
    godwit__room_t *room = GODWIT__TABLE_FIND (&rooms->rooms, hash, godwit__room_t, by_name);
    while (room && strcmp (room->name, name) != 0)
        room = GODWIT__TABLE_FIND_NEXT (room, godwit__room_t, by_name);
    return room;
}

godwit__rendezvous_member_t *
godwit__rooms_by_routing_id (const godwit__rooms_t *rooms, godwit__routing_id_t routing_id)
{
    const uint64_t hash = routing_id_hash (rooms, routing_id);
    godwit__rendezvous_member_t *member =
        GODWIT__TABLE_FIND (&rooms->routing_ids, hash, godwit__rendezvous_member_t, by_routing_id);
    while (member && member->routing_id != routing_id)
        member = GODWIT__TABLE_FIND_NEXT (member, godwit__rendezvous_member_t, by_routing_id);
    return member;
}

godwit__rendezvous_member_t *
godwit__rooms_by_identity (const godwit__rooms_t *rooms, const char *name,
                           const uint8_t instance[GODWIT__UUID_SIZE])
{
    const godwit__room_t *room = godwit__rooms_find (rooms, name);
    if (!room)
        return NULL;
    const uint64_t hash = identity_hash (rooms, room, instance);
    godwit__rendezvous_member_t *member =
        GODWIT__TABLE_FIND (&rooms->identities, hash, godwit__rendezvous_member_t, by_identity);
    while (member && (member->room != room || memcmp (member->instance, instance, GODWIT__UUID_SIZE) != 0))
        member = GODWIT__TABLE_FIND_NEXT (member, godwit__rendezvous_member_t, by_identity);
    return member;
}

/* --- members --- */

static godwit__room_t *
find_or_make_room (godwit__rooms_t *rooms, const char *name)
{
    godwit__room_t *room = godwit__rooms_find (rooms, name);
    if (room)
        return room;
    const size_t size = strlen (name) + 1;
    room = calloc (1, sizeof *room + size);
    if (!room)
        return NULL;
    memcpy (room->name, name, size);
    godwit__list_init (&room->members);
    godwit__list_init (&room->entries);
    godwit__table_insert (&rooms->rooms, &room->by_name, name_hash (rooms, name));
    return room;
}

static void
free_room_if_empty (godwit__rooms_t *rooms, godwit__room_t *room)
{
    if (!godwit__list_is_empty (&room->members))
        return;
    godwit__table_remove (&rooms->rooms, &room->by_name);
    free (room);
}

godwit__rendezvous_member_t *
godwit__rooms_add (godwit__rooms_t *rooms, const char *name, const uint8_t instance[GODWIT__UUID_SIZE])
{
    if (rooms->member_count >= GODWIT__ROOMS_MEMBERS_MAX)
        return NULL;
    godwit__rendezvous_member_t *member = calloc (1, sizeof *member);
    godwit__room_t *room = member ? find_or_make_room (rooms, name) : NULL;
    if (!room) {
        free (member);
        return NULL;
    }
    memcpy (member->instance, instance, GODWIT__UUID_SIZE);
    member->room = room;
    godwit__list_prepend (&room->members, &member->in_room);
    godwit__table_insert (&rooms->identities, &member->by_identity, identity_hash (rooms, room, instance));
    rooms->member_count++;
    return member;
}

void
godwit__rooms_set_routing_id (godwit__rooms_t *rooms, godwit__rendezvous_member_t *member,
                              godwit__routing_id_t routing_id)
{
    if (member->routing_id)
        godwit__table_remove (&rooms->routing_ids, &member->by_routing_id);
    member->routing_id = routing_id;
    member->is_deaf = false;
    if (routing_id)
        godwit__table_insert (&rooms->routing_ids, &member->by_routing_id,
                              routing_id_hash (rooms, routing_id));
}

void
godwit__rooms_leave (godwit__rooms_t *rooms, godwit__rendezvous_member_t *member)
{
    godwit__room_t *room = member->room;
    if (!room)
        return;
    godwit__table_remove (&rooms->identities, &member->by_identity);
    godwit__list_remove (&member->in_room);
    member->room = NULL;
    free_room_if_empty (rooms, room);
}

void
godwit__rooms_remove (godwit__rooms_t *rooms, godwit__rendezvous_member_t *member)
{
    godwit__rooms_leave (rooms, member);
    godwit__rooms_set_routing_id (rooms, member, 0);
    rooms->member_count--;
    godwit__party_unref (&member->party);
    free (member->entries);
    free (member);
}

/* --- records --- */

/* The index of the record, or where it would be inserted. */
static size_t
entry_index (const godwit__rendezvous_member_t *member, uint32_t server_id)
{
    size_t low = 0;
    size_t high = member->entry_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (member->entries[middle]->record->server_id < server_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Appends the entry: it is the room's latest change. */
static void
link_entry (godwit__room_t *room, godwit__room_entry_t *entry)
{
    entry->stamp = ++room->stamp;
    godwit__list_append (&room->entries, &entry->in_room);
}

static godwit__room_entry_t *
insert_entry (godwit__rooms_t *rooms, godwit__rendezvous_member_t *member, size_t index)
{
    if (member->entry_count == GODWIT__ROOMS_MEMBER_RECORDS_MAX ||
        rooms->record_count == GODWIT__ROOMS_RECORDS_MAX)
        return NULL;
    if (member->entry_count == member->entry_capacity) {
        const size_t capacity = member->entry_capacity ? 2 * member->entry_capacity : 4;
        godwit__room_entry_t **entries =
            realloc (member->entries, capacity * sizeof (godwit__room_entry_t *));
        if (!entries)
            return NULL;
        member->entries = entries;
        member->entry_capacity = capacity;
    }
    godwit__room_entry_t *entry = calloc (1, sizeof *entry);
    if (!entry)
        return NULL;
    memmove (&member->entries[index + 1], &member->entries[index],
             (member->entry_count - index) * sizeof (godwit__room_entry_t *));
    member->entries[index] = entry;
    member->entry_count++;
    rooms->record_count++;
    return entry;
}

godwit__put_t
godwit__rooms_put (godwit__rooms_t *rooms, godwit__rendezvous_member_t *member, godwit__record_t *record)
{
    const size_t index = entry_index (member, record->server_id);
    const size_t size = godwit__record_bound (record);
    godwit__room_entry_t *entry = index < member->entry_count ? member->entries[index] : NULL;
    if (entry && entry->record->server_id != record->server_id)
        entry = NULL;
    if (entry && !godwit__record_is_newer (record, entry->record))
        return GODWIT__PUT_SAME;
    const size_t freed = entry ? entry->size : 0;
    if (rooms->record_size - freed + size > GODWIT__ROOMS_SIZE_MAX)
        return GODWIT__PUT_REFUSED;
    if (entry) {
        member->sum -= godwit__rendezvous_sum (entry->record);
        godwit__list_remove (&entry->in_room);
        godwit__record_unref (&entry->record);
    } else if (!(entry = insert_entry (rooms, member, index))) {
        return GODWIT__PUT_REFUSED;
    }
    entry->record = godwit__record_ref (record);
    entry->size = size;
    rooms->record_size = rooms->record_size - freed + size;
    member->sum += godwit__rendezvous_sum (record);
    link_entry (member->room, entry);
    return GODWIT__PUT_CHANGED;
}

uint64_t
godwit__rooms_take (godwit__rooms_t *rooms, godwit__rendezvous_member_t *member, uint32_t server_id)
{
    const size_t index = entry_index (member, server_id);
    if (index == member->entry_count || member->entries[index]->record->server_id != server_id)
        return 0;
    godwit__room_entry_t *entry = member->entries[index];
    const uint64_t stamp = entry->stamp;
    member->entry_count--;
    memmove (&member->entries[index], &member->entries[index + 1],
             (member->entry_count - index) * sizeof (godwit__room_entry_t *));
    godwit__list_remove (&entry->in_room);
    member->sum -= godwit__rendezvous_sum (entry->record);
    rooms->record_count--;
    rooms->record_size -= entry->size;
    godwit__record_unref (&entry->record);
    free (entry);
    return stamp;
}

/* --- life --- */

void
godwit__rooms_open (godwit__rooms_t *rooms, uint64_t seed)
{
    memset (rooms, 0, sizeof *rooms);
    rooms->seed = seed;
    godwit__table_init (&rooms->rooms);
    godwit__table_init (&rooms->routing_ids);
    godwit__table_init (&rooms->identities);
}

static void
remove_with_records (godwit__rooms_t *rooms, godwit__rendezvous_member_t *member)
{
    while (member->entry_count > 0)
        godwit__rooms_take (rooms, member, member->entries[0]->record->server_id);
    godwit__rooms_remove (rooms, member);
}

void
godwit__rooms_close (godwit__rooms_t *rooms)
{
    for (godwit__rendezvous_member_t *at; (at = GODWIT__MEMBERS_FIRST (rooms));)
        remove_with_records (rooms, at);
    for (godwit__rendezvous_member_t *at; (at = GODWIT__ROUTED_FIRST (rooms));) /* the expelled */
        remove_with_records (rooms, at);
    godwit__table_release (&rooms->rooms);
    godwit__table_release (&rooms->routing_ids);
    godwit__table_release (&rooms->identities);
}
