/* SPDX-License-Identifier: Apache-2.0 */
#include "src/discovery/peer.h"

#include "src/base/hash.h"
#include "src/config/options.h"
#include "src/connection/completion.h"
#include "src/discovery/directory.h"
#include "src/runtime/warnings.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEY_OPEN = 0x6f };

static bool
is_unknown (const uint8_t *instance)
{
    return sodium_is_zero (instance, GODWIT__UUID_SIZE);
}

static void
key_of (uint8_t key[GODWIT__UUID_SIZE], const godwit__record_t *record)
{
    const char *address = record->address_count ? record->addresses[0] : "";
    memcpy (key, record->instance, GODWIT__UUID_SIZE);
    if (is_unknown (record->instance))
        crypto_generichash (key, GODWIT__UUID_SIZE, (const uint8_t *) address, strlen (address), NULL, 0);
}

/* ---- what failed, for errors; with lock held ---- */

/* Bytes of a text; what comes then is left out. */
enum { FAILING_MAX = 1024 };

/* Two records of a peer may have the same address. */
static bool
is_noted (const char *failing, const char *address)
{
    const size_t size = strlen (address);
    while (failing && (failing = strstr (failing, address)) && strncmp (failing + size, " (", 2) != 0)
        failing += size;
    return failing != NULL;
}

static void
note_failure (godwit__peer_t *peer, const char *address, const char *why)
{
    if (is_noted (peer->failing, address))
        return;
    const size_t old = peer->failing ? strlen (peer->failing) : 0;
    const size_t size = old + strlen (address) + strlen (why) + sizeof ",  ()";
    char *const text = size <= FAILING_MAX ? realloc (peer->failing, size) : NULL;
    if (!text)
        return;
    snprintf (text + old, size - old, "%s%s (%s)", old ? ", " : "", address, why);
    peer->failing = text;
}

static void
round_ends (godwit__peer_t *peer)
{
    free (peer->failed);
    peer->failed = peer->failing;
    peer->failing = NULL;
}

/* ---- connecting; the control thread ---- */

static void
free_peer (godwit__peer_t *peer)
{
    godwit__reactor_disarm (peer->transport->control, &peer->retry_timer);
    godwit__reactor_unpost (peer->transport->control, &peer->work_task);
    godwit__reactor_disarm (peer->transport->control, &peer->resolve_timer);
    godwit__reactor_unpost (peer->transport->control, &peer->resolve_task);
    godwit__record_unref (&peer->record);
    godwit__record_unref (&peer->fallback);
    godwit__record_unref (&peer->tried);
    free (peer->failing);
    free (peer->failed);
    free (peer);
}

/* NULL: it cannot be tried, and *why says why not. */
static godwit__driver_t *
driver_for (godwit_transport_t *transport, const godwit__record_t *record, const char *address,
            const char **why)
{
    *why = "it is of another host";
    /* Paths and abstract names are valid on their own host only. In a static list they mean this host. */
    if (!strncmp (address, "ipc:", 4) && !is_unknown (record->instance) &&
        strcmp (record->host, transport->host_id))
        return NULL;
    *why = "the option paths leaves it out";
    if (!(transport->paths & godwit__path_of (address)))
        return NULL;
    for (size_t i = 0; i < transport->driver_count; i++)
        if (transport->drivers[i]->ops->speaks (transport->drivers[i], address))
            return transport->drivers[i];
    *why = strncmp (address, "ipc:", 4) ? "it is of another kind of transport"
                                        : "it is in no private folder of this user";
    return NULL;
}

/* An inproc address leads to transports of its own process. Whether that is this one only a try tells: so,
 * unless it is the transport's own, it is the last resort. */
static const char *
usable_address (const godwit__peer_t *peer)
{
    const bool is_own = memcmp (peer->instance, peer->transport->instance, GODWIT__UUID_SIZE) == 0;
    const godwit__record_t *const record = peer->record;
    const char *other = NULL, *why = NULL;
    for (size_t i = 0; i < record->address_count; i++) {
        const char *const address = record->addresses[i];
        if (!driver_for (peer->transport, record, address, &why))
            continue;
        if ((strncmp (address, "inproc:", 7) == 0) == is_own)
            return address;
        other = other ? other : address;
    }
    return other;
}

const char *
godwit__peer_address (const godwit__peer_t *peer)
{
    return peer->state == GODWIT__PEER_READY && peer->connection ? peer->connection->address
                                                                 : usable_address (peer);
}

/* Opens a connection to the next address that can be tried, of the record and then of the fallback; false if
 * none is left. */
