/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners: batches, the pull form, filters, duplicates, what is wrong with their options, and their end. */
#include "tests/support/await.h"
#include "tests/support/must.h"
#include "tests/support/notifying.h"

#include <godwit/godwit.h>

#include "src/listener/listener.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static got_t got;
static notifying_t notifying;
static godwit_transport_t *receiver;
static godwit_listener_t *listener;

static void
set_up (void)
{
    got_init (&got);
    receiver = notifying_transport ();
    notifying_begin (&notifying, GODWIT_DELIVERY_OPTIONS (.requeue_first_ms = 1));
}

static void
tear_down (void)
{
    notifying_end (&notifying);
    godwit_listener_destroy (&listener);
    godwit_transport_destroy (&receiver);
}

TestSuite (listener, .init = set_up, .fini = tear_down, .timeout = 60);

/* ---- its end ---- */

static void *
end_listener (void *unused)
{
    godwit_listener_destroy (&listener);
    return unused;
}

static void *
end_transport (void *unused)
{
    godwit_transport_destroy (&receiver);
    return unused;
}

/* An endpoint holds: it may go on when the end has begun. */
static void
end_while_handling (void *(*end) (void *unused))
{
    godwit_listener_t *const ending = listener;
    pthread_t thread;
    bool ends = false;
    cr_assert_eq (pthread_create (&thread, NULL, end, NULL), 0);
    while (!ends) {
        poll (NULL, 0, 1);
        pthread_mutex_lock (&ending->lock);
        ends = ending->ends;
        pthread_mutex_unlock (&ending->lock);
    }
    got_release (&got);
    pthread_join (thread, NULL);
}

static void
end_while_a_frame_is_handled (void *(*end) (void *unused))
{
    atomic_store (&got.holds, true);
    notifying_send_many (&notifying, 0, 100); /* they will travel together */
    listener = notifying_listen (receiver, &got, NULL);
    got_await_running (&got, 1);
    end_while_handling (end);
    godwit_listener_destroy (&listener);
    got_check_order (&got, 100);
    if (!receiver)
        receiver = notifying_transport ();
    listener = notifying_listen (receiver, &got, NULL);
    notifying_flush (&notifying);
    cr_assert_eq (got.count, 100, "%zu came again", got.count - 100);
}

/* It was said to be lost while the endpoint went on with it, so it came again. */
Test (listener, its_end_waits_for_what_is_handled)
{
    end_while_a_frame_is_handled (end_listener);
}

Test (listener, the_end_of_its_transport_waits_for_what_is_handled)
{
    end_while_a_frame_is_handled (end_transport);
}

/* Nobody waits for it any longer, and so it comes to another listener. */
Test (listener, an_endpoint_that_does_not_return_is_left_alone)
{
    static got_t stuck;
    godwit_listener_t *left;
    char url[64];
    got_init (&stuck);
    godwit_transport_destroy (&receiver);
    snprintf (url, sizeof url, "zmq:///%ld", (long) getpid ());
    MUST (godwit_transport_new (&receiver, url, GODWIT_TRANSPORT_OPTIONS (.destroy_timeout_ms = 20), &error));
    atomic_store (&stuck.holds, true);
    left = notifying_listen (receiver, &stuck, NULL);
    notifying_send (&notifying, 0);
    got_await_running (&stuck, 1);
    godwit_transport_destroy (&receiver);
    godwit_listener_destroy (&left);
    receiver = notifying_transport ();
    listener = notifying_listen (receiver, &got, NULL);
    notifying_flush (&notifying);
    cr_assert_eq (got.count, 1);
    cr_assert_eq (got.redeliveries[0], 1);
    got_release (&stuck);
    got_await (&stuck, 1);
}

/* ---- batches ---- */

Test (listener, a_batch_ends_at_its_size)
{
    listener = notifying_listen (receiver, &got,
                                 GODWIT_LISTENER_OPTIONS (.batch_size = 10, .batch_timeout_ms = 60000));
    notifying_send_many (&notifying, 0, 100);
    got_await (&got, 100);
    notifying_flush (&notifying);
    got_check_order (&got, 100);
    cr_assert_eq (got.batches, 10);
    cr_assert_eq (got.last_batch, 10);
}

