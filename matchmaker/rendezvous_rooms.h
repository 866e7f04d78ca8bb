/* SPDX-License-Identifier: Apache-2.0 */
/* The data of a rendezvous host: members and their records, in one room for each virtual host. No I/O, no
 * clock.
 *
 * Everything is bounded; what a member asks for beyond its share is refused. A member is found by its room
 * and instance (identity), and by its last connection (routing id). So a member that reconnects finds its
 * records.
 */
#ifndef GODWIT_MATCHMAKER_RENDEZVOUS_ROOMS_H
#define GODWIT_MATCHMAKER_RENDEZVOUS_ROOMS_H

#include "matchmaker/rendezvous_wire.h"
#include "src/base/table.h"

#define GODWIT__ROOMS_MEMBERS_MAX 4096
#define GODWIT__ROOMS_MEMBER_RECORDS_MAX 1024
#define GODWIT__ROOMS_RECORDS_MAX 65536
#define GODWIT__ROOMS_SIZE_MAX ((size_t) 64 * 1024 * 1024) /* of all records, as sent */

/* A record in its room. The room's list is in the order of the last change: a member that has all records up
 * to a stamp misses exactly the ones after it. */
typedef struct godwit__room_entry {
    godwit__list_node_t in_room;
    godwit__record_t *record;
    uint64_t stamp;
    size_t size;
} godwit__room_entry_t;

typedef struct godwit__room {
    godwit__table_node_t by_name;
    godwit__list_t members;
    godwit__list_t entries;
    uint64_t stamp;    /* of the last change */
    uint64_t sequence; /* of the last delta that was sent */
    char name[];
} godwit__room_t;

typedef struct godwit__rendezvous_member {
    godwit__table_node_t by_routing_id; /* linked if routing id is not 0 */
    godwit__table_node_t by_identity;   /* linked if room is not NULL */
    godwit__list_node_t in_room;        /* linked if room is not NULL */
    godwit__room_t *room;               /* NULL: expelled, and kept so that its frames are ignored */
    godwit__routing_id_t routing_id;    /* of its last connection; 0: the host's own */
    bool is_deaf; /* that connection has ended: nothing can be sent, but what it sent may be unread */
    int64_t deaf_since_ns;
    uint8_t instance[GODWIT__UUID_SIZE];
    bool is_host;           /* the process that hosts */
    godwit__party_t *party; /* as which it sent its last frame: a reference; NULL: there is no realm */
    bool is_restricted;     /* the log was told that this party may not serve what it wants to */
    int64_t refresh_ms;
    int64_t expires_ns;
    godwit__room_entry_t **entries; /* by server_id */
    size_t entry_count;
    size_t entry_capacity;
    uint64_t sum; /* of the entries, see REFRESH */
    /* What was sent to it. A member that is behind gets no deltas, but the rest of a snapshot: the records
     * after stamp `sent`. */
    bool behind;
    bool begun; /* the snapshot's first part was sent */
    uint64_t sent;
    int64_t behind_since_ns;
    /* How much it may still ask of the host. */
    int64_t tokens;
    int64_t tokens_at_ns;
} godwit__rendezvous_member_t;

typedef struct godwit__rooms {
    uint64_t seed;
    godwit__table_t rooms;
    godwit__table_t routing_ids;
    godwit__table_t identities;
    size_t member_count; /* expelled members included */
    size_t record_count;
    size_t record_size;
} godwit__rooms_t;

/* Walk a room's records, the members of all rooms, and all members with a routing id. */
#define GODWIT__ENTRIES_FIRST(room_) GODWIT__FIRST (&(room_)->entries, godwit__room_entry_t, in_room)
#define GODWIT__ENTRIES_NEXT(room_, entry_)                                                                  \
    GODWIT__NEXT (&(room_)->entries, entry_, godwit__room_entry_t, in_room)
#define GODWIT__MEMBERS_FIRST(rooms_)                                                                        \
    GODWIT__TABLE_FIRST (&(rooms_)->identities, godwit__rendezvous_member_t, by_identity)
#define GODWIT__MEMBERS_NEXT(rooms_, member_)                                                                \
    GODWIT__TABLE_NEXT (&(rooms_)->identities, member_, godwit__rendezvous_member_t, by_identity)
#define GODWIT__ROUTED_FIRST(rooms_)                                                                         \
    GODWIT__TABLE_FIRST (&(rooms_)->routing_ids, godwit__rendezvous_member_t, by_routing_id)
#define GODWIT__ROUTED_NEXT(rooms_, member_)                                                                 \
    GODWIT__TABLE_NEXT (&(rooms_)->routing_ids, member_, godwit__rendezvous_member_t, by_routing_id)

typedef enum godwit__put { GODWIT__PUT_CHANGED, GODWIT__PUT_SAME, GODWIT__PUT_REFUSED } godwit__put_t;

void godwit__rooms_open (godwit__rooms_t *rooms, uint64_t seed);
void godwit__rooms_close (godwit__rooms_t *rooms);

godwit__rendezvous_member_t *godwit__rooms_by_routing_id (const godwit__rooms_t *rooms,
                                                          godwit__routing_id_t routing_id);
godwit__rendezvous_member_t *godwit__rooms_by_identity (const godwit__rooms_t *rooms, const char *room,
                                                        const uint8_t instance[GODWIT__UUID_SIZE]);
godwit__room_t *godwit__rooms_find (const godwit__rooms_t *rooms, const char *name);
/* Adds a member without records; makes its room if needed. NULL: full, or out of memory. */
godwit__rendezvous_member_t *godwit__rooms_add (godwit__rooms_t *rooms, const char *room,
                                                const uint8_t instance[GODWIT__UUID_SIZE]);
/* Binds a member to a connection that is up; 0 unbinds. */
void godwit__rooms_set_routing_id (godwit__rooms_t *rooms, godwit__rendezvous_member_t *member,
                                   godwit__routing_id_t routing_id);
/* Removes the member from its room; its records were taken before. The last member's room is freed. The
 * member stays bound to its routing id. */
void godwit__rooms_leave (godwit__rooms_t *rooms, godwit__rendezvous_member_t *member);
/* Leaves, unbinds and frees. */
void godwit__rooms_remove (godwit__rooms_t *rooms, godwit__rendezvous_member_t *member);

/* Puts a record of the member's own into its room, unless it has the same or a newer one. */
godwit__put_t godwit__rooms_put (godwit__rooms_t *rooms, godwit__rendezvous_member_t *member,
                                 godwit__record_t *record);
/* Removes the member's record and returns its stamp; 0: there was none. */
uint64_t godwit__rooms_take (godwit__rooms_t *rooms, godwit__rendezvous_member_t *member, uint32_t server_id);

#endif
