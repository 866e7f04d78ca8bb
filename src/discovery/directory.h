/* SPDX-License-Identifier: Apache-2.0 */
/* The directory: which servers there are, by exchange and topic. Calls look for servers here. Matchmakers
 * fill it, but the data path has the last word on who is alive: a server that no matchmaker knows any more
 * stays while it is connected.
 *
 * Everything is guarded by transport.lock, which its callers hold unless said otherwise.
 */
#ifndef GODWIT_SRC_DISCOVERY_DIRECTORY_H
#define GODWIT_SRC_DISCOVERY_DIRECTORY_H

#include "src/discovery/breaker.h"
#include "src/discovery/connection_view.h"
#include "src/discovery/news.h"
#include "src/discovery/offers.h"
#include "src/discovery/peer.h"
#include "src/discovery/retry_budget.h"
#include "src/discovery/spread.h"

typedef struct godwit__group godwit__group_t;

/* Whether a server has said itself, over this connection, who it is. Without a realm only those that were
 * listed are asked; servers that were announced are KNOWN. With one, who announces is not believed, and all
 * are asked. src/discovery/resolve.h draws the states.
 */
typedef enum godwit__resolution {
    GODWIT__RESOLUTION_KNOWN,
    GODWIT__RESOLUTION_UNKNOWN,
    GODWIT__RESOLUTION_ASKED,
    GODWIT__RESOLUTION_REFUSED
} godwit__resolution_t;

/* A server of a topic. */
typedef struct godwit__member {
    godwit__group_t *group;
    godwit__record_t *record;
    godwit__peer_t *peer;
    uint32_t offer; /* the bit of what its record says that it serves (src/discovery/offers.h) */
    uint32_t given; /* calls that it got since the group began to settle (src/discovery/spread.h) */
    bool draining;  /* it said GOODBYE, or refused a call because of it */
    bool draining_unconfirmed; /* draining, but only its record says so: the data path has not confirmed it */
    bool is_suspect;           /* no matchmaker knows it any more (src/discovery/suspect.h) ... */
    bool withdrawn;            /* ... because its own process said that it leaves */
    int64_t suspect_since_ns;  /* since it became one, or since its last connection */
    godwit__resolution_t resolution;
    godwit__record_t *listed; /* as it was listed (`record` is what was learnt); NULL: it was announced */
    uint64_t query_number;    /* while ASKED */
    bool was_missed;          /* the log was told that it is not at its address, or may not serve */
    char *
        refusal; /* why it is not called although it is connected, for errors; NULL: it is, or is not there */
    uint64_t number;   /* counts all members ever; a new number when it turns out to be another server */
    uint64_t refusals; /* how often it was REFUSED */
    int64_t since_ns;  /* when this process heard of it; of a replaced one: of the new one */
    godwit__breaker_t breaker;
} godwit__member_t;

/* Calls can be sent to it. */
static inline bool
godwit__member_is_ready (const godwit__member_t *member)
{
    return member->peer->state == GODWIT__PEER_READY && member->resolution == GODWIT__RESOLUTION_KNOWN;
}

/* It is not ready, but will be soon if somebody wants it: nothing has failed yet. */
static inline bool
godwit__member_comes (const godwit__member_t *member)
{
    return !godwit__member_is_ready (member) && member->peer->state != GODWIT__PEER_BACKOFF &&
           member->resolution != GODWIT__RESOLUTION_REFUSED;
}

/* The key of the member's server in this life. The next life has another key. */
static inline uint64_t
godwit__member_key (const godwit__member_t *member)
{
    uint64_t key;
    memcpy (&key, member->peer->key, sizeof key);
    return key ^ ((uint64_t) member->record->server_id << 32 | member->record->server_id);
}

/* A server that has left its group: errors still name it. */
typedef struct godwit__departed {
    uint64_t key;
    godwit__record_t *record; /* NULL: none */
} godwit__departed_t;

#define GODWIT__DEPARTED_MAX 4

/* A topic and its members. Once asked for or announced, it stays as long as the directory: clients point to
 * it. */
