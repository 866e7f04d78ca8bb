/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the host share. */
#ifndef GODWIT_MATCHMAKER_RENDEZVOUS_HOST_INSIDE_H
#define GODWIT_MATCHMAKER_RENDEZVOUS_HOST_INSIDE_H

#include "matchmaker/rendezvous_host.h"
#include "matchmaker/rendezvous_rooms.h"

struct godwit__rendezvous_host {
    godwit__matchmaker_options_t options;
    const godwit__rendezvous_host_events_t *events;
    void *user;
    char address[GODWIT__ADDRESS_SIZE];
    godwit__channel_t *port;
    godwit__source_t source;
    uint64_t epoch; /* tells this host from every other, and from its earlier selves */
    godwit__rooms_t rooms;
    godwit__rendezvous_member_t *own;
    bool is_closing;
    bool preserves;        /* most members are silent: they are kept for longer */
    godwit__timer_t sweep; /* looks for leases that ran out */
    godwit__timer_t retry; /* goes on with those that are behind */
    uint8_t buffer[GODWIT__RENDEZVOUS_FRAME_SIZE];
};

static inline int64_t
godwit__host_now (const godwit__rendezvous_host_t *host)
{
    return godwit__reactor_now (host->options.reactor);
}

static inline int64_t
godwit__host_lease_ns (const godwit__rendezvous_member_t *member)
{
    return 3 * member->refresh_ms * GODWIT__NS_PER_MS;
}

/* The host's own process is told what happens in its own room. */
static inline bool
godwit__host_is_told (const godwit__rendezvous_host_t *host, const godwit__room_t *room)
{
    return !host->is_closing && room == host->own->room;
}

/* ---- members: rendezvous_host_members.c ---- */

/* Drops all of its records but those of the servers in keep, which is sorted here. withdrawn: the member said
 * so. */
void godwit__host_drop_records (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member,
                                uint32_t *keep, size_t keep_count, bool withdrawn);
/* Drops its records, and ends the membership. */
void godwit__host_part (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member, bool withdrawn);
/* Takes its records, and all that is known of it. */
void godwit__host_forget (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member);
/* Takes its records, and does not listen to it any more. */
void godwit__host_expel (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member,
                         const char *reason);

/* ---- leases: rendezvous_host_leases.c ---- */

void godwit__host_arm_sweep (godwit__rendezvous_host_t *host);
void godwit__host_sweep (godwit__timer_t *timer);

/* ---- telling: rendezvous_host_tell.c ---- */

/* Human-readable, for the log: what became of a member. */
void godwit__host_note (const godwit__rendezvous_host_t *host, const godwit__rendezvous_member_t *member,
                        const char *what);
/* Sends what is in host->buffer; the member may have no routing id afterwards. */
godwit__io_t godwit__host_send (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member,
                                godwit__message_t message);
/* Sends a snapshot from its start, as far as there is room; the retry timer sends the rest. */
void godwit__host_start_snapshot (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member);
void godwit__host_retry (godwit__timer_t *timer);
/* Tells everybody in the room of records that are new or changed ... */
void godwit__host_tell_seen (godwit__rendezvous_host_t *host, godwit__room_t *room,
                             godwit__record_list_t seen);
/* ... and of records that are no more, KEYS_MAX of them at the most. stamp: the lowest that one of them had.
 * withdrawn: by the word of who they are of. */
void godwit__host_tell_gone (godwit__rendezvous_host_t *host, godwit__room_t *room,
                             const godwit__record_key_t *gone, size_t count, uint64_t stamp, bool withdrawn);

#endif
