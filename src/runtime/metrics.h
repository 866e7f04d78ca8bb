/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics: counters of the calls that clients made and servers ran, per label (contract 12): how many began,
 * ended and failed, with which status, and how long they took.
 *
 * A label is made once and stays as long as its transport, so a caller that has found one keeps a pointer to
 * it: a client to the label of its last method, a server to one in each route. Counting uses relaxed atomics.
 * The leaders of a server's ports, one thread at a time each, have tallies of their own: there counting needs
 * no locked instruction. It would be four for each publication.
 * What takes room (histograms, failures by status) is made when it is first needed. If memory is short then,
 * the call is in the other counters alone.
 * Finding a label walks a chain without a lock; making one takes the lock. (So this is a table of its own:
 * src/base/table.h is for callers that hold a lock.) Names that come from outside make no label: a server has
 * one label for each method that it registered.
 */
#ifndef GODWIT_SRC_RUNTIME_METRICS_H
#define GODWIT_SRC_RUNTIME_METRICS_H

#include <godwit/value.h>

#include "src/runtime/histogram.h"

#include <pthread.h>
#include <stdatomic.h>

/* The most labels of each side. Calls beyond them, or without a label, are counted together. */
#define GODWIT__METRIC_LIMIT 4096
#define GODWIT__METRIC_BUCKETS 1024

typedef enum godwit__side { GODWIT__SIDE_CLIENT, GODWIT__SIDE_SERVER, GODWIT__SIDE_COUNT } godwit__side_t;

/* Texts: NULL is unset. */
typedef struct godwit__label {
    const char *exchange;
    const char *topic;
    const char *name_space;
    const char *version;
    const char *server;
    const char *method;
    godwit__side_t side;
    bool fanout;
} godwit__label_t;

/* The most ports of a transport, each with a leader. */
#define GODWIT__METRIC_LEADERS 2

typedef struct godwit__tally {
    atomic_uint_fast64_t started;
    atomic_uint_fast64_t ended;
    atomic_uint_fast64_t nanoseconds;
    _Atomic (godwit__histogram_t *) histogram; /* NULL: nothing was measured yet */
} godwit__tally_t;

typedef struct godwit__failures {
    atomic_uint_fast64_t by_status[GODWIT_STATUS_COUNT];
} godwit__failures_t;

typedef struct godwit__metric {
    struct godwit__metric *next; /* in its bucket; constant once the metric is there */
    godwit__label_t label;
    uint32_t hash;
    atomic_uint box_name; /* the label's number in the black box; 0: it was not asked for (call_box.h) */
    godwit__tally_t all;  /* of all threads but the leaders */
    godwit__tally_t leaders[GODWIT__METRIC_LEADERS];
    atomic_uint_fast64_t failures;
    _Atomic (godwit__failures_t *) by_status; /* NULL: nothing failed yet */
    /* The label's texts lie behind the struct. */
} godwit__metric_t;

typedef struct godwit__metrics {
    pthread_mutex_t lock; /* held to make labels */
    size_t counts[GODWIT__SIDE_COUNT];
    bool was_full[GODWIT__SIDE_COUNT]; /* a label found no room since godwit__metrics_take_full */
    _Atomic (godwit__metric_t *) buckets[GODWIT__METRIC_BUCKETS];
    godwit__metric_t others[GODWIT__SIDE_COUNT];
} godwit__metrics_t;

godwit__metrics_t *godwit__metrics_new (void);
void godwit__metrics_destroy (godwit__metrics_t **metrics);

/* Finds or makes the counters of a label. If there are too many labels, or memory is short, returns those
 * that all others share. The label is copied. Never NULL. Any thread. */
godwit__metric_t *godwit__metrics_find (godwit__metrics_t *metrics, const godwit__label_t *label);

/* True if a label found no room since the last time. Any thread. */
bool godwit__metrics_take_full (godwit__metrics_t *metrics, godwit__side_t side);

/* Adds a map for each label that was counted to the list that is open. Any thread. */
void godwit__metrics_build (const godwit__metrics_t *metrics, godwit_builder_t *builder);

static inline void
godwit__metric_started (godwit__metric_t *metric)
{
    atomic_fetch_add_explicit (&metric->all.started, 1, memory_order_relaxed);
}

/* Before the call counts as ended. Any thread. */
void godwit__metric_failed (godwit__metric_t *metric, godwit_status_t status);

/* Makes the histogram of a tally, unless another thread was faster. NULL: memory is short. */
godwit__histogram_t *godwit__tally_make_histogram (godwit__tally_t *tally);

static inline godwit__histogram_t *
godwit__tally_histogram (godwit__tally_t *tally)
{
    godwit__histogram_t *const histogram = atomic_load_explicit (&tally->histogram, memory_order_acquire);
    return histogram ? histogram : godwit__tally_make_histogram (tally);
}

static inline uint64_t
godwit__metric_duration (int64_t duration_ns)
{
    return duration_ns > 0 ? (uint64_t) duration_ns : 0;
}

/* So many runs took each_ns each; before the last of them counts as ended. */
static inline void
godwit__metric_timed (godwit__metric_t *metric, int64_t each_ns, uint64_t runs)
{
    godwit__histogram_t *const histogram = godwit__tally_histogram (&metric->all);
    if (histogram)
        godwit__histogram_add (histogram, each_ns, runs);
}

/* After godwit__metric_timed, if it was measured. */
static inline void
godwit__metric_over (godwit__metric_t *metric, int64_t duration_ns, godwit_status_t status)
{
    atomic_fetch_add_explicit (&metric->all.nanoseconds, godwit__metric_duration (duration_ns),
                               memory_order_relaxed);
    if (status)
        godwit__metric_failed (metric, status);
    /* Last: a reader that sees the call as ended also sees its time and failure. */
    atomic_fetch_add_explicit (&metric->all.ended, 1, memory_order_release);
}

static inline void
godwit__metric_ended (godwit__metric_t *metric, int64_t duration_ns, godwit_status_t status)
{
    godwit__metric_timed (metric, duration_ns, 1);
    godwit__metric_over (metric, duration_ns, status);
}

/* ---- a leader ---- */

static inline void
godwit__tally_add (atomic_uint_fast64_t *number, uint64_t more, memory_order order)
{
    atomic_store_explicit (number, atomic_load_explicit (number, memory_order_relaxed) + more, order);
}

static inline void
godwit__tally_started (godwit__tally_t *tally)
{
    godwit__tally_add (&tally->started, 1, memory_order_relaxed);
}

/* As godwit__metric_timed. */
static inline void
godwit__tally_timed (godwit__tally_t *tally, int64_t each_ns, uint64_t runs)
{
    godwit__histogram_t *const histogram = godwit__tally_histogram (tally);
    if (!histogram)
        return;
    if (each_ns > atomic_load_explicit (&histogram->max_ns, memory_order_relaxed))
        atomic_store_explicit (&histogram->max_ns, each_ns, memory_order_relaxed);
    godwit__tally_add (&histogram->counts[godwit__histogram_index (each_ns)], runs, memory_order_relaxed);
}

/* After godwit__tally_timed, if it was measured, and godwit__metric_failed, if it failed. */
static inline void
godwit__tally_ended (godwit__tally_t *tally, int64_t duration_ns)
{
    godwit__tally_add (&tally->nanoseconds, godwit__metric_duration (duration_ns), memory_order_relaxed);
    godwit__tally_add (&tally->ended, 1, memory_order_release); /* last, for the same reason */
}

#endif
