/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a rendezvous host, for the files that implement it: members, leases, and sending. */
#ifndef GODWIT_MATCHMAKER_RENDEZVOUS_HOST_INSIDE_H
#define GODWIT_MATCHMAKER_RENDEZVOUS_HOST_INSIDE_H

#include "matchmaker/rendezvous_host.h"
#include "matchmaker/rendezvous_refusals.h"
#include "matchmaker/rendezvous_rooms.h"

/* How long a member may take to come back. It tries every 0.3 s. */
#define GODWIT__ABSENCE_MS 4000

struct godwit__rendezvous_host {
    godwit__matchmaker_options_t options;
    const godwit__rendezvous_host_events_t *events;
    void *user;
    char address[GODWIT__ADDRESS_SIZE];
    godwit__channel_t *port;
    godwit__source_t source;
    int64_t settles_ns;
    uint64_t epoch; /* differs from the epoch of every other host, and of earlier hosts at this address */
    godwit__rooms_t rooms;
    godwit__rendezvous_member_t *own;
    bool is_closing;
    bool preserves;        /* self-preservation: most members are silent, so they are kept for longer */
    godwit__timer_t sweep; /* looks for leases that have ended */
    godwit__timer_t retry; /* goes on with members that are behind */
    godwit__task_t lost;   /* the port has lost connections */
    godwit__timer_t look;  /* finds out whose they were */
    unsigned looks_left;
    int64_t looked_ns;       /* 0: never */
    godwit__timer_t absence; /* looks for members that did not come back */
    godwit__refusals_t refusals;
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

/* Something can be sent to it. */
static inline bool
godwit__host_hears (const godwit__rendezvous_member_t *member)
{
    return member->routing_id && !member->is_deaf;
}

/* The member's connection has ended. Without memory for the timer, its lease decides. */
static inline void
godwit__host_deafen (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member)
{
    member->is_deaf = true;
    member->behind = false;
    member->deaf_since_ns = godwit__host_now (host);
    if (!host->absence.heap_index && !host->is_closing)
        godwit__reactor_arm (host->options.reactor, &host->absence,
                             member->deaf_since_ns + GODWIT__ABSENCE_MS * GODWIT__NS_PER_MS);
}

/* True if the host's own process gets events of this room. */
static inline bool
godwit__host_is_told (const godwit__rendezvous_host_t *host, const godwit__room_t *room)
{
    return !host->is_closing && room == host->own->room;
}

/* ---- members: rendezvous_host_members.c ---- */

/* Drops all records of the member but those of the servers in keep, which this function sorts. withdrawn: the
 * member said so. */
void godwit__host_drop_records (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member,
                                uint32_t *keep, size_t keep_count, bool withdrawn);
/* Drops the member's records, and ends the membership. */
void godwit__host_part (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member, bool withdrawn);
/* Drops the member's records, and frees the member. */
void godwit__host_forget (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member);
/* Drops the member's records, and ignores its frames from now on. */
void godwit__host_expel (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member,
                         const char *reason);

/* ---- certificates: rendezvous_host_rights.c ---- */

/* Why a member is expelled, as it is told. */
typedef struct godwit__reason {
    char text[256];
} godwit__reason_t;

/* All three are true without a realm.
 *
 * Whoever sent the frame that is looked at may join as this instance. False: *why says why not. */
bool godwit__host_may_join (const godwit__rendezvous_host_t *host, const uint8_t instance[GODWIT__UUID_SIZE],
                            godwit__reason_t *why);
/* The member that sent it is still who it was. False: *why says why not. If its certificate is another one by
 * now, those of its records are dropped that it does not allow. */
bool godwit__host_may_go_on (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member,
                             godwit__reason_t *why);
/* It may serve what the record says. False: that was told to the log, once for each certificate of the
 * member.
 */
bool godwit__host_may_register (const godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member,
                                const godwit__record_t *record);

/* ---- leases: rendezvous_host_leases.c ---- */

void godwit__host_arm_sweep (godwit__rendezvous_host_t *host);
void godwit__host_sweep (godwit__timer_t *timer);

/* ---- lost connections: rendezvous_host_absence.c ---- */

void godwit__host_watch_absence (godwit__rendezvous_host_t *host);
void godwit__host_stop_absence (godwit__rendezvous_host_t *host);

/* ---- telling: rendezvous_host_tell.c ---- */

/* Logs, human-readable, what happened to a member. */
void godwit__host_note (const godwit__rendezvous_host_t *host, const godwit__rendezvous_member_t *member,
                        godwit_log_level_t level, const char *what);
/* Sends the message in host->buffer. The member may be deaf afterwards. */
godwit__io_t godwit__host_send (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member,
                                godwit__message_t message);
/* Sends a snapshot from its start, as far as there is room; the retry timer sends the rest. */
void godwit__host_start_snapshot (godwit__rendezvous_host_t *host, godwit__rendezvous_member_t *member);
void godwit__host_retry (godwit__timer_t *timer);
/* Tells all members of the room about new or changed records ... */
void godwit__host_tell_seen (godwit__rendezvous_host_t *host, godwit__room_t *room,
                             godwit__record_list_t seen);
/* ... and about at most KEYS_MAX records that are gone. stamp: the lowest stamp of these records. withdrawn:
 * the member that owns them said so. */
void godwit__host_tell_gone (godwit__rendezvous_host_t *host, godwit__room_t *room,
                             const godwit__record_key_t *gone, size_t count, uint64_t stamp, bool withdrawn);

#endif