Test (listener, a_batch_ends_at_its_time)
{
    listener = notifying_listen (receiver, &got,
                                 GODWIT_LISTENER_OPTIONS (.batch_size = 1000, .batch_timeout_ms = 10));
    notifying_send_many (&notifying, 0, 3);
    notifying_flush (&notifying);
    cr_assert_eq (got.count, 3);
}

/* More than a notifier sends at first without an answer: the credit goes with the size. */
Test (listener, a_large_batch_is_filled)
{
    listener = notifying_listen (receiver, &got,
                                 GODWIT_LISTENER_OPTIONS (.batch_size = 700, .batch_timeout_ms = 60000));
    notifying_send_many (&notifying, 0, 1400);
    notifying_flush (&notifying);
    cr_assert_eq (got.batches, 2);
    cr_assert_eq (got.last_batch, 700);
    got_check_order (&got, 1400);
}

Test (listener, a_stop_handles_what_waits_for_a_batch)
{
    listener = notifying_listen (receiver, &got,
                                 GODWIT_LISTENER_OPTIONS (.batch_size = 1000, .batch_timeout_ms = 3600000));
    notifying_send_many (&notifying, 0, 3);
    while (
        godwit__outbox_flush (notifying.outbox, 1, NULL)) { /* until they have come, and wait for a batch */
        MUST (godwit_listener_stop (listener, NULL, &error));
        MUST (godwit_listener_wait (listener, NULL, &error));
        MUST (godwit_listener_start (listener, NULL, &error));
    }
    cr_assert_eq (got.count, 3);
}

Test (listener, a_requeued_batch_comes_again)
{
    atomic_store (&got.requeues, 1);
    listener = notifying_listen (
        receiver, &got,
        GODWIT_LISTENER_OPTIONS (.batch_size = 5, .batch_timeout_ms = 20, .allow_requeue = true));
    notifying_send_many (&notifying, 0, 5);
    notifying_flush (&notifying);
    cr_assert_eq (got.count, 10);
    for (size_t i = 0; i < 10; i++) {
        cr_assert_eq (got.numbers[i], (int64_t) i % 5);
        cr_assert_eq (got.redeliveries[i], i >= 5);
    }
}

/* Waits until so many wait for a batch. */
static void
await_queued (godwit_priority_t priority, size_t count)
{
    size_t queued = 0;
    while (queued != count) {
        poll (NULL, 0, 1);
        pthread_mutex_lock (&listener->lock);
        queued = listener->queued[priority];
        pthread_mutex_unlock (&listener->lock);
    }
}

/* Without allow_requeue it is acknowledged; endpoints after that one do not get it all the same. */
Test (listener, a_batch_that_may_not_be_requeued_ends_with_the_endpoint_that_wants_it)
{
    static got_t later;
    const godwit_notification_endpoint_t endpoints[] = {
        GODWIT_NOTIFICATION_ENDPOINT (.batch = got_batch, .self = &got),
        GODWIT_NOTIFICATION_ENDPOINT (.batch = got_batch, .self = &later),
    };
    got_init (&later);
    atomic_store (&got.requeues, 1);
    MUST (godwit_listener_new (&listener, receiver, GODWIT_TARGET (.topic = "notifications"), 1, endpoints, 2,
                               GODWIT_LISTENER_OPTIONS (.batch_size = 5, .batch_timeout_ms = 3600000),
                               &error));
    MUST (godwit_listener_start (listener, NULL, &error));
    notifying_send_many (&notifying, 0, 10);
    notifying_flush (&notifying);
    got_check_order (&got, 10);
    cr_assert_eq (got.count, 10);
    cr_assert_eq (later.count, 5);
    cr_assert_eq (later.numbers[0], 5);
}

