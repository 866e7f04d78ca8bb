/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/node_listener.h"

#include "tests/support/random.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

static history_t *history;
static const node_options_t *options;
static godwit_listener_t *listener;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static random_t chance; /* with the lock */

static void
note (history_event_t event)
{
    history_record_t record = {.event = (uint16_t) event};
    snprintf (record.note.text, sizeof record.note.text, "%s", options->pool);
    history_put (history, record);
}

static uint64_t
id_of (const godwit_notification_t *notification)
{
    return (uint64_t) godwit_value_as_int (
        godwit_value_get (godwit_notification_payload (notification), "id"), 0);
}

static void
note_taken (const godwit_notification_t *notification)
{
    history_put (history,
                 (history_record_t){.call = id_of (notification),
                                    .event = HISTORY_TAKEN,
                                    .notice.redeliveries = godwit_notification_redeliveries (notification)});
}

static void
note_settled (const godwit_notification_t *notification, godwit_handled_t handled)
{
    history_put (history, (history_record_t){.call = id_of (notification),
                                             .event = HISTORY_SETTLED,
                                             .notice.what = handled == GODWIT_REQUEUE});
}

static bool
draw (uint32_t permille)
{
    pthread_mutex_lock (&lock);
    const bool hits = random_below (&chance, 1000) < permille;
    pthread_mutex_unlock (&lock);
    return hits;
}

/* This is what it does, not a wait for something. */
static void
work (size_t count)
{
    const uint64_t ns = (uint64_t) options->work_us * 1000 * count;
    const struct timespec rest = {(time_t) (ns / 1000000000), (long) (ns % 1000000000)};
    if (ns)
        nanosleep (&rest, NULL);
}

static godwit_handled_t
on_one (const godwit_notification_t *notification, void *self)
{
    (void) self;
    note_taken (notification);
    work (1);
    const godwit_handled_t handled = draw (options->requeue_permille) ? GODWIT_REQUEUE : GODWIT_HANDLED;
    note_settled (notification, handled);
    return handled;
}

static godwit_handled_t
on_batch (const godwit_notification_t *const *notifications, size_t count, void *self)
{
    (void) self;
    for (size_t i = 0; i < count; i++)
        note_taken (notifications[i]);
    work (count);
    const godwit_handled_t handled = draw (options->requeue_permille) ? GODWIT_REQUEUE : GODWIT_HANDLED;
    for (size_t i = 0; i < count; i++)
        note_settled (notifications[i], handled);
    return handled;
}

bool
node_listener_start (godwit_transport_t *transport, history_t *history_, const node_options_t *options_,
                     godwit_error_t **error)
{
    const godwit_notification_endpoint_t endpoint =
        options_->batch > 1
            ? GODWIT_NOTIFICATION_ENDPOINT (.batch = on_batch)
            : GODWIT_NOTIFICATION_ENDPOINT (.audit = on_one, .debug = on_one, .info = on_one, .warn = on_one,
                                            .error = on_one, .critical = on_one, .sample = on_one);
    history = history_;
    options = options_;
    chance = (random_t){options->seed};
    draw (500); /* the first one says little */
    if (godwit_listener_new (&listener, transport, GODWIT_TARGET (.topic = options->topic), 1, &endpoint, 1,
                             GODWIT_LISTENER_OPTIONS (.pool = options->pool, .name = options->name,
                                                      .allow_requeue = options->requeue_permille > 0,
                                                      .concurrency = options->concurrency,
                                                      .batch_size = options->batch, .batch_timeout_ms = 50,
                                                      .credit = options->credit),
                             error))
        return false;
    note (HISTORY_LISTENER_UP); /* before: notifications come before start returns */
    return godwit_listener_start (listener, NULL, error) == GODWIT_OK;
}

bool
node_listener_stop (godwit_error_t **error)
{
    if (godwit_listener_stop (listener, NULL, error) || godwit_listener_wait (listener, NULL, error))
        return false;
    note (HISTORY_LISTENER_DOWN);
    godwit_listener_destroy (&listener);
    return true;
}
