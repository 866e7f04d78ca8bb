/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions and their replay windows. */
#include "src/server/session.h"

#include "src/base/hash.h"

#include <stdlib.h>
#include <string.h>

/* ---- the window ---- */

static void
clear_bits (godwit__replay_window_t *window, uint64_t from, uint64_t to)
{
    for (uint64_t id = from; id < to; id++)
        window->bits[id / 64 % (GODWIT__REPLAY_WINDOW_BITS / 64)] &= ~(UINT64_C (1) << id % 64);
}

bool
godwit__replay_window_add (godwit__replay_window_t *window, uint64_t id, uint64_t *missed)
{
    uint64_t *const word = &window->bits[id / 64 % (GODWIT__REPLAY_WINDOW_BITS / 64)];
    const uint64_t bit = UINT64_C (1) << id % 64;
    if (missed)
        *missed = 0;
    if (id > window->top) {
        const uint64_t skipped = id - window->top - 1;
        /* The next id uses the bit of the id that leaves the window: so it is set, whatever it was. */
        if (skipped >= GODWIT__REPLAY_WINDOW_BITS)
            memset (window->bits, 0, sizeof window->bits);
        else
            clear_bits (window, window->top + 1, id);
        *word |= bit;
        window->top = id;
        if (missed)
            *missed = skipped;
        return true;
    }
    if (window->top - id >= GODWIT__REPLAY_WINDOW_BITS || *word & bit)
        return false;
    *word |= bit;
    return true;
}

void
godwit__replay_window_skip (godwit__replay_window_t *window, uint64_t id)
{
    if (id <= window->top)
        return;
    const uint64_t count = id - window->top;
    if (count >= GODWIT__REPLAY_WINDOW_BITS)
        memset (window->bits, 0xff, sizeof window->bits);
    else
        for (uint64_t at = window->top + 1, left = count; left > 0; at++, left--)
            window->bits[at / 64 % (GODWIT__REPLAY_WINDOW_BITS / 64)] |= UINT64_C (1) << at % 64;
    window->top = id;
}

/* ---- the table ---- */

/* No two ids have the same hash: so an entry that is found by its hash need not be compared. */
static uint64_t
hash_of (uint64_t id)
{
    return godwit__mix (id);
}

void
godwit__sessions_init (godwit__sessions_t *sessions, size_t limit)
{
    godwit__table_init (&sessions->table);
    sessions->limit = limit;
    sessions->has_forgotten = false;
}

void
godwit__sessions_clear (godwit__sessions_t *sessions)
{
    godwit__session_t *session;
    while ((session = godwit__sessions_first (sessions)))
        godwit__sessions_remove (sessions, session);
    godwit__table_release (&sessions->table);
}

godwit__session_t *
godwit__sessions_find (godwit__sessions_t *sessions, uint64_t id)
{
    godwit__session_t *const newest = GODWIT__LAST (&sessions->table.order, godwit__session_t, by_id.order);
    if (newest && newest->id == id)
        return newest; /* many frames in a row come from one client */
    return GODWIT__TABLE_FIND (&sessions->table, hash_of (id), godwit__session_t, by_id);
}

godwit__session_t *
godwit__sessions_add (godwit__sessions_t *sessions, uint64_t id, int64_t now_ns)
{
    godwit__session_t *session = godwit__sessions_find (sessions, id);
    if (session) {
        godwit__sessions_touch (sessions, session, now_ns);
        return session;
    }
    if (sessions->table.count >= sessions->limit) {
        godwit__sessions_remove (sessions, godwit__sessions_first (sessions));
        sessions->has_forgotten = true;
    }
    session = calloc (1, sizeof *session);
    if (!session)
        return NULL;
    session->id = id;
    session->heard_ns = now_ns;
    godwit__table_insert (&sessions->table, &session->by_id, hash_of (id));
    return session;
}

static void
leave_seen (godwit__session_t *session)
{
    godwit__seen_t *const seen = session->seen;
    if (!seen)
        return;
    session->seen = NULL;
    if (seen->heard_ns < session->heard_ns)
        seen->heard_ns = session->heard_ns;
    if (--seen->refs == 0)
        free (seen);
}

bool
godwit__sessions_join (godwit__sessions_t *connections, uint64_t key, godwit__session_t *session,
                       uint64_t last_id, int64_t now_ns)
{
    godwit__session_t *const connection = godwit__sessions_add (connections, key, now_ns);
    if (!connection)
        return false;
    if (!connection->seen) {
        connection->seen = calloc (1, sizeof *connection->seen);
        if (!connection->seen) {
            godwit__sessions_remove (connections, connection);
            return false;
        }
        connection->is_seen = true;
        connection->seen->refs = 1;
    }
    connection->seen->refs++;
    leave_seen (session);
    session->seen = connection->seen;
    godwit__replay_window_skip (&session->seen->window, last_id);
    return true;
}

void
godwit__sessions_remove (godwit__sessions_t *sessions, godwit__session_t *session)
{
    leave_seen (session);
    godwit__guest_leave (session, "it was silent for too long");
    godwit__caller_unref (&session->caller);
    godwit__table_remove (&sessions->table, &session->by_id);
    free (session);
}

void
godwit__sessions_expire (godwit__sessions_t *sessions, int64_t before_ns)
{
    godwit__session_t *oldest;
    while ((oldest = godwit__sessions_first (sessions)) && oldest->heard_ns < before_ns) {
        const godwit__seen_t *const seen = oldest->is_seen ? oldest->seen : NULL;
        /* What was seen on a connection is kept as long as one of its links, and a while longer. */
        if (seen && (seen->refs > 1 || seen->heard_ns >= before_ns))
            godwit__sessions_touch (sessions, oldest, seen->refs > 1 ? before_ns : seen->heard_ns);
        else
            godwit__sessions_remove (sessions, oldest);
    }
}
