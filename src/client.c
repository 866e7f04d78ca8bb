#include "src/client.h"

#include "src/backing_off_client.h"
#include "src/call.h"
#include "src/completion.h"
#include "src/error.h"
#include "src/publisher.h"
#include "src/target.h"

#include <stdlib.h>

const char godwit_clear[] = "";

/* ---- life ---- */

static void
free_client (godwit_client_t *client)
{
    godwit__target_release (&client->target);
    free (client->version_cap);
    godwit__transport_unref (client->transport);
    free (client);
}

static godwit_status_t
copy_version (char **to, const char *version, godwit_error_t **error)
{
    godwit__version_t parsed;
    if (!version)
        return GODWIT_OK;
    const godwit_status_t status = godwit__version_parse (&parsed, version, error);
    if (status)
        return status;
    *to = strdup (version);
    return *to ? GODWIT_OK : godwit__error_no_memory (error);
}

static godwit_status_t
check_target (const godwit_target_t *target, godwit_error_t **error)
{
    godwit__version_t parsed;
    return target->version ? godwit__version_parse (&parsed, target->version, error) : GODWIT_OK;
}

/* Finds its group, and enters it in the transport's list. */
static godwit_status_t
join_transport (godwit_client_t *client, godwit_error_t **error)
{
    godwit_transport_t *transport = client->transport;
    const char *exchange = client->target.exchange ? client->target.exchange : transport->control_exchange;
    const bool has_topic = client->target.topic != NULL; /* none is an error when something is sent */
    pthread_mutex_lock (&transport->lock);
    godwit_status_t status = godwit__transport_check (transport, error);
    if (status == GODWIT_OK && has_topic) {
        client->group = godwit__directory_group (transport->directory, exchange, client->target.topic);
        if (!client->group)
            status = godwit__error_no_memory (error);
    }
    if (status == GODWIT_OK) {
        client->next = transport->clients;
        if (client->next)
            client->next->previous = client;
        transport->clients = client;
    }
    pthread_mutex_unlock (&transport->lock);
    return status;
}

static void
leave_transport (godwit_client_t *client)
{
    godwit_transport_t *transport = client->transport;
    pthread_mutex_lock (&transport->lock);
    if (client->previous)
        client->previous->next = client->next;
    else
        transport->clients = client->next;
    if (client->next)
        client->next->previous = client->previous;
    pthread_mutex_unlock (&transport->lock);
}

/* target and the numbers are settled by the caller. */
static godwit_status_t
new_client (godwit_client_t **client, godwit_transport_t *transport, const godwit_target_t *target,
            const char *version_cap, const godwit_client_t *numbers, godwit_error_t **error)
{
    godwit_client_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    self->transport = godwit__transport_ref (transport);
    self->timeout_ms = numbers->timeout_ms;
    self->retry = numbers->retry;
    self->mandatory = numbers->mandatory;
    self->backs_off = numbers->backs_off;
    godwit_status_t status = godwit__target_copy (&self->target, target, error);
    if (status == GODWIT_OK)
        status = check_target (&self->target, error);
    if (status == GODWIT_OK)
        status = copy_version (&self->version_cap, version_cap, error);
    if (status == GODWIT_OK)
        status = join_transport (self, error);
    if (status) {
        free_client (self);
        return status;
    }
    *client = self;
    return GODWIT_OK;
}

godwit_status_t
godwit_client_new (godwit_client_t **client, godwit_transport_t *transport, const godwit_target_t *target,
                   const godwit_client_options_t *options, godwit_error_t **error)
{
    godwit_client_options_t given = {0};
    if (!client || !transport)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected one, got NULL",
                                  client ? "transport" : "client");
    const godwit_status_t status = godwit__transport_check (transport, error);
    if (status)
        return status;
    if (options)
        memcpy (&given, options, options->struct_size < sizeof given ? options->struct_size : sizeof given);
    const godwit_client_t numbers = {
        .timeout_ms = given.timeout_ms == GODWIT_CLEAR_INT ? 0 : given.timeout_ms,
        .retry = given.retry == GODWIT_CLEAR_INT ? 0 : given.retry,
        .mandatory = given.mandatory == GODWIT_YES,
    };
    return new_client (client, transport, target, given.version_cap, &numbers, error);
}

