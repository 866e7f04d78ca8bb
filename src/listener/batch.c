/* SPDX-License-Identifier: Apache-2.0 */
/* Batches: letters of one priority are handled together, when there are enough, or when the first has waited
 * long enough. One thread of the listener does that; with external_loop, the program's loop. */
#include "src/base/thread.h"
#include "src/error/error.h"
#include "src/listener/letters.h"
#include "src/runtime/warnings.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_BATCH = 0x6c62 };

/* ---- which is due; with listener->lock ---- */

/* A full one is due since its first came: then none waits for longer than others of its time. */
static int64_t
batch_due_ns (const godwit_listener_t *listener, unsigned priority)
{
    const godwit__letter_t *const first =
        GODWIT__FIRST (&listener->queues[priority], godwit__letter_t, in_queue);
    if (!first)
        return GODWIT__NEVER;
    if (listener->stopped || listener->queued[priority] >= (size_t) listener->options.batch_size)
        return first->came_ns;
    return first->came_ns + godwit__ns_of_ms (listener->options.batch_timeout_ms);
}

/* The priority whose batch is due first. */
static unsigned
first_due (const godwit_listener_t *listener, int64_t *due_ns)
{
    unsigned found = 0;
    *due_ns = GODWIT__NEVER;
    for (unsigned i = 0; i < GODWIT_PRIORITY_COUNT; i++) {
        const int64_t at_ns = batch_due_ns (listener, i);
        if (at_ns < *due_ns) {
            *due_ns = at_ns;
            found = i;
        }
    }
    return found;
}

/* ---- handling one; without the lock ---- */

typedef struct batch {
    godwit__list_t letters;
    size_t count;
} batch_t;

static bool
has_same (const batch_t *batch, const godwit__letter_t *letter)
{
    const godwit__letter_t *at = GODWIT__FIRST (&batch->letters, godwit__letter_t, in_queue);
    while (at && strcmp (at->notification.message_id, letter->notification.message_id) != 0)
        at = GODWIT__NEXT (&batch->letters, at, godwit__letter_t, in_queue);
    return at != NULL;
}

/* If duplicates are dropped, the second of two of one notification waits for the next batch: by then it is
 * known whether the first was handled. */
static void
take_batch (godwit_listener_t *listener, unsigned priority, batch_t *batch)
{
    godwit__list_t *const queue = &listener->queues[priority];
    godwit__letter_t *letter = GODWIT__FIRST (queue, godwit__letter_t, in_queue);
    godwit__list_init (&batch->letters);
    batch->count = 0;
    while (letter && batch->count < (size_t) listener->options.batch_size) {
        godwit__letter_t *const next = GODWIT__NEXT (queue, letter, godwit__letter_t, in_queue);
        if (!listener->receipts->seen || !has_same (batch, letter)) {
            godwit__list_remove (&letter->in_queue);
            godwit__list_append (&batch->letters, &letter->in_queue);
            listener->queued[priority]--;
            batch->count++;
        }
        letter = next;
    }
}

/* No other endpoint gets it. */
static void
end_letter (godwit__letter_t *letter, unsigned what)
{
    letter->is_over = true;
    letter->what = what;
}

/* Those that an endpoint gets: letters that no endpoint has requeued. Returns how many. */
static size_t
select_letters (const godwit__listening_endpoint_t *endpoint, const batch_t *batch,
                const godwit_notification_t **selected)
{
    size_t count = 0;
    for (godwit__letter_t *at = GODWIT__FIRST (&batch->letters, godwit__letter_t, in_queue); at;
         at = GODWIT__NEXT (&batch->letters, at, godwit__letter_t, in_queue))
        if (!at->is_over) {
            const godwit__match_t match = godwit__filter_match (endpoint->filter, &at->notification);
            if (match == GODWIT__MATCH_YES)
                selected[count++] = &at->notification;
            else if (match == GODWIT__MATCH_UNKNOWN) /* endpoints before this one may have had it */
                end_letter (at, GODWIT__UNSETTLED_LOST);
        }
    return count;
}

static void
run_endpoint (const godwit_listener_t *listener, const godwit__listening_endpoint_t *endpoint,
              const batch_t *batch, const godwit_notification_t **selected)
{
    const size_t count = select_letters (endpoint, batch, selected);
    const godwit_handled_t handled =
        count ? endpoint->batch (selected, count, endpoint->self) : GODWIT_HANDLED;
    if (handled == GODWIT_HANDLED)
        return;
    if (handled != GODWIT_REQUEUE)
        godwit__warn (listener->transport, KEY_BATCH,
                      "a listener: an endpoint failed with a batch of %zu notifications: it returned %d",
                      count, (int) handled);
    for (size_t i = 0; i < count; i++)
        end_letter ((godwit__letter_t *) (uintptr_t) selected[i],
                    listener->options.allow_requeue ? GODWIT__UNSETTLED_REQUEUED : 0);
}

