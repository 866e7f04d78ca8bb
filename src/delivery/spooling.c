/* SPDX-License-Identifier: Apache-2.0 */
#include "src/delivery/spooling.h"

#include "src/base/thread.h"
#include "src/base/wall.h"
#include "src/delivery/flight.h"
#include "src/delivery/outbox_inside.h"
#include "src/delivery/outlet.h"
#include "src/delivery/spool_name.h"
#include "src/error/error.h"
#include "src/runtime/warnings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_SPOOL = 0x7370 };
#define TEXT_FAILED "a notifier's spool: %s failed, and is tried again: %.512s"

/* The first part of the names of its streams. */
#define KIND "notify"

/* What is read at a time, and with how few deliveries more is read. */
#define READ_COUNT 256
#define READ_SIZE 262144
#define READ_LOW 256
/* After a failure of the spool it is left alone for so long. */
#define AGAIN_NS (1000 * GODWIT__NS_PER_MS)
/* So often the spool is told, beside other things, that a pool has listeners. */
#define SEEN_NS (60000 * GODWIT__NS_PER_MS)

typedef struct removed {
    godwit__list_node_t in_list;
    const char *stream; /* as long as the outbox */
    uint64_t until;     /* what comes later is for pools to come, if it was the last one */
    char pool[];
} removed_t;

typedef struct godwit__spooling {
    godwit_spool_t *spool;
    godwit__change_t changed;
    godwit__list_t removed; /* pools */
    int64_t again_ns;       /* the spool has failed: not before */
    int64_t bury_ns;        /* the same for dead letters, for which there may be no room */
    bool has_thread;
    bool ends;
    char failure[GODWIT__SPOOLING_FAILURE_SIZE]; /* with external_loop: what the log is to hear after this
                                                    turn; "": nothing */
    pthread_t thread;
} godwit__spooling_t;

#define FIRST_STREAM(outbox_) GODWIT__FIRST (&(outbox_)->streams, godwit__stream_t, in_outbox)
#define NEXT_STREAM(outbox_, at_) GODWIT__NEXT (&(outbox_)->streams, at_, godwit__stream_t, in_outbox)
#define FIRST_CONSUMER(stream_) GODWIT__FIRST (&(stream_)->consumers, godwit__consumer_t, in_stream)
#define NEXT_CONSUMER(stream_, at_) GODWIT__NEXT (&(stream_)->consumers, at_, godwit__consumer_t, in_stream)

static int64_t
wall_ms (void)
{
    return godwit__wall_ns () / 1000000;
}

/* ---- what the others tell; with outbox.lock ---- */

void
godwit__spooling_wake (const godwit__outbox_t *outbox)
{
    if (outbox->transport->options.external_loop)
        godwit__outbox_post (outbox);
    else if (outbox->spooling)
        godwit__change_tell (&outbox->spooling->changed);
}

static bool
is_hungry (const godwit__consumer_t *consumer)
{
    return consumer->is_behind && consumer->returned_count < READ_LOW && godwit__outlets_any (consumer);
}

void
godwit__spooling_feed (const godwit__consumer_t *consumer)
{
    const godwit__outbox_t *const outbox = consumer->stream->outbox;
    if (is_hungry (consumer) && outbox->spooling &&
        outbox->spooling->again_ns <= godwit__transport_now (outbox->transport))
        godwit__spooling_wake (outbox);
}

void
godwit__spooling_new_consumer (godwit__consumer_t *consumer)
{
    const godwit__stream_t *const stream = consumer->stream;
    consumer->stored_from = stream->is_open ? stream->nobody_from - 1 : stream->last_number;
    consumer->read_from = consumer->stored_from + 1;
    consumer->read_until = 0;
    consumer->doubtful =
        stream->doubtful; /* also if the spool does not know it: it may have died before that */
    consumer->is_behind = true;
    godwit__consumer_catch_up (consumer);
    godwit__spooling_wake (stream->outbox);
}

void
godwit__spooling_settle (godwit__consumer_t *consumer, uint64_t number)
{
    const bool is_first = consumer->done.count == 0;
    godwit__spans_add (&consumer->done, number, 1); /* or it is delivered again after a restart */
    if (is_first)
        godwit__spooling_wake (consumer->stream->outbox);
}

