/* SPDX-License-Identifier: Apache-2.0 */
#include "src/introspection/exposition.h"

#include "src/error/error.h"
#include "src/introspection/exposition_sample.h"
#include "src/runtime/histogram.h"

#include <string.h>

/* ---- families ---- */

/* The samples of a metric stand together, below one header. */
typedef struct family {
    const char *name;
    const char *type;
    const char *help;
    bool is_open; /* the header is written: with the first sample */
} family_t;

static void
begin_sample (godwit__text_t *text, family_t *family, const char *suffix)
{
    if (!family->is_open) {
        const char *const parts[] = {"# HELP ", family->name, " ", family->help, "\n",
                                     "# TYPE ", family->name, " ", family->type, "\n"};
        for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
            godwit__text_put (text, parts[i]);
        family->is_open = true;
    }
    godwit__text_put (text, family->name);
    godwit__text_put (text, suffix);
}

static void
end_sample (godwit__text_t *text, unsigned labels, uint64_t number)
{
    godwit__text_put (text, labels ? "} " : " ");
    godwit__text_put_number (text, number);
    godwit__text_put (text, "\n");
}

/* Writes what an entry has of a family. */
typedef void entry_fn (godwit__text_t *text, family_t *family, const godwit_value_t *entry);

/* side: only its entries; NULL: all. */
static void
write_family (godwit__text_t *text, const godwit__exposition_t *what, family_t family, const char *side,
              entry_fn *write)
{
    for (size_t i = 0; i < what->list_count; i++)
        for (size_t k = 0; k < godwit_value_count (what->lists[i]); k++) {
            const godwit_value_t *const entry = godwit_value_at (what->lists[i], k);
            const char *const is = godwit_value_as_str (godwit_value_get (entry, "side"), "");
            if (godwit_value_type (entry) == GODWIT_TYPE_MAP && (!side || strcmp (is, side) == 0))
                write (text, &family, entry);
        }
}

/* ---- durations ---- */

/* 1, 2 and 5 times a power of ten, as Prometheus's own libraries write them. */
static const struct {
    int64_t ns;
    const char *text;
} bounds[] = {
    {INT64_C (1000), "1e-06"},         {INT64_C (2000), "2e-06"},       {INT64_C (5000), "5e-06"},
    {INT64_C (10000), "1e-05"},        {INT64_C (20000), "2e-05"},      {INT64_C (50000), "5e-05"},
    {INT64_C (100000), "0.0001"},      {INT64_C (200000), "0.0002"},    {INT64_C (500000), "0.0005"},
    {INT64_C (1000000), "0.001"},      {INT64_C (2000000), "0.002"},    {INT64_C (5000000), "0.005"},
    {INT64_C (10000000), "0.01"},      {INT64_C (20000000), "0.02"},    {INT64_C (50000000), "0.05"},
    {INT64_C (100000000), "0.1"},      {INT64_C (200000000), "0.2"},    {INT64_C (500000000), "0.5"},
    {INT64_C (1000000000), "1.0"},     {INT64_C (2000000000), "2.0"},   {INT64_C (5000000000), "5.0"},
    {INT64_C (10000000000), "10.0"},   {INT64_C (20000000000), "20.0"}, {INT64_C (50000000000), "50.0"},
    {INT64_C (100000000000), "100.0"},
};

/* A bound of the value, in nanoseconds. What is no bound is that of the longest. */
static int64_t
bound_ns (const godwit_value_t *bound)
{
    const double seconds = godwit_value_as_double (bound, -1);
    return seconds >= 0 && seconds < 1e9 ? (int64_t) (seconds * 1e9 + 0.5) : GODWIT__HISTOGRAM_UNBOUNDED;
}

