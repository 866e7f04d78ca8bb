/* Clients: made, prepared, ended (contract 3). */
#include "src/client/client.h"

#include "src/address/target.h"
#include "src/error/error.h"
#include "src/serializer/serializer.h"

#include <stdlib.h>
#include <string.h>

const char godwit_clear[] = "";

/* Longer ones are as good as this, and can be added to the time without an overflow. */
#define LONGEST_MS (INT64_C (100) * 365 * 86400000)

/* What a client is made of: the strings are the program's, or the parent's. */
typedef struct settings {
    godwit_target_t target;
    const char *version_cap;
    int64_t timeout_ms;
    int64_t retry;
    int64_t call_monitor_timeout_ms;
    const godwit_serializer_t *serializer;
    bool mandatory;
    bool idempotent;
    bool may_send;
    bool backs_off;
    godwit__group_t *group; /* NULL: not known */
} settings_t;

/* ---- checks ---- */

static godwit_status_t
check_choice (const char *name, godwit_choice_t choice, bool may_clear, godwit_error_t **error)
{
    if (choice == GODWIT_UNSET || choice == GODWIT_YES || choice == GODWIT_NO ||
        (may_clear && choice == GODWIT_CLEAR_CHOICE))
        return GODWIT_OK;
    return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected a choice, got %d", name,
                              (int) choice);
}

/* As they are given: by options and by overrides. */
static godwit_status_t
check_numbers (int64_t timeout_ms, int64_t retry, int64_t call_monitor_timeout_ms, godwit_error_t **error)
{
    if (timeout_ms < 0 && timeout_ms != GODWIT_TIMEOUT_ZERO && timeout_ms != GODWIT_CLEAR_INT)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "timeout_ms: expected 1 or more, GODWIT_TIMEOUT_ZERO or GODWIT_CLEAR_INT, "
                                  "got %lld",
                                  (long long) timeout_ms);
    if (retry < 0 && retry != GODWIT_RETRY_FOREVER && retry != GODWIT_RETRY_NONE && retry != GODWIT_CLEAR_INT)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "retry: expected 1 or more, GODWIT_RETRY_FOREVER, GODWIT_RETRY_NONE or "
                                  "GODWIT_CLEAR_INT, got %lld",
                                  (long long) retry);
    if (call_monitor_timeout_ms < 0 && call_monitor_timeout_ms != GODWIT_CLEAR_INT)
        return godwit__error_set (
            error, GODWIT_ERR_INVALID_ARGUMENT,
            "call_monitor_timeout_ms: expected 1 or more, or GODWIT_CLEAR_INT, got %lld",
            (long long) call_monitor_timeout_ms);
    return GODWIT_OK;
}

static godwit_status_t
check_version (const char *version, godwit_error_t **error)
{
    godwit__version_t parsed;
    return version ? godwit__version_parse (&parsed, version, error) : GODWIT_OK;
}

/* Contract 3: the cap as what is implemented, the version as what is asked for; none is not enough for a cap.
 */
static bool
cap_allows (const char *version_cap, const char *version)
{
    bool compatible = false;
    if (!version_cap)
        return true;
    return version && godwit_version_compatible (version_cap, version, &compatible, NULL) == GODWIT_OK &&
           compatible;
}

/* ---- making ---- */

/* The group of its exchange and topic. It stays as long as the transport's parts. */
static godwit_status_t
find_group (godwit_transport_t *transport, settings_t *settings, godwit_error_t **error)
{
    const godwit_target_t *target = &settings->target;
    if (!target->topic)
        return GODWIT_OK; /* an error when something is sent */
    pthread_mutex_lock (&transport->lock);
    godwit_status_t status = godwit__transport_check (transport, error);
    if (status == GODWIT_OK) {
        settings->group = godwit__directory_group (
            transport->directory, target->exchange ? target->exchange : transport->control_exchange,
            target->topic);
        if (!settings->group)
            status = godwit__error_no_memory (error);
    }
    pthread_mutex_unlock (&transport->lock);
    return status;
}

