/* SPDX-License-Identifier: Apache-2.0 */
/* Which listeners a stream has, and which of a pool's is sent to next. */
#include "src/delivery/outlet.h"

#include "src/address/offer.h"
#include "src/delivery/spooling.h"
#include "src/delivery/stream.h"
#include "src/discovery/directory.h"
#include "src/wire/notify_frame.h"

#include <stdlib.h>
#include <string.h>

/* With so many NOTIFYs unanswered the next one goes when it is this full, or has been held back for a while:
 * what comes meanwhile goes together. An answer usually comes before that; but a listener may take its time,
 * for a batch, or because its program pulls. */
#define GATHER_FLIGHTS 2
#define GATHER_COUNT (GODWIT__NOTIFY_COUNT / 2)

#define BACKOFF_FIRST_NS (5 * GODWIT__NS_PER_MS)
#define BACKOFF_MAX_NS (1000 * GODWIT__NS_PER_MS)

#define FIRST(consumer_) GODWIT__FIRST (&(consumer_)->outlets, godwit__outlet_t, in_consumer)
#define NEXT(consumer_, at_) GODWIT__NEXT (&(consumer_)->outlets, at_, godwit__outlet_t, in_consumer)

/* ---- which there are ---- */

/* What a lane's record tells of its pool. */
typedef struct told_pool {
    char *name; /* the caller's; NULL: none is told */
    uint32_t credit;
    uint32_t size_max; /* of a frame; 0: it does not say */
    bool is_transient;
} told_pool_t;

/* What follows the prefix; NULL: it is not there. */
static const char *
behind (const char *text, const char *prefix)
{
    const size_t size = strlen (prefix);
    return text && strncmp (text, prefix, size) == 0 ? text + size : NULL;
}

/* False: memory is short. */
static bool
read_pool (const godwit__record_t *record, told_pool_t *pool)
{
    godwit__version_t version = {1, GODWIT__CREDIT_FIRST, 0};
    godwit__offer_t *offer = godwit__offer_read (record->versions);
    const char *const text = offer ? godwit__offer_first (offer, &version) : NULL;
    const char *name = behind (text, GODWIT__POOL_PREFIX);
    pool->is_transient = !name;
    if (!name)
        name = behind (text, GODWIT__TRANSIENT_PREFIX);
    pool->credit = version.minor ? version.minor : 1;
    pool->size_max = version.revision;
    pool->name = name ? strdup (name) : NULL;
    const bool is_short = (!offer && *record->versions) || (name && !pool->name);
    godwit__offer_destroy (&offer);
    return !is_short;
}

static godwit__outlet_t *
find (const godwit__consumer_t *consumer, const godwit__connection_t *connection, uint32_t server_id)
{
    godwit__outlet_t *at = FIRST (consumer);
    while (at && (at->connection != connection || at->server_id != server_id))
        at = NEXT (consumer, at);
    return at;
}

/* With transport.lock, too. The member can be sent to. False: memory is short. */
static bool
see_outlet (godwit__consumer_t *consumer, const godwit__member_t *member, const told_pool_t *pool)
{
    godwit__connection_t *const connection = member->peer->connection;
    const size_t own_max = connection->transport->options.max_message_size;
    godwit__outlet_t *outlet = find (consumer, connection, member->record->server_id);
    if (!outlet) {
        outlet = calloc (1, sizeof *outlet);
        if (!outlet)
            return false;
        outlet->consumer = consumer;
        outlet->connection = godwit__connection_ref (connection);
        outlet->server_id = member->record->server_id;
        outlet->credit = pool->credit;
        godwit__list_append (&consumer->outlets, &outlet->in_consumer);
    }
    outlet->size_max = pool->size_max && pool->size_max < own_max ? pool->size_max : own_max;
    outlet->is_seen = true;
    return true;
}