static godwit__histogram_sum_t
durations_of (const godwit_value_t *entry)
{
    const godwit_value_t *const buckets = godwit_value_get (entry, "buckets");
    godwit__histogram_sum_t sum = {.count = 0};
    for (size_t i = 0; i < godwit_value_count (buckets); i++) {
        const godwit_value_t *const bucket = godwit_value_at (buckets, i);
        uint64_t count = 0;
        godwit_value_get_uint (godwit_value_at (bucket, 1), &count, NULL);
        sum.counts[godwit__histogram_index (bound_ns (godwit_value_at (bucket, 0)))] += count;
        sum.count += count;
    }
    return sum;
}

static void
write_bucket (godwit__text_t *text, family_t *family, const godwit_value_t *entry, const char *bound,
              uint64_t count)
{
    unsigned labels = 0;
    begin_sample (text, family, "_bucket");
    godwit__sample_labels (text, &labels, entry, false);
    godwit__sample_label (text, &labels, "le", bound, strlen (bound));
    end_sample (text, labels, count);
}

static void
write_durations (godwit__text_t *text, family_t *family, const godwit_value_t *entry)
{
    const godwit__histogram_sum_t sum = durations_of (entry);
    const uint64_t ended = godwit__sample_number (entry, "ended");
    const uint64_t count = ended > sum.count ? ended : sum.count; /* some may not be measured yet */
    unsigned labels = 0;
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++)
        write_bucket (text, family, entry, bounds[i].text, godwit__histogram_count_to (&sum, bounds[i].ns));
    write_bucket (text, family, entry, "+Inf", count);
    begin_sample (text, family, "_sum");
    godwit__sample_labels (text, &labels, entry, false);
    godwit__text_put (text, labels ? "} " : " ");
    godwit__sample_seconds (text, godwit_value_as_double (godwit_value_get (entry, "seconds"), 0));
    godwit__text_put (text, "\n");
    labels = 0;
    begin_sample (text, family, "_count");
    godwit__sample_labels (text, &labels, entry, false);
    end_sample (text, labels, count);
}

/* ---- numbers ---- */

static void
write_number (godwit__text_t *text, family_t *family, const godwit_value_t *entry, uint64_t number)
{
    unsigned labels = 0;
    begin_sample (text, family, "");
    godwit__sample_labels (text, &labels, entry, true);
    end_sample (text, labels, number);
}

static void
write_started (godwit__text_t *text, family_t *family, const godwit_value_t *entry)
{
    write_number (text, family, entry, godwit__sample_number (entry, "started"));
}

static void
write_in_flight (godwit__text_t *text, family_t *family, const godwit_value_t *entry)
{
    write_number (text, family, entry, godwit__sample_number (entry, "in_flight"));
}

static void
write_failure (godwit__text_t *text, family_t *family, const godwit_value_t *entry, const char *type,
               uint64_t count)
{
    unsigned labels = 0;
    begin_sample (text, family, "");
    godwit__sample_labels (text, &labels, entry, true);
    godwit__sample_label (text, &labels, "error_type", type, strlen (type));
    end_sample (text, labels, count);
}

/* Those that no status is known of are _OTHER, as in OpenTelemetry. */
static void
write_failures (godwit__text_t *text, family_t *family, const godwit_value_t *entry)
{
    const godwit_value_t *const by_status = godwit_value_get (entry, "by_status");
    uint64_t known = 0;
    for (size_t i = 0; i < godwit_value_count (by_status); i++) {
        const char *const type = godwit_value_key_at (by_status, i);
        uint64_t count = 0;
        if (!type || strcmp (type, "_OTHER") == 0)
            continue;
        godwit_value_get_uint (godwit_value_at (by_status, i), &count, NULL);
        known += count;
        write_failure (text, family, entry, type, count);
    }
    const uint64_t failures = godwit__sample_number (entry, "failures");
    if (failures > known)
        write_failure (text, family, entry, "_OTHER", failures - known);
}

/* ---- counters of the process ---- */

#define COUNTER(field_, help_)                                                                               \
    {                                                                                                        \
#field_,                                                                                             \
        {                                                                                                    \
            "godwit_" #field_ "_total", "counter", help_, false                                              \
        }                                                                                                    \
    }
