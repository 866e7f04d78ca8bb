#include "src/server/session.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 64

/* ---- the window ---- */

static void
clear_bits (godwit__window_t *window, uint64_t from, uint64_t to)
{
    for (uint64_t id = from; id < to; id++)
        window->bits[id / 64 % (GODWIT__WINDOW_BITS / 64)] &= ~(UINT64_C (1) << id % 64);
}

bool
godwit__window_add (godwit__window_t *window, uint64_t id, uint64_t *missed)
{
    uint64_t *const word = &window->bits[id / 64 % (GODWIT__WINDOW_BITS / 64)];
    const uint64_t bit = UINT64_C (1) << id % 64;
    if (missed)
        *missed = 0;
    if (id > window->top) {
        const uint64_t skipped = id - window->top - 1;
        /* The next id's bit is that of the id which leaves the window, so it is set whatever it was. */
        if (skipped >= GODWIT__WINDOW_BITS)
            memset (window->bits, 0, sizeof window->bits);
        else
            clear_bits (window, window->top + 1, id);
        *word |= bit;
        window->top = id;
        if (missed)
            *missed = skipped;
        return true;
    }
    if (window->top - id >= GODWIT__WINDOW_BITS || *word & bit)
        return false;
    *word |= bit;
    return true;
}

void
godwit__window_skip (godwit__window_t *window, uint64_t id)
{
    if (id <= window->top)
        return;
    const uint64_t count = id - window->top;
    if (count >= GODWIT__WINDOW_BITS)
        memset (window->bits, 0xff, sizeof window->bits);
    else
        for (uint64_t at = window->top + 1, left = count; left > 0; at++, left--)
            window->bits[at / 64 % (GODWIT__WINDOW_BITS / 64)] |= UINT64_C (1) << at % 64;
    window->top = id;
}

/* ---- the table ---- */

/* Drivers count their links up: the multiplication spreads neighbours, and the high bits are the good ones.
 */
static size_t
bucket_of (const godwit__origins_t *origins, uint64_t id)
{
    return (size_t) ((id * UINT64_C (0x9e3779b97f4a7c15)) >> 32) & (origins->bucket_count - 1);
}

void
godwit__origins_init (godwit__origins_t *origins, size_t limit)
{
    memset (origins, 0, sizeof *origins);
    origins->limit = limit;
}

void
godwit__origins_clear (godwit__origins_t *origins)
{
    while (origins->oldest)
        godwit__origins_remove (origins, origins->oldest);
    free (origins->buckets);
    godwit__origins_init (origins, origins->limit);
}

static void
list_remove (godwit__origins_t *origins, godwit__origin_state_t *origin)
{
    *(origin->newer ? &origin->newer->older : &origins->newest) = origin->older;
    *(origin->older ? &origin->older->newer : &origins->oldest) = origin->newer;
}

static void
list_add_newest (godwit__origins_t *origins, godwit__origin_state_t *origin)
{
    origin->newer = NULL;
    origin->older = origins->newest;
    *(origins->newest ? &origins->newest->newer : &origins->oldest) = origin;
    origins->newest = origin;
}

void
godwit__origins_touch_slow (godwit__origins_t *origins, godwit__origin_state_t *origin)
{
    list_remove (origins, origin);
    list_add_newest (origins, origin);
}

godwit__origin_state_t *
godwit__origins_find (godwit__origins_t *origins, uint64_t id)
{
    if (origins->newest && origins->newest->id == id)
        return origins->newest; /* frames come in runs */
    if (!origins->bucket_count)
        return NULL;
    godwit__origin_state_t *origin = origins->buckets[bucket_of (origins, id)];
    while (origin && origin->id != id)
        origin = origin->chain;
    return origin;
}

static bool
grow (godwit__origins_t *origins)
{
    const size_t old_count = origins->bucket_count;
    const size_t count = old_count ? 2 * old_count : FIRST_BUCKETS;
    godwit__origin_state_t **const buckets = calloc (count, sizeof (godwit__origin_state_t *));
    if (!buckets)
        return old_count != 0; /* longer chains will do */
    free (origins->buckets);
    origins->buckets = buckets;
    origins->bucket_count = count;
    for (godwit__origin_state_t *origin = origins->newest; origin; origin = origin->older) {
        godwit__origin_state_t **const bucket = &buckets[bucket_of (origins, origin->id)];
        origin->chain = *bucket;
        *bucket = origin;
    }
    return true;
}

godwit__origin_state_t *
godwit__origins_add (godwit__origins_t *origins, uint64_t id, int64_t now_ns)
{
    godwit__origin_state_t *origin = godwit__origins_find (origins, id);
    if (origin) {
        godwit__origins_touch (origins, origin, now_ns);
        return origin;
    }
    if (origins->count >= origins->bucket_count && !grow (origins))
        return NULL;
    if (origins->count >= origins->limit && origins->oldest)
        godwit__origins_remove (origins, origins->oldest);
    origin = calloc (1, sizeof *origin);
    if (!origin)
        return NULL;
    origin->id = id;
    origin->heard_ns = now_ns;
    godwit__origin_state_t **const bucket = &origins->buckets[bucket_of (origins, id)];
    origin->chain = *bucket;
    *bucket = origin;
    list_add_newest (origins, origin);
    origins->count++;
    return origin;
}

static void
leave_seen (godwit__origin_state_t *origin)
{
    godwit__seen_t *const seen = origin->seen;
    if (!seen)
        return;
    origin->seen = NULL;
    if (seen->heard_ns < origin->heard_ns)
        seen->heard_ns = origin->heard_ns;
    if (--seen->refs == 0)
        free (seen);
}

bool
godwit__origins_join (godwit__origins_t *connections, uint64_t key, godwit__origin_state_t *origin,
                      uint64_t last_id, int64_t now_ns)
{
    godwit__origin_state_t *const connection = godwit__origins_add (connections, key, now_ns);
    if (!connection)
        return false;
    if (!connection->seen) {
        connection->seen = calloc (1, sizeof *connection->seen);
        if (!connection->seen) {
            godwit__origins_remove (connections, connection);
            return false;
        }
        connection->is_seen = true;
        connection->seen->refs = 1;
    }
    connection->seen->refs++;
    leave_seen (origin);
    origin->seen = connection->seen;
    godwit__window_skip (&origin->seen->window, last_id);
    return true;
}

void
godwit__origins_remove (godwit__origins_t *origins, godwit__origin_state_t *origin)
{
    leave_seen (origin);
    godwit__origin_state_t **at = &origins->buckets[bucket_of (origins, origin->id)];
    while (*at != origin)
        at = &(*at)->chain;
    *at = origin->chain;
    list_remove (origins, origin);
    origins->count--;
    free (origin);
}

void
godwit__origins_expire (godwit__origins_t *origins, int64_t before_ns)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what is removed is not the oldest any more */
    while (origins->oldest && origins->oldest->heard_ns < before_ns) {
        godwit__origin_state_t *const oldest = origins->oldest;
        const godwit__seen_t *const seen = oldest->is_seen ? oldest->seen : NULL;
        /* A connection lives as long as one of its links, and a while longer. */
        if (seen && (seen->refs > 1 || seen->heard_ns >= before_ns))
            godwit__origins_touch (origins, oldest, seen->refs > 1 ? before_ns : seen->heard_ns);
        else
            godwit__origins_remove (origins, oldest);
    }
}