static bool
try_addresses (godwit__peer_t *peer, godwit__record_t *record, godwit__record_t *fallback, size_t *next)
{
    const size_t more = fallback != record ? fallback->address_count : 0;
    while (*next < record->address_count + more) {
        const size_t index = (*next)++;
        const bool falls_back = index >= record->address_count;
        const char *address =
            falls_back ? fallback->addresses[index - record->address_count] : record->addresses[index];
        const char *why = NULL;
        godwit__driver_t *driver = driver_for (peer->transport, record, address, &why);
        godwit__connection_t *connection = NULL;
        godwit_error_t *error = NULL;
        const bool failed =
            !driver || godwit__connection_open (&connection, peer->transport,
                                                &peer->transport->directory->peer_hooks->connection, peer,
                                                peer->instance, driver, address, &error);
        if (error)
            godwit__warn (peer->transport, godwit__hash_text (KEY_OPEN, address),
                          "a connection to server %.64s of topic %.64s at %.200s cannot be opened: %.200s",
                          record->server, record->topic, address, godwit_error_message (error));
        pthread_mutex_lock (&peer->transport->lock);
        if (failed) {
            note_failure (peer, address, error ? godwit_error_message (error) : why);
            godwit__transport_unlock (peer->transport);
            godwit_error_destroy (&error);
            continue;
        }
        peer->connection = connection;
        godwit__record_unref (&peer->tried);
        peer->tried = godwit__record_ref (falls_back ? fallback : record);
        godwit__transport_unlock (peer->transport);
        godwit__connection_begin (connection);
        return true;
    }
    return false;
}

static void
back_off (godwit__peer_t *peer)
{
    godwit_transport_t *transport = peer->transport;
    const int64_t wait_ns = godwit__peer_next_backoff (peer, &peer->backoff_ns);
    peer->state = GODWIT__PEER_BACKOFF;
    peer->failed_rounds++;
    round_ends (peer);
    peer->next_address = 0;
    peer->failures++;
    godwit__reactor_arm (transport->control, &peer->retry_timer, godwit__transport_now (transport) + wait_ns);
}

static void
connect_peer (godwit__peer_t *peer)
{
    godwit_transport_t *transport = peer->transport;
    pthread_mutex_lock (&transport->lock);
    if (peer->state != GODWIT__PEER_CONNECTING || peer->connection || atomic_load (&transport->closing)) {
        godwit__transport_unlock (transport);
        return;
    }
    godwit__record_t *record = godwit__record_ref (peer->record);
    godwit__record_t *fallback = godwit__record_ref (peer->fallback);
    size_t next = peer->next_address;
    godwit__transport_unlock (transport);

    const bool opened = try_addresses (peer, record, fallback, &next);
    godwit__record_unref (&record);
    godwit__record_unref (&fallback);

    pthread_mutex_lock (&transport->lock);
    peer->next_address = next;
    if (!opened) {
        back_off (peer);
        transport->directory->peer_hooks->unreachable (peer);
        godwit__transport_changed (transport);
    }
    godwit__transport_unlock (transport);
}

static void
on_work (godwit__task_t *task)
{
    godwit__peer_t *peer = task->user;
    godwit_transport_t *transport = peer->transport;

    pthread_mutex_lock (&transport->lock);
    if (peer->member_count > 0) {
        godwit__transport_unlock (transport);
        connect_peer (peer);
        return;
    }
    /* Requests that its servers had accepted still run: the tick looks again. */
    if (peer->connection && godwit__connection_has_pending (peer->connection) &&
        !atomic_load (&transport->closing)) {
        godwit__transport_unlock (transport);
        return;
    }
    godwit__connection_t *connection = peer->connection;
    peer->connection = NULL;
    if (connection)
        connection->owner = NULL;
    godwit__table_remove (&transport->directory->peers, &peer->by_key);
    godwit__transport_unlock (transport);
    if (connection) {
        godwit__connection_down (connection, "none of its servers is known any more");
        godwit__connection_unref (&connection);
    }
    free_peer (peer);
}

static void
on_retry (godwit__timer_t *timer)
{
    godwit__peer_t *peer = timer->user;
    pthread_mutex_lock (&peer->transport->lock);
    if (peer->state == GODWIT__PEER_BACKOFF)
        peer->state = peer->wanted ? GODWIT__PEER_CONNECTING : GODWIT__PEER_IDLE;
    peer->wanted = false;
    godwit__transport_unlock (peer->transport);
    connect_peer (peer);
}

/* ---- with lock held ---- */

/* Instances come from outside. The seed is the directory's address, which nobody outside knows. */
static uint64_t
hash_of (const godwit_transport_t *transport, const uint8_t key[GODWIT__UUID_SIZE])
{
    return godwit__hash ((uintptr_t) transport->directory, key, GODWIT__UUID_SIZE);
}

godwit__peer_t *
godwit__peer_find (const godwit_transport_t *transport, const uint8_t key[GODWIT__UUID_SIZE])
{
    const uint64_t hash = hash_of (transport, key);
    godwit__peer_t *peer = GODWIT__TABLE_FIND (&transport->directory->peers, hash, godwit__peer_t, by_key);
    while (peer && memcmp (peer->key, key, GODWIT__UUID_SIZE) != 0)
        peer = GODWIT__TABLE_FIND_NEXT (peer, godwit__peer_t, by_key);
    return peer;
}

