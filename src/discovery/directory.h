/* The directory: which servers there are, by exchange and topic. This is where calls look up; matchmakers
 * fill it, and the data path has the last word on who is alive: what a matchmaker no longer knows stays while
 * it is connected.
 *
 * Everything is guarded by transport.lock, which its callers hold unless said otherwise.
 */
#ifndef GODWIT_SRC_DISCOVERY_DIRECTORY_H
#define GODWIT_SRC_DISCOVERY_DIRECTORY_H

#include "src/discovery/breaker.h"
#include "src/discovery/peer.h"
#include "src/discovery/retry_budget.h"

typedef struct godwit__group godwit__group_t;

/* With a server that was listed, not announced. All others are KNOWN. (src/discovery/resolve.h draws how they
 * follow.)
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
    bool draining;             /* it said GOODBYE, or refused a call because of it */
    bool draining_unconfirmed; /* or rather, only its record says so: the data path has not been asked */
    bool is_suspect;           /* no matchmaker knows it any more (src/discovery/suspect.h) ... */
    bool withdrawn;            /* ... because it said so */
    int64_t suspect_since_ns;  /* since then, or since it was connected the last time */
    godwit__resolution_t resolution;
    godwit__record_t *listed; /* as it was listed, `record` being what was learnt; NULL: it was announced */
    uint64_t query_number;    /* while ASKED */
    bool was_missed;          /* it was said that it is not there */
    uint64_t number;          /* of all that there ever were; another one when it turns out to be another */
    uint64_t refusals;        /* how often it was REFUSED */
    godwit__breaker_t breaker;
} godwit__member_t;

/* Calls can be sent to it. */
static inline bool
godwit__member_is_ready (const godwit__member_t *member)
{
    return member->peer->state == GODWIT__PEER_READY && member->resolution == GODWIT__RESOLUTION_KNOWN;
}

/* Of its server in this life: another one for the next. */
static inline uint64_t
godwit__member_key (const godwit__member_t *member)
{
    uint64_t key;
    memcpy (&key, member->peer->key, sizeof key);
    return key ^ ((uint64_t) member->record->server_id << 32 | member->record->server_id);
}

/* A topic. Stays for the directory's life once it was asked for or announced: clients keep pointers to it. */
struct godwit__group {
    godwit__table_node_t by_names;
    char *exchange;
    const char *topic; /* behind the exchange, in the same piece of memory */
    godwit__member_t **members;
    size_t count;
    size_t capacity;
    size_t next;                          /* round robin */
    uint64_t epoch;                       /* grows when a server joins, leaves, drains or comes back */
    bool fans_out;                        /* there was a fanout: its servers are connected to */
    uint8_t fanout_key[GODWIT__KEY_SIZE]; /* known since then */
    /* What the last fanout found out about its subscribers; good while transport.change_count is the same. */
    bool fanout_settled;
    uint64_t fanout_change;
    uint32_t fanout_reached, fanout_missing;
    godwit__retry_budget_t retry_budget;
};

typedef struct godwit__directory {
    godwit_transport_t *transport;
    godwit__table_t groups;
    godwit__table_t peers;
    size_t member_count;
    size_t suspect_count; /* of them, suspects that did not withdraw */
    bool preserves;       /* that is most of them */
    godwit__timer_t suspect_timer;
    uint64_t last_query;
    uint64_t last_number; /* of a member */
} godwit__directory_t;

/* Walks all groups, and all peers. */
#define GODWIT__GROUPS_FIRST(directory_)                                                                     \
    GODWIT__TABLE_FIRST (&(directory_)->groups, godwit__group_t, by_names)
#define GODWIT__GROUPS_NEXT(directory_, group_)                                                              \
    GODWIT__TABLE_NEXT (&(directory_)->groups, group_, godwit__group_t, by_names)
#define GODWIT__PEERS_FIRST(directory_) GODWIT__TABLE_FIRST (&(directory_)->peers, godwit__peer_t, by_key)
#define GODWIT__PEERS_NEXT(directory_, peer_)                                                                \
    GODWIT__TABLE_NEXT (&(directory_)->peers, peer_, godwit__peer_t, by_key)

/* Forgets a member. */
void godwit__directory_remove (godwit__group_t *group, size_t index);

