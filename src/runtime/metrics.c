/* SPDX-License-Identifier: Apache-2.0 */
#include "src/runtime/metrics.h"

#include "src/base/hash.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_COUNT = 6 };

static void
texts_of (const godwit__label_t *label, const char *texts[TEXT_COUNT])
{
    texts[0] = label->method; /* the texts that differ most come first */
    texts[1] = label->server;
    texts[2] = label->topic;
    texts[3] = label->exchange;
    texts[4] = label->name_space;
    texts[5] = label->version;
}

static bool
same_text (const char *a, const char *b)
{
    return a == b || (a && b && strcmp (a, b) == 0);
}

static bool
same_label (const godwit__label_t *a, const godwit__label_t *b)
{
    const char *a_texts[TEXT_COUNT], *b_texts[TEXT_COUNT];
    if (a->side != b->side || a->fanout != b->fanout)
        return false;
    texts_of (a, a_texts);
    texts_of (b, b_texts);
    for (int i = 0; i < TEXT_COUNT; i++)
        if (!same_text (a_texts[i], b_texts[i]))
            return false;
    return true;
}

/* Without a seed: all texts are the program's own, and the chains are bounded by the limit. */
static uint32_t
hash_of (const godwit__label_t *label)
{
    const char *texts[TEXT_COUNT];
    uint64_t hash = (uint64_t) label->side ^ (label->fanout ? 2U : 0U);
    texts_of (label, texts);
    for (int i = 0; i < TEXT_COUNT; i++)
        hash = texts[i] ? godwit__hash_text (hash, texts[i]) : godwit__mix (hash + 1);
    return (uint32_t) hash;
}

/* ---- making ---- */

static void
init_tally (godwit__tally_t *tally)
{
    atomic_init (&tally->started, 0);
    atomic_init (&tally->ended, 0);
    atomic_init (&tally->nanoseconds, 0);
    atomic_init (&tally->histogram, NULL);
}

static void
init (godwit__metric_t *metric)
{
    init_tally (&metric->all);
    for (int i = 0; i < GODWIT__METRIC_LEADERS; i++)
        init_tally (&metric->leaders[i]);
    atomic_init (&metric->failures, 0);
    atomic_init (&metric->by_status, NULL);
    atomic_init (&metric->box_name, 0);
}

/* What was made when it was needed. */
static void
release (godwit__metric_t *metric)
{
    free (atomic_load (&metric->all.histogram));
    for (int i = 0; i < GODWIT__METRIC_LEADERS; i++)
        free (atomic_load (&metric->leaders[i].histogram));
    free (atomic_load (&metric->by_status));
}

godwit__metrics_t *
godwit__metrics_new (void)
{
    godwit__metrics_t *const metrics = malloc (sizeof *metrics);
    if (!metrics)
        return NULL;
    memset (metrics->counts, 0, sizeof metrics->counts);
    memset (metrics->was_full, 0, sizeof metrics->was_full);
    for (size_t i = 0; i < GODWIT__METRIC_BUCKETS; i++)
        atomic_init (&metrics->buckets[i], NULL);
    for (int side = 0; side < GODWIT__SIDE_COUNT; side++) {
        metrics->others[side].label = (godwit__label_t){.method = "...", .side = (godwit__side_t) side};
        init (&metrics->others[side]);
    }
    pthread_mutex_init (&metrics->lock, NULL);
    return metrics;
}

void
godwit__metrics_destroy (godwit__metrics_t **metrics_p)
{
    godwit__metrics_t *const metrics = *metrics_p;
    if (!metrics)
        return;
    *metrics_p = NULL;
    for (size_t i = 0; i < GODWIT__METRIC_BUCKETS; i++) {
        godwit__metric_t *metric = atomic_load (&metrics->buckets[i]);
        while (metric) {
            godwit__metric_t *const next = metric->next;
            release (metric);
            free (metric);
            metric = next;
        }
    }
    for (int side = 0; side < GODWIT__SIDE_COUNT; side++)
        release (&metrics->others[side]);
    pthread_mutex_destroy (&metrics->lock);
    free (metrics);
}

static char *
copy_text (const char **to, const char *text, char *at)
{
    if (!text)
        return at;
    const size_t size = strlen (text) + 1;
    *to = memcpy (at, text, size);
    return at + size;
}

static godwit__metric_t *
metric_new (const godwit__label_t *label, uint32_t hash)
{
    const char *texts[TEXT_COUNT];
    size_t size = sizeof (godwit__metric_t);
    texts_of (label, texts);
    for (int i = 0; i < TEXT_COUNT; i++)
        size += texts[i] ? strlen (texts[i]) + 1 : 0;
    godwit__metric_t *const metric = malloc (size);
    if (!metric)
        return NULL;
    char *at = (char *) (metric + 1);
    metric->label = (godwit__label_t){.side = label->side, .fanout = label->fanout};
    at = copy_text (&metric->label.exchange, label->exchange, at);
    at = copy_text (&metric->label.topic, label->topic, at);
    at = copy_text (&metric->label.name_space, label->name_space, at);
    at = copy_text (&metric->label.version, label->version, at);
    at = copy_text (&metric->label.server, label->server, at);
    copy_text (&metric->label.method, label->method, at);
    metric->hash = hash;
    init (metric);
    return metric;
}