/* With transport.lock, too. False: memory is short. */
static bool
see_member (godwit__stream_t *stream, const godwit__member_t *member)
{
    told_pool_t pool;
    if (!read_pool (member->record, &pool))
        return false;
    if (!pool.name) {
        if (!member->record->server_id) /* of a static list: the process there tells its pool */
            godwit__peer_want (member->peer);
        return true;
    }
    godwit__consumer_t *const consumer = godwit__stream_consumer (stream, pool.name);
    free (pool.name);
    if (!consumer)
        return false;
    consumer->stays |= !pool.is_transient;
    consumer->member_count++;
    godwit__peer_want (member->peer);
    if (godwit__member_is_ready (member) && !member->draining && member->peer->connection &&
        member->peer->connection->features & GODWIT__FEATURE_NOTIFICATIONS)
        return see_outlet (consumer, member, &pool);
    return true;
}

/* After all members were seen. */
static void
look (godwit__consumer_t *consumer, int64_t now_ns)
{
    for (godwit__outlet_t *at = FIRST (consumer); at; at = NEXT (consumer, at))
        at->is_gone = !at->is_seen;
    godwit__outlets_sweep (consumer, false);
    if (consumer->member_count)
        consumer->alone_ns = 0;
    else if (!consumer->alone_ns) {
        consumer->alone_ns = now_ns;
        consumer->has_left = consumer->is_stored;
        if (consumer->has_left)
            godwit__spooling_wake (consumer->stream->outbox);
    }
}

bool
godwit__stream_refresh (godwit__stream_t *stream, int64_t now_ns)
{
    godwit_transport_t *const transport = stream->outbox->transport;
    bool is_short = false;
    godwit__consumer_t *at;
    for (at = GODWIT__FIRST (&stream->consumers, godwit__consumer_t, in_stream); at;
         at = GODWIT__NEXT (&stream->consumers, at, godwit__consumer_t, in_stream)) {
        at->member_count = 0;
        for (godwit__outlet_t *outlet = FIRST (at); outlet; outlet = NEXT (at, outlet))
            outlet->is_seen = false;
    }
    pthread_mutex_lock (&transport->lock);
    if (!stream->group)
        stream->group = godwit__directory_group (transport->directory, stream->exchange, stream->lane);
    for (size_t i = 0; stream->group && i < stream->group->count; i++)
        is_short |= !see_member (stream, stream->group->members[i]);
    is_short |= !stream->group;
    godwit__transport_unlock (transport);
    for (at = GODWIT__FIRST (&stream->consumers, godwit__consumer_t, in_stream); at;
         at = GODWIT__NEXT (&stream->consumers, at, godwit__consumer_t, in_stream))
        look (at, now_ns);
    return !is_short;
}

void
godwit__outlets_sweep (godwit__consumer_t *consumer, bool all)
{
    for (godwit__outlet_t *at = FIRST (consumer), *next; at; at = next) {
        next = NEXT (consumer, at);
        if (at->flights || (!at->is_gone && !all))
            continue;
        godwit__list_remove (&at->in_consumer);
        godwit__connection_unref (&at->connection);
        free (at);
    }
}

bool
godwit__outlets_any (const godwit__consumer_t *consumer)
{
    const godwit__outlet_t *at = FIRST (consumer);
    while (at && at->is_gone)
        at = NEXT (consumer, at);
    return at != NULL;
}

bool
godwit__outlets_are_too_small (const godwit__consumer_t *consumer, size_t size)
{
    bool is_any = false;
    for (const godwit__outlet_t *at = FIRST (consumer); at; at = NEXT (consumer, at)) {
        if (!at->is_gone && at->size_max >= size)
            return false;
        is_any |= !at->is_gone;
    }
    return is_any;
}

/* ---- which is next ---- */

bool
godwit__outlet_has_room (const godwit__outlet_t *outlet)
{
    const godwit_delivery_options_t *const options = &outlet->consumer->stream->outbox->options;
    return !outlet->unsettled ||
           (outlet->unsettled < outlet->credit && outlet->unsettled < (size_t) options->queue_limit / 2 &&
            outlet->unsettled_size < options->max_queue_size / 2);
}

/* Listeners that do not settle must not stop calls to their process, nor its other listeners. All NOTIFYs
 * together have half of what the connection takes. As long as an outlet has less without an answer than is
 * left of that, it may send: so several that take their time leave room for one more. The first NOTIFY of an
 * outlet may also be of the quarter behind; the last quarter is for calls alone. Other notifiers count at the
 * same time, so it is about so much. */