static void
drop_duplicates (batch_t *batch)
{
    for (godwit__letter_t *at = GODWIT__FIRST (&batch->letters, godwit__letter_t, in_queue), *next; at;
         at = next) {
        next = GODWIT__NEXT (&batch->letters, at, godwit__letter_t, in_queue);
        godwit__list_remove (&at->in_queue);
        if (godwit__letter_drop_duplicate (at))
            batch->count--;
        else if (next)
            godwit__list_insert_before (&next->in_queue, &at->in_queue);
        else
            godwit__list_append (&batch->letters, &at->in_queue);
    }
}

static void
handle_batch (godwit_listener_t *listener, unsigned priority, batch_t *batch)
{
    if (listener->receipts->seen)
        drop_duplicates (batch);
    if (!batch->count)
        return;
    const godwit_notification_t **const selected = malloc (batch->count * sizeof *selected);
    for (size_t i = 0; selected && i < listener->endpoint_count; i++) {
        const godwit__listening_endpoint_t *const endpoint = &listener->endpoints[i];
        if (endpoint->batch && endpoint->batch_priorities >> priority & 1)
            run_endpoint (listener, endpoint, batch, selected);
    }
    for (godwit__letter_t *at; (at = GODWIT__FIRST (&batch->letters, godwit__letter_t, in_queue));) {
        godwit__list_remove (&at->in_queue);
        godwit__letter_settle (at, selected ? at->what : GODWIT__UNSETTLED_RETURNED);
    }
    free (selected);
}

/* With the lock, which is released meanwhile: handles a batch that is due. Otherwise returns when one is. */
static int64_t
handle_due (godwit_listener_t *listener)
{
    int64_t due_ns;
    batch_t batch;
    const unsigned priority = first_due (listener, &due_ns);
    if (due_ns > godwit__transport_now (listener->transport))
        return due_ns;
    take_batch (listener, priority, &batch);
    pthread_mutex_unlock (&listener->lock);
    handle_batch (listener, priority, &batch);
    pthread_mutex_lock (&listener->lock);
    return INT64_MIN;
}

/* ---- the thread ---- */

static void *
batch_main (void *argument)
{
    godwit_listener_t *const listener = argument;
    godwit__thread_set_name ("godwit-batch");
    pthread_mutex_lock (&listener->lock);
    for (;;) {
        const int64_t due_ns = handle_due (listener);
        if (due_ns == INT64_MIN)
            continue;
        if (listener->ends) /* it was stopped before: all that waited was due */
            break;
        const int64_t left_ns =
            due_ns == GODWIT__NEVER ? due_ns : due_ns - godwit__transport_now (listener->transport);
        godwit__change_wait (&listener->changed, &listener->lock, left_ns);
    }
    pthread_mutex_unlock (&listener->lock);
    return NULL;
}

/* ---- an external loop ---- */

static void
run_in_loop (godwit_listener_t *listener)
{
    int64_t due_ns;
    pthread_mutex_lock (&listener->lock);
    do
        due_ns = handle_due (listener);
    while (due_ns == INT64_MIN);
    pthread_mutex_unlock (&listener->lock);
    if (due_ns == GODWIT__NEVER)
        godwit__reactor_disarm (listener->transport->control, &listener->timer);
    else
        godwit__reactor_arm (listener->transport->control, &listener->timer, due_ns);
}

static void
on_timer (godwit__timer_t *timer)
{
    run_in_loop (timer->user);
}

/* ---- for the other files ---- */

void
godwit__batches_wake (godwit_listener_t *listener)
{
    if (listener->transport->options.external_loop)
        run_in_loop (listener);
    else
        godwit__change_tell (&listener->changed);
}

godwit_status_t
godwit__batches_start (godwit_listener_t *listener, godwit_error_t **error)
{
    if (!godwit__listener_batches (listener) || listener->has_thread)
        return GODWIT_OK;
    listener->timer = (godwit__timer_t){.fire = on_timer, .user = listener};
    if (listener->transport->options.external_loop)
        return GODWIT_OK;
    if (godwit__thread_start (&listener->thread, batch_main, listener))
        return godwit__error_set (error, GODWIT_ERR_SYSTEM, "The thread for batches could not be started");
    listener->has_thread = true;
    return GODWIT_OK;
}

static void
disarm (void *argument)
{
    godwit_listener_t *const listener = argument;
    godwit__reactor_disarm (listener->transport->control, &listener->timer);
}

void
godwit__batches_end (godwit_listener_t *listener)
{
    pthread_mutex_lock (&listener->lock);
    listener->ends = true;
    pthread_mutex_unlock (&listener->lock);
    if (listener->timer.fire && !listener->has_thread)
        godwit__control_run (listener->transport, disarm, listener);
    if (!listener->has_thread)
        return;
    godwit__change_tell (&listener->changed);
    pthread_join (listener->thread, NULL);
    listener->has_thread = false;
}