struct godwit__group {
    godwit__table_node_t by_names;
    char *exchange;
    const char *topic; /* behind the exchange, in the same piece of memory */
    godwit__member_t **members;
    size_t count;
    size_t capacity;
    size_t next;             /* round robin */
    godwit__offers_t offers; /* what the members serve */
    godwit__spread_t spread;
    uint64_t epoch;                       /* grows when a server joins, leaves, drains or comes back */
    bool fans_out;                        /* there was a fanout: its servers are connected to */
    uint8_t fanout_key[GODWIT__KEY_SIZE]; /* known since then */
    bool is_named;                        /* with a realm: the drivers know whose key that is */
    /* What the last fanout found out about its subscribers; valid while transport.change_count is
     * fanout_change. */
    bool fanout_settled;
    uint64_t fanout_change;
    uint32_t fanout_reached, fanout_missing;
    bool fanout_traced;       /* all who are subscribed take a trace context */
    int64_t nobody_logged_ns; /* when the log heard that somebody waits for a server of it; 0: never */
    godwit__retry_budget_t retry_budget;
    godwit__departed_t departed[GODWIT__DEPARTED_MAX]; /* the last ones */
    unsigned departed_count;                           /* ever */
};

/* Whether the matchmaker has told all names. */
typedef struct godwit__told_names {
    godwit__names_state_t state;
    bool were_told; /* at some time: what was told stays known */
    char text[GODWIT__NAMES_TEXT_SIZE];
} godwit__told_names_t;

typedef struct godwit__directory {
    godwit_transport_t *transport;
    const godwit__peer_hooks_t *peer_hooks;
    godwit__told_names_t names;
    godwit__table_t groups;
    godwit__table_t peers;
    size_t member_count;
    size_t suspect_count; /* of them, suspects that did not withdraw */
    bool preserves;       /* self-preservation: most members are suspects (src/discovery/suspect.h) */
    godwit__timer_t suspect_timer;
    uint64_t last_query;
    uint64_t last_number; /* of a member */
    godwit__news_t news;
    godwit__ended_connections_t ended;
} godwit__directory_t;

/* Servers may be there that nobody has told of yet. */
static inline bool
godwit__directory_awaits_names (const godwit__directory_t *directory)
{
    return directory->names.state == GODWIT__NAMES_AWAITED && !directory->names.were_told;
}

/* Walks all groups, and all peers. */
#define GODWIT__GROUPS_FIRST(directory_)                                                                     \
    GODWIT__TABLE_FIRST (&(directory_)->groups, godwit__group_t, by_names)
#define GODWIT__GROUPS_NEXT(directory_, group_)                                                              \
    GODWIT__TABLE_NEXT (&(directory_)->groups, group_, godwit__group_t, by_names)
#define GODWIT__PEERS_FIRST(directory_) GODWIT__TABLE_FIRST (&(directory_)->peers, godwit__peer_t, by_key)
#define GODWIT__PEERS_NEXT(directory_, peer_)                                                                \
    GODWIT__TABLE_NEXT (&(directory_)->peers, peer_, godwit__peer_t, by_key)

godwit__directory_t *godwit__directory_new (godwit_transport_t *transport,
                                            const godwit__peer_hooks_t *peer_hooks);
/* Forgets all members; the groups stay, for the clients that point to them. */
void godwit__directory_clear (godwit__directory_t *directory);
/* After godwit__peers_close. */
void godwit__directory_destroy (godwit__directory_t **directory);

/* NULL when memory is short. */
godwit__group_t *godwit__directory_group (godwit__directory_t *directory, const char *exchange,
                                          const char *topic);

/* True if a server of another transport has these names and takes calls; writes "at ADDRESS" into at. Takes
 * the lock. */
bool godwit__directory_has_duplicate (godwit_transport_t *transport, const char *exchange, const char *topic,
                                      const char *server, char *at, size_t size);

/* ---- members ---- */

/* NULL when memory is short. */
godwit__member_t *godwit__directory_add (godwit__group_t *group, godwit__record_t *record,
                                         godwit__directory_t *directory);
/* Forgets a member. */
void godwit__directory_remove (godwit__group_t *group, size_t index);
/* What a member's server tells of itself is this now. Takes the reference. */
void godwit__member_set_record (godwit__member_t *member, godwit__record_t *record);
/* A member turned out to be another server: counts as if the old one had left, and a new one joined. */
void godwit__member_replaced (godwit__member_t *member);
void godwit__member_set_draining (godwit__member_t *member, bool draining);
/* The member said itself that it drains. */
void godwit__member_drains (godwit__member_t *member);
/* The member's GOODBYE may have come before its record: then the member drains. */
void godwit__member_recall_goodbye (godwit__member_t *member);
/* The member is no suspect any more: it was announced again, or is forgotten. */
void godwit__member_end_suspect (godwit__member_t *member);

/* True if the record is certainly of another transport's server. A server that was only listed may be this
 * transport's. */
bool godwit__record_is_foreign (const godwit_transport_t *transport, const godwit__record_t *record);

#endif
