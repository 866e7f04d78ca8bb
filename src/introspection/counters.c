/* SPDX-License-Identifier: Apache-2.0 */
/* The counters and metrics of a transport, for its own program. */
#include "src/introspection/counters.h"

#include "src/discovery/directory.h"
#include "src/error/error.h"
#include "src/introspection/exposition.h"

#include <string.h>

void
godwit_transport_stats (const godwit_transport_t *transport, godwit_transport_stats_t *stats, size_t size)
{
    godwit_transport_stats_t now = {0};
    const godwit__counters_t *counters = &transport->counters;
#define COPY(name) now.name = atomic_load_explicit (&counters->name, memory_order_relaxed)
    COPY (calls_started);
    COPY (calls_succeeded);
    COPY (calls_failed);
    COPY (calls_retried);
    COPY (casts);
    COPY (fanouts);
    COPY (requests_received);
    COPY (requests_refused);
    COPY (requests_duplicate);
    COPY (fanout_gaps);
    COPY (frames_malformed);
    COPY (frames_unknown);
    COPY (frames_dropped);
    COPY (workers);
    COPY (calls_repeated);
    COPY (retries_withheld);
    COPY (requests_cancelled);
    COPY (calls_duplicate);
#undef COPY
    for (size_t i = 0; i < GODWIT__DRIVER_MAX; i++) {
        const godwit__port_counters_t *const port = &counters->ports[i];
        now.requests_received += atomic_load_explicit (&port->requests_received, memory_order_relaxed);
        now.fanouts_received += atomic_load_explicit (&port->fanouts_received, memory_order_relaxed);
    }
#define COPY(name) now.name = atomic_load_explicit (&transport->gauges.name, memory_order_relaxed)
    COPY (rendezvous_known);
    COPY (rendezvous_joined);
    COPY (rendezvous_hosted);
#undef COPY
    if (!atomic_load (&transport->closing) && *transport->alive) {
        pthread_mutex_t *lock =
            (pthread_mutex_t *) (uintptr_t) &transport->lock; /* locking changes nothing that shows */
        pthread_mutex_lock (lock);
        for (size_t i = 0; i < transport->driver_count; i++) {
            const godwit__driver_counters_t *driver =
                transport->drivers[i]->ops->counters (transport->drivers[i]);
            now.frames_malformed += atomic_load_explicit (&driver->malformed, memory_order_relaxed);
            /* Frames that a driver drops are no replies (a rendezvous answers members that have left), or
             * their sender counts them. */
        }
        now.peers = transport->connection_count;
        now.servers_known = transport->directory->member_count;
        pthread_mutex_unlock (lock);
    }
    memcpy (stats, &now, size < sizeof now ? size : sizeof now);
}

godwit_status_t
godwit_transport_metrics (const godwit_transport_t *transport, godwit_value_t **list, godwit_error_t **error)
{
    if (!transport || !list)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected a pointer, got NULL",
                                  transport ? "metrics" : "transport");
    const godwit_status_t status = godwit__transport_check (transport, error);
    if (status)
        return status;
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_list (builder, NULL);
    godwit__metrics_build (transport->metrics, builder);
    godwit_builder_close (builder);
    return godwit_builder_finish (&builder, list, error);
}

/* ---- for others ---- */

void
godwit__counters_build (const godwit_transport_t *transport, godwit_builder_t *builder)
{
    godwit_transport_stats_t stats;
    godwit_transport_stats (transport, &stats, sizeof stats);
#define ADD(name) godwit_builder_uint (builder, #name, stats.name)
    ADD (calls_started);
    ADD (calls_succeeded);
    ADD (calls_failed);
    ADD (calls_retried);
    ADD (casts);
    ADD (fanouts);
    ADD (requests_received);
    ADD (requests_refused);
    ADD (requests_duplicate);
    ADD (fanouts_received);
    ADD (fanout_gaps);
    ADD (frames_malformed);
    ADD (frames_unknown);
    ADD (frames_dropped);
    ADD (peers);
    ADD (servers_known);
    ADD (workers);
    ADD (calls_repeated);
    ADD (retries_withheld);
    ADD (rendezvous_known);
    ADD (rendezvous_joined);
    ADD (rendezvous_hosted);
    ADD (requests_cancelled);
    ADD (calls_duplicate);
#undef ADD
}

static godwit_status_t
counters_of (const godwit_transport_t *transport, godwit_value_t **counters, godwit_error_t **error)
{
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_map (builder, NULL);
    godwit__counters_build (transport, builder);
    godwit_builder_close (builder);
    return godwit_builder_finish (&builder, counters, error);
}

godwit_status_t
godwit_transport_metrics_text (const godwit_transport_t *transport, char **text, size_t *size,
                               godwit_error_t **error)
{
    godwit_value_t *list = NULL, *counters = NULL;
    if (!transport || !text || !size)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected a pointer, got NULL",
                                  !transport ? "transport"
                                  : !text    ? "text"
                                             : "size");
    godwit_status_t status = godwit_transport_metrics (transport, &list, error);
    if (!status)
        status = counters_of (transport, &counters, error);
    const godwit_value_t *const lists[] = {list};
    const godwit__exposition_t what = {.lists = lists, .list_count = 1, .counters = counters};
    if (!status)
        status = godwit__exposition_write (&what, text, size, error);
    godwit_value_unref (&list);
    godwit_value_unref (&counters);
    return status;
}
