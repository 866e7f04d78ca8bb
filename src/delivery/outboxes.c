/* SPDX-License-Identifier: Apache-2.0 */
#include "src/delivery/outboxes.h"

#include "src/connection/completion.h"
#include "src/delivery/flight.h"
#include "src/delivery/outbox_inside.h"
#include "src/delivery/spooling.h"
#include "src/error/error.h"

#include <stdlib.h>

/* Who waits in a callback for the end of an outbox looks again for flights that have ended. */
#define LAND_AGAIN_NS (5 * GODWIT__NS_PER_MS)

#define FIRST(outboxes_) GODWIT__FIRST (&(outboxes_)->list, godwit__outbox_t, in_transport)
#define NEXT(outboxes_, at_) GODWIT__NEXT (&(outboxes_)->list, at_, godwit__outbox_t, in_transport)

/* ---- the control thread ---- */

/* Takes the notes of an outbox that has some. False: none has. */
static bool
take_notes (godwit__outboxes_t *outboxes, godwit__notes_t *taken)
{
    bool has_taken = false;
    pthread_mutex_lock (&outboxes->lock);
    for (godwit__outbox_t *at = FIRST (outboxes); at && !has_taken; at = NEXT (outboxes, at)) {
        pthread_mutex_lock (&at->lock);
        has_taken = godwit__notes_take (at, taken);
        pthread_mutex_unlock (&at->lock);
    }
    pthread_mutex_unlock (&outboxes->lock);
    return has_taken;
}

/* No lock is held: the program's log function may do what it likes, with notifiers, too. */
static void
tell_notes (godwit__outboxes_t *outboxes)
{
    godwit__notes_t taken;
    while (take_notes (outboxes, &taken))
        godwit__notes_tell (outboxes->transport, &taken);
}

/* The next outbox that has a spool, and had no turn in this round. */
static godwit__outbox_t *
begin_turn (godwit__outboxes_t *outboxes)
{
    pthread_mutex_lock (&outboxes->lock);
    godwit__outbox_t *at = FIRST (outboxes);
    while (at && (!at->options.spool || at->had_turn == outboxes->round))
        at = NEXT (outboxes, at);
    if (at)
        at->had_turn = outboxes->round;
    outboxes->in_turn = at;
    pthread_mutex_unlock (&outboxes->lock);
    return at;
}

/* With external_loop: spools wait for the disk, so the lock is not held. */
static int64_t
take_turns (godwit__outboxes_t *outboxes)
{
    int64_t due_ns = GODWIT__NEVER;
    char failure[GODWIT__SPOOLING_FAILURE_SIZE];
    outboxes->round++;
    for (godwit__outbox_t *at; (at = begin_turn (outboxes));) {
        const int64_t next_ns = godwit__spooling_turn (at, failure);
        if (next_ns < due_ns)
            due_ns = next_ns;
        pthread_mutex_lock (&outboxes->lock);
        outboxes->in_turn = NULL;
        pthread_mutex_unlock (&outboxes->lock);
        godwit__change_tell (&outboxes->turn_over); /* now the outbox may be gone */
        godwit__spooling_tell (outboxes->transport, failure);
    }
    return due_ns;
}

static void
tick (godwit__outboxes_t *outboxes)
{
    const bool has_news = atomic_exchange (&outboxes->has_news, false);
    int64_t due_ns = GODWIT__NEVER;
    pthread_mutex_lock (&outboxes->lock);
    for (godwit__outbox_t *at = FIRST (outboxes); at; at = NEXT (outboxes, at)) {
        const int64_t next_ns = godwit__outbox_tick (at, has_news);
        if (next_ns < due_ns)
            due_ns = next_ns;
    }
    pthread_mutex_unlock (&outboxes->lock);
    if (outboxes->transport->options.external_loop) {
        const int64_t next_ns = take_turns (outboxes);
        if (next_ns < due_ns)
            due_ns = next_ns;
    }
    if (due_ns == GODWIT__NEVER)
        godwit__reactor_disarm (outboxes->transport->control, &outboxes->timer);
    else
        godwit__reactor_arm (outboxes->transport->control, &outboxes->timer, due_ns);
    tell_notes (outboxes);
}

static void
on_task (godwit__task_t *task)
{
    tick (task->user);
}

static void
on_timer (godwit__timer_t *timer)
{
    tick (timer->user);
}

void
godwit__outbox_post (const godwit__outbox_t *outbox)
{
    godwit_transport_t *const transport = outbox->transport;
    if (!outbox->closed)
        godwit__reactor_post (transport->control, &transport->outboxes->task);
}

void
godwit__outbox_look_again (const godwit__outbox_t *outbox)
{
    if (!outbox->closed)
        atomic_store (&outbox->transport->outboxes->has_news, true);
}

/* ---- which there are ---- */

