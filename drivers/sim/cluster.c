/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster: nodes, virtual time, and the faults that a test asks for. */
#include "drivers/sim/sim.h"

#include "src/error/error.h"
#include "src/error/struct_size.h"
#include "src/runtime/control.h"
#include "src/runtime/environment.h"
#include "src/runtime/transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The date at which every cluster begins: 2026-01-01, in seconds of Unix's clock. */
#define EPOCH_S 1767225600

/* How many nodes host a rendezvous. */
#define HOST_COUNT 3

/* ---- life ---- */

godwit_status_t
godwit_cluster_new (godwit_cluster_t **cluster, uint64_t seed, godwit_error_t **error)
{
    if (!cluster)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "cluster: expected a pointer, got NULL");
    godwit_cluster_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    godwit__list_init (&self->connections);
    self->chance = seed;
    self->now_ns = 1000 * GODWIT__NS_PER_MS; /* 0 is "never" to some */
    *cluster = self;
    return GODWIT_OK;
}

void
godwit_cluster_destroy (godwit_cluster_t **cluster)
{
    if (!cluster || !*cluster)
        return;
    godwit_cluster_t *self = *cluster;
    *cluster = NULL;
    godwit__sim_free_cuts (self);
    for (godwit__sim_node_t *node = self->nodes; node; node = node->next)
        node->paused_ns = 0;
    godwit__sim_release_held (self);
    for (godwit__sim_event_t *event; (event = godwit__sim_next (self, GODWIT__NEVER));)
        godwit__sim_event_free (self, event);
    while (self->unused) {
        godwit__sim_event_t *event = self->unused;
        self->unused = event->next;
        free (event);
    }
    godwit__sim_free_plans (self);
    while (self->nodes) {
        godwit__sim_node_t *node = self->nodes;
        self->nodes = node->next;
        free (node->fds);
        free (node);
    }
    free (self->names);
    free (self->due);
    free (self->slots);
    free (self->slot_uses);
    free (self->free_slots);
    free (self->heap);
    free (self->rules);
    free (self->cuts);
    free (self);
}

bool
godwit__sim_is_name (const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    const size_t size = name ? strlen (name) : 0;
    return size > 0 && size <= GODWIT__SIM_NAME_MAX && strspn (name, allowed) == size;
}

unsigned
godwit__sim_name (godwit_cluster_t *cluster, const char *name)
{
    for (size_t i = 0; i < cluster->name_count; i++)
        if (strcmp (cluster->names[i], name) == 0)
            return (unsigned) i + 1;
    char (*names)[GODWIT__SIM_NAME_MAX + 1] =
        realloc (cluster->names, (cluster->name_count + 1) * sizeof *names);
    if (!names || !godwit__sim_is_name (name)) {
        cluster->names = names ? names : cluster->names;
        return 0;
    }
    cluster->names = names;
    memcpy (names[cluster->name_count], name, strlen (name) + 1);
    return (unsigned) ++cluster->name_count;
}

godwit__sim_node_t *
godwit__sim_find_live (const godwit_cluster_t *cluster, const char *name)
{
    for (godwit__sim_node_t *node = cluster->nodes; node; node = node->next)
        if (strcmp (node->name, name) == 0 && !node->is_dead && node->reactor)
            return node;
    return NULL;
}

static int64_t
node_now_ns (void *user)
{
    return ((const godwit__sim_node_t *) user)->cluster->now_ns;
}

int64_t
godwit__sim_now_s (const godwit_cluster_t *cluster)
{
    return EPOCH_S + cluster->now_ns / (1000 * GODWIT__NS_PER_MS);
}

static int64_t
node_now_s (void *user)
{
    return godwit__sim_now_s (((const godwit__sim_node_t *) user)->cluster);
}

static void
node_random (void *user, void *bytes, size_t size)
{
    godwit__sim_node_t *node = user;
    for (unsigned char *at = bytes; size > 0; at++, size--)
        *at = (unsigned char) godwit__sim_random (node->cluster);
}

/* Nodes come and go under their names; the rendezvous points are at the first three names. In a realm only
 * they may ask to host: others need not have the right. */
