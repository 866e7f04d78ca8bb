/* SPDX-License-Identifier: Apache-2.0 */
/* Announces a server, warns of duplicate names, and answers RESOLVE. */
#include "src/server/announce.h"

#include "src/base/hash.h"
#include "src/discovery/directory.h"
#include "src/error/error.h"
#include "src/runtime/warnings.h"
#include "src/server/port_send.h"
#include "src/server/server_table.h"
#include "src/wire/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With the lock: a new revision of the server's record, which is kept for clients that ask (RESOLVE). The
 * caller's. NULL when memory is short. */
static godwit__record_t *
new_record (godwit_server_t *server, godwit__record_state_t state)
{
    const godwit_transport_t *const transport = server->transport;
    const godwit__pool_t *const pool = server->pool;
    godwit__record_t fields = {.incarnation = transport->incarnation,
                               .server_id = server->id,
                               .revision = ++server->revision,
                               .state = state,
                               .weight = server->weight,
                               .exchange = godwit__server_exchange (server),
                               .topic = server->target.topic,
                               .server = server->target.server,
                               .fanout_address = "",
                               .host = transport->host_id,
                               .versions = godwit__dispatch_versions (server->dispatch)};
    memcpy (fields.instance, transport->instance, sizeof fields.instance);
    for (size_t i = 0; i < pool->port_count; i++) {
        const godwit__port_addresses_t *const addresses = &pool->ports[i].addresses;
        for (size_t j = 0; j < addresses->link_count && fields.address_count < GODWIT__RECORD_ADDRESS_MAX;
             j++)
            fields.addresses[fields.address_count++] = addresses->links[j];
        /* The last port reaches the furthest: one publisher address for everybody. */
        if (addresses->fanout[0])
            fields.fanout_address = addresses->fanout;
    }
    godwit__record_t *record = godwit__record_new (&fields);
    if (!record)
        return NULL;
    godwit__record_unref (&server->record);
    server->record = godwit__record_ref (record);
    return record;
}

godwit_status_t
godwit__server_announce (godwit_server_t *server, godwit__record_state_t state, godwit_error_t **error)
{
    godwit_transport_t *const transport = server->transport;
    godwit__pool_lock (server->pool);
    godwit__record_t *record = new_record (server, state);
    godwit__pool_unlock (server->pool);
    if (!record)
        return godwit__error_no_memory (error);
    const godwit_status_t status =
        transport->matchmaker->ops->announce (transport->matchmaker, record, error);
    godwit__record_unref (&record);
    return status;
}

/* With the lock: the next server in the table that takes requests; NULL: none. */
static godwit_server_t *
next_up (const godwit__pool_t *pool, godwit_server_t *server)
{
    server = server ? godwit__server_table_next (&pool->servers, server)
                    : godwit__server_table_first (&pool->servers);
    while (server && !(server->accepts && !server->stops && server->record))
        server = godwit__server_table_next (&pool->servers, server);
    return server;
}

/* The servers may end as soon as the lock is released: only their records are used then. */
void
godwit__pool_announce (godwit__pool_t *pool)
{
    godwit__matchmaker_t *const matchmaker = pool->transport->matchmaker;
    size_t count = 0, made = 0;
    godwit__pool_lock (pool);
    for (godwit_server_t *at = next_up (pool, NULL); at; at = next_up (pool, at))
        count++;
    godwit__record_t **records = calloc (count ? count : 1, sizeof (godwit__record_t *));
    for (godwit_server_t *at = next_up (pool, NULL); records && at; at = next_up (pool, at)) {
        records[made] = new_record (at, GODWIT__RECORD_UP);
        made += records[made] != NULL;
    }
    godwit__pool_unlock (pool);
    for (size_t i = 0; i < made; i++) {
        matchmaker->ops->announce (matchmaker, records[i], NULL);
        godwit__record_unref (&records[i]);
    }
    free (records);
}

/* ---- two of one name (contract 5) ---- */

enum { KEY_DUPLICATE = 0x64 };

static void
warn_of_duplicate (const godwit_transport_t *transport, const char *exchange, const char *topic,
                   const char *server, const char *where)
{
    const uint64_t key =
        godwit__hash_text (godwit__hash_text (godwit__hash_text (KEY_DUPLICATE, topic), server), where);
    godwit__warn (
        transport, key,
        "two servers of exchange %.64s and topic %.64s have the same name %.64s, the other one %.200s: "
        "they compete for requests",
        exchange, topic, server, where);
}