godwit__peer_t *
godwit__peer_get (godwit_transport_t *transport, godwit__record_t *record)
{
    uint8_t key[GODWIT__UUID_SIZE];
    key_of (key, record);
    godwit__peer_t *peer = godwit__peer_find (transport, key);
    if (!peer) {
        peer = calloc (1, sizeof *peer);
        if (!peer)
            return NULL;
        peer->transport = transport;
        memcpy (peer->key, key, sizeof key);
        memcpy (peer->instance, record->instance, sizeof peer->instance);
        peer->retry_timer = (godwit__timer_t){.fire = on_retry, .user = peer};
        peer->work_task = (godwit__task_t){.run = on_work, .user = peer};
        peer->is_listed = is_unknown (record->instance);
        godwit__table_insert (&transport->directory->peers, &peer->by_key, hash_of (transport, key));
    }
    peer->member_count++;
    if (peer->record != record) {
        godwit__record_unref (&peer->record);
        peer->record = godwit__record_ref (record);
    }
    if (!peer->fallback)
        peer->fallback = godwit__record_ref (record);
    return peer;
}

void
godwit__peer_release (godwit__peer_t *peer)
{
    if (--peer->member_count == 0)
        godwit__reactor_post (peer->transport->control, &peer->work_task);
}

/* Asks again for the servers that were refused (resolve.h). */
static void
resume_resolving (godwit__peer_t *peer)
{
    if (!peer->resolve_paused)
        return;
    peer->resolve_paused = false;
    peer->resolve_now = true;
    godwit__reactor_post (peer->transport->control, &peer->resolve_task);
}

void
godwit__peer_want (godwit__peer_t *peer)
{
    peer->wanted = true;
    if (peer->state == GODWIT__PEER_READY)
        resume_resolving (peer);
    if (peer->state != GODWIT__PEER_IDLE)
        return;
    peer->state = GODWIT__PEER_CONNECTING;
    peer->next_address = 0;
    godwit__reactor_post (peer->transport->control, &peer->work_task);
}

/* ---- what became of its connection ---- */

/* The record that led to the connection. */
static void
keep_address (godwit__peer_t *peer)
{
    if (!peer->tried)
        return;
    godwit__record_unref (&peer->fallback);
    peer->fallback = peer->tried;
    peer->tried = NULL;
}

void
godwit__peer_set_ready (godwit__peer_t *peer)
{
    godwit__connection_t *const connection = peer->connection;
    peer->state = GODWIT__PEER_READY;
    peer->backoff_ns = 0;
    peer->failures = 0;
    peer->wanted = false;
    free (peer->failing);
    free (peer->failed);
    peer->failing = peer->failed = NULL;
    keep_address (peer);
    connection->last_used_ns = connection->last_ping_ns = godwit__transport_now (peer->transport);
}

bool
godwit__peer_set_lost (godwit__peer_t *peer, const char *reason)
{
    /* If it was CONNECTING, the next address is tried. If it was READY, all addresses are tried again, once
     * somebody wants the peer. */
    const bool was_ready = peer->state == GODWIT__PEER_READY;
    note_failure (peer, peer->connection->address, reason);
    if (was_ready)
        round_ends (peer);
    peer->connection->owner = NULL;
    peer->connection = NULL;
    peer->state = was_ready ? GODWIT__PEER_IDLE : GODWIT__PEER_CONNECTING;
    if (was_ready)
        peer->next_address = 0;
    else
        godwit__reactor_post (peer->transport->control, &peer->work_task);
    return was_ready;
}

/* ---- all of them; the control thread ---- */

void
godwit__peers_tick (godwit_transport_t *transport)
{
    const int64_t now_ns = godwit__transport_now (transport);

    /* The end of a connection changes the table: so references to the connections are taken first. */
    pthread_mutex_lock (&transport->lock);
    const size_t count = transport->directory->peers.count;
    godwit__connection_t **connections = calloc (count ? count : 1, sizeof (godwit__connection_t *));
    size_t found = 0;
    for (godwit__peer_t *peer = GODWIT__PEERS_FIRST (transport->directory); peer;
         peer = GODWIT__PEERS_NEXT (transport->directory, peer)) {
        if (peer->member_count == 0)
            godwit__reactor_post (transport->control, &peer->work_task);
        else if (connections && peer->state == GODWIT__PEER_READY && peer->connection)
            connections[found++] = godwit__connection_ref (peer->connection);
    }
    godwit__transport_unlock (transport);
    for (size_t i = 0; i < found; i++) {
        godwit__connection_look_after (connections[i], now_ns);
        godwit__connection_unref (&connections[i]);
    }
    free (connections);
}

void
godwit__peers_close (godwit_transport_t *transport)
{
    pthread_mutex_lock (&transport->lock);
    for (godwit__peer_t *peer; (peer = GODWIT__PEERS_FIRST (transport->directory));) {
        godwit__connection_t *connection = peer->connection;
        godwit__table_remove (&transport->directory->peers, &peer->by_key);
        peer->connection = NULL;
        if (connection)
            connection->owner = NULL;
        godwit__transport_unlock (transport);
        if (connection) {
            godwit__connection_abandon (connection, NULL);
            godwit__connection_down (connection, "the transport is being destroyed");
            godwit__connection_unref (&connection);
        }
        free_peer (peer);
        pthread_mutex_lock (&transport->lock);
    }
    godwit__transport_unlock (transport);
}
