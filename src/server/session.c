#include "src/server/session.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 64

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
        /* The next id's bit is that of the id which leaves the window, so it is set whatever it was. */
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

/* Drivers count their links up: the multiplication spreads neighbours, and the high bits are the good ones.
 */
static size_t
bucket_of (const godwit__sessions_t *sessions, uint64_t id)
{
    return (size_t) ((id * UINT64_C (0x9e3779b97f4a7c15)) >> 32) & (sessions->bucket_count - 1);
}

void
godwit__sessions_init (godwit__sessions_t *sessions, size_t limit)
{
    memset (sessions, 0, sizeof *sessions);
    sessions->limit = limit;
}

void
godwit__sessions_clear (godwit__sessions_t *sessions)
{
    while (sessions->oldest)
        godwit__sessions_remove (sessions, sessions->oldest);
    free (sessions->buckets);
    godwit__sessions_init (sessions, sessions->limit);
}

static void
list_remove (godwit__sessions_t *sessions, godwit__session_t *session)
{
    *(session->newer ? &session->newer->older : &sessions->newest) = session->older;
    *(session->older ? &session->older->newer : &sessions->oldest) = session->newer;
}

static void
list_add_newest (godwit__sessions_t *sessions, godwit__session_t *session)
{
    session->newer = NULL;
    session->older = sessions->newest;
    *(sessions->newest ? &sessions->newest->newer : &sessions->oldest) = session;
    sessions->newest = session;
}

void
godwit__sessions_touch_slow (godwit__sessions_t *sessions, godwit__session_t *session)
{
    list_remove (sessions, session);
    list_add_newest (sessions, session);
}

godwit__session_t *
godwit__sessions_find (godwit__sessions_t *sessions, uint64_t id)
{
    if (sessions->newest && sessions->newest->id == id)
        return sessions->newest; /* frames come in runs */
    if (!sessions->bucket_count)
        return NULL;
    godwit__session_t *session = sessions->buckets[bucket_of (sessions, id)];
    while (session && session->id != id)
        session = session->chain;
    return session;
}

static bool
grow (godwit__sessions_t *sessions)
{
    const size_t old_count = sessions->bucket_count;
    const size_t count = old_count ? 2 * old_count : FIRST_BUCKETS;
    godwit__session_t **const buckets = calloc (count, sizeof (godwit__session_t *));
    if (!buckets)
        return old_count != 0; /* longer chains will do */
    free (sessions->buckets);
    sessions->buckets = buckets;
    sessions->bucket_count = count;
    for (godwit__session_t *session = sessions->newest; session; session = session->older) {
        godwit__session_t **const bucket = &buckets[bucket_of (sessions, session->id)];
        session->chain = *bucket;
        *bucket = session;
    }
    return true;
}

godwit__session_t *
godwit__sessions_add (godwit__sessions_t *sessions, uint64_t id, int64_t now_ns)
{
    godwit__session_t *session = godwit__sessions_find (sessions, id);
    if (session) {
        godwit__sessions_touch (sessions, session, now_ns);
        return session;
    }
    if (sessions->count >= sessions->bucket_count && !grow (sessions))
        return NULL;
    if (sessions->count >= sessions->limit && sessions->oldest)
        godwit__sessions_remove (sessions, sessions->oldest);
    session = calloc (1, sizeof *session);
    if (!session)
        return NULL;
    session->id = id;
    session->heard_ns = now_ns;
    godwit__session_t **const bucket = &sessions->buckets[bucket_of (sessions, id)];
    session->chain = *bucket;
    *bucket = session;
    list_add_newest (sessions, session);
    sessions->count++;
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
    godwit__session_t **at = &sessions->buckets[bucket_of (sessions, session->id)];
    while (*at != session)
        at = &(*at)->chain;
    *at = session->chain;
    list_remove (sessions, session);
    sessions->count--;
    free (session);
}

void
godwit__sessions_expire (godwit__sessions_t *sessions, int64_t before_ns)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what is removed is not the oldest any more */
    while (sessions->oldest && sessions->oldest->heard_ns < before_ns) {
        godwit__session_t *const oldest = sessions->oldest;
        const godwit__seen_t *const seen = oldest->is_seen ? oldest->seen : NULL;
        /* A connection lives as long as one of its links, and a while longer. */
        if (seen && (seen->refs > 1 || seen->heard_ns >= before_ns))
            godwit__sessions_touch (sessions, oldest, seen->refs > 1 ? before_ns : seen->heard_ns);
        else
            godwit__sessions_remove (sessions, oldest);
    }
}
