/* SPDX-License-Identifier: Apache-2.0 */
/* What a pool has not had, what it has to get again, and what it is done with. */
#include "src/delivery/consumer.h"

#include "src/delivery/dead_letter.h"
#include "src/delivery/stream.h"

#include <stdlib.h>
#include <string.h>

godwit__consumer_t *
godwit__consumer_new (godwit__stream_t *stream, const char *pool)
{
    godwit__consumer_t *const consumer = calloc (1, sizeof *consumer);
    if (!consumer)
        return NULL;
    consumer->pool = strdup (pool);
    if (!consumer->pool) {
        free (consumer);
        return NULL;
    }
    consumer->stream = stream;
    godwit__list_init (&consumer->returned);
    godwit__list_init (&consumer->requeued);
    godwit__list_init (&consumer->outlets);
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
    while (consumer->next)
        godwit__consumer_skip (consumer, consumer->next);
    free (consumer->pool);
    free (consumer);
}

void
godwit__consumer_appended (godwit__consumer_t *consumer, godwit__entry_t *entry)
{
    if (!consumer->next)
        consumer->next = entry;
    consumer->unsent++;
}

/* ---- what is to be sent ---- */

static godwit__entry_t *
after (const godwit__consumer_t *consumer, const godwit__entry_t *entry)
{
    return GODWIT__NEXT (&consumer->stream->entries, entry, godwit__entry_t, in_stream);
}

bool
godwit__consumer_skip (godwit__consumer_t *consumer, const godwit__entry_t *entry)
{
    godwit__entry_t *const next = consumer->next;
    if (!next || next != entry)
        return false;
    consumer->next = after (consumer, next);
    consumer->unsent--;
    godwit__stream_unowe (consumer->stream, next);
    return true;
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
    return consumer->returned_count + consumer->unsent + (first_due (consumer, now_ns) ? 1 : 0);
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
    godwit__delivery_t *delivery = GODWIT__FIRST (&consumer->returned, godwit__delivery_t, in_list);
    if (delivery)
        return take_again (consumer, delivery, &consumer->returned_count, size);
    delivery = first_due (consumer, now_ns);
    if (delivery)
        return take_again (consumer, delivery, &consumer->requeued_count, size);
    if (!consumer->next || consumer->next->size > size || !(delivery = calloc (1, sizeof *delivery)))
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
    godwit__stream_unowe (consumer->stream, delivery->entry);
    free (delivery);
}

void
godwit__consumer_return (godwit__consumer_t *consumer, godwit__list_t *deliveries, bool maybe_delivered)
{
    /* Those that were sent first go first, also among those that came back before. */
    for (godwit__delivery_t *at; (at = GODWIT__LAST (deliveries, godwit__delivery_t, in_list));) {
        godwit__list_remove (&at->in_list);
        at->redeliveries += maybe_delivered;
        consumer->in_flight--;
        consumer->returned_count++;
        godwit__delivery_t *before = GODWIT__FIRST (&consumer->returned, godwit__delivery_t, in_list);
        while (before && before->entry->number < at->entry->number)
            before = GODWIT__NEXT (&consumer->returned, before, godwit__delivery_t, in_list);
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

static void
exhaust (godwit__consumer_t *consumer, godwit__delivery_t *delivery)
{
    const godwit__stream_t *const stream = consumer->stream;
    godwit__outbox_t *const outbox = stream->outbox;
    const bool is_kept = outbox->options.when_exhausted == GODWIT_WHEN_EXHAUSTED_DEAD_LETTER &&
                         godwit__dead_letter (stream, delivery->entry);
    outbox->stats.exhausted++;
    godwit__note (outbox, is_kept ? GODWIT__NOTE_DEAD_LETTER : GODWIT__NOTE_DROPPED, stream, consumer->pool,
                  delivery->requeues);
    godwit__consumer_settle (consumer, delivery);
}

void
godwit__consumer_requeue (godwit__consumer_t *consumer, godwit__delivery_t *delivery, int64_t now_ns)
{
    godwit__outbox_t *const outbox = consumer->stream->outbox;
    const int limit = outbox->options.max_requeues;
    outbox->stats.requeued++;
    delivery->redeliveries++;
    delivery->requeues++;
    if (limit >= 0 && delivery->requeues > (uint32_t) limit) {
        exhaust (consumer, delivery);
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

int64_t
godwit__consumer_due_ns (const godwit__consumer_t *consumer, int64_t now_ns)
{
    const godwit__delivery_t *at = GODWIT__FIRST (&consumer->requeued, godwit__delivery_t, in_list);
    while (at && at->due_ns <= now_ns)
        at = GODWIT__NEXT (&consumer->requeued, at, godwit__delivery_t, in_list);
    return at ? at->due_ns : GODWIT__NEVER;
}
