/* What a client does: calls on the caller's thread, and who is there (contract 3). */
#include "src/client/client.h"

#include "src/address/target.h"
#include "src/client/backing_off_client.h"
#include "src/client/call_metrics.h"
#include "src/client/publisher.h"
#include "src/connection/completion.h"
#include "src/error/error.h"

#include <stdlib.h>

/* ---- what a call needs to know ---- */

int64_t
godwit__client_timeout_ms (const godwit_client_t *client)
{
    if (client->timeout_ms == GODWIT_TIMEOUT_ZERO)
        return 0;
    return client->timeout_ms > 0 ? client->timeout_ms : client->transport->options.rpc_response_timeout_ms;
}

/* Contract 3: it is missed when something is sent, not before. */
static godwit_status_t
check_topic (const godwit_client_t *client, godwit_error_t **error)
{
    if (client->group)
        return GODWIT_OK;
    return godwit__target_error (error, GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE, &client->target,
                                 "A topic is required to send:", "");
}

godwit_status_t
godwit__client_check (const godwit_client_t *client, godwit_error_t **error)
{
    if (client->may_send)
        return check_topic (client, error);
    const godwit_status_t status = godwit__error_set (
        error, GODWIT_ERR_VERSION_CAP,
        "Requested message version, %s is incompatible. It needs to be equal in major version "
        "and less than or equal in minor version as the specified version cap %s.",
        client->target.version ? client->target.version : "unset", client->version_cap);
    godwit__error_with (error, status, "version", client->target.version);
    return godwit__error_with (error, status, "version_cap", client->version_cap);
}

/* ---- calls on the caller's thread ---- */

godwit_status_t
godwit__client_check_blocking (const godwit_client_t *client, godwit_error_t **error)
{
    const godwit__completion_t *completion = client->transport->completion;
    if (completion && godwit__completion_is_current (completion) && completion->callback_depth > 0)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "A callback must not block: make the call asynchronously");
    return GODWIT_OK;
}

static godwit_status_t
run (godwit_client_t *client, bool cast, const godwit_value_t *context, const char *method,
     const godwit_fields_t *args, godwit_value_t **result, godwit_error_t **error)
{
    godwit__call_t call;
    godwit_value_t *value = NULL;
    godwit_status_t status = godwit__call_init (&call, client, cast, context, method, args, error);
    if (status)
        return status;
    status = godwit__client_check_blocking (client, error);
    if (status) {
        godwit__call_release (&call);
        return status;
    }
    godwit_transport_t *transport = client->transport;
    if (cast)
        GODWIT__COUNT (transport, casts);
    else
        GODWIT__COUNT (transport, calls_started);
    godwit__call_begins (&call, method, false);
    status = godwit__call_run (&call, &value, error);
    if (status == GODWIT_OK && !cast)
        status = godwit__call_convert (&call, &value, error);
    godwit__call_ends (&call, status, call.now_ns ? call.now_ns : godwit__transport_now (transport));
    if (!cast) {
        if (status)
            GODWIT__COUNT (transport, calls_failed);
        else
            GODWIT__COUNT (transport, calls_succeeded);
    }
    if (status && call.backoff_key)
        godwit__backing_off_failed (&call, status, true);
    godwit__call_release (&call);
    if (result && status == GODWIT_OK)
        *result = value;
    else
        godwit_value_unref (&value);
    return status;
}

godwit_status_t
godwit_client_call (godwit_client_t *client, const godwit_value_t *context, const char *method,
                    godwit_fields_t args, godwit_value_t **result, godwit_error_t **error)
{
    if (!client)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "client: expected one, got NULL");
    if (client->target.fanout == GODWIT_YES)
        return godwit__target_error (error, GODWIT_ERR_INVALID_TARGET, GODWIT_OUTCOME_NONE, &client->target,
                                     "A call cannot be used with fanout:", "");
    return run (client, false, context, method, &args, result, error);
}

godwit_status_t
godwit_client_cast (godwit_client_t *client, const godwit_value_t *context, const char *method,
                    godwit_fields_t args, godwit_error_t **error)
{
    if (!client)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "client: expected one, got NULL");
    if (client->target.fanout == GODWIT_YES)
        return godwit_client_fanout (client, context, method, args, NULL, error);
    return run (client, true, context, method, &args, NULL, error);
}

