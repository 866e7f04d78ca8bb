/* SPDX-License-Identifier: Apache-2.0 */
/* A stream's entries and pools, and how long they are kept. */
#include "src/delivery/stream.h"

#include "src/delivery/outlet.h"
#include "src/delivery/spooling.h"
#include "src/wire/notify_frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Pools that appear so soon after the first get the same. */
#define SETTLE_NS (1000 * GODWIT__NS_PER_MS)

#define FIRST_CONSUMER(stream_) GODWIT__FIRST (&(stream_)->consumers, godwit__consumer_t, in_stream)
#define NEXT_CONSUMER(stream_, at_) GODWIT__NEXT (&(stream_)->consumers, at_, godwit__consumer_t, in_stream)
#define FIRST_ENTRY(stream_) GODWIT__FIRST (&(stream_)->entries, godwit__entry_t, in_stream)
#define NEXT_ENTRY(stream_, at_) GODWIT__NEXT (&(stream_)->entries, at_, godwit__entry_t, in_stream)

/* Whether it has a pool that is remembered. */
static bool
has_pool (const godwit__stream_t *stream)
{
    const godwit__consumer_t *at = FIRST_CONSUMER (stream);
    while (at && !godwit__consumer_is_remembered (at))
        at = NEXT_CONSUMER (stream, at);
    return at != NULL;
}

/* ---- its life ---- */

static char *
name_lane (const char *topic, godwit_priority_t priority)
{
    const char *const name = godwit_priority_name (priority);
    const size_t size = sizeof GODWIT__LANE_PREFIX + strlen (topic) + 1 + strlen (name);
    char *const lane = malloc (size);
    if (lane)
        snprintf (lane, size, GODWIT__LANE_PREFIX "%s.%s", topic, name);
    return lane;
}

static bool
declare_pools (godwit__stream_t *stream)
{
    const godwit_delivery_options_t *const options = &stream->outbox->options;
    for (size_t i = 0; i < options->pool_count; i++) {
        godwit__consumer_t *const consumer = godwit__stream_consumer (stream, options->pools[i]);
        if (!consumer)
            return false;
        consumer->is_declared = true;
    }
    return true;
}

godwit__stream_t *
godwit__stream_new (godwit__outbox_t *outbox, const char *exchange, const char *topic,
                    godwit_priority_t priority)
{
    godwit__stream_t *const stream = calloc (1, sizeof *stream);
    if (!stream)
        return NULL;
    godwit__list_init (&stream->entries);
    godwit__list_init (&stream->consumers);
    stream->outbox = outbox;
    stream->exchange = strdup (exchange);
    stream->topic = strdup (topic);
    stream->priority = priority;
    stream->lane = name_lane (topic, priority);
    stream->is_open = true;
    stream->nobody_from = 1;
    if (outbox->options.spool && stream->exchange && stream->topic)
        stream->spool_name = godwit__spooling_name (stream);
    if (!stream->exchange || !stream->topic || !stream->lane ||
        (outbox->options.spool && !stream->spool_name) || !declare_pools (stream)) {
        godwit__stream_destroy (stream);
        return NULL;
    }
    return stream;
}

static void
forget_consumer (godwit__stream_t *stream, godwit__consumer_t *consumer)
{
    godwit__outlets_sweep (consumer, true);
    godwit__list_remove (&consumer->in_stream);
    stream->outbox->stats.pools--;
    godwit__consumer_destroy (consumer);
}

/* Entries are offered to pools that appear no more; settled: those only that some pool is done with. */
static void
withdraw_offers (godwit__stream_t *stream, bool settled)
{
    for (godwit__entry_t *at = FIRST_ENTRY (stream), *next; at; at = next) {
        next = NEXT_ENTRY (stream, at);
        if (!at->is_offered || (settled && !at->was_settled))
            continue;
        at->is_offered = false;
        godwit__stream_unowe (stream, at);
    }
}

void
godwit__stream_destroy (godwit__stream_t *stream)
{
    for (godwit__consumer_t *at; (at = FIRST_CONSUMER (stream));)
        forget_consumer (stream, at);
    withdraw_offers (stream, false);
    free (stream->exchange);
    free (stream->topic);
    free (stream->lane);
    free (stream->spool_name);
    free (stream);
}

/* ---- entries ---- */

static void
put (godwit__stream_t *stream, godwit__entry_t *entry)
{
    godwit__list_append (&stream->entries, &entry->in_stream);
    stream->count++;
    stream->outbox->kept++;
    stream->outbox->kept_size += entry->size;
    for (godwit__consumer_t *at = FIRST_CONSUMER (stream); at; at = NEXT_CONSUMER (stream, at)) {
        if (!godwit__consumer_is_attached (at))
            continue;
        entry->owed++;
        godwit__consumer_appended (at, entry);
    }
}

