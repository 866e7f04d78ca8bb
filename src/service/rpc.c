/* SPDX-License-Identifier: Apache-2.0 */
#include "src/service/rpc.h"

#include "src/base/process.h"
#include "src/base/uncancelled.h"
#include "src/client/backoff.h"
#include "src/client/client.h"
#include "src/error/error.h"
#include "src/runtime/transport.h"
#include "src/server/server.h"
#include "src/service/rpc_exmods.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Guarded by the process's lock. */
static godwit__rpc_t program; /* transport NULL: before init */
static bool is_changing;      /* between the beginning and the end of init */

/* ---- init and cleanup ---- */

static const char *
default_option (const godwit_config_t *config, const char *name)
{
    return config ? godwit_config_get (config, "DEFAULT", name) : NULL;
}

static char *
host_name (const godwit_config_t *config)
{
    char name[256] = "localhost";
    const char *given = default_option (config, "host");
    if (!given)
        gethostname (name, sizeof name - 1);
    return strdup (given ? given : name);
}

static godwit_status_t
open_transports (godwit__rpc_t *rpc, const godwit_config_t *config, bool has_notifications,
                 godwit_error_t **error)
{
    const char *workers = default_option (config, "rpc_workers");
    rpc->is_disabled = workers && strtol (workers, NULL, 10) == 0;
    rpc->host = host_name (config);
    char *modules = godwit__rpc_join_exmods (
        config ? godwit_config_get (config, "godwit", "allowed_remote_exmods") : NULL);
    if (!rpc->host || !modules) {
        free (modules);
        return godwit__error_no_memory (error);
    }
    const godwit_transport_options_t *options = GODWIT_TRANSPORT_OPTIONS (.allowed_remote_exmods = modules);
    godwit_status_t status =
        config ? godwit_transport_new_from_config (&rpc->transport, config, NULL, options, error)
               : godwit_transport_new (&rpc->transport, "zmq://", options, error);
    if (status == GODWIT_OK && has_notifications) {
        status = godwit__rpc_notify_open (&rpc->notify, config, rpc->transport, modules, &rpc->hooks, error);
        if (status)
            godwit_transport_destroy (&rpc->transport);
    }
    free (modules);
    return status;
}

static godwit_status_t
init (const char *function, bool has_notifications, const godwit_config_t *config, godwit_error_t **error)
{
    godwit__rpc_t opened = {.transport = NULL};
    godwit__process_lock ();
    const bool is_taken = program.transport || is_changing;
    opened.hooks = godwit__rpc_next_hooks ();
    if (!is_taken)
        is_changing = true;
    godwit__process_unlock ();
    if (is_taken)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "%s: the program has its transport already; godwit_rpc_cleanup ends it",
                                  function);
    const godwit_status_t status = open_transports (&opened, config, has_notifications, error);
    godwit__process_lock ();
    is_changing = false;
    if (status == GODWIT_OK)
        program = opened;
    godwit__process_unlock ();
    if (status)
        free (opened.host);
    return status;
}

godwit_status_t
godwit_rpc_init (const godwit_config_t *config, godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    return init ("godwit_rpc_init", true, config, error);
}

godwit_status_t
godwit_rpc_init_action (const godwit_config_t *config, godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    return init ("godwit_rpc_init_action", false, config, error);
}

static godwit_status_t
refuse_early (const char *function, godwit_error_t **error)
{
    godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s was called before godwit_rpc_init", function);
    return GODWIT_ERR_INVALID_ARGUMENT;
}

godwit_status_t
godwit_rpc_cleanup (godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    godwit__process_lock ();
    godwit__rpc_t closed = program;
    program = (godwit__rpc_t){.transport = NULL};
    godwit__process_unlock ();
    if (!closed.transport)
        return refuse_early ("godwit_rpc_cleanup", error);
    godwit__rpc_notify_close (&closed.notify);
    godwit_transport_destroy (&closed.transport);
    free (closed.host);
    godwit__backoff_reset ();
    return GODWIT_OK;
}

godwit_transport_t *
godwit_rpc_transport (void)
{
    godwit__process_lock ();
    godwit_transport_t *transport = program.transport;
    godwit__process_unlock ();
    return transport;
}

