/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/notifying.h"

#include "src/runtime/transport.h"
#include "src/wire/notification.h"
#include "tests/support/must.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- what was got ---- */

void
got_init (got_t *got)
{
    memset (got, 0, sizeof *got);
    pthread_mutex_init (&got->lock, NULL);
    pthread_cond_init (&got->more, NULL);
}

void
got_release (got_t *got)
{
    pthread_mutex_lock (&got->lock);
    atomic_store (&got->holds, false);
    pthread_cond_broadcast (&got->more);
    pthread_mutex_unlock (&got->lock);
}

void
got_await (got_t *got, size_t count)
{
    pthread_mutex_lock (&got->lock);
    while (got->count < count)
        pthread_cond_wait (&got->more, &got->lock);
    pthread_mutex_unlock (&got->lock);
}

void
got_await_all (got_t *got, int64_t count)
{
    int64_t next = 0;
    pthread_mutex_lock (&got->lock);
    for (size_t i = 0; next < count; i++) {
        while (i == got->count)
            pthread_cond_wait (&got->more, &got->lock);
        cr_assert (got->numbers[i] == next || (got->numbers[i] < next && got->redeliveries[i]),
                   "place %zu: %lld, delivered %u times before", i, (long long) got->numbers[i],
                   got->redeliveries[i]);
        next += got->numbers[i] == next;
    }
    pthread_mutex_unlock (&got->lock);
}

void
got_await_running (got_t *got, int count)
{
    pthread_mutex_lock (&got->lock);
    while (got->running < count)
        pthread_cond_wait (&got->more, &got->lock);
    pthread_mutex_unlock (&got->lock);
}

void
got_check_order (const got_t *got, size_t count)
{
    cr_assert_geq (got->count, count);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq (got->numbers[i], (int64_t) i, "place %zu: %lld", i, (long long) got->numbers[i]);
}

/* With the lock. */
static void
begin_endpoint (got_t *got)
{
    got->running++;
    if (got->running > got->most_running)
        got->most_running = got->running;
    pthread_cond_broadcast (&got->more);
    while (atomic_load (&got->holds))
        pthread_cond_wait (&got->more, &got->lock);
}

/* With the lock. */
static void
write_down (got_t *got, const godwit_notification_t *notification)
{
    int64_t number = -1;
    if (godwit_value_get_int (godwit_notification_payload (notification), &number, NULL) ||
        got->count == GOT_MAX)
        return;
    got->redeliveries[got->count] = godwit_notification_redeliveries (notification);
    got->numbers[got->count++] = number;
}

static godwit_handled_t
end_endpoint (got_t *got)
{
    got->running--;
    pthread_cond_broadcast (&got->more);
    pthread_mutex_unlock (&got->lock);
    if (atomic_load (&got->requeues) <= 0)
        return GODWIT_HANDLED;
    atomic_fetch_sub (&got->requeues, 1);
    return GODWIT_REQUEUE;
}

godwit_handled_t
got_one (const godwit_notification_t *notification, void *self)
{
    got_t *const got = self;
    pthread_mutex_lock (&got->lock);
    begin_endpoint (got);
    write_down (got, notification);
    return end_endpoint (got);
}

godwit_handled_t
got_batch (const godwit_notification_t *const *notifications, size_t count, void *self)
{
    got_t *const got = self;
    pthread_mutex_lock (&got->lock);
    begin_endpoint (got);
    for (size_t i = 0; i < count; i++)
        write_down (got, notifications[i]);
    got->batches++;
    got->last_batch = count;
    return end_endpoint (got);
}

/* ---- both ends ---- */

godwit_transport_t *
notifying_transport (void)
{
    char url[64];
    godwit_transport_t *transport = NULL;
    snprintf (url, sizeof url, "zmq:///%ld", (long) getpid ()); /* tests run at the same time */
    MUST (godwit_transport_new (&transport, url, NULL, &error));
    return transport;
}

godwit_listener_t *
notifying_listen (godwit_transport_t *transport, got_t *got, const godwit_listener_options_t *options)
{
    godwit_listener_t *listener = NULL;
    const godwit_notification_endpoint_t endpoint =
        GODWIT_NOTIFICATION_ENDPOINT (.info = got_one, .batch = got_batch,
                                      .batch_priorities = 1u << GODWIT_PRIORITY_INFO, .self = got);
    MUST (godwit_listener_new (&listener, transport, GODWIT_TARGET (.topic = "notifications"), 1, &endpoint,
                               1, options, &error));
    MUST (godwit_listener_start (listener, NULL, &error));
    return listener;
}

void
notifying_begin (notifying_t *notifying, const godwit_delivery_options_t *options)
{
    notifying->transport = notifying_transport ();
    MUST (godwit__outbox_new (&notifying->outbox, notifying->transport, options, &error));
    notifying->stream = godwit__outbox_stream (notifying->outbox, notifying->transport->control_exchange,
                                               "notifications", GODWIT_PRIORITY_INFO);
    cr_assert_not_null (notifying->stream);
}

void
notifying_end (notifying_t *notifying)
{
    godwit__outbox_destroy (&notifying->outbox);
    godwit_transport_destroy (&notifying->transport);
}

godwit_status_t
notifying_try (notifying_t *notifying, int64_t number, int64_t retry, bool *dropped)
{
    char id[64];
    godwit__encoded_notification_t encoded;
    snprintf (id, sizeof id, "00000000-0000-4000-8000-%012llx", (unsigned long long) number & 0xffffffffffff);
    const godwit__notification_parts_t parts = {.publisher_id = "test",
                                                .publisher_id_size = 4,
                                                .event_type = "number",
                                                .event_type_size = 6,
                                                .priority = GODWIT_PRIORITY_INFO,
                                                .payload = {.type = GODWIT_TYPE_INT, .as.integer = number},
                                                .message_id = id,
                                                .timestamp = "2026-11-30 12:00:00.000000"};
    MUST (godwit__notification_encode (&encoded, &parts, GODWIT__NOTIFICATION_PLAIN, 100000, &error));
    const godwit_status_t status =
        godwit__stream_append (notifying->stream, encoded.data, encoded.size, retry, dropped, NULL);
    godwit__encoded_notification_release (&encoded);
    return status;
}

void
notifying_send (notifying_t *notifying, int64_t number)
{
    bool dropped;
    cr_assert_eq (notifying_try (notifying, number, -1, &dropped), GODWIT_OK);
    cr_assert_not (dropped);
}

void
notifying_send_many (notifying_t *notifying, int64_t from, int64_t to)
{
    for (int64_t i = from; i < to; i++)
        notifying_send (notifying, i);
}

void
notifying_flush (notifying_t *notifying)
{
    MUST (godwit__outbox_flush (notifying->outbox, -1, &error));
}

godwit_notifier_stats_t
notifying_stats (notifying_t *notifying)
{
    godwit_notifier_stats_t stats = GODWIT_NOTIFIER_STATS;
    godwit__outbox_stats (notifying->outbox, &stats);
    return stats;
}