void
godwit__spooling_forget (const godwit__consumer_t *consumer)
{
    godwit__outbox_t *const outbox = consumer->stream->outbox;
    const size_t size = strlen (consumer->spool_pool) + 1;
    removed_t *const removed = consumer->is_stored ? malloc (sizeof *removed + size) : NULL;
    if (!removed)
        return; /* or it is forgotten again after a restart */
    removed->stream = consumer->stream->spool_name;
    removed->until = consumer->stream->last_number;
    memcpy (removed->pool, consumer->spool_pool, size);
    godwit__list_append (&outbox->spooling->removed, &removed->in_list);
    godwit__spooling_wake (outbox);
}

/* ---- appending; without the lock ---- */

typedef struct appended {
    godwit__stream_t *stream;
    godwit__entry_t *entry;
} appended_t;

/* Called in the order of the numbers. */
static void
on_safe (void *user, const godwit_spool_item_t *items, size_t count)
{
    appended_t *const appended = user;
    godwit__outbox_t *const outbox = appended->stream->outbox;
    (void) count; /* one */
    pthread_mutex_lock (&outbox->lock);
    const bool is_full = outbox->kept >= (size_t) outbox->options.queue_limit ||
                         outbox->kept_size >= outbox->options.max_queue_size;
    appended->entry->number = items->number;
    godwit__stream_add_spooled (appended->stream, appended->entry, is_full);
    outbox->stats.accepted++;
    outbox->full_in_vain = outbox->is_tight = false;
    pthread_mutex_unlock (&outbox->lock);
    atomic_store (&appended->stream->has_unsent, true);
}

godwit_status_t
godwit__spooling_append (godwit__stream_t *stream, godwit__entry_t *entry, godwit_error_t **error)
{
    godwit_spool_t *const spool = stream->outbox->spooling->spool;
    appended_t appended = {stream, entry};
    godwit_spool_item_t item = {.stream = stream->spool_name, .data = entry->data, .size = entry->size};
    const godwit_status_t status = spool->ops->append (spool, &item, 1, on_safe, &appended, error);
    if (status)
        free (entry);
    return status;
}

/* ---- the thread's work; with outbox.lock, which is released while the spool works ---- */

/* Without the lock. In the program's loop the log hears of it when this turn is over: its log function may
 * destroy this outbox. */
static void
tell_failure (godwit__outbox_t *outbox, const char *what, const char *why)
{
    char *const failure = outbox->spooling->failure;
    if (!outbox->transport->options.external_loop)
        godwit__warn (outbox->transport, KEY_SPOOL, TEXT_FAILED, what, why);
    else if (!*failure)
        snprintf (failure, GODWIT__SPOOLING_FAILURE_SIZE, TEXT_FAILED, what, why);
}

/* After a call: locks again. False: it has failed, which is logged; it is tried again later. */
static bool
locked_again (godwit__outbox_t *outbox, godwit_status_t status, godwit_error_t **error, const char *what)
{
    if (status)
        tell_failure (outbox, what, *error ? godwit_error_message (*error) : godwit_status_text (status));
    godwit_error_destroy (error);
    pthread_mutex_lock (&outbox->lock);
    if (status)
        outbox->spooling->again_ns = godwit__transport_now (outbox->transport) + AGAIN_NS;
    return status == GODWIT_OK;
}

static bool
store_pool (godwit__consumer_t *consumer)
{
    godwit__outbox_t *const outbox = consumer->stream->outbox;
    godwit_spool_t *const spool = outbox->spooling->spool;
    godwit_error_t *error = NULL;
    pthread_mutex_unlock (&outbox->lock);
    const godwit_status_t status = spool->ops->set_pool (
        spool, consumer->stream->spool_name, consumer->spool_pool, consumer->stored_from, wall_ms (), &error);
    if (!locked_again (outbox, status, &error, "storing a pool"))
        return false;
    consumer->is_stored = true;
    consumer->has_left = false;
    consumer->seen_ns = godwit__transport_now (outbox->transport);
    return true;
}

/* Whether the spool has to hear of the pool: that it is there, or when its last listener was seen. */
static bool
has_news (const godwit__consumer_t *consumer)
{
    const godwit__outbox_t *const outbox = consumer->stream->outbox;
    if (!consumer->is_stored) /* one that is there for a look is none of the spool's */
        return godwit__consumer_is_remembered (consumer);
    if (consumer->has_left)
        return true;
    return consumer->member_count && consumer->done.count &&
           godwit__transport_now (outbox->transport) - consumer->seen_ns >= SEEN_NS;
}