/* With pool.lock: true if a server other than `but` has these names. */
static bool
is_served (const godwit__pool_t *pool, const char *exchange, const char *topic, const char *name,
           const godwit_server_t *but)
{
    const godwit_server_t *server;
    for (server = godwit__server_table_first (&pool->servers); server;
         server = godwit__server_table_next (&pool->servers, server))
        if (server != but && server->accepts && strcmp (godwit__server_exchange (server), exchange) == 0 &&
            strcmp (server->target.topic, topic) == 0 && strcmp (server->target.server, name) == 0)
            return true;
    return false;
}

void
godwit__server_warn_duplicates (const godwit_server_t *server)
{
    godwit_transport_t *const transport = server->transport;
    const char *const exchange = godwit__server_exchange (server);
    const char *const topic = server->target.topic;
    const char *const name = server->target.server;
    char at[GODWIT__ADDRESS_SIZE + 8];
    godwit__pool_lock (server->pool);
    const bool is_here = is_served (server->pool, exchange, topic, name, server);
    godwit__pool_unlock (server->pool);
    if (is_here)
        warn_of_duplicate (transport, exchange, topic, name, "on the same transport");
    else if (godwit__directory_has_duplicate (transport, exchange, topic, name, at, sizeof at))
        warn_of_duplicate (transport, exchange, topic, name, at);
}

void
godwit__server_warn_duplicate (godwit_transport_t *transport, const godwit__record_t *record)
{
    godwit__pool_t *const pool = transport->pool;
    if (!pool)
        return;
    godwit__pool_lock (pool);
    const bool is_here = is_served (pool, record->exchange, record->topic, record->server, NULL);
    godwit__pool_unlock (pool);
    if (!is_here)
        return;
    char at[GODWIT__ADDRESS_SIZE + 8];
    snprintf (at, sizeof at, "at %s", godwit__record_address (record));
    warn_of_duplicate (transport, record->exchange, record->topic, record->server, at);
}

/* ---- who asks by name ---- */

static bool
has_names (const godwit_server_t *server, const godwit__names_t *names)
{
    return server->record && strcmp (server->record->exchange, names->exchange) == 0 &&
           strcmp (server->record->topic, names->topic) == 0 &&
           strcmp (server->record->server, names->server) == 0;
}

/* With the lock: the server that is asked about, also one that drains; or, without a number, the first of
 * these names that takes requests. NULL: there is none. */
static const godwit_server_t *
find_server (const godwit__pool_t *pool, uint32_t id, const godwit__names_t *names)
{
    const godwit_server_t *server =
        id ? godwit__server_table_find (&pool->servers, id) : godwit__server_table_first (&pool->servers);
    if (id)
        return server && has_names (server, names) && server->record->server_id == id ? server : NULL;
    while (server &&
           !(server->accepts && has_names (server, names) && server->record->state == GODWIT__RECORD_UP))
        server = godwit__server_table_next (&pool->servers, server);
    return server;
}

/* A reference to its record; NULL: there is none. */
static godwit__record_t *
find (godwit__pool_t *pool, uint32_t id, const godwit__names_t *names)
{
    godwit__pool_lock (pool);
    const godwit_server_t *const server = find_server (pool, id, names);
    godwit__record_t *const found = server ? godwit__record_ref (server->record) : NULL;
    godwit__pool_unlock (pool);
    return found;
}

bool
godwit__server_resolve (godwit__port_t *port, godwit__routing_id_t routing_id, const godwit__header_t *header,
                        godwit__frame_t *frame)
{
    godwit__names_t names;
    const godwit_status_t status = godwit__resolve_read (&names, frame, NULL);
    if (status)
        return status == GODWIT_ERR_OUT_OF_MEMORY; /* the client will try again */
    godwit__record_t *record = find (port->pool, header->target, &names);
    uint8_t *data = NULL;
    const size_t size = record ? godwit__resolved_write (&data, header->id, record) : 0;
    if (size)
        godwit__port_send (port, routing_id, data, size, true);
    else
        godwit__port_send_header (port, routing_id, GODWIT__NACK, 0, header->id, GODWIT__NACK_NOT_HERE);
    godwit__record_unref (&record);
    return true;
}