/* ---- finding ---- */

static godwit__metric_t *
look (_Atomic (godwit__metric_t *) *bucket, const godwit__label_t *label, uint32_t hash)
{
    godwit__metric_t *metric = atomic_load_explicit (bucket, memory_order_acquire);
    while (metric && (metric->hash != hash || !same_label (&metric->label, label)))
        metric = metric->next;
    return metric;
}

godwit__metric_t *
godwit__metrics_find (godwit__metrics_t *metrics, const godwit__label_t *label)
{
    const uint32_t hash = hash_of (label);
    _Atomic (godwit__metric_t *) *const bucket = &metrics->buckets[hash % GODWIT__METRIC_BUCKETS];
    godwit__metric_t *metric = look (bucket, label, hash);
    if (metric)
        return metric;
    pthread_mutex_lock (&metrics->lock);
    metric = look (bucket, label, hash); /* another thread may have been faster */
    if (!metric && metrics->counts[label->side] < GODWIT__METRIC_LIMIT &&
        (metric = metric_new (label, hash))) {
        metrics->counts[label->side]++;
        metric->next = atomic_load_explicit (bucket, memory_order_relaxed);
        atomic_store_explicit (bucket, metric, memory_order_release);
    } else if (!metric && metrics->counts[label->side] >= GODWIT__METRIC_LIMIT) {
        metrics->was_full[label->side] = true;
    }
    pthread_mutex_unlock (&metrics->lock);
    return metric ? metric : &metrics->others[label->side];
}

bool
godwit__metrics_take_full (godwit__metrics_t *metrics, godwit__side_t side)
{
    pthread_mutex_lock (&metrics->lock);
    const bool was_full = metrics->was_full[side];
    metrics->was_full[side] = false;
    pthread_mutex_unlock (&metrics->lock);
    return was_full;
}

/* ---- counting ---- */

godwit__histogram_t *
godwit__tally_make_histogram (godwit__tally_t *tally)
{
    godwit__histogram_t *const made = calloc (1, sizeof *made);
    godwit__histogram_t *there = NULL;
    if (!made || atomic_compare_exchange_strong (&tally->histogram, &there, made))
        return made;
    free (made);
    return there;
}

static godwit__failures_t *
failures_of (godwit__metric_t *metric)
{
    godwit__failures_t *there = atomic_load_explicit (&metric->by_status, memory_order_acquire);
    if (there)
        return there;
    godwit__failures_t *const made = calloc (1, sizeof *made);
    if (!made || atomic_compare_exchange_strong (&metric->by_status, &there, made))
        return made;
    free (made);
    return there;
}

void
godwit__metric_failed (godwit__metric_t *metric, godwit_status_t status)
{
    godwit__failures_t *const failures = failures_of (metric);
    atomic_fetch_add_explicit (&metric->failures, 1, memory_order_relaxed);
    if (failures && (unsigned) status < GODWIT_STATUS_COUNT)
        atomic_fetch_add_explicit (&failures->by_status[status], 1, memory_order_relaxed);
}

/* ---- telling ---- */

static void
build_text (godwit_builder_t *builder, const char *name, const char *text)
{
    if (text)
        godwit_builder_str (builder, name, text);
    else
        godwit_builder_nil (builder, name);
}

/* Adds up a number of all tallies. */
_Static_assert(GODWIT__METRIC_LEADERS == 2, "SUM adds those of two leaders");
#define SUM(metric_, number_)                                                                                \
    (atomic_load_explicit (&(metric_)->all.number_, memory_order_acquire) +                                  \
     atomic_load_explicit (&(metric_)->leaders[0].number_, memory_order_acquire) +                           \
     atomic_load_explicit (&(metric_)->leaders[1].number_, memory_order_acquire))

/* A value has at most GODWIT_VALUE_MAX_COUNT elements, of which an entry of a map takes two, and a bucket
 * three. An answer of the introspection has others, too. What the labels leave is for their buckets. Labels
 * that are made meanwhile are not told. */
#define LABEL_SIZE (2 * (20 + GODWIT_STATUS_COUNT))
#define LABELS (2 * (GODWIT__METRIC_LIMIT + 1))
#define SIZE_MOST (GODWIT_VALUE_MAX_COUNT - 50000)
_Static_assert(LABELS *LABEL_SIZE < SIZE_MOST, "a value has room for all labels");

typedef struct room {
    size_t labels;
    size_t buckets;
} room_t;

static room_t
room_of (const godwit__metrics_t *metrics)
{
    pthread_mutex_t *const lock =
        (pthread_mutex_t *) (uintptr_t) &metrics->lock; /* changes nothing that shows */
    pthread_mutex_lock (lock);
    const size_t labels = metrics->counts[GODWIT__SIDE_CLIENT] + metrics->counts[GODWIT__SIDE_SERVER] + 2;
    pthread_mutex_unlock (lock);
    return (room_t){labels, (SIZE_MOST - labels * LABEL_SIZE) / 3};
}