/* What is always full, of a lower priority, does not keep it back. */
Test (listener, a_batch_whose_time_has_come_is_next)
{
    const godwit_notification_endpoint_t endpoint =
        GODWIT_NOTIFICATION_ENDPOINT (.batch = got_batch, .self = &got);
    godwit_notifier_t *notifier = NULL;
    MUST (godwit_listener_new (&listener, receiver, GODWIT_TARGET (.topic = "notifications"), 1, &endpoint, 1,
                               GODWIT_LISTENER_OPTIONS (.batch_size = 2, .batch_timeout_ms = 1), &error));
    MUST (godwit_listener_start (listener, NULL, &error));
    MUST (godwit_notifier_new (&notifier, notifying.transport, NULL, &error));
    atomic_store (&got.holds, true);
    MUST (godwit_notify_debug (notifier, NULL, "e", GODWIT_INT (NULL, 0), &error));
    got_await_running (&got, 1);
    MUST (godwit_notify_critical (notifier, NULL, "e", GODWIT_INT (NULL, 100), &error));
    await_queued (GODWIT_PRIORITY_CRITICAL, 1);
    const int64_t due_ns = godwit__transport_now (receiver) + GODWIT__NS_PER_MS;
    while (godwit__transport_now (receiver) <= due_ns)
        poll (NULL, 0, 1);
    for (int64_t i = 1; i <= 20; i++)
        MUST (godwit_notify_debug (notifier, NULL, "e", GODWIT_INT (NULL, i), &error));
    await_queued (GODWIT_PRIORITY_DEBUG, 20);
    got_release (&got);
    MUST (godwit_notifier_flush (notifier, -1, &error));
    cr_assert_eq (got.numbers[1], 100);
    godwit_notifier_destroy (&notifier);
}

/* While a batch is handled. */
static void
end_with_waiting_batches (void *(*end) (void *unused))
{
    listener = notifying_listen (receiver, &got,
                                 GODWIT_LISTENER_OPTIONS (.batch_size = 10, .batch_timeout_ms = 3600000));
    atomic_store (&got.holds, true);
    notifying_send_many (&notifying, 0, 105);
    got_await_running (&got, 1);
    await_queued (GODWIT_PRIORITY_INFO, 95);
    end_while_handling (end);
    cr_assert_eq (got.batches, 11);
    got_check_order (&got, 105);
    notifying_flush (&notifying);
}

Test (listener, its_end_handles_what_waits_for_a_batch)
{
    end_with_waiting_batches (end_listener);
}

Test (listener, the_end_of_its_transport_handles_what_waits_for_a_batch)
{
    end_with_waiting_batches (end_transport);
}

/* ---- pulling ---- */

static void
start_pulling (const godwit_listener_options_t *options)
{
    MUST (godwit_listener_new (&listener, receiver, GODWIT_TARGET (.topic = "notifications"), 1, NULL, 0,
                               options, &error));
    MUST (godwit_listener_start (listener, NULL, &error));
}

static godwit_notification_t *
pull (int64_t number, unsigned redeliveries)
{
    godwit_notification_t *notification = NULL;
    int64_t got_number = -1;
    MUST (godwit_listener_next (listener, -1, &notification, &error));
    MUST (godwit_value_get_int (godwit_notification_payload (notification), &got_number, &error));
    cr_assert_eq (got_number, number);
    cr_assert_eq (godwit_notification_redeliveries (notification), redeliveries);
    return notification;
}

Test (listener, pulled_acknowledged_and_requeued)
{
    start_pulling (GODWIT_LISTENER_OPTIONS (.pull = true, .allow_requeue = true));
    notifying_send_many (&notifying, 0, 3);
    godwit_notification_t *a = pull (0, 0), *b = pull (1, 0), *c = pull (2, 0);
    cr_assert_eq (notifying_stats (&notifying).acknowledged, 0);
    godwit_notification_acknowledge (&b);
    cr_assert_null (b);
    godwit_notification_requeue (&a);
    godwit_notification_acknowledge (&c);
    a = pull (0, 1);
    godwit_notification_acknowledge (&a);
    notifying_flush (&notifying);
}