#define GAUGE(field_, help_)                                                                                 \
    {                                                                                                        \
#field_,                                                                                             \
        {                                                                                                    \
            "godwit_" #field_, "gauge", help_, false                                                         \
        }                                                                                                    \
    }

static const struct {
    const char *field;
    family_t family;
} counters[] = {
    COUNTER (calls_started, "Calls that began."),
    COUNTER (calls_succeeded, "Calls that ended with a result."),
    COUNTER (calls_failed, "Calls that ended with an error."),
    COUNTER (calls_retried, "Times that a call was sent again."),
    COUNTER (calls_repeated, "Times that an idempotent call was sent again although it may have run."),
    COUNTER (calls_duplicate, "Requests that a server refused because it had seen their ids."),
    COUNTER (retries_withheld, "Retries that had to wait for the retry budget."),
    COUNTER (casts, "Casts that were sent."),
    COUNTER (fanouts, "Fanouts that were sent."),
    COUNTER (fanouts_received, "Fanouts that were received."),
    COUNTER (fanout_gaps, "Fanouts that were missed, or dropped because a queue was full."),
    COUNTER (requests_received, "Requests that were received."),
    COUNTER (requests_refused, "Requests that were refused: overloaded, draining, expired, no such server."),
    COUNTER (requests_duplicate, "Requests that were refused because their ids had been seen before."),
    COUNTER (requests_cancelled, "Requests that nobody waits for any more."),
    COUNTER (frames_malformed, "Frames that do not follow the protocol."),
    COUNTER (frames_unknown, "Frames of an unknown type or version."),
    COUNTER (frames_dropped, "Replies that nobody waits for any more."),
    GAUGE (peers, "Open connections."),
    GAUGE (servers_known, "Servers in the directory."),
    GAUGE (workers, "Worker threads."),
    GAUGE (rendezvous_known, "Rendezvous points to use."),
    GAUGE (rendezvous_joined, "Rendezvous points that have told all that they know."),
    GAUGE (rendezvous_hosted, "Rendezvous points that this process hosts."),
};

static void
write_counters (godwit__text_t *text, const godwit_value_t *values)
{
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++) {
        family_t family = counters[i].family;
        if (!godwit_value_get (values, counters[i].field))
            continue;
        begin_sample (text, &family, "");
        end_sample (text, 0, godwit__sample_number (values, counters[i].field));
    }
}

/* ---- all ---- */

godwit_status_t
godwit__exposition_write (const godwit__exposition_t *what, char **text_p, size_t *size,
                          godwit_error_t **error)
{
    godwit__text_t text = {.size_max = GODWIT__EXPOSITION_MAX};
    write_family (&text, what,
                  (family_t){"rpc_client_call_duration_seconds", "histogram",
                             "How long calls, casts and fanouts took.", false},
                  "client", write_durations);
    write_family (&text, what,
                  (family_t){"rpc_server_call_duration_seconds", "histogram",
                             "How long handlers of requests took.", false},
                  "server", write_durations);
    write_family (&text, what,
                  (family_t){"godwit_invocations_started_total", "counter",
                             "Invocations that began, at clients and at servers.", false},
                  NULL, write_started);
    write_family (&text, what,
                  (family_t){"godwit_invocations_in_flight", "gauge",
                             "Invocations that have begun and not ended.", false},
                  NULL, write_in_flight);
    write_family (&text, what,
                  (family_t){"godwit_invocations_failed_total", "counter",
                             "Invocations that failed, by the type of their error.", false},
                  NULL, write_failures);
    if (what->counters)
        write_counters (&text, what->counters);
    const size_t length = text.size;
    char *const data = godwit__text_finish (&text);
    if (!data && text.is_too_long)
        return godwit__error_set (error, GODWIT_ERR_LIMIT_EXCEEDED,
                                  "metrics: the text would be longer than %zu MiB",
                                  GODWIT__EXPOSITION_MAX >> 20);
    if (!data)
        return godwit__error_no_memory (error);
    *text_p = data;
    *size = length;
    return GODWIT_OK;
}
