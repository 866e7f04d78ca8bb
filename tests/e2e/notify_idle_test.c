/* SPDX-License-Identifier: Apache-2.0 */
/* A listener at rest costs nothing, nor does a notifier with a spool: nobody looks from time to time whether
 * there is something to do. What is left are the heartbeats of their connections. */
#include "tests/support/memory_spool.h"
#include "tests/support/must.h"

#include <criterion/criterion.h>
#include <godwit/godwit.h>
#include <godwit/listener.h>
#include <godwit/notify.h>

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#define SLOWER 4
#elif defined(__SANITIZE_THREAD__)
#define SLOWER 8
#else
#define SLOWER 1
#endif

/* In a second, by both ends together. */
#define CPU_MAX_MS (3.0 * SLOWER)
#define WAKES_MAX 60
/* A second in which something else happens (names are announced again, a worker ends) is not counted. */
#define SECONDS 8
#define WAIT_LIMIT_MS 20000

typedef struct ends {
    godwit_transport_t *listening, *notifying;
    godwit_listener_t *listener, *batches, *pulls;
    godwit_notifier_t *notifier;
} ends_t;

static godwit_handled_t
take (const godwit_notification_t *notification, void *self)
{
    (void) notification;
    (void) self;
    return GODWIT_HANDLED;
}

static godwit_handled_t
take_batch (const godwit_notification_t *const *notifications, size_t count, void *self)
{
    (void) notifications;
    (void) count;
    (void) self;
    return GODWIT_HANDLED;
}

static godwit_transport_t *
open_transport (void)
{
    char url[64];
    godwit_transport_t *transport = NULL;
    snprintf (url, sizeof url, "zmq:///idle-%ld", (long) getpid ());
    MUST (godwit_transport_new (&transport, url, NULL, &error));
    return transport;
}

/* All kinds of listeners, for all priorities. */
static void
open_listeners (ends_t *ends)
{
    const godwit_target_t *const target = GODWIT_TARGET (.topic = "notifications");
    const godwit_notification_endpoint_t endpoint =
        GODWIT_NOTIFICATION_ENDPOINT (.audit = take, .debug = take, .info = take, .warn = take, .error = take,
                                      .critical = take, .sample = take, .batch = take_batch);
    ends->listening = open_transport ();
    MUST (godwit_listener_new (&ends->listener, ends->listening, target, 1, &endpoint, 1, NULL, &error));
    MUST (godwit_listener_new (
        &ends->batches, ends->listening, target, 1, &endpoint, 1,
        GODWIT_LISTENER_OPTIONS (.pool = "batches", .batch_size = 10, .batch_timeout_ms = 1), &error));
    MUST (godwit_listener_new (&ends->pulls, ends->listening, target, 1, NULL, 0,
                               GODWIT_LISTENER_OPTIONS (.pool = "pulls", .pull = true), &error));
    MUST (godwit_listener_start (ends->listener, NULL, &error));
    MUST (godwit_listener_start (ends->batches, NULL, &error));
    MUST (godwit_listener_start (ends->pulls, NULL, &error));
}

/* Everything has had something to do, and has done it. */
static void
work (ends_t *ends)
{
    for (int i = 0; i < GODWIT_PRIORITY_COUNT; i++) {
        godwit_notification_t *notification = NULL;
        MUST (godwit_notify (ends->notifier, (godwit_priority_t) i, NULL, "e", GODWIT_INT (NULL, i), NULL,
                             &error));
        MUST (godwit_listener_next (ends->pulls, WAIT_LIMIT_MS, &notification, &error));
        godwit_notification_acknowledge (&notification);
    }
    MUST (godwit_notifier_flush (ends->notifier, WAIT_LIMIT_MS, &error));
}

typedef struct cost {
    double cpu_ms;
    long wakes;
} cost_t;

static cost_t
cost_of_so_far (void)
{
    struct timespec cpu;
    struct rusage usage;
    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &cpu);
    getrusage (RUSAGE_SELF, &usage);
    return (cost_t){(double) cpu.tv_sec * 1000 + (double) cpu.tv_nsec / 1000000, usage.ru_nvcsw};
}

static cost_t
cost_of_a_second (void)
{
    const struct timespec second = {1, 0};
    const cost_t before = cost_of_so_far ();
    nanosleep (&second, NULL); /* this is what is measured */
    const cost_t after = cost_of_so_far ();
    return (cost_t){after.cpu_ms - before.cpu_ms, after.wakes - before.wakes};
}

static void
expect_rest (godwit_spool_t *spool)
{
    ends_t ends = {.notifying = NULL};
    cost_t least = {1e9, 1000000000};
    open_listeners (&ends);
    ends.notifying = open_transport ();
    MUST (godwit_notifier_new (&ends.notifier, ends.notifying,
                               GODWIT_NOTIFIER_OPTIONS (.delivery = GODWIT_DELIVERY_OPTIONS (.spool = spool)),
                               &error));
    work (&ends);
    for (int i = 0; i < SECONDS && (least.cpu_ms > CPU_MAX_MS || least.wakes > WAKES_MAX); i++) {
        const cost_t cost = cost_of_a_second ();
        printf ("%.2f ms, %ld wakes\n", cost.cpu_ms, cost.wakes);
        if (cost.cpu_ms < least.cpu_ms)
            least = cost;
    }
    cr_assert_leq (least.cpu_ms, CPU_MAX_MS, "%.2f ms of the processor in a second", least.cpu_ms);
    cr_assert_leq (least.wakes, WAKES_MAX, "%ld wakes in a second", least.wakes);
    godwit_notifier_destroy (&ends.notifier);
    godwit_listener_destroy (&ends.listener);
    godwit_listener_destroy (&ends.batches);
    godwit_listener_destroy (&ends.pulls);
    godwit_transport_destroy (&ends.notifying);
    godwit_transport_destroy (&ends.listening);
}

Test (notify_idle, costs_no_processor_time, .timeout = 120)
{
    expect_rest (NULL);
}

Test (notify_idle, nor_with_a_spool, .timeout = 120)
{
    godwit_spool_t *spool = memory_spool_new ();
    expect_rest (spool);
    memory_spool_destroy (&spool);
}
