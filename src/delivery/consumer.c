/* SPDX-License-Identifier: Apache-2.0 */
/* What a pool has not had, what it has to get again, and what it is done with. */
#include "src/delivery/consumer.h"

#include "src/delivery/dead_letter.h"
#include "src/delivery/outbox_inside.h"
#include "src/delivery/spooling.h"
#include "src/delivery/stream.h"
#include "src/wire/notify_frame.h"

#include <stdlib.h>
#include <string.h>

/* A consumer that has so little to read is attached: memory has room for what comes meanwhile. */
#define NEAR_THE_END 1024
/* How long it waits after the second connection in a row that was lost, and at most. */
#define LOST_FIRST_NS (10 * GODWIT__NS_PER_MS)
#define LOST_MAX_NS (1000 * GODWIT__NS_PER_MS)

godwit__consumer_t *
godwit__consumer_new (godwit__stream_t *stream, const char *pool)
{
    godwit__consumer_t *const consumer = calloc (1, sizeof *consumer);
    if (!consumer)
        return NULL;
    consumer->pool = strdup (pool);
    if (stream->spool_name)
        consumer->spool_pool = godwit__spooling_pool (pool);
    if (!consumer->pool || (stream->spool_name && !consumer->spool_pool)) {
        free (consumer->pool);
        free (consumer->spool_pool);
        free (consumer);
        return NULL;
    }
    consumer->stream = stream;
    consumer->retries.due_ns = GODWIT__NEVER;
    godwit__list_init (&consumer->returned);
    godwit__list_init (&consumer->requeued);
    godwit__list_init (&consumer->outlets);
    godwit__list_init (&consumer->dead);
    return consumer;
}

static void
give_up_all (godwit__consumer_t *consumer, godwit__list_t *deliveries)
{
    for (godwit__delivery_t *at; (at = GODWIT__FIRST (deliveries, godwit__delivery_t, in_list));) {
        godwit__list_remove (&at->in_list);
        godwit__stream_unowe (consumer->stream, at->entry);
        free (at);
    }
}

void
godwit__consumer_destroy (godwit__consumer_t *consumer)
{
    give_up_all (consumer, &consumer->returned);
    give_up_all (consumer, &consumer->requeued);
    give_up_all (consumer, &consumer->dead);
    while (consumer->next)
        godwit__consumer_skip (consumer, consumer->next);
    godwit__spans_release (&consumer->done);
    free (consumer->pool);
    free (consumer->spool_pool);
    free (consumer);
}

size_t
godwit__consumer_outstanding (const godwit__consumer_t *consumer)
{
    const uint64_t until = consumer->read_until ? consumer->read_until : consumer->stream->last_number;
    const size_t unread =
        consumer->is_behind && until >= consumer->read_from ? (size_t) (until - consumer->read_from + 1) : 0;
    return unread + consumer->unsent + consumer->in_flight + consumer->returned_count +
           consumer->requeued_count + consumer->dead_count;
}

/* It is done with the entry. */
static void
done (godwit__consumer_t *consumer, godwit__entry_t *entry)
{
    if (consumer->stream->spool_name)
        godwit__spooling_settle (consumer, entry->number);
    godwit__stream_unowe (consumer->stream, entry);
}

void
godwit__consumer_appended (godwit__consumer_t *consumer, godwit__entry_t *entry)
{
    if (!consumer->next)
        consumer->next = entry;
    consumer->unsent++;
    godwit__retries_add (&consumer->retries, entry);
}

/* ---- what is to be sent ---- */

/* It stays in the stream while others are owed it. */
static bool
was_given_up (const godwit__consumer_t *consumer, const godwit__entry_t *entry)
{
    return entry->number <= consumer->gave_up_number && entry->give_up_ns <= consumer->gave_up_ns;
}

/* The next one that it was not sent. */
static godwit__entry_t *
after (const godwit__consumer_t *consumer, godwit__entry_t *entry)
{
    do
        entry = GODWIT__NEXT (&consumer->stream->entries, entry, godwit__entry_t, in_stream);
    while (entry && was_given_up (consumer, entry));
    return entry;
}

size_t
godwit__consumer_give_up (godwit__consumer_t *consumer, int64_t now_ns)
{
    size_t count = 0;
    if (!godwit__retries_begin (&consumer->retries, now_ns))
        return count;
    for (godwit__entry_t *at = consumer->next, *next; at; at = next) {
        next = after (consumer, at);
        if (at->give_up_ns > now_ns) {
            godwit__retries_add (&consumer->retries, at);
            continue;
        }
        if (consumer->next == at)
            consumer->next = next;
        consumer->unsent--;
        count++;
        done (consumer, at);
    }
    consumer->gave_up_number = consumer->stream->last_number;
    consumer->gave_up_ns = now_ns;
    return count;
}

bool
godwit__consumer_skip (godwit__consumer_t *consumer, const godwit__entry_t *entry)
{
    godwit__entry_t *const next = consumer->next;
    if (!next || next != entry)
        return false;
    consumer->next = after (consumer, next);
    consumer->unsent--;
    done (consumer, next);
    return true;
}

