/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: their numbers, the channels at their ends, and who is at an address. */
#include "drivers/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#define SLOT_BITS 24

/* Gives the connection a number, under which its port finds it. */
static bool
take_slot (godwit__sim_connection_t *connection)
{
    godwit_cluster_t *cluster = connection->cluster;
    if (cluster->free_slot_count == 0) {
        const size_t before = cluster->slot_count, count = before ? 2 * before : 64;
        godwit__sim_connection_t **slots =
            realloc (cluster->slots, count * sizeof (godwit__sim_connection_t *));
        if (slots)
            cluster->slots = slots;
        uint32_t *uses = realloc (cluster->slot_uses, count * sizeof *uses);
        if (uses)
            cluster->slot_uses = uses;
        uint32_t *unused = realloc (cluster->free_slots, count * sizeof *unused);
        if (unused)
            cluster->free_slots = unused;
        if (!slots || !uses || !unused || count > (size_t) 1 << SLOT_BITS)
            return false;
        cluster->slot_count = count;
        for (size_t i = count; i-- > before;) {
            slots[i] = NULL;
            uses[i] = 0;
            unused[cluster->free_slot_count++] = (uint32_t) i;
        }
    }
    const uint32_t slot = cluster->free_slots[--cluster->free_slot_count];
    cluster->slots[slot] = connection;
    connection->routing_id = (godwit__routing_id_t) ++cluster->slot_uses[slot] << SLOT_BITS | slot;
    return true;
}

static void
give_slot_back (const godwit__sim_connection_t *connection)
{
    godwit_cluster_t *cluster = connection->cluster;
    const uint32_t slot = connection->routing_id & ((1u << SLOT_BITS) - 1);
    cluster->slots[slot] = NULL;
    cluster->free_slots[cluster->free_slot_count++] = slot;
}

godwit__sim_connection_t *
godwit__sim_by_routing_id (const godwit_cluster_t *cluster, godwit__routing_id_t routing_id)
{
    const size_t slot = routing_id & ((1u << SLOT_BITS) - 1);
    godwit__sim_connection_t *found = slot < cluster->slot_count ? cluster->slots[slot] : NULL;
    return found && found->routing_id == routing_id ? found : NULL;
}

/* "sim://node:port" */
godwit__sim_node_t *
godwit__sim_node_of (const godwit_cluster_t *cluster, const char *address)
{
    const char *name = address + strlen (GODWIT__SIM_SCHEME);
    const size_t size = strcspn (name, ":");
    godwit__sim_node_t *found = NULL; /* the last node of this name: older ones are dead */
    for (godwit__sim_node_t *node = cluster->nodes; node; node = node->next)
        if (strlen (node->name) == size && memcmp (node->name, name, size) == 0)
            found = node;
    return found;
}

godwit__sim_channel_t *
godwit__sim_find_port (const godwit_cluster_t *cluster, const char *address)
{
    for (godwit__sim_node_t *node = cluster->nodes; node; node = node->next)
        for (godwit__sim_channel_t *port = node->ports; port; port = port->next)
            if (!node->is_dead && strcmp (port->address, address) == 0)
                return port;
    return NULL;
}

void
godwit__sim_set_port (godwit__sim_connection_t *connection, godwit__sim_channel_t *port)
{
    godwit__sim_channel_t *const before = connection->port;
    if (before)
        godwit__list_remove (&connection->at_port);
    if (before && before->lost && !before->node->is_dead)
        godwit__reactor_post (before->node->options.reactor, before->lost);
    connection->port = port;
    if (port)
        godwit__list_append (&port->connections, &connection->at_port);
}

void
godwit__sim_leave_client (godwit__sim_connection_t *connection)
{
    if (connection->client && connection->client->kind == GODWIT__SIM_PUBLISHER)
        godwit__list_remove (&connection->at_client);
    connection->client = NULL;
}

godwit__sim_connection_t *
godwit__sim_connection_new (godwit__sim_channel_t *client, const char *address)
{
    godwit_cluster_t *cluster = client->node->cluster;
    godwit__sim_connection_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->refs = 1;
    self->attempt = 1;
    self->cluster = cluster;
    self->client_node = client->node;
    self->client = client;
    self->port_node = godwit__sim_node_of (cluster, address);
    if (!take_slot (self)) {
        free (self);
        return NULL;
    }
    if (client->kind == GODWIT__SIM_PUBLISHER)
        godwit__list_append (&client->connections, &self->at_client);
    strncpy (self->address, address, sizeof self->address - 1);
    godwit__list_prepend (&cluster->connections, &self->in_cluster);
    return self;
}

void
godwit__sim_connection_unref (godwit__sim_connection_t *connection)
{
    if (--connection->refs)
        return;
    godwit__list_remove (&connection->in_cluster);
    give_slot_back (connection);
    godwit__sim_set_port (connection, NULL);
    godwit__party_unref (&connection->of_port.party);
    godwit__party_unref (&connection->of_client.party);
    free (connection->keys);
    free (connection);
}
