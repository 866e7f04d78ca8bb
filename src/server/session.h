/* What a port remembers of those who send to it: who said HELLO, and which call ids have been seen.
 *
 * A table belongs to the leader of its port and has no lock: the lead is handed over under pool.lock. It is
 * bounded, and whoever has been silent the longest makes room. Who is forgotten is refused as NACK HELLO, and
 * introduces itself again, with the highest id that it has used: what is older counts as seen from then on.
 *
 * A client numbers its connections. What was seen on one of them is remembered under its number for a while
 * after its end, in a second table: what somebody repeats over a connection of his own has been seen, too.
 *
 * The same table remembers publications (by publisher and topic), to count the ones that were missed.
 */
#ifndef GODWIT_SRC_SERVER_SESSION_H
#define GODWIT_SRC_SERVER_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GODWIT__WINDOW_BITS 1024

/* The ids up to `top`, of which the last 1024 are known exactly; what is older counts as seen. */
typedef struct godwit__window {
    uint64_t top;
    uint64_t bits[GODWIT__WINDOW_BITS / 64]; /* of id: bit id % 1024 */
} godwit__window_t;

/* Marks id as seen. False: it had been seen, or is too old to tell. *missed (may be NULL) is the number of
 * ids that id skipped over, 0 unless it is the highest so far. */
bool godwit__window_add (godwit__window_t *window, uint64_t id, uint64_t *missed);
/* All up to id counts as seen. */
void godwit__window_skip (godwit__window_t *window, uint64_t id);

/* What was seen on one connection of a client, by whatever links it came. */
typedef struct godwit__seen {
    unsigned refs;
    int64_t heard_ns; /* of the last link of it that was forgotten */
    godwit__window_t window;
} godwit__seen_t;

typedef struct godwit__origin_state {
    uint64_t id;
    int64_t heard_ns;
    bool known;           /* said HELLO */
    bool awaited;         /* was told that the process leaves, and has not answered yet */
    bool answers;         /* also when it is told that a server drains */
    bool banned;          /* sent too much that is malformed: what else comes is ignored */
    bool is_seen;         /* no origin, but what was seen on a numbered connection */
    uint8_t strikes;      /* malformed frames so far */
    godwit__seen_t *seen; /* of its numbered connection; NULL: `window` */
    godwit__window_t window;
    struct godwit__origin_state *chain; /* the next of its bucket */
    struct godwit__origin_state *newer;
    struct godwit__origin_state *older;
} godwit__origin_state_t;

typedef struct godwit__origins {
    size_t limit;
    size_t count;
    size_t bucket_count; /* a power of two; 0: no buckets yet */
    godwit__origin_state_t **buckets;
    godwit__origin_state_t *newest;
    godwit__origin_state_t *oldest;
} godwit__origins_t;

void godwit__origins_init (godwit__origins_t *origins, size_t limit);
void godwit__origins_clear (godwit__origins_t *origins);
/* NULL if it is not known. */
godwit__origin_state_t *godwit__origins_find (godwit__origins_t *origins, uint64_t id);
/* Finds it or adds it, with nothing seen. May forget the one that was silent the longest. NULL when memory is
 * short. */
godwit__origin_state_t *godwit__origins_add (godwit__origins_t *origins, uint64_t id, int64_t now_ns);
/* Lets an origin that said HELLO share what was seen on the connection with this key, and counts all up to
 * last_id as seen. False when memory is short. */
bool godwit__origins_join (godwit__origins_t *connections, uint64_t key, godwit__origin_state_t *origin,
                           uint64_t last_id, int64_t now_ns);
void godwit__origins_remove (godwit__origins_t *origins, godwit__origin_state_t *origin);
/* Forgets those who were heard before `before_ns` for the last time. */
void godwit__origins_expire (godwit__origins_t *origins, int64_t before_ns);

void godwit__origins_touch_slow (godwit__origins_t *origins, godwit__origin_state_t *origin);

/* Marks id as seen; false: it had been. */
static inline bool
godwit__origin_sees (godwit__origin_state_t *origin, uint64_t id)
{
    return godwit__window_add (origin->seen ? &origin->seen->window : &origin->window, id, NULL);
}

/* Something came from origin now. */
static inline void
godwit__origins_touch (godwit__origins_t *origins, godwit__origin_state_t *origin, int64_t now_ns)
{
    origin->heard_ns = now_ns;
    if (origins->newest != origin)
        godwit__origins_touch_slow (origins, origin);
}

#endif
