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
}

static void
init (godwit__metric_t *metric)
{
    init_tally (&metric->all);
    for (int i = 0; i < GODWIT__METRIC_LEADERS; i++)
        init_tally (&metric->leaders[i]);
    atomic_init (&metric->failures, 0);
    atomic_init (&metric->box_name, 0);
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
            free (metric);
            metric = next;
        }
    }
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

static void
build (godwit_builder_t *builder, const godwit__metric_t *metric)
{
    const godwit__label_t *const label = &metric->label;
    /* In this order: a call that is counted as ended was counted as started and failed before. */
    const uint64_t ended = SUM (metric, ended);
    const uint64_t failures = atomic_load_explicit (&metric->failures, memory_order_relaxed);
    const uint64_t nanoseconds = SUM (metric, nanoseconds);
    const uint64_t started = SUM (metric, started);
    if (started == 0)
        return;
    godwit_builder_open_map (builder, NULL);
    godwit_builder_str (builder, "side", label->side == GODWIT__SIDE_CLIENT ? "client" : "server");
    build_text (builder, "exchange", label->exchange);
    build_text (builder, "topic", label->topic);
    build_text (builder, "namespace", label->name_space);
    build_text (builder, "version", label->version);
    build_text (builder, "server", label->server);
    godwit_builder_bool (builder, "fanout", label->fanout);
    godwit_builder_str (builder, "method", label->method);
    godwit_builder_uint (builder, "started", started);
    godwit_builder_uint (builder, "ended", ended);
    godwit_builder_uint (builder, "failures", failures);
    godwit_builder_double (builder, "seconds", (double) nanoseconds / 1e9);
    godwit_builder_close (builder);
}

void
godwit__metrics_build (const godwit__metrics_t *metrics, godwit_builder_t *builder)
{
    for (size_t i = 0; i < GODWIT__METRIC_BUCKETS; i++)
        for (const godwit__metric_t *metric =
                 atomic_load_explicit (&metrics->buckets[i], memory_order_acquire);
             metric; metric = metric->next)
            build (builder, metric);
    for (int side = 0; side < GODWIT__SIDE_COUNT; side++)
        build (builder, &metrics->others[side]);
}