void
godwit__consumer_detach (godwit__consumer_t *consumer)
{
    if (consumer->next && !consumer->is_behind) {
        consumer->is_behind = true;
        consumer->read_from = consumer->next->number;
    }
    while (consumer->next) {
        godwit__entry_t *const next = consumer->next;
        consumer->next = after (consumer, next);
        godwit__stream_unowe (consumer->stream, next);
    }
    consumer->unsent = 0;
    consumer->read_until = 0;
}

bool
godwit__consumer_add_read (godwit__consumer_t *consumer, godwit__entry_t *entry)
{
    godwit__delivery_t *const delivery = calloc (1, sizeof *delivery);
    if (!delivery)
        return false;
    delivery->entry = entry;
    delivery->redeliveries = entry->number <= consumer->doubtful;
    consumer->read_from = entry->number + 1;
    godwit__list_append (&consumer->returned, &delivery->in_list);
    consumer->returned_count++;
    return true;
}

void
godwit__consumer_catch_up (godwit__consumer_t *consumer)
{
    const uint64_t last_number = consumer->stream->last_number; /* read_from is at most one more */
    if (!consumer->read_until && last_number < consumer->read_from + NEAR_THE_END)
        consumer->read_until = last_number;
    if (consumer->read_from > (consumer->read_until ? consumer->read_until : last_number))
        consumer->is_behind = false;
}

static godwit__delivery_t *
first_due (const godwit__consumer_t *consumer, int64_t now_ns)
{
    godwit__delivery_t *const first = GODWIT__FIRST (&consumer->requeued, godwit__delivery_t, in_list);
    return first && first->due_ns <= now_ns ? first : NULL;
}

size_t
godwit__consumer_sendable (const godwit__consumer_t *consumer, int64_t now_ns)
{
    if (consumer->retry_ns > now_ns)
        return 0;
    return consumer->returned_count + (consumer->is_behind ? 0 : consumer->unsent) +
           (first_due (consumer, now_ns) ? 1 : 0);
}

size_t
godwit__consumer_next_size (const godwit__consumer_t *consumer, int64_t now_ns)
{
    const godwit__delivery_t *next = first_due (consumer, now_ns);
    if (!next)
        next = GODWIT__FIRST (&consumer->returned, godwit__delivery_t, in_list);
    const godwit__entry_t *const entry = next ? next->entry : consumer->is_behind ? NULL : consumer->next;
    return entry ? GODWIT__HEADER_SIZE + GODWIT__ITEM_HEADER_SIZE + entry->size : 0;
}

/* Takes a delivery that was made before out of its list, if it is small enough. */
static godwit__delivery_t *
take_again (godwit__consumer_t *consumer, godwit__delivery_t *delivery, size_t *count, size_t size)
{
    if (delivery->entry->size > size)
        return NULL;
    godwit__list_remove (&delivery->in_list);
    (*count)--;
    consumer->in_flight++;
    return delivery;
}

godwit__delivery_t *
godwit__consumer_take (godwit__consumer_t *consumer, int64_t now_ns, size_t size)
{
    godwit__delivery_t *delivery = first_due (consumer, now_ns);
    if (delivery)
        return take_again (consumer, delivery, &consumer->requeued_count, size);
    delivery = GODWIT__FIRST (&consumer->returned, godwit__delivery_t, in_list);
    if (delivery)
        return take_again (consumer, delivery, &consumer->returned_count, size);
    if (consumer->is_behind || !consumer->next || consumer->next->size > size ||
        !(delivery = calloc (1, sizeof *delivery)))
        return NULL;
    delivery->entry = consumer->next;
    consumer->next = after (consumer, consumer->next);
    consumer->unsent--;
    consumer->in_flight++;
    return delivery;
}

/* ---- what became of it ---- */

void
godwit__consumer_settle (godwit__consumer_t *consumer, godwit__delivery_t *delivery)
{
    consumer->in_flight--;
    delivery->entry->was_settled = true;
    done (consumer, delivery->entry);
    free (delivery);
}

/* The first of those that came back before which was sent after the entry of this number. behind: one that
 * was sent before it, or NULL. Mostly all were. */
static godwit__delivery_t *
sent_after (const godwit__consumer_t *consumer, uint64_t number, const godwit__delivery_t *behind)
{
    const godwit__list_t *const returned = &consumer->returned;
    const godwit__delivery_t *const last = GODWIT__LAST (returned, godwit__delivery_t, in_list);
    if (!last || last->entry->number < number)
        return NULL;
    godwit__delivery_t *at = behind ? GODWIT__NEXT (returned, behind, godwit__delivery_t, in_list)
                                    : GODWIT__FIRST (returned, godwit__delivery_t, in_list);
    while (at && at->entry->number < number)
        at = GODWIT__NEXT (returned, at, godwit__delivery_t, in_list);
    return at;
}

