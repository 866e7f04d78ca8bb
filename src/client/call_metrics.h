/* SPDX-License-Identifier: Apache-2.0 */
/* Counts a client's calls, casts and fanouts (contract 12). */
#ifndef GODWIT_SRC_CLIENT_CALL_METRICS_H
#define GODWIT_SRC_CLIENT_CALL_METRICS_H

#include "src/client/client.h"
#include "src/runtime/metrics.h"

/* The counters of a method, made if need be; the client remembers them. */
godwit__metric_t *godwit__client_metric (godwit_client_t *client, const char *method, bool fanout);

/* A call begins: its method is not NULL. Returns its counters, for when it ends. */
static inline godwit__metric_t *
godwit__call_begins (godwit_client_t *client, const char *method, bool fanout)
{
    godwit__metric_t *metric = atomic_load_explicit (&client->metric, memory_order_acquire);
    if (!metric || metric->label.fanout != fanout || strcmp (metric->label.method, method) != 0)
        metric = godwit__client_metric (client, method, fanout);
    godwit__metric_started (metric);
    return metric;
}

static inline void
godwit__call_ends (godwit__metric_t *metric, int64_t started_ns, godwit_status_t status, int64_t now_ns)
{
    godwit__metric_ended (metric, now_ns - started_ns, status);
}

#endif
