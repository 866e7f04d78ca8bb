/* SPDX-License-Identifier: Apache-2.0 */
/* Makes clients, and prepares clients from others (contract 3). */
#include "src/address/target.h"
#include "src/client/client_settings.h"
#include "src/client/encoded_request.h"
#include "src/error/error.h"
#include "src/wire/header.h"

#include <stdlib.h>

/* ---- making ---- */

/* A client without a family. NULL when memory is short. */
static godwit_client_t *
make (godwit_transport_t *transport, const godwit__client_settings_t *settings)
{
    const size_t cap_size = settings->version_cap ? strlen (settings->version_cap) + 1 : 0;
    const size_t names_bound = godwit__request_names_bound (&settings->target);
    godwit_client_t *self =
        malloc (sizeof *self + godwit__target_room (&settings->target) + cap_size + names_bound);
    if (!self)
        return NULL;
    self->transport = transport;
    char *end = godwit__target_write (&self->target, &settings->target, self + 1);
    self->version_cap = godwit__text_move (&end, settings->version_cap);
    self->names = (uint8_t *) end;
    self->names_size = godwit__request_names_write (&self->target, (uint8_t *) end, names_bound);
    self->group = settings->group;
    self->timeout_ms = settings->timeout_ms;
    self->retry = settings->retry;
    self->call_monitor_timeout_ms = settings->call_monitor_timeout_ms;
    self->serializer = settings->serializer;
    self->mandatory = settings->mandatory;
    self->request_flags = self->target.name_space && !strcmp (self->target.name_space, GODWIT__INTROSPECTION)
                              ? GODWIT__FLAG_INTROSPECT
                              : 0;
    self->idempotent = settings->idempotent;
    self->is_durable = settings->is_durable;
    self->durable = NULL;
    self->may_send = settings->may_send;
    self->backs_off = settings->backs_off;
    self->own_serializer = NULL;
    self->drained = false;
    self->family_drained = false;
    self->in_transport = (godwit__list_node_t){NULL, NULL};
    atomic_init (&self->metric, NULL);
    atomic_init (&self->served, 0);
    atomic_init (&self->pending_count, 0);
    atomic_init (&self->family, 0);
    atomic_init (&self->refs, 1);
    return self;
}

godwit_status_t
godwit__client_make (godwit_client_t **client, godwit_transport_t *transport, const godwit_target_t *target,
                     const godwit_client_options_t *options, godwit_spool_t **spool, godwit_error_t **error)
{
    godwit__client_settings_t settings;
    if (!client || !transport)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected a pointer, got NULL",
                                  client ? "transport" : "client");
    godwit_status_t status = godwit__transport_check (transport, error);
    if (status == GODWIT_OK)
        status = godwit__client_settings_new (&settings, transport, target, options, error);
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
        godwit__list_append (&transport->clients, &self->in_transport);
    }
    godwit__transport_unlock (transport);
    if (status) {
        free (self);
        return status;
    }
    *spool = settings.spool;
    *client = self;
    return GODWIT_OK;
}

/* ---- preparing ---- */

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
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected a pointer, got NULL",
                                  client ? "parent" : "client");
    godwit_status_t status = godwit__transport_check (parent->transport, error);
    if (status)
        return status;
    godwit__client_settings_t settings;
    status = godwit__client_settings_prepare (&settings, parent, overrides, error);
    if (status)
        return status;
    godwit_client_t *self = make (parent->transport, &settings);
    if (!self)
        return godwit__error_no_memory (error);
    if (!overrides || !names_target (overrides)) {
        atomic_init (&self->metric, atomic_load_explicit (&parent->metric, memory_order_acquire));
        atomic_init (&self->served, atomic_load_explicit (&parent->served, memory_order_relaxed));
    }
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
    return version ? godwit__version_cap_allows (client->version_cap, version) : client->may_send;
}
