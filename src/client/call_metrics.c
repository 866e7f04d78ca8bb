/* SPDX-License-Identifier: Apache-2.0 */
#include "src/client/call_metrics.h"

godwit__metric_t *
godwit__client_metric (godwit_client_t *client, const char *method, bool fanout)
{
    const godwit_target_t *const target = &client->target;
    const godwit_transport_t *const transport = client->transport;
    const godwit__label_t label = {
        .exchange = target->exchange ? target->exchange : transport->control_exchange,
        .topic = target->topic,
        .name_space = target->name_space,
        .version = target->version,
        .server = target->server,
        .method = method,
        .side = GODWIT__SIDE_CLIENT,
        .fanout = fanout,
    };
    godwit__metric_t *const metric = godwit__metrics_find (transport->metrics, &label);
    /* The counters of all others belong to no method: they are not remembered. */
    if (metric != &transport->metrics->others[GODWIT__SIDE_CLIENT])
        atomic_store_explicit (&client->metric, metric, memory_order_release);
    return metric;
}