Test (listener, requeued_without_being_allowed)
{
    start_pulling (GODWIT_LISTENER_OPTIONS (.pull = true));
    notifying_send (&notifying, 0);
    godwit_notification_t *a = pull (0, 0);
    godwit_notification_requeue (&a);
    notifying_flush (&notifying);
    cr_assert_eq (notifying_stats (&notifying).requeued, 0);
}

static bool
is_readable (int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    return poll (&polled, 1, 0) == 1;
}

Test (listener, a_descriptor_to_poll)
{
    godwit_notification_t *notification = NULL;
    start_pulling (GODWIT_LISTENER_OPTIONS (.pull = true));
    const int fd = godwit_listener_fd (listener, NULL);
    cr_assert_geq (fd, 0);
    cr_assert_not (is_readable (fd));
    cr_assert_eq (godwit_listener_next (listener, 0, &notification, NULL), GODWIT_ERR_TIMEOUT);
    notifying_send_many (&notifying, 0, 2);
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    cr_assert_eq (poll (&polled, 1, -1), 1);
    godwit_notification_t *a = pull (0, 0), *b = pull (1, 0);
    cr_assert_not (is_readable (fd));
    godwit_notification_acknowledge (&a);
    godwit_notification_acknowledge (&b);
    MUST (godwit_listener_stop (listener, NULL, &error));
    cr_assert (is_readable (fd));
    cr_assert_eq (godwit_listener_next (listener, -1, &notification, NULL), GODWIT_ERR_CLOSED);
    MUST (godwit_listener_start (listener, NULL, &error));
    cr_assert_not (is_readable (fd));
}

