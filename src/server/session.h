/* SPDX-License-Identifier: Apache-2.0 */
/* What a port remembers of the clients that send to it: which have said HELLO, and which call ids have been
 * seen.
 *
 * A table belongs to the leader of its port and has no lock: the lead is handed over under pool.lock. Its
 * size is limited: the client that has been silent the longest is forgotten first. A forgotten client is
 * refused with NACK HELLO, and says HELLO again, with the highest id that it has used: all ids up to that one
 * count as seen from then on.
 *
 * A client numbers its connections. A second table remembers under this number what was seen on a connection,
 * also for a while after its end. So frames that somebody repeats over a link of his own count as seen, too.
 *
 * A third table, of the same type, remembers publications (by publisher and topic), to count those that were
 * missed.
 *
 * With a realm a session also knows whose certificate the other end has, and what that was found to allow.
 */
#ifndef GODWIT_SRC_SERVER_SESSION_H
#define GODWIT_SRC_SERVER_SESSION_H

#include "src/base/table.h"
#include "src/server/caller.h"

#define GODWIT__REPLAY_WINDOW_BITS 1024

/* The ids up to `top`. The last 1024 are known exactly; all older ones count as seen. */
typedef struct godwit__replay_window {
    uint64_t top;
    uint64_t bits[GODWIT__REPLAY_WINDOW_BITS / 64]; /* of id: bit id % 1024 */
} godwit__replay_window_t;

/* Marks id as seen. False: it had been seen, or is too old to tell. *missed (may be NULL) is the number of
 * ids that id skipped over, 0 unless it is the highest so far. */
bool godwit__replay_window_add (godwit__replay_window_t *window, uint64_t id, uint64_t *missed);
/* All up to id counts as seen. */
void godwit__replay_window_skip (godwit__replay_window_t *window, uint64_t id);

/* What was seen on one connection of a client, over all its links. */
typedef struct godwit__seen {
    unsigned refs;
    int64_t heard_ns; /* when the last link that was forgotten was heard */
    godwit__replay_window_t window;
} godwit__seen_t;

typedef struct godwit__guest godwit__guest_t;

typedef struct godwit__session {
    uint64_t id;
    int64_t heard_ns;
    /* Requests and notifications, and bytes of them. The leader writes, anybody reads. */
    atomic_uint_fast64_t received, received_size;
    bool known;              /* said HELLO */
    bool is_answering;       /* was told that the process leaves: a GOODBYE from it is the answer */
    bool answers;            /* it also answers when it is told that one server drains */
    bool banned;             /* sent too many malformed frames: further frames are ignored */
    bool is_seen;            /* an entry of a numbered connection, not a session of a link */
    uint8_t malformed_count; /* malformed frames so far */
    uint32_t box_peer;       /* who said HELLO, in the black box; 0: not known */
    /* Whose frame came last; NULL: there is no realm, or none has come. Of publications: it may publish the
     * topic, or a method of it. */
    godwit__caller_t *caller;
    godwit__seen_t *seen; /* of its numbered connection; NULL: `window` */
    godwit__replay_window_t window;
    godwit__guest_t *guest; /* who said HELLO, for those who ask (guest.h); NULL: nobody did */
    godwit__table_node_t by_id;
} godwit__session_t;

/* The table keeps the order in which sessions were last heard: the one that has been silent the longest comes
 * first. */
typedef struct godwit__sessions {
    size_t limit;
    bool has_forgotten; /* one that was still of use, because the limit was reached */
    godwit__table_t table;
} godwit__sessions_t;

void godwit__sessions_init (godwit__sessions_t *sessions, size_t limit);
void godwit__sessions_clear (godwit__sessions_t *sessions);
/* NULL: there is no session of this id. */
godwit__session_t *godwit__sessions_find (godwit__sessions_t *sessions, uint64_t id);
/* Finds the session, or adds it with nothing seen. May forget the one that was silent the longest. NULL when
 * memory is short. */
godwit__session_t *godwit__sessions_add (godwit__sessions_t *sessions, uint64_t id, int64_t now_ns);
/* Lets a session that said HELLO share what was seen on the connection with this key, and counts all up to
 * last_id as seen. False when memory is short. */
bool godwit__sessions_join (godwit__sessions_t *connections, uint64_t key, godwit__session_t *session,
                            uint64_t last_id, int64_t now_ns);
void godwit__sessions_remove (godwit__sessions_t *sessions, godwit__session_t *session);
/* Forgets the sessions that were last heard before `before_ns`. */
void godwit__sessions_expire (godwit__sessions_t *sessions, int64_t before_ns);

/* Its client is not there any more, for this reason (static text). Does nothing without a guest. */
void godwit__guest_leave (godwit__session_t *session, const char *reason);

/* A request came. The leader. */
static inline void
godwit__session_count (godwit__session_t *session, size_t size)
{
    atomic_store_explicit (&session->received,
                           atomic_load_explicit (&session->received, memory_order_relaxed) + 1,
                           memory_order_relaxed);
    atomic_store_explicit (&session->received_size,
                           atomic_load_explicit (&session->received_size, memory_order_relaxed) + size,
                           memory_order_relaxed);
}

/* Marks id as seen. False: it had been seen before. */
static inline bool
godwit__session_sees (godwit__session_t *session, uint64_t id)
{
    return godwit__replay_window_add (session->seen ? &session->seen->window : &session->window, id, NULL);
}

/* A frame came from the session now. */
static inline void
godwit__sessions_touch (godwit__sessions_t *sessions, godwit__session_t *session, int64_t now_ns)
{
    godwit__list_node_t *const node = &session->by_id.order;
    session->heard_ns = now_ns;
    if (sessions->table.order.end.previous == node)
        return;
    godwit__list_remove (node);
    godwit__list_append (&sessions->table.order, node);
}

/* To walk all of them. */
static inline godwit__session_t *
godwit__sessions_first (const godwit__sessions_t *sessions)
{
    return GODWIT__TABLE_FIRST (&sessions->table, godwit__session_t, by_id);
}

static inline godwit__session_t *
godwit__sessions_next (const godwit__sessions_t *sessions, const godwit__session_t *session)
{
    return GODWIT__TABLE_NEXT (&sessions->table, session, godwit__session_t, by_id);
}

#endif