static bool
has_share (const godwit__outlet_t *outlet)
{
    const unsigned limit = (unsigned) outlet->connection->transport->options.queue_limit;
    const unsigned half = limit / 2, most = limit < 2 ? 1 : half + limit / 4;
    const unsigned used = atomic_load_explicit (&outlet->connection->notifies, memory_order_relaxed);
    return outlet->flights ? used < half && outlet->flights < half - used : used < most;
}

/* It could be sent to if its connection had room. */
static bool
is_ready (const godwit__outlet_t *outlet, int64_t now_ns)
{
    return !outlet->is_gone && !outlet->was_refused && godwit__outlet_has_room (outlet) &&
           outlet->retry_ns <= now_ns && outlet->flights < GODWIT__FLIGHTS_MAX;
}

static bool
may_send (const godwit__outlet_t *outlet, int64_t now_ns)
{
    return is_ready (outlet, now_ns) && has_share (outlet);
}

/* The more is unanswered, the longer: a listener that takes its time is not sent a NOTIFY for each. */
static int64_t
hold_ns (const godwit__outlet_t *outlet)
{
    const int64_t ms = outlet->flights < 32 ? 1 : outlet->flights < 128 ? 10 : 100;
    return ms * GODWIT__NS_PER_MS;
}

static bool
holds_back (const godwit__outlet_t *outlet, size_t sendable, int64_t now_ns)
{
    return outlet->flights >= GATHER_FLIGHTS && sendable < GATHER_COUNT &&
           (!outlet->held_ns || now_ns - outlet->held_ns < hold_ns (outlet));
}

godwit__outlet_t *
godwit__outlet_choose (godwit__consumer_t *consumer, int64_t now_ns, bool *holds)
{
    godwit__outlet_t *best = NULL;
    const size_t sendable = godwit__consumer_sendable (consumer, now_ns);
    *holds = false;
    if (!sendable)
        return NULL;
    const size_t size = godwit__consumer_next_size (consumer, now_ns);
    for (godwit__outlet_t *at = FIRST (consumer); at; at = NEXT (consumer, at)) {
        if (!is_ready (at, now_ns) || at->size_max < size)
            continue;
        if (has_share (at)) {
            best = !best || at->unsettled < best->unsettled ? at : best;
        } else if (!at->flights) { /* no answer of its own brings it back here */
            godwit__outlet_back_off (at, now_ns);
            *holds = true;
        }
    }
    if (!best)
        return NULL;
    if (holds_back (best, sendable, now_ns)) {
        *holds |= !best->held_ns;
        best->held_ns = best->held_ns ? best->held_ns : now_ns;
        return NULL;
    }
    best->held_ns = 0;
    godwit__list_remove (&best->in_consumer); /* those that have as much to do take turns */
    godwit__list_append (&consumer->outlets, &best->in_consumer);
    return best;
}

void
godwit__outlet_back_off (godwit__outlet_t *outlet, int64_t now_ns)
{
    outlet->backoff_ns = outlet->backoff_ns ? outlet->backoff_ns * 2 : BACKOFF_FIRST_NS;
    if (outlet->backoff_ns > BACKOFF_MAX_NS)
        outlet->backoff_ns = BACKOFF_MAX_NS;
    outlet->retry_ns = now_ns + outlet->backoff_ns;
}

void
godwit__outlet_back_off_long (godwit__outlet_t *outlet, int64_t now_ns)
{
    outlet->backoff_ns = BACKOFF_MAX_NS;
    godwit__outlet_back_off (outlet, now_ns);
}

int64_t
godwit__outlets_due_ns (const godwit__consumer_t *consumer, int64_t now_ns)
{
    int64_t due_ns = GODWIT__NEVER;
    if (!godwit__consumer_sendable (consumer, now_ns))
        return due_ns;
    for (const godwit__outlet_t *at = FIRST (consumer); at; at = NEXT (consumer, at)) {
        if (at->retry_ns > now_ns && at->retry_ns < due_ns)
            due_ns = at->retry_ns;
        /* One that was held back long enough waits for another one, which is to be sent to first. */
        const int64_t held_ns = at->held_ns ? at->held_ns + hold_ns (at) : 0;
        if (held_ns > now_ns && held_ns < due_ns && may_send (at, now_ns))
            due_ns = held_ns;
    }
    return due_ns;
}