void
godwit__stream_add (godwit__stream_t *stream, godwit__entry_t *entry)
{
    entry->number = ++stream->last_number;
    entry->is_offered = stream->is_open;
    entry->owed = stream->is_open;
    put (stream, entry);
}

/* The attached consumer that has the oldest entry to be sent; NULL: none has one. */
static godwit__consumer_t *
laggard (const godwit__stream_t *stream)
{
    godwit__consumer_t *found = NULL;
    for (godwit__consumer_t *at = FIRST_CONSUMER (stream); at; at = NEXT_CONSUMER (stream, at))
        if (at->next && (!found || at->next->number < found->next->number))
            found = at;
    return found;
}

void
godwit__stream_add_spooled (godwit__stream_t *stream, godwit__entry_t *entry, bool is_full)
{
    godwit__consumer_t *const last = is_full ? laggard (stream) : NULL;
    if (last)
        godwit__consumer_detach (last);
    stream->last_number = entry->number;
    entry->owed = 1;
    put (stream, entry);
    godwit__stream_unowe (stream, entry); /* frees it if nobody is attached */
}

void
godwit__stream_unowe (godwit__stream_t *stream, godwit__entry_t *entry)
{
    if (--entry->owed)
        return;
    if (godwit__in_list (&entry->in_stream)) { /* it was not read from the spool */
        godwit__list_remove (&entry->in_stream);
        stream->count--;
    }
    stream->outbox->kept--;
    stream->outbox->kept_size -= entry->size;
    stream->outbox->full_in_vain = false;
    free (entry);
}

/* NULL: none is kept for pools that may appear. */
static godwit__entry_t *
first_offered (const godwit__stream_t *stream)
{
    godwit__entry_t *at = FIRST_ENTRY (stream);
    while (at && !at->is_offered)
        at = NEXT_ENTRY (stream, at);
    return at;
}

/* The first entry that some pool was not sent, or that no pool is there for; NULL: none. */
static godwit__entry_t *
oldest_unsent (const godwit__stream_t *stream)
{
    godwit__entry_t *oldest = NULL;
    for (godwit__consumer_t *at = FIRST_CONSUMER (stream); at; at = NEXT_CONSUMER (stream, at))
        if (at->next && (!oldest || at->next->number < oldest->number))
            oldest = at->next;
    if (!oldest && !has_pool (stream))
        oldest = first_offered (stream);
    return oldest;
}

/* The entry goes, for all that it was not sent to. Returns how many these are. */
static unsigned
drop (godwit__stream_t *stream, godwit__entry_t *entry)
{
    unsigned count = 0;
    const bool was_kept = !has_pool (stream);
    entry->owed += !entry->is_offered; /* it stays while this looks at it */
    for (godwit__consumer_t *at = FIRST_CONSUMER (stream); at; at = NEXT_CONSUMER (stream, at))
        count += godwit__consumer_skip (at, entry);
    entry->is_offered = false;
    godwit__stream_unowe (stream, entry);
    return was_kept && !count ? 1 : count;
}

bool
godwit__stream_drop_oldest (godwit__stream_t *stream)
{
    godwit__entry_t *const oldest = oldest_unsent (stream);
    if (!oldest)
        return false;
    stream->outbox->stats.dropped += drop (stream, oldest);
    return true;
}

/* ---- pools ---- */

/* A pool that appears gets what is offered. */
static void
offer_all (godwit__stream_t *stream, godwit__consumer_t *consumer)
{
    for (godwit__entry_t *at = FIRST_ENTRY (stream); at; at = NEXT_ENTRY (stream, at)) {
        if (!at->is_offered)
            continue;
        at->owed++;
        godwit__consumer_appended (consumer, at);
    }
}

godwit__consumer_t *
godwit__stream_consumer (godwit__stream_t *stream, const char *pool)
{
    for (godwit__consumer_t *at = FIRST_CONSUMER (stream); at; at = NEXT_CONSUMER (stream, at))
        if (strcmp (at->pool, pool) == 0)
            return at;
    godwit__consumer_t *const consumer = godwit__consumer_new (stream, pool);
    if (!consumer)
        return NULL;
    if (stream->spool_name)
        godwit__spooling_new_consumer (consumer);
    else if (stream->is_open)
        offer_all (stream, consumer);
    godwit__list_append (&stream->consumers, &consumer->in_stream);
    stream->outbox->stats.pools++;
    return consumer;
}

/* ---- what time brings ---- */

