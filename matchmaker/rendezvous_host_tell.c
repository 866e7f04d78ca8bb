/* SPDX-License-Identifier: Apache-2.0 */
/* How a host tells its members: a snapshot, then deltas with consecutive numbers.
 *
 *            start_snapshot              last part was sent
 *    joined ---------------> behind -------------------------> current, gets deltas
 *                              ^  |  no room: the retry timer      |
 *                              |  +- goes on from member->sent     |
 *                              +-----------------------------------+
 *                                 no room for a delta: start over
 *
 * A room's records are in the order of their last change, so a member that is behind misses exactly the
 * records after member->sent. The list cannot show that a record was removed after it was sent; then the
 * snapshot starts over.
 */
#include "matchmaker/rendezvous_host_inside.h"

#include <stdio.h>

#define RETRY_MS 5

void
godwit__host_note (const godwit__rendezvous_host_t *host, const godwit__rendezvous_member_t *member,
                   godwit_log_level_t level, const char *what)
{
    char text[3 * GODWIT__ADDRESS_SIZE];
    if (!host->options.note || host->is_closing)
        return;
    const uint8_t *const id = member->instance;
    snprintf (text, sizeof text,
              "A member of the rendezvous at %s %s: %02x%02x%02x%02x%02x%02x, %zu server%s", host->address,
              what, id[0], id[1], id[2], id[3], id[4], id[5], member->entry_count,
              member->entry_count == 1 ? "" : "s");
    host->options.note (host->options.note_user, level, text);
}

godwit__io_t
godwit__host_send (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member,
                   godwit__message_t message)
{
    if (!godwit__host_hears (member))
        return GODWIT__IO_CLOSED;
    const godwit__io_t io = host->port->ops->send (host->port, member->routing_id, &message);
    if (io == GODWIT__IO_CLOSED)
        godwit__host_deafen (host, member);
    return io;
}

static void
arm_retry (godwit__rendezvous_host_t *host)
{
    if (host->retry.heap_index)
        return;
    /* If there is no memory for the timer, the next delta or the sweep tries again. */
    godwit__reactor_arm (host->options.reactor, &host->retry,
                         godwit__host_now (host) + RETRY_MS * GODWIT__NS_PER_MS);
}

/* How long it is until everybody who comes back to a host that began just now is here; 0: they are. */
static uint64_t
settles_ms (const godwit__rendezvous_host_t *host)
{
    const int64_t left_ns = host->settles_ns - godwit__host_now (host);
    return left_ns > 0 ? (uint64_t) ((left_ns + GODWIT__NS_PER_MS - 1) / GODWIT__NS_PER_MS) : 0;
}

static void
push_snapshot (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member)
{
    const godwit__room_t *room = member->room;
    const godwit__room_entry_t *entry = GODWIT__ENTRIES_FIRST (room);
    while (entry && entry->stamp <= member->sent)
        entry = GODWIT__ENTRIES_NEXT (room, entry);
    while (member->behind) {
        godwit__record_t *records[GODWIT__RENDEZVOUS_RECORDS_MAX];
        godwit__record_list_t list = {records, 0};
        for (const godwit__room_entry_t *at = entry; at && list.count < GODWIT__RENDEZVOUS_RECORDS_MAX;
             at = GODWIT__ENTRIES_NEXT (room, at))
            records[list.count++] = at->record;
        list.count = godwit__rendezvous_fit (list);
        uint64_t sent = member->sent;
        for (size_t i = 0; i < list.count && entry; i++, entry = GODWIT__ENTRIES_NEXT (room, entry))
            sent = entry->stamp;
        const godwit__io_t io = godwit__host_send (
            host, member,
            godwit__rendezvous_snapshot (host->buffer, host->epoch, room->sequence, !member->begun,
                                         entry == NULL, settles_ms (host), list));
        if (io == GODWIT__IO_CLOSED)
            return;
        if (io != GODWIT__IO_OK) {
            arm_retry (host);
            return;
        }
        member->begun = true;
        member->sent = sent;
        member->behind = entry != NULL;
    }
}

static void
start_over (godwit__rendezvous_member_t *member)
{
    member->begun = false;
    member->sent = 0;
}

static void
fall_behind (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member)
{
    if (!member->behind)
        member->behind_since_ns = godwit__host_now (host);
    member->behind = true;
    start_over (member);
}

void
godwit__host_start_snapshot (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member)
{
    if (!godwit__host_hears (member))
        return;
    fall_behind (host, member);
    push_snapshot (host, member);
}

void
godwit__host_retry (godwit__timer_t *timer)
{
    godwit__rendezvous_host_t *host = timer->user;
    const godwit__rooms_t *const rooms = &host->rooms;
    for (godwit__rendezvous_member_t *at = GODWIT__MEMBERS_FIRST (rooms); at;
         at = GODWIT__MEMBERS_NEXT (rooms, at))
        if (at->behind)
            push_snapshot (host, at);
}

static void
send_delta (godwit__rendezvous_host_t *host, godwit__room_t *room, godwit__record_list_t seen,
            const godwit__record_key_t *gone, size_t gone_count, uint64_t gone_stamp, bool withdrawn)
{
    room->sequence++;
    const godwit__message_t message = godwit__rendezvous_delta (host->buffer, host->epoch, room->sequence,
                                                                seen, gone, gone_count, withdrawn);
    for (godwit__rendezvous_member_t *member =
             GODWIT__FIRST (&room->members, godwit__rendezvous_member_t, in_room);
         member; member = GODWIT__NEXT (&room->members, member, godwit__rendezvous_member_t, in_room)) {
        if (!godwit__host_hears (member))
            continue;
        if (!member->behind) {
            const godwit__io_t io = godwit__host_send (host, member, message);
            if (io != GODWIT__IO_OK && io != GODWIT__IO_CLOSED) {
                fall_behind (host, member);
                arm_retry (host);
            }
        } else if (gone_count > 0 && gone_stamp <= member->sent) {
            start_over (member);
        }
    }
}

void
godwit__host_tell_seen (godwit__rendezvous_host_t *host, godwit__room_t *room, godwit__record_list_t seen)
{
    while (seen.count > 0) {
        const godwit__record_list_t part = {seen.items, godwit__rendezvous_fit (seen)};
        send_delta (host, room, part, NULL, 0, 0, false);
        for (size_t i = 0; i < part.count && godwit__host_is_told (host, room); i++)
            host->events->seen (host->user, part.items[i]);
        seen.items += part.count;
        seen.count -= part.count;
    }
}

void
godwit__host_tell_gone (godwit__rendezvous_host_t *host, godwit__room_t *room,
                        const godwit__record_key_t *gone, size_t count, uint64_t stamp, bool withdrawn)
{
    if (count == 0)
        return;
    send_delta (host, room, (godwit__record_list_t){NULL, 0}, gone, count, stamp, withdrawn);
    for (size_t i = 0; i < count && godwit__host_is_told (host, room); i++)
        host->events->gone (host->user, gone[i].instance, gone[i].server_id, withdrawn);
}