godwit_status_t
godwit__rpc_enter (godwit__rpc_t *rpc, const char *function, godwit_error_t **error)
{
    char *host = NULL;
    godwit__process_lock ();
    godwit_transport_t *const transport = program.transport;
    *rpc = program;
    if (transport) {
        rpc->host = host = strdup (program.host);
        if (host)
            godwit__transport_ref (transport);
    }
    godwit__process_unlock ();
    if (!transport)
        return refuse_early (function, error);
    return host ? GODWIT_OK : godwit__error_no_memory (error);
}

void
godwit__rpc_leave (godwit__rpc_t *rpc)
{
    free (rpc->host);
    godwit__transport_unref (rpc->transport);
}

/* ---- clients and servers ---- */

godwit_status_t
godwit_rpc_get_client (godwit_client_t **client, const godwit_target_t *target, const char *version_cap,
                       const godwit_serializer_t *serializer, godwit_error_t **error)
{
    godwit__rpc_t rpc;
    godwit_serializer_t *wrapped = NULL;
    godwit_status_t status = godwit__rpc_enter (&rpc, "godwit_rpc_get_client", error);
    if (status)
        return status;
    status = godwit__rpc_wrap (&wrapped, serializer, &rpc.hooks, error);
    if (status == GODWIT_OK)
        status = godwit_backing_off_client_new (
            client, rpc.transport, target,
            GODWIT_CLIENT_OPTIONS (.version_cap = version_cap, .serializer = wrapped), error);
    if (status == GODWIT_OK)
        (*client)->own_serializer = wrapped;
    else
        godwit_request_context_serializer_destroy (&wrapped);
    godwit__rpc_leave (&rpc);
    return status;
}

godwit_status_t
godwit__rpc_server_new (godwit_server_t **server, const godwit__rpc_t *rpc, const godwit_target_t *target,
                        const godwit_endpoint_t *endpoints, size_t endpoint_count,
                        const godwit_serializer_t *serializer, godwit_error_t **error)
{
    godwit_serializer_t *wrapped = NULL;
    godwit_status_t status = godwit__rpc_wrap (&wrapped, serializer, &rpc->hooks, error);
    if (status == GODWIT_OK)
        status = godwit_server_new (server, rpc->transport, target, endpoints, endpoint_count,
                                    GODWIT_SERVER_OPTIONS (.serializer = wrapped), error);
    if (status == GODWIT_OK)
        (*server)->own_serializer = wrapped;
    else
        godwit_request_context_serializer_destroy (&wrapped);
    return status;
}

godwit_status_t
godwit_rpc_get_server (godwit_server_t **server, const godwit_target_t *target,
                       const godwit_endpoint_t *endpoints, size_t endpoint_count,
                       const godwit_serializer_t *serializer, godwit_error_t **error)
{
    godwit__rpc_t rpc;
    godwit_status_t status = godwit__rpc_enter (&rpc, "godwit_rpc_get_server", error);
    if (status)
        return status;
    status = godwit__rpc_server_new (server, &rpc, target, endpoints, endpoint_count, serializer, error);
    godwit__rpc_leave (&rpc);
    return status;
}

/* "SERVICE.HOST", unless it is given. */
static godwit_status_t
prepare_notifier (godwit_notifier_t **notifier, const godwit__rpc_t *rpc, const char *service,
                  const char *host, const char *publisher_id, godwit_error_t **error)
{
    char *made = NULL;
    if (!publisher_id && (!service || !*service))
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "service: expected a name, or else a publisher_id, got %s",
                                  service ? "\"\"" : "NULL");
    if (!publisher_id && asprintf (&made, "%s.%s", service, host ? host : rpc->host) < 0)
        return godwit__error_no_memory (error);
    const godwit_status_t status = godwit_notifier_prepare (notifier, rpc->notify.notifier,
                                                            publisher_id ? publisher_id : made, 0, error);
    free (made);
    return status;
}

godwit_status_t
godwit_rpc_get_notifier (godwit_notifier_t **notifier, const char *service, const char *host,
                         const char *publisher_id, godwit_error_t **error)
{
    godwit__rpc_t rpc;
    if (!notifier)
        return godwit__error_null (error, "notifier");
    godwit_status_t status = godwit__rpc_enter (&rpc, "godwit_rpc_get_notifier", error);
    if (status)
        return status;
    if (rpc.notify.notifier)
        status = prepare_notifier (notifier, &rpc, service, host, publisher_id, error);
    else
        status = godwit__error_set (
            error, GODWIT_ERR_INVALID_ARGUMENT,
            "godwit_rpc_get_notifier needs godwit_rpc_init; godwit_rpc_init_action makes the transport only");
    godwit__rpc_leave (&rpc);
    return status;
}