/* The same name is to be forgotten first. */
static bool
is_being_removed (const godwit__consumer_t *consumer)
{
    const godwit__list_t *const removed = &consumer->stream->outbox->spooling->removed;
    const removed_t *at = GODWIT__FIRST (removed, removed_t, in_list);
    while (at && (at->stream != consumer->stream->spool_name || strcmp (at->pool, consumer->spool_pool) != 0))
        at = GODWIT__NEXT (removed, at, removed_t, in_list);
    return at != NULL;
}

/* The spool does not know the pool, though it was told: somebody took it away. It is told again. */
static void
check_known (godwit__consumer_t *consumer, godwit_status_t status)
{
    if (status == GODWIT_ERR_NOT_FOUND)
        consumer->is_stored = false;
}

static bool
tell_done (godwit__consumer_t *consumer)
{
    godwit__outbox_t *const outbox = consumer->stream->outbox;
    godwit_spool_t *const spool = outbox->spooling->spool;
    godwit_error_t *error = NULL;
    godwit_status_t status = GODWIT_OK;
    godwit__spans_t done;
    size_t told = 0;
    godwit__spans_move (&done, &consumer->done);
    pthread_mutex_unlock (&outbox->lock);
    while (!status && told < done.count) {
        status = spool->ops->settle (spool, consumer->stream->spool_name, consumer->spool_pool,
                                     done.spans[told].first, done.spans[told].count, &error);
        told += !status;
    }
    const bool good = locked_again (outbox, status, &error, "telling it what is acknowledged");
    check_known (consumer, status);
    for (; told < done.count; told++)
        godwit__spans_add (&consumer->done, done.spans[told].first, done.spans[told].count);
    godwit__spans_release (&done);
    return good;
}

/* The first of the dead: its copy has to be safe before it is done with. */
static bool
bury (godwit__consumer_t *consumer)
{
    const godwit__stream_t *const stream = consumer->stream;
    godwit__outbox_t *const outbox = stream->outbox;
    godwit__delivery_t *const delivery = GODWIT__FIRST (&consumer->dead, godwit__delivery_t, in_list);
    godwit__stream_t *const letters = godwit__outbox_find_or_make (
        outbox, stream->exchange, outbox->options.dead_letter_topic, stream->priority);
    godwit__entry_t *const copy =
        letters ? godwit__entry_new (delivery->entry->data, delivery->entry->size) : NULL;
    godwit_error_t *error = NULL;
    pthread_mutex_unlock (&outbox->lock);
    const godwit_status_t status =
        copy ? godwit__spooling_append (letters, copy, &error) : GODWIT_ERR_OUT_OF_MEMORY;
    if (!locked_again (outbox, status, &error, "sending to the dead-letter topic")) {
        outbox->spooling->again_ns = 0; /* all else may go on, and make room */
        outbox->spooling->bury_ns = godwit__transport_now (outbox->transport) + AGAIN_NS;
        return false;
    }
    godwit__list_remove (&delivery->in_list);
    consumer->dead_count--;
    consumer->in_flight++; /* as settle expects */
    godwit__consumer_settle (consumer, delivery);
    godwit__outbox_post (outbox);
    return true;
}

typedef struct reading {
    godwit__list_t entries;
    size_t count;
    bool is_short; /* of memory */
} reading_t;

static bool
take_item (void *user, uint64_t number, const void *data, size_t size)
{
    reading_t *const reading = user;
    godwit__entry_t *const entry = godwit__entry_new (data, size);
    reading->is_short = !entry;
    if (!entry)
        return false;
    entry->number = number;
    entry->owed = 1;
    godwit__list_append (&reading->entries, &entry->in_stream);
    reading->count++;
    return true;
}

/* What was read is the consumer's from now on. Beyond read_until it is in memory already. */
static void
add_read (godwit__consumer_t *consumer, reading_t *reading, uint64_t last_number)
{
    godwit__outbox_t *const outbox = consumer->stream->outbox;
    const uint64_t until = consumer->read_until ? consumer->read_until : UINT64_MAX;
    bool is_all = reading->count < READ_COUNT && !reading->is_short;
    size_t size = 0;
    for (godwit__entry_t *at; (at = GODWIT__FIRST (&reading->entries, godwit__entry_t, in_stream));) {
        godwit__list_remove (&at->in_stream);
        size += at->size;
        const bool is_wanted = !reading->is_short && at->number <= until;
        if (is_wanted && godwit__consumer_add_read (consumer, at)) {
            outbox->kept++;
            outbox->kept_size += at->size;
        } else { /* memory is short: it, and those behind it, are read again; or it is in memory */
            reading->is_short |= is_wanted;
            free (at);
        }
    }
    is_all &= !reading->is_short;
    if (is_all && size < READ_SIZE && consumer->read_from <= last_number)
        consumer->read_from = last_number + 1; /* nothing else was there when it was read */
    godwit__consumer_catch_up (consumer);
}