godwit__directory_t *godwit__directory_new (godwit_transport_t *transport);
/* Forgets all members; the groups stay, for the clients that point to them. */
void godwit__directory_clear (godwit__directory_t *directory);
/* After godwit__peers_close. */
void godwit__directory_destroy (godwit__directory_t **directory);

/* NULL when memory is short. */
godwit__group_t *godwit__directory_group (godwit__directory_t *directory, const char *exchange,
                                          const char *topic);

/* The matchmaker's events, with the transport as user; they take the lock themselves. */
extern const godwit__matchmaker_events_t godwit__directory_events;

typedef enum godwit__pick {
    GODWIT__PICK_OK,
    GODWIT__PICK_NOBODY,     /* no such server is known */
    GODWIT__PICK_WAIT,       /* some are known, none is connected yet */
    GODWIT__PICK_EXCLUDED,   /* all that are connected were tried, or their breaker is open */
    GODWIT__PICK_WITHHELD,   /* of a call: its retry has to wait for the budget */
    GODWIT__PICK_UNREACHABLE /* of one member: it cannot be connected to */
} godwit__pick_t;

/* Servers that a call has tried in this round. More than fit are forgotten, oldest first. */
#define GODWIT__TRIED_MAX 8
typedef struct godwit__tried {
    uint64_t keys[GODWIT__TRIED_MAX];
    size_t count;
    size_t total; /* with those that were forgotten */
} godwit__tried_t;

typedef struct godwit__picked {
    godwit__connection_t
        *connection; /* a reference; NULL for a server of this transport that runs inline methods */
    uint32_t server_id;
    uint64_t key; /* for tried */
    bool local;   /* of this very transport */
} godwit__picked_t;

/* Chooses a server: the one named, or the next in turn that is connected and was not tried; one whose
 * breaker is open only if there is no other, and nobody was tried yet. What is not connected is wanted from
 * now on. */
godwit__pick_t godwit__directory_pick (godwit__group_t *group, const char *server,
                                       const godwit__tried_t *tried, int64_t now_ns,
                                       godwit__picked_t *picked);
/* One member, wherever the group has it. */
typedef struct godwit__member_ref {
    uint64_t number;
    uint64_t failures; /* of it, and of connecting to it, when it was looked at first */
    size_t place;      /* where it was last */
} godwit__member_ref_t;

godwit__member_ref_t godwit__directory_member_ref (const godwit__group_t *group, size_t index);
/* Chooses this one. NOBODY: it has left, or its process says that it is not there. UNREACHABLE: all of its
 * addresses have failed since it was looked at first. EXCLUDED: it was tried in this round. */
godwit__pick_t godwit__directory_pick_ref (const godwit__group_t *group, godwit__member_ref_t *ref,
                                           const godwit__tried_t *tried, godwit__picked_t *picked);
void godwit__tried_add (godwit__tried_t *tried, uint64_t key);

/* A server said that it drains (NACK), or that it is not there: no calls go to it until it is announced anew.
 * revision: of the record that it spoke of; what has a later one has started again since then (0: it has
 * not). Takes the lock. */
void godwit__directory_refused (godwit_transport_t *transport, uint64_t key, uint32_t revision, bool gone);
/* A server said that it is overloaded. Takes the lock. */
void godwit__directory_overloaded (godwit__group_t *group, godwit_transport_t *transport, uint64_t key,
                                   int64_t now_ns);
/* A peer has lost its connection: forgets its members that no matchmaker knows any more, and who the
 * listed ones are. */
void godwit__directory_peer_lost (godwit__peer_t *peer);
/* A peer is connected: whether its servers drain, it says itself. */
void godwit__directory_peer_ready (godwit__peer_t *peer);
/* Nobody is connected: members of which only a record says that they drain are worth a try. True if there
 * are any. */
bool godwit__directory_try_unconfirmed (godwit__group_t *group, const char *server);
/* Marks members of a peer as draining; 0: all. revision: as above. */
void godwit__directory_goodbye (godwit__peer_t *peer, uint32_t server_id, uint32_t revision);

/* A server of another transport has these names, and takes calls. Takes the lock. */
bool godwit__directory_has_duplicate (godwit_transport_t *transport, const char *exchange, const char *topic,
                                      const char *server);

/* A member turned out to be another server than it was: it has left, and another one joined. */
void godwit__member_replaced (godwit__member_t *member);

size_t godwit__group_ready_count (const godwit__group_t *group, const char *server);

#endif