static const char *
override_text (const char *inherited, const char *given)
{
    return given == godwit_clear ? NULL : given ? given : inherited;
}

static int64_t
override_number (int64_t inherited, int64_t given)
{
    return given == GODWIT_CLEAR_INT ? 0 : given ? given : inherited;
}

godwit_status_t
godwit_client_prepare (godwit_client_t **client, const godwit_client_t *parent,
                       const godwit_overrides_t *overrides, godwit_error_t **error)
{
    godwit_overrides_t given = {0};
    if (!client || !parent)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected one, got NULL",
                                  client ? "parent" : "client");
    const godwit_status_t status = godwit__transport_check (parent->transport, error);
    if (status)
        return status;
    if (overrides)
        memcpy (&given, overrides,
                overrides->struct_size < sizeof given ? overrides->struct_size : sizeof given);
    godwit_target_t target = parent->target;
    target.exchange = override_text (target.exchange, given.exchange);
    target.topic = override_text (target.topic, given.topic);
    target.name_space = override_text (target.name_space, given.name_space);
    target.version = override_text (target.version, given.version);
    target.server = override_text (target.server, given.server);
    target.fanout = given.fanout ? given.fanout : target.fanout;
    const godwit_client_t numbers = {
        .timeout_ms = override_number (parent->timeout_ms, given.timeout_ms),
        .retry = override_number (parent->retry, given.retry),
        .mandatory = given.mandatory ? given.mandatory == GODWIT_YES : parent->mandatory,
        .backs_off = parent->backs_off && !given.timeout_ms, /* one that is cleared was given, too */
    };
    return new_client (client, parent->transport, &target,
                       override_text (parent->version_cap, given.version_cap), &numbers, error);
}

/* ---- the end ---- */

godwit_status_t
godwit__client_enter (godwit_client_t *client, godwit_error_t **error)
{
    const godwit_status_t status = godwit__transport_check (client->transport, error);
    if (status)
        return status;
    if (!(atomic_fetch_add (&client->outstanding, 1) & GODWIT__CLIENT_CLOSED))
        return GODWIT_OK;
    godwit__client_leave (client);
    return godwit__error_set (error, GODWIT_ERR_CLOSED, "The client is being destroyed");
}

void
godwit__client_leave (godwit_client_t *client)
{
    /* With the last one out of a client that is closed, its destroyer goes on, and frees it. */
    godwit_transport_t *transport = client->transport;
    if (atomic_fetch_sub (&client->outstanding, 1) != (GODWIT__CLIENT_CLOSED | 1))
        return;
    pthread_mutex_lock (&transport->lock);
    client->drained = true;
    pthread_cond_broadcast (&transport->changed);
    pthread_mutex_unlock (&transport->lock);
}

/* With transport.lock held: nothing enters any more. */
static void
close_client (godwit_client_t *client)
{
    if (atomic_fetch_or (&client->outstanding, GODWIT__CLIENT_CLOSED) == 0)
        client->drained = true;
}

/* Ends the calls of a client (NULL: of all) that are outstanding, wherever they are. With transport.lock
 * held. */
static void
abandon_calls (godwit_transport_t *transport, const godwit_client_t *client)
{
    godwit__peer_t *peer, *next;
    HASH_ITER (hh, transport->directory->peers, peer, next)
    if (peer->connection)
        godwit__connection_abandon (peer->connection, client);
    godwit__transport_changed (transport);
}

/* How long it takes until a call is looked for again that was just being sent when all were abandoned. */
#define ABANDON_AGAIN_NS (5 * GODWIT__NS_PER_MS)

void
godwit__clients_close (godwit_transport_t *transport)
{
    pthread_mutex_lock (&transport->lock);
    for (godwit_client_t *client = transport->clients; client; client = client->next)
        close_client (client);
    for (;;) {
        const godwit_client_t *client = transport->clients;
        while (client && client->drained)
            client = client->next;
        if (!client)
            break;
        abandon_calls (transport, NULL);
        godwit__transport_wait_changed (transport, ABANDON_AGAIN_NS);
    }
    pthread_mutex_unlock (&transport->lock);
}