/* A client without a family. NULL when memory is short. */
static godwit_client_t *
make (godwit_transport_t *transport, const settings_t *settings)
{
    const size_t cap_size = settings->version_cap ? strlen (settings->version_cap) + 1 : 0;
    godwit_client_t *self = malloc (sizeof *self + godwit__target_room (&settings->target) + cap_size);
    if (!self)
        return NULL;
    self->transport = transport;
    char *end = godwit__target_write (&self->target, &settings->target, self + 1);
    self->version_cap = godwit__text_move (&end, settings->version_cap);
    self->group = settings->group;
    self->timeout_ms = settings->timeout_ms;
    self->retry = settings->retry;
    self->call_monitor_timeout_ms = settings->call_monitor_timeout_ms;
    self->serializer = settings->serializer;
    self->mandatory = settings->mandatory;
    self->idempotent = settings->idempotent;
    self->may_send = settings->may_send;
    self->backs_off = settings->backs_off;
    self->own_serializer = NULL;
    self->drained = false;
    self->family_drained = false;
    self->next = self->previous = NULL;
    atomic_init (&self->metric, NULL);
    atomic_init (&self->pending_count, 0);
    atomic_init (&self->family, 0);
    atomic_init (&self->refs, 1);
    return self;
}

static int64_t
settle_timeout (int64_t timeout_ms)
{
    return timeout_ms > LONGEST_MS ? LONGEST_MS : timeout_ms;
}

static int64_t
override_number (int64_t inherited, int64_t given)
{
    return given == GODWIT_CLEAR_INT ? 0 : given ? given : inherited;
}

static godwit_status_t
settle_options (settings_t *settings, const godwit_target_t *target, const godwit_client_options_t *options,
                godwit_error_t **error)
{
    godwit_client_options_t given = {0};
    if (options)
        memcpy (&given, options, options->struct_size < sizeof given ? options->struct_size : sizeof given);
    godwit_status_t status = godwit__target_read (&settings->target, target, error);
    if (status == GODWIT_OK)
        status = check_version (settings->target.version, error);
    if (status == GODWIT_OK)
        status = check_version (given.version_cap, error);
    if (status == GODWIT_OK)
        status = check_numbers (given.timeout_ms, given.retry, given.call_monitor_timeout_ms, error);
    if (status == GODWIT_OK)
        status = check_choice ("mandatory", given.mandatory, false, error);
    if (status == GODWIT_OK)
        status = check_choice ("idempotent", given.idempotent, false, error);
    if (status == GODWIT_OK)
        status = godwit__serializer_check (given.serializer, error);
    settings->version_cap = given.version_cap;
    settings->timeout_ms = settle_timeout (override_number (0, given.timeout_ms));
    settings->retry = override_number (0, given.retry);
    settings->call_monitor_timeout_ms = settle_timeout (override_number (0, given.call_monitor_timeout_ms));
    settings->serializer = given.serializer;
    settings->mandatory = given.mandatory == GODWIT_YES;
    settings->idempotent = given.idempotent == GODWIT_YES;
    settings->may_send = cap_allows (settings->version_cap, settings->target.version);
    return status;
}

godwit_status_t
godwit_client_new (godwit_client_t **client, godwit_transport_t *transport, const godwit_target_t *target,
                   const godwit_client_options_t *options, godwit_error_t **error)
{
    settings_t settings = {.group = NULL};
    if (!client || !transport)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected one, got NULL",
                                  client ? "transport" : "client");
    godwit_status_t status = godwit__transport_check (transport, error);
    if (status == GODWIT_OK)
        status = settle_options (&settings, target, options, error);
    if (status == GODWIT_OK)
        status = find_group (transport, &settings, error);
    if (status)
        return status;
    godwit_client_t *self = make (transport, &settings);
    if (!self)
        return godwit__error_no_memory (error);
    self->root = self;
    pthread_mutex_lock (&transport->lock);
    status = godwit__transport_check (transport, error);
    if (status == GODWIT_OK) {
        godwit__transport_ref (transport);
        self->next = transport->clients;
        if (self->next)
            self->next->previous = self;
        transport->clients = self;
    }
    pthread_mutex_unlock (&transport->lock);
    if (status)
        free (self);
    else
        *client = self;
    return status;
}

/* ---- preparing ---- */

static bool
same_text (const char *a, const char *b)
{
    return a == b || (a && b && strcmp (a, b) == 0);
}

/* True if it is given. */
static bool
override_text (const char **text, const char *given)
{
    if (!given)
        return false;
    *text = given == godwit_clear ? NULL : given;
    return true;
}