static godwit__outboxes_t *
make (godwit_transport_t *transport)
{
    godwit__outboxes_t *const outboxes = calloc (1, sizeof *outboxes);
    if (!outboxes)
        return NULL;
    atomic_init (&outboxes->refs, 1);
    outboxes->transport = transport;
    pthread_mutex_init (&outboxes->lock, NULL);
    godwit__list_init (&outboxes->list);
    outboxes->task = (godwit__task_t){.run = on_task, .user = outboxes};
    outboxes->timer = (godwit__timer_t){.fire = on_timer, .user = outboxes};
    return outboxes;
}

godwit_status_t
godwit__outboxes_add (godwit__outbox_t *outbox, godwit_error_t **error)
{
    godwit_transport_t *const transport = outbox->transport;
    pthread_mutex_lock (&transport->lock);
    const bool is_closing = atomic_load (&transport->closing);
    if (!transport->outboxes && !is_closing)
        transport->outboxes = make (transport);
    godwit__outboxes_t *const outboxes = transport->outboxes;
    godwit__transport_unlock (transport);
    if (is_closing)
        return godwit__error_set (error, GODWIT_ERR_CLOSED, "The transport is being destroyed");
    if (!outboxes)
        return godwit__error_no_memory (error);
    pthread_mutex_lock (&outboxes->lock);
    godwit__list_append (&outboxes->list, &outbox->in_transport);
    atomic_fetch_add (&outboxes->refs, 1);
    outbox->outboxes = outboxes;
    outbox->number = ++outboxes->last_number;
    pthread_mutex_unlock (&outboxes->lock);
    return GODWIT_OK;
}

/* With the lock: its turn, which another thread may have begun, is over. */
static void
await_turn (godwit__outboxes_t *outboxes, const godwit__outbox_t *outbox)
{
    while (outboxes->in_turn == outbox)
        godwit__change_wait (&outboxes->turn_over, &outboxes->lock, GODWIT__NEVER);
}

/* With the lock: its transport closes it. In a callback this thread has to bring the answers itself. */
static void
await_end (godwit__outboxes_t *outboxes, godwit__outbox_t *outbox)
{
    while (!outbox->was_ended) {
        if (godwit__completion_is_current (outboxes->transport->completion)) {
            pthread_mutex_lock (&outbox->lock);
            godwit__flights_land (outbox);
            pthread_mutex_unlock (&outbox->lock);
        }
        godwit__change_wait (&outboxes->ended, &outboxes->lock, LAND_AGAIN_NS);
    }
}

void
godwit__outboxes_remove (godwit__outbox_t *outbox)
{
    godwit__outboxes_t *const outboxes = outbox->outboxes;
    pthread_mutex_lock (&outboxes->lock);
    if (godwit__in_list (&outbox->in_transport)) {
        godwit__list_remove (&outbox->in_transport);
        await_turn (outboxes, outbox);
        outboxes->closing++;
        pthread_mutex_unlock (&outboxes->lock);
        godwit__outbox_close (outbox);
        pthread_mutex_lock (&outboxes->lock);
        outboxes->closing--;
        godwit__change_tell (&outboxes->ended);
    } else {
        await_end (outboxes, outbox);
    }
    pthread_mutex_unlock (&outboxes->lock);
}

void
godwit__outboxes_unref (godwit__outboxes_t *outboxes)
{
    if (!outboxes || atomic_fetch_sub (&outboxes->refs, 1) != 1)
        return;
    pthread_mutex_destroy (&outboxes->lock);
    free (outboxes);
}

/* ---- for src/transport ---- */

void
godwit__outboxes_changed (godwit_transport_t *transport)
{
    godwit__outboxes_t *const outboxes = transport->outboxes;
    if (!outboxes || atomic_load (&transport->closing))
        return;
    atomic_store (&outboxes->has_news, true);
    godwit__reactor_post (transport->control, &outboxes->task);
}

/* On the control thread, so that no tick runs. */
static void
disarm (void *argument)
{
    godwit__outboxes_t *const outboxes = argument;
    godwit__reactor_unpost (outboxes->transport->control, &outboxes->task);
    godwit__reactor_disarm (outboxes->transport->control, &outboxes->timer);
}

void
godwit__outboxes_close (godwit_transport_t *transport)
{
    godwit__outboxes_t *const outboxes = transport->outboxes;
    if (!outboxes)
        return;
    pthread_mutex_lock (&outboxes->lock);
    for (godwit__outbox_t *at; (at = FIRST (outboxes));) {
        godwit__list_remove (&at->in_transport);
        await_turn (outboxes, at);
        pthread_mutex_unlock (&outboxes->lock);
        godwit__outbox_close (at);
        pthread_mutex_lock (&outboxes->lock);
        at->was_ended = true;
        godwit__change_tell (&outboxes->ended);
    }
    while (outboxes->closing)
        godwit__change_wait (&outboxes->ended, &outboxes->lock, GODWIT__NEVER);
    pthread_mutex_unlock (&outboxes->lock);
    godwit__control_run (transport, disarm, outboxes);
}

void
godwit__outboxes_end (godwit_transport_t *transport)
{
    godwit__outboxes_t *const outboxes = transport->outboxes;
    transport->outboxes = NULL;
    godwit__outboxes_unref (outboxes);
}
