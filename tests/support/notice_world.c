/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/notice_world.h"

#include "tests/support/memory_spool.h"

#include <godwit/godwit.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORK_MS 8000   /* the faults, and the work, are within so long */
#define REST_MS 4000   /* for a restart that has begun at the last moment */
#define FLUSH_MS 60000 /* after the faults all is acknowledged within this */
#define LEAVE_MS 3000  /* how long a notifier that ends waits for its listeners */
#define PULL_MS 25
#define SILENCE_MS 600                /* after which a connection is given up */
#define FOUND_OUT_MS (3 * SILENCE_MS) /* whoever lost its power is not sent to any more */
#define CLOSED_MS 50                  /* the same of one that was killed */
#define PULLED_MAX 8
#define STREAMS 2
#define LARGE_SIZE 40000
#define GHOSTS_MAX 64

enum { POOL_PLAIN, POOL_ALONE, POOL_BATCHES, POOL_PULLED, POOL_COUNT };

static const char *const topics[] = {"news"};
static const char *const pools[POOL_COUNT] = {"plain", "alone", "batches", "pulled"};
static const godwit_priority_t priorities[STREAMS] = {GODWIT_PRIORITY_INFO, GODWIT_PRIORITY_ERROR};

/* A notification that the program of a listener has pulled. */
typedef struct pulled {
    godwit_notification_t *notification; /* NULL: none */
    size_t delivery;
} pulled_t;

typedef struct member {
    struct world *world;
    char name[8];
    bool notifies;
    unsigned pool;
    bool is_there, is_paused, is_leaving, is_dead;
    godwit_transport_t *transport;
    /* a notifier */
    godwit_notifier_t *sender;
    godwit_spool_t *spool; /* of all its lives; NULL: none */
    size_t notifier;       /* of its present life */
    bool tries_again;      /* for ever */
    /* a listener */
    godwit_listener_t *listener;
    size_t life;
    pulled_t pulled[PULLED_MAX];
} member_t;

/* The life of a listener that was killed: for a while others think that it is still there. */
typedef struct ghost {
    struct world *world;
    size_t life;
} ghost_t;

typedef struct world {
    const notice_options_t *options;
    notice_result_t *result;
    godwit_cluster_t *cluster;
    member_t members[NOTICE_NODES_MAX];
    member_t *on_stack; /* whose wait lets time pass */
    unsigned depth;     /* of members that are being opened or closed, which may wait, too */
    notices_t run;
    uint64_t happened; /* counts all that happened: the time of the run */
    uint64_t last_id;
    ghost_t ghosts[GHOSTS_MAX];
    unsigned ghost_count;
    bool was_disturbed;
    bool is_over;
} world_t;

static uint64_t
draw (world_t *world, uint64_t limit)
{
    return godwit_cluster_random (world->cluster, limit);
}