godwit_status_t
godwit_client_fanout (godwit_client_t *client, const godwit_value_t *context, const char *method,
                      godwit_fields_t args, godwit_fanout_report_t *report, godwit_error_t **error)
{
    godwit__call_t call;
    godwit_fanout_report_t reached = {0};
    if (!client)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "client: expected one, got NULL");
    godwit_status_t status = godwit__call_init (&call, client, true, context, method, &args, error);
    if (status)
        return status;
    status = godwit__client_check_blocking (client, error);
    if (status == GODWIT_OK) {
        GODWIT__COUNT (client->transport, fanouts);
        godwit__call_begins (&call, method, true);
        status = godwit__publisher_fanout (&call, &reached, error);
        godwit__call_ends (&call, status, godwit__transport_now (client->transport));
    }
    godwit__call_release (&call);
    if (status == GODWIT_OK && report)
        *report = reached;
    return status;
}

/* ---- who is there ---- */

static godwit_status_t
wait_servers (godwit_client_t *client, size_t count, int64_t timeout_ms, godwit_error_t **error)
{
    godwit_transport_t *transport = client->transport;
    const int64_t until_ns = godwit__transport_now (transport) + godwit__ns_of_ms (timeout_ms);
    size_t ready = 0;
    pthread_mutex_lock (&transport->lock);
    for (;;) {
        ready = godwit__group_ready_count (client->group, client->target.server);
        const int64_t left_ns = until_ns - godwit__transport_now (transport);
        if (ready >= count || left_ns <= 0 || atomic_load (&transport->closing))
            break;
        godwit__transport_wait_changed (transport, left_ns);
    }
    pthread_mutex_unlock (&transport->lock);
    if (ready >= count)
        return GODWIT_OK;
    const godwit_status_t status = godwit__transport_check (transport, error);
    return status ? status
                  : godwit__error_set (error, GODWIT_ERR_TIMEOUT,
                                       "%zu of %zu servers are connected after %lld ms", ready, count,
                                       (long long) timeout_ms);
}

godwit_status_t
godwit_client_wait_servers (godwit_client_t *client, size_t count, int64_t timeout_ms, godwit_error_t **error)
{
    if (!client)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "client: expected one, got NULL");
    godwit_status_t status = godwit__client_enter (client, error);
    if (status)
        return status;
    status = check_topic (client, error);
    if (status == GODWIT_OK)
        status = godwit__client_check_blocking (client, error);
    if (status == GODWIT_OK)
        status = wait_servers (client, count, timeout_ms, error);
    godwit__client_leave (client);
    return status;
}

static void
build_server (godwit_builder_t *builder, const godwit__member_t *member)
{
    const godwit__record_t *record = member->record;
    godwit_builder_open_map (builder, NULL);
    godwit_builder_str (builder, "exchange", record->exchange);
    godwit_builder_str (builder, "topic", record->topic);
    godwit_builder_str (builder, "server", record->server);
    godwit_builder_bin (builder, "instance", record->instance, sizeof record->instance);
    godwit_builder_str (builder, "state", member->draining ? "DRAINING" : "UP");
    godwit_builder_bool (builder, "connected", godwit__member_is_ready (member));
    godwit_builder_open_list (builder, "addresses");
    for (size_t i = 0; i < record->address_count; i++)
        godwit_builder_str (builder, NULL, record->addresses[i]);
    godwit_builder_close (builder);
    godwit_builder_close (builder);
}

godwit_status_t
godwit_client_servers (godwit_client_t *client, godwit_value_t **list, godwit_error_t **error)
{
    if (!client || !list)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected one, got NULL",
                                  client ? "list" : "client");
    godwit_status_t status = godwit__client_enter (client, error);
    if (status)
        return status;
    status = check_topic (client, error);
    if (status) {
        godwit__client_leave (client);
        return status;
    }
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_list (builder, NULL);
    pthread_mutex_lock (&client->transport->lock);
    for (size_t i = 0; i < client->group->count; i++)
        build_server (builder, client->group->members[i]);
    pthread_mutex_unlock (&client->transport->lock);
    godwit__client_leave (client);
    godwit_builder_close (builder);
    return godwit_builder_finish (&builder, list, error);
}