static godwit_status_t
override_target (settings_t *settings, const godwit_client_t *parent, const godwit_overrides_t *given,
                 godwit_error_t **error)
{
    godwit_target_t *target = &settings->target;
    override_text (&target->exchange, given->exchange);
    override_text (&target->topic, given->topic);
    override_text (&target->name_space, given->name_space);
    override_text (&target->server, given->server);
    if (given->fanout)
        target->fanout = given->fanout == GODWIT_CLEAR_CHOICE ? GODWIT_UNSET : given->fanout;
    /* What is not new was looked up, or found good, for the parent. */
    if ((given->exchange || given->topic) && !(same_text (target->exchange, parent->target.exchange) &&
                                               same_text (target->topic, parent->target.topic))) {
        settings->group = NULL;
        return find_group (parent->transport, settings, error);
    }
    return GODWIT_OK;
}

static godwit_status_t
override_versions (settings_t *settings, const godwit_overrides_t *given, godwit_error_t **error)
{
    const bool version = override_text (&settings->target.version, given->version);
    const bool cap = override_text (&settings->version_cap, given->version_cap);
    godwit_status_t status = version ? check_version (settings->target.version, error) : GODWIT_OK;
    if (status == GODWIT_OK && cap)
        status = check_version (settings->version_cap, error);
    if (version || cap)
        settings->may_send = cap_allows (settings->version_cap, settings->target.version);
    return status;
}

static godwit_status_t
override_rest (settings_t *settings, const godwit_overrides_t *given, godwit_error_t **error)
{
    godwit_status_t status =
        check_numbers (given->timeout_ms, given->retry, given->call_monitor_timeout_ms, error);
    if (status == GODWIT_OK)
        status = check_choice ("fanout", given->fanout, true, error);
    if (status == GODWIT_OK)
        status = check_choice ("mandatory", given->mandatory, true, error);
    if (status == GODWIT_OK)
        status = check_choice ("idempotent", given->idempotent, true, error);
    settings->timeout_ms = settle_timeout (override_number (settings->timeout_ms, given->timeout_ms));
    settings->backs_off = settings->backs_off && !given->timeout_ms; /* what is cleared is given, too */
    settings->retry = override_number (settings->retry, given->retry);
    settings->call_monitor_timeout_ms =
        settle_timeout (override_number (settings->call_monitor_timeout_ms, given->call_monitor_timeout_ms));
    if (given->mandatory)
        settings->mandatory = given->mandatory == GODWIT_YES;
    if (given->idempotent)
        settings->idempotent = given->idempotent == GODWIT_YES;
    return status;
}

/* Whether something of the target may differ from the parent's. Looks at no more than the first release's
 * members. */
static bool
names_target (const godwit_overrides_t *given)
{
    return given->exchange || given->topic || given->name_space || given->version || given->server;
}

godwit_status_t
godwit_client_prepare (godwit_client_t **client, const godwit_client_t *parent,
                       const godwit_overrides_t *overrides, godwit_error_t **error)
{
    if (!client || !parent)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected one, got NULL",
                                  client ? "parent" : "client");
    godwit_status_t status = godwit__transport_check (parent->transport, error);
    if (status)
        return status;
    settings_t settings = {
        .target = parent->target,
        .version_cap = parent->version_cap,
        .timeout_ms = parent->timeout_ms,
        .retry = parent->retry,
        .call_monitor_timeout_ms = parent->call_monitor_timeout_ms,
        .serializer = parent->serializer,
        .mandatory = parent->mandatory,
        .idempotent = parent->idempotent,
        .may_send = parent->may_send,
        .backs_off = parent->backs_off,
        .group = parent->group,
    };
    if (overrides) {
        godwit_overrides_t given = {0};
        memcpy (&given, overrides,
                overrides->struct_size < sizeof given ? overrides->struct_size : sizeof given);
        status = override_rest (&settings, &given, error);
        if (status == GODWIT_OK)
            status = override_versions (&settings, &given, error);
        if (status == GODWIT_OK)
            status = override_target (&settings, parent, &given, error);
        if (status)
            return status;
    }
    godwit_client_t *self = make (parent->transport, &settings);
    if (!self)
        return godwit__error_no_memory (error);
    if (!overrides || !names_target (overrides))
        atomic_init (&self->metric, atomic_load_explicit (&parent->metric, memory_order_acquire));
    self->root = parent->root;
    atomic_fetch_add_explicit (&self->root->refs, 1, memory_order_relaxed);
    *client = self;
    return GODWIT_OK;
}

bool
godwit_client_can_send_version (const godwit_client_t *client, const char *version)
{
    if (!client)
        return false;
    return version ? cap_allows (client->version_cap, version) : client->may_send;
}

