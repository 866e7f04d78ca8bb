/* SPDX-License-Identifier: Apache-2.0 */
/* Notifications to one or more pools, and the same with a spool, from many threads. Each pool has one
 * listener, with a transport of its own in the listeners' process, as if it were a process. A notification
 * has about the bare side's size. */
#include "clock.h"
#include "die.h"
#include "godwit_side.h"
#ifdef BENCH_SPOOL
#include "spool_folder.h"
#include "team.h"

#include <godwit/sqlite_spool.h>
#endif

#include <stdio.h>
#include <stdlib.h>

enum { WAIT_LIMIT_MS = 10000 };

typedef struct {
    bench_window_t *window;
    godwit_transport_t *transport;
    godwit_listener_t *listener;
} listener_t;

typedef struct {
    size_t count;
    listener_t listeners[];
} listeners_t;

static godwit_handled_t
on_info (const godwit_notification_t *notification, void *self)
{
    listener_t *listener = self;
    (void) notification;
    if (listener->window != NULL)
        bench_window_arrived (listener->window);
    return GODWIT_HANDLED;
}

static void *
serve (const bench_setup_t *setup, char where[BENCH_WHERE_SIZE])
{
    listeners_t *self = bench_alloc (sizeof *self + setup->concurrency * sizeof (listener_t));
    godwit_error_t *error = NULL;

    bench_godwit_url (setup, where);
    self->count = setup->concurrency;
    for (size_t i = 0; i < self->count; i++) {
        listener_t *one = &self->listeners[i];
        const godwit_notification_endpoint_t endpoint =
            GODWIT_NOTIFICATION_ENDPOINT (.info = on_info, .self = one);
        char pool[32];
        snprintf (pool, sizeof pool, "p%zu", i);
        one->window = setup->window;
        bench_godwit_check (godwit_transport_new (&one->transport, where, NULL, &error), &error,
                            "listener's transport");
        bench_godwit_check (godwit_listener_new (&one->listener, one->transport,
                                                 GODWIT_TARGET (.topic = BENCH_TOPIC), 1, &endpoint, 1,
                                                 GODWIT_LISTENER_OPTIONS (.pool = pool), &error),
                            &error, "listener");
        bench_godwit_check (godwit_listener_start (one->listener, NULL, &error), &error, "listener's start");
    }
    return self;
}

static void
unserve (void *server)
{
    listeners_t *self = server;
    for (size_t i = 0; i < self->count; i++) {
        godwit_listener_destroy (&self->listeners[i].listener);
        godwit_transport_destroy (&self->listeners[i].transport);
    }
    free (self);
}

typedef struct {
    bench_window_t *window;
    godwit_transport_t *transport;
    godwit_notifier_t *notifier;
} notifier_t;

static void
notify (const notifier_t *self, size_t number)
{
    godwit_error_t *error = NULL;
    bench_godwit_check (
        godwit_notify (self->notifier, GODWIT_PRIORITY_INFO, NULL, "compute.instance.create.end",
                       GODWIT_MAP (NULL, GODWIT_STR ("instance", "6f2c3e0a-5c1b-4d52-9c57-0d5a2f3b9e11"),
                                   GODWIT_STR ("host", "compute17"), GODWIT_INT ("memory_mb", 4096),
                                   GODWIT_INT ("number", (int64_t) number), GODWIT_STR ("state", "active")),
                       GODWIT_NOTIFY_OPTIONS (.strict = true), &error),
        &error, "notify");
}

static void
flush (const notifier_t *self)
{
    godwit_error_t *error = NULL;
    bench_godwit_check (godwit_notifier_flush (self->notifier, WAIT_LIMIT_MS, &error), &error, "flush");
}

