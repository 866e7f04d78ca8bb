/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics: counters of the calls that clients made and servers ran, per label (contract 12).
 *
 * A label is made once and stays as long as its transport, so a caller that has found one keeps a pointer to
 * it: a client to the label of its last method, a server to one in each route. Counting uses relaxed atomics.
 * The leaders of a server's ports, one thread at a time each, have tallies of their own: there counting needs
 * no locked instruction. It would be three for each publication.
 * Finding a label walks a chain without a lock; making one takes the lock. (So this is a table of its own:
 * src/base/table.h is for callers that hold a lock.) Names that come from outside make no label: a server has
 * one label for each method that it registered.
 */
#ifndef GODWIT_SRC_RUNTIME_METRICS_H
#define GODWIT_SRC_RUNTIME_METRICS_H

#include <godwit/value.h>

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
} godwit__tally_t;

typedef struct godwit__metric {
    struct godwit__metric *next; /* in its bucket; constant once the metric is there */
    godwit__label_t label;
    uint32_t hash;
    atomic_uint box_name; /* the label's number in the black box; 0: it was not asked for (call_box.h) */
    godwit__tally_t all;  /* of all threads but the leaders */
    godwit__tally_t leaders[GODWIT__METRIC_LEADERS];
    atomic_uint_fast64_t failures;
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

static inline void
godwit__metric_failed (godwit__metric_t *metric)
{
    atomic_fetch_add_explicit (&metric->failures, 1, memory_order_relaxed);
}

static inline void
godwit__metric_ended (godwit__metric_t *metric, int64_t duration_ns, bool failed)
{
    atomic_fetch_add_explicit (&metric->all.nanoseconds, (uint64_t) (duration_ns > 0 ? duration_ns : 0),
                               memory_order_relaxed);
    if (failed)
        godwit__metric_failed (metric);
    /* Last: a reader that sees the call as ended also sees its time and failure. */
    atomic_fetch_add_explicit (&metric->all.ended, 1, memory_order_release);
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

/* After godwit__metric_failed, if it failed. */
static inline void
godwit__tally_ended (godwit__tally_t *tally, int64_t duration_ns)
{
    godwit__tally_add (&tally->nanoseconds, (uint64_t) (duration_ns > 0 ? duration_ns : 0),
                       memory_order_relaxed);
    godwit__tally_add (&tally->ended, 1, memory_order_release); /* last, for the same reason */
}

#endif
