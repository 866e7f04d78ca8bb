/* A client's calls, casts and fanouts, counted (contract 12). */
#ifndef GODWIT_SRC_CLIENT_CALL_METRICS_H
#define GODWIT_SRC_CLIENT_CALL_METRICS_H

#include "src/client/call.h"
#include "src/runtime/metrics.h"

/* The counters of a method, made if need be; the client remembers them. */
godwit__metric_t *godwit__client_metric (godwit_client_t *client, const char *method, bool fanout);

/* A call that was made begins; its method is not NULL. */
static inline void
godwit__call_begins (godwit__call_t *call, const char *method, bool fanout)
{
    godwit__metric_t *metric = atomic_load_explicit (&call->client->metric, memory_order_acquire);
    if (!metric || metric->label.fanout != fanout || strcmp (metric->label.method, method) != 0)
        metric = godwit__client_metric (call->client, method, fanout);
    call->metric = metric;
    godwit__metric_started (metric);
}

static inline void
godwit__call_ends (const godwit__call_t *call, godwit_status_t status, int64_t now_ns)
{
    godwit__metric_ended (call->metric, now_ns - call->started_ns, status != GODWIT_OK);
}

#endif