static bool
read_more (godwit__consumer_t *consumer)
{
    godwit__outbox_t *const outbox = consumer->stream->outbox;
    godwit_spool_t *const spool = outbox->spooling->spool;
    const uint64_t from = consumer->read_from, last_number = consumer->stream->last_number;
    const char *const pool = consumer->is_stored ? consumer->spool_pool : NULL; /* NULL: all that is kept */
    godwit_error_t *error = NULL;
    reading_t reading = {.count = 0};
    godwit__list_init (&reading.entries);
    pthread_mutex_unlock (&outbox->lock);
    const godwit_status_t status = spool->ops->read (spool, consumer->stream->spool_name, pool, from,
                                                     READ_COUNT, READ_SIZE, take_item, &reading, &error);
    const bool good = locked_again (outbox, status, &error, "reading");
    check_known (consumer, status);
    if (!good)
        reading.is_short = true; /* more may be there */
    add_read (consumer, &reading, last_number);
    godwit__consumer_pump (consumer);
    return good;
}

/* One thing that there is to do for a consumer. False: there is nothing. */
static bool
serve (godwit__consumer_t *consumer)
{
    const godwit__outbox_t *const outbox = consumer->stream->outbox;
    if (is_being_removed (consumer))
        return true;
    if (has_news (consumer))
        return store_pool (consumer);
    if (consumer->done.count && consumer->is_stored &&
        (!consumer->stream->is_open || outbox->closed || outbox->is_tight))
        return tell_done (consumer);
    if (!outbox->closed && is_hungry (consumer) && read_more (consumer))
        return true;
    return consumer->dead_count && godwit__transport_now (outbox->transport) >= outbox->spooling->bury_ns &&
           bury (consumer);
}

/* The first that is to be forgotten. */
static bool
remove_pool (godwit__outbox_t *outbox)
{
    godwit_spool_t *const spool = outbox->spooling->spool;
    removed_t *const removed = GODWIT__FIRST (&outbox->spooling->removed, removed_t, in_list);
    godwit_error_t *error = NULL;
    pthread_mutex_unlock (&outbox->lock);
    godwit_status_t status =
        spool->ops->remove_pool (spool, removed->stream, removed->pool, removed->until, &error);
    if (status == GODWIT_ERR_NOT_FOUND) { /* it was never stored */
        godwit_error_destroy (&error);
        status = GODWIT_OK;
    }
    if (!locked_again (outbox, status, &error, "forgetting a pool"))
        return false;
    godwit__list_remove (&removed->in_list);
    free (removed);
    return true;
}

/* Stores the pools that the spool does not know, so that none of a stream is taken for its last one, but
 * those of a name that is to be removed. False: the spool has failed. */
static bool
store_pools (godwit__outbox_t *outbox)
{
    bool good = true;
    for (godwit__stream_t *stream = FIRST_STREAM (outbox); stream && good;
         stream = NEXT_STREAM (outbox, stream)) {
        stream->users++;
        for (godwit__consumer_t *at = FIRST_CONSUMER (stream); at && good; at = NEXT_CONSUMER (stream, at))
            if (!at->is_stored && has_news (at) && !is_being_removed (at))
                good = store_pool (at);
        stream->users--;
    }
    return good;
}

/* Takes away those that are forgotten, before one of the same name is stored. False: the spool has failed. */
static bool
remove_pools (godwit__outbox_t *outbox)
{
    bool good = godwit__list_is_empty (&outbox->spooling->removed) || store_pools (outbox);
    while (good && !godwit__list_is_empty (&outbox->spooling->removed))
        good = remove_pool (outbox);
    return good;
}