/* Buckets that are not empty, each with its bound, nil for the last one, and its count. None if there is not
 * room for all of them. */
static void
build_buckets (godwit_builder_t *builder, const godwit__histogram_sum_t *sum, room_t *room)
{
    size_t used = 0;
    for (unsigned i = 0; i < GODWIT__HISTOGRAM_BUCKETS; i++)
        used += sum->counts[i] != 0;
    godwit_builder_open_list (builder, "buckets");
    const unsigned end = used > room->buckets ? 0 : GODWIT__HISTOGRAM_BUCKETS;
    room->buckets -= end ? used : 0;
    for (unsigned i = 0; i < end; i++) {
        const int64_t bound_ns = godwit__histogram_bound_ns (i);
        if (!sum->counts[i])
            continue;
        godwit_builder_open_list (builder, NULL);
        if (bound_ns == GODWIT__HISTOGRAM_UNBOUNDED)
            godwit_builder_nil (builder, NULL);
        else
            godwit_builder_double (builder, NULL, (double) bound_ns / 1e9);
        godwit_builder_uint (builder, NULL, sum->counts[i]);
        godwit_builder_close (builder);
    }
    godwit_builder_close (builder);
}

static void
build_seconds (godwit_builder_t *builder, const char *name, const godwit__histogram_sum_t *sum, double ns)
{
    if (sum->count)
        godwit_builder_double (builder, name, ns / 1e9);
    else
        godwit_builder_nil (builder, name);
}

static void
build_durations (godwit_builder_t *builder, const godwit__metric_t *metric, room_t *room)
{
    godwit__histogram_sum_t sum = {.count = 0};
    for (int i = -1; i < GODWIT__METRIC_LEADERS; i++) {
        const godwit__tally_t *const tally = i < 0 ? &metric->all : &metric->leaders[i];
        const godwit__histogram_t *const histogram =
            atomic_load_explicit (&tally->histogram, memory_order_acquire);
        if (histogram)
            godwit__histogram_sum (&sum, histogram);
    }
    build_seconds (builder, "p50", &sum, godwit__histogram_quantile (&sum, 0.5));
    build_seconds (builder, "p99", &sum, godwit__histogram_quantile (&sum, 0.99));
    build_seconds (builder, "max", &sum, (double) sum.max_ns);
    build_buckets (builder, &sum, room);
}

static void
build_failures (godwit_builder_t *builder, const godwit__metric_t *metric)
{
    const godwit__failures_t *const failures =
        atomic_load_explicit (&metric->by_status, memory_order_acquire);
    godwit_builder_open_map (builder, "by_status");
    for (int i = 0; failures && i < (int) GODWIT_STATUS_COUNT; i++) {
        const uint64_t count = atomic_load_explicit (&failures->by_status[i], memory_order_relaxed);
        if (count)
            godwit_builder_uint (builder, godwit_status_type ((godwit_status_t) i), count);
    }
    godwit_builder_close (builder);
}

static void
build_label (godwit_builder_t *builder, const godwit__label_t *label)
{
    godwit_builder_str (builder, "side", label->side == GODWIT__SIDE_CLIENT ? "client" : "server");
    build_text (builder, "exchange", label->exchange);
    build_text (builder, "topic", label->topic);
    build_text (builder, "namespace", label->name_space);
    build_text (builder, "version", label->version);
    build_text (builder, "server", label->server);
    godwit_builder_bool (builder, "fanout", label->fanout);
    godwit_builder_str (builder, "method", label->method);
}

static void
build (godwit_builder_t *builder, const godwit__metric_t *metric, room_t *room)
{
    /* In this order: a call that is counted as ended was counted as started and failed before. */
    const uint64_t ended = SUM (metric, ended);
    const uint64_t failures = atomic_load_explicit (&metric->failures, memory_order_relaxed);
    const uint64_t nanoseconds = SUM (metric, nanoseconds);
    const uint64_t started = SUM (metric, started);
    if (started == 0 || room->labels == 0)
        return;
    room->labels--;
    godwit_builder_open_map (builder, NULL);
    build_label (builder, &metric->label);
    godwit_builder_uint (builder, "started", started);
    godwit_builder_uint (builder, "ended", ended);
    godwit_builder_uint (builder, "in_flight", started - ended);
    godwit_builder_uint (builder, "failures", failures);
    build_failures (builder, metric);
    godwit_builder_double (builder, "seconds", (double) nanoseconds / 1e9);
    build_durations (builder, metric, room);
    godwit_builder_close (builder);
}

void
godwit__metrics_build (const godwit__metrics_t *metrics, godwit_builder_t *builder)
{
    room_t room = room_of (metrics);
    for (size_t i = 0; i < GODWIT__METRIC_BUCKETS; i++)
        for (const godwit__metric_t *metric =
                 atomic_load_explicit (&metrics->buckets[i], memory_order_acquire);
             metric; metric = metric->next)
            build (builder, metric, &room);
    for (int side = 0; side < GODWIT__SIDE_COUNT; side++)
        build (builder, &metrics->others[side], &room);
}
