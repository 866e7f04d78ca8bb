/* SPDX-License-Identifier: Apache-2.0 */
#include "src/discovery/observed.h"

#include "src/discovery/resolve.h"
#include "src/discovery/suspect.h"

#include <stdio.h>

/* ---- members ---- */

/* The news that a server drains may come after the record of its next start. */
static bool
is_later (const godwit__member_t *member, uint32_t revision)
{
    return revision && member->record->revision > revision;
}

void
godwit__directory_refused (godwit_transport_t *transport, uint64_t key, uint32_t revision, bool gone)
{
    pthread_mutex_lock (&transport->lock);
    for (godwit__group_t *group = GODWIT__GROUPS_FIRST (transport->directory); group;
         group = GODWIT__GROUPS_NEXT (transport->directory, group)) {
        for (size_t i = group->count; i-- > 0;) {
            if (godwit__member_key (group->members[i]) != key || is_later (group->members[i], revision))
                continue;
            if (group->members[i]->listed) {
                godwit__resolve_refused (group->members[i]);
                continue;
            }
            godwit__member_drains (group->members[i]);
            if (gone)
                godwit__directory_remove (group, i);
        }
    }
    godwit__transport_changed (transport);
    godwit__transport_unlock (transport);
}

static void
members_lost (godwit__peer_t *peer)
{
    for (godwit__group_t *group = GODWIT__GROUPS_FIRST (peer->transport->directory); group;
         group = GODWIT__GROUPS_NEXT (peer->transport->directory, group)) {
        for (size_t i = group->count; i-- > 0;) {
            godwit__member_t *member = group->members[i];
            if (member->peer != peer)
                continue;
            if (member->listed || peer->transport->realm) {
                member->resolution = GODWIT__RESOLUTION_UNKNOWN;
                member->query_number = 0;
            }
            if (godwit__suspect_is_over (member))
                godwit__directory_remove (group, i);
            else if (member->is_suspect) /* connect again, to find out whether it lives */
                godwit__peer_want (peer);
        }
    }
}

static void
members_ready (godwit__peer_t *peer)
{
    const int64_t now_ns = godwit__transport_now (peer->transport);
    for (godwit__group_t *group = GODWIT__GROUPS_FIRST (peer->transport->directory); group;
         group = GODWIT__GROUPS_NEXT (peer->transport->directory, group)) {
        for (size_t i = 0; i < group->count; i++) {
            godwit__member_t *member = group->members[i];
            if (member->peer != peer || !member->draining_unconfirmed)
                continue;
            godwit__member_set_draining (member, false);
            member->draining_unconfirmed = false;
        }
        if (group->spread.settles)
            godwit__spread_look (group, now_ns);
    }
}

static void
members_drain (godwit__peer_t *peer, uint32_t server_id, uint32_t revision)
{
    for (godwit__group_t *group = GODWIT__GROUPS_FIRST (peer->transport->directory); group;
         group = GODWIT__GROUPS_NEXT (peer->transport->directory, group)) {
        for (size_t i = group->count; i-- > 0;) {
            godwit__member_t *member = group->members[i];
            if (member->peer != peer || (server_id && member->record->server_id != server_id) ||
                is_later (member, revision))
                continue;
            if (member->listed) {
                godwit__resolve_refused (member);
                continue;
            }
            godwit__member_drains (member);
            if (member->is_suspect)
                godwit__directory_remove (group, i);
        }
    }
}

/* ---- what connections tell ---- */

static void
on_ready (godwit__connection_t *connection)
{
    godwit_transport_t *transport = connection->transport;
    godwit__resolve_query_t *queries = NULL;
    pthread_mutex_lock (&transport->lock);
    godwit__peer_t *peer = connection->owner;
    if (peer && peer->connection == connection) {
        godwit__peer_set_ready (peer);
        members_ready (peer);
        queries = godwit__resolve_ready (peer);
        godwit__transport_changed (transport);
    }
    godwit__transport_unlock (transport);
    godwit__resolve_send (queries);
}

static void
on_lost (godwit__connection_t *connection, const char *reason)
{
    godwit_transport_t *transport = connection->transport;
    char address[GODWIT__ADDRESS_SIZE] = "";
    pthread_mutex_lock (&transport->lock);
    godwit__peer_t *peer = connection->owner;
    const bool is_current = peer && peer->connection == connection;
    if (is_current)
        snprintf (address, sizeof address, "%s", godwit__record_address (peer->record));
    const bool was_ready = is_current && godwit__peer_set_lost (peer, reason);
    godwit__ended_connections_add (&transport->directory->ended, connection, reason);
    if (was_ready) {
        members_lost (peer);
        godwit__transport_changed (transport);
    }
    godwit__transport_unlock (transport);
    if (!is_current)
        return;
    /* Attempts that fail are usual: one of the addresses does it. */
    const godwit_log_level_t level = was_ready ? GODWIT_LOG_INFO : GODWIT_LOG_DEBUG;
    if (godwit__logs (transport, level))
        godwit__log (transport, level, "%s the process at %s %s: %s",
                     was_ready ? "The connection to" : "An attempt to connect to", address,
                     was_ready ? "ended" : "failed", reason);
    godwit__connection_unref (&connection);
}

static void
on_goodbye (godwit__connection_t *connection, uint32_t server_id, uint32_t revision)
{
    godwit_transport_t *transport = connection->transport;
    pthread_mutex_lock (&transport->lock);
    if (connection->owner) {
        members_drain (connection->owner, server_id, revision);
        godwit__transport_changed (transport);
    }
    godwit__transport_unlock (transport);
}

static void
on_voided (godwit__connection_t *connection, const char *reason)
{
    godwit_transport_t *transport = connection->transport;
    pthread_mutex_lock (&transport->lock);
    if (connection->owner) {
        godwit__resolve_voided (connection->owner);
        godwit__transport_changed (transport);
    }
    godwit__transport_unlock (transport);
    if (godwit__logs (transport, GODWIT_LOG_WARNING))
        godwit__log (transport, GODWIT_LOG_WARNING, "The servers at %s are not called any more: %s",
                     connection->address, reason);
}

static void
on_renewed (godwit__connection_t *connection)
{
    godwit_transport_t *transport = connection->transport;
    godwit__party_t *party = godwit__connection_party (connection);
    pthread_mutex_lock (&transport->lock);
    if (connection->owner && party) {
        godwit__resolve_renewed (connection->owner, party);
        godwit__transport_changed (transport);
    }
    godwit__transport_unlock (transport);
    godwit__party_unref (&party);
}

const godwit__peer_hooks_t godwit__observed_hooks = {
    .connection = {.ready = on_ready,
                   .lost = on_lost,
                   .goodbye = on_goodbye,
                   .voided = on_voided,
                   .renewed = on_renewed},
    .unreachable = members_lost,
};