/* Everything once. False: there was nothing to do. */
static bool
work (godwit__outbox_t *outbox)
{
    bool did = false;
    if (godwit__transport_now (outbox->transport) < outbox->spooling->again_ns)
        return false;
    if (!remove_pools (outbox))
        return false;
    for (godwit__stream_t *stream = FIRST_STREAM (outbox); stream; stream = NEXT_STREAM (outbox, stream)) {
        stream->users++;
        for (godwit__consumer_t *at = FIRST_CONSUMER (stream); at; at = NEXT_CONSUMER (stream, at))
            did |= serve (at);
        stream->users--;
    }
    return did;
}

/* When what failed is tried again; NEVER: nothing has. */
static int64_t
due_again_ns (const godwit__spooling_t *spooling, int64_t now_ns)
{
    if (spooling->again_ns > now_ns)
        return spooling->again_ns;
    return spooling->bury_ns > now_ns ? spooling->bury_ns : GODWIT__NEVER;
}

static void *
spool_main (void *argument)
{
    godwit__outbox_t *const outbox = argument;
    godwit__spooling_t *const spooling = outbox->spooling;
    godwit__thread_set_name ("godwit-spool");
    pthread_mutex_lock (&outbox->lock);
    while (!spooling->ends) {
        if (work (outbox))
            continue;
        const int64_t now_ns = godwit__transport_now (outbox->transport),
                      due_ns = due_again_ns (spooling, now_ns);
        if (!spooling->ends)
            godwit__change_wait (&spooling->changed, &outbox->lock,
                                 due_ns == GODWIT__NEVER ? due_ns : due_ns - now_ns);
    }
    pthread_mutex_unlock (&outbox->lock);
    return NULL;
}

int64_t
godwit__spooling_turn (godwit__outbox_t *outbox, char failure[GODWIT__SPOOLING_FAILURE_SIZE])
{
    int64_t due_ns = GODWIT__NEVER;
    *failure = '\0';
    pthread_mutex_lock (&outbox->lock);
    if (outbox->spooling && !outbox->closed) { /* not while it is being opened */
        while (work (outbox))
            ;
        due_ns = due_again_ns (outbox->spooling, godwit__transport_now (outbox->transport));
        memcpy (failure, outbox->spooling->failure, GODWIT__SPOOLING_FAILURE_SIZE);
        outbox->spooling->failure[0] = '\0';
    }
    pthread_mutex_unlock (&outbox->lock);
    return due_ns;
}

void
godwit__spooling_tell (const godwit_transport_t *transport, const char *failure)
{
    if (*failure)
        godwit__warn (transport, KEY_SPOOL, "%s", failure);
}

/* ---- its life ---- */

char *
godwit__spooling_name (const godwit__stream_t *stream)
{
    const char *const parts[] = {KIND, stream->exchange, stream->topic,
                                 godwit_priority_name (stream->priority)};
    return godwit__spool_name_join (parts, 4);
}

char *
godwit__spooling_pool (const char *pool)
{
    const bool is_escaped = *pool == '\0' || *pool == '-';
    const size_t size = strlen (pool) + 1;
    char *const name = malloc (size + 1);
    if (name) {
        name[0] = '-';
        memcpy (name + is_escaped, pool, size);
    }
    return name;
}

/* The stream of this name, made if need be. NULL: it is no name of a stream of notifications (what a client
 * has spooled, say), or memory is short. */
static godwit__stream_t *
stream_of (godwit__outbox_t *outbox, const char *name)
{
    godwit_priority_t priority;
    godwit__stream_t *stream = NULL;
    const char *parts[4];
    char *const copy = strdup (name);
    if (copy && godwit__spool_name_split (copy, KIND, parts, 4) &&
        godwit_priority_parse (parts[3], &priority))
        stream = godwit__outbox_find_or_make (outbox, parts[1], parts[2], priority);
    free (copy);
    return stream;
}

/* A pool that the spool knows: it is behind, and what it gets may have been delivered before. */
static bool
take_over_pool (godwit__stream_t *stream, const godwit_spool_pool_t *pool)
{
    godwit__consumer_t *const consumer =
        godwit__stream_consumer (stream, pool->name + (pool->name[0] == '-'));
    if (!consumer)
        return false;
    consumer->is_stored = true;
    consumer->stays = true;
    consumer->stored_from = pool->settled;
    consumer->read_from = pool->settled + 1;
    consumer->read_until = 0;
    consumer->is_behind = true;
    if (!consumer->member_count) /* the time in which nobody looked for listeners does not count */
        consumer->alone_ns = godwit__transport_now (stream->outbox->transport) | 1;
    godwit__consumer_catch_up (consumer);
    return true;
}