void
godwit_client_destroy (godwit_client_t **client)
{
    if (!client || !*client)
        return;
    godwit_client_t *self = *client;
    godwit_transport_t *transport = self->transport;
    *client = NULL;
    if (godwit__transport_check (transport, NULL) == GODWIT_ERR_FORKED) {
        free_client (self); /* no other thread is left that could be calling */
        return;
    }
    pthread_mutex_lock (&transport->lock);
    close_client (self);
    while (!self->drained) {
        abandon_calls (transport, self);
        godwit__transport_wait_changed (transport, ABANDON_AGAIN_NS);
    }
    pthread_mutex_unlock (&transport->lock);
    leave_transport (self);
    free_client (self);
}

/* ---- what a call needs to know ---- */

int64_t
godwit__client_timeout_ms (const godwit_client_t *client)
{
    if (client->timeout_ms == GODWIT_TIMEOUT_ZERO)
        return 0;
    return client->timeout_ms > 0 ? client->timeout_ms : client->transport->options.rpc_response_timeout_ms;
}

static godwit_status_t
check_cap (const godwit_client_t *client, godwit_error_t **error)
{
    bool compatible = false;
    if (!client->version_cap)
        return GODWIT_OK;
    if (client->target.version &&
        godwit_version_compatible (client->version_cap, client->target.version, &compatible, NULL) ==
            GODWIT_OK &&
        compatible)
        return GODWIT_OK;
    return godwit__error_set (
        error, GODWIT_ERR_VERSION_CAP,
        "Requested message version, %s is incompatible. It needs to be equal in major version "
        "and less than or equal in minor version as the specified version cap %s.",
        client->target.version ? client->target.version : "unset", client->version_cap);
}

godwit_status_t
godwit__client_check (const godwit_client_t *client, godwit_error_t **error)
{
    if (!client->group) {
        char target[512];
        godwit_target_print (&client->target, target, sizeof target);
        return godwit__error_set (error, GODWIT_ERR_INVALID_TARGET, "A topic is required to send: %s",
                                  target);
    }
    return check_cap (client, error);
}

/* ---- calls on the caller's thread ---- */

static godwit_status_t
check_blocking (const godwit_client_t *client, godwit_error_t **error)
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
    status = check_blocking (client, error);
    if (status) {
        godwit__call_release (&call);
        return status;
    }
    godwit_transport_t *transport = client->transport;
    if (cast)
        GODWIT__COUNT (transport, casts);
    else
        GODWIT__COUNT (transport, calls_started);
    status = godwit__call_run (&call, &value, error);
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
        return godwit__error_set (error, GODWIT_ERR_INVALID_TARGET, "A call cannot be used with fanout");
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
    godwit_fanout_report_t reached = {0, 0};
    if (!client)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "client: expected one, got NULL");
    godwit_status_t status = godwit__call_init (&call, client, true, context, method, &args, error);
    if (status)
        return status;
    status = check_blocking (client, error);
    if (status == GODWIT_OK) {
        GODWIT__COUNT (client->transport, fanouts);
        status = godwit__publisher_fanout (&call, &reached, error);
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
    const int64_t until_ns = godwit__transport_now (transport) + timeout_ms * GODWIT__NS_PER_MS;
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
    status = godwit__client_check (client, error);
    if (status == GODWIT_OK)
        status = check_blocking (client, error);
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
    godwit_status_t status = godwit__transport_check (client->transport, error);
    if (status == GODWIT_OK)
        status = godwit__client_check (client, error);
    if (status)
        return status;
    godwit_builder_t *builder = godwit_builder_new ();
    godwit_builder_open_list (builder, NULL);
    pthread_mutex_lock (&client->transport->lock);
    for (size_t i = 0; i < client->group->count; i++)
        build_server (builder, client->group->members[i]);
    pthread_mutex_unlock (&client->transport->lock);
    godwit_builder_close (builder);
    return godwit_builder_finish (&builder, list, error);
}