void
godwit__consumer_return (godwit__consumer_t *consumer, godwit__list_t *deliveries, bool maybe_delivered)
{
    const godwit__delivery_t *behind = NULL; /* the one that was put in its place last */
    for (godwit__delivery_t *at; (at = GODWIT__FIRST (deliveries, godwit__delivery_t, in_list));
         behind = at) {
        const uint64_t number = at->entry->number;
        godwit__list_remove (&at->in_list);
        at->redeliveries += maybe_delivered;
        consumer->in_flight--;
        consumer->returned_count++;
        if (behind && behind->entry->number > number) /* it was requeued before */
            behind = NULL;
        godwit__delivery_t *const before = sent_after (consumer, number, behind);
        if (before)
            godwit__list_insert_before (&before->in_list, &at->in_list);
        else
            godwit__list_append (&consumer->returned, &at->in_list);
    }
}

static int64_t
requeue_wait_ns (const godwit_delivery_options_t *options, uint32_t requeues)
{
    int64_t wait_ms = options->requeue_first_ms;
    for (uint32_t i = 1; i < requeues && wait_ms < options->requeue_max_ms; i++)
        wait_ms *= 2;
    return godwit__ns_of_ms (wait_ms < options->requeue_max_ms ? wait_ms : options->requeue_max_ms);
}

/* kept, dropped: what the log is to hear, with this number. */
static void
exhaust (godwit__consumer_t *consumer, godwit__delivery_t *delivery, godwit__note_kind_t kept,
         godwit__note_kind_t dropped, size_t number)
{
    const godwit__stream_t *const stream = consumer->stream;
    godwit__outbox_t *const outbox = stream->outbox;
    const bool is_wanted = outbox->options.when_exhausted == GODWIT_WHEN_EXHAUSTED_DEAD_LETTER &&
                           strcmp (stream->topic, outbox->options.dead_letter_topic) != 0;
    const bool is_kept = is_wanted && (stream->spool_name || godwit__dead_letter (stream, delivery->entry));
    outbox->stats.exhausted++;
    godwit__note (outbox, is_kept ? kept : dropped, stream, consumer->pool, number);
    if (is_kept && stream->spool_name) { /* only when the spool has the copy it is done with */
        consumer->in_flight--;
        consumer->dead_count++;
        godwit__list_append (&consumer->dead, &delivery->in_list);
        godwit__spooling_wake (outbox);
    } else {
        godwit__consumer_settle (consumer, delivery);
    }
}

void
godwit__consumer_requeue (godwit__consumer_t *consumer, godwit__delivery_t *delivery, int64_t now_ns)
{
    godwit__outbox_t *const outbox = consumer->stream->outbox;
    const int64_t limit = outbox->options.max_requeues;
    outbox->stats.requeued++;
    delivery->redeliveries++;
    delivery->requeues++;
    if (limit >= 0 && delivery->requeues > limit) {
        exhaust (consumer, delivery, GODWIT__NOTE_DEAD_LETTER, GODWIT__NOTE_DROPPED, delivery->requeues);
        return;
    }
    delivery->due_ns = now_ns + requeue_wait_ns (&outbox->options, delivery->requeues);
    consumer->in_flight--;
    consumer->requeued_count++;
    godwit__delivery_t *last = GODWIT__LAST (&consumer->requeued, godwit__delivery_t, in_list);
    godwit__list_node_t *at = &consumer->requeued.end;
    while (last && last->due_ns > delivery->due_ns) {
        at = &last->in_list;
        last = at->previous == &consumer->requeued.end
                   ? NULL
                   : GODWIT__CONTAINER (at->previous, godwit__delivery_t, in_list);
    }
    godwit__list_insert_before (at, &delivery->in_list);
}

bool
godwit__consumer_give_up_large (godwit__consumer_t *consumer, int64_t now_ns, size_t size)
{
    godwit__delivery_t *const delivery = godwit__consumer_take (consumer, now_ns, SIZE_MAX);
    if (!delivery) {
        consumer->retry_ns = now_ns + LOST_FIRST_NS;
        godwit__outbox_post (consumer->stream->outbox);
        return false;
    }
    exhaust (consumer, delivery, GODWIT__NOTE_LARGE_DEAD_LETTER, GODWIT__NOTE_LARGE_DROPPED, size);
    return true;
}

void
godwit__consumer_lost (godwit__consumer_t *consumer, int64_t now_ns)
{
    int64_t wait_ns = LOST_FIRST_NS;
    if (consumer->losses++ == 0)
        return;
    for (unsigned i = 2; i < consumer->losses && wait_ns < LOST_MAX_NS; i++)
        wait_ns *= 2;
    consumer->retry_ns = now_ns + (wait_ns < LOST_MAX_NS ? wait_ns : LOST_MAX_NS);
}

int64_t
godwit__consumer_due_ns (const godwit__consumer_t *consumer, int64_t now_ns)
{
    const godwit__delivery_t *at = GODWIT__FIRST (&consumer->requeued, godwit__delivery_t, in_list);
    if (consumer->retry_ns > now_ns)
        return consumer->retry_ns;
    while (at && at->due_ns <= now_ns)
        at = GODWIT__NEXT (&consumer->requeued, at, godwit__delivery_t, in_list);
    return at ? at->due_ns : GODWIT__NEVER;
}
