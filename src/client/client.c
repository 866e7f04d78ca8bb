/* SPDX-License-Identifier: Apache-2.0 */
/* The users of a client, its end, and what is checked before something is sent (contract 3). */
#include "src/client/client.h"

#include "src/address/target.h"
#include "src/address/target_version.h"
#include "src/base/uncancelled.h"
#include "src/connection/completion.h"
#include "src/discovery/directory.h"
#include "src/error/error.h"
#include "src/runtime/wait.h"
#include "src/serializer/serializer.h"

#include <stdlib.h>

/* To walk the roots of all families, with transport.lock held. */
#define FIRST(transport_) GODWIT__FIRST (&(transport_)->clients, godwit_client_t, in_transport)
#define NEXT(transport_, root_) GODWIT__NEXT (&(transport_)->clients, root_, godwit_client_t, in_transport)

/* ---- what is to be known before something is sent ---- */

int64_t
godwit__client_timeout_ms (const godwit_client_t *client)
{
    if (client->timeout_ms == GODWIT_TIMEOUT_ZERO)
        return 0;
    return client->timeout_ms > 0 ? client->timeout_ms : client->transport->options.rpc_response_timeout_ms;
}

/* Contract 3: a missing topic is an error when something is sent, not before. */
godwit_status_t
godwit__client_check_topic (const godwit_client_t *client, godwit_error_t **error)
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
        return godwit__client_check_topic (client, error);
    const godwit_status_t status = godwit__error_set (
        error, GODWIT_ERR_VERSION_CAP,
        "Requested message version, %s is incompatible. It needs to be equal in major version "
        "and less than or equal in minor version as the specified version cap %s.",
        client->target.version ? client->target.version : "unset", client->version_cap);
    godwit__error_with (error, status, "version", client->target.version);
    return godwit__error_with (error, status, "version_cap", client->version_cap);
}

uint32_t
godwit__client_look_at_offers (godwit_client_t *client)
{
    const godwit__offers_t *const offers = &client->group->offers;
    godwit__version_t version = {1, 0, 0};
    if (client->target.version) /* it was checked when the client was made */
        (void) godwit__version_parse (&version, client->target.version, NULL);
    /* Introspection is no offer: all servers are asked. */
    const uint32_t served = client->request_flags & GODWIT__FLAG_INTROSPECT
                                ? UINT32_MAX
                                : godwit__offers_serving (offers, client->target.name_space, version);
    atomic_store_explicit (&client->served, (uint64_t) offers->change << 32 | served, memory_order_relaxed);
    return served;
}

godwit_status_t
godwit__client_check_blocking (const godwit_client_t *client, godwit_error_t **error)
{
    const godwit__completion_t *completion = client->transport->completion;
    if (completion && godwit__completion_is_current (completion) && completion->callback_depth > 0)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "A callback must not block: make the call asynchronously");
    return GODWIT_OK;
}

/* ---- who uses it ---- */

/* One user less. If it was the last one of a closed count, wakes the thread that waits for that. */
static void
leave (godwit_transport_t *transport, atomic_size_t *count, bool *drained)
{
    if (atomic_fetch_sub (count, 1) != (GODWIT__CLIENT_CLOSED | 1))
        return;
    pthread_mutex_lock (&transport->lock);
    *drained = true;
    godwit__change_tell (&transport->changed);
    godwit__transport_unlock (transport);
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
    /* The client's own count comes last: the client may be freed as soon as it is lowered. */
    if (root != client)
        leave (transport, &root->family, &root->family_drained);
    leave (transport, &client->pending_count, &client->drained);
}

/* ---- the end ---- */

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

/* A call that was just being sent when all were abandoned is found by another look, after this time. */
#define ABANDON_AGAIN_NS (5 * GODWIT__NS_PER_MS)

void
godwit__clients_close (godwit_transport_t *transport)
{
    pthread_mutex_lock (&transport->lock);
    for (godwit_client_t *root = FIRST (transport); root; root = NEXT (transport, root)) {
        close_count (&root->pending_count, &root->drained);
        close_count (&root->family, &root->family_drained);
    }
    for (;;) {
        const godwit_client_t *root = FIRST (transport);
        while (root && root->drained && root->family_drained)
            root = NEXT (transport, root);
        if (!root)
            break;
        abandon_calls (transport, NULL);
        godwit__transport_wait_changed (transport, ABANDON_AGAIN_NS);
    }
    godwit__transport_unlock (transport);
}

/* The last client of a family frees the root. forked: no other thread can be calling, and the lock may be
 * held by a thread that the child does not have. */
static void
root_unref (godwit_client_t *root, bool forked)
{
    godwit_transport_t *transport = root->transport;
    if (atomic_fetch_sub_explicit (&root->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (root->durable)
        root->close_durable (&root->durable, forked);
    if (!forked) {
        pthread_mutex_lock (&transport->lock);
        godwit__list_remove (&root->in_transport);
        godwit__transport_unlock (transport);
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
    godwit__transport_unlock (transport);
}

void
godwit_client_destroy (godwit_client_t **client)
{
    GODWIT__UNCANCELLED;
    if (!client || !*client)
        return;
    godwit_client_t *self = *client;
    godwit_client_t *root = self->root;
    size_t unused = 0;
    *client = NULL;
    const bool forked = godwit__transport_check (self->transport, NULL) == GODWIT_ERR_FORKED;
    /* The usual case, without a lock: a prepared client whose calls have ended. A root may be waited for. */
    const bool drained =
        self != root && atomic_compare_exchange_strong (&self->pending_count, &unused, GODWIT__CLIENT_CLOSED);
    if (!forked && !drained)
        drain (self);
    if (self != root)
        free (self);
    root_unref (root, forked);
}