static int64_t
earlier (int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t
tick_open (godwit__stream_t *stream, bool awaits_names, int64_t now_ns)
{
    if (!stream->is_open || !has_pool (stream) || awaits_names)
        return GODWIT__NEVER;
    if (!stream->closes_ns)
        stream->closes_ns = now_ns + SETTLE_NS;
    if (now_ns < stream->closes_ns)
        return stream->closes_ns;
    stream->is_open = false;
    withdraw_offers (stream, false);
    if (stream->spool_name)
        godwit__spooling_wake (stream->outbox); /* until now nothing was settled there */
    return GODWIT__NEVER;
}

/* Forgets a pool that has been without a listener for too long. */
static int64_t
tick_memory (godwit__stream_t *stream, godwit__consumer_t *consumer, bool awaits_names, int64_t now_ns)
{
    const int64_t memory_ms = consumer->stays ? stream->outbox->options.pool_memory_ms : 0;
    if (consumer->member_count || consumer->is_declared || memory_ms < 0 || !consumer->alone_ns ||
        awaits_names) /* its listeners may be among them */
        return GODWIT__NEVER;
    if (stream->is_open && stream->spool_name && consumer->stays) /* what it has is kept for others, too */
        return GODWIT__NEVER;
    const int64_t end_ns = consumer->alone_ns + godwit__ns_of_ms (memory_ms);
    if (now_ns < end_ns || consumer->in_flight || stream->users)
        return now_ns < end_ns ? end_ns : now_ns + GODWIT__NS_PER_MS;
    godwit__note (stream->outbox, GODWIT__NOTE_FORGOTTEN, stream, consumer->pool,
                  godwit__consumer_outstanding (consumer));
    if (stream->spool_name)
        godwit__spooling_forget (consumer);
    const bool was_remembered = consumer->stays;
    forget_consumer (stream, consumer);
    if (was_remembered && !has_pool (stream)) /* it begins anew, but what had a pool has had it */
        withdraw_offers (stream, true);
    return GODWIT__NEVER;
}

/* Gives up entries of a pool without a listener whose retries are spent. Returns the next time. */
static int64_t
tick_give_up (godwit__stream_t *stream, godwit__consumer_t *consumer, int64_t now_ns)
{
    int64_t due_ns = GODWIT__NEVER;
    if (godwit__outlets_any (consumer))
        return due_ns;
    while (consumer->next && consumer->next->give_up_ns <= now_ns) {
        godwit__consumer_skip (consumer, consumer->next);
        stream->outbox->stats.failed++;
        godwit__note (stream->outbox, GODWIT__NOTE_GIVEN_UP, stream, consumer->pool, 1);
    }
    if (consumer->next)
        due_ns = consumer->next->give_up_ns;
    return due_ns;
}

/* The same while there is no pool. What somebody has looked at has reached somebody. */
static int64_t
tick_nobody (godwit__stream_t *stream, int64_t now_ns)
{
    const bool has_lookers = !godwit__list_is_empty (&stream->consumers);
    for (godwit__entry_t *at; (at = first_offered (stream));) {
        if (at->give_up_ns > now_ns)
            return at->give_up_ns;
        const unsigned count = drop (stream, at);
        if (has_lookers)
            continue;
        stream->outbox->stats.failed += count;
        godwit__note (stream->outbox, GODWIT__NOTE_GIVEN_UP, stream, "", 1);
    }
    return GODWIT__NEVER;
}

int64_t
godwit__stream_tick (godwit__stream_t *stream, bool awaits_names, int64_t now_ns)
{
    int64_t due_ns = tick_open (stream, awaits_names, now_ns);
    for (godwit__consumer_t *at = FIRST_CONSUMER (stream), *next; at; at = next) {
        next = NEXT_CONSUMER (stream, at);
        due_ns = earlier (due_ns, tick_give_up (stream, at, now_ns));
        due_ns = earlier (due_ns, godwit__consumer_due_ns (at, now_ns));
        due_ns = earlier (due_ns, godwit__outlets_due_ns (at, now_ns));
        due_ns = earlier (due_ns, tick_memory (stream, at, awaits_names, now_ns));
    }
    if (has_pool (stream))
        return due_ns;
    if (!stream->is_open)
        stream->nobody_from = stream->last_number + 1;
    stream->is_open = true;
    stream->closes_ns = 0;
    return earlier (due_ns, tick_nobody (stream, now_ns));
}

/* What is kept for pools to come, and nobody has looked at. */
static size_t
count_unseen (const godwit__stream_t *stream)
{
    size_t count = 0;
    if (stream->spool_name)
        return (size_t) (stream->last_number + 1 - stream->nobody_from);
    for (const godwit__entry_t *at = FIRST_ENTRY (stream); at; at = NEXT_ENTRY (stream, at))
        count += !at->was_settled;
    return count;
}

size_t
godwit__stream_outstanding (const godwit__stream_t *stream)
{
    size_t count = 0;
    if (godwit__list_is_empty (&stream->consumers))
        return count_unseen (stream);
    for (const godwit__consumer_t *at = FIRST_CONSUMER (stream); at; at = NEXT_CONSUMER (stream, at))
        count += godwit__consumer_outstanding (at);
    return count;
}
