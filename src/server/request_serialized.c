/* SPDX-License-Identifier: Apache-2.0 */
#include "src/server/request_serialized.h"

#include "src/serializer/serialize_call.h"
#include "src/server/server.h"

/* ---- the serializer ---- */

godwit_status_t
godwit__request_deserialize (godwit_request_t *request, const godwit_value_t *context,
                             const godwit_value_t *args, godwit_error_t **error)
{
    godwit__payload_t received;
    const godwit_status_t status =
        godwit__deserialize_request (&received, request->server->serializer, context, args, error);
    if (status)
        return status;
    request->context = received.context;
    request->args = received.args;
    return GODWIT_OK;
}

void
godwit__request_forget_serialized (godwit_request_t *request)
{
    godwit_value_unref (&request->context);
    godwit_value_unref (&request->args);
}

/* A request that was kept may outlive its server, and the server its serializer. While the serializer runs,
 * it counts as a handler: destroying the server and closing the pool wait for it. */
static bool
enter (godwit_request_t *request)
{
    godwit__pool_t *const pool = request->pool;
    if (!request->kept)
        return true;
    godwit__pool_lock (pool);
    godwit_server_t *const server = request->server;
    const bool entered = !pool->closed && (!server->leaving || server->active);
    if (entered) {
        server->active++;
        pool->active++;
    }
    godwit__pool_unlock (pool);
    return entered;
}

static void
leave (godwit_request_t *request)
{
    godwit__pool_t *const pool = request->pool;
    if (!request->kept)
        return;
    godwit__pool_lock (pool);
    request->server->active--;
    pool->active--;
    godwit__pool_changed (pool);
    godwit__pool_unlock (pool);
}

bool
godwit__request_serialize (godwit_request_t *request, const godwit_field_t *result, godwit_value_t **sent,
                           godwit_status_t *status, godwit_error_t **error)
{
    if (!enter (request))
        return false;
    *status = godwit__serialize_result (sent, request->server->serializer, godwit_request_context (request),
                                        result, error);
    leave (request);
    return true;
}

/* ---- metrics ---- */

/* The label has the server's names, not the caller's: nobody outside can create labels. */
godwit__metric_t *
godwit__request_metric (const godwit_request_t *request)
{
    const godwit_server_t *const server = request->server;
    godwit__metrics_t *const metrics = server->transport->metrics;
    godwit__route_t *const route = request->route;
    char version[GODWIT__VERSION_TEXT];
    if (!route)
        return &metrics->others[GODWIT__SIDE_SERVER];
    const godwit__label_t label = {
        .exchange = godwit__server_exchange (server),
        .topic = server->target.topic,
        .name_space = godwit__dispatch_serves (server->dispatch, route, version),
        .version = version,
        .server = server->target.server,
        .method = route->method.name,
        .side = GODWIT__SIDE_SERVER,
        .fanout = request->is_fanout,
    };
    godwit__metric_t *const metric = godwit__metrics_find (metrics, &label);
    atomic_store_explicit (&route->metrics[request->is_fanout], metric, memory_order_release);
    return metric;
}
