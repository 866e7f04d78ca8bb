/* SPDX-License-Identifier: Apache-2.0 */
/* Which servers a client's target has (contract 3). */
#include "src/base/uncancelled.h"
#include "src/client/call_explain.h"
#include "src/client/nobody.h"
#include "src/discovery/selection.h"
#include "src/error/error.h"
#include "src/runtime/wait.h"

/* One that takes requests, connected or not. With transport.lock held. */
static bool
knows_one (const godwit_client_t *client)
{
    const char *const server = client->target.server;
    for (size_t i = 0; i < client->group->count; i++)
        if (!client->group->members[i]->draining &&
            (!server || strcmp (client->group->members[i]->record->server, server) == 0))
            return true;
    return false;
}

/* With transport.lock held. Returns how many are connected when there are enough, or when the time is over.
 */
static size_t
gather (godwit_client_t *client, size_t count, int64_t until_ns, bool *knows_nobody)
{
    godwit_transport_t *transport = client->transport;
    const int64_t since_ns = godwit__transport_now (transport);
    int64_t log_ns = since_ns + GODWIT__NOBODY_LOG_AFTER_NS;
    for (;;) {
        const size_t ready = godwit__group_ready_count (client->group, client->target.server);
        const int64_t now_ns = godwit__transport_now (transport);
        *knows_nobody = ready == 0 && !knows_one (client);
        if (ready >= count || until_ns <= now_ns || atomic_load (&transport->closing))
            return ready;
        if (*knows_nobody && log_ns && log_ns <= now_ns) {
            godwit__transport_unlock (transport);
            log_ns = godwit__nobody_log (client, since_ns, now_ns);
            pthread_mutex_lock (&transport->lock);
            continue;
        }
        godwit__transport_wait_changed (
            transport, (*knows_nobody && log_ns && log_ns < until_ns ? log_ns : until_ns) - now_ns);
    }
}

static godwit_status_t
wait_servers (godwit_client_t *client, size_t count, int64_t timeout_ms, godwit_error_t **error)
{
    godwit_transport_t *transport = client->transport;
    const int64_t until_ns = godwit__transport_now (transport) + godwit__ns_of_ms (timeout_ms);
    char why[GODWIT__EXPLAIN_SIZE] = "";
    bool knows_nobody = false;
    pthread_mutex_lock (&transport->lock);
    const size_t ready = gather (client, count, until_ns, &knows_nobody);
    godwit__transport_unlock (transport);
    if (ready >= count)
        return GODWIT_OK;
    godwit_status_t status = godwit__transport_check (transport, error);
    if (status == GODWIT_OK) {
        if (knows_nobody)
            godwit__nobody_explain (client, why, sizeof why);
        status = godwit__error_set (error, GODWIT_ERR_TIMEOUT,
                                    "%zu of %zu servers are connected after %lld ms%s%s", ready, count,
                                    (long long) timeout_ms, knows_nobody ? ": " : "", why);
    }
    godwit__client_explain (client, NULL, error);
    return status;
}

godwit_status_t
godwit_client_wait_servers (godwit_client_t *client, size_t count, int64_t timeout_ms, godwit_error_t **error)
{
    GODWIT__UNCANCELLED;
    if (!client)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "client: expected a pointer, got NULL");
    godwit_status_t status = godwit__client_enter (client, error);
    if (status)
        return status;
    status = godwit__client_check_topic (client, error);
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
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected a pointer, got NULL",
                                  client ? "list" : "client");
    godwit_status_t status = godwit__client_enter (client, error);
    if (status)
        return status;
    status = godwit__client_check_topic (client, error);
    if (status) {
        godwit__client_leave (client);
        return status;
    }
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_list (builder, NULL);
    pthread_mutex_lock (&client->transport->lock);
    for (size_t i = 0; i < client->group->count; i++)
        build_server (builder, client->group->members[i]);
    godwit__transport_unlock (client->transport);
    godwit__client_leave (client);
    godwit_builder_close (builder);
    return godwit_builder_finish (&builder, list, error);
}