/* What nobody has taken goes back unmarked; what the program has when the listener ends, marked. */
Test (listener, what_was_pulled_and_not_settled_goes_to_another)
{
    godwit_notification_t *kept = NULL;
    start_pulling (GODWIT_LISTENER_OPTIONS (.pull = true));
    notifying_send_many (&notifying, 0, 3);
    kept = pull (0, 0);
    godwit_listener_destroy (&listener);
    cr_assert_eq (godwit_notification_priority (kept), GODWIT_PRIORITY_INFO); /* still the program's */
    cr_assert_str_eq (godwit_notification_topic (kept), "notifications");
    cr_assert_str_eq (godwit_notification_exchange (kept), "godwit");
    start_pulling (GODWIT_LISTENER_OPTIONS (.pull = true));
    godwit_notification_t *a = pull (0, 1), *b = pull (1, 0), *c = pull (2, 0);
    godwit_notification_acknowledge (&kept); /* too late: it does nothing */
    cr_assert_eq (notifying_stats (&notifying).acknowledged, 0);
    godwit_notification_acknowledge (&a);
    godwit_notification_acknowledge (&b);
    godwit_notification_acknowledge (&c);
    notifying_flush (&notifying);
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool at_gate;

/* A serializer that takes its time: until the gate is opened. */
static godwit_status_t
pass_gate (void *unused, const godwit_value_t *context, const godwit_value_t *entity, godwit_value_t **out,
           godwit_error_t **error)
{
    (void) unused, (void) context, (void) error;
    atomic_store (&at_gate, true);
    pthread_mutex_lock (&gate);
    pthread_mutex_unlock (&gate);
    *out = godwit_value_ref (entity);
    return GODWIT_OK;
}

/* It was being received while the listener stopped: nobody would take it any more, so it goes back. */
Test (listener, what_comes_after_a_stop_goes_back)
{
    pthread_mutex_lock (&gate);
    start_pulling (
        GODWIT_LISTENER_OPTIONS (.pull = true,
                                 .serializer = GODWIT_SERIALIZER (.deserialize_entity = pass_gate)));
    notifying_send (&notifying, 0);
    AWAIT (atomic_load (&at_gate));
    MUST (godwit_listener_stop (listener, NULL, &error));
    pthread_mutex_unlock (&gate);
    MUST (godwit_listener_wait (listener, NULL, &error));
    MUST (godwit_listener_start (listener, NULL, &error));
    godwit_notification_t *a = pull (0, 0);
    godwit_notification_acknowledge (&a);
    notifying_flush (&notifying);
}

static void *
end_receiver (void *unused)
{
    pthread_mutex_lock (&gate); /* until next is about to be called */
    pthread_mutex_unlock (&gate);
    godwit_transport_destroy (&receiver);
    return unused;
}

Test (listener, next_does_not_outlive_its_transport)
{
    godwit_notification_t *taken, *none = NULL;
    pthread_t thread;
    start_pulling (GODWIT_LISTENER_OPTIONS (.pull = true));
    notifying_send (&notifying, 0);
    taken = pull (0, 0);
    pthread_mutex_lock (&gate);
    cr_assert_eq (pthread_create (&thread, NULL, end_receiver, NULL), 0);
    pthread_mutex_unlock (&gate);
    cr_assert_eq (godwit_listener_next (listener, -1, &none, NULL), GODWIT_ERR_CLOSED);
    pthread_join (thread, NULL);
    cr_assert_eq (godwit_listener_next (listener, -1, &none, NULL), GODWIT_ERR_CLOSED);
    cr_assert_eq (godwit_listener_start (listener, NULL, NULL), GODWIT_ERR_CLOSED);
    godwit_notification_acknowledge (&taken); /* too late: it goes to another listener */
    godwit_listener_destroy (&listener);
    receiver = notifying_transport ();
    start_pulling (GODWIT_LISTENER_OPTIONS (.pull = true));
    taken = pull (0, 1);
    godwit_notification_acknowledge (&taken);
    notifying_flush (&notifying);
}

/* No endpoint runs any more: what did not wait for a batch by then goes to another listener. */
Test (listener, no_batch_outlives_its_transport)
{
    listener = notifying_listen (receiver, &got,
                                 GODWIT_LISTENER_OPTIONS (.batch_size = 1000, .batch_timeout_ms = 5));
    notifying_send (&notifying, 0);
    notifying_flush (&notifying);
    notifying_send_many (&notifying, 1, 20);
    godwit_transport_destroy (&receiver);
    cr_assert (!listener->has_thread, "nothing calls endpoints any more");
    godwit_listener_destroy (&listener);
    receiver = notifying_transport ();
    listener = notifying_listen (receiver, &got, NULL);
    notifying_flush (&notifying);
    cr_assert_geq (got.count, 20u);
}

Test (listener, endpoints_do_not_pull)
{
    godwit_error_t *error = NULL;
    godwit_notification_t *notification = NULL;
    listener = notifying_listen (receiver, &got, NULL);
    cr_assert_eq (godwit_listener_next (listener, 0, &notification, &error), GODWIT_ERR_INVALID_ARGUMENT);
    cr_assert_str_eq (godwit_error_message (error),
                      "The listener was made without the option pull: its endpoints get the notifications");
    godwit_error_destroy (&error);
    cr_assert_eq (godwit_listener_fd (listener, NULL), -1);
}

/* ---- duplicates ---- */

Test (listener, duplicates_are_dropped_by_message_id)
{
    listener = notifying_listen (receiver, &got, GODWIT_LISTENER_OPTIONS (.drop_duplicates = 2));
    notifying_send (&notifying, 1);
    notifying_send (&notifying, 1);
    notifying_send (&notifying, 2);
    notifying_send (&notifying, 3); /* 1 is forgotten */
    notifying_send (&notifying, 2);
    notifying_send (&notifying, 1);
    notifying_flush (&notifying);
    cr_assert_eq (got.count, 4);
    const int64_t expected[] = {1, 2, 3, 1};
    cr_assert_arr_eq (got.numbers, expected, sizeof expected);
}

Test (listener, a_requeued_one_is_no_duplicate)
{
    atomic_store (&got.requeues, 1);
    listener = notifying_listen (receiver, &got,
                                 GODWIT_LISTENER_OPTIONS (.drop_duplicates = 10, .allow_requeue = true));
    notifying_send (&notifying, 1);
    notifying_flush (&notifying);
    cr_assert_eq (got.count, 2);
}

/* ---- concurrency ---- */

/* Though they share a connection. */
Test (listener, notifiers_of_one_process_are_handled_at_the_same_time)
{
    godwit_notifier_t *notifier = NULL;
    listener = notifying_listen (receiver, &got, GODWIT_LISTENER_OPTIONS (.concurrency = 3));
    MUST (godwit_notifier_new (&notifier, notifying.transport, NULL, &error));
    atomic_store (&got.holds, true);
    notifying_send_many (&notifying, 0, 2);
    MUST (godwit_notify_info (notifier, NULL, "e", GODWIT_INT (NULL, 0), &error));
    got_await_running (&got, 2);
    got_release (&got);
    notifying_flush (&notifying);
    MUST (godwit_notifier_flush (notifier, -1, &error));
    cr_assert_eq (got.most_running, 2);
    godwit_notifier_destroy (&notifier);
}

/* ---- endpoints ---- */

static unsigned later_runs, failing_runs;

static godwit_handled_t
count_later (const godwit_notification_t *notification, void *self)
{
    (void) notification, (void) self;
    later_runs++;
    return GODWIT_HANDLED;
}

static godwit_handled_t
fail_once (const godwit_notification_t *notification, void *self)
{
    (void) notification, (void) self;
    return failing_runs++ ? GODWIT_HANDLED : (godwit_handled_t) GODWIT_ERR_FAILED;
}

/* Each endpoint that matches runs, until one requeues or fails; a redelivery runs all of them again. */
Test (listener, every_endpoint_until_one_fails)
{
    const godwit_notification_endpoint_t endpoints[] = {
        GODWIT_NOTIFICATION_ENDPOINT (.info = got_one, .self = &got),
        GODWIT_NOTIFICATION_ENDPOINT (.info = fail_once),
        GODWIT_NOTIFICATION_ENDPOINT (.info = count_later),
        GODWIT_NOTIFICATION_ENDPOINT (.error = count_later),
    };
    MUST (godwit_listener_new (&listener, receiver, GODWIT_TARGET (.topic = "notifications"), 1, endpoints, 4,
                               GODWIT_LISTENER_OPTIONS (.allow_requeue = true), &error));
    MUST (godwit_listener_start (listener, NULL, &error));
    notifying_send (&notifying, 0);
    notifying_flush (&notifying);
    cr_assert_eq (got.count, 2);
    cr_assert_eq (failing_runs, 2);
    cr_assert_eq (later_runs, 1);
}

Test (listener, filters_select)
{
    const godwit_notification_endpoint_t endpoints[] = {
        GODWIT_NOTIFICATION_ENDPOINT (.info = got_one, .filter = GODWIT_FILTER (.event_type = "num"),
                                      .self = &got),
        GODWIT_NOTIFICATION_ENDPOINT (.info = count_later, .filter = GODWIT_FILTER (.event_type = "umber")),
    };
    MUST (godwit_listener_new (&listener, receiver, GODWIT_TARGET (.topic = "notifications"), 1, endpoints, 2,
                               NULL, &error));
    MUST (godwit_listener_start (listener, NULL, &error));
    notifying_send (&notifying, 0);
    notifying_flush (&notifying);
    cr_assert_eq (got.count, 1);
    cr_assert_eq (later_runs, 0);
}

static unsigned destroyed;

static void
count_destroyed (void *self)
{
    (void) self;
    destroyed++;
}

Test (listener, endpoints_hear_of_the_end)
{
    const godwit_notification_endpoint_t endpoint =
        GODWIT_NOTIFICATION_ENDPOINT (.info = got_one, .self = &got, .on_destroy = count_destroyed);
    MUST (godwit_listener_new (&listener, receiver, GODWIT_TARGET (.topic = "notifications"), 1, &endpoint, 1,
                               NULL, &error));
    godwit_listener_destroy (&listener); /* never started */
    cr_assert_eq (destroyed, 1);
}

/* It waited for a start that never came. */
Test (listener, one_that_could_not_start_can_be_destroyed, .timeout = 20)
{
    const godwit_notification_endpoint_t endpoint =
        GODWIT_NOTIFICATION_ENDPOINT (.info = got_one, .error = got_one, .self = &got);
    MUST (godwit_listener_new (&listener, receiver, GODWIT_TARGET (.topic = "notifications"), 1, &endpoint, 1,
                               GODWIT_LISTENER_OPTIONS (.name = "no name:\n"), &error));
    for (int i = 0; i < 2; i++)
        cr_assert_eq (godwit_listener_start (listener, NULL, NULL), GODWIT_ERR_SERVER_LISTEN);
    godwit_listener_destroy (&listener);
    cr_assert_null (listener);
}

/* The exchange of the target counts. */
Test (listener, another_exchange_is_another_topic)
{
    godwit_listener_t *other = NULL;
    static got_t elsewhere;
    got_init (&elsewhere);
    const godwit_notification_endpoint_t endpoint =
        GODWIT_NOTIFICATION_ENDPOINT (.info = got_one, .self = &elsewhere);
    MUST (godwit_listener_new (&other, receiver,
                               GODWIT_TARGET (.exchange = "other", .topic = "notifications"), 1, &endpoint, 1,
                               NULL, &error));
    MUST (godwit_listener_start (other, NULL, &error));
    listener = notifying_listen (receiver, &got, NULL);
    notifying_send_many (&notifying, 0, 10);
    notifying_flush (&notifying);
    cr_assert_eq (got.count, 10);
    cr_assert_eq (elsewhere.count, 0);
    godwit_listener_destroy (&other);
}

/* ---- what is wrong ---- */

Test (listener, wrong_options)
{
    char too_long[241];
    memset (too_long, 't', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    const godwit_notification_endpoint_t good = GODWIT_NOTIFICATION_ENDPOINT (.info = got_one);
    const godwit_notification_endpoint_t idle = GODWIT_NOTIFICATION_ENDPOINT (.self = &got);
    const godwit_notification_endpoint_t wrong_filter =
        GODWIT_NOTIFICATION_ENDPOINT (.info = got_one, .filter = GODWIT_FILTER (.event_type = "a("));
    const struct {
        const char *topic;
        const godwit_notification_endpoint_t *endpoint;
        const godwit_listener_options_t *options;
        godwit_status_t status;
        const char *text;
    } rows[] = {
        {NULL, &good, NULL, GODWIT_ERR_INVALID_ARGUMENT,
         "targets[0].topic: expected a topic to listen to, got none"},
        {too_long, &good, NULL, GODWIT_ERR_INVALID_ARGUMENT,
         "targets[0].topic: expected 1 to 239 bytes, got more"},
        {"t", &idle, NULL, GODWIT_ERR_INVALID_ARGUMENT, "endpoints: none has a function for any priority"},
        {"t", &good, GODWIT_LISTENER_OPTIONS (.batch_size = 2), GODWIT_ERR_INVALID_ARGUMENT,
         "endpoints: none has a function for any priority (`batch`, with batch_size)"},
        {"t", &good, GODWIT_LISTENER_OPTIONS (.credit = -1), GODWIT_ERR_INVALID_ARGUMENT,
         "credit: expected 0 (the default) or more, got -1"},
        {"t", &good, GODWIT_LISTENER_OPTIONS (.executor = "fibres"), GODWIT_ERR_EXECUTOR_LOAD,
         "Failed to load executor \"fibres\": expected pool or inline"},
        {"t", &wrong_filter, NULL, GODWIT_ERR_INVALID_ARGUMENT,
         "filter.event_type: expected a POSIX extended regular expression, got \"a(\": Unmatched ( or \\("},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        godwit_error_t *error = NULL;
        cr_assert_eq (godwit_listener_new (&listener, receiver, GODWIT_TARGET (.topic = rows[i].topic), 1,
                                           rows[i].endpoint, 1, rows[i].options, &error),
                      rows[i].status, "row %zu", i);
        cr_assert_str_eq (godwit_error_message (error), rows[i].text);
        cr_assert_null (listener);
        godwit_error_destroy (&error);
    }
}