typedef struct taking {
    godwit__outbox_t *outbox;
    bool is_short;
} taking_t;

static bool
take_over_stream (void *user, const char *name, uint64_t last_number, const godwit_spool_pool_t *pools,
                  size_t pool_count)
{
    taking_t *const taking = user;
    pthread_mutex_lock (&taking->outbox->lock);
    godwit__stream_t *const stream = stream_of (taking->outbox, name);
    if (stream) {
        stream->last_number = stream->doubtful = last_number;
        stream->is_open = pool_count == 0;
        /* A pool whose listener was known already was made with the stream, before it had its numbers. */
        for (godwit__consumer_t *at = FIRST_CONSUMER (stream); at; at = NEXT_CONSUMER (stream, at))
            godwit__spooling_new_consumer (at);
    }
    for (size_t i = 0; stream && i < pool_count && !taking->is_short; i++)
        taking->is_short = !take_over_pool (stream, &pools[i]);
    pthread_mutex_unlock (&taking->outbox->lock);
    return !taking->is_short;
}

godwit_status_t
godwit__spooling_open (godwit__outbox_t *outbox, godwit_error_t **error)
{
    godwit_spool_t *const spool = outbox->options.spool;
    taking_t taking = {.outbox = outbox};
    if (outbox->options.when_full == GODWIT_WHEN_FULL_DROP_OLDEST)
        return godwit__error_set (
            error, GODWIT_ERR_INVALID_ARGUMENT,
            "delivery.when_full: DROP_OLDEST does not go with a spool, which keeps what was "
            "accepted: expected BLOCK, DROP_NEWEST or FAIL");
    godwit__spooling_t *const spooling = calloc (1, sizeof *spooling);
    if (!spooling)
        return godwit__error_no_memory (error);
    spooling->spool = spool;
    godwit__list_init (&spooling->removed);
    pthread_mutex_lock (&outbox->lock); /* the control thread knows the outbox already */
    outbox->spooling = spooling;
    pthread_mutex_unlock (&outbox->lock);
    godwit_status_t status = spool->ops->streams (spool, take_over_stream, &taking, error);
    if (!status && taking.is_short)
        status = godwit__error_no_memory (error);
    if (!status && !outbox->transport->options.external_loop) {
        if (godwit__thread_start (&spooling->thread, spool_main, outbox))
            return godwit__error_set (error, GODWIT_ERR_SYSTEM,
                                      "The thread for the spool could not be started");
        spooling->has_thread = true;
    }
    return status;
}

/* What the thread would still have told. */
static void
tell_rest (godwit__outbox_t *outbox)
{
    godwit_error_t *error = NULL;
    pthread_mutex_lock (&outbox->lock);
    for (godwit__stream_t *stream = FIRST_STREAM (outbox); stream; stream = NEXT_STREAM (outbox, stream))
        for (godwit__consumer_t *at = FIRST_CONSUMER (stream); at; at = NEXT_CONSUMER (stream, at))
            at->has_left |= at->member_count > 0; /* it is not seen any more by this one */
    while (work (outbox))
        ;
    pthread_mutex_unlock (&outbox->lock);
    godwit__spooling_tell (outbox->transport, outbox->spooling->failure);
    const godwit_status_t status = outbox->spooling->spool->ops->flush (outbox->spooling->spool, &error);
    if (status)
        godwit__warn (outbox->transport, KEY_SPOOL, "a notifier's spool: %.512s",
                      error ? godwit_error_message (error) : godwit_status_text (status));
    godwit_error_destroy (&error);
}

void
godwit__spooling_close (godwit__outbox_t *outbox)
{
    godwit__spooling_t *const spooling = outbox->spooling;
    if (spooling->has_thread) {
        pthread_mutex_lock (&outbox->lock);
        spooling->ends = true;
        pthread_mutex_unlock (&outbox->lock);
        godwit__change_tell (&spooling->changed);
        pthread_join (spooling->thread, NULL);
        spooling->has_thread = false;
    }
    tell_rest (outbox);
}

void
godwit__spooling_free (godwit__outbox_t *outbox)
{
    godwit__spooling_t *const spooling = outbox->spooling;
    if (!spooling)
        return;
    for (removed_t *at; (at = GODWIT__FIRST (&spooling->removed, removed_t, in_list));) {
        godwit__list_remove (&at->in_list);
        free (at);
    }
    free (spooling);
    outbox->spooling = NULL;
}
