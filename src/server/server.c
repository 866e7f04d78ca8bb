/* SPDX-License-Identifier: Apache-2.0 */
/* Makes servers, and frees their memory. */
#include "src/server/server.h"

#include "src/address/target.h"
#include "src/address/target_version.h"
#include "src/error/error.h"
#include "src/error/struct_size.h"
#include "src/serializer/serializer.h"
#include "src/server/endpoints.h"
#include "src/server/order.h"
#include "src/server/ping.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_QUEUE_LIMIT 1024

static void
set_defaults (godwit_server_options_t *options, const godwit_transport_t *transport)
{
    if (options->concurrency <= 0)
        options->concurrency = transport->options.executor_thread_pool_size;
    if (!options->executor)
        options->executor = "pool";
    if (options->queue_limit <= 0)
        options->queue_limit = DEFAULT_QUEUE_LIMIT;
    if (!options->weight)
        options->weight = 1;
}

void
godwit__server_free (godwit_server_t *server)
{
    godwit__dispatch_destroy (&server->dispatch);
    godwit__record_unref (&server->record);
    godwit__target_release (&server->target);
    godwit_error_destroy (&server->start_failure);
    godwit_request_context_serializer_destroy (&server->own_serializer);
    godwit__order_release (server);
    free (server);
}

godwit_status_t
godwit_server_new (godwit_server_t **server_p, godwit_transport_t *transport, const godwit_target_t *target,
                   const godwit_endpoint_t *endpoints, size_t endpoint_count,
                   const godwit_server_options_t *options_p, godwit_error_t **error)
{
    if (!server_p || !transport)
        return godwit__error_null (error, server_p ? "transport" : "server");
    godwit_status_t status = godwit__transport_check (transport, error);
    godwit_server_options_t options;
    if (status == GODWIT_OK)
        status = godwit__struct_read (&godwit__struct_server_options, &options, options_p, error);
    if (status == GODWIT_OK)
        status = godwit__endpoints_check (endpoints, endpoint_count, error);
    if (status)
        return status;
    set_defaults (&options, transport);
    const bool answers_ping =
        transport->options.rpc_ping_enabled && !godwit__ping_is_served (endpoints, endpoint_count);
    const bool in_order = strcmp (options.executor, "inline") == 0;
    if (!in_order && strcmp (options.executor, "pool") != 0)
        return godwit__error_with (
            error,
            godwit__error_set (error, GODWIT_ERR_EXECUTOR_LOAD,
                               "Failed to load executor \"%s\": expected pool or inline", options.executor),
            "executor", options.executor);
    status = godwit__serializer_check (options.serializer, error);
    if (status)
        return status;
    godwit_server_t *const server = calloc (1, sizeof *server);
    if (!server)
        return godwit__error_no_memory (error);
    godwit__list_init (&server->queue);
    godwit__list_init (&server->running);
    server->clock = transport->clock;
    server->in_order = in_order;
    server->concurrency = in_order ? 1 : (uint32_t) options.concurrency;
    server->queue_limit = (uint32_t) options.queue_limit;
    server->weight = options.weight;
    server->serializer = options.serializer;
    server->checks_rights = transport->realm || options.authorize;
    server->authorize = options.authorize;
    server->authorize_user = options.authorize_user;
    status = godwit__target_copy (&server->target, target, error);
    if (!status && server->target.version) {
        godwit__version_t version;
        status = godwit__version_parse (&version, server->target.version, error);
    }
    if (!status)
        status =
            godwit__dispatch_new (&server->dispatch, endpoints, endpoint_count,
                                  &(godwit__policy_t){.kind = options.policy,
                                                      .allow = options.allow,
                                                      .allow_user = options.allow_user,
                                                      .extra = answers_ping ? &godwit__ping_method : NULL},
                                  error);
    if (status) {
        godwit__server_free (server);
        return status;
    }
    server->transport = godwit__transport_ref (transport);
    *server_p = server;
    return GODWIT_OK;
}