static void
make_url (const godwit_cluster_t *cluster, const char *name, bool has_realm, char *url, size_t size)
{
    const char *hosts[HOST_COUNT];
    size_t count = 0;
    bool hosts_one = !has_realm;
    for (const godwit__sim_node_t *node = cluster->nodes; node && count < HOST_COUNT; node = node->next) {
        bool is_new = !node->is_failed;
        for (size_t i = 0; i < count; i++)
            is_new = is_new && strcmp (hosts[i], node->name) != 0;
        if (is_new)
            hosts[count++] = node->name;
    }
    if (count == 0)
        hosts[count++] = name;
    int used = snprintf (url, size, "sim://");
    for (size_t i = 0; i < count; i++) {
        used += snprintf (url + used, size - (size_t) used, "%s%s", i ? "," : "", hosts[i]);
        hosts_one |= strcmp (hosts[i], name) == 0;
    }
    snprintf (url + used, size - (size_t) used, "/?host_rendezvous=%s", hosts_one ? "true" : "false");
}

static void
add_last (godwit_cluster_t *cluster, godwit__sim_node_t *node)
{
    godwit__sim_node_t **end = &cluster->nodes;
    while (*end)
        end = &(*end)->next;
    *end = node;
}

godwit_status_t
godwit__sim_add_node (godwit__sim_node_t **node, godwit_cluster_t *cluster, const char *name,
                      godwit_error_t **error)
{
    godwit__sim_node_t *made = calloc (1, sizeof *made);
    if (!made)
        return godwit__error_no_memory (error);
    made->cluster = cluster;
    made->name_id = godwit__sim_name (cluster, name);
    if (!made->name_id) {
        free (made);
        return godwit__error_no_memory (error);
    }
    made->clock = (godwit__clock_t){node_now_ns, made, &godwit__sim_waiter};
    memcpy (made->name, name, strlen (name) + 1);
    add_last (cluster, made);
    *node = made;
    return GODWIT_OK;
}

void
godwit__sim_give_reactor (godwit__sim_node_t *node, godwit__reactor_t *reactor, godwit_transport_t *transport)
{
    node->reactor = reactor;
    node->transport = transport;
    node->is_dirty = true;
    godwit__sim_touch (node);
}

godwit_status_t
godwit_cluster_add (godwit_transport_t **transport, godwit_cluster_t *cluster, const char *name,
                    const godwit_transport_options_t *options_p, godwit_error_t **error)
{
    godwit_transport_options_t options;
    if (!transport || !cluster)
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: expected a pointer, got NULL",
                                  transport ? "cluster" : "transport");
    if (!godwit__sim_is_name (name))
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT,
                                  "node: expected up to %d letters, digits, '-' and '.', got \"%.80s\"",
                                  GODWIT__SIM_NAME_MAX, name ? name : "");
    if (godwit__sim_find_live (cluster, name))
        return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "node: \"%s\" is there already", name);
    godwit__sim_node_t *node = NULL;
    godwit_status_t status =
        godwit__struct_read (&godwit__struct_transport_options, &options, options_p, error);
    if (status == GODWIT_OK)
        status = godwit__sim_add_node (&node, cluster, name, error);
    if (status)
        return status;
    options.external_loop = true;
    const godwit__environment_t environment = {
        .clock = node->clock,
        .random = node_random,
        .random_user = node,
        .now_s = node_now_s,
        .now_s_user = node,
        .incarnation = ++cluster->incarnations,
        .host_id = "simulated",
        .driver = &godwit__sim_driver,
        .driver_user = node,
    };
    char url[(HOST_COUNT + 1) * (GODWIT__SIM_NAME_MAX + 1) + 64];
    make_url (cluster, name, options.realm != NULL, url, sizeof url);
    godwit_transport_t *made = NULL;
    status = godwit__transport_new_in (&made, url, &options, &environment, error);
    if (status) {
        node->is_failed = true; /* events under way may still refer to the node */
        return status;
    }
    godwit__sim_give_reactor (node, made->control, made);
    godwit__sim_say (cluster, "added %s", name);
    *transport = made;
    return GODWIT_OK;
}

/* ---- what a test asks for ---- */

int64_t
godwit_cluster_now_ms (const godwit_cluster_t *cluster)
{
    return cluster->now_ns / GODWIT__NS_PER_MS - 1000;
}

uint64_t
godwit_cluster_random (godwit_cluster_t *cluster, uint64_t limit)
{
    return godwit__sim_random (cluster) % limit;
}

godwit_status_t
godwit_cluster_at (godwit_cluster_t *cluster, int64_t ms, void (*fn) (void *user), void *user,
                   godwit_error_t **error)
{
    if (!cluster || !fn)
        return godwit__error_null (error, cluster ? "fn" : "cluster");
    const int64_t at_ns = cluster->now_ns + godwit__ns_of_ms (ms > 0 ? ms : 0);
    return godwit__sim_call_at (cluster, at_ns, fn, user) ? GODWIT_OK : godwit__error_no_memory (error);
}