/* ---- the end ---- */

/* One less; with the last one out of what is closed, whoever waits for that goes on. */
static void
leave (godwit_transport_t *transport, atomic_size_t *count, bool *drained)
{
    if (atomic_fetch_sub (count, 1) != (GODWIT__CLIENT_CLOSED | 1))
        return;
    pthread_mutex_lock (&transport->lock);
    *drained = true;
    pthread_cond_broadcast (&transport->changed);
    pthread_mutex_unlock (&transport->lock);
}

godwit_status_t
godwit__client_enter (godwit_client_t *client, godwit_error_t **error)
{
    godwit_client_t *root = client->root;
    const godwit_status_t status = godwit__transport_check (client->transport, error);
    if (status)
        return status;
    bool closed = atomic_fetch_add (&client->pending_count, 1) & GODWIT__CLIENT_CLOSED;
    if (root != client)
        closed |= (atomic_fetch_add (&root->family, 1) & GODWIT__CLIENT_CLOSED) != 0;
    if (!closed)
        return GODWIT_OK;
    godwit__client_leave (client);
    return godwit__error_set (error, GODWIT_ERR_CLOSED, "The client is being destroyed");
}

void
godwit__client_hold (godwit_client_t *client)
{
    atomic_fetch_add (&client->pending_count, 1);
    if (client->root != client)
        atomic_fetch_add (&client->root->family, 1);
}

void
godwit__client_leave (godwit_client_t *client)
{
    godwit_client_t *root = client->root;
    godwit_transport_t *transport = client->transport;
    /* The client's own count is the last: what is above may be freed with it. */
    if (root != client)
        leave (transport, &root->family, &root->family_drained);
    leave (transport, &client->pending_count, &client->drained);
}

/* With transport.lock held: nothing enters any more. */
static void
close_count (atomic_size_t *count, bool *drained)
{
    if ((atomic_fetch_or (count, GODWIT__CLIENT_CLOSED) & ~GODWIT__CLIENT_CLOSED) == 0)
        *drained = true;
}

/* Ends the calls of a client (NULL: of all) that are pending, wherever they are. With transport.lock
 * held. */
static void
abandon_calls (godwit_transport_t *transport, const godwit_client_t *client)
{
    for (godwit__peer_t *peer = GODWIT__PEERS_FIRST (transport->directory); peer;
         peer = GODWIT__PEERS_NEXT (transport->directory, peer))
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
    for (godwit_client_t *root = transport->clients; root; root = root->next) {
        close_count (&root->pending_count, &root->drained);
        close_count (&root->family, &root->family_drained);
    }
    for (;;) {
        const godwit_client_t *root = transport->clients;
        while (root && root->drained && root->family_drained)
            root = root->next;
        if (!root)
            break;
        abandon_calls (transport, NULL);
        godwit__transport_wait_changed (transport, ABANDON_AGAIN_NS);
    }
    pthread_mutex_unlock (&transport->lock);
}

/* The last of a family takes its root with it. forked: no other thread is left that could be calling, and a
 * lock may be held by one that is not there any more. */
static void
root_unref (godwit_client_t *root, bool forked)
{
    godwit_transport_t *transport = root->transport;
    if (atomic_fetch_sub_explicit (&root->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (!forked) {
        pthread_mutex_lock (&transport->lock);
        if (root->previous)
            root->previous->next = root->next;
        else
            transport->clients = root->next;
        if (root->next)
            root->next->previous = root->previous;
        pthread_mutex_unlock (&transport->lock);
    }
    godwit_request_context_serializer_destroy (&root->own_serializer);
    free (root);
    godwit__transport_unref (transport);
}

static void
drain (godwit_client_t *client)
{
    godwit_transport_t *transport = client->transport;
    pthread_mutex_lock (&transport->lock);
    close_count (&client->pending_count, &client->drained);
    while (!client->drained) {
        abandon_calls (transport, client);
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
    godwit_client_t *root = self->root;
    size_t unused = 0;
    *client = NULL;
    const bool forked = godwit__transport_check (self->transport, NULL) == GODWIT_ERR_FORKED;
    /* Prepared for a call that has ended: the usual way, without a lock. A root may be waited for. */
    const bool drained =
        self != root && atomic_compare_exchange_strong (&self->pending_count, &unused, GODWIT__CLIENT_CLOSED);
    if (!forked && !drained)
        drain (self);
    if (self != root)
        free (self);
    root_unref (root, forked);
}