/* Returns when all pools have appeared. */
static void
open_with (notifier_t *self, const bench_setup_t *setup, size_t pools,
           const godwit_delivery_options_t *delivery)
{
    const char *const topics[] = {BENCH_TOPIC};
    godwit_error_t *error = NULL;

    self->window = setup->window;
    bench_godwit_check (godwit_transport_new (&self->transport, setup->where, NULL, &error), &error,
                        "notifier's transport");
    bench_godwit_check (
        godwit_notifier_new (&self->notifier, self->transport,
                             GODWIT_NOTIFIER_OPTIONS (.publisher_id = "compute.host17", .topics = topics,
                                                      .topic_count = 1, .delivery = delivery),
                             &error),
        &error, "notifier");
    godwit_notifier_stats_t stats = GODWIT_NOTIFIER_STATS;
    for (size_t number = 0; stats.pools < pools; number++) {
        notify (self, number);
        flush (self);
        if (self->window != NULL)
            bench_window_arrival (self->window);
        bench_godwit_check (godwit_notifier_get_stats (self->notifier, &stats, &error), &error, "stats");
    }
}

static void *
open_notifier (const bench_setup_t *setup)
{
    notifier_t *self = bench_alloc (sizeof *self);
    open_with (self, setup, setup->concurrency, NULL);
    return self;
}

static uint64_t
burst (void *client, size_t count, bench_samples_t *samples)
{
    notifier_t *self = client;
    uint64_t begin = bench_now_ns ();

    for (size_t i = 0; i < count; i++) {
        const uint64_t before = bench_now_ns ();
        notify (self, i);
        if (self->window != NULL) {
            bench_samples_add (samples, bench_window_arrival (self->window) - before);
            flush (self);
        }
    }
    flush (self);
    return bench_now_ns () - begin;
}

static void
close_notifier (void *client)
{
    notifier_t *self = client;
    godwit_notifier_destroy (&self->notifier);
    godwit_transport_destroy (&self->transport);
    free (self);
}

const bench_half_t bench_godwit_notify = {
    .name = "godwit",
    .serve = serve,
    .unserve = unserve,
    .open = open_notifier,
    .burst = burst,
    .close = close_notifier,
};

/* ---- with a spool ---- */

#ifdef BENCH_SPOOL

/* So many notify at once: what comes together is one transaction. */
enum { NOTIFYING_THREADS = 64 };

typedef struct {
    notifier_t base;
    char folder[BENCH_FOLDER_SIZE];
    godwit_spool_t *spool;
    bench_team_t *team;
} spooler_t;

static void
run (void *member, size_t count, bench_samples_t *samples)
{
    const spooler_t *self = member;
    (void) samples;
    for (size_t i = 0; i < count; i++)
        notify (&self->base, i);
}

static void *
open_spooler (const bench_setup_t *setup)
{
    static const bench_team_work_t work = {.run = run};
    spooler_t *self = bench_alloc (sizeof *self);
    char path[BENCH_FOLDER_SIZE + 16];
    godwit_error_t *error = NULL;

    bench_folder_make (self->folder);
    snprintf (path, sizeof path, "%s/notify.spool", self->folder);
    bench_godwit_check (godwit_sqlite_spool_open (&self->spool, path, NULL, &error), &error, "spool");
    open_with (&self->base, setup, setup->concurrency, GODWIT_DELIVERY_OPTIONS (.spool = self->spool));
    self->team = bench_team_new (NOTIFYING_THREADS, &work, self);
    return self;
}

static uint64_t
burst_spooled (void *client, size_t count, bench_samples_t *samples)
{
    spooler_t *self = client;
    const uint64_t begin = bench_now_ns ();
    bench_team_run (self->team, count, samples);
    flush (&self->base);
    return bench_now_ns () - begin;
}

static void
close_spooler (void *client)
{
    spooler_t *self = client;
    bench_team_destroy (&self->team);
    godwit_notifier_destroy (&self->base.notifier);
    godwit_transport_destroy (&self->base.transport);
    godwit_sqlite_spool_close (&self->spool);
    bench_folder_remove (self->folder);
    free (self);
}

const bench_half_t bench_godwit_spool = {
    .name = "godwit",
    .serve = serve,
    .unserve = unserve,
    .open = open_spooler,
    .burst = burst_spooled,
    .close = close_spooler,
};
#endif