static void wrong (world_t *world, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

/* The first that was wrong is told. */
static void
wrong (world_t *world, const char *format, ...)
{
    char text[900];
    va_list list;
    if (world->result->wrong[0])
        return;
    va_start (list, format);
    vsnprintf (text, sizeof text, format, list);
    va_end (list);
    snprintf (world->result->wrong, sizeof world->result->wrong, "seed %llu: %s",
              (unsigned long long) world->options->seed, text);
}

static bool
must (world_t *world, const char *what, godwit_status_t status, godwit_error_t **error)
{
    if (status)
        wrong (world, "%s: %s", what, *error ? godwit_error_print (*error) : "?");
    godwit_error_destroy (error);
    return status == GODWIT_OK;
}

/* ---- listeners ---- */

/* SIZE_MAX: its node was killed, and what it does is no more. */
static size_t
got (const member_t *member, const godwit_notification_t *notification)
{
    world_t *const world = member->world;
    const int64_t id =
        godwit_value_as_int (godwit_value_get (godwit_notification_payload (notification), "id"), 0);
    if (member->is_dead)
        return SIZE_MAX;
    if (world->options->trace)
        fprintf (stderr, "%6lld     ms %s gets %lld, count %u\n",
                 (long long) godwit_cluster_now_ms (world->cluster), member->name, (long long) id,
                 godwit_notification_redeliveries (notification));
    return notices_deliver (
        &world->run, (notice_delivery_t){.id = (uint64_t) id,
                                         .begin_at = ++world->happened,
                                         .listener = (uint32_t) member->life,
                                         .redeliveries = godwit_notification_redeliveries (notification)});
}

static void
settled (const member_t *member, size_t delivery, notice_end_t end)
{
    world_t *const world = member->world;
    if (member->is_dead || delivery == SIZE_MAX)
        return;
    world->run.deliveries[delivery].end = end;
    world->run.deliveries[delivery].end_at = ++world->happened;
    if (world->options->trace)
        fprintf (stderr, "%6lld     ms %s has %s %llu\n", (long long) godwit_cluster_now_ms (world->cluster),
                 member->name, end == NOTICE_HANDLED ? "handled" : "requeued",
                 (unsigned long long) world->run.deliveries[delivery].id);
}

static godwit_handled_t
on_one (const godwit_notification_t *notification, void *self)
{
    member_t *const member = self;
    const size_t delivery = got (member, notification);
    const bool requeues = member->pool == POOL_ALONE && !member->is_dead && draw (member->world, 10) == 0;
    settled (member, delivery, requeues ? NOTICE_REQUEUED : NOTICE_HANDLED);
    return requeues ? GODWIT_REQUEUE : GODWIT_HANDLED;
}

static godwit_handled_t
on_batch (const godwit_notification_t *const *notifications, size_t count, void *self)
{
    const member_t *const member = self;
    const bool requeues = !member->is_dead && draw (member->world, 20) == 0;
    for (size_t i = 0; i < count; i++)
        settled (member, got (member, notifications[i]), requeues ? NOTICE_REQUEUED : NOTICE_HANDLED);
    return requeues ? GODWIT_REQUEUE : GODWIT_HANDLED;
}

static void
settle_pulled (member_t *member, pulled_t *pulled, bool requeues)
{
    if (!pulled->notification)
        return;
    settled (member, pulled->delivery, requeues ? NOTICE_REQUEUED : NOTICE_HANDLED);
    if (requeues)
        godwit_notification_requeue (&pulled->notification);
    else
        godwit_notification_acknowledge (&pulled->notification);
}

static void
pull (member_t *member)
{
    world_t *const world = member->world;
    for (size_t i = 0; i < PULLED_MAX; i++) {
        pulled_t *const pulled = &member->pulled[i];
        if (pulled->notification) {
            if (draw (world, 4))
                settle_pulled (member, pulled, draw (world, 10) == 0);
        } else if (!godwit_listener_next (member->listener, 0, &pulled->notification, NULL)) {
            pulled->delivery = got (member, pulled->notification);
        }
    }
}

/* Again and again. */
static void
pull_all (void *user)
{
    world_t *const world = user;
    for (unsigned i = 0; i < world->options->node_count; i++) {
        member_t *const member = &world->members[i];
        if (member->listener && member->pool == POOL_PULLED && member->is_there && !member->is_paused &&
            !member->is_leaving && member != world->on_stack)
            pull (member);
    }
    if (!world->is_over && godwit_cluster_at (world->cluster, PULL_MS, pull_all, world, NULL))
        wrong (world, "no memory");
}

static void
open_listener (member_t *self)
{
    world_t *const world = self->world;
    godwit_error_t *error = NULL;
    const bool is_pull = self->pool == POOL_PULLED, is_batch = self->pool == POOL_BATCHES;
    const bool drops_duplicates = draw (world, 2);
    const godwit_notification_endpoint_t endpoint =
        is_batch ? GODWIT_NOTIFICATION_ENDPOINT (.batch = on_batch, .self = self)
                 : GODWIT_NOTIFICATION_ENDPOINT (.info = on_one, .error = on_one, .self = self);
    if (!must (world, self->name,
               godwit_listener_new (&self->listener, self->transport, GODWIT_TARGET (.topic = "news"), 1,
                                    &endpoint, !is_pull,
                                    GODWIT_LISTENER_OPTIONS (.pool = pools[self->pool], .name = self->name,
                                                             .allow_requeue = self->pool != POOL_PLAIN,
                                                             .pull = is_pull, .batch_size = is_batch ? 5 : 0,
                                                             .batch_timeout_ms = is_batch ? 40 : 0,
                                                             .priorities = 1u << GODWIT_PRIORITY_INFO |
                                                                           1u << GODWIT_PRIORITY_ERROR,
                                                             .drop_duplicates = drops_duplicates ? 10000 : 0,
                                                             .credit = draw (world, 2) ? 0 : 16),
                                    &error),
               &error))
        return;
    self->life =
        notices_add_listener (&world->run, (notices_listener_t){.pool = self->pool,
                                                                .up_at = ++world->happened,
                                                                .down_at = NOTICES_NEVER,
                                                                .drops_duplicates = drops_duplicates});
    must (world, self->name, godwit_listener_start (self->listener, NULL, &error), &error);
}

static void
is_found_out (void *user)
{
    const ghost_t *const ghost = user;
    ghost->world->run.listeners[ghost->life].down_at = ++ghost->world->happened;
}

static void
note_down (const member_t *self, int64_t after_ms)
{
    world_t *const world = self->world;
    ghost_t *const ghost = &world->ghosts[world->ghost_count];
    *ghost = (ghost_t){world, self->life};
    if (after_ms && world->ghost_count + 1 < GHOSTS_MAX &&
        !godwit_cluster_at (world->cluster, after_ms, is_found_out, ghost, NULL))
        world->ghost_count++;
    else
        is_found_out (ghost);
}

static void
close_listener (member_t *self, godwit_fault_t fault)
{
    const bool killed = fault != GODWIT_FAULT_RESTART;
    world_t *const world = self->world;
    godwit_error_t *error = NULL;
    if (!self->listener)
        return;
    if (!killed) {
        must (world, self->name, godwit_listener_stop (self->listener, NULL, &error), &error);
        for (size_t i = 0; i < PULLED_MAX; i++)
            settle_pulled (self, &self->pulled[i], false);
        must (world, self->name, godwit_listener_wait (self->listener, NULL, &error), &error);
    }
    note_down (self, fault == GODWIT_FAULT_POWER ? FOUND_OUT_MS : killed ? CLOSED_MS : 0);
    godwit_listener_destroy (&self->listener);
    for (size_t i = 0; i < PULLED_MAX; i++) /* a program may still have them */
        settle_pulled (self, &self->pulled[i], false);
}

/* ---- notifiers ---- */

static void
open_notifier (member_t *self)
{
    world_t *const world = self->world;
    godwit_error_t *error = NULL;
    const bool declares = draw (world, 2), is_small = draw (world, 4) == 0, drops = draw (world, 6) == 0;
    const bool keeps_all =
        world->options->keeps_all || self->spool; /* whose successors drop nothing of its */
    godwit_when_full_t when_full = (godwit_when_full_t) draw (world, 4);
    if (when_full == GODWIT_WHEN_FULL_DROP_OLDEST && self->spool) /* that is refused */
        when_full = GODWIT_WHEN_FULL_BLOCK;
    self->tries_again = draw (world, 6) > 0 || keeps_all;
    self->notifier = notices_add_notifier (
        &world->run, (notices_notifier_t){.declared = declares ? (1u << POOL_COUNT) - 1 : 0});
    must (world, self->name,
          godwit_notifier_new (
              &self->sender, self->transport,
              GODWIT_NOTIFIER_OPTIONS (.publisher_id = self->name, .topics = topics, .topic_count = 1,
                                       .retry = self->tries_again ? 0 : 3,
                                       .delivery = GODWIT_DELIVERY_OPTIONS (
                                               .pools = declares ? pools : NULL,
                                               .pool_count = declares ? POOL_COUNT : 0,
                                               .queue_limit = is_small && !keeps_all ? 20 : 0,
                                               .block_ms = 200, .when_full = when_full, .spool = self->spool,
                                               .max_requeues = drops && !keeps_all ? 1 : -1,
                                               .requeue_first_ms = 50, .requeue_max_ms = 400)),
              &error),
          &error);
}

/* What it says that it has given up. */
static void
note_dropped (const member_t *self)
{
    godwit_notifier_stats_t stats = GODWIT_NOTIFIER_STATS;
    if (!godwit_notifier_get_stats (self->sender, &stats, NULL))
        self->world->run.notifiers[self->notifier].dropped = stats.dropped + stats.failed + stats.exhausted;
}

static void
close_notifier (member_t *self, bool killed)
{
    world_t *const world = self->world;
    if (!self->sender)
        return;
    if (killed || godwit_notifier_flush (self->sender, LEAVE_MS, NULL)) {
        world->run.notifiers[self->notifier].is_lost = !self->spool;
        world->run.notifiers[self->notifier].was_replaced = self->spool;
    }
    note_dropped (self);
    godwit_notifier_destroy (&self->sender);
}

static void
notify (member_t *self)
{
    world_t *const world = self->world;
    const unsigned stream = (unsigned) draw (world, STREAMS);
    const uint64_t id = ++world->last_id;
    const size_t notice = notices_send (&world->run, (notice_t){.id = id,
                                                                .begin_at = ++world->happened,
                                                                .notifier = (uint32_t) self->notifier,
                                                                .stream = stream});
    if (notice == SIZE_MAX)
        return;
    static const uint8_t bytes[LARGE_SIZE];
    /* Most are small; of the others, several are as many as a frame likes, or one is more. */
    const size_t size = (size_t) draw (world, draw (world, 10) ? 50 : sizeof bytes);
    godwit_notify_report_t report = GODWIT_NOTIFY_REPORT;
    world->on_stack = self;
    const godwit_status_t status =
        godwit_notify (self->sender, priorities[stream], NULL, "happened",
                       GODWIT_MAP (NULL, GODWIT_INT ("id", (int64_t) id), GODWIT_BIN ("more", bytes, size)),
                       GODWIT_NOTIFY_OPTIONS (.strict = true, .report = &report), NULL);
    world->on_stack = NULL;
    world->run.sent[notice].fate = status                      ? NOTICE_REFUSED
                                   : report.drivers[0].dropped ? NOTICE_DROPPED
                                                               : NOTICE_ACCEPTED;
    if (status && status != GODWIT_ERR_OVERLOADED &&
        (status != GODWIT_ERR_DELIVERY_FAILURE || self->tries_again))
        wrong (world, "%s: a notification ended with %s", self->name, godwit_status_type (status));
}

/* ---- nodes ---- */

static void
member_open (member_t *self)
{
    world_t *const world = self->world;
    godwit_error_t *error = NULL;
    self->is_paused = self->is_leaving = self->is_dead = false;
    if (!must (world, self->name,
               godwit_cluster_add (&self->transport, world->cluster, self->name,
                                   GODWIT_TRANSPORT_OPTIONS (.heartbeat_ms = 150, .connect_timeout_ms = 500,
                                                             .heartbeat_timeout_ms = SILENCE_MS),
                                   &error),
               &error))
        return;
    if (self->notifies)
        open_notifier (self);
    else
        open_listener (self);
    self->is_there = true;
}

static void
member_close (member_t *self, godwit_fault_t fault)
{
    const bool killed = fault != GODWIT_FAULT_RESTART;
    self->is_leaving = true;
    self->is_dead = killed;
    if (self->world->options->trace)
        fprintf (stderr, "%s %s\n", self->name, killed ? "was killed" : "is asked to end");
    close_notifier (self, killed);
    close_listener (self, fault);
    godwit_transport_destroy (&self->transport);
    self->is_there = false;
}

static void
on_fault (void *user, godwit_fault_t fault, const char *node, bool over)
{
    world_t *const world = user;
    member_t *member = NULL;
    for (unsigned i = 0; i < world->options->node_count && node; i++)
        if (strcmp (world->members[i].name, node) == 0)
            member = &world->members[i];
    world->was_disturbed = world->was_disturbed || fault != GODWIT_FAULT_RESTART;
    if (!member)
        return;
    if (fault == GODWIT_FAULT_PAUSE)
        member->is_paused = !over;
    if (fault < GODWIT_FAULT_KILL)
        return;
    /* Whoever waits meanwhile stands still until this is done, as if it were frozen. */
    world->was_disturbed = world->was_disturbed || world->on_stack || world->depth;
    world->depth++;
    if (over)
        member_open (member);
    else
        member_close (member, fault);
    world->depth--;
}

/* ---- a run ---- */

static bool
is_disturbed (void *user, uint64_t from, uint64_t to)
{
    const world_t *const world = user;
    (void) from;
    (void) to;
    return world->was_disturbed;
}

static void
on_broken (void *user, notices_rule_t rule, uint64_t id, const char *text)
{
    (void) rule;
    wrong (user, "notification %llu: %s", (unsigned long long) id, text);
}

static void
on_trace (void *user, int64_t now_us, const char *line)
{
    fprintf (user, "%10.3f ms %s\n", (double) now_us / 1000, line);
}

static void
open_all (world_t *world)
{
    for (unsigned i = 0; i < world->options->node_count; i++) {
        member_t *const member = &world->members[i];
        const unsigned listener = i - i / 3; /* so many listeners are before it */
        member->world = world;
        member->notifies = i % 3 == 2;
        if (i % 6 == 5 && !(member->spool = memory_spool_new ()))
            wrong (world, "no memory");
        member->pool = listener == POOL_ALONE ? POOL_ALONE
                       : listener % 3 == 0    ? POOL_PLAIN
                                              : 1 + listener % 3;
        snprintf (member->name, sizeof member->name, "n%u", i);
        member_open (member);
    }
}

static void
begin_faults (world_t *world)
{
    godwit_error_t *error = NULL;
    const char *names[NOTICE_NODES_MAX];
    size_t count = 0;
    for (unsigned i = 0; i < world->options->node_count; i++)
        if (!world->options->listeners_only || !world->members[i].notifies)
            names[count++] = world->members[i].name;
    if (world->options->faults)
        must (world, "plan",
              godwit_cluster_begin_plan (world->cluster,
                                         GODWIT_CLUSTER_PLAN (.faults = world->options->faults,
                                                              .fault_count = world->options->fault_count,
                                                              .duration_ms = WORK_MS, .nodes = names,
                                                              .node_count = count, .on_fault = on_fault,
                                                              .user = world),
                                         &error),
              &error);
}

/* Some notifications of one moment; now and then so many that several frames are under way. */
static void
some_work (world_t *world)
{
    const unsigned notifiers = world->options->node_count / 3;
    member_t *const member = &world->members[3 * draw (world, notifiers) + 2];
    for (uint64_t left = draw (world, draw (world, 8) ? 12 : 120);
         left && world->last_id < world->options->notice_count; left--)
        if (member->sender && member->is_there && !member->is_paused && !member->is_leaving)
            notify (member);
}

static void
flush_all (world_t *world, const char *when)
{
    for (unsigned i = 0; i < world->options->node_count; i++) {
        member_t *const member = &world->members[i];
        godwit_error_t *error = NULL;
        if (!member->is_there)
            wrong (world, "%s: %s did not come back", when, member->name);
        if (!member->sender)
            continue;
        world->on_stack = member;
        if (godwit_notifier_flush (member->sender, FLUSH_MS, &error))
            wrong (world, "%s: %s: %s", when, member->name, godwit_error_print (error));
        world->on_stack = NULL;
        godwit_error_destroy (&error);
    }
}

/* When all faults are over, all that was accepted comes, and what is sent then. */
static void
notify_again (world_t *world)
{
    flush_all (world, "after the faults");
    for (unsigned i = 0; i < world->options->node_count; i++)
        for (unsigned j = 0; j < 4 && world->members[i].sender && world->members[i].is_there; j++)
            notify (&world->members[i]);
    flush_all (world, "at the end");
}

static void
live (world_t *world)
{
    godwit_error_t *error = NULL;
    must (world, "cluster", godwit_cluster_new (&world->cluster, world->options->seed, &error), &error);
    if (world->options->trace)
        godwit_cluster_set_trace (world->cluster, on_trace, stderr);
    open_all (world);
    pull_all (world);
    if (world->result->wrong[0])
        return;
    godwit_cluster_run (world->cluster, (int64_t) draw (world, 1000));
    begin_faults (world);
    const int64_t end_ms = godwit_cluster_now_ms (world->cluster) + WORK_MS;
    const int64_t pause_ms = 20 * WORK_MS / (world->options->notice_count + 1);
    while (godwit_cluster_now_ms (world->cluster) < end_ms) {
        some_work (world);
        godwit_cluster_run (world->cluster, 1 + (int64_t) draw (world, (uint64_t) pause_ms + 1));
    }
    godwit_cluster_run (world->cluster, REST_MS);
    godwit_cluster_heal (world->cluster);
    notify_again (world);
}

static void
close_all (world_t *world)
{
    godwit_cluster_stats_t stats = {.struct_size = sizeof stats};
    godwit_cluster_stats (world->cluster, &stats, NULL);
    world->result->faults = (unsigned) stats.faults;
    world->is_over = true;
    for (unsigned i = 0; i < world->options->node_count; i++) {
        world->members[i].is_dead = true;
        godwit_cluster_kill (world->cluster, world->members[i].name, true);
    }
    for (unsigned i = 0; i < world->options->node_count; i++) {
        member_t *const member = &world->members[i];
        if (member->sender)
            note_dropped (member);
        godwit_notifier_destroy (&member->sender);
        if (member->spool)
            memory_spool_destroy (&member->spool);
        close_listener (member, GODWIT_FAULT_KILL);
        godwit_transport_destroy (&member->transport);
    }
    godwit_cluster_stats (world->cluster, &stats, NULL);
    world->result->frames = stats.frames;
    world->result->digest = stats.digest;
    godwit_cluster_destroy (&world->cluster);
}

bool
notice_run (const notice_options_t *options, notice_result_t *result)
{
    memset (result, 0, sizeof *result);
    world_t *const world = calloc (1, sizeof *world);
    if (!world) {
        snprintf (result->wrong, sizeof result->wrong, "no memory");
        return false;
    }
    world->options = options;
    world->result = result;
    live (world);
    close_all (world);
    world->run.is_disturbed = is_disturbed;
    world->run.is_out_of_order = options->faults & (GODWIT_FAULT_LOSS | GODWIT_FAULT_REORDER);
    world->run.broke = on_broken;
    world->run.user = world;
    notices_check (&world->run);
    if (world->run.is_short)
        wrong (world, "no memory");
    result->summary = world->run.summary;
    notices_release (&world->run);
    free (world);
    return !result->wrong[0];
}
